//! Rollouts in their cluster: read right before something is done, patched once, and looked at when the answer did not come.

#[cfg(test)]
mod lab;
mod references;
mod rollout;
mod scalers;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub(super) use rollout::facts;

use crate::base::{Raw, Safe};
use crate::domain::Namespace;
use crate::domain::workload::{WorkloadKey, WorkloadKind};
use crate::execution::wire::{self, FIELD_MANAGER};
use crate::operations::canary::Facts;
use crate::operations::mutation::{Acting, Answer, Found, No, Operation, Patch, Receipt, Rejection};

const UID: &str = "/metadata/uid";
/// Where a Rollout tells its newest version, and the step at which it stands.
const HASH: &str = "/status/currentPodHash";
const STEP: &str = "/status/currentStepIndex";
const RESTART: &str = "/spec/restartAt";

/// What is seen of a version that a patch awaits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// It is not there yet.
    Coming,
    /// It is the newest, and on its way.
    Here,
    /// It is stable already.
    Over,
    /// Another one came.
    Other(Rejection),
}

/// A cluster that can be changed. The client must send each request once (`Config::default_retry` off) and share no connection with lists and watches.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
}

impl Cluster {
    /// Changes with this client.
    #[must_use]
    pub const fn new(client: kube::Client) -> Self {
        Self { client }
    }

    pub(super) const fn client(&self) -> &kube::Client {
        &self.client
    }

    /// A Rollout and its replica sets as they are now. Replica sets that may not be listed are none.
    pub async fn read(&self, key: &WorkloadKey) -> Result<Facts, Rejection> {
        let object = self.object(key).await?;
        let selector = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object).into_iter().flatten();
        let selector: Vec<_> = selector.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
        let target = wire::path(&["apis", "apps", "v1", "namespaces", namespace(&key.namespace), "replicasets"]);
        let target = format!("{target}?{}", wire::query(&[("labelSelector", &selector.join(","))]));
        let sets = wire::get(&self.client, &target).await.unwrap_or_default();
        let sets = sets.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut facts = facts(key, &object, sets);
        facts.references = self.references(key, &facts, sets).await;
        Ok(facts)
    }

    /// Sends a patch, once.
    pub async fn send(&self, patch: &Patch) -> Answer {
        let subresource = if patch.status { "rollouts/status" } else { "rollouts" };
        let sent = async {
            let target = format!("{}?{}", target(&patch.workload, patch.status)?, wire::query(&[("fieldManager", FIELD_MANAGER)]));
            let request = wire::request(http::Method::PATCH, &target, "application/json-patch+json", wire::body_of(&patch.operations))?;
            wire::ask(&self.client, request).await
        };
        match sent.await {
            Ok((status, body)) => {
                let what = format!("patch {subresource}.argoproj.io in namespace {}", patch.workload.namespace.shown());
                wire::of_status(status, &body, &what)
            }
            Err(silence) => silence.into(),
        }
    }

    /// Whether a patch was done of which nobody knows. A request that is still on its way is not done yet.
    pub async fn look(&self, patch: &Patch) -> Found {
        match self.object(&patch.workload).await {
            Ok(now) => found(patch, &now),
            Err(rejection) => Found::Unknown(rejection.why),
        }
    }

    /// Whether the version that a patch awaits is there. `was`: the newest version when this was asked first, which is kept.
    pub async fn awaited(&self, patch: &Patch, was: &mut Option<Value>) -> Result<Awaited, Rejection> {
        self.object(&patch.workload).await.map(|now| awaited(patch, &now, was))
    }

    async fn object(&self, key: &WorkloadKey) -> Result<Value, Rejection> {
        wire::get(&self.client, &target(key, false).map_err(wire::Silence::rejection)?).await
    }
}

/// What the patch is held to at a path.
fn planned<'p>(patch: &'p Patch, field: &str) -> Option<&'p Value> {
    patch.operations.iter().find(|operation| operation.op == "test" && operation.path == field)?.value.as_ref()
}

