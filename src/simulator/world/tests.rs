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
    let day = |seed, tens| {
        let mut given = given("busy-morning", seed);
        let mut lines = Vec::new();
        for _ in 0..tens {
            given.pass(10);
            lines.push(given.world.told.borrow().line.as_str().to_owned());
        }
        lines.dedup();
        (lines, given.world.head(""), given.world.truth()["applications"].clone())
    };
    let (lines, head, truth) = day(7, 20);
    assert!(lines.len() > 5, "things happen: {lines:#?}");
    assert_eq!((lines, head.clone(), truth), day(7, 20));
    assert_ne!(head, day(8, 0).1);
}

impl Given {
    /// An Application as Argo CD's API shows it.
    fn application(&self, name: &str) -> Value {
        let object = self.world.argocds[0].get(&APPLICATIONS, "argocd", name).unwrap_or_else(|| panic!("no {name}"));
        serde_json::from_slice(&object.json).unwrap()
    }

    fn terminate(&mut self, name: &str) {
        self.world.operate_on("main", ("argocd", name), &crate::simulator::serve::ApplicationDeed::Terminate).unwrap();
    }
}

#[test]
fn a_sync_that_hangs_stands_in_the_way_until_it_is_ended() {
    let mut given = given("stuck-sync", 1);
    given.pass(75);
    for place in ["pricing-production-eu", "pricing-production-us"] {
        let stuck = given.application(place);
        let state = &stuck["status"]["operationState"];
        assert_eq!((&state["phase"], &state["message"]), (&"Running".into(), &"waiting for completion of hook batch/Job/pricing-migrate".into()));
        assert_ne!(state["syncResult"]["revision"], stuck["status"]["sync"]["revision"], "a newer commit waits");
        assert_eq!(given.truth(place)["workloads"][0]["tag"], "9.4.0");
        given.terminate(place);
        assert_eq!(given.world.applications.iter().find(|one| one.name == place).unwrap().operation.as_ref().unwrap().phase.word(), "Terminating");
    }
    given.pass(90);
    for place in ["pricing-production-eu", "pricing-production-us"] {
        let truth = given.truth(place);
        assert_eq!((&truth["workloads"][0]["tag"], &truth["sync"], &truth["health"]), (&"9.4.2".into(), &"Synced".into(), &"Healthy".into()));
    }
}

#[test]
fn a_terminated_operation_says_so_and_is_not_begun_again_by_itself() {
    let mut given = given("stuck-sync", 1);
    given.pass(30);
    given.terminate("pricing-production-eu");
    given.pass(5);
    let state = given.application("pricing-production-eu")["status"]["operationState"].clone();
    assert_eq!((&state["phase"], &state["message"]), (&"Failed".into(), &"Operation terminated".into()));
    assert_eq!(state["syncResult"]["resources"][0]["hookPhase"], "Failed");
    assert!(given.world.operate_on("main", ("argocd", "pricing-production-eu"), &crate::simulator::serve::ApplicationDeed::Terminate).is_err());
}

#[test]
fn a_migration_lies_in_git_and_runs_before_anything_is_applied() {
    let mut given = given("migration", 1);
    let file = given.world.repository.read(&given.world.head(""), "apps/orders/api/base/orders-api-migrate.yaml").unwrap().unwrap();
    assert!(String::from_utf8(file).unwrap().contains("argocd.argoproj.io/hook: PreSync"));
    let place = "orders-api-production-eu";
    given.pass(15);
    let hook = |given: &Given, place: &str| given.application(place)["status"]["operationState"]["syncResult"]["resources"][0].clone();
    let running = hook(&given, place);
    assert_eq!((&running["kind"], &running["hookType"], &running["hookPhase"]), (&"Job".into(), &"PreSync".into(), &"Running".into()));
    assert_eq!(given.truth(place)["workloads"][0]["tag"], "4.0.3", "nothing is applied yet");
    given.pass(120);
    assert_eq!(hook(&given, place)["hookPhase"], "Succeeded");
    assert_eq!(given.truth(place)["workloads"][0]["tag"], "4.1.0");
    let failed = given.application("orders-api-dev");
    assert_eq!((&failed["status"]["operationState"]["phase"], &hook(&given, "orders-api-dev")["hookPhase"]), (&"Failed".into(), &"Failed".into()));
    assert_eq!(given.truth("orders-api-dev")["workloads"][0]["tag"], "4.1.0");
}

#[test]
fn a_promotion_whose_cockpit_died_is_in_git_and_waits_for_a_hand() {
    let mut given = given("crash-mid-promotion", 1);
    given.pass(120);
    for place in ["catalog-production-eu", "catalog-production-us"] {
        let truth = given.truth(place);
        assert_eq!((&truth["sync"], &truth["wanted"][0], &truth["workloads"][0]["tag"]), (&"OutOfSync".into(), &"5.3.0".into(), &"5.2.1".into()));
    }
    let last = given.world.repository.log(&given.world.head(""), Some("apps/catalog/overlays/production-eu"), 1).unwrap().remove(0);
    let trailers = git2::message_trailers_strs(&last.message).unwrap();
    let all: Vec<_> = trailers.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(last.author.name, "li");
    assert_eq!(all.len(), 5, "{all:?}");
    assert!(all.contains(&"Cockpit-Operation=4b0f7c1e-9d5a-4c39-8f1d-2a6c1e9b7d42".to_owned()), "{all:?}");
}

#[test]
fn in_the_first_demo_checkout_can_be_promoted_to_everybody() {
    let mut given = given("busy-morning", 1);
    // The story's own promotion is over, and staging has the next version.
    given.pass(290);
    let staging = given.truth("checkout-staging")["workloads"][0]["tag"].clone();
    for place in ["checkout-production-eu", "checkout-production-us"] {
        let truth = given.truth(place);
        assert_eq!((&truth["health"], &truth["workloads"][0]["tag"]), (&"Healthy".into(), &"2.14.3".into()), "{truth}");
    }
    assert_eq!(staging, "2.15.0");
    given.moves("checkout", "production", "2.15.0");
    let mut took = 0;
    let is_done = |truth: &Value| {
        let workload = &truth["workloads"][0];
        workload["tag"] == "2.15.0" && workload["settled"] == true && workload["canary"]["stable"] == "2.15.0" && truth["health"] == "Healthy"
    };
    let places = |given: &Given| ["checkout-production-eu", "checkout-production-us"].map(|place| given.truth(place));
    loop {
        let [eu, us] = places(&given);
        if is_done(&eu) && is_done(&us) {
            break;
        }
        // To tell everything of the whole world takes longer than to let it go on.
        given.pass(4);
        took += 4;
        if eu["workloads"][0]["canary"]["waits"] == true {
            let promote = crate::simulator::scenario::RolloutDeed {
                application: "checkout".into(),
                environment: "production".into(),
                placement: None,
                action: crate::simulator::scenario::RolloutAction::Promote,
            };
            given.world.act(&promote);
        }
        assert!(took < 400, "{:#}", given.truth("checkout-production-eu"));
    }
    println!("checkout 2.15.0 is everywhere {took} s after its commit");
}
