//! What is listed and watched: the kinds, where the API server keeps them, and how their pages and events are decoded. Pure.

use serde::de::DeserializeOwned;

use super::translate::{self, Reading};
use super::wire;
use crate::base::Raw;
use crate::domain::Namespace;
use crate::domain::observation::{Item, ItemKey, Items, Scope, WorldVersion};
use crate::domain::workload::WorkloadKind;
use crate::sources::{Failure, FailureKind};

/// How many objects a page has.
const PAGE_SIZE: u32 = 500;
/// How long the server keeps a watch open. Going on afterwards costs one request.
const WATCH_SECONDS: u32 = 240;

/// One kind that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Workloads of a kind.
    Workloads(WorkloadKind),
    /// The replica sets of Rollouts. Those of Deployments have another label, and are not needed.
    ReplicaSets,
}

/// A page of a list, decoded.
pub(super) struct Page {
    pub(super) items: Items,
    /// The version of the world that the list is of, as the server wrote it.
    pub(super) version: Raw,
    /// Where the next page goes on.
    pub(super) next: Option<Raw>,
}

/// An event of a watch, decoded, with the version from which a later watch goes on.
pub(super) enum Event {
    Changed(Item, Raw),
    Removed(ItemKey, Raw),
    /// Nothing happened up to this version; or something did that is of no interest here.
    Passed(Raw),
    /// The server ends the watch with a reason.
    Refused(Failure),
}

impl Subject {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Workloads(WorkloadKind::Rollout),
        Self::Workloads(WorkloadKind::Deployment),
        Self::Workloads(WorkloadKind::StatefulSet),
        Self::Workloads(WorkloadKind::DaemonSet),
        Self::ReplicaSets,
    ];

    /// What a list of it speaks for.
    pub(super) fn scope(self, namespace: Option<Namespace>) -> Scope {
        match self {
            Self::Workloads(kind) => Scope::Workloads(kind, namespace),
            Self::ReplicaSets => Scope::ReplicaSets(namespace),
        }
    }

    /// The resource as `kubectl auth can-i` wants it.
    pub(super) const fn resource(self) -> &'static str {
        match self {
            Self::Workloads(WorkloadKind::Rollout) => "rollouts.argoproj.io",
            Self::Workloads(WorkloadKind::Deployment) => "deployments.apps",
            Self::Workloads(WorkloadKind::StatefulSet) => "statefulsets.apps",
            Self::Workloads(WorkloadKind::DaemonSet) => "daemonsets.apps",
            Self::ReplicaSets => "replicasets.apps",
        }
    }

    /// What it means that the server does not know the kind.
    pub(super) const fn absence(self) -> &'static str {
        match self {
            Self::Workloads(WorkloadKind::Rollout) => "Argo Rollouts is not installed here",
            Self::Workloads(_) | Self::ReplicaSets => "this server does not know the kind",
        }
    }

    /// Path and query of a page; `next` goes on where the page before ended.
    pub(super) fn page_path(self, namespace: Option<&Namespace>, next: Option<&Raw>) -> Result<String, Failure> {
        let mut query = self.query();
        query.append_pair("limit", &PAGE_SIZE.to_string());
        if let Some(next) = next {
            query.append_pair("continue", next.as_wire());
        }
        Ok(format!("{}?{}", self.path(namespace)?, query.finish()))
    }

    /// Path and query of a watch that goes on from a version.
    pub(super) fn watch_path(self, namespace: Option<&Namespace>, version: &Raw) -> Result<String, Failure> {
        let mut query = self.query();
        query.append_pair("watch", "1");
        query.append_pair("allowWatchBookmarks", "true");
        query.append_pair("timeoutSeconds", &WATCH_SECONDS.to_string());
        query.append_pair("resourceVersion", version.as_wire());
        Ok(format!("{}?{}", self.path(namespace)?, query.finish()))
    }

    fn query(self) -> url::form_urlencoded::Serializer<'static, String> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if self == Self::ReplicaSets {
            query.append_pair("labelSelector", wire::TEMPLATE_HASH);
        }
        query
    }

    fn path(self, namespace: Option<&Namespace>) -> Result<String, Failure> {
        let (group, plural) = match self {
            Self::Workloads(WorkloadKind::Rollout) => ("/apis/argoproj.io/v1alpha1", "rollouts"),
            Self::Workloads(WorkloadKind::Deployment) => ("/apis/apps/v1", "deployments"),
            Self::Workloads(WorkloadKind::StatefulSet) => ("/apis/apps/v1", "statefulsets"),
            Self::Workloads(WorkloadKind::DaemonSet) => ("/apis/apps/v1", "daemonsets"),
            Self::ReplicaSets => ("/apis/apps/v1", "replicasets"),
        };
        match namespace {
            Some(namespace) => Ok(format!("{group}/namespaces/{}/{plural}", segment(namespace)?)),
            None => Ok(format!("{group}/{plural}")),
        }
    }

    /// Decodes a page.
    pub(super) fn page(self, body: &[u8], reading: &Reading) -> Result<Page, Failure> {
        match self {
            Self::Workloads(WorkloadKind::Rollout) => page(body, |object| Some(translate::rollout(object, reading)), Items::Workloads),
            Self::Workloads(WorkloadKind::Deployment) => page(body, |object| Some(translate::deployment(object, reading)), Items::Workloads),
            Self::Workloads(WorkloadKind::StatefulSet) => page(body, |object| Some(translate::stateful_set(object, reading)), Items::Workloads),
            Self::Workloads(WorkloadKind::DaemonSet) => page(body, |object| Some(translate::daemon_set(object, reading)), Items::Workloads),
            Self::ReplicaSets => page(body, |object| translate::replica_set(object, reading), Items::ReplicaSets),
        }
    }

    /// Decodes one line of a watch.
    pub(super) fn event(self, line: &[u8], reading: &Reading) -> Result<Event, Failure> {
        let workload = |(key, workload)| Item::Workload(key, Box::new(workload));
        match self {
            Self::Workloads(kind) => {
                let key = |metadata: &_| ItemKey::Workload(translate::key(kind, metadata, reading));
                match kind {
                    WorkloadKind::Rollout => event(line, |object| Some(workload(translate::rollout(object, reading))), key),
                    WorkloadKind::Deployment => event(line, |object| Some(workload(translate::deployment(object, reading))), key),
                    WorkloadKind::StatefulSet => event(line, |object| Some(workload(translate::stateful_set(object, reading))), key),
                    WorkloadKind::DaemonSet => event(line, |object| Some(workload(translate::daemon_set(object, reading))), key),
                }
            }
            Self::ReplicaSets => event(
                line,
                |object| translate::replica_set(object, reading).map(|(key, set)| Item::ReplicaSet(key, Box::new(set))),
                |metadata| ItemKey::ReplicaSet(translate::replica_set_key(metadata, reading)),
            ),
        }
    }
}

