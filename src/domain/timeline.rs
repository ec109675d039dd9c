//! What changed lately, over everything that is known, in one ordered list: commits, what Argo CD deployed, replica sets, events and changes by hand.
//!
//! One change is seen by several witnesses. A commit, the sync that brought it and the replica set that came of it are one *story*: they stand
//! together, the newest first, and a story stands where its newest part belongs. Pure: a function of the fleet and a moment.

mod drafts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::base::{Safe, Timestamp, counted};
use crate::domain::application::Detail;
use crate::domain::fleet::Fleet;
use crate::domain::link::Link;
use crate::domain::names::{ClusterName, EnvironmentName, Namespace, PlacementName, ServiceName, SourceKind};
use crate::domain::observation::SourceState;
use crate::domain::{AppKey, SourceId, Sync};

/// Who witnessed a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The gitops repository.
    Commit,
    /// Argo CD's history: a deployment that ended well.
    Sync,
    /// An operation of Argo CD that runs, failed, or left no trace in the history.
    Operation,
    /// A replica set was made.
    Rollout,
    /// An event of a cluster.
    Event,
    /// Fields of a resource that is out of sync were written by something that is no controller.
    Edit,
}

impl Kind {
    /// One word, lower case.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Sync => "sync",
            Self::Operation => "operation",
            Self::Rollout => "rollout",
            Self::Event => "event",
            Self::Edit => "by hand",
        }
    }
}

/// A placement that a change concerns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The placement; empty where there is only one.
    pub placement: PlacementName,
}

impl Place {
    /// The environment and, where there are several, the placement: `production·eu`.
    #[must_use]
    pub fn shown(&self) -> Safe {
        if self.placement.0.is_empty() { self.environment.shown() } else { crate::safe!("{}·{}", self.environment.shown(), self.placement.shown()) }
    }
}

/// One change as one witness tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// Who witnessed it.
    pub kind: Kind,
    /// Where: empty for what is in no cell.
    pub places: Vec<Place>,
    /// What it is about where it is in no cell: the application, or the object.
    pub subject: Safe,
    /// The application it is about, where it is one.
    pub app: Option<AppKey>,
    /// The page of the commit, where its repository's host is known.
    pub commit: Option<Link>,
    /// Who did it; empty where nobody says.
    pub who: Safe,
    /// What.
    pub what: Safe,
    /// It went wrong, or warns.
    pub is_bad: bool,
    /// It is an earlier part of the story that the entry before it begins.
    pub follows: bool,
}

impl Happened {
    /// Where, in words: `checkout · production·eu`, or what it is about where it is in no cell.
    #[must_use]
    pub fn place(&self) -> Safe {
        match self.places.as_slice() {
            [] => self.subject.clone(),
            [one] => crate::safe!("{} · {}", one.service.shown(), one.shown()),
            [first, rest @ ..] if rest.iter().all(|place| place.service == first.service) => {
                let shown: Vec<String> = self.places.iter().map(|place| place.shown().to_string()).collect();
                crate::safe!("{} · {}", first.service.shown(), shown.join(", "))
            }
            several => {
                let services: BTreeSet<&ServiceName> = several.iter().map(|place| &place.service).collect();
                crate::safe!("{}", counted(services.len(), "service", "services"))
            }
        }
    }

    /// Whether it passes a filter: all words must be somewhere in it; `env:`, `kind:`, `who:` and `service:` narrow one thing.
    #[must_use]
    pub fn passes(&self, filter: &str) -> bool {
        let has = |text: &str, word: &str| text.to_lowercase().contains(word);
        filter.to_lowercase().split_whitespace().all(|word| match word.split_once(':') {
            Some(("env" | "environment", value)) => self.places.iter().any(|place| has(place.shown().as_str(), value)),
            Some(("service", value)) => self.places.iter().any(|place| has(place.service.as_wire(), value)),
            Some(("kind", value)) => has(self.kind.word(), value),
            Some(("who", value)) => has(self.who.as_str(), value),
            _ => {
                let of_place = |place: &Place| has(place.service.as_wire(), word) || has(place.shown().as_str(), word);
                [self.subject.as_str(), self.who.as_str(), self.what.as_str(), self.kind.word()].into_iter().any(|text| has(text, word))
                    || self.places.iter().any(of_place)
            }
        })
    }
}

