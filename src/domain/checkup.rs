//! What an examination of a source or of this machine found: one line each, with what cures it. It knows nothing of who examines.

use std::time::Duration;

use crate::base::time::{Age, since};
use crate::base::{Safe, Timestamp};
use crate::domain::observation::NOTICE;
use crate::safe;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Well,
    /// Something is less than it could be, or will soon be wrong.
    Warn,
    /// Something does not work.
    Fail,
}

impl Verdict {
    /// The word for people and programs: `ok`, `warn` or `fail`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in a word or two: `token`.
    pub what: Safe,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: Safe,
    /// What helps: a command where there is one.
    pub cure: Option<Safe>,
}

impl Finding {
    /// It is as it should be.
    #[must_use]
    pub fn well(what: &str, found: impl AsRef<str>) -> Self {
        Self::new(what, Verdict::Well, found)
    }

    /// It is less than it could be.
    #[must_use]
    pub fn warn(what: &str, found: impl AsRef<str>) -> Self {
        Self::new(what, Verdict::Warn, found)
    }

    /// It does not work.
    #[must_use]
    pub fn fail(what: &str, found: impl AsRef<str>) -> Self {
        Self::new(what, Verdict::Fail, found)
    }

    fn new(what: &str, verdict: Verdict, found: impl AsRef<str>) -> Self {
        Self { what: Safe::clean(what), verdict, found: Safe::clean(found.as_ref()), cure: None }
    }

    /// The same with what helps.
    #[must_use]
    pub fn cured_by(mut self, cure: impl AsRef<str>) -> Self {
        self.cure = Some(Safe::clean(cure.as_ref()));
        self
    }
}

/// How far two clocks may be apart before ages and windows on screen are off by what a person would notice.
const CLOSE: Duration = Duration::from_secs(5);

/// What the difference between a server's clock and ours means. `took` is how long the answer was on its way: the server's `Date` has whole
/// seconds and was written somewhere within it.
#[must_use]
pub fn clock(server: Timestamp, ours: Timestamp, took: Duration) -> Finding {
    let apart = since(server, ours).max(since(ours, server));
    if apart <= CLOSE.saturating_add(took) {
        return Finding::well("clock", "agrees with this machine's");
    }
    let (direction, text) = (if server > ours { "ahead of" } else { "behind" }, span(apart));
    Finding::warn("clock", safe!("{} {} this machine's: ages here are off by that", text, direction))
        .cured_by("timedatectl status (here and on the server: set-ntp true where it is off)")
}

/// What the end of a credential means. `renewal` is the command that renews it.
#[must_use]
pub fn end(what: &str, end: Option<Timestamp>, now: Timestamp, renewal: &str) -> Finding {
    match end {
        None => Finding::well(what, "says no end"),
        Some(end) if end <= now => Finding::fail(what, safe!("ended {} ago, at {}", Age::of(end, now), moment(end))).cured_by(renewal),
        Some(end) if since(now, end) < NOTICE => Finding::warn(what, safe!("ends in {}, at {}", Age::of(now, end), moment(end))).cured_by(renewal),
        Some(end) => Finding::well(what, safe!("ends in {}, at {}", Age::of(now, end), moment(end))),
    }
}

/// A moment for people.
#[must_use]
pub fn moment(at: Timestamp) -> Safe {
    Safe::clean(&at.strftime("%Y-%m-%d %H:%MZ").to_string())
}

fn span(apart: Duration) -> Safe {
    if apart < Duration::from_mins(2) { safe!("{} s", apart.as_secs()) } else { safe!("{}", Age(apart)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn clocks_are_apart_when_a_person_would_notice() {
        let now = at("2026-11-21T12:00:10Z");
        let verdict = |server: &str, took| clock(at(server), now, Duration::from_secs(took)).verdict;
        assert_eq!(verdict("2026-11-21T12:00:09Z", 0), Verdict::Well);
        assert_eq!(verdict("2026-11-21T12:00:01Z", 8), Verdict::Well, "a slow answer is no wrong clock");
        assert_eq!(verdict("2026-11-21T12:00:01Z", 0), Verdict::Warn);
        let ahead = clock(at("2026-11-22T12:00:10Z"), now, Duration::ZERO);
        assert_eq!(ahead.found.as_str(), "1d ahead of this machine's: ages here are off by that");
    }

    #[test]
    fn a_credential_that_ends_soon_is_warned_of() {
        let now = at("2026-11-21T12:00:00Z");
        let said = |text: &str| {
            let finding = end("token", Some(at(text)), now, "argocd relogin");
            (finding.verdict, finding.found.as_str().to_owned(), finding.cure.is_some())
        };
        assert_eq!(said("2026-11-21T12:00:00Z"), (Verdict::Fail, "ended <1m ago, at 2026-11-21 12:00Z".to_owned(), true));
        assert_eq!(said("2026-11-22T11:00:00Z"), (Verdict::Warn, "ends in 23h, at 2026-11-22 11:00Z".to_owned(), true));
        assert_eq!(said("2026-11-28T12:00:00Z"), (Verdict::Well, "ends in 7d, at 2026-11-28 12:00Z".to_owned(), false));
        assert_eq!(end("token", None, now, "x").verdict, Verdict::Well);
    }
}
