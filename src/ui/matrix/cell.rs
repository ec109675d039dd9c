//! One cell of the matrix: `version[→what git wants] glyph+letter [canary] [~] [age]`. Quiet where all is well, dimmed with `?` and the length of the silence
//! where it is not current. Compact cells say `=` for the version of the environment before.

use std::fmt::Write as _;

use super::Frame;
use crate::app::matrix::Column;
use crate::base::Raw;
use crate::domain::attention::Attention;
use crate::domain::canary::{Canary, Waits};
use crate::domain::fleet::{Cell, Missed, Placement, Service, Since};
use crate::domain::health::{Health, Known, Sync};
use crate::domain::workload::RolloutPhase;
use crate::ui::canvas::{Canvas, head, width};
use crate::ui::look::Tone;
use crate::ui::moment::Moment;

/// The fields of a roomy cell: state is glyph, letter and one mark.
const STATE: u16 = 3;
const AGE: u16 = 3;
/// `+12`, and a gap.
const BEHIND: u16 = 4;
/// A version gets at most so much; the rest is for canaries.
const VERSION: u16 = 14;

/// Paints one cell into the columns behind `x`. Returns the end of what a cursor marks.
pub(super) fn paint(canvas: &mut Canvas<'_>, words: &mut String, frame: &Frame<'_>, row: &Service, column: &Column, place: Place) -> u16 {
    let placements = shown(row, column);
    let Some(lead) = placements.iter().min_by_key(|placement| Attention::of(placement)) else {
        return canvas.put(place.x, place.y, place.room, "–", Tone::Quiet);
    };
    let attention = Attention::of(lead);
    let stale = frame.stale(placements);
    let facts =
        Facts { placements, lead, tone: if stale.is_some() { Tone::Stale } else { Tone::from(attention) }, stale, quiet: is_quiet(lead, attention) };
    if frame.grid.is_compact() {
        let same = facts.quiet && same_as_before(frame, row, column.environment, placements);
        compact(canvas, words, frame.moment, &facts, same, place)
    } else {
        roomy(canvas, words, frame.moment, &facts, place)
    }
}

/// Where a cell goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) x: u16,
    pub(super) y: u16,
    pub(super) room: u16,
}

struct Facts<'a> {
    placements: &'a [Placement],
    /// The one that needs eyes most.
    lead: &'a Placement,
    tone: Tone,
    stale: Option<Since>,
    quiet: bool,
}

/// The placements that a column shows of a row.
pub(super) fn shown<'a>(row: &'a Service, column: &Column) -> &'a [Placement] {
    let Some(cell) = row.cells.get(&column.environment) else { return &[] };
    in_column(cell, column)
}

fn in_column<'a>(cell: &'a Cell, column: &Column) -> &'a [Placement] {
    if column.placement.is_some() { column.placement_in(cell).map_or(&[], std::slice::from_ref) } else { &cell.placements }
}

fn is_quiet(placement: &Placement, attention: Attention) -> bool {
    attention == Attention::Quiet
        && placement.health == Health::Healthy
        && matches!(placement.versions, Known::Known(_))
        && placement.unversioned.is_none()
        && placement.wants_another().is_none()
}

