//! What reaches the core: one kind of message, always with the time it happened at.

use std::time::Duration;

use crate::app::Intent;
use crate::app::journal::Heard;
use crate::app::operation::{Posting, Progress};
use crate::base::{OperationId, Raw, RequestId, Safe, Timestamp};
use crate::domain::fleet::Remembered;
use crate::domain::observation::Report;
use crate::domain::{EnvironmentName, Known, SourceId};
use crate::operations::door::Permission;
use crate::operations::expected::Sample;
use crate::operations::oncall;
use crate::operations::record::story::Story;
use crate::operations::{Answers, Read};

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
    /// A person pressed Enter where something is to be confirmed.
    Confirmed {
        /// For so long before it, nothing was read.
        quiet: Duration,
    },
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
    /// What a plan needs was read.
    Prepared {
        /// The question.
        request: RequestId,
        /// The id that an operation of it would have.
        id: OperationId,
        /// What was read, or why it could not be.
        outcome: Box<Result<Read, Safe>>,
    },
    /// What a plan changes was rendered, or not.
    Rendered {
        /// The question.
        request: RequestId,
        /// What came of it, for each application.
        answers: Answers,
    },
    /// What the tokens may do is known.
    Permitted {
        /// The question.
        request: RequestId,
        /// One for each request.
        permissions: Vec<Permission>,
    },
    /// News of an operation that is being sent.
    Progressed {
        /// Which.
        id: OperationId,
        /// The news.
        progress: Box<Progress>,
    },
    /// Which revisions contain the commit of an operation.
    Traced {
        /// Which.
        id: OperationId,
        /// Each revision, as far as it could be told.
        traced: Vec<(Raw, Known<bool>)>,
    },
    /// The record of an operation that is not closed was taken up.
    Recalled {
        /// Which.
        id: OperationId,
        /// What it tells.
        story: Box<Story>,
    },
    /// What the changes on record took, newest first.
    Learned(Vec<Sample>),
    /// It is on record that an environment may be changed.
    Armed {
        /// Which.
        environment: EnvironmentName,
        /// Until when.
        until: Timestamp,
    },
    /// Whether this person could go back is known, as far as it can be.
    Rehearsed(Box<oncall::Report>),
    /// How the handing over of the journal stands.
    Posted(Posting),
    /// Something was read of the record of operations.
    Journal(Box<Heard>),
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
