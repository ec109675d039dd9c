//! The landscape: environments as a promotion graph, the rules of services, and which cluster a destination means. Made by the configuration, or
//! guessed from the applications (see [`crate::domain::guess`]); it knows no application and no state.

use std::collections::{BTreeSet, HashMap};

use crate::base::Raw;
use crate::domain::application::{Application, Destination};
use crate::domain::guard::Guard;
use crate::domain::health::Known;
use crate::domain::mapping::{Labels, Mapping};
use crate::domain::names::{AppKey, ArgocdName, ClusterName, EnvironmentName, PlacementName, ServiceName};
use crate::domain::version::VersionRule;
use crate::domain::words::{Ambiguous, Meaning, Pattern, Words};
use crate::safe;

/// Everything that is needed to say what an application is and where it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landscape {
    /// Environments in promotion order: none before those it is promoted from.
    pub environments: Vec<Environment>,
    /// From application to service, environment and placement.
    pub mapping: Mapping,
    /// Rules of single services.
    pub services: Vec<ServiceRules>,
    /// Which image is the version, for services without a rule of their own.
    pub version: VersionRule,
    /// The Argo CD instances.
    pub argocds: Vec<ArgocdFacts>,
    /// The clusters.
    pub clusters: Vec<ClusterFacts>,
    /// The environments are guessed by their usual names. The screen says so.
    pub guessed: bool,
    /// Nothing may be changed, because nobody wrote down what leads where.
    pub read_only: bool,
    words: Words,
    service_index: HashMap<Raw, usize>,
}

/// A stage in the promotion graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// Environments that it is promoted from.
    pub from: Vec<EnvironmentName>,
    /// Its declared placements, in written order.
    pub placements: Vec<PlacementSpec>,
    /// Other words for it; `*` stands for any text.
    pub aliases: Vec<Raw>,
    /// Found by a usual name, not written down.
    pub guessed: bool,
    /// What it allows.
    pub guard: Guard,
}

impl Environment {
    /// The declared placement of this name. An environment that declares none takes every name.
    #[must_use]
    pub fn declared(&self, name: &str) -> Option<PlacementName> {
        if self.placements.is_empty() {
            return Some(PlacementName::from(name));
        }
        self.placements.iter().find(|placement| placement.name.as_wire().eq_ignore_ascii_case(name)).map(|placement| placement.name.clone())
    }
}

/// A declared placement of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlacementSpec {
    /// Its name.
    pub name: PlacementName,
    /// Whole words for the environment in this placement, besides `production-eu`: `eu-prod`, `live-eu-*`.
    pub aliases: Vec<Raw>,
    /// Clusters that mean this placement when no rule names one.
    pub clusters: Vec<ClusterName>,
    /// Destination namespaces that mean this placement when no rule names one.
    pub namespaces: Vec<Pattern>,
}

/// The rules of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceRules {
    /// Its name.
    pub name: ServiceName,
    /// What mapping rules may call it: `checkout-service`.
    pub aliases: Vec<Raw>,
    /// The group it is shown in.
    pub group: Option<Raw>,
    /// Which image is its version.
    pub version: Option<VersionRule>,
}

/// What resolving a destination needs to know of an Argo CD instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArgocdFacts {
    /// Its name.
    pub name: ArgocdName,
    /// The cluster that is configured to hold its Application objects.
    pub cluster: Option<ClusterName>,
}

/// What resolving a destination needs to know of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Its name.
    pub name: ClusterName,
    /// Addresses of its API server.
    pub servers: Vec<Raw>,
    /// Addresses and names by which Argo CD's destinations mean it, as configured.
    pub destinations: Vec<Raw>,
}

/// What is wrong with a promotion graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphFault {
    /// Two environments of one name.
    Twice(EnvironmentName),
    /// Promoted from an environment that is not there.
    UnknownParent {
        /// The environment.
        environment: EnvironmentName,
        /// What it names.
        parent: EnvironmentName,
    },
    /// Environments that are promoted from each other, in a circle.
    Cycle(Vec<EnvironmentName>),
    /// One word for two environments or placements.
    Ambiguous(Ambiguous),
}

