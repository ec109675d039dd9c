//! A commit on the head of a branch of the original, and its push: without a work tree, and only where everything that it rests on still lies where it
//! lay. It is never a merge of texts, and nobody else's commit is ever overwritten. It knows no plan and no journal.
//!
//! One attempt: fetch → was the operation carried out before? → does what it rests on still hold? → tree and commit on that head → push that the
//! original takes only on that very head → read back. Whoever lost a race begins anew on the new head.
//!
//! * [`outcome`]: what came of it, in sentences; `words`: what git and the forges say, understood
//! * `fetched`: branches looked at, beside those of the mirror; `tree`: what they must have, and the new tree; `sign`: the commit, by whom and signed
//! * [`rehearse()`]: what would keep all of this from working

mod fetched;
pub mod outcome;
mod rehearse;
mod sign;
mod tree;
mod words;

use std::sync::Arc;
use std::time::Duration;

use git2::Repository;

use self::fetched::Fetched;
pub use self::outcome::{Landed, Outcome};
pub use self::rehearse::{Rehearsal, rehearse};
use self::words::Sent;
use crate::base::{OperationId, Raw, Safe};
use crate::domain::pull;
use crate::gitops::mirror::Mirror;
use crate::gitops::network::{Remote, Run, Trouble, TroubleKind};

/// The trailer that carries the id of the operation in the commit's message: by it a commit is found again, whoever made it and whatever became of it.
pub const TRAILER: &str = "Cockpit-Operation";
/// How often a commit is built anew because somebody else was quicker.
pub const REBUILDS: u8 = 5;

/// What is to be committed and pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Where it goes, and by what it is known.
    pub goal: Goal,
    /// The files with their new bytes, each once.
    pub files: Vec<File>,
    /// What else must still be so.
    pub preconditions: Vec<Precondition>,
    /// The message. Where it has no trailer of the operation yet, that is added.
    pub message: String,
    /// Who it is by; `None`: whoever the person's git says.
    pub author: Option<Person>,
}

/// Where a commit goes, and by what it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The branch whose head it is built on, in full: `refs/heads/main`.
    pub branch: Raw,
    /// Its head when the plan was made: the operation is looked for in what came after it.
    pub head: Raw,
    /// A branch of its own that it goes to instead, for a pull request; see [`own_branch`].
    pub beside: Option<Raw>,
    /// The operation.
    pub operation: OperationId,
}

/// A file that gets new bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// From the root of the repository.
    pub path: Raw,
    /// The id of what lies there now, in full; `None`: nothing, and it is made.
    pub blob: Option<Raw>,
    /// All bytes that it is to have.
    pub bytes: Arc<[u8]>,
}

/// What must still lie at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    /// The branch or tag of the same repository, in full.
    pub reference: Raw,
    /// The path from the root.
    pub path: Raw,
    /// What lies there.
    pub expects: Expects,
}

/// What lies at a path, as [`prepare()`](crate::gitops::prepare()) reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expects {
    /// A file with this content; no id: a symbolic link or a submodule.
    Blob(Raw),
    /// No file.
    Nothing,
    /// A folder with these names in it, in git's order; none: no folder.
    Names(Vec<Raw>),
}

/// Who a commit is by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// How long each part may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Reading from the original.
    pub fetch: Duration,
    /// The push, with the hooks of the original.
    pub push: Duration,
    /// The commit: a signature may have to ask an agent.
    pub sign: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fetch: Duration::from_secs(30), push: Duration::from_mins(1), sign: Duration::from_secs(20) }
    }
}

impl Goal {
    /// The branch that is pushed to, in full.
    #[must_use]
    pub fn target(&self) -> &Raw {
        self.beside.as_ref().unwrap_or(&self.branch)
    }

    /// The branch that is pushed to, as people call it.
    #[must_use]
    pub fn shown(&self) -> Safe {
        short(self.target())
    }

    fn flaw(&self) -> Option<&'static str> {
        let is_branch = |name: &Raw| name.as_wire().starts_with("refs/heads/") && git2::Reference::is_valid_name(name.as_wire());
        (!is_branch(&self.branch) || !self.beside.iter().all(is_branch)).then_some("only a branch takes a commit")
    }
}

/// A branch as people call it.
fn short(reference: &Raw) -> Safe {
    let name = reference.as_wire();
    Safe::clean(name.strip_prefix("refs/heads/").unwrap_or(name))
}

/// The branch of its own that an operation has for a pull request.
#[must_use]
pub fn own_branch(operation: &OperationId) -> Raw {
    Raw::from(format!("refs/heads/{}", pull::own_branch(operation)))
}

