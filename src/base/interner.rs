//! Texts that repeat, each kept once: thousands of objects have few repositories, namespaces, labels and versions between them.

use std::collections::HashSet;

use crate::base::Raw;

/// Shares equal texts.
#[derive(Debug, Default)]
pub struct Interner {
    seen: HashSet<Raw>,
}

/// Texts that are shared at most. Revisions come and go; past this number all are forgotten, and sharing starts anew.
const SHARED_AT_MOST: usize = 50_000;

impl Interner {
    /// This text.
    pub fn raw(&mut self, text: &str) -> Raw {
        match self.seen.get(text) {
            Some(known) => known.clone(),
            None => self.keep(Raw::from(text)),
        }
    }

    /// The one text that is kept of all that are equal to this one.
    pub fn share(&mut self, text: &Raw) -> Raw {
        match self.seen.get(text) {
            Some(known) => known.clone(),
            None => self.keep(text.clone()),
        }
    }

    fn keep(&mut self, text: Raw) -> Raw {
        if self.seen.len() >= SHARED_AT_MOST {
            self.seen.clear();
        }
        self.seen.insert(text.clone());
        text
    }
}
