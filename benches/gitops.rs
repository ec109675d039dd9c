//! What the history of a large gitops repository costs: the first reading, the reading of what is on disk, and the memory that it takes; and
//! what a commit and its push cost there.
//! `cargo bench --bench gitops`, or with other sizes: `cargo bench --bench gitops -- COMMITS SERVICES`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark: what cannot be set up fails it, and it takes the time"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use tiphys::base::{Epoch, OperationId, Raw, Timestamp};
use tiphys::domain::application::{Application, Automation, Destination, Origin, Shape};
use tiphys::domain::desired::{Address, Desired, ValueKeys, Wish};
use tiphys::domain::fleet::Fleet;
use tiphys::domain::image::Image;
use tiphys::domain::landscape::{Environment, Landscape};
use tiphys::domain::mapping::Mapping;
use tiphys::domain::observation::{Items, Observation, Report, ReportBody, Scope, SourceState};
use tiphys::domain::template::Template;
use tiphys::domain::{AppKey, ArgocdName, EnvironmentName, Health, Namespace, ServiceName, SourceId, Sync};
use tiphys::gitops::push::{File, Goal, Limits, Outcome, Person, Proposal, push};
use tiphys::gitops::{Mirror, Opened, Reader, Remote, prepare};
use tiphys::manifest::prepared::{Asked, Subject};
use tiphys::operations::{self, Read, Request, debt, others};

const ENVIRONMENTS: [&str; 5] = ["dev", "test", "staging", "production-eu", "production-us"];
/// Files that one service has beside its overlays.
const BASE: [&str; 3] = ["kustomization.yaml", "rollout.yaml", "service.yaml"];

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let (commits, services) = (numbers.first().copied().unwrap_or(50_000), numbers.get(1).copied().unwrap_or(1_000));
    let folder = tempfile::tempdir().unwrap();
    let origin = folder.path().join("origin.git");
    let files = build(&origin, commits, services);
    println!("{commits} commits, {files} files, {} applications", services * ENVIRONMENTS.len());

    let url = format!("file://{}", origin.display());
    let mirror = Mirror::of(&folder.path().join("mirrors"), &Address::read(&url));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let remote = Remote::new(&url, true);
    let fetch = || runtime.block_on(async { remote.fetch(mirror.folder()).await.unwrap() });
    mirror.make().unwrap();
    timed("first fetch (git's own)", fetch);
    timed("fetch of nothing new", fetch);

    let before = resident();
    let mut reader = asked(&mirror, &url, services);
    let early = timed("cold: the present of all applications", || reader.early().unwrap());
    let answers = timed("cold: index and all histories", || reader.read().unwrap());
    let changes: usize = answers.iter().map(|(_, desired)| desired.history.len()).sum();
    println!("{} answers, then {} with {changes} changes", early.len(), answers.len());
    drop((early, answers));
    println!("resident: {} MB more, {} MB at most in this process", resident().saturating_sub(before) / 1024, peak() / 1024);
    drop(reader);

    let mut reader = asked(&mirror, &url, 0);
    timed("warm: index from disk", || reader.read().unwrap());
    let mut reader = asked(&mirror, &url, services);
    timed("warm: index from disk and all histories", || reader.read().unwrap());
    timed("nothing new", || reader.read().unwrap());
    commit(&origin, "apps/svc-00001/overlays/dev", "9.9.9");
    fetch();
    let answers = timed("one commit", || {
        reader.fetched(Timestamp::UNIX_EPOCH).unwrap();
        reader.read().unwrap()
    });
    assert_eq!(answers.len(), 1, "only what it touched is told");
    println!("index on disk: {} KB", std::fs::metadata(mirror.index()).unwrap().len() / 1024);
    let proposal = Arc::new(proposed(&mirror));
    let limits = Limits::default();
    let opened = [Opened { name: Raw::from("gitops"), mirror: mirror.clone(), addresses: vec![Address::read(&url)] }];
    let wanted = planned(&url, services);
    let read = timed("what a plan for one application needs", || prepare(&wanted, &opened, &ValueKeys::default(), Timestamp::UNIX_EPOCH).unwrap());
    assert!(read.unread.is_empty() && read.applications.len() == 1);
    plans(&mut asked(&mirror, &url, services), (&url, services), &opened);
    let outcome = timed("commit and push, read back", || runtime.block_on(async { push(&remote, &mirror, &proposal, limits).await }));
    assert!(matches!(outcome, Outcome::Pushed { .. }), "{outcome:?}");
    let outcome = timed("the same operation again", || runtime.block_on(async { push(&remote, &mirror, &proposal, limits).await }));
    assert!(matches!(outcome, Outcome::AlreadyThere { .. }), "{outcome:?}");
}

