//! Whom a request concerns, and which version it is about: the fleet's part of a plan. What is not current, not known or not one thing is refused
//! here, before a file is looked at.

use std::collections::BTreeSet;

use super::direction::Direction;
use super::earlier::{self, Back};
use super::plan::Carried;
use super::refusal::{Place, Refusal, Versioned};
use super::{By, LIFETIME, Request, argocd, brought, held, tried};
use crate::base::time::{Age, since};
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::application::Application;
use crate::domain::fleet::{Fleet, Missed, Part, Placement, Stale};
use crate::domain::image::Image;
use crate::domain::observation::SourceState;
use crate::domain::version::{self, Subject, Version, VersionRule};
use crate::domain::workload::WorkloadKey;
use crate::domain::{AppKey, EnvironmentName, Known, PlacementName, ServiceName, SourceId, SourceKind, Sync};
use crate::manifest::edit;
use crate::manifest::prepared::{self, Asked, Prepared};

/// Whom a request concerns.
pub(super) struct Scene<'f> {
    pub(super) fleet: &'f Fleet,
    pub(super) service: &'f ServiceName,
    /// Where the version is known from: the environment before; for a way back the environment itself.
    pub(super) from: EnvironmentName,
    pub(super) to: EnvironmentName,
    /// The placements of the environment before; none for a way back.
    pub(super) sources: Vec<&'f Placement>,
    /// The placements that are to move.
    pub(super) targets: Vec<&'f Placement>,
    /// The version, in words.
    pub(super) version: Version,
    /// The images that are this version in the environment before; none: it never was there.
    images: Vec<Image>,
    pub(super) is_hotfix: bool,
    /// What is gone back to, where it is a way back.
    pub(super) back: Option<Back>,
    /// By what it is gone back.
    pub(super) by: Option<By>,
}

/// What must be read of repositories before a request can be planned.
///
/// # Errors
///
/// As far as the fleet alone knows that there will be no plan.
pub fn asked(request: &Request, fleet: &Fleet, now: Timestamp) -> Result<Asked, Refusal> {
    match request {
        Request::Canary { .. } => return held::asked(request, fleet),
        // What is merged is on GitHub.
        Request::Merge { .. } => return Ok(Asked::default()),
        Request::Argocd { .. } => return argocd::asked(request, fleet, now),
        Request::Promote { .. } | Request::Return { .. } => {}
    }
    let scene = Scene::of(request, fleet, now)?;
    let parts: BTreeSet<_> = scene.parts().map(|(_, part)| &part.app).collect();
    let mut asked = Asked::default();
    for (app, entry) in fleet.applications() {
        let application = &entry.value;
        if parts.contains(app) {
            let synced = last_synced(fleet, app, application);
            let then = scene.back.as_ref().filter(|_| scene.by == Some(By::Configuration)).and_then(|back| back.of(app));
            let then = then.map(|time| time.then.clone()).unwrap_or_default();
            asked.subjects.push(prepared::Subject { app: app.clone(), origins: application.origins.clone(), synced, then });
        } else {
            asked.others.push((app.clone(), application.origins.clone()));
        }
    }
    asked.rollouts = brought::rollouts(&scene)?;
    let workloads = scene.parts().flat_map(|(_, part)| part.workloads.as_known().into_iter().flatten());
    asked.scaled = workloads.map(|key| (key.cluster.clone(), key.namespace.clone())).collect();
    Ok(asked)
}

/// The workloads whose pods are to be told before a version is moved; none where there is no plan, or where that does not matter.
#[must_use]
pub fn told_by_pods(request: &Request, fleet: &Fleet, now: Timestamp) -> Vec<WorkloadKey> {
    match request {
        Request::Promote { .. } => Scene::of(request, fleet, now).map(|scene| tried::workloads(&scene)).unwrap_or_default(),
        Request::Return { .. } | Request::Canary { .. } | Request::Merge { .. } | Request::Argocd { .. } => Vec::new(),
    }
}

/// What an application was synced to last, one revision per origin: its history says, where it was read; else, while it is in sync, what it was
/// compared with. Nothing where neither is known.
pub(super) fn last_synced(fleet: &Fleet, app: &AppKey, application: &Application) -> Box<[Raw]> {
    let newest = fleet.detail(app).and_then(|entry| entry.value.history.first());
    match newest {
        Some(deployment) => deployment.revisions.iter().cloned().collect(),
        None if application.sync == Sync::Synced => application.revisions.clone(),
        None => Box::default(),
    }
}

