//! Following: how far a change has come, from the commit to the version seen healthy, told from the fleet alone. It claims nothing that no source said,
//! and nothing that a stale source said. Why it does not get on: `stuck`.

mod stuck;

use std::collections::{BTreeMap, BTreeSet};

use self::proposed::{BRANCHED, PULLED};
use super::mutation::Receipt;
use super::plan::Plan;
use super::refusal::Place;
use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::domain::application::Phase;
use crate::domain::canary::{Canary, Waits};
use crate::domain::fleet::{Fleet, Placement};
use crate::domain::health::{Health, Sync};
use crate::domain::image::Image;
use crate::domain::pull::PullKey;
use crate::domain::version::Version;
use crate::domain::{AppKey, EnvironmentName, Known, ServiceName};

/// A change that was sent and is followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// The operation.
    pub id: OperationId,
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub to: EnvironmentName,
    /// The version that is to run.
    pub version: Safe,
    /// The placements that move.
    pub places: Vec<Place>,
    /// The images that are to run, with the digests that were promised; none where that is not known.
    pub images: Vec<Image>,
    /// The commit, and the repository that has it.
    pub commit: Option<(Raw, Raw)>,
    /// When it was confirmed: what Argo CD began before that is not of it.
    pub began: Timestamp,
    /// How the commit gets onto its branch.
    pub route: Route,
    /// When it was sent.
    pub since: Timestamp,
    /// Revisions that contain the commit, and those that do not.
    pub traced: BTreeMap<Raw, bool>,
    /// When each rung was reached.
    pub reached: BTreeMap<Rung, Timestamp>,
}

/// How a commit gets onto its branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// It was pushed there.
    Push,
    /// By a pull request that is followed.
    Pull(PullKey),
    /// From a branch of its own, of which somebody makes a pull request by hand.
    Branch(Safe),
}

/// What a change climbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// It was proposed: a pull request is open, or a branch is there for one.
    Proposed,
    /// The checks of the pull request passed.
    Checked,
    /// Who has to has approved it.
    Approved,
    /// The commit is on the branch.
    Committed,
    /// Argo CD compares with a revision that contains it.
    Noticed,
    /// Argo CD has synced it.
    Synced,
    /// All steps of its rollouts are done.
    RolledOut,
    /// The cluster calls it healthy.
    Healthy,
    /// Every placement is seen to run the version, and nothing else, healthy.
    Verified,
}

impl Rung {
    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Checked => "checked",
            Self::Approved => "approved",
            Self::Committed => "committed",
            Self::Noticed => "Argo CD saw it",
            Self::Synced => "synced",
            Self::RolledOut => "rolled out",
            Self::Healthy => "healthy",
            Self::Verified => "verified",
        }
    }

    /// Its name for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Checked => "checked",
            Self::Approved => "approved",
            Self::Committed => "committed",
            Self::Noticed => "noticed",
            Self::Synced => "synced",
            Self::RolledOut => "rolled_out",
            Self::Healthy => "healthy",
            Self::Verified => "verified",
        }
    }
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    /// The rungs in order; those that mean nothing here are left out.
    pub rungs: Vec<Step>,
    /// How it stands.
    pub state: State,
}

/// A rung.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which.
    pub rung: Rung,
    /// When it was reached; `None`: it is not.
    pub at: Option<Timestamp>,
    /// What is to be said of it now.
    pub words: Safe,
}

/// How a change stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It goes on by itself.
    Moving,
    /// Something else comes first; it goes on by itself after that: what, and what may be done.
    Held(Safe),
    /// It waits for a person: what for.
    Waits(Safe),
    /// It does not go on by itself: why.
    Stuck(Safe),
    /// It cannot be told now: why.
    Blind(Safe),
    /// It was seen healthy everywhere.
    Verified,
    /// Git wants another version by now: which.
    Superseded(Safe),
    /// It was turned back or broke: why.
    Failed(Safe),
}

