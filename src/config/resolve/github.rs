//! Each GitHub whose pull requests are read and opened: where its API is, and by which token.

use super::Context;
use crate::base::Raw;
use crate::config::written;
use crate::domain::access::GithubAccess;
use crate::domain::desired::{Address, WithPassword};

/// The API of github.com.
const USUAL: &str = "https://api.github.com";
/// What an address of an API looks like.
const CURE: &str = "\"https://api.github.com\", or \"https://github.example.com/api/v3\" of a server of your own";

impl Context<'_, '_> {
    /// Each GitHub that is named.
    pub(super) fn githubs(&self, written: &[written::Github]) -> Vec<GithubAccess> {
        let mut githubs: Vec<GithubAccess> = Vec::new();
        for entry in written {
            let url = entry.url.as_ref().map_or_else(
                || Some(USUAL.to_owned()),
                |at| {
                    let url = url::Url::parse(&at.value).ok().filter(|url| {
                        let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
                        matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty()) && is_bare
                    });
                    if url.is_none() {
                        self.tell(at, &format!("'{}' is no address of an API", at.value), Some(CURE));
                    }
                    if url.as_ref().and_then(url::Url::host_str) == Some("github.com") {
                        self.tell(at, "this is where people look at GitHub, and not its API", Some(CURE));
                    }
                    url.map(|url| url.as_str().trim_end_matches('/').to_owned())
                },
            );
            if entry.token.is_none() && !self.findings.told_of(&entry.place, "token") {
                self.findings.tell(&entry.place, "there is no token", Some(written::GITHUB_TOKEN));
            }
            let authority = self.certificate(entry.ca.as_ref());
            let named = entry.repositories.iter().filter_map(|repository| self.github_repository(repository)).collect();
            let (Some(url), Some(token)) = (url, &entry.token) else { continue };
            let host = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let name = entry.name.as_ref().map_or(host, |name| name.value.as_str());
            let place = entry.name.as_ref().map_or(&entry.place, |name| &name.place);
            if githubs.iter().any(|other| other.name.as_wire() == name) {
                self.findings.tell(place, &format!("there are two GitHubs '{name}'"), Some("give each [[github]] a name of its own"));
            }
            let name = Raw::from(name);
            githubs.push(GithubAccess { name, url, authority, token: self.secret(token), method: entry.merge_method.unwrap_or_default(), named });
        }
        githubs
    }

    fn github_repository(&self, written: &written::GithubRepository) -> Option<(Address, Raw)> {
        let (url, name) = (written.url.as_ref()?, written.name.as_ref()?);
        if WithPassword::read(&url.value).is_some() {
            self.tell(url, "a secret must not stand in this file", Some("leave user and password out"));
            return None;
        }
        let is_name = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !name.value.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name)) {
            self.tell(name, &format!("'{}' is no repository on GitHub", name.value), Some("\"acme/gitops\", owner and name"));
            return None;
        }
        Some((Address::read(&url.value), Raw::from(name.value.as_str())))
    }
}
