//! What else a sync carries: files and what Argo CD tells → words, and where a way back leads.

use super::back::{back_in, had};
use super::*;
use crate::base::Safe;
use crate::domain::application::{HookRun, Ignored, Initiator, OperationDetail, Phase, Resource};
use crate::domain::{Known, Sync};
use crate::manifest::objects::Object;
use crate::manifest::rendered::compared;

const JOB: &str = "kind: Job\nmetadata: {name: migrate, annotations: {argocd.argoproj.io/hook: PreSync}}\nspec: {template: {spec: {containers: \
                   [{name: migrate, image: 'migrate:1'}]}}}\n";

fn operation(phase: Phase, hooks: &[(&str, &str)]) -> OperationDetail {
    let run = |(name, when): &(&str, &str)| HookRun {
        kind: Raw::from("Job"),
        name: Raw::from(*name),
        when: Raw::from(*when),
        phase: Phase::Succeeded,
        message: Safe::default(),
    };
    OperationDetail {
        phase,
        message: Safe::default(),
        by: Initiator::Automation,
        started_at: None,
        finished_at: None,
        failures: Vec::new(),
        hooks: hooks.iter().map(run).collect(),
        is_whole: true,
    }
}

fn resource(kind: &str, name: &str) -> Resource {
    Resource {
        group: Raw::default(),
        kind: Raw::from(kind),
        namespace: "shop".into(),
        name: Raw::from(name),
        sync: Sync::OutOfSync,
        health: Known::Known(None),
        message: None,
        requires_pruning: true,
        hook: false,
    }
}

/// A Rollout in the files with 3 pods, of which the cluster wants 4.
fn scaled(world: &mut World, beside: &str) {
    let rollout = "kind: Rollout\nmetadata: {name: checkout-production-eu}\nspec: {replicas: 3, template: {spec: {containers: [{name: checkout, image: acme/checkout}]}}}\n";
    world.put("apps/checkout/base/deployment.yaml", &format!("{rollout}---\n{beside}"));
    let mut facts = canary::tests::moving();
    facts.rollout.name = Raw::from("checkout-production-eu");
    facts.stable_hash = facts.current_hash.clone();
    world.rollouts.insert("checkout-production-eu".to_owned(), facts);
}

