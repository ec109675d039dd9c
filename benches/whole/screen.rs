//! The cockpit in a pseudo terminal: every byte it writes is stamped as it arrives and read by an independent parser.

use std::fs;
use std::io::{self, Read as _, Write};
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

pub(crate) const COLUMNS: u16 = 200;
pub(crate) const ROWS: u16 = 50;

/// Nanoseconds of the monotonic clock, which is the same in all processes.
pub(crate) fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or_default() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default()
}

/// What arrived at the terminal.
struct Heard {
    parser: vt100::Parser,
    /// When, how many bytes, and whether they were the last of a frame as far as one can tell by now.
    chunks: Vec<(u64, usize)>,
    bytes: usize,
    /// The terminal reads nothing as long as this is set.
    deaf: bool,
}

/// A running cockpit.
pub(crate) struct Cockpit {
    heard: Arc<(Mutex<Heard>, Condvar)>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
    /// When it was started.
    pub(crate) started: u64,
}

fn at_least_one(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap_or(NonZero::<u16>::MIN)
}

impl Cockpit {
    /// Starts the cockpit with a configuration. Nothing of the environment is handed on but `PATH` and what the allocator heeds.
    pub(crate) fn start(program: &str, config: &str, home: &str) -> io::Result<Self> {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).map_err(io::Error::other)?;
        let mut command = CommandBuilder::new(program);
        command.args(["--config", config]);
        command.env_clear();
        for (name, value) in std::env::vars().filter(|(name, _)| name == "PATH" || name.starts_with("MALLOC_") || name.starts_with("MIMALLOC_")) {
            command.env(name, value);
        }
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("HOME", home), ("XDG_STATE_HOME", home)] {
            command.env(name, value);
        }
        let mut reader = pty.master.try_clone_reader().map_err(io::Error::other)?;
        let keys = pty.master.take_writer().map_err(io::Error::other)?;
        let parser = vt100::Parser::new(at_least_one(ROWS), at_least_one(COLUMNS), 0);
        let heard = Arc::new((Mutex::new(Heard { parser, chunks: Vec::new(), bytes: 0, deaf: false }), Condvar::new()));
        let started = now();
        let child = pty.slave.spawn_command(command).map_err(io::Error::other)?;
        drop(pty.slave);
        let shared = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut bytes = vec![0; 65536];
            loop {
                {
                    let mut held = lock(&shared.0);
                    while held.deaf {
                        held = shared.1.wait(held).unwrap_or_else(PoisonError::into_inner);
                    }
                }
                let Ok(count @ 1..) = reader.read(&mut bytes) else { return };
                let at = now();
                let mut held = lock(&shared.0);
                held.chunks.push((at, count));
                held.bytes += count;
                held.parser.process(bytes.get(..count).unwrap_or_default());
                drop(held);
                shared.1.notify_all();
            }
        });
        Ok(Self { heard, keys, child, _master: pty.master, started })
    }

    fn held(&self) -> MutexGuard<'_, Heard> {
        lock(&self.heard.0)
    }

    /// Types. Answers when.
    pub(crate) fn key(&mut self, keys: &str) -> io::Result<u64> {
        let at = now();
        self.keys.write_all(keys.as_bytes())?;
        self.keys.flush()?;
        Ok(at)
    }

    /// Waits until the screen is as wanted. Answers when what made it so arrived.
    pub(crate) fn until(&self, what: &str, limit: Duration, wanted: impl Fn(&str) -> bool) -> io::Result<u64> {
        let start = Instant::now();
        let mut held = self.held();
        loop {
            let text = held.parser.screen().contents();
            if wanted(&text) {
                return Ok(held.chunks.last().map_or(self.started, |(at, _)| *at));
            }
            let Some(rest) = limit.checked_sub(start.elapsed()) else {
                return Err(io::Error::other(format!("not within {limit:?}: {what}\n{text}")));
            };
            held = self.heard.1.wait_timeout(held, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many bytes arrived until now.
    pub(crate) fn bytes(&self) -> usize {
        self.held().bytes
    }

    /// Waits until more than so many bytes have arrived.
    pub(crate) fn more_than(&self, bytes: usize, limit: Duration) -> io::Result<()> {
        let start = Instant::now();
        let mut held = self.held();
        while held.bytes <= bytes {
            let rest = limit.checked_sub(start.elapsed()).ok_or_else(|| io::Error::other("the terminal reads again, and nothing comes"))?;
            held = self.heard.1.wait_timeout(held, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Waits until nothing has arrived for so long, at most for `limit`.
    pub(crate) fn quiet(&self, quiet: Duration, limit: Duration) {
        let start = Instant::now();
        loop {
            let last = self.held().chunks.last().map_or(self.started, |(at, _)| *at);
            let silent = Duration::from_nanos(now().saturating_sub(last));
            if silent >= quiet || start.elapsed() > limit {
                return;
            }
            std::thread::sleep(quiet.checked_sub(silent).unwrap_or_default());
        }
    }

    /// The first frame after a moment: when its last byte arrived, and how many bytes it had. A pause of a millisecond ends it. Nothing where
    /// nothing came within the limit.
    pub(crate) fn frame_after(&self, moment: u64, limit: Duration) -> Option<(u64, usize)> {
        const PAUSE: u64 = 1_000_000;
        let start = Instant::now();
        loop {
            let mut frame: Option<(u64, usize)> = None;
            for (at, count) in self.held().chunks.iter().rev().take_while(|(at, _)| *at >= moment).collect::<Vec<_>>().into_iter().rev() {
                match &mut frame {
                    None => frame = Some((*at, *count)),
                    Some((last, bytes)) if at.saturating_sub(*last) < PAUSE => (*last, *bytes) = (*at, *bytes + count),
                    Some(_) => return frame,
                }
            }
            if frame.is_some_and(|(last, _)| now().saturating_sub(last) > PAUSE) || start.elapsed() > limit {
                return frame;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// All that came after a moment, until nothing came any more for 30 ms: when the last byte arrived, and how many there were.
    pub(crate) fn all_after(&self, moment: u64) -> Option<(u64, usize)> {
        self.quiet(Duration::from_millis(30), Duration::from_secs(2));
        let held = self.held();
        let after = held.chunks.iter().rev().take_while(|(at, _)| *at >= moment);
        after.fold(None, |sum: Option<(u64, usize)>, (at, count)| Some(sum.map_or((*at, *count), |(last, bytes)| (last.max(*at), bytes + count))))
    }

    /// Whether the terminal reads nothing.
    pub(crate) fn set_deaf(&self, deaf: bool) {
        self.held().deaf = deaf;
        self.heard.1.notify_all();
    }

    fn proc(&self, file: &str) -> io::Result<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.process_id().unwrap_or_default()))
    }

    /// A field of `/proc/PID/status`, in kB: `VmRSS`, `VmHWM`.
    pub(crate) fn memory(&self, field: &str) -> io::Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| io::Error::other(format!("no {field} in\n{status}")))
    }

    /// Seconds of processor time used until now, to the hundredth.
    pub(crate) fn cpu(&self) -> io::Result<f64> {
        let stat = self.proc("stat")?;
        let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
        Ok((ticks(11) + ticks(12)) / 100.0)
    }

    /// Calls of `write` until now.
    pub(crate) fn writes(&self) -> io::Result<u64> {
        let io = self.proc("io")?;
        Ok(io.lines().find_map(|line| line.strip_prefix("syscw: ")?.parse().ok()).unwrap_or_default())
    }
}

impl Drop for Cockpit {
    fn drop(&mut self) {
        self.set_deaf(false);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
