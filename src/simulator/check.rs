//! Looks a world and a scenario over: every name that one entry uses must be another's, and what cannot be meant is told in a sentence, with the nearest
//! name that exists. It knows nothing of files.

use std::collections::BTreeSet;

use super::canary;
use super::definition::{ApplicationDefinition, Definition, EnvironmentDefinition, Layout, WorkloadDefinition, WorkloadKind};
use super::fault::{Fault, Push};
use super::layout;
use super::scenario::{Commit, FaultDeed, Happening, RolloutDeed, Scenario, Target};
use super::serve::RepositoryDeed;
use super::span;

/// Whether a world holds together.
pub(super) fn definition(definition: &Definition) -> Result<(), String> {
    unique("cluster", definition.clusters.iter().map(|cluster| &cluster.name))?;
    unique("argocd", definition.argocds.iter().map(|argocd| &argocd.name))?;
    unique("environment", definition.environments.iter().map(|environment| &environment.name))?;
    unique("application", definition.applications.iter().map(|application| &application.name))?;
    for argocd in &definition.argocds {
        cluster(definition, &argocd.cluster).map_err(|problem| format!("argocd '{}': {problem}", argocd.name))?;
    }
    for environment in &definition.environments {
        one_environment(definition, environment).map_err(|problem| format!("environment '{}': {problem}", environment.name))?;
    }
    acyclic(definition)?;
    for application in &definition.applications {
        one_application(definition, application).map_err(|problem| format!("application '{}': {problem}", application.name))?;
    }
    let mut names = BTreeSet::new();
    for place in layout::deployed(definition) {
        let Some(argocd) = definition.argocds.iter().find(|argocd| argocd.name == place.destination.argocd) else { continue };
        let name = layout::application_name(argocd, &place.application.name, &place.environment.name, &place.destination.placement);
        let namespace = place.application.namespace.as_ref().unwrap_or(&argocd.namespace);
        if !names.insert((&argocd.name, namespace, name.clone())) {
            return Err(format!("argocd '{}': two of its applications would be called '{name}': say more in its 'names'", argocd.name));
        }
    }
    Ok(())
}

/// Whether what a scenario changes of its world is there.
pub(super) fn overlay(scenario: &Scenario, world: &Definition) -> Result<(), String> {
    for (name, hook) in &scenario.hooks {
        let check = || {
            let application = application(world, name)?;
            if application.layout == Layout::Applications {
                return Err("an application of applications has no hook".to_owned());
            }
            if hook.takes.is_zero() { Err("'takes' must be longer than nothing".to_owned()) } else { Ok(()) }
        };
        check().map_err(|problem| format!("hooks: {name}: {problem}"))?;
    }
    for (name, environments) in &scenario.manual {
        for one in environments {
            place(world, name, one, None).map_err(|problem| format!("manual: {problem}"))?;
        }
    }
    Ok(())
}

/// Whether a scenario fits its world.
pub(super) fn scenario(scenario: &Scenario, world: &Definition) -> Result<(), String> {
    if let Some(pulls) = &scenario.pull_requests {
        if !scenario.git_over_http {
            return Err("pull-requests: they need git-over-http = true".to_owned());
        }
        for name in &pulls.environments {
            environment(world, name).map_err(|problem| format!("pull-requests: {problem}"))?;
        }
        unique("check", pulls.checks.iter().map(|check| &check.name)).map_err(|problem| format!("pull-requests: {problem}"))?;
    }
    for (number, odd) in scenario.versions.iter().enumerate() {
        let check = || {
            let known = || world.applications.iter().flat_map(|application| application.workloads.iter().map(|workload| workload.name(application)));
            known_name("workload", &odd.workload, known())?;
            odd.environment.as_ref().map_or(Ok(()), |name| environment(world, name).map(|_| ()))?;
            share("errors", odd.errors)
        };
        check().map_err(|problem| format!("versions, entry {} ({} {}): {problem}", number + 1, odd.workload, odd.version))?;
    }
    for (number, happening) in scenario.timeline.iter().enumerate() {
        one_happening(scenario, world, happening)
            .map_err(|problem| format!("timeline, entry {} (after {}): {problem}", number + 1, span::write(happening.after)))?;
    }
    if let Some(traffic) = &scenario.traffic {
        if traffic.every.is_zero() {
            return Err("traffic: 'every' must be longer than nothing".to_owned());
        }
        share("failing", traffic.failing).map_err(|problem| format!("traffic: {problem}"))?;
    }
    Ok(())
}

