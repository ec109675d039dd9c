//! An Argo CD application as the fleet knows it: the summary that every row needs, and the detail that an open cell asks for.

use crate::base::{Raw, Safe, Timestamp};
use crate::domain::health::{Health, Known, Sync};
use crate::domain::image::Image;
use crate::domain::names::Namespace;

/// The summary facet of an application: what a list, the stream and the Application object all know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The Argo CD project.
    pub project: Raw,
    /// Labels of the Application object, in the order of their keys.
    pub labels: Box<[(Raw, Raw)]>,
    /// Annotations of the Application object that somebody asked to keep, in the order of their keys.
    pub annotations: Box<[(Raw, Raw)]>,
    /// Where it deploys to.
    pub destination: Destination,
    /// Where its manifests come from: one entry, or several for a multi-source application.
    pub origins: Box<[Origin]>,
    /// Health as Argo CD judged it.
    pub health: Health,
    /// Since when it has this health (Argo CD 3.1 and later).
    pub health_since: Option<Timestamp>,
    /// Whether the cluster has what git wants.
    pub sync: Sync,
    /// The revisions it was last compared with: one per origin that has one. A projected list before Argo CD 3.5 does not say: empty.
    pub revisions: Box<[Raw]>,
    /// Images in the cluster, as Argo CD summarised them: without an order that means anything.
    pub images: Box<[Image]>,
    /// The operation that runs or ran last.
    pub operation: Option<Operation>,
    /// When the last successful deployment ended.
    pub deployed_at: Option<Timestamp>,
    /// When the controller last compared it with git: `status.reconciledAt`. A list and the stream do not say.
    pub reconciled_at: Option<Timestamp>,
    /// Whether the controller was told to leave it alone (annotation `argocd.argoproj.io/skip-reconcile`): its facts stand still on purpose.
    pub frozen: bool,
    /// Whether Argo CD syncs it by itself.
    pub automation: Automation,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// What kind of application it is.
    pub shape: Shape,
}

impl Application {
    /// The value of an annotation, where it was kept.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&Raw> {
        self.annotations.iter().find(|(name, _)| name.as_wire() == key).map(|(_, value)| value)
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&Raw> {
        self.labels.iter().find(|(name, _)| name.as_wire() == key).map(|(_, value)| value)
    }

    /// The URL of the gitops repository that says what it is to run: the one with its values, else the first with manifests. Charts come from Helm
    /// repositories, which are not read, and applications of applications run no service.
    #[must_use]
    pub fn repository(&self) -> Option<&Raw> {
        if self.shape == Shape::AppOfApps {
            return None;
        }
        let in_git = |origin: &&Origin| origin.chart.is_none() && !origin.repository.is_empty();
        let is_referred = self.origins.iter().any(|origin| origin.value_files.iter().any(|file| file.as_wire().starts_with('$')));
        let referred = self.origins.iter().filter(in_git).find(|origin| is_referred && origin.reference.is_some());
        referred.or_else(|| self.origins.iter().filter(in_git).find(|origin| origin.path.is_some())).map(|origin| &origin.repository)
    }
}

/// Where an application deploys to: Argo CD names the cluster by its address or by its name in the cluster list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Destination {
    /// The API server's address; `https://kubernetes.default.svc` is the cluster that holds the Application.
    pub server: Option<Raw>,
    /// The cluster's name in Argo CD.
    pub name: Option<Raw>,
    /// The namespace.
    pub namespace: Namespace,
}

/// The address by which Argo CD names the cluster that it runs in (argo-cd `common.KubernetesInternalAPIServerAddr`).
pub const IN_CLUSTER: &str = "https://kubernetes.default.svc";

impl Destination {
    /// Whether it is the cluster that holds the Application itself.
    #[must_use]
    pub fn is_in_cluster(&self) -> bool {
        match (&self.server, &self.name) {
            (Some(server), _) => server.as_wire().trim_end_matches('/') == IN_CLUSTER,
            (None, Some(name)) => name.as_wire() == "in-cluster",
            (None, None) => false,
        }
    }
}

/// One source of an application's manifests: `spec.source` or an entry of `spec.sources`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// The repository's URL.
    pub repository: Raw,
    /// The path inside a git repository.
    pub path: Option<Raw>,
    /// The chart's name in a Helm repository.
    pub chart: Option<Raw>,
    /// Branch, tag, commit or chart version.
    pub target_revision: Option<Raw>,
    /// The name by which other origins refer to this one (`$values/…`).
    pub reference: Option<Raw>,
    /// Helm values files, later ones win.
    pub value_files: Box<[Raw]>,
    /// `kustomize.images`, as written: they override what the files say.
    pub images: Box<[Raw]>,
    /// `helm.parameters`, name and value: they override what the values files say.
    pub parameters: Box<[(Raw, Raw)]>,
    /// `helm.valuesObject` or `helm.values`: YAML that stands in the Application and overrides the values files.
    pub values: Option<Raw>,
    /// `directory.recurse`: plain manifests are also read below the path.
    pub recurse: bool,
    /// A config management plugin makes the manifests.
    pub plugin: bool,
}

