//! Environments by their usual names, for those who wrote down none: `dev`, `staging`, `production-eu`, …. What is guessed is marked as guessed
//! and read-only; nobody is promoted along a line that a program made up.
//!
//! Per application the first of these says its environment, as the mapping rules would: a label, the end of its name, a path or a values file that
//! the templates fit, the namespace. Only usual words count, alone or with a region (`production-eu`, `eu-prod`, `staging-2`): a service called
//! `test-runner` makes no environment.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Raw;
use crate::domain::application::Application;
use crate::domain::guard::Guard;
use crate::domain::landscape::{Environment, Landscape, PlacementSpec};
use crate::domain::mapping::{Labels, Mapping};
use crate::domain::names::{AppKey, EnvironmentName};
use crate::domain::template::Template;

/// The usual names, in the usual order of promotion; the first word of a row names the environment where several are in use.
const USUAL: [&[&str]; 11] = [
    &["dev", "development"],
    &["int", "integration"],
    &["test", "testing"],
    &["qa"],
    &["uat"],
    &["perf", "performance"],
    &["nonprod", "non-prod", "nonproduction", "non-production"],
    &["staging", "stage", "stg"],
    &["preprod", "pre-prod", "preproduction", "pre-production"],
    &["canary"],
    &["production", "prod", "prd", "live"],
];

/// Parts of the world, as they begin the name of a region or a data centre.
const PARTS_OF_THE_WORLD: [&str; 62] = [
    "eu",
    "us",
    "uk",
    "gb",
    "ap",
    "apac",
    "emea",
    "amer",
    "na",
    "sa",
    "latam",
    "ca",
    "cn",
    "de",
    "fr",
    "au",
    "jp",
    "sg",
    "br",
    "ch",
    "nl",
    "ie",
    "se",
    "pl",
    "kr",
    "hk",
    "za",
    "ae",
    "il",
    "mx",
    "asia",
    "europe",
    "africa",
    "australia",
    "america",
    "americas",
    "global",
    "germany",
    "france",
    "india",
    "japan",
    "euw",
    "eun",
    "euc",
    "eus",
    "use",
    "usw",
    "usc",
    "apse",
    "apne",
    "aps",
    "cac",
    "sae",
    "westeurope",
    "northeurope",
    "eastus",
    "westus",
    "centralus",
    "southeastasia",
    "eastasia",
    "uksouth",
    "ukwest",
];

/// What may follow a part of the world, or stand alone behind an environment.
const DIRECTIONS: [&str; 13] =
    ["east", "west", "north", "south", "central", "northeast", "northwest", "southeast", "southwest", "primary", "secondary", "dr", "dc"];

impl Mapping {
    /// The rules for those who wrote down none; each list of them can be replaced in the configuration.
    #[must_use]
    pub fn usual() -> Self {
        let keys = |keys: &[&str]| keys.iter().map(|key| Raw::from(*key)).collect();
        let templates = |written: &[&str]| written.iter().filter_map(|template| Template::parse(template).ok()).collect();
        Self {
            explicit: Vec::new(),
            labels: Labels {
                service: keys(&["service"]),
                environment: keys(&["environment", "env"]),
                placement: keys(&["placement"]),
                part: keys(&[]),
                group: keys(&["team", "app.kubernetes.io/part-of"]),
                binding: false,
            },
            names: templates(&["{service}-{environment}"]),
            paths: templates(&[
                "{service}/overlays/{environment}",
                "**/{service}/overlays/{environment}",
                "**/{service}/envs/{environment}",
                "envs/{environment}/{service}",
                "environments/{environment}/{service}",
            ]),
            values: templates(&["values-{environment}.yaml", "values-{environment}.yml"]),
            namespaces: templates(&["{environment}", "*-{environment}"]),
            parts: Vec::new(),
        }
    }
}

/// The usual words seen so far. It only grows, so that no column disappears while the world is being read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sightings {
    rows: BTreeMap<usize, Row>,
}

/// What was seen of one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    words: BTreeSet<&'static str>,
    /// Placements, and whole words for them with the placement in front: `eu-prod`.
    placements: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
}

/// A usual word found in a text.
struct Sighting {
    row: usize,
    word: &'static str,
    placement: Option<Box<str>>,
    /// The whole text, where the placement stands in front.
    reversed: Option<Box<str>>,
}

impl Sightings {
    /// Looks at an application. Says whether something new was seen, so that the landscape must be guessed again.
    pub fn notice(&mut self, mapping: &Mapping, key: &AppKey, app: &Application) -> bool {
        let Some(sighting) = sight(mapping, key, app) else { return false };
        let row = self.rows.entry(sighting.row).or_default();
        let mut news = row.words.insert(sighting.word);
        if let Some(placement) = sighting.placement {
            news |= !row.placements.contains_key(&placement);
            let words = row.placements.entry(placement).or_default();
            if let Some(whole) = sighting.reversed {
                news |= words.insert(whole);
            }
        }
        news
    }

    /// The landscape with the environments that were seen, in a line in the usual order. Sources, services and rules are those of `base`.
    #[must_use]
    pub fn landscape(&self, base: &Landscape) -> Landscape {
        let mut environments: Vec<Environment> = Vec::new();
        for (index, row) in &self.rows {
            let mut words = USUAL.get(*index).into_iter().flat_map(|usual| usual.iter()).filter(|word| row.words.contains(**word));
            let Some(name) = words.next() else { continue };
            environments.push(Environment {
                name: EnvironmentName::from(*name),
                from: environments.last().map(|before| before.name.clone()).into_iter().collect(),
                placements: row
                    .placements
                    .iter()
                    .map(|(name, words)| PlacementSpec {
                        name: (&**name).into(),
                        aliases: words.iter().map(|word| Raw::from(&**word)).collect(),
                        ..PlacementSpec::default()
                    })
                    .collect(),
                aliases: words.map(|word| Raw::from(*word)).collect(),
                guessed: true,
                guard: Guard::default(),
            });
        }
        // Usual words never mean two things and the line has no circle; were it otherwise, nothing would be guessed.
        let guessed = Landscape::new(environments, base.mapping.clone()).unwrap_or_default();
        let mut guessed = guessed.with_services(base.services.clone());
        guessed.version.clone_from(&base.version);
        guessed.argocds.clone_from(&base.argocds);
        guessed.clusters.clone_from(&base.clusters);
        (guessed.guessed, guessed.read_only) = (true, true);
        guessed
    }
}

