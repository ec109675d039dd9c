//! Waiting: poll for the state that is wanted, never for time to pass. A wait that runs out is a failure that says what it saw last.

#![expect(clippy::disallowed_methods, reason = "tests against real processes poll them in real time")]

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How often is looked.
const PACE: Duration = Duration::from_millis(5);

/// Looks until `wanted` holds for what `look` returns. Returns what was seen and how long it took.
pub(crate) fn until<T: Debug>(what: &str, limit: Duration, mut look: impl FnMut() -> T, wanted: impl Fn(&T) -> bool) -> (T, Duration) {
    let start = Instant::now();
    loop {
        let seen = look();
        if wanted(&seen) {
            return (seen, start.elapsed());
        }
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}; last seen: {seen:#?}");
        std::thread::sleep(PACE);
    }
}
