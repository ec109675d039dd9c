//! What a cluster says happened lately, read when somebody asks what changed: replica sets with their times, events as far as they were kept, and who
//! wrote the fields of a resource. Values only; they are put in order by [`timeline`](crate::domain::timeline).

use crate::base::{Raw, Safe, Timestamp};
use crate::domain::names::Namespace;
use crate::domain::workload::{Container, WorkloadKind};

/// What one cluster says of the time since a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// From when on.
    pub since: Timestamp,
    /// Replica sets made since.
    pub sets: Vec<SetMade>,
    /// Events of note since, at most one for an object and a reason.
    pub events: Vec<Event>,
    /// How far each namespace could be read.
    pub reach: Vec<Reach>,
}

/// A replica set that was made: a Deployment or a Rollout began to change what it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMade {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: Raw,
    /// What it belongs to.
    pub owner: (WorkloadKind, Raw),
    /// When it was made.
    pub at: Timestamp,
    /// Its containers.
    pub containers: Box<[Container]>,
}

/// An event of a cluster, with those that repeat it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The namespace of what it is about.
    pub namespace: Namespace,
    /// The kind of what it is about.
    pub kind: Raw,
    /// The name of what it is about.
    pub name: Raw,
    /// One word: `BackOff`.
    pub reason: Safe,
    /// What happened.
    pub message: Safe,
    /// Whether it warns.
    pub warns: bool,
    /// How often it was seen.
    pub count: u32,
    /// When it was seen last.
    pub at: Timestamp,
    /// Who saw it: `kubelet`.
    pub by: Safe,
}

/// How far a namespace could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Which.
    pub namespace: Namespace,
    /// The oldest event that the cluster still has, of any kind; `None`: it has none, or was not asked.
    pub oldest: Option<Timestamp>,
    /// What could not be read, and why: `events: forbidden …`.
    pub missing: Vec<Safe>,
}

/// A resource whose writers are asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceName {
    /// API group; empty for core.
    pub group: Raw,
    /// Kind.
    pub kind: Raw,
    /// Namespace.
    pub namespace: Namespace,
    /// Name.
    pub name: Raw,
}

/// Who wrote the fields of the resources of one application, as far as they are no controllers (`metadata.managedFields`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits {
    /// Each writer of each resource, with the time of its last change.
    pub edits: Vec<Edit>,
    /// Resources that could not be asked, and why.
    pub missing: Vec<Safe>,
}

/// A change by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Of what.
    pub resource: ResourceName,
    /// The program that wrote: `kubectl-edit`.
    pub manager: Safe,
    /// When it wrote last.
    pub at: Timestamp,
}

/// Reasons of events that do not warn and yet say that something changed. From kubernetes `pkg/controller/deployment`, `pkg/kubelet/events`,
/// `pkg/controller/podautoscaler` and argo-rollouts `utils/conditions` (v1.9.1).
const TELLING: &[&str] = &[
    "ScalingReplicaSet",
    "SuccessfulRescale",
    "Killing",
    "Preempted",
    "Evicted",
    "TaintManagerEviction",
    "NodeNotReady",
    "DeploymentRollback",
    "RolloutUpdated",
    "RolloutCompleted",
    "RolloutPaused",
    "RolloutResumed",
    "RolloutStepCompleted",
    "RolloutAborted",
    "RolloutDegraded",
    "SwitchService",
];

/// Whether an event is of note: it warns, or says that something was scaled, rolled out or killed.
#[must_use]
pub fn is_telling(reason: &str, warns: bool) -> bool {
    warns || TELLING.contains(&reason)
}

/// Field managers of controllers: what they write is no change by hand.
const CONTROLLERS: &[&str] = &[
    "argocd-controller",
    "argocd-application-controller",
    "argocd-server",
    "argocd-applicationset-controller",
    "rollouts-controller",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "vpa-recommender",
    "vpa-updater",
    "cluster-autoscaler",
    "external-secrets",
    "cert-manager-cainjector",
];

/// Whether a field manager is a person's program rather than a controller. One that nobody knows counts: better one line too many than a change by
/// hand that is not told.
#[must_use]
pub fn is_by_hand(manager: &str) -> bool {
    !manager.is_empty() && !CONTROLLERS.contains(&manager) && !manager.ends_with("-controller") && !manager.ends_with("-operator")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_write_nothing_by_hand() {
        for (manager, by_hand) in [
            ("kubectl-edit", true),
            ("kubectl", true),
            ("helm", true),
            ("node-fetch", true),
            ("argocd-controller", false),
            ("keda-operator", false),
            ("", false),
        ] {
            assert_eq!(is_by_hand(manager), by_hand, "{manager}");
        }
        assert!(is_telling("BackOff", true) && is_telling("ScalingReplicaSet", false) && !is_telling("Pulled", false));
    }
}
