//! Debt: where what runs and what git wants were left apart, on purpose or not. It is derived from the world and kept nowhere, so every colleague on every
//! bastion sees the same, and it is gone when the world is whole again.

use std::collections::BTreeSet;

use super::others;
use super::refusal::Place;
use crate::base::time::since;
use crate::base::{OperationId, Safe, Timestamp};
use crate::domain::canary::Waits;
use crate::domain::fleet::{Fleet, Placement};
use crate::domain::health::Sync;
use crate::domain::pull::{Pull, PullState};
use crate::domain::{PlacementName, ServiceName};

/// One open end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debt {
    /// The service.
    pub service: ServiceName,
    /// Where.
    pub place: Place,
    /// What kind it is.
    pub kind: Kind,
    /// What runs.
    pub runs: Safe,
    /// What git wants; of a pull request, what it brings.
    pub wants: Safe,
    /// The pull request: number and page, and by whom.
    pub pull: Option<(u64, Safe, Safe)>,
    /// Of what is unfinished: who committed what, and what it is at.
    pub left: Safe,
    /// The operation that brings it about, where one does.
    pub operation: Option<OperationId>,
}

/// Kinds of open ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A rollout was aborted, and git still wants what was turned back.
    Aborted,
    /// Git wants another version, and nothing syncs it: auto-sync is off.
    NotSynced,
    /// A pull request is open that brings another version.
    Proposed,
    /// Another version runs than git wants, although it is synced automatically: somebody set it, or the sync fails.
    Apart,
    /// An operation committed it, and it was not seen through.
    Unfinished,
}

impl Kind {
    /// Its name for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::NotSynced => "not-synced",
            Self::Proposed => "pull-request",
            Self::Apart => "apart",
            Self::Unfinished => "unfinished",
        }
    }
}

impl Debt {
    /// The sentence: what is open, and what closes it.
    #[must_use]
    pub fn sentence(&self) -> Safe {
        let (service, place, runs, wants) = (self.service.shown(), self.place.shown(), &self.runs, &self.wants);
        match self.kind {
            Kind::Proposed => {
                let (number, url, by) = self.pull.clone().unwrap_or_default();
                crate::safe!("{service} · {place}: pull request #{number} by {by} brings {wants}, and is open: merge it, or close it on {url}.")
            }
            Kind::Aborted => crate::safe!(
                "{service} · {place}: the rollout of {wants} was aborted, users are on {runs}, and git still wants {wants}: the next change of its template \
                 starts it again. Put {runs} back in git, or retry it."
            ),
            Kind::NotSynced => {
                crate::safe!("{service} · {place}: git wants {wants}, {runs} runs, and auto-sync is off: sync it, or put {runs} back in git.")
            }
            Kind::Unfinished => crate::safe!(
                "{service} · {place}: {wants} was not seen through: {}. Look what it waits for and see it through, or go back.",
                self.left
            ),
            Kind::Apart => {
                crate::safe!(
                    "{service} · {place}: {runs} runs, and git wants {wants} for more than ten minutes: look why it is not synced, or commit what runs."
                )
            }
        }
    }
}

/// What kind of open end it is, what runs, and what git wants.
type Judged = (Kind, Safe, Safe);

/// All open ends that are known, by service and place.
#[must_use]
pub fn of(fleet: &Fleet, now: Timestamp) -> Vec<Debt> {
    let mut found = Vec::new();
    for (service, cells) in fleet.services() {
        for (index, cell) in &cells.cells {
            let Some(environment) = fleet.landscape().environments.get(*index) else { continue };
            for placement in &cell.placements {
                let judged = judged(fleet, placement, now).map(|judged| (judged, Safe::default(), None));
                let Some(((kind, runs, wants), left, operation)) = judged.or_else(|| unfinished(placement, now)) else { continue };
                let place = Place { environment: environment.name.clone(), placement: placement.name.clone() };
                found.push(Debt { service: service.clone(), place, kind, runs, wants, pull: None, left, operation });
            }
        }
    }
    found.extend(fleet.pulls().filter_map(|(key, entry)| proposed(fleet, key.number, &entry.value)));
    found
}

