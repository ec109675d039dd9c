//! THE FLEET: everything known now, as the fold of all observations.
//!
//! [`Fleet::apply`] takes one report in and says what changed. Facts are kept by facet and key; services, cells and placements are derived from them
//! at once, but only where a fact changed, so that an event costs the same in a fleet of ten and of ten thousand.

mod cells;
mod census;
mod join;
mod news;
mod placement;
mod remember;
mod service;
mod source;
mod store;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

pub use placement::{Part, Placement};
pub use remember::Remembered;
pub use service::{Cell, Service};
pub use source::{ScopeStatus, Since, Source, Stale};
pub use store::Entry;
pub use wanted::{Behind, Missed, Step, Wanted};

use crate::base::{Epoch, Safe, Timestamp};
use crate::domain::application::{Application, Detail};
use crate::domain::desired::Desired;
use crate::domain::guess::Sightings;
use crate::domain::landscape::Landscape;
use crate::domain::names::{AppKey, ArgocdName, ClusterName, EnvironmentName, Namespace, PlacementName, ServiceName, SourceId};
use crate::domain::observation::{InstanceFacts, Item, ItemKey, Items, Observation, Report, ReportBody, Scope, SourceState, World};
use crate::domain::pull::{Pull, PullKey};
use crate::domain::recent::{Edits, Recent};
use crate::domain::unmapped::Unmapped;
use crate::domain::workload::{Pods, ReplicaSet, ReplicaSetKey, Tracking, Workload, WorkloadKey};
use cells::Derived;
use census::Census;
use join::{Few, Join};
use store::Store;

/// What a report changed, for those who keep something derived from the fleet.
#[expect(clippy::struct_excessive_bools, reason = "a set of independent flags, each read by its name")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// A cell looks different.
    pub cells: bool,
    /// Rows came or went, or a service needs more or less attention than before: the order of rows may differ.
    pub order: bool,
    /// The state of a source.
    pub sources: bool,
    /// A facet that is read on demand.
    pub on_demand: bool,
    /// Clusters or namespaces that matter came or went.
    pub reach: bool,
    /// What an Argo CD instance says about itself.
    pub instance: bool,
}

impl Changes {
    /// Whether anything changed.
    #[must_use]
    pub const fn any(self) -> bool {
        self.cells || self.order || self.sources || self.on_demand || self.reach || self.instance
    }

    /// Both together.
    pub const fn add(&mut self, other: Self) {
        self.cells |= other.cells;
        self.order |= other.order;
        self.sources |= other.sources;
        self.on_demand |= other.on_demand;
        self.reach |= other.reach;
        self.instance |= other.instance;
    }
}

/// Everything known now.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    landscape: Landscape,
    sightings: Sightings,
    applications: Store<AppKey, Application>,
    details: Store<AppKey, Detail>,
    workloads: Store<WorkloadKey, Workload>,
    replica_sets: Store<ReplicaSetKey, ReplicaSet>,
    pods: Store<WorkloadKey, Pods>,
    desired: Store<AppKey, Desired>,
    recent: Store<ClusterName, Recent>,
    edits: Store<AppKey, Edits>,
    pulls: Store<PullKey, Pull>,
    sources: BTreeMap<SourceId, Source>,
    join: Join,
    derived: BTreeMap<AppKey, Derived>,
    /// Applications by the cluster and name under which their workloads would carry a mark.
    claims: BTreeMap<(ClusterName, crate::base::Raw), Few<AppKey>>,
    /// Namespaces that applications deploy to, by cluster, with how many do.
    reach: BTreeMap<ClusterName, BTreeMap<Namespace, usize>>,
    services: BTreeMap<ServiceName, Service>,
    census: Census,
    /// Placements with news, by service, environment and name, until somebody takes them.
    news: BTreeSet<News>,
}

/// A placement by its service, the index of its environment and its name.
pub type News = (ServiceName, usize, PlacementName);

impl Fleet {
    /// An empty fleet in a landscape.
    #[must_use]
    pub fn new(landscape: Landscape) -> Self {
        Self { landscape, ..Self::default() }
    }

    /// The landscape it lies in.
    #[must_use]
    pub const fn landscape(&self) -> &Landscape {
        &self.landscape
    }

    /// The services, by name.
    #[must_use]
    pub const fn services(&self) -> &BTreeMap<ServiceName, Service> {
        &self.services
    }

    /// A service in an environment, by their names.
    #[must_use]
    pub fn cell(&self, service: &ServiceName, environment: &EnvironmentName) -> Option<&Cell> {
        let position = self.landscape.position(environment)?;
        self.services.get(service)?.cells.get(&position)
    }

