//! Recorded bodies → domain: what real servers answered is understood, and looks the same whichever way it was read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::stream::{Frame, Framer, Framing};
use super::super::translate::{self, Instance, Interner, ReadFrom};
use super::super::wire;
use crate::domain::application::{Application, Detail, Initiator, Phase};
use crate::domain::health::{Health, Known, Sync};
use crate::domain::{AppKey, ArgocdName, Namespace};

fn recording(path: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(path)).unwrap()
}

fn instance() -> Instance {
    Instance { name: ArgocdName::from("here"), namespace: Namespace::from("argocd"), annotations: ["acme/version".into()].into() }
}

fn summary(application: &wire::Application<'_>) -> (AppKey, Application) {
    translate::summary(application, &instance(), &mut Interner::default())
}

fn list(path: &str) -> BTreeMap<AppKey, Application> {
    let body = recording(path);
    let list: wire::List<wire::Application<'_>> = serde_json::from_slice(&body).unwrap();
    list.items.iter().map(summary).collect()
}

fn one(path: &str) -> (AppKey, Application, Detail) {
    let body = recording(path);
    let (key, application) = summary(&serde_json::from_slice(&body).unwrap());
    (key, application, translate::detail(&serde_json::from_slice(&body).unwrap(), ReadFrom::Api))
}

fn frames(path: &str, framing: Framing) -> Vec<Vec<u8>> {
    let mut cutter = Framer::new(framing);
    let mut frames = Vec::new();
    for chunk in recording(path).chunks(1000) {
        cutter.push(chunk);
        frames.extend(std::iter::from_fn(|| cutter.next()).map(|frame| match frame {
            Frame::Whole(frame) => frame,
            Frame::TooLong => panic!("too long"),
        }));
    }
    frames
}

/// What a projected list cannot say.
fn as_projected(mut application: Application) -> Application {
    application.revisions = Box::default();
    application.reconciled_at = None;
    application
}

