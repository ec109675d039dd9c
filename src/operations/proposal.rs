//! A change as a proposal: where an environment takes pull requests only, the commit goes to a branch of its own and a pull request is opened for it; on a forge
//! whose API is not spoken here, the branch is all. It merges nothing.

use super::Read;
use super::brought::Beside;
use super::edits::{Edited, Sign};
use super::mutation::{Commit, Mutation, Opening};
use super::plan::{Await, Step, awaited, sent};
use super::refusal::Refusal;
use super::scene::Scene;
use crate::base::Safe;
use crate::domain::fleet::Placement;
use crate::domain::forge::Forge;
use crate::domain::pull;

/// The steps of a proposal, and what a person should know of it.
pub(super) fn steps(
    scene: &Scene<'_>,
    edited: &Edited,
    moving: &[&Placement],
    commit: Commit,
    beside: &Beside,
    read: &Read,
) -> Result<(Vec<Step>, Vec<Safe>), Refusal> {
    let (base, place) = (commit.branch.clone(), scene.to.shown());
    let mut remarks = Vec::new();
    let opening = match read.forges.get(&commit.repository) {
        Some(Forge::Github { github, repository, .. }) => Some(Opening {
            repository: commit.repository.clone(),
            github: github.clone(),
            name: repository.clone(),
            base: base.clone(),
            title: commit.message.subject.clone(),
            body: body(&commit),
            trailers: trailers(scene, moving, &commit),
        }),
        Some(Forge::Unreached { host }) => return Err(Refusal::NoForge { environment: scene.to.clone(), host: host.clone() }),
        Some(Forge::Other) | None => {
            let forge = "its forge is not GitHub, whose API is spoken here: the branch is pushed, a person opens the pull request";
            remarks.push(crate::safe!("{forge}, and {} is followed until it has the commit", base.shown()));
            None
        }
    };
    if scene.back.is_some() {
        remarks.push(crate::safe!("{place} takes pull requests only: what runs there stays until this is merged, after its checks and a review"));
    } else {
        remarks.push(crate::safe!("{place} takes pull requests only: nothing changes there until this is merged"));
    }
    for app in &edited.moves {
        if scene.fleet.application(app).is_some_and(|entry| !entry.value.automation.enabled) {
            remarks.push(crate::safe!("whoever merges {} elsewhere than here has to sync it afterwards", app.name.shown()));
        }
    }
    if let (false, Some(target)) = (beside.after.is_empty(), moving.first()) {
        let why = Safe::clean("it takes pull requests only, and until one is merged there is nothing to promote");
        return Err(Refusal::NotHastened { place: scene.target(target), why });
    }
    let mut steps: Vec<Step> = sent(&beside.before).collect();
    steps.push(Step::Send(Mutation::Commit(Box::new(commit))));
    steps.extend(opening.map(|opening| Step::Send(Mutation::Open(Box::new(opening)))));
    steps.push(Step::Await(Await::Merged(base)));
    steps.extend(awaited(scene, edited, moving));
    Ok((steps, remarks))
}

/// What changes where, for whoever reviews it.
fn body(commit: &Commit) -> Vec<Safe> {
    let mut lines = commit.message.body.clone();
    for file in &commit.files {
        lines.push(Safe::default());
        lines.push(crate::safe!("`{}`", file.file.shown()));
        lines.push(Safe::clean("```diff"));
        for line in file.lines() {
            let sign = if line.sign == Sign::Goes { '-' } else { '+' };
            lines.push(crate::safe!("{sign} {}", line.text));
        }
        lines.push(Safe::clean("```"));
    }
    if lines.first().is_some_and(|line| line.as_str().is_empty()) {
        lines.remove(0);
    }
    lines
}

/// Those of the commit, and what tells any other cockpit which operation it is.
fn trailers(scene: &Scene<'_>, moving: &[&Placement], commit: &Commit) -> Vec<(&'static str, Safe)> {
    let mut trailers = vec![(pull::SERVICE, scene.service.shown()), (pull::ENVIRONMENT, scene.to.shown())];
    let names = moving.iter().map(|placement| placement.name.shown()).filter(|name| !name.as_str().is_empty());
    trailers.extend(names.map(|name| (pull::PLACEMENT, name)));
    trailers.push((pull::VERSION, scene.version.text.shown()));
    trailers.extend(commit.message.trailers.iter().cloned());
    trailers
}
