//! Wire → domain, pure: what Argo CD's words mean. Both readers use it, so that an application looks the same whichever world it was read from.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::base::{Raw, Safe, Timestamp};
use crate::domain::application::{
    Application, Automation, Condition, Deployment, Destination, Detail, HookRun, Ignored, Initiator, Operation, OperationDetail, Origin, Phase,
    Resource, Shape,
};
use crate::domain::health::{Health, Known, Sync};
use crate::domain::image::Image;
use crate::domain::{AppKey, ArgocdName, Namespace};
use crate::safe;
use crate::sources::argocd::shared::lock;
use crate::sources::argocd::wire::{self, Text};

pub(super) use crate::base::Interner;

impl Interner {
    fn filled(&mut self, text: &Text<'_>) -> Option<Raw> {
        (!text.as_str().is_empty()).then(|| self.raw(text.as_str()))
    }
}

/// What the translation needs to know besides the object.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    /// Who is read.
    pub(super) name: ArgocdName,
    /// Where Application objects are that do not say it.
    pub(super) namespace: Namespace,
    /// The annotations that somebody asked to keep.
    pub(super) annotations: BTreeSet<Raw>,
}

/// The annotation by which the controller is told to leave an application alone.
const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";

/// The summary of an application, from a list, a stream, a single answer or an Application object.
pub(super) fn summary(from: &wire::Application<'_>, instance: &Instance, interner: &mut Interner) -> (AppKey, Application) {
    let wire::Application { metadata, spec, status } = from;
    let application = Application {
        project: interner.raw(spec.project.as_str()),
        labels: sorted(&metadata.labels.0, interner, |_| true),
        annotations: sorted(&metadata.annotations.0, interner, |key| instance.annotations.contains(key)),
        destination: Destination {
            server: interner.filled(&spec.destination.server),
            name: interner.filled(&spec.destination.name),
            namespace: Namespace(interner.raw(spec.destination.namespace.as_str())),
        },
        origins: origins(spec, interner),
        health: Health::read(status.health.status.as_str()),
        health_since: time(&status.health.last_transition_time),
        sync: Sync::read(status.sync.status.as_str()),
        revisions: revisions(&status.sync.revision, &status.sync.revisions).map(|revision| interner.raw(revision.as_str())).collect(),
        images: status.summary.images.iter().map(|image| shared(Image::read(image.as_str()), interner)).collect(),
        operation: operation(&status.operation_state),
        deployed_at: deployed_at(status),
        reconciled_at: time(&status.reconciled_at),
        frozen: is_frozen(&metadata.annotations),
        automation: automation(spec.sync_policy.automated.as_ref()),
        deleting: !metadata.deletion_timestamp.as_str().is_empty(),
        shape: if status.summary.is_app_of_apps { Shape::AppOfApps } else { Shape::Plain },
    };
    (key(metadata, instance, interner), application)
}

