//! Which workloads belong to which application: by the marks that Argo CD leaves on what it manages, never by namespace or name alone.
//!
//! The first of these that answers, answers: the tracking annotation, the instance label (whichever the instance uses), the resources that the
//! application's own status lists. An installation id, where both sides have one, must agree.

use std::collections::BTreeMap;

use crate::base::Raw;
use crate::domain::application::Detail;
use crate::domain::names::{AppKey, ClusterName};
use crate::domain::observation::InstanceFacts;
use crate::domain::workload::{Tracking, Workload, WorkloadKey, WorkloadKind};

/// The name that Argo CD writes for an application, in one cluster.
type Claim = (ClusterName, Raw);

/// A few things in their order: nearly always one, for which a tree would keep room for eleven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Few<T>(Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> Few<T> {
    pub(super) fn insert(&mut self, item: T) {
        if let Err(place) = self.0.binary_search(&item) {
            if self.0.len() < 2 {
                self.0.reserve_exact(1);
            }
            self.0.insert(place, item);
        }
    }

    pub(super) fn remove(&mut self, item: &T) {
        if let Ok(place) = self.0.binary_search(item) {
            self.0.remove(place);
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Workloads by who claims them.
#[derive(Debug, Clone, Default)]
pub(super) struct Join {
    by_annotation: BTreeMap<Claim, Few<WorkloadKey>>,
    by_label: BTreeMap<Claim, Few<WorkloadKey>>,
}

impl Join {
    pub(super) fn add(&mut self, key: &WorkloadKey, tracking: &Tracking) {
        for (index, mark) in self.marks(tracking) {
            index.entry((key.cluster.clone(), mark)).or_default().insert(key.clone());
        }
    }

    pub(super) fn remove(&mut self, key: &WorkloadKey, tracking: &Tracking) {
        for (index, mark) in self.marks(tracking) {
            let claim = (key.cluster.clone(), mark);
            if let Some(keys) = index.get_mut(&claim) {
                keys.remove(key);
                if keys.is_empty() {
                    index.remove(&claim);
                }
            }
        }
    }

    fn marks(&mut self, tracking: &Tracking) -> Vec<(&mut BTreeMap<Claim, Few<WorkloadKey>>, Raw)> {
        let mut marks = Vec::with_capacity(2);
        if let Some(name) = &tracking.annotation {
            marks.push((&mut self.by_annotation, name.clone()));
        }
        if let Some(name) = &tracking.label {
            marks.push((&mut self.by_label, name.clone()));
        }
        marks
    }

    /// Whether a workload carries no mark at all.
    pub(super) const fn is_unmarked(workload: &Workload) -> bool {
        workload.tracking.annotation.is_none() && workload.tracking.label.is_none()
    }

    /// The workloads in `cluster` that carry the mark of `name`.
    pub(super) fn claimed(&self, cluster: &ClusterName, name: &Raw, instance: &InstanceFacts) -> impl Iterator<Item = &WorkloadKey> {
        let claim = (cluster.clone(), name.clone());
        let method = instance.tracking_method.as_ref().map_or("", Raw::as_wire);
        // `annotation+label` writes both but trusts the annotation; an unknown method is asked both ways.
        let annotated = if method == "label" { None } else { self.by_annotation.get(&claim) };
        let labelled = if method.starts_with("annotation") { None } else { self.by_label.get(&claim) };
        annotated.into_iter().flatten().chain(labelled.into_iter().flatten())
    }
}

/// The name that Argo CD writes for an application: its own in the control plane's namespace, else `namespace_name`
/// (argo-cd `Application.InstanceName`).
pub(super) fn instance_name(key: &AppKey, instance: Option<&InstanceFacts>) -> Raw {
    match instance.and_then(|facts| facts.controller_namespace.as_ref()) {
        Some(control) if *control != key.namespace => Raw::new(format!("{}_{}", key.namespace.as_wire(), key.name.as_wire())),
        _ => key.name.clone(),
    }
}

/// Whether a workload may be this instance's: installation ids, where both sides have one, must agree.
pub(super) fn same_installation(workload: &Workload, instance: &InstanceFacts) -> bool {
    match (&workload.tracking.installation, &instance.installation) {
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => true,
    }
}

/// The workloads that an application's status lists, for clusters where nothing carries a mark.
pub(super) fn listed(cluster: &ClusterName, detail: &Detail) -> Vec<WorkloadKey> {
    detail
        .resources
        .iter()
        .filter_map(|resource| {
            let kind =
                WorkloadKind::ALL.into_iter().find(|kind| kind.word() == resource.kind.as_wire() && kind.group() == resource.group.as_wire())?;
            Some(WorkloadKey { cluster: cluster.clone(), namespace: resource.namespace.clone(), kind, name: resource.name.clone() })
        })
        .collect()
}
