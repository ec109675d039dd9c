//! What the lines of an operation say together: what was sent, what became of it, who carried it last, whether it is over. Pure.

use super::chain::Fault;
use super::{Answer, Entry, Found, Line, Opened, Outcome, Receipt, Requested, Rung, Whence, Who};
use crate::base::{Safe, Timestamp};

/// An operation as its lines tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// When it was confirmed.
    pub at: Timestamp,
    /// When it was last written of.
    pub last_at: Timestamp,
    /// What was confirmed.
    pub opened: Opened,
    /// What was about to be sent, in order.
    pub intents: Vec<Intent>,
    /// The furthest that its effect was last seen to be, and in words.
    pub observed: Option<(Rung, Safe)>,
    /// When everything was sent and taken.
    pub sent_at: Option<Timestamp>,
    /// When each rung was first seen.
    pub reached: Vec<(Rung, Timestamp)>,
    /// Who carried it last.
    pub holder: Holder,
    /// Whether that one said that it is left.
    pub is_left: bool,
    /// Whether somebody watched it without a break: else it may have got somewhere before it was seen there.
    pub is_unbroken: bool,
    /// How it ended; `None`: it is open.
    pub closed: Option<Closed>,
}

/// A request that was about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its number.
    pub step: u32,
    /// When.
    pub at: Timestamp,
    /// What.
    pub request: Requested,
    /// What became of it, as the other side told; `None`: nobody knows whether it was even sent.
    pub answer: Option<Answer>,
    /// What was found last by looking.
    pub found: Option<Found>,
}

/// Who carries, or carried, an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub who: Who,
    /// From where.
    pub whence: Whence,
    /// Since when.
    pub since: Timestamp,
}

impl Holder {
    /// In words: `ana on bastion-1 (process 4711, from 10.0.0.7)`.
    #[must_use]
    pub fn words(&self) -> Safe {
        let from = self.whence.ssh.as_ref().map(|from| format!(", from {from}")).unwrap_or_default();
        crate::safe!("{} on {} (process {}{from})", self.who.user, self.whence.host, self.whence.pid)
    }
}

/// The end of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// In words.
    pub words: Safe,
    /// What is left to do by hand.
    pub left: Vec<Safe>,
}

/// Whether a request was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was, with this.
    Done(Receipt),
    /// It was certainly not.
    NotDone,
    /// Nobody knows: somebody must look, and nothing may be sent again.
    Open,
}

impl Intent {
    /// Whether it was done. What was found by looking outranks what was not answered.
    #[must_use]
    pub fn fate(&self) -> Fate {
        match (&self.answer, &self.found) {
            (Some(Answer::Taken { receipt }), _) | (_, Some(Found::Done { receipt })) => Fate::Done(receipt.clone()),
            (Some(Answer::Refused { .. }), _) | (_, Some(Found::NotDone)) => Fate::NotDone,
            (Some(Answer::Unknown { .. }) | None, Some(Found::Unknown { .. }) | None) => Fate::Open,
        }
    }
}

impl Story {
    /// Tells the lines of one operation. `None` where there are none.
    ///
    /// # Errors
    ///
    /// The number of the line, from 1, that cannot stand where it does, and why.
    pub fn of(lines: &[Line]) -> Result<Option<Self>, (u64, Fault)> {
        let Some((first, rest)) = lines.split_first() else { return Ok(None) };
        let Entry::Opened(opened) = &first.entry else {
            return Err((1, Fault::Story(Safe::clean("an operation begins with what was confirmed"))));
        };
        let mut story = Self {
            at: first.at,
            last_at: first.at,
            opened: opened.as_ref().clone(),
            intents: Vec::new(),
            observed: None,
            sent_at: None,
            reached: Vec::new(),
            holder: Holder { who: opened.who.clone(), whence: opened.whence.clone(), since: first.at },
            is_left: false,
            is_unbroken: true,
            closed: None,
        };
        for line in rest {
            story.tell(line).map_err(|why| (line.seq + 1, Fault::Story(Safe::clean(why))))?;
        }
        Ok(Some(story))
    }