impl<'f> Scene<'f> {
    pub(super) fn of(request: &'f Request, fleet: &'f Fleet, now: Timestamp) -> Result<Self, Refusal> {
        let (service, to) = (request.service(), request.to());
        let (from, version, placements) = match request {
            Request::Promote { from, version, placements, .. } => (from.as_ref(), version, placements),
            Request::Return { version, placements, .. } => (None, version, placements),
            Request::Canary { .. } | Request::Merge { .. } | Request::Argocd { .. } => (None, &None, &None),
        };
        for asked in std::iter::once(to).chain(from) {
            must_be_known(fleet, service, asked)?;
        }
        let what = match fleet.landscape().version_rule(service) {
            VersionRule::Chart => Some(Versioned::Chart),
            VersionRule::Revision => Some(Versioned::Revision),
            VersionRule::Annotation { .. } => Some(Versioned::Annotation),
            VersionRule::Auto | VersionRule::Image { .. } | VersionRule::Container { .. } => None,
        };
        if let Some(what) = what {
            return Err(Refusal::NotAnImage { service: service.clone(), what });
        }
        let targets = chosen(fleet, deployed(fleet, service, to), to, placements.as_deref(), service)?;
        let (from, sources): (_, Vec<&Placement>) = match request {
            Request::Promote { .. } => {
                let from = followed(fleet, service, from, to)?;
                let sources = deployed(fleet, service, &from).iter().collect();
                (from, sources)
            }
            Request::Return { .. } | Request::Canary { .. } | Request::Merge { .. } | Request::Argocd { .. } => (to.clone(), Vec::new()),
        };
        let mut scene = Self {
            fleet,
            service,
            from,
            to: to.clone(),
            sources,
            targets,
            version: Version { text: Raw::default(), digest: None, kind: version::VersionKind::Image },
            images: Vec::new(),
            is_hotfix: false,
            back: None,
            by: if let Request::Return { by, .. } = request { Some(*by) } else { None },
        };
        scene.must_be_current(now)?;
        match request {
            Request::Promote { hotfix, .. } => scene.choose(version.as_ref(), *hotfix)?,
            Request::Return { .. } => {
                let back = earlier::found(&scene, version.as_ref())?;
                scene.images = back.images.values().flatten().cloned().collect();
                match (scene.images.first(), version) {
                    (Some(first), _) => scene.version = Version::of_image(first),
                    // Everything is there already.
                    (None, Some(version)) => scene.version.text = version.clone(),
                    (None, None) => {}
                }
                scene.back = Some(back);
            }
            Request::Canary { .. } | Request::Merge { .. } | Request::Argocd { .. } => {}
        }
        Ok(scene)
    }

