//! THE SHELL: the only room that knows all others. It reads the clock, owns the terminal, starts the sources, feeds the core and carries its
//! effects out.
//!
//! Threads: the main thread runs the core and paints into recycled buffers; the writer thread owns the terminal; the input thread waits for keys;
//! a few worker threads run the sources. The model never leaves the main thread.

pub mod browser;
pub mod carrying;
pub mod checkup;
pub mod clock;
pub mod cockpit;
pub mod connections;
pub mod demo;
pub mod faults;
pub mod headless;
pub mod identity;
pub mod kept;
pub mod log;
pub mod places;
pub mod planning;
mod posting;
mod remembered;
pub mod report;
pub mod signals;
pub mod terminal;
pub mod world;

use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr as _};
use secrecy::SecretString;

use crate::app::matrix::Arrange;
use crate::app::model::Window;
use crate::app::view::View;
use crate::app::{Model, NamedRepository, Settings};
use crate::base::{Raw, Safe};
use crate::config::{self, Config, Origin, Problems};
use crate::domain::SourceId;
use crate::domain::access::{ClusterAccess, RepositoryAccess};
use crate::domain::desired::Address;
use crate::runtime::terminal::sequences::{self, Bell, Between};
use crate::ui::Look;
use crate::ui::keymap::{self, Wrong};
use crate::ui::keys::Keys;
use crate::ui::look::{Colors, Glyphs, Theme};

/// The worker threads for sources and the timers of the core.
pub fn tokio_runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("sources")
        .enable_all()
        .build()
        .wrap_err("cannot start the worker threads")
}

/// A model for a configuration: nothing known, nothing read yet.
#[must_use]
pub fn model(config: &Config) -> Model {
    let explicit = matches!(config.origin, Origin::File(_));
    let mut start: Vec<SourceId> = config.argocds.iter().map(|access| SourceId::argocd(&access.name)).collect();
    start.extend(config.repositories.iter().map(|named| SourceId::repository(named.name.clone())));
    let reached = reached(config);
    let githubs = config.githubs.iter().filter(|github| !reached.on_github(github).is_empty());
    start.extend(githubs.map(|github| SourceId::github(github.name.clone())));
    if explicit {
        start.extend(config.clusters.iter().map(|access| SourceId::cluster(&access.name)));
    }
    let settings = Settings {
        title: config.title.clone().unwrap_or_default(),
        file: file(config),
        start,
        clusters: config.clusters.iter().map(|access| access.name.clone()).collect(),
        argocd_pages: config.argocds.iter().filter_map(|access| Some((access.name.clone(), access.api.as_ref()?.url.clone()))).collect(),
        has_browser: browser::is_there(|name| std::env::var(name).ok()),
        clipboard_hint: Safe::clean(match Between::choose(|name| std::env::var(name).ok()) {
            Between::Tmux => ". Not there? tmux needs: set -g set-clipboard on",
            Between::Nothing | Between::Screen => "",
        }),
        repositories: config.repositories.iter().map(repository).collect(),
        githubs: config.githubs.iter().map(|github| github.name.clone()).collect(),
        discover_repositories: config.gitops.discover && config.repositories.is_empty(),
        window: Window::default(),
        takes_up: false,
    };
    let mut model = Model::new(config.landscape.clone(), settings, clock::now());
    model.operations.standing.visitor = carrying::visitor(&config.landscape);
    model.operations.standing.read_only = config.read_only;
    model.own.views = config.views.iter().map(view).collect();
    model.notice = config.remarks.first().cloned();
    model
}

fn view(view: &config::View) -> View {
    View {
        name: view.name.clone(),
        filter: view.filter.clone(),
        arrange: match view.arrange {
            config::Arrange::Need => Arrange::ByNeed,
            config::Arrange::Name => Arrange::ByName,
            config::Arrange::Change => Arrange::ByChange,
        },
        folded: view.fold,
        is_configured: true,
    }
}

fn repository(named: &config::Repository) -> NamedRepository {
    let addresses = std::iter::once(Address::read(&named.url)).chain(named.aliases.iter().cloned()).collect();
    NamedRepository { name: named.name.clone(), addresses }
}

/// The configuration file as a person would write its path: the one that was read, else the one that would be.
fn file(config: &Config) -> Safe {
    let surroundings = places::surroundings();
    let file = match &config.origin {
        Origin::File(file) => Some(file.clone()),
        Origin::Discovered => surroundings.default_file(),
    };
    let Some(file) = file else { return Safe::clean("a file, given with --config") };
    match surroundings.home.as_ref().and_then(|home| file.strip_prefix(home).ok()) {
        Some(below) => Safe::clean(&format!("~/{}", below.display())),
        None => Safe::clean(&file.display().to_string()),
    }
}

