//! The stories on the simulated world of the lab. Each has a world of its own and mostly waits, so all of them are told at the same time, whatever the
//! number of threads that tests have.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what does not run fails them")]

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::world::Simulated;

crate::stories::tell! { at_rest, at_once }

fn at_rest(speed: u32) -> Simulated {
    Simulated::start("lab", speed)
}

/// The stories that are being told.
static TOLD: LazyLock<Mutex<BTreeMap<&'static str, JoinHandle<()>>>> = LazyLock::new(|| {
    let begin = |(name, tell): &(&'static str, fn())| (*name, std::thread::Builder::new().name((*name).to_owned()).spawn(*tell).unwrap());
    Mutex::new(STORIES.iter().filter(|(name, _)| is_wanted(name)).map(begin).collect())
});

/// Whether the arguments of the test binary name this story; a word that is the value of an option names none.
fn is_wanted(name: &str) -> bool {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    words.is_empty() || words.iter().any(|word| format!("{}::{name}", module_path!()).contains(word.as_str()))
}

/// Begins all stories that are wanted, and waits for the end of this one.
fn at_once(name: &str, stories: &[(&str, fn())]) {
    let begun = TOLD.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    let Some(begun) = begun else {
        // An odd filter: told alone.
        return stories.iter().filter(|(known, _)| *known == name).for_each(|(_, tell)| tell());
    };
    if let Err(panic) = begun.join() {
        let words = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
        panic!("{}", words.unwrap_or_else(|| "the story failed without words".to_owned()));
    }
}
