//! Environments, mapping rules and services: what the landscape is made of.

use super::Context;
use crate::base::{Raw, Safe};
use crate::config::reader::{At, Place};
use crate::config::written::{self, Written};
use crate::domain::access::{ArgocdAccess, ClusterAccess};
use crate::domain::guard::Guard;
use crate::domain::landscape::{Environment, GraphFault, Landscape, PlacementSpec, ServiceRules};
use crate::domain::mapping::{Explicit, Labels, Mapping, Selector, Share};
use crate::domain::names::EnvironmentName;
use crate::domain::template::{Field, Template};
use crate::domain::version::VersionRule;
use crate::domain::words::{Meaning, Pattern};

impl Context<'_, '_> {
    /// The landscape, without its sources. `None` where the environments do not fit together, which was told.
    pub(super) fn landscape(&self, written: &Written, argocds: &[ArgocdAccess], clusters: &[ClusterAccess]) -> Option<Landscape> {
        let environments: Vec<Environment> =
            written.environments.iter().filter_map(|entry| self.environment(entry, &written.environments, clusters)).collect();
        let mut mapping = self.mapping(&written.mapping);
        let is_guessed = written.environments.is_empty();
        mapping.explicit = written.mapping.applications.iter().map(|rule| self.explicit(rule, written, argocds, clusters)).collect();
        let services = self.services(&written.services);
        let version = written.mapping.version.as_ref().map(|version| self.version(version)).unwrap_or_default();
        let built = Landscape::new(environments, mapping).map_err(|faults| {
            for fault in &faults {
                self.graph(fault, &written.environments);
            }
        });
        let mut landscape = built.ok()?.with_services(services);
        landscape.version = version;
        (landscape.guessed, landscape.read_only) = (is_guessed, is_guessed);
        Some(landscape)
    }

    fn environment(&self, entry: &written::Environment, all: &[written::Environment], clusters: &[ClusterAccess]) -> Option<Environment> {
        let name = entry.name.as_ref()?;
        let is_last = !entry.from.is_empty() && !all.iter().flat_map(|other| &other.from).any(|from| from.value == name.value);
        let placement = |placement: &written::Placement| {
            let name = placement.name.as_ref()?;
            for cluster in &placement.clusters {
                self.find(cluster, "cluster", clusters.iter().map(|known| known.name.as_wire()));
            }
            Some(PlacementSpec {
                name: name.value.as_str().into(),
                aliases: raws(&placement.aliases),
                clusters: placement.clusters.iter().map(|cluster| cluster.value.as_str().into()).collect(),
                namespaces: patterns(&placement.namespaces),
            })
        };
        for (index, placement) in entry.placements.iter().enumerate() {
            let twice = |name: &&At<String>| {
                entry.placements.iter().take(index).any(|other| other.name.as_ref().is_some_and(|other| other.value == name.value))
            };
            if let Some(name) = placement.name.as_ref().filter(twice) {
                self.tell(name, &format!("there are two placements '{}'", name.value), None);
            }
        }
        Some(Environment {
            name: name.value.as_str().into(),
            from: entry.from.iter().map(|from| from.value.as_str().into()).collect(),
            placements: entry.placements.iter().filter_map(placement).collect(),
            aliases: raws(&entry.aliases),
            guessed: false,
            guard: self.guard(entry, is_last),
        })
    }

    /// The guardrails of an environment; the last of a promotion path, which is production, is read-only unless something else is said.
    fn guard(&self, entry: &written::Environment, is_last: bool) -> Guard {
        let written = &entry.guard;
        let is_on = |flag: &Option<At<bool>>| flag.as_ref().is_some_and(|flag| flag.value);
        if written.people.as_ref().is_some_and(Vec::is_empty) && !self.findings.told_of(&entry.place, "people") {
            self.findings.tell(&entry.place, "people names nobody", Some("leave it out where everybody may; deny = \"…\" where nobody may"));
        }
        Guard {
            read_only: written.read_only.as_ref().map_or(is_last, |flag| flag.value),
            deny: written.deny.as_ref().map(|why| Safe::clean(why.value.trim_end_matches('.'))),
            reason: is_on(&written.reason),
            ticket: written.ticket.as_ref().map(|ticket| Pattern::new(&ticket.value)),
            at_once: written.at_once.as_ref().map(|number| number.value),
            people: written.people.as_deref().map(raws).unwrap_or_default(),
            pull_request: is_on(&written.pull_request),
            yes: is_on(&written.yes),
        }
    }

