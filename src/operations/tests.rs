//! Fleet × request × what was read → plan or refusal.

mod argocd;
mod back;
mod brings;
mod configuration;
mod held;
mod proposal;
mod tried;
mod waves;
mod world;

use std::fmt::Write as _;

use super::*;
use crate::base::time::later;
use crate::domain::observation::SourceState;
use crate::domain::{Known, SourceId};
use crate::manifest::edit;
pub(in crate::operations) use back::back;
use mutation::Mutation;
pub(crate) use world::{NOW, World, kustomization};

/// A plan in one text: what changes, what moves, what is done.
fn told(plan: &Result<Plan, Refusal>) -> String {
    let plan = match plan {
        Ok(plan) => plan,
        Err(refusal) => return refusal.sentence().to_string(),
    };
    let mut text = String::new();
    for file in plan.files() {
        for line in file.lines() {
            let sign = if line.sign == Sign::Goes { '-' } else { '+' };
            let place = file.file.as_wire().trim_start_matches("apps/checkout/overlays/").trim_end_matches("/kustomization.yaml");
            write!(text, "{place}:{}{sign}{}; ", line.number, line.text.as_str().trim()).unwrap();
        }
    }
    let moves: Vec<String> = plan.moves.iter().map(|moves| format!("{} {}", moves.place.shown(), moves.wants)).collect();
    format!("{text}| {}", moves.join(", "))
}

pub(crate) fn to(environment: &str) -> Request {
    Request::Promote { service: "checkout".into(), from: None, to: environment.into(), version: None, placements: None, hotfix: false, waves: false }
}

fn from(environment: &str, request: Request) -> Request {
    let Request::Promote { service, to, version, placements, hotfix, waves, .. } = request else { panic!("no promotion") };
    Request::Promote { service, from: Some(environment.into()), to, version, placements, hotfix, waves }
}

fn only(placement: &str, request: Request) -> Request {
    let Request::Promote { service, from, to, version, hotfix, waves, .. } = request else { panic!("no promotion") };
    Request::Promote { service, from, to, version, placements: Some(vec![placement.into()]), hotfix, waves }
}

fn at(version: &str, hotfix: bool, request: Request) -> Request {
    let Request::Promote { service, from, to, placements, waves, .. } = request else { panic!("no promotion") };
    Request::Promote { service, from, to, version: Some(Raw::from(version)), placements, hotfix, waves }
}

/// What a world is changed by, what is asked, what comes of it.
type Row = (&'static str, Change, Request, &'static str);
type Change = fn(&mut World);

fn hold(rows: Vec<Row>) {
    for (what, change, request, expected) in rows {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(told(&world.plan(&request)), expected, "{what}");
    }
}

#[test]
fn what_a_promotion_changes_is_exactly_the_version() {
    hold(vec![
        (
            "all placements of an environment",
            |_| {},
            to("production"),
            "production-eu:4-newTag: \"2.14.2\"; production-eu:4+newTag: \"2.14.3\"; production-us:4-newTag: \"2.14.2\"; production-us:4+newTag: \"2.14.3\"; \
             | production·eu 2.14.2, production·us 2.14.2",
        ),
        (
            "one of them",
            |_| {},
            only("us", to("production")),
            "production-us:4-newTag: \"2.14.2\"; production-us:4+newTag: \"2.14.3\"; | production·us 2.14.2",
        ),
        ("another environment", |_| {}, to("staging"), "staging:4-newTag: 2.14.3; staging:4+newTag: 2.15.0; | staging 2.14.3"),
        (
            "one placement has it already",
            |world| world.tag("checkout-production-eu", "2.14.3"),
            to("production"),
            "production-us:4-newTag: \"2.14.2\"; production-us:4+newTag: \"2.14.3\"; | production·us 2.14.2",
        ),
        (
            "a version that was there before",
            |world| world.had("checkout-staging", &["2.14.1"]),
            only("eu", at("2.14.1", false, to("production"))),
            "production-eu:4-newTag: \"2.14.2\"; production-eu:4+newTag: \"2.14.1\"; | production·eu 2.14.2",
        ),
        (
            "a hotfix",
            |_| {},
            only("eu", at("2.14.2-fix1", true, to("production"))),
            "production-eu:4-newTag: \"2.14.2\"; production-eu:4+newTag: \"2.14.2-fix1\"; | production·eu 2.14.2",
        ),
        (
            "the digest goes along",
            |world| {
                world.run("checkout-staging", &format!("acme/checkout:2.14.3@{DIGEST}"));
                world.file("staging", &kustomization("2.14.3", &format!("    digest: {DIGEST}\n")));
                world.file("production-eu", &kustomization("2.14.2", &format!("    digest: {OLD}\n")));
            },
            only("eu", to("production")),
            "production-eu:4-newTag: 2.14.2; production-eu:5-digest: sha256:\
             1111111111111111111111111111111111111111111111111111111111111111; production-eu:4+newTag: 2.14.3; production-eu:5+digest: \
             sha256:2222222222222222222222222222222222222222222222222222222222222222; | production·eu 2.14.2",
        ),
        (
            "placements that share a file move together",
            |world| world.path("checkout-production-us", "apps/checkout/overlays/production-eu"),
            to("production"),
            "production-eu:4-newTag: \"2.14.2\"; production-eu:4+newTag: \"2.14.3\"; | production·eu 2.14.2, production·us 2.14.2",
        ),
        (
            "an environment that has no such service is passed over",
            |world| world.remove("checkout-staging"),
            only("eu", to("production")),
            "production-eu:4-newTag: \"2.14.2\"; production-eu:4+newTag: \"2.15.0\"; | production·eu 2.14.2",
        ),
    ]);
}

