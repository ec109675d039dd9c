//! In what a plan differs from another one of the same request: only that voids what was typed, and only what differs in nothing goes on in waves.

use super::mutation::Mutation;
use super::plan::{Plan, Step};

/// In what a plan differs from another one of the same request. Only this voids what was typed to confirm it: the age of a fact does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each can differ without the others")]
pub struct Differs {
    /// Other steps, or in another order.
    pub steps: bool,
    /// Other bytes.
    pub bytes: bool,
    /// Other placements.
    pub targets: bool,
    /// The other direction: it is confirmed otherwise.
    pub direction: bool,
}

impl Differs {
    /// Whether it differs at all.
    #[must_use]
    pub const fn any(self) -> bool {
        self.steps || self.bytes || self.targets || self.direction
    }

    const fn or(self, other: Self) -> Self {
        Self {
            steps: self.steps || other.steps,
            bytes: self.bytes || other.bytes,
            targets: self.targets || other.targets,
            direction: self.direction || other.direction,
        }
    }
}

impl Plan {
    /// In what the other one differs from this.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> Differs {
        let bytes = |plan: &Self| plan.files().iter().map(|file| (file.file.clone(), file.before.clone(), file.after.clone())).collect::<Vec<_>>();
        let targets = |plan: &Self| plan.moves.iter().map(|moves| (moves.place.clone(), moves.apps.clone())).collect::<Vec<_>>();
        let steps = self.steps.len() != other.steps.len() || self.steps.iter().zip(&other.steps).any(|(one, other)| !one.does_as(other));
        let differs = Differs {
            steps,
            bytes: bytes(self) != bytes(other),
            targets: targets(self) != targets(other),
            direction: self.direction != other.direction,
        };
        let waves = self.waves.iter().zip(&other.waves).map(|(one, other)| one.same_as(other));
        let more = Differs { steps: self.waves.len() != other.waves.len(), ..Differs::default() };
        waves.fold(differs.or(more), Differs::or)
    }
}

impl Step {
    /// Whether it does the same to the same. On which head a commit was planned, and what else lies beside its files, is no difference.
    fn does_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Send(Mutation::Commit(one)), Self::Send(Mutation::Commit(other))) => {
                (&one.repository, &one.branch, one.beside, &one.message) == (&other.repository, &other.branch, other.beside, &other.message)
            }
            (one, other) => one == other,
        }
    }
}
