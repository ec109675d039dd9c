//! From an Argo CD application to the services, environment and placement that it carries: pure rules, resolved by the configuration and applied
//! in the fold.
//!
//! # Precedence
//!
//! Rules are asked in this order, and each fills only what is still missing (service, environment, placement, part):
//!
//! 1. **explicit** rules (`[[mapping.applications]]`), in written order; several may match and complete each other,
//! 2. **labels** of the Application object, the first key that is there; a label that was configured and names no environment ends the search:
//!    what somebody wrote is not overruled by a guess,
//! 3. **names**: templates for the Application's name,
//! 4. **paths**: templates for the path of each git source,
//! 5. **values**: templates for Helm values files: with a slash they are compared with the file as written and with its path from the
//!    repository's root, without one with its last part,
//! 6. **namespaces**: templates for the destination's namespace,
//! 7. the destination cluster or namespace of a declared placement.
//!
//! Within a rule templates are tried in written order and the first that fits is taken. Any source of a multi-source application may fit; when
//! two of them say different things the application is a [`Reason::Conflict`], not a guess. A rule that sees another environment than the
//! one that is known already may still name the service, but no placement; one that sees another service names no part.
//!
//! What no rule places is [`Unmapped`], with the reason and what would help: listed, never dropped. An application that a rule places stays
//! placed when it runs nothing for the moment.

use crate::base::{Raw, Safe};
use crate::domain::application::{Application, Shape};
use crate::domain::image::Image;
use crate::domain::landscape::Landscape;
use crate::domain::names::{AppKey, ArgocdName, ClusterName, EnvironmentName, PlacementName, ServiceName};
use crate::domain::template::{Captures, Field, Reading, Template, agree};
use crate::domain::unmapped::{Reason, Rule, Unmapped};
use crate::domain::version;
use crate::domain::words::{Meaning, Pattern, Words};

/// What an application, or some of it, is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assignment {
    /// The service.
    pub service: ServiceName,
    /// The environment: one of the landscape's.
    pub environment: EnvironmentName,
    /// The placement; empty where no rule names one. See [`crate::domain::placement`] for several in one cell.
    pub placement: PlacementName,
    /// Which part of the placement, where several applications make one: `api`, `worker`.
    pub part: Option<Raw>,
    /// Only some of the application's workloads: it carries several services.
    pub only: Option<Selector>,
}

/// Some of an application's workloads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// Those whose name fits.
    Workload(Pattern),
    /// Those that run an image of a repository that fits.
    Image(Pattern),
}

impl Selector {
    /// Whether a workload with this name and these images is meant.
    pub fn admits<'a>(&self, workload: &str, images: impl IntoIterator<Item = &'a Image>) -> bool {
        match self {
            Self::Workload(pattern) => pattern.matches(workload),
            Self::Image(_) => images.into_iter().any(|image| self.admits_image(image)),
        }
    }

    /// Whether an image may belong to the service: Argo CD's summary names images without their workloads, so a rule on workloads admits all.
    #[must_use]
    pub fn admits_image(&self, image: &Image) -> bool {
        match self {
            Self::Workload(_) => true,
            Self::Image(pattern) => version::repository_fits(pattern, image),
        }
    }
}

/// The mapping rules of a landscape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Rules for named applications.
    pub explicit: Vec<Explicit>,
    /// Rules for labels.
    pub labels: Labels,
    /// Templates for the Application's name. Placements and parts in a name must be declared, or nobody could say where a service ends.
    pub names: Vec<Template>,
    /// Templates for paths of git sources.
    pub paths: Vec<Template>,
    /// Templates for Helm values files.
    pub values: Vec<Template>,
    /// Templates for the destination's namespace.
    pub namespaces: Vec<Template>,
    /// What a part may be called.
    pub parts: Vec<Pattern>,
}