/// The summaries of a list.
pub(super) fn summaries(items: &[wire::Application<'_>], instance: &Instance, interner: &Mutex<Interner>) -> Vec<(AppKey, Application)> {
    let mut interner = lock(interner);
    items.iter().map(|item| summary(item, instance, &mut interner)).collect()
}

/// The key of an application by its object's metadata.
pub(super) fn key(metadata: &wire::Metadata<'_>, instance: &Instance, interner: &mut Interner) -> AppKey {
    let namespace = interner.filled(&metadata.namespace).map_or_else(|| instance.namespace.clone(), Namespace);
    AppKey { argocd: instance.name.clone(), namespace, name: Raw::from(metadata.name.as_str()) }
}

fn sorted(pairs: &[(Text<'_>, Text<'_>)], interner: &mut Interner, wanted: impl Fn(&str) -> bool) -> Box<[(Raw, Raw)]> {
    let wanted = pairs.iter().filter(|(key, _)| wanted(key.as_str()));
    let mut sorted: Box<[_]> = wanted.map(|(key, value)| (interner.raw(key.as_str()), interner.raw(value.as_str()))).collect();
    sorted.sort();
    sorted
}

fn is_frozen(annotations: &wire::Annotations<'_>) -> bool {
    // The controller reads the value with Go's `strconv.ParseBool`.
    let value = annotations.0.iter().find(|(key, _)| key.as_str() == SKIP_RECONCILE).map(|(_, value)| value.as_str());
    matches!(value, Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
}

fn origins(spec: &wire::Spec<'_>, interner: &mut Interner) -> Box<[Origin]> {
    // Argo CD looks at `sources` first (`ApplicationSpec.GetSource`), then at the branch that the hydrator syncs from.
    if !spec.sources.is_empty() {
        return spec.sources.iter().map(|source| origin(source, interner)).collect();
    }
    let hydrator = &spec.source_hydrator;
    if !hydrator.sync_source.path.as_str().is_empty() {
        return Box::new([Origin {
            repository: interner.raw(hydrator.dry_source.repository.as_str()),
            path: interner.filled(&hydrator.sync_source.path),
            target_revision: interner.filled(&hydrator.sync_source.target_branch),
            ..Origin::default()
        }]);
    }
    if spec.source.repository.as_str().is_empty() { Box::default() } else { Box::new([origin(&spec.source, interner)]) }
}

fn origin(source: &wire::Source<'_>, interner: &mut Interner) -> Origin {
    Origin {
        repository: interner.raw(source.repository.as_str()),
        path: interner.filled(&source.path),
        chart: interner.filled(&source.chart),
        target_revision: interner.filled(&source.target_revision),
        reference: interner.filled(&source.r#ref),
        value_files: source.helm.value_files.iter().map(|file| interner.raw(file.as_str())).collect(),
        images: source.kustomize.images.iter().map(|image| interner.raw(image.as_str())).collect(),
        parameters: source.helm.parameters.iter().map(|one| (interner.raw(one.name.as_str()), interner.raw(one.value.as_str()))).collect(),
        values: inline_values(&source.helm),
        recurse: source.directory.recurse,
        plugin: source.plugin.is_some(),
    }
}

/// Values that stand in the Application: the object wins over the text (argo-cd `ApplicationSourceHelm.ValuesYAML`), and JSON is YAML.
fn inline_values(helm: &wire::Helm<'_>) -> Option<Raw> {
    match &helm.values_object {
        Some(object) if !object.is_empty() => serde_json::to_string(object).ok().map(Raw::from),
        _ => (!helm.values.as_str().is_empty()).then(|| Raw::from(helm.values.as_str())),
    }
}

fn shared(image: Image, interner: &mut Interner) -> Image {
    Image {
        repository: interner.raw(image.repository.as_wire()),
        tag: image.tag.map(|tag| interner.raw(tag.as_wire())),
        digest: image.digest.map(|digest| interner.raw(digest.as_wire())),
    }
}

/// An application with several origins leaves `revision` empty and fills `revisions` in their order.
fn revisions<'t, 'a>(one: &'t Text<'a>, several: &'t [Text<'a>]) -> impl Iterator<Item = &'t Text<'a>> {
    let one = (several.is_empty() && !one.as_str().is_empty()).then_some(one);
    several.iter().chain(one)
}

fn operation(state: &wire::OperationState<'_>) -> Option<Operation> {
    (!state.phase.as_str().is_empty()).then(|| Operation {
        phase: Phase::read(state.phase.as_str()),
        started_at: time(&state.started_at),
        finished_at: time(&state.finished_at),
    })
}

/// When the last operation ended, if it ended well: what every way of reading knows. Otherwise the history's last entry, where it is told.
fn deployed_at(status: &wire::Status<'_>) -> Option<Timestamp> {
    let succeeded = status.operation_state.phase.as_str() == "Succeeded";
    succeeded.then(|| time(&status.operation_state.finished_at)).flatten().or_else(|| time(&status.history.0))
}

/// `automated: {}` is on; since 3.2 `enabled: false` switches it off.
fn automation(automated: Option<&wire::Automated>) -> Automation {
    automated.filter(|automated| automated.enabled != Some(false)).map_or_else(Automation::default, |automated| Automation {
        enabled: true,
        self_heal: automated.self_heal,
        prune: automated.prune,
    })
}

/// A point in time as Kubernetes writes it (RFC 3339); nothing where it is missing or unreadable.
pub(super) fn time(text: &Text<'_>) -> Option<Timestamp> {
    text.as_str().parse().ok()
}

/// Where the answer came from, as far as health of resources goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadFrom {
    /// The API, which joins it from its cache.
    Api,
    /// The Application object, which does not have it since Argo CD 3.0 unless told to.
    Object,
}

/// The detail of an application. Which sync window stands in the way is another question.
pub(super) fn detail(from: &wire::Detailed<'_>, read: ReadFrom) -> Detail {
    let wire::Detailed { metadata, spec, status } = from;
    let told = read == ReadFrom::Api || status.resource_health_source.as_str() != "appTree";
    let made_by = metadata.owner_references.iter().find(|owner| owner.kind.as_str() == "ApplicationSet");
    Detail {
        uid: Raw::from(metadata.uid.as_str()),
        resources: status.resources.iter().map(|resource| self::resource(resource, told)).collect(),
        conditions: status.conditions.iter().map(condition).collect(),
        history: status.history.iter().rev().map(deployment).collect(),
        operation: detailed_operation(&status.operation_state),
        made_by: made_by.map(|owner| Raw::from(owner.name.as_str())),
        ignored: spec.ignore_differences.iter().map(ignored).collect(),
        window: None,
        respects_ignored: spec.sync_policy.sync_options.iter().any(|option| option.as_str() == "RespectIgnoreDifferences=true"),
    }
}

fn ignored(entry: &wire::Ignored<'_>) -> Ignored {
    let raw = |text: &Text<'_>| Raw::from(text.as_str());
    Ignored {
        group: raw(&entry.group),
        kind: raw(&entry.kind),
        namespace: raw(&entry.namespace),
        name: raw(&entry.name),
        fields: entry.json_pointers.iter().chain(&entry.jq_path_expressions).map(raw).collect(),
        managers: entry.managed_fields_managers.iter().map(raw).collect(),
    }
}

/// What keeps Argo CD from syncing by itself: a `deny` window in force, or windows that allow it of which none is in force.
pub(super) fn window(windows: &wire::Windows<'_>) -> Option<Safe> {
    let is_of = |kind: &'static str| move |window: &&wire::Window<'_>| window.kind.as_str() == kind;
    let words = |window: &wire::Window<'_>| {
        safe!("{} {} for {}", Safe::clean(window.kind.as_str()), Safe::clean(window.schedule.as_str()), Safe::clean(window.duration.as_str()))
    };
    if let Some(denies) = windows.active_windows.iter().find(is_of("deny")) {
        return Some(words(denies));
    }
    let is_allowed = windows.active_windows.iter().any(|window| is_of("allow")(&window));
    windows.assigned_windows.iter().find(is_of("allow")).filter(|_| !is_allowed).map(|allows| safe!("only {}, which is closed", words(allows)))
}

