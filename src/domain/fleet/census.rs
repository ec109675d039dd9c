//! Which placements there are in each environment, counted as cells change: whoever draws columns asks for it with every change of order, and looking
//! through all cells each time would cost more than everything else about it.

use std::collections::BTreeMap;

use super::Placement;
use crate::domain::names::PlacementName;

/// How many cells have a placement of this name, by environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Census(BTreeMap<usize, BTreeMap<PlacementName, usize>>);

impl Census {
    /// The placements of a cell were these and are those.
    pub(super) fn replace(&mut self, environment: usize, before: &[Placement], after: &[Placement]) {
        if before.iter().map(|placement| &placement.name).eq(after.iter().map(|placement| &placement.name)) {
            return;
        }
        let names = self.0.entry(environment).or_default();
        for placement in after {
            match names.get_mut(&placement.name) {
                Some(count) => *count += 1,
                None => _ = names.insert(placement.name.clone(), 1),
            }
        }
        for placement in before {
            if let Some(count) = names.get_mut(&placement.name) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    names.remove(&placement.name);
                }
            }
        }
    }

    /// The names in one environment, in their order.
    pub(super) fn names(&self, environment: usize) -> impl Iterator<Item = &PlacementName> {
        self.0.get(&environment).into_iter().flat_map(BTreeMap::keys)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
