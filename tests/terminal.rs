//! The program in a terminal: it takes it over, and gives it back however it ends.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests against a real process measure real time")]

mod conduct;
mod daily;
mod far;
mod memory;
mod promotion;

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::screen::{Screen, program};
use crate::support::wait::until;

const SOON: Duration = Duration::from_secs(10);

struct Place {
    folder: tempfile::TempDir,
    config: String,
}

/// A home of its own and a configuration whose Argo CD refuses every connection.
fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let text =
        "[[argocd]]\nname = \"nowhere\"\nurl = \"http://127.0.0.1:1\"\ntoken = { env = \"TOKEN\" }\n\n[[environments]]\nname = \"production\"\n";
    std::fs::write(&config, text).unwrap();
    Place { config: config.display().to_string(), folder }
}

impl Place {
    fn environment(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let home = self.folder.path().display().to_string();
        let own = ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"].map(|name| (name.to_owned(), home.clone()));
        own.into_iter()
            .chain([("TOKEN".to_owned(), "t".to_owned())])
            .chain(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
            .collect()
    }

    fn cockpit(&self, more: &[(&str, &str)]) -> Screen {
        let screen = Screen::start(&["--config", &self.config], &self.environment(more), 100, 30);
        screen.line("the cockpit is up", SOON, |line| line.contains("tiphys"));
        screen
    }
}

#[test]
fn q_leaves_and_the_terminal_is_as_it_was() {
    let place = place();
    let mut screen = place.cockpit(&[]);
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
    assert!(screen.is_restored(), "{}", screen.text());
}

#[test]
fn a_source_that_cannot_be_reached_is_told_in_words() {
    let place = place();
    let mut screen = place.cockpit(&[]);
    screen.line("the badge names it", SOON, |line| line.contains("nowhere"));
    screen.keys("r");
    screen.line("and the sources screen says why", SOON, |line| line.to_lowercase().contains("refused"));
}

#[test]
fn a_crash_of_the_core_gives_the_terminal_back_and_names_the_report() {
    let place = place();
    let mut screen = place.cockpit(&[("TIPHYS_FAULT", "core")]);
    screen.keys("j");
    assert_ne!(screen.ended(SOON), 0);
    assert!(screen.is_restored(), "{}", screen.text());
    let (line, _) = screen.line("the report is named", SOON, |line| line.contains("crash-"));
    let name = line.split("crash-").nth(1).unwrap().trim();
    let report = std::fs::read_dir(place.folder.path().join("tiphys"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.display().to_string().ends_with(name));
    assert!(std::fs::read_to_string(report.unwrap()).unwrap().contains("a fault was wished for"));
}

#[test]
fn a_crash_of_a_task_is_a_badge_and_not_the_end() {
    let place = place();
    let mut screen = place.cockpit(&[("TIPHYS_FAULT", "task")]);
    screen.line("the badge", SOON, |line| line.to_lowercase().contains("crash"));
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
}

#[test]
fn a_signal_ends_it_within_a_second() {
    for signal in [Signal::TERM, Signal::HUP] {
        let place = place();
        let mut screen = place.cockpit(&[]);
        let start = Instant::now();
        kill_process(Pid::from_raw(i32::try_from(screen.pid()).unwrap()).unwrap(), signal).unwrap();
        screen.ended(Duration::from_secs(2));
        assert!(start.elapsed() < Duration::from_millis(1200), "{signal:?}: {:?}", start.elapsed());
        assert!(screen.is_restored());
    }
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_brings_the_whole_screen_back() {
    let place = place();
    let mut screen = Screen::shell(&place.environment(&[]), 100, 30);
    screen.line("the shell is ready", SOON, |line| line.starts_with("ready>"));
    screen.keys(&format!("'{}' --config '{}'\r", program(), place.config));
    screen.line("the cockpit is up", SOON, |line| line.contains("nowhere"));
    assert!(!screen.is_restored());
    for _ in 0..2 {
        screen.keys("\u{1a}");
        until("the terminal is the shell's", SOON, || screen.is_restored(), |restored| *restored);
        screen.line("the job is stopped", SOON, |line| line.contains("Stopped"));
        // What is typed is shown and taken line by line again: raw mode is off.
        screen.keys("echo $((40 + 2))\r");
        screen.line("what is typed is seen", SOON, |line| line.contains("echo $((40 + 2))"));
        screen.line("the shell answers", SOON, |line| line == "42");
        screen.keys("clear; fg\r");
        screen.line("all of it is painted again", SOON, |line| line.contains("tiphys") && line.contains("nowhere"));
        screen.line("down to the last row", SOON, |line| line.contains("q leave"));
        assert!(!screen.is_restored());
    }
    screen.keys("r");
    screen.line("and it answers keys", SOON, |line| line.contains("SOURCES 1"));
    screen.keys("qq");
    until("the terminal is the shell's", SOON, || screen.is_restored(), |restored| *restored);
    // Until the prompt is back, the cockpit on its way out may still take what is typed.
    screen.line("the shell is ready again", SOON, |line| line.starts_with("ready>"));
    screen.keys("exit\r");
    screen.ended(SOON);
}

#[test]
fn ctrl_z_where_no_shell_could_bring_it_back_does_not_freeze_it() {
    let place = place();
    let mut screen = place.cockpit(&[]);
    screen.keys("\u{1a}");
    screen.keys("r");
    screen.line("it is still there", SOON, |line| line.contains("SOURCES 1"));
}

#[test]
fn the_palette_is_opened_narrowed_and_left_with_plain_keys() {
    let place = place();
    let mut screen = place.cockpit(&[]);
    screen.keys(":");
    screen.line("the list", SOON, |line| line.contains("Looking"));
    screen.keys("\u{1b}[200~quit\r\u{1b}[201~");
    screen.line("a paste only narrows", SOON, |line| line.starts_with(" :quit"));
    screen.keys("\u{7}");
    screen.line("Ctrl-G leaves it", SOON, |line| line.contains("q leave"));
    screen.keys("\u{10}sources\r");
    screen.line("Enter runs what is marked", SOON, |line| line.contains("SOURCES 1"));
}

#[test]
fn what_a_demo_cannot_do_is_told_with_the_cure() {
    let place = place();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(program()).args(arguments).envs(place.environment(&[])).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (arguments, code, words) in [
        (&["demo", "--speed", "0"][..], 2, "above 0"),
        (&["demo", "--speed", "-2"], 2, "above 0"),
        (&["demo", "--at", "noon"], 2, "is no moment"),
        (&["demo", "--scenario", "no-such-thing"], 2, "no scenario 'no-such-thing'"),
        (&["simulate", "--scenario", "no-such-thing", "--write", "x"], 2, "no scenario 'no-such-thing'"),
        (&["simulate"], 2, "--write"),
    ] {
        let (found, told) = run(arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
    assert_eq!(run(&["demo", "--list"]).0, Some(0));
    assert_eq!(run(&["simulate", "--list"]).0, Some(0));
}

#[test]
fn a_storm_of_sizes_down_to_nothing_leaves_it_alive() {
    let place = place();
    let mut screen = place.cockpit(&[]);
    for (columns, rows) in [(1, 1), (2, 1), (1, 3), (10, 3), (39, 7), (300, 90), (1, 1), (80, 24)] {
        screen.resize(columns, rows);
    }
    screen.line("it is back", SOON, |line| line.contains("tiphys"));
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
}

#[test]
fn what_cannot_show_a_screen_is_refused_with_the_words_to_use_instead() {
    let place = place();
    let mut dumb = Screen::start(&["--config", &place.config], &place.environment(&[("TERM", "dumb")]), 80, 24);
    assert_eq!(dumb.ended(SOON), 1);
    dumb.line("what to use instead", SOON, |line| line.contains("tiphys status"));
    let piped =
        std::process::Command::new(env!("CARGO_BIN_EXE_tiphys")).args(["--config", &place.config]).envs(place.environment(&[])).output().unwrap();
    assert_eq!(piped.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&piped.stderr).contains("tiphys status"));
}

#[test]
fn a_paste_does_not_press_keys() {
    let place = place();
    let mut screen = place.cockpit(&[]);
    screen.keys("\u{1b}[200~qqq\r\u{1b}[201~");
    screen.keys("?");
    screen.line("it is still there and answers keys", SOON, |line| line.contains("Moving"));
}

/// The names of the scenarios, from the program itself.
fn scenarios() -> Vec<String> {
    let output = std::process::Command::new(program()).args(["demo", "--list"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

#[test]
fn a_demo_goes_from_scenario_to_scenario_and_leaves_nothing_behind() {
    let place = place();
    let temporary = tempfile::tempdir().unwrap();
    let left = || std::fs::read_dir(temporary.path()).unwrap().count();
    let more = |fault| place.environment(&[("TMPDIR", temporary.path().to_str().unwrap()), ("TIPHYS_FAULT", fault)]);
    let [first, second, ..] = &scenarios()[..] else { panic!("there are no two scenarios") };
    let mut screen = Screen::start(&["demo", "--at", "03:10"], &more(""), 100, 30);
    screen.line("the first one", SOON, |line| line.contains(&format!("demo · {first}")) && line.contains("03:1"));
    assert_eq!(left(), 1);
    screen.keys(&format!(":{second}\r"));
    screen.line("the other one", SOON, |line| line.contains(&format!("demo · {second}")));
    until("the folder of the first one is gone", SOON, left, |count| *count == 1);
    kill_process(Pid::from_raw(i32::try_from(screen.pid()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!((screen.ended(SOON), left()), (0, 0));
    assert!(screen.is_restored());
    let mut crashing = Screen::start(&["demo"], &more("core"), 100, 30);
    crashing.line("it is up", SOON, |line| line.contains("demo · "));
    crashing.keys("j");
    assert_ne!(crashing.ended(SOON), 0);
    assert_eq!(left(), 0, "a crash leaves nothing behind either");
    let world = temporary.path().join("world");
    let mut served = Screen::start(&["simulate", "--write", world.to_str().unwrap()], &more(""), 100, 30);
    served.line("how to join", SOON, |line| line.contains("tiphys --config"));
    served.keys("\u{3}");
    assert_eq!(served.ended(SOON), 0);
}
