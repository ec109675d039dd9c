//! A canary as the Rollouts plugin would describe it: computed from a Rollout and its replica sets.
//!
//! The rules are those of argo-rollouts `pkg/kubectl-argo-rollouts/info/rollout_info.go` (v1.9.1), retold.

use crate::base::{Safe, Timestamp};
use crate::domain::workload::{Container, Pause, ReplicaSet, RolloutPhase, RolloutStatus, Step, Strategy};

/// A change under way, or one that was turned back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// Phase of the Rollout.
    pub phase: RolloutPhase,
    /// What the controller says.
    pub message: Safe,
    /// Steps done, and all of them.
    pub step: usize,
    /// How many steps there are.
    pub steps: usize,
    /// Traffic asked for, in percent of the whole.
    pub weight_asked: u32,
    /// Traffic it really has. `None`: the replica sets are not known.
    pub weight_actual: Option<u32>,
    /// What it waits for.
    pub waits: Waits,
    /// Containers of the stable pods; empty when not known.
    pub stable: Box<[Container]>,
    /// Containers of the pods of the newest template, where it is not the stable one; empty when not known.
    pub canary: Box<[Container]>,
    /// Whether stable and newest are the same: no change is under way.
    pub settled: bool,
}

/// Whom or what a canary waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waits {
    /// Nothing: it moves, or it is done.
    Nothing,
    /// A pause that ends by itself.
    Until(Timestamp),
    /// A person.
    Person,
    /// An analysis that measures now.
    Analysis,
    /// It was aborted: users are on the stable version, the template still wants the new one.
    Aborted,
}

impl Canary {
    /// Describes a rollout. `sets` are the replica sets that it owns.
    pub fn read<'a>(rollout: &RolloutStatus, sets: impl Iterator<Item = &'a ReplicaSet>) -> Self {
        let (mut stable, mut current, mut sets_known) = (None, None, false);
        for set in sets {
            sets_known = true;
            if set.hash == rollout.stable_hash {
                stable = Some(set);
            }
            if set.hash == rollout.current_hash {
                current = Some(set);
            }
        }
        let settled = rollout.stable_hash == rollout.current_hash;
        // The plugin calls a replica set the canary only while it is not the stable one.
        let canary = current.filter(|_| !settled);
        let containers = |set: Option<&ReplicaSet>| set.map(|set| set.containers.clone()).unwrap_or_default();
        Self {
            phase: rollout.phase.clone(),
            message: rollout.message.clone(),
            step: rollout.step_index.unwrap_or_default(),
            steps: rollout.steps.len(),
            weight_asked: asked(rollout),
            weight_actual: actual(rollout, canary, sets_known),
            waits: waits(rollout, settled),
            stable: containers(stable),
            canary: containers(canary),
            settled,
        }
    }

    /// Whether traffic moves in steps. Where it does not (blue-green, or a canary without steps) a weight says nothing.
    #[must_use]
    pub const fn has_steps(&self) -> bool {
        self.steps > 0
    }
}

/// `SetWeight` of the plugin: 0 after an abort, the maximum when no step is left, else the nearest weight at or before the current step.
fn asked(rollout: &RolloutStatus) -> u32 {
    if rollout.aborted {
        return 0;
    }
    let Some(index) = rollout.step_index.filter(|index| *index < rollout.steps.len()) else { return rollout.max_weight };
    rollout.steps.iter().take(index + 1).rev().find_map(|step| if let Step::SetWeight(weight) = step { Some(*weight) } else { None }).unwrap_or(0)
}

/// `ActualWeight` of the plugin. It is 0 where no pod is available, and where there is no set of canary pods; it is not known before any replica set is.
fn actual(rollout: &RolloutStatus, canary: Option<&ReplicaSet>, sets_known: bool) -> Option<u32> {
    let done = rollout.step_index.is_none_or(|index| index >= rollout.steps.len());
    if done {
        return Some(rollout.max_weight);
    }
    if rollout.available == 0 {
        return Some(0);
    }
    if rollout.has_traffic_routing {
        return Some(rollout.routed_weight.unwrap_or_else(|| asked(rollout)));
    }
    let available = u64::from(canary.map_or(0, |set| set.available));
    let weight = available * u64::from(rollout.max_weight) / u64::from(rollout.available);
    sets_known.then(|| u32::try_from(weight).unwrap_or(u32::MAX))
}

fn waits(rollout: &RolloutStatus, settled: bool) -> Waits {
    if settled {
        return Waits::Nothing;
    }
    if rollout.aborted {
        return Waits::Aborted;
    }
    match &rollout.pause {
        Some(Pause::Until(moment)) => return Waits::Until(*moment),
        Some(Pause::Person | Pause::Inconclusive) => return Waits::Person,
        None => {}
    }
    let step = rollout.step_index.and_then(|index| rollout.steps.get(index));
    match step {
        Some(Step::Analysis) if rollout.strategy == Strategy::Canary => Waits::Analysis,
        _ => Waits::Nothing,
    }
}
