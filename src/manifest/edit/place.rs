//! Where a path stands in a text, to the byte. yaml-edit reads the text, because it keeps every byte of it; it is asked for places only and changes
//! nothing, since its own ways to change a value choose quotes anew. What cannot be told apart with certainty is a hindrance here.

use std::ops::Range;

use yaml_edit::{YamlFile, YamlNode};

use super::{Hindrance, Spot};
use crate::manifest::path::{Step, shown};

/// The documents of a text that hold anything.
pub(super) type Roots = Vec<YamlNode>;

/// A text and its documents that hold anything.
pub(super) struct Text<'t> {
    pub(super) text: &'t str,
    pub(super) roots: Roots,
}

/// An entry of a mapping or an item of a sequence.
pub(super) struct Held {
    key: Option<String>,
    /// Where it begins: its key, its dash, or in flow style its value.
    start: usize,
    /// Where its value may begin: behind the colon or the dash.
    pub(super) head: usize,
    /// Whether there is a colon or a dash at all.
    is_open: bool,
    pub(super) value: YamlNode,
}

/// How far a path leads.
pub(super) struct Reached {
    /// What the last step that could be taken leads to.
    pub(super) node: YamlNode,
    /// How many could be taken.
    pub(super) taken: usize,
    /// The collection that holds it, and its place there.
    pub(super) held: Option<(YamlNode, usize)>,
}

impl<'t> Text<'t> {
    pub(super) fn read(text: &'t str) -> Result<Self, Hindrance> {
        let parsed = YamlFile::parse(text);
        if let Some(error) = parsed.errors().first() {
            let line = error.split(':').next().and_then(|line| line.parse().ok()).unwrap_or(1);
            return Err(Hindrance::new(line, "this cannot be read as YAML with certainty: write it in a simpler way"));
        }
        let roots = parsed.tree().documents().filter_map(|document| {
            let mapping = document.as_mapping().map(YamlNode::Mapping);
            mapping.or_else(|| document.as_sequence().map(YamlNode::Sequence))
        });
        Ok(Self { text, roots: roots.collect() })
    }

