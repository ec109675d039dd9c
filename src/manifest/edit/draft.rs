//! Edits of one file as they are found: each in the text that those before it left, so that putting them in that order, and taking them back in the
//! other, are exact.

use super::place::{Roots, Text, is_flow};
use super::{Change, Edit, Fresh, Hindrance, Piece, Scalar, Spot, put, style};
use crate::base::Raw;
use crate::manifest::path::{Step, shown};

/// One file while its edits are found.
pub(super) struct Draft {
    origin: usize,
    file: String,
    text: String,
    /// The text as it was read last.
    roots: Roots,
    pub(super) edits: Vec<Edit>,
}

impl Draft {
    pub(super) fn new(origin: usize, file: &str, bytes: &[u8]) -> Result<Self, Hindrance> {
        let text = put::text(bytes)?.to_owned();
        let roots = Text::read(&text)?.roots;
        Ok(Self { origin, file: file.to_owned(), text, roots, edits: Vec::new() })
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    pub(super) const fn origin(&self) -> usize {
        self.origin
    }

    fn view(&self) -> Text<'_> {
        Text { text: &self.text, roots: self.roots.clone() }
    }

    /// Whether a path leads to something.
    pub(super) fn has(&self, path: &[Step]) -> Result<bool, Hindrance> {
        Ok(self.view().reach(path)?.taken == path.len())
    }

    /// What the scalar at a path says; nothing where none is there.
    pub(super) fn says(&self, path: &[Step]) -> Result<Option<String>, Hindrance> {
        let text = self.view();
        let reached = text.reach(path)?;
        if reached.taken < path.len() {
            return Ok(None);
        }
        text.scalar(&reached, path).map(|(_, says)| Some(says))
    }

    /// The line at which a path ends.
    pub(super) fn line_of(&self, path: &[Step]) -> Result<usize, Hindrance> {
        let text = self.view();
        Ok(text.line(text.reach(path)?.node.byte_range().start as usize))
    }

    /// Sets the scalar at a path that is there. Nothing where it says that already.
    pub(super) fn set(&mut self, path: &[Step], to: &str) -> Result<(), Hindrance> {
        let text = self.view();
        let reached = text.reach(path)?;
        if reached.taken < path.len() {
            return Err(Hindrance::new(1, format!("{} is not there", shown(path))));
        }
        let (range, says) = text.scalar(&reached, path)?;
        if says == to {
            return Ok(());
        }
        let written = text.text.get(range.clone()).unwrap_or_default();
        let change = Change::Set { from: scalar(&says, written), to: scalar(to, &style::like(to, written)) };
        let line = text.line(range.start);
        self.take(path.to_vec(), line, change)
    }

    /// Takes an entry out.
    pub(super) fn take_out(&mut self, path: &[Step]) -> Result<(), Hindrance> {
        let text = self.view();
        let reached = text.reach(path)?;
        if reached.taken < path.len() {
            return Ok(());
        }
        let (_, says) = text.scalar(&reached, path)?;
        let (range, spot) = text.extent(&reached, path)?;
        let written = text.text.get(range.clone()).unwrap_or_default();
        let line = text.line(range.start) + usize::from(written.starts_with(['\n', '\r']));
        let piece = Piece { spot, written: Raw::from(written), says: Fresh::Text(Raw::from(says)) };
        self.take(path.to_vec(), line, Change::TakeOut(piece))
    }

