//! What Argo CD and a cluster answer about an open cell, with something of everything.

use super::{App, DAY, HOUR, MINUTE, ago, containers};
use crate::base::{Raw, Safe};
use crate::domain::application::{Condition, Deployment, Detail, Initiator, OperationDetail, Phase, Resource};
use crate::domain::workload::{Pod, Pods};
use crate::domain::{Health, Known, Namespace, Sync};

/// The detail of an application that waits in a canary.
pub(crate) fn detail() -> Detail {
    let resource = |kind: &str, name: &str, health: Option<Health>, message: Option<&str>| Resource {
        group: Raw::default(),
        kind: Raw::from(kind),
        namespace: Namespace::from("shop"),
        name: Raw::from(name),
        sync: Sync::Synced,
        health: Known::Known(health),
        message: message.map(Safe::clean),
        requires_pruning: false,
        hook: false,
    };
    let deployment = |id: i64, seconds: u64, by: Initiator| Deployment {
        id,
        revisions: vec![Raw::new(format!("{id}c9e2ab04be3f0d6a3f1d7f2a4a8c8c1e3b5d7f9"))],
        started_at: Some(ago(seconds + 60)),
        deployed_at: Some(ago(seconds)),
        by,
    };
    Detail {
        uid: Raw::from("u1"),
        resources: vec![
            resource("Service", "checkout", Some(Health::Healthy), None),
            resource("Rollout", "checkout", Some(Health::Suspended), Some("CanaryPauseStep")),
            Resource { sync: Sync::OutOfSync, ..resource("ConfigMap", "checkout-config", None, None) },
            Resource { requires_pruning: true, ..resource("Secret", "checkout-old", None, None) },
            resource("ServiceAccount", "checkout", None, None),
        ],
        conditions: vec![Condition {
            kind: Safe::clean("OrphanedResourceWarning"),
            message: Safe::clean("Application has 1 orphaned resources"),
            since: Some(ago(3 * DAY)),
        }],
        history: vec![
            deployment(3, 4 * MINUTE, Initiator::User(Safe::clean("ana"))),
            deployment(2, 19 * DAY, Initiator::Automation),
            deployment(1, 40 * DAY, Initiator::NotRecorded),
        ],
        operation: Some(OperationDetail {
            phase: Phase::Failed,
            message: Safe::clean("one or more synchronization tasks completed unsuccessfully"),
            by: Initiator::User(Safe::clean("ana")),
            started_at: Some(ago(5 * MINUTE)),
            finished_at: Some(ago(4 * MINUTE)),
            failures: vec![(Safe::clean("ConfigMap/checkout-config"), Safe::clean("admission webhook denied the request: no owner label"))],
            hooks: Vec::new(),
            is_whole: true,
        }),
        made_by: Some(Raw::from("shop")),
        ..Detail::default()
    }
}

/// The pods of an application that waits in a canary; one of them restarts, of one the digest is not known.
pub(crate) fn pods(app: &App) -> Pods {
    let (newest, count, _) = app.canary.clone().unwrap();
    let (_, desired) = app.replicas.unwrap();
    let pod = |index: u32| {
        let version = if index < count { newest } else { app.version };
        let digest = format!("sha256:{}", if index < count { "77b0".repeat(16) } else { "9f3a".repeat(16) });
        let digest = if index == 2 { Known::unknown("the container has not started") } else { Known::Known(Raw::new(digest)) };
        let images = containers(app, version).iter().skip(1).map(|container| (container.clone(), digest.clone())).collect();
        Pod {
            name: Raw::new(format!("{}-{index}", app.name)),
            status: Safe::clean(if index == 2 { "CrashLoopBackOff" } else { "Running" }),
            ready: (u32::from(index != 2), 1),
            restarts: if index == 2 { 5 } else { 0 },
            started_at: Some(ago(HOUR)),
            images,
        }
    };
    Pods { pods: (0..desired).map(pod).collect() }
}
