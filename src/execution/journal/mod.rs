//! The journal on disk: a folder with one file per operation and an index of them. Each line is one write and is on the disk before anything else is done;
//! what cannot be written stops the operation. It knows the lines (`operations::record`) and no clock, no network, no screen.
//!
//! * `<id>.jsonl`: the chain of an operation, locked by the process that carries it
//! * `index.jsonl`: a chain of its own: which operations there are and how each ended, so that a file that is gone is missed; also when an environment
//!   was armed. It is locked for one line
//! * `*.torn`: lines that were never finished, kept when the chain went on
//!
//! Everything here waits for the disk: call it where that may be.

mod check;
mod files;
pub mod outbox;
mod problem;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Access;

use crate::base::{OperationId, Safe, Timestamp};
use crate::operations::expected::Sample;
use crate::operations::record::chain::{self, Checked, End, Verdict};
use crate::operations::record::story::Story;
use crate::operations::record::{Entry, Opened, Outcome, Whence, Who};

pub use check::{Finding, Findings};
pub use problem::{Kind, Problem};
pub use writer::Writer;

/// The name of the index.
pub const INDEX: &str = "index.jsonl";
const SUFFIX: &str = ".jsonl";
/// Bytes that a disk must have left for operations to be recorded: each takes some ten thousand.
const LEAST: u64 = 1 << 20;
/// Operations of which it is looked at how long they took.
const LOOKED_AT: usize = 200;

/// A journal in its folder.
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
}

/// An operation as its file tells it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its file.
    pub file: PathBuf,
    /// All its bytes.
    pub bytes: Vec<u8>,
    /// Its lines, and whether the file is whole.
    pub checked: Checked,
    /// What they say; `None` where nothing that can be read was written.
    pub story: Option<Story>,
}

/// An operation, and what was read of it.
pub type Read = (OperationId, Result<Recorded, Problem>);

