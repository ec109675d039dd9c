//! The pen: puts cells on a terminal with as few bytes as it can, and remembers what it last said of style and hyperlink. It knows no frames.
//!
//! Styles are one sequence each (ECMA-48, SGR): what differs, or all anew, whichever is shorter. Hyperlinks are OSC 8 as its authors describe it
//! (<https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda>): one that is open is closed before the cursor goes elsewhere, and with the
//! last cell, so that whatever happens between two writes nothing else becomes a part of it.

use std::io::Write as _;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

use crate::domain::link::Link;

/// Closes a hyperlink. Harmless where none is open.
pub const CLOSE: &[u8] = b"\x1b]8;;\x1b\\";

/// Attributes, by what switches them on and off.
const ATTRIBUTES: [(Modifier, u8, u8); 8] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ink {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Ink = Ink { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

/// Writes into a buffer. Whoever takes it ends with [`Pen::lift`].
#[derive(Debug)]
pub struct Pen<'a> {
    bytes: &'a mut Vec<u8>,
    ink: Ink,
    link: Option<&'a Link>,
    /// Row and column behind the last cell.
    at: Option<(u16, u16)>,
}

impl<'a> Pen<'a> {
    /// A pen on a terminal that shows plain text and no hyperlink.
    pub const fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes, ink: PLAIN, link: None, at: None }
    }

    /// Puts one cell there.
    pub fn put(&mut self, x: u16, y: u16, cell: &Cell, link: Option<&'a Link>) {
        if self.at != Some((y, x)) {
            self.open(None);
            self.go(x, y);
        }
        self.dip(Ink { fg: cell.fg, bg: cell.bg, modifier: cell.modifier });
        self.open(link);
        self.bytes.extend_from_slice(cell.symbol().as_bytes());
        // Behind a wide character the next cell is none of these, and the cursor is placed anew: terminals differ about widths.
        self.at = Some((y, x + 1));
    }

    /// Leaves plain text and no hyperlink behind.
    pub fn lift(mut self) {
        self.open(None);
        self.dip(PLAIN);
    }

    fn say(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing into a vector cannot fail.
        let _ = self.bytes.write_fmt(arguments);
    }

    fn go(&mut self, x: u16, y: u16) {
        // Within a row its number is left out. Never a distance: where a terminal shows a character wider than it was thought, it would go on from there.
        match self.at {
            Some((row, _)) if row == y => self.say(format_args!("\x1b[{}G", x + 1)),
            _ => self.say(format_args!("\x1b[{};{}H", y + 1, x + 1)),
        }
    }

    fn open(&mut self, link: Option<&'a Link>) {
        if self.link == link {
            return;
        }
        self.link = link;
        match link {
            // One id for all: cells are one link where id and address are the same, so that a name that goes on in the next line, or of which only
            // a part was painted again, is still one.
            Some(link) => self.say(format_args!("\x1b]8;id=t;{}\x1b\\", link.text())),
            None => self.bytes.extend_from_slice(CLOSE),
        }
    }

    fn dip(&mut self, ink: Ink) {
        if self.ink == ink {
            return;
        }
        let start = self.bytes.len();
        change(self.bytes, self.ink, ink);
        let end = self.bytes.len();
        anew(self.bytes, ink);
        if self.bytes.len() - end < end - start {
            self.bytes.drain(start..end);
        } else {
            self.bytes.truncate(end);
        }
        self.ink = ink;
    }
}

/// Writes what differs.
fn change(bytes: &mut Vec<u8>, from: Ink, to: Ink) {
    bytes.extend_from_slice(b"\x1b[");
    let mut gone = from.modifier - to.modifier;
    let mut come = to.modifier - from.modifier;
    // Bold and dim end together.
    let weights = Modifier::BOLD | Modifier::DIM;
    if gone.intersects(weights) {
        come |= to.modifier & weights;
        gone = (gone - weights) | Modifier::BOLD;
    }
    for (attribute, _, off) in ATTRIBUTES {
        if gone.contains(attribute) {
            parameter(bytes, off);
        }
    }
    switch_on(bytes, come);
    if from.fg != to.fg {
        colour(bytes, to.fg, 30);
    }
    if from.bg != to.bg {
        colour(bytes, to.bg, 40);
    }
    end(bytes);
}

/// Writes all of it on a plain terminal's ground.
fn anew(bytes: &mut Vec<u8>, ink: Ink) {
    bytes.extend_from_slice(b"\x1b[");
    if ink == PLAIN {
        bytes.push(b'm');
        return;
    }
    parameter(bytes, 0);
    switch_on(bytes, ink.modifier);
    if ink.fg != Color::Reset {
        colour(bytes, ink.fg, 30);
    }
    if ink.bg != Color::Reset {
        colour(bytes, ink.bg, 40);
    }
    end(bytes);
}

