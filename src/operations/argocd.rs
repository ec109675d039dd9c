//! What Argo CD is asked for by hand, as a plan: to sync the applications of a service, to compare them with git, to stop the operation that runs. What
//! would change nothing is refused. It knows no client: what is sent are [`Mutation`]s.

use std::collections::BTreeSet;

use super::brings;
use super::direction::Direction;
use super::mutation::{Mutation, Sync, Target};
use super::plan::{Await, Carried, Fresh, Moves, Plan, Step};
use super::refusal::{Place, Refusal, named};
use super::scene::{chosen, deployed, last_synced, must_be_known, told};
use super::{LIFETIME, Rendered, Request, Scalers, edits};
use crate::base::time::{Age, later, since};
use crate::base::{Safe, Timestamp, counted};
use crate::domain::application::{Application, Phase, Resource};
use crate::domain::fleet::{Fleet, Placement};
use crate::domain::{AppKey, ClusterName, Known, Namespace, ServiceName, SourceId, health};
use crate::manifest::prepared::{Asked, Prepared, Subject};

/// What Argo CD can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// To bring the cluster to what git wants.
    Sync,
    /// To compare with git now.
    Refresh,
    /// To stop the operation that runs.
    Terminate,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sync, Self::Refresh, Self::Terminate];

    /// The word for a person.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Refresh => "refresh",
            Self::Terminate => "terminate",
        }
    }

    /// The same where it also deletes what git no longer has.
    #[must_use]
    pub const fn word_pruning(self) -> &'static str {
        match self {
            Self::Sync => "sync and prune",
            other => other.word(),
        }
    }

    /// Which way it leads. A comparison shows earlier what Argo CD would see by itself, and changes nothing that runs.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::Refresh => Direction::Safety,
            Self::Sync | Self::Terminate => Direction::Risk,
        }
    }
}

/// At most so many resources are named in a sentence.
const NAMED: usize = 5;

/// What is asked for, and of whom.
struct Errand<'f> {
    fleet: &'f Fleet,
    verb: Verb,
    prune: bool,
    targets: Vec<(&'f Placement, Place)>,
}

/// Why an application is not asked.
enum Unasked {
    /// It is so already: the others may be asked.
    Idle(Safe),
    /// Nothing is asked while this is so.
    Barred(Safe),
}

impl<'f> Errand<'f> {
    fn of(request: &Request, fleet: &'f Fleet, now: Timestamp) -> Result<Self, Refusal> {
        let (service, to) = (request.service(), request.to());
        must_be_known(fleet, service, to)?;
        let Request::Argocd { placements, verb, prune, .. } = request else { return Err(Refusal::NotDeployed(service.clone(), to.clone())) };
        let found = chosen(fleet, deployed(fleet, service, to), to, placements.as_deref(), service)?;
        let place = |placement: &Placement| Place { environment: to.clone(), placement: placement.name.clone() };
        let targets: Vec<(&Placement, Place)> = found.into_iter().map(|placement| (placement, place(placement))).collect();
        // Whether a comparison is needed, nobody needs to know: it tells what is so.
        let stale = targets.iter().filter(|_| *verb != Verb::Refresh).find_map(|(target, place)| Some((fleet.stale(target, now)?, place)));
        match stale {
            Some((stale, place)) => Err(Refusal::Stale { place: place.clone(), why: told(&stale, now) }),
            None => Ok(Self { fleet, verb: *verb, prune: *prune, targets }),
        }
    }

    /// The applications, each once.
    /// Where the workloads of an application are.
    fn namespaces(&self, app: &AppKey) -> impl Iterator<Item = (ClusterName, Namespace)> {
        let parts = self.targets.iter().flat_map(|(target, _)| &target.parts).filter(move |part| part.app == *app);
        parts.flat_map(|part| part.workloads.as_known().into_iter().flatten()).map(|key| (key.cluster.clone(), key.namespace.clone()))
    }

