//! Real files: cut, changed, taken away, locked by another process, on a full disk.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use super::*;
use crate::operations::record::{Answer, Confirmed, Direction, Planned, Receipt, Requested};

const AT: Timestamp = Timestamp::UNIX_EPOCH;
/// The folder that a child process of a test works in.
const FOLDER: &str = "TIPHYS_TEST_JOURNAL";

pub(super) fn id(number: u8) -> OperationId {
    OperationId::read(&format!("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c{number:02x}")).unwrap()
}

fn safe(text: &str) -> Safe {
    Safe::clean(text)
}

fn who() -> Who {
    Who { user: safe("ana"), uid: 1000, ..Who::default() }
}

fn whence() -> Whence {
    Whence { host: safe("bastion-1"), pid: std::process::id(), ..Whence::default() }
}

pub(super) fn opened() -> Opened {
    Opened {
        who: who(),
        whence: whence(),
        program: safe("0.1.0"),
        direction: Direction::Risk,
        request: Requested::new("promote", safe("Promote checkout 2.14.3 to production")),
        service: Some(safe("checkout")),
        environments: vec![safe("production")],
        placements: Vec::new(),
        clusters: Vec::new(),
        reason: None,
        ticket: None,
        plan: Planned::default(),
        on_screen: Vec::new(),
        confirmed: Confirmed::Typed { text: safe("checkout") },
        armed: None,
    }
}

pub(super) fn intent(step: u32) -> Entry {
    Entry::Intent { step, request: Requested::new("sync", safe("Sync it")) }
}

pub(super) fn answered(step: u32) -> Entry {
    Entry::Answered { step, answer: Answer::Taken { receipt: Receipt::Accepted } }
}

pub(super) fn closed(outcome: Outcome) -> Entry {
    Entry::Closed { outcome, words: safe("seen healthy"), left: Vec::new() }
}

/// A folder and a journal in it that is not made yet.
fn empty() -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(&folder.path().join("journal"));
    (folder, journal)
}

/// The same with operation 1, done, and operation 2, which was about to send something.
fn usual() -> (tempfile::TempDir, Journal) {
    let (folder, journal) = empty();
    write(&mut journal.create(&id(1), opened(), AT).unwrap(), &[intent(0), answered(0), closed(Outcome::Done)]);
    write(&mut journal.create(&id(2), opened(), AT).unwrap(), &[intent(0)]);
    (folder, journal)
}

fn write(writer: &mut Writer, entries: &[Entry]) {
    for entry in entries {
        writer.append(entry, AT).unwrap();
    }
}

