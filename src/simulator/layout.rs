//! Where the manifests of an application lie in the gitops repository, what they say, and where in them its version is. Definition in, paths and
//! text out: it knows neither git nor the objects that are made of the manifests.

mod edit;
mod files;
mod render;

use super::definition::{
    ApplicationDefinition, ArgocdDefinition, Definition, Destination, EnvironmentDefinition, Layout, WorkloadDefinition, WorkloadKind,
};

pub(super) use edit::{replicas, replicas_file, versions, with_version};
pub(super) use files::{application_files, files};

/// What one entry of an Argo CD Application's sources says. A single one is its `spec.source`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Source {
    /// Folder in the repository; empty for a source that is only referred to.
    pub(super) path: String,
    /// `helm.valueFiles`.
    pub(super) value_files: Vec<String>,
    /// `ref`; empty for none.
    pub(super) reference: String,
}

/// One application in one environment and placement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deployed<'a> {
    pub(super) application: &'a ApplicationDefinition,
    pub(super) environment: &'a EnvironmentDefinition,
    pub(super) destination: &'a Destination,
}

/// Where the applications are, in the order of the definition. Applications of applications are not among them: they deploy no workload.
pub(super) fn deployed(definition: &Definition) -> impl Iterator<Item = Deployed<'_>> {
    definition.applications.iter().flat_map(move |application| deployed_of(definition, application))
}

/// Where one application is.
pub(super) fn deployed_of<'a>(definition: &'a Definition, application: &'a ApplicationDefinition) -> impl Iterator<Item = Deployed<'a>> {
    definition.environments.iter().flat_map(move |environment| {
        let here = environment.destinations.iter().filter(move |destination| is_in(application, &environment.name, &destination.placement));
        here.map(move |destination| Deployed { application, environment, destination })
    })
}

/// Whether an application has a workload there.
pub(super) fn is_in(application: &ApplicationDefinition, environment: &str, placement: &str) -> bool {
    application.workloads.iter().any(|workload| workload.version(environment, placement).is_some())
}

/// The workloads of an application that are there, in order.
pub(super) fn workloads<'a>(
    application: &'a ApplicationDefinition,
    environment: &'a str,
    placement: &'a str,
) -> impl Iterator<Item = &'a WorkloadDefinition> {
    application.workloads.iter().filter(move |workload| workload.version(environment, placement).is_some())
}

/// The applications that an application of applications deploys: those whose folder is below its own.
pub(super) fn children<'a>(definition: &'a Definition, parent: &'a ApplicationDefinition) -> impl Iterator<Item = &'a ApplicationDefinition> {
    let below = format!("{}/", parent.folder());
    let of_applications = parent.layout == Layout::Applications;
    definition.applications.iter().filter(move |application| of_applications && application.folder().starts_with(&below))
}

/// What the Application object of a deployment is called.
pub(super) fn application_name(argocd: &ArgocdDefinition, application: &str, environment: &str, placement: &str) -> String {
    let placement = if placement.is_empty() { String::new() } else { format!("-{placement}") };
    argocd.names.replace("{application}", application).replace("{environment}", environment).replace("{placement}", &placement)
}

/// What the files of an environment and placement are called by: `staging`, `production-eu`.
pub(super) fn overlay(environment: &str, placement: &str) -> String {
    if placement.is_empty() { environment.to_owned() } else { format!("{environment}-{placement}") }
}

/// The file whose edit moves the version.
pub(super) fn version_file(application: &ApplicationDefinition, environment: &str, placement: &str) -> String {
    let (folder, overlay) = (application.folder(), overlay(environment, placement));
    match application.layout {
        Layout::Kustomize => format!("{folder}/overlays/{overlay}/kustomization.yaml"),
        Layout::Plain => format!("{folder}/{overlay}/kustomization.yaml"),
        Layout::Helm | Layout::Several => format!("{folder}/values-{overlay}.yaml"),
        // Nothing there has a version of its own.
        Layout::Applications => format!("{folder}/kustomization.yaml"),
    }
}

