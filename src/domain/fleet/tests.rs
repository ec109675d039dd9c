//! The fold, tested as tables and properties: what sources say in which order, and what the cells say then.

use proptest::prelude::*;

use super::*;
use crate::base::time::later;
use crate::base::{Raw, RequestId};
use crate::domain::health::{Health, Known};
use crate::domain::image::Image;
use crate::domain::observation::WorldVersion;
use crate::domain::testing::{self, app_key, landscape};
use crate::domain::workload::{Container, Progress, Replicas, Strategy, WorkloadKind};
use crate::domain::workload::{Pause, RolloutPhase, RolloutStatus, Step, Tracking};
use std::time::Duration;

const T0: Timestamp = Timestamp::UNIX_EPOCH;

fn seconds(seconds: u64) -> Timestamp {
    later(T0, Duration::from_secs(seconds))
}

/// A sidecar first, as real pods often list it.
fn application(image: &str, health: &str) -> Application {
    testing::application(&["docker.io/envoyproxy/envoy:v1.31.2", image], health)
}

fn workload_key(kind: WorkloadKind, name: &str) -> WorkloadKey {
    WorkloadKey { cluster: ClusterName::from("prod"), namespace: Namespace::from("shop"), kind, name: Raw::from(name) }
}

fn workload(owner: Option<&str>, image: &str, ready: u32) -> Workload {
    Workload {
        tracking: Tracking { annotation: owner.map(Raw::from), ..Tracking::default() },
        containers: Box::new([
            Container { name: Raw::from("envoy"), image: Image::read("docker.io/envoyproxy/envoy:v1.31.2") },
            Container { name: Raw::from("app"), image: Image::read(image) },
        ]),
        replicas: Replicas { desired: 4, current: 4, updated: 4, ready, available: ready },
        progress: Progress::Done,
        rollout: None,
        unmade: None,
        selector: Raw::from("app=checkout"),
    }
}

fn argocd() -> SourceId {
    SourceId::argocd(&ArgocdName::from("main"))
}

fn cluster() -> SourceId {
    SourceId::cluster(&ClusterName::from("prod"))
}

fn fleet() -> Fleet {
    let mut fleet = Fleet::new(landscape());
    fleet.connect(argocd(), Epoch(1), T0);
    fleet.connect(cluster(), Epoch(2), T0);
    fleet
}

fn report(source: SourceId, at: Timestamp, body: ReportBody) -> Report {
    let epoch = if source == argocd() { Epoch(1) } else { Epoch(2) };
    Report { source, epoch, at, body }
}

fn listed(fleet: &mut Fleet, at: Timestamp, apps: &[(&str, Application)]) -> Changes {
    let items = Items::Applications(apps.iter().map(|(name, application)| (app_key(name), application.clone())).collect());
    let scope = Scope::Project(Raw::from("shop"));
    fleet.apply(report(argocd(), at, ReportBody::State(scope.clone(), SourceState::Live)));
    fleet.apply(report(argocd(), at, ReportBody::Observed(Observation::Listed { scope, items, version: None })))
}

fn runs(fleet: &mut Fleet, at: Timestamp, key: WorkloadKey, workload: Workload) {
    let scope = Scope::Workloads(key.kind, None);
    fleet.apply(report(cluster(), at, ReportBody::State(scope, SourceState::Live)));
    fleet.apply(report(cluster(), at, ReportBody::Observed(Observation::Changed { item: Item::Workload(key, Box::new(workload)), version: None })));
}

fn placement<'a>(fleet: &'a Fleet, service: &str, environment: usize) -> &'a Placement {
    fleet.services()[service].cells[&environment].placements.first().unwrap()
}

fn version(fleet: &Fleet, service: &str, environment: usize) -> String {
    placement(fleet, service, environment).version_text().map_or_else(|| "?".into(), |text| text.to_string())
}

