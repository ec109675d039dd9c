//! Wire → domain, for workloads and replica sets. Pure; knows nothing of requests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::lenient::Text;
use super::{status, wire};
use crate::base::Interner;
use crate::base::time::later;
use crate::base::{Raw, Timestamp};
use crate::domain::image::Image;
use crate::domain::workload::{
    Container, Pause, ReplicaSet, ReplicaSetKey, Replicas, RolloutStatus, Step, Strategy, Tracking, Workload, WorkloadKey, WorkloadKind,
};
use crate::domain::{ClusterName, Namespace};
use crate::safe;

/// What has to be known besides an object to translate it.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// The cluster it was read from.
    pub(super) cluster: ClusterName,
    /// Label keys under which an Argo CD may have left an application's name; the first that is there counts.
    pub(super) label_keys: Arc<[Raw]>,
    /// The texts of this cluster that repeat.
    pub(super) texts: Arc<Mutex<Interner>>,
}

impl Reading {
    /// The same text, as one with all that are equal to it.
    fn shared(&self, text: &Raw) -> Raw {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).share(text)
    }
}

pub(super) fn deployment(object: &wire::Deployment, reading: &Reading) -> (WorkloadKey, Workload) {
    let status = &object.status;
    let replicas = Replicas {
        desired: object.spec.replicas.count_or(1),
        current: status.replicas.count(),
        updated: status.updated_replicas.count(),
        ready: status.ready_replicas.count(),
        available: status.available_replicas.count(),
    };
    let (key, workload) = apps(WorkloadKind::Deployment, object, reading, replicas, status::deployment(object));
    (key, Workload { unmade: status::unmade(&status.conditions), ..workload })
}

pub(super) fn stateful_set(object: &wire::StatefulSet, reading: &Reading) -> (WorkloadKey, Workload) {
    let status = &object.status;
    let replicas = Replicas {
        desired: object.spec.replicas.count_or(1),
        current: status.replicas.count(),
        updated: status.updated_replicas.count(),
        ready: status.ready_replicas.count(),
        available: status.available_replicas.count(),
    };
    apps(WorkloadKind::StatefulSet, object, reading, replicas, status::stateful_set(object))
}

pub(super) fn daemon_set(object: &wire::DaemonSet, reading: &Reading) -> (WorkloadKey, Workload) {
    let status = &object.status;
    let replicas = Replicas {
        desired: status.desired_number_scheduled.count(),
        current: status.current_number_scheduled.count(),
        updated: status.updated_number_scheduled.count(),
        ready: status.number_ready.count(),
        available: status.number_available.count(),
    };
    apps(WorkloadKind::DaemonSet, object, reading, replicas, status::daemon_set(object))
}

fn apps<S>(
    kind: WorkloadKind,
    object: &wire::Object<wire::AppsSpec, S>,
    reading: &Reading,
    replicas: Replicas,
    progress: crate::domain::workload::Progress,
) -> (WorkloadKey, Workload) {
    let workload = Workload {
        tracking: tracking(kind, &object.metadata, reading),
        containers: containers(&object.spec.template, reading),
        replicas,
        progress,
        rollout: None,
        unmade: None,
        selector: reading.shared(&selector(&object.spec.selector)),
    };
    (key(kind, &object.metadata, reading), workload)
}

pub(super) fn rollout(object: &wire::Rollout, reading: &Reading) -> (WorkloadKey, Workload) {
    let status = &object.status;
    let (phase, message) = status::rollout_phase(object);
    let chosen = selector(&object.spec.selector);
    let workload = Workload {
        tracking: tracking(WorkloadKind::Rollout, &object.metadata, reading),
        // With `workloadRef` the template is the Deployment's, and there is none here.
        containers: containers(&object.spec.template, reading),
        replicas: Replicas {
            desired: object.spec.replicas.count_or(1),
            current: status.replicas.count(),
            updated: status.updated_replicas.count(),
            ready: status.ready_replicas.count(),
            available: status.available_replicas.count(),
        },
        progress: status::rollout_progress(&phase, &message),
        unmade: status::unmade(&status.conditions),
        // With `workloadRef` the selector is the Deployment's too; the controller repeats it in the status.
        selector: reading.shared(if chosen.is_empty() { &status.selector.0 } else { &chosen }),
        rollout: Some(Box::new(rollout_status(object, phase, message, reading))),
    };
    (key(WorkloadKind::Rollout, &object.metadata, reading), workload)
}