/// The version of the world in a `resourceVersion`; nothing where a server writes something that cannot be compared.
pub(super) fn world_version(version: &Raw) -> Option<WorldVersion> {
    version.as_wire().parse().ok().map(WorldVersion)
}

/// A namespace as a segment of a path. Whatever is no name of Kubernetes is refused rather than escaped: it came from a configuration or an
/// application's destination, and must not become another path.
pub(super) fn segment(namespace: &Namespace) -> Result<&str, Failure> {
    let name = namespace.as_wire();
    let is_name = !name.is_empty() && name.len() <= 63 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_name { Ok(name) } else { Err(Failure::new(FailureKind::NotFound, &format!("'{}' is no name of a namespace", namespace.shown()))) }
}

fn page<T: DeserializeOwned + Default, K, V>(
    body: &[u8],
    translate: impl Fn(&T) -> Option<(K, V)>,
    items: impl Fn(Vec<(K, V)>) -> Items,
) -> Result<Page, Failure> {
    let list: wire::List<T> = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    Ok(Page {
        items: items(list.items.iter().filter_map(translate).collect()),
        version: list.metadata.resource_version.0,
        next: Some(list.metadata.next.0).filter(|next| !next.is_empty()),
    })
}

fn event<Spec, Status>(
    line: &[u8],
    item: impl Fn(&wire::Object<Spec, Status>) -> Option<Item>,
    key: impl Fn(&wire::Metadata) -> ItemKey,
) -> Result<Event, Failure>
where
    Spec: DeserializeOwned + Default,
    Status: DeserializeOwned + Default,
{
    let event = match serde_json::from_slice::<wire::Event<wire::Object<Spec, Status>>>(line) {
        Ok(event) if event.kind.as_str() != "ERROR" => event,
        // The object of an `ERROR` is a Status, of another shape: either reading fails, or it means nothing.
        read => return refusal(line).map(Event::Refused).ok_or_else(|| read.err().map_or_else(unexplained, |error| unreadable(&error))),
    };
    let version = event.object.metadata.resource_version.0.clone();
    Ok(match event.kind.as_str() {
        "ADDED" | "MODIFIED" => match item(&event.object) {
            Some(item) => Event::Changed(item, version),
            None => Event::Passed(version),
        },
        "DELETED" => Event::Removed(key(&event.object.metadata), version),
        _ => Event::Passed(version),
    })
}

