//! Stories from the accounts of several witnesses, in every order, and what is said to be missing.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::base::time::later;
use crate::base::{Epoch, Raw};
use crate::domain::application::{Application, Deployment, Detail, Initiator, Operation, OperationDetail, Phase};
use crate::domain::desired::{Change, Commit, Desired};
use crate::domain::image::Image;
use crate::domain::observation::{Item, Items, Observation, Report, ReportBody, Scope};
use crate::domain::recent::{Event, Reach, Recent, SetMade};
use crate::domain::testing::{self, app_key, landscape};
use crate::domain::workload::{Container, Progress, Replicas, Tracking, Workload, WorkloadKey, WorkloadKind};
use crate::domain::{ArgocdName, Known};

fn at(seconds: u64) -> Timestamp {
    later(Timestamp::UNIX_EPOCH, Duration::from_secs(10_000 + seconds))
}

fn since() -> Timestamp {
    at(0)
}

fn argocd() -> SourceId {
    SourceId::argocd(&ArgocdName::from("main"))
}

fn cluster() -> SourceId {
    SourceId::cluster(&ClusterName::from("prod"))
}

fn sees(fleet: &mut Fleet, source: &SourceId, seconds: u64, observation: Observation) {
    fleet.apply(Report { source: source.clone(), epoch: Epoch(1), at: at(seconds), body: ReportBody::Observed(observation) });
}

fn container(version: &str) -> Box<[Container]> {
    Box::new([Container { name: Raw::from("app"), image: Image::read(&format!("acme/checkout:{version}")) }])
}

/// `checkout-production` was deployed at 100; its cluster and Argo CD are live.
fn fleet() -> Fleet {
    let mut fleet = Fleet::new(landscape());
    for source in [argocd(), cluster()] {
        fleet.connect(source, Epoch(1), since());
    }
    let scope = Scope::Project(Raw::from("shop"));
    let operation = Operation { phase: Phase::Succeeded, started_at: Some(at(90)), finished_at: Some(at(100)) };
    let app = |name: &str, deployed: Option<Timestamp>| {
        let application = testing::application(&["acme/checkout:2.14.3"], "Healthy");
        let operation = deployed.map(|_| operation.clone());
        (app_key(name), Application { deployed_at: deployed, operation, ..application })
    };
    let items = Items::Applications(vec![app("checkout-production", Some(at(100))), app("search-production", None)]);
    sees(&mut fleet, &argocd(), 101, Observation::Listed { scope: scope.clone(), items, version: None });
    for (source, scope) in [(argocd(), scope), (cluster(), Scope::Workloads(WorkloadKind::Deployment, None))] {
        let body = ReportBody::State(scope, SourceState::Live);
        fleet.apply(Report { source, epoch: Epoch(1), at: at(101), body });
    }
    let workload = Workload {
        tracking: Tracking { annotation: Some(Raw::from("checkout-production")), ..Tracking::default() },
        containers: container("2.14.3"),
        replicas: Replicas::default(),
        progress: Progress::Done,
        rollout: None,
        unmade: None,
        selector: Raw::default(),
    };
    let key = WorkloadKey {
        cluster: ClusterName::from("prod"),
        namespace: Namespace::from("shop"),
        kind: WorkloadKind::Deployment,
        name: Raw::from("checkout"),
    };
    sees(&mut fleet, &cluster(), 101, Observation::Changed { item: Item::Workload(key, Box::new(workload)), version: None });
    fleet
}

fn tells_detail(fleet: &mut Fleet, history: Vec<Deployment>, operation: Option<OperationDetail>) {
    let detail = Detail { history, operation, ..Detail::default() };
    let item = Item::Detail(app_key("checkout-production"), Box::new(detail));
    sees(fleet, &argocd(), 110, Observation::Changed { item, version: None });
}

fn deployment(revision: &str, from: u64, to: u64) -> Deployment {
    Deployment {
        id: 1,
        revisions: vec![Raw::from(revision)],
        started_at: Some(at(from)),
        deployed_at: Some(at(to)),
        by: Initiator::User(Safe::clean("ana")),
    }
}

fn tells_recent(fleet: &mut Fleet, sets: Vec<SetMade>, events: Vec<Event>, oldest: Option<Timestamp>) {
    let reach = vec![Reach { namespace: Namespace::from("shop"), oldest, missing: Vec::new() }];
    let item = Item::Recent(ClusterName::from("prod"), Box::new(Recent { since: since(), sets, events, reach }));
    sees(fleet, &cluster(), 110, Observation::Changed { item, version: None });
}

