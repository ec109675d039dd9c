//! A service as the fleet shows it: its cells, and how much it needs a person's eyes.

use std::collections::BTreeMap;

use super::Placement;
use crate::domain::attention::{Attention, Need};
use crate::domain::mapping::Assignment;
use crate::domain::names::AppKey;

/// A service with its cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its cells, by the index of the environment in the landscape.
    pub cells: BTreeMap<usize, Cell>,
    /// How much it needs a person's eyes.
    pub need: Need,
}

/// Service × environment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    /// Its placements, by name.
    pub placements: Vec<Placement>,
    pub(super) members: Vec<(AppKey, Assignment)>,
}

impl Service {
    pub(super) fn empty() -> Self {
        Self { cells: BTreeMap::new(), need: Need { attention: Attention::Quiet, from_last: 0, since: None } }
    }

    /// The most urgent need over all placements; of equals, the one nearest to the end of the promotion line.
    pub(super) fn judge(&self, last: usize) -> Need {
        self.cells
            .iter()
            .flat_map(|(environment, cell)| cell.placements.iter().map(move |placement| (environment, placement)))
            .map(|(environment, placement)| Need {
                attention: Attention::of(placement),
                from_last: last.saturating_sub(*environment),
                since: placement.health_since,
            })
            .min()
            .unwrap_or(Need { attention: Attention::Quiet, from_last: 0, since: None })
    }
}
