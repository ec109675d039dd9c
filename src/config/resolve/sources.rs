//! How Argo CDs and clusters are reached: addresses, certificates, secrets by reference.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::Context;
use crate::base::Raw;
use crate::config::argocd_cli;
use crate::config::kubeconfig::{self, Kubeconfig};
use crate::config::problem::{did_you_mean, plainly};
use crate::config::reader::{At, Place};
use crate::config::{discover, written};
use crate::domain::access::{ApiAccess, ArgocdAccess, ClusterAccess, SecretRef};
use crate::domain::names::{ArgocdName, ClusterName, Namespace};

impl Context<'_, '_> {
    /// The configured clusters. Naming a context is allowing its exec plugin.
    pub(super) fn clusters(&self, written: &[written::Cluster], usual: Option<&Kubeconfig>) -> Vec<ClusterAccess> {
        let mut clusters: Vec<ClusterAccess> = Vec::new();
        for entry in written {
            let path = entry.kubeconfig.as_ref().map(|path| self.path(&path.value));
            let own = path.as_ref().map(|path| self.kubeconfig(path, entry.kubeconfig.as_ref().map_or(&entry.place, |at| &at.place)));
            let kubeconfig = own.as_ref().map_or(usual, Option::as_ref);
            let found = entry.context.as_ref().zip(kubeconfig).and_then(|(context, kubeconfig)| self.context(context, kubeconfig));
            // What is wrong with a cluster was told; it stays in the list, so that nobody is told that it is not there.
            let Some(name) = entry.name.as_ref().or(entry.context.as_ref()) else { continue };
            if clusters.iter().any(|other| other.name.as_wire() == name.value) {
                self.tell(name, &format!("there are two clusters '{}'", name.value), Some("give each [[clusters]] a name of its own"));
            }
            for destination in &entry.destinations {
                if let Some(other) = clusters.iter().find(|other| other.destinations.iter().any(|known| known.as_wire() == destination.value)) {
                    let found = format!("the destination '{}' means cluster '{}' already", destination.value, other.name.shown());
                    self.tell(destination, &found, None);
                }
            }
            clusters.push(ClusterAccess {
                name: ClusterName::from(name.value.as_str()),
                kubeconfig: path,
                context: entry.context.as_ref().map(|context| context.value.clone()).unwrap_or_default(),
                server: found.and_then(|found| found.server.as_deref()).map(Raw::from),
                namespaces: entry.namespaces.iter().map(|namespace| Namespace::from(namespace.value.as_str())).collect(),
                destinations: entry.destinations.iter().map(|destination| Raw::from(destination.value.as_str())).collect(),
                held_back: None,
            });
        }
        clusters
    }

