//! The program in a terminal: it takes it over, and gives it back however it ends.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests against a real process measure real time")]

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::screen::Screen;

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
