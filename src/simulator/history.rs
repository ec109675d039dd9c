//! A believable past of a gitops repository: two to three weeks of promotions by a handful of people that end in exactly what the definition says.
//! The same seed makes the same past. It knows nothing of git.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;

use super::definition::{Definition, Layout};
use super::layout::{application_files, files};
use super::repository::Author;
use super::versions;

/// The people of a team's world: name and address.
pub(super) const PEOPLE: &[(&str, &str)] = &[
    ("Ana Duarte", "ana@acme.example"),
    ("Li Wei", "li@acme.example"),
    ("Jonas Brandt", "jonas@acme.example"),
    ("Priya Nair", "priya@acme.example"),
    ("Tomasz Zielinski", "tomasz@acme.example"),
    ("Sofia Rossi", "sofia@acme.example"),
    ("Emeka Obi", "emeka@acme.example"),
];
/// Who moves versions into the first environment.
pub(super) const PIPELINE: (&str, &str) = ("pipeline", "ci@acme.example");

/// At most so many promotions: a past is read by people.
const PROMOTIONS: usize = 66;
const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

const WORK: &[&str] = &[
    "keep payment methods between visits",
    "fix rounding in totals",
    "retry the processor once on a reset connection",
    "show delivery dates in the customer's time zone",
    "drop the old search index",
    "read replicas for the order history",
    "shorter timeouts towards the warehouse",
    "log the reason of a refused voucher",
    "fix the double click on pay",
    "warm the cache before taking traffic",
    "update the base image",
    "a smaller bundle for the start page",
    "count returns in the stock of the same day",
    "feature flag for saved baskets",
    "do not send a mail twice after a restart",
    "a limit for the size of a wish list",
];

/// One commit of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PastCommit {
    pub(super) files: Vec<(String, Option<Vec<u8>>)>,
    /// Whose files they are; nothing where all have them.
    pub(super) environment: Option<String>,
    pub(super) author: Author,
    /// How long before the world began to move.
    pub(super) when_before_start: Duration,
    pub(super) message: String,
}

/// What a promotion says of itself in its first line.
pub(super) fn promotion(environment: &str, application: &str, version: &str) -> String {
    format!("promote({environment}): {application} → {version}")
}

/// One of the people, by name or number.
pub(super) fn author((name, email): (&str, &str)) -> Author {
    Author { name: name.to_owned(), email: email.to_owned() }
}

/// Something that changed one application: before the start by so many seconds.
struct Event {
    before: f64,
    application: usize,
    change: Change,
    author: (&'static str, &'static str),
    message: String,
}

enum Change {
    /// Workload, key of its versions, tag.
    Version(usize, String, String),
    /// Workload, environment, pods.
    Replicas(usize, String, u32),
}

/// The past of a definition, oldest first. Its last state is [`files`] of the same definition, with the same `steps`.
pub(super) fn history(definition: &Definition, steps: &dyn Fn(Duration) -> Duration, seed: u64) -> Vec<PastCommit> {
    let mut rng = Rng::with_seed(seed);
    let mut past = definition.clone();
    let mut events = Vec::new();
    let mut order: Vec<usize> = (0..definition.applications.len()).collect();
    rng.shuffle(&mut order);
    // First the ways that the versions of today have gone, then, while there is room, one version before them.
    for earlier in [false, true] {
        for application in &order {
            promotions(definition, &mut past, *application, earlier, &mut events, &mut rng);
        }
    }
    scaled(definition, &mut past, &order, &mut events, &mut rng);
    reverted(definition, &order, &mut events, &mut rng);
    events.sort_by(|one, other| other.before.total_cmp(&one.before));

    let import: Vec<_> = files(&past, steps).into_iter().map(|(path, bytes)| (path, Some(bytes))).collect();
    let mut commits = vec![PastCommit {
        files: import,
        environment: None,
        author: author(person(&mut rng)),
        when_before_start: Duration::from_secs_f64(21.0 * DAY),
        message: "Import the manifests of all teams\n\nPLAT-101 one repository, one way to production\n".to_owned(),
    }];
    for event in events {
        let Some(application) = past.applications.get_mut(event.application) else { continue };
        let before = application.clone();
        let (Change::Version(_, key, _) | Change::Replicas(_, key, _)) = &event.change;
        let environment = key.split('/').next().map(str::to_owned);
        match event.change {
            Change::Version(workload, key, tag) => {
                application.workloads.get_mut(workload).map(|workload| workload.versions.insert(key, tag));
            }
            Change::Replicas(workload, key, replicas) => {
                application.workloads.get_mut(workload).map(|workload| workload.replicas.insert(key, replicas));
            }
        }
        let Some(application) = past.applications.get(event.application) else { continue };
        let old = application_files(&past, &before, steps);
        let changed = application_files(&past, application, steps).into_iter().filter(|(path, bytes)| old.get(path) != Some(bytes));
        let files: Vec<_> = changed.map(|(path, bytes)| (path, Some(bytes))).collect();
        if !files.is_empty() {
            let when_before_start = Duration::from_secs_f64(event.before);
            commits.push(PastCommit { files, environment, author: author(event.author), when_before_start, message: event.message });
        }
    }
    commits
}

