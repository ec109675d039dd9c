//! The matrix: services × environments. Heads of columns, the lines in sight, and below them the selected cell in words.
//!
//! Only what is in sight is looked at, so a frame costs the same in a fleet of ten rows and of fifty thousand.

mod cell;
mod detail;
mod empty;
mod grid;

use std::fmt::Write as _;

use super::Painter;
use super::canvas::{Canvas, head, width};
use super::look::Tone;
use super::moment::Moment;
use crate::app::matrix::{Arrange, Column, Layout, Line, Section};
use crate::app::{Intent, Model};
use crate::base::Timestamp;
use crate::domain::fleet::{Placement, Service, Since};
use crate::domain::observation::SourceState;
use crate::domain::{EnvironmentName, Known, PlacementName, ServiceName, SourceId, SourceKind};
use cell::Place;
use grid::Grid;

/// What all cells of one frame share.
struct Frame<'a> {
    model: &'a Model,
    grid: Grid,
    moment: Moment,
    /// Sources of which not everything is current: only their placements can be stale.
    troubled: Vec<&'a SourceId>,
    /// The number of the selected column.
    selected: usize,
}

impl<'a> Frame<'a> {
    fn of(model: &'a Model, width: u16, moment: Moment) -> Self {
        let selected = model.matrix.column_index(&model.fleet);
        let grid = Grid::of(width, model.matrix.columns.len(), selected);
        Self { model, grid, moment, troubled: troubled(model), selected }
    }

    /// The columns in sight.
    fn columns(&self) -> impl Iterator<Item = &'a Column> {
        self.model.matrix.columns.iter().skip(self.grid.first).take(self.grid.shown)
    }

    /// Since when the oldest of these has not been confirmed, if it is not current.
    fn stale(&self, placements: &[Placement]) -> Option<Since> {
        if self.troubled.is_empty() {
            return None;
        }
        let concerned = placements.iter().filter(|placement| self.troubled.iter().any(|source| concerns(source, placement)));
        concerned.filter_map(|placement| self.model.fleet.stale_since(placement, self.moment.exact())).min()
    }
}

fn troubled(model: &Model) -> Vec<&SourceId> {
    let current = |state: &SourceState| state.is_live();
    let sources = model.fleet.sources().iter();
    let mut found = Vec::with_capacity(sources.len());
    let troubled = sources.filter(|(_, source)| {
        source.scopes.is_empty() || source.scopes.values().any(|scope| !current(&scope.state)) || source.controller_silent(model.now).is_some()
    });
    found.extend(troubled.map(|(id, _)| id));
    found
}

fn concerns(source: &SourceId, placement: &Placement) -> bool {
    placement.parts.iter().any(|part| match source.kind {
        SourceKind::Argocd => part.app.argocd.0 == source.name,
        SourceKind::Cluster => {
            matches!(&part.workloads, Known::Known(workloads) if workloads.first().is_some_and(|workload| workload.cluster.0 == source.name))
        }
        SourceKind::Repository | SourceKind::Github => false,
    })
}

/// When a silence that is in sight changes before the minute does.
pub(super) fn has_young_silence(model: &Model, moment: Moment) -> bool {
    let is_young = |at: Timestamp| crate::base::time::since(at, moment.exact()).as_secs() < 75;
    model.fleet.sources().values().any(|source| {
        let mut lost = source.scopes.iter().filter(|(_, status)| !status.state.is_live());
        lost.any(|(scope, _)| source.confirmed_at(scope).is_some_and(is_young))
    })
}

