//! Stories of change: a promotion by keys alone, carried out in a real repository, followed to verified health, and on record.

#![expect(clippy::disallowed_methods, reason = "real processes take real time, and how much of it passed is the subject")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::gitops::repository;
use super::world::{World, fresh_tag};
use super::{SOON, cell, text};
use crate::support::screen::Screen;
use crate::support::wait::until;

/// A confirmation is deaf for 400 ms, and Enter counts after 150 ms of silence: the two are what is waited for here, and nothing else is.
const DEAF: Duration = Duration::from_millis(450);
const QUIET: Duration = Duration::from_millis(250);

fn pass(time: Duration) {
    let began = Instant::now();
    until("time to pass", Duration::from_secs(2), || began.elapsed(), |elapsed| *elapsed >= time);
}

fn version(world: &impl World, service: &str, environment: &str) -> String {
    cell(&world.status(&[]), service, environment).map(|cell| text(&cell["placements"][0]["version"])).unwrap_or_default()
}

fn commits_with(repository: &Path, words: &str) -> usize {
    let grep = format!("--grep={words}");
    let output = Command::new("git").arg("-C").arg(repository).args(["log", "--format=%H", "--fixed-strings", &grep, "main"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

/// Types a service's name where it is asked for, as a person does, and Enter after it.
fn confirm(screen: &mut Screen, name: &str) {
    pass(DEAF);
    screen.keys(name);
    until("the name is typed", SOON, || screen.text(), |text| text.contains(&format!("do it: {name}")));
    pass(QUIET);
    screen.keys("\r");
}

/// The cockpit is killed at every step of carrying a promotion out, and another one takes it up: at most one commit, at most one of each request, and
/// what is said in the end is true.
pub(crate) fn a_cockpit_that_dies_at_any_step_leaves_nothing_untrue(world: &impl World) {
    let (service, from, to) = ("inventory-service", "dev", "staging");
    let before = [version(world, service, from), version(world, service, to)];
    std::fs::write(world.folder().join(".gitconfig"), "[user]\n name = Ana Sousa\n email = ana@acme.example\n").unwrap();
    let config = world.config("crashes", &["nonprod", "prod"]);
    let points = [
        "before-record-1",
        "before-send-1",
        "after-send-1",
        "before-record-2",
        "before-record-3",
        "before-send-2",
        "after-send-2",
        "before-record-4",
    ];
    for (number, point) in (0..).zip(points) {
        let tag = format!("{}.{number}", fresh_tag("0.34"));
        world.commit(service, from, &tag);
        world.refresh("inventory-service-dev");
        until("dev runs the new version", super::NOTICED, || version(world, service, from), |runs| *runs == tag);
        let mut environment = world.environment().to_vec();
        environment.push(("TIPHYS_FAULT".into(), point.into()));
        let mut screen = Screen::start(&["--config", &config], &environment, 100, 30);
        until("its row is there", SOON, || screen.text(), |text| text.contains(service));
        screen.keys("/inventory\r");
        until("the row is there", SOON, || screen.text(), |text| text.contains(&tag));
        screen.keys("hhhh");
        screen.keys("p");
        until("the name is asked for", SOON, || screen.text(), |text| text.contains(&format!("Type {service} and")));
        confirm(&mut screen, service);
        screen.ended(SOON);
        drop(screen);
        let mut screen = world.cockpit_with(&["--config", &config], 100, 30);
        until(
            "it is taken up",
            super::NOTICED,
            || screen.text(),
            |text| ["Taken up", "Failed: ", "Done: ", "Unknown: "].iter().any(|word| text.contains(word)),
        );
        screen.keys("u");
        let is_over = |text: &String| ["Done:", "Failed", "Unknown"].iter().any(|word| text.contains(word));
        let (told, _) = until("it ends", super::NOTICED, || screen.text(), is_over);
        let commits = commits_with(&repository(world), &format!("promote({to}): {service} {tag}"));
        let is_done = told.contains("Done:");
        println!("{point}: {} with {commits} commits", if is_done { "done" } else { "not done" });
        assert!(commits <= 1, "{point}: {commits} commits");
        assert!(!told.contains("Unknown"), "{point}: {told}");
        assert_eq!(is_done, commits == 1, "{point}: {told}");
        if is_done {
            assert_eq!(version(world, service, to), tag, "{point}");
        }
        screen.keys("\u{3}");
        screen.ended(SOON);
        let verified = world.command(&crate::support::screen::program()).args(["--config", &config, "journal", "verify"]).output().unwrap();
        assert!(verified.status.success(), "{point}: {}", String::from_utf8_lossy(&verified.stdout));
    }
    for (environment, before) in [from, to].into_iter().zip(&before) {
        world.commit(service, environment, before);
        world.refresh(&format!("{service}-{environment}"));
        until("it is as it was", super::NOTICED, || version(world, service, environment), |runs| runs == before);
    }
}

pub(crate) fn a_promotion_by_keys_is_seen_healthy_and_on_record(world: &impl World) {
    let (service, from, to) = ("inventory-service", "dev", "staging");
    let before = [version(world, service, from), version(world, service, to)];
    let tag = fresh_tag("0.33");
    world.commit(service, from, &tag);
    world.refresh("inventory-service-dev");
    until("dev runs the new version", super::NOTICED, || version(world, service, from), |runs| *runs == tag);
    std::fs::write(world.folder().join(".gitconfig"), "[user]\n name = Ana Sousa\n email = ana@acme.example\n").unwrap();
    let config = world.config("promotion", &["nonprod", "prod"]);
    let mut screen = world.cockpit_with(&["--config", &config], 100, 30);
    until("its row is there", SOON, || screen.text(), |text| text.contains(service));
    screen.keys("/inventory\r");
    until("the row is there", SOON, || screen.text(), |text| text.contains(&tag) && text.contains("0.30.2"));
    screen.keys("hhhh");
    screen.keys("p");
    until(
        "what would change",
        SOON,
        || screen.text(),
        |text| text.contains(&format!("+     newTag: \"{tag}\"")) || text.contains(&format!("newTag: {tag}")),
    );
    let asked = format!("Type {service} and");
    until("the name is asked for", SOON, || screen.text(), |text| text.contains(&asked));
    // A paste that holds the name and Enter confirms nothing.
    pass(DEAF);
    screen.keys(&format!("\u{1b}[200~{service}\r\u{1b}[201~"));
    screen.keys(&format!("{service}\r"));
    until("the paste is refused", SOON, || screen.text(), |text| text.contains("in one burst") || text.contains("does not confirm"));
    assert_eq!(commits_with(&repository(world), &format!("promote({to}): {service} {tag}")), 0);
    screen.keys(&"\u{7f}".repeat(service.len()));
    until("nothing is typed", SOON, || screen.text(), |text| text.contains(&format!("{asked} ↵ to do it: ▏")));
    confirm(&mut screen, service);
    let done = format!("Done: {tag} seen healthy");
    let (_, took) = until("it is seen healthy", super::NOTICED, || screen.text(), |text| text.contains(&done));
    println!("from the confirmation to verified health: {took:?}");
    assert_eq!(commits_with(&repository(world), &format!("promote({to}): {service} {tag}")), 1);
    screen.keys("q");
    screen.keys("\u{3}");
    screen.ended(SOON);
    let journal = |arguments: &[&str]| {
        let output = world.command(&crate::support::screen::program()).args(["--config", &config, "journal"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "journal {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    journal(&["verify"]);
    let told = journal(&["show", "last"]);
    assert!(told.contains(&tag) && told.contains("verified") && told.contains("inventory-service"), "{told}");
    for (environment, before) in [from, to].into_iter().zip(&before) {
        world.commit(service, environment, before);
        world.refresh(&format!("{service}-{environment}"));
        until("it is as it was", super::NOTICED, || version(world, service, environment), |runs| runs == before);
    }
}
