//! What may be done to a Rollout by hand, as the requests that do it, or why that would do nothing. The effect of each request is that of the plugin
//! `kubectl argo rollouts` (v1.9.1, `pkg/kubectl-argo-rollouts/cmd`); unlike the plugin's it is held to what was read: another object, another
//! template or another step, and nothing changes. Pure: no client, no clock.
//!
//! * [`Facts`]: the Rollout as it was read right before
//! * [`plan`]: a [`Verb`] and facts → [`Planned`], or a [`Refusal`]
//! * [`references`]: what the pods of a version read by name
//! * `patch` the requests, `words` what they will do

mod before;
mod facts;
mod patch;
pub mod references;
#[cfg(test)]
pub(in crate::operations) mod tests;
mod words;

use std::fmt;

pub use facts::{Facts, Revision, StepKind};

use super::Direction;
use super::mutation::Patch;
use crate::base::{Safe, Timestamp};
use crate::domain::application::Automation;
use crate::domain::image::Image;
use crate::domain::workload::Strategy;
use crate::safe;

/// What can be done to a Rollout by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Hold it where it is.
    Pause,
    /// Let it go on.
    Resume,
    /// Go on to the next step.
    NextStep,
    /// Leave out all that is left, and make the new version the stable one.
    PromoteFully,
    /// Send traffic back to the stable version.
    Abort,
    /// Try again what was aborted.
    Retry,
    /// Put the template of an earlier version back.
    Undo,
    /// Replace the pods, with no change of version.
    Restart,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 8] = [Self::Pause, Self::Resume, Self::NextStep, Self::PromoteFully, Self::Abort, Self::Retry, Self::Undo, Self::Restart];

    /// The word for a person.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::NextStep => "next step",
            Self::PromoteFully => "promote fully",
            Self::Abort => "abort",
            Self::Retry => "retry",
            Self::Undo => "undo",
            Self::Restart => "restart",
        }
    }

    /// Argo CD's action of this effect on a Rollout (`resource_customizations/argoproj.io/Rollout/actions`), for where its cluster is not reached; it has none
    /// for undo. An action is held to nothing that was read: it acts on whatever is there.
    #[must_use]
    pub const fn action(self) -> Option<&'static str> {
        match self {
            Self::Pause => Some("pause"),
            Self::Resume => Some("resume"),
            Self::NextStep => Some("skip-current-step"),
            Self::PromoteFully => Some("promote-full"),
            Self::Abort => Some("abort"),
            Self::Retry => Some("retry"),
            Self::Undo => None,
            Self::Restart => Some("restart"),
        }
    }

    /// Which way it leads. Undo goes back, but as a change of template: to a version that nothing here vouches for.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::Pause | Self::Abort => Direction::Safety,
            Self::Resume | Self::NextStep | Self::PromoteFully | Self::Retry | Self::Undo | Self::Restart => Direction::Risk,
        }
    }
}

/// What is known around a Rollout, for the words; whatever is not known is left unsaid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// The stable version.
    pub stable: Option<Safe>,
    /// The newest version.
    pub newest: Option<Safe>,
    /// The version that git wants.
    pub wanted: Option<Safe>,
    /// What Argo CD does by itself for its application.
    pub automation: Option<Automation>,
}

/// What a verb would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The requests, in order. The next is sent when the one before was taken.
    pub patches: Vec<Patch>,
    /// What they will do now: a sentence each.
    pub words: Vec<Safe>,
    /// What stays open afterwards.
    pub left: Vec<Safe>,
}

/// Why a verb is not for this Rollout now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The controller has not seen the newest spec yet: what is read says nothing.
    Wait,
    /// It would change nothing, or does not fit the state: the sentence says why.
    Idle(Safe),
    /// It would leave an analysis or an experiment out, and nobody said that it should.
    Skips(Safe),
    /// It cannot be done to this object: the sentence says why, and where instead.
    Elsewhere(Safe),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait => formatter.write_str("the Rollouts controller has not seen the newest change of this Rollout yet: wait a moment"),
            Self::Idle(why) | Self::Elsewhere(why) => fmt::Display::fmt(why, formatter),
            Self::Skips(what) => write!(formatter, "it would skip {what}: that has to be asked for"),
        }
    }
}

