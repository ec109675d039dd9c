//! The palette: everything that can be done, found by typing a part of its name. Commands come from their table, scenarios from the demo.
//!
//! What is typed narrows the list and never runs anything, pasted text least of all: only Enter does, and only on the entry that is marked.

use crate::app::command::{COMMANDS, Scope};
use crate::app::effect::Effect;
use crate::app::model::{Model, Overlay};
use crate::app::scroll::Scroll;
use crate::app::{Intent, Refusal, demo, view};
use crate::base::Safe;

/// Something to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A command of the table.
    Command(Intent),
    /// A saved view, by its place in the list of them.
    View(usize),
    /// A scenario of the demo, by its place in the list of them.
    Scenario(usize),
}

/// What entries are grouped under while nothing narrows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Commands of one scope.
    Scope(Scope),
    /// Saved views.
    Views,
    /// Scenarios.
    Scenarios,
}

/// A line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// The heading of a group.
    Heading(Group),
    /// An entry.
    Entry(Entry),
}

/// The words of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<'a> {
    /// What it is called.
    pub name: &'a str,
    /// A few words more; empty where the name says it all.
    pub title: &'a str,
    /// What it does.
    pub help: &'a str,
}

/// The palette while it is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Palette {
    text: Safe,
    lines: Vec<Line>,
    scroll: Scroll,
    everything: usize,
}

/// Groups in the order in which they are listed. Moving comes last: nobody looks for an arrow key by its name.
const GROUPS: [Group; 6] = [
    Group::Views,
    Group::Scope(Scope::Looking),
    Group::Scope(Scope::Changing),
    Group::Scenarios,
    Group::Scope(Scope::Program),
    Group::Scope(Scope::Moving),
];

/// A longer text narrows nothing any further.
const LONGEST: usize = 80;

impl Group {
    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Scope(scope) => scope.title(),
            Self::Views => "Views",
            Self::Scenarios => "Scenarios of the demo",
        }
    }

    fn entries(self, model: &Model) -> Vec<Entry> {
        match self {
            // The palette does not offer itself.
            Self::Scope(scope) => {
                let commands = COMMANDS.iter().filter(|command| command.scope == scope && command.intent != Intent::Palette);
                commands.map(|command| Entry::Command(command.intent)).collect()
            }
            Self::Views => (0..model.own.views.len()).map(Entry::View).collect(),
            Self::Scenarios => (0..model.demo.as_ref().map_or(0, |demo| demo.scenarios.len())).map(Entry::Scenario).collect(),
        }
    }
}

impl Entry {
    /// Its words; none for a scenario that is not there.
    #[must_use]
    pub fn words(self, model: &Model) -> Option<Words<'_>> {
        match self {
            Self::Command(intent) => {
                let command = crate::app::command::find(intent)?;
                Some(Words { name: command.title, title: "", help: command.help })
            }
            Self::View(index) => {
                let view = model.own.views.get(index)?;
                let title = if view.filter.is_empty() { view.arrange.title() } else { view.filter.as_str() };
                Some(Words { name: view.name.as_str(), title, help: "A saved view: its filter, its order of rows and its fold." })
            }
            Self::Scenario(index) => {
                let scenario = model.demo.as_ref()?.scenarios.get(index)?;
                Some(Words { name: scenario.name.as_str(), title: scenario.title.as_str(), help: scenario.story.as_str() })
            }
        }
    }

    /// Whether it can be done on the screen beneath, or why not.
    pub fn available(self, model: &Model) -> Result<(), Refusal> {
        match self {
            Self::Command(intent) => model.available(intent),
            Self::View(_) | Self::Scenario(_) => Ok(()),
        }
    }
}

