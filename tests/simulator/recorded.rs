//! The recorded answers of real servers, and which of their fields the cockpit reads: those that the simulator must have, too, in the same situation.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a recording that cannot be read is a failed test")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// Answers of Argo CD: the file, the path as swagger writes it, and whether it is a good answer.
pub(crate) const ANSWERS: &[(&str, &str, bool)] = &[
    ("argocd/version.json", "/api/version", true),
    ("argocd/settings.json", "/api/v1/settings", true),
    ("argocd/projects.json", "/api/v1/projects", true),
    ("argocd/can-i-yes.json", "/api/v1/account/can-i/{resource}/{action}/{subresource}", true),
    ("argocd/applications.json", "/api/v1/applications", true),
    ("argocd/applications-fields.json", "/api/v1/applications", true),
    ("argocd/application.json", "/api/v1/applications/{name}", true),
    ("argocd/application-degraded.json", "/api/v1/applications/{name}", true),
    ("argocd/application-drift.json", "/api/v1/applications/{name}", true),
    ("argocd/application-after-sync.json", "/api/v1/applications/{name}", true),
    ("argocd/error-401.json", "/api/v1/applications", false),
    ("argocd/error-404-or-403.json", "/api/v1/applications", false),
];

/// Objects of clusters and lists of them.
pub(crate) const OBJECTS: &[&str] = &[
    "kubernetes/applications.json",
    "kubernetes/deployment-stuck.json",
    "kubernetes/pods-in-trouble.json",
    "kubernetes/statefulsets.json",
    "rollouts/1-paused-at-10/rollout.json",
    "rollouts/3-analysis-running/rollout.json",
    "rollouts/4-aborted-by-analysis/rollout.json",
    "rollouts/7-retried/rollout.json",
];

/// What the cockpit reads of a Rollout (`src/sources/kubernetes/wire.rs`). A list is told by `[]`.
pub(crate) const ROLLOUT: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.generation",
    "metadata.resourceVersion",
    "metadata.labels",
    "metadata.annotations.argocd.argoproj.io/tracking-id",
    "spec.replicas",
    "spec.paused",
    "spec.selector.matchLabels",
    "spec.template.spec.containers[].name",
    "spec.template.spec.containers[].image",
    "spec.strategy.canary.steps[].setWeight",
    "spec.strategy.canary.steps[].pause",
    "spec.strategy.canary.steps[].pause.duration",
    "spec.strategy.canary.steps[].analysis",
    "status.phase",
    "status.message",
    "status.observedGeneration",
    "status.currentPodHash",
    "status.stableRS",
    "status.currentStepIndex",
    "status.controllerPause",
    "status.pauseConditions[].reason",
    "status.pauseConditions[].startTime",
    "status.abort",
    "status.replicas",
    "status.updatedReplicas",
    "status.readyReplicas",
    "status.availableReplicas",
    "status.selector",
    "status.canary",
    "status.canary.weights",
    "status.canary.currentStepAnalysisRunStatus.name",
    "status.canary.currentStepAnalysisRunStatus.status",
    "status.blueGreen",
    "status.conditions[].type",
    "status.conditions[].status",
    "status.conditions[].reason",
    "status.conditions[].message",
];

/// What the cockpit reads of one application (`src/sources/argocd/wire`).
pub(crate) const APPLICATION: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.resourceVersion",
    "metadata.labels",
    "spec.project",
    "spec.destination.server",
    "spec.destination.namespace",
    "spec.source.repoURL",
    "spec.source.path",
    "spec.source.targetRevision",
    "spec.source.helm.valueFiles[]",
    "spec.sources[].repoURL",
    "spec.sources[].path",
    "spec.sources[].ref",
    "spec.sources[].targetRevision",
    "spec.sources[].helm.valueFiles[]",
    "spec.syncPolicy.automated",
    "spec.syncPolicy.automated.prune",
    "spec.syncPolicy.automated.selfHeal",
    "status.health.status",
    "status.health.lastTransitionTime",
    "status.sync.status",
    "status.sync.revision",
    "status.sync.revisions[]",
    "status.summary.images[]",
    "status.summary.isAppOfApps",
    "status.reconciledAt",
    "status.resourceHealthSource",
    "status.conditions[].type",
    "status.conditions[].message",
    "status.conditions[].lastTransitionTime",
    "status.operationState.phase",
    "status.operationState.message",
    "status.operationState.startedAt",
    "status.operationState.finishedAt",
    "status.operationState.operation.initiatedBy",
    "status.operationState.syncResult.resources[].kind",
    "status.operationState.syncResult.resources[].name",
    "status.operationState.syncResult.resources[].status",
    "status.operationState.syncResult.resources[].message",
    "status.operationState.syncResult.resources[].hookPhase",
    "status.history[].id",
    "status.history[].revision",
    "status.history[].revisions[]",
    "status.history[].deployStartedAt",
    "status.history[].deployedAt",
    "status.history[].initiatedBy",
    "status.resources[].group",
    "status.resources[].kind",
    "status.resources[].namespace",
    "status.resources[].name",
    "status.resources[].status",
    "status.resources[].health.status",
];