/// What changed, newest first, and what is missing from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// The changes.
    pub entries: Vec<Happened>,
    /// What could not be known, a sentence each.
    pub gaps: Vec<Safe>,
}

/// Namespaces of one cluster that are read at most; more are said to be left out.
pub const NAMESPACES_LIMIT: usize = 40;
/// Applications whose detail is read at most.
pub const DETAILS_LIMIT: usize = 200;

impl Timeline {
    /// Everything that is known to have changed since a moment.
    #[must_use]
    pub fn of(fleet: &Fleet, since: Timestamp) -> Self {
        Self { entries: drafts::entries(fleet, since), gaps: gaps(fleet, since) }
    }
}

/// When something last happened to an application by Argo CD, as its summary tells: by the clock of its server.
#[must_use]
pub fn stirred_at(fleet: &Fleet, key: &AppKey) -> Option<Timestamp> {
    let application = &fleet.application(key)?.value;
    let operation = application.operation.as_ref();
    application.deployed_at.max(operation.and_then(|operation| operation.started_at.max(operation.finished_at)))
}

/// The applications that something happened to since a moment and whose detail is older than that or was never read, the newest change first; and how
/// many more there are than are worth reading.
#[must_use]
pub fn unread(fleet: &Fleet, since: Timestamp) -> (Vec<AppKey>, usize) {
    let mut stirred: Vec<(Timestamp, &AppKey)> =
        fleet.applications().filter_map(|(key, _)| Some((stirred_at(fleet, key).filter(|at| *at >= since)?, key))).collect();
    // What is out of sync may have been changed by hand; its resources say which.
    stirred.extend(fleet.applications().filter(|(_, entry)| entry.value.sync == Sync::OutOfSync).map(|(key, _)| (since, key)));
    stirred.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let mut seen = BTreeSet::new();
    stirred.retain(|(_, key)| seen.insert(*key));
    let beyond = stirred.len().saturating_sub(DETAILS_LIMIT);
    stirred.truncate(DETAILS_LIMIT);
    // The server's clock may be ahead: what was heard of before the detail is no newer than it.
    let heard = |key: &AppKey| fleet.application(key).map_or(Timestamp::MAX, |entry| entry.at);
    let is_old = |(at, key): &(Timestamp, &AppKey)| {
        fleet
            .detail(key)
            .is_none_or(|detail| detail.at < heard(key).min(*at) || detail.at < heard(key) && knows_no_difference(fleet, key, &detail.value))
    };
    (stirred.into_iter().filter(is_old).map(|(_, key)| key.clone()).collect(), beyond)
}

/// Whether an application came out of sync after its detail was read: that names no resource that differs.
fn knows_no_difference(fleet: &Fleet, key: &AppKey, detail: &Detail) -> bool {
    fleet.application(key).is_some_and(|entry| entry.value.sync == Sync::OutOfSync)
        && detail.resources.iter().all(|resource| resource.sync != Sync::OutOfSync)
}

/// The namespaces that are worth reading of each cluster, those in which something happened first; and how many more there are.
#[must_use]
pub fn namespaces(fleet: &Fleet, since: Timestamp) -> BTreeMap<ClusterName, (BTreeSet<Namespace>, usize)> {
    let mut stirred: BTreeSet<&Namespace> = BTreeSet::new();
    for (key, entry) in fleet.applications() {
        if stirred_at(fleet, key).is_some_and(|at| at >= since) || entry.value.sync == Sync::OutOfSync {
            stirred.insert(&entry.value.destination.namespace);
        }
    }
    let all = fleet.reach().into_iter();
    all.map(|(cluster, namespaces)| {
        let beyond = namespaces.len().saturating_sub(NAMESPACES_LIMIT);
        let (first, rest): (Vec<Namespace>, Vec<Namespace>) = namespaces.into_iter().partition(|namespace| stirred.contains(namespace));
        (cluster, (first.into_iter().chain(rest).take(NAMESPACES_LIMIT).collect(), beyond))
    })
    .collect()
}

