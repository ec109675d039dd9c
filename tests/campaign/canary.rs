//! `checkout-service` in production: a canary with steps, a person and an analysis over real metrics.

use serde_json::Value;

use super::crew::{AsFound, Audit, CANARY, Crew, SOON};
use super::verb::{Ended, Verb};
use crate::lab::world::Lab;
use crate::stories::world::fresh_tag;
use crate::support::wait::until;

const SERVICE: &str = "checkout-service";
const WAITS: &str = "the canary waits for a person";

/// A promotion of what staging has, at the step at which a person is waited for.
fn promoted_until_it_waits(crew: &Crew) -> (String, Verb) {
    let tag = fresh_tag("2.14");
    crew.put(SERVICE, "staging", &tag);
    let mut promotion = crew.begin(&crew.oncall, "promote checkout-service --to production --yes --reason campaign", &[]);
    promotion.tells(WAITS, CANARY);
    (tag, promotion)
}

/// One commit, and it says this.
fn has_one_commit(crew: &Crew, ended: &Ended, trailers: &[&str]) {
    let commits = crew.commits_of(&ended.operation());
    assert_eq!(commits.len(), 1, "{commits:?}");
    let message = crew.git(&["log", "-1", "--format=%B", &commits[0]]);
    for trailer in trailers {
        assert!(message.lines().any(|line| line.starts_with(trailer)), "no {trailer}: {message}");
    }
}

