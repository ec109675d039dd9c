//! A placement as it stands: what all its parts and workloads say together.

use super::wanted::{Behind, Wanted};
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::application::{Application, Phase};
use crate::domain::canary::{Canary, Waits};
use crate::domain::health::{Health, Known, Sync, Why};
use crate::domain::names::{AppKey, ClusterName, Namespace, PlacementName, ServiceName};
use crate::domain::version::{self, Subject, Version, VersionRule};
use crate::domain::workload::{Container, Progress, Replicas, Workload, WorkloadKey};

/// One deployment of a service in an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Its name; empty where there is only one.
    pub name: PlacementName,
    /// The applications, or the parts of applications, that make it.
    pub parts: Vec<Part>,
    /// The versions that run: one, or several while they are mixed. During a canary the stable one.
    pub versions: Known<Vec<Version>>,
    /// Why the version of a part is not known although others' are: then `versions` is not the whole truth.
    pub unversioned: Option<Why>,
    /// The version a change is on its way to.
    pub incoming: Option<Version>,
    /// The worst health of its parts.
    pub health: Health,
    /// Since when.
    pub health_since: Option<Timestamp>,
    /// Whether the cluster has what git wants, in all parts.
    pub sync: Sync,
    /// Whether an operation of Argo CD runs.
    pub syncing: bool,
    /// The last operation of a part ended badly.
    pub operation_failed: bool,
    /// Replica counts over its workloads.
    pub replicas: Known<Replicas>,
    /// A workload that does not move on: what it says.
    pub stuck: Option<Safe>,
    /// What the first unfinished workload waits for.
    pub waiting: Option<Safe>,
    /// A canary or blue-green change under way or turned back: the one that is furthest from done.
    pub canary: Option<Box<Canary>>,
    /// What git wants of it, where a repository says so.
    pub wanted: Option<Box<Wanted>>,
    /// How it stands to the environment that it is promoted from, where repositories say so.
    pub behind: Option<Box<Behind>>,
    /// When the last successful deployment ended.
    pub deployed_at: Option<Timestamp>,
    /// The cluster it runs in.
    pub cluster: Known<ClusterName>,
    /// Its namespace.
    pub namespace: Namespace,
}

/// An application, or a part of one, in a placement.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The application.
    pub app: AppKey,
    /// What the mapping calls this part: `api`, `worker`.
    pub label: Option<Raw>,
    /// Its workloads in the cluster, or why none were found.
    pub workloads: Known<Vec<WorkloadKey>>,
}

/// One part with its facts, as the fleet found them.
#[derive(Debug)]
pub(super) struct PartFacts<'a> {
    pub(super) part: Part,
    pub(super) application: &'a Application,
    pub(super) workloads: Vec<(&'a Raw, &'a Workload, Option<Canary>)>,
    pub(super) cluster: Known<ClusterName>,
    /// The application carries other services too: its health and images are not this service's alone.
    pub(super) shared: bool,
}

impl Placement {
    /// The versions that git wants of it, where they are known and not what runs.
    #[must_use]
    pub fn wants_another(&self) -> Option<&[Version]> {
        let versions = self.wanted.as_ref()?.versions.as_known()?;
        (self.versions.as_known() != Some(versions)).then_some(versions)
    }

    /// The versions as one word: `2.14.2`, or `2.14.2+2.14.3` while they are mixed, with `+?` where a part does not tell its own; `None` when not
    /// known.
    #[must_use]
    pub fn version_text(&self) -> Option<Safe> {
        match (self.versions.as_known()?.as_slice(), &self.unversioned) {
            ([], _) => None,
            ([one], None) => Some(one.text.shown()),
            (several, unversioned) => {
                let mut texts: Vec<String> = several.iter().map(|version| version.text.shown().as_str().to_owned()).collect();
                texts.extend(unversioned.iter().map(|_| "?".to_owned()));
                Some(crate::safe!("{}", texts.join("+")))
            }
        }
    }

