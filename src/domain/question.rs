//! What the core may ask a source while it runs: plain data, so that the core can be tested without one.

use std::collections::BTreeSet;

use crate::base::{Raw, RequestId, Timestamp};
use crate::domain::desired::Wish;
use crate::domain::recent::ResourceName;
use crate::domain::workload::WorkloadKey;
use crate::domain::{AppKey, Namespace};

/// A question with its number; the source ends it with [`ReportBody::Answered`](crate::domain::observation::ReportBody::Answered).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The question's number.
    pub request: RequestId,
    /// What is wanted.
    pub want: Want,
}

/// What a source can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// The detail of one application (Argo CD sources). The project is needed to tell "not there" from "not allowed".
    Detail(AppKey, Raw),
    /// The pods of one workload by its label selector (clusters).
    Pods(WorkloadKey, Raw),
    /// Read everything anew.
    Relist,
    /// The namespaces that matter to the fleet, for accounts that may not watch the whole cluster (clusters).
    Namespaces(BTreeSet<Namespace>),
    /// The label keys under which the Argo CDs of the fleet leave an application's name, the less usual ones first: charts set
    /// `app.kubernetes.io/instance` themselves, so it counts only where no other is there (clusters).
    LabelKeys(Vec<Raw>),
    /// What git wants of these applications from now on; `None`: of that one no more (repositories).
    Desired(Vec<(AppKey, Option<Wish>)>),
    /// How these pull requests stand, again and again from now on, each by the owner and name of its repository and its number (of a GitHub).
    Pulls(BTreeSet<(Raw, u64)>),
    /// What happened in these namespaces since a moment: replica sets and events (clusters).
    Recent(Timestamp, BTreeSet<Namespace>),
    /// Who wrote the fields of these resources of an application (clusters).
    Edits(AppKey, Vec<ResourceName>),
}