/// The verdicts of the analyses of the newest version.
fn verdicts(crew: &Crew) -> Vec<String> {
    let hash = crew.rollout(SERVICE, "production")["status"]["currentPodHash"].as_str().unwrap().to_owned();
    let selector = format!("rollouts-pod-template-hash={hash}");
    let runs = crew.lab.kubectl(&["--context", "prod", "-n", "production", "get", "analysisruns", "-l", &selector, "-o", "json"]);
    runs["items"].as_array().unwrap().iter().map(|run| run["status"]["phase"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Nothing is left open anywhere of this service.
fn owes_nothing(crew: &Crew) {
    let debt = || {
        let debt = crew.json("debt --json");
        let of_it = |list: &str| debt[list].as_array().unwrap().iter().filter(|one| one["service"] == SERVICE).cloned().collect::<Vec<Value>>();
        [of_it("debts"), of_it("operations")].concat()
    };
    until("nothing is left", SOON, debt, Vec::is_empty);
}

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn a_promotion_through_its_canary_and_back_after_all_of_it() {
    let crew = Crew::on_the_lab();
    let found = AsFound::keep(&crew, SERVICE, &["staging", "production"]);
    let audit = Audit::of(&crew, "prod");
    let (tag, promotion) = promoted_until_it_waits(&crew);
    crew.oncall("canary next checkout-service --in production --yes").done();
    let ended = promotion.ended(CANARY).done();
    assert!(ended.told.contains("  verified\n"), "{}", ended.told);
    has_one_commit(&crew, &ended, &["Promoted-From: staging", "Promoted-To: production"]);
    assert_eq!(verdicts(&crew), ["Successful"], "the analysis ran");
    assert!(crew.agree(SERVICE, "production", &tag));
    assert_eq!(audit.patches(SERVICE), [200], "the next step, and nothing else");
    owes_nothing(&crew);

    let back = crew.oncall("rollback checkout-service --in production --by hasten --yes --reason campaign").done();
    println!("    back after 100 %: {:.1} s", back.took.as_secs_f32());
    has_one_commit(&crew, &back, &["Rollback-Of: ", &format!("Do-Not-Promote: {tag}")]);
    assert!(crew.agree(SERVICE, "production", &found.tag("production")));
    assert_eq!(audit.patches(SERVICE), [200, 200], "promoted fully, once");
    owes_nothing(&crew);
    crew.is_recorded();
}

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn a_canary_that_its_analysis_fails_is_brought_back_as_recommended() {
    let crew = Crew::on_the_lab();
    let found = AsFound::keep(&crew, SERVICE, &["staging", "production"]);
    let (tag, promotion) = promoted_until_it_waits(&crew);
    Lab::run(&["metric", SERVICE, "0.08", "0.41"]);
    crew.oncall("canary next checkout-service --in production --yes").done();
    let aborted = || crew.rollout(SERVICE, "production")["status"]["abort"].clone();
    let (_, took) = until("it aborts by itself", CANARY, aborted, |abort| *abort == true);
    println!("    aborted by itself {:.1} s after the next step", took.as_secs_f32());
    assert_eq!(verdicts(&crew), ["Failed"], "the analysis failed");
    let ended = promotion.ended(CANARY);
    assert!(ended.code != 0 && ended.told.contains("Failed: "), "exit {}: {}", ended.code, ended.told);
    let debts = crew.json("debt --json")["debts"].clone();
    assert!(debts.as_array().unwrap().iter().any(|debt| debt["service"] == SERVICE && debt["kind"] == "aborted"), "{debts}");

    let ways = crew.json("ways checkout-service --in production --json");
    let recommended = ways["ways"].as_array().unwrap().iter().find(|way| way["recommended"] == true).unwrap_or_else(|| panic!("{ways}"));
    println!("    recommended: {}", recommended["title"]);
    let by = recommended["by"].as_str().unwrap();
    let back = crew.oncall(&format!("rollback checkout-service --in production --by {by} --yes --reason campaign")).done();
    has_one_commit(&crew, &back, &["Rollback-Of: ", &format!("Do-Not-Promote: {tag}")]);
    assert!(crew.agree(SERVICE, "production", &found.tag("production")));
    owes_nothing(&crew);
    crew.is_recorded();
}

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn a_canary_is_moved_held_turned_back_and_tried_again_by_whoever_is_on_call_only() {
    let crew = Crew::on_the_lab();
    let _found = AsFound::keep(&crew, SERVICE, &["staging", "production"]);
    let audit = Audit::of(&crew, "prod");
    let (tag, promotion) = promoted_until_it_waits(&crew);
    // Whoever follows it may leave.
    drop(promotion);
    let canary = |step: &str| format!("canary {step} checkout-service --in production --yes");
    for step in ["next", "abort"] {
        crew.viewer(&canary(step)).refused("not let this account");
    }
    crew.oncall(&canary("retry")).refused("");
    let step = || crew.rollout(SERVICE, "production")["status"]["currentStepIndex"].as_u64().unwrap();
    let before = step();
    crew.oncall(&canary("next")).done();
    until("it went on", SOON, step, |step| *step > before);
    crew.oncall(&canary("abort")).done();
    let status = |field: &'static str| {
        let crew = &crew;
        move || crew.rollout(SERVICE, "production")["status"][field].clone()
    };
    until("it is turned back", SOON, status("abort"), |abort| *abort == true);
    crew.oncall(&canary("abort")).refused("");
    crew.viewer(&canary("retry")).refused("not let this account");
    crew.oncall(&canary("retry")).done();
    until("it is tried again", SOON, status("abort"), |abort| *abort != true);
    // Argo CD would put back at once what undo takes away.
    crew.oncall(&canary("undo")).refused("heals itself");
    assert_eq!(audit.patches(SERVICE), [200, 200, 200], "next, abort, retry; what was refused was never sent");
    println!("    {tag}: next, abort and retry, one patch each");
    crew.is_recorded();
}

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn an_undo_where_nothing_heals_itself() {
    let crew = Crew::on_the_lab();
    let found = AsFound::keep(&crew, SERVICE, &["staging"]);
    let tag = fresh_tag("2.14");
    crew.put(SERVICE, "staging", &tag);
    let audit = Audit::of(&crew, "nonprod");
    crew.viewer("canary undo checkout-service --in staging --yes").refused("not let this account");
    crew.oncall("canary undo checkout-service --in staging --yes").done();
    let image = || crew.rollout(SERVICE, "staging")["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned();
    until("the version before runs", SOON, image, |image| !image.ends_with(&format!(":{tag}")));
    assert_eq!(crew.wanted(SERVICE, "staging"), tag, "git keeps what it wants");
    let sync = || crew.application(SERVICE, "staging")["status"]["sync"]["status"].clone();
    until("Argo CD sees that it differs", SOON, sync, |sync| *sync == "OutOfSync");
    assert_eq!(audit.patches(SERVICE), [200]);
    // A sync closes it again.
    crew.oncall("sync checkout-service --in staging --yes").done();
    owes_nothing(&crew);
    drop(found);
    crew.is_recorded();
}
