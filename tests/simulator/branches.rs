//! What git itself does to a release, in the scenario `branches`: a branch for each environment, versions that are pinned past their file, history that
//! is rewritten, and a git server that has a bad day. What the cockpit says of it is held against `git log`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests: what does not run fails them")]

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::screen::program;
use crate::support::wait::until;
use crate::support::world::World;

const SOON: Duration = Duration::from_mins(1);

fn status(world: &World) -> Value {
    let output = Command::new(program()).args(["status", "--json", "--config", &world.config()]).env_clear().envs(world.environment(&[])).output();
    let output = output.unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The first placement of a service in an environment.
fn placement(status: &Value, service: &str, environment: &str) -> Value {
    let services = status["services"].as_array().cloned().unwrap_or_default();
    let own = services.iter().find(|one| one["name"] == service).cloned().unwrap_or_default();
    let cells = own["cells"].as_array().cloned().unwrap_or_default();
    let cell = cells.into_iter().find(|one| one["environment"] == environment).unwrap_or_default();
    cell["placements"][0].clone()
}

fn git(world: &World, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(world.home().join("world/gitops.git")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The version that a branch has of a service, by its overlay.
fn tag(world: &World, branch: &str, file: &str) -> String {
    let text = git(world, &["show", &format!("{branch}:{file}")]);
    text.lines().find_map(|line| line.trim().strip_prefix("newTag: ")).unwrap().trim_matches('"').to_owned()
}

#[test]
fn each_environment_is_read_on_its_own_branch_and_what_overrides_it_is_said() {
    let world = World::start("branches", &["--speed", "10"]);
    // Every deployment is read at the branch that its Application names, and told as git itself tells it.
    for environment in ["dev", "staging", "production"] {
        let branch = format!("env/{environment}");
        let look = || {
            let told = placement(&status(&world), "search", environment);
            let file = told["wanted"]["file"].as_str()?.to_owned();
            let by = format!("{} {}", told["wanted"]["commit"].as_str()?, told["wanted"]["by"].as_str()?);
            let newest = git(&world, &["log", "-1", "--format=%H %an", &branch, "--", &file]);
            Some(((told["wanted_version"].as_str()?.to_owned(), by), (tag(&world, &branch, &file), newest)))
        };
        until("what git wants is what its branch says", SOON, look, |found| found.as_ref().is_some_and(|(told, is)| told == is));
    }
    // How far staging is behind is counted on the branch of dev: the versions since it last had what staging wants.
    let told = status(&world);
    let (dev, staging) = (placement(&told, "search", "dev"), placement(&told, "search", "staging"));
    let file = dev["wanted"]["file"].as_str().unwrap();
    let mut missed: Vec<String> = Vec::new();
    for id in git(&world, &["log", "--first-parent", "--format=%H", "env/dev", "--", file]).lines() {
        let had = tag(&world, id, file);
        if staging["wanted_version"] == had {
            break;
        }
        if !missed.contains(&had) {
            missed.insert(0, had);
        }
    }
    assert!(!missed.is_empty(), "the story moved dev on");
    assert_eq!((staging["behind"]["count"].as_u64().unwrap(), &staging["behind"]["versions"]), (missed.len() as u64, &json!(missed)), "{staging}");

    for (service, version, by) in [("pricing", "9.9.0", ".argocd-source-"), ("inventory", "9.8.0", "spec.source.kustomize.images")] {
        until(
            "what overrides git is said, and it is what runs",
            SOON,
            || placement(&status(&world), service, "staging"),
            |told| {
                let is_said = told["wanted"]["overridden"].as_str().is_some_and(|words| words.contains(by));
                is_said && told["wanted_version"] == version && told["version"] == version && told["sync"] == "synced"
            },
        );
    }
}

#[test]
fn history_that_is_rewritten_and_a_git_server_that_refuses_are_said() {
    let world = World::start("branches", &["--speed", "10"]);
    let mut screen = world.cockpit(200, 50);
    screen.line("the matrix is there", SOON, |line| line.contains(" placements"));
    screen.keys("/env:production search\r");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    until("that history was rewritten is said", SOON, || words(&screen.text()), |text| text.contains("env/production was rewritten"));
    let why = || placement(&status(&world), "search", "production")["wanted"]["stale"]["why"].as_str().unwrap_or_default().to_owned();
    until("why git is not read is said", SOON, why, |why| why.contains("503"));
    until("it is read again", SOON, why, String::is_empty);
}

#[test]
fn the_git_server_takes_pushes_and_has_faults_like_any_other() {
    let world = World::start("branches", &[]);
    let objects = world.objects();
    let url = objects.iter().flat_map(|(_, objects)| objects).find_map(|object| object["spec"]["source"]["repoURL"].as_str()).unwrap();
    assert!(url.starts_with("http://127.0.0.1:") && world.servers().contains(&"git".to_owned()), "{url}");
    let clone = world.home().join("clone").display().to_string();
    let run = |arguments: &[&str]| {
        let own = ["-c", "user.name=Li Wei", "-c", "user.email=li@acme.example", "-c", "commit.gpgsign=false", "-c", "http.lowSpeedLimit=1"];
        let mut command = Command::new("git");
        command.args(own).args(["-c", "http.lowSpeedTime=1"]).args(arguments).env("HOME", world.home()).env("LC_ALL", "C");
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for arguments in [
        &["clone", "--quiet", "--branch", "env/dev", url, &clone][..],
        &["-C", &clone, "commit", "--quiet", "--allow-empty", "-m", "ours"],
        &["-C", &clone, "push", "--quiet", "origin", "env/dev"],
    ] {
        let (is_done, said) = run(arguments);
        assert!(is_done, "{arguments:?}: {said}");
    }
    assert!(git(&world, &["log", "--format=%s", "-20", "env/dev"]).contains("ours"));
    for (fault, said) in [(json!({"status": 503}), "503"), (json!({"down": true}), "onnect"), (json!({"frozen": true}), "too slow")] {
        world.fault("git", &fault);
        let (is_done, words) = run(&["ls-remote", url]);
        assert!(!is_done && words.contains(said), "{fault}: {words}");
    }
    world.fault("git", &json!({"latency": "100ms"}));
    assert!(run(&["ls-remote", url]).0, "slow is not lost");
}
