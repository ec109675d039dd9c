//! The matrix: which rows in which order, which columns, and what is selected.
//!
//! Selection follows identity. Rows move only when nobody is about to press a key: not within [`HOLD`] of the last one, not under an overlay.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::app::Refusal;
use crate::app::columns::columns;
pub use crate::app::columns::{Column, ColumnKey};
use crate::app::filter::{Filter, Lens, Sight};
use crate::base::time::{later, since};
use crate::base::{Safe, Timestamp};
use crate::domain::ServiceName;
use crate::domain::attention::Attention;
use crate::domain::fleet::{Cell, Fleet, Placement, Service};

/// No row moves so soon after a key: what is under the finger stays there.
pub const HOLD: Duration = Duration::from_secs(3);

/// A change in the last environment counts as news for so long.
pub const NEWS: Duration = Duration::from_hours(4);

/// More rows than this are put in order at most every [`CALM`]: sorting is cheap, but not a thousand times a second.
const MANY: usize = 400;
const CALM: Duration = Duration::from_millis(250);

/// More rows than this at most every [`BREATH`]: the first change at once, a burst in steps that an eye can follow.
const SOME: usize = 100;
const BREATH: Duration = Duration::from_millis(50);

/// The state of the matrix.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MatrixState {
    /// What is shown, from top to bottom, the quiet folded or not.
    pub lines: Vec<Line>,
    /// The columns, in promotion order.
    pub columns: Vec<Column>,
    /// The first line that is shown.
    pub top: usize,
    /// The line under the cursor: always a row, unless there is none.
    pub cursor: usize,
    /// The selected service: the cursor follows it.
    pub selected: Option<ServiceName>,
    /// The selected column, by identity.
    pub column: Option<ColumnKey>,
    /// Which rows.
    pub filter: Filter,
    /// In which order.
    pub arrange: Arrange,
    /// Whether the quiet rows are folded; `None`: when they do not fit.
    pub folded: Option<bool>,
    /// How many rows are of which kind, after the filter.
    pub counts: Counts,
    /// A person moved the cursor: from then on it follows the service it is on. Before, it stays on what is most urgent.
    chosen: bool,
    /// The service that was selected at the last key. Where its row goes, the cursor stays near; where it comes back before the next key, so does
    /// the cursor: a list that is read anew moves nothing.
    home: Option<ServiceName>,
    dirty: bool,
    held_until: Timestamp,
    arranged_at: Option<Timestamp>,
}

/// What a line of the matrix is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A heading with the number of rows below it.
    Section(Section, usize),
    /// A service.
    Row(ServiceName),
    /// So many quiet rows are folded here.
    Folded(usize),
}

/// What rows are grouped under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// What needs a person's eyes.
    NeedsEyes,
    /// Quiet, but new in the last environment.
    News,
    /// The rest.
    Quiet,
    /// A team or product line.
    Group(Safe),
}

/// The orders of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrange {
    /// What needs eyes first.
    #[default]
    ByNeed,
    /// By group and name.
    ByName,
    /// The latest deployment first.
    ByChange,
}

impl Arrange {
    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::ByNeed => Self::ByName,
            Self::ByName => Self::ByChange,
            Self::ByChange => Self::ByNeed,
        }
    }

    /// In words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::ByNeed => "by need",
            Self::ByName => "by name",
            Self::ByChange => "by latest change",
        }
    }
}

/// How many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows that pass the filter.
    pub rows: usize,
    /// Of these, need eyes.
    pub needs_eyes: usize,
    /// Of these, are new in the last environment.
    pub news: usize,
    /// Placements over all rows.
    pub placements: usize,
    /// Of these, broken.
    pub broken: usize,
    /// Of these, waiting for a person.
    pub waiting: usize,
    /// Of these, on their way.
    pub moving: usize,
    /// Of these, drifting.
    pub drifting: usize,
    /// Applications that should be in a cell and are not.
    pub in_no_cell: usize,
}

/// How the rows of the terminal are shared out on this screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Rows for the matrix itself.
    pub body: usize,
    /// Rows for the selected cell in words.
    pub detail: usize,
}

