//! One Argo CD application: what git wants of it, what was synced, and how its controller judges it. Pure: it is told what git says and what its
//! workloads are like.

use serde_json::{Map, Value, json};

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
    /// It says nothing of it.
    Nobody,
}

/// How far an operation is, or the hook of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Phase {
    Running,
    Terminating,
    Succeeded,
    Failed,
}

impl Phase {
    pub(in crate::simulator) const fn word(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Terminating => "Terminating",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// The Job that runs before a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct HookRun {
    pub(in crate::simulator) name: String,
    pub(in crate::simulator) phase: Phase,
    pub(in crate::simulator) fails: bool,
}

/// An operation that was asked for, that runs, or that ran last.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulator) struct Operation {
    pub(in crate::simulator) started: Timestamp,
    pub(in crate::simulator) finished: Option<Timestamp>,
    pub(in crate::simulator) phase: Phase,
    pub(in crate::simulator) message: String,
    pub(in crate::simulator) revision: String,
    /// The tags that it applies, by workload.
    pub(in crate::simulator) tags: Vec<String>,
    /// The pods that it applies, by workload.
    pub(in crate::simulator) replicas: Vec<u32>,
    pub(in crate::simulator) by: By,
    /// What was asked for besides the revision, as `operation.sync` has it.
    pub(in crate::simulator) sync: Map<String, Value>,
    /// `operation.info` as it was given.
    pub(in crate::simulator) info: Option<Value>,
    pub(in crate::simulator) retry: Value,
    pub(in crate::simulator) hook: Option<HookRun>,
    /// Whether it waits for a sync window.
    pub(in crate::simulator) is_blocked: bool,
    /// When its controller looks at it next; never where it hangs.
    pub(in crate::simulator) planned: Option<Timestamp>,
}

impl Operation {
    pub(in crate::simulator) fn new(started: Timestamp, revision: String, by: By) -> Self {
        Self {
            started,
            finished: None,
            phase: Phase::Running,
            message: "waiting for healthy state of resources".to_owned(),
            revision,
            tags: Vec::new(),
            replicas: Vec::new(),
            by,
            sync: Map::new(),
            info: None,
            retry: Value::Object(Map::new()),
            hook: None,
            is_blocked: false,
            planned: None,
        }
    }

    pub(in crate::simulator) fn end(&mut self, phase: Phase, message: String, now: Timestamp) {
        (self.phase, self.message, self.finished, self.planned) = (phase, message, Some(now), None);
    }

    pub(in crate::simulator) fn is_dry(&self) -> bool {
        self.sync.get("dryRun") == Some(&Value::Bool(true))
    }

    /// Whether it skips hooks.
    pub(in crate::simulator) fn is_apply(&self) -> bool {
        self.sync.get("syncStrategy").is_some_and(|strategy| strategy.get("apply").is_some())
    }

    /// Kind and name of the only resources that it is about, if it is not about all.
    pub(in crate::simulator) fn only(&self) -> Option<Vec<(String, String)>> {
        let resources = self.sync.get("resources").and_then(Value::as_array).filter(|resources| !resources.is_empty())?;
        let text = |resource: &Value, field: &str| resource.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(resources.iter().map(|resource| (text(resource, "kind"), text(resource, "name"))).collect())
    }
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
    /// Asked for, and not yet seen by the controller.
    pub(in crate::simulator) requested: Option<Operation>,
    /// The one that runs or ran last.
    pub(in crate::simulator) operation: Option<Operation>,
    /// Somebody asked for a comparison, and how: `normal` or `hard`.
    pub(in crate::simulator) refresh: Option<String>,
    /// `spec.syncPolicy` as somebody wrote it past the definition; null where they took it away.
    pub(in crate::simulator) policy: Option<Value>,
    /// `metadata.generation`, as far as specifications count it.
    pub(in crate::simulator) generation: u64,
    pub(in crate::simulator) history: Vec<Deployed>,
    pub(in crate::simulator) reconciled: Timestamp,
    pub(in crate::simulator) created: Timestamp,
    /// Why git could not be understood at this revision, if so.
    pub(in crate::simulator) error: Option<String>,
    /// Applications that it consists of, by number.
    pub(in crate::simulator) children: Vec<usize>,
}

impl Application {
    /// Whether an operation is asked for or runs.
    pub(in crate::simulator) fn is_syncing(&self) -> bool {
        self.requested.is_some() || self.operation.as_ref().is_some_and(|operation| operation.finished.is_none())
    }

    /// `spec.syncPolicy` without what has a length of time; null where there is none.
    pub(in crate::simulator) fn policy(&self) -> Value {
        let defined = || json!({"automated": {"prune": true, "selfHeal": self.self_heal}, "syncOptions": ["CreateNamespace=true"]});
        self.policy.clone().unwrap_or_else(|| if self.automated { defined() } else { Value::Null })
    }

    /// Somebody writes another `spec.syncPolicy`.
    pub(in crate::simulator) fn set_policy(&mut self, policy: Value) {
        let automated = policy.get("automated").filter(|automated| automated.is_object());
        let is = |field: &str| automated.and_then(|automated| automated.get(field)).and_then(Value::as_bool);
        self.automated = automated.is_some() && is("enabled") != Some(false);
        self.self_heal = is("selfHeal") == Some(true);
        self.policy = Some(policy);
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

    /// The operation that runs is done.
    pub(in crate::simulator) fn finish(&mut self, now: Timestamp) {
        let Some(operation) = self.operation.as_mut().filter(|operation| operation.finished.is_none()) else { return };
        operation.end(Phase::Succeeded, "successfully synced (all tasks run)".to_owned(), now);
        if operation.is_dry() || operation.only().is_some() {
            return;
        }
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