    fn apps(&self) -> BTreeSet<&'f AppKey> {
        self.targets.iter().flat_map(|(target, _)| &target.parts).map(|part| &part.app).collect()
    }

    /// What is sent for an application, or why nothing is.
    fn mutation(&self, app: &AppKey, application: &Application) -> Result<Mutation, Unasked> {
        let (name, target) = (app.name.shown(), Target { app: app.clone(), project: application.project.clone() });
        let running = application.operation.as_ref().filter(|operation| operation.phase.is_open());
        match (self.verb, running) {
            (Verb::Refresh, _) => Ok(Mutation::Refresh(target)),
            (Verb::Terminate, None) => Err(Unasked::Idle(crate::safe!("no operation of {name} runs"))),
            (Verb::Terminate, Some(operation)) if operation.phase == Phase::Terminating => {
                Err(Unasked::Idle(crate::safe!("the operation of {name} is being stopped already")))
            }
            (Verb::Terminate, Some(_)) => Ok(Mutation::Terminate(target)),
            (Verb::Sync, _) if application.deleting => Err(Unasked::Barred(crate::safe!("{name} is being deleted"))),
            (Verb::Sync, Some(_)) => Err(Unasked::Barred(crate::safe!("an operation of {name} runs: wait for its end, or terminate it"))),
            (Verb::Sync, None) => match self.pointless(app, application) {
                Some(why) => Err(Unasked::Idle(why)),
                None => Ok(Mutation::Sync(Sync { target, revision: None, prune: self.prune })),
            },
        }
    }

    /// Why a sync would change nothing.
    fn pointless(&self, app: &AppKey, application: &Application) -> Option<Safe> {
        if application.sync == health::Sync::Synced {
            let parts = self.targets.iter().filter(|(target, _)| target.parts.iter().any(|part| part.app == *app));
            let is_behind = parts.into_iter().any(|(target, _)| target.wants_another().is_some());
            let name = app.name.shown();
            return Some(if is_behind {
                crate::safe!("{name} is in sync with what Argo CD compared it with, which is not what git wants now: compare it with git first")
            } else {
                crate::safe!("{name} is in sync")
            });
        }
        let differing = self.differing(app)?;
        let is_left = !self.prune && !differing.is_empty() && differing.iter().all(|resource| resource.requires_pruning);
        is_left.then(|| crate::safe!("only what git no longer has differs in {}: pruning deletes it", app.name.shown()))
    }

    /// The resources that are not what git wants; `None`: they were not read.
    fn differing(&self, app: &AppKey) -> Option<Vec<&'f Resource>> {
        let detail = &self.fleet.detail(app)?.value;
        Some(detail.resources.iter().filter(|resource| resource.requires_pruning || resource.sync == health::Sync::OutOfSync).collect())
    }

    /// What a person should know of an application, and what nobody knows.
    fn words(&self, app: &AppKey, application: &Application, now: Timestamp) -> (Vec<Safe>, Vec<Safe>) {
        let (mut remarks, mut not_known, name) = (Vec::new(), Vec::new(), app.name.shown());
        match self.verb {
            Verb::Sync => {
                match self.differing(app) {
                    Some(differing) => remarks.extend(self.brings(&name, &differing)),
                    None => not_known.push(crate::safe!("which resources of {name} differ: they were not read yet")),
                }
                if application.automation.enabled {
                    remarks.push(crate::safe!("Argo CD syncs {name} by itself: this asks for it now"));
                }
                if let health::Sync::Unknown(why) = &application.sync {
                    remarks.push(crate::safe!("whether {name} differs is not known: {why}"));
                }
            }
            Verb::Refresh if application.automation.enabled => {
                remarks.push(crate::safe!("auto-sync of {name} is on: what it sees sooner, it syncs sooner"));
            }
            Verb::Refresh => {}
            Verb::Terminate => {
                if let Some(started) = application.operation.as_ref().and_then(|operation| operation.started_at) {
                    remarks.push(crate::safe!("the operation of {name} runs for {}", Age::of(started, now)));
                }
                remarks.push(crate::safe!("what it has applied of {name} stays applied"));
                if application.automation.enabled {
                    remarks.push(crate::safe!("auto-sync of {name} is on: Argo CD may begin another sync"));
                }
            }
        }
        (remarks, not_known)
    }

    /// What a sync brings, by resources.
    fn brings(&self, name: &Safe, differing: &[&Resource]) -> Vec<Safe> {
        let (pruned, applied): (Vec<&Resource>, Vec<&Resource>) = differing.iter().partition(|resource| resource.requires_pruning);
        let list = |resources: &[&Resource]| {
            let more = resources.len().saturating_sub(NAMED);
            let named: Vec<String> =
                resources.iter().take(NAMED).map(|resource| format!("{} {}", resource.kind.shown(), resource.name.shown())).collect();
            crate::safe!("{}{}", Safe::clean(&named.join(", ")), if more > 0 { format!(" and {more} more") } else { String::new() })
        };
        let mut words = Vec::new();
        if !applied.is_empty() {
            words.push(crate::safe!("{} of {name} would change: {}", counted(applied.len(), "resource", "resources"), list(&applied)));
        }
        match (pruned.is_empty(), self.prune) {
            (true, _) => {}
            (false, true) => words.push(crate::safe!("of {name} is deleted what git no longer has: {}", list(&pruned))),
            (false, false) => words.push(crate::safe!("of {name} stays although git no longer has it: {}", list(&pruned))),
        }
        words
    }
}

/// What must be read: for a sync, what came since the last one.
pub(super) fn asked(request: &Request, fleet: &Fleet, now: Timestamp) -> Result<Asked, Refusal> {
    let errand = Errand::of(request, fleet, now)?;
    let mut asked = Asked::default();
    for app in errand.apps().into_iter().filter(|_| errand.verb == Verb::Sync) {
        let Some(entry) = fleet.application(app) else { continue };
        let synced = last_synced(fleet, app, &entry.value);
        asked.subjects.push(Subject { app: app.clone(), origins: entry.value.origins.clone(), synced, then: Box::default() });
        asked.scaled.extend(errand.namespaces(app));
    }
    Ok(asked)
}

