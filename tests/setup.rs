//! Setting up, on a world that runs: `init`, `doctor`, `config` and what surrounds them, as a person with nothing but logins finds them.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what does not run fails them")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::support::screen::program;
use crate::support::world::World;

/// A world, and a person who is logged in to it and has written nothing down.
struct Newcomer {
    world: World,
    environment: Vec<(String, String)>,
}

impl Newcomer {
    fn arrive() -> Self {
        let world = World::start("quiet-day", &[]);
        let served = world.home().join("world");
        let login = world.home().join("argocd");
        std::fs::create_dir(&login).unwrap();
        std::fs::copy(served.join("argocd-config"), login.join("config")).unwrap();
        std::fs::set_permissions(login.join("config"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let path = std::env::var("PATH").unwrap();
        let (login, kubeconfig) = (login.display().to_string(), served.join("kubeconfig").display().to_string());
        let more = [("ARGOCD_CONFIG_DIR", login.as_str()), ("KUBECONFIG", &kubeconfig), ("PATH", &path), ("LANG", "C.UTF-8"), ("TERM", "xterm")];
        let environment = world.environment(&more);
        Self { world, environment }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        std::process::Command::new(program())
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap()
    }

    /// What a command prints as JSON, checked against its schema, and its exit code.
    fn json(&self, arguments: &[&str], schema: &str) -> (Value, Option<i32>) {
        let output = self.run(arguments);
        let value: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)));
        if let Err(error) = jsonschema::validate(&serde_json::from_str(schema).unwrap(), &value) {
            panic!("{arguments:?} does not follow its schema: {error}");
        }
        (value, output.status.code())
    }

    fn doctor(&self) -> (Value, Option<i32>) {
        self.json(&["doctor", "--json", "--timeout", "5s"], include_str!("../docs/doctor.schema.json"))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The findings with this verdict: part, what, cure.
fn findings<'v>(report: &'v Value, verdict: &str) -> Vec<(&'v str, &'v str, &'v str)> {
    let parts = report["parts"].as_array().unwrap().iter();
    let all = parts.flat_map(|part| part["findings"].as_array().unwrap().iter().map(move |finding| (part, finding)));
    all.filter(|(_, finding)| finding["verdict"] == verdict)
        .map(|(part, finding)| (part["name"].as_str().unwrap(), finding["what"].as_str().unwrap(), finding["cure"].as_str().unwrap_or_default()))
        .collect()
}

#[test]
fn a_newcomer_gets_a_file_that_says_what_was_guessed() {
    let newcomer = Newcomer::arrive();
    let status = |more: &[&str]| {
        let arguments: Vec<&str> = more.iter().copied().chain(["status", "--json"]).collect();
        newcomer.json(&arguments, include_str!("../docs/status.schema.json")).0
    };
    let cells = |status: &Value| -> Vec<(String, usize)> {
        let services = status["services"].as_array().unwrap().iter();
        services.map(|service| (service["name"].to_string(), service["cells"].as_array().unwrap().len())).collect()
    };
    let guessed = status(&[]);
    assert_eq!(guessed["guessed"], true);

    // Where nobody looks, it is printed and nothing is written.
    let printed = newcomer.run(&["init"]);
    assert!(printed.status.success(), "{}", text(&printed.stderr));
    assert!(!newcomer.world.home().join("tiphys/config.toml").exists());
    let file = newcomer.world.home().join("written/config.toml").display().to_string();
    let written = newcomer.run(&["init", "--output", &file]);
    assert!(written.status.success(), "{}", text(&written.stderr));
    assert!(text(&written.stdout).contains("checkout") && text(&written.stdout).contains("Written: "), "{}", text(&written.stdout));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text(&printed.stdout));

    let configured = status(&["--config", &file]);
    assert_eq!(configured["guessed"], false);
    assert_eq!(configured["environments"], guessed["environments"]);
    assert_eq!(cells(&configured), cells(&guessed));
    assert_eq!(configured["unmapped"], guessed["unmapped"]);

    // What git wants is read from what is named in it, as before from what was seen.
    let text_of_file = std::fs::read_to_string(&file).unwrap();
    assert!(text_of_file.contains("\n[[repositories]]\nurl = "), "{text_of_file}");
    let repositories = |status: &Value| -> Vec<Value> {
        status["sources"].as_array().unwrap().iter().filter(|source| source["kind"] == "repository").map(|source| source["name"].clone()).collect()
    };
    assert_eq!((repositories(&configured), repositories(&guessed).len()), (repositories(&guessed), 1));

    // A repository that is named must answer; one that was merely seen need not.
    let doctor = |file: &str| {
        let (report, code) = newcomer.json(&["--config", file, "doctor", "--json", "--timeout", "5s"], include_str!("../docs/doctor.schema.json"));
        let told = findings(&report, "fail").iter().map(|(name, what, _)| format!("{name} {what}")).collect::<Vec<_>>();
        (told, code)
    };
    assert_eq!(doctor(&file), (Vec::new(), Some(0)));
    let lost: Vec<&str> =
        text_of_file
            .lines()
            .map(|line| {
                if line.starts_with("url = \"file://") || line.starts_with("url = \"git://") { "url = \"file:///nowhere/gitops.git\"" } else { line }
            })
            .collect();
    let other = newcomer.world.home().join("written/lost.toml").display().to_string();
    std::fs::write(&other, lost.join("\n")).unwrap();
    assert_eq!(doctor(&other), (vec!["file:///nowhere/gitops.git reachable".to_owned()], Some(1)));

    // A file that is there is left as it is.
    std::fs::write(&file, "title = \"mine\"\n").unwrap();
    let refused = newcomer.run(&["init", "--output", &file]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "title = \"mine\"\n");
    assert!(newcomer.run(&["init", "--output", &file, "--force"]).status.success());
    assert!(std::fs::read_to_string(&file).unwrap().contains("[[environments]]"));
}