/// A rule for named applications: what must fit, and what is then so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explicit {
    /// Name of the Application.
    pub name: Option<Pattern>,
    /// Namespace of the Application object.
    pub namespace: Option<Pattern>,
    /// Its Argo CD.
    pub argocd: Option<ArgocdName>,
    /// Its Argo CD project.
    pub project: Option<Pattern>,
    /// The cluster that it deploys to.
    pub cluster: Option<ClusterName>,
    /// The service.
    pub service: Option<ServiceName>,
    /// The environment.
    pub environment: Option<EnvironmentName>,
    /// The placement.
    pub placement: Option<PlacementName>,
    /// The part.
    pub part: Option<Raw>,
    /// The services that it carries, where these are several: an umbrella chart.
    pub services: Vec<Share>,
    /// Not a service, and why.
    pub ignore: Option<Safe>,
}

/// One service of an application that carries several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The service.
    pub service: ServiceName,
    /// The part.
    pub part: Option<Raw>,
    /// Which workloads are the service's.
    pub only: Selector,
}

/// Keys of labels, each list in order of precedence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Keys that name the service.
    pub service: Vec<Raw>,
    /// Keys that name the environment.
    pub environment: Vec<Raw>,
    /// Keys that name the placement.
    pub placement: Vec<Raw>,
    /// Keys that name the part.
    pub part: Vec<Raw>,
    /// Keys that name the group a service is shown in.
    pub group: Vec<Raw>,
    /// Somebody wrote these keys, so that an unknown environment under them is a mistake rather than another use of the word.
    pub binding: bool,
}

impl Labels {
    /// The first of these labels that the application carries.
    pub(crate) fn first<'k, 'a>(keys: &'k [Raw], app: &'a Application) -> Option<(&'k Raw, &'a Raw)> {
        keys.iter().find_map(|key| app.label(key.as_wire()).filter(|value| !value.is_empty()).map(|value| (key, value)))
    }
}

/// What is known so far.
#[derive(Default)]
struct Draft<'a> {
    service: Option<ServiceName>,
    shares: &'a [Share],
    environment: Option<EnvironmentName>,
    placement: Option<PlacementName>,
    /// Who named the placement before its environment was known, so that it is still to be checked.
    unchecked: Option<Rule>,
    part: Option<Raw>,
}

impl Mapping {
    /// What the application carries, or why it is not known. Deterministic: the same application, rules and words give the same answer.
    pub fn assign(&self, landscape: &Landscape, key: &AppKey, app: &Application) -> Result<Vec<Assignment>, Unmapped> {
        let mut draft = self.explicit(landscape, key, app)?;
        let is_named = draft.service.is_some() || !draft.shares.is_empty();
        if app.shape == Shape::AppOfApps && !is_named {
            return Err(Unmapped::new(Reason::AppOfApps));
        }
        self.labels(landscape, app, &mut draft)?;
        let reading = Reading { words: landscape.words(), parts: &self.parts, free: false, any_environment: false };
        let delimited = Reading { free: true, ..reading };
        if draft.wants(landscape, &self.names) {
            fill(&mut draft, landscape, &Rule::Name, &[first(&self.names, key.name.as_wire(), &reading)])?;
        }
        if draft.wants(landscape, &self.paths) {
            let found: Vec<_> =
                app.origins.iter().filter_map(|origin| origin.path.as_ref()).map(|path| first(&self.paths, tidy(path), &delimited)).collect();
            fill(&mut draft, landscape, &Rule::Path, &found)?;
        }
        if draft.wants(landscape, &self.values) {
            let files = values_files(app);
            let found: Vec<_> = files.iter().map(|file| self.first_values(file, &delimited)).collect();
            fill(&mut draft, landscape, &Rule::Values, &found)?;
        }
        if draft.wants(landscape, &self.namespaces) {
            fill(&mut draft, landscape, &Rule::Namespace, &[first(&self.namespaces, app.destination.namespace.as_wire(), &reading)])?;
        }
        let Some(environment) = draft.environment.clone() else { return Err(self.no_environment(app)) };
        if draft.service.is_none() && draft.shares.is_empty() {
            return Err(Unmapped::new(if app.images.is_empty() { Reason::NoWorkloads } else { Reason::NoService }));
        }
        let Some(known) = landscape.environment(&environment) else {
            return Err(Unmapped::new(Reason::UnknownEnvironment { value: environment.0, rule: Rule::Explicit }));
        };
        if let (Some(value), Some(rule)) = (&draft.placement, draft.unchecked.take()) {
            let Some(declared) = known.declared(value.as_wire()) else {
                return Err(Unmapped::new(Reason::UnknownPlacement { environment, value: value.0.clone(), rule }));
            };
            draft.placement = Some(declared);
        }
        if draft.placement.is_none() {
            draft.placement = landscape.placement_by_destination(&environment, key, app);
        }
        Ok(draft.finish(landscape, &environment))
    }

