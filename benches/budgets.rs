//! What the core costs: folding a fleet, taking one event in, painting one frame, encoding what changed. `cargo bench`.
//!
//! Times of whole processes, and of whole control planes, are taken by the stories of `tests/lab.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark: it reads the clock and prints; what cannot be set up fails it; criterion's macros make public items"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tiphys::app::{Intent, Model, Msg, Settings, What, update};
use tiphys::base::{Epoch, OperationId, Raw, Safe, Timestamp};
use tiphys::domain::application::{Application, Automation, Destination, Origin, Shape};
use tiphys::domain::image::Image;
use tiphys::domain::landscape::{Environment, Landscape};
use tiphys::domain::mapping::Mapping;
use tiphys::domain::observation::{Item, Items, Observation, Report, ReportBody, Scope, SourceState};
use tiphys::domain::template::Template;
use tiphys::domain::{AppKey, ArgocdName, EnvironmentName, Health, Namespace, SourceId, Sync};
use tiphys::execution::journal::Journal;
use tiphys::manifest::edit::{Change, Edit, Scalar, put};
use tiphys::manifest::path::Step;
use tiphys::operations::record::{Confirmed, Direction, Entry, Opened, Planned, Requested, Rung, Whence, Who};
use tiphys::runtime::terminal::writer::{Encoder, Frame};
use tiphys::ui::links::Links;
use tiphys::ui::{Look, Painter, paint};

const ENVIRONMENTS: [&str; 8] = ["dev", "test", "qa", "perf", "staging", "canary", "production-eu", "production-us"];

fn landscape() -> Landscape {
    let environments = ENVIRONMENTS.iter().map(|name| Environment { name: EnvironmentName::from(*name), ..Environment::default() }).collect();
    Landscape::new(environments, Mapping { names: vec![Template::parse("{service}-{environment}").unwrap()], ..Mapping::default() }).unwrap()
}

fn application(index: usize, health: &str) -> (AppKey, Application) {
    let (service, environment) = (format!("svc-{:05}", index / ENVIRONMENTS.len()), ENVIRONMENTS[index % ENVIRONMENTS.len()]);
    let key = AppKey { argocd: ArgocdName::from("main"), namespace: Namespace::from("argocd"), name: Raw::new(format!("{service}-{environment}")) };
    let application = Application {
        project: Raw::from("default"),
        labels: Box::new([(Raw::from("environment"), Raw::from(environment)), (Raw::from("service"), Raw::new(service.clone()))]),
        annotations: Box::default(),
        destination: Destination { server: Some(Raw::from("https://kubernetes.default.svc")), name: None, namespace: Namespace::from(environment) },
        origins: Box::new([Origin {
            repository: Raw::from("https://git.acme.example/gitops.git"),
            path: Some(Raw::new(format!("apps/{service}/overlays/{environment}"))),
            ..Origin::default()
        }]),
        health: Health::read(health),
        health_since: Some(Timestamp::UNIX_EPOCH),
        sync: if index.is_multiple_of(14) { Sync::OutOfSync } else { Sync::Synced },
        revisions: Box::default(),
        images: Box::new([
            Image::read(&format!("ghcr.io/acme/{service}:{}.{}.{}", index % 7, index % 30, index % 9)),
            Image::read("docker.io/envoyproxy/envoy:v1.31.2"),
        ]),
        operation: None,
        deployed_at: Some(Timestamp::UNIX_EPOCH),
        reconciled_at: None,
        frozen: true,
        automation: Automation::default(),
        deleting: false,
        shape: Shape::Plain,
    };
    (key, application)
}

fn reports(count: usize) -> Vec<Report> {
    let scope = Scope::Project(Raw::from("default"));
    let items = (0..count).map(|index| application(index, ["Healthy", "Healthy", "Healthy", "Degraded", "Progressing"][index % 5])).collect();
    vec![
        report(ReportBody::State(scope.clone(), SourceState::Live)),
        report(ReportBody::Observed(Observation::Listed { scope, items: Items::Applications(items), version: None })),
    ]
}

fn report(body: ReportBody) -> Report {
    Report { source: SourceId::argocd(&ArgocdName::from("main")), epoch: Epoch(0), at: Timestamp::UNIX_EPOCH, body }
}

fn empty() -> Model {
    let settings = Settings {
        title: Safe::clean("acme"),
        start: vec![SourceId::argocd(&ArgocdName::from("main"))],
        clusters: Vec::new(),
        ..Settings::default()
    };
    let mut model = Model::new(landscape(), settings, Timestamp::UNIX_EPOCH);
    tell(&mut model, What::Resized(200, 50));
    tell(&mut model, What::Started);
    model
}

fn fleet(count: usize) -> Model {
    let mut model = empty();
    tell(&mut model, What::Reports(reports(count)));
    model
}

fn tell(model: &mut Model, what: What) {
    let at = model.now;
    update(model, Msg { at, what });
}

