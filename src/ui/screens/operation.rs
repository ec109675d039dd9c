//! An operation: what was sent, how far it has come, how it ended, and what to do next.

use crate::app::Model;
use crate::app::operation::{Ended, Timing, Underway, beside, timing, underway};
use crate::base::OperationId;
use crate::base::time::{Between, Lasted};
use crate::operations::following::{Followed, Ladder, Route, Rung, State};
use crate::operations::protocol::Settled;
use crate::ui::look::{Look, Tone};
use crate::ui::moment::{Clock, Moment};
use crate::ui::page::Page;

/// Where times, lengths of time and words stand.
const TIME: u16 = 19;
const TOOK: u16 = 29;
const WORDS: u16 = 41;

pub(in crate::ui) fn write(page: &mut Page, look: Look, model: &Model, id: &OperationId, moment: Moment) {
    let Some(operation) = model.operations.underway.get(id) else {
        page.say("This operation is not known here any more.").end(0);
        return;
    };
    title(page, id, operation);
    page.blank();
    for (at, words, settled) in &operation.settled {
        let (tone, sign) = match settled {
            Settled::Done(_) => (Tone::Plain, "✔"),
            Settled::NotDone(_) => (Tone::Broken, "✖"),
            Settled::Unknown(_) => (Tone::Waiting, "?"),
        };
        page.tone(tone).say(" ").say(sign).tone(Tone::Plain).say(" ").say(words).say("  ").tone(Tone::Quiet).say(at.strftime("%H:%M:%S")).end(3);
        match settled {
            Settled::Done(crate::operations::mutation::Receipt::Committed { commit, rebuilt }) => {
                let short = commit.shown().as_str().get(..10).unwrap_or_default().to_owned();
                page.tone(Tone::Quiet).say("   ").say(short);
                if *rebuilt > 0 {
                    page.say(", made anew ").say(rebuilt).say(" times because others pushed");
                }
                page.end(3);
            }
            Settled::Done(crate::operations::mutation::Receipt::Opened { number, url }) => {
                page.tone(Tone::Quiet).say("   #").say(number).say(" ").say(url).end(3);
            }
            Settled::Done(crate::operations::mutation::Receipt::Beside { commit, link }) => {
                let short = commit.shown().as_str().get(..10).unwrap_or_default().to_owned();
                page.tone(Tone::Quiet).say("   ").say(short);
                if let Some(link) = link {
                    page.say(", to be proposed at ").say(link);
                }
                page.end(3);
            }
            Settled::NotDone(rejection) => page.say("   ").say(&rejection.why).end(3),
            Settled::Unknown(why) => page.say("   ").say(why).end(3),
            Settled::Done(_) => {}
        }
    }
    if let Some(doing) = &operation.doing {
        page.tone(Tone::Moving).say(" ◐ ").tone(Tone::Plain).say(doing).end(3);
    }
    let measured = timing(model, operation);
    if let Some(ladder) = &operation.ladder {
        rungs(page, ladder, &measured);
    }
    page.blank();
    lasts(page, operation, &measured);
    standing(page, look, operation);
    beside(page, model, id, moment);
}

fn title(page: &mut Page, id: &OperationId, operation: &Underway) {
    page.tone(Tone::Strong).say(&operation.title).tone(Tone::Quiet).say("   operation ").say(id.short());
    page.say("   since ").say(Clock(operation.began));
    if let Some(name) = operation.by.names.first() {
        page.say(" by ").say(name);
    }
    if let Some(reason) = &operation.reason {
        page.say("   reason: ").say(reason);
    }
    page.end(2);
}

/// The others, which the arrows lead to.
fn beside(page: &mut Page, model: &Model, id: &OperationId, moment: Moment) {
    let all = beside::all(model);
    if all.len() < 2 {
        return;
    }
    page.blank();
    let place = all.iter().position(|other| *other == id).unwrap_or_default();
    page.tone(Tone::Info).say("← →  the other operations").tone(Tone::Quiet).say(" (").say(place + 1).say(" of ").say(all.len()).say(")").end(2);
    for other in model.operations.others.iter().filter(|other| other.id != *id) {
        page.tone(Tone::Moving).say("  ").tone(Tone::Plain).say(other.sentence(moment.exact())).end(4);
    }
}

