//! The history of what an application wants: from its present back, looking only at commits that touched a file it depended on then.

use std::sync::Arc;

use git2::{Oid, Repository};

use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::domain::AppKey;
use crate::domain::application::Origin;
use crate::domain::desired::{Change, Commit, ValueKeys};
use crate::domain::image::Image;
use crate::gitops::common::Common;
use crate::gitops::index::Index;
use crate::gitops::push::TRAILER;
use crate::gitops::round::{At, Place, Round, evaluate};
use crate::manifest::tree::{Inputs, Trouble};

/// How many changes are told.
const MOST_CHANGES: usize = 50;
/// How many commits are looked at for them.
const MOST_READ: usize = 500;
/// How many commits that a merge brought are looked at for the one that made a change.
const MOST_SIDE: usize = 300;

/// Whose history is wanted, and on which branch.
pub(super) struct Walk<'w, 'r> {
    pub(super) round: &'w Round<'r>,
    pub(super) index: &'w Index,
    pub(super) keys: &'w ValueKeys,
    pub(super) key: &'w AppKey,
    pub(super) origins: &'w [Origin],
    pub(super) places: &'w [Option<Place>],
    /// The origin whose branch is walked. Those on the same branch go with it; others stay where they are.
    pub(super) primary: usize,
}

/// What was told of the history before.
#[derive(Clone, Copy)]
pub(super) struct Before<'b> {
    /// At which commit.
    pub(super) number: u32,
    pub(super) history: &'b [Change],
    pub(super) is_whole: bool,
}

/// What it wanted one after the other, newest first, and whether that reaches back to the beginning. `images`: what it wants now, where that is known.
pub(super) fn of(
    walk: &Walk<'_, '_>,
    inputs: &[Inputs],
    images: Option<Arc<[Image]>>,
    known: Option<Before<'_>>,
    common: &mut Common,
) -> (Vec<Change>, bool) {
    let Some(Place { chain: Some(chain), .. }) = walk.places.get(walk.primary).and_then(Option::as_ref) else { return (Vec::new(), false) };
    let mut found: Vec<Change> = Vec::new();
    let tell = |found: &mut Vec<Change>, images: Arc<[Image]>, number: u32, inputs: &Inputs, common: &mut Common| {
        let commit = walk.index.id(number).and_then(|id| commit_of(walk, common, id, number, inputs));
        found.extend(commit.map(|commit| Change { images, commit }));
        found.len()
    };
    let (mut wanted, mut inputs) = (images, walk.moving(inputs));
    // Where it was first known again after a time in which it could not be read.
    let mut since: Option<(u32, Inputs)> = None;
    let mut at = chain.head;
    for _ in 0..MOST_READ {
        let newest = walk.index.newest(chain, at, &inputs);
        // From here on it is what was told before.
        if let Some(known) = known.filter(|known| since.is_none() && newest.is_none_or(|newest| newest <= known.number))
            && let Some(wanted) = &wanted
            && known.history.first().is_some_and(|first| first.images == *wanted)
        {
            let room = MOST_CHANGES - found.len();
            found.extend(known.history.iter().take(room).cloned());
            return (found, known.is_whole && known.history.len() <= room);
        }
        let Some(number) = newest else { return (found, true) };
        let before = walk.index.parent(number);
        let earlier = before.map(|before| walk.read(before));
        let images = match earlier.as_ref().map(|earlier| &earlier.images) {
            None | Some(Err(Trouble::Missing(_))) => {
                if let Some(images) = wanted {
                    let (number, inputs) = since.unwrap_or((number, inputs));
                    tell(&mut found, images, number, &inputs, common);
                }
                return (found, true);
            }
            Some(Err(_)) => None,
            Some(Ok(images)) => Some(images),
        };
        match (images, &wanted) {
            (None, _) => _ = since.get_or_insert_with(|| (number, inputs.clone())),
            (Some(images), Some(later)) if **later == **images => since = None,
            (Some(images), later) => {
                if let Some(later) = later {
                    let (number, inputs) = since.take().unwrap_or_else(|| (number, inputs.clone()));
                    if tell(&mut found, Arc::clone(later), number, &inputs, common) >= MOST_CHANGES {
                        return (found, false);
                    }
                }
                since = None;
                wanted = Some(common.images(images));
            }
        }
        let (Some(before), Some(earlier)) = (before, earlier) else { return (found, true) };
        at = before;
        inputs = walk.moving(&earlier.inputs);
    }
    (found, false)
}

