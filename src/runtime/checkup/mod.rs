//! An examination of everything the cockpit stands on: this machine, the configuration, each source, the gitops repositories. Each part looks at
//! its own; here they are brought together. Nothing outside this machine is changed.

mod git;
mod machine;

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::time::Duration;

use futures_util::future::join_all;

use crate::app::repositories::DISCOVERED_AT_MOST;
use crate::base::{Raw, Safe, Timestamp, counted};
use crate::config::{Config, Problems, Surroundings};
use crate::domain::checkup::{Finding, Verdict};
use crate::execution::journal::Journal;
use crate::gitops::Remote;
use crate::runtime::{clock, planning, posting};
use crate::sources::clients::Clients;
use crate::sources::{argocd, kubernetes};

/// What was examined together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// What it is.
    pub kind: Kind,
    /// What it is called; empty for this machine.
    pub name: Safe,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// What can be examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The terminal, the programs and the folders here, and the configuration.
    Machine,
    /// An Argo CD instance.
    Argocd,
    /// A cluster.
    Cluster,
    /// A gitops repository.
    Repository,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// When.
    pub at: Timestamp,
    /// In the order in which one thing needs the other.
    pub parts: Vec<Examined>,
}

impl Checkup {
    /// How many findings have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.parts.iter().flat_map(|part| &part.findings).filter(|finding| finding.verdict == verdict).count()
    }
}

/// Examines everything; each step may take `limit`.
pub async fn examine(config: Result<Config, Problems>, surroundings: &Surroundings, limit: Duration) -> Checkup {
    let mut machine = machine::configuration(&config, surroundings);
    machine.push(git::version(limit).await);
    machine.extend(machine::terminal(|name| std::env::var(name).ok(), size()));
    machine.extend(machine::folders(surroundings));
    machine.extend(machine::kubeconfigs(surroundings));
    machine.extend(config.as_ref().ok().and_then(webhook));
    let mut parts = vec![Examined { kind: Kind::Machine, name: Safe::default(), findings: machine }];
    if let Ok(config) = config {
        parts.extend(sources(&config, limit).await);
    }
    Checkup { at: clock::now(), parts }
}

/// How the handing over of the journal stands, where there is a webhook. Nothing is sent for it.
fn webhook(config: &Config) -> Option<Finding> {
    let journal = planning::journal(config).map(|folder| Journal::at(&folder));
    Some(match posting::waiting(config, journal.as_ref())? {
        Ok(None) => Finding::well("webhook", "nothing was handed over yet: it begins with what comes next"),
        Ok(Some(0)) => Finding::well("webhook", "every line of the journal was taken"),
        Ok(Some(count)) => Finding::warn("webhook", counted(count, "line of the journal waits", "lines of the journal wait").to_string())
            .cured_by("tiphys hands them over while it runs; its list of sources says why one was not taken"),
        Err(why) => Finding::fail("webhook", why),
    })
}

/// Columns and rows, where somebody looks at a terminal.
fn size() -> Option<(u16, u16)> {
    let looks = std::io::stdout().is_terminal() || std::io::stderr().is_terminal();
    crossterm::terminal::size().ok().filter(|_| looks)
}

async fn sources(config: &Config, limit: Duration) -> Vec<Examined> {
    let clients = Clients::new(config.clusters.clone());
    let argocds = join_all(config.argocds.iter().map(|access| argocd::checkup::examine(access, limit)));
    let clusters = join_all(config.clusters.iter().map(|access| kubernetes::checkup::examine(access, &clients, limit)));
    let (argocds, clusters) = tokio::join!(argocds, clusters);
    // Those that are named are read, and no others; else those that Applications name.
    let named: BTreeSet<Raw> = config.repositories.iter().map(|repository| Raw::from(repository.url.as_str())).collect();
    let are_named = !named.is_empty();
    let urls: BTreeSet<Raw> = if !are_named && config.gitops.discover {
        argocds.iter().flat_map(|examined| examined.repositories.iter().cloned()).collect()
    } else {
        named
    };
    let mut parts: Vec<Examined> = Vec::new();
    for (access, examined) in config.argocds.iter().zip(argocds) {
        parts.push(Examined { kind: Kind::Argocd, name: access.name.shown(), findings: examined.findings });
    }
    for (access, findings) in config.clusters.iter().zip(clusters) {
        parts.push(Examined { kind: Kind::Cluster, name: access.name.shown(), findings });
    }
    // As many as are read.
    let most = if are_named { urls.len() } else { DISCOVERED_AT_MOST };
    let is_isolated = config.gitops.mirrors.is_some();
    let remotes: Vec<Remote> = urls.iter().take(most).map(|url| Remote::new(url.as_wire(), is_isolated)).collect();
    let found = join_all(remotes.iter().map(|remote| git::repository(remote, are_named, limit))).await;
    for (remote, finding) in remotes.iter().zip(found) {
        parts.push(Examined { kind: Kind::Repository, name: remote.shown(), findings: vec![finding] });
    }
    if urls.len() > most {
        let finding = Finding::well("not asked", counted(urls.len() - most, "more repository", "more repositories").to_string());
        parts.push(Examined { kind: Kind::Repository, name: Safe::default(), findings: vec![finding] });
    }
    parts
}
