//! The protocol against a world that loses answers, lets requests arrive late, and lets two operators at the same thing, with a crash after every act.
//! Tens of thousands of seeds; every one is told by its number.

use super::*;
use crate::base::Raw;
use crate::domain::testing::app_key;
use crate::operations::mutation::Target;

/// A request that can be told apart: number `n` of an operator.
fn request(operator: usize, number: usize) -> Mutation {
    let target = Target { app: app_key(&format!("{operator}-{number}")), project: Raw::default() };
    Mutation::Terminate(target)
}

fn nudge() -> Mutation {
    Mutation::Refresh(Target { app: app_key("x"), project: Raw::default() })
}

/// Chance that a seed decides.
struct Dice(u64);

impl Dice {
    fn of(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// The other side: one thing that one operator can win, step by step. A request counts only where the one before it did, and the first only where nobody
/// else won: compare and swap.
#[derive(Default)]
struct World {
    winner: Option<usize>,
    /// How often each request was done.
    done: [Vec<u32>; 2],
    /// How often each request was sent.
    sent: [Vec<u32>; 2],
    /// Requests that are still on their way: operator, number, and how many looks of anybody it takes.
    late: Vec<(usize, usize, u8)>,
}

impl World {
    fn arrive(&mut self, operator: usize, number: usize) -> bool {
        if number == 0 && self.winner.is_none() {
            self.winner = Some(operator);
        }
        let before = number == 0 || self.done[operator][number - 1] > 0;
        let wins = self.winner == Some(operator) && before && self.done[operator][number] == 0;
        self.done[operator][number] += u32::from(wins);
        wins
    }

    fn pass(&mut self) {
        for (.., looks) in &mut self.late {
            *looks = looks.saturating_sub(1);
        }
        while let Some(at) = self.late.iter().position(|(.., looks)| *looks == 0) {
            let (operator, number, _) = self.late.remove(at);
            self.arrive(operator, number);
        }
    }
}

fn moved() -> Rejection {
    Rejection { kind: No::Moved, why: Safe::clean("somebody else was first"), cure: Safe::default() }
}

/// An operator with a cockpit that may die.
struct Operator {
    number: usize,
    mutations: Vec<Mutation>,
    protocol: Protocol,
    /// What is on disk: intents and what was settled as done.
    intended: usize,
    settled: Vec<Receipt>,
    closed: Option<Ended>,
}

impl Operator {
    fn new(number: usize, requests: usize) -> Self {
        let mutations: Vec<Mutation> = (0..requests).map(|request_number| request(number, request_number)).collect();
        Self { number, protocol: Protocol::new(mutations.clone()), mutations, intended: 0, settled: Vec::new(), closed: None }
    }

    /// Does one act; whether there was one.
    fn step(&mut self, world: &mut World, dice: &mut Dice) -> bool {
        let Some(act) = self.protocol.next() else { return false };
        let is_full = dice.of(40) == 0;
        let heard = match act {
            Act::Intend(_) | Act::Settle(..) | Act::Close(_) if is_full => Heard::NotKept(Safe::clean("no space left")),
            Act::Intend(at) => {
                self.intended = at + 1;
                Heard::Kept
            }
            Act::Settle(_, settled) => {
                if let Settled::Done(receipt) = settled {
                    self.settled.push(receipt);
                }
                Heard::Kept
            }
            Act::Close(ended) => {
                self.closed = Some(ended);
                Heard::Kept
            }
            Act::Check(..) => {
                if dice.of(10) == 0 {
                    Heard::DoesNotFit(moved())
                } else {
                    Heard::Fits
                }
            }
            Act::Send(at, _) => {
                world.sent[self.number][at] += 1;
                Heard::Answered(match dice.of(6) {
                    0 => Answer::Unknown(Safe::clean("timed out")),
                    1 => {
                        world.arrive(self.number, at);
                        Answer::Unknown(Safe::clean("the answer was lost"))
                    }
                    2 => {
                        let looks = u8::try_from(dice.of(u64::from(LOOKS) - 1)).unwrap() + 1;
                        world.late.push((self.number, at, looks));
                        Answer::Unknown(Safe::clean("timed out"))
                    }
                    _ if world.arrive(self.number, at) => Answer::Taken(Receipt::Accepted),
                    _ => Answer::Refused(moved()),
                })
            }
            Act::Look(at, ..) => {
                world.pass();
                let is_done = world.done[self.number][at] > 0;
                Heard::Found(match dice.of(5) {
                    0 => Found::Unknown(Safe::clean("not reached")),
                    _ if is_done => Found::Done(Receipt::Applied),
                    _ => Found::NotDone,
                })
            }
        };
        self.protocol.hear(heard);
        true
    }

    /// The process is gone; another one reads what is on disk.
    fn crash(&mut self) {
        if self.closed.is_some() {
            return;
        }
        let is_intended = self.intended > self.settled.len();
        self.protocol = Protocol::resumed(self.mutations.clone(), self.settled.clone(), is_intended);
    }
}

#[test]
fn nothing_is_sent_twice_one_operator_wins_and_nothing_untrue_is_said() {
    for seed in 1..=40_000_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let requests = 1 + usize::try_from(dice.of(3)).unwrap();
        let mut world = World { done: [vec![0; requests], vec![0; requests]], sent: [vec![0; requests], vec![0; requests]], ..World::default() };
        let mut operators = [Operator::new(0, requests), Operator::new(1, requests)];
        let mut open = [true, true];
        for _ in 0..400 {
            if open == [false, false] {
                break;
            }
            let who = usize::try_from(dice.of(2)).unwrap();
            open[who] = operators[who].step(&mut world, &mut dice);
            if dice.of(12) == 0 {
                operators[who].crash();
                open[who] = true;
            }
        }
        assert_eq!(open, [false, false], "seed {seed}: it does not end");
        for operator in &operators {
            let (done, sent) = (&world.done[operator.number], &world.sent[operator.number]);
            assert!(sent.iter().all(|count| *count <= 1), "seed {seed}: sent {sent:?}");
            assert!(done.iter().all(|count| *count <= 1), "seed {seed}: done {done:?}");
            let ended = operator.protocol.ended().expect("it is over");
            match ended {
                Ended::Sent => assert!(done.iter().all(|count| *count == 1), "seed {seed}: said to be sent, {done:?}"),
                Ended::Failed(at, _) => {
                    assert!(done.iter().take(*at).all(|count| *count == 1), "seed {seed}: {ended:?} and {done:?}");
                    assert!(done.iter().skip(*at).all(|count| *count == 0), "seed {seed}: {ended:?} and {done:?}");
                    assert!(!world.late.iter().any(|(who, number, _)| *who == operator.number && number >= at), "seed {seed}: it may still arrive");
                }
                Ended::Unknown(..) => {}
            }
        }
        let winners = world.done.iter().filter(|done| done[0] > 0).count();
        assert!(winners <= 1, "seed {seed}: two winners");
    }
}

fn heard(protocol: &mut Protocol, all: impl IntoIterator<Item = Heard>) {
    for one in all {
        protocol.hear(one);
    }
}

#[test]
fn the_order_is_intent_check_send_look_settle() {
    let mut protocol = Protocol::new([request(0, 0)]);
    let taken = Receipt::Committed { commit: Raw::from("c0ffee"), rebuilt: 2 };
    assert_eq!(protocol.next(), Some(Act::Intend(0)));
    protocol.hear(Heard::Kept);
    assert_eq!(protocol.next(), Some(Act::Check(0, request(0, 0))));
    protocol.hear(Heard::Fits);
    assert_eq!(protocol.next(), Some(Act::Send(0, request(0, 0))));
    protocol.hear(Heard::Answered(Answer::Taken(taken.clone())));
    assert_eq!(protocol.next(), Some(Act::Look(0, request(0, 0), 0)));
    protocol.hear(Heard::Found(Found::Done(Receipt::Accepted)));
    assert_eq!(protocol.next(), Some(Act::Settle(0, Settled::Done(taken))));
    protocol.hear(Heard::Kept);
    assert_eq!(protocol.next(), Some(Act::Close(Ended::Sent)));
    protocol.hear(Heard::Kept);
    assert_eq!(protocol.next(), None);
}

#[test]
fn wrong_answers_in_wrong_orders_move_nothing() {
    let begins = || Protocol::new([request(0, 0)]);
    for wrong in
        [Heard::Fits, Heard::Answered(Answer::Taken(Receipt::Applied)), Heard::Found(Found::Done(Receipt::Applied)), Heard::DoesNotFit(moved())]
    {
        let mut protocol = begins();
        protocol.hear(wrong.clone());
        assert_eq!(protocol, begins(), "{wrong:?} before the intent is on disk");
    }
    let mut protocol = begins();
    heard(&mut protocol, [Heard::NotKept(Safe::clean("no space left"))]);
    assert!(matches!(protocol.next(), Some(Act::Close(Ended::Failed(0, _)))), "what cannot be recorded is not sent");
}

#[test]
fn a_sync_takes_the_commit_of_the_same_plan_and_a_nudge_that_fails_is_no_failure() {
    let commit = request(0, 0);
    let sync = Mutation::Sync(crate::operations::mutation::Sync {
        target: Target { app: app_key("x"), project: Raw::default() },
        revision: None,
        prune: false,
    });
    let mut protocol = Protocol::new([commit, nudge(), sync]);
    let receipt = Receipt::Committed { commit: Raw::from("c0ffee"), rebuilt: 0 };
    heard(
        &mut protocol,
        [Heard::Kept, Heard::Fits, Heard::Answered(Answer::Taken(receipt.clone())), Heard::Found(Found::Done(receipt)), Heard::Kept],
    );
    heard(&mut protocol, [Heard::Kept, Heard::Fits, Heard::Answered(Answer::Refused(moved())), Heard::Kept]);
    heard(&mut protocol, [Heard::Kept, Heard::Fits]);
    let Some(Act::Send(2, Mutation::Sync(sync))) = protocol.next() else { panic!("{:?}", protocol.next()) };
    assert_eq!(sync.revision, Some(Raw::from("c0ffee")));
}

#[test]
fn a_nudge_that_was_never_sent_leaves_nothing_missing() {
    let resumed = |mutations: Vec<Mutation>| Protocol::resumed(mutations, vec![Receipt::Applied], false).ended().cloned();
    assert_eq!(resumed(vec![request(0, 0), nudge(), nudge()]), Some(Ended::Sent));
    assert!(matches!(resumed(vec![request(0, 0), nudge(), request(0, 1)]), Some(Ended::Failed(2, _))));
}

#[test]
fn a_patch_that_only_hastens_is_waited_for_and_missing_it_is_no_failure() {
    let key = crate::domain::workload::WorkloadKey {
        cluster: "prod".into(),
        namespace: "shop".into(),
        kind: crate::domain::workload::WorkloadKind::Rollout,
        name: "shop".into(),
    };
    let hasten = || Mutation::Patch(crate::operations::mutation::Patch { workload: key.clone(), status: true, awaits: true, operations: Vec::new() });
    let begun = || {
        let mut protocol = Protocol::new([hasten(), request(0, 1)]);
        protocol.hear(Heard::Kept);
        protocol
    };
    for (what, heard_then) in [
        ("it does not come", vec![Heard::DoesNotFit(moved()), Heard::Kept]),
        ("it came about without", vec![Heard::Found(Found::Done(Receipt::Applied)), Heard::Kept]),
        ("it is refused", vec![Heard::Fits, Heard::Answered(Answer::Refused(moved())), Heard::Kept]),
    ] {
        let mut protocol = begun();
        heard(&mut protocol, heard_then);
        assert_eq!(protocol.next(), Some(Act::Intend(1)), "{what}");
    }
    // Looking is no leave to send: only what was found done ends the wait.
    for found in [Found::NotDone, Found::Unknown(Safe::clean("not reached"))] {
        let mut protocol = begun();
        protocol.hear(Heard::Found(found));
        assert_eq!(protocol.next(), begun().next());
    }
    let resumed = |is_intended| Protocol::resumed([request(0, 0), hasten()], vec![Receipt::Applied], is_intended);
    assert_eq!(resumed(false).ended(), Some(&Ended::Sent));
    assert!(matches!(resumed(true).next(), Some(Act::Look(1, ..))));
}

#[test]
fn what_is_resumed_is_never_sent() {
    for (settled, is_intended) in [(0, false), (0, true), (1, false), (1, true), (2, false)] {
        let mutations = [request(0, 0), request(0, 1)];
        let mut protocol = Protocol::resumed(mutations, vec![Receipt::Applied; settled], is_intended);
        let mut acts = Vec::new();
        while let Some(act) = protocol.next() {
            acts.push(act.clone());
            protocol.hear(match act {
                Act::Look(..) => Heard::Found(Found::NotDone),
                Act::Intend(_) | Act::Settle(..) | Act::Close(_) => Heard::Kept,
                Act::Check(..) => Heard::Fits,
                Act::Send(..) => panic!("{settled} settled, intended {is_intended}: it was sent again"),
            });
        }
        assert!(matches!(acts.last(), Some(Act::Close(Ended::Sent))) == (settled == 2), "{acts:?}");
    }
}

#[test]
fn a_comparison_that_is_all_that_was_asked_for_is_done_or_is_not() {
    let mut protocol = Protocol::new([nudge()]);
    protocol.hear(Heard::Kept);
    protocol.hear(Heard::Fits);
    protocol.hear(Heard::Answered(Answer::Refused(moved())));
    protocol.hear(Heard::Kept);
    assert_eq!(protocol.ended(), Some(&Ended::Failed(0, moved())), "beside nothing else it is no nudge that may fail");
    let resumed = Protocol::resumed([nudge()], Vec::new(), false);
    assert!(matches!(resumed.ended(), Some(Ended::Failed(0, _))), "{resumed:?}");
}