/// A promotion planned among all applications, and the open ends of all of them counted, each as often as it takes to tell.
fn plans(reader: &mut Reader, (url, services): (&str, usize), opened: &[Opened]) {
    let now = Timestamp::from_second(1_800_000_060).unwrap();
    let fleet = fleet(reader.read().unwrap(), (url, services), now);
    let request = Request::Promote {
        service: ServiceName::from("svc-00002"),
        from: None,
        to: EnvironmentName::from("staging"),
        version: None,
        placements: None,
        hotfix: false,
        waves: false,
    };
    let wanted = operations::asked(&request, &fleet, now).unwrap();
    let files = timed("what a promotion needs, read", || prepare(&wanted, opened, &ValueKeys::default(), now).unwrap());
    let read = Read::from(files);
    let plan = operations::plan(&request, &fleet, &read, now).unwrap_or_else(|refusal| panic!("{}", refusal.sentence()));
    assert_eq!(plan.files().len(), 1, "{plan:?}");
    percentiles("what to read for a plan, of all applications", || operations::asked(&request, &fleet, now).unwrap());
    percentiles("the plan", || operations::plan(&request, &fleet, &read, now).unwrap());
    percentiles("open ends of all", || (debt::of(&fleet, now), others::of(&fleet, now)));
}

/// All applications as Argo CD tells them, with what git wants of each. The first environments run a newer version of one service.
fn fleet(answers: Vec<(AppKey, Desired)>, (url, services): (&str, usize), now: Timestamp) -> Fleet {
    let environment = |(place, name): (usize, &&str)| Environment {
        name: EnvironmentName::from(*name),
        from: place.checked_sub(1).and_then(|before| ENVIRONMENTS.get(before)).map(|before| EnvironmentName::from(*before)).into_iter().collect(),
        ..Environment::default()
    };
    let names = vec![Template::parse("{service}-{environment}").unwrap()];
    let environments = ENVIRONMENTS.iter().enumerate().map(environment).collect();
    let mut fleet = Fleet::new(Landscape::new(environments, Mapping { names, ..Mapping::default() }).unwrap());
    // What git wants runs, as far as it says.
    let wants: BTreeMap<AppKey, Vec<Image>> =
        answers.iter().filter_map(|(key, desired)| Some((key.clone(), desired.images.as_known()?.to_vec()))).collect();
    let all = (0..services).flat_map(|service| ENVIRONMENTS.map(|environment| (service, environment)));
    let applications = all.map(|(service, environment)| {
        let (key, origins) = named(url, service, environment);
        let images = wants.get(&key).cloned().unwrap_or_default();
        (key, application(environment, images, origins))
    });
    let (argocd, repository) = (SourceId::argocd(&"main".into()), SourceId::repository(Raw::from("gitops")));
    let listed = Observation::Listed { scope: Scope::Applications, items: Items::Applications(applications.collect()), version: None };
    let read = Observation::Page { items: Items::Desired(answers), version: None };
    for (source, scope, observation) in [(argocd, Scope::Applications, listed), (repository, Scope::Desired, read)] {
        fleet.connect(source.clone(), Epoch(1), now);
        for body in [ReportBody::Observed(observation), ReportBody::State(scope, SourceState::Live)] {
            fleet.apply(Report { source: source.clone(), epoch: Epoch(1), at: now, body });
        }
    }
    fleet
}

