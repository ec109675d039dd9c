//! What must happen outside the core, as data that tests can compare.

use crate::app::view::Change;
use crate::base::{Epoch, Raw, Safe};
use crate::domain::SourceId;
use crate::domain::link::Link;
use crate::domain::question::Ask;

/// Something for the shell to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Start reading a source in this generation.
    Connect {
        /// Which.
        source: SourceId,
        /// The generation that its reports will carry.
        epoch: Epoch,
    },
    /// Start reading a gitops repository that nobody configured: an Application names it.
    Mirror {
        /// What it is called here.
        source: SourceId,
        /// The generation that its reports will carry.
        epoch: Epoch,
        /// Its URL, as the Application names it.
        url: Raw,
    },
    /// Ask a running source.
    Ask {
        /// Which.
        source: SourceId,
        /// What.
        ask: Ask,
    },
    /// End this world and begin that scenario of the demo.
    Play(Safe),
    /// Draw a person's attention, by the bell or a notification of the terminal.
    Notify(Safe),
    /// Put a text on the clipboard of the person's terminal.
    Copy(Safe),
    /// Keep something for the next time.
    Keep(Change),
    /// Send a browser to a page.
    Browse(Link),
    /// Give the terminal back to the shell until the program is continued.
    Suspend,
    /// End the program.
    Quit,
}
