//! The filter over rows and columns: words and typed terms that all must hold, read while they are typed.
//!
//! * A word is looked for in the service, its environments and its applications; `env:production health:degraded behind:>0` narrow one thing each.
//! * Several values with commas between them: one of them is enough. A `-` before a word or term: rows for which it holds are left out.
//! * `env:` chooses the environments that the other terms look at, and the columns that are shown.
//! * What is not understood, or is only half typed, narrows nothing and is told in words: no key empties the list by accident.

mod term;

use crate::app::own::Own;
use crate::base::{Safe, Timestamp};
use crate::domain::attention::{Attention, Need};
use crate::domain::fleet::{Fleet, Placement, Service};
use crate::domain::{EnvironmentName, PlacementName, ServiceName};
use crate::safe;
use term::{Place, Term, What};

/// What terms look at.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// What is known of the world.
    pub fleet: &'a Fleet,
    /// What is the person's own.
    pub own: &'a Own,
    /// The present moment.
    pub now: Timestamp,
}

/// A filter, as typed and as understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
    /// What was not understood, in words.
    remark: Option<Safe>,
    /// The last word is the beginning of a term's name, and nothing follows it yet.
    beginning: bool,
}

/// The names of terms with an example each: for the help and the line where a filter is typed.
pub const TERMS: &[(&str, &str)] = &[
    ("env", "env:production"),
    ("health", "health:degraded,missing"),
    ("sync", "sync:outofsync"),
    ("behind", "behind:>0"),
    ("team", "team:payments"),
    ("version", "version:2.14"),
    ("cluster", "cluster:prod-eu"),
    ("service", "service:checkout"),
    ("is", "is:canary"),
];

impl Filter {
    /// Understands a filter. Nothing is an error: what is not understood narrows nothing, and [`Filter::remark`] says so.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut filter = Self { text: text.to_owned(), ..Self::default() };
        for word in text.split_whitespace() {
            match term::read(&word.to_lowercase()) {
                Ok(Some(term)) => filter.terms.push(term),
                Ok(None) => {}
                Err(remark) => filter.remark = Some(remark),
            }
        }
        let last = text.split_whitespace().last().filter(|_| !text.ends_with(char::is_whitespace)).unwrap_or_default().trim_start_matches('-');
        filter.beginning = !last.is_empty() && TERMS.iter().any(|(name, _)| name.starts_with(&last.to_lowercase()));
        filter
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The filter with one character more.
    #[must_use]
    pub fn typed(&self, character: char) -> Self {
        Self::read(&format!("{}{character}", self.text))
    }

    /// The filter with one character less.
    #[must_use]
    pub fn erased(&self) -> Self {
        let mut text = self.text.clone();
        text.pop();
        Self::read(&text)
    }

    /// Without its last word, where that may become a term's name: `heal` on the way to `health:`.
    #[must_use]
    pub(super) fn without_beginning(&self) -> Option<Self> {
        let at = self.text.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
        self.beginning.then(|| Self::read(self.text.get(..at).unwrap_or_default()))
    }

    /// What of this filter narrows nothing, and why: a word that is not known with the nearest one that is, an environment that is not there, a
    /// fact that nobody has.
    #[must_use]
    pub fn remark(&self, sight: Sight<'_>) -> Option<Safe> {
        if let Some(remark) = &self.remark {
            return Some(remark.clone());
        }
        for Term { what, .. } in &self.terms {
            match what {
                What::Environment(words) if !is_somewhere(sight.fleet, words) => {
                    let environments = &sight.fleet.landscape().environments;
                    let known: Vec<String> = environments.iter().map(|one| one.name.shown().as_str().to_owned()).collect();
                    return Some(safe!("env: nothing is called '{}' here. There are {}.", words.join(","), known.join(", ")));
                }
                What::Behind(_) if !knows_behind(sight.fleet) => {
                    return Some(safe!("behind: nothing is known of it here. It takes a gitops repository that can be read."));
                }
                _ => {}
            }
        }
        None
    }

    /// The filter made ready for this world: once for many rows.
    #[must_use]
    pub fn on<'a>(&'a self, sight: Sight<'a>) -> Lens<'a> {
        let effective = self.terms.iter().filter(|term| match &term.what {
            What::Environment(words) => is_somewhere(sight.fleet, words),
            What::Behind(_) => knows_behind(sight.fleet),
            _ => true,
        });
        let (environments, rest) = effective.partition(|term| matches!(term.what, What::Environment(_)));
        Lens { sight, environments, rest }
    }
}