impl Layout {
    /// Header and column heads take two rows, the footer one; the selected cell gets what can be spared.
    #[must_use]
    pub fn of(size: (u16, u16)) -> Self {
        let rows = usize::from(size.1).saturating_sub(3);
        let detail = match rows {
            0..=6 => 0,
            7..=14 => 1,
            15..=30 => 3,
            _ => 4,
        };
        Self { body: rows - detail.min(rows), detail }
    }
}

/// A selected cell.
#[derive(Debug, Clone, Copy)]
pub struct Selected<'a> {
    /// The service's name.
    pub service: &'a ServiceName,
    /// The column.
    pub column: &'a Column,
    /// The cell.
    pub cell: &'a Cell,
    /// The placement, where the column is one placement or the cell has only one.
    pub placement: Option<&'a Placement>,
}

impl MatrixState {
    /// Whether some rows are or could be folded.
    #[must_use]
    pub const fn has_fold(&self) -> bool {
        self.counts.rows > self.counts.needs_eyes + self.counts.news && matches!(self.arrange, Arrange::ByNeed)
    }

    /// The service in a line.
    #[must_use]
    pub fn service_at(&self, line: usize) -> Option<&ServiceName> {
        match self.lines.get(line) {
            Some(Line::Row(service)) => Some(service),
            _ => None,
        }
    }

    /// The number of the selected column.
    #[must_use]
    pub fn column_index(&self, fleet: &Fleet) -> usize {
        self.column.as_ref().and_then(|key| self.columns.iter().position(|column| column.key(fleet).as_ref() == Some(key))).unwrap_or(0)
    }

    /// The selected cell.
    pub fn selected_cell<'a>(&'a self, fleet: &'a Fleet) -> Result<Selected<'a>, Refusal> {
        let name = self.selected.as_ref().ok_or(Refusal::NothingSelected)?;
        let (service, row) = fleet.services().get_key_value(name).ok_or(Refusal::NothingSelected)?;
        let column = self.columns.get(self.column_index(fleet)).ok_or(Refusal::NothingSelected)?;
        let cell = row.cells.get(&column.environment).ok_or(Refusal::NotDeployedHere)?;
        let placement = column.placement_in(cell);
        if placement.is_none() && column.placement.is_some() {
            return Err(Refusal::NotDeployedHere);
        }
        Ok(Selected { service, column, cell, placement })
    }

    /// A key was pressed: rows stay where they are for a while.
    pub fn hold(&mut self, now: Timestamp) {
        self.home.clone_from(&self.selected);
        self.held_until = later(now, HOLD);
    }

    /// Rows may have to move.
    pub const fn disturb(&mut self) {
        self.dirty = true;
    }

