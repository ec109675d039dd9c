//! `tiphys journal`: what was done from this machine by this user, as text for people or JSON by `docs/journal.schema.json`; whether it was changed; all of
//! it, to take elsewhere. It changes nothing and asks nobody.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use color_eyre::eyre::{Result, WrapErr as _, bail};
use serde::Serialize;

use super::practice::textwrap;
use super::{Exit, duration, print};
use crate::base::{OperationId, Raw, Safe, Timestamp, counted};
use crate::execution::journal::{Finding, INDEX, Journal, Problem, Read, Recorded};
use crate::operations::record::chain::{Checked, Verdict};
use crate::operations::record::story::Story;
use crate::operations::record::telling;
use crate::operations::record::{Line, Outcome};
use crate::runtime::{clock, places};

/// What is asked for.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The operations, newest first: when, who, what, and how it stands.
    List {
        /// As JSON, by docs/journal.schema.json.
        #[arg(long)]
        json: bool,
        /// Only what was written of in this time: 12h, 7d.
        #[arg(long, value_parser = duration)]
        since: Option<Duration>,
        /// Only this service.
        #[arg(long, value_name = "SERVICE")]
        service: Option<String>,
        /// Only those that are not over, or whose outcome nobody knows.
        #[arg(long)]
        open: bool,
    },
    /// One operation: who, when, from where, why, what was on screen, the plan, each step and what became of it.
    Show {
        /// Its id, the beginning or the end of it, or: last.
        #[arg(value_name = "ID")]
        id: String,
        /// As JSON, by docs/journal.schema.json.
        #[arg(long)]
        json: bool,
    },
    /// Examine every byte: nothing changed, taken out or put in. Exit code 1 where something was.
    Verify {
        /// Only this operation, and the index: its id, the beginning or the end of it, or: last.
        #[arg(value_name = "ID")]
        id: Option<String>,
    },
    /// Print every line as it was written, each with the name of its file: one JSON object a line, by docs/journal.schema.json.
    Export {
        /// Only operations that were written of in this time; the index is whole.
        #[arg(long, value_parser = duration)]
        since: Option<Duration>,
        /// Into this file, which must not be there.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(super) fn run(wanted: &Wanted) -> Result<Exit> {
    let journal = Journal::at(&places::journal()?);
    let now = clock::now();
    match &wanted.what {
        What::List { json, since, service, open } => {
            let since = since.map(|since| now - since);
            let reads = list(&journal, since, service.as_deref(), *open)?;
            if *json {
                let operations = reads.iter().map(|(id, read)| Listed::of(id, read)).collect();
                print(&format!("{}\n", serde_json::to_string(&List { version: 1, at: now, operations })?));
            } else {
                print(&list_text(&reads, journal.folder()));
            }
        }
        What::Show { id, json } => {
            let recorded = journal.read(&find(&journal, id)?)?;
            if *json {
                print(&format!("{}\n", serde_json::to_string(&Shown::of(&recorded))?));
            } else {
                print(&story(&recorded));
            }
        }
        What::Verify { id } => {
            let only = id.as_deref().map(|id| find(&journal, id)).transpose()?;
            let found = journal.verify(only.as_ref())?;
            print(&found.findings.iter().map(finding).collect::<String>());
            let (operations, lines) = (counted(found.operations, "operation", "operations"), counted(found.lines, "line", "lines"));
            let verdict = if found.is_intact() { "Nothing was changed" } else { "NOT INTACT" };
            print(&wrapped("", &format!("{verdict}: {operations}, {lines}, in {}.", journal.folder().display())));
            return Ok(if found.is_intact() { Exit::Done } else { Exit::Failed });
        }
        What::Export { since, output } => {
            let text = export(&journal, since.map(|since| now - since))?;
            match output {
                None => {
                    // A reader that left early is no error.
                    let _ = std::io::stdout().lock().write_all(&text);
                }
                Some(file) => save(file, &text)?,
            }
        }
    }
    Ok(Exit::Done)
}

/// Columns of the text: it is read in terminals of 80.
const WIDTH: usize = 80;

