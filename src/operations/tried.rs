//! Which digest of a tag ran where it was tried, by what the pods there tell: git names a tag, and a tag can be pushed twice.

use std::collections::{BTreeMap, BTreeSet};

use super::refusal::{Place, Refusal};
use super::scene::Scene;
use crate::base::{Raw, Safe};
use crate::domain::Known;
use crate::domain::fleet::{Fleet, Placement};
use crate::domain::image::Image;
use crate::domain::workload::WorkloadKey;
use crate::manifest::edit;
use crate::safe;

/// What the pods of the environment before tell of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// All that tell it run this digest.
    One(Raw),
    /// They run several, each with where.
    Several(Vec<(Raw, Safe)>),
    /// None tells it: why.
    Unknown(Safe),
}

/// The digests that the pods of the environment before run under a tag of a repository.
fn seen(scene: &Scene<'_>, repository: &Raw, tag: &Raw) -> Seen {
    let (mut digests, mut unknown): (BTreeMap<Raw, BTreeSet<Safe>>, Option<Safe>) = (BTreeMap::new(), None);
    for placement in &scene.sources {
        let place = scene.source(placement).shown();
        if let Some(why) = untold(scene.fleet, placement) {
            unknown.get_or_insert(safe!("{why} of {place}"));
        }
        for pod in keys(placement).filter_map(|key| scene.fleet.pods(key)).flat_map(|entry| &entry.value.pods) {
            for (_, digest) in pod.images.iter().filter(|(run, _)| run.image.repository == *repository && run.image.tag.as_ref() == Some(tag)) {
                match digest {
                    Known::Known(digest) => drop(digests.entry(digest.clone()).or_default().insert(place.clone())),
                    Known::Unknown(why) => drop(unknown.get_or_insert(why.0.clone())),
                }
            }
        }
    }
    let named = |places: &BTreeSet<Safe>| super::refusal::named(places.iter().cloned());
    match (digests.first_key_value(), digests.len()) {
        (Some((only, _)), 1) => Seen::One(only.clone()),
        (Some(_), _) => Seen::Several(digests.iter().map(|(digest, places)| (digest.clone(), named(places))).collect()),
        (None, _) => Seen::Unknown(unknown.unwrap_or_else(|| safe!("no pod of {} runs it", scene.from.shown()))),
    }
}

/// Whether what the targets run can be checked: their pods are told to whoever asks.
fn is_told(scene: &Scene<'_>) -> bool {
    scene.targets.iter().all(|placement| untold(scene.fleet, placement).is_none())
}

/// What is not told of the pods of a placement.
fn untold(fleet: &Fleet, placement: &Placement) -> Option<Safe> {
    let is_unknown = placement.parts.iter().any(|part| part.workloads.as_known().is_none());
    (is_unknown || keys(placement).any(|key| fleet.pods(key).is_none())).then(|| Safe::clean("nobody told the pods"))
}

fn keys(placement: &Placement) -> impl Iterator<Item = &WorkloadKey> {
    placement.parts.iter().flat_map(|part| part.workloads.as_known().into_iter().flatten())
}

/// The digest of a tag that ran where it was tried, as far as it matters to where it goes.
pub(super) struct Tried {
    /// What is to run there; nothing where that is not known, or could not be checked.
    pub(super) expected: Option<Raw>,
    /// What a person should know.
    pub(super) words: Safe,
}

/// The digest that ran where a tag was tried, where git does not name it: what is to run is held to it, and a place that is pinned by digest gets it.
/// `source`: the image of there. Nothing where git names a digest, and for a way back.
pub(super) fn digest(
    scene: &Scene<'_>,
    (place, repository, source): (&Place, &Raw, Option<&Image>),
    version: &mut edit::Version,
    is_pinned: bool,
) -> Result<Option<Tried>, Refusal> {
    let is_same = source.is_some_and(|source| source.repository == *repository && source.digest.is_none());
    let Some(tag) = version.tag.clone().filter(|_| is_same && scene.back.is_none()) else { return Ok(None) };
    let from = scene.from.shown();
    let why = match seen(scene, repository, &tag) {
        Seen::One(digest) => {
            let words = safe!("digest as seen in the pods of {from}: {}", digest.shown());
            if is_pinned {
                version.digest = Some(digest.clone());
            }
            return Ok(Some(if is_pinned || is_told(scene) {
                Tried { expected: Some(digest), words }
            } else {
                let words = safe!("{words}; nobody tells the pods of {}, so what runs there is not held to it", place.shown());
                Tried { expected: None, words }
            }));
        }
        Seen::Several(digests) => {
            let named = super::refusal::named(digests.iter().map(|(digest, places)| safe!("{} in {places}", digest.shown())));
            safe!("the pods of {from} run {} with different digests, as after a second push of the tag: {named}", tag.shown())
        }
        Seen::Unknown(why) => safe!(
            "no digest is named in {from}, and its pods do not tell it ({why}): whether {} is still the image that ran there is not known",
            tag.shown()
        ),
    };
    if is_pinned { Err(Refusal::Undigested { place: place.clone(), tag, why }) } else { Ok(Some(Tried { expected: None, words: why })) }
}

/// The workloads whose pods are to be told before a version is moved: where it was tried, and where it is to run.
pub(super) fn workloads(scene: &Scene<'_>) -> Vec<WorkloadKey> {
    // A way back goes to what was recorded there.
    let placements = scene.sources.iter().chain(&scene.targets).filter(|_| scene.back.is_none());
    placements.flat_map(|placement| keys(placement)).cloned().collect()
}
