//! Servers that die, or stand still, at each step of an operation, and come back: what the program says is what the servers did, nothing was done twice,
//! and the recommended way leads out.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::crew::{AsFound, Audit, CANARY, Crew, SOON};
use super::verb::{Ended, Verb};
use crate::lab::world::Lab;
use crate::stories::world::{World as _, fresh_tag};
use crate::support::wait::until;

const SERVICE: &str = "checkout-service";

/// What goes away.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Server {
    Repository,
    Cluster,
    Argocd,
}

/// How it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    /// Its port refuses; the repository is moved away.
    Killed,
    /// It takes what is sent and does not answer.
    Frozen,
}

/// A server that is away, until this is dropped.
struct Away<'a> {
    crew: &'a Crew,
    server: Server,
    how: How,
}

impl Server {
    const fn process(self) -> Option<&'static str> {
        match self {
            Self::Repository => None,
            Self::Cluster => Some("prod-apiserver"),
            Self::Argocd => Some("argocd-server"),
        }
    }
}

impl How {
    /// How long it is away at most, while the program meets it.
    const fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::Killed => 5,
            // Longer than the program waits for an answer.
            Self::Frozen => 12,
        })
    }
}

impl<'a> Away<'a> {
    fn take(crew: &'a Crew, server: Server, how: How) -> Self {
        let away = Self { crew, server, how };
        match (server.process(), how) {
            (None, _) => std::fs::rename(crew.repository(), away.aside()).unwrap(),
            (Some(process), How::Killed) => Lab::run(&["kill", process]),
            (Some(process), How::Frozen) => Lab::run(&["freeze", process]),
        }
        away
    }

    fn aside(&self) -> PathBuf {
        self.crew.repository().with_extension("away")
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        match (self.server.process(), self.how) {
            (None, _) => drop(std::fs::rename(self.aside(), self.crew.repository())),
            (Some(_), How::Killed) => Lab::run(&["start"]),
            (Some(process), How::Frozen) => Lab::run(&["thaw", process]),
        }
    }
}

/// Where a server goes away: when the program comes to this point.
#[derive(Debug, Clone, Copy)]
struct Case<'a> {
    server: Server,
    how: How,
    service: &'a str,
    point: &'a str,
}

/// A way back out of a canary is three requests: the abort, the commit, Argo CD is told.
const POINTS: [&str; 8] =
    ["before-record-1", "before-send-1", "after-send-1", "before-send-2", "after-send-2", "before-send-3", "after-send-3", "before-record-6"];

/// Carries a verb out, with a server that goes away at a point of it and comes back.
fn carried(crew: &Crew, words: &str, case: Case<'_>, number: usize) -> Ended {
    let gate = crew.lab.folder().join(format!("gate-{number}-{}", fresh_tag("0")));
    let reached = gate.with_extension("reached");
    let fault = [("TIPHYS_FAULT", case.point), ("TIPHYS_FAULT_UNTIL", gate.to_str().unwrap())];
    let mut verb = crew.begin(&crew.oncall, words, &fault);
    until("it comes to the point", SOON, || reached.exists() || verb.is_over(), |is_there| *is_there);
    assert!(reached.exists(), "{case:?}: it ended before: {}", verb.told());
    let away = Away::take(crew, case.server, case.how);
    std::fs::write(&gate, "").unwrap();
    meets(&mut verb, case.how.lasts());
    drop(away);
    // Where it was not told to look, Argo CD keeps what it read of the repository last for minutes, and somebody is in a hurry.
    crew.refresh(case.service, "production");
    verb.ended(CANARY)
}

/// Lets the program go on for so long, unless it ends before.
#[expect(clippy::disallowed_methods, reason = "servers are away for some time of the wall")]
fn meets(verb: &mut Verb, limit: Duration) {
    let began = Instant::now();
    until("time to pass", limit * 2, || began.elapsed() > limit || verb.is_over(), |is_over| *is_over);
}

/// What the record says became of each request: `commit`, `taken`.
fn answers(record: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let intents = record.iter().filter(|entry| entry["kind"] == "intent");
    let answer = |intent: &Value| {
        let answer = record.iter().find(|entry| entry["kind"] == "answered" && entry["step"] == intent["step"]);
        (text(&intent["request"]["what"]), answer.map(|entry| text(&entry["answer"]["is"])).unwrap_or_default())
    };
    intents.map(answer).collect()
}

/// What is said of a request is what was done.
fn is_true(case: Case<'_>, what: &str, said: &str, done: usize) {
    assert!(done <= 1, "{case:?}: {what} was done {done} times");
    let is_told = match said {
        "taken" => done == 1,
        "refused" => done == 0,
        "unknown" => true,
        _ => false,
    };
    assert!(is_told, "{case:?}: {what} is said to be {said:?}, and was done {done} times");
}

