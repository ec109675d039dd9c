//! How long a change is expected to take, by what earlier ones really took: a range with the number of those that it was seen in, or nothing. Pure: what
//! earlier ones took is on record or told by Argo CD, and a Rollout's own steps say how long they pause at least.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::following::{Ladder, Rung};
use super::record::Outcome;
use super::record::story::Story;
use super::refusal::Place;
use super::{By, Plan, Request};
use crate::base::time::{Between, Lasted, since};
use crate::base::{Safe, Timestamp, counted};
use crate::domain::desired::Commit;
use crate::domain::fleet::Fleet;
use crate::domain::workload::{Step, Strategy};
use crate::domain::{EnvironmentName, ServiceName};

/// So many of the newest of a kind are looked at: how it was long ago says little.
const NEWEST: usize = 20;
/// So many are kept in all.
const KEPT: usize = 500;

/// A range that was really seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The shortest.
    pub from: Duration,
    /// The longest.
    pub to: Duration,
    /// In how many it was seen: at least one.
    pub n: usize,
}

/// Ways back that are other changes than waiting for one through all steps.
const ABORTS: &str = "abort and rollback";
const HASTENS: &str = "rollback without steps";
const HISTORY: &str = "rollback by Argo CD";

/// What kind of change: only such are compared with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind(Safe);

/// One earlier change that was done, and watched without a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What kind it was.
    pub kind: Kind,
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub to: EnvironmentName,
    /// From its confirmation to its end.
    pub whole: Duration,
    /// Each rung, from the one before it.
    pub rungs: BTreeMap<Rung, Duration>,
}

/// What earlier changes took, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past(VecDeque<Sample>);

/// Which earlier changes were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Those of the same service in the same environment.
    Service,
    /// Those of other services in the same environment: of this one there was none.
    Environment,
}

/// How long a change is expected to take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Durations {
    /// From its confirmation to its end; `None`: not known.
    pub whole: Option<Expected>,
    /// Each rung, from the one before it, as far as known.
    pub rungs: BTreeMap<Rung, Expected>,
    /// By which earlier changes.
    pub basis: Option<Basis>,
    /// What Argo CD took for its own part, where no earlier change tells.
    pub syncs: Option<Expected>,
    /// What the steps of its rollouts say themselves.
    pub pauses: Option<Pauses>,
}

/// How long the steps of a rollout pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pauses {
    /// In all, at least.
    pub least: Duration,
    /// Whether one of them ends only by a person.
    pub by_person: bool,
}

impl Kind {
    /// The kind of a request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        Self(Safe::clean(match request {
            Request::Return { by: By::Abort, .. } => ABORTS,
            Request::Return { by: By::Hasten, .. } => HASTENS,
            Request::Return { by: By::History, .. } => HISTORY,
            request => request.name(),
        }))
    }

    /// The kind of a change that is only known by its commit.
    #[must_use]
    pub fn of_commit(commit: &Commit) -> Self {
        Self(Safe::clean(if commit.subject.as_str().starts_with(super::message::RETURNS) { "rollback" } else { "promote" }))
    }

    /// The kind of a change on record.
    #[must_use]
    pub fn on_record(story: &Story) -> Self {
        let sent: Vec<&str> = story.opened.plan.requests.iter().map(|request| request.what.as_str()).collect();
        Self(match (story.opened.request.what.as_str(), sent.as_slice()) {
            ("rollback", ["patch", ..]) => Safe::clean(ABORTS),
            ("rollback", sent) if sent.contains(&"patch") => Safe::clean(HASTENS),
            ("rollback", sent) if sent.contains(&"rollback") => Safe::clean(HISTORY),
            _ => story.opened.request.what.clone(),
        })
    }

    /// Whether all steps of a rollout lie before it.
    fn goes_through_steps(&self) -> bool {
        self.0.as_str() == "promote"
    }
}

impl Expected {
    fn of(seen: impl Iterator<Item = Duration>) -> Option<Self> {
        seen.fold(None, |sum: Option<Self>, seen| {
            let Some(Self { from, to, n }) = sum else { return Some(Self { from: seen, to: seen, n: 1 }) };
            Some(Self { from: from.min(seen), to: to.max(seen), n: n + 1 })
        })
    }

    /// No shorter than this.
    fn at_least(self, least: Duration) -> Self {
        Self { from: self.from.max(least), to: self.to.max(least), n: self.n }
    }

