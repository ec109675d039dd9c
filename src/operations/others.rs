//! Operations as everybody sees them: commits with the trailer of an operation that is not yet verified where it was to go. They are derived from the
//! world and kept nowhere, so a colleague on another bastion, without a journal of theirs, sees them and can follow them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::following::{Followed, Route};
use super::refusal::Place;
use crate::base::time::{Age, since};
use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::domain::canary::Waits;
use crate::domain::desired::Commit;
use crate::domain::fleet::{Fleet, Placement};
use crate::domain::health::{Health, Sync};
use crate::domain::{EnvironmentName, ServiceName};

/// What does not move and is older than this was left: it is debt, and no operation under way.
pub(super) const SETTLED: Duration = Duration::from_mins(10);
/// What runs what git wants for longer than this and is not healthy is an incident, and no operation.
const RECENT: Duration = Duration::from_hours(1);

/// An operation that is under way, as its commit and the fleet tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Other {
    /// Its id.
    pub id: OperationId,
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub to: EnvironmentName,
    /// The version that git wants.
    pub version: Safe,
    /// The commit.
    pub commit: Arc<Commit>,
    /// The name of the source that reads its repository.
    pub repository: Raw,
    /// The placements that it moves where it is not verified, each with what it is at.
    pub places: Vec<(Place, Safe)>,
}

/// A commit of an operation in a placement that it is not verified in.
pub(super) struct Open<'f> {
    pub(super) id: &'f OperationId,
    pub(super) commit: &'f Arc<Commit>,
    version: Safe,
    /// What it is at.
    pub(super) at: Safe,
    /// Whether it goes on by itself, or is young enough to.
    pub(super) moves: bool,
}

/// The operation that a placement is changed by, where one is.
pub(super) fn open(placement: &Placement, now: Timestamp) -> Option<Open<'_>> {
    let wanted = placement.wanted.as_ref()?;
    let commit = wanted.commit.as_ref()?;
    let id = commit.operation.as_ref()?;
    let versions = wanted.versions.as_known()?;
    let runs_it = placement.versions.as_known() == Some(versions) && placement.incoming.is_none() && placement.open_canary().is_none();
    let age = since(commit.at, now);
    let at = if let Some(canary) = placement.open_canary() {
        let weight = canary.weight_actual.unwrap_or(canary.weight_asked);
        match canary.waits {
            Waits::Aborted => return None,
            Waits::Person => crate::safe!("its canary waits for a person at {weight} %"),
            _ => crate::safe!("canary at {weight} %"),
        }
    } else if placement.syncing {
        Safe::clean("syncing")
    } else if !runs_it {
        Safe::clean(if placement.sync == Sync::OutOfSync { "not synced" } else { "not seen to run" })
    } else if age < RECENT && placement.health != Health::Healthy {
        placement.stuck.clone().or_else(|| placement.waiting.clone()).unwrap_or_else(|| Safe::clean(placement.health.word()))
    } else {
        return None;
    };
    let goes_on =
        placement.syncing || placement.open_canary().is_some_and(|canary| canary.waits != Waits::Person && placement.health != Health::Degraded);
    let texts: Vec<String> = versions.iter().map(|version| version.text.shown().to_string()).collect();
    Some(Open { id, commit, version: Safe::clean(&texts.join("+")), at, moves: goes_on || age < SETTLED })
}

/// All operations under way that the world tells of, oldest first.
#[must_use]
pub fn of(fleet: &Fleet, now: Timestamp) -> Vec<Other> {
    let mut found: BTreeMap<(OperationId, ServiceName, EnvironmentName), Other> = BTreeMap::new();
    for (service, cells) in fleet.services() {
        for (index, cell) in &cells.cells {
            let Some(environment) = fleet.landscape().environments.get(*index) else { continue };
            for placement in &cell.placements {
                let Some(open) = open(placement, now).filter(|open| open.moves) else { continue };
                let repository = placement.parts.iter().find_map(|part| fleet.desired(&part.app)).map(|desired| desired.value.repository.clone());
                let place = Place { environment: environment.name.clone(), placement: placement.name.clone() };
                let other = found.entry((open.id.clone(), service.clone(), environment.name.clone())).or_insert_with(|| Other {
                    id: open.id.clone(),
                    service: service.clone(),
                    to: environment.name.clone(),
                    version: open.version.clone(),
                    commit: Arc::clone(open.commit),
                    repository: repository.unwrap_or_default(),
                    places: Vec::new(),
                });
                other.places.push((place, open.at));
            }
        }
    }
    found.into_values().collect()
}

