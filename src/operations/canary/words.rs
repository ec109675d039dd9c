//! What a verb will do to a Rollout now, and what stays open afterwards, in sentences.

use super::facts::{Facts, StepKind};
use super::{Around, Verb, is_blue_green, version_of};
use crate::base::Safe;
use crate::safe;

/// The sentences for a verb that is not refused.
pub(super) fn of(verb: Verb, facts: &Facts, around: &Around) -> Vec<Safe> {
    let stable = named(around.stable.as_ref(), "the stable version");
    let newest = named(around.newest.as_ref(), "the new version");
    match verb {
        Verb::Pause => vec![Safe::clean("holds it where it is; what serves traffic now goes on to do so"), Safe::clean("resume lets it go on")],
        Verb::Resume => vec![resumed(facts, &newest)],
        Verb::NextStep if facts.is_paused() => vec![resumed(facts, &newest)],
        Verb::NextStep => next(facts),
        Verb::PromoteFully => {
            let mut words = vec![safe!("{newest} takes all traffic as soon as its pods are up, whatever steps are left")];
            words.extend(skipped(facts).map(|what| safe!("skips {what}")));
            words
        }
        Verb::Abort => {
            let how = if facts.has_traffic_routing || is_blue_green(facts) { "at once" } else { "pod by pod, as there is no traffic routing" };
            vec![safe!("traffic goes back to {stable}, {how}")]
        }
        Verb::Retry if is_blue_green(facts) => vec![safe!("brings {newest} up again beside {stable}")],
        Verb::Retry => vec![safe!("starts {newest} again from the first of {} steps", facts.steps.len())],
        Verb::Undo => undone(facts, around),
        Verb::Restart => vec![Safe::clean("replaces its pods a few at a time; the version stays")],
    }
}

/// What stays open afterwards.
pub(super) fn left(verb: Verb, around: &Around) -> Vec<Safe> {
    if verb != Verb::Abort {
        return Vec::new();
    }
    let wanted = named(around.wanted.as_ref().or(around.newest.as_ref()), "the new version");
    vec![safe!("git still wants {wanted}: a retry or the next change of the template starts it again")]
}

/// What promoting fully would leave out of analyses and experiments.
pub(super) fn skipped(facts: &Facts) -> Option<Safe> {
    let from = facts.step.unwrap_or(0);
    let left = facts.steps.iter().enumerate().skip(from);
    let named = left.filter_map(|(index, kind)| match kind {
        StepKind::Analysis => Some(format!("the analysis of step {}", index + 1)),
        StepKind::Experiment => Some(format!("the experiment of step {}", index + 1)),
        _ => None,
    });
    let beside = facts.has_analysis.then(|| if is_blue_green(facts) { "the analysis of the switch" } else { "the analysis in the background" });
    let all: Vec<_> = named.chain(beside.map(str::to_owned)).collect();
    (!all.is_empty()).then(|| Safe::clean(&all.join(", ")))
}

fn resumed(facts: &Facts, newest: &Safe) -> Safe {
    if is_blue_green(facts) {
        return safe!("switches traffic over to {newest}");
    }
    let pauses = facts.pauses.iter().flatten().count() > 0;
    match facts.current_step().filter(|_| pauses) {
        Some((index, _)) => safe!("ends the pause of step {}: {}", index + 1, ahead(facts, index)),
        None => Safe::clean("it goes on from where it is held"),
    }
}

fn next(facts: &Facts) -> Vec<Safe> {
    let Some((index, kind)) = facts.current_step() else { return Vec::new() };
    let left = match kind {
        StepKind::Analysis => safe!("skips the running analysis of step {}", index + 1),
        StepKind::Experiment => safe!("skips the running experiment of step {}", index + 1),
        StepKind::Weight(weight) => safe!("does not wait for the pods of step {} ({weight} %)", index + 1),
        StepKind::Pause | StepKind::Person => safe!("skips the pause of step {}", index + 1),
        StepKind::Other => safe!("leaves step {} before it is done", index + 1),
    };
    vec![left, ahead(facts, index)]
}

/// What comes after a step.
fn ahead(facts: &Facts, index: usize) -> Safe {
    let step = index.saturating_add(1);
    match facts.steps.get(step) {
        Some(StepKind::Weight(weight)) => safe!("next is {weight} % (step {})", step + 1),
        Some(StepKind::Pause | StepKind::Person) => safe!("next is a pause (step {})", step + 1),
        Some(StepKind::Analysis) => safe!("next is an analysis (step {})", step + 1),
        Some(StepKind::Experiment) => safe!("next is an experiment (step {})", step + 1),
        Some(StepKind::Other) => safe!("next is step {}", step + 1),
        None => Safe::clean("it was the last step: the new version takes all traffic"),
    }
}

fn undone(facts: &Facts, around: &Around) -> Vec<Safe> {
    let Some(target) = facts.undo_target() else { return Vec::new() };
    let version = version_of(&target.template).map_or_else(String::new, |version| format!(" ({version})"));
    let way = if target.hash == facts.stable_hash { "which is the stable one: without steps" } else { "with all its steps, as any change" };
    let mut words = vec![safe!("puts the template of revision {} back{version}, {way}", target.number)];
    let wanted = named(around.wanted.as_ref().or(around.newest.as_ref()), "another version");
    words.push(match around.automation {
        Some(automation) if automation.enabled && automation.self_heal => {
            safe!("Argo CD undoes it within seconds: auto-sync with self-heal is on, and git wants {wanted}")
        }
        Some(automation) if automation.enabled => safe!("git still wants {wanted}: Argo CD brings it back with the next commit"),
        Some(_) => safe!("git still wants {wanted}: the next sync brings it back"),
        None => safe!("git still wants {wanted}: whatever syncs it brings it back"),
    });
    words
}

fn named(version: Option<&Safe>, otherwise: &str) -> Safe {
    version.cloned().unwrap_or_else(|| Safe::clean(otherwise))
}