    /// The range: `2–4 min (n 6)`.
    #[must_use]
    pub fn words(&self) -> Safe {
        crate::safe!("{} (n {})", Between(self.from, self.to), self.n)
    }
}

impl Sample {
    /// What a change on record took; `None`: it was not done, or not watched from its beginning to its end.
    #[must_use]
    pub fn of(story: &Story) -> Option<Self> {
        let closed = story.closed.as_ref().filter(|closed| closed.outcome == Outcome::Done && story.is_unbroken)?;
        let reached = story.reached.iter().filter_map(|(rung, at)| Some((rung.climbed()?, *at))).collect();
        Some(Self {
            kind: Kind::on_record(story),
            service: ServiceName::from(story.opened.service.as_ref()?.as_str()),
            to: EnvironmentName::from(story.opened.environments.first()?.as_str()),
            whole: since(story.at, closed.at),
            rungs: climbed(story.sent_at.unwrap_or(story.at), &reached),
        })
    }

    /// What a change took that was carried out here, from its confirmation to its end. `sent`: when everything was sent.
    #[must_use]
    pub fn seen(plan: &Plan, (began, sent, ended): (Timestamp, Timestamp, Timestamp), reached: &BTreeMap<Rung, Timestamp>) -> Self {
        Self {
            kind: Kind::of(&plan.request),
            service: plan.service.clone(),
            to: plan.to.clone(),
            whole: since(began, ended),
            rungs: climbed(sent, reached),
        }
    }
}

/// How long each rung took from the one before it. That it was committed is known when it is sent; where somebody has to merge it first, how long that took
/// says nothing of the next one.
fn climbed(sent: Timestamp, reached: &BTreeMap<Rung, Timestamp>) -> BTreeMap<Rung, Duration> {
    let mut before = sent;
    let mut found = BTreeMap::new();
    for (rung, at) in reached {
        if *rung > Rung::Committed {
            found.insert(*rung, since(before, *at));
        }
        before = before.max(*at);
    }
    found
}

impl Past {
    /// What these took, newest first.
    #[must_use]
    pub fn of(samples: impl IntoIterator<Item = Sample>) -> Self {
        Self(samples.into_iter().take(KEPT).collect())
    }

    /// One more, the newest of all.
    pub fn learn(&mut self, sample: Sample) {
        self.0.push_front(sample);
        self.0.truncate(KEPT);
    }

    /// How long such a change took before: of this service, else of others in the environment.
    #[must_use]
    pub fn of_kind(&self, kind: &Kind, service: &ServiceName, to: &EnvironmentName) -> Durations {
        let alike: Vec<&Sample> = self.0.iter().filter(|sample| sample.kind == *kind && sample.to == *to).collect();
        let own: Vec<&Sample> = alike.iter().copied().filter(|sample| sample.service == *service).take(NEWEST).collect();
        let (samples, basis) = if own.is_empty() { (alike, Basis::Environment) } else { (own, Basis::Service) };
        let samples = samples.get(..samples.len().min(NEWEST)).unwrap_or_default();
        let whole = Expected::of(samples.iter().map(|sample| sample.whole));
        let rung = |rung: Rung| Some((rung, Expected::of(samples.iter().filter_map(|sample| sample.rungs.get(&rung).copied()))?));
        let rungs = [Rung::Noticed, Rung::Synced, Rung::RolledOut, Rung::Healthy, Rung::Verified].into_iter().filter_map(rung).collect();
        Durations { basis: whole.map(|_| basis), whole, rungs, syncs: None, pauses: None }
    }
}

/// How long a change of this kind is expected to take in these places.
#[must_use]
pub fn of(past: &Past, fleet: &Fleet, kind: &Kind, (service, to): (&ServiceName, &EnvironmentName), places: &[Place]) -> Durations {
    let mut found = past.of_kind(kind, service, to);
    if !found.rungs.contains_key(&Rung::Synced) {
        found.syncs = syncs(fleet, service, places);
    }
    if kind.goes_through_steps()
        && let Some(pauses) = pauses(fleet, service, places)
    {
        found.pauses = Some(pauses);
        found.whole = found.whole.map(|whole| whole.at_least(pauses.least));
        found.rungs.entry(Rung::RolledOut).and_modify(|range| *range = range.at_least(pauses.least));
    }
    found
}

impl Plan {
    /// How long it is expected to take.
    #[must_use]
    pub fn expected(&self, past: &Past, fleet: &Fleet) -> Durations {
        let places: Vec<Place> = self.moves.iter().map(|moves| moves.place.clone()).collect();
        of(past, fleet, &Kind::of(&self.request), (&self.service, &self.to), &places)
    }
}

