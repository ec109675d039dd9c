//! Waves: the next one is never asked for before the one before was seen healthy, never after a failure, and only as it was confirmed.

use std::time::Duration;

use super::*;
use crate::app::operation::{Ended, Progress, preview};
use crate::base::time::later;
use crate::base::{OperationId, Raw, Timestamp};
use crate::operations::mutation::{No, Receipt, Rejection};
use crate::operations::protocol;
use crate::operations::tests::{NOW, World, kustomization, to};
use crate::operations::{Approved, Read, Request};

const COMMIT: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

/// A core that looks at this world, and the time.
struct Cockpit {
    model: Model,
    world: World,
    now: Timestamp,
    ids: u8,
}

impl Cockpit {
    /// Waves into production, confirmed; with what is sent first.
    fn confirmed() -> (Self, Approved) {
        let world = World::new();
        let model = Model::new(world.landscape(), Settings::default(), NOW);
        let mut cockpit = Self { model, world, now: NOW, ids: 0 };
        cockpit.model.fleet = cockpit.world.fleet(true);
        let mut request = to("production");
        if let Request::Promote { waves, .. } = &mut request {
            *waves = true;
        }
        let effects = preview::begin(&mut cockpit.model, vec![request]);
        assert!(cockpit.answer(effects).is_none(), "nothing goes on that nobody confirmed");
        cockpit.now = later(cockpit.now, Duration::from_secs(1));
        for letter in "checkout".chars() {
            cockpit.hear(What::Typed(letter));
        }
        let sent = cockpit.hear(What::Confirmed { quiet: Duration::from_secs(1) }).unwrap();
        (cockpit, sent)
    }

    fn hear(&mut self, what: What) -> Option<Approved> {
        let effects = update(&mut self.model, Msg { at: self.now, what });
        self.answer(effects)
    }

    /// Answers everything that is asked of the shell; what is sent, where something is.
    fn answer(&mut self, effects: Vec<Effect>) -> Option<Approved> {
        let mut sent = None;
        for effect in effects {
            let what = match effect {
                Effect::Prepare { request, .. } => {
                    self.ids += 1;
                    let id = OperationId::read(&format!("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c{:02x}", self.ids)).unwrap();
                    let read = Read::from(self.world.prepared());
                    What::Prepared { request, id, outcome: Box::new(Ok(read)) }
                }
                Effect::Render { request, wishes } => {
                    let why = Safe::clean("neither kustomize nor kubectl is on the PATH");
                    What::Rendered { request, answers: wishes.into_iter().map(|wish| (wish.app, Err(why.clone()))).collect() }
                }
                Effect::Permit { request, .. } => What::Permitted { request, permissions: Vec::new() },
                Effect::Carry(approved) => {
                    assert!(sent.replace(*approved).is_none(), "one at a time");
                    continue;
                }
                _ => continue,
            };
            let more = self.hear(what);
            sent = sent.or(more);
        }
        sent
    }

    /// Everything of an operation was sent and taken.
    fn taken(&mut self, approved: &Approved) -> Option<Approved> {
        let receipts = vec![Receipt::Committed { commit: Raw::from(COMMIT), rebuilt: 0 }, Receipt::Accepted];
        let progress = Box::new(Progress::Ended(protocol::Ended::Sent, receipts));
        self.hear(What::Progressed { id: approved.id().clone(), progress })
    }

    /// The first placement runs what was sent.
    fn comes_about(&mut self) -> Option<Approved> {
        self.world.file("production-eu", &kustomization("\"2.14.3\"", ""));
        self.world.run("checkout-production-eu", "acme/checkout:2.14.3 envoy:1");
        self.world.app("checkout-production-eu").revision = COMMIT;
        self.model.fleet = self.world.fleet(true);
        self.passes()
    }

    /// Time passes, and is looked at.
    fn passes(&mut self) -> Option<Approved> {
        (0..5).find_map(|_| {
            self.now = later(self.now, Duration::from_secs(1));
            self.hear(What::Tick)
        })
    }

    fn ended(&self, approved: &Approved) -> Option<&Ended> {
        self.model.operations.underway[approved.id()].ended.as_ref().map(|(_, ended)| ended)
    }
}

fn places(approved: &Approved) -> Vec<String> {
    approved.plan().moves.iter().map(|moves| moves.place.shown().to_string()).collect()
}

#[test]
fn the_next_wave_goes_on_once_the_one_before_was_seen_healthy_and_not_before() {
    let (mut cockpit, first) = Cockpit::confirmed();
    assert_eq!(places(&first), ["production·eu"]);
    assert!(cockpit.passes().is_none(), "nothing while it is being sent");
    assert!(cockpit.taken(&first).is_none() && cockpit.passes().is_none(), "that it was sent is not that it is healthy");
    assert_eq!(cockpit.ended(&first), None);
    let second = cockpit.comes_about().expect("it goes on");
    assert_eq!(places(&second), ["production·us"]);
    assert_ne!(first.id(), second.id(), "an operation of its own");
    assert!(matches!(cockpit.ended(&first), Some(Ended::Done(words)) if words.as_str() == "2.14.3 seen healthy; next: production·us"));
    assert!(cockpit.passes().is_none(), "and once");
}

#[test]
fn nothing_goes_on_after_a_failure() {
    let (mut cockpit, first) = Cockpit::confirmed();
    let why = Rejection { kind: No::Against, why: Safe::clean("a hook refused it"), cure: Safe::default() };
    let progress = Box::new(Progress::Ended(protocol::Ended::Failed(0, why), Vec::new()));
    assert!(cockpit.hear(What::Progressed { id: first.id().clone(), progress }).is_none());
    assert!(matches!(cockpit.ended(&first), Some(Ended::Failed(why, _)) if why.as_str().contains("Not begun: production·us")));
    assert!(cockpit.comes_about().is_none(), "not even where it comes about by somebody else");
    let (mut cockpit, first) = Cockpit::confirmed();
    let progress = Box::new(Progress::Ended(protocol::Ended::Unknown(0, Safe::clean("no answer came")), Vec::new()));
    assert!(cockpit.hear(What::Progressed { id: first.id().clone(), progress }).is_none() && cockpit.comes_about().is_none());
    assert!(matches!(cockpit.ended(&first), Some(Ended::Unknown(why)) if why.as_str().contains("Not begun: production·us")));
}

#[test]
fn what_is_not_what_was_confirmed_waits_to_be_read() {
    let (mut cockpit, first) = Cockpit::confirmed();
    cockpit.taken(&first);
    cockpit.world.file("production-us", &kustomization("\"2.14.2\"", "# a word of somebody else\n"));
    assert!(cockpit.comes_about().is_none());
    let Screen::Preview(preview) = &cockpit.model.screen else { panic!("{:?}", cockpit.model.screen) };
    assert!(!preview.goes_on() && preview.confirmation.is_some(), "it can be confirmed as any other plan");
    assert!(cockpit.model.notice.as_ref().is_some_and(|notice| notice.as_str().starts_with("Halted: the plan of production·us")));
    assert!(cockpit.passes().is_none());
}

#[test]
fn a_wave_waits_while_nobody_looks() {
    let (mut cockpit, first) = Cockpit::confirmed();
    cockpit.taken(&first);
    cockpit.hear(What::Wants(Intent::Back));
    assert!(cockpit.comes_about().is_none(), "nothing is sent from a screen that nobody sees");
    assert!(matches!(cockpit.ended(&first), Some(Ended::Done(_))));
    cockpit.hear(What::Wants(Intent::Operations));
    assert_eq!(cockpit.passes().map(|second| places(&second)), Some(vec!["production·us".to_owned()]));
}
