//! The official schemas as validators: Argo CD's swagger for its REST answers, custom resource definitions for objects of clusters, and the types of
//! `k8s-openapi` for Kubernetes' own. Stricter than an API server in one point: a field that no schema knows is an error, not dropped.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a schema that cannot be read is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Definitions of Argo CD's swagger that its own answers do not follow, and what they are instead. Go writes JSON with each type's own encoder, and
/// the swagger is made from the protobuf definitions.
fn as_real(name: &str) -> Option<Value> {
    match name {
        // A number or a text.
        "intstrIntOrString" => Some(json!({ "type": ["integer", "string"] })),
        // Recorded: the options' fields are capitalized (Go's names) with a list that is null; both lists of what to ignore are YAML in a text.
        "v1alpha1KustomizeOptions" | "v1alpha1ResourceOverride" => Some(json!({ "type": "object" })),
        // Any JSON.
        "v1FieldsV1" | "v1JSON" | "apiextensionsv1JSON" | "runtimeRawExtension" => Some(json!({})),
        _ => None,
    }
}

/// Fields that are `null` where they were never filled: Go writes nil so where it is not left out, and the projected list leaves nothing out.
const OR_NULL: &[&str] = &["items", "annotations", "labels", "deletionTimestamp"];

fn file(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every official schema that is needed.
pub(crate) struct Schemas {
    swagger: Value,
    application: Validator,
    project: Validator,
    rollout: Validator,
    /// By path and whether it is a good answer: those that were asked for already.
    answers: Mutex<BTreeMap<(String, bool), Arc<Validator>>>,
}

impl Schemas {
    /// Read and compiled once, for all tests: that takes longer than any answer.
    pub(crate) fn all() -> &'static Self {
        static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::read);
        &SCHEMAS
    }

    fn read() -> Self {
        let mut swagger: Value = serde_json::from_str(&file("argo-cd/swagger.json")).unwrap();
        for (name, definition) in swagger.get_mut("definitions").and_then(Value::as_object_mut).unwrap() {
            match as_real(name) {
                Some(real) => *definition = real,
                None => close(definition),
            }
        }
        Self {
            swagger,
            application: custom_resource("argo-cd/application-crd.yaml"),
            project: custom_resource("argo-cd/appproject-crd.yaml"),
            rollout: custom_resource("argo-rollouts/rollout-crd.yaml"),
            answers: Mutex::default(),
        }
    }

    /// What a REST endpoint of Argo CD answers: `GET` of a path as swagger writes it, with 200 or anything else.
    pub(crate) fn answer(&self, path: &str, is_ok: bool) -> Arc<Validator> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(answers.entry((path.to_owned(), is_ok)).or_insert_with(|| Arc::new(self.compiled(path, is_ok))))
    }

    fn compiled(&self, path: &str, is_ok: bool) -> Validator {
        let status = if is_ok { "200" } else { "default" };
        let pointer = format!("/paths/{}/get/responses/{status}/schema", path.replace('~', "~0").replace('/', "~1"));
        let mut schema = self.swagger.pointer(&pointer).unwrap_or_else(|| panic!("swagger has no {pointer}")).clone();
        close(&mut schema);
        let definitions = self.swagger.get("definitions").cloned().unwrap();
        schema.as_object_mut().unwrap().insert("definitions".to_owned(), definitions);
        compiled(&schema)
    }

    /// What is wrong with an object of a cluster.
    pub(crate) fn of_object(&self, object: &Value) -> Vec<String> {
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
        let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        match (api_version, kind) {
            ("argoproj.io/v1alpha1", "Application") => custom(&self.application, object),
            ("argoproj.io/v1alpha1", "AppProject") => custom(&self.project, object),
            ("argoproj.io/v1alpha1", "Rollout") => {
                let template = object.pointer("/spec/template").cloned().unwrap_or_default();
                custom(&self.rollout, object).into_iter().chain(decoded::<PodTemplateSpec>(&template)).collect()
            }
            ("apps/v1", "Deployment") => decoded::<Deployment>(object),
            ("apps/v1", "StatefulSet") => decoded::<StatefulSet>(object),
            ("apps/v1", "DaemonSet") => decoded::<DaemonSet>(object),
            ("apps/v1", "ReplicaSet") => decoded::<ReplicaSet>(object),
            ("v1", "Pod") => decoded::<Pod>(object),
            ("v1", "Namespace") => decoded::<Namespace>(object),
            ("v1", "ConfigMap") => decoded::<ConfigMap>(object),
            _ => vec![format!("nothing is known of {api_version} {kind}")],
        }
    }
}

/// What a validator finds wrong.
pub(crate) fn problems(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error:.300}", error.instance_path())).collect()
}

