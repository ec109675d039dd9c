//! The first row: the title, one badge per source, what else the whole screen must say, and the clock in minutes.
//!
//! The worst sources come first and by name; those for which there is no room are counted.

use std::fmt::Write as _;

use super::Painter;
use super::canvas::{Canvas, width};
use super::look::{Glyphs, Tone};
use super::moment::{Clock, Moment};
use crate::app::Model;
use crate::base::{Safe, counted};
use crate::domain::SourceId;
use crate::domain::fleet::Source;
use crate::domain::observation::{SourceState, World};
use crate::operations::oncall::Answer;

/// How a source is doing, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Its reader crashed, and crashed again.
    Crashed,
    /// All of it is refused.
    Refused,
    /// Some of it is lost.
    Lost,
    /// It answers, but the controller behind it is silent.
    Silent,
    /// Some of it is refused.
    PartlyRefused,
    /// Not heard of yet.
    Connecting,
    /// All is current.
    Live,
    /// Not read, on purpose.
    Off,
}

const STANDINGS: [Standing; 8] = [
    Standing::Crashed,
    Standing::Refused,
    Standing::Lost,
    Standing::Silent,
    Standing::PartlyRefused,
    Standing::Connecting,
    Standing::Live,
    Standing::Off,
];

impl Standing {
    pub(super) fn of(model: &Model, id: &SourceId, source: &Source) -> Self {
        let Some((_, worst)) = source.worst() else { return Self::Connecting };
        match &worst.state {
            _ if crashed(model, id) => Self::Crashed,
            SourceState::Waiting { .. } => Self::Lost,
            SourceState::Denied { .. } if !source.any_live() => Self::Refused,
            _ if source.controller_silent(model.now).is_some() => Self::Silent,
            SourceState::Denied { .. } => Self::PartlyRefused,
            SourceState::Connecting => Self::Connecting,
            SourceState::Live => Self::Live,
            SourceState::Off { .. } => Self::Off,
        }
    }

    pub(super) const fn tone(self) -> Tone {
        match self {
            Self::Crashed | Self::Lost | Self::Refused | Self::Silent => Tone::Broken,
            Self::PartlyRefused => Tone::Waiting,
            Self::Connecting => Tone::Moving,
            Self::Live => Tone::Plain,
            Self::Off => Tone::Quiet,
        }
    }

    pub(super) const fn glyph(self, glyphs: Glyphs) -> &'static str {
        let both = match self {
            Self::Crashed => ("✖ crashed", "crashed"),
            Self::Lost => ("✖", "lost"),
            Self::Silent => ("● controller silent", "controller silent"),
            Self::Refused => ("✖ refused", "refused"),
            Self::PartlyRefused => ("● some refused", "some refused"),
            Self::Connecting => ("◌", "asking"),
            Self::Live => ("●", "ok"),
            Self::Off => ("–", "off"),
        };
        match glyphs {
            Glyphs::Unicode => both.0,
            Glyphs::Ascii => both.1,
        }
    }
}

/// Whether the reader of a source is down for good.
fn crashed(model: &Model, id: &SourceId) -> bool {
    model.panics.iter().filter(|(source, _)| source.as_ref() == Some(id)).count() > 1
}

pub(super) fn paint(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, moment: Moment) {
    let end = canvas.width().saturating_sub(1);
    let words = &mut painter.words;
    words.clear();
    let _ = write!(words, "{}", Clock(moment.exact()));
    let mut end = canvas.put_right(end, 0, 6, words, Tone::Plain);
    // Where there is little room, only what is wrong is told.
    if let Some(answer) = model.operations.way_back.answer().filter(|answer| *answer == Answer::No || canvas.width() >= WIDE) {
        let (told, tone) = way_back(answer, canvas.look.glyphs);
        end = canvas.put_right(end.saturating_sub(2), 0, end, told, tone);
    }
    // A source that crashed for good has it on its own badge.
    let crashes = model.panics.iter().filter(|(source, _)| source.as_ref().is_none_or(|id| !crashed(model, id))).count();
    if crashes > 0 {
        words.clear();
        let _ = write!(words, "✖ {crashes} crashed");
        end = canvas.put_right(end.saturating_sub(2), 0, end, words, Tone::Broken);
    }
    // Whoever armed something is reminded on every screen, for as long as it lasts.
    for (environment, until) in model.operations.standing.armed.iter().filter(|(_, until)| **until > model.now) {
        words.clear();
        let _ = write!(words, "armed {} {}", environment.shown(), moment.until(*until));
        end = canvas.put_right(end.saturating_sub(2), 0, end / 2, words, Tone::Waiting);
    }
    // Those that were begun here, and those of others.
    let others = model.operations.others.iter().filter(|other| !model.operations.underway.contains_key(&other.id)).count();
    let open = model.operations.open().count() + others;
    if open > 0 {
        words.clear();
        let _ = write!(words, "open {open}");
        end = canvas.put_right(end.saturating_sub(2), 0, end, words, Tone::Moving);
    }
    let debts = model.operations.debts.len();
    if debts > 0 {
        words.clear();
        let _ = write!(words, "debt {debts}");
        end = canvas.put_right(end.saturating_sub(2), 0, end, words, Tone::Waiting);
    }
    let ending = model.fleet.sources().iter().filter_map(|(id, source)| Some((source.login_ends_soon(model.now)?.0, id)));
    if let Some((at, id)) = ending.min() {
        words.clear();
        let _ = write!(words, "login of {} {} {}", id.name.shown(), if at > model.now { "ends" } else { "ended" }, Clock(at));
        end = canvas.put_right(end.saturating_sub(2), 0, end / 2, words, Tone::Waiting);
    }
    let landscape = model.fleet.landscape();
    let guessed = match (landscape.guessed, landscape.read_only) {
        (true, true) => "guessed, read-only",
        (true, false) => "guessed",
        (false, _) => "",
    };
    if !guessed.is_empty() && canvas.width() >= 60 {
        end = canvas.put_right(end.saturating_sub(2), 0, end, guessed, Tone::Info);
    }
    let at = canvas.put(1, 0, end, "tiphys", Tone::Strong);
    let room = (end / 4).max(8);
    let at = match &model.demo {
        Some(demo) => loudly(canvas, words, &demo.scenario, at + 1, (end / 3).max(14)),
        None if model.settings.title.is_empty() => at,
        None => canvas.cut(at + 1, 0, room, model.settings.title.as_str(), Tone::Plain),
    };
    badges(canvas, painter, model, moment, at + 3, end.saturating_sub(2));
}

