//! A Rollout and its replica sets, as they are on the wire → what decides about them. Pure and lenient: what is odd or missing is as if it were not there.
//! Fields: argo-rollouts `pkg/apis/rollouts/v1alpha1/types.go` (v1.9.1).

use serde_json::Value;

use crate::base::Raw;
use crate::domain::workload::{Strategy, WorkloadKey};
use crate::operations::canary::{Facts, Revision, StepKind};

/// Label in which a replica set keeps the hash of its pod template.
const TEMPLATE_HASH: &str = "rollouts-pod-template-hash";

/// The facts of a Rollout; of `sets` those that it owns.
pub(in crate::execution) fn facts(key: &WorkloadKey, object: &Value, sets: &[Value]) -> Facts {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).map(Raw::from);
    let flag = |path: &str| object.pointer(path).and_then(Value::as_bool).unwrap_or(false);
    let is_there = |path: &str| object.pointer(path).is_some_and(|value| !value.is_null());
    let uid = text("/metadata/uid").unwrap_or_default();
    let reference = is_there("/spec/workloadRef");
    Facts {
        rollout: key.clone(),
        resource_version: text("/metadata/resourceVersion").unwrap_or_default(),
        generation: object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default(),
        observed_generation: text("/status/observedGeneration").unwrap_or_default(),
        deleting: is_there("/metadata/deletionTimestamp"),
        strategy: if is_there("/spec/strategy/blueGreen") { Strategy::BlueGreen } else { Strategy::Canary },
        has_analysis: ["canary/analysis", "blueGreen/prePromotionAnalysis", "blueGreen/postPromotionAnalysis"]
            .iter()
            .any(|path| is_there(&format!("/spec/strategy/{path}"))),
        has_traffic_routing: is_there("/spec/strategy/canary/trafficRouting"),
        steps: items(object, "/spec/strategy/canary/steps").map(step).collect(),
        step: object.pointer("/status/currentStepIndex").and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok()),
        current_hash: text("/status/currentPodHash").unwrap_or_default(),
        stable_hash: text("/status/stableRS").unwrap_or_default(),
        paused: flag("/spec/paused"),
        pauses: is_there("/status/pauseConditions").then(|| {
            let reason = |condition: &Value| condition.get("reason").and_then(Value::as_str).map(Raw::from).unwrap_or_default();
            items(object, "/status/pauseConditions").map(reason).collect()
        }),
        controller_pause: flag("/status/controllerPause"),
        aborted: flag("/status/abort"),
        promoting_fully: flag("/status/promoteFull"),
        step_analysis: text("/status/canary/currentStepAnalysisRunStatus/status"),
        template: object.pointer("/spec/template").filter(|template| !reference && template.is_object()).cloned(),
        template_in: reference.then(|| (text("/spec/workloadRef/kind").unwrap_or_default(), text("/spec/workloadRef/name").unwrap_or_default())),
        revisions: sets.iter().filter(|set| is_owned(set, &uid)).filter_map(revision).collect(),
        references: Vec::new(),
        restart_at: text("/spec/restartAt"),
        restarted_at: text("/status/restartedAt"),
        uid,
    }
}

fn items<'a>(object: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn step(step: &Value) -> StepKind {
    if let Some(weight) = step.get("setWeight") {
        return StepKind::Weight(weight.as_u64().and_then(|weight| u32::try_from(weight).ok()).unwrap_or_default());
    }
    match step.get("pause") {
        Some(pause) if pause.get("duration").is_none_or(Value::is_null) => StepKind::Person,
        Some(_) => StepKind::Pause,
        None if step.get("analysis").is_some() => StepKind::Analysis,
        None if step.get("experiment").is_some() => StepKind::Experiment,
        None => StepKind::Other,
    }
}

fn is_owned(set: &Value, uid: &Raw) -> bool {
    items(set, "/metadata/ownerReferences").any(|owner| owner.get("uid").and_then(Value::as_str) == Some(uid.as_wire()))
}

fn revision(set: &Value) -> Option<Revision> {
    let hash = set.pointer("/metadata/labels")?.get(TEMPLATE_HASH)?.as_str()?;
    let number = set.pointer("/metadata/annotations")?.get("rollout.argoproj.io/revision")?.as_str()?.parse().ok()?;
    let mut template = set.pointer("/spec/template")?.clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(TEMPLATE_HASH);
    }
    let made_at = set.pointer("/metadata/creationTimestamp").and_then(Value::as_str).and_then(|text| text.parse().ok());
    Some(Revision { hash: Raw::from(hash), number, template, made_at })
}
