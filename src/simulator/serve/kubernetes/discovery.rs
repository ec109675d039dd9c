//! What an API server says of itself: its version, its groups, its kinds. Pure.

use serde_json::{Value, json};

use crate::simulator::store::{KINDS, Kind};

/// The groups that are served besides the core one, with their one version.
const GROUPS: &[(&str, &str)] = &[("apps", "v1"), ("argoproj.io", "v1alpha1"), ("authorization.k8s.io", "v1")];

pub(super) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "34",
        "emulationMajor": "1",
        "emulationMinor": "34",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "33",
        "gitVersion": "v1.34.2",
        "gitCommit": "8cc511e399b929453cd98ae65b419c3cc227ec79",
        "gitTreeState": "clean",
        "buildDate": "2025-11-11T19:00:00Z",
        "goVersion": "go1.24.9",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

pub(super) fn core_versions() -> Value {
    json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] })
}

pub(super) fn groups() -> Value {
    let groups: Vec<Value> = GROUPS.iter().map(|(name, version)| described(name, version)).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

pub(super) fn group(name: &str) -> Option<Value> {
    let (name, version) = GROUPS.iter().find(|(group, _)| *group == name)?;
    let mut group = described(name, version);
    if let Some(group) = group.as_object_mut() {
        group.insert("kind".to_owned(), "APIGroup".into());
        group.insert("apiVersion".to_owned(), "v1".into());
    }
    Some(group)
}

fn described(name: &str, version: &str) -> Value {
    let version = json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    json!({ "name": name, "versions": [version], "preferredVersion": version })
}

/// The kinds of a group's version.
pub(super) fn resources(group: &str, version: &str) -> Option<Value> {
    let is_served = (group, version) == ("", "v1") || GROUPS.contains(&(group, version));
    if !is_served {
        return None;
    }
    let mut resources: Vec<Value> =
        KINDS.iter().filter(|kind| kind.group == group && kind.version == version).flat_map(|kind| listed(kind)).collect();
    if group == "authorization.k8s.io" {
        resources.push(json!({
            "name": "selfsubjectaccessreviews", "singularName": "selfsubjectaccessreview", "namespaced": false, "kind": "SelfSubjectAccessReview",
            "verbs": ["create"],
        }));
    }
    let name = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources }))
}

fn listed(kind: &Kind) -> Vec<Value> {
    let mut listed = vec![json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.word, "shortNames": kind.short,
        "verbs": ["get", "list", "patch", "watch"],
    })];
    if kind.status {
        listed.push(json!({
            "name": format!("{}/status", kind.plural), "singularName": "", "namespaced": kind.namespaced, "kind": kind.word,
            "verbs": ["get", "patch"],
        }));
    }
    listed
}
