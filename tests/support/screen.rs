//! The program in a pseudo terminal, read back by an independent terminal parser.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a terminal that cannot be opened is a failed test, and real processes take real time"
)]

use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::grammar::Grammar;
use super::wait::until;

/// The program under test: the one that was just built, or `TIPHYS_BIN`, so that figures can be taken of a release build.
pub(crate) fn program() -> String {
    std::env::var("TIPHYS_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_tiphys").to_owned())
}

fn at_least_one(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap_or(NonZero::<u16>::MIN)
}

/// What the terminal does with what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    On,
    Paused,
    Over,
}

/// A piece of what came or was typed, and when.
type Piece = (Instant, Vec<u8>);

/// How the program is started, and over what it is seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Over {
    /// So long every byte is under way, in each direction.
    pub(crate) delay: Duration,
    /// Another program may write as well while the first screen is shown.
    pub(crate) is_shell: bool,
    /// Something else paints, and is not judged.
    pub(crate) is_painted_by_another: bool,
}

/// A running program and its screen. What it sends is judged by [`Grammar`], and dropped it fails for what was not in order.
pub(crate) struct Screen {
    parser: Arc<Mutex<vt100::Parser>>,
    grammar: Arc<Mutex<Grammar>>,
    reading: Arc<(Mutex<Reading>, Condvar)>,
    reader: JoinHandle<()>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Sender<Piece>>,
    /// What arrived: when, and how many bytes in one piece.
    arrived: Arc<Mutex<Vec<(Instant, usize)>>>,
    is_judged: bool,
    child: Box<dyn Child + Send + Sync>,
}

impl Over {
    /// A terminal beside the program, with nothing in between.
    pub(crate) const NEAR: Self = Self { delay: Duration::ZERO, is_shell: false, is_painted_by_another: false };
}

impl Screen {
    /// Starts the program with these arguments and environment on a screen of this size. Nothing else of the environment is handed on but `PATH`.
    pub(crate) fn start(arguments: &[&str], environment: &[(String, String)], columns: u16, rows: u16) -> Self {
        Self::of(&program(), arguments, environment, (columns, rows), Over::NEAR)
    }

    /// Starts a shell with job control, in which the program can be stopped and continued. Its prompt is `ready>`.
    pub(crate) fn shell(environment: &[(String, String)], columns: u16, rows: u16) -> Self {
        Self::far_shell(environment, (columns, rows), Duration::ZERO)
    }

    /// The same, where every byte is under way for so long.
    pub(crate) fn far_shell(environment: &[(String, String)], size: (u16, u16), delay: Duration) -> Self {
        let prompt = ("PS1".to_owned(), "ready> ".to_owned());
        let environment: Vec<(String, String)> = environment.iter().cloned().chain([prompt]).collect();
        Self::of("sh", &["-i"], &environment, size, Over { is_shell: true, delay, ..Over::NEAR })
    }

    /// Starts any program, seen from elsewhere.
    pub(crate) fn of(program: &str, arguments: &[&str], environment: &[(String, String)], (columns, rows): (u16, u16), over: Over) -> Self {
        let pty = native_pty_system().openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(program);
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
        let mut source = pty.master.try_clone_reader().unwrap();
        let grammar = Arc::new(Mutex::new(Grammar::new(columns, over.is_shell)));
        let reading = Arc::new((Mutex::new(Reading::On), Condvar::new()));
        let (screen, judge, wish) = (Arc::clone(&parser), Arc::clone(&grammar), Arc::clone(&reading));
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let arrivals = Arc::clone(&arrived);
        let (far, near) = channel::<Piece>();
        let reader = std::thread::spawn(move || {
            let mut carried = Vec::new();
            for (sent, bytes) in near {
                pass(sent, over.delay);
                if !over.is_painted_by_another {
                    judge.lock().unwrap().feed(&bytes);
                }
                screen.lock().unwrap().process(&with_marks(&mut carried, &bytes));
                arrivals.lock().unwrap().push((Instant::now(), bytes.len()));
            }
        });
        std::thread::spawn(move || {
            let mut bytes = vec![0; 65536];
            while let Ok(count @ 1..) = source.read(&mut bytes) {
                if far.send((Instant::now(), bytes.get(..count).unwrap_or_default().to_vec())).is_err() {
                    break;
                }
                let wish = wish.1.wait_while(wish.0.lock().unwrap(), |reading| *reading == Reading::Paused).unwrap();
                if *wish == Reading::Over {
                    break;
                }
            }
        });
        let mut writer = pty.master.take_writer().unwrap();
        let (keys, typed) = channel::<Piece>();
        std::thread::spawn(move || {
            for (sent, bytes) in typed {
                pass(sent, over.delay);
                if writer.write_all(&bytes).and_then(|()| writer.flush()).is_err() {
                    break;
                }
            }
        });
        let is_judged = !over.is_painted_by_another;
        Self { parser, grammar, reading, reader, master: Some(pty.master), keys: Some(keys), arrived, is_judged, child }
    }

