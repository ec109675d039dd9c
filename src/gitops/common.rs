//! What the answers of one read have in common, kept once: thousands of applications share their repositories, tags, authors and commits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use git2::Oid;

use crate::base::{Interner, Raw, Safe};
use crate::domain::desired::Commit;
use crate::domain::image::Image;

/// Shares what is equal. It lives as long as one read: what is shared stays shared without it.
#[derive(Debug, Default)]
pub(super) struct Common {
    texts: Interner,
    words: HashSet<Safe>,
    lists: HashSet<Arc<[Image]>>,
    commits: HashMap<Oid, Arc<Commit>>,
}

impl Common {
    pub(super) fn raw(&mut self, text: &str) -> Raw {
        self.texts.raw(text)
    }

    pub(super) fn safe(&mut self, text: Safe) -> Safe {
        if let Some(known) = self.words.get(&text) {
            return known.clone();
        }
        self.words.insert(text.clone());
        text
    }

    pub(super) fn images(&mut self, images: &[Image]) -> Arc<[Image]> {
        if let Some(known) = self.lists.get(images) {
            return Arc::clone(known);
        }
        let mut share = |text: &Raw| self.texts.share(text);
        let shared = |image: &Image| Image {
            repository: share(&image.repository),
            tag: image.tag.as_ref().map(&mut share),
            digest: image.digest.as_ref().map(&mut share),
        };
        let list: Arc<[Image]> = images.iter().map(shared).collect();
        self.lists.insert(Arc::clone(&list));
        list
    }

    /// The commit as it was told before, or as it is made now.
    pub(super) fn commit(&mut self, id: Oid, is_same: impl Fn(&Commit) -> bool, make: impl FnOnce(&mut Self) -> Commit) -> Arc<Commit> {
        if let Some(known) = self.commits.get(&id).filter(|known| is_same(known)) {
            return Arc::clone(known);
        }
        let commit = Arc::new(make(self));
        self.commits.insert(id, Arc::clone(&commit));
        commit
    }
}
