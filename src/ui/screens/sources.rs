//! The sources: how each is doing, in every scope, with the last error and its cure; below them the applications that are in no cell.

use crate::app::Model;
use crate::base::Safe;
use crate::domain::fleet::{ScopeStatus, Source};
use crate::domain::observation::{Fallback, NOTICE, Scope, SourceState, World};
use crate::domain::unmapped::Unmapped;
use crate::domain::{AppKey, SourceId, SourceKind};
use crate::operations::oncall::Answer;
use crate::ui::header::Standing;
use crate::ui::look::{Look, Tone};
use crate::ui::moment::{Bytes, Clock, Moment};
use crate::ui::page::Page;

/// Where the columns of the table begin.
const STATE: u16 = 34;
const AGE: u16 = 50;
const REQUESTS: u16 = 57;
const BYTES: u16 = 67;
/// Room for the name of an Argo CD behind the name of an application, which is one line whatever happens.
const ARGOCD: u16 = 16;

pub(in crate::ui) fn write(page: &mut Page, look: Look, model: &Model, moment: Moment) {
    page.tone(Tone::Strong).say("SOURCES ").say(model.fleet.sources().len());
    page.tone(Tone::Quiet).column(STATE).say("state").column(AGE).say("heard").column(REQUESTS).say("requests").column(BYTES).say("bytes").end(0);
    if model.fleet.sources().is_empty() {
        page.say("  None: nothing is configured. Run  argocd login SERVER  or write ").say(&model.settings.file).say(".").end(2);
    }
    for (id, source) in model.fleet.sources() {
        one(page, look, model, moment, id, source);
    }
    let tasks = model.panics.iter().filter(|(source, _)| source.is_none());
    for (_, message) in tasks {
        page.tone(Tone::Broken).say("✖ a task of the program crashed: ").say(message).end(2);
    }
    if !model.operations.debts.is_empty() {
        page.blank();
        page.tone(Tone::Strong)
            .say("DEBT ")
            .say(model.operations.debts.len())
            .tone(Tone::Quiet)
            .say(look.keys.told("  what runs and what git wants were left apart: <ways-back> on the cell tells the ways back"))
            .end(0);
        for debt in &model.operations.debts {
            page.tone(Tone::Waiting).say("  ").say(debt.sentence()).end(4);
        }
    }
    posting(page, model);
    if !model.operations.others.is_empty() {
        page.blank();
        page.tone(Tone::Strong).say("OPEN ").say(model.operations.others.len());
        page.tone(Tone::Quiet).say(look.keys.told("  operations of others, by their commits: <operations> follows them")).end(0);
        for other in &model.operations.others {
            page.tone(Tone::Moving).say("  ").tone(Tone::Plain).say(other.sentence(moment.exact())).end(4);
        }
    }
    way_back(page, model);
    page.blank();
    in_no_cell(page, model);
}

/// How the handing over of the journal stands.
fn posting(page: &mut Page, model: &Model) {
    let Some(posting) = &model.operations.posting else { return };
    page.blank();
    page.tone(Tone::Strong).say("JOURNAL WEBHOOK").tone(Tone::Plain).say("  ");
    if let (Some(0), None) = (posting.waiting, &posting.trouble) {
        page.say("every line was taken");
    } else {
        page.tone(Tone::Waiting);
        match posting.waiting {
            Some(count) => page.say(crate::base::counted(count, "line waits", "lines wait")),
            None => page.say("how many lines wait is not known"),
        };
        if let Some(why) = &posting.trouble {
            page.say(": ").say(why).say(", tried again");
        }
    }
    page.end(4);
}

/// What stands between this person and a way back in production; that all is well is one line.
fn way_back(page: &mut Page, model: &Model) {
    let Some(report) = &model.operations.way_back.report else { return };
    page.blank();
    page.tone(Tone::Strong).say("WAY BACK").tone(Tone::Quiet).say("  could you go back in production now? asked at ").say(Clock(report.at)).end(0);
    let mut open = report.findings().filter(|(_, finding)| finding.answer != Answer::Yes).peekable();
    if open.peek().is_none() {
        page.say("  ✔ everything that was asked says yes").end(4);
    }
    for (part, finding) in open {
        let (sign, tone) = if finding.answer == Answer::No { ("  ✖ ", Tone::Broken) } else { ("  ? ", Tone::Info) };
        page.tone(tone).say(sign).tone(Tone::Plain).say(&part.name).say(if part.name.is_empty() { "" } else { ", " });
        page.say(&finding.what).say(": ").say(&finding.found).end(4);
        if let Some(cure) = &finding.cure {
            page.tone(Tone::Quiet).say("    ").say(cure).end(4);
        }
    }
}

