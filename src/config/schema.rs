//! The JSON schema of the configuration, for editors: made of what the reader asks for, so that it cannot say anything else, with the words of
//! `config.example.toml`. It knows no value and no meaning.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::config::reader::{Asked, Findings, Takes};
use crate::config::written;

/// The example, whose comments describe the keys.
const EXAMPLE: &str = include_str!("../../config.example.toml");

/// The schema as `docs/config.schema.json` holds it: JSON Schema, draft 2020-12, with a line end.
#[must_use]
pub fn text() -> String {
    let findings = Findings::exploring();
    // What it finds wrong with an empty file is of no interest here.
    let _ = written::read(&findings);
    let words = descriptions(EXAMPLE);
    let mut schema = table(&findings.asked(), &words, "");
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        object.insert("title".to_owned(), "The configuration of tiphys".into());
    }
    format!("{schema:#}\n")
}

/// What a table may hold; `path` is its key, empty for the whole file.
fn table(asked: &Asked, words: &BTreeMap<String, String>, path: &str) -> Value {
    let start = if path.is_empty() { String::new() } else { format!("{path}.") };
    let below = |key: &str| key.strip_prefix(&start).is_some_and(|rest| !rest.contains('.'));
    let mut properties = Map::new();
    for (key, takes) in asked.keys.iter().filter(|(key, _)| below(key)) {
        let name = key.strip_prefix(&start).unwrap_or(key);
        let mut value = value(asked, words, key, takes);
        if let (Some(text), Some(object)) = (words.get(key), value.as_object_mut()) {
            object.insert("description".to_owned(), text.as_str().into());
        }
        properties.insert(name.to_owned(), value);
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    let required: Vec<&str> = asked.required.iter().filter(|key| below(key)).filter_map(|key| key.strip_prefix(&start)).collect();
    if !required.is_empty() {
        insert(&mut schema, "required", json!(required));
    }
    if let Some(keys) = asked.one_of.get(path) {
        let alternatives: Vec<Value> = keys.iter().map(|key| json!({ "required": [key] })).collect();
        insert(&mut schema, "oneOf", json!(alternatives));
    }
    schema
}

fn value(asked: &Asked, words: &BTreeMap<String, String>, key: &str, takes: &Takes) -> Value {
    let text = || json!({ "type": "string", "minLength": 1 });
    let table = || table(asked, words, key);
    match takes {
        Takes::Text => text(),
        Takes::Word(known) => json!({ "enum": known }),
        Takes::Number => json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
        Takes::Flag => json!({ "type": "boolean" }),
        Takes::Texts => json!({ "anyOf": [text(), { "type": "array", "items": text() }] }),
        Takes::Words => json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
        Takes::Table => table(),
        // A secret may not stand here itself; the program asks for a text only to say so.
        Takes::TextOrTable if asked.one_of.get(key).is_some_and(|keys| keys.contains(&"env")) => table(),
        Takes::TextOrTable => json!({ "anyOf": [text(), table()] }),
        Takes::Tables => json!({ "type": "array", "items": table() }),
        Takes::TextsOrTables => json!({ "type": "array", "items": { "anyOf": [text(), table()] } }),
        Takes::NamedTexts => json!({ "type": "object", "additionalProperties": { "anyOf": [text(), { "type": "array", "items": text() }] } }),
        Takes::Named => json!({ "type": "object", "additionalProperties": self::table(asked, words, &format!("{key}.*")) }),
    }
}

fn insert(schema: &mut Value, key: &str, value: Value) {
    if let Some(object) = schema.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

/// What the example says of each key: the comment behind it, of several mentions the first.
fn descriptions(example: &str) -> BTreeMap<String, String> {
    let mut words = BTreeMap::new();
    let mut table = String::new();
    let mut above = "";
    for line in example.lines() {
        let plain = line.strip_prefix("# ").unwrap_or(line);
        if let Some(header) = plain.strip_prefix('[').filter(|_| plain.ends_with(']') && !plain.contains(' ')) {
            header.trim_matches(['[', ']']).clone_into(&mut table);
            if let Some(service) = table.strip_prefix("services.").filter(|name| !name.contains('.')) {
                table = table.replace(service, "*");
            }
        } else if let Some((key, rest)) = plain.split_once(" = ").filter(|(key, _)| is_key(key)) {
            let path = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
            let behind = rest.rsplit_once("  # ").map(|(_, words)| words.trim());
            // A sentence in the line above, where there is none behind.
            let said = behind.or_else(|| above.strip_prefix("# ").filter(|text| text.ends_with('.') && text.starts_with(char::is_uppercase)));
            if let Some(said) = said.filter(|_| !words.contains_key(&path)) {
                words.insert(path, said.to_owned());
            }
        }
        above = line;
    }
    words
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_in_docs_is_the_one_that_the_reader_makes() {
        let stored = include_str!("../../docs/config.schema.json");
        assert!(stored == text(), "docs/config.schema.json is old: cargo run -- config --schema >docs/config.schema.json");
    }

    #[test]
    fn the_schema_takes_what_the_program_takes_and_refuses_other_keys() {
        let schema: Value = serde_json::from_str(&text()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let read = |file: &str| -> Value { toml::from_str(file).unwrap() };
        assert!(validator.is_valid(&read(EXAMPLE)), "{:?}", validator.iter_errors(&read(EXAMPLE)).map(|error| error.to_string()).collect::<Vec<_>>());
        for entry in std::fs::read_dir("tests/configs/valid").unwrap() {
            let path = entry.unwrap().path();
            let file = read(&std::fs::read_to_string(&path).unwrap());
            let wrong: Vec<String> = validator.iter_errors(&file).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
        }
        for refused in [
            "titel = 'a'",
            "[[clusters]]\nname = 'without context'",
            "[ui]\nglyphs = 'emoji'",
            "[[argocd]]\nurl = 'a'\ntoken = { env = 'A', file = 'b' }",
            "[[argocd]]\nurl = 'a'\ntoken = 's3cret'",
            "[mapping.labels]\nservices = ['a']",
        ] {
            assert!(!validator.is_valid(&read(refused)), "{refused}");
        }
    }

    #[test]
    fn keys_are_described_in_the_words_of_the_example() {
        let words = descriptions(EXAMPLE);
        assert_eq!(words["title"], "What the header calls this world.");
        assert_eq!(words["argocd.core"], "no API: its Application objects are read in its cluster (also by a CLI context made with --core)");
        assert_eq!(words["services.*.aliases"], "what rules may call it");
    }
}