const DIGEST: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
const OLD: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

#[test]
fn a_wrong_direction_or_name_is_refused_with_what_would_be_right() {
    hold(vec![
        ("no such service", |world| world.apps.clear(), to("production"), "There is no service 'checkout': tiphys status lists those there are."),
        ("no such environment", |_| {}, to("prod"), "There is no environment 'prod': there are dev, staging and production."),
        (
            "backwards",
            |_| {},
            from("production", to("staging")),
            "staging does not follow production: promote from dev, or change from = […] of staging.",
        ),
        (
            "over one",
            |_| {},
            from("dev", to("production")),
            "production does not follow dev: promote from staging, or change from = […] of production.",
        ),
        ("to itself", |_| {}, from("staging", to("staging")), "staging does not follow staging: promote from dev, or change from = […] of staging."),
        (
            "into the first",
            |_| {},
            to("dev"),
            "dev follows no environment that has checkout: from = […] of dev in the configuration names what leads into it.",
        ),
        (
            "where it is not",
            |world| world.remove("checkout-staging"),
            to("staging"),
            "checkout is not deployed in staging: add its Application there first.",
        ),
        ("no such placement", |_| {}, only("asia", to("production")), "production has no placement 'asia': there is eu and us."),
    ]);
}

#[test]
fn what_was_never_listed_is_not_taken_for_absent() {
    let waiting = SourceState::Waiting { until: None, why: crate::safe!("connection refused") };
    let lost = Some((SourceId::argocd(&"other".into()), waiting));
    let rows: [(Change, Request, &str); 4] = [
        (|world| world.apps.clear(), to("production"), "Whether there is a service 'checkout' is not known"),
        (|world| world.remove("checkout-staging"), to("staging"), "Whether checkout is deployed in staging is not known"),
        (|world| world.remove("checkout-staging"), to("production"), "Whether checkout is deployed in staging is not known"),
        (|_| {}, only("asia", to("production")), "Whether there is a placement production·asia is not known"),
    ];
    for (change, request, expected) in rows {
        let mut world = World { lost: lost.clone(), ..World::new() };
        change(&mut world);
        assert_eq!(told(&world.plan(&request)), format!("{expected}: argocd other: connection refused. Wait until it is read."));
    }
    // What is there all the same is planned, and says what nobody knows.
    let plan = World { lost, ..World::new() }.plan(&to("production")).unwrap();
    let unknown = "whether applications of argocd other render the same files: not all of it is read now";
    assert!(plan.not_known.iter().any(|words| words.as_str() == unknown), "{:?}", plan.not_known);
}

