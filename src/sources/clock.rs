//! The one place that reads the clock. The sources stamp what they hear with it, and the shell above them hands it to the core.
//!
//! A demo may pretend that it is another moment: everything that asks here is then off by the same, from the start to the end of the process.

use std::sync::OnceLock;

use jiff::SignedDuration;

use crate::base::Timestamp;

/// How far the present is from that of the system. A process has one clock, so this is a place for a static.
static AHEAD: OnceLock<SignedDuration> = OnceLock::new();

/// The present.
#[must_use]
pub fn now() -> Timestamp {
    let ahead = AHEAD.get().copied().unwrap_or_default();
    real().checked_add(ahead).unwrap_or(Timestamp::MAX)
}

/// From now on it is this moment, and time goes on from there. Only the first call counts, before anything has asked for the time.
pub fn pretend(moment: Timestamp) {
    let _ = AHEAD.set(moment.duration_since(real()));
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn real() -> Timestamp {
    Timestamp::now()
}
