//! What is done to the Rollouts of a placement by hand, as a plan or as the first steps of one. What a verb does is known by `canary`; here is known
//! which Rollouts a placement has, and what is known around them.

use super::canary::{self, Around, Verb};
use super::mutation::{Mutation, Target};
use super::plan::{Fresh, Moves, Plan, Step};
use super::refusal::{Place, Refusal};
use super::scene::{chosen, deployed, must_be_known};
use super::{Direction, LIFETIME, Read, Rendered, Request, earlier, edits, instead};
use crate::base::time::{later, since};
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::fleet::{Cell, Fleet, Placement};
use crate::domain::workload::{WorkloadKey, WorkloadKind};
use crate::domain::{AppKey, Known, SourceId};
use crate::manifest::prepared::{Asked, Owned};

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

/// The Rollouts of a placement that are to be read. Where its cluster does not tell which they are, Argo CD may: of an application that is one service's own.
pub(super) fn owned(fleet: &Fleet, placement: &Placement, place: &Place) -> Result<Vec<Owned>, Refusal> {
    let mut found = Vec::new();
    for part in &placement.parts {
        let rollouts = match &part.workloads {
            Known::Known(workloads) => Some(workloads.iter().filter(|key| key.kind == WorkloadKind::Rollout).cloned().collect::<Vec<_>>()),
            Known::Unknown(why) if is_shared(fleet, &part.app) => return Err(Refusal::Rollouts { place: place.clone(), why: why.0.clone() }),
            Known::Unknown(_) => None,
        };
        if rollouts.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        let Target { app, project } = Target::of(fleet, &part.app);
        let destination = fleet.application(&app).map(|entry| &entry.value.destination);
        let named = || destination.and_then(|to| to.name.as_ref().or(to.server.as_ref())).map_or("", Raw::as_wire).into();
        let cluster = placement.cluster.as_known().cloned().unwrap_or_else(named);
        found.push(Owned { app, project, cluster, rollouts });
    }
    if found.is_empty() { Err(Refusal::NoRollout(place.clone())) } else { Ok(found) }
}

/// Whether an application carries more than one service.
fn is_shared(fleet: &Fleet, app: &AppKey) -> bool {
    let carries = |cell: &Cell| cell.placements.iter().any(|placement| placement.parts.iter().any(|part| part.app == *app));
    let cells = fleet.services().keys().map(|service| {
        let mut environments = fleet.landscape().environments.iter();
        environments.any(|environment| fleet.cell(service, &environment.name).is_some_and(carries))
    });
    cells.filter(|carries| *carries).count() > 1
}

/// The Rollouts of a placement; refused where neither its cluster nor Argo CD told whether there are any.
pub(super) fn rollouts(placement: &Placement, place: &Place, read: &Read) -> Result<Vec<WorkloadKey>, Refusal> {
    let mut found = Vec::new();
    for part in &placement.parts {
        let unknown = |why: Safe| Refusal::Rollouts { place: place.clone(), why };
        match (&part.workloads, read.rollouts.listed.get(&part.app)) {
            (Known::Known(workloads), _) => found.extend(workloads.iter().filter(|key| key.kind == WorkloadKind::Rollout).cloned()),
            (Known::Unknown(_), Some(Ok(listed))) => found.extend(listed.iter().cloned()),
            (Known::Unknown(why), Some(Err(also))) => return Err(unknown(crate::safe!("{}; {also}", why.0))),
            (Known::Unknown(why), None) => return Err(unknown(why.0.clone())),
        }
    }
    if found.is_empty() { Err(Refusal::NoRollout(place.clone())) } else { Ok(found) }
}

pub(super) fn asked(request: &Request, fleet: &Fleet) -> Result<Asked, Refusal> {
    let (placement, place) = placement(request, fleet)?;
    Ok(Asked { rollouts: owned(fleet, placement, &place)?, ..Asked::default() })
}

/// Why what is changed in the cluster alone does not stay.
pub(super) fn undone_again(fleet: &Fleet, placement: &Placement) -> Option<Refusal> {
    let heals = |app| fleet.application(app).is_some_and(|entry| entry.value.automation.enabled && entry.value.automation.self_heal);
    let healing = placement.parts.iter().find(|part| heals(&part.app))?;
    Some(Refusal::UndoneAgain { app: healing.app.clone(), wants: edits::wants(placement) })
}

