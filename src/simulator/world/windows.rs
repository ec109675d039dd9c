//! When Argo CD may not sync: the windows of its projects. Here one is closed or it is not there, and so its schedule is every minute's.

use serde_json::{Value, json};

use super::World;
use crate::simulator::objects::application;
use crate::simulator::scenario::WindowDeed;
use crate::simulator::store::APP_PROJECTS;

/// Closed at every moment: it begins anew each minute and lasts longer.
const SCHEDULE: &str = "* * * * *";
const DURATION: &str = "1h";

impl World {
    /// A window closes, or those of a project go.
    pub(super) fn set_window(&mut self, deed: &WindowDeed) {
        self.windows.retain(|window| window.project != deed.project || (deed.closed && window.applications != deed.applications));
        if deed.closed {
            self.windows.push(deed.clone());
        }
        for argocd in 0..self.argocds.len() {
            self.show_project(argocd, &deed.project);
        }
        if !deed.closed {
            for number in 0..self.applications.len() {
                self.reconcile(number, false);
            }
        }
    }

    /// Shows a project of an Argo CD, with its windows, where there is one of this name.
    fn show_project(&self, argocd: usize, project: &str) {
        let (Some(instance), Some(store)) = (self.definition.argocds.get(argocd), self.argocds.get(argocd)) else { return };
        if store.get(&APP_PROJECTS, &instance.namespace, project).is_none() {
            return;
        }
        let windows: Vec<Value> = self.windows.iter().filter(|window| window.project == project).map(written).collect();
        let cluster = self.clusters.get(&instance.cluster);
        for (store, is_api) in [(Some(store), true), (cluster, false)] {
            let mut object = application::project(project, &instance.name, &instance.namespace, &self.context(), is_api);
            if let (Some(store), Some(spec)) = (store, object.get_mut("spec").and_then(Value::as_object_mut)) {
                if !windows.is_empty() {
                    spec.insert("syncWindows".to_owned(), Value::from(windows.clone()));
                }
                store.put(&APP_PROJECTS, object);
            }
        }
    }

    /// Whether an application may not be synced now: by a person, or by itself.
    pub(super) fn is_window_closed(&self, number: usize, by_person: bool) -> bool {
        self.windows_of(number).any(|window| !(by_person && window.manual))
    }

    fn windows_of(&self, number: usize) -> impl Iterator<Item = &WindowDeed> {
        let application = self.applications.get(number);
        let name = application.map(|application| application.name.as_str()).unwrap_or_default();
        let project = application.and_then(|one| self.definition.applications.get(one.definition)).map(|definition| definition.project.as_str());
        self.windows.iter().filter(move |window| {
            Some(window.project.as_str()) == project && window.applications.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
        })
    }
}

/// As `spec.syncWindows` has it.
fn written(window: &WindowDeed) -> Value {
    let mut out = json!({"kind": "deny", "schedule": SCHEDULE, "duration": DURATION, "applications": window.applications});
    if let Some(out) = out.as_object_mut().filter(|_| window.manual) {
        out.insert("manualSync".to_owned(), Value::Bool(true));
    }
    out
}

/// Whether a name is of a pattern with `*`.
pub(in crate::simulator) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if matches(rest, name) => true,
        (Some((b'*', _)), Some((_, name))) => matches(pattern, name),
        (Some((one, pattern)), Some((other, name))) if one == other => matches(pattern, name),
        _ => false,
    }
}