    /// One placement of a service, by its names.
    #[must_use]
    pub fn placement(&self, service: &ServiceName, environment: &EnvironmentName, name: &PlacementName) -> Option<&Placement> {
        self.cell(service, environment)?.placements.iter().find(|placement| placement.name == *name)
    }

    /// The names of the placements that there are in an environment, given by its index in the landscape.
    pub fn placement_names(&self, environment: usize) -> impl Iterator<Item = &PlacementName> {
        self.census.names(environment)
    }

    /// All applications.
    pub fn applications(&self) -> impl Iterator<Item = (&AppKey, &Entry<Application>)> {
        self.applications.iter()
    }

    /// One application.
    #[must_use]
    pub fn application(&self, key: &AppKey) -> Option<&Entry<Application>> {
        self.applications.get(key)
    }

    /// The detail of one application, if it was asked for.
    #[must_use]
    pub fn detail(&self, key: &AppKey) -> Option<&Entry<Detail>> {
        self.details.get(key)
    }

    /// One workload.
    #[must_use]
    pub fn workload(&self, key: &WorkloadKey) -> Option<&Entry<Workload>> {
        self.workloads.get(key)
    }

    /// The pods of one workload, if they were asked for.
    #[must_use]
    pub fn pods(&self, key: &WorkloadKey) -> Option<&Entry<Pods>> {
        self.pods.get(key)
    }

    /// What git wants of one application, where a repository said it.
    #[must_use]
    pub fn desired(&self, key: &AppKey) -> Option<&Entry<Desired>> {
        self.desired.get(key)
    }

    /// What happened lately in a cluster, if it was asked.
    #[must_use]
    pub fn recent(&self, cluster: &ClusterName) -> Option<&Entry<Recent>> {
        self.recent.get(cluster)
    }

    /// Who wrote the fields of resources of an application, if it was asked.
    #[must_use]
    pub fn edits(&self, key: &AppKey) -> Option<&Entry<Edits>> {
        self.edits.get(key)
    }

    /// A pull request.
    #[must_use]
    pub fn pull(&self, key: &PullKey) -> Option<&Entry<Pull>> {
        self.pulls.get(key)
    }

    /// The pull requests that operations opened, as far as they are known.
    pub fn pulls(&self) -> impl Iterator<Item = (&PullKey, &Entry<Pull>)> {
        self.pulls.iter()
    }

    /// The sources, by kind and name.
    #[must_use]
    pub const fn sources(&self) -> &BTreeMap<SourceId, Source> {
        &self.sources
    }

    /// The placements whose version, health or canary changed since this was last asked.
    pub fn take_news(&mut self) -> BTreeSet<News> {
        std::mem::take(&mut self.news)
    }

    /// What an Argo CD instance says about itself.
    #[must_use]
    pub fn instance(&self, argocd: &ArgocdName) -> InstanceFacts {
        self.sources.get(&SourceId::argocd(argocd)).map(|source| source.instance.clone()).unwrap_or_default()
    }

    /// Applications that are in no cell, and why.
    pub fn unmapped(&self) -> impl Iterator<Item = (&AppKey, &Unmapped)> {
        self.derived.iter().filter_map(|(key, derived)| derived.assigned.as_ref().err().map(|unmapped| (key, unmapped)))
    }

    /// Clusters that applications deploy to, with the namespaces that matter.
    #[must_use]
    pub fn reach(&self) -> BTreeMap<ClusterName, BTreeSet<Namespace>> {
        self.reach.iter().map(|(cluster, namespaces)| (cluster.clone(), namespaces.keys().cloned().collect())).collect()
    }

    /// A source is about to be read: from now on only reports of this generation count.
    pub fn connect(&mut self, id: SourceId, epoch: Epoch, at: Timestamp) {
        let source = self.sources.entry(id).or_default();
        source.epoch = epoch;
        source.since = at;
    }

    /// The reader of a source is gone: nothing it said is current any more.
    pub fn lose(&mut self, id: &SourceId, why: &Safe, at: Timestamp) {
        let Some(source) = self.sources.get_mut(id) else { return };
        let scopes: Vec<Scope> = source.scopes.keys().cloned().collect();
        for scope in scopes {
            source.set_state(&scope, SourceState::Waiting { until: None, why: why.clone() }, at);
        }
    }

    /// Whether every source has said what it can say for now.
    #[must_use]
    pub fn is_settled(&self, now: Timestamp) -> bool {
        !self.sources.is_empty() && self.sources.iter().all(|(id, source)| source.is_settled(id.kind, now))
    }

