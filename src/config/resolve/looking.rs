//! What a person made of the cockpit: views under names, and keys of their own.

use super::Context;
use crate::base::Safe;
use crate::config::reader::At;
use crate::config::written;
use crate::config::{Binding, BoundKey, View};

impl Context<'_, '_> {
    /// The keys as written, each with its place.
    pub(super) fn keys(&self, written: &[(At<String>, Vec<At<String>>)]) -> Vec<Binding> {
        let binding = |(command, keys): &(At<String>, Vec<At<String>>)| Binding {
            command: command.value.clone(),
            keys: keys.iter().map(|key| BoundKey { written: key.value.clone(), place: self.findings.place_of(&key.place) }).collect(),
            place: self.findings.place_of(&command.place),
        };
        written.iter().map(binding).collect()
    }

    /// The views. A name that is taken twice is told where it stands the second time.
    pub(super) fn views(&self, written: &[written::View]) -> Vec<View> {
        let mut views: Vec<View> = Vec::new();
        for view in written {
            let Some(name) = &view.name else { continue };
            let shown = Safe::clean(&name.value);
            if views.iter().any(|other| other.name == shown) {
                self.tell(name, &format!("two views are called '{shown}'"), Some("give one of them another name"));
                continue;
            }
            views.push(View {
                name: shown,
                filter: view.filter.as_ref().map(|filter| Safe::clean(&filter.value).as_str().to_owned()).unwrap_or_default(),
                arrange: view.arrange.unwrap_or_default(),
                fold: view.fold.as_ref().map(|fold| fold.value),
            });
        }
        views
    }
}
