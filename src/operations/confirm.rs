//! The confirmation of a plan: what must be typed, and what does not count. It reads no clock and no terminal: when something was read comes with it.
//!
//! * Toward risk the service's name is typed, and Enter. Toward safety one key opened the preview, and Enter is the second.
//! * For [`DEAF`] after it appeared, nothing counts: a key that was meant for the screen before it must not.
//! * Letters may arrive in bursts, as bad links deliver them. Enter counts only where it was read at least [`QUIET`] after the byte before it: a text that
//!   was pasted or typed ahead ends in one, and a person who reads waits longer.
//! * A paste is never typed. There is no switch for any of this, not for tests either.

use std::time::Duration;

use super::differs::Differs;
use super::direction::Direction;
use super::plan::Plan;
use crate::base::time::since;
use crate::base::{Safe, Timestamp};

/// Nothing counts for so long after the confirmation appeared, or changed under the hands.
pub const DEAF: Duration = Duration::from_millis(400);
/// Enter counts where nothing was read for so long before it.
pub const QUIET: Duration = Duration::from_millis(150);

/// A confirmation that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    needs: Needs,
    /// Of the plan that it was asked for: what confirms one direction does not confirm the other.
    direction: Direction,
    shown_at: Timestamp,
    typed: String,
    said: Option<Said>,
}

/// What is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// This text, letter by letter, and Enter: the service's name as it is shown, in ASCII.
    Text(Safe),
    /// Enter: another key began it.
    SecondKey,
}

/// What a person is told about what they just did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It came too soon after this appeared.
    TooSoon,
    /// Enter came together with what was before it.
    TooFast,
    /// What was typed is not the name.
    NotTheName,
    /// A paste does not confirm.
    Pasted,
    /// The plan changed: what was typed is void.
    Changed(Differs),
}

impl Said {
    /// The sentence.
    #[must_use]
    pub fn sentence(self) -> Safe {
        match self {
            Self::TooSoon => Safe::clean("That came too soon to be meant for this."),
            Self::TooFast => Safe::clean("Enter came in one burst with what was before it: press it again."),
            Self::NotTheName => Safe::clean("That is not the name."),
            Self::Pasted => Safe::clean("A paste does not confirm: type it."),
            Self::Changed(differs) => {
                let what = [
                    (differs.direction, "where it leads"),
                    (differs.targets, "what it moves"),
                    (differs.bytes, "the lines"),
                    (differs.steps, "the steps"),
                ];
                let what: Vec<&str> = what.into_iter().filter(|(changed, _)| *changed).map(|(_, what)| what).collect();
                crate::safe!("The plan changed while it was shown ({}): read it again.", what.join(", "))
            }
        }
    }
}

/// How a plan was confirmed. Only a [`Confirmation`] makes one, or a policy that allows to go without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    how: How,
    direction: Direction,
    service: Safe,
}

/// How.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// A person typed this.
    Typed(Safe),
    /// A person pressed two distinct keys.
    TwoKeys,
    /// `--yes`, which the environment allows.
    Yes,
}

impl Confirmed {
    /// How it was done.
    #[must_use]
    pub const fn how(&self) -> &How {
        &self.how
    }

    /// `--yes` at the command line, where the environment allows it.
    #[must_use]
    pub fn by_yes(plan: &Plan, guard: &crate::domain::guard::Guard) -> Option<Self> {
        guard.yes.then(|| Self { how: How::Yes, direction: plan.direction, service: plan.service.shown() })
    }

    pub(super) fn is_for(&self, plan: &Plan) -> bool {
        self.direction == plan.direction && self.service == plan.service.shown()
    }
}

impl Confirmation {
    /// Asks for the confirmation of a plan that is shown from now on.
    #[must_use]
    pub fn of(plan: &Plan, now: Timestamp) -> Self {
        let needs = match plan.direction {
            Direction::Risk => Needs::Text(ascii(&plan.service.shown())),
            Direction::Safety => Needs::SecondKey,
        };
        Self { needs, direction: plan.direction, shown_at: now, typed: String::new(), said: None }
    }

    /// What is needed.
    #[must_use]
    pub const fn needs(&self) -> &Needs {
        &self.needs
    }

    /// What is typed so far.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// What a person is told about what they just did.
    #[must_use]
    pub const fn said(&self) -> Option<Said> {
        self.said
    }

    /// When it hears; `None`: it does by now.
    #[must_use]
    pub fn deaf_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = crate::base::time::later(self.shown_at, DEAF);
        (now < until).then_some(until)
    }

    /// A letter was typed. It counts only where it is the next one: nothing but the name can ever stand there.
    pub fn letter(&mut self, letter: char, now: Timestamp) {
        if self.is_deaf(now) {
            return;
        }
        self.said = None;
        let Needs::Text(name) = &self.needs else { return };
        if name.as_str().strip_prefix(self.typed.as_str()).and_then(|rest| rest.chars().next()) == Some(letter) {
            self.typed.push(letter);
        } else {
            self.said = Some(Said::NotTheName);
        }
    }

    /// The last letter is taken back.
    pub fn erased(&mut self) {
        self.said = None;
        self.typed.pop();
    }

    /// Something was pasted: it voids what was typed.
    pub fn pasted(&mut self) {
        self.typed.clear();
        self.said = Some(Said::Pasted);
    }

    /// Enter was pressed, and for `quiet` before it nothing was read.
    pub fn entered(&mut self, quiet: Duration, plan: &Plan, now: Timestamp) -> Option<Confirmed> {
        if self.is_deaf(now) {
            return None;
        }
        if quiet < QUIET {
            self.said = Some(Said::TooFast);
            return None;
        }
        let how = match &self.needs {
            Needs::Text(name) if name.as_str() == self.typed => How::Typed(name.clone()),
            Needs::Text(_) => {
                self.said = Some(Said::NotTheName);
                return None;
            }
            Needs::SecondKey => How::TwoKeys,
        };
        Some(Confirmed { how, direction: self.direction, service: plan.service.shown() })
    }

    /// The plan is another one now: what was typed is void, and nothing counts for a moment.
    pub fn changed(&mut self, plan: &Plan, differs: Differs, now: Timestamp) {
        *self = Self { said: Some(Said::Changed(differs)), ..Self::of(plan, now) };
    }

    fn is_deaf(&mut self, now: Timestamp) -> bool {
        // A clock that stepped back makes it deaf, not hearing.
        let is_deaf = now < self.shown_at || since(self.shown_at, now) < DEAF;
        if is_deaf {
            self.said = Some(Said::TooSoon);
        }
        is_deaf
    }
}

/// A name in ASCII: what is not is escaped, so that two names that look alike are typed differently.
fn ascii(name: &Safe) -> Safe {
    if name.as_str().is_ascii() { name.clone() } else { Safe::clean(&name.as_str().escape_default().to_string()) }
}

#[cfg(test)]
mod tests;
