//! The configuration: TOML as written → resolved, and what can be found without a file.
//!
//! * [`reader`](self) and `written`: every key with its place; several problems are told at once
//! * `resolve`: what the keys mean together: a [`Landscape`], and how Argo CDs and clusters are reached
//! * [`argocd_cli`], [`kubeconfig`]: the files of the argocd CLI and of kubectl, names and addresses only
//! * [`discover`]: what is taken where the file says nothing
//! * [`listing`]: each value with where it comes from; [`schema`]: what a file may hold, for editors
//!
//! What the file leaves out is found, section by section: without `[[argocd]]` the argocd CLI's current context, without `[[clusters]]` the
//! contexts of the kubeconfig, without `[[environments]]` the usual names, guessed and read-only.
//!
//! This room reads files and gets everything else (environment, home) as values. It knows no network, no clock and no screen.

pub mod argocd_cli;
pub mod discover;
pub mod draft;
pub mod kubeconfig;
pub mod listing;
pub mod problem;
mod reader;
mod resolve;
pub mod schema;
mod word;
mod written;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use problem::{Problem, Problems};

use crate::base::{Raw, Safe};
use crate::config::problem::plainly;
use crate::domain::EnvironmentName;
use crate::domain::access::{ArgocdAccess, ClusterAccess, GithubAccess, SecretRef};
use crate::domain::desired::{Address, ValueKeys};
use crate::domain::landscape::Landscape;

/// The configuration, resolved.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the header calls this world.
    pub title: Option<Safe>,
    /// Nothing is changed at all: the file says so, or whoever started the program.
    pub read_only: bool,
    /// Environments, rules, and what destinations mean.
    pub landscape: Landscape,
    /// How the Argo CD instances are reached.
    pub argocds: Vec<ArgocdAccess>,
    /// How the clusters are reached.
    pub clusters: Vec<ClusterAccess>,
    /// The gitops repositories that are named.
    pub repositories: Vec<Repository>,
    /// How each GitHub is reached.
    pub githubs: Vec<GithubAccess>,
    /// How gitops repositories are read.
    pub gitops: Gitops,
    /// How the screen looks.
    pub ui: Ui,
    /// Views by name.
    pub views: Vec<View>,
    /// Keys that commands are given in the place of their usual ones.
    pub keys: Vec<Binding>,
    /// To whom the journal is also handed.
    pub webhook: Option<Webhook>,
    /// Where this comes from.
    pub origin: Origin,
    /// What could not be found and is not needed: for the sources screen.
    pub remarks: Vec<Safe>,
}

/// To whom the journal is also handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where lines are posted to. It holds no password.
    pub url: String,
    /// What is sent as a bearer token.
    pub token: Option<SecretRef>,
    /// The environments of which lines are handed over; `None`: those that are guarded, and those that nothing is promoted from.
    pub environments: Option<Vec<EnvironmentName>>,
    /// Whether it is on this machine.
    pub is_local: bool,
}

/// Where a configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file. What it leaves out was found.
    File(PathBuf),
    /// There is no file: everything was found.
    Discovered,
}

/// A gitops repository as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// What it is called here.
    pub name: Raw,
    /// Its URL. It holds no password.
    pub url: String,
    /// Other URLs that mean it.
    pub aliases: Vec<Address>,
    /// Time between fetches, where it has one of its own.
    pub interval: Option<Duration>,
}

/// How gitops repositories are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gitops {
    /// Whether repositories that nobody named are read because Applications name them.
    pub discover: bool,
    /// Time between fetches.
    pub interval: Duration,
    /// Keys of Helm values that name an image.
    pub keys: ValueKeys,
    /// The folder of the mirrors; `None`: the person's own cache.
    pub mirrors: Option<PathBuf>,
}

impl Default for Gitops {
    fn default() -> Self {
        Self { discover: true, interval: Duration::from_secs(30), keys: ValueKeys::default(), mirrors: None }
    }
}

/// How the screen looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ui {
    /// Letters and marks.
    pub glyphs: Glyphs,
    /// Colours. `NO_COLOR` in the environment means none, whatever is configured.
    pub colors: Colors,
    /// What colours stand for.
    pub theme: Theme,
    /// How attention is drawn to what is watched.
    pub notify: Notify,
    /// Whether what has a page is a hyperlink.
    pub links: Links,
}

/// Whether what has a page is a hyperlink of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// Where the terminal is known to understand them, or to leave them out in silence.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What colours stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// The usual.
    #[default]
    Usual,
    /// For eyes that do not tell all colours apart.
    ColourBlind,
}

/// Keys of a command, as written: which commands and keys there are, the cockpit knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The command.
    pub command: String,
    /// Its keys; at least one.
    pub keys: Vec<BoundKey>,
    /// Where the command stands, for what may be wrong with it.
    pub place: Problem,
}

