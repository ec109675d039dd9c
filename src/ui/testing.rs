//! Models for the tests of painting, built from plain values: everything in them was reported by a source and taken in by `update`.

mod answers;
mod changes;
mod git;
mod recent;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::links::Links;
use super::{Look, Painter, paint};
use crate::app::demo::{Demo, Scenario};
use crate::app::{Effect, Intent, Model, Msg, Settings, What, update};
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::application::{Application, Automation, Destination, Operation, Origin, Phase, Shape};
use crate::domain::image::Image;
use crate::domain::landscape::{ClusterFacts, Environment, Landscape, PlacementSpec, ServiceRules};
use crate::domain::mapping::Mapping;
use crate::domain::observation::{InstanceFacts, Item, Items, Observation, Report, ReportBody, Scope, SourceState, World as Reads};
use crate::domain::template::Template;
use crate::domain::workload::{
    Container, Pause, Progress, ReplicaSet, ReplicaSetKey, Replicas, RolloutPhase, RolloutStatus, Step, Strategy, Tracking, Workload, WorkloadKey,
    WorkloadKind,
};
use crate::domain::{AppKey, ArgocdName, ClusterName, EnvironmentName, Health, Namespace, PlacementName, ServiceName, SourceId, Sync};

pub(crate) use answers::{detail, pods};
pub(crate) use changes::{changes, silent, stepless};
pub(crate) use git::{with_git, with_git_lost};
pub(crate) use recent::what_changed;

/// 2026-11-20 14:32:07Z.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_185_127, 0);

pub(crate) fn ago(seconds: u64) -> Timestamp {
    NOW.checked_sub(Duration::from_secs(seconds)).unwrap()
}

pub(crate) fn msg(at: Timestamp, what: What) -> Msg {
    Msg { at, what }
}

pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// An application and, where replicas are given, its workload.
#[derive(Debug, Clone)]
pub(crate) struct App {
    /// `{service}-{environment}[-{placement}]`.
    pub(crate) name: String,
    pub(crate) version: &'static str,
    pub(crate) health: &'static str,
    pub(crate) sync: &'static str,
    /// Seconds since it was deployed.
    pub(crate) deployed: u64,
    /// Seconds since its health changed.
    pub(crate) since: u64,
    pub(crate) operation: Option<&'static str>,
    pub(crate) cluster: &'static str,
    /// Ready and wanted.
    pub(crate) replicas: Option<(u32, u32)>,
    pub(crate) progress: Progress,
    /// The version on its way, its pods of all, and why it stands.
    pub(crate) canary: Option<(&'static str, u32, Option<Pause>)>,
    pub(crate) aborted: bool,
    pub(crate) has_steps: bool,
}

pub(crate) fn app(name: &str, version: &'static str, deployed: u64) -> App {
    let cluster = match name {
        name if name.ends_with("-eu") => "prod-eu",
        name if name.ends_with("-us") => "prod-us",
        _ => "nonprod",
    };
    App {
        name: name.to_owned(),
        version,
        health: "Healthy",
        sync: "Synced",
        deployed,
        since: deployed,
        operation: None,
        cluster,
        replicas: Some((4, 4)),
        progress: Progress::Done,
        canary: None,
        aborted: false,
        has_steps: true,
    }
}

pub(crate) fn argocd() -> SourceId {
    SourceId::argocd(&ArgocdName::from("main"))
}

pub(crate) fn cluster(name: &str) -> SourceId {
    SourceId::cluster(&ClusterName::from(name))
}

pub(crate) const CLUSTERS: [&str; 3] = ["nonprod", "prod-eu", "prod-us"];

/// A cockpit that was told of environments (name, placements), each promoted from the one before, and of an Argo CD with three clusters.
pub(crate) fn started(environments: &[(&str, &[&str])]) -> Model {
    let environments: Vec<Environment> = environments
        .iter()
        .enumerate()
        .map(|(index, (name, placements))| Environment {
            name: EnvironmentName::from(*name),
            from: index.checked_sub(1).map(|before| EnvironmentName::from(environments[before].0)).into_iter().collect(),
            placements: placements.iter().map(|name| PlacementSpec { name: PlacementName::from(*name), ..PlacementSpec::default() }).collect(),
            ..Environment::default()
        })
        .collect();
    let mapping = Mapping {
        names: vec![Template::parse("{service}-{environment}-{placement}").unwrap(), Template::parse("{service}-{environment}").unwrap()],
        ..Mapping::default()
    };
    let mut landscape = Landscape::new(environments, mapping).unwrap();
    landscape.clusters = CLUSTERS
        .map(|name| ClusterFacts {
            name: ClusterName::from(name),
            servers: vec![Raw::new(format!("https://{name}:6443"))],
            ..ClusterFacts::default()
        })
        .into();
    let rules = |name: &str, group: &str| ServiceRules { name: ServiceName::from(name), group: Some(Raw::from(group)), ..ServiceRules::default() };
    let landscape = landscape.with_services(vec![rules("checkout", "payments"), rules("payments", "payments"), rules("catalog", "shop")]);
    let mut start = vec![argocd()];
    start.extend(CLUSTERS.map(cluster));
    let settings = Settings { title: Safe::clean("acme"), start, clusters: CLUSTERS.map(ClusterName::from).into(), ..Settings::default() };
    let mut model = Model::new(landscape, settings, ago(DAY));
    update(&mut model, msg(ago(DAY), What::Started));
    model
}

/// A source says something.
pub(crate) fn say(model: &mut Model, source: &SourceId, at: Timestamp, body: ReportBody) -> Vec<Effect> {
    let epoch = model.fleet.sources()[source].epoch;
    update(model, msg(at, What::Reports(vec![Report { source: source.clone(), epoch, at, body }])))
}

pub(crate) fn sees(model: &mut Model, source: &SourceId, at: Timestamp, observation: Observation) {
    say(model, source, at, ReportBody::Observed(observation));
}

pub(crate) fn is(model: &mut Model, source: &SourceId, at: Timestamp, scope: &Scope, state: SourceState) {
    say(model, source, at, ReportBody::State(scope.clone(), state));
}

pub(crate) fn shop() -> Scope {
    Scope::Project(Raw::from("shop"))
}

pub(crate) fn workloads(kind: WorkloadKind) -> Scope {
    Scope::Workloads(kind, None)
}

/// Argo CD and the clusters list these applications and their workloads, an hour ago, and are live since.
pub(crate) fn listed(model: &mut Model, apps: &[App]) {
    let at = ago(HOUR);
    let facts = InstanceFacts { version: Some(Safe::clean("v3.2.1")), reads: Some(Reads::Api), ..InstanceFacts::default() };
    sees(model, &argocd(), at, Observation::Instance(facts));
    let items = Items::Applications(apps.iter().map(|app| (key(&app.name), application(app))).collect());
    sees(model, &argocd(), at, Observation::Listed { scope: shop(), items, version: None });
    is(model, &argocd(), at, &shop(), SourceState::Live);
    sees(model, &argocd(), ago(20), Observation::Reconciled { at: ago(90) });
    for name in CLUSTERS {
        for kind in [WorkloadKind::Rollout, WorkloadKind::Deployment] {
            let of_kind = |app: &&App| app.cluster == name && app.replicas.is_some() && app.canary.is_some() == (kind == WorkloadKind::Rollout);
            let items = Items::Workloads(apps.iter().filter(of_kind).map(|app| (workload_key(app), workload(app))).collect());
            sees(model, &cluster(name), at, Observation::Listed { scope: workloads(kind), items, version: None });
            is(model, &cluster(name), at, &workloads(kind), SourceState::Live);
        }
    }
    for app in apps.iter().filter(|app| app.canary.is_some()) {
        for (key, set) in replica_sets(app) {
            sees(model, &cluster(app.cluster), at, Observation::Changed { item: Item::ReplicaSet(key, Box::new(set)), version: None });
        }
    }
    // What a model begins with was seen.
    model.own.marks = crate::app::own::Marks::default();
    update(model, msg(NOW, What::Tick));
}

/// These sources gave a sign of life just now.
pub(crate) fn alive(mut model: Model, sources: &[SourceId]) -> Model {
    for id in sources {
        say(&mut model, id, ago(2), ReportBody::Alive);
    }
    model
}

pub(crate) fn all_sources() -> Vec<SourceId> {
    [argocd()].into_iter().chain(CLUSTERS.map(cluster)).collect()
}

pub(crate) fn key(name: &str) -> AppKey {
    AppKey { argocd: ArgocdName::from("main"), namespace: Namespace::from("argocd"), name: Raw::from(name) }
}

fn image(app: &App, version: &str) -> Image {
    let service = app.name.split('-').next().unwrap();
    Image::read(&format!("ghcr.io/acme/{service}:{version}"))
}

fn application(app: &App) -> Application {
    Application {
        project: Raw::from("shop"),
        labels: Box::default(),
        annotations: Box::default(),
        destination: Destination { server: Some(Raw::new(format!("https://{}:6443", app.cluster))), name: None, namespace: Namespace::from("shop") },
        origins: Box::new([Origin {
            repository: Raw::from("https://git.acme.example/shop.git"),
            path: Some(Raw::new(format!("apps/{}", app.name))),
            target_revision: Some(Raw::from("main")),
            ..Origin::default()
        }]),
        health: Health::read(app.health),
        health_since: Some(ago(app.since + 40)),
        sync: Sync::read(app.sync),
        revisions: Box::new([Raw::from("1c9e2ab04be3f0d6a3f1d7f2a4a8c8c1e3b5d7f9")]),
        images: Box::new([image(app, app.version)]),
        operation: app.operation.map(|phase| Operation { phase: Phase::read(phase), started_at: Some(ago(30)), finished_at: None }),
        deployed_at: Some(ago(app.deployed + 40)),
        reconciled_at: None,
        frozen: false,
        automation: Automation { enabled: true, self_heal: false, prune: false },
        deleting: false,
        shape: Shape::Plain,
    }
}

pub(crate) fn workload_key(app: &App) -> WorkloadKey {
    let kind = if app.canary.is_some() { WorkloadKind::Rollout } else { WorkloadKind::Deployment };
    WorkloadKey { cluster: ClusterName::from(app.cluster), namespace: Namespace::from("shop"), kind, name: Raw::from(app.name.as_str()) }
}

fn containers(app: &App, version: &str) -> Box<[Container]> {
    Box::new([
        Container { name: Raw::from("envoy"), image: Image::read("docker.io/envoyproxy/envoy:v1.31.2") },
        Container { name: Raw::from("app"), image: image(app, version) },
    ])
}

fn workload(app: &App) -> Workload {
    let (ready, desired) = app.replicas.unwrap();
    let newest = app.canary.as_ref().map_or(app.version, |(version, ..)| version);
    let updated = app.canary.as_ref().map_or(desired, |(_, pods, _)| *pods);
    Workload {
        tracking: Tracking { annotation: Some(Raw::from(app.name.as_str())), ..Tracking::default() },
        containers: containers(app, newest),
        replicas: Replicas { desired, current: desired, updated, ready, available: ready },
        progress: app.progress.clone(),
        rollout: app.canary.as_ref().map(|(_, _, pause)| Box::new(rollout(app, desired, pause.clone()))),
        unmade: None,
        selector: Raw::from("app=checkout"),
    }
}

fn rollout(app: &App, available: u32, pause: Option<Pause>) -> RolloutStatus {
    let steps = Box::new([
        Step::SetWeight(10),
        Step::Pause(Some(30)),
        Step::SetWeight(25),
        Step::Pause(None),
        Step::Analysis,
        Step::SetWeight(50),
        Step::Pause(Some(600)),
    ]);
    let message = if app.aborted { "RolloutAborted: error-rate 8.0 % > 1 %" } else { "CanaryPauseStep" };
    RolloutStatus {
        phase: if app.aborted { RolloutPhase::Degraded } else { RolloutPhase::Paused },
        message: Safe::clean(message),
        strategy: Strategy::Canary,
        stable_hash: Raw::from("aaa"),
        current_hash: Raw::from("bbb"),
        steps: if app.has_steps { steps } else { Box::new([]) },
        step_index: app.has_steps.then_some(3),
        aborted: app.aborted,
        pause,
        max_weight: 100,
        routed_weight: None,
        has_traffic_routing: false,
        available,
        analysis: None,
    }
}

fn replica_sets(app: &App) -> Vec<(ReplicaSetKey, ReplicaSet)> {
    let (newest, pods, _) = app.canary.clone().unwrap();
    let (_, desired) = app.replicas.unwrap();
    [("aaa", app.version, desired - pods), ("bbb", newest, pods)]
        .map(|(hash, version, count)| {
            let name = Raw::new(format!("{}-{hash}", app.name));
            let key = ReplicaSetKey { cluster: ClusterName::from(app.cluster), namespace: Namespace::from("shop"), name };
            let set = ReplicaSet {
                rollout: Raw::from(app.name.as_str()),
                hash: Raw::from(hash),
                containers: containers(app, version),
                desired: count,
                available: count,
                ready: count,
            };
            (key, set)
        })
        .into()
}

pub(crate) const LINE: &[(&str, &[&str])] = &[("dev", &[]), ("staging", &[]), ("production", &["eu", "us"])];

/// Five services over three environments: something is broken, something waits, something moves, something drifts.
pub(crate) fn usual() -> Model {
    let mut model = started(LINE);
    listed(&mut model, &usual_apps());
    alive(model, &all_sources())
}

pub(crate) fn usual_apps() -> Vec<App> {
    let waits = Some(("2.14.3", 1, Some(Pause::Person)));
    let crash = "deployment \"catalog\" exceeded its progress deadline: 2 of 4 pods are in CrashLoopBackOff";
    vec![
        App { health: "Suspended", since: 4 * MINUTE, canary: waits, ..app("checkout-production-eu", "2.14.2", 19 * DAY) },
        app("checkout-production-us", "2.14.2", 19 * DAY),
        app("checkout-staging", "2.14.3", 2 * HOUR),
        app("checkout-dev", "2.15.0-rc.2", 12 * MINUTE),
        App { sync: "OutOfSync", ..app("payments-production-eu", "1.8.4", 6 * DAY) },
        app("payments-production-us", "1.8.4", 6 * DAY),
        app("payments-staging", "1.9.0", 3 * DAY),
        app("payments-dev", "1.9.0", 3 * DAY),
        app("catalog-production-eu", "5.2.1", 9 * DAY),
        app("catalog-production-us", "5.2.1", 9 * DAY),
        app("catalog-staging", "5.2.1", 9 * DAY),
        App {
            health: "Degraded",
            since: 4 * MINUTE,
            replicas: Some((2, 4)),
            progress: Progress::Failed(Safe::clean(crash)),
            ..app("catalog-dev", "5.3.0", 4 * MINUTE)
        },
        App { replicas: None, ..app("inventory-production-eu", "0.30.2", 5 * DAY) },
        app("inventory-production-us", "0.30.2", 5 * DAY),
        app("inventory-staging", "0.30.2", 5 * DAY),
        app("inventory-dev", "0.31.0", HOUR),
        App {
            health: "Progressing",
            since: 20,
            operation: Some("Running"),
            sync: "OutOfSync",
            progress: Progress::Waiting(Safe::clean("1 old replica is pending termination")),
            ..app("frontend-dev", "3.4.0", 20)
        },
        app("frontend-staging", "3.3.1", 2 * DAY),
        app("frontend-production-eu", "3.3.1", 2 * DAY),
        App { health: "Unknown", ..app("odd-thing", "1", DAY) },
    ]
}

pub(crate) fn lost() -> SourceState {
    SourceState::Waiting { until: Some(NOW.checked_add(Duration::from_secs(68)).unwrap()), why: Safe::clean("no answer within 4 s") }
}

/// The usual fleet; one cluster was lost 41 s ago.
pub(crate) fn stale() -> Model {
    let mut model = started(LINE);
    listed(&mut model, &usual_apps());
    let source = cluster("prod-us");
    say(&mut model, &source, ago(41), ReportBody::Alive);
    for kind in [WorkloadKind::Rollout, WorkloadKind::Deployment] {
        is(&mut model, &source, ago(30), &workloads(kind), lost());
    }
    alive(model, &[argocd(), cluster("nonprod"), cluster("prod-eu")])
}

pub(crate) const EIGHT: &[(&str, &[&str])] =
    &[("dev", &[]), ("qa", &[]), ("uat", &[]), ("perf", &[]), ("stg", &[]), ("ca", &[]), ("eu", &[]), ("us", &[])];

/// Two hundred services in eight environments, a handful of which need eyes.
pub(crate) fn large() -> Model {
    let mut model = started(EIGHT);
    let mut apps = Vec::new();
    for index in 0..195 {
        for (name, _) in EIGHT {
            apps.push(App { cluster: "nonprod", ..app(&format!("service{index:03}-{name}"), "1.4.2", (index % 40 + 1) * DAY) });
        }
    }
    for service in ["checkout", "payments", "search", "catalog", "frontend"] {
        for (index, (name, _)) in EIGHT.iter().enumerate() {
            let version = if index == 0 { "2.15.0-rc.2" } else { "2.14.3" };
            apps.push(App { cluster: "nonprod", ..app(&format!("{service}-{name}"), version, 6 * DAY) });
        }
    }
    let mut change = |name: &str, change: &dyn Fn(App) -> App| {
        let held = apps.iter_mut().find(|app| app.name == name).unwrap();
        *held = change(held.clone());
    };
    let waits = Some(("2.14.3", 1, Some(Pause::Person)));
    let until = || Some(Pause::Until(NOW.checked_add(Duration::from_secs(12 * 60 + 20)).unwrap()));
    change("checkout-eu", &|app| App { version: "2.14.2", health: "Suspended", canary: waits.clone(), deployed: 9 * MINUTE, ..app });
    change("checkout-us", &|app| App { version: "2.14.2", ..app });
    change("payments-eu", &|app| App { version: "2.13.0", sync: "OutOfSync", ..app });
    change("search-ca", &|app| App { version: "2.14.2", health: "Suspended", canary: Some(("2.14.3", 1, until())), ..app });
    change("catalog-dev", &|app| App { health: "Degraded", since: 4 * MINUTE, deployed: 4 * MINUTE, ..app });
    change("frontend-ca", &|app| App { version: "2.14.1", health: "Degraded", canary: Some(("2.14.3", 0, None)), aborted: true, ..app });
    change("frontend-qa", &|app| App { version: "2.14.3", health: "Progressing", operation: Some("Running"), ..app });
    listed(&mut model, &apps);
    alive(model, &all_sources())
}

/// The same, one of whose clusters was never heard of and the other lost two minutes ago.
pub(crate) fn large_and_stale() -> Model {
    let mut model = large();
    update(&mut model, msg(NOW, What::Tick));
    model.now = NOW.checked_add(Duration::from_secs(150)).unwrap();
    let now = model.now;
    for kind in [WorkloadKind::Rollout, WorkloadKind::Deployment] {
        is(&mut model, &cluster("nonprod"), now, &workloads(kind), lost());
    }
    model
}

/// The usual fleet as a world to practise in.
pub(crate) fn playing(told: Option<(u64, &str)>) -> Model {
    let mut model = usual();
    let scenario = |name: &str, title: &str, story: &str| Scenario { name: Safe::clean(name), title: Safe::clean(title), story: Safe::clean(story) };
    let scenarios = vec![
        scenario("quiet-day", "A quiet day", "Releases go through one after another. Look around: what runs where, and since when?"),
        scenario(
            "bad-canary",
            "A canary that fails",
            "At a quarter of the traffic errors rise, and nobody has noticed. Find it, read why, and see what a second failure would do to it.",
        ),
        scenario("argocd-down", "Argo CD is down", "Its API refuses. The cluster stands in, and what it cannot know turns stale."),
    ];
    model.demo = Some(Demo { scenario: Safe::clean("bad-canary"), title: Safe::clean("A canary that fails"), scenarios, told: None });
    if let Some((before, line)) = told {
        update(&mut model, msg(NOW, What::Told { at: ago(before), line: Safe::clean(line) }));
    }
    model
}

/// A model after this was typed.
pub(crate) fn typed(mut model: Model, text: &str) -> Model {
    for character in text.chars() {
        update(&mut model, msg(NOW, What::Typed(character)));
    }
    model
}

pub(crate) fn resized(mut model: Model, columns: u16, rows: u16) -> Model {
    update(&mut model, msg(NOW, What::Resized(columns, rows)));
    model
}

pub(crate) fn wants(mut model: Model, intents: &[Intent]) -> Model {
    for intent in intents {
        update(&mut model, msg(NOW, What::Wants(*intent)));
    }
    model
}

/// The frame of a model at the size it was told of, and what leads somewhere.
pub(crate) fn linked_frame(model: &Model, look: Look, painter: &mut Painter) -> (Buffer, Links) {
    let (mut buffer, mut links) = (Buffer::empty(Rect::new(0, 0, model.size.0, model.size.1)), Links::default());
    paint(model, &look, painter, &mut buffer, &mut links);
    (buffer, links)
}

/// What a frame says.
pub(crate) fn text(model: &Model, look: Look) -> String {
    rows(&linked_frame(model, look, &mut Painter::default()).0, |cell| cell.symbol().to_owned())
}

/// What a frame means by its colours: a letter per cell, and `.` where there is neither colour nor stress.
pub(crate) fn styles(model: &Model, look: Look) -> String {
    rows(&linked_frame(model, look, &mut Painter::default()).0, |cell| {
        let letter = match cell.fg {
            Color::Red | Color::Indexed(208) => "r",
            Color::Yellow | Color::Indexed(227) => "y",
            Color::LightBlue | Color::Indexed(75) => "b",
            Color::Magenta | Color::Indexed(218) => "m",
            Color::Reset if cell.modifier.contains(Modifier::DIM) => "d",
            Color::Reset if cell.modifier.contains(Modifier::BOLD) => "s",
            Color::Reset if cell.symbol() == " " => " ",
            Color::Reset => ".",
            other => panic!("{other} is no colour of the look"),
        };
        if cell.modifier.contains(Modifier::REVERSED) { letter.to_uppercase().replace([' ', '.'], "#") } else { letter.to_owned() }
    })
}

fn rows(buffer: &Buffer, show: impl Fn(&ratatui::buffer::Cell) -> String) -> String {
    let width = usize::from(buffer.area.width);
    let cells: Vec<String> = buffer.content.iter().map(show).collect();
    if width == 0 { String::new() } else { cells.chunks(width).map(|row| row.concat().trim_end().to_owned() + "\n").collect() }
}
