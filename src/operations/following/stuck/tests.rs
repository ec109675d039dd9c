//! Every cause from what sources say, with its sentence; and what is no cause.

use super::*;
use crate::base::{Epoch, Raw};
use crate::domain::application::{Condition, HookRun, Operation};
use crate::domain::observation::{Item, Observation, Report, ReportBody};
use crate::domain::testing::app_key;
use crate::domain::workload::{Container, Pod, Pods, WorkloadKey, WorkloadKind};
use crate::domain::{Known, SourceId};
use crate::operations::tests::{NOW, World};

const SENT: Timestamp = NOW;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW.as_second() + seconds).unwrap()
}

/// What Argo CD says of an application, and since when.
struct Said {
    phase: Option<(Phase, i64, Option<i64>)>,
    message: &'static str,
    hooks: Vec<HookRun>,
    failures: Vec<(Safe, Safe)>,
    conditions: Vec<Condition>,
    window: Option<Safe>,
    sync: Sync,
    read: i64,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            phase: None,
            message: "",
            hooks: Vec::new(),
            failures: Vec::new(),
            conditions: Vec::new(),
            window: None,
            sync: Sync::OutOfSync,
            read: 5,
        }
    }
}

fn say(fleet: &mut Fleet, source: &SourceId, seconds: i64, item: Item) {
    let body = ReportBody::Observed(Observation::Changed { item, version: None });
    fleet.apply(Report { source: source.clone(), epoch: Epoch(1), at: at(seconds), body });
}

fn fleet(said: Said) -> Fleet {
    let (mut fleet, key, argocd) = (World::new().fleet(false), app_key("checkout-production-eu"), SourceId::argocd(&"main".into()));
    let mut application = fleet.application(&key).unwrap().value.clone();
    application.sync = said.sync;
    let times = said.phase.as_ref().map(|(_, began, ended)| (Some(at(*began)), ended.map(at)));
    application.operation =
        said.phase.clone().zip(times).map(|((phase, ..), (started_at, finished_at))| Operation { phase, started_at, finished_at });
    let operation = said.phase.zip(times).map(|((phase, ..), (started_at, finished_at))| OperationDetail {
        phase,
        message: Safe::clean(said.message),
        by: Initiator::Automation,
        started_at,
        finished_at,
        failures: said.failures,
        hooks: said.hooks,
        is_whole: true,
    });
    let (conditions, window) = (said.conditions, said.window);
    let detail = Detail { conditions, operation, window, ..Detail::default() };
    say(&mut fleet, &argocd, said.read, Item::Application(key.clone(), Box::new(application)));
    say(&mut fleet, &argocd, said.read, Item::Detail(key, Box::new(detail)));
    fleet
}

/// The sentence after a minute, with whether it goes on by itself.
fn told(said: Said) -> Option<(bool, String)> {
    let cause = of_sync(&fleet(said), &app_key("checkout-production-eu"), SENT, at(60))?;
    Some((cause.goes_on(), cause.sentence(&Safe::clean("production·eu")).to_string()))
}

fn hook(phase: Phase, message: &str) -> Vec<HookRun> {
    vec![HookRun { kind: "Job".into(), name: "migrate".into(), when: "PreSync".into(), phase, message: Safe::clean(message) }]
}

fn begins(said: Said, goes_on: bool, text: &str) {
    let (by_itself, sentence) = told(said).expect(text);
    assert!(sentence.starts_with(text), "{sentence}");
    assert_eq!(by_itself, goes_on, "{sentence}");
}

