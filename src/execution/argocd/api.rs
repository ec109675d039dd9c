//! Argo CD's requests as text, and what its answers mean: pure. Facts: argo-cd `server/application/application.go`, seen on 3.2.11.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Mark;
use crate::base::Safe;
use crate::domain::workload::WorkloadKey;
use crate::execution::rest::Call;
use crate::execution::wire::{path, query, refused};
use crate::operations::mutation::{Answer, Mutation, No, Receipt, Target};

/// Under which name an operation carries the id that it is found by.
pub(super) const MARK: &str = "cockpit-op";

/// What a refusal says where the application is not what it was.
const MOVED: [&str; 3] = ["No operation is in progress", "does not have deployment", "delet"];

/// How long a refresh is waited for: the server answers when the comparison is over, and goes on with it when nobody waits.
const REFRESH_LIMIT: Duration = Duration::from_secs(5);

/// The request for a mutation; `None` for what Argo CD does not do.
pub(super) fn call(mutation: &Mutation, mark: &Mark) -> Option<Call> {
    let post = |target: &Target, tail: &[&str], fields: Vec<(&str, Value)>| {
        let app = [("name", json!(target.app.name)), ("appNamespace", json!(target.app.namespace.as_wire())), ("project", json!(target.project))];
        let body = app.into_iter().chain(fields).map(|(key, value)| (key.to_owned(), value)).collect();
        Call { method: Method::POST, target: of_app(target, tail), body: Some(Value::Object(body)), limit: None }
    };
    Some(match mutation {
        Mutation::Sync(sync) => {
            let revision = json!(sync.revision.clone().unwrap_or_default());
            post(&sync.target, &["sync"], vec![("revision", revision), ("prune", json!(sync.prune)), ("infos", infos(mark))])
        }
        Mutation::Rollback { target, history } => post(target, &["rollback"], vec![("id", json!(history)), ("prune", json!(false))]),
        Mutation::Act(acting) => {
            let resource = resource_of(&acting.patch.workload).into_iter().map(|(key, value)| (key, json!(value)));
            post(&acting.target, &["resource", "actions", "v2"], resource.chain([("action", json!(acting.action))]).collect())
        }
        Mutation::Terminate(target) => {
            let target = format!("{}?{}", of_app(target, &["operation"]), query(&scope(target)));
            Call { method: Method::DELETE, target, body: None, limit: None }
        }
        Mutation::Refresh(target) => {
            let mut pairs = vec![("refresh", "normal")];
            pairs.extend(scope(target));
            Call { limit: Some(REFRESH_LIMIT), ..Call::get(format!("{}?{}", of_app(target, &[]), query(&pairs))) }
        }
        Mutation::Commit(_) | Mutation::Patch(_) | Mutation::Open(_) | Mutation::Merge(_) => return None,
    })
}

/// The application itself.
pub(super) fn application(target: &Target) -> Call {
    Call::get(format!("{}?{}", of_app(target, &[]), query(&scope(target))))
}

/// The Rollout as Argo CD reads it.
pub(super) fn resource(target: &Target, rollout: &WorkloadKey) -> Call {
    Call::get(format!("{}?{}", of_app(target, &["resource"]), query(&of_resource(target, rollout))))
}

/// What can be done to the Rollout now. Not whether the account may: a reader is told the same.
pub(super) fn actions(target: &Target, rollout: &WorkloadKey) -> Call {
    Call::get(format!("{}?{}", of_app(target, &["resource", "actions"]), query(&of_resource(target, rollout))))
}

/// Whether the account may sync it: also for rollback and to stop what runs. Of an application outside Argo CD's own namespace the name has two parts; since
/// 3.0 the own one may be named as well.
pub(super) fn may_sync(target: &Target) -> Call {
    let (project, name) = (target.project.as_wire(), target.app.name.as_wire());
    let named = match target.app.namespace.as_wire() {
        "argocd" => vec![project, name],
        namespace => vec![project, namespace, name],
    };
    Call::get(path(&[&["api", "v1", "account", "can-i", "applications", "sync"], named.as_slice()].concat()))
}

fn of_app(target: &Target, more: &[&str]) -> String {
    path(&[&["api", "v1", "applications", target.app.name.as_wire()], more].concat())
}

/// Without the project Argo CD answers 403 for what is not there.
fn scope(target: &Target) -> [(&'static str, &str); 2] {
    [("appNamespace", target.app.namespace.as_wire()), ("project", target.project.as_wire())]
}

fn resource_of(rollout: &WorkloadKey) -> [(&'static str, &str); 5] {
    [
        ("namespace", rollout.namespace.as_wire()),
        ("resourceName", rollout.name.as_wire()),
        ("version", "v1alpha1"),
        ("group", rollout.kind.group()),
        ("kind", rollout.kind.word()),
    ]
}

fn of_resource<'a>(target: &'a Target, rollout: &'a WorkloadKey) -> Vec<(&'static str, &'a str)> {
    resource_of(rollout).into_iter().chain(scope(target)).collect()
}

/// What an operation carries with it.
pub(super) fn infos(mark: &Mark) -> Value {
    let mut infos = vec![json!({"name": MARK, "value": mark.operation.as_str()})];
    infos.extend(mark.reason.iter().map(|reason| json!({"name": "reason", "value": reason})));
    Value::Array(infos)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: Option<u32>,
    error: String,
    message: String,
}

/// What an answer to a change means. By gRPC's code where there is one: a gateway's HTTP status differs between versions.
pub(super) fn meaning(status: u16, body: &[u8], renewal: &Safe) -> Answer {
    let is_json = body.trim_ascii_start().starts_with(b"{");
    if (300..400).contains(&status) || (status == 200 && !is_json) {
        let why = format!("not Argo CD but something in front of it answered ({status})");
        return refused(No::NotSent, &why, "a proxy wants a login of its own: name its header in the configuration");
    }
    if (200..300).contains(&status) {
        return Answer::Taken(Receipt::Accepted);
    }
    let said: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let message = [said.message.as_str(), said.error.as_str()].into_iter().find(|text| !text.is_empty());
    let why = message.map_or_else(|| format!("Argo CD answered {status}"), str::to_owned);
    let says = |part: &str| why.contains(part);
    match (said.code, status) {
        (Some(16), _) | (None, 401) => refused(No::Forbidden, &why, renewal.as_str()),
        (Some(7), _) if says("sync window") => refused(No::NotNow, &why, "wait for the window to open, or ask who keeps the project's sync windows"),
        (Some(7), _) | (None, 403) => refused(No::Forbidden, &why, "ask for this permission in Argo CD (argocd-rbac-cm)"),
        (Some(9), _) if says("another operation") => refused(No::NotNow, &why, "wait until it is over, or stop it"),
        (Some(9), _) if says("auto-sync") || says("auto sync") => {
            refused(No::Against, &why, "with auto-sync on, Argo CD deploys what git says and nothing else: change git, or switch auto-sync off")
        }
        (Some(5), _) | (None, 404) => refused(No::Moved, &why, ""),
        (Some(3 | 9), _) if MOVED.iter().any(|part| says(part)) => refused(No::Moved, &why, ""),
        (Some(3 | 9), _) | (None, 400 | 405 | 406 | 411..=428) => refused(No::Invalid, &why, ""),
        (Some(8), _) | (None, 429) => refused(No::NotNow, &why, "try again in a moment"),
        // A server that failed on the way, or a gateway that heard nothing: it may be done all the same.
        _ => Answer::Unknown(Safe::clean(&why)),
    }
}
