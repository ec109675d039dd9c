//! What `tiphys journal` prints of journals that were written by the pen itself.

use serde_json::Value;

use super::*;
use crate::execution::journal::Writer;
use crate::operations::record::{
    Answer, Changed, Confirmed, Direction, Entry, Fact, File, Found, Opened, Planned, Receipt, Requested, Rung, Span, Whence, Who,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_795_271_527 + seconds, 0).unwrap()
}

fn id(number: u8) -> OperationId {
    OperationId::read(&format!("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c{number:02x}")).unwrap()
}

fn safe(text: &str) -> Safe {
    Safe::clean(text)
}

fn who() -> Who {
    let git = Some(safe("Ana <ana@acme.example>"));
    Who { user: safe("ana"), uid: 1000, sudo: None, git, argocd: vec![safe("main: ana@acme.example")] }
}

fn whence() -> Whence {
    Whence { host: safe("bastion-1"), pid: 4711, tty: Some(safe("/dev/pts/3")), ssh: Some(safe("10.0.0.7")) }
}

fn opened(service: &str) -> Opened {
    let line = |comes, text| Changed { number: 4, comes, text: safe(text) };
    let push = safe("Push 'promote(production): checkout 2.14.3' to main of gitops");
    Opened {
        who: who(),
        whence: whence(),
        program: safe("0.1.0"),
        direction: Direction::Risk,
        request: Requested::new("promote", crate::safe!("Promote {service} 2.14.3 to production")).with("version", safe("2.14.3")),
        service: Some(safe(service)),
        environments: vec![safe("production")],
        placements: vec![safe("production·eu"), safe("production·us")],
        clusters: vec![safe("prod-eu"), safe("prod-us")],
        reason: Some(safe("the fix of the timeouts that customers have seen since Tuesday, as agreed with the team")),
        ticket: Some(safe("INC-123")),
        plan: Planned {
            steps: vec![safe("Push a commit to main of gitops"), safe("Tell Argo CD to look at argocd/checkout-production-eu")],
            files: vec![File {
                file: safe("apps/checkout/overlays/production-eu/kustomization.yaml"),
                lines: vec![line(false, "    newTag: \"2.14.2\""), line(true, "    newTag: \"2.14.3\"")],
            }],
            message: vec![safe("promote(production): checkout 2.14.3"), Safe::default(), safe("Promoted-From: staging")],
            requests: vec![Requested::new("commit", push)],
            preconditions: vec![safe("apps/checkout/overlays/production-eu/kustomization.yaml on main in gitops is 7f3a9c")],
            remarks: vec![safe("Two other commits come with the next sync.")],
            not_known: vec![safe("digest: the image reference names none")],
        },
        on_screen: vec![
            Fact { words: safe("production·eu runs 2.14.2, healthy"), source: safe("argocd main"), seen_at: Some(at(-4)) },
            Fact { words: safe("staging runs 2.14.3, healthy for 26 min"), source: safe("argocd main"), seen_at: None },
        ],
        confirmed: Confirmed::Typed { text: safe("checkout") },
        armed: Some(Span { since: Some(at(-60)), until: at(840) }),
    }
}

fn write(writer: &mut Writer, entries: Vec<(i64, Entry)>) {
    for (seconds, entry) in entries {
        writer.append(&entry, at(seconds)).unwrap();
    }
}

fn push() -> Entry {
    Entry::Intent { step: 0, request: opened("checkout").plan.requests[0].clone() }
}

/// Operation 1 of checkout, with all there is, done; operation 2 of payments, where nobody knows what became of the push.
fn usual() -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(&folder.path().join("journal"));
    let committed = || Receipt::Committed { commit: safe("7f3a9c0e"), rebuilt: 1 };
    let observed = |rung, words| Entry::Observed { rung, words: safe(words) };
    write(
        &mut journal.create(&id(1), opened("checkout"), at(0)).unwrap(),
        vec![
            (1, push()),
            (11, Entry::Answered { step: 0, answer: Answer::Unknown { why: safe("no answer within 10 s") } }),
            (12, Entry::Left { goes_on: vec![safe("the sync, if the commit is there")], does_not: vec![safe("the verification")] }),
            (95, Entry::Resumed { who: Who { user: safe("ben"), ..who() }, whence: Whence { ssh: None, ..whence() }, torn_bytes: 17 }),
            (96, Entry::Looked { step: 0, found: Found::Done { receipt: committed() } }),
            (96, Entry::Sent { words: safe("all of it was taken") }),
            (97, observed(Rung::Committed, "the commit 7f3a9c0e is on main")),
            (120, observed(Rung::Stepping, "production·eu: step 3 of 9, 20 %")),
            (400, observed(Rung::Verified, "2.14.3 was seen healthy in production·eu and production·us")),
            (401, Entry::Closed { outcome: Outcome::Done, words: safe("2.14.3 was seen healthy in production"), left: vec![safe("close INC-123")] }),
        ],
    );
    write(&mut journal.create(&id(2), opened("payments"), at(3600)).unwrap(), vec![(3601, push())]);
    let (environment, until) = (safe("production"), at(900));
    journal.record(&Entry::Armed { who: who(), whence: whence(), environment: environment.clone(), until }, at(0)).unwrap();
    journal.record(&Entry::Disarmed { who: who(), environment, why: safe("the time was over") }, until).unwrap();
    (folder, journal)
}

