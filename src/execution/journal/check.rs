//! Examines a journal: every byte of every chain, and whether the index and the files say the same. It changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use super::problem::{Kind, Problem};
use super::{Ended, INDEX, Journal, Recorded, SUFFIX, ends, files};
use crate::base::{OperationId, Safe};
use crate::operations::record::Entry;
use crate::operations::record::chain::Verdict;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many operations were examined.
    pub operations: usize,
    /// How many lines, those of the index included.
    pub lines: u64,
    /// What is to be told.
    pub findings: Vec<Finding>,
}

/// One thing that is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: Safe,
    /// The line, from 1, where it is one.
    pub line: Option<u64>,
    /// What is so, in a sentence without a full stop.
    pub words: Safe,
    /// Whether the journal cannot be relied on for it; else it only was interrupted.
    pub is_bad: bool,
}

impl Findings {
    /// Whether nothing that was written was changed or is gone, as far as the journal itself can tell.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.findings.iter().all(|finding| !finding.is_bad)
    }

    fn tell(&mut self, file: &Path, line: Option<u64>, words: Safe, is_bad: bool) {
        self.findings.push(Finding { file: Safe::clean(&file.display().to_string()), line, words, is_bad });
    }

    fn verdict(&mut self, file: &Path, verdict: &Verdict) {
        match verdict {
            Verdict::Intact => {}
            Verdict::Torn { .. } => self.tell(file, None, Safe::clean("ends in a line that was never finished; what came before it is whole"), false),
            Verdict::Broken { line, why } => self.tell(file, Some(*line), crate::safe!("{why}"), true),
        }
    }
}

pub(super) fn check(journal: &Journal, only: Option<&OperationId>) -> Result<Findings, Problem> {
    let mut found = Findings::default();
    let names = files::names(&journal.folder)?;
    let index = journal.folder.join(INDEX);
    // Nothing is begun or ended meanwhile, so that what the index says and what lies there belong together.
    let _lock = match files::open(&index) {
        Ok(file) => {
            file.lock_shared().map_err(|error| Problem::io("cannot lock", &index, &error))?;
            Some(file)
        }
        Err(problem) if matches!(problem.kind, Kind::Missing | Kind::NotWritable) => None,
        Err(problem) => return Err(problem),
    };
    let (_, checked) = journal.read_index()?;
    found.lines += checked.end.lines;
    found.verdict(&index, &checked.verdict);
    let mut listed = ends(&checked);
    let is_wanted = |id: &OperationId| only.is_none_or(|only| only == id);
    for name in names.iter().filter(|name| *name != INDEX && Path::new(name).extension().is_none_or(|extension| extension != "torn")) {
        let path = journal.folder.join(name);
        match name.strip_suffix(SUFFIX).and_then(OperationId::read) {
            Some(id) if is_wanted(&id) => operation(&mut found, journal, &id, &mut listed),
            None if only.is_none() => found.tell(&path, None, Safe::clean("is no file of the journal"), false),
            Some(_) | None => {}
        }
    }
    for id in listed.keys().filter(|id| is_wanted(id)) {
        let path = journal.file(id);
        if !path.exists() {
            found.tell(&path, None, Safe::clean("is gone: the index says that the operation was begun"), true);
        }
    }
    if let Some(only) = only
        && found.operations == 0
        && found.is_intact()
    {
        return Err(Problem::new(Kind::Missing, &format!("there is no operation {only}"), "tiphys journal list names those there are"));
    }
    found.findings.sort_by(|a, b| (b.is_bad, &a.file).cmp(&(a.is_bad, &b.file)));
    Ok(found)
}

fn operation(found: &mut Findings, journal: &Journal, id: &OperationId, listed: &mut BTreeMap<OperationId, Option<Ended>>) {
    found.operations += 1;
    let path = journal.file(id);
    let recorded = match journal.read(id) {
        Ok(recorded) => recorded,
        Err(problem) => return found.tell(&path, None, crate::safe!("cannot be read: {problem}"), true),
    };
    let Recorded { checked, story, .. } = recorded;
    found.lines += checked.end.lines;
    found.verdict(&path, &checked.verdict);
    match listed.get(id) {
        Some(Some(ended)) => {
            let line = usize::try_from(ended.lines).ok().and_then(|lines| checked.lines.get(lines.checked_sub(1)?));
            match line {
                Some(line) if line.hash == ended.last => {}
                Some(_) => found.tell(&path, Some(ended.lines), Safe::clean("is not the line with which the operation ended, by the index"), true),
                // What is broken before it was told already.
                None if matches!(checked.verdict, Verdict::Broken { .. }) => {}
                None => {
                    let words = crate::safe!("has {} lines: by the index the operation ended with line {}", checked.end.lines, ended.lines);
                    found.tell(&path, None, words, true);
                }
            }
        }
        Some(None) if checked.lines.is_empty() => {
            found.tell(&path, None, Safe::clean("has no whole line: the index says that the operation was begun"), true);
        }
        Some(None) => {
            if checked.lines.iter().any(|line| matches!(line.entry, Entry::Closed { .. })) {
                found.tell(&path, None, Safe::clean("is closed, and the index does not say so: the process ended between the two"), false);
            }
        }
        // It is put into the index before anything is sent.
        None if story.is_some_and(|story| !story.intents.is_empty()) => {
            found.tell(&path, None, Safe::clean("is not in the index, and something was sent: lines of the index are gone"), true);
        }
        None => found.tell(&path, None, Safe::clean("is not in the index: the process ended before anything was sent"), false),
    }
}
