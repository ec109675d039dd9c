//! Reads TOML key by key and keeps where everything stands. What does not fit is collected, so that several problems are told at once; keys that
//! nobody asked for are problems too. Knows TOML and places, not what the keys mean.

mod shown;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::base::Safe;
use crate::config::problem::{Problem, did_you_mean};
use crate::config::word::Word;
use shown::shown;

/// Where something stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its key, from the top of the file.
    pub(crate) key: String,
    offset: usize,
}

/// Something with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// What a key takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Takes {
    /// A text.
    Text,
    /// One of these words.
    Word(Vec<&'static str>),
    /// A text or a list of texts.
    Texts,
    /// A program and its arguments.
    Words,
    /// True or false.
    Flag,
    /// A number from 1.
    Number,
    /// A table.
    Table,
    /// A text or a table.
    TextOrTable,
    /// A list of tables.
    Tables,
    /// A list of texts and tables.
    TextsOrTables,
    /// A table whose keys are names, for tables.
    Named,
    /// A table whose keys are names, for texts or lists of texts.
    NamedTexts,
}

/// Every key that was asked for, without names and numbers (`*` stands for a name): what the file may hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) keys: BTreeMap<String, Takes>,
    /// Those that must be there.
    pub(crate) required: BTreeSet<String>,
    /// Tables of which exactly one of these keys must be there.
    pub(crate) one_of: BTreeMap<String, [&'static str; 3]>,
}

/// A value as it was read, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) key: String,
    pub(crate) line: usize,
    /// For a person: no secret is in it.
    pub(crate) shown: Safe,
}

/// Collects problems of one file, and what was asked for and read.
#[derive(Debug)]
pub(crate) struct Findings<'t> {
    file: PathBuf,
    text: &'t str,
    problems: RefCell<Vec<(usize, Problem)>>,
    asked: RefCell<Asked>,
    leaves: RefCell<Vec<Leaf>>,
    /// Stands for every table, when it is to be found out what may be asked for.
    explored: Option<DeTable<'t>>,
}

impl<'t> Findings<'t> {
    pub(crate) fn new(file: PathBuf, text: &'t str) -> Self {
        Self { file, text, problems: RefCell::default(), asked: RefCell::default(), leaves: RefCell::default(), explored: None }
    }

    /// For a reader that is to ask for everything that it ever asks for: each table is there, and empty.
    pub(crate) fn exploring() -> Self {
        Self { explored: Some(DeTable::new()), ..Self::new(PathBuf::new(), "") }
    }

    /// Notes a problem.
    pub(crate) fn tell(&self, place: &Place, found: &str, cure: Option<&str>) {
        let key = (!place.key.is_empty()).then(|| Safe::clean(&place.key));
        let problem = Problem {
            file: Some(self.file.clone()),
            at: Some(self.position(place.offset)),
            key,
            found: Safe::clean(found),
            cure: cure.map(Safe::clean),
        };
        self.problems.borrow_mut().push((place.offset, problem));
    }

    /// Notes a problem of another file, as if it stood where this file led there.
    pub(crate) fn tell_of(&self, place: &Place, problem: Problem) {
        self.problems.borrow_mut().push((place.offset, problem));
    }

    /// Whether a problem was noted for something inside of this place: what is missing there may only be misspelt.
    pub(crate) fn told_below(&self, place: &Place) -> bool {
        self.told_of(place, "")
    }

    /// Whether a problem was noted for this key of a place.
    pub(crate) fn told_of(&self, place: &Place, key: &str) -> bool {
        let start = joined(&place.key, key);
        self.problems
            .borrow()
            .iter()
            .any(|(_, problem)| problem.key.as_ref().is_some_and(|told| told.as_str().starts_with(&start) && *told.as_str() != *place.key))
    }

    /// A problem at a place of which nothing is said yet.
    pub(crate) fn place_of(&self, place: &Place) -> Problem {
        let key = (!place.key.is_empty()).then(|| Safe::clean(&place.key));
        Problem { file: Some(self.file.clone()), at: Some(self.position(place.offset)), key, ..Problem::default() }
    }

    /// The problems in the order of the file.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|(offset, _)| *offset);
        problems.dedup_by(|one, other| one.1 == other.1);
        problems.into_iter().map(|(_, problem)| problem).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// Every key that was asked for: `argocd.url`.
    pub(crate) fn asked(&self) -> Asked {
        self.asked.borrow().clone()
    }

