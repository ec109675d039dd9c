//! What a renderer made of an application's manifests before and after a change, compared object by object and value by value. Pure: whoever renders
//! hands in text. Values of Secrets never leave this room.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use similar::{ChangeTag, TextDiff};

use crate::base::{Raw, Safe};
use crate::domain::AppKey;
use crate::domain::application::Origin;
use crate::domain::names::Namespace;
use crate::manifest::objects::{Hook, Object, found_in};
use crate::manifest::yaml::{self, Node, Value};

/// One application that is to be rendered, as it was at its last sync and as it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The application.
    pub app: AppKey,
    /// Where it deploys to.
    pub namespace: Namespace,
    /// Where its manifests come from.
    pub origins: Box<[Origin]>,
    /// For each origin the repository (the name of its source) and the commits before and after; `None`: it is in a repository that is not read.
    pub branches: Vec<Option<Ends>>,
    /// The commits between the two that touch what it depends on.
    pub between: Vec<Raw>,
    /// New bytes by path, in the repository of the origin with this place.
    pub files: Vec<(usize, Raw, Vec<u8>)>,
}

impl Wish {
    /// Whether the answer to the other is one to this: later commits that touch nothing of it do not count.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        let begins = |wish: &Self| {
            wish.branches.iter().map(|ends| ends.as_ref().map(|ends| (ends.repository.clone(), ends.before.clone()))).collect::<Vec<_>>()
        };
        (&self.app, &self.namespace, &self.origins, &self.between, &self.files)
            == (&other.app, &other.namespace, &other.origins, &other.between, &other.files)
            && begins(self) == begins(other)
    }
}

/// Two commits of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The name of its source.
    pub repository: Raw,
    /// The commit before: what was synced last where that is known, else the head.
    pub before: Raw,
    /// The head that new bytes are laid over.
    pub after: Raw,
}

/// What rendering came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendering {
    /// By what, with its version.
    pub by: Safe,
    /// The objects that differ.
    pub objects: Vec<Differing>,
    /// What runs with a sync of what comes of it.
    pub hooks: Vec<Hook>,
}

/// An object that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// Which.
    pub object: Object,
    /// What becomes of it.
    pub fate: Fate,
    /// The values that differ, in order.
    pub values: Vec<Differs>,
}

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It comes.
    Comes,
    /// It goes.
    Goes,
    /// It stays, with other values.
    Changes,
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// Where it stands: `spec.template.spec.containers[checkout].image`.
    pub path: Safe,
    /// What it was; `None`: it was not there.
    pub before: Option<Raw>,
    /// What it is to be; `None`: it goes.
    pub after: Option<Raw>,
    /// It is a Secret's: that it differs is all that is told.
    pub is_hidden: bool,
}

/// A line of such a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `-`, `+`, or a space for what stands around.
    pub sign: char,
    /// Its text.
    pub text: Safe,
}

/// What stands in the place of a Secret's value.
const HIDDEN: &str = "(not shown)";
/// More values of one object nobody reads.
const MOST: usize = 500;

/// Kind, namespace and name with the API group, which tell an object from all others.
type Key = (String, String, Object);

/// Compares what was rendered before with what was rendered after.
///
/// # Errors
///
/// What is no YAML.
pub fn compared(by: Safe, before: &[u8], after: &[u8]) -> Result<Rendering, Safe> {
    let (before, after) = (documents(before)?, documents(after)?);
    let hooks = found_in(after.iter().map(|document| &**document)).hooks;
    let (mut before, mut after) = (objects(&before), objects(&after));
    same_names(&mut before, &mut after);
    let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    let differing = keys.into_iter().filter_map(|key| {
        let (one, other) = (before.get(key), after.get(key));
        let values = differing(&key.2.kind, one, other);
        let fate = match (one, other) {
            (None, _) => Fate::Comes,
            (_, None) => Fate::Goes,
            _ => Fate::Changes,
        };
        (!values.is_empty()).then(|| Differing { object: key.2.clone(), fate, values })
    });
    Ok(Rendering { by, objects: differing.collect(), hooks })
}

/// The values of each object, by their paths.
type Leaves = Vec<(String, String)>;

fn documents(text: &[u8]) -> Result<Vec<Rc<Node>>, Safe> {
    yaml::read(text).map_err(|flaw| crate::safe!("line {} of what was rendered: {}", flaw.line, Safe::clean(&flaw.what)))
}

fn objects(documents: &[Rc<Node>]) -> BTreeMap<Key, Leaves> {
    let mut found = BTreeMap::new();
    for document in documents {
        take(document, &mut found);
    }
    found
}

