//! A flat table: the keys and what each means, everywhere the same. `h j k l g G` and the arrows only ever move; no two meanings differ by Shift
//! (`g` and `G` go to the two ends of one line); nothing lies on Ctrl-A, B, D, K, S, Q, which tmux, screen and terminals take for themselves.

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::app::command::Scope;
use crate::app::{COMMANDS, Intent, Model, Overlay};
use crate::operations::canary::Verb;

/// One key and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) code: KeyCode,
    pub(super) control: bool,
    pub(super) intent: Intent,
    /// As it is written for a person.
    pub(super) shown: &'static str,
}

const fn key(code: KeyCode, intent: Intent, shown: &'static str) -> Key {
    Key { code, control: false, intent, shown }
}

const fn letter(letter: char, intent: Intent, shown: &'static str) -> Key {
    key(KeyCode::Char(letter), intent, shown)
}

const fn control(letter: char, intent: Intent, shown: &'static str) -> Key {
    Key { code: KeyCode::Char(letter), control: true, intent, shown }
}

/// The keys. The first of an intent is the one that hints name.
pub(super) const KEYS: &[Key] = &[
    letter('k', Intent::Up, "k"),
    key(KeyCode::Up, Intent::Up, "Up"),
    letter('j', Intent::Down, "j"),
    key(KeyCode::Down, Intent::Down, "Down"),
    letter('h', Intent::Left, "h"),
    key(KeyCode::Left, Intent::Left, "Left"),
    letter('l', Intent::Right, "l"),
    key(KeyCode::Right, Intent::Right, "Right"),
    key(KeyCode::PageUp, Intent::PageUp, "PgUp"),
    key(KeyCode::PageDown, Intent::PageDown, "PgDn"),
    letter('g', Intent::Top, "g"),
    key(KeyCode::Home, Intent::Top, "Home"),
    letter('G', Intent::Bottom, "G"),
    key(KeyCode::End, Intent::Bottom, "End"),
    key(KeyCode::Enter, Intent::Open, "↵"),
    letter(' ', Intent::Fold, "space"),
    letter('/', Intent::Filter, "/"),
    letter('a', Intent::Arrange, "a"),
    letter('f', Intent::Favourite, "f"),
    letter('c', Intent::Copy, "c"),
    letter('o', Intent::Browse, "o"),
    letter('n', Intent::Notify, "n"),
    letter('.', Intent::SeeAll, "."),
    letter('p', Intent::Promote, "p"),
    letter('b', Intent::Ways, "b"),
    letter('m', Intent::Merge, "m"),
    letter('X', Intent::Canary(Verb::Abort), "X"),
    letter('>', Intent::Canary(Verb::NextStep), ">"),
    letter('u', Intent::Operations, "u"),
    letter('z', Intent::Journal, "z"),
    letter('t', Intent::Changes, "t"),
    letter('r', Intent::Sources, "r"),
    letter(':', Intent::Palette, ":"),
    control('p', Intent::Palette, "Ctrl-P"),
    letter('?', Intent::Help, "?"),
    control('r', Intent::Refresh, "Ctrl-R"),
    letter('q', Intent::Back, "q"),
    key(KeyCode::Esc, Intent::Back, "Esc"),
    control('g', Intent::Back, "Ctrl-G"),
    control('c', Intent::Quit, "Ctrl-C"),
    control('z', Intent::Suspend, "Ctrl-Z"),
];

/// The keys that hold: the usual ones, or those that a configuration made of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keys(Option<&'static [Key]>);

impl Keys {
    /// The usual ones.
    pub const USUAL: Self = Self(None);

    /// These in the place of the usual ones. They are kept until the program ends.
    pub(super) fn own(keys: Vec<Key>) -> Self {
        Self(Some(keys.leak()))
    }

    pub(super) fn all(self) -> &'static [Key] {
        self.0.unwrap_or(KEYS)
    }

    /// The key that hints name for a wish; empty where it has none.
    #[must_use]
    pub fn of(self, intent: Intent) -> &'static str {
        self.all().iter().find(|key| key.intent == intent).map_or("", |key| key.shown)
    }

    /// A sentence for a person, in which `<refresh>` stands for the key of the command of that name: keys are a person's own.
    #[must_use]
    pub fn told(self, sentence: &str) -> String {
        COMMANDS
            .iter()
            .fold(sentence.to_owned(), |told, command| told.replace(&format!("<{}>", super::keymap::name(command)), self.of(command.intent)))
    }

    /// The keys of a wish that mean it also while letters are text: `Esc or Ctrl-G`.
    #[must_use]
    pub fn while_typing(self, intent: Intent) -> String {
        let is_text = |key: &Key| !key.control && matches!(key.code, KeyCode::Char(_));
        let shown: Vec<&str> = self.all().iter().filter(|key| key.intent == intent && !is_text(key)).map(|key| key.shown).collect();
        shown.join(" or ")
    }

    /// All keys of a wish, for a person: `k, Up`.
    #[must_use]
    pub fn all_of(self, intent: Intent) -> String {
        let shown: Vec<&str> = self.all().iter().filter(|key| key.intent == intent).map(|key| key.shown).collect();
        shown.join(", ")
    }
}