impl Palette {
    fn of(model: &Model, text: &str) -> Self {
        let text: String = text.chars().take(LONGEST).collect();
        let groups = GROUPS.map(|group| (group, group.entries(model)));
        let headings = groups.iter().filter(|(_, entries)| !entries.is_empty()).count();
        let everything = headings + groups.iter().map(|(_, entries)| entries.len()).sum::<usize>();
        let lines = if text.trim().is_empty() {
            let lines = |(group, entries): (Group, Vec<Entry>)| {
                let heading = (!entries.is_empty()).then_some(Line::Heading(group));
                heading.into_iter().chain(entries.into_iter().map(Line::Entry))
            };
            groups.into_iter().flat_map(lines).collect()
        } else {
            let query = text.to_lowercase();
            let all = groups.into_iter().flat_map(|(_, entries)| entries);
            let mut found: Vec<(u32, Entry)> = all.filter_map(|entry| Some((distance(&query, entry.words(model)?)?, entry))).collect();
            found.sort_by_key(|(distance, _)| *distance);
            found.into_iter().map(|(_, entry)| Line::Entry(entry)).collect()
        };
        let mut palette = Self { text: Safe::clean(&text), lines, scroll: Scroll::default(), everything };
        palette.step(0, usize::MAX);
        palette
    }

    /// What is typed.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_str()
    }

    /// What is listed: everything under headings, or what fits the text, the best first.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The line under the cursor and the first that is shown.
    #[must_use]
    pub const fn scroll(&self) -> Scroll {
        self.scroll
    }

    /// The entry under the cursor.
    #[must_use]
    pub fn chosen(&self) -> Option<Entry> {
        match self.lines.get(self.scroll.cursor) {
            Some(Line::Entry(entry)) => Some(*entry),
            Some(Line::Heading(_)) | None => None,
        }
    }

    /// How many rows the list takes on a screen of so many, whatever is typed: it does not jump under the eyes.
    #[must_use]
    pub fn height(&self, rows: u16) -> usize {
        // With it come a rule, the text field, the footer and the chosen entry in full; the header stays in sight.
        let part = (usize::from(rows) * 3 / 5).max(8).min(usize::from(rows.saturating_sub(1)));
        part.saturating_sub(3 + Self::told(rows)).min(self.everything.max(1))
    }

    /// How many rows tell of the chosen entry in full: none where the list itself has few.
    #[must_use]
    pub const fn told(rows: u16) -> usize {
        if rows < 18 { 0 } else { 2 }
    }

    /// Moves the cursor by so many entries and keeps it in sight when `height` lines are shown.
    fn step(&mut self, by: isize, height: usize) {
        let is_entry = |line: usize| matches!(self.lines.get(line), Some(Line::Entry(_)));
        let entries: Vec<usize> = (0..self.lines.len()).filter(|line| is_entry(*line)).collect();
        let place = entries.partition_point(|line| *line < self.scroll.cursor);
        let target = place.saturating_add_signed(by).min(entries.len().saturating_sub(1));
        self.scroll.cursor = entries.get(target).copied().unwrap_or_default();
        self.scroll.settle(self.lines.len(), height);
        // The heading above the first entry of a group is shown with it.
        if self.scroll.top > 0 && self.scroll.top == self.scroll.cursor && !is_entry(self.scroll.top - 1) && height > 1 {
            self.scroll.top -= 1;
        }
    }
}

/// How far a text is from an entry, the least the best; nothing where it does not fit. Every word must be found: in the name, at best at its
/// beginning, in the other words, or letter by letter in the name.
fn distance(query: &str, words: Words<'_>) -> Option<u32> {
    let (name, title, help) = (words.name.to_lowercase(), words.title.to_lowercase(), words.help.to_lowercase());
    if name == query.trim() {
        return Some(0);
    }
    query.split_whitespace().map(|word| distance_of_word(word, &name, &title, &help)).sum()
}

fn distance_of_word(word: &str, name: &str, title: &str, help: &str) -> Option<u32> {
    let begins = |text: &str| text.split(|character: char| !character.is_alphanumeric()).any(|other| other.starts_with(word));
    let found = [
        name.starts_with(word),
        begins(name),
        begins(title),
        name.contains(word),
        is_subsequence(word, name),
        title.contains(word),
        begins(help),
        help.contains(word),
    ];
    let place = found.iter().position(|found| *found)?;
    u32::try_from(place + 1).ok()
}

/// Whether the letters of a word come one after another in a text, with others between them.
fn is_subsequence(word: &str, text: &str) -> bool {
    let mut letters = text.chars();
    word.chars().all(|wanted| letters.any(|letter| letter == wanted))
}