    fn explicit<'a>(&'a self, landscape: &Landscape, key: &AppKey, app: &Application) -> Result<Draft<'a>, Unmapped> {
        let mut draft = Draft::default();
        for rule in &self.explicit {
            if !rule.fits(landscape, key, app) {
                continue;
            }
            if let Some(why) = &rule.ignore {
                return Err(Unmapped::new(Reason::Ignored(why.clone())));
            }
            if draft.service.is_none() && draft.shares.is_empty() {
                draft.service.clone_from(&rule.service);
                draft.shares = &rule.services;
            }
            fill_missing(&mut draft.environment, rule.environment.as_ref());
            if draft.placement.is_none() && rule.placement.is_some() {
                draft.placement.clone_from(&rule.placement);
                draft.unchecked = Some(Rule::Explicit);
            }
            fill_missing(&mut draft.part, rule.part.as_ref());
        }
        Ok(draft)
    }

    fn labels(&self, landscape: &Landscape, app: &Application, draft: &mut Draft<'_>) -> Result<(), Unmapped> {
        let (labels, mut unknown) = (&self.labels, None);
        for key in &labels.environment {
            let Some(value) = app.label(key.as_wire()).filter(|value| !value.is_empty()) else { continue };
            match landscape.words().meaning(value.as_wire()) {
                Some(meaning) => {
                    draft.learn_environment(meaning);
                    unknown = None;
                    break;
                }
                None => unknown = unknown.or(Some((key, value))),
            }
        }
        if let Some((key, value)) = unknown
            && labels.binding
            && draft.environment.is_none()
        {
            return Err(Unmapped::new(Reason::UnknownEnvironment { value: value.clone(), rule: Rule::Label(key.clone()) }));
        }
        if draft.service.is_none() && draft.shares.is_empty() {
            draft.service = Labels::first(&labels.service, app).map(|(_, value)| ServiceName(value.clone()));
        }
        if draft.part.is_none() {
            draft.part = Labels::first(&labels.part, app).map(|(_, value)| value.clone());
        }
        if draft.placement.is_none()
            && let Some((key, value)) = Labels::first(&labels.placement, app)
        {
            draft.placement = Some(PlacementName(value.clone()));
            draft.unchecked = Some(Rule::Label(key.clone()));
        }
        Ok(())
    }

    fn first_values<'w, 't: 'w>(&self, file: &'t ValuesFile, reading: &Reading<'w>) -> Option<Captures<'w, 't>> {
        self.values.iter().find_map(|template| {
            if template.as_written().contains('/') {
                template.capture(&file.written, reading).or_else(|| template.capture(file.resolved.as_deref()?, reading))
            } else {
                template.capture(file.written.rsplit_once('/').map_or(&*file.written, |(_, name)| name), reading)
            }
        })
    }

    /// Why no environment was found: the word that stands in its place, where there is one.
    fn no_environment(&self, app: &Application) -> Unmapped {
        if let Some((key, value)) = Labels::first(&self.labels.environment, app) {
            return Unmapped::new(Reason::UnknownEnvironment { value: value.clone(), rule: Rule::Label(key.clone()) });
        }
        match self.words_in_place(app).into_iter().next() {
            Some((value, rule)) => Unmapped::new(Reason::UnknownEnvironment { value, rule }),
            None => Unmapped::new(if app.images.is_empty() { Reason::NoWorkloads } else { Reason::NoEnvironment }),
        }
    }

    /// The words that stand in place of an environment in paths and values files, known or not.
    pub(crate) fn words_in_place(&self, app: &Application) -> Vec<(Raw, Rule)> {
        let words = Words::default();
        let reading = Reading { words: &words, parts: &self.parts, free: true, any_environment: true };
        let mut found = Vec::new();
        for path in app.origins.iter().filter_map(|origin| origin.path.as_ref()) {
            let captures = first(&self.paths, tidy(path), &reading);
            found.extend(captures.and_then(|captures| captures.unknown_environment).map(|word| (Raw::from(word), Rule::Path)));
        }
        for file in values_files(app) {
            let captures = self.first_values(&file, &reading);
            found.extend(captures.and_then(|captures| captures.unknown_environment).map(|word| (Raw::from(word), Rule::Values)));
        }
        found
    }
}

