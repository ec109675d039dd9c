//! A WORLD TO PRACTISE IN: a team's releases on Argo CD, Kubernetes and Argo Rollouts, as data that moves by its own clock and is served on loopback
//! in the real wire protocols, from a real git repository.
//!
//! It knows nothing of the cockpit but what `base` holds, and the cockpit reaches it through the same clients as production.
//!
//! `definition` and `scenario` (TOML: what there is, what happens) → `world` (the model: events by their own time) → `store` (objects with
//! versions) → `serve` (sockets). `layout` and `repository` keep the gitops side. `fault` is what can be wrong with a server,
//! `guard` what can be wrong with a push.

mod canary;
mod check;
mod clock;
mod definition;
mod fault;
mod files;
mod fleet;
mod guard;
mod history;
mod layout;
mod library;
mod objects;
mod repository;
mod scenario;
mod serve;
mod span;
mod store;
mod versions;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use self::clock::Clock;
use self::repository::Repository;
use self::serve::{ArgocdPlan, Bound, ClusterPlan, Plan, Pulls, Serving};
use self::world::{Ground, Shared, World};

use crate::base::{Safe, Timestamp};

/// How a world is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// One of [`scenarios`], by name.
    pub scenario: String,
    /// The same seed, the same chance.
    pub seed: u64,
    /// How many times faster than the wall the world's clock runs; above 0.
    pub speed: f64,
    /// How many services a generated world has.
    pub services: Option<u32>,
    /// The moment that it is when the world begins to move.
    pub start: Timestamp,
    /// An existing folder for the gitops repository and the files by which others join.
    pub folder: PathBuf,
}

/// A scenario to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What it is called on the command line.
    pub name: &'static str,
    /// A few words.
    pub title: Safe,
    /// What there is to see and to practise.
    pub story: Safe,
}

/// The newest thing that the story tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// When it happened; nothing before the first.
    pub at: Option<Timestamp>,
    /// One line.
    pub line: Safe,
}

/// Why a world did not start: what, and the cure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub Safe);

/// A world that runs and is served. Dropped, it ends.
#[derive(Debug)]
pub struct Simulator {
    folder: PathBuf,
    control: String,
    told: watch::Receiver<Told>,
    _serving: Serving,
    _driver: JoinSet<()>,
}

/// The scenarios that there are, the one to begin with first.
#[must_use]
pub fn scenarios() -> Vec<Choice> {
    library::choices()
}

impl Simulator {
    /// Starts a world on loopback: makes its repository, opens its sockets, writes the files by which others join. Needs a Tokio runtime, which
    /// then keeps it going.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let refused = |why: String| Error(Safe::clean(&why));
        let (scenario, definition) = library::load_sized(&options.scenario, options.services).map_err(refused)?;
        if !(options.speed.is_finite() && options.speed > 0.0) {
            return Err(refused(format!("a world cannot run {} times as fast as the wall: the speed has to be above 0", options.speed)));
        }
        let clusters = definition.clusters.iter().map(|cluster| cluster.name.as_str());
        let argocds = definition.argocds.iter().map(|argocd| argocd.name.as_str());
        let bound = Bound::bind(clusters, argocds, (scenario.git_over_http, scenario.pull_requests.is_some()))
            .await
            .map_err(|error| refused(format!("no port of loopback can be opened: {error}")))?;
        let urls =
            definition.clusters.iter().filter_map(|cluster| Some((cluster.name.clone(), bound.url(&format!("cluster:{}", cluster.name))?))).collect();
        let is_served = scenario.git_over_http;
        let rules = scenario.pull_requests.clone();
        let (url, served) = (bound.repository(), options.folder.join("gitops.git"));
        let (teller, told) = watch::channel(Told::default());
        let folder = options.folder.clone();
        // Git and thousands of objects take a while, during which the runtime has other things to do.
        let (shared, definition, clock) = tokio::task::spawn_blocking(move || {
            let place = options.folder.join("gitops.git");
            let repository = Repository::create(&place).map_err(|error| format!("no git repository can be made in {}: {error}", place.display()))?;
            let clock = Clock::new(options.start, options.speed);
            let ground = Ground {
                definition: definition.clone(),
                scenario,
                seed: options.seed,
                clock: clock.clone(),
                repository,
                url,
                urls: &urls,
                told: teller,
            };
            Ok((Shared::new(World::new(ground)?), definition, clock.restarted()))
        })
        .await
        .map_err(|error| refused(format!("the world could not be made: {error}")))?
        .map_err(refused)?;
        let plan = {
            let mut world = shared.world();
            world.set_clock(clock.clone());
            let (clusters, argocds) = world.stores();
            Plan {
                clusters: clusters.iter().map(|(name, store)| ClusterPlan { name: name.clone(), store: store.clone() }).collect(),
                argocds: definition
                    .argocds
                    .iter()
                    .zip(argocds)
                    .map(|(argocd, store)| ArgocdPlan {
                        name: argocd.name.clone(),
                        namespace: argocd.namespace.clone(),
                        version: argocd.version.clone(),
                        store: store.clone(),
                    })
                    .collect(),
                repository: is_served.then(|| served.clone()),
                pulls: rules.clone().map(|rules| Arc::new(Pulls::new(served, rules, clock.clone()))),
                hands: Arc::new(shared.clone()),
                clock,
            }
        };
        let serving = bound.serve(plan);
        let faults = serving.faults();
        shared.world().set_faults(Box::new(move |server, fault| {
            faults.set(server, fault);
        }));
        files::write(&folder, &definition, rules.as_ref(), &serving)
            .map_err(|error| refused(format!("{} cannot be written: {error}", folder.display())))?;
        let control = serving.address(serve::CONTROL).map(|address| format!("http://{address}")).unwrap_or_default();
        let mut driver = JoinSet::new();
        driver.spawn(drive(shared));
        Ok(Self { folder, control, told, _serving: serving, _driver: driver })
    }

    /// Where `config.toml`, `kubeconfig` and `argocd-config` are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the truth about this world is read and faults are set: `http://127.0.0.1:port`.
    #[must_use]
    pub fn control(&self) -> &str {
        &self.control
    }

    /// What the story tells, as it goes on.
    #[must_use]
    pub fn told(&self) -> watch::Receiver<Told> {
        self.told.clone()
    }
}

/// How long a push may go unnoticed.
const GLANCE: Duration = Duration::from_millis(250);

/// Keeps a world going for ever.
async fn drive(shared: Shared) {
    loop {
        let wait = {
            let mut world = shared.world();
            world.catch_up();
            world.wait()
        };
        tokio::select! {
            () = tokio::time::sleep(wait.min(GLANCE)) => {}
            () = shared.stirred.notified() => {}
        }
    }
}
