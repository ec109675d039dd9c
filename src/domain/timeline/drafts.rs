//! The witnesses' accounts, and how they become stories.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Happened, Kind, Place, stirred_at};
use crate::base::time::{later, since as elapsed};
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::application::{Deployment, Detail, Initiator, OperationDetail, Phase};
use crate::domain::desired::Commit;
use crate::domain::fleet::Fleet;
use crate::domain::link;
use crate::domain::recent::{Event, SetMade};
use crate::domain::version::{Subject, of_containers, of_images};
use crate::domain::workload::{WorkloadKey, WorkloadKind};
use crate::domain::{AppKey, ClusterName, Known, Namespace};

/// A sync belongs to a commit that was made at most so long before it.
const COMMIT_TO_SYNC: Duration = Duration::from_mins(10);
/// A replica set belongs to a sync that ended at most so long before it. Hooks and waves come in between.
const SYNC_TO_SET: Duration = Duration::from_mins(2);
/// Clocks differ, and times are written in whole seconds.
const SLACK: Duration = Duration::from_secs(5);

/// An account with what ties it to others.
struct Draft {
    happened: Happened,
    ties: Ties,
}

enum Ties {
    Commit { repository: Raw, id: Raw },
    Sync { app: AppKey, from: Timestamp, to: Timestamp, revisions: Vec<Raw> },
    Set(WorkloadKey),
    None,
}

/// Where things are on the screen.
struct Index<'a> {
    fleet: &'a Fleet,
    apps: BTreeMap<&'a AppKey, Vec<Place>>,
    workloads: BTreeMap<&'a WorkloadKey, (Place, &'a AppKey)>,
}

impl<'a> Index<'a> {
    fn of(fleet: &'a Fleet) -> Self {
        let mut index = Self { fleet, apps: BTreeMap::new(), workloads: BTreeMap::new() };
        for (service, cells) in fleet.services() {
            for (environment, cell) in &cells.cells {
                let Some(environment) = fleet.landscape().environments.get(*environment) else { continue };
                for placement in &cell.placements {
                    let place = Place { service: service.clone(), environment: environment.name.clone(), placement: placement.name.clone() };
                    for part in &placement.parts {
                        index.apps.entry(&part.app).or_default().push(place.clone());
                        for key in part.workloads.as_known().into_iter().flatten() {
                            index.workloads.insert(key, (place.clone(), &part.app));
                        }
                    }
                }
            }
        }
        index
    }

    fn places(&self, app: &AppKey) -> Vec<Place> {
        self.apps.get(app).cloned().unwrap_or_default()
    }

    /// The workload that an object belongs to by its name: itself, or what its name goes on from (`checkout-7f9c-x2x` is of `checkout`).
    fn workload(&self, cluster: &ClusterName, namespace: &Namespace, kind: &str, name: &str) -> Option<&'a WorkloadKey> {
        let mine = self.workloads.keys().filter(|key| key.cluster == *cluster && key.namespace == *namespace);
        let fits = |key: &&&'a WorkloadKey| {
            let own = key.name.as_wire();
            if matches!(kind, "Pod" | "ReplicaSet" | "HorizontalPodAutoscaler") {
                name == own || name.strip_prefix(own).is_some_and(|rest| rest.starts_with('-'))
            } else {
                name == own && kind == key.kind.word()
            }
        };
        mine.filter(fits).max_by_key(|key| key.name.as_wire().len()).copied()
    }
}

/// Everything since a moment, in stories, newest first.
pub(super) fn entries(fleet: &Fleet, since: Timestamp) -> Vec<Happened> {
    let index = Index::of(fleet);
    let mut drafts = Vec::new();
    commits(&index, since, &mut drafts);
    for (key, _) in fleet.applications() {
        application(&index, key, since, &mut drafts);
    }
    for cluster in fleet.reach().keys() {
        cluster_of(&index, cluster, since, &mut drafts);
    }
    stories(&index, drafts)
}

/// A commit, the URL of its repository, and what it moves.
type Moved<'a> = (&'a Commit, Option<&'a Raw>, BTreeSet<Place>);

