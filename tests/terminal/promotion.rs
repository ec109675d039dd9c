//! A promotion from the first key to the end of its record, with the program itself against a simulated world: what is pasted does not confirm, what is not armed is not changed, and what was done is on record and untouched.

use std::process::{Command, Output};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::screen::{Over, Screen, program};
use crate::support::wait::until;
use crate::support::world::World;

const SOON: Duration = Duration::from_secs(40);
/// A whole change, on a machine that does other things.
const CHANGE: Duration = Duration::from_mins(2);

/// More than the silence that Enter wants before it, which a test of the confirmation has to produce: there is no state to wait for.
fn pause_as_a_person_does() {
    std::thread::sleep(Duration::from_millis(400));
}

/// Types a name and Enter as a person does. A machine that is busy may have made the pause look shorter: a person presses Enter once more.
fn confirm(screen: &mut Screen, name: &str, is_begun: impl Fn(&str) -> bool) {
    // What is typed in the first moment does not count: a person who sees that types it again.
    let is_typed = |screen: &Screen| screen.text().lines().any(|line| line.contains(&format!(": {name}")));
    for _ in 0..10 {
        pause_as_a_person_does();
        screen.keys(&"\u{7f}".repeat(name.len()));
        pause_as_a_person_does();
        screen.keys(name);
        pause_as_a_person_does();
        if is_typed(screen) {
            break;
        }
    }
    assert!(is_typed(screen), "{}", screen.text());
    for _ in 0..20 {
        pause_as_a_person_does();
        screen.keys("\r");
        pause_as_a_person_does();
        if screen.text().lines().any(&is_begun) {
            return;
        }
    }
    screen.line("it is carried out", SOON, is_begun);
}

fn run(world: &World, arguments: &[&str]) -> Output {
    let config = world.config();
    let mut command = Command::new(program());
    command.args(["--config", &config]).args(arguments).stdin(std::process::Stdio::null());
    command.env_clear().env("PATH", std::env::var("PATH").unwrap()).envs(world.environment(&[]));
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The answer of `--json`, by its schema.
fn answer(output: &Output) -> Value {
    let told = text(&output.stderr);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    let schema = serde_json::from_str(include_str!("../../docs/operation.schema.json")).unwrap();
    if let Err(error) = jsonschema::validate(&schema, &value) {
        panic!("{error}: {value:#}");
    }
    value
}

/// The journal is whole, and holds so many operations.
fn is_on_record(world: &World, count: usize) {
    let files = std::fs::read_dir(world.home().join("tiphys/journal")).unwrap().filter_map(Result::ok);
    let operations =
        files.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "jsonl") && entry.file_name() != "index.jsonl");
    assert_eq!(operations.count(), count);
    let verified = run(world, &["journal", "verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}{}", text(&verified.stdout), text(&verified.stderr));
}

/// A world whose staging is read-only, and a person whom git knows.
fn world() -> World {
    let world = World::start("quiet-day", &[]);
    world.edit_config(|text| text.replace("name = \"staging\"\n", "name = \"staging\"\nread_only = true\n"));
    std::fs::write(world.home().join(".gitconfig"), "[user]\n\tname = Ana\n\temail = ana@example.com\n").unwrap();
    world
}

#[test]
fn an_environment_is_armed_and_a_promotion_named_and_followed_to_its_end() {
    let world = world();
    let mut screen = world.cockpit(120, 40);
    screen.line("rows", SOON, |line| line.contains("catalog"));
    screen.keys("/catalog env:dev\r");
    screen.line("the filter is on", SOON, |line| line.contains("/catalog env:dev"));
    screen.keys("p");
    screen.line("what stands in the way", SOON, |line| line.contains("read-only until it is armed"));
    screen.keys("\u{10}arm\r");
    screen.line("it is armed", SOON, |line| line.contains("Nothing stands in its way"));
    screen.line("the name is asked for", SOON, |line| line.contains("catalog") && line.to_lowercase().contains("type"));
    screen.keys("\u{1b}[200~catalog\r\u{1b}[201~");
    screen.line("a paste does not confirm", SOON, |line| line.contains("A paste does not confirm"));
    confirm(&mut screen, "catalog", |line| line.contains("operation "));
    screen.line("it is seen to its end", CHANGE, |line| line.contains("Done:"));
    screen.keys("\u{3}");
    assert_eq!(screen.ended(SOON), 0);
    is_on_record(&world, 1);
}

