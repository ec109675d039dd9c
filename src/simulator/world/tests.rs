//! Whole worlds, moved by hand: what a commit, a push from outside, drift and a dead controller lead to.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::watch;

use super::*;
use crate::base::time::later;
use crate::simulator::library;
use crate::simulator::repository::Author;
use crate::simulator::store::{APPLICATIONS, ROLLOUTS};

struct Given {
    world: World,
    start: Timestamp,
    passed: Duration,
    _folder: tempfile::TempDir,
}

fn given(scenario: &str, seed: u64) -> Given {
    let folder = tempfile::tempdir().unwrap();
    let start: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
    let (scenario, definition) = library::load(scenario).unwrap();
    let ground = Ground {
        definition,
        scenario,
        seed,
        clock: Clock::new(start, 1.0),
        repository: Repository::create(&folder.path().join("gitops.git")).unwrap(),
        url: None,
        urls: &BTreeMap::new(),
        told: watch::Sender::new(Told::default()),
    };
    Given { world: World::new(ground).unwrap(), start, passed: Duration::ZERO, _folder: folder }
}

impl Given {
    fn pass(&mut self, seconds: u64) {
        self.passed += Duration::from_secs(seconds);
        self.world.advance(later(self.start, self.passed));
    }

    fn truth(&self, name: &str) -> Value {
        let truth = self.world.truth();
        truth["applications"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    }

    fn moves(&mut self, application: &str, environment: &str, version: &str) {
        let commit = crate::simulator::scenario::Commit {
            application: application.into(),
            environment: environment.into(),
            workload: None,
            version: version.into(),
            author: None,
            message: None,
        };
        self.world.commit(&commit).unwrap();
    }
}

#[test]
fn a_world_begins_at_rest_and_stays_so() {
    let mut given = given("lab", 1);
    for seconds in [0, 1, 30, 120] {
        given.pass(seconds);
        let truth = given.world.truth();
        for application in truth["applications"].as_array().unwrap() {
            assert_eq!((&application["health"], &application["sync"]), (&Value::from("Healthy"), &Value::from("Synced")), "{application}");
        }
    }
}

#[test]
fn a_commit_is_noticed_synced_and_rolled_out() {
    let mut given = given("lab", 1);
    given.moves("inventory-service", "dev", "0.31.7");
    given.pass(2);
    assert_eq!(given.truth("inventory-service-dev")["workloads"][0]["tag"], "0.31.0", "nobody has heard of it yet");
    given.pass(60);
    let truth = given.truth("inventory-service-dev");
    assert_eq!((&truth["workloads"][0]["tag"], &truth["health"], &truth["sync"]), (&"0.31.7".into(), &"Healthy".into(), &"Synced".into()));
}

#[test]
fn a_push_from_outside_counts_like_one_of_its_own() {
    let mut given = given("lab", 1);
    let path = "apps/inventory-service/overlays/dev/kustomization.yaml".to_owned();
    let text = String::from_utf8(given.world.repository.read(&given.world.head(""), &path).unwrap().unwrap()).unwrap();
    let changed = text.replace("0.31.0", "0.31.8");
    assert_ne!(text, changed);
    let author = Author { name: "x".into(), email: "x@acme.example".into() };
    given.world.repository.commit(MAIN, &[(path, Some(changed.into_bytes()))], &author, given.start, "by hand").unwrap();
    given.pass(0);
    given.pass(60);
    assert_eq!(given.truth("inventory-service-dev")["workloads"][0]["tag"], "0.31.8");
}

#[test]
fn a_canary_waits_for_a_person_and_its_application_is_suspended() {
    let mut given = given("lab", 1);
    given.moves("checkout-service", "production", "2.14.9");
    given.pass(60);
    let truth = given.truth("checkout-service-production");
    assert_eq!((&truth["health"], &truth["workloads"][0]["canary"]["waits"]), (&"Suspended".into(), &true.into()), "{truth}");
    let store = given.world.clusters.get("prod").unwrap();
    let rollout: Value = serde_json::from_slice(&store.get(&ROLLOUTS, "production", "checkout-service").unwrap().json).unwrap();
    assert_eq!((&rollout["status"]["phase"], &rollout["status"]["currentStepIndex"]), (&"Paused".into(), &1.into()), "{rollout}");
}

#[test]
fn a_dead_controller_leaves_everything_as_it_was_until_it_lives_again() {
    let mut given = given("lab", 1);
    given.pass(30);
    let seen = |given: &Given| -> Value {
        let object = given.world.argocds[0].get(&APPLICATIONS, "argocd", "inventory-service-dev").unwrap();
        serde_json::from_slice(&object.json).unwrap()
    };
    given.world.set_alive(0, false);
    let before = seen(&given);
    given.moves("inventory-service", "dev", "0.31.7");
    given.pass(120);
    assert_eq!(before["status"], seen(&given)["status"]);
    given.world.set_alive(0, true);
    given.pass(60);
    assert_eq!(given.truth("inventory-service-dev")["workloads"][0]["tag"], "0.31.7");
}

#[test]
fn drift_by_hand_is_undone_where_self_heal_is_on_and_stays_where_it_is_off() {
    let mut given = given("lab", 1);
    for (environment, healed) in [("dev", true), ("staging", false)] {
        let name = format!("inventory-service-{environment}");
        let place = given.world.applications.iter().position(|one| one.name == name).unwrap();
        let workload = given.world.applications[place].workloads[0];
        let (tag, replicas) = (given.world.workloads[workload].tag.clone(), given.world.workloads[workload].replicas);
        // Without self-heal it is undone once at every new revision of the repository, as on the lab; the same drift again then stays.
        for _ in 0..2 {
            given.world.apply(workload, &tag, replicas + 2);
            given.world.drifted(place);
            given.pass(60);
        }
        let truth = given.truth(&name);
        assert_eq!(truth["sync"] == "Synced", healed, "{truth}");
    }
}

#[test]
fn the_same_seed_tells_the_same_day_and_another_one_another() {
    let day = |seed| {
        let mut given = given("busy-morning", seed);
        let mut lines = Vec::new();
        for _ in 0..20 {
            given.pass(10);
            lines.push(given.world.told.borrow().line.as_str().to_owned());
        }
        lines.dedup();
        (lines, given.world.head(""), given.world.truth()["applications"].clone())
    };
    let (lines, head, truth) = day(7);
    assert!(lines.len() > 5, "things happen: {lines:#?}");
    assert_eq!((lines, head.clone(), truth), day(7));
    assert_ne!(head, day(8).1);
}