    /// Takes the next line in.
    ///
    /// # Errors
    ///
    /// Why it cannot come next.
    pub fn tell(&mut self, line: &Line) -> Result<(), &'static str> {
        if self.closed.as_ref().is_some_and(|closed| closed.outcome != Outcome::Unknown || !matches!(line.entry, Entry::Resumed { .. })) {
            return Err("the operation is over");
        }
        match &line.entry {
            Entry::Opened(_) => return Err("an operation is confirmed once"),
            Entry::Intent { step, request } => {
                if self.intents.iter().any(|intent| intent.step == *step) {
                    return Err("a step is sent once");
                }
                self.intents.push(Intent { step: *step, at: line.at, request: request.clone(), answer: None, found: None });
            }
            Entry::Answered { step, answer } => {
                let intent = self.intent(*step)?;
                if !matches!(intent.answer, None | Some(Answer::Unknown { .. })) {
                    return Err("what became of a step is known already");
                }
                intent.answer = Some(answer.clone());
            }
            Entry::Looked { step, found } => self.intent(*step)?.found = Some(found.clone()),
            Entry::Sent { .. } if self.open_intents().next().is_some() => return Err("it is not known whether everything was taken"),
            Entry::Sent { .. } => self.sent_at = self.sent_at.or(Some(line.at)),
            Entry::Observed { rung, words } => {
                self.observed = Some((*rung, words.clone()));
                if !self.reached.iter().any(|(reached, _)| reached == rung) {
                    self.reached.push((*rung, line.at));
                }
            }
            Entry::Left { .. } => (self.is_left, self.is_unbroken) = (true, false),
            Entry::Resumed { who, whence, .. } => {
                self.holder = Holder { who: who.clone(), whence: whence.clone(), since: line.at };
                (self.is_left, self.is_unbroken) = (false, false);
                self.closed = None;
            }
            Entry::Closed { outcome, words, left } => {
                self.closed = Some(Closed { at: line.at, outcome: *outcome, words: words.clone(), left: left.clone() });
            }
            Entry::Armed { .. } | Entry::Disarmed { .. } | Entry::Begun { .. } | Entry::Ended { .. } => return Err("it belongs into the index"),
        }
        self.last_at = line.at;
        Ok(())
    }

    fn intent(&mut self, step: u32) -> Result<&mut Intent, &'static str> {
        self.intents.iter_mut().find(|intent| intent.step == step).ok_or("no such step was about to be sent")
    }

    /// What may or may not have been done: to be settled by looking, before anything else.
    pub fn open_intents(&self) -> impl Iterator<Item = &Intent> {
        self.intents.iter().filter(|intent| intent.fate() == Fate::Open)
    }

    /// Whether somebody has to do something about it: it is not closed, or nobody knows how it ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.closed.as_ref().is_none_or(|closed| closed.outcome == Outcome::Unknown)
    }

    /// The branches that took a push of it: repository, branch, and when.
    pub fn pushes(&self) -> impl Iterator<Item = (Safe, Safe, Timestamp)> {
        let pushed = self.intents.iter().filter(|intent| matches!(intent.fate(), Fate::Done(Receipt::Committed { .. })));
        pushed.filter_map(|intent| Some((intent.request.part("repository")?.clone(), intent.request.part("branch")?.clone(), intent.at)))
    }

    /// What it is at, in words.
    #[must_use]
    pub fn standing(&self) -> Safe {
        match (&self.closed, &self.observed) {
            (Some(closed), _) => crate::safe!("{}: {}", closed.outcome.word(), closed.words),
            (None, _) if self.open_intents().next().is_some() => {
                Safe::clean("open: something may have been sent, and nobody knows what became of it")
            }
            (None, Some((_, words))) => crate::safe!("open: {words}"),
            (None, None) if self.intents.is_empty() => Safe::clean("open: nothing was sent"),
            (None, None) => Safe::clean("open: sent, no effect seen yet"),
        }
    }
}
