//! What git wants of a placement, and how far it is behind the environment that it follows: from what repositories said of its applications.
//!
//! Repositories speak in images. Which of them is the version is said by the rule of the service, else known from what runs: the images of the same
//! repositories.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::cells::Place;
use super::placement::PartFacts;
use super::source::why_not_live;
use super::{Changes, Entry, Fleet, Part, Placement, Stale};
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::application::Application;
use crate::domain::desired::{Commit, Desired};
use crate::domain::health::{Health, Known, Sync, Why};
use crate::domain::image::Image;
use crate::domain::mapping::Assignment;
use crate::domain::names::{AppKey, EnvironmentName, ServiceName, SourceId};
use crate::domain::observation::Scope;
use crate::domain::version::{self, Subject, Version, VersionRule};

/// What git wants of a placement.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The versions: one, or several where its parts want different ones.
    pub versions: Known<Vec<Version>>,
    /// The commit that brought it: since when, and by whom. `None`: not in the history that is known, or not from a commit.
    pub commit: Option<Arc<Commit>>,
    /// What overrides the files, in words.
    pub overridden: Option<Safe>,
    /// The file that says it, from the root of its repository.
    pub file: Option<Raw>,
    /// What a person should know besides: that history was rewritten.
    pub remark: Option<Safe>,
}

/// How a placement stands to the environment that it is promoted from.
#[derive(Debug, Clone, PartialEq)]
pub struct Behind {
    /// That environment.
    pub from: EnvironmentName,
    /// What it had that the placement has not.
    pub missed: Missed,
}

/// What the environment before had since it last had what a placement wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Missed {
    /// These, newest first; none: both are level.
    Steps(Box<[Step]>),
    /// It never had ours, in all of its history.
    Never,
    /// It did not have ours as far as its history was read.
    Unread,
}

/// A version that git wanted, and the commit that brought it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The version.
    pub version: Version,
    /// The commit; `None` where something outside git overrides it.
    pub commit: Option<Arc<Commit>>,
}

impl Behind {
    /// How many different versions it is behind. `None`: not a number.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        let Missed::Steps(steps) = &self.missed else { return None };
        let is_first = |(index, step): &(usize, &Step)| steps.iter().take(*index).all(|earlier| earlier.version != step.version);
        Some(steps.iter().enumerate().filter(is_first).count())
    }

    /// The different versions it is behind, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        let steps: &[Step] = if let Missed::Steps(steps) = &self.missed { steps } else { &[] };
        steps
            .iter()
            .enumerate()
            .rev()
            .filter(|(index, step)| steps.iter().skip(index + 1).all(|older| older.version != step.version))
            .map(|(_, step)| &step.version)
    }
}

/// Reads versions out of images.
#[derive(Clone, Copy)]
struct Reader<'a> {
    subject: Subject<'a>,
    rule: &'a VersionRule,
    /// The repositories whose images are the version of what runs.
    repositories: &'a [Raw],
}

impl Reader<'_> {
    fn read(&self, images: &[Image]) -> Known<Vec<Version>> {
        let by_rule = version::of_images(self.subject, self.rule, images);
        if matches!(by_rule, Known::Known(_)) {
            return by_rule;
        }
        // Some rules look at containers or workloads, which a list of images does not name.
        let mut found: Vec<Version> = images.iter().filter(|image| self.repositories.contains(&image.repository)).map(Version::of_image).collect();
        if found.is_empty() {
            return by_rule;
        }
        found.sort();
        found.dedup();
        Known::Known(found)
    }

    /// What was wanted one after the other, newest first; the present first, whatever overrides it.
    fn timeline(&self, desired: &Desired, into: &mut Vec<Step>) {
        let mut present = desired.images.as_known().and_then(|images| self.read(images).into_known()).unwrap_or_default();
        for change in &*desired.history {
            let versions = self.read(&change.images).into_known().unwrap_or_default();
            if present != versions {
                into.extend(std::mem::take(&mut present).into_iter().map(|version| Step { version, commit: None }));
            }
            present.clear();
            into.extend(versions.into_iter().map(|version| Step { version, commit: Some(change.commit.clone()) }));
        }
        into.extend(present.into_iter().map(|version| Step { version, commit: None }));
    }
}

impl Fleet {
    /// What git wants changed: of some applications only what it wanted at the revision that Argo CD compared them with, of others what those that
    /// follow them are compared with, too.
    pub(super) fn desired_changed(&mut self, compared: &[AppKey], told: &[AppKey]) -> Changes {
        let mut places: BTreeSet<Place> = told.iter().flat_map(|key| self.places_of(key)).collect();
        self.add_followers(&mut places);
        places.extend(compared.iter().flat_map(|key| self.places_of(key)));
        self.recompute(&places)
    }

