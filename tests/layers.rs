//! The rules of the house, read from the sources: which room may use which, where the clock, the terminal and the
//! network may be touched, how long a file may be.
//!
//! [`check`] is pure: file names and texts in, breaches out. The first test gives it `src/`, the others give it
//! planted breaches (`layers/planted.rs`), so that a rule which no longer sees anything is noticed.

mod house;
mod inspector;
mod planted;
mod written;

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use syn::visit::Visit;

use house::{House, Survey};
use inspector::Inspector;

/// Every room below the shell and the rooms it may use, lowest first: a room only ever uses rooms above it in this table.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("domain", &["base"]),
    ("manifest", &["base", "domain"]),
    ("gates", &["base", "domain", "manifest"]),
    ("operations", &["base", "domain", "manifest", "gates"]),
    ("app", &["base", "domain", "manifest", "gates", "operations"]),
    ("ui", &["base", "domain", "manifest", "gates", "operations", "app"]),
    ("config", &["base", "domain"]),
    ("gitops", &["base", "domain", "manifest"]),
    ("sources", &["base", "domain", "manifest", "gitops"]),
    ("execution", &["base", "domain", "operations", "gitops"]),
    ("simulator", &["base"]),
    ("runtime", LIBRARY),
    ("cli", SHELL),
    ("main", ALL),
];
const LIBRARY: &[&str] = &["base", "domain", "manifest", "gates", "operations", "app", "ui", "config", "gitops", "sources", "execution", "simulator"];
const SHELL: &[&str] =
    &["base", "domain", "manifest", "gates", "operations", "app", "ui", "config", "gitops", "sources", "execution", "simulator", "runtime"];
const ALL: &[&str] =
    &["base", "domain", "manifest", "gates", "operations", "app", "ui", "config", "gitops", "sources", "execution", "simulator", "runtime", "cli"];

/// Rooms that are given the time and never read it.
const TIMELESS: &[&str] = &["base", "domain", "manifest", "gates", "operations", "app", "ui", "config"];
/// Types whose `now()` reads a clock.
const CLOCKS: &[&str] = &["Timestamp", "Zoned", "SystemTime", "Instant"];
/// Crates that make random numbers.
const DICE: &[&str] = &["fastrand", "rand", "getrandom"];

/// Crates that reach the terminal or the network, and the rooms that may.
const CRATES: &[(&str, &[&str])] = &[
    ("crossterm", &["ui", "runtime"]),
    ("ratatui", &["ui", "runtime"]),
    ("kube", &["sources", "execution", "runtime"]),
    ("reqwest", &["sources", "execution", "runtime"]),
];

/// Ways to the screen that clean nothing, and the rooms that may use them, on text that is `Safe` already.
const UNCLEANED: &[&str] = &["set_symbol", "SetTitle"];
const PAINTERS: &[&str] = &["ui", "runtime"];

const MOST_LINES: usize = 500;
const FLAT_TABLE: &str = "//! A flat table";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// A room uses a room it may not know.
    Direction,
    /// A path or file that this test could not follow.
    Hidden,
    /// A clock, a pause or chance where time is data.
    Clock,
    /// A terminal or network crate below its room.
    Crate,
    /// Text on its way to the screen around `Safe`.
    Safe,
    Length,
    Header,
}

#[derive(Debug, Clone)]
struct Breach {
    file: String,
    line: usize,
    path: String,
    rule: Rule,
    why: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}: {}", self.file, self.line, self.path, self.why)
    }
}

/// An absolute path: `crate` and what follows, or the name of another crate and what follows.
type Segments = Vec<String>;

fn check(files: &[(&str, &str)]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut parsed = Vec::new();
    let mut house = House::default();
    for (path, text) in files {
        check_text(path, text, &mut breaches);
        match syn::parse_file(text) {
            Ok(ast) => parsed.push((*path, module_of(path), ast)),
            Err(error) => breaches.push(Breach {
                file: (*path).to_owned(),
                line: error.span().start().line,
                path: "the file".to_owned(),
                rule: Rule::Hidden,
                why: format!("does not parse: {error}"),
            }),
        }
    }
    for (_, module, ast) in &parsed {
        Survey { house: &mut house, module: module.clone() }.visit_file(ast);
    }
    for (path, module, ast) in &parsed {
        let room = path.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        let mut inspector = Inspector {
            house: &house,
            file: path,
            room,
            module: module.clone(),
            in_test: house.test_modules.contains(module),
            breaches: &mut breaches,
        };
        if room != "lib" && !ROOMS.iter().any(|(name, _)| *name == room) {
            inspector.report(1, room, Rule::Hidden, "is no room of the table in tests/layers.rs".to_owned());
        }
        inspector.visit_file(ast);
    }
    breaches.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    breaches.dedup_by(|a, b| (&a.file, a.line, &a.path, a.rule) == (&b.file, b.line, &b.path, b.rule));
    breaches
}

fn check_text(path: &str, text: &str, breaches: &mut Vec<Breach>) {
    let mut report = |line, rule, why: String| {
        breaches.push(Breach { file: path.to_owned(), line, path: "the file".to_owned(), rule, why });
    };
    if !text.starts_with("//!") {
        report(1, Rule::Header, "does not open with `//!` and what it is for".to_owned());
    }
    let lines = text.lines().count();
    let flat = text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.starts_with(FLAT_TABLE));
    if lines > MOST_LINES && !flat {
        report(lines, Rule::Length, format!("has {lines} lines, more than {MOST_LINES}, and is not marked `{FLAT_TABLE}`"));
    }
}

/// `app/matrix/mod.rs` → `crate::app::matrix`.
fn module_of(path: &str) -> Segments {
    let parts = path.trim_end_matches(".rs").split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main"));
    std::iter::once("crate").chain(parts).map(str::to_owned).collect()
}

fn sources(folder: &Path, below: &str, found: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            sources(&entry.path(), &format!("{path}/"), found)?;
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            found.push((path, fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

#[test]
fn the_house_is_in_order() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut files).unwrap();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let breaches: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
    assert!(breaches.is_empty(), "{} breaches of the house rules:\n{}", breaches.len(), breaches.join("\n"));
}

#[test]
fn the_table_itself_points_one_way() {
    for (position, (room, known)) in ROOMS.iter().enumerate() {
        for other in *known {
            let below = ROOMS.iter().position(|(name, _)| name == other);
            assert!(below.is_some_and(|below| below < position), "{room} uses {other}, which is not above it in the table");
        }
    }
}
