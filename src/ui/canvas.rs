//! The canvas: the buffer of one frame, the look, and the few ways of putting text on it. Nothing outside this file writes to the buffer.
//!
//! What is put here is [`Safe`](crate::base::Safe) text or words of our own; the buffer drops stray control characters besides.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::links::Links;
use super::look::{Glyphs, Look, Tone};
use crate::domain::link::Link;

/// Where a frame is painted.
#[derive(Debug)]
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    links: &'a mut Links,
    /// Rows above row 0.
    above: u16,
    /// How.
    pub(super) look: Look,
}

impl<'a> Canvas<'a> {
    pub(super) const fn new(buffer: &'a mut Buffer, links: &'a mut Links, look: Look) -> Self {
        Self { buffer, links, above: 0, look }
    }

    pub(super) const fn width(&self) -> u16 {
        self.buffer.area.width
    }

    pub(super) const fn height(&self) -> u16 {
        self.buffer.area.height.saturating_sub(self.above)
    }

    /// Begins so many rows further down: what was painted there stays, and whoever paints next does not know of it.
    pub(super) const fn lower(&mut self, rows: u16) {
        self.above = self.above.saturating_add(rows);
    }

    /// Puts as much of the text as fits into `room` columns. Returns the column behind it.
    pub(super) fn put(&mut self, x: u16, y: u16, room: u16, text: &str, tone: Tone) -> u16 {
        let style = self.look.style(tone);
        let y = y.saturating_add(self.above);
        if y >= self.buffer.area.bottom() || x >= self.buffer.area.right() || room == 0 {
            return x;
        }
        if self.look.glyphs == Glyphs::Unicode || text.is_ascii() {
            return self.buffer.set_stringn(x, y, text, usize::from(room), style).0;
        }
        self.put_in_ascii(x, y, room, text, style)
    }

    fn put_in_ascii(&mut self, x: u16, y: u16, room: u16, text: &str, style: Style) -> u16 {
        let (mut at, end) = (x, x.saturating_add(room));
        for character in text.chars() {
            for _ in 0..character.width().unwrap_or(0) {
                if at < end {
                    let mut bytes = [0; 4];
                    at = self.buffer.set_stringn(at, y, Look::stand_in(character).encode_utf8(&mut bytes), 1, style).0;
                }
            }
        }
        at
    }

    /// Puts text that says at its end, by `…`, that it goes on.
    pub(super) fn cut(&mut self, x: u16, y: u16, room: u16, text: &str, tone: Tone) -> u16 {
        if width(text) <= room {
            return self.put(x, y, room, text, tone);
        }
        let at = self.put(x, y, room.saturating_sub(1), head(text, room.saturating_sub(1)), tone);
        self.put(at, y, room.min(1), "…", tone)
    }

    /// Puts text whose beginning and end both matter, as those of versions do: what does not fit is cut from the middle.
    pub(super) fn squeeze(&mut self, x: u16, y: u16, room: u16, text: &str, tone: Tone) -> u16 {
        if width(text) <= room || room < 5 {
            return self.cut(x, y, room, text, tone);
        }
        let kept = room - 1;
        let at = self.put(x, y, kept - kept / 2, head(text, kept - kept / 2), tone);
        let at = self.put(at, y, 1, "…", tone);
        self.put(at, y, kept / 2, tail(text, kept / 2), tone)
    }

    /// Puts text that ends before the column `end`. Returns the column it begins at.
    pub(super) fn put_right(&mut self, end: u16, y: u16, room: u16, text: &str, tone: Tone) -> u16 {
        let x = end.saturating_sub(width(text).min(room));
        self.put(x, y, room, text, tone);
        x
    }

    /// Fills columns from `x` to before `end` with a rule.
    pub(super) fn rule(&mut self, x: u16, y: u16, end: u16) {
        const RULE: &str = "────────────────────────────────────────";
        let mut at = x;
        while at < end.min(self.width()) && y < self.height() {
            at = self.put(at, y, (end - at).min(40), RULE, Tone::Quiet);
        }
    }

    /// Takes away what was put into a row.
    pub(super) fn blank(&mut self, y: u16) {
        for x in 0..self.width() {
            if let Some(cell) = self.buffer.cell_mut((x, y.saturating_add(self.above))) {
                cell.reset();
            }
        }
    }

    /// What was put into these columns leads there.
    pub(super) fn lead(&mut self, x: u16, y: u16, end: u16, link: &Link) {
        if self.look.links {
            self.links.add(y.saturating_add(self.above), x, end.min(self.width()), link);
        }
    }

