//! The filter over rows: words that all must match, each anywhere in the service, its environments or its applications.
//!
//! Typed terms narrow one thing: `env:production`, `health:degraded`, `sync:out`, `version:2.14`, `cluster:eu`.

use crate::domain::fleet::{Fleet, Placement, Service};
use crate::domain::{Known, ServiceName};

/// A filter, as typed and as understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Word(String),
    Environment(String),
    Health(String),
    Sync(String),
    Version(String),
    Cluster(String),
}

impl Filter {
    /// Understands a filter. Nothing is an error: an unknown prefix is part of a word.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let terms = text.split_whitespace().map(|word| Term::read(&word.to_lowercase())).collect();
        Self { text: text.to_owned(), terms }
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether everything passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
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

    /// Whether a service passes. `env:` names the environments that the other terms look at.
    #[must_use]
    pub fn passes(&self, fleet: &Fleet, name: &ServiceName, service: &Service) -> bool {
        if self.terms.is_empty() {
            return true;
        }
        let wanted: Vec<&str> =
            self.terms.iter().filter_map(|term| if let Term::Environment(word) = term { Some(word.as_str()) } else { None }).collect();
        let environments = &fleet.landscape().environments;
        let mut placements = service.cells.iter().flat_map(|(index, cell)| {
            let environment = environments.get(*index).map_or("", |environment| environment.name.as_wire());
            cell.placements.iter().map(move |placement| (environment, placement))
        });
        let rest: Vec<&Term> = self.terms.iter().filter(|term| !matches!(term, Term::Environment(_))).collect();
        let in_sight = |environment: &str| wanted.is_empty() || wanted.iter().any(|word| environment.to_lowercase().contains(word));
        placements.any(|(environment, placement)| in_sight(environment) && rest.iter().all(|term| term.passes(name, environment, placement)))
    }
}

impl Term {
    fn read(word: &str) -> Self {
        match word.split_once(':') {
            Some(("env" | "environment", value)) => Self::Environment(value.to_owned()),
            Some(("health", value)) => Self::Health(value.to_owned()),
            Some(("sync", value)) => Self::Sync(value.to_owned()),
            Some(("version", value)) => Self::Version(value.to_owned()),
            Some(("cluster", value)) => Self::Cluster(value.to_owned()),
            _ => Self::Word(word.to_owned()),
        }
    }

    fn passes(&self, service: &ServiceName, environment: &str, placement: &Placement) -> bool {
        let has = |text: &str, word: &str| text.to_lowercase().contains(word);
        match self {
            Self::Word(word) => {
                has(service.as_wire(), word) || has(environment, word) || placement.parts.iter().any(|part| has(part.app.name.as_wire(), word))
            }
            Self::Health(word) => placement.health.word().contains(word.as_str()),
            Self::Sync(word) => placement.sync.word().contains(word.as_str()),
            Self::Version(word) => placement.version_text().is_some_and(|version| has(version.as_str(), word)),
            Self::Cluster(word) => match &placement.cluster {
                Known::Known(cluster) => has(cluster.as_wire(), word),
                Known::Unknown(_) => false,
            },
            // Looked at before: it chooses the placements.
            Self::Environment(_) => true,
        }
    }
}
