//! `status --watch`: one line for each change, for a terminal that can do nothing or for a log. Plain text with the time in UTC, or one JSON object a
//! line, by `docs/status-watch.schema.json`; each line is flushed. It ends with 0 when it is asked to, or when nobody reads any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use color_eyre::eyre::Result;
use serde::Serialize;

use super::Exit;
use crate::app::Model;
use crate::app::filter::Filter;
use crate::base::time::later;
use crate::base::{Safe, Timestamp, counted};
use crate::config::Config;
use crate::domain::attention::Attention;
use crate::domain::fleet::Placement;
use crate::domain::observation::SourceState;
use crate::domain::{EnvironmentName, PlacementName, ServiceName, SourceId, SourceKind};
use crate::runtime::headless::Headless;
use crate::runtime::signals::Signals;
use crate::runtime::{clock, model, report, tokio_runtime};

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) json: bool,
    pub(super) filter: &'a str,
    pub(super) timeout: Duration,
    pub(super) interval: Duration,
}

pub(super) fn run(config: &Config, wanted: &Wanted<'_>) -> Result<Exit> {
    for remark in &config.remarks {
        report::print_error(&format!("tiphys: {remark}"));
    }
    let runtime = tokio_runtime()?;
    let ended = runtime.block_on(watch(config, wanted));
    runtime.shutdown_background();
    match ended {
        Ok(()) => Ok(Exit::Done),
        // Nobody reads any more: that is how a pipe ends.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => Err(error.into()),
    }
}

async fn watch(config: &Config, wanted: &Wanted<'_>) -> io::Result<()> {
    let mut signals = Signals::new().map_err(io::Error::other)?;
    let mut headless = Headless::start(config, model(config));
    let settled = later(clock::now(), wanted.timeout);
    tokio::select! {
        () = signals.end() => return Ok(()),
        _ = headless.settle(settled) => {}
    }
    let filter = Filter::read(wanted.filter);
    let mut seen = Seen::of(&headless.model, &filter);
    print(&seen.first(headless.model.now), wanted.json)?;
    loop {
        let next = later(clock::now(), wanted.interval);
        tokio::select! {
            biased;
            () = signals.end() => return Ok(()),
            _ = headless.until(next, |_| false) => {}
        }
        if reader_is_gone() {
            return Ok(());
        }
        let now = Seen::of(&headless.model, &filter);
        print(&now.since(&seen, headless.model.now), wanted.json)?;
        seen = now;
    }
}

/// Whether the other end of the pipe is closed: known without writing to it.
fn reader_is_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let out = io::stdout();
    let mut watched = [PollFd::new(&out, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
    poll(&mut watched, Some(&at_once)).is_ok() && watched.iter().any(|one| one.revents().intersects(gone))
}

fn print(lines: &[Line], json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        if json {
            let text = serde_json::to_string(line).map_err(io::Error::other)?;
            writeln!(out, "{text}")?;
        } else {
            writeln!(out, "{}  {}", line.at.strftime("%Y-%m-%dT%H:%M:%SZ"), line.words)?;
        }
        out.flush()?;
    }
    Ok(())
}

/// One line: what is what now, and before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Line {
    /// Of the form, on the first line.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    at: Timestamp,
    /// `watching`, `placement` or `source`.
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceName>,
    changes: Different,
    /// The same as a sentence.
    words: Safe,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Place {
    service: ServiceName,
    environment: EnvironmentName,
    placement: PlacementName,
}

impl Place {
    fn shown(&self) -> Safe {
        let placement = if self.placement.0.is_empty() { String::new() } else { format!("·{}", self.placement.shown()) };
        crate::safe!("{} · {}{placement}", self.service.shown(), self.environment.shown())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SourceName {
    kind: SourceKind,
    name: Safe,
}

/// What is different, by its name.
type Different = BTreeMap<&'static str, Change>;

/// A fact before and now; nothing where it was not, or is not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Change {
    before: Option<Safe>,
    now: Option<Safe>,
}

/// What is told of one thing: each fact under its name.
type Facts = BTreeMap<&'static str, Safe>;

/// Everything that is told, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Seen {
    placements: BTreeMap<Place, Facts>,
    /// Placements that need eyes.
    needy: BTreeSet<Place>,
    sources: BTreeMap<SourceId, Facts>,
}

