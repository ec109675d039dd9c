//! The JSON Patches of the verbs. `add` sets a field whether it is there or not (RFC 6902, 4.1); `remove` and `test` need it to be there. The objects
//! have a `status` subresource: a patch of the status leaves the rest alone, and the other way round, but `test` sees all of it.

use serde_json::{Value, json};

use super::facts::{Facts, Revision};
use crate::base::{Raw, Timestamp};
use crate::operations::mutation::{Operation, Patch};

pub(super) fn pause(facts: &Facts) -> Patch {
    spec(facts, vec![add("/spec/paused", json!(true))])
}

pub(super) fn release(facts: &Facts) -> Patch {
    spec(facts, vec![add("/spec/paused", json!(false))])
}

pub(super) fn restart(facts: &Facts, now: Timestamp) -> Patch {
    spec(facts, vec![add("/spec/restartAt", json!(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()))])
}

pub(super) fn undo(facts: &Facts, target: &Revision) -> Patch {
    spec(facts, vec![Operation { op: "replace", path: "/spec/template".to_owned(), value: Some(target.template.clone()) }])
}

pub(super) fn abort(facts: &Facts) -> Patch {
    status(facts, None, vec![add("/status/abort", json!(true))])
}

pub(super) fn retry(facts: &Facts) -> Patch {
    status(facts, None, vec![add("/status/abort", json!(false))])
}

pub(super) fn promote_fully(facts: &Facts) -> Patch {
    status(facts, None, vec![add("/status/promoteFull", json!(true))])
}

/// Promotes a version fully that is still to come.
pub(super) fn hasten(facts: &Facts, hash: &Raw) -> Patch {
    let operations =
        vec![test("/metadata/uid", json!(facts.uid)), test("/status/currentPodHash", json!(hash)), add("/status/promoteFull", json!(true))];
    Patch { workload: facts.rollout.clone(), status: true, awaits: true, operations }
}

/// Lets it go on from the pause at which it was seen, and no later one.
pub(super) fn unpause(facts: &Facts) -> Patch {
    status(facts, facts.step, without_pauses(facts))
}

pub(super) fn skip_step(facts: &Facts, index: usize) -> Patch {
    let mut operations = without_pauses(facts);
    operations.push(add("/status/currentStepIndex", json!(after(facts, index))));
    status(facts, Some(index), operations)
}

/// The controller keeps a step whose analysis could not decide, so that the step is left as well.
pub(super) fn over_inconclusive(facts: &Facts) -> Patch {
    let mut operations = without_pauses(facts);
    operations.push(add("/status/controllerPause", json!(false)));
    operations.extend(facts.step.map(|index| add("/status/currentStepIndex", json!(after(facts, index)))));
    status(facts, facts.step, operations)
}

fn without_pauses(facts: &Facts) -> Vec<Operation> {
    let remove = || Operation { op: "remove", path: "/status/pauseConditions".to_owned(), value: None };
    facts.pauses.iter().map(|_reasons| remove()).collect()
}

fn after(facts: &Facts, index: usize) -> usize {
    index.saturating_add(1).min(facts.steps.len())
}

fn status(facts: &Facts, step: Option<usize>, operations: Vec<Operation>) -> Patch {
    let step = step.map(|index| test("/status/currentStepIndex", json!(index)));
    let operations = preconditions(facts).into_iter().chain(step).chain(operations).collect();
    Patch { workload: facts.rollout.clone(), status: true, awaits: false, operations }
}

fn spec(facts: &Facts, operations: Vec<Operation>) -> Patch {
    let operations = preconditions(facts).into_iter().chain(operations).collect();
    Patch { workload: facts.rollout.clone(), status: false, awaits: false, operations }
}

/// The same object, with the same newest version. A hash that lags behind the spec is about to change and is no condition.
fn preconditions(facts: &Facts) -> Vec<Operation> {
    let mut tests = vec![test("/metadata/uid", json!(facts.uid))];
    if facts.is_observed() {
        tests.push(test("/status/currentPodHash", json!(facts.current_hash)));
    }
    tests
}

fn test(path: &str, value: Value) -> Operation {
    Operation { op: "test", path: path.to_owned(), value: Some(value) }
}

fn add(path: &str, value: Value) -> Operation {
    Operation { op: "add", path: path.to_owned(), value: Some(value) }
}