impl Followed {
    /// Begins to follow a plan that was sent. `began`: when it was confirmed; and now.
    #[must_use]
    pub fn of(id: OperationId, plan: &Plan, receipts: &[Receipt], (began, now): (Timestamp, Timestamp)) -> Self {
        let (commit, route) = proposed::told(plan.mutations(), receipts);
        let reached = commit.iter().map(|_| (route.first(), now)).collect();
        Self {
            id,
            service: plan.service.clone(),
            to: plan.to.clone(),
            version: plan.version.clone(),
            places: plan.moves.iter().map(|moves| moves.place.clone()).collect(),
            images: plan.images.clone(),
            commit: commit.zip(plan.repository().cloned()),
            route,
            began,
            since: now,
            traced: BTreeMap::new(),
            reached,
        }
    }

    /// Begins to follow what is on record. `since`: when it was begun; and now. `reached`: how far it was seen to get before.
    #[must_use]
    pub fn again(
        id: OperationId,
        service: ServiceName,
        version: Safe,
        places: Vec<Place>,
        (commit, route): (Option<(Raw, Raw)>, Route),
        (since, now): (Timestamp, Timestamp),
        mut reached: BTreeMap<Rung, Timestamp>,
    ) -> Self {
        let to = places.first().map(|place| place.environment.clone()).unwrap_or_default();
        if commit.is_some() {
            reached.entry(route.first()).or_insert(now);
        }
        Self { id, service, to, version, places, images: Vec::new(), commit, route, began: since, since, traced: BTreeMap::new(), reached }
    }

    /// Revisions of which must be known whether they contain the commit.
    #[must_use]
    pub fn untraced(&self, fleet: &Fleet) -> BTreeSet<Raw> {
        let Some((commit, _)) = &self.commit else { return BTreeSet::new() };
        let apps: Vec<&AppKey> = self.placements(fleet).flat_map(apps).collect();
        let compared = apps.iter().filter_map(|app| fleet.application(app)).flat_map(|entry| entry.value.revisions.iter());
        let read = apps.iter().filter_map(|app| fleet.desired(app)).map(|entry| &entry.value.revision);
        let revisions = compared.chain(read);
        let is_new = |revision: &&Raw| *revision != commit && !self.traced.contains_key(*revision) && !revision.is_empty();
        revisions.filter(is_new).cloned().collect()
    }

