//! What happened lately in a cluster, on demand: replica sets with their times, events, and who wrote the fields of a resource. It only reads, page by
//! page, and keeps the few fields that are shown. What one namespace refuses is said, and the others are told all the same.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use futures_util::future::join_all;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::lenient::{Number, Text, nullable};
use super::subject::segment;
use super::translate::{container, timestamp};
use super::watch::Shared;
use super::wire;
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::observation::{Item, Observation};
use crate::domain::recent::{Edit, Edits, Event, Reach, Recent, ResourceName, SetMade, is_by_hand, is_telling};
use crate::domain::workload::WorkloadKind;
use crate::domain::{AppKey, Namespace};
use crate::sources::{Failure, FailureKind};

/// Objects of a page.
const PAGE_SIZE: u32 = 500;
/// Pages of one list that are read at most: a namespace with more than this has other troubles.
const PAGES_LIMIT: usize = 20;
/// Resources of one application that are asked for their writers at most.
const EDITS_LIMIT: usize = 20;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Named {
    name: Text,
    namespace: Text,
    creation_timestamp: Text,
    #[serde(deserialize_with = "nullable")]
    owner_references: Vec<wire::Owner>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct SetSeen {
    #[serde(deserialize_with = "nullable")]
    metadata: Named,
    #[serde(deserialize_with = "nullable")]
    spec: SetSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct SetSpec {
    #[serde(deserialize_with = "nullable")]
    template: wire::Template,
}

/// `v1` Event: kubernetes `staging/src/k8s.io/api/core/v1/types.go`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EventSeen {
    #[serde(deserialize_with = "nullable")]
    metadata: Named,
    #[serde(deserialize_with = "nullable")]
    involved_object: Involved,
    reason: Text,
    message: Text,
    #[serde(rename = "type")]
    kind: Text,
    count: Number,
    first_timestamp: Text,
    last_timestamp: Text,
    event_time: Text,
    #[serde(deserialize_with = "nullable")]
    series: Series,
    reporting_component: Text,
    #[serde(deserialize_with = "nullable")]
    source: Component,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Involved {
    kind: Text,
    name: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    count: Number,
    last_observed_time: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Component {
    component: Text,
}

/// An object of which only the writers of its fields are read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Written {
    #[serde(deserialize_with = "nullable")]
    metadata: WrittenMetadata,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WrittenMetadata {
    #[serde(deserialize_with = "nullable")]
    managed_fields: Vec<Writer>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Writer {
    manager: Text,
    time: Text,
    subresource: Text,
}

/// Reads what happened in these namespaces since a moment, and reports it.
pub(super) async fn recent(shared: &Shared, since: Timestamp, namespaces: BTreeSet<Namespace>) -> Result<(), Failure> {
    let read = join_all(namespaces.into_iter().map(|namespace| one(shared, since, namespace))).await;
    let mut recent = Recent { since, sets: Vec::new(), events: Vec::new(), reach: Vec::new() };
    for (sets, events, reach) in read {
        recent.sets.extend(sets);
        recent.events.extend(events);
        recent.reach.push(reach);
    }
    let item = Item::Recent(shared.api.access.name.clone(), Box::new(recent));
    shared.outbox.observed(Observation::Changed { item, version: None }).await;
    Ok(())
}

async fn one(shared: &Shared, since: Timestamp, namespace: Namespace) -> (Vec<SetMade>, Vec<Event>, Reach) {
    let mut reach = Reach { namespace, oldest: None, missing: Vec::new() };
    let place = match segment(&reach.namespace) {
        Ok(name) => name.to_owned(),
        Err(failure) => {
            reach.missing.push(failure.why);
            return (Vec::new(), Vec::new(), reach);
        }
    };
    let sets = list::<SetSeen>(shared, &format!("/apis/apps/v1/namespaces/{place}/replicasets")).await;
    let sets = sets.map(|seen| seen.iter().filter_map(|set| set_made(set, &reach.namespace)).filter(|set| set.at >= since).collect());
    let seen = list::<EventSeen>(shared, &format!("/api/v1/namespaces/{place}/events")).await;
    let events = seen.map(|seen| {
        reach.oldest = seen.iter().filter_map(first_seen).min();
        events(&seen, since, &reach.namespace)
    });
    let mut without = |what: &str, failure: Failure| reach.missing.push(crate::safe!("no {what}: {}", failure.why));
    let sets = sets.unwrap_or_else(|failure| {
        without("ReplicaSets", failure);
        Vec::new()
    });
    let events = events.unwrap_or_else(|failure| {
        without("events", failure);
        Vec::new()
    });
    (sets, events, reach)
}

/// All pages of a list.
async fn list<T: DeserializeOwned + Default>(shared: &Shared, path: &str) -> Result<Vec<T>, Failure> {
    let mut found = Vec::new();
    let mut next = Raw::default();
    for _ in 0..PAGES_LIMIT {
        let path = page_path(path, &next);
        let body = {
            // The semaphore is never closed.
            let _turn = shared.polls.acquire().await;
            shared.api.get(&path).await?
        };
        let page: wire::List<T> =
            serde_json::from_slice(&body).map_err(|error| Failure::new(FailureKind::Broken, &format!("the answer cannot be understood: {error}")))?;
        found.extend(page.items);
        next = page.metadata.next.0;
        if next.is_empty() {
            return Ok(found);
        }
    }
    Err(Failure::new(FailureKind::Broken, &format!("there are more than {} of them", PAGES_LIMIT * 500)))
}

fn page_path(path: &str, next: &Raw) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &PAGE_SIZE.to_string());
    if !next.is_empty() {
        query.append_pair("continue", next.as_wire());
    }
    format!("{path}?{}", query.finish())
}

fn set_made(set: &SetSeen, namespace: &Namespace) -> Option<SetMade> {
    let owner = set.metadata.owner_references.iter().find(|owner| owner.controller)?;
    let kind = match owner.kind.as_str() {
        "Deployment" => WorkloadKind::Deployment,
        "Rollout" => WorkloadKind::Rollout,
        _ => return None,
    };
    Some(SetMade {
        namespace: namespace.clone(),
        name: set.metadata.name.0.clone(),
        owner: (kind, owner.name.0.clone()),
        at: timestamp(&set.metadata.creation_timestamp)?,
        containers: set.spec.template.spec.containers.iter().map(container).collect(),
    })
}

/// When an event was seen last. Which of the times is there depends on who wrote it (client-go `tools/record`, `tools/events`).
fn last_seen(event: &EventSeen) -> Option<Timestamp> {
    [&event.series.last_observed_time, &event.last_timestamp, &event.event_time, &event.first_timestamp, &event.metadata.creation_timestamp]
        .into_iter()
        .find_map(timestamp)
}

fn first_seen(event: &EventSeen) -> Option<Timestamp> {
    [&event.first_timestamp, &event.event_time, &event.metadata.creation_timestamp].into_iter().find_map(timestamp)
}

/// The events of note, one for an object and a reason.
fn events(seen: &[EventSeen], since: Timestamp, namespace: &Namespace) -> Vec<Event> {
    let mut together: BTreeMap<(&str, &str, &str), Event> = BTreeMap::new();
    for event in seen {
        let warns = event.kind.as_str() == "Warning";
        let Some(at) = last_seen(event).filter(|at| *at >= since && is_telling(event.reason.as_str(), warns)) else { continue };
        let count = event.count.count_or(1).max(event.series.count.count()).max(1);
        let key = (event.involved_object.kind.as_str(), event.involved_object.name.as_str(), event.reason.as_str());
        let by = if event.reporting_component.is_empty() { &event.source.component } else { &event.reporting_component };
        let new = || Event {
            namespace: namespace.clone(),
            kind: event.involved_object.kind.0.clone(),
            name: event.involved_object.name.0.clone(),
            reason: event.reason.0.shown(),
            message: event.message.0.shown(),
            warns,
            count: 0,
            at,
            by: by.0.shown(),
        };
        let held = together.entry(key).or_insert_with(new);
        let all = held.count.saturating_add(count);
        if at > held.at {
            *held = new();
        }
        held.count = all;
    }
    together.into_values().collect()
}

/// Kinds whose writers can be asked without asking the server first where it keeps them: group, version, plural, kind. Secrets are left out: nobody
/// should have to explain why they were read.
const KINDS: &[(&str, &str, &str, &str)] = &[
    ("", "v1", "configmaps", "ConfigMap"),
    ("", "v1", "services", "Service"),
    ("", "v1", "serviceaccounts", "ServiceAccount"),
    ("apps", "v1", "deployments", "Deployment"),
    ("apps", "v1", "statefulsets", "StatefulSet"),
    ("apps", "v1", "daemonsets", "DaemonSet"),
    ("argoproj.io", "v1alpha1", "rollouts", "Rollout"),
    ("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    ("batch", "v1", "cronjobs", "CronJob"),
    ("networking.k8s.io", "v1", "ingresses", "Ingress"),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
];

/// Reads who wrote the fields of these resources, and reports it.
pub(super) async fn edits(shared: &Shared, app: AppKey, resources: Vec<ResourceName>) -> Result<(), Failure> {
    let mut found = Edits::default();
    for resource in resources.into_iter().take(EDITS_LIMIT) {
        match writers(shared, &resource).await {
            Ok(writers) => {
                for (manager, at) in writers {
                    match at {
                        Some(at) => found.edits.push(Edit { resource: resource.clone(), manager, at }),
                        None => found.missing.push(crate::safe!(
                            "{manager} wrote {} {} in {}: when, Kubernetes does not keep",
                            resource.kind.shown(),
                            resource.name.shown(),
                            resource.namespace.shown()
                        )),
                    }
                }
            }
            // It is missing in the cluster: that is why it is out of sync.
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => found.missing.push(crate::safe!("changes of {}s by hand: {}", resource.kind.shown(), failure.why)),
        }
    }
    shared.outbox.observed(Observation::Changed { item: Item::Edits(app, Box::new(found)), version: None }).await;
    Ok(())
}

async fn writers(shared: &Shared, resource: &ResourceName) -> Result<Vec<(Safe, Option<Timestamp>)>, Failure> {
    let path = path(resource)?;
    let body = {
        let _turn = shared.polls.acquire().await;
        shared.api.metadata(&path).await?
    };
    let read: Written =
        serde_json::from_slice(&body).map_err(|error| Failure::new(FailureKind::Broken, &format!("the answer cannot be understood: {error}")))?;
    Ok(by_hand(&read))
}

/// Writers that are no controllers, with their last time each: a change of scale has none. What controllers write into a subresource is none of this.
fn by_hand(read: &Written) -> Vec<(Safe, Option<Timestamp>)> {
    let fields = read.metadata.managed_fields.iter().filter(|writer| writer.subresource.as_str() != "status");
    let mut found: BTreeMap<&str, (Safe, Option<Timestamp>)> = BTreeMap::new();
    for writer in fields.filter(|writer| is_by_hand(writer.manager.as_str())) {
        let at = timestamp(&writer.time);
        let held = found.entry(writer.manager.as_str()).or_insert_with(|| (writer.manager.0.shown(), at));
        held.1 = held.1.max(at);
    }
    found.into_values().collect()
}

fn path(resource: &ResourceName) -> Result<String, Failure> {
    let (group, kind) = (resource.group.as_wire(), resource.kind.as_wire());
    let known = KINDS.iter().find(|(known, _, _, word)| *known == group && *word == kind);
    let Some((_, version, plural, _)) = known else {
        return Err(Failure::new(FailureKind::NotFound, &format!("{} is not asked for its writers", resource.kind.shown())));
    };
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let mut name = String::new();
    for byte in resource.name.as_wire().bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            name.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    if name.is_empty() || name.bytes().all(|byte| byte == b'.') {
        return Err(Failure::new(FailureKind::NotFound, "a resource without a name"));
    }
    Ok(format!("{root}/namespaces/{}/{plural}/{name}", segment(&resource.namespace)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn recorded_events_are_told_by_object_and_reason() {
        let list: wire::List<EventSeen> = serde_json::from_str(include_str!("../../../tests/recordings/kubernetes/events.json")).unwrap();
        let told = events(&list.items, at("2026-11-21T08:00:00Z"), &Namespace::from("staging"));
        let lines: Vec<String> = told.iter().map(|event| format!("{} {} {}", event.kind.as_wire(), event.reason, event.count)).collect();
        assert!(lines.iter().any(|line| line.starts_with("Pod BackOff")), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("Rollout RolloutCompleted")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("Scheduled")), "{lines:?}");
        assert_eq!(told.iter().filter(|event| event.warns).count(), 2, "{told:?}");
        assert_eq!(events(&list.items, at("2026-11-22T00:00:00Z"), &Namespace::from("staging")), []);
        assert!(list.items.iter().filter_map(first_seen).min().is_some());
    }

    #[test]
    fn who_wrote_a_recorded_deployment_by_hand() {
        let read: Written = serde_json::from_str(include_str!("../../../tests/recordings/kubernetes/deployment-managed-fields.json")).unwrap();
        let set = (Safe::clean("kubectl-set"), Some(at("2026-11-21T08:43:34Z")));
        assert_eq!(by_hand(&read), [(Safe::clean("kubectl"), None), set], "a change of scale has no time");
        assert_eq!(by_hand(&serde_json::from_str(r#"{"metadata":{"managedFields":null}}"#).unwrap()), []);
    }

    #[test]
    fn paths_are_those_of_the_api_and_nothing_else() {
        let named = |group: &str, kind: &str, name: &str| ResourceName {
            group: Raw::from(group),
            kind: Raw::from(kind),
            namespace: Namespace::from("shop"),
            name: Raw::from(name),
        };
        assert_eq!(path(&named("apps", "Deployment", "checkout")).unwrap(), "/apis/apps/v1/namespaces/shop/deployments/checkout");
        assert_eq!(path(&named("", "ConfigMap", "a/../b?c")).unwrap(), "/api/v1/namespaces/shop/configmaps/a%2F..%2Fb%3Fc");
        for refused in [named("", "Secret", "s"), named("apps", "Deployment", ".."), named("apps", "Deployment", "")] {
            assert!(path(&refused).is_err(), "{refused:?}");
        }
    }
}