/// `: did you mean 'checkout'?`, or which there are.
pub(super) fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = known.iter().map(|one| (distance(name, one), one)).min();
    match nearest {
        Some((distance, one)) if distance <= 1 + name.chars().count() / 4 => format!(": did you mean '{one}'?"),
        _ if known.is_empty() => ": there is none".to_owned(),
        _ => {
            let some: Vec<_> = known.iter().take(12).copied().collect();
            format!(": there are {}{}", some.join(", "), if known.len() > some.len() { ", …" } else { "" })
        }
    }
}

/// How many letters must change to make one name of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let (mut left, mut above_left) = (place + 1, place);
        let mut next = vec![left];
        for (above, wanted) in row.iter().skip(1).zip(&other) {
            left = (above + 1).min(left + 1).min(above_left + usize::from(letter != *wanted));
            above_left = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

fn known_name<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    let known: Vec<&str> = known.into_iter().collect();
    if known.contains(&name) { Ok(()) } else { Err(format!("no {what} is called '{name}'{}", near(name, known))) }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() {
            return Err(format!("{what}: one has no name"));
        }
        if !seen.insert(name) {
            return Err(format!("{what} '{name}': there are two of this name"));
        }
    }
    Ok(())
}

fn share(field: &str, value: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(format!("'{field}' is a share from 0 to 1, not {value}")) }
}

fn cluster(world: &Definition, name: &str) -> Result<(), String> {
    known_name("cluster", name, world.clusters.iter().map(|cluster| cluster.name.as_str()))
}

fn argocd(world: &Definition, name: &str) -> Result<(), String> {
    known_name("argocd", name, world.argocds.iter().map(|argocd| argocd.name.as_str()))
}

fn environment<'a>(world: &'a Definition, name: &str) -> Result<&'a EnvironmentDefinition, String> {
    known_name("environment", name, world.environments.iter().map(|environment| environment.name.as_str()))?;
    world.environments.iter().find(|environment| environment.name == name).ok_or_else(String::new)
}

fn application<'a>(world: &'a Definition, name: &str) -> Result<&'a ApplicationDefinition, String> {
    known_name("application", name, world.applications.iter().map(|application| application.name.as_str()))?;
    world.applications.iter().find(|application| application.name == name).ok_or_else(String::new)
}

fn one_environment(world: &Definition, environment: &EnvironmentDefinition) -> Result<(), String> {
    for from in &environment.from {
        known_name("environment", from, world.environments.iter().map(|environment| environment.name.as_str()))
            .map_err(|problem| format!("from: {problem}"))?;
    }
    if environment.destinations.is_empty() {
        return Err("it has no destination".to_owned());
    }
    let mut placements = BTreeSet::new();
    for destination in &environment.destinations {
        cluster(world, &destination.cluster)?;
        argocd(world, &destination.argocd)?;
        if !placements.insert(&destination.placement) {
            return Err(format!("two destinations have the placement '{}': give each its own", destination.placement));
        }
    }
    if placements.len() > 1 && placements.contains(&String::new()) { Err("one of its destinations has no placement".to_owned()) } else { Ok(()) }
}

/// Environments are promoted in one direction: from those above into those below.
fn acyclic(world: &Definition) -> Result<(), String> {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut left: Vec<&EnvironmentDefinition> = world.environments.iter().collect();
    loop {
        let (ready, waiting): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|environment| environment.from.iter().all(|from| reached.contains(from.as_str())));
        if ready.is_empty() {
            let names: Vec<_> = waiting.iter().map(|environment| environment.name.as_str()).collect();
            return if names.is_empty() { Ok(()) } else { Err(format!("environments: 'from' goes round in a circle through {}", names.join(", "))) };
        }
        reached.extend(ready.iter().map(|environment| environment.name.as_str()));
        left = waiting;
    }
}

