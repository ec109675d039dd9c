//! A screen as a picture: what the terminal parser holds, as SVG. It knows nothing of what the screen shows.

use std::fmt::Write as _;

use vt100::{Cell, Color};

/// Width and height of one cell, in pixels, for a font of 14.
const CELL: (f32, f32) = (8.4, 18.0);
const MARGIN: f32 = 14.0;
/// Background and usual text.
const PAPER: &str = "#15181e";
const INK: &str = "#d5d8de";
/// The sixteen colours of a terminal, dark theme.
const COLORS: [&str; 16] = [
    "#4b5263", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#abb2bf", "#7f8796", "#ff7b86", "#b5e890", "#ffd68a", "#82c6ff",
    "#dd9bf0", "#78d5e0", "#ffffff",
];

fn color(color: Color, usual: &str) -> String {
    match color {
        Color::Default => usual.to_owned(),
        Color::Idx(index) => COLORS.get(usize::from(index)).map_or_else(|| usual.to_owned(), |color| (*color).to_owned()),
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
    }
}

/// How a run of cells looks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Style {
    ink: String,
    paper: String,
    bold: bool,
    dim: bool,
}

fn style(cell: &Cell) -> Style {
    let (mut ink, mut paper) = (color(cell.fgcolor(), INK), color(cell.bgcolor(), PAPER));
    if cell.inverse() {
        std::mem::swap(&mut ink, &mut paper);
    }
    Style { ink, paper, bold: cell.bold(), dim: cell.dim() }
}

/// The screen as SVG.
pub(crate) fn draw(screen: &vt100::Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (f32::from(columns) * CELL.0 + 2.0 * MARGIN, f32::from(rows) * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n",
        escaped(title)
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let Some(first) = screen.cell(row, column) else { break };
            let (begin, look) = (column, style(first));
            let mut text = String::new();
            while let Some(cell) = screen.cell(row, column).filter(|cell| style(cell) == look) {
                text.push_str(if cell.has_contents() { cell.contents() } else { " " });
                column += 1;
            }
            run(&mut out, (row, begin, column - begin), &look, &text);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn run(out: &mut String, (row, begin, length): (u16, u16, u16), look: &Style, text: &str) {
    let (x, y) = (MARGIN + f32::from(begin) * CELL.0, MARGIN + f32::from(row) * CELL.1);
    let width = f32::from(length) * CELL.0;
    if look.paper != PAPER {
        let _ = writeln!(out, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\"/>", CELL.1, look.paper);
    }
    // Blanks at the ends are collapsed by some: the text begins where its first letter stands.
    let (blanks, letters) = (text.chars().take_while(|letter| *letter == ' ').count(), text.trim().chars().count());
    let (Ok(blanks), Ok(letters)) = (u16::try_from(blanks), u16::try_from(letters)) else { return };
    if letters == 0 {
        return;
    }
    let (x, width) = (x + f32::from(blanks) * CELL.0, f32::from(letters) * CELL.0);
    let weight = if look.bold { " font-weight=\"bold\"" } else { "" };
    let faint = if look.dim { " opacity=\"0.6\"" } else { "" };
    // The length is fixed, so that another font changes the letters and not the columns.
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{weight}{faint}>{}</text>",
        y + 14.0,
        look.ink,
        escaped(text.trim()).replace(' ', "\u{a0}")
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
