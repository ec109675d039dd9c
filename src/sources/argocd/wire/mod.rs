//! What Argo CD and the Application objects look like on the wire: only what is used, borrowed from the body where it can be.
//!
//! Lenient: what is missing, `null` or of another type than expected reads as nothing, so that a later version is shown with gaps rather than not
//! at all. Nothing here knows what the words mean.

mod detail;
mod lenient;

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(super) use detail::{Condition, Deployment, Detailed, DetailedOperation, Ignored, Initiator, Resource, Window, Windows};
pub(super) use lenient::{Pairs, Text};
use lenient::{lenient, truth};

/// A list: of applications from either world, of projects.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct List<T> {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) metadata: ListMetadata,
    #[serde(default = "Vec::new", deserialize_with = "lenient")]
    pub(super) items: Vec<T>,
}

/// What a list says of itself. Owned: it outlives the body.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListMetadata {
    pub(super) resource_version: String,
    /// Where the next page goes on; empty on the last.
    pub(super) r#continue: String,
}

/// A project of the list of projects.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Project<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) metadata: Metadata<'a>,
}

/// `/api/version`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Version<'a> {
    #[serde(borrow, rename = "Version")]
    pub(super) version: Text<'a>,
}

/// `/api/v1/settings`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Settings<'a> {
    #[serde(borrow)]
    pub(super) app_label_key: Text<'a>,
    #[serde(borrow)]
    pub(super) tracking_method: Text<'a>,
    #[serde(borrow)]
    pub(super) controller_namespace: Text<'a>,
    #[serde(borrow, rename = "installationID")]
    pub(super) installation_id: Text<'a>,
}

/// `/api/v1/account/can-i/…`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CanI<'a> {
    /// `yes` or `no`.
    #[serde(borrow)]
    pub(super) value: Text<'a>,
}

/// A refusal: `{"error":…,"code":…,"message":…}` where `code` is gRPC's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal<'a> {
    #[serde(borrow)]
    pub(super) message: Text<'a>,
    #[serde(borrow)]
    pub(super) error: Text<'a>,
    pub(super) code: Option<u32>,
}

/// An application as every reader needs it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Application<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) metadata: Metadata<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) spec: Spec<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) status: Status<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) namespace: Text<'a>,
    #[serde(borrow)]
    pub(super) uid: Text<'a>,
    #[serde(borrow)]
    pub(super) resource_version: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) labels: Pairs<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) annotations: Annotations<'a>,
    #[serde(borrow)]
    pub(super) deletion_timestamp: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) owner_references: Vec<Owner<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Owner<'a> {
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec<'a> {
    #[serde(borrow)]
    pub(super) project: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) destination: Destination<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) source: Source<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) sources: Vec<Source<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) source_hydrator: Hydrator<'a>,
    #[serde(deserialize_with = "lenient")]
    pub(super) sync_policy: SyncPolicy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Destination<'a> {
    #[serde(borrow)]
    pub(super) server: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) namespace: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Source<'a> {
    #[serde(borrow, rename = "repoURL")]
    pub(super) repository: Text<'a>,
    #[serde(borrow)]
    pub(super) path: Text<'a>,
    #[serde(borrow)]
    pub(super) chart: Text<'a>,
    #[serde(borrow)]
    pub(super) target_revision: Text<'a>,
    #[serde(borrow)]
    pub(super) r#ref: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) helm: Helm<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) kustomize: Kustomize<'a>,
    #[serde(deserialize_with = "lenient")]
    pub(super) directory: Directory,
    /// What it says is for the plugin.
    pub(super) plugin: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Kustomize<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) images: Vec<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Directory {
    #[serde(deserialize_with = "truth")]
    pub(super) recurse: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Parameter<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) value: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Helm<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) value_files: Vec<Text<'a>>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) parameters: Vec<Parameter<'a>>,
    /// YAML as text.
    #[serde(borrow)]
    pub(super) values: Text<'a>,
    /// The same as an object; it wins.
    pub(super) values_object: Option<serde_json::Map<String, serde_json::Value>>,
}

