//! Clients of clusters, built when they are first wanted and once, from a context of a kubeconfig: one to read with, and one, on connections of its own, to
//! change with. What reads is never handed the other one.
//!
//! No client retries by itself (kube would, up to 15 times and with no regard to the verb), lets a credential plugin touch the terminal, or waits for a
//! peer that says nothing. Nothing here knows what is sent with it.

mod login;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kube::config::{AuthInfo, Cluster, ExecAuthCluster, ExecInteractiveMode, Kubeconfig, KubeconfigError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::sync::Mutex;

use crate::base::time::{later, since};
use crate::base::{Safe, Timestamp};
use crate::domain::ClusterName;
use crate::domain::access::ClusterAccess;
use crate::domain::observation::Login;
use crate::sources::clock::now;
use crate::sources::expiry::Validity;
use crate::sources::supervisor::within;
use crate::sources::{Failure, FailureKind, proxy};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a connection may say nothing while something is awaited from it. Watches ask for bookmarks, which come about once a minute.
const READ_TIMEOUT: Duration = Duration::from_secs(90);
/// The same for a client that changes: no answer of it is longer on the way.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long building may take: it runs the credential plugin of the context.
const BUILD_TIMEOUT: Duration = Duration::from_secs(30);
/// A client whose certificate ends within this time is built anew.
const EXPIRY_MARGIN: Duration = Duration::from_mins(1);

/// The clusters that can be read, and their clients. Cheap to clone; all clones share the clients.
#[derive(Clone)]
pub struct Clients {
    clusters: Arc<BTreeMap<ClusterName, Entry>>,
}

/// When a credential ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// When, where it says so.
    pub end: Option<Timestamp>,
    /// Whether it is renewed then with nobody doing anything.
    pub renews_itself: bool,
    /// The command that renews it, or what a person does.
    pub renewal: Option<String>,
}

/// A login as it is written down.
struct Written {
    validity: Option<Validity>,
    renewal: String,
    renews_itself: bool,
}

struct Entry {
    access: ClusterAccess,
    client: Mutex<Option<kube::Client>>,
    changing: Mutex<Option<kube::Client>>,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.clusters.keys()).finish()
    }
}

impl Clients {
    /// Knows these clusters; contacts none of them.
    #[must_use]
    pub fn new(clusters: impl IntoIterator<Item = ClusterAccess>) -> Self {
        let clusters = clusters
            .into_iter()
            .map(|access| (access.name.clone(), Entry { access, client: Mutex::default(), changing: Mutex::default() }))
            .collect();
        Self { clusters: Arc::new(clusters) }
    }

    /// How a cluster is reached.
    #[must_use]
    pub fn access(&self, cluster: &ClusterName) -> Option<&ClusterAccess> {
        self.clusters.get(cluster).map(|entry| &entry.access)
    }

    /// The reading client of a cluster. The first call builds it, which may run the credential plugin of its context; later calls are cheap.
    ///
    /// Fails without any contact for a cluster that is held back or not known, and with [`FailureKind::Unauthorized`] where the kubeconfig or the
    /// plugin do not give a client. Nothing of a plugin's output is in the failure.
    pub async fn reading(&self, cluster: &ClusterName) -> Result<kube::Client, Failure> {
        self.built(cluster, |entry| &entry.client, READ_TIMEOUT).await
    }

    /// The client of a cluster that changes are sent with; it fails as [`Clients::reading`] does. Only what carries out a confirmed change asks for it. Its
    /// connections are its own, so that a change neither waits behind a list nor is sent over a connection that a network swallowed meanwhile.
    pub async fn changing(&self, cluster: &ClusterName) -> Result<kube::Client, Failure> {
        self.built(cluster, |entry| &entry.changing, CHANGE_TIMEOUT).await
    }

    async fn built(
        &self,
        cluster: &ClusterName,
        slot: impl Fn(&Entry) -> &Mutex<Option<kube::Client>> + Send,
        silence: Duration,
    ) -> Result<kube::Client, Failure> {
        let Some(entry) = self.clusters.get(cluster) else {
            return Err(Failure::new(FailureKind::NotFound, &format!("no cluster is called '{}'", cluster.shown())));
        };
        if let Some(why) = &entry.access.held_back {
            return Err(Failure::new(FailureKind::Forbidden, why).cured_by("name this cluster in the configuration"));
        }
        let mut slot = slot(entry).lock().await;
        if let Some(client) = slot.as_ref().filter(|client| !ends_soon(client)) {
            return Ok(client.clone());
        }
        let access = entry.access.clone();
        // Blocking: files are read, and kube runs the credential plugin inside of `try_from`.
        let building = tokio::task::spawn_blocking(move || build(&access, silence));
        let client = within(BUILD_TIMEOUT, async {
            building.await.unwrap_or_else(|_| Err(Failure::new(FailureKind::Broken, "building the client of the cluster panicked")))
        })
        .await
        .map_err(|failure| self.unaccepted(cluster, failure))?;
        Ok(slot.insert(client).clone())
    }

