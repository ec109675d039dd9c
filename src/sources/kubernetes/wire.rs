//! The few fields of Kubernetes' and Argo Rollouts' objects that are looked at, as they are on the wire. Everything else is skipped while reading,
//! `managedFields` and the last applied configuration above all: they are most of the bytes. Knows nothing of the domain.
//!
//! Sources: the Kubernetes API reference (`apps/v1`, `v1`), argo-rollouts `pkg/apis/rollouts/v1alpha1/types.go` (v1.9.1).

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::lenient::{Number, Present, Text, nullable};

/// Annotation by which Argo CD says which application a resource belongs to.
pub(super) const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// Annotation by which Argo CD says which of several instances it is.
pub(super) const INSTALLATION_ID: &str = "argocd.argoproj.io/installation-id";
/// Annotation in which the Rollouts controller keeps the generation of the Deployment that a Rollout refers to.
pub(super) const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";
/// Label by which a replica set or a pod of a Rollout names its pod template.
pub(super) const TEMPLATE_HASH: &str = "rollouts-pod-template-hash";

/// Any object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "Spec: Deserialize<'de> + Default, Status: Deserialize<'de> + Default"))]
pub(super) struct Object<Spec, Status> {
    #[serde(deserialize_with = "nullable")]
    pub(super) metadata: Metadata,
    #[serde(deserialize_with = "nullable")]
    pub(super) spec: Spec,
    #[serde(deserialize_with = "nullable")]
    pub(super) status: Status,
}

pub(super) type Deployment = Object<AppsSpec, DeploymentStatus>;
pub(super) type StatefulSet = Object<AppsSpec, StatefulSetStatus>;
pub(super) type DaemonSet = Object<AppsSpec, DaemonSetStatus>;
pub(super) type ReplicaSet = Object<AppsSpec, ReplicaSetStatus>;
pub(super) type Rollout = Object<RolloutSpec, RolloutStatus>;
pub(super) type Pod = Object<PodSpec, PodStatus>;