impl Journal {
    /// The journal in this folder, which need not be there yet.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn file(&self, id: &OperationId) -> PathBuf {
        self.folder.join(format!("{id}{SUFFIX}"))
    }

    /// Begins the record of an operation. When it returns, that it was confirmed is on the disk.
    pub fn create(&self, id: &OperationId, opened: Opened, at: Timestamp) -> Result<Writer, Problem> {
        files::make_folder(&self.folder)?;
        let path = self.file(id);
        let file = files::create(&path)?;
        lock(&file, &path, self, id)?;
        let holder = (opened.who.clone(), opened.whence.clone());
        let (bytes, end) =
            End::nothing(Some(id.clone())).append(&Entry::Opened(Box::new(opened)), at).map_err(|error| Problem::form(&path, &error))?;
        files::append(&file, &path, &bytes)?;
        files::sync_folder(&self.folder)?;
        tracing::info!(operation = %id, user = %holder.0.user, "opened in the journal");
        self.index(&[Entry::Begun { id: id.clone() }], at)?;
        let recorded = self.read(id)?;
        Writer::new(self.clone(), id.clone(), file, path, end, recorded.story)
    }

    /// Goes on with the record of an operation that somebody left, or whose process ended. A line that was never finished is put aside first. The
    /// operation is followed, not begun again: what is open must be settled by looking.
    pub fn resume(&self, id: &OperationId, who: Who, whence: Whence, at: Timestamp) -> Result<Writer, Problem> {
        files::check_folder(&self.folder)?;
        let path = self.file(id);
        let file = files::open(&path)?;
        lock(&file, &path, self, id)?;
        let recorded = self.read(id)?;
        let torn_bytes = match &recorded.checked.verdict {
            Verdict::Intact => 0,
            Verdict::Torn { at } => files::put_aside(&file, &path, &recorded.bytes, *at)?,
            Verdict::Broken { line, why } => return Err(Problem::broken(&path, *line, why)),
        };
        let story = recorded.story.ok_or_else(|| Problem::empty(&path))?;
        let is_listed = self.listed().is_ok_and(|listed| listed.contains_key(id));
        let mut writer = Writer::new(self.clone(), id.clone(), file, path, recorded.checked.end, Some(story))?;
        writer.append(&Entry::Resumed { who, whence, torn_bytes }, at)?;
        if !is_listed {
            self.index(&[Entry::Begun { id: id.clone() }], at)?;
        }
        Ok(writer)
    }

    /// Records what is no operation: that an environment was armed, or no longer is.
    pub fn record(&self, entry: &Entry, at: Timestamp) -> Result<(), Problem> {
        files::make_folder(&self.folder)?;
        self.index(std::slice::from_ref(entry), at)
    }

    /// Whether an operation could be recorded now, found out without writing anything.
    pub fn rehearse(&self) -> Result<(), Problem> {
        let is_there = self.folder.exists();
        // What is not there yet is made where something is.
        let there = self.folder.ancestors().find(|folder| folder.exists()).unwrap_or(&self.folder);
        let cannot = |what, error: rustix::io::Errno| Problem::io(what, there, &error.into());
        rustix::fs::access(there, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| cannot("cannot write to", error))?;
        let room = rustix::fs::statvfs(there).map_err(|error| cannot("cannot look at", error))?;
        if room.f_bavail.saturating_mul(room.f_frsize) < LEAST {
            return Err(cannot("there is no room in", rustix::io::Errno::NOSPC));
        }
        if is_there {
            files::check_folder(&self.folder)?;
            self.listed()?;
        }
        Ok(())
    }

    /// Reads the record of an operation, locked or not.
    pub fn read(&self, id: &OperationId) -> Result<Recorded, Problem> {
        let path = self.file(id);
        let bytes = files::read(&path)?;
        let mut checked = chain::verify(&bytes, Some(id));
        let story = match Story::of(&checked.lines) {
            Ok(story) => story,
            Err((line, why)) => {
                checked.verdict = Verdict::Broken { line, why };
                let until = usize::try_from(line - 1).unwrap_or_default();
                Story::of(checked.lines.get(..until).unwrap_or_default()).ok().flatten()
            }
        };
        Ok(Recorded { file: path, bytes, checked, story })
    }

    /// The operations that have a file, oldest first.
    pub fn operations(&self) -> Result<Vec<OperationId>, Problem> {
        let mut ids: Vec<OperationId> = files::names(&self.folder)?.iter().filter_map(|name| OperationId::read(name.strip_suffix(SUFFIX)?)).collect();
        ids.sort();
        Ok(ids)
    }

    /// The operations that were begun and have not come to an end that is known, oldest first. Only their files are read, by the index; all of them where
    /// it is broken.
    pub fn open(&self) -> Result<Vec<Read>, Problem> {
        let ids = match self.listed() {
            Ok(listed) => {
                let is_open = |ended: &Option<Ended>| ended.is_none_or(|ended| ended.outcome == Outcome::Unknown);
                listed.into_iter().filter(|(_, ended)| is_open(ended)).map(|(id, _)| id).collect()
            }
            Err(_) => self.operations()?,
        };
        let is_over = |read: &Result<Recorded, Problem>| matches!(read, Ok(Recorded { story: Some(story), checked: Checked { verdict: Verdict::Intact, .. }, .. }) if !story.is_open());
        Ok(ids.into_iter().map(|id| (id.clone(), self.read(&id))).filter(|(_, read)| !is_over(read)).collect())
    }

    /// How long the newest changes on record took, newest first. What cannot be read is no sample: how long something takes is no reason to stop.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        let newest = self.operations().unwrap_or_default().into_iter().rev().take(LOOKED_AT);
        let stories = newest.filter_map(|id| self.read(&id).ok().filter(|recorded| recorded.checked.verdict == Verdict::Intact)?.story);
        stories.filter_map(|story| Sample::of(&story)).collect()
    }

    /// The lines of the index, and whether it is whole.
    pub fn read_index(&self) -> Result<(Vec<u8>, Checked), Problem> {
        let path = self.folder.join(INDEX);
        match files::read(&path) {
            Err(problem) if problem.kind == Kind::Missing => Ok((Vec::new(), chain::verify(&[], None))),
            read => read.map(|bytes| {
                let checked = chain::verify(&bytes, None);
                (bytes, checked)
            }),
        }
    }

    /// Examines every byte of the journal, or of one operation and the index.
    pub fn verify(&self, only: Option<&OperationId>) -> Result<Findings, Problem> {
        check::check(self, only)
    }

    /// What the index says of each operation; the last end counts.
    fn listed(&self) -> Result<BTreeMap<OperationId, Option<Ended>>, Problem> {
        let (_, checked) = self.read_index()?;
        if let Verdict::Broken { line, why } = &checked.verdict {
            return Err(Problem::broken(&self.folder.join(INDEX), *line, why));
        }
        Ok(ends(&checked))
    }

    /// Puts lines at the end of the index, under its lock.
    fn index(&self, entries: &[Entry], at: Timestamp) -> Result<(), Problem> {
        let path = self.folder.join(INDEX);
        let (file, is_new) = files::open_or_create(&path)?;
        file.lock().map_err(|error| Problem::io("cannot lock", &path, &error))?;
        let mut end = files::last_line(&file, &path)?;
        for entry in entries {
            let (bytes, next) = end.append(entry, at).map_err(|error| Problem::form(&path, &error))?;
            files::append(&file, &path, &bytes)?;
            end = next;
        }
        if is_new { files::sync_folder(&self.folder) } else { Ok(()) }
    }
}

/// How an operation ended, by the index.
#[derive(Debug, Clone, Copy)]
struct Ended {
    lines: u64,
    last: chain::Hash,
    outcome: Outcome,
}

fn ends(index: &Checked) -> BTreeMap<OperationId, Option<Ended>> {
    let mut found = BTreeMap::new();
    for line in &index.lines {
        match &line.entry {
            Entry::Begun { id } => {
                found.entry(id.clone()).or_insert(None);
            }
            Entry::Ended { id, lines, last, outcome } => {
                found.insert(id.clone(), Some(Ended { lines: *lines, last: *last, outcome: *outcome }));
            }
            _ => {}
        }
    }
    found
}

/// Takes the file for this process, until it is closed. Who has it is read from it.
///
/// Between its birth and its own program, a child of this process has every file open that this process had: a lock that was just let go may be held for that
/// moment.
#[expect(clippy::disallowed_methods, reason = "the journal blocks by nature and is called on threads that may; it is a moment")]
fn lock(file: &std::fs::File, path: &Path, journal: &Journal, id: &OperationId) -> Result<(), Problem> {
    for is_last in std::iter::repeat_n(false, MOMENTS).chain([true]) {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if is_last => break,
            Err(TryLockError::WouldBlock) => std::thread::sleep(MOMENT),
            Err(TryLockError::Error(error)) => return Err(Problem::io("cannot lock", path, &error)),
        }
    }
    let holder = journal.read(id).ok().and_then(|recorded| recorded.story).map(|story| story.holder.words());
    Err(Problem::held(path, &holder.unwrap_or_else(|| Safe::clean("somebody"))))
}

/// A lock that is held is asked for so often again, after so long each time.
const MOMENTS: usize = 20;
const MOMENT: Duration = Duration::from_millis(10);