/// From so many columns on there is room for what is well.
const WIDE: u16 = 100;

/// Whether whoever sits here could go back, in two words and a sign.
const fn way_back(answer: Answer, glyphs: Glyphs) -> (&'static str, Tone) {
    match (answer, glyphs) {
        (Answer::Yes, Glyphs::Unicode) => ("way back ✔", Tone::Plain),
        (Answer::Yes, Glyphs::Ascii) => ("way back ok", Tone::Plain),
        (Answer::Unknown, _) => ("way back ?", Tone::Quiet),
        (Answer::No, Glyphs::Unicode) => ("way back ✖", Tone::Broken),
        (Answer::No, Glyphs::Ascii) => ("way back NO", Tone::Broken),
    }
}

/// Nobody is to mistake a world to practise in for production.
fn loudly(canvas: &mut Canvas<'_>, words: &mut String, scenario: &Safe, x: u16, room: u16) -> u16 {
    words.clear();
    let _ = write!(words, " demo · {scenario}");
    let end = canvas.cut(x, 0, room, words, Tone::Strong);
    let end = canvas.put(end, 0, 1, " ", Tone::Strong);
    canvas.select(x, 0, end);
    end
}

fn badges(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, moment: Moment, mut x: u16, end: u16) {
    let sources = model.fleet.sources();
    let everything: u16 = sources.iter().map(|(id, source)| badge(painter, canvas, model, moment, (id, source)).saturating_add(3)).sum();
    let all_fit = x.saturating_add(everything) <= end + 3;
    let mut left = sources.len();
    for standing in STANDINGS {
        for (id, source) in sources.iter().filter(|(id, source)| Standing::of(model, id, source) == standing) {
            let needed = badge(painter, canvas, model, moment, (id, source));
            // Room for `99 others ●` stays free for those that do not fit.
            let reserved = if all_fit || left == 1 { 0 } else { 3 + OTHERS };
            if x.saturating_add(needed).saturating_add(reserved) > end {
                others(canvas, painter, model, standing, left, (x, end));
                return;
            }
            x = canvas.put(x, 0, needed, &painter.words, standing.tone()) + 3;
            left -= 1;
        }
    }
}

/// Columns of `99 others ●`.
const OTHERS: u16 = 11;

/// Counts the sources for which there is no room; their glyph is that of the worst of them.
fn others(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, worst: Standing, left: usize, (x, end): (u16, u16)) {
    let named = left < model.fleet.sources().len();
    let glyph = worst.glyph(canvas.look.glyphs);
    painter.words.clear();
    let told = if named { counted(left, "other", "others") } else { counted(left, "source", "sources") };
    let _ = write!(painter.words, "{told} {glyph}");
    if width(&painter.words) > end.saturating_sub(x) {
        painter.words.clear();
        let _ = write!(painter.words, "{left} {glyph}");
    }
    canvas.put(x, 0, end.saturating_sub(x), &painter.words, worst.tone());
}

/// Writes a badge and says how many columns it takes: name, glyph, and what is not as it should be.
fn badge(painter: &mut Painter, canvas: &Canvas<'_>, model: &Model, moment: Moment, (id, source): (&SourceId, &Source)) -> u16 {
    let standing = Standing::of(model, id, source);
    let words = &mut painter.words;
    words.clear();
    let name: Safe = id.name.shown();
    let _ = write!(words, "{name} {}", standing.glyph(canvas.look.glyphs));
    let since = match standing {
        Standing::Crashed | Standing::Lost => source.worst().and_then(|(scope, _)| source.confirmed_at(scope)),
        Standing::Silent => source.controller_silent(model.now),
        _ => None,
    };
    if let Some(silence) = since.and_then(|at| moment.silence(at)) {
        let _ = write!(words, " {silence}");
    }
    if source.instance.reads == Some(World::Cluster) {
        words.push_str(" via cluster");
    }
    width(words)
}