/// Opens the palette.
pub(super) fn open(model: &mut Model) {
    model.overlay = Some(Overlay::Palette(Palette::of(model, "")));
}

/// The text grows by what was typed or pasted. Line breaks in a paste are blanks: nothing but the text changes.
pub(super) fn typed(model: &mut Model, more: &str) {
    let Some(Overlay::Palette(palette)) = &model.overlay else { return };
    model.notice = None;
    let blank = |character: char| if character.is_control() || character == '\u{fffd}' { ' ' } else { character };
    let text: String = palette.text().chars().chain(more.chars().map(blank)).collect();
    model.overlay = Some(Overlay::Palette(Palette::of(model, &text)));
}

/// The text loses its last character. With nothing left to lose, the palette closes.
pub(super) fn erased(model: &mut Model) {
    let Some(Overlay::Palette(palette)) = &model.overlay else { return };
    model.notice = None;
    let mut text = palette.text().to_owned();
    model.overlay = text.pop().map(|_| Overlay::Palette(Palette::of(model, &text)));
}

/// What a wish means while the palette is open; nothing for those that mean there what they mean everywhere.
pub(super) fn fulfil(model: &mut Model, intent: Intent) -> Option<Outcome> {
    let rows = model.room().1;
    let Some(Overlay::Palette(palette)) = &mut model.overlay else { return None };
    let height = palette.height(rows);
    let screenful = isize::try_from(height.max(1)).unwrap_or(1);
    match intent {
        Intent::Up => palette.step(-1, height),
        Intent::Down => palette.step(1, height),
        Intent::PageUp => palette.step(-screenful, height),
        Intent::PageDown => palette.step(screenful, height),
        Intent::Top => palette.step(isize::MIN / 2, height),
        Intent::Bottom => palette.step(isize::MAX / 2, height),
        Intent::Open => return Some(run(model)),
        Intent::Back | Intent::Palette => model.overlay = None,
        Intent::Quit | Intent::Suspend | Intent::Refresh => return None,
        // Nothing lies to the left or right, and no key of these reaches a text field.
        Intent::Left
        | Intent::Right
        | Intent::Fold
        | Intent::Filter
        | Intent::Arrange
        | Intent::Notify
        | Intent::Copy
        | Intent::Favourite
        | Intent::SaveView
        | Intent::ForgetView
        | Intent::Browse
        | Intent::SeeAll
        | Intent::Sources
        | Intent::Changes
        | Intent::Promote
        | Intent::Ways
        | Intent::Merge
        | Intent::Canary(_)
        | Intent::Argocd(_)
        | Intent::Arm
        | Intent::Disarm
        | Intent::Operations
        | Intent::Journal
        | Intent::Help => {}
    }
    Some(Outcome::Done(Vec::new()))
}

/// What came of a wish in the palette.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is fulfilled.
    Done(Vec<Effect>),
    /// This command was chosen; the palette is closed.
    Chosen(Intent),
}

/// Runs the chosen entry. Where it is refused, its reason is told and the palette stays.
fn run(model: &mut Model) -> Outcome {
    let Some(Overlay::Palette(palette)) = &model.overlay else { return Outcome::Done(Vec::new()) };
    let Some(entry) = palette.chosen() else { return Outcome::Done(Vec::new()) };
    if let Err(refusal) = entry.available(model) {
        model.notice = Some(Safe::clean(&refusal.to_string()));
        return Outcome::Done(Vec::new());
    }
    model.overlay = None;
    match entry {
        Entry::Command(intent) => Outcome::Chosen(intent),
        Entry::View(index) => {
            if let Some(view) = model.own.views.get(index).cloned() {
                view::choose(model, &view);
            }
            Outcome::Done(Vec::new())
        }
        Entry::Scenario(index) => Outcome::Done(demo::play(model, index)),
    }
}

/// Keeps the cursor in sight after the terminal changed its size.
pub(super) fn resized(model: &mut Model) {
    let rows = model.room().1;
    if let Some(Overlay::Palette(palette)) = &mut model.overlay {
        let height = palette.height(rows);
        palette.step(0, height);
    }
}