    /// Adds the cells that are compared with these.
    pub(super) fn add_followers(&self, places: &mut BTreeSet<Place>) {
        if self.desired.is_empty() {
            return;
        }
        let followers: Vec<Place> =
            places.iter().flat_map(|(service, environment)| self.followers(*environment).map(move |follower| (service.clone(), follower))).collect();
        places.extend(followers);
    }

    /// Adds to a placement what git wants of it. `facts` are those it was made of.
    pub(super) fn add_wanted(&self, placement: &mut Placement, service: &ServiceName, facts: &[WantedFacts]) {
        let told: Vec<(&WantedFacts, &Entry<Desired>)> = facts.iter().filter_map(|facts| Some((facts, self.desired.get(&facts.app)?))).collect();
        if told.is_empty() {
            return;
        }
        let rule = self.landscape.version_rule(service);
        let mut wanted = Wanted { versions: Known::Known(Vec::new()), commit: None, overridden: None, file: None, remark: None };
        for (facts, entry) in told {
            let desired = &entry.value;
            let reader = Reader { subject: Subject { service, part: facts.label.as_ref(), workload: None }, rule, repositories: &facts.repositories };
            let versions = match (&desired.images, &desired.compared) {
                (_, Some(compared)) if facts.at_rest && !fits(&reader.read(compared), placement) => Known::Unknown(Why(crate::safe!(
                    "its layout is not understood: Argo CD is in sync, but by its files it would run {}",
                    shown(&reader.read(compared))
                ))),
                (Known::Known(images), _) => reader.read(images),
                (Known::Unknown(why), _) => Known::Unknown(why.clone()),
            };
            let newest = desired.history.first().filter(|change| {
                let brought = reader.read(&change.images);
                versions.as_known().is_some_and(|versions| brought.as_known() == Some(versions))
            });
            // Not the newest commit that touched the file, but the one since which the version is what it is.
            let commit = newest.map(|newest| {
                let same = desired.history.iter().take_while(|change| reader.read(&change.images) == reader.read(&newest.images));
                same.last().unwrap_or(newest).commit.clone()
            });
            if commit.as_ref().map(|commit| commit.at) > wanted.commit.as_ref().map(|commit| commit.at) {
                wanted.commit = commit;
            }
            wanted.overridden = wanted.overridden.take().or_else(|| desired.overridden.clone());
            wanted.remark = wanted.remark.take().or_else(|| desired.remark.clone());
            wanted.file = wanted.file.take().or_else(|| desired.file.clone());
            match (&mut wanted.versions, versions) {
                (Known::Known(held), Known::Known(versions)) => held.extend(versions),
                (Known::Known(_), unknown @ Known::Unknown(_)) => wanted.versions = unknown,
                (Known::Unknown(_), _) => {}
            }
        }
        if let Known::Known(versions) = &mut wanted.versions {
            versions.sort();
            versions.dedup();
            versions.shrink_to_fit();
        }
        placement.wanted = Some(Box::new(wanted));
    }

    /// Adds to a placement how it stands to the environment that it follows.
    pub(super) fn add_behind(&self, placement: &mut Placement, service: &ServiceName, environment: usize, facts: &[WantedFacts]) {
        let Some((from, members)) = self.followed(service, environment) else { return };
        let ours = match placement.wanted.as_deref() {
            Some(Wanted { versions: Known::Known(versions), .. }) if !versions.is_empty() => versions,
            _ => return,
        };
        let rule = self.landscape.version_rule(service);
        let repositories: Vec<Raw> = facts.iter().flat_map(|facts| facts.repositories.iter().cloned()).collect();
        let mut steps = Vec::new();
        let (mut is_whole, mut is_level, mut told) = (true, true, false);
        for (app, assignment) in members {
            let Some(entry) = self.desired.get(app) else { continue };
            told = true;
            is_whole &= entry.value.is_whole;
            let reader = Reader { subject: Subject { service, part: assignment.part.as_ref(), workload: None }, rule, repositories: &repositories };
            let begin = steps.len();
            reader.timeline(&entry.value, &mut steps);
            is_level &= steps.get(begin).is_some_and(|step| ours.contains(&step.version));
        }
        if !told {
            return;
        }
        // Several placements of that environment are one line of time.
        newest_first(&mut steps);
        let since = steps.iter().position(|step| ours.contains(&step.version));
        let missed = match since {
            _ if is_level => Missed::Steps(Box::default()),
            Some(since) => {
                steps.truncate(since);
                Missed::Steps(steps.into_boxed_slice())
            }
            None if is_whole => Missed::Never,
            None => Missed::Unread,
        };
        placement.behind = Some(Box::new(Behind { from, missed }));
    }