impl Other {
    /// What it is, in one line.
    #[must_use]
    pub fn title(&self) -> Safe {
        crate::safe!("{} {} to {}, committed by {}", self.service.shown(), self.version, self.to.shown(), self.commit.author)
    }

    /// The sentence: who committed what when, and what it is at.
    #[must_use]
    pub fn sentence(&self, now: Timestamp) -> Safe {
        let at: Vec<String> = self.places.iter().map(|(place, at)| format!("{} {at}", place.shown())).collect();
        let age = Age::of(self.commit.at, now);
        crate::safe!("{} {age} ago ({}, operation {}): {}", self.title(), self.commit.short(), self.id.short(), Safe::clean(&at.join(", ")))
    }

    /// It as it can be followed. Nothing is ever sent for it from here.
    #[must_use]
    pub fn followed(&self, now: Timestamp) -> Followed {
        let places = self.places.iter().map(|(place, _)| place.clone()).collect();
        let commit = Some((self.commit.id.clone(), self.repository.clone()));
        let reached = [(super::following::Rung::Committed, self.commit.at)].into_iter().collect();
        Followed::again(self.id.clone(), self.service.clone(), self.version.clone(), places, (commit, Route::Push), (self.commit.at, now), reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::debt;
    use crate::operations::tests::{NOW, World, kustomization};

    const ID: &str = "0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f";

    /// Its commits are ten minutes old.
    fn told(world: &World, seconds: i64) -> (Vec<String>, Vec<&'static str>) {
        let now = Timestamp::from_second(NOW.as_second() + seconds).unwrap();
        let fleet = world.fleet(false);
        let others = of(&fleet, now).iter().map(|other| other.sentence(now).to_string()).collect();
        (others, debt::of(&fleet, now).iter().map(|debt| debt.kind.name()).collect())
    }

    #[test]
    fn a_commit_of_an_operation_is_open_until_it_is_verified_and_debt_once_it_is_left() {
        let mut world = World::new();
        world.operation = OperationId::read(ID);
        assert_eq!(told(&world, 0), (vec![], vec![]), "everything runs what git wants, healthy");
        world.file("production-eu", &kustomization("2.14.3", ""));
        let open =
            |at: &str| vec![format!("checkout 2.14.3 to production, committed by ana 9m ago (0000000, operation 6f1f7c2f): production·eu {at}")];
        assert_eq!(told(&world, -10), (open("not seen to run"), vec![]));
        world.app("checkout-production-eu").sync = Sync::OutOfSync;
        assert_eq!(told(&world, -10), (open("not synced"), vec![]));
        assert_eq!(told(&world, 0), (vec![], vec!["apart"]), "nothing moves it, and there is a name for that already");
        // It runs, and is not healthy: so long it is its operation that did it.
        world.app("checkout-production-eu").sync = Sync::Synced;
        world.run("checkout-production-eu", "acme/checkout:2.14.3 envoy:1");
        world.app("checkout-production-eu").health = "Degraded";
        assert_eq!(told(&world, -10), (open("degraded"), vec![]));
        assert_eq!(told(&world, 60), (vec![], vec!["unfinished"]));
        assert_eq!(told(&world, 7200), (vec![], vec![]), "an incident, and no operation any more");
        // Somebody else's commit is nobody's operation.
        world.operation = None;
        assert_eq!(told(&world, -10), (vec![], vec![]));
    }

    #[test]
    fn it_is_followed_from_its_commit_alone() {
        let mut world = World::new();
        world.operation = OperationId::read(ID);
        world.file("production-eu", &kustomization("2.14.3", ""));
        let now = Timestamp::from_second(NOW.as_second() - 10).unwrap();
        let mut followed = of(&world.fleet(false), now)[0].followed(now);
        let commit = followed.commit.clone().unwrap().0;
        assert_eq!(followed.look(&world.fleet(false), now).state, super::super::following::State::Moving);
        followed.traced.insert(Raw::from("head"), true);
        world.app("checkout-production-eu").revision = "head";
        world.run("checkout-production-eu", "acme/checkout:2.14.3 envoy:1");
        assert_eq!(followed.look(&world.fleet(false), now).state, super::super::following::State::Verified, "{commit:?}");
    }
}