fn rungs(page: &mut Page, ladder: &Ladder, measured: &Timing) {
    let now = ladder.rungs.iter().position(|step| step.at.is_none());
    for (index, step) in ladder.rungs.iter().enumerate() {
        let (tone, sign) = match step.at {
            Some(_) => (Tone::Plain, "✔"),
            None if now == Some(index) => (Tone::Moving, "◐"),
            None => (Tone::Quiet, "○"),
        };
        page.tone(tone).say(" ").say(sign).say(" ").say(step.rung.word()).tone(Tone::Plain).column(TIME);
        if let Some(at) = step.at {
            page.tone(Tone::Quiet).say(at.strftime("%H:%M:%S")).tone(Tone::Plain);
        }
        let measure = measured.rungs.get(index);
        if let Some(took) = measure.and_then(|rung| rung.took) {
            page.column(TOOK).say(Lasted(took));
        }
        page.column(WORDS);
        if let Some((pace, expected)) = measure.and_then(|pace| Some((pace, pace.expected?))) {
            let tone = if pace.is_overdue { Tone::Waiting } else { Tone::Quiet };
            page.tone(tone).say("of ").say(Between(expected.from, expected.to));
            if pace.is_overdue {
                page.say(", longer than ever before");
            }
            page.say(" (n ").say(expected.n).say(")").tone(Tone::Plain).say(if step.words.is_empty() { "" } else { "  " });
        }
        page.say(&step.words).end(WORDS);
    }
}

/// How long it takes, and how long it took before.
fn lasts(page: &mut Page, operation: &Underway, measured: &Timing) {
    if operation.ended.is_some() {
        page.tone(Tone::Quiet).say("Took ").say(Lasted(measured.took)).say(".").end(2);
        return;
    }
    page.say("Elapsed ").say(Lasted(measured.took)).say(", expected ").say(measured.expected.words());
    if measured.is_overdue {
        page.tone(Tone::Waiting).say(": longer than ever before");
    }
    page.end(2);
}

/// What a person can do where something waits for one.
fn at_hand(operation: &Underway) -> &'static str {
    let is_open = |followed: &Followed| followed.route != Route::Push && !followed.reached.contains_key(&Rung::Committed);
    match &operation.followed {
        Some(followed) if is_open(followed) && matches!(followed.route, Route::Pull(_)) => "<merge> merges it, once nothing is missing.",
        Some(followed) if is_open(followed) => "It is followed from there.",
        _ => "<next-step> on its cell lets it go on; <ways-back> tells the ways back.",
    }
}

fn standing(page: &mut Page, look: Look, operation: &Underway) {
    match &operation.ended {
        Some((at, Ended::Done(words))) => {
            page.tone(Tone::Strong).say("Done").tone(Tone::Plain).say(": ").say(words).say(" at ").say(at.strftime("%H:%M:%SZ")).say(".").end(2);
        }
        Some((at, Ended::Failed(why, cure))) => {
            page.tone(Tone::Broken).say("Failed").tone(Tone::Plain).say(" at ").say(at.strftime("%H:%M:%SZ")).say(": ").say(why).end(2);
            page.say(cure).end(2);
        }
        Some((at, Ended::Unknown(why))) => {
            page.tone(Tone::Waiting).say("Unknown").tone(Tone::Plain).say(" since ").say(at.strftime("%H:%M:%SZ")).say(": ").say(why).end(2);
            page.say("It is not sent again: look whether it was done, then plan anew.").end(2);
        }
        None => {
            match operation.ladder.as_ref().map(|ladder| &ladder.state) {
                Some(State::Waits(what)) => {
                    page.tone(Tone::Waiting).say("Waits: ").tone(Tone::Plain).say(what).end(2);
                    page.tone(Tone::Info).say(look.keys.told(at_hand(operation))).end(2);
                }
                Some(State::Held(what)) => page.tone(Tone::Waiting).say("Held up: ").tone(Tone::Plain).say(what).end(2),
                Some(State::Stuck(why)) => page.tone(Tone::Broken).say("Stuck: ").tone(Tone::Plain).say(why).end(2),
                Some(State::Blind(why)) => page.tone(Tone::Stale).say("Cannot be told now: ").say(why).end(2),
                Some(State::Failed(why)) => page.tone(Tone::Broken).say("Looks failed: ").tone(Tone::Plain).say(why).end(2),
                _ => {}
            }
            if operation.is_followed_only {
                page.tone(Tone::Quiet)
                    .say("Followed from its commit: who began it carries it, and nothing is sent or put on record for it from here.")
                    .end(2);
                return;
            }
            let (goes_on, does_not) = underway::leaves(operation);
            page.tone(Tone::Quiet).say(look.keys.told("<back> leaves this screen. When the cockpit is closed")).end(2);
            for what in goes_on {
                page.tone(Tone::Quiet).say("  goes on by itself: ").say(what).end(4);
            }
            for what in does_not {
                page.tone(Tone::Quiet).say("  does not: ").say(what).end(4);
            }
        }
    }
}
