//! What sources say: facts in facets, with the scope they speak for and the times they carry.
//!
//! A source knows one or more *facets* of an item. [`Observation::Listed`] replaces one facet of a whole scope at once, so that absence means
//! something; [`Observation::Changed`] and [`Observation::Removed`] speak of one item. A poorer source never erases a richer facet.

use std::time::Duration;

use crate::base::{Epoch, Raw, RequestId, Safe, Timestamp};
use crate::domain::application::{Application, Detail};
use crate::domain::desired::Desired;
use crate::domain::names::{AppKey, ClusterName, Namespace, SourceId};
use crate::domain::pull::{Pull, PullKey};
use crate::domain::recent::{Edits, Recent};
use crate::domain::workload::{Pods, ReplicaSet, ReplicaSetKey, Workload, WorkloadKey, WorkloadKind};

/// The part of a source's world that one list or one watch speaks for. Permission is granted by scope, so state is kept by scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// All applications of an Argo CD instance.
    Applications,
    /// The applications of one Argo CD project.
    Project(Raw),
    /// The Application objects of one namespace.
    ApplicationsIn(Namespace),
    /// The workloads of one kind in a cluster: everywhere, or in one namespace.
    Workloads(WorkloadKind, Option<Namespace>),
    /// The replica sets of Rollouts: everywhere, or in one namespace.
    ReplicaSets(Option<Namespace>),
    /// What a gitops repository wants of the applications that it was asked about.
    Desired,
    /// The pull requests of a repository that operations opened, by its owner and name.
    Pulls(Raw),
}

impl Scope {
    /// The scope in words: for the sources screen and for JSON.
    #[must_use]
    pub fn shown(&self) -> Safe {
        match self {
            Self::Applications => crate::safe!("applications"),
            Self::Project(project) => crate::safe!("project {}", project.shown()),
            Self::ApplicationsIn(namespace) => crate::safe!("applications in {}", namespace.shown()),
            Self::Workloads(kind, None) => crate::safe!("{}s", kind.word()),
            Self::Workloads(kind, Some(namespace)) => crate::safe!("{}s in {}", kind.word(), namespace.shown()),
            Self::Desired => crate::safe!("what git wants"),
            Self::Pulls(repository) => crate::safe!("pull requests of {}", repository.shown()),
            Self::ReplicaSets(None) => crate::safe!("ReplicaSets"),
            Self::ReplicaSets(Some(namespace)) => crate::safe!("ReplicaSets in {}", namespace.shown()),
        }
    }
}

impl Scope {
    /// Whether it speaks for workloads of a namespace.
    #[must_use]
    pub fn concerns(&self, namespace: &Namespace) -> bool {
        match self {
            Self::Workloads(_, scope) | Self::ReplicaSets(scope) => scope.as_ref().is_none_or(|scope| scope == namespace),
            Self::Applications | Self::Project(_) | Self::ApplicationsIn(_) | Self::Desired | Self::Pulls(_) => false,
        }
    }
}

/// The version of the world that a fact comes from, by which a list and a stream of the same source are merged (what the stream said later wins; the
/// list proves absence). Comparable within one source only: a cluster's is Kubernetes' `resourceVersion` as a number; an Argo CD's is the order in
/// which it was heard, in nanoseconds since 1970, because its stream says less when it must carry versions and its lists overstate theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct WorldVersion(pub u64);

/// Several items of one facet.
#[derive(Debug, Clone, PartialEq)]
pub enum Items {
    /// Summaries of applications.
    Applications(Vec<(AppKey, Application)>),
    /// Workloads.
    Workloads(Vec<(WorkloadKey, Workload)>),
    /// Replica sets of Rollouts.
    ReplicaSets(Vec<(ReplicaSetKey, ReplicaSet)>),
    /// What git wants of applications.
    Desired(Vec<(AppKey, Desired)>),
    /// Pull requests.
    Pulls(Vec<(PullKey, Pull)>),
}

/// One item of one facet.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// The summary of an application.
    Application(AppKey, Box<Application>),
    /// The detail of an application, read on demand.
    Detail(AppKey, Box<Detail>),
    /// A workload.
    Workload(WorkloadKey, Box<Workload>),
    /// A replica set of a Rollout.
    ReplicaSet(ReplicaSetKey, Box<ReplicaSet>),
    /// The pods of a workload, listed on demand.
    Pods(WorkloadKey, Pods),
    /// What happened lately in a cluster, read on demand.
    Recent(ClusterName, Box<Recent>),
    /// Who wrote the fields of resources of an application, read on demand.
    Edits(AppKey, Box<Edits>),
}

/// Names one item of one facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKey {
    /// An application, with all that is known of it.
    Application(AppKey),
    /// A workload.
    Workload(WorkloadKey),
    /// A replica set.
    ReplicaSet(ReplicaSetKey),
}

/// A fact from a source.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// Some of the items of a scope, painted before the rest has come: adds and changes, proves no absence.
    Page {
        /// The items.
        items: Items,
        /// The version of the world they are of.
        version: Option<WorldVersion>,
    },
    /// All items of a scope: what is not among them is not there.
    Listed {
        /// What the list speaks for.
        scope: Scope,
        /// The items.
        items: Items,
        /// The version of the world they are of.
        version: Option<WorldVersion>,
    },
    /// One item is new or different.
    Changed {
        /// The item.
        item: Item,
        /// The version of the world it is of.
        version: Option<WorldVersion>,
    },
    /// One item is gone.
    Removed {
        /// Which.
        key: ItemKey,
        /// The version of the world in which it went.
        version: Option<WorldVersion>,
    },
    /// The controller behind an Argo CD instance was seen to have compared an application with git at this time.
    Reconciled {
        /// `status.reconciledAt` of the application that was asked.
        at: Timestamp,
    },
    /// What an Argo CD instance says about itself.
    Instance(InstanceFacts),
}

