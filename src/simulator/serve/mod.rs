//! THE SERVERS of a world: each Argo CD and each cluster on a port of its own on loopback, in the real wire protocols, and a control server beside
//! them. They only read stores; what a person changes goes to the world through [`Hands`], which they know nothing else of.
//!
//! `host` (a port and its faults) → `kubernetes`, `argocd`, `git`, `control` (who answers) → `answer`, `body`, `socket` (how it leaves). `gate` is the fault
//! and the figures of one server. `json` cuts stored bytes without parsing them, `patch` makes every form of patch a merge patch.

mod answer;
mod argocd;
mod body;
mod control;
mod gate;
mod git;
pub(super) mod github;
mod host;
mod json;
mod kubernetes;
mod patch;
mod selector;
mod socket;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::gate::{Figures, Gate};
pub(super) use self::github::pulls::Pulls;
use self::host::{Host, Site};
use self::tls::Identity;
use super::clock::Clock;
use super::fault::{Fault, Push};
use super::scenario::WindowDeed;
use super::store::{Kind, Store};

/// The name of the server where the truth is read and faults are set.
pub(super) const CONTROL: &str = "control";
/// The name of the server of the gitops repository, where a scenario has one.
pub(super) const GIT: &str = "git";
/// The name of the server where pull requests are, where a scenario has them.
pub(super) const GITHUB: &str = "github";
/// Who may log in to a cluster, by bearer token: their names are their tokens. `admin` may do everything, `viewer` read everything, `oncall` read
/// everything and move rollouts, `payments` read two namespaces.
pub(super) const CLUSTER_USERS: &[&str] = &["admin", "viewer", "oncall", "payments"];
/// The account of an Argo CD that the files log in with. It may do everything.
pub(super) const ARGOCD_ADMIN: &str = "admin";
/// The account of an Argo CD that reads, syncs and acts on rollouts.
pub(super) const ARGOCD_ONCALL: &str = "oncall";
/// The account of an Argo CD that may only read.
pub(super) const ARGOCD_VIEWER: &str = "viewer";

/// What is served.
pub(super) struct Plan {
    pub(super) clusters: Vec<ClusterPlan>,
    pub(super) argocds: Vec<ArgocdPlan>,
    /// The gitops repository, where it is served.
    pub(super) repository: Option<std::path::PathBuf>,
    /// Its pull requests, where there are any.
    pub(super) pulls: Option<Arc<Pulls>>,
    pub(super) hands: Arc<dyn Hands>,
    pub(super) clock: Clock,
}

/// A cluster; its server is `cluster:{name}`.
pub(super) struct ClusterPlan {
    pub(super) name: String,
    /// Its objects as kubectl sees them.
    pub(super) store: Store,
}

/// An Argo CD; its server is `argocd:{name}`.
pub(super) struct ArgocdPlan {
    pub(super) name: String,
    /// Of its control plane.
    pub(super) namespace: String,
    /// As `/api/version` says it.
    pub(super) version: String,
    /// Applications as its API shows one of them, with `status.resources[].health`, and projects.
    pub(super) store: Store,
}

/// What the servers ask of the world.
pub(super) trait Hands: Send + Sync + 'static {
    /// A person changes an object of a cluster. What became of the object is read from the store afterwards. Refused with [`MOVED`] where the object
    /// is no longer the one that the patch was made for.
    fn patch(&self, change: &Change<'_>) -> Result<(), Refused>;

    /// Somebody asks an Argo CD's API, which lets them, for something about an application, by its namespace and name. What became of it is read from
    /// the store afterwards.
    fn application(&self, _argocd: &str, _place: (&str, &str), _deed: &ApplicationDeed) -> Result<(), Refused> {
        Err(Refused { code: 501, reason: "Unimplemented", message: "this world has no controller".to_owned() })
    }

    /// A workload of an application (kind, namespace and name) as it is in its cluster.
    fn live(&self, _argocd: &str, _place: (&str, &str), _resource: (&str, &str, &str)) -> Result<Value, Refused> {
        Err(Refused { code: 501, reason: "Unimplemented", message: "this world has no cluster".to_owned() })
    }

    /// Pushes to the gitops repository meet this from now on.
    fn guard(&self, _push: Option<&Push>) -> Result<(), Refused> {
        Ok(())
    }

    /// A sync window closes, or those of a project go.
    fn window(&self, _deed: &WindowDeed) {}

    /// The application controller of an Argo CD dies or comes back. Whether there is one of this name.
    fn set_alive(&self, argocd: &str, alive: bool) -> bool;

    /// The truth about the world, for whoever checks a cockpit against it.
    fn truth(&self) -> Value;

    /// So many applications change in a second from now on, for their own sake.
    fn churn(&self, per_second: u32);

    /// One application changes, for its own sake. Answers when, in nanoseconds of the machine's monotonic clock: what is shown of it can be
    /// measured from there.
    fn touch(&self, application: &str) -> Result<u64, Refused>;

    /// The newest line of the story.
    fn told(&self) -> String;

    /// All applications of an Argo CD go out of sight, or come back as they are by then. Whether there is one of this name.
    fn vanish(&self, _argocd: &str, _gone: bool) -> bool {
        false
    }

    /// Something happens to the gitops repository.
    fn repository(&self, _deed: RepositoryDeed) -> Result<(), Refused> {
        Err(Refused { code: 422, reason: "Invalid", message: "this world has no repository".to_owned() })
    }
}