#[test]
fn each_cause_has_its_name() {
    let failed = || Some((Phase::Failed, 2, Some(8)));
    begins(
        Said { window: Some(Safe::clean("deny 0 22 * * * for 1h")), ..Said::default() },
        true,
        "production·eu: a sync window keeps Argo CD from syncing checkout-production-eu (deny 0 22 * * * for 1h). It syncs by itself when",
    );
    begins(
        Said { phase: Some((Phase::Running, 2, None)), message: "Sync operation blocked by sync window", ..Said::default() },
        true,
        "production·eu: a sync window keeps Argo CD from syncing",
    );
    begins(
        Said { phase: failed(), hooks: hook(Phase::Failed, "Job has reached the specified backoff limit"), ..Said::default() },
        false,
        "production·eu: the hook Job/migrate of the sync of checkout-production-eu failed: Job has reached the specified backoff limit.",
    );
    begins(
        Said { phase: failed(), failures: vec![(Safe::clean("Service/checkout"), Safe::clean("is immutable"))], ..Said::default() },
        false,
        "production·eu: the sync of checkout-production-eu failed: Service/checkout: is immutable.",
    );
    begins(
        Said { phase: Some((Phase::Running, -600, None)), message: "waiting for completion of hook batch/Job/migrate", ..Said::default() },
        true,
        "production·eu: an older sync of checkout-production-eu stands before this commit (it runs for 11 min, begun by Argo CD itself, waiting for completion of \
         hook batch/Job/migrate). Argo CD begins this one after it",
    );
    begins(
        Said { phase: Some((Phase::Running, 2, Some(9))), message: "one or more objects failed to apply (retried 2 times).", ..Said::default() },
        true,
        "production·eu: the sync of checkout-production-eu failed and Argo CD tries it again by itself: one or more objects failed to apply (retried 2 times).",
    );
    let condition = Condition { kind: Safe::clean("ComparisonError"), message: Safe::clean("no such file"), since: None };
    begins(
        Said { conditions: vec![condition], ..Said::default() },
        false,
        "production·eu: Argo CD says ComparisonError of checkout-production-eu: no such file.",
    );
}

#[test]
fn what_was_said_before_it_was_sent_and_what_moves_is_no_cause() {
    let window = || Some(Safe::clean("deny"));
    assert_eq!(told(Said { window: window(), read: -5, ..Said::default() }), None, "nobody knows whether it is still closed");
    assert_eq!(told(Said { window: window(), sync: Sync::Synced, ..Said::default() }), None);
    assert_eq!(told(Said { phase: Some((Phase::Failed, -600, Some(-590))), ..Said::default() }), None, "an earlier sync failed");
    assert_eq!(told(Said { phase: Some((Phase::Running, 2, None)), ..Said::default() }), None, "its own sync runs");
    assert_eq!(told(Said { phase: Some((Phase::Running, -3, None)), ..Said::default() }), None, "clocks differ");
    let running = fleet(Said { phase: Some((Phase::Running, 2, None)), hooks: hook(Phase::Running, "created"), ..Said::default() });
    assert_eq!(syncing(&running, &app_key("checkout-production-eu"), at(60)).as_str(), "the hook Job/migrate runs for 58 s");
}

#[test]
fn pods_that_cannot_be_made_or_cannot_pull_are_told_by_what_forbids_it() {
    let cluster = SourceId::cluster(&"prod".into());
    let key = WorkloadKey { cluster: "prod".into(), namespace: "shop".into(), kind: WorkloadKind::Rollout, name: "checkout-production-eu".into() };
    let mut fleet = World::new().paused(&[]).fleet(false);
    let told = |fleet: &Fleet| {
        let placement = fleet.placement(&"checkout".into(), &"production".into(), &"eu".into()).unwrap();
        of_pods(fleet, placement, &Safe::clean("2.14.3")).map(|cause| cause.sentence(&Safe::clean("production·eu")).to_string())
    };
    let pod = |tag: &str, status: &str| {
        let container = Container { name: "app".into(), image: Image::read(&format!("acme/checkout:{tag}")) };
        let images = vec![(container, Known::unknown("not pulled"))];
        Pod { name: Raw::from(format!("checkout-{tag}")), status: Safe::clean(status), ready: (0, 1), restarts: 0, started_at: None, images }
    };
    say(&mut fleet, &cluster, 1, Item::Pods(key.clone(), Pods { pods: vec![pod("2.14.2", "ImagePullBackOff"), pod("2.14.3", "Running")] }));
    assert_eq!(told(&fleet), None, "pods of another version are not its own");
    say(&mut fleet, &cluster, 2, Item::Pods(key.clone(), Pods { pods: vec![pod("2.14.3", "ImagePullBackOff")] }));
    let sentence = "production·eu: pod checkout-2.14.3 cannot pull acme/checkout:2.14.3 (ImagePullBackOff). Look whether the registry has it and the pull secret \
                    is right, or go back.";
    assert_eq!(told(&fleet).as_deref(), Some(sentence));
    let mut workload = fleet.workload(&key).unwrap().value.clone();
    workload.unmade = Some(Safe::clean("pods \"checkout-x\" is forbidden: exceeded quota: compute"));
    say(&mut fleet, &cluster, 3, Item::Workload(key, Box::new(workload)));
    let sentence = "production·eu: pods of Rollout checkout-production-eu cannot be made: pods \"checkout-x\" is forbidden: exceeded quota: compute. Free or \
                    raise the quota, or go back.";
    assert_eq!(told(&fleet).as_deref(), Some(sentence));
}