fn one_application(world: &Definition, application: &ApplicationDefinition) -> Result<(), String> {
    for name in &application.manual {
        environment(world, name).map_err(|problem| format!("manual: {problem}"))?;
    }
    if application.layout == Layout::Applications {
        if !application.workloads.is_empty() {
            return Err("an application of applications has no workloads".to_owned());
        }
        return if layout::children(world, application).next().is_none() {
            Err(format!("no application has its folder below {}/", application.folder()))
        } else {
            Ok(())
        };
    }
    if application.workloads.is_empty() {
        return Err("it has no workload".to_owned());
    }
    for workload in &application.workloads {
        one_workload(world, workload).map_err(|problem| format!("workload '{}': {problem}", workload.name(application)))?;
    }
    let mut names = BTreeSet::new();
    for workload in &application.workloads {
        if !names.insert(workload.name(application)) {
            return Err(format!("workload '{}': there are two of this name", workload.name(application)));
        }
        for place in layout::deployed_of(world, application) {
            let (environment, placement) = (&place.environment.name, &place.destination.placement);
            if workload.version(environment, placement).is_none() {
                let (name, overlay) = (workload.name(application), layout::overlay(environment, placement));
                return Err(format!("workload '{name}': it has no version for {overlay}, where others of its application are"));
            }
        }
    }
    Ok(())
}

fn one_workload(world: &Definition, workload: &WorkloadDefinition) -> Result<(), String> {
    if workload.versions.is_empty() {
        return Err("it has no version anywhere".to_owned());
    }
    for key in workload.versions.keys() {
        let (name, placement) = key.split_once('/').map_or((key.as_str(), None), |(name, placement)| (name, Some(placement)));
        let environment = environment(world, name).map_err(|problem| format!("versions: {problem}"))?;
        if let Some(placement) = placement {
            let known = environment.destinations.iter().map(|destination| destination.placement.as_str());
            known_name(&format!("placement of {name}"), placement, known).map_err(|problem| format!("versions: {problem}"))?;
        }
    }
    for (field, keys) in [
        ("replicas", workload.replicas.keys().filter(|key| *key != "default").collect::<Vec<_>>()),
        ("canary", workload.canary.keys().collect()),
        ("settings", workload.settings.keys().collect()),
    ] {
        for key in keys {
            environment(world, key).map_err(|problem| format!("{field}: {problem}"))?;
        }
    }
    for (environment, steps) in &workload.canary {
        if workload.kind != WorkloadKind::Rollout {
            return Err("only a rollout has a canary".to_owned());
        }
        for step in steps {
            canary::parse(step).map_err(|problem| format!("canary, {environment}: {problem}"))?;
        }
    }
    Ok(())
}

fn one_happening(scenario: &Scenario, world: &Definition, happening: &Happening) -> Result<(), String> {
    if happening.every.is_some_and(|every| every.is_zero()) {
        return Err("'every' must be longer than nothing".to_owned());
    }
    let Happening { commit, rollout, fault, controller, drift, sync, repository, pin, window, say, .. } = happening;
    let is_still = commit.is_none() && rollout.is_none() && fault.is_none() && controller.is_none() && drift.is_none() && sync.is_none();
    if say.is_empty() && is_still && repository.is_none() && pin.is_none() && window.is_none() {
        return Err("nothing happens and nothing is said".to_owned());
    }
    if let Some(commit) = commit {
        one_commit(world, commit).map_err(|problem| format!("commit: {problem}"))?;
    }
    if let Some(deed) = rollout {
        one_rollout(world, deed).map_err(|problem| format!("rollout: {problem}"))?;
    }
    if let Some(deed) = fault {
        server(scenario, world, deed).map_err(|problem| format!("fault: {problem}"))?;
    }
    if let Some(deed) = controller {
        argocd(world, &deed.argocd).map_err(|problem| format!("controller: {problem}"))?;
    }
    if let Some(deed) = drift {
        place(world, &deed.application, &deed.environment, None).map_err(|problem| format!("drift: {problem}"))?;
    }
    if let Some(RepositoryDeed::RewriteBranch { branch, .. } | RepositoryDeed::Commit { branch: Some(branch), .. }) = repository {
        let own = world.environments.iter().filter(|_| scenario.branch_per_environment).map(|environment| format!("env/{}", environment.name));
        let branches: Vec<String> = own.chain(["main".to_owned()]).collect();
        known_name("branch", branch, branches.iter().map(String::as_str)).map_err(|problem| format!("repository: {problem}"))?;
    }
    if let Some(pin) = pin {
        let application = place(world, &pin.application, &pin.environment, None).map_err(|problem| format!("pin: {problem}"))?;
        if !matches!(application.layout, Layout::Kustomize | Layout::Plain) {
            return Err(format!("pin: '{}' is no kustomization: only the images of one are pinned here", application.name));
        }
    }
    if let Some(window) = window {
        let projects: BTreeSet<&str> = world.applications.iter().map(|application| application.project.as_str()).collect();
        known_name("project", &window.project, projects).map_err(|problem| format!("window: {problem}"))?;
    }
    if let Some(Target { application, environment, placement }) = sync {
        place(world, application, environment, placement.as_deref()).map_err(|problem| format!("sync: {problem}"))?;
    }
    Ok(())
}

