//! What can be wrong with a server of the simulated world: data, set by scenarios and over the control address, obeyed by whatever serves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::span;

#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own, and they hold together")]
/// The faults of one server at a time; the default is none. Several hold together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Fault {
    /// The port refuses and every connection is cut: the process was killed.
    pub(super) down: bool,
    /// It accepts connections and never says another byte, on those that are open neither.
    pub(super) frozen: bool,
    /// Each answer begins so much later.
    #[serde(with = "span::option")]
    pub(super) latency: Option<Duration>,
    /// Every answer is this status.
    pub(super) status: Option<u16>,
    /// With `status`: the header `Retry-After`.
    #[serde(with = "span::option")]
    pub(super) retry_after: Option<Duration>,
    /// With `status`: what the body says, instead of the usual words.
    pub(super) says: Option<String>,
    /// What an Argo CD says that its version is.
    pub(super) version: Option<String>,
    /// Bodies end in the middle and the connection with them.
    pub(super) truncated: bool,
    /// Bodies come a few bytes a second.
    pub(super) drip: bool,
    /// Watches and streams are cut after so long.
    #[serde(with = "span::option")]
    pub(super) cut_watches: Option<Duration>,
    /// Of 100 events of Argo CD's stream, so many never arrive.
    pub(super) lose_events: u8,
    /// Every token has expired: 401.
    pub(super) expired_token: bool,
    /// Everything is forbidden: 403.
    pub(super) forbidden: bool,
    /// What becomes of pushes to the gitops repository; only of the server `git`, which can have this without being served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) push: Option<Push>,
    /// The server's clock is off by so many seconds: its `Date` header says so.
    pub(super) skew_seconds: i64,
}

/// What becomes of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Push {
    /// The branches that deployments follow take changes by pull request only.
    Protected,
    /// A hook refuses it with these words.
    Hook(String),
    /// Whoever pushes is asked to log in: 401. Over HTTP only.
    Unauthorized,
    /// Whoever pushes may not: 403. Over HTTP only.
    Forbidden,
    /// Somebody else's commit lands between fetch and push.
    Race(Race),
}

/// Somebody is quicker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Race {
    /// How often.
    #[serde(default = "once")]
    pub(super) times: u32,
    /// What they change.
    #[serde(default)]
    pub(super) on: RaceOn,
    /// Where.
    #[serde(default = "main")]
    pub(super) branch: String,
}

/// What the other commit changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RaceOn {
    #[default]
    AnotherFile,
    /// The first file that the push changes gets a comment at its end.
    SameFile,
}

const fn once() -> u32 {
    1
}

fn main() -> String {
    super::repository::MAIN.to_owned()
}
