//! Text from the world, kept apart by what may be done with it.
//!
//! * [`Raw`] goes back out unchanged: names, paths, refs, manifests. It has no `Display`; [`Raw::shown`] gives what may be shown of it.
//! * [`Safe`] may reach a terminal, a log or a person. Only the sanitiser in this file makes one, so nothing that a pod, a commit or an API
//!   wrote can carry an escape sequence to the screen.
//!
//! Both share their bytes by reference count; for the usual plain text `shown` copies nothing.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Bytes of one field that are looked at; what lies behind is cut, before any width is computed.
pub const FIELD_LIMIT: usize = 4096;

/// Combining marks that one character keeps. More is a flood, not a language.
const MARKS_LIMIT: usize = 4;

/// What stands for a character that must not reach a terminal.
const MARKER: char = '\u{fffd}';

/// The text that is missing in most places where one may be missing: all of these are one.
static NOTHING: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(""));

/// Text that must go back to the world unchanged. Not for showing: see [`Raw::shown`].
#[derive(Clone)]
pub struct Raw(Arc<str>);

// Texts that repeat are shared, and a text is itself: most comparisons, those along the keys of a tree above all, end before a byte is looked at.
impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Raw {}

impl PartialOrd for Raw {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Raw {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

// As the text has it: a set of these is asked with a `str`.
impl Hash for Raw {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Raw {
    /// Wraps text as it came.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The bytes for a request, a path or an edit. Never for a screen or a log.
    #[must_use]
    pub fn as_wire(&self) -> &str {
        &self.0
    }

    /// What may be shown of this text.
    #[must_use]
    pub fn shown(&self) -> Safe {
        if is_plain(&self.0) { Safe(Arc::clone(&self.0)) } else { Safe::clean(&self.0) }
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Raw({:?})", self.0.escape_debug().to_string())
    }
}

impl Default for Raw {
    fn default() -> Self {
        Self(Arc::clone(&NOTHING))
    }
}

impl From<&str> for Raw {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::default() } else { Self::new(text) }
    }
}

impl From<String> for Raw {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Borrow<str> for Raw {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer).map(|text| Self::from(text.as_ref()))
    }
}

/// Text that a terminal may be given: no control characters, no escape sequences, no direction overrides, no floods of combining marks.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Safe(Arc<str>);

impl Safe {
    /// Neutralises text of any origin. What is not allowed is replaced by a visible mark rather than removed, so that `ok\rFAKE` does not
    /// read as `okFAKE`.
    #[must_use]
    pub fn clean(text: &str) -> Self {
        if is_plain(text) { Self(Arc::from(text)) } else { Self(Arc::from(sanitise(text))) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Safe {
    fn default() -> Self {
        Self(Arc::clone(&NOTHING))
    }
}

impl Borrow<str> for Safe {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for Safe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Safe({:?})", &*self.0)
    }
}

impl AsRef<str> for Safe {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Safe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What was written as safe may have been changed since: it is cleaned again.
impl<'de> Deserialize<'de> for Safe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer).map(|text| Self::clean(text.as_ref()))
    }
}

/// Builds a [`Safe`] from a format string whose arguments are numbers, [`Safe`] or words of our own; the result is sanitised all the same.
#[macro_export]
macro_rules! safe {
    ($($argument:tt)*) => { $crate::base::Safe::clean(&::std::format!($($argument)*)) };
}

