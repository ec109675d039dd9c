//! The judge of every edit: another parser than the one that found the place reads the text before and after, and both must say the same but for
//! what the edit names. It knows nothing of how the edit was made.

use std::rc::Rc;

use super::{Change, Edit, Fresh, Hindrance, Spot, style};
use crate::manifest::path::{Step, shown};
use crate::manifest::yaml::{self, Node, Value};

/// A text as the second parser reads it.
pub(super) struct Read {
    documents: Vec<Rc<Node>>,
}

impl Read {
    pub(super) fn of(text: &str) -> Result<Self, Hindrance> {
        let documents = yaml::read(text.as_bytes()).map_err(|flaw| Hindrance::new(flaw.line, flaw.what))?;
        Ok(Self { documents })
    }
}

/// What a node says, without lines, and with the entries of mappings in order of their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Null,
    Text {
        text: Box<str>,
        is_plain: bool,
    },
    /// What an edit brings, and whether it must be a string to every parser.
    Wanted(Box<str>, bool),
    List(Vec<Self>),
    Map(Vec<(Box<str>, Self)>),
}

impl Said {
    fn of(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Scalar(text) => Self::Text { text: text.clone(), is_plain: node.is_plain },
            Value::List(items) => Self::List(items.iter().map(|item| Self::of(item)).collect()),
            Value::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().map(|(key, value)| (key.clone(), Self::of(value))).collect();
                entries.sort_by(|one, other| one.0.cmp(&other.0));
                Self::Map(entries)
            }
        }
    }

    fn fresh(fresh: &Fresh, strict: bool) -> Self {
        match fresh {
            Fresh::Text(text) => Self::Wanted(text.as_wire().into(), strict),
            Fresh::List(items) => Self::List(items.iter().map(|item| Self::fresh(item, strict)).collect()),
            Fresh::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().map(|(key, value)| (key.as_str().into(), Self::fresh(value, strict))).collect();
                entries.sort_by(|one: &(Box<str>, Self), other| one.0.cmp(&other.0));
                Self::Map(entries)
            }
        }
    }

    /// Whether this was read where the other was expected.
    fn is(&self, expected: &Self) -> bool {
        match (self, expected) {
            (Self::Text { text, is_plain }, Self::Wanted(wanted, strict)) => text == wanted && (!strict || !is_plain || style::is_text(text)),
            // A value that is left out again.
            (Self::Null, Self::Wanted(wanted, strict)) => wanted.is_empty() && !strict,
            (Self::List(items), Self::List(wanted)) => items.len() == wanted.len() && items.iter().zip(wanted).all(|(item, wanted)| item.is(wanted)),
            (Self::Map(entries), Self::Map(wanted)) => {
                entries.len() == wanted.len() && entries.iter().zip(wanted).all(|(entry, wanted)| entry.0 == wanted.0 && entry.1.is(&wanted.1))
            }
            _ => self == expected,
        }
    }

    fn at(&mut self, path: &[Step]) -> Option<&mut Self> {
        path.iter().try_fold(self, |held, step| {
            let place = held.place(step)?;
            match held {
                Self::Map(entries) => entries.get_mut(place).map(|(_, value)| value),
                Self::List(items) => items.get_mut(place),
                _ => None,
            }
        })
    }

    fn place(&self, step: &Step) -> Option<usize> {
        match (self, step) {
            (Self::Map(entries), Step::Key(key)) => entries.iter().position(|(name, _)| **name == **key),
            (Self::List(items), Step::Place(place)) => (*place < items.len()).then_some(*place),
            (Self::List(items), Step::Named(name)) => items.iter().position(|item| item.is_named(name)),
            _ => None,
        }
    }

    fn is_named(&self, wanted: &str) -> bool {
        let Self::Map(entries) = self else { return false };
        entries.iter().any(|(key, value)| &**key == "name" && matches!(value, Self::Text { text, .. } | Self::Wanted(text, _) if **text == *wanted))
    }

    /// What this must say after an edit; nothing where the edit does not fit.
    fn after(mut self, edit: &Edit) -> Option<Self> {
        let (last, around) = edit.path.split_last()?;
        let strict = !edit.restores;
        match &edit.change {
            Change::Set { from, to } => {
                let target = self.at(&edit.path)?;
                if !target.is(&Self::Wanted(from.text.as_wire().into(), false)) {
                    return None;
                }
                *target = Self::Wanted(to.text.as_wire().into(), strict);
            }
            Change::Add(piece) => {
                let held = self.at(around)?;
                let fresh = Self::fresh(&piece.says, strict);
                match (last, held) {
                    (Step::Key(key), Self::Map(entries)) => {
                        let place = entries.partition_point(|(name, _)| **name < **key);
                        entries.insert(place, (key.as_str().into(), fresh));
                    }
                    (Step::Named(_) | Step::Place(_), held @ Self::List(_)) => {
                        let place = match &piece.spot {
                            Spot::Inside => 0,
                            Spot::Before { beside } => held.place(beside)?,
                            Spot::Behind { beside, .. } => held.place(beside)? + 1,
                        };
                        let Self::List(items) = held else { return None };
                        items.insert(place, fresh);
                    }
                    _ => return None,
                }
            }
            Change::TakeOut(piece) => {
                let held = self.at(around)?;
                let place = held.place(last)?;
                let gone = match held {
                    Self::Map(entries) => entries.remove(place).1,
                    Self::List(items) => items.remove(place),
                    _ => return None,
                };
                if !gone.says(&piece.says) {
                    return None;
                }
            }
        }
        Some(self)
    }

    /// Whether this says what a piece says, however it is written.
    fn says(&self, fresh: &Fresh) -> bool {
        match (self, fresh) {
            (Self::Text { text, .. }, Fresh::Text(wanted)) => **text == *wanted.as_wire(),
            (Self::Null, Fresh::Text(wanted)) => wanted.is_empty(),
            (Self::List(items), Fresh::List(wanted)) => {
                items.len() == wanted.len() && items.iter().zip(wanted).all(|(item, wanted)| item.says(wanted))
            }
            (Self::Map(entries), Fresh::Map(wanted)) => {
                entries.len() == wanted.len()
                    && wanted.iter().all(|(key, wanted)| entries.iter().any(|(name, said)| **name == **key && said.says(wanted)))
            }
            _ => false,
        }
    }
}