/// The same of a list of them.
pub(crate) const APPLICATIONS: &[&str] = &["metadata.resourceVersion", "items[]*"];

pub(crate) const SETTINGS: &[&str] = &["appLabelKey", "trackingMethod", "controllerNamespace", "installationID"];

pub(crate) const PROJECTS: &[&str] = &["metadata.resourceVersion", "items[].metadata.name"];

pub(crate) const STATEFUL_SETS: &[&str] = &[
    "metadata.resourceVersion",
    "items[].metadata.name",
    "items[].metadata.namespace",
    "items[].metadata.generation",
    "items[].metadata.annotations.argocd.argoproj.io/tracking-id",
    "items[].spec.replicas",
    "items[].spec.selector.matchLabels",
    "items[].spec.template.spec.containers[].image",
    "items[].spec.updateStrategy.type",
    "items[].spec.updateStrategy.rollingUpdate.partition",
    "items[].status.observedGeneration",
    "items[].status.replicas",
    "items[].status.updatedReplicas",
    "items[].status.readyReplicas",
    "items[].status.availableReplicas",
    "items[].status.currentReplicas",
    "items[].status.currentRevision",
    "items[].status.updateRevision",
];

pub(crate) const PODS: &[&str] = &[
    "metadata.resourceVersion",
    "items[].metadata.name",
    "items[].metadata.namespace",
    "items[].metadata.labels",
    "items[].metadata.ownerReferences[].kind",
    "items[].metadata.ownerReferences[].name",
    "items[].metadata.ownerReferences[].controller",
    "items[].spec.containers[].name",
    "items[].spec.containers[].image",
    "items[].status.phase",
    "items[].status.startTime",
    "items[].status.conditions[].type",
    "items[].status.conditions[].status",
    "items[].status.containerStatuses[].name",
    "items[].status.containerStatuses[].imageID",
    "items[].status.containerStatuses[].ready",
    "items[].status.containerStatuses[].started",
    "items[].status.containerStatuses[].restartCount",
    "items[].status.containerStatuses[].state.waiting.reason",
];

/// A recording.
pub(crate) fn json(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Fields of these that a recording has and ours has not, or of another type.
pub(crate) fn lacks(file: &str, read: &[&str], ours: &Value) -> Vec<String> {
    let (mut recorded, mut own) = (BTreeSet::new(), BTreeSet::new());
    fields("", &json(file), &mut recorded);
    fields("", ours, &mut own);
    let is_read = |path: &str| {
        read.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(items) => path.strip_prefix(items).is_some_and(|rest| APPLICATION.contains(&rest.trim_start_matches('.'))),
            None => path == *wanted,
        })
    };
    recorded.iter().filter(|(path, _)| is_read(path)).filter(|field| !own.contains(*field)).map(|(path, kind)| format!("{path} ({kind})")).collect()
}

/// Every field with its type; what is null is not there.
fn fields(path: &str, value: &Value, found: &mut BTreeSet<(String, &'static str)>) {
    let kind = match value {
        Value::Null => return,
        Value::Bool(_) => "truth",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    found.insert((path.to_owned(), kind));
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                fields(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, member, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(&format!("{path}[]"), item, found)),
        _ => {}
    }
}
