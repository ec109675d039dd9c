//! Deployments, stateful sets, daemon sets and replica sets as a cluster shows them.

use serde_json::{Map, Value, json};

use super::{Context, hash_label, identity, kind_of, owner, template};
use crate::simulator::definition::WorkloadKind;
use crate::simulator::world::pods::{Set, made_up, uid};
use crate::simulator::world::workload::Workload;

/// Metadata of a workload. `tracking` is the application's name in tracking ids.
pub(super) fn metadata(workload: &Workload, context: &Context<'_>, tracking: &str) -> Value {
    let (api_version, kind) = kind_of(workload.kind);
    let group = api_version.split('/').next().unwrap_or_default();
    let mut annotations = Map::new();
    let id = format!("{tracking}:{group}/{kind}:{}/{}", workload.namespace, workload.name);
    annotations.insert("argocd.argoproj.io/tracking-id".to_owned(), Value::from(id));
    match workload.kind {
        WorkloadKind::Deployment => {
            annotations.insert("deployment.kubernetes.io/revision".to_owned(), Value::from(workload.revision.to_string()));
        }
        WorkloadKind::Rollout => {
            annotations.insert("rollout.argoproj.io/revision".to_owned(), Value::from(workload.revision.to_string()));
        }
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {}
    }
    let mut metadata = json!({
        "annotations": annotations, "creationTimestamp": context.time(workload.created), "generation": workload.generation,
        "labels": {"app.kubernetes.io/name": workload.name}, "name": workload.name, "namespace": workload.namespace, "uid": uid(&identity(workload)),
    });
    if let (Some((manager, at)), Some(metadata)) = (workload.by_hand, metadata.as_object_mut()) {
        metadata.insert("managedFields".to_owned(), managed_fields(workload, context, manager, at));
    }
    metadata
}

/// Who wrote what: Argo CD all of it, and a person the replicas. Left out as long as nobody wrote by hand: it is most of the bytes, and nobody reads it.
fn managed_fields(workload: &Workload, context: &Context<'_>, manager: &str, at: crate::base::Timestamp) -> Value {
    let (api_version, _) = kind_of(workload.kind);
    let entry = |manager: &str, at, fields: Value| {
        json!({"apiVersion": api_version, "fieldsType": "FieldsV1", "fieldsV1": fields, "manager": manager, "operation": "Update",
            "time": context.time(at)})
    };
    json!([
        entry("argocd-controller", workload.created, json!({"f:metadata": {"f:labels": {}}, "f:spec": {"f:replicas": {}, "f:template": {}}})),
        entry(manager, at, json!({"f:spec": {"f:replicas": {}}})),
    ])
}

fn selector(workload: &Workload) -> Value {
    json!({"matchLabels": {"app.kubernetes.io/name": workload.name}})
}

/// Any workload but a Rollout.
pub(in crate::simulator) fn render(workload: &Workload, context: &Context<'_>, tracking: &str) -> Value {
    let (api_version, kind) = kind_of(workload.kind);
    let (spec, status) = match workload.kind {
        WorkloadKind::StatefulSet => stateful_set(workload, context),
        WorkloadKind::DaemonSet => daemon_set(workload, context),
        WorkloadKind::Deployment | WorkloadKind::Rollout => deployment(workload, context),
    };
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata(workload, context, tracking), "spec": spec, "status": status})
}

fn deployment(workload: &Workload, context: &Context<'_>) -> (Value, Value) {
    let now = context.now;
    let (ready, total, updated) = (workload.ready(now), workload.total(), workload.updated());
    let set = workload.current().map(|set| format!("{}-{}", workload.name, set.hash)).unwrap_or_default();
    let is_available = ready >= workload.replicas - workload.replicas / 4;
    let available = if is_available {
        json!({"lastTransitionTime": context.time(workload.created), "lastUpdateTime": context.time(workload.created),
            "message": "Deployment has minimum availability.", "reason": "MinimumReplicasAvailable", "status": "True", "type": "Available"})
    } else {
        json!({"lastTransitionTime": context.time(workload.moved), "lastUpdateTime": context.time(workload.moved),
            "message": "Deployment does not have minimum availability.", "reason": "MinimumReplicasUnavailable", "status": "False", "type": "Available"})
    };
    let (message, reason, word) = if workload.settled {
        (format!("ReplicaSet \"{set}\" has successfully progressed."), "NewReplicaSetAvailable", "True")
    } else if workload.is_overdue(now) {
        (format!("ReplicaSet \"{set}\" has timed out progressing."), "ProgressDeadlineExceeded", "False")
    } else {
        (format!("ReplicaSet \"{set}\" is progressing."), "ReplicaSetUpdated", "True")
    };
    let progressing = json!({"lastTransitionTime": context.time(workload.created), "lastUpdateTime": context.time(workload.progressed),
        "message": message, "reason": reason, "status": word, "type": "Progressing"});
    let conditions: Vec<Value> = [available, progressing].into_iter().chain(over_quota(workload, context)).collect();
    let mut status = json!({
        "availableReplicas": ready, "conditions": conditions, "observedGeneration": workload.generation, "readyReplicas": ready,
        "replicas": total, "updatedReplicas": updated,
    });
    if total > ready
        && let Some(status) = status.as_object_mut()
    {
        status.insert("unavailableReplicas".to_owned(), Value::from(total - ready));
    }
    let spec = json!({
        "progressDeadlineSeconds": context.rounded(workload.deadline).as_secs().max(1), "replicas": workload.replicas, "revisionHistoryLimit": 10,
        "selector": selector(workload),
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}, "type": "RollingUpdate"},
        "template": template(workload, &workload.tag, None),
    });
    (spec, status)
}