#[test]
fn a_version_that_is_not_one_known_thing_is_refused() {
    hold(vec![
        (
            "the same version",
            |world| {
                world.tag("checkout-production-eu", "2.14.3");
                world.tag("checkout-production-us", "2.14.3");
            },
            to("production"),
            "Git wants 2.14.3 in production already: there is nothing to change.",
        ),
        (
            "wanted and not run",
            |world| world.file("production-eu", &kustomization("2.14.3", "")),
            only("eu", to("production")),
            "Git wants 2.14.3 in production already, but production·eu does not run it: there is nothing to commit, only its sync or its rollout to wait for.",
        ),
        (
            "never in staging",
            |_| {},
            at("2.15.0", false, to("production")),
            "staging never had 2.15.0: what was not there was not tried there. --hotfix promotes it all the same, and says so in the commit.",
        ),
        (
            "mixed",
            |world| world.run("checkout-staging", "acme/checkout:2.14.3 acme/checkout:2.14.4"),
            to("production"),
            "staging runs several versions (2.14.3+2.14.4 in staging): wait until it runs one, or name one with --version.",
        ),
        (
            "unknown",
            |world| world.run("checkout-staging", ""),
            to("production"),
            "Which version runs in staging is not known: no image runs. Name one with --version.",
        ),
        (
            "no tag of an image",
            |_| {},
            only("eu", at("2.14 fix", true, to("production"))),
            "The files of production·eu are not edited: '2.14 fix' is no tag of an image.",
        ),
        (
            "a chart's version",
            |world| world.rule = crate::domain::version::VersionRule::Chart,
            to("production"),
            "The version of checkout is its chart's: a chart version is not moved here, change it in Chart.yaml or the Application's targetRevision.",
        ),
        (
            "a revision",
            |world| world.rule = crate::domain::version::VersionRule::Revision,
            to("production"),
            "The version of checkout is the revision that it follows: targetRevision is not moved here, change it in the Application.",
        ),
    ]);
}

#[test]
fn files_that_cannot_or_must_not_be_edited_are_refused() {
    hold(vec![
        (
            "an override of the Application",
            |world| world.app("checkout-production-eu").origin.images = Box::new([Raw::from("acme/checkout:2.14.2")]),
            only("eu", to("production")),
            "A commit would change nothing in production·eu: spec.source.kustomize.images sets this image and wins over \
             apps/checkout/overlays/production-eu/kustomization.yaml: change it there, or take it out there.",
        ),
        (
            "a file of the image updater",
            |world| {
                world.put(
                    "apps/checkout/overlays/production-eu/.argocd-source-checkout-production-eu.yaml",
                    "kustomize: {images: ['acme/checkout:2.14.2']}\n",
                );
            },
            only("eu", to("production")),
            "A commit would change nothing in production·eu: .argocd-source-checkout-production-eu.yaml sets this image and wins over \
             apps/checkout/overlays/production-eu/kustomization.yaml: change it there, or take it out there.",
        ),
        (
            "a tag in targetRevision",
            |world| world.app("checkout-production-eu").origin.target_revision = Some(Raw::from("v7")),
            only("eu", to("production")),
            "argocd/checkout-production-eu follows 'v7', which is no branch: a commit would not reach it. Point its targetRevision to a branch, or change it there.",
        ),
        (
            "a file that another environment renders too",
            |world| world.put("apps/checkout/overlays/dev/kustomization.yaml", "resources: [../production-eu]\n"),
            only("eu", to("production")),
            "apps/checkout/overlays/production-eu/kustomization.yaml also feeds checkout in dev: give the version a place in a file of its own, in the \
             overlay or the last values file of the environment.",
        ),
        (
            "a file that nobody knows the environment of",
            |world| world.stranger("apps/checkout/overlays/production-eu"),
            only("eu", to("production")),
            "apps/checkout/overlays/production-eu/kustomization.yaml also feeds stranger (in no cell): give the version a place in a file of its own, in the \
             overlay or the last values file of the environment.",
        ),
        (
            "a file that a placement which was left out renders",
            |world| world.path("checkout-production-us", "apps/checkout/overlays/production-eu"),
            only("eu", to("production")),
            "apps/checkout/overlays/production-eu/kustomization.yaml also feeds production·us: they move together, so leave --placement out.",
        ),
        (
            "placements on two branches",
            |world| world.app("checkout-production-us").origin.target_revision = Some(Raw::from("us")),
            to("production"),
            "One commit cannot move them all, they are on main of gitops and us of gitops: one at a time with --placement.",
        ),
    ]);
}