    /// Whether a canary is under way that users notice: not one that is settled.
    #[must_use]
    pub fn open_canary(&self) -> Option<&Canary> {
        self.canary.as_deref().filter(|canary| !canary.settled)
    }

    pub(super) fn of(name: PlacementName, service: &ServiceName, rule: &VersionRule, parts: Vec<PartFacts<'_>>) -> Self {
        let mut builder = Builder::default();
        for facts in parts {
            builder.add(service, rule, facts);
        }
        builder.finish(name)
    }
}

#[derive(Default)]
struct Builder {
    parts: Vec<Part>,
    versions: Vec<Version>,
    unversioned: Option<Why>,
    incoming: Option<Version>,
    health: Option<(Health, Option<Timestamp>)>,
    sync: Option<Sync>,
    syncing: bool,
    operation_failed: bool,
    replicas: Replicas,
    counted: bool,
    uncounted: Option<Why>,
    stuck: Option<Safe>,
    waiting: Option<Safe>,
    canary: Option<Canary>,
    deployed_at: Option<Timestamp>,
    cluster: Option<Known<ClusterName>>,
    namespace: Namespace,
}

impl Builder {
    fn add(&mut self, service: &ServiceName, rule: &VersionRule, facts: PartFacts<'_>) {
        let application = facts.application;
        self.add_versions(service, rule, &facts);
        // Health of a shared application is the worst of all that it carries: where the workloads are known they speak for themselves.
        let own = if facts.shared { health_of(&facts.workloads) } else { None };
        let (health, since) = own.map_or_else(|| (application.health.clone(), application.health_since), |health| (health, None));
        if self.health.as_ref().is_none_or(|(worst, _)| health > *worst) {
            self.health = Some((health, since));
        }
        if self.sync.as_ref().is_none_or(|worst| application.sync > *worst) {
            self.sync = Some(application.sync.clone());
        }
        if let Some(operation) = &application.operation {
            self.syncing |= operation.phase.is_open();
            self.operation_failed |= matches!(operation.phase, Phase::Failed | Phase::Error);
        }
        self.deployed_at = self.deployed_at.max(application.deployed_at);
        if self.cluster.is_none() {
            self.cluster = Some(facts.cluster);
            self.namespace = application.destination.namespace.clone();
        }
        match &facts.part.workloads {
            Known::Known(_) => self.counted = true,
            Known::Unknown(why) => self.uncounted = Some(why.clone()),
        }
        for (_, workload, canary) in facts.workloads {
            self.add_workload(workload, canary);
        }
        self.parts.push(facts.part);
    }

    fn add_versions(&mut self, service: &ServiceName, rule: &VersionRule, facts: &PartFacts<'_>) {
        let found = versions_of(service, rule, facts);
        match found {
            Known::Known(Found { running, incoming }) => {
                for version in running {
                    if !self.versions.contains(&version) {
                        self.versions.push(version);
                    }
                }
                self.incoming = self.incoming.take().or(incoming);
            }
            Known::Unknown(why) => self.unversioned = Some(why),
        }
    }

    fn add_workload(&mut self, workload: &Workload, canary: Option<Canary>) {
        let counts = workload.replicas;
        self.replicas.desired += counts.desired;
        self.replicas.current += counts.current;
        self.replicas.updated += counts.updated;
        self.replicas.ready += counts.ready;
        self.replicas.available += counts.available;
        match &workload.progress {
            Progress::Done => {}
            Progress::Waiting(what) => self.waiting = self.waiting.take().or_else(|| Some(what.clone())),
            Progress::Failed(what) => self.stuck = self.stuck.take().or_else(|| Some(what.clone())),
        }
        if let Some(canary) = canary {
            let further = self.canary.as_ref().is_none_or(|held| held.settled && !canary.settled);
            if further {
                self.canary = Some(canary);
            }
        }
    }

