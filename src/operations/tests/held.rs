//! What is done to Rollouts by hand: fleet × Rollout × verb → plan or sentence.

use super::*;
use crate::base::Safe;
use crate::domain::testing::app_key;
use canary::Verb;
use canary::tests::moving;
use mutation::Target;

fn verb(verb: Verb, skips: bool) -> Request {
    Request::Canary { service: "checkout".into(), environment: "production".into(), placement: "eu".into(), verb, skips }
}

type Change = fn(&mut canary::Facts);
/// What it is about, the verb, whether it may skip, the Rollout, what comes of it.
type Row = (&'static str, Verb, bool, Change, Result<Direction, &'static str>);

/// A canary is under way in one placement: git wants 2.14.2 there, and had 2.14.1.
fn world(change: impl FnOnce(&mut canary::Facts)) -> World {
    let mut world = World::new();
    world.had("checkout-production-eu", &["2.14.1"]);
    world.app("checkout-production-eu").deployed = Some(vec![49]);
    let mut facts = moving();
    facts.rollout.name = Raw::from("checkout-production-eu");
    change(&mut facts);
    world.rollouts.insert("checkout-production-eu".to_owned(), facts);
    world
}

fn steps(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.words().to_string()).collect()
}

#[test]
fn a_verb_is_patches_and_nothing_to_wait_for() {
    let plan = world(|_| {}).plan(&verb(Verb::Abort, false)).unwrap();
    assert_eq!(steps(&plan), ["patch rollout checkout-production-eu in prod: status.abort = true"]);
    assert_eq!((plan.direction, plan.title().as_str()), (Direction::Safety, "abort checkout in production·eu"));
    assert!(plan.remarks.iter().any(|words| words.as_str().starts_with("git still wants 2.14.2")), "{:?}", plan.remarks);
    let rows: [Row; 6] = [
        ("a pause", Verb::Pause, false, |_| {}, Ok(Direction::Safety)),
        ("the next step", Verb::NextStep, false, |_| {}, Ok(Direction::Risk)),
        (
            "an analysis would be left out",
            Verb::PromoteFully,
            false,
            |_| {},
            Err("No promote fully in production·eu: it would skip the experiment of step 3: that has to be asked for."),
        ),
        ("and it was asked for", Verb::PromoteFully, true, |_| {}, Ok(Direction::Risk)),
        ("it was aborted already", Verb::Abort, false, |facts| facts.aborted = true, Err("No abort in production·eu: it was aborted already.")),
        (
            "nothing is under way",
            Verb::Abort,
            false,
            |facts| facts.stable_hash = Raw::from("new"),
            Err("No abort in production·eu: no change is under way: the newest version is the stable one. The way back is a version in git."),
        ),
    ];
    for (what, asked, skips, change, expected) in rows {
        let planned = world(change).plan(&verb(asked, skips));
        let direction = planned.as_ref().map(|plan| plan.direction).map_err(|refusal| refusal.sentence().to_string());
        assert_eq!(direction, expected.map_err(ToOwned::to_owned), "{what}");
    }
    let refused = World::new().plan(&verb(Verb::Abort, false)).unwrap_err();
    assert!(matches!(refused, Refusal::Rollouts { .. } | Refusal::NoRollout(_)), "{refused:?}");
}

#[test]
fn what_argo_cd_would_undo_at_once_is_refused() {
    let mut world = world(|_| {});
    assert!(world.plan(&verb(Verb::Undo, false)).is_ok());
    world.app("checkout-production-eu").heals = true;
    assert_eq!(
        world.plan(&verb(Verb::Undo, false)).unwrap_err().sentence().as_str(),
        "Argo CD puts 2.14.2 back within seconds: checkout-production-eu heals itself. The way back is a version in git."
    );
    assert!(world.plan(&verb(Verb::Abort, false)).is_ok(), "the status is nobody's to heal");
}

#[test]
fn aborting_and_putting_back_is_one_plan_that_sends_users_back_first() {
    let back =
        |by| Request::Return { service: "checkout".into(), environment: "production".into(), version: None, placements: Some(vec!["eu".into()]), by };
    let both = world(|_| {}).plan(&back(By::Abort)).unwrap();
    let told = steps(&both);
    let [first, second, ..] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("patch rollout checkout-production-eu in prod: status.abort = true", "commit and push to main of gitops")
    );
    assert_eq!((both.direction, both.title()), (Direction::Safety, Safe::clean("abort and put checkout 2.14.1 back in production")));
    let only = world(|_| {}).plan(&back(By::Commit)).unwrap();
    assert_eq!(steps(&only), told[1..]);
    // Somebody was quicker: what is left is to put the version back.
    let late = world(|facts| facts.aborted = true).plan(&back(By::Abort)).unwrap();
    assert_eq!(steps(&late), told[1..]);
    assert!(late.remarks.iter().any(|words| words.as_str() == "it was aborted already"));
}

