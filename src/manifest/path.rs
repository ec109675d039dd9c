//! Where something stands in a YAML file: the steps from the top of its document. It knows no file.

use crate::base::Safe;

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To an item of a sequence, from 0.
    Place(usize),
    /// To the mapping in a sequence that has this `name`: an entry of kustomize's `images` keeps its name where others come and go.
    Named(String),
}

/// The steps to a value, for a person: `images[checkout].newTag`, `workers[0].image.tag`.
#[must_use]
pub fn shown(path: &[Step]) -> Safe {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&key.replace('.', "\\."));
            }
            Step::Place(place) => text.extend(["[", &place.to_string(), "]"]),
            Step::Named(name) => text.extend(["[", name, "]"]),
        }
    }
    Safe::clean(&text)
}

/// The steps of a name as `helm --set` takes it: `a.b[0].c`, with `\.` for a dot that belongs to a key.
pub(super) fn steps(name: &str) -> Vec<Step> {
    let mut keys = vec![String::new()];
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '.' => keys.push(String::new()),
            letter => {
                let letter = if letter == '\\' { letters.next() } else { Some(letter) };
                if let Some(last) = keys.last_mut() {
                    last.extend(letter);
                }
            }
        }
    }
    let mut found = Vec::new();
    for key in keys {
        let (name, places) = key.split_once('[').map_or((key.as_str(), ""), |(name, places)| (name, places));
        if !name.is_empty() || places.is_empty() {
            found.push(Step::Key(name.to_owned()));
        }
        found.extend(places.split('[').filter_map(|place| place.trim_end_matches(']').parse().ok()).map(Step::Place));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_shown() {
        for name in ["image.tag", "a\\.b.c", "workers[0].image.tag"] {
            assert_eq!(shown(&steps(name)).as_str(), name);
        }
        assert_eq!(shown(&[Step::Key("images".into()), Step::Named("shop".into()), Step::Key("newTag".into())]).as_str(), "images[shop].newTag");
    }
}