#[test]
fn what_git_wants_must_be_read_and_understood() {
    hold(vec![
        (
            "a layout that is not understood",
            |world| world.app("checkout-production-eu").compared = Some("9.9.9"),
            to("production"),
            "What git wants of production·eu is not known: its layout is not understood: Argo CD is in sync, but by its files it would run 9.9.9.",
        ),
        (
            "a repository that is not read",
            |world| world.app("checkout-production-eu").is_read = false,
            to("production"),
            "What git wants of production·eu was not read: no repository that is read here has its files, [[repositories]] in the configuration names those that are.",
        ),
        (
            "a repository that cannot be read",
            |world| {
                world.app("checkout-production-eu").is_read = false;
                let why = crate::safe!("connection refused");
                world.lost = Some((SourceId::repository(Raw::from("second")), SourceState::Waiting { until: None, why }));
            },
            only("eu", to("production")),
            "What git wants of production·eu was not read: repository second: connection refused.",
        ),
        (
            "an Application that changed meanwhile",
            |world| world.app("checkout-production-eu").moved_to = Some("apps/elsewhere"),
            to("production"),
            "argocd/checkout-production-eu changed while the plan was made: plan again.",
        ),
    ]);
}

#[test]
fn yaml_that_cannot_be_edited_with_certainty_is_refused_with_its_place() {
    for (what, text) in [
        ("an alias", "resources: [../../base]\nx: &t \"2.14.2\"\nimages:\n  - {name: acme/checkout, newTag: *t}\n"),
        ("keys that are there twice", "resources: [../../base]\nimages:\n  - name: acme/checkout\n    newTag: \"2.14.2\"\n    newTag: \"2.14.2\"\n"),
    ] {
        let mut world = World::new();
        world.file("production-eu", text);
        let refused = world.plan(&only("eu", to("production"))).unwrap_err();
        let sentence = refused.sentence().to_string();
        assert!(matches!(refused, Refusal::Editor { .. } | Refusal::NotUnderstood { .. }), "{what}: {refused:?}");
        assert!(sentence.contains("apps/checkout/overlays/production-eu/kustomization.yaml:"), "{what}: {sentence}");
    }
}

#[test]
fn nothing_that_is_not_current_ever_yields_bytes() {
    let sources = [SourceId::argocd(&"main".into()), SourceId::repository(Raw::from("gitops"))];
    let states = [
        SourceState::Waiting { until: None, why: crate::safe!("connection refused") },
        SourceState::Denied { why: crate::safe!("token is expired"), cure: crate::safe!("argocd relogin") },
        SourceState::Off { why: crate::safe!("it is switched off") },
        SourceState::Connecting,
    ];
    let requests = [
        to("production"),
        to("staging"),
        only("eu", to("production")),
        at("2.14.2-fix1", true, to("production")),
        at("2.14.3", false, to("production")),
    ];
    for request in &requests {
        let fresh = World::new().plan(request).unwrap();
        assert!(!fresh.files().is_empty());
        for source in &sources {
            assert!(fresh.rests_on.iter().any(|fresh| fresh.source == *source), "{source:?}");
            for state in &states {
                let world = World { lost: Some((source.clone(), state.clone())), ..World::new() };
                let refused = world.plan(request).unwrap_err();
                assert!(matches!(refused, Refusal::Stale { .. }), "{source:?} {state:?}: {refused:?}");
            }
        }
        let world = World { read_at: world::T0, ..World::new() };
        assert!(matches!(world.plan(request), Err(Refusal::Stale { .. })), "read an hour ago");
        assert_eq!(fresh.expires, later(NOW, LIFETIME));
    }
    let world = World { lost: Some((sources[0].clone(), states[0].clone())), ..World::new() };
    assert_eq!(
        told(&world.plan(&to("production"))),
        "What is known of staging is not current: last read <1m ago (argocd main: connection refused). Wait until it is read again."
    );
}

