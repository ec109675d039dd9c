//! What the scenario's timeline says: commits, what people do to rollouts, faults, a controller that dies, drift by hand.

use std::time::Duration;

use super::application::By;
use super::{Event, World};
use crate::base::time::later;
use crate::simulator::repository::{Author, MAIN};
use crate::simulator::scenario::{Commit, Drift, Pin, PinPlace, RolloutAction, RolloutDeed, Target};
use crate::simulator::serve::RepositoryDeed;
use crate::simulator::{layout, versions};

/// People who commit when a scenario does not say who.
const TEAM: &[(&str, &str)] = &[
    ("Mara Lind", "mara.lind@acme.example"),
    ("Jonas Weber", "jonas.weber@acme.example"),
    ("Priya Nair", "priya.nair@acme.example"),
    ("Tomás Rey", "tomas.rey@acme.example"),
    ("Aiko Sato", "aiko.sato@acme.example"),
];

impl World {
    /// One line of the timeline.
    pub(super) fn deed(&mut self, line: usize) {
        let Some(happening) = self.scenario.timeline.get(line).cloned() else { return };
        self.tell(&happening.say);
        if let Some(commit) = &happening.commit {
            self.commit(commit);
        }
        if let Some(deed) = &happening.rollout {
            self.act(deed);
        }
        if let Some(fault) = &happening.fault {
            self.set_fault(&fault.server, fault.is.clone());
            if let Some(length) = fault.r#for {
                self.plan(later(self.now, length), Event::Heal(fault.server.clone()));
            }
        }
        if let Some(deed) = &happening.controller
            && let Some(number) = self.argocd(&deed.argocd)
        {
            self.set_alive(number, deed.alive);
        }
        if let Some(drift) = &happening.drift {
            self.drift(drift);
        }
        if let Some(target) = &happening.sync {
            for number in self.found(target) {
                self.sync(number, By::Person("oncall".to_owned()));
            }
        }
        if let Some(deed) = happening.repository.clone()
            && let Err(error) = self.change_repository(deed)
        {
            tracing::warn!(%error, "the simulated repository was not changed");
        }
        if let Some(pin) = &happening.pin {
            self.pin(pin);
        }
        if let Some(window) = &happening.window {
            self.set_window(window);
        }
        if let Some(every) = happening.every.filter(|every| !every.is_zero()) {
            self.plan(later(self.now, every), Event::Happening(line));
        }
    }

    /// The deployments that a target means, by number.
    fn found(&self, target: &Target) -> Vec<usize> {
        let definition = self.definition.applications.iter().position(|one| one.name == target.application);
        let is_meant = |one: &super::Application| {
            Some(one.definition) == definition
                && one.environment == target.environment
                && target.placement.as_deref().is_none_or(|placement| placement == one.placement)
        };
        self.applications.iter().enumerate().filter(|(_, one)| is_meant(one)).map(|(number, _)| number).collect()
    }

    /// Somebody of the team.
    pub(super) fn somebody(&mut self) -> Author {
        let (name, email) = self.dice.choice(TEAM).copied().unwrap_or(("Mara Lind", "mara.lind@acme.example"));
        Author { name: name.to_owned(), email: email.to_owned() }
    }

    /// Moves a version in git, as a pipeline or a person would. Returns the tag that was committed, if anything changed.
    pub(super) fn commit(&mut self, commit: &Commit) -> Option<String> {
        let target = Target { application: commit.application.clone(), environment: commit.environment.clone(), placement: None };
        let mut changes: Vec<(String, Option<Vec<u8>>)> = Vec::new();
        let (mut moved, head) = (None, self.head(&commit.environment));
        for number in self.found(&target) {
            let application = self.applications.get(number)?;
            let definition = self.definition.applications.get(application.definition)?;
            let (environment, placement) = (application.environment.as_str(), application.placement.as_str());
            let file = layout::version_file(definition, environment, placement);
            let mut text = self.repository.read(&head, &file).ok().flatten()?;
            let tags = layout::versions(definition, environment, placement, &text).ok()?;
            for (workload, tag) in layout::workloads(definition, environment, placement).zip(tags) {
                let name = workload.name(definition);
                if commit.workload.as_deref().is_some_and(|only| only != name) {
                    continue;
                }
                let wanted = self.meant(&commit.version, number, name, &tag);
                if wanted != tag {
                    text = layout::with_version(definition, environment, placement, name, &text, &wanted).ok()?;
                    moved = Some(wanted);
                }
            }
            changes.push((file, Some(text)));
        }
        let moved = moved?;
        let author = match &commit.author {
            Some(name) => Author { name: name.clone(), email: format!("{}@acme.example", name.to_lowercase().replace(' ', ".")) },
            None => self.somebody(),
        };
        let message = commit.message.clone().unwrap_or_else(|| format!("{} {moved} in {}", commit.application, commit.environment));
        let at = self.clock.shown(self.now);
        match self.repository.commit(&self.branch(&commit.environment), &changes, &author, at, &message) {
            Ok(_revision) => self.notice(),
            Err(error) => tracing::warn!(%error, "the simulated repository took no commit"),
        }
        Some(moved)
    }

    /// Something that a trainer or a test does to the repository.
    pub(super) fn change_repository(&mut self, deed: RepositoryDeed) -> Result<(), git2::Error> {
        let (author, at) = (self.somebody(), self.clock.shown(self.now));
        match deed {
            RepositoryDeed::Away(away) => self.repository.set_away(away)?,
            RepositoryDeed::Rewrite(message) => drop(self.repository.rewrite(MAIN, &author, at, &message)?),
            RepositoryDeed::RewriteBranch { branch, message } => drop(self.repository.rewrite(&branch, &author, at, &message)?),
            RepositoryDeed::Commit { branch, path, text } => {
                let message = format!("change {path}");
                self.repository.commit(branch.as_deref().unwrap_or(MAIN), &[(path, text.map(String::into_bytes))], &author, at, &message)?;
            }
        }
        self.notice();
        Ok(())
    }

    /// Pins a version past the file that says it, or takes the pin away.
    fn pin(&mut self, pin: &Pin) {
        let target = Target { application: pin.application.clone(), environment: pin.environment.clone(), placement: None };
        let mut changes: Vec<(String, Option<Vec<u8>>)> = Vec::new();
        for number in self.found(&target) {
            let Some(application) = self.applications.get(number) else { continue };
            let images: Vec<String> = match &pin.version {
                Some(tag) => {
                    application.workloads.iter().filter_map(|one| self.workloads.get(*one)).map(|one| format!("{}:{tag}", one.image)).collect()
                }
                None => Vec::new(),
            };
            match pin.r#in {
                PinPlace::File => {
                    let text = pin.version.is_some().then(|| layout::pinned(&images).into_bytes());
                    changes.extend(self.pin_file(application).map(|file| (file, text)));
                }
                PinPlace::Application => {
                    if let Some(application) = self.applications.get_mut(number) {
                        application.images = images;
                        application.revision.clear();
                    }
                    self.reconcile(number, true);
                }
            }
        }
        if changes.is_empty() {
            return;
        }
        let (author, at) = (Author { name: "argocd-image-updater".to_owned(), email: "noreply@argoproj.io".to_owned() }, self.clock.shown(self.now));
        let message = format!("build: automatic update of {}", pin.application);
        match self.repository.commit(&self.branch(&pin.environment), &changes, &author, at, &message) {
            Ok(_revision) => self.notice(),
            Err(error) => tracing::warn!(%error, "the simulated repository took no commit"),
        }
    }

    /// The tag that a scenario means.
    fn meant(&self, wanted: &str, number: usize, workload: &str, current: &str) -> String {
        if wanted == "next" {
            return versions::next(current);
        }
        if wanted == "previous" {
            let own = self.applications.get(number).map(|application| application.workloads.as_slice()).unwrap_or_default();
            let past = own.iter().filter_map(|number| self.workloads.get(*number)).find(|one| one.name == workload);
            return past.and_then(|one| one.past.last().cloned()).unwrap_or_else(|| versions::previous(current));
        }
        let Some(from) = wanted.strip_prefix("from ") else { return wanted.to_owned() };
        self.tag_in(number, workload, from).unwrap_or_else(|| current.to_owned())
    }

    /// What git says of the same workload in another environment, in its first placement.
    pub(super) fn tag_in(&self, number: usize, workload: &str, environment: &str) -> Option<String> {
        let definition = self.definition.applications.get(self.applications.get(number)?.definition)?;
        let other = layout::deployed_of(&self.definition, definition).find(|one| one.environment.name == environment)?;
        let placement = other.destination.placement.as_str();
        let text = self.repository.read(&self.head(environment), &layout::version_file(definition, environment, placement)).ok()??;
        let tags = layout::versions(definition, environment, placement, &text).ok()?;
        layout::workloads(definition, environment, placement).zip(tags).find(|(one, _)| one.name(definition) == workload).map(|(_, tag)| tag)
    }

    /// Somebody does something to a rollout.
    pub(super) fn act(&mut self, deed: &RolloutDeed) {
        let target = Target { application: deed.application.clone(), environment: deed.environment.clone(), placement: deed.placement.clone() };
        let now = self.now;
        for number in self.found(&target) {
            for workload in self.applications.get(number).map(|one| one.workloads.clone()).unwrap_or_default() {
                let Some(canary) = self.workloads.get_mut(workload).and_then(|workload| workload.canary.as_mut()) else { continue };
                match deed.action {
                    RolloutAction::Promote => drop(canary.promote()),
                    RolloutAction::PromoteFully => drop(canary.promote_fully()),
                    RolloutAction::Pause => canary.held = true,
                    RolloutAction::Abort => drop(canary.abort(now, "")),
                    RolloutAction::Retry => drop(canary.retry()),
                }
                self.wake(workload);
            }
        }
    }

    fn drift(&mut self, drift: &Drift) {
        let target = Target { application: drift.application.clone(), environment: drift.environment.clone(), placement: None };
        for number in self.found(&target) {
            let Some(first) = self.applications.get(number).and_then(|one| one.workloads.first().copied()) else { continue };
            let Some(tag) = self.workloads.get(first).map(|workload| workload.tag.clone()) else { continue };
            let now = self.now;
            if let Some(workload) = self.workloads.get_mut(first) {
                workload.by_hand = Some(("kubectl-edit", now));
            }
            self.apply(first, &tag, drift.replicas);
            // The controller watches what it deployed.
            let seen = later(self.now, Duration::from_secs(1));
            self.plan(seen, Event::Reconcile(number));
        }
    }
}
