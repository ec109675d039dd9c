//! What confirms, and above all what does not.

use super::*;
use crate::base::time::later;
use crate::operations::tests::{World, to};

const SHOWN: Timestamp = Timestamp::constant(7_200, 0);

fn plan(direction: Direction) -> Plan {
    Plan { direction, ..World::new().plan(&to("production")).unwrap() }
}

fn after(milliseconds: u64) -> Timestamp {
    later(SHOWN, Duration::from_millis(milliseconds))
}

const SLOW: Duration = Duration::from_millis(300);

fn typed(confirmation: &mut Confirmation, text: &str, at: Timestamp) {
    text.chars().for_each(|letter| confirmation.letter(letter, at));
}

#[test]
fn the_name_and_a_quiet_enter_confirm_and_nothing_less() {
    let plan = plan(Direction::Risk);
    for (what, text, at, quiet, said) in [
        ("the name, in a burst", "checkout", 400, 150, None),
        ("before it was seen", "checkout", 399, 300, Some(Said::TooSoon)),
        ("Enter in the same burst", "checkout", 400, 149, Some(Said::TooFast)),
        ("Enter at once", "checkout", 400, 0, Some(Said::TooFast)),
        ("a part of it", "checkou", 400, 300, Some(Said::NotTheName)),
        ("nothing", "", 400, 300, Some(Said::NotTheName)),
        ("another", "payments", 400, 300, Some(Said::NotTheName)),
    ] {
        let mut confirmation = Confirmation::of(&plan, SHOWN);
        typed(&mut confirmation, text, after(at));
        let confirmed = confirmation.entered(Duration::from_millis(quiet), &plan, after(at.max(400)));
        let refused = if at < 400 { Some(Said::NotTheName) } else { said };
        assert_eq!((confirmed.is_some(), confirmation.said()), (said.is_none(), refused), "{what}");
    }
    let mut confirmation = Confirmation::of(&plan, SHOWN);
    assert!(confirmation.entered(SLOW, &plan, after(399)).is_none());
    assert_eq!(confirmation.said(), Some(Said::TooSoon));
    assert!(confirmation.entered(SLOW, &plan, after(0)).is_none());
    assert!(confirmation.entered(SLOW, &plan, later(Timestamp::UNIX_EPOCH, SLOW)).is_none(), "the clock stepped back");
}

#[test]
fn only_the_next_letter_of_the_name_is_taken() {
    let plan = plan(Direction::Risk);
    let mut confirmation = Confirmation::of(&plan, SHOWN);
    typed(&mut confirmation, "chxeckQout", after(500));
    assert_eq!((confirmation.typed(), confirmation.said()), ("checkout", None));
    confirmation.letter('t', after(500));
    assert_eq!((confirmation.typed(), confirmation.said()), ("checkout", Some(Said::NotTheName)));
    confirmation.erased();
    assert_eq!(confirmation.typed(), "checkou");
}

#[test]
fn toward_safety_the_second_key_is_enough_but_not_in_a_burst() {
    let plan = plan(Direction::Safety);
    let mut confirmation = Confirmation::of(&plan, SHOWN);
    assert!(confirmation.entered(Duration::from_millis(20), &plan, after(500)).is_none());
    assert!(confirmation.entered(SLOW, &plan, after(300)).is_none());
    assert_eq!(confirmation.entered(SLOW, &plan, after(500)).unwrap().how(), &How::TwoKeys);
}

#[test]
fn another_plan_and_a_paste_void_what_was_typed() {
    let plan = plan(Direction::Risk);
    let mut confirmation = Confirmation::of(&plan, SHOWN);
    typed(&mut confirmation, "checkout", after(500));
    confirmation.changed(&plan, Differs { bytes: true, ..Differs::default() }, after(600));
    assert_eq!((confirmation.typed(), confirmation.deaf_until(after(600))), ("", Some(after(1_000))));
    assert!(confirmation.entered(SLOW, &plan, after(999)).is_none());
    typed(&mut confirmation, "check", after(1_100));
    confirmation.pasted();
    typed(&mut confirmation, "out", after(1_200));
    assert_eq!(confirmation.typed(), "");
}

#[test]
fn a_name_beyond_ascii_is_typed_as_it_is_escaped() {
    let plan = Plan { service: "chеckout".into(), ..plan(Direction::Risk) };
    let confirmation = Confirmation::of(&plan, SHOWN);
    assert_eq!(*confirmation.needs(), Needs::Text(Safe::clean("ch\\u{435}ckout")));
}

/// Chance that a seed decides.
fn dice(state: &mut u64, sides: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % sides
}

/// Whatever arrives in one piece, however it is cut: pastes with and without brackets, the name among it, Enter anywhere. Between two bytes of one piece
/// there is never a pause of [`QUIET`].
#[test]
fn a_million_hostile_pastes_and_bursts_confirm_nothing() {
    let plans = [plan(Direction::Risk), plan(Direction::Safety)];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..1_000_000_u64 {
        let plan = if round % 4 == 0 { &plans[1] } else { &plans[0] };
        let mut confirmation = Confirmation::of(plan, SHOWN);
        let mut at = 400 + dice(&mut state, 2_000);
        let pieces = 1 + dice(&mut state, 4);
        // A key before the burst may have been long ago: only the first of a piece can come after a pause, and the first is no Enter.
        for _ in 0..pieces {
            match dice(&mut state, 4) {
                0 => typed(&mut confirmation, "checkout", after(at)),
                1 => confirmation.pasted(),
                2 => confirmation.letter(char::from(b'a' + u8::try_from(dice(&mut state, 26)).unwrap()), after(at)),
                _ => typed(&mut confirmation, "checkout\u{1b}[201~checkout", after(at)),
            }
            let gap = dice(&mut state, 150);
            at += gap;
            assert!(confirmation.entered(Duration::from_millis(gap), plan, after(at)).is_none(), "round {round}");
        }
    }
}
