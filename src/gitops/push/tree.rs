//! What the head of a branch must have, and the tree with the new bytes in it. Modes stay as they are, and nothing but the proposed files differs.

use std::collections::BTreeSet;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Oid, Repository, Tree};

use super::fetched::Fetched;
use super::{Expects, File, Outcome, Precondition, Proposal};
use crate::base::Raw;
use crate::domain::desired::Commit;
use crate::gitops::log::Left;
use crate::gitops::prepare::since;
use crate::gitops::trees::{Files, Plain};
use crate::manifest::tree::{Inputs, Tree as _};

/// What is wrong with a proposal whatever the repository has.
pub(super) fn flaw(proposal: &Proposal) -> Option<&'static str> {
    let is_path =
        |path: &str| path.split('/').all(|name| !matches!(name, "" | "." | "..") && !name.eq_ignore_ascii_case(".git") && !name.contains('\0'));
    let mut known = BTreeSet::new();
    if proposal.files.is_empty() {
        return Some("no file is proposed");
    }
    if !proposal.files.iter().all(|file| is_path(file.path.as_wire())) {
        return Some("a proposed path leads out of the repository");
    }
    if !proposal.files.iter().all(|file| known.insert(&file.path)) {
        return Some("a file is proposed twice");
    }
    proposal.message.contains('\0').then_some("the message is no text")
}

/// The tree of the head with the new bytes, where everything still lies where it lay.
pub(super) fn built(git: &Repository, proposal: &Proposal, at: &Fetched) -> Result<Raw, Outcome> {
    let unreadable = |error: git2::Error| Outcome::unreadable(&error);
    let tree = git.find_commit(at.head).and_then(|head| head.tree()).map_err(unreadable)?;
    let files = Files::new(git);
    let head = Plain { files: &files, root: tree.id() };
    let mut moved = moved(git, &proposal.goal.branch, &proposal.preconditions, at).map_err(unreadable)?;
    moved.extend(proposal.files.iter().filter(|file| !fits(&head, &tree, file)).map(|file| file.path.clone()));
    moved.sort();
    moved.dedup();
    if !moved.is_empty() {
        let by = touching(git, proposal, at, &moved);
        return Err(Outcome::Moved { paths: moved, by });
    }
    let mut update = TreeUpdateBuilder::new();
    for file in &proposal.files {
        let is_executable = tree.get_path(Path::new(file.path.as_wire())).is_ok_and(|entry| entry.filemode() == i32::from(FileMode::BlobExecutable));
        let mode = if is_executable { FileMode::BlobExecutable } else { FileMode::Blob };
        update.upsert(file.path.as_wire(), git.blob(&file.bytes).map_err(unreadable)?, mode);
    }
    let new = update.create_updated(git, &tree).map_err(unreadable)?;
    let touched = touched(git, &tree, new).map_err(unreadable)?;
    if touched.is_empty() {
        return Err(Outcome::broken("nothing would change"));
    }
    if !touched.iter().all(|path| proposal.files.iter().any(|file| file.path.as_wire() == path)) {
        return Err(Outcome::broken("the new tree differs in more than the proposed files"));
    }
    Ok(Raw::from(new.to_string()))
}

/// The paths that differ between two trees.
fn touched(git: &Repository, old: &Tree<'_>, new: Oid) -> Result<Vec<String>, git2::Error> {
    let diff = git.diff_tree_to_tree(Some(old), Some(&git.find_tree(new)?), None)?;
    let path = |delta: git2::DiffDelta<'_>| delta.new_file().path_bytes().map(|path| String::from_utf8_lossy(path).into_owned());
    Ok(diff.deltas().map(|delta| path(delta).unwrap_or_default()).collect())
}

/// The paths at which something else lies than expected, each once.
pub(super) fn moved(git: &Repository, branch: &Raw, preconditions: &[Precondition], at: &Fetched) -> Result<Vec<Raw>, git2::Error> {
    let files = Files::new(git);
    let mut found = BTreeSet::new();
    for precondition in preconditions {
        let other = at.others.iter().find(|(name, _)| *name == precondition.reference).map(|(_, commit)| *commit);
        let commit = if precondition.reference == *branch { Some(at.head) } else { other };
        let root = git.find_commit(commit.ok_or_else(|| git2::Error::from_str("a branch was not fetched"))?)?.tree_id();
        if !holds(&Plain { files: &files, root }, precondition.path.as_wire(), &precondition.expects) {
            found.insert(precondition.path.clone());
        }
    }
    Ok(found.into_iter().collect())
}

/// Whether a file lies where it is to be changed, or nothing at all where it is to be made.
fn fits(head: &Plain<'_>, tree: &Tree<'_>, file: &File) -> bool {
    let path = file.path.as_wire();
    if let Some(blob) = &file.blob {
        return matches!(head.left(path), Some(Left::File(id)) if id.to_string() == blob.as_wire());
    }
    // No folder of that name either, and no file where a folder is needed.
    let kind = |path: &str| tree.get_path(Path::new(path)).ok().map(|entry| entry.kind());
    let mut folders = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
    kind(path).is_none() && folders.all(|folder| kind(folder).is_none_or(|kind| kind == Some(ObjectType::Tree)))
}

fn holds(head: &Plain<'_>, path: &str, expects: &Expects) -> bool {
    match expects {
        Expects::Blob(blob) => match head.left(path) {
            Some(Left::File(id)) => id.to_string() == blob.as_wire(),
            Some(Left::Other) => blob.as_wire().is_empty(),
            Some(Left::Nothing) | None => false,
        },
        Expects::Nothing => matches!(head.left(path), None | Some(Left::Nothing)),
        Expects::Names(names) => {
            let there = head.folder(path).unwrap_or_default();
            there.iter().map(|entry| entry.name.as_str()).eq(names.iter().map(Raw::as_wire))
        }
    }
}

/// The commits since the plan that touch these paths, newest first; none where that cannot be told.
fn touching(git: &Repository, proposal: &Proposal, at: &Fetched, paths: &[Raw]) -> Vec<Commit> {
    let inputs = Inputs { files: paths.iter().map(|path| path.as_wire().to_owned()).collect(), folders: BTreeSet::new() };
    let Ok(planned) = Oid::from_str(proposal.goal.head.as_wire()) else { return Vec::new() };
    since(git, planned, at.head, &inputs).ok().flatten().unwrap_or_default()
}
