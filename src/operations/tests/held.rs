//! What is done to Rollouts by hand: fleet × Rollout × verb → plan or sentence.

use super::*;
use crate::base::Safe;
use canary::Verb;
use canary::tests::moving;

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
fn aborting_and_putting_back_is_one_plan_that_sends_users_back_first() {
    let back = |aborts| Request::Return {
        service: "checkout".into(),
        environment: "production".into(),
        version: None,
        placements: Some(vec!["eu".into()]),
        aborts,
    };
    let both = world(|_| {}).plan(&back(true)).unwrap();
    let told = steps(&both);
    let [first, second, ..] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("patch rollout checkout-production-eu in prod: status.abort = true", "commit and push to main of gitops")
    );
    assert_eq!((both.direction, both.title()), (Direction::Safety, Safe::clean("abort and put checkout 2.14.1 back in production")));
    let only = world(|_| {}).plan(&back(false)).unwrap();
    assert_eq!(steps(&only), told[1..]);
    // Somebody was quicker: what is left is to put the version back.
    let late = world(|facts| facts.aborted = true).plan(&back(true)).unwrap();
    assert_eq!(steps(&late), told[1..]);
    assert!(late.remarks.iter().any(|words| words.as_str() == "it was aborted already"));
}