/// What a key press means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    /// A person wants something.
    Wants(Intent),
    /// Enter, where something is to be confirmed.
    Confirmed,
    /// A character for the text field.
    Typed(char),
    /// The last character of the text field is to go.
    Erased,
}

/// What a key press means here and now; nothing for most keys.
#[must_use]
pub fn pressed(keys: Keys, model: &Model, event: KeyEvent) -> Option<Pressed> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    if event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::HYPER | KeyModifiers::META) {
        return None;
    }
    if model.is_typing() {
        let is_choosing = matches!(model.overlay, Some(Overlay::Palette(_)));
        match (event.code, control) {
            (KeyCode::Char(character), false) => return Some(Pressed::Typed(character)),
            // Ctrl-H is how some terminals still send the key for erasing.
            (KeyCode::Backspace, _) | (KeyCode::Char('h'), true) => return Some(Pressed::Erased),
            // As in a shell: one up, one down.
            (KeyCode::Char('p'), true) if is_choosing => return Some(Pressed::Wants(Intent::Up)),
            (KeyCode::Char('n'), true) if is_choosing => return Some(Pressed::Wants(Intent::Down)),
            _ => {}
        }
    }
    if model.is_confirming() {
        match (event.code, control) {
            (KeyCode::Enter, false) => return Some(Pressed::Confirmed),
            // It cancels here, as everywhere in a terminal; it does not leave the program.
            (KeyCode::Char('c'), true) => return Some(Pressed::Wants(Intent::Back)),
            _ => {}
        }
    }
    let found = keys.all().iter().find(|key| key.control == control && key.code == event.code);
    found.map(|key| Pressed::Wants(key.intent))
}

const SCOPES: [Scope; 4] = [Scope::Moving, Scope::Looking, Scope::Changing, Scope::Program];

/// The keys as `docs/keys.md`.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from("# Keys\n\nOne letter, one meaning, everywhere. Made by `tiphys keys --markdown`.\n");
    for scope in SCOPES {
        let _ = write!(out, "\n## {}\n\n| key | | |\n|---|---|---|\n", scope.title());
        for command in COMMANDS.iter().filter(|command| command.scope == scope) {
            let keys: Vec<String> = KEYS.iter().filter(|key| key.intent == command.intent).map(|key| format!("`{}`", key.shown)).collect();
            let _ = writeln!(out, "| {} | {} | {} |", keys.join(" "), command.title, command.help);
        }
    }
    out
}

