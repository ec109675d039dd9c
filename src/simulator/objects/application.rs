//! An Application as its cluster and as Argo CD's API show it, and an `AppProject`.

use serde_json::{Map, Value, json};

use super::{Context, kind_of, operation};
use crate::simulator::definition::{ApplicationDefinition, Layout, WorkloadKind};
use crate::simulator::layout;
use crate::simulator::world::application::{Application, By, Sync, health};
use crate::simulator::world::pods::uid;
use crate::simulator::world::workload::Workload;

/// What an Application's rendering needs besides itself.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulator) struct Around<'a> {
    pub(in crate::simulator) definition: &'a ApplicationDefinition,
    /// The instance's name, for identities, and the namespace of its control plane.
    pub(in crate::simulator) argocd: &'a str,
    pub(in crate::simulator) control_plane: &'a str,
    pub(in crate::simulator) repository: &'a str,
    pub(in crate::simulator) branch: &'a str,
    pub(in crate::simulator) workloads: &'a [Workload],
    /// The applications that it may consist of.
    pub(in crate::simulator) applications: &'a [Application],
}

/// The object in the cluster; with `is_api`, as the API shows it: with the health of each resource, which the cluster's object lacks since Argo CD 3.0.
pub(in crate::simulator) fn render(application: &Application, around: &Around<'_>, context: &Context<'_>, is_api: bool) -> Value {
    let definition = around.definition;
    let mut labels = Map::new();
    labels.insert("app.kubernetes.io/part-of".to_owned(), Value::from(definition.project.clone()));
    for (key, value) in [("environment", &application.environment), ("service", &definition.service), ("team", &definition.team)] {
        if !value.is_empty() {
            labels.insert(key.to_owned(), Value::from(value.clone()));
        }
    }
    if !application.placement.is_empty() {
        labels.insert("placement".to_owned(), Value::from(application.placement.clone()));
    }
    let identity = format!("{}/{}/{}", around.argocd, application.namespace, application.name);
    let mut object = json!({
        "metadata": {
            "creationTimestamp": context.time(application.created), "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            "generation": u64::try_from(application.history.len()).unwrap_or(0) + application.generation, "labels": labels, "name": application.name, "namespace": application.namespace, "uid": uid(&identity),
        },
        "spec": spec(application, around, context),
        "status": status(application, around, context, is_api),
    });
    let running = application.operation.as_ref().filter(|operation| operation.finished.is_none());
    if let Some(object) = object.as_object_mut() {
        // It stays until the controller is done with it.
        if let Some(operation) = application.requested.as_ref().or(running) {
            object.insert("operation".to_owned(), operation::asked(operation, application, around));
        }
        if !is_api {
            object.insert("apiVersion".to_owned(), Value::from("argoproj.io/v1alpha1"));
            object.insert("kind".to_owned(), Value::from("Application"));
        }
    }
    if let (Some(how), Some(metadata)) = (&application.refresh, object.get_mut("metadata").and_then(Value::as_object_mut)) {
        metadata.insert("annotations".to_owned(), json!({"argocd.argoproj.io/refresh": how}));
    }
    object
}

/// `source` or `sources`, as a field of whatever has one.
pub(super) fn sources(application: &Application, around: &Around<'_>) -> Map<String, Value> {
    let mut sources: Vec<Value> = layout::source(around.definition, &application.environment, &application.placement)
        .into_iter()
        .map(|source| {
            let mut object = json!({"repoURL": around.repository, "targetRevision": around.branch});
            if let Some(object) = object.as_object_mut() {
                for (key, value) in [("path", &source.path), ("ref", &source.reference)] {
                    if !value.is_empty() {
                        object.insert(key.to_owned(), Value::from(value.clone()));
                    }
                }
                if !application.images.is_empty() {
                    object.insert("kustomize".to_owned(), json!({"images": application.images}));
                }
                if !source.value_files.is_empty() {
                    object.insert("helm".to_owned(), json!({"valueFiles": source.value_files}));
                }
            }
            object
        })
        .collect();
    let mut out = Map::new();
    match sources.pop() {
        Some(only) if sources.is_empty() => out.insert("source".to_owned(), only),
        last => out.insert("sources".to_owned(), sources.into_iter().chain(last).collect()),
    };
    out
}

