//! Over SSH from far away: a line on which every byte takes 90 ms in each direction, by itself and through tmux or GNU screen. What is painted and what
//! a key brings is there after one round trip, because nothing is asked and each frame is one write.

#![expect(clippy::print_stdout, reason = "what was measured, and what could not be, is told")]

use std::process::Command;
use std::time::{Duration, Instant};

use super::SOON;
use crate::support::screen::{Over, Screen, program};
use crate::support::wait::until;
use crate::support::world::World;

/// One way.
const DELAY: Duration = Duration::from_millis(90);
/// What comes over the line.
const FAR: Over = Over { delay: DELAY, ..Over::NEAR };
/// Less than another round trip, and more than a debug build on a machine that is busy needs.
const SLACK: Duration = Duration::from_millis(120);
/// The words about the selected cell have followed, and nothing else is to come.
const REST: Duration = Duration::from_millis(400);

/// A world in which nothing happens, with more rows than fit.
fn at_rest() -> World {
    World::start("fleet-at-rest", &["--services", "60"])
}

/// A cockpit that has read everything.
fn settled(world: &World, size: (u16, u16), over: Over) -> Screen {
    let screen = Screen::of(&program(), &["--config", &world.config()], &world.environment(&[]), size, over);
    screen.line("everything is read", SOON * 3, |line| line.contains("480 placements"));
    still(&screen, REST * 5);
    screen
}

/// Waits until nothing came for so long.
fn still(screen: &Screen, rest: Duration) {
    let is_still = || screen.last_arrival().is_none_or(|at| at.elapsed() >= rest);
    until("nothing comes any more", SOON * 3, is_still, |is_still| *is_still);
}

/// Presses a key. Returns when the first answer came, and how many bytes it was.
fn press(screen: &mut Screen, key: &str) -> (Duration, usize) {
    still(screen, REST);
    let start = Instant::now();
    screen.keys(key);
    // What comes sooner was under way before.
    let (pieces, _) = until("an answer", SOON, || screen.arrived_since(start + DELAY * 2), |pieces| !pieces.is_empty());
    pieces.first().map(|(at, bytes)| (*at - start, *bytes)).unwrap_or_default()
}

/// The quickest and the median of several.
fn of(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times.first().copied().unwrap_or_default(), times.get(times.len() / 2).copied().unwrap_or_default())
}

#[test]
fn the_first_screen_is_there_after_one_way_and_a_key_answers_after_one_round_trip() {
    let world = at_rest();
    let start = |over: Over| {
        let begin = Instant::now();
        let mut screen = Screen::of(&program(), &["--config", &world.config()], &world.environment(&[]), (100, 30), over);
        screen.line("the first screen", SOON, |line| line.contains("q leave"));
        let took = begin.elapsed();
        screen.keys("\u{3}");
        assert_eq!(screen.ended(SOON), 0);
        took
    };
    let near = of((0..4).map(|_| start(Over::NEAR)).collect()).0;
    let far = of((0..4).map(|_| start(FAR)).collect()).0;
    assert!(far >= DELAY && far < near + DELAY + SLACK, "{far:?} over the line, {near:?} without it");
    let mut screen = settled(&world, (200, 50), FAR);
    let answers: Vec<_> = ["j", "j", "k", "l", "l", "h", "j", "k", "l", "h"].into_iter().map(|key| press(&mut screen, key)).collect();
    let (quickest, median) = of(answers.iter().map(|(took, _)| *took).collect());
    println!(
        "first screen {near:?} near, {far:?} far; key {quickest:?}, median {median:?}; bytes {:?}",
        answers.iter().map(|one| one.1).collect::<Vec<_>>()
    );
    assert!(quickest >= DELAY * 2 && median < DELAY * 2 + SLACK, "{answers:?}");
    // Once the clock of the header may turn just then.
    let larger = answers.iter().filter(|(_, bytes)| *bytes > 80).count();
    assert!(larger <= 1, "a step of the cursor, each in one piece: {answers:?}");
    screen.keys("\u{3}");
    assert_eq!(screen.ended(SOON), 0);
    assert!(screen.is_restored());
}

