//! What an Application, or a Rollout, tells of an operation of which no answer came: pure. What it does not tell stays unknown.

use std::time::Duration;

use serde_json::Value;

use super::api::MARK;
use super::{Mark, core};
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::ClusterName;
use crate::domain::workload::{WorkloadKey, WorkloadKind};
use crate::operations::mutation::{Found, Mutation, Receipt};

/// By how much the clocks of this machine and of Argo CD's may differ without something that is newer being taken for older.
const SKEW: Duration = Duration::from_secs(30);

/// What an Application tells of a mutation that was sent at `since`.
pub(super) fn operation(mutation: &Mutation, mark: &Mark, since: Timestamp, app: &Value) -> Found {
    let state = app.pointer("/status/operationState").filter(|state| !state.is_null());
    let running = app.get("operation").filter(|operation| !operation.is_null());
    let last = state.and_then(|state| state.get("operation"));
    match mutation {
        Mutation::Refresh(_) => refreshed(since, app),
        Mutation::Terminate(_) => {
            let phase = state.and_then(|state| state.get("phase")).and_then(Value::as_str);
            if running.is_none() || phase == Some("Terminating") { Found::Done(Receipt::Accepted) } else { Found::NotDone }
        }
        Mutation::Sync(_) | Mutation::Rollback { .. } => {
            let is_newer = state.is_some_and(|state| at(state, "/startedAt").is_none_or(|started| started >= earlier(since)));
            if [running, last].into_iter().flatten().any(|operation| is_marked(operation, mark)) {
                return Found::Done(Receipt::Accepted);
            }
            if let Mutation::Rollback { history, .. } = mutation {
                // The API marks no rollback; it is known by what it deploys and by how.
                let is_it = |operation: &&Value| {
                    let wanted = core::deployment(app, *history).and_then(|entry| entry.get("revision"));
                    wanted.is_some() && operation.pointer("/sync/revision") == wanted && operation.pointer("/sync/syncStrategy/apply").is_some()
                };
                if running.is_some_and(|operation| is_it(&operation)) || last.filter(|_| is_newer).is_some_and(|operation| is_it(&operation)) {
                    return Found::Done(Receipt::Accepted);
                }
            }
            if running.is_none() && !is_newer {
                Found::NotDone
            } else {
                Found::Unknown(Safe::clean("another operation of Argo CD came after it, or instead of it"))
            }
        }
        Mutation::Act(_) | Mutation::Commit(_) | Mutation::Patch(_) | Mutation::Open(_) | Mutation::Merge(_) => {
            Found::Unknown(Safe::clean("the Application does not tell"))
        }
    }
}

fn refreshed(since: Timestamp, app: &Value) -> Found {
    let is_asked = app.pointer("/metadata/annotations/argocd.argoproj.io~1refresh").is_some();
    // Argo CD tells whole seconds.
    if is_asked || at(app, "/status/reconciledAt").is_some_and(|compared| compared.as_second() >= since.as_second()) {
        Found::Done(Receipt::Accepted)
    } else {
        Found::NotDone
    }
}

/// The Rollouts that an Application lists as its own.
pub(super) fn rollouts(app: &Value, cluster: &ClusterName) -> Vec<WorkloadKey> {
    let resources = app.pointer("/status/resources").and_then(Value::as_array).into_iter().flatten();
    let kind = WorkloadKind::Rollout;
    let key = |resource: &Value| {
        let text = |field: &str| resource.get(field).and_then(Value::as_str);
        let is_one = text("group") == Some(kind.group()) && text("kind") == Some(kind.word());
        let (namespace, name) = (text("namespace")?.into(), Raw::from(text("name")?));
        is_one.then(|| WorkloadKey { cluster: cluster.clone(), namespace, kind, name })
    };
    resources.filter_map(key).collect()
}

fn is_marked(operation: &Value, mark: &Mark) -> bool {
    let infos = operation.get("info").and_then(Value::as_array).into_iter().flatten();
    let is_ours = |info: &Value| {
        let field = |name: &str| info.get(name).and_then(Value::as_str);
        field("name") == Some(MARK) && field("value") == Some(mark.operation.as_str())
    };
    infos.into_iter().any(is_ours)
}

fn at(value: &Value, path: &str) -> Option<Timestamp> {
    value.pointer(path)?.as_str()?.parse().ok()
}

fn earlier(since: Timestamp) -> Timestamp {
    since.checked_sub(SKEW).unwrap_or(Timestamp::MIN)
}