/// A pull request that an operation opened, whoever began it.
fn proposed(fleet: &Fleet, number: u64, pull: &Pull) -> Option<Debt> {
    let (service, environment) = (pull.says.service.clone()?, pull.says.environment.clone()?);
    if pull.state != PullState::Open || pull.says.operation.is_none() {
        return None;
    }
    let name = if let [only] = pull.says.placements.as_slice() { only.clone() } else { PlacementName::from("") };
    let cell = fleet.cell(&service, &environment);
    let running = cell.into_iter().flat_map(|cell| &cell.placements).filter_map(Placement::version_text);
    let runs: BTreeSet<String> = running.map(|version| version.to_string()).collect();
    Some(Debt {
        service,
        place: Place { environment, placement: name },
        kind: Kind::Proposed,
        runs: Safe::clean(&runs.into_iter().collect::<Vec<_>>().join("+")),
        wants: pull.says.version.clone().unwrap_or_else(|| pull.title.clone()),
        left: Safe::default(),
        operation: pull.says.operation.clone(),
        pull: Some((number, pull.url.clone(), pull.author.clone())),
    })
}

/// A commit of an operation that nobody sees through, in a placement that nothing else is to be said of.
fn unfinished(placement: &Placement, now: Timestamp) -> Option<(Judged, Safe, Option<OperationId>)> {
    let open = others::open(placement, now).filter(|open| !open.moves)?;
    let left = crate::safe!("{} committed it ({}); {}", open.commit.author, open.commit.short(), open.at);
    let runs = placement.version_text().unwrap_or_else(|| Safe::clean("?"));
    Some(((Kind::Unfinished, runs, super::edits::wants(placement)), left, Some(open.id.clone())))
}

fn judged(fleet: &Fleet, placement: &Placement, now: Timestamp) -> Option<Judged> {
    let runs = || placement.version_text().unwrap_or_else(|| Safe::clean("?"));
    let wants = || super::edits::wants(placement);
    if placement.open_canary().is_some_and(|canary| canary.waits == Waits::Aborted) {
        // Where git was put back and the abort is only not cleared yet, nothing is open.
        return placement.wants_another().map(|_| (Kind::Aborted, runs(), wants()));
    }
    placement.wants_another()?;
    if placement.sync != Sync::OutOfSync || placement.syncing || placement.open_canary().is_some() {
        return None;
    }
    let is_automatic = placement.parts.iter().filter_map(|part| fleet.application(&part.app)).all(|entry| entry.value.automation.enabled);
    if !is_automatic {
        return Some((Kind::NotSynced, runs(), wants()));
    }
    let at = placement.wanted.as_ref()?.commit.as_ref()?.at;
    (since(at, now) >= others::SETTLED).then(|| (Kind::Apart, runs(), wants()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::tests::{NOW, World, kustomization};

    fn kinds(world: &World) -> Vec<(String, &'static str)> {
        of(&world.fleet(false), NOW).iter().map(|debt| (debt.place.shown().to_string(), debt.kind.name())).collect()
    }

    #[test]
    fn what_runs_and_what_git_wants_are_apart_only_where_nothing_brings_them_together() {
        let mut world = World::new();
        assert_eq!(kinds(&world), []);
        world.file("production-eu", &kustomization("2.14.3", ""));
        world.app("checkout-production-eu").sync = Sync::OutOfSync;
        // Its commit is ten minutes old.
        assert_eq!(kinds(&world), [("production·eu".to_owned(), "apart")]);
        world.app("checkout-production-eu").is_automatic = false;
        assert_eq!(kinds(&world), [("production·eu".to_owned(), "not-synced")]);
        let told = of(&world.fleet(false), NOW).remove(0).sentence();
        assert_eq!(
            told.as_str(),
            "checkout · production·eu: git wants 2.14.3, 2.14.2 runs, and auto-sync is off: sync it, or put 2.14.2 back in git."
        );
        world.app("checkout-production-eu").sync = Sync::Synced;
        assert_eq!(kinds(&world), [], "Argo CD calls it synced: its layout is not understood");
    }
}
