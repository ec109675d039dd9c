//! A count with its noun, in the form that the count wants: every sentence that counts says "1 service" and "2 services". Pure; it knows only words.

use std::fmt;

/// A count with its noun; written as `1 service`, `2 services`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted<'w, N> {
    count: N,
    one: &'w str,
    several: &'w str,
}

/// So many of these: the noun for one, and for none and several.
#[must_use]
pub const fn counted<'w, N>(count: N, one: &'w str, several: &'w str) -> Counted<'w, N> {
    Counted { count, one, several }
}

impl<N: fmt::Display + PartialEq + From<u8>> fmt::Display for Counted<'_, N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.count == N::from(1) { self.one } else { self.several };
        write!(formatter, "{} {noun}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noun_follows_the_count() {
        let told = [0_usize, 1, 2, 21].map(|count| counted(count, "repository", "repositories").to_string());
        assert_eq!(told, ["0 repositories", "1 repository", "2 repositories", "21 repositories"]);
    }
}
