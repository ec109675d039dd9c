//! Stories on a control plane: what the program says against what its servers say. Told once; the worlds in which they come true are the lab
//! (`tests/lab.rs`) and the simulator (`tests/simulator/stories.rs`). Each leaves its world as it found it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests: what is not there fails them, with the place")]

pub(crate) mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::support::wait::until;
use world::{Mended, Part, World, fresh_tag};

/// Makes a test of every story. In each of them `$world` makes the world, given how many times faster than the wall it may run, and `$tell` is how it
/// is told: by its name, out of all of them.
macro_rules! tell {
    ($(#[$attribute:meta])* $world:path, $tell:path) => {
        $crate::stories::tell! { @each [$(#[$attribute])*] $world, $tell:
            status_agrees_with_kubectl_on_every_application, 1;
            the_screen_shows_what_status_says, 1;
            a_commit_arrives_in_its_cell, 5;
            what_git_wants_is_known_within_five_seconds_and_as_git_log_says_it, 1;
            a_repository_that_is_lost_leaves_what_is_known, 1;
            a_promotion_by_keys_is_seen_healthy_and_on_record, 1;
            a_canarys_weight_moves_in_its_cell, 5;
            without_argocds_api_the_cluster_is_read_and_back_again, 1;
            a_dead_controller_is_called_silent_though_the_api_answers, 4;
            a_killed_cluster_makes_its_own_cells_stale_within_15_seconds, 1;
            a_frozen_cluster_makes_its_own_cells_stale_within_15_seconds, 1;
            who_may_read_one_namespace_sees_it_and_is_told_about_the_rest, 1;
            the_shapes_of_real_fleets_come_out_as_the_readme_of_the_lab_says, 1;
        }
    };
    (@each $attributes:tt $world:path, $tell:path: $($story:ident, $speed:literal;)*) => {
        const STORIES: &[(&str, fn())] = &[$((stringify!($story), || $crate::stories::$story(&$world($speed)))),*];
        $($crate::stories::tell! { @one $attributes $tell, $story })*
    };
    (@one [$($attribute:tt)*] $tell:path, $story:ident) => {
        #[test]
        $($attribute)*
        fn $story() {
            $tell(stringify!($story), STORIES);
        }
    };
}
pub(crate) use tell;

mod gitops;
mod promotion;

pub(crate) use gitops::{a_repository_that_is_lost_leaves_what_is_known, what_git_wants_is_known_within_five_seconds_and_as_git_log_says_it};
pub(crate) use promotion::{a_cockpit_that_dies_at_any_step_leaves_nothing_untrue, a_promotion_by_keys_is_seen_healthy_and_on_record};

const SOON: Duration = Duration::from_secs(20);
/// A commit is noticed by Argo CD's next comparison, which may be served from a cached head of the repository once or twice.
const NOTICED: Duration = Duration::from_mins(4);

pub(crate) fn status_agrees_with_kubectl_on_every_application(world: &impl World) {
    let (status, _) = until("status agrees with kubectl", Duration::from_mins(1), || differences(world), std::vec::Vec::is_empty);
    assert_eq!(status, Vec::<String>::new());
}

/// What `status --json` says and kubectl does not, or the other way round. Both are asked at nearly the same time; only while nothing moves must
/// they agree.
fn differences(world: &impl World) -> Vec<String> {
    let status = world.status(&[]);
    let mut found = Vec::new();
    let mut told: BTreeMap<(String, String), (String, String, Option<String>)> = BTreeMap::new();
    for placement in placements(&status) {
        for application in placement["applications"].as_array().unwrap() {
            let key = (text(&application["namespace"]), text(&application["name"]));
            told.insert(key, (text(&placement["health"]), text(&placement["sync"]), placement["version"].as_str().map(str::to_owned)));
        }
    }
    let unmapped: BTreeSet<(String, String)> =
        status["unmapped"].as_array().unwrap().iter().map(|one| (text(&one["namespace"]), text(&one["name"]))).collect();
    let alone: BTreeMap<(String, String), usize> = placements(&status).fold(BTreeMap::new(), |mut counts, placement| {
        for application in placement["applications"].as_array().unwrap() {
            let parts = placement["applications"].as_array().unwrap().len();
            let count = counts.entry((text(&application["namespace"]), text(&application["name"]))).or_insert(0);
            *count = (*count).max(parts);
        }
        counts
    });
    let is_real = |application: &Value| application["metadata"]["labels"]["lab/fleet"].is_null();
    for application in world.objects("nonprod", "applications").iter().filter(|application| is_real(application)) {
        let key = (text(&application["metadata"]["namespace"]), text(&application["metadata"]["name"]));
        if unmapped.contains(&key) {
            continue;
        }
        let Some((health, sync, version)) = told.get(&key) else {
            found.push(format!("{key:?} is neither in a cell nor unmapped"));
            continue;
        };
        // A placement of several applications tells the worst of them.
        if alone[&key] == 1 {
            let theirs =
                (text(&application["status"]["health"]["status"]).to_lowercase(), sync_word(&text(&application["status"]["sync"]["status"])));
            if (health.clone(), sync.clone()) != theirs {
                found.push(format!("{key:?}: we say {health} {sync}, kubectl says {theirs:?}"));
            }
        }
        let images: Vec<String> = application["status"]["summary"]["images"].as_array().into_iter().flatten().map(text).collect();
        // Nobody said which workload of the umbrella is which service: not known, and no guess.
        if version.is_none() && images.len() > 1 {
            continue;
        }
        let agrees = version
            .as_ref()
            .is_some_and(|version| version.split('+').any(|version| images.iter().any(|image| image.ends_with(&format!(":{version}")))));
        if !agrees {
            found.push(format!("{key:?}: we say {version:?}, its images are {images:?}"));
        }
    }
    for context in ["nonprod", "prod"] {
        for rollout in &world.objects(context, "rollouts") {
            let (namespace, name) = (text(&rollout["metadata"]["namespace"]), text(&rollout["metadata"]["name"]));
            let counts = |field: &str| rollout["status"][field].as_u64().unwrap_or_default();
            let theirs = (rollout["spec"]["replicas"].as_u64().unwrap_or(1), counts("readyReplicas"), counts("updatedReplicas"));
            let ours = status["services"].as_array().unwrap().iter().find(|service| service["name"] == name.as_str()).and_then(|service| {
                let cells = service["cells"].as_array()?;
                let placement = cells
                    .iter()
                    .flat_map(|cell| cell["placements"].as_array().unwrap())
                    .find(|one| one["destination"]["namespace"] == namespace.as_str() && one["destination"]["cluster"] == context)?;
                let replicas = &placement["replicas"];
                Some((replicas["desired"].as_u64()?, replicas["ready"].as_u64()?, replicas["updated"].as_u64()?))
            });
            if ours != Some(theirs) {
                found.push(format!("rollout {context}/{namespace}/{name}: we say {ours:?}, kubectl says {theirs:?}"));
            }
        }
    }
    found
}

pub(crate) fn the_screen_shows_what_status_says(world: &impl World) {
    let screen = world.cockpit(200, 50);
    let status = world.status(&[]);
    for service in status["services"].as_array().unwrap() {
        let name = text(&service["name"]);
        let versions: Vec<String> =
            service["cells"].as_array().unwrap().iter().filter_map(|cell| cell["version"].as_str().map(str::to_owned)).collect();
        screen.line(&format!("{name} with {versions:?}"), SOON, |line| {
            line.contains(&name) && versions.iter().all(|version| line.contains(version.as_str()))
        });
    }
}

pub(crate) fn a_commit_arrives_in_its_cell(world: &impl World) {
    let screen = world.cockpit(200, 50);
    let before = version(&world.status(&[]), "inventory-service", "dev").unwrap();
    screen.line("inventory on the screen", SOON, |line| line.contains("inventory-service"));
    let tag = fresh_tag("0.31");
    world.commit("inventory-service", "dev", &tag);
    world.refresh("inventory-service-dev");
    screen.line("the new version in its cell", NOTICED, |line| line.contains("inventory-service") && line.contains(&tag));
    until(
        "status says the same",
        NOTICED,
        || version(&world.status(&[]), "inventory-service", "dev"),
        |version| version.as_deref() == Some(tag.as_str()),
    );
    world.commit("inventory-service", "dev", &before);
    world.refresh("inventory-service-dev");
    screen.line("it is as before", NOTICED, |line| line.contains("inventory-service") && line.contains(&before) && !line.contains(&tag));
}

pub(crate) fn a_canarys_weight_moves_in_its_cell(world: &impl World) {
    let before = version(&world.status(&[]), "checkout-service", "production").unwrap();
    let screen = world.cockpit(200, 50);
    let tag = fresh_tag("2.14");
    world.commit("checkout-service", "production", &tag);
    world.refresh("checkout-service-production");
    screen.line("10 % and waiting for a person", NOTICED, |line| line.contains("checkout-service") && line.contains("10%‖you"));
    let moving = until("status knows the canary", SOON, || canary(world), |canary| canary["weight_actual"] == 10).0;
    assert_eq!(
        (moving["version"].as_str().unwrap(), moving["waits_for"].as_str().unwrap(), moving["steps"].as_u64().unwrap()),
        (tag.as_str(), "person", 9)
    );
    world.promote("checkout-service");
    // With whole pods 25 % of ten are three of eleven.
    screen
        .line("the weight moves", Duration::from_mins(1), |line| line.contains("checkout-service") && (line.contains("27%") || line.contains("25%")));
    world.abort("checkout-service");
    screen.line("turned back", Duration::from_mins(1), |line| line.contains("checkout-service") && line.contains('⤺'));
    world.commit("checkout-service", "production", &before);
    world.refresh("checkout-service-production");
    until("it is as before", NOTICED, || canary(world), Value::is_null);
}

pub(crate) fn without_argocds_api_the_cluster_is_read_and_back_again(world: &impl World) {
    let screen = world.cockpit(200, 50);
    screen.line("live", SOON, |line| line.contains("checkout-service"));
    // Whether the cluster may stand in is checked beforehand, shortly after the first lists.
    screen.line("the argocd badge", SOON, |line| line.contains("tiphys") && line.contains('●'));
    world.kill(Part::ArgocdServer);
    let _whole = Mended(world);
    screen.line("the header says which world is read", Duration::from_secs(30), |line| line.contains("via cluster"));
    let status = until("status through the cluster", Duration::from_secs(40), || world.status(&[]), |status| placements(status).count() > 0).0;
    assert!(placements(&status).all(|placement| placement["stale"].is_null()), "the cluster's facts are current");
    world.mend();
    screen.line("the API is read again", Duration::from_secs(40), |line| line.contains("tiphys") && !line.contains("via cluster"));
}

pub(crate) fn a_dead_controller_is_called_silent_though_the_api_answers(world: &impl World) {
    let screen = world.cockpit(200, 50);
    screen.line("live", SOON, |line| line.contains("checkout-service"));
    world.kill(Part::Controller);
    let _whole = Mended(world);
    // Three intervals of 20 s, and the next look.
    screen.line("the controller is called silent", Duration::from_mins(2), |line| line.contains("controller silent"));
    world.mend();
    screen.line("it is heard again", Duration::from_mins(2), |line| line.contains("tiphys") && !line.contains("controller silent"));
}

pub(crate) fn a_killed_cluster_makes_its_own_cells_stale_within_15_seconds(world: &impl World) {
    a_lost_cluster(world, "killed", || world.kill(Part::ProdApiServer));
}

pub(crate) fn a_frozen_cluster_makes_its_own_cells_stale_within_15_seconds(world: &impl World) {
    a_lost_cluster(world, "frozen", || world.freeze(Part::ProdApiServer));
}

fn a_lost_cluster(world: &impl World, how: &str, lose: impl FnOnce()) {
    let mut screen = world.cockpit(200, 50);
    screen.line("live", SOON, |line| line.contains("checkout-service") && !line.contains('?'));
    // Rows and columns where prod is read show ready replicas; wait for the cluster to have spoken.
    until("prod has spoken", SOON, || stale_clusters(world), BTreeSet::is_empty);
    lose();
    let _whole = Mended(world);
    let (line, took) = screen.line("production is stale", Duration::from_secs(15), |line| line.contains("checkout-service") && line.contains('?'));
    println!("{how}: stale after {took:?}: {line}");
    screen.line("the dev column of another row is not", SOON, |line| line.contains("catalog-service") && line.matches('?').count() <= 1);
    world.mend();
    let (_, took) = screen.line("it recovers by itself", Duration::from_secs(90), |line| line.contains("checkout-service") && !line.contains('?'));
    println!("{how}: live again after {took:?}");
    screen.keys("q");
    assert_eq!(screen.ended(SOON), 0);
    assert!(screen.is_restored());
}

pub(crate) fn who_may_read_one_namespace_sees_it_and_is_told_about_the_rest(world: &impl World) {
    let config = world.config("payments", &["nonprod-payments", "prod-payments"]);
    let status = until(
        "the namespaces that may be read are",
        Duration::from_secs(30),
        || world.status(&["--config", &config]),
        |status| replicas(status, "payments-service", "production").is_some() && replicas(status, "payments-service", "staging").is_some(),
    )
    .0;
    assert_eq!(replicas(&status, "payments-service", "dev"), None, "dev may not be read");
    let scopes: Vec<(String, String)> =
        status["sources"].as_array().unwrap().iter().map(|source| (text(&source["scope"]), text(&source["state"]))).collect();
    assert!(scopes.contains(&("Rollouts in staging".into(), "live".into())), "{scopes:?}");
    assert!(scopes.contains(&("Rollouts in dev".into(), "denied".into())), "{scopes:?}");
    assert!(scopes.contains(&("Rollouts".into(), "denied".into())), "{scopes:?}");
    let denied = status["sources"].as_array().unwrap().iter().find(|source| source["scope"] == "Rollouts in dev").unwrap();
    assert!(denied["error"].as_str().unwrap().contains("forbidden"), "{denied}");
    assert!(denied["cure"].as_str().is_some_and(|cure| !cure.is_empty()), "{denied}");
}

pub(crate) fn the_shapes_of_real_fleets_come_out_as_the_readme_of_the_lab_says(world: &impl World) {
    let config = world.config_with_shapes();
    let status = until(
        "everything is read",
        Duration::from_secs(30),
        || world.status(&["--config", &config]),
        |status| replicas(status, "orders-service", "staging").is_some(),
    )
    .0;
    let service = |name: &str| {
        status["services"].as_array().unwrap().iter().find(|service| service["name"] == name).unwrap_or_else(|| panic!("no {name}: {status:#}"))
    };
    let orders = service("orders-service")["cells"].as_array().unwrap().iter().find(|cell| cell["environment"] == "staging").unwrap().clone();
    assert_eq!(orders["placements"].as_array().unwrap().len(), 1, "one placement of two parts: {orders:#}");
    assert_eq!(orders["placements"][0]["applications"].as_array().unwrap().len(), 2);
    assert!(!orders["version"].as_str().unwrap().contains("1.31"), "never envoy's: {orders:#}");
    assert_ne!(version(&status, "billing", "staging"), version(&status, "reports", "staging"));
    assert!(version(&status, "loyalty-service", "staging").is_some());
    assert_eq!(placements(&status).filter(|one| one["applications"][0]["namespace"] == "team-loyalty").count(), 1);
    assert!(version(&status, "search-service", "staging").is_some());
    let parent = status["unmapped"].as_array().unwrap().iter().find(|one| one["name"] == "platform-apps").unwrap();
    assert_eq!(parent["reason"], "app-of-apps");
    assert!(version(&status, "status-page", "staging").is_some());
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn sync_word(word: &str) -> String {
    match word {
        "OutOfSync" => "out-of-sync".into(),
        other => other.to_lowercase(),
    }
}

fn placements(status: &Value) -> impl Iterator<Item = &Value> {
    let services = status["services"].as_array().into_iter().flatten();
    services
        .flat_map(|service| service["cells"].as_array().into_iter().flatten())
        .flat_map(|cell| cell["placements"].as_array().into_iter().flatten())
}

fn cell<'a>(status: &'a Value, service: &str, environment: &str) -> Option<&'a Value> {
    let service = status["services"].as_array()?.iter().find(|one| one["name"] == service)?;
    service["cells"].as_array()?.iter().find(|cell| cell["environment"] == environment)
}

fn version(status: &Value, service: &str, environment: &str) -> Option<String> {
    cell(status, service, environment)?["version"].as_str().map(str::to_owned)
}

fn replicas(status: &Value, service: &str, environment: &str) -> Option<u64> {
    cell(status, service, environment)?["placements"][0]["replicas"]["desired"].as_u64()
}

fn canary(world: &impl World) -> Value {
    cell(&world.status(&[]), "checkout-service", "production").map_or(Value::Null, |cell| cell["placements"][0]["canary"].clone())
}

fn stale_clusters(world: &impl World) -> BTreeSet<String> {
    world.status(&[])["sources"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|source| source["kind"] == "cluster" && source["state"] != "live")
        .map(|source| text(&source["name"]))
        .collect()
}
