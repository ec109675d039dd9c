//! What the pods of a version refer to by name, and whether that is still there: going back to a version whose ConfigMap was deleted starts no pod. Which
//! fields refer: Kubernetes `core/v1` `PodSpec` (v1.34).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::{Raw, Safe};
use crate::safe;

/// Something that pods read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// Its name.
    pub name: Raw,
    /// Pods start without it.
    pub is_optional: bool,
    /// What is known of it now.
    pub presence: Presence,
}

/// Whether something is there. Its content is never read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is, and nobody is known to have written it since the version came.
    Unchanged,
    /// It is, and somebody wrote it since the version came.
    Written,
    /// It is not.
    Missing,
    /// Why it is not known.
    Unknown(Safe),
}

/// What a pod template refers to, each once; nothing is known of it yet.
#[must_use]
pub fn referred(template: &Value) -> Vec<Reference> {
    let mut found: BTreeMap<(&'static str, String), bool> = BTreeMap::new();
    let mut note = |kind: &'static str, reference: Option<&Value>, key: &str, is_optional: bool| {
        let Some(reference) = reference else { return };
        let Some(name) = reference.get(key).and_then(Value::as_str).filter(|name| !name.is_empty()) else { return };
        let is_optional = is_optional || reference.get("optional").and_then(Value::as_bool).unwrap_or(false);
        found.entry((kind, name.to_owned())).and_modify(|known| *known &= is_optional).or_insert(is_optional);
    };
    let items = |of: &Value, key: &str| of.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(spec) = template.get("spec") else { return Vec::new() };
    for volume in items(spec, "volumes") {
        note("ConfigMap", volume.get("configMap"), "name", false);
        note("Secret", volume.get("secret"), "secretName", false);
        for source in volume.get("projected").map(|projected| items(projected, "sources")).unwrap_or_default() {
            note("ConfigMap", source.get("configMap"), "name", false);
            note("Secret", source.get("secret"), "name", false);
        }
    }
    for container in ["containers", "initContainers"].iter().flat_map(|list| items(spec, list)) {
        for source in items(&container, "envFrom") {
            note("ConfigMap", source.get("configMapRef"), "name", false);
            note("Secret", source.get("secretRef"), "name", false);
        }
        for variable in items(&container, "env") {
            note("ConfigMap", variable.pointer("/valueFrom/configMapKeyRef"), "name", false);
            note("Secret", variable.pointer("/valueFrom/secretKeyRef"), "name", false);
        }
    }
    // Without its secret an image may still be pulled: nodes may have it.
    for secret in items(spec, "imagePullSecrets") {
        note("Secret", Some(&secret), "name", true);
    }
    let unread = || Presence::Unknown(Safe::clean("it was not read"));
    found.into_iter().map(|((kind, name), is_optional)| Reference { kind, name: Raw::from(name), is_optional, presence: unread() }).collect()
}

/// Whether new pods of a version that refers to these do not start.
#[must_use]
pub fn is_gone(references: &[Reference]) -> bool {
    references.iter().any(|one| one.presence == Presence::Missing && !one.is_optional)
}

/// What a person should know before they go back to a version that refers to these.
#[must_use]
pub fn words(references: &[Reference]) -> Vec<Safe> {
    let mut told = warnings(references);
    let there: Vec<String> =
        references.iter().filter(|one| one.presence == Presence::Unchanged).map(|one| format!("{} {}", one.kind, one.name.shown())).collect();
    if !there.is_empty() {
        let names = Safe::clean(&there.join(", "));
        told.push(safe!("what the stable version refers to is there and was not written since: {names}"));
    }
    told
}

/// The same without what is well.
#[must_use]
pub fn warnings(references: &[Reference]) -> Vec<Safe> {
    let named = |wanted: fn(&Reference) -> bool| {
        let names: Vec<String> = references.iter().filter(|one| wanted(one)).map(|one| format!("{} {}", one.kind, one.name.shown())).collect();
        (!names.is_empty()).then(|| Safe::clean(&names.join(", ")))
    };
    let missing = named(|one| one.presence == Presence::Missing && !one.is_optional);
    let written = named(|one| one.presence == Presence::Written);
    let unknown = named(|one| matches!(one.presence, Presence::Unknown(_)));
    let why = references.iter().find_map(|one| if let Presence::Unknown(why) = &one.presence { Some(why.clone()) } else { None });
    let mut told = Vec::new();
    told.extend(missing.map(|names| {
        safe!("not recommended: the stable version refers to {names}, which is not there any more, and new pods of it will not start: put that back first")
    }));
    told.extend(written.map(|names| safe!("{names} was written since the stable version came: new pods of it read it as it is now")));
    told.extend(unknown.zip(why).map(|(names, why)| safe!("whether the stable version still finds {names} is not known: {why}")));
    told
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_that_pods_read_by_name_is_found_once() {
        let template = json!({"spec": {
            "volumes": [{"configMap": {"name": "c"}}, {"secret": {"secretName": "s", "optional": true}},
                {"projected": {"sources": [{"secret": {"name": "p"}}, {"serviceAccountToken": {}}]}}],
            "containers": [{"envFrom": [{"configMapRef": {"name": "e"}}, {"secretRef": {"name": "s"}}],
                "env": [{"name": "a", "value": "1"}, {"name": "b", "valueFrom": {"configMapKeyRef": {"name": "k", "key": "x", "optional": true}}}]}],
            "initContainers": [{"envFrom": [{"configMapRef": {"name": "c"}}]}],
            "imagePullSecrets": [{"name": "pull"}]}});
        let found: Vec<String> = referred(&template).iter().map(|one| format!("{} {} {}", one.kind, one.name.shown(), one.is_optional)).collect();
        assert_eq!(found, ["ConfigMap c false", "ConfigMap e false", "ConfigMap k true", "Secret p false", "Secret pull true", "Secret s false"]);
        assert!(referred(&json!({})).is_empty());
    }

    #[test]
    fn what_is_missing_is_said_first_and_what_is_not_known_is_not_claimed() {
        let of = |name: &str, is_optional, presence| Reference { kind: "ConfigMap", name: Raw::from(name), is_optional, presence };
        let told = words(&[
            of("a", false, Presence::Unchanged),
            of("b", false, Presence::Missing),
            of("c", true, Presence::Missing),
            of("d", false, Presence::Written),
            of("e", false, Presence::Unknown(Safe::clean("forbidden"))),
        ]);
        let told: Vec<&str> = told.iter().map(Safe::as_str).collect();
        assert_eq!(
            told,
            [
                "not recommended: the stable version refers to ConfigMap b, which is not there any more, and new pods of it will not start: put that back first",
                "ConfigMap d was written since the stable version came: new pods of it read it as it is now",
                "whether the stable version still finds ConfigMap e is not known: forbidden",
                "what the stable version refers to is there and was not written since: ConfigMap a",
            ]
        );
        assert!(words(&[]).is_empty());
    }
}