/// One key of a command, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundKey {
    /// The key.
    pub written: String,
    /// Where it stands, for what may be wrong with it.
    pub place: Problem,
}

/// What is looked at, under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// What it is called.
    pub name: Safe,
    /// The filter, as it is typed.
    pub filter: String,
    /// The order of rows.
    pub arrange: Arrange,
    /// Whether the quiet rows are folded; `None`: when they do not fit.
    pub fold: Option<bool>,
}

/// Orders of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrange {
    /// What needs eyes first.
    #[default]
    Need,
    /// By group and name.
    Name,
    /// The latest deployment first.
    Change,
}

/// How a person's attention is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notify {
    /// The terminal's bell.
    #[default]
    Bell,
    /// A notification by OSC 9.
    Osc9,
    /// A notification by OSC 777.
    Osc777,
    /// Not at all.
    Off,
}

/// The marks that may be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    /// As the locale allows.
    #[default]
    Auto,
    /// All of them.
    Unicode,
    /// Only ASCII.
    Ascii,
}

/// The colours that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colors {
    /// As the terminal says.
    #[default]
    Auto,
    /// The sixteen that every terminal has.
    Sixteen,
    /// 256.
    Many,
    /// None.
    None,
}

/// What surrounds the program, as values, so that tests own it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The home directory.
    pub home: Option<PathBuf>,
    variables: BTreeMap<String, String>,
}

impl Surroundings {
    /// A home directory and environment variables.
    pub fn new<K: Into<String>, V: Into<String>>(home: Option<PathBuf>, variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { home, variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// An environment variable; an empty one is none.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `$XDG_CONFIG_HOME`, else `~/.config`. A relative path counts for nothing, as the XDG specification wants it.
    #[must_use]
    pub fn config_home(&self) -> Option<PathBuf> {
        let named = self.variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| Some(self.home.as_ref()?.join(".config")))
    }

    /// `$XDG_CACHE_HOME`, else `~/.cache`.
    #[must_use]
    pub fn cache_home(&self) -> Option<PathBuf> {
        let named = self.variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| Some(self.home.as_ref()?.join(".cache")))
    }

    /// Where the configuration is looked for unless something else is said.
    #[must_use]
    pub fn default_file(&self) -> Option<PathBuf> {
        Some(self.config_home()?.join("tiphys/config.toml"))
    }

    /// A path as a person would write it: with `~` for the home directory.
    #[must_use]
    pub fn shown(&self, path: &Path) -> String {
        match self.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
            Some(below) => format!("~/{}", below.display()),
            None => path.display().to_string(),
        }
    }

    /// A path as a person writes it: `~/` is the home directory, a relative path starts in `base`.
    pub(crate) fn path(&self, written: &str, base: &Path) -> PathBuf {
        match (written.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => base.join(written),
        }
    }
}

/// Loads the configuration: the file at `path`, else the one that `TIPHYS_CONFIG` names, else `tiphys/config.toml` in the XDG configuration
/// directory. Only the last may be missing.
pub fn load(path: Option<&Path>, surroundings: &Surroundings) -> Result<Config, Problems> {
    read(path, surroundings).map(|(config, _)| config)
}

/// Loads the configuration as [`load`] does, and lists each value with where it comes from.
pub fn explain(path: Option<&Path>, surroundings: &Surroundings) -> Result<(Config, Vec<listing::Setting>), Problems> {
    let (config, leaves) = read(path, surroundings)?;
    let settings = listing::of(&config, &leaves, surroundings);
    Ok((config, settings))
}

/// Resolves a text as if it stood in `file`, which need not be there.
pub fn resolve(file: &Path, text: &str, surroundings: &Surroundings) -> Result<Config, Problems> {
    resolve::file(file, text, surroundings).map(|(config, _)| config)
}

/// What there is without a file, also where there is one.
pub fn discovered(surroundings: &Surroundings) -> Result<Config, Problems> {
    resolve::without_file(surroundings)
}

fn read(path: Option<&Path>, surroundings: &Surroundings) -> Result<(Config, Vec<reader::Leaf>), Problems> {
    let without_file = || resolve::without_file(surroundings).map(|config| (config, Vec::new()));
    let named = path.map(Path::to_owned).or_else(|| surroundings.variable("TIPHYS_CONFIG").map(PathBuf::from));
    let is_named = named.is_some();
    let Some(file) = named.or_else(|| surroundings.default_file()) else { return without_file() };
    match std::fs::read_to_string(&file) {
        Ok(text) => resolve::file(&file, &text, surroundings),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => without_file(),
        Err(error) => Err(Problem::with_file(&file, &format!("cannot read the configuration: {}", plainly(&error))).into()),
    }
}

#[cfg(test)]
mod tests;
