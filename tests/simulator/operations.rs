//! What changes something, over the wire: Argo CD's operations and their refusals, Applications that are changed in the cluster, patches of Rollouts as
//! the plugin and cockpits send them. Answers follow the official schemas, refusals are those that real servers gave.

use std::time::Duration;

use serde_json::{Value, json};

use super::recorded;
use super::schemas::{Schemas, problems};
use super::world::{Simulated, production};
use crate::stories::world::World as _;
use crate::support::http::{Peer, Reply};
use crate::support::wait::until;

const SOON: Duration = Duration::from_secs(20);
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const PATCH: &str = "application/json-patch+json";
const APPLICATION: &str = "/api/v1/applications/{name}";
const CHECKOUT: &str = "checkout-service";
/// Synced by hand, without a canary.
const CATALOG: &str = "catalog-service-production";

/// A world and the accounts of its Argo CD.
struct Given {
    world: Simulated,
    admin: Peer,
}

fn given(scenario: &str, speed: u32) -> Given {
    let world = Simulated::start(scenario, speed);
    let admin = world.argocds().remove(0);
    Given { world, admin }
}

impl Given {
    fn send(&self, method: &str, name: &str, rest: &str, body: &Value) -> Reply {
        self.admin.send(method, &format!("/api/v1/applications/{name}{rest}"), JSON, Some(body))
    }

    fn application(&self, name: &str) -> Value {
        self.admin.get(&format!("/api/v1/applications/{name}"))
    }

    /// Waits for an application to be so.
    fn reached(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, SOON, || self.application(name), |application| wanted(application)).0
    }

    fn controller(&self, alive: bool) {
        self.world.control().change("PUT", &format!("/controllers/{}", self.world.argocd_context()), JSON, &json!({ "alive": alive }));
    }

    fn home(name: &str) -> String {
        format!("apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{name}")
    }
}

fn phase(application: &Value) -> &str {
    application.pointer("/status/operationState/phase").and_then(Value::as_str).unwrap_or_default()
}

fn image(application: &Value) -> &str {
    application.pointer("/status/summary/images/0").and_then(Value::as_str).unwrap_or_default()
}

fn assert_application(application: &Value) {
    let found = problems(&Schemas::all().answer(APPLICATION, true), application);
    assert!(found.is_empty(), "{found:?}: {application:#}");
}

fn assert_refused(reply: &Reply, status: u16, file: &str) {
    assert_eq!((reply.status, &reply.body), (status, &recorded::json(file)));
}