#[test]
fn planning_again_tells_in_what_the_plan_differs() {
    let request = to("production");
    let before = World::new().plan(&request).unwrap();
    let rows: [(&str, Change, Differs); 6] = [
        ("nothing", |_| {}, Differs::default()),
        ("a later head with nothing of ours", |world| world.put("other/x.yaml", "a: 1\n"), Differs::default()),
        ("health", |world| world.app("checkout-production-eu").health = "Degraded", Differs::default()),
        ("auto-sync off", |world| world.app("checkout-production-eu").is_automatic = false, Differs { steps: true, ..Differs::default() }),
        (
            "another line of a file",
            |world| world.file("production-eu", &kustomization("2.14.2", "# words\n")),
            Differs { bytes: true, ..Differs::default() },
        ),
        (
            "a placement less to move",
            |world| world.tag("checkout-production-us", "2.14.3"),
            Differs { steps: true, bytes: true, targets: true, direction: false },
        ),
    ];
    for (what, change, expected) in rows {
        let mut world = World::new();
        change(&mut world);
        let after = world.plan(&request).unwrap();
        assert_eq!(before.same_as(&after), expected, "{what}");
        assert_eq!(expected.any(), expected != Differs::default());
    }
}

#[test]
fn a_plan_can_be_taken_back_and_says_what_it_rests_on() {
    let mut world = World::new();
    world.app("checkout-production-us").is_automatic = false;
    let plan = world.plan(&to("production")).unwrap();
    for file in plan.files() {
        assert_eq!(edit::put(&file.before, &file.edits).unwrap(), file.after);
        assert_eq!(edit::put(&file.after, &file.undo).unwrap(), file.before);
        let must = |precondition: &&Precondition| precondition.path == file.file;
        assert_eq!(plan.preconditions().iter().find(must).unwrap().expects, Expects::Blob(file.blob.clone()));
    }
    let paths: Vec<&str> = plan.preconditions().iter().map(|precondition| precondition.path.as_wire()).collect();
    assert!(paths.contains(&"apps/checkout/base/deployment.yaml"), "{paths:?}");
    let absent = plan.preconditions().iter().find(|precondition| precondition.path.as_wire().ends_with("production-eu/.argocd-source.yaml"));
    assert_eq!(absent.unwrap().expects, Expects::Nothing, "an override that comes meanwhile would win");
    assert!(!paths.iter().any(|path| path.contains("overlays/dev")), "what it does not depend on may change: {paths:?}");
    assert_eq!(
        plan.commit().unwrap().message.text(),
        "promote(production): checkout 2.14.3\n\nMoves production·eu, production·us.\n\nPromoted-From: staging\nPromoted-To: production\n\
         Image: acme/checkout:2.14.3\nPrevious-Image: acme/checkout:2.14.2\n"
    );
    let names: Vec<&str> = plan
        .steps
        .iter()
        .map(|step| match step {
            Step::Send(Mutation::Commit(_)) => "commit",
            Step::Send(Mutation::Refresh(_)) => "refresh",
            Step::Send(Mutation::Sync(_)) => "sync",
            Step::Send(_) => "other",
            Step::Await(Await::Merged(_)) => "merged",
            Step::Await(Await::Synced(_)) => "synced",
            Step::Await(Await::Verified(_)) => "verified",
        })
        .collect();
    assert_eq!(names, ["commit", "refresh", "sync", "synced", "verified"]);
    assert!(plan.remarks.iter().any(|remark| remark.as_str() == "auto-sync of checkout-production-us is off: this promotion syncs it"));
    let [first, ..] = plan.carried.as_slice() else { panic!("nothing is carried") };
    assert_eq!(first.commits, Known::Known(Vec::new()));
}

#[test]
fn a_hotfix_says_so_in_its_commit() {
    let plan = World::new().plan(&only("eu", at("2.14.2-fix1", true, to("production")))).unwrap();
    assert_eq!(
        plan.commit().unwrap().message.text(),
        "promote(production): checkout 2.14.2-fix1\n\nMoves production·eu.\nA hotfix: staging never had 2.14.2-fix1.\n\nPromoted-From: staging\n\
         Promoted-To: production\nImage: acme/checkout:2.14.2-fix1\nPrevious-Image: acme/checkout:2.14.2\n"
    );
    assert!(plan.remarks.iter().any(|remark| remark.as_str() == "staging never had 2.14.2-fix1: it was not tried there"), "{:?}", plan.remarks);
}
