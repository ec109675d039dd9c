//! Waves: a promotion that moves one placement after the other, each by a commit of its own, and goes on only once the one before was seen healthy. The
//! whole is shown and confirmed at once; every wave is a plan and an operation of its own, made anew when its turn comes, and goes through the same door.
//! What is not the same by then is not what was confirmed, and nothing goes on after a failure.

use super::confirm::Confirmed;
use super::door::{Approved, Stated};
use super::plan::{Plan, plan as planned};
use super::refusal::{Place, Refusal, named};
use super::scene::Scene;
use super::{Read, Request};
use crate::base::{Safe, Timestamp};
use crate::domain::fleet::Fleet;
use crate::domain::{EnvironmentName, PlacementName};

/// Plans a promotion in waves.
pub(super) fn plan(request: &Request, fleet: &Fleet, read: &Read, now: Timestamp) -> Result<Plan, Refusal> {
    let Request::Promote { service, from, to, version, placements, hotfix, .. } = request else {
        return Err(Refusal::NoWaves { environment: request.to().clone(), why: Safe::clean("only a promotion has waves") });
    };
    let refused = |why: Safe| Refusal::NoWaves { environment: to.clone(), why };
    let at_once = Request::Promote {
        service: service.clone(),
        from: from.clone(),
        to: to.clone(),
        version: version.clone(),
        placements: placements.clone(),
        hotfix: *hotfix,
        waves: false,
    };
    let whole = planned(&at_once, fleet, read, now)?;
    if whole.commit().is_none_or(|commit| commit.beside) {
        return Err(refused(Safe::clean(
            "it takes pull requests, and who merges them decides when: promote one placement after the other with --placement",
        )));
    }
    let mut names: Vec<PlacementName> = whole.moves.iter().map(|moves| moves.place.placement.clone()).collect();
    names.sort_by_cached_key(|name| (position(fleet, to, placements.as_deref(), name), name.clone()));
    if let [] | [_] = names.as_slice() {
        let only = named(whole.moves.iter().map(|moves| moves.place.shown()));
        return Err(refused(crate::safe!("only {only} moves")));
    }
    // What staging runs may be another version by the time of the second wave.
    let scene = Scene::of(&at_once, fleet, now)?;
    let mut waves = Vec::new();
    for name in &names {
        let alone = Request::Promote {
            service: service.clone(),
            from: Some(scene.from.clone()),
            to: to.clone(),
            version: Some(scene.version.text.clone()),
            placements: Some(vec![name.clone()]),
            hotfix: *hotfix,
            waves: false,
        };
        waves.push(planned(&alone, fleet, read, now).map_err(|refusal| match refusal {
            Refusal::MoveTogether { file, others } => {
                let place = Place { environment: to.clone(), placement: name.clone() };
                let others = named(others.into_iter());
                refused(crate::safe!("{} feeds {} and {others}, which move together in one commit", file.shown(), place.shown()))
            }
            refusal => refusal,
        })?);
    }
    let first = waves.remove(0);
    let told = crate::safe!(
        "in waves: {} first, then {}, each by a commit of its own once the one before is verified; where it is not, nothing goes on, and while nobody looks \
         at it nothing does either",
        places(&first),
        named(waves.iter().map(places))
    );
    Ok(Plan {
        steps: first.steps,
        moves: first.moves,
        waves,
        request: request.clone(),
        remarks: [told].into_iter().chain(whole.remarks).collect(),
        ..whole
    })
}

/// Where a wave stands: as placements are named in the request, else as the configuration has them.
fn position(fleet: &Fleet, to: &EnvironmentName, asked: Option<&[PlacementName]>, name: &PlacementName) -> usize {
    let configured = || fleet.landscape().environment(to)?.placements.iter().position(|spec| spec.name == *name);
    let place = match asked {
        Some(asked) => asked.iter().position(|asked| asked == name),
        None => configured(),
    };
    place.unwrap_or(usize::MAX)
}

/// The placements of a plan, in words.
fn places(plan: &Plan) -> Safe {
    named(plan.moves.iter().map(|moves| moves.place.shown()))
}

/// What was confirmed together with a wave that was approved, and comes after it. Only something that was approved makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Onward {
    waves: Vec<Plan>,
    confirmed: Confirmed,
    stated: Stated,
}

impl Onward {
    /// What comes after a wave; `None`: nothing.
    #[must_use]
    pub fn of(approved: &Approved) -> Option<Self> {
        let waves = approved.plan().waves.clone();
        (!waves.is_empty()).then(|| Self { waves, confirmed: approved.confirmed().clone(), stated: approved.stated().clone() })
    }

    /// What comes after the next wave; `None`: nothing.
    #[must_use]
    pub fn rest(mut self) -> Option<Self> {
        (self.waves.len() > 1).then(|| {
            self.waves.remove(0);
            self
        })
    }

    /// The next wave, to be planned anew.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        self.waves.first().map(|plan| &plan.request)
    }

    /// What was stated when it was confirmed.
    #[must_use]
    pub const fn stated(&self) -> &Stated {
        &self.stated
    }

    /// The placements that are still to come, in words.
    #[must_use]
    pub fn told(&self) -> Safe {
        named(self.waves.iter().map(places))
    }

    /// The confirmation of the next wave as it is planned now; `None`: it is not what was confirmed.
    #[must_use]
    pub fn confirms(&self, plan: &Plan) -> Option<Confirmed> {
        let shown = self.waves.first()?;
        (!shown.same_as(plan).any() && shown.request == plan.request && self.confirmed.is_for(plan)).then(|| self.confirmed.clone())
    }
}
