//! Label selectors as they stand in a query: `a=b,c!=d,e in (f,g),!h`. It knows neither objects nor servers.

use std::collections::BTreeMap;

/// Requirements that all have to hold; none holds always.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    demand: Demand,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Demand {
    Exists,
    Missing,
    In(Vec<String>),
    /// A label that is not there is not in it.
    NotIn(Vec<String>),
}

impl Selector {
    /// Reads a selector; the error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let mut depth = 0_i32;
            let end = rest.char_indices().find(|(_, character)| {
                depth += match character {
                    '(' => 1,
                    ')' => -1,
                    _ => 0,
                };
                *character == ',' && depth == 0
            });
            let (first, others) = end.map_or((rest, ""), |(end, _)| rest.split_at(end));
            requirements.push(Requirement::parse(first.trim())?);
            rest = others.trim_start_matches(',').trim();
        }
        Ok(Self(requirements))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            match &requirement.demand {
                Demand::Exists => value.is_some(),
                Demand::Missing => value.is_none(),
                Demand::In(values) => value.is_some_and(|value| values.contains(value)),
                Demand::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            }
        })
    }
}

impl Requirement {
    fn parse(text: &str) -> Result<Self, String> {
        let set = |values: &str| -> Option<Vec<String>> {
            let values = values.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(values.split(',').map(|value| value.trim().to_owned()).collect())
        };
        let one = |value: &str| vec![value.trim().to_owned()];
        let (key, demand) = if let Some(key) = text.strip_prefix('!') {
            (key, Demand::Missing)
        } else if let Some((key, value)) = text.split_once("!=") {
            (key, Demand::NotIn(one(value)))
        } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            (key, Demand::In(one(value)))
        } else if let Some((key, values)) = text.split_once(" notin ") {
            (key, Demand::NotIn(set(values).ok_or_else(|| unreadable(text))?))
        } else if let Some((key, values)) = text.split_once(" in ") {
            (key, Demand::In(set(values).ok_or_else(|| unreadable(text))?))
        } else {
            (text, Demand::Exists)
        };
        let key = key.trim();
        let is_key = !key.is_empty() && key.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '/'));
        if is_key { Ok(Self { key: key.to_owned(), demand }) } else { Err(unreadable(text)) }
    }
}

fn unreadable(text: &str) -> String {
    format!("unable to parse requirement: '{text}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_select() {
        let labels = BTreeMap::from([("app".to_owned(), "cart".to_owned()), ("app.kubernetes.io/name".to_owned(), "x".to_owned())]);
        for (selector, matches) in [
            ("", true),
            ("app=cart", true),
            ("app==cart,app.kubernetes.io/name=x", true),
            ("app=cart,app.kubernetes.io/name=y", false),
            ("app!=cart", false),
            ("other!=cart", true),
            ("app in (a, cart)", true),
            ("app in (a),app", false),
            ("app notin (a,b), !other", true),
            ("other", false),
            ("!app", false),
        ] {
            assert_eq!(Selector::parse(selector).unwrap().matches(&labels), matches, "{selector}");
        }
        for wrong in ["=a", "a in b", "a b", "in (a)x"] {
            assert!(Selector::parse(wrong).is_err(), "{wrong}");
        }
    }
}
