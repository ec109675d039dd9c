//! Health and sync as Argo CD judges them, and what is not known about them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use crate::base::Safe;

/// Why something is not known: a short sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Why(pub Safe);

impl Why {
    /// A reason in our own words. There are few of them, and a fleet gives each many thousand times: equal ones are shared.
    #[must_use]
    pub fn new(text: &str) -> Self {
        /// Names of clusters and the like are in some of them: past this number all are forgotten, and sharing starts anew.
        const SHARED_AT_MOST: usize = 256;
        thread_local! {
            static GIVEN: RefCell<BTreeSet<Safe>> = const { RefCell::new(BTreeSet::new()) };
        }
        GIVEN.with_borrow_mut(|given| {
            if let Some(known) = given.get(text) {
                return Self(known.clone());
            }
            if given.len() >= SHARED_AT_MOST {
                given.clear();
            }
            let safe = Safe::clean(text);
            // What had to be cleaned is not found by the text it was made of.
            if safe.as_str() == text {
                given.insert(safe.clone());
            }
            Self(safe)
        })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A fact, or the reason why there is none. Never guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// The fact.
    Known(T),
    /// Why it is not known.
    Unknown(Why),
}

impl<T> Known<T> {
    /// The fact, when there is one.
    pub const fn as_known(&self) -> Option<&T> {
        match self {
            Self::Known(fact) => Some(fact),
            Self::Unknown(_) => None,
        }
    }

    /// The fact itself, when there is one.
    pub fn into_known(self) -> Option<T> {
        match self {
            Self::Known(fact) => Some(fact),
            Self::Unknown(_) => None,
        }
    }

    /// The fact in another form.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Known(fact) => Known::Known(change(fact)),
            Self::Unknown(why) => Known::Unknown(why),
        }
    }

    /// Nothing is known, for this reason.
    #[must_use]
    pub fn unknown(why: &str) -> Self {
        Self::Unknown(Why::new(why))
    }
}

/// Health, from best to worst: Argo CD takes the worst of an application's resources, in this order
/// (gitops-engine `pkg/health/health.go`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// All is well.
    Healthy,
    /// Waits on purpose: a paused rollout, a suspended job.
    Suspended,
    /// On its way.
    Progressing,
    /// Not in the cluster.
    Missing,
    /// Broken.
    Degraded,
    /// Not known, and why.
    Unknown(Why),
}

impl Health {
    /// Reads Argo CD's word. A word of a later version is not known rather than guessed.
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word {
            "Healthy" => Self::Healthy,
            "Suspended" => Self::Suspended,
            "Progressing" => Self::Progressing,
            "Missing" => Self::Missing,
            "Degraded" => Self::Degraded,
            "" => Self::Unknown(Why::new("Argo CD has not assessed its health yet")),
            "Unknown" => Self::Unknown(Why::new("Argo CD says Unknown: it could not assess the resources")),
            other => Self::Unknown(Why(crate::safe!("Argo CD says '{}', which this version does not know", Safe::clean(other)))),
        }
    }

    /// One word, lower case: for the screen and for JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Suspended => "suspended",
            Self::Progressing => "progressing",
            Self::Missing => "missing",
            Self::Degraded => "degraded",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// Whether the cluster has what git wants, as Argo CD compared it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sync {
    /// The cluster has what git wants.
    Synced,
    /// It does not.
    OutOfSync,
    /// Not known, and why.
    Unknown(Why),
}

impl Sync {
    /// Reads Argo CD's word.
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word {
            "Synced" => Self::Synced,
            "OutOfSync" => Self::OutOfSync,
            "" => Self::Unknown(Why::new("Argo CD has not compared it yet")),
            "Unknown" => Self::Unknown(Why::new("Argo CD says Unknown: it could not compare, often because the manifests do not render")),
            other => Self::Unknown(Why(crate::safe!("Argo CD says '{}', which this version does not know", Safe::clean(other)))),
        }
    }

    /// One word, lower case: for the screen and for JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::OutOfSync => "out-of-sync",
            Self::Unknown(_) => "unknown",
        }
    }
}
