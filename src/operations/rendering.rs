//! What renderers make of a plan: what is to be rendered, what came of it, and whether that is more than the version that the plan is about. It runs no
//! renderer.

use std::collections::BTreeMap;

use super::edits::Edited;
use super::scene::{Scene, last_synced};
use crate::base::{Raw, Safe, counted};
use crate::domain::AppKey;
use crate::domain::image::Image;
use crate::manifest::prepared::Prepared;
use crate::manifest::rendered::{Differing, Differs, Ends, Fate, Rendering, Wish};

/// What rendering came to for each application: what differs, or why that is not told.
pub type Answers = BTreeMap<AppKey, Result<Rendering, Safe>>;

/// How far the rendering of a plan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered {
    /// This is still to be rendered; nothing where the plan changes no files.
    Wanted(Vec<Wish>),
    /// What came of it.
    Told(Answers),
}

impl Default for Rendered {
    fn default() -> Self {
        Self::Told(BTreeMap::new())
    }
}

/// What is to be rendered: each application that moves, as it was synced last and with the new bytes.
pub(super) fn wishes(scene: &Scene<'_>, edited: &Edited, prepared: &Prepared) -> Vec<Wish> {
    let wish = |app: &AppKey| {
        let (facts, application) = prepared.applications.get(app).zip(scene.fleet.application(app))?;
        let between = facts.carried.as_known();
        // What was synced last is the beginning where it is known to be on the branch.
        let synced = between.map(|_| last_synced(scene.fleet, app, &application.value)).unwrap_or_default();
        let ends = |(number, place): (usize, &Option<usize>)| {
            let branch = prepared.branches.get((*place)?)?;
            let before = synced.get(number).filter(|revision| !revision.is_empty()).unwrap_or(&branch.head);
            Some(Ends { repository: branch.repository.clone(), before: before.clone(), after: branch.head.clone() })
        };
        let places = facts.branches.iter().enumerate().filter(|(_, place)| **place == Some(edited.branch)).map(|(place, _)| place);
        let files = places.flat_map(|place| edited.files.iter().map(move |file| (place, file.file.clone(), file.after.clone())));
        Some(Wish {
            app: app.clone(),
            namespace: application.value.destination.namespace.clone(),
            origins: facts.origins.clone(),
            branches: facts.branches.iter().enumerate().map(ends).collect(),
            between: between.into_iter().flatten().map(|commit| commit.id.clone()).collect(),
            files: files.collect(),
        })
    };
    edited.moves.iter().filter_map(wish).collect()
}

impl Rendered {
    /// What was rendered, where it is what is wished for now.
    pub(super) fn of(wishes: Vec<Wish>, (asked, answers): &(Vec<Wish>, Answers)) -> Self {
        let is_same = wishes.len() == asked.len() && wishes.iter().zip(asked).all(|(one, other)| one.is_as(other));
        if is_same { Self::Told(answers.clone()) } else { Self::Wanted(wishes) }
    }

    /// What it came to for an application, where it could be rendered.
    #[must_use]
    pub fn of_app(&self, app: &AppKey) -> Option<&Rendering> {
        if let Self::Told(answers) = self { answers.get(app)?.as_ref().ok() } else { None }
    }

    /// Each application with what came of it.
    pub fn told(&self) -> impl Iterator<Item = (&AppKey, &Result<Rendering, Safe>)> {
        let answers = if let Self::Told(answers) = self { Some(answers) } else { None };
        answers.into_iter().flatten()
    }

    /// What it makes different beside these images, in a few words each; that it is not known yet, where it is not. Where nothing could be rendered,
    /// files are what is known, and that is told elsewhere.
    pub(super) fn more(&self, images: &[(Image, Image)]) -> Vec<Safe> {
        if let Self::Wanted(_) = self {
            return vec![Safe::clean("what it renders to is not known yet")];
        }
        let objects = self.told().filter_map(|(_, answer)| answer.as_ref().ok()).flat_map(|rendering| &rendering.objects);
        let mut more: Vec<Safe> =
            objects.filter(|differing| !is_ours(differing, images)).map(|differing| crate::safe!("rendered, {}", differing.words())).collect();
        more.dedup();
        more
    }

