//! The last row: what works here and now, or what was refused and why, or the filter while it is typed.

use super::canvas::{Canvas, width};
use super::look::Tone;
use super::palette;
use crate::app::operation::Preview;
use crate::app::operation::preview::Field;
use crate::app::{COMMANDS, Intent, Model, Overlay, Screen};
use crate::base::Safe;
use crate::operations::confirm::Needs;

pub(super) fn paint(canvas: &mut Canvas<'_>, model: &Model) {
    let y = canvas.height().saturating_sub(1);
    let end = canvas.width().saturating_sub(1);
    if let Some(Overlay::Filter(_)) = &model.overlay {
        filter(canvas, model, y, end);
        return;
    }
    if let (None, Screen::Preview(preview)) = (&model.overlay, &model.screen)
        && asked(canvas, preview, y, end)
    {
        return;
    }
    if let Some(notice) = &model.notice {
        // The core knows no keys: it names commands.
        let told = canvas.look.keys.told(notice.as_str());
        canvas.cut(1, y, end.saturating_sub(1), &told, Tone::Info);
        return;
    }
    if let Some(Overlay::Palette(_)) = &model.overlay {
        palette::hints(canvas, y, end);
        return;
    }
    if let Some(Overlay::Copy(_)) = &model.overlay {
        super::copying::hints(canvas, y, end);
        return;
    }
    if let Some(Overlay::Name(name)) = &model.overlay {
        let x = canvas.put(1, y, end.saturating_sub(1), "Name of this view: ", Tone::Strong);
        let x = canvas.put(x, y, end.saturating_sub(x + 1), super::canvas::tail(name.as_str(), end.saturating_sub(x + 1)), Tone::Plain);
        let x = canvas.put(x, y, 1, "▏", Tone::Strong);
        let keys = if canvas.look.glyphs == super::look::Glyphs::Ascii { "Enter saves  Esc leaves" } else { "↵ saves  Esc leaves" };
        canvas.cut(x + 2, y, end.saturating_sub(x + 2), keys, Tone::Quiet);
        return;
    }
    // What does not fit can be found with the palette; the way out is always told.
    let tight =
        hints(model, false).map(|(intent, title)| width(canvas.look.key(canvas.look.keys.of(intent))) + width(title) + 3).sum::<u16>() > end + 1;
    let mut x = 1;
    for (intent, title) in hints(model, tight) {
        let key = canvas.look.key(canvas.look.keys.of(intent));
        if x + width(key) + 1 + width(title) > end {
            break;
        }
        x = canvas.put(x, y, end - x, key, Tone::Strong) + 1;
        x = canvas.put(x, y, end.saturating_sub(x), title, Tone::Plain) + 2;
    }
}

/// What is asked for on a preview: a reason, a ticket, the name that confirms. Whether anything is.
fn asked(canvas: &mut Canvas<'_>, preview: &Preview, y: u16, end: u16) -> bool {
    let ascii = canvas.look.glyphs == super::look::Glyphs::Ascii;
    let (question, text) = match (preview.field, &preview.confirmation) {
        (Field::Reason, _) => ("Why? ".to_owned(), preview.stated.reason.as_ref().map_or("", Safe::as_str)),
        (Field::Ticket, _) => ("Ticket: ".to_owned(), preview.stated.ticket.as_ref().map_or("", Safe::as_str)),
        (Field::Name, Some(confirmation)) => match confirmation.needs() {
            Needs::Text(name) => (format!("Type {name} and {} to do it: ", if ascii { "Enter" } else { "↵" }), confirmation.typed()),
            Needs::SecondKey => (format!("{} does it", if ascii { "Enter" } else { "↵" }), ""),
        },
        (Field::Name, None) => return false,
    };
    // What was wrong with the last key takes the place of the question, so that neither is cut.
    let said = crate::app::operation::preview::said(preview).map(|said| format!("{} ", said.sentence()));
    let (question, tone) = said.map_or((question, Tone::Strong), |said| (said, Tone::Broken));
    let x = canvas.put(1, y, end.saturating_sub(1), &question, tone);
    let x = canvas.put(x, y, end.saturating_sub(x + 1), super::canvas::tail(text, end.saturating_sub(x + 1)), Tone::Waiting);
    let x = canvas.put(x, y, 1, "▏", Tone::Strong);
    canvas.cut(x + 2, y, end.saturating_sub(x + 2), "Esc leaves", Tone::Quiet);
    true
}

