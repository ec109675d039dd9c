//! The grammar of what the program may send to a terminal: a parser that accepts the few sequences that the cockpit uses, printable text that fits
//! into its line, and nothing else.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthChar as _;

/// Bytes before and after an offence that are told with it.
const AROUND: usize = 48;
/// More marks than this on one character are a flood.
const MARKS: usize = 4;

/// Judges bytes as they come.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// Another program may write as well while the first screen is shown.
    is_shell: bool,
    alternate: bool,
    /// Bytes that were judged.
    offset: usize,
    /// The beginning of a sequence or of a character whose end has not come yet.
    pending: Vec<u8>,
    /// The bytes before, for the report.
    before: Vec<u8>,
    /// Where the next character goes, as far as it is known: only within one run behind a cursor movement.
    column: Option<usize>,
    /// No line is longer.
    columns: usize,
    marks: usize,
    /// What came last was a sequence and no character.
    is_bare: bool,
    /// Where what comes next leads.
    link: Option<String>,
    /// Where hyperlinks led to.
    pub(crate) links: BTreeSet<String>,
    /// The first offence.
    pub(crate) offence: Option<String>,
}

enum Step {
    /// So many bytes were one thing.
    Taken(usize),
    /// The end has not come yet.
    More,
    Wrong(&'static str),
}

impl Grammar {
    pub(crate) fn new(columns: u16, is_shell: bool) -> Self {
        Self {
            is_shell,
            alternate: false,
            offset: 0,
            pending: Vec::new(),
            before: Vec::new(),
            column: None,
            columns: usize::from(columns),
            marks: 0,
            is_bare: false,
            link: None,
            links: BTreeSet::new(),
            offence: None,
        }
    }

    /// Bytes that were judged so far.
    pub(crate) fn bytes(&self) -> usize {
        self.offset
    }

    /// Lines may be so long from now on; what was painted for a wider terminal may still be under way.
    pub(crate) fn widen(&mut self, columns: u16) {
        self.columns = self.columns.max(usize::from(columns));
    }

    /// Judges what came.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let mut rest = std::mem::take(&mut self.pending);
        rest.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(next) = rest.get(at..).filter(|next| !next.is_empty()) {
            match self.step(next) {
                Step::Taken(count) => {
                    at += count;
                    self.offset += count;
                }
                Step::More => break,
                Step::Wrong(why) => {
                    if self.offence.is_none() {
                        let from = self.before.iter().chain(rest.get(..at).unwrap_or_default()).copied().collect::<Vec<u8>>();
                        let from = from.get(from.len().saturating_sub(AROUND)..).unwrap_or_default();
                        let to = next.get(..next.len().min(AROUND)).unwrap_or_default();
                        self.offence = Some(format!("byte {}: {why}: {} >>> {}", self.offset, from.escape_ascii(), to.escape_ascii()));
                    }
                    at += 1;
                    self.offset += 1;
                }
            }
        }
        self.pending = rest.get(at..).unwrap_or_default().to_vec();
        rest.truncate(at);
        self.before.extend_from_slice(&rest);
        let surplus = self.before.len().saturating_sub(AROUND);
        self.before.drain(..surplus);
    }

    fn step(&mut self, bytes: &[u8]) -> Step {
        match bytes {
            [0x1b] => Step::More,
            [0x1b, b'[', rest @ ..] => self.control(rest),
            [0x1b, b']', ..] if self.alternate => {
                let step = operating(bytes);
                if let (Step::Taken(count), true) = (&step, bytes.starts_with(b"\x1b]8;")) {
                    let address = bytes.get(..count - 2).and_then(|link| link.strip_prefix(b"\x1b]8;id=t;"));
                    self.link = address.map(|address| String::from_utf8_lossy(address).into_owned());
                    self.links.extend(self.link.clone());
                }
                self.beside(step)
            }
            [0x1b, b'P', ..] if self.alternate => self.beside(passed_on(bytes)),
            // A bell comes behind a sequence, never behind a character: text has none.
            [0x07, ..] if self.alternate && self.is_bare => Step::Taken(1),
            // The shell's own screen, and what the line discipline makes of newlines in a message after the end.
            [_, ..] if self.is_shell && !self.alternate => Step::Taken(1),
            [b'\r' | b'\n', ..] if !self.alternate => {
                self.column = None;
                Step::Taken(1)
            }
            [0x1b, ..] => Step::Wrong("an escape that is no control sequence"),
            _ => self.character(bytes),
        }
    }