    /// The files that a login to a cluster is read from: its kubeconfig, and what its user names in it.
    #[must_use]
    pub fn files(&self, cluster: &ClusterName) -> Vec<PathBuf> {
        let Some(entry) = self.clusters.get(cluster) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entry.access.kubeconfig.clone().map_or_else(usual_paths, |path| vec![path]);
        let user = login::of(&entry.access);
        files.extend(user.iter().flat_map(login::Login::files));
        files
    }

    /// How long the login to a cluster is good for, as its token or its client certificate says it. A plugin renews what it hands out by itself.
    pub async fn login(&self, cluster: &ClusterName) -> Login {
        match self.written(cluster).await {
            Some(Written { validity: Some(Validity { from, until }), renewal, renews_itself: false }) => {
                Login::Until { at: until, lasts: from.map(|from| since(from, until)), renewal: Safe::clean(&renewal) }
            }
            _ => Login::Open,
        }
    }

    /// A failure to log in, with the command that renews the login, and the files in which that will show. Others stay as they are.
    #[must_use]
    pub fn unaccepted(&self, cluster: &ClusterName, failure: Failure) -> Failure {
        let Some(entry) = self.clusters.get(cluster).filter(|_| failure.kind == FailureKind::Unauthorized) else { return failure };
        let failure = match login::of(&entry.access) {
            Some(user) => failure.cured_by(&user.renewal(&entry.access)),
            None => failure,
        };
        failure.mended_in(self.files(cluster))
    }

    /// When the credential of a cluster ends, by what it says of itself: a token, a client certificate, or what the plugin said.
    pub async fn credential(&self, cluster: &ClusterName) -> Credential {
        let Some(entry) = self.clusters.get(cluster) else { return Credential::default() };
        let said = entry.client.lock().await.as_ref().and_then(|client| *client.valid_until());
        let written = self.written(cluster).await;
        let end = said.or_else(|| Some(written.as_ref()?.validity?.until));
        let renews_itself = written.as_ref().is_some_and(|written| written.renews_itself);
        Credential { end, renews_itself, renewal: written.map(|written| written.renewal) }
    }

    /// What the kubeconfig, and the files that it names, say of the login to a cluster.
    async fn written(&self, cluster: &ClusterName) -> Option<Written> {
        let access = self.clusters.get(cluster)?.access.clone();
        let read = move || {
            let user = login::of(&access)?;
            Some(Written { validity: user.validity(), renewal: user.renewal(&access), renews_itself: user.renews_itself() })
        };
        tokio::task::spawn_blocking(read).await.ok().flatten()
    }

    /// Forgets the clients of a cluster, so that the next [`Clients::reading`] reads the kubeconfig and runs the plugin again: for use after a
    /// 401, because kube runs a plugin anew only when the token said when it would end.
    pub async fn renew(&self, cluster: &ClusterName) {
        if let Some(entry) = self.clusters.get(cluster) {
            *entry.client.lock().await = None;
            *entry.changing.lock().await = None;
        }
    }
}

fn ends_soon(client: &kube::Client) -> bool {
    client.valid_until().is_some_and(|end| end <= later(now(), EXPIRY_MARGIN))
}

fn build(access: &ClusterAccess, silence: Duration) -> Result<kube::Client, Failure> {
    kube::Client::try_from(configuration(access, silence)?).map_err(Failure::from)
}

