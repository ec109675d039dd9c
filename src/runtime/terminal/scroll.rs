//! Rows that only moved: the terminal moves them itself, and what is new is written. A step beyond the last row would else be a new text in nearly every
//! cell of a list, which is most of a repaint. It knows no styles and no place where bytes go.
//!
//! Said by margins (DECSTBM) and by lines deleted or inserted at their top (DL, IL), which every terminal since the VT102 knows; scrolling by itself
//! (SU, SD) the kernel's console does not.

use std::io::Write as _;

use ratatui::buffer::{Buffer, Cell};

use crate::ui::links::Links;

/// Fewer changed cells than this are written as they are.
const CELLS: usize = 400;
/// Fewer rows than this are not worth it.
const ROWS: usize = 4;
/// A list goes further by a row at a time, or a few when keys come faster than frames. Whole pages are new.
const FURTHEST: usize = 3;

/// Takes margins away that a write in two pieces may have left.
pub const RESET: &[u8] = b"\x1b[r";

/// Rows that move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scroll {
    /// The first row that takes part.
    top: usize,
    /// The row behind the last.
    end: usize,
    by: usize,
    /// Towards the top; what is new comes in at the end.
    is_up: bool,
}

impl Scroll {
    /// The one after which least is left to write, where so many cells differ. Both buffers are of one size.
    #[must_use]
    pub fn find(shown: &Buffer, next: &Buffer, changed: usize) -> Option<Self> {
        if changed < CELLS {
            return None;
        }
        let rows = usize::from(next.area.height);
        let mut best: Option<(usize, Self)> = None;
        for (by, is_up) in (1..=FURTHEST.min(rows.saturating_sub(1))).flat_map(|by| [(by, true), (by, false)]) {
            // Of the two places of a row, the further down is `by` below the other.
            let comes = |high: usize| if is_up { row(next, high) == row(shown, high + by) } else { row(next, high + by) == row(shown, high) };
            let stays = |high: usize| row(next, high) == row(shown, high);
            let (mut start, mut worth) = (0, 0);
            for high in 0..=rows - by {
                if high < rows - by && comes(high) {
                    worth += usize::from(!stays(high));
                    continue;
                }
                if worth >= ROWS && best.is_none_or(|(most, _)| worth > most) {
                    best = Some((worth, Self { top: start, end: high + by, by, is_up }));
                }
                (start, worth) = (high + 1, 0);
            }
        }
        best.map(|(_, scroll)| scroll)
    }

    /// Says it to a terminal that writes plain text.
    pub fn say(self, bytes: &mut Vec<u8>) {
        let Self { top, end, by, is_up } = self;
        // Margins put the cursor elsewhere. Writing into a vector cannot fail.
        let _ = write!(bytes, "\x1b[{};{end}r\x1b[{};1H\x1b[{by}{}", top + 1, top + 1, if is_up { 'M' } else { 'L' });
        bytes.extend_from_slice(RESET);
    }

    /// Does to what is shown what the terminal does.
    pub fn apply(self, shown: &mut Buffer, leads: &mut Links) {
        let Self { top, end, by, is_up } = self;
        let width = usize::from(shown.area.width);
        let Some(moving) = shown.content.get_mut(top * width..end * width) else { return };
        let length = moving.len();
        let blank = if is_up {
            moving.rotate_left(by * width);
            moving.get_mut(length - by * width..)
        } else {
            moving.rotate_right(by * width);
            moving.get_mut(..by * width)
        };
        blank.into_iter().flatten().for_each(Cell::reset);
        leads.scroll(top, end, by, is_up);
    }
}

