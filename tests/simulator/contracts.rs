//! What the simulator serves, against the official schemas: at rest and in trouble, over real sockets.

#![expect(clippy::unwrap_used, reason = "tests: what is not there fails them, with the place")]

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::recorded;
use super::schemas::{Schemas, problems};
use super::world::{Simulated, production};
use crate::stories::world::World as _;
use crate::support::http::Peer;
use crate::support::wait::until;

const SOON: Duration = Duration::from_secs(20);
const CHECKOUT: &str = "checkout-service";

/// Kinds that clusters serve, as lists of all namespaces.
const LISTS: &[&str] = &[
    "api/v1/namespaces",
    "api/v1/pods",
    "api/v1/configmaps",
    "apis/apps/v1/deployments",
    "apis/apps/v1/statefulsets",
    "apis/apps/v1/daemonsets",
    "apis/apps/v1/replicasets",
    "apis/argoproj.io/v1alpha1/applications",
    "apis/argoproj.io/v1alpha1/appprojects",
    "apis/argoproj.io/v1alpha1/rollouts",
];

#[test]
fn recorded_answers_of_real_servers_follow_the_schemas() {
    let schemas = Schemas::all();
    let mut found = Vec::new();
    for (file, path, is_ok) in recorded::ANSWERS {
        let validator = schemas.answer(path, *is_ok);
        found.extend(problems(&validator, &recorded::json(file)).into_iter().map(|problem| format!("{file}: {problem}")));
    }
    for file in recorded::OBJECTS {
        let recorded = recorded::json(file);
        let objects = recorded.get("items").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![recorded]);
        found.extend(objects.iter().flat_map(|object| schemas.of_object(object)).map(|problem| format!("{file}: {problem}")));
    }
    assert!(found.is_empty(), "the rules are stricter than what is real:\n{}", found.join("\n"));
}

#[test]
fn worlds_at_rest_and_worlds_that_move_follow_the_schemas() {
    let schemas = Schemas::all();
    for scenario in ["busy-morning", "friday"] {
        let world = Simulated::start(scenario, 60);
        follows(scenario, &world, schemas);
        // Something has happened since.
        until("an operation runs", SOON, || moving(&world), |moving| *moving > 0);
        follows(scenario, &world, schemas);
    }
}

/// How many of its applications are not settled.
fn moving(world: &Simulated) -> usize {
    let truth = world.control().get("/world");
    let applications = truth.get("applications").and_then(Value::as_array).unwrap();
    let workloads = applications.iter().flat_map(|application| application.get("workloads").and_then(Value::as_array).unwrap());
    workloads.filter(|workload| workload.get("settled") == Some(&Value::Bool(false))).count()
}