    /// What git wanted of a placement one after the other, newest first.
    #[must_use]
    pub fn wanted_before(&self, service: &ServiceName, placement: &Placement) -> Vec<Step> {
        let rule = self.landscape.version_rule(service);
        let mut steps = Vec::new();
        for part in &placement.parts {
            let (Some(entry), Some(application)) = (self.desired.get(&part.app), self.applications.get(&part.app)) else { continue };
            let subject = Subject { service, part: part.label.as_ref(), workload: None };
            let live = placement.versions.as_known().into_iter().flatten().chain(&placement.incoming);
            let repositories = repositories(&application.value, live);
            Reader { subject, rule, repositories: &repositories }.timeline(&entry.value, &mut steps);
        }
        newest_first(&mut steps);
        steps
    }

    /// Since when what git wants of a placement is not current, if it is not: its repository cannot be read.
    #[must_use]
    pub fn wanted_stale(&self, placement: &Placement) -> Option<Stale> {
        let lost = |part: &Part| {
            let desired = &self.desired.get(&part.app)?.value;
            let (id, source) = self.sources.get_key_value(&SourceId::repository(desired.repository.clone()))?;
            let status = source.scopes.get(&Scope::Desired).filter(|status| !status.state.is_live())?;
            Some(Stale { since: source.confirmed_at(&Scope::Desired), why: why_not_live(id, &status.state) })
        };
        placement.parts.iter().filter_map(lost).min_by_key(|stale| stale.since)
    }

    /// The nearest environment before this one that has the service, with the applications that it has there.
    fn followed(&self, service: &ServiceName, environment: usize) -> Option<(EnvironmentName, &[(AppKey, Assignment)])> {
        let cells = &self.services.get(service)?.cells;
        let mut place = environment;
        // Environments stand in promotion order: each step goes to the left.
        loop {
            let parent = self.landscape.environments.get(place)?.from.iter().find_map(|from| self.landscape.position(from))?;
            if parent >= place {
                return None;
            }
            if let Some(cell) = cells.get(&parent).filter(|cell| !cell.members.is_empty()) {
                return Some((self.landscape.environments.get(parent)?.name.clone(), &cell.members));
            }
            place = parent;
        }
    }

    /// The environments after this one in which how far they are behind may depend on it.
    pub(super) fn followers(&self, environment: usize) -> impl Iterator<Item = usize> {
        environment + 1..self.landscape.environments.len()
    }
}

/// What is kept of a part to read what git wants of it.
pub(super) struct WantedFacts {
    app: AppKey,
    label: Option<Raw>,
    repositories: Vec<Raw>,
    /// Argo CD is in sync with git, and nothing moves: what runs is what the files said.
    at_rest: bool,
}

impl WantedFacts {
    pub(super) fn of(facts: &PartFacts<'_>, service: &ServiceName, rule: &VersionRule) -> Self {
        let application = facts.application;
        let repositories = repositories(application, super::placement::live_versions(service, rule, facts).iter());
        let moves = application.operation.as_ref().is_some_and(|operation| operation.phase.is_open()) || application.health == Health::Progressing;
        Self { app: facts.part.app.clone(), label: facts.part.label.clone(), repositories, at_rest: application.sync == Sync::Synced && !moves }
    }
}

/// The repositories of the images that are these versions.
fn repositories<'a>(application: &Application, versions: impl Iterator<Item = &'a Version>) -> Vec<Raw> {
    let mut repositories: Vec<Raw> = Vec::new();
    for version in versions {
        for image in application.images.iter().filter(|image| Version::of_image(image) == *version) {
            if !repositories.contains(&image.repository) {
                repositories.push(image.repository.clone());
            }
        }
    }
    repositories
}

/// What overrides git is the present.
fn newest_first(steps: &mut [Step]) {
    steps.sort_by_key(|step| std::cmp::Reverse(step.commit.as_ref().map_or(Timestamp::MAX, |commit| commit.at)));
}

