//! The terminal while one thing is asked on its last line: keys come one by one and with the pause before them, a paste comes as a paste, and the screen
//! stays what it was. It knows no question.

use std::io::{self, IsTerminal as _, Write as _};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::queue;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use tokio::sync::mpsc;

use super::input::{self, Input};
use crate::app::What;
use crate::base::Safe;

/// A terminal that is asked. Dropped, it is as it was before.
#[derive(Debug)]
pub struct Asking {
    inputs: mpsc::UnboundedReceiver<Input>,
}

impl Asking {
    /// Whether there is somebody to be asked: standard input and standard error are a terminal.
    #[must_use]
    pub fn can() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Begins to ask.
    ///
    /// # Errors
    ///
    /// Where the terminal cannot be switched.
    pub fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        // What was typed before it was asked is no answer.
        let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        let (sender, inputs) = mpsc::unbounded_channel();
        // From here on the terminal is given back whatever happens.
        let asking = Self { inputs };
        let mut bytes = Vec::new();
        queue!(bytes, EnableBracketedPaste)?;
        io::stderr().write_all(&bytes)?;
        std::thread::Builder::new().name("input".into()).spawn(move || input::run(&sender))?;
        Ok(asking)
    }

    /// The last line says this from now on.
    ///
    /// # Errors
    ///
    /// Where the terminal takes nothing.
    pub fn say(&self, line: &str) -> io::Result<()> {
        let mut out = io::stderr().lock();
        write!(out, "\r\u{1b}[K{line}")?;
        out.flush()
    }
}

impl Asking {
    /// What comes next. May be dropped at any time: nothing is lost.
    pub async fn next(&mut self) -> Meant {
        meant(self.inputs.recv().await)
    }

    /// Tells something above the last line.
    ///
    /// # Errors
    ///
    /// Where the terminal takes nothing.
    pub fn tell(&self, text: &str) -> io::Result<()> {
        self.say(&format!("{}\r\n", text.trim_end().replace('\n', "\r\n")))
    }
}

/// What a key means while a confirmation is asked for.
#[derive(Debug)]
pub enum Meant {
    /// This, for the core.
    Says(What),
    /// Nothing.
    Nothing,
    /// The person leaves, or the terminal is gone.
    Leaves,
}

fn meant(input: Option<Input>) -> Meant {
    let Some(Input::Event { event, quiet }) = input else { return Meant::Leaves };
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => match key.code {
            KeyCode::Esc => Meant::Leaves,
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => Meant::Leaves,
            KeyCode::Char(letter) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => Meant::Says(What::Typed(letter)),
            KeyCode::Backspace => Meant::Says(What::Erased),
            KeyCode::Enter => Meant::Says(What::Confirmed { quiet }),
            _ => Meant::Nothing,
        },
        Event::Paste(text) => Meant::Says(What::Pasted(Safe::clean(&text))),
        _ => Meant::Nothing,
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut bytes = b"\r\n".to_vec();
        let _ = queue!(bytes, DisableBracketedPaste);
        let _ = io::stderr().write_all(&bytes);
        let _ = disable_raw_mode();
    }
}