fn row(buffer: &Buffer, row: usize) -> Option<&[Cell]> {
    let width = usize::from(buffer.area.width);
    buffer.content.get(row * width..(row + 1) * width)
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use ratatui::layout::Rect;
    use ratatui::style::{Color, Modifier, Style};

    use super::*;
    use crate::domain::link::Link;
    use crate::runtime::terminal::writer::{Encoder, Frame};

    /// A list of rows that have nothing in common, from `top` on, between a head and a foot; one row is marked, every third leads somewhere.
    fn list(top: usize, cursor: usize, size: (u16, u16)) -> Frame {
        let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        let mut links = Vec::new();
        buffer.set_stringn(0, 0, "head", 20, Style::new().add_modifier(Modifier::BOLD));
        for (y, number) in (2..size.1 - 2).zip(top..) {
            let mut state = number as u64 + 1;
            for x in (1..size.0 - 20).step_by(20) {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                let style = if state.is_multiple_of(5) { Style::new().fg(Color::Red) } else { Style::new() };
                buffer.set_stringn(x, y, format!("{state:016x}"), 19, style);
            }
            if number == cursor {
                buffer.set_style(Rect::new(0, y, size.0, 1), Style::new().add_modifier(Modifier::REVERSED));
            }
            if number.is_multiple_of(3) {
                links.push((y, 1, 17, Link::read(&format!("https://a.example/{number}")).unwrap()));
            }
        }
        buffer.set_stringn(0, size.1 - 1, format!("foot {cursor}"), 20, Style::new());
        Frame { buffer, links: links.into_iter().collect(), whole: false }
    }

    #[test]
    fn wherever_a_list_moves_the_terminal_shows_what_was_painted_for_a_row_at_a_time() {
        let size = (100, 30);
        let mut terminal = vt100::Parser::new(NonZero::new(size.1).unwrap(), NonZero::new(size.0).unwrap(), 0);
        let mut encoder = Encoder::default();
        let mut costs = Vec::new();
        let mut top = 40_usize;
        for step in [0, 1, 1, -1, 2, -2, 3, -3, 1, 0, -1, 9, 30, -1, 1, 4, -40, -1, -1, 1] {
            top = top.strict_add_signed(step);
            // At the edge that it moves towards, as a cursor is.
            let frame = list(top, if step < 0 { top } else { top + 25 }, size);
            let painted = frame.buffer.clone();
            let leads = frame.links.clone();
            encoder.encode(frame).unwrap();
            terminal.process(&encoder.bytes);
            costs.push((step, encoder.bytes.len()));
            for (y, x) in (0..size.1).flat_map(|y| (0..size.0).map(move |x| (y, x))) {
                let (shown, wanted) = (terminal.screen().cell(y, x).unwrap(), &painted[(x, y)]);
                let symbol = if shown.has_contents() { shown.contents() } else { " " };
                let style = (shown.bold(), shown.inverse(), shown.fgcolor() == vt100::Color::Default);
                let has = |modifier| wanted.modifier.contains(modifier);
                assert_eq!(
                    (symbol, style),
                    (wanted.symbol(), (has(Modifier::BOLD), has(Modifier::REVERSED), wanted.fg == Color::Reset)),
                    "{step} {x} {y}"
                );
            }
            // The same again is nothing: what is taken for shown is what was painted, its links included.
            encoder.encode(Frame { buffer: painted, links: leads, whole: false }).unwrap();
            assert_eq!(encoder.bytes, b"");
        }
        for (step, bytes) in costs {
            match step {
                0 => {}
                -3..=3 => assert!(bytes < 900, "{step}: {bytes}"),
                _ => assert!(bytes > 1500, "{step}: {bytes}"),
            }
        }
    }

    #[test]
    fn what_did_not_move_is_not_moved() {
        let area = Rect::new(0, 0, 100, 30);
        let (blank, full) = (Buffer::empty(area), list(0, 0, (100, 30)).buffer);
        assert_eq!(Scroll::find(&blank, &full, 3000), None);
        assert_eq!(Scroll::find(&full, &blank, 3000), None);
        assert_eq!(Scroll::find(&full, &full, 3000), None);
        assert_eq!(Scroll::find(&full, &list(1, 1, (100, 30)).buffer, CELLS - 1), None);
        let one = Buffer::empty(Rect::new(0, 0, 500, 1));
        assert_eq!(Scroll::find(&one, &one, 500), None);
    }
}