/// The configuration of a client. Put together here, because kube's own way ends in an error over an odd `NO_PROXY`.
fn configuration(access: &ClusterAccess, silence: Duration) -> Result<kube::Config, Failure> {
    let file = match &access.kubeconfig {
        Some(path) => Kubeconfig::read_from(path).map_err(|error| unreadable(&error))?,
        None => usual_kubeconfig()?,
    };
    let missing =
        |what: &str| Failure::new(FailureKind::Unauthorized, &format!("the kubeconfig has no {what}")).cured_by("kubectl config get-contexts");
    let context = file.contexts.iter().find(|named| named.name == access.context).and_then(|named| named.context.as_ref());
    let context = context.ok_or_else(|| missing(&format!("context '{}'", access.context)))?;
    let cluster = file.clusters.iter().find(|named| named.name == context.cluster).and_then(|named| named.cluster.as_ref());
    let cluster = cluster.ok_or_else(|| missing(&format!("cluster '{}'", context.cluster)))?;
    // Like client-go: a context without a user is an anonymous one.
    let user = context.user.as_ref().and_then(|name| file.auth_infos.iter().find(|named| &named.name == name));
    let user = user.and_then(|named| named.auth_info.clone()).unwrap_or_default();

    let server = cluster.server.as_deref().unwrap_or_default();
    let url: http::Uri = server.parse().map_err(|error| broken(&format!("'{server}' is no address of a cluster: {error}")))?;
    let mut config = kube::Config::new(url);
    if let Some(namespace) = &context.namespace {
        config.default_namespace.clone_from(namespace);
    }
    config.proxy_url = proxy_of(cluster, &config.cluster_url)?;
    config.root_cert = authority(cluster)?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.auth_info = silenced(user, cluster)?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(silence);
    // Otherwise the time a pooled connection lay idle counts against the next answer.
    config.reset_reader_on_write = true;
    config.default_retry = false;
    Ok(config)
}

/// `KUBECONFIG`, merged as kubectl does, or the usual place. Unlike kube, and like kubectl, a file of the list that is not there is passed over.
fn usual_kubeconfig() -> Result<Kubeconfig, Failure> {
    let paths = usual_paths();
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| Path::exists(path)) {
        let next = Kubeconfig::read_from(path).map_err(|error| unreadable(&error))?;
        merged = Some(match merged {
            Some(merged) => merged.merge(next).map_err(|error| unreadable(&error))?,
            None => next,
        });
    }
    merged.ok_or_else(|| Failure::new(FailureKind::Unauthorized, "there is no kubeconfig").cured_by("set KUBECONFIG"))
}

fn usual_paths() -> Vec<PathBuf> {
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let mut paths: Vec<_> = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
    if paths.is_empty() {
        paths.extend(std::env::home_dir().map(|home| home.join(".kube").join("config")));
    }
    paths
}

/// Forbids a credential plugin to speak to the person: it would take keystrokes and write over the screen.
fn silenced(mut user: AuthInfo, cluster: &Cluster) -> Result<AuthInfo, Failure> {
    if let Some(exec) = &mut user.exec {
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
        if exec.provide_cluster_info {
            exec.cluster = Some(ExecAuthCluster::try_from(cluster).map_err(|error| unreadable(&error))?);
        }
    }
    Ok(user)
}

fn proxy_of(cluster: &Cluster, target: &http::Uri) -> Result<Option<http::Uri>, Failure> {
    let explicit = cluster.proxy_url.clone().filter(|url| !url.is_empty());
    let Some(proxy) = explicit.or_else(|| proxy::for_target(target, |name| std::env::var(name).ok())) else { return Ok(None) };
    // The address is not quoted: it may hold a password.
    proxy.parse().map(Some).map_err(|error| broken(&format!("the proxy's address cannot be read: {error}")))
}

fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Failure> {
    use base64::Engine as _;
    let bad = |why: &str| broken(&format!("the kubeconfig's certificate authority cannot be read: {why}"));
    let pem = if let Some(data) = &cluster.certificate_authority_data {
        base64::engine::general_purpose::STANDARD.decode(data.trim()).map_err(|error| bad(&error.to_string()))?
    } else if let Some(path) = &cluster.certificate_authority {
        std::fs::read(path).map_err(|error| bad(&format!("{path}: {error}")))?
    } else {
        return Ok(None);
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).map(|certificate| certificate.map(|der| der.to_vec())).collect();
    certificates.map(Some).map_err(|error| bad(&error.to_string()))
}

fn broken(why: &str) -> Failure {
    Failure::new(FailureKind::Broken, why)
}

