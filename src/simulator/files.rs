//! The files by which others join a world: a configuration of the cockpit, a kubeconfig, the argocd CLI's file, the address of the control server.
//! It writes them as a person would, knows the definition for names and the servers for addresses, and nothing that moves.

use std::fmt::Write as _;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::definition::{Definition, EnvironmentDefinition};
use super::scenario::PullRequests;
use super::serve::{ARGOCD_ADMIN, CLUSTER_USERS, CONTROL, GIT, GITHUB, Serving, argocd_token, github};

/// Only for the owner: the argocd CLI refuses its file otherwise.
const MODE: u32 = 0o600;

/// Writes `config.toml`, `kubeconfig`, `argocd-config` and `control` into a folder that is there.
pub(super) fn write(folder: &Path, definition: &Definition, pulls: Option<&PullRequests>, serving: &Serving) -> io::Result<()> {
    let folder = std::path::absolute(folder)?;
    put(&folder.join("kubeconfig"), &kubeconfig(definition, serving)?)?;
    put(&folder.join("argocd-config"), &argocd_config(definition, serving)?)?;
    put(&folder.join("control"), &format!("{}\n", url(serving, CONTROL)?))?;
    let mut text = config(&folder, definition, pulls);
    if pulls.is_some() {
        put(&folder.join("github-token"), &format!("{}\n", github::token()))?;
        text.push_str(&with_github(&folder, serving)?);
    }
    put(&folder.join("config.toml"), &text)
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(path)?;
    // A file that was there keeps its own.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(text.as_bytes())
}

fn url(serving: &Serving, server: &str) -> io::Result<String> {
    serving.url(server).ok_or_else(|| not_served(server))
}

/// Host and port: the argocd CLI wants no scheme.
fn host(serving: &Serving, server: &str) -> io::Result<String> {
    serving.address(server).map(|address| address.to_string()).ok_or_else(|| not_served(server))
}

fn not_served(server: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("'{server}' is not served"))
}

/// As a string of JSON, which is one of TOML and of YAML as well.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// Where pull requests are.
fn with_github(folder: &Path, serving: &Serving) -> io::Result<String> {
    let (api, repository) = (quoted(&url(serving, GITHUB)?), quoted(&serving.repository().ok_or_else(|| not_served(GIT))?));
    let (token, name) = (quoted(&folder.join("github-token").to_string_lossy()), quoted(&format!("{}/{}", github::OWNER, github::NAME)));
    Ok(format!(
        "\n[[github]]\nname = \"github\"\nurl = {api}\ntoken = {{ file = {token} }}\n\n[[github.repositories]]\nurl = {repository}\nname = {name}\n"
    ))
}

fn config(folder: &Path, definition: &Definition, pulls: Option<&PullRequests>) -> String {
    let file = |name: &str| quoted(&folder.join(name).to_string_lossy());
    let mut text =
        "# A simulated world on this machine. It ends with the program that serves it, and this file is of no use afterwards.\n".to_owned();
    for argocd in &definition.argocds {
        let name = quoted(&argocd.name);
        let _ = write!(
            text,
            "\n[[argocd]]\nname = {name}\ncli_config = {}\ncontext = {name}\ncluster = {}\n",
            file("argocd-config"),
            quoted(&argocd.cluster)
        );
    }
    for cluster in &definition.clusters {
        let name = quoted(&cluster.name);
        let _ = write!(text, "\n[[clusters]]\nname = {name}\nkubeconfig = {}\ncontext = {name}\n", file("kubeconfig"));
    }
    for environment in &definition.environments {
        let _ = write!(text, "\n[[environments]]\nname = {}\n", quoted(&environment.name));
        if !environment.from.is_empty() {
            let _ = writeln!(text, "from = {}", list(&environment.from));
        }
        if pulls.is_some_and(|pulls| pulls.environments.contains(&environment.name)) {
            text.push_str("pull_request = true\n");
        }
        let placements = placements(environment);
        if !placements.is_empty() {
            let _ = writeln!(text, "placements = [{}]", placements.join(", "));
        }
    }
    text
}

/// The named placements; one that has a cluster for itself is known by it, too.
fn placements(environment: &EnvironmentDefinition) -> Vec<String> {
    let named = environment.destinations.iter().filter(|destination| !destination.placement.is_empty());
    named
        .map(|destination| {
            let is_alone = environment.destinations.iter().filter(|other| other.cluster == destination.cluster).count() == 1;
            if is_alone {
                format!("{{ name = {}, clusters = {} }}", quoted(&destination.placement), list([&destination.cluster]))
            } else {
                quoted(&destination.placement)
            }
        })
        .collect()
}

fn kubeconfig(definition: &Definition, serving: &Serving) -> io::Result<String> {
    let mut text = "apiVersion: v1\nkind: Config\n".to_owned();
    if let Some(first) = definition.clusters.first() {
        let _ = writeln!(text, "current-context: {}", quoted(&first.name));
    }
    text.push_str("clusters:\n");
    let authority = STANDARD.encode(serving.certificate());
    for cluster in &definition.clusters {
        let server = url(serving, &format!("cluster:{}", cluster.name))?;
        let (name, server) = (quoted(&cluster.name), quoted(&server));
        let _ = write!(text, "- name: {name}\n  cluster:\n    server: {server}\n    certificate-authority-data: {authority}\n");
    }
    text.push_str("contexts:\n");
    for cluster in &definition.clusters {
        for (position, user) in CLUSTER_USERS.iter().enumerate() {
            // The first one may do everything and is the cluster's own.
            let name = if position == 0 { cluster.name.clone() } else { format!("{}-{user}", cluster.name) };
            let _ = write!(text, "- name: {}\n  context:\n    cluster: {}\n    user: {}\n", quoted(&name), quoted(&cluster.name), quoted(user));
        }
    }
    text.push_str("users:\n");
    for user in CLUSTER_USERS {
        let _ = write!(text, "- name: {0}\n  user:\n    token: {0}\n", quoted(user));
    }
    Ok(text)
}

fn argocd_config(definition: &Definition, serving: &Serving) -> io::Result<String> {
    let mut text = "contexts:\n".to_owned();
    let mut hosts = Vec::new();
    for argocd in &definition.argocds {
        let host = host(serving, &format!("argocd:{}", argocd.name))?;
        let _ = write!(text, "- name: {0}\n  server: {1}\n  user: {0}\n", quoted(&argocd.name), quoted(&host));
        hosts.push(host);
    }
    if let Some(first) = definition.argocds.first() {
        let _ = writeln!(text, "current-context: {}", quoted(&first.name));
    }
    text.push_str("servers:\n");
    for host in hosts {
        let _ = write!(text, "- server: {}\n  grpc-web-root-path: \"\"\n  plain-text: true\n", quoted(&host));
    }
    text.push_str("users:\n");
    for argocd in &definition.argocds {
        let token = argocd_token(&argocd.name, ARGOCD_ADMIN);
        let _ = write!(text, "- name: {}\n  auth-token: {}\n", quoted(&argocd.name), quoted(&token));
    }
    Ok(text)
}
