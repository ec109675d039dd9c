//! The configuration of an earlier deployment: the files that nothing but one placement renders become what they were then, to the byte. What others
//! render too stays as it is and is named; no file is deleted.

use std::collections::BTreeSet;

use super::{Desk, Place, Refusal, places, trees};
use crate::base::{Raw, Safe, counted};
use crate::domain::desired::Commit;
use crate::domain::fleet::Placement;
use crate::domain::image::Image;
use crate::domain::{AppKey, Known};
use crate::manifest::prepared::{Facts, File, Snapshot, Then, Was};
use crate::manifest::tree::Inputs;
use crate::manifest::{Question, objects, read};
use crate::operations::refusal::named;

/// How many commits are named whose changes a file loses.
const MOST_NAMED: usize = 3;

impl Desk<'_> {
    /// Lays what the files of an application were over those that only its placement renders, where configuration is to go back; hands back the images
    /// that they say then. Nothing where it is not.
    pub(super) fn restore(&mut self, placement: &Placement, app: &AppKey, of: (&Question<'_>, &Facts)) -> Result<Vec<Image>, Refusal> {
        let time = self.scene.back.as_ref().filter(|_| self.restores).and_then(|back| back.of(app));
        let Some(time) = time else { return Ok(Vec::new()) };
        let (question, facts) = of;
        let place = self.scene.target(placement);
        let unknown = |why: Safe| Refusal::Configuration { place: place.clone(), why };
        let then = match &facts.then {
            Some(Known::Known(then)) if then.asked == time.then => then,
            Some(Known::Unknown(why)) => return Err(unknown(why.0.clone())),
            _ => return Err(Refusal::Changed(app.clone())),
        };
        if !time.images.iter().all(|image| then.images.contains(image)) {
            let version = self.scene.version.text.shown();
            return Err(unknown(crate::safe!("at {} its files do not say {version}, so that is not the deployment that is meant", revisions(then))));
        }
        let (own, stay): (Vec<&Was>, Vec<&Was>) = then.files.iter().partition(|was| self.others(was, placement).is_empty());
        let mut tried = self.laid.clone();
        for was in &own {
            lay(&mut tried, was).map_err(unknown)?;
        }
        let wanted = read(question, &trees(facts, &tried));
        let images = wanted.images.map_err(|trouble| unknown(crate::safe!("with the files of then, {}", trouble.why())))?;
        let inputs = facts.branches.iter().zip(wanted.inputs);
        let inputs: Vec<(usize, Inputs)> = inputs.filter_map(|(branch, inputs)| Some(((*branch)?, inputs))).collect();
        // What is rendered no more, or was rendered by others only, is left alone.
        let is_rendered = |was: &&Was| inputs.iter().any(|(branch, inputs)| *branch == was.branch && depends(tried.get(*branch), inputs, &was.path));
        let (own, left): (Vec<&Was>, Vec<&Was>) = own.into_iter().partition(is_rendered);
        if let Some(newer) = own.iter().find(|was| was.file.is_none()) {
            let file = Safe::clean(&newer.path);
            return Err(unknown(crate::safe!(
                "{file} is newer, would still be rendered, and no way back deletes files: delete it in a commit of its own first"
            )));
        }
        for was in &own {
            if self.prepared.branches.get(was.branch).is_none_or(|branch| branch.name().is_none()) {
                return Err(Refusal::Pinned { app: app.clone(), revision: then.commits.get(&was.branch).cloned().unwrap_or_default() });
            }
            lay(&mut self.laid, was).map_err(unknown)?;
            let revision = then.commits.get(&was.branch).cloned().unwrap_or_default();
            self.restored.insert((was.branch, Raw::from(was.path.as_str())), revision);
            self.moves.insert(app.clone());
        }
        let stay: Vec<(&Was, Vec<Safe>)> = stay.into_iter().map(|was| (was, self.others(was, placement))).collect();
        self.told.extend(gone_back(then, &own));
        self.stay.extend(staying(&stay, &left));
        self.inputs.extend(inputs);
        Ok(images)
    }

    /// What else renders a file; nothing where only this service in this placement does. Not known is something else.
    fn others(&self, was: &Was, placement: &Placement) -> Vec<Safe> {
        let Some(apps) = self.prepared.feeds.get(&(was.branch, was.path.clone())) else {
            return vec![Safe::clean("what, is not known")];
        };
        let places = places(self.scene.fleet);
        let mut others = Vec::new();
        for app in apps {
            let seats = places.get(app).map(Vec::as_slice).unwrap_or_default();
            if seats.is_empty() {
                others.push(crate::safe!("{} (in no cell)", app.name.shown()));
            }
            for (service, environment, name) in seats {
                let place = Place { environment: (*environment).clone(), placement: (*name).clone() };
                if *service != self.scene.service {
                    others.push(crate::safe!("{} in {}", service.shown(), place.shown()));
                } else if **environment != self.scene.to || **name != placement.name {
                    others.push(place.shown());
                }
            }
        }
        others.dedup();
        others
    }
}

