//! Services, cells and placements, derived from the facts: only where a fact changed.

use std::collections::{BTreeMap, BTreeSet};

use super::join::{instance_name, listed, same_installation};
use super::placement::PartFacts;
use super::wanted::WantedFacts;
use super::{Changes, Fleet, Part, Placement, Service, join::Join};
use crate::base::{Raw, Safe};
use crate::domain::application::{Application, Resource, Shape};
use crate::domain::canary::Canary;
use crate::domain::health::{Known, Why};
use crate::domain::mapping::{Assignment, Selector};
use crate::domain::names::{AppKey, ClusterName, Namespace, PlacementName, ServiceName, SourceId};
use crate::domain::observation::{InstanceFacts, SourceState};
use crate::domain::placement::{Placed, placements as placement_names};
use crate::domain::unmapped::{Reason, Unmapped};
use crate::domain::workload::{ReplicaSetKey, Tracking, Workload, WorkloadKey, WorkloadKind};

/// What is derived from one application.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Derived {
    pub(super) assigned: Result<Vec<Assignment>, Unmapped>,
    cluster: Known<ClusterName>,
    claim: Option<(ClusterName, Raw)>,
    namespace: Namespace,
}

/// A cell by its place.
pub(super) type Place = (ServiceName, usize);

impl Fleet {
    /// Derives everything anew: the landscape or the way of joining changed.
    pub(super) fn rebuild(&mut self) -> Changes {
        self.derived.clear();
        self.claims.clear();
        self.reach.clear();
        self.services.clear();
        self.census.clear();
        let keys: Vec<AppKey> = self.applications.iter().map(|(key, _)| key.clone()).collect();
        let mut places = BTreeSet::new();
        for key in &keys {
            self.derive(key, &mut places);
        }
        self.recompute(&places);
        // The same facts in other cells are no news.
        self.news.clear();
        Changes { cells: true, order: true, reach: true, ..Changes::default() }
    }

    pub(super) fn applications_changed(&mut self, keys: &[AppKey]) -> Changes {
        if keys.is_empty() {
            return Changes::default();
        }
        if self.landscape.guessed && self.guess(keys) {
            return self.rebuild();
        }
        let mut places = BTreeSet::new();
        let mut reach = false;
        for key in keys {
            reach |= self.derive(key, &mut places);
            if self.applications.get(key).is_none() {
                self.details.forget(key);
                self.desired.forget(key);
            }
        }
        let mut changes = self.recompute(&places);
        changes.reach = reach;
        // An application that is in no cell is listed as such.
        changes.cells |= places.is_empty();
        changes
    }

    /// Looks for environments that nobody has seen yet. Says whether the landscape is another one now.
    fn guess(&mut self, keys: &[AppKey]) -> bool {
        let mut news = false;
        for key in keys {
            if let Some(entry) = self.applications.get(key) {
                news |= self.sightings.notice(&self.landscape.mapping, key, &entry.value);
            }
        }
        if news {
            self.landscape = self.sightings.landscape(&self.landscape);
        }
        news
    }

    pub(super) fn detail_changed(&mut self, key: &AppKey) -> Changes {
        let mut places = self.places_of(key);
        self.derive(key, &mut places);
        let mut changes = self.recompute(&places);
        changes.on_demand = true;
        changes
    }

    pub(super) fn workloads_changed(&mut self, keys: Vec<(WorkloadKey, Option<Tracking>)>) -> Changes {
        let mut places = BTreeSet::new();
        for (key, before) in keys {
            let after = self.workloads.get(&key).map(|entry| entry.value.tracking.clone());
            if let Some(before) = &before {
                self.join.remove(&key, before);
            }
            if let Some(after) = &after {
                self.join.add(&key, after);
            } else {
                self.pods.forget(&key);
            }
            for tracking in [before, after].iter().flatten() {
                places.extend(self.places_of_workload(&key, tracking));
            }
        }
        self.recompute(&places)
    }

