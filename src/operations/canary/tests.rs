//! Truth tables of the verbs on states that were not recorded. Those that were are in `execution`, where Rollouts are read.

use serde_json::json;

use super::*;
use crate::base::Raw;
use crate::domain::workload::{WorkloadKey, WorkloadKind};
use crate::domain::{ClusterName, Namespace};

const NOW: &str = "2026-11-21T09:00:00.5Z";

/// A canary at the first step of four, which sends 10 %.
pub(in crate::operations) fn moving() -> Facts {
    let template = |tag: &str| json!({"spec": {"containers": [{"name": "app", "image": format!("acme/shop:{tag}")}]}});
    let revision = |hash: &str, number, tag| Revision { hash: Raw::from(hash), number, template: template(tag), made_at: None };
    Facts {
        rollout: WorkloadKey {
            cluster: ClusterName::from("prod"),
            namespace: Namespace::from("shop"),
            kind: WorkloadKind::Rollout,
            name: Raw::from("shop"),
        },
        uid: Raw::from("u"),
        resource_version: Raw::from("1"),
        generation: 3,
        observed_generation: Raw::from("3"),
        deleting: false,
        strategy: Strategy::Canary,
        has_analysis: false,
        has_traffic_routing: false,
        steps: vec![StepKind::Weight(10), StepKind::Person, StepKind::Experiment, StepKind::Pause],
        step: Some(0),
        current_hash: Raw::from("new"),
        stable_hash: Raw::from("old"),
        paused: false,
        pauses: None,
        controller_pause: false,
        aborted: false,
        promoting_fully: false,
        step_analysis: None,
        template: Some(template("2")),
        template_in: None,
        references: Vec::new(),
        revisions: vec![revision("new", 7, "2"), revision("old", 6, "1"), revision("older", 5, "0")],
        restart_at: None,
        restarted_at: None,
    }
}

fn at(step: usize) -> Facts {
    Facts { step: Some(step), ..moving() }
}

fn pausing(step: usize, reason: &str) -> Facts {
    Facts { pauses: Some(vec![Raw::from(reason)]), controller_pause: true, ..at(step) }
}

fn settled() -> Facts {
    Facts { stable_hash: Raw::from("new"), step: Some(4), ..moving() }
}

fn told(verb: Verb, facts: &Facts, skips: bool) -> String {
    match plan(verb, facts, &Around::default(), skips, NOW.parse().unwrap()) {
        Ok(planned) => {
            assert!(!planned.words.is_empty() && !planned.patches.is_empty(), "{verb:?}");
            planned.patches.iter().map(changes).collect::<Vec<_>>().join(" | ")
        }
        Err(refusal) => format!("no: {refusal}"),
    }
}