fn budgets(bench: &mut Criterion) {
    bench.bench_function("fold a list of 5,000 applications", |bench| {
        bench.iter_batched(
            || (empty(), reports(5000)),
            |(mut model, reports)| {
                tell(&mut model, What::Reports(reports));
                model
            },
            BatchSize::LargeInput,
        );
    });
    let look = Look::choose(|name| (name == "TERM").then(|| "xterm-256color".to_owned()));
    for (name, count) in [("5,000 placements", 5000), ("400,000 placements in 50,000 rows", 400_000)] {
        let mut model = fleet(count);
        let mut flip = false;
        bench.bench_function(&format!("take one event in, {name}"), |bench| {
            bench.iter(|| {
                flip = !flip;
                let (key, changed) = application(4, if flip { "Healthy" } else { "Degraded" });
                let item = Item::Application(key, Box::new(changed));
                tell(&mut model, What::Reports(vec![report(ReportBody::Observed(Observation::Changed { item, version: None }))]));
            });
        });
        let (mut painter, mut links) = (Painter::default(), Links::default());
        let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 50));
        bench.bench_function(&format!("paint one frame at 200×50, {name}"), |bench| {
            bench.iter(|| {
                buffer.reset();
                paint(black_box(&model), &look, &mut painter, &mut buffer, &mut links);
            });
        });
        let mut encoder = Encoder::default();
        let mut down = false;
        bench.bench_function(&format!("move the cursor, paint and encode at 200×50, {name}"), |bench| {
            bench.iter(|| {
                down = !down;
                tell(&mut model, What::Wants(if down { Intent::Down } else { Intent::Up }));
                let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 50));
                paint(&model, &look, &mut painter, &mut buffer, &mut links);
                encoder.encode(Frame { buffer, links: Links::default(), whole: false }).unwrap();
                encoder.bytes.len()
            });
        });
    }
}

/// One tag of a values file of 2,000 lines: placed, exchanged, and judged by the second parser.
fn edits(bench: &mut Criterion) {
    let service = |index: usize| {
        format!("service-{index}:\n  replicas: 3 # as in staging\n  image:\n    repository: ghcr.io/acme/service-{index}\n    tag: \"1.{index}.0\"\n")
    };
    let text: String = (0..400).map(service).collect();
    let scalar = |text: &str| Scalar { text: Raw::from(text), written: Raw::new(format!("\"{text}\"")) };
    let edit = Edit {
        origin: 0,
        file: Raw::from("values.yaml"),
        path: ["service-399", "image", "tag"].map(|key| Step::Key(key.to_owned())).into(),
        line: 2000,
        change: Change::Set { from: scalar("1.399.0"), to: scalar("1.400.0") },
        restores: false,
    };
    bench.bench_function("put a tag into a values file of 2,000 lines", |bench| {
        bench.iter(|| put(black_box(text.as_bytes()), std::slice::from_ref(&edit)).unwrap());
    });
}

/// One line of the journal, on the disk: in the folder for temporary files of the target, which is where the repository lies. The percentiles are told beside
/// criterion's own figure, which is a mean.
fn journal(bench: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let id = OperationId::read("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f").unwrap();
    let opened = Opened {
        who: Who::default(),
        whence: Whence::default(),
        program: Safe::clean("0.1.0"),
        direction: Direction::Risk,
        request: Requested::new("promote", Safe::clean("Promote checkout 2.14.3 to production")),
        service: Some(Safe::clean("checkout")),
        environments: vec![Safe::clean("production")],
        placements: Vec::new(),
        clusters: Vec::new(),
        reason: None,
        ticket: None,
        plan: Planned::default(),
        on_screen: Vec::new(),
        confirmed: Confirmed::Typed { text: Safe::clean("checkout") },
        armed: None,
    };
    let mut writer = Journal::at(&folder.path().join("journal")).create(&id, opened, Timestamp::UNIX_EPOCH).unwrap();
    let entry = Entry::Observed { rung: Rung::Healthy, words: Safe::clean("production·eu is healthy with 2.14.3, 6 of 6 pods, since 14:32:07Z") };
    let mut times = Vec::new();
    bench.bench_function("journal step, synced", |bench| {
        bench.iter_custom(|count| {
            let mut whole = Duration::ZERO;
            for _ in 0..count {
                let began = Instant::now();
                writer.append(&entry, Timestamp::UNIX_EPOCH).unwrap();
                let took = began.elapsed();
                times.push(took);
                whole += took;
            }
            whole
        });
    });
    times.sort();
    if let (Some(half), Some(most)) = (times.get(times.len() / 2), times.get(times.len() * 99 / 100)) {
        println!("journal step, synced: p50 {half:.2?}, p99 {most:.2?} of {}", times.len());
    }
}

criterion_group!(benches, journal, budgets, edits);
criterion_main!(benches);