/// The plan of a request to Argo CD.
pub(super) fn plan(request: &Request, fleet: &Fleet, (prepared, scalers): (&Prepared, &Scalers), now: Timestamp) -> Result<Plan, Refusal> {
    let errand = Errand::of(request, fleet, now)?;
    let (verb, refused) = (errand.verb, |place: &Place, why| Refusal::NotAsked { place: place.clone(), verb: errand.verb, why });
    let (mut sent, mut idle): (Vec<(AppKey, Mutation)>, Option<Refusal>) = (Vec::new(), None);
    let (mut remarks, mut not_known, mut moving): (Vec<Safe>, Vec<Safe>, Vec<(&Placement, Place)>) = (Vec::new(), Vec::new(), Vec::new());
    for (target, place) in &errand.targets {
        if since(prepared.at, now) > LIFETIME {
            return Err(Refusal::Stale { place: place.clone(), why: Safe::clean("what it needs was read too long ago") });
        }
        for part in &target.parts {
            let Some(application) = fleet.application(&part.app).map(|entry| &entry.value) else { return Err(Refusal::Changed(part.app.clone())) };
            if sent.iter().any(|(app, _)| *app == part.app) {
                continue;
            }
            match errand.mutation(&part.app, application) {
                Ok(mutation) => sent.push((part.app.clone(), mutation)),
                Err(Unasked::Idle(why)) => {
                    idle = idle.or_else(|| Some(refused(place, why)));
                    continue;
                }
                Err(Unasked::Barred(why)) => return Err(refused(place, why)),
            }
            let (said, unknown) = errand.words(&part.app, application, now);
            remarks.extend(said);
            not_known.extend(unknown);
        }
        if target.parts.iter().any(|part| sent.iter().any(|(app, _)| *app == part.app)) {
            moving.push((target, place.clone()));
        }
    }
    if let (true, Some(refusal)) = (sent.is_empty(), idle) {
        return Err(refusal);
    }
    let shared = sent.iter().filter_map(|(app, _)| shared(fleet, request, app));
    remarks.extend(shared);
    let apps: Vec<AppKey> = sent.iter().map(|(app, _)| app.clone()).collect();
    let mut steps: Vec<Step> = sent.into_iter().map(|(_, mutation)| Step::Send(mutation)).collect();
    let mut carried = Vec::new();
    if verb == Verb::Sync {
        steps.push(Step::Await(Await::Synced(apps.clone())));
        steps.push(Step::Await(Await::Verified(moving.iter().map(|(_, place)| place.clone()).collect())));
        let parts = || moving.iter().flat_map(|(placement, _)| &placement.parts);
        // What is deleted is told among the remarks: it is what was asked for.
        let brings = |app: &AppKey| Carried { left: Known::Known(Vec::new()), ..brings::carried(fleet, parts(), (prepared, scalers), (app, None)) };
        carried = apps.iter().map(brings).collect();
        not_known.extend(carried.iter().filter_map(|carried| match &carried.commits {
            Known::Unknown(why) => Some(crate::safe!("what the sync of {} brings: {why}", carried.app.name.shown())),
            Known::Known(_) => None,
        }));
    }
    let mut rests_on: Vec<Fresh> =
        apps.iter().map(|app| Fresh { source: SourceId::argocd(&app.argocd), seen: fleet.application_seen_at(app) }).collect();
    rests_on.sort();
    rests_on.dedup_by(|one, other| one.source == other.source);
    Ok(Plan {
        waves: Vec::new(),
        request: request.clone(),
        direction: verb.direction(),
        service: request.service().clone(),
        from: None,
        to: request.to().clone(),
        version: if verb == Verb::Sync { wanted(&moving) } else { Safe::default() },
        images: Vec::new(),
        steps,
        moves: moving.into_iter().map(|(placement, place)| Moves::of(placement, place)).collect(),
        carried,
        rendered: Rendered::default(),
        rests_on,
        remarks,
        not_known,
        expires: later(prepared.at.min(now), LIFETIME),
    })
}

/// The version that is to run afterwards: the one that git wants everywhere; empty where there is no such one.
fn wanted(moving: &[(&Placement, Place)]) -> Safe {
    let is_known =
        |placement: &Placement| placement.wanted.as_ref().and_then(|wanted| wanted.versions.as_known()).is_some_and(|versions| versions.len() == 1);
    let mut texts = moving.iter().map(|(placement, _)| is_known(placement).then(|| edits::wants(placement)));
    let first = texts.next().flatten().unwrap_or_default();
    if texts.all(|text| text.as_ref() == Some(&first)) { first } else { Safe::default() }
}

/// What else an application carries.
fn shared(fleet: &Fleet, request: &Request, app: &AppKey) -> Option<Safe> {
    let has_it =
        |service: &&ServiceName| deployed(fleet, service, request.to()).iter().flat_map(|placement| &placement.parts).any(|part| part.app == *app);
    let others = fleet.services().keys().filter(|service| *service != request.service()).filter(has_it);
    let others: Vec<Safe> = others.map(ServiceName::shown).collect();
    (!others.is_empty()).then(|| crate::safe!("{} also carries {}", app.name.shown(), named(others.into_iter())))
}