    /// Tells what is wrong with the graph, where it is written.
    fn graph(&self, fault: &GraphFault, entries: &[written::Environment]) {
        let place = |name: &EnvironmentName| named(entries, name).next_back().map_or_else(Place::default, |entry| entry.place.clone());
        match fault {
            GraphFault::Twice(name) => self.findings.tell(&place(name), &format!("there are two environments '{}'", name.shown()), None),
            GraphFault::UnknownParent { environment, parent } => {
                for from in named(entries, environment).flat_map(|entry| &entry.from).filter(|from| from.value == parent.as_wire()) {
                    self.find(from, "environment", entries.iter().filter_map(|entry| entry.name.as_ref()).map(|name| name.value.as_str()));
                }
            }
            GraphFault::Cycle(circle) => {
                let first = circle.first().cloned().unwrap_or_default();
                let names: Vec<_> = circle.iter().chain([&first]).map(|name| name.shown().to_string()).collect();
                let found = format!("environments are promoted from each other in a circle: {}", names.join(" from "));
                let from = named(entries, &first).flat_map(|entry| &entry.from).next().map_or_else(|| place(&first), |from| from.place.clone());
                self.findings.tell(&from, &found, Some("leave one 'from' out"));
            }
            GraphFault::Ambiguous(ambiguous) => {
                let shown = |meaning: &Meaning| match &meaning.placement {
                    Some(placement) => format!("{}·{}", meaning.environment.shown(), placement.shown()),
                    None => meaning.environment.shown().to_string(),
                };
                let found =
                    format!("the word '{}' means both {} and {}", Safe::clean(&ambiguous.word), shown(&ambiguous.first), shown(&ambiguous.second));
                self.findings.tell(&place(&ambiguous.second.environment), &found, Some("let each name or alias mean one thing"));
            }
        }
    }

    /// Each list replaces the usual one; an empty list switches the rule off.
    fn mapping(&self, written: &written::Mapping) -> Mapping {
        let usual = Mapping::usual();
        let parts = written.parts.as_deref().map(patterns).unwrap_or_default();
        let labels = &written.labels;
        let keys = |keys: &Option<Vec<At<String>>>, usual: Vec<Raw>| keys.as_deref().map_or(usual, raws);
        let mapping = Mapping {
            explicit: Vec::new(),
            labels: Labels {
                binding: labels.environment.is_some(),
                service: keys(&labels.service, usual.labels.service),
                environment: keys(&labels.environment, usual.labels.environment),
                placement: keys(&labels.placement, usual.labels.placement),
                part: keys(&labels.part, usual.labels.part),
                group: keys(&labels.group, usual.labels.group),
            },
            names: self.templates(written.names.as_deref(), usual.names),
            paths: self.templates(written.paths.as_deref(), usual.paths),
            values: self.templates(written.values.as_deref(), usual.values),
            namespaces: self.templates(written.namespaces.as_deref(), usual.namespaces),
            parts,
        };
        for at in written.names.iter().chain(&written.namespaces).flatten().filter(|_| mapping.parts.is_empty()) {
            if Template::parse(&at.value).is_ok_and(|template| template.reads(Field::Part)) {
                self.tell(
                    at,
                    "a part can stand in a name only if it is known what parts are called",
                    Some("parts = [\"api\", \"worker\"] under [mapping]"),
                );
            }
        }
        mapping
    }

    fn templates(&self, written: Option<&[At<String>]>, usual: Vec<Template>) -> Vec<Template> {
        let Some(written) = written else { return usual };
        let parse = |at: &At<String>| {
            Template::parse(&at.value).map_err(|fault| self.tell(at, &format!("the template '{}' cannot work: {fault}", at.value), None)).ok()
        };
        written.iter().filter_map(parse).collect()
    }

