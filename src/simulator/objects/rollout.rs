//! A Rollout as a cluster shows it: steps, phase, message and conditions as the recorded controller (argo-rollouts v1.9.1) wrote them.

use serde_json::{Map, Value, json};

use super::workload::{metadata, over_quota};
use super::{Context, template};
use crate::simulator::canary::Step;
use crate::simulator::world::canary::Canary;
use crate::simulator::world::pods::made_up;
use crate::simulator::world::workload::Workload;

pub(in crate::simulator) fn render(workload: &Workload, context: &Context<'_>, tracking: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": metadata(workload, context, tracking),
        "spec": spec(workload, context), "status": status(workload, context),
    })
}

fn spec(workload: &Workload, context: &Context<'_>) -> Value {
    let mut strategy = json!({"maxSurge": 1});
    if let (Some(canary), Some(strategy)) = (&workload.canary, strategy.as_object_mut())
        && !canary.steps.is_empty()
    {
        strategy.insert("maxUnavailable".to_owned(), Value::from(0));
        strategy.insert("steps".to_owned(), canary.steps.iter().map(|step| written(step, workload, context)).collect());
    }
    let mut spec = json!({
        "replicas": workload.replicas, "revisionHistoryLimit": 5, "selector": {"matchLabels": {"app.kubernetes.io/name": workload.name}},
        "strategy": {"canary": strategy}, "template": template(workload, &workload.tag, None),
    });
    if let (Some(canary), Some(spec)) = (&workload.canary, spec.as_object_mut()) {
        if canary.held {
            spec.insert("paused".to_owned(), Value::from(true));
        }
        if let Some(restart) = &canary.restart {
            spec.insert("restartAt".to_owned(), Value::from(restart.said.clone()));
        }
    }
    spec
}

fn written(step: &Step, workload: &Workload, context: &Context<'_>) -> Value {
    match step {
        Step::Weight(weight) => json!({"setWeight": weight}),
        Step::Pause(None) => json!({"pause": {}}),
        Step::Pause(Some(length)) => json!({"pause": {"duration": context.span(*length)}}),
        Step::Analysis => {
            json!({"analysis": {"args": [{"name": "service", "value": workload.name}], "templates": [{"templateName": "error-rate"}]}})
        }
    }
}

/// The phase and the message of a Rollout.
pub(in crate::simulator) fn phase(workload: &Workload, context: &Context<'_>) -> (&'static str, String) {
    if workload.settled {
        return ("Healthy", String::new());
    }
    if let Some(canary) = &workload.canary {
        if canary.aborted.is_some() {
            return ("Degraded", format!("RolloutAborted: {}", abort_message(workload, canary)));
        }
        if canary.held {
            return ("Paused", "manually paused".to_owned());
        }
        if canary.paused.is_some() {
            return ("Paused", "CanaryPauseStep".to_owned());
        }
    }
    if workload.is_overdue(context.now) {
        let set = workload.current().map(|set| set.hash.clone()).unwrap_or_default();
        return ("Degraded", format!("ProgressDeadlineExceeded: ReplicaSet \"{}-{set}\" has timed out progressing.", workload.name));
    }
    let message = if workload.updated() < workload.replicas {
        "more replicas need to be updated"
    } else if workload.ready(context.now) < workload.replicas {
        "updated replicas are still becoming available"
    } else {
        "old replicas are pending termination"
    };
    ("Progressing", message.to_owned())
}

fn abort_message(workload: &Workload, canary: &Canary) -> String {
    let why = canary.aborted.as_ref().map(|aborted| aborted.why.as_str()).unwrap_or_default();
    let begin = format!("Rollout aborted update to revision {}", workload.revision);
    if why.is_empty() { begin } else { format!("{begin}: {why}") }
}