fn person(rng: &mut Rng) -> (&'static str, &'static str) {
    PEOPLE.get(rng.usize(..PEOPLE.len())).copied().unwrap_or(PIPELINE)
}

/// Which issues a version brought.
fn issues(rng: &mut Rng) -> String {
    let lines =
        (0..=rng.usize(..2)).map(|_| format!("SHOP-{} {}\n", 380 + rng.u32(..60), WORK.get(rng.usize(..WORK.len())).copied().unwrap_or_default()));
    lines.collect()
}

/// The keys of a workload's versions in the order in which a version reaches them.
fn stages(definition: &Definition, versions: &BTreeMap<String, String>) -> Vec<String> {
    let rank = |key: &str| {
        let name = key.split('/').next().unwrap_or(key);
        definition.environments.iter().position(|environment| environment.name == name).unwrap_or(usize::MAX)
    };
    let mut keys: Vec<String> = versions.keys().cloned().collect();
    keys.sort_by_key(|key| rank(key));
    keys
}

/// Sets an application's versions back and writes down how they came to be what they are.
fn promotions(definition: &Definition, past: &mut Definition, number: usize, earlier: bool, events: &mut Vec<Event>, rng: &mut Rng) {
    let Some(application) = definition.applications.get(number) else { return };
    for (place, workload) in application.workloads.iter().enumerate() {
        let stages = stages(definition, &workload.versions);
        // From the version of the last stage up to that of the first, each once.
        let mut chain: Vec<String> = Vec::new();
        for tag in stages.iter().rev().filter_map(|stage| workload.versions.get(stage)) {
            if !chain.contains(tag) {
                chain.push(tag.clone());
            }
        }
        let Some(oldest) = chain.first().cloned() else { continue };
        let (chain, base, span) =
            if earlier { (vec![oldest.clone()], versions::previous(&oldest), 11.0..19.0) } else { (chain.split_off(1), oldest, 0.1..10.0) };
        let count: usize = chain.iter().map(|tag| stages.iter().filter(|stage| reaches(&workload.versions, stage, tag, &stages)).count()).sum();
        if count == 0 || events.len() + count > PROMOTIONS {
            continue;
        }
        for stage in &stages {
            let tag = past
                .applications
                .get_mut(number)
                .and_then(|application| application.workloads.get_mut(place))
                .and_then(|it| it.versions.get_mut(stage));
            if let Some(tag) = tag {
                tag.clone_from(&base);
            }
        }
        // Each version has its own part of the time, and goes through the stages within it.
        let span_each = (span.end - span.start) * DAY / f64::from(u32::try_from(chain.len()).unwrap_or(1));
        let mut begin = span.end * DAY - rng.f64() * span_each * 0.4;
        for tag in &chain {
            let released = issues(rng);
            let mut before = begin;
            for (depth, stage) in stages.iter().enumerate().filter(|(_, stage)| reaches(&workload.versions, stage, tag, &stages)) {
                let environment = stage.replace('/', "-");
                let by = if depth == 0 { PIPELINE } else { person(rng) };
                let message = format!("{}\n\n{released}", promotion(&environment, workload.name(application), tag));
                let change = Change::Version(place, stage.clone(), tag.clone());
                events.push(Event { before, application: number, change, author: by, message });
                before -= span_each * 0.5 / f64::from(u32::try_from(stages.len()).unwrap_or(1)) * (0.3 + 0.7 * rng.f64());
            }
            begin -= span_each;
            begin = begin.max(0.4 * HOUR);
        }
    }
}

/// Whether a version came as far as this stage: it is there, or a stage from here on has it or had it before what it has now.
fn reaches(versions: &BTreeMap<String, String>, stage: &str, tag: &str, stages: &[String]) -> bool {
    let there = |stage: &String| versions.get(stage).is_some_and(|version| version == tag);
    let from_here = stages.iter().skip_while(|one| *one != stage);
    from_here.into_iter().any(there)
}