/// How long Argo CD took to sync there, by its own history: from the start of an operation to its end.
fn syncs(fleet: &Fleet, service: &ServiceName, places: &[Place]) -> Option<Expected> {
    let placements = places.iter().filter_map(|place| fleet.placement(service, &place.environment, &place.placement));
    let details = placements.flat_map(|placement| &placement.parts).filter_map(|part| fleet.detail(&part.app));
    let deployments = details.flat_map(|detail| detail.value.history.iter().take(NEWEST));
    Expected::of(deployments.filter_map(|deployment| {
        let (began, ended) = (deployment.started_at?, deployment.deployed_at?);
        (began < ended).then(|| since(began, ended))
    }))
}

/// How long the steps of the Rollouts there pause, all of them, where they are known: placements and Rollouts go side by side.
#[must_use]
pub fn pauses(fleet: &Fleet, service: &ServiceName, places: &[Place]) -> Option<Pauses> {
    let placements = places.iter().filter_map(|place| fleet.placement(service, &place.environment, &place.placement));
    let workloads = placements.flat_map(|placement| &placement.parts).filter_map(|part| part.workloads.as_known()).flatten();
    let rollouts = workloads.filter_map(|key| fleet.workload(key)?.value.rollout.as_deref()).filter(|rollout| rollout.strategy == Strategy::Canary);
    let pauses = rollouts.map(|rollout| {
        let mut sum = Pauses::default();
        for step in &rollout.steps {
            match step {
                Step::Pause(Some(seconds)) => sum.least += Duration::from_secs(*seconds),
                Step::Pause(None) => sum.by_person = true,
                _ => {}
            }
        }
        sum
    });
    let longest = pauses.reduce(|one, other| Pauses { least: one.least.max(other.least), by_person: one.by_person || other.by_person })?;
    (longest != Pauses::default()).then_some(longest)
}

impl Durations {
    /// The whole in words: `~2–4 min (n 6)`, or `not known`.
    #[must_use]
    pub fn whole_words(&self) -> Safe {
        match (&self.whole, self.basis) {
            (Some(whole), Some(Basis::Environment)) => crate::safe!("~{}, by other services there", whole.words()),
            (Some(whole), _) => crate::safe!("~{}", whole.words()),
            (None, _) => Safe::clean("not known"),
        }
    }

    /// What is known besides, each a few words.
    #[must_use]
    pub fn more(&self) -> Vec<Safe> {
        let mut told = Vec::new();
        if let Some(pauses) = self.pauses {
            if !pauses.least.is_zero() {
                told.push(crate::safe!("the steps of its rollout pause for {}", Lasted(pauses.least)));
            }
            if pauses.by_person {
                told.push(Safe::clean("a step waits for a person"));
            }
        }
        if let Some(syncs) = &self.syncs {
            told.push(crate::safe!("Argo CD took {} for {} there", Between(syncs.from, syncs.to), counted(syncs.n as u64, "sync", "syncs")));
        }
        told
    }

    /// Everything in one line.
    #[must_use]
    pub fn words(&self) -> Safe {
        let all: Vec<String> = std::iter::once(self.whole_words()).chain(self.more()).map(|words| words.to_string()).collect();
        Safe::clean(&all.join("; "))
    }
}

/// How a rung goes, measured by what it took before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How long it took, or takes until now; `None`: it has not begun.
    pub took: Option<Duration>,
    /// How long it is expected to take.
    pub expected: Option<Expected>,
    /// It is not reached, and takes longer than it ever did.
    pub is_overdue: bool,
}

/// How each rung of a ladder goes. `sent`: when everything was sent.
#[must_use]
pub fn paces(ladder: &Ladder, sent: Timestamp, durations: &Durations, now: Timestamp) -> Vec<Pace> {
    let mut before = Some(sent);
    let pace = |step: &super::following::Step| {
        let expected = durations.rungs.get(&step.rung).copied();
        let began = before;
        // Those after the one that is being climbed have not begun.
        before = began.and_then(|began| Some(step.at?.max(began)));
        let took = began.filter(|_| step.rung > Rung::Committed || step.at.is_none()).map(|began| since(began, step.at.unwrap_or(now)));
        let is_overdue = step.at.is_none() && took.zip(expected).is_some_and(|(took, expected)| took > expected.to);
        Pace { took, expected, is_overdue }
    };
    ladder.rungs.iter().map(pace).collect()
}

#[cfg(test)]
mod tests;