fn compact(canvas: &mut Canvas<'_>, words: &mut String, moment: Moment, facts: &Facts<'_>, same: bool, place: Place) -> u16 {
    let Place { x, y, room } = place;
    let canary = notable_canary(facts.lead);
    words.clear();
    match canary {
        Some(canary) if canary.waits != Waits::Aborted => short_canary(words, canary, moment),
        _ if same => words.push('='),
        _ => version(words, facts.placements),
    }
    let split = words.len();
    let left = room.saturating_sub(width(words));
    // The version is worth more than what follows it: that is said in full, or shorter, or as short as it can be.
    for brevity in [Brevity::Full, Brevity::Short, Brevity::Shortest] {
        words.truncate(split);
        if brevity == Brevity::Full && !same && canary.is_none() {
            behind(words, facts.lead);
        }
        state(canvas, words, facts, canary, brevity);
        match brevity {
            Brevity::Full => silence(words, facts, moment),
            Brevity::Short | Brevity::Shortest if facts.stale.is_some() => words.push('?'),
            Brevity::Short | Brevity::Shortest => {}
        }
        if width(words.get(split..).unwrap_or_default()) <= left {
            break;
        }
    }
    let (text, suffix) = words.split_at_checked(split).unwrap_or((words, ""));
    let behind = width(suffix).min(room);
    let end = canvas.squeeze(x, y, room - behind, text, facts.tone);
    canvas.put(end, y, behind, suffix, facts.tone)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brevity {
    /// Glyph, letter and mark.
    Full,
    /// Glyph and mark.
    Short,
    /// The glyph, else the mark.
    Shortest,
}

/// The state behind a version, where it is not well.
fn state(canvas: &Canvas<'_>, words: &mut String, facts: &Facts<'_>, canary: Option<&Canary>, brevity: Brevity) {
    match canary {
        Some(canary) if canary.waits == Waits::Aborted => words.push('⤺'),
        Some(_) => {}
        None if facts.quiet => {}
        None => {
            let state = if facts.lead.health == Health::Healthy { "" } else { canvas.look.health(&facts.lead.health) };
            words.push_str(if brevity == Brevity::Full { state } else { head(state, 1) });
            if brevity != Brevity::Shortest || state.is_empty() {
                words.push_str(mark(facts.lead));
            }
        }
    }
}

/// How long what is shown has not been confirmed.
fn silence(words: &mut String, facts: &Facts<'_>, moment: Moment) {
    if let Some(Since(since)) = facts.stale {
        words.push('?');
        if let Some(silence) = since.and_then(|at| moment.silence(at)) {
            let _ = write!(words, "{silence}");
        }
    }
}

fn roomy(canvas: &mut Canvas<'_>, words: &mut String, moment: Moment, facts: &Facts<'_>, place: Place) -> u16 {
    let Place { x, y, room } = place;
    let with_extra = room >= 8 + 1 + STATE + 1 + AGE;
    let with_both = room >= 8 + 1 + STATE + 1 + BEHIND + AGE;
    let field = (room - 1 - STATE - if with_extra { 1 + AGE } else { 0 } - if with_both { BEHIND } else { 0 }).min(VERSION);
    words.clear();
    silence(words, facts, moment);
    let (silent, split) = (width(words).min(field), words.len());
    version(words, facts.placements);
    let canary = notable_canary(facts.lead);
    if let Some(canary) = canary.filter(|canary| canary.waits != Waits::Aborted) {
        let end = words.len();
        short_canary(words, canary, moment);
        // Where both have no room, what moves is worth more than what stands.
        if 1 + width(words) > room {
            words.clear();
            short_canary(words, canary, moment);
            silence(words, facts, moment);
            return canvas.put(x, y, room, words, facts.tone);
        }
        words.truncate(end);
    }
    if canary.is_none()
        && let Some(versions) = facts.lead.wants_another().filter(|versions| !versions.is_empty())
    {
        let end = words.len();
        for (index, version) in versions.iter().enumerate() {
            let _ = write!(words, "{}{}", if index == 0 { '→' } else { '+' }, version.text.shown());
        }
        // Half a version is none; the mark behind the state says it as well.
        if width(words) > field {
            words.truncate(end);
        }
    }
    let (suffix, text) = words.split_at_checked(split).unwrap_or(("", words));
    let end = canvas.squeeze(x, y, field - silent, text, facts.tone);
    let end = canvas.put(end, y, silent, suffix, facts.tone);
    if let Some(canary) = canary {
        change(canvas, words, facts, canary, moment, Place { x: end + 1, y, room: (x + room).saturating_sub(end + 1) });
        return end;
    }
    // What was healthy when it was last seen is not painted as healthy.
    let state = x + field + 1;
    if facts.stale.is_none() || facts.lead.health != Health::Healthy {
        let at = canvas.put(state, y, 2, canvas.look.health(&facts.lead.health), facts.tone);
        canvas.put(at, y, 1, mark(facts.lead), facts.tone);
    }
    let mut after = state + STATE + 1;
    words.clear();
    behind(words, facts.lead);
    if !with_extra && end + 1 + width(words) <= x + field {
        canvas.put_right(x + field, y, BEHIND - 1, words, facts.tone);
    }
    if with_extra && !words.is_empty() {
        canvas.put(after, y, BEHIND - 1, words, facts.tone);
        // How far it is behind is worth more than its age.
        if !with_both {
            return end;
        }
    }
    after += if with_both { BEHIND } else { 0 };
    if with_extra && let Some(at) = facts.placements.iter().filter_map(|placement| placement.deployed_at).max() {
        words.clear();
        let _ = write!(words, "{}", moment.age(at));
        canvas.put_right(after + AGE, y, AGE, words, facts.tone);
    }
    end
}

/// A change under way, or turned back, behind the version that users meet.
fn change(canvas: &mut Canvas<'_>, words: &mut String, facts: &Facts<'_>, canary: &Canary, moment: Moment, place: Place) {
    let Place { x, y, room } = place;
    words.clear();
    if canary.waits == Waits::Aborted {
        words.push_str(if room >= 13 { "⤺ turned back" } else { "⤺" });
    } else {
        short_canary(words, canary, moment);
        let begin = words.len();
        if let Some(incoming) = &facts.lead.incoming {
            let _ = write!(words, " →{}", incoming.text.shown());
        }
        if width(words) > room {
            words.truncate(begin);
        }
    }
    canvas.put(x, y, room, words, facts.tone);
}

/// What else is to be said of the state, in one character: a failed or running sync, another version that git wants, any other difference from it.
fn mark(placement: &Placement) -> &'static str {
    match &placement.sync {
        _ if placement.syncing => "↻",
        _ if placement.operation_failed || placement.stuck.is_some() => "!",
        _ if placement.wants_another().is_some() => "→",
        Sync::OutOfSync => "~",
        Sync::Synced | Sync::Unknown(_) => "",
    }
}

