//! What the journal keeps of an operation: its lines, as plain data. Everything in them is text that may be shown, so that neither a secret nor an
//! escape sequence has a way in. It knows no file: [`chain`] ties bytes, [`story`] reads what they say, and execution writes them.
//!
//! One line is one JSON object of version 1, in this order: `version`, `operation`, `seq`, `at`, `previous`, `entry`, `hash`. Fields are only ever
//! added; a line of a higher version is not read.

mod again;
pub mod chain;
pub mod story;
pub mod telling;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};

use crate::base::{OperationId, Safe, Timestamp};

pub use super::Direction;
pub use chain::Hash;

/// The version of the lines that are written.
pub const VERSION: u32 = 1;

/// One line, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The version of its shape.
    pub version: u32,
    /// Whose chain it belongs to; `None`: the index of the journal.
    pub operation: Option<OperationId>,
    /// Its number in its chain, from 0.
    pub seq: u64,
    /// When it was written, by the clock of the machine that wrote it.
    pub at: Timestamp,
    /// The hash of the line before; of the first line: [`Hash::GENESIS`].
    pub previous: Hash,
    /// What it says.
    pub entry: Entry,
    /// The hash of this line.
    pub hash: Hash,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// An operation was confirmed. The first line of its chain.
    Opened(Box<Opened>),
    /// A request is about to be sent. Written before it is.
    Intent {
        /// The number of the step, from 0: answers and looks name it.
        step: u32,
        /// What will be sent.
        request: Requested,
    },
    /// What became of a request. Once more only where it was not known before.
    Answered {
        /// Its step.
        step: u32,
        /// The answer.
        answer: Answer,
    },
    /// Somebody looked whether a request was done.
    Looked {
        /// Its step.
        step: u32,
        /// What was found.
        found: Found,
    },
    /// Everything was sent and taken. From here on it is followed, and nothing more is sent for it.
    Sent {
        /// In words.
        words: Safe,
    },
    /// The effect was seen to get this far.
    Observed {
        /// How far.
        rung: Rung,
        /// In words, with where.
        words: Safe,
    },
    /// Whoever carried it stopped to. What is still to happen does so, or not, without this program.
    Left {
        /// What goes on by itself.
        goes_on: Vec<Safe>,
        /// What does not.
        does_not: Vec<Safe>,
    },
    /// Somebody follows it again.
    Resumed {
        /// Who.
        who: Who,
        /// From where.
        whence: Whence,
        /// The bytes of a line that was never finished, put aside.
        torn_bytes: u64,
    },
    /// It is over. Only an unknown outcome may be followed by more.
    Closed {
        /// How it ended.
        outcome: Outcome,
        /// In words.
        words: Safe,
        /// What is left to do by hand.
        left: Vec<Safe>,
    },
    /// An environment may be changed from here for a while. In the index.
    Armed {
        /// Who.
        who: Who,
        /// From where.
        whence: Whence,
        /// Which.
        environment: Safe,
        /// Until when.
        until: Timestamp,
    },
    /// It may no longer. In the index.
    Disarmed {
        /// Who.
        who: Who,
        /// Which.
        environment: Safe,
        /// Why: it was asked for, or the time was over.
        why: Safe,
    },
    /// The chain of an operation begins. In the index, so that a file that is gone is missed.
    Begun {
        /// Which.
        id: OperationId,
    },
    /// The chain of an operation is closed. In the index.
    Ended {
        /// Which.
        id: OperationId,
        /// How many lines it has.
        lines: u64,
        /// The hash of the last one.
        last: Hash,
        /// How it ended.
        outcome: Outcome,
    },
}

/// An operation at the moment when it was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Who confirmed it.
    pub who: Who,
    /// From where.
    pub whence: Whence,
    /// The version of this program.
    pub program: Safe,
    /// Where it leads.
    pub direction: Direction,
    /// What was wished for.
    pub request: Requested,
    /// The service.
    pub service: Option<Safe>,
    /// The environments that it changes.
    pub environments: Vec<Safe>,
    /// The placements.
    pub placements: Vec<Safe>,
    /// The clusters.
    pub clusters: Vec<Safe>,
    /// Why, as it was typed.
    pub reason: Option<Safe>,
    /// The issue or incident, as it was typed.
    pub ticket: Option<Safe>,
    /// The plan.
    pub plan: Planned,
    /// What was on screen when it was confirmed.
    pub on_screen: Vec<Fact>,
    /// How it was confirmed.
    pub confirmed: Confirmed,
    /// Since when and until when its environment could be changed from here; `None`: it need not be.
    pub armed: Option<Span>,
}

