//! The program in a pseudo terminal, read back by an independent terminal parser.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a terminal that cannot be opened is a failed test")]

use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::wait::until;

/// The program under test: the one that was just built, or `TIPHYS_BIN`, so that figures can be taken of a release build.
pub(crate) fn program() -> String {
    std::env::var("TIPHYS_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_tiphys").to_owned())
}

fn at_least_one(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap_or(NonZero::<u16>::MIN)
}

/// A running program and its screen.
pub(crate) struct Screen {
    parser: Arc<Mutex<vt100::Parser>>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    child: Box<dyn Child + Send + Sync>,
}

impl Screen {
    /// Starts the program with these arguments and environment on a screen of this size. Nothing else of the environment is handed on but `PATH`.
    pub(crate) fn start(arguments: &[&str], environment: &[(String, String)], columns: u16, rows: u16) -> Self {
        let pty = native_pty_system().openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(program());
        command.args(arguments);
        command.env_clear();
        for (name, value) in [("PATH", std::env::var("PATH").unwrap()), ("TERM", "xterm-256color".into()), ("LANG", "C.UTF-8".into())] {
            command.env(name, value);
        }
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let parser = Arc::new(Mutex::new(vt100::Parser::new(at_least_one(rows), at_least_one(columns), 0)));
        let mut reader = pty.master.try_clone_reader().unwrap();
        let screen = Arc::clone(&parser);
        std::thread::spawn(move || {
            let mut bytes = vec![0; 65536];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                screen.lock().unwrap().process(bytes.get(..count).unwrap_or_default());
            }
        });
        let keys = pty.master.take_writer().unwrap();
        Self { parser, master: pty.master, keys, child }
    }

    /// What stands on the screen.
    pub(crate) fn text(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until some line of the screen satisfies `wanted`. Returns that line and how long it took.
    pub(crate) fn line(&self, what: &str, limit: Duration, wanted: impl Fn(&str) -> bool) -> (String, Duration) {
        let find = |text: &String| text.lines().find(|line| wanted(line)).map(str::to_owned);
        let (text, took) = until(what, limit, || self.text(), |text| find(text).is_some());
        (find(&text).unwrap_or_default(), took)
    }

    /// Waits for the program to end. Returns its exit code.
    pub(crate) fn ended(&mut self, limit: Duration) -> u32 {
        let (status, _) = until("the program ends", limit, || self.child.try_wait().unwrap(), Option::is_some);
        status.map_or(u32::MAX, |status| status.exit_code())
    }

    /// Whether the terminal is as it was before: the first screen, cursor shown, no bracketed paste.
    pub(crate) fn is_restored(&self) -> bool {
        let parser = self.parser.lock().unwrap();
        let screen = parser.screen();
        !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
    }

    /// Changes the size of the terminal.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.parser.lock().unwrap().screen_mut().set_size(at_least_one(rows), at_least_one(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// The program's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap_or_default()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
