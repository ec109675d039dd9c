//! How much a service needs a person's eyes: what broke before what waits before what moves; the rest is quiet.

use crate::base::Timestamp;
use crate::domain::canary::Waits;
use crate::domain::fleet::Placement;
use crate::domain::health::{Health, Sync};
use crate::domain::workload::RolloutPhase;

/// Ranks, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attention {
    /// Something is broken.
    Broken,
    /// A change was turned back: users are safe, the change is not through.
    TurnedBack,
    /// Something waits for a person.
    WaitsForPerson,
    /// The cluster differs from git and nothing is on its way.
    Drifts,
    /// It is not known how it is.
    Unclear,
    /// Something is on its way.
    Moving,
    /// All is well.
    Quiet,
}

impl Attention {
    /// Whether it belongs above the fold.
    #[must_use]
    pub const fn needs_eyes(self) -> bool {
        !matches!(self, Self::Quiet)
    }

    /// Judges one placement.
    #[must_use]
    pub fn of(placement: &Placement) -> Self {
        if let Some(canary) = placement.open_canary() {
            match (&canary.waits, &canary.phase) {
                (Waits::Aborted, _) => return Self::TurnedBack,
                (_, RolloutPhase::Degraded) => return Self::Broken,
                (Waits::Person, _) => return Self::WaitsForPerson,
                _ => {}
            }
        }
        if matches!(placement.health, Health::Degraded | Health::Missing) || placement.stuck.is_some() || placement.operation_failed {
            return Self::Broken;
        }
        if placement.syncing || placement.health == Health::Progressing || placement.open_canary().is_some() {
            return Self::Moving;
        }
        match (&placement.health, &placement.sync) {
            (_, Sync::OutOfSync) => Self::Drifts,
            (Health::Unknown(_), _) | (_, Sync::Unknown(_)) => Self::Unclear,
            (Health::Suspended, _) => Self::WaitsForPerson,
            _ => Self::Quiet,
        }
    }
}

/// What a service needs, over all its placements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// How urgent.
    pub attention: Attention,
    /// How far from the end of the promotion line, so that production comes first.
    pub from_last: usize,
    /// Since when, where it is known.
    pub since: Option<Timestamp>,
}
