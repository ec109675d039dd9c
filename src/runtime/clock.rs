//! The clock of the shell: the same that the sources stamp with.

use std::time::Duration;

use crate::base::Timestamp;
pub use crate::sources::clock::{now, pretend};

/// How long until a moment; nothing when it is past.
#[must_use]
pub fn until(moment: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now())).unwrap_or_default()
}
