//! A way back through Argo CD's own history: it deploys what it deployed then, with everything that belonged to it. Git keeps what it wants, so that the
//! next sync undoes it: Argo CD refuses it while it syncs by itself, and so does this, before anything is sent.

use super::direction::Direction;
use super::mutation::{Mutation, Target};
use super::plan::{Await, Moves, Plan, Step, rests_on};
use super::refusal::Refusal;
use super::scene::Scene;
use super::{LIFETIME, Rendered, Request};
use crate::base::time::later;
use crate::base::{Safe, Timestamp};
use crate::domain::fleet::Placement;
use crate::manifest::prepared::Prepared;

/// Whether Argo CD would do it, as far as the fleet tells.
pub(super) fn refused(scene: &Scene<'_>) -> Result<(), Refusal> {
    for (placement, part) in scene.parts() {
        if scene.fleet.application(&part.app).is_some_and(|entry| entry.value.automation.enabled) {
            let made_by = scene.fleet.detail(&part.app).and_then(|detail| detail.value.made_by.as_ref());
            return Err(Refusal::AutoSync { app: part.app.clone(), owner: made_by.map(crate::base::Raw::shown) });
        }
        let runs_it = |placement: &Placement| placement.version_text() == Some(scene.version.text.shown()) && placement.incoming.is_none();
        if scene.targets.iter().all(|placement| runs_it(placement)) {
            return Err(Refusal::RunsAlready {
                place: scene.target(placement),
                version: scene.version.text.shown(),
                wants: super::edits::wants(placement),
            });
        }
        let time = scene.back.as_ref().and_then(|back| back.times.iter().find(|time| time.app == part.app));
        if time.is_none_or(|time| time.number().is_none()) {
            return Err(Refusal::NotInHistory { place: scene.target(placement), version: scene.version.text.shown() });
        }
    }
    Ok(())
}

pub(super) fn plan(request: &Request, scene: &Scene<'_>, now: Timestamp) -> Result<Plan, Refusal> {
    refused(scene)?;
    let times = scene.back.as_ref().map(|back| back.times.as_slice()).unwrap_or_default();
    let asked = |time: &super::earlier::Time| {
        let target = Target::of(scene.fleet, &time.app);
        Some(Step::Send(Mutation::Rollback { target, history: time.number()? }))
    };
    let mut steps: Vec<Step> = times.iter().filter_map(asked).collect();
    let places = scene.targets.iter().map(|placement| scene.target(placement));
    steps.push(Step::Await(Await::Synced(times.iter().map(|time| time.app.clone()).collect())));
    steps.push(Step::Await(Await::Verified(places.collect())));
    let mut remarks: Vec<Safe> = Vec::new();
    for time in times {
        remarks.push(time.words());
        remarks.extend(time.warning());
    }
    remarks.push(Safe::clean("everything of that deployment comes back, its configuration too; nothing is pruned, and no hook runs"));
    remarks.extend(scene.targets.iter().map(|placement| {
        let (place, wants) = (scene.target(placement).shown(), super::edits::wants(placement));
        crate::safe!("git still wants {wants} in {place}: the next sync brings it again. Put {} back in git too", scene.version.text.shown())
    }));
    Ok(Plan {
        waves: Vec::new(),
        request: request.clone(),
        // It brings whatever else belonged to that deployment.
        direction: Direction::Risk,
        service: scene.service.clone(),
        from: None,
        to: scene.to.clone(),
        version: scene.version.text.shown(),
        images: scene.back.iter().flat_map(|back| back.images.values().flatten()).cloned().collect(),
        steps,
        moves: scene.targets.iter().map(|placement| Moves::of(placement, scene.target(placement))).collect(),
        carried: Vec::new(),
        rendered: Rendered::default(),
        rests_on: rests_on(scene, &Prepared { at: now, ..Prepared::default() }),
        remarks,
        not_known: vec![
            Safe::clean("what else was different then: the manifests of that deployment are Argo CD's to make"),
            crate::safe!("whether {} was healthy then: nobody kept that", scene.version.text.shown()),
        ],
        expires: later(now, LIFETIME),
    })
}