#[test]
fn the_doctor_tells_each_thing_that_is_wrong_with_its_cure() {
    let newcomer = Newcomer::arrive();
    let (report, code) = newcomer.doctor();
    assert_eq!((findings(&report, "fail"), code), (Vec::new(), Some(0)), "{report:#}");
    assert_eq!(findings(&report, "warn"), [("", "configuration", "tiphys init")], "{report:#}");
    assert!(report["parts"].as_array().unwrap().iter().any(|part| part["kind"] == "repository"), "{report:#}");
    assert!(!report.to_string().contains("not everywhere"), "an administrator may do everything: {report:#}");

    let fault = |server: &str, body: &str| assert_eq!(newcomer.world.ask("PUT", &format!("/faults/{server}"), body).0, 200);
    fault("argocd:main", r#"{"expired-token": true}"#);
    fault("cluster:prod-eu", r#"{"skew-seconds": -600}"#);
    fault("cluster:prod-us", r#"{"down": true}"#);
    let (report, code) = newcomer.doctor();
    assert_eq!(code, Some(1));
    assert_eq!(
        findings(&report, "fail"),
        [("main", "account", "argocd relogin"), ("prod-us", "reachable", "kubectl --context prod-us version")],
        "{report:#}"
    );
    assert!(findings(&report, "warn").iter().any(|(name, what, _)| (*name, *what) == ("prod-eu", "clock")), "{report:#}");

    // init writes nothing where nothing can be read.
    let refused = newcomer.run(&["init", "--print", "--timeout", "5s"]);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(5), 0), "{}", text(&refused.stderr));

    // A login that others may read.
    let login = newcomer.world.home().join("argocd/config");
    std::fs::set_permissions(&login, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (report, code) = newcomer.doctor();
    assert_eq!(code, Some(1));
    assert_eq!(findings(&report, "fail"), [("", "configuration", format!("chmod 600 {}", login.display()).as_str())], "{report:#}");
}

#[test]
fn a_plan_and_a_refusal_follow_their_schema_and_change_nothing() {
    let newcomer = Newcomer::arrive();
    let file = newcomer.world.home().join("world/config.toml").display().to_string();
    let before = std::fs::read_to_string(newcomer.world.home().join("world/gitops.git/refs/heads/main")).unwrap().trim().to_owned();
    let (debts, code) = newcomer.json(&["--config", &file, "debt", "--json"], include_str!("../docs/debt.schema.json"));
    assert!(debts["debts"].is_array() && code == Some(0), "{debts:#}");
    let status = newcomer.json(&["--config", &file, "status", "--json"], include_str!("../docs/status.schema.json")).0;
    let services: Vec<&str> = status["services"].as_array().unwrap().iter().filter_map(|service| service["name"].as_str()).collect();
    let (mut planned, mut refused, mut returned) = (None, None, None);
    for service in services {
        let arguments = ["--config", &file, "plan", "promote", service, "--to", "production", "--json"];
        let (answer, code) = newcomer.json(&arguments, include_str!("../docs/plan.schema.json"));
        if returned.is_none() {
            let arguments = ["--config", &file, "plan", "rollback", service, "--in", "production", "--json"];
            let (answer, _) = newcomer.json(&arguments, include_str!("../docs/plan.schema.json"));
            returned = answer["plan"]["message"].as_str().map(ToOwned::to_owned);
            // Whoever can go back by a commit has a way to recommend.
            if returned.is_some() {
                let arguments = ["--config", &file, "ways", service, "--in", "production", "--json"];
                let (ways, code) = newcomer.json(&arguments, include_str!("../docs/ways.schema.json"));
                let recommended: Vec<bool> = ways["ways"].as_array().unwrap().iter().filter_map(|way| way["recommended"].as_bool()).collect();
                assert_eq!((code, recommended.first(), recommended.iter().filter(|is| **is).count()), (Some(0), Some(&true), 1), "{ways:#}");
            }
        }
        let is_refused = answer["plan"].is_null();
        assert_eq!(code, Some(if is_refused { 3 } else { 0 }), "{answer:#}");
        *(if is_refused { &mut refused } else { &mut planned }) = Some(answer);
        if planned.is_some() && refused.is_some() {
            break;
        }
    }
    let (planned, refused) = (planned.unwrap(), refused.unwrap());
    assert!(!planned["plan"]["files"].as_array().unwrap().is_empty() && planned["refusal"].is_null(), "{planned:#}");
    assert!(refused["refusal"]["sentence"].as_str().is_some_and(|sentence| sentence.ends_with('.')), "{refused:#}");
    assert!(returned.is_some_and(|message| message.starts_with("rollback(production): ") && message.contains("\nDo-Not-Promote: ")));
    // Others may have pushed meanwhile, as the scenario tells: nobody did for an operation.
    let repository = newcomer.world.home().join("world/gitops.git");
    let output = std::process::Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["log", "--format=%s", "--grep=^Cockpit-Operation:", &format!("{before}..main")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn what_changed_and_what_changes_follow_their_schemas() {
    let newcomer = Newcomer::arrive();
    let (changes, code) = newcomer.json(&["changes", "--json", "--since", "720h"], include_str!("../docs/changes.schema.json"));
    assert_eq!(code, Some(0), "{changes:#}");
    assert!(!changes["changes"].as_array().unwrap().is_empty(), "{changes:#}");

    let validator = jsonschema::validator_for(&serde_json::from_str(include_str!("../docs/status-watch.schema.json")).unwrap()).unwrap();
    let mut watching = std::process::Command::new(program())
        .args(["status", "--watch", "--json", "--interval", "100ms"])
        .env_clear()
        .envs(newcomer.environment.iter().map(|(name, value)| (name, value)))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    let out = BufReader::new(watching.stdout.take().unwrap());
    let reader = std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut seen = BTreeSet::new();
    while !["watching", "placement", "source"].iter().all(|what| seen.contains(*what)) {
        let line = lines.recv_timeout(Duration::from_mins(1)).unwrap_or_else(|_| panic!("no line came after {seen:?}"));
        let value: Value = serde_json::from_str(&line).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{line}: {wrong:?}");
        if seen.is_empty() {
            assert_eq!(value["what"], "watching");
            assert_eq!(newcomer.world.ask("PUT", "/faults/cluster:prod-us", r#"{"down": true}"#).0, 200);
        }
        seen.insert(value["what"].as_str().unwrap().to_owned());
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
    let _ = reader.join().unwrap();
}

#[test]
fn an_empty_home_is_told_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let path = std::env::var("PATH").unwrap();
        std::process::Command::new(program()).args(arguments).env_clear().env("HOME", home.path()).env("PATH", path).output().unwrap()
    };
    for verb in [&["init"][..], &["config"], &["status"]] {
        let output = run(verb);
        assert_eq!(output.status.code(), Some(2), "{verb:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("argocd login HOST"), "{verb:?}: {}", text(&output.stderr));
    }
    let output = run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("argocd login HOST"), "{}", text(&output.stdout));
    // These need nothing at all.
    for verb in
        [&["keys"][..], &["keys", "--json"], &["completions", "bash"], &["completions", "zsh"], &["man"], &["man", "doctor"], &["config", "--schema"]]
    {
        let output = run(verb);
        assert!(output.status.success() && !output.stdout.is_empty(), "{verb:?}: {}", text(&output.stderr));
    }
    let pages = home.path().join("man1");
    assert!(run(&["man", "--output", pages.to_str().unwrap()]).status.success());
    assert!(pages.join("tiphys.1").exists() && pages.join("tiphys-doctor.1").exists());
}