impl Landscape {
    /// Puts environments into promotion order (topological by `from`, ties in written order) and prepares what matching needs. Every fault of the
    /// graph is told; with faults the order is the written one.
    pub fn new(environments: Vec<Environment>, mapping: Mapping) -> Result<Self, Vec<GraphFault>> {
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for environment in &environments {
            if !seen.insert(environment.name.as_wire().to_ascii_lowercase()) {
                faults.push(GraphFault::Twice(environment.name.clone()));
            }
        }
        for environment in &environments {
            for parent in environment.from.iter().filter(|parent| !environments.iter().any(|other| other.name == **parent)) {
                faults.push(GraphFault::UnknownParent { environment: environment.name.clone(), parent: parent.clone() });
            }
        }
        let environments = match (faults.is_empty(), in_order(environments)) {
            (_, Ok(ordered)) => ordered,
            (true, Err(circle)) => return Err(vec![GraphFault::Cycle(circle)]),
            (false, Err(_)) => return Err(faults),
        };
        let placements = environments.iter().flat_map(|environment| environment.placements.iter().map(|placement| placement.name.clone()));
        let (words, ambiguous) = Words::new(environments.iter().flat_map(words_of), placements);
        faults.extend(ambiguous.into_iter().map(GraphFault::Ambiguous));
        if faults.is_empty() { Ok(Self { environments, mapping, words, ..Self::default() }) } else { Err(faults) }
    }

    /// A landscape whose environments are still to be guessed: see [`crate::domain::guess::Sightings`].
    #[must_use]
    pub fn to_be_guessed(mapping: Mapping) -> Self {
        Self { mapping, guessed: true, read_only: true, ..Self::default() }
    }

    /// Sets the rules of single services.
    #[must_use]
    pub fn with_services(mut self, services: Vec<ServiceRules>) -> Self {
        self.service_index.clear();
        for (index, service) in services.iter().enumerate() {
            for name in std::iter::once(&service.name.0).chain(&service.aliases) {
                self.service_index.entry(name.clone()).or_insert(index);
            }
        }
        self.services = services;
        self
    }

    /// The words by which environments and placements are known.
    #[must_use]
    pub const fn words(&self) -> &Words {
        &self.words
    }

    /// The environment of this name.
    #[must_use]
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == *name)
    }

    /// The place of an environment in promotion order.
    #[must_use]
    pub fn position(&self, name: &EnvironmentName) -> Option<usize> {
        self.environments.iter().position(|environment| environment.name == *name)
    }

    /// The rules of a service, found by its name or an alias.
    #[must_use]
    pub fn service(&self, name: &ServiceName) -> Option<&ServiceRules> {
        self.service_index.get(name.as_wire()).and_then(|index| self.services.get(*index))
    }

    /// The name of a service for what a mapping rule called it.
    #[must_use]
    pub fn service_name(&self, called: &ServiceName) -> ServiceName {
        self.service(called).map_or_else(|| called.clone(), |rules| rules.name.clone())
    }

    /// Which image is the version of a service.
    #[must_use]
    pub fn version_rule(&self, service: &ServiceName) -> &VersionRule {
        self.service(service).and_then(|rules| rules.version.as_ref()).unwrap_or(&self.version)
    }

    /// The annotations of Application objects that some service's version is read from: a source keeps these and no others.
    pub fn wanted_annotations(&self) -> impl Iterator<Item = &Raw> {
        self.services.iter().filter_map(|service| service.version.as_ref()).chain([&self.version]).filter_map(|rule| match rule {
            VersionRule::Annotation { key } => Some(key),
            _ => None,
        })
    }

    /// The group that a service is shown in: as configured, else by the labels of its application.
    #[must_use]
    pub fn group(&self, service: &ServiceName, app: &Application) -> Option<Raw> {
        let configured = self.service(service).and_then(|rules| rules.group.clone());
        configured.or_else(|| Labels::first(&self.mapping.labels.group, app).map(|(_, value)| value.clone()))
    }

    /// The cluster that a destination means: by a configured destination, else by the address of its API server, never by its name alone.
    /// `holder` is the cluster that holds the Application objects, proven or configured: what `https://kubernetes.default.svc` means.
    #[must_use]
    pub fn cluster_of(&self, argocd: &ArgocdName, destination: &Destination, holder: Option<&ClusterName>) -> Known<ClusterName> {
        let means = |destined: &Raw| {
            destination.name.as_ref() == Some(destined)
                || destination.server.as_ref().is_some_and(|server| same_address(server.as_wire(), destined.as_wire()))
        };
        if let Some(cluster) = self.clusters.iter().find(|cluster| cluster.destinations.iter().any(means)) {
            return Known::Known(cluster.name.clone());
        }
        if destination.is_in_cluster() {
            let configured = || self.argocds.iter().find(|facts| facts.name == *argocd).and_then(|facts| facts.cluster.as_ref());
            return match holder.or_else(configured) {
                Some(cluster) => Known::Known(cluster.clone()),
                None => Known::Unknown(crate::domain::Why(safe!(
                    "it is not known which cluster holds the applications of {0}: set cluster under its [[argocd]]",
                    argocd.shown()
                ))),
            };
        }
        let why = match (&destination.server, &destination.name) {
            (Some(server), _) => {
                let fits = |cluster: &&ClusterFacts| cluster.servers.iter().any(|known| same_address(known.as_wire(), server.as_wire()));
                if let Some(cluster) = self.clusters.iter().find(fits) {
                    return Known::Known(cluster.name.clone());
                }
                safe!("no configured cluster serves {}: add its context under [[clusters]]", server.shown())
            }
            (None, Some(name)) => {
                safe!("Argo CD calls the cluster '{0}', and no cluster has destinations = [\"{0}\"]: add it under [[clusters]]", name.shown())
            }
            (None, None) => safe!("the application names no destination cluster"),
        };
        Known::Unknown(crate::domain::Why(why))
    }

    /// The placement that the destination means: the first declared one whose cluster and namespaces fit.
    pub(crate) fn placement_by_destination(&self, environment: &EnvironmentName, key: &AppKey, app: &Application) -> Option<PlacementName> {
        let environment = self.environment(environment)?;
        let fits = |placement: &&PlacementSpec| {
            let by_cluster = placement.clusters.is_empty()
                || self.cluster_of(&key.argocd, &app.destination, None).as_known().is_some_and(|cluster| placement.clusters.contains(cluster));
            let namespace = app.destination.namespace.as_wire();
            let by_namespace = placement.namespaces.is_empty() || placement.namespaces.iter().any(|pattern| pattern.matches(namespace));
            !(placement.clusters.is_empty() && placement.namespaces.is_empty()) && by_cluster && by_namespace
        };
        environment.placements.iter().find(fits).map(|placement| placement.name.clone())
    }
}

