//! The team works: new versions go into the first environment, those that did well go on, those that did not are taken back, and somebody lets a
//! canary go on that waits. All by the dice of the world, so that the same seed tells the same day.

use std::time::Duration;

use super::{Event, World};
use crate::base::time::{later, since};
use crate::simulator::canary::Step;
use crate::simulator::layout;
use crate::simulator::scenario::{Commit, Fate, RolloutAction, RolloutDeed, VersionDefinition};

/// What crashing versions say.
const LAST_WORDS: &[&str] = &[
    "panic: dial tcp 10.3.0.9:5432: connect: connection refused",
    "FATAL: relation \"orders_v2\" does not exist",
    "java.lang.OutOfMemoryError: Java heap space",
    "Error: missing required environment variable PAYMENTS_URL",
    "thread 'main' panicked at src/config.rs:88: unknown field `retry_budget`",
];
/// A colleague looks at a waiting canary for so long before letting it go on.
const PATIENCE: Duration = Duration::from_secs(25);
/// A version has done well after so long.
const SOAK: Duration = Duration::from_secs(20);
/// A broken version is looked at for so long before it is taken back.
const DIAGNOSIS: Duration = Duration::from_secs(30);

impl World {
    /// One thing that the team does now; then the next one is planned.
    pub(super) fn release(&mut self) {
        let Some(traffic) = self.scenario.traffic.clone() else { return };
        if !self.attend() {
            self.ship(traffic.failing);
        }
        // Between half and one and a half of the mean.
        let wait = traffic.every.mul_f64(0.5 + self.dice.f64());
        self.plan(later(self.now, wait), Event::Release);
    }

    /// Some pod somewhere is restarted: its controller makes a new one. Then the next one is planned.
    pub(super) fn restart(&mut self) {
        let Some(churn) = &self.scenario.churn else { return };
        let per_second = churn.per_second.get();
        let number = self.dice.usize(..self.workloads.len().max(1));
        let chosen = self.dice.usize(..);
        if let Some(workload) = self.workloads.get_mut(number)
            && workload.lose_pod(chosen)
        {
            self.wake(number);
        }
        self.plan(later(self.now, Duration::from_secs(1) / per_second), Event::Restart);
    }

    /// Sees to what waits for a person or went wrong. Returns whether there was anything.
    fn attend(&mut self) -> bool {
        let now = self.now;
        for number in 0..self.workloads.len() {
            let Some(workload) = self.workloads.get(number).filter(|workload| !workload.settled) else { continue };
            let Some((application, environment)) = self.place_of(number) else { continue };
            let (name, tag) = (workload.name.clone(), workload.tag.clone());
            let waits = workload.canary.as_ref().and_then(|canary| {
                let since = canary.paused?;
                matches!(canary.steps.get(canary.index), Some(Step::Pause(None))).then_some(since)
            });
            let aborted = workload.canary.as_ref().and_then(|canary| canary.aborted.as_ref()).map(|aborted| aborted.at);
            let broken = self.nature(workload, &tag).fate != Fate::Fine;
            let began = workload.current().map_or(now, |set| set.created);
            let (stable, past) = (workload.canary.as_ref().map(|canary| canary.stable.clone()), workload.past.last().cloned());
            if waits.is_some_and(|at| since(at, now) >= PATIENCE) {
                let who = self.somebody().name;
                self.tell(&format!("{who} looked at {name} {tag} in {environment} and lets the canary go on"));
                self.act(&RolloutDeed { application, environment, placement: None, action: RolloutAction::Promote });
                return true;
            }
            let bad = aborted.is_some_and(|at| since(at, now) >= DIAGNOSIS) || (broken && since(began, now) >= DIAGNOSIS);
            if let Some(back) = stable.or(past).filter(|back| bad && *back != tag) {
                let author = self.somebody().name;
                let message = format!("Back to {name} {back} in {environment}: {tag} does not work there");
                let commit = Commit {
                    application,
                    environment: environment.clone(),
                    workload: Some(name.clone()),
                    version: back.clone(),
                    author: Some(author.clone()),
                    message: Some(message),
                };
                if self.commit(&commit).is_some() {
                    self.tell(&format!("{author} takes {name} in {environment} back from {tag} to {back}"));
                    return true;
                }
            }
        }
        false
    }

