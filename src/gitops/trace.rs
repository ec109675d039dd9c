//! Whether revisions contain a commit, by the history that a mirror has. It reads and fetches nothing.

use git2::{Oid, Repository};

use super::Mirror;
use crate::base::Raw;
use crate::domain::Known;

/// For each revision, whether it is the commit or came after it. Not known where the mirror lacks one of them: it is fetched sooner or later. It blocks.
#[must_use]
pub fn contain(mirror: &Mirror, commit: &Raw, revisions: &[Raw]) -> Vec<(Raw, Known<bool>)> {
    let git = mirror.open();
    let told = |revision: &Raw| match &git {
        Ok(git) => contains(git, commit, revision).unwrap_or_else(|_absent| Known::unknown("the mirror does not have it yet")),
        Err(_) => Known::unknown("the mirror cannot be read"),
    };
    revisions.iter().map(|revision| (revision.clone(), told(revision))).collect()
}

fn contains(git: &Repository, commit: &Raw, revision: &Raw) -> Result<Known<bool>, git2::Error> {
    let (commit, revision) = (Oid::from_str(commit.as_wire())?, Oid::from_str(revision.as_wire())?);
    git.find_commit(commit)?;
    git.find_commit(revision)?;
    Ok(Known::Known(commit == revision || git.graph_descendant_of(revision, commit)?))
}