/// The same where the single source is written in any case: with several it is there all the same, and empty.
pub(super) fn with_first(mut sources: Map<String, Value>) -> Map<String, Value> {
    sources.entry("source").or_insert_with(|| json!({"repoURL": ""}));
    sources
}

fn spec(application: &Application, around: &Around<'_>, context: &Context<'_>) -> Value {
    let mut spec = sources(application, around);
    spec.insert("destination".to_owned(), json!({"namespace": application.target, "server": application.server}));
    spec.insert("project".to_owned(), Value::from(around.definition.project.clone()));
    let policy = policy(application, context);
    if !policy.is_null() {
        spec.insert("syncPolicy".to_owned(), policy);
    }
    Value::Object(spec)
}

/// `spec.syncPolicy`; null where there is none.
pub(in crate::simulator) fn policy(application: &Application, context: &Context<'_>) -> Value {
    let mut policy = application.policy();
    if let Some(policy) = policy.as_object_mut().filter(|_| application.policy.is_none()) {
        let five = context.span(std::time::Duration::from_secs(5));
        policy.insert("retry".to_owned(), json!({"backoff": {"duration": five, "factor": 2, "maxDuration": "1m"}, "limit": 3}));
    }
    policy
}

/// `revision` or `revisions`, as a field of whatever has one.
pub(super) fn revisions(around: &Around<'_>, revision: &str) -> (String, Value) {
    if around.definition.layout == Layout::Several {
        ("revisions".to_owned(), json!([revision, revision, revision]))
    } else {
        ("revision".to_owned(), Value::from(revision))
    }
}

fn status(application: &Application, around: &Around<'_>, context: &Context<'_>, is_api: bool) -> Value {
    let mut compared = with_first(sources(application, around));
    compared.insert("destination".to_owned(), json!({"namespace": application.target, "server": application.server}));
    let word = match application.sync {
        Sync::Synced => "Synced",
        Sync::OutOfSync => "OutOfSync",
    };
    let mut sync = json!({"comparedTo": compared, "status": if application.error.is_some() { "Unknown" } else { word }});
    if let Some(sync) = sync.as_object_mut() {
        sync.extend([revisions(around, &application.revision)]);
    }
    let mut status = json!({
        "controllerNamespace": around.control_plane,
        "health": {"lastTransitionTime": context.time(application.health_since), "status": application.health.word()},
        "history": application.history.iter().map(|deployed| {
            let mut entry = json!({"deployStartedAt": context.time(deployed.started), "deployedAt": context.time(deployed.at), "id": deployed.id,
                "initiatedBy": by(&deployed.by)});
            if let Some(entry) = entry.as_object_mut() {
                entry.extend([revisions(around, &deployed.revision)]);
                entry.extend(with_first(sources(application, around)));
            }
            entry
        }).collect::<Vec<_>>(),
        "reconciledAt": context.time(application.reconciled), "resourceHealthSource": "appTree",
        "resources": resources(application, around, context, is_api), "sourceHydrator": {}, "summary": {"images": images(application, around)},
        "sync": sync,
    });
    if let Some(status) = status.as_object_mut() {
        if let Some(operation) = operation::state(application, around, context) {
            status.insert("operationState".to_owned(), operation);
        }
        match around.definition.layout {
            Layout::Kustomize | Layout::Plain => drop(status.insert("sourceType".to_owned(), Value::from("Kustomize"))),
            Layout::Helm => drop(status.insert("sourceType".to_owned(), Value::from("Helm"))),
            Layout::Applications => drop(status.insert("sourceType".to_owned(), Value::from("Directory"))),
            Layout::Several => drop(status.insert("sourceTypes".to_owned(), json!(["Helm", "", "Directory"]))),
        }
        if let Some(error) = &application.error {
            let message =
                format!("Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = {error}");
            let condition = json!([{"lastTransitionTime": context.time(application.reconciled), "message": message, "type": "ComparisonError"}]);
            status.insert("conditions".to_owned(), condition);
        }
    }
    status
}

