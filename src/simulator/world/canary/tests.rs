//! Canaries run step by step against what the lab's real controller did.

use super::*;
use crate::simulator::canary::parse;
use crate::simulator::definition::WorkloadKind;
use crate::simulator::world::workload::tests::{at, settled};

fn rollout() -> Workload {
    let steps = ["10%", "pause", "25%", "pause 30s", "analysis", "50%", "pause 30s", "75%", "pause 30s"];
    let steps = steps.iter().map(|text| parse(text).unwrap()).collect();
    settled(WorkloadKind::Rollout, 10, Some(Canary::new(steps, "1")))
}

/// Runs until nothing is planned, or until `enough`.
fn run(workload: &mut Workload, from: Timestamp, nature: &Nature, enough: impl Fn(&Workload) -> bool) -> Timestamp {
    let mut now = from;
    for _ in 0..1000 {
        let next = workload.step(now, nature);
        assert!(workload.ready(now) >= 10, "at least ten serve: {workload:#?}");
        assert!(workload.total() <= 11, "at most one more than wanted");
        let Some(next) = next.filter(|_| !enough(workload)) else { break };
        now = next;
    }
    now
}

fn canary(workload: &Workload) -> &Canary {
    workload.canary.as_ref().unwrap()
}

#[test]
fn it_waits_for_a_person_then_goes_on_by_itself_to_the_end() {
    let mut workload = rollout();
    let fine = Nature::default();
    workload.apply("2", 10, at(0));
    let now = run(&mut workload, at(0), &fine, |_| false);
    assert_eq!((canary(&workload).index, workload.updated(), workload.total()), (1, 1, 10), "one of ten, paused");
    assert!(canary(&workload).paused.is_some());
    assert!(workload.canary.as_mut().unwrap().promote());
    let now = run(&mut workload, now, &fine, |workload| canary(workload).index == 3 && canary(workload).paused.is_some());
    assert_eq!((workload.updated(), workload.total()), (3, 11), "25 % of ten are three of eleven");
    run(&mut workload, now, &fine, |_| false);
    assert!(workload.settled, "{workload:#?}");
    assert_eq!((canary(&workload).stable.as_str(), canary(&workload).index), ("2", 9));
}

#[test]
fn an_analysis_that_fails_turns_it_back() {
    let mut workload = rollout();
    let bad = Nature { errors: 0.08, ..Nature::default() };
    workload.apply("2", 10, at(0));
    let now = run(&mut workload, at(0), &bad, |_| false);
    workload.canary.as_mut().unwrap().promote();
    run(&mut workload, now, &bad, |_| false);
    let canary = canary(&workload);
    assert_eq!(
        canary.aborted.as_ref().unwrap().why,
        "Step-based analysis phase error/failed: Metric \"error-rate\" assessed Failed due to failed (2) > failureLimit (1)"
    );
    assert_eq!((canary.index, workload.updated(), workload.total()), (0, 0, 10), "everybody is back on the stable version");
    assert!(!workload.settled, "git still wants the other one");
}

#[test]
fn an_abort_and_a_retry_begin_again_at_the_first_step() {
    let mut workload = rollout();
    let fine = Nature::default();
    workload.apply("2", 10, at(0));
    let now = run(&mut workload, at(0), &fine, |_| false);
    assert!(workload.canary.as_mut().unwrap().abort(now, ""));
    assert!(!workload.canary.as_mut().unwrap().abort(now, ""), "once is enough");
    let now = run(&mut workload, now, &fine, |_| false);
    assert_eq!(workload.updated(), 0);
    assert!(workload.canary.as_mut().unwrap().retry());
    run(&mut workload, now, &fine, |_| false);
    assert_eq!((canary(&workload).index, workload.updated()), (1, 1));
}

#[test]
fn going_back_to_the_stable_version_needs_no_steps() {
    let mut workload = rollout();
    let fine = Nature::default();
    workload.apply("2", 10, at(0));
    let now = run(&mut workload, at(0), &fine, |_| false);
    workload.apply("1", 10, now);
    run(&mut workload, now, &fine, |_| false);
    assert!(workload.settled);
    assert_eq!(canary(&workload).stable, "1");
}

#[test]
fn a_third_version_in_the_middle_replaces_the_second() {
    let mut workload = rollout();
    let fine = Nature::default();
    workload.apply("2", 10, at(0));
    let now = run(&mut workload, at(0), &fine, |_| false);
    workload.apply("3", 10, now);
    run(&mut workload, now, &fine, |_| false);
    assert_eq!((workload.updated(), workload.total(), canary(&workload).index), (1, 10, 1));
    assert!(workload.sets.iter().all(|set| set.tag != "2" || set.pods.is_empty()));
}
