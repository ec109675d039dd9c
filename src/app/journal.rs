//! The record of operations on screen: a list, the newest first, and one of them in full. What is on the disk the shell reads, when it is wanted.

use crate::app::Refusal;
use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::app::scroll::Scroll;
use crate::base::{OperationId, Safe, Timestamp};
use crate::operations::record::Outcome;
use crate::operations::record::story::Story;
use crate::operations::record::telling::Paragraph;

/// So many operations are listed at most.
pub const MOST: usize = 500;
/// Rows around the list: header, title, a line about the selected operation, footer.
const AROUND: u16 = 5;

/// What the screen shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JournalState {
    /// The operations, and how many older ones there are; or why they could not be read; `None`: they are being read.
    pub list: Option<Result<(Vec<Row>, usize), Safe>>,
    /// Where in the list.
    pub scroll: Scroll,
    /// The one that is looked into.
    pub story: Option<Shown>,
}

/// One operation in full.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Which.
    pub id: OperationId,
    /// Where in it.
    pub scroll: Scroll,
    /// What it tells, or why it could not be read; `None`: it is being read.
    pub told: Option<Result<Vec<Paragraph>, Safe>>,
}

/// An operation in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub id: OperationId,
    /// When it was confirmed; `None`: it cannot be read.
    pub at: Option<Timestamp>,
    /// Who.
    pub who: Safe,
    /// What, in one line.
    pub what: Safe,
    /// How it ended; `None`: it is open, or nobody knows.
    pub outcome: Option<Outcome>,
    /// What it is at, in words.
    pub standing: Safe,
    /// What is wrong with its record.
    pub problem: Option<Safe>,
}

impl Row {
    /// An operation that can be read.
    #[must_use]
    pub fn of(id: OperationId, story: &Story, problem: Option<Safe>) -> Self {
        Self {
            id,
            at: Some(story.at),
            who: story.opened.who.user.clone(),
            what: story.opened.request.words.clone(),
            outcome: story.closed.as_ref().map(|closed| closed.outcome),
            standing: story.standing(),
            problem,
        }
    }

    /// One that cannot.
    #[must_use]
    pub fn unread(id: OperationId, why: Safe) -> Self {
        Self { id, at: None, who: Safe::default(), what: Safe::clean("cannot be read"), outcome: None, standing: Safe::default(), problem: Some(why) }
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// The newest operations, and how many older ones there are.
    List(Result<(Vec<Row>, usize), Safe>),
    /// One of them in full.
    One(OperationId, Result<Vec<Paragraph>, Safe>),
}

impl JournalState {
    /// The operations that are listed.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        self.list.as_ref().and_then(|list| list.as_ref().ok()).map_or(&[], |(rows, _)| rows.as_slice())
    }

    /// The selected one.
    #[must_use]
    pub fn selected(&self) -> Option<&Row> {
        self.rows().get(self.scroll.cursor)
    }

    /// Whether there is one to look into.
    pub fn openable(&self) -> Result<(), Refusal> {
        if self.story.is_some() {
            return Err(Refusal::NotHere);
        }
        self.selected().map(|_| ()).ok_or(Refusal::NothingSelected)
    }

    /// Rows for the list in a room of so many.
    #[must_use]
    pub fn height(rows: u16) -> usize {
        usize::from(rows.saturating_sub(AROUND)).max(1)
    }

    /// Where in the operation that is looked into.
    pub(super) const fn scroll_of_story(&mut self) -> Option<&mut Scroll> {
        match &mut self.story {
            Some(shown) => Some(&mut shown.scroll),
            None => None,
        }
    }
}

/// Opens the list and has it read.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    if !matches!(model.screen, Screen::Journal(_)) {
        model.screen = Screen::Journal(Box::default());
        model.beneath = None;
    }
    vec![Effect::ReadJournal(None)]
}

/// Has it read again, where it is looked at.
pub(super) fn ask_anew(model: &Model) -> Vec<Effect> {
    let Screen::Journal(state) = &model.screen else { return Vec::new() };
    vec![Effect::ReadJournal(None)].into_iter().chain(state.story.iter().map(|shown| Effect::ReadJournal(Some(shown.id.clone())))).collect()
}

/// Looks into the selected operation.
pub(super) fn look_into(model: &mut Model) -> Vec<Effect> {
    let Screen::Journal(state) = &mut model.screen else { return Vec::new() };
    let Some(id) = state.selected().map(|row| row.id.clone()) else { return Vec::new() };
    state.story = Some(Shown { id: id.clone(), scroll: Scroll::default(), told: None });
    vec![Effect::ReadJournal(Some(id))]
}

/// Back to the list, and from there to the matrix.
pub(super) fn back(model: &mut Model) {
    if let Screen::Journal(state) = &mut model.screen
        && state.story.take().is_none()
    {
        model.screen = Screen::Matrix;
    }
}

/// Takes in what was read; the cursor stays on the operation it is on.
pub(super) fn heard(model: &mut Model, heard: Heard) {
    let height = JournalState::height(model.room().1);
    let Screen::Journal(state) = &mut model.screen else { return };
    match heard {
        Heard::List(list) => {
            let held = state.selected().map(|row| row.id.clone());
            state.list = Some(list);
            let place = held.and_then(|id| state.rows().iter().position(|row| row.id == id));
            state.scroll.cursor = place.unwrap_or(state.scroll.cursor);
            let count = state.rows().len();
            state.scroll.settle(count, height);
        }
        Heard::One(id, told) => {
            if let Some(shown) = state.story.as_mut().filter(|shown| shown.id == id) {
                shown.told = Some(told);
            }
        }
    }
}

/// Moves the cursor of the list; whether there is one.
pub(super) fn step(model: &mut Model, by: isize) -> bool {
    let height = JournalState::height(model.room().1);
    let Screen::Journal(state) = &mut model.screen else { return false };
    if state.story.is_some() {
        return false;
    }
    let count = state.rows().len();
    state.scroll.step(by, count);
    state.scroll.settle(count, height);
    true
}

/// Keeps the cursor in sight after the terminal changed its size.
pub(super) fn settle(model: &mut Model) {
    step(model, 0);
}
