//! What changed goes into the stores.

use std::collections::BTreeSet;

use super::World;
use crate::simulator::definition::{Layout, WorkloadKind};
use crate::simulator::objects::application::Around;
use crate::simulator::objects::{self, application, rollout, workload};
use crate::simulator::store::{APPLICATIONS, DAEMON_SETS, DEPLOYMENTS, Kind, PODS, REPLICA_SETS, ROLLOUTS, STATEFUL_SETS};

/// Names of what a workload made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    pods: BTreeSet<String>,
    sets: BTreeSet<String>,
}

/// How a workload's kind is served.
pub(super) fn served(kind: WorkloadKind) -> &'static Kind {
    match kind {
        WorkloadKind::Deployment => &DEPLOYMENTS,
        WorkloadKind::Rollout => &ROLLOUTS,
        WorkloadKind::StatefulSet => &STATEFUL_SETS,
        WorkloadKind::DaemonSet => &DAEMON_SETS,
    }
}

impl World {
    /// Shows everything that changed since the last time.
    pub(super) fn show(&mut self) {
        let unshown = std::mem::take(&mut self.unshown);
        for number in unshown.workloads {
            self.show_workload(number);
            self.show_events(number);
        }
        self.forget_events();
        for number in unshown.applications {
            self.show_application(number);
        }
    }

    fn show_workload(&mut self, number: usize) {
        let Some(workload) = self.workloads.get(number) else { return };
        let Some(store) = self.clusters.get(&workload.cluster) else { return };
        let context = self.context();
        let Some(application) = self.applications.get(workload.application) else { return };
        let control_plane = self.definition.argocds.get(application.argocd).map(|argocd| argocd.namespace.as_str()).unwrap_or_default();
        // Outside the control plane's namespace the tracking id names the Application's.
        let tracking =
            if application.namespace == control_plane { application.name.clone() } else { format!("{}_{}", application.namespace, application.name) };
        let object = match workload.kind {
            WorkloadKind::Rollout => rollout::render(workload, &context, &tracking),
            _ => workload::render(workload, &context, &tracking),
        };
        store.put(served(workload.kind), object);
        let mut names = Names::default();
        if matches!(workload.kind, WorkloadKind::Deployment | WorkloadKind::Rollout) {
            for set in &workload.sets {
                names.sets.insert(format!("{}-{}", workload.name, set.hash));
                store.put(&REPLICA_SETS, workload::replica_set(workload, set, &context, &tracking));
            }
        }
        let natures = |tag: &str| self.nature(workload, tag);
        for pod in objects::pods(workload, &context, &natures) {
            let name = pod.pointer("/metadata/name").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            names.pods.insert(name);
            store.put(&PODS, pod);
        }
        if let Some(before) = self.shown.get(number) {
            for gone in before.pods.difference(&names.pods) {
                store.remove(&PODS, &workload.namespace, gone);
            }
            for gone in before.sets.difference(&names.sets) {
                store.remove(&REPLICA_SETS, &workload.namespace, gone);
            }
        }
        if let Some(before) = self.shown.get_mut(number) {
            *before = names;
        }
    }

    fn show_application(&self, number: usize) {
        let Some(application) = self.applications.get(number) else { return };
        let Some(definition) = self.definition.applications.get(application.definition) else { return };
        if self.vanished.contains(&application.argocd) {
            return;
        }
        let Some(argocd) = self.definition.argocds.get(application.argocd) else { return };
        let around = Around {
            definition,
            argocd: &argocd.name,
            control_plane: &argocd.namespace,
            repository: &self.url,
            branch: &self.branch(&application.environment),
            workloads: &self.workloads,
            applications: if definition.layout == Layout::Applications { &self.applications } else { &[] },
        };
        let context = self.context();
        if let Some(store) = self.clusters.get(&argocd.cluster) {
            store.put(&APPLICATIONS, application::render(application, &around, &context, false));
        }
        if let Some(store) = self.argocds.get(application.argocd) {
            store.put(&APPLICATIONS, application::render(application, &around, &context, true));
        }
    }

    /// All applications of an Argo CD go out of sight, or come back as they are by then.
    pub(super) fn set_vanished(&mut self, argocd: usize, gone: bool) {
        let changed = if gone { self.vanished.insert(argocd) } else { self.vanished.remove(&argocd) };
        let own: Vec<usize> = self.applications.iter().enumerate().filter(|(_, one)| one.argocd == argocd).map(|(number, _)| number).collect();
        if changed && !gone {
            self.unshown.applications.extend(own);
            self.show();
        } else if changed {
            let control = self.definition.argocds.get(argocd).and_then(|argocd| self.clusters.get(&argocd.cluster));
            for application in own.into_iter().filter_map(|number| self.applications.get(number)) {
                for store in control.into_iter().chain(self.argocds.get(argocd)) {
                    store.remove(&APPLICATIONS, &application.namespace, &application.name);
                }
            }
        }
    }
}
