//! The palette over the lower part of the screen: the text field, what it finds with keys and meanings, and the chosen entry in full.

use super::canvas::{Canvas, lines, width};
use super::look::{Glyphs, Tone};
use crate::app::palette::{Entry, Line, Palette};
use crate::app::{Intent, Model};

/// Where the columns begin.
const KEY: u16 = 2;
const NAME: u16 = 10;

/// A rule is as long as it has to be to be seen as one.
const RULE: u16 = 100;

/// Where the meanings begin: names of scenarios are longer than those of commands.
const fn help(width: u16) -> u16 {
    if width < 60 { 20 } else { 28 }
}

pub(super) fn paint(canvas: &mut Canvas<'_>, model: &Model, palette: &Palette) {
    let height = canvas.height();
    let (listed, told) = (palette.height(height), Palette::told(height));
    let Ok(rows) = u16::try_from(listed + told) else { return };
    let top = height.saturating_sub(rows + 3);
    for y in top..height.saturating_sub(1) {
        canvas.blank(y);
    }
    let at = canvas.put(1, top, canvas.width(), "commands ", Tone::Strong);
    canvas.rule(at, top, canvas.width().min(RULE));
    field(canvas, palette, top + 1);
    let first = top + 2;
    if palette.lines().is_empty() {
        canvas.cut(
            KEY,
            first,
            canvas.width().saturating_sub(KEY + 1),
            "Nothing is called so, or does this. Backspace takes letters back.",
            Tone::Plain,
        );
        return;
    }
    let scroll = palette.scroll();
    for (y, (index, line)) in (first..).zip(palette.lines().iter().enumerate().skip(scroll.top).take(listed)) {
        match line {
            Line::Heading(group) => {
                canvas.cut(1, y, canvas.width().saturating_sub(2), group.title(), Tone::Quiet);
            }
            Line::Entry(entry) => one(canvas, model, *entry, index == scroll.cursor, y),
        }
    }
    if told > 0 {
        in_full(canvas, model, palette, height.saturating_sub(1).saturating_sub(u16::try_from(told).unwrap_or_default()));
    }
}

/// What is typed. Its end is what a person looks at.
fn field(canvas: &mut Canvas<'_>, palette: &Palette, y: u16) {
    let room = canvas.width().saturating_sub(4);
    let x = canvas.put(1, y, 1, ":", Tone::Strong);
    let x = canvas.put(x, y, room, super::canvas::tail(palette.text(), room), Tone::Plain);
    let x = canvas.put(x, y, 1, "▏", Tone::Strong);
    if palette.text().is_empty() {
        canvas.cut(x + 1, y, canvas.width().saturating_sub(x + 2), "type a part of a name, or of what it does", Tone::Quiet);
    }
}

fn one(canvas: &mut Canvas<'_>, model: &Model, entry: Entry, chosen: bool, y: u16) {
    let Some(words) = entry.words(model) else { return };
    let refused = entry.available(model).err();
    let tone = |tone: Tone| if refused.is_some() { Tone::Stale } else { tone };
    let end = canvas.width().saturating_sub(1);
    let help = help(canvas.width());
    let key = match entry {
        Entry::Command(intent) => canvas.look.key(canvas.look.keys.of(intent)),
        Entry::View(_) => "view",
        Entry::Scenario(_) => "demo",
    };
    if chosen {
        canvas.put(0, y, 1, "▸", Tone::Strong);
    }
    canvas.cut(KEY, y, NAME - KEY - 1, key, tone(Tone::Strong));
    canvas.cut(NAME, y, (help - NAME - 1).min(end.saturating_sub(NAME)), words.name, tone(Tone::Plain));
    let room = end.saturating_sub(help);
    match refused {
        Some(refusal) => canvas.cut(help, y, room, refusal.sentence(), Tone::Stale),
        None if words.title.is_empty() => canvas.cut(help, y, room, words.help, Tone::Quiet),
        None => canvas.cut(help, y, room, words.title, Tone::Plain),
    };
    if chosen {
        canvas.select(1, y, end);
    }
}

/// The chosen entry with nothing left out but what no two lines hold.
fn in_full(canvas: &mut Canvas<'_>, model: &Model, palette: &Palette, y: u16) {
    let Some(entry) = palette.chosen() else { return };
    let Some(words) = entry.words(model) else { return };
    let x = canvas.put(1, y, 2, "→ ", Tone::Strong);
    let room = canvas.width().saturating_sub(x + 1);
    let mut y = y;
    let mut rest = 2;
    if let Err(refusal) = entry.available(model) {
        canvas.cut(x, y, room, refusal.sentence(), Tone::Waiting);
        (y, rest) = (y + 1, 1);
    }
    let mut broken = lines(words.help, room).peekable();
    while rest > 0
        && let Some(line) = broken.next()
    {
        rest -= 1;
        let more = rest == 0 && broken.peek().is_some();
        let at = canvas.put(x, y, if more { room.saturating_sub(1) } else { room }, line, Tone::Plain);
        if more {
            canvas.put(at, y, 1, "…", Tone::Strong);
        }
        y += 1;
    }
}

/// The keys of the palette, for the last row.
pub(super) fn hints(canvas: &mut Canvas<'_>, y: u16, end: u16) {
    let choosing = if canvas.look.glyphs == Glyphs::Ascii { "Enter runs  Up Down choose" } else { "↵ runs  ↑↓ choose" };
    let text = format!("{choosing}  {} leaves", canvas.look.keys.while_typing(Intent::Back));
    canvas.cut(1, y, end.saturating_sub(1).min(width(&text)), &text, Tone::Quiet);
}
