//! Time as data: points in time come with messages, never from a clock in this room.

use std::fmt;
use std::time::Duration;

/// A point in time, to the nanosecond, without a zone.
pub type Timestamp = jiff::Timestamp;

/// How long before `now` something happened; nothing when it lies ahead (clocks differ).
#[must_use]
pub fn since(then: Timestamp, now: Timestamp) -> Duration {
    let elapsed = now.duration_since(then);
    // The failed conversion of a negative duration would allocate its error, in every cell of a frame.
    if elapsed.is_negative() { Duration::ZERO } else { elapsed.unsigned_abs() }
}

/// `then` plus `after`, at the end of time at most.
#[must_use]
pub fn later(then: Timestamp, after: Duration) -> Timestamp {
    then.checked_add(after).unwrap_or(Timestamp::MAX)
}

/// An age in one coarse step: `<1m`, `4m`, `2h`, `3d`. Coarse, so that nothing repaints for a second that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(pub Duration);

impl Age {
    /// The age of something that happened at `then`.
    #[must_use]
    pub fn of(then: Timestamp, now: Timestamp) -> Self {
        Self(since(then, now))
    }

    /// How long until the text of this age changes.
    #[must_use]
    pub fn next_change(self) -> Duration {
        let seconds = self.0.as_secs();
        let step = if seconds < 3600 {
            60
        } else if seconds < 86_400 {
            3600
        } else {
            86_400
        };
        Duration::from_secs(step - seconds % step)
    }
}

impl fmt::Display for Age {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = if seconds < 60 {
            return formatter.pad("<1m");
        } else if seconds < 3600 {
            (seconds / 60, 'm')
        } else if seconds < 86_400 {
            (seconds / 3600, 'h')
        } else {
            (seconds / 86_400, 'd')
        };
        if formatter.width().is_some() { formatter.pad(&format!("{count}{unit}")) } else { write!(formatter, "{count}{unit}") }
    }
}

/// How long ago a lost source was last heard, in steps of 15 s below a minute: `15s`, `30s`, `2m`. Finer than [`Age`] because the first minute
/// decides whether an outage is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Silence(pub Duration);

impl Silence {
    /// How long until the text of this silence changes.
    #[must_use]
    pub fn next_change(self) -> Duration {
        let seconds = self.0.as_secs();
        if seconds < 60 { Duration::from_secs(15 - seconds % 15) } else { Age(self.0).next_change() }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds < 60 { write!(formatter, "{}s", seconds / 15 * 15) } else { Age(self.0).fmt(formatter) }
    }
}

/// How long something took: `8 s`, `2 min 5 s`, `1 h 20 min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lasted(pub Duration);

impl fmt::Display for Lasted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let text = match (seconds, seconds % 60, seconds / 60 % 60) {
            (0..60, ..) => format!("{seconds} s"),
            (60..3600, 0, minutes) => format!("{minutes} min"),
            (60..3600, rest, minutes) => format!("{minutes} min {rest} s"),
            (_, _, 0) => format!("{} h", seconds / 3600),
            (_, _, minutes) => format!("{} h {minutes} min", seconds / 3600),
        };
        formatter.pad(&text)
    }
}

/// From one length of time to another, in whole units and rounded outward: `5–8 s`, `40 s–2 min`, `2–4 min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between(pub Duration, pub Duration);

impl fmt::Display for Between {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = self.0.as_secs();
        let most = self.1.as_secs() + u64::from(self.1.subsec_nanos() > 0);
        let minutes = |seconds: u64| Lasted(Duration::from_secs(seconds * 60));
        if self.0 == self.1 {
            return Lasted(self.0).fmt(formatter);
        }
        match (least, most) {
            (_, 0..60) if least == most => write!(formatter, "{most} s"),
            (_, 0..60) => write!(formatter, "{least}–{most} s"),
            (0..60, _) => write!(formatter, "{least} s–{}", minutes(most.div_ceil(60))),
            (_, 0..3600) if least / 60 == most.div_ceil(60) => write!(formatter, "{} min", least / 60),
            (_, 0..3540) => write!(formatter, "{}–{} min", least / 60, most.div_ceil(60)),
            _ => write!(formatter, "{}–{}", minutes(least / 60), minutes(most.div_ceil(60))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_coarse_and_know_when_they_change() {
        for (seconds, text, next) in
            [(0, "<1m", 60), (59, "<1m", 1), (60, "1m", 60), (3599, "59m", 1), (3600, "1h", 3600), (86_400 * 3 + 5, "3d", 86_395)]
        {
            let age = Age(Duration::from_secs(seconds));
            assert_eq!(age.to_string(), text);
            assert_eq!(age.next_change().as_secs(), next, "{text}");
        }
        assert_eq!(Silence(Duration::from_secs(44)).to_string(), "30s");
        assert_eq!(Silence(Duration::from_secs(44)).next_change().as_secs(), 1);
    }

    #[test]
    fn lengths_of_time_are_told_as_people_do() {
        let seconds = Duration::from_secs;
        for (length, text) in [(0, "0 s"), (59, "59 s"), (60, "1 min"), (125, "2 min 5 s"), (3600, "1 h"), (4800, "1 h 20 min")] {
            assert_eq!(Lasted(seconds(length)).to_string(), text);
        }
        for (least, most, text) in [
            (0, 0, "0 s"),
            (5, 8, "5–8 s"),
            (8, 8, "8 s"),
            (40, 61, "40 s–2 min"),
            (120, 240, "2–4 min"),
            (125, 181, "2–4 min"),
            (125, 125, "2 min 5 s"),
            (3000, 4800, "50 min–1 h 20 min"),
        ] {
            assert_eq!(Between(seconds(least), seconds(most)).to_string(), text);
        }
        assert_eq!(Between(Duration::from_millis(400), Duration::from_millis(1200)).to_string(), "0–2 s", "rounded outward");
    }
}
