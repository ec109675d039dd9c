//! How far a change has come, from one object alone: the sentences of `kubectl rollout status` for the kinds of `apps/v1`, and the phase that the
//! Rollouts plugin gives. Pure; knows the wire types and nothing of how they were read.

use super::wire;
use crate::base::Safe;
use crate::domain::workload::{Progress, RolloutPhase};
use crate::safe;

/// `kubectl rollout status deployment` (kubectl v0.34 `pkg/polymorphichelpers/rollout_status.go`).
pub(super) fn deployment(object: &wire::Deployment) -> Progress {
    let (name, status) = (object.metadata.name.0.shown(), &object.status);
    if object.metadata.generation.or_zero() > status.observed_generation.or_zero() {
        return waiting("Waiting for deployment spec update to be observed...");
    }
    let progressing = status.conditions.iter().find(|condition| condition.kind.as_str() == "Progressing");
    if progressing.is_some_and(|condition| condition.reason.as_str() == "ProgressDeadlineExceeded") {
        return Progress::Failed(safe!("deployment \"{name}\" exceeded its progress deadline"));
    }
    let (updated, available, all) = (status.updated_replicas.or_zero(), status.available_replicas.or_zero(), status.replicas.or_zero());
    if let Some(desired) = object.spec.replicas.0.filter(|desired| updated < *desired) {
        return Progress::Waiting(safe!(
            "Waiting for deployment \"{name}\" rollout to finish: {updated} out of {desired} new replicas have been updated..."
        ));
    }
    if all > updated {
        let old = all.saturating_sub(updated);
        return Progress::Waiting(safe!("Waiting for deployment \"{name}\" rollout to finish: {old} old replicas are pending termination..."));
    }
    if available < updated {
        return Progress::Waiting(safe!(
            "Waiting for deployment \"{name}\" rollout to finish: {available} of {updated} updated replicas are available..."
        ));
    }
    Progress::Done
}

/// `kubectl rollout status daemonset`, same source. kubectl has no answer for `OnDelete`; the same comparisons are made there, and it is said that
/// the remaining pods wait to be deleted.
pub(super) fn daemon_set(object: &wire::DaemonSet) -> Progress {
    let (name, status) = (object.metadata.name.0.shown(), &object.status);
    if object.metadata.generation.or_zero() > status.observed_generation.or_zero() {
        return waiting("Waiting for daemon set spec update to be observed...");
    }
    let (updated, available, desired) =
        (status.updated_number_scheduled.or_zero(), status.number_available.or_zero(), status.desired_number_scheduled.or_zero());
    if updated < desired {
        if is_on_delete(&object.spec) {
            return on_delete(updated, desired);
        }
        return Progress::Waiting(safe!(
            "Waiting for daemon set \"{name}\" rollout to finish: {updated} out of {desired} new pods have been updated..."
        ));
    }
    if available < desired {
        return Progress::Waiting(safe!(
            "Waiting for daemon set \"{name}\" rollout to finish: {available} of {desired} updated pods are available..."
        ));
    }
    Progress::Done
}

/// `kubectl rollout status statefulset`, same source. kubectl has no answer for `OnDelete`: see [`daemon_set`].
pub(super) fn stateful_set(object: &wire::StatefulSet) -> Progress {
    let status = &object.status;
    let observed = status.observed_generation.or_zero();
    if observed == 0 || object.metadata.generation.or_zero() > observed {
        return waiting("Waiting for statefulset spec update to be observed...");
    }
    let (ready, updated) = (status.ready_replicas.or_zero(), status.updated_replicas.or_zero());
    if let Some(desired) = object.spec.replicas.0.filter(|desired| ready < *desired) {
        return Progress::Waiting(safe!("Waiting for {} pods to be ready...", desired.saturating_sub(ready)));
    }
    let revisions_differ = status.update_revision != status.current_revision;
    if is_on_delete(&object.spec) {
        let desired = object.spec.replicas.0.unwrap_or(1);
        return if revisions_differ && updated < desired { on_delete(updated, desired) } else { Progress::Done };
    }
    // The API server fills `rollingUpdate` in, so this is the usual branch, partition or not.
    if let Some(rolling) = &object.spec.update_strategy.rolling_update {
        if let (Some(desired), Some(partition)) = (object.spec.replicas.0, rolling.partition.0) {
            let wanted = desired.saturating_sub(partition);
            if updated < wanted {
                return Progress::Waiting(safe!(
                    "Waiting for partitioned roll out to finish: {updated} out of {wanted} new pods have been updated..."
                ));
            }
        }
        return Progress::Done;
    }
    if revisions_differ {
        return Progress::Waiting(safe!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {}...",
            status.update_revision.0.shown()
        ));
    }
    Progress::Done
}