    pub(super) fn replica_sets_changed(&mut self, keys: &[ReplicaSetKey]) -> Changes {
        let mut places = BTreeSet::new();
        for key in keys {
            // A set that is gone no longer says whose it was; its name is the Rollout's and a hash.
            let rollout = self.replica_sets.get(key).map_or_else(
                || Raw::from(key.name.as_wire().rsplit_once('-').map_or("", |(rollout, _)| rollout)),
                |entry| entry.value.rollout.clone(),
            );
            let rollout = WorkloadKey { cluster: key.cluster.clone(), namespace: key.namespace.clone(), kind: WorkloadKind::Rollout, name: rollout };
            if let Some(workload) = self.workloads.get(&rollout) {
                places.extend(self.places_of_workload(&rollout, &workload.value.tracking));
            }
        }
        self.recompute(&places)
    }

    /// Derives one application anew and collects the cells that it was or is in. Returns whether the reach of the fleet differs.
    fn derive(&mut self, key: &AppKey, places: &mut BTreeSet<Place>) -> bool {
        let derived = self.applications.get(key).map(|entry| self.derive_from(key, &entry.value)).map(|derived| self.shared(derived));
        let before = self.derived.remove(key);
        if before == derived {
            places.extend(derived.iter().flat_map(|derived| self.places(derived)));
            if let Some(derived) = derived {
                self.derived.insert(key.clone(), derived);
            }
            return false;
        }
        if let Some(before) = &before {
            for (service, environment) in self.places(before) {
                if let Some(cell) = self.services.get_mut(&service).and_then(|service| service.cells.get_mut(&environment)) {
                    cell.members.retain(|(member, _)| member != key);
                }
                places.insert((service, environment));
            }
            if let Some(claim) = &before.claim
                && let Some(claimants) = self.claims.get_mut(claim)
            {
                claimants.remove(key);
                if claimants.is_empty() {
                    self.claims.remove(claim);
                }
            }
        }
        let moves = before.as_ref().map(|derived| &derived.assigned) != derived.as_ref().map(|derived| &derived.assigned);
        let reach = self.change_reach(before.as_ref(), derived.as_ref());
        if let Some(derived) = derived {
            for assignment in derived.assigned.iter().flatten() {
                let Some(environment) = self.landscape.position(&assignment.environment) else { continue };
                let service = self.services.entry(assignment.service.clone()).or_insert_with(Service::empty);
                let members = &mut service.cells.entry(environment).or_default().members;
                // Nearly always one: without this a list keeps room for four.
                members.reserve_exact(1);
                members.push((key.clone(), assignment.clone()));
                places.insert((assignment.service.clone(), environment));
            }
            if let Some(claim) = &derived.claim {
                self.claims.entry(claim.clone()).or_default().insert(key.clone());
            }
            self.derived.insert(key.clone(), derived);
        }
        if moves {
            self.add_followers(places);
        }
        reach
    }

    /// The same with the names that are held already: an application's own service and environment would be another copy of each.
    fn shared(&self, mut derived: Derived) -> Derived {
        for assignment in derived.assigned.iter_mut().flatten() {
            if let Some((held, _)) = self.services.get_key_value(&assignment.service) {
                assignment.service.clone_from(held);
            }
            let environment = self.landscape.position(&assignment.environment).and_then(|place| self.landscape.environments.get(place));
            if let Some(environment) = environment {
                assignment.environment.clone_from(&environment.name);
            }
        }
        if let Ok(assigned) = &mut derived.assigned {
            assigned.shrink_to_fit();
        }
        derived
    }

    /// The group that a service is shown in.
    #[must_use]
    pub fn group_of(&self, service: &ServiceName) -> Option<Safe> {
        let cells = &self.services.get(service)?.cells;
        let mut parts = cells.values().rev().flat_map(|cell| &cell.placements).flat_map(|placement| &placement.parts);
        parts.find_map(|part| self.landscape.group(service, &self.applications.get(&part.app)?.value)).map(|group| group.shown())
    }

