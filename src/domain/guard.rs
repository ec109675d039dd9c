//! What an environment allows: guardrails as data, written down by a team. They are judged in one place, the door of the operations.

use crate::base::{Raw, Safe};
use crate::domain::words::Pattern;

/// The guardrails of an environment. The usual ones forbid nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key that a team writes down")]
pub struct Guard {
    /// Nothing is changed there until somebody arms it for a while. The default of production: of environments that are promoted into and that nothing
    /// is promoted from.
    pub read_only: bool,
    /// Nothing is changed there at all, and why.
    pub deny: Option<Safe>,
    /// A reason must be given.
    pub reason: bool,
    /// A ticket must be given that looks so: `CHG-*`.
    pub ticket: Option<Pattern>,
    /// So many services at most are changed there at the same time.
    pub at_once: Option<u32>,
    /// Who may: login names or e-mail addresses; empty: everybody.
    pub people: Vec<Raw>,
    /// Changes are made by pull request, not by a direct commit.
    pub pull_request: bool,
    /// The command line may confirm with `--yes`.
    pub yes: bool,
}