    /// Adds what a path does not lead to yet: the first step that is missing, with all below it. `beside` are keys of a mapping behind which it
    /// should stand, the first that is there.
    pub(super) fn add(&mut self, path: &[Step], says: Fresh, beside: &[&str]) -> Result<(), Hindrance> {
        let text = self.view();
        let reached = text.reach(path)?;
        let (Some(step), Some(around), Some(rest)) = (path.get(reached.taken), path.get(..=reached.taken), path.get(reached.taken + 1..)) else {
            return Err(Hindrance::new(1, format!("{} is there already", shown(path))));
        };
        let says = rest.iter().rev().try_fold(says, |says, step| match step {
            Step::Key(key) => Ok(Fresh::Map(vec![(key.clone(), says)])),
            _ => Err(Hindrance::new(1, format!("{} is not there: write the list once", shown(path)))),
        })?;
        let node = &reached.node;
        let in_list = matches!(step, Step::Named(_) | Step::Place(_));
        let is_collection = match node {
            yaml_edit::YamlNode::Mapping(_) => !in_list,
            yaml_edit::YamlNode::Sequence(_) => in_list,
            _ => false,
        };
        if !is_collection {
            let line = text.line(node.byte_range().start as usize);
            return Err(Hindrance::new(line, format!("{} is missing and has no place here: write it once by hand", shown(around))));
        }
        let beside = beside.iter().find(|key| text.has(node, key)).map(|key| Step::Key((*key).to_owned()));
        let spot = match beside.or_else(|| text.last(node)) {
            Some(beside) => Spot::Behind { beside, lines: 0 },
            None => Spot::Inside,
        };
        let offset = text.offset(node, &spot)?;
        let flow = is_flow(node);
        let mut written = String::new();
        if flow {
            written.push_str(if spot == Spot::Inside { "" } else { ", " });
            written.push_str(&match step {
                Step::Key(key) => pair(key, &says),
                _ => bracketed(&says),
            });
        } else {
            let (column, content) = text.columns(node).unwrap_or((0, 2));
            let dashes = if reached.taken == 0 { text.dashes(node).unwrap_or(2) } else { column + 2 };
            let mut lines = Vec::new();
            match step {
                Step::Key(key) => block(Some(key), &says, column, dashes, &mut lines),
                _ => item(&says, column, content, &mut lines),
            }
            for line in lines {
                written.push_str(text.line_break());
                written.push_str(&line);
            }
        }
        let line = text.line(offset) + usize::from(!flow);
        let piece = Piece { spot, written: Raw::from(written), says };
        self.take(around.to_vec(), line, Change::Add(piece))
    }

    fn take(&mut self, path: Vec<Step>, line: usize, change: Change) -> Result<(), Hindrance> {
        let edit = Edit { origin: self.origin, file: Raw::from(self.file.as_str()), path, line, change, restores: false };
        let text = put::one(&self.text, &edit)?;
        // A way back that would be refused later, or would leave a trace, is one to refuse now.
        if put::one(&text, &edit.inverse()).as_ref() != Ok(&self.text) {
            let what = format!("{} cannot be edited here so that it could be taken back to the byte: edit it by hand", shown(&edit.path));
            return Err(Hindrance::new(line, what));
        }
        self.roots = Text::read(&text)?.roots;
        self.text = text;
        self.edits.push(edit);
        Ok(())
    }
}

fn scalar(text: &str, written: &str) -> Scalar {
    Scalar { text: Raw::from(text), written: Raw::from(written) }
}

/// The lines of a key and its value, or of a value by itself.
fn block(key: Option<&str>, says: &Fresh, column: usize, dashes: usize, lines: &mut Vec<String>) {
    let blanks = " ".repeat(column);
    match (key, says) {
        (Some(key), Fresh::Text(text)) => lines.push(format!("{blanks}{}: {}", style::fresh(key), quoted(key, text.as_wire()))),
        (Some(key), Fresh::Map(entries)) => {
            lines.push(format!("{blanks}{}:", style::fresh(key)));
            for (key, value) in entries {
                block(Some(key), value, column + 2, column + 4, lines);
            }
        }
        (Some(key), Fresh::List(items)) => {
            lines.push(format!("{blanks}{}:", style::fresh(key)));
            for value in items {
                item(value, dashes, dashes + 2, lines);
            }
        }
        (None, says) => lines.push(format!("{blanks}{}", bracketed(says))),
    }
}

/// The lines of an item of a sequence.
fn item(says: &Fresh, column: usize, content: usize, lines: &mut Vec<String>) {
    let begin = lines.len();
    match says {
        Fresh::Map(entries) => {
            for (key, value) in entries {
                block(Some(key), value, content, content + 2, lines);
            }
        }
        says => block(None, says, content, content, lines),
    }
    if let Some(first) = lines.get_mut(begin) {
        *first = format!("{}-{}{}", " ".repeat(column), " ".repeat(content.saturating_sub(column + 1).max(1)), first.trim_start());
    }
}

/// A value in brackets.
fn bracketed(says: &Fresh) -> String {
    match says {
        Fresh::Text(text) => style::fresh(text.as_wire()),
        Fresh::Map(entries) => format!("{{{}}}", entries.iter().map(|(key, value)| pair(key, value)).collect::<Vec<_>>().join(", ")),
        Fresh::List(items) => format!("[{}]", items.iter().map(bracketed).collect::<Vec<_>>().join(", ")),
    }
}

/// A key and its value on one line.
fn pair(key: &str, says: &Fresh) -> String {
    match says {
        Fresh::Text(text) => format!("{}: {}", style::fresh(key), quoted(key, text.as_wire())),
        says => format!("{}: {}", style::fresh(key), bracketed(says)),
    }
}

/// A tag that comes anew is always quoted: the next one may need it, and then its line does not change its style.
fn quoted(key: &str, text: &str) -> String {
    if matches!(key, "newTag" | "tag") { format!("\"{text}\"") } else { style::fresh(text) }
}
