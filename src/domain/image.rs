//! Image references: `registry/repository:tag@digest`.

use crate::base::Raw;

/// An image as a container names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Image {
    /// Registry and repository, without tag and digest: `ghcr.io/acme/checkout`.
    pub repository: Raw,
    /// The tag, where one is named.
    pub tag: Option<Raw>,
    /// `sha256:…`, where one is named.
    pub digest: Option<Raw>,
}

impl Image {
    /// Splits a reference. A colon before the last slash is a registry's port, not a tag (the grammar of distribution/reference).
    #[must_use]
    pub fn read(reference: &str) -> Self {
        let (named, digest) = match reference.split_once('@') {
            Some((named, digest)) => (named, Some(Raw::from(digest))),
            None => (reference, None),
        };
        let (repository, tag) = match named.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(Raw::from(tag))),
            _ => (named, None),
        };
        Self { repository: Raw::from(repository), tag, digest }
    }

    /// The last part of the repository: `checkout` of `ghcr.io/acme/checkout`.
    #[must_use]
    pub fn short_name(&self) -> &str {
        let repository = self.repository.as_wire();
        repository.rsplit_once('/').map_or(repository, |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_split_into_repository_tag_and_digest() {
        for (reference, repository, tag, digest) in [
            ("nginx", "nginx", None, None),
            ("nginx:1.25", "nginx", Some("1.25"), None),
            ("localhost:5000/a/b", "localhost:5000/a/b", None, None),
            ("localhost:5000/a/b:2", "localhost:5000/a/b", Some("2"), None),
            ("ghcr.io/acme/x@sha256:ab", "ghcr.io/acme/x", None, Some("sha256:ab")),
            ("ghcr.io/acme/x:1@sha256:ab", "ghcr.io/acme/x", Some("1"), Some("sha256:ab")),
        ] {
            let image = Image::read(reference);
            assert_eq!(image.repository.as_wire(), repository);
            assert_eq!(image.tag.as_ref().map(Raw::as_wire), tag, "{reference}");
            assert_eq!(image.digest.as_ref().map(Raw::as_wire), digest, "{reference}");
        }
        assert_eq!(Image::read("ghcr.io/acme/x:1").short_name(), "x");
    }
}