#[test]
fn a_sync_runs_to_its_end_with_what_was_said_of_it_and_a_rollback_takes_it_back() {
    let given = given("lab", 10);
    let before = given.application(CATALOG);
    assert_eq!(before["status"]["sync"]["status"], "Synced");
    let old = image(&before).to_owned();
    assert_refused(&given.send("DELETE", CATALOG, "/operation", &Value::Null), 400, "argocd/error-terminate-nothing.json");
    given.world.commit("catalog-service", "production", "5.9.0");
    let fresh = given.admin.get(&format!("/api/v1/applications/{CATALOG}?refresh=normal"));
    assert_eq!(fresh["status"]["sync"]["status"], "OutOfSync", "a refresh compares at once");
    assert!(fresh.pointer("/metadata/annotations").is_none(), "and is over with its answer");
    assert_refused(&given.send("POST", CATALOG, "/sync", &json!({"revision": "no-such-branch"})), 400, "argocd/error-bad-revision.json");
    let infos = json!([{"name": "tiphys", "value": "01JD0000000000000000000000"}]);

    let dry = given.send("POST", CATALOG, "/sync", &json!({"dryRun": true}));
    assert_eq!((dry.status, &dry.body["operation"]["sync"]["dryRun"]), (200, &json!(true)));
    let dried = given.reached(CATALOG, "the dry run ends", |one| phase(one) == "Succeeded" && one.get("operation").is_none());
    assert_eq!((image(&dried), &dried["status"]["history"]), (old.as_str(), &before["status"]["history"]), "nothing was applied");

    // While its controller is dead, an operation goes nowhere.
    given.controller(false);
    let asked = given.send("POST", CATALOG, "/sync", &json!({"prune": true, "infos": infos, "strategy": {"hook": {}}}));
    assert_eq!(asked.status, 200, "{}", asked.body);
    assert_application(&asked.body);
    assert!(asked.body.pointer("/status/operationState").is_none(), "the state of the last one is gone: {:#}", asked.body);
    let operation = &asked.body["operation"];
    assert_eq!((&operation["info"], &operation["sync"]["prune"], &operation["initiatedBy"]["username"]), (&infos, &json!(true), &json!("admin")));
    assert_eq!(operation["sync"]["revision"], fresh["status"]["sync"]["revision"]);
    assert_refused(&given.send("POST", CATALOG, "/sync", &json!({})), 400, "argocd/error-sync-in-progress.json");
    given.controller(true);
    let done = given.reached(CATALOG, "the sync ends", |one| phase(one) == "Succeeded" && one.get("operation").is_none());
    assert_application(&done);
    let state = &done["status"]["operationState"];
    assert_eq!((&state["operation"]["info"], &state["message"]), (&infos, &json!("successfully synced (all tasks run)")));
    assert_eq!(done["status"]["history"].as_array().unwrap().last().unwrap()["initiatedBy"]["username"], "admin");
    let lacks = recorded::lacks("argocd/application-after-sync.json", recorded::APPLICATION, &done);
    assert!(lacks.is_empty(), "{lacks:?}");
    given.reached(CATALOG, "the new version runs", |one| image(one).ends_with(":5.9.0") && one["status"]["health"]["status"] == "Healthy");

    assert_refused(&given.send("POST", CATALOG, "/rollback", &json!({"id": 999})), 400, "argocd/error-rollback-unknown-id.json");
    assert_refused(&given.send("POST", "catalog-service-staging", "/rollback", &json!({"id": 0})), 400, "argocd/error-rollback-with-autosync.json");
    let id = before["status"]["history"].as_array().unwrap().last().unwrap()["id"].clone();
    let back = given.send("POST", CATALOG, "/rollback", &json!({"id": id}));
    assert_eq!((back.status, &back.body["operation"]["sync"]["syncStrategy"]), (200, &json!({"apply": {}})));
    let back = given.reached(CATALOG, "the old version runs", |one| image(one) == old && one["status"]["health"]["status"] == "Healthy");
    assert_eq!(back["status"]["sync"]["status"], "OutOfSync", "git still wants the new one");
    assert_application(&back);
}

#[test]
fn what_syncs_by_itself_goes_to_no_other_revision_and_windows_stop_people_too() {
    let given = given("lab", 10);
    let staging = "catalog-service-staging";
    let revision = given.application(staging)["status"]["history"][0]["revision"].as_str().unwrap().to_owned();
    let refused = given.send("POST", staging, "/sync", &json!({"revision": revision}));
    assert_eq!((refused.status, &refused.body["code"]), (400, &json!(9)));
    assert_eq!(refused.body["message"], format!("Cannot sync to {revision}: auto-sync currently set to main"));
    let control = given.world.control();
    let window = |closed: bool, manual: bool| {
        let deed = json!({"project": "ecommerce", "closed": closed, "applications": ["catalog-*"], "manual": manual});
        control.change("PUT", "/windows", JSON, &deed);
    };
    let windows = || given.admin.get(&format!("/api/v1/applications/{CATALOG}/syncwindows"));
    assert_eq!(windows(), json!({"canSync": true}));
    window(true, false);
    let refused = given.send("POST", CATALOG, "/sync", &json!({}));
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!(7)));
    assert_eq!(refused.body["message"], "cannot sync: blocked by sync window");
    let closed = windows();
    assert_eq!((&closed["activeWindows"][0]["kind"], closed.get("canSync")), (&json!("deny"), None));
    assert!(problems(&Schemas::all().answer("/api/v1/applications/{name}/syncwindows", true), &closed).is_empty(), "{closed}");
    let project = given.world.object("nonprod", "apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects/ecommerce");
    assert!(Schemas::all().of_object(&project).is_empty(), "{project:#}");
    // What syncs by itself waits as well, and what is written into the cluster is not refused: it waits.
    given.world.commit("catalog-service", "staging", "5.9.1");
    given.world.refresh(staging);
    let operation = json!({"operation": {"initiatedBy": {"username": "li"}, "sync": {"syncStrategy": {"hook": {}}}}});
    given.world.patch("nonprod", &Given::home(CATALOG), &operation);
    let waits = given.reached(CATALOG, "it waits", |one| phase(one) == "Running");
    assert_eq!(waits["status"]["operationState"]["message"], "Sync operation blocked by sync window");
    assert_eq!(given.application(staging)["status"]["sync"]["status"], "OutOfSync");
    window(true, true);
    given.reached(CATALOG, "a person may", |one| phase(one) == "Succeeded");
    assert_eq!(given.application(staging)["status"]["sync"]["status"], "OutOfSync", "but nothing by itself");
    window(false, false);
    given.reached(staging, "the window is over", |one| one["status"]["sync"]["status"] == "Synced");
}

