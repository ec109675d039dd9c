//! `--json` of the verbs that change something: the shape of version 1, described by `docs/operation.schema.json`. Fields are only ever added.

use serde::Serialize;

use crate::app::operation::Underway;
use crate::base::{OperationId, Safe, Timestamp};
use crate::domain::{EnvironmentName, ServiceName};
use crate::operations::protocol::Settled;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It was done, and seen.
    Done,
    /// It was not, or not to its end.
    Failed,
    /// It may not be, or nobody confirmed it: nothing was sent.
    Refused,
    /// Nobody knows.
    Unknown,
    /// It was sent and goes on; nobody watches it from here any more.
    Left,
}

/// The object at the end.
#[derive(Debug, Serialize)]
pub(super) struct Answer<'a> {
    pub(super) version: u32,
    pub(super) at: Timestamp,
    pub(super) service: &'a ServiceName,
    pub(super) environment: &'a EnvironmentName,
    pub(super) deploys: Option<Safe>,
    pub(super) outcome: Outcome,
    pub(super) words: Safe,
    pub(super) refusals: Vec<Refused>,
    pub(super) operation: Option<&'a OperationId>,
    pub(super) requests: Vec<Request<'a>>,
    pub(super) rungs: Vec<Rung>,
}

/// Why it may not be.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Refused {
    pub(super) name: &'static str,
    pub(super) sentence: Safe,
}

/// What was sent, and what became of it.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    at: Timestamp,
    words: &'a Safe,
    outcome: &'static str,
    why: Option<&'a Safe>,
}

/// How far it was seen to get.
#[derive(Debug, Serialize)]
pub(super) struct Rung {
    name: &'static str,
    at: Timestamp,
}

/// The requests of an operation.
pub(super) fn requests(underway: &Underway) -> Vec<Request<'_>> {
    underway
        .settled
        .iter()
        .map(|(at, words, settled)| {
            let (outcome, why) = match settled {
                Settled::Done(_) => ("done", None),
                Settled::NotDone(rejection) => ("not_done", Some(&rejection.why)),
                Settled::Unknown(why) => ("unknown", Some(why)),
            };
            Request { at: *at, words, outcome, why }
        })
        .collect()
}

/// The rungs of an operation that were reached.
pub(super) fn rungs(underway: &Underway) -> Vec<Rung> {
    let reached = underway.followed.iter().flat_map(|followed| &followed.reached);
    reached.map(|(rung, at)| Rung { name: rung.name(), at: *at }).collect()
}