    /// When rows that wait to move may do so.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        let pause = match self.counts.rows {
            0..=SOME => None,
            rows if rows <= MANY => Some(BREATH),
            _ => Some(CALM),
        };
        let calm = self.arranged_at.zip(pause).map(|(at, pause)| later(at, pause));
        self.dirty.then(|| calm.map_or(self.held_until, |calm| calm.max(self.held_until)))
    }

    /// Moves rows if they have to and may. Returns whether it looked.
    pub fn arrange_if_due(&mut self, sight: Sight<'_>, size: (u16, u16)) -> bool {
        let is_due = self.next_wake().is_some_and(|due| due <= sight.now);
        if is_due {
            self.rearrange(sight, size);
        }
        is_due
    }

    /// Puts rows and columns in order, now.
    pub fn rearrange(&mut self, sight: Sight<'_>, size: (u16, u16)) {
        let Sight { fleet, now, .. } = sight;
        self.dirty = false;
        self.arranged_at = Some(now);
        // The beginning of a term's name is not yet a word: it empties no list.
        let without = self.filter.without_beginning();
        let filter = std::mem::take(&mut self.filter);
        let mut lens = filter.on(sight);
        let mut rows = passing(&lens);
        if let (true, Some(without)) = (rows.is_empty(), &without) {
            lens = without.on(sight);
            rows = passing(&lens);
        }
        self.columns = columns(fleet, &lens);
        let last = fleet.landscape().environments.len().saturating_sub(1);
        self.counts = count(&rows, &lens);
        self.counts.in_no_cell = fleet.unmapped().filter(|(_, unmapped)| unmapped.is_amiss()).count();
        self.lines = match self.arrange {
            Arrange::ByNeed => self.by_need(rows, &lens, last, size),
            Arrange::ByName => by_name(fleet, &rows),
            Arrange::ByChange => by_change(rows),
        };
        drop(lens);
        self.filter = filter;
        self.follow(size);
        if !self.chosen {
            self.column = self.most_urgent(fleet).or_else(|| self.columns.first().and_then(|column| column.key(fleet)));
        }
    }

    /// The column in which the selected service needs eyes most: where a person looks first who has not chosen yet.
    fn most_urgent(&self, fleet: &Fleet) -> Option<ColumnKey> {
        let service = fleet.services().get(self.selected.as_ref()?)?;
        let (environment, worst) =
            placements(service).min_by_key(|(environment, placement)| (Attention::of(placement), std::cmp::Reverse(*environment)))?;
        let shows = |column: &&Column| column.environment == environment && column.placement.as_ref().is_none_or(|name| *name == worst.name);
        self.columns.iter().find(shows)?.key(fleet)
    }

    fn by_need(&mut self, rows: Vec<(&ServiceName, &Service)>, lens: &Lens<'_>, last: usize, size: (u16, u16)) -> Vec<Line> {
        let (mut eyes, quiet): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, service)| lens.need(service).attention.needs_eyes());
        let (news, quiet): (Vec<_>, Vec<_>) = quiet.into_iter().partition(|(_, service)| is_news(service, last, lens.sight().now));
        eyes.sort_by_cached_key(|(_, service)| (lens.need(service).attention, lens.need(service).from_last));
        let (mut eyes, mut news, mut quiet) = (eyes, news, quiet);
        let is_favourite = |name: &ServiceName| lens.sight().own.favourites.contains(name);
        // Among what is equally urgent, favourites come first; elsewhere in their section.
        eyes.sort_by_key(|(name, service)| (lens.need(service).attention, !is_favourite(name)));
        for rows in [&mut news, &mut quiet] {
            rows.sort_by_key(|(name, _)| !is_favourite(name));
        }
        self.counts.news = news.len();
        let mut lines = Vec::new();
        push_section(&mut lines, Section::NeedsEyes, &eyes);
        push_section(&mut lines, Section::News, &news);
        let body = Layout::of(size).body;
        let folded = self.folded.unwrap_or(lines.len() + quiet.len() + 1 > body && !lines.is_empty());
        if folded && !quiet.is_empty() {
            lines.push(Line::Folded(quiet.len()));
        } else {
            push_section(&mut lines, Section::Quiet, &quiet);
        }
        lines
    }

    /// Brings the cursor to the selected service; where it is gone, to the row that took its place.
    fn follow(&mut self, size: (u16, u16)) {
        let place = |wanted: &ServiceName| self.lines.iter().position(|line| matches!(line, Line::Row(service) if service == wanted));
        let found = [&self.home, &self.selected].into_iter().flatten().filter(|_| self.chosen).find_map(place);
        match found {
            Some(line) => {
                self.cursor = line;
                self.selected = self.service_at(line).cloned();
            }
            None if self.chosen => self.settle_on(self.cursor.min(self.lines.len().saturating_sub(1))),
            None => self.settle_on(0),
        }
        self.show(size);
    }

    /// Selects the row nearest to a line.
    fn settle_on(&mut self, line: usize) {
        let below = (line..self.lines.len()).find(|line| self.service_at(*line).is_some());
        let row = below.or_else(|| (0..line).rev().find(|line| self.service_at(*line).is_some()));
        self.cursor = row.unwrap_or(0);
        self.selected = self.service_at(self.cursor).cloned();
    }

    /// Moves the cursor by so many rows; headings do not count.
    pub fn step(&mut self, by: isize, size: (u16, u16)) {
        self.chosen = true;
        let rows: Vec<usize> = (0..self.lines.len()).filter(|line| self.service_at(*line).is_some()).collect();
        let place = rows.partition_point(|line| *line < self.cursor);
        let target = place.saturating_add_signed(by).min(rows.len().saturating_sub(1));
        if let Some(line) = rows.get(target) {
            self.cursor = *line;
            self.selected = self.service_at(*line).cloned();
            self.home.clone_from(&self.selected);
        }
        self.show(size);
    }

    /// Moves to another column.
    pub fn step_column(&mut self, by: isize, fleet: &Fleet) {
        self.chosen = true;
        let index = self.column_index(fleet).saturating_add_signed(by).min(self.columns.len().saturating_sub(1));
        self.column = self.columns.get(index).and_then(|column| column.key(fleet));
    }

    /// Keeps the cursor in sight, with the heading above it where it is the first of its section.
    pub fn show(&mut self, size: (u16, u16)) {
        let height = Layout::of(size).body;
        self.top = self.top.min(self.lines.len().saturating_sub(height)).min(self.cursor);
        if height > 0 && self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
        if self.top > 0 && self.top == self.cursor && matches!(self.lines.get(self.top - 1), Some(Line::Section(..))) && height > 1 {
            self.top -= 1;
        }
    }
}