/// Printable ASCII within the limit: nothing to do, which is nearly always the case.
fn is_plain(text: &str) -> bool {
    text.len() <= FIELD_LIMIT && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn sanitise(text: &str) -> String {
    let (kept, rest) = text.split_at(text.floor_char_boundary(FIELD_LIMIT));
    let mut allowed = String::with_capacity(kept.len());
    for character in kept.chars() {
        match verdict(character) {
            Verdict::Keep => allowed.push(character),
            Verdict::Blank => allowed.push(' '),
            Verdict::Mark => allowed.push(MARKER),
            Verdict::Drop => {}
        }
    }
    let mut out = String::with_capacity(allowed.len());
    let mut marks = 0;
    for character in allowed.nfc() {
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        if marks <= MARKS_LIMIT && (marks == 0 || !out.is_empty()) {
            out.push(character);
        }
    }
    if !rest.is_empty() {
        out.push('…');
    }
    out
}

enum Verdict {
    Keep,
    Blank,
    Mark,
    Drop,
}

#[expect(clippy::match_same_arms, reason = "one arm per family of characters, with its reason")]
const fn verdict(character: char) -> Verdict {
    match character {
        '\n' | '\t' => Verdict::Blank,
        // C0, DEL and C1: every terminal command starts with one of these.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Verdict::Mark,
        // Direction marks, embeddings, overrides and isolates (CVE-2021-42574).
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Verdict::Mark,
        // Right-to-left scripts reorder their whole line on some terminals: they are shown as marks, never in a cell of the matrix.
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}' => {
            Verdict::Mark
        }
        // Line and paragraph separators, and blanks that are not the blank.
        '\u{2028}' | '\u{2029}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Verdict::Blank,
        // Without width: joiners, fillers, soft hyphens, variation selectors, tags, interlinear marks, invisible operators.
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => Verdict::Drop,
        // No characters, and planes that hold none yet: how wide they are is anybody's guess.
        '\u{fffe}' | '\u{ffff}' | '\u{1fffe}' | '\u{1ffff}' | '\u{2fffe}' | '\u{2ffff}' | '\u{3fffe}'..='\u{dffff}' | '\u{e1000}'..='\u{effff}' => {
            Verdict::Mark
        }
        // Private use: fonts on the other side decide what it looks like.
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => Verdict::Mark,
        _ => Verdict::Keep,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn what_would_command_a_terminal_becomes_a_visible_mark() {
        for (hostile, shown) in [
            ("\u{1b}[2Jgone", "\u{fffd}[2Jgone"),
            ("ok\rFAKE", "ok\u{fffd}FAKE"),
            ("a\u{9b}31mb", "a\u{fffd}31mb"),
            ("a\nb\tc", "a b c"),
            ("safe\u{202e}txt.exe", "safe\u{fffd}txt.exe"),
            ("in\u{200b}vi\u{e0041}sible", "invisible"),
            ("plain", "plain"),
            ("e\u{301}te\u{301}", "été"),
        ] {
            assert_eq!(Safe::clean(hostile).as_str(), shown, "{hostile:?}");
            assert_eq!(Raw::from(hostile).shown().as_str(), shown, "{hostile:?}");
            assert_eq!(Raw::from(hostile).as_wire(), hostile);
        }
    }

    #[test]
    fn a_flood_of_marks_and_a_long_field_are_cut() {
        let flood = format!("a{}", "\u{30f}".repeat(300));
        assert!(Safe::clean(&flood).as_str().chars().count() <= 1 + MARKS_LIMIT);
        let long = "ä".repeat(FIELD_LIMIT);
        let shown = Safe::clean(&long);
        assert!(shown.as_str().len() <= FIELD_LIMIT + '…'.len_utf8());
        assert!(shown.as_str().ends_with('…'));
    }

    /// Strings of characters that do harm, and of any others, always the same.
    fn hold_against(count: usize) {
        let mut dice = fastrand::Rng::with_seed(7);
        let harm: Vec<char> =
            "\u{1b}\u{9b}\u{7}\r\n\u{8}\0[]m;?0ha\u{202e}\u{2066}\u{200d}\u{fe0f}\u{e0041}\u{301}\u{30f}\u{5d0}宽👨\u{ad}\u{feff}".chars().collect();
        let mut text = String::new();
        for _ in 0..count {
            text.clear();
            for _ in 0..dice.usize(..24) {
                text.push(if dice.bool() { *dice.choice(&harm).unwrap() } else { dice.char(..) });
            }
            let shown = Safe::clean(&text);
            let mut marks = 0;
            for character in shown.as_str().chars() {
                assert!(!character.is_control(), "{text:?}");
                assert!(!matches!(verdict(character), Verdict::Drop | Verdict::Blank) && (matches!(verdict(character), Verdict::Keep)), "{text:?}");
                marks = if is_combining_mark(character) { marks + 1 } else { 0 };
                assert!(marks <= MARKS_LIMIT, "{text:?}");
            }
            assert_eq!(Safe::clean(shown.as_str()), shown, "{text:?}");
        }
    }

    #[test]
    fn fifty_thousand_hostile_strings_are_harmless() {
        hold_against(50_000);
    }

    #[test]
    #[ignore = "takes a minute unoptimized: cargo test --lib a_million_hostile -- --ignored"]
    fn a_million_hostile_strings_are_harmless() {
        hold_against(1_000_000);
    }

    proptest! {
        #[test]
        fn nothing_safe_controls_a_terminal(text in any::<String>()) {
            let shown = Safe::clean(&text);
            prop_assert!(shown.as_str().chars().all(|c| !c.is_control()));
            prop_assert!(shown.as_str().width() <= 2 * shown.as_str().chars().count());
            prop_assert_eq!(Safe::clean(shown.as_str()), shown);
        }
    }
}
