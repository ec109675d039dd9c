//! Lists of applications and projects, and single ones, out of the store's bytes.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::super::ArgocdPlan;
use super::super::answer::{Answer, JSON, Question};
use super::super::json::{Fields, text};
use super::super::selector::Selector;
use super::{error, fields};
use crate::simulator::store::{APP_PROJECTS, APPLICATIONS, Object, Store};

/// Which applications a question means.
#[derive(Debug, Default)]
pub(super) struct Filter {
    name: Option<String>,
    namespace: Option<String>,
    projects: Vec<String>,
    selector: Selector,
}

impl Filter {
    pub(super) fn read(question: &Question) -> Result<Self, String> {
        let projects = question.parameters("projects").chain(question.parameters("project")).filter(|name| !name.is_empty());
        Ok(Self {
            name: question.parameter("name").map(str::to_owned),
            namespace: question.parameter("appNamespace").map(str::to_owned),
            projects: projects.map(str::to_owned).collect(),
            selector: Selector::parse(question.parameter("selector").unwrap_or_default())?,
        })
    }

    pub(super) fn has_name(&self) -> bool {
        self.name.is_some()
    }

    /// On a stream the namespace counts only together with a name, so the real server's oversight.
    pub(super) fn of_stream(mut self) -> Self {
        if self.name.is_none() {
            self.namespace = None;
        }
        self
    }

    pub(super) fn matches(&self, application: &Object) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        is(&self.name, &application.name)
            && is(&self.namespace, &application.namespace)
            && self.selector.matches(&application.labels)
            && (self.projects.is_empty() || project_of(application).is_some_and(|project| self.projects.contains(&project)))
    }
}

fn project_of(application: &Object) -> Option<String> {
    text(&application.json, &["spec", "project"])
}

pub(super) fn applications(plan: &ArgocdPlan, question: &Question) -> Answer {
    let filter = match Filter::read(question) {
        Ok(filter) => filter,
        Err(message) => return error(StatusCode::BAD_REQUEST, 3, &message),
    };
    let fields = match fields::of_list(question.parameter("fields"), &plan.version) {
        Ok(fields) => fields,
        Err(message) => return error(StatusCode::INTERNAL_SERVER_ERROR, 2, &message),
    };
    let (version, mut found) = plan.store.list(&APPLICATIONS, None);
    found.retain(|application| filter.matches(application));
    Answer::new(StatusCode::OK, JSON, written(version, &found, fields.as_ref()))
}

fn written(version: u64, applications: &[Arc<Object>], fields: Option<&Fields>) -> Vec<u8> {
    if applications.is_empty() {
        // A list that was never filled is none, once it went through the filter of fields.
        let items = if fields.is_some() { "null" } else { "[]" };
        return format!(r#"{{"items":{items},"metadata":{{"resourceVersion":"{version}"}}}}"#).into_bytes();
    }
    let mut body = b"{\"items\":[".to_vec();
    let mut scratch = Vec::new();
    for (position, application) in applications.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        match fields {
            None => body.extend(without_resource_health(&application.json)),
            Some(fields) => {
                scratch.clear();
                if fields.cut(&application.json, &mut scratch) {
                    // Resources are asked for rarely: only then the object is taken apart.
                    if contains(&scratch, b"\"resources\":[") {
                        scratch = without_resource_health(&scratch);
                    }
                    body.extend_from_slice(&scratch);
                } else {
                    body.extend_from_slice(b"{}");
                }
            }
        }
    }
    body.extend_from_slice(format!(r#"],"metadata":{{"resourceVersion":"{version}"}}}}"#).as_bytes());
    body
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

/// A list does not know how each resource is: since 3.0 that is joined only for one application and on the stream.
fn without_resource_health(application: &[u8]) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(application) else { return application.to_vec() };
    for resource in value.pointer_mut("/status/resources").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(resource) = resource.as_object_mut() {
            resource.remove("health");
        }
    }
    serde_json::to_vec(&value).unwrap_or_default()
}

/// An application by name, in the control plane's namespace if no other is told.
pub(super) fn find(plan: &ArgocdPlan, namespace: Option<&str>, name: &str) -> Option<Arc<Object>> {
    plan.store.get(&APPLICATIONS, namespace.unwrap_or(&plan.namespace), name)
}

/// One application, if who asks named its project rightly or not at all.
pub(super) fn known(plan: &ArgocdPlan, (namespace, project): (Option<&str>, Option<&str>), name: &str) -> Result<Arc<Object>, Answer> {
    let found = find(plan, namespace, name);
    let found = found.filter(|application| project.is_none_or(|project| project_of(application).is_some_and(|own| own == project)));
    found.ok_or_else(|| match project {
        Some(_) => error(StatusCode::NOT_FOUND, 5, &format!("applications.argoproj.io \"{name}\" not found")),
        // Who does not know the project must not learn whether the application is there.
        None => error(StatusCode::FORBIDDEN, 7, "permission denied"),
    })
}

pub(super) fn projects(store: &Store, question: &Question) -> Answer {
    let fields = match fields::of_any(question.parameter("fields")) {
        Ok(fields) => fields,
        Err(message) => return error(StatusCode::BAD_REQUEST, 3, &message),
    };
    let (version, projects) = store.list(&APP_PROJECTS, None);
    let parts: Vec<&[u8]> = projects.iter().map(|project| project.json.as_slice()).collect();
    let mut body = format!(r#"{{"metadata":{{"resourceVersion":"{version}"}},"items":["#).into_bytes();
    body.extend(parts.join(&b','));
    body.extend_from_slice(b"]}");
    let Some(fields) = fields else { return Answer::new(StatusCode::OK, JSON, body) };
    let mut cut = Vec::new();
    if fields.cut(&body, &mut cut) { Answer::new(StatusCode::OK, JSON, cut) } else { Answer::ok(&json!({})) }
}

/// A project as an object; null where there is none.
pub(super) fn project_value(plan: &ArgocdPlan, name: &str) -> Value {
    let found = plan.store.get(&APP_PROJECTS, &plan.namespace, name);
    found.and_then(|project| serde_json::from_slice(&project.json).ok()).unwrap_or_default()
}

pub(super) fn project(plan: &ArgocdPlan, name: &str) -> Answer {
    match plan.store.get(&APP_PROJECTS, &plan.namespace, name) {
        Some(project) => Answer::new(StatusCode::OK, JSON, project.json.clone()),
        None => error(StatusCode::NOT_FOUND, 5, &format!("appprojects.argoproj.io \"{name}\" not found")),
    }
}