/// What is told, with the names of files shortened.
fn told(journal: &Journal) -> Vec<String> {
    let place = format!("{}/", journal.folder.display());
    let line = |finding: &Finding| finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let bad = |finding: &Finding| if finding.is_bad { "BAD " } else { "" };
    let found = journal.verify(None).unwrap();
    let tell = |finding: &Finding| format!("{}{}{} {}", bad(finding), finding.file, line(finding), finding.words);
    found.findings.iter().map(|finding| tell(finding).replace(&place, "").replace("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c", "")).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn change(path: &Path, change: impl FnOnce(String) -> String) {
    fs::write(path, change(fs::read_to_string(path).unwrap())).unwrap();
}

#[test]
fn what_is_written_can_be_read_and_is_nobody_elses() {
    let (_folder, journal) = usual();
    assert_eq!((mode(&journal.folder), mode(&journal.file(&id(1))), mode(&journal.folder.join(INDEX))), (0o700, 0o600, 0o600));
    assert_eq!(journal.operations().unwrap(), [id(1), id(2)]);
    let first = journal.read(&id(1)).unwrap();
    assert_eq!((first.checked.lines.len(), first.checked.verdict, first.story.unwrap().is_open()), (4, Verdict::Intact, false));
    let open = journal.open().unwrap();
    assert_eq!((open.len(), &open[0].0), (1, &id(2)));
    assert_eq!(open[0].1.as_ref().unwrap().story.as_ref().unwrap().open_intents().count(), 1);
    let found = journal.verify(None).unwrap();
    assert_eq!((found.operations, found.lines, found.findings), (2, 9, vec![]));
    assert_eq!(journal.create(&id(1), opened(), AT).unwrap_err().kind, Kind::Exists);
    assert_eq!(journal.resume(&id(1), who(), whence(), AT).unwrap_err().kind, Kind::Over);
    assert_eq!(journal.resume(&id(9), who(), whence(), AT).unwrap_err().kind, Kind::Missing);
}

#[test]
fn a_journal_that_is_not_there_is_empty() {
    let (_folder, journal) = empty();
    assert_eq!((journal.operations().unwrap(), journal.open().unwrap().len()), (vec![], 0));
    assert_eq!(journal.verify(None).unwrap(), Findings::default());
    assert_eq!(journal.verify(Some(&id(1))).unwrap_err().kind, Kind::Missing);
}

#[test]
fn wherever_a_process_was_killed_its_operation_is_gone_on_with() {
    let (_folder, journal) = empty();
    write(&mut journal.create(&id(1), opened(), AT).unwrap(), &[intent(0), answered(0), intent(1)]);
    let path = journal.file(&id(1));
    let whole = fs::read(&path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in (first..=whole.len()).rev().step_by(7) {
        fs::write(&path, &whole[..length]).unwrap();
        let _ = fs::remove_file(path.with_extension("torn"));
        let before = journal.read(&id(1)).unwrap();
        let torn = match before.checked.verdict {
            Verdict::Torn { at } => whole[usize::try_from(at).unwrap()..length].to_vec(),
            Verdict::Intact => Vec::new(),
            Verdict::Broken { .. } => panic!("cut at {length}"),
        };
        let mut writer = journal.resume(&id(1), who(), whence(), AT).unwrap();
        write(&mut writer, &[closed(Outcome::Unknown)]);
        let after = journal.read(&id(1)).unwrap();
        assert_eq!((after.checked.verdict, after.checked.lines.len()), (Verdict::Intact, before.checked.lines.len() + 2), "cut at {length}");
        let Entry::Resumed { torn_bytes, .. } = after.checked.lines[before.checked.lines.len()].entry else { panic!("not resumed") };
        assert_eq!(torn_bytes, torn.len() as u64);
        let kept = fs::read(path.with_extension("torn")).unwrap_or_default();
        assert_eq!(kept.strip_suffix(b"\n").unwrap_or_default(), torn, "nothing is thrown away");
    }
}

#[test]
fn the_index_goes_on_after_a_line_that_was_never_finished() {
    let (_folder, journal) = usual();
    let path = journal.folder.join(INDEX);
    let before = fs::read(&path).unwrap();
    for cut in 1..before.len() {
        fs::write(&path, &before[..cut]).unwrap();
        let armed = Entry::Armed { who: who(), whence: whence(), environment: safe("production"), until: AT };
        journal.record(&armed, AT).unwrap();
        let (_, checked) = journal.read_index().unwrap();
        assert_eq!((checked.verdict, &checked.lines.last().unwrap().entry), (Verdict::Intact, &armed), "cut at {cut}");
    }
}

#[test]
fn a_long_line_of_the_index_is_gone_on_after_too() {
    let (_folder, journal) = usual();
    let long =
        Entry::Disarmed { who: Who { argocd: vec![safe(&"x".repeat(4000)); 40], ..who() }, environment: safe("production"), why: safe("over") };
    for _ in 0..3 {
        journal.record(&long, AT).unwrap();
    }
    let (_, checked) = journal.read_index().unwrap();
    assert_eq!((checked.verdict, checked.lines.len()), (Verdict::Intact, 6));
}

#[test]
fn what_was_changed_or_is_gone_is_found_and_named() {
    type Change = fn(&Journal);
    let rows: [(Change, &[&str]); 9] = [
        (
            |journal| change(&journal.file(&id(1)), |text| text.replace("2.14.3", "2.14.4")),
            &["BAD 01.jsonl:1 was changed: its bytes are not those that its hash was taken of"],
        ),
        (|journal| fs::remove_file(journal.file(&id(1))).unwrap(), &["BAD 01.jsonl is gone: the index says that the operation was begun"]),
        (
            |journal| change(&journal.file(&id(1)), |text| text.split_inclusive('\n').take(2).collect()),
            &["BAD 01.jsonl has 2 lines: by the index the operation ended with line 4"],
        ),
        (|journal| change(&journal.file(&id(1)), |_| String::new()), &["BAD 01.jsonl has 0 lines: by the index the operation ended with line 4"]),
        (
            |journal| change(&journal.file(&id(2)), |_| String::new()),
            &["BAD 02.jsonl has no whole line: the index says that the operation was begun"],
        ),
        (
            |journal| change(&journal.folder.join(INDEX), |text| text.split_inclusive('\n').take(2).collect()),
            &["BAD 02.jsonl is not in the index, and something was sent: lines of the index are gone"],
        ),
        (
            // Another chain, whole in itself, under the name of the first.
            |journal| {
                let other = Journal::at(&journal.folder.join("other"));
                write(&mut other.create(&id(1), opened(), AT).unwrap(), &[intent(0), intent(1), closed(Outcome::Done)]);
                fs::rename(other.file(&id(1)), journal.file(&id(1))).unwrap();
                fs::remove_dir_all(&other.folder).unwrap();
            },
            &["BAD 01.jsonl:4 is not the line with which the operation ended, by the index"],
        ),
        (
            |journal| change(&journal.file(&id(2)), |text| format!("{text}{{\"version\":1,")),
            &["02.jsonl ends in a line that was never finished; what came before it is whole"],
        ),
        (|journal| fs::write(journal.folder.join("notes.txt"), "x").unwrap(), &["notes.txt is no file of the journal"]),
    ];
    for (row, (change, expected)) in rows.into_iter().enumerate() {
        let (_folder, journal) = usual();
        change(&journal);
        assert_eq!(told(&journal), expected, "row {row}");
        assert_eq!(journal.verify(None).unwrap().is_intact(), !expected[0].starts_with("BAD"), "row {row}");
    }
    let (_folder, journal) = usual();
    change(&journal.file(&id(2)), |text| text.replace("\"step\":0", "\"step\":1"));
    let told = journal.resume(&id(2), who(), whence(), AT).unwrap_err();
    assert_eq!(told.kind, Kind::Broken);
    assert!(told.to_string().contains(&format!("{}.jsonl: line 2 was changed", id(2))), "{told}");
}

#[test]
fn a_process_that_ended_between_the_file_and_the_index_is_no_alarm() {
    let (_folder, journal) = empty();
    drop(journal.create(&id(1), opened(), AT).unwrap());
    fs::remove_file(journal.folder.join(INDEX)).unwrap();
    assert_eq!(told(&journal), ["01.jsonl is not in the index: the process ended before anything was sent"]);
    let mut writer = journal.resume(&id(1), who(), whence(), AT).unwrap();
    assert_eq!(told(&journal), [""; 0], "it is listed now");
    let index = fs::read(journal.folder.join(INDEX)).unwrap();
    write(&mut writer, &[intent(0), answered(0), closed(Outcome::Done)]);
    fs::write(journal.folder.join(INDEX), index).unwrap();
    assert_eq!(told(&journal), ["01.jsonl is closed, and the index does not say so: the process ended between the two"]);
    assert_eq!(journal.open().unwrap().len(), 0);
}

#[test]
fn what_others_could_read_or_exchange_is_not_written_to() {
    let (_folder, journal) = usual();
    let refused = |what: &str, cure: &str| {
        let problem = journal.resume(&id(2), who(), whence(), AT).unwrap_err();
        assert_eq!(problem.kind, Kind::Unsafe);
        assert!(problem.found.as_str().contains(what) && problem.cure.as_str().contains(cure), "{problem}");
    };
    let path = journal.file(&id(2));
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    refused("may be used by others (mode 640)", "chmod 600");
    assert!(told(&journal)[0].starts_with("BAD 02.jsonl cannot be read: "));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&journal.folder, Permissions::from_mode(0o755)).unwrap();
    refused("may be used by others (mode 755)", "chmod 700");
    assert_eq!(journal.create(&id(3), opened(), AT).unwrap_err().kind, Kind::Unsafe);
    fs::set_permissions(&journal.folder, Permissions::from_mode(0o700)).unwrap();
    let elsewhere = journal.folder.join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    refused("is a symbolic link", "remove it");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(journal.resume(&id(2), who(), whence(), AT).is_err());
    let linked = Journal::at(&journal.folder.join("linked"));
    symlink(&journal.folder, &linked.folder).unwrap();
    assert_eq!(linked.create(&id(4), opened(), AT).unwrap_err().kind, Kind::Unsafe);
}

#[test]
fn after_a_write_that_failed_nothing_more_is_written() {
    let (_folder, journal) = empty();
    let mut writer = journal.create(&id(1), opened(), AT).unwrap().on(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let problem = writer.append(&intent(0), AT).unwrap_err();
    assert_eq!(problem.kind, Kind::Full);
    assert!(problem.cure.as_str().contains("make room") && writer.poison() == Some(&problem), "{problem}");
    let mut writer = writer.on(File::create(journal.folder.join("room")).unwrap());
    assert_eq!(writer.append(&intent(0), AT).unwrap_err().kind, Kind::Poisoned);
    assert_eq!(fs::metadata(journal.folder.join("room")).unwrap().len(), 0);
}

#[test]
fn an_entry_that_cannot_come_next_is_refused_and_changes_nothing() {
    let (_folder, journal) = empty();
    let mut writer = journal.create(&id(1), opened(), AT).unwrap();
    let before = fs::read(journal.file(&id(1))).unwrap();
    assert_eq!(writer.append(&answered(0), AT).unwrap_err().kind, Kind::Order);
    assert_eq!(fs::read(journal.file(&id(1))).unwrap(), before);
    write(&mut writer, &[intent(0), answered(0), closed(Outcome::Failed)]);
    assert_eq!(writer.append(&intent(1), AT).unwrap_err().kind, Kind::Over);
}

/// This test binary again, for one of the tests below, by a shell.
fn child(shell: &str, test: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(shell).arg(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("execution::journal::tests::{test}"), "--ignored", "--nocapture"]);
    command.env(FOLDER, folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

#[test]
fn a_second_process_is_told_who_carries_an_operation() {
    let (_folder, journal) = empty();
    let mut carrier = child("exec \"$0\" \"$@\"", "carry", &journal.folder).spawn().unwrap();
    let told = BufReader::new(carrier.stdout.take().unwrap()).lines().map_while(Result::ok).find(|line| line.contains("carried by"));
    let expected = format!("carried by {}", carrier.id());
    assert!(told.unwrap().ends_with(&expected));
    let problem = journal.resume(&id(1), who(), whence(), AT).unwrap_err();
    assert_eq!(problem.kind, Kind::Held);
    let words = format!("the operation is carried by ana on bastion-1 (process {})", carrier.id());
    assert!(problem.found.as_str().starts_with(&words), "{problem}");
    // Reading goes on, and so do other operations.
    assert!(journal.read(&id(1)).unwrap().story.unwrap().is_open());
    write(&mut journal.create(&id(2), opened(), AT).unwrap(), &[closed(Outcome::Failed)]);
    carrier.kill().unwrap();
    carrier.wait().unwrap();
    let mut writer = journal.resume(&id(1), who(), whence(), AT).unwrap();
    assert_eq!(writer.story().open_intents().count(), 1, "what it was about to send is to be looked at");
    write(&mut writer, &[closed(Outcome::Unknown)]);
    assert!(journal.verify(None).unwrap().is_intact());
}

#[test]
#[ignore = "a child of the test above"]
fn carry() {
    let journal = Journal::at(Path::new(&std::env::var_os(FOLDER).unwrap()));
    let mut writer = journal.create(&id(1), opened(), AT).unwrap();
    write(&mut writer, &[intent(0)]);
    println!("\ncarried by {}", std::process::id());
    let _ = std::io::stdin().lines().next();
    drop(writer);
}

#[test]
fn a_line_that_did_not_fit_stops_the_operation_and_is_put_aside_later() {
    let (_folder, journal) = empty();
    // The shell's limit is in blocks of 512 or 1,024 bytes; the signal for it is ignored, so that a write tells it.
    let mut writing = child("trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"", "fill", &journal.folder).spawn().unwrap();
    let told: Vec<String> = BufReader::new(writing.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    assert!(writing.wait().unwrap().success(), "{told:?}");
    let Verdict::Torn { at } = journal.read(&id(1)).unwrap().checked.verdict else { panic!("a short write leaves a torn line: {told:?}") };
    let mut writer = journal.resume(&id(1), who(), whence(), AT).unwrap();
    assert!(fs::metadata(journal.file(&id(1)).with_extension("torn")).unwrap().len() > 1 && at > 0);
    write(&mut writer, &[closed(Outcome::Unknown)]);
    assert!(journal.verify(None).unwrap().is_intact());
}

#[test]
#[ignore = "a child of the test above"]
fn fill() {
    let journal = Journal::at(Path::new(&std::env::var_os(FOLDER).unwrap()));
    let mut writer = journal.create(&id(1), opened(), AT).unwrap();
    let failed = (0..100).find_map(|step| writer.append(&intent(step), AT).err()).unwrap();
    assert_eq!(failed.kind, Kind::Full, "{failed}");
    assert_eq!(writer.append(&intent(1000), AT).unwrap_err().kind, Kind::Poisoned);
    std::io::stdout().flush().unwrap();
}

#[test]
fn two_that_begin_at_once_share_the_index() {
    let (_folder, journal) = empty();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..5 {
                    write(&mut journal.create(&id(thread * 16 + number), opened(), AT).unwrap(), &[intent(0), answered(0), closed(Outcome::Done)]);
                }
            });
        }
    });
    let found = journal.verify(None).unwrap();
    assert_eq!((found.operations, found.lines, found.findings), (20, 20 * 4 + 40, vec![]));
}