/// The reason of a refusal: the object changed meanwhile.
pub(super) const MOVED: &str = "Moved";

/// A change of one object of a cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) cluster: &'a str,
    pub(super) kind: &'static Kind,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) subresource: Option<&'a str>,
    /// A merge patch.
    pub(super) patch: &'a Value,
    /// The version of the object that it was made for.
    pub(super) version: u64,
}

/// What Argo CD's API can be asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ApplicationDeed {
    /// A comparison with git.
    Refresh { hard: bool },
    /// Whether a person may sync now, by the windows of its project.
    SyncWindow,
    Sync {
        /// The body.
        request: Value,
        by: String,
    },
    Rollback {
        /// Of the history.
        id: u64,
        prune: bool,
        dry_run: bool,
        by: String,
    },
    /// The end of the operation that runs.
    Terminate,
    /// A merge patch of the object.
    Patch(Value),
    /// An action on a Rollout of it.
    Rollout { namespace: String, name: String, action: String },
}

/// What can happen to the gitops repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum RepositoryDeed {
    /// For everybody outside it is no repository, or is one again.
    Away(bool),
    /// The newest commit is taken back by force, and its change made anew with these words: history is rewritten.
    Rewrite(String),
    /// The same on another branch than `main`.
    RewriteBranch {
        /// `env/production`.
        branch: String,
        message: String,
    },
    /// Somebody commits a file; a file without text is removed. So overrides are pinned (`.argocd-source.yaml`), and files are broken.
    Commit {
        /// Default: `main`.
        #[serde(default)]
        branch: Option<String>,
        /// From the root.
        path: String,
        /// All of it.
        #[serde(default)]
        text: Option<String>,
    },
}

/// Why a change was not made, as the API server says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// An HTTP status.
    pub(super) code: u16,
    /// One word: `Invalid`, `Conflict`.
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// Ports that are taken and not yet served: addresses are known before the world that tells of them is built.
#[derive(Debug)]
pub(super) struct Bound {
    listeners: BTreeMap<String, (SocketAddr, TcpListener)>,
    identity: Identity,
}

impl Bound {
    /// Takes a port of loopback for each cluster, each Argo CD and the control server, and one for git where that is served.
    pub(super) async fn bind<'a>(
        clusters: impl IntoIterator<Item = &'a str>,
        argocds: impl IntoIterator<Item = &'a str>,
        (has_git, has_github): (bool, bool),
    ) -> io::Result<Self> {
        let clusters = clusters.into_iter().map(|name| format!("cluster:{name}"));
        let argocds = argocds.into_iter().map(|name| format!("argocd:{name}"));
        let mut listeners = BTreeMap::new();
        for name in
            clusters.chain(argocds).chain([CONTROL.to_owned()]).chain(has_git.then(|| GIT.to_owned())).chain(has_github.then(|| GITHUB.to_owned()))
        {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            listeners.insert(name, (listener.local_addr()?, listener));
        }
        let identity = Identity::generate().map_err(io::Error::other)?;
        Ok(Self { listeners, identity })
    }

    /// Where each server will be: `argocd:main`, `cluster:prod`, `control`.
    pub(super) fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        self.listeners.iter().map(|(name, (address, _))| (name.clone(), *address)).collect()
    }

    /// As Applications name the gitops repository, where it is served.
    pub(super) fn repository(&self) -> Option<String> {
        self.url(GIT).map(|url| format!("{url}/{}", git::PATH))
    }

    /// The address of a server as files and objects name it; see [`url()`].
    pub(super) fn url(&self, server: &str) -> Option<String> {
        self.listeners.get(server).map(|(address, _)| url(server, *address))
    }

    /// Begins to serve. What has no port in here is not served; what is not in the plan refuses.
    pub(super) fn serve(mut self, plan: Plan) -> Serving {
        let addresses = self.addresses();
        let mut sites = Vec::new();
        let mut stores = BTreeMap::new();
        for cluster in plan.clusters {
            let name = format!("cluster:{}", cluster.name);
            stores.insert(name.clone(), cluster.store.clone());
            let gate = Arc::new(Gate::new());
            sites.push((name, Arc::clone(&gate), Site::Kubernetes(kubernetes::Server::new(cluster, gate, Arc::clone(&plan.hands)))));
        }
        for argocd in plan.argocds {
            let name = format!("argocd:{}", argocd.name);
            stores.insert(name.clone(), argocd.store.clone());
            let gate = Arc::new(Gate::new());
            sites.push((name, Arc::clone(&gate), Site::Argocd(argocd::Server::new(argocd, gate, Arc::clone(&plan.hands)))));
        }
        if let Some(folder) = plan.repository {
            let gate = Arc::new(Gate::new());
            sites.push((GIT.to_owned(), Arc::clone(&gate), Site::Git(git::Server { folder, gate })));
        }
        if let (Some(pulls), Some(url)) = (&plan.pulls, self.url(GITHUB)) {
            let gate = Arc::new(Gate::new());
            let server = github::Server { url, pulls: Arc::clone(pulls), gate: Arc::clone(&gate), used: AtomicU64::new(0) };
            sites.push((GITHUB.to_owned(), gate, Site::Github(server)));
        }
        let gates = sites.iter().map(|(name, gate, _)| (name.clone(), Arc::clone(gate))).collect();
        let faults = Faults { gates: Arc::new(gates) };
        let control = control::Server { faults: faults.clone(), stores, hands: plan.hands, pulls: plan.pulls };
        sites.push((CONTROL.to_owned(), Arc::new(Gate::new()), Site::Control(control)));
        let mut tasks = JoinSet::new();
        for (name, gate, site) in sites {
            if let Some((address, listener)) = self.listeners.remove(&name) {
                tasks.spawn(Host { address, gate, site, clock: plan.clock.clone(), acceptor: self.identity.acceptor.clone() }.run(listener));
            }
        }
        Serving { addresses, faults, certificate: self.identity.certificate, _tasks: tasks }
    }
}