fn take(node: &Node, found: &mut BTreeMap<Key, Leaves>) {
    let kind = node.text_of("kind").unwrap_or_default();
    if kind.ends_with("List") && node.get("items").is_some() {
        return node.items_of("items").iter().for_each(|item| take(item, found));
    }
    let metadata = node.get("metadata");
    let text = |key: &str| metadata.and_then(|metadata| metadata.text_of(key)).unwrap_or_default().to_owned();
    let name = if text("name").is_empty() { text("generateName") } else { text("name") };
    if kind.is_empty() {
        return;
    }
    let group = node.text_of("apiVersion").unwrap_or_default().rsplit_once('/').map_or("", |(group, _)| group);
    let mut leaves = Vec::new();
    walk(node, String::new(), &mut leaves);
    found.insert((group.to_owned(), text("namespace"), Object { kind: kind.to_owned(), name }), leaves);
}

fn walk(node: &Node, path: String, leaves: &mut Leaves) {
    match &node.value {
        Value::Null => leaves.push((path, "null".to_owned())),
        Value::Scalar(text) => leaves.push((path, text.to_string())),
        Value::List(items) if items.is_empty() => leaves.push((path, "[]".to_owned())),
        Value::Map(entries) if entries.is_empty() => leaves.push((path, "{}".to_owned())),
        Value::List(items) => {
            // Items are known by their names where all have one of their own.
            let names: Vec<Option<&str>> = items.iter().map(|item| item.text_of("name")).collect();
            let distinct: BTreeSet<Option<&str>> = names.iter().copied().collect();
            let is_named = distinct.len() == names.len() && !names.contains(&None);
            for (place, (item, name)) in items.iter().zip(names).enumerate() {
                let step = name.filter(|_| is_named).map_or_else(|| place.to_string(), ToOwned::to_owned);
                walk(item, format!("{path}[{step}]"), leaves);
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                // A key with a dot, as labels have, stays one step.
                let step = if key.contains(['.', '/']) {
                    format!("[{key}]")
                } else if path.is_empty() {
                    key.to_string()
                } else {
                    format!(".{key}")
                };
                walk(value, format!("{path}{step}"), leaves);
            }
        }
    }
}

/// What generators make carries a sum of its content in its name: the one that goes and the one that comes are the same object with other values.
fn same_names(before: &mut BTreeMap<Key, Leaves>, after: &mut BTreeMap<Key, Leaves>) {
    let only = |one: &BTreeMap<Key, Leaves>, other: &BTreeMap<Key, Leaves>| -> Vec<Key> {
        one.keys().filter(|key| !other.contains_key(*key)).cloned().collect()
    };
    let (gone, come) = (only(before, after), only(after, before));
    for old in gone {
        let Some(stem) = stem(&old.2.name) else { continue };
        let is_same = |new: &&Key| new.0 == old.0 && new.1 == old.1 && new.2.kind == old.2.kind && self::stem(&new.2.name) == Some(stem);
        if let Some(new) = come.iter().find(is_same)
            && let Some(leaves) = before.remove(&old)
        {
            before.insert(new.clone(), leaves);
        }
    }
}

/// The name without the sum that kustomize puts behind it: ten letters and digits.
fn stem(name: &str) -> Option<&str> {
    let (stem, sum) = name.rsplit_once('-')?;
    (sum.len() == 10 && sum.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())).then_some(stem)
}

fn differing(kind: &str, before: Option<&Leaves>, after: Option<&Leaves>) -> Vec<Differs> {
    fn map(leaves: Option<&Leaves>) -> BTreeMap<&str, &str> {
        leaves.into_iter().flatten().map(|(path, value)| (path.as_str(), value.as_str())).collect()
    }
    let (then, now) = (map(before), map(after));
    // In the order of what there will be; what goes comes last.
    let order = after.into_iter().flatten().chain(before.into_iter().flatten().filter(|(path, _)| !now.contains_key(path.as_str())));
    let mut found = Vec::new();
    for (path, _) in order {
        let (one, other) = (then.get(path.as_str()).copied(), now.get(path.as_str()).copied());
        if one == other || found.len() >= MOST {
            continue;
        }
        let is_hidden =
            kind == "Secret" && ["data", "stringData"].iter().any(|field| path.starts_with(field)) || path.contains("last-applied-configuration");
        let told = |value: Option<&str>| value.map(|value| Raw::from(if is_hidden { HIDDEN } else { value }));
        found.push(Differs { path: Safe::clean(path), before: told(one), after: told(other), is_hidden });
    }
    found
}