    /// Takes one report in.
    pub fn apply(&mut self, report: Report) -> Changes {
        let Some(source) = self.sources.get_mut(&report.source) else { return Changes::default() };
        if source.epoch != report.epoch {
            return Changes::default();
        }
        let at = report.at;
        match report.body {
            ReportBody::State(scope, state) => {
                let sources = source.set_state(&scope, state, at);
                Changes { sources, ..Changes::default() }
            }
            ReportBody::Forget(scope) => {
                source.scopes.remove(&scope);
                Changes { sources: true, ..Changes::default() }
            }
            ReportBody::Alive => {
                source.heard_at = source.heard_at.max(Some(at));
                if source.instance.reads == Some(World::Cluster) {
                    source.reconciled_checked_at = Some(at);
                }
                Changes::default()
            }
            ReportBody::Traffic(traffic) => {
                source.traffic.requests += traffic.requests;
                source.traffic.bytes += traffic.bytes;
                Changes::default()
            }
            ReportBody::Answered { .. } => Changes::default(),
            ReportBody::Observed(observation) => {
                // What an instance is known to be is partly known without it, from the configuration: no sign of life.
                if !matches!(observation, Observation::Instance(_)) {
                    source.heard_at = source.heard_at.max(Some(at));
                }
                self.observe(&report.source, observation, at)
            }
        }
    }

    fn observe(&mut self, source: &SourceId, observation: Observation, at: Timestamp) -> Changes {
        match observation {
            Observation::Page { items, version } => self.list(source, None, items, at, version),
            Observation::Listed { scope, items, version } => self.list(source, Some(&scope), items, at, version),
            Observation::Changed { item, version } => match item {
                Item::Application(key, application) => {
                    self.note_reconciled(source, std::iter::once(&*application), at);
                    if self.applications.put(&key, *application, at, version) { self.applications_changed(&[key]) } else { Changes::default() }
                }
                Item::Detail(key, detail) => {
                    if self.details.put(&key, *detail, at, version) {
                        self.detail_changed(&key)
                    } else {
                        Changes::default()
                    }
                }
                Item::Workload(key, workload) => {
                    let before = self.workloads.get(&key).map(|entry| entry.value.tracking.clone());
                    if self.workloads.put(&key, *workload, at, version) { self.workloads_changed(vec![(key, before)]) } else { Changes::default() }
                }
                Item::ReplicaSet(key, set) => {
                    if self.replica_sets.put(&key, *set, at, version) {
                        self.replica_sets_changed(&[key])
                    } else {
                        Changes::default()
                    }
                }
                Item::Pods(key, pods) => {
                    let on_demand = self.pods.put(&key, pods, at, version);
                    Changes { on_demand, ..Changes::default() }
                }
                Item::Recent(key, recent) => {
                    let on_demand = self.recent.put(&key, *recent, at, version);
                    Changes { on_demand, ..Changes::default() }
                }
                Item::Edits(key, edits) => {
                    let on_demand = self.edits.put(&key, *edits, at, version);
                    Changes { on_demand, ..Changes::default() }
                }
            },
            Observation::Removed { key, version } => match key {
                ItemKey::Application(key) => {
                    if self.applications.remove(&key, at, version) {
                        self.applications_changed(&[key])
                    } else {
                        Changes::default()
                    }
                }
                ItemKey::Workload(key) => {
                    let before = self.workloads.get(&key).map(|entry| entry.value.tracking.clone());
                    if self.workloads.remove(&key, at, version) { self.workloads_changed(vec![(key, before)]) } else { Changes::default() }
                }
                ItemKey::ReplicaSet(key) => {
                    if self.replica_sets.remove(&key, at, version) {
                        self.replica_sets_changed(&[key])
                    } else {
                        Changes::default()
                    }
                }
            },
            Observation::Reconciled { at: newest } => {
                let Some(source) = self.sources.get_mut(source) else { return Changes::default() };
                let was_silent = source.controller_silent(at).is_some();
                source.reconciled_at = source.reconciled_at.max(Some(newest));
                source.reconciled_checked_at = Some(at);
                // A controller that works as it did is a sign of life.
                Changes { sources: was_silent != source.controller_silent(at).is_some(), ..Changes::default() }
            }
            Observation::Instance(facts) => self.instance_changed(source, facts),
        }
    }