/// A text behind a start, its further lines below its first one.
fn wrapped(start: &str, text: &str) -> String {
    let room = start.chars().count();
    let mut out = String::new();
    for (index, line) in textwrap(text, WIDTH.saturating_sub(room).max(20)).into_iter().enumerate() {
        let line = if index == 0 { format!("{start}{line}") } else { format!("{:room$}{line}", "") };
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if out.is_empty() { format!("{}\n", start.trim_end()) } else { out }
}

fn finding(finding: &Finding) -> String {
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let word = if finding.is_bad { "BAD" } else { "note" };
    // The place in one piece, so that it can be copied.
    format!("{word:<5} {}{line}\n{}", finding.file, wrapped("      ", &format!("{}.", finding.words)))
}

fn list(journal: &Journal, since: Option<Timestamp>, service: Option<&str>, open: bool) -> Result<Vec<Read>, Problem> {
    let mut reads: Vec<Read> =
        if open { journal.open()? } else { journal.operations()?.into_iter().map(|id| (id.clone(), journal.read(&id))).collect() };
    let service = service.map(|service| Raw::from(service).shown());
    // What cannot be read may be anything, so it is never left out.
    reads.retain(|(_, read)| {
        let Ok(Recorded { story: Some(story), .. }) = read else { return true };
        since.is_none_or(|since| story.last_at >= since) && service.as_ref().is_none_or(|service| story.opened.service.as_ref() == Some(service))
    });
    reads.sort_by_key(|(id, read)| {
        let at = read.as_ref().ok().and_then(|recorded| recorded.story.as_ref()).map_or(Timestamp::MAX, |story| story.at);
        std::cmp::Reverse((at, id.clone()))
    });
    Ok(reads)
}

fn list_text(reads: &[Read], folder: &Path) -> String {
    if reads.is_empty() {
        return wrapped("", &format!("No such operation is in the journal, which is in {}.", folder.display()));
    }
    let mut out = String::new();
    for (id, read) in reads {
        let Ok(Recorded { story: Some(story), checked, .. }) = read else {
            let why = match read {
                Ok(recorded) => recorded.checked.problem().unwrap_or_else(|| Safe::clean("it has no whole line")),
                Err(problem) => crate::safe!("{problem}"),
            };
            out.push_str(&wrapped(&format!("{:<18}{}  ", "?", id.short()), &format!("cannot be read: {why}")));
            continue;
        };
        let start = format!("{}  {}  ", story.at.strftime("%Y-%m-%d %H:%MZ"), id.short());
        out.push_str(&wrapped(&start, &format!("{}: {}", story.opened.who.user, story.opened.request.words)));
        let room = " ".repeat(start.chars().count());
        out.push_str(&wrapped(&room, story.standing().as_str()));
        if let Some(words) = checked.problem() {
            out.push_str(&wrapped(&room, words.as_str()));
        }
    }
    out
}

/// An operation as a story, in lines of a terminal.
fn story(recorded: &Recorded) -> String {
    let mut told = telling::told(recorded.story.as_ref(), &recorded.checked.lines);
    told.extend(telling::record(&recorded.checked, &Safe::clean(&recorded.file.display().to_string())));
    let line = |paragraph: &telling::Paragraph| {
        if paragraph.breaks {
            wrapped(paragraph.start.as_str(), paragraph.text.as_str())
        } else {
            format!("{}\n", paragraph.text.as_str().trim_end())
        }
    };
    told.iter().map(line).collect()
}

/// The operation that is meant.
fn find(journal: &Journal, wanted: &str) -> Result<OperationId> {
    // Also one whose file is gone.
    if let Some(id) = OperationId::read(wanted) {
        return Ok(id);
    }
    let ids = journal.operations()?;
    let shown = Safe::clean(wanted);
    if wanted == "last" {
        let newest = list(journal, None, None, false)?.into_iter().next();
        return newest.map(|(id, _)| id).ok_or_else(|| color_eyre::eyre::eyre!("the journal is empty: no operation was confirmed here yet"));
    }
    let meant: Vec<&OperationId> =
        ids.iter().filter(|id| !wanted.is_empty() && (id.as_str().starts_with(wanted) || id.as_str().ends_with(wanted))).collect();
    match meant.as_slice() {
        [one] => Ok((*one).clone()),
        [] => bail!("there is no operation '{shown}': tiphys journal list names those there are"),
        several => bail!("'{shown}' may be any of {}: give more of the id", counted(several.len(), "operation", "operations")),
    }
}

/// Every line as it was written, with the name of its file.
fn export(journal: &Journal, since: Option<Timestamp>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let (bytes, checked) = journal.read_index()?;
    export_chain(&mut out, INDEX, &bytes, &checked)?;
    for (id, read) in list(journal, since, None, false)?.into_iter().rev() {
        let recorded = read.wrap_err_with(|| format!("{id} cannot be exported"))?;
        let name = recorded.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        export_chain(&mut out, &name, &recorded.bytes, &recorded.checked)?;
    }
    Ok(out)
}

fn export_chain(out: &mut Vec<u8>, name: &str, bytes: &[u8], checked: &Checked) -> Result<(), serde_json::Error> {
    #[derive(Serialize)]
    struct Other<'a> {
        file: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        torn: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        broken: Option<&'a str>,
    }
    let whole = usize::try_from(checked.end.lines).unwrap_or(usize::MAX);
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if index < whole {
            // The bytes themselves, so that their hashes still hold.
            out.extend_from_slice(format!("{{\"file\":{},\"line\":", serde_json::to_string(name)?).as_bytes());
            out.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            out.push(b'}');
        } else {
            let text = String::from_utf8_lossy(line);
            let is_torn = matches!(checked.verdict, Verdict::Torn { .. });
            let other = Other { file: name, torn: is_torn.then_some(&*text), broken: (!is_torn).then_some(&*text) };
            serde_json::to_writer(&mut *out, &other)?;
        }
        out.push(b'\n');
    }
    Ok(())
}

