//! How it behaves on terminals that go away, stall, change, or are of another kind, while the world moves.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{SOON, place};
use crate::support::screen::Screen;
use crate::support::wait::until;
use crate::support::world::World;

/// State and ticks of CPU time of a process.
fn process(pid: u32) -> (char, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    (fields.first().and_then(|field| field.chars().next()).unwrap_or('Z'), number(11) + number(12))
}

#[test]
fn a_terminal_that_is_closed_ends_it_within_a_second_and_it_does_not_spin() {
    if !std::path::Path::new("/proc/self/stat").exists() {
        println!("skipped: there is no /proc to read CPU time from");
        return;
    }
    let place = place();
    let mut screen = place.cockpit(&[]);
    let (_, before) = process(screen.pid());
    screen.close();
    let ((_, after), took) = until("it is gone", Duration::from_secs(2), || process(screen.pid()), |(state, _)| *state == 'Z');
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(after - before < 50, "{} hundredths of a second of CPU time in {took:?}", after - before);
}

/// A world in which much happens, and a cockpit on it whose terminal will stall.
fn in_a_storm() -> (World, Screen) {
    let world = World::start("storm", &["--services", "40"]);
    let screen = world.cockpit(200, 50);
    screen.line("rows", SOON * 2, |line| line.contains("✔H"));
    (world, screen)
}

/// The terminal reads nothing for so long; then the screen is right after one repaint.
fn stall(length: Duration) {
    let (world, mut screen) = in_a_storm();
    let start = Instant::now();
    screen.pause(true);
    // More than the terminal's buffer holds has to be written, or nothing stalls.
    for _ in 0..20 {
        screen.keys(" rq");
    }
    let before = (world.requests("argocd:main"), world.requests("cluster:prod-eu"));
    let asked = || (world.requests("argocd:main"), world.requests("cluster:prod-eu"));
    until("the core goes on asking whether its sources live", length + SOON, asked, |now| {
        start.elapsed() >= length && now.0 > before.0 && now.1 > before.1
    });
    let stalled_at = screen.judged();
    screen.keys("?");
    screen.pause(false);
    screen.line("what was asked for last is on the screen", SOON, |line| line.contains("Moving"));
    let caught_up = screen.judged() - stalled_at;
    // What the system's buffers held, and two screens.
    assert!(caught_up <= 65_536 + 40_000, "{caught_up} bytes to catch up");
    screen.keys("qq");
    assert_eq!(screen.ended(SOON), 0);
    assert!(screen.is_restored());
}

#[test]
fn a_terminal_that_stalls_holds_up_nothing_and_costs_one_repaint() {
    stall(Duration::from_secs(3));
}

#[test]
#[ignore = "takes more than a minute: cargo test --test suite stalls_for_a_minute -- --ignored"]
fn a_terminal_that_stalls_for_a_minute_costs_no_more() {
    stall(Duration::from_mins(1));
}

#[test]
fn the_end_does_not_wait_for_a_terminal_that_stalls() {
    let (_world, mut screen) = in_a_storm();
    screen.pause(true);
    for _ in 0..20 {
        screen.keys(" rq");
    }
    let start = Instant::now();
    kill_process(Pid::from_raw(i32::try_from(screen.pid()).unwrap()).unwrap(), Signal::TERM).unwrap();
    screen.ended(Duration::from_secs(3));
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
}

#[test]
fn sizes_that_change_all_the_time_leave_it_right_while_the_world_moves() {
    let world = World::start("busy-morning", &["--speed", "20"]);
    let mut screen = world.cockpit(100, 30);
    screen.line("rows", SOON * 2, |line| line.contains("✔H"));
    for round in 0..40_u16 {
        let (columns, rows) =
            [(1, 1), (200, 50), (2, 2), (80, 24), (39, 7), (1, 60), (300, 1), (120, 40)].into_iter().nth(usize::from(round % 8)).unwrap();
        screen.resize(columns, rows);
        screen.keys(if round % 2 == 0 { "j" } else { "k" });
    }
    screen.resize(100, 30);
    screen.line("the first row is there", SOON, |line| line.starts_with(" tiphys"));
    screen.line("and the last", SOON, |line| line.contains("q leave"));
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
    assert!(screen.is_restored());
}

#[test]
fn every_usual_terminal_is_painted_and_left_as_it_was() {
    for term in ["screen", "tmux", "tmux-256color", "linux", "xterm", "vt100"] {
        let place = place();
        let mut screen = place.cockpit(&[("TERM", term)]);
        screen.line("the badge names the source", SOON, |line| line.contains("nowhere"));
        screen.keys("r");
        screen.line("a screen", SOON, |line| line.contains("SOURCES 1"));
        screen.keys("qq");
        assert_eq!(screen.ended(SOON), 0, "{term}");
        assert!(screen.is_restored(), "{term}");
    }
}

#[test]
fn without_colour_the_selection_is_seen_by_its_mark() {
    let world = World::start("busy-morning", &[]);
    let mut screen = Screen::start(&["--config", &world.config()], &world.environment(&[("NO_COLOR", "1")]), 100, 30);
    screen.line("rows", SOON * 2, |line| line.contains("✔H"));
    let marked = |screen: &Screen| screen.text().lines().filter(|line| line.starts_with('▸')).count();
    screen.keys("jjkg");
    until("one row is marked", SOON, || marked(&screen), |count| *count == 1);
    assert!(!screen.is_styled(|cell| cell.fgcolor() != vt100::Color::Default || cell.bgcolor() != vt100::Color::Default), "there is colour");
    screen.keys(":");
    screen.line("an entry of the palette is marked too", SOON, |line| line.contains('▸'));
    screen.keys("\u{7}q");
    assert_eq!(screen.ended(SOON), 0);
}

/// crossterm ends a paste at the first end that is in it: what follows arrives as keys. Nothing that they do here changes more than the screen.
#[test]
fn a_paste_that_pretends_to_end_opens_a_screen_at_worst() {
    let place = place();
    let mut screen = place.cockpit(&[]);
    screen.keys("\u{1b}[200~harmless\u{1b}[201~?\r\u{1b}[201~");
    screen.line("what follows was keys", SOON, |line| line.contains("Moving"));
    screen.keys("q");
    screen.line("and it still answers", SOON, |line| line.contains("q leave"));
    screen.keys("/\u{1b}[200~a\u{1b}[2J\u{7}b\r\nc\u{1b}[201~");
    screen.line("a field takes the text and none of its commands", SOON, |line| line.contains("[2J"));
    screen.keys("\u{3}");
    assert_eq!(screen.ended(SOON), 0);
    assert!(screen.is_restored());
}
