//! The objects of one API server, with versions and a log of changes: what a list and a watch are answered from. Objects are kept as the bytes that
//! are served. It knows neither the world nor the wire.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

/// Changes that are remembered; a watch from before them is answered with 410.
const REMEMBERED: usize = 10_000;

/// A kind of objects, as discovery tells it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    /// Empty for the core group.
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    /// As `kind` in objects.
    pub(super) word: &'static str,
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) short: &'static [&'static str],
    pub(super) namespaced: bool,
    /// Whether it has a subresource `status`.
    pub(super) status: bool,
}

macro_rules! kinds {
    ($($name:ident = $group:literal $version:literal $kind:literal $plural:literal $singular:literal [$($short:literal),*] $namespaced:literal $status:literal;)*) => {
        $(pub(super) static $name: Kind = Kind {
            group: $group, version: $version, word: $kind, plural: $plural, singular: $singular, short: &[$($short),*], namespaced: $namespaced, status: $status,
        };)*
        /// Every kind that is served.
        pub(super) static KINDS: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    NAMESPACES = "" "v1" "Namespace" "namespaces" "namespace" ["ns"] false true;
    PODS = "" "v1" "Pod" "pods" "pod" ["po"] true true;
    EVENTS = "" "v1" "Event" "events" "event" ["ev"] true false;
    CONFIG_MAPS = "" "v1" "ConfigMap" "configmaps" "configmap" ["cm"] true false;
    DEPLOYMENTS = "apps" "v1" "Deployment" "deployments" "deployment" ["deploy"] true true;
    STATEFUL_SETS = "apps" "v1" "StatefulSet" "statefulsets" "statefulset" ["sts"] true true;
    DAEMON_SETS = "apps" "v1" "DaemonSet" "daemonsets" "daemonset" ["ds"] true true;
    REPLICA_SETS = "apps" "v1" "ReplicaSet" "replicasets" "replicaset" ["rs"] true true;
    AUTOSCALERS = "autoscaling" "v2" "HorizontalPodAutoscaler" "horizontalpodautoscalers" "horizontalpodautoscaler" ["hpa"] true true;
    APPLICATIONS = "argoproj.io" "v1alpha1" "Application" "applications" "application" ["app", "apps"] true false;
    APP_PROJECTS = "argoproj.io" "v1alpha1" "AppProject" "appprojects" "appproject" ["appproj", "appprojs"] true false;
    ROLLOUTS = "argoproj.io" "v1alpha1" "Rollout" "rollouts" "rollout" ["ro"] true true;
}

impl Kind {
    /// `v1`, `apps/v1`.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// One object as it was at one version.
#[derive(Debug)]
pub(super) struct Object {
    /// Empty for kinds without namespaces.
    pub(super) namespace: String,
    pub(super) name: String,
    /// `metadata.resourceVersion`.
    pub(super) version: u64,
    pub(super) labels: BTreeMap<String, String>,
    /// The whole object as JSON, its version included.
    pub(super) json: Vec<u8>,
    /// The object as JSON without its version: what it is compared by.
    bare: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Added,
    Modified,
    Deleted,
}

/// A change of one object; for a deletion, the object as it was last, with the version of its deletion.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) version: u64,
    pub(super) kind: &'static Kind,
    pub(super) change: Change,
    pub(super) object: Arc<Object>,
}

/// The log does not reach back so far: 410.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

type Place = (String, String);

#[derive(Debug, Default)]
struct State {
    version: u64,
    /// By plural and group: a `Kind` is told by both.
    objects: BTreeMap<(&'static str, &'static str), BTreeMap<Place, Arc<Object>>>,
    log: VecDeque<Event>,
    /// Versions up to this one are forgotten.
    forgotten: u64,
}

/// The objects of one API server. Cheap to clone: clones are the same store.
#[derive(Debug, Clone)]
pub(super) struct Store {
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<u64>>,
}

impl Store {
    /// Nothing in it; versions begin after this one.
    pub(super) fn new(version: u64) -> Self {
        let state = State { version, forgotten: version, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), changed: Arc::new(watch::Sender::new(version)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest version.
    pub(super) fn version(&self) -> u64 {
        self.state().version
    }

    /// Tells the newest version whenever it grows.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Puts an object, named by its `metadata.namespace` and `.name`, if it differs from what is there. Returns whether it did.
    pub(super) fn put(&self, kind: &'static Kind, mut object: Value) -> bool {
        let text = |object: &Value, field: &str| object.pointer(&format!("/metadata/{field}")).and_then(Value::as_str).unwrap_or_default().to_owned();
        let place = (text(&object, "namespace"), text(&object, "name"));
        let bare = fingerprint(&serde_json::to_vec(&object).unwrap_or_default());
        let version = {
            let mut state = self.state();
            let objects = state.objects.entry((kind.plural, kind.group)).or_default();
            let before = objects.get(&place);
            if before.is_some_and(|before| before.bare == bare) {
                return false;
            }
            let change = if before.is_some() { Change::Modified } else { Change::Added };
            state.version += 1;
            let version = state.version;
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.insert("resourceVersion".to_owned(), Value::from(version.to_string()));
            }
            let labels = object
                .pointer("/metadata/labels")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect();
            let json = serde_json::to_vec(&object).unwrap_or_default();
            let object = Arc::new(Object { namespace: place.0.clone(), name: place.1.clone(), version, labels, json, bare });
            if let Some(objects) = state.objects.get_mut(&(kind.plural, kind.group)) {
                objects.insert(place, Arc::clone(&object));
            }
            state.remember(Event { version, kind, change, object });
            version
        };
        self.changed.send_replace(version);
        true
    }

    /// Removes an object. Returns whether it was there.
    pub(super) fn remove(&self, kind: &'static Kind, namespace: &str, name: &str) -> bool {
        let version = {
            let mut state = self.state();
            let objects = state.objects.entry((kind.plural, kind.group)).or_default();
            let Some(before) = objects.remove(&(namespace.to_owned(), name.to_owned())) else { return false };
            state.version += 1;
            let version = state.version;
            let mut json: Value = serde_json::from_slice(&before.json).unwrap_or_default();
            if let Some(metadata) = json.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.insert("resourceVersion".to_owned(), Value::from(version.to_string()));
            }
            let object = Object {
                namespace: before.namespace.clone(),
                name: before.name.clone(),
                version,
                labels: before.labels.clone(),
                json: serde_json::to_vec(&json).unwrap_or_default(),
                bare: 0,
            };
            state.remember(Event { version, kind, change: Change::Deleted, object: Arc::new(object) });
            version
        };
        self.changed.send_replace(version);
        true
    }

    /// One object.
    pub(super) fn get(&self, kind: &'static Kind, namespace: &str, name: &str) -> Option<Arc<Object>> {
        self.state().objects.get(&(kind.plural, kind.group))?.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// The objects of a kind, by namespace and name, and the version at which they are so. In one namespace, or everywhere.
    pub(super) fn list(&self, kind: &'static Kind, namespace: Option<&str>) -> (u64, Vec<Arc<Object>>) {
        let state = self.state();
        let all = state.objects.get(&(kind.plural, kind.group)).into_iter().flat_map(BTreeMap::values);
        let wanted = all.filter(|object| namespace.is_none_or(|namespace| object.namespace == namespace)).cloned().collect();
        (state.version, wanted)
    }

    /// The changes of a kind after a version, oldest first, and the version up to which they reach.
    pub(super) fn since(&self, kind: &'static Kind, version: u64) -> Result<(u64, Vec<Event>), Gone> {
        let state = self.state();
        if version < state.forgotten {
            return Err(Gone);
        }
        let first = state.log.partition_point(|event| event.version <= version);
        let events = state.log.range(first..).filter(|event| event.kind == kind).cloned().collect();
        Ok((state.version, events))
    }

    /// Forgets all changes so far, as etcd does when it compacts: older watches and pages are answered with 410.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.log.clear();
        state.forgotten = state.version;
    }
}

impl State {
    fn remember(&mut self, event: Event) {
        self.log.push_back(event);
        if self.log.len() > REMEMBERED
            && let Some(oldest) = self.log.pop_front()
        {
            self.forgotten = oldest.version;
        }
    }
}

/// Enough to tell whether two texts are the same.
fn fingerprint(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