fn application(environment: &str, images: Vec<Image>, origins: Box<[Origin]>) -> Application {
    Application {
        project: Raw::from("default"),
        labels: Box::default(),
        annotations: Box::default(),
        destination: Destination { server: Some(Raw::from("https://kubernetes.default.svc")), name: None, namespace: Namespace::from(environment) },
        origins,
        health: Health::read("Healthy"),
        health_since: Some(Timestamp::UNIX_EPOCH),
        sync: Sync::Synced,
        revisions: Box::default(),
        images: images.into(),
        operation: None,
        deployed_at: Some(Timestamp::UNIX_EPOCH),
        reconciled_at: None,
        frozen: true,
        automation: Automation { enabled: true, ..Automation::default() },
        deleting: false,
        shape: Shape::Plain,
    }
}

/// The median and the slowest but one of a hundred, after three that do not count.
fn percentiles<T>(what: &str, mut run: impl FnMut() -> T) {
    let mut took: Vec<_> = (0..103)
        .map(|_| {
            let began = Instant::now();
            drop(std::hint::black_box(run()));
            began.elapsed()
        })
        .skip(3)
        .collect();
    took.sort();
    println!("{what}: p50 {:?}, p99 {:?}", took.get(49).unwrap(), took.get(98).unwrap());
}

/// What a plan for one application asks for: its files, and which of all others render them.
fn planned(url: &str, services: usize) -> Asked {
    let all = (0..services).flat_map(|service| ENVIRONMENTS.map(|environment| (service, environment)));
    let mut others: Vec<(AppKey, Box<[Origin]>)> = all.map(|(service, environment)| named(url, service, environment)).collect();
    let (app, origins) = others.remove(0);
    Asked { subjects: vec![Subject { app, origins, synced: Box::default(), then: Box::default() }], others, ..Asked::default() }
}

/// Moves the tag of a service on the head that the mirror has.
fn proposed(mirror: &Mirror) -> Proposal {
    let git = mirror.open().unwrap();
    let (branch, path) = ("refs/heads/main", path(2, "dev"));
    let head = git.find_reference(branch).unwrap().peel_to_commit().unwrap();
    let blob = head.tree().unwrap().get_path(Path::new(&path)).unwrap().id();
    Proposal {
        goal: Goal {
            branch: Raw::from(branch),
            head: Raw::from(head.id().to_string()),
            beside: None,
            operation: OperationId::read("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f").unwrap(),
        },
        files: vec![File {
            path: Raw::from(path.as_str()),
            blob: Some(Raw::from(blob.to_string())),
            bytes: Arc::from(kustomization(2, "9.9.9").as_bytes()),
        }],
        preconditions: Vec::new(),
        message: "promote(dev): svc-00002 9.9.9\n".to_owned(),
        author: Some(Person { name: "Ana".to_owned(), email: "ana@acme.example".to_owned() }),
    }
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = run();
    println!("{what}: {:.3} s", began.elapsed().as_secs_f64());
    result
}

fn asked(mirror: &Mirror, url: &str, services: usize) -> Reader {
    let mut reader = Reader::new(Raw::from("gitops"), mirror.clone(), vec![Address::read(url)], ValueKeys::default());
    let wish = |service: usize, environment: &str| {
        let (key, origins) = named(url, service, environment);
        (key, Some(Wish { origins, revisions: Box::default() }))
    };
    reader.ask((0..services).flat_map(|service| ENVIRONMENTS.map(|environment| wish(service, environment))).collect());
    reader
}