impl Explicit {
    fn fits(&self, landscape: &Landscape, key: &AppKey, app: &Application) -> bool {
        self.name.as_ref().is_none_or(|name| name.matches(key.name.as_wire()))
            && self.namespace.as_ref().is_none_or(|namespace| namespace.matches(key.namespace.as_wire()))
            && self.argocd.as_ref().is_none_or(|argocd| *argocd == key.argocd)
            && self.project.as_ref().is_none_or(|project| project.matches(app.project.as_wire()))
            && self.cluster.as_ref().is_none_or(|cluster| landscape.cluster_of(&key.argocd, &app.destination, None).as_known() == Some(cluster))
    }
}

impl Draft<'_> {
    /// Whether any of these templates may fill something that is missing.
    fn wants(&self, landscape: &Landscape, templates: &[Template]) -> bool {
        let reads = |field| templates.iter().any(|template| template.reads(field));
        self.service.is_none() && self.shares.is_empty() && reads(Field::Service)
            || self.environment.is_none() && reads(Field::Environment)
            || self.placement.is_none() && (reads(Field::Environment) && self.may_have_placements(landscape) || reads(Field::Placement))
            || self.part.is_none() && reads(Field::Part)
    }

    /// Whether a word for the environment may say a placement too.
    fn may_have_placements(&self, landscape: &Landscape) -> bool {
        let known = self.environment.as_ref().and_then(|name| landscape.environment(name));
        known.is_none_or(|environment| !environment.placements.is_empty())
    }

    fn learn_environment(&mut self, meaning: &Meaning) {
        fill_missing(&mut self.environment, Some(&meaning.environment));
        if self.environment.as_ref() == Some(&meaning.environment) {
            fill_missing(&mut self.placement, meaning.placement.as_ref());
        }
    }

    fn finish(self, landscape: &Landscape, environment: &EnvironmentName) -> Vec<Assignment> {
        let placement = self.placement.unwrap_or_default();
        let assignment = |service: &ServiceName, part: Option<&Raw>, only: Option<&Selector>| Assignment {
            service: landscape.service_name(service),
            environment: environment.clone(),
            placement: placement.clone(),
            part: part.cloned(),
            only: only.cloned(),
        };
        match &self.service {
            Some(service) => vec![assignment(service, self.part.as_ref(), None)],
            None => {
                self.shares.iter().map(|share| assignment(&share.service, share.part.as_ref().or(self.part.as_ref()), Some(&share.only))).collect()
            }
        }
    }
}

fn fill_missing<T: Clone>(place: &mut Option<T>, value: Option<&T>) {
    if place.is_none() {
        *place = value.cloned();
    }
}

fn first<'w, 't: 'w>(templates: &[Template], text: &'t str, reading: &Reading<'w>) -> Option<Captures<'w, 't>> {
    templates.iter().find_map(|template| template.capture(text, reading))
}