/// Phase and message of a Rollout as the plugin gives them: `GetRolloutPhase` of argo-rollouts `utils/rollout/rolloututil.go` (v1.9.1).
pub(super) fn rollout_phase(object: &wire::Rollout) -> (RolloutPhase, Safe) {
    let status = &object.status;
    let progressing = |message: &str| (RolloutPhase::Progressing, Safe::clean(message));
    // Text that is no number, or is ahead, was left by a version before 0.10 that put a hash there.
    let generation = object.metadata.generation.or_zero();
    if status.observed_generation.as_str().parse::<i64>().is_ok_and(|observed| observed < generation) {
        return progressing("waiting for rollout spec update to be observed");
    }
    if status.controller_pause && status.pause_conditions.is_empty() {
        return progressing("waiting for rollout to unpause");
    }
    if object.spec.workload_ref.0 && !is_workload_observed(object) {
        return progressing("waiting for rollout spec update to be observed for the reference workload");
    }
    if status.phase.is_empty() {
        return computed_phase(object);
    }
    let phase = match status.phase.as_str() {
        "Healthy" => RolloutPhase::Healthy,
        "Degraded" => RolloutPhase::Degraded,
        "Progressing" => RolloutPhase::Progressing,
        "Paused" => RolloutPhase::Paused,
        _ => RolloutPhase::Other(status.phase.0.shown()),
    };
    (phase, status.message.0.shown())
}

/// The phase as progress, in the words of `kubectl argo rollouts status`.
pub(super) fn rollout_progress(phase: &RolloutPhase, message: &Safe) -> Progress {
    let told = || {
        let word = Safe::clean(phase.word());
        if message.is_empty() { word } else { safe!("{word} - {message}") }
    };
    match phase {
        RolloutPhase::Healthy => Progress::Done,
        RolloutPhase::Degraded => Progress::Failed(told()),
        RolloutPhase::Progressing | RolloutPhase::Paused | RolloutPhase::Other(_) => Progress::Waiting(told()),
    }
}

/// Why pods cannot be made, where that is so: condition `ReplicaFailure`, which the controllers of Deployments and Rollouts take over from their
/// replica sets.
pub(super) fn unmade(conditions: &[wire::Condition]) -> Option<Safe> {
    let fails = |condition: &&wire::Condition| condition.kind.as_str() == "ReplicaFailure" && condition.status.as_str() == "True";
    conditions.iter().find(fails).map(|condition| condition.message.0.shown())
}

fn is_workload_observed(object: &wire::Rollout) -> bool {
    let annotated = object.metadata.annotations.workload_generation.as_ref().and_then(|text| text.as_str().parse::<i64>().ok());
    let observed = object.status.workload_observed_generation.as_str().parse::<i64>().ok();
    match (annotated, observed) {
        (Some(annotated), Some(observed)) => annotated == observed,
        _ => true,
    }
}