    fn control(&mut self, rest: &[u8]) -> Step {
        let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
            return if rest.len() > 40 { Step::Wrong("a control sequence without end") } else { Step::More };
        };
        let (Some(parameters), Some(last)) = (rest.get(..end).and_then(|bytes| std::str::from_utf8(bytes).ok()), rest.get(end)) else {
            return Step::Wrong("a control sequence of odd bytes");
        };
        let taken = Step::Taken(end + 3);
        match (parameters, *last) {
            // The answer would take a round trip, and would be taken for keys when it comes late.
            (_, b'c' | b'n' | b't' | b'u' | b'x' | b'y' | b'p' | b'q') => return Step::Wrong("a question to the terminal"),
            (_, b'm') => {}
            _ if self.link.is_some() => return Step::Wrong("a hyperlink that goes on elsewhere"),
            _ => {}
        }
        match (parameters, *last) {
            ("?1049", b'h') => self.alternate = true,
            ("?1049", b'l') => self.alternate = false,
            ("?25" | "?2004" | "?2026", b'h' | b'l') | ("2", b'J') => {}
            (position, b'H') => {
                let Some((row, column)) = position.split_once(';') else { return self.foreign(taken, "a cursor movement without row and column") };
                let (Ok(1..=2000), Ok(column @ 1..=2000)) = (row.parse::<u16>(), column.parse::<usize>()) else {
                    return self.foreign(taken, "a cursor movement to nowhere");
                };
                self.column = Some(column - 1);
                self.marks = 0;
            }
            (column, b'G') => {
                // Only within a row that the cursor was put into.
                let (Some(_), Ok(column @ 1..=2000)) = (self.column, column.parse::<usize>()) else {
                    return self.foreign(taken, "a cursor movement within a row that nobody knows");
                };
                self.column = Some(column - 1);
                self.marks = 0;
            }
            (style, b'm') if is_style(style) => {}
            // Margins, and lines that are deleted or inserted at the top of them.
            (margins, b'r') if is_margins(margins) => self.column = None,
            ("1" | "2" | "3", b'L' | b'M') if self.column == Some(0) => {}
            _ => return self.foreign(taken, "a control sequence that the cockpit does not use"),
        }
        self.is_bare = true;
        taken
    }

    fn beside(&mut self, step: Step) -> Step {
        self.is_bare |= matches!(step, Step::Taken(_));
        step
    }

    fn foreign(&self, taken: Step, why: &'static str) -> Step {
        if self.is_shell && !self.alternate { taken } else { Step::Wrong(why) }
    }

    fn character(&mut self, bytes: &[u8]) -> Step {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if error.valid_up_to() > 0 => std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
            Err(error) if error.error_len().is_none() => return Step::More,
            Err(_) => return Step::Wrong("a byte that is no UTF-8"),
        };
        let Some(character) = text.chars().next() else { return Step::More };
        let Some(width) = character.width().filter(|_| !character.is_control()) else { return Step::Wrong("a control character") };
        if is_treacherous(character) {
            return Step::Wrong("a character that turns, hides or is left to fonts");
        }
        self.marks = if width == 0 { self.marks + 1 } else { 0 };
        if self.marks > MARKS {
            return Step::Wrong("a flood of marks");
        }
        self.is_bare = false;
        if let Some(column) = self.column.as_mut().filter(|_| self.alternate) {
            *column += width;
            if *column > self.columns {
                return Step::Wrong("a line that is too long");
            }
        }
        Step::Taken(character.len_utf8())
    }
}

