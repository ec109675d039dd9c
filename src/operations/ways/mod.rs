//! The ways back: what there is to do about a service in an environment, best first, each with what stays wrong afterwards; and what is refused, with the
//! sentence. From the fleet, and from Rollouts whose change is under way, as far as those were read: what an abort leads back to may have lost what it reads.
//! Files are read when one of the ways is looked at. Pure.

mod by_hand;
#[cfg(test)]
mod tests;

use super::canary::Verb;
use super::canary::references::{self, Reference};
use super::expected::{self, Durations, Kind, Past};
use super::refusal::{Place, Refusal};
use super::scene::{Scene, absent, deployed};
use super::{By, Request, Rollouts, deployed as history, earlier, edits, held};
use crate::base::{Safe, Timestamp};
use crate::domain::canary::{Canary, Waits};
use crate::domain::fleet::{Fleet, Placement};
use crate::domain::{EnvironmentName, PlacementName, ServiceName};
use crate::manifest::prepared::Owned;

pub use by_hand::ByHand;

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ways {
    /// How it stands, a sentence for each placement.
    pub situation: Vec<Safe>,
    /// The ways, the recommended one first, what is refused last.
    pub ways: Vec<Way>,
    /// What a person could do without this program, for when Argo CD or git are not reached.
    pub by_hand: Vec<ByHand>,
}

/// One way back.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// What it would be.
    pub request: Request,
    /// In words: `abort and put 2.14.2 back`.
    pub title: Safe,
    /// What stays wrong, or is to be known.
    pub left: Vec<Safe>,
    /// Whether git and what runs are apart afterwards.
    pub leaves_debt: bool,
    /// Why not.
    pub refused: Option<Refusal>,
    /// How long users wait until they are safe, by what earlier ones took.
    pub takes: Durations,
}

impl Ways {
    /// The one that is recommended; `None`: all are refused.
    #[must_use]
    pub fn recommended(&self) -> Option<&Way> {
        self.ways.first().filter(|way| way.refused.is_none())
    }
}

/// How a placement stands, as far as going back is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A change is under way: users have some of it.
    Moving,
    /// A way back is under way.
    Returning,
    /// A change was aborted: users have none of it, git still wants it.
    Aborted,
    /// All of it is there, and coming back goes by steps.
    Stepped,
    /// All of it is there.
    There,
}

/// The ways back of a service in an environment: of these placements, `None`: of all.
///
/// # Errors
///
/// Why there is nothing to go back in.
pub fn of(
    service: &ServiceName,
    environment: &EnvironmentName,
    only: Option<&[PlacementName]>,
    (fleet, past, rollouts): (&Fleet, &Past, &Rollouts),
    now: Timestamp,
) -> Result<Ways, Refusal> {
    let all = deployed(fleet, service, environment);
    let targets: Vec<&Placement> = all.iter().filter(|placement| only.is_none_or(|only| only.contains(&placement.name))).collect();
    if targets.is_empty() {
        absent(fleet, || crate::safe!("Whether {} is deployed in {}", service.shown(), environment.shown()))?;
        return Err(Refusal::NotDeployed(service.clone(), environment.clone()));
    }
    let field = Field { service, environment, fleet, past, rollouts, now, only, targets, all };
    let mut ways: Vec<Way> = field.requests().into_iter().map(|request| field.way(request)).collect();
    ways.sort_by_key(|way| way.refused.is_some());
    Ok(Ways {
        situation: field.targets.iter().map(|placement| field.situation(placement)).collect(),
        ways,
        by_hand: field.targets.iter().flat_map(|placement| by_hand::of(fleet, placement, field.state(placement))).collect(),
    })
}

/// The Rollouts that are to be read for it: those whose change is under way.
#[must_use]
pub fn asked(service: &ServiceName, environment: &EnvironmentName, only: Option<&[PlacementName]>, fleet: &Fleet) -> Vec<Owned> {
    let is_meant = |placement: &&Placement| only.is_none_or(|only| only.contains(&placement.name)) && state(fleet, placement) == State::Moving;
    let owned = |placement: &Placement| {
        let place = Place { environment: environment.clone(), placement: placement.name.clone() };
        held::owned(fleet, placement, &place).unwrap_or_default()
    };
    deployed(fleet, service, environment).iter().filter(is_meant).flat_map(owned).collect()
}

fn state(fleet: &Fleet, placement: &Placement) -> State {
    match placement.open_canary() {
        Some(canary) if canary.waits == Waits::Aborted => State::Aborted,
        Some(_) if earlier::is_returning(fleet, placement) => State::Returning,
        Some(_) => State::Moving,
        None if placement.canary.as_deref().is_some_and(Canary::has_steps) => State::Stepped,
        None => State::There,
    }
}

struct Field<'f> {
    service: &'f ServiceName,
    environment: &'f EnvironmentName,
    fleet: &'f Fleet,
    past: &'f Past,
    rollouts: &'f Rollouts,
    now: Timestamp,
    only: Option<&'f [PlacementName]>,
    targets: Vec<&'f Placement>,
    all: &'f [Placement],
}