/// A filter that is ready for the rows and columns of a world. Terms that this world has nothing for are left out.
#[derive(Debug)]
pub struct Lens<'a> {
    sight: Sight<'a>,
    /// The terms that choose environments.
    environments: Vec<&'a Term>,
    rest: Vec<&'a Term>,
}

impl<'a> Lens<'a> {
    /// What it looks at.
    #[must_use]
    pub const fn sight(&self) -> Sight<'a> {
        self.sight
    }

    /// Whether a service passes. `env:` names the environments that the other terms look at.
    #[must_use]
    pub fn passes(&self, name: &ServiceName, service: &Service) -> bool {
        if self.environments.is_empty() && self.rest.is_empty() {
            return true;
        }
        let environments = &self.sight.fleet.landscape().environments;
        let mut passes = false;
        for (index, cell) in &service.cells {
            let Some(environment) = environments.get(*index).map(|environment| &environment.name) else { continue };
            for placement in cell.placements.iter().filter(|placement| self.shows(environment, &placement.name)) {
                let place = Place { sight: self.sight, service: name, environment, placement };
                // A row goes where any of its placements in sight has what must not be.
                if self.rest.iter().any(|term| term.negated && term.what.holds(place)) {
                    return false;
                }
                passes = passes || self.rest.iter().all(|term| term.negated || term.what.holds(place));
            }
        }
        passes
    }

    /// Whether `env:` leaves this placement of this environment in sight, and with it its column.
    #[must_use]
    pub fn shows(&self, environment: &EnvironmentName, placement: &PlacementName) -> bool {
        let mut chosen = false;
        let mut wanted = false;
        for term in &self.environments {
            let What::Environment(words) = &term.what else { continue };
            let names = words.iter().any(|word| term::names(word, environment, placement));
            if term.negated && names {
                return false;
            }
            chosen |= names && !term.negated;
            wanted |= !term.negated;
        }
        chosen || !wanted
    }

    /// The placements of a service that `env:` leaves in sight.
    pub(super) fn in_sight<'b>(&'b self, service: &'b Service) -> impl Iterator<Item = &'b Placement> {
        self.places(service).map(|(_, placement)| placement)
    }

    fn places<'b>(&'b self, service: &'b Service) -> impl Iterator<Item = (usize, &'b Placement)> {
        let environments = &self.sight.fleet.landscape().environments;
        let all = service.cells.iter().flat_map(|(index, cell)| cell.placements.iter().map(move |placement| (*index, placement)));
        all.filter(|(index, placement)| {
            !self.narrows_columns() || environments.get(*index).is_some_and(|environment| self.shows(&environment.name, &placement.name))
        })
    }

    /// How much a service needs a person's eyes, for what is in sight of it.
    pub(super) fn need(&self, service: &Service) -> Need {
        if !self.narrows_columns() {
            return service.need;
        }
        let last = self.sight.fleet.landscape().environments.len().saturating_sub(1);
        let need = |(index, placement): (usize, &Placement)| Need {
            attention: Attention::of(placement),
            from_last: last.saturating_sub(index),
            since: placement.health_since,
        };
        self.places(service).map(need).min().unwrap_or(service.need)
    }

    /// Whether `env:` leaves out any environment.
    #[must_use]
    pub fn narrows_columns(&self) -> bool {
        !self.environments.is_empty()
    }
}

/// Whether any environment or placement is called so.
fn is_somewhere(fleet: &Fleet, words: &[String]) -> bool {
    let nowhere = PlacementName::default();
    let environments = &fleet.landscape().environments;
    let called = |environment: &EnvironmentName, placement: &PlacementName| words.iter().any(|word| term::names(word, environment, placement));
    environments.iter().any(|environment| {
        called(&environment.name, &nowhere) || environment.placements.iter().any(|placement| called(&environment.name, &placement.name))
    }) || fleet.services().values().flat_map(|service| &service.cells).any(|(index, cell)| {
        let environment = environments.get(*index).map(|environment| &environment.name);
        environment.is_some_and(|environment| cell.placements.iter().any(|placement| called(environment, &placement.name)))
    })
}

/// Whether it is known of anything how far behind it is.
fn knows_behind(fleet: &Fleet) -> bool {
    let mut placements = fleet.services().values().flat_map(|service| service.cells.values()).flat_map(|cell| &cell.placements);
    placements.any(|placement: &Placement| term::behind(placement).is_some())
}

#[cfg(test)]
mod tests;