/// What a patch changes, tests left out but for the step.
fn changes(patch: &Patch) -> String {
    let words = patch.operations.iter().filter_map(|operation| {
        let field = operation.path.rsplit('/').next()?;
        match operation.op {
            "test" if field == "currentStepIndex" => Some(format!("at {}", operation.value.as_ref()?)),
            "test" => None,
            "remove" => Some(format!("-{field}")),
            _ => Some(format!("{field}={}", operation.value.as_ref()?)),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_verb_in_every_state() {
    let wait = "no: the Rollouts controller has not seen the newest change of this Rollout yet: wait a moment";
    let behind = Facts { observed_generation: Raw::from("2"), ..moving() };
    let hashless = Facts { current_hash: Raw::default(), stable_hash: Raw::default(), ..moving() };
    let odd = Facts { observed_generation: Raw::from("7bf84f9696"), ..moving() };
    let first = Facts { stable_hash: Raw::default(), ..moving() };
    let held = Facts { paused: true, ..moving() };
    let both = Facts { paused: true, ..pausing(1, "CanaryPauseStep") };
    let inconclusive = Facts { step_analysis: Some(Raw::from("Inconclusive")), ..pausing(2, "InconclusiveAnalysisRun") };
    let blue_green = Facts { strategy: Strategy::BlueGreen, steps: Vec::new(), step: None, ..pausing(0, "BlueGreenPause") };
    let judged = Facts { has_analysis: true, steps: Vec::new(), ..moving() };
    let aborted = Facts { aborted: true, ..moving() };
    let full = Facts { promoting_fully: true, ..moving() };
    let stepless = Facts { steps: Vec::new(), step: None, ..moving() };
    let referring = Facts { template: None, template_in: Some((Raw::from("Deployment"), Raw::from("shop"))), ..moving() };
    let same = Facts { template: moving().revisions[1].template.clone().into(), ..moving() };
    let alone = Facts { revisions: vec![moving().revisions[0].clone()], ..settled() };
    let restarting = Facts { restart_at: Some(Raw::from("2026-11-21T08:00:00Z")), ..settled() };
    let restarted = Facts { restarted_at: restarting.restart_at.clone(), ..restarting.clone() };
    let going = Facts { deleting: true, ..moving() };
    for (verb, facts, skips, expected) in [
        (Verb::Abort, &behind, false, wait),
        (Verb::Abort, &hashless, false, wait),
        (Verb::Abort, &odd, false, "abort=true"),
        (Verb::Abort, &moving(), false, "abort=true"),
        (Verb::Abort, &aborted, false, "no: it was aborted already"),
        (Verb::Abort, &first, false, "no: no version was ever stable here: there is none to go back to"),
        (Verb::Abort, &settled(), false, "no: no change is under way: the newest version is the stable one. The way back is a version in git"),
        (Verb::Abort, &going, false, "no: this Rollout is being deleted"),
        (Verb::Pause, &behind, false, "paused=true"),
        (Verb::Pause, &moving(), false, "paused=true"),
        (Verb::Pause, &pausing(3, "CanaryPauseStep"), false, "paused=true"),
        (Verb::Pause, &pausing(1, "CanaryPauseStep"), false, "no: it waits for a person already"),
        (Verb::Pause, &inconclusive, false, "no: it waits for a person already"),
        (Verb::Pause, &blue_green, false, "paused=true"),
        (Verb::Pause, &held, false, "no: it is paused already, by a person"),
        (Verb::Pause, &aborted, false, "no: it was aborted: nothing goes forward"),
        (Verb::Pause, &settled(), false, "no: no change is under way: there is nothing to pause"),
        (Verb::Resume, &moving(), false, "no: it is not paused"),
        (Verb::Resume, &held, false, "paused=false"),
        (Verb::Resume, &pausing(1, "CanaryPauseStep"), false, "at 1 -pauseConditions"),
        (Verb::Resume, &both, false, "at 1 -pauseConditions | paused=false"),
        (Verb::Resume, &inconclusive, false, "no: it would skip the analysis of this step, which could not decide: that has to be asked for"),
        (Verb::Resume, &inconclusive, true, "at 2 -pauseConditions controllerPause=false currentStepIndex=3"),
        (Verb::Resume, &blue_green, false, "-pauseConditions"),
        (Verb::NextStep, &moving(), false, "at 0 currentStepIndex=1"),
        (Verb::NextStep, &Facts { pauses: Some(Vec::new()), ..moving() }, false, "at 0 -pauseConditions currentStepIndex=1"),
        (Verb::NextStep, &pausing(1, "CanaryPauseStep"), false, "at 1 -pauseConditions"),
        (Verb::NextStep, &at(2), false, "no: it would skip the experiment that runs in step 3: that has to be asked for"),
        (Verb::NextStep, &at(2), true, "at 2 currentStepIndex=3"),
        (Verb::NextStep, &at(3), false, "at 3 currentStepIndex=4"),
        (Verb::NextStep, &at(4), false, "no: all steps are done: its last pods are on their way"),
        (Verb::NextStep, &settled(), true, "no: no change is under way: the newest version is the stable one"),
        (Verb::NextStep, &aborted, true, "no: it was aborted: a retry starts it again"),
        (Verb::NextStep, &full, true, "no: it is being promoted fully already"),
        (Verb::NextStep, &stepless, true, "no: its canary has no steps"),
        (Verb::NextStep, &blue_green, true, "no: a blue-green change has no steps: resume switches it over"),
        (Verb::PromoteFully, &moving(), false, "no: it would skip the experiment of step 3: that has to be asked for"),
        (Verb::PromoteFully, &moving(), true, "promoteFull=true"),
        (Verb::PromoteFully, &at(3), false, "promoteFull=true"),
        (Verb::PromoteFully, &both, true, "promoteFull=true | paused=false"),
        (Verb::PromoteFully, &judged, false, "no: it would skip the analysis in the background: that has to be asked for"),
        (Verb::PromoteFully, &settled(), true, "no: no change is under way: the newest version is the stable one"),
        (Verb::PromoteFully, &aborted, true, "no: it was aborted: a retry starts it again"),
        (Verb::PromoteFully, &full, true, "no: it is being promoted fully already"),
        (Verb::PromoteFully, &first, true, "no: its first version comes up without steps"),
        (Verb::Retry, &moving(), false, "no: it was not aborted"),
        (Verb::Retry, &aborted, false, "abort=false"),
        (Verb::Undo, &referring, false, "no: its template stands in Deployment shop: undo it there, or in git"),
        (Verb::Undo, &same, false, "no: the earlier version has the same template"),
        (Verb::Undo, &alone, false, "no: there is no earlier version left to go back to"),
        (Verb::Undo, &moving(), false, r#"template={"spec":{"containers":[{"image":"acme/shop:1","name":"app"}]}}"#),
        (Verb::Undo, &settled(), false, r#"template={"spec":{"containers":[{"image":"acme/shop:1","name":"app"}]}}"#),
        (Verb::Restart, &settled(), false, r#"restartAt="2026-11-21T09:00:00Z""#),
        (Verb::Restart, &restarting, false, "no: a restart is under way already"),
        (Verb::Restart, &restarted, false, r#"restartAt="2026-11-21T09:00:00Z""#),
    ] {
        assert_eq!(told(verb, facts, skips), expected, "{verb:?} {facts:#?}");
    }
}

#[test]
fn every_patch_is_held_to_the_object_and_its_newest_version_and_to_no_resource_version() {
    let states = [moving(), settled(), pausing(1, "CanaryPauseStep"), Facts { aborted: true, paused: true, ..moving() }];
    for (verb, facts) in Verb::ALL.into_iter().flat_map(|verb| states.iter().map(move |facts| (verb, facts))) {
        let Ok(planned) = plan(verb, facts, &Around::default(), true, NOW.parse().unwrap()) else { continue };
        for patch in planned.patches {
            let tests: Vec<_> = patch.operations.iter().filter(|operation| operation.op == "test").map(|test| test.path.as_str()).collect();
            assert!(tests.starts_with(&["/metadata/uid", "/status/currentPodHash"]), "{verb:?} {tests:?}");
            assert!(!tests.contains(&"/metadata/resourceVersion"));
        }
    }
}

#[test]
fn only_what_stops_a_change_leads_toward_safety() {
    let safe: Vec<_> = Verb::ALL.into_iter().filter(|verb| verb.direction() == Direction::Safety).collect();
    assert_eq!(safe, [Verb::Pause, Verb::Abort]);
}

#[test]
fn words_say_what_happens_now_and_what_git_still_wants() {
    let automation = |enabled, self_heal| Some(Automation { enabled, self_heal, prune: false });
    let around = |automation| Around {
        stable: Some(Safe::clean("2.14.2")),
        newest: Some(Safe::clean("2.14.3")),
        wanted: Some(Safe::clean("2.14.3")),
        automation,
    };
    let words = |verb, facts: &Facts, automation| {
        let planned = plan(verb, facts, &around(automation), true, NOW.parse().unwrap()).unwrap();
        planned.words.iter().chain(&planned.left).map(Safe::to_string).collect::<Vec<_>>().join(". ")
    };
    let routed = Facts { has_traffic_routing: true, ..moving() };
    for (said, expected) in [
        (
            words(Verb::Abort, &moving(), None),
            "traffic goes back to 2.14.2, pod by pod, as there is no traffic routing. \
             git still wants 2.14.3: a retry or the next change of the template starts it again",
        ),
        (
            words(Verb::Abort, &routed, None),
            "traffic goes back to 2.14.2, at once. git still wants 2.14.3: a retry or the next change of the template starts it again",
        ),
        (words(Verb::NextStep, &at(2), None), "skips the running experiment of step 3. next is a pause (step 4)"),
        (words(Verb::NextStep, &at(3), None), "skips the pause of step 4. it was the last step: the new version takes all traffic"),
        (words(Verb::Resume, &pausing(1, "CanaryPauseStep"), None), "ends the pause of step 2: next is an experiment (step 3)"),
        (
            words(Verb::Undo, &moving(), automation(true, true)),
            "puts the template of revision 6 back (acme/shop:1), which is the stable one: without steps. \
             Argo CD undoes it within seconds: auto-sync with self-heal is on, and git wants 2.14.3",
        ),
        (
            words(Verb::Undo, &settled(), automation(true, false)),
            "puts the template of revision 6 back (acme/shop:1), with all its steps, as any change. \
             git still wants 2.14.3: Argo CD brings it back with the next commit",
        ),
    ] {
        assert_eq!(said, expected);
    }
}

/// What it is about, the Rollout, the tag that comes back, the hash that is found or why none is.
type PodsOfThen<'r> = (&'r str, &'r dyn Fn(&mut Facts), &'r str, Result<&'r str, &'r str>);

#[test]
fn the_pods_of_then_are_known_where_only_the_image_differs() {
    let images = |before: &str, after: &str| vec![(Image::read(&format!("acme/shop:{before}")), Image::read(&format!("acme/shop:{after}")))];
    let with_label = |facts: &mut Facts| {
        for (revision, tag) in facts.revisions.iter_mut().zip(["2", "1", "0"]) {
            revision.template["metadata"]["labels"]["app.kubernetes.io/version"] = json!(tag);
        }
    };
    let with_memory = |facts: &mut Facts| facts.revisions[0].template["spec"]["containers"][0]["memory"] = json!("1Gi");
    let rows: [PodsOfThen<'_>; 6] = [
        ("the version of before", &|_| {}, "1", Ok("old")),
        ("an older one", &|_| {}, "0", Ok("older")),
        ("the tag is a label too", &with_label, "1", Ok("old")),
        (
            "something else changed with it",
            &with_memory,
            "1",
            Err("none of its 2 earlier replica sets has this template with the image of then: more than the image was another"),
        ),
        ("a change is under way", &|facts| facts.stable_hash = Raw::from("old"), "1", Err("a change is under way")),
        ("no steps", &|facts| facts.steps.clear(), "1", Err("it has no steps to leave out")),
    ];
    for (what, change, tag, expected) in rows {
        let mut facts = settled();
        change(&mut facts);
        let planned = hasten(&facts, &images("2", tag)).map(|planned| planned.patches);
        match (planned, expected) {
            (Ok(patches), Ok(hash)) => {
                let [patch] = patches.as_slice() else { panic!("{what}: {patches:?}") };
                let told: Vec<String> = patch.operations.iter().map(|operation| format!("{} {}", operation.op, operation.path)).collect();
                assert_eq!(told, ["test /metadata/uid", "test /status/currentPodHash", "add /status/promoteFull"], "{what}");
                assert_eq!(patch.operations[1].value, Some(json!(hash)), "{what}");
                assert!(patch.awaits && patch.status, "{what}");
            }
            (Err(why), Err(expected)) => assert_eq!(why.as_str(), expected, "{what}"),
            (planned, _) => panic!("{what}: {planned:?}"),
        }
    }
}