/// What GitHub answers: the schema of a path as its description writes it, by method and status.
pub(crate) fn github(method: &str, path: &str, status: u16) -> Validator {
    let mut whole: Value = serde_json::from_str(&file("github-rest/openapi.json")).unwrap();
    let answer = format!("/paths/{}/{method}/responses/{status}", path.replace('~', "~0").replace('/', "~1"));
    let mut answer = whole.pointer(&answer).unwrap_or_else(|| panic!("there is no {answer}")).clone();
    if let Some(reference) = answer.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#')) {
        answer = whole.pointer(reference).unwrap().clone();
    }
    let mut schema = answer.pointer("/content/application~1json/schema").unwrap().clone();
    let mut components = whole.get_mut("components").map(Value::take).unwrap();
    nullable(&mut components);
    nullable(&mut schema);
    // What it points at has to be within.
    if schema.get("$ref").is_some() {
        schema = json!({ "allOf": [schema] });
    }
    schema.as_object_mut().unwrap().insert("components".to_owned(), components);
    compiled(&schema)
}

/// The description says of a type that it may be null beside it.
fn nullable(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(nullable),
        Value::Object(members) => {
            let is_nullable = members.remove("nullable") == Some(Value::Bool(true));
            members.values_mut().for_each(nullable);
            if is_nullable {
                let inner = Value::Object(std::mem::take(members));
                members.insert("anyOf".to_owned(), json!([inner, { "type": "null" }]));
            }
        }
        _ => {}
    }
}

fn compiled(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

fn custom_resource(name: &str) -> Validator {
    let definition: Value = serde_saphyr::from_str(&file(name)).unwrap();
    let mut schema = definition.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap().clone();
    close(&mut schema);
    compiled(&schema)
}

fn custom(validator: &Validator, object: &Value) -> Vec<String> {
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    problems(validator, object).into_iter().chain(decoded::<ObjectMeta>(&metadata)).collect()
}

/// Makes a schema of a structural or swagger one: extensions become rules, unknown fields errors.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(close),
        Value::Object(members) => {
            if members.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
                members.remove("anyOf");
                members.insert("type".to_owned(), json!(["integer", "string"]));
            }
            // The swagger says of 64-bit numbers that they are texts, as protobuf's own JSON has them; Go writes numbers.
            if members.get("format").and_then(Value::as_str) == Some("int64") {
                members.insert("type".to_owned(), Value::from("integer"));
            }
            if members.get("nullable") == Some(&Value::Bool(true))
                && let Some(kind) = members.get("type").and_then(Value::as_str).map(str::to_owned)
            {
                members.insert("type".to_owned(), json!([kind, "null"]));
            }
            let keeps_unknown = members.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
            if members.get("properties").is_some_and(Value::is_object) {
                if !keeps_unknown && !members.contains_key("additionalProperties") {
                    members.insert("additionalProperties".to_owned(), Value::Bool(false));
                }
                let properties = members.get_mut("properties").and_then(Value::as_object_mut).unwrap();
                for (name, property) in properties {
                    close(property);
                    if OR_NULL.contains(&name.as_str()) {
                        *property = json!({ "anyOf": [property.clone(), { "type": "null" }] });
                    }
                }
            }
            for name in ["items", "additionalProperties", "allOf", "anyOf", "oneOf"] {
                members.get_mut(name).into_iter().for_each(close);
            }
        }
        _ => {}
    }
}

/// What a type of Kubernetes does not know of a value, or knows otherwise: decoded and encoded again it must be the same.
fn decoded<T: DeserializeOwned + Serialize>(value: &Value) -> Vec<String> {
    let typed: T = match serde_json::from_value(value.clone()) {
        Ok(typed) => typed,
        Err(error) => return vec![format!("no {}: {error}", std::any::type_name::<T>())],
    };
    let again = without_nulls(&serde_json::to_value(&typed).unwrap());
    let mut found = Vec::new();
    differences("", &without_nulls(value), &again, &mut found);
    found
}

/// What is null is not there.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, member)| !member.is_null())
            .map(|(key, member)| (key.clone(), without_nulls(member)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn differences(path: &str, ours: &Value, known: &Value, found: &mut Vec<String>) {
    match (ours, known) {
        (Value::Object(ours), Value::Object(known)) => {
            for (key, member) in ours {
                match known.get(key) {
                    Some(other) => differences(&format!("{path}/{key}"), member, other, found),
                    None => found.push(format!("{path}/{key} is unknown: {member}")),
                }
            }
            found.extend(known.keys().filter(|key| !ours.contains_key(*key)).map(|key| format!("{path}/{key} is missing")));
        }
        (Value::Array(ours), Value::Array(known)) if ours.len() == known.len() => {
            for (place, (item, other)) in ours.iter().zip(known).enumerate() {
                differences(&format!("{path}/{place}"), item, other, found);
            }
        }
        _ if ours == known => {}
        _ => found.push(format!("{path}: {ours} is read as {known}")),
    }
}
