//! What of the journal is still to be handed to somebody else: the lines of operations that touch some environments, in their order, by a cursor on the
//! disk. The journal is the buffer: nothing is kept twice, and what was not handed over is found again by whoever starts next. A line may be handed
//! over twice, and carries its hash so that this is seen. It knows no network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Journal, Problem};
use crate::base::{OperationId, Safe};
use crate::operations::record::story::Story;
use crate::operations::record::{Entry, Outcome};

/// The version of the cursor's file.
const VERSION: u32 = 1;

/// How far the journal was handed over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    version: u32,
    /// Every operation up to this one is over and was handed over.
    through: Option<OperationId>,
    /// Lines of the index that were looked at.
    index: u64,
    /// Of operations after that: how many of their lines were handed over.
    lines: BTreeMap<OperationId, u64>,
}

/// The lines that are still to be handed over. Only one process at a time has it.
#[derive(Debug)]
pub struct Outbox {
    journal: Journal,
    environments: BTreeSet<Safe>,
    path: PathBuf,
    cursor: Cursor,
    /// Held as long as lines are handed over.
    _lock: Option<File>,
}

/// A line to be handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The hash of the line: the same however often it is handed over, and of no other line.
    pub key: String,
    /// The line as it was written, without its end.
    pub body: Vec<u8>,
    /// Whose chain it is in; `None`: the index.
    operation: Option<OperationId>,
    seq: u64,
}

impl Outbox {
    /// What is to be handed over of a journal. `None`: another process does. The first time it begins with what comes next: what was recorded before
    /// anybody asked for it is not handed over.
    ///
    /// # Errors
    ///
    /// Why its cursor cannot be read or written.
    pub fn open(journal: &Journal, environments: BTreeSet<Safe>) -> Result<Option<Self>, Problem> {
        let path = cursor_of(journal);
        super::files::make_folder(journal.folder())?;
        let lock_path = path.with_extension("lock");
        let lock = options().open(&lock_path).map_err(|error| Problem::io("cannot open", &lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(Problem::io("cannot lock", &lock_path, &error)),
        }
        let cursor = read(&path)?;
        let is_new = cursor.is_none();
        let mut outbox = Self { journal: journal.clone(), environments, path, cursor: cursor.unwrap_or_default(), _lock: Some(lock) };
        if is_new {
            outbox.cursor = Cursor {
                version: VERSION,
                through: outbox.journal.operations()?.into_iter().next_back(),
                index: outbox.journal.read_index()?.1.end.lines,
                lines: BTreeMap::new(),
            };
            outbox.keep()?;
        } else {
            // What is over and of no interest is not read again and again.
            let before = outbox.cursor.clone();
            outbox.advance()?;
            if outbox.cursor != before {
                outbox.keep()?;
            }
        }
        Ok(Some(outbox))
    }

    /// How many lines wait to be handed over, whoever does it; `None`: nobody ever did.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub fn waiting(journal: &Journal, environments: BTreeSet<Safe>) -> Result<Option<usize>, Problem> {
        let path = cursor_of(journal);
        let Some(cursor) = read(&path)? else { return Ok(None) };
        let outbox = Self { journal: journal.clone(), environments, path, cursor, _lock: None };
        Ok(Some(outbox.due(usize::MAX)?.len()))
    }

    /// The lines that are to be handed over next, in their order; at most so many.
    ///
    /// # Errors
    ///
    /// Why the journal cannot be read.
    pub fn due(&self, most: usize) -> Result<Vec<Due>, Problem> {
        let mut due = self.due_of_index()?;
        for id in self.journal.operations()? {
            if due.len() >= most {
                break;
            }
            if self.cursor.through.as_ref().is_none_or(|through| id > *through) {
                due.extend(self.due_of(&id)?);
            }
        }
        due.truncate(most);
        Ok(due)
    }

