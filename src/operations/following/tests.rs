//! A promotion is followed over fleets that change one thing at a time: what is claimed, and above all what is not.

use super::*;
use crate::domain::observation::SourceState;
use crate::operations::tests::{NOW, World, to};

const COMMIT: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

fn followed() -> Followed {
    let plan = World::new().plan(&to("production")).unwrap();
    let receipt = Receipt::Committed { commit: Raw::from(COMMIT), rebuilt: 0 };
    let id = OperationId::read("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f").unwrap();
    Followed::of(id, &plan, &[receipt], (NOW, NOW))
}

/// What was reached, and how it stands.
fn told(followed: &mut Followed, world: &World) -> (String, State) {
    let ladder = followed.look(&world.fleet(false), NOW);
    let reached = ladder.rungs.iter().filter(|step| step.at.is_some()).map(|step| step.rung.word()).collect::<Vec<_>>();
    (reached.join(", "), ladder.state)
}

fn both(world: &mut World, change: impl Fn(&mut World, &str)) {
    for name in ["checkout-production-eu", "checkout-production-us"] {
        change(world, name);
    }
}

#[test]
fn each_rung_waits_for_what_it_claims() {
    let (mut world, mut followed) = (World::new(), followed());
    let committed = "committed".to_owned();
    assert_eq!(told(&mut followed, &world), (committed.clone(), State::Moving));
    // It runs, but nobody says that the commit was seen: somebody may have set it by hand.
    both(&mut world, |world, name| world.run(name, "acme/checkout:2.14.3 envoy:1"));
    assert_eq!(told(&mut followed, &world), (committed, State::Moving));
    // A later revision that was not traced yet is no evidence; one that contains the commit is.
    both(&mut world, |world, name| world.app(name).revision = "later");
    assert_eq!(told(&mut followed, &world).0, "committed");
    assert_eq!(followed.untraced(&world.fleet(false)).into_iter().collect::<Vec<_>>(), [Raw::from("head"), Raw::from("later")]);
    followed.traced.insert(Raw::from("later"), true);
    both(&mut world, |world, name| world.run(name, "acme/checkout:2.14.2 envoy:1"));
    assert_eq!(told(&mut followed, &world), ("committed, Argo CD saw it, synced".to_owned(), State::Moving));
    world.run("checkout-production-eu", "acme/checkout:2.14.3 envoy:1");
    assert_eq!(told(&mut followed, &world).0, "committed, Argo CD saw it, synced");
    world.run("checkout-production-us", "acme/checkout:2.14.3 envoy:1");
    world.app("checkout-production-us").health = "Progressing";
    assert_eq!(told(&mut followed, &world).0, "committed, Argo CD saw it, synced");
    world.app("checkout-production-us").health = "Healthy";
    assert_eq!(told(&mut followed, &world), ("committed, Argo CD saw it, synced, healthy, verified".to_owned(), State::Verified));
}

#[test]
fn what_no_current_source_says_is_not_claimed() {
    let (mut world, mut followed) = (World::new(), followed());
    both(&mut world, |world, name| {
        world.run(name, "acme/checkout:2.14.3 envoy:1");
        world.app(name).revision = COMMIT;
    });
    let why = Safe::clean("connection refused");
    world.lost = Some((crate::domain::SourceId::argocd(&"main".into()), SourceState::Waiting { until: Some(NOW), why }));
    let (reached, state) = told(&mut followed, &world);
    assert_eq!(reached, "committed");
    assert!(matches!(state, State::Blind(_)), "{state:?}");
}

#[test]
fn a_newer_version_supersedes_only_once_git_was_read_after_the_commit() {
    let (mut world, mut followed) = (World::new(), followed());
    both(&mut world, |world, name| world.app(name).revision = COMMIT);
    // The repository still says the old version, as of before the commit.
    assert_eq!(told(&mut followed, &world).1, State::Moving);
    followed.traced.insert(Raw::from("head"), true);
    assert_eq!(told(&mut followed, &world).1, State::Superseded(Safe::clean("2.14.2")));
}

#[test]
fn a_placement_that_is_gone_is_a_failure() {
    let (mut world, mut followed) = (World::new(), followed());
    world.remove("checkout-production-us");
    let (_, state) = told(&mut followed, &world);
    assert_eq!(state, State::Failed(Safe::clean("production·us is not there any more")));
}

#[test]
fn what_was_turned_back_before_is_no_failure_of_what_comes_after_it() {
    let (mut world, mut followed) = (World::new(), followed());
    let name = "checkout-production-eu";
    let mut facts = crate::operations::canary::tests::moving();
    (facts.rollout.name, facts.aborted) = (Raw::from(name), true);
    world.rollouts.insert(name.to_owned(), facts);
    both(&mut world, |world, name| world.app(name).revision = COMMIT);
    let is_failed = |(_, state): (String, State)| matches!(state, State::Failed(_));
    assert!(!is_failed(told(&mut followed, &world)), "what was aborted is 2.14.2, which is gone from");
    world.run(name, "acme/checkout:2.14.3 envoy:1");
    assert!(is_failed(told(&mut followed, &world)), "what was aborted is what was promoted");
}