    /// The values that were read, in the order of the file.
    pub(crate) fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = self.leaves.borrow().clone();
        leaves.sort_by_key(|leaf| leaf.line);
        leaves
    }

    /// Parses the file. Nothing is read from a file that is not TOML.
    pub(crate) fn parse(&self) -> Option<DeTable<'t>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let place = Place { key: String::new(), offset: error.span().map_or(0, |span| span.start) };
            self.tell(&place, &format!("this is not TOML: {}", error.message()), None);
        }
        errors.is_empty().then(|| table.into_inner())
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.split_at_checked(offset).map_or(self.text, |(before, _)| before);
        let line = before.matches('\n').count() + 1;
        (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
    }
}

/// One table of the file.
pub(crate) struct Section<'f, 't> {
    findings: &'f Findings<'t>,
    table: &'f DeTable<'t>,
    place: Place,
    /// The place without names and numbers.
    kind: String,
    asked: RefCell<Vec<&'static str>>,
}

impl<'f, 't> Section<'f, 't> {
    pub(crate) fn top(findings: &'f Findings<'t>, table: &'f DeTable<'t>) -> Self {
        Self { findings, table, place: Place::default(), kind: String::new(), asked: RefCell::default() }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn tell(&self, place: &Place, found: &str, cure: Option<&str>) {
        self.findings.tell(place, found, cure);
    }

    fn get(&self, key: &'static str, takes: Takes) -> Option<At<&'f DeValue<'t>>> {
        self.asked.borrow_mut().push(key);
        let found = self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(name, value)| self.at(name.get_ref(), value));
        let shown = found.as_ref().and_then(|at| shown(at.value, &takes));
        self.findings.asked.borrow_mut().keys.insert(joined(&self.kind, key), takes);
        let at = found?;
        if let Some(shown) = shown {
            let (line, _) = self.findings.position(at.place.offset);
            self.findings.leaves.borrow_mut().push(Leaf { key: at.place.key.clone(), line, shown });
        }
        Some(at)
    }

    /// An empty table in the place of one that is not there, while it is found out what may be asked for.
    fn explored(&self, key: &str, kind: String) -> Option<Self> {
        let table = self.findings.explored.as_ref()?;
        let place = Place { key: joined(&self.place.key, key), offset: 0 };
        Some(Section { findings: self.findings, table, place, kind, asked: RefCell::default() })
    }

    fn at(&self, key: &str, value: &'f Spanned<DeValue<'t>>) -> At<&'f DeValue<'t>> {
        At { value: value.get_ref(), place: Place { key: joined(&self.place.key, key), offset: value.span().start } }
    }

    fn wrong(&self, found: &At<&DeValue<'_>>, wanted: &str) {
        let shown = match found.value {
            DeValue::String(text) => format!("the text '{text}'"),
            DeValue::Integer(number) => format!("the number {number}"),
            DeValue::Boolean(flag) => format!("{flag}"),
            other => format!("{} {}", if matches!(other, DeValue::Array(_)) { "an" } else { "a" }, other.type_str()),
        };
        self.tell(&found.place, &format!("{shown} stands where {wanted} should"), None);
    }

    fn as_text(&self, found: &At<&DeValue<'_>>, wanted: &str) -> Option<At<String>> {
        match found.value {
            DeValue::String(text) if text.trim().is_empty() => {
                self.tell(&found.place, "the text is empty", None);
                None
            }
            DeValue::String(text) => Some(At { value: text.as_ref().to_owned(), place: found.place.clone() }),
            _ => {
                self.wrong(found, wanted);
                None
            }
        }
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, key: &'static str) -> Option<At<String>> {
        self.as_text(&self.get(key, Takes::Text)?, "a text")
    }

    /// One of a few words. Another one is told of, and is none.
    pub(crate) fn word<W: Word>(&self, key: &'static str) -> Option<W> {
        let known: Vec<&'static str> = W::WORDS.iter().map(|(word, _)| *word).collect();
        let found = self.as_text(&self.get(key, Takes::Word(known.clone()))?, "a text")?;
        let meant = W::WORDS.iter().find(|(word, _)| *word == found.value).map(|(_, meant)| *meant);
        if meant.is_none() {
            self.tell(&found.place, &format!("'{}' is none of {}", found.value, known.join(", ")), None);
        }
        meant
    }

    /// A text that must be there.
    pub(crate) fn required(&self, key: &'static str, example: &str) -> Option<At<String>> {
        self.findings.asked.borrow_mut().required.insert(joined(&self.kind, key));
        if !self.table.iter().any(|(name, _)| name.get_ref() == key) {
            self.get(key, Takes::Text);
            self.tell(&self.place, &format!("{key} is missing"), Some(&format!("{key} = {example}")));
            return None;
        }
        self.text(key)
    }

