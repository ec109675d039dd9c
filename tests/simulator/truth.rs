//! The matrix against the truth: what stands on the screen is what is so, at most a little later.
//!
//! A cell is compared with the applications of its service, environment and placement. Its health is the worst of theirs. Its version is, as Argo CD
//! tells it, of the images that are there: once every workload is settled at one tag and git wants no other, exactly that tag; while pods of several
//! run, any of those tags and the wanted one, and no other. A canary says the version that users meet, and behind the arrow the one that comes.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, reason = "tests against real processes measure real time")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::screen::Screen;
use crate::support::world::World;

/// A cell may be behind the truth for so long.
const BEHIND: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(30);

/// Service and column.
type Place = (String, String);

/// What is so of one cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fact {
    pub(super) tags: BTreeSet<String>,
    pub(super) settled: bool,
    pub(super) healths: BTreeSet<String>,
    pub(super) canary: bool,
    pub(super) cluster: String,
}

fn texts(value: &Value) -> impl Iterator<Item = String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)
}

/// The truth by cell.
pub(super) fn facts(truth: &Value) -> BTreeMap<Place, Fact> {
    let mut facts: BTreeMap<Place, Fact> = BTreeMap::new();
    for application in truth["applications"].as_array().unwrap() {
        let word = |field: &str| application[field].as_str().unwrap_or_default().to_owned();
        if word("environment").is_empty() {
            continue;
        }
        let column = if word("placement").is_empty() { word("environment") } else { format!("{}·{}", word("environment"), word("placement")) };
        let fact = facts.entry((word("service"), column)).or_insert_with(|| Fact { settled: true, ..Fact::default() });
        fact.healths.insert(word("health"));
        fact.cluster = word("cluster");
        fact.tags.extend(texts(&application["wanted"]));
        for workload in application["workloads"].as_array().unwrap() {
            let tag = workload["tag"].as_str().unwrap().to_owned();
            fact.tags.extend(texts(&workload["running"]).chain([tag]));
            fact.settled &= workload["settled"] == true;
            fact.canary |= workload["settled"] != true && workload["canary"].is_object();
        }
    }
    facts
}

/// The cells on the screen, by service and the name of their column.
pub(super) fn cells(text: &str) -> BTreeMap<Place, String> {
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let Some(heads) = lines.get(1) else { return BTreeMap::new() };
    let mut columns: Vec<(usize, String)> = Vec::new();
    for (x, character) in heads.iter().enumerate() {
        if *character != ' ' {
            match columns.last_mut() {
                Some((begin, title)) if *begin + title.chars().count() == x => title.push(*character),
                _ => columns.push((x, character.to_string())),
            }
        }
    }
    // Where there is little room the beginning of a title is cut: `prod·eu`.
    for (_, title) in &mut columns {
        if let Some((begin, placement)) = title.split_once('·').filter(|(begin, _)| "production".starts_with(begin.trim_end_matches('…'))) {
            let _ = begin;
            *title = format!("production·{placement}");
        }
    }
    let mut cells = BTreeMap::new();
    for line in lines.iter().skip(2) {
        if line.first() == Some(&'─') {
            break;
        }
        let Some(first) = columns.first() else { break };
        let part = |from: usize, to: usize| line.get(from.min(line.len())..to.min(line.len())).unwrap_or_default().iter().collect::<String>();
        let service = part(1, first.0 - 1).trim().to_owned();
        if service.is_empty() || !line.first().is_some_and(|gutter| matches!(gutter, ' ' | '▸')) {
            continue;
        }
        for (index, (begin, title)) in columns.iter().enumerate() {
            let end = columns.get(index + 1).map_or(usize::MAX, |(next, _)| next - 1);
            // A cell that is marked has its mark in the gap before it.
            cells.insert((service.clone(), title.clone()), part(*begin, end).trim().to_owned());
        }
    }
    cells
}

/// What is wrong with a cell, if anything is.
fn difference(cell: &str, fact: &Fact) -> Option<String> {
    let wrong = |what: &str| Some(format!("{what}: the screen says '{cell}', the truth is {fact:?}"));
    let words: Vec<&str> = cell.split_whitespace().collect();
    // What git wants stands behind what runs; stories compare it with `git log`.
    let Some(version) = words.first().map(|word| word.split_once('→').map_or(*word, |(runs, _)| runs)) else { return wrong("nothing") };
    let shown: BTreeSet<String> = version.split('+').map(str::to_owned).collect();
    if let Some(stranger) = shown.iter().find(|tag| !fact.tags.contains(*tag) && !is_cut(tag, fact)) {
        return wrong(&format!("the version {stranger} is not there"));
    }
    if fact.settled && fact.tags.len() == 1 && shown.len() != 1 {
        return wrong("more versions than one");
    }
    let behind: String = words.get(1..).unwrap_or_default().join(" ");
    let worst = ["Degraded", "Progressing", "Suspended", "Healthy"].into_iter().find(|word| fact.healths.contains(*word)).unwrap_or_default();
    if behind.contains('%') || behind.contains('⤺') {
        return if fact.canary { None } else { wrong("no canary is under way") };
    }
    let letters = match worst {
        "Degraded" => "✖D",
        "Progressing" => "◐P",
        "Suspended" => "‖S",
        _ => "✔H",
    };
    if behind.contains(letters) { None } else { wrong("health") }
}

