//! What holds for every case with any version, any neighbour's commit in between, and any damage to the files.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tiphys::base::Raw;
use tiphys::manifest::edit::{Version, carry, inverse, put};
use tiphys::manifest::yaml;

use super::{Case, Files, laid};

/// The same cases in every run.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 64, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Long files cost much here and say little.
fn short() -> Vec<Case> {
    Case::all().into_iter().filter(|case| case.before.0.values().all(|bytes| bytes.len() < 4000)).collect()
}

fn changing() -> Vec<Case> {
    short().into_iter().filter(|case| case.asked.refused.is_none()).collect()
}

/// Tags as people and machines make them, those that YAML would read as something else above all.
fn tag() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,3}(-rc\\.[0-9])?",
        "v?[0-9]{1,3}(\\.[0-9]{1,2})?",
        "[0-9]{1,4}e[0-9]{1,5}",
        "[0-9a-f]{7}",
        "0[0-7]{1,6}",
        "0x[0-9a-f]{1,4}",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9](-[0-9a-f]{4})?",
        "(on|off|yes|no|true|false|null|y|n|Nan|inf|~?[A-Z]{2}|latest|_|main)",
        "[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}",
    ]
    .prop_filter("a tag", |tag| !tag.starts_with('~'))
}

fn version() -> impl Strategy<Value = (Option<String>, bool)> {
    (proptest::option::weighted(0.9, tag()), any::<bool>())
}

fn asked((tag, with_digest): &(Option<String>, bool), seed: u64) -> Version {
    let digest = (*with_digest || tag.is_none()).then(|| Raw::new(format!("sha256:{}", format!("{seed:016x}").repeat(4))));
    Version { tag: tag.as_deref().map(Raw::from), digest, name: None }
}

/// What somebody else does to a line that both texts have once: a comment behind it, where that changes nothing of what is said.
fn touched(before: &Files, after: &Files, pick: usize) -> Option<(Files, Files)> {
    let (file, old) = before.0.iter().find(|(file, bytes)| after.0.get(*file) != Some(bytes))?;
    let (old, new) = (std::str::from_utf8(old).ok()?, std::str::from_utf8(after.0.get(file)?).ok()?);
    let once = |text: &str, line: &str| text.split('\n').filter(|other| *other == line).count() == 1;
    let lines: Vec<&str> = old.split('\n').filter(|line| !line.is_empty() && once(old, line) && once(new, line)).collect();
    let line = lines.get(pick.checked_rem(lines.len())?)?;
    let other = match line.strip_suffix('\r') {
        Some(bare) => format!("{bare} # by hand\r"),
        None => format!("{line} # by hand"),
    };
    let change = |text: &str| text.split('\n').map(|found| if found == *line { other.as_str() } else { found }).collect::<Vec<_>>().join("\n");
    let (changed_old, changed_new) = (change(old), change(new));
    let says_the_same = |one: &str, other: &str| yaml::read(one.as_bytes()) == yaml::read(other.as_bytes());
    if !says_the_same(old, &changed_old) || !says_the_same(new, &changed_new) {
        return None;
    }
    let (mut before, mut after) = (before.clone(), after.clone());
    before.0.insert(file.clone(), changed_old.into_bytes());
    after.0.insert(file.clone(), changed_new.into_bytes());
    Some((before, after))
}

#[test]
fn any_version_goes_back_to_the_byte_also_past_somebody_elses_commit() {
    let cases = changing();
    let strategy = (0..cases.len(), version(), any::<u64>(), any::<usize>());
    let (made, neighbours) = (Cell::new(0_u32), Cell::new(0_u32));
    runner(200)
        .run(&strategy, |(index, version, seed, pick)| {
            let case = &cases[index];
            let Ok(moved) = case.moved(&case.before, &asked(&version, seed)) else { return Ok(()) };
            made.set(made.get() + 1);
            let back = inverse(&moved.edits);
            let after = laid(&case.before, &moved.files);
            let take_back = |files: &Files| case.asking(files, |_, trees| carry(trees, &back)).map(|changed| laid(files, &changed));
            let back = take_back(&after);
            prop_assert_eq!(back.as_ref(), Ok(&case.before), "{}", &case.name);
            if let Some((before, after)) = touched(&case.before, &after, pick) {
                neighbours.set(neighbours.get() + 1);
                let back = take_back(&after);
                prop_assert_eq!(back.as_ref(), Ok(&before), "{} with a neighbour's comment", &case.name);
            }
            Ok(())
        })
        .unwrap();
    let (made, neighbours) = (made.get(), neighbours.get());
    assert!(made > 150 && neighbours > 100, "{made} moves, {neighbours} with a neighbour: too few to mean anything");
}

