//! Recorded Rollouts through every verb, each patch carried out by another implementation of RFC 6902; and a scripted API server, which counts.

use serde_json::{Map, json};

use super::*;
use crate::base::Timestamp;
use crate::base::scripted::{Reply, Scripted};
use crate::domain::ClusterName;
use crate::operations::canary::references::Presence;
use crate::operations::canary::{Around, StepKind, Verb, plan};

macro_rules! state {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../tests/recordings/rollouts/", $name, "/rollout.json")),
            include_str!(concat!("../../../tests/recordings/rollouts/", $name, "/replicasets.json")),
        )
    };
}

const STATES: [(&str, &str, &str); 8] = [
    state!("1-paused-at-10"),
    state!("2-pause-with-duration"),
    state!("3-analysis-running"),
    state!("4-aborted-by-analysis"),
    state!("5-healthy-after-revert"),
    state!("6-aborted-by-hand"),
    state!("7-retried"),
    state!("8-promoted-fully"),
];

/// What is expected of each verb: the plugin's merge patch, or the refusal.
type Row = [Result<Value, &'static str>; 7];

pub(super) fn key(name: &str) -> WorkloadKey {
    WorkloadKey { cluster: ClusterName::from("prod"), namespace: Namespace::from("production"), kind: WorkloadKind::Rollout, name: Raw::from(name) }
}

fn now() -> Timestamp {
    "2026-11-21T09:00:00Z".parse().unwrap()
}

fn recorded(at: usize) -> (Value, Facts) {
    let (_, rollout, sets) = STATES[at];
    let (rollout, sets): (Value, Value) = (serde_json::from_str(rollout).unwrap(), serde_json::from_str(sets).unwrap());
    let facts = rollout::facts(&key("checkout-service"), &rollout, sets["items"].as_array().unwrap());
    (rollout, facts)
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else { return target.clone_from(patch) };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (key, value) in fields {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

fn patched(object: &Value, patches: &[Patch]) -> Result<Value, String> {
    let mut object = object.clone();
    for patch in patches {
        let operations: json_patch::Patch = serde_json::from_slice(&wire::body_of(&patch.operations)).unwrap();
        json_patch::patch(&mut object, &operations).map_err(|error| error.to_string())?;
    }
    Ok(object)
}

/// What the plugin would send in each recorded state, or why it is refused.
#[test]
fn every_verb_on_every_recorded_state_does_what_the_plugin_does_or_says_why_not() {
    let (waits, settled, aborted) = (
        Err("it waits for a person already"),
        "no change is under way: the newest version is the stable one",
        "it was aborted: a retry starts it again",
    );
    let gone = Err("no change is under way: the newest version is the stable one. The way back is a version in git");
    let (hold, restart) = (Ok(json!({"spec": {"paused": true}})), Ok(json!({"spec": {"restartAt": "2026-11-21T09:00:00Z"}})));
    let unpause = Ok(json!({"status": {"pauseConditions": null}}));
    let (full, abort, again) =
        (Ok(json!({"status": {"promoteFull": true}})), Ok(json!({"status": {"abort": true}})), Ok(json!({"status": {"abort": false}})));
    let (skips, all) = (
        Err("it would skip the analysis that runs in step 5: that has to be asked for"),
        Err("it would skip the analysis of step 5: that has to be asked for"),
    );
    let (idle, unaborted) = (Err("it is not paused"), Err("it was not aborted"));
    let paused_out = Err("no change is under way: there is nothing to pause");
    let forward = Err("it was aborted: nothing goes forward");
    let table: [(usize, bool, Row); 10] = [
        (0, false, [waits.clone(), unpause.clone(), unpause.clone(), all.clone(), abort.clone(), unaborted.clone(), restart.clone()]),
        (1, false, [hold.clone(), unpause.clone(), unpause.clone(), all.clone(), abort.clone(), unaborted.clone(), restart.clone()]),
        (2, false, [hold.clone(), idle.clone(), skips, all, abort.clone(), unaborted.clone(), restart.clone()]),
        (
            2,
            true,
            [hold, idle.clone(), Ok(json!({"status": {"currentStepIndex": 5}})), full.clone(), abort.clone(), unaborted.clone(), restart.clone()],
        ),
        (3, false, [forward.clone(), idle.clone(), Err(aborted), Err(aborted), Err("it was aborted already"), again.clone(), restart.clone()]),
        (4, true, [paused_out.clone(), idle.clone(), Err(settled), Err(settled), gone.clone(), unaborted.clone(), restart.clone()]),
        (5, true, [forward, idle.clone(), Err(aborted), Err(aborted), Err("it was aborted already"), again, restart.clone()]),
        (6, true, [waits.clone(), unpause.clone(), unpause.clone(), full.clone(), abort.clone(), unaborted.clone(), restart.clone()]),
        (7, false, [paused_out.clone(), idle.clone(), Err(settled), Err(settled), gone.clone(), unaborted.clone(), restart.clone()]),
        (0, true, [waits, unpause.clone(), unpause, full, abort, unaborted, restart]),
    ];
    let verbs = [Verb::Pause, Verb::Resume, Verb::NextStep, Verb::PromoteFully, Verb::Abort, Verb::Retry, Verb::Restart];
    for (at, skips, row) in table {
        let (object, facts) = recorded(at);
        for (verb, expected) in verbs.into_iter().zip(row) {
            let planned = plan(verb, &facts, &Around::default(), skips, now());
            match (planned, expected) {
                (Ok(planned), Ok(body)) => {
                    let mut merged = object.clone();
                    merge(&mut merged, &body);
                    assert_eq!(patched(&object, &planned.patches), Ok(merged), "{} {verb:?}", STATES[at].0);
                }
                (Err(refusal), Err(why)) => assert_eq!(refusal.to_string(), why, "{} {verb:?}", STATES[at].0),
                (got, wanted) => panic!("{} {verb:?}: {got:?}, not {wanted:?}", STATES[at].0),
            }
        }
    }
}

#[test]
fn undo_puts_the_template_of_the_stable_version_back_or_that_of_the_revision_before() {
    for (at, image) in [(0, "2.14.2"), (3, "2.14.2"), (7, "2.14.2")] {
        let (object, facts) = recorded(at);
        let planned = plan(Verb::Undo, &facts, &Around::default(), false, now()).unwrap();
        let after = patched(&object, &planned.patches).unwrap();
        let container = after.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str).unwrap();
        assert!(container.ends_with(image), "{}: {container}", STATES[at].0);
        assert!(!after.pointer("/spec/template").unwrap().to_string().contains("rollouts-pod-template-hash"));
        assert!(planned.words[0].as_str().contains(image), "{}", planned.words[0]);
    }
}

#[test]
fn a_patch_changes_nothing_on_another_object_another_version_or_another_step() {
    let (object, facts) = recorded(2);
    let patches = plan(Verb::NextStep, &facts, &Around::default(), true, now()).unwrap().patches;
    for (path, value) in [("/metadata/uid", json!("other")), ("/status/currentPodHash", json!("other")), ("/status/currentStepIndex", json!(3))] {
        let mut moved = object.clone();
        *moved.pointer_mut(path).unwrap() = value;
        assert!(patched(&moved, &patches).is_err(), "{path}");
    }
    let mut newer = object;
    newer["metadata"]["resourceVersion"] = json!("999999");
    assert!(patched(&newer, &patches).is_ok(), "the controller writes its status all the time");
}

/// A client as the one that changes is built: nothing is sent twice.
fn client(url: &str) -> kube::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = kube::Config::new(url.parse().unwrap());
    config.default_retry = false;
    config.connect_timeout = Some(std::time::Duration::from_secs(3));
    kube::Client::try_from(config).unwrap()
}

pub(super) fn abort() -> Patch {
    let (_, facts) = recorded(0);
    plan(Verb::Abort, &facts, &Around::default(), false, now()).unwrap().patches.remove(0)
}

fn kind(answer: &Answer) -> String {
    match answer {
        Answer::Taken(receipt) => format!("{receipt:?}"),
        Answer::Refused(rejection) => format!("{:?}", rejection.kind),
        Answer::Unknown(_) => "Unknown".to_owned(),
    }
}

#[tokio::test]
async fn a_patch_is_sent_once_whatever_is_answered() {
    macro_rules! recorded {
        ($name:literal) => {
            include_str!(concat!("../../../tests/recordings/kubernetes/", $name, ".json"))
        };
    }
    let admission = r#"{"message":"admission webhook \"freeze.acme\" denied the request: production is frozen"}"#;
    let untested =
        r#"{"kind":"Status","message":"the server rejected our request due to an error in our request","reason":"Invalid","details":{},"code":422}"#;
    let field =
        r#"{"message":"Rollout.argoproj.io \"x\" is invalid","details":{"causes":[{"field":"spec.paused","reason":"FieldValueTypeInvalid"}]}}"#;
    for (status, body, expected) in [
        (200, "{}", "Applied"),
        (401, recorded!("error-401"), "Forbidden"),
        (403, recorded!("error-403-patch"), "Forbidden"),
        (403, admission, "Against"),
        (404, recorded!("error-404"), "Moved"),
        (409, recorded!("error-409-stale"), "Moved"),
        (422, untested, "Moved"),
        (422, field, "Invalid"),
        (429, "", "NotNow"),
        (307, "", "NotSent"),
        (500, "", "Unknown"),
        (503, "", "Unknown"),
        (504, "", "Unknown"),
    ] {
        let headers = vec![("Retry-After", "1".to_owned()), ("Location", "/elsewhere".to_owned())];
        let server = Scripted::start(move |_| Reply::Whole(status, headers.clone(), body.as_bytes().to_vec())).await;
        let answer = Cluster::new(client(&server.url())).send(&abort()).await;
        assert_eq!(kind(&answer), expected, "{status}: {answer:?}");
        let seen = server.seen();
        assert_eq!(seen.len(), 1, "{status}");
        assert_eq!(seen[0].method, "PATCH");
        assert_eq!(seen[0].target, "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts/checkout-service/status?fieldManager=tiphys");
        assert_eq!(seen[0].header("content-type"), "application/json-patch+json");
    }
    for reply in [|| Reply::Reset, || Reply::Truncated(b"{".to_vec())] {
        let server = Scripted::start(move |_| reply()).await;
        let answer = Cluster::new(client(&server.url())).send(&abort()).await;
        assert_eq!((kind(&answer).as_str(), server.seen().len()), ("Unknown", 1), "{answer:?}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_permission_that_is_lacking() {
    let body = include_str!("../../../tests/recordings/kubernetes/error-403-patch.json");
    let server = Scripted::start(move |_| Reply::refused(403, body)).await;
    let Answer::Refused(rejection) = Cluster::new(client(&server.url())).send(&abort()).await else { panic!("refused") };
    assert_eq!(rejection.cure.as_str(), "ask for this permission in the cluster: patch rollouts/status.argoproj.io in namespace production");
}

#[tokio::test]
async fn nobody_there_is_certain_and_no_answer_is_not() {
    let server = Scripted::start(|_| Reply::Silence).await;
    let (cluster, patch) = (Cluster::new(client(&server.url())), abort());
    tokio::time::pause();
    let answer = crate::base::scripted::late(cluster.send(&patch), || server.seen().len() == 1, wire::DEADLINE).await;
    assert_eq!(answer, Answer::Unknown(Safe::clean("no answer within 10 s")));
    assert_eq!(server.seen().len(), 1);
    tokio::time::resume();
    let url = server.url();
    drop(server);
    let answer = Cluster::new(client(&url)).send(&patch).await;
    assert_eq!(kind(&answer), "NotSent", "{answer:?}");
}

#[test]
fn looking_finds_what_was_done_what_was_not_and_says_when_it_cannot_tell() {
    let (object, before) = recorded(0);
    let timed = Facts { steps: vec![StepKind::Pause; 9], ..before.clone() };
    let patch = |verb| plan(verb, if verb == Verb::Pause { &timed } else { &before }, &Around::default(), true, now()).unwrap().patches.remove(0);
    let done = Found::Done(Receipt::Applied);
    let with = |changes: &[(&str, Value)]| {
        let operations = changes.iter().map(|(path, value)| Operation { op: "add", path: (*path).to_owned(), value: Some(value.clone()) });
        let patch = Patch { workload: key("checkout-service"), status: true, awaits: false, operations: operations.collect() };
        patched(&object, &[patch]).unwrap()
    };
    let newer = ("/metadata/resourceVersion", json!("99999"));
    let next = with(&[newer.clone(), ("/status/currentStepIndex", json!(2))]);
    for (verb, now, expected) in [
        (Verb::Abort, with(&[newer.clone(), ("/status/abort", json!(true))]), Some(done.clone())),
        (Verb::Abort, object.clone(), Some(Found::NotDone)),
        (Verb::Abort, with(std::slice::from_ref(&newer)), Some(Found::NotDone)),
        (Verb::Abort, next.clone(), Some(Found::NotDone)),
        (Verb::Abort, with(&[newer.clone(), (HASH, json!("newer"))]), None),
        (Verb::Resume, with(&[newer.clone(), (STEP, json!(0))]), None),
        (Verb::Pause, with(&[newer.clone(), ("/spec/paused", json!(true))]), Some(done.clone())),
        (Verb::Restart, object.clone(), Some(Found::NotDone)),
        (Verb::Abort, with(&[newer.clone(), ("/metadata/uid", json!("other")), ("/status/abort", json!(true))]), None),
        // The next step has a pause of its own.
        (Verb::Resume, next, Some(done.clone())),
        (Verb::Resume, object.clone(), Some(Found::NotDone)),
        (Verb::PromoteFully, with(&[newer, ("/status/stableRS", json!(before.current_hash))]), Some(done)),
    ] {
        let found = found(&patch(verb), &now);
        match expected {
            Some(expected) => assert_eq!(found, expected, "{verb:?}"),
            None => assert!(matches!(found, Found::Unknown(_)), "{verb:?}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn a_rollout_is_read_with_its_own_replica_sets() {
    let (_, object, sets) = STATES[0];
    let server = Scripted::start(move |seen| Reply::json(if seen.target.contains("replicasets") { sets } else { object })).await;
    let mut facts = Cluster::new(client(&server.url())).read(&key("checkout-service")).await.unwrap();
    facts.references.clear();
    assert_eq!(facts, recorded(0).1);
    assert_eq!(facts.revisions.len(), 2);
    assert_eq!(server.count("labelSelector=app.kubernetes.io%2Fname%3Dcheckout-service"), 1);
}

#[test]
fn what_a_patch_awaits_is_coming_here_over_or_another() {
    let object = |uid: &str, newest: &str, stable: &str| json!({"metadata": {"uid": uid}, "status": {"currentPodHash": newest, "stableRS": stable}});
    let test = |path: &str, value: &str| Operation { op: "test", path: path.to_owned(), value: Some(json!(value)) };
    let patch = Patch {
        workload: key("checkout-service"),
        status: true,
        awaits: true,
        operations: vec![
            test("/metadata/uid", "u"),
            test("/status/currentPodHash", "then"),
            Operation { op: "add", path: "/status/promoteFull".to_owned(), value: Some(json!(true)) },
        ],
    };
    let mut was = None;
    assert_eq!(awaited(&patch, &object("u", "now", "now"), &mut was), Awaited::Coming);
    assert_eq!(awaited(&patch, &object("u", "then", "now"), &mut was), Awaited::Here);
    assert_eq!(awaited(&patch, &object("u", "then", "then"), &mut was), Awaited::Over);
    assert!(matches!(awaited(&patch, &object("u", "other", "now"), &mut was), Awaited::Other(rejection) if rejection.kind == No::Moved));
    assert!(matches!(awaited(&patch, &object("v", "then", "now"), &mut was), Awaited::Other(_)));
    // Whoever takes it up looks whether it was sent: what did not come yet was not promoted.
    assert_eq!(found(&patch, &object("u", "now", "now")), Found::NotDone);
    assert_eq!(found(&patch, &object("u", "then", "then")), Found::Done(Receipt::Applied));
}

/// What the stable version of a recorded canary reads, by what its cluster says of it: metadata alone, and no more is claimed than that.
#[tokio::test]
async fn what_the_stable_version_refers_to_is_asked_for_as_metadata_alone() {
    let (_, object, sets) = STATES[0];
    // The replica set of the stable version came at 08:40:56.
    let there = |time: &str| {
        let written = json!([{"manager": "argocd-controller", "time": time}]);
        json!({"kind": "PartialObjectMetadata", "metadata": {"name": "checkout-service-config", "managedFields": written}}).to_string()
    };
    let gone = json!({"kind": "Status", "reason": "NotFound", "details": {"name": "checkout-service-config", "kind": "configmaps"}}).to_string();
    let rows = [
        (200, there("2026-11-21T08:40:00Z"), Presence::Unchanged),
        (200, there("2026-11-21T08:41:00Z"), Presence::Written),
        (404, gone, Presence::Missing),
        (404, json!({"kind": "Status", "details": {}}).to_string(), Presence::Unknown(Safe::clean("the server answered 404"))),
        (403, String::new(), Presence::Unknown(Safe::clean("it may not be read"))),
        (406, String::new(), Presence::Unknown(Safe::clean("the server answered 406"))),
    ];
    for (status, body, expected) in rows {
        let said = body.clone();
        let server = Scripted::start(move |seen| match seen.target.as_str() {
            "/api/v1/namespaces/production/configmaps/checkout-service-config" => Reply::refused(status, said.clone()),
            target if target.contains("replicasets") => Reply::json(sets),
            _ => Reply::json(object),
        })
        .await;
        let facts = Cluster::new(client(&server.url())).read(&key("checkout-service")).await.unwrap();
        let [reference] = facts.references.as_slice() else { panic!("{:?}", facts.references) };
        assert_eq!((reference.kind, &reference.presence), ("ConfigMap", &expected), "{status} {body}");
        let seen = server.seen();
        let asked = seen.iter().find(|seen| seen.target.contains("configmaps")).unwrap();
        assert_eq!(asked.header("accept"), "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
    }
    let (_, object, sets) = STATES[7];
    let server = Scripted::start(move |seen| Reply::json(if seen.target.contains("replicasets") { sets } else { object })).await;
    Cluster::new(client(&server.url())).read(&key("checkout-service")).await.unwrap();
    assert_eq!(server.count("configmaps"), 0, "nothing is on its way");
}

#[tokio::test]
async fn autoscalers_are_listed_by_name_and_by_what_they_scale() {
    let list = json!({"items": [
        {"metadata": {"name": "checkout"}, "spec": {"scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "checkout"}}},
        {"metadata": {"name": "keda-hpa-cart", "ownerReferences": [{"kind": "ScaledObject", "name": "cart"}]},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "cart"}}},
        {"metadata": {}},
    ]});
    let told = |status: u16, body: String| async move {
        let server = Scripted::start(move |_| Reply::refused(status, body.clone())).await;
        let found = Cluster::new(client(&server.url())).scalers(&Namespace::from("production")).await;
        assert_eq!(server.seen()[0].target, "/apis/autoscaling/v2/namespaces/production/horizontalpodautoscalers");
        found.map(|found| found.iter().map(|one| format!("{} → {} {}", one.by, one.kind, one.name)).collect::<Vec<_>>())
    };
    assert_eq!(
        told(200, list.to_string()).await.unwrap(),
        ["HorizontalPodAutoscaler checkout → Rollout checkout", "ScaledObject cart → Deployment cart"]
    );
    assert_eq!(told(403, "{}".to_owned()).await.unwrap_err().as_str(), "you may not list the autoscalers of namespace production");
    assert!(told(200, "{}".to_owned()).await.is_err());
}