    /// The line of an offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.between(0, offset).matches('\n').count() + 1
    }

    fn between(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end.max(start)).unwrap_or_default()
    }

    fn from(&self, start: usize) -> &'t str {
        self.text.get(start..).unwrap_or_default()
    }

    fn range(node: &YamlNode) -> Range<usize> {
        let range = node.byte_range();
        range.start as usize..range.end as usize
    }

    /// The line break of this text, by its first.
    pub(super) fn line_break(&self) -> &'static str {
        if self.text.find('\n').is_some_and(|at| self.between(0, at).ends_with('\r')) { "\r\n" } else { "\n" }
    }

    /// The end of the line an offset is in, before its line break.
    pub(super) fn line_end(&self, offset: usize) -> usize {
        let end = self.from(offset).find('\n').map_or(self.text.len(), |length| offset + length);
        if end > offset && self.between(offset, end).ends_with('\r') { end - 1 } else { end }
    }

    fn line_start(&self, offset: usize) -> usize {
        let start = self.between(0, offset).rfind('\n').map_or(0, |at| at + 1);
        // A byte order mark is no column.
        if start == 0 && self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8().min(offset) } else { start }
    }

    /// How far an offset is from the start of its line.
    pub(super) fn column(&self, offset: usize) -> usize {
        self.between(self.line_start(offset), offset).chars().count()
    }

    /// What a collection holds, in order.
    pub(super) fn entries(&self, node: &YamlNode) -> Vec<Held> {
        match node {
            YamlNode::Mapping(mapping) => mapping.entries().filter_map(|entry| self.entry(&entry)).collect(),
            YamlNode::Sequence(sequence) => {
                let mut from = Self::range(node).start;
                let mut found = Vec::new();
                for value in sequence.values() {
                    let begin = Self::range(&value).start;
                    let dash = if sequence.is_flow_style() { None } else { self.dash(from, begin) };
                    let (start, behind) = dash.map_or((begin, begin), |dash| (dash, dash + 1));
                    let held = Held { key: None, start, head: behind, is_open: dash.is_some() || sequence.is_flow_style(), value };
                    from = self.end(&held);
                    found.push(held);
                }
                found
            }
            _ => Vec::new(),
        }
    }

    fn entry(&self, entry: &yaml_edit::MappingEntry) -> Option<Held> {
        let key = entry.key_node()?;
        let range = Self::range(&key);
        let rest = self.from(range.end);
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let is_open = rest.get(blanks..).is_some_and(|rest| rest.starts_with(':'));
        let head = if is_open { range.end + blanks + 1 } else { range.end };
        let name = key.as_scalar().map(yaml_edit::Scalar::as_string);
        Some(Held { key: name, start: range.start, head, is_open, value: entry.value_node()? })
    }

    /// The dash of an item: the first character before it that is none of a comment.
    fn dash(&self, from: usize, begin: usize) -> Option<usize> {
        let mut at = from;
        for line in self.between(from, begin.max(from)).split_inclusive('\n') {
            let bare = line.trim_start();
            if bare.starts_with('-') {
                return Some(at + line.len() - bare.len());
            }
            at += line.len();
        }
        None
    }

    /// Where the value of an entry ends, without the blanks and comments behind it.
    pub(super) fn end(&self, held: &Held) -> usize {
        let range = Self::range(&held.value);
        let is_block = match &held.value {
            YamlNode::Mapping(mapping) => !mapping.is_flow_style(),
            YamlNode::Sequence(sequence) => !sequence.is_flow_style(),
            _ => false,
        };
        if is_block && let Some(last) = self.entries(&held.value).last() {
            return self.end(last);
        }
        let length = self.between(range.start, range.end).trim_end().len();
        if length == 0 { held.head } else { range.start + length }
    }

    /// Follows a path as far as it leads, in the one document in which it leads furthest.
    pub(super) fn reach(&self, path: &[Step]) -> Result<Reached, Hindrance> {
        let mut reached = self.roots.iter().map(|root| self.walk(root.clone(), path)).collect::<Result<Vec<Reached>, Hindrance>>()?;
        let furthest = reached.iter().map(|reached| reached.taken).max();
        let furthest = furthest.ok_or_else(|| Hindrance::new(1, format!("nothing is in this file yet: write {} into it once", shown(path))))?;
        reached.retain(|reached| reached.taken == furthest);
        match (reached.pop(), reached.pop()) {
            (Some(only), None) => Ok(only),
            (Some(last), _) if furthest == path.len() && furthest > 0 => {
                let line = self.line(Self::range(&last.node).start);
                Err(Hindrance::new(line, format!("two documents of this file have {}: leave it in one of them", shown(path))))
            }
            _ => Err(Hindrance::new(1, format!("of several documents none has {}: write it into one of them once", shown(path)))),
        }
    }

    fn walk(&self, root: YamlNode, path: &[Step]) -> Result<Reached, Hindrance> {
        let mut reached = Reached { node: root, taken: 0, held: None };
        for step in path {
            let entries = self.entries(&reached.node);
            let Some(index) = self.index(&reached.node, &entries, step)? else { break };
            let Some(held) = entries.into_iter().nth(index) else { break };
            let line = self.line(held.start);
            match &held.value {
                YamlNode::Alias(_) => {
                    let what = format!("{} is an alias (*): what it names is used elsewhere too, so write the value here", shown(path));
                    return Err(Hindrance::new(line, what));
                }
                YamlNode::TaggedNode(_) => return Err(Hindrance::new(line, format!("{} has a tag (!) of YAML: take the tag away", shown(path)))),
                _ => {}
            }
            let before = self.between(self.line_start(held.start), held.start);
            if before.get(..before.len() - before.trim_start().len()).is_some_and(|blanks| blanks.contains('\t')) {
                return Err(Hindrance::new(line, "a tab indents this line: use spaces"));
            }
            if !held.is_open {
                return Err(Hindrance::new(line, format!("{} is written in a way that is not edited: write 'key: value'", shown(path))));
            }
            let parent = std::mem::replace(&mut reached.node, held.value);
            reached.held = Some((parent, index));
            reached.taken += 1;
        }
        Ok(reached)
    }

    fn index(&self, node: &YamlNode, entries: &[Held], step: &Step) -> Result<Option<usize>, Hindrance> {
        match step {
            Step::Key(key) => {
                let found = entries.iter().position(|held| held.key.as_deref() == Some(key));
                if found.is_none()
                    && matches!(node, YamlNode::Mapping(_))
                    && let Some(merge) = entries.iter().find(|held| held.key.as_deref() == Some("<<"))
                {
                    let what = format!("a merge key (<<) may say '{key}' here, for others too: write '{key}' itself");
                    return Err(Hindrance::new(self.line(merge.start), what));
                }
                Ok(found)
            }
            Step::Place(place) => Ok((*place < entries.len() && matches!(node, YamlNode::Sequence(_))).then_some(*place)),
            Step::Named(name) => {
                let mut found = None;
                for (index, held) in entries.iter().enumerate() {
                    let item = self.entries(&held.value);
                    let named = item.iter().find(|held| held.key.as_deref() == Some("name"));
                    if named.and_then(|named| named.value.as_scalar()).is_none_or(|scalar| scalar.as_string() != *name) {
                        continue;
                    }
                    if found.is_some() {
                        return Err(Hindrance::new(self.line(held.start), format!("'{name}' is there twice: keep one of the entries")));
                    }
                    found = Some(index);
                }
                Ok(found)
            }
        }
    }

    /// The bytes of a scalar, and what it says; empty behind the colon where its value is left out.
    pub(super) fn scalar(&self, reached: &Reached, path: &[Step]) -> Result<(Range<usize>, String), Hindrance> {
        let hindrance = |offset: usize, what: &str| Hindrance::new(self.line(offset), format!("{} {what}", shown(path)));
        let start = Self::range(&reached.node).start;
        let (Some(scalar), Some((parent, index))) = (reached.node.as_scalar(), &reached.held) else {
            return Err(hindrance(start, "is no single value: nothing can be put there"));
        };
        let entries = self.entries(parent);
        let Some(held) = entries.get(*index) else { return Err(hindrance(start, "is not there")) };
        let end = self.end(held);
        let range = if end == held.head { end..end } else { start..end };
        let written = self.between(range.start, range.end);
        let before = if range.is_empty() { self.between(held.head, self.line_end(held.head)) } else { self.between(held.head, range.start) };
        let before = || before.lines().map(|line| line.split('#').next().unwrap_or_default().trim_start()).filter(|bare| !bare.is_empty());
        if before().any(|bare| bare.starts_with('&') || bare.contains(" &")) {
            return Err(hindrance(held.start, "has an anchor (&): what uses it would move too, so take the anchor away or write the value there"));
        }
        if range.is_empty() && before().any(|bare| !bare.starts_with([',', '}', ']'])) {
            return Err(hindrance(held.start, "is written in a way that is not edited: write 'key: value'"));
        }
        if written.contains("{{") {
            return Err(hindrance(held.start, "is a template ({{): edit what fills it"));
        }
        if written.contains('\n') {
            return Err(hindrance(held.start, "is written over several lines: write it on one"));
        }
        let says = match written {
            "~" | "null" | "Null" | "NULL" => String::new(),
            _ => scalar.as_string(),
        };
        Ok((range, if end == held.head { String::new() } else { says }))
    }

    /// The bytes of an entry or item with all that goes with it, and where it would be put in again.
    pub(super) fn extent(&self, reached: &Reached, path: &[Step]) -> Result<(Range<usize>, Spot), Hindrance> {
        let hindrance = || {
            let line = self.line(Self::range(&reached.node).start);
            Hindrance::new(line, format!("{} cannot be taken out for certain: take it out by hand", shown(path)))
        };
        let (parent, index) = reached.held.as_ref().ok_or_else(hindrance)?;
        let entries = self.entries(parent);
        let held = entries.get(*index).ok_or_else(hindrance)?;
        let before = index.checked_sub(1).and_then(|before| Some((before, entries.get(before)?)));
        let after = entries.get(index + 1);
        let in_front = |after: &Held| (held.start..after.start, Spot::Before { beside: Self::step(after, index + 1) });
        if is_flow(parent) {
            return match (before, after) {
                (Some((place, before)), _) => Ok((self.end(before)..self.end(held), Spot::Behind { beside: Self::step(before, place), lines: 0 })),
                (None, Some(after)) => Ok(in_front(after)),
                (None, None) => Ok((Self::range(parent).start + 1..self.end(held), Spot::Inside)),
            };
        }
        let start = self.line_start(held.start);
        let (Some((place, before)), true) = (before, self.between(start, held.start).trim().is_empty()) else {
            return after.map(in_front).ok_or_else(hindrance);
        };
        let behind = self.line_end(self.end(before));
        let mut begin = start.checked_sub(1).ok_or_else(hindrance)?;
        if self.between(0, begin).ends_with('\r') {
            begin -= 1;
        }
        let lines = self.between(behind, begin).matches('\n').count();
        if begin < behind {
            return Err(hindrance());
        }
        Ok((begin..self.line_end(self.end(held)), Spot::Behind { beside: Self::step(before, place), lines }))
    }

    fn step(held: &Held, place: usize) -> Step {
        held.key.clone().map_or(Step::Place(place), Step::Key)
    }

    /// Where a spot in a collection is.
    pub(super) fn offset(&self, node: &YamlNode, spot: &Spot) -> Result<usize, Hindrance> {
        let range = Self::range(node);
        let gone = || Hindrance::new(self.line(range.start), "what stood beside it is gone: edit it by hand");
        let entries = self.entries(node);
        match spot {
            Spot::Inside if is_flow(node) && entries.is_empty() => Ok(range.start + 1),
            Spot::Inside => Err(gone()),
            Spot::Before { beside } => {
                let index = self.index(node, &entries, beside)?;
                index.and_then(|index| entries.get(index)).map(|held| held.start).ok_or_else(gone)
            }
            Spot::Behind { beside, lines } => {
                let index = self.index(node, &entries, beside)?;
                let held = index.and_then(|index| entries.get(index)).ok_or_else(gone)?;
                let end = self.end(held);
                if is_flow(node) {
                    return Ok(end);
                }
                let mut offset = self.line_end(end);
                for _ in 0..*lines {
                    let Some(next) = self.from(offset).find('\n').map(|length| offset + length + 1) else { break };
                    let end = self.line_end(next);
                    let bare = self.between(next, end).trim_start();
                    if !bare.is_empty() && !bare.starts_with('#') {
                        break;
                    }
                    offset = end;
                }
                Ok(offset)
            }
        }
    }

    /// The column at which the entries of a collection begin, and for a sequence the one at which their content does.
    pub(super) fn columns(&self, node: &YamlNode) -> Option<(usize, usize)> {
        let entries = self.entries(node);
        let first = entries.first()?;
        let value = Self::range(&first.value).start;
        let column = self.column(first.start);
        let beside = self.line(value) == self.line(first.start);
        Some((column, if beside { self.column(value) } else { column + 2 }))
    }

    /// The column of the first sequence under a key of this mapping: how this file writes them.
    pub(super) fn dashes(&self, node: &YamlNode) -> Option<usize> {
        let entries = self.entries(node);
        let lists = entries.iter().filter(|held| matches!(held.value, YamlNode::Sequence(_)) && !is_flow(&held.value));
        lists.filter_map(|held| self.columns(&held.value)).map(|(column, _)| column).next()
    }

    /// The step to the last of what a collection holds.
    pub(super) fn last(&self, node: &YamlNode) -> Option<Step> {
        let entries = self.entries(node);
        Some(Self::step(entries.last()?, entries.len() - 1))
    }

    /// Whether a collection has an entry of this key.
    pub(super) fn has(&self, node: &YamlNode, key: &str) -> bool {
        self.entries(node).iter().any(|held| held.key.as_deref() == Some(key))
    }
}

/// Whether a collection is written in brackets.
pub(super) fn is_flow(node: &YamlNode) -> bool {
    match node {
        YamlNode::Mapping(mapping) => mapping.is_flow_style(),
        YamlNode::Sequence(sequence) => sequence.is_flow_style(),
        _ => false,
    }
}