/// Who does something, as far as it is known. What a person says of himself (`user`, `git`) is told beside what the system says (`uid`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The user, by the environment.
    pub user: Safe,
    /// The user's number.
    pub uid: u32,
    /// Who called sudo, where somebody did.
    pub sudo: Option<Safe>,
    /// Name and address, as git would sign a commit.
    pub git: Option<Safe>,
    /// The account of each Argo CD instance: `main: ana`.
    pub argocd: Vec<Safe>,
}

/// From where something is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whence {
    /// The machine.
    pub host: Safe,
    /// The process.
    pub pid: u32,
    /// The terminal; `None`: there is none.
    pub tty: Option<Safe>,
    /// The address that the SSH client has, by the environment.
    pub ssh: Option<Safe>,
}

/// A request, in words and as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// What kind it is: `promote`, `commit`, `sync`.
    pub what: Safe,
    /// In words.
    pub words: Safe,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// One part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: Safe,
    /// Its value.
    pub value: Safe,
}

/// A plan, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// What happens, in order.
    pub steps: Vec<Safe>,
    /// The files that change.
    pub files: Vec<File>,
    /// The commit message, line by line.
    pub message: Vec<Safe>,
    /// What will be sent, in order.
    pub requests: Vec<Requested>,
    /// What must still be so.
    pub preconditions: Vec<Safe>,
    /// What a person was told beside it.
    pub remarks: Vec<Safe>,
    /// What nobody knew.
    pub not_known: Vec<Safe>,
}

/// How a file changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path, from the root of the repository.
    pub file: Safe,
    /// The lines that go and come, in order.
    pub lines: Vec<Changed>,
}

/// A line of a file that goes or comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Its number, from 1: in the file as it was for one that goes, as it will be for one that comes.
    pub number: u64,
    /// Whether it comes; else it goes.
    pub comes: bool,
    /// Its text.
    pub text: Safe,
}

/// A fact that was on screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it says.
    pub words: Safe,
    /// Who said it: `argocd main`.
    pub source: Safe,
    /// When that was last known to be current; `None`: not known.
    pub seen_at: Option<Timestamp>,
}

/// How an operation was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Confirmed {
    /// A name was typed.
    Typed {
        /// What was typed.
        text: Safe,
    },
    /// Distinct keys were pressed.
    Keys {
        /// Which.
        keys: Safe,
    },
    /// An argument said so, and a policy lets it.
    Flag {
        /// The argument: `--yes`.
        flag: Safe,
        /// What lets it.
        policy: Safe,
    },
}

/// From a moment to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first moment; `None`: not known.
    pub since: Option<Timestamp>,
    /// The last one.
    pub until: Timestamp,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Answer {
    /// The other side took it.
    Taken {
        /// What it said.
        receipt: Receipt,
    },
    /// It was certainly not done.
    Refused {
        /// What kind of no it is: `moved`, `forbidden`, `not_now`, `against`, `not_sent`, `invalid`.
        no: Safe,
        /// Why.
        why: Safe,
        /// What to do about it.
        cure: Safe,
    },
    /// Whether it was done is not known.
    Unknown {
        /// Why.
        why: Safe,
    },
}

/// What the other side said when it took a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Receipt {
    /// The commit is on the branch.
    Committed {
        /// Its id, in full.
        commit: Safe,
        /// How often it was made anew on a newer head.
        rebuilt: u8,
    },
    /// The commit is on a branch of its own.
    Beside {
        /// Its id, in full.
        commit: Safe,
        /// Where a pull request can be opened.
        link: Option<Safe>,
    },
    /// The pull request is open.
    Opened {
        /// Its number.
        number: u64,
        /// Where people look at it.
        url: Safe,
    },
    /// It was asked for.
    Accepted,
    /// It is so.
    Applied,
}

/// What somebody found who looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Found {
    /// It was done.
    Done {
        /// With this.
        receipt: Receipt,
    },
    /// It was not, and will not be.
    NotDone,
    /// Still not known.
    Unknown {
        /// Why.
        why: Safe,
    },
}

/// How far the effect of an operation got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// A pull request is open, or a branch is there for one.
    Proposed,
    /// Its checks passed.
    Checked,
    /// It was approved.
    Approved,
    /// The commit is on the branch.
    Committed,
    /// Argo CD saw it.
    Noticed,
    /// It syncs.
    Syncing,
    /// It is synced.
    Synced,
    /// The rollout is at one of its steps; the words say which.
    Stepping,
    /// All steps of its rollouts are done.
    RolledOut,
    /// It is healthy.
    Healthy,
    /// The version was seen healthy where it was to go.
    Verified,
    /// Something newer took its place.
    Superseded,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its effect was seen.
    Done,
    /// It failed, and that is certain.
    Failed,
    /// Nobody knows: somebody has to look.
    Unknown,
}

impl Outcome {
    /// The outcome in a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}
