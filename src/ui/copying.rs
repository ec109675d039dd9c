//! The menu of what can be copied, over the lower part of the screen.

use super::canvas::Canvas;
use super::look::{Glyphs, Tone};
use crate::app::copy::Copying;

/// Where what is copied begins, behind what it is.
const TEXT: u16 = 26;

/// A rule is as long as it has to be to be seen as one.
const RULE: u16 = 100;

pub(super) fn paint(canvas: &mut Canvas<'_>, copying: &Copying) {
    let height = canvas.height();
    let room = height.saturating_sub(3).max(1);
    let rows = u16::try_from(copying.items.len()).unwrap_or(u16::MAX).min(room);
    let top = height.saturating_sub(rows + 2);
    for y in top..height.saturating_sub(1) {
        canvas.blank(y);
    }
    let at = canvas.put(1, top, canvas.width(), "copy of ", Tone::Strong);
    let at = canvas.cut(at, top, canvas.width().saturating_sub(at + 2), copying.title.as_str(), Tone::Plain);
    canvas.rule(at + 1, top, canvas.width().min(RULE));
    let first = (copying.cursor + 1).saturating_sub(usize::from(rows));
    for (y, (index, item)) in (top + 1..).zip(copying.items.iter().enumerate().skip(first).take(usize::from(rows))) {
        let end = canvas.width().saturating_sub(1);
        let text = if canvas.width() < 60 { TEXT - 6 } else { TEXT };
        if index == copying.cursor {
            canvas.put(0, y, 1, "▸", Tone::Strong);
        }
        canvas.cut(2, y, text.saturating_sub(3), item.what.as_str(), Tone::Quiet);
        canvas.cut(text, y, end.saturating_sub(text), item.text.as_str(), Tone::Plain);
        if index == copying.cursor {
            canvas.select(1, y, end);
        }
    }
}

/// The keys of the menu, for the last row.
pub(super) fn hints(canvas: &mut Canvas<'_>, y: u16, end: u16) {
    let text = if canvas.look.glyphs == Glyphs::Ascii { "Enter copies  Up Down choose  Esc leaves" } else { "↵ copies  ↑↓ choose  Esc leaves" };
    canvas.cut(1, y, end.saturating_sub(1), text, Tone::Quiet);
}