/// The last separator becomes the end.
fn end(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last = b'm';
    }
}

fn parameter(bytes: &mut Vec<u8>, number: u8) {
    let _ = write!(bytes, "{number};");
}

fn switch_on(bytes: &mut Vec<u8>, attributes: Modifier) {
    for (attribute, on, _) in ATTRIBUTES {
        if attributes.contains(attribute) {
            parameter(bytes, on);
        }
    }
}

/// A colour; `base` is 30 for what is written and 40 for what lies under it.
fn colour(bytes: &mut Vec<u8>, colour: Color, base: u8) {
    let number = match colour {
        Color::Reset => 9,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 60,
        Color::LightRed => 61,
        Color::LightGreen => 62,
        Color::LightYellow => 63,
        Color::LightBlue => 64,
        Color::LightMagenta => 65,
        Color::LightCyan => 66,
        Color::White => 67,
        Color::Indexed(index) => {
            let _ = write!(bytes, "{};5;{index};", base + 8);
            return;
        }
        Color::Rgb(red, green, blue) => {
            let _ = write!(bytes, "{};2;{red};{green};{blue};", base + 8);
            return;
        }
    };
    parameter(bytes, base + number);
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn cell(symbol: &'static str, style: Style) -> Cell {
        let mut cell = Cell::new(symbol);
        cell.set_style(style);
        cell
    }

    fn written(cells: &[(u16, u16, Cell, Option<&Link>)]) -> String {
        let mut bytes = Vec::new();
        let mut pen = Pen::new(&mut bytes);
        for (x, y, cell, link) in cells {
            pen.put(*x, *y, cell, *link);
        }
        pen.lift();
        String::from_utf8(bytes).unwrap().replace('\x1b', "^")
    }

    #[test]
    fn a_style_costs_what_differs_or_all_of_it_whichever_is_shorter() {
        let plain = Style::new();
        let red = plain.fg(Color::Red).add_modifier(Modifier::BOLD);
        let told = |styles: &[Style]| {
            let cells: Vec<_> = (0..).zip(styles).map(|(x, style)| (x, 0, cell("x", *style), None)).collect();
            written(&cells)
        };
        assert_eq!(told(&[plain, plain]), "^[1;1Hxx");
        assert_eq!(told(&[red, red, plain]), "^[1;1H^[1;31mxx^[mx");
        assert_eq!(told(&[red, red.add_modifier(Modifier::REVERSED), red]), "^[1;1H^[1;31mx^[7mx^[27mx^[m");
        let dim = plain.add_modifier(Modifier::DIM);
        assert_eq!(told(&[dim, plain.add_modifier(Modifier::BOLD)]), "^[1;1H^[2mx^[0;1mx^[m");
        assert_eq!(told(&[dim.fg(Color::Indexed(208)), dim]), "^[1;1H^[2;38;5;208mx^[39mx^[m");
        assert_eq!(told(&[plain.bg(Color::Rgb(1, 2, 3)), plain.fg(Color::LightBlue)]), "^[1;1H^[48;2;1;2;3mx^[0;94mx^[m");
        assert_eq!(told(&[plain.bg(Color::Black).fg(Color::White)]), "^[1;1H^[97;40mx^[m");
    }

    /// Bold and dim end with one parameter; what of them stays is said again.
    #[test]
    fn bold_and_dim_end_together_and_what_stays_is_said_again() {
        let (both, bold) = (Modifier::BOLD | Modifier::DIM, Modifier::BOLD);
        let style = |modifier| Style::new().fg(Color::Indexed(208)).bg(Color::Indexed(100)).add_modifier(modifier);
        let told = written(&[(0, 0, cell("x", style(both)), None), (1, 0, cell("x", style(bold)), None)]);
        assert_eq!(told, "^[1;1H^[1;2;38;5;208;48;5;100mx^[22;1mx^[m");
    }

    #[test]
    fn a_link_is_closed_before_the_cursor_goes_elsewhere_and_at_the_end() {
        let [one, other] = ["https://a.example/1", "https://a.example/2"].map(|text| Link::read(text).unwrap());
        let at = |x, y, link| (x, y, cell("x", Style::new()), link);
        let (open, close) = ("^]8;id=t;https://a.example/", "^]8;;^\\");
        let told = written(&[at(0, 0, Some(&one)), at(1, 0, Some(&one)), at(4, 0, Some(&one)), at(0, 1, None)]);
        assert_eq!(told, format!("^[1;1H{open}1^\\xx{close}^[5G{open}1^\\x{close}^[2;1Hx"));
        assert_eq!(written(&[at(0, 0, Some(&one)), at(1, 0, Some(&other))]), format!("^[1;1H{open}1^\\x{open}2^\\x{close}"));
        assert_eq!(written(&[at(0, 0, Some(&one)), at(1, 0, None)]), format!("^[1;1H{open}1^\\x{close}x"));
    }
}
