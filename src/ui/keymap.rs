//! A person's own keys: how a key is written, which may be used at all, and what becomes of the usual ones. It knows no file; who reads one says
//! where a thing stands.

use crossterm::event::KeyCode;

use super::keys::{KEYS, Key, Keys};
use crate::app::{COMMANDS, Command, Intent};
use crate::base::Safe;
use crate::base::nearest::nearest;
use crate::safe;

/// What is wrong with one binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Which: its place in what was given.
    pub binding: usize,
    /// Which of its keys; `None`: the command.
    pub key: Option<usize>,
    /// What is wrong.
    pub found: Safe,
    /// What helps.
    pub cure: Safe,
}

/// What a command is called where keys are given to it: its title with dashes, `page-up`.
#[must_use]
pub fn name(command: &Command) -> String {
    command.title.replace(' ', "-")
}

/// The usual keys with these commands on other keys: their letters and those with Ctrl. Arrows, Enter and the like stay, and so does Ctrl-C: nobody
/// is locked in. All that is wrong is told at once.
pub fn with(bindings: &[(&str, Vec<&str>)]) -> Result<Keys, Vec<Wrong>> {
    if bindings.is_empty() {
        return Ok(Keys::USUAL);
    }
    let mut wrong = Vec::new();
    let mut own: Vec<((usize, usize), Key)> = Vec::new();
    for (binding, (command, keys)) in bindings.iter().enumerate() {
        let Some(command) = COMMANDS.iter().find(|known| name(known) == *command) else {
            let names: Vec<String> = COMMANDS.iter().map(name).collect();
            let cure = match nearest(command, names.iter().map(String::as_str)) {
                Some(near) => safe!("did you mean '{near}'?"),
                None => safe!("tiphys keys lists them: {}", names.join(", ")),
            };
            wrong.push(Wrong { binding, key: None, found: safe!("there is no command '{command}'"), cure });
            continue;
        };
        for (place, written) in keys.iter().enumerate() {
            match read(written, command.intent) {
                Ok(key) => own.push(((binding, place), key)),
                Err((found, cure)) => wrong.push(Wrong { binding, key: Some(place), found, cure }),
            }
        }
    }
    let moved: Vec<Intent> = own.iter().map(|(_, key)| key.intent).collect();
    let kept: Vec<Key> = KEYS.iter().filter(|key| !moved.contains(&key.intent) || stays(key)).copied().collect();
    let same = |one: &Key, other: &Key| one.code == other.code && one.control == other.control;
    for (index, ((binding, place), key)) in own.iter().enumerate() {
        let before = own.iter().take(index).map(|(_, other)| other).chain(&kept).find(|other| same(key, other));
        if let Some(before) = before.filter(|before| before.intent != key.intent) {
            let other = crate::app::command::find(before.intent).map(name).unwrap_or_default();
            let (found, cure) = (safe!("{} is the key of '{other}' already", key.shown), safe!("another key, or another one for {other} as well"));
            wrong.push(Wrong { binding: *binding, key: Some(*place), found, cure });
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut keys: Vec<Key> = Vec::new();
    for key in own.into_iter().map(|(_, key)| key).chain(kept) {
        if !keys.iter().any(|other| same(&key, other)) {
            keys.push(key);
        }
    }
    Ok(Keys::own(keys))
}

/// Whether a usual key stays although its command has another one.
const fn stays(key: &Key) -> bool {
    !matches!(key.code, KeyCode::Char(_)) || matches!((key.code, key.control), (KeyCode::Char('c'), true))
}

/// Keys with names.
const NAMED: [(&str, KeyCode, &str); 16] = [
    ("up", KeyCode::Up, "Up"),
    ("down", KeyCode::Down, "Down"),
    ("left", KeyCode::Left, "Left"),
    ("right", KeyCode::Right, "Right"),
    ("pgup", KeyCode::PageUp, "PgUp"),
    ("pgdn", KeyCode::PageDown, "PgDn"),
    ("pageup", KeyCode::PageUp, "PgUp"),
    ("pagedown", KeyCode::PageDown, "PgDn"),
    ("home", KeyCode::Home, "Home"),
    ("end", KeyCode::End, "End"),
    ("enter", KeyCode::Enter, "↵"),
    ("esc", KeyCode::Esc, "Esc"),
    ("tab", KeyCode::Tab, "Tab"),
    ("insert", KeyCode::Insert, "Insert"),
    ("delete", KeyCode::Delete, "Delete"),
    ("space", KeyCode::Char(' '), "space"),
];

/// Letters that are not for Ctrl, and why.
const TAKEN: [(char, &str); 11] = [
    ('a', "GNU screen takes it for itself"),
    ('b', "tmux takes it for itself"),
    ('d', "it ends what reads from a terminal, and logs shells out"),
    ('k', "terminals and editors erase a line with it"),
    ('s', "it stops the terminal's output until Ctrl-Q"),
    ('q', "it is the answer to Ctrl-S in terminals"),
    ('c', "it is the way out of every program, here too"),
    ('h', "terminals send it for Backspace"),
    ('i', "terminals send it for Tab"),
    ('j', "terminals send it for Enter"),
    ('m', "terminals send it for Enter"),
];

fn read(written: &str, intent: Intent) -> Result<Key, (Safe, Safe)> {
    let lower = written.to_lowercase();
    let key = |code, control, shown: String| Key { code, control, intent, shown: shown.leak() };
    if let Some(rest) = ["ctrl-", "ctrl+", "c-"].iter().find_map(|start| lower.strip_prefix(start)) {
        let mut letters = rest.chars();
        let (Some(letter @ 'a'..='z'), None) = (letters.next(), letters.next()) else {
            return Err((safe!("'{written}' is no key"), safe!("with Ctrl there are letters only: \"Ctrl-T\"")));
        };
        if let Some((_, why)) = TAKEN.iter().find(|(taken, _)| *taken == letter).filter(|_| !(letter == 'c' && intent == Intent::Quit)) {
            return Err((safe!("Ctrl-{} cannot be used: {why}", letter.to_ascii_uppercase()), safe!("another key: \"Ctrl-T\", \"T\", \"F5\"")));
        }
        return Ok(key(KeyCode::Char(letter), true, format!("Ctrl-{}", letter.to_ascii_uppercase())));
    }
    if lower.starts_with("alt") || lower.starts_with("m-") {
        let cure = safe!("a letter, a key with Ctrl, or F1 to F12");
        return Err((safe!("'{written}' cannot be used: terminals send Alt as Esc and a letter, and Esc leaves"), cure));
    }
    let mut letters = written.chars();
    if let (Some(letter), None) = (letters.next(), letters.next())
        && letter.is_ascii_graphic()
    {
        return Ok(key(KeyCode::Char(letter), false, letter.to_string()));
    }
    if let Some(number) = lower.strip_prefix('f').and_then(|number| number.parse::<u8>().ok()).filter(|number| (1..=12).contains(number)) {
        return Ok(key(KeyCode::F(number), false, format!("F{number}")));
    }
    match NAMED.iter().find(|(name, ..)| *name == lower) {
        Some((_, code, shown)) => Ok(Key { code: *code, control: false, intent, shown }),
        None => Err((
            safe!("'{written}' is no key"),
            safe!("a letter or sign (\"T\"), one with Ctrl (\"Ctrl-T\"), F1 to F12, or space, Enter, Tab, Up, PgDn, Home …"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyEvent, KeyModifiers};

    use super::*;
    use crate::ui::keys::{Pressed, pressed};
    use crate::ui::testing;

    fn wrong(bindings: &[(&str, Vec<&str>)]) -> Vec<String> {
        with(bindings).unwrap_err().iter().map(|wrong| format!("{}: {}; {}", wrong.binding, wrong.found, wrong.cure)).collect()
    }

    #[test]
    fn a_command_moves_to_its_new_keys_and_is_told_by_them() {
        let keys =
            with(&[("sources", vec!["S", "F5"]), ("up", vec!["w"]), ("arrange", vec!["r"]), ("refresh", vec!["Ctrl-T"]), ("keep-view", vec!["v"])])
                .unwrap();
        assert_eq!((keys.of(Intent::Sources), keys.all_of(Intent::Sources)), ("S", "S, F5".to_owned()));
        assert_eq!((keys.all_of(Intent::Up), keys.all_of(Intent::Down)), ("w, Up".to_owned(), "j, Down".to_owned()), "arrows stay");
        let model = testing::usual();
        let press = |code, modifiers| pressed(keys, &model, KeyEvent::new(code, modifiers));
        assert_eq!(press(KeyCode::Char('r'), KeyModifiers::NONE), Some(Pressed::Wants(Intent::Arrange)));
        assert_eq!(press(KeyCode::Char('a'), KeyModifiers::NONE), None);
        assert_eq!(press(KeyCode::F(5), KeyModifiers::NONE), Some(Pressed::Wants(Intent::Sources)));
        assert_eq!(press(KeyCode::Char('t'), KeyModifiers::CONTROL), Some(Pressed::Wants(Intent::Refresh)));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Pressed::Wants(Intent::Quit)));
        assert_eq!(press(KeyCode::Char('v'), KeyModifiers::NONE), Some(Pressed::Wants(Intent::SaveView)));
        assert_eq!(with(&[]).unwrap(), Keys::USUAL);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_reason_and_the_cure() {
        insta::assert_snapshot!(
            wrong(&[
                ("sorces", vec!["S"]),
                ("xyzzy", vec!["S"]),
                ("sources", vec!["Ctrl-A", "Ctrl-Q", "Ctrl-M", "Ctrl-C", "Ctrl-1"]),
                ("fold", vec!["Alt-x", "", "ab", "F13", "ü"]),
                ("help", vec!["q"]),
                ("filter", vec!["Z"]),
                ("arrange", vec!["Z"]),
            ])
            .join("\n")
        );
    }

    #[test]
    fn every_command_can_be_named() {
        for command in COMMANDS {
            assert!(name(command).bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", command.title);
            with(&[(&name(command), vec!["F12"])]).unwrap();
        }
    }
}