fn rollout_status(
    object: &wire::Rollout,
    phase: crate::domain::workload::RolloutPhase,
    message: crate::base::Safe,
    reading: &Reading,
) -> RolloutStatus {
    let (status, strategy) = (&object.status, &object.spec.strategy);
    let canary = strategy.canary.as_ref();
    let steps: Box<[Step]> = canary.map(|canary| canary.steps.iter().map(step).collect()).unwrap_or_default();
    let step_index = (!steps.is_empty()).then(|| usize::try_from(status.current_step_index.or_zero()).unwrap_or_default().min(steps.len()));
    let routing = canary.and_then(|canary| canary.traffic_routing.as_ref());
    RolloutStatus {
        phase,
        message,
        strategy: if strategy.blue_green.is_some() { Strategy::BlueGreen } else { Strategy::Canary },
        stable_hash: reading.shared(&status.stable_hash.0),
        current_hash: reading.shared(&status.current_pod_hash.0),
        pause: pause(object, step_index.and_then(|index| steps.get(index))),
        step_index,
        steps,
        aborted: status.abort,
        max_weight: routing.map_or(100, |routing| routing.max_traffic_weight.count_or(100)),
        routed_weight: status.canary.weights.as_ref().map(|weights| weights.canary.weight.count()),
        has_traffic_routing: routing.is_some(),
        available: status.available_replicas.count(),
        analysis: [
            &status.canary.current_step_analysis_run_status,
            &status.canary.current_background_analysis_run_status,
            &status.blue_green.post_promotion_analysis_run_status,
            &status.blue_green.pre_promotion_analysis_run_status,
        ]
        .into_iter()
        .flatten()
        .next()
        .map(|run| (run.name.0.clone(), run.status.0.shown())),
    }
}

/// One step, by the names of `CanaryStepString` (argo-rollouts `utils/rollout/rolloututil.go`).
fn step(step: &wire::Step) -> Step {
    let named = |what: &str, named: &wire::Named| Step::Other(safe!("{what}: {}", named.name.0.shown()));
    if step.set_weight.0.is_some() {
        return Step::SetWeight(step.set_weight.count());
    }
    if let Some(pause) = &step.pause {
        return Step::Pause(pause.duration.as_ref().and_then(|text| seconds(text.as_str())));
    }
    if step.experiment.0 {
        return Step::Experiment;
    }
    if step.analysis.0 {
        return Step::Analysis;
    }
    if step.set_canary_scale.0 {
        return Step::Other(safe!("setCanaryScale"));
    }
    match (&step.plugin, &step.set_header_route, &step.set_mirror_route) {
        (Some(plugin), ..) => named("plugin", plugin),
        (_, Some(route), _) => named("setHeaderRoute", route),
        (_, _, Some(route)) => named("setMirrorRoute", route),
        _ => Step::Other(safe!("a step of a kind this version does not know")),
    }
}