#[test]
fn every_way_of_reading_gives_the_same_summary() {
    let whole = list("argocd/applications.json");
    let projected = list("argocd/applications-fields.json");
    assert_eq!((whole.len(), projected.len()), (15, 15));
    for (key, application) in &whole {
        assert_eq!(as_projected(application.clone()), projected[key], "{key:?}");
        assert_eq!(application.revisions.len(), 1);
        assert!(application.reconciled_at.is_some());
    }
    // The stream begins with all applications as they were before.
    let stream = frames("argocd/stream.sse", Framing::Events);
    let mut streamed = BTreeMap::new();
    for frame in &stream {
        let message: wire::Message<'_> = serde_json::from_slice(frame).unwrap();
        let change = message.result.unwrap();
        assert!(matches!(change.r#type.as_str(), "ADDED" | "MODIFIED"));
        let (key, application) = summary(&change.application);
        streamed.entry(key).or_insert(application);
    }
    assert_eq!(streamed, whole);
    // The objects were read later; what does not move by itself is the same.
    let objects = list("kubernetes/applications.json");
    assert_eq!(objects.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    for (key, object) in &objects {
        let listed = &whole[key];
        assert_eq!((&object.origins, &object.destination, &object.labels), (&listed.origins, &listed.destination, &listed.labels));
        assert_eq!((object.automation, object.shape, &object.project), (listed.automation, listed.shape, &listed.project));
    }
}

#[test]
fn an_application_is_read_in_all_its_parts() {
    let (key, application, detail) = one("argocd/application-drift.json");
    assert_eq!(key.shown().as_str(), "argocd/catalog-service-staging");
    assert_eq!((application.health.word(), application.sync.word()), ("missing", "out-of-sync"));
    assert_eq!(application.health_since.unwrap().to_string(), "2026-11-21T08:43:35Z");
    assert_eq!(application.reconciled_at.unwrap().to_string(), "2026-11-21T08:43:34Z");
    assert_eq!(application.deployed_at.unwrap().to_string(), "2026-11-21T08:42:44Z");
    assert_eq!(application.revisions[0].as_wire(), "7857ce788106cda3145b46de69d38c265b431845");
    assert!(application.automation.enabled && application.automation.prune && !application.automation.self_heal);
    assert_eq!(application.operation.unwrap().phase, Phase::Succeeded);
    assert_eq!(application.images.len(), 2);
    assert_eq!(detail.uid.as_wire(), "b6dfc35b-2e4c-43f7-9bf0-d50398502547");
    assert_eq!(detail.made_by.unwrap().as_wire(), "kustomize-services");
    assert_eq!(detail.history.iter().map(|entry| entry.id).collect::<Vec<_>>(), [1, 0], "newest first");
    assert_eq!(detail.history[0].by, Initiator::Automation);
    let deployment = &detail.resources[2];
    assert_eq!((deployment.kind.as_wire(), &deployment.sync), ("Deployment", &Sync::OutOfSync));
    assert_eq!(deployment.health, Known::Known(Some(Health::Progressing)));
    assert!(deployment.message.as_ref().unwrap().as_str().starts_with("Waiting for rollout to finish"));
    assert_eq!(detail.resources[0].health, Known::Known(None), "a ConfigMap has no health");
    assert_eq!(detail.operation.unwrap().by, Initiator::Automation);
}

/// The shape of wire A.8 of argo-cd 3.2; the lab has neither hooks nor fields that are ignored.
#[test]
fn hooks_what_is_to_be_pruned_and_what_is_ignored_are_read() {
    let body = |strategy: &str| {
        format!(
            r#"{{"spec":{{"ignoreDifferences":[{{"group":"apps","kind":"Deployment","jsonPointers":["/spec/replicas"],"jqPathExpressions":[".x"],
            "managedFieldsManagers":["m"]}}],"syncPolicy":{{"syncOptions":["CreateNamespace=true","RespectIgnoreDifferences=true"]}}}},"status":{{"resources":[
            {{"kind":"Job","name":"migrate","status":"OutOfSync","hook":true,"requiresPruning":true}},{{"kind":"ConfigMap","name":"old","requiresPruning":true}}],
            "operationState":{{"phase":"Succeeded","operation":{{"sync":{{"prune":true{strategy}}}}},"syncResult":{{"resources":[
            {{"group":"batch","kind":"Job","name":"migrate","hookType":"PreSync","hookPhase":"Succeeded","syncPhase":"PreSync"}},
            {{"group":"apps","kind":"Deployment","name":"ui","status":"Synced","hookPhase":"Running","syncPhase":"Sync"}}]}}}}}}}}"#
        )
    };
    let read = |strategy: &str| translate::detail(&serde_json::from_slice(body(strategy).as_bytes()).unwrap(), ReadFrom::Api);
    let detail = read("");
    assert_eq!(detail.resources.iter().map(|one| (one.hook, one.requires_pruning)).collect::<Vec<_>>(), [(true, true), (false, true)]);
    let operation = detail.operation.unwrap();
    let [hook] = operation.hooks.as_slice() else { panic!("{:?}", operation.hooks) };
    assert_eq!((hook.kind.as_wire(), hook.name.as_wire(), hook.when.as_wire(), &hook.phase), ("Job", "migrate", "PreSync", &Phase::Succeeded));
    let [ignored] = detail.ignored.as_slice() else { panic!("{:?}", detail.ignored) };
    assert_eq!((ignored.fields.len(), ignored.managers.len(), detail.respects_ignored), (2, 1, true));
    for (strategy, is_whole) in [
        ("", true),
        (r#","syncStrategy":{"hook":{}}"#, true),
        (r#","syncStrategy":{"apply":{}}"#, false),
        (r#","resources":[{"kind":"Deployment","name":"ui"}]"#, false),
        (r#","dryRun":true"#, false),
    ] {
        assert_eq!(read(strategy).operation.unwrap().is_whole, is_whole, "{strategy}");
    }
}

#[test]
fn an_object_does_not_pretend_to_know_its_resources_health() {
    let body = recording("kubernetes/applications.json");
    let list: wire::List<wire::Detailed<'_>> = serde_json::from_slice(&body).unwrap();
    for item in &list.items {
        let detail = translate::detail(item, ReadFrom::Object);
        assert!(!detail.resources.is_empty());
        assert!(detail.resources.iter().all(|resource| matches!(&resource.health, Known::Unknown(why) if why.to_string().contains("only its API"))));
    }
}

#[test]
fn everything_recorded_is_understood() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/argocd");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = format!("argocd/{}", file.unwrap().file_name().to_str().unwrap());
        let body = || recording(&name);
        let stem = name.strip_prefix("argocd/").unwrap();
        if stem.starts_with("application-") || stem == "rollback.json" || stem == "sync.json" || stem == "application.json" {
            let (key, application, detail) = one(&name);
            assert!(!key.name.is_empty() && !application.project.is_empty() && !detail.uid.is_empty(), "{name}");
            assert!(!matches!(application.health, Health::Unknown(_)) && !matches!(application.sync, Sync::Unknown(_)), "{name}");
        } else if stem.starts_with("error-") {
            let body = body();
            let refusal: wire::Refusal<'_> = serde_json::from_slice(&body).unwrap();
            assert!(refusal.code.is_some() && !refusal.message.as_str().is_empty(), "{name}");
        } else if stem == "stream-fields.jsonl" {
            for frame in frames(&name, Framing::Lines) {
                let message: wire::Message<'_> = serde_json::from_slice(&frame).unwrap();
                assert!(!message.result.unwrap().application.metadata.name.as_str().is_empty());
            }
        }
    }
    let settings = recording("argocd/settings.json");
    let settings: wire::Settings<'_> = serde_json::from_slice(&settings).unwrap();
    assert_eq!(
        (settings.app_label_key.as_str(), settings.tracking_method.as_str(), settings.controller_namespace.as_str()),
        ("app.kubernetes.io/instance", "annotation", "argocd")
    );
    let version = recording("argocd/version.json");
    assert_eq!(serde_json::from_slice::<wire::Version<'_>>(&version).unwrap().version.as_str(), "v3.2.11+unknown");
    let projects = recording("argocd/projects.json");
    let projects: wire::List<wire::Project<'_>> = serde_json::from_slice(&projects).unwrap();
    assert_eq!(projects.items.iter().map(|project| project.metadata.name.as_str()).collect::<Vec<_>>(), ["default", "ecommerce"]);
    let expired = recording("kubernetes/error-410-watch.jsonl");
    assert_eq!(serde_json::from_slice::<wire::WatchError<'_>>(&expired).unwrap().object.code, 410);
    assert_eq!(serde_json::from_slice::<wire::WatchEvent<'_>>(&expired).unwrap().r#type.as_str(), "ERROR");
}

#[test]
fn shapes_of_other_versions_and_tools() {
    let read = |text: &str| summary(&serde_json::from_str(text).unwrap()).1;
    let several = read(
        r#"{"metadata":{"name":"a","labels":null,"annotations":{"acme/version":"1","argocd.argoproj.io/skip-reconcile":"true","other":"x"}},
            "spec":{"sources":[{"repoURL":"r1","chart":"c","targetRevision":"1.2.3","helm":{"valueFiles":["$values/v.yaml"]}},{"repoURL":"r2","ref":"values"}],
                    "syncPolicy":{"automated":{"enabled":false,"prune":true}},"destination":{"name":"in-cluster"}},
            "status":{"sync":{"revision":"","revisions":["1.2.3","abc"]},"summary":{"isAppOfApps":true},"health":{"status":"Levitating"},
                      "operationState":{"phase":"Running","startedAt":"2026-11-21T08:42:44Z","finishedAt":null}}}"#,
    );
    assert_eq!(several.origins.len(), 2);
    assert_eq!(several.origins[1].reference.as_ref().unwrap().as_wire(), "values");
    assert_eq!(several.origins[0].value_files[0].as_wire(), "$values/v.yaml");
    assert_eq!(several.revisions.len(), 2);
    assert!(several.frozen && !several.automation.enabled && !several.automation.prune);
    assert_eq!(several.annotation("acme/version").unwrap().as_wire(), "1");
    assert_eq!(several.annotations.len(), 1, "only what was asked for is kept");
    assert!(several.destination.is_in_cluster());
    assert!(matches!(&several.health, Health::Unknown(why) if why.to_string().contains("Levitating")));
    assert!(matches!(&several.sync, Sync::Unknown(_)));
    assert!(several.operation.unwrap().finished_at.is_none());
    let hydrated = read(
        r#"{"metadata":{"name":"a"},"spec":{"sourceHydrator":{"drySource":{"repoURL":"r","path":"dry","targetRevision":"HEAD"},
            "syncSource":{"targetBranch":"env/dev","path":"wet"}},"syncPolicy":{"automated":{}}}}"#,
    );
    assert_eq!(hydrated.origins[0].path.as_ref().unwrap().as_wire(), "wet");
    assert_eq!(hydrated.origins[0].target_revision.as_ref().unwrap().as_wire(), "env/dev");
    assert!(hydrated.automation.enabled);
    // Of another type than expected: gaps, not a failure.
    let odd = read(r#"{"metadata":{"name":"a","labels":7},"spec":null,"status":"Failure"}"#);
    assert!(odd.labels.is_empty() && odd.origins.is_empty() && odd.images.is_empty());
}
