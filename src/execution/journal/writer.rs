//! The pen of one operation: it puts lines at the end of the file that it has locked. Once a line could not be written, it writes nothing more.

use std::fs::File;
use std::path::PathBuf;

use super::problem::{Kind, Problem};
use super::{Journal, files};
use crate::base::{OperationId, Timestamp};
use crate::operations::record::chain::End;
use crate::operations::record::story::Story;
use crate::operations::record::{Entry, Line, VERSION};

/// Writes the record of one operation. The file is locked until this is dropped.
#[derive(Debug)]
pub struct Writer {
    journal: Journal,
    id: OperationId,
    file: File,
    path: PathBuf,
    end: End,
    story: Story,
    poison: Option<Problem>,
}

impl Writer {
    pub(super) fn new(journal: Journal, id: OperationId, file: File, path: PathBuf, end: End, story: Option<Story>) -> Result<Self, Problem> {
        let story = story.ok_or_else(|| Problem::empty(&path))?;
        Ok(Self { journal, id, file, path, end, story, poison: None })
    }

    /// The operation.
    #[must_use]
    pub const fn id(&self) -> &OperationId {
        &self.id
    }

    /// What was written so far.
    #[must_use]
    pub const fn story(&self) -> &Story {
        &self.story
    }

    /// Why nothing more is written, where that is so. Nothing may be sent then.
    #[must_use]
    pub const fn poison(&self) -> Option<&Problem> {
        self.poison.as_ref()
    }

    /// Puts an entry at the end. When it returns, the line is on the disk, and not before may anything be done that it announces. An end is put into the
    /// index too.
    ///
    /// # Errors
    ///
    /// Why it is not known to be on the disk. Nothing may be sent after that by whoever holds this: another process, or this one later, resumes the
    /// operation. An entry that cannot come next is refused and changes nothing.
    pub fn append(&mut self, entry: &Entry, at: Timestamp) -> Result<(), Problem> {
        if let Some(problem) = &self.poison {
            return Err(Problem { kind: Kind::Poisoned, ..problem.clone() });
        }
        let appended = self.end.append(entry, at);
        let (bytes, end) = appended.map_err(|error| self.poisoned(Problem::form(&self.path, &error)))?;
        let line = Line {
            version: VERSION,
            operation: Some(self.id.clone()),
            seq: self.end.lines,
            at,
            previous: self.end.last,
            entry: entry.clone(),
            hash: end.last,
        };
        self.story.tell(&line).map_err(|why| {
            let kind = if self.story.is_open() { Kind::Order } else { Kind::Over };
            Problem::new(kind, &format!("nothing was written to {}: {why}", self.path.display()), "plan again where something is still to be done")
        })?;
        files::append(&self.file, &self.path, &bytes).map_err(|problem| self.poisoned(problem))?;
        self.end = end;
        if let Entry::Closed { outcome, .. } = entry {
            let ended = Entry::Ended { id: self.id.clone(), lines: self.end.lines, last: self.end.last, outcome: *outcome };
            self.journal.index(&[ended], at).map_err(|problem| self.poisoned(problem))?;
        }
        Ok(())
    }

    fn poisoned(&mut self, problem: Problem) -> Problem {
        tracing::error!(operation = %self.id, %problem, "the journal cannot be written");
        self.poison = Some(problem.clone());
        problem
    }

    /// The same pen on another file.
    #[cfg(test)]
    pub(super) fn on(mut self, file: File) -> Self {
        self.file = file;
        self
    }
}