#[test]
fn the_command_line_goes_through_the_same_door() {
    let world = world();
    let refused = run(&world, &["promote", "catalog", "--to", "staging", "--json"]);
    assert_eq!((refused.status.code(), answer(&refused)["refusals"][0]["name"].as_str()), (Some(3), Some("unarmed")));
    for (arguments, name) in [(&["--arm"][..], "no-terminal"), (&["--arm", "--yes"], "no-yes"), (&["--arm", "--read-only"], "read-only")] {
        let refused = run(&world, &[&["promote", "catalog", "--to", "staging", "--json"][..], arguments].concat());
        assert_eq!((refused.status.code(), answer(&refused)["refusals"][0]["name"].as_str()), (Some(3), Some(name)));
    }
    assert!(!world.home().join("tiphys/journal").exists(), "what cannot be confirmed is not armed either");

    let config = world.config();
    // The grammar is that of the cockpit's frames; here are lines.
    let over = Over { is_painted_by_another: true, ..Over::NEAR };
    let arguments = ["--config", &config, "promote", "checkout", "--to", "production", "--arm"];
    // A canary with pauses of minutes is under way for longer than it takes to leave it.
    let mut screen = Screen::of(&program(), &arguments, &world.environment(&[]), (120, 60), over);
    screen.line("the name is asked for", SOON, |line| line.contains("Type checkout and Enter"));
    screen.keys("\u{1b}[200~checkout\r\u{1b}[201~");
    screen.line("a paste does not confirm", SOON, |line| line.contains("A paste does not confirm"));
    confirm(&mut screen, "checkout", |line| line.starts_with("Operation "));
    screen.line("it is committed", CHANGE, |line| line.ends_with("committed"));
    kill_process(Pid::from_raw(i32::try_from(screen.pid()).unwrap()).unwrap(), Signal::INT).unwrap();
    assert_eq!(screen.ended(SOON), 4);
    screen.line("what goes on is told", SOON, |line| line.contains("Left. Goes on by itself"));
    is_on_record(&world, 1);
    let listed = run(&world, &["journal", "list", "--open"]);
    assert!(text(&listed.stdout).contains("promote checkout"), "{}", text(&listed.stdout));

    world.edit_config(|text| text.replace("read_only = true\n", "yes = true\n"));
    until("the world settled", CHANGE, || run(&world, &["status", "--json"]).status.code(), |code| *code == Some(0));
    let done = run(&world, &["promote", "inventory", "--to", "staging", "--yes", "--json"]);
    let said = answer(&done);
    assert_eq!((done.status.code(), said["outcome"].as_str()), (Some(0), Some("done")), "{said:#}{}", text(&done.stderr));
    assert_eq!(said["rungs"].as_array().unwrap().last().unwrap()["name"], "verified");
    is_on_record(&world, 2);
}

#[test]
fn a_change_by_pull_request_is_opened_approved_merged_and_seen_healthy() {
    // At a greater speed an Argo CD looks silent to a cockpit whose clock goes as usual.
    let world = World::start("pull-request", &["--speed", "4"]);
    world.edit_config(|text| text.replace("name = \"production\"\n", "name = \"production\"\nread_only = false\nyes = true\n"));
    std::fs::write(world.home().join(".gitconfig"), "[user]\n\tname = Ana\n\temail = ana@example.com\n").unwrap();
    let refused = run(&world, &["merge", "cart", "--in", "production", "--yes", "--json"]);
    assert_eq!(refused.status.code(), Some(3), "nothing is proposed yet: {}", text(&refused.stdout));
    let opened = run(&world, &["promote", "cart", "--to", "production", "--yes", "--detach", "--json"]);
    let said = answer(&opened);
    assert!(said["operation"].is_string(), "{said:#}{}", text(&opened.stderr));
    // Checks and a reviewer take their time, and until then the merge is refused with a sentence.
    let merge = || run(&world, &["merge", "cart", "--in", "production", "--yes", "--json"]);
    let (merged, _) = until("it is approved, and merged", CHANGE, merge, |merged| merged.status.code() != Some(3));
    let said = answer(&merged);
    assert_eq!((merged.status.code(), said["outcome"].as_str()), (Some(0), Some("done")), "{said:#}{}", text(&merged.stderr));
    assert_eq!(said["rungs"].as_array().unwrap().last().unwrap()["name"], "verified");
    is_on_record(&world, 2);
}

