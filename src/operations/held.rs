//! What is done to the Rollouts of a placement by hand, as a plan or as the first steps of one. What a verb does is known by `canary`; here is known
//! which Rollouts a placement has, and what is known around them.

use super::canary::{self, Around, Verb};
use super::mutation::{Mutation, Patch};
use super::plan::{Fresh, Moves, Plan, Step};
use super::refusal::{Place, Refusal};
use super::scene::{chosen, deployed, must_be_known};
use super::{Direction, LIFETIME, Read, Rendered, Request, earlier, edits};
use crate::base::time::{later, since};
use crate::base::{Safe, Timestamp};
use crate::domain::fleet::{Fleet, Placement};
use crate::domain::workload::{WorkloadKey, WorkloadKind};
use crate::domain::{Known, SourceId};
use crate::manifest::prepared::Asked;

/// The placement that a request to hold or move a canary is about.
fn placement<'f>(request: &Request, fleet: &'f Fleet) -> Result<(&'f Placement, Place), Refusal> {
    let (service, to) = (request.service(), request.to());
    must_be_known(fleet, service, to)?;
    let there = deployed(fleet, service, to);
    // Where there is only one, it need not be named.
    let only = match (request, there) {
        (Request::Canary { placement, .. }, [_]) if placement.0.is_empty() => None,
        (Request::Canary { placement, .. }, _) => Some(std::slice::from_ref(placement)),
        _ => Some([].as_slice()),
    };
    let found = chosen(fleet, there, to, only, service)?;
    let Some(placement) = found.first() else { return Err(Refusal::NotDeployed(service.clone(), to.clone())) };
    Ok((placement, Place { environment: to.clone(), placement: placement.name.clone() }))
}

/// The Rollouts of a placement; refused where its cluster did not tell whether there are any.
pub(super) fn rollouts(placement: &Placement, place: &Place) -> Result<Vec<WorkloadKey>, Refusal> {
    let mut found = Vec::new();
    for part in &placement.parts {
        match &part.workloads {
            Known::Known(workloads) => found.extend(workloads.iter().filter(|key| key.kind == WorkloadKind::Rollout).cloned()),
            Known::Unknown(why) => return Err(Refusal::Rollouts { place: place.clone(), why: why.0.clone() }),
        }
    }
    if found.is_empty() { Err(Refusal::NoRollout(place.clone())) } else { Ok(found) }
}

pub(super) fn asked(request: &Request, fleet: &Fleet) -> Result<Asked, Refusal> {
    let (placement, place) = placement(request, fleet)?;
    Ok(Asked { rollouts: rollouts(placement, &place)?, ..Asked::default() })
}

/// What is sent to the Rollouts of a placement, and what it does. Those that the verb is not for are left alone, unless it is for none.
pub(super) fn patches(
    fleet: &Fleet,
    placement: &Placement,
    place: &Place,
    (verb, skips): (Verb, bool),
    read: &Read,
) -> Result<(Vec<Patch>, Vec<Safe>), Refusal> {
    let (mut patches, mut words, mut refused) = (Vec::new(), Vec::new(), None);
    let around = around(fleet, placement);
    for key in rollouts(placement, place)? {
        let facts = facts(read, &key, place)?;
        match canary::plan(verb, facts, &around, skips, read.files.at) {
            Ok(planned) => {
                patches.extend(planned.patches);
                words.extend(planned.words);
                if matches!(verb, Verb::Abort | Verb::Undo) {
                    words.extend(canary::references::words(&facts.references));
                }
            }
            Err(canary::Refusal::Idle(why)) => refused = refused.or(Some(why)),
            Err(why) => return Err(Refusal::NotNow { place: place.clone(), verb, why: crate::safe!("{}", Safe::clean(&why.to_string())) }),
        }
    }
    match refused {
        Some(why) if patches.is_empty() => Err(Refusal::NotNow { place: place.clone(), verb, why }),
        _ => Ok((patches, words)),
    }
}

/// A Rollout as it was read.
pub(super) fn facts<'r>(read: &'r Read, key: &WorkloadKey, place: &Place) -> Result<&'r canary::Facts, Refusal> {
    match read.rollouts.get(key) {
        Some(Ok(facts)) => Ok(facts),
        Some(Err(why)) => Err(Refusal::Rollouts { place: place.clone(), why: why.clone() }),
        None => Err(Refusal::Rollouts { place: place.clone(), why: Safe::clean("it was not read: plan again") }),
    }
}

fn around(fleet: &Fleet, placement: &Placement) -> Around {
    let application = placement.parts.first().and_then(|part| fleet.application(&part.app));
    Around {
        stable: placement.version_text(),
        newest: placement.incoming.as_ref().map(|version| version.text.shown()),
        wanted: placement.wanted.is_some().then(|| edits::wants(placement)),
        automation: application.map(|entry| entry.value.automation),
    }
}

/// Which way a verb leads here: to let a version come that was deployed there before, with the pods of then, is to go back.
fn direction(verb: Verb, placement: &Placement, fleet: &Fleet, read: &Read, place: &Place) -> Result<Direction, Refusal> {
    if !matches!(verb, Verb::PromoteFully | Verb::NextStep | Verb::Resume) || !earlier::is_returning(fleet, placement) {
        return Ok(verb.direction());
    }
    for key in rollouts(placement, place)? {
        let facts = facts(read, &key, place)?;
        if !facts.is_settled() && !facts.comes_back() {
            return Ok(verb.direction());
        }
    }
    Ok(Direction::Safety)
}

/// The plan of a request to hold or move a canary.
pub(super) fn plan(request: &Request, fleet: &Fleet, read: &Read, now: Timestamp) -> Result<Plan, Refusal> {
    let Request::Canary { verb, skips, .. } = request else { return Err(Refusal::NotDeployed(request.service().clone(), request.to().clone())) };
    let (placement, place) = placement(request, fleet)?;
    if since(read.files.at, now) > LIFETIME {
        return Err(Refusal::Stale { place, why: Safe::clean("its Rollout was read too long ago") });
    }
    let (patches, remarks) = patches(fleet, placement, &place, (*verb, *skips), read)?;
    let mut rests_on: Vec<Fresh> =
        patches.iter().map(|patch| Fresh { source: SourceId::cluster(&patch.workload.cluster), seen: Some(read.files.at) }).collect();
    rests_on.dedup();
    Ok(Plan {
        request: request.clone(),
        direction: direction(*verb, placement, fleet, read, &place)?,
        service: request.service().clone(),
        from: None,
        to: request.to().clone(),
        version: placement.incoming.as_ref().map(|version| version.text.shown()).or_else(|| placement.version_text()).unwrap_or_default(),
        images: Vec::new(),
        steps: patches.into_iter().map(|patch| Step::Send(Mutation::Patch(patch))).collect(),
        moves: vec![Moves::of(placement, place)],
        carried: Vec::new(),
        rendered: Rendered::default(),
        rests_on,
        remarks,
        not_known: Vec::new(),
        expires: later(read.files.at.min(now), LIFETIME),
    })
}
