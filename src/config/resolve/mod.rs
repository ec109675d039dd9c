//! From what is written to what it means. Everything that does not fit together is noted with its place, and told at once.

mod github;
mod landscape;
mod looking;
mod repositories;
mod sources;
mod webhook;

use std::path::Path;

use crate::base::Safe;
use crate::config::kubeconfig::{self, Kubeconfig};
use crate::config::problem::did_you_mean;
use crate::config::reader::{At, Findings, Leaf};
use crate::config::written;
use crate::config::{Config, Gitops, Origin, Problem, Problems, Surroundings, Ui, discover};
use crate::domain::access::{ArgocdAccess, ClusterAccess};
use crate::domain::landscape::{ArgocdFacts, ClusterFacts, Landscape};
use crate::domain::mapping::Mapping;

/// What resolving may look at besides the file.
pub(super) struct Context<'c, 't> {
    pub(super) findings: &'c Findings<'t>,
    pub(super) surroundings: &'c Surroundings,
    /// The directory of the file: relative paths start here.
    pub(super) folder: &'c Path,
}

impl Context<'_, '_> {
    pub(super) fn tell(&self, at: &At<String>, found: &str, cure: Option<&str>) {
        self.findings.tell(&at.place, found, cure);
    }

    /// Looks a name up and tells when it is not there.
    pub(super) fn find<'k>(&self, at: &At<String>, what: &str, known: impl IntoIterator<Item = &'k str>) -> bool {
        let known: Vec<&str> = known.into_iter().collect();
        let is_there = known.contains(&at.value.as_str());
        if !is_there {
            self.tell(at, &format!("there is no {what} '{}'", at.value), did_you_mean(&at.value, known).as_deref());
        }
        is_there
    }
}

/// Resolves a file; what was read from it comes along.
pub(super) fn file(file: &Path, text: &str, surroundings: &Surroundings) -> Result<(Config, Vec<Leaf>), Problems> {
    let findings = Findings::new(file.to_owned(), text);
    let resolved = resolve(file, &findings, surroundings);
    match resolved {
        Some(config) if findings.is_empty() => Ok((config, findings.leaves())),
        _ => Err(Problems(findings.into_problems())),
    }
}

fn resolve(file: &Path, findings: &Findings<'_>, surroundings: &Surroundings) -> Option<Config> {
    let written = written::read(findings)?;
    let context = Context { findings, surroundings, folder: file.parent().unwrap_or(Path::new(".")) };
    let mut remarks = Vec::new();
    let (kubeconfig, clusters) = match written.clusters.first() {
        None => {
            let kubeconfig = usual_kubeconfig(surroundings, &mut remarks);
            let clusters = discover::clusters(&kubeconfig);
            (kubeconfig, clusters)
        }
        Some(first) => {
            let kubeconfig = kubeconfig::usual(surroundings).map_err(|problem| findings.tell_of(&first.place, problem)).ok();
            let clusters = context.clusters(&written.clusters, kubeconfig.as_ref());
            (kubeconfig.unwrap_or_default(), clusters)
        }
    };
    let argocds = if written.argocds.is_empty() {
        match discover::argocd(surroundings, &kubeconfig, &clusters) {
            Ok(found) => vec![found],
            Err(problem) => {
                let problem = if problem.file.is_none() { problem.cured_by("add [[argocd]], or argocd login HOST") } else { problem };
                findings.tell_of(&crate::config::reader::Place::default(), problem);
                Vec::new()
            }
        }
    } else {
        context.argocds(&written.argocds, &kubeconfig, &clusters)
    };
    let landscape = context.landscape(&written, &argocds, &clusters)?;
    Some(Config {
        title: written.title.as_ref().map(|title| Safe::clean(&title.value)),
        read_only: written.read_only.as_ref().is_some_and(|flag| flag.value),
        landscape: with_sources(landscape, &argocds, &clusters),
        argocds,
        clusters,
        repositories: context.repositories(&written.repositories),
        githubs: context.githubs(&written.githubs),
        gitops: context.gitops(&written),
        ui: written.ui,
        views: context.views(&written.views),
        webhook: context.webhook(&written),
        keys: context.keys(&written.keys),
        origin: Origin::File(file.to_owned()),
        remarks,
    })
}

/// What is there without a file.
pub(super) fn without_file(surroundings: &Surroundings) -> Result<Config, Problems> {
    let mut remarks = Vec::new();
    let kubeconfig = usual_kubeconfig(surroundings, &mut remarks);
    let clusters = discover::clusters(&kubeconfig);
    let argocd = discover::argocd(surroundings, &kubeconfig, &clusters)?;
    let argocds = vec![argocd];
    let landscape = Landscape::to_be_guessed(Mapping::usual());
    Ok(Config {
        title: None,
        read_only: false,
        landscape: with_sources(landscape, &argocds, &clusters),
        argocds,
        clusters,
        repositories: Vec::new(),
        githubs: Vec::new(),
        gitops: Gitops::default(),
        ui: Ui::default(),
        views: Vec::new(),
        keys: Vec::new(),
        webhook: None,
        origin: Origin::Discovered,
        remarks,
    })
}

/// The kubeconfig; one that cannot be read costs the clusters, not the start.
fn usual_kubeconfig(surroundings: &Surroundings, remarks: &mut Vec<Safe>) -> Kubeconfig {
    kubeconfig::usual(surroundings).unwrap_or_else(|problem: Problem| {
        remarks.push(Safe::clean(&problem.to_string()));
        Kubeconfig::default()
    })
}

fn with_sources(mut landscape: Landscape, argocds: &[ArgocdAccess], clusters: &[ClusterAccess]) -> Landscape {
    let facts = |access: &ArgocdAccess| ArgocdFacts {
        name: access.name.clone(),
        cluster: access.clusters.first().filter(|_| access.cluster_is_configured).cloned(),
    };
    landscape.argocds = argocds.iter().map(facts).collect();
    let facts = |access: &ClusterAccess| ClusterFacts {
        name: access.name.clone(),
        servers: access.server.iter().cloned().collect(),
        destinations: access.destinations.clone(),
    };
    landscape.clusters = clusters.iter().map(facts).collect();
    landscape
}