/// Lays what a file was over what it is.
fn lay(laid: &mut [Snapshot], was: &Was) -> Result<(), Safe> {
    let Some(file) = &was.file else { return Ok(()) };
    let path = Safe::clean(&was.path);
    let Some(laid) = laid.get_mut(was.branch) else { return Err(crate::safe!("the branch of {path} was not read")) };
    if let Some(Some(File { bytes: Err(why), .. })) = laid.file(&was.path) {
        return Err(crate::safe!("{path} is {why}"));
    }
    let bytes = file.bytes.as_ref().map_err(|why| crate::safe!("{path} was {why}"))?;
    laid.put(&was.path, bytes);
    Ok(())
}

/// That there is no configuration to go back.
pub(super) fn nothing() -> Safe {
    Safe::clean("in the files that nothing else renders nothing but the version differs from then")
}

/// Whether what is rendered depends on a file.
fn depends(tree: Option<&Snapshot>, inputs: &Inputs, path: &str) -> bool {
    let is_below = |folder: &String| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
    let beside = tree.map(|tree| objects::beside(tree, inputs)).unwrap_or_default();
    inputs.files.contains(path) || beside.iter().any(|other| other == path || is_below(other))
}

/// Which files go back, and whose changes they lose.
fn gone_back(then: &Then, own: &[&Was]) -> Vec<Safe> {
    let revision = revisions(then);
    let told = |was: &&Was| {
        let taken = if was.since.is_empty() { Safe::default() } else { crate::safe!(", which takes back {}", commits(&was.since)) };
        crate::safe!("{} becomes what it was at {revision}{taken}", Safe::clean(&was.path))
    };
    own.iter().map(told).collect()
}

/// Which files stay, and why.
fn staying(stay: &[(&Was, Vec<Safe>)], left: &[&Was]) -> Vec<Safe> {
    let shared = stay.iter().map(|(was, others)| {
        let others = named(others.iter().cloned());
        crate::safe!("{} stays as it is, and is not what it was then: it feeds {others} too", Safe::clean(&was.path))
    });
    let newer = left.iter().filter(|was| was.file.is_none());
    let newer = newer.map(|was| crate::safe!("{} stays where it is: it is newer, and nothing renders it any more", Safe::clean(&was.path)));
    shared.chain(newer).collect()
}

fn commits(since: &[Commit]) -> Safe {
    let shown = since.iter().take(MOST_NAMED).map(|commit| crate::safe!("\"{}\" ({}, {})", commit.subject, commit.author, commit.short()));
    let more = since.len().saturating_sub(MOST_NAMED);
    let more = (more > 0).then(|| counted(more as u64, "commit more", "commits more"));
    named(shown.chain(more.map(|more| crate::safe!("{more}"))))
}

fn revisions(then: &Then) -> Safe {
    let short: BTreeSet<&str> = then.commits.values().map(|commit| commit.as_wire().get(..7).unwrap_or(commit.as_wire())).collect();
    named(short.into_iter().map(Safe::clean))
}