    /// The placements that move, as far as they are there.
    pub fn placements<'f>(&self, fleet: &'f Fleet) -> impl Iterator<Item = &'f Placement> {
        self.places.iter().filter_map(|place| placement(fleet, &self.service, place))
    }

    /// How far it has come, as the fleet tells it now. What was reached stays reached.
    pub fn look(&mut self, fleet: &Fleet, now: Timestamp) -> Ladder {
        let proposal = self.proposal(fleet);
        let tell = |place: &Place| match placement(fleet, &self.service, place) {
            Some(placement) => self.told(fleet, place, placement, now),
            None => Told::nowhere(place),
        };
        let told: Vec<Told> = self.places.iter().map(tell).collect();
        let rungs: &[Rung] = match (&self.route, &self.commit) {
            (Route::Pull(_), Some(_)) => &PULLED,
            (Route::Branch(_), Some(_)) => &BRANCHED,
            (Route::Push, Some(_)) => &[Rung::Committed, Rung::Noticed, Rung::Synced, Rung::RolledOut, Rung::Healthy, Rung::Verified],
            (_, None) => &[Rung::Synced, Rung::RolledOut, Rung::Healthy, Rung::Verified],
        };
        let has_rollouts = told.iter().any(|told| told.has_rollout);
        let mut steps = Vec::new();
        let mut is_open = true;
        for rung in rungs.iter().copied().filter(|rung| *rung != Rung::RolledOut || has_rollouts) {
            is_open = is_open && proposal.passed(rung) && told.iter().all(|told| told.passed(rung));
            if is_open {
                self.reached.entry(rung).or_insert(now);
            }
            let words = told.iter().filter_map(|told| told.words.get(&rung).map(|words| (told, words)));
            let words: Vec<String> = proposal
                .words
                .get(&rung)
                .map(ToString::to_string)
                .into_iter()
                .chain(words.map(|(of, words)| if told.len() > 1 { format!("{} {words}", of.place) } else { words.to_string() }))
                .collect();
            steps.push(Step { rung, at: self.reached.get(&rung).copied(), words: Safe::clean(&words.join(" · ")) });
        }
        // What the placements say is of another version until it is merged.
        let state = proposal.state.filter(|_| !is_open).unwrap_or_else(|| state(&told, is_open));
        Ladder { rungs: steps, state }
    }

    fn told(&self, fleet: &Fleet, place: &Place, placement: &Placement, now: Timestamp) -> Told {
        let mut told = Told { place: place.shown(), ..Told::default() };
        let apps: Vec<&AppKey> = apps(placement).collect();
        if let Some(stale) = fleet.stale(placement, now) {
            told.blind = Some(crate::safe!("{}: {}", told.place, stale.why));
        }
        self.noticed(fleet, &mut told, &apps);
        self.synced(fleet, &mut told, &apps, now);
        if !told.passed.contains(&Rung::Synced) {
            self.unsynced(fleet, &mut told, &apps, now);
        }
        let runs_it = self.runs(placement);
        told.has_rollout = placement.canary.is_some();
        if let Some(canary) = placement.open_canary() {
            let weight = canary.weight_actual.unwrap_or(canary.weight_asked);
            told.say(Rung::RolledOut, crate::safe!("{weight} %, step {} of {}", canary.step.min(canary.steps), canary.steps));
            match canary.waits {
                Waits::Person => told.waits = Some(crate::safe!("{}: the canary waits for a person at {weight} %", told.place)),
                Waits::Aborted if self.is_of_it(placement, canary, &told) => {
                    told.failed = Some(crate::safe!("{}: the rollout was aborted: {}", told.place, canary.message));
                }
                Waits::Aborted | Waits::Nothing | Waits::Until(_) | Waits::Analysis => {}
            }
        }
        if runs_it && placement.open_canary().is_none() {
            told.pass(Rung::RolledOut);
        }
        let is_done = placement.stuck.is_none() && placement.waiting.is_none();
        match (&placement.health, is_done) {
            (Health::Healthy, true) if runs_it => told.pass(Rung::Healthy),
            (Health::Healthy, true) => {}
            _ if told.passed.contains(&Rung::Synced) && told.failed.is_none() && stuck::of_pods(fleet, placement, &self.version).is_some() => {
                told.stuck = stuck::of_pods(fleet, placement, &self.version).map(|cause| cause.sentence(&told.place));
            }
            (Health::Degraded, _) if told.passed.contains(&Rung::Synced) && told.failed.is_none() => {
                let why = placement.stuck.clone().unwrap_or_else(|| Safe::clean("degraded"));
                told.stuck = Some(crate::safe!("{}: {why}", told.place));
            }
            _ => {
                if let Some(why) = placement.stuck.as_ref().or(placement.waiting.as_ref()) {
                    told.say(Rung::Healthy, why.clone());
                }
            }
        }
        match self.digests(fleet, placement) {
            None | Some(Known::Known(true)) if runs_it => told.pass(Rung::Verified),
            Some(Known::Known(false)) if runs_it => {
                told.failed = Some(crate::safe!("{}: another image runs under this version: its digest differs", told.place));
            }
            Some(Known::Unknown(why)) if runs_it => told.say(Rung::Verified, why.0),
            _ => {}
        }
        if let Some(wanted) = placement.wanted.as_ref().and_then(|wanted| wanted.versions.as_known())
            && told.passed.contains(&Rung::Noticed)
            && self.is_read(fleet, &apps)
            && !wanted.is_empty()
            && !self.version.is_empty()
            && wanted.iter().all(|version| version.text.shown() != self.version)
        {
            let other: Vec<String> = wanted.iter().map(|version| version.text.shown().to_string()).collect();
            told.superseded = Some(Safe::clean(&other.join("+")));
        }
        told
    }

    /// Whether what the repository is known to want was read after the commit.
    fn is_read(&self, fleet: &Fleet, apps: &[&AppKey]) -> bool {
        apps.iter().all(|app| fleet.desired(app).is_some_and(|entry| self.contains(&entry.value.revision)))
    }

    fn contains(&self, revision: &Raw) -> bool {
        self.commit.as_ref().is_some_and(|(commit, _)| commit == revision) || self.traced.get(revision).copied().unwrap_or(false)
    }

    fn noticed(&self, fleet: &Fleet, told: &mut Told, apps: &[&AppKey]) {
        for rung in [Rung::Proposed, Rung::Checked, Rung::Approved, Rung::Committed] {
            told.pass(rung);
        }
        let has_noticed =
            |app: &&AppKey| fleet.application(app).is_some_and(|entry| entry.value.revisions.iter().any(|revision| self.contains(revision)));
        if self.commit.is_none() || apps.iter().all(has_noticed) {
            told.pass(Rung::Noticed);
        }
    }

    /// Whether Argo CD began it after this was confirmed. It writes whole seconds.
    fn is_later(&self, started_at: Option<Timestamp>) -> bool {
        started_at.is_some_and(|at| at.as_second() >= self.began.as_second())
    }

    /// Why it is not synced, where somebody says so.
    fn unsynced(&self, fleet: &Fleet, told: &mut Told, apps: &[&AppKey], now: Timestamp) {
        // Argo CD writes whole seconds.
        let began = Timestamp::from_second(self.began.as_second()).unwrap_or(self.began);
        for app in apps {
            match stuck::of_sync(fleet, app, began, now) {
                Some(cause) if cause.goes_on() => told.held = told.held.take().or_else(|| Some(cause.sentence(&told.place))),
                Some(cause) => {
                    // What was asked for by hand is not tried again by anybody.
                    let is_automatic = fleet.application(app).is_some_and(|entry| entry.value.automation.enabled);
                    let is_over = cause.is_of_a_sync() && self.commit.is_none() && !is_automatic;
                    let slot = if is_over { &mut told.failed } else { &mut told.stuck };
                    *slot = slot.take().or_else(|| Some(cause.sentence(&told.place)));
                }
                None => {}
            }
        }
    }

    fn synced(&self, fleet: &Fleet, told: &mut Told, apps: &[&AppKey], now: Timestamp) {
        let mut all = told.passed.contains(&Rung::Noticed);
        for (app, entry) in apps.iter().filter_map(|app| Some((app, fleet.application(app)?))) {
            let application = &entry.value;
            let is_open = application.operation.as_ref().is_some_and(|operation| operation.phase.is_open());
            // A deployment of before is not what git wants: that the operation ended well is all that there is to see.
            let ours = application.operation.as_ref().filter(|operation| self.is_later(operation.started_at));
            let was_done = self.commit.is_none() && ours.is_some_and(|operation| operation.phase == Phase::Succeeded);
            all &= (application.sync == Sync::Synced || was_done) && !is_open;
            if is_open && !told.passed.contains(&Rung::Noticed) {
                told.say(Rung::Noticed, Safe::clean("an older sync runs first"));
            } else if is_open {
                told.say(Rung::Synced, stuck::syncing(fleet, app, now));
            }
        }
        if all {
            told.pass(Rung::Synced);
        }
    }

    /// Whether a placement runs the version, and nothing else.
    fn runs(&self, placement: &Placement) -> bool {
        // A sync of placements that want different versions, or of one whose version nobody tells, is about none.
        let is_it = |version: &Version| self.version.is_empty() || version.text.shown() == self.version;
        let is_version = |versions: &Vec<Version>| !versions.is_empty() && versions.iter().all(is_it);
        placement.unversioned.is_none() && placement.incoming.is_none() && placement.versions.as_known().is_some_and(is_version)
    }

    /// Whether what is under way in a placement is this change. What was turned back before is not: going back leaves it there until the controller has seen
    /// what git wants now.
    fn is_of_it(&self, placement: &Placement, canary: &Canary, told: &Told) -> bool {
        if self.version.is_empty() {
            return told.passed.contains(&Rung::Synced);
        }
        match &placement.incoming {
            Some(incoming) => incoming.text.shown() == self.version,
            // Where nobody tells what is stable, what runs is read from the template.
            None => canary.stable.is_empty() && self.runs(placement),
        }
    }

    /// Whether the pods run the digests that were promised; `None`: none was.
    fn digests(&self, fleet: &Fleet, placement: &Placement) -> Option<Known<bool>> {
        let wanted: Vec<(&Image, &Raw)> = self.images.iter().filter_map(|image| Some((image, image.digest.as_ref()?))).collect();
        if wanted.is_empty() {
            return None;
        }
        // Pods of the version before may still be on their way out.
        let is_of =
            |image: &Image, run: &Image| image.repository == run.repository && (image.tag.is_none() || run.tag.is_none() || image.tag == run.tag);
        let workloads = placement.parts.iter().filter_map(|part| part.workloads.as_known()).flatten();
        // Those that were told before it was healthy are of the time before.
        let since = self.reached.get(&Rung::Healthy).map_or(self.since, |healthy| self.since.max(*healthy));
        let told = workloads.filter_map(|key| fleet.pods(key)).filter(|entry| entry.at >= since);
        let mut seen = false;
        for (container, digest) in told.flat_map(|entry| &entry.value.pods).flat_map(|pod| &pod.images) {
            let Some((_, wanted)) = wanted.iter().find(|(image, _)| is_of(image, &container.image)) else { continue };
            if let Known::Known(digest) = digest {
                seen = true;
                if digest != *wanted {
                    return Some(Known::Known(false));
                }
            }
        }
        Some(if seen { Known::Known(true) } else { Known::unknown("the pods are asked for their digests") })
    }
}

