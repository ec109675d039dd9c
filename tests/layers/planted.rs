//! Planted breaches, one per rule and per form of a path, and look-alikes that are none.

use super::{Breach, Rule, check};

/// File below `src/`, text, and the one breach in it: line of the text, path as reported, rule.
type Planted = (&'static str, &'static str, usize, &'static str, Rule);

#[rustfmt::skip]
const BREACHES: &[Planted] = &[
    // Every pair that a colleague might try first.
    ("base/text.rs", "use crate::domain::Version;", 1, "crate::domain::Version", Rule::Direction),
    ("domain/fleet.rs", "use crate::gates::Verdict;", 1, "crate::gates::Verdict", Rule::Direction),
    ("manifest/mod.rs", "use crate::gitops::Head;", 1, "crate::gitops::Head", Rule::Direction),
    ("gates/soak.rs", "use crate::operations::Plan;", 1, "crate::operations::Plan", Rule::Direction),
    ("operations/plan.rs", "use crate::app::Msg;", 1, "crate::app::Msg", Rule::Direction),
    ("app/update.rs", "use crate::ui::Theme;", 1, "crate::ui::Theme", Rule::Direction),
    ("app/update.rs", "use crate::config::Config;", 1, "crate::config::Config", Rule::Direction),
    ("ui/matrix.rs", "use crate::runtime::Shell;", 1, "crate::runtime::Shell", Rule::Direction),
    ("config/mod.rs", "use crate::app::Model;", 1, "crate::app::Model", Rule::Direction),
    ("gitops/mod.rs", "use crate::operations::Plan;", 1, "crate::operations::Plan", Rule::Direction),
    ("sources/argocd/mod.rs", "use crate::config::Argo;", 1, "crate::config::Argo", Rule::Direction),
    ("sources/git.rs", "use crate::execution::Push;", 1, "crate::execution::Push", Rule::Direction),
    ("gitops/fetch.rs", "use crate::sources::Outbox;", 1, "crate::sources::Outbox", Rule::Direction),
    ("execution/mod.rs", "use crate::gates::Verdict;", 1, "crate::gates::Verdict", Rule::Direction),
    ("simulator/mod.rs", "use crate::domain::Version;", 1, "crate::domain::Version", Rule::Direction),
    ("runtime/mod.rs", "use crate::cli::Args;", 1, "crate::cli::Args", Rule::Direction),
    // Forms of `use`.
    ("app/mod.rs", "use crate::{\n    base::Safe,\n    ui::{Theme, theme::{self, Colour}},\n};", 3, "crate::ui::Theme", Rule::Direction),
    ("app/mod.rs", "use crate::{base, ui as paint};", 1, "crate::ui", Rule::Direction),
    ("app/mod.rs", "use crate::ui::*;", 1, "crate::ui::*", Rule::Direction),
    ("app/mod.rs", "pub use crate::ui::Theme;", 1, "crate::ui::Theme", Rule::Direction),
    ("app/mod.rs", "pub(crate) use crate::ui::Theme as Colours;", 1, "crate::ui::Theme", Rule::Direction),
    ("app/mod.rs", "fn f() {\n    use crate::ui::Theme;\n}", 2, "crate::ui::Theme", Rule::Direction),
    ("app/mod.rs", "#[cfg(test)]\nmod tests {\n    use crate::ui::Theme;\n}", 3, "crate::ui::Theme", Rule::Direction),
    ("cli/mod.rs", "use tiphys::main::run;", 1, "tiphys::main::run", Rule::Direction),
    ("app/mod.rs", "use std::mem;\nuse crate::r#ui::Theme;", 2, "crate::ui::Theme", Rule::Direction),
    // Climbing out of the room.
    ("app/matrix/rows.rs", "use super::super::super::ui::Theme;", 1, "super::super::super::ui::Theme", Rule::Direction),
    ("app/mod.rs", "use super::ui::Theme;", 1, "super::ui::Theme", Rule::Direction),
    ("app.rs", "use self::super::ui::Theme;", 1, "self::super::ui::Theme", Rule::Direction),
    ("app/mod.rs", "mod inner {\n    use super::super::ui::Theme;\n}", 2, "super::super::ui::Theme", Rule::Direction),
    ("app/mod.rs", "fn f() { super::ui::paint(); }", 1, "super::ui::paint", Rule::Direction),
    // Inline paths: expression, type, pattern, bound, generic argument, struct literal, trait, qualified self.
    ("app/mod.rs", "fn f() {\n    crate::ui::paint();\n}", 2, "crate::ui::paint", Rule::Direction),
    ("app/mod.rs", "struct S { theme: crate::ui::Theme }", 1, "crate::ui::Theme", Rule::Direction),
    ("app/mod.rs", "fn f(x: u8) { match x { crate::ui::LIMIT => {} _ => {} } }", 1, "crate::ui::LIMIT", Rule::Direction),
    ("app/mod.rs", "fn f(x: X) { if let crate::ui::Theme::Dark(_) = x {} }", 1, "crate::ui::Theme::Dark", Rule::Direction),
    ("app/mod.rs", "fn f<T: crate::ui::Paint>() {}", 1, "crate::ui::Paint", Rule::Direction),
    ("app/mod.rs", "fn f() -> Option<Vec<crate::ui::Theme>> { None }", 1, "crate::ui::Theme", Rule::Direction),
    ("app/mod.rs", "fn f() { g(crate::ui::Theme { dark: true }); }", 1, "crate::ui::Theme", Rule::Direction),
    ("app/mod.rs", "impl crate::ui::Paint for X {}", 1, "crate::ui::Paint", Rule::Direction),
    ("app/mod.rs", "fn f() { <crate::ui::Theme as Default>::default(); }", 1, "crate::ui::Theme", Rule::Direction),
    ("app/mod.rs", "type T = crate::ui::Theme;", 1, "crate::ui::Theme", Rule::Direction),
    ("app/mod.rs", "macro_rules! m { () => { $crate::ui::paint() } }", 1, "crate::ui::paint", Rule::Direction),
    // Tokens of macros.
    ("app/mod.rs", "fn f() {\n    matches!(x, crate::ui::Theme::Dark)\n}", 2, "crate::ui::Theme::Dark", Rule::Direction),
    ("app/mod.rs", "fn f() {\n    format!(\n        \"{}\",\n        crate::ui::name()\n    );\n}", 4, "crate::ui::name", Rule::Direction),
    ("app/mod.rs", "fn f() { vec![Some(tiphys::ui::name::<u8>())] }", 1, "tiphys::ui::name", Rule::Direction),
    ("app/mod.rs", "m! { use crate::{base::Safe, ui::{Theme}}; }", 1, "crate::ui::Theme", Rule::Direction),
    ("app/mod.rs", "m! { use super::ui::*; }", 1, "super::ui::*", Rule::Direction),
    ("app/mod.rs", "fn f() { crate::ui::paint!(x) }", 1, "crate::ui::paint", Rule::Direction),
    ("app/mod.rs", "fn f() { matches!(x, 0..crate::ui::LIMIT) }", 1, "crate::ui::LIMIT", Rule::Direction),
    // Attributes, where paths are tokens or strings.
    ("app/mod.rs", "#[derive(crate::ui::Paint)]\nstruct S;", 1, "crate::ui::Paint", Rule::Direction),
    ("app/mod.rs", "#[crate::ui::paint]\nfn f() {}", 1, "crate::ui::paint", Rule::Direction),
    ("app/mod.rs", "struct S {\n    #[serde(deserialize_with = \"crate::ui::read\")]\n    x: u8,\n}", 2, "crate::ui::read", Rule::Direction),
    ("app/mod.rs", "#[cfg_attr(test, derive(crate::ui::Paint))]\nstruct S;", 1, "crate::ui::Paint", Rule::Direction),
    // Ways around.
    ("app/mod.rs", "use crate as root;", 1, "crate", Rule::Hidden),
    ("app/mod.rs", "use crate::{self as root};", 1, "crate", Rule::Hidden),
    ("app/mod.rs", "use super::*;", 1, "super::*", Rule::Hidden),
    ("app/mod.rs", "extern crate self as root;", 1, "extern crate self", Rule::Hidden),
    ("app/mod.rs", "use crate::helpers::join;", 1, "crate::helpers::join", Rule::Hidden),
    ("app/mod.rs", "#[path = \"../ui/theme.rs\"]\nmod theme;", 1, "#[path]", Rule::Hidden),
    ("app/mod.rs", "include!(\"../ui/theme.rs\");", 1, "include!", Rule::Hidden),
    ("app/mod.rs", "pub use crate::gates::*;", 1, "crate::gates::*", Rule::Hidden),
    ("lib.rs", "pub mod app;\npub use app::Model;", 2, "app::Model", Rule::Hidden),
    ("helpers/mod.rs", "fn f() {}", 0, "helpers", Rule::Hidden),
    ("app/mod.rs", "fn f( {}", 1, "the file", Rule::Hidden),
    // Clocks, pauses and chance.
    ("domain/soak.rs", "fn f() { jiff::Timestamp::now(); }", 1, "jiff::Timestamp::now", Rule::Clock),
    ("gates/mod.rs", "use jiff::Zoned;\nfn f() {\n    Zoned::now();\n}", 3, "Zoned::now", Rule::Clock),
    ("base/time.rs", "use jiff::Timestamp as Moment;\nfn f() { Moment::now(); }", 2, "Moment::now", Rule::Clock),
    ("base/time.rs", "type Moment = std::time::SystemTime;\nfn f() { Moment::now(); }", 2, "Moment::now", Rule::Clock),
    ("ui/header.rs", "fn f() { x.unwrap_or_else(std::time::Instant::now) }", 1, "std::time::Instant::now", Rule::Clock),
    ("ui/header.rs", "fn f() { <std::time::Instant>::now(); }", 1, "std::time::Instant::now", Rule::Clock),
    ("app/mod.rs", "fn f() { let age = seen.elapsed(); }", 1, "elapsed()", Rule::Clock),
    ("app/mod.rs", "fn f() { format!(\"{:?}\", seen.elapsed()); }", 1, "elapsed()", Rule::Clock),
    ("app/mod.rs", "fn f() { debug!(\"{}\", jiff::Timestamp::now()); }", 1, "jiff::Timestamp::now", Rule::Clock),
    ("operations/follow.rs", "use tokio::time::{Duration, sleep};", 1, "tokio::time::Duration", Rule::Clock),
    ("operations/follow.rs", "use tokio::{sync, time};", 1, "tokio::time", Rule::Clock),
    ("manifest/edit.rs", "async fn f() { tokio::time::sleep(d).await }", 1, "tokio::time::sleep", Rule::Clock),
    ("config/mod.rs", "use std::thread;\nfn f() { thread::sleep(d) }", 2, "thread::sleep", Rule::Clock),
    ("config/mod.rs", "use std::thread::sleep;", 1, "std::thread::sleep", Rule::Clock),
    ("domain/ids.rs", "fn f() { fastrand::u64(..); }", 1, "fastrand::u64", Rule::Clock),
    ("domain/ids.rs", "use fastrand::Rng;", 1, "fastrand::Rng", Rule::Clock),
    // Terminal and network.
    ("app/mod.rs", "use crossterm::event::KeyCode;", 1, "crossterm::event::KeyCode", Rule::Crate),
    ("ui/keymap.rs", "use crossterm::execute;", 1, "crossterm::execute", Rule::Crate),
    ("ui/keymap.rs", "use crossterm::event::{KeyCode, EnableMouseCapture};", 1, "crossterm::event::EnableMouseCapture", Rule::Crate),
    ("ui/keymap.rs", "fn f() { ratatui::crossterm::terminal::enable_raw_mode(); }", 1, "ratatui::crossterm::terminal::enable_raw_mode", Rule::Crate),
    ("domain/mod.rs", "struct S(ratatui::style::Color);", 1, "ratatui::style::Color", Rule::Crate),
    ("cli/mod.rs", "use ratatui::buffer::Buffer;", 1, "ratatui::buffer::Buffer", Rule::Crate),
    ("gitops/mod.rs", "use reqwest;", 1, "reqwest", Rule::Crate),
    ("simulator/mod.rs", "fn f(c: ::kube::Client) {}", 1, "::kube::Client", Rule::Crate),
    ("config/mod.rs", "extern crate kube;", 1, "extern crate kube", Rule::Crate),
    ("operations/mod.rs", "fn f() { matches!(e, kube::Error::Api(_)) }", 1, "kube::Error::Api", Rule::Crate),
    // Around `Safe`.
    ("cli/mod.rs", "fn f() { cell.set_symbol(text); }", 1, "set_symbol", Rule::Safe),
    ("cli/mod.rs", "fn f() { m!(cell.set_symbol(text)); }", 1, "set_symbol", Rule::Safe),
    ("execution/mod.rs", "fn f() { queue!(out, SetTitle(text)); }", 1, "SetTitle", Rule::Safe),
    ("app/mod.rs", "fn f() { g(SetTitle(text)); }", 1, "SetTitle", Rule::Safe),
];

#[rustfmt::skip]
const LOOK_ALIKES: &[(&str, &str)] = &[
    ("app/mod.rs", "// use crate::ui::Theme; Timestamp::now()\n/// As [`crate::ui::Theme`] paints it, `kube::Client` reads it.\nstruct S;"),
    ("app/mod.rs", "/* crate::ui::Theme */ fn f() -> &'static str { \"crate::ui::Theme and jiff::Timestamp::now()\" }"),
    ("app/mod.rs", "fn f() { format!(\"crate::ui::x {}\", \"crate::ui::Theme\"); }"),
    ("app/mod.rs", "#[expect(dead_code, reason = \"crate::ui::Theme says so in tests/x.rs\")]\nstruct S;"),
    ("app/mod.rs", "use crate::base::Safe;\nuse super::domain::Fleet;\nuse crate::{operations as ops, gates::{self, Verdict}};\nfn f() { ops::f(); gates::f(); }"),
    // Modules of the room's own with the names of other rooms and crates.
    ("domain/mod.rs", "mod app;\nuse app::Thing;\nuse self::app::Other;\nfn f() { app::g(); self::app::g(); crate::domain::app::g(); }"),
    ("domain/fleet.rs", "use super::app::Thing;\nuse super::super::base::Safe;\nfn f() { let ui = 1; ui.max(2); }"),
    ("domain/mod.rs", "mod kube;\nmod fastrand;\nfn f() { kube::g(); fastrand::g(); }"),
    ("domain/mod.rs", "use self::platform::kube;\nmod platform;\nfn f() { kube::g(); }"),
    ("domain/mod.rs", "fn f() { my::crossterm::x(); m!(my::crossterm::x()); Kind::ratatui; }"),
    ("domain/mod.rs", "pub(in crate::domain) fn f() {}\npub(crate) struct S { pub(super) x: u8 }"),
    ("domain/mod.rs", "mod tests {\n    use super::*;\n}"),
    ("domain/mod.rs", "pub use self::fleet::*;\npub use crate::base::Safe;\nmod fleet;"),
    // Time as data.
    ("gates/mod.rs", "use jiff::Timestamp;\nuse std::time::{Duration, Instant, SystemTime};\nfn f(now: Timestamp, at: Instant) { now.duration_since(at); g(now); }"),
    ("gates/mod.rs", "fn elapsed(since: u64, now: u64) -> u64 { now - since }\nfn f() { elapsed(1, 2); clock.elapsed(now); Clock::now(); std::time::Duration::ZERO; }"),
    ("gates/mod.rs", "#[cfg(test)]\nmod tests {\n    fn f() { jiff::Timestamp::now(); x.elapsed(); tokio::time::pause(); fastrand::u8(..); }\n}"),
    ("gates/mod.rs", "use tokio::sync::mpsc;\nmod time;\nfn f() { time::g(); std::thread::spawn(g); }"),
    ("runtime/mod.rs", "fn f() { jiff::Timestamp::now(); std::time::Instant::now().elapsed(); fastrand::u8(..); tokio::time::sleep(d); }"),
    ("sources/argocd.rs", "fn f() { std::time::Instant::now().elapsed(); reqwest::Client::new(); kube::Client::new(); }"),
    // The shell.
    ("runtime/mod.rs", "use crate::{app, base, config, domain, execution, gates, gitops, manifest, operations, simulator, sources, ui};\nuse crossterm::execute;\nuse ratatui::Terminal;"),
    ("cli/mod.rs", "use crate::runtime::headless;\nuse crate::app::Model;"),
    ("main.rs", "use tiphys::cli;\nfn main() { tiphys::runtime::f(); cli::run() }"),
    ("lib.rs", "pub mod app;\npub mod base;"),
    ("ui/keymap.rs", "use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};\nuse ratatui::crossterm::event::KeyEventKind;\nfn f() { cell.set_symbol(x); }"),
    ("ui/mod.rs", "use ratatui::{buffer::Buffer, style::Style};\nuse crate::app::Model;"),
];

fn plant(file: &str, text: &str) -> Vec<Breach> {
    check(&[(file, &format!("//! Planted.\n{text}"))])
}

#[test]
fn every_planted_breach_is_reported() {
    for &(file, text, line, path, rule) in BREACHES {
        let found = plant(file, text);
        assert!(
            found.iter().any(|it| it.file == file && it.line == line + 1 && it.path == path && it.rule == rule),
            "{file}\n{text}\nwanted line {}: {path}: {rule:?}, found {found:#?}",
            line + 1
        );
    }
}

#[test]
fn look_alikes_are_left_alone() {
    for (file, text) in LOOK_ALIKES {
        let found = plant(file, text);
        assert!(found.is_empty(), "{file}\n{text}\nfound {found:#?}");
    }
}

#[test]
fn a_re_export_does_not_hide_where_a_path_leads() {
    let gates = ("gates/mod.rs", "//! Planted.\npub struct Verdict;\n");
    let named = ("operations/mod.rs", "//! Planted.\npub use crate::gates::Verdict as Judgment;\n");
    let nested = ("operations/mod.rs", "//! Planted.\nmod inner;\npub use self::inner::*;\n");
    let inner = ("operations/inner.rs", "//! Planted.\npub use crate::gates::Verdict as Judgment;\n");
    let user = ("execution/mod.rs", "//! Planted.\nfn f(x: crate::operations::Judgment) {}\n");
    for files in [vec![gates, named, user], vec![gates, nested, inner, user]] {
        let found = check(&files);
        let [breach] = found.as_slice() else { panic!("wanted one breach, found {found:#?}") };
        assert_eq!((breach.file.as_str(), breach.line, breach.rule), ("execution/mod.rs", 2, Rule::Direction));
        assert!(breach.why.contains("crate::gates::Verdict"), "{breach}");
    }
    // The same path is fine for a room that may use what it leads to.
    assert!(check(&[gates, named, ("app/mod.rs", "//! Planted.\nuse crate::operations::Judgment;\n")]).is_empty());
}

#[test]
fn an_alias_in_another_room_is_followed() {
    let base = ("base/mod.rs", "//! Planted.\npub type Moment = jiff::Timestamp;\n");
    let user = ("domain/mod.rs", "//! Planted.\nuse crate::base::Moment;\nfn f() -> Moment { Moment::now() }\n");
    let found = check(&[base, user]);
    let [breach] = found.as_slice() else { panic!("wanted one breach, found {found:#?}") };
    assert_eq!((breach.line, breach.path.as_str(), breach.rule), (3, "Moment::now", Rule::Clock));
}

#[test]
fn an_exported_macro_belongs_to_the_room_that_wrote_it() {
    let paint = ("ui/mod.rs", "//! Planted.\n#[macro_export]\nmacro_rules! paint { () => {} }\n");
    let safe = ("base/mod.rs", "//! Planted.\n#[macro_export]\nmacro_rules! safe { () => {} }\n");
    let user = ("app/mod.rs", "//! Planted.\nuse crate::safe;\nfn f() { crate::safe!(); crate::paint!(); }\n");
    let found = check(&[paint, safe, user]);
    let [breach] = found.as_slice() else { panic!("wanted one breach, found {found:#?}") };
    assert_eq!((breach.path.as_str(), breach.rule), ("crate::paint", Rule::Direction));
}

#[test]
fn test_modules_in_files_of_their_own_may_read_the_clock() {
    let parent = ("domain/mod.rs", "//! Planted.\n#[cfg(test)]\nmod tests;\n");
    let tests = ("domain/tests.rs", "//! Planted.\nfn f() { jiff::Timestamp::now(); }\n");
    assert!(check(&[parent, tests]).is_empty());
    assert_eq!(check(&[tests]).len(), 1);
}

#[test]
fn a_file_says_what_it_is_for_and_stays_short() {
    assert_eq!(check(&[("base/mod.rs", "fn f() {}\n")]).first().map(|it| it.rule), Some(Rule::Header));
    let long = format!("//! Planted.\n{}", "// a line\n".repeat(500));
    assert_eq!(check(&[("base/mod.rs", &long)]).first().map(|it| (it.line, it.rule)), Some((501, Rule::Length)));
    let table = format!("//! Planted.\n//! A flat table of keys.\n{}", "// a line\n".repeat(500));
    assert!(check(&[("base/mod.rs", &table)]).is_empty());
    let late = format!("//! Planted.\n{}//! A flat table\n", "// a line\n".repeat(500));
    assert!(check(&[("base/mod.rs", &late)]).iter().any(|it| it.rule == Rule::Length));
}

#[test]
fn a_breach_says_where_what_and_why() {
    let found = plant("app/mod.rs", "use crate::ui::Theme;");
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["src/app/mod.rs:2: crate::ui::Theme: app may not use ui"]);
}