/// Commits are one each, however many placements they move.
fn commits(index: &Index<'_>, since: Timestamp, out: &mut Vec<Draft>) {
    let mut found: BTreeMap<(Raw, Raw), Moved<'_>> = BTreeMap::new();
    for (key, entry) in index.fleet.applications() {
        let Some(desired) = index.fleet.desired(key) else { continue };
        for change in desired.value.history.iter().take_while(|change| change.commit.at >= since) {
            let commit = found.entry((desired.value.repository.clone(), change.commit.id.clone()));
            commit.or_insert_with(|| (&change.commit, entry.value.repository(), BTreeSet::new())).2.extend(index.places(key));
        }
    }
    for ((repository, id), (commit, url, places)) in found {
        let happened = Happened {
            at: commit.at,
            kind: Kind::Commit,
            subject: crate::safe!("{}", repository.shown()),
            app: None,
            commit: url.and_then(|url| link::of_commit(url, &id)),
            who: commit.author.clone(),
            what: crate::safe!("{} {}", short(&id), commit.subject),
            places: places.into_iter().collect(),
            is_bad: false,
            follows: false,
        };
        out.push(Draft { happened, ties: Ties::Commit { repository, id } });
    }
}

fn application(index: &Index<'_>, key: &AppKey, since: Timestamp, out: &mut Vec<Draft>) {
    let fleet = index.fleet;
    let told = |at, kind, who: Safe, what: Safe, is_bad| Happened {
        at,
        kind,
        places: index.places(key),
        subject: key.name.shown(),
        app: Some(key.clone()),
        commit: None,
        who,
        what,
        is_bad,
        follows: false,
    };
    if let Some(edits) = fleet.edits(key) {
        for edit in edits.value.edits.iter().filter(|edit| edit.at >= since) {
            let what = crate::safe!("{} {} was written and is out of sync", edit.resource.kind.shown(), edit.resource.name.shown());
            out.push(Draft { happened: told(edit.at, Kind::Edit, edit.manager.clone(), what, true), ties: Ties::None });
        }
    }
    let Some(stirred) = stirred_at(fleet, key).filter(|at| *at >= since) else { return };
    let Some(detail) = fleet.detail(key) else {
        let deployed = fleet.application(key).and_then(|entry| entry.value.deployed_at).filter(|at| *at >= since);
        let failed = fleet.application(key).and_then(|entry| entry.value.operation.as_ref());
        if let Some(operation) = failed.filter(|operation| operation.phase != Phase::Succeeded) {
            let what = crate::safe!("an operation of Argo CD: {}", operation.phase.word());
            let is_bad = !operation.phase.is_open();
            out.push(Draft { happened: told(stirred, Kind::Operation, Safe::default(), what, is_bad), ties: Ties::None });
        }
        if let Some(at) = deployed {
            let ties = Ties::Sync { app: key.clone(), from: at, to: at, revisions: Vec::new() };
            out.push(Draft { happened: told(at, Kind::Sync, Safe::default(), Safe::clean("deployed"), false), ties });
        }
        return;
    };
    let detail: &Detail = &detail.value;
    for deployment in &detail.history {
        let Some(at) = deployment.deployed_at.or(deployment.started_at).filter(|at| *at >= since) else { continue };
        let from = deployment.started_at.unwrap_or(at);
        let ties = Ties::Sync { app: key.clone(), from, to: at, revisions: deployment.revisions.clone() };
        out.push(Draft { happened: told(at, Kind::Sync, who(&deployment.by), synced(index, key, deployment), false), ties });
    }
    if let Some(operation) = &detail.operation
        && let Some(at) = operation.finished_at.max(operation.started_at).filter(|at| *at >= since)
        && !is_in(operation, &detail.history)
    {
        let (what, is_bad) = words(operation);
        let from = operation.started_at.unwrap_or(at);
        let ties = Ties::Sync { app: key.clone(), from, to: at, revisions: Vec::new() };
        out.push(Draft { happened: told(at, Kind::Operation, who(&operation.by), what, is_bad), ties });
    }
}

/// The last operation is told by the history too, if it ended well and deployed something.
fn is_in(operation: &OperationDetail, history: &[Deployment]) -> bool {
    operation.phase == Phase::Succeeded
        && history.iter().any(|deployment| match (deployment.started_at, operation.started_at) {
            (Some(one), Some(other)) => elapsed(one, other).max(elapsed(other, one)) <= SLACK,
            _ => deployment.deployed_at == operation.finished_at,
        })
}

fn words(operation: &OperationDetail) -> (Safe, bool) {
    let message = if operation.message.is_empty() { String::new() } else { format!(": {}", operation.message) };
    match &operation.phase {
        Phase::Running => (crate::safe!("an operation runs{message}"), false),
        Phase::Terminating => (crate::safe!("an operation is being stopped{message}"), true),
        Phase::Succeeded => (crate::safe!("an operation that deployed nothing new{message}"), false),
        Phase::Failed | Phase::Error | Phase::Other(_) => {
            let first = operation.failures.first().map(|(what, why)| format!(" ({what}: {why})")).unwrap_or_default();
            (crate::safe!("sync {}{message}{first}", operation.phase.word()), true)
        }
    }
}

