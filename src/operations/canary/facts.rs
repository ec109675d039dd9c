//! A Rollout as it was read right before something is done to it: what decides what a verb would do, and what its patch is held to. Plain values; of
//! how they were read nothing is known here.

use serde_json::Value;

use super::references::Reference;
use crate::base::{Raw, Timestamp};
use crate::domain::workload::{Strategy, WorkloadKey};

/// A Rollout and its replica sets, as read at one moment.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the object of its own, and all combinations of them occur")]
pub struct Facts {
    /// Which one.
    pub rollout: WorkloadKey,
    /// `metadata.uid`: another one is another object, whatever its name.
    pub uid: Raw,
    /// `metadata.resourceVersion`: while it is the same, nothing was changed.
    pub resource_version: Raw,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`, a string on the wire.
    pub observed_generation: Raw,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// How it changes versions.
    pub strategy: Strategy,
    /// Whether analyses belong to the strategy itself: in the background of a canary, before or after a blue-green switch.
    pub has_analysis: bool,
    /// Whether a traffic router makes the weights; otherwise the numbers of pods do.
    pub has_traffic_routing: bool,
    /// The steps of its canary.
    pub steps: Vec<StepKind>,
    /// `status.currentStepIndex`; equal to the number of steps when all are done.
    pub step: Option<usize>,
    /// `status.currentPodHash`: the newest template's pods.
    pub current_hash: Raw,
    /// `status.stableRS`: the stable pods. Empty before the first version was ever stable.
    pub stable_hash: Raw,
    /// `spec.paused`: held by a person.
    pub paused: bool,
    /// The reasons in `status.pauseConditions`; `None`: the field is not there.
    pub pauses: Option<Vec<Raw>>,
    /// `status.controllerPause`.
    pub controller_pause: bool,
    /// `status.abort`.
    pub aborted: bool,
    /// `status.promoteFull`.
    pub promoting_fully: bool,
    /// The phase of the analysis run of the current step.
    pub step_analysis: Option<Raw>,
    /// `spec.template`; `None` where it stands elsewhere.
    pub template: Option<Value>,
    /// Kind and name of the object with its template, where a `workloadRef` says so.
    pub template_in: Option<(Raw, Raw)>,
    /// Its replica sets.
    pub revisions: Vec<Revision>,
    /// What the stable version's pods read by name, while another version is on its way.
    pub references: Vec<Reference>,
    /// `spec.restartAt`.
    pub restart_at: Option<Raw>,
    /// `status.restartedAt`.
    pub restarted_at: Option<Raw>,
}

/// What a step of a canary does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// Sends so much traffic to the canary, in percent.
    Weight(u32),
    /// Waits for time to pass.
    Pause,
    /// Waits for a person.
    Person,
    /// Measures.
    Analysis,
    /// Runs an experiment.
    Experiment,
    /// Anything else.
    Other,
}

/// One replica set of a Rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// The hash of its pod template.
    pub hash: Raw,
    /// The annotation `rollout.argoproj.io/revision`.
    pub number: i64,
    /// Its pod template, without the label that holds the hash.
    pub template: Value,
    /// When it was made: one that comes back is older than the one that it takes over from.
    pub made_at: Option<Timestamp>,
}

impl Facts {
    /// Whether the controller has seen the newest spec. Text that is no number, or is ahead, counts as seen, as for the plugin (`GetRolloutPhase`).
    #[must_use]
    pub fn is_observed(&self) -> bool {
        let observed = self.observed_generation.as_wire();
        !self.current_hash.is_empty() && !observed.parse::<i64>().is_ok_and(|observed| observed < self.generation)
    }

    /// Whether the newest version is the stable one: no change is under way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.current_hash.is_empty() && self.current_hash == self.stable_hash
    }

    /// Whether it stands still until somebody, or time, lets it go on.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused || self.pauses.as_ref().is_some_and(|reasons| !reasons.is_empty())
    }

    /// Index and kind of the step it stands at; `None` when all are done, and without steps.
    #[must_use]
    pub fn current_step(&self) -> Option<(usize, StepKind)> {
        let index = self.step?;
        Some((index, *self.steps.get(index)?))
    }

    /// The replica set of a pod template.
    #[must_use]
    pub fn revision(&self, hash: &Raw) -> Option<&Revision> {
        self.revisions.iter().find(|revision| revision.hash == *hash)
    }

    /// Whether its newest version is one of before: its replica set was made before that of the stable version.
    #[must_use]
    pub fn comes_back(&self) -> bool {
        let made_at = |hash: &Raw| self.revision(hash)?.made_at;
        matches!((made_at(&self.current_hash), made_at(&self.stable_hash)), (Some(newest), Some(stable)) if newest < stable)
    }

    /// Where undoing leads: the stable version while a change is under way, else the second highest revision. None of its own hash.
    #[must_use]
    pub fn undo_target(&self) -> Option<&Revision> {
        if !self.is_settled() {
            return self.revision(&self.stable_hash);
        }
        self.revisions.iter().filter(|revision| revision.hash != self.current_hash).max_by_key(|revision| revision.number)
    }
}
