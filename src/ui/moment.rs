//! The moment of a frame. Ages are measured from the last whole minute and silences from the last quarter of one, so that all of them change
//! together, at a moment that is known beforehand, and an event in between repaints its own cell and no other's age.

use std::fmt;
use std::time::Duration;

use crate::base::Timestamp;
use crate::base::time::{Age, Silence, later, since};
use crate::domain::explain;

/// Now, as far as painting cares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    exact: Timestamp,
    minute: Timestamp,
    quarter: Timestamp,
}

const MINUTE: i64 = 60;
const QUARTER: i64 = 15;

impl Moment {
    pub(super) fn of(now: Timestamp) -> Self {
        Self { exact: now, minute: floor(now, MINUTE), quarter: floor(now, QUARTER) }
    }

    /// Now itself.
    pub(super) const fn exact(self) -> Timestamp {
        self.exact
    }

    /// What words about a placement are measured from.
    pub(super) const fn words(self) -> explain::Now {
        explain::Now { ages: self.minute, silences: self.quarter }
    }

    /// How long ago something happened.
    pub(super) fn age(self, then: Timestamp) -> Age {
        Age::of(then, self.minute)
    }

    /// How long ago something lost was last heard; nothing within the first step.
    pub(super) fn silence(self, then: Timestamp) -> Option<Silence> {
        let silence = since(then, self.quarter);
        (silence.as_secs() >= QUARTER.unsigned_abs()).then_some(Silence(silence))
    }

    /// The same in words.
    pub(super) fn heard(self, then: Timestamp) -> Heard {
        Heard(self.silence(then))
    }

    /// How long until something happens.
    pub(super) fn until(self, then: Timestamp) -> Age {
        Age::of(self.exact, then)
    }

    /// When the minute is over.
    pub(super) fn next_minute(self) -> Timestamp {
        later(self.minute, Duration::from_mins(1))
    }

    /// When the quarter of a minute is over.
    pub(super) fn next_quarter(self) -> Timestamp {
        later(self.quarter, Duration::from_secs(15))
    }
}

/// When something was last heard: `30s`, or `now`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard(Option<Silence>);

impl fmt::Display for Heard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(silence) => silence.fmt(formatter),
            None => formatter.write_str("now"),
        }
    }
}

fn floor(now: Timestamp, step: i64) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(step)).unwrap_or(now)
}

/// A time of day: `14:32Z`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(pub(super) Timestamp);

impl fmt::Display for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.as_second().div_euclid(60).rem_euclid(24 * 60);
        write!(formatter, "{:02}:{:02}Z", minutes / 60, minutes % 60)
    }
}

/// A day and a time of day: `2026-11-20 14:32Z`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day(pub(super) Timestamp);

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.strftime("%Y-%m-%d %H:%MZ"))
    }
}

/// A number of bytes in three digits or so: `4.4 MB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
        if self.0 < 1000 {
            return write!(formatter, "{} B", self.0);
        }
        let (mut tenths, mut unit) = (self.0 / 100, UNITS.iter());
        let mut name = unit.next().copied().unwrap_or_default();
        while tenths >= 10_000 {
            let Some(next) = unit.next() else { break };
            (tenths, name) = (tenths / 1000, next);
        }
        if tenths < 100 { write!(formatter, "{}.{} {name}", tenths / 10, tenths % 10) } else { write!(formatter, "{} {name}", tenths / 10) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes_have_few_digits() {
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (15_300, "15 kB"), (999_999, "999 kB"), (4_400_000, "4.4 MB"), (u64::MAX, "18446 PB")]
        {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn ages_change_with_the_minute_and_silences_with_its_quarters() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let moment = Moment::of(at(14 * 3600 + 32 * 60 + 44));
        assert_eq!(Clock(moment.exact()).to_string(), "14:32Z");
        assert_eq!(moment.age(at(14 * 3600 + 32 * 60 + 1)).to_string(), "<1m");
        assert_eq!(moment.silence(at(14 * 3600 + 32 * 60 + 1)).unwrap().to_string(), "15s");
        assert_eq!(moment.until(at(14 * 3600 + 40 * 60)).to_string(), "7m");
        assert_eq!(moment.next_minute(), at(14 * 3600 + 33 * 60));
        assert_eq!(moment.next_quarter(), at(14 * 3600 + 32 * 60 + 45));
    }
}