/// The refusal in an `ERROR` event.
fn refusal(line: &[u8]) -> Option<Failure> {
    let event: wire::Event<Option<kube::core::Status>> = serde_json::from_slice(line).ok()?;
    event.object.filter(|_| event.kind.as_str() == "ERROR").map(|status| Failure::from(kube::Error::Api(Box::new(status))))
}

fn unexplained() -> Failure {
    Failure::new(FailureKind::Broken, "the server ended the watch without a reason that can be read")
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new(FailureKind::Broken, &format!("the answer is not what a Kubernetes API server sends: {error}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::ClusterName;

    const ROLLOUTS: Subject = Subject::Workloads(WorkloadKind::Rollout);

    fn reading() -> Reading {
        Reading { cluster: ClusterName::from("c"), label_keys: Arc::from([]), texts: Arc::default() }
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let next = Raw::from("a+b/=");
        assert_eq!(ROLLOUTS.page_path(None, None).unwrap(), "/apis/argoproj.io/v1alpha1/rollouts?limit=500");
        assert_eq!(
            Subject::ReplicaSets.page_path(Some(&Namespace::from("shop")), Some(&next)).unwrap(),
            "/apis/apps/v1/namespaces/shop/replicasets?labelSelector=rollouts-pod-template-hash&limit=500&continue=a%2Bb%2F%3D"
        );
        assert_eq!(
            ROLLOUTS.watch_path(None, &Raw::from("7")).unwrap(),
            "/apis/argoproj.io/v1alpha1/rollouts?watch=1&allowWatchBookmarks=true&timeoutSeconds=240&resourceVersion=7"
        );
        for hostile in ["", "a/b", "..", "a?watch=1", "a b", "A", "ä"] {
            assert!(ROLLOUTS.page_path(Some(&Namespace::from(hostile)), None).is_err(), "{hostile:?}");
        }
    }

    #[test]
    fn a_recorded_page_has_items_a_version_and_a_next() {
        let body = include_bytes!("../../../tests/recordings/kubernetes/rollouts-page-1.json");
        let page = ROLLOUTS.page(body, &reading()).unwrap();
        assert_eq!(world_version(&page.version), Some(WorldVersion(1207)));
        assert!(page.next.is_some());
        let Items::Workloads(items) = page.items else { panic!("workloads") };
        assert_eq!(items.len(), 1);
    }

    #[test]
    fn events_are_told_apart() {
        let read = |line: &str| ROLLOUTS.event(line.as_bytes(), &reading());
        let object = |kind: &str| format!(r#"{{"type":"{kind}","object":{{"metadata":{{"name":"x","namespace":"n","resourceVersion":"9"}}}}}}"#);
        assert!(
            matches!(read(&object("ADDED")).unwrap(), Event::Changed(Item::Workload(key, _), version) if key.name.as_wire() == "x" && version.as_wire() == "9")
        );
        assert!(matches!(read(&object("DELETED")).unwrap(), Event::Removed(ItemKey::Workload(key), _) if key.namespace.as_wire() == "n"));
        assert!(matches!(read(&object("BOOKMARK")).unwrap(), Event::Passed(version) if version.as_wire() == "9"));
        assert!(matches!(read(&object("NEWFANGLED")).unwrap(), Event::Passed(_)));
        let expired = include_str!("../../../tests/recordings/kubernetes/error-410-watch.jsonl");
        assert!(matches!(read(expired).unwrap(), Event::Refused(failure) if failure.kind == FailureKind::Expired));
        assert!(read("<html>").is_err_and(|failure| failure.kind == FailureKind::Broken));
        assert!(read(r#"{"type":"ERROR","object":null}"#).is_err());
    }
}