/// Orders environments so that none stands before one it is promoted from; ties keep the written order. In a circle: the names in it.
fn in_order(environments: Vec<Environment>) -> Result<Vec<Environment>, Vec<EnvironmentName>> {
    let mut ordered: Vec<Environment> = Vec::with_capacity(environments.len());
    let mut waiting = environments;
    while !waiting.is_empty() {
        let is_free = |candidate: &Environment| candidate.from.iter().all(|parent| !waiting.iter().any(|other| other.name == *parent));
        match waiting.iter().position(is_free) {
            Some(next) => ordered.push(waiting.remove(next)),
            None => return Err(circle(&waiting)),
        }
    }
    Ok(ordered)
}

/// Follows parents among those that wait for each other until one comes again.
fn circle(waiting: &[Environment]) -> Vec<EnvironmentName> {
    let mut path: Vec<EnvironmentName> = Vec::new();
    let mut current = waiting.first();
    while let Some(environment) = current {
        if let Some(start) = path.iter().position(|name| *name == environment.name) {
            return path.split_off(start);
        }
        path.push(environment.name.clone());
        current = environment.from.iter().find_map(|parent| waiting.iter().find(|other| other.name == *parent));
    }
    path
}

/// The words of one environment: its name and aliases, each alone and followed by a placement, and the placements' own aliases.
fn words_of(environment: &Environment) -> Vec<(Box<str>, Meaning)> {
    let meaning = |placement: Option<&PlacementName>| Meaning { environment: environment.name.clone(), placement: placement.cloned() };
    let mut words = Vec::new();
    for word in std::iter::once(&environment.name.0).chain(&environment.aliases) {
        words.push((word.as_wire().into(), meaning(None)));
        for placement in environment.placements.iter().filter(|_| !word.as_wire().contains('*')) {
            words.push((format!("{}-{}", word.as_wire(), placement.name.as_wire()).into(), meaning(Some(&placement.name))));
        }
    }
    for placement in &environment.placements {
        words.extend(placement.aliases.iter().map(|alias| (alias.as_wire().into(), meaning(Some(&placement.name)))));
    }
    words
}

/// Whether two addresses reach the same API server: without regard to the case of scheme and host, to the default port and to a slash at the end.
#[must_use]
pub fn same_address(one: &str, other: &str) -> bool {
    one == other || normal_address(one) == normal_address(other)
}

fn normal_address(address: &str) -> (String, &str) {
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    let scheme = scheme.to_ascii_lowercase();
    let (host, path) = match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
        Some((host, path)) => (host, path.trim_end_matches('/')),
        None => (rest, ""),
    };
    let default = if scheme == "http" { ":80" } else { ":443" };
    (format!("{scheme}://{}", host.strip_suffix(default).unwrap_or(host).to_ascii_lowercase()), path)
}
