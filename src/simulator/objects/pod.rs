//! A pod as a cluster shows it: running, starting, crashing, without its image.

use serde_json::{Map, Value, json};

use super::{Context, containers, hash_label, identity, owner};
use crate::base::time::later;
use crate::simulator::definition::WorkloadKind;
use crate::simulator::objects::template;
use crate::simulator::world::pods::{Condition, Pod, Set, hash, uid};
use crate::simulator::world::workload::{Nature, Workload};

/// What a crashing container says when a scenario does not say it.
const LAST_WORDS: &str = "panic: dial tcp 10.3.0.9:5432: connect: connection refused";

pub(super) fn render(workload: &Workload, set: &Set, pod: &Pod, context: &Context<'_>, nature: &Nature) -> Value {
    let condition = pod.condition(context.now);
    let mut labels = Map::new();
    labels.insert("app.kubernetes.io/name".to_owned(), Value::from(workload.name.clone()));
    labels.insert(hash_label(workload.kind).to_owned(), Value::from(set.hash.clone()));
    let owners = match workload.kind {
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => owner(workload),
        WorkloadKind::Deployment | WorkloadKind::Rollout => {
            let name = format!("{}-{}", workload.name, set.hash);
            json!([{"apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true, "kind": "ReplicaSet", "name": name,
                "uid": uid(&format!("{}/{}", identity(workload), set.hash))}])
        }
    };
    let mut spec = template(workload, &set.tag, None).pointer("/spec").cloned().unwrap_or_default();
    if let Some(spec) = spec.as_object_mut() {
        spec.insert("nodeName".to_owned(), Value::from(format!("node-{}", hash(&pod.name) % 3 + 1)));
        spec.insert("enableServiceLinks".to_owned(), Value::from(true));
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "creationTimestamp": context.time(pod.created), "labels": labels, "name": pod.name, "namespace": workload.namespace,
            "ownerReferences": owners, "uid": uid(&format!("{}/{}/{}", workload.cluster, workload.namespace, pod.name)),
        },
        "spec": spec,
        "status": status(workload, set, pod, condition, context, nature),
    })
}

fn status(workload: &Workload, set: &Set, pod: &Pod, condition: Condition, context: &Context<'_>, nature: &Nature) -> Value {
    let up = later(pod.created, pod.start);
    let is_ready = matches!(condition, Condition::Ready { .. });
    let changed = context.time(if context.now < up { pod.created } else { up });
    let word = if is_ready { "True" } else { "False" };
    let unready = |kind: &str| {
        if is_ready {
            json!({"lastProbeTime": null, "lastTransitionTime": changed, "status": word, "type": kind})
        } else {
            json!({"lastProbeTime": null, "lastTransitionTime": changed, "status": word, "type": kind, "reason": "ContainersNotReady",
                "message": format!("containers with unready status: [{}]", workload.name)})
        }
    };
    let statuses: Vec<Value> = containers(workload, &set.tag)
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| {
            let text = |field: &str| container.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (name, image) = (text("name"), text("image"));
            if name == workload.name { own_container(&name, &image, condition, pod, context, nature) } else { sidecar(&name, &image, pod, context) }
        })
        .collect();
    let phase = match condition {
        Condition::Ready { .. } | Condition::BackOff { .. } | Condition::Restarted { .. } => "Running",
        Condition::Starting | Condition::NoPull => "Pending",
    };
    let address = format!("10.0.{}.{}", hash(&pod.name) % 250 + 1, hash(&pod.name) / 250 % 250 + 1);
    json!({
        "conditions": [
            {"lastProbeTime": null, "lastTransitionTime": context.time(pod.created), "status": "True", "type": "Initialized"},
            unready("Ready"),
            unready("ContainersReady"),
            {"lastProbeTime": null, "lastTransitionTime": context.time(pod.created), "status": "True", "type": "PodScheduled"},
        ],
        "containerStatuses": statuses, "hostIP": "10.0.0.1", "phase": phase, "podIP": address, "podIPs": [{"ip": address}], "qosClass": "Burstable",
        "startTime": context.time(pod.created),
    })
}

/// An image's digest, made up of its name.
fn digest(image: &str) -> String {
    let (first, second) = (hash(image), hash(&format!("{image}@")));
    let (third, fourth) = (hash(&format!("{image}#")), hash(&format!("{image}/")));
    let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
    format!("{repository}@sha256:{first:016x}{second:016x}{third:016x}{fourth:016x}")
}

fn sidecar(name: &str, image: &str, pod: &Pod, context: &Context<'_>) -> Value {
    json!({"image": image, "imageID": digest(image), "lastState": {}, "name": name, "ready": true, "restartCount": 0, "started": true,
        "state": {"running": {"startedAt": context.time(pod.created)}}})
}

fn own_container(name: &str, image: &str, condition: Condition, pod: &Pod, context: &Context<'_>, nature: &Nature) -> Value {
    let up = later(pod.created, pod.start);
    let crashed = |ended| {
        let words = if nature.message.is_empty() { LAST_WORDS } else { &nature.message };
        json!({"terminated": {"exitCode": 1, "finishedAt": context.time(ended), "message": words, "reason": "Error", "startedAt": context.time(ended)}})
    };
    match condition {
        Condition::Ready { since } => json!({
            "image": image, "imageID": digest(image), "lastState": {}, "name": name, "ready": true, "restartCount": 0, "started": true,
            "state": {"running": {"startedAt": context.time(since)}},
        }),
        Condition::Starting => json!({
            "image": image, "imageID": "", "lastState": {}, "name": name, "ready": false, "restartCount": 0, "started": false,
            "state": {"waiting": {"reason": "ContainerCreating"}},
        }),
        Condition::NoPull => json!({
            "image": image, "imageID": "", "lastState": {}, "name": name, "ready": false, "restartCount": 0, "started": false,
            "state": {"waiting": {"message": format!("Back-off pulling image \"{image}\": manifest unknown"), "reason": "ImagePullBackOff"}},
        }),
        Condition::BackOff { restarts, wait, ended } => json!({
            "image": image, "imageID": digest(image), "lastState": crashed(ended), "name": name, "ready": false, "restartCount": restarts, "started": false,
            "state": {"waiting": {"message": format!("back-off {} restarting failed container", back_off(wait)), "reason": "CrashLoopBackOff"}},
        }),
        Condition::Restarted { restarts, at } => json!({
            "image": image, "imageID": digest(image), "lastState": crashed(up.max(at)), "name": name, "ready": false, "restartCount": restarts,
            "started": true, "state": {"running": {"startedAt": context.time(at)}},
        }),
    }
}

/// As the kubelet writes it: `10s`, `2m40s`, `5m0s`.
fn back_off(wait: std::time::Duration) -> String {
    let seconds = wait.as_secs();
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}
