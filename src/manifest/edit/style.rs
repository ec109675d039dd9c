//! How a scalar is written: in the style of the one that stood there where that is safe, and never so that any parser could read a tag as a number,
//! a date or a word that means yes.

use crate::base::Safe;

/// Words that YAML 1.1 or 1.2 read as something else than text, in any case of their letters. Kustomize and Helm read by YAML 1.1.
const WORDS: [&str; 15] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "~", "", "nan", "inf", ".nan", ".inf"];

/// Whether a plain scalar is text to every parser. Unsure means no.
pub(super) fn is_text(plain: &str) -> bool {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain).to_ascii_lowercase();
    if WORDS.contains(&unsigned.as_str()) || WORDS.contains(&plain) {
        return false;
    }
    if !plain.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_' || first == '.') || plain.ends_with(':') {
        return false;
    }
    if !plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+:/@".contains(&byte)) {
        return false;
    }
    let digits = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if !digits {
        return true;
    }
    // `0x1f`, `0o17`, `0b1`, and what a lenient reader may make of their kind.
    if unsigned.starts_with("0x") || unsigned.starts_with("0o") || unsigned.starts_with("0b") {
        return false;
    }
    // Numbers, dates, times and base 60 are made of these; a number has one dot at most.
    let numeric = unsigned.bytes().all(|byte| byte.is_ascii_digit() || b"._+-:etz".contains(&byte));
    !numeric || (unsigned.matches('.').count() >= 2 && !unsigned.contains(':') && !unsigned.contains('_'))
}

/// A scalar in quotes where it needs them. What comes here has passed [`checked`]: no quote and no backslash is in it.
pub(super) fn fresh(text: &str) -> String {
    if is_text(text) { text.to_owned() } else { format!("\"{text}\"") }
}

/// A scalar in the style of the one it stands for.
pub(super) fn like(text: &str, old: &str) -> String {
    match old.as_bytes().first() {
        Some(b'\'') => format!("'{text}'"),
        Some(b'"') => format!("\"{text}\""),
        _ => fresh(text),
    }
}

/// A tag by the grammar of distribution/reference.
pub(super) fn is_tag(tag: &str) -> bool {
    tag.len() <= 128
        && tag.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// A digest by the same grammar: `algorithm:hex`.
pub(super) fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        algorithm.starts_with(|first: char| first.is_ascii_alphabetic())
            && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte))
            && hex.len() >= 32
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Registry and repository.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.ends_with(|last: char| last.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte))
        && crate::domain::image::Image::read(name).tag.is_none()
}

/// Says what is wrong with a part of a version.
pub(super) fn checked(text: &str, what: &str, is: fn(&str) -> bool) -> Result<(), String> {
    if is(text) { Ok(()) } else { Err(format!("'{}' is no {what}", Safe::clean(text))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_parser_may_take_for_something_else_is_quoted() {
        for text in [
            "1.10",
            "on",
            "1e10",
            "12e4567",
            "0123456",
            "1",
            "",
            "y",
            "No",
            "NULL",
            "~",
            "2024-01-02",
            "1_000",
            ".5",
            "5.",
            "0x1F",
            "0o17",
            "0b11",
            "12:30:45",
            "-1",
            "+1",
            ".inf",
            "-.INF",
            ".nan",
            "20240102t101112z",
            "1.5e+3",
            "a: b",
            "a #b",
            "*x",
            "&x",
            "a:",
            "12_3.4_5.6",
            "True",
            "é",
        ] {
            assert!(!is_text(text), "{text}");
            assert_eq!(fresh(text), format!("\"{text}\""));
        }
        for text in [
            "1.2.3",
            "v1",
            "a1b2c3d",
            "1a2b3c4",
            "2024.01.02",
            "sha256:ab12",
            "r.io:5000/a/b:1.2@sha256:ab",
            "1.2-rc.1",
            "main",
            "_x",
            "1.2.3-e4",
            "latest",
        ] {
            assert!(is_text(text), "{text}");
        }
    }

    #[test]
    fn the_old_style_is_kept() {
        for (text, old, written) in [
            ("1.10", "1.2.3", "\"1.10\""),
            ("1.2.4", "1.2.3", "1.2.4"),
            ("1.2.4", "'1.2.3'", "'1.2.4'"),
            ("1.2.4", "\"1.2.3\"", "\"1.2.4\""),
            ("1.2.4", "", "1.2.4"),
            ("", "1.2", "\"\""),
        ] {
            assert_eq!(like(text, old), written, "{text} for {old}");
        }
    }

    #[test]
    fn parts_of_a_version_follow_their_grammar() {
        let hex = "0123456789abcdef".repeat(4);
        assert!(is_tag("1.10") && is_tag("_x") && !is_tag("") && !is_tag("a b") && !is_tag("-x") && !is_tag("x\"") && !is_tag(&"x".repeat(129)));
        assert!(is_digest(&format!("sha256:{hex}")) && !is_digest(&hex) && !is_digest("sha256:x"));
        assert!(is_name("r.io:5000/a/b") && is_name("a") && !is_name("a/") && !is_name("a:1") && !is_name("a'b") && !is_name(""));
    }
}