    fn explicit(&self, rule: &written::Explicit, written: &Written, argocds: &[ArgocdAccess], clusters: &[ClusterAccess]) -> Explicit {
        let says_something = [&rule.service, &rule.environment, &rule.placement, &rule.part, &rule.ignore].iter().any(|said| said.is_some());
        if !says_something && rule.services.is_empty() && !self.findings.told_below(&rule.place) {
            self.findings.tell(&rule.place, "this rule says nothing", Some("service, environment, placement, part, services or ignore"));
        }
        let asks = [&rule.name, &rule.namespace, &rule.argocd, &rule.project, &rule.cluster].iter().any(|asked| asked.is_some());
        if !asks {
            self.findings.tell(
                &rule.place,
                "this rule fits every application",
                Some("say which: name, namespace, argocd, project or cluster (name = \"*\" for all)"),
            );
        }
        if let (Some(service), false) = (&rule.service, rule.services.is_empty()) {
            self.tell(service, "the application cannot carry one service and several", Some("service or services"));
        }
        if let Some(argocd) = &rule.argocd {
            self.find(argocd, "Argo CD", argocds.iter().map(|known| known.name.as_wire()));
        }
        if let Some(cluster) = &rule.cluster {
            self.find(cluster, "cluster", clusters.iter().map(|known| known.name.as_wire()));
        }
        // Guessed environments are not known yet: nothing can be said against a name.
        if let Some(environment) = rule.environment.as_ref().filter(|_| !written.environments.is_empty()) {
            let names = || written.environments.iter().filter_map(|entry| entry.name.as_ref()).map(|name| name.value.as_str());
            if self.find(environment, "environment", names())
                && let Some(placement) = &rule.placement
                && let Some(entry) = written.environments.iter().find(|entry| entry.name.as_ref().is_some_and(|name| name.value == environment.value))
                && !entry.placements.is_empty()
            {
                self.find(placement, "placement", entry.placements.iter().filter_map(|known| known.name.as_ref()).map(|name| name.value.as_str()));
            }
        }
        let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
        let pattern = |at: &Option<At<String>>| at.as_ref().map(|at| Pattern::new(&at.value));
        Explicit {
            name: pattern(&rule.name),
            namespace: pattern(&rule.namespace),
            argocd: text(&rule.argocd).map(|name| name.as_str().into()),
            project: pattern(&rule.project),
            cluster: text(&rule.cluster).map(|name| name.as_str().into()),
            service: text(&rule.service).map(|name| name.as_str().into()),
            environment: text(&rule.environment).map(|name| name.as_str().into()),
            placement: text(&rule.placement).map(|name| name.as_str().into()),
            part: text(&rule.part).map(Raw::from),
            services: rule.services.iter().filter_map(|share| self.share(share)).collect(),
            ignore: rule.ignore.as_ref().map(|why| Safe::clean(&why.value)),
        }
    }

    fn share(&self, share: &written::Share) -> Option<Share> {
        let only = match (&share.workload, &share.image) {
            (Some(workload), None) => Selector::Workload(Pattern::new(&workload.value)),
            (None, Some(image)) => Selector::Image(Pattern::new(&image.value)),
            (None, None) => {
                self.findings.tell(
                    &share.place,
                    "nothing says which workloads are this service's",
                    Some("workload = \"checkout-*\" or image = \"ghcr.io/acme/checkout\""),
                );
                return None;
            }
            (Some(_), Some(image)) => {
                self.tell(image, "a service has its workloads by name or by image, not by both", Some("workload or image"));
                return None;
            }
        };
        Some(Share {
            service: share.service.as_ref()?.value.as_str().into(),
            part: share.part.as_ref().map(|part| Raw::from(part.value.as_str())),
            only,
        })
    }

    fn services(&self, written: &[written::Service]) -> Vec<ServiceRules> {
        let mut services: Vec<ServiceRules> = Vec::new();
        for entry in written {
            for alias in &entry.aliases {
                let is_known = |other: &ServiceRules| other.aliases.iter().any(|known| known.as_wire() == alias.value);
                if let Some(other) = services.iter().find(|other| is_known(other)) {
                    self.tell(alias, &format!("'{}' is an alias of service '{}' already", alias.value, other.name.shown()), None);
                } else if written.iter().any(|other| other.name.value == alias.value) {
                    self.tell(alias, &format!("'{}' is a service of its own", alias.value), None);
                }
            }
            services.push(ServiceRules {
                name: entry.name.value.as_str().into(),
                aliases: raws(&entry.aliases),
                group: entry.group.as_ref().map(|group| Raw::from(group.value.as_str())),
                version: entry.version.as_ref().map(|version| self.version(version)),
            });
        }
        services
    }

    fn version(&self, version: &written::Version) -> VersionRule {
        match version {
            written::Version::Word(word) => match word.value.as_str() {
                "auto" => VersionRule::Auto,
                "chart" => VersionRule::Chart,
                "revision" => VersionRule::Revision,
                other => {
                    let cure = "\"auto\", \"chart\", \"revision\", { repository = \"…\" }, { container = \"…\" } or { annotation = \"…\" }";
                    self.tell(word, &format!("'{other}' is no rule for a version"), Some(cure));
                    VersionRule::Auto
                }
            },
            written::Version::Repository(repository) => VersionRule::Image { repository: Pattern::new(&repository.value) },
            written::Version::Container(name) => VersionRule::Container { name: Raw::from(name.value.as_str()) },
            written::Version::Annotation(key) => VersionRule::Annotation { key: Raw::from(key.value.as_str()) },
        }
    }
}

fn named<'e>(entries: &'e [written::Environment], name: &'e EnvironmentName) -> impl DoubleEndedIterator<Item = &'e written::Environment> {
    entries.iter().filter(|entry| entry.name.as_ref().is_some_and(|at| at.value == name.as_wire()))
}

fn raws(texts: &[At<String>]) -> Vec<Raw> {
    texts.iter().map(|at| Raw::from(at.value.as_str())).collect()
}

pub(super) fn patterns(texts: &[At<String>]) -> Vec<Pattern> {
    texts.iter().map(|at| Pattern::new(&at.value)).collect()
}