#[test]
fn a_list_makes_cells_and_proves_absence() {
    let mut fleet = fleet();
    let changes = listed(
        &mut fleet,
        T0,
        &[
            ("checkout-staging", application("acme/checkout:2.14.3", "Healthy")),
            ("checkout-production", application("acme/checkout:2.14.2", "Degraded")),
            ("odd", application("x:1", "Healthy")),
        ],
    );
    assert!(changes.cells && changes.order && changes.reach);
    assert_eq!(version(&fleet, "checkout", 0), "2.14.3");
    assert_eq!(version(&fleet, "checkout", 1), "2.14.2");
    assert_eq!(placement(&fleet, "checkout", 1).health, Health::Degraded);
    assert_eq!(fleet.services()["checkout"].need.attention, crate::domain::attention::Attention::Broken);
    let unmapped: Vec<_> = fleet.unmapped().map(|(key, _)| key.name.as_wire().to_owned()).collect();
    assert_eq!(unmapped, ["odd"]);
    listed(&mut fleet, seconds(1), &[("checkout-staging", application("acme/checkout:2.14.3", "Healthy"))]);
    assert_eq!(fleet.services()["checkout"].cells.len(), 1);
    listed(&mut fleet, seconds(2), &[]);
    assert!(fleet.services().is_empty() && fleet.reach().values().all(BTreeSet::is_empty));
}

#[test]
fn workloads_are_joined_by_their_mark_and_by_nothing_else() {
    let mut fleet = fleet();
    listed(&mut fleet, T0, &[("checkout-production", application("acme/checkout:2.14.2", "Healthy"))]);
    let Known::Unknown(why) = &placement(&fleet, "checkout", 1).replicas else { panic!("known without a workload") };
    assert!(why.to_string().contains("prod"), "{why}");
    runs(&mut fleet, T0, workload_key(WorkloadKind::Deployment, "checkout-production"), workload(None, "acme/checkout:9", 4));
    assert!(placement(&fleet, "checkout", 1).replicas.as_known().is_none(), "an equal name is no mark");
    runs(&mut fleet, T0, workload_key(WorkloadKind::Deployment, "checkout"), workload(Some("checkout-production"), "acme/checkout:2.14.1", 3));
    assert_eq!(placement(&fleet, "checkout", 1).replicas.as_known().unwrap().ready, 3);
    assert_eq!(version(&fleet, "checkout", 1), "2.14.1", "the workload is the nearer witness");
    let gone = Observation::Removed { key: ItemKey::Workload(workload_key(WorkloadKind::Deployment, "checkout")), version: None };
    fleet.apply(report(cluster(), seconds(5), ReportBody::Observed(gone)));
    assert_eq!(version(&fleet, "checkout", 1), "2.14.2");
}

#[test]
fn another_installations_workload_is_not_ours() {
    let mut fleet = fleet();
    let facts = InstanceFacts { installation: Some(Raw::from("ours")), ..InstanceFacts::default() };
    fleet.apply(report(argocd(), T0, ReportBody::Observed(Observation::Instance(facts))));
    listed(&mut fleet, T0, &[("checkout-production", application("acme/checkout:2.14.2", "Healthy"))]);
    let mut theirs = workload(Some("checkout-production"), "acme/checkout:1", 1);
    theirs.tracking.installation = Some(Raw::from("theirs"));
    runs(&mut fleet, T0, workload_key(WorkloadKind::Deployment, "checkout"), theirs);
    assert!(placement(&fleet, "checkout", 1).replicas.as_known().is_none());
}

#[test]
fn a_canary_shows_the_stable_version_and_the_one_on_its_way() {
    let mut fleet = fleet();
    listed(&mut fleet, T0, &[("checkout-production", application("acme/checkout:2.14.2", "Suspended"))]);
    let mut rollout = workload(Some("checkout-production"), "acme/checkout:2.14.3", 4);
    rollout.rollout = Some(Box::new(RolloutStatus {
        phase: RolloutPhase::Paused,
        message: Safe::clean("CanaryPauseStep"),
        strategy: Strategy::Canary,
        stable_hash: Raw::from("aaa"),
        current_hash: Raw::from("bbb"),
        steps: Box::new([Step::SetWeight(25), Step::Pause(None)]),
        step_index: Some(1),
        aborted: false,
        pause: Some(Pause::Person),
        max_weight: 100,
        routed_weight: None,
        has_traffic_routing: false,
        available: 4,
        analysis: None,
    }));
    runs(&mut fleet, T0, workload_key(WorkloadKind::Rollout, "checkout"), rollout);
    assert_eq!(placement(&fleet, "checkout", 1).open_canary().unwrap().weight_actual, None);
    for (hash, image, available) in [("aaa", "acme/checkout:2.14.2", 3), ("bbb", "acme/checkout:2.14.3", 1)] {
        let key =
            ReplicaSetKey { cluster: ClusterName::from("prod"), namespace: Namespace::from("shop"), name: Raw::new(format!("checkout-{hash}")) };
        let set = ReplicaSet {
            rollout: Raw::from("checkout"),
            hash: Raw::from(hash),
            containers: workload(None, image, 0).containers,
            desired: available,
            available,
            ready: available,
        };
        fleet.apply(report(cluster(), T0, ReportBody::Observed(Observation::Changed { item: Item::ReplicaSet(key, Box::new(set)), version: None })));
    }
    let placement = placement(&fleet, "checkout", 1);
    assert_eq!(version(&fleet, "checkout", 1), "2.14.2");
    assert_eq!(placement.incoming.as_ref().unwrap().text.as_wire(), "2.14.3");
    assert_eq!(placement.open_canary().unwrap().weight_actual, Some(25));
    assert_eq!(fleet.services()["checkout"].need.attention, crate::domain::attention::Attention::WaitsForPerson);
}