    fn context<'k>(&self, at: &At<String>, kubeconfig: &'k Kubeconfig) -> Option<&'k kubeconfig::Context> {
        let found = kubeconfig.context(&at.value);
        if found.is_none() {
            let looked: Vec<String> = kubeconfig.files.iter().map(|file| file.display().to_string()).collect();
            let cure = did_you_mean(&at.value, kubeconfig.contexts.iter().map(|known| known.name.as_str()));
            let cure = cure.unwrap_or_else(|| "set KUBECONFIG, or kubeconfig = \"…\"".to_owned());
            self.tell(at, &format!("there is no context '{}' in {}", at.value, looked.join(", ")), Some(&cure));
        } else if found.is_some_and(|found| found.server.is_none()) {
            self.tell(at, &format!("the cluster of context '{}' has no server in the kubeconfig", at.value), None);
        }
        found
    }

    fn kubeconfig(&self, path: &Path, place: &Place) -> Option<Kubeconfig> {
        if !path.exists() {
            self.findings.tell(place, &format!("there is no file {}", path.display()), None);
            return None;
        }
        kubeconfig::read(vec![path.to_owned()]).map_err(|problem| self.findings.tell_of(place, problem)).ok()
    }

    /// The configured Argo CDs.
    pub(super) fn argocds(&self, written: &[written::Argocd], usual: &Kubeconfig, clusters: &[ClusterAccess]) -> Vec<ArgocdAccess> {
        let mut argocds: Vec<ArgocdAccess> = Vec::new();
        for entry in written {
            // One that was told to be wrong stays in the list, so that nobody is told that it is not there.
            let access = self.argocd(entry, usual, clusters).unwrap_or_else(|| {
                let name = entry.name.as_ref().or(entry.context.as_ref()).or(entry.url.as_ref()).map_or("", |name| &name.value);
                ArgocdAccess {
                    name: ArgocdName::from(name),
                    api: None,
                    clusters: Vec::new(),
                    cluster_is_configured: false,
                    namespaces: Vec::new(),
                    reconciliation: None,
                }
            });
            if argocds.iter().any(|other| other.name == access.name) {
                let place = entry.name.as_ref().map_or(&entry.place, |name| &name.place);
                self.findings.tell(
                    place,
                    &format!("there are two Argo CDs '{}'", access.name.shown()),
                    Some("give each [[argocd]] a name of its own"),
                );
            }
            argocds.push(access);
        }
        argocds
    }

    fn argocd(&self, entry: &written::Argocd, usual: &Kubeconfig, clusters: &[ClusterAccess]) -> Option<ArgocdAccess> {
        let is_core = entry.core.as_ref().is_some_and(|core| core.value);
        let (default_name, api, mut namespaces) = match (&entry.url, &entry.context, is_core) {
            (Some(url), None, false) => {
                let api = self.api_at(entry, url)?;
                (host(&api.url).to_owned(), Some(api), vec![Namespace::from(discover::CONTROL_PLANE)])
            }
            (None, Some(context), false) => {
                let (api, is_core) = self.api_of_context(entry, context)?;
                let namespace = if is_core { discover::core_namespace(usual) } else { Namespace::from(discover::CONTROL_PLANE) };
                (context.value.clone(), api, vec![namespace])
            }
            (None, None, true) => ("argocd".to_owned(), None, vec![discover::core_namespace(usual)]),
            (None, None, false) if self.findings.told_below(&entry.place) => return None,
            (None, None, false) => {
                let cure = "url = \"https://argocd.example.com\", context = \"…\" of the argocd CLI, or core = true";
                self.findings.tell(&entry.place, "nothing says where this Argo CD is", Some(cure));
                return None;
            }
            _ => {
                self.findings.tell(&entry.place, "several things say where this Argo CD is", Some("one of url, context or core"));
                return None;
            }
        };
        if let Some(named) = &entry.namespaces {
            namespaces = named.iter().map(|namespace| Namespace::from(namespace.value.as_str())).collect();
        }
        let holder = entry.cluster.as_ref().filter(|cluster| self.find(cluster, "cluster", clusters.iter().map(|known| known.name.as_wire())));
        let held_back =
            |name: &At<String>| clusters.iter().find(|known| known.name.as_wire() == name.value).and_then(|known| known.held_back.as_deref());
        if let Some((name, why)) = holder.and_then(|name| Some((name, held_back(name)?))) {
            self.tell(name, &format!("the cluster '{}' may not be contacted: {why}", name.value), None);
        }
        Some(ArgocdAccess {
            name: ArgocdName::from(entry.name.as_ref().map_or(default_name.as_str(), |name| name.value.as_str())),
            api,
            clusters: holder.map_or_else(|| discover::candidates(clusters), |name| vec![ClusterName::from(name.value.as_str())]),
            cluster_is_configured: holder.is_some(),
            namespaces,
            reconciliation: entry.reconciliation.as_ref().and_then(|text| self.duration(text)),
        })
    }

    pub(super) fn duration(&self, text: &At<String>) -> Option<std::time::Duration> {
        let parsed = text.value.parse::<jiff::SignedDuration>().ok().and_then(|span| std::time::Duration::try_from(span).ok());
        let parsed = parsed.filter(|span| !span.is_zero());
        if parsed.is_none() {
            self.tell(text, &format!("'{}' is no length of time", text.value), Some("\"180s\" or \"3m\""));
        }
        parsed
    }

    /// An API that the file itself describes.
    fn api_at(&self, entry: &written::Argocd, at: &At<String>) -> Option<ApiAccess> {
        // Everything is looked at before anything is given up, so that all that is wrong is told at once.
        let url = self.url(entry, at);
        let (authority, client, headers) = (self.certificate(entry.ca.as_ref()), self.client(entry), self.headers(entry));
        if let Some(cli_config) = &entry.cli_config {
            self.tell(cli_config, "the argocd CLI's file is only read for a context", Some("context = \"…\" instead of url"));
        }
        if entry.token.is_none() && !self.findings.told_of(&entry.place, "token") {
            let cure = "token = { env = \"ARGOCD_TOKEN\" }, { file = \"…\" } or { command = [\"…\"] }; or context = \"…\" instead of url, to use an argocd login";
            self.findings.tell(&entry.place, "there is no token", Some(cure));
        }
        Some(ApiAccess {
            url: url?,
            authority,
            client,
            insecure: entry.insecure.as_ref().is_some_and(|flag| flag.value),
            headers,
            token: self.secret(entry.token.as_ref()?),
            renewal: None,
        })
    }

    /// An API that the argocd CLI was logged in to, and what the file changes about it; whether it is a core context, which has none.
    fn api_of_context(&self, entry: &written::Argocd, context: &At<String>) -> Option<(Option<ApiAccess>, bool)> {
        let path = entry.cli_config.as_ref().map(|path| self.path(&path.value)).or_else(|| argocd_cli::location(self.surroundings));
        let file = match path.as_deref().map(argocd_cli::read) {
            Some(Ok(Some(file))) => file,
            Some(Ok(None)) | None => {
                let shown = path.map_or_else(String::new, |path| format!(": there is no file {}", path.display()));
                self.tell(context, &format!("the argocd CLI is not logged in anywhere{shown}"), Some("argocd login HOST"));
                return None;
            }
            Some(Err(problem)) => {
                self.findings.tell_of(&context.place, problem);
                return None;
            }
        };
        let found = file
            .context(Some(&context.value))
            .map_err(|problem| self.tell(context, problem.found.as_str(), problem.cure.as_ref().map(AsRef::as_ref)))
            .ok()?;
        if found.core {
            return Some((None, true));
        }
        let mut api = file.api(found);
        let flag = |flag: &Option<At<bool>>| flag.as_ref().map(|flag| flag.value);
        api.insecure = flag(&entry.insecure).unwrap_or(api.insecure);
        if let Some(plain_text) = &entry.plain_text {
            self.findings.tell(
                &plain_text.place,
                "the argocd CLI's context says already whether it is plain text",
                Some("leave it out, or url instead of context"),
            );
        }
        if let Some(root) = &entry.root_path {
            api.url = with_root(&api.url, &root.value);
        }
        api.authority = self.certificate(entry.ca.as_ref()).or(api.authority);
        api.client = self.client(entry).or(api.client);
        api.headers = self.headers(entry);
        if let Some(token) = &entry.token {
            (api.token, api.renewal) = (self.secret(token), None);
        }
        Some((Some(api), false))
    }

    /// Scheme, host, port and root path; `https` unless something says otherwise.
    fn url(&self, entry: &written::Argocd, at: &At<String>) -> Option<String> {
        let plain_text = entry.plain_text.as_ref().map(|flag| flag.value);
        let scheme = if plain_text == Some(true) { "http" } else { "https" };
        let text = if at.value.contains("://") { at.value.clone() } else { format!("{scheme}://{}", at.value) };
        let cure = "\"https://argocd.example.com\", with the root path behind it if there is one";
        let Ok(url) = url::Url::parse(&text) else {
            self.tell(at, &format!("'{}' is no address", at.value), Some(cure));
            return None;
        };
        let is_plain = url.scheme() == "http";
        let has_rest = url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || has_rest || url.host_str().is_none_or(str::is_empty) {
            self.tell(at, "this is no address of an Argo CD: only scheme, host, port and root path belong here", Some(cure));
            return None;
        }
        if plain_text.is_some_and(|wanted| wanted != is_plain) {
            self.tell(
                at,
                &format!("the address is {} and plain_text says otherwise", url.scheme()),
                Some("leave plain_text out: http:// is plain text"),
            );
        }
        let base = url.as_str().trim_end_matches('/').to_owned();
        Some(entry.root_path.as_ref().map_or(base.clone(), |root| with_root(&base, &root.value)))
    }

    fn headers(&self, entry: &written::Argocd) -> Vec<(String, SecretRef)> {
        let mut headers = Vec::new();
        for (name, secret) in &entry.headers {
            if http::HeaderName::from_bytes(name.value.as_bytes()).is_err() {
                self.tell(name, &format!("'{}' cannot be the name of a header", name.value), None);
            } else if name.value.eq_ignore_ascii_case("authorization") && entry.token.is_some() {
                self.tell(name, "the token is sent as Authorization already", Some("leave out this header, or token"));
            }
            headers.extend(secret.as_ref().map(|secret| (name.value.clone(), self.secret(secret))));
        }
        headers
    }

    pub(super) fn secret(&self, secret: &written::Secret) -> SecretRef {
        match secret {
            written::Secret::Env(name) => {
                let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if !is_name(&name.value) {
                    // Not quoted: it may be the secret itself.
                    self.tell(name, "this is no name of an environment variable", Some("env = \"ARGOCD_TOKEN\""));
                }
                SecretRef::Environment(name.value.clone())
            }
            written::Secret::File(path) => SecretRef::File(self.path(&path.value)),
            written::Secret::Command(words) => SecretRef::Command(words.value.clone()),
        }
    }

    pub(super) fn certificate(&self, at: Option<&At<String>>) -> Option<Vec<u8>> {
        let at = at?;
        self.pem(at, &self.path(&at.value), "CERTIFICATE").map(String::into_bytes)
    }

    fn client(&self, entry: &written::Argocd) -> Option<(Vec<u8>, SecretString)> {
        let (certificate, key) = match (&entry.client_certificate, &entry.client_key) {
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(alone), None) => {
                self.tell(alone, "a client certificate is no use without its key", Some("client_key = \"…\""));
                return None;
            }
            (None, Some(alone)) => {
                self.tell(alone, "a client key is no use without its certificate", Some("client_certificate = \"…\""));
                return None;
            }
            (None, None) => return None,
        };
        let certificate = self.certificate(Some(certificate));
        let path = self.path(&key.value);
        if let Ok(metadata) = std::fs::metadata(&path)
            && metadata.mode() & 0o077 != 0
        {
            let found = format!("{} may be read by others (mode {:o})", path.display(), metadata.mode() & 0o777);
            self.tell(key, &found, Some(&format!("chmod 600 {}", path.display())));
            return None;
        }
        let key = self.pem(key, &path, "PRIVATE KEY").map(SecretString::from);
        Some((certificate?, key?))
    }

    fn pem(&self, at: &At<String>, path: &Path, what: &str) -> Option<String> {
        match std::fs::read_to_string(path) {
            Ok(text) if text.contains(&format!("{what}-----")) => return Some(text),
            Ok(_) => self.tell(at, &format!("{} holds no {} in PEM", path.display(), what.to_lowercase()), None),
            Err(error) => self.tell(at, &format!("cannot read {}: {}", path.display(), plainly(&error)), None),
        }
        None
    }

    fn path(&self, written: &str) -> PathBuf {
        self.surroundings.path(written, self.folder)
    }
}

fn with_root(url: &str, root: &str) -> String {
    let root = root.trim_matches('/');
    if root.is_empty() || url.ends_with(&format!("/{root}")) { url.to_owned() } else { format!("{url}/{root}") }
}

fn host(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}