/// Takes what one rule read in one or several places of the application. Places that disagree about something missing are a conflict.
fn fill(draft: &mut Draft<'_>, landscape: &Landscape, rule: &Rule, found: &[Option<Captures<'_, '_>>]) -> Result<(), Unmapped> {
    let conflict =
        |first: &str, second: &str| Err(Unmapped::new(Reason::Conflict { rule: rule.clone(), first: Raw::from(first), second: Raw::from(second) }));
    let (mut service, mut environment): (Option<&str>, Option<&Meaning>) = (None, None);
    for captures in found.iter().flatten() {
        match (service, captures.service) {
            (Some(first), Some(second)) if first != second && draft.service.is_none() && draft.shares.is_empty() => return conflict(first, second),
            (before, now) => service = before.or(now),
        }
        let Some(now) = captures.environment else { continue };
        match agree(environment, now) {
            Some(agreed) => environment = Some(agreed),
            None if draft.environment.is_none() => return conflict(shown(environment), shown(Some(now))),
            // It is known which of them counts.
            None if draft.environment.as_ref() == Some(&now.environment) => environment = Some(now),
            None => {}
        }
    }
    if draft.service.is_none() && draft.shares.is_empty() {
        draft.service = service.map(ServiceName::from);
    }
    if let Some(meaning) = environment {
        draft.learn_environment(meaning);
    }
    for captures in found.iter().flatten() {
        let same_environment = captures.environment.is_none_or(|meaning| draft.environment.as_ref() == Some(&meaning.environment));
        if draft.placement.is_none()
            && same_environment
            && let Some(value) = captures.placement
        {
            let environment = draft.environment.as_ref().and_then(|name| landscape.environment(name));
            draft.placement = environment.map_or_else(|| Some(PlacementName::from(value)), |environment| environment.declared(value));
            if environment.is_none() {
                draft.unchecked = Some(rule.clone());
            }
        }
        let same_service = captures.service.is_none_or(|name| draft.service.as_ref().is_some_and(|service| service.as_wire() == name));
        if draft.part.is_none() && same_service {
            draft.part = captures.part.map(Raw::from);
        }
    }
    Ok(())
}

fn shown(meaning: Option<&Meaning>) -> &str {
    meaning.map_or("", |meaning| meaning.placement.as_ref().map_or(meaning.environment.as_wire(), PlacementName::as_wire))
}

/// A path without the decorations that people put around it.
fn tidy(path: &Raw) -> &str {
    path.as_wire().trim_start_matches("./").trim_matches('/')
}

/// A Helm values file: as the application writes it, and from the root of its repository.
struct ValuesFile {
    written: Box<str>,
    resolved: Option<Box<str>>,
}

/// The values files of all sources. Argo CD reads them relative to the source's path, from the root with a leading slash, and in another source
/// with `$reference/`.
fn values_files(app: &Application) -> Vec<ValuesFile> {
    let mut files = Vec::new();
    for origin in &app.origins {
        for file in &origin.value_files {
            let written = file.as_wire();
            let from_root = written.split_once('/').filter(|(start, _)| start.is_empty() || start.starts_with('$'));
            let resolved = match from_root {
                _ if written.contains("://") => None,
                Some((_, path)) => normal("", path),
                None => normal(origin.path.as_ref().map_or("", tidy), written),
            };
            files.push(ValuesFile { written: written.into(), resolved });
        }
    }
    files
}

/// `base/path` without `.` and `..`; `None` where it leads out of the repository.
fn normal(base: &str, path: &str) -> Option<Box<str>> {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/").into())
}

impl Landscape {
    /// What the application carries, by this landscape's own rules: see [`Mapping::assign`].
    pub fn assign(&self, key: &AppKey, app: &Application) -> Result<Vec<Assignment>, Unmapped> {
        self.mapping.assign(self, key, app)
    }
}

#[cfg(test)]
mod tests;
