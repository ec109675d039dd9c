//! What Argo CD is asked for by hand: fleet × verb → plan or sentence. What would change nothing is refused.

use super::*;
use crate::domain::Sync;
use crate::domain::application::Phase;
use crate::operations::argocd::Verb;

fn errand(verb: Verb, prune: bool, placement: Option<&str>) -> Request {
    let placements = placement.map(|name| vec![name.into()]);
    Request::Argocd { service: "checkout".into(), environment: "production".into(), placements, verb, prune }
}

/// Argo CD says that this differs from git in both placements.
fn apart(world: &mut World) {
    for name in ["checkout-production-eu", "checkout-production-us"] {
        world.app(name).sync = Sync::OutOfSync;
    }
}

/// What it is about, the world, what is asked, what comes of it.
type Row<'a> = (&'a str, fn(&mut World), Request, &'a str);

fn steps(planned: &Result<Plan, Refusal>) -> String {
    match planned {
        Ok(plan) => plan.steps.iter().map(|step| step.words().to_string()).collect::<Vec<_>>().join("; "),
        Err(refusal) => refusal.sentence().to_string(),
    }
}

#[test]
fn what_would_change_nothing_is_refused_and_the_rest_is_asked_for_once() {
    let (eu, us) = ("Argo CD is asked to sync checkout-production-eu", "Argo CD is asked to sync checkout-production-us");
    let after = "wait until Argo CD has synced checkout-production-eu and checkout-production-us; watch until the version is seen healthy in production·eu and production·us";
    let both = format!("{eu}; {us}; {after}");
    let after = "wait until Argo CD has synced checkout-production-us; watch until the version is seen healthy in production·us";
    let one = format!("{us}; {after}");
    let pruning = format!("{us}, and to delete what git no longer has; {after}");
    let rows: [Row<'_>; 12] = [
        ("both differ", apart, errand(Verb::Sync, false, None), &both),
        ("one is asked", apart, errand(Verb::Sync, false, Some("us")), &one),
        ("all is well", |_| {}, errand(Verb::Sync, false, None), "No sync in production·eu: checkout-production-eu is in sync."),
        ("the other one is in sync", |world| world.app("checkout-production-us").sync = Sync::OutOfSync, errand(Verb::Sync, false, None), &one),
        (
            "only what git no longer has",
            |world| {
                world.app("checkout-production-us").sync = Sync::OutOfSync;
                world.app("checkout-production-us").differing = Some(vec![("old", true)]);
            },
            errand(Verb::Sync, false, Some("us")),
            "No sync in production·us: only what git no longer has differs in checkout-production-us: pruning deletes it.",
        ),
        (
            "and that is to be deleted",
            |world| {
                world.app("checkout-production-us").sync = Sync::OutOfSync;
                world.app("checkout-production-us").differing = Some(vec![("old", true)]);
            },
            errand(Verb::Sync, true, Some("us")),
            &pruning,
        ),
        (
            "another sync runs",
            |world| {
                apart(world);
                world.app("checkout-production-eu").operation = Some(Phase::Running);
            },
            errand(Verb::Sync, false, None),
            "No sync in production·eu: an operation of checkout-production-eu runs: wait for its end, or terminate it.",
        ),
        ("nothing runs", apart, errand(Verb::Terminate, false, None), "No terminate in production·eu: no operation of checkout-production-eu runs."),
        (
            "one runs",
            |world| world.app("checkout-production-us").operation = Some(Phase::Running),
            errand(Verb::Terminate, false, None),
            "Argo CD is asked to stop the operation of checkout-production-us",
        ),
        (
            "it is being stopped",
            |world| world.app("checkout-production-us").operation = Some(Phase::Terminating),
            errand(Verb::Terminate, false, Some("us")),
            "No terminate in production·us: the operation of checkout-production-us is being stopped already.",
        ),
        ("a comparison is always something", |_| {}, errand(Verb::Refresh, false, Some("us")), "Argo CD is told to look at checkout-production-us"),
        ("it is not there", |_| {}, errand(Verb::Refresh, false, Some("apac")), "production has no placement 'apac': there is eu and us."),
    ];
    for (what, change, request, expected) in rows {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(steps(&world.plan(&request)), expected, "{what}");
    }
}

#[test]
fn a_comparison_leads_nowhere_and_the_others_toward_risk() {
    let mut world = World::new();
    apart(&mut world);
    world.app("checkout-production-us").differing = Some(vec![("limits", false), ("old", true)]);
    let direction = |world: &World, verb| world.plan(&errand(verb, false, Some("us"))).map(|plan| plan.direction);
    assert_eq!(direction(&world, Verb::Refresh), Ok(Direction::Safety));
    assert_eq!(direction(&world, Verb::Sync), Ok(Direction::Risk));
    let plan = world.plan(&errand(Verb::Sync, false, Some("us"))).unwrap();
    let told: Vec<&str> = plan.remarks.iter().map(crate::base::Safe::as_str).collect();
    assert!(told.iter().any(|words| words.contains("1 resource of checkout-production-us would change: ConfigMap limits")), "{told:?}");
    assert!(told.iter().any(|words| words.contains("stays although git no longer has it: ConfigMap old")), "{told:?}");
    assert_eq!((plan.version.as_str(), plan.title().as_str()), ("2.14.2", "sync checkout in production·us"));
    world.app("checkout-production-us").operation = Some(Phase::Running);
    assert_eq!(direction(&world, Verb::Terminate), Ok(Direction::Risk));
    // What is not read now is no reason to do anything but to look.
    let lost = SourceState::Waiting { until: None, why: crate::base::Safe::clean("connection refused") };
    world.lost = Some((SourceId::argocd(&"main".into()), lost));
    let refused = steps(&world.plan(&errand(Verb::Terminate, false, Some("us"))));
    assert!(refused.starts_with("What is known of production·us is not current"), "{refused}");
    assert_eq!(direction(&world, Verb::Refresh), Ok(Direction::Safety));
}

#[test]
fn a_rollout_of_the_only_placement_need_not_be_named() {
    let verb = |environment: &str| Request::Canary {
        service: "checkout".into(),
        environment: environment.into(),
        placement: "".into(),
        verb: canary::Verb::Abort,
        skips: false,
    };
    let refused = |environment| World::new().plan(&verb(environment)).unwrap_err().sentence().to_string();
    assert_eq!(refused("production"), "production has several placements, eu and us: say which with --placement.");
    assert!(!refused("staging").contains("placement"), "{}", refused("staging"));
}