impl Seen {
    fn of(model: &Model, filter: &Filter) -> Self {
        let mut seen = Self::default();
        let lens = filter.on(model.sight());
        for (name, service) in model.fleet.services().iter().filter(|(name, service)| lens.passes(name, service)) {
            for (index, cell) in &service.cells {
                let Some(environment) = model.fleet.landscape().environments.get(*index) else { continue };
                for placement in cell.placements.iter().filter(|placement| lens.shows(&environment.name, &placement.name)) {
                    let place = Place { service: name.clone(), environment: environment.name.clone(), placement: placement.name.clone() };
                    if Attention::of(placement) != Attention::Quiet {
                        seen.needy.insert(place.clone());
                    }
                    seen.placements.insert(place, facts(model, placement));
                }
            }
        }
        for (id, source) in model.fleet.sources() {
            let Some((_, status)) = source.worst() else { continue };
            let mut facts = Facts::from([("state", Safe::clean(status.state.word()))]);
            match &status.state {
                SourceState::Waiting { why, .. } | SourceState::Denied { why, .. } => drop(facts.insert("why", why.clone())),
                SourceState::Connecting | SourceState::Live | SourceState::Off { .. } => {}
            }
            if let SourceState::Denied { cure, .. } = &status.state {
                facts.insert("cure", cure.clone());
            }
            seen.sources.insert(id.clone(), facts);
        }
        seen
    }

    /// The lines at the start: how much is watched, and what is not well.
    fn first(&self, at: Timestamp) -> Vec<Line> {
        let services: BTreeSet<&ServiceName> = self.placements.keys().map(|place| &place.service).collect();
        let needy = self.needy.len();
        let words = crate::safe!(
            "watching {} in {}, {needy} of them {} eyes",
            counted(services.len(), "service", "services"),
            counted(self.placements.len(), "placement", "placements"),
            if needy == 1 { "needs" } else { "need" },
        );
        let mut lines = vec![Line { version: Some(1), at, what: "watching", place: None, source: None, changes: BTreeMap::new(), words }];
        let troubled = self.sources.iter().filter(|(_, facts)| facts.contains_key("why"));
        lines.extend(troubled.map(|(id, facts)| source_line(at, id, &Facts::new(), facts)));
        let needy = self.placements.iter().filter(|(place, _)| self.needy.contains(*place));
        lines.extend(needy.map(|(place, facts)| placement_line(at, place, &Facts::new(), facts)));
        lines
    }

    /// The lines for what is different from before.
    fn since(&self, before: &Self, at: Timestamp) -> Vec<Line> {
        let none = Facts::new();
        let mut lines = Vec::new();
        let ids: BTreeSet<&SourceId> = before.sources.keys().chain(self.sources.keys()).collect();
        for id in ids {
            let (was, is) = (before.sources.get(id).unwrap_or(&none), self.sources.get(id).unwrap_or(&none));
            if was.get("state") != is.get("state") || was.get("why") != is.get("why") {
                lines.push(source_line(at, id, was, is));
            }
        }
        let places: BTreeSet<&Place> = before.placements.keys().chain(self.placements.keys()).collect();
        for place in places {
            let (was, is) = (before.placements.get(place), self.placements.get(place));
            if was != is {
                lines.push(placement_line(at, place, was.unwrap_or(&none), is.unwrap_or(&none)));
            }
        }
        lines
    }
}

/// What is told of a placement. Replica counts are left out: they change with every pod, and health says what comes of it.
fn facts(model: &Model, placement: &Placement) -> Facts {
    let mut facts = Facts::from([
        ("version", placement.version_text().unwrap_or_else(|| Safe::clean("?"))),
        ("health", Safe::clean(placement.health.word())),
        ("sync", Safe::clean(placement.sync.word())),
    ]);
    if placement.syncing {
        facts.insert("operation", Safe::clean("runs"));
    } else if placement.operation_failed {
        facts.insert("operation", Safe::clean("failed"));
    }
    if let Some(canary) = placement.open_canary() {
        let to = placement.incoming.as_ref().map_or_else(|| Safe::clean("?"), |version| version.text.shown());
        let steps = if canary.has_steps() { format!(", step {} of {}", canary.step, canary.steps) } else { String::new() };
        facts.insert("canary", crate::safe!("{to} at {} %{steps}, {}", canary.weight_asked, super::status::waits(&canary.waits)));
    }
    if let Some(stuck) = &placement.stuck {
        facts.insert("stuck", stuck.clone());
    }
    if let Some(stale) = model.fleet.stale(placement, model.now) {
        facts.insert("stale", stale.why);
    }
    facts
}

fn placement_line(at: Timestamp, place: &Place, was: &Facts, is: &Facts) -> Line {
    let changes = different(was, is);
    let mut words = format!("{}: ", place.shown());
    if is.is_empty() {
        words.push_str("is not deployed any more");
    } else {
        list(&mut words, &changes);
    }
    Line { version: None, at, what: "placement", place: Some(place.clone()), source: None, changes, words: Safe::clean(&words) }
}

