//! The terminal: taken over, written to by one thread, read by another, and given back as it was.

pub mod asking;
pub mod input;
pub mod pen;
pub mod scroll;
pub mod sequences;
pub mod slot;
pub mod writer;

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr as _, bail};
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::style::{Colored, ResetColor};
use crossterm::terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::mpsc;

use crate::runtime::report;
use crate::ui::links::Links;
use input::Input;
use writer::{Frame, Wire};

/// How long a terminal that does not read may hold up the end of the program.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether a hyperlink may be open. Whoever gives the terminal back after a crash has nothing else left to ask.
static HAS_LINKS: AtomicBool = AtomicBool::new(false);

/// The terminal while the cockpit owns it.
#[derive(Debug)]
pub struct Terminal {
    wire: Arc<Wire>,
    writer: Option<JoinHandle<()>>,
    /// What was typed, and whether the terminal is still there.
    pub inputs: mpsc::UnboundedReceiver<Input>,
}

impl Terminal {
    /// Refuses where there is no terminal that could show the cockpit, with the words to use instead.
    pub fn check(instead: &str) -> Result<()> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            bail!("this is not a terminal. For text use: {instead}");
        }
        if std::env::var("TERM").is_ok_and(|term| term == "dumb") {
            bail!("TERM=dumb cannot show a screen. For text use: {instead}");
        }
        Ok(())
    }

    /// Takes the terminal over. Refused where there is none that could show the cockpit, with the words to use instead.
    ///
    /// `links`: hyperlinks are painted, so that one may be open when the end comes in the middle of a write.
    pub fn open(links: bool) -> Result<Self> {
        Self::check("tiphys status")?;
        HAS_LINKS.store(links, Ordering::Relaxed);
        // Otherwise crossterm reads NO_COLOR by itself and resets reverse video with every colour it leaves out. Colours are our theme's business.
        Colored::set_ansi_color_disabled(false);
        enter().wrap_err("cannot take the terminal over")?;
        let wire = Arc::new(Wire::default());
        let (sender, inputs) = mpsc::unbounded_channel();
        let writer = {
            let (wire, sender) = (Arc::clone(&wire), sender.clone());
            let mut terminal = own_handle()?;
            std::thread::Builder::new().name("writer".into()).spawn(move || {
                if writer::run(&wire, &mut terminal).is_err() {
                    let _ = sender.send(Input::Gone);
                }
            })?
        };
        std::thread::Builder::new().name("input".into()).spawn(move || input::run(&sender))?;
        Ok(Self { wire, writer: Some(writer), inputs })
    }

    /// Columns and rows.
    #[must_use]
    pub fn size() -> (u16, u16) {
        size().unwrap_or((80, 24))
    }

    /// A blank buffer of this size and room for links; those that were used before, where there are any.
    #[must_use]
    pub fn blank(&self, size: (u16, u16)) -> (Buffer, Links) {
        let area = Rect::new(0, 0, size.0, size.1);
        match self.wire.spare.try_take() {
            Some((mut buffer, links)) => {
                buffer.resize(area);
                buffer.reset();
                (buffer, links)
            }
            None => (Buffer::empty(area), Links::default()),
        }
    }

    /// Sends bytes behind the next frame: see [`sequences`].
    pub fn send_beside(&self, bytes: &[u8]) {
        self.wire.send_beside(bytes);
    }

    /// Sends a frame to the writer. `whole`: nothing on the screen can be relied on.
    pub fn show(&self, buffer: Buffer, links: Links, whole: bool) {
        let frame = Frame { buffer, links, whole };
        if let Some(missed) = self.wire.frames.put(frame) {
            // A frame that was to repaint everything and was overtaken leaves that duty to the next.
            if missed.whole
                && !whole
                && let Some(latest) = self.wire.frames.try_take()
            {
                self.wire.frames.put(Frame { whole: true, ..latest });
            }
            self.wire.spare.put((missed.buffer, missed.links));
        }
    }

    /// Gives the terminal back to the shell, stops this program, and takes the terminal over again when it is continued.
    ///
    /// All of the job is stopped, as Ctrl-Z does it for other programs: a `cargo run` or a script that waits for this one has to stop too, or the
    /// shell waits on. Where no shell could continue it, the system ignores the wish, and the cockpit is back at once.
    pub fn suspend(&self) -> Result<()> {
        // A frame that still waits would be written over the shell's screen.
        drop(self.wire.frames.try_take());
        leave()?;
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP).wrap_err("cannot stop")?;
        enter().wrap_err("cannot take the terminal over again")
    }

    /// Ends the writer and gives the terminal back. A terminal that does not read any more is not waited for.
    pub fn close(mut self) {
        self.wire.frames.close();
        let Some(writer) = self.writer.take() else { return };
        let (done, waited) = std::sync::mpsc::channel();
        let _ = std::thread::Builder::new().name("closing".into()).spawn(move || {
            let _ = writer.join();
            let _ = leave();
            let _ = done.send(());
        });
        let _ = waited.recv_timeout(PATIENCE);
        report::set_on_screen(false);
    }
}

/// Gives the terminal back after a panic of the core, when no writer may be in the way for long.
pub fn restore() {
    let (done, waited) = std::sync::mpsc::channel();
    let _ = std::thread::Builder::new().name("closing".into()).spawn(move || {
        let _ = leave();
        let _ = done.send(());
    });
    let _ = waited.recv_timeout(PATIENCE);
    report::set_on_screen(false);
}

fn enter() -> Result<()> {
    enable_raw_mode()?;
    report::set_on_screen(true);
    let mut bytes = Vec::new();
    queue!(bytes, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    own_handle()?.write_all(&bytes)?;
    Ok(())
}

fn leave() -> Result<()> {
    let mut bytes = if HAS_LINKS.load(Ordering::Relaxed) { pen::CLOSE.to_vec() } else { Vec::new() };
    bytes.extend_from_slice(scroll::RESET);
    queue!(bytes, EndSynchronizedUpdate, ResetColor, DisableBracketedPaste, Show, LeaveAlternateScreen)?;
    let written = own_handle().and_then(|mut terminal| Ok(terminal.write_all(&bytes)?));
    disable_raw_mode()?;
    report::set_on_screen(false);
    written
}

/// Standard output without the line buffer of the standard library: one `write` per frame.
fn own_handle() -> Result<File> {
    Ok(File::from(rustix::io::dup(io::stdout())?))
}
