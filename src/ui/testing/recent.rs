//! Answers to what changed lately, with something of everything.

use super::{App, CLUSTERS, HOUR, MINUTE, NOW, ago, alive, all_sources, app, argocd, cluster, key, listed, msg, sees, started, usual_apps, wants};
use crate::app::{Intent, Model, What, update};
use crate::base::{Raw, Safe};
use crate::domain::application::{Deployment, Detail, Initiator, OperationDetail, Phase, Resource};
use crate::domain::image::Image;
use crate::domain::observation::{Item, Observation};
use crate::domain::recent::{Edit, Edits, Event, Reach, Recent, ResourceName, SetMade};
use crate::domain::workload::{Container, WorkloadKind};
use crate::domain::{ClusterName, Known, Namespace, Sync};

fn detail(history: Vec<Deployment>, operation: Option<OperationDetail>, resources: Vec<Resource>) -> Detail {
    Detail { resources, history, operation, ..Detail::default() }
}

fn deployment(revision: &str, seconds: u64, by: Initiator) -> Deployment {
    let revisions = vec![Raw::new(revision.repeat(10))];
    Deployment { id: 3, revisions, started_at: Some(ago(seconds + 14)), deployed_at: Some(ago(seconds)), by }
}

fn set(name: &str, owner: &str, version: &str, seconds: u64) -> SetMade {
    SetMade {
        namespace: Namespace::from("shop"),
        name: Raw::from(name),
        owner: (WorkloadKind::Deployment, Raw::from(owner)),
        at: ago(seconds),
        containers: Box::new([Container { name: Raw::from("app"), image: Image::read(&format!("ghcr.io/acme/catalog:{version}")) }]),
    }
}

fn event(kind: &str, name: &str, reason: &str, message: &str, count: u32, seconds: u64) -> Event {
    Event {
        namespace: Namespace::from("shop"),
        kind: Raw::from(kind),
        name: Raw::from(name),
        reason: Safe::clean(reason),
        message: Safe::clean(message),
        warns: !matches!(reason, "ScalingReplicaSet"),
        count,
        at: ago(seconds),
        by: Safe::clean("kubelet"),
    }
}

/// The usual world with its changes open, everything answered but what one cluster refuses.
pub(crate) fn what_changed() -> Model {
    let mut apps = usual_apps();
    for one in &mut apps {
        if one.name == "catalog-dev" {
            one.deployed = 4 * MINUTE;
        }
    }
    let drifted = apps.iter().find(|app| app.sync == "OutOfSync").map_or("payments-production-eu".to_owned(), |app| app.name.clone());
    if !apps.iter().any(|app| app.name == drifted) {
        apps.push(App { sync: "OutOfSync", ..app(&drifted, "1.8.4", 40 * HOUR) });
    }
    let mut model = started(super::LINE);
    listed(&mut model, &apps);
    model = alive(model, &all_sources());
    let model = wants(model, &[Intent::Changes]);
    answer(model, &drifted)
}

fn answer(mut model: Model, drifted: &str) -> Model {
    let failed = OperationDetail {
        phase: Phase::Failed,
        message: Safe::clean("one or more objects failed to apply"),
        by: Initiator::User(Safe::clean("ana")),
        started_at: Some(ago(70 * MINUTE)),
        finished_at: Some(ago(69 * MINUTE)),
        failures: vec![(Safe::clean("ConfigMap/checkout-config"), Safe::clean("admission webhook denied the request"))],
        hooks: Vec::new(),
        is_whole: true,
    };
    let resource = Resource {
        group: Raw::default(),
        kind: Raw::from("ConfigMap"),
        namespace: Namespace::from("shop"),
        name: Raw::from("payments-config"),
        sync: Sync::OutOfSync,
        health: Known::Known(None),
        message: None,
        requires_pruning: false,
        hook: false,
    };
    let told = [
        ("catalog-dev", detail(vec![deployment("77b0", 4 * MINUTE, Initiator::Automation)], None, Vec::new())),
        ("checkout-dev", detail(vec![deployment("1c9e", 12 * MINUTE, Initiator::User(Safe::clean("ana")))], Some(failed), Vec::new())),
        (drifted, detail(Vec::new(), None, vec![resource])),
    ];
    for (name, detail) in told {
        sees(&mut model, &argocd(), ago(1), Observation::Changed { item: Item::Detail(key(name), Box::new(detail)), version: None });
    }
    let name =
        ResourceName { group: Raw::default(), kind: Raw::from("ConfigMap"), namespace: Namespace::from("shop"), name: Raw::from("payments-config") };
    let edits = Edits { edits: vec![Edit { resource: name, manager: Safe::clean("kubectl-edit"), at: ago(3 * HOUR) }], missing: Vec::new() };
    sees(&mut model, &cluster("prod-eu"), ago(1), Observation::Changed { item: Item::Edits(key(drifted), Box::new(edits)), version: None });
    for name in CLUSTERS {
        let nonprod = name == "nonprod";
        let recent = Recent {
            since: ago(4 * HOUR),
            sets: if nonprod { vec![set("catalog-dev-77b0", "catalog-dev", "5.3.0", 4 * MINUTE + 2)] } else { Vec::new() },
            events: if nonprod {
                vec![
                    event("Pod", "catalog-dev-77b0-x2", "BackOff", "Back-off restarting failed container app", 14, MINUTE),
                    event("Pod", "catalog-dev-77b0-x7", "BackOff", "Back-off restarting failed container app", 9, 2 * MINUTE),
                    event("Deployment", "catalog-dev", "ScalingReplicaSet", "Scaled up replica set catalog-dev-77b0 from 0 to 1", 1, 4 * MINUTE),
                    event("Pod", "batch-1", "Evicted", "The node was low on resource: memory", 1, 50 * MINUTE),
                ]
            } else {
                Vec::new()
            },
            reach: vec![Reach {
                namespace: Namespace::from("shop"),
                oldest: Some(ago(HOUR)),
                missing: if name == "prod-us" {
                    vec![Safe::clean("no events: events is forbidden: User \"oncall\" cannot list")]
                } else {
                    Vec::new()
                },
            }],
        };
        let item = Item::Recent(ClusterName::from(name), Box::new(recent));
        sees(&mut model, &cluster(name), ago(1), Observation::Changed { item, version: None });
    }
    model.asked.clear();
    update(&mut model, msg(NOW, What::Tick));
    model
}