#[test]
fn a_lost_source_makes_only_its_own_cells_stale_and_says_since_when() {
    let mut fleet = fleet();
    listed(
        &mut fleet,
        T0,
        &[("checkout-production", application("acme/checkout:2", "Healthy")), ("search-production", application("acme/search:1", "Healthy"))],
    );
    runs(&mut fleet, T0, workload_key(WorkloadKind::Deployment, "checkout"), workload(Some("checkout-production"), "acme/checkout:2", 4));
    fleet.apply(report(cluster(), seconds(40), ReportBody::Alive));
    let lost = SourceState::Waiting { until: None, why: Safe::clean("no answer within 4 s") };
    fleet.apply(report(cluster(), seconds(52), ReportBody::State(Scope::Workloads(WorkloadKind::Deployment, None), lost)));
    let stale = fleet.stale(placement(&fleet, "checkout", 1), seconds(60)).unwrap();
    assert_eq!(stale.since, Some(seconds(40)));
    assert!(stale.why.as_str().contains("cluster prod: no answer within 4 s"), "{}", stale.why);
    assert_eq!(fleet.stale(placement(&fleet, "search", 1), seconds(60)), None, "nothing of it came from there");
    fleet.apply(report(cluster(), seconds(70), ReportBody::State(Scope::Workloads(WorkloadKind::Deployment, None), SourceState::Live)));
    assert_eq!(fleet.stale(placement(&fleet, "checkout", 1), seconds(71)), None);
}

#[test]
fn a_silent_controller_makes_cells_stale_though_the_api_answers() {
    let mut fleet = fleet();
    let facts = InstanceFacts { reconciliation_seconds: Some(20), ..InstanceFacts::default() };
    fleet.apply(report(argocd(), T0, ReportBody::Observed(Observation::Instance(facts))));
    listed(&mut fleet, T0, &[("checkout-production", application("acme/checkout:2", "Healthy"))]);
    let reconciled = |at| ReportBody::Observed(Observation::Reconciled { at });
    fleet.apply(report(argocd(), seconds(50), reconciled(seconds(45))));
    assert_eq!(fleet.stale(placement(&fleet, "checkout", 1), seconds(200)), None, "nobody looked since: that is no evidence");
    fleet.apply(report(argocd(), seconds(105), reconciled(seconds(45))));
    assert_eq!(fleet.stale(placement(&fleet, "checkout", 1), seconds(105)), None, "three intervals are not over");
    fleet.apply(report(argocd(), seconds(106), reconciled(seconds(45))));
    let stale = fleet.stale(placement(&fleet, "checkout", 1), seconds(106)).unwrap();
    assert_eq!(stale.since, Some(seconds(45)));
    fleet.apply(report(argocd(), seconds(120), reconciled(seconds(119))));
    assert_eq!(fleet.stale(placement(&fleet, "checkout", 1), seconds(120)), None);
}

