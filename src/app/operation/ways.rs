//! The ways back of what is looked at: a list to choose from. It is made anew on every observation; the cursor stays on the way that it is on.

use std::time::Duration;

use super::preview;
use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::app::scroll::Scroll;
use crate::app::{Refusal as Unfit, cell, own};
use crate::base::time::since;
use crate::base::{RequestId, Safe, Timestamp};
use crate::domain::fleet::Placement;
use crate::domain::{AppKey, EnvironmentName, PlacementName, ServiceName};
use crate::manifest::prepared::Asked;
use crate::operations::ways::{self, Way, Ways};
use crate::operations::{Read, Refusal, Request, Rollouts};

/// A burst of observations is looked at once.
const CALM: Duration = Duration::from_millis(250);

/// The ways back while they are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct WaysState {
    /// The service.
    pub service: ServiceName,
    /// Where.
    pub environment: EnvironmentName,
    /// The placements that may be meant, in order; `None`: all.
    pub scopes: Vec<Option<Vec<PlacementName>>>,
    /// Which of them.
    pub scope: usize,
    /// The ways, or why there are none.
    pub ways: Result<Ways, Refusal>,
    /// The row of the cursor.
    pub selected: usize,
    /// Where in the text.
    pub scroll: Scroll,
    /// Where leaving it leads.
    pub from: Box<Screen>,
    looked_at: Timestamp,
    /// What was asked of Rollouts whose change is under way, and what was read.
    question: Option<RequestId>,
    read: Rollouts,
}

impl WaysState {
    /// The way that the cursor is on.
    #[must_use]
    pub fn chosen(&self) -> Option<&Way> {
        self.ways.as_ref().ok()?.ways.get(self.selected)
    }

    /// The placements that are meant; `None`: all.
    #[must_use]
    pub fn only(&self) -> Option<&[PlacementName]> {
        self.scopes.get(self.scope)?.as_deref()
    }
}

/// What the ways back are asked for: a service, where, and the placements that are looked at.
fn asked(model: &Model) -> Result<(ServiceName, EnvironmentName, Vec<PlacementName>), Unfit> {
    if let Screen::Operation(id, _) = &model.screen {
        let underway = model.operations.underway.get(id).ok_or(Unfit::NothingSelected)?;
        let places = underway.followed.iter().flat_map(|followed| &followed.places).map(|place| place.placement.clone());
        return Ok((underway.service.clone(), underway.to.clone(), places.collect()));
    }
    let keys = own::looked_at(model)?;
    let first = keys.first().ok_or(Unfit::NothingSelected)?;
    Ok((first.service.clone(), first.environment.clone(), keys.iter().map(|key| key.placement.clone()).collect()))
}

/// Whether there is something to go back in.
pub(in crate::app) fn available(model: &Model) -> Result<(), Unfit> {
    asked(model).map(|_| ())
}

/// Opens the ways back of what is looked at: of these placements, or of all, or of one.
pub(in crate::app) fn open(model: &mut Model) -> Vec<Effect> {
    let Ok((service, environment, looked_at)) = asked(model) else { return Vec::new() };
    let placements = model.fleet.cell(&service, &environment).map_or(&[][..], |cell| cell.placements.as_slice());
    let names: Vec<PlacementName> = placements.iter().map(|placement| placement.name.clone()).collect();
    let mut scopes = Vec::new();
    if !looked_at.is_empty() && looked_at.len() < names.len() {
        scopes.push(Some(looked_at));
    }
    scopes.push(None);
    if names.len() > 1 {
        let each = names.into_iter().map(|name| Some(vec![name]));
        let more: Vec<_> = each.filter(|scope| !scopes.contains(scope)).collect();
        scopes.extend(more);
    }
    let before = std::mem::replace(&mut model.screen, Screen::Matrix);
    let state = WaysState {
        service,
        environment,
        scopes,
        scope: 0,
        ways: Ok(Ways::default()),
        selected: 0,
        scroll: Scroll::default(),
        from: Box::new(before),
        looked_at: Timestamp::MIN,
        question: None,
        read: Rollouts::default(),
    };
    model.screen = Screen::Ways(Box::new(state));
    look(model, true);
    // Which versions were deployed there is told by the histories of the applications, which are read on demand.
    let apps = apps(model);
    let mut effects = cell::details(model, &apps);
    effects.extend(ask(model));
    effects
}