    /// The parts of all placements that are to move.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'f Placement, &'f Part)> {
        self.targets.iter().flat_map(|placement| placement.parts.iter().map(|part| (*placement, part)))
    }

    pub(super) fn target(&self, placement: &Placement) -> Place {
        Place { environment: self.to.clone(), placement: placement.name.clone() }
    }

    pub(super) fn source(&self, placement: &Placement) -> Place {
        Place { environment: self.from.clone(), placement: placement.name.clone() }
    }

    /// Refuses where anything that the plan will rest on is not current.
    fn must_be_current(&self, now: Timestamp) -> Result<(), Refusal> {
        let sides = [(&self.sources, true), (&self.targets, false)];
        for (placement, is_source) in sides.iter().flat_map(|(side, is_source)| side.iter().map(move |placement| (*placement, *is_source))) {
            let place = if is_source { self.source(placement) } else { self.target(placement) };
            // What Argo CD deployed before does not depend on what the repository says now.
            let wanted_stale = || self.fleet.wanted_stale(placement).filter(|_| self.by != Some(By::History));
            if let Some(stale) = self.fleet.stale(placement, now).or_else(wanted_stale) {
                return Err(Refusal::Stale { place, why: told(&stale, now) });
            }
            if let Some(id) = placement.parts.iter().find_map(|part| self.is_being_listed(part)) {
                return Err(Refusal::Stale { place, why: crate::safe!("{} {} is still being listed", id.kind, id.name.shown()) });
            }
            if is_source {
                continue;
            }
            let Some(wanted) = &placement.wanted else {
                return Err(Refusal::Unread { place, why: unread(self.fleet) });
            };
            if let Known::Unknown(why) = &wanted.versions {
                return Err(Refusal::NotUnderstood { place, why: why.0.clone() });
            }
        }
        Ok(())
    }

    /// The Argo CD instance of a part, while its first list is not whole: which other applications render the same files is not known until then.
    fn is_being_listed(&self, part: &Part) -> Option<SourceId> {
        let id = SourceId::argocd(&part.app.argocd);
        let source = self.fleet.sources().get(&id)?;
        source.scopes.values().any(|status| status.state == SourceState::Connecting).then_some(id)
    }

    /// Refuses what was read too long ago.
    pub(super) fn must_be_read_lately(&self, prepared: &Prepared, now: Timestamp) -> Result<(), Refusal> {
        match self.targets.first() {
            Some(placement) if since(prepared.at, now) > LIFETIME => {
                let why = crate::safe!("the repository was read {} ago", Age::of(prepared.at, now));
                Err(Refusal::Stale { place: self.target(placement), why })
            }
            _ => Ok(()),
        }
    }

    fn choose(&mut self, asked: Option<&Raw>, may_be_new: bool) -> Result<(), Refusal> {
        let running = self.running();
        let Some(asked) = asked else {
            let images = running?;
            let Some(first) = images.first() else { return Err(self.mixed()) };
            let of = |image: &Image| Version::of_image(image);
            let is_one = images.iter().all(|image| of(image).text == of(first).text);
            let same_digest = |one: &Image, other: &Image| one.repository != other.repository || one.digest == other.digest;
            if !is_one || images.iter().any(|one| images.iter().any(|other| !same_digest(one, other))) {
                return Err(self.mixed());
            }
            self.version = of(first);
            self.images = images;
            return Ok(());
        };
        let before = self.images_before();
        let mut images: Vec<Image> = Vec::new();
        // What runs comes first: of one tag that was pushed twice, it is what was tried last.
        for image in running.into_iter().flatten().chain(before).filter(|image| Version::of_image(image).text == *asked) {
            if !images.iter().any(|held| held.repository == image.repository) {
                images.push(image);
            }
        }
        match images.first() {
            Some(first) => self.version = Version::of_image(first),
            None if may_be_new => {
                self.version.text = asked.clone();
                self.is_hotfix = true;
            }
            None => return Err(Refusal::NeverThere { version: asked.clone(), from: self.from.clone(), is_whole: self.is_whole() }),
        }
        self.images = images;
        Ok(())
    }

    /// The images that are the version in the environment before.
    fn running(&self) -> Result<Vec<Image>, Refusal> {
        let mut found = Vec::new();
        for placement in &self.sources {
            let unknown = |why: &Safe| Refusal::UnknownVersion { place: self.source(placement), why: why.clone() };
            match (&placement.versions, &placement.unversioned) {
                (Known::Unknown(why), _) | (Known::Known(_), Some(why)) => return Err(unknown(&why.0)),
                (Known::Known(_), None) => {}
            }
            for part in &placement.parts {
                let Some(entry) = self.fleet.application(&part.app) else { continue };
                let images = self.meant(placement, part, &entry.value.images, &entry.value).map_err(|why| unknown(&why))?;
                // During a canary what runs is the stable version: the other one was not tried to its end.
                let is_running = |image: &&Image| placement.versions.as_known().is_some_and(|versions| versions.contains(&Version::of_image(image)));
                found.extend(images.into_iter().filter(is_running).cloned());
            }
        }
        Ok(found)
    }

    /// The images that git wanted there before, newest first.
    fn images_before(&self) -> Vec<Image> {
        let mut found = Vec::new();
        for (placement, part) in self.sources.iter().flat_map(|placement| placement.parts.iter().map(move |part| (*placement, part))) {
            let (Some(desired), Some(entry)) = (self.fleet.desired(&part.app), self.fleet.application(&part.app)) else { continue };
            for change in &*desired.value.history {
                found.extend(self.meant(placement, part, &change.images, &entry.value).into_iter().flatten().cloned());
            }
        }
        found
    }

    fn is_whole(&self) -> bool {
        let mut parts = self.sources.iter().flat_map(|placement| &placement.parts);
        parts.all(|part| self.fleet.desired(&part.app).is_some_and(|desired| desired.value.is_whole))
    }

    /// Which of a part's images are the version of the service: by its rule, else as what runs says.
    pub(super) fn meant<'i>(
        &self,
        placement: &Placement,
        part: &Part,
        images: &'i [Image],
        application: &Application,
    ) -> Result<Vec<&'i Image>, Safe> {
        let subject = Subject { service: self.service, part: part.label.as_ref(), workload: None };
        let why = match version::meant(subject, self.fleet.landscape().version_rule(self.service), images) {
            Known::Known(meant) => return Ok(meant),
            Known::Unknown(why) => why.0,
        };
        // Some rules look at containers or workloads, which a list of images does not name.
        let live = || placement.versions.as_known().into_iter().flatten().chain(&placement.incoming);
        let is_live = |image: &&Image| live().any(|version| *version == Version::of_image(image));
        let repositories: BTreeSet<&Raw> = application.images.iter().filter(is_live).map(|image| &image.repository).collect();
        if repositories.len() != 1 {
            return Err(why);
        }
        let meant: Vec<&Image> = images.iter().filter(|image| repositories.contains(&image.repository)).collect();
        if meant.is_empty() { Err(why) } else { Ok(meant) }
    }

    /// Where it leads. Going back leads toward safety only where nothing is known, and nothing unknown, that makes it a risk.
    pub(super) fn direction(&self, carried: &[Carried], more: &[Safe]) -> Direction {
        if self.back.is_some() && self.risks(carried, more).is_empty() { Direction::Safety } else { Direction::Risk }
    }

    /// Why going back leads toward risk: Argo CD does not tell that the version was deployed there, or its sync brings more than that. Nothing for
    /// what is no way back. `more`: what rendering tells of that.
    pub(super) fn risks(&self, carried: &[Carried], more: &[Safe]) -> Vec<Safe> {
        let Some(back) = &self.back else { return Vec::new() };
        let unseen = (!back.is_seen()).then(|| crate::safe!("Argo CD does not tell that {} was deployed there", self.version.text.shown()));
        let mut risks: Vec<Safe> = unseen.into_iter().chain(carried.iter().flat_map(Carried::reasons)).chain(more.iter().cloned()).collect();
        risks.dedup();
        risks
    }

    /// What an image of a repository is to become: the digest is that of the same repository, or of one with the same last part. What an application goes
    /// back to is its own, with the name that it had.
    pub(super) fn version_of(&self, app: &AppKey, repository: &Raw) -> (edit::Version, Option<&Image>) {
        let own = self.back.as_ref().and_then(|back| back.images.get(app));
        let images = own.unwrap_or(&self.images);
        let same = images.iter().find(|image| image.repository == *repository);
        let image = same.or_else(|| images.iter().find(|image| image.short_name() == last_part(repository)));
        if let (Some(image), Some(_)) = (image, own) {
            let name = (image.repository != *repository).then(|| image.repository.clone());
            return (edit::Version { tag: image.tag.clone(), digest: image.digest.clone(), name }, Some(image));
        }
        let (tag, digest) = match image.or(images.first()) {
            Some(of) => (of.tag.clone(), image.and_then(|image| image.digest.clone())),
            None if self.version.text.as_wire().starts_with("sha256:") => (None, Some(self.version.text.clone())),
            None => (Some(self.version.text.clone()), None),
        };
        (edit::Version { tag, digest, name: None }, image)
    }

    fn mixed(&self) -> Refusal {
        let told = |placement: &&Placement| {
            let text = placement.version_text().unwrap_or_else(|| Safe::clean("?"));
            crate::safe!("{text} in {}", self.source(placement).shown())
        };
        Refusal::Mixed { environment: self.from.clone(), versions: self.sources.iter().map(told).collect() }
    }
}

