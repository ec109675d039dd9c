//! Ways back: fleet × request → plan or sentence, and that going back undoes a promotion to the byte.

use super::*;
use crate::base::Safe;

pub(in crate::operations) fn back(environment: &str) -> Request {
    Request::Return { service: "checkout".into(), environment: environment.into(), version: None, placements: None, by: By::Commit }
}

pub(super) fn back_in(placement: &str, tag: Option<&str>) -> Request {
    Request::Return {
        service: "checkout".into(),
        environment: "production".into(),
        version: tag.map(Raw::from),
        placements: Some(vec![placement.into()]),
        by: By::Commit,
    }
}

/// Both placements of production had 2.14.1 before, and 2.14.0 before that.
pub(super) fn had(world: &mut World) {
    for name in ["checkout-production-eu", "checkout-production-us"] {
        world.had(name, &["2.14.1", "2.14.0"]);
        // Minute 49 brought 2.14.1, minute 50 what is wanted now.
        world.app(name).deployed = Some(vec![49]);
    }
}

#[test]
fn the_version_of_before_is_put_on_the_files_as_they_are() {
    hold(vec![
        (
            "all placements",
            had,
            back("production"),
            "production-eu:4-newTag: \"2.14.2\"; production-eu:4+newTag: \"2.14.1\"; production-us:4-newTag: \"2.14.2\"; production-us:4+newTag: \"2.14.1\"; \
             | production·eu 2.14.2, production·us 2.14.2",
        ),
        ("one", had, back_in("us", None), "production-us:4-newTag: \"2.14.2\"; production-us:4+newTag: \"2.14.1\"; | production·us 2.14.2"),
        (
            "one by name",
            had,
            back_in("us", Some("2.14.0")),
            "production-us:4-newTag: \"2.14.2\"; production-us:4+newTag: \"2.14.0\"; | production·us 2.14.2",
        ),
        (
            "what somebody went back from is passed over",
            |world| {
                had(world);
                world.app("checkout-production-us").went_back = true;
            },
            back_in("us", None),
            "production-us:4-newTag: \"2.14.2\"; production-us:4+newTag: \"2.14.0\"; | production·us 2.14.2",
        ),
        (
            "no earlier version",
            |_| {},
            back("production"),
            "No earlier version of production·eu is known that nobody went back from: name one with --version.",
        ),
        (
            "never there",
            had,
            back_in("eu", Some("2.13.0")),
            "Git never wanted 2.13.0 in production·eu: there is nothing to put back. A promotion may bring it.",
        ),
        ("there already", had, back_in("eu", Some("2.14.2")), "Git wants 2.14.2 in production already: there is nothing to change."),
        (
            "different ones before",
            |world| {
                had(world);
                world.had("checkout-production-eu", &["2.13.9"]);
            },
            back("production"),
            "The placements of production had different versions before (2.13.9 in production·eu and 2.14.1 in production·us): name one with --version, or \
             go back in one with --placement.",
        ),
        (
            "not read",
            |world| world.app("checkout-production-eu").is_read = false,
            back("production"),
            "What git wants of production·eu was not read: no repository that is read here has its files, [[repositories]] in the configuration names those \
             that are.",
        ),
        ("no such environment", |_| {}, back("prod"), "There is no environment 'prod': there are dev, staging and production."),
    ]);
}

#[test]
fn the_commit_says_what_is_left_and_marks_it() {
    let mut world = World::new();
    had(&mut world);
    let plan = world.plan(&back_in("eu", None)).unwrap();
    assert_eq!(
        plan.commit().unwrap().message.text(),
        "rollback(production): checkout 2.14.1\n\nMoves production·eu.\n\nRollback-Of: 0000000000000000000000000000000000000032\n\
         Image: acme/checkout:2.14.1\nPrevious-Image: acme/checkout:2.14.2\nDo-Not-Promote: 2.14.2\n"
    );
    assert_eq!(plan.title().as_str(), "put checkout 2.14.1 back in production");
    assert_eq!(plan.from, None);
    assert!(matches!(plan.steps.as_slice(), [Step::Send(Mutation::Commit(_)), Step::Send(Mutation::Refresh(_)), Step::Await(_), Step::Await(_)]));
}

