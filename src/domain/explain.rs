//! A placement in sentences, the most important first: what runs, how it is, what it waits for, what is not known and why. Pure; it knows no
//! screen and no key. "Degraded" alone is never the last word.

use std::fmt::{self, Write};

use crate::base::time::{Age, Silence, since};
use crate::base::{Safe, Timestamp, counted};
use crate::domain::application::Resource;
use crate::domain::canary::{Canary, Waits};
use crate::domain::fleet::{Fleet, Missed, Placement};
use crate::domain::health::{Health, Known, Sync};
use crate::domain::workload::RolloutPhase;

/// The time that words are measured from. It may be a little behind the clock, so that they stay the same for a while.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// What ages are measured from.
    pub ages: Timestamp,
    /// What silences are measured from.
    pub silences: Timestamp,
}

impl From<Timestamp> for Now {
    fn from(now: Timestamp) -> Self {
        Self { ages: now, silences: now }
    }
}

/// Writes what is to be said about a placement, in sentences whose subject, its name, stands before them.
pub fn placement(out: &mut impl Write, fleet: &Fleet, placement: &Placement, now: impl Into<Now>) -> fmt::Result {
    let Now { ages: now, silences } = now.into();
    if let Some(stale) = fleet.stale(placement, silences) {
        match stale.since {
            Some(at) if since(at, silences).as_secs() < 15 => write!(out, "last seen just now ({}), then: ", bare(&stale.why))?,
            Some(at) => write!(out, "last seen {} ago ({}), then: ", Silence(since(at, silences)), bare(&stale.why))?,
            None => write!(out, "not seen since the start ({}), known before: ", bare(&stale.why))?,
        }
    }
    match placement.versions.as_known() {
        Some(versions) => {
            for (index, version) in versions.iter().enumerate() {
                write!(out, "{}{}", if index == 0 { "" } else { " and " }, version.text.shown())?;
            }
            out.write_char(' ')?;
        }
        None => out.write_str("a version that is not known, ")?,
    }
    health(out, placement, now)?;
    if let Some(replicas) = placement.replicas.as_known() {
        write!(out, ", {}/{} ready", replicas.ready, replicas.desired)?;
        if replicas.updated < replicas.desired && placement.open_canary().is_none() {
            write!(out, ", {} of them new", replicas.updated)?;
        }
    }
    if let Some(at) = placement.deployed_at {
        write!(out, ", deployed {} ago", Age::of(at, now))?;
    }
    if let Some(open) = placement.open_canary() {
        canary(out, placement, open)?;
    }
    trouble(out, fleet, placement)?;
    git(out, fleet, placement)?;
    wanted(out, fleet, placement, now, silences)?;
    if let Known::Unknown(why) = &placement.versions {
        write!(out, " The version is not known: {}.", bare(&why.0))?;
    }
    if let Some(why) = &placement.unversioned {
        write!(out, " The version of a part of it is not known: {}.", bare(&why.0))?;
    }
    if let Known::Unknown(why) = &placement.replicas {
        write!(out, " Replicas are not known: {}.", bare(&why.0))?;
    }
    Ok(())
}

/// A message without the full stop that some of them bring along.
fn bare(message: &Safe) -> &str {
    message.as_str().trim_end_matches(['.', ' '])
}

fn health(out: &mut impl Write, placement: &Placement, now: Timestamp) -> fmt::Result {
    let age = placement.health_since.map(|at| Age::of(at, now));
    match (&placement.health, age) {
        (Health::Unknown(why), _) => write!(out, "of unknown health: {why}"),
        (health, Some(age)) => write!(out, "{} for {age}", health.word()),
        (health, None) => out.write_str(health.word()),
    }
}

fn canary(out: &mut impl Write, placement: &Placement, canary: &Canary) -> fmt::Result {
    let broken = canary.phase == RolloutPhase::Degraded;
    if canary.waits == Waits::Aborted {
        out.write_str("; the change")?;
        if let Some(version) = &placement.incoming {
            write!(out, " to {}", version.text.shown())?;
        }
        out.write_str(" was turned back: users are on the stable version, git still wants the new one")?;
    } else {
        out.write_str(if canary.has_steps() { "; canary" } else { "; a change" })?;
        if let Some(version) = &placement.incoming {
            write!(out, " {} {}", if canary.has_steps() { "of" } else { "to" }, version.text.shown())?;
        }
        if canary.has_steps() {
            match canary.weight_actual {
                Some(actual) => write!(out, " at {actual} % (asked {})", canary.weight_asked)?,
                None => write!(out, ", asked for {} %", canary.weight_asked)?,
            }
            write!(out, ", step {} of {}", (canary.step + 1).min(canary.steps), canary.steps)?;
        }
        match &canary.waits {
            _ if broken => out.write_str(", does not move on")?,
            Waits::Person => out.write_str(", waits for a person")?,
            Waits::Until(moment) => write!(out, ", paused until {}", moment.strftime("%H:%MZ"))?,
            Waits::Analysis => out.write_str(", an analysis measures it")?,
            Waits::Nothing | Waits::Aborted => out.write_str(", on its way")?,
        }
    }
    if broken && !canary.message.is_empty() { write!(out, " ({})", canary.message) } else { Ok(()) }
}