/// What works here and now and is worth a mention, with what it is called here.
fn hints(model: &Model, tight: bool) -> impl Iterator<Item = (Intent, &'static str)> {
    let nothing_to_arrange = model.matrix.lines.is_empty() && model.matrix.filter.is_empty();
    let mentioned = COMMANDS.iter().filter(|command| command.hinted && (command.available)(model).is_ok());
    mentioned.filter_map(move |command| {
        let title = match (command.intent, &model.overlay, &model.screen) {
            // Open has nothing left to open there, and help leads nowhere from itself.
            (Intent::Open, _, Screen::Cell(_)) => return None,
            (Intent::Open, _, Screen::Ways(_)) => "show plan",
            (_, Some(_), _) if command.intent != Intent::Back => return None,
            (Intent::Filter, _, Screen::Changes(state)) if state.timeline.entries.is_empty() => return None,
            (Intent::Filter | Intent::Arrange, _, Screen::Matrix) if nothing_to_arrange => return None,
            (Intent::Back, None, Screen::Changes(state)) if !state.filter.is_empty() => "all changes",
            (Intent::Arrange, _, _) if tight => return None,
            (Intent::Back, None, Screen::Matrix) if model.matrix.filter.is_empty() => "leave",
            (Intent::Back, None, Screen::Matrix) => "all rows",
            (Intent::Sources, _, Screen::Sources(_)) | (Intent::Changes, _, Screen::Changes(_)) => return None,
            _ => command.title,
        };
        Some((command.intent, title))
    })
}

/// What a filter may be made of, as far as a line has room for it: the help tells all.
const TERMS: &str = "words, or env: health: sync: behind: team: version: cluster: is:";

/// The filter line: what is typed, and what it may be made of.
fn filter(canvas: &mut Canvas<'_>, model: &Model, y: u16, end: u16) {
    let Some(Overlay::Filter(_)) = &model.overlay else { return };
    let text = crate::base::Safe::clean(model.filter().text());
    let room = end.saturating_sub(4);
    // The end of what is typed is what a person looks at.
    let skipped = width(text.as_str()).saturating_sub(room);
    let shown = text.as_str().get(super::canvas::head(text.as_str(), skipped).len()..).unwrap_or_default();
    let x = canvas.put(1, y, 1, "/", Tone::Strong);
    let x = canvas.put(x, y, room, shown, Tone::Plain);
    let x = canvas.put(x, y, 1, "▏", Tone::Strong);
    let in_changes = matches!(model.screen, Screen::Changes(_));
    let remark = if in_changes { None } else { model.matrix.filter.remark(model.sight()) };
    let (help, tone) = match &remark {
        Some(remark) => (remark.as_str(), Tone::Info),
        None if model.filter().is_empty() && in_changes => ("words, or env: service: kind: who:", Tone::Quiet),
        None if model.filter().is_empty() => (TERMS, Tone::Quiet),
        None => ("", Tone::Quiet),
    };
    let x = canvas.cut(x + 1, y, end.saturating_sub(x + 1), help, tone);
    let keys = if canvas.look.glyphs == super::look::Glyphs::Ascii { "Enter keeps  Esc undoes" } else { "↵ keeps  Esc undoes" };
    if x + 2 + width(keys) <= end {
        canvas.put_right(end, y, width(keys), keys, Tone::Quiet);
    }
}
