//! Against a real Argo CD: left out of a plain run. `eval "$(tests/lab/lab env)"`, then
//! `cargo test --lib argocd::tests::lab -- --ignored --nocapture`. `LAB_SECONDS` is how long it listens, `LAB_USER` who reads, `LAB_CORE=1` reads
//! without the API, `LAB_QUIET=1` leaves changes out, `LAB_OUTAGE=cut` or `swallow` loses the API from the 8th to the 35th second.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::base::{Epoch, Raw};
use crate::domain::access::{ApiAccess, ArgocdAccess, ClusterAccess, SecretRef};
use crate::domain::application::Application;
use crate::domain::observation::{Item, ItemKey, Items, Observation, Report, ReportBody};
use crate::domain::{AppKey, ArgocdName, ClusterName, SourceId};
use crate::sources::{Clients, Outbox};

fn lab() -> (ArgocdAccess, Clients) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = |context: &str| ClusterAccess {
        name: ClusterName::from(context),
        kubeconfig: None,
        context: context.to_owned(),
        server: None,
        namespaces: Vec::new(),
        destinations: Vec::new(),
        held_back: None,
    };
    let user = std::env::var("LAB_USER").unwrap_or_else(|_| "oncall".into());
    let folder = std::env::var("LAB").expect("the lab's environment");
    let api = ApiAccess {
        url: std::env::var("LAB_ARGOCD").expect("the lab's environment"),
        authority: None,
        client: None,
        insecure: true,
        headers: Vec::new(),
        token: SecretRef::File(format!("{folder}/argocd-token-{user}").into()),
        renewal: None,
    };
    let clusters = [cluster(&format!("prod-{user}")), cluster(&format!("nonprod-{user}"))];
    let access = ArgocdAccess {
        name: ArgocdName::from("lab"),
        api: std::env::var_os("LAB_CORE").is_none().then_some(api),
        clusters: clusters.iter().map(|access| access.name.clone()).collect(),
        cluster_is_configured: false,
        namespaces: Vec::new(),
        reconciliation: None,
    };
    (access, Clients::new(clusters))
}

fn words(key: &AppKey, application: &Application) -> String {
    let images: Vec<_> =
        application.images.iter().map(|image| format!("{}:{}", image.short_name(), image.tag.as_ref().map_or("", Raw::as_wire))).collect();
    let since = application.health_since.map(|since| since.to_string()).unwrap_or_default();
    format!("{} {} {} {} {since}", key.shown(), application.health.word(), application.sync.word(), images.join(","))
}

/// How a connection to the API fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    Cut,
    Swallow,
}

async fn forward(listener: TcpListener, server: String, modes: watch::Receiver<Mode>) {
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        let (server, mut modes) = (server.clone(), modes.clone());
        connections.spawn(async move {
            if *modes.borrow() == Mode::Cut {
                return;
            }
            let Ok(mut far) = TcpStream::connect(&server).await else { return };
            if *modes.borrow() == Mode::Pass {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
                    _ = modes.wait_for(|mode| *mode != Mode::Pass) => {}
                }
            }
            if *modes.borrow() == Mode::Swallow {
                std::future::pending::<()>().await;
            }
        });
    }
}

#[tokio::test]
#[ignore = "needs the lab: tests/lab/lab up; run by hand, beside the stories of tests/lab.rs"]
async fn prints_what_is_heard() {
    let (mut access, clients) = lab();
    let outage = std::env::var("LAB_OUTAGE").ok();
    let (mode, modes) = watch::channel(Mode::Pass);
    if let (Some(_), Some(api)) = (&outage, &mut access.api) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = api.url.strip_prefix("https://").unwrap().to_owned();
        api.url = format!("https://{}", listener.local_addr().unwrap());
        tokio::spawn(forward(listener, server, modes));
    }
    let (send, mut reports) = mpsc::channel::<Report>(64);
    let (_asks, asked) = mpsc::channel(8);
    let outbox = Outbox::new(SourceId::argocd(&access.name), Epoch::default(), send);
    let seconds = std::env::var("LAB_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let started = tokio::time::Instant::now();
    let quiet = std::env::var_os("LAB_QUIET").is_some();
    let mut fleet: BTreeMap<AppKey, Application> = BTreeMap::new();
    let listening = async {
        while let Some(report) = reports.recv().await {
            let at = started.elapsed().as_millis();
            match report.body {
                ReportBody::Observed(Observation::Listed { scope, items: Items::Applications(items), version }) => {
                    println!("{at:>6} listed {} {} {version:?}", scope.shown(), items.len());
                    fleet.extend(items);
                }
                ReportBody::Observed(Observation::Page { items: Items::Applications(items), .. }) => println!("{at:>6} page {}", items.len()),
                ReportBody::Observed(Observation::Changed { item: Item::Application(key, application), .. }) => {
                    if !quiet {
                        println!("{at:>6} changed {}", words(&key, &application));
                    }
                    fleet.insert(key, *application);
                }
                ReportBody::Observed(Observation::Removed { key: ItemKey::Application(key), .. }) => {
                    println!("{at:>6} removed {}", key.shown());
                    fleet.remove(&key);
                }
                other => println!("{at:>6} {other:?}"),
            }
        }
    };
    let run = super::super::run(access, [].into(), clients, asked, outbox);
    let disturbing = async {
        let lost = match outage.as_deref() {
            Some("cut") => Mode::Cut,
            Some(_) => Mode::Swallow,
            None => return,
        };
        for (second, next) in [(8, lost), (35, Mode::Pass)] {
            tokio::time::sleep_until(started + Duration::from_secs(second)).await;
            println!("{:>6} ==== {next:?}", started.elapsed().as_millis());
            mode.send_replace(next);
        }
    };
    let both = async { tokio::join!(run, listening, disturbing) };
    let _ = tokio::time::timeout(Duration::from_secs(seconds), both).await;
    if fleet.len() < 100 {
        for (key, application) in &fleet {
            println!("{}", words(key, application));
        }
    }
    println!(
        "{} applications; {}",
        fleet.len(),
        std::fs::read_to_string("/proc/self/status")
            .unwrap_or_default()
            .lines()
            .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
            .collect::<Vec<_>>()
            .join(" ")
    );
}