/// What is sent to the Rollouts of a placement.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) requests: Vec<Mutation>,
    /// What they do, a sentence each.
    pub(super) words: Vec<Safe>,
    /// What stays open afterwards.
    pub(super) left: Vec<Safe>,
    /// What a person should know of it.
    pub(super) more: Vec<Safe>,
}

/// What is sent to the Rollouts of a placement. Those that the verb is not for are left alone, unless it is for none.
pub(super) fn requests(fleet: &Fleet, placement: &Placement, place: &Place, (verb, skips): (Verb, bool), read: &Read) -> Result<Sent, Refusal> {
    let (mut sent, mut refused) = (Sent::default(), None);
    let around = around(fleet, placement);
    for key in rollouts(placement, place, read)? {
        let facts = facts(read, &key, place)?;
        match canary::plan(verb, facts, &around, skips, read.files.at) {
            Ok(planned) => {
                let requests = instead::sent(verb, planned.patches, facts, read.rollouts.instead.get(&key));
                let (requests, more) = requests.map_err(|why| Refusal::NotNow { place: place.clone(), verb, why })?;
                sent.requests.extend(requests);
                sent.words.extend(planned.words);
                sent.left.extend(planned.left);
                sent.more.extend(more);
                if matches!(verb, Verb::Abort | Verb::Undo) {
                    sent.more.extend(canary::references::words(&facts.references));
                }
            }
            Err(canary::Refusal::Idle(why)) => refused = refused.or(Some(why)),
            Err(why) => return Err(Refusal::NotNow { place: place.clone(), verb, why: crate::safe!("{}", Safe::clean(&why.to_string())) }),
        }
    }
    match refused {
        Some(why) if sent.requests.is_empty() => Err(Refusal::NotNow { place: place.clone(), verb, why }),
        _ => Ok(sent),
    }
}

/// A Rollout as it was read.
pub(super) fn facts<'r>(read: &'r Read, key: &WorkloadKey, place: &Place) -> Result<&'r canary::Facts, Refusal> {
    match read.rollouts.facts.get(key) {
        Some(Ok(facts)) => Ok(facts),
        Some(Err(why)) => Err(Refusal::Rollouts { place: place.clone(), why: why.clone() }),
        None => Err(Refusal::Rollouts { place: place.clone(), why: Safe::clean("it was not read: plan again") }),
    }
}

fn around(fleet: &Fleet, placement: &Placement) -> Around {
    let application = placement.parts.first().and_then(|part| fleet.application(&part.app));
    Around {
        // Where the cluster does not tell which is which, Argo CD lists both.
        stable: placement.versions.as_known().filter(|versions| versions.len() == 1).and_then(|_| placement.version_text()),
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
    for key in rollouts(placement, place, read)? {
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
    if let Some(refusal) = undone_again(fleet, placement).filter(|_| *verb == Verb::Undo) {
        return Err(refusal);
    }
    let Sent { requests, words, left, more } = requests(fleet, placement, &place, (*verb, *skips), read)?;
    let source = |request: &Mutation| match request {
        Mutation::Patch(patch) => Some(SourceId::cluster(&patch.workload.cluster)),
        request => request.app().map(|app| SourceId::argocd(&app.argocd)),
    };
    let mut rests_on: Vec<Fresh> = requests.iter().filter_map(source).map(|source| Fresh { source, seen: Some(read.files.at) }).collect();
    rests_on.dedup();
    Ok(Plan {
        waves: Vec::new(),
        request: request.clone(),
        direction: direction(*verb, placement, fleet, read, &place)?,
        service: request.service().clone(),
        from: None,
        to: request.to().clone(),
        version: placement.incoming.as_ref().map(|version| version.text.shown()).or_else(|| placement.version_text()).unwrap_or_default(),
        images: Vec::new(),
        steps: requests.into_iter().map(Step::Send).collect(),
        moves: vec![Moves::of(placement, place)],
        carried: Vec::new(),
        rendered: Rendered::default(),
        rests_on,
        remarks: words.into_iter().chain(left).chain(more).collect(),
        not_known: Vec::new(),
        expires: later(read.files.at.min(now), LIFETIME),
    })
}