fn ignored(respects: bool) -> impl Fn(&mut World) {
    move |world| {
        let fields = vec![Raw::from("/spec/replicas")];
        world.detail.ignored = vec![Ignored { group: Raw::from("argoproj.io"), kind: Raw::from("Rollout"), fields, ..Ignored::default() }];
        world.detail.respects_ignored = respects;
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_else_the_sync_carries_is_said_and_makes_a_way_back_a_risk() {
    type Change = Box<dyn Fn(&mut World)>;
    let job = |world: &mut World| {
        world.put("apps/checkout/base/job.yaml", JOB);
        world.put("apps/checkout/base/kustomization.yaml", "resources: [deployment.yaml, job.yaml]\n");
    };
    let hpa = "kind: HorizontalPodAutoscaler\nmetadata: {name: eu}\nspec: {scaleTargetRef: {kind: Rollout, name: checkout-production-eu}}\n";
    let rows: Vec<(&str, Change, Result<Direction, &str>, &str)> = vec![
        ("nothing", Box::new(|_| {}), Ok(Direction::Safety), ""),
        (
            "a migration among the files",
            Box::new(job),
            Err("Job migrate runs"),
            "PreSync hook Job migrate runs again: what it does to data is done again, and nothing takes it back",
        ),
        (
            "and how it went last time",
            Box::new(move |world| {
                job(world);
                world.detail.operation = Some(operation(Phase::Succeeded, &[("migrate", "PreSync")]));
            }),
            Err("Job migrate runs"),
            "PreSync hook Job migrate runs again (succeeded at its last sync): what it does to data is done again, and nothing takes it back",
        ),
        (
            "one that ran last time and is in the files no more",
            Box::new(|world| world.detail.operation = Some(operation(Phase::Succeeded, &[("migrate", "PreSync")]))),
            Ok(Direction::Safety),
            "",
        ),
        (
            "a chart, whose hooks are told by the last sync",
            Box::new(|world| {
                world.unrendered = Some(Safe::clean("a chart"));
                world.detail.operation = Some(operation(Phase::Succeeded, &[("report", "PostSync")]));
            }),
            Err("Job report runs"),
            "PostSync hook Job report runs again (succeeded at its last sync): what it does to data is done again, and nothing takes it back",
        ),
        (
            "a chart whose last sync ran none",
            Box::new(|world| {
                world.unrendered = Some(Safe::clean("a chart"));
                world.detail.operation = Some(operation(Phase::Succeeded, &[]));
            }),
            Ok(Direction::Safety),
            "",
        ),
        (
            "a chart of which nobody tells",
            Box::new(|world| world.unrendered = Some(Safe::clean("a chart"))),
            Err("which hooks it runs is not known"),
            "",
        ),
        (
            "what stays behind is no risk",
            Box::new(|world| world.detail.resources = vec![resource("ConfigMap", "old")]),
            Ok(Direction::Safety),
            "ConfigMap old stays behind: git has it no more, and this sync does not prune",
        ),
        (
            "what is deleted is one",
            Box::new(|world| {
                world.prunes = true;
                world.gone = vec![Object { kind: "Service".to_owned(), name: "old".to_owned() }];
            }),
            Err("it deletes Service old"),
            "the sync deletes Service old: git has it no more, and prune is on (an annotation on it may keep it)",
        ),
        (
            "more pods than git says, and nobody knows why",
            Box::new(|world| scaled(world, "")),
            Err("it sets Rollout checkout-production-eu to another number of pods"),
            "the sync sets Rollout checkout-production-eu to 3 as git says, 4 pods are wanted now: whether an autoscaler sets that number is not known: its \
             cluster was not asked",
        ),
        (
            "an autoscaler owns the number, and only the difference is hidden",
            Box::new(move |world| {
                scaled(world, hpa);
                ignored(false)(world);
            }),
            Err("it sets Rollout checkout-production-eu to another number of pods"),
            "the sync sets Rollout checkout-production-eu to 3 as git says, 4 pods are wanted now: HorizontalPodAutoscaler eu sets that number \
             otherwise; ignoreDifferences hides it, and without RespectIgnoreDifferences=true does not stop it",
        ),
        (
            "the number is left alone",
            Box::new(move |world| {
                scaled(world, hpa);
                ignored(true)(world);
            }),
            Ok(Direction::Safety),
            "",
        ),
    ];
    for (what, change, direction, words) in rows {
        let mut world = World::new();
        had(&mut world);
        change(&mut world);
        let plan = world.plan(&back_in("eu", None)).unwrap();
        let told: Vec<String> = plan.carried.iter().flat_map(|carried| carried.words(true)).map(|words| words.to_string()).collect();
        assert_eq!(told.join("; "), words, "{what}");
        let why = plan.remarks.iter().find_map(|remark| remark.as_str().strip_prefix("this way back leads toward risk: "));
        match direction {
            Ok(direction) => assert_eq!((plan.direction, why), (direction, None), "{what}"),
            Err(said) => assert_eq!((plan.direction, why), (Direction::Risk, Some(said)), "{what}"),
        }
    }
}

#[test]
fn a_promotion_says_where_there_is_no_return() {
    let mut world = World::new();
    world.put("apps/checkout/base/job.yaml", JOB);
    world.put("apps/checkout/base/kustomization.yaml", "resources: [deployment.yaml, job.yaml]\n");
    let plan = world.plan(&only("eu", to("production"))).unwrap();
    let told: Vec<String> = plan.carried.iter().flat_map(|carried| carried.words(false)).map(|words| words.to_string()).collect();
    assert_eq!(told, ["PreSync hook Job migrate runs: the point of no return, what it does to data stays; going back runs it again"]);
    assert!(plan.not_known.iter().any(|what| what.as_str().starts_with("what the sync of checkout-production-eu deletes: ")), "{:?}", plan.not_known);
}

#[test]
fn who_else_writes_the_line_is_named() {
    let mut world = World::new();
    world.had("checkout-production-eu", &["2.14.1", "2.14.0"]);
    let remarks = |world: &World| world.plan(&only("eu", to("production"))).unwrap().remarks;
    assert!(!remarks(&world).iter().any(|remark| remark.as_str().contains("may write it again")));
    world.author = "argocd-image-updater";
    let said = "argocd-image-updater wrote the version of production·eu 10m ago (0000000): it may write it again";
    assert!(remarks(&world).iter().any(|remark| remark.as_str() == said), "{:?}", remarks(&world));
}

#[test]
fn a_way_back_that_renders_to_more_than_its_version_is_a_risk() {
    let manifest = |tag: &str, memory: &str| {
        String::from(
            "kind: Deployment\nmetadata: {name: checkout}\nspec: {template: {spec: {containers: [{name: checkout, image: 'acme/checkout:TAG', memory: MEM}]}}}\n---\nkind: \
             Secret\nmetadata: {name: s}\ndata: {password: MEM}\n"
        )
        .replace("TAG", tag)
        .replace("MEM", memory)
    };
    let rendered = |memory: &str| {
        let (before, after) = (manifest("2.14.2", "64Mi"), manifest("2.14.1", memory));
        compared(Safe::clean("kustomize v5.5.0"), before.as_bytes(), after.as_bytes())
    };
    let mut world = World::new();
    had(&mut world);
    world.rendered = rendered("64Mi");
    let plan = world.plan(&back_in("eu", None)).unwrap();
    assert_eq!(plan.direction, Direction::Safety);
    assert!(!plan.not_known.iter().any(|what| what.as_str().contains("files are compared")), "{:?}", plan.not_known);
    world.rendered = rendered("32Mi");
    let plan = world.plan(&back_in("eu", None)).unwrap();
    let why: Vec<&str> =
        plan.remarks.iter().filter_map(|remark| remark.as_str().strip_prefix("this way back leads toward risk: rendered, ")).collect();
    assert_eq!((plan.direction, why), (Direction::Risk, vec!["Deployment checkout changes", "Secret s changes"]));
    // Before it is rendered, it is not known to be safe.
    let read = Read { files: world.prepared(), ..Read::default() };
    let early = crate::operations::plan(&back_in("eu", None), &world.fleet(true), &read, NOW).unwrap();
    assert_eq!((early.direction, early.unrendered().len()), (Direction::Risk, 1));
    world.rendered = Err(Safe::clean("neither kustomize nor kubectl is on the PATH"));
    let plan = world.plan(&back_in("eu", None)).unwrap();
    let said = "what the manifests of checkout-production-eu look like when they are rendered: neither kustomize nor kubectl is on the PATH; files are compared";
    assert!(plan.not_known.iter().any(|what| what.as_str() == said), "{:?}", plan.not_known);
    assert_eq!(plan.direction, Direction::Safety);
}

#[test]
fn an_autoscaler_that_only_the_cluster_has_is_named_and_what_may_not_be_listed_is_not_known() {
    let by = || Safe::clean("HorizontalPodAutoscaler checkout");
    let hpa = |target: &str| Scaler { by: by(), kind: "Rollout".to_owned(), name: target.to_owned() };
    let rows = [
        (Some(Ok(vec![hpa("checkout-production-eu")])), "HorizontalPodAutoscaler checkout sets that number otherwise"),
        (Some(Ok(vec![hpa("checkout-production-us")])), "neither git nor the cluster has an autoscaler for it, so somebody set it by hand"),
        (Some(Err(Safe::clean("you may not list them"))), "whether an autoscaler sets that number is not known: you may not list them"),
        (None, "whether an autoscaler sets that number is not known: its cluster was not asked"),
    ];
    for (scalers, expected) in rows {
        let mut world = World::new();
        scaled(&mut world, "");
        world.scalers = scalers;
        let plan = world.plan(&to("production")).unwrap();
        let words: Vec<String> = plan.carried.iter().flat_map(|carried| carried.words(false)).map(|words| words.to_string()).collect();
        assert!(words.iter().any(|words| words.ends_with(expected)), "{expected}: {words:?}");
    }
}
