//! The commit of a plan in words: a subject that people read in a log, and trailers that programs read. Trailers are the last paragraph and
//! nothing but trailers: any other line there would void all of them (git-interpret-trailers).

use std::collections::{BTreeMap, BTreeSet};

use super::edits::Edited;
use super::plan::Message;
use super::refusal::named;
use super::scene::Scene;
use crate::base::Safe;
use crate::domain::fleet::Placement;
use crate::domain::image::Image;

/// How the subject of a commit begins that goes back from a version.
pub(super) const RETURNS: &str = "rollback(";

pub(super) fn of(scene: &Scene<'_>, edited: &Edited) -> Message {
    let (service, version, from, to) = (scene.service.shown(), scene.version.text.shown(), scene.from.shown(), scene.to.shown());
    let mut body = Vec::new();
    let moving: Vec<&Placement> =
        scene.targets.iter().copied().filter(|target| target.parts.iter().any(|part| edited.moves.contains(&part.app))).collect();
    let moved: Vec<String> = moving.iter().map(|target| scene.target(target).shown().to_string()).collect();
    if moved.len() > 1 || moved.first().is_some_and(|only| only.as_str() != to.as_str()) {
        body.push(crate::safe!("Moves {}.", moved.join(", ")));
    }
    if scene.is_hotfix {
        body.push(crate::safe!("A hotfix: {from} never had {version}."));
    }
    for (revision, files) in restored(edited) {
        body.push(crate::safe!("Puts back what {} said at {revision}.", named(files.into_iter())));
    }
    let mut trailers = match &scene.back {
        None => vec![("Promoted-From", from), ("Promoted-To", to.clone())],
        Some(_) => brought(&moving).into_iter().map(|commit| ("Rollback-Of", commit)).collect(),
    };
    for (_, after) in &edited.images {
        trailers.push(("Image", reference(after)));
    }
    for (before, _) in &edited.images {
        trailers.push(("Previous-Image", reference(before)));
    }
    trailers.extend(restored(edited).into_keys().map(|revision| ("Configuration-Of", revision)));
    if scene.back.is_some() {
        trailers.extend(left(&moving).into_iter().map(|version| ("Do-Not-Promote", version)));
    }
    let mut known = Vec::new();
    trailers.retain(|trailer| {
        let is_new = !known.contains(trailer);
        known.push(trailer.clone());
        is_new
    });
    let subject = match &scene.back {
        None => crate::safe!("promote({to}): {service} {version}"),
        Some(_) => crate::safe!("{RETURNS}{to}): {service} {version}"),
    };
    Message { subject, body, trailers }
}

/// The files that become what they were, by the revision that they are of.
fn restored(edited: &Edited) -> BTreeMap<Safe, Vec<Safe>> {
    let mut found: BTreeMap<Safe, Vec<Safe>> = BTreeMap::new();
    for (file, revision) in &edited.restored {
        found.entry(revision.shown()).or_default().push(file.shown());
    }
    found
}

/// The commits that brought what is left, in full.
fn brought(moving: &[&Placement]) -> BTreeSet<Safe> {
    let wanted = moving.iter().filter_map(|placement| placement.wanted.as_ref());
    wanted.filter_map(|wanted| wanted.commit.as_ref()).map(|commit| commit.id.shown()).collect()
}

/// The versions that are left.
pub(super) fn left(moving: &[&Placement]) -> BTreeSet<Safe> {
    let wanted = moving.iter().filter_map(|placement| placement.wanted.as_ref()?.versions.as_known());
    wanted.flatten().map(|version| version.text.shown()).collect()
}

/// An image as its reference.
pub(super) fn reference(image: &Image) -> Safe {
    let tag = image.tag.as_ref().map(|tag| format!(":{}", tag.shown())).unwrap_or_default();
    let digest = image.digest.as_ref().map(|digest| format!("@{}", digest.shown())).unwrap_or_default();
    crate::safe!("{}{tag}{digest}", image.repository.shown())
}
