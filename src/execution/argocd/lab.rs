//! Against a real Argo CD: left out of a plain run. `eval "$(tests/lab/lab env)"`, then
//! `cargo test --lib execution::argocd::lab -- --ignored --nocapture --test-threads=1`. It syncs and rolls back catalog-service in production, and leaves it as
//! git wants it.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};

use super::tests::{act, as_bearer, mark, rollout, sync, target};
use super::*;
use crate::base::OperationId;
use crate::domain::ArgocdName;
use crate::execution::permissions;
use crate::operations::canary::{self, Around, Verb};
use crate::operations::mutation::{Acting, Receipt};

const APP: &str = "catalog-service-production";

fn variable(name: &str) -> String {
    std::env::var(name).expect("the lab's environment")
}

fn as_user(user: &str) -> Argocd {
    let token = std::fs::read_to_string(format!("{}/argocd-token-{user}", variable("LAB"))).unwrap();
    as_bearer(&variable("LAB_ARGOCD"), token.trim())
}

async fn as_context(context: &str) -> Argocd {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let mut config = kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(variable("KUBECONFIG")).unwrap(), &options).await.unwrap();
    config.default_retry = false;
    Argocd::cluster(kube::Client::try_from(config).unwrap())
}

/// A mark of its own for each run of these tests.
fn fresh(number: u32) -> Mark {
    let millis = now().as_millisecond();
    let id = format!("{:08x}-{:04x}-7000-8000-0000{number:08x}", millis >> 16, millis & 0xffff);
    Mark { operation: OperationId::read(&id).unwrap(), ..mark("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f") }
}

#[expect(clippy::disallowed_methods, reason = "the lab's clock is the real one")]
fn now() -> Timestamp {
    Timestamp::now()
}

