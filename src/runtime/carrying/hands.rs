//! The hands that change the world: the right one for each request, with clients that send once. Nothing here decides what is sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::domain::access::ApiAccess;
use crate::domain::{ArgocdName, ClusterName, SourceId};
use crate::execution::argocd::{Argocd, Login, Mark};
use crate::execution::carry::Hands;
use crate::execution::cluster::{Awaited, Cluster};
use crate::execution::git::Repository;
use crate::execution::github::Github;
use crate::execution::permissions;
use crate::operations::door::Permission;
use crate::operations::mutation::{Answer, Found, Mutation, No, Patch, Receipt, Rejection};
use crate::operations::protocol::Heard;
use crate::runtime::connections::Reached;
use crate::runtime::{clock, faults};
use crate::sources::argocd::changing::Changing;
use crate::sources::{Clients, Failure};

/// What a patch awaits is looked for this often, and no longer than so: Argo CD looks at its repositories every three minutes where nobody tells it to
/// (`timeout.reconciliation`).
const BETWEEN: Duration = Duration::from_secs(1);
const COMING: Duration = Duration::from_mins(5);

/// Everything that can be changed from here: clients are made when they are first needed, and those of clusters are kept.
#[derive(Debug)]
pub(super) struct World {
    reached: Arc<Reached>,
    clients: Clients,
    /// Those for the APIs of Argo CD: each reads the system's certificates once. A login is read anew for every request.
    apis: Mutex<BTreeMap<SourceId, reqwest::Client>>,
}

/// What one plan is carried out with.
#[derive(Debug)]
pub(super) struct Tools {
    world: Arc<World>,
    /// Repositories by the names of their sources.
    pub(super) repositories: BTreeMap<Raw, Repository>,
    /// Why, in the person's words.
    pub(super) reason: Option<Raw>,
    /// Who.
    pub(super) by: Raw,
    /// How many requests were sent.
    sent: AtomicU32,
}

impl World {
    pub(super) fn new(reached: Arc<Reached>) -> Self {
        let clients = Clients::new(reached.clusters.clone());
        Self { reached, clients, apis: Mutex::default() }
    }

    /// What the tokens may do with these, asked all at once.
    pub(super) async fn permissions(&self, mutations: &[Mutation]) -> Vec<Permission> {
        let (mut clusters, mut argocds, mut githubs) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for mutation in mutations {
            if let Mutation::Patch(patch) = mutation
                && let Ok(cluster) = self.cluster(&patch.workload.cluster).await
            {
                clusters.insert(patch.workload.cluster.clone(), cluster);
            }
            if let Some(name) = github_of(mutation)
                && let Ok(github) = self.github(name).await
            {
                githubs.insert(name.clone(), github);
            }
            if let Some(app) = mutation.app()
                && !argocds.contains_key(&app.argocd)
                && let Ok(argocd) = self.argocd(&app.argocd).await
            {
                argocds.insert(app.argocd.clone(), argocd);
            }
        }
        permissions::ask(mutations, |name| clusters.get(name), |name| argocds.get(name), |name| githubs.get(name)).await
    }

    pub(super) async fn cluster(&self, name: &ClusterName) -> Result<Cluster, Rejection> {
        self.clients.changing(name).await.map(Cluster::new).map_err(|failure| unreached(&failure))
    }

    pub(super) async fn argocd(&self, name: &ArgocdName) -> Result<Argocd, Rejection> {
        let Some(access) = self.reached.argocds.iter().find(|access| access.name == *name) else {
            return Err(nobody(&name.shown()));
        };
        let Some(api) = &access.api else {
            let Some(holder) = access.clusters.first() else { return Err(nobody(&name.shown())) };
            return self.clients.changing(holder).await.map(Argocd::cluster).map_err(|failure| unreached(&failure));
        };
        let (client, login, renewal) = self.api(SourceId::argocd(name), api.clone()).await?;
        Ok(Argocd::api(client, &api.url, login, renewal))
    }

    pub(super) async fn github(&self, name: &Raw) -> Result<Github, Rejection> {
        let Some(access) = self.reached.githubs.iter().find(|access| access.name == *name) else { return Err(nobody(&name.shown())) };
        let (client, login, renewal) = self.api(SourceId::github(name.clone()), access.into()).await?;
        Ok(Github::new(client, &access.url, login, renewal))
    }

    /// A client for an API, how its login is read each time, and what renews that.
    async fn api(&self, source: SourceId, access: ApiAccess) -> Result<(reqwest::Client, Login, Safe), Rejection> {
        let changing = Changing::new(access);
        let mut apis = self.apis.lock().await;
        let client = match apis.get(&source) {
            Some(client) => client.clone(),
            None => apis.entry(source).or_insert(changing.client().await.map_err(|failure| unreached(&failure))?).clone(),
        };
        drop(apis);
        let renewal = Safe::clean(&changing.renewal());
        let login: Login = Arc::new(move || {
            let changing = changing.clone();
            let login = async move { changing.login().await.map_err(|failure| unreached(&failure)) };
            Box::pin(login) as _
        });
        Ok((client, login, renewal))
    }