pub(super) fn paint(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, moment: Moment) {
    let layout = Layout::of((canvas.width(), canvas.height()));
    let body = u16::try_from(layout.body).unwrap_or(u16::MAX);
    if model.matrix.lines.is_empty() {
        empty::paint(canvas, painter, model, moment);
        return;
    }
    let frame = Frame::of(model, canvas.width(), moment);
    if !painter.holds {
        painter.stressed = frame.selected;
    }
    heads(canvas, &frame, painter.stressed);
    let lines = model.matrix.lines.iter().enumerate().skip(model.matrix.top).take(layout.body);
    for (y, (index, line)) in (2..2 + body).zip(lines) {
        match line {
            Line::Section(section, rows) => heading(canvas, painter, model, section, *rows, y),
            Line::Row(name) => row(canvas, painter, &frame, name, index == model.matrix.cursor, y),
            Line::Folded(rows) => folded(canvas, painter, *rows, y),
        }
    }
    detail::paint(canvas, painter, model, moment, 2 + body, layout.detail);
}

/// The second row: what is filtered and how it is arranged, and the names of the columns, one of which is stressed.
fn heads(canvas: &mut Canvas<'_>, frame: &Frame<'_>, stressed: usize) {
    let (grid, matrix) = (frame.grid, &frame.model.matrix);
    if !matrix.filter.is_empty() {
        let x = canvas.put(1, 1, 1, "/", Tone::Info);
        canvas.cut(x, 1, grid.name.saturating_sub(2), crate::base::Safe::clean(matrix.filter.text()).as_str(), Tone::Info);
    } else if matrix.arrange != Arrange::ByNeed {
        canvas.cut(1, 1, grid.name.saturating_sub(1), matrix.arrange.title(), Tone::Quiet);
    }
    if grid.changed > 0 {
        canvas.put(1 + grid.name, 1, grid.changed, "changed", Tone::Quiet);
    }
    for (place, column) in frame.columns().enumerate() {
        let gap = grid.gap(place);
        let index = grid.first + place;
        let tone = if index == stressed { Tone::Strong } else { Tone::Quiet };
        let more = u16::from(place + 1 == grid.shown && index + 1 < matrix.columns.len());
        title(canvas, column, gap + 1, grid.content().saturating_sub(more), tone);
        if place == 0 && grid.first > 0 {
            canvas.put(gap, 1, 1, "‹", Tone::Strong);
        }
        if more > 0 {
            canvas.put(gap + grid.content(), 1, 1, "›", Tone::Strong);
        }
    }
}

/// The name of a column: of a split environment the placement stays whole as long as it can.
fn title(canvas: &mut Canvas<'_>, column: &Column, x: u16, room: u16, tone: Tone) {
    let whole = column.title.as_str();
    let Some(placement) = column.placement.as_ref().map(|placement| placement.0.shown()).filter(|_| width(whole) > room) else {
        canvas.cut(x, 1, room, whole, tone);
        return;
    };
    let behind = width(placement.as_str()) + 1;
    if room >= behind + 3 {
        let at = canvas.put(x, 1, room - behind, head(whole, (room - behind).min(4)), tone);
        let at = canvas.put(at, 1, 1, "·", tone);
        canvas.put(at, 1, behind, placement.as_str(), tone);
    } else {
        canvas.cut(x, 1, room, placement.as_str(), tone);
    }
}

fn heading(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, section: &Section, rows: usize, y: u16) {
    painter.words.clear();
    let _ = match section {
        Section::NeedsEyes => write!(painter.words, "NEEDS EYES {rows}"),
        Section::News => {
            let last = model.fleet.landscape().environments.last().map(|environment| environment.name.shown()).unwrap_or_default();
            write!(painter.words, "CHANGED IN {last}, 4 h  {rows}")
        }
        Section::Quiet => write!(painter.words, "QUIET {rows}"),
        Section::Group(group) => write!(painter.words, "{group} {rows}"),
    };
    let tone = if *section == Section::Quiet { Tone::Quiet } else { Tone::Strong };
    let room = canvas.width().saturating_sub(1);
    let at = canvas.cut(0, y, room, &painter.words, tone);
    canvas.rule(at + 1, y, canvas.width().min(RULE));
}

/// A rule is as long as it has to be to be seen as one: each of its columns costs three bytes on a slow line.
const RULE: u16 = 100;

