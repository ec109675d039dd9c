//! Against a real cluster: left out of a plain run. `eval "$(tests/lab/lab env)"`, then
//! `cargo test --lib execution::cluster::lab -- --ignored --nocapture --test-threads=1`. It moves the canary of checkout-service in production, by a commit to
//! the lab's gitops repository, and leaves it promoted.

use std::process::Command;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};

use super::tests::key;
use super::*;
use crate::base::Timestamp;
use crate::operations::canary::{Around, Verb, plan};

/// Who in production.
async fn as_user(context: &str) -> Cluster {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let path = std::env::var("KUBECONFIG").expect("the lab's environment");
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let mut config = kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(path).unwrap(), &options).await.unwrap();
    config.default_retry = false;
    Cluster::new(kube::Client::try_from(config).unwrap())
}

/// Reads until it is so.
async fn until(cluster: &Cluster, what: &str, wanted: impl Fn(&Facts) -> bool) -> Facts {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(3);
    loop {
        let facts = cluster.read(&key("checkout-service")).await.unwrap();
        if wanted(&facts) {
            println!("{what}: step {:?} of {}, {} of {}", facts.step, facts.steps.len(), facts.current_hash.shown(), facts.stable_hash.shown());
            return facts;
        }
        assert!(tokio::time::Instant::now() < deadline, "{what}: {facts:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Plans a verb on what is there now and sends it.
async fn does(cluster: &Cluster, verb: Verb, skips: bool) {
    let facts = cluster.read(&key("checkout-service")).await.unwrap();
    let planned = plan(verb, &facts, &Around::default(), skips, Timestamp::UNIX_EPOCH).unwrap_or_else(|refusal| panic!("{verb:?}: {refusal}"));
    for patch in &planned.patches {
        let answer = cluster.send(patch).await;
        println!("{verb:?}: {answer:?}: {:?}", planned.words);
        assert_eq!(answer, Answer::Taken(Receipt::Applied));
        assert_eq!(cluster.look(patch).await, Found::Done(Receipt::Applied));
    }
}

fn commit(tag: &str) {
    let lab = Command::new("tests/lab/lab").args(["commit", "checkout-service", "production", tag]).status().unwrap();
    assert!(lab.success());
    let refresh = ["--context", "nonprod", "-n", "argocd", "annotate", "app", "checkout-service-production", "argocd.argoproj.io/refresh=hard"];
    assert!(Command::new("kubectl").args(refresh).arg("--overwrite").status().unwrap().success());
}

#[tokio::test]
#[ignore = "needs the lab: tests/lab/lab up; run by hand, beside the stories of tests/lab.rs"]
async fn a_canary_is_moved_by_hand_and_a_viewer_may_not() {
    let (oncall, viewer) = (as_user("prod-oncall").await, as_user("prod-viewer").await);
    let before = oncall.read(&key("checkout-service")).await.unwrap();
    let running = before.template.as_ref().unwrap().pointer("/spec/containers/0/image").unwrap().to_string();
    commit(if running.contains("2.14.4") { "2.14.5" } else { "2.14.4" });
    let paused = until(&oncall, "paused at 10 %", |facts| facts.is_observed() && !facts.is_settled() && facts.is_paused()).await;

    let patches = plan(Verb::Abort, &paused, &Around::default(), false, Timestamp::UNIX_EPOCH).unwrap().patches;
    let Answer::Refused(rejection) = viewer.send(&patches[0]).await else { panic!("a viewer aborted") };
    println!("viewer: {rejection:?}");
    assert_eq!(rejection.kind, No::Forbidden);

    does(&oncall, Verb::Abort, false).await;
    let aborted = until(&oncall, "aborted", |facts| facts.aborted && facts.step == Some(0)).await;
    // What was planned for a step that is over does nothing.
    let late = plan(Verb::Resume, &paused, &Around::default(), false, Timestamp::UNIX_EPOCH).unwrap().patches;
    let Answer::Refused(rejection) = oncall.send(&late[0]).await else { panic!("an old plan was carried out") };
    println!("an old plan: {rejection:?}");
    assert_eq!(rejection.kind, No::Moved);
    assert!(plan(Verb::Abort, &aborted, &Around::default(), false, Timestamp::UNIX_EPOCH).is_err());

    does(&oncall, Verb::Retry, false).await;
    until(&oncall, "retried", |facts| !facts.aborted && facts.step == Some(1) && facts.is_paused()).await;
    does(&oncall, Verb::NextStep, false).await;
    until(&oncall, "the pause with an end", |facts| facts.step == Some(3) && facts.is_paused()).await;
    does(&oncall, Verb::Pause, false).await;
    until(&oncall, "held", |facts| facts.paused && facts.is_observed()).await;
    does(&oncall, Verb::Resume, false).await;
    until(&oncall, "measuring", |facts| facts.step == Some(4) && facts.step_analysis.is_some()).await;
    does(&oncall, Verb::NextStep, true).await;
    until(&oncall, "past the analysis", |facts| facts.step > Some(4)).await;
    does(&oncall, Verb::PromoteFully, true).await;
    let settled = until(&oncall, "promoted", |facts| facts.is_settled() && facts.is_observed()).await;
    for verb in [Verb::Abort, Verb::NextStep, Verb::PromoteFully, Verb::Retry, Verb::Resume] {
        let refusal = plan(verb, &settled, &Around::default(), true, Timestamp::UNIX_EPOCH).unwrap_err();
        println!("{verb:?}: {refusal}");
    }
}
