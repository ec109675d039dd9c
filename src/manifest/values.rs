//! Helm values: several files laid over each other, later ones win, and each value knows the file that said it.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::manifest::path::{Step, steps};
use crate::manifest::yaml::{Node, Value};

/// A value and the file that it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Merged {
    /// Text; empty for null.
    Scalar(String, Rc<str>),
    /// A sequence. Helm replaces it as a whole.
    List(Vec<Self>),
    /// A mapping.
    Map(BTreeMap<String, Self>),
}

impl Default for Merged {
    fn default() -> Self {
        Self::Map(BTreeMap::new())
    }
}

impl Merged {
    /// The values of a file.
    pub(super) fn read(node: &Node, file: &Rc<str>) -> Self {
        match &node.value {
            Value::Null => Self::Scalar(String::new(), Rc::clone(file)),
            Value::Scalar(text) => Self::Scalar(text.to_string(), Rc::clone(file)),
            Value::List(items) => Self::List(items.iter().map(|item| Self::read(item, file)).collect()),
            Value::Map(entries) => {
                let mut map = BTreeMap::new();
                for (key, value) in entries {
                    let value = Self::read(value, file);
                    if &**key != "<<" {
                        map.insert(key.to_string(), value);
                        continue;
                    }
                    let merged = if let Self::List(several) = value { several } else { vec![value] };
                    for (key, value) in merged.into_iter().filter_map(|value| if let Self::Map(map) = value { Some(map) } else { None }).flatten() {
                        map.entry(key).or_insert(value);
                    }
                }
                Self::Map(map)
            }
        }
    }

    /// Lays other values over these.
    pub(super) fn lay(&mut self, over: Self) {
        match (self, over) {
            (Self::Map(map), Self::Map(over)) => {
                for (key, value) in over {
                    match map.get_mut(&key) {
                        Some(held) => held.lay(value),
                        None => _ = map.insert(key, value),
                    }
                }
            }
            (held, over) => *held = over,
        }
    }

    /// Sets one value by a name as `helm --set` takes it: `a.b[0].c`, with `\.` for a dot that belongs to a key.
    pub(super) fn set(&mut self, name: &str, value: &str, from: &Rc<str>) {
        let mut held = self;
        for step in steps(name) {
            held = match step {
                Step::Key(key) => {
                    if !matches!(held, Self::Map(_)) {
                        *held = Self::default();
                    }
                    let Self::Map(map) = held else { return };
                    map.entry(key).or_default()
                }
                Step::Place(place) => {
                    if !matches!(held, Self::List(_)) {
                        *held = Self::List(Vec::new());
                    }
                    let Self::List(items) = held else { return };
                    if place > MOST_ITEMS {
                        return;
                    }
                    if items.len() <= place {
                        items.resize(place + 1, Self::default());
                    }
                    let Some(item) = items.get_mut(place) else { return };
                    item
                }
                // A name for `--set` has no such step.
                Step::Named(_) => return,
            };
        }
        *held = Self::Scalar(value.to_owned(), Rc::clone(from));
    }

    pub(super) const fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// What is under a path of keys.
    pub(super) fn at(&self, path: &str) -> Option<&Self> {
        steps(path).into_iter().try_fold(self, |held, step| match (held, step) {
            (Self::Map(map), Step::Key(key)) => map.get(&key),
            (Self::List(items), Step::Place(place)) => items.get(place),
            _ => None,
        })
    }

    /// The text of a key of a mapping; nothing where it is empty.
    pub(super) fn text(&self, key: &str) -> Option<(&str, &Rc<str>)> {
        self.as_map()?.get(key)?.scalar()
    }

    /// Its text; nothing where it is empty or no text.
    pub(super) fn scalar(&self) -> Option<(&str, &Rc<str>)> {
        if let Self::Scalar(text, file) = self { (!text.is_empty()).then_some((text.as_str(), file)) } else { None }
    }
}

/// Helm's own limit (`strvals.MaxIndex`) is larger; no list of images is.
const MOST_ITEMS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::yaml;

    fn values(text: &str, file: &str) -> Merged {
        Merged::read(&yaml::read(text.as_bytes()).unwrap()[0], &Rc::from(file))
    }

    #[test]
    fn later_files_win_and_say_so() {
        let mut merged = values("image: {repository: a, tag: 1.10}\nlist: [1, 2]\n", "values.yaml");
        merged.lay(values("image: {tag: '2'}\nlist: [3]\n", "production.yaml"));
        let image = merged.at("image").unwrap();
        assert_eq!(image.text("repository"), Some(("a", &Rc::from("values.yaml"))));
        assert_eq!(image.text("tag"), Some(("2", &Rc::from("production.yaml"))));
        assert_eq!(merged.at("list[0]").unwrap().scalar().unwrap().0, "3");
    }

    #[test]
    fn single_values_are_set_like_helm_sets_them() {
        let mut merged = values("image: {tag: 1}\n", "values.yaml");
        let from = Rc::from("helm.parameters");
        for (name, value) in [("image.tag", "2"), ("a\\.b.c", "x"), ("list[1].tag", "y")] {
            merged.set(name, value, &from);
            assert_eq!(merged.at(name).unwrap().scalar(), Some((value, &from)), "{name}");
        }
    }
}
