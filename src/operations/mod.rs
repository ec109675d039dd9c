//! VERBS: what a change would do to the world, or why it may not be done. Pure: a request, the fleet and what was read of repositories in, a plan or
//! a refusal out. It sends nothing, reads no clock and knows no repository.
//!
//! * [`Request`]: what is wished for
//! * [`asked`]: what must be read of repositories before it can be planned
//! * [`plan()`]: the [`Plan`], or the [`Refusal`]
//! * [`canary`]: what can be done to a Rollout by hand; [`argocd`]: what Argo CD can be asked for
//! * [`mutation`]: what is sent, one request each, and what became of it
//! * [`confirm`]: what must be typed; [`door`]: what may stand in the way, and [`Approved`], which execution takes and nothing else
//! * [`protocol`]: in which order a plan is sent; [`following`]: how far what was sent has come
//! * [`oncall`]: whether this person could go back tonight
//! * [`ways`]: the ways back, best first
//! * [`waves`]: one placement after the other
//! * [`others`]: operations as everybody sees them, by their commits; [`debt`]: what was left
//! * [`record`]: what the journal keeps of an operation, as data, and how its lines are tied
//! * [`expected`]: how long it takes, by what earlier ones took
//! * `proposal`: a change by pull request; `merging`: the merge of one, as a plan of its own
//! * `differs`: in what a plan differs from another one
//! * `scene`: whom a request concerns and which version it is about; `earlier`: what was there before; `brought`: what goes before and after the
//!   commit of a way back; `deployed`: ways back through Argo CD's history; `held`: what is done to Rollouts; `instead`: the same by
//!   Argo CD where their cluster cannot be changed from here; `tried`: which digest ran where it was
//!   tried; `edits`: what that does to files;
//!   `brings`: what else its sync carries; [`rendering`]: what renderers make of it; `writers`: who else writes the same lines; `message`: the commit; `words`: everything as
//!   a person would say it

pub mod argocd;
mod brings;
mod brought;
pub mod canary;
pub mod confirm;
pub mod debt;
mod deployed;
mod differs;
mod direction;
pub mod door;
mod earlier;
mod edits;
pub mod expected;
pub mod following;
mod held;
mod instead;
mod merging;
mod message;
pub mod mutation;
pub mod oncall;
pub mod others;
mod plan;
mod proposal;
pub mod protocol;
pub mod record;
mod refusal;
pub mod rendering;
mod scene;
#[cfg(test)]
pub(crate) mod tests;
mod tried;
pub mod waves;
pub mod ways;
mod words;
mod writers;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::Raw;
use crate::domain::forge::Forge;
use crate::domain::{EnvironmentName, PlacementName, ServiceName};
use crate::manifest::prepared::Prepared;
use crate::manifest::rendered::Wish;

pub use brings::{Hook, Left, Reset, Scaler, Scalers};
pub use confirm::Confirmation;
pub use differs::Differs;
pub use direction::Direction;
pub use door::{Approved, Bar};
pub use edits::{FileEdit, Line, Sign};
pub use instead::{Instead, Rollouts};
pub use merging::open as open_pulls;
pub use plan::{Await, Carried, Expects, Fresh, Message, Moves, Plan, Precondition, Step, plan};
pub use refusal::{Place, Refusal, Versioned};
pub use rendering::{Answers, Rendered};
pub use scene::{asked, told_by_pods};

/// A plan is worth nothing after so long: what it rests on may have changed. Also, what was read for it must not be older.
pub const LIFETIME: Duration = Duration::from_mins(1);

/// What is wished for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A version of a service into an environment that follows the one where it was tried.
    Promote {
        /// The service.
        service: ServiceName,
        /// From where; `None`: from the only environment that leads there.
        from: Option<EnvironmentName>,
        /// To where.
        to: EnvironmentName,
        /// The version; `None`: the one that runs there.
        version: Option<Raw>,
        /// Only these placements; `None`: all.
        placements: Option<Vec<PlacementName>>,
        /// Also a version that the environment before never had.
        hotfix: bool,
        /// One placement after the other, each once the one before is verified.
        waves: bool,
    },
    /// An earlier version of a service put back where it was: its image on the files as they are now, never a commit taken back.
    Return {
        /// The service.
        service: ServiceName,
        /// Where.
        environment: EnvironmentName,
        /// The version; `None`: the newest before the present one that nobody went back from.
        version: Option<Raw>,
        /// Only these placements; `None`: all.
        placements: Option<Vec<PlacementName>>,
        /// By what.
        by: By,
    },
    /// The pull request of an operation merged.
    Merge {
        /// The service.
        service: ServiceName,
        /// Where it leads.
        environment: EnvironmentName,
        /// Its number; `None`: the only one that is open for them.
        number: Option<u64>,
        /// The commit of an own operation that leads toward safety: at exactly that one, so does merging it.
        back: Option<Raw>,
    },
    /// Something done to the Rollouts of a placement by hand.
    Canary {
        /// The service.
        service: ServiceName,
        /// Where.
        environment: EnvironmentName,
        /// The placement.
        placement: PlacementName,
        /// What.
        verb: canary::Verb,
        /// Whether an analysis or an experiment may be left out.
        skips: bool,
    },
    /// Something that Argo CD is asked for.
    Argocd {
        /// The service.
        service: ServiceName,
        /// Where.
        environment: EnvironmentName,
        /// Only these placements; `None`: all.
        placements: Option<Vec<PlacementName>>,
        /// What.
        verb: argocd::Verb,
        /// Whether a sync also deletes what git no longer has.
        prune: bool,
    },
}

/// By what an earlier version comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// A commit; what rolls it out takes its time.
    Commit,
    /// The changes of Rollouts that are under way there are aborted, then a commit.
    Abort,
    /// A commit, and as soon as the pods of then are on their way, all steps that are left are left out.
    Hasten,
    /// Argo CD deploys what it deployed then. Git keeps what it wants.
    History,
    /// A commit that puts back more than the image: what the files said that nothing else renders.
    Configuration,
}

/// What was read for a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Read {
    /// Of repositories.
    pub files: Prepared,
    /// Of Rollouts.
    pub rollouts: Rollouts,
    /// What scales in clusters.
    pub scalers: Scalers,
    /// What rendering came to, and what was wished for then.
    pub rendered: (Vec<Wish>, Answers),
    /// The forges of repositories, by the names of their sources.
    pub forges: BTreeMap<Raw, Forge>,
}

impl From<Prepared> for Read {
    fn from(files: Prepared) -> Self {
        Self { files, ..Self::default() }
    }
}

impl Request {
    /// The service.
    #[must_use]
    pub const fn service(&self) -> &ServiceName {
        match self {
            Self::Promote { service, .. }
            | Self::Return { service, .. }
            | Self::Merge { service, .. }
            | Self::Canary { service, .. }
            | Self::Argocd { service, .. } => service,
        }
    }

    /// The environment that would be changed.
    #[must_use]
    pub const fn to(&self) -> &EnvironmentName {
        match self {
            Self::Promote { to, .. }
            | Self::Return { environment: to, .. }
            | Self::Merge { environment: to, .. }
            | Self::Canary { environment: to, .. }
            | Self::Argocd { environment: to, .. } => to,
        }
    }

    /// What it is called in the record and for programs: a command of the command line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Promote { .. } => "promote",
            Self::Return { .. } => "rollback",
            Self::Merge { .. } => "merge",
            Self::Canary { verb, .. } => verb.word(),
            Self::Argocd { verb, .. } => verb.word(),
        }
    }
}
