//! Changes where an environment takes pull requests only: what is planned, in which order it is sent, how it is followed, and when it may be merged.

use super::{NOW, World, to};
use crate::base::{OperationId, Raw, Safe};
use crate::domain::SourceId;
use crate::domain::forge::Forge;
use crate::domain::observation::SourceState;
use crate::domain::pull::{Check, Mergeable, Pull, PullKey, PullState, Review, Says, Verdict};
use crate::operations::following::{Followed, Route, State};
use crate::operations::mutation::{Answer, Found, Mutation, No, Receipt, Rejection};
use crate::operations::protocol::{Act, Ended, Heard, LOOKS, Protocol};
use crate::operations::{By, Direction, Plan, Refusal, Request, Step};

const ID: &str = "0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f";
const OWN: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
const MERGED: &str = "beef00beef00beef00beef00beef00beef00beef";

fn id() -> OperationId {
    OperationId::read(ID).unwrap()
}

fn world() -> World {
    World { by_pull_request: true, ..World::new() }
}

fn steps(plan: &Plan) -> Vec<String> {
    let word = |step: &Step| match step {
        Step::Send(Mutation::Commit(commit)) if commit.beside => "commit beside".to_owned(),
        Step::Send(Mutation::Commit(_)) => "commit".to_owned(),
        Step::Send(Mutation::Open(_)) => "open".to_owned(),
        Step::Send(Mutation::Merge(_)) => "merge".to_owned(),
        Step::Send(Mutation::Refresh(target)) => format!("refresh {}", target.app.name.shown()),
        Step::Send(Mutation::Sync(sync)) => format!("sync {}", sync.target.app.name.shown()),
        Step::Send(_) => "other".to_owned(),
        Step::Await(wait) => format!("{wait:?}").split('(').next().unwrap_or_default().to_owned(),
    };
    plan.steps.iter().map(word).collect()
}

/// The pull request of the operation, as GitHub tells it once nothing is missing.
fn pull() -> (PullKey, Pull) {
    let plan = world().plan(&to("production")).unwrap();
    let Some(Mutation::Open(opening)) = plan.mutations().nth(1) else { panic!("{:?}", plan.steps) };
    let branch = Raw::from(format!("tiphys/{ID}"));
    let key = PullKey { github: "github".into(), repository: "acme/gitops".into(), number: 412 };
    let pull = Pull {
        url: Safe::clean("https://github.example/acme/gitops/pull/412"),
        title: opening.title.clone(),
        says: Says::read(&branch, &opening.text(&id(), None)),
        branch,
        head: OWN.into(),
        base: "main".into(),
        author: Safe::clean("ana"),
        opened_at: NOW,
        state: PullState::Open,
        mergeable: Mergeable::Clean,
        checks: vec![Check { name: Safe::clean("render"), verdict: Verdict::Passed }],
        reviews: vec![Review { by: Safe::clean("mara"), approves: true }],
        awaited: Vec::new(),
    };
    (key, pull)
}

fn merge() -> Request {
    Request::Merge { service: "checkout".into(), environment: "production".into(), number: None, back: None }
}

type Change = fn(&mut Pull);

fn way_back_to(environment: &str) -> Request {
    Request::Return { service: "checkout".into(), environment: environment.into(), version: None, placements: None, by: By::Commit }
}

#[test]
fn a_promotion_goes_to_a_branch_of_its_own_and_a_pull_request_and_nothing_is_told_to_sync() {
    let plan = world().plan(&to("production")).unwrap();
    assert_eq!(steps(&plan), ["commit beside", "open", "Merged", "Synced", "Verified"]);
    let Some(Mutation::Open(opening)) = plan.mutations().nth(1) else { panic!() };
    assert_eq!(opening.title.as_str(), "promote(production): checkout 2.14.3");
    let text = opening.text(&id(), Some(&Safe::clean("SHOP-1")));
    assert!(text.contains("```diff\n-     newTag: \"2.14.2\"\n+     newTag: \"2.14.3\"\n```\n"), "{text}");
    assert!(
        text.contains("\n\nWhy: SHOP-1\n\nService: checkout\nEnvironment: production\nPlacement: eu\nPlacement: us\nVersion: 2.14.3\n"),
        "{text}"
    );
    assert!(text.ends_with(&format!("Cockpit-Operation: {ID}\n")), "{text}");
    // What it says is what any other cockpit reads of it.
    let says = Says::read(&format!("tiphys/{ID}").as_str().into(), &text);
    assert_eq!((says.operation, says.service, says.version), (Some(id()), Some("checkout".into()), Some(Safe::clean("2.14.3"))));
    assert_eq!(says.placements.len(), 2);
    // Another environment is as before.
    assert_eq!(steps(&world().plan(&to("staging")).unwrap())[0], "commit");
}

