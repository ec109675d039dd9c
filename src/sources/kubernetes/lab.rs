//! Against a real cluster: left out of a plain run. `eval "$(tests/lab/lab env)"`, then
//! `cargo test --lib kubernetes::lab -- --ignored --nocapture`. `LAB_CONTEXT` names the context, `LAB_NAMESPACES` the namespaces that are told,
//! `LAB_SECONDS` how long it listens.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::base::{Epoch, Raw, RequestId};
use crate::domain::access::ClusterAccess;
use crate::domain::canary::Canary;
use crate::domain::observation::{Item, ItemKey, Items, Observation, Report, ReportBody, SourceState};
use crate::domain::workload::{Progress, ReplicaSet, ReplicaSetKey, Workload, WorkloadKey};
use crate::domain::{ClusterName, Namespace, SourceId};
use crate::sources::{Ask, Clients, Outbox, Want};

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn start() -> (mpsc::Sender<Ask>, mpsc::Receiver<Report>, JoinSet<()>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let context = variable("LAB_CONTEXT", "prod-viewer");
    let access = ClusterAccess {
        name: ClusterName::from(context.as_str()),
        kubeconfig: None,
        context,
        server: None,
        namespaces: Vec::new(),
        destinations: Vec::new(),
        held_back: None,
    };
    let (asks, asked) = mpsc::channel(8);
    let (sender, reports) = mpsc::channel(256);
    let outbox = Outbox::new(SourceId::cluster(&access.name), Epoch(1), sender);
    let mut tasks = JoinSet::new();
    tasks.spawn(super::run(access.clone(), Clients::new([access]), asked, outbox));
    (asks, reports, tasks)
}

fn words(key: &WorkloadKey, workload: &Workload, sets: &BTreeMap<ReplicaSetKey, ReplicaSet>) -> String {
    let images: Vec<_> = workload.containers.iter().map(|c| c.image.tag.as_ref().map_or("-", Raw::as_wire)).collect();
    let replicas = workload.replicas;
    let progress = match &workload.progress {
        Progress::Done => "done".to_owned(),
        Progress::Waiting(text) => format!("waiting: {text}"),
        Progress::Failed(text) => format!("failed: {text}"),
    };
    let canary = workload.rollout.as_ref().map(|rollout| {
        let own = sets.iter().filter(|(set, body)| set.namespace == key.namespace && body.rollout == key.name).map(|(_, body)| body);
        let canary = Canary::read(rollout, own);
        format!(
            " [{} {}/{} asked {} actual {:?} {:?}]",
            canary.phase.word(),
            canary.step,
            canary.steps,
            canary.weight_asked,
            canary.weight_actual,
            canary.waits
        )
    });
    format!(
        "{}/{} {} {} d{} c{} u{} r{} a{} {progress}{} app={}",
        key.namespace.shown(),
        key.kind.word(),
        key.name.shown(),
        images.join(","),
        replicas.desired,
        replicas.current,
        replicas.updated,
        replicas.ready,
        replicas.available,
        canary.unwrap_or_default(),
        workload.tracking.annotation.as_ref().map_or("-", Raw::as_wire),
    )
}

#[tokio::test]
#[ignore = "needs the lab: tests/lab/lab up; run by hand, beside the stories of tests/lab.rs"]
async fn prints_what_is_heard() {
    let (asks, mut reports, _tasks) = start();
    let namespaces = variable("LAB_NAMESPACES", "");
    let names = namespaces.split(',').filter(|name| !name.is_empty()).map(Namespace::from).collect();
    asks.send(Ask { request: RequestId(1), want: Want::Namespaces(names) }).await.unwrap();
    let seconds: u64 = variable("LAB_SECONDS", "5").parse().unwrap();
    let started = Instant::now();
    let mut sets = BTreeMap::new();
    let mut asked = false;
    while let Ok(Some(report)) = tokio::time::timeout_at(started + Duration::from_secs(seconds), reports.recv()).await {
        let at = started.elapsed().as_millis();
        match report.body {
            ReportBody::State(scope, SourceState::Denied { why, cure }) => println!("{at:6} {} denied: {why} | {cure}", scope.shown()),
            ReportBody::State(scope, SourceState::Waiting { until, why }) => println!("{at:6} {} waiting {}: {why}", scope.shown(), until.is_some()),
            ReportBody::State(scope, SourceState::Off { why }) => println!("{at:6} {} off: {why}", scope.shown()),
            ReportBody::State(scope, state) => println!("{at:6} {} {}", scope.shown(), state.word()),
            ReportBody::Observed(Observation::Listed { scope, items, version }) => {
                println!("{at:6} {} listed {version:?}", scope.shown());
                match items {
                    Items::Workloads(all) => {
                        for (key, workload) in all {
                            println!("         {}", words(&key, &workload, &sets));
                            if !asked && workload.rollout.is_some() {
                                asked = true;
                                asks.send(Ask { request: RequestId(9), want: Want::Pods(key, workload.selector) }).await.unwrap();
                            }
                        }
                    }
                    Items::ReplicaSets(all) => sets.extend(all),
                    Items::Applications(_) | Items::Desired(_) | Items::Pulls(_) => {}
                }
            }
            ReportBody::Observed(Observation::Changed { item: Item::Workload(key, workload), .. }) => {
                println!("{at:6} changed {}", words(&key, &workload, &sets));
            }
            ReportBody::Observed(Observation::Changed { item: Item::ReplicaSet(key, set), .. }) => {
                println!("{at:6} set {} {}/{}", key.name.shown(), set.available, set.desired);
                sets.insert(key, *set);
            }
            ReportBody::Observed(Observation::Changed { item: Item::Pods(key, pods), .. }) => {
                for pod in pods.pods {
                    println!("{at:6} pod of {}: {} {} {:?} {:?}", key.name.shown(), pod.name.shown(), pod.status, pod.ready, pod.images);
                }
            }
            ReportBody::Observed(Observation::Removed { key: ItemKey::ReplicaSet(key), .. }) => {
                sets.remove(&key);
            }
            ReportBody::Alive => println!("{at:6} alive"),
            other => println!("{at:6} {other:?}"),
        }
    }
}
