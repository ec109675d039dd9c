//! Effects → tasks: one task per source and generation. A task that panics is reported and does not take anything with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use crate::base::{Epoch, Raw, Safe};
use crate::domain::access::{ArgocdAccess, ClusterAccess, GithubAccess, RepositoryAccess};
use crate::domain::observation::Report;
use crate::domain::question::Ask;
use crate::domain::{SourceId, SourceKind};
use crate::runtime::{faults, panic_words};
use crate::sources::clients::Clients;
use crate::sources::{Outbox, argocd, github, kubernetes, repository};

/// How many reports may wait for the core before sources have to.
const REPORTS: usize = 1024;
/// How many questions may wait for a source.
const ASKS: usize = 64;
/// A repository takes all of its questions at once, and each is of its own: none may be lost, however busy the machine is.
const WISHES: usize = 4096;

/// How the sources are reached.
#[derive(Debug)]
pub struct Reached {
    /// Argo CD instances.
    pub argocds: Vec<ArgocdAccess>,
    /// Clusters.
    pub clusters: Vec<ClusterAccess>,
    /// Gitops repositories.
    pub repositories: Vec<RepositoryAccess>,
    /// How repositories are read that Applications turn out to name: all but their name and URL.
    pub discovered: RepositoryAccess,
    /// Each GitHub.
    pub githubs: Vec<GithubAccess>,
    /// Annotations of Application objects that mapping and version rules look at.
    pub annotations: BTreeSet<Raw>,
}

impl Reached {
    /// The repositories of the configuration that are on a GitHub, by owner and name.
    #[must_use]
    pub fn on_github(&self, github: &GithubAccess) -> BTreeSet<Raw> {
        let named = github.named.iter().map(|(_, name)| name.clone());
        let found = self.repositories.iter().filter_map(|access| access.addresses().iter().find_map(|address| github.repository(address)));
        named.chain(found).collect()
    }
}

/// The running sources.
#[derive(Debug)]
pub struct Connections {
    reached: Arc<Reached>,
    clients: Clients,
    reports: mpsc::Sender<Report>,
    tasks: JoinSet<()>,
    names: BTreeMap<Id, SourceId>,
    asks: BTreeMap<SourceId, mpsc::Sender<Ask>>,
}

/// A source's task that ended with a panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crashed {
    /// Which source.
    pub source: Option<SourceId>,
    /// What it said.
    pub message: Safe,
}

impl Connections {
    /// No source runs yet. Reports come out of the receiver.
    #[must_use]
    pub fn new(reached: Arc<Reached>) -> (Self, mpsc::Receiver<Report>) {
        let (reports, receiver) = mpsc::channel(REPORTS);
        let clients = Clients::new(reached.clusters.clone());
        (Self { reached, clients, reports, tasks: JoinSet::new(), names: BTreeMap::new(), asks: BTreeMap::new() }, receiver)
    }

    /// Starts reading a source.
    ///
    /// # Panics
    ///
    /// Its task does, in a debug build where that was wished for: see [`faults`].
    pub fn connect(&mut self, source: &SourceId, epoch: Epoch) {
        let (asks, asked) = mpsc::channel(if source.kind == SourceKind::Repository { WISHES } else { ASKS });
        let outbox = Outbox::new(source.clone(), epoch, self.reports.clone());
        let clients = self.clients.clone();
        if faults::wished("task") && epoch == Epoch::default() {
            let handle = self.tasks.spawn(async { panic!("a fault was wished for") });
            self.names.insert(handle.id(), source.clone());
            return;
        }
        let handle = match source.kind {
            SourceKind::Argocd => {
                let Some(access) = self.reached.argocds.iter().find(|access| access.name.0 == source.name).cloned() else { return };
                let annotations = self.reached.annotations.clone();
                self.tasks.spawn(async move { argocd::run(access, annotations, clients, asked, outbox).await })
            }
            SourceKind::Cluster => {
                let Some(access) = self.reached.clusters.iter().find(|access| access.name.0 == source.name).cloned() else { return };
                self.tasks.spawn(async move { kubernetes::run(access, clients, asked, outbox).await })
            }
            SourceKind::Repository => {
                let Some(access) = self.reached.repositories.iter().find(|access| access.name == source.name).cloned() else { return };
                self.tasks.spawn(async move { repository::run(access, asked, outbox).await })
            }
            SourceKind::Github => {
                let Some(access) = self.reached.githubs.iter().find(|access| access.name == source.name).cloned() else { return };
                let repositories = self.reached.on_github(&access);
                self.tasks.spawn(async move { github::run(access, repositories, asked, outbox).await })
            }
        };
        self.names.insert(handle.id(), source.clone());
        self.asks.insert(source.clone(), asks);
    }

    /// Starts reading a repository that an Application named.
    pub fn mirror(&mut self, source: &SourceId, epoch: Epoch, url: &Raw) {
        let (asks, asked) = mpsc::channel(WISHES);
        let outbox = Outbox::new(source.clone(), epoch, self.reports.clone());
        let url = SecretString::from(url.as_wire().to_owned());
        let access = RepositoryAccess { name: source.name.clone(), url, ..self.reached.discovered.clone() };
        let handle = self.tasks.spawn(async move { repository::run(access, asked, outbox).await });
        self.names.insert(handle.id(), source.clone());
        self.asks.insert(source.clone(), asks);
    }

    /// Asks a running source. A source that is not there or is drowning in questions does not get it: the next one will do.
    pub fn ask(&self, source: &SourceId, ask: Ask) {
        if let Some(asks) = self.asks.get(source)
            && let Err(error) = asks.try_send(ask)
        {
            tracing::warn!(source = %source.name.shown(), %error, "a question was not taken");
        }
    }

    /// Waits for a task to crash. Never ends while all is well.
    pub async fn crashed(&mut self) -> Crashed {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else { return std::future::pending().await };
            match ended {
                Ok((id, ())) => {
                    self.names.remove(&id);
                }
                Err(error) => {
                    let source = self.names.remove(&error.id());
                    if let Some(message) = message_of(error) {
                        return Crashed { source, message };
                    }
                }
            }
        }
    }
}

fn message_of(error: JoinError) -> Option<Safe> {
    error.try_into_panic().ok().map(|payload| panic_words(&*payload))
}
