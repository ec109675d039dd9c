//! Argo CD in place of a cluster that is not reached from here: which of its actions does what the patches of a verb would, and what is not guarded then.
//! It knows nothing of how either is asked.

use std::collections::BTreeMap;

use super::canary::{Facts, Verb};
use super::mutation::{Acting, Mutation, Operation, Patch, Target};
use crate::base::Safe;
use crate::domain::AppKey;
use crate::domain::workload::WorkloadKey;

/// Rollouts as they were read, each right before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rollouts {
    /// Each, or why it was not read.
    pub facts: BTreeMap<WorkloadKey, Result<Facts, Safe>>,
    /// Those that Argo CD is asked to change.
    pub instead: BTreeMap<WorkloadKey, Instead>,
    /// Of applications whose clusters did not tell, which ones Argo CD lists, or why that is not known.
    pub listed: BTreeMap<AppKey, Result<Vec<WorkloadKey>, Safe>>,
}

/// Argo CD is asked to change a Rollout, since its cluster is not reached from here. What is known of it is from Argo CD too, which does not tell its replica
/// sets. Where a cluster answers and lets nobody in, this is no way around that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// The application that the Rollout belongs to.
    pub target: Target,
    /// Why its cluster is not asked.
    pub why: Safe,
}

/// What is sent for the patches that were planned, and what a person should know of that. An error says why it cannot be sent.
pub(super) fn sent(verb: Verb, patches: Vec<Patch>, facts: &Facts, instead: Option<&Instead>) -> Result<(Vec<Mutation>, Vec<Safe>), Safe> {
    let Some(instead) = instead else { return Ok((patches.into_iter().map(Mutation::Patch).collect(), Vec::new())) };
    let why = &instead.why;
    let acts = actions(verb, patches, facts).map_err(|unfit| crate::safe!("{why}, and {unfit}"))?;
    let guard = "an action of Argo CD is held to nothing: the Rollout is read again right before and must be the same, with the same pods and at the same \
                 step; a change within the moment after that is not noticed";
    let mut words = vec![crate::safe!("it goes through Argo CD, because {why}"), Safe::clean(guard)];
    if matches!(verb, Verb::Abort) {
        words
            .push(Safe::clean("whether what the stable version refers to (ConfigMaps, Secrets) is still there is not known: only its cluster tells"));
    }
    let act = |(action, patch)| Mutation::Act(Box::new(Acting { target: instead.target.clone(), action, patch }));
    Ok((acts.into_iter().map(act).collect(), words))
}

/// The actions that come to the same (argo-cd `resource_customizations/argoproj.io/Rollout/actions`): each with the patch that it stands for.
fn actions(verb: Verb, patches: Vec<Patch>, facts: &Facts) -> Result<Vec<(&'static str, Patch)>, Safe> {
    let has = |patch: &Patch, path: &str| patch.operations.iter().any(|operation| operation.op != "test" && operation.path == path);
    if patches.iter().any(|patch| has(patch, "/status/controllerPause")) {
        return Err(Safe::clean("Argo CD has no action that leaves an analysis behind which could not decide"));
    }
    let action = verb.action().ok_or_else(|| crate::safe!("Argo CD has no action for {}", verb.word()))?;
    Ok(match verb {
        // One action lets go whatever holds it.
        Verb::Resume | Verb::NextStep if facts.is_paused() => merged(patches).map(|patch| ("resume", patch)).into_iter().collect(),
        // The second lets go what a person holds.
        Verb::PromoteFully => patches.into_iter().map(|patch| (if patch.status { action } else { "resume" }, patch)).collect(),
        Verb::Restart => patches.into_iter().map(|patch| (action, restarted(patch, facts))).collect(),
        _ => patches.into_iter().map(|patch| (action, patch)).collect(),
    })
}

fn merged(patches: Vec<Patch>) -> Option<Patch> {
    patches.into_iter().reduce(|mut one, other| {
        let more: Vec<Operation> = other.operations.into_iter().filter(|operation| !one.operations.contains(operation)).collect();
        one.operations.extend(more);
        one
    })
}

/// Argo CD takes its own time: by another one than before it is seen that it was done.
fn restarted(mut patch: Patch, facts: &Facts) -> Patch {
    let before = facts.restart_at.iter();
    let tests = before.map(|at| Operation { op: "test", path: "/spec/restartAt".to_owned(), value: Some(at.as_wire().into()) });
    patch.operations.splice(0..0, tests);
    patch
}
