//! What came of a commit and its push: one of a few kinds, each with a sentence and what helps.

use crate::base::{Raw, Safe};
use crate::domain::desired::Commit;
use crate::gitops::network::{Trouble, TroubleKind};
use crate::safe;

/// What came of it. But for [`Outcome::Pushed`], [`Outcome::AlreadyThere`] and [`Outcome::Unknown`] the original is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was read back from the branch.
    Pushed {
        /// The commit.
        commit: Raw,
        /// How often it was built anew because somebody else was quicker.
        rebuilt: u8,
        /// Where the forge says that a pull request can be opened.
        link: Option<Safe>,
    },
    /// The operation was carried out before, by this commit.
    AlreadyThere {
        /// The commit.
        commit: Raw,
    },
    /// Something that the plan rests on is not what it was.
    Moved {
        /// What, from the root of the repository.
        paths: Vec<Raw>,
        /// The commits since the plan that touch it, newest first; none where that cannot be told.
        by: Vec<Commit>,
    },
    /// Others were quicker, again and again.
    Busy {
        /// What the remote said last.
        why: Safe,
    },
    /// The operation's own branch is there, with something else on it.
    Taken,
    /// The remote does not take it: a hook, or a rule of the forge.
    Rejected {
        /// Its words.
        words: Vec<Safe>,
    },
    /// The branch takes no pushes from this person.
    Protected {
        /// The words of the forge.
        words: Vec<Safe>,
    },
    /// No credential was accepted, or it may not push.
    Denied(Trouble),
    /// The remote did not answer, and nothing was sent.
    Unreachable(Trouble),
    /// There is no such repository or branch, or not for this person.
    Gone(Trouble),
    /// It was sent, and whether it landed is not known.
    Unknown {
        /// The commit that was sent.
        commit: Option<Raw>,
        /// What happened.
        why: Safe,
    },
    /// Git does not know who the commit would be by.
    NoIdentity {
        /// Git's words.
        why: Safe,
    },
    /// The person's git signs commits, and could not sign this one.
    CannotSign(Unsigned),
    /// Anything else that kept it from being tried.
    Failed(Trouble),
}

/// Why a commit was not signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    /// Whether somebody has to type or touch something: a passphrase, an agent, a token.
    pub needs_hand: bool,
    /// The words of git and of what signs.
    pub why: Safe,
    /// What helps.
    pub cure: Safe,
}

/// Whether an operation was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landed {
    /// By this commit.
    Yes(Raw),
    /// It is not there now.
    No,
    /// It cannot be read.
    Unknown(Safe),
}

/// How many paths or commits are named in a sentence.
const MOST_NAMED: usize = 3;

impl Outcome {
    /// Nothing was tried, because of this.
    pub(super) fn broken(why: &str) -> Self {
        Self::Failed(Trouble::new(TroubleKind::Broken, why))
    }

    /// The mirror cannot be read.
    pub(super) fn unreadable(error: &git2::Error) -> Self {
        Self::Failed(Trouble::new(TroubleKind::Broken, &format!("the mirror cannot be read: {}", error.message())))
    }

    /// What trouble with the remote means as long as nothing was sent.
    pub(super) fn of(trouble: Trouble) -> Self {
        match trouble.kind {
            TroubleKind::Lost => Self::Unreachable(trouble),
            TroubleKind::Denied => Self::Denied(trouble),
            TroubleKind::Gone => Self::Gone(trouble),
            TroubleKind::Broken if trouble.why.as_str().contains("couldn't find remote ref") => Self::Gone(trouble),
            TroubleKind::Refused | TroubleKind::Broken => Self::Failed(trouble),
        }
    }

    /// Whether the change is in the original; `None`: not known.
    #[must_use]
    pub const fn has_landed(&self) -> Option<bool> {
        match self {
            Self::Pushed { .. } | Self::AlreadyThere { .. } => Some(true),
            Self::Unknown { .. } => None,
            _ => Some(false),
        }
    }