#[test]
fn operations_policies_and_their_end_are_written_into_applications_in_the_cluster() {
    let given = given("lab", 10);
    let nonprod = given.world.cluster("nonprod");
    let staging = "catalog-service-staging";
    let path = format!("/{}", Given::home(staging));
    // Auto-sync goes off, and what is committed stays where it is until it is on again.
    nonprod.change(
        "PATCH",
        &path,
        PATCH,
        &json!([{"op": "test", "path": "/spec/syncPolicy/automated/prune", "value": true},
        {"op": "remove", "path": "/spec/syncPolicy/automated"}]),
    );
    let off = given.application(staging);
    assert!(off.pointer("/spec/syncPolicy/automated").is_none() && off.pointer("/spec/syncPolicy/retry").is_some(), "{:#}", off["spec"]);
    given.world.commit("catalog-service", "staging", "5.9.2");
    given.world.refresh(staging);
    given.reached(staging, "it is out of sync", |one| one["status"]["sync"]["status"] == "OutOfSync" && one.get("operation").is_none());
    // A dead controller does nothing about an operation; a live one does, once.
    given.controller(false);
    let info = json!([{"name": "tiphys", "value": "b7f0"}]);
    let operation =
        json!({"initiatedBy": {"username": "oncall"}, "info": info, "retry": {"limit": 1}, "sync": {"revision": "", "syncStrategy": {"hook": {}}}});
    let add = json!([{"op": "test", "path": "/operation", "value": null}, {"op": "add", "path": "/operation", "value": operation}]);
    nonprod.change("PATCH", &path, PATCH, &add);
    let asked = given.application(staging);
    assert_eq!((&asked["operation"]["info"], phase(&asked)), (&info, "Succeeded"), "that of the last one stays until the controller sees it");
    let again = nonprod.send("PATCH", &path, PATCH, Some(&add));
    assert_eq!((again.status, &again.body["reason"]), (422, &json!("Invalid")));
    given.controller(true);
    let done = given.reached(staging, "it was done", |one| one["status"]["sync"]["status"] == "Synced" && one.get("operation").is_none());
    let asked = &done["status"]["operationState"]["operation"];
    assert_eq!((&asked["info"], &asked["initiatedBy"]["username"], &asked["retry"]["limit"]), (&info, &json!("oncall"), &json!(1)));
    assert!(Schemas::all().of_object(&given.world.object("nonprod", &Given::home(staging))).is_empty());
    // `enabled: false` is off as well, and its absence is on.
    for (enabled, synced) in [(false, "OutOfSync"), (true, "Synced")] {
        nonprod.change("PATCH", &path, MERGE, &json!({"spec": {"syncPolicy": {"automated": {"enabled": enabled}}}}));
        if !enabled {
            given.world.commit("catalog-service", "staging", "5.9.3");
        }
        given.world.refresh(staging);
        given.reached(staging, "as its policy says", |one| one["status"]["sync"]["status"] == synced && one.get("operation").is_none());
    }
    // Argo CD's API takes the same, from those who may.
    let patched = given.send("PATCH", staging, "", &json!({"patch": r#"{"spec":{"syncPolicy":{"automated":null}}}"#, "patchType": "merge"}));
    assert_eq!((patched.status, patched.body.pointer("/spec/syncPolicy/automated")), (200, None));
    assert_application(&patched.body);
}

/// A Rollout's fields as a cockpit that is careful names them in tests of a patch.
fn tests(rollout: &Value) -> Vec<Value> {
    let test = |path: &str| json!({"op": "test", "path": path, "value": rollout.pointer(path)});
    ["/metadata/uid", "/status/currentPodHash", "/status/currentStepIndex", "/status/abort"].map(test).to_vec()
}

#[test]
fn a_rollout_does_what_careful_patches_say_and_refuses_those_that_come_too_late() {
    let given = given("lab", 20);
    let prod = given.world.cluster("prod");
    let oncall = Peer { token: "oncall".to_owned(), ..prod.clone() };
    let (path, status) = (format!("/{}", production(CHECKOUT)), format!("/{}/status", production(CHECKOUT)));
    let rollout = || prod.get(&path);
    let is = |rollout: &Value, phase: &str, index: u64| rollout["status"]["phase"] == phase && rollout["status"]["currentStepIndex"] == index;
    let reached = |what: &str, wanted: &dyn Fn(&Value) -> bool| until(what, SOON, rollout, |rollout| wanted(rollout)).0;
    let first = rollout();
    let old = first["spec"]["template"].clone();
    given.world.commit(CHECKOUT, "production", "2.14.9");
    given.world.refresh("checkout-service-production");
    let paused = reached("10 %", &|rollout| is(rollout, "Paused", 1));
    // On from the pause, once: the same patch again fits no longer.
    let mut promote = tests(&paused);
    promote.extend([
        json!({"op": "remove", "path": "/status/pauseConditions"}),
        json!({"op": "replace", "path": "/status/currentStepIndex", "value": 2}),
    ]);
    assert_eq!(oncall.send("PATCH", &status, PATCH, Some(&json!(promote))).status, 200);
    let late = oncall.send("PATCH", &status, PATCH, Some(&json!(promote)));
    assert_eq!((late.status, &late.body["message"]), (422, &json!("the server rejected our request due to an error in our request")));
    let version = paused["metadata"]["resourceVersion"].clone();
    let stale = oncall.send("PATCH", &status, MERGE, Some(&json!({"metadata": {"resourceVersion": version}, "status": {"abort": true}})));
    assert_eq!((stale.status, &stale.body["reason"]), (409, &json!("Conflict")));
    assert_eq!(oncall.send("PATCH", &path, "application/strategic-merge-patch+json", Some(&json!({}))).status, 415);
    // Held by a person, then let go.
    assert_eq!(oncall.send("PATCH", &path, MERGE, Some(&json!({"spec": {"paused": true}}))).status, 200);
    let held = reached("held", &|rollout| rollout["status"]["phase"] == "Paused");
    assert_eq!((&held["spec"]["paused"], &held["status"]["message"]), (&json!(true), &json!("manually paused")));
    assert!(Schemas::all().of_object(&held).is_empty());
    oncall.change("PATCH", &path, MERGE, &json!({"spec": {"paused": false}}));
    // Turned back.
    let running = reached("it goes on", &|rollout| rollout["status"]["phase"] != "Paused" || rollout["status"]["currentStepIndex"] == 3);
    let mut abort = vec![json!({"op": "test", "path": "/status/currentPodHash", "value": running["status"]["currentPodHash"]})];
    abort.push(json!({"op": "add", "path": "/status/abort", "value": true}));
    oncall.change("PATCH", &status, PATCH, &json!(abort));
    let aborted = reached("aborted", &|rollout| is(rollout, "Degraded", 0) && rollout["status"]["updatedReplicas"] == 0);
    assert!(aborted["status"]["message"].as_str().unwrap().starts_with("RolloutAborted: Rollout aborted update to revision"));
    // Once more, then to everybody.
    oncall.change("PATCH", &status, MERGE, &json!({"status": {"abort": false}}));
    reached("10 % once more", &|rollout| is(rollout, "Paused", 1));
    oncall.change("PATCH", &status, MERGE, &json!({"status": {"promoteFull": true}}));
    assert_eq!(rollout()["status"]["promoteFull"], true);
    let everywhere = reached("everywhere", &|rollout| rollout["status"]["phase"] == "Healthy");
    assert!(everywhere["status"].get("promoteFull").is_none() && everywhere["status"]["stableRS"] == everywhere["status"]["currentPodHash"]);
    // New pods, no new revision.
    let names = || -> Vec<String> {
        let pods = given.world.object("prod", "api/v1/namespaces/production/pods?labelSelector=app.kubernetes.io%2Fname%3Dcheckout-service");
        pods["items"].as_array().unwrap().iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let before = names();
    oncall.change("PATCH", &path, MERGE, &json!({"spec": {"restartAt": "2026-11-21T09:00:00Z"}}));
    let restarted =
        reached("restarted", &|rollout| rollout["status"]["restartedAt"] == "2026-11-21T09:00:00Z" && rollout["status"]["phase"] == "Healthy");
    assert!(names().iter().all(|name| !before.contains(name)), "every pod is another");
    assert_eq!(restarted["status"]["currentPodHash"], everywhere["status"]["currentPodHash"]);
    assert!(Schemas::all().of_object(&restarted).is_empty());
    // Back by hand after it is everywhere: a canary itself; and production heals itself.
    let undo = json!([{"op": "test", "path": "/metadata/uid", "value": first["metadata"]["uid"]}, {"op": "replace", "path": "/spec/template", "value": old}]);
    oncall.change("PATCH", &path, PATCH, &undo);
    let undone = rollout();
    assert_eq!((&undone["spec"]["template"], &undone["status"]["currentStepIndex"]), (&old, &json!(0)));
    assert_ne!(undone["status"]["stableRS"], undone["status"]["currentPodHash"]);
    reached("Argo CD takes it back", &|rollout| rollout["spec"]["template"] != old && rollout["status"]["phase"] == "Healthy");
    let viewer = Peer { token: "viewer".to_owned(), ..prod.clone() };
    assert_eq!(viewer.send("PATCH", &status, MERGE, Some(&json!({"status": {"abort": true}}))).status, 403);
}

#[test]
fn argo_cd_acts_on_rollouts_and_says_which_actions_would_do_something() {
    let given = given("lab", 20);
    let name = "checkout-service-production";
    let place = "namespace=production&resourceName=checkout-service&version=v1alpha1&group=argoproj.io&kind=Rollout";
    let open = || -> Vec<String> {
        let answer = given.admin.get(&format!("/api/v1/applications/{name}/resource/actions?{place}"));
        assert!(problems(&Schemas::all().answer("/api/v1/applications/{name}/resource/actions", true), &answer).is_empty(), "{answer}");
        let all = answer["actions"].as_array().unwrap().clone();
        all.iter().filter(|one| one.get("disabled").is_none()).map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let act = |action: &str| {
        let body = json!({"namespace": "production", "resourceName": CHECKOUT, "version": "v1alpha1", "group": "argoproj.io", "kind": "Rollout", "action": action});
        let reply = given.send("POST", name, "/resource/actions/v2", &body);
        assert_eq!((reply.status, &reply.body), (200, &json!({})), "{action}");
    };
    let rollout = || given.world.object("prod", &production(CHECKOUT));
    let reached = |phase: &str, index: u64| {
        until(phase, SOON, rollout, |rollout| rollout["status"]["phase"] == phase && rollout["status"]["currentStepIndex"] == index);
    };
    assert_eq!(open(), ["pause", "restart"]);
    given.world.commit(CHECKOUT, "production", "2.14.9");
    given.world.refresh(name);
    reached("Paused", 1);
    assert_eq!(open(), ["abort", "promote-full", "restart", "resume", "skip-current-step"]);
    let handed = given.admin.get(&format!("/api/v1/applications/{name}/resource?{place}"));
    assert!(problems(&Schemas::all().answer("/api/v1/applications/{name}/resource", true), &handed).is_empty(), "{handed}");
    let handed: Value = serde_json::from_str(handed["manifest"].as_str().unwrap()).unwrap();
    assert_eq!(handed["status"]["currentPodHash"], rollout()["status"]["currentPodHash"]);
    act("abort");
    reached("Degraded", 0);
    assert!(open().contains(&"retry".to_owned()));
    act("retry");
    reached("Paused", 1);
    act("skip-current-step");
    reached("Paused", 3);
    act("pause");
    until("held", SOON, rollout, |rollout| rollout["spec"]["paused"] == true);
    act("resume");
    until("let go", SOON, rollout, |rollout| rollout["spec"].get("paused").is_none());
    // The older form: the action is the body.
    let old = given.admin.send("POST", &format!("/api/v1/applications/{name}/resource/actions?{place}"), JSON, Some(&json!("promote-full")));
    assert_eq!(old.status, 200, "{}", old.body);
    until("everywhere", SOON, rollout, |rollout| rollout["status"]["phase"] == "Healthy");
    let missing = given.send(
        "POST",
        name,
        "/resource/actions/v2",
        &json!({"kind": "Rollout", "namespace": "production", "resourceName": "no", "action": "resume"}),
    );
    assert_eq!((missing.status, &missing.body["code"]), (400, &json!(3)));
}