pub(super) fn by(by: &By) -> Value {
    match by {
        By::Automation => json!({"automated": true}),
        By::Person(name) => json!({"username": name}),
        By::Nobody => json!({}),
    }
}

/// The images that run, by name, as Argo CD sorts them.
fn images(application: &Application, around: &Around<'_>) -> Vec<String> {
    let own = application.workloads.iter().filter_map(|number| around.workloads.get(*number));
    let mut images: Vec<String> = own
        .flat_map(|workload| {
            let running = workload.sets.iter().filter(|set| !set.pods.is_empty()).map(|set| &set.tag);
            let tags = running.chain([&workload.tag]).map(|tag| format!("{}:{tag}", workload.image));
            tags.chain(workload.sidecars.iter().cloned()).collect::<Vec<_>>()
        })
        .collect();
    images.sort_unstable();
    images.dedup();
    images
}

fn resources(application: &Application, around: &Around<'_>, context: &Context<'_>, is_api: bool) -> Vec<Value> {
    let mut out = Vec::new();
    let mut push = |group: &str, version: &str, kind: &str, name: &str, synced: bool, health: Option<(&str, String)>| {
        let namespace = if kind == "Application" { &application.namespace } else { &application.target };
        let mut resource = json!({"version": version, "kind": kind, "namespace": namespace, "name": name,
            "status": if synced { "Synced" } else { "OutOfSync" }});
        if let Some(resource) = resource.as_object_mut() {
            if !group.is_empty() {
                resource.insert("group".to_owned(), Value::from(group));
            }
            if let Some((word, message)) = health.filter(|_| is_api) {
                let health = if message.is_empty() { json!({"status": word}) } else { json!({"status": word, "message": message}) };
                resource.insert("health".to_owned(), health);
            }
        }
        out.push(resource);
    };
    for child in application.children.iter().filter_map(|number| around.applications.get(*number)) {
        push("argoproj.io", "v1alpha1", "Application", &child.name, true, Some((child.health.word(), String::new())));
    }
    let own = || application.workloads.iter().enumerate().filter_map(|(place, number)| Some((place, around.workloads.get(*number)?)));
    for (kind, name) in layout::resources(around.definition, &application.environment, &application.placement) {
        let workload = own().find(|(_, workload)| workload.name == name && kind_of(workload.kind).1 == kind);
        match (kind, workload) {
            (_, Some((place, workload))) => {
                let (group, version) = kind_of(workload.kind).0.split_once('/').unwrap_or_default();
                let synced = application.wanted.get(place).is_none_or(|tag| *tag == workload.tag)
                    && (workload.kind == WorkloadKind::DaemonSet
                        || application.replicas.get(place).is_none_or(|replicas| *replicas == workload.replicas));
                let (health, message) = health(workload, context);
                push(group, version, kind, &name, synced, Some((health.word(), message)));
            }
            ("Service", None) => push("", "v1", kind, &name, true, Some(("Healthy", String::new()))),
            ("AnalysisTemplate", None) => push("argoproj.io", "v1alpha1", kind, &name, true, None),
            (_, None) => push("", "v1", kind, &name, true, None),
        }
    }
    out
}

/// A project as both worlds show it.
pub(in crate::simulator) fn project(name: &str, argocd: &str, namespace: &str, context: &Context<'_>, is_api: bool) -> Value {
    let mut object = json!({
        "metadata": {"creationTimestamp": context.time(context.clock.start()), "generation": 1, "name": name, "namespace": namespace,
            "uid": uid(&format!("{argocd}/project/{name}"))},
        "spec": {"clusterResourceWhitelist": [{"group": "*", "kind": "*"}], "destinations": [{"namespace": "*", "server": "*"}], "sourceRepos": ["*"]},
        "status": {},
    });
    if !is_api && let Some(object) = object.as_object_mut() {
        object.insert("apiVersion".to_owned(), Value::from("argoproj.io/v1alpha1"));
        object.insert("kind".to_owned(), Value::from("AppProject"));
    }
    object
}
