//! What a terminal is told beside the frames: the clipboard (OSC 52), a notification (OSC 9 or 777), a bell. The bytes only; the writer sends them
//! behind a frame, in the same `write`.
//!
//! Between the cockpit and the terminal there may be tmux or GNU screen, which keep such sequences to themselves unless they are wrapped. Text is
//! [`Safe`], and nothing is ever asked of the terminal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::Safe;

/// What stands between the cockpit and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Between {
    /// Nothing that is known.
    #[default]
    Nothing,
    /// tmux. It sets the clipboard itself where it may (`set-clipboard on`), and passes on what is wrapped where it may (`allow-passthrough on`).
    Tmux,
    /// GNU screen: it passes on what is wrapped, in small pieces.
    Screen,
}

/// How a person's attention is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bell {
    /// The bell.
    #[default]
    Bell,
    /// OSC 9: iTerm2, Windows Terminal, Ghostty, kitty.
    Osc9,
    /// OSC 777: rxvt-unicode, foot, Ghostty, and what builds on VTE.
    Osc777,
    /// Not at all.
    Off,
}

/// GNU screen takes no longer strings before version 5.
const PIECE: usize = 240;

impl Between {
    /// Chooses by the environment of the program.
    #[must_use]
    pub fn choose(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).is_some_and(|value| !value.is_empty());
        match (set("TMUX"), set("STY")) {
            // The inner one of two is the one whose TERM this is; without it, tmux: both at once are rare.
            (true, _) => Self::Tmux,
            (false, true) => Self::Screen,
            (false, false) => Self::Nothing,
        }
    }

    /// Wraps one operating system command so that what stands between hands it on.
    fn wrap(self, command: &[u8]) -> Vec<u8> {
        match self {
            Self::Nothing => command.to_vec(),
            Self::Tmux => {
                let mut out = b"\x1bPtmux;".to_vec();
                for byte in command {
                    if *byte == 0x1b {
                        out.push(0x1b);
                    }
                    out.push(*byte);
                }
                out.extend_from_slice(b"\x1b\\");
                out
            }
            Self::Screen => command.chunks(PIECE).flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect(),
        }
    }
}

/// Whether a terminal is known to understand hyperlinks (OSC 8), or at least to leave them out in silence. By the environment of the program alone:
/// a question to the terminal would wait for its answer, and what comes late would be taken for keys.
///
/// After the checks of GCC 10 (`auto_enable_urls`) and of what programs in JavaScript use (`supports-hyperlinks`): old terminals of GNOME and Xfce paint
/// rubbish, VTE 0.50.0 crashes, and over SSH, where only `TERM` arrives, `xterm` may be anything while `xterm-256color` is one of those that can.
#[must_use]
pub fn understands_links(lookup: impl Fn(&str) -> Option<String>) -> bool {
    let variable = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let (term, colorterm) = (variable("TERM").unwrap_or_default(), variable("COLORTERM"));
    match (variable("TMUX"), variable("STY")) {
        // GNU screen knows none; and with both there is one in between, whichever is the inner one.
        (_, Some(_)) => return false,
        (Some(_), None) => return tmux_passes_links_on(&variable),
        (None, None) => {}
    }
    if matches!(colorterm.as_deref(), Some("gnome-terminal" | "xfce4-terminal")) {
        return false;
    }
    if let Some(version) = variable("VTE_VERSION") {
        return version.parse().is_ok_and(|version: u32| version > 5000);
    }
    let knows = |name: &str| term == name || term.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
    // tmux from elsewhere leaves out what it does not know. `screen` may be tmux as well, but GNU screen keeps the beginning of a long one.
    ["alacritty", "contour", "foot", "ghostty", "iterm2", "konsole", "mintty", "rio", "tmux", "vte", "wezterm", "xterm-ghostty", "xterm-kitty"]
        .into_iter()
        .any(knows)
        || term == "xterm-256color"
        || term == "xterm-direct"
        || term == "xterm" && colorterm.is_some()
}

