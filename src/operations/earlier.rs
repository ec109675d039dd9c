//! What was here before: the versions that git wanted of a placement one after the other, and whether Argo CD tells that it deployed them. What was
//! healthy then nobody kept; it knows no files.

use std::collections::{BTreeMap, BTreeSet};

use super::message;
use super::refusal::{Place, Refusal};
use super::scene::Scene;
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::AppKey;
use crate::domain::application::Deployment;
use crate::domain::desired::{Change, Commit};
use crate::domain::fleet::{Fleet, Part, Placement};
use crate::domain::image::Image;
use crate::domain::version::Version;
use crate::manifest::prepared::Revision;

/// What is gone back to.
#[derive(Debug, Default)]
pub(super) struct Back {
    /// The images of each application then.
    pub(super) images: BTreeMap<AppKey, Vec<Image>>,
    /// When each application had it.
    pub(super) times: Vec<Time>,
}

/// A time in which git wanted the version of an application.
#[derive(Debug)]
pub(super) struct Time {
    pub(super) place: Place,
    pub(super) app: AppKey,
    /// The version's name.
    text: Raw,
    /// Its images.
    pub(super) images: Vec<Image>,
    /// For each origin the revision that was deployed last with it; where Argo CD does not tell, what git had last with it.
    pub(super) then: Box<[Revision]>,
    /// The commit that brought it.
    commit: Commit,
    /// When the next one came; `None`: it is wanted now.
    until: Option<Timestamp>,
    /// Whether the commit after it was one that went back from it.
    was_left: bool,
    /// What Argo CD tells of it.
    seen: Seen,
}

/// What Argo CD's own history tells of a version. It keeps deployments that ended well, the last ten where nobody said otherwise
/// (`spec.revisionHistoryLimit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It was deployed then, as the deployment of this number.
    Deployed(Timestamp, i64),
    /// It is not in the history.
    NotThere,
    /// The history was not read.
    NotRead,
}

/// Finds the version to go back to: the one that is asked for, else the newest that is not the present one and that nobody went back from.
pub(super) fn found(scene: &Scene<'_>, asked: Option<&Raw>) -> Result<Back, Refusal> {
    let mut back = Back::default();
    for (placement, part) in scene.parts() {
        let place = scene.target(placement);
        let is_whole = scene.fleet.desired(&part.app).is_some_and(|desired| desired.value.is_whole);
        let present = present(scene, placement, part);
        let mut times = times(scene, placement, part);
        let position = match asked {
            Some(asked) => times.iter().position(|time| time.text == *asked),
            None => times.iter().position(|time| !time.was_left && !present.contains(&time.text)),
        };
        match (position, asked) {
            (Some(position), _) => {
                let time = times.swap_remove(position);
                back.images.insert(part.app.clone(), time.images.clone());
                back.times.push(time);
            }
            (None, Some(asked)) if present.contains(asked) => {}
            (None, Some(asked)) => return Err(Refusal::NeverHere { version: asked.clone(), place, is_whole }),
            (None, None) => return Err(Refusal::NoEarlier { place, is_whole }),
        }
    }
    let texts: BTreeSet<&Raw> = back.times.iter().map(|time| &time.text).collect();
    if texts.len() > 1 {
        let told = back.times.iter().map(|time| crate::safe!("{} in {}", time.text.shown(), time.place.shown())).collect();
        return Err(Refusal::EarlierDiffer { environment: scene.to.clone(), versions: told });
    }
    Ok(back)
}

/// What git wants of a part now.
fn present(scene: &Scene<'_>, placement: &Placement, part: &Part) -> BTreeSet<Raw> {
    let (Some(desired), Some(entry)) = (scene.fleet.desired(&part.app), scene.fleet.application(&part.app)) else { return BTreeSet::new() };
    let images = desired.value.images.as_known().map(|images| &**images).unwrap_or_default();
    let meant = scene.meant(placement, part, images, &entry.value).unwrap_or_default();
    meant.into_iter().map(|image| Version::of_image(image).text).collect()
}

/// What git wanted of a part, newest first, as far as it was one version.
fn times(scene: &Scene<'_>, placement: &Placement, part: &Part) -> Vec<Time> {
    let (Some(desired), Some(entry)) = (scene.fleet.desired(&part.app), scene.fleet.application(&part.app)) else { return Vec::new() };
    let mut found: Vec<Time> = Vec::new();
    let mut next: Option<&Commit> = None;
    for change in &*desired.value.history {
        let meant = scene.meant(placement, part, &change.images, &entry.value).unwrap_or_default();
        let texts: BTreeSet<Raw> = meant.iter().map(|image| Version::of_image(image).text).collect();
        if let (Some(text), 1) = (texts.first(), texts.len()) {
            let until = next.map(|next| next.at);
            let mut time = Time {
                place: scene.target(placement),
                app: part.app.clone(),
                text: text.clone(),
                images: meant.into_iter().cloned().collect(),
                commit: (*change.commit).clone(),
                until,
                was_left: next.is_some_and(|next| next.subject.as_str().starts_with(message::RETURNS)),
                seen: Seen::NotRead,
                then: Box::default(),
            };
            time.seen = seen(scene.fleet, &part.app, &time.commit, time.until);
            let deployed = deployment(scene.fleet, &part.app, &time.commit, time.until);
            let at = |number: usize| deployed.and_then(|deployed| deployed.revisions.get(number).cloned());
            let origins = 0..entry.value.origins.len();
            time.then = origins.map(|number| Revision { at: at(number), before: next.map(|next| next.id.clone()) }).collect();
            // Once left is left, also where the same version was there earlier.
            time.was_left |= found.iter().any(|newer| newer.was_left && newer.text == time.text);
            found.push(time);
        }
        next = Some(&change.commit);
    }
    found
}

