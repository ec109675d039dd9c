//! The screens that are text: written onto a page, scrolled, painted between header and footer.

pub(super) mod cell;
pub(super) mod changes;
mod detail;
mod git;
pub(super) mod help;
pub(super) mod journal;
pub(super) mod operation;
mod placement;
pub(super) mod preview;
mod rollout;
pub(super) mod sources;
pub(super) mod ways;

use std::fmt::Write as _;

use super::Painter;
use super::canvas::{Canvas, width};
use super::look::Tone;
use super::page::Page;
use crate::app::Intent;

/// Paints a page from line `top` on, or as far as it goes.
pub(super) fn text(canvas: &mut Canvas<'_>, painter: &mut Painter, top: usize, write: impl Fn(&mut Page)) {
    let rows = usize::from(canvas.height().saturating_sub(2));
    let columns = canvas.width().saturating_sub(2);
    painter.page.begin(columns, top..top.saturating_add(rows), canvas.look);
    write(&mut painter.page);
    // A text that does not fit leaves the last row to say how much more there is.
    let rows = if painter.page.count() > rows { rows.saturating_sub(1) } else { rows };
    let furthest = painter.page.count().saturating_sub(rows);
    if top > furthest {
        painter.page.begin(columns, furthest..furthest + rows, canvas.look);
        write(&mut painter.page);
    }
    painter.furthest = Some(furthest);
    painter.page.paint(canvas, (1, 1), rows);
    if furthest > 0 {
        position(canvas, painter, top.min(furthest), rows);
    }
}

/// How much more there is below, in the corner of the last row.
fn position(canvas: &mut Canvas<'_>, painter: &mut Painter, top: usize, rows: usize) {
    let below = painter.page.count().saturating_sub(top + rows);
    painter.words.clear();
    let key = canvas.look.keys.of(Intent::PageDown);
    let _ = if below > 0 { write!(painter.words, "{below} more below ({key})") } else { write!(painter.words, "the end") };
    let y = canvas.height().saturating_sub(2);
    let end = canvas.width().saturating_sub(1);
    canvas.put_right(end, y, width(&painter.words), &painter.words, Tone::Quiet);
}
