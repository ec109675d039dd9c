//! What git wants of an application: the question that a repository is asked, and its answer with the history of it.
//!
//! A repository answers in images (or a chart's version), because it knows no service: which of them is the version is a rule of the service, applied
//! in the fold to what git wants exactly as to what runs.

use std::sync::Arc;

use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::domain::application::Origin;
use crate::domain::health::Known;
use crate::domain::image::Image;
use crate::domain::words::Pattern;

/// What a repository must know of an application to say what git wants of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wish {
    /// Where its manifests come from, with what overrides them there.
    pub origins: Box<[Origin]>,
    /// The revisions that Argo CD last compared it with: one that the mirror does not have means that there is something to fetch.
    pub revisions: Box<[Raw]>,
}

/// What git wants of one application, at the revision that the application names.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The repository that says it: the name of its source.
    pub repository: Raw,
    /// The images of its manifests, after everything that overrides them; why not, where that cannot be said.
    pub images: Known<Arc<[Image]>>,
    /// The commit that was read, in full: the head of the branch or tag that the application names, at the time it last mattered. Later commits
    /// that touch none of its files are not told.
    pub revision: Raw,
    /// The file that says it, from the root of the repository.
    pub file: Option<Raw>,
    /// What overrides that file, in words: `.argocd-source-checkout.yaml`, `spec.source.kustomize.images`.
    pub overridden: Option<Safe>,
    /// What it wanted at the revision that Argo CD last compared it with, where the wish named one that the mirror has: what an application that
    /// is in sync must run, or the layout is not understood.
    pub compared: Option<Arc<[Image]>>,
    /// What it wanted one after the other, newest first; the first entry is the present one unless something outside git overrides it.
    pub history: Arc<[Change]>,
    /// Whether `history` reaches back to the first commit that said anything.
    pub is_whole: bool,
    /// What a person should know besides: that the history of the branch was rewritten, and when.
    pub remark: Option<Safe>,
}

impl Desired {
    /// Whether what it wants, or wanted before, is not what the other says.
    #[must_use]
    pub fn tells_other_than(&self, other: &Self) -> bool {
        self.images != other.images || self.history != other.history || self.is_whole != other.is_whole
    }
}

/// A commit that changed what git wants of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it wants since then.
    pub images: Arc<[Image]>,
    /// The commit.
    pub commit: Arc<Commit>,
}

/// Keys of Helm values that a team named because its charts do not use the usual ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct ValueKeys(pub Vec<ValueKey>);

impl ValueKeys {
    /// Those that hold for an application.
    #[must_use]
    pub fn of(&self, application: &str) -> Vec<&ValueKey> {
        let fits = |key: &&ValueKey| key.applications.is_empty() || key.applications.iter().any(|pattern| pattern.matches(application));
        self.0.iter().filter(fits).collect()
    }
}

/// Where the values of a chart name one image. The paths are as `helm --set` takes them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct ValueKey {
    /// The applications whose values it is for, by their names; none: all.
    pub applications: Vec<Pattern>,
    /// Registry and repository, where no value says them.
    pub image: Option<String>,
    /// The path of registry and repository.
    pub repository: Option<String>,
    /// The path of the tag.
    pub tag: Option<String>,
    /// The path of the digest.
    pub digest: Option<String>,
}

/// A commit of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id, in full. Where a merge brought it, that of the commit on the side which made the change: the one with the author and the words.
    pub id: Raw,
    /// Who wrote it: the name.
    pub author: Safe,
    /// When it landed on the branch: the time of the commit, or of the merge that brought it; not when it was written, which a rebase keeps.
    pub at: Timestamp,
    /// The first line of its message.
    pub subject: Safe,
    /// The operation that it was made by, where its message names one (`Cockpit-Operation`).
    pub operation: Option<OperationId>,
}

