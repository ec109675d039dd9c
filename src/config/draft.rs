//! A configuration written for a person: what was found in the world, as a commented file that loads as it is. Pure: the world comes as values.
//! It knows the file's form and its comments, and nothing of how the world was read.

mod repositories;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

pub use repositories::Reading;

use crate::base::{Raw, Safe};
use crate::domain::application::Application;
use crate::domain::desired::Address;
use crate::domain::landscape::{Environment, Landscape};
use crate::domain::mapping::Mapping;
use crate::domain::names::{AppKey, ClusterName, EnvironmentName, PlacementName};
use crate::domain::template::{self, Template};
use crate::domain::unmapped::Unmapped;

/// An Argo CD to write down.
#[derive(Debug, Clone, Default)]
pub struct Argocd {
    /// The keys that say where it is, as TOML: `context = "main"`.
    pub keys: String,
    /// The cluster that holds its Application objects, where it was proven.
    pub holder: Option<ClusterName>,
    /// Why it could not be read: then it is written in comments.
    pub unread: Option<Safe>,
}

/// A cluster to write down.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// What it is called, which is its context.
    pub name: ClusterName,
    /// Why it is left out: then it is written in comments.
    pub left_out: Option<Safe>,
    /// Why it could not be read, although applications are there.
    pub unread: Option<Safe>,
}

/// What was seen of the world.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The day, for the first line.
    pub day: Safe,
    /// The Argo CDs.
    pub argocds: Vec<Argocd>,
    /// The clusters.
    pub clusters: Vec<Cluster>,
    /// The environments as they were guessed, and the rules.
    pub landscape: &'a Landscape,
    /// All applications.
    pub applications: Vec<(&'a AppKey, &'a Application)>,
    /// Which clusters each placement of an environment was seen in.
    pub placements: BTreeMap<(EnvironmentName, PlacementName), BTreeSet<ClusterName>>,
    /// How reading the gitops repositories went, of those that were asked.
    pub repositories: BTreeMap<Address, Reading>,
    /// Applications of which it is not known what git wants, and why.
    pub unknown: Vec<(&'a AppKey, Safe)>,
    /// Applications in no cell.
    pub unmapped: Vec<(&'a AppKey, &'a Unmapped)>,
}

impl Seen<'_> {
    /// Whether the file will know this cluster.
    fn is_written(&self, name: &ClusterName) -> bool {
        self.clusters.iter().any(|cluster| cluster.name == *name && cluster.left_out.is_none())
    }
}

/// Applications in no cell that are written down one by one.
const UNMAPPED: usize = 20;

/// The file. Its first line names the schema that stands beside it.
#[must_use]
pub fn text(seen: &Seen<'_>) -> String {
    let mut out = format!(
        "#:schema ./config.schema.json\n# Written by 'tiphys init' on {}, from what it found. It is yours to change: 'tiphys config' shows what it means,\n# \
         'tiphys doctor' what is wrong. What is left out is found, or is the default.\n",
        seen.day
    );
    argocds(&mut out, seen);
    clusters(&mut out, &seen.clusters);
    environments(&mut out, seen);
    mapping(&mut out, seen);
    repositories::write(&mut out, seen);
    unmapped(&mut out, &seen.unmapped);
    out
}

fn argocds(out: &mut String, seen: &Seen<'_>) {
    heading(out, "Argo CD");
    let is_written = |name: &ClusterName| seen.is_written(name);
    for argocd in &seen.argocds {
        let mut entry = format!("[[argocd]]\n{}\n", argocd.keys);
        if let Some(holder) = argocd.holder.as_ref().filter(|holder| is_written(holder)) {
            let _ = writeln!(entry, "cluster = {}   # holds its Application objects: stands in when the API is down", quoted(holder.as_wire()));
        }
        written(out, &entry, argocd.unread.as_ref());
    }
}

fn clusters(out: &mut String, clusters: &[Cluster]) {
    heading(out, "Clusters: contexts of the kubeconfig");
    for cluster in clusters {
        let note = cluster.unread.as_ref().map(|why| format!("# Not read when this was written: {why}\n")).unwrap_or_default();
        written(out, &format!("{note}[[clusters]]\ncontext = {}\n", quoted(cluster.name.as_wire())), cluster.left_out.as_ref());
    }
}

/// An entry; in comments where it could not be read, with the reason.
fn written(out: &mut String, entry: &str, unread: Option<&Safe>) {
    match unread {
        None => {
            let _ = write!(out, "\n{entry}");
        }
        Some(why) => {
            let _ = writeln!(out, "\n# Left out: {why}");
            for line in entry.lines() {
                let _ = writeln!(out, "# {line}");
            }
        }
    }
}