#[test]
fn a_canary_is_aborted_through_argo_cd_where_its_cluster_is_away() {
    // Colleagues let it go on after three minutes of that world.
    let world = World::start("quiet-day", &["--speed", "4"]);
    world.edit_config(|text| text.replace("name = \"production\"\n", "name = \"production\"\nread_only = false\nyes = true\n"));
    std::fs::write(world.home().join(".gitconfig"), "[user]\n\tname = Ana\n\temail = ana@example.com\n").unwrap();
    let begun = run(&world, &["promote", "checkout", "--to", "production", "--yes", "--detach", "--json"]);
    assert!(answer(&begun)["operation"].is_string(), "{}", text(&begun.stderr));
    let status = || text(&run(&world, &["status", "--json"]).stdout);
    until("its canary waits for a person", CHANGE, status, |status| status.contains("CanaryPauseStep"));
    world.fault("cluster:prod-eu", &serde_json::json!({"down": true}));
    let abort = ["canary", "abort", "checkout", "--in", "production", "--placement", "eu", "--yes", "--json"];
    let aborted = run(&world, &abort);
    let said = answer(&aborted);
    assert_eq!((aborted.status.code(), said["outcome"].as_str()), (Some(0), Some("done")), "{said:#}{}", text(&aborted.stderr));
    assert!(said["requests"][0]["words"].as_str().unwrap().starts_with("Argo CD is asked for the action 'abort'"), "{said:#}");
    let again = run(&world, &abort);
    assert!(text(&again.stdout).contains("it was aborted already"), "{}", text(&again.stdout));
    world.heal("cluster:prod-eu");
    until("its cluster says so too", SOON, status, |status| status.contains("\"waits_for\":\"aborted\"") || status.contains("RolloutAborted"));
    is_on_record(&world, 2);
}

#[test]
fn a_pull_request_is_opened_merged_and_seen_healthy_by_keys_alone() {
    let world = World::start("pull-request", &["--speed", "4"]);
    world.edit_config(|text| text.replace("name = \"production\"\n", "name = \"production\"\nread_only = false\n"));
    std::fs::write(world.home().join(".gitconfig"), "[user]\n\tname = Ana\n\temail = ana@example.com\n").unwrap();
    let mut screen = world.cockpit(120, 50);
    screen.line("rows", SOON, |line| line.contains("cart"));
    screen.keys("/cart env:staging\r");
    screen.line("the filter is on", SOON, |line| line.contains("/cart env:staging"));
    screen.keys("p");
    screen.line("what it would open", SOON, |line| line.contains("open a pull request in acme/gitops"));
    screen.line("the name is asked for", SOON, |line| line.contains("cart") && line.to_lowercase().contains("type"));
    confirm(&mut screen, "cart", |line| line.contains("operation "));
    // Checks pass and somebody approves on the simulated GitHub; until then m would say why not.
    screen.line("it can be merged", CHANGE, |line| line.contains("can be merged"));
    screen.keys("m");
    screen.line("the merge is looked at", SOON, |line| line.contains("merge pull request #") && line.contains("if it is still at"));
    screen.line("the name is asked for again", SOON, |line| line.contains("cart") && line.to_lowercase().contains("type"));
    confirm(&mut screen, "cart", |line| line.contains("operation "));
    screen.line("it is seen to its end", CHANGE, |line| line.contains("Done:"));
    screen.keys("\u{3}");
    assert_eq!(screen.ended(SOON), 0);
    is_on_record(&world, 2);
}