/// How frames look: by the terminal, unless the configuration says otherwise. `NO_COLOR` outranks it.
#[must_use]
pub fn look(config: &Config) -> Look {
    let variable = |name: &str| std::env::var(name).ok();
    let mut look = Look::choose(variable);
    look.glyphs = match config.ui.glyphs {
        config::Glyphs::Auto => look.glyphs,
        config::Glyphs::Unicode => Glyphs::Unicode,
        config::Glyphs::Ascii => Glyphs::Ascii,
    };
    look.theme = match config.ui.theme {
        config::Theme::Usual => Theme::Usual,
        config::Theme::ColourBlind => Theme::ColourBlind,
    };
    look.links = match config.ui.links {
        config::Links::Auto => sequences::understands_links(variable),
        config::Links::Always => true,
        config::Links::Never => false,
    };
    // What is wrong with them was told when the configuration was read.
    look.keys = keys(config).unwrap_or_default();
    look.colors = match config.ui.colors {
        config::Colors::None => Colors::None,
        config::Colors::Many if variable("NO_COLOR").is_none_or(|value| value.is_empty()) => Colors::Many,
        config::Colors::Sixteen if variable("NO_COLOR").is_none_or(|value| value.is_empty()) => Colors::Sixteen,
        config::Colors::Sixteen | config::Colors::Many | config::Colors::Auto => look.colors,
    };
    look
}

/// The keys that a configuration makes of the usual ones. Which commands there are only the cockpit knows, so this is where they are looked for.
pub fn keys(config: &Config) -> Result<Keys, Problems> {
    let written: Vec<(&str, Vec<&str>)> =
        config.keys.iter().map(|binding| (binding.command.as_str(), binding.keys.iter().map(|key| key.written.as_str()).collect())).collect();
    keymap::with(&written).map_err(|wrong| {
        let problem = |wrong: Wrong| {
            let binding = config.keys.get(wrong.binding);
            let key = wrong.key.zip(binding).and_then(|(key, binding)| binding.keys.get(key));
            let place = key.map(|key| &key.place).or_else(|| binding.map(|binding| &binding.place)).cloned().unwrap_or_default();
            config::Problem { found: wrong.found, cure: Some(wrong.cure), ..place }
        };
        let mut problems: Vec<config::Problem> = wrong.into_iter().map(problem).collect();
        // In the order of the file.
        problems.sort_by_key(|problem| problem.at);
        Problems(problems)
    })
}

/// How attention is drawn.
#[must_use]
pub const fn bell(config: &Config) -> Bell {
    match config.ui.notify {
        config::Notify::Bell => Bell::Bell,
        config::Notify::Osc9 => Bell::Osc9,
        config::Notify::Osc777 => Bell::Osc777,
        config::Notify::Off => Bell::Off,
    }
}

/// How the sources of a configuration are reached, shared by their tasks.
#[must_use]
pub fn reached(config: &Config) -> Arc<connections::Reached> {
    let clusters: Vec<ClusterAccess> = config.clusters.clone();
    let annotations = config.landscape.wanted_annotations().cloned().collect();
    let is_isolated = config.gitops.mirrors.is_some();
    let mirrors = config.gitops.mirrors.clone().or_else(places::mirrors).unwrap_or_else(|| std::env::temp_dir().join("tiphys-mirrors"));
    let discovered = RepositoryAccess {
        name: Raw::default(),
        url: SecretString::default(),
        aliases: Vec::new(),
        interval: config.gitops.interval,
        silence: None,
        keys: config.gitops.keys.clone(),
        mirrors,
        is_isolated,
    };
    let named = |named: &config::Repository| RepositoryAccess {
        name: named.name.clone(),
        url: SecretString::from(named.url.clone()),
        aliases: named.aliases.clone(),
        interval: named.interval.unwrap_or(config.gitops.interval),
        ..discovered.clone()
    };
    let repositories = config.repositories.iter().map(named).collect();
    Arc::new(connections::Reached {
        argocds: config.argocds.clone(),
        clusters,
        repositories,
        discovered,
        githubs: config.githubs.clone(),
        annotations,
    })
}

/// Words for a panic's payload.
pub(crate) fn panic_words(payload: &(dyn std::any::Any + Send)) -> Safe {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Safe::clean(text.unwrap_or("a panic without words"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_cannot_be_are_told_with_file_line_and_cure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let argocd = "[[argocd]]\nname = \"main\"\nurl = \"https://argocd.example.com\"\ntoken = { env = \"TOKEN\" }\n";
        let surroundings = config::Surroundings::new(Some(folder.path().to_owned()), [("TOKEN", "x")]);
        let load = |keys: &str| {
            std::fs::write(&file, format!("{argocd}[keys]\n{keys}")).unwrap();
            config::load(Some(&file), &surroundings).unwrap()
        };
        let told = keys(&load("help = \"F1\"\nsorces = \"S\"\nfold = [\"v\", \"Ctrl-S\"]\n")).unwrap_err().to_string();
        let told = told.replace(&folder.path().display().to_string(), "");
        let expected = "/config.toml:7:1: keys.sorces: there is no command 'sorces'\n    did you mean 'sources'?\n\
                        /config.toml:8:14: keys.fold: Ctrl-S cannot be used: it stops the terminal's output until Ctrl-Q\n    \
                        another key: \"Ctrl-T\", \"T\", \"F5\"";
        assert_eq!(told, expected);
        assert_eq!(keys(&load("help = \"F1\"\n")).unwrap().of(crate::app::Intent::Help), "F1");
        assert_eq!(keys(&load("")).unwrap(), Keys::USUAL);
    }
}