fn environments(out: &mut String, seen: &Seen<'_>) {
    heading(out, "Environments: what is promoted where. The order was guessed by the usual names: look at each 'from'");
    if seen.landscape.environments.is_empty() {
        out.push_str("\n# No application says a usual name. For example:\n# [[environments]]\n# name = \"staging\"\n# [[environments]]\n# name = \"production\"\n# from = [\"staging\"]\n");
    }
    for environment in &seen.landscape.environments {
        let _ = write!(out, "\n[[environments]]\nname = {}\n", quoted(environment.name.as_wire()));
        if !environment.from.is_empty() {
            let _ = writeln!(out, "from = {}", list(environment.from.iter().map(EnvironmentName::as_wire)));
        }
        if !environment.from.is_empty() && !seen.landscape.environments.iter().any(|other| other.from.contains(&environment.name)) {
            out.push_str(
                "read_only = true   # until somebody arms it, as for every last environment; false where p and a typed name are to be enough\n",
            );
        }
        if !environment.aliases.is_empty() {
            let _ = writeln!(out, "aliases = {}", list(environment.aliases.iter().map(Raw::as_wire)));
        }
        let placements = placements(environment, seen);
        if !placements.is_empty() {
            let _ = writeln!(out, "placements = [\n    {},\n]", placements.join(",\n    "));
        }
    }
}

/// The placements of an environment; one that has its clusters for itself is known by them, too.
fn placements(environment: &Environment, seen: &Seen<'_>) -> Vec<String> {
    let here = || seen.placements.iter().filter(|((of, _), _)| *of == environment.name);
    let mut names: Vec<&PlacementName> = environment.placements.iter().map(|placement| &placement.name).collect();
    // Seen and not guessed: places that differ by their cluster alone.
    let is_own = |cluster: &ClusterName| seen.is_written(cluster) && here().filter(|(_, clusters)| clusters.contains(cluster)).count() == 1;
    let is_new = |name: &PlacementName| !name.as_wire().is_empty() && !name.as_wire().contains('/') && environment.placements.is_empty();
    let more = here().filter(|((_, name), clusters)| is_new(name) && clusters.iter().all(is_own)).map(|((_, name), _)| name);
    names.extend(more.filter(|name| !environment.placements.iter().any(|known| known.name == **name)));
    let entry = |name: &PlacementName| {
        let clusters = here().find(|((_, known), _)| known == name).map(|(_, clusters)| clusters);
        let own: Vec<&str> = clusters.into_iter().flatten().filter(|cluster| is_own(cluster)).map(ClusterName::as_wire).collect();
        let declared = environment.placements.iter().find(|placement| placement.name == *name);
        let aliases: Vec<&str> = declared.into_iter().flat_map(|placement| &placement.aliases).map(Raw::as_wire).collect();
        let mut keys = vec![format!("name = {}", quoted(name.as_wire()))];
        if !aliases.is_empty() {
            keys.push(format!("aliases = {}", list(aliases.into_iter())));
        }
        if !own.is_empty() {
            keys.push(format!("clusters = {}", list(own.into_iter())));
        }
        format!("{{ {} }}", keys.join(", "))
    };
    names.into_iter().map(entry).collect()
}

fn mapping(out: &mut String, seen: &Seen<'_>) {
    heading(out, "Mapping: from application to service, environment and placement. These are the defaults, and how many applications each fits");
    let mapping = &seen.landscape.mapping;
    let all = seen.applications.len();
    let texts = |texts: fn(&Application) -> Vec<&str>| seen.applications.iter().map(|(_, app)| texts(app)).collect::<Vec<_>>();
    out.push_str("\n[mapping]\n");
    let names: Vec<Vec<&str>> = seen.applications.iter().map(|(key, _)| vec![key.name.as_wire()]).collect();
    templates(out, "names", &mapping.names, &names, seen, all);
    let paths = texts(|app| app.origins.iter().filter_map(|origin| origin.path.as_ref()).map(Raw::as_wire).collect());
    templates(out, "paths", &mapping.paths, &paths, seen, all);
    let values = texts(|app| {
        let files = app.origins.iter().flat_map(|origin| origin.value_files.iter()).map(Raw::as_wire);
        files.map(|file| file.rsplit('/').next().unwrap_or(file)).collect()
    });
    templates(out, "values", &mapping.values, &values, seen, all);
    let namespaces = texts(|app| vec![app.destination.namespace.as_wire()]);
    templates(out, "namespaces", &mapping.namespaces, &namespaces, seen, all);
    labels(out, mapping, seen);
}

