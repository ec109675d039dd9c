//! YAML as a tree in which every scalar is the text that was written: `1.10` stays `1.10`. With the line of each node, so that what is wrong can
//! be found. It knows no file and no meaning.

use std::collections::BTreeMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle};

/// A file larger than this (in nodes, with what aliases repeat) is not a manifest of anybody's.
const MOST_NODES: usize = 200_000;
/// Deeper than this nothing is nested that a person wrote.
const MOST_DEPTH: usize = 100;

/// A node and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its line, from 1.
    pub line: usize,
    /// Whether it is text without quotes and without a tag, which whoever reads it may take for a number, a date or a word that means yes.
    pub is_plain: bool,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing: an empty value, `~` or `null`.
    Null,
    /// Text as written, without its quotes.
    Scalar(Box<str>),
    /// A sequence.
    List(Vec<Rc<Node>>),
    /// A mapping with keys of text, in written order. A key is there once.
    Map(Vec<(Box<str>, Rc<Node>)>),
}

/// The documents of one file.
pub type Documents = Rc<[Rc<Node>]>;

/// What is wrong with a file, and on which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl Node {
    /// The value of a key of a mapping. Merge keys (`<<`) are looked into where the mapping itself does not have it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        let find = |wanted: &str| entries.iter().find(|(name, _)| &**name == wanted).map(|(_, node)| &**node);
        find(key).or_else(|| match find("<<") {
            Some(Self { value: Value::List(merged), .. }) => merged.iter().find_map(|node| node.get(key)),
            Some(merged) => merged.get(key),
            None => None,
        })
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Value::Scalar(text) = &self.value { Some(text) } else { None }
    }

    /// The text of a key.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Self::text)
    }

    /// The items of a sequence; none where it is none.
    #[must_use]
    pub fn items(&self) -> &[Rc<Self>] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// The items of the sequence under a key.
    #[must_use]
    pub fn items_of(&self, key: &str) -> &[Rc<Self>] {
        self.get(key).map_or(&[], Self::items)
    }

    /// The entries of a mapping; none where it is none.
    #[must_use]
    pub fn entries(&self) -> &[(Box<str>, Rc<Self>)] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }
}

/// What is being read: a sequence, or a mapping with the key that waits for its value.
enum Open {
    List(usize, Vec<Rc<Node>>),
    Map(usize, Vec<(Box<str>, Rc<Node>)>, Option<Box<str>>),
}

/// Reads the documents of a file; empty ones are left out.
///
/// # Errors
///
/// What is no YAML, no UTF-8, a template, or a mapping in which a key is there twice.
pub fn read(bytes: &[u8]) -> Result<Vec<Rc<Node>>, Flaw> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        Flaw { line: before.split(|byte| *byte == b'\n').count(), what: "this is not UTF-8".to_owned() }
    })?;
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text.trim_start_matches('\u{feff}')) {
        let (event, span) = event.map_err(|error| Flaw { line: error.marker().line(), what: spoken(text, &error.info()) })?;
        reader.take(event, span.start.line())?;
    }
    Ok(reader.documents)
}

/// A template that was not rendered is the usual reason why a manifest is no YAML; a tab is the next.
fn spoken(text: &str, error: &str) -> String {
    if text.contains("{{") {
        format!("{error}: a template, which is not read")
    } else if error.starts_with("tabs ") {
        format!("{error}: indent with spaces")
    } else {
        error.to_owned()
    }
}

