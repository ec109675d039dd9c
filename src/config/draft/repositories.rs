//! The gitops repositories of a draft: what Applications name, one entry for each, with what a person needs to know to change it. Pure, like the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Seen, heading, quoted, written};
use crate::base::{Raw, Safe, counted};
use crate::domain::desired::{Address, WithPassword};
use crate::domain::names::AppKey;

/// How reading a repository went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It was read.
    Read,
    /// Not yet, and why.
    Later(Safe),
    /// Somebody has to do something first.
    Refused(Safe),
}

/// One repository.
#[derive(Default)]
struct Named<'a> {
    /// As the first Application writes it.
    url: Option<&'a Raw>,
    applications: BTreeSet<&'a AppKey>,
    revisions: BTreeSet<&'a str>,
    parameters: BTreeSet<&'a str>,
}

/// Revisions and values that are told of one repository.
const TOLD: usize = 4;
/// Applications of which it is told why their wanted version is not known.
const UNKNOWN: usize = 10;

pub(super) fn write(out: &mut String, seen: &Seen<'_>) {
    let named = named(seen);
    if named.is_empty() {
        return;
    }
    heading(out, "Gitops repositories: what git wants is read from these and no others. Without any, from the first eight that Applications name");
    let mut taken = BTreeSet::new();
    for (address, repository) in &named {
        let Some(url) = repository.url else { continue };
        let apart = WithPassword::read(url.as_wire());
        let shown = apart.as_ref().map_or(url.as_wire(), |apart| apart.url.as_str());
        let mut about = counted(repository.applications.len(), "application", "applications").to_string();
        if !repository.revisions.is_empty() {
            let _ = write!(about, " at {}", listed(&repository.revisions));
        }
        let mut entry = format!("[[repositories]]\nurl = {}   # {about}\n", quoted(shown));
        if !taken.insert(address.short_name()) {
            let _ = writeln!(entry, "name = {}   # another is called as the last part of this URL", quoted(address.0.as_wire()));
        }
        if apart.is_some() {
            entry.push_str("# Its password is left out: git's credential helper must have it.\n");
        }
        if !repository.parameters.is_empty() {
            let _ = writeln!(entry, "# Applications set helm values here: {}", listed(&repository.parameters));
        }
        let not_asked = || Reading::Refused(Safe::clean("it was not read: eight others were, or it has applications of applications only"));
        match seen.repositories.get(address).cloned().unwrap_or_else(not_asked) {
            Reading::Read => written(out, &entry, None),
            Reading::Later(why) => written(out, &format!("# Not read when this was written: {why}\n{entry}"), None),
            Reading::Refused(why) => written(out, &entry, Some(&why)),
        }
    }
    unknown(out, &seen.unknown);
}

/// Charts that name their images by keys of their own.
fn unknown(out: &mut String, unknown: &[(&AppKey, Safe)]) {
    if unknown.is_empty() {
        return;
    }
    out.push_str("\n# What git wants of these is not known:\n");
    for (key, why) in unknown.iter().take(UNKNOWN) {
        let _ = writeln!(out, "#   {}: {why}", key.name.shown());
    }
    if unknown.len() > UNKNOWN {
        let _ = writeln!(out, "#   … and {} more", unknown.len() - UNKNOWN);
    }
    out.push_str("# Where the values of a chart name an image by keys of their own:\n# [[gitops.images]]\n");
    out.push_str("# applications = [\"checkout-*\"]\n# image = \"ghcr.io/acme/checkout\"\n# tag = \"api.image.tag\"\n");
}

/// The repositories by what means them, however they are written. Charts come from Helm repositories, which are not read.
fn named<'a>(seen: &Seen<'a>) -> BTreeMap<Address, Named<'a>> {
    let mut all: BTreeMap<Address, Named<'a>> = BTreeMap::new();
    for (key, application) in &seen.applications {
        for origin in application.origins.iter().filter(|origin| origin.chart.is_none() && !origin.repository.is_empty()) {
            let repository = all.entry(Address::read(origin.repository.as_wire())).or_default();
            repository.url.get_or_insert(&origin.repository);
            repository.applications.insert(key);
            repository.revisions.extend(origin.target_revision.as_ref().map(Raw::as_wire));
            repository.parameters.extend(origin.parameters.iter().map(|(name, _)| name.as_wire()));
        }
    }
    all
}

fn listed(texts: &BTreeSet<&str>) -> Safe {
    let mut shown: Vec<&str> = texts.iter().copied().take(TOLD).collect();
    if texts.len() > TOLD {
        shown.push("…");
    }
    Safe::clean(&shown.join(", "))
}