    fn derive_from(&self, key: &AppKey, application: &Application) -> Derived {
        let instance = self.instance_ref(key);
        let cluster = self.landscape.cluster_of(&key.argocd, &application.destination, instance.and_then(|facts| facts.holder.as_ref()));
        let assigned = if application.shape == Shape::Plain && self.carries_applications(key) {
            // Argo CD before 3.3 does not say so itself; the resources that were read do.
            self.landscape.assign(key, &Application { shape: Shape::AppOfApps, ..application.clone() })
        } else {
            self.landscape.assign(key, application)
        };
        let claim = cluster.as_known().map(|cluster| (cluster.clone(), instance_name(key, instance)));
        Derived { assigned, claim, cluster, namespace: application.destination.namespace.clone() }
    }

    fn carries_applications(&self, key: &AppKey) -> bool {
        let is_application = |resource: &Resource| resource.kind.as_wire() == "Application" && resource.group.as_wire() == "argoproj.io";
        self.details.get(key).is_some_and(|detail| detail.value.resources.iter().any(is_application))
    }

    /// Applications that run nothing and are in no cell, with their projects: only their resources tell whether they carry other applications.
    pub fn unexplained(&self) -> impl Iterator<Item = (&AppKey, &Raw)> {
        let runs_nothing = |derived: &Derived| matches!(&derived.assigned, Err(unmapped) if unmapped.reason == Reason::NoWorkloads);
        self.derived
            .iter()
            .filter(move |(key, derived)| runs_nothing(derived) && self.details.get(key).is_none())
            .filter_map(|(key, _)| Some((key, &self.applications.get(key)?.value.project)))
    }

    fn instance_ref(&self, key: &AppKey) -> Option<&InstanceFacts> {
        self.sources.get(&SourceId::argocd(&key.argocd)).map(|source| &source.instance)
    }

