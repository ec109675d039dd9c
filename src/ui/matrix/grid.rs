//! The columns of the matrix: how wide, and which of them are in sight. A function of the terminal's width and the number of columns, so that
//! nothing moves because a cell changed.

/// A cell is at least so wide with the gap before it: a version and its state.
const NARROWEST: u16 = 9;
/// More than this does not help reading.
const WIDEST: u16 = 30;
/// Cells from this width on have fields of their own for state and age, and a wider gap.
const ROOMY: u16 = 14;
/// The column that says where and when a service last changed.
const CHANGED: u16 = 10;

/// How the columns are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    /// Columns for the name of the service, behind the gutter.
    pub(super) name: u16,
    /// Columns for the last change; 0 where ages are in the cells or there is no room.
    pub(super) changed: u16,
    /// Columns of one cell with the gap before it.
    cell: u16,
    /// The first column that is in sight.
    pub(super) first: usize,
    /// How many are.
    pub(super) shown: usize,
}

impl Grid {
    /// Lays `columns` columns out so that the selected one is in sight.
    pub(super) fn of(width: u16, columns: usize, selected: usize) -> Self {
        let (name, most) = match width {
            0..60 => (10, 16),
            60..100 => (14, 20),
            100..140 => (16, 26),
            140..180 => (20, 34),
            _ => (26, 40),
        };
        let count = u16::try_from(columns).unwrap_or(u16::MAX).max(1);
        let room = width.saturating_sub(1 + name);
        let roomy = room / count >= ROOMY;
        let changed = if width >= 96 && !roomy && columns > 0 { CHANGED } else { 0 };
        let room = room.saturating_sub(changed);
        let shown = (room / NARROWEST).clamp(1, count);
        let cell = (room / shown).min(WIDEST);
        let spare = room.saturating_sub(cell * shown).min(most - name);
        let shown = usize::from(shown).min(columns);
        let first = selected.saturating_sub(shown / 2).min(columns - shown);
        Self { name: name + spare, changed, cell, first, shown }
    }

    /// Where the gap before the n-th column in sight is.
    pub(super) fn gap(&self, place: usize) -> u16 {
        let cells = u16::try_from(place).unwrap_or(u16::MAX).saturating_mul(self.cell);
        (1 + self.name + self.changed).saturating_add(cells)
    }

    /// Columns of a cell without its gap.
    pub(super) const fn content(&self) -> u16 {
        self.cell.saturating_sub(if self.is_compact() { 1 } else { 2 })
    }

    /// Whether cells have room for a version and little else.
    pub(super) const fn is_compact(&self) -> bool {
        self.cell < ROOMY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_fits_and_the_selected_column_is_in_sight() {
        for width in 40..=300 {
            for columns in 0..=20 {
                for selected in 0..columns.max(1) {
                    let grid = Grid::of(width, columns, selected);
                    assert!(grid.gap(grid.shown) <= width, "{width} {columns} {grid:?}");
                    assert!(grid.first + grid.shown <= columns);
                    assert!(columns == 0 || (grid.first..grid.first + grid.shown).contains(&selected));
                }
            }
        }
    }

    #[test]
    fn eight_environments_fit_into_a_hundred_columns() {
        let grid = Grid::of(100, 8, 0);
        assert_eq!((grid.shown, grid.content(), grid.changed), (8, 8, 10));
        assert_eq!(Grid::of(80, 8, 0).shown, 7);
        assert!(!Grid::of(200, 8, 0).is_compact());
        assert!(!Grid::of(80, 4, 0).is_compact());
    }
}