/// The phase where the controller has not written one: `CalculateRolloutPhase`, same source.
fn computed_phase(object: &wire::Rollout) -> (RolloutPhase, Safe) {
    let (spec, status) = (&object.spec, &object.status);
    for condition in &status.conditions {
        if condition.kind.as_str() == "InvalidSpec" {
            return (RolloutPhase::Degraded, safe!("InvalidSpec: {}", condition.message.0.shown()));
        }
        if matches!(condition.reason.as_str(), "RolloutAborted" | "ProgressDeadlineExceeded") {
            return (RolloutPhase::Degraded, safe!("{}: {}", condition.reason.0.shown(), condition.message.0.shown()));
        }
    }
    if spec.paused {
        return (RolloutPhase::Paused, Safe::clean("manually paused"));
    }
    if let Some(condition) = status.pause_conditions.first() {
        return (RolloutPhase::Paused, condition.reason.0.shown());
    }
    let (updated, available) = (status.updated_replicas.or_zero(), status.available_replicas.or_zero());
    let promoted = !status.stable_hash.is_empty() && status.stable_hash == status.current_pod_hash;
    let message = if !spec.restart_at.is_empty() && spec.restart_at != status.restarted_at {
        "rollout is restarting"
    } else if updated < spec.replicas.0.unwrap_or(1) {
        "more replicas need to be updated"
    } else if available < updated {
        "updated replicas are still becoming available"
    } else if let Some(blue_green) = &spec.strategy.blue_green {
        let active = &status.blue_green.active_selector;
        if active.is_empty() || *active != status.current_pod_hash {
            "active service cutover pending"
        } else if !promoted {
            let analysis = status.blue_green.post_promotion_analysis_run_status.as_ref();
            let completed = analysis.is_some_and(|run| matches!(run.status.as_str(), "Successful" | "Failed" | "Error" | "Inconclusive"));
            if blue_green.post_promotion_analysis.0 && !completed {
                "waiting for analysis to complete"
            } else {
                "waiting for post-promotion verification to complete"
            }
        } else {
            ""
        }
    } else if let Some(canary) = &spec.strategy.canary {
        // With traffic routing the old pods stay on purpose for a while.
        if canary.traffic_routing.is_none() && status.replicas.or_zero() > updated {
            "old replicas are pending termination"
        } else if !promoted {
            "waiting for all steps to complete"
        } else {
            ""
        }
    } else {
        ""
    };
    let phase = if message.is_empty() { RolloutPhase::Healthy } else { RolloutPhase::Progressing };
    (phase, Safe::clean(message))
}

fn is_on_delete(spec: &wire::AppsSpec) -> bool {
    spec.update_strategy.kind.as_str() == "OnDelete"
}

fn on_delete(updated: i64, desired: i64) -> Progress {
    Progress::Waiting(safe!("{updated} out of {desired} pods are of the new revision; the others wait to be deleted (OnDelete)"))
}