async fn at_rest(argocd: &Argocd, name: &str) -> Value {
    for _ in 0..300 {
        let app = argocd.application(&target(name)).await.unwrap();
        let phase = app.pointer("/status/operationState/phase").and_then(Value::as_str).unwrap_or_default();
        if app.get("operation").is_none() && !matches!(phase, "Running" | "Terminating") {
            return app;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{name} does not come to rest");
}

/// A canary must be under way: commit another version of checkout-service for production, and wait for its first pause. It is aborted, and started again.
#[tokio::test]
#[ignore = "needs the lab with a canary of checkout-service under way; run by hand"]
async fn a_canary_is_aborted_and_retried_by_argo_cd_alone() {
    let (oncall, app, key) = (as_user("oncall"), target("checkout-service-production"), rollout());
    assert!(oncall.rollouts(&app, &key.cluster).await.unwrap().contains(&key));
    for verb in [Verb::Abort, Verb::Retry] {
        let facts = oncall.rollout(&app, &key).await.unwrap();
        println!("{verb:?}: {} of {}, aborted: {}", facts.current_hash.shown(), facts.stable_hash.shown(), facts.aborted);
        let planned = canary::plan(verb, &facts, &Around::default(), false, now()).unwrap();
        let [patch] = planned.patches.as_slice() else { panic!("{planned:?}") };
        let asked = Acting { target: app.clone(), action: verb.action().unwrap(), patch: patch.clone() };
        let (asked, mark, sent) = (Mutation::Act(Box::new(asked)), fresh(9), now());
        assert!(matches!(oncall.send(&asked, &mark).await, Answer::Taken(_)));
        assert!(matches!(oncall.look(&asked, &mark, sent).await, Found::Done(_)));
    }
}

#[tokio::test]
#[ignore = "needs the lab: tests/lab/lab up; run by hand, beside the stories of tests/lab.rs"]
async fn an_application_is_synced_rolled_back_refreshed_and_what_is_refused_is_refused() {
    let (oncall, viewer, core) = (as_user("oncall"), as_user("viewer"), as_context("nonprod").await);
    let before = at_rest(&oncall, APP).await;
    let rejected = |answer: Answer| {
        println!("{answer:?}");
        if let Answer::Refused(rejection) = answer { rejection.kind } else { panic!("taken") }
    };
    let (synced, other) = (fresh(1), fresh(2));
    assert_eq!(oncall.look(&sync(APP), &synced, now()).await, Found::NotDone);

    let sent = now();
    let answer = oncall.send(&sync(APP), &synced).await;
    println!("sync: {answer:?}");
    assert_eq!(answer, Answer::Taken(Receipt::Accepted));
    assert_eq!(oncall.look(&sync(APP), &synced, sent).await, Found::Done(Receipt::Accepted));
    let app = at_rest(&oncall, APP).await;
    println!("info: {}", app.pointer("/status/operationState/operation/info").unwrap());
    assert_eq!(oncall.look(&sync(APP), &synced, sent).await, Found::Done(Receipt::Accepted));
    assert_ne!(oncall.look(&sync(APP), &other, sent).await, Found::Done(Receipt::Accepted));

    let answer = oncall.send(&Mutation::Refresh(target(APP)), &other).await;
    println!("refresh: {answer:?}");
    assert_eq!(answer, Answer::Taken(Receipt::Accepted));
    assert!(matches!(oncall.look(&Mutation::Refresh(target(APP)), &other, sent).await, Found::Done(_)));
    assert_eq!(rejected(oncall.send(&Mutation::Terminate(target(APP)), &other).await), No::Moved);
    assert_eq!(rejected(viewer.send(&sync(APP), &other).await), No::Forbidden);
    assert_eq!(rejected(oncall.send(&sync("no-such-application"), &other).await), No::Moved);

    let history = before.pointer("/status/history").and_then(Value::as_array).unwrap();
    let back = |id: i64, name: &str| Mutation::Rollback { target: target(name), history: id };
    let id = history[0]["id"].as_i64().unwrap_or_default();
    assert_eq!(rejected(oncall.send(&back(999, APP), &other).await), No::Moved);
    assert_eq!(rejected(oncall.send(&back(id, "checkout-service-production"), &other).await), No::Against);
    let sent = now();
    let answer = oncall.send(&back(id, APP), &other).await;
    println!("rollback to {id}: {answer:?}");
    assert_eq!(answer, Answer::Taken(Receipt::Accepted));
    assert_eq!(oncall.look(&back(id, APP), &other, sent).await, Found::Done(Receipt::Accepted));
    at_rest(&oncall, APP).await;

    // The same without the API, which the mark tells apart.
    let through = fresh(3);
    let sent = now();
    let answer = core.send(&back(id, APP), &through).await;
    println!("rollback through the object: {answer:?}");
    assert_eq!(answer, Answer::Taken(Receipt::Accepted));
    assert_eq!(rejected(core.send(&sync(APP), &fresh(4)).await), No::NotNow);
    assert_eq!(core.look(&back(id, APP), &through, sent).await, Found::Done(Receipt::Accepted));
    at_rest(&core, APP).await;
    let through = fresh(5);
    let answer = core.send(&sync(APP), &through).await;
    println!("sync through the object: {answer:?}");
    assert_eq!(answer, Answer::Taken(Receipt::Accepted));
    let app = at_rest(&core, APP).await;
    println!("{}", app.pointer("/status/operationState/operation").unwrap());
    assert_eq!(core.look(&sync(APP), &through, sent).await, Found::Done(Receipt::Accepted));
    assert_eq!(core.send(&Mutation::Refresh(target(APP)), &through).await, Answer::Taken(Receipt::Accepted));
    assert_eq!(rejected(core.send(&Mutation::Terminate(target(APP)), &other).await), No::Moved);
    assert_eq!(rejected(as_context("nonprod-viewer").await.send(&sync(APP), &other).await), No::Forbidden);

    let act = act("checkout-service-production", "abort");
    println!("viewer acts: {:?}", rejected(viewer.send(&act, &other).await));
    for (user, argocd) in [("oncall", &oncall), ("viewer", &viewer)] {
        let ways = BTreeMap::from([(ArgocdName::from("lab"), argocd.clone())]);
        let asked = [sync(APP), Mutation::Refresh(target(APP)), act.clone()];
        println!("{user}: {:?}", permissions::ask(&asked, |_| None, |name| ways.get(name), |_| None).await);
    }
}