/// One page of a list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "T: Deserialize<'de> + Default"))]
pub(super) struct List<T> {
    #[serde(deserialize_with = "nullable")]
    pub(super) metadata: ListMetadata,
    #[serde(deserialize_with = "nullable")]
    pub(super) items: Vec<T>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ListMetadata {
    pub(super) resource_version: Text,
    /// Where the next page goes on; empty on the last one.
    #[serde(rename = "continue")]
    pub(super) next: Text,
}

/// One event of a watch.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, bound(deserialize = "T: Deserialize<'de> + Default"))]
pub(super) struct Event<T> {
    #[serde(rename = "type")]
    pub(super) kind: Text,
    pub(super) object: T,
}

/// Metadata of any object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: Text,
    pub(super) namespace: Text,
    pub(super) generation: Number,
    pub(super) resource_version: Text,
    pub(super) deletion_timestamp: Text,
    #[serde(deserialize_with = "nullable")]
    pub(super) labels: Labels,
    #[serde(deserialize_with = "nullable")]
    pub(super) annotations: Annotations,
    #[serde(deserialize_with = "nullable")]
    pub(super) owner_references: Vec<Owner>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Owner {
    pub(super) kind: Text,
    pub(super) name: Text,
    #[serde(deserialize_with = "nullable")]
    pub(super) controller: bool,
}

/// Keys and values, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Labels(pub(super) Vec<(Text, Text)>);

impl Labels {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Text> {
        self.0.iter().find(|(candidate, _)| candidate.as_str() == key).map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Labels;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("labels")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut labels = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    labels.push(entry);
                }
                Ok(Labels(labels))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// The annotations that are looked at. The others are skipped unread: the last applied configuration is a copy of the whole object.
#[derive(Debug, Clone, Default)]
pub(super) struct Annotations {
    pub(super) tracking_id: Option<Text>,
    pub(super) installation_id: Option<Text>,
    pub(super) workload_generation: Option<Text>,
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Annotations;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("annotations")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut found = Annotations::default();
                while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    match &*key {
                        TRACKING_ID => found.tracking_id = Some(map.next_value()?),
                        INSTALLATION_ID => found.installation_id = Some(map.next_value()?),
                        WORKLOAD_GENERATION => found.workload_generation = Some(map.next_value()?),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// `spec` of Deployment, `StatefulSet`, `DaemonSet` and `ReplicaSet`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct AppsSpec {
    pub(super) replicas: Number,
    #[serde(deserialize_with = "nullable")]
    pub(super) selector: Selector,
    #[serde(deserialize_with = "nullable")]
    pub(super) template: Template,
    /// Of `StatefulSet` and `DaemonSet`.
    #[serde(deserialize_with = "nullable")]
    pub(super) update_strategy: UpdateStrategy,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct UpdateStrategy {
    #[serde(rename = "type")]
    pub(super) kind: Text,
    pub(super) rolling_update: Option<RollingUpdate>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RollingUpdate {
    pub(super) partition: Number,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Selector {
    #[serde(deserialize_with = "nullable")]
    pub(super) match_labels: Labels,
    #[serde(deserialize_with = "nullable")]
    pub(super) match_expressions: Vec<Requirement>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Requirement {
    pub(super) key: Text,
    pub(super) operator: Text,
    #[serde(deserialize_with = "nullable")]
    pub(super) values: Vec<Text>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    #[serde(deserialize_with = "nullable")]
    pub(super) spec: PodSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodSpec {
    #[serde(deserialize_with = "nullable")]
    pub(super) containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    pub(super) init_containers: Vec<Container>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: Text,
    pub(super) image: Text,
    /// `Always` on an init container makes it a sidecar.
    pub(super) restart_policy: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: Text,
    pub(super) status: Text,
    pub(super) reason: Text,
    pub(super) message: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct DeploymentStatus {
    pub(super) observed_generation: Number,
    pub(super) replicas: Number,
    pub(super) updated_replicas: Number,
    pub(super) ready_replicas: Number,
    pub(super) available_replicas: Number,
    #[serde(deserialize_with = "nullable")]
    pub(super) conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct StatefulSetStatus {
    pub(super) observed_generation: Number,
    pub(super) replicas: Number,
    pub(super) updated_replicas: Number,
    pub(super) ready_replicas: Number,
    pub(super) available_replicas: Number,
    pub(super) current_replicas: Number,
    pub(super) current_revision: Text,
    pub(super) update_revision: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct DaemonSetStatus {
    pub(super) observed_generation: Number,
    pub(super) desired_number_scheduled: Number,
    pub(super) current_number_scheduled: Number,
    pub(super) updated_number_scheduled: Number,
    pub(super) number_ready: Number,
    pub(super) number_available: Number,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ReplicaSetStatus {
    pub(super) ready_replicas: Number,
    pub(super) available_replicas: Number,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RolloutSpec {
    pub(super) replicas: Number,
    #[serde(deserialize_with = "nullable")]
    pub(super) paused: bool,
    #[serde(deserialize_with = "nullable")]
    pub(super) selector: Selector,
    #[serde(deserialize_with = "nullable")]
    pub(super) template: Template,
    /// The pod template is that of another object.
    pub(super) workload_ref: Present,
    pub(super) restart_at: Text,
    #[serde(deserialize_with = "nullable")]
    pub(super) strategy: RolloutStrategy,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RolloutStrategy {
    pub(super) canary: Option<CanaryStrategy>,
    pub(super) blue_green: Option<BlueGreenStrategy>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct CanaryStrategy {
    #[serde(deserialize_with = "nullable")]
    pub(super) steps: Vec<Step>,
    pub(super) traffic_routing: Option<TrafficRouting>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TrafficRouting {
    pub(super) max_traffic_weight: Number,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BlueGreenStrategy {
    /// `true` where it is not set.
    pub(super) auto_promotion_enabled: Option<bool>,
    pub(super) auto_promotion_seconds: Number,
    pub(super) post_promotion_analysis: Present,
}

/// One step of a canary: exactly one of these is there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Step {
    pub(super) set_weight: Number,
    pub(super) pause: Option<PauseStep>,
    pub(super) analysis: Present,
    pub(super) experiment: Present,
    pub(super) set_canary_scale: Present,
    pub(super) set_header_route: Option<Named>,
    pub(super) set_mirror_route: Option<Named>,
    pub(super) plugin: Option<Named>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PauseStep {
    /// Seconds as a number or in quotes, or a duration in Go's way: `1h30m`.
    pub(super) duration: Option<Text>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) name: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RolloutStatus {
    pub(super) phase: Text,
    pub(super) message: Text,
    /// A number in a text.
    pub(super) observed_generation: Text,
    /// A number in a text.
    pub(super) workload_observed_generation: Text,
    pub(super) current_pod_hash: Text,
    #[serde(rename = "stableRS")]
    pub(super) stable_hash: Text,
    pub(super) current_step_index: Number,
    #[serde(deserialize_with = "nullable")]
    pub(super) controller_pause: bool,
    #[serde(deserialize_with = "nullable")]
    pub(super) pause_conditions: Vec<PauseCondition>,
    #[serde(deserialize_with = "nullable")]
    pub(super) abort: bool,
    pub(super) restarted_at: Text,
    pub(super) replicas: Number,
    pub(super) updated_replicas: Number,
    pub(super) ready_replicas: Number,
    pub(super) available_replicas: Number,
    /// As `a=b,c=d`.
    pub(super) selector: Text,
    #[serde(deserialize_with = "nullable")]
    pub(super) canary: CanaryStatus,
    #[serde(deserialize_with = "nullable")]
    pub(super) blue_green: BlueGreenStatus,
    #[serde(deserialize_with = "nullable")]
    pub(super) conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PauseCondition {
    pub(super) reason: Text,
    pub(super) start_time: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct CanaryStatus {
    pub(super) weights: Option<Weights>,
    pub(super) current_step_analysis_run_status: Option<AnalysisRun>,
    pub(super) current_background_analysis_run_status: Option<AnalysisRun>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Weights {
    #[serde(deserialize_with = "nullable")]
    pub(super) canary: Weight,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Weight {
    pub(super) weight: Number,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BlueGreenStatus {
    pub(super) active_selector: Text,
    pub(super) pre_promotion_analysis_run_status: Option<AnalysisRun>,
    pub(super) post_promotion_analysis_run_status: Option<AnalysisRun>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct AnalysisRun {
    pub(super) name: Text,
    pub(super) status: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodStatus {
    pub(super) phase: Text,
    pub(super) reason: Text,
    pub(super) start_time: Text,
    #[serde(deserialize_with = "nullable")]
    pub(super) conditions: Vec<Condition>,
    #[serde(deserialize_with = "nullable")]
    pub(super) init_container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "nullable")]
    pub(super) container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ContainerStatus {
    pub(super) name: Text,
    #[serde(rename = "imageID")]
    pub(super) image_id: Text,
    #[serde(deserialize_with = "nullable")]
    pub(super) ready: bool,
    pub(super) started: Option<bool>,
    pub(super) restart_count: Number,
    #[serde(deserialize_with = "nullable")]
    pub(super) state: ContainerState,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContainerState {
    pub(super) waiting: Option<Waiting>,
    pub(super) running: Present,
    pub(super) terminated: Option<Terminated>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Waiting {
    pub(super) reason: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Terminated {
    pub(super) reason: Text,
    pub(super) exit_code: Number,
    pub(super) signal: Number,
}
