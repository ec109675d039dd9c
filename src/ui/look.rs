//! THE LOOK: colours by meaning and glyphs by what the terminal can draw. It knows no model and no place on the screen.
//!
//! State is never told by colour alone: every meaning has its glyph or letter as well, so that without colours nothing is lost but speed.

use ratatui::style::{Color, Modifier, Style};

use crate::domain::Health;
use crate::domain::attention::Attention;

/// Which colours the terminal is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colors {
    /// None at all: `NO_COLOR`, or a terminal that has none.
    None,
    /// The sixteen that every terminal lets its user choose.
    #[default]
    Sixteen,
}

/// Which glyphs the terminal can draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    /// Unicode.
    #[default]
    Unicode,
    /// ASCII only: every other character is replaced while it is painted, one column for one column.
    Ascii,
}

/// How frames look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Colours.
    pub colors: Colors,
    /// Glyphs.
    pub glyphs: Glyphs,
}

/// What a piece of text means, and so how it is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Calm: nothing needs an eye.
    #[default]
    Plain,
    /// A name or heading.
    Strong,
    /// Frame, headings of columns, what is less than text.
    Quiet,
    /// Broken or lost.
    Broken,
    /// On its way.
    Moving,
    /// Waits for somebody.
    Waiting,
    /// Worth knowing; not known.
    Info,
    /// Differs from git.
    Drift,
    /// What was last known.
    Stale,
}

impl From<Attention> for Tone {
    fn from(attention: Attention) -> Self {
        match attention {
            Attention::Broken => Self::Broken,
            Attention::TurnedBack | Attention::WaitsForPerson => Self::Waiting,
            Attention::Moving => Self::Moving,
            Attention::Drifts => Self::Drift,
            Attention::Unclear => Self::Info,
            Attention::Quiet => Self::Plain,
        }
    }
}

impl Look {
    /// Chooses by the environment of the program: `NO_COLOR`, `TERM`, and the locale's character set.
    #[must_use]
    pub fn choose(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        // https://no-color.org; terminals of these names have no colours, unless something in between says that it makes them.
        let colourless = term.is_empty() || term == "dumb" || term.starts_with("vt1") || term.starts_with("vt2") || term.ends_with("-mono");
        let colors = if set("NO_COLOR").is_some() || colourless && set("COLORTERM").is_none() { Colors::None } else { Colors::Sixteen };
        // The first of these that is set decides, as for every program (POSIX, 8.2).
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        // The kernel's console has 256 or 512 glyphs, and these are not among them.
        let glyphs = if utf8 && term != "linux" { Glyphs::Unicode } else { Glyphs::Ascii };
        Self { colors, glyphs }
    }

    /// The style of a meaning.
    #[must_use]
    pub fn style(self, tone: Tone) -> Style {
        let plain = Style::new();
        let style = match tone {
            Tone::Plain => return plain,
            Tone::Strong => return plain.add_modifier(Modifier::BOLD),
            Tone::Quiet | Tone::Stale => return plain.add_modifier(Modifier::DIM),
            Tone::Broken => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Moving | Tone::Waiting => plain.fg(Color::Yellow),
            // The darker blue of the sixteen cannot be read on black.
            Tone::Info => plain.fg(Color::LightBlue),
            Tone::Drift => plain.fg(Color::Magenta),
        };
        match self.colors {
            Colors::Sixteen => style,
            Colors::None => Style { fg: None, ..style },
        }
    }

    /// Health as glyph and letter; in ASCII the letter alone.
    #[must_use]
    pub const fn health(self, health: &Health) -> &'static str {
        let both = match health {
            Health::Healthy => ("✔H", "H"),
            Health::Suspended => ("‖S", "S"),
            Health::Progressing => ("◐P", "P"),
            Health::Missing => ("○M", "M"),
            Health::Degraded => ("✖D", "D"),
            Health::Unknown(_) => ("?U", "U"),
        };
        match self.glyphs {
            Glyphs::Unicode => both.0,
            Glyphs::Ascii => both.1,
        }
    }

    /// A key as it may be written here.
    #[must_use]
    pub(super) fn key(self, shown: &'static str) -> &'static str {
        if self.glyphs == Glyphs::Ascii && shown == "↵" { "Enter" } else { shown }
    }

    /// What stands in for a character on this terminal.
    #[must_use]
    pub(super) const fn stand_in(character: char) -> char {
        match character {
            ' '..='~' => character,
            '▸' | '›' | '→' => '>',
            '‹' | '⤺' => '<',
            '·' => '.',
            '─' | '–' => '-',
            '│' | '‖' | '▏' => '|',
            '…' => '*',
            '✖' => 'X',
            '◐' => '/',
            '★' => '*',
            '◇' => '^',
            '○' | '◌' => 'o',
            '✔' | '●' => '+',
            '↻' => '@',
            '×' => 'x',
            _ => '?',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(environment: &[(&str, &str)]) -> (Colors, Glyphs) {
        let look = Look::choose(|name| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()));
        (look.colors, look.glyphs)
    }

    #[test]
    fn the_environment_decides() {
        for (environment, expected) in [
            (&[("TERM", "xterm-256color"), ("LANG", "en_US.UTF-8")][..], (Colors::Sixteen, Glyphs::Unicode)),
            (&[("TERM", "xterm"), ("LANG", "en_US.UTF-8"), ("NO_COLOR", "1")], (Colors::None, Glyphs::Unicode)),
            (&[("TERM", "xterm"), ("LANG", "de_DE.utf8"), ("NO_COLOR", "")], (Colors::Sixteen, Glyphs::Unicode)),
            (&[("TERM", "xterm"), ("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], (Colors::Sixteen, Glyphs::Ascii)),
            (&[("TERM", "xterm")], (Colors::Sixteen, Glyphs::Ascii)),
            (&[("TERM", "linux"), ("LANG", "C.UTF-8")], (Colors::Sixteen, Glyphs::Ascii)),
            (&[("TERM", "vt220"), ("LANG", "C.UTF-8")], (Colors::None, Glyphs::Unicode)),
            (&[("TERM", "vt220"), ("COLORTERM", "truecolor")], (Colors::Sixteen, Glyphs::Ascii)),
            (&[], (Colors::None, Glyphs::Ascii)),
        ] {
            assert_eq!(chosen(environment), expected, "{environment:?}");
        }
    }

    #[test]
    fn without_colours_no_style_has_one() {
        let look = Look { colors: Colors::None, glyphs: Glyphs::Unicode };
        for tone in [Tone::Plain, Tone::Strong, Tone::Quiet, Tone::Broken, Tone::Moving, Tone::Waiting, Tone::Info, Tone::Drift, Tone::Stale] {
            let style = look.style(tone);
            assert_eq!((style.fg, style.bg), (None, None), "{tone:?}");
        }
    }
}