#[test]
fn reports_of_an_older_generation_are_dropped() {
    let mut fleet = fleet();
    listed(&mut fleet, T0, &[("checkout-production", application("acme/checkout:2", "Healthy"))]);
    let late = Report {
        epoch: Epoch(0),
        ..report(
            argocd(),
            seconds(1),
            ReportBody::Observed(Observation::Removed { key: ItemKey::Application(app_key("checkout-production")), version: None }),
        )
    };
    assert_eq!(fleet.apply(late), Changes::default());
    assert_eq!(fleet.services().len(), 1);
    let answer = ReportBody::Answered { request: RequestId(1), failed: None };
    assert_eq!(fleet.apply(report(argocd(), seconds(1), answer)), Changes::default());
}

/// Something a source can say, by small numbers.
fn say(fleet: &mut Fleet, step: (u8, u8, u8, u8)) {
    let (what, name, image, at) = step;
    let (names, version) = (["checkout-staging", "checkout-production", "search-production", "odd"], Some(WorldVersion(u64::from(at))));
    let name = names[usize::from(name % 4)];
    let image = format!("acme/checkout:{}", image % 3);
    let body = match what % 5 {
        0 => Observation::Changed {
            item: Item::Application(app_key(name), Box::new(application(&image, if at % 2 == 0 { "Healthy" } else { "Degraded" }))),
            version,
        },
        1 => Observation::Removed { key: ItemKey::Application(app_key(name)), version },
        2 => Observation::Listed {
            scope: Scope::Project(Raw::from("shop")),
            items: Items::Applications(vec![(app_key(name), application(&image, "Healthy"))]),
            version,
        },
        3 => Observation::Changed {
            item: Item::Workload(workload_key(WorkloadKind::Deployment, "w"), Box::new(workload(Some(name), &image, u32::from(at)))),
            version,
        },
        _ => Observation::Removed { key: ItemKey::Workload(workload_key(WorkloadKind::Deployment, "w")), version },
    };
    let source = if what % 5 < 3 { argocd() } else { cluster() };
    fleet.apply(report(source, T0, ReportBody::Observed(body)));
}

proptest! {
    /// What is derived step by step equals what is derived at once, and hearing the last thing twice changes nothing.
    #[test]
    fn deriving_step_by_step_equals_deriving_at_once(steps in proptest::collection::vec(any::<(u8, u8, u8, u8)>(), 0..60)) {
        let mut fleet = fleet();
        for step in &steps {
            say(&mut fleet, *step);
        }
        let mut anew = fleet.clone();
        anew.rebuild();
        for (name, service) in anew.services() {
            prop_assert_eq!(fleet.services().get(name), Some(service));
        }
        prop_assert_eq!(fleet.services().len(), anew.services().len());
        for environment in 0..fleet.landscape().environments.len() {
            let cells = fleet.services().values().filter_map(|service| service.cells.get(&environment));
            let names: BTreeSet<&PlacementName> = cells.flat_map(|cell| &cell.placements).map(|placement| &placement.name).collect();
            prop_assert_eq!(fleet.placement_names(environment).collect::<BTreeSet<_>>(), names);
        }
        prop_assert_eq!(fleet.reach().into_iter().filter(|(_, namespaces)| !namespaces.is_empty()).collect::<Vec<_>>(), anew.reach().into_iter().collect::<Vec<_>>());
        if let Some(last) = steps.last() {
            let before = fleet.clone();
            say(&mut fleet, *last);
            prop_assert_eq!(fleet.services(), before.services());
        }
    }
}

#[test]
fn the_first_page_of_a_list_is_current_before_the_list_has_ended() {
    let mut fleet = fleet();
    let scope = Scope::Applications;
    fleet.apply(report(argocd(), T0, ReportBody::State(scope.clone(), SourceState::Connecting)));
    let items = Items::Applications(vec![(app_key("checkout-production"), application("acme/checkout:2", "Healthy"))]);
    fleet.apply(report(argocd(), seconds(1), ReportBody::Observed(Observation::Page { items, version: None })));
    assert_eq!(fleet.stale(placement(&fleet, "checkout", 1), seconds(1)), None);
    // Another reader begins: what the one before it said is old until it is said again.
    fleet.apply(report(argocd(), seconds(9), ReportBody::Forget(scope)));
    fleet.apply(report(argocd(), seconds(9), ReportBody::State(Scope::ApplicationsIn(Namespace::from("argocd")), SourceState::Connecting)));
    assert!(fleet.stale(placement(&fleet, "checkout", 1), seconds(9)).is_some());
}
