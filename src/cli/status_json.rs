//! `status --json`: the shape of version 1, described by `docs/status.schema.json`. Fields are only ever added.

use serde::Serialize;

use crate::app::Model;
use crate::app::filter::{Filter, Lens};
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::canary::Waits;
use crate::domain::fleet::{Cell, Placement};
use crate::domain::observation::SourceState;
use crate::domain::version::Version;
use crate::domain::{AppKey, ArgocdName, ClusterName, EnvironmentName, Known, Namespace, PlacementName, ServiceName, SourceKind};

#[derive(Debug, Serialize)]
pub(super) struct Status<'a> {
    version: u32,
    at: Timestamp,
    guessed: bool,
    environments: Vec<Environment<'a>>,
    services: Vec<Service<'a>>,
    sources: Vec<Source>,
    unmapped: Vec<Unmapped<'a>>,
}

#[derive(Debug, Serialize)]
struct Environment<'a> {
    name: &'a EnvironmentName,
    from: &'a [EnvironmentName],
}

#[derive(Debug, Serialize)]
struct Service<'a> {
    name: &'a ServiceName,
    cells: Vec<CellOut<'a>>,
}

#[derive(Debug, Serialize)]
struct CellOut<'a> {
    environment: &'a EnvironmentName,
    version: Option<Raw>,
    health: &'static str,
    sync: &'static str,
    placements: Vec<PlacementOut<'a>>,
}

#[derive(Debug, Serialize)]
struct PlacementOut<'a> {
    name: &'a PlacementName,
    applications: Vec<&'a AppKey>,
    destination: Destination<'a>,
    version: Option<Raw>,
    digest: Option<&'a Raw>,
    wanted_version: Option<Raw>,
    wanted: Option<Wanted<'a>>,
    behind: Option<Behind<'a>>,
    health: &'static str,
    sync: &'static str,
    replicas: Option<Replicas>,
    canary: Option<Canary>,
    deployed_at: Option<Timestamp>,
    seen_at: Option<Timestamp>,
    stale: Option<Stale>,
    unknown: Vec<Safe>,
}

#[derive(Debug, Serialize)]
struct Destination<'a> {
    cluster: Option<&'a ClusterName>,
    namespace: &'a Namespace,
}

#[derive(Debug, Serialize)]
struct Replicas {
    desired: u32,
    ready: u32,
    updated: u32,
}

/// What git wants, and the commit since which it does.
#[derive(Debug, Serialize)]
struct Wanted<'a> {
    since: Option<Timestamp>,
    by: Option<&'a Safe>,
    commit: Option<&'a Raw>,
    subject: Option<&'a Safe>,
    file: Option<&'a Raw>,
    overridden: Option<&'a Safe>,
    stale: Option<Stale>,
}

#[derive(Debug, Serialize)]
struct Behind<'a> {
    from: &'a EnvironmentName,
    count: Option<usize>,
    versions: Vec<&'a Raw>,
}

#[derive(Debug, Serialize)]
struct Canary {
    version: Option<Raw>,
    phase: String,
    step: usize,
    steps: usize,
    weight_asked: u32,
    weight_actual: Option<u32>,
    waits_for: &'static str,
    until: Option<Timestamp>,
    message: Safe,
}

#[derive(Debug, Serialize)]
struct Stale {
    since: Option<Timestamp>,
    why: Safe,
}

#[derive(Debug, Serialize)]
struct Source {
    name: Raw,
    kind: SourceKind,
    scope: Safe,
    state: &'static str,
    seen_at: Option<Timestamp>,
    error: Option<Safe>,
    cure: Option<Safe>,
    login_ends: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Unmapped<'a> {
    argocd: &'a ArgocdName,
    namespace: &'a Namespace,
    name: &'a Raw,
    reason: &'static str,
    sentence: Safe,
    cure: Option<Safe>,
}

impl<'a> Status<'a> {
    pub(super) fn of(model: &'a Model, filter: &Filter) -> Self {
        let landscape = model.fleet.landscape();
        let lens = filter.on(model.sight());
        let services = model.fleet.services().iter().filter(|(name, service)| lens.passes(name, service));
        Self {
            version: 1,
            at: model.now,
            guessed: landscape.guessed,
            environments: landscape.environments.iter().map(|environment| Environment { name: &environment.name, from: &environment.from }).collect(),
            services: services
                .map(|(name, service)| Service {
                    name,
                    cells: service.cells.iter().filter_map(|(index, cell)| cell_of(model, &lens, *index, cell)).collect(),
                })
                .collect(),
            sources: sources_of(model),
            unmapped: model
                .fleet
                .unmapped()
                .map(|(key, unmapped)| Unmapped {
                    argocd: &key.argocd,
                    namespace: &key.namespace,
                    name: &key.name,
                    reason: unmapped.word(),
                    sentence: unmapped.sentence(),
                    cure: unmapped.cure(),
                })
                .collect(),
        }
    }
}

fn cell_of<'a>(model: &'a Model, lens: &Lens<'_>, index: usize, cell: &'a Cell) -> Option<CellOut<'a>> {
    let environment = &model.fleet.landscape().environments.get(index)?.name;
    let placements: Vec<&Placement> = cell.placements.iter().filter(|placement| lens.shows(environment, &placement.name)).collect();
    let versions: Vec<Option<Raw>> = placements.iter().copied().map(version_of).collect();
    let same = versions.windows(2).all(|pair| pair.first() == pair.last());
    Some(CellOut {
        environment,
        // Placements with different versions have no version together: each tells its own.
        version: versions.first().cloned().flatten().filter(|_| same),
        health: placements.iter().map(|placement| &placement.health).max()?.word(),
        sync: placements.iter().map(|placement| &placement.sync).max()?.word(),
        placements: placements.iter().map(|placement| placement_of(model, placement)).collect(),
    })
}