    /// A line was taken: it is not handed over again, unless this cannot be kept.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub fn taken(&mut self, due: &Due) -> Result<(), Problem> {
        match &due.operation {
            Some(id) => drop(self.cursor.lines.insert(id.clone(), due.seq + 1)),
            None => self.cursor.index = due.seq + 1,
        }
        self.advance()?;
        self.keep()
    }

    fn due_of(&self, id: &OperationId) -> Result<Vec<Due>, Problem> {
        let recorded = self.journal.read(id)?;
        if !recorded.story.as_ref().is_some_and(|story| self.concerns(story)) {
            return Ok(Vec::new());
        }
        let from = usize::try_from(self.cursor.lines.get(id).copied().unwrap_or_default()).unwrap_or(usize::MAX);
        let bytes = recorded.bytes.split(|byte| *byte == b'\n');
        let lines = recorded.checked.lines.iter().zip(bytes).skip(from);
        Ok(lines.map(|(line, bytes)| Due { key: line.hash.to_string(), body: bytes.to_vec(), operation: Some(id.clone()), seq: line.seq }).collect())
    }

    /// Whether an environment was armed, or no longer is, stands in the index.
    fn due_of_index(&self) -> Result<Vec<Due>, Problem> {
        let (bytes, checked) = self.journal.read_index()?;
        let from = usize::try_from(self.cursor.index).unwrap_or(usize::MAX);
        let lines = checked.lines.iter().zip(bytes.split(|byte| *byte == b'\n')).skip(from);
        let concerns = |entry: &Entry| match entry {
            Entry::Armed { environment, .. } | Entry::Disarmed { environment, .. } => self.environments.contains(environment),
            _ => false,
        };
        let lines = lines.filter(|(line, _)| concerns(&line.entry));
        Ok(lines.map(|(line, bytes)| Due { key: line.hash.to_string(), body: bytes.to_vec(), operation: None, seq: line.seq }).collect())
    }

    fn concerns(&self, story: &Story) -> bool {
        story.opened.environments.iter().any(|environment| self.environments.contains(environment))
    }

    /// Forgets operations that are over and were handed over, as long as there is none before them that is not.
    fn advance(&mut self) -> Result<(), Problem> {
        for id in self.journal.operations()? {
            if self.cursor.through.as_ref().is_some_and(|through| id <= *through) {
                continue;
            }
            let recorded = self.journal.read(&id)?;
            let Some(story) = &recorded.story else { break };
            let is_over = story.closed.as_ref().is_some_and(|closed| closed.outcome != Outcome::Unknown);
            let given = self.cursor.lines.get(&id).copied().unwrap_or_default();
            if !is_over || (self.concerns(story) && given < recorded.checked.lines.len() as u64) {
                break;
            }
            self.cursor.lines.remove(&id);
            self.cursor.through = Some(id);
        }
        Ok(())
    }

    fn keep(&self) -> Result<(), Problem> {
        let new = self.path.with_extension("new");
        let text = serde_json::to_vec(&self.cursor).map_err(|error| Problem::form(&self.path, &error))?;
        let written = options().truncate(true).open(&new).and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_data()));
        written.and_then(|()| fs::rename(&new, &self.path)).map_err(|error| Problem::io("cannot write", &self.path, &error))
    }
}

/// Where the cursor of a journal is: beside its folder, which holds nothing but the record.
#[must_use]
pub fn cursor_of(journal: &Journal) -> PathBuf {
    journal.folder().with_file_name("journal-webhook.json")
}

fn options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn read(path: &Path) -> Result<Option<Cursor>, Problem> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| Problem::form(path, &error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::io("cannot read", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answered, closed, id, intent, opened};
    use super::*;
    use crate::base::Timestamp;
    use crate::operations::record::Who;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn production() -> BTreeSet<Safe> {
        [Safe::clean("production")].into()
    }

    fn done(journal: &Journal, number: u8, environment: &str) {
        let mut opened = opened();
        opened.environments = vec![Safe::clean(environment)];
        let mut writer = journal.create(&id(number), opened, AT).unwrap();
        for entry in [intent(0), answered(0), closed(Outcome::Done)] {
            writer.append(&entry, AT).unwrap();
        }
    }

    fn due(journal: &Journal) -> Vec<Due> {
        Outbox::open(journal, production()).unwrap().unwrap().due(100).unwrap()
    }

    #[test]
    fn each_line_of_production_is_handed_over_and_what_was_not_taken_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(&folder.path().join("journal"));
        assert_eq!(Outbox::waiting(&journal, production()).unwrap(), None);
        done(&journal, 1, "production");
        assert_eq!(due(&journal), [], "what was there before anybody asked for it stays");
        done(&journal, 2, "production");
        done(&journal, 3, "staging");
        let armed = Entry::Armed {
            who: Who::default(),
            whence: crate::operations::record::Whence::default(),
            environment: Safe::clean("production"),
            until: AT,
        };
        journal.record(&armed, AT).unwrap();
        let mut outbox = Outbox::open(&journal, production()).unwrap().unwrap();
        assert!(Outbox::open(&journal, production()).unwrap().is_none(), "one process at a time");
        let all = outbox.due(100).unwrap();
        assert_eq!(all.len(), 5, "that it was armed, and four lines of one operation: {all:?}");
        assert!(all.iter().all(|due| String::from_utf8_lossy(&due.body).contains(&due.key)), "its hash is its key");
        for due in &all[..3] {
            outbox.taken(due).unwrap();
        }
        drop(outbox);
        assert_eq!(Outbox::waiting(&journal, production()).unwrap(), Some(2));
        let mut outbox = Outbox::open(&journal, production()).unwrap().unwrap();
        assert_eq!(outbox.due(100).unwrap(), all[3..], "the next process goes on where this one stopped");
        for due in &all[3..] {
            outbox.taken(due).unwrap();
        }
        assert_eq!((outbox.due(100).unwrap().len(), outbox.cursor.through.clone(), outbox.cursor.lines.len()), (0, Some(id(3)), 0));
    }

    #[test]
    fn what_nobody_knows_the_end_of_is_kept_in_sight() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(&folder.path().join("journal"));
        due(&journal);
        let mut writer = journal.create(&id(1), opened(), AT).unwrap();
        writer.append(&closed(Outcome::Unknown), AT).unwrap();
        done(&journal, 2, "production");
        let mut outbox = Outbox::open(&journal, production()).unwrap().unwrap();
        for due in outbox.due(100).unwrap() {
            outbox.taken(&due).unwrap();
        }
        assert_eq!(outbox.cursor.through, None);
        drop(writer);
        let mut writer = journal.resume(&id(1), Who::default(), crate::operations::record::Whence::default(), AT).unwrap();
        writer.append(&closed(Outcome::Done), AT).unwrap();
        assert_eq!(outbox.due(100).unwrap().len(), 2, "what came to it later, and nothing twice");
    }
}