#[test]
fn a_canary_follows_the_schemas_and_looks_as_recorded_through_its_whole_life() {
    let schemas = Schemas::all();
    let world = Simulated::start("lab", 20);
    let rollout = || world.object("prod", &production(CHECKOUT));
    let reached = |what: &str, wanted: &dyn Fn(&Value) -> bool| until(what, SOON, rollout, |rollout| wanted(rollout)).0;
    let text = |rollout: &Value, field: &str| rollout.pointer(&format!("/status/{field}")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let index = |rollout: &Value| rollout.pointer("/status/currentStepIndex").and_then(Value::as_u64);
    let paused = |rollout: &Value, step: u64| text(rollout, "phase") == "Paused" && index(rollout) == Some(step);
    let looks = |what: &str, rollout: &Value| {
        let found = [recorded::lacks(&format!("rollouts/{what}/rollout.json"), recorded::ROLLOUT, rollout), schemas.of_object(rollout)].concat();
        assert!(found.is_empty(), "{what}: {found:?}: {rollout:#}");
    };
    let commit = |tag: &str| {
        world.commit(CHECKOUT, "production", tag);
        world.refresh("checkout-service-production");
    };
    commit("2.15.0-errors");
    looks("1-paused-at-10", &reached("10 %", &|rollout| paused(rollout, 1)));
    follows("1-paused-at-10", &world, schemas);
    world.promote(CHECKOUT);
    looks("2-pause-with-duration", &reached("25 %", &|rollout| paused(rollout, 3)));
    looks(
        "3-analysis-running",
        &reached("the analysis", &|rollout| index(rollout) == Some(4) && rollout.pointer("/status/canary/currentStepAnalysisRunStatus").is_some()),
    );
    looks("4-aborted-by-analysis", &reached("the abort", &|rollout| text(rollout, "phase") == "Degraded"));
    follows("4-aborted-by-analysis", &world, schemas);
    commit("2.14.2");
    looks("5-healthy-after-revert", &reached("health", &|rollout| text(rollout, "phase") == "Healthy"));
    follows("5-healthy-after-revert", &world, schemas);
    commit("2.14.3");
    reached("10 % again", &|rollout| paused(rollout, 1));
    world.abort(CHECKOUT);
    looks("6-aborted-by-hand", &reached("the abort by hand", &|rollout| text(rollout, "phase") == "Degraded"));
    let status = format!("{}/status", production(CHECKOUT));
    world.patch("prod", &status, &json!({ "status": { "abort": false } }));
    looks("7-retried", &reached("10 % once more", &|rollout| paused(rollout, 1)));
    follows("7-retried", &world, schemas);
    world.patch("prod", &status, &json!({ "status": { "promoteFull": true } }));
    looks("8-promoted-fully", &reached("everywhere", &|rollout| text(rollout, "phase") == "Healthy"));
}

#[test]
fn trouble_follows_the_schemas_and_looks_as_recorded() {
    let schemas = Schemas::all();
    let world = Simulated::start("lab", 10);
    let argocd = world.argocds().remove(0);
    let application = |name: &str| argocd.get(&format!("/api/v1/applications/{name}"));
    let lacks = |file: &str, paths: &[&str], ours: &Value| {
        let found = recorded::lacks(file, paths, ours);
        assert!(found.is_empty(), "{file}: there is no {found:?} in {ours:#}");
    };
    // At rest.
    lacks("argocd/application.json", recorded::APPLICATION, &application("catalog-service-production"));
    lacks("argocd/applications.json", recorded::APPLICATIONS, &argocd.get("/api/v1/applications"));
    lacks("argocd/settings.json", recorded::SETTINGS, &argocd.get("/api/v1/settings"));
    lacks("argocd/version.json", &["Version"], &argocd.get("/api/version"));
    lacks("argocd/projects.json", recorded::PROJECTS, &argocd.get("/api/v1/projects"));
    lacks("kubernetes/applications.json", recorded::APPLICATIONS, &world.object("nonprod", "apis/argoproj.io/v1alpha1/applications"));
    lacks("kubernetes/statefulsets.json", recorded::STATEFUL_SETS, &world.object("prod", "apis/apps/v1/statefulsets"));
    // Crashing pods, images that are not there, drift by hand, a repository that cannot be understood.
    world.commit("catalog-service", "dev", "5.2.2-crash");
    world.commit("payments-service", "dev", "1.9.1-nopull");
    world.push("apps/inventory-service/overlays/staging/kustomization.yaml", "oops", |text| format!("{text}\nimages: [\n"));
    let waits = |namespace: &str| {
        let pods = world.object("nonprod", &format!("api/v1/namespaces/{namespace}/pods"));
        let pods = pods.get("items").and_then(Value::as_array).cloned().unwrap();
        let reason = |pod: &Value| pod.pointer("/status/containerStatuses/0/state/waiting/reason").and_then(Value::as_str).map(str::to_owned);
        pods.iter().filter_map(reason).collect::<BTreeSet<_>>()
    };
    until("pods wait", SOON, || waits("dev"), |waits| waits.contains("CrashLoopBackOff") && waits.contains("ImagePullBackOff"));
    lacks("kubernetes/pods-in-trouble.json", recorded::PODS, &world.object("nonprod", "api/v1/namespaces/dev/pods"));
    let sync = |application: &Value| application.pointer("/status/sync/status").and_then(Value::as_str).map(str::to_owned);
    let broken = until("git is not understood", SOON, || application("inventory-service-staging"), |one| sync(one).as_deref() == Some("Unknown")).0;
    assert_eq!(broken.pointer("/status/conditions/0/type").and_then(Value::as_str), Some("ComparisonError"), "{broken:#}");
    // Drift is undone once after each commit, also where Argo CD does not heal by itself; made again, it stays.
    let catalog = "apis/apps/v1/namespaces/staging/deployments/catalog-service";
    let scale = || world.patch("nonprod", catalog, &json!({ "spec": { "replicas": 3 } }));
    let replicas = || world.object("nonprod", catalog).pointer("/spec/replicas").and_then(Value::as_u64);
    scale();
    until("drift is undone", SOON, replicas, |replicas| *replicas == Some(2));
    scale();
    let drifted = until("drift stays", SOON, || application("catalog-service-staging"), |one| sync(one).as_deref() == Some("OutOfSync")).0;
    lacks("argocd/application-drift.json", recorded::APPLICATION, &drifted);
    follows("trouble", &world, schemas);
    // Argo CD's own judgment of a version that never comes up, after its deadline; and of pods that crash before it.
    lacks("argocd/application-degraded.json", recorded::APPLICATION, &application("catalog-service-dev"));
}

/// Everything that the world's servers say follows the schemas.
fn follows(when: &str, world: &Simulated, schemas: &Schemas) {
    let mut found = Vec::new();
    for cluster in world.clusters() {
        let peer = world.cluster(&cluster);
        for path in LISTS {
            let list = peer.get(&format!("/{path}"));
            let version = list.pointer("/metadata/resourceVersion").and_then(Value::as_str).and_then(|version| version.parse::<u64>().ok());
            if version.is_none() {
                found.push(format!("{cluster}: {path}: no version"));
            }
            for object in list.get("items").and_then(Value::as_array).unwrap() {
                let name = object.pointer("/metadata/name").cloned().unwrap_or_default();
                found.extend(schemas.of_object(object).into_iter().map(|problem| format!("{cluster}: {path}: {name}: {problem}")));
            }
        }
    }
    for argocd in world.argocds() {
        answers(&argocd, schemas, &mut found);
    }
    found.dedup_by_key(|problem| problem.rsplit_once(": ").map(|(_, last)| last.to_owned()));
    assert!(found.is_empty(), "{when}: {} problems:\n{}", found.len(), found.iter().take(40).cloned().collect::<Vec<_>>().join("\n"));
}

fn answers(argocd: &Peer, schemas: &Schemas, found: &mut Vec<String>) {
    let mut check = |path: &str, at: &str, is_ok: bool, body: &Value| {
        found.extend(problems(&schemas.answer(path, is_ok), body).into_iter().map(|problem| format!("argocd: {at}: {problem}")));
    };
    for path in ["/api/version", "/api/v1/settings", "/api/v1/session/userinfo", "/api/v1/projects", "/api/v1/applications"] {
        check(path, path, true, &argocd.get(path));
    }
    let (can_i, asked) = ("/api/v1/account/can-i/{resource}/{action}/{subresource}", "/api/v1/account/can-i/applications/get/*");
    check(can_i, asked, true, &argocd.get(asked));
    let fields = "/api/v1/applications?fields=metadata.resourceVersion,items.metadata.name,items.spec,items.status.sync.status,items.status.health";
    check("/api/v1/applications", fields, true, &argocd.get(fields));
    let none = "/api/v1/applications?projects=none&fields=items.metadata.name";
    check("/api/v1/applications", none, true, &argocd.get(none));
    let list = argocd.get("/api/v1/applications");
    let applications = list.get("items").and_then(Value::as_array).unwrap();
    for application in applications.iter().take(12) {
        let text = |field: &str| application.pointer(&format!("/metadata/{field}")).and_then(Value::as_str).unwrap_or_default().to_owned();
        let path = format!("/api/v1/applications/{}?appNamespace={}", text("name"), text("namespace"));
        check("/api/v1/applications/{name}", &path, true, &argocd.get(&path));
    }
    for line in argocd.lines("/api/v1/stream/applications", applications.len()) {
        let change: Value = serde_json::from_str(&line).unwrap();
        assert!(change.get("result").is_some(), "{line}");
        check("/api/v1/stream/applications", "the stream", true, &change);
    }
    let stranger = Peer { token: String::new(), ..argocd.clone() };
    let refusals = [
        (argocd, "/api/v1/applications/none", 403),
        (argocd, "/api/v1/applications/none?project=default", 404),
        (argocd, "/api/v1/projects/none", 404),
        (&stranger, "/api/v1/applications", 401),
    ];
    for (peer, path, status) in refusals {
        let reply = peer.send("GET", path, "", None);
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        check("/api/v1/applications", path, false, &reply.body);
    }
}
