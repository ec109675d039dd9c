//! The words by which environments and placements are known, and patterns with `*`. Pure matching of text; it knows no application and no rule.

use std::collections::BTreeMap;

use crate::domain::names::{EnvironmentName, PlacementName};

/// Text in which `*` stands for any text, also for none. Letters match without regard to their case, as everything here that was typed by people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Reads a pattern. Every text is one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.0
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else { return self.0.eq_ignore_ascii_case(text) };
        let Some(mut text) = after(text, head) else { return false };
        let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
        for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
            let Some(found) = text.char_indices().find_map(|(at, _)| text.split_at_checked(at).and_then(|(_, here)| after(here, piece))) else {
                return false;
            };
            text = found;
        }
        text.len() >= tail.len() && text.split_at_checked(text.len() - tail.len()).is_some_and(|(_, end)| end.eq_ignore_ascii_case(tail))
    }
}

/// What follows `start` in `text`, if it starts with that.
pub(crate) fn after<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    text.split_at_checked(start.len()).filter(|(head, _)| head.eq_ignore_ascii_case(start)).map(|(_, rest)| rest)
}

/// What a word means: `production-eu` means environment `production`, placement `eu`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meaning {
    /// The environment.
    pub environment: EnvironmentName,
    /// The placement, where the word says it.
    pub placement: Option<PlacementName>,
}

/// All words of a landscape, longest first, so that `production-eu` is not read as something that ends in `eu`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    exact: Vec<(Box<str>, Meaning)>,
    patterns: Vec<(Pattern, Meaning)>,
    placements: Vec<PlacementName>,
}

/// One word that would mean two things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambiguous {
    /// The word.
    pub word: Box<str>,
    /// What it means.
    pub first: Meaning,
    /// What it would mean as well.
    pub second: Meaning,
}

impl Words {
    /// Sorts words and their meanings. Words that mean two things are handed back; the first meaning holds.
    #[must_use]
    pub fn new(words: impl IntoIterator<Item = (Box<str>, Meaning)>, placements: impl IntoIterator<Item = PlacementName>) -> (Self, Vec<Ambiguous>) {
        let mut known: BTreeMap<String, (Box<str>, Meaning)> = BTreeMap::new();
        let mut ambiguous = Vec::new();
        for (word, meaning) in words {
            match known.get(&word.to_ascii_lowercase()) {
                None => {
                    known.insert(word.to_ascii_lowercase(), (word, meaning));
                }
                Some((_, first)) if *first == meaning => {}
                Some((_, first)) => ambiguous.push(Ambiguous { word, first: first.clone(), second: meaning }),
            }
        }
        let (mut exact, mut patterns) = (Vec::new(), Vec::new());
        for (word, meaning) in known.into_values() {
            if word.contains('*') { patterns.push((Pattern(word), meaning)) } else { exact.push((word, meaning)) }
        }
        exact.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.0.len()));
        let mut placements: Vec<_> = placements.into_iter().collect();
        placements.sort();
        placements.dedup();
        placements.sort_by_key(|placement| std::cmp::Reverse(placement.as_wire().len()));
        (Self { exact, patterns, placements }, ambiguous)
    }

    /// What the whole text means.
    #[must_use]
    pub fn meaning(&self, text: &str) -> Option<&Meaning> {
        let exact = self.exact.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        exact.map(|(_, meaning)| meaning).or_else(|| self.patterns.iter().find(|(pattern, _)| pattern.matches(text)).map(|(_, meaning)| meaning))
    }

    /// The words that `text` may start with, and what follows each: longest first, patterns last.
    pub(crate) fn starts<'s, 't: 's>(&'s self, text: &'t str) -> impl Iterator<Item = (&'s Meaning, &'t str)> + 's {
        let exact = self.exact.iter().filter_map(move |(word, meaning)| after(text, word).map(|rest| (meaning, rest)));
        let patterns = self
            .patterns
            .iter()
            .flat_map(move |(pattern, meaning)| heads(text).rev().filter(|(head, _)| pattern.matches(head)).map(move |(_, rest)| (meaning, rest)));
        exact.chain(patterns)
    }

    /// The placements that `text` may start with, and what follows each: longest first.
    pub(crate) fn placement_starts<'s, 't: 's>(&'s self, text: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> + 's {
        self.placements.iter().filter_map(move |placement| {
            let rest = after(text, placement.as_wire())?;
            text.split_at_checked(text.len() - rest.len())
        })
    }
}

/// All ways to cut a text that is not empty in two, its head within one path segment, shortest head first.
pub(crate) fn heads(text: &str) -> impl DoubleEndedIterator<Item = (&str, &str)> {
    let segment = text.split('/').next().unwrap_or_default();
    segment.char_indices().filter_map(move |(at, character)| text.split_at_checked(at + character.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, matches) in [
            ("checkout", "checkout", true),
            ("checkout", "Checkout", true),
            ("checkout", "checkouts", false),
            ("pr-*", "pr-12", true),
            ("pr-*", "pr-", true),
            ("*-eu", "prod-eu", true),
            ("*-eu", "eu", false),
            ("a*b*c", "a12b34c", true),
            ("a*b*c", "ac", false),
            ("a*a", "a", false),
            ("*", "", true),
            ("*é*", "caféß", true),
            ("**", "x", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_word_with_two_meanings_is_told() {
        let meaning = |name: &str| Meaning { environment: name.into(), placement: None };
        let (words, ambiguous) =
            Words::new([("live".into(), meaning("production")), ("Live".into(), meaning("staging")), ("pr-*".into(), meaning("preview"))], []);
        assert_eq!(ambiguous.len(), 1);
        assert_eq!(words.meaning("LIVE"), Some(&meaning("production")));
        assert_eq!(words.meaning("pr-7"), Some(&meaning("preview")));
        assert_eq!(words.meaning("x"), None);
    }
}