/// That its replica set cannot make pods, as the controllers take it over from there.
pub(super) fn over_quota(workload: &Workload, context: &Context<'_>) -> Option<Value> {
    let set = workload.current().filter(|_| workload.is_over_quota)?;
    let pod = format!("{}-{}-{}", workload.name, set.hash, made_up(&set.hash, 5));
    let message = format!(
        "pods \"{pod}\" is forbidden: exceeded quota: compute, requested: limits.memory=512Mi, used: limits.memory=8Gi, limited: limits.memory=8Gi"
    );
    Some(json!({"lastTransitionTime": context.time(workload.moved), "lastUpdateTime": context.time(workload.moved), "message": message,
        "reason": "FailedCreate", "status": "True", "type": "ReplicaFailure"}))
}

fn stateful_set(workload: &Workload, context: &Context<'_>) -> (Value, Value) {
    let revision = |set: Option<&Set>| set.map(|set| format!("{}-{}", workload.name, set.hash)).unwrap_or_default();
    let old = workload.sets.iter().rev().skip(1).find(|set| !set.pods.is_empty());
    let ready = workload.ready(context.now);
    let spec = json!({
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"}, "podManagementPolicy": "OrderedReady",
        "replicas": workload.replicas, "revisionHistoryLimit": 10, "selector": selector(workload), "serviceName": workload.name,
        "template": template(workload, &workload.tag, None), "updateStrategy": {"rollingUpdate": {"partition": 0}, "type": "RollingUpdate"},
    });
    let status = json!({
        "availableReplicas": ready, "collisionCount": 0, "currentReplicas": old.map_or(workload.updated(), Set::count),
        "currentRevision": revision(old.or(workload.current())), "observedGeneration": workload.generation, "readyReplicas": ready,
        "replicas": workload.total(), "updateRevision": revision(workload.current()), "updatedReplicas": workload.updated(),
    });
    (spec, status)
}

fn daemon_set(workload: &Workload, context: &Context<'_>) -> (Value, Value) {
    let ready = workload.ready(context.now);
    let spec = json!({
        "revisionHistoryLimit": 10, "selector": selector(workload), "template": template(workload, &workload.tag, None),
        "updateStrategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}, "type": "RollingUpdate"},
    });
    let status = json!({
        "currentNumberScheduled": workload.total(), "desiredNumberScheduled": workload.replicas, "numberAvailable": ready, "numberMisscheduled": 0,
        "numberReady": ready, "numberUnavailable": workload.replicas.saturating_sub(ready), "observedGeneration": workload.generation,
        "updatedNumberScheduled": workload.updated(),
    });
    (spec, status)
}

/// The replica set of one version of a Deployment or a Rollout.
pub(in crate::simulator) fn replica_set(workload: &Workload, set: &Set, context: &Context<'_>, tracking: &str) -> Value {
    let prefix = if workload.kind == WorkloadKind::Rollout { "rollout.argoproj.io" } else { "deployment.kubernetes.io" };
    let id = metadata(workload, context, tracking).pointer("/annotations/argocd.argoproj.io~1tracking-id").cloned().unwrap_or_default();
    let mut annotations = Map::new();
    annotations.insert("argocd.argoproj.io/tracking-id".to_owned(), id);
    annotations.insert(format!("{prefix}/desired-replicas"), Value::from(workload.replicas.to_string()));
    annotations.insert(format!("{prefix}/revision"), Value::from(set.revision.to_string()));
    let mut labels = Map::new();
    labels.insert("app.kubernetes.io/name".to_owned(), Value::from(workload.name.clone()));
    labels.insert(hash_label(workload.kind).to_owned(), Value::from(set.hash.clone()));
    let (count, ready) = (set.count(), set.ready(context.now));
    let mut status = json!({"fullyLabeledReplicas": count, "observedGeneration": set.revision, "replicas": count});
    if ready > 0
        && let Some(status) = status.as_object_mut()
    {
        status.insert("availableReplicas".to_owned(), Value::from(ready));
        status.insert("readyReplicas".to_owned(), Value::from(ready));
    }
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "annotations": annotations, "creationTimestamp": context.time(set.created), "generation": set.revision, "labels": labels,
            "name": format!("{}-{}", workload.name, set.hash), "namespace": workload.namespace, "ownerReferences": owner(workload),
            "uid": uid(&format!("{}/{}", identity(workload), set.hash)),
        },
        "spec": {"replicas": count, "selector": {"matchLabels": labels}, "template": template(workload, &set.tag, Some(set))},
        "status": status,
    })
}