/// The templates of one rule: written where one fits, else in comments.
fn templates(out: &mut String, key: &str, templates: &[Template], texts: &[Vec<&str>], seen: &Seen<'_>, all: usize) {
    if templates.is_empty() {
        return;
    }
    let reading = template::Reading { words: seen.landscape.words(), parts: &[], free: key == "paths", any_environment: false };
    let fits = |template: &Template| texts.iter().filter(|texts| texts.iter().any(|text| template.capture(text, &reading).is_some())).count();
    let counted: Vec<(&Template, usize)> = templates.iter().map(|template| (template, fits(template))).collect();
    let comment = if counted.iter().any(|(_, count)| *count > 0) { "" } else { "# " };
    let _ = writeln!(out, "{comment}{key} = [");
    for (template, count) in counted {
        let _ = writeln!(out, "{comment}    {},   # fits {count} of {all}", quoted(template.as_written()));
    }
    let _ = writeln!(out, "{comment}]");
}

/// Labels whose values mean an environment, and the rule that would read them.
fn labels(out: &mut String, mapping: &Mapping, seen: &Seen<'_>) {
    let mut counts: BTreeMap<&Raw, usize> = BTreeMap::new();
    for (_, app) in &seen.applications {
        for (key, value) in &app.labels {
            if seen.landscape.words().meaning(value.as_wire()).is_some() {
                *counts.entry(key).or_default() += 1;
            }
        }
    }
    let service = seen.applications.iter().filter(|(_, app)| mapping.labels.service.iter().any(|key| app.label(key.as_wire()).is_some())).count();
    out.push_str("\n# Labels outrank all of these, and a label that is named here and means no environment is a mistake.\n# [mapping.labels]\n");
    let _ =
        writeln!(out, "# service = {}   # {service} of {} carry it", list(mapping.labels.service.iter().map(Raw::as_wire)), seen.applications.len());
    if counts.is_empty() {
        out.push_str("# environment = [\"environment\"]   # none carries a label that means an environment\n");
    }
    for (key, count) in counts {
        let _ = writeln!(out, "# environment = [{}]   # {count} of {} carry it", quoted(key.as_wire()), seen.applications.len());
    }
}

fn unmapped(out: &mut String, unmapped: &[(&AppKey, &Unmapped)]) {
    if unmapped.is_empty() {
        return;
    }
    heading(out, "Applications in no cell, and why. A rule gives one a cell, or says that it has none on purpose");
    for (key, why) in unmapped.iter().take(UNMAPPED) {
        let _ = write!(out, "\n# {}\n# [[mapping.applications]]\n# name = {}\n", why.sentence(), quoted(key.name.as_wire()));
        if why.is_amiss() {
            out.push_str("# service = \"…\"\n# environment = \"…\"\n");
        } else {
            out.push_str("# ignore = \"…\"\n");
        }
    }
    if unmapped.len() > UNMAPPED {
        let _ = writeln!(out, "\n# … and {} more: tiphys status", unmapped.len() - UNMAPPED);
    }
}

fn heading(out: &mut String, text: &str) {
    let _ = write!(out, "\n\n# ── {text} ──\n");
}

fn list<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let texts: Vec<String> = texts.map(quoted).collect();
    format!("[{}]", texts.join(", "))
}