/// Brings a new version to the step of its canary at which a person is waited for.
fn at_ten_percent(crew: &Crew, tag: &str) {
    crew.lab.commit(SERVICE, "production", tag);
    crew.refresh(SERVICE, "production");
    let waits = || {
        let rollout = crew.rollout(SERVICE, "production");
        let is_new = rollout["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().ends_with(&format!(":{tag}"));
        is_new && rollout["status"]["currentStepIndex"] == 1 && rollout["status"]["phase"] == "Paused"
    };
    until("it waits at 10 %", CANARY, waits, |waits| *waits);
}

/// Follows what is recommended, until repository and cluster agree.
fn out(crew: &Crew, base: &str) -> usize {
    for steps in 0..4 {
        if crew.agree(SERVICE, "production", base) {
            return steps;
        }
        let ways = crew.json("ways checkout-service --in production --json");
        let recommended = ways["ways"].as_array().unwrap().iter().find(|way| way["recommended"] == true).unwrap_or_else(|| panic!("{ways}"));
        let by = recommended["by"].as_str().unwrap();
        let words = match by {
            "commit" | "abort" | "hasten" => format!("rollback checkout-service --in production --by {by} --version {base} --yes --reason campaign"),
            step => format!("canary {step} checkout-service --in production --yes --skip-analysis"),
        };
        crew.oncall(&words).done();
    }
    panic!("no way out: {}", crew.json("ways checkout-service --in production --json"));
}

fn goes_away(server: Server, how: How, points: &[&str]) {
    let crew = Crew::on_the_lab();
    let found = AsFound::keep(&crew, SERVICE, &["production"]);
    let base = found.tag("production");
    for (number, point) in points.iter().enumerate() {
        let case = Case { server, how, service: SERVICE, point };
        at_ten_percent(&crew, &format!("{}.{number}", fresh_tag("2.14")));
        let audit = Audit::of(&crew, "prod");
        let words = format!("rollback checkout-service --in production --by abort --version {base} --yes --reason campaign");
        let ended = carried(&crew, &words, case, number);
        let operation = ended.operation();
        let (patches, commits) = (audit.patches(SERVICE), crew.commits_of(&operation));
        let applied = patches.iter().filter(|code| **code == 200).count();
        let answers = answers(&crew.record(&operation));
        println!("{server:?} {how:?} {point}: {}, {} patch, {} commit, {answers:?}", outcome(&ended), patches.len(), commits.len());
        assert!(patches.len() <= 1, "{case:?}: the patch was sent {} times", patches.len());
        assert!(commits.len() <= 1, "{case:?}: {commits:?}");
        for (what, said) in &answers {
            match what.as_str() {
                // Whoever hung up before it was worked off was told nothing, and it may have been done all the same.
                "patch" if patches == [504] => is_true(case, what, said, usize::from(said == "taken")),
                "patch" => is_true(case, what, said, applied),
                "commit" => is_true(case, what, said, commits.len()),
                _ => {}
            }
        }
        if ended.code == 0 {
            assert!(crew.agree(SERVICE, "production", &base), "{case:?}: done, and not so: {}", ended.told);
        } else {
            println!("    {}", ended.told.lines().last().unwrap_or_default());
            println!("    and out by {} more", out(&crew, &base));
        }
        // Argo CD deployed our commit once.
        let history = crew.application(SERVICE, "production")["status"]["history"].clone();
        for commit in &commits {
            let deployed = history.as_array().unwrap().iter().filter(|entry| entry["revision"] == commit.as_str()).count();
            assert!(deployed <= 1, "{case:?}: {history}");
        }
    }
    crew.is_recorded();
}

fn outcome(ended: &Ended) -> &'static str {
    match ended.code {
        0 => "done",
        4 => "unknown",
        _ => "not done",
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn a_cluster_that_dies_at_each_step() {
    goes_away(Server::Cluster, How::Killed, &POINTS);
}

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn an_argocd_server_that_dies_at_each_step() {
    goes_away(Server::Argocd, How::Killed, &POINTS);
}

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn a_repository_that_is_lost_at_each_step() {
    goes_away(Server::Repository, How::Killed, &POINTS);
}

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn a_cluster_that_stands_still() {
    goes_away(Server::Cluster, How::Frozen, &["before-send-1"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn an_argocd_server_that_stands_still() {
    goes_away(Server::Argocd, How::Frozen, &["before-send-3"]);
}

/// A sync is a request to Argo CD's server itself, and its history tells how often it was done.
#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn a_sync_whose_argocd_server_goes_away_at_each_step_is_done_once_or_not() {
    let (service, environment) = ("catalog-service", "production");
    let crew = Crew::on_the_lab();
    let _found = AsFound::keep(&crew, service, &[environment]);
    let cases = [
        (How::Killed, "before-record-1"),
        (How::Killed, "before-send-1"),
        (How::Killed, "after-send-1"),
        (How::Killed, "before-record-2"),
        (How::Frozen, "before-send-1"),
        (How::Frozen, "after-send-1"),
    ];
    let newest = || crew.application(service, environment)["status"]["history"].as_array().unwrap().last().unwrap()["id"].as_u64().unwrap();
    for (number, (how, point)) in cases.into_iter().enumerate() {
        let case = Case { server: Server::Argocd, how, service, point };
        let tag = format!("{}.{number}", fresh_tag("5.2"));
        crew.lab.commit(service, environment, &tag);
        crew.refresh(service, environment);
        let commit = crew.git(&["rev-parse", "main"]).trim().to_owned();
        let seen = || crew.application(service, environment)["status"]["sync"]["revision"] == commit.as_str();
        until("Argo CD saw it", CANARY, seen, |is_seen| *is_seen);
        let before = newest();
        let ended = carried(&crew, "sync catalog-service --in production --yes --reason campaign", case, number);
        let answers = answers(&crew.record(&ended.operation()));
        // What was on its way arrives before this answers: the same server works it off.
        let deployed = usize::try_from(newest() - before).unwrap();
        println!("{case:?}: {}, {deployed} deployment, {answers:?}", outcome(&ended));
        for (what, said) in answers.iter().filter(|(what, _)| what == "sync") {
            is_true(case, what, said, deployed);
        }
        if ended.code == 0 {
            assert!(crew.agree(service, environment, &tag), "{case:?}: {}", ended.told);
        } else {
            println!("    {}", ended.told.lines().last().unwrap_or_default());
            if !crew.agree(service, environment, &tag) {
                crew.oncall("sync catalog-service --in production --yes --reason campaign").done();
            }
        }
    }
    crew.is_recorded();
}
