//! Gitops repositories: their URLs, what else means them, and how their values name images.

use std::time::Duration;

use super::Context;
use super::landscape::patterns;
use crate::base::Raw;
use crate::config::reader::At;
use crate::config::written::{self, Written};
use crate::config::{Gitops, Repository};
use crate::domain::desired::{Address, ValueKey, ValueKeys, WithPassword};

/// More often than this no remote should be asked.
const SHORTEST: Duration = Duration::from_secs(1);

impl Context<'_, '_> {
    /// The repositories that are named.
    pub(super) fn repositories(&self, written: &[written::Repository]) -> Vec<Repository> {
        let mut repositories: Vec<Repository> = Vec::new();
        let mut known: Vec<(Address, String)> = Vec::new();
        for entry in written {
            let Some(url) = &entry.url else { continue };
            if WithPassword::read(&url.value).is_some() {
                let cure = "leave user and password out: git's credential helper, or ssh, has them";
                self.tell(url, "a secret must not stand in this file", Some(cure));
                continue;
            }
            let address = Address::read(&url.value);
            let name = entry.name.as_ref().map_or_else(|| address.short_name().to_owned(), |name| name.value.clone());
            if repositories.iter().any(|other| other.name.as_wire() == name) {
                let place = entry.name.as_ref().map_or(&entry.place, |name| &name.place);
                self.findings.tell(place, &format!("there are two repositories '{name}'"), Some("give each [[repositories]] a name of its own"));
            }
            let aliases: Vec<(&At<String>, Address)> = entry.aliases.iter().map(|alias| (alias, Address::read(&alias.value))).collect();
            for (at, address) in std::iter::once((url, address.clone())).chain(aliases.iter().cloned()) {
                if let Some((_, other)) = known.iter().find(|(held, of)| *held == address && *of != name) {
                    self.tell(at, &format!("this means the repository '{other}' already"), None);
                }
                known.push((address, name.clone()));
            }
            repositories.push(Repository {
                name: Raw::from(name),
                url: url.value.clone(),
                aliases: aliases.into_iter().map(|(_, address)| address).collect(),
                interval: entry.interval.as_ref().and_then(|text| self.interval(text)),
            });
        }
        repositories
    }

    /// How repositories are read.
    pub(super) fn gitops(&self, written: &Written) -> Gitops {
        let usual = Gitops::default();
        let Some(written) = &written.gitops else { return usual };
        Gitops {
            discover: written.discover.as_ref().map_or(usual.discover, |flag| flag.value),
            interval: written.interval.as_ref().and_then(|text| self.interval(text)).unwrap_or(usual.interval),
            keys: ValueKeys(written.images.iter().map(|key| self.key(key)).collect()),
            mirrors: None,
        }
    }

    fn interval(&self, text: &At<String>) -> Option<Duration> {
        let interval = self.duration(text)?;
        if interval < SHORTEST {
            self.tell(text, "more often than every second no repository is fetched", Some("\"30s\""));
        }
        Some(interval)
    }

    fn key(&self, key: &written::ValueKey) -> ValueKey {
        let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
        if key.tag.is_none() && key.digest.is_none() {
            self.findings.tell(&key.place, "this names no value that says a version", Some("tag = \"app.version\", or digest = \"…\""));
        }
        match (&key.image, &key.repository) {
            (None, None) => self.findings.tell(&key.place, "this names no image", Some("image = \"ghcr.io/acme/app\", or repository = \"app.name\"")),
            (Some(image), Some(_)) => self.tell(image, "the image is named twice", Some("one of image and repository")),
            _ => {}
        }
        let applications = patterns(&key.applications);
        ValueKey { applications, image: text(&key.image), repository: text(&key.repository), tag: text(&key.tag), digest: text(&key.digest) }
    }
}