#[test]
fn a_way_back_after_all_steps_is_hastened_to_the_pods_of_then_and_to_no_others() {
    let back = Request::Return {
        service: "checkout".into(),
        environment: "production".into(),
        version: None,
        placements: Some(vec!["eu".into()]),
        by: By::Hasten,
    };
    let settled = |facts: &mut canary::Facts| {
        facts.stable_hash = facts.current_hash.clone();
        facts.step = Some(facts.steps.len());
        for (revision, tag) in facts.revisions.iter_mut().zip(["2.14.2", "2.14.1", "2.14.0"]) {
            revision.template = serde_json::json!({"spec": {"containers": [{"image": format!("acme/checkout:{tag}")}]}});
        }
    };
    let plan = world(settled).plan(&back).unwrap();
    assert_eq!(
        steps(&plan),
        [
            "commit and push to main of gitops",
            "Argo CD is told to look at checkout-production-eu",
            "once the pods of then are its newest, patch rollout checkout-production-eu in prod: status.promoteFull = true",
            "wait until Argo CD has synced checkout-production-eu",
            "watch until the version is seen healthy in production·eu",
        ]
    );
    assert_eq!((plan.direction, plan.title().as_str()), (Direction::Safety, "put checkout 2.14.1 back in production and promote it fully"));
    let other = |facts: &mut canary::Facts| {
        settled(facts);
        facts.revisions.truncate(1);
    };
    assert_eq!(
        world(other).plan(&back).unwrap_err().sentence().as_str(),
        "The way back in production·eu cannot be hastened: none of its 0 earlier replica sets has this template with the image of then: more than the image \
         was another. Put the version back, and promote it fully by hand when its pods come."
    );
}

/// Its cluster is away, and Argo CD told its Rollout.
fn without_cluster(change: impl FnOnce(&mut canary::Facts)) -> World {
    let mut world = world(change);
    let app = app_key("checkout-production-eu");
    let instead = Instead { target: Target { app, project: "shop".into() }, why: Safe::clean("cluster prod: nobody was reached") };
    let key = world.rollouts["checkout-production-eu"].rollout.clone();
    world.instead.insert(key, instead);
    world
}

#[test]
fn where_its_cluster_is_away_argo_cd_is_asked_and_what_that_does_not_guard_is_said() {
    let plan = without_cluster(|_| {}).plan(&verb(Verb::Abort, false)).unwrap();
    let [Step::Send(Mutation::Act(acting))] = plan.steps.as_slice() else { panic!("{:?}", plan.steps) };
    assert_eq!((acting.action, acting.target.app.name.as_wire()), ("abort", "checkout-production-eu"));
    assert_eq!(plan.direction, Direction::Safety);
    let tests: Vec<&str> = acting.patch.operations.iter().filter(|one| one.op == "test").map(|one| one.path.as_str()).collect();
    assert_eq!(tests, ["/metadata/uid", "/status/currentPodHash"]);
    let told = plan.remarks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    for part in ["because cluster prod: nobody was reached", "is held to nothing", "git still wants 2.14.2", "only its cluster tells"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(plan.rests_on.iter().all(|fresh| fresh.source.kind == crate::domain::SourceKind::Argocd), "{:?}", plan.rests_on);
    let paused = |facts: &mut canary::Facts| {
        facts.paused = true;
        facts.pauses = Some(vec![Raw::from("CanaryPauseStep")]);
    };
    let settled = |facts: &mut canary::Facts| {
        facts.restart_at = Some(Raw::from("2026-01-01T00:00:00Z"));
        facts.restarted_at = facts.restart_at.clone();
    };
    let rows: [(Verb, Change, &[&str]); 7] = [
        (Verb::Pause, |_| {}, &["pause"]),
        (Verb::Resume, paused, &["resume"]),
        (Verb::NextStep, paused, &["resume"]),
        (Verb::NextStep, |_| {}, &["skip-current-step"]),
        (Verb::PromoteFully, paused, &["promote-full", "resume"]),
        (Verb::Retry, |facts| facts.aborted = true, &["retry"]),
        (Verb::Restart, settled, &["restart"]),
    ];
    for (asked, change, expected) in rows {
        let plan = without_cluster(change).plan(&verb(asked, true)).unwrap();
        let actions: Vec<_> = plan.mutations().map(|one| if let Mutation::Act(acting) = one { acting.action } else { "none" }).collect();
        assert_eq!(actions, expected, "{asked:?}");
    }
    let refused = without_cluster(|_| {}).plan(&verb(Verb::Undo, false)).unwrap_err().sentence().to_string();
    assert!(refused.contains("no earlier version") || refused.contains("Argo CD has no action"), "{refused}");
    // And before a commit.
    let world = without_cluster(|_| {});
    let back = Request::Return {
        service: "checkout".into(),
        environment: "production".into(),
        version: None,
        placements: Some(vec!["eu".into()]),
        by: By::Abort,
    };
    let plan = world.plan(&back).unwrap();
    assert!(matches!(plan.steps.first(), Some(Step::Send(Mutation::Act(_)))), "{:?}", plan.steps);
    assert!(plan.remarks.iter().any(|words| words.as_str().starts_with("it goes through Argo CD")), "{:?}", plan.remarks);
}

#[test]
fn what_the_stable_version_refers_to_is_told_before_an_abort() {
    use canary::references::{Presence, Reference};
    let of = |presence| Reference { kind: "ConfigMap", name: Raw::from("checkout-config"), is_optional: false, presence };
    let remarks = |presence: Presence, verb: Verb| {
        let plan = world(|facts| facts.references = vec![of(presence)]).plan(&self::verb(verb, false)).unwrap();
        plan.remarks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let missing = "not recommended: the stable version refers to ConfigMap checkout-config, which is not there any more";
    assert!(remarks(Presence::Missing, Verb::Abort).contains(missing), "{}", remarks(Presence::Missing, Verb::Abort));
    assert!(remarks(Presence::Unchanged, Verb::Abort).contains("is there and was not written since: ConfigMap checkout-config"));
    assert!(!remarks(Presence::Missing, Verb::Pause).contains("checkout-config"), "a pause starts no pod");
}