/// Why a Rollout waits. The rules for going on by itself are the controller's: `CompletedCanaryPauseStep` and `CompletedBlueGreenPause` in
/// argo-rollouts `rollout/pause.go` (v1.9.1).
fn pause(object: &wire::Rollout, step: Option<&Step>) -> Option<Pause> {
    if object.spec.paused {
        return Some(Pause::Person);
    }
    let mut found = None;
    for condition in &object.status.pause_conditions {
        let after = match condition.reason.as_str() {
            "InconclusiveAnalysisRun" | "InconclusiveExperiment" => return Some(Pause::Inconclusive),
            "CanaryPauseStep" => match step {
                Some(Step::Pause(duration)) => *duration,
                _ => None,
            },
            "BlueGreenPause" => object
                .spec
                .strategy
                .blue_green
                .as_ref()
                .filter(|blue_green| blue_green.auto_promotion_enabled.unwrap_or(true))
                .and_then(|blue_green| blue_green.auto_promotion_seconds.0)
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0),
            _ => None,
        };
        // Several conditions: all of them must end, so a person outweighs a time.
        let next = match (timestamp(&condition.start_time), after) {
            (Some(start), Some(after)) => Pause::Until(later(start, Duration::from_secs(after))),
            _ => Pause::Person,
        };
        found = match (found, next) {
            (None, next) => Some(next),
            (Some(Pause::Until(one)), Pause::Until(other)) => Some(Pause::Until(one.max(other))),
            _ => Some(Pause::Person),
        };
    }
    found
}

/// Seconds of a pause as `RolloutPause.DurationSeconds` reads them: a bare number is seconds, anything else a duration in Go's way (`1h30m`, `1.5h`,
/// `300ms`), of which whole seconds count. Nothing for what is neither: such a pause does not end by itself.
fn seconds(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse::<i64>() {
        return u64::try_from(number).ok();
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|character: char| character.is_ascii_digit() || character == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(letters)?;
        let unit = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()?)?;
        rest = next;
    }
    Some(total.as_secs())
}

/// A replica set of a Rollout; nothing for one that belongs to something else (an experiment has the same label).
pub(super) fn replica_set(object: &wire::ReplicaSet, reading: &Reading) -> Option<(ReplicaSetKey, ReplicaSet)> {
    let metadata = &object.metadata;
    let owner = metadata.owner_references.iter().find(|owner| owner.controller && owner.kind.as_str() == "Rollout")?;
    let set = ReplicaSet {
        rollout: reading.shared(&owner.name.0),
        hash: reading.shared(&metadata.labels.get(wire::TEMPLATE_HASH)?.0),
        containers: containers(&object.spec.template, reading),
        desired: object.spec.replicas.count_or(1),
        available: object.status.available_replicas.count(),
        ready: object.status.ready_replicas.count(),
    };
    Some((replica_set_key(metadata, reading), set))
}

pub(super) fn key(kind: WorkloadKind, metadata: &wire::Metadata, reading: &Reading) -> WorkloadKey {
    WorkloadKey {
        cluster: reading.cluster.clone(),
        namespace: Namespace(reading.shared(&metadata.namespace.0)),
        kind,
        name: reading.shared(&metadata.name.0),
    }
}

pub(super) fn replica_set_key(metadata: &wire::Metadata, reading: &Reading) -> ReplicaSetKey {
    ReplicaSetKey { cluster: reading.cluster.clone(), namespace: Namespace(reading.shared(&metadata.namespace.0)), name: metadata.name.0.clone() }
}

pub(super) fn container(container: &wire::Container) -> Container {
    Container { name: container.name.0.clone(), image: Image::read(container.image.as_str()) }
}

pub(super) fn timestamp(text: &Text) -> Option<Timestamp> {
    text.as_str().parse().ok()
}

fn containers(template: &wire::Template, reading: &Reading) -> Box<[Container]> {
    let shared = |container| {
        let Container { name, image: Image { repository, tag, digest } } = container;
        let all = |text: Option<Raw>| text.map(|text| reading.shared(&text));
        Container { name: reading.shared(&name), image: Image { repository: reading.shared(&repository), tag: all(tag), digest: all(digest) } }
    };
    template.spec.containers.iter().map(|one| shared(container(one))).collect()
}