    /// What happened. `place`: the branch and its repository (`main of https://…`).
    #[must_use]
    pub fn sentence(&self, place: &Safe) -> Safe {
        match self {
            Self::Pushed { commit, rebuilt: 0, .. } => safe!("{} is on {place}", abbreviated(commit)),
            Self::Pushed { commit, rebuilt, .. } => {
                safe!("{} is on {place}, built anew {} because others pushed meanwhile", abbreviated(commit), times(*rebuilt))
            }
            Self::AlreadyThere { commit } => safe!("{} on {place} is this operation: nothing was pushed", abbreviated(commit)),
            Self::Moved { paths, by } => {
                let paths = named(paths.iter().map(Raw::shown));
                let commits = named(by.iter().map(|commit| safe!("{} by {}: {}", commit.short(), commit.author, commit.subject)));
                let by = if by.is_empty() { Safe::default() } else { safe!(" ({commits})") };
                safe!("{paths} changed on {place} since the plan was made{by}: nothing was pushed")
            }
            Self::Busy { why } => safe!("others pushed to {place} each time, {} times in a row ({why}): nothing was pushed", super::REBUILDS + 1),
            Self::Taken => safe!("{place} is there already, with something else on it: nothing was pushed"),
            Self::Rejected { words } => safe!("{place} does not take it: {}", spoken(words)),
            Self::Protected { words } => safe!("{place} is protected, and takes no push from you: {}", spoken(words)),
            Self::Denied(trouble) => safe!("you may not push to {place}: {}", trouble.why),
            Self::Unreachable(trouble) => safe!("{place} cannot be reached, and nothing was sent: {}", trouble.why),
            Self::Gone(trouble) => safe!("{place} is not there: {}", trouble.why),
            Self::Unknown { commit: Some(commit), why } => safe!("whether {} is on {place} is not known: {why}", abbreviated(commit)),
            Self::Unknown { commit: None, why } => safe!("whether it is on {place} is not known: {why}"),
            Self::NoIdentity { why } => safe!("git does not know who the commit to {place} is by: {why}"),
            Self::CannotSign(unsigned) => safe!("the commit to {place} cannot be signed, and nothing was pushed: {}", unsigned.why),
            Self::Failed(trouble) => safe!("nothing was pushed to {place}: {}", trouble.why),
        }
    }

    /// What helps.
    #[must_use]
    pub fn cure(&self) -> Option<Safe> {
        let words = |text: &str| Some(Safe::clean(text));
        match self {
            Self::Pushed { .. } | Self::AlreadyThere { .. } => None,
            Self::Moved { .. } => words("plan again: it begins with what is there now"),
            Self::Busy { .. } => words("try again in a minute, or stop what pushes without end"),
            Self::Taken => words("look at that branch, delete it if nobody needs it, and plan again"),
            Self::Rejected { .. } => words("do what the repository asks for, or ask who keeps its rules"),
            Self::Protected { .. } => words("open a pull request instead, or ask for the right to push there"),
            Self::Denied(trouble) | Self::Gone(trouble) | Self::Failed(trouble) => trouble.cure.clone(),
            Self::Unreachable(trouble) => trouble.cure.clone().or_else(|| words("try again when it answers: nothing is on its way")),
            Self::Unknown { .. } => words("read the branch before anything is tried again; the operation is found by its trailer"),
            Self::NoIdentity { .. } => words("git config --global user.name '…' && git config --global user.email '…'"),
            Self::CannotSign(unsigned) => Some(unsigned.cure.clone()),
        }
    }
}

fn abbreviated(commit: &Raw) -> Safe {
    let id = commit.as_wire();
    Safe::clean(id.get(..7).unwrap_or(id))
}

fn times(number: u8) -> Safe {
    if number == 1 { Safe::clean("once") } else { safe!("{number} times") }
}

fn named(things: impl Iterator<Item = Safe>) -> Safe {
    let all: Vec<String> = things.map(|thing| thing.to_string()).collect();
    let more = all.len().saturating_sub(MOST_NAMED);
    let first = all.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more == 0 { Safe::clean(&first) } else { safe!("{} and {more} more", Safe::clean(&first)) }
}

fn spoken(words: &[Safe]) -> Safe {
    Safe::clean(&words.iter().map(Safe::as_str).collect::<Vec<_>>().join(" / "))
}