    /// The application's name in the definition, and the environment, of a workload.
    fn place_of(&self, workload: usize) -> Option<(String, String)> {
        let application = self.applications.get(self.workloads.get(workload)?.application)?;
        Some((self.definition.applications.get(application.definition)?.name.clone(), application.environment.clone()))
    }

    /// A version moves on by one environment, or a new one is born.
    fn ship(&mut self, failing: f64) {
        let candidates: Vec<usize> =
            (0..self.workloads.len()).filter(|number| self.workloads.get(*number).is_some_and(|workload| workload.settled)).collect();
        for _ in 0..8 {
            let Some(number) = self.dice.choice(&candidates).copied() else { return };
            let Some((application, environment)) = self.place_of(number) else { continue };
            let Some(workload) = self.workloads.get(number) else { continue };
            let (name, tag, owner) = (workload.name.clone(), workload.tag.clone(), workload.application);
            let Some(parent) = self.parent(owner) else {
                return self.begin_version(number, &application, &environment, &name, failing);
            };
            let Some(newer) = self.tag_in(owner, &name, &parent).filter(|newer| *newer != tag) else { continue };
            if !self.did_well(&application, &parent, &name, &newer) {
                continue;
            }
            if self.dice.f64() < failing {
                self.doom(number, &newer, Some(&environment));
            }
            let author = self.somebody().name;
            let commit = Commit {
                application,
                environment: environment.clone(),
                workload: Some(name.clone()),
                version: newer.clone(),
                author: Some(author.clone()),
                message: Some(format!("Promote {name} {newer} to {environment}")),
            };
            if self.commit(&commit).is_some() {
                self.tell(&format!("{author} promotes {name} {newer} from {parent} to {environment}"));
                return;
            }
        }
    }

    fn begin_version(&mut self, number: usize, application: &str, environment: &str, name: &str, failing: f64) {
        let author = self.somebody().name;
        let commit = Commit {
            application: application.to_owned(),
            environment: environment.to_owned(),
            workload: Some(name.to_owned()),
            version: "next".to_owned(),
            author: Some(author.clone()),
            message: None,
        };
        if let Some(tag) = self.commit(&commit) {
            if self.dice.f64() < failing {
                self.doom(number, &tag, None);
            }
            self.tell(&format!("{author} ships {name} {tag} to {environment}"));
        }
    }

    /// A version will not do well there.
    fn doom(&mut self, number: usize, tag: &str, environment: Option<&str>) {
        let Some(workload) = self.workloads.get(number) else { return };
        let has_analysis = workload.canary.as_ref().is_some_and(|canary| canary.steps.contains(&Step::Analysis));
        let words = self.dice.choice(LAST_WORDS).copied().unwrap_or_default();
        self.scenario.versions.push(VersionDefinition {
            workload: workload.name.clone(),
            version: tag.to_owned(),
            environment: environment.map(str::to_owned),
            fate: if has_analysis { Fate::Fine } else { Fate::Crash },
            message: words.to_owned(),
            errors: if has_analysis { 0.07 } else { 0.0 },
        });
    }

    /// The environment from which an application's versions come, if it is there too.
    fn parent(&self, application: usize) -> Option<String> {
        let application = self.applications.get(application)?;
        let definition = self.definition.applications.get(application.definition)?;
        let environment = self.definition.environments.iter().find(|one| one.name == application.environment)?;
        let is_there = |name: &&String| layout::deployed_of(&self.definition, definition).any(|one| one.environment.name == **name);
        environment.from.iter().find(is_there).cloned()
    }

    /// Whether a version runs in all placements of an environment, and has for a while.
    fn did_well(&self, application: &str, environment: &str, name: &str, tag: &str) -> bool {
        let definition = self.definition.applications.iter().position(|one| one.name == application);
        self.workloads
            .iter()
            .filter(|workload| workload.name == name)
            .filter(|workload| {
                self.applications.get(workload.application).is_some_and(|one| Some(one.definition) == definition && one.environment == environment)
            })
            .all(|workload| workload.settled && workload.tag == tag && since(workload.moved, self.now) >= SOAK)
    }
}
