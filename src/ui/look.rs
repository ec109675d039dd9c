//! THE LOOK: colours by meaning and glyphs by what the terminal can draw. It knows no model and no place on the screen.
//!
//! State is never told by colour alone: every meaning has its glyph or letter as well, so that without colours nothing is lost but speed.

use ratatui::style::{Color, Modifier, Style};

use super::keys::Keys;
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
    /// 256: the sixteen and a cube of fixed ones.
    Many,
}

/// What colours stand for. Both are by meaning: nothing else says which colour a thing has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Red broken, yellow moving or waiting, blue worth knowing, magenta drift: the sixteen that a terminal's user may choose.
    #[default]
    Usual,
    /// The same meanings for eyes that do not tell red from green, or blue from yellow: orange, yellow, sky blue and pink of different lightness, after
    /// the colours of Okabe and Ito; in sixteen colours warm against cold, and what is broken is underlined.
    ColourBlind,
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
    /// What colours stand for.
    pub theme: Theme,
    /// What keys do, for those who tell of them.
    pub keys: Keys,
    /// Glyphs.
    pub glyphs: Glyphs,
    /// Whether what has a page is a hyperlink.
    pub links: bool,
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
        let many = set("COLORTERM").is_some() || term.contains("256color") || term.ends_with("-direct");
        let colors = match (set("NO_COLOR").is_some() || colourless && set("COLORTERM").is_none(), many) {
            (true, _) => Colors::None,
            (false, true) => Colors::Many,
            (false, false) => Colors::Sixteen,
        };
        // The first of these that is set decides, as for every program (POSIX, 8.2).
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        // The kernel's console has 256 or 512 glyphs, and these are not among them.
        let glyphs = if utf8 && term != "linux" { Glyphs::Unicode } else { Glyphs::Ascii };
        Self { colors, glyphs, ..Self::default() }
    }

    /// The style of a meaning.
    #[must_use]
    pub fn style(self, tone: Tone) -> Style {
        let plain = Style::new();
        let style = match tone {
            Tone::Plain => return plain,
            Tone::Strong => return plain.add_modifier(Modifier::BOLD),
            Tone::Quiet | Tone::Stale => return plain.add_modifier(Modifier::DIM),
            _ if self.theme == Theme::ColourBlind => self.colour_blind(tone),
            Tone::Broken => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Moving | Tone::Waiting => plain.fg(Color::Yellow),
            // The darker blue of the sixteen cannot be read on black.
            Tone::Info => plain.fg(Color::LightBlue),
            Tone::Drift => plain.fg(Color::Magenta),
        };
        match self.colors {
            Colors::Sixteen | Colors::Many => style,
            Colors::None => Style { fg: None, ..style },
        }
    }

    fn colour_blind(self, tone: Tone) -> Style {
        let (sixteen, many) = match tone {
            Tone::Broken => (Color::LightYellow, Color::Indexed(208)),
            Tone::Moving | Tone::Waiting => (Color::Yellow, Color::Indexed(227)),
            Tone::Drift => (Color::LightCyan, Color::Indexed(218)),
            Tone::Info => (Color::LightBlue, Color::Indexed(75)),
            Tone::Plain | Tone::Strong | Tone::Quiet | Tone::Stale => return Style::new(),
        };
        let style = Style::new().fg(if self.colors == Colors::Many { many } else { sixteen });
        if tone == Tone::Broken { style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED) } else { style }
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
            '└' => '`',
            '‹' | '⤺' => '<',
            '·' => '.',
            '─' | '–' => '-',
            '│' | '‖' | '▏' => '|',
            '…' | '★' => '*',
            '✖' => 'X',
            '◐' => '/',
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
            (&[("TERM", "xterm-256color"), ("LANG", "en_US.UTF-8")][..], (Colors::Many, Glyphs::Unicode)),
            (&[("TERM", "xterm"), ("LANG", "en_US.UTF-8"), ("NO_COLOR", "1")], (Colors::None, Glyphs::Unicode)),
            (&[("TERM", "xterm"), ("LANG", "de_DE.utf8"), ("NO_COLOR", "")], (Colors::Sixteen, Glyphs::Unicode)),
            (&[("TERM", "xterm"), ("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], (Colors::Sixteen, Glyphs::Ascii)),
            (&[("TERM", "xterm")], (Colors::Sixteen, Glyphs::Ascii)),
            (&[("TERM", "linux"), ("LANG", "C.UTF-8")], (Colors::Sixteen, Glyphs::Ascii)),
            (&[("TERM", "vt220"), ("LANG", "C.UTF-8")], (Colors::None, Glyphs::Unicode)),
            (&[("TERM", "vt220"), ("COLORTERM", "truecolor")], (Colors::Many, Glyphs::Ascii)),
            (&[], (Colors::None, Glyphs::Ascii)),
        ] {
            assert_eq!(chosen(environment), expected, "{environment:?}");
        }
    }

    #[test]
    fn without_colours_no_style_has_one() {
        for theme in [Theme::Usual, Theme::ColourBlind] {
            let look = Look { colors: Colors::None, theme, ..Look::default() };
            for tone in TONES {
                let style = look.style(tone);
                assert_eq!((style.fg, style.bg), (None, None), "{tone:?}");
            }
        }
    }

    const TONES: [Tone; 9] =
        [Tone::Plain, Tone::Strong, Tone::Quiet, Tone::Broken, Tone::Moving, Tone::Waiting, Tone::Info, Tone::Drift, Tone::Stale];

    #[test]
    fn what_each_theme_makes_of_each_meaning() {
        let mut told = String::new();
        for theme in [Theme::Usual, Theme::ColourBlind] {
            for colors in [Colors::Sixteen, Colors::Many, Colors::None] {
                for tone in TONES {
                    let style = Look { colors, theme, ..Look::default() }.style(tone);
                    let color = style.fg.map_or_else(|| "-".to_owned(), |color| color.to_string());
                    let line = format!("{theme:?} {colors:?} {tone:?}: {color} {:?}", style.add_modifier);
                    told.push_str(line.replace("NONE", "").trim_end());
                    told.push('\n');
                }
            }
        }
        insta::assert_snapshot!(told);
    }

    /// What an eye of each kind still tells apart, by the lightness of the colours: two meanings of one lightness would be one meaning to some eye.
    #[test]
    fn meanings_that_must_not_be_confused_differ_in_lightness_or_shape() {
        let look = Look { colors: Colors::Many, theme: Theme::ColourBlind, ..Look::default() };
        let lightness = |tone| match look.style(tone).fg {
            Some(Color::Indexed(index @ 16..=231)) => {
                let part = |by: u8| f64::from([0u8, 95, 135, 175, 215, 255][usize::from((index - 16) / by % 6)]) / 255.0;
                0.2126 * part(36).powf(2.2) + 0.7152 * part(6).powf(2.2) + 0.0722 * part(1).powf(2.2)
            }
            other => panic!("{tone:?} has {other:?}"),
        };
        let tones = [Tone::Broken, Tone::Moving, Tone::Info, Tone::Drift];
        for (index, one) in tones.iter().enumerate() {
            for other in &tones[index + 1..] {
                let shaped = look.style(*one).add_modifier != look.style(*other).add_modifier;
                let (light, dark) = (lightness(*one).max(lightness(*other)), lightness(*one).min(lightness(*other)));
                assert!(shaped || (light + 0.05) / (dark + 0.05) > 1.25, "{one:?} and {other:?}: {light} and {dark}");
            }
        }
    }
}