fn folded(canvas: &mut Canvas<'_>, painter: &mut Painter, rows: usize, y: u16) {
    painter.words.clear();
    let _ = write!(painter.words, "QUIET {rows}");
    let at = canvas.put(0, y, canvas.width(), &painter.words, Tone::Strong);
    painter.words.clear();
    let _ = write!(painter.words, "{} unfolds  {} filters", canvas.look.keys.of(Intent::Fold), canvas.look.keys.of(Intent::Filter));
    let at = canvas.put(at + 3, y, canvas.width().saturating_sub(at + 3), &painter.words, Tone::Quiet);
    canvas.rule(at + 1, y, canvas.width().min(RULE));
}

fn row(canvas: &mut Canvas<'_>, painter: &mut Painter, frame: &Frame<'_>, name: &ServiceName, selected: bool, y: u16) {
    let Some(service) = frame.model.fleet.services().get(name) else { return };
    if selected {
        canvas.put(0, y, 1, "▸", Tone::Strong);
    } else if frame.model.own.favourites.contains(name) {
        canvas.put(0, y, 1, "★", Tone::Quiet);
    }
    let grid = frame.grid;
    canvas.cut(1, y, grid.name.saturating_sub(1), name.shown().as_str(), Tone::Plain);
    if grid.changed > 0 {
        changed(canvas, painter, frame, service, y);
    }
    for (place, column) in frame.columns().enumerate() {
        let gap = grid.gap(place);
        let here = Place { x: gap + 1, y, room: grid.content() };
        let end = cell::paint(canvas, &mut painter.words, frame, service, column, here);
        let is_here = selected && grid.first + place == frame.selected;
        if let Some((sign, tone)) = sign(frame.model, name, column).filter(|_| !is_here) {
            canvas.put(gap, y, 1, sign, tone);
        }
        if is_here {
            canvas.put(gap, y, 1, "▸", Tone::Strong);
            canvas.select(gap, y, end);
        }
    }
}

/// What stands before a cell: it changed and nobody looked, or it is watched.
fn sign(model: &Model, service: &ServiceName, column: &Column) -> Option<(&'static str, Tone)> {
    let marked = model.own.marks.of(service);
    if marked.is_empty() && model.own.watched.is_empty() {
        return None;
    }
    let environment = &model.fleet.landscape().environments.get(column.environment)?.name;
    let is_here = |other: &EnvironmentName, name: &PlacementName| other == environment && column.placement.as_ref().is_none_or(|one| one == name);
    if marked.iter().any(|(environment, placement)| is_here(environment, placement)) {
        return Some(("·", Tone::Info));
    }
    let mut watched = model.own.watched.keys().filter(|key| key.service == *service);
    watched.any(|key| is_here(&key.environment, &key.placement)).then_some(("◇", Tone::Info))
}

/// Where and when the service last changed.
fn changed(canvas: &mut Canvas<'_>, painter: &mut Painter, frame: &Frame<'_>, service: &Service, y: u16) {
    let environments = &frame.model.fleet.landscape().environments;
    let placements = service.cells.iter().flat_map(|(environment, cell)| cell.placements.iter().map(move |placement| (*environment, placement)));
    let latest =
        placements.filter_map(|(environment, placement)| placement.deployed_at.map(|at| (at, environment, placement))).max_by_key(|(at, ..)| *at);
    let Some((at, environment, placement)) = latest else { return };
    painter.words.clear();
    let _ = write!(painter.words, "{}", frame.moment.age(at));
    let x = 1 + frame.grid.name;
    let room = frame.grid.changed.saturating_sub(2 + 3);
    let place = environments.get(environment).map(|environment| environment.name.shown()).unwrap_or_default();
    let place = if placement.name.0.is_empty() { place } else { placement.name.shown() };
    let end = canvas.cut(x, y, room, place.as_str(), Tone::Quiet);
    canvas.put(end + 1, y, 3, &painter.words, Tone::Quiet);
}