/// A text as TOML writes it. Names come from the world: whatever could end the text or the line is escaped.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            plain if plain.is_ascii() && !plain.is_ascii_control() => out.push(plain),
            plain if plain.is_alphanumeric() => out.push(plain),
            other => {
                let _ = write!(out, "\\U{:08X}", u32::from(other));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Surroundings};
    use crate::domain::testing;
    use crate::domain::unmapped::Reason;

    /// A home whose kubeconfig and argocd login have what the draft names.
    fn home() -> (tempfile::TempDir, Surroundings) {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        for (name, text) in [
            (
                ".kube/config",
                "contexts: [{name: prod, context: {cluster: prod, user: me}}]\nclusters: [{name: prod, cluster: {server: 'https://prod:6443'}}]\n",
            ),
            (
                ".config/argocd/config",
                "contexts: [{name: main, server: a.example, user: main}]\nservers: [{server: a.example}]\ncurrent-context: main\n",
            ),
        ] {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let surroundings = Surroundings::new(Some(home.path().to_owned()), std::iter::empty::<(String, String)>());
        (home, surroundings)
    }

    fn drafted(applications: &[(AppKey, Application)], landscape: &Landscape, unmapped: &[(&AppKey, &Unmapped)]) -> String {
        let cluster = |name: &str, left_out: Option<&str>, unread: Option<&str>| Cluster {
            name: name.into(),
            left_out: left_out.map(Safe::clean),
            unread: unread.map(Safe::clean),
        };
        let placements = [("eu", "prod"), ("us", "gone")]
            .map(|(name, cluster)| ((EnvironmentName::from("production"), PlacementName::from(name)), BTreeSet::from([ClusterName::from(cluster)])));
        text(&Seen {
            day: Safe::clean("2026-11-21"),
            argocds: vec![
                Argocd { keys: "context = \"main\"".into(), holder: Some("prod".into()), unread: None },
                Argocd { keys: "context = \"old\"".into(), holder: None, unread: Some(Safe::clean("invalid session: token is expired")) },
            ],
            clusters: vec![
                cluster("prod", None, Some("no answer in time")),
                cluster("gone", Some("its user runs 'aws' to log in: remove the # to allow it"), None),
            ],
            landscape,
            applications: applications.iter().map(|(key, application)| (key, application)).collect(),
            placements: placements.into(),
            repositories: applications.iter().map(|(_, app)| (Address::read(app.origins[0].repository.as_wire()), Reading::Read)).collect(),
            unknown: applications.first().map(|(key, _)| (key, Safe::clean("no value of the chart web is an image"))).into_iter().collect(),
            unmapped: unmapped.to_vec(),
        })
    }

    #[test]
    fn what_was_found_is_a_file_that_loads_as_it_is() {
        let mut applications: Vec<_> = ["checkout-staging", "checkout-production", "root"]
            .map(|name| (testing::app_key(name), testing::application(&["ghcr.io/acme/checkout:1"], "Healthy")))
            .into();
        // One repository in two spellings, and another one of the same name.
        let urls = ["git@git.example.com:team/gitops.git", "https://git.example.com/team/gitops", "https://me:s3cret@git.example.com/ops/gitops.git"];
        for ((_, application), url) in applications.iter_mut().zip(urls) {
            application.origins = [crate::domain::application::Origin {
                repository: Raw::from(url),
                target_revision: Some(Raw::from("main")),
                parameters: [(Raw::from("api.image.tag"), Raw::from("1"))].into(),
                ..Default::default()
            }]
            .into();
        }
        let unmapped = Unmapped::new(Reason::AppOfApps);
        let text = drafted(&applications, &testing::landscape(), &[(&applications[2].0, &unmapped)]);
        insta::assert_snapshot!(text);
        let (home, surroundings) = home();
        let config = config::resolve(&home.path().join("config.toml"), &text, &surroundings).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!((config.argocds.len(), config.clusters.len(), config.landscape.environments.len()), (1, 1, 2));
        assert!(!config.landscape.guessed && config.argocds[0].cluster_is_configured);
        let repositories: Vec<_> = config.repositories.iter().map(|repository| (repository.name.as_wire(), repository.url.as_str())).collect();
        assert_eq!(
            repositories,
            [("gitops", "https://git.example.com/ops/gitops.git"), ("git.example.com/team/gitops", "git@git.example.com:team/gitops.git")]
        );
    }

    #[test]
    fn names_from_the_world_stay_names() {
        let hostile = "x\"\n[[argocd]]\nurl = \"evil\" \u{202e}\u{1b}[2J\u{7f}\\ é";
        let mut application = testing::application(&["a:1"], "Healthy");
        application.labels = [(Raw::from(hostile), Raw::from("staging"))].into();
        application.origins[0].repository = Raw::from(format!("https://me:s3cret@git.example.com/{hostile}").as_str());
        let applications = vec![(testing::app_key(hostile), application)];
        let unmapped = Unmapped::new(Reason::UnknownEnvironment { value: Raw::from(hostile), rule: crate::domain::unmapped::Rule::Name });
        let text = drafted(&applications, &testing::landscape(), &[(&applications[0].0, &unmapped)]);
        assert!(!text.contains("s3cret") && !text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
        assert!(text.lines().all(|line| !line.starts_with("url = \"evil")), "{text}");
        let (home, surroundings) = home();
        config::resolve(&home.path().join("config.toml"), &text, &surroundings).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        let read: toml::Table = toml::from_str(&format!("name = {}", quoted(hostile))).unwrap();
        assert_eq!(read["name"].as_str(), Some(hostile));
    }
}