fn push_section(lines: &mut Vec<Line>, section: Section, rows: &[(&ServiceName, &Service)]) {
    if rows.is_empty() {
        return;
    }
    lines.push(Line::Section(section, rows.len()));
    lines.extend(rows.iter().map(|(name, _)| Line::Row((*name).clone())));
}

fn by_name(fleet: &Fleet, rows: &[(&ServiceName, &Service)]) -> Vec<Line> {
    let mut groups: BTreeMap<Option<Safe>, Vec<(&ServiceName, &Service)>> = BTreeMap::new();
    for (name, service) in rows {
        groups.entry(fleet.group_of(name)).or_default().push((name, service));
    }
    if groups.len() == 1 && groups.contains_key(&None) {
        return rows.iter().map(|(name, _)| Line::Row((*name).clone())).collect();
    }
    let mut lines = Vec::new();
    let ungrouped = groups.remove(&None);
    for (group, rows) in groups {
        push_section(&mut lines, Section::Group(group.unwrap_or_default()), &rows);
    }
    push_section(&mut lines, Section::Group(crate::safe!("no group")), &ungrouped.unwrap_or_default());
    lines
}

fn by_change(mut rows: Vec<(&ServiceName, &Service)>) -> Vec<Line> {
    rows.sort_by_key(|(_, service)| std::cmp::Reverse(placements(service).filter_map(|(_, placement)| placement.deployed_at).max()));
    rows.iter().map(|(name, _)| Line::Row((*name).clone())).collect()
}

fn placements(service: &Service) -> impl Iterator<Item = (usize, &Placement)> {
    service.cells.iter().flat_map(|(environment, cell)| cell.placements.iter().map(|placement| (*environment, placement)))
}

fn is_news(service: &Service, last: usize, now: Timestamp) -> bool {
    placements(service).any(|(environment, placement)| environment == last && placement.deployed_at.is_some_and(|at| since(at, now) < NEWS))
}

fn count(rows: &[(&ServiceName, &Service)], lens: &Lens<'_>) -> Counts {
    let mut counts = Counts { rows: rows.len(), ..Counts::default() };
    for (_, service) in rows {
        counts.needs_eyes += usize::from(lens.need(service).attention.needs_eyes());
        for placement in lens.in_sight(service) {
            counts.placements += 1;
            match Attention::of(placement) {
                Attention::Broken => counts.broken += 1,
                Attention::WaitsForPerson | Attention::TurnedBack => counts.waiting += 1,
                Attention::Moving => counts.moving += 1,
                Attention::Drifts => counts.drifting += 1,
                Attention::Unclear | Attention::Quiet => {}
            }
        }
    }
    counts
}

/// The rows that pass.
fn passing<'a>(lens: &Lens<'a>) -> Vec<(&'a ServiceName, &'a Service)> {
    lens.sight().fleet.services().iter().filter(|(name, service)| lens.passes(name, service)).collect()
}
