//! Where a change leads: what may stand in its way depends on that, and how it is confirmed.

use serde::{Deserialize, Serialize};

/// Toward risk or toward safety.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Something new reaches users, or may: every guard of the door holds, and the service's name is typed.
    Risk,
    /// Back to what was verified there, or no further: no gate, freeze, read-only default or unrelated stale source holds it up; two distinct keys
    /// confirm.
    Safety,
}
