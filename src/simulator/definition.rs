//! What a world consists of, as TOML (`assets/worlds/`): clusters, Argo CD instances, environments, applications and their workloads. Plain
//! types; nothing here moves.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// A world at rest.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Definition {
    pub(super) clusters: Vec<ClusterDefinition>,
    pub(super) argocds: Vec<ArgocdDefinition>,
    /// In promotion order.
    pub(super) environments: Vec<EnvironmentDefinition>,
    #[serde(default)]
    pub(super) applications: Vec<ApplicationDefinition>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ClusterDefinition {
    pub(super) name: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ArgocdDefinition {
    pub(super) name: String,
    /// The cluster that holds its Application objects.
    pub(super) cluster: String,
    #[serde(default = "argocd_namespace")]
    pub(super) namespace: String,
    /// As `/api/version` says it.
    #[serde(default = "argocd_version")]
    pub(super) version: String,
    /// What its applications are called: `{application}`, `{environment}` and `{placement}` (which brings its own hyphen: `-eu`, or nothing).
    #[serde(default = "usual_names")]
    pub(super) names: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EnvironmentDefinition {
    pub(super) name: String,
    /// Environments that are promoted into this one.
    #[serde(default)]
    pub(super) from: Vec<String>,
    pub(super) destinations: Vec<Destination>,
    /// Whether drift by hand is undone.
    #[serde(default = "yes")]
    pub(super) self_heal: bool,
}

/// Where an environment runs. Several: placements.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Destination {
    pub(super) cluster: String,
    /// The Argo CD that deploys there.
    pub(super) argocd: String,
    /// Default: the environment's name.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    /// Empty for the only one.
    #[serde(default)]
    pub(super) placement: String,
}

/// One application in every environment that one of its workloads has a version for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ApplicationDefinition {
    /// The first part of the applications' names; also the default name of its workload.
    pub(super) name: String,
    /// The label `service`; none where it is empty.
    #[serde(default)]
    pub(super) service: String,
    /// The label `team`; none where it is empty.
    #[serde(default)]
    pub(super) team: String,
    #[serde(default = "project")]
    pub(super) project: String,
    /// Where the Application object is, if not in Argo CD's namespace.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    #[serde(default)]
    pub(super) layout: Layout,
    /// Folder in the gitops repository; default `apps/{name}`.
    #[serde(default)]
    pub(super) folder: Option<String>,
    /// Environments that are synced by hand.
    #[serde(default)]
    pub(super) manual: Vec<String>,
    /// A Job that runs before each sync.
    #[serde(default)]
    pub(super) hook: Option<HookDefinition>,
    /// At least one, but for [`Layout::Applications`].
    #[serde(default)]
    pub(super) workloads: Vec<WorkloadDefinition>,
}

/// A Job with the annotation `argocd.argoproj.io/hook: PreSync` among an application's manifests: a migration of its database.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct HookDefinition {
    /// Default: `{application}-migrate`.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// How long it runs.
    #[serde(deserialize_with = "super::span::required::deserialize")]
    pub(super) takes: Duration,
    /// Tags with which it never ends.
    #[serde(default)]
    pub(super) hangs: Vec<String>,
    /// Tags with which it fails.
    #[serde(default)]
    pub(super) fails: Vec<String>,
}

/// How the manifests lie in the gitops repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Layout {
    /// `{folder}/base` and `{folder}/overlays/{environment}`: the tag is `images[].newTag`.
    #[default]
    Kustomize,
    /// `{folder}/{environment}`: a kustomization with its own manifests and `images[].newTag`.
    Plain,
    /// `{folder}/chart` and `{folder}/values-{environment}.yaml`: the tag is `image.tag`, or `{workload}.image.tag` with several workloads.
    Helm,
    /// Three sources: the chart, the values as `ref: values`, plain manifests.
    Several,
    /// An application of applications: it deploys those of the definition whose `folder` is below its own… and no workload.
    Applications,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WorkloadDefinition {
    /// Default: the application's name.
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) kind: WorkloadKind,
    /// Default: `ghcr.io/acme/{name}`.
    #[serde(default)]
    pub(super) image: Option<String>,
    /// Whole images, listed before the workload's own.
    #[serde(default)]
    pub(super) sidecars: Vec<String>,
    /// Environment → tag at the start. An environment with several placements may be told apart: `production/eu`.
    pub(super) versions: BTreeMap<String, String>,
    /// Environment → pods; `default` for the others, else 2.
    #[serde(default)]
    pub(super) replicas: BTreeMap<String, u32>,
    /// Environment → steps of a Rollout: `10%`, `pause`, `pause 30s`, `analysis`.
    #[serde(default)]
    pub(super) canary: BTreeMap<String, Vec<String>>,
    /// How long its controller waits for progress: `progressDeadlineSeconds`.
    #[serde(default, with = "super::span::option")]
    pub(super) deadline: Option<Duration>,
    /// Environment → facts that stories are about (`payments-url`, `mtls`): they go into the configuration of the pods.
    #[serde(default)]
    pub(super) settings: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WorkloadKind {
    #[default]
    Deployment,
    Rollout,
    StatefulSet,
    DaemonSet,
}

fn argocd_namespace() -> String {
    "argocd".to_owned()
}

fn argocd_version() -> String {
    "v3.2.11+simulated".to_owned()
}

fn usual_names() -> String {
    "{application}-{environment}{placement}".to_owned()
}

fn project() -> String {
    "ecommerce".to_owned()
}

const fn yes() -> bool {
    true
}

impl ApplicationDefinition {
    /// Folder in the gitops repository, without a slash at the end.
    pub(super) fn folder(&self) -> String {
        self.folder.clone().unwrap_or_else(|| format!("apps/{}", self.name))
    }

    /// What the Job before each sync is called, if there is one.
    pub(super) fn hook_name(&self) -> Option<String> {
        let hook = self.hook.as_ref()?;
        Some(hook.name.clone().unwrap_or_else(|| format!("{}-migrate", self.name)))
    }
}

impl WorkloadDefinition {
    pub(super) fn name<'a>(&'a self, application: &'a ApplicationDefinition) -> &'a str {
        self.name.as_deref().unwrap_or(&application.name)
    }

    /// The image's repository, without a tag.
    pub(super) fn image(&self, application: &ApplicationDefinition) -> String {
        self.image.clone().unwrap_or_else(|| format!("ghcr.io/acme/{}", self.name(application)))
    }

    /// How long its controller waits for progress; Kubernetes' own ten minutes where nothing is said.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline.unwrap_or(Duration::from_mins(10))
    }

    pub(super) fn replicas(&self, environment: &str) -> u32 {
        self.replicas.get(environment).or_else(|| self.replicas.get("default")).copied().unwrap_or(2)
    }

    /// The tag at the start, if the workload is in this environment and placement.
    pub(super) fn version(&self, environment: &str, placement: &str) -> Option<&str> {
        self.versions.get(&format!("{environment}/{placement}")).or_else(|| self.versions.get(environment)).map(String::as_str)
    }
}
