//! How a placement stands → the ways back, in which order, and what each leaves.

use super::*;
use crate::base::Raw;
use crate::operations::canary::{self, tests::moving};
use crate::operations::tests::{NOW, World};

fn told(world: &World, only: Option<&[PlacementName]>) -> Vec<String> {
    let ways = of(&"checkout".into(), &"production".into(), only, (&world.fleet(false), &Past::default(), &Rollouts::default()), NOW).unwrap();
    let way = |way: &Way| {
        let debt = if way.leaves_debt { " [debt]" } else { "" };
        let left: Vec<&str> = way.left.iter().map(Safe::as_str).collect();
        match &way.refused {
            None => format!("{}{debt}: {}", way.title, left.join("; ")),
            Some(refusal) => format!("– {}: {}", way.title, refusal.name()),
        }
    };
    ways.situation.iter().map(ToString::to_string).chain(ways.ways.iter().map(way)).collect()
}

/// A canary from 2.14.1 to 2.14.2 in one placement.
fn world(change: impl FnOnce(&mut canary::Facts)) -> World {
    let mut world = World::new();
    for name in ["checkout-production-eu", "checkout-production-us"] {
        world.had(name, &["2.14.1"]);
        world.app(name).deployed = Some(vec![49]);
    }
    let mut facts = moving();
    facts.rollout.name = Raw::from("checkout-production-eu");
    change(&mut facts);
    world.rollouts.insert("checkout-production-eu".to_owned(), facts);
    world
}

fn eu() -> Vec<PlacementName> {
    vec!["eu".into()]
}

#[test]
fn the_order_and_what_is_left_follow_from_how_it_stands() {
    let during = told(&world(|_| {}), Some(&eu()));
    assert_eq!(
        during[1..],
        [
            "abort and put 2.14.1 back: production·us stays on 2.14.2",
            "abort only [debt]: git still wants 2.14.2: the next change of its template starts it again; production·us stays on 2.14.2",
            "put 2.14.1 back: until Argo CD has synced it, 100 % of production·eu stay on the new version; production·us stays on 2.14.2",
            "put 2.14.1 back with configuration: what others changed since in its own files goes back too; files that others render stay; until Argo \
             CD has synced it, 100 % of production·eu stay on the new version; production·us stays on 2.14.2",
            "– Argo CD deploys 2.14.1 again: auto-sync",
        ],
        "{during:#?}"
    );
    let aborted = told(&world(|facts| facts.aborted = true), Some(&eu()));
    assert!(aborted[0].starts_with("the rollout of 2.14.2 was aborted in production·eu"), "{aborted:#?}");
    assert_eq!(aborted[1], "put 2.14.1 back: production·us stays on 2.14.2");
    let there = told(&world(|facts| facts.stable_hash = facts.current_hash.clone()), None);
    assert!(there.iter().any(|way| way.starts_with("put 2.14.1 back")), "{there:#?}");
    assert!(there.last().is_some_and(|way| way.starts_with("– Argo CD deploys 2.14.1")), "{there:#?}");
}

#[test]
fn where_nothing_syncs_by_itself_argo_cd_can_deploy_what_was_before() {
    let mut world = world(|facts| facts.aborted = true);
    world.app("checkout-production-eu").is_automatic = false;
    let told = told(&world, Some(&eu()));
    assert!(told.contains(&"Argo CD deploys 2.14.1 again [debt]: git still wants 2.14.2; production·us stays on 2.14.2".to_owned()), "{told:#?}");
    let ways = of(&"checkout".into(), &"production".into(), Some(&eu()), (&world.fleet(false), &Past::default(), &Rollouts::default()), NOW).unwrap();
    assert_eq!(ways.by_hand, [], "what was aborted is off already");
}

#[test]
fn what_a_person_could_type_says_what_becomes_of_it() {
    let hands = |world: &World| {
        of(&"checkout".into(), &"production".into(), Some(&eu()), (&world.fleet(false), &Past::default(), &Rollouts::default()), NOW).unwrap().by_hand
    };
    let hand = hands(&world(|_| {})).remove(0);
    assert_eq!(hand.command.as_str(), "kubectl argo rollouts abort checkout-production-eu -n shop --context prod");
    assert_eq!(hand.then.as_str(), "git still wants 2.14.2: the next change of its template starts it again");
    let there = hands(&world(|facts| facts.stable_hash = facts.current_hash.clone())).remove(0);
    assert_eq!(there.command.as_str(), "kubectl argo rollouts undo checkout-production-eu -n shop --context prod");
    assert_eq!(there.then.as_str(), "checkout-production-eu brings 2.14.2 again with the next commit that it sees");
}

#[test]
fn a_service_that_is_not_there_has_no_way_back() {
    let refused = of(&"checkout".into(), &"nowhere".into(), None, (&World::new().fleet(false), &Past::default(), &Rollouts::default()), NOW);
    assert!(refused.is_err());
}

#[test]
fn an_abort_is_no_first_choice_where_what_it_leads_back_to_has_lost_what_it_reads() {
    use crate::operations::canary::references::Presence;
    let ways = |presence: Presence, is_optional: bool| {
        let world = world(|_| {});
        let (fleet, mut facts) = (world.fleet(false), world.rollouts["checkout-production-eu"].clone());
        let asked = asked(&"checkout".into(), &"production".into(), Some(&eu()), &fleet);
        let [Owned { rollouts: Some(keys), .. }] = asked.as_slice() else { panic!("{asked:?}") };
        assert_eq!(keys, std::slice::from_ref(&facts.rollout));
        facts.references = vec![Reference { kind: "Secret", name: Raw::from("payment-keys"), is_optional, presence }];
        let read = Rollouts { facts: [(facts.rollout.clone(), Ok(facts))].into(), ..Rollouts::default() };
        let ways = of(&"checkout".into(), &"production".into(), Some(&eu()), (&fleet, &Past::default(), &read), NOW).unwrap().ways;
        ways.iter().map(|way| format!("{}: {}", way.title, way.left.first().map(Safe::as_str).unwrap_or_default())).collect::<Vec<_>>()
    };
    let gone = ways(Presence::Missing, false);
    assert!(gone[0].starts_with("put 2.14.1 back:"), "{gone:#?}");
    let aborts: Vec<&String> = gone.iter().filter(|way| way.starts_with("abort")).collect();
    assert!(aborts.len() == 2 && gone[1].starts_with("put"), "{gone:#?}");
    for abort in aborts {
        assert!(abort.contains("not recommended: the stable version refers to Secret payment-keys"), "{gone:#?}");
    }
    for (presence, is_optional) in [(Presence::Unchanged, false), (Presence::Written, false), (Presence::Missing, true)] {
        let there = ways(presence, is_optional);
        assert!(there[0].starts_with("abort and put 2.14.1 back:"), "{there:#?}");
    }
    assert!(ways(Presence::Written, false)[0].contains("Secret payment-keys was written since"));
    assert!(!ways(Presence::Unchanged, false)[0].contains("payment-keys"), "what is well is told by the preview");
}