/// The version as one text: joined by `+` while several run, with `?` for a part that does not tell its own.
fn version_of(placement: &Placement) -> Option<Raw> {
    let versions = placement.versions.as_known()?;
    let mut texts: Vec<&str> = versions.iter().map(|version| version.text.as_wire()).collect();
    texts.extend(placement.unversioned.iter().map(|_| "?"));
    (!texts.is_empty()).then(|| Raw::new(texts.join("+")))
}

/// Several versions as one word.
fn joined(versions: &[Version]) -> Option<Raw> {
    let texts: Vec<&str> = versions.iter().map(|version| version.text.as_wire()).collect();
    (!texts.is_empty()).then(|| Raw::new(texts.join("+")))
}

fn placement_of<'a>(model: &'a Model, placement: &'a Placement) -> PlacementOut<'a> {
    let digest = match placement.versions.as_known().map(Vec::as_slice) {
        Some([one]) => one.digest.as_ref(),
        _ => None,
    };
    let mut unknown = Vec::new();
    if let Known::Unknown(why) = &placement.versions {
        unknown.push(crate::safe!("version: {why}"));
    }
    if let Some(why) = &placement.unversioned {
        unknown.push(crate::safe!("version of a part: {why}"));
    }
    if digest.is_none() {
        unknown.push(Safe::clean("digest: the image reference names none, and pods are only listed for an open cell"));
    }
    if let Some(why) = model.fleet.why_no_replicas(placement) {
        unknown.push(crate::safe!("replicas: {why}"));
    }
    if let crate::domain::Health::Unknown(why) = &placement.health {
        unknown.push(crate::safe!("health: {why}"));
    }
    if let crate::domain::Sync::Unknown(why) = &placement.sync {
        unknown.push(crate::safe!("sync: {why}"));
    }
    match placement.wanted.as_deref().map(|wanted| &wanted.versions) {
        None => unknown.push(Safe::clean("wanted_version: no repository said it")),
        Some(Known::Unknown(why)) => unknown.push(crate::safe!("wanted_version: {why}")),
        Some(Known::Known(_)) => {}
    }
    PlacementOut {
        name: &placement.name,
        applications: placement.parts.iter().map(|part| &part.app).collect(),
        destination: Destination { cluster: placement.cluster.as_known(), namespace: &placement.namespace },
        version: version_of(placement),
        digest,
        wanted_version: placement.wanted.as_deref().and_then(|wanted| joined(wanted.versions.as_known()?)),
        wanted: placement.wanted.as_deref().map(|wanted| Wanted {
            since: wanted.commit.as_ref().map(|commit| commit.at),
            by: wanted.commit.as_ref().map(|commit| &commit.author),
            commit: wanted.commit.as_ref().map(|commit| &commit.id),
            subject: wanted.commit.as_ref().map(|commit| &commit.subject),
            file: wanted.file.as_ref(),
            overridden: wanted.overridden.as_ref(),
            stale: model.fleet.wanted_stale(placement).map(|stale| Stale { since: stale.since, why: stale.why }),
        }),
        behind: placement.behind.as_deref().map(|behind| Behind {
            from: &behind.from,
            count: behind.count(),
            versions: behind.versions().map(|version| &version.text).collect(),
        }),
        health: placement.health.word(),
        sync: placement.sync.word(),
        replicas: placement.replicas.as_known().map(|replicas| Replicas {
            desired: replicas.desired,
            ready: replicas.ready,
            updated: replicas.updated,
        }),
        canary: canary_of(placement),
        deployed_at: placement.deployed_at,
        seen_at: model.fleet.seen_at(placement),
        stale: model.fleet.stale(placement, model.now).map(|stale| Stale { since: stale.since, why: stale.why }),
        unknown,
    }
}

fn canary_of(placement: &Placement) -> Option<Canary> {
    let canary = placement.open_canary()?;
    let (waits_for, until) = match canary.waits {
        Waits::Nothing => ("nothing", None),
        Waits::Until(moment) => ("time", Some(moment)),
        Waits::Person => ("person", None),
        Waits::Analysis => ("analysis", None),
        Waits::Aborted => ("aborted", None),
    };
    Some(Canary {
        version: placement.incoming.as_ref().map(|version| version.text.clone()),
        phase: canary.phase.word().to_owned(),
        step: canary.step,
        steps: canary.steps,
        weight_asked: canary.weight_asked,
        weight_actual: canary.weight_actual,
        waits_for,
        until,
        message: canary.message.clone(),
    })
}

fn sources_of(model: &Model) -> Vec<Source> {
    let scopes = model.fleet.sources().iter().flat_map(|(id, source)| source.scopes.iter().map(move |(scope, status)| (id, source, scope, status)));
    scopes
        .map(|(id, source, scope, status)| {
            let (error, cure) = match &status.state {
                SourceState::Waiting { why, .. } | SourceState::Off { why } => (Some(why.clone()), None),
                SourceState::Denied { why, cure } => (Some(why.clone()), Some(cure.clone())),
                SourceState::Connecting | SourceState::Live => (None, None),
            };
            Source {
                name: id.name.clone(),
                kind: id.kind,
                scope: scope.shown(),
                state: status.state.word(),
                seen_at: source.confirmed_at(scope),
                error,
                cure,
                login_ends: source.login_ends(model.now, std::time::Duration::MAX).map(|(at, _)| at),
            }
        })
        .collect()
}
