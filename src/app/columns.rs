//! The columns of the matrix: environments in promotion order, split by placement where there are several but not too many.

use crate::app::filter::Lens;
use crate::base::Safe;
use crate::domain::PlacementName;
use crate::domain::fleet::{Cell, Fleet, Placement};

/// An environment is drawn as one column per placement up to so many; with more, a cell tells them together.
const SPLIT_LIMIT: usize = 4;

/// A column: an environment, or one placement of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Index of the environment in the landscape.
    pub environment: usize,
    /// The placement, where the environment is split.
    pub placement: Option<PlacementName>,
    /// The heading.
    pub title: Safe,
}

/// Names a column for as long as the environment and placement exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnKey {
    /// The environment's name.
    pub environment: crate::domain::EnvironmentName,
    /// The placement, where the environment is split.
    pub placement: Option<PlacementName>,
}

impl Column {
    /// What names this column.
    #[must_use]
    pub fn key(&self, fleet: &Fleet) -> Option<ColumnKey> {
        let environment = fleet.landscape().environments.get(self.environment)?.name.clone();
        Some(ColumnKey { environment, placement: self.placement.clone() })
    }

    /// The placement of a cell that this column shows: its own, or the only one.
    #[must_use]
    pub fn placement_in<'a>(&self, cell: &'a Cell) -> Option<&'a Placement> {
        match (&self.placement, cell.placements.as_slice()) {
            (Some(name), placements) => placements.iter().find(|placement| placement.name == *name),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

/// One column per environment that the filter leaves in sight; one per placement where there are several, but not too many.
pub(super) fn columns(fleet: &Fleet, lens: &Lens<'_>) -> Vec<Column> {
    let environments = &fleet.landscape().environments;
    let mut columns = Vec::new();
    for (index, environment) in environments.iter().enumerate() {
        let mut names: Vec<&PlacementName> = fleet.placement_names(index).collect();
        // How many there are decides how they are drawn, not how many are left in sight.
        let is_split = (2..=SPLIT_LIMIT).contains(&names.len());
        if lens.narrows_columns() {
            names.retain(|name| lens.shows(&environment.name, name));
            if names.is_empty() && !lens.shows(&environment.name, &PlacementName::default()) {
                continue;
            }
        }
        if !is_split {
            columns.push(Column { environment: index, placement: None, title: environment.name.shown() });
            continue;
        }
        for name in names {
            let title = if name.0.is_empty() { environment.name.shown() } else { crate::safe!("{}·{}", environment.name.shown(), name.shown()) };
            columns.push(Column { environment: index, placement: Some(name.clone()), title });
        }
    }
    columns
}
