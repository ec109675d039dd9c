//! What a way back sends beside its commit: before it, what is under way is aborted; after it, the pods of then are promoted fully. It knows no file.

use super::edits::Edited;
use super::mutation::Mutation;
use super::refusal::Refusal;
use super::scene::Scene;
use super::{By, Read, canary, held};
use crate::base::Safe;
use crate::domain::fleet::Placement;
use crate::domain::image::Image;
use crate::manifest::prepared::Owned;

/// What is sent beside a commit.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) before: Vec<Mutation>,
    pub(super) after: Vec<Mutation>,
    /// What they do, a sentence each.
    pub(super) words: Vec<Safe>,
}

/// The Rollouts that must be read for it.
pub(super) fn rollouts(scene: &Scene<'_>) -> Result<Vec<Owned>, Refusal> {
    let mut found = Vec::new();
    for placement in scene.targets.iter().filter(|placement| is_concerned(scene, placement)) {
        found.extend(held::owned(scene.fleet, placement, &scene.target(placement))?);
    }
    Ok(found)
}

/// Whether something is sent to the Rollouts of a placement.
fn is_concerned(scene: &Scene<'_>, placement: &Placement) -> bool {
    match scene.by {
        Some(By::Abort) => placement.open_canary().is_some(),
        Some(By::Hasten) => true,
        Some(By::Commit | By::History | By::Configuration) | None => false,
    }
}

impl Beside {
    pub(super) fn of(scene: &Scene<'_>, edited: &Edited, moving: &[&Placement], read: &Read) -> Result<Self, Refusal> {
        let mut beside = Self::default();
        // What is under way is aborted also where its files are put back already.
        let concerned: Vec<&Placement> = if scene.by == Some(By::Abort) { scene.targets.clone() } else { moving.to_vec() };
        for placement in concerned.into_iter().filter(|placement| is_concerned(scene, placement)) {
            if scene.by == Some(By::Abort) { beside.abort(scene, placement, read)? } else { beside.hasten(scene, placement, &edited.images, read)? }
        }
        Ok(beside)
    }

    fn abort(&mut self, scene: &Scene<'_>, placement: &Placement, read: &Read) -> Result<(), Refusal> {
        match held::requests(scene.fleet, placement, &scene.target(placement), (canary::Verb::Abort, false), read) {
            // What git wants afterwards is told by the rest of the plan.
            Ok(sent) => {
                self.before.extend(sent.requests);
                self.words.extend(sent.words.into_iter().chain(sent.more));
            }
            // It is over, or was aborted by somebody: what is left is to put the version back.
            Err(Refusal::NotNow { why, .. }) => self.words.push(why),
            Err(refusal) => return Err(refusal),
        }
        Ok(())
    }

    fn hasten(&mut self, scene: &Scene<'_>, placement: &Placement, images: &[(Image, Image)], read: &Read) -> Result<(), Refusal> {
        let place = scene.target(placement);
        for key in held::rollouts(placement, &place, read)? {
            let facts = held::facts(read, &key, &place)?;
            let planned = canary::hasten(facts, images).map_err(|why| Refusal::NotHastened { place: place.clone(), why })?;
            if let Some(instead) = read.rollouts.instead.get(&key) {
                let why = crate::safe!("{}, and Argo CD has no action that waits for a version to come", instead.why);
                return Err(Refusal::NotHastened { place, why });
            }
            self.after.extend(planned.patches.into_iter().map(Mutation::Patch));
            self.words.extend(planned.words);
        }
        Ok(())
    }
}