/// tmux passes hyperlinks on since 3.4. It tells its version to the programs in it (since 3.2): `3.4`, `3.3a`, `next-3.6`.
fn tmux_passes_links_on(variable: &impl Fn(&str) -> Option<String>) -> bool {
    let version = variable("TERM_PROGRAM").filter(|program| program == "tmux").and_then(|_| variable("TERM_PROGRAM_VERSION")).unwrap_or_default();
    let version = version.strip_prefix("next-").unwrap_or(&version);
    let mut numbers = version.split(|character: char| !character.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (3, 4)
}

/// Puts a text on the terminal's clipboard.
#[must_use]
pub fn clipboard(text: &Safe, between: Between) -> Vec<u8> {
    let command = format!("\x1b]52;c;{}\x07", STANDARD.encode(text.as_str())).into_bytes();
    let wrapped = between.wrap(&command);
    // tmux takes the plain one or the wrapped one, as it is configured; both put the same there.
    if between == Between::Tmux { [command, wrapped].concat() } else { wrapped }
}

/// Draws a person's attention.
#[must_use]
pub fn notification(text: &Safe, bell: Bell, between: Between) -> Vec<u8> {
    match bell {
        Bell::Off => Vec::new(),
        Bell::Bell => vec![0x07],
        // A text that begins with a number would be a command to some terminals.
        Bell::Osc9 => between.wrap(format!("\x1b]9;tiphys: {text}\x07").as_bytes()),
        Bell::Osc777 => between.wrap(format!("\x1b]777;notify;tiphys;{}\x07", text.as_str().replace(';', ",")).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        bytes.escape_ascii().to_string()
    }

    #[test]
    fn the_clipboard_is_set_through_what_stands_between() {
        let text = Safe::clean("2.14.3");
        assert_eq!(shown(&clipboard(&text, Between::Nothing)), r"\x1b]52;c;Mi4xNC4z\x07");
        assert_eq!(shown(&clipboard(&text, Between::Tmux)), r"\x1b]52;c;Mi4xNC4z\x07\x1bPtmux;\x1b\x1b]52;c;Mi4xNC4z\x07\x1b\\");
        assert_eq!(shown(&clipboard(&text, Between::Screen)), r"\x1bP\x1b]52;c;Mi4xNC4z\x07\x1b\\");
        let long = clipboard(&Safe::clean(&"x".repeat(4096)), Between::Screen);
        let pieces: Vec<&[u8]> = long.split(|byte| *byte == b'P').skip(1).collect();
        assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.len() <= PIECE + 4), "{}", pieces.len());
    }

    #[test]
    fn what_cannot_be_trusted_stays_inside_of_its_sequence() {
        let hostile = Safe::clean("9;x\u{7}\u{1b}\\;y\u{9c}");
        for bell in [Bell::Osc9, Bell::Osc777] {
            let bytes = notification(&hostile, bell, Between::Nothing);
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(text.matches(['\u{7}', '\u{1b}', '\u{9c}']).count(), 2, "{text:?}");
            assert!(text.starts_with('\u{1b}') && text.ends_with('\u{7}'));
        }
        assert_eq!(shown(&notification(&Safe::clean("a;b"), Bell::Osc777, Between::Nothing)), r"\x1b]777;notify;tiphys;a,b\x07");
        assert_eq!(notification(&hostile, Bell::Bell, Between::Tmux), b"\x07");
        assert_eq!(notification(&hostile, Bell::Off, Between::Nothing), b"");
    }

    #[test]
    fn the_environment_says_whether_links_are_understood() {
        let understood =
            |set: &[(&str, &str)]| understands_links(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()));
        let tmux = |version: &'static str| {
            understood(&[
                ("TMUX", "/tmp/tmux"),
                ("TERM", "screen"),
                ("TERM_PROGRAM", "tmux"),
                ("TERM_PROGRAM_VERSION", version),
                ("VTE_VERSION", "7000"),
            ])
        };
        assert_eq!(["3.4", "3.5a", "next-3.6", "4.0"].map(tmux), [true; 4]);
        assert_eq!(["3.3a", "3.2", "2.9", "", "master"].map(tmux), [false; 5]);
        for can in [
            &[("TERM", "xterm-256color")][..],
            &[("TERM", "xterm"), ("COLORTERM", "truecolor")],
            &[("TERM", "xterm-kitty")],
            &[("TERM", "foot")],
            &[("TERM", "tmux-256color")],
            &[("TERM", "xterm-256color"), ("VTE_VERSION", "7600"), ("COLORTERM", "truecolor")],
        ] {
            assert!(understood(can), "{can:?}");
        }
        for cannot in [
            &[][..],
            &[("TERM", "dumb")],
            &[("TERM", "linux")],
            &[("TERM", "vt100")],
            &[("TERM", "xterm")],
            &[("TERM", "screen")],
            &[("TERM", "screen-256color")],
            &[("TERM", "footloose")],
            &[("TERM", "xterm-256color"), ("STY", "1.pts")],
            &[("TERM", "screen"), ("STY", "1.pts"), ("TMUX", "x"), ("TERM_PROGRAM", "tmux"), ("TERM_PROGRAM_VERSION", "3.4")],
            &[("TERM", "xterm-256color"), ("TMUX", "x")],
            &[("TERM", "xterm-256color"), ("VTE_VERSION", "5000")],
            &[("TERM", "xterm-256color"), ("VTE_VERSION", "4601")],
            &[("TERM", "xterm-256color"), ("COLORTERM", "gnome-terminal")],
        ] {
            assert!(!understood(cannot), "{cannot:?}");
        }
    }

    #[test]
    fn the_environment_says_what_stands_between() {
        let chosen = |set: &[&str]| Between::choose(|name| set.contains(&name).then(|| "x".to_owned()));
        assert_eq!(
            [chosen(&[]), chosen(&["TMUX"]), chosen(&["STY"]), chosen(&["STY", "TMUX"])],
            [Between::Nothing, Between::Tmux, Between::Screen, Between::Tmux]
        );
    }
}