#[test]
fn the_policy_is_never_passed_by() {
    // Toward safety neither: what it costs is said.
    let mut world = world();
    for name in ["checkout-production-eu", "checkout-production-us"] {
        world.had(name, &["2.14.1"]);
    }
    let way_back = world.plan(&way_back_to("production")).unwrap();
    assert_eq!(steps(&way_back)[..2], ["commit beside", "open"]);
    assert!(way_back.remarks.iter().any(|remark| remark.as_str().contains("what runs there stays until this is merged")), "{:?}", way_back.remarks);
    // A GitHub that nobody can talk to is a refusal, not another way.
    world.forge = Forge::Unreached { host: "github.com".into() };
    let refusal = world.plan(&to("production")).unwrap_err();
    assert_eq!(refusal.name(), "no-forge");
    assert!(refusal.sentence().as_str().contains("[[github]]"), "{}", refusal.sentence());
    // Of another forge the branch is all, and people are told to open it.
    world.forge = Forge::Other;
    let plan = world.plan(&to("production")).unwrap();
    assert_eq!(steps(&plan), ["commit beside", "Merged", "Synced", "Verified"]);
    assert!(plan.remarks.iter().any(|remark| remark.as_str().contains("a person opens the pull request")), "{:?}", plan.remarks);
}

#[test]
fn no_pull_request_is_opened_before_its_branch_is_there() {
    let plan = world().plan(&to("production")).unwrap();
    let begin = || {
        let mut protocol = Protocol::new(plan.mutations().cloned());
        for heard in [Heard::Kept, Heard::Fits] {
            protocol.hear(heard);
        }
        protocol
    };
    // Refused: certain, and over.
    let mut protocol = begin();
    let no = Rejection { kind: No::Forbidden, why: Safe::clean("403"), cure: Safe::default() };
    protocol.hear(Heard::Answered(Answer::Refused(no)));
    protocol.hear(Heard::Kept);
    assert!(matches!(protocol.next(), Some(Act::Close(Ended::Failed(0, _)))), "{:?}", protocol.next());
    // Nobody knows, and nobody can look: over as well.
    let mut protocol = begin();
    protocol.hear(Heard::Answered(Answer::Unknown(Safe::clean("cut"))));
    for _ in 0..LOOKS {
        protocol.hear(Heard::Found(Found::Unknown(Safe::clean("no answer"))));
    }
    protocol.hear(Heard::Kept);
    assert!(matches!(protocol.next(), Some(Act::Close(Ended::Unknown(0, _)))), "{:?}", protocol.next());
    // There: now it is opened, once; its lost answer is looked for by the branch.
    let mut protocol = begin();
    let beside = Receipt::Beside { commit: OWN.into(), link: None };
    protocol.hear(Heard::Answered(Answer::Taken(beside.clone())));
    protocol.hear(Heard::Found(Found::Done(beside.clone())));
    protocol.hear(Heard::Kept);
    assert_eq!(protocol.next(), Some(Act::Intend(1)));
    protocol.hear(Heard::Kept);
    protocol.hear(Heard::Fits);
    assert!(matches!(protocol.next(), Some(Act::Send(1, Mutation::Open(_)))));
    protocol.hear(Heard::Answered(Answer::Unknown(Safe::clean("cut"))));
    assert!(matches!(protocol.next(), Some(Act::Look(1, Mutation::Open(_), 0))));
    protocol.hear(Heard::Found(Found::Done(Receipt::Opened { number: 412, url: Safe::default() })));
    protocol.hear(Heard::Kept);
    assert_eq!(protocol.next(), Some(Act::Close(Ended::Sent)));
    // Whoever takes it up in between looks, and never opens another.
    let mut resumed = Protocol::resumed(plan.mutations().cloned(), vec![beside], true);
    assert!(matches!(resumed.next(), Some(Act::Look(1, Mutation::Open(_), 0))));
    for _ in 0..LOOKS {
        resumed.hear(Heard::Found(Found::NotDone));
    }
    resumed.hear(Heard::Kept);
    assert!(matches!(resumed.next(), Some(Act::Close(Ended::Failed(1, _)))), "what is missing is a new plan");
}

