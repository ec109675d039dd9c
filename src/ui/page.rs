//! A page of text that is longer than the screen may be: written line by line, painted from where it is scrolled to. Only the lines in sight
//! are kept, and the page is used again for the next frame. It knows no model.

use std::fmt::{self, Write as _};
use std::ops::Range;

use super::canvas::{self, Canvas};
use super::look::{Look, Tone};
use crate::domain::link::Link;

/// Lines that go on for more rows than these are not expected to lead anywhere below.
const LONGEST: usize = 8;

/// A page while it is written and painted.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    pieces: Vec<Piece>,
    line: String,
    line_pieces: Vec<(Tone, Option<Link>, usize)>,
    tone: Tone,
    /// Whether anything leads anywhere on this terminal.
    has_links: bool,
    width: u16,
    sight: Range<usize>,
    count: usize,
}

#[derive(Debug)]
struct Piece {
    line: usize,
    x: u16,
    tone: Tone,
    link: Option<Link>,
    text: Range<usize>,
}

impl Page {
    /// An empty page of this width, of which these lines are in sight.
    pub(super) fn begin(&mut self, width: u16, sight: Range<usize>, look: Look) {
        self.has_links = look.links;
        self.text.clear();
        self.pieces.clear();
        self.line.clear();
        self.line_pieces.clear();
        self.tone = Tone::Plain;
        (self.width, self.sight, self.count) = (width, sight, 0);
    }

    /// Its columns.
    pub(super) const fn width(&self) -> u16 {
        self.width
    }

    /// Lines so far.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// What is written next means this.
    pub(super) fn tone(&mut self, tone: Tone) -> &mut Self {
        self.close_piece(None);
        self.tone = tone;
        self
    }

    /// Writes words.
    pub(super) fn say(&mut self, words: impl fmt::Display) -> &mut Self {
        // Writing into a string cannot fail.
        let _ = write!(self.line, "{words}");
        self
    }

    /// Writes words that lead somewhere. Where to is asked only where it can be seen.
    pub(super) fn lead(&mut self, words: impl fmt::Display, link: impl FnOnce() -> Option<Link>) -> &mut Self {
        // A line that begins above what is in sight may end in it.
        let is_near = self.count < self.sight.end && self.count.saturating_add(LONGEST) >= self.sight.start;
        let Some(link) = (self.has_links && is_near).then(link).flatten() else { return self.say(words) };
        self.close_piece(None);
        self.say(words);
        self.close_piece(Some(link));
        self
    }

    /// Writes on from this column, at least one blank further on.
    pub(super) fn column(&mut self, column: u16) -> &mut Self {
        let at = canvas::width(&self.line);
        let blanks = column.saturating_sub(at).max(u16::from(at > 0));
        self.line.extend(std::iter::repeat_n(' ', usize::from(blanks)));
        self
    }

    /// Writes a text so that no more than `room` columns of it are seen.
    pub(super) fn cut(&mut self, room: u16, text: &str) -> &mut Self {
        if canvas::width(text) <= room {
            return self.say(text);
        }
        self.say(canvas::head(text, room.saturating_sub(1))).say("…")
    }

    /// Ends the line. What does not fit goes on in lines of its own, from column `indent` on.
    pub(super) fn end(&mut self, indent: u16) {
        self.close_piece(None);
        self.tone = Tone::Plain;
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            self.count += 1;
        }
        let indent = indent.min(self.width / 2);
        let mut rest = line.as_str();
        let (mut start, mut x) = (0, 0);
        while !rest.is_empty() {
            let Some(part) = canvas::lines(rest, self.width - x).next() else { break };
            self.keep(start..start + part.len(), &line, x);
            self.count += 1;
            let after = rest.get(part.len()..).unwrap_or_default();
            rest = after.trim_start();
            // A character wider than the page would be tried for ever.
            if part.is_empty() && after.len() == rest.len() {
                break;
            }
            start = line.len() - rest.len();
            x = indent;
        }
        self.line_pieces.clear();
        self.line = line;
        self.line.clear();
    }

    /// Skips a line.
    pub(super) fn blank(&mut self) {
        self.count += 1;
    }

    /// Whether the next lines would be seen; for what is long and costly to write.
    pub(super) fn in_sight(&self) -> bool {
        self.sight.contains(&self.count)
    }

    /// Counts lines that are known to be out of sight.
    pub(super) const fn pass(&mut self, lines: usize) {
        self.count += lines;
    }

    fn close_piece(&mut self, link: Option<Link>) {
        let end = self.line.len();
        if self.line_pieces.last().map_or(0, |(.., end)| *end) < end {
            self.line_pieces.push((self.tone, link, end));
        }
    }

    /// Keeps a part of the line, with the tones it was written in, if it is in sight.
    fn keep(&mut self, part: Range<usize>, line: &str, x: u16) {
        if !self.sight.contains(&self.count) {
            return;
        }
        let (mut at, mut begin) = (x, 0);
        for (tone, link, end) in &self.line_pieces {
            let (from, to) = (begin.max(part.start), (*end).min(part.end));
            begin = *end;
            let Some(text) = line.get(from..to).filter(|text| !text.is_empty()) else { continue };
            let stored = self.text.len()..self.text.len() + text.len();
            self.text.push_str(text);
            self.pieces.push(Piece { line: self.count, x: at, tone: *tone, link: link.clone(), text: stored });
            at = at.saturating_add(canvas::width(text));
        }
    }

    /// Paints the lines in sight from `(x, y)` on, as many as these rows take.
    pub(super) fn paint(&self, canvas: &mut Canvas<'_>, (x, y): (u16, u16), rows: usize) {
        for piece in self.pieces.iter().filter(|piece| piece.line < self.sight.start.saturating_add(rows)) {
            let row = u16::try_from(piece.line.saturating_sub(self.sight.start)).unwrap_or(u16::MAX);
            if let Some(text) = self.text.get(piece.text.clone()) {
                let room = self.width.saturating_sub(piece.x);
                let (start, row) = (x.saturating_add(piece.x), y.saturating_add(row));
                let end = canvas.put(start, row, room, text, piece.tone);
                if let Some(link) = &piece.link {
                    canvas.lead(start, row, end, link);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    use super::*;
    use crate::ui::links::Links;

    fn painted(page: &Page, rows: u16) -> Vec<String> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, page.width, rows));
        page.paint(&mut Canvas::new(&mut buffer, &mut Links::default(), Look::default()), (0, 0), usize::from(rows));
        let symbols: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        symbols.chunks(usize::from(page.width)).map(|row| row.concat().trim_end().to_owned()).collect()
    }

    #[test]
    fn long_lines_go_on_below_and_only_what_is_in_sight_is_kept() {
        let mut page = Page::default();
        page.begin(12, 1..4, Look::default());
        page.say("above").end(0);
        page.tone(Tone::Broken).say("a").tone(Tone::Plain).column(3).say("one two three four").end(3);
        page.blank();
        page.say("below").end(0);
        assert_eq!(painted(&page, 3), ["a  one two", "   three", "   four"]);
        assert_eq!(page.count(), 6);
        assert!(!page.text.contains("above") && !page.text.contains("below"));
    }

    #[test]
    fn a_line_of_nothing_is_a_line() {
        let mut page = Page::default();
        page.begin(0, 0..9, Look::default());
        page.end(0);
        page.say("x").end(0);
        assert_eq!(page.count(), 1, "a page without width shows nothing");
    }
}
