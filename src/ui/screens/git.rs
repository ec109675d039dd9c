//! What git wants of a placement: the version with the commit that brought it, what the environment before it has that it has not, and what was
//! wanted before.

use crate::app::Model;
use crate::base::{Raw, counted};
use crate::domain::fleet::{Missed, Placement, Step};
use crate::domain::{EnvironmentName, Known, ServiceName, link};
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
    let repository = repository(model, std::slice::from_ref(placement));
    for step in history.iter().take(SHOWN) {
        commit(page, step, repository, moment);
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
        page.say(counted(steps.len(), "change", "changes")).say(" of ").say(behind.from.shown()).end(WORDS);
        let before = behind_of(model, service, &behind.from).and_then(|placements| self::repository(model, placements));
        for step in steps {
            commit(page, step, before, moment);
        }
    }
}

/// The placements of the service in the environment that this one follows.
fn behind_of<'m>(model: &'m Model, service: &ServiceName, from: &EnvironmentName) -> Option<&'m [Placement]> {
    Some(&model.fleet.cell(service, from)?.placements)
}

/// The URL of the repository that these placements are told by. `None`: there are several, and a commit does not say of which it is.
fn repository<'m>(model: &'m Model, placements: &[Placement]) -> Option<&'m Raw> {
    let parts = placements.iter().flat_map(|placement| &placement.parts);
    let mut urls = parts.filter_map(|part| model.fleet.application(&part.app)?.value.repository());
    let first = urls.next()?;
    urls.all(|url| url == first).then_some(first)
}

fn commit(page: &mut Page, step: &Step, repository: Option<&Raw>, moment: Moment) {
    page.tone(Tone::Plain).say("  ").say(step.version.text.shown()).column(WHO);
    match &step.commit {
        Some(commit) => {
            page.cut(WHEN - WHO - 1, commit.author.as_str()).column(WHEN).tone(Tone::Quiet).say(moment.age(commit.at)).column(ID);
            page.lead(commit.short(), || link::of_commit(repository?, &commit.id)).column(SUBJECT).say(&commit.subject)
        }
        None => page.tone(Tone::Drift).say("not from a commit of its file"),
    };
    page.end(SUBJECT);
}
