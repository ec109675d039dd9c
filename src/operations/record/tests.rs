//! Chains that were changed, cut, or put together from others; stories in the wrong order.

use proptest::prelude::*;
use serde_json::json;

use super::chain::{End, Fault, Hash, Verdict, verify};
use super::story::{Fate, Story};
use super::*;
use crate::base::Raw;
use crate::operations::mutation;

const ID: &str = "0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f";
const OTHER: &str = "0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c30";

fn id(text: &str) -> OperationId {
    OperationId::read(text).unwrap()
}

fn safe(text: &str) -> Safe {
    Safe::clean(text)
}

fn who() -> Who {
    Who { user: safe("ana"), uid: 1000, git: Some(safe("Ana <ana@acme.example>")), ..Who::default() }
}

fn whence() -> Whence {
    Whence { host: safe("bastion-1"), pid: 4711, tty: Some(safe("/dev/pts/3")), ssh: Some(safe("10.0.0.7")) }
}

fn opened() -> Entry {
    Entry::Opened(Box::new(Opened {
        who: who(),
        whence: whence(),
        program: safe("0.1.0"),
        direction: Direction::Risk,
        request: Requested::new("promote", safe("Promote checkout 2.14.3 to production")),
        service: Some(safe("checkout")),
        environments: vec![safe("production")],
        placements: vec![safe("production·eu")],
        clusters: vec![safe("prod-eu")],
        reason: Some(safe("the fix of \u{1b}[2J\u{202e}INC-1")),
        ticket: None,
        plan: Planned::default(),
        on_screen: vec![Fact { words: safe("production·eu runs 2.14.2"), source: safe("argocd main"), seen_at: Some(Timestamp::UNIX_EPOCH) }],
        confirmed: Confirmed::Typed { text: safe("checkout") },
        armed: None,
    }))
}

fn intent(step: u32) -> Entry {
    Entry::Intent { step, request: Requested::new("sync", safe("Sync it")) }
}

fn answered(step: u32, answer: &mutation::Answer) -> Entry {
    Entry::Answered { step, answer: answer.into() }
}

fn resumed() -> Entry {
    Entry::Resumed { who: Who { user: safe("ben"), ..who() }, whence: Whence { host: safe("bastion-2"), ..whence() }, torn_bytes: 0 }
}

fn closed(outcome: Outcome) -> Entry {
    Entry::Closed { outcome, words: safe("seen healthy"), left: vec![] }
}

fn unknown() -> mutation::Answer {
    mutation::Answer::Unknown(safe("no answer within 10 s"))
}

fn taken() -> mutation::Answer {
    mutation::Answer::Taken(mutation::Receipt::Committed { commit: Raw::from("7f3a"), rebuilt: 0 })
}

/// The bytes of each line of a chain with these entries.
fn written(operation: &str, entries: &[Entry]) -> Vec<Vec<u8>> {
    let mut end = End::nothing(Some(id(operation)));
    let mut lines = Vec::new();
    for entry in entries {
        let (line, next) = end.append(entry, Timestamp::UNIX_EPOCH).unwrap();
        lines.push(line);
        end = next;
    }
    lines
}

fn usual() -> Vec<Entry> {
    let words = Safe::clean("committed");
    vec![opened(), intent(0), answered(0, &taken()), Entry::Observed { rung: Rung::Committed, words }, closed(Outcome::Done)]
}

fn verdict(bytes: &[u8]) -> Verdict {
    verify(bytes, Some(&id(ID))).verdict
}

fn story(entries: &[Entry]) -> Result<Story, String> {
    let checked = verify(&written(ID, entries).concat(), Some(&id(ID)));
    assert_eq!(checked.verdict, Verdict::Intact);
    Story::of(&checked.lines).map(Option::unwrap).map_err(|(line, why)| format!("{line}: {why}"))
}

