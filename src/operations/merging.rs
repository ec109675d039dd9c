//! Merging the pull request of an operation: a plan and a confirmation of its own, at exactly the commit that was looked at. What its text says of service and
//! version is believed as far as it says where to look; what comes of it is seen in the cluster.

use super::direction::Direction;
use super::mutation::{Merging, Mutation};
use super::plan::{Await, Fresh, Moves, Plan, Step, brought};
use super::refusal::{Place, Refusal};
use super::rendering::Rendered;
use super::scene::{chosen, deployed};
use super::{LIFETIME, Read, Request};
use crate::base::time::later;
use crate::base::{Safe, Timestamp};
use crate::domain::AppKey;
use crate::domain::SourceId;
use crate::domain::fleet::{Entry, Fleet, Placement};
use crate::domain::forge::Forge;
use crate::domain::observation::Scope;
use crate::domain::pull::{Pull, PullKey, PullState};
use crate::domain::{EnvironmentName, ServiceName};

/// The open pull requests of operations on a service in an environment.
pub fn open<'f>(
    fleet: &'f Fleet,
    service: &'f ServiceName,
    environment: &'f EnvironmentName,
) -> impl Iterator<Item = (&'f PullKey, &'f Entry<Pull>)> {
    fleet.pulls().filter(move |(_, entry)| {
        let says = &entry.value.says;
        let is_open = entry.value.state == PullState::Open && says.operation.is_some();
        is_open && says.service.as_ref() == Some(service) && says.environment.as_ref() == Some(environment)
    })
}

pub(super) fn plan(request: &Request, fleet: &Fleet, read: &Read, now: Timestamp) -> Result<Plan, Refusal> {
    let (service, to) = (request.service(), request.to());
    let Request::Merge { number, back, .. } = request else { return Err(Refusal::NotDeployed(service.clone(), to.clone())) };
    let place = Place { environment: to.clone(), placement: crate::domain::PlacementName::from("") };
    let found: Vec<_> = open(fleet, service, to).filter(|(key, _)| number.is_none_or(|number| key.number == number)).collect();
    let (key, entry) = match found.as_slice() {
        [] => return Err(Refusal::NoPull { service: service.clone(), environment: to.clone(), why: unread(fleet) }),
        [only] => *only,
        _ => return Err(Refusal::SeveralPulls { environment: to.clone(), numbers: found.iter().map(|(key, _)| key.number).collect() }),
    };
    let pull = &entry.value;
    let source = SourceId::github(key.github.clone());
    let is_live = fleet
        .sources()
        .get(&source)
        .and_then(|held| held.scopes.get(&Scope::Pulls(key.repository.clone())))
        .is_some_and(|status| status.state.is_live());
    if !is_live {
        return Err(Refusal::Stale { place, why: crate::safe!("the pull requests of {} are not read now", key.repository.shown()) });
    }
    if let Some(why) = pull.unmergeable() {
        return Err(Refusal::NotMergeable { number: key.number, url: pull.url.clone(), why });
    }
    let only = (!pull.says.placements.is_empty()).then_some(pull.says.placements.as_slice());
    let targets = chosen(fleet, deployed(fleet, service, to), to, only, service)?;
    let is_back = back.as_ref() == Some(&pull.head);
    let at = |placement: &Placement| Place { environment: to.clone(), placement: placement.name.clone() };
    let apps: Vec<AppKey> = targets.iter().flat_map(|target| &target.parts).map(|part| part.app.clone()).collect();
    let forge = read.forges.iter().find(|(_, forge)| matches!(forge, Forge::Github { repository, .. } if *repository == key.repository));
    let method = if let Some((_, Forge::Github { method, .. })) = forge { *method } else { crate::domain::forge::MergeMethod::default() };
    let merging = Merging {
        pull: key.clone(),
        url: pull.url.clone(),
        base: pull.base.clone(),
        head: pull.head.clone(),
        method,
        repository: forge.map(|(name, _)| name.clone()).unwrap_or_default(),
    };
    let mut steps = vec![Step::Send(Mutation::Merge(Box::new(merging)))];
    steps.extend(apps.iter().map(|app| Step::Send(brought(fleet, app))));
    steps.push(Step::Await(Await::Synced(apps.clone())));
    steps.push(Step::Await(Await::Verified(targets.iter().map(|target| at(target)).collect())));
    let approved: Vec<String> = pull.reviews.iter().filter(|review| review.approves).map(|review| review.by.to_string()).collect();
    let mut remarks = vec![
        crate::safe!("{}, opened by {}: {}", pull.title, pull.author, pull.url),
        crate::safe!(
            "{} passed, approved by {}",
            crate::base::counted(pull.checks.len() as u64, "check", "checks"),
            Safe::clean(&if approved.is_empty() { "nobody, which its rules allow".to_owned() } else { approved.join(", ") })
        ),
        Safe::clean("anything that is pushed to its branch from now on makes GitHub refuse it"),
    ];
    if !is_back {
        remarks.push(Safe::clean("what it changes is told by its own text: its files are on that page"));
    }
    let mut rests_on: Vec<Fresh> =
        apps.iter().map(|app| Fresh { source: SourceId::argocd(&app.argocd), seen: fleet.application_seen_at(app) }).collect();
    rests_on.push(Fresh { source, seen: Some(entry.at) });
    rests_on.sort();
    rests_on.dedup_by(|one, other| one.source == other.source);
    Ok(Plan {
        waves: Vec::new(),
        request: request.clone(),
        direction: if is_back { Direction::Safety } else { Direction::Risk },
        service: service.clone(),
        from: None,
        to: to.clone(),
        version: pull.says.version.clone().unwrap_or_else(|| Safe::clean("?")),
        images: pull.says.images.clone(),
        steps,
        moves: targets.iter().map(|target| Moves::of(target, at(target))).collect(),
        carried: Vec::new(),
        rendered: Rendered::default(),
        rests_on,
        remarks,
        not_known: vec![Safe::clean("how long it takes")],
        expires: later(read.files.at.min(now), LIFETIME),
    })
}

/// Why a pull request that is there may not be known.
fn unread(fleet: &Fleet) -> Safe {
    let githubs: Vec<_> = fleet.sources().iter().filter(|(id, _)| id.kind == crate::domain::SourceKind::Github).collect();
    if githubs.is_empty() {
        return Safe::clean("no GitHub is read: [[github]] in the configuration names one");
    }
    let lost = githubs.iter().find_map(|(id, source)| source.worst().filter(|(_, status)| !status.state.is_live()).map(|(_, status)| (id, status)));
    match lost {
        Some((id, status)) => crate::safe!("github {} is {}", id.name.shown(), status.state.word()),
        None => Safe::clean("none that is open says so in its text"),
    }
}