fn holds(value: &impl Serialize) {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/journal.schema.json")).unwrap();
    let value = serde_json::to_value(value).unwrap();
    if let Err(error) = jsonschema::validate(&schema, &value) {
        panic!("does not follow its schema: {error}\n{value:#}");
    }
}

#[test]
fn an_operation_is_told_as_a_story_in_80_columns() {
    let (folder, journal) = usual();
    let told = story(&journal.read(&id(1)).unwrap());
    let told = told.replace(&format!("{}/", folder.path().display()), "…/");
    insta::assert_snapshot!(told);
    assert!(told.lines().all(|line| line.chars().count() <= WIDTH || line.contains("kustomization.yaml")), "{told}");
}

#[test]
fn the_list_says_what_is_open_first_of_all() {
    let (folder, journal) = usual();
    let told = |since, service, open| list_text(&list(&journal, since, service, open).unwrap(), journal.folder());
    let payments = "2026-11-21 15:32Z  6f1f7c02  ana: Promote payments 2.14.3 to production\n                             \
                    open: something may have been sent, and nobody\n                             knows what became of it\n";
    let checkout = "2026-11-21 14:32Z  6f1f7c01  ana: Promote checkout 2.14.3 to production\n                             \
                    done: 2.14.3 was seen healthy in production\n";
    assert_eq!(told(None, None, false), format!("{payments}{checkout}"));
    assert_eq!(told(Some(at(402)), None, false), payments);
    assert_eq!(told(None, Some("checkout"), false), checkout);
    assert_eq!(told(None, None, true), payments);
    assert!(told(None, Some("search"), false).starts_with("No such operation is in the journal, which is in "));
    // A file that cannot be read is in every list.
    std::fs::write(folder.path().join("journal").join(format!("{}.jsonl", id(1))), "{}\n").unwrap();
    let told = told(Some(at(402)), Some("payments"), false);
    assert!(told.starts_with("?                 6f1f7c01  cannot be read: NOT INTACT: line 1 is no line of a"), "{told}");
}

#[test]
fn an_operation_is_found_by_either_end_of_its_id() {
    let (_folder, journal) = usual();
    for (wanted, number) in [("last", 2), (id(1).as_str(), 1), ("6f1f7c01", 1), ("7c01", 1)] {
        assert_eq!(find(&journal, wanted).unwrap(), id(number), "{wanted}");
    }
    let refused = |wanted| find(&journal, wanted).unwrap_err().to_string();
    assert_eq!(refused("0195a3c8"), "'0195a3c8' may be any of 2 operations: give more of the id");
    assert_eq!(refused("\u{1b}[31m"), "there is no operation '\u{fffd}[31m': tiphys journal list names those there are");
    assert_eq!(refused(""), "there is no operation '': tiphys journal list names those there are");
}

#[test]
fn json_follows_its_schema() {
    let (_folder, journal) = usual();
    let broken = journal.folder().join(format!("{}.jsonl", id(3)));
    drop(journal.create(&id(3), opened("search"), at(0)).unwrap());
    std::fs::write(&broken, std::fs::read_to_string(&broken).unwrap().replace("search", "hidden")).unwrap();
    let reads = list(&journal, None, None, false).unwrap();
    holds(&List { version: 1, at: at(0), operations: reads.iter().map(|(id, read)| Listed::of(id, read)).collect() });
    for (_, read) in &reads {
        holds(&Shown::of(read.as_ref().unwrap()));
    }
    for line in export(&journal, None).unwrap().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        holds(&serde_json::from_slice::<Value>(line).unwrap());
    }
}

#[test]
fn an_export_is_every_line_to_the_byte() {
    let (folder, journal) = usual();
    let path = journal.folder().join(format!("{}.jsonl", id(2)));
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"version\":1,\"op");
    std::fs::write(&path, &text).unwrap();
    let exported = String::from_utf8(export(&journal, None).unwrap()).unwrap();
    for name in [INDEX.to_owned(), format!("{}.jsonl", id(1)), format!("{}.jsonl", id(2))] {
        let start = format!("{{\"file\":\"{name}\",\"line\":");
        let lines: String =
            exported.lines().filter_map(|line| line.strip_prefix(&start)?.strip_suffix('}')).map(|line| line.to_owned() + "\n").collect();
        let torn = "{\"version\":1,\"op";
        assert_eq!(lines, std::fs::read_to_string(journal.folder().join(&name)).unwrap().trim_end_matches(torn), "{name}");
    }
    assert!(exported.ends_with(&format!("{{\"file\":\"{}.jsonl\",\"torn\":\"{{\\\"version\\\":1,\\\"op\"}}\n", id(2))), "{exported}");
    let late = String::from_utf8(export(&journal, Some(at(402))).unwrap()).unwrap();
    assert_eq!((late.contains(&format!("{}.jsonl", id(1))), late.contains(&format!("{}.jsonl", id(2)))), (false, true), "by the time");
    let file = folder.path().join("export.jsonl");
    save(&file, exported.as_bytes()).unwrap();
    assert!(save(&file, b"").unwrap_err().to_string().contains("cannot write"), "over none that is there");
}
