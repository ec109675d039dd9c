//! Pods on demand: wire → domain, with the status that `kubectl get pods` shows and the digests that really run. Pure.

use super::translate::{container, timestamp};
use super::wire;
use crate::base::{Raw, Safe};
use crate::domain::health::Known;
use crate::domain::workload::{Pod, WorkloadKey, WorkloadKind};
use crate::safe;

/// Whether a pod with the labels of a workload is really its own: its controller must be of the kind through which the workload makes pods. Jobs
/// often carry the labels of the service they belong to.
pub(super) fn belongs_to(pod: &wire::Pod, workload: &WorkloadKey) -> bool {
    pod.metadata.owner_references.iter().filter(|owner| owner.controller).any(|owner| match workload.kind {
        WorkloadKind::Rollout | WorkloadKind::Deployment => owner.kind.as_str() == "ReplicaSet",
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
            owner.kind.as_str() == workload.kind.word() && owner.name.as_str() == workload.name.as_wire()
        }
    })
}

/// Translates a pod.
pub(super) fn pod(pod: &wire::Pod) -> Pod {
    let shown = shown(pod);
    let sidecars = pod.spec.init_containers.iter().filter(|container| is_sidecar(container));
    let statuses = || pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses);
    let images = pod.spec.containers.iter().chain(sidecars).map(|spec| {
        let status = statuses().find(|status| status.name == spec.name);
        (container(spec), digest(status))
    });
    Pod {
        name: pod.metadata.name.0.clone(),
        status: shown.status,
        ready: shown.ready,
        restarts: shown.restarts,
        started_at: timestamp(&pod.status.start_time),
        images: images.collect(),
    }
}

/// The digest in `imageID`: `registry/repository@sha256:…`, with a scheme in front where docker wrote it. A bare `sha256:…` is the node's own name
/// for an image that came from no registry, which no other node knows.
fn digest(status: Option<&wire::ContainerStatus>) -> Known<Raw> {
    let Some(id) = status.map(|status| status.image_id.as_str()).filter(|id| !id.is_empty()) else {
        let started = status.is_some_and(|status| status.state.running.0 || status.state.terminated.is_some());
        return Known::unknown(if started { "the node does not tell the image's digest" } else { "the container has not started yet" });
    };
    match id.rsplit_once('@') {
        Some((_, digest)) if digest.contains(':') => Known::Known(Raw::from(digest)),
        _ => Known::unknown("the node tells only its own id of the image, no registry's digest"),
    }
}

struct Shown {
    status: Safe,
    ready: (u32, u32),
    restarts: u32,
}

/// The columns READY, STATUS and RESTARTS: `printPod` of kubernetes `pkg/printers/internalversion/printers.go` (v1.34), retold.
fn shown(pod: &wire::Pod) -> Shown {
    let (spec, status) = (&pod.spec, &pod.status);
    let mut reason = if status.reason.is_empty() { status.phase.0.shown() } else { status.reason.0.shown() };
    let is_gated = |condition: &wire::Condition| condition.kind.as_str() == "PodScheduled" && condition.reason.as_str() == "SchedulingGated";
    if status.conditions.iter().any(is_gated) {
        reason = safe!("SchedulingGated");
    }
    let sidecars = || spec.init_containers.iter().filter(|container| is_sidecar(container));
    let total = spec.containers.len() + sidecars().count();
    let (mut ready, mut restarts, mut sidecar_restarts, mut initializing) = (0_u32, 0_u32, 0_u32, false);

    for (index, init) in status.init_container_statuses.iter().enumerate() {
        let is_sidecar = sidecars().any(|container| container.name == init.name);
        restarts = restarts.saturating_add(init.restart_count.count());
        if is_sidecar {
            sidecar_restarts = sidecar_restarts.saturating_add(init.restart_count.count());
        }
        let terminated = init.state.terminated.as_ref();
        if terminated.is_some_and(|terminated| terminated.exit_code.or_zero() == 0) {
            continue;
        }
        if is_sidecar && init.started == Some(true) {
            ready += u32::from(init.ready);
            continue;
        }
        reason = match (terminated, &init.state.waiting) {
            (Some(terminated), _) => safe!("Init:{}", ended(terminated)),
            (None, Some(waiting)) if !waiting.reason.is_empty() && waiting.reason.as_str() != "PodInitializing" => {
                safe!("Init:{}", waiting.reason.0.shown())
            }
            _ => safe!("Init:{index}/{}", spec.init_containers.len()),
        };
        initializing = true;
        break;
    }

    if !initializing || has_condition(status, "Initialized") {
        restarts = sidecar_restarts;
        let mut has_running = false;
        for container in status.container_statuses.iter().rev() {
            restarts = restarts.saturating_add(container.restart_count.count());
            let waiting = container.state.waiting.as_ref().filter(|waiting| !waiting.reason.is_empty());
            match (waiting, &container.state.terminated) {
                (Some(waiting), _) => reason = waiting.reason.0.shown(),
                (None, Some(terminated)) => reason = ended(terminated),
                (None, None) if container.ready && container.state.running.0 => {
                    has_running = true;
                    ready += 1;
                }
                (None, None) => {}
            }
        }
        if reason.as_str() == "Completed" && has_running {
            reason = if has_condition(status, "Ready") { safe!("Running") } else { safe!("NotReady") };
        }
    }

    if !pod.metadata.deletion_timestamp.is_empty() {
        if status.reason.as_str() == "NodeLost" {
            reason = safe!("Unknown");
        } else if !matches!(status.phase.as_str(), "Succeeded" | "Failed") {
            reason = safe!("Terminating");
        }
    }
    Shown { status: reason, ready: (ready, u32::try_from(total).unwrap_or(u32::MAX)), restarts }
}