fn last_part(repository: &Raw) -> &str {
    let repository = repository.as_wire();
    repository.rsplit_once('/').map_or(repository, |(_, name)| name)
}

pub(super) fn told(stale: &Stale, now: Timestamp) -> Safe {
    match stale.since {
        Some(since) => crate::safe!("last read {} ago ({})", Age::of(since, now), stale.why),
        None => crate::safe!("never read ({})", stale.why),
    }
}

/// Refuses what is not there: an environment, a service. It may be that not all was read.
pub(super) fn must_be_known(fleet: &Fleet, service: &ServiceName, environment: &EnvironmentName) -> Result<(), Refusal> {
    let landscape = fleet.landscape();
    if landscape.environment(environment).is_none() {
        let known = landscape.environments.iter().map(|environment| environment.name.clone()).collect();
        return Err(Refusal::NoEnvironment { asked: environment.clone(), known });
    }
    if !fleet.services().contains_key(service) {
        absent(fleet, || crate::safe!("Whether there is a service '{}'", service.shown()))?;
        return Err(Refusal::NoService(service.clone()));
    }
    Ok(())
}

pub(super) fn deployed<'f>(fleet: &'f Fleet, service: &ServiceName, environment: &EnvironmentName) -> &'f [Placement] {
    fleet.cell(service, environment).map_or(&[], |cell| cell.placements.as_slice())
}