/// Longer than the clipboard with the longest text, twice over.
const LONGEST: usize = 16 * 1024;

/// No browser follows a longer address, and no terminal keeps one.
const LONGEST_ADDRESS: usize = 2083;

/// An operating system command: the clipboard or a notification, closed by a bell; where a link begins and ends, closed by a string terminator.
fn operating(bytes: &[u8]) -> Step {
    let is_link = bytes.starts_with(b"\x1b]8;");
    let end = if is_link { bytes.windows(2).position(|pair| pair == b"\x1b\\") } else { bytes.iter().position(|byte| *byte == 0x07) };
    let Some(end) = end else {
        return if bytes.len() > LONGEST { Step::Wrong("an operating system command without end") } else { Step::More };
    };
    let Some(text) = bytes.get(2..end).and_then(|text| std::str::from_utf8(text).ok()) else {
        return Step::Wrong("an operating system command of odd bytes");
    };
    let is_base64 = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)) && !text.is_empty();
    let is_words = |text: &str| !text.chars().any(|character| character.is_control() || is_treacherous(character));
    let is_address = |text: &str| {
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        is_web && text.len() <= LONGEST_ADDRESS && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let is_ours = text.strip_prefix("52;c;").is_some_and(is_base64)
        || text.strip_prefix("9;tiphys: ").is_some_and(is_words)
        || text.strip_prefix("777;notify;tiphys;").is_some_and(|text| is_words(text) && !text.contains(';'))
        || text == "8;;"
        || text.strip_prefix("8;id=t;").is_some_and(is_address);
    if is_ours { Step::Taken(end + if is_link { 2 } else { 1 }) } else { Step::Wrong("an operating system command that the cockpit does not use") }
}

/// What tmux hands on: one of the commands above, with its escapes doubled.
fn passed_on(bytes: &[u8]) -> Step {
    const START: &[u8] = b"\x1bPtmux;";
    if !bytes.starts_with(START.get(..bytes.len().min(START.len())).unwrap_or_default()) {
        return Step::Wrong("a device control string that the cockpit does not use");
    }
    let mut inner = Vec::new();
    let mut rest = bytes.get(START.len()..).unwrap_or_default();
    loop {
        rest = match rest {
            [0x1b, 0x1b, tail @ ..] => {
                inner.push(0x1b);
                tail
            }
            [0x1b, b'\\', tail @ ..] => {
                return match operating(&inner) {
                    Step::Taken(all) if all == inner.len() && inner.starts_with(b"\x1b]") => Step::Taken(bytes.len() - tail.len()),
                    _ => Step::Wrong("something that tmux is not to hand on"),
                };
            }
            [] | [0x1b] if bytes.len() <= LONGEST => return Step::More,
            [] | [0x1b, ..] => return Step::Wrong("a device control string without end"),
            [byte, tail @ ..] => {
                inner.push(*byte);
                tail
            }
        };
    }
}

/// None, or two rows, the first of them further up.
fn is_margins(parameters: &str) -> bool {
    let rows = parameters.split_once(';').and_then(|(top, end)| top.parse::<u16>().ok().zip(end.parse::<u16>().ok()));
    parameters.is_empty() || rows.is_some_and(|(top, end)| (1..end).contains(&top) && end <= 2000)
}

/// Attributes, the sixteen colours, the 256 and the 16 million.
fn is_style(parameters: &str) -> bool {
    let numbers: Option<Vec<u8>> = if parameters.is_empty() { Some(vec![0]) } else { parameters.split(';').map(|one| one.parse().ok()).collect() };
    let Some(numbers) = numbers else { return false };
    let mut rest = numbers.as_slice();
    while let [first, tail @ ..] = rest {
        rest = match (*first, tail) {
            (38 | 48, [5, _, tail @ ..] | [2, _, _, _, tail @ ..])
            | (0 | 1..=4 | 7 | 9 | 22..=24 | 27 | 29 | 30..=37 | 39..=47 | 49 | 59 | 90..=97 | 100..=107, tail) => tail,
            _ => return false,
        };
    }
    true
}