impl Walk<'_, '_> {
    pub(super) fn is_moving(&self, place: &Place) -> bool {
        let primary = self.places.get(self.primary).and_then(Option::as_ref);
        primary.is_some_and(|primary| primary.tip.commit == place.tip.commit)
    }

    /// What the origins on the branch depend on, together.
    fn moving(&self, inputs: &[Inputs]) -> Inputs {
        let mut all = Inputs::default();
        for (place, inputs) in self.places.iter().zip(inputs) {
            if place.as_ref().is_some_and(|place| self.is_moving(place)) {
                all.files.extend(inputs.files.iter().cloned());
                all.folders.extend(inputs.folders.iter().cloned());
            }
        }
        all
    }

    fn read(&self, number: u32) -> crate::manifest::Wanted {
        let at = |place: &Place| {
            let chain = place.chain.clone()?;
            Some(At::Number(Arc::clone(&chain), if self.is_moving(place) { number } else { chain.head }))
        };
        let at: Vec<Option<At>> = self.places.iter().map(|place| place.as_ref().and_then(at)).collect();
        evaluate(self.round, self.keys, self.key, self.origins, &at)
    }
}

/// A commit in words. Each is told once: many applications have it in common.
fn commit_of(walk: &Walk<'_, '_>, common: &mut Common, id: Oid, number: u32, inputs: &Inputs) -> Option<Arc<Commit>> {
    let git = walk.round.git;
    let landed = git.find_commit(id).ok()?;
    let at = Timestamp::from_second(landed.time().seconds()).ok()?;
    let paths: Vec<&str> = walk.index.touched_by(number, inputs).collect();
    let made = if landed.parent_count() > 1 { on_the_side(git, &landed, &paths).unwrap_or_else(|| landed.clone()) } else { landed };
    let shared = |common: &mut Common| {
        let told = in_words(&made, at);
        Commit { author: common.safe(told.author), ..told }
    };
    Some(common.commit(made.id(), |known| known.at == at, shared))
}

/// A commit as people read it, landed at this time.
pub(super) fn in_words(commit: &git2::Commit<'_>, at: Timestamp) -> Commit {
    Commit {
        id: Raw::from(commit.id().to_string()),
        author: Safe::clean(&String::from_utf8_lossy(commit.author().name_bytes())),
        at,
        subject: Safe::clean(&String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default())),
        operation: operation(commit.message_bytes()),
    }
}

/// The operation that a message names. A forge that squashes commits leaves trailers anywhere in the message; two operations in one are none.
fn operation(message: &[u8]) -> Option<OperationId> {
    let named = |line: &[u8]| {
        let id = std::str::from_utf8(line.trim_ascii()).ok()?.strip_prefix(TRAILER)?.strip_prefix(':')?;
        OperationId::read(id.trim())
    };
    let mut found = message.split(|byte| *byte == b'\n').filter_map(named);
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// The newest commit of those that a merge brought which touched one of these files.
fn on_the_side<'g>(git: &'g Repository, merge: &git2::Commit<'g>, paths: &[&str]) -> Option<git2::Commit<'g>> {
    let mut walk = git.revwalk().ok()?;
    for parent in merge.parent_ids().skip(1) {
        walk.push(parent).ok()?;
    }
    walk.hide(merge.parent_id(0).ok()?).ok()?;
    walk.set_sorting(git2::Sort::TOPOLOGICAL).ok()?;
    let made = |commit: &git2::Commit<'_>| {
        let before = commit.parent(0).ok();
        let at = |commit: &git2::Commit<'_>, path: &str| Some(commit.tree().ok()?.get_path(std::path::Path::new(path)).ok()?.id());
        commit.parent_count() <= 1 && paths.iter().any(|path| at(commit, path) != before.as_ref().and_then(|before| at(before, path)))
    };
    walk.flatten().take(MOST_SIDE).filter_map(|id| git.find_commit(id).ok()).find(made)
}