impl Differing {
    /// How many values differ, and in what object.
    #[must_use]
    pub fn words(&self) -> Safe {
        let what = match self.fate {
            Fate::Comes => "comes",
            Fate::Goes => "is made no more",
            Fate::Changes => "changes",
        };
        crate::safe!("{} {what}", self.object.shown())
    }

    /// The lines that go and come, each below the place where it stands.
    #[must_use]
    pub fn lines(&self) -> Vec<Told> {
        let mut lines = Vec::new();
        for value in &self.values {
            value.lines(&mut lines);
        }
        lines
    }
}

impl Differs {
    fn lines(&self, lines: &mut Vec<Told>) {
        let text = |value: &Option<Raw>| value.as_ref().map(|value| value.as_wire().to_owned()).unwrap_or_default();
        let (before, after) = (text(&self.before), text(&self.after));
        if !before.contains('\n') && !after.contains('\n') {
            for (sign, value) in [('-', &self.before), ('+', &self.after)] {
                lines.extend(value.as_ref().map(|value| Told { sign, text: crate::safe!("{}: {}", self.path, value.shown()) }));
            }
            return;
        }
        lines.push(Told { sign: ' ', text: crate::safe!("{}:", self.path) });
        for change in TextDiff::from_lines(&before, &after).iter_all_changes() {
            let sign = match change.tag() {
                ChangeTag::Equal => continue,
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            lines.push(Told { sign, text: crate::safe!("  {}", Safe::clean(change.value().trim_end_matches(['\n', '\r']))) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &str, after: &str) -> Vec<String> {
        let mut told = Vec::new();
        for differing in compared(Safe::default(), before.as_bytes(), after.as_bytes()).unwrap().objects {
            told.push(differing.words().to_string());
            told.extend(differing.lines().into_iter().map(|line| format!("{}{}", line.sign, line.text)));
        }
        told
    }

    #[test]
    fn objects_and_values_are_told_by_their_names_and_not_by_their_order() {
        let deployment = |image: &str, first: &str| {
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a, labels: {{app.kubernetes.io/version: '{image}'}}}}\nspec:\n  containers: \
                 [{first}{{name: a, image: 'a:{image}'}}]\n"
            )
        };
        assert_eq!(told(&deployment("1", ""), &deployment("1", "")), [""; 0]);
        assert_eq!(
            told(&format!("{}---\nkind: Service\nmetadata: {{name: a}}\n", deployment("1", "")), &deployment("2", "{name: p, image: p}, ")),
            [
                "Service a is made no more",
                "-kind: Service",
                "-metadata.name: a",
                "Deployment a changes",
                "-metadata.labels[app.kubernetes.io/version]: 1",
                "+metadata.labels[app.kubernetes.io/version]: 2",
                "+spec.containers[p].name: p",
                "+spec.containers[p].image: p",
                "-spec.containers[a].image: a:1",
                "+spec.containers[a].image: a:2",
            ]
        );
        assert!(compared(Safe::default(), b"a: [", b"").is_err());
    }

    #[test]
    fn no_value_of_a_secret_is_told() {
        let secret = |value: &str, name: &str| {
            format!("kind: Secret\nmetadata: {{name: {name}}}\ntype: Opaque\ndata: {{password: {value}}}\nstringData: {{a: same}}\n")
        };
        let before = secret("aHVudGVyMg==", "s-abcdefgh12");
        let after = secret("c2VjcmV0", "s-bcdefgh123");
        let lines = told(&before, &after);
        assert_eq!(
            lines,
            [
                "Secret s-bcdefgh123 changes",
                "-metadata.name: s-abcdefgh12",
                "+metadata.name: s-bcdefgh123",
                "-data.password: (not shown)",
                "+data.password: (not shown)"
            ]
        );
        let listed = format!("kind: List\nitems:\n- {}", before.replace('\n', "\n  "));
        for lines in [told("", &before), told(&before, ""), told("", &listed)] {
            assert!(lines.len() > 3 && !lines.iter().any(|line| line.contains("aHV") || line.contains("same")), "{lines:?}");
        }
    }

    #[test]
    fn of_a_long_value_only_the_lines_that_differ_are_told() {
        let map = |line: &str| format!("kind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  app.toml: |\n    a = 1\n    {line}\n    c = 3\n");
        assert_eq!(told(&map("b = 2"), &map("b = 4")), ["ConfigMap c changes", " data[app.toml]:", "-  b = 2", "+  b = 4"]);
    }
}