#[derive(Default)]
struct Reader {
    documents: Vec<Rc<Node>>,
    open: Vec<(Open, usize)>,
    anchors: BTreeMap<usize, (Rc<Node>, usize)>,
    nodes: usize,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), Flaw> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let value = match &*text {
                    "" | "~" | "null" | "Null" | "NULL" if is_plain => Value::Null,
                    text => Value::Scalar(text.into()),
                };
                // A key may be any scalar, and `null:` is the text of one.
                self.put(Rc::new(Node { line, is_plain, value }), anchor, 1, Some(&text))
            }
            Event::Alias(anchor) => {
                let Some((node, weight)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Flaw { line, what: "an alias of something that contains it".to_owned() });
                };
                let text = node.text().map(ToOwned::to_owned);
                self.put(node, 0, weight, text.as_deref())
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Open::List(line, Vec::new()), anchor, line),
            Event::MappingStart(_, anchor, _) => self.begin(Open::Map(line, Vec::new(), None), anchor, line),
            Event::SequenceEnd | Event::MappingEnd => {
                let before = self.nodes;
                let Some((open, anchor)) = self.open.pop() else { return Ok(()) };
                let node = match open {
                    Open::List(line, items) => Node { line, is_plain: false, value: Value::List(items) },
                    Open::Map(line, entries, _) => Node { line, is_plain: false, value: Value::Map(entries) },
                };
                // An alias of it weighs at most what was read so far: a bound, not a count.
                self.put(Rc::new(node), anchor, 1, None)?;
                if anchor != 0
                    && let Some((_, weight)) = self.anchors.get_mut(&anchor)
                {
                    *weight = before;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open, anchor: usize, line: usize) -> Result<(), Flaw> {
        if self.open.len() >= MOST_DEPTH {
            return Err(Flaw { line, what: format!("nested deeper than {MOST_DEPTH} levels") });
        }
        self.open.push((open, anchor));
        Ok(())
    }

    fn put(&mut self, node: Rc<Node>, anchor: usize, weight: usize, text: Option<&str>) -> Result<(), Flaw> {
        let line = node.line;
        self.nodes = self.nodes.saturating_add(weight);
        if self.nodes > MOST_NODES {
            return Err(Flaw { line, what: format!("more than {MOST_NODES} values, aliases included") });
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (Rc::clone(&node), weight));
        }
        match self.open.last_mut() {
            None => {
                if node.value != Value::Null {
                    self.documents.push(node);
                }
            }
            Some((Open::List(_, items), _)) => items.push(node),
            Some((Open::Map(_, entries, key), _)) => {
                if let Some(key) = key.take() {
                    entries.push((key, node));
                    return Ok(());
                }
                let Some(text) = text else {
                    return Err(Flaw { line, what: "a key that is no text: a template, which is not read?".to_owned() });
                };
                if entries.iter().any(|(name, _)| &**name == text) && text != "<<" {
                    return Err(Flaw { line, what: format!("the key '{text}' is there twice") });
                }
                *key = Some(text.into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn one(text: &str) -> Rc<Node> {
        read(text.as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn scalars_are_what_was_written() {
        let node = one("a: 1.10\nb: 1e10\nc: on\nd: '2'\ne: 0123456\nf: ~\ng: 2024-01-02\nh: \"null\"\n");
        for (key, text) in [("a", "1.10"), ("b", "1e10"), ("c", "on"), ("d", "2"), ("e", "0123456"), ("g", "2024-01-02"), ("h", "null")] {
            assert_eq!(node.text_of(key), Some(text), "{key}");
        }
        assert_eq!(node.get("f").unwrap().value, Value::Null);
        assert_eq!(node.get("c").unwrap().line, 3);
    }

    #[test]
    fn aliases_and_merge_keys_are_followed() {
        let node = one("base: &b {tag: 1, name: x}\nmine: {<<: *b, tag: 2}\nsame: *b\nlist: {<<: [*b]}\n");
        assert_eq!(node.get("mine").unwrap().text_of("tag"), Some("2"));
        assert_eq!(node.get("mine").unwrap().text_of("name"), Some("x"));
        assert_eq!(node.get("same").unwrap().text_of("tag"), Some("1"));
        assert_eq!(node.get("list").unwrap().text_of("name"), Some("x"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, what) in [
            ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is there twice"),
            ("a: [1\nb: 2\n", 2, ""),
            ("replicas: {{ .Values.replicas }}\n", 1, "template"),
            ("{{- if .Values.x }}\na: 1\n{{- end }}\n", 1, "template"),
            ("a: &x\n  b: *x\n", 2, "contains it"),
        ] {
            let flaw = read(text.as_bytes()).unwrap_err();
            assert_eq!(flaw.line, line, "{text}: {flaw:?}");
            assert!(flaw.what.contains(what), "{text}: {flaw:?}");
        }
        assert_eq!(read(b"a: 1\nb: \xff\n").unwrap_err(), Flaw { line: 2, what: "this is not UTF-8".to_owned() });
        assert!(read("[".repeat(5000).as_bytes()).is_err());
    }

    #[test]
    fn a_flood_of_aliases_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let repeated = vec![format!("*a{}", level - 1); 9].join(", ");
            writeln!(text, "a{level}: &a{level} [{repeated}]").unwrap();
        }
        assert!(read(text.as_bytes()).unwrap_err().what.contains("aliases included"));
    }

    #[test]
    fn several_documents_and_empty_ones() {
        assert_eq!(read(b"---\na: 1\n---\n---\nb: 2\n...\n").unwrap().len(), 2);
        assert!(read(b"").unwrap().is_empty() && read(b"# nothing\n").unwrap().is_empty());
    }
}