/// An application, and where its files lie.
fn named(url: &str, service: usize, environment: &str) -> (AppKey, Box<[Origin]>) {
    let path = Raw::from(path(service, environment).trim_end_matches("/kustomization.yaml"));
    let origin = Origin { repository: Raw::from(url), path: Some(path), target_revision: Some(Raw::from("main")), ..Origin::default() };
    let name = Raw::from(format!("svc-{service:05}-{environment}"));
    (AppKey { argocd: ArgocdName::from("main"), namespace: Namespace::from("argocd"), name }, Box::new([origin]))
}

/// A repository as pipelines make it: one commit moves one tag.
fn build(folder: &Path, commits: usize, services: usize) -> usize {
    assert!(Command::new("git").args(["init", "--quiet", "--bare", "--initial-branch=main"]).arg(folder).status().unwrap().success());
    let mut child = Command::new("git").args(["fast-import", "--quiet"]).current_dir(folder).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = std::io::BufWriter::new(child.stdin.take().unwrap());
    let mut files = 0;
    let mut first = String::new();
    for service in 0..services {
        for name in BASE {
            let text = match name {
                "kustomization.yaml" => "resources: [rollout.yaml, service.yaml]\n".to_owned(),
                "rollout.yaml" => format!(
                    "kind: Rollout\nmetadata: {{name: svc-{service:05}}}\nspec:\n  template:\n    spec:\n      containers:\n        - name: proxy\n          image: envoy:1.30\n        - name: svc\n          image: svc-{service:05}\n"
                ),
                _ => format!("kind: Service\nmetadata: {{name: svc-{service:05}}}\n"),
            };
            add(&mut first, &format!("apps/svc-{service:05}/base/{name}"), &text);
            files += 1;
        }
        for environment in ENVIRONMENTS {
            add(&mut first, &path(service, environment), &kustomization(service, "1.0.0"));
            for extra in ["patch-a.yaml", "patch-b.yaml"] {
                add(&mut first, &format!("apps/svc-{service:05}/overlays/{environment}/{extra}"), "kind: Rollout\nmetadata: {name: x}\n");
                files += 1;
            }
            files += 1;
        }
    }
    write!(input, "commit refs/heads/main\ncommitter Ana <ana@acme.example> 1600000000 +0000\n{}{first}\n", data("import")).unwrap();
    for number in 1..commits {
        let (service, environment) = (number * 7919 % services, ENVIRONMENTS.get(number % ENVIRONMENTS.len()).unwrap());
        let mut change = String::new();
        add(&mut change, &path(service, environment), &kustomization(service, &format!("1.{}.{}", number / 1000, number % 1000)));
        let message = data(&format!("promote({environment}): svc-{service:05}"));
        write!(input, "commit refs/heads/main\ncommitter Bo <bo@acme.example> {} +0000\n{message}{change}\n", 1_600_000_000 + number * 60).unwrap();
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    files
}

fn path(service: usize, environment: &str) -> String {
    format!("apps/svc-{service:05}/overlays/{environment}/kustomization.yaml")
}

fn kustomization(service: usize, tag: &str) -> String {
    format!("resources:\n  - ../../base\nimages:\n  - name: svc-{service:05}\n    newName: ghcr.io/acme/svc-{service:05}\n    newTag: {tag}\n")
}

fn data(text: &str) -> String {
    format!("data {}\n{text}\n", text.len())
}

fn add(to: &mut String, path: &str, text: &str) {
    write!(to, "M 644 inline {path}\n{}", data(text)).unwrap();
}

fn commit(folder: &Path, path: &str, tag: &str) {
    let mut change = String::new();
    add(&mut change, &format!("{path}/kustomization.yaml"), &kustomization(1, tag));
    let mut child = Command::new("git").args(["fast-import", "--quiet"]).current_dir(folder).stdin(Stdio::piped()).spawn().unwrap();
    let stream =
        format!("commit refs/heads/main\ncommitter Cem <cem@acme.example> 1800000000 +0000\n{}from refs/heads/main^0\n{change}\n", data("one more"));
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Kilobytes.
fn resident() -> u64 {
    status("VmRSS:")
}

fn peak() -> u64 {
    status("VmHWM:")
}

fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix(key)?.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
