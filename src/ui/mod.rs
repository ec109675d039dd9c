//! PAINT: `&Model` → the cells of a frame. The look, the key map and the screens.
//!
//! Everything is painted straight into the buffer, only what is in sight, and only through the canvas. Nothing here
//! changes the model or reads a clock: the same model makes the same frame.

mod canvas;
mod copying;
mod demo;
mod footer;
mod header;
pub mod keymap;
pub mod keys;
pub mod links;
pub mod look;
mod matrix;
mod moment;
mod page;
mod palette;
mod screens;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;

pub use look::Look;

use crate::app::{Model, Overlay, Screen};
use crate::base::Timestamp;
use canvas::{Canvas, lines};
use links::Links;
use look::Tone;
use moment::Moment;
use page::Page;

/// Below this size there is a sentence instead of a screen.
const SMALLEST: (u16, u16) = (40, 8);

/// What is used again from frame to frame, so that a frame allocates next to nothing.
#[derive(Debug, Default)]
pub struct Painter {
    words: String,
    page: Page,
    furthest: Option<usize>,
    /// The selected cell in words, as they were painted last, and how much of them is its name.
    told: (String, usize),
    /// The column whose name is stressed, by its number.
    stressed: usize,
    holds: bool,
}

impl Painter {
    /// The words about the selected cell, and which column's name is stressed, stay as they were painted last, although the cursor is elsewhere
    /// already; or no longer. Whoever runs through rows and columns reads none of them, and on a slow line they are most of what a step costs.
    pub const fn hold_words(&mut self, holds: bool) {
        self.holds = holds;
    }

    /// How far the text that was painted last can be scrolled; nothing where there was none.
    #[must_use]
    pub const fn furthest(&self) -> Option<usize> {
        self.furthest
    }
}

/// Paints the whole frame into a blank buffer, and says where its cells lead.
pub fn paint(model: &Model, look: &Look, painter: &mut Painter, buffer: &mut Buffer, links: &mut Links) {
    links.clear();
    let mut canvas = Canvas::new(buffer, links, *look);
    painter.furthest = None;
    if canvas.width() < SMALLEST.0 || canvas.height() < SMALLEST.1 {
        too_small(&mut canvas);
        return;
    }
    let moment = Moment::of(model.now);
    header::paint(&mut canvas, painter, model, moment);
    if let Some(demo) = &model.demo {
        demo::paint(&mut canvas, painter, demo, moment);
        canvas.lower(1);
    }
    match (&model.overlay, &model.screen) {
        (Some(Overlay::Help(scroll)), _) => screens::text(&mut canvas, painter, scroll.top, |page| screens::help::write(page, *look, model)),
        (_, Screen::Matrix) => matrix::paint(&mut canvas, painter, model, moment),
        (_, Screen::Cell(state)) => {
            screens::text(&mut canvas, painter, state.scroll.top, |page| screens::cell::write(page, *look, model, state, moment));
        }
        (_, Screen::Changes(state)) => screens::changes::paint(&mut canvas, painter, model, state),
        (_, Screen::Ways(state)) => {
            screens::text(&mut canvas, painter, state.scroll.top, |page| screens::ways::write(page, *look, state));
        }
        (_, Screen::Preview(preview)) => {
            screens::text(&mut canvas, painter, preview.scroll.top, |page| screens::preview::write(page, *look, model, preview, moment));
        }
        (_, Screen::Operation(id, scroll)) => {
            screens::text(&mut canvas, painter, scroll.top, |page| screens::operation::write(page, *look, model, id, moment));
        }
        (_, Screen::Journal(state)) => screens::journal::paint(&mut canvas, painter, state),
        (_, Screen::Sources(scroll)) => {
            screens::text(&mut canvas, painter, scroll.top, |page| screens::sources::write(page, *look, model, moment));
        }
    }
    // What lies over the screen leads nowhere, and neither does what shows beside it: keys go to the one on top.
    if let Some(Overlay::Palette(_) | Overlay::Copy(_)) = &model.overlay {
        canvas.lead_nowhere();
    }
    if let Some(Overlay::Palette(palette)) = &model.overlay {
        palette::paint(&mut canvas, model, palette);
    }
    if let Some(Overlay::Copy(copying)) = &model.overlay {
        copying::paint(&mut canvas, copying);
    }
    footer::paint(&mut canvas, model);
}

fn too_small(canvas: &mut Canvas<'_>) {
    let text = "tiphys needs 40×8. Make the terminal larger, or leave with q.";
    let room = canvas.width();
    for (y, line) in (0..canvas.height()).zip(lines(text, room)) {
        canvas.put(0, y, room, line, Tone::Plain);
    }
}

/// When the frame would next look different by the passing of time alone: with the minute, and with each quarter of it while something on it
/// has been silent for less than a minute.
#[must_use]
pub fn next_change(model: &Model) -> Option<Timestamp> {
    let moment = Moment::of(model.now);
    let by_eye = if matrix::has_young_silence(model, moment) { moment.next_quarter() } else { moment.next_minute() };
    let preview = if let Screen::Preview(preview) = &model.screen { Some(preview.next_wake(model.now)) } else { None };
    let followed = crate::app::operation::underway::next_wake(model);
    [Some(by_eye), preview, followed].into_iter().flatten().min()
}