/// `+4`: so many versions behind the environment before it; `±`: that one never had ours. Nothing where both are level, or nobody knows.
fn behind(words: &mut String, placement: &Placement) {
    let Some(behind) = &placement.behind else { return };
    let _ = match (behind.count(), &behind.missed) {
        (Some(0), _) | (None, Missed::Steps(_) | Missed::Unread) => Ok(()),
        (Some(count @ 1..100), _) => write!(words, "+{count}"),
        (Some(_), _) => write!(words, "+99"),
        (None, Missed::Never) => write!(words, "±"),
    };
}

/// A change that has more to say than health has: while a Rollout without steps moves, it is like any Deployment.
fn notable_canary(placement: &Placement) -> Option<&Canary> {
    placement.open_canary().filter(|canary| canary.has_steps() || canary.waits != Waits::Nothing || canary.phase == RolloutPhase::Degraded)
}

/// Weight and whom it waits for: `25%‖you`.
fn short_canary(words: &mut String, canary: &Canary, moment: Moment) {
    if canary.has_steps() {
        let _ = write!(words, "{}%", canary.weight_actual.unwrap_or(canary.weight_asked));
    }
    let _ = match &canary.waits {
        _ if canary.phase == RolloutPhase::Degraded => write!(words, "✖D"),
        Waits::Person => write!(words, "‖you"),
        Waits::Until(until) => write!(words, "‖{}", moment.until(*until)),
        Waits::Analysis => write!(words, "◐anl"),
        Waits::Nothing | Waits::Aborted => write!(words, "◐"),
    };
}

/// The versions of all placements, each once.
fn version(words: &mut String, placements: &[Placement]) {
    let begin = words.len();
    for text in versions(placements) {
        if words.len() > begin {
            words.push('+');
        }
        let _ = write!(words, "{}", text.shown());
    }
    if words.len() == begin {
        words.push('?');
    } else if placements.iter().any(|placement| placement.unversioned.is_some()) {
        words.push_str("+?");
    }
}

/// The texts of the versions, each once, in the order of the placements.
fn versions(placements: &[Placement]) -> impl Iterator<Item = &Raw> {
    let all = || placements.iter().filter_map(|placement| placement.versions.as_known()).flatten().map(|version| &version.text);
    all().enumerate().filter(move |(index, text)| all().take(*index).all(|earlier| earlier != *text)).map(|(_, text)| text)
}

/// Whether the version is that of the environment it is promoted from, and that one is in sight.
fn same_as_before(frame: &Frame<'_>, row: &Service, environment: usize, placements: &[Placement]) -> bool {
    let landscape = frame.model.fleet.landscape();
    let from = landscape.environments.get(environment).and_then(|environment| environment.from.first());
    let Some(parent) = from.map_or_else(|| environment.checked_sub(1), |from| landscape.position(from)) else { return false };
    if !frame.columns().any(|column| column.environment == parent) {
        return false;
    }
    let Some(before) = row.cells.get(&parent).filter(|cell| cell.placements.iter().all(|placement| placement.unversioned.is_none())) else {
        return false;
    };
    let (mut here, mut there) = (versions(placements), versions(&before.placements));
    match (here.next(), there.next()) {
        (Some(one), Some(other)) => one == other && here.next().is_none() && there.next().is_none(),
        _ => false,
    }
}