fn who(by: &Initiator) -> Safe {
    match by {
        Initiator::Automation => Safe::clean("auto-sync"),
        Initiator::User(name) => name.clone(),
        Initiator::NotRecorded => Safe::default(),
    }
}

/// What a deployment brought: the revision, and the version where the repository says what it wanted there.
fn synced(index: &Index<'_>, key: &AppKey, deployment: &Deployment) -> Safe {
    let revision = deployment.revisions.iter().find(|revision| !revision.is_empty()).map(short);
    let version = deployment.revisions.iter().find_map(|revision| {
        let desired = index.fleet.desired(key)?;
        let change = desired.value.history.iter().find(|change| change.commit.id == *revision)?;
        let place = index.apps.get(key)?.first()?;
        let subject = Subject { service: &place.service, part: None, workload: None };
        match of_images(subject, index.fleet.landscape().version_rule(&place.service), &change.images) {
            Known::Known(versions) => versions.first().map(|version| version.text.shown()),
            Known::Unknown(_) => None,
        }
    });
    match (version, revision) {
        (Some(version), Some(revision)) => crate::safe!("{version} synced at {revision}"),
        (None, Some(revision)) => crate::safe!("synced at {revision}"),
        (_, None) => Safe::clean("synced"),
    }
}

/// As much of a revision as people read. Chart versions and tags are left as they are.
fn short(revision: &Raw) -> Safe {
    let text = revision.as_wire();
    let is_hash = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Safe::clean(text.get(..7).unwrap_or(text)) } else { revision.shown() }
}

fn cluster_of(index: &Index<'_>, cluster: &ClusterName, since: Timestamp, out: &mut Vec<Draft>) {
    let Some(recent) = index.fleet.recent(cluster) else { return };
    for set in recent.value.sets.iter().filter(|set| set.at >= since) {
        out.push(set_made(index, cluster, set));
    }
    // A crash loop is seen on each of its pods: one line for the workload and the reason.
    let mut together: BTreeMap<(Option<&WorkloadKey>, &Raw, &Safe), (&Event, u32)> = BTreeMap::new();
    for event in recent.value.events.iter().filter(|event| event.at >= since) {
        let workload = index.workload(cluster, &event.namespace, event.kind.as_wire(), event.name.as_wire());
        if !event.warns && recent.value.sets.iter().any(|set| tells(set, event, workload)) {
            continue;
        }
        let name = workload.map_or(&event.name, |key| &key.name);
        let entry = together.entry((workload, name, &event.reason)).or_insert((event, 0));
        entry.1 = entry.1.saturating_add(event.count.max(1));
        if event.at > entry.0.at {
            entry.0 = event;
        }
    }
    for ((workload, ..), (event, count)) in together {
        let times = if count > 1 { format!(" ×{count}") } else { String::new() };
        let happened = Happened {
            at: event.at,
            kind: Kind::Event,
            places: workload.and_then(|key| index.workloads.get(key)).map(|(place, _)| place.clone()).into_iter().collect(),
            subject: crate::safe!("{}/{}", event.namespace.shown(), event.name.shown()),
            app: workload.and_then(|key| index.workloads.get(key)).map(|(_, app)| (*app).clone()),
            commit: None,
            who: event.by.clone(),
            what: crate::safe!("{}{times}: {}", event.reason, event.message),
            is_bad: event.warns,
            follows: false,
        };
        out.push(Draft { happened, ties: Ties::None });
    }
}

/// Whether a replica set says what an event says: the event names it, or tells that its owner was updated just when it was made.
fn tells(set: &SetMade, event: &Event, workload: Option<&WorkloadKey>) -> bool {
    let is_of_owner = || workload.is_some_and(|key| key.name == set.owner.1 && key.kind == set.owner.0);
    let is_near = || elapsed(set.at, event.at).max(elapsed(event.at, set.at)) <= SLACK;
    set.namespace == event.namespace
        && (mentions(&event.message, &set.name) || event.reason.as_str() == "RolloutUpdated" && is_of_owner() && is_near())
}

/// Whether a message names a replica set as a word of its own.
fn mentions(message: &Safe, name: &Raw) -> bool {
    let is_edge = |character: char| !(character.is_ascii_alphanumeric() || character == '-');
    message.as_str().split(is_edge).any(|word| word == name.as_wire())
}