pub(super) fn chosen<'f>(
    fleet: &'f Fleet,
    all: &'f [Placement],
    to: &EnvironmentName,
    only: Option<&[PlacementName]>,
    service: &ServiceName,
) -> Result<Vec<&'f Placement>, Refusal> {
    if all.is_empty() {
        absent(fleet, || crate::safe!("Whether {} is deployed in {}", service.shown(), to.shown()))?;
        return Err(Refusal::NotDeployed(service.clone(), to.clone()));
    }
    let Some(only) = only else { return Ok(all.iter().collect()) };
    if let Some(asked) = only.iter().find(|name| !all.iter().any(|placement| placement.name == **name)) {
        let asked = Place { environment: to.clone(), placement: asked.clone() };
        absent(fleet, || crate::safe!("Whether there is a placement {}", asked.shown()))?;
        return Err(Refusal::NoPlacement { asked, known: all.iter().map(|placement| placement.name.clone()).collect() });
    }
    Ok(all.iter().filter(|placement| only.contains(&placement.name)).collect())
}

/// Why no repository says what it wants of a placement: one that is not read now may be the one that would.
fn unread(fleet: &Fleet) -> Safe {
    let repositories = fleet.sources().iter().filter(|(id, _)| id.kind == SourceKind::Repository);
    let mut lost = repositories.filter_map(|(id, source)| match source.worst().map(|(_, status)| &status.state) {
        Some(SourceState::Waiting { why, .. } | SourceState::Denied { why, .. } | SourceState::Off { why }) => {
            Some(crate::safe!("repository {}: {why}", id.name.shown()))
        }
        Some(SourceState::Connecting) => Some(crate::safe!("repository {} is still being read", id.name.shown())),
        Some(SourceState::Live) | None => None,
    });
    let none = || Safe::clean("no repository that is read here has its files, [[repositories]] in the configuration names those that are");
    lost.next().unwrap_or_else(none)
}

/// Refuses to conclude that something is not there while an Argo CD instance was never listed as a whole: it may be there.
pub(super) fn absent(fleet: &Fleet, what: impl FnOnce() -> Safe) -> Result<(), Refusal> {
    for (id, source) in fleet.sources().iter().filter(|(id, _)| id.kind == SourceKind::Argocd) {
        let unheard = source.scopes.values().find(|status| status.confirmed_at.is_none());
        let why = match unheard.map(|status| &status.state) {
            Some(SourceState::Waiting { why, .. } | SourceState::Denied { why, .. } | SourceState::Off { why }) => why.clone(),
            Some(SourceState::Connecting | SourceState::Live) => Safe::clean("it is still being listed"),
            None if source.scopes.is_empty() => Safe::clean("it said nothing yet"),
            None => continue,
        };
        return Err(Refusal::NotAllRead { what: what(), why: crate::safe!("argocd {}: {why}", id.name.shown()) });
    }
    Ok(())
}

/// The environment to promote from: the nearest that has the service, along each way that leads there.
fn followed(fleet: &Fleet, service: &ServiceName, asked: Option<&EnvironmentName>, to: &EnvironmentName) -> Result<EnvironmentName, Refusal> {
    let (mut open, mut seen, mut follows): (Vec<&EnvironmentName>, BTreeSet<&EnvironmentName>, Vec<EnvironmentName>) =
        (vec![to], BTreeSet::new(), Vec::new());
    while let Some(next) = open.pop() {
        for parent in fleet.landscape().environment(next).into_iter().flat_map(|environment| &environment.from) {
            if !seen.insert(parent) {
                continue;
            }
            if deployed(fleet, service, parent).is_empty() {
                absent(fleet, || crate::safe!("Whether {} is deployed in {}", service.shown(), parent.shown()))?;
                open.push(parent);
            } else {
                follows.push(parent.clone());
            }
        }
    }
    follows.sort_by_key(|name| fleet.landscape().position(name));
    match (asked, follows.as_slice()) {
        (_, []) => Err(Refusal::FollowsNothing(service.clone(), to.clone())),
        (Some(asked), _) if follows.contains(asked) => Ok(asked.clone()),
        (Some(asked), _) => Err(Refusal::DoesNotFollow { from: asked.clone(), to: to.clone(), follows }),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Refusal::FollowsSeveral { to: to.clone(), follows }),
    }
}

/// Whether a placement is ahead: the environment before never had what git wants of it.
pub(super) fn is_ahead(placement: &Placement) -> bool {
    placement.behind.as_ref().is_some_and(|behind| behind.missed == Missed::Never)
}
