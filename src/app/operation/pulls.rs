//! Pull requests in the core: which of them GitHub is asked about because an operation follows them, and which one could be merged from where a person looks.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::app::operation::{looked_at, preview};
use crate::app::{Refusal, own};
use crate::base::{OperationId, Raw};
use crate::domain::SourceId;
use crate::domain::pull::{PullKey, PullState};
use crate::domain::question::{Ask, Want};
use crate::operations::following::{Route, Rung};
use crate::operations::{Direction, Request, open_pulls};

/// Those that are followed, by GitHub.
pub(super) type Followed = BTreeMap<Raw, BTreeSet<(Raw, u64)>>;

/// The pull request that an operation waits for.
fn awaited<'m>(model: &'m Model, id: &OperationId) -> Option<&'m PullKey> {
    let underway = model.operations.underway.get(id).filter(|underway| underway.ended.is_none())?;
    let followed = underway.followed.as_ref()?;
    match &followed.route {
        // Until Argo CD speaks of it: what was squashed is another commit, which GitHub names.
        Route::Pull(key) if !followed.reached.contains_key(&Rung::Noticed) => Some(key),
        Route::Pull(_) | Route::Push | Route::Branch(_) => None,
    }
}

/// Tells each GitHub which pull requests are followed, where these are others than before.
pub(super) fn follow(model: &mut Model) -> Vec<Effect> {
    let mut wanted = Followed::new();
    for key in model.operations.open().filter_map(|(id, _)| awaited(model, id)) {
        wanted.entry(key.github.clone()).or_default().insert((key.repository.clone(), key.number));
    }
    let mut effects = Vec::new();
    let names: BTreeSet<Raw> = wanted.keys().chain(model.operations.pulls.keys()).cloned().collect();
    for name in names {
        let now = wanted.remove(&name).unwrap_or_default();
        if model.operations.pulls.get(&name).unwrap_or(&BTreeSet::new()) == &now || !model.settings.githubs.contains(&name) {
            continue;
        }
        let source = SourceId::github(name.clone());
        if !model.fleet.sources().contains_key(&source) {
            let epoch = model.new_epoch(&source);
            effects.push(Effect::Connect { source: source.clone(), epoch });
        }
        model.operations.pulls.insert(name, now.clone());
        let request = model.number();
        effects.push(Effect::Ask { source, ask: Ask { request, want: Want::Pulls(now) } });
    }
    effects
}

/// The reader of a GitHub is gone, and what it was told.
pub(in crate::app) fn forget(model: &mut Model, name: &Raw) {
    model.operations.pulls.remove(name);
}

/// The request to merge that is meant here.
fn meant(model: &Model) -> Result<Request, Refusal> {
    if let Screen::Operation(id, _) = &model.screen {
        let is_open = |key: &&PullKey| model.fleet.pull(key).is_none_or(|entry| entry.value.state == PullState::Open);
        let key = awaited(model, id).filter(is_open).ok_or(Refusal::NoPull)?;
        let underway = model.operations.underway.get(id).ok_or(Refusal::NoPull)?;
        // Merging one's own way back, at exactly its commit, leads where that leads.
        let is_back = underway.plan.as_ref().is_some_and(|plan| plan.direction == Direction::Safety);
        let back = underway.followed.as_ref().and_then(|followed| followed.commit.as_ref()).filter(|_| is_back).map(|(commit, _)| commit.clone());
        return Ok(Request::Merge { service: underway.service.clone(), environment: underway.to.clone(), number: Some(key.number), back });
    }
    own::looked_at(model)?;
    let (service, environment) = looked_at(model)?;
    if open_pulls(&model.fleet, &service, &environment).next().is_none() {
        return Err(Refusal::NoPull);
    }
    Ok(Request::Merge { service, environment, number: None, back: None })
}

/// Whether there is one that could be looked at.
pub(in crate::app) fn available(model: &Model) -> Result<(), Refusal> {
    meant(model).map(|_| ())
}

/// Opens the preview of merging; of several for the same cell, each is a choice.
pub(in crate::app) fn merge(model: &mut Model) -> Vec<Effect> {
    let Ok(request) = meant(model) else { return Vec::new() };
    let mut choices = Vec::new();
    if let Request::Merge { service, environment, number: None, back } = &request {
        let numbers = open_pulls(&model.fleet, service, environment).map(|(key, _)| key.number);
        let one = |number| Request::Merge { service: service.clone(), environment: environment.clone(), number: Some(number), back: back.clone() };
        choices.extend(numbers.map(one));
    }
    if choices.is_empty() {
        choices.push(request);
    }
    preview::begin(model, choices)
}