#[test]
fn it_is_merged_only_as_it_was_looked_at_and_when_nothing_is_missing() {
    let mut world = world();
    assert_eq!(world.plan(&merge()).unwrap_err().name(), "no-pull-request");
    world.pulls.push(pull());
    let plan = world.plan(&merge()).unwrap();
    assert_eq!(steps(&plan), ["merge", "refresh checkout-production-eu", "refresh checkout-production-us", "Synced", "Verified"]);
    assert_eq!(plan.direction, Direction::Risk);
    let Some(Mutation::Merge(merging)) = plan.mutations().next() else { panic!() };
    assert_eq!((merging.head.as_wire(), merging.pull.number, merging.method.word(), merging.repository.as_wire()), (OWN, 412, "squash", "gitops"));
    // Somebody pushed to it: another plan, which voids what was typed.
    world.pulls[0].1.head = MERGED.into();
    assert!(plan.same_as(&world.plan(&merge()).unwrap()).steps);
    // One's own way back leads to safety, at exactly its commit and no other.
    let back =
        |commit: &str| Request::Merge { service: "checkout".into(), environment: "production".into(), number: Some(412), back: Some(commit.into()) };
    assert_eq!(world.plan(&back(MERGED)).unwrap().direction, Direction::Safety);
    assert_eq!(world.plan(&back(OWN)).unwrap().direction, Direction::Risk);
    let missing: [(Change, &str); 8] = [
        (|pull| pull.mergeable = Mergeable::Unknown(Safe::clean("unknown")), "GitHub is working out whether it can be merged (unknown)"),
        (|pull| pull.mergeable = Mergeable::Behind, "its branch is behind main, and has to be brought up to date first"),
        (|pull| pull.mergeable = Mergeable::Dirty, "it conflicts with main"),
        (|pull| pull.mergeable = Mergeable::Draft, "it is a draft"),
        (|pull| pull.checks[0].verdict = Verdict::Failed, "checks fail: render"),
        (|pull| pull.checks[0].verdict = Verdict::Pending, "checks are under way: render"),
        (|pull| pull.reviews[0].approves = false, "changes are requested by mara"),
        (
            |pull| {
                pull.reviews.clear();
                pull.awaited.push(Safe::clean("mara"));
                pull.mergeable = Mergeable::Blocked;
            },
            "a review by mara is wanted",
        ),
    ];
    for (change, why) in missing {
        let (key, mut changed) = pull();
        change(&mut changed);
        world.pulls = vec![(key, changed)];
        let Err(Refusal::NotMergeable { why: said, .. }) = world.plan(&merge()) else { panic!("{why}") };
        assert_eq!(said.as_str(), why);
    }
    for state in [PullState::Closed, PullState::Merged { commit: None, by: None }] {
        let (key, changed) = pull();
        world.pulls = vec![(key, Pull { state, ..changed })];
        assert_eq!(world.plan(&merge()).unwrap_err().name(), "no-pull-request", "what is not open is not there to be merged");
    }
    world.pulls = vec![pull()];
    world.lost = Some((SourceId::github("github".into()), SourceState::Waiting { until: None, why: Safe::clean("lost") }));
    assert_eq!(world.plan(&merge()).unwrap_err().name(), "stale");
}

#[test]
fn a_sync_after_a_merge_takes_the_commit_that_the_merge_made() {
    let mut world = world();
    world.pulls.push(pull());
    world.app("checkout-production-us").is_automatic = false;
    let plan = world.plan(&merge()).unwrap();
    let receipts = vec![Receipt::Committed { commit: MERGED.into(), rebuilt: 0 }, Receipt::Accepted];
    let protocol = Protocol::resumed(plan.mutations().cloned(), receipts, true);
    let Some(Act::Look(2, Mutation::Sync(sync), 0)) = protocol.next() else { panic!("{:?}", protocol.next()) };
    assert_eq!(sync.revision, Some(MERGED.into()));
}