/// What a verb would do to a Rollout, or why it is not for it now. `skips`: the person said that an analysis or an experiment may be left out. The
/// facts must be read right before.
pub fn plan(verb: Verb, facts: &Facts, around: &Around, skips: bool, now: Timestamp) -> Result<Planned, Refusal> {
    if facts.deleting {
        return Err(idle("this Rollout is being deleted"));
    }
    // A pause holds whatever comes: there is nothing in the status that it rests on.
    if verb != Verb::Pause && !facts.is_observed() {
        return Err(Refusal::Wait);
    }
    let patches = match verb {
        Verb::Pause => pause(facts),
        Verb::Resume => resume(facts, skips),
        Verb::NextStep => next_step(facts, skips),
        Verb::PromoteFully => promote_fully(facts, skips),
        Verb::Abort => abort(facts),
        Verb::Retry => retry(facts),
        Verb::Undo => undo(facts),
        Verb::Restart => restart(facts, now),
    }?;
    Ok(Planned { words: words::of(verb, facts, around), left: words::left(verb, around), patches })
}

/// What makes a version that is put back stable at once, its steps and analyses left out: the replica set that it leads to is promoted fully as soon as it is
/// the newest. `images` before and after. An error says why nothing can be planned beforehand.
pub fn hasten(facts: &Facts, images: &[(Image, Image)]) -> Result<Planned, Safe> {
    if facts.deleting || !facts.is_observed() || !facts.is_settled() {
        return Err(Safe::clean("a change is under way"));
    }
    if facts.steps.is_empty() {
        return Err(Safe::clean("it has no steps to leave out"));
    }
    let revision = before::revision(facts, images)?;
    let words = vec![safe!(
        "once its pods are those of revision {} ({}), the steps that are left are left out, and analyses with them",
        revision.number,
        revision.hash.shown()
    )];
    Ok(Planned { patches: vec![patch::hasten(facts, &revision.hash)], words, left: Vec::new() })
}

fn pause(facts: &Facts) -> Result<Vec<Patch>, Refusal> {
    if facts.paused {
        return Err(idle("it is paused already, by a person"));
    }
    if facts.is_observed() {
        if facts.aborted {
            return Err(idle("it was aborted: nothing goes forward"));
        }
        if facts.is_settled() {
            return Err(idle("no change is under way: there is nothing to pause"));
        }
        // A pause that ends by itself, and a blue-green switch that comes by itself, are worth holding.
        let ends = is_blue_green(facts) || matches!(facts.current_step(), Some((_, StepKind::Pause)));
        let is_inconclusive = facts.pauses.iter().flatten().any(|reason| reason.as_wire().starts_with("Inconclusive"));
        if facts.is_paused() && (is_inconclusive || !ends) {
            return Err(idle("it waits for a person already"));
        }
    }
    Ok(vec![patch::pause(facts)])
}

fn resume(facts: &Facts, skips: bool) -> Result<Vec<Patch>, Refusal> {
    if !facts.is_paused() {
        return Err(idle("it is not paused"));
    }
    let mut patches = Vec::new();
    if let Some(reasons) = facts.pauses.as_ref().filter(|reasons| !reasons.is_empty()) {
        let is_inconclusive = facts.step_analysis.as_ref().is_some_and(|phase| phase.as_wire() == "Inconclusive");
        if is_inconclusive && facts.controller_pause {
            if !skips {
                return Err(Refusal::Skips(Safe::clean("the analysis of this step, which could not decide")));
            }
            patches.push(patch::over_inconclusive(facts));
        } else if !skips && reasons.iter().any(|reason| reason.as_wire() == "InconclusiveExperiment") {
            return Err(Refusal::Skips(Safe::clean("the experiment of this step, which could not decide")));
        } else {
            patches.push(patch::unpause(facts));
        }
    }
    if facts.paused {
        patches.push(patch::release(facts));
    }
    Ok(patches)
}

