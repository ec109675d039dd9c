//! How lines are tied: each carries the SHA-256 of its own bytes and that of the line before. Pure: bytes in, bytes or a verdict out.
//!
//! Its own hash is there for the last line, which no other line vouches for. Whoever may write the file can make a whole new chain; what left the
//! machine (commits, exports) says that it is another one.

use std::fmt;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Entry, Line, VERSION};
use crate::base::{OperationId, Safe, Timestamp};

/// A SHA-256, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first line of a chain has for the line before.
    pub const GENESIS: Self = Self([0; 32]);

    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(hash)
    }

    fn read(text: &[u8]) -> Option<Self> {
        let digit = |byte: &u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut hash = [0; 32];
        let (pairs, []) = text.as_chunks::<2>() else { return None };
        if pairs.len() != hash.len() {
            return None;
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hash({self})")
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(text.as_bytes()).ok_or_else(|| serde::de::Error::custom("not a SHA-256 in hexadecimal digits"))
    }
}

/// Where a chain goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Whose chain it is; `None`: the index.
    pub operation: Option<OperationId>,
    /// How many lines it has.
    pub lines: u64,
    /// The hash of the last one.
    pub last: Hash,
}

impl End {
    /// A chain without lines.
    #[must_use]
    pub const fn nothing(operation: Option<OperationId>) -> Self {
        Self { operation, lines: 0, last: Hash::GENESIS }
    }

    /// The next line, with the break at its end, and where the chain then goes on.
    ///
    /// # Errors
    ///
    /// None that is known: everything in an entry can be written as JSON.
    pub fn append(&self, entry: &Entry, at: Timestamp) -> Result<(Vec<u8>, Self), serde_json::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            version: u32,
            operation: &'a Option<OperationId>,
            seq: u64,
            at: Timestamp,
            previous: Hash,
            entry: &'a Entry,
        }
        let body = Body { version: VERSION, operation: &self.operation, seq: self.lines, at, previous: self.last, entry };
        let mut bytes = serde_json::to_vec(&body)?;
        // The brace that closes the object comes after the hash.
        bytes.pop();
        let hash = Hash::of(&bytes);
        bytes.extend_from_slice(format!("{MARK}{hash}{CLOSE}\n").as_bytes());
        Ok((bytes, Self { operation: self.operation.clone(), lines: self.lines + 1, last: hash }))
    }
}

/// What stands between a line's bytes and their hash.
const MARK: &str = ",\"hash\":\"";
/// What stands after the hash.
const CLOSE: &str = "\"}";
/// The bytes from the mark to the end of a line.
const TAIL: usize = MARK.len() + 64 + CLOSE.len();

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not a line of a journal at all.
    Form(Safe),
    /// It was written by a newer version of the program.
    Newer(u32),
    /// Its bytes are not those that its hash was taken of.
    Bytes,
    /// It does not follow the line before: one was taken out, put in or moved.
    Order,
    /// It belongs to another chain.
    Stranger,
    /// What it says cannot come after what the lines before it say.
    Story(Safe),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(why) => write!(formatter, "is no line of a journal ({why})"),
            Self::Newer(version) => write!(formatter, "was written by a newer tiphys (version {version} of the lines, this one knows {VERSION})"),
            Self::Bytes => formatter.write_str("was changed: its bytes are not those that its hash was taken of"),
            Self::Order => formatter.write_str("does not follow the line before: a line was taken out, put in or moved"),
            Self::Stranger => formatter.write_str("belongs to another operation"),
            Self::Story(why) => write!(formatter, "cannot stand here: {why}"),
        }
    }
}

/// What a chain is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every line is whole and follows the one before.
    Intact,
    /// So is every line but the last, which was never finished: the machine or the process stopped while it was written.
    Torn {
        /// Where the unfinished line begins, in bytes.
        at: u64,
    },
    /// It was changed.
    Broken {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: Fault,
    },
}

/// A chain that was read: the lines before anything that is wrong, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whole lines, in order.
    pub lines: Vec<Line>,
    /// What the chain is like.
    pub verdict: Verdict,
    /// Where it goes on, after these lines.
    pub end: End,
}

impl Checked {
    /// What is to be told of it; nothing where it is whole.
    #[must_use]
    pub fn problem(&self) -> Option<Safe> {
        match &self.verdict {
            Verdict::Intact => None,
            Verdict::Torn { .. } => Some(Safe::clean("its last line was never finished")),
            Verdict::Broken { line, why } => Some(crate::safe!("NOT INTACT: line {line} {why}")),
        }
    }
}

/// Reads the chain of an operation, or the index (`None`), and judges each byte of it.
#[must_use]
pub fn verify(bytes: &[u8], operation: Option<&OperationId>) -> Checked {
    let mut end = End::nothing(operation.cloned());
    let mut lines = Vec::new();
    let mut rest = bytes;
    let verdict = loop {
        if rest.is_empty() {
            break Verdict::Intact;
        }
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            break Verdict::Torn { at: (bytes.len() - rest.len()) as u64 };
        };
        let (text, after) = rest.split_at(length);
        rest = after.get(1..).unwrap_or_default();
        match line(text, &end) {
            Ok(line) => {
                end.lines += 1;
                end.last = line.hash;
                lines.push(line);
            }
            Err(why) => break Verdict::Broken { line: end.lines + 1, why },
        }
    };
    Checked { lines, verdict, end }
}

/// Reads one line without its break, which must follow this end.
fn line(text: &[u8], end: &End) -> Result<Line, Fault> {
    let line = alone(text)?;
    if line.operation != end.operation {
        return Err(Fault::Stranger);
    }
    if (line.seq, line.previous) != (end.lines, end.last) {
        return Err(Fault::Order);
    }
    Ok(line)
}

/// Reads one line without its break, whatever it follows.
///
/// # Errors
///
/// What is wrong with it.
pub fn alone(text: &[u8]) -> Result<Line, Fault> {
    #[derive(Deserialize)]
    struct OnlyVersion {
        version: u32,
    }
    let (body, tail) = text.split_at_checked(text.len().wrapping_sub(TAIL)).ok_or_else(|| Fault::Form(Safe::clean("it is too short")))?;
    let hash = tail.strip_prefix(MARK.as_bytes()).and_then(|tail| tail.strip_suffix(CLOSE.as_bytes())).and_then(Hash::read);
    let hash = hash.ok_or_else(|| Fault::Form(Safe::clean("it does not end with a hash")))?;
    if Hash::of(body) != hash {
        return Err(Fault::Bytes);
    }
    let form = |error: serde_json::Error| Fault::Form(crate::safe!("{error}"));
    match serde_json::from_slice(text).map_err(form)? {
        OnlyVersion { version } if version > VERSION => Err(Fault::Newer(version)),
        OnlyVersion { .. } => serde_json::from_slice(text).map_err(form),
    }
}
