//! The picture of the README: the real program in a real terminal, at a moment that is the same each time. `docs/picture` writes it, CI compares.

use std::time::Duration;

use crate::support::screen::Screen;
use crate::support::svg;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/picture.svg");
/// The world runs five times as fast, so that all of it happens within the first minute that the clock shows.
const DEMO: &[&str] = &["demo", "--scenario", "bad-canary", "--seed", "1", "--speed", "5", "--at", "2026-03-10T09:00:00Z"];

#[test]
#[ignore = "takes the picture of the README: docs/picture"]
fn of_the_readme_is_what_the_program_shows() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().display().to_string();
    let environment: Vec<_> = ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"].map(|name| (name.to_owned(), place.clone())).into();
    let mut screen = Screen::start(DEMO, &environment, 100, 28);
    let limit = Duration::from_mins(1);
    screen.line("the canary waits for a person", limit, |line| line.contains("checkout") && line.matches("10%‖you").count() == 2);
    screen.line("and the story says so", limit, |line| line.contains("waits for a person. You, or Ana"));
    // The words for the selected cell come with the next frame.
    screen.line("the words for it", limit, |line| line.contains("waits for a person: Paused"));
    let picture = screen.look(|screen| svg::draw(screen, "tiphys demo: a canary of checkout waits at 10 % for a person"));
    screen.keys("q");
    screen.ended(limit);
    if std::env::var_os("TIPHYS_PICTURE").is_some_and(|wish| wish == "write") {
        std::fs::write(PICTURE, &picture).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(PICTURE).unwrap_or_default();
    assert!(kept == picture, "the README's picture is not what the program shows any more: run docs/picture, and look at it before you commit it");
}