#[test]
fn it_leads_toward_safety_only_where_it_was_deployed_and_brings_nothing_else() {
    let other = || crate::domain::desired::Commit {
        id: Raw::from("c"),
        author: Safe::clean("ben"),
        at: NOW,
        subject: Safe::clean("more memory"),
        operation: None,
    };
    let rows: [(&str, Change, Direction, &str); 7] = [
        ("deployed", |_| {}, Direction::Safety, "it was deployed there at 1970-01-01T00:49:00Z"),
        ("not in Argo CD's history", |world| world.app("checkout-production-eu").deployed = Some(vec![50]), Direction::Risk, "does not tell of it"),
        (
            "what was deployed then is the version that is left, by a clock that is behind",
            |world| world.app("checkout-production-eu").deployed_of = Some(50),
            Direction::Risk,
            "does not tell of it",
        ),
        (
            "what was deployed then is the version of before, which was deployed again",
            |world| world.app("checkout-production-eu").deployed_of = Some(48),
            Direction::Risk,
            "does not tell of it",
        ),
        (
            "the same, at a commit that changed something else",
            |world| {
                world.app("checkout-production-eu").deployed = Some(vec![48, 49]);
                world.app("checkout-production-eu").deployed_of = Some(99);
            },
            Direction::Risk,
            "does not tell of it",
        ),
        ("its history was not read", |world| world.app("checkout-production-eu").deployed = None, Direction::Risk, "was not read"),
        ("what is carried is not known", |world| world.carried = Known::unknown("no"), Direction::Risk, "was deployed there"),
    ];
    for (what, change, direction, says) in rows {
        let mut world = World::new();
        had(&mut world);
        change(&mut world);
        let plan = world.plan(&back_in("eu", None)).unwrap();
        assert_eq!(plan.direction, direction, "{what}");
        assert!(plan.remarks.iter().any(|remark| remark.as_str().contains(says)), "{what}: {:?}", plan.remarks);
    }
    let mut world = World::new();
    had(&mut world);
    let safe = world.plan(&back("production")).unwrap();
    world.carried = Known::Known(vec![other()]);
    let risky = world.plan(&back("production")).unwrap();
    assert_eq!((safe.direction, risky.direction), (Direction::Safety, Direction::Risk), "somebody else's change comes along");
    let differs = safe.same_as(&risky);
    assert_eq!(differs, Differs { direction: true, ..Differs::default() });
    // The second key, pressed for the one, does not confirm the other.
    let mut confirmation = Confirmation::of(&safe, NOW);
    let confirmed = confirmation.entered(confirm::QUIET, &risky, later(NOW, std::time::Duration::from_secs(2))).unwrap();
    assert!(!confirmed.is_for(&risky) && confirmed.is_for(&safe));
    confirmation.changed(&risky, differs, NOW);
    assert_eq!(*confirmation.needs(), confirm::Needs::Text(Safe::clean("checkout")));
}

#[test]
fn going_back_undoes_a_promotion_to_the_byte_whatever_came_beside_it() {
    let digest = |digest: &str| format!("    digest: {digest}\n");
    let files = [
        kustomization("2.14.2", ""),
        kustomization("\"2.14.2\"", ""),
        kustomization("'2.14.2' # pinned", "patches: []\n"),
        kustomization("2.14.2", &digest(OLD)),
    ];
    for text in files {
        let mut world = World::new();
        world.file("production-eu", &text);
        let has_digest = text.contains("digest");
        if has_digest {
            world.run("checkout-staging", &format!("acme/checkout:2.14.3@{DIGEST}"));
            world.file("staging", &kustomization("2.14.3", &digest(DIGEST)));
        }
        let there = world.plan(&only("eu", to("production"))).unwrap();
        let [file] = there.files() else { panic!("{:?}", there.files()) };
        let after = String::from_utf8(file.after.clone()).unwrap();
        for beside in ["", "# a word of somebody else\n"] {
            let mut world = world.clone();
            world.file("production-eu", &format!("{after}{beside}"));
            world.put("apps/checkout/base/other.yaml", "a: 1\n");
            world.had("checkout-production-eu", &[if has_digest { PINNED } else { "2.14.2" }]);
            let back = world.plan(&back_in("eu", None)).unwrap();
            let [file] = back.files() else { panic!("{:?}", back.files()) };
            assert_eq!(String::from_utf8(file.after.clone()).unwrap(), format!("{text}{beside}"), "{text}");
        }
    }
}

const PINNED: &str = "2.14.2@sha256:1111111111111111111111111111111111111111111111111111111111111111";

#[test]
fn argo_cd_deploys_what_it_deployed_then_only_where_it_syncs_nothing_by_itself() {
    let by_history = || Request::Return {
        service: "checkout".into(),
        environment: "production".into(),
        version: None,
        placements: Some(vec!["eu".into()]),
        by: By::History,
    };
    let mut world = World::new();
    had(&mut world);
    assert_eq!(
        world.plan(&by_history()).unwrap_err().sentence().as_str(),
        "Argo CD deploys nothing of before while checkout-production-eu is synced automatically, and would bring back what git wants. The way back is a \
         version in git."
    );
    world.app("checkout-production-eu").is_automatic = false;
    let plan = world.plan(&by_history()).unwrap();
    assert!(matches!(plan.steps.first(), Some(Step::Send(Mutation::Rollback { history: 1, .. }))), "{:?}", plan.steps);
    assert_eq!((plan.direction, plan.version.as_str(), plan.files().len()), (Direction::Risk, "2.14.1", 0));
    assert!(plan.remarks.iter().any(|remark| remark.as_str().starts_with("git still wants 2.14.2 in production·eu")), "{:?}", plan.remarks);
    let mut undone = world.clone();
    undone.run("checkout-production-eu", "acme/checkout:2.14.1 envoy:1");
    assert_eq!(
        undone.plan(&by_history()).unwrap_err().sentence().as_str(),
        "production·eu runs 2.14.1 already, only git wants 2.14.2: put 2.14.1 back in git."
    );
    world.app("checkout-production-eu").deployed = Some(vec![50]);
    assert_eq!(
        world.plan(&by_history()).unwrap_err().sentence().as_str(),
        "Argo CD's history of production·eu does not tell of 2.14.1: it cannot deploy it again. Put it back in git."
    );
}
