//! The wire types of one application with all that an open cell asks for.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::lenient::{Text, lenient, truth};
use super::{Health, Metadata};

/// One application with all that an open cell asks for. Read beside `Application` from the same body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::argocd) struct Detailed<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) metadata: Metadata<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) spec: DetailedSpec<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) status: DetailedStatus<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct DetailedSpec<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) ignore_differences: Vec<Ignored<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) sync_policy: DetailedPolicy<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct DetailedPolicy<'a> {
    /// `Name=value` each.
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) sync_options: Vec<Text<'a>>,
}

/// An entry of `spec.ignoreDifferences`; what is empty means any.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct Ignored<'a> {
    #[serde(borrow)]
    pub(in crate::sources::argocd) group: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) kind: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) namespace: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) name: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) json_pointers: Vec<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) jq_path_expressions: Vec<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) managed_fields_managers: Vec<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct DetailedStatus<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) resources: Vec<Resource<'a>>,
    /// `appTree`: health is not in the object but where the API joins it from (since 3.0).
    #[serde(borrow)]
    pub(in crate::sources::argocd) resource_health_source: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) conditions: Vec<Condition<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) history: Vec<Deployment<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) operation_state: DetailedOperation<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct Resource<'a> {
    #[serde(borrow)]
    pub(in crate::sources::argocd) group: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) kind: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) namespace: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) name: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) status: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) health: Option<Health<'a>>,
    #[serde(deserialize_with = "truth")]
    pub(in crate::sources::argocd) requires_pruning: bool,
    #[serde(deserialize_with = "truth")]
    pub(in crate::sources::argocd) hook: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct Condition<'a> {
    #[serde(borrow)]
    pub(in crate::sources::argocd) r#type: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) message: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) last_transition_time: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct Deployment<'a> {
    pub(in crate::sources::argocd) id: i64,
    #[serde(borrow)]
    pub(in crate::sources::argocd) revision: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) revisions: Vec<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) deploy_started_at: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) deployed_at: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) initiated_by: Initiator<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::argocd) struct Initiator<'a> {
    #[serde(borrow)]
    pub(in crate::sources::argocd) username: Text<'a>,
    #[serde(deserialize_with = "truth")]
    pub(in crate::sources::argocd) automated: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct DetailedOperation<'a> {
    #[serde(borrow)]
    pub(in crate::sources::argocd) phase: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) message: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) started_at: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) finished_at: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) operation: Operation<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) sync_result: SyncResult<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct Operation<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) initiated_by: Initiator<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) sync: OperationSync<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct OperationSync<'a> {
    /// The resources that it is about; all where none is named.
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) resources: Vec<Chosen<'a>>,
    #[serde(deserialize_with = "lenient")]
    pub(in crate::sources::argocd) sync_strategy: Strategy,
    #[serde(deserialize_with = "truth")]
    pub(in crate::sources::argocd) dry_run: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::argocd) struct Chosen<'a> {
    #[serde(borrow)]
    pub(in crate::sources::argocd) name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::argocd) struct Strategy {
    /// It is there: hooks are left out.
    pub(in crate::sources::argocd) apply: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::argocd) struct SyncResult<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) resources: Vec<Applied<'a>>,
}

/// What became of one resource of a sync.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct Applied<'a> {
    #[serde(borrow)]
    pub(in crate::sources::argocd) kind: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) name: Text<'a>,
    /// `Synced`, `SyncFailed`, `Pruned` or `PruneSkipped`.
    #[serde(borrow)]
    pub(in crate::sources::argocd) status: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) message: Text<'a>,
    /// `PreSync` and so on; empty for what is no hook.
    #[serde(borrow)]
    pub(in crate::sources::argocd) hook_type: Text<'a>,
    /// `Failed` and `Error` are bad.
    #[serde(borrow)]
    pub(in crate::sources::argocd) hook_phase: Text<'a>,
}

/// The answer to which sync windows there are: those that are in force now, and all.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::sources::argocd) struct Windows<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) active_windows: Vec<Window<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(in crate::sources::argocd) assigned_windows: Vec<Window<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sources::argocd) struct Window<'a> {
    /// `allow` or `deny`.
    #[serde(borrow)]
    pub(in crate::sources::argocd) kind: Text<'a>,
    /// When it begins, as cron writes it.
    #[serde(borrow)]
    pub(in crate::sources::argocd) schedule: Text<'a>,
    #[serde(borrow)]
    pub(in crate::sources::argocd) duration: Text<'a>,
}
