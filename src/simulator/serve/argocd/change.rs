//! What changes something through an Argo CD's API: syncs, rollbacks, the end of an operation, refreshes, patches of Applications, actions on Rollouts.
//! Checks come in the order of the real server (`server/application/application.go` 3.2.11), and refusals in its words.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::answer::{Answer, JSON, Question};
use super::super::patch::{self, Unusable};
use super::super::{ApplicationDeed, Refused};
use super::{Server, error, list, rights};
use crate::simulator::store::Object;

/// Between two looks whether the controller has compared.
const POLL: Duration = Duration::from_millis(50);
/// What an Application's object carries until it was compared.
const REFRESH: &str = "/metadata/annotations/argocd.argoproj.io~1refresh";

impl Server {
    /// One application, whole: `fields` mean nothing here. With `refresh` it is compared first, and the answer waits for the controller.
    pub(super) async fn one(&self, question: &Question, name: &str) -> Answer {
        let place = (question.parameter("appNamespace"), question.parameter("project"));
        let object = match list::known(&self.plan, place, name) {
            Ok(object) => object,
            Err(answer) => return answer,
        };
        let Some(how) = question.parameter("refresh") else { return whole(&object) };
        if let Err(refused) = self.ask(&object, &ApplicationDeed::Refresh { hard: how == "hard" }) {
            return refusal_of(&refused);
        }
        loop {
            match list::known(&self.plan, place, name) {
                Ok(object) if value(&object).pointer(REFRESH).is_none() => return whole(&object),
                Ok(_) => tokio::time::sleep(POLL).await,
                Err(answer) => return answer,
            }
        }
    }

    /// The windows of its project as they are for an application.
    pub(super) fn windows(&self, question: &Question, name: &str) -> Answer {
        let object = match list::known(&self.plan, (question.parameter("appNamespace"), question.parameter("project")), name) {
            Ok(object) => object,
            Err(answer) => return answer,
        };
        let can_sync = self.ask(&object, &ApplicationDeed::SyncWindow).is_ok();
        let project = value(&object).pointer("/spec/project").and_then(Value::as_str).unwrap_or_default().to_owned();
        let project = list::project_value(&self.plan, &project);
        let all = project.pointer("/spec/syncWindows").and_then(Value::as_array).cloned().unwrap_or_default();
        let is_own = |window: &Value| {
            let patterns = window.get("applications").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            patterns.into_iter().any(|pattern| crate::simulator::world::matches(pattern.as_bytes(), name.as_bytes()))
        };
        let own: Vec<Value> = all
            .into_iter()
            .filter(is_own)
            .map(|window| {
                let manual = window.get("manualSync").cloned().unwrap_or(Value::Bool(false));
                json!({"kind": window.get("kind"), "schedule": window.get("schedule"), "duration": window.get("duration"), "manualSync": manual})
            })
            .collect();
        let mut answer = json!({});
        if let Some(answer) = answer.as_object_mut() {
            if !own.is_empty() {
                answer.insert("activeWindows".to_owned(), Value::from(own.clone()));
                answer.insert("assignedWindows".to_owned(), Value::from(own));
            }
            if can_sync {
                answer.insert("canSync".to_owned(), Value::Bool(true));
            }
        }
        Answer::ok(&answer)
    }

    /// A workload of an application as Argo CD reads it, with its own login, in its cluster.
    pub(super) fn resource(&self, question: &Question, name: &str) -> Answer {
        match self.live(question, name) {
            Ok(live) => Answer::ok(&json!({ "manifest": live.to_string() })),
            Err(answer) => answer,
        }
    }

    /// What can be done to a Rollout now.
    pub(super) fn actions(&self, question: &Question, name: &str) -> Answer {
        match self.live(question, name) {
            Ok(live) if question.parameter("kind") == Some("Rollout") => Answer::ok(&json!({ "actions": rollout_actions(&live) })),
            Ok(_) => Answer::ok(&json!({})),
            Err(answer) => answer,
        }
    }

