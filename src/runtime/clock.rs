//! The one place of the shell that reads the clock.

use std::time::Duration;

use crate::base::Timestamp;

/// The present.
#[expect(clippy::disallowed_methods, reason = "the shell reads the clock once per turn and hands it down")]
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// How long until a moment; nothing when it is past.
#[must_use]
pub fn until(moment: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now())).unwrap_or_default()
}