/// The keys as plain text.
#[must_use]
pub fn text(keys: Keys) -> String {
    let mut out = String::new();
    for scope in SCOPES {
        let _ = writeln!(out, "{}{}", if out.is_empty() { "" } else { "\n" }, scope.title());
        for command in COMMANDS.iter().filter(|command| command.scope == scope) {
            let _ = writeln!(out, "  {:<16}{:<12}{}", keys.all_of(command.intent), command.title, command.help);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{What, update};
    use crate::ui::testing::{self, msg};

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn no_key_means_two_things_and_every_command_has_one() {
        for (index, key) in KEYS.iter().enumerate() {
            assert!(KEYS.iter().skip(index + 1).all(|other| (other.code, other.control) != (key.code, key.control)), "{}", key.shown);
            assert!(crate::app::command::find(key.intent).is_some(), "{} means nothing in the table of commands", key.shown);
        }
        for command in COMMANDS {
            // What has none is found in the palette.
            assert!(!Keys::USUAL.of(command.intent).is_empty() || !command.hinted, "{} has no key", command.title);
        }
    }

    #[test]
    fn what_moves_only_moves_and_what_others_take_is_left_to_them() {
        for key in KEYS {
            let moves = matches!(crate::app::command::find(key.intent).map(|command| command.scope), Some(Scope::Moving));
            if let KeyCode::Char(letter) = key.code {
                assert_eq!(!key.control && "hjklgG".contains(letter), moves, "{}", key.shown);
                assert!(!(key.control && "abdksq".contains(letter)), "{}", key.shown);
            }
            let KeyCode::Char(letter) = key.code else { continue };
            let other_case = if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
            let differs = KEYS.iter().any(|other| letter != other_case && !key.control && !other.control && other.code == KeyCode::Char(other_case));
            assert!(!differs || moves, "{} differs by Shift only", key.shown);
        }
    }

    #[test]
    fn letters_are_text_while_a_filter_is_typed() {
        let mut model = testing::usual();
        let q = press(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(pressed(Keys::USUAL, &model, q), Some(Pressed::Wants(Intent::Back)));
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Char('G'), KeyModifiers::SHIFT)), Some(Pressed::Wants(Intent::Bottom)));
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Backspace, KeyModifiers::NONE)), None);
        update(&mut model, msg(testing::NOW, What::Wants(Intent::Filter)));
        assert_eq!(pressed(Keys::USUAL, &model, q), Some(Pressed::Typed('q')));
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Backspace, KeyModifiers::NONE)), Some(Pressed::Erased));
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Esc, KeyModifiers::NONE)), Some(Pressed::Wants(Intent::Back)));
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Enter, KeyModifiers::NONE)), Some(Pressed::Wants(Intent::Open)));
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Down, KeyModifiers::NONE)), Some(Pressed::Wants(Intent::Down)));
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Pressed::Wants(Intent::Quit)));
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Char('x'), KeyModifiers::ALT)), None);
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Char(':'), KeyModifiers::NONE)), Some(Pressed::Typed(':')));
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Char('n'), KeyModifiers::CONTROL)), None);
    }

    #[test]
    fn in_the_palette_control_moves_as_in_a_shell_and_more_than_escape_leaves() {
        let mut model = testing::usual();
        let control = |letter| press(KeyCode::Char(letter), KeyModifiers::CONTROL);
        assert_eq!(pressed(Keys::USUAL, &model, control('p')), Some(Pressed::Wants(Intent::Palette)));
        update(&mut model, msg(testing::NOW, What::Wants(Intent::Palette)));
        assert_eq!(pressed(Keys::USUAL, &model, control('p')), Some(Pressed::Wants(Intent::Up)));
        assert_eq!(pressed(Keys::USUAL, &model, control('n')), Some(Pressed::Wants(Intent::Down)));
        assert_eq!(pressed(Keys::USUAL, &model, control('g')), Some(Pressed::Wants(Intent::Back)));
        assert_eq!(pressed(Keys::USUAL, &model, control('c')), Some(Pressed::Wants(Intent::Quit)));
        assert_eq!(pressed(Keys::USUAL, &model, press(KeyCode::Char('q'), KeyModifiers::NONE)), Some(Pressed::Typed('q')));
    }

    #[test]
    fn sentences_name_the_keys_that_hold() {
        let told = |keys: Keys| (keys.told("<refresh> asks again, <mark-seen> sees all, <nothing> stays."), keys.while_typing(Intent::Back));
        let usual = told(Keys::USUAL);
        assert_eq!((usual.0.as_str(), usual.1.as_str()), ("Ctrl-R asks again, . sees all, <nothing> stays.", "Esc or Ctrl-G"));
        let own = told(crate::ui::keymap::with(&[("refresh", vec!["F5"]), ("mark-seen", vec!["x"]), ("back", vec!["B"])]).unwrap());
        assert_eq!((own.0.as_str(), own.1.as_str()), ("F5 asks again, x sees all, <nothing> stays.", "Esc"));
    }

    /// Every sentence of the help, with all commands on keys that no sentence would name by chance.
    #[test]
    fn no_screen_names_a_usual_key_that_was_moved() {
        use crate::ui::look::{Colors, Glyphs, Look, Theme};
        let own =
            crate::ui::keymap::with(&[("mark-seen", vec!["F7"]), ("notify", vec!["F8"]), ("sources", vec!["F9"]), ("refresh", vec!["F10"])]).unwrap();
        let mut model = testing::usual();
        update(&mut model, msg(testing::NOW, What::Wants(Intent::Help)));
        let look = Look { colors: Colors::Sixteen, glyphs: Glyphs::Unicode, theme: Theme::Usual, keys: own, links: false };
        let shown = testing::text(&testing::resized(model, 120, 99), look);
        assert!(shown.contains("or press F7 for all") && shown.contains("watched with F8") && !shown.contains("press ."), "{shown}");
    }

    #[test]
    fn the_tables_of_keys() {
        insta::assert_snapshot!(markdown());
        insta::assert_snapshot!(text(Keys::USUAL));
    }
}