/// Commits and pushes, or says why not. Nothing is pushed twice: where the operation was carried out before, that is the answer. Where the answer of
/// the remote was lost, it is [`Outcome::Unknown`], and [`landed`] tells later.
pub async fn push(remote: &Remote, mirror: &Mirror, proposal: &Arc<Proposal>, limits: Limits) -> Outcome {
    match attempts(remote, mirror, proposal, limits).await {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

async fn attempts(remote: &Remote, mirror: &Mirror, proposal: &Arc<Proposal>, limits: Limits) -> Result<Outcome, Outcome> {
    let goal = &proposal.goal;
    if let Some(flaw) = goal.flaw().or_else(|| tree::flaw(proposal)) {
        return Err(Outcome::broken(flaw));
    }
    let mut why = Safe::default();
    for rebuilt in 0..=REBUILDS {
        let fetched = Fetched::fetch(remote, mirror, (&goal.branch, goal.beside.as_ref()), &proposal.preconditions, limits).await?;
        let (wanted, at) = (Arc::clone(proposal), Arc::clone(&fetched));
        let built = blocking(mirror, move |git| {
            if let Some(commit) = at.carried_out(git, &wanted.goal)? {
                return Err(Outcome::AlreadyThere { commit });
            }
            tree::built(git, &wanted, &at)
        });
        let tree = built.await?;
        if fetched.beside.is_some() {
            return Err(Outcome::Taken);
        }
        let commit = sign::commit(remote, mirror, &tree, &fetched.head.to_string(), proposal, limits.sign).await?;
        match send(remote, mirror, &fetched, goal, &commit, limits).await {
            Sent::Took(link) => return read_back(remote, mirror, goal, commit, rebuilt, link, limits).await,
            Sent::Raced(reason) => why = reason,
            Sent::Ended(outcome) => return Err(outcome),
        }
    }
    Err(Outcome::Busy { why })
}

/// The paths of a repository at which something else lies than expected, as it is now: for one that a plan rests on and does not change.
///
/// # Errors
///
/// The outcome that a push there would have where it cannot be read.
pub async fn moved(remote: &Remote, mirror: &Mirror, preconditions: &[Precondition], limits: Limits) -> Result<Vec<Raw>, Outcome> {
    let Some(first) = preconditions.first().map(|precondition| precondition.reference.clone()) else { return Ok(Vec::new()) };
    let fetched = Fetched::fetch(remote, mirror, (&first, None), preconditions, limits).await?;
    let (preconditions, at) = (preconditions.to_vec(), Arc::clone(&fetched));
    blocking(mirror, move |git| tree::moved(git, &first, &preconditions, &at).map_err(|error| Outcome::unreadable(&error))).await
}

/// Pushes a commit to the very head that it was built on, or to a branch that is not there.
async fn send(remote: &Remote, mirror: &Mirror, fetched: &Fetched, goal: &Goal, commit: &Raw, limits: Limits) -> Sent {
    let target = goal.target().as_wire();
    let held = if goal.beside.is_some() { String::new() } else { fetched.head.to_string() };
    let (lease, what) = (format!("--force-with-lease={target}:{held}"), format!("{}:{target}", commit.as_wire()));
    let mut arguments = QUIETLY.to_vec();
    arguments.extend([lease.as_str(), "origin", what.as_str()]);
    let run = Run { mirror: Some(mirror.folder()), arguments: &arguments, input: b"", silence: limits.push, environment: &[] };
    let unknown = |why: Safe| Sent::Ended(Outcome::Unknown { commit: Some(commit.clone()), why });
    match tokio::time::timeout(limits.push, remote.run(run)).await {
        Ok(Ok(said)) => words::meant(remote, &said, target, commit),
        Ok(Err(trouble)) if trouble.kind == TroubleKind::Lost => unknown(trouble.why),
        Ok(Err(trouble)) => Sent::Ended(Outcome::Failed(trouble)),
        Err(_late) => unknown(crate::safe!("the push did not end within {} s", limits.push.as_secs().max(1))),
    }
}

/// A push of one commit and nothing else, whatever a person's configuration would add. `--progress`: by it is known whether anything was sent.
const QUIETLY: [&str; 7] = ["push", "--porcelain", "--progress", "--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no"];

/// A remote that says it took a commit may still not have it: only a branch that has it counts.
async fn read_back(
    remote: &Remote,
    mirror: &Mirror,
    goal: &Goal,
    commit: Raw,
    rebuilt: u8,
    link: Option<Safe>,
    limits: Limits,
) -> Result<Outcome, Outcome> {
    match landed(remote, mirror, goal, Some(&commit), limits).await {
        Landed::Yes(commit) => Ok(Outcome::Pushed { commit, rebuilt, link }),
        Landed::No => {
            Err(Outcome::Unknown { commit: Some(commit), why: Safe::clean("the remote said that it took it, and its branch does not have it") })
        }
        Landed::Unknown(why) => {
            Err(Outcome::Unknown { commit: Some(commit), why: crate::safe!("the remote said that it took it, and it cannot be read back: {why}") })
        }
    }
}

/// Whether an operation was carried out: its commit, or one with its trailer, is on the branch. It reads and never pushes. `No` is about now: what
/// was sent last may still be in the hooks of the original.
pub async fn landed(remote: &Remote, mirror: &Mirror, goal: &Goal, commit: Option<&Raw>, limits: Limits) -> Landed {
    if let Some(flaw) = goal.flaw() {
        return Landed::Unknown(Safe::clean(flaw));
    }
    let fetched = match Fetched::fetch(remote, mirror, (&goal.branch, goal.beside.as_ref()), &[], limits).await {
        Ok(fetched) => fetched,
        Err(outcome) => return Landed::Unknown(outcome.sentence(&crate::safe!("{} of {}", goal.shown(), remote.shown()))),
    };
    let (goal, commit, at) = (goal.clone(), commit.cloned(), Arc::clone(&fetched));
    let found = blocking(mirror, move |git| {
        if let Some(commit) = commit.filter(|commit| at.has(git, commit)) {
            return Ok(Some(commit));
        }
        at.carried_out(git, &goal)
    });
    match found.await {
        Ok(Some(commit)) => Landed::Yes(commit),
        Ok(None) => Landed::No,
        Err(outcome) => Landed::Unknown(outcome.sentence(&remote.shown())),
    }
}

/// Work with the objects of a mirror, which blocks.
async fn blocking<T: Send + 'static>(mirror: &Mirror, work: impl FnOnce(&Repository) -> Result<T, Outcome> + Send + 'static) -> Result<T, Outcome> {
    let mirror = mirror.clone();
    let done = tokio::task::spawn_blocking(move || work(&mirror.open().map_err(|error| Outcome::unreadable(&error))?));
    done.await.map_err(|error| Outcome::Failed(Trouble::of_disk("the mirror was not read", &error)))?
}