/// What is not known, in sentences: first what could not be read, then how far the rest reaches.
fn gaps(fleet: &Fleet, since: Timestamp) -> Vec<Safe> {
    let mut out = Vec::new();
    for (id, source) in fleet.sources().iter().filter(|(id, _)| id.kind != SourceKind::Cluster) {
        if let Some(SourceState::Waiting { why, .. } | SourceState::Denied { why, .. }) = source.worst().map(|(_, status)| &status.state) {
            out.push(crate::safe!("{} {}: {why}", id.kind, id.name.shown()));
        }
    }
    if !fleet.sources().keys().any(|id| id.kind == SourceKind::Repository) {
        out.push(Safe::clean("commits: no gitops repository is read"));
    }
    let mut reach = Vec::new();
    for (cluster, (_, beyond)) in namespaces(fleet, since) {
        of_cluster(fleet, &cluster, beyond, &mut out);
        reach.extend(reach_of(fleet, &cluster, since));
    }
    if !reach.is_empty() {
        out.push(crate::safe!("events reach back: {}", reach.join(", ")));
    }
    let (unread, beyond) = unread(fleet, since);
    let by_summary = unread.iter().filter(|key| stirred_at(fleet, key).is_some_and(|at| at >= since)).count() + beyond;
    if by_summary > 0 {
        let applications = counted(by_summary, "application", "applications");
        out.push(crate::safe!("{applications}: only the last deployment is known, not who asked for it"));
    }
    let missing: BTreeSet<&Safe> = fleet.applications().filter_map(|(key, _)| fleet.edits(key)).flat_map(|entry| &entry.value.missing).collect();
    out.extend(missing.into_iter().take(2).cloned());
    out
}

/// How far the events of a cluster reach, where that is not as far as was asked.
fn reach_of(fleet: &Fleet, cluster: &ClusterName, since: Timestamp) -> Option<String> {
    let read = fleet.recent(cluster)?.value.reach.iter().filter(|namespace| namespace.missing.is_empty());
    let shown = cluster.shown();
    // The cluster forgets all of them after the same time, so its oldest event says how far the others reach.
    match read.clone().filter_map(|namespace| namespace.oldest).min() {
        Some(oldest) if oldest > since => Some(format!("{shown} to {}", oldest.strftime("%H:%MZ"))),
        None if read.clone().next().is_some() => Some(format!("{shown} keeps none")),
        Some(_) | None => None,
    }
}

fn of_cluster(fleet: &Fleet, cluster: &ClusterName, beyond: usize, out: &mut Vec<Safe>) {
    let shown = cluster.shown();
    let Some(source) = fleet.sources().get(&SourceId::cluster(cluster)) else {
        out.push(crate::safe!("{shown}: this cluster is not read"));
        return;
    };
    let lost = match source.worst().map(|(_, status)| &status.state) {
        Some(SourceState::Waiting { why, .. } | SourceState::Denied { why, .. }) if !source.any_live() => Some(why),
        _ => None,
    };
    let Some(recent) = fleet.recent(cluster) else {
        out.push(match lost {
            Some(why) => crate::safe!("{shown}: {why}"),
            None => crate::safe!("{shown}: events and ReplicaSets are being read"),
        });
        return;
    };
    if let Some(why) = lost {
        out.push(crate::safe!("{shown}: read at {}, not since: {why}", recent.at.strftime("%H:%MZ")));
    }
    let mut missing: BTreeMap<&Safe, Vec<Safe>> = BTreeMap::new();
    for namespace in &recent.value.reach {
        for what in &namespace.missing {
            missing.entry(what).or_default().push(namespace.namespace.shown());
        }
    }
    for (what, namespaces) in missing {
        match namespaces.as_slice() {
            [one] => out.push(crate::safe!("{shown}, {one}: {what}")),
            several => out.push(crate::safe!("{shown}, {} namespaces: {what}", several.len())),
        }
    }
    if beyond > 0 {
        out.push(crate::safe!("{shown}: {beyond} quiet namespaces were not read"));
    }
}
