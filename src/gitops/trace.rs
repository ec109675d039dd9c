//! Whether revisions contain a commit, by the history that a mirror has. It reads and fetches nothing.

use git2::{Oid, Repository};

use super::Mirror;
use super::push::TRAILER;
use crate::base::{OperationId, Raw};
use crate::domain::Known;

/// Messages are searched so far back.
const MOST_SEARCHED: usize = 500;

/// For each revision, whether it is the commit or came after it; with an operation, also whether one that says it is of that operation came before it: a
/// forge that squashes what it merges makes another commit. Not known where the mirror lacks one of them: it is fetched sooner or later. It blocks.
#[must_use]
pub fn contain(mirror: &Mirror, commit: &Raw, operation: Option<&OperationId>, revisions: &[Raw]) -> Vec<(Raw, Known<bool>)> {
    let git = mirror.open();
    let told = |revision: &Raw| match &git {
        Ok(git) => contains(git, commit, operation, revision).unwrap_or_else(|_absent| Known::unknown("the mirror does not have it yet")),
        Err(_) => Known::unknown("the mirror cannot be read"),
    };
    revisions.iter().map(|revision| (revision.clone(), told(revision))).collect()
}

fn contains(git: &Repository, commit: &Raw, operation: Option<&OperationId>, revision: &Raw) -> Result<Known<bool>, git2::Error> {
    let (commit, revision) = (Oid::from_str(commit.as_wire())?, Oid::from_str(revision.as_wire())?);
    git.find_commit(revision)?;
    let is_in = git.find_commit(commit).and_then(|_there| Ok(commit == revision || git.graph_descendant_of(revision, commit)?));
    match (is_in, operation) {
        (Ok(false) | Err(_), Some(operation)) if tells(git, revision, operation)? => Ok(Known::Known(true)),
        (is_in, _) => is_in.map(Known::Known),
    }
}

/// Whether a commit up to a revision carries the trailer of an operation.
fn tells(git: &Repository, revision: Oid, operation: &OperationId) -> Result<bool, git2::Error> {
    let line = format!("{TRAILER}: {operation}");
    let mut walk = git.revwalk()?;
    walk.push(revision)?;
    walk.set_sorting(git2::Sort::TIME)?;
    for id in walk.take(MOST_SEARCHED) {
        let commit = git.find_commit(id?)?;
        if commit.message_bytes().split(|byte| *byte == b'\n').any(|text| text.trim_ascii() == line.as_bytes()) {
            return Ok(true);
        }
    }
    Ok(false)
}
