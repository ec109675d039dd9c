//! The resolved configuration as a list: each value with where it comes from. Values are for people; a secret is told by its place only. It knows
//! no value that the configuration does not, and contacts nothing.

use std::path::PathBuf;

use crate::base::{Raw, Safe};
use crate::config::reader::Leaf;
use crate::config::word::Word as _;
use crate::config::{Config, Surroundings, argocd_cli, kubeconfig};
use crate::domain::access::{ApiAccess, ArgocdAccess, ClusterAccess, SecretRef};
use crate::domain::mapping::Mapping;
use crate::domain::names::{ClusterName, Namespace};
use crate::domain::template::Template;
use crate::domain::version::VersionRule;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key: `argocd.main.url`. What has no name of its own is called by its number, from 1.
    pub key: Safe,
    /// The value, for a person.
    pub value: Safe,
    /// Where it comes from.
    pub from: From,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A line of the configuration file, from 1.
    Line(usize),
    /// The argocd CLI's login.
    ArgocdCli(PathBuf),
    /// Kubeconfigs, in the order in which they count.
    Kubeconfig(Vec<PathBuf>),
    /// An environment variable.
    Environment(&'static str),
    /// Nobody said anything.
    Default,
    /// Found out while the world is read, by the usual names.
    Guessed,
}

/// The values of a configuration in the order of the example, then what else the file says. `leaves` are what was read from the file.
pub(super) fn of(config: &Config, leaves: &[Leaf], surroundings: &Surroundings) -> Vec<Setting> {
    let mut listing = Listing { leaves, used: vec![false; leaves.len()], settings: Vec::new(), surroundings };
    listing.say("title", config.title.as_ref().map_or("none", |title| title.as_str()), From::Default);
    listing.say("read_only", flag(config.read_only), From::Default);
    for (index, access) in config.argocds.iter().enumerate() {
        let entry = listing.entry("argocd", access.name.as_wire(), index);
        listing.argocd(&entry, access);
    }
    for (index, access) in config.clusters.iter().enumerate() {
        let entry = listing.entry("clusters", access.name.as_wire(), index);
        listing.cluster(&entry, access);
    }
    if config.landscape.guessed {
        listing.say("environments", "the usual names, as the applications use them", From::Guessed);
    }
    for (index, environment) in config.landscape.environments.iter().enumerate() {
        let entry = listing.entry("environments", environment.name.as_wire(), index);
        listing.below(&entry, "name", environment.name.as_wire(), From::Default);
        listing.below(&entry, "read_only", flag(environment.guard.read_only), From::Default);
        listing.rest_of(&entry, "");
    }
    listing.rest("environments");
    listing.mapping(&config.landscape.mapping);
    if let Some(version) = version(&config.landscape.version) {
        listing.say("mapping.version", version, From::Default);
    }
    listing.rest("mapping");
    listing.rest("services");
    listing.say("ui.glyphs", config.ui.glyphs.word(), From::Default);
    match surroundings.variable("NO_COLOR") {
        Some(_) => listing.take("ui.colors", "none", From::Environment("NO_COLOR")),
        None => listing.say("ui.colors", config.ui.colors.word(), From::Default),
    }
    listing.say("ui.theme", config.ui.theme.word(), From::Default);
    listing.say("ui.notify", config.ui.notify.word(), From::Default);
    listing.say("ui.links", config.ui.links.word(), From::Default);
    // Whatever this list does not know by name: nothing that stands in the file is left out.
    listing.rest("");
    listing.settings
}

struct Listing<'a> {
    leaves: &'a [Leaf],
    used: Vec<bool>,
    settings: Vec<Setting>,
    surroundings: &'a Surroundings,
}