#[test]
fn a_row_that_scrolls_and_a_whole_repaint_cost_what_they_may_and_come_at_once() {
    let world = at_rest();
    let mut screen = settled(&world, (200, 50), FAR);
    let total = |screen: &Screen, start: Instant| screen.arrived_since(start).iter().map(|(_, bytes)| bytes).sum::<usize>();
    press(&mut screen, "G");
    still(&screen, REST);
    // From the last row up to the first in sight, and one further.
    let top = |screen: &Screen| screen.text().lines().nth(3).unwrap_or_default().to_owned();
    let before = top(&screen);
    let mut row = 0;
    while top(&screen) == before {
        let start = Instant::now();
        press(&mut screen, "k");
        still(&screen, REST);
        row = total(&screen, start);
    }
    let start = Instant::now();
    screen.resize(200, 50);
    screen.resize(199, 50);
    until("a whole repaint", SOON, || total(&screen, start), |bytes| *bytes > 2000);
    still(&screen, REST);
    let (pieces, whole) = (screen.arrived_since(start), total(&screen, start));
    println!("a row that scrolls: {row} bytes; a whole repaint: {whole} bytes");
    assert!((100..=4500).contains(&row), "{row}");
    assert!(whole <= 2 * 14_000, "{whole}: two sizes, two repaints at most");
    // One write, however many pieces a pseudo terminal makes of it: all of it is there at the same time.
    let times = pieces.iter().map(|(at, _)| *at);
    let spread = times.clone().max().zip(times.min()).map(|(last, first)| last - first).unwrap_or_default();
    assert!(spread < DELAY * 2, "{spread:?} between its first and its last byte: nothing waited for an answer");
    screen.keys("\u{3}");
    assert_eq!(screen.ended(SOON), 0);
}

/// The grammar takes every question to a terminal for an offence: this is a whole session from the shell's prompt back to it.
#[test]
fn a_session_with_a_stop_and_another_size_asks_the_terminal_nothing() {
    let world = at_rest();
    let mut screen = Screen::far_shell(&world.environment(&[]), (100, 30), DELAY);
    screen.line("the shell is ready", SOON, |line| line.starts_with("ready>"));
    screen.keys(&format!("'{}' --config '{}'\r", program(), world.config()));
    screen.line("everything is read", SOON * 3, |line| line.contains("480 placements"));
    screen.keys("jjl\r");
    screen.line("a cell", SOON, |line| line.contains("APPLICATION"));
    until("its application is a link", SOON, || screen.links(), |links| links.iter().any(|link| link.contains("/applications/")));
    screen.keys("\u{1a}");
    until("the terminal is the shell's", SOON, || screen.is_restored(), |restored| *restored);
    screen.keys("clear; fg\r");
    screen.line("the cell is there again", SOON, |line| line.contains("APPLICATION"));
    screen.resize(80, 24);
    screen.keys("qr");
    screen.line("another screen in another size", SOON, |line| line.contains("SOURCES"));
    screen.keys("\u{3}");
    until("the terminal is the shell's", SOON, || screen.is_restored(), |restored| *restored);
    assert_eq!(screen.offence(), None);
    screen.keys("exit\r");
    screen.ended(SOON);
}

/// Whether a program of this name can be run.
fn is_installed(name: &str, version: &str) -> bool {
    let there = Command::new(name).arg(version).output().is_ok();
    if !there {
        println!("SKIPPED: there is no {name} here, so nothing was seen of the cockpit in it");
    }
    there
}

/// The cockpit inside of another program that paints, over the line: right, quick, and left as it was.
fn inside(world: &World, wrapper: &str, arguments: &[&str]) {
    let over = Over { is_painted_by_another: true, ..FAR };
    let mut screen = Screen::of(wrapper, arguments, &world.environment(&[("SHELL", "/bin/sh")]), (100, 30), over);
    screen.line("everything is read", SOON * 3, |line| line.contains("480 placements"));
    let marked = |screen: &Screen| screen.text().lines().position(|line| line.starts_with('▸'));
    let mut times = Vec::new();
    for key in ["j", "j", "j", "k", "j"] {
        still(&screen, REST);
        let before = marked(&screen);
        let start = Instant::now();
        screen.keys(key);
        until("the cursor moves", SOON, || marked(&screen), |now| now.is_some() && *now != before);
        times.push(start.elapsed());
    }
    let (quickest, median) = of(times);
    println!("{wrapper}: key {quickest:?}, median {median:?}");
    assert!(quickest >= DELAY * 2 && median < DELAY * 2 + SLACK, "{wrapper}: {quickest:?}, {median:?}");
    screen.keys("\r");
    screen.line("a cell", SOON, |line| line.contains("APPLICATION"));
    assert!(!screen.text().contains("https://"), "no address is painted as text: {}", screen.text());
    screen.keys("\u{3}");
    screen.ended(SOON);
}

#[test]
fn inside_of_tmux_it_is_as_quick() {
    if is_installed("tmux", "-V") {
        let world = at_rest();
        let socket = world.home().join("tmux").display().to_string();
        let (program, config) = (program(), world.config());
        inside(&world, "tmux", &["-f", "/dev/null", "-S", &socket, "new-session", &format!("exec '{program}' --config '{config}'")]);
    }
}

#[test]
fn inside_of_gnu_screen_it_is_as_quick() {
    if is_installed("screen", "-v") {
        let world = at_rest();
        let folder = world.home().join("screens");
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let (program, config, folder) = (program(), world.config(), folder.display().to_string());
        inside(&world, "env", &[&format!("SCREENDIR={folder}"), "screen", "-U", "-c", "/dev/null", &program, "--config", &config]);
    }
}