    /// Takes several items in; with a scope, the list also proves absence there.
    fn list(
        &mut self,
        source: &SourceId,
        scope: Option<&Scope>,
        items: Items,
        at: Timestamp,
        version: Option<crate::domain::observation::WorldVersion>,
    ) -> Changes {
        match items {
            Items::Applications(items) => {
                self.note_reconciled(source, items.iter().map(|(_, application)| application), at);
                let changed = self
                    .applications
                    .list(items, at, version, |key, application| scope.is_some_and(|scope| covers_application(source, scope, key, application)));
                self.applications_changed(&changed)
            }
            Items::Workloads(items) => {
                let before: BTreeMap<WorkloadKey, Tracking> = items
                    .iter()
                    .filter_map(|(key, _)| self.workloads.get(key).map(|entry| (key.clone(), entry.value.tracking.clone())))
                    .chain(
                        self.workloads
                            .iter()
                            .filter(|(key, _)| scope.is_some_and(|scope| covers_workload(source, scope, key)))
                            .map(|(key, entry)| (key.clone(), entry.value.tracking.clone())),
                    )
                    .collect();
                let changed = self.workloads.list(items, at, version, |key, _| scope.is_some_and(|scope| covers_workload(source, scope, key)));
                let changed = changed
                    .into_iter()
                    .map(|key| {
                        let before = before.get(&key).cloned();
                        (key, before)
                    })
                    .collect();
                self.workloads_changed(changed)
            }
            Items::ReplicaSets(items) => {
                let changed = self.replica_sets.list(items, at, version, |key, _| scope.is_some_and(|scope| covers_replica_set(source, scope, key)));
                self.replica_sets_changed(&changed)
            }
            Items::Pulls(items) => {
                let is_of = |key: &PullKey, scope: &Scope| *scope == Scope::Pulls(key.repository.clone()) && key.github == source.name;
                let changed = self.pulls.list(items, at, version, |key, _| scope.is_some_and(|scope| is_of(key, scope)));
                Changes { on_demand: !changed.is_empty(), ..Changes::default() }
            }
            Items::Desired(items) => {
                let (mut changed, mut told_anew) = (Vec::new(), Vec::new());
                for (key, desired) in items {
                    let tells_more = self.desired.get(&key).is_none_or(|held| held.value.tells_other_than(&desired));
                    if self.desired.put(&key, desired, at, version) {
                        if tells_more { told_anew.push(key) } else { changed.push(key) }
                    }
                }
                self.desired_changed(&changed, &told_anew)
            }
        }
    }

    /// Application objects carry the time of their comparison with git where the reader can see it.
    fn note_reconciled<'a>(&mut self, source: &SourceId, applications: impl Iterator<Item = &'a Application>, at: Timestamp) {
        let newest = applications.filter(|application| !application.frozen).filter_map(|application| application.reconciled_at).max();
        if let (Some(newest), Some(source)) = (newest, self.sources.get_mut(source)) {
            source.reconciled_at = source.reconciled_at.max(Some(newest));
            source.reconciled_checked_at = source.reconciled_checked_at.max(Some(at));
        }
    }

    fn instance_changed(&mut self, source: &SourceId, facts: InstanceFacts) -> Changes {
        let Some(held) = self.sources.get_mut(source) else { return Changes::default() };
        let before = held.instance.clone();
        held.instance.merge(facts);
        if held.instance == before {
            return Changes::default();
        }
        let joins_differ = held.instance.holder != before.holder
            || held.instance.tracking_method != before.tracking_method
            || held.instance.installation != before.installation
            || held.instance.controller_namespace != before.controller_namespace;
        let mut changes = Changes { sources: true, instance: true, ..Changes::default() };
        if joins_differ {
            changes.add(self.rebuild());
        }
        changes
    }
}

fn covers_application(source: &SourceId, scope: &Scope, key: &AppKey, application: &Application) -> bool {
    key.argocd.0 == source.name
        && match scope {
            Scope::Applications => true,
            Scope::Project(project) => application.project == *project,
            Scope::ApplicationsIn(namespace) => key.namespace == *namespace,
            Scope::Workloads(..) | Scope::ReplicaSets(_) | Scope::Desired | Scope::Pulls(_) => false,
        }
}

fn covers_workload(source: &SourceId, scope: &Scope, key: &WorkloadKey) -> bool {
    key.cluster.0 == source.name
        && matches!(scope, Scope::Workloads(kind, namespace) if *kind == key.kind && namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace))
}

fn covers_replica_set(source: &SourceId, scope: &Scope, key: &ReplicaSetKey) -> bool {
    key.cluster.0 == source.name
        && matches!(scope, Scope::ReplicaSets(namespace) if namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace))
}