    fn live(&self, question: &Question, name: &str) -> Result<Value, Answer> {
        let object = list::known(&self.plan, (question.parameter("appNamespace"), question.parameter("project")), name)?;
        let parameter = |name: &str| question.parameter(name).unwrap_or_default();
        let resource = (parameter("kind"), parameter("namespace"), parameter("resourceName"));
        self.hands.live(&self.plan.name, (&object.namespace, &object.name), resource).map_err(|refused| refusal_of(&refused))
    }

    /// Everything that is no question.
    pub(super) fn change(&self, question: &Question, (name, rest): (&str, &[&str]), account: &'static str) -> Answer {
        let body = match read(question) {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let text = |field: &str| body.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let place = (question.parameter("appNamespace").or(text("appNamespace")), question.parameter("project").or(text("project")));
        let object = match list::known(&self.plan, place, name) {
            Ok(object) => object,
            Err(answer) => return answer,
        };
        let is = |field: &str| body.get(field) == Some(&Value::Bool(true));
        let by = account.to_owned();
        match (&question.method, rest) {
            (&Method::POST, ["sync"]) => {
                if let Err(refused) = self.ask(&object, &ApplicationDeed::SyncWindow) {
                    return refusal_of(&refused);
                }
                let overrides = body.get("manifests").and_then(Value::as_array).is_some_and(|manifests| !manifests.is_empty());
                let missing = ["sync", "override"].into_iter().filter(|action| *action == "sync" || overrides);
                if let Some(denied) = missing.into_iter().find_map(|action| denied(account, action, &object)) {
                    return denied;
                }
                self.answered(&object, &ApplicationDeed::Sync { request: body.clone(), by })
            }
            (&Method::POST, ["rollback"]) => {
                let deed = ApplicationDeed::Rollback {
                    id: body.get("id").and_then(Value::as_u64).unwrap_or_default(),
                    prune: is("prune"),
                    dry_run: is("dryRun"),
                    by,
                };
                denied(account, "sync", &object).unwrap_or_else(|| self.answered(&object, &deed))
            }
            (&Method::DELETE, ["operation"]) => denied(account, "sync", &object).unwrap_or_else(|| self.done(&object, &ApplicationDeed::Terminate)),
            (&Method::PATCH, []) => denied(account, "update", &object).unwrap_or_else(|| self.patched(&object, &body)),
            // The older form has the action as its body, and the rest in the query.
            (&Method::POST, ["resource", "actions"]) => {
                let parameter = |name: &str| question.parameter(name).unwrap_or_default();
                let resource = [parameter("kind"), parameter("namespace"), parameter("resourceName"), body.as_str().unwrap_or_default()];
                self.acted(&object, resource, account)
            }
            (&Method::POST, ["resource", "actions", "v2"]) => {
                let field = |name: &str| text(name).unwrap_or_default();
                self.acted(&object, [field("kind"), field("namespace"), field("resourceName"), field("action")], account)
            }
            _ => denied(account, "update", &object).unwrap_or_else(|| {
                error(StatusCode::NOT_IMPLEMENTED, 12, "the simulated Argo CD does not do this: change the repository or the cluster instead")
            }),
        }
    }

    fn ask(&self, object: &Object, deed: &ApplicationDeed) -> Result<(), Refused> {
        self.hands.application(&self.plan.name, (&object.namespace, &object.name), deed)
    }

    /// The application as it is after something was done.
    fn answered(&self, object: &Object, deed: &ApplicationDeed) -> Answer {
        match self.ask(object, deed) {
            Ok(()) => list::known(&self.plan, (Some(&object.namespace), None), &object.name).map_or_else(|answer| answer, |object| whole(&object)),
            Err(refused) => refusal_of(&refused),
        }
    }

    /// Nothing, after something was done.
    fn done(&self, object: &Object, deed: &ApplicationDeed) -> Answer {
        self.ask(object, deed).map_or_else(|refused| refusal_of(&refused), |()| Answer::ok(&json!({})))
    }

    fn patched(&self, object: &Object, body: &Value) -> Answer {
        let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
        let content_type = match text("patchType") {
            "json" | "" => "application/json-patch+json",
            "merge" => "application/merge-patch+json",
            other => return error(StatusCode::BAD_REQUEST, 3, &format!("Patch type '{other}' is not supported")),
        };
        match patch::merge_patch(content_type, text("patch").as_bytes(), &value(object)) {
            Ok(patch) => self.answered(object, &ApplicationDeed::Patch(patch)),
            Err(Unusable::Malformed(why)) => error(StatusCode::BAD_REQUEST, 3, &why),
            Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, 2, "error applying patch: testing value failed"),
        }
    }