/// The file beside the manifests of a deployment that pins its images, where its name is this.
pub(super) fn pin_file(application: &ApplicationDefinition, (environment, placement): (&str, &str), name: &str) -> Option<String> {
    let is_kustomize = matches!(application.layout, Layout::Kustomize | Layout::Plain);
    let folder = source(application, environment, placement).into_iter().next()?.path;
    is_kustomize.then(|| format!("{folder}/.argocd-source-{name}.yaml"))
}

/// What such a file says, as Argo CD Image Updater writes it.
pub(super) fn pinned(images: &[String]) -> String {
    images.iter().fold("kustomize:\n  images:\n".to_owned(), |text, image| format!("{text}  - {image}\n"))
}

/// The tag that pins give an image: `kustomize.images` of the file, then those of the Application itself.
pub(super) fn pin<'p>(image: &str, file: Option<&'p [u8]>, own: &'p [String]) -> Option<&'p str> {
    let lines = file.and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default().lines().filter_map(|line| line.trim().strip_prefix("- "));
    let tag = |pinned: &'p str| pinned.strip_prefix(image)?.strip_prefix(':');
    own.iter().rev().find_map(|pinned| tag(pinned)).or_else(|| lines.rev().find_map(tag))
}

/// The sources of the Application object of a deployment.
pub(super) fn source(application: &ApplicationDefinition, environment: &str, placement: &str) -> Vec<Source> {
    let (folder, overlay) = (application.folder(), overlay(environment, placement));
    let at = |path: String| Source { path, ..Source::default() };
    match application.layout {
        Layout::Kustomize => vec![at(format!("{folder}/overlays/{overlay}"))],
        Layout::Plain => vec![at(format!("{folder}/{overlay}"))],
        Layout::Applications => vec![at(folder)],
        Layout::Helm => {
            vec![Source { value_files: vec![format!("../values-{overlay}.yaml")], ..at(format!("{folder}/chart")) }]
        }
        Layout::Several => vec![
            Source { value_files: vec![format!("$values/{folder}/values-{overlay}.yaml")], ..at(format!("{folder}/chart")) },
            Source { reference: "values".to_owned(), ..Source::default() },
            at(format!("{folder}/manifests")),
        ],
    }
}

/// What the manifests of a deployment make: kind and name, as `kubectl` would list them.
pub(super) fn resources(application: &ApplicationDefinition, environment: &str, placement: &str) -> Vec<(&'static str, String)> {
    let mut resources = Vec::new();
    for workload in workloads(application, environment, placement) {
        let name = workload.name(application);
        resources.push(("ConfigMap", format!("{name}-config")));
        if workload.kind != WorkloadKind::DaemonSet {
            resources.push(("Service", name.to_owned()));
        }
        resources.push((kind(workload.kind), name.to_owned()));
        if render::analysed(workload, environment) {
            resources.push(("AnalysisTemplate", analysis_name(name)));
        }
    }
    if application.layout == Layout::Several {
        resources.push(("ConfigMap", format!("{}-content", application.name)));
    }
    resources
}

/// What the `AnalysisTemplate` of a workload is called.
pub(super) fn analysis_name(workload: &str) -> String {
    format!("{workload}-error-rate")
}

/// A kind as manifests write it.
pub(super) fn kind(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "Deployment",
        WorkloadKind::Rollout => "Rollout",
        WorkloadKind::StatefulSet => "StatefulSet",
        WorkloadKind::DaemonSet => "DaemonSet",
    }
}

/// The configuration of the pods of a workload: names and values as they stand in its ConfigMap.
pub(super) fn configuration(workload: &WorkloadDefinition, environment: &str) -> Vec<(String, String)> {
    let level = if environment == "dev" { "debug" } else { "info" };
    let mut entries = vec![("LOG_LEVEL".to_owned(), level.to_owned()), ("ENVIRONMENT".to_owned(), environment.to_owned())];
    let settings = workload.settings.get(environment).into_iter().flatten();
    entries.extend(settings.map(|(name, value)| (name.to_uppercase().replace('-', "_"), value.clone())));
    entries
}

#[cfg(test)]
mod tests;
