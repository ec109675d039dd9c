//! What a push to the gitops repository can meet, as git itself is told: a protected branch, a hook with words, somebody who is quicker, a login that is
//! wanted. Over a file path and over HTTP.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what does not run fails them")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::wait::until;
use crate::support::world::World;

const SOON: Duration = Duration::from_secs(20);
const ANOTHER: &str = "README.md";

/// A clone, and the git that works in it.
struct Clone<'a> {
    world: &'a World,
    folder: PathBuf,
}

impl<'a> Clone<'a> {
    fn of(world: &'a World, url: &str) -> Self {
        let clone = Self { world, folder: world.home().join("clone") };
        let (is_done, said) = clone.git(&["clone", "--quiet", url, "."]);
        assert!(is_done, "{said}");
        clone
    }

    fn git(&self, arguments: &[&str]) -> (bool, String) {
        std::fs::create_dir_all(&self.folder).unwrap();
        let own = ["-c", "user.name=Li Wei", "-c", "user.email=li@acme.example", "-c", "commit.gpgsign=false", "-c", "core.askPass=true"];
        let mut command = Command::new("git");
        command.current_dir(&self.folder).args(own).args(arguments);
        command.env("HOME", self.world.home()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    }

    fn commit(&self, file: &str) {
        let path = self.folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("# ours\n{text}")).unwrap();
        assert!(self.git(&["commit", "--quiet", "--all", "-m", "ours"]).0);
    }

    fn push(&self, to: &str) -> (bool, String) {
        self.git(&["push", "origin", &format!("HEAD:{to}")])
    }

    fn pull(&self) {
        let (is_done, said) = self.git(&["pull", "--quiet", "--rebase"]);
        assert!(is_done, "{said}");
    }
}

fn file(world: &World) -> String {
    world.home().join("world/gitops.git").display().to_string()
}

/// As Applications name the repository.
fn url(world: &World) -> String {
    let objects = world.objects();
    let mut named = objects.iter().flat_map(|(_, objects)| objects).filter_map(|one| one.pointer("/spec/source/repoURL").and_then(Value::as_str));
    named.next().unwrap().to_owned()
}

fn push(fault: &Value) -> Value {
    json!({ "push": fault })
}

/// What holds over a file path as over HTTP.
fn refusals(world: &World, url: &str) {
    let clone = Clone::of(world, url);
    clone.commit(ANOTHER);
    world.fault("git", &push(&json!("protected")));
    let (is_done, said) = clone.push("main");
    assert!(!is_done && said.contains("remote: error: GH006: Protected branch update failed for refs/heads/main."), "{said}");
    assert!(said.contains("[remote rejected]"), "{said}");
    let (is_done, said) = clone.push("tiphys/4b0f7c1e");
    assert!(is_done, "another branch is open: {said}");
    world.fault("git", &push(&json!({ "hook": "error: REL-17: \"no\" $ticket\nAsk `release`." })));
    let (is_done, said) = clone.push("main");
    assert!(!is_done && said.contains("remote: error: REL-17: \"no\" $ticket") && said.contains("remote: Ask `release`."), "{said}");
    // On the same file: a rebase that keeps both would be a guess, and here it is one that fits.
    world.fault("git", &push(&json!({ "race": { "times": 1, "on": "same-file" } })));
    let (is_done, said) = clone.push("main");
    assert!(!is_done && said.contains("[remote rejected]"), "{said}");
    clone.git(&["fetch", "--quiet"]);
    let (_, theirs) = clone.git(&["log", "-1", "--format=%an %s", "--name-only", "origin/main"]);
    assert_eq!(theirs.split_whitespace().collect::<Vec<_>>().join(" "), format!("Mara Lind Look over {ANOTHER} {ANOTHER}"));
    clone.pull();
    let (is_done, said) = clone.push("main");
    assert!(is_done, "once was enough: {said}");
    world.heal("git");
    clone.commit(ANOTHER);
    assert!(clone.push("main").0);
    // The world goes on committing: what is half written at one look is whole at the next.
    let fsck = || clone.git(&["-C", &file(world), "fsck", "--strict", "--no-dangling"]);
    until("the repository is whole", SOON, fsck, |(is_done, _)| *is_done);
}

#[test]
fn pushes_are_refused_over_a_file_path() {
    let world = World::start("quiet-day", &[]);
    refusals(&world, &file(&world));
    // Somebody is quicker as often as was said; the commits are seen by everybody else as any others.
    let clone = Clone { world: &world, folder: world.home().join("clone") };
    world.fault("git", &push(&json!({ "race": { "times": 2 } })));
    clone.commit(ANOTHER);
    for _ in 0..2 {
        let (is_done, said) = clone.push("main");
        assert!(!is_done && said.contains("[remote rejected]"), "{said}");
        clone.pull();
    }
    assert!(clone.push("main").0);
    // Who may log in is the affair of a server.
    let (status, said) = world.ask("PUT", "/faults/git", r#"{"push": "unauthorized"}"#);
    assert_eq!(status, 404, "{said}");
}

#[test]
fn pushes_are_refused_over_http() {
    let world = World::start("branches", &[]);
    refusals(&world, &url(&world));
    let clone = Clone { world: &world, folder: world.home().join("clone") };
    clone.commit(ANOTHER);
    for (fault, words) in [("unauthorized", "Authentication failed"), ("forbidden", "403")] {
        world.fault("git", &push(&json!(fault)));
        let (is_done, said) = clone.push("main");
        assert!(!is_done && said.contains(words), "{fault}: {said}");
        assert!(clone.git(&["fetch", "--quiet"]).0, "reading is another right");
    }
}

#[test]
fn a_scenario_has_somebody_who_is_quicker() {
    let world = World::start("push-race", &["--speed", "20"]);
    let clone = Clone::of(&world, &url(&world));
    crate::support::wait::until(
        "the race is on",
        std::time::Duration::from_secs(20),
        || world.ask("GET", "/faults/git", "").1,
        |fault| fault.contains("race"),
    );
    clone.commit(ANOTHER);
    for _ in 0..2 {
        let (is_done, said) = clone.push("main");
        assert!(!is_done && said.contains("fetch first"), "{said}");
        clone.pull();
    }
    let (is_done, said) = clone.push("main");
    assert!(is_done, "{said}");
}

#[test]
fn a_scenario_has_a_branch_that_is_protected() {
    let world = World::start("protected-branch", &["--speed", "5"]);
    let clone = Clone::of(&world, &url(&world));
    crate::support::wait::until(
        "main is protected",
        std::time::Duration::from_secs(20),
        || world.ask("GET", "/faults/git", "").1,
        |fault| fault.contains("protected"),
    );
    clone.commit(ANOTHER);
    let (is_done, said) = clone.push("main");
    assert!(!is_done && said.contains("GH006"), "{said}");
}