#[test]
fn what_is_promoted_is_a_string_to_a_parser_that_guesses_types() {
    let cases = changing();
    let strategy = (0..cases.len(), tag());
    runner(120)
        .run(&strategy, |(index, tag)| {
            let case = &cases[index];
            let Ok(moved) = case.moved(&case.before, &asked(&(Some(tag.clone()), false), 0)) else { return Ok(()) };
            for changed in &moved.files {
                let text = std::str::from_utf8(&changed.bytes).unwrap();
                let Ok(documents) = serde_saphyr::from_multiple::<serde_json::Value>(text) else { continue };
                let found: usize = documents.iter().map(|document| strings(document, &tag)).sum();
                prop_assert!(found > 0, "{}: {tag} is no string in\n{text}", &case.name);
            }
            Ok(())
        })
        .unwrap();
}

/// How many strings in a value say this tag.
fn strings(value: &serde_json::Value, tag: &str) -> usize {
    match value {
        serde_json::Value::String(text) => usize::from(text == tag || text.ends_with(&format!(":{tag}"))),
        serde_json::Value::Array(items) => items.iter().map(|item| strings(item, tag)).sum(),
        serde_json::Value::Object(entries) => entries.values().map(|value| strings(value, tag)).sum(),
        _ => 0,
    }
}

/// Damage to a file: bytes that go, bytes that come.
#[derive(Debug, Clone)]
struct Damage {
    at: usize,
    gone: usize,
    come: Vec<u8>,
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let come = prop_oneof![
        Just(Vec::new()),
        proptest::sample::select(vec![
            "\t",
            "\n",
            "\r\n",
            "\r",
            " ",
            "  ",
            "- ",
            ": ",
            "#",
            " #",
            "{",
            "}",
            "[",
            "]",
            ",",
            "&a ",
            "*a",
            "<<: *a\n",
            "!!str ",
            "|",
            ">-\n",
            "'",
            "\"",
            "\\",
            "---\n",
            "...\n",
            "? ",
            "%YAML 1.2\n",
            "{{ x }}",
            "\u{feff}",
            "é",
            "\u{2028}",
            "images:\n",
            "newTag: 1\n",
            "tag: 1\n",
            "~",
            "null",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 1..4),
    ];
    let one = (any::<usize>(), prop_oneof![3 => Just(0_usize), 1 => 1..12_usize], come).prop_map(|(at, gone, come)| Damage { at, gone, come });
    proptest::collection::vec(one, 1..4)
}

fn damaged(bytes: &[u8], damage: &[Damage]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for Damage { at, gone, come } in damage {
        let start = at % (bytes.len() + 1);
        let end = (start + gone).min(bytes.len());
        bytes.splice(start..end, come.iter().copied());
    }
    bytes
}

#[test]
fn damaged_files_are_refused_or_edited_at_the_place_only() {
    let cases = short();
    let edits: Vec<_> = cases.iter().map(|case| case.moved(&case.before, &case.version()).map(|moved| moved.edits).unwrap_or_default()).collect();
    let strategy = (0..cases.len(), any::<prop::sample::Index>(), damage());
    let (made, refusals) = (Cell::new(0_u32), Cell::new(0_u32));
    runner(700)
        .run(&strategy, |(index, file, damage)| {
            let case = &cases[index];
            let names: Vec<&String> = case.before.0.keys().filter(|name| name.contains("production")).collect();
            let Some(name) = (!names.is_empty()).then(|| names[file.index(names.len())].clone()) else { return Ok(()) };
            let mut files = case.before.clone();
            files.0.insert(name.clone(), damaged(&case.before.0[&name], &damage));
            // Edits of a plan that is older than the damage.
            let old: Vec<_> = edits[index].iter().filter(|edit| edit.file.as_wire() == name).cloned().collect();
            if let Ok(bytes) = put(&files.0[&name], &old) {
                let back = put(&bytes, &inverse(&old));
                prop_assert!(back.is_ok(), "an old plan of {}: {back:?}", &case.name);
            }
            match case.moved(&files, &case.version()) {
                Err(_) => refusals.set(refusals.get() + 1),
                Ok(moved) => {
                    made.set(made.get() + 1);
                    let after = laid(&files, &moved.files);
                    let back = case.asking(&after, |_, trees| carry(trees, &inverse(&moved.edits))).map(|changed| laid(&after, &changed));
                    prop_assert_eq!(back.as_ref(), Ok(&files), "{}", &case.name);
                }
            }
            Ok(())
        })
        .unwrap();
    let (made, refusals) = (made.get(), refusals.get());
    assert!(made > 100 && refusals > 100, "{made} moves and {refusals} refusals: too few to mean anything");
}
