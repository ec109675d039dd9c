//! Ranges are of what was really seen, and of nothing else.

use super::*;
use crate::base::time::later;
use crate::operations::following::{State, Step as Reached};
use crate::operations::tests::{NOW, World, back, to};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn sample(service: &str, to: &str, whole: u64, rungs: &[(Rung, u64)]) -> Sample {
    Sample {
        kind: Kind::of(&crate::operations::tests::to(to)),
        service: service.into(),
        to: to.into(),
        whole: seconds(whole),
        rungs: rungs.iter().map(|(rung, took)| (*rung, seconds(*took))).collect(),
    }
}

fn promoted(past: &Past, to: &str) -> String {
    past.of_kind(&Kind::of(&crate::operations::tests::to(to)), &"checkout".into(), &to.into()).words().to_string()
}

#[test]
fn what_was_never_seen_is_not_known() {
    let mut past = Past::default();
    assert_eq!(promoted(&past, "production"), "not known");
    // Another environment, and another kind of change, say nothing of it.
    past.learn(sample("checkout", "staging", 20, &[]));
    past.learn(Sample { kind: Kind::of(&back("production")), ..sample("checkout", "production", 30, &[]) });
    assert_eq!(promoted(&past, "production"), "not known");
    past.learn(sample("ledger", "production", 130, &[]));
    assert_eq!(promoted(&past, "production"), "~2 min 10 s (n 1), by other services there");
    past.learn(sample("checkout", "production", 95, &[]));
    assert_eq!(promoted(&past, "production"), "~1 min 35 s (n 1)", "one of its own outranks all others");
    for took in 0..30 {
        past.learn(sample("checkout", "production", 60 + took * 2, &[]));
    }
    assert_eq!(past.of_kind(&Kind::of(&to("production")), &"checkout".into(), &"production".into()).whole.unwrap().n, NEWEST);
}

#[test]
fn each_way_back_is_compared_with_its_like() {
    let by = |by| {
        let Request::Return { service, environment, version, placements, .. } = back("production") else { panic!("no way back") };
        Kind::of(&Request::Return { service, environment, version, placements, by })
    };
    let all = [by(By::Commit), by(By::Abort), by(By::Hasten), by(By::History), Kind::of(&to("production"))];
    for (one, other) in all.iter().enumerate().flat_map(|(index, kind)| all.iter().skip(index + 1).map(move |other| (kind, other))) {
        assert_ne!(one, other);
    }
}

#[test]
fn pauses_of_the_steps_are_a_lower_bound() {
    let plan = World::new().plan(&to("production")).unwrap();
    let fleet = World::new().paused(&[Some(600), Some(300)]).fleet(true);
    let mut past = Past::default();
    let words = |past: &Past, fleet: &Fleet| plan.expected(past, fleet).words().to_string();
    assert_eq!(words(&past, &fleet), "not known; the steps of its rollout pause for 15 min");
    past.learn(sample("checkout", "production", 240, &[(Rung::RolledOut, 120)]));
    past.learn(sample("checkout", "production", 1200, &[(Rung::RolledOut, 1000)]));
    assert_eq!(words(&past, &fleet), "~15–20 min (n 2); the steps of its rollout pause for 15 min");
    let rolled_out = plan.expected(&past, &fleet).rungs[&Rung::RolledOut];
    assert_eq!(rolled_out, Expected { from: seconds(900), to: seconds(1000), n: 2 });
    let by_person = World::new().paused(&[None]).fleet(true);
    assert_eq!(words(&Past::default(), &by_person), "not known; a step waits for a person");
}

#[test]
fn a_rung_is_measured_from_the_one_before_and_overdue_only_beyond_the_longest() {
    let at = |second| later(NOW, seconds(second));
    let step = |rung, second: Option<u64>| Reached { rung, at: second.map(at), words: Safe::default() };
    let rungs = vec![step(Rung::Committed, Some(0)), step(Rung::Noticed, Some(4)), step(Rung::Synced, None), step(Rung::Healthy, None)];
    let ladder = Ladder { rungs, state: State::Moving };
    let past = Past::of([sample("checkout", "production", 30, &[(Rung::Noticed, 5), (Rung::Synced, 8)])]);
    let durations = past.of_kind(&Kind::of(&to("production")), &"checkout".into(), &"production".into());
    let told = |second| {
        let paces = paces(&ladder, NOW, &durations, at(second));
        paces.iter().map(|pace| (pace.took.map(|took| took.as_secs()), pace.is_overdue)).collect::<Vec<_>>()
    };
    assert_eq!(told(12), [(None, false), (Some(4), false), (Some(8), false), (None, false)]);
    assert_eq!(told(13), [(None, false), (Some(4), false), (Some(9), true), (None, false)]);
}