    /// A list of texts; one alone may stand without brackets. `None` where the key is not there: an empty list is not the same.
    pub(crate) fn texts(&self, key: &'static str) -> Option<Vec<At<String>>> {
        let found = self.get(key, Takes::Texts)?;
        Some(match found.value {
            DeValue::Array(items) => {
                let at =
                    |item: &'f Spanned<DeValue<'t>>| At { value: item.get_ref(), place: Place { offset: item.span().start, ..found.place.clone() } };
                items.iter().filter_map(|item| self.as_text(&at(item), "a text")).collect()
            }
            _ => self.as_text(&found, "a text or a list of texts").into_iter().collect(),
        })
    }

    /// A list that is one already: a text alone is not enough, because nobody splits it.
    pub(crate) fn words(&self, key: &'static str) -> Option<At<Vec<String>>> {
        let found = self.get(key, Takes::Words)?;
        let DeValue::Array(items) = found.value else {
            self.wrong(&found, "a list of the program and its arguments");
            return None;
        };
        let words: Vec<String> = items.iter().filter_map(|item| item.get_ref().as_str()).map(str::to_owned).collect();
        if words.len() != items.len() || words.is_empty() {
            self.tell(
                &found.place,
                "the program and its arguments must be texts",
                Some("[\"vault\", \"read\", \"-field=token\", \"secret/argocd\"]"),
            );
            return None;
        }
        Some(At { value: words, place: found.place })
    }

    /// True or false.
    pub(crate) fn flag(&self, key: &'static str) -> Option<At<bool>> {
        let found = self.get(key, Takes::Flag)?;
        let value = found.value.as_bool();
        if value.is_none() {
            self.wrong(&found, "true or false");
        }
        value.map(|value| At { value, place: found.place })
    }

