//! What is so, beyond doubt, for whoever checks a cockpit against it.

use serde_json::{Value, json};

use super::World;
use super::application::{Application, Sync};
use super::workload::Workload;
use crate::simulator::canary::Step;
use crate::simulator::objects::kind_of;

impl World {
    /// Every application with its workloads: `{"now", "applications": [{"argocd", "namespace", "name", "service", "environment", "placement",
    /// "health", "sync", "revision", "wanted": [tag], "workloads": [{…}]}]}`.
    pub(super) fn truth(&self) -> Value {
        let applications: Vec<Value> = self.applications.iter().map(|application| self.application(application)).collect();
        json!({"now": self.context().time(self.now), "head": self.head(""), "applications": applications})
    }

    fn application(&self, application: &Application) -> Value {
        let definition = self.definition.applications.get(application.definition);
        let argocd = self.definition.argocds.get(application.argocd).map(|argocd| argocd.name.as_str());
        let workloads: Vec<Value> =
            application.workloads.iter().filter_map(|number| self.workloads.get(*number)).map(|workload| self.workload(workload)).collect();
        json!({
            "argocd": argocd, "namespace": application.namespace, "name": application.name, "service": definition.map(|one| one.service.as_str()),
            "environment": application.environment, "placement": application.placement, "cluster": application.cluster, "target": application.target,
            "health": application.health.word(), "sync": match application.sync { Sync::Synced => "Synced", Sync::OutOfSync => "OutOfSync" },
            "revision": application.revision, "wanted": application.wanted, "workloads": workloads,
        })
    }

    fn workload(&self, workload: &Workload) -> Value {
        let (_, kind) = kind_of(workload.kind);
        let canary = workload.canary.as_ref().filter(|canary| !canary.steps.is_empty()).map(|canary| {
            let forever = canary.paused.is_some() && matches!(canary.steps.get(canary.index), Some(Step::Pause(None)));
            json!({"index": canary.index, "steps": canary.steps.len(), "stable": canary.stable, "waits": forever, "aborted": canary.aborted.is_some()})
        });
        json!({
            "kind": kind, "name": workload.name, "image": format!("{}:{}", workload.image, workload.tag), "tag": workload.tag, "settled": workload.settled,
            "running": workload.sets.iter().filter(|set| !set.pods.is_empty()).map(|set| set.tag.as_str()).collect::<Vec<_>>(),
            "replicas": workload.replicas, "ready": workload.ready(self.now), "updated": workload.updated(), "total": workload.total(), "canary": canary,
        })
    }
}
