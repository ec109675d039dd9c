//! Events of a workload as a cluster shows them: what its controller and the kubelet told of it, as recorded from real ones.

use serde_json::{Value, json};

use super::{Context, identity, kind_of};
use crate::base::Timestamp;
use crate::base::time::{later, since};
use crate::simulator::definition::WorkloadKind;
use crate::simulator::world::pods::{Condition, made_up, uid};
use crate::simulator::world::workload::Workload;

/// How long a cluster keeps events (kube-apiserver `--event-ttl`).
pub(in crate::simulator) const KEPT: std::time::Duration = std::time::Duration::from_hours(1);

/// An event with its name and when it was seen last.
pub(in crate::simulator) struct Told {
    pub(in crate::simulator) name: String,
    pub(in crate::simulator) at: Timestamp,
    pub(in crate::simulator) object: Value,
}

/// What one event is about and says.
struct Said<'a> {
    kind: (&'a str, &'a str),
    about: &'a str,
    reason: &'a str,
    message: String,
    warns: bool,
    count: u32,
    first: Timestamp,
    last: Timestamp,
    by: &'a str,
}

/// The events of a workload that the cluster has not forgotten yet.
pub(in crate::simulator) fn all(workload: &Workload, context: &Context<'_>) -> Vec<Told> {
    let mut out = Vec::new();
    let mut tell = |said: Said<'_>| {
        if since(said.last, context.now) < KEPT {
            out.push(told(workload, context, &said));
        }
    };
    let own = kind_of(workload.kind);
    let controller = if workload.kind == WorkloadKind::Rollout { "rollouts-controller" } else { "deployment-controller" };
    let normal =
        |reason, message, at| Said { kind: own, about: &workload.name, reason, message, warns: false, count: 1, first: at, last: at, by: controller };
    for set in &workload.sets {
        match workload.kind {
            WorkloadKind::Deployment => {
                let message = format!("Scaled up replica set {}-{} from 0 to {}", workload.name, set.hash, workload.replicas);
                tell(normal("ScalingReplicaSet", message, set.created));
            }
            WorkloadKind::Rollout => tell(normal("RolloutUpdated", format!("Rollout updated to revision {}", set.revision), set.created)),
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {}
        }
        for pod in &set.pods {
            let up = later(pod.created, pod.start);
            let of_pod = |reason, message, count, last| Said {
                kind: ("v1", "Pod"),
                about: &pod.name,
                reason,
                message,
                warns: true,
                count,
                first: up,
                last,
                by: "kubelet",
            };
            match pod.condition(context.now) {
                Condition::BackOff { restarts, ended, .. } => {
                    let message = format!("Back-off restarting failed container {} in pod {}", workload.name, pod.name);
                    tell(of_pod("BackOff", message, restarts + 1, ended));
                }
                Condition::NoPull => {
                    tell(of_pod("Failed", format!("Failed to pull image \"{}:{}\": manifest unknown", workload.image, set.tag), 1, up));
                }
                Condition::Starting | Condition::Ready { .. } | Condition::Restarted { .. } => {}
            }
        }
    }
    if let Some(aborted) = workload.canary.as_ref().and_then(|canary| canary.aborted.as_ref()) {
        let why = if aborted.why.is_empty() { String::new() } else { format!(": {}", aborted.why) };
        let message = format!("Rollout aborted update to revision {}{why}", workload.revision);
        tell(Said { warns: true, ..normal("RolloutAborted", message, aborted.at) });
    } else if workload.kind == WorkloadKind::Rollout && workload.settled && workload.revision > 1 {
        let hash = workload.current().map(|set| set.hash.as_str()).unwrap_or_default();
        let message = format!("Rollout completed update to revision {} ({hash}): Completed all canary steps", workload.revision);
        tell(normal("RolloutCompleted", message, workload.moved));
    }
    out
}

fn told(workload: &Workload, context: &Context<'_>, said: &Said<'_>) -> Told {
    let place = identity(workload);
    let name = format!("{}.{}", said.about, made_up(&format!("{place}/{}/{}/{}", said.about, said.reason, said.first), 16));
    let (api_version, kind) = said.kind;
    let object = json!({
        "apiVersion": "v1", "kind": "Event", "count": said.count, "eventTime": null, "firstTimestamp": context.time(said.first),
        "involvedObject": {"apiVersion": api_version, "kind": kind, "name": said.about, "namespace": workload.namespace, "uid": uid(&format!("{place}/{}", said.about))},
        "lastTimestamp": context.time(said.last), "message": said.message,
        "metadata": {"creationTimestamp": context.time(said.first), "name": name, "namespace": workload.namespace, "uid": uid(&format!("{place}/{name}"))},
        "reason": said.reason, "reportingComponent": said.by, "reportingInstance": "", "source": {"component": said.by},
        "type": if said.warns { "Warning" } else { "Normal" },
    });
    Told { name, at: said.last, object }
}