/// What is wrong or outstanding, in the words of whoever is nearest to it.
fn trouble(out: &mut impl Write, fleet: &Fleet, placement: &Placement) -> fmt::Result {
    let worst = worst_resource(fleet, placement);
    match (&placement.stuck, &placement.waiting, &placement.health) {
        (Some(what), _, _) | (None, Some(what), _) => write!(out, ": {}.", bare(what))?,
        (None, None, Health::Degraded | Health::Missing) if worst.is_none() && placement.open_canary().is_none() => {
            out.write_str(". Argo CD's summary does not say why: its resources do, when it is opened.")?;
        }
        _ => out.write_char('.')?,
    }
    match worst {
        Some((resource, Some(message))) => write!(out, " {} {}: {}.", resource.kind.shown(), resource.name.shown(), bare(message)),
        Some((resource, None)) => write!(out, " {} {} is at fault.", resource.kind.shown(), resource.name.shown()),
        None => Ok(()),
    }
}

/// The resource that Argo CD finds broken, where its detail was read.
fn worst_resource<'a>(fleet: &'a Fleet, placement: &Placement) -> Option<(&'a Resource, Option<&'a Safe>)> {
    if !matches!(placement.health, Health::Degraded | Health::Missing) {
        return None;
    }
    let details = placement.parts.iter().filter_map(|part| fleet.detail(&part.app));
    let mut broken = details
        .flat_map(|entry| &entry.value.resources)
        .filter(|resource| matches!(resource.health, Known::Known(Some(Health::Degraded | Health::Missing))));
    broken.next().map(|resource| (resource, resource.message.as_ref()))
}

/// How it stands to git.
fn git(out: &mut impl Write, fleet: &Fleet, placement: &Placement) -> fmt::Result {
    if placement.syncing {
        out.write_str(" A sync runs.")?;
    }
    if placement.operation_failed {
        let details = placement.parts.iter().filter_map(|part| fleet.detail(&part.app));
        let said = details.filter_map(|entry| entry.value.operation.as_ref()).map(|operation| &operation.message).find(|message| !message.is_empty());
        match said {
            Some(message) => write!(out, " The last sync failed: {}.", bare(message))?,
            None => out.write_str(" The last sync failed.")?,
        }
    }
    match &placement.sync {
        Sync::Synced => Ok(()),
        Sync::OutOfSync if placement.syncing => Ok(()),
        Sync::OutOfSync => out.write_str(" The cluster differs from git."),
        Sync::Unknown(why) => write!(out, " Not compared with git: {}.", bare(&why.0)),
    }
}