    /// Nothing that was put so far leads anywhere.
    pub(super) fn lead_nowhere(&mut self) {
        self.links.clear();
    }

    /// Marks what was put into these columns as selected.
    pub(super) fn select(&mut self, x: u16, y: u16, end: u16) {
        self.buffer.set_style(Rect::new(x, y.saturating_add(self.above), end.saturating_sub(x), 1), Style::new().add_modifier(Modifier::REVERSED));
    }
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> u16 {
    let columns = if text.is_ascii() { text.len() } else { text.width() };
    u16::try_from(columns).unwrap_or(u16::MAX)
}

/// As much of the beginning as fits into so many columns.
pub(super) fn head(text: &str, room: u16) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, character)| {
        used += character.width().unwrap_or(0);
        used > usize::from(room)
    });
    end.and_then(|(at, _)| text.split_at_checked(at)).map_or(text, |(head, _)| head)
}

/// As much of the end as fits into so many columns.
pub(super) fn tail(text: &str, room: u16) -> &str {
    let mut used = 0;
    let fits = text.char_indices().rev().take_while(|(_, character)| {
        used += character.width().unwrap_or(0);
        used <= usize::from(room)
    });
    fits.last().and_then(|(at, _)| text.split_at_checked(at)).map_or("", |(_, tail)| tail)
}

/// The lines of a text that is broken between words; a word that is longer than a line is broken anywhere.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    rest: &'a str,
    room: u16,
}

/// Breaks a text into lines of so many columns.
pub(super) fn lines(text: &str, room: u16) -> Lines<'_> {
    Lines { rest: text.trim_end(), room }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() || self.room == 0 {
            return None;
        }
        let fits = head(self.rest, self.room);
        let line = if fits.len() == self.rest.len() || self.rest.split_at_checked(fits.len()).is_some_and(|(_, rest)| rest.starts_with(' ')) {
            fits
        } else {
            fits.rfind(' ').filter(|at| *at > 0).and_then(|at| fits.split_at_checked(at)).map_or(fits, |(line, _)| line)
        };
        // A character that is wider than the line is left out, or this would never end.
        let taken = if line.is_empty() { self.rest.chars().next().map_or(0, char::len_utf8) } else { line.len() };
        self.rest = self.rest.split_at_checked(taken).map_or("", |(_, rest)| rest.trim_start());
        Some(line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(room: u16, look: Look, put: impl Fn(&mut Canvas<'_>, u16) -> u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        put(&mut Canvas::new(&mut buffer, &mut Links::default(), look), room);
        let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        text.trim_end().to_owned()
    }

    #[test]
    fn long_text_is_cut_at_its_end_or_in_its_middle_and_says_so() {
        let look = Look::default();
        for (room, cut, squeezed) in [
            (20, "2.15.0-rc.2", "2.15.0-rc.2"),
            (11, "2.15.0-rc.2", "2.15.0-rc.2"),
            (10, "2.15.0-rc…", "2.15.…rc.2"),
            (8, "2.15.0-…", "2.15…c.2"),
            (4, "2.1…", "2.1…"),
            (1, "…", "…"),
            (0, "", ""),
        ] {
            assert_eq!(painted(room, look, |canvas, room| canvas.cut(0, 0, room, "2.15.0-rc.2", Tone::Plain)), cut);
            assert_eq!(painted(room, look, |canvas, room| canvas.squeeze(0, 0, room, "2.15.0-rc.2", Tone::Plain)), squeezed);
        }
    }

    #[test]
    fn ascii_terminals_get_ascii_in_the_same_columns() {
        let look = Look { glyphs: Glyphs::Ascii, ..Look::default() };
        let put = |canvas: &mut Canvas<'_>, room| canvas.put(0, 0, room, "‖ a·b 漢 ✖…", Tone::Plain);
        assert_eq!(painted(20, look, put), "| a.b ?? X*");
    }

    #[test]
    fn lines_break_between_words_and_long_words_anywhere() {
        let broken = |text, room| lines(text, room).collect::<Vec<_>>();
        assert_eq!(broken("one two three", 7), ["one two", "three"]);
        assert_eq!(broken("one two three", 8), ["one two", "three"]);
        assert_eq!(broken("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(broken("漢字", 3), ["漢", "字"]);
        assert_eq!(broken("漢", 1), [""]);
        assert_eq!(broken("x", 0), Vec::<&str>::new());
        assert_eq!(broken("", 5), Vec::<&str>::new());
    }
}