/// Whether the version that comes to a placement is one that comes back: the last commit that changed what git wants of it went back, to images that
/// Argo CD tells of having deployed there.
pub(super) fn is_returning(fleet: &Fleet, placement: &Placement) -> bool {
    let comes_back = |part: &Part| {
        let history = fleet.desired(&part.app).map(|desired| std::sync::Arc::clone(&desired.value.history)).unwrap_or_default();
        let Some((newest, earlier)) = history.split_first() else { return false };
        let times = std::iter::once(newest).chain(earlier).zip(earlier);
        let was_deployed = |(next, time): (&Change, &Change)| {
            time.images == newest.images && matches!(seen(fleet, &part.app, &time.commit, Some(next.commit.at)), Seen::Deployed(..))
        };
        newest.commit.subject.as_str().starts_with(message::RETURNS) && times.into_iter().any(was_deployed)
    };
    placement.incoming.is_some() && !placement.parts.is_empty() && placement.parts.iter().all(comes_back)
}

fn seen(fleet: &Fleet, app: &AppKey, commit: &Commit, until: Option<Timestamp>) -> Seen {
    if fleet.detail(app).is_none() {
        return Seen::NotRead;
    }
    let found = deployment(fleet, app, commit, until);
    let found = found.and_then(|deployment| Some((deployment.deployed_at.or(deployment.started_at)?, deployment.id)));
    found.map_or(Seen::NotThere, |(at, id)| Seen::Deployed(at, id))
}

/// The newest deployment that Argo CD tells of in the time of a version.
fn deployment<'f>(fleet: &'f Fleet, app: &AppKey, commit: &Commit, until: Option<Timestamp>) -> Option<&'f Deployment> {
    let detail = fleet.detail(app)?;
    let is_in = |at: Timestamp| at >= commit.at && until.is_none_or(|until| at < until);
    let deployments = &detail.value.history;
    // What was deployed at another commit that changed what git wants is of that commit: times alone would be misled by clocks that differ, and by a
    // deployment of before that was deployed again.
    let history = fleet.desired(app).map(|desired| std::sync::Arc::clone(&desired.value.history)).unwrap_or_default();
    let others: BTreeSet<&Raw> = history.iter().map(|change| &change.commit.id).filter(|id| **id != commit.id).collect();
    let at = |deployment: &Deployment| deployment.started_at.or(deployment.deployed_at);
    // When its revision was first deployed, as far as it names one.
    let first = |deployment: &Deployment| {
        let is_same = |one: &&Deployment| one.id == deployment.id || !one.revisions.is_empty() && one.revisions == deployment.revisions;
        deployments.iter().filter(is_same).filter_map(at).min()
    };
    deployments.iter().find(|deployment| {
        let is_other = deployment.revisions.iter().any(|revision| others.contains(revision));
        at(deployment).is_some() && (deployment.revisions.contains(&commit.id) || !is_other && first(deployment).is_some_and(is_in))
    })
}

impl Back {
    /// The time of an application that is gone back to; `None`: it has the version now.
    pub(super) fn of(&self, app: &AppKey) -> Option<&Time> {
        self.times.iter().find(|time| time.app == *app)
    }

    /// Whether Argo CD tells of every application that it deployed the version there.
    pub(super) fn is_seen(&self) -> bool {
        self.times.iter().all(|time| matches!(time.seen, Seen::Deployed(..)))
    }
}

impl Time {
    /// When it was there, and who says so.
    pub(super) fn words(&self) -> Safe {
        let (text, place) = (self.text.shown(), self.place.shown());
        let began = crate::safe!("git wanted {text} in {place} from {:.0} ({}, {})", self.commit.at, self.commit.author, self.commit.short());
        let wanted = match self.until {
            Some(until) => crate::safe!("{began} to {until:.0}"),
            None => crate::safe!("{began} on"),
        };
        match self.seen {
            Seen::Deployed(at, _) => crate::safe!("{wanted}; Argo CD's history tells that it was deployed there at {at:.0}"),
            Seen::NotThere => crate::safe!("{wanted}; Argo CD's history does not tell of it: whether it ever ran there is not known"),
            Seen::NotRead => crate::safe!("{wanted}; Argo CD's history was not read: whether it ever ran there is not known"),
        }
    }

    /// Argo CD's number of its deployment.
    pub(super) const fn number(&self) -> Option<i64> {
        if let Seen::Deployed(_, number) = self.seen { Some(number) } else { None }
    }

    /// That somebody went back from it once, where that is so.
    pub(super) fn warning(&self) -> Option<Safe> {
        self.was_left.then(|| crate::safe!("somebody went back from {} in {} before", self.text.shown(), self.place.shown()))
    }
}
