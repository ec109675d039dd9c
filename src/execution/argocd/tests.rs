//! Requests, refusals and findings over what a real Argo CD answered, and a scripted one, which counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::header::AUTHORIZATION;
use serde_json::json;

use super::*;
use crate::base::scripted::{Reply, Scripted, Seen, late};
use crate::domain::workload::{WorkloadKey, WorkloadKind};
use crate::domain::{AppKey, ArgocdName, ClusterName, Namespace};
use crate::execution::permissions;
use crate::execution::wire::DEADLINE;
use crate::operations::door::Permission;
use crate::operations::mutation::{Acting, Operation, Patch, Receipt, Sync};

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!("../../../tests/recordings/argocd/", $name, ".json"))
    };
}

pub(super) fn target(name: &str) -> Target {
    let app = AppKey { argocd: ArgocdName::from("lab"), namespace: Namespace::from("argocd"), name: Raw::from(name) };
    Target { app, project: Raw::from("ecommerce") }
}

pub(super) fn sync(name: &str) -> Mutation {
    Mutation::Sync(Sync { target: target(name), revision: None, prune: false })
}

pub(super) fn rollout() -> WorkloadKey {
    WorkloadKey {
        cluster: ClusterName::from("prod"),
        namespace: Namespace::from("production"),
        kind: WorkloadKind::Rollout,
        name: Raw::from("checkout-service"),
    }
}

/// An action that stands for a patch of this object with these pods.
pub(super) fn act(app: &str, action: &'static str) -> Mutation {
    let operation = |op, path: &str, value| Operation { op, path: path.to_owned(), value: Some(value) };
    let operations = vec![
        operation("test", "/metadata/uid", json!("u")),
        operation("test", "/status/currentPodHash", json!("h")),
        operation("add", "/status/abort", json!(true)),
    ];
    let patch = Patch { workload: rollout(), status: true, awaits: false, operations };
    Mutation::Act(Box::new(Acting { target: target(app), action, patch }))
}

/// Whether Argo CD is asked for a Rollout.
fn is_read(seen: &Seen) -> bool {
    seen.target.contains("/resource?")
}

/// A Rollout as Argo CD hands it out.
fn live(uid: &str, hash: &str) -> String {
    let rollout = json!({"metadata": {"uid": uid}, "status": {"currentPodHash": hash, "stableRS": "old"}});
    json!({ "manifest": rollout.to_string() }).to_string()
}

#[tokio::test]
async fn an_action_is_not_sent_where_the_rollout_is_not_what_it_was_planned_on() {
    let forbidden = || (403, r#"{"code":7,"message":"permission denied"}"#.to_owned());
    for (what, (status, body), expected) in [
        ("another object", (200, live("v", "h")), "Moved"),
        ("other pods", (200, live("u", "i")), "Moved"),
        ("it may not be read", forbidden(), "Forbidden"),
        ("it is not handed out", (200, "{}".to_owned()), "Invalid"),
        ("Argo CD does not reach the cluster either", (500, r#"{"code":2,"message":"dial tcp: refused"}"#.to_owned()), "NotSent"),
    ] {
        let server = Scripted::start(move |_| Reply::Whole(status, Vec::new(), body.clone().into_bytes())).await;
        let answer = as_bearer(&server.url(), "t").send(&act("mine", "abort"), &mark(ID)).await;
        assert_eq!((kind(&answer).as_str(), server.seen().iter().all(is_read)), (expected, true), "{what}: {answer:?}");
    }
}

pub(super) fn mark(id: &str) -> Mark {
    Mark { operation: OperationId::read(id).unwrap(), reason: Some(Raw::from("INC-7")), by: Raw::from("ada (tiphys)") }
}

const ID: &str = "0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f";

fn everything() -> [(Mutation, &'static str, &'static str); 5] {
    let app = || target("catalog-service-production");
    let scope = "?appNamespace=argocd&project=ecommerce";
    let of = |tail: &str, query: &str| -> &'static str { format!("/api/v1/applications/catalog-service-production{tail}{query}").leak() };
    [
        (sync("catalog-service-production"), "POST", of("/sync", "")),
        (Mutation::Rollback { target: app(), history: 3 }, "POST", of("/rollback", "")),
        (Mutation::Terminate(app()), "DELETE", of("/operation", scope)),
        (Mutation::Refresh(app()), "GET", of("", "?refresh=normal&appNamespace=argocd&project=ecommerce")),
        (act("catalog-service-production", "abort"), "POST", of("/resource/actions/v2", "")),
    ]
}

/// As the client for changes is built.
pub(super) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .retry(reqwest::retry::never())
        .tls_danger_accept_invalid_certs(true)
        .build()
        .unwrap()
}

pub(super) fn as_bearer(url: &str, token: &str) -> Argocd {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    let login: Login = Arc::new(move || {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.clone())]);
        Box::pin(async move { Ok(headers) })
    });
    Argocd::api(client(), url, login, Safe::clean("argocd relogin"))
}