fn awaited(patch: &Patch, now: &Value, was: &mut Option<Value>) -> Awaited {
    let (newest, stable) = (now.pointer(HASH), now.pointer("/status/stableRS"));
    let was = was.get_or_insert_with(|| newest.cloned().unwrap_or_default());
    let other = |why: &str| Awaited::Other(wire::rejection(No::Moved, why, "plan again"));
    if planned(patch, UID).is_some_and(|uid| now.pointer(UID) != Some(uid)) {
        other("the Rollout was deleted and made anew meanwhile")
    } else if newest != planned(patch, HASH) {
        if newest == Some(was) { Awaited::Coming } else { other("another change of its template came: its pods are not those of before") }
    } else if newest == stable {
        Awaited::Over
    } else {
        Awaited::Here
    }
}

/// What an object says of a patch: whether what was wanted is so; if not, whether what the patch is held to still is.
fn found(patch: &Patch, now: &Value) -> Found {
    let planned = |path: &str| planned(patch, path);
    let holds = |path: &str| planned(path).is_none_or(|value| now.pointer(path) == Some(value));
    if !holds(UID) {
        return Found::Unknown(Safe::clean("the Rollout was deleted and made anew meanwhile"));
    }
    let step = |value: Option<&Value>| value.and_then(Value::as_u64);
    let was_left = planned(STEP).is_some() && holds(HASH) && step(now.pointer(STEP)) > step(planned(STEP));
    let is_stable = holds(HASH) && now.pointer(HASH) == now.pointer("/status/stableRS");
    let is_so = |change: &&Operation| {
        let found = now.pointer(&change.path).filter(|value| !value.is_null());
        match change.path.as_str() {
            // A step that was left was left, whatever became of the pause: the next one may have its own.
            "/status/pauseConditions" | "/status/controllerPause" | STEP if was_left => true,
            // The controller takes the wish away once it is fulfilled.
            "/status/promoteFull" if is_stable => true,
            _ if change.value == Some(Value::Bool(false)) => found != Some(&Value::Bool(true)),
            _ => found == change.value.as_ref(),
        }
    };
    let mut changes = patch.operations.iter().filter(|operation| operation.op != "test");
    if changes.all(|change| is_so(&change)) {
        Found::Done(Receipt::Applied)
    } else if holds(HASH) && holds(STEP) || patch.awaits && now.pointer("/status/promoteFull") != Some(&Value::Bool(true)) {
        // What it awaits did not come before it was sent, and it is not sent without.
        Found::NotDone
    } else {
        Found::Unknown(Safe::clean("the Rollout went on meanwhile, and does not tell by what"))
    }
}

/// Whether an object still is what a patch is held to.
pub(super) fn holds(patch: &Patch, now: &Value) -> Result<(), Rejection> {
    let tests = patch.operations.iter().filter(|operation| operation.op == "test");
    match tests.into_iter().find(|test| now.pointer(&test.path) != test.value.as_ref()) {
        Some(test) => Err(wire::rejection(No::Moved, &format!("{} is not what it was when this was planned", test.path), "plan again")),
        None => Ok(()),
    }
}

/// What an object says of an action of Argo CD. A restart has its own time there.
pub(super) fn acted(acting: &Acting, now: &Value) -> Found {
    if acting.action != "restart" {
        return found(&acting.patch, now);
    }
    let at = now.pointer(RESTART).filter(|at| !at.is_null());
    if at.is_some() && at != planned(&acting.patch, RESTART) { Found::Done(Receipt::Applied) } else { Found::NotDone }
}

fn target(key: &WorkloadKey, status: bool) -> Result<String, wire::Silence> {
    if key.kind != WorkloadKind::Rollout {
        return Err(wire::Silence::NotSent(wire::rejection(No::Invalid, &format!("a {} is not patched here", key.kind.word()), "")));
    }
    let target = wire::path(&["apis", "argoproj.io", "v1alpha1", "namespaces", namespace(&key.namespace), "rollouts", raw(&key.name)]);
    Ok(if status { target + "/status" } else { target })
}

fn namespace(namespace: &Namespace) -> &str {
    raw(&namespace.0)
}

fn raw(text: &Raw) -> &str {
    text.as_wire()
}
