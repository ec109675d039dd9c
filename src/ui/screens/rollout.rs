//! A Rollout on the screen of its cell: the steps of its canary, and what a person can do about it now. Whether it may be done is for the preview to say.

use crate::app::Intent;
use crate::app::command::find;
use crate::domain::canary::Waits;
use crate::domain::fleet::Placement;
use crate::domain::workload::{Progress, RolloutStatus, Step};
use crate::operations::canary::Verb;
use crate::ui::look::{Look, Tone};
use crate::ui::page::Page;

/// The steps of a canary in one line: those done, the one that runs, those to come.
pub(super) fn ladder(page: &mut Page, rollout: &RolloutStatus, progress: &Progress) {
    let change = rollout.stable_hash != rollout.current_hash;
    if !change || rollout.steps.is_empty() {
        return;
    }
    let current = rollout.step_index.unwrap_or_default();
    page.say("    steps ");
    for (index, step) in rollout.steps.iter().enumerate() {
        let (tone, sign) = match index.cmp(&current) {
            _ if rollout.aborted => (Tone::Quiet, "○"),
            std::cmp::Ordering::Less => (Tone::Plain, "✔"),
            std::cmp::Ordering::Equal => (Tone::Waiting, "▸"),
            std::cmp::Ordering::Greater => (Tone::Quiet, "○"),
        };
        page.tone(tone).say(if index == 0 { "" } else { "  " }).say(sign).say(" ");
        match step {
            Step::SetWeight(weight) => page.say(weight).say("%"),
            Step::Pause(Some(seconds)) => page.say("pause ").say(seconds).say("s"),
            Step::Pause(None) => page.say("pause for a person"),
            Step::Analysis => page.say("analysis"),
            Step::Experiment => page.say("experiment"),
            Step::Other(name) => page.say(name),
        };
    }
    page.end(10);
    let said = match progress {
        Progress::Waiting(what) | Progress::Failed(what) => what.as_str().ends_with(rollout.message.as_str()),
        Progress::Done => false,
    };
    if !said {
        page.say("    ").say(rollout.phase.word()).say(": ").say(&rollout.message).end(4);
    }
    if let Some((name, phase)) = &rollout.analysis {
        page.say("    analysis ").say(name.shown()).say(": ").say(phase).end(4);
    }
}

/// What can be done about the canary that is open here, with its keys: whoever was woken looks here first.
pub(super) fn offers(page: &mut Page, look: Look, placement: &Placement) {
    let Some(canary) = placement.open_canary() else { return };
    let intents: &[Intent] = match canary.waits {
        Waits::Aborted => &[Intent::Ways, Intent::Canary(Verb::Retry)],
        Waits::Person => &[Intent::Canary(Verb::NextStep), Intent::Canary(Verb::PromoteFully), Intent::Canary(Verb::Abort), Intent::Ways],
        Waits::Nothing | Waits::Until(_) | Waits::Analysis => &[Intent::Canary(Verb::Pause), Intent::Canary(Verb::Abort), Intent::Ways],
    };
    page.tone(Tone::Info).say("    ");
    for (index, intent) in intents.iter().enumerate() {
        let Some(command) = find(*intent) else { continue };
        // What has no key of its own is found by its name.
        let own = look.keys.of(*intent);
        let key = if own.is_empty() { look.keys.of(Intent::Palette) } else { own };
        page.say(if index == 0 { "" } else { "   " }).say(look.key(key)).say(" ").say(command.title);
    }
    page.end(4);
}
