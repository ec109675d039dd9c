//! What stands in the way of whom, where, and in which direction.

use super::*;
use crate::base::Raw;
use crate::base::time::later;
use crate::domain::guard::Guard;
use crate::domain::words::Pattern;
use crate::operations::confirm::{Confirmation, DEAF, QUIET};
use crate::operations::tests::{NOW, World, to};

fn id() -> OperationId {
    OperationId::read("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f").unwrap()
}

struct Case {
    plan: Plan,
    landscape: Landscape,
    standing: Standing,
    stated: Stated,
    permissions: Vec<Permission>,
}

impl Case {
    fn new(direction: Direction) -> Self {
        let plan = Plan { direction, ..World::new().plan(&to("production")).unwrap() };
        let visitor = Visitor { names: vec![Safe::clean("ana"), Safe::clean("ana@acme.example")], place: Safe::default() };
        let standing = Standing { visitor, ..Standing::default() };
        Self { plan, landscape: World::new().landscape(), standing, stated: Stated::default(), permissions: vec![Permission::Granted] }
    }

    fn guard(&mut self) -> &mut Guard {
        let environment = self.landscape.environments.iter_mut().find(|environment| environment.name.as_wire() == "production");
        &mut environment.unwrap().guard
    }

    fn names(&self) -> Vec<&'static str> {
        bars(&self.plan, &self.landscape, &self.standing, &self.stated, &self.permissions, NOW).iter().map(Bar::name).collect()
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_stands_in_the_way_toward_risk_and_what_still_does_toward_safety() {
    type Change = fn(&mut Case);
    let rows: &[(&str, Change, &[&str], &[&str])] = &[
        ("nothing", |_| {}, &[], &[]),
        ("production's default", |case| case.guard().read_only = true, &["unarmed"], &[]),
        (
            "armed",
            |case| {
                case.guard().read_only = true;
                case.standing.armed.insert("production".into(), later(NOW, DEAF));
            },
            &[],
            &[],
        ),
        (
            "armed until just now",
            |case| {
                case.guard().read_only = true;
                case.standing.armed.insert("production".into(), NOW);
            },
            &["unarmed"],
            &[],
        ),
        ("said outright", |case| case.standing.read_only = true, &["read-only"], &["read-only"]),
        ("guessed", |case| case.landscape.read_only = true, &["guessed"], &[]),
        ("denied", |case| case.guard().deny = Some(Safe::clean("audit week")), &["denied"], &[]),
        ("others", |case| case.guard().people = vec![Raw::from("li")], &["not-you"], &[]),
        ("by name", |case| case.guard().people = vec![Raw::from("ana@acme.example")], &[], &[]),
        ("without a reason", |case| case.guard().reason = true, &["no-reason"], &[]),
        (
            "with blanks for a reason",
            |case| {
                case.guard().reason = true;
                case.stated.reason = Some(Safe::clean("  "));
            },
            &["no-reason"],
            &[],
        ),
        (
            "with another ticket",
            |case| {
                case.guard().ticket = Some(Pattern::new("CHG-*"));
                case.stated.ticket = Some(Safe::clean("SHOP-1"));
            },
            &["no-ticket"],
            &[],
        ),
        (
            "with the ticket",
            |case| {
                case.guard().ticket = Some(Pattern::new("CHG-*"));
                case.stated.ticket = Some(Safe::clean("CHG-1"));
            },
            &[],
            &[],
        ),
        (
            "too many",
            |case| {
                case.guard().at_once = Some(1);
                case.standing.open.insert(id(), ("payments".into(), "production".into()));
            },
            &["too-many"],
            &[],
        ),
        (
            "one elsewhere",
            |case| {
                case.guard().at_once = Some(1);
                case.standing.open.insert(id(), ("payments".into(), "staging".into()));
            },
            &[],
            &[],
        ),
        ("the same", |case| _ = case.standing.open.insert(id(), ("checkout".into(), "production".into())), &["busy"], &[]),
        ("by pull request", |case| case.guard().pull_request = true, &["by-pull-request"], &[]),
        (
            "the token may not",
            |case| case.permissions.push(Permission::Denied { why: Safe::clean("no"), cure: Safe::default() }),
            &["forbidden"],
            &["forbidden"],
        ),
        ("nobody knows what the token may", |case| case.permissions.push(Permission::Unknown(Safe::clean("?"))), &[], &[]),
        ("an old plan", |case| case.plan.expires = Timestamp::UNIX_EPOCH, &["expired"], &["expired"]),
        ("a full disk", |case| case.standing.unrecorded = Some(Safe::clean("no space left")), &["unrecorded"], &["unrecorded"]),
    ];
    for (what, change, risk, safety) in rows {
        for (direction, expected) in [(Direction::Risk, risk), (Direction::Safety, safety)] {
            let mut case = Case::new(direction);
            change(&mut case);
            assert_eq!(case.names(), **expected, "{what}, {direction:?}");
        }
    }
}

#[test]
fn nothing_is_approved_past_a_bar_or_for_another_plan() {
    let case = Case::new(Direction::Risk);
    let at = later(NOW, DEAF);
    let mut confirmation = Confirmation::of(&case.plan, NOW);
    "checkout".chars().for_each(|letter| confirmation.letter(letter, at));
    let confirmed = confirmation.entered(QUIET, &case.plan, at).unwrap();
    let approved = |plan: &Plan, standing: &Standing| {
        approve(id(), plan.clone(), confirmed.clone(), &case.landscape, standing, (Stated::default(), &[]), at).map(|approved| approved.id().clone())
    };
    assert_eq!(approved(&case.plan, &case.standing), Ok(id()));
    assert_eq!(approved(&case.plan, &Standing { read_only: true, ..Standing::default() }), Err(vec![Bar::ReadOnly]));
    assert!(approved(&Plan { service: "payments".into(), ..case.plan.clone() }, &case.standing).is_err());
    assert!(approved(&Plan { direction: Direction::Safety, ..case.plan.clone() }, &case.standing).is_err());
}
