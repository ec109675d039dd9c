//! Stories of the gitops repository: what it wants, as `git` itself says it, and what is left of it when it is away.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::world::{World, fresh_tag};
use super::{SOON, cell, text};
use crate::support::wait::until;

const WANTED: Duration = Duration::from_secs(5);

/// What git wants of a service in an environment: the version, and the commit that brought it.
fn wanted(world: &impl World, service: &str, environment: &str) -> (String, Value) {
    let status = world.status(&[]);
    let placement = cell(&status, service, environment).map(|cell| cell["placements"][0].clone()).unwrap_or_default();
    (text(&placement["wanted_version"]), placement["wanted"].clone())
}

/// Where the repository of the Applications is: a folder of this machine.
pub(super) fn repository(world: &impl World) -> PathBuf {
    let urls = world.objects("nonprod", "applications");
    let url = urls.iter().find_map(|application| application["spec"]["source"]["repoURL"].as_str()).unwrap().to_owned();
    PathBuf::from(url.trim_start_matches("file://"))
}

fn log(repository: &Path, path: &str) -> Vec<(String, String, String)> {
    let arguments = ["log", "--first-parent", "--format=%H%x09%an%x09%s", "main", "--", path];
    let output = Command::new("git").arg("-C").arg(repository).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line = |line: &str| {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
    };
    String::from_utf8(output.stdout).unwrap().lines().map(line).collect()
}

fn told(wanted: &Value) -> (String, String, String) {
    (text(&wanted["commit"]), text(&wanted["by"]), text(&wanted["subject"]))
}

pub(crate) fn what_git_wants_is_known_within_five_seconds_and_as_git_log_says_it(world: &impl World) {
    let (service, environment) = ("catalog-service", "dev");
    let (before, _) = wanted(world, service, environment);
    let tag = fresh_tag("5.3");
    world.commit(service, environment, &tag);
    let (found, took) = until("git wants the new version", WANTED, || wanted(world, service, environment), |(version, _)| *version == tag);
    println!("what git wants was known {took:?} after the commit");
    let newest = log(&repository(world), found.1["file"].as_str().unwrap()).remove(0);
    assert_eq!(told(&found.1), newest);
    world.commit(service, environment, &before);
    until("git wants the version before", WANTED, || wanted(world, service, environment), |(version, _)| *version == before);
}

/// A repository that is away until it is dropped.
struct Away(PathBuf);

impl Away {
    fn take(repository: PathBuf) -> Self {
        std::fs::rename(&repository, repository.with_extension("away")).unwrap();
        Self(repository)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        let _ = std::fs::rename(self.0.with_extension("away"), &self.0);
    }
}

pub(crate) fn a_repository_that_is_lost_leaves_what_is_known(world: &impl World) {
    let (service, environment) = ("catalog-service", "production");
    let (version, before) = wanted(world, service, environment);
    assert!(!version.is_empty() && before["stale"].is_null(), "{before}");
    let away = Away::take(repository(world));
    let (now, lost) = wanted(world, service, environment);
    assert_eq!((now, told(&lost)), (version.clone(), told(&before)), "the mirror still has it");
    assert!(text(&lost["stale"]["why"]).contains("there is no repository at"), "{lost}");
    drop(away);
    until("it is read again", SOON, || wanted(world, service, environment), |(_, wanted)| wanted["stale"].is_null());
}
