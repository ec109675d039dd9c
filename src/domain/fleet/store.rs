//! One facet of the world, kept by key: where a list and a stream of the same source are merged.
//!
//! The rules: what the stream said later than the list wins; the list proves absence; what is older than what is held is dropped; an item that the
//! stream removed does not come back with a list that is older than its removal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::base::Timestamp;
use crate::base::time::since;
use crate::domain::observation::WorldVersion;

/// A held item is believed to be newer than a list by its version only for so long: after a restored backup versions start lower, and the list must
/// win in the end.
const BELIEVE_VERSION: Duration = Duration::from_mins(1);

/// How long a removal is remembered against older lists that are still on their way.
const REMEMBER_REMOVAL: Duration = Duration::from_mins(10);

/// An item and what is known about the knowing of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<V> {
    /// The item.
    pub value: V,
    /// When its source last confirmed it by naming it.
    pub at: Timestamp,
    /// The version of the world it is of.
    pub version: Option<WorldVersion>,
}

/// All items of one facet.
#[derive(Debug, Clone)]
pub(super) struct Store<K, V> {
    /// Each on its own: a tree keeps room for nearly twice what is in it.
    items: BTreeMap<K, Box<Entry<V>>>,
    removed: BTreeMap<K, (WorldVersion, Timestamp)>,
}

impl<K, V> Default for Store<K, V> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), removed: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, V: PartialEq> Store<K, V> {
    /// Whether nothing is held.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// One item.
    pub(super) fn get(&self, key: &K) -> Option<&Entry<V>> {
        self.items.get(key).map(Box::as_ref)
    }

    /// One item with its key as it is held.
    pub(super) fn get_key_value(&self, key: &K) -> Option<(&K, &Entry<V>)> {
        self.items.get_key_value(key).map(|(key, entry)| (key, entry.as_ref()))
    }

    /// All items in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &Entry<V>)> {
        self.items.iter().map(|(key, entry)| (key, entry.as_ref()))
    }

    /// Items from a key on, in the order of their keys.
    pub(super) fn iter_from(&self, key: &K) -> impl Iterator<Item = (&K, &Entry<V>)> {
        self.items.range(key..).map(|(key, entry)| (key, entry.as_ref()))
    }

    /// Takes one item in. Returns whether it is new or different.
    pub(super) fn put(&mut self, key: &K, value: V, at: Timestamp, version: Option<WorldVersion>) -> bool {
        if let Some((removed, _)) = self.removed.get(key)
            && version.is_some_and(|version| version <= *removed)
        {
            return false;
        }
        match self.items.get_mut(key) {
            Some(held) if is_newer(held, at, version) => false,
            Some(held) => {
                let changed = held.value != value;
                **held = Entry { value, at, version };
                changed
            }
            None => {
                self.removed.remove(key);
                self.items.insert(key.clone(), Box::new(Entry { value, at, version }));
                true
            }
        }
    }

    /// Takes a whole scope in: `covers` says which held items the list speaks for. Returns the keys that are new, different or gone.
    pub(super) fn list(&mut self, items: Vec<(K, V)>, at: Timestamp, version: Option<WorldVersion>, covers: impl Fn(&K, &V) -> bool) -> Vec<K> {
        self.removed.retain(|_, (_, when)| since(*when, at) < REMEMBER_REMOVAL);
        let mut changed = Vec::new();
        let mut named = BTreeSet::new();
        for (key, value) in items {
            if self.put(&key, value, at, version) {
                changed.push(key.clone());
            }
            named.insert(key);
        }
        self.items.retain(|key, held| {
            let stays = named.contains(key) || !covers(key, &held.value) || is_newer(held, at, version);
            if !stays {
                changed.push(key.clone());
            }
            stays
        });
        changed
    }

    /// Removes one item. Returns whether it was there.
    pub(super) fn remove(&mut self, key: &K, at: Timestamp, version: Option<WorldVersion>) -> bool {
        if self.items.get(key).is_some_and(|held| is_newer(held, at, version)) {
            return false;
        }
        if let Some(version) = version {
            self.removed.insert(key.clone(), (version, at));
        }
        self.items.remove(key).is_some()
    }

    /// Drops an item; for facets of things that are no more.
    pub(super) fn forget(&mut self, key: &K) {
        self.items.remove(key);
    }
}

/// Whether what is held is of a later world than what comes. Without versions the later word wins.
fn is_newer<V>(held: &Entry<V>, at: Timestamp, version: Option<WorldVersion>) -> bool {
    matches!((held.version, version), (Some(held_version), Some(version)) if held_version > version) && since(held.at, at) < BELIEVE_VERSION
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    #[expect(clippy::unnecessary_wraps, reason = "versions are optional wherever it is used")]
    fn version(number: u64) -> Option<WorldVersion> {
        Some(WorldVersion(number))
    }

    fn held(store: &Store<&'static str, u8>) -> Vec<(&'static str, u8)> {
        store.iter().map(|(key, entry)| (*key, entry.value)).collect()
    }

    #[test]
    fn what_the_stream_said_later_wins_over_a_list_that_lands_after_it() {
        let mut store = Store::default();
        store.put(&"a", 2, START, version(12));
        store.put(&"new", 1, START, version(13));
        store.remove(&"gone", START, version(14));
        let changed = store.list(vec![("a", 1), ("b", 1), ("gone", 1)], START, version(10), |_, _| true);
        assert_eq!(held(&store), [("a", 2), ("b", 1), ("new", 1)]);
        assert_eq!(changed, ["b"]);
    }

    #[test]
    fn a_later_list_proves_absence_in_its_scope_only() {
        let mut store = Store::default();
        store.list(vec![("a1", 1), ("a2", 1)], START, version(10), |key, _| key.starts_with('a'));
        store.list(vec![("b1", 1)], START, version(10), |key, _| key.starts_with('b'));
        let changed = store.list(vec![("a2", 1)], START, version(20), |key, _| key.starts_with('a'));
        assert_eq!(held(&store), [("a2", 1), ("b1", 1)]);
        assert_eq!(changed, ["a1"]);
    }

    #[test]
    fn after_a_restored_backup_the_list_wins_in_the_end() {
        let mut store = Store::default();
        store.put(&"a", 9, START, version(1000));
        store.list(vec![("a", 1)], crate::base::time::later(START, Duration::from_secs(61)), version(5), |_, _| true);
        assert_eq!(held(&store), [("a", 1)]);
    }

    proptest! {
        /// `Listed` after any history of older facts equals `Listed` alone, and applying it twice changes nothing.
        #[test]
        fn a_list_forgets_every_older_history(history in proptest::collection::vec((0u8..3, 0usize..4, 0u8..4, 0u64..50), 0..40), listed in proptest::collection::btree_map(0usize..4, 0u8..4, 0..4)) {
            const KEYS: [&str; 4] = ["a", "b", "c", "d"];
            let items = || listed.iter().map(|(key, value)| (KEYS[*key], *value)).collect::<Vec<_>>();
            let mut alone = Store::default();
            alone.list(items(), START, version(50), |_, _| true);
            let mut store = Store::default();
            for (what, key, value, at) in history {
                match what {
                    0 => { store.put(&KEYS[key], value, START, version(at)); }
                    1 => { store.remove(&KEYS[key], START, version(at)); }
                    _ => { store.list(vec![(KEYS[key], value)], START, version(at), |_, _| true); }
                }
            }
            store.list(items(), START, version(50), |_, _| true);
            prop_assert_eq!(held(&store), held(&alone));
            prop_assert!(store.list(items(), START, version(50), |_, _| true).is_empty());
        }
    }
}