/// An application in an environment, and in one placement of it if one is named.
fn place<'a>(world: &'a Definition, name: &str, stage: &str, placement: Option<&str>) -> Result<&'a ApplicationDefinition, String> {
    let application = application(world, name)?;
    let environment = environment(world, stage)?;
    if application.layout == Layout::Applications {
        return Err(format!("'{name}' deploys applications and has no version of its own"));
    }
    if let Some(placement) = placement {
        let known = environment.destinations.iter().map(|destination| destination.placement.as_str());
        known_name(&format!("placement of {stage}"), placement, known)?;
    }
    let wanted = |one: &str| placement.is_none_or(|placement| placement == one);
    let is_there = |one: &str| wanted(one) && layout::is_in(application, stage, one);
    if environment.destinations.iter().any(|destination| is_there(&destination.placement)) {
        return Ok(application);
    }
    let places: Vec<_> =
        layout::deployed_of(world, application).map(|place| layout::overlay(&place.environment.name, &place.destination.placement)).collect();
    Err(format!("'{name}' is not in {}: it is in {}", layout::overlay(stage, placement.unwrap_or_default()), places.join(", ")))
}

fn one_commit(world: &Definition, commit: &Commit) -> Result<(), String> {
    let application = place(world, &commit.application, &commit.environment, None)?;
    if let Some(workload) = &commit.workload {
        known_name(&format!("workload of {}", application.name), workload, application.workloads.iter().map(|workload| workload.name(application)))?;
    }
    if let Some(from) = commit.version.strip_prefix("from ") {
        place(world, &commit.application, from.trim(), None).map_err(|problem| format!("version: {problem}"))?;
    } else if commit.version.is_empty() || commit.version.contains(char::is_whitespace) {
        return Err(format!("'{}' is no version: use a tag, 'next', 'previous' or 'from' with an environment", commit.version));
    }
    Ok(())
}

fn one_rollout(world: &Definition, deed: &RolloutDeed) -> Result<(), String> {
    let application = place(world, &deed.application, &deed.environment, deed.placement.as_deref())?;
    if application.workloads.iter().any(|workload| workload.kind == WorkloadKind::Rollout) {
        Ok(())
    } else {
        Err(format!("'{}' has no rollout", application.name))
    }
}

fn server(scenario: &Scenario, world: &Definition, deed: &FaultDeed) -> Result<(), String> {
    match deed.server.split_once(':') {
        None if deed.server == "git" && scenario.git_over_http => Ok(()),
        // What becomes of pushes needs no server, but for who may log in.
        None if deed.server == "git" => {
            let is_of_hooks = !matches!(deed.is.push, Some(Push::Unauthorized | Push::Forbidden));
            if is_of_hooks && deed.is == (Fault { push: deed.is.push.clone(), ..Fault::default() }) {
                Ok(())
            } else {
                Err("'git' is a server only with git-over-http = true: else its pushes alone can be refused, by hooks".to_owned())
            }
        }
        Some(("argocd", name)) => argocd(world, name),
        Some(("cluster", name)) => cluster(world, name),
        _ => Err(format!("'{}' is no server: use 'argocd:NAME', 'cluster:NAME' or 'git'", deed.server)),
    }
}

#[cfg(test)]
mod tests;
