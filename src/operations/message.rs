//! The commit of a promotion in words: a subject that people read in a log, and trailers that programs read. Trailers are the last paragraph and
//! nothing but trailers: any other line there would void all of them (git-interpret-trailers).

use super::edits::Edited;
use super::plan::Message;
use super::scene::Scene;
use crate::base::Safe;
use crate::domain::image::Image;

pub(super) fn of(scene: &Scene<'_>, edited: &Edited) -> Message {
    let (service, version, from, to) = (scene.service.shown(), scene.version.text.shown(), scene.from.shown(), scene.to.shown());
    let mut body = Vec::new();
    let moved: Vec<String> = scene
        .targets
        .iter()
        .filter(|target| target.parts.iter().any(|part| edited.moves.contains(&part.app)))
        .map(|target| scene.target(target).shown().to_string())
        .collect();
    if moved.len() > 1 || moved.first().is_some_and(|only| only.as_str() != to.as_str()) {
        body.push(crate::safe!("Moves {}.", moved.join(", ")));
    }
    if scene.is_hotfix {
        body.push(crate::safe!("A hotfix: {from} never had {version}."));
    }
    let mut trailers = vec![("Promoted-From", from), ("Promoted-To", to.clone())];
    for (_, after) in &edited.images {
        trailers.push(("Image", reference(after)));
    }
    for (before, _) in &edited.images {
        trailers.push(("Previous-Image", reference(before)));
    }
    let mut known = Vec::new();
    trailers.retain(|trailer| {
        let is_new = !known.contains(trailer);
        known.push(trailer.clone());
        is_new
    });
    Message { subject: crate::safe!("promote({to}): {service} {version}"), body, trailers }
}

/// An image as its reference.
pub(super) fn reference(image: &Image) -> Safe {
    let tag = image.tag.as_ref().map(|tag| format!(":{}", tag.shown())).unwrap_or_default();
    let digest = image.digest.as_ref().map(|digest| format!("@{}", digest.shown())).unwrap_or_default();
    crate::safe!("{}{tag}{digest}", image.repository.shown())
}