/// Guesses the environments of all these applications at once.
pub fn guess<'a>(base: &Landscape, applications: impl IntoIterator<Item = (&'a AppKey, &'a Application)>) -> Landscape {
    let mut sightings = Sightings::default();
    for (key, app) in applications {
        sightings.notice(&base.mapping, key, app);
    }
    sightings.landscape(base)
}

/// The usual word that says an application's environment.
fn sight(mapping: &Mapping, key: &AppKey, app: &Application) -> Option<Sighting> {
    let labels = mapping.labels.environment.iter().filter_map(|key| app.label(key.as_wire()));
    let name = key.name.as_wire();
    let may_start = mapping.names.iter().any(|template| template.as_written().starts_with("{environment}"));
    let may_end = mapping.names.iter().any(|template| template.as_written().ends_with("{environment}"));
    labels
        .map(Raw::as_wire)
        .find_map(whole)
        .or_else(|| may_end.then(|| at_the_end(name)).flatten())
        .or_else(|| may_start.then(|| name.match_indices('-').rev().find_map(|(at, _)| whole(name.get(..at)?))).flatten())
        .or_else(|| mapping.words_in_place(app).iter().find_map(|(word, _)| whole(word.as_wire())))
        .or_else(|| whole(app.destination.namespace.as_wire()))
        .or_else(|| at_the_end(app.destination.namespace.as_wire()))
}

/// A word behind a dash, the longest that fits: `production-eu` of `svc-1-production-eu`.
fn at_the_end(text: &str) -> Option<Sighting> {
    text.match_indices('-').filter(|(at, _)| *at > 0).find_map(|(at, _)| whole(text.get(at + 1..)?))
}

/// A text that is a usual word, alone or with a region behind or before it.
fn whole(text: &str) -> Option<Sighting> {
    let words = USUAL.iter().enumerate().flat_map(|(row, words)| words.iter().map(move |word| (row, *word)));
    let mut best: Option<Sighting> = None;
    for (row, word) in words {
        let found = if text.eq_ignore_ascii_case(word) {
            Some((None, None))
        } else if let Some(rest) =
            crate::domain::words::after(text, word).and_then(|rest| rest.strip_prefix('-')).filter(|rest| is_region(rest, false))
        {
            Some((Some(rest), None))
        } else {
            let (head, tail) = text.split_at_checked(text.len().saturating_sub(word.len())).unwrap_or_default();
            let region = head.strip_suffix('-').filter(|region| tail.eq_ignore_ascii_case(word) && is_region(region, true));
            region.map(|region| (Some(region), Some(text)))
        };
        if let Some((placement, reversed)) = found
            && best.as_ref().is_none_or(|best| best.word.len() < word.len())
        {
            best = Some(Sighting { row, word, placement: placement.map(Into::into), reversed: reversed.map(Into::into) });
        }
    }
    best
}

/// Whether a text looks like a region: `eu`, `us-east-1`, `euw1`, `2`. In front of a word (`in_front`) it must begin with a part of the world.
fn is_region(text: &str, in_front: bool) -> bool {
    text.split('-').enumerate().all(|(place, piece)| {
        let letters = piece.trim_end_matches(|character: char| character.is_ascii_digit());
        // A zone: the letter behind the number in `eu-west-1a`.
        let letters =
            if letters.len() == piece.len() && piece.len() == 2 && piece.starts_with(|first: char| first.is_ascii_digit()) { "" } else { letters };
        let among = |words: &[&str]| words.iter().any(|word| letters.eq_ignore_ascii_case(word));
        let is_number = letters.is_empty() && !piece.is_empty();
        among(&PARTS_OF_THE_WORLD) || (place > 0 || !in_front) && (is_number || among(&DIRECTIONS))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_words_are_found_and_services_are_not_mistaken_for_them() {
        for (text, expected) in [
            ("svc-0001-production-eu", Some("production eu")),
            ("checkout-service-dev", Some("dev")),
            ("checkout-eu-prod", Some("prod eu")),
            ("checkout-stg-us-east-1", Some("stg us-east-1")),
            ("checkout-prod-eu-west-1a", Some("prod eu-west-1a")),
            ("svc-0001-dev", Some("dev")),
            ("checkout-pre-prod", Some("pre-prod")),
            ("shared-non-prod", Some("non-prod")),
            ("checkout-staging-2", Some("staging 2")),
            ("log-in-prod", Some("prod")),
            ("load-test-dev", Some("dev")),
            ("a-test-runner", None),
            ("test-runner", None),
            ("production", None),
            ("-production", None),
            ("ingress-nginx", None),
        ] {
            let found = at_the_end(text)
                .map(|sighting| [Some(sighting.word), sighting.placement.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" "));
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        assert_eq!(whole("Production").map(|sighting| sighting.word), Some("production"));
        assert_eq!(
            Mapping::usual().names.len() + Mapping::usual().paths.len() + Mapping::usual().values.len() + Mapping::usual().namespaces.len(),
            10
        );
    }
}
