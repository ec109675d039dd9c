//! One Argo CD application: what git wants of it, what was synced, and how its controller judges it. Pure: it is told what git says and what its
//! workloads are like.

use super::workload::Workload;
use crate::base::Timestamp;
use crate::simulator::definition::WorkloadKind;
use crate::simulator::objects::{Context, rollout};

/// How far a comparison with git went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Sync {
    Synced,
    OutOfSync,
}

/// Argo CD's words for health, best first, as it takes the worst of its resources (gitops-engine `health.IsWorse`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::simulator) enum Health {
    Healthy,
    Suspended,
    Progressing,
    Degraded,
}

impl Health {
    pub(in crate::simulator) const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Degraded => "Degraded",
        }
    }
}

/// Who asked for an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) enum By {
    Automation,
    Person(String),
}

/// The last or the running operation.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulator) struct Operation {
    pub(in crate::simulator) started: Timestamp,
    pub(in crate::simulator) finished: Option<Timestamp>,
    pub(in crate::simulator) revision: String,
    /// The tags that it applies, by workload.
    pub(in crate::simulator) tags: Vec<String>,
    pub(in crate::simulator) by: By,
}

/// An entry of the history.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulator) struct Deployed {
    pub(in crate::simulator) id: u64,
    pub(in crate::simulator) revision: String,
    pub(in crate::simulator) started: Timestamp,
    pub(in crate::simulator) at: Timestamp,
    pub(in crate::simulator) by: By,
}

/// One application.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Application {
    /// In the world's definition, by number.
    pub(in crate::simulator) definition: usize,
    /// Empty for an application of applications.
    pub(in crate::simulator) environment: String,
    pub(in crate::simulator) placement: String,
    /// By number.
    pub(in crate::simulator) argocd: usize,
    pub(in crate::simulator) namespace: String,
    pub(in crate::simulator) name: String,
    /// The cluster's name and its address as the application says it.
    pub(in crate::simulator) cluster: String,
    pub(in crate::simulator) server: String,
    pub(in crate::simulator) target: String,
    pub(in crate::simulator) automated: bool,
    pub(in crate::simulator) self_heal: bool,
    /// By number.
    pub(in crate::simulator) workloads: Vec<usize>,
    /// What git says: the tags by workload, at `revision`.
    pub(in crate::simulator) wanted: Vec<String>,
    /// Pods that git says, by workload.
    pub(in crate::simulator) replicas: Vec<u32>,
    pub(in crate::simulator) revision: String,
    /// `spec.source.kustomize.images`: they win against what git says.
    pub(in crate::simulator) images: Vec<String>,
    pub(in crate::simulator) sync: Sync,
    pub(in crate::simulator) health: Health,
    pub(in crate::simulator) health_since: Timestamp,
    pub(in crate::simulator) operation: Option<Operation>,
    pub(in crate::simulator) history: Vec<Deployed>,
    pub(in crate::simulator) reconciled: Timestamp,
    pub(in crate::simulator) created: Timestamp,
    /// Why git could not be understood at this revision, if so.
    pub(in crate::simulator) error: Option<String>,
    /// Applications that it consists of, by number.
    pub(in crate::simulator) children: Vec<usize>,
}

impl Application {
    pub(in crate::simulator) fn is_syncing(&self) -> bool {
        self.operation.as_ref().is_some_and(|operation| operation.finished.is_none())
    }

    /// Compares with git again. Returns whether there is something to sync.
    pub(in crate::simulator) fn compare(&mut self, workloads: &[Workload], now: Timestamp) -> bool {
        self.reconciled = now;
        let own = self.workloads.iter().filter_map(|number| workloads.get(*number));
        let same = own.zip(self.wanted.iter().zip(&self.replicas)).all(|(workload, (tag, replicas))| {
            // The set of nodes decides how many pods a daemon set has.
            workload.tag == *tag && (workload.replicas == *replicas || workload.kind == WorkloadKind::DaemonSet)
        });
        self.sync = if same { Sync::Synced } else { Sync::OutOfSync };
        !same
    }

    /// Judges health by its workloads.
    pub(in crate::simulator) fn judge(&mut self, workloads: &[Workload], context: &Context<'_>) {
        let own = self.workloads.iter().filter_map(|number| workloads.get(*number));
        let health = own.map(|workload| health(workload, context).0).max().unwrap_or(Health::Healthy);
        if health != self.health {
            self.health = health;
            self.health_since = context.now;
        }
    }

    /// Begins to sync to what git wants.
    pub(in crate::simulator) fn begin(&mut self, by: By, now: Timestamp) {
        let operation = Operation { started: now, finished: None, revision: self.revision.clone(), tags: self.wanted.clone(), by };
        self.operation = Some(operation);
    }

    /// The operation that runs is done.
    pub(in crate::simulator) fn finish(&mut self, now: Timestamp) {
        let Some(operation) = self.operation.as_mut().filter(|operation| operation.finished.is_none()) else { return };
        operation.finished = Some(now);
        let id = self.history.last().map_or(0, |last| last.id + 1);
        let (revision, started, by) = (operation.revision.clone(), operation.started, operation.by.clone());
        self.history.push(Deployed { id, revision, started, at: now, by });
        // Argo CD keeps ten (`revisionHistoryLimit`).
        let surplus = self.history.len().saturating_sub(10);
        self.history.drain(..surplus);
    }
}

/// What Argo CD says of one workload, and why.
pub(in crate::simulator) fn health(workload: &Workload, context: &Context<'_>) -> (Health, String) {
    let now = context.now;
    match workload.kind {
        WorkloadKind::Rollout => {
            let (phase, message) = rollout::phase(workload, context);
            let health = match phase {
                "Healthy" => Health::Healthy,
                "Paused" => Health::Suspended,
                "Degraded" => Health::Degraded,
                _ => Health::Progressing,
            };
            (health, message)
        }
        _ if workload.settled => (Health::Healthy, String::new()),
        WorkloadKind::Deployment if workload.is_overdue(now) => {
            (Health::Degraded, format!("Deployment \"{}\" exceeded its progress deadline", workload.name))
        }
        WorkloadKind::Deployment if workload.updated() < workload.replicas => {
            let (updated, wanted) = (workload.updated(), workload.replicas);
            (Health::Progressing, format!("Waiting for rollout to finish: {updated} out of {wanted} new replicas have been updated..."))
        }
        WorkloadKind::Deployment if workload.total() > workload.updated() => {
            let old = workload.total() - workload.updated();
            (Health::Progressing, format!("Waiting for rollout to finish: {old} old replicas are pending termination..."))
        }
        WorkloadKind::Deployment => {
            let (ready, updated) = (workload.ready(now), workload.updated());
            (Health::Progressing, format!("Waiting for rollout to finish: {ready} of {updated} updated replicas are available..."))
        }
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
            let missing = workload.replicas.saturating_sub(workload.ready(now)).max(1);
            (Health::Progressing, format!("Waiting for {missing} pods to be ready..."))
        }
    }
}
