//! Waves: one placement after the other, each a plan of its own, and none of them without what was confirmed.

use super::*;
use crate::base::Timestamp;
use crate::operations::waves::Onward;

pub(super) fn in_waves(request: Request) -> Request {
    let Request::Promote { service, from, to, version, placements, hotfix, .. } = request else { panic!("no promotion") };
    Request::Promote { service, from, to, version, placements, hotfix, waves: true }
}

fn in_order(names: &[&str]) -> Request {
    let Request::Promote { service, from, to, version, hotfix, waves, .. } = in_waves(to("production")) else { panic!("no promotion") };
    Request::Promote { service, from, to, version, placements: Some(names.iter().map(|name| (*name).into()).collect()), hotfix, waves }
}

/// The placements of each wave, in order.
fn order(plan: &Plan) -> Vec<String> {
    plan.in_waves().map(|wave| wave.moves.iter().map(|moves| moves.place.shown().to_string()).collect::<Vec<_>>().join("+")).collect()
}

fn approved(plan: &Plan) -> Approved {
    let landscape = World::new().landscape();
    let mut confirmation = Confirmation::of(plan, T0);
    plan.service.shown().as_str().chars().for_each(|letter| confirmation.letter(letter, NOW));
    let confirmed = confirmation.entered(confirm::QUIET, plan, NOW).unwrap();
    let id = crate::base::OperationId::read("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f").unwrap();
    let standing = door::Standing::default();
    door::approve(id, plan.clone(), confirmed, &landscape, &standing, (door::Stated::default(), &[]), NOW).unwrap()
}

const T0: Timestamp = Timestamp::UNIX_EPOCH;

#[test]
fn each_placement_is_a_commit_of_its_own_in_the_order_that_is_asked_for() {
    let world = World::new();
    let plan = world.plan(&in_waves(to("production"))).unwrap();
    assert_eq!(order(&plan), ["production·eu", "production·us"], "as the configuration has them");
    assert_eq!(order(&world.plan(&in_order(&["us", "eu"])).unwrap()), ["production·us", "production·eu"], "as they are named");
    assert_eq!(plan.title().as_str(), "promote checkout 2.14.3 to production·eu, then production·us");
    // What is sent for it is the first wave's alone.
    let sent: Vec<&str> = plan.files().iter().map(|file| file.file.as_wire()).collect();
    assert_eq!(sent, ["apps/checkout/overlays/production-eu/kustomization.yaml"]);
    assert!(matches!(
        plan.steps.as_slice(),
        [Step::Send(Mutation::Commit(_)), Step::Send(Mutation::Refresh(_)), Step::Await(Await::Synced(_)), Step::Await(Await::Verified(_))]
    ));
    let second = &plan.waves[0];
    assert_eq!(second.commit().unwrap().message.body[0].as_str(), "Moves production·us.");
    assert!(
        second.commit().unwrap().preconditions.iter().any(|must| must.path.as_wire().contains("production-us")),
        "looked at again before it is sent"
    );
}

#[test]
fn where_there_are_no_waves_it_is_said_why() {
    let refused = |change: Change| {
        let mut world = World::new();
        change(&mut world);
        world.plan(&in_waves(to("production"))).unwrap_err().sentence().to_string()
    };
    assert_eq!(refused(|world| world.tag("checkout-production-us", "2.14.3")), "There are no waves in production: only production·eu moves.");
    assert_eq!(
        refused(|world| world.by_pull_request = true),
        "There are no waves in production: it takes pull requests, and who merges them decides when: promote one placement after the other with --placement."
    );
    let shared = refused(|world| {
        world.path("checkout-production-us", "apps/checkout/overlays/production-eu");
    });
    assert_eq!(
        shared,
        "There are no waves in production: apps/checkout/overlays/production-eu/kustomization.yaml feeds production·eu and production·us, which move \
         together in one commit."
    );
    let alone = World::new().plan(&in_waves(to("staging"))).unwrap_err();
    assert_eq!(alone.name(), "no-waves");
}

#[test]
fn a_wave_is_confirmed_by_what_was_shown_and_by_nothing_else() {
    let world = World::new();
    let whole = world.plan(&in_waves(to("production"))).unwrap();
    assert_eq!(Onward::of(&approved(&world.plan(&to("production")).unwrap())), None, "what has no waves goes no further");
    let onward = Onward::of(&approved(&whole)).unwrap();
    let request = onward.request().unwrap().clone();
    // The first wave is on its branch by now.
    let mut later = world.clone();
    later.tag("checkout-production-eu", "2.14.3");
    assert!(onward.confirms(&later.plan(&request).unwrap()).is_some());
    assert_eq!(onward.clone().rest(), None, "there are two");
    // Another line, another version, another direction of time: none of it was confirmed.
    let mut line = later.clone();
    line.file("production-us", &kustomization("2.14.2", "# a word\n"));
    assert_eq!(onward.confirms(&line.plan(&request).unwrap()), None);
    let mut tag = later.clone();
    tag.tag("checkout-staging", "2.14.4");
    let version = tag.plan(&request);
    assert!(version.as_ref().map_or(true, |plan| onward.confirms(plan).is_none() || plan.version.as_str() == "2.14.3"), "{version:?}");
    assert_eq!(onward.confirms(&whole), None, "nor the first wave again");
    let all = later.plan(&to("production")).unwrap();
    assert_eq!(onward.confirms(&all), None, "nor the same by another request");
}

#[test]
fn another_wave_or_another_line_in_one_voids_what_was_typed() {
    let world = World::new();
    let whole = world.plan(&in_waves(to("production"))).unwrap();
    let mut other = world.clone();
    other.file("production-us", &kustomization("2.14.2", "# a word\n"));
    assert_eq!(whole.same_as(&other.plan(&in_waves(to("production"))).unwrap()), Differs { bytes: true, ..Differs::default() });
    assert!(whole.same_as(&world.plan(&to("production")).unwrap()).any());
}
