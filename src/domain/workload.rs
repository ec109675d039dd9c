//! Workloads in a cluster: what runs, how many replicas of it are ready, and how far a change has come.

use crate::base::{Raw, Safe, Timestamp};
use crate::domain::health::Known;
use crate::domain::image::Image;
use crate::domain::names::{ClusterName, Namespace};

/// The kinds of workload that a placement is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// Argo Rollouts.
    Rollout,
    /// `apps/v1`.
    Deployment,
    /// `apps/v1`.
    StatefulSet,
    /// `apps/v1`.
    DaemonSet,
}

impl WorkloadKind {
    /// All of them, in the order in which they are watched.
    pub const ALL: [Self; 4] = [Self::Rollout, Self::Deployment, Self::StatefulSet, Self::DaemonSet];

    /// The kind as Kubernetes writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rollout => "Rollout",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }

    /// Its API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Rollout => "argoproj.io",
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
        }
    }
}

/// The only key of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkloadKey {
    /// The cluster it runs in.
    pub cluster: ClusterName,
    /// Its namespace.
    pub namespace: Namespace,
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: Raw,
}

/// The workload facet: one Rollout, Deployment, `StatefulSet` or `DaemonSet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The marks Argo CD left on it.
    pub tracking: Tracking,
    /// Its containers, in the order of the pod template: sidecars often come first. Empty when the template is elsewhere (`workloadRef`).
    pub containers: Box<[Container]>,
    /// How many replicas.
    pub replicas: Replicas,
    /// How far a change has come, as `kubectl rollout status` (or the Rollouts plugin) would say.
    pub progress: Progress,
    /// Only a Rollout: the state of its canary or blue-green change.
    pub rollout: Option<Box<RolloutStatus>>,
    /// Why its controller cannot make pods, in the server's words: a quota, a webhook. Condition `ReplicaFailure`.
    pub unmade: Option<Safe>,
    /// Label selector of its pods, for listing them on demand: `a=b,c=d`.
    pub selector: Raw,
}

/// The marks by which Argo CD says that a resource is its own.
/// Documented under resource tracking: `argocd.argoproj.io/tracking-id` = `app:group/Kind:namespace/name`, where `app` is `namespace_name` for
/// an application outside Argo CD's namespace; or a label whose key is a setting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tracking {
    /// The application named by the tracking annotation, only if the rest of the annotation names this very resource: a copied annotation counts
    /// for nothing.
    pub annotation: Option<Raw>,
    /// `argocd.argoproj.io/installation-id`: which Argo CD, where several write into one cluster.
    pub installation: Option<Raw>,
    /// The value of the instance label (`app.kubernetes.io/instance` unless set otherwise).
    pub label: Option<Raw>,
}

/// A container and its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: Raw,
    /// Its image.
    pub image: Image,
}

/// Replica counts; each is a number of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replicas {
    /// Wanted.
    pub desired: u32,
    /// There at all.
    pub current: u32,
    /// Of the newest template.
    pub updated: u32,
    /// Passing their readiness checks.
    pub ready: u32,
    /// Ready for long enough.
    pub available: u32,
}

/// How far a change has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is outstanding.
    Done,
    /// On its way, and what it waits for.
    Waiting(Safe),
    /// It stands still and will not go on by itself.
    Failed(Safe),
}

/// The state of a Rollout as its object alone tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutStatus {
    /// The phase, after the checks that the plugin makes before it believes it (`GetRolloutPhase`).
    pub phase: RolloutPhase,
    /// What the controller says about it.
    pub message: Safe,
    /// How the change is made.
    pub strategy: Strategy,
    /// Hash of the stable pods.
    pub stable_hash: Raw,
    /// Hash of the newest template's pods.
    pub current_hash: Raw,
    /// The steps of the canary.
    pub steps: Box<[Step]>,
    /// Index of the current step; equal to the number of steps when all are done. `None` without steps.
    pub step_index: Option<usize>,
    /// The change was aborted: traffic goes back to the stable version while the template still wants the new one.
    pub aborted: bool,
    /// Why it is paused, where it is.
    pub pause: Option<Pause>,
    /// Weight at which all traffic is canary: 100 unless set otherwise.
    pub max_weight: u32,
    /// The weight that the traffic router reports; `None` without traffic routing, where replicas make the weight.
    pub routed_weight: Option<u32>,
    /// Whether traffic is routed by weight rather than by replica counts.
    pub has_traffic_routing: bool,
    /// `status.availableReplicas`, the whole against which replica weights are measured.
    pub available: u32,
    /// The analysis that runs with the current step or in the background, and its phase.
    pub analysis: Option<(Raw, Safe)>,
}

/// The phase of a Rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutPhase {
    /// Done and well.
    Healthy,
    /// Broken or aborted.
    Degraded,
    /// On its way.
    Progressing,
    /// Waits.
    Paused,
    /// A word this version does not know.
    Other(Safe),
}

impl RolloutPhase {
    /// The word the controller and the plugin use.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Progressing => "Progressing",
            Self::Paused => "Paused",
            Self::Other(word) => word.as_str(),
        }
    }
}

/// How a Rollout changes versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Step by step.
    Canary,
    /// All at once, with a preview.
    BlueGreen,
}

/// One step of a canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send so much traffic to the canary, in percent.
    SetWeight(u32),
    /// Wait: so many seconds, or for a person.
    Pause(Option<u64>),
    /// Measure.
    Analysis,
    /// Run an experiment.
    Experiment,
    /// Anything else, by its name.
    Other(Safe),
}

/// Why a Rollout waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    /// For time to pass: it goes on at this moment by itself.
    Until(Timestamp),
    /// For a person.
    Person,
    /// An analysis or experiment could not decide: for a person.
    Inconclusive,
}

/// The replica set facet: one set of pods of a Rollout, needed for the stable version and the actual weight of a canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaSet {
    /// The Rollout that owns it.
    pub rollout: Raw,
    /// Its pod template hash.
    pub hash: Raw,
    /// Its containers.
    pub containers: Box<[Container]>,
    /// Pods wanted.
    pub desired: u32,
    /// Pods available.
    pub available: u32,
    /// Pods ready.
    pub ready: u32,
}

/// The only key of a replica set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplicaSetKey {
    /// The cluster it runs in.
    pub cluster: ClusterName,
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: Raw,
}

/// The pods facet of one workload, listed on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pods {
    /// Each pod.
    pub pods: Vec<Pod>,
}

/// One pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: Raw,
    /// What `kubectl get pods` shows under STATUS.
    pub status: Safe,
    /// Containers that are ready, and all of them.
    pub ready: (u32, u32),
    /// Restarts of all its containers.
    pub restarts: u32,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Image and digest per container: the digest is what really runs, `sha256:…`.
    pub images: Vec<(Container, Known<Raw>)>,
}
