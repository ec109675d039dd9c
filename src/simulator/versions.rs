//! Version tags as teams count them: the one after, the one before. Text in, text out; it knows nothing of what they tag.

/// The tag after this one: the last number goes up by one. `2.14.3` → `2.14.4`, `2.15.0-rc.2` → `2.15.0-rc.3`. An ending that says how the version
/// behaves (`-crash`) is left behind.
pub(super) fn next(tag: &str) -> String {
    let tag = plain(tag);
    match last_number(tag) {
        Some((before, number, after)) => format!("{before}{}{after}", number.saturating_add(1)),
        None => format!("{tag}.1"),
    }
}

/// A tag that may well have come before this one: `2.14.3` → `2.14.2`, `2.15.0` → `2.14.3`, `2.15.0-rc.1` → `2.14.3`.
pub(super) fn previous(tag: &str) -> String {
    let tag = plain(tag);
    let (core, candidate) = tag.split_once('-').map_or((tag, None), |(core, candidate)| (core, Some(candidate)));
    if let Some(candidate) = candidate
        && let Some((before, number, after)) = last_number(candidate)
        && number > 1
    {
        return format!("{core}-{before}{}{after}", number - 1);
    }
    let mut parts: Vec<&str> = core.split('.').collect();
    let Some(turning) = parts.iter().rposition(|part| last_number(part).is_some_and(|(_, number, _)| number > 0)) else {
        return format!("{core}-rc.1");
    };
    let kept = parts.split_off(turning);
    // Below the number that goes down, the others were already counted up a little.
    let lowered = kept.iter().enumerate().map(|(place, part)| match last_number(part) {
        Some((before, number, after)) if place == 0 => format!("{before}{}{after}", number - 1),
        _ => "3".to_owned(),
    });
    parts.iter().map(|part| (*part).to_owned()).chain(lowered).collect::<Vec<_>>().join(".")
}

/// The tag without an ending that says how its pods behave.
fn plain(tag: &str) -> &str {
    ["-crash", "-nopull", "-noquota", "-slow"].iter().find_map(|ending| tag.strip_suffix(ending)).unwrap_or(tag)
}

/// What is before the last number, the number, what is after it.
fn last_number(text: &str) -> Option<(&str, u64, &str)> {
    let end = text.rfind(|character: char| character.is_ascii_digit())? + 1;
    let (head, after) = text.split_at_checked(end)?;
    let start = head.rfind(|character: char| !character.is_ascii_digit()).map_or(0, |place| place + head.get(place..).map_or(0, first_length));
    let (before, number) = head.split_at_checked(start)?;
    Some((before, number.parse().ok()?, after))
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_counts_the_last_number() {
        for (tag, expected) in [
            ("2.14.3", "2.14.4"),
            ("2.14.9", "2.14.10"),
            ("2.15.0-rc.2", "2.15.0-rc.3"),
            ("2.14.3-crash", "2.14.4"),
            ("2.15.0-rc.2-slow", "2.15.0-rc.3"),
            ("1.0.0-nopull", "1.0.1"),
            ("v1.31", "v1.32"),
            ("main", "main.1"),
            ("rc2ü", "rc3ü"),
            ("", ".1"),
            ("99999999999999999999999", "99999999999999999999999.1"),
        ] {
            assert_eq!(next(tag), expected, "{tag}");
        }
    }

    #[test]
    fn the_previous_version_is_lower() {
        for (tag, expected) in [
            ("2.14.3", "2.14.2"),
            ("2.15.0", "2.14.3"),
            ("3.0.0", "2.3.3"),
            ("2.15.0-rc.2", "2.15.0-rc.1"),
            ("2.15.0-rc.1", "2.14.3"),
            ("v1.31.2", "v1.31.1"),
            ("0.0.0", "0.0.0-rc.1"),
            ("2.14.3-crash", "2.14.2"),
            ("main", "main-rc.1"),
        ] {
            assert_eq!(previous(tag), expected, "{tag}");
        }
    }
}