    /// What nobody knows of it.
    pub(super) fn not_known(&self) -> Vec<Safe> {
        let unread = |why: &Safe, app: &AppKey| {
            crate::safe!("what the manifests of {} look like when they are rendered: {why}; files are compared", app.name.shown())
        };
        self.told().filter_map(|(app, answer)| answer.as_ref().err().map(|why| unread(why, app))).collect()
    }
}

/// Whether an object differs in nothing but these images, and labels and annotations that carry them.
fn is_ours(differing: &Differing, images: &[(Image, Image)]) -> bool {
    differing.fate == Fate::Changes && differing.values.iter().all(|value| images.iter().any(|(before, after)| is_of(value, before, after)))
}

fn is_of(value: &Differs, before: &Image, after: &Image) -> bool {
    let (Some(then), Some(now)) = (value.before.as_ref().map(Raw::as_wire), value.after.as_ref().map(Raw::as_wire)) else { return false };
    let path = value.path.as_str();
    if path.rsplit('.').next() == Some("image") {
        return Image::read(then) == *before && Image::read(now) == *after;
    }
    // What selects pods is more than a label: another selector is another set of pods.
    let is_label = path.contains("metadata.labels") || path.contains("metadata.annotations");
    let said = |image: &Image| [image.tag.clone(), image.digest.clone()];
    let mut pairs = said(before).into_iter().zip(said(after)).filter_map(|(one, other)| one.zip(other));
    is_label && pairs.any(|(one, other)| !one.is_empty() && then.replace(one.as_wire(), other.as_wire()) == now)
}

/// What differs, counted: `2 objects in 3 values`.
#[must_use]
pub fn counts(rendering: &Rendering) -> Safe {
    let values: usize = rendering.objects.iter().map(|differing| differing.values.len()).sum();
    if values == 0 {
        return Safe::clean("nothing differs");
    }
    crate::safe!("{} in {}", counted(rendering.objects.len() as u64, "object differs", "objects differ"), counted(values as u64, "value", "values"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::rendered::compared;

    #[test]
    fn only_the_image_and_labels_that_carry_it_are_ours() {
        let pair = [(Image::read("a:1"), Image::read("a:2@sha256:c"))];
        let manifest = |image: &str, label: &str, selector: &str, env: &str| {
            format!(
                "kind: Deployment\nmetadata: {{name: a, labels: {{v: '{label}'}}}}\nspec: {{selector: {{matchLabels: {{v: '{selector}'}}}}, template: \
                 {{spec: {{containers: [{{name: a, image: '{image}', env: '{env}'}}]}}}}}}\n"
            )
        };
        let before = manifest("a:1", "v1", "1", "1");
        for (what, after, is_ours) in [
            ("the image alone", manifest("a:2@sha256:c", "v1", "1", "1"), true),
            ("a label with its tag", manifest("a:2@sha256:c", "v2", "1", "1"), true),
            ("another image", manifest("a:3", "v1", "1", "1"), false),
            ("a label that says something else", manifest("a:2@sha256:c", "w", "1", "1"), false),
            ("a selector", manifest("a:2@sha256:c", "v2", "2", "1"), false),
            ("a variable", manifest("a:2@sha256:c", "v2", "1", "2"), false),
            ("an object more", format!("{before}---\nkind: Service\nmetadata: {{name: a}}\n"), false),
        ] {
            let rendering = compared(Safe::default(), before.as_bytes(), after.as_bytes()).unwrap();
            let app = AppKey { argocd: "main".into(), namespace: "argocd".into(), name: Raw::from("a") };
            let told = Rendered::Told(BTreeMap::from([(app, Ok(rendering))]));
            assert_eq!(told.more(&pair).is_empty(), is_ours, "{what}: {:?}", told.more(&pair));
        }
        assert_eq!(Rendered::Wanted(Vec::new()).more(&pair).len(), 1, "what is not known yet is no safety");
    }
}