    /// A number from 1.
    pub(crate) fn number(&self, key: &'static str) -> Option<At<u32>> {
        let found = self.get(key, Takes::Number)?;
        let number = match found.value {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| *number > 0),
            _ => None,
        };
        if number.is_none() {
            self.wrong(&found, "a number from 1");
        }
        number.map(|value| At { value, place: found.place })
    }

    /// A table.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'f, 't>> {
        let Some(found) = self.get(key, Takes::Table) else { return self.explored(key, joined(&self.kind, key)) };
        self.as_section(&found, joined(&self.kind, key), &format!("a table, [{}],", found.place.key))
    }

    /// A table, or a text in its place.
    pub(crate) fn section_or_text(&self, key: &'static str) -> Option<Result<Section<'f, 't>, At<String>>> {
        let Some(found) = self.get(key, Takes::TextOrTable) else { return self.explored(key, joined(&self.kind, key)).map(Ok) };
        match found.value {
            DeValue::String(_) => self.as_text(&found, "a text").map(Err),
            _ => self.as_section(&found, joined(&self.kind, key), "a text or a table").map(Ok),
        }
    }

    fn as_section(&self, found: &At<&'f DeValue<'t>>, kind: String, wanted: &str) -> Option<Section<'f, 't>> {
        let Some(table) = found.value.as_table() else {
            self.wrong(found, wanted);
            return None;
        };
        Some(Section { findings: self.findings, table, place: found.place.clone(), kind, asked: RefCell::default() })
    }

    /// A list of tables, each called by its `name` where it has one; an item that is a text in its place comes as that.
    pub(crate) fn sections_or_texts(&self, key: &'static str) -> Vec<Result<Section<'f, 't>, At<String>>> {
        self.list(key, Takes::TextsOrTables)
    }

    fn list(&self, key: &'static str, takes: Takes) -> Vec<Result<Section<'f, 't>, At<String>>> {
        let Some(found) = self.get(key, takes) else { return self.explored(key, joined(&self.kind, key)).map(Ok).into_iter().collect() };
        let Some(items) = found.value.as_array() else {
            self.wrong(&found, "a list");
            return Vec::new();
        };
        let item = |(index, item): (usize, &'f Spanned<DeValue<'t>>)| {
            let name = item.get_ref().as_table().and_then(|table| table.get("name")).and_then(|name| name.get_ref().as_str());
            let name = name.map_or_else(|| (index + 1).to_string(), str::to_owned);
            let at = At { value: item.get_ref(), place: Place { key: joined(&found.place.key, &name), offset: item.span().start } };
            match item.get_ref() {
                DeValue::String(_) => self.as_text(&at, "a text").map(Err),
                _ => self.as_section(&at, joined(&self.kind, key), "a table").map(Ok),
            }
        };
        items.iter().enumerate().filter_map(item).collect()
    }

    /// A list of tables: `[[key]]`.
    pub(crate) fn sections(&self, key: &'static str) -> Vec<Section<'f, 't>> {
        if let Some((name, value)) = self.table.iter().find(|(name, _)| name.get_ref() == key)
            && value.get_ref().as_array().is_none()
        {
            self.get(key, Takes::Tables);
            let found = self.at(name.get_ref(), value);
            self.tell(&found.place, "a list of tables belongs here", Some(&format!("[[{}]]", joined(&self.kind, key))));
            return Vec::new();
        }
        let tables = self.list(key, Takes::Tables).into_iter();
        tables
            .filter_map(|item| match item {
                Ok(section) => Some(section),
                Err(text) => {
                    self.tell(&text.place, "a text stands where a table should", Some(&format!("[[{}]]", joined(&self.kind, key))));
                    None
                }
            })
            .collect()
    }

    /// The entries of a table whose keys are names.
    pub(crate) fn named(&self, key: &'static str) -> Vec<(At<String>, Section<'f, 't>)> {
        let kind = joined(&joined(&self.kind, key), "*");
        let Some(found) = self.get(key, Takes::Named) else {
            let place = Place { key: joined(&joined(&self.place.key, key), "*"), offset: 0 };
            let explored = self.explored(key, kind).map(|section| (At { value: "*".to_owned(), place }, section));
            return explored.into_iter().collect();
        };
        let Some(all) = self.as_section(&found, kind, &format!("a table, [{}],", found.place.key)) else { return Vec::new() };
        let entries = all.table.iter().filter_map(|(name, value)| {
            let at = all.at(name.get_ref(), value);
            let section = all.as_section(&at, all.kind.clone(), "a table")?;
            Some((At { value: name.get_ref().as_ref().to_owned(), place: at.place }, section))
        });
        entries.collect()
    }

    /// The entries of a table whose keys are names and whose values are texts, or lists of them.
    pub(crate) fn texts_by_name(&self, key: &'static str) -> Vec<(At<String>, Vec<At<String>>)> {
        let Some(found) = self.get(key, Takes::NamedTexts) else { return Vec::new() };
        let Some(all) = self.as_section(&found, joined(&self.kind, key), &format!("a table, [{}],", found.place.key)) else { return Vec::new() };
        let entries = all.table.iter().map(|(name, value)| {
            let at = all.at(name.get_ref(), value);
            if let Some(shown) = shown(at.value, &Takes::Texts) {
                let (line, _) = self.findings.position(at.place.offset);
                self.findings.leaves.borrow_mut().push(Leaf { key: at.place.key.clone(), line, shown });
            }
            let items: Vec<&'f Spanned<DeValue<'t>>> = value.get_ref().as_array().map_or_else(|| vec![value], |items| items.iter().collect());
            let item = |item: &'f Spanned<DeValue<'t>>| At { value: item.get_ref(), place: Place { offset: item.span().start, ..at.place.clone() } };
            let texts = items.into_iter().filter_map(|one| all.as_text(&item(one), "a text or a list of texts")).collect();
            let place = Place { offset: name.span().start, ..at.place };
            (At { value: name.get_ref().as_ref().to_owned(), place }, texts)
        });
        entries.collect()
    }

    /// Tells of keys that nobody asked for, and when not exactly one of `keys` is there.
    pub(crate) fn finish_with_one_of(self, keys: [&'static str; 3], what: &str, cure: &str) {
        self.findings.asked.borrow_mut().one_of.insert(self.kind.clone(), keys);
        let said = keys.iter().filter(|key| self.table.get(**key).is_some()).count();
        let (place, findings) = (self.place.clone(), self.findings);
        self.finish();
        match said {
            1 => {}
            0 if findings.told_below(&place) => {}
            0 => findings.tell(&place, &format!("nothing says where {what} is"), Some(cure)),
            _ => findings.tell(&place, &format!("several keys say where {what} is"), Some(cure)),
        }
    }

    /// Tells of keys that nobody asked for.
    pub(crate) fn finish(self) {
        let asked = self.asked.borrow();
        for name in self.table.keys().filter(|name| !asked.iter().any(|known| name.get_ref() == known)) {
            let place = Place { key: joined(&self.place.key, name.get_ref()), offset: name.span().start };
            self.tell(&place, "this key is not known", did_you_mean(name.get_ref(), asked.iter().copied()).as_deref());
        }
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
