//! `changes`: what changed lately, everywhere, as the cockpit shows it under `t`: a table for people and pipes, or JSON by `docs/changes.schema.json`.

use std::fmt::Write as _;
use std::time::Duration;

use color_eyre::eyre::Result;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::{Exit, print};
use crate::app::changes::ChangesState;
use crate::app::filter::Filter;
use crate::app::{Model, Screen};
use crate::base::{Safe, Timestamp};
use crate::config::Config;
use crate::domain::timeline::{Happened, Kind, Place};
use crate::runtime::{headless, report, tokio_runtime};

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) json: bool,
    pub(super) filter: &'a str,
    pub(super) since: Duration,
    pub(super) timeout: Duration,
}

/// A day: longer windows tell the date.
const DAY: Duration = Duration::from_hours(24);

pub(super) fn run(config: &Config, wanted: &Wanted<'_>) -> Result<Exit> {
    let runtime = tokio_runtime()?;
    let (model, answered) = runtime.block_on(headless::changes(config, wanted.since, wanted.timeout));
    runtime.shutdown_background();
    for remark in &config.remarks {
        report::print_error(&format!("tiphys: {remark}"));
    }
    let Screen::Changes(state) = &model.screen else { return Ok(Exit::Failed) };
    let filter = Filter::read(wanted.filter);
    if wanted.json {
        print(&format!("{}\n", serde_json::to_string(&Answer::of(&model, state, &filter))?));
    } else {
        print(&text(state, &filter, wanted.since > DAY));
    }
    let settled = model.fleet.sources().values().flat_map(|source| source.scopes.values()).all(|status| status.state.is_settled());
    Ok(if answered && settled && model.unanswered.is_empty() { Exit::Done } else { Exit::NoAnswer })
}

fn passing<'a>(state: &'a ChangesState, filter: &Filter) -> impl Iterator<Item = &'a Happened> {
    let text = filter.text().to_owned();
    state.timeline.entries.iter().filter(move |entry| entry.passes(&text))
}

fn text(state: &ChangesState, filter: &Filter, with_date: bool) -> String {
    let format = if with_date { "%Y-%m-%d %H:%M:%SZ" } else { "%H:%M:%SZ" };
    let mut rows = vec![["TIME", "KIND", "WHERE", "WHO", "WHAT"].map(str::to_owned)];
    rows.extend(passing(state, filter).map(|entry| {
        let kind = if entry.follows { format!("└ {}", entry.kind.word()) } else { entry.kind.word().to_owned() };
        let who = if entry.who.is_empty() { "-".to_owned() } else { entry.who.to_string() };
        [entry.at.strftime(format).to_string(), kind, entry.place().to_string(), who, entry.what.to_string()]
    }));
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            // Writing into a string cannot fail.
            let _ = write!(line, "{cell}{}", " ".repeat(width - cell.width() + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if rows.len() == 1 {
        let _ = writeln!(out, "Nothing is known to have changed since {}.", state.since.strftime(format));
    }
    for gap in &state.timeline.gaps {
        let _ = write!(out, "\nmissing: {gap}");
    }
    if !state.timeline.gaps.is_empty() {
        out.push('\n');
    }
    out
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    version: u32,
    at: Timestamp,
    since: Timestamp,
    changes: Vec<Change<'a>>,
    missing: &'a [Safe],
}

#[derive(Debug, Serialize)]
struct Change<'a> {
    at: Timestamp,
    kind: Kind,
    places: &'a [Place],
    subject: &'a Safe,
    who: Option<&'a Safe>,
    what: &'a Safe,
    bad: bool,
    follows: bool,
}

impl<'a> Answer<'a> {
    fn of(model: &Model, state: &'a ChangesState, filter: &Filter) -> Self {
        let change = |entry: &'a Happened| Change {
            at: entry.at,
            kind: entry.kind,
            places: &entry.places,
            subject: &entry.subject,
            who: Some(&entry.who).filter(|who| !who.is_empty()),
            what: &entry.what,
            bad: entry.is_bad,
            follows: entry.follows,
        };
        Self { version: 1, at: model.now, since: state.since, changes: passing(state, filter).map(change).collect(), missing: &state.timeline.gaps }
    }
}
