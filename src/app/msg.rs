//! What reaches the core: one kind of message, always with the time it happened at.

use crate::app::Intent;
use crate::base::{Safe, Timestamp};
use crate::domain::SourceId;
use crate::domain::fleet::Remembered;
use crate::domain::observation::Report;

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Msg {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The program begins.
    Started,
    /// What an earlier run knew is remembered: painted as stale until its sources confirm it.
    Remembered(Vec<Remembered>),
    /// Sources reported; several at once after a burst.
    Reports(Vec<Report>),
    /// A person wants something.
    Wants(Intent),
    /// A person typed a character into a text field.
    Typed(char),
    /// A person erased the last character of a text field.
    Erased,
    /// A person pasted text: for text fields only, it never triggers anything.
    Pasted(Safe),
    /// The terminal has this size now: columns and rows.
    Resized(u16, u16),
    /// The text that was painted last can be scrolled so far: how long a text is, only painting knows.
    Painted {
        /// The last first line.
        furthest: usize,
    },
    /// Time passed; something visible may depend on it.
    Tick,
    /// Something that was wanted outside did not come about: a sentence.
    Failed(Safe),
    /// The story of the demo goes on.
    Told {
        /// When it happened.
        at: Timestamp,
        /// One line.
        line: Safe,
    },
    /// A task ended with a panic.
    TaskPanicked {
        /// The source that it read, if it read one.
        source: Option<SourceId>,
        /// What it said.
        message: Safe,
    },
}