/// What has no room keeps its beginning and its end: of one version, or of several that are joined.
fn is_cut(shown: &str, fact: &Fact) -> bool {
    let is_short = |whole: &str| shown.split_once('…').is_some_and(|(begin, end)| whole.starts_with(begin) && whole.ends_with(end));
    let pairs = fact.tags.iter().flat_map(|one| fact.tags.iter().map(move |other| format!("{one}+{other}")));
    fact.tags.iter().cloned().chain(pairs).any(|whole| is_short(&whole))
}

/// Every cell: as far as it is on the screen, which is scrolled so that all were seen.
pub(super) fn read_all(screen: &mut Screen, rows: usize) -> BTreeMap<Place, String> {
    let mut all = cells(&screen.text());
    let services = |cells: &BTreeMap<Place, String>| cells.keys().map(|(service, _)| service.clone()).collect::<BTreeSet<_>>().len();
    if services(&all) >= rows {
        return all;
    }
    for keys in ["g", "\u{1b}[6~", "\u{1b}[6~", "G"] {
        screen.keys(keys);
        let before = screen.judged();
        let start = Instant::now();
        // A page that is there already sends nothing.
        while screen.judged() == before && start.elapsed() < Duration::from_millis(60) {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(10));
        all.extend(cells(&screen.text()));
        if services(&all) >= rows {
            break;
        }
    }
    all
}

/// Compares for so long. Returns how often, and what differed for too long.
fn watch(scenario: &str, speed: &str, size: (u16, u16), length: Duration) -> (usize, BTreeMap<Place, String>) {
    let world = World::start(scenario, &["--speed", speed]);
    let mut screen = world.cockpit(size.0, size.1);
    screen.line("rows", SOON, |line| line.contains("✔H"));
    let rows = facts(&world.truth()).keys().map(|(service, _)| service.clone()).collect::<BTreeSet<_>>().len();
    let start = Instant::now();
    let mut behind: BTreeMap<Place, Instant> = BTreeMap::new();
    let (mut compared, mut found) = (0, BTreeMap::new());
    std::thread::sleep(Duration::from_secs(2));
    while start.elapsed() < length {
        if screen.text().contains("space unfolds") {
            screen.keys(" ");
            screen.line("the quiet rows are unfolded", SOON, |line| line.starts_with("QUIET") && !line.contains("unfolds"));
        }
        let cells = read_all(&mut screen, rows);
        let facts = facts(&world.truth());
        let now = Instant::now();
        for (place, fact) in facts {
            compared += 1;
            let cell = cells.iter().find(|((service, column), _)| {
                *column == place.1 && (*service == place.0 || service.strip_suffix('…').is_some_and(|begin| place.0.starts_with(begin)))
            });
            let different = match cell.map(|(_, cell)| cell) {
                Some(cell) => difference(cell, &fact),
                None => Some(format!("there is no such cell; the truth is {fact:?}")),
            };
            match different {
                None => drop(behind.remove(&place)),
                Some(what) => {
                    let since = *behind.entry(place.clone()).or_insert(now);
                    if now - since > BEHIND {
                        found.insert(place, format!("for {:?}: {what}", now - since));
                    }
                }
            }
        }
        std::thread::sleep(Duration::from_millis(400));
    }
    if !found.is_empty() {
        println!("{}", screen.text());
    }
    (compared, found)
}

fn both_sizes(length: Duration) {
    let watched = std::thread::scope(|scope| {
        let runs: Vec<_> =
            [(200, 50), (80, 24)].into_iter().map(|size| scope.spawn(move || (size, watch("busy-morning", "1", size, length)))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>()
    });
    let mut wrong = Vec::new();
    for (size, (compared, found)) in watched {
        println!("{size:?}: {compared} comparisons of cells, {} differences", found.len());
        assert!(compared >= 64, "{compared}");
        wrong.extend(found.into_iter().map(|(place, what)| format!("{size:?} {place:?} {what}")));
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.iter().take(8).cloned().collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_matrix_tells_the_truth() {
    both_sizes(Duration::from_secs(20));
}

#[test]
#[ignore = "takes ten minutes, or TIPHYS_TRUTH seconds: cargo test --test suite whole_morning -- --ignored --nocapture"]
fn the_matrix_tells_the_truth_for_a_whole_morning() {
    let seconds = std::env::var("TIPHYS_TRUTH").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    both_sizes(Duration::from_secs(seconds));
}
