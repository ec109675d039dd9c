//! The known word that is nearest to one that is not known: for every sentence that helps after a slip of the finger. Pure; it knows only letters.

/// The nearest of the known words, where one is near enough to have been meant. Of several equally near the first in the alphabet.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let near = known.into_iter().map(|candidate| (steps(word, candidate), candidate)).min()?;
    (near.0 <= 1 + word.chars().count() / 3).then_some(near.1)
}

/// How many letters must be put in, taken out or exchanged to make one word of the other (Levenshtein).
fn steps(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, here) in one.chars().enumerate() {
        let mut next = vec![index + 1];
        for ((there, above), diagonal) in other.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            next.push((above + 1).min(left + 1).min(diagonal + usize::from(here != *there)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_forgiven_and_another_word_is_not() {
        let known = ["env", "health", "sync", "version"];
        for (word, expected) in [("helth", Some("health")), ("snyc", Some("sync")), ("env", Some("env")), ("owner", None), ("", None)] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
        assert_eq!(nearest("x", std::iter::empty()), None);
    }
}