impl Commit {
    /// As much of its id as people read.
    #[must_use]
    pub fn short(&self) -> &str {
        let id = self.id.as_wire();
        id.get(..7).unwrap_or(id)
    }
}

/// Where a repository is, for comparison: the same for `git@github.com:Acme/shop.git`, `ssh://git@github.com/acme/shop` and
/// `https://github.com/acme/shop.git/`. Host and path, lower case, without user, port, and ending.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(pub Raw);

impl Address {
    /// Reads a URL as an Application or a configuration writes it.
    #[must_use]
    pub fn read(url: &str) -> Self {
        let url = url.trim();
        let place = match url.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or_else(|| rest.to_owned(), |(host, path)| format!("{}/{path}", host_of(host))),
            // `user@host:path` of scp, unless it is a path on this machine.
            None if !url.starts_with(['/', '.']) => {
                url.split_once(':').map_or_else(|| url.to_owned(), |(host, path)| format!("{}/{}", host_of(host), path.trim_start_matches('/')))
            }
            None => url.to_owned(),
        };
        let place = place.trim_end_matches('/');
        Self(Raw::from(place.strip_suffix(".git").unwrap_or(place).to_lowercase()))
    }
}

impl Address {
    /// Its last part, as people call it.
    #[must_use]
    pub fn short_name(&self) -> &str {
        let place = self.0.as_wire();
        place.rsplit('/').next().unwrap_or(place)
    }
}

/// A URL with a password in it, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct WithPassword<'u> {
    /// The URL without user and password.
    pub url: String,
    /// The user, as the URL writes it.
    pub user: &'u str,
    /// The password, as the URL writes it. Never shown: this type tells of nothing in it.
    pub password: &'u str,
}

impl<'u> WithPassword<'u> {
    /// Takes a URL apart; `None`: there is no password in it.
    #[must_use]
    pub fn read(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (place, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
        let (who, host) = place.rsplit_once('@')?;
        let (user, password) = who.split_once(':')?;
        Some(Self { url: format!("{scheme}://{host}{path}"), user, password })
    }
}

/// A host without its user and port.
fn host_of(written: &str) -> &str {
    let host = written.rsplit_once('@').map_or(written, |(_, host)| host);
    host.rsplit_once(':').filter(|(_, port)| port.chars().all(|digit| digit.is_ascii_digit())).map_or(host, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out_of_a_url_and_nothing_else_is() {
        let apart = |url| WithPassword::read(url).map(|apart| (apart.url, apart.user, apart.password));
        let plain = |url: &str, user, password| Some((url.to_owned(), user, password));
        assert_eq!(apart("https://bot:s3cret@git.example/ops.git"), plain("https://git.example/ops.git", "bot", "s3cret"));
        assert_eq!(apart("https://bot:a@b:c@git.example:8443"), plain("https://git.example:8443", "bot", "a@b:c"));
        assert_eq!(apart("https://:token@git.example/ops"), plain("https://git.example/ops", "", "token"));
        for url in
            ["https://bot@git.example/ops", "ssh://git@git.example:22/ops", "git@git.example:ops:x", "https://git.example/a:b@c", "file:///a", ""]
        {
            assert_eq!(apart(url), None, "{url}");
        }
    }

    #[test]
    fn one_repository_is_written_in_many_ways() {
        for url in [
            "git@github.com:Acme/shop.git",
            "ssh://git@github.com/acme/shop",
            "ssh://git@github.com:22/acme/shop.git",
            "https://github.com/acme/shop.git/",
            "https://bot:secret@github.com/acme/shop",
            "github.com:acme/shop",
        ] {
            assert_eq!(Address::read(url).0.as_wire(), "github.com/acme/shop", "{url}");
        }
        for (url, place) in [("file:///srv/git/shop.git", "/srv/git/shop"), ("/srv/git/shop.git", "/srv/git/shop"), ("", "")] {
            assert_eq!(Address::read(url).0.as_wire(), place, "{url}");
        }
    }
}
