//! The preview of something that Argo CD is asked for: which requests there are to choose from.

use super::begin;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::own;
use crate::domain::PlacementName;
use crate::operations::Request;
use crate::operations::argocd::Verb;

/// Opens the preview of asking Argo CD for something in the placements that are looked at; the other choices are the whole environment and each
/// placement, and for a sync the same with pruning.
pub(in crate::app) fn of_argocd(model: &mut Model, verb: Verb) -> Vec<Effect> {
    let Ok(keys) = own::looked_at(model) else { return Vec::new() };
    let Some(first) = keys.first() else { return Vec::new() };
    let cell = model.fleet.cell(&first.service, &first.environment);
    let names: Vec<PlacementName> = cell.into_iter().flat_map(|cell| &cell.placements).map(|placement| placement.name.clone()).collect();
    let mut places: Vec<Option<Vec<PlacementName>>> = Vec::new();
    if keys.len() < names.len() {
        places.push(Some(keys.iter().map(|key| key.placement.clone()).collect()));
    }
    places.push(None);
    if names.len() > 1 {
        places.extend(names.into_iter().map(|name| Some(vec![name])).filter(|place| !places.contains(place)).collect::<Vec<_>>());
    }
    let may_prune: &[bool] = if verb == Verb::Sync { &[false, true] } else { &[false] };
    let request = |placements: &Option<Vec<PlacementName>>, prune| Request::Argocd {
        service: first.service.clone(),
        environment: first.environment.clone(),
        placements: placements.clone(),
        verb,
        prune,
    };
    let choices = places.iter().flat_map(|place| may_prune.iter().map(move |prune| request(place, *prune))).collect();
    begin(model, choices)
}