fn set(name: &str, seconds: u64) -> SetMade {
    let owner = (WorkloadKind::Deployment, Raw::from("checkout"));
    SetMade { namespace: Namespace::from("shop"), name: Raw::from(name), owner, at: at(seconds), containers: container("2.14.3") }
}

fn event(name: &str, reason: &str, message: &str, warns: bool, seconds: u64) -> Event {
    Event {
        namespace: Namespace::from("shop"),
        kind: Raw::from("Pod"),
        name: Raw::from(name),
        reason: Safe::clean(reason),
        message: Safe::clean(message),
        warns,
        count: 3,
        at: at(seconds),
        by: Safe::clean("kubelet"),
    }
}

const COMMIT: &str = "1c9e2ab04be3f0d6a3f1d7f2a4a8c8c1e3b5d7f9";

fn tells_desired(fleet: &mut Fleet, commits: &[(&str, u64)]) {
    let repository = SourceId::repository(Raw::from("gitops"));
    fleet.connect(repository.clone(), Epoch(1), since());
    let history: Vec<Change> = commits
        .iter()
        .map(|(id, seconds)| Change {
            images: Arc::from([Image::read("acme/checkout:2.14.3")]),
            commit: Arc::new(Commit {
                id: Raw::from(*id),
                author: Safe::clean("Mara Lind"),
                at: at(*seconds),
                subject: Safe::clean("checkout 2.14.3"),
                operation: None,
            }),
        })
        .collect();
    let desired = Desired {
        repository: Raw::from("gitops"),
        images: Known::Known(Arc::from([Image::read("acme/checkout:2.14.3")])),
        revision: Raw::from(COMMIT),
        file: None,
        overridden: None,
        compared: None,
        history: history.into(),
        is_whole: true,
        remark: None,
    };
    let items = Items::Desired(vec![(app_key("checkout-production"), desired)]);
    sees(fleet, &repository, 110, Observation::Listed { scope: Scope::Desired, items, version: None });
}

fn told(fleet: &Fleet) -> Vec<String> {
    let line = |entry: &Happened| {
        let seconds = entry.at.as_second() - since().as_second();
        format!("{}{seconds} {} {}: {} ({})", if entry.follows { "- " } else { "" }, entry.kind.word(), entry.place(), entry.what, entry.who)
    };
    Timeline::of(fleet, since()).entries.iter().map(line).collect()
}

#[test]
fn a_summary_alone_tells_that_something_was_deployed() {
    let fleet = fleet();
    assert_eq!(told(&fleet), ["100 sync checkout · production: deployed ()"]);
    assert_eq!(unread(&fleet, since()).0, [app_key("checkout-production")]);
}

#[test]
fn a_commit_its_sync_and_its_replica_set_are_one_story() {
    let mut fleet = fleet();
    tells_desired(&mut fleet, &[(COMMIT, 60)]);
    tells_recent(&mut fleet, vec![set("checkout-77b0", 92)], vec![event("search-1", "Evicted", "low on memory", true, 95)], Some(at(5)));
    tells_detail(&mut fleet, vec![deployment(COMMIT, 90, 100)], None);
    assert_eq!(
        told(&fleet),
        [
            "100 sync checkout · production: 2.14.3 synced at 1c9e2ab (ana)",
            "- 92 rollout checkout · production: 2.14.3 starts in ReplicaSet checkout-77b0 ()",
            "- 60 commit checkout · production: 1c9e2ab checkout 2.14.3 (Mara Lind)",
            "95 event shop/search-1: Evicted ×3: low on memory (kubelet)",
        ]
    );
    assert!(unread(&fleet, since()).0.is_empty());
}

#[test]
fn what_came_out_of_sync_after_its_detail_was_read_is_read_again() {
    let mut fleet = fleet();
    tells_detail(&mut fleet, Vec::new(), None);
    assert!(unread(&fleet, since()).0.is_empty());
    let application = Application { sync: Sync::OutOfSync, ..testing::application(&["acme/checkout:2.14.3"], "Healthy") };
    let item = Item::Application(app_key("checkout-production"), Box::new(application));
    sees(&mut fleet, &argocd(), 120, Observation::Changed { item, version: None });
    assert_eq!(unread(&fleet, since()).0, [app_key("checkout-production")]);
}