fn status(workload: &Workload, context: &Context<'_>) -> Value {
    let now = context.now;
    let (phase, message) = phase(workload, context);
    let (ready, total) = (workload.ready(now), workload.total());
    let current = workload.current().map(|set| set.hash.clone()).unwrap_or_default();
    let stable_tag = workload.canary.as_ref().map_or(&workload.tag, |canary| &canary.stable);
    let is_new = workload.canary.is_none() && !workload.settled;
    let stable = if is_new {
        workload.sets.iter().rev().skip(1).find(|set| !set.pods.is_empty()).map_or(current.clone(), |set| set.hash.clone())
    } else {
        workload.sets.iter().find(|set| set.tag == *stable_tag).map_or(current.clone(), |set| set.hash.clone())
    };
    let mut status = Map::new();
    let mut set = |key: &str, value: Value| drop(status.insert(key.to_owned(), value));
    set("HPAReplicas", Value::from(total));
    set("availableReplicas", Value::from(ready));
    set("blueGreen", json!({}));
    set("canary", canary_status(workload, &current));
    set("conditions", conditions(workload, context, &current));
    set("currentPodHash", Value::from(current));
    set("observedGeneration", Value::from(workload.generation.to_string()));
    set("phase", Value::from(phase));
    set("readyReplicas", Value::from(ready));
    set("replicas", Value::from(total));
    set("selector", Value::from(format!("app.kubernetes.io/name={}", workload.name)));
    set("stableRS", Value::from(stable));
    set("updatedReplicas", Value::from(workload.updated()));
    if !message.is_empty() {
        set("message", Value::from(message));
    }
    if let Some(restart) = workload.canary.as_ref().and_then(|canary| canary.restart.as_ref()).filter(|restart| restart.is_done) {
        set("restartedAt", Value::from(restart.said.clone()));
    }
    if workload.canary.as_ref().is_some_and(|canary| canary.full) {
        set("promoteFull", Value::from(true));
    }
    if let Some(canary) = workload.canary.as_ref().filter(|canary| !canary.steps.is_empty()) {
        set("currentStepHash", Value::from(made_up(&format!("{:?}", canary.steps), 10)));
        set("currentStepIndex", Value::from(canary.index));
        if let Some(since) = canary.paused {
            set("controllerPause", Value::from(true));
            set("pauseConditions", json!([{"reason": "CanaryPauseStep", "startTime": context.time(since)}]));
        }
        if let Some(aborted) = &canary.aborted {
            set("abort", Value::from(true));
            set("abortedAt", context.time(aborted.at));
        } else if canary.retried {
            set("abort", Value::from(false));
        }
    }
    Value::Object(status)
}

fn canary_status(workload: &Workload, current: &str) -> Value {
    let Some(analysis) = workload.canary.as_ref().and_then(|canary| canary.analysis.as_ref()).filter(|_| !workload.settled) else { return json!({}) };
    let name = format!("{}-{current}-{}-{}", workload.name, workload.revision, analysis.step);
    let run = match analysis.ended {
        None => json!({"name": name, "status": "Running"}),
        Some(true) => json!({"name": name, "status": "Successful"}),
        Some(false) => json!({"message": analysis.message(), "name": name, "status": "Failed"}),
    };
    json!({"currentStepAnalysisRunStatus": run})
}

fn conditions(workload: &Workload, context: &Context<'_>, current: &str) -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str, since| {
        json!({"lastTransitionTime": context.time(since), "lastUpdateTime": context.time(since), "message": message, "reason": reason,
            "status": status, "type": kind})
    };
    let truth = |holds: bool| if holds { "True" } else { "False" };
    let paused = workload.canary.as_ref().is_some_and(|canary| canary.paused.is_some() || canary.held);
    let healthy = if workload.settled { "Rollout is healthy" } else { "Rollout is not healthy" };
    let set = format!("{}-{current}", workload.name);
    let aborted = workload.canary.as_ref().filter(|canary| canary.aborted.is_some());
    let progressing = if let Some(canary) = aborted {
        let at = canary.aborted.as_ref().map_or(workload.moved, |aborted| aborted.at);
        condition("Progressing", "False", "RolloutAborted", &abort_message(workload, canary), at)
    } else if workload.settled {
        let message = format!("ReplicaSet \"{set}\" has successfully progressed.");
        condition("Progressing", "True", "NewReplicaSetAvailable", &message, workload.moved)
    } else if paused {
        condition("Progressing", "Unknown", "RolloutPaused", "Rollout is paused", workload.progressed)
    } else if workload.is_overdue(context.now) {
        condition(
            "Progressing",
            "False",
            "ProgressDeadlineExceeded",
            &format!("ReplicaSet \"{set}\" has timed out progressing."),
            workload.progressed,
        )
    } else {
        condition("Progressing", "True", "ReplicaSetUpdated", &format!("ReplicaSet \"{set}\" is progressing."), workload.progressed)
    };
    let mut conditions = vec![
        condition(
            "Available",
            truth(workload.ready(context.now) >= workload.replicas),
            "AvailableReason",
            "Rollout has minimum availability",
            workload.created,
        ),
        condition("Healthy", truth(workload.settled), "RolloutHealthy", healthy, workload.moved),
        condition("Completed", truth(workload.settled), "RolloutCompleted", "RolloutCompleted", workload.moved),
        progressing,
        condition("Paused", truth(paused), "RolloutPaused", "Rollout is paused", workload.progressed),
    ];
    conditions.extend(over_quota(workload, context));
    Value::from(conditions)
}