fn tracking(kind: WorkloadKind, metadata: &wire::Metadata, reading: &Reading) -> Tracking {
    Tracking {
        annotation: metadata
            .annotations
            .tracking_id
            .as_ref()
            .and_then(|value| application(value.as_str(), kind, metadata))
            .map(|name| reading.shared(&name)),
        installation: metadata.annotations.installation_id.as_ref().map(|value| reading.shared(&value.0)),
        label: reading.label_keys.iter().find_map(|key| metadata.labels.get(key.as_wire())).map(|value| reading.shared(&value.0)),
    }
}

/// The application in a tracking annotation, `app:group/Kind:namespace/name`, if the rest of it names this very object (argo-cd
/// `util/argo/resource_tracking.go`).
fn application(value: &str, kind: WorkloadKind, metadata: &wire::Metadata) -> Option<Raw> {
    let group = match kind {
        WorkloadKind::Rollout => "argoproj.io",
        WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => "apps",
    };
    let (application, rest) = value.split_once(':')?;
    let (marked_kind, marked_name) = rest.split_once(':')?;
    let is_this = marked_kind.split_once('/') == Some((group, kind.word()))
        && marked_name.split_once('/') == Some((metadata.namespace.as_str(), metadata.name.as_str()));
    (is_this && !application.is_empty()).then(|| Raw::from(application))
}