fn holder(url: &str) -> Argocd {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = kube::Config::new(url.parse().unwrap());
    config.default_retry = false;
    Argocd::cluster(kube::Client::try_from(config).unwrap())
}

fn kind(answer: &Answer) -> String {
    match answer {
        Answer::Taken(receipt) => format!("{receipt:?}"),
        Answer::Refused(rejection) => format!("{:?}", rejection.kind),
        Answer::Unknown(_) => "Unknown".to_owned(),
    }
}

#[tokio::test]
async fn everything_is_asked_for_once_as_json_with_the_project_and_the_mark() {
    for (mutation, method, wanted) in everything() {
        let server = Scripted::start(|seen| Reply::json(if is_read(seen) { live("u", "h") } else { recorded!("sync").to_owned() })).await;
        let answer = as_bearer(&server.url(), "t").send(&mutation, &mark(ID)).await;
        assert_eq!(kind(&answer), "Accepted", "{mutation:?} {answer:?}");
        let (read, seen): (Vec<_>, Vec<_>) = server.seen().into_iter().partition(is_read);
        assert_eq!(read.len(), usize::from(matches!(mutation, Mutation::Act(_))), "what is held to nothing is read right before");
        assert_eq!((seen.len(), seen[0].method.as_str(), seen[0].target.as_str()), (1, method, wanted));
        assert_eq!((seen[0].header("content-type"), seen[0].header("authorization")), ("application/json", "Bearer t"));
        let body: Value = serde_json::from_slice(&seen[0].body).unwrap_or_default();
        if method == "POST" {
            assert_eq!(
                (&body["name"], &body["appNamespace"], &body["project"]),
                (&json!("catalog-service-production"), &json!("argocd"), &json!("ecommerce"))
            );
        }
        match &mutation {
            Mutation::Sync(_) => {
                assert_eq!(body["infos"], json!([{"name": "cockpit-op", "value": ID}, {"name": "reason", "value": "INC-7"}]));
                assert_eq!((&body["prune"], &body["revision"]), (&json!(false), &json!("")));
            }
            Mutation::Rollback { .. } => assert_eq!(body["id"], json!(3)),
            Mutation::Act(_) => assert_eq!((&body["action"], &body["resourceName"]), (&json!("abort"), &json!("checkout-service"))),
            _ => {}
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_twice_whatever_is_answered() {
    let window = r#"{"code":7,"message":"cannot sync: blocked by sync window"}"#;
    let app = || target("catalog-service-production");
    let rollback = || Mutation::Rollback { target: app(), history: 999 };
    let sync = || sync("catalog-service-production");
    for (mutation, status, body, expected) in [
        (sync(), 401, recorded!("error-401"), "Forbidden"),
        (sync(), 403, recorded!("error-403-sync"), "Forbidden"),
        (sync(), 403, window, "NotNow"),
        (sync(), 404, r#"{"code":5,"message":"applications.argoproj.io \"x\" not found"}"#, "Moved"),
        (sync(), 400, recorded!("error-sync-in-progress"), "NotNow"),
        (sync(), 400, recorded!("error-bad-revision"), "Invalid"),
        (sync(), 400, recorded!("error-bad-json"), "Invalid"),
        (rollback(), 400, recorded!("error-rollback-with-autosync"), "Against"),
        (rollback(), 400, recorded!("error-rollback-unknown-id"), "Moved"),
        (Mutation::Terminate(app()), 400, recorded!("error-terminate-nothing"), "Moved"),
        (sync(), 415, "Invalid content type", "Invalid"),
        (sync(), 429, "", "NotNow"),
        (sync(), 302, "", "NotSent"),
        (sync(), 307, "", "NotSent"),
        (sync(), 200, "<html>log in</html>", "NotSent"),
        (sync(), 500, r#"{"code":13,"message":"boom"}"#, "Unknown"),
        (sync(), 502, "", "Unknown"),
        (sync(), 503, r#"{"code":14,"message":"repo-server is away"}"#, "Unknown"),
        (sync(), 504, "", "Unknown"),
    ] {
        let headers = vec![("Retry-After", "1".to_owned()), ("Location", "/elsewhere".to_owned())];
        let server = Scripted::start(move |_| Reply::Whole(status, headers.clone(), body.as_bytes().to_vec())).await;
        let answer = as_bearer(&server.url(), "t").send(&mutation, &mark(ID)).await;
        assert_eq!((kind(&answer).as_str(), server.seen().len()), (expected, 1), "{status} {body}: {answer:?}");
    }
    for reply in [|| Reply::Reset, || Reply::Truncated(b"{".to_vec())] {
        let server = Scripted::start(move |_| reply()).await;
        let answer = as_bearer(&server.url(), "t").send(&sync(), &mark(ID)).await;
        assert_eq!((kind(&answer).as_str(), server.seen().len()), ("Unknown", 1), "{answer:?}");
    }
}

#[tokio::test]
async fn no_answer_is_unknown_and_nobody_there_is_certain() {
    let server = Scripted::start(|_| Reply::Silence).await;
    let argocd = as_bearer(&server.url(), "t");
    tokio::time::pause();
    let (mutation, mark) = (sync("a"), mark(ID));
    let answer = late(argocd.send(&mutation, &mark), || server.seen().len() == 1, DEADLINE).await;
    assert_eq!(answer, Answer::Unknown(Safe::clean("no answer within 10 s")));
    assert_eq!(server.seen().len(), 1);
    tokio::time::resume();
    drop(server);
    assert_eq!(kind(&argocd.send(&mutation, &mark).await), "NotSent");
    let none: Login = Arc::new(|| Box::pin(async { Err(rejection(No::NotSent, "no token", "argocd login")) }));
    let server = Scripted::start(|_| Reply::json("{}")).await;
    let argocd = Argocd::api(client(), &server.url(), none, Safe::default());
    assert_eq!((kind(&argocd.send(&mutation, &mark).await).as_str(), server.seen().len()), ("NotSent", 0));
}

fn app(file: &str) -> Value {
    serde_json::from_str(file).unwrap()
}

#[test]
fn without_the_api_an_operation_is_added_where_none_is_and_takes_the_applications_own_options() {
    let mut app = app(recorded!("application-after-sync"));
    app["spec"]["syncPolicy"] = json!({"retry": {"limit": 2}, "syncOptions": ["ServerSideApply=true"]});
    let manual = app.clone();
    let applied = |app: &Value, mutation: &Mutation| -> Result<Value, Rejection> {
        let patch: json_patch::Patch = serde_json::from_slice(&wire::body_of(&core::patch(mutation, &mark(ID), app)?)).unwrap();
        // A `test` for null where nothing is: the API server's library takes it, this one does not.
        let tests = patch.0.iter().filter(|operation| !matches!(operation, json_patch::PatchOperation::Test(test) if test.value.is_null()));
        let mut after = app.clone();
        json_patch::patch(&mut after, &tests.cloned().collect::<Vec<_>>()).unwrap();
        Ok(after)
    };
    let name = "catalog-service-production";
    let after = applied(&manual, &sync(name)).unwrap();
    assert_eq!(after.pointer("/status/operationState"), None, "the controller merges into what is left of the last one");
    assert_eq!(
        after["operation"],
        json!({
            "initiatedBy": {"username": "ada (tiphys)"},
            "info": [{"name": "cockpit-op", "value": ID}, {"name": "reason", "value": "INC-7"}],
            "retry": {"limit": 2},
            "sync": {"syncOptions": ["ServerSideApply=true"], "syncStrategy": {"hook": {}}},
        })
    );
    let history = manual["status"]["history"][0].clone();
    let rollback = Mutation::Rollback { target: target(name), history: history["id"].as_i64().unwrap_or_default() };
    let operation = applied(&manual, &rollback).unwrap()["operation"].clone();
    assert_eq!((&operation["sync"]["revision"], &operation["sync"]["source"]), (&history["revision"], &history["source"]));
    assert_eq!(operation["sync"]["syncStrategy"], json!({"apply": {}}));

    let refused = |app: &Value, mutation: &Mutation| applied(app, mutation).unwrap_err().kind;
    let terminate = Mutation::Terminate(target(name));
    assert_eq!(refused(&manual, &terminate), No::Moved);
    assert_eq!(refused(&manual, &Mutation::Rollback { target: target(name), history: 999 }), No::Moved);
    let mut automatic = manual.clone();
    automatic["spec"]["syncPolicy"]["automated"] = json!({});
    assert_eq!(refused(&automatic, &rollback), No::Against);
    let mut busy = manual.clone();
    busy["operation"] = json!({"sync": {}});
    assert_eq!(refused(&busy, &sync(name)), No::NotNow);
    assert_eq!(applied(&busy, &terminate).unwrap().pointer("/status/operationState/phase"), Some(&json!("Terminating")));
    let refreshed = applied(&manual, &Mutation::Refresh(target(name))).unwrap();
    assert_eq!(refreshed.pointer("/metadata/annotations/argocd.argoproj.io~1refresh"), Some(&json!("normal")));
}

#[tokio::test]
async fn without_the_api_the_object_is_read_and_patched_once() {
    let body = recorded!("application-after-sync");
    for (status, expected) in [(200, "Accepted"), (422, "Moved"), (403, "Forbidden"), (503, "Unknown"), (307, "NotSent")] {
        let server = Scripted::start(move |seen| match seen.method.as_str() {
            "GET" => Reply::json(body),
            _ => Reply::refused(status, "{}"),
        })
        .await;
        let answer = holder(&server.url()).send(&sync("catalog-service-production"), &mark(ID)).await;
        assert_eq!(kind(&answer), expected, "{status} {answer:?}");
        let patches: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "PATCH").collect();
        assert_eq!(patches.len(), 1);
        assert_eq!(patches[0].target, "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/catalog-service-production?fieldManager=tiphys");
        let operations: Value = serde_json::from_slice(&patches[0].body).unwrap();
        assert_eq!((&operations[1]["op"], &operations[1]["path"], &operations[1]["value"]), (&json!("test"), &json!("/operation"), &Value::Null));
    }
}

#[test]
fn looking_finds_the_mark_wherever_the_operation_is() {
    let mut app = app(recorded!("application-after-sync"));
    let (mutation, mark) = (sync("catalog-service-production"), mark(ID));
    let since = |text: &str| text.parse::<Timestamp>().unwrap();
    let look = |app: &Value, at: &str| found::operation(&mutation, &mark, since(at), app);
    let info = json!([{"name": "cockpit-op", "value": ID}]);
    // The recorded operation began at 08:44:08 and is another's.
    assert_eq!(look(&app, "2026-11-21T09:00:00Z"), Found::NotDone);
    assert!(matches!(look(&app, "2026-11-21T08:44:00Z"), Found::Unknown(_)), "another one came instead");
    assert!(matches!(look(&app, "2026-11-21T08:44:20Z"), Found::Unknown(_)), "clocks differ");
    app["operation"] = json!({"info": info, "sync": {}});
    assert_eq!(look(&app, "2026-11-21T09:00:00Z"), Found::Done(Receipt::Accepted));
    app["operation"] = json!({"sync": {}});
    assert!(matches!(look(&app, "2026-11-21T09:00:00Z"), Found::Unknown(_)), "another one runs");
    app.as_object_mut().unwrap().remove("operation");
    app["status"]["operationState"]["operation"]["info"] = info;
    assert_eq!(look(&app, "2026-11-21T09:00:00Z"), Found::Done(Receipt::Accepted));
}

#[test]
fn a_rollback_which_the_api_does_not_mark_is_known_by_what_it_deploys() {
    let app = app(recorded!("application-after-rollback"));
    let history = app["status"]["history"].as_array().unwrap();
    let revision = &app["status"]["operationState"]["operation"]["sync"]["revision"];
    let entry = history.iter().find(|entry| entry["revision"] == *revision).unwrap();
    let rollback = |history| Mutation::Rollback { target: target("catalog-service-production"), history };
    let look = |history, at: &str| found::operation(&rollback(history), &mark(ID), at.parse().unwrap(), &app);
    let id = entry["id"].as_i64().unwrap_or_default();
    assert_eq!(look(id, "2026-11-21T08:44:15Z"), Found::Done(Receipt::Accepted));
    assert_eq!(look(id, "2026-11-21T10:00:00Z"), Found::NotDone);
    assert!(matches!(look(999, "2026-11-21T08:44:15Z"), Found::Unknown(_)));
}

#[tokio::test]
async fn permissions_are_asked_for_beforehand_and_silence_is_no_yes() {
    let server = Scripted::start(|seen| {
        let answer = match (seen.target.as_str(), String::from_utf8_lossy(&seen.body)) {
            (target, _) if target.ends_with("/ecommerce/mine") => recorded!("can-i-yes"),
            (target, _) if target.contains("/can-i/") => recorded!("can-i-no"),
            (target, _) if target.contains("/resource/actions?") => r#"{"actions":[{"name":"abort"},{"name":"retry","disabled":true}]}"#,
            (_, body) if body.contains(r#""subresource":"status""#) => r#"{"status":{"allowed":true}}"#,
            (_, body) if body.contains(r#""name":"lost""#) => r#"{"status":{"allowed":false,"evaluationError":"webhook is away"}}"#,
            _ => r#"{"status":{"allowed":false}}"#,
        };
        Reply::json(answer)
    })
    .await;
    let argocd = BTreeMap::from([(ArgocdName::from("lab"), as_bearer(&server.url(), "t"))]);
    let mut config = kube::Config::new(server.url().parse().unwrap());
    config.default_retry = false;
    let cluster = crate::execution::cluster::Cluster::new(kube::Client::try_from(config).unwrap());
    let clusters = BTreeMap::from([(ClusterName::from("prod"), cluster)]);
    let patch = |cluster: &str, name: &str, status| {
        let workload = WorkloadKey { cluster: ClusterName::from(cluster), name: Raw::from(name), ..rollout() };
        Mutation::Patch(crate::operations::mutation::Patch { workload, status, awaits: false, operations: Vec::new() })
    };
    let act = |action| act("mine", action);
    let asked = [
        sync("mine"),
        sync("theirs"),
        Mutation::Terminate(target("mine")),
        act("abort"),
        act("retry"),
        patch("prod", "a", true),
        patch("prod", "a", false),
        patch("prod", "lost", false),
        patch("elsewhere", "a", true),
    ];
    let words = permissions::ask(&asked, |name| clusters.get(name), |name| argocd.get(name), |_| None).await;
    let words: Vec<_> = words
        .iter()
        .map(|permission| match permission {
            Permission::Granted => "yes".to_owned(),
            Permission::Denied { why, .. } => format!("no: {why}"),
            Permission::Unknown(why) => format!("? {why}"),
        })
        .collect();
    assert_eq!(
        words,
        [
            "yes",
            "no: Argo CD does not let this account sync theirs",
            "yes",
            "? Argo CD does not tell beforehand whether an account may act on a resource",
            "no: Argo CD says that 'retry' is not for this Rollout now",
            "yes",
            "no: the cluster does not let this account patch rollouts in namespace production",
            "? webhook is away",
            "? elsewhere cannot be asked",
        ]
    );
}