#[test]
fn what_lies_far_apart_is_not_one_story() {
    let mut fleet = fleet();
    tells_desired(&mut fleet, &[(COMMIT, 60)]);
    tells_recent(&mut fleet, vec![set("checkout-77b0", 2000)], Vec::new(), Some(at(0)));
    tells_detail(&mut fleet, vec![deployment("0000000000000000000000000000000000000000", 1000, 1010)], None);
    let lines = told(&fleet);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|line| !line.starts_with('-')), "{lines:?}");
}

#[test]
fn an_operation_is_told_once_and_a_failed_one_with_its_words() {
    let operation = |phase, from, to| OperationDetail {
        phase,
        message: Safe::clean("all tasks run"),
        by: Initiator::Automation,
        started_at: Some(at(from)),
        finished_at: Some(at(to)),
        failures: vec![(Safe::clean("ConfigMap/c"), Safe::clean("denied"))],
        hooks: Vec::new(),
        is_whole: true,
    };
    let mut fleet = fleet();
    tells_detail(&mut fleet, vec![deployment(COMMIT, 90, 100)], Some(operation(Phase::Succeeded, 90, 100)));
    assert_eq!(told(&fleet).len(), 1);
    let mut fleet = self::fleet();
    tells_detail(&mut fleet, vec![deployment(COMMIT, 20, 30)], Some(operation(Phase::Failed, 90, 100)));
    assert_eq!(
        told(&fleet),
        [
            "100 operation checkout · production: sync failed: all tasks run (ConfigMap/c: denied) (auto-sync)",
            "30 sync checkout · production: synced at 1c9e2ab (ana)",
        ]
    );
}

#[test]
fn a_crash_loop_of_many_pods_is_one_line_and_what_a_replica_set_tells_is_not_told_again() {
    let mut fleet = fleet();
    let events = vec![
        event("checkout-77b0-a", "BackOff", "back-off", true, 120),
        event("checkout-77b0-b", "BackOff", "back-off 2", true, 130),
        event("checkout-77b0", "ScalingReplicaSet", "Scaled up replica set checkout-77b0 from 0 to 2", false, 92),
        event("checkout-77b", "ScalingReplicaSet", "Scaled up replica set checkout-77b from 1 to 2", false, 93),
    ];
    tells_recent(&mut fleet, vec![set("checkout-77b0", 92)], events, Some(at(0)));
    tells_detail(&mut fleet, Vec::new(), None);
    let lines = told(&fleet);
    assert_eq!(lines.first().map(String::as_str), Some("130 event checkout · production: BackOff ×6: back-off 2 (kubelet)"));
    assert_eq!(lines.iter().filter(|line| line.contains("ScalingReplicaSet")).count(), 1, "{lines:?}");
}

#[test]
fn what_is_missing_is_said() {
    let gaps = |fleet: &Fleet| Timeline::of(fleet, since()).gaps.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut fleet = fleet();
    assert_eq!(
        gaps(&fleet),
        [
            "commits: no gitops repository is read",
            "prod: events and ReplicaSets are being read",
            "1 application: only the last deployment is known, not who asked for it"
        ]
    );
    tells_desired(&mut fleet, &[]);
    tells_detail(&mut fleet, Vec::new(), None);
    tells_recent(&mut fleet, Vec::new(), Vec::new(), Some(at(60)));
    assert_eq!(gaps(&fleet), ["events reach back: prod to 02:47Z"]);
    tells_recent(&mut fleet, Vec::new(), vec![event("x", "Failed", "y", true, 1)], Some(since()));
    assert_eq!(gaps(&fleet), [""; 0]);
}

#[test]
fn a_filter_wants_all_of_its_words() {
    let mut fleet = fleet();
    tells_detail(&mut fleet, vec![deployment(COMMIT, 90, 100)], None);
    let entry = Timeline::of(&fleet, since()).entries.remove(0);
    for (filter, passes) in
        [("", true), ("checkout SYNC", true), ("env:prod who:ana kind:sync", true), ("env:staging", false), ("who:ben", false), ("nowhere", false)]
    {
        assert_eq!(entry.passes(filter), passes, "{filter}");
    }
}