/// What an Argo CD instance says about itself (`/api/version`, `/api/v1/settings`) or its cluster says about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceFacts {
    /// Its version.
    pub version: Option<Safe>,
    /// Which world is read.
    pub reads: Option<World>,
    /// Label key of resource tracking.
    pub label_key: Option<Raw>,
    /// `annotation`, `label` or `annotation+label`.
    pub tracking_method: Option<Raw>,
    /// Tells several Argo CDs in one cluster apart.
    pub installation: Option<Raw>,
    /// Namespace of its controller.
    pub controller_namespace: Option<Namespace>,
    /// Seconds between comparisons with git, where it could be read.
    pub reconciliation_seconds: Option<u64>,
    /// The cluster that was proven, or configured, to hold its Application objects.
    pub holder: Option<ClusterName>,
    /// Whether the cluster would answer if the API did not: checked beforehand.
    pub fallback: Option<Fallback>,
    /// Why the API was lost when its cluster last stood in for it.
    pub lost: Option<Safe>,
    /// How long our login to it is good for; of clusters too.
    pub login: Option<Login>,
}

/// A login that ends within this time is announced: somebody can then see to it in their own time.
pub const NOTICE: Duration = Duration::from_hours(24);

/// How long a login is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// It does not say, or renews itself.
    Open,
    /// It ends.
    Until {
        /// When.
        at: Timestamp,
        /// How long it lasts in all, where it says so.
        lasts: Option<Duration>,
        /// The command that renews it, or what a person does.
        renewal: Safe,
    },
}

impl InstanceFacts {
    /// Takes newer facts in; what they do not say stays.
    pub fn merge(&mut self, newer: Self) {
        let Self {
            version,
            reads,
            label_key,
            tracking_method,
            installation,
            controller_namespace,
            reconciliation_seconds,
            holder,
            fallback,
            lost,
            login,
        } = newer;
        self.version = version.or(self.version.take());
        self.reads = reads.or(self.reads.take());
        self.label_key = label_key.or(self.label_key.take());
        self.tracking_method = tracking_method.or(self.tracking_method.take());
        self.installation = installation.or(self.installation.take());
        self.controller_namespace = controller_namespace.or(self.controller_namespace.take());
        self.reconciliation_seconds = reconciliation_seconds.or(self.reconciliation_seconds);
        self.holder = holder.or(self.holder.take());
        self.fallback = fallback.or(self.fallback.take());
        self.lost = lost.or(self.lost.take());
        self.login = login.or(self.login.take());
    }
}

/// Which world an Argo CD source reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Argo CD's API.
    Api,
    /// The Application objects in its cluster.
    Cluster,
}

/// Whether the cluster may stand in for Argo CD's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fallback {
    /// It may.
    Ready,
    /// It may not, and why.
    No(Safe),
}

/// The state of a source in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// First contact is under way.
    Connecting,
    /// Facts are current.
    Live,
    /// Lost or refused for now; it is tried again by itself.
    Waiting {
        /// When it is tried again; `None` while a try is under way.
        until: Option<Timestamp>,
        /// What went wrong.
        why: Safe,
    },
    /// It will not answer until somebody does something.
    Denied {
        /// What was refused.
        why: Safe,
        /// What helps.
        cure: Safe,
    },
    /// Not read, on purpose.
    Off {
        /// Why.
        why: Safe,
    },
}

impl SourceState {
    /// One word, lower case: for the screen and for JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Waiting { .. } => "waiting",
            Self::Denied { .. } => "denied",
            Self::Off { .. } => "off",
        }
    }

    /// Whether facts of this scope are current.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live)
    }

    /// Whether nothing more is to be expected without time or people: it is known what this scope can say for now.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        matches!(self, Self::Live | Self::Denied { .. } | Self::Off { .. })
    }
}

/// What a source reports: stamped by its supervisor with who speaks and when it was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Who speaks.
    pub source: SourceId,
    /// Which generation of its connection.
    pub epoch: Epoch,
    /// When the source confirmed it.
    pub at: Timestamp,
    /// What it says.
    pub body: ReportBody,
}

/// What a report says.
#[derive(Debug, Clone, PartialEq)]
pub enum ReportBody {
    /// A fact.
    Observed(Observation),
    /// The state of a scope.
    State(Scope, SourceState),
    /// A scope is no longer read in this way: forget its state, not its facts (the reader changed).
    Forget(Scope),
    /// The source answered its proof of life.
    Alive,
    /// Work done since the last such report.
    Traffic(Traffic),
    /// An answer to a question of the core: what it asked for was reported before this, or `failed` says why not.
    Answered {
        /// The question.
        request: RequestId,
        /// Why there is no answer.
        failed: Option<Safe>,
    },
}

/// Work done by a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Requests sent.
    pub requests: u64,
    /// Bytes of bodies received, as decoded.
    pub bytes: u64,
}