/// Judges what an edit made of a text.
pub(super) fn judge(before: &Read, old: &str, new: &str, edit: &Edit) -> Result<(), Hindrance> {
    let hindrance = |what: &str| Hindrance::new(edit.line, format!("{} {what}", shown(&edit.path)));
    let after = yaml::read(new.as_bytes())
        .map_err(|flaw| hindrance(&format!("cannot be edited here without breaking the file ({}): edit it by hand", flaw.what)))?;
    let other = || hindrance("cannot be edited here without changing something else (an anchor may be used there): edit it by hand");
    // Exactly one document is another one, and that one as expected.
    if after.len() != before.documents.len() {
        return Err(other());
    }
    let mut touched = 0;
    for (old, new) in before.documents.iter().zip(&after) {
        let (old, new) = (Said::of(old), Said::of(new));
        match old.clone().after(edit) {
            Some(expected) if new.is(&expected) => touched += 1,
            _ if old == new => {}
            _ => return Err(other()),
        }
    }
    if touched != 1 {
        return Err(other());
    }
    lines(old, new, edit).ok_or_else(|| hindrance("cannot be edited here without touching other lines: edit it by hand"))
}

/// Whether no line is another one than the edit says: of the old text at most one, and of the new one as many more as the piece has.
fn lines(old: &str, new: &str, edit: &Edit) -> Option<()> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (old.get(head..)?, new.get(head..)?);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let (gone, come) = (old_rest.len() - tail, new_rest.len() - tail);
    let (few, many, breaks) = match &edit.change {
        Change::Set { .. } => (gone, come, 0),
        Change::Add(piece) => (gone, come, piece.written.as_wire().matches('\n').count()),
        Change::TakeOut(piece) => (come, gone, piece.written.as_wire().matches('\n').count()),
    };
    (few <= 1 && many == few + breaks).then_some(())
}