/// How a container ended: its reason, else its signal, else its exit code.
fn ended(terminated: &wire::Terminated) -> Safe {
    if !terminated.reason.is_empty() {
        terminated.reason.0.shown()
    } else if terminated.signal.or_zero() != 0 {
        safe!("Signal:{}", terminated.signal.or_zero())
    } else {
        safe!("ExitCode:{}", terminated.exit_code.or_zero())
    }
}

fn is_sidecar(container: &wire::Container) -> bool {
    container.restart_policy.as_str() == "Always"
}

fn has_condition(status: &wire::PodStatus, kind: &str) -> bool {
    status.conditions.iter().any(|condition| condition.kind.as_str() == kind && condition.status.as_str() == "True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClusterName, Namespace};

    const RECORDED: &str = include_str!("../../../tests/recordings/kubernetes/pods-in-trouble.json");

    fn read(json: &str) -> wire::Pod {
        serde_json::from_str(json).unwrap()
    }

    /// What `kubectl get pods` would print: READY STATUS RESTARTS.
    fn line(json: &str) -> String {
        let pod = pod(&read(json));
        format!("{}/{} {} {}", pod.ready.0, pod.ready.1, pod.status, pod.restarts)
    }

    #[test]
    fn pods_of_a_real_cluster_in_trouble() {
        let list: wire::List<wire::Pod> = serde_json::from_str(RECORDED).unwrap();
        let pods: Vec<Pod> = list.items.iter().map(pod).collect();
        let find = |start: &str| pods.iter().find(|pod| pod.name.as_wire().starts_with(start)).unwrap();

        let crashing = find("checkout-service-b78bfc7c");
        assert_eq!((crashing.status.as_str(), crashing.ready, crashing.restarts), ("CrashLoopBackOff", (0, 1), 6));
        let pulling = find("catalog-service-cf5dfc8d9");
        assert_eq!((pulling.status.as_str(), pulling.ready), ("ImagePullBackOff", (0, 1)));
        assert_eq!(pulling.images[0].1, Known::unknown("the container has not started yet"));
        let well = find("catalog-service-86cd9799c6");
        assert_eq!((well.status.as_str(), well.ready, well.restarts), ("Running", (1, 1), 0));
        assert_eq!(well.images[0].0.image.tag.as_ref().unwrap().as_wire(), "5.2.1");
        let digest = well.images[0].1.as_known().unwrap();
        assert_eq!(digest.as_wire(), "sha256:93c58afe6c7e46656a6a6ce5e0ca11ca56b8e5639094450dcad43ac22cd4717d");
        assert_eq!(well.started_at.unwrap().to_string(), "2026-11-21T08:41:00Z");
    }

    #[test]
    fn the_columns_are_those_of_kubectl() {
        let init = |state: &str| {
            format!(
                r#"{{"spec":{{"initContainers":[{{"name":"i"}},{{"name":"j"}}],"containers":[{{"name":"a"}}]}},
                "status":{{"phase":"Pending","initContainerStatuses":[{{"name":"i","restartCount":2,"state":{state}}}]}}}}"#
            )
        };
        let main = |state: &str| {
            format!(
                r#"{{"spec":{{"containers":[{{"name":"a"}}]}},"status":{{"phase":"Running","containerStatuses":[{{"name":"a","restartCount":3,{state}}}]}}}}"#
            )
        };
        for (json, expected) in [
            (init("{}"), "0/1 Init:0/2 2"),
            (init(r#"{"waiting":{"reason":"PodInitializing"}}"#), "0/1 Init:0/2 2"),
            (init(r#"{"waiting":{"reason":"ErrImagePull"}}"#), "0/1 Init:ErrImagePull 2"),
            (init(r#"{"terminated":{"exitCode":1,"reason":"Error"}}"#), "0/1 Init:Error 2"),
            (init(r#"{"terminated":{"exitCode":1}}"#), "0/1 Init:ExitCode:1 2"),
            (init(r#"{"terminated":{"exitCode":137,"signal":9}}"#), "0/1 Init:Signal:9 2"),
            (init(r#"{"terminated":{"exitCode":0}}"#), "0/1 Pending 0"),
            (main(r#""ready":true,"state":{"running":{}}"#), "1/1 Running 3"),
            (main(r#""ready":false,"state":{"running":{}}"#), "0/1 Running 3"),
            (main(r#""state":{"waiting":{"reason":"CreateContainerConfigError"}}"#), "0/1 CreateContainerConfigError 3"),
            (main(r#""state":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}"#), "0/1 OOMKilled 3"),
            (main(r#""state":{"terminated":{"exitCode":3}}"#), "0/1 ExitCode:3 3"),
            (r#"{"status":{"phase":"Failed","reason":"Evicted"}}"#.into(), "0/0 Evicted 0"),
            (r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Running"}}"#.into(), "0/0 Terminating 0"),
            (r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Succeeded"}}"#.into(), "0/0 Succeeded 0"),
            (r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Running","reason":"NodeLost"}}"#.into(), "0/0 Unknown 0"),
            (r#"{"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]}}"#.into(), "0/0 SchedulingGated 0"),
            // One container done, the other running.
            (
                r#"{"spec":{"containers":[{"name":"a"},{"name":"b"}]},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}],
                "containerStatuses":[{"name":"a","state":{"terminated":{"reason":"Completed"}}},{"name":"b","ready":true,"state":{"running":{}}}]}}"#
                    .into(),
                "1/2 Running 0",
            ),
            // A sidecar counts as a container, and its restarts too.
            (
                r#"{"spec":{"initContainers":[{"name":"s","restartPolicy":"Always"}],"containers":[{"name":"a"}]},
                "status":{"phase":"Running","initContainerStatuses":[{"name":"s","started":true,"ready":true,"restartCount":1,"state":{"running":{}}}],
                "containerStatuses":[{"name":"a","ready":true,"restartCount":0,"state":{"running":{}}}]}}"#
                    .into(),
                "2/2 Running 1",
            ),
        ] {
            assert_eq!(line(&json), expected, "{json}");
        }
    }

    #[test]
    fn a_digest_is_told_or_the_reason_why_not() {
        let of = |container: &str| {
            let json = format!(r#"{{"spec":{{"containers":[{{"name":"a"}}]}},"status":{{"containerStatuses":[{{"name":"a",{container}}}]}}}}"#);
            pod(&read(&json)).images.remove(0).1
        };
        assert_eq!(of(r#""imageID":"docker-pullable://ghcr.io/a/b@sha256:ab""#).as_known().unwrap().as_wire(), "sha256:ab");
        assert_eq!(of(r#""imageID":"sha256:ab""#), Known::unknown("the node tells only its own id of the image, no registry's digest"));
        assert_eq!(of(r#""imageID":"","state":{"running":{}}"#), Known::unknown("the node does not tell the image's digest"));
        assert_eq!(of(r#""state":{"waiting":{}}"#), Known::unknown("the container has not started yet"));
    }

    #[test]
    fn a_job_with_the_same_labels_is_not_the_workload() {
        let key = |kind| WorkloadKey { cluster: ClusterName::from("c"), namespace: Namespace::from("n"), kind, name: Raw::from("x") };
        let owned = |owner: &str| read(&format!(r#"{{"metadata":{{"ownerReferences":[{owner}]}}}}"#));
        let by_job = owned(r#"{"kind":"Job","name":"x","controller":true}"#);
        let by_set = owned(r#"{"kind":"ReplicaSet","name":"x-1","controller":true}"#);
        let by_other = owned(r#"{"kind":"StatefulSet","name":"y","controller":true}"#);
        let by_this = owned(r#"{"kind":"StatefulSet","name":"x","controller":true}"#);
        assert!(!belongs_to(&by_job, &key(WorkloadKind::Deployment)));
        assert!(belongs_to(&by_set, &key(WorkloadKind::Rollout)));
        assert!(!belongs_to(&by_other, &key(WorkloadKind::StatefulSet)));
        assert!(belongs_to(&by_this, &key(WorkloadKind::StatefulSet)));
    }
}
