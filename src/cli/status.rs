//! `tiphys status`: what the matrix shows, as text for people and pipes, or as JSON for programs.

use std::fmt::Write as _;
use std::time::Duration;

use color_eyre::eyre::Result;
use unicode_width::UnicodeWidthStr as _;

use super::{Exit, print, status_json};
use crate::app::Model;
use crate::app::filter::Filter;
use crate::base::time::since;
use crate::base::time::{Age, Silence};
use crate::config::Config;
use crate::domain::Known;
use crate::domain::canary::Waits;
use crate::domain::fleet::{Missed, Placement};
use crate::domain::observation::{NOTICE, SourceState};
use crate::runtime::{headless, report, tokio_runtime};

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) json: bool,
    pub(super) filter: &'a str,
    pub(super) timeout: Duration,
}

pub(super) fn run(config: &Config, wanted: &Wanted<'_>) -> Result<Exit> {
    let runtime = tokio_runtime()?;
    let (model, settled) = runtime.block_on(headless::read(config, wanted.timeout));
    runtime.shutdown_background();
    for remark in &config.remarks {
        report::print_error(&format!("tiphys: {remark}"));
    }
    let filter = Filter::read(wanted.filter);
    if let Some(remark) = filter.remark(model.sight()) {
        report::print_error(&format!("tiphys: in the filter, {remark}"));
    }
    if wanted.json {
        print(&format!("{}\n", serde_json::to_string(&status_json::Status::of(&model, &filter))?));
    } else {
        print(&text(&model, &filter));
    }
    let answered = settled && model.fleet.sources().values().flat_map(|source| source.scopes.values()).all(|status| status.state.is_settled());
    Ok(if answered { Exit::Done } else { Exit::NoAnswer })
}

const HEADINGS: [&str; 9] = ["SERVICE", "ENVIRONMENT", "PLACEMENT", "VERSION", "HEALTH", "SYNC", "READY", "DEPLOYED", "NOTE"];

/// The matrix as text, then the sources that are not live, then what is in no cell.
pub(super) fn text(model: &Model, filter: &Filter) -> String {
    let mut rows: Vec<[String; 9]> = vec![HEADINGS.map(str::to_owned)];
    let lens = filter.on(model.sight());
    for (name, service) in model.fleet.services().iter().filter(|(name, service)| lens.passes(name, service)) {
        for (index, cell) in &service.cells {
            let Some(environment) = model.fleet.landscape().environments.get(*index) else { continue };
            for placement in cell.placements.iter().filter(|placement| lens.shows(&environment.name, &placement.name)) {
                rows.push(row(model, name.shown().as_str(), environment.name.shown().as_str(), placement));
            }
        }
    }
    let mut out = table(&rows);
    for (id, source) in model.fleet.sources() {
        for (scope, status) in &source.scopes {
            let (why, cure) = match &status.state {
                SourceState::Live => continue,
                SourceState::Connecting => ("no answer yet".to_owned(), None),
                SourceState::Waiting { why, .. } | SourceState::Off { why } => (why.to_string(), None),
                SourceState::Denied { why, cure } => (why.to_string(), Some(cure)),
            };
            let _ = write!(out, "\n{} {}, {}: {}: {why}", id.kind, id.name.shown(), scope.shown(), status.state.word());
            if let Some(cure) = cure {
                let _ = write!(out, " ({cure})");
            }
        }
    }
    for (id, source) in model.fleet.sources() {
        if let Some((at, renewal)) = source.login_ends(model.now, NOTICE) {
            let _ = write!(out, "\n{} {}: the login ends at {}: {renewal}", id.kind, id.name.shown(), at.strftime("%Y-%m-%d %H:%MZ"));
        }
    }
    for (key, unmapped) in model.fleet.unmapped() {
        let _ = write!(out, "\nin no cell: {}: {}", key.shown(), unmapped.sentence());
    }
    out.push('\n');
    out
}

