//! How sources are reached: plain values that the configuration resolves and the sources use. Nothing here connects anywhere.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::base::Raw;
use crate::domain::desired::{Address, ValueKeys};
use crate::domain::forge::MergeMethod;
use crate::domain::names::{ArgocdName, ClusterName, Namespace};

/// Where a secret is found. The secret itself is read when it is needed, and again when it was refused, so that a renewed one is picked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Environment(String),
    /// A file that only its owner may read (mode 0600 or 0400).
    File(PathBuf),
    /// The standard output of a program: program and arguments, no shell.
    Command(Vec<String>),
    /// `auth-token` of a user in the argocd CLI's own file.
    ArgocdCli {
        /// The file.
        file: PathBuf,
        /// The user's name in it.
        user: String,
    },
}

/// An Argo CD instance.
#[derive(Debug, Clone)]
pub struct ArgocdAccess {
    /// What it is called here.
    pub name: ArgocdName,
    /// Its API; `None`: it is read through its cluster only (`core: true` contexts).
    pub api: Option<ApiAccess>,
    /// Clusters that may hold its Application objects, the likeliest first. Configured: exactly one. Discovered: each is proven before it is used.
    pub clusters: Vec<ClusterName>,
    /// Whether `clusters` was configured rather than discovered.
    pub cluster_is_configured: bool,
    /// Namespaces of its Application objects, for accounts that may not list them everywhere. The first is the control plane's.
    pub namespaces: Vec<Namespace>,
    /// Time between comparisons with git, where configured. Otherwise it is read from the cluster, else taken as Argo CD's default.
    pub reconciliation: Option<Duration>,
}

/// An API of Argo CD, or of a GitHub.
#[derive(Debug, Clone)]
pub struct ApiAccess {
    /// Scheme, host, port and root path: `https://argocd.example.com/argo`, without a slash at the end.
    pub url: String,
    /// Certificate authority in PEM that is trusted besides the system's.
    pub authority: Option<Vec<u8>>,
    /// Client certificate in PEM and its key.
    pub client: Option<(Vec<u8>, SecretString)>,
    /// Do not check the server's certificate.
    pub insecure: bool,
    /// Headers for a proxy in front: name and value.
    pub headers: Vec<(String, SecretRef)>,
    /// The token.
    pub token: SecretRef,
    /// The command that renews the token, for the person who must: `argocd relogin …`.
    pub renewal: Option<String>,
}

/// A cluster by a context of a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAccess {
    /// What it is called here.
    pub name: ClusterName,
    /// The kubeconfig; `None`: `KUBECONFIG` or the usual place, merged as kubectl does.
    pub kubeconfig: Option<PathBuf>,
    /// The context.
    pub context: String,
    /// The API server's address in that context.
    pub server: Option<Raw>,
    /// Namespaces to watch where the whole cluster may not be.
    pub namespaces: Vec<Namespace>,
    /// Addresses and names by which Argo CD destinations mean this cluster, beside `server`.
    pub destinations: Vec<Raw>,
    /// Why it must not be contacted: discovered, and its user runs a program to log in that nobody named.
    pub held_back: Option<String>,
}

/// A gitops repository.
#[derive(Debug, Clone)]
pub struct RepositoryAccess {
    /// What it is called here.
    pub name: Raw,
    /// Where it is fetched from. What an Application names may hold a password.
    pub url: SecretString,
    /// Other URLs that mean it.
    pub aliases: Vec<Address>,
    /// Time between fetches.
    pub interval: Duration,
    /// How long the remote may say nothing; `None`: as long as is usual.
    pub silence: Option<Duration>,
    /// Keys of Helm values that name an image.
    pub keys: ValueKeys,
    /// The folder of all mirrors.
    pub mirrors: PathBuf,
    /// Nothing of the person's own git configuration is read: the world is one to practise in.
    pub is_isolated: bool,
}

impl RepositoryAccess {
    /// All addresses that mean it.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        std::iter::once(Address::read(self.url.expose_secret())).chain(self.aliases.iter().cloned()).collect()
    }
}

/// The API of a GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubAccess {
    /// What it is called here.
    pub name: Raw,
    /// `https://api.github.com`, of an own server `https://HOST/api/v3`, without a slash at the end.
    pub url: String,
    /// Certificate authority in PEM that is trusted besides the system's.
    pub authority: Option<Vec<u8>>,
    /// The token.
    pub token: SecretRef,
    /// How pull requests are merged there.
    pub method: MergeMethod,
    /// Repositories whose address does not say where they are on it, each with owner and name: `acme/gitops`.
    pub named: Vec<(Address, Raw)>,
}

impl GithubAccess {
    /// Owner and name of the repository at an address; `None`: it is not on this GitHub.
    #[must_use]
    pub fn repository(&self, address: &Address) -> Option<Raw> {
        if let Some((_, name)) = self.named.iter().find(|(known, _)| known == address) {
            return Some(name.clone());
        }
        let (host, path) = address.0.as_wire().split_once('/')?;
        let (owner, name) = path.split_once('/')?;
        (host == self.host()? && !owner.is_empty() && !name.is_empty() && !name.contains('/')).then(|| Raw::from(path))
    }

    /// The host that its repositories are cloned from.
    fn host(&self) -> Option<String> {
        let url = url::Url::parse(&self.url).ok()?;
        let host = url.host_str()?.to_lowercase();
        Some(host.strip_prefix("api.").map_or_else(|| host.clone(), ToOwned::to_owned))
    }
}

impl From<&GithubAccess> for ApiAccess {
    fn from(github: &GithubAccess) -> Self {
        Self {
            url: github.url.clone(),
            authority: github.authority.clone(),
            client: None,
            insecure: false,
            headers: Vec::new(),
            token: github.token.clone(),
            renewal: None,
        }
    }
}
