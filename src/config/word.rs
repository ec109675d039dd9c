//! Values that are written as one of a few words: each word and what it means, once for reading, for the schema and for the listing.

use crate::config::{Arrange, Colors, Glyphs, Links, Notify, Theme};
use crate::domain::forge::MergeMethod;

/// A value that is written as one of a few words.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// Each word and what it means.
    const WORDS: &'static [(&'static str, Self)];

    /// The word for it.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, meant)| *meant == self).map_or("", |(word, _)| *word)
    }
}

impl Word for Glyphs {
    const WORDS: &'static [(&'static str, Self)] = &[("auto", Self::Auto), ("unicode", Self::Unicode), ("ascii", Self::Ascii)];
}

impl Word for Colors {
    const WORDS: &'static [(&'static str, Self)] = &[("auto", Self::Auto), ("16", Self::Sixteen), ("256", Self::Many), ("none", Self::None)];
}

impl Word for Notify {
    const WORDS: &'static [(&'static str, Self)] = &[("bell", Self::Bell), ("osc9", Self::Osc9), ("osc777", Self::Osc777), ("off", Self::Off)];
}

impl Word for Theme {
    const WORDS: &'static [(&'static str, Self)] = &[("default", Self::Usual), ("colour-blind", Self::ColourBlind)];
}

impl Word for Links {
    const WORDS: &'static [(&'static str, Self)] = &[("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)];
}

impl Word for Arrange {
    const WORDS: &'static [(&'static str, Self)] = &[("need", Self::Need), ("name", Self::Name), ("change", Self::Change)];
}

impl Word for MergeMethod {
    const WORDS: &'static [(&'static str, Self)] = &[("merge", Self::Merge), ("squash", Self::Squash), ("rebase", Self::Rebase)];
}
