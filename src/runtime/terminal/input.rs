//! The input thread: waits for the terminal and hands on what was typed.
//!
//! The wait is ours, because crossterm spins when the terminal is gone (crossterm#793): hang-up ends the thread and is reported. It reads through
//! crossterm's source for `/dev/tty` (feature `use-dev-tty`): the usual one (0.29, `event/source/unix/mio.rs`) forgets keys that arrive together
//! with a change of size until the next key comes, while the terminal stays readable.

use std::time::Duration;

use crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long is looked for more of what the terminal sent. Not nothing: for nothing, crossterm does not look.
const LOOK: Duration = Duration::from_millis(1);

/// What the terminal sent.
#[derive(Debug)]
pub enum Input {
    /// A key or a paste.
    Event {
        /// Which.
        event: Event,
        /// For so long nothing could be read, and then this. Nothing at all for what was there together with what came before it, however late it was
        /// looked at: only a pause in which this thread really waited counts.
        quiet: Duration,
    },
    /// The terminal is gone.
    Gone,
}

/// Reads until the terminal is gone or nobody listens.
pub fn run(inputs: &mpsc::UnboundedSender<Input>) {
    let stdin = std::io::stdin();
    loop {
        let began = Instant::now();
        let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut watched, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => break,
        }
        let [watched] = watched;
        if watched.revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            break;
        }
        let mut quiet = began.elapsed();
        loop {
            match event::poll(LOOK) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    let _ = inputs.send(Input::Gone);
                    return;
                }
            }
            let Ok(event) = event::read() else {
                let _ = inputs.send(Input::Gone);
                return;
            };
            if inputs.send(Input::Event { event, quiet: std::mem::take(&mut quiet) }).is_err() {
                return;
            }
        }
    }
    let _ = inputs.send(Input::Gone);
}