/// What git wants, where that is not what runs, and how far it is behind the environment before it.
fn wanted(out: &mut impl Write, fleet: &Fleet, placement: &Placement, now: Timestamp, silences: Timestamp) -> fmt::Result {
    let Some(wanted) = &placement.wanted else { return Ok(()) };
    if let Some(stale) = fleet.wanted_stale(placement) {
        let age = stale.since.map(|at| Silence(since(at, silences)));
        match age {
            Some(age) => write!(out, " Git was last read {age} ago ({}).", bare(&stale.why))?,
            None => write!(out, " Git was not read since the start ({}).", bare(&stale.why))?,
        }
    }
    if let Known::Unknown(why) = &wanted.versions {
        write!(out, " What git wants is not known: {}.", bare(&why.0))?;
    }
    if let Some(versions) = placement.wants_another() {
        out.write_str(" Git wants ")?;
        for (index, version) in versions.iter().enumerate() {
            write!(out, "{}{}", if index == 0 { "" } else { " and " }, version.text.shown())?;
        }
        if let Some(commit) = &wanted.commit {
            write!(out, " for {} ({} by {})", Age::of(commit.at, now), commit.short(), commit.author)?;
        }
        out.write_char('.')?;
    }
    if let Some(what) = &wanted.overridden {
        write!(out, " {what} overrides the file.")?;
    }
    if let Some(remark) = &wanted.remark {
        write!(out, " {}.", bare(remark))?;
    }
    let Some(behind) = &placement.behind else { return Ok(()) };
    let from = behind.from.shown();
    match &behind.missed {
        Missed::Steps(_) => match behind.count() {
            None | Some(0) => Ok(()),
            Some(count) => {
                write!(out, " {} behind {from}:", counted(count, "version", "versions"))?;
                behind.versions().try_for_each(|version| write!(out, " {}", version.text.shown()))?;
                out.write_char('.')
            }
        },
        Missed::Never => write!(out, " {from} never had this version."),
        Missed::Unread => write!(out, " How far it is behind {from} is not known: that lies further back than history was read."),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::Raw;
    use crate::base::time::later;
    use crate::domain::image::Image;
    use crate::domain::version::Version;
    use crate::domain::workload::Replicas;
    use crate::domain::{ClusterName, Why};

    const T0: Timestamp = Timestamp::UNIX_EPOCH;

    fn version(tag: &str) -> Version {
        Version::of_image(&Image { repository: Raw::from("acme/checkout"), tag: Some(Raw::from(tag)), digest: None })
    }

    fn healthy() -> Placement {
        Placement {
            name: "eu".into(),
            parts: Vec::new(),
            versions: Known::Known(vec![version("2.14.2")]),
            unversioned: None,
            incoming: None,
            health: Health::Healthy,
            health_since: Some(T0),
            sync: Sync::Synced,
            syncing: false,
            operation_failed: false,
            replicas: Known::Known(Replicas { desired: 10, current: 10, updated: 10, ready: 10, available: 10 }),
            stuck: None,
            waiting: None,
            canary: None,
            wanted: None,
            behind: None,
            deployed_at: None,
            cluster: Known::Known(ClusterName::from("prod-eu")),
            namespace: "shop".into(),
        }
    }

    fn canary(waits: Waits) -> Canary {
        let empty = || Box::from([]);
        Canary {
            phase: if waits == Waits::Aborted { RolloutPhase::Degraded } else { RolloutPhase::Paused },
            message: Safe::clean("RolloutAborted: metric error-rate failed"),
            step: 2,
            steps: 9,
            weight_asked: 25,
            weight_actual: Some(27),
            waits,
            stable: empty(),
            canary: empty(),
            settled: false,
        }
    }

    #[test]
    fn a_placement_in_sentences() {
        let incoming = || Some(version("2.14.3"));
        let unknown = || Known::unknown("no workload in cluster prod carries its mark");
        let scaled = |ready, updated| Known::Known(Replicas { desired: 10, current: 10, updated, ready, available: ready });
        for (placement, expected) in [
            (healthy(), "2.14.2 healthy for 3d, 10/10 ready."),
            (Placement { versions: Known::Known(vec![version("1"), version("2")]), ..healthy() }, "1 and 2 healthy for 3d, 10/10 ready."),
            (
                Placement { unversioned: Some(Why::new("two images fit")), ..healthy() },
                "2.14.2 healthy for 3d, 10/10 ready. The version of a part of it is not known: two images fit.",
            ),
            (
                Placement { health: Health::Degraded, replicas: scaled(4, 6), stuck: Some(Safe::clean("ImagePullBackOff.")), ..healthy() },
                "2.14.2 degraded for 3d, 4/10 ready, 6 of them new: ImagePullBackOff.",
            ),
            (
                Placement { health: Health::Degraded, ..healthy() },
                "2.14.2 degraded for 3d, 10/10 ready. Argo CD's summary does not say why: its resources do, when it is opened.",
            ),
            (
                Placement { replicas: unknown(), ..healthy() },
                "2.14.2 healthy for 3d. Replicas are not known: no workload in cluster prod carries its mark.",
            ),
            (
                Placement { versions: Known::unknown("two images fit"), health: Health::Unknown(Why::new("not assessed")), ..healthy() },
                "a version that is not known, of unknown health: not assessed, 10/10 ready. The version is not known: two images fit.",
            ),
            (
                Placement { canary: Some(Box::new(canary(Waits::Person))), incoming: incoming(), ..healthy() },
                "2.14.2 healthy for 3d, 10/10 ready; canary of 2.14.3 at 27 % (asked 25), step 3 of 9, waits for a person.",
            ),
            (
                Placement { canary: Some(Box::new(canary(Waits::Until(later(T0, Duration::from_mins(61)))))), ..healthy() },
                "2.14.2 healthy for 3d, 10/10 ready; canary at 27 % (asked 25), step 3 of 9, paused until 01:01Z.",
            ),
            (
                Placement { canary: Some(Box::new(Canary { steps: 0, ..canary(Waits::Person) })), incoming: incoming(), ..healthy() },
                "2.14.2 healthy for 3d, 10/10 ready; a change to 2.14.3, waits for a person.",
            ),
            (
                Placement { canary: Some(Box::new(canary(Waits::Aborted))), incoming: incoming(), health: Health::Degraded, ..healthy() },
                "2.14.2 degraded for 3d, 10/10 ready; the change to 2.14.3 was turned back: users are on the stable version, git still wants the \
                 new one (RolloutAborted: metric error-rate failed).",
            ),
            (
                Placement { sync: Sync::OutOfSync, operation_failed: true, ..healthy() },
                "2.14.2 healthy for 3d, 10/10 ready. The last sync failed. The cluster differs from git.",
            ),
            (Placement { sync: Sync::OutOfSync, syncing: true, ..healthy() }, "2.14.2 healthy for 3d, 10/10 ready. A sync runs."),
        ] {
            let mut words = String::new();
            super::placement(&mut words, &Fleet::default(), &placement, later(T0, Duration::from_hours(72))).unwrap();
            assert_eq!(words, expected);
        }
    }
}