/// Turns the direction, has no width, or looks as some font wants.
fn is_treacherous(character: char) -> bool {
    matches!(character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{10ffff}'
        | '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}')
}

#[test]
fn the_grammar_knows_what_is_ours_from_what_is_not() {
    let judged = |bytes: &[u8]| {
        let mut grammar = Grammar::new(10, false);
        grammar.feed(b"\x1b[?1049h\x1b[1;1H");
        // In the worst of pieces.
        for byte in bytes {
            grammar.feed(&[*byte]);
        }
        grammar.offence
    };
    for ours in [
        "\x1b]52;c;Mi4xNC4z\x07",
        "\x1bPtmux;\x1b\x1b]52;c;Mi4xNC4z\x07\x1b\\",
        "\x1b]9;tiphys: checkout is healthy.\x07\x07",
        "\x1b]777;notify;tiphys;checkout is healthy.\x07",
        "\x1b]8;id=t;https://argo.example.com/applications/a/b%20c\x1b\\a\x1b[1mb\x1b]8;;\x1b\\\x1b[2;1H",
        "\x1b]8;id=t;https://a.example\x1b\\a\x1b]8;id=t;http://b.example\x1b\\b\x1b]8;;\x1b\\\x1b[7G",
        "\x1b[2J\x1b[3;4H\x1b[1;31mab\x1b[0m",
        "\x1b[38;5;12m\x1b[48;2;1;2;3mä✔–",
        "\x1b[?2026h\x1b[?2026l",
        "\x1b[3;9r\x1b[3;1H\x1b[1M\x1b[r\x1b[9;1Ha",
        "e\u{301}",
        "\x1b[39;49m",
    ] {
        assert_eq!(judged(ours.as_bytes()), None, "{ours:?}");
    }
    for foreign in [
        "\x1b[6n",
        "\x1b]0;title\x07",
        "\x1b]52;c;?\x07",
        "\x1b]52;p;Mi4x\x07",
        "\x1b]9;4;1;50\x07",
        "\x1b]777;notify;tiphys;a;b\x07",
        "\x1b]8;id=t;javascript:x\x1b\\",
        "\x1b]8;;https://a\x1b\\",
        "\x1b]8;id=t;https://a b\x1b\\",
        "\x1b]8;id=t;https://a\x1b\\a\x1b[1;1H",
        "\x1b]8;id=t;https://a\x1b\\a\x1b[5G",
        "\x1b]8;id=t;https://a\x1b\\a\x1b[?1049l",
        "\x1b[c",
        "\x1b[>0q",
        "\x1b[?2026$p",
        "\x1b[0G",
        "\x1b[9;3r",
        "\x1b[1M\x1b[2;5H\x1b[1M",
        "\x1bPtmux;\x1b\x1b]0;title\x07\x1b\\",
        "\x1bPtmux;a\x1b\\",
        "a\x07",
        "\x1bP1$r\x1b\\",
        "\x1bc",
        "a\rb",
        "a\nb",
        "\u{9b}31m",
        "a\u{202e}b",
        "\x1b[?1000h",
        "\x1b[38;9m",
        "\x1b[5m",
        "\x1b[0;0H",
        "12345678901",
        "a\u{301}\u{301}\u{301}\u{301}\u{301}",
        "a\u{200d}",
    ] {
        assert!(judged(foreign.as_bytes()).is_some(), "{foreign:?}");
    }
    assert!(judged(b"a\xff").is_some_and(|offence| offence.starts_with("byte 15: ")), "{:?}", judged(b"a\xff"));
}