#[test]
fn a_pull_request_is_climbed_rung_by_rung_and_its_merge_is_seen_whoever_made_it() {
    let mut world = world();
    let plan = world.plan(&to("production")).unwrap();
    let receipts = [Receipt::Beside { commit: OWN.into(), link: None }, Receipt::Opened { number: 412, url: Safe::default() }];
    let mut followed = Followed::of(id(), &plan, &receipts, (NOW, NOW));
    assert!(matches!(followed.route, Route::Pull(_)));
    let told = |world: &World, followed: &mut Followed| {
        let ladder = followed.look(&world.fleet(false), NOW);
        let reached: Vec<&str> = ladder.rungs.iter().filter(|step| step.at.is_some()).map(|step| step.rung.word()).collect();
        (reached.join(", "), ladder.state)
    };
    // GitHub was not read yet.
    assert_eq!(told(&world, &mut followed), ("proposed".to_owned(), State::Moving));
    let (key, mut open) = pull();
    (open.checks[0].verdict, open.mergeable) = (Verdict::Pending, Mergeable::Blocked);
    open.reviews.clear();
    let show = |world: &mut World, pull: &Pull, followed: &mut Followed| {
        world.pulls = vec![(key.clone(), pull.clone())];
        told(world, followed)
    };
    assert_eq!(show(&mut world, &open, &mut followed), ("proposed".to_owned(), State::Moving));
    // It runs there already by somebody's hand: no evidence of anything.
    open.checks[0].verdict = Verdict::Failed;
    let (reached, state) = show(&mut world, &open, &mut followed);
    assert_eq!((reached.as_str(), state), ("proposed", State::Stuck(Safe::clean("pull request #412: checks fail: render"))));
    open.checks[0].verdict = Verdict::Passed;
    let (reached, state) = show(&mut world, &open, &mut followed);
    assert_eq!((reached.as_str(), state), ("proposed, checked", State::Waits(Safe::clean("pull request #412: a review is wanted"))));
    let (_, done) = pull();
    let (reached, state) = show(&mut world, &done, &mut followed);
    assert_eq!(reached, "proposed, checked, approved");
    assert!(matches!(state, State::Waits(what) if what.as_str().contains("can be merged, from here")));
    // Squashed by somebody on GitHub: another commit, which Argo CD will speak of.
    let merged = Pull { state: PullState::Merged { commit: Some(MERGED.into()), by: Some(Safe::clean("mara")) }, ..done.clone() };
    assert_eq!(show(&mut world, &merged, &mut followed), ("proposed, checked, approved, committed".to_owned(), State::Moving));
    for name in ["checkout-production-eu", "checkout-production-us"] {
        world.app(name).revision = MERGED;
        world.run(name, "acme/checkout:2.14.3 envoy:1");
    }
    let (reached, state) = show(&mut world, &merged, &mut followed);
    assert!(reached.ends_with("verified") && state == State::Verified, "{reached} {state:?}");

    // Closed: it has come to nothing.
    let mut followed = Followed::of(id(), &plan, &receipts, (NOW, NOW));
    let mut world = self::world();
    let closed = Pull { state: PullState::Closed, ..done };
    let (_, state) = show(&mut world, &closed, &mut followed);
    assert_eq!(state, State::Failed(Safe::clean("pull request #412 was closed without being merged")));
    // GitHub is lost: nothing is claimed.
    world.pulls = vec![pull()];
    world.lost = Some((SourceId::github("github".into()), SourceState::Waiting { until: None, why: Safe::clean("lost") }));
    let mut followed = Followed::of(id(), &plan, &receipts, (NOW, NOW));
    assert!(matches!(followed.look(&world.fleet(false), NOW).state, State::Blind(_)));
}

#[test]
fn a_branch_on_another_forge_is_followed_by_the_trailer_in_what_git_has() {
    let mut world = world();
    world.forge = Forge::Other;
    let plan = world.plan(&to("production")).unwrap();
    let link = Safe::clean("https://gitlab.example/acme/gitops/-/merge_requests/new");
    let mut followed = Followed::of(id(), &plan, &[Receipt::Beside { commit: OWN.into(), link: Some(link.clone()) }], (NOW, NOW));
    let ladder = followed.look(&world.fleet(false), NOW);
    assert!(matches!(&ladder.state, State::Waits(what) if what.as_str().contains(link.as_str())), "{:?}", ladder.state);
    assert!(ladder.rungs[1].at.is_none());
    followed.traced.insert("head".into(), true);
    assert!(followed.look(&world.fleet(false), NOW).rungs[1].at.is_some(), "the branch has it");
}

#[test]
fn an_open_pull_request_of_anybody_is_debt() {
    let mut world = world();
    world.pulls.push(pull());
    let debts = crate::operations::debt::of(&world.fleet(false), NOW);
    let told: Vec<String> = debts.iter().map(|debt| format!("{}: {}", debt.kind.name(), debt.sentence())).collect();
    assert_eq!(
        told,
        ["pull-request: checkout · production: pull request #412 by ana brings 2.14.3, and is open: merge it, or close it on \
          https://github.example/acme/gitops/pull/412."]
    );
    world.pulls[0].1.state = PullState::Closed;
    assert!(crate::operations::debt::of(&world.fleet(false), NOW).is_empty());
    // One that no operation opened, whatever its text says.
    let (key, stranger) = pull();
    world.pulls = vec![(key, Pull { says: Says { operation: None, ..stranger.says.clone() }, ..stranger })];
    assert!(crate::operations::debt::of(&world.fleet(false), NOW).is_empty());
}