impl Listing<'_> {
    /// The key of an entry of a list: by its name where the file names it, else by its number.
    fn entry(&self, list: &str, name: &str, index: usize) -> Entry {
        let (named, numbered) = (format!("{list}.{name}"), format!("{list}.{}", index + 1));
        let is_below = |start: &str| self.leaves.iter().any(|leaf| leaf.key.strip_prefix(start).is_some_and(|rest| rest.starts_with('.')));
        Entry { written: if is_below(&named) || !is_below(&numbered) { named.clone() } else { numbered }, shown: named }
    }

    /// A value: as the file writes it, with its line, else `value` from `from`.
    fn say(&mut self, key: &str, value: &str, from: From) {
        self.say_as(key, key, value, from);
    }

    fn say_as(&mut self, written: &str, shown: &str, value: &str, from: From) {
        let found = self.leaves.iter().position(|leaf| leaf.key == written);
        let from = found.and_then(|index| self.leaves.get(index)).map_or(from, |leaf| From::Line(leaf.line));
        if let Some(used) = found.and_then(|index| self.used.get_mut(index)) {
            *used = true;
        }
        self.settings.push(Setting { key: Safe::clean(shown), value: Safe::clean(value), from });
    }

    /// A value that outranks what the file says.
    fn take(&mut self, key: &str, value: &str, from: From) {
        for (_, used) in self.leaves.iter().zip(&mut self.used).filter(|(leaf, _)| leaf.key == key) {
            *used = true;
        }
        self.settings.push(Setting { key: Safe::clean(key), value: Safe::clean(value), from });
    }

    /// What the file says below a key and was not told yet.
    fn rest(&mut self, below: &str) {
        for (leaf, used) in self.leaves.iter().zip(&mut self.used) {
            let is_below = leaf.key.strip_prefix(below).is_some_and(|rest| below.is_empty() || rest.starts_with('.'));
            if is_below && !std::mem::replace(used, true) {
                self.settings.push(Setting { key: Safe::clean(&leaf.key), value: leaf.shown.clone(), from: From::Line(leaf.line) });
            }
        }
    }

    /// The rest of an entry, under the name by which it is shown, but for one table in it.
    fn rest_of(&mut self, entry: &Entry, except: &str) {
        for (leaf, used) in self.leaves.iter().zip(&mut self.used) {
            let Some(rest) = leaf.key.strip_prefix(&entry.written).filter(|rest| rest.starts_with('.')) else { continue };
            let is_left = except.is_empty() || rest.strip_prefix('.').and_then(|rest| rest.split_once('.')).is_none_or(|(table, _)| table != except);
            if is_left && !std::mem::replace(used, true) {
                let key = Safe::clean(&format!("{}{rest}", entry.shown));
                self.settings.push(Setting { key, value: leaf.shown.clone(), from: From::Line(leaf.line) });
            }
        }
    }

    fn argocd(&mut self, entry: &Entry, access: &ArgocdAccess) {
        let cli = match access.api.as_ref().map(|api| &api.token) {
            Some(SecretRef::ArgocdCli { file, .. }) => Some(file.clone()),
            _ => argocd_cli::location(self.surroundings).filter(|file| file.exists()),
        };
        let found = || cli.clone().map_or(From::Default, From::ArgocdCli);
        match &access.api {
            None => self.below(entry, "core", "true", From::Kubeconfig(kubeconfig::files(self.surroundings))),
            Some(api) => {
                let at = |variable: &'static str| self.surroundings.variable(variable).map(|_| From::Environment(variable));
                let from = at("ARGOCD_SERVER").filter(|_| !self.has(entry, "context")).unwrap_or_else(found);
                self.below(entry, "url", &api.url, from);
                self.api(entry, api, &found);
            }
        }
        let clusters: Vec<&str> = access.clusters.iter().map(ClusterName::as_wire).collect();
        let clusters = if clusters.is_empty() { "none".to_owned() } else { clusters.join(", ") };
        let clusters = if access.cluster_is_configured { clusters } else { format!("to be proven among: {clusters}") };
        self.below(entry, "cluster", &clusters, From::Kubeconfig(kubeconfig::files(self.surroundings)));
        self.below(entry, "namespaces", &list(access.namespaces.iter().map(Namespace::as_wire)), From::Default);
        let reconciliation = access.reconciliation.map_or_else(|| "as the cluster says, else 180s".to_owned(), |span| format!("{}s", span.as_secs()));
        self.below(entry, "reconciliation", &reconciliation, From::Default);
        self.rest_of(entry, "headers");
        for (name, secret) in access.api.iter().flat_map(|api| &api.headers) {
            self.secret(entry, &format!("headers.{name}"), secret, From::Default);
        }
    }

    fn api(&mut self, entry: &Entry, api: &ApiAccess, found: &dyn Fn() -> From) {
        let token = match &api.token {
            SecretRef::Environment(_) if !self.below_any(entry, "token") => From::Environment("ARGOCD_AUTH_TOKEN"),
            _ => found(),
        };
        self.secret(entry, "token", &api.token, token);
        self.below(entry, "insecure", if api.insecure { "true" } else { "false" }, if api.insecure { found() } else { From::Default });
        if api.authority.is_some() {
            self.below(entry, "ca", "a certificate authority", found());
        }
        if api.client.is_some() {
            self.below(entry, "client_certificate", "a client certificate with its key", found());
        }
    }

    fn cluster(&mut self, entry: &Entry, access: &ClusterAccess) {
        let files = access.kubeconfig.clone().map_or_else(|| kubeconfig::files(self.surroundings), |file| vec![file]);
        let found = || From::Kubeconfig(files.clone());
        self.below(entry, "context", &access.context, found());
        let server = access.server.as_ref().map_or_else(|| "not in the kubeconfig".to_owned(), |server| server.shown().to_string());
        self.below(entry, "server", &server, found());
        let namespaces = list(access.namespaces.iter().map(Namespace::as_wire));
        self.below(entry, "namespaces", if access.namespaces.is_empty() { "the whole cluster" } else { &namespaces }, From::Default);
        if !access.destinations.is_empty() {
            self.below(entry, "destinations", &list(access.destinations.iter().map(Raw::as_wire)), From::Default);
        }
        if let Some(why) = &access.held_back {
            self.below(entry, "not contacted", why, found());
        }
        self.rest_of(entry, "");
    }

    fn mapping(&mut self, mapping: &Mapping) {
        let labels = &mapping.labels;
        for (key, keys) in [
            ("service", &labels.service),
            ("environment", &labels.environment),
            ("placement", &labels.placement),
            ("part", &labels.part),
            ("group", &labels.group),
        ] {
            self.say(&format!("mapping.labels.{key}"), &list(keys.iter().map(Raw::as_wire)), From::Default);
        }
        for (key, templates) in
            [("names", &mapping.names), ("paths", &mapping.paths), ("values", &mapping.values), ("namespaces", &mapping.namespaces)]
        {
            self.say(&format!("mapping.{key}"), &list(templates.iter().map(Template::as_written)), From::Default);
        }
    }

    /// A secret: where it is, never what it is.
    fn secret(&mut self, entry: &Entry, key: &str, secret: &SecretRef, otherwise: From) {
        let place = match secret {
            SecretRef::Environment(name) => format!("in the environment variable {name}"),
            SecretRef::File(path) => format!("in the file {}", self.surroundings.shown(path)),
            SecretRef::Command(words) => format!("printed by the command '{}'", words.first().map_or("", String::as_str)),
            SecretRef::ArgocdCli { file, user } => format!("of user '{user}' in {}", self.surroundings.shown(file)),
        };
        let start = format!("{}.{key}.", entry.written);
        let mut from = otherwise;
        for (leaf, used) in self.leaves.iter().zip(&mut self.used).filter(|(leaf, _)| leaf.key.starts_with(&start)) {
            from = From::Line(leaf.line);
            *used = true;
        }
        self.settings.push(Setting { key: Safe::clean(&format!("{}.{key}", entry.shown)), value: Safe::clean(&place), from });
    }

    fn below(&mut self, entry: &Entry, key: &str, value: &str, from: From) {
        self.say_as(&format!("{}.{key}", entry.written), &format!("{}.{key}", entry.shown), value, from);
    }

    fn has(&self, entry: &Entry, key: &str) -> bool {
        self.leaves.iter().any(|leaf| leaf.key.strip_prefix(&entry.written) == Some(&format!(".{key}")))
    }

    fn below_any(&self, entry: &Entry, key: &str) -> bool {
        self.leaves.iter().any(|leaf| leaf.key.starts_with(&format!("{}.{key}.", entry.written)))
    }
}

/// An entry of a list of tables.
struct Entry {
    /// The start of its keys as the reader calls them.
    written: String,
    /// The start of its keys as they are shown.
    shown: String,
}

const fn flag(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

fn list<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let texts: Vec<String> = texts.map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", texts.join(", "))
}

/// A rule that is one word. Others are written as tables, which the file tells.
const fn version(rule: &VersionRule) -> Option<&'static str> {
    match rule {
        VersionRule::Auto => Some("auto"),
        VersionRule::Chart => Some("chart"),
        VersionRule::Revision => Some("revision"),
        VersionRule::Image { .. } | VersionRule::Container { .. } | VersionRule::Annotation { .. } => None,
    }
}
