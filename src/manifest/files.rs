//! A tree of files that lies in memory: what was read of a repository, or what it would be with some of them changed. It knows no git.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::manifest::tree::{Entry, Tree};
use crate::manifest::yaml::{self, Flaw, Node};

/// Files by their paths from the root, each with its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

impl Files {
    /// Files by their texts.
    #[must_use]
    pub fn new(texts: &[(&str, &str)]) -> Self {
        texts.iter().fold(Self::default(), |files, (path, text)| files.with(path, text))
    }

    /// The same with one file more, or with another text in it.
    #[must_use]
    pub fn with(mut self, path: &str, text: &str) -> Self {
        self.0.insert(path.to_owned(), text.as_bytes().to_vec());
        self
    }
}

impl Tree for Files {
    fn yaml(&self, path: &str) -> Option<Result<Rc<[Rc<Node>]>, Flaw>> {
        Some(yaml::read(self.0.get(path)?).map(Rc::from))
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }

    fn folder(&self, path: &str) -> Option<Vec<Entry>> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut found: Vec<Entry> = Vec::new();
        for rest in self.0.keys().filter_map(|file| file.strip_prefix(&prefix)) {
            let (name, is_folder) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            if found.last().is_none_or(|entry| entry.name != name) {
                found.push(Entry { name: name.to_owned(), is_folder });
            }
        }
        (!found.is_empty()).then_some(found)
    }
}