fn one(page: &mut Page, look: Look, model: &Model, moment: Moment, id: &SourceId, source: &Source) {
    let standing = Standing::of(model, id, source);
    page.tone(Tone::Strong).say(id.kind).say(" ").cut(STATE - 9, id.name.shown().as_str());
    page.column(STATE).tone(standing.tone()).say(standing.glyph(look.glyphs)).tone(Tone::Plain).column(AGE);
    match source.heard_at {
        Some(at) => page.say(moment.heard(at)),
        None => page.say("never"),
    };
    page.column(REQUESTS).say(source.traffic.requests).column(BYTES).say(Bytes(source.traffic.bytes)).end(STATE);
    for (_, message) in model.panics.iter().filter(|(crashed, _)| crashed.as_ref() == Some(id)) {
        page.tone(Tone::Broken).say("    its reader crashed: ").say(message).end(4);
    }
    if id.kind == SourceKind::Argocd {
        instance(page, model, source);
    }
    if let Some((at, renewal)) = source.login_ends(model.now, NOTICE) {
        page.tone(Tone::Waiting).say("    The login ends at ").say(Clock(at));
        if at <= model.now {
            page.say(", which is over")
        } else {
            page.say(", in ").say(moment.until(at))
        };
        page.tone(Tone::Plain).say(": ").say(renewal).end(4);
    }
    for (scope, status) in &source.scopes {
        of_scope(page, moment, source, scope, status);
    }
    if source.scopes.is_empty() {
        page.say("    no answer yet").end(4);
    }
}

/// What is known of an Argo CD instance besides its state.
fn instance(page: &mut Page, model: &Model, source: &Source) {
    let facts = &source.instance;
    page.say("    ");
    match &facts.version {
        Some(version) => page.say("Argo CD ").say(version).say(", "),
        None => page.say("version not known, "),
    };
    match facts.reads {
        Some(World::Api) => page.say("read by its API"),
        Some(World::Cluster) => page.tone(Tone::Info).say("read from the objects in its cluster").tone(Tone::Plain),
        None => page.say("not read yet"),
    };
    match (&facts.fallback, facts.reads) {
        (_, Some(World::Cluster)) => {
            if let Some(why) = &facts.lost {
                page.say(", because its API was lost: ").say(why);
            }
        }
        (None, _) => {}
        (Some(Fallback::Ready), _) => {
            page.say("; its cluster ");
            if let Some(holder) = &facts.holder {
                page.say(holder.shown()).say(" ");
            }
            page.say("stands in if that fails");
        }
        (Some(Fallback::No(why)), _) => {
            page.say("; nothing stands in if that fails: ").say(why);
        }
    }
    page.end(4);
    if let Some(since) = source.controller_silent(model.now) {
        page.tone(Tone::Broken).say("    The controller has compared nothing with git since ").say(Clock(since));
        page.say(": what the API says is that old.").end(4);
    }
}

fn of_scope(page: &mut Page, moment: Moment, source: &Source, scope: &Scope, status: &ScopeStatus) {
    let tone = match status.state {
        SourceState::Live | SourceState::Connecting => Tone::Plain,
        SourceState::Waiting { .. } => Tone::Broken,
        SourceState::Denied { .. } => Tone::Waiting,
        SourceState::Off { .. } => Tone::Quiet,
    };
    page.say("    ").cut(STATE - 5, scope.shown().as_str()).column(STATE).tone(tone).say(status.state.word()).tone(Tone::Plain);
    if let Some(at) = source.confirmed_at(scope) {
        page.column(AGE).say(moment.heard(at));
    }
    page.end(4);
    match &status.state {
        SourceState::Connecting => {}
        // What went wrong before is told until the program ends: whoever looks later wants to know.
        SourceState::Live => {
            if let Some((at, why)) = &status.last_error {
                page.tone(Tone::Quiet).say("      last error at ").say(Clock(*at)).say(": ").say(why).end(6);
            }
        }
        SourceState::Waiting { until, why } => {
            page.tone(Tone::Broken).say("      ").say(why);
            match until {
                Some(at) => page.say("; again at ").say(Clock(*at)).end(6),
                None => page.say("; trying again now").end(6),
            }
        }
        SourceState::Denied { why, cure } => {
            page.tone(Tone::Waiting).say("      ").say(why).end(6);
            page.say("      ").say(cure).end(6);
        }
        SourceState::Off { why } => page.tone(Tone::Quiet).say("      ").say(why).end(6),
    }
}

/// The kinds of reasons, those with a cure first.
const KINDS: [&str; 8] =
    ["no-environment", "unknown-environment", "unknown-placement", "no-service", "conflict", "no-workloads", "ignored", "app-of-apps"];

fn in_no_cell(page: &mut Page, model: &Model) {
    let unmapped: Vec<(&AppKey, &Unmapped)> = model.fleet.unmapped().collect();
    page.tone(Tone::Strong).say("IN NO CELL ").say(unmapped.len()).end(0);
    if unmapped.is_empty() {
        page.say("  Every application that was read is in a cell.").end(2);
    }
    for kind in KINDS {
        let mut before: Option<&Unmapped> = None;
        for (key, unmapped) in unmapped.iter().filter(|(_, unmapped)| unmapped.word() == kind) {
            if before != Some(unmapped) {
                heading(page, unmapped);
                before = Some(unmapped);
            }
            if page.in_sight() {
                application(page, key);
            } else {
                page.pass(1);
            }
        }
    }
}

fn heading(page: &mut Page, unmapped: &Unmapped) {
    page.tone(Tone::Info).say("  ").say(unmapped.sentence()).end(2);
    if let Some(cure) = unmapped.cure() {
        page.say("  → ").say(cure).end(4);
    }
}

fn application(page: &mut Page, key: &AppKey) {
    let name: Safe = key.shown();
    let room = page.width().saturating_sub(6 + 2 + ARGOCD);
    page.say("      ").cut(room, name.as_str()).tone(Tone::Quiet).say("  ").cut(ARGOCD, key.argocd.shown().as_str()).end(6);
}
