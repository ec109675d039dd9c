//! What is sent to the world, as data: one value is one request, and nothing else changes the world. Plans hold them, the preview shows them, the journal
//! records them, and execution sends them. They know no client and no wire.

use serde_json::Value;

use super::edits::FileEdit;
use super::plan::{Message, Precondition};
use crate::base::{Raw, Safe};
use crate::domain::AppKey;
use crate::domain::fleet::Fleet;
use crate::domain::forge::MergeMethod;
use crate::domain::pull::PullKey;
use crate::domain::workload::WorkloadKey;

/// One request that changes something.
#[derive(Debug, Clone, PartialEq)]
pub enum Mutation {
    /// A commit on the head of a branch, and its push.
    Commit(Box<Commit>),
    /// A pull request is opened from the branch of the operation's own.
    Open(Box<Opening>),
    /// A pull request is merged.
    Merge(Box<Merging>),
    /// Argo CD compares an application with git at once. It changes nothing that runs and may be repeated.
    Refresh(Target),
    /// Argo CD syncs an application.
    Sync(Sync),
    /// Argo CD stops the operation that runs.
    Terminate(Target),
    /// Argo CD deploys what it deployed before.
    Rollback {
        /// The application.
        target: Target,
        /// Argo CD's number of the deployment.
        history: i64,
    },
    /// Argo CD does something to a Rollout, where that cannot be done in its cluster from here.
    Act(Box<Acting>),
    /// A Rollout is patched in its cluster.
    Patch(Patch),
}

impl Mutation {
    /// Whether it only helps along what comes by itself.
    #[must_use]
    pub const fn is_dispensable(&self) -> bool {
        match self {
            Self::Refresh(_) => true,
            Self::Patch(patch) => patch.awaits,
            Self::Commit(_) | Self::Open(_) | Self::Merge(_) | Self::Sync(_) | Self::Terminate(_) | Self::Rollback { .. } | Self::Act(_) => false,
        }
    }
}

/// An application for a request to Argo CD.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The application.
    pub app: AppKey,
    /// Its project: without it Argo CD answers 403 for what is not there.
    pub project: Raw,
}

impl Target {
    /// An application of the fleet.
    #[must_use]
    pub fn of(fleet: &Fleet, app: &AppKey) -> Self {
        let project = fleet.application(app).map(|entry| entry.value.project.clone()).unwrap_or_default();
        Self { app: app.clone(), project }
    }
}

/// A commit to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The name of the source that reads the repository.
    pub repository: Raw,
    /// The branch: `main`.
    pub branch: Raw,
    /// Whether it goes to a branch of the operation's own instead, built on the head of that one.
    pub beside: bool,
    /// Its head when it was read. No precondition: later commits may leave alone what the plan depends on.
    pub head: Raw,
    /// The files that change, with their bytes.
    pub files: Vec<FileEdit>,
    /// What must still lie in the repository.
    pub preconditions: Vec<Precondition>,
    /// The words, without the id of the operation.
    pub message: Message,
}

/// A pull request to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The name of the source that reads the repository.
    pub repository: Raw,
    /// What the configuration calls the GitHub.
    pub github: Raw,
    /// Owner and name there: `acme/gitops`.
    pub name: Raw,
    /// The branch that it goes into: `main`.
    pub base: Raw,
    /// The title.
    pub title: Safe,
    /// Its text: sentences, then trailers as of a commit. Whoever carries it out adds why it is done, and the operation.
    pub body: Vec<Safe>,
    /// The trailers.
    pub trailers: Vec<(&'static str, Safe)>,
}

/// A pull request to be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merging {
    /// The pull request.
    pub pull: PullKey,
    /// Where people look at it.
    pub url: Safe,
    /// The branch that it goes into, for words.
    pub base: Raw,
    /// The commit that its branch must still be at.
    pub head: Raw,
    /// How.
    pub method: MergeMethod,
    /// The name of the source that reads the repository; empty where none is known.
    pub repository: Raw,
}

/// A sync to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// The application.
    pub target: Target,
    /// The revision; `None`: the commit that was sent before it in the same plan, else what its branch has then. With auto-sync on, Argo CD takes no
    /// other than that.
    pub revision: Option<Raw>,
    /// Also delete what git no longer has.
    pub prune: bool,
}

/// A JSON Patch (RFC 6902) of a Rollout. Its `test` operations are what it was planned on: where one does not hold, nothing changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// The object.
    pub workload: WorkloadKey,
    /// Whether its `status` subresource is patched.
    pub status: bool,
    /// Whether the version that its `test` names is still to come: it is sent once that is there. It only hastens what comes by itself, so that without it
    /// nothing is missing.
    pub awaits: bool,
    /// The operations, in order.
    pub operations: Vec<Operation>,
}

/// What Argo CD is asked to do to a Rollout. Its actions are held to nothing: what the patch tests is looked at right before, and what changes after that
/// look is not noticed.
#[derive(Debug, Clone, PartialEq)]
pub struct Acting {
    /// The application that it belongs to.
    pub target: Target,
    /// The action, as Argo CD calls it: `abort`.
    pub action: &'static str,
    /// The patch that it stands for: by it is told whether it may be sent, and whether it was done. It is not sent.
    pub patch: Patch,
}

/// One operation of a JSON Patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// `test`, `add`, `replace` or `remove`.
    pub op: &'static str,
    /// Where, as a JSON Pointer.
    pub path: String,
    /// What; none for `remove`.
    pub value: Option<Value>,
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The other side took it.
    Taken(Receipt),
    /// It was not done, and that is certain: nothing was sent, or the other side refused.
    Refused(Rejection),
    /// It was sent, and whether it was done is not known: somebody must look. The sentence says why.
    Unknown(Safe),
}

/// Why a request was certainly not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What kind of no it is.
    pub kind: No,
    /// What was said, in a sentence.
    pub why: Safe,
    /// What a person can do about it; empty where there is nothing but to plan again.
    pub cure: Safe,
}

/// Kinds of no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum No {
    /// What the plan rests on is not so any more: read again, and plan again.
    Moved,
    /// Who asks may not.
    Forbidden,
    /// Not now: something else is under way, or a window is closed.
    NotNow,
    /// A rule of the other side forbids it: a hook, a protected branch.
    Against,
    /// Nothing was sent, because nobody was reached or this machine lacks something.
    NotSent,
    /// The other side does not understand it.
    Invalid,
}

/// What the other side said when it took a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// The commit is on the branch.
    Committed {
        /// Its id, in full.
        commit: Raw,
        /// How often it was made anew on a newer head.
        rebuilt: u8,
    },
    /// The commit is on a branch of its own.
    Beside {
        /// Its id, in full.
        commit: Raw,
        /// Where the forge says that a pull request can be opened.
        link: Option<Safe>,
    },
    /// The pull request is open.
    Opened {
        /// Its number.
        number: u64,
        /// Where people look at it.
        url: Safe,
    },
    /// It was asked for; what comes of it is seen later.
    Accepted,
    /// It is so.
    Applied,
}

/// What somebody found who looked whether a request was done. Looking changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It was done.
    Done(Receipt),
    /// It was not done and, being lost, will not be.
    NotDone,
    /// Still not known, and why.
    Unknown(Safe),
}