/// `spec.sourceHydrator`: manifests are rendered from a dry source into a branch, and synced from there.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Hydrator<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) dry_source: Source<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) sync_source: SyncSource<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SyncSource<'a> {
    #[serde(borrow)]
    pub(super) target_branch: Text<'a>,
    #[serde(borrow)]
    pub(super) path: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SyncPolicy {
    /// `{}` means on.
    pub(super) automated: Option<Automated>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Automated {
    #[serde(deserialize_with = "truth")]
    pub(super) prune: bool,
    #[serde(deserialize_with = "truth")]
    pub(super) self_heal: bool,
    pub(super) enabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) health: Health<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) sync: Sync<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) summary: Summary<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) operation_state: OperationState<'a>,
    #[serde(borrow)]
    pub(super) reconciled_at: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) history: LastDeployment<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Health<'a> {
    #[serde(borrow)]
    pub(super) status: Text<'a>,
    #[serde(borrow)]
    pub(super) message: Text<'a>,
    #[serde(borrow)]
    pub(super) last_transition_time: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sync<'a> {
    #[serde(borrow)]
    pub(super) status: Text<'a>,
    #[serde(borrow)]
    pub(super) revision: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) revisions: Vec<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Summary<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) images: Vec<Text<'a>>,
    #[serde(deserialize_with = "truth")]
    pub(super) is_app_of_apps: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OperationState<'a> {
    #[serde(borrow)]
    pub(super) phase: Text<'a>,
    #[serde(borrow)]
    pub(super) started_at: Text<'a>,
    #[serde(borrow)]
    pub(super) finished_at: Text<'a>,
}

/// `deployedAt` of the last entry of `status.history`, which is oldest first.
#[derive(Debug, Default)]
pub(super) struct LastDeployment<'a>(pub(super) Text<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for LastDeployment<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Entry<'a> {
            #[serde(borrow)]
            deployed_at: Text<'a>,
        }
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = LastDeployment<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a history")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut last = LastDeployment::default();
                while let Some(entry) = seq.next_element::<Entry<'de>>()? {
                    last = LastDeployment(entry.deployed_at);
                }
                Ok(last)
            }
        }
        deserializer.deserialize_seq(Reading)
    }
}

/// A message of Argo CD's stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) result: Option<Change<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<StreamError<'a>>,
}

/// A change of an application: `ADDED`, `MODIFIED` or `DELETED`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change<'a> {
    #[serde(borrow)]
    pub(super) r#type: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) application: Application<'a>,
}

/// A refusal inside of a stream (swagger `runtimeStreamError`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StreamError<'a> {
    pub(super) grpc_code: Option<u32>,
    pub(super) http_code: Option<u16>,
    #[serde(borrow)]
    pub(super) message: Text<'a>,
}

/// An event of a Kubernetes watch. The object of `ERROR` is a [`WatchError`] and reads as an empty application.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WatchEvent<'a> {
    #[serde(borrow)]
    pub(super) r#type: Text<'a>,
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) object: Application<'a>,
}

/// The event of a watch that failed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WatchError<'a> {
    #[serde(borrow, deserialize_with = "lenient")]
    pub(super) object: WatchStatus<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WatchStatus<'a> {
    pub(super) code: u16,
    #[serde(borrow)]
    pub(super) message: Text<'a>,
}

/// Annotations, but for the copy of the whole object that `kubectl apply` leaves: it is long, and escaped, so that it would have to be copied.
#[derive(Debug, Clone, Default)]
pub(super) struct Annotations<'a>(pub(super) Vec<(Text<'a>, Text<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Annotations<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Annotations<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("annotations")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut read = Vec::new();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    if key.as_str() == "kubectl.kubernetes.io/last-applied-configuration" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        read.push((key, map.next_value()?));
                    }
                }
                Ok(Annotations(read))
            }
        }
        deserializer.deserialize_map(Reading)
    }
}
