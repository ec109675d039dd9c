//! Why something is not done: one sentence, the same for the greyed key, the failed plan and the record.

use std::fmt;

/// Why a wish is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing here to do it with.
    NothingSelected,
    /// The selected service is not in the selected environment.
    NotDeployedHere,
    /// It has no meaning on this screen.
    NotHere,
    /// No row is quiet, or all of them are shown because they fit.
    NothingFolded,
    /// What is looked at is no view that is kept here.
    NoViewIsOn,
    /// No address on the web is known for it.
    NoPage,
    /// There is no Rollout to move or to hold.
    NoRollout,
    /// No pull request of an operation is open.
    NoPull,
    /// What changed belongs to no cell of the matrix.
    InNoCell,
    /// Somebody said that nothing is to be changed at all.
    ReadOnly,
    /// The environment can be changed as it is.
    NotReadOnly,
    /// No environment is armed.
    NothingArmed,
}

impl Refusal {
    /// The sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NothingSelected => "Nothing is selected: move to a row first.",
            Self::NotDeployedHere => "This service is not deployed in this environment.",
            Self::NotHere => "This does nothing on this screen.",
            Self::NoViewIsOn => "What is shown is no saved view: choose one in the palette first. Those of the configuration are changed there.",
            Self::NoPage => "No page is known for this: its Argo CD is read through its cluster, and url under [[argocd]] names none.",
            Self::NoRollout => "There is no Rollout here: nothing goes in steps. The way back is a version in git.",
            Self::NoPull => "No pull request is open here that an operation opened, as far as GitHub is read.",
            Self::InNoCell => "This is in no cell of the matrix: the list of sources says which applications are not, and why.",
            Self::ReadOnly => "This cockpit is read-only: start it without --read-only and without read_only in the configuration.",
            Self::NotReadOnly => "This environment is not read-only: there is nothing to arm.",
            Self::NothingArmed => "Nothing is armed.",
            Self::NothingFolded => "No rows are folded: everything fits.",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.sentence())
    }
}