fn waiting(message: &str) -> Progress {
    Progress::Waiting(Safe::clean(message))
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    fn read<T: DeserializeOwned>(json: &str) -> T {
        serde_json::from_str(json).unwrap()
    }

    fn told(progress: &Progress) -> String {
        match progress {
            Progress::Done => "done".into(),
            Progress::Waiting(text) => text.as_str().into(),
            Progress::Failed(text) => format!("failed: {text}"),
        }
    }

    #[test]
    fn deployments_say_what_kubectl_says() {
        for (generation, replicas, status, expected) in [
            (2, "3", r#"{"observedGeneration":1}"#, "Waiting for deployment spec update to be observed..."),
            (
                1,
                "3",
                r#"{"observedGeneration":1,"updatedReplicas":1,"conditions":[{"type":"Progressing","reason":"ProgressDeadlineExceeded"}]}"#,
                "failed: deployment \"x\" exceeded its progress deadline",
            ),
            (
                1,
                "3",
                r#"{"observedGeneration":1,"updatedReplicas":1,"conditions":[{"type":"Available","reason":"ProgressDeadlineExceeded"}]}"#,
                "Waiting for deployment \"x\" rollout to finish: 1 out of 3 new replicas have been updated...",
            ),
            (1, "3", r#"{"observedGeneration":1}"#, "Waiting for deployment \"x\" rollout to finish: 0 out of 3 new replicas have been updated..."),
            (
                1,
                "3",
                r#"{"observedGeneration":1,"updatedReplicas":3,"replicas":5}"#,
                "Waiting for deployment \"x\" rollout to finish: 2 old replicas are pending termination...",
            ),
            (
                1,
                "3",
                r#"{"observedGeneration":2,"updatedReplicas":3,"replicas":3,"availableReplicas":1}"#,
                "Waiting for deployment \"x\" rollout to finish: 1 of 3 updated replicas are available...",
            ),
            (1, "3", r#"{"observedGeneration":1,"updatedReplicas":3,"replicas":3,"availableReplicas":3}"#, "done"),
            (1, "0", r#"{"observedGeneration":1}"#, "done"),
        ] {
            let json = format!(r#"{{"metadata":{{"name":"x","generation":{generation}}},"spec":{{"replicas":{replicas}}},"status":{status}}}"#);
            assert_eq!(told(&deployment(&read(&json))), expected, "{json}");
        }
    }

    #[test]
    fn daemon_sets_say_what_kubectl_says() {
        for (strategy, status, expected) in [
            ("RollingUpdate", r#"{"observedGeneration":0}"#, "Waiting for daemon set spec update to be observed..."),
            (
                "RollingUpdate",
                r#"{"observedGeneration":1,"updatedNumberScheduled":1,"desiredNumberScheduled":3}"#,
                "Waiting for daemon set \"x\" rollout to finish: 1 out of 3 new pods have been updated...",
            ),
            (
                "RollingUpdate",
                r#"{"observedGeneration":1,"updatedNumberScheduled":3,"numberAvailable":2,"desiredNumberScheduled":3}"#,
                "Waiting for daemon set \"x\" rollout to finish: 2 of 3 updated pods are available...",
            ),
            (
                "OnDelete",
                r#"{"observedGeneration":1,"updatedNumberScheduled":1,"desiredNumberScheduled":3}"#,
                "1 out of 3 pods are of the new revision; the others wait to be deleted (OnDelete)",
            ),
            ("RollingUpdate", r#"{"observedGeneration":1,"updatedNumberScheduled":3,"numberAvailable":3,"desiredNumberScheduled":3}"#, "done"),
            ("RollingUpdate", r#"{"observedGeneration":1}"#, "done"),
        ] {
            let json =
                format!(r#"{{"metadata":{{"name":"x","generation":1}},"spec":{{"updateStrategy":{{"type":"{strategy}"}}}},"status":{status}}}"#);
            assert_eq!(told(&daemon_set(&read(&json))), expected, "{json}");
        }
    }

    #[test]
    fn stateful_sets_say_what_kubectl_says() {
        let rolling = |partition: u32| format!(r#"{{"type":"RollingUpdate","rollingUpdate":{{"partition":{partition}}}}}"#);
        for (strategy, status, expected) in [
            (rolling(0), r#"{"observedGeneration":0,"readyReplicas":4}"#, "Waiting for statefulset spec update to be observed..."),
            (rolling(0), r#"{"observedGeneration":1,"readyReplicas":1}"#, "Waiting for 3 pods to be ready..."),
            (
                rolling(0),
                r#"{"observedGeneration":1,"readyReplicas":4,"updatedReplicas":1,"currentRevision":"a","updateRevision":"b"}"#,
                "Waiting for partitioned roll out to finish: 1 out of 4 new pods have been updated...",
            ),
            (
                rolling(2),
                r#"{"observedGeneration":1,"readyReplicas":4,"updatedReplicas":1}"#,
                "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
            ),
            (rolling(2), r#"{"observedGeneration":1,"readyReplicas":4,"updatedReplicas":2,"currentRevision":"a","updateRevision":"b"}"#, "done"),
            (
                r#"{"type":"RollingUpdate"}"#.into(),
                r#"{"observedGeneration":1,"readyReplicas":4,"updatedReplicas":1,"currentRevision":"a","updateRevision":"b"}"#,
                "waiting for statefulset rolling update to complete 1 pods at revision b...",
            ),
            (
                r#"{"type":"RollingUpdate"}"#.into(),
                r#"{"observedGeneration":1,"readyReplicas":4,"currentRevision":"a","updateRevision":"a"}"#,
                "done",
            ),
            (
                r#"{"type":"OnDelete"}"#.into(),
                r#"{"observedGeneration":1,"readyReplicas":4,"updatedReplicas":1,"currentRevision":"a","updateRevision":"b"}"#,
                "1 out of 4 pods are of the new revision; the others wait to be deleted (OnDelete)",
            ),
        ] {
            let json =
                format!(r#"{{"metadata":{{"name":"x","generation":1}},"spec":{{"replicas":4,"updateStrategy":{strategy}}},"status":{status}}}"#);
            assert_eq!(told(&stateful_set(&read(&json))), expected, "{json}");
        }
    }

    #[test]
    fn a_rollout_is_believed_only_once_it_was_observed() {
        let canary = r#""strategy":{"canary":{}}"#;
        for (spec, status, phase, message) in [
            (canary, r#"{"phase":"Healthy","observedGeneration":"1"}"#, "Progressing", "waiting for rollout spec update to be observed"),
            (canary, r#"{"phase":"Healthy","observedGeneration":"2"}"#, "Healthy", ""),
            (canary, r#"{"phase":"Healthy","observedGeneration":"3"}"#, "Healthy", ""),
            (canary, r#"{"phase":"Healthy","observedGeneration":"7c6bbd6596"}"#, "Healthy", ""),
            (canary, r#"{"phase":"Paused","observedGeneration":"2","controllerPause":true}"#, "Progressing", "waiting for rollout to unpause"),
            (canary, r#"{"phase":"Sulking","message":"m","observedGeneration":"2"}"#, "Sulking", "m"),
            (
                r#""workloadRef":{"kind":"Deployment"}"#,
                r#"{"phase":"Healthy","observedGeneration":"2","workloadObservedGeneration":"4"}"#,
                "Progressing",
                "waiting for rollout spec update to be observed for the reference workload",
            ),
            (r#""workloadRef":{"kind":"Deployment"}"#, r#"{"phase":"Healthy","workloadObservedGeneration":"5"}"#, "Healthy", ""),
            // What the controller would write, where it has not written yet.
            (canary, "{}", "Progressing", "more replicas need to be updated"),
            (canary, r#"{"updatedReplicas":1}"#, "Progressing", "updated replicas are still becoming available"),
            (canary, r#"{"updatedReplicas":1,"availableReplicas":1,"replicas":2}"#, "Progressing", "old replicas are pending termination"),
            (canary, r#"{"updatedReplicas":1,"availableReplicas":1,"replicas":1}"#, "Progressing", "waiting for all steps to complete"),
            (canary, r#"{"updatedReplicas":1,"availableReplicas":1,"replicas":1,"stableRS":"a","currentPodHash":"a"}"#, "Healthy", ""),
            (r#""paused":true"#, "{}", "Paused", "manually paused"),
            (canary, r#"{"pauseConditions":[{"reason":"CanaryPauseStep"}]}"#, "Paused", "CanaryPauseStep"),
            (canary, r#"{"conditions":[{"type":"InvalidSpec","message":"bad"}]}"#, "Degraded", "InvalidSpec: bad"),
            (
                canary,
                r#"{"conditions":[{"type":"Progressing","reason":"ProgressDeadlineExceeded","message":"late"}]}"#,
                "Degraded",
                "ProgressDeadlineExceeded: late",
            ),
            (
                r#""strategy":{"blueGreen":{}}"#,
                r#"{"updatedReplicas":1,"availableReplicas":1,"currentPodHash":"b","blueGreen":{"activeSelector":"a"}}"#,
                "Progressing",
                "active service cutover pending",
            ),
            (
                r#""strategy":{"blueGreen":{"postPromotionAnalysis":{}}}"#,
                r#"{"updatedReplicas":1,"availableReplicas":1,"currentPodHash":"b","stableRS":"a","blueGreen":{"activeSelector":"b"}}"#,
                "Progressing",
                "waiting for analysis to complete",
            ),
        ] {
            let json = format!(
                r#"{{"metadata":{{"generation":2,"annotations":{{"rollout.argoproj.io/workload-generation":"5"}}}},"spec":{{{spec}}},"status":{status}}}"#
            );
            let (found, text) = rollout_phase(&read(&json));
            assert_eq!((found.word(), text.as_str()), (phase, message), "{json}");
        }
    }

    #[test]
    fn why_pods_cannot_be_made_is_told_while_it_holds() {
        let conditions = |status: &str| -> Vec<wire::Condition> {
            read(&format!(
                r#"[{{"type":"Progressing","status":"True"}},{{"type":"ReplicaFailure","status":"{status}","message":"exceeded quota: compute"}}]"#
            ))
        };
        assert_eq!(unmade(&conditions("True")), Some(Safe::clean("exceeded quota: compute")));
        assert_eq!(unmade(&conditions("False")), None);
    }
}