#[test]
fn what_is_written_is_read_again_and_a_line_has_the_shape_that_is_promised() {
    let lines = written(ID, &usual());
    let checked = verify(&lines.concat(), Some(&id(ID)));
    assert_eq!(checked.verdict, Verdict::Intact);
    assert_eq!(checked.lines.into_iter().map(|line| line.entry).collect::<Vec<_>>(), usual());
    let first: serde_json::Value = serde_json::from_slice(&lines[0]).unwrap();
    assert_eq!(
        (&first["version"], &first["operation"], &first["seq"], &first["previous"]),
        (&json!(1), &json!(ID), &json!(0), &json!("0".repeat(64)))
    );
    let text = String::from_utf8(lines[2].clone()).unwrap();
    let entry = r#""entry":{"kind":"answered","step":0,"answer":{"is":"taken","receipt":{"is":"committed","commit":"7f3a","rebuilt":0}}},"hash":""#;
    assert!(text.contains(entry), "{text}");
    assert!(!lines.concat().contains(&0x1b), "a journal can be looked at with cat");
    // Known from elsewhere: printf '' | sha256sum
    assert_eq!(Hash::of(b"").to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn a_cut_tail_is_torn_and_never_broken() {
    let lines = written(ID, &usual());
    let bytes = lines.concat();
    let mut whole = 0;
    let mut begins = vec![0];
    for line in &lines {
        whole += line.len();
        begins.push(whole);
    }
    for length in 0..=bytes.len() {
        let begin = *begins.iter().rfind(|begin| **begin <= length).unwrap();
        let expected = if begin == length { Verdict::Intact } else { Verdict::Torn { at: begin as u64 } };
        assert_eq!(verdict(&bytes[..length]), expected, "cut at {length}");
    }
}

#[test]
fn lines_that_are_taken_out_moved_or_put_in_are_found() {
    let lines = written(ID, &usual());
    let strange = written(OTHER, &usual());
    let broken = |line, why| Verdict::Broken { line, why };
    let changed = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        verdict(&lines.concat())
    };
    for at in 0..lines.len() - 1 {
        assert_eq!(changed(&|lines| drop(lines.remove(at))), broken(at as u64 + 1, Fault::Order), "without line {at}");
        assert_eq!(changed(&|lines| lines.swap(at, at + 1)), broken(at as u64 + 1, Fault::Order), "line {at} moved");
    }
    for at in 0..lines.len() {
        assert_eq!(changed(&|lines| lines.insert(at, lines[at].clone())), broken(at as u64 + 2, Fault::Order), "line {at} twice");
        assert_eq!(changed(&|lines| lines[at].clone_from(&strange[at])), broken(at as u64 + 1, Fault::Stranger), "line {at} of another operation");
    }
    // The whole chain of another operation under this one's name.
    assert_eq!(verdict(&strange.concat()), broken(1, Fault::Stranger));
    assert!(matches!(changed(&|lines| lines.insert(1, b"\n".to_vec())), Verdict::Broken { line: 2, why: Fault::Form(_) }));
    assert!(matches!(changed(&|lines| lines.insert(0, b"{}\n".to_vec())), Verdict::Broken { line: 1, why: Fault::Form(_) }));
}

#[test]
fn a_line_of_a_newer_version_is_named_as_such() {
    let body = format!(r#"{{"version":2,"operation":"{ID}","what":"comes later""#);
    let line = format!("{body},\"hash\":\"{}\"}}\n", Hash::of(body.as_bytes()));
    let Verdict::Broken { line: 1, why } = verdict(line.as_bytes()) else { panic!("it was read") };
    assert_eq!(why.to_string(), "was written by a newer tiphys (version 2 of the lines, this one knows 1)");
}

proptest! {
    #[test]
    fn any_byte_that_is_changed_is_found(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = written(ID, &usual()).concat();
        let last = bytes.len() - 1;
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        match verdict(&bytes) {
            Verdict::Broken { .. } => {}
            // The last break: the line before it is then not finished, and is not read.
            Verdict::Torn { .. } => prop_assert_eq!(at, last),
            Verdict::Intact => prop_assert!(false, "byte {} was changed", at),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = verdict(&bytes);
    }

    #[test]
    fn any_bytes_behind_a_chain_are_found(more in prop::collection::vec(any::<u8>(), 1..200)) {
        let bytes = written(ID, &usual()).concat();
        let length = bytes.len() as u64;
        let found = verdict(&[bytes, more].concat());
        let is_found = matches!(found, Verdict::Broken { line: 6, .. }) || found == Verdict::Torn { at: length };
        prop_assert!(is_found);
    }
}

#[test]
fn what_may_have_been_sent_stays_open_until_somebody_looked() {
    let looked = |step, found: &mutation::Found| Entry::Looked { step, found: found.into() };
    let done = mutation::Found::Done(mutation::Receipt::Accepted);
    let rows: [(&str, Vec<Entry>, Fate); 8] = [
        ("killed while it was sent", vec![], Fate::Open),
        ("no answer", vec![answered(0, &unknown())], Fate::Open),
        ("taken", vec![answered(0, &taken())], Fate::Done(Receipt::Committed { commit: safe("7f3a"), rebuilt: 0 })),
        (
            "refused",
            vec![answered(0, &mutation::Answer::Refused(mutation::Rejection { kind: mutation::No::Moved, why: safe("a"), cure: safe("b") }))],
            Fate::NotDone,
        ),
        ("no answer, then seen", vec![answered(0, &unknown()), looked(0, &done)], Fate::Done(Receipt::Accepted)),
        (
            "no answer, then known",
            vec![answered(0, &unknown()), resumed(), answered(0, &taken())],
            Fate::Done(Receipt::Committed { commit: safe("7f3a"), rebuilt: 0 }),
        ),
        ("killed, then seen not to be there", vec![resumed(), looked(0, &mutation::Found::NotDone)], Fate::NotDone),
        ("killed, and still not known", vec![resumed(), looked(0, &mutation::Found::Unknown(safe("nobody answers")))], Fate::Open),
    ];
    for (what, more, fate) in rows {
        let story = story(&[vec![opened(), intent(0)], more].concat()).unwrap();
        assert_eq!(story.intents[0].fate(), fate, "{what}");
        assert_eq!((story.open_intents().count() == 1, story.is_open()), (fate == Fate::Open, true), "{what}");
    }
}

#[test]
fn a_story_knows_who_holds_it_and_whether_it_is_over() {
    let open = story(&[opened()]).unwrap();
    assert_eq!(
        (open.holder.words().as_str(), open.standing().as_str()),
        ("ana on bastion-1 (process 4711, from 10.0.0.7)", "open: nothing was sent")
    );
    let left = Entry::Left { goes_on: vec![safe("the sync")], does_not: vec![] };
    let story_of = |more: &[Entry]| story(&[&[opened(), intent(0), answered(0, &taken())], more].concat());
    let over = story_of(&[left.clone(), resumed(), closed(Outcome::Done)]).unwrap();
    assert_eq!((over.holder.whence.host.as_str(), over.is_left, over.is_open()), ("bastion-2", false, false));
    assert_eq!(over.standing().as_str(), "done: seen healthy");
    assert!(story_of(&[left]).unwrap().is_left);
    // An unknown end is not the end: somebody may find out.
    assert!(story_of(&[closed(Outcome::Unknown)]).unwrap().is_open());
    assert!(!story_of(&[closed(Outcome::Unknown), resumed(), closed(Outcome::Done)]).unwrap().is_open());
}

#[test]
fn lines_in_an_order_that_cannot_be_are_found() {
    let ended = Entry::Begun { id: id(ID) };
    for (entries, expected) in [
        (vec![intent(0)], "1: cannot stand here: an operation begins with what was confirmed"),
        (vec![opened(), opened()], "2: cannot stand here: an operation is confirmed once"),
        (vec![opened(), intent(0), intent(0)], "3: cannot stand here: a step is sent once"),
        (vec![opened(), answered(0, &taken())], "2: cannot stand here: no such step was about to be sent"),
        (vec![opened(), intent(0), answered(0, &taken()), answered(0, &unknown())], "4: cannot stand here: what became of a step is known already"),
        (vec![opened(), intent(0), Entry::Sent { words: safe("sent") }], "3: cannot stand here: it is not known whether everything was taken"),
        (vec![opened(), closed(Outcome::Done), intent(0)], "3: cannot stand here: the operation is over"),
        (vec![opened(), closed(Outcome::Failed), resumed()], "3: cannot stand here: the operation is over"),
        (vec![opened(), closed(Outcome::Unknown), intent(0)], "3: cannot stand here: the operation is over"),
        (vec![opened(), ended], "2: cannot stand here: it belongs into the index"),
    ] {
        assert_eq!(story(&entries).unwrap_err(), expected);
    }
}

#[test]
fn a_request_is_kept_with_all_that_it_needs_to_be_done_by_hand() {
    use crate::domain::workload::{WorkloadKey, WorkloadKind};
    use crate::operations::mutation::{Mutation, Operation, Patch};
    let workload =
        WorkloadKey { cluster: "prod-eu".into(), namespace: "shop".into(), kind: WorkloadKind::Rollout, name: Raw::from("checkout\u{1b}") };
    let operation = |op, value| Operation { op, path: "/status/abort".to_owned(), value };
    let operations = vec![operation("test", Some(json!(false))), operation("add", Some(json!(true))), operation("remove", None)];
    let kept =
        Requested::of(&Mutation::Patch(Patch { workload, status: true, awaits: false, operations }), &id("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f"));
    let parts: Vec<String> = kept.parts.iter().map(|part| format!("{} = {}", part.name, part.value)).collect();
    let (by_hand, parts) = parts.split_last().unwrap();
    let expected = [
        "cluster = prod-eu",
        "namespace = shop",
        "kind = Rollout",
        "name = checkout\u{fffd}",
        "status = true",
        "test = /status/abort false",
        "add = /status/abort true",
        "remove = /status/abort",
    ];
    assert_eq!((kept.what.as_str(), parts), ("patch", expected.map(str::to_owned).as_slice()));
    assert!(by_hand.starts_with("by_hand = kubectl --context prod-eu"), "{by_hand}");
}

#[test]
fn only_what_was_done_and_watched_without_a_break_tells_how_long_it_takes() {
    let sample = |entries: &[Entry]| crate::operations::expected::Sample::of(&story(entries).unwrap());
    let took = sample(&usual()).unwrap();
    assert_eq!((took.service.0.as_wire(), took.to.0.as_wire()), ("checkout", "production"));
    let with_end = |more: &[Entry]| [&usual()[..4], more].concat();
    assert_eq!(sample(&with_end(&[])), None, "it is open");
    assert_eq!(sample(&with_end(&[closed(Outcome::Failed)])), None);
    assert_eq!(sample(&with_end(&[resumed(), closed(Outcome::Done)])), None, "nobody looked when it got there");
    let left = Entry::Left { goes_on: Vec::new(), does_not: Vec::new() };
    assert_eq!(sample(&with_end(&[left, closed(Outcome::Done)])), None);
}