/// Two workloads got more pods where most people are.
fn scaled(definition: &Definition, past: &mut Definition, order: &[usize], events: &mut Vec<Event>, rng: &mut Rng) {
    let Some(last) = definition.environments.last() else { return };
    let mut left = 2;
    for number in order {
        let (Some(application), Some(then)) = (definition.applications.get(*number), past.applications.get_mut(*number)) else { continue };
        let (Some(workload), Some(before)) = (application.workloads.first(), then.workloads.first_mut()) else { continue };
        let Some(replicas) = workload.replicas.get(&last.name).copied().filter(|replicas| *replicas >= 4) else { continue };
        before.replicas.insert(last.name.clone(), replicas - 2);
        let name = workload.name(application);
        events.push(Event {
            before: (6.0 + f64::from(left)) * DAY - rng.f64() * 5.0 * HOUR,
            application: *number,
            change: Change::Replicas(0, last.name.clone(), replicas),
            author: person(rng),
            message: format!("{name}: {replicas} pods in {} for the autumn sale\n\nSHOP-{}\n", last.name, 370 + left),
        });
        left -= 1;
        if left == 0 {
            return;
        }
    }
}

/// One version went on too early and was taken back within the hour.
fn reverted(definition: &Definition, order: &[usize], events: &mut Vec<Event>, rng: &mut Rng) {
    let busy: BTreeSet<usize> = events.iter().filter(|event| event.before < 1.6 * DAY).map(|event| event.application).collect();
    let Some(last) = definition.environments.last() else { return };
    let suits = |number: &&usize| {
        let application = definition.applications.get(**number);
        application.is_some_and(|it| {
            it.layout != Layout::Applications && it.workloads.first().is_some_and(|workload| workload.versions.contains_key(&last.name))
        })
    };
    let calm = order.iter().filter(suits).find(|number| !busy.contains(number));
    let Some(number) = calm else { return };
    let Some((application, workload)) = definition.applications.get(*number).and_then(|it| Some((it, it.workloads.first()?))) else { return };
    let Some(tag) = workload.versions.get(&last.name) else { return };
    let (name, too_early) = (workload.name(application), versions::next(tag));
    let first_line = promotion(&last.name, name, &too_early);
    let by = person(rng);
    let mut event = |before: f64, tag: &str, message: String| {
        let change = Change::Version(0, last.name.clone(), tag.to_owned());
        events.push(Event { before, application: *number, change, author: by, message });
    };
    event(1.2 * DAY, &too_early, format!("{first_line}\n\nSHOP-409 {}\n", WORK.first().copied().unwrap_or_default()));
    event(1.2 * DAY - 0.6 * HOUR, tag, format!("Revert \"{first_line}\"\n\nErrors on every third request within ten minutes, INC-38.\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::simulator::library;
    use crate::simulator::repository::{MAIN, Repository};

    #[test]
    fn every_past_ends_in_the_files_of_today() {
        for (scenario, least) in [("lab", 20), ("busy-morning", 30), ("two-argocds", 10), ("fleet", 30)] {
            let (_, definition) = library::load(scenario).unwrap();
            let steps = |length: Duration| length / 2;
            let past = history(&definition, &steps, 7);
            assert!((least..=81).contains(&past.len()), "{scenario}: {} commits", past.len());
            assert!(past.is_sorted_by(|one, other| one.when_before_start >= other.when_before_start));
            let mut now = BTreeMap::new();
            for commit in &past {
                for (path, bytes) in &commit.files {
                    let before = now.insert(path.clone(), bytes.clone().unwrap());
                    assert_ne!(before.as_ref(), bytes.as_ref(), "{scenario}: {path} is not changed by {}", commit.message);
                }
            }
            let wanted = files(&definition, &steps);
            for (path, bytes) in &wanted {
                assert_eq!(now.get(path).map(|bytes| String::from_utf8_lossy(bytes)), Some(String::from_utf8_lossy(bytes)), "{scenario}: {path}");
            }
            assert_eq!(now.len(), wanted.len());
            assert_eq!(past, history(&definition, &steps, 7), "the same seed, the same past");
            assert_eq!(past.iter().filter(|commit| commit.message.starts_with("Revert")).count(), 1, "{scenario}");
        }
    }

    #[test]
    fn a_past_makes_a_sound_repository() {
        let (_, definition) = library::load("busy-morning").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::create(&folder.path().join("gitops.git")).unwrap();
        let start = Timestamp::from_second(1_790_000_000).unwrap();
        for commit in history(&definition, &|length| length, 7) {
            repository.commit(MAIN, &commit.files, &commit.author, start - commit.when_before_start, &commit.message).unwrap();
        }
        let log = repository.log(&repository.head(MAIN).unwrap(), None, 100).unwrap();
        for revision in &log {
            println!("{} {:18} {}", revision.when, revision.author.name, revision.message.lines().next().unwrap());
        }
        assert!(log.iter().any(|revision| revision.author.name == "Ana Duarte"));
        for (path, bytes) in files(&definition, &|length| length) {
            assert_eq!(repository.read(&log[0].id, &path).unwrap(), Some(bytes), "{path}");
        }
    }
}
