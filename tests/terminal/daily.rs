//! Copying, pages and what is kept, in a real terminal: every byte of it is judged by the grammar when the screen is dropped.

use std::time::Duration;

use crate::support::screen::Screen;
use crate::support::wait::until;
use crate::support::world::World;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn what_is_copied_goes_out_between_frames_whatever_stands_between() {
    let world = World::start("quiet-day", &[]);
    for between in [&[][..], &[("TMUX", "/tmp/tmux-0/default,1,0"), ("SSH_CONNECTION", "x")]] {
        let mut screen = Screen::start(&["--config", &world.config()], &world.environment(between), 100, 30);
        screen.line("rows", SOON, |line| line.contains("✔H"));
        screen.keys("c");
        screen.line("the menu", SOON, |line| line.contains("copy of"));
        screen.keys("c");
        screen.line("it is told", SOON, |line| line.contains("Sent to your clipboard: version"));
        screen.keys("o");
        screen.line("there is no browser here", SOON, |line| line.contains("/applications/"));
        screen.keys("q");
        assert_eq!(screen.ended(SOON), 0);
        assert!(screen.is_restored());
    }
}

#[test]
fn favourites_and_views_are_there_the_next_time_and_a_broken_file_does_no_harm() {
    let world = World::start("quiet-day", &[]);
    let mut screen = world.cockpit(100, 30);
    screen.line("rows", SOON, |line| line.contains("✔H"));
    screen.keys("f");
    screen.line("told", SOON, |line| line.contains("is a favourite now"));
    screen.keys("/env:production\r:keep view\r");
    screen.line("a name is asked for", SOON, |line| line.contains("Name of this view"));
    screen.keys("mine\r");
    screen.line("saved", SOON, |line| line.contains("Saved as view mine"));
    screen.keys("\u{3}");
    assert_eq!(screen.ended(SOON), 0);
    let mut screen = Screen::start(&["--config", &world.config(), "--view", "mine"], &world.environment(&[]), 100, 30);
    screen.line("the view is on", SOON, |line| line.contains("/env:production"));
    screen.keys("j");
    screen.line("the favourite is marked", SOON, |line| line.starts_with('★'));
    screen.keys("\u{3}");
    assert_eq!(screen.ended(SOON), 0);
    let file = world.home().join("tiphys/favourites-and-views.json");
    std::fs::write(&file, "\u{1b}[2J{").unwrap();
    let mut screen = world.cockpit(100, 30);
    screen.line("told once", SOON, |line| line.contains("could not be understood"));
    screen.keys("f");
    until("a new file is there", SOON, || file.exists(), |there| *there);
    screen.keys("\u{3}");
    assert_eq!(screen.ended(SOON), 0);
}