/// Has the Rollouts read whose change is under way: whether an abort leads back to something that starts.
fn ask(model: &mut Model) -> Option<Effect> {
    let Screen::Ways(state) = &model.screen else { return None };
    let rollouts = ways::asked(&state.service, &state.environment, state.only(), &model.fleet);
    if rollouts.is_empty() {
        return None;
    }
    let request = model.number();
    if let Screen::Ways(state) = &mut model.screen {
        state.question = Some(request);
    }
    Some(Effect::Prepare { request, asked: Box::new(Asked { rollouts, ..Asked::default() }) })
}

/// Takes in what was read, if it was asked for here; else gives it back.
pub(super) fn read(model: &mut Model, request: RequestId, outcome: Result<Read, Safe>) -> Option<Result<Read, Safe>> {
    let Screen::Ways(state) = &mut model.screen else { return Some(outcome) };
    if state.question != Some(request) {
        return Some(outcome);
    }
    state.question = None;
    if let Ok(read) = outcome {
        state.read = read.rollouts;
        look(model, true);
    }
    None
}

fn apps(model: &Model) -> Vec<AppKey> {
    let Screen::Ways(state) = &model.screen else { return Vec::new() };
    let cell = model.fleet.cell(&state.service, &state.environment);
    let placements = cell.into_iter().flat_map(|cell| &cell.placements);
    placements.flat_map(|placement: &Placement| &placement.parts).map(|part| part.app.clone()).collect()
}

/// Looks at the world again.
pub(in crate::app) fn look(model: &mut Model, at_once: bool) {
    let now = model.now;
    let Screen::Ways(state) = &mut model.screen else { return };
    if !at_once && since(state.looked_at, now) < CALM {
        return;
    }
    state.looked_at = now;
    let chosen: Option<Request> = state.chosen().map(|way| way.request.clone());
    let only = state.scopes.get(state.scope).cloned().flatten();
    state.ways = ways::of(&state.service, &state.environment, only.as_deref(), (&model.fleet, &model.operations.past, &state.read), now);
    let rows = state.ways.as_ref().map(|ways| ways.ways.as_slice()).unwrap_or_default();
    // A cursor that was never moved stays on what is recommended.
    let place = chosen.filter(|_| state.selected > 0).and_then(|request| rows.iter().position(|way| way.request == request));
    state.selected = place.unwrap_or(state.selected).min(rows.len().saturating_sub(1));
}

/// Moves the cursor, and shows where it is.
pub(in crate::app) fn step(state: &mut WaysState, by: isize) {
    state.scroll = Scroll::default();
    let rows = state.ways.as_ref().map_or(0, |ways| ways.ways.len());
    state.selected = state.selected.saturating_add_signed(by).min(rows.saturating_sub(1));
}

/// Other placements.
pub(in crate::app) fn choose(model: &mut Model, by: isize) {
    if let Screen::Ways(state) = &mut model.screen {
        let count = state.scopes.len();
        state.scope = (state.scope.cast_signed() + by).rem_euclid(count.max(1).cast_signed()).cast_unsigned();
        state.selected = 0;
        state.scroll = Scroll::default();
    }
    look(model, true);
}

/// Shows what the way that the cursor is on would send; one that is refused says why.
pub(in crate::app) fn show(model: &mut Model) -> Vec<Effect> {
    let Screen::Ways(state) = &model.screen else { return Vec::new() };
    let Some(way) = state.chosen() else { return Vec::new() };
    if let Some(refusal) = &way.refused {
        model.notice = Some(refusal.sentence());
        return Vec::new();
    }
    let request = way.request.clone();
    preview::begin(model, vec![request])
}

/// Leaves the list.
pub(in crate::app) fn leave(model: &mut Model) {
    if let Screen::Ways(state) = &mut model.screen {
        model.screen = std::mem::replace(&mut *state.from, Screen::Matrix);
    }
}

/// What lies beneath what was confirmed: a list of ways is done with then.
pub(super) fn beneath(screen: Screen) -> Screen {
    if let Screen::Ways(state) = screen { *state.from } else { screen }
}
