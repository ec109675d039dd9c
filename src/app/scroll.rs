//! A list that is longer than the screen: a cursor that moves by identity elsewhere, here only by number.

/// A cursor over rows and the first row that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scroll {
    /// The row under the cursor.
    pub cursor: usize,
    /// The first row that is shown.
    pub top: usize,
}

impl Scroll {
    /// Moves the cursor by so many rows within `rows` rows.
    pub fn step(&mut self, by: isize, rows: usize) {
        self.cursor = self.cursor.saturating_add_signed(by).min(rows.saturating_sub(1));
    }

    /// Keeps the cursor inside, and what is shown around it, when `height` of `rows` rows fit.
    pub fn settle(&mut self, rows: usize, height: usize) {
        self.cursor = self.cursor.min(rows.saturating_sub(1));
        self.top = self.top.min(rows.saturating_sub(height)).min(self.cursor);
        if height > 0 && self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_inside_and_in_sight() {
        let mut scroll = Scroll::default();
        scroll.step(7, 10);
        scroll.settle(10, 5);
        assert_eq!(scroll, Scroll { cursor: 7, top: 3 });
        scroll.step(-20, 10);
        scroll.settle(10, 5);
        assert_eq!(scroll, Scroll { cursor: 0, top: 0 });
        scroll.step(9, 10);
        scroll.settle(4, 5);
        assert_eq!(scroll, Scroll { cursor: 3, top: 0 });
        scroll.settle(0, 0);
        assert_eq!(scroll, Scroll::default());
    }
}