/// What is wrong with a kubeconfig. The YAML parser's words are left out: they may quote the file, which holds tokens.
fn unreadable(error: &KubeconfigError) -> Failure {
    let why = match error {
        KubeconfigError::ReadConfig(cause, path) => format!("cannot read {}: {cause}", path.display()),
        KubeconfigError::Parse(_) => "the kubeconfig is not valid YAML".to_owned(),
        KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => format!("the kubeconfigs do not fit together: {error}"),
        _ => "the kubeconfig cannot be used".to_owned(),
    };
    Failure::new(FailureKind::Unauthorized, &why).cured_by("kubectl config view")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::scripted::{Reply, Scripted};

    fn access(folder: &Path, user: &str) -> ClusterAccess {
        let path = folder.join("config");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: other\n\
             clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:1'}}}}]\n\
             contexts: [{{name: here, context: {{cluster: c, user: u, namespace: team}}}}]\n\
             users: [{{name: u, user: {user}}}]\n"
        );
        std::fs::write(&path, text).unwrap();
        ClusterAccess {
            name: ClusterName::from("here"),
            kubeconfig: Some(path),
            context: "here".into(),
            server: None,
            namespaces: Vec::new(),
            destinations: Vec::new(),
            held_back: None,
        }
    }

    #[test]
    fn a_reading_client_has_none_of_the_unsafe_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let plugin = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: login, interactiveMode: Always}}";
        let config = configuration(&access(folder.path(), plugin), READ_TIMEOUT).unwrap();
        assert!(!config.default_retry, "kube would resend whatever fails up to 15 times");
        assert_eq!(config.auth_info.exec.unwrap().interactive_mode, Some(ExecInteractiveMode::Never));
        assert_eq!((config.connect_timeout, config.read_timeout), (Some(CONNECT_TIMEOUT), Some(READ_TIMEOUT)));
        assert_eq!(config.default_namespace, "team");
    }

    #[tokio::test]
    async fn a_change_is_sent_once_whatever_is_answered() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        for reply in [(429, "1"), (503, "1"), (504, "1"), (307, "/elsewhere"), (500, "")] {
            let headers = vec![("Retry-After", reply.1.to_owned()), ("Location", reply.1.to_owned())];
            let server = Scripted::start(move |_| Reply::Whole(reply.0, headers.clone(), b"{}".to_vec())).await;
            let folder = tempfile::tempdir().unwrap();
            let access = access(folder.path(), "{token: opaque}");
            let path = access.kubeconfig.clone().unwrap();
            let text = std::fs::read_to_string(&path).unwrap().replace("http://127.0.0.1:1'", &format!("{}'", server.url()));
            std::fs::write(&path, text).unwrap();
            let client = Clients::new([access]).changing(&ClusterName::from("here")).await.unwrap();
            let request = http::Request::patch("/x").body(kube::client::Body::from(b"[]".to_vec())).unwrap();
            let response = client.send(request).await.unwrap();
            assert_eq!((response.status().as_u16(), server.seen().len()), (reply.0, 1));
        }
    }

    #[tokio::test]
    async fn nothing_of_a_failing_plugin_is_shown() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let plugin = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: ['-c', 'echo s3cret; echo s3cret >&2; exit 3']}}";
        let clients = Clients::new([access(folder.path(), plugin)]);
        let Err(failure) = clients.reading(&ClusterName::from("here")).await else { panic!("the plugin failed") };
        assert_eq!(failure.kind, FailureKind::Unauthorized);
        assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
    }

    #[tokio::test]
    async fn a_client_certificate_says_when_the_login_ends_and_a_plugin_renews_its_own() {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
        let pem = include_str!("../../tests/recordings/certificate.pem");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("me.crt"), pem).unwrap();
        let inline = STANDARD.encode(pem);
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"iat":1795186800,"exp":1795273200}"#));
        let plugin = "exec: {apiVersion: client.authentication.k8s.io/v1, command: login}";
        let name = ClusterName::from("here");
        let certificate: Timestamp = "2051-07-13T17:24:09Z".parse().unwrap();
        for (user, expected) in [
            (format!("{{client-certificate-data: {inline}}}"), Some(certificate)),
            // Relative to the kubeconfig, as kubectl has it.
            ("{client-certificate: me.crt}".to_owned(), Some(certificate)),
            (format!("{{token: opaque, client-certificate-data: {inline}}}"), None),
            (format!("{{token: {token}, client-certificate-data: {inline}}}"), Some("2026-11-21T15:00:00Z".parse().unwrap())),
            (format!("{{client-certificate-data: {inline}, {plugin}}}"), None),
            ("{token: opaque}".to_owned(), None),
        ] {
            let clients = Clients::new([access(folder.path(), &user)]);
            match (clients.login(&name).await, expected) {
                (Login::Until { at, lasts, .. }, Some(expected)) => assert!(at == expected && lasts.is_some(), "{user}: {at}"),
                (Login::Open, None) => {}
                (other, _) => panic!("{user}: {other:?}"),
            }
            assert_eq!(clients.credential(&name).await.renews_itself, user.contains("exec"), "{user}");
        }
    }

    #[tokio::test]
    async fn a_cluster_that_is_held_back_runs_no_plugin() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("ran");
        let plugin = format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: touch, args: ['{}']}}}}", mark.display());
        let held = ClusterAccess { held_back: Some("its user logs in with a program".into()), ..access(folder.path(), &plugin) };
        let Err(failure) = Clients::new([held]).reading(&ClusterName::from("here")).await else { panic!("held back") };
        assert_eq!(failure.kind, FailureKind::Forbidden);
        assert!(!mark.exists());
    }
}
