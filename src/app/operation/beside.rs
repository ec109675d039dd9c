//! Operations beside each other: those begun here and those of others, one after the other on the screen. Those of others are followed from their commit,
//! and nothing is sent or put on record for them.

use std::collections::BTreeSet;

use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::app::operation::{Underway, underway};
use crate::base::OperationId;

/// All that can be shown, oldest first: those begun here, and those of others.
#[must_use]
pub fn all(model: &Model) -> BTreeSet<&OperationId> {
    model.operations.underway.keys().chain(model.operations.others.iter().map(|other| &other.id)).collect()
}

/// Shows an operation; one of others is followed from now on.
pub(super) fn show(model: &mut Model, id: OperationId) -> Vec<Effect> {
    if !model.operations.underway.contains_key(&id) {
        let Some(other) = model.operations.others.iter().find(|other| other.id == id) else { return Vec::new() };
        let followed = Underway::of_another(other, model.now);
        model.operations.underway.insert(id.clone(), followed);
    }
    underway::show(model, id);
    underway::follow(model)
}

/// The operation before or after the one that is shown.
pub(in crate::app) fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    let Screen::Operation(shown, _) = &model.screen else { return Vec::new() };
    let all: Vec<&OperationId> = all(model).into_iter().collect();
    let Some(place) = all.iter().position(|id| *id == shown) else { return Vec::new() };
    let next = (place.cast_signed() + by).rem_euclid(all.len().cast_signed()).cast_unsigned();
    match all.get(next).copied().filter(|id| *id != shown).cloned() {
        Some(id) => show(model, id),
        None => Vec::new(),
    }
}