fn row(model: &Model, service: &str, environment: &str, placement: &Placement) -> [String; 9] {
    [
        service.to_owned(),
        environment.to_owned(),
        placement.name.shown().to_string(),
        placement.version_text().map_or_else(|| "?".to_owned(), |version| version.to_string()),
        placement.health.word().to_owned(),
        placement.sync.word().to_owned(),
        placement.replicas.as_known().map_or_else(|| "?".to_owned(), |replicas| format!("{}/{}", replicas.ready, replicas.desired)),
        placement.deployed_at.map_or_else(|| "?".to_owned(), |at| Age::of(at, model.now).to_string()),
        note(model, placement),
    ]
}

/// What a canary waits for.
pub(super) fn waits(waits: &Waits) -> String {
    match waits {
        Waits::Nothing => "moving".to_owned(),
        Waits::Until(moment) => format!("paused until {}", moment.strftime("%H:%MZ")),
        Waits::Person => "waits for a person".to_owned(),
        Waits::Analysis => "measuring".to_owned(),
        Waits::Aborted => "aborted: back on the stable version".to_owned(),
    }
}

/// What the other columns do not say, the most important first.
fn note(model: &Model, placement: &Placement) -> String {
    let mut notes = Vec::new();
    if let Some(stale) = model.fleet.stale(placement, model.now) {
        let age = stale.since.map_or_else(|| "never seen".to_owned(), |at| format!("last seen {} ago", Silence(since(at, model.now))));
        notes.push(format!("stale, {age}: {}", stale.why));
    }
    if let Some(canary) = placement.open_canary() {
        let to = placement.incoming.as_ref().map_or_else(|| "?".to_owned(), |version| version.text.shown().to_string());
        let waits = waits(&canary.waits);
        let weight = canary.weight_actual.unwrap_or(canary.weight_asked);
        notes.push(if canary.has_steps() {
            format!("canary {to} at {weight} %, step {}/{}, {waits}", canary.step, canary.steps)
        } else {
            format!("change to {to}, {waits}")
        });
    }
    notes.extend(wanted(model, placement));
    notes.extend(placement.stuck.iter().chain(&placement.waiting).map(ToString::to_string));
    for why in [unknown(&placement.versions).map(|why| format!("version: {why}")), model.fleet.why_no_replicas(placement).map(|why| why.to_string())]
        .into_iter()
        .flatten()
    {
        notes.push(why);
    }
    notes.join("; ")
}

/// What git wants, where that is not what runs, and how far it is behind.
fn wanted(model: &Model, placement: &Placement) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(wanted) = &placement.wanted {
        if let Some(versions) = placement.wants_another() {
            let texts: Vec<_> = versions.iter().map(|version| version.text.shown().to_string()).collect();
            let age = wanted.commit.as_ref().map(|commit| format!(" for {}", Age::of(commit.at, model.now)));
            notes.push(format!("git wants {}{}", texts.join("+"), age.unwrap_or_default()));
        }
        // The same reason for both is said once.
        let why = unknown(&wanted.versions).filter(|why| unknown(&placement.versions).as_ref() != Some(why));
        notes.extend(why.map(|why| format!("wanted version: {why}")));
    }
    if let Some(behind) = &placement.behind {
        match (behind.count(), &behind.missed) {
            (Some(count @ 1..), _) => notes.push(format!("{count} behind {}", behind.from.shown())),
            (_, Missed::Never) => notes.push(format!("{} never had this version", behind.from.shown())),
            _ => {}
        }
    }
    notes
}

fn unknown<T>(known: &Known<T>) -> Option<String> {
    match known {
        Known::Known(_) => None,
        Known::Unknown(why) => Some(why.to_string()),
    }
}

fn table(rows: &[[String; 9]]) -> String {
    let mut widths = [0; 9];
    for row in rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = text.width().max(*width);
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, text) in widths.iter().zip(row) {
            let _ = write!(line, "{text}{}", " ".repeat(width - text.width() + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
