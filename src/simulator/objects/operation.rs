//! An operation of an Application: `.operation`, as it was asked for, and `.status.operationState`, as far as it is. As recorded of Argo CD 3.2.11.

use serde_json::{Map, Value, json};

use super::application::{Around, by, revisions, sources, with_first};
use super::{Context, kind_of};
use crate::simulator::layout;
use crate::simulator::world::application::{Application, HookRun, Operation, Phase};

/// What was asked for.
pub(super) fn asked(operation: &Operation, application: &Application, around: &Around<'_>) -> Value {
    let mut sync = operation.sync.clone();
    sync.extend(sources(application, around));
    sync.extend([revisions(around, &operation.revision)]);
    let mut asked = json!({"initiatedBy": by(&operation.by), "retry": operation.retry, "sync": sync});
    if let (Some(info), Some(asked)) = (&operation.info, asked.as_object_mut()) {
        asked.insert("info".to_owned(), info.clone());
    }
    asked
}

/// How far it is; nothing where there was none yet.
pub(super) fn state(application: &Application, around: &Around<'_>, context: &Context<'_>) -> Option<Value> {
    let operation = application.operation.as_ref()?;
    // The result has one of each, be it empty.
    let mut result = Map::from_iter([("revision".to_owned(), Value::from(""))]);
    result.extend(with_first(sources(application, around)));
    result.extend([revisions(around, &operation.revision)]);
    let resources = resources(operation, application, around);
    if !resources.is_empty() {
        result.insert("resources".to_owned(), Value::from(resources));
    }
    let mut state = json!({
        "message": operation.message, "operation": asked(operation, application, around), "phase": operation.phase.word(),
        "startedAt": context.time(operation.started), "syncResult": result,
    });
    if let (Some(finished), Some(state)) = (operation.finished, state.as_object_mut()) {
        state.insert("finishedAt".to_owned(), context.time(finished));
    }
    Some(state)
}

fn resources(operation: &Operation, application: &Application, around: &Around<'_>) -> Vec<Value> {
    let mut out: Vec<Value> = operation.hook.iter().map(|hook| hooked(hook, application)).collect();
    let is_before = operation.is_blocked || operation.hook.as_ref().is_some_and(|hook| hook.phase != Phase::Succeeded);
    if is_before {
        return out;
    }
    let only = operation.only();
    let is_meant = |kind: &str, name: &str| only.as_ref().is_none_or(|only| only.iter().any(|one| one.0 == kind && one.1 == name));
    let own = application.workloads.iter().zip(&operation.tags).filter_map(|(number, tag)| Some((around.workloads.get(*number)?, tag)));
    let own: Vec<_> = own.collect();
    for (kind, name) in layout::resources(around.definition, &application.environment, &application.placement) {
        if !is_meant(kind, &name) {
            continue;
        }
        let workload = own.iter().find(|(workload, _)| workload.name == name && kind_of(workload.kind).1 == kind);
        let (group, version) = match (kind, workload) {
            (_, Some((workload, _))) => kind_of(workload.kind).0.split_once('/').unwrap_or_default(),
            ("AnalysisTemplate", None) => ("argoproj.io", "v1alpha1"),
            (_, None) => ("", "v1"),
        };
        let lower = kind.to_lowercase();
        let written = if group.is_empty() { lower } else { format!("{lower}.{group}") };
        let done = if workload.is_some() { "configured" } else { "unchanged" };
        let dry = if operation.is_dry() { " (dry run)" } else { "" };
        let mut resource = json!({"group": group, "hookPhase": "Running", "kind": kind, "message": format!("{written}/{name} {done}{dry}"),
            "name": name, "namespace": application.target, "status": "Synced", "syncPhase": "Sync", "version": version});
        if let (Some((workload, tag)), Some(resource)) = (workload, resource.as_object_mut()) {
            resource.insert("images".to_owned(), json!([format!("{}:{tag}", workload.image)]));
        }
        out.push(resource);
    }
    out
}

/// A Job that runs before the rest.
fn hooked(hook: &HookRun, application: &Application) -> Value {
    let message = match hook.phase {
        Phase::Running => format!("job.batch/{} created", hook.name),
        Phase::Succeeded => "Reached expected number of succeeded pods".to_owned(),
        Phase::Terminating | Phase::Failed if hook.fails => "Job has reached the specified backoff limit".to_owned(),
        Phase::Terminating | Phase::Failed => "Terminated".to_owned(),
    };
    json!({"group": "batch", "hookPhase": hook.phase.word(), "hookType": "PreSync", "kind": "Job", "message": message, "name": hook.name,
        "namespace": application.target, "syncPhase": "PreSync", "version": "v1"})
}