    fn change_reach(&mut self, before: Option<&Derived>, after: Option<&Derived>) -> bool {
        let place = |derived: &Derived| derived.cluster.as_known().map(|cluster| (cluster.clone(), derived.namespace.clone()));
        let (before, after) = (before.and_then(place), after.and_then(place));
        if before == after {
            return false;
        }
        let mut differs = false;
        if let Some((cluster, namespace)) = after {
            let count = self.reach.entry(cluster).or_default().entry(namespace).or_insert(0);
            *count += 1;
            differs |= *count == 1;
        }
        if let Some((cluster, namespace)) = before
            && let Some(namespaces) = self.reach.get_mut(&cluster)
            && let Some(count) = namespaces.get_mut(&namespace)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                namespaces.remove(&namespace);
                differs = true;
            }
        }
        differs
    }

    fn places(&self, derived: &Derived) -> Vec<Place> {
        derived
            .assigned
            .iter()
            .flatten()
            .filter_map(|assignment| Some((assignment.service.clone(), self.landscape.position(&assignment.environment)?)))
            .collect()
    }

    pub(super) fn places_of(&self, key: &AppKey) -> BTreeSet<Place> {
        self.derived.get(key).map(|derived| self.places(derived).into_iter().collect()).unwrap_or_default()
    }

    fn places_of_workload(&self, key: &WorkloadKey, tracking: &Tracking) -> BTreeSet<Place> {
        let marks = [&tracking.annotation, &tracking.label];
        let mut apps: BTreeSet<AppKey> =
            marks.into_iter().flatten().filter_map(|mark| self.claims.get(&(key.cluster.clone(), mark.clone()))).flatten().cloned().collect();
        // Without a mark, only an application whose resources were read can say that it is its own.
        apps.extend(self.details.iter().filter(|(_, entry)| listed(&key.cluster, &entry.value).contains(key)).map(|(app, _)| app.clone()));
        apps.iter().flat_map(|app| self.places_of(app)).collect()
    }

    /// Computes cells anew.
    pub(super) fn recompute(&mut self, places: &BTreeSet<Place>) -> Changes {
        let mut changes = Changes::default();
        for (name, environment) in places {
            let Some(service) = self.services.get(name) else { continue };
            let Some(cell) = service.cells.get(environment) else { continue };
            let placements = self.placements(name, *environment, &cell.members);
            let last = self.landscape.environments.len().saturating_sub(1);
            let Some(service) = self.services.get_mut(name) else { continue };
            let Some(cell) = service.cells.get_mut(environment) else { continue };
            if cell.placements == placements {
                continue;
            }
            changes.cells = true;
            for placement in &placements {
                let before = cell.placements.iter().find(|before| before.name == placement.name);
                if before.is_none_or(|before| super::news::is_news(before, placement)) {
                    self.news.insert((name.clone(), *environment, placement.name.clone()));
                }
            }
            self.census.replace(*environment, &cell.placements, &placements);
            cell.placements = placements;
            if cell.members.is_empty() {
                service.cells.remove(environment);
            }
            let need = service.judge(last);
            changes.order |= need != service.need;
            service.need = need;
            if service.cells.is_empty() {
                self.services.remove(name);
                changes.order = true;
            }
        }
        changes
    }

    fn placements(&self, service: &ServiceName, position: usize, members: &[(AppKey, Assignment)]) -> Vec<Placement> {
        let Some(environment) = self.landscape.environments.get(position) else { return Vec::new() };
        let found: Vec<(&AppKey, &Assignment, &Application, &Derived)> = members
            .iter()
            .filter_map(|(key, assignment)| Some((key, assignment, &self.applications.get(key)?.value, self.derived.get(key)?)))
            .collect();
        let placed: Vec<Placed<'_>> = found
            .iter()
            .map(|(_, assignment, application, derived)| Placed { assignment, destination: &application.destination, cluster: &derived.cluster })
            .collect();
        let names = placement_names(environment, &placed);
        let mut grouped: BTreeMap<PlacementName, Vec<PartFacts<'_>>> = BTreeMap::new();
        for ((key, assignment, application, derived), name) in found.into_iter().zip(names) {
            grouped.entry(name).or_default().push(self.part(key, assignment, application, derived));
        }
        let rule = self.landscape.version_rule(service);
        let placement = |(name, parts): (PlacementName, Vec<PartFacts<'_>>)| {
            let asked: Vec<WantedFacts> =
                parts.iter().filter(|facts| self.desired.get(&facts.part.app).is_some()).map(|facts| WantedFacts::of(facts, service, rule)).collect();
            let mut placement = Placement::of(name, service, rule, parts);
            self.add_wanted(&mut placement, service, &asked);
            self.add_behind(&mut placement, service, position, &asked);
            placement
        };
        let mut placements: Vec<Placement> = grouped.into_iter().map(placement).collect();
        placements.shrink_to_fit();
        placements
    }

    fn part<'a>(&'a self, key: &AppKey, assignment: &Assignment, application: &'a Application, derived: &Derived) -> PartFacts<'a> {
        let workloads = self.workloads_of(key, application, derived, assignment.only.as_ref());
        let facts = match &workloads {
            Known::Known(keys) => self.workload_facts(keys),
            Known::Unknown(_) => Vec::new(),
        };
        PartFacts {
            part: Part { app: key.clone(), label: assignment.part.clone(), workloads },
            application,
            workloads: facts,
            cluster: derived.cluster.clone(),
            shared: assignment.only.is_some(),
        }
    }

    fn workload_facts(&self, keys: &[WorkloadKey]) -> Vec<(&Raw, &Workload, Option<Canary>)> {
        let facts = |key: &WorkloadKey| self.workloads.get_key_value(key).map(|(held, entry)| (&held.name, &entry.value, self.canary(key)));
        keys.iter().filter_map(facts).collect()
    }

    /// The canary of a workload, if it is a Rollout.
    #[must_use]
    pub fn canary(&self, key: &WorkloadKey) -> Option<Canary> {
        let rollout = self.workloads.get(key)?.value.rollout.as_ref()?;
        let first = ReplicaSetKey { cluster: key.cluster.clone(), namespace: key.namespace.clone(), name: key.name.clone() };
        let sets = self
            .replica_sets
            .iter_from(&first)
            .take_while(|(set, _)| set.cluster == key.cluster && set.namespace == key.namespace && set.name.as_wire().starts_with(key.name.as_wire()))
            .filter(|(_, entry)| entry.value.rollout == key.name)
            .map(|(_, entry)| &entry.value);
        Some(Canary::read(rollout, sets))
    }

    fn workloads_of(&self, key: &AppKey, application: &Application, derived: &Derived, only: Option<&Selector>) -> Known<Vec<WorkloadKey>> {
        let cluster = match &derived.cluster {
            Known::Known(cluster) => cluster,
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        let Some((_, name)) = &derived.claim else { return Known::unknown("its cluster is not known") };
        let fallback = InstanceFacts::default();
        let instance = self.instance_ref(key).unwrap_or(&fallback);
        let mut keys: Vec<WorkloadKey> = self
            .join
            .claimed(cluster, name, instance)
            .filter(|key| self.workloads.get(key).is_some_and(|entry| same_installation(&entry.value, instance)))
            .cloned()
            .collect();
        if keys.is_empty()
            && let Some(detail) = self.details.get(key)
        {
            keys = listed(cluster, &detail.value)
                .into_iter()
                .filter(|key| self.workloads.get(key).is_some_and(|entry| Join::is_unmarked(&entry.value)))
                .collect();
        }
        keys.sort();
        keys.dedup();
        if let Some(rival) = self.rival(key, derived)
            && !keys.is_empty()
        {
            return Known::Unknown(Why(crate::safe!(
                "{} of Argo CD {} claims the same workloads: give the instances an installationID",
                rival.name.shown(),
                rival.argocd.shown()
            )));
        }
        if let Some(only) = only {
            keys.retain(|key| {
                self.workloads
                    .get(key)
                    .is_some_and(|entry| only.admits(key.name.as_wire(), entry.value.containers.iter().map(|container| &container.image)))
            });
        }
        if !keys.is_empty() {
            keys.shrink_to_fit();
            return Known::Known(keys);
        }
        if application.shape == Shape::AppOfApps {
            return Known::unknown("it carries other applications");
        }
        Known::unknown(&format!("no workload in cluster {} carries its mark", cluster.shown()))
    }

    /// Another application that would carry the same mark in the same cluster and cannot be told apart.
    fn rival(&self, key: &AppKey, derived: &Derived) -> Option<&AppKey> {
        let ours = self.instance_ref(key).and_then(|facts| facts.installation.as_ref());
        self.claims.get(derived.claim.as_ref()?)?.iter().find(|other| {
            *other != key
                && (ours.is_none() || self.instance_ref(other).and_then(|facts| facts.installation.as_ref()) == ours)
                && self.same_namespace(key, other)
        })
    }

    fn same_namespace(&self, one: &AppKey, other: &AppKey) -> bool {
        self.derived.get(one).map(|derived| &derived.namespace) == self.derived.get(other).map(|derived| &derived.namespace)
    }

    /// Why nothing is known of the replicas of a placement, where nothing is: what its cluster says now, else what the join found.
    #[must_use]
    pub fn why_no_replicas(&self, placement: &Placement) -> Option<Why> {
        let Known::Unknown(found) = &placement.replicas else { return None };
        let Known::Known(cluster) = &placement.cluster else { return Some(found.clone()) };
        let shown = cluster.shown();
        let Some(source) = self.sources.get(&SourceId::cluster(cluster)) else { return Some(Why(crate::safe!("cluster {shown} is not read"))) };
        let mine = || source.scopes.iter().filter(|(scope, _)| scope.concerns(&placement.namespace)).map(|(_, status)| &status.state);
        if mine().all(SourceState::is_settled) && mine().any(SourceState::is_live) {
            return Some(found.clone());
        }
        Some(match mine().chain(source.worst().map(|(_, status)| &status.state)).find(|state| !state.is_live()) {
            Some(SourceState::Waiting { why, .. } | SourceState::Denied { why, .. } | SourceState::Off { why }) => {
                Why(crate::safe!("cluster {shown}: {why}"))
            }
            Some(SourceState::Connecting | SourceState::Live) | None => Why(crate::safe!("cluster {shown} is being read")),
        })
    }
}