/// Whether what was wanted is among what runs or comes.
fn fits(wanted: &Known<Vec<Version>>, placement: &Placement) -> bool {
    let (Known::Known(wanted), Known::Known(live)) = (wanted, &placement.versions) else { return true };
    wanted.iter().any(|wanted| live.iter().chain(&placement.incoming).any(|version| version.text == wanted.text || same_digest(version, wanted)))
}

fn same_digest(one: &Version, other: &Version) -> bool {
    one.digest.is_some() && one.digest == other.digest
}

fn shown(versions: &Known<Vec<Version>>) -> Safe {
    let texts: Vec<String> = versions.as_known().into_iter().flatten().map(|version| version.text.shown().to_string()).collect();
    Safe::clean(&texts.join("+"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::Epoch;
    use crate::base::time::later;
    use crate::domain::ArgocdName;
    use crate::domain::desired::Change;
    use crate::domain::explain;
    use crate::domain::observation::{Items, Observation, Report, ReportBody, SourceState};
    use crate::domain::testing::{app_key, application, landscape};

    const T0: Timestamp = Timestamp::UNIX_EPOCH;

    fn minutes(minutes: u64) -> Timestamp {
        later(T0, Duration::from_secs(60 * minutes))
    }

    fn images(tag: &str) -> Arc<[Image]> {
        [format!("acme/checkout:{tag}").as_str(), "envoy:1"].into_iter().map(Image::read).collect()
    }

    fn commit(minute: u64, tag: &str) -> Arc<Commit> {
        let subject = crate::safe!("promote to {}", tag);
        Arc::new(Commit {
            id: Raw::from(format!("{minute:040x}").as_str()),
            author: Safe::clean("ana"),
            at: minutes(minute),
            subject,
            operation: None,
        })
    }

    /// Wants these tags one after the other, newest first, each since its minute.
    fn desired(history: &[(u64, &str)]) -> Desired {
        let change = |(minute, tag): &(u64, &str)| Change { images: images(tag), commit: commit(*minute, tag) };
        Desired {
            repository: Raw::from("gitops"),
            images: Known::Known(images(history.first().unwrap().1)),
            revision: Raw::from("head"),
            file: None,
            overridden: None,
            compared: None,
            history: history.iter().map(change).collect(),
            is_whole: true,
            remark: None,
        }
    }

    fn argocd() -> SourceId {
        SourceId::argocd(&ArgocdName::from("main"))
    }

    fn repository() -> SourceId {
        SourceId::repository(Raw::from("gitops"))
    }

    fn say(fleet: &mut Fleet, source: SourceId, body: ReportBody) {
        fleet.apply(Report { source, epoch: Epoch(1), at: T0, body });
    }

    fn wants(fleet: &mut Fleet, name: &str, desired: Desired) {
        let items = Items::Desired(vec![(app_key(name), desired)]);
        say(fleet, repository(), ReportBody::Observed(Observation::Page { items, version: None }));
    }

    /// Staging and production run these.
    fn fleet(staging: &str, production: &str) -> Fleet {
        let mut fleet = Fleet::new(landscape());
        fleet.connect(argocd(), Epoch(1), T0);
        fleet.connect(repository(), Epoch(1), T0);
        let app = |name: &str, tag: &str| (app_key(name), application(&[&format!("acme/checkout:{tag}"), "envoy:1"], "Healthy"));
        let items = Items::Applications(vec![app("checkout-staging", staging), app("checkout-production", production)]);
        say(&mut fleet, argocd(), ReportBody::State(Scope::Applications, SourceState::Live));
        say(&mut fleet, argocd(), ReportBody::Observed(Observation::Listed { scope: Scope::Applications, items, version: None }));
        say(&mut fleet, repository(), ReportBody::State(Scope::Desired, SourceState::Live));
        fleet
    }

    fn production(fleet: &Fleet) -> &Placement {
        fleet.services()["checkout"].cells[&1].placements.first().unwrap()
    }

    fn words(fleet: &Fleet) -> String {
        let mut words = String::new();
        explain::placement(&mut words, fleet, production(fleet), minutes(60)).unwrap();
        let words = words.split_once(". ").map_or("", |(_, rest)| rest);
        words.split_once(" Replicas are not known").map_or(words, |(words, _)| words).to_owned()
    }

    #[test]
    fn how_far_behind_is_counted_in_different_versions_since_the_parent_had_ours() {
        for (staging, ours, expected) in [
            (&[(9, "3"), (8, "2"), (7, "1")][..], "3", Some(0)),
            (&[(9, "3"), (8, "2"), (7, "1")], "2", Some(1)),
            (&[(9, "3"), (8, "2"), (7, "1")], "1", Some(2)),
            // There and back again is one version that ours has not.
            (&[(9, "3"), (8, "2"), (7, "3"), (6, "1")], "1", Some(2)),
            // It came back to ours: nothing is missed.
            (&[(9, "1"), (8, "2"), (7, "1")], "1", Some(0)),
            (&[(9, "2"), (8, "1"), (7, "2"), (6, "0")], "1", Some(1)),
            (&[(9, "3"), (8, "2")], "1", None),
        ] {
            let mut fleet = fleet(staging[0].1, ours);
            wants(&mut fleet, "checkout-production", desired(&[(5, ours)]));
            assert_eq!(production(&fleet).behind, None, "staging was not read yet");
            wants(&mut fleet, "checkout-staging", desired(staging));
            assert_eq!(production(&fleet).behind.as_ref().unwrap().count(), expected, "{staging:?} {ours}");
        }
        let mut fleet = fleet("3", "1");
        wants(&mut fleet, "checkout-staging", Desired { is_whole: false, ..desired(&[(9, "3")]) });
        wants(&mut fleet, "checkout-production", desired(&[(5, "1")]));
        assert_eq!(production(&fleet).behind.as_ref().unwrap().missed, Missed::Unread);
        wants(&mut fleet, "checkout-staging", desired(&[(9, "3")]));
        assert_eq!(production(&fleet).behind.as_ref().unwrap().missed, Missed::Never);
        assert_eq!(words(&fleet), "staging never had this version.");
    }

    #[test]
    fn what_git_wants_is_told_with_the_commit_that_brought_it_and_what_overrides_it() {
        let mut fleet = fleet("3", "1");
        wants(&mut fleet, "checkout-staging", desired(&[(9, "3"), (8, "2"), (7, "1")]));
        // Another image of the same file changed last.
        let mut later = desired(&[(50, "3"), (20, "3"), (5, "1")]);
        later.images = Known::Known(images("3"));
        wants(&mut fleet, "checkout-production", later);
        assert_eq!(words(&fleet), "Git wants 3 for 40m (0000000 by ana).");
        wants(
            &mut fleet,
            "checkout-production",
            Desired { overridden: Some(Safe::clean("spec.source.kustomize.images")), images: Known::Known(images("2")), ..desired(&[(5, "1")]) },
        );
        assert_eq!(words(&fleet), "Git wants 2. spec.source.kustomize.images overrides the file. 1 version behind staging: 3.");
        wants(&mut fleet, "checkout-production", Desired { images: Known::unknown("overlays/eu is not there"), ..desired(&[(5, "1")]) });
        assert_eq!(words(&fleet), "What git wants is not known: overlays/eu is not there.");
        assert_eq!(production(&fleet).behind, None);
        let why = Safe::clean("connection refused");
        say(&mut fleet, repository(), ReportBody::State(Scope::Desired, SourceState::Waiting { until: None, why }));
        assert!(words(&fleet).starts_with("Git was last read 1h ago (repository gitops: connection refused)."), "{}", words(&fleet));
    }

    #[test]
    fn an_application_in_sync_that_runs_something_else_is_a_layout_that_is_not_understood() {
        let mut fleet = fleet("3", "1");
        wants(&mut fleet, "checkout-production", Desired { compared: Some(images("1")), ..desired(&[(9, "2"), (5, "1")]) });
        assert_eq!(words(&fleet), "Git wants 2 for 51m (0000000 by ana).");
        wants(&mut fleet, "checkout-production", Desired { compared: Some(images("2")), ..desired(&[(9, "2"), (5, "1")]) });
        assert_eq!(words(&fleet), "What git wants is not known: its layout is not understood: Argo CD is in sync, but by its files it would run 2.");
    }

    #[test]
    fn what_git_wants_goes_with_its_application() {
        let mut fleet = fleet("3", "1");
        wants(&mut fleet, "checkout-production", desired(&[(5, "1")]));
        wants(&mut fleet, "checkout-staging", desired(&[(9, "3"), (5, "1")]));
        assert!(production(&fleet).behind.is_some());
        let items = Items::Applications(vec![(app_key("checkout-production"), application(&["acme/checkout:1", "envoy:1"], "Healthy"))]);
        say(&mut fleet, argocd(), ReportBody::Observed(Observation::Listed { scope: Scope::Applications, items, version: None }));
        assert_eq!(production(&fleet).behind, None);
        assert!(fleet.desired(&app_key("checkout-staging")).is_none());
    }
}
