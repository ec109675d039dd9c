//! What git wants of a placement: the version with the commit that brought it, what the environment before it has that it has not, and what was
//! wanted before.

use crate::app::Model;
use crate::domain::fleet::{Missed, Placement, Step};
use crate::domain::{Known, ServiceName};
use crate::ui::look::Tone;
use crate::ui::moment::Moment;
use crate::ui::page::Page;

/// Where the words behind a heading begin.
const WORDS: u16 = 13;
/// Where author and time of a commit stand.
const WHO: u16 = 28;
const WHEN: u16 = 44;
const ID: u16 = 50;
const SUBJECT: u16 = 59;
/// More of what was wanted before is in the repository's log.
const SHOWN: usize = 8;

pub(super) fn write(page: &mut Page, model: &Model, service: &ServiceName, placement: &Placement, moment: Moment) {
    let Some(wanted) = &placement.wanted else { return };
    page.blank();
    page.tone(Tone::Strong).say("GIT WANTS").tone(Tone::Plain).column(WORDS);
    match &wanted.versions {
        Known::Known(versions) => {
            for (index, version) in versions.iter().enumerate() {
                page.say(if index == 0 { "" } else { " and " }).say(version.text.shown());
            }
        }
        Known::Unknown(why) => {
            page.say("not known: ").say(why);
        }
    }
    if let Some(file) = &wanted.file {
        page.tone(Tone::Quiet).say(" in ").say(file.shown());
    }
    page.end(WORDS);
    if let Some(what) = &wanted.overridden {
        page.tone(Tone::Drift).say("  ").say(what).say(" overrides the file").end(4);
    }
    if let Some(stale) = model.fleet.wanted_stale(placement) {
        page.tone(Tone::Stale).say("  last read ");
        match stale.since {
            Some(at) => page.say(moment.age(at)).say(" ago: "),
            None => page.say("before the start: "),
        };
        page.say(&stale.why).end(4);
    }
    let history = model.fleet.wanted_before(service, placement);
    for step in history.iter().take(SHOWN) {
        commit(page, step, moment);
    }
    if history.len() > SHOWN {
        page.tone(Tone::Quiet).say("  and ").say(history.len() - SHOWN).say(" before").end(2);
    }
    if let Some(behind) = &placement.behind
        && let Missed::Steps(steps) = &behind.missed
        && !steps.is_empty()
    {
        page.blank();
        page.tone(Tone::Strong).say("TO COME").tone(Tone::Plain).column(WORDS);
        page.say(steps.len()).say(if steps.len() == 1 { " change of " } else { " changes of " }).say(behind.from.shown()).end(WORDS);
        for step in steps {
            commit(page, step, moment);
        }
    }
}

fn commit(page: &mut Page, step: &Step, moment: Moment) {
    page.tone(Tone::Plain).say("  ").say(step.version.text.shown()).column(WHO);
    match &step.commit {
        Some(commit) => {
            page.cut(WHEN - WHO - 1, commit.author.as_str()).column(WHEN).tone(Tone::Quiet).say(moment.age(commit.at)).column(ID);
            page.say(commit.short()).column(SUBJECT).say(&commit.subject)
        }
        None => page.tone(Tone::Drift).say("not from a commit of its file"),
    };
    page.end(SUBJECT);
}