/// A sync or another operation of Argo CD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// How far it is.
    pub phase: Phase,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended. Set while still running: it waits to be tried again.
    pub finished_at: Option<Timestamp>,
}

/// The phase of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It runs.
    Running,
    /// It was asked to stop.
    Terminating,
    /// It ended well.
    Succeeded,
    /// It ended badly: resources did not apply or hooks failed.
    Failed,
    /// It could not be carried out.
    Error,
    /// A word this version does not know.
    Other(Safe),
}

impl Phase {
    /// Reads Argo CD's word.
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word {
            "Running" => Self::Running,
            "Terminating" => Self::Terminating,
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            "Error" => Self::Error,
            other => Self::Other(Safe::clean(other)),
        }
    }

    /// Whether the operation has not ended.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Running | Self::Terminating)
    }

    /// One word, lower case.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Terminating => "terminating",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Other(_) => "unknown",
        }
    }
}

/// Whether and how Argo CD syncs an application by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Automation {
    /// `spec.syncPolicy.automated` is there and not switched off (`enabled: false` since Argo CD 3.2).
    pub enabled: bool,
    /// Drift by hand is undone.
    pub self_heal: bool,
    /// What git no longer has is deleted.
    pub prune: bool,
}

/// What kind of application it is: some carry services, some carry other applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// It deploys workloads.
    #[default]
    Plain,
    /// It deploys other applications (`status.summary.isAppOfApps`).
    AppOfApps,
}

/// The detail facet of one application, read on demand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail {
    /// Identifies the object over its life; also proves that two ways of reading see the same one.
    pub uid: Raw,
    /// The resources it manages.
    pub resources: Vec<Resource>,
    /// What Argo CD complains about.
    pub conditions: Vec<Condition>,
    /// Earlier deployments, newest first.
    pub history: Vec<Deployment>,
    /// The operation that runs or ran last.
    pub operation: Option<OperationDetail>,
    /// The ApplicationSet that made it.
    pub made_by: Option<Raw>,
    /// Fields that Argo CD does not compare: `spec.ignoreDifferences`.
    pub ignored: Vec<Ignored>,
    /// Whether a sync leaves those fields alone too (sync option `RespectIgnoreDifferences=true`). Without it, it sets them all the same.
    pub respects_ignored: bool,
    /// The sync window that keeps Argo CD from syncing it by itself, in words. `None`: none does, or nobody told: it is asked for
    /// only where something is to be synced, and only the API tells.
    pub window: Option<Safe>,
}

/// Fields of some resources that Argo CD does not compare. What is empty means any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ignored {
    /// API group.
    pub group: Raw,
    /// Kind.
    pub kind: Raw,
    /// Namespace.
    pub namespace: Raw,
    /// Name.
    pub name: Raw,
    /// JSON pointers and jq expressions, as written.
    pub fields: Vec<Raw>,
    /// Whoever these wrote by is not compared: names of field managers.
    pub managers: Vec<Raw>,
}

/// One managed resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// API group; empty for core.
    pub group: Raw,
    /// Kind.
    pub kind: Raw,
    /// Namespace; empty for cluster-wide resources.
    pub namespace: Namespace,
    /// Name.
    pub name: Raw,
    /// Whether it is what git wants.
    pub sync: Sync,
    /// Its health; Argo CD's cluster objects do not say since 3.0. `None`: a kind without health.
    pub health: Known<Option<Health>>,
    /// What its health is about.
    pub message: Option<Safe>,
    /// Git no longer has it.
    pub requires_pruning: bool,
    /// It is a hook, which stays until the next one takes its place.
    pub hook: bool,
}

/// A complaint of Argo CD: `ComparisonError`, `SyncError`, ….
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its type.
    pub kind: Safe,
    /// What it says.
    pub message: Safe,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// An earlier deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Argo CD's number of it, for a rollback.
    pub id: i64,
    /// The revisions deployed: one per origin.
    pub revisions: Vec<Raw>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub deployed_at: Option<Timestamp>,
    /// Who asked for it.
    pub by: Initiator,
}

/// Who asked for an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Initiator {
    /// Argo CD itself, by automation.
    Automation,
    /// A person or account.
    User(Safe),
    /// Not recorded.
    NotRecorded,
}

/// The last operation with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationDetail {
    /// How far it is.
    pub phase: Phase,
    /// What it says.
    pub message: Safe,
    /// Who asked for it.
    pub by: Initiator,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Resources that did not apply: kind/name and what the server said.
    pub failures: Vec<(Safe, Safe)>,
    /// The hooks that it ran.
    pub hooks: Vec<HookRun>,
    /// Whether it was about all resources, so that hooks ran: not about some that were chosen, and not by the strategy `apply`, which leaves them out.
    pub is_whole: bool,
}

/// A hook that an operation ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRun {
    /// Its kind: mostly `Job`.
    pub kind: Raw,
    /// Its name.
    pub name: Raw,
    /// When it runs: `PreSync`, `Sync`, `PostSync`, `SyncFail`.
    pub when: Raw,
    /// How far it is, or what became of it.
    pub phase: Phase,
    /// What is said of it.
    pub message: Safe,
}
