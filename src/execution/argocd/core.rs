//! Argo CD's operations as JSON Patches of an Application object, for where it has no API: pure. What its API would check is checked here as far as the object
//! tells: an operation under way, auto-sync. What it would copy is copied: sync options and retry. Facts: argo-cd `docs/user-guide/sync-kubectl.md`,
//! `server/application/application.go`.

use serde_json::{Map, Value, json};

use super::{Mark, api};
use crate::execution::wire::{path, rejection};
use crate::operations::mutation::{Mutation, No, Operation, Rejection, Sync, Target};

/// The Application object.
pub(super) fn object(target: &Target) -> String {
    let (namespace, name) = (target.app.namespace.as_wire(), target.app.name.as_wire());
    path(&["apis", "argoproj.io", "v1alpha1", "namespaces", namespace, "applications", name])
}

/// The patch for a mutation, held to the object that was read, or why there is none.
pub(super) fn patch(mutation: &Mutation, mark: &Mark, app: &Value) -> Result<Vec<Operation>, Rejection> {
    let changes = match mutation {
        Mutation::Refresh(_) => refresh(app),
        Mutation::Sync(sync) => begin(mark, app, synced(sync, app)?)?,
        Mutation::Rollback { history, .. } => begin(mark, app, rolled_back(*history, app)?)?,
        Mutation::Terminate(_) => terminate(app)?,
        Mutation::Act(_) | Mutation::Commit(_) | Mutation::Open(_) | Mutation::Merge(_) | Mutation::Patch(_) => {
            return Err(rejection(No::Invalid, "no Application does this", ""));
        }
    };
    let uid = app.pointer("/metadata/uid").cloned().unwrap_or_default();
    Ok(std::iter::once(test("/metadata/uid", uid)).chain(changes).collect())
}

fn refresh(app: &Value) -> Vec<Operation> {
    let annotation = json!("normal");
    if app.pointer("/metadata/annotations").is_some_and(Value::is_object) {
        vec![set("/metadata/annotations/argocd.argoproj.io~1refresh", annotation)]
    } else {
        vec![test("/metadata/annotations", Value::Null), set("/metadata/annotations", json!({"argocd.argoproj.io/refresh": annotation}))]
    }
}

/// Asks for an operation. What is left of the last one is taken away, as the API does: the controller merges the new state into it, and a sync after a rollback
/// would keep its strategy (seen on 3.2.11: `apply` beside `hook`).
fn begin(mark: &Mark, app: &Value, sync: Map<String, Value>) -> Result<Vec<Operation>, Rejection> {
    let last = app.pointer("/status/operationState").map(|_state| "/status/operationState".to_owned());
    let last = last.map(|path| Operation { op: "remove", path, value: None });
    Ok(std::iter::once(nothing_runs(app)?).chain(last).chain([set("/operation", operation(mark, app, sync))]).collect())
}

/// Kubernetes lets a second operation replace the first one; Argo CD's API does not. A `test` for null holds where nothing is there (evanphx/json-patch, which
/// the API server uses; tried on 1.34).
fn nothing_runs(app: &Value) -> Result<Operation, Rejection> {
    if app.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()) {
        return Err(rejection(No::Moved, "the application is being deleted", ""));
    }
    match app.get("operation") {
        None | Some(Value::Null) => Ok(test("/operation", Value::Null)),
        Some(_) => Err(rejection(No::NotNow, "another operation is already in progress", "wait until it is over, or stop it")),
    }
}

fn operation(mark: &Mark, app: &Value, sync: Map<String, Value>) -> Value {
    let copied = |path: &str, key: &str| Some((key.to_owned(), app.pointer(path).filter(|value| !value.is_null())?.clone()));
    let sync: Map<_, _> = sync.into_iter().chain(copied("/spec/syncPolicy/syncOptions", "syncOptions")).collect();
    let own = [("initiatedBy", json!({"username": mark.by})), ("info", api::infos(mark)), ("sync", Value::Object(sync))];
    Value::Object(own.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(copied("/spec/syncPolicy/retry", "retry")).collect())
}

fn synced(sync: &Sync, app: &Value) -> Result<Map<String, Value>, Rejection> {
    let mut fields = Map::from_iter([("syncStrategy".to_owned(), json!({"hook": {}}))]);
    if sync.prune {
        fields.insert("prune".to_owned(), json!(true));
    }
    if let Some(revision) = &sync.revision {
        if is_automatic(app) {
            let cure = "with auto-sync on, Argo CD deploys what git says and nothing else: change git, or switch auto-sync off";
            return Err(rejection(No::Against, "a revision of its own cannot be synced while auto-sync is on", cure));
        }
        if app.pointer("/spec/sources").is_some_and(|sources| !sources.is_null()) {
            return Err(rejection(No::Invalid, "an application with several sources has no one revision", ""));
        }
        fields.insert("revision".to_owned(), json!(revision));
    }
    Ok(fields)
}

fn rolled_back(history: i64, app: &Value) -> Result<Map<String, Value>, Rejection> {
    if is_automatic(app) {
        let cure = "with auto-sync on, Argo CD deploys what git says and nothing else: change git, or switch auto-sync off";
        return Err(rejection(No::Against, "rollback cannot be initiated when auto-sync is enabled", cure));
    }
    let entry = deployment(app, history).ok_or_else(|| rejection(No::Moved, &format!("the application has no deployment {history} any more"), ""))?;
    let copied = ["revision", "revisions", "source", "sources"].into_iter();
    let copied = copied.filter_map(|field| Some((field.to_owned(), entry.get(field).filter(|value| !value.is_null())?.clone())));
    Ok(copied.chain([("syncStrategy".to_owned(), json!({"apply": {}}))]).collect())
}

/// An entry of the history by Argo CD's number. The first deployment's number is 0, which is left out on the wire of some versions.
pub(super) fn deployment(app: &Value, history: i64) -> Option<&Value> {
    let entries = app.pointer("/status/history")?.as_array()?;
    entries.iter().find(|entry| entry.get("id").and_then(Value::as_i64).unwrap_or_default() == history)
}

fn terminate(app: &Value) -> Result<Vec<Operation>, Rejection> {
    let state = app.pointer("/status/operationState").filter(|_| app.get("operation").is_some_and(|operation| !operation.is_null()));
    let Some(started) = state.and_then(|state| state.get("startedAt")) else {
        return Err(rejection(No::Moved, "no operation is in progress", ""));
    };
    // It is this operation that is stopped, and none that came after it.
    let phase = Operation { op: "replace", path: "/status/operationState/phase".to_owned(), value: Some(json!("Terminating")) };
    Ok(vec![test("/status/operationState/startedAt", started.clone()), phase])
}

/// Whether Argo CD syncs it by itself: `automated: {}` is on; `enabled: false` is off since 3.2.
fn is_automatic(app: &Value) -> bool {
    let automated = app.pointer("/spec/syncPolicy/automated").filter(|automated| !automated.is_null());
    automated.is_some_and(|automated| automated.get("enabled").and_then(Value::as_bool) != Some(false))
}

fn test(path: &str, value: Value) -> Operation {
    Operation { op: "test", path: path.to_owned(), value: Some(value) }
}

fn set(path: &str, value: Value) -> Operation {
    Operation { op: "add", path: path.to_owned(), value: Some(value) }
}