fn set_made(index: &Index<'_>, cluster: &ClusterName, set: &SetMade) -> Draft {
    let (kind, owner): (WorkloadKind, &Raw) = (set.owner.0, &set.owner.1);
    let key = WorkloadKey { cluster: cluster.clone(), namespace: set.namespace.clone(), kind, name: owner.clone() };
    let place = index.workloads.get(&key).map(|(place, _)| place.clone());
    let version = place.as_ref().and_then(|place| {
        let subject = Subject { service: &place.service, part: None, workload: Some(owner) };
        match of_containers(subject, index.fleet.landscape().version_rule(&place.service), &set.containers) {
            Known::Known(versions) => versions.first().map(|version| version.text.shown()),
            Known::Unknown(_) => None,
        }
    });
    let what = match version {
        Some(version) => crate::safe!("{version} starts in ReplicaSet {}", set.name.shown()),
        None => crate::safe!("new ReplicaSet {}", set.name.shown()),
    };
    let happened = Happened {
        at: set.at,
        kind: Kind::Rollout,
        places: place.into_iter().collect(),
        subject: crate::safe!("{}/{}", set.namespace.shown(), owner.shown()),
        app: index.workloads.get(&key).map(|(_, app)| (*app).clone()),
        commit: None,
        who: Safe::default(),
        what,
        is_bad: false,
        follows: false,
    };
    Draft { happened, ties: Ties::Set(key) }
}

/// Puts what belongs together next to each other.
fn stories(index: &Index<'_>, drafts: Vec<Draft>) -> Vec<Happened> {
    let mut story: Vec<usize> = (0..drafts.len()).collect();
    let commits: BTreeMap<(&Raw, &Raw), usize> = drafts
        .iter()
        .enumerate()
        .filter_map(|(number, draft)| if let Ties::Commit { repository, id } = &draft.ties { Some(((repository, id), number)) } else { None })
        .collect();
    let mut syncs: BTreeMap<&AppKey, Vec<(usize, Timestamp, Timestamp)>> = BTreeMap::new();
    for (number, draft) in drafts.iter().enumerate() {
        let Ties::Sync { app, from, to, revisions } = &draft.ties else { continue };
        syncs.entry(app).or_default().push((number, *from, *to));
        if let Some(commit) = commit_of(index, app, *from, revisions).and_then(|id| commits.get(&id))
            && let Some(own) = story.get_mut(number)
        {
            *own = *commit;
        }
    }
    for (number, draft) in drafts.iter().enumerate() {
        let Ties::Set(key) = &draft.ties else { continue };
        let Some((_, app)) = index.workloads.get(key) else { continue };
        let at = draft.happened.at;
        let fits = |(_, from, to): &&(usize, Timestamp, Timestamp)| later(at, SLACK) >= *from && at <= later(*to, SYNC_TO_SET);
        let sync = syncs.get(app).into_iter().flatten().filter(fits).max_by_key(|(_, from, _)| *from);
        if let Some(head) = sync.and_then(|(sync, ..)| story.get(*sync).copied())
            && let Some(own) = story.get_mut(number)
        {
            *own = head;
        }
    }
    let mut told: BTreeMap<usize, Vec<Happened>> = BTreeMap::new();
    for (draft, story) in drafts.into_iter().zip(story) {
        told.entry(story).or_default().push(draft.happened);
    }
    let mut told: Vec<Vec<Happened>> = told.into_values().collect();
    for parts in &mut told {
        parts.sort_by(|one, other| (other.at, other.kind, &other.places).cmp(&(one.at, one.kind, &one.places)));
        for part in parts.iter_mut().skip(1) {
            part.follows = true;
        }
    }
    told.sort_by(|one, other| {
        let key = |parts: &[Happened]| parts.first().map(|first| (first.at, first.kind));
        key(other).cmp(&key(one)).then_with(|| one.first().map(|first| &first.places).cmp(&other.first().map(|first| &first.places)))
    });
    told.into_iter().flatten().collect()
}

/// The commit that a sync brought: the one that it names, else the newest that moved the application shortly before.
fn commit_of<'a>(index: &Index<'a>, app: &AppKey, from: Timestamp, revisions: &[Raw]) -> Option<(&'a Raw, &'a Raw)> {
    let desired = &index.fleet.desired(app)?.value;
    let is_near = |at: Timestamp| at <= later(from, SLACK) && elapsed(at, from) <= COMMIT_TO_SYNC;
    let mut near = desired.history.iter().filter(|change| is_near(change.commit.at));
    let named = desired.history.iter().find(|change| revisions.contains(&change.commit.id) && is_near(change.commit.at));
    named.or_else(|| near.next()).map(|change| (&desired.repository, &change.commit.id))
}
