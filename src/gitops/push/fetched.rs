//! Branches of the original as they are now, fetched beside those of the mirror: whoever else reads or fetches it meanwhile is not disturbed, and
//! waits for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use git2::{Oid, Repository, Sort};

use super::{Goal, Limits, Outcome, Precondition, TRAILER};
use crate::base::Raw;
use crate::gitops::mirror::{ASIDE, Mirror};
use crate::gitops::network::{Remote, Run, Trouble, TroubleKind};

/// How many commits are searched for an operation.
const MOST_SEARCHED: usize = 2_000;

/// No two of a process have the same place.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// What was fetched. Its place in the mirror goes with it.
#[derive(Debug)]
pub(super) struct Fetched {
    mirror: Mirror,
    place: String,
    /// The head of the branch.
    pub(super) head: Oid,
    /// The head of the operation's own branch, where it is there already.
    pub(super) beside: Option<Oid>,
    /// The other references, each with its commit.
    pub(super) others: Vec<(Raw, Oid)>,
}

impl Drop for Fetched {
    fn drop(&mut self) {
        forget(&self.mirror, &self.place);
    }
}

/// Takes away what lies aside. What stays costs only its place.
fn forget(mirror: &Mirror, place: &str) {
    let Ok(git) = mirror.open() else { return };
    let Ok(references) = git.references_glob(&format!("{place}/*")) else { return };
    for mut reference in references.flatten() {
        let _ = reference.delete();
    }
}

impl Fetched {
    /// Fetches a branch, that of an operation if it has one and it is there, and what the preconditions name.
    pub(super) async fn fetch(
        remote: &Remote,
        mirror: &Mirror,
        (branch, beside): (&Raw, Option<&Raw>),
        preconditions: &[Precondition],
        limits: Limits,
    ) -> Result<Arc<Self>, Outcome> {
        let place = format!("{ASIDE}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut others: Vec<Raw> = preconditions.iter().map(|precondition| precondition.reference.clone()).filter(|name| name != branch).collect();
        others.sort();
        others.dedup();
        let mut wanted = vec![format!("+{}:{place}/head", branch.as_wire())];
        wanted.extend(others.iter().enumerate().map(|(number, name)| format!("+{}:{place}/other/{number}", name.as_wire())));
        // A pattern that fits nothing is no error.
        wanted.extend(beside.map(|name| format!("+{}*:{place}/beside*", name.as_wire())));
        let mut arguments = vec!["fetch", "--progress", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
        arguments.extend(["--no-auto-maintenance", "origin"]);
        arguments.extend(wanted.iter().map(String::as_str));
        let run = Run { mirror: Some(mirror.folder()), arguments: &arguments, input: b"", silence: limits.fetch, environment: &[] };
        let said = tokio::time::timeout(limits.fetch, remote.run(run)).await;
        let late = |_| Trouble::new(TroubleKind::Lost, &format!("it was not read within {} s", limits.fetch.as_secs().max(1)));
        let read = said.map_err(late).flatten();
        let read = read.and_then(|said| if said.status.success() { Ok(()) } else { Err(remote.meant(said.status, &said.err)) });
        let heads = read.map_err(Outcome::of).and_then(|()| {
            let git = mirror.open().map_err(|error| Outcome::unreadable(&error))?;
            let commit =
                |name: &str| git.find_reference(&format!("{place}/{name}")).and_then(|found| found.peel_to_commit()).map(|commit| commit.id());
            let head = commit("head").map_err(|error| Outcome::unreadable(&error))?;
            let found = others.into_iter().enumerate().map(|(number, name)| Ok((name, commit(&format!("other/{number}"))?)));
            let others = found.collect::<Result<Vec<_>, git2::Error>>().map_err(|error| Outcome::unreadable(&error))?;
            Ok((head, commit("beside").ok(), others))
        });
        match heads {
            Ok((head, beside, others)) => Ok(Arc::new(Self { mirror: mirror.clone(), place, head, beside, others })),
            Err(outcome) => {
                forget(mirror, &place);
                Err(outcome)
            }
        }
    }

    /// Whether a commit is on the branch, or on the operation's own.
    pub(super) fn has(&self, git: &Repository, commit: &Raw) -> bool {
        let Ok(commit) = Oid::from_str(commit.as_wire()) else { return false };
        [Some(self.head), self.beside].into_iter().flatten().any(|head| head == commit || git.graph_descendant_of(head, commit).unwrap_or(false))
    }

    /// The commit with the trailer of an operation.
    pub(super) fn carried_out(&self, git: &Repository, goal: &Goal) -> Result<Option<Raw>, Outcome> {
        let planned = Oid::from_str(goal.head.as_wire()).map_err(|_no_id| Outcome::broken("the head of the plan is no commit"))?;
        // A history that was rewritten since is searched from its end.
        let since = (git.graph_descendant_of(self.head, planned).unwrap_or(false) || self.head == planned).then_some(planned);
        let found = search(git, self.head, since, goal).map_err(|error| Outcome::unreadable(&error))?;
        let found = match (found, self.beside) {
            (Some(found), _) => Some(found),
            (None, Some(beside)) => search(git, beside, Some(self.head), goal).map_err(|error| Outcome::unreadable(&error))?,
            (None, None) => None,
        };
        match found {
            Some(Search::Found(commit)) => Ok(Some(Raw::from(commit.to_string()))),
            Some(Search::TooMany) if since.is_some() => Err(Outcome::broken("more than 2000 commits came since the plan was made: plan again")),
            _ => Ok(None),
        }
    }
}

enum Search {
    Found(Oid),
    TooMany,
}

/// Looks for the line of an operation in the messages of a branch: a forge that squashes commits leaves trailers anywhere in the message.
fn search(git: &Repository, head: Oid, since: Option<Oid>, goal: &Goal) -> Result<Option<Search>, git2::Error> {
    let line = format!("{TRAILER}: {}", goal.operation);
    let mut walk = git.revwalk()?;
    walk.push(head)?;
    if let Some(since) = since {
        walk.hide(since)?;
    }
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
    for (count, id) in walk.enumerate() {
        if count >= MOST_SEARCHED {
            return Ok(Some(Search::TooMany));
        }
        let commit = git.find_commit(id?)?;
        if commit.message_bytes().split(|byte| *byte == b'\n').any(|text| text.trim_ascii() == line.as_bytes()) {
            return Ok(Some(Search::Found(commit.id())));
        }
    }
    Ok(None)
}