    fn finish(mut self, name: PlacementName) -> Placement {
        self.versions.sort();
        self.versions.shrink_to_fit();
        self.parts.shrink_to_fit();
        let (health, health_since) = self.health.unwrap_or_else(|| (Health::Unknown(Why::new("it has no application")), None));
        Placement {
            name,
            unversioned: self.unversioned.clone().filter(|_| !self.versions.is_empty()),
            versions: if self.versions.is_empty() {
                Known::Unknown(self.unversioned.unwrap_or_else(|| Why::new("nothing says which version runs")))
            } else {
                Known::Known(self.versions)
            },
            incoming: self.incoming,
            health,
            health_since,
            sync: self.sync.unwrap_or_else(|| Sync::Unknown(Why::new("it has no application"))),
            syncing: self.syncing,
            operation_failed: self.operation_failed,
            replicas: if self.counted {
                Known::Known(self.replicas)
            } else {
                Known::Unknown(self.uncounted.unwrap_or_else(|| Why::new("no workload was found")))
            },
            stuck: self.stuck,
            waiting: self.waiting,
            canary: self.canary.map(Box::new),
            wanted: None,
            behind: None,
            deployed_at: self.deployed_at,
            cluster: self.cluster.unwrap_or_else(|| Known::unknown("it has no application")),
            namespace: self.namespace,
            parts: self.parts,
        }
    }
}

struct Found {
    running: Vec<Version>,
    incoming: Option<Version>,
}

/// The versions that run or come, where they are known.
pub(super) fn live_versions(service: &ServiceName, rule: &VersionRule, facts: &PartFacts<'_>) -> Vec<Version> {
    let found = versions_of(service, rule, facts).into_known();
    found
        .map(|Found { mut running, incoming }| {
            running.extend(incoming);
            running
        })
        .unwrap_or_default()
}

/// What runs, from the nearest witness: the workloads' own templates, else what Argo CD summarised.
fn versions_of(service: &ServiceName, rule: &VersionRule, facts: &PartFacts<'_>) -> Known<Found> {
    if !rule.is_image() {
        let annotation = if let VersionRule::Annotation { key } = rule { facts.application.annotation(key.as_wire()) } else { None };
        return version::of_application(rule, facts.application, annotation).map(|running| Found { running, incoming: None });
    }
    let workload = if let [(name, ..)] = facts.workloads.as_slice() { Some(*name) } else { None };
    let subject = Subject { service, part: facts.part.label.as_ref(), workload };
    // All templates together: a side workload with a single image must not pass for the service while another one carries its name.
    let newest: Vec<Container> = facts.workloads.iter().flat_map(|(_, workload, _)| workload.containers.iter().cloned()).collect();
    if newest.is_empty() {
        return version::of_images(subject, rule, &facts.application.images).map(|running| Found { running, incoming: None });
    }
    let running: Vec<Container> =
        facts.workloads.iter().flat_map(|(_, workload, canary)| running_containers(workload, canary.as_ref()).iter().cloned()).collect();
    let newest = version::of_containers(subject, rule, &newest);
    version::of_containers(subject, rule, &running).map(|running| {
        let incoming = newest.as_known().and_then(|newest| newest.iter().find(|version| !running.contains(version)).cloned());
        Found { running, incoming }
    })
}

/// What users meet: during a change the stable pods, else the template.
fn running_containers<'a>(workload: &'a Workload, canary: Option<&'a Canary>) -> &'a [Container] {
    match canary {
        Some(canary) if !canary.settled && !canary.stable.is_empty() => &canary.stable,
        _ => &workload.containers,
    }
}

/// Health of workloads in Argo CD's terms, for a service that shares its application with others.
fn health_of(workloads: &[(&Raw, &Workload, Option<Canary>)]) -> Option<Health> {
    workloads
        .iter()
        .map(|(_, workload, canary)| match (&workload.progress, canary) {
            (Progress::Failed(_), _) => Health::Degraded,
            (_, Some(canary)) if matches!(canary.waits, Waits::Person | Waits::Until(_)) => Health::Suspended,
            (Progress::Waiting(_), _) => Health::Progressing,
            (Progress::Done, _) => Health::Healthy,
        })
        .max()
}
