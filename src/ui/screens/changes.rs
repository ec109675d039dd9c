//! What changed lately: one line each, what is missing, and the selected change in full.

use std::fmt::Write as _;

use crate::app::Model;
use crate::app::changes::ChangesState;
use crate::app::copy::application_page;
use crate::base::counted;
use crate::domain::timeline::{Happened, Kind};
use crate::ui::Painter;
use crate::ui::canvas::{Canvas, lines, width};
use crate::ui::look::Tone;
use crate::ui::moment::Clock;

/// Columns of the time and of the kind.
const TIME: u16 = 7;
const KIND: u16 = 12;

pub(in crate::ui) fn paint(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, state: &ChangesState) {
    title(canvas, painter, state);
    let rows = state.rows(canvas.height());
    if state.lines.is_empty() {
        nothing(canvas, painter, model, state);
    }
    let shown = state.shown().enumerate().skip(state.scroll.top).take(rows);
    for (y, (number, entry)) in (2_u16..).zip(shown) {
        line(canvas, painter, model, entry, y);
        if number == state.scroll.cursor {
            canvas.put(0, y, 1, "▸", Tone::Strong);
            canvas.select(0, y, canvas.width());
        }
    }
    let words = canvas.height().saturating_sub(3);
    gaps(canvas, painter, state, words);
    if let Some(selected) = state.selected() {
        told(canvas, painter, selected, words);
    }
}

fn title(canvas: &mut Canvas<'_>, painter: &mut Painter, state: &ChangesState) {
    let end = canvas.width().saturating_sub(1);
    let words = &mut painter.words;
    words.clear();
    let (shown, all) = (state.lines.len(), state.timeline.entries.len());
    // Words cannot fail to be written into a string.
    let _ = if state.filter.is_empty() { write!(words, "{all}") } else { write!(words, "{shown} of {all} pass the filter, Esc shows all") };
    if state.is_waiting {
        words.push_str(", reading …");
    }
    let end = canvas.put_right(end, 1, width(words), words, Tone::Quiet);
    words.clear();
    let _ = write!(words, "WHAT CHANGED since {}, in all environments", Clock(state.since));
    canvas.cut(1, 1, end.saturating_sub(3), words, Tone::Strong);
}

fn line(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, entry: &Happened, y: u16) {
    let end = canvas.width().saturating_sub(1);
    let (place, who) = match end {
        0..60 => (16, 0),
        60..90 => (24, 10),
        90..110 => (28, 12),
        110..160 => (36, 18),
        _ => (48, 24),
    };
    let words = &mut painter.words;
    words.clear();
    let _ = write!(words, "{}", Clock(entry.at));
    canvas.put(1, y, TIME, words, Tone::Quiet);
    let mut x = 1 + TIME;
    let indent = if entry.follows { canvas.put(x, y, 2, "└ ", Tone::Quiet) } else { x };
    canvas.put(indent, y, KIND - 1, entry.kind.word(), tone(entry));
    x += KIND;
    let behind = canvas.cut(x, y, place, entry.place().as_str(), if entry.follows { Tone::Quiet } else { Tone::Strong });
    if canvas.look.links
        && let Some(link) = entry.app.as_ref().and_then(|app| application_page(model, app))
    {
        canvas.lead(x, y, behind, &link);
    }
    x += place + 1;
    if who > 0 {
        canvas.cut(x, y, who, entry.who.as_str(), Tone::Plain);
        x += who + 1;
    }
    let behind = canvas.cut(x, y, end.saturating_sub(x), entry.what.as_str(), if entry.is_bad { tone(entry) } else { Tone::Plain });
    if let Some(link) = &entry.commit {
        canvas.lead(x, y, behind, link);
    }
}

const fn tone(entry: &Happened) -> Tone {
    match (entry.kind, entry.is_bad) {
        (Kind::Edit, _) => Tone::Drift,
        (_, true) => Tone::Broken,
        (Kind::Operation, false) => Tone::Moving,
        (Kind::Commit | Kind::Sync | Kind::Rollout, false) => Tone::Info,
        (Kind::Event, false) => Tone::Plain,
    }
}

/// What is missing, above the words; the last line counts those for which there is no room.
fn gaps(canvas: &mut Canvas<'_>, painter: &mut Painter, state: &ChangesState, below: u16) {
    let room = canvas.width().saturating_sub(2);
    let count = state.gap_lines(canvas.height());
    let first = below.saturating_sub(u16::try_from(count).unwrap_or(0));
    for (number, (y, gap)) in (first..below).zip(&state.timeline.gaps).enumerate() {
        let words = &mut painter.words;
        words.clear();
        let hidden = state.timeline.gaps.len() - count;
        let _ = if number + 1 == count && hidden > 0 {
            write!(words, "? {gap}  (and {})", counted(hidden, "more gap", "more gaps"))
        } else {
            write!(words, "? {gap}")
        };
        canvas.cut(1, y, room, words, Tone::Stale);
    }
}

/// The selected change in full, on the two lines above the footer.
fn told(canvas: &mut Canvas<'_>, painter: &mut Painter, entry: &Happened, y: u16) {
    let words = &mut painter.words;
    words.clear();
    let _ = write!(words, "{} · {}", entry.at.strftime("%H:%M:%SZ"), entry.place());
    let heading = words.len();
    if entry.places.len() > 1 {
        words.push_str(" (");
        for (number, place) in entry.places.iter().enumerate() {
            let _ = write!(words, "{}{} {}", if number > 0 { ", " } else { "" }, place.service.shown(), place.shown());
        }
        words.push(')');
    }
    let _ = write!(words, ": {}", entry.what);
    if !entry.who.is_empty() {
        let _ = write!(words, ", by {}", entry.who);
    }
    let room = canvas.width().saturating_sub(2);
    let mut broken = lines(words, room);
    for row in 0..2 {
        let Some(text) = broken.next() else { break };
        if let Some((name, rest)) = text.split_at_checked(heading).filter(|_| row == 0) {
            let at = canvas.put(1, y + row, room, name, Tone::Strong);
            canvas.put(at, y + row, (room + 1).saturating_sub(at), rest, Tone::Plain);
            continue;
        }
        let more = row == 1 && broken.clone().next().is_some();
        let at = canvas.put(1, y + row, if more { room - 1 } else { room }, text, Tone::Plain);
        if more {
            canvas.put(at, y + row, 1, "…", Tone::Strong);
        }
    }
}

fn nothing(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, state: &ChangesState) {
    let room = canvas.width().saturating_sub(6);
    let words = &mut painter.words;
    words.clear();
    let (heading, cure) = if !state.timeline.entries.is_empty() {
        ("Nothing that changed has all these words.", "Esc shows everything again.")
    } else if model.fleet.applications().next().is_none() {
        ("Nothing is known yet.", "<sources> tells how the sources are doing.")
    } else if state.is_waiting {
        ("Reading …", "Argo CD is asked for its history, the clusters for ReplicaSets and events.")
    } else if state.timeline.gaps.is_empty() {
        ("Nothing changed.", "Every source was asked, and none saw a change in this time.")
    } else {
        ("Nothing is known to have changed.", "Below stands what could not be read. <refresh> asks again.")
    };
    let cure = &canvas.look.keys.told(cure);
    canvas.put(3, 3, room, heading, Tone::Strong);
    if state.rows(canvas.height()) > 2 {
        for (y, text) in (5_u16..7).zip(lines(cure, room)) {
            canvas.put(3, y, room, text, Tone::Plain);
        }
    }
}