    fn acted(&self, object: &Object, [kind, namespace, name, action]: [&str; 4], account: &str) -> Answer {
        let group = if kind == "Rollout" { "argoproj.io" } else { "apps" };
        let right = format!("action/{group}/{kind}/{action}");
        if let Some(denied) = denied(account, &right, object) {
            return denied;
        }
        let place = (object.namespace.as_str(), object.name.as_str());
        if let Err(refused) = self.hands.live(&self.plan.name, place, (kind, namespace, name)) {
            return refusal_of(&refused);
        }
        if kind != "Rollout" {
            return error(StatusCode::NOT_IMPLEMENTED, 12, "the simulated Argo CD acts on Rollouts only");
        }
        self.done(object, &ApplicationDeed::Rollout { namespace: namespace.to_owned(), name: name.to_owned(), action: action.to_owned() })
    }
}

/// The body as JSON; an empty one is an empty message.
fn read(question: &Question) -> Result<Value, Answer> {
    if question.body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&question.body).map_err(|problem| {
        let words = if problem.is_eof() { "unexpected EOF".to_owned() } else { problem.to_string() };
        error(StatusCode::BAD_REQUEST, 3, &words)
    })
}

/// The refusal where an account may not.
fn denied(account: &str, action: &str, object: &Object) -> Option<Answer> {
    if rights::may(account, "applications", action) {
        return None;
    }
    let project = super::super::json::text(&object.json, &["spec", "project"]).unwrap_or_default();
    let message = format!("permission denied: applications, {action}, {project}/{}, sub: {account}", object.name);
    Some(error(StatusCode::FORBIDDEN, 7, &message))
}

fn whole(object: &Object) -> Answer {
    Answer::new(StatusCode::OK, JSON, object.json.clone())
}

fn value(object: &Object) -> Value {
    serde_json::from_slice(&object.json).unwrap_or_default()
}

/// What the world refuses, as gRPC's code and the gateway's status say it.
fn refusal_of(refused: &Refused) -> Answer {
    let code = match refused.reason {
        "InvalidArgument" | "Invalid" => 3,
        "NotFound" => 5,
        "PermissionDenied" => 7,
        "FailedPrecondition" => 9,
        "Unimplemented" => 12,
        _ => 2,
    };
    let status = if refused.reason == "Invalid" { 400 } else { refused.code };
    error(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), code, &refused.message)
}

/// The actions on a Rollout, with those that would change nothing disabled (`resource_customizations/argoproj.io/Rollout/actions/discovery.lua`).
fn rollout_actions(live: &Value) -> Vec<Value> {
    let at = |pointer: &str| live.pointer(pointer);
    let is_paused = at("/status/pauseConditions").and_then(Value::as_array).map(|conditions| !conditions.is_empty());
    let is_held = at("/spec/paused") == Some(&Value::Bool(true));
    let is_paused = is_paused.unwrap_or(is_held);
    let is_everywhere = at("/status/currentPodHash") == at("/status/stableRS");
    let is_aborted = at("/status/abort") == Some(&Value::Bool(true));
    let is_full = at("/status/promoteFull") == Some(&Value::Bool(true));
    let steps = at("/spec/strategy/canary/steps").and_then(Value::as_array).map(|steps| steps.len() as u64);
    let is_at_end = steps.is_none_or(|steps| at("/status/currentStepIndex").and_then(Value::as_u64) == Some(steps));
    let all = [
        ("abort", is_everywhere || is_aborted),
        ("pause", is_paused),
        ("promote-full", is_everywhere || is_full),
        ("restart", false),
        ("resume", !is_paused),
        ("retry", is_everywhere || !is_aborted),
        ("skip-current-step", is_everywhere || is_at_end),
    ];
    let written = |(name, disabled): (&str, bool)| if disabled { json!({"name": name, "disabled": true}) } else { json!({ "name": name }) };
    all.into_iter().map(written).collect()
}