    pub(super) fn tools(self: &Arc<Self>) -> Tools {
        Tools { world: Arc::clone(self), repositories: BTreeMap::new(), reason: None, by: Raw::default(), sent: AtomicU32::new(0) }
    }
}

impl Tools {
    fn mark(&self, id: &OperationId) -> Mark {
        Mark { operation: id.clone(), reason: self.reason.clone(), by: self.by.clone() }
    }

    async fn argocd(&self, mutation: &Mutation) -> Result<Argocd, Rejection> {
        match mutation.app() {
            Some(app) => self.world.argocd(&app.argocd).await,
            None => Err(nobody(&Safe::clean("this"))),
        }
    }

    async fn github(&self, mutation: &Mutation) -> Result<Github, Rejection> {
        match github_of(mutation) {
            Some(name) => self.world.github(name).await,
            None => Err(nobody(&Safe::clean("this"))),
        }
    }

    async fn send_once(&self, id: &OperationId, mutation: &Mutation) -> Answer {
        match mutation {
            Mutation::Commit(commit) => match self.repositories.get(&commit.repository) {
                Some(repository) => repository.send(id, commit).await,
                None => Answer::Refused(nobody(&commit.repository.shown())),
            },
            Mutation::Patch(patch) => match self.world.cluster(&patch.workload.cluster).await {
                Ok(cluster) => cluster.send(patch).await,
                Err(rejection) => Answer::Refused(rejection),
            },
            Mutation::Open(_) | Mutation::Merge(_) => match self.github(mutation).await {
                Ok(github) => github.send(id, mutation, self.reason.as_ref().map(Raw::shown).as_ref()).await,
                Err(rejection) => Answer::Refused(rejection),
            },
            mutation => match self.argocd(mutation).await {
                Ok(argocd) => argocd.send(mutation, &self.mark(id)).await,
                Err(rejection) => Answer::Refused(rejection),
            },
        }
    }
}

impl Hands for Tools {
    async fn send(&self, id: &OperationId, mutation: &Mutation) -> Answer {
        let number = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        faults::die_where_wished(&format!("before-send-{number}"));
        let answer = self.send_once(id, mutation).await;
        faults::die_where_wished(&format!("after-send-{number}"));
        answer
    }

    async fn look(&self, id: &OperationId, mutation: &Mutation, since: Timestamp) -> Found {
        match mutation {
            Mutation::Commit(commit) => match self.repositories.get(&commit.repository) {
                Some(repository) => repository.look(id, commit).await,
                None => Found::Unknown(nobody(&commit.repository.shown()).why),
            },
            Mutation::Patch(patch) => match self.world.cluster(&patch.workload.cluster).await {
                Ok(cluster) => cluster.look(patch).await,
                Err(rejection) => Found::Unknown(rejection.why),
            },
            Mutation::Open(_) | Mutation::Merge(_) => match self.github(mutation).await {
                Ok(github) => github.look(id, mutation).await,
                Err(rejection) => Found::Unknown(rejection.why),
            },
            mutation => match self.argocd(mutation).await {
                Ok(argocd) => argocd.look(mutation, &self.mark(id), since).await,
                Err(rejection) => Found::Unknown(rejection.why),
            },
        }
    }

    async fn wait(&self, patch: &Patch) -> Heard {
        let awaited = async {
            let mut planned_on = None;
            loop {
                let seen = match self.world.cluster(&patch.workload.cluster).await {
                    Ok(cluster) => cluster.awaited(patch, &mut planned_on).await,
                    Err(rejection) => Err(rejection),
                };
                match seen {
                    Ok(Awaited::Here) => return Heard::Fits,
                    Ok(Awaited::Over) => return Heard::Found(Found::Done(Receipt::Applied)),
                    Ok(Awaited::Other(rejection)) => return Heard::DoesNotFit(rejection),
                    // A cluster that does not answer now may do so a moment later.
                    Ok(Awaited::Coming) | Err(_) => tokio::time::sleep(BETWEEN).await,
                }
            }
        };
        let late = |_late| {
            Heard::DoesNotFit(Rejection {
                kind: No::NotNow,
                why: crate::safe!("its pods did not come within {} min", COMING.as_secs() / 60),
                cure: Safe::clean("promote it fully by hand once they are there"),
            })
        };
        tokio::time::timeout(COMING, awaited).await.unwrap_or_else(late)
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }
}

/// The GitHub that a mutation is for.
const fn github_of(mutation: &Mutation) -> Option<&Raw> {
    match mutation {
        Mutation::Open(opening) => Some(&opening.github),
        Mutation::Merge(merging) => Some(&merging.pull.github),
        _ => None,
    }
}

fn nobody(what: &Safe) -> Rejection {
    Rejection { kind: No::NotSent, why: crate::safe!("{what} is not reached from here"), cure: Safe::clean("name it in the configuration") }
}

fn unreached(failure: &Failure) -> Rejection {
    Rejection { kind: No::NotSent, why: failure.why.clone(), cure: failure.cure.clone().unwrap_or_default() }
}