impl Field<'_> {
    fn place(&self, placement: &Placement) -> Place {
        Place { environment: self.environment.clone(), placement: placement.name.clone() }
    }

    fn state(&self, placement: &Placement) -> State {
        state(self.fleet, placement)
    }

    /// What the stable versions refer to, where a change is under way: of one placement, or of all that are looked at.
    fn references(&self, name: Option<&PlacementName>) -> impl Iterator<Item = &[Reference]> {
        let meant = self.targets.iter().filter(move |placement| name.is_none_or(|name| placement.name == *name));
        let moving = meant.filter(|placement| self.state(placement) == State::Moving);
        let keys = moving.flat_map(|placement| &placement.parts).flat_map(|part| part.workloads.as_known().into_iter().flatten());
        keys.filter_map(|key| Some(self.rollouts.facts.get(key)?.as_ref().ok()?.references.as_slice()))
    }

    /// Everything that could be done, best first: where users have the new version in part, sending them back comes before anything else.
    fn requests(&self) -> Vec<Request> {
        let states: Vec<State> = self.targets.iter().map(|placement| self.state(placement)).collect();
        let verbs = |verb, of: State| {
            let concerned = self.targets.iter().zip(&states).filter(move |(_, state)| **state == of);
            concerned.map(move |(placement, _)| Request::Canary {
                service: self.service.clone(),
                environment: self.environment.clone(),
                placement: placement.name.clone(),
                verb,
                skips: verb == Verb::PromoteFully,
            })
        };
        let is = |state: State| states.contains(&state);
        let mut requests: Vec<Request> = verbs(Verb::PromoteFully, State::Returning).collect();
        // What an abort leads back to would not start: git is the only place that can bring what it lacks.
        let is_gone = self.references(None).any(references::is_gone);
        let by_commit = [self.back(By::Commit), self.back(By::Configuration)];
        if is_gone {
            requests.extend(by_commit.clone());
        }
        if is(State::Moving) {
            requests.push(self.back(By::Abort));
            requests.extend(verbs(Verb::Abort, State::Moving));
        } else if is(State::Stepped) && !is(State::Returning) {
            requests.push(self.back(By::Hasten));
        }
        if !is_gone {
            requests.extend(by_commit);
        }
        requests.extend(verbs(Verb::Undo, State::Stepped));
        requests.push(self.back(By::History));
        requests
    }

    fn way(&self, request: Request) -> Way {
        let is_version = matches!(request, Request::Return { .. });
        let scene = is_version.then(|| Scene::of(&request, self.fleet, self.now));
        let refused = match (&request, &scene) {
            (_, Some(Err(refusal))) => Some(refusal.clone()),
            (Request::Return { by: By::History, .. }, Some(Ok(scene))) => history::refused(scene).err(),
            (Request::Canary { verb: Verb::Undo, placement: name, .. }, _) => {
                self.targets.iter().find(|placement| placement.name == *name).and_then(|placement| held::undone_again(self.fleet, placement))
            }
            _ => None,
        };
        let version = scene.and_then(Result::ok).map_or_else(|| Safe::clean("the version of before"), |scene| scene.version.text.shown());
        let (title, mut left, leaves_debt) = self.told(&request, &version);
        let aborts = match &request {
            Request::Return { by: By::Abort, .. } => Some(None),
            Request::Canary { verb: Verb::Abort, placement, .. } => Some(Some(placement)),
            _ => None,
        };
        let mut warnings: Vec<Safe> = aborts.into_iter().flat_map(|name| self.references(name)).flat_map(references::warnings).collect();
        warnings.dedup();
        left.splice(0..0, warnings);
        if refused.is_none() {
            left.extend(self.elsewhere(&version));
        }
        let takes = self.takes(&request);
        Way { request, title, left, leaves_debt, refused, takes }
    }

    /// An abort alone is over when it is sent: until users are back it takes as long as one with a commit behind it.
    fn takes(&self, request: &Request) -> Durations {
        let kind = match request {
            Request::Canary { verb: Verb::Abort, .. } => Kind::of(&self.back(By::Abort)),
            request => Kind::of(request),
        };
        let places: Vec<Place> = self.targets.iter().map(|placement| self.place(placement)).collect();
        expected::of(self.past, self.fleet, &kind, (self.service, self.environment), &places)
    }

    fn back(&self, by: By) -> Request {
        Request::Return {
            service: self.service.clone(),
            environment: self.environment.clone(),
            version: None,
            placements: self.only.map(<[PlacementName]>::to_vec),
            by,
        }
    }

    /// What it is called, what stays wrong, and whether that is debt.
    fn told(&self, request: &Request, version: &Safe) -> (Safe, Vec<Safe>, bool) {
        let several = self.targets.len() > 1;
        let placement = |name: &PlacementName| self.targets.iter().copied().find(|placement| placement.name == *name);
        let at = |name: &PlacementName| {
            placement(name).filter(|_| several).map_or_else(Safe::default, |placement| crate::safe!(" in {}", self.place(placement).shown()))
        };
        match request {
            Request::Return { by: By::Abort, .. } => (crate::safe!("abort and put {version} back"), Vec::new(), false),
            Request::Return { by: By::Hasten, .. } => {
                let left = vec![Safe::clean("the steps of its canary are left out, analyses with them")];
                (crate::safe!("put {version} back and promote it fully"), left, false)
            }
            Request::Return { by: By::Commit, .. } => (crate::safe!("put {version} back"), self.meanwhile(), false),
            Request::Return { by: By::Configuration, .. } => {
                let also = Safe::clean("what others changed since in its own files goes back too; files that others render stay");
                (crate::safe!("put {version} back with configuration"), [also].into_iter().chain(self.meanwhile()).collect(), false)
            }
            Request::Return { by: By::History, .. } => {
                (crate::safe!("Argo CD deploys {version} again"), vec![crate::safe!("git still wants {}", self.wanted())], true)
            }
            Request::Canary { verb: Verb::PromoteFully, placement: name, .. } => {
                let version = placement(name).and_then(|placement| Some(placement.incoming.as_ref()?.text.shown()));
                let version = version.unwrap_or_else(|| Safe::clean("what comes back"));
                let left = vec![Safe::clean("the steps that are left are left out, analyses with them")];
                (crate::safe!("promote {version} fully{}", at(name)), left, false)
            }
            Request::Canary { verb: Verb::Abort, placement: name, .. } => {
                let left = vec![crate::safe!("git still wants {}: the next change of its template starts it again", self.wanted())];
                (crate::safe!("abort only{}", at(name)), left, true)
            }
            Request::Canary { verb, placement: name, .. } => {
                (crate::safe!("{}{}", verb.word(), at(name)), vec![crate::safe!("git still wants {}", self.wanted())], true)
            }
            Request::Promote { .. } | Request::Merge { .. } | Request::Argocd { .. } => (Safe::clean(request.name()), Vec::new(), false),
        }
    }

    /// What users have until a commit is rolled out.
    fn meanwhile(&self) -> Vec<Safe> {
        let told = |placement: &&Placement| {
            let state = self.state(placement);
            let canary = placement.canary.as_deref()?;
            match state {
                State::Moving => {
                    let weight = canary.weight_actual.unwrap_or(canary.weight_asked);
                    let coming = placement.incoming.as_ref().map_or_else(|| Safe::clean("the new version"), |version| version.text.shown());
                    Some(crate::safe!("until Argo CD has synced it, {weight} % of {} stay on {coming}", self.place(placement).shown()))
                }
                State::Stepped => Some(crate::safe!("it is a canary of {} steps itself", canary.steps)),
                State::Returning | State::Aborted | State::There => None,
            }
        };
        let mut left: Vec<Safe> = self.targets.iter().filter_map(told).collect();
        left.dedup();
        left
    }

    /// What git wants of the placements that are looked at.
    fn wanted(&self) -> Safe {
        let mut wanted: Vec<Safe> = self.targets.iter().map(|placement| edits::wants(placement)).collect();
        wanted.dedup();
        super::refusal::named(wanted.into_iter())
    }

    /// The other placements of the environment that want what is gone back from.
    fn elsewhere(&self, version: &Safe) -> Option<Safe> {
        let others = self.all.iter().filter(|placement| self.only.is_some_and(|only| !only.contains(&placement.name)));
        let left: Vec<Safe> = others
            .filter(|placement| {
                self.targets.iter().any(|target| edits::wants(target) == edits::wants(placement)) && edits::wants(placement) != *version
            })
            .map(|placement| self.place(placement).shown())
            .collect();
        (!left.is_empty()).then(|| crate::safe!("{} stays on {}", super::refusal::named(left.into_iter()), self.wanted()))
    }

    fn situation(&self, placement: &Placement) -> Safe {
        let place = self.place(placement).shown();
        let runs = placement.version_text().unwrap_or_else(|| Safe::clean("an unknown version"));
        let wants = edits::wants(placement);
        let coming = placement.incoming.as_ref().map_or_else(|| wants.clone(), |version| version.text.shown());
        let ill = placement.stuck.as_ref().map(|why| crate::safe!("; {why}")).unwrap_or_default();
        let standing = match (self.state(placement), placement.canary.as_deref()) {
            (State::Aborted, _) => crate::safe!("the rollout of {coming} was aborted in {place}: users are on {runs}, git wants {wants}"),
            (state @ (State::Moving | State::Returning), Some(canary)) => {
                let weight = canary.weight_actual.unwrap_or(canary.weight_asked);
                let way = if state == State::Returning { ", on its way back from " } else { ", coming from " };
                let step = if canary.has_steps() { format!(", step {} of {}", canary.step.min(canary.steps), canary.steps) } else { String::new() };
                crate::safe!("{place} is at {weight} % of {coming}{step}{way}{runs}")
            }
            _ if placement.wants_another().is_some() => crate::safe!("{place} runs {runs}, {}, git wants {wants}", placement.health.word()),
            _ => crate::safe!("{place} runs {runs}, {}", placement.health.word()),
        };
        crate::safe!("{standing}{ill}")
    }
}