/// A selector in the notation of the `labelSelector` parameter: `a=b,c in (d,e),f,!g`.
fn selector(selector: &wire::Selector) -> Raw {
    let mut parts: Vec<String> = selector.match_labels.0.iter().map(|(key, value)| format!("{}={}", key.as_str(), value.as_str())).collect();
    for requirement in &selector.match_expressions {
        let key = requirement.key.as_str();
        let values = || requirement.values.iter().map(Text::as_str).collect::<Vec<_>>().join(",");
        parts.push(match requirement.operator.as_str() {
            "NotIn" => format!("{key} notin ({})", values()),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => format!("{key} in ({})", values()),
        });
    }
    Raw::from(parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading {
            cluster: ClusterName::from("c"),
            label_keys: Arc::from([Raw::from("custom/app"), Raw::from("app.kubernetes.io/instance")]),
            texts: Arc::default(),
        }
    }

    #[test]
    fn pauses_are_read_as_the_controller_reads_them() {
        for (text, expected) in [
            ("60", Some(60)),
            ("0", Some(0)),
            ("10m", Some(600)),
            ("1h30m", Some(5400)),
            ("1.5h", Some(5400)),
            ("90s", Some(90)),
            ("1500ms", Some(1)),
            ("+5m", Some(300)),
            ("-5", None),
            ("-5m", None),
            ("5 minutes", None),
            ("5", Some(5)),
            ("5d", None),
            ("m", None),
            ("", None),
            ("1.m2s", Some(62)),
            ("9999999999999999999h", None),
        ] {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_pause_ends_by_itself_or_waits_for_a_person() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let condition = |reason: &str| format!(r#"{{"reason":"{reason}","startTime":"2026-01-01T00:00:00Z"}}"#);
        let canary = |pause: &str| format!(r#""strategy":{{"canary":{{"steps":[{{"pause":{pause}}}]}}}}"#);
        for (spec, conditions, expected) in [
            (canary("{}"), condition("CanaryPauseStep"), Some(Pause::Person)),
            (canary(r#"{"duration":null}"#), condition("CanaryPauseStep"), Some(Pause::Person)),
            (canary(r#"{"duration":"1h30m"}"#), condition("CanaryPauseStep"), Some(Pause::Until(at("2026-01-01T01:30:00Z")))),
            (canary(r#"{"duration":60}"#), condition("CanaryPauseStep"), Some(Pause::Until(at("2026-01-01T00:01:00Z")))),
            (canary(r#"{"duration":"60"}"#), condition("CanaryPauseStep"), Some(Pause::Until(at("2026-01-01T00:01:00Z")))),
            (
                canary(r#"{"duration":60}"#),
                format!("{},{}", condition("CanaryPauseStep"), condition("InconclusiveAnalysisRun")),
                Some(Pause::Inconclusive),
            ),
            (canary(r#"{"duration":60}"#), condition("SomethingNew"), Some(Pause::Person)),
            (canary(r#"{"duration":60}"#), String::new(), None),
            (r#""paused":true"#.into(), String::new(), Some(Pause::Person)),
            (r#""strategy":{"blueGreen":{}}"#.into(), condition("BlueGreenPause"), Some(Pause::Person)),
            (
                r#""strategy":{"blueGreen":{"autoPromotionSeconds":30}}"#.into(),
                condition("BlueGreenPause"),
                Some(Pause::Until(at("2026-01-01T00:00:30Z"))),
            ),
            (
                r#""strategy":{"blueGreen":{"autoPromotionEnabled":false,"autoPromotionSeconds":30}}"#.into(),
                condition("BlueGreenPause"),
                Some(Pause::Person),
            ),
        ] {
            let json = format!(r#"{{"spec":{{{spec}}},"status":{{"pauseConditions":[{conditions}]}}}}"#);
            let (_, workload) = rollout(&serde_json::from_str(&json).unwrap(), &reading());
            assert_eq!(workload.rollout.unwrap().pause, expected, "{json}");
        }
    }

    #[test]
    fn a_tracking_annotation_counts_only_on_the_object_that_it_names() {
        for (kind, value, expected) in [
            (WorkloadKind::Deployment, "shop:apps/Deployment:prod/cart", Some("shop")),
            (WorkloadKind::Deployment, "team_shop:apps/Deployment:prod/cart", Some("team_shop")),
            (WorkloadKind::Rollout, "shop:argoproj.io/Rollout:prod/cart", Some("shop")),
            (WorkloadKind::Rollout, "shop:apps/Deployment:prod/cart", None),
            (WorkloadKind::Deployment, "shop:apps/Deployment:prod/other", None),
            (WorkloadKind::Deployment, "shop:apps/Deployment:stage/cart", None),
            (WorkloadKind::Deployment, "shop:/Deployment:prod/cart", None),
            (WorkloadKind::Deployment, ":apps/Deployment:prod/cart", None),
            (WorkloadKind::Deployment, "shop", None),
        ] {
            let metadata = wire::Metadata {
                name: Text(Raw::from("cart")),
                namespace: Text(Raw::from("prod")),
                annotations: wire::Annotations { tracking_id: Some(Text(Raw::from(value))), ..Default::default() },
                ..Default::default()
            };
            assert_eq!(tracking(kind, &metadata, &reading()).annotation, expected.map(Raw::from), "{value}");
        }
    }

    #[test]
    fn the_first_label_key_that_is_there_counts() {
        for (labels, expected) in [
            (r#"{"app.kubernetes.io/instance":"release"}"#, Some("release")),
            (r#"{"app.kubernetes.io/instance":"release","custom/app":"shop"}"#, Some("shop")),
            ("{}", None),
            ("null", None),
        ] {
            let json = format!(r#"{{"metadata":{{"labels":{labels}}}}}"#);
            let (_, workload) = deployment(&serde_json::from_str(&json).unwrap(), &reading());
            assert_eq!(workload.tracking.label, expected.map(Raw::from), "{labels}");
        }
    }

    #[test]
    fn selectors_are_written_as_a_request_takes_them() {
        let json = r#"{"spec":{"selector":{"matchLabels":{"a":"b"},"matchExpressions":[
            {"key":"c","operator":"In","values":["d","e"]},{"key":"f","operator":"NotIn","values":["g"]},
            {"key":"h","operator":"Exists"},{"key":"i","operator":"DoesNotExist"}]}}}"#;
        let (_, workload) = deployment(&serde_json::from_str(json).unwrap(), &reading());
        assert_eq!(workload.selector.as_wire(), "a=b,c in (d,e),f notin (g),h,!i");
        let (_, referring) = rollout(&serde_json::from_str(r#"{"status":{"selector":"app=x"}}"#).unwrap(), &reading());
        assert_eq!(referring.selector.as_wire(), "app=x");
    }
}