fn resource(resource: &wire::Resource<'_>, health_is_told: bool) -> Resource {
    let health = if health_is_told {
        Known::Known(resource.health.as_ref().map(|health| Health::read(health.status.as_str())))
    } else {
        Known::unknown("Argo CD keeps resource health to itself since 3.0: only its API says")
    };
    let message = resource.health.as_ref().map(|health| Safe::clean(health.message.as_str())).filter(|message| !message.is_empty());
    Resource {
        group: Raw::from(resource.group.as_str()),
        kind: Raw::from(resource.kind.as_str()),
        namespace: Namespace::from(resource.namespace.as_str()),
        name: Raw::from(resource.name.as_str()),
        sync: Sync::read(resource.status.as_str()),
        health,
        message,
        requires_pruning: resource.requires_pruning,
        hook: resource.hook,
    }
}

fn condition(condition: &wire::Condition<'_>) -> Condition {
    Condition {
        kind: Safe::clean(condition.r#type.as_str()),
        message: Safe::clean(condition.message.as_str()),
        since: time(&condition.last_transition_time),
    }
}

fn deployment(entry: &wire::Deployment<'_>) -> Deployment {
    Deployment {
        id: entry.id,
        revisions: revisions(&entry.revision, &entry.revisions).map(|revision| Raw::from(revision.as_str())).collect(),
        started_at: time(&entry.deploy_started_at),
        deployed_at: time(&entry.deployed_at),
        by: initiator(&entry.initiated_by),
    }
}

fn initiator(by: &wire::Initiator<'_>) -> Initiator {
    if by.automated {
        Initiator::Automation
    } else if by.username.as_str().is_empty() {
        Initiator::NotRecorded
    } else {
        Initiator::User(Safe::clean(by.username.as_str()))
    }
}

fn detailed_operation(state: &wire::DetailedOperation<'_>) -> Option<OperationDetail> {
    let failures = state
        .sync_result
        .resources
        .iter()
        .filter(|resource| resource.status.as_str() == "SyncFailed" || matches!(resource.hook_phase.as_str(), "Failed" | "Error"));
    let asked = &state.operation.sync;
    let hooks = state.sync_result.resources.iter().filter(|resource| !resource.hook_type.as_str().is_empty()).map(|resource| HookRun {
        kind: Raw::from(resource.kind.as_str()),
        name: Raw::from(resource.name.as_str()),
        when: Raw::from(resource.hook_type.as_str()),
        phase: Phase::read(resource.hook_phase.as_str()),
        message: Safe::clean(resource.message.as_str()),
    });
    (!state.phase.as_str().is_empty()).then(|| OperationDetail {
        phase: Phase::read(state.phase.as_str()),
        message: Safe::clean(state.message.as_str()),
        by: initiator(&state.operation.initiated_by),
        started_at: time(&state.started_at),
        finished_at: time(&state.finished_at),
        failures: failures
            .map(|resource| {
                let name = safe!("{}/{}", Safe::clean(resource.kind.as_str()), Safe::clean(resource.name.as_str()));
                (name, Safe::clean(resource.message.as_str()))
            })
            .collect(),
        hooks: hooks.collect(),
        is_whole: asked.resources.is_empty() && asked.sync_strategy.apply.is_none() && !asked.dry_run,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_stands_in_the_way_where_it_denies_or_none_of_those_that_allow_is_open() {
        let told = |text: &str| window(&serde_json::from_str(text).unwrap()).map(|words| words.to_string());
        let (deny, allow) =
            (r#"{"kind":"deny","schedule":"0 22 * * *","duration":"1h"}"#, r#"{"kind":"allow","schedule":"0 9 * * *","duration":"8h"}"#);
        let windows = |active: &str, all: &str| format!(r#"{{"activeWindows":[{active}],"assignedWindows":[{all}],"canSync":true}}"#);
        assert_eq!(told("{}"), None);
        assert_eq!(told(&windows("", deny)), None, "it is open");
        assert_eq!(told(&windows(deny, deny)).as_deref(), Some("deny 0 22 * * * for 1h"));
        assert_eq!(told(&windows(&format!("{allow},{deny}"), deny)).as_deref(), Some("deny 0 22 * * * for 1h"), "denying wins");
        assert_eq!(told(&windows(allow, allow)), None);
        assert_eq!(told(&windows("", allow)).as_deref(), Some("only allow 0 9 * * * for 8h, which is closed"));
    }

    #[test]
    fn hooks_of_a_sync_are_told_apart_from_manifests() {
        let state = r#"{"phase":"Running","syncResult":{"resources":[{"kind":"Job","name":"migrate","hookType":"PreSync","hookPhase":"Running",
            "message":"created"},{"kind":"Service","name":"shop","status":"Synced","hookPhase":"Running"}]}}"#;
        let operation = detailed_operation(&serde_json::from_str(state).unwrap()).unwrap();
        assert_eq!(operation.hooks.iter().map(|hook| (hook.name.as_wire(), hook.message.as_str())).collect::<Vec<_>>(), [("migrate", "created")]);
    }
}
