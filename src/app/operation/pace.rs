//! How an operation under way goes, measured by what earlier ones took.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::app::model::{Model, Screen};
use crate::app::operation::{Ended, Underway};
use crate::base::OperationId;
use crate::base::time::since;
use crate::operations::expected::{self, Durations, Pace, Sample};

/// How an operation goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// From its confirmation until now, or until it ended.
    pub took: Duration,
    /// How long it is expected to take; nothing once it is over.
    pub expected: Durations,
    /// It is not over, and takes longer than any before.
    pub is_overdue: bool,
    /// Each rung of its ladder.
    pub rungs: Vec<Pace>,
}

/// How an operation goes now.
#[must_use]
pub fn timing(model: &Model, underway: &Underway) -> Timing {
    let ended = underway.ended.as_ref().map(|(at, _)| *at);
    let took = since(underway.began, ended.unwrap_or(model.now));
    let places = underway.followed.as_ref().map(|followed| followed.places.as_slice()).unwrap_or_default();
    // What is over is one of those that are looked at by now: it is not measured by itself.
    let expected = match ended {
        Some(_) => Durations::default(),
        None => expected::of(&model.operations.past, &model.fleet, &underway.kind, (&underway.service, &underway.to), places),
    };
    let is_overdue = expected.whole.is_some_and(|whole| took > whole.to);
    let sent = underway.followed.as_ref().map_or(underway.began, |followed| followed.since);
    let rungs = underway.ladder.as_ref().map(|ladder| expected::paces(ladder, sent, &expected, ended.unwrap_or(model.now))).unwrap_or_default();
    Timing { took, expected, is_overdue, rungs }
}

/// What was done from here from its beginning to its end is what the next one is measured by.
pub(super) fn learn(model: &mut Model, id: &OperationId) {
    let Some(underway) = model.operations.underway.get(id) else { return };
    let (Some(plan), Some((at, Ended::Done(_)))) = (&underway.plan, &underway.ended) else { return };
    let nothing = BTreeMap::new();
    let (sent, reached) = underway.followed.as_ref().map_or((*at, &nothing), |followed| (followed.since, &followed.reached));
    let sample = Sample::seen(plan, (underway.began, sent, *at), reached);
    model.operations.past.learn(sample);
}

/// Whether seconds are counted on the screen.
pub(super) fn ticks(model: &Model) -> bool {
    let Screen::Operation(id, _) = &model.screen else { return false };
    model.operations.underway.get(id).is_some_and(|underway| underway.ended.is_none())
}