/// Servers that run. Dropped, everything ends.
#[derive(Debug)]
pub(super) struct Serving {
    addresses: BTreeMap<String, SocketAddr>,
    faults: Faults,
    certificate: String,
    _tasks: JoinSet<()>,
}

impl Serving {
    /// Takes the ports and serves at once.
    #[cfg(test)]
    pub(super) async fn start(plan: Plan) -> io::Result<Self> {
        let clusters = plan.clusters.iter().map(|cluster| cluster.name.as_str());
        let argocds = plan.argocds.iter().map(|argocd| argocd.name.as_str());
        Ok(Bound::bind(clusters, argocds, (plan.repository.is_some(), plan.pulls.is_some())).await?.serve(plan))
    }

    /// Where a server is: `argocd:main`, `cluster:prod`, `control`.
    pub(super) fn address(&self, server: &str) -> Option<SocketAddr> {
        self.addresses.get(server).copied()
    }

    /// As Applications name the gitops repository, where it is served.
    pub(super) fn repository(&self) -> Option<String> {
        self.url(GIT).map(|url| format!("{url}/{}", git::PATH))
    }

    /// The address of a server as files and objects name it; see [`url()`].
    pub(super) fn url(&self, server: &str) -> Option<String> {
        self.address(server).map(|address| url(server, address))
    }

    /// The certificate that clusters show, in PEM: to be trusted for them and nothing else.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(super) fn faults(&self) -> Faults {
        self.faults.clone()
    }
}

/// With TLS for clusters: kubectl shows its token only there. The others speak plain HTTP. Every port answers in both.
fn url(server: &str, address: SocketAddr) -> String {
    let scheme = if server.starts_with("cluster:") { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// The token of an Argo CD's account: [`ARGOCD_ADMIN`], [`ARGOCD_ONCALL`] or [`ARGOCD_VIEWER`].
pub(super) fn argocd_token(argocd: &str, account: &str) -> String {
    argocd::token(argocd, account)
}

/// The faults of all servers but the control server, which has none. Cheap to clone: clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    gates: Arc<BTreeMap<String, Arc<Gate>>>,
}

impl Faults {
    /// Sets all faults of a server; whether there is one of this name.
    pub(super) fn set(&self, server: &str, fault: Fault) -> bool {
        let gate = self.gates.get(server);
        if let Some(gate) = gate {
            gate.set(fault);
        }
        gate.is_some()
    }

    /// The faults of a server, if there is one of this name.
    pub(super) fn get(&self, server: &str) -> Option<Fault> {
        Some(self.gates.get(server)?.fault())
    }

    /// The servers that can have faults.
    pub(super) fn servers(&self) -> impl Iterator<Item = &str> {
        self.gates.keys().map(String::as_str)
    }

    fn figures(&self) -> BTreeMap<&str, Figures> {
        self.gates.iter().map(|(name, gate)| (name.as_str(), gate.figures())).collect()
    }
}
