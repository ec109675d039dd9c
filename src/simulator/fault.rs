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
    /// The server's clock is off by so many seconds: its `Date` header says so.
    pub(super) skew_seconds: i64,
}