fn save(file: &Path, text: &[u8]) -> Result<()> {
    let failed = || format!("cannot write {}", file.display());
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).wrap_err_with(failed)?;
    out.write_all(text).and_then(|()| out.sync_all()).wrap_err_with(failed)
}

#[derive(Debug, Serialize)]
struct List<'a> {
    version: u32,
    at: Timestamp,
    operations: Vec<Listed<'a>>,
}

/// An operation in a list. Where its file cannot be read, only `id` and `problem` say something.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    id: &'a OperationId,
    at: Option<Timestamp>,
    last_at: Option<Timestamp>,
    who: Option<&'a Safe>,
    host: Option<&'a Safe>,
    what: Option<&'a Safe>,
    words: Option<&'a Safe>,
    service: Option<&'a Safe>,
    environments: &'a [Safe],
    open: bool,
    outcome: Option<Outcome>,
    standing: Option<Safe>,
    unsettled: usize,
    lines: u64,
    problem: Option<Safe>,
}

impl<'a> Listed<'a> {
    fn of(id: &'a OperationId, read: &'a Result<Recorded, Problem>) -> Self {
        let recorded = read.as_ref().ok();
        let story = recorded.and_then(|recorded| recorded.story.as_ref());
        let opened = story.map(|story| &story.opened);
        Self {
            id,
            at: story.map(|story| story.at),
            last_at: story.map(|story| story.last_at),
            who: opened.map(|opened| &opened.who.user),
            host: opened.map(|opened| &opened.whence.host),
            what: opened.map(|opened| &opened.request.what),
            words: opened.map(|opened| &opened.request.words),
            service: opened.and_then(|opened| opened.service.as_ref()),
            environments: opened.map_or(&[], |opened| &opened.environments),
            open: story.is_none_or(Story::is_open),
            outcome: story.and_then(|story| story.closed.as_ref()).map(|closed| closed.outcome),
            standing: story.map(Story::standing),
            unsettled: story.map_or(0, |story| story.open_intents().count()),
            lines: recorded.map_or(0, |recorded| recorded.checked.end.lines),
            problem: match read {
                Ok(recorded) => recorded.checked.problem(),
                Err(problem) => Some(crate::safe!("{problem}")),
            },
        }
    }
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    version: u32,
    file: Safe,
    verdict: &'static str,
    problem: Option<Safe>,
    lines: &'a [Line],
}

impl<'a> Shown<'a> {
    fn of(recorded: &'a Recorded) -> Self {
        let checked = &recorded.checked;
        let verdict = match checked.verdict {
            Verdict::Intact => "intact",
            Verdict::Torn { .. } => "torn",
            Verdict::Broken { .. } => "broken",
        };
        let file = Safe::clean(&recorded.file.display().to_string());
        Self { version: 1, file, verdict, problem: checked.problem(), lines: &checked.lines }
    }
}
