//! Tests over what real servers answered, beside what the Rollouts plugin and kubectl said of the same objects at that moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::translate::{self, Reading};
use super::wire;
use crate::base::Raw;
use crate::domain::ClusterName;
use crate::domain::canary::{Canary, Waits};
use crate::domain::image::Image;
use crate::domain::workload::{Container, Pause, Progress, ReplicaSet, Replicas, Workload};

macro_rules! state {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../tests/recordings/rollouts/", $name, "/rollout.json")),
            include_str!(concat!("../../../tests/recordings/rollouts/", $name, "/replicasets.json")),
            include_str!(concat!("../../../tests/recordings/rollouts/", $name, "/plugin-says.txt")),
        )
    };
}

/// Name, Rollout, its replica sets, and the plugin's words.
const STATES: [(&str, &str, &str, &str); 8] = [
    state!("1-paused-at-10"),
    state!("2-pause-with-duration"),
    state!("3-analysis-running"),
    state!("4-aborted-by-analysis"),
    state!("5-healthy-after-revert"),
    state!("6-aborted-by-hand"),
    state!("7-retried"),
    state!("8-promoted-fully"),
];

fn reading() -> Reading {
    Reading { cluster: ClusterName::from("prod"), label_keys: Arc::from([]), texts: Arc::default() }
}

fn decoded(rollout: &str, sets: &str) -> (Workload, Vec<ReplicaSet>) {
    let rollout: wire::Rollout = serde_json::from_str(rollout).unwrap();
    let sets: wire::List<wire::ReplicaSet> = serde_json::from_str(sets).unwrap();
    let sets = sets.items.iter().filter_map(|set| translate::replica_set(set, &reading())).map(|(_, set)| set).collect();
    (translate::rollout(&rollout, &reading()).1, sets)
}

/// `Name: value` lines of the plugin, up to the table. Images are kept under what is said of them.
fn said(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in text.lines().take_while(|line| !line.starts_with("NAME")) {
        let (key, value) = match line.split_once(": ") {
            Some((key, value)) => (key.trim(), value.trim()),
            None => ("", line.trim()),
        };
        let marked = value.strip_suffix(')').and_then(|value| value.split_once(" ("));
        if let (Some((image, role)), "Images" | "") = (marked, key) {
            found.insert(role.to_owned(), image.to_owned());
        } else {
            found.insert(key.to_owned(), value.to_owned());
        }
    }
    found
}

#[test]
fn the_eight_states_of_a_canary_are_those_the_plugin_saw() {
    for (name, rollout, sets, words) in STATES {
        let (workload, sets) = decoded(rollout, sets);
        let status = workload.rollout.as_ref().unwrap();
        let canary = Canary::read(status, sets.iter());
        let said = said(words);
        let word = |key: &str| said.get(key).map_or("", String::as_str);
        let number = |key: &str| word(key).parse::<u32>().unwrap_or_else(|_| panic!("{name}: {key} in {said:?}"));

        assert_eq!(canary.phase.word(), word("Status").rsplit_once(' ').unwrap().1, "{name}");
        assert_eq!(canary.message.as_str(), word("Message"), "{name}");
        assert_eq!(format!("{}/{}", canary.step, canary.steps), word("Step"), "{name}");
        assert_eq!(canary.weight_asked, number("SetWeight"), "{name}");
        assert_eq!(canary.weight_actual, Some(number("ActualWeight")), "{name}");
        let image = |role: &str| said.get(role).map(|text| Image::read(text)).into_iter().collect::<Vec<_>>();
        let images = |containers: &[Container]| containers.iter().map(|container| container.image.clone()).collect::<Vec<_>>();
        assert_eq!(images(&canary.stable), image("stable"), "{name}");
        assert_eq!(images(&canary.canary), image("canary"), "{name}");
        let replicas = Replicas {
            desired: number("Desired"),
            current: number("Current"),
            updated: number("Updated"),
            ready: number("Ready"),
            available: number("Available"),
        };
        assert_eq!(workload.replicas, replicas, "{name}");
    }
}

#[test]
fn what_a_canary_waits_for_is_told() {
    let found: Vec<Waits> = STATES
        .iter()
        .map(|(_, rollout, sets, _)| {
            let (workload, sets) = decoded(rollout, sets);
            Canary::read(&workload.rollout.unwrap(), sets.iter()).waits
        })
        .collect();
    let until = Waits::Until("2026-11-21T08:41:47Z".parse().unwrap());
    let expected = [Waits::Person, until, Waits::Analysis, Waits::Aborted, Waits::Nothing, Waits::Aborted, Waits::Person, Waits::Nothing];
    assert_eq!(found, expected);
}

#[test]
fn a_canary_without_its_replica_sets_has_no_actual_weight() {
    let (workload, _) = decoded(STATES[0].1, STATES[0].2);
    let canary = Canary::read(&workload.rollout.unwrap(), std::iter::empty());
    assert_eq!((canary.weight_asked, canary.weight_actual, canary.stable.len()), (10, None, 0));
}

#[test]
fn a_recorded_rollout_is_read_whole() {
    let (workload, _) = decoded(STATES[1].1, STATES[1].2);
    assert_eq!(workload.tracking.annotation, Some(Raw::from("checkout-service-production")));
    assert_eq!(workload.selector.as_wire(), "app.kubernetes.io/name=checkout-service");
    assert_eq!(workload.containers[0].image, Image::read("ghcr.io/acme/checkout-service:2.14.3"));
    assert_eq!(workload.rollout.unwrap().pause, Some(Pause::Until("2026-11-21T08:41:47Z".parse().unwrap())));
}

#[test]
fn a_stuck_deployment_says_what_kubectl_says() {
    let text = include_str!("../../../tests/recordings/kubernetes/deployment-stuck.json");
    let list: wire::List<wire::Deployment> = serde_json::from_str(text).unwrap();
    let found: Vec<(String, Progress)> = list
        .items
        .iter()
        .map(|object| translate::deployment(object, &reading()))
        .map(|(key, workload)| (key.name.as_wire().to_owned(), workload.progress))
        .collect();
    let waiting = "Waiting for deployment \"catalog-service\" rollout to finish: 1 out of 2 new replicas have been updated...";
    assert_eq!(
        found,
        [("catalog-service".to_owned(), Progress::Waiting(crate::base::Safe::clean(waiting))), ("frontend-shell".to_owned(), Progress::Done)]
    );
}

#[test]
fn a_recorded_stateful_set_is_done() {
    let text = include_str!("../../../tests/recordings/kubernetes/statefulsets.json");
    let list: wire::List<wire::StatefulSet> = serde_json::from_str(text).unwrap();
    let (key, workload) = translate::stateful_set(&list.items[0], &reading());
    assert_eq!(key.name.as_wire(), "inventory-service");
    assert_eq!(workload.progress, Progress::Done);
    assert_eq!(workload.replicas, Replicas { desired: 4, current: 4, updated: 4, ready: 4, available: 4 });
    assert_eq!(workload.tracking.annotation, Some(Raw::from("inventory-service-production")));
}
