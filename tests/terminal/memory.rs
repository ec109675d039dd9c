//! The last known fleet: there from the first frame on, stale until its sources answer.

use std::time::Duration;

use serde_json::json;

use crate::support::world::World;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn what_was_known_last_is_shown_as_stale_until_its_sources_answer() {
    let world = World::start("quiet-day", &[]);
    let mut screen = world.cockpit(100, 30);
    screen.line("rows", SOON, |line| line.contains("✔H"));
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
    let servers = world.servers();
    for server in &servers {
        world.fault(server, &json!({"down": true}));
    }
    let mut screen = world.cockpit(100, 30);
    screen.line("a row of the run before", SOON, |line| line.contains("payments") && line.contains('?'));
    assert!(!screen.text().contains("✔H"), "stale is never painted as healthy: {}", screen.text());
    screen.line("it says why", SOON, |line| line.contains("last seen"));
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
    // A run that saw nothing forgets nothing.
    let mut screen = world.cockpit(100, 30);
    screen.line("still remembered", SOON, |line| line.contains("payments") && line.contains('?'));
    for server in &servers {
        world.heal(server);
    }
    screen.line("its sources answer again", Duration::from_mins(1), |line| line.contains("payments") && line.contains("✔H"));
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
}

#[test]
fn a_memory_that_cannot_be_read_is_none() {
    let world = World::start("quiet-day", &[]);
    let mut screen = world.cockpit(100, 30);
    screen.line("rows", SOON, |line| line.contains("✔H"));
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
    let files: Vec<_> = std::fs::read_dir(world.home().join("tiphys/fleets")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    std::fs::write(&files[0], "tiphys fleet 1\n\u{1b}[2Jnonsense").unwrap();
    let mut screen = world.cockpit(100, 30);
    screen.line("rows all the same", SOON, |line| line.contains("✔H"));
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
}
