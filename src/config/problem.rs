//! What is wrong with a configuration: where it stands, what was found there, and what cures it. Knows nothing of what the keys mean.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::base::Safe;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Problem {
    /// The file; none where there is no file.
    pub file: Option<PathBuf>,
    /// Line and column, both from 1, where they are known.
    pub at: Option<(usize, usize)>,
    /// The key: `environments.production.from`.
    pub key: Option<Safe>,
    /// What was found.
    pub found: Safe,
    /// What helps.
    pub cure: Option<Safe>,
}

impl Problem {
    /// A problem without a file.
    #[must_use]
    pub fn new(found: &str) -> Self {
        Self { file: None, at: None, key: None, found: Safe::clean(found), cure: None }
    }

    /// A problem with a whole file.
    #[must_use]
    pub fn with_file(file: &Path, found: &str) -> Self {
        Self { file: Some(file.to_owned()), ..Self::new(found) }
    }

    /// Says what helps.
    #[must_use]
    pub fn cured_by(mut self, cure: &str) -> Self {
        self.cure = Some(Safe::clean(cure));
        self
    }
}

/// What the system says about a file, without its number.
pub(crate) fn plainly(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(words, _)| words.to_owned())
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(formatter, "{}", Safe::clean(&file.display().to_string()))?;
            if let Some((line, column)) = self.at {
                write!(formatter, ":{line}:{column}")?;
            }
            write!(formatter, ": ")?;
        }
        if let Some(key) = &self.key {
            write!(formatter, "{key}: ")?;
        }
        write!(formatter, "{}", self.found)?;
        if let Some(cure) = &self.cure {
            write!(formatter, "\n    {cure}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A sentence that helps with a word that is not known: the nearest known one, else all of them.
pub(crate) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let mut known: Vec<&str> = known.into_iter().collect();
    let mut seen = std::collections::BTreeSet::new();
    known.retain(|candidate| seen.insert(*candidate));
    match crate::base::nearest::nearest(word, known.iter().copied()) {
        Some(candidate) => Some(format!("did you mean '{candidate}'?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered() {
        assert_eq!(did_you_mean("contex", ["url", "context"]).unwrap(), "did you mean 'context'?");
        assert_eq!(did_you_mean("zzz", ["url", "context"]).unwrap(), "known here: url, context");
        assert_eq!(did_you_mean("zzz", []), None);
    }
}
