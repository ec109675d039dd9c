//! Below the matrix: the counts of its rows as a rule, and the selected cell in words.

use std::fmt::Write as _;

use crate::app::matrix::Selected;
use crate::app::{Intent, Model};
use crate::base::counted;
use crate::domain::attention::Attention;
use crate::domain::explain;
use crate::ui::Painter;
use crate::ui::canvas::{Canvas, lines};
use crate::ui::look::Tone;
use crate::ui::moment::Moment;

pub(super) fn paint(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, moment: Moment, mut y: u16, rows: usize) {
    let Ok(mut rows) = u16::try_from(rows) else { return };
    if rows > 1 {
        counts(canvas, painter, model, y);
        (y, rows) = (y + 1, rows - 1);
    }
    let room = canvas.width().saturating_sub(2);
    let (words, heading) = &mut painter.told;
    if painter.holds && !words.is_empty() {
        told(canvas, words, *heading, y, rows);
        return;
    }
    words.clear();
    let selected = match model.matrix.selected_cell(&model.fleet) {
        Ok(selected) => selected,
        Err(refusal) => {
            let column = model.matrix.columns.get(model.matrix.column_index(&model.fleet));
            let mut x = 1;
            if let (Some(service), Some(column)) = (&model.matrix.selected, column) {
                let _ = write!(words, "{} · {}: ", service.shown(), column.title);
                x = canvas.put(x, y, room, words, Tone::Strong);
                words.clear();
            }
            let _ = write!(words, "{refusal}");
            canvas.cut(x, y, (room + 1).saturating_sub(x), words, Tone::Plain);
            // Not worth holding.
            words.clear();
            return;
        }
    };
    let _ = write!(words, "{} · {}: ", selected.service.shown(), selected.column.title);
    *heading = words.len();
    // Words cannot fail to be written into a string.
    let _ = sentences(words, model, moment, &selected);
    told(canvas, words, *heading, y, rows);
}

/// Paints words, the first of which name the cell.
fn told(canvas: &mut Canvas<'_>, words: &str, heading: usize, y: u16, rows: u16) {
    let room = canvas.width().saturating_sub(2);
    let mut broken = lines(words, room);
    for line in 0..rows {
        let Some(text) = broken.next() else { break };
        let more = line + 1 == rows && broken.clone().next().is_some();
        let room = if more { room - 1 } else { room };
        let at = match text.split_at_checked(heading).filter(|_| line == 0) {
            Some((name, rest)) => {
                let at = canvas.put(1, y + line, room, name, Tone::Strong);
                canvas.put(at, y + line, (room + 1).saturating_sub(at), rest, Tone::Plain)
            }
            None => canvas.put(1, y + line, room, text, Tone::Plain),
        };
        if more {
            canvas.put(at, y + line, 1, "…", Tone::Strong);
        }
    }
}

fn sentences(words: &mut String, model: &Model, moment: Moment, selected: &Selected<'_>) -> std::fmt::Result {
    if let Some(placement) = selected.placement {
        return explain::placement(words, &model.fleet, placement, moment.words());
    }
    let placements = &selected.cell.placements;
    write!(words, "{}. ", counted(placements.len(), "placement", "placements"))?;
    // The one that needs eyes most is told in full, before the rest.
    let Some(worst) = placements.iter().min_by_key(|placement| Attention::of(placement)) else { return Ok(()) };
    write!(words, "{}: ", worst.name.shown())?;
    explain::placement(words, &model.fleet, worst, moment.words())?;
    for placement in placements.iter().filter(|placement| placement.name != worst.name) {
        write!(words, " {}: ", placement.name.shown())?;
        explain::placement(words, &model.fleet, placement, moment.words())?;
    }
    Ok(())
}

/// What the rows come to, as a rule between them and the words.
fn counts(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, y: u16) {
    let (counts, words) = (model.matrix.counts, &mut painter.words);
    words.clear();
    let all = model.fleet.services().len();
    if counts.rows != all {
        let _ = write!(words, "{} of {} pass the filter, Esc shows all · ", counts.rows, counted(all, "service", "services"));
    }
    let keys = canvas.look.keys;
    let changed = model.own.marks.count();
    let told = [
        (counts.broken, "broken", ""),
        (counts.waiting, if counts.waiting == 1 { "waits for a person" } else { "wait for a person" }, ""),
        (counts.moving, "moving", ""),
        (counts.drifting, if counts.drifting == 1 { "differs from git" } else { "differ from git" }, ""),
        (changed, "changed", keys.of(Intent::SeeAll)),
        (counts.in_no_cell, "in no cell", keys.of(Intent::Sources)),
    ];
    for (count, what, key) in told.into_iter().filter(|(count, ..)| *count > 0) {
        let _ = if key.is_empty() { write!(words, "{count} {what} · ") } else { write!(words, "{count} {what} ({key}) · ") };
    }
    let _ = write!(words, "{} · {}", counted(counts.rows, "service", "services"), counted(counts.placements, "placement", "placements"));
    canvas.rule(0, y, 1);
    let room = canvas.width().saturating_sub(4);
    let at = canvas.cut(2, y, room, words, Tone::Quiet);
    canvas.rule(at + 1, y, canvas.width().min(super::RULE));
}