fn next_step(facts: &Facts, skips: bool) -> Result<Vec<Patch>, Refusal> {
    is_under_way(facts)?;
    if is_blue_green(facts) {
        return Err(Refusal::Elsewhere(Safe::clean("a blue-green change has no steps: resume switches it over")));
    }
    if facts.is_paused() {
        return resume(facts, skips);
    }
    if facts.steps.is_empty() {
        return Err(idle("its canary has no steps"));
    }
    let Some((index, kind)) = facts.current_step() else { return Err(idle("all steps are done: its last pods are on their way")) };
    match kind {
        StepKind::Analysis if !skips => Err(Refusal::Skips(safe!("the analysis that runs in step {}", index + 1))),
        StepKind::Experiment if !skips => Err(Refusal::Skips(safe!("the experiment that runs in step {}", index + 1))),
        _ => Ok(vec![patch::skip_step(facts, index)]),
    }
}

fn promote_fully(facts: &Facts, skips: bool) -> Result<Vec<Patch>, Refusal> {
    is_under_way(facts)?;
    if !skips && let Some(skipped) = words::skipped(facts) {
        return Err(Refusal::Skips(skipped));
    }
    let mut patches = vec![patch::promote_fully(facts)];
    if facts.paused {
        patches.push(patch::release(facts));
    }
    Ok(patches)
}

fn abort(facts: &Facts) -> Result<Vec<Patch>, Refusal> {
    if facts.aborted {
        return Err(idle("it was aborted already"));
    }
    if facts.is_settled() {
        return Err(idle("no change is under way: the newest version is the stable one. The way back is a version in git"));
    }
    if facts.stable_hash.is_empty() {
        return Err(idle("no version was ever stable here: there is none to go back to"));
    }
    Ok(vec![patch::abort(facts)])
}

fn retry(facts: &Facts) -> Result<Vec<Patch>, Refusal> {
    if facts.aborted { Ok(vec![patch::retry(facts)]) } else { Err(idle("it was not aborted")) }
}

fn undo(facts: &Facts) -> Result<Vec<Patch>, Refusal> {
    let template = match (&facts.template, &facts.template_in) {
        (_, Some((kind, name))) => {
            return Err(Refusal::Elsewhere(safe!("its template stands in {} {}: undo it there, or in git", kind.shown(), name.shown())));
        }
        (None, None) => return Err(Refusal::Elsewhere(Safe::clean("it has no template of its own"))),
        (Some(template), None) => template,
    };
    let Some(target) = facts.undo_target() else { return Err(idle("there is no earlier version left to go back to")) };
    if target.hash == facts.current_hash || target.template == *template {
        return Err(idle("the earlier version has the same template"));
    }
    Ok(vec![patch::undo(facts, target)])
}

fn restart(facts: &Facts, now: Timestamp) -> Result<Vec<Patch>, Refusal> {
    if facts.restart_at.is_some() && facts.restart_at != facts.restarted_at {
        return Err(idle("a restart is under way already"));
    }
    Ok(vec![patch::restart(facts, now)])
}

/// Whether a change is on its way that can be moved forward.
fn is_under_way(facts: &Facts) -> Result<(), Refusal> {
    if facts.is_settled() {
        Err(idle("no change is under way: the newest version is the stable one"))
    } else if facts.aborted {
        Err(idle("it was aborted: a retry starts it again"))
    } else if facts.promoting_fully {
        Err(idle("it is being promoted fully already"))
    } else if facts.stable_hash.is_empty() {
        Err(idle("its first version comes up without steps"))
    } else {
        Ok(())
    }
}

fn is_blue_green(facts: &Facts) -> bool {
    facts.strategy == Strategy::BlueGreen
}

fn idle(why: &str) -> Refusal {
    Refusal::Idle(Safe::clean(why))
}

/// The images of a pod template.
fn version_of(template: &serde_json::Value) -> Option<Safe> {
    let containers = template.pointer("/spec/containers")?.as_array()?;
    let images: Vec<_> = containers.iter().filter_map(|container| container.get("image")?.as_str()).collect();
    (!images.is_empty()).then(|| Safe::clean(&images.join(", ")))
}
