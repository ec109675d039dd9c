//! Objects as servers show them: the model rendered as JSON, field by field as real servers wrote them. Nothing here moves the world.

pub(super) mod application;
pub(super) mod event;
mod operation;
pub(super) mod pod;
pub(super) mod rollout;
pub(super) mod workload;

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::clock::Clock;
use super::world::pods::{Set, uid};
use super::world::workload::{Nature, Workload};
use crate::base::Timestamp;
use crate::simulator::definition::WorkloadKind;

/// What rendering needs to know besides the thing itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) clock: &'a Clock,
    /// The world's present.
    pub(super) now: Timestamp,
}

impl Context<'_> {
    /// A moment, to the second, as servers write it.
    pub(super) fn time(&self, moment: Timestamp) -> Value {
        let shown = self.clock.shown(moment);
        Value::from(Timestamp::from_second(shown.as_second()).unwrap_or(shown).to_string())
    }

    /// A length of time as specifications write it.
    pub(super) fn span(&self, span: Duration) -> Value {
        Value::from(super::span::write(self.rounded(span)))
    }

    /// A length of time in whole seconds where it is that long.
    pub(super) fn rounded(&self, span: Duration) -> Duration {
        let shown = self.clock.shown_span(span);
        if shown < Duration::from_secs(1) { shown } else { Duration::from_secs(shown.as_secs()) }
    }
}

/// The API version and kind of a workload.
pub(super) const fn kind_of(kind: WorkloadKind) -> (&'static str, &'static str) {
    match kind {
        WorkloadKind::Deployment => ("apps/v1", "Deployment"),
        WorkloadKind::StatefulSet => ("apps/v1", "StatefulSet"),
        WorkloadKind::DaemonSet => ("apps/v1", "DaemonSet"),
        WorkloadKind::Rollout => ("argoproj.io/v1alpha1", "Rollout"),
    }
}

/// The label by which pods name their set.
pub(super) const fn hash_label(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "pod-template-hash",
        WorkloadKind::Rollout => "rollouts-pod-template-hash",
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => "controller-revision-hash",
    }
}

/// What a workload is called everywhere, for made-up identities.
pub(super) fn identity(workload: &Workload) -> String {
    format!("{}/{}/{}", workload.cluster, workload.namespace, workload.name)
}

/// The pod template: the sidecars come first, as in pods that an injector has changed.
pub(super) fn template(workload: &Workload, tag: &str, set: Option<&Set>) -> Value {
    let mut labels = Map::new();
    labels.insert("app.kubernetes.io/name".to_owned(), Value::from(workload.name.clone()));
    if let Some(set) = set {
        labels.insert(hash_label(workload.kind).to_owned(), Value::from(set.hash.clone()));
    }
    json!({"metadata": {"labels": labels}, "spec": {
        "containers": containers(workload, tag), "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
        "securityContext": {}, "terminationGracePeriodSeconds": 30,
    }})
}

pub(super) fn containers(workload: &Workload, tag: &str) -> Value {
    let sidecars = workload.sidecars.iter().map(|image| {
        let name = image.rsplit('/').next().and_then(|last| last.split(':').next()).unwrap_or("sidecar");
        json!({"image": image, "imagePullPolicy": "IfNotPresent", "name": name, "resources": {}})
    });
    let own = json!({
        "image": format!("{}:{tag}", workload.image), "imagePullPolicy": "IfNotPresent", "name": workload.name,
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    });
    sidecars.chain([own]).collect()
}

/// Who made an object.
pub(super) fn owner(workload: &Workload) -> Value {
    let (api_version, kind) = kind_of(workload.kind);
    json!([{"apiVersion": api_version, "blockOwnerDeletion": true, "controller": true, "kind": kind, "name": workload.name, "uid": uid(&identity(workload))}])
}

/// The pods of every set of a workload, as objects.
pub(super) fn pods(workload: &Workload, context: &Context<'_>, natures: &dyn Fn(&str) -> Nature) -> Vec<Value> {
    workload.sets.iter().flat_map(|set| set.pods.iter().map(|pod| pod::render(workload, set, pod, context, &natures(&set.tag)))).collect()
}