    /// What stands on the screen.
    pub(crate) fn text(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    /// What the terminal parser holds, for whoever wants more than its text.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.parser.lock().unwrap().screen())
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keys.as_ref().unwrap().send((Instant::now(), keys.as_bytes().to_vec())).unwrap();
    }

    /// What arrived since a moment, piece by piece: when, and how many bytes.
    pub(crate) fn arrived_since(&self, moment: Instant) -> Vec<(Instant, usize)> {
        self.arrived.lock().unwrap().iter().filter(|(at, _)| *at >= moment).copied().collect()
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
        // Its last bytes may still be on their way; a terminal that does not read gets none.
        if *self.reading.0.lock().unwrap() == Reading::On {
            until("its last bytes are read", limit, || self.reader.is_finished(), |finished| *finished);
        }
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
        self.grammar.lock().unwrap().widen(columns);
        self.master.as_ref().unwrap().resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    fn read_on(&self, reading: Reading) {
        *self.reading.0.lock().unwrap() = reading;
        self.reading.1.notify_all();
    }

    /// The terminal stops reading, but for what comes first from now on; or goes on.
    pub(crate) fn pause(&self, is_paused: bool) {
        self.read_on(if is_paused { Reading::Paused } else { Reading::On });
    }

    /// The terminal is closed while the program runs. Takes the next output of the program: a reader that waits holds the terminal open.
    pub(crate) fn close(&mut self) {
        self.read_on(Reading::Over);
        let (judged, (rows, columns)) = (self.judged(), self.size());
        self.resize(columns + 1, rows);
        until("the last output", Duration::from_secs(5), || self.judged(), |now| *now > judged);
        self.keys = None;
        self.master = None;
    }

    /// Rows and columns.
    fn size(&self) -> (u16, u16) {
        let (rows, columns) = self.parser.lock().unwrap().screen().size();
        (rows.get(), columns.get())
    }

    /// How many bytes the program has sent.
    pub(crate) fn judged(&self) -> usize {
        self.grammar.lock().unwrap().bytes()
    }

    /// When something arrived last.
    pub(crate) fn last_arrival(&self) -> Option<Instant> {
        self.arrived.lock().unwrap().last().map(|(at, _)| *at)
    }

    /// The addresses that hyperlinks led to until now.
    pub(crate) fn links(&self) -> Vec<String> {
        self.grammar.lock().unwrap().links.iter().cloned().collect()
    }

    /// What the program sent that it must not send.
    pub(crate) fn offence(&self) -> Option<String> {
        self.grammar.lock().unwrap().offence.clone()
    }

    /// Whether any cell shows in another style than the usual.
    pub(crate) fn is_styled(&self, what: impl Fn(&vt100::Cell) -> bool) -> bool {
        let (rows, columns) = self.size();
        let parser = self.parser.lock().unwrap();
        (0..rows).any(|row| (0..columns).any(|column| parser.screen().cell(row, column).is_some_and(&what)))
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
        if !std::thread::panicking()
            && self.is_judged
            && let Some(offence) = self.offence()
        {
            panic!("not in the grammar: {offence}");
        }
    }
}

/// Waits until what was sent then has arrived.
fn pass(sent: Instant, delay: Duration) {
    std::thread::sleep(delay.saturating_sub(sent.elapsed()));
}

/// The mark for what must not reach a terminal (U+FFFD), as [`Screen::text`] has it.
pub(crate) const MARK: char = '¿';

/// The terminal parser drops the mark, where terminals show it in one column: it is given another character for it. What may be the beginning of
/// one is carried over.
fn with_marks(carried: &mut Vec<u8>, bytes: &[u8]) -> Vec<u8> {
    let mut rest = std::mem::take(carried);
    rest.extend_from_slice(bytes);
    let split = rest.len()
        - if rest.ends_with(&[0xef]) {
            1
        } else if rest.ends_with(&[0xef, 0xbf]) {
            2
        } else {
            0
        };
    *carried = rest.split_off(split);
    let mut out = Vec::with_capacity(rest.len());
    let mut rest = rest.as_slice();
    while let Some((first, tail)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix("\u{fffd}".as_bytes()) {
            out.extend_from_slice(MARK.encode_utf8(&mut [0; 4]).as_bytes());
            rest = behind;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}