fn apps(placement: &Placement) -> impl Iterator<Item = &AppKey> {
    placement.parts.iter().map(|part| &part.app)
}

/// What one placement says.
#[derive(Debug, Default)]
struct Told {
    place: Safe,
    passed: BTreeSet<Rung>,
    words: BTreeMap<Rung, Safe>,
    has_rollout: bool,
    blind: Option<Safe>,
    waits: Option<Safe>,
    held: Option<Safe>,
    stuck: Option<Safe>,
    failed: Option<Safe>,
    superseded: Option<Safe>,
}

impl Told {
    fn nowhere(place: &Place) -> Self {
        Self { place: place.shown(), failed: Some(crate::safe!("{} is not there any more", place.shown())), ..Self::default() }
    }

    fn pass(&mut self, rung: Rung) {
        self.passed.insert(rung);
    }

    /// What no current source says is not passed.
    fn passed(&self, rung: Rung) -> bool {
        self.passed.contains(&rung) && (self.blind.is_none() || rung <= Rung::Committed)
    }

    fn say(&mut self, rung: Rung, words: Safe) {
        self.words.insert(rung, words);
    }
}

fn state(told: &[Told], is_verified: bool) -> State {
    let first = |what: fn(&Told) -> &Option<Safe>| told.iter().find_map(|told| what(told).clone());
    if is_verified && !told.is_empty() {
        return State::Verified;
    }
    if let Some(why) = first(|told| &told.blind) {
        return State::Blind(why);
    }
    if let Some(version) = first(|told| &told.superseded) {
        return State::Superseded(version);
    }
    if let Some(why) = first(|told| &told.failed) {
        return State::Failed(why);
    }
    if let Some(why) = first(|told| &told.stuck) {
        return State::Stuck(why);
    }
    if let Some(what) = first(|told| &told.waits) {
        return State::Waits(what);
    }
    first(|told| &told.held).map_or(State::Moving, State::Held)
}

fn placement<'f>(fleet: &'f Fleet, service: &ServiceName, place: &Place) -> Option<&'f Placement> {
    fleet.placement(service, &place.environment, &place.placement)
}

pub(super) mod proposed;
#[cfg(test)]
mod tests;