fn source_line(at: Timestamp, id: &SourceId, was: &Facts, is: &Facts) -> Line {
    let changes = different(was, is);
    let state = is.get("state").map_or("not read any more", Safe::as_str);
    let mut words = format!("{} {}: {state}", id.kind, id.name.shown());
    for fact in ["why", "cure"] {
        if let Some(text) = is.get(fact) {
            // Words cannot fail to be written into a string.
            let _ = write!(words, "{} {text}", if fact == "why" { ":" } else { "; to mend it:" });
        }
    }
    let source = SourceName { kind: id.kind, name: id.name.shown() };
    Line { version: None, at, what: "source", place: None, source: Some(source), changes, words: Safe::clean(&words) }
}

fn different(was: &Facts, is: &Facts) -> Different {
    let names: BTreeSet<&'static str> = was.keys().chain(is.keys()).copied().collect();
    let change = |name: &&'static str| Change { before: was.get(name).cloned(), now: is.get(name).cloned() };
    names.into_iter().filter(|name| was.get(name) != is.get(name)).map(|name| (name, change(&name))).collect()
}

/// The order in which facts are told.
const ORDER: [&str; 7] = ["version", "canary", "health", "stuck", "sync", "operation", "stale"];

fn list(words: &mut String, changes: &Different) {
    let mut first = true;
    for name in ORDER {
        let Some(change) = changes.get(name) else { continue };
        if !std::mem::take(&mut first) {
            words.push_str("; ");
        }
        let _ = match (&change.before, &change.now) {
            (Some(was), Some(is)) => write!(words, "{name} {was} → {is}"),
            (None, Some(is)) => write!(words, "{name} {is}"),
            (Some(was), None) => write!(words, "{name} over (was {was})"),
            (None, None) => Ok(()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { service: "checkout".into(), environment: "production".into(), placement: "eu".into() }
    }

    fn seen(facts: &[(&'static str, &str)]) -> Seen {
        let facts: Facts = facts.iter().map(|(name, text)| (*name, Safe::clean(text))).collect();
        Seen { placements: BTreeMap::from([(place(), facts)]), ..Seen::default() }
    }

    fn told(before: &Seen, now: &Seen) -> Vec<String> {
        now.since(before, Timestamp::UNIX_EPOCH).iter().map(|line| line.words.to_string()).collect()
    }

    #[test]
    fn a_line_tells_what_is_different_and_nothing_else() {
        let before = seen(&[("version", "2.14.2"), ("health", "healthy"), ("sync", "synced")]);
        assert_eq!(told(&before, &before), [""; 0]);
        let canary = seen(&[("version", "2.14.2"), ("health", "suspended"), ("sync", "synced"), ("canary", "2.14.3 at 25 %")]);
        assert_eq!(told(&before, &canary), ["checkout · production·eu: canary 2.14.3 at 25 %; health healthy → suspended"]);
        let done = seen(&[("version", "2.14.3"), ("health", "healthy"), ("sync", "synced")]);
        assert_eq!(
            told(&canary, &done),
            ["checkout · production·eu: version 2.14.2 → 2.14.3; canary over (was 2.14.3 at 25 %); health suspended → healthy"]
        );
        assert_eq!(told(&done, &Seen::default()), ["checkout · production·eu: is not deployed any more"]);
    }

    #[test]
    fn a_source_is_told_with_what_mends_it() {
        let id = SourceId { kind: SourceKind::Argocd, name: "main".into() };
        let facts = |facts: &[(&'static str, &str)]| facts.iter().map(|(name, text)| (*name, Safe::clean(text))).collect::<Facts>();
        let live = Seen { sources: BTreeMap::from([(id.clone(), facts(&[("state", "live")]))]), ..Seen::default() };
        let denied = facts(&[("state", "denied"), ("why", "token is expired"), ("cure", "argocd relogin")]);
        let denied = Seen { sources: BTreeMap::from([(id, denied)]), ..Seen::default() };
        assert_eq!(told(&live, &denied), ["argocd main: denied: token is expired; to mend it: argocd relogin"]);
        assert_eq!(told(&denied, &live), ["argocd main: live"]);
    }

    #[test]
    fn a_line_of_json_is_one_object() {
        let lines = seen(&[("health", "degraded")]).since(&Seen::default(), Timestamp::UNIX_EPOCH);
        let text = serde_json::to_string(lines.first().unwrap()).unwrap();
        assert_eq!(
            text,
            r#"{"at":"1970-01-01T00:00:00Z","what":"placement","place":{"service":"checkout","environment":"production","placement":"eu"},"changes":{"health":{"before":null,"now":"degraded"}},"words":"checkout · production·eu: health degraded"}"#
        );
    }
}
