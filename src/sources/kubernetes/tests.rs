//! Tests of the source as a whole, against a scripted API server on a real socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::fake::{Answer, Fake, Running, calm, event, object, quiet, set};
use super::subject::Subject;
use crate::base::{Raw, RequestId};
use crate::domain::health::Known;
use crate::domain::observation::{Item, ItemKey, Items, Observation, ReportBody, Scope, SourceState, WorldVersion};
use crate::domain::workload::{WorkloadKey, WorkloadKind};
use crate::domain::{ClusterName, Namespace};
use crate::sources::supervisor::LIFE_INTERVAL;
use crate::sources::{Ask, Want};

const DEPLOYMENTS: &str = "/apis/apps/v1/deployments?";

fn deployments(namespace: Option<&str>) -> Scope {
    Scope::Workloads(WorkloadKind::Deployment, namespace.map(Namespace::from))
}

fn everything() -> impl Iterator<Item = Scope> {
    Subject::ALL.into_iter().map(|subject| subject.scope(None))
}

/// What is said of the Deployments of the whole cluster, in short words: `page a b @5`, `listed …`, `changed a @6`, `removed a @7`, and states.
async fn story(source: &mut Running, length: usize) -> Vec<String> {
    let names = |items: &Items| match items {
        Items::Workloads(all) => all
            .iter()
            .filter(|(key, _)| key.kind == WorkloadKind::Deployment)
            .map(|(key, _)| key.name.as_wire().to_owned())
            .collect::<Vec<_>>()
            .join(" "),
        _ => String::new(),
    };
    let at = |version: Option<WorldVersion>| version.map_or("-".to_owned(), |version| version.0.to_string());
    let mut told = Vec::new();
    while told.len() < length {
        let line = match source.next().await {
            ReportBody::Observed(Observation::Page { items, version }) => format!("page {} @{}", names(&items), at(version)),
            ReportBody::Observed(Observation::Listed { scope, items, version }) if scope == deployments(None) => {
                format!("listed {} @{}", names(&items), at(version))
            }
            ReportBody::Observed(Observation::Changed { item: Item::Workload(key, _), version }) => {
                format!("changed {} @{}", key.name.as_wire(), at(version))
            }
            ReportBody::Observed(Observation::Removed { key: ItemKey::Workload(key), version }) => {
                format!("removed {} @{}", key.name.as_wire(), at(version))
            }
            ReportBody::State(scope, state) if scope == deployments(None) => state.word().to_owned(),
            _ => continue,
        };
        told.push(line);
    }
    told
}

fn page(items: &[String], version: u64, next: &str) -> Answer {
    Answer::json(format!(r#"{{"metadata":{{"resourceVersion":"{version}","continue":"{next}"}},"items":[{}]}}"#, items.join(",")))
}

#[tokio::test]
async fn pages_are_told_as_they_come_and_then_the_whole() {
    let fake = Fake::start(|path| match path {
        _ if !path.starts_with(DEPLOYMENTS) || path.contains("watch=1") => calm(path),
        _ if path.ends_with("limit=500&continue=p2") => page(&[object("b", 3)], 5, "p3"),
        _ if path.ends_with("limit=500&continue=p3") => page(&[object("c", 4)], 5, ""),
        _ => page(&[object("a", 2)], 5, "p2"),
    })
    .await;
    let mut source = fake.source(&[]);
    let told = story(&mut source, 5).await;
    assert_eq!(told, ["connecting", "page a @5", "page b @5", "listed a b c @5", "live"]);
}

#[tokio::test]
async fn a_watch_goes_on_from_the_list_and_over_bookmarks_and_cuts() {
    let watches = Arc::new(AtomicUsize::new(0));
    let fake = Fake::start(move |path| {
        if !path.starts_with(DEPLOYMENTS) {
            return calm(path);
        }
        if !path.contains("watch=1") {
            return page(&[object("a", 2)], 5, "");
        }
        match watches.fetch_add(1, Ordering::SeqCst) {
            // In the middle of a line: that event is told again to whoever goes on from the bookmark.
            0 => Answer::of(&[
                Some(&event("MODIFIED", &object("a", 6))),
                Some(&event("BOOKMARK", r#"{"metadata":{"resourceVersion":"8"}}"#)),
                Some(r#"{"type":"ADDED","object":{"metadata":{"name":"b","#),
                None,
            ]),
            // An orderly end, as after the server's time.
            1 => {
                let added = event("ADDED", &object("b", 9));
                let (one, two) = added.split_at(40);
                Answer::of(&[Some(one), Some(two), Some(&event("DELETED", &object("a", 10)))])
            }
            _ => quiet(),
        }
    })
    .await;
    let mut source = fake.source(&[]);
    let told = story(&mut source, 6).await;
    assert_eq!(told, ["connecting", "listed a @5", "live", "changed a @6", "changed b @9", "removed a @10"]);
    // The third watch is asked for without a word in between.
    while fake.asked("deployments?watch=1").len() < 3 {
        tokio::task::yield_now().await;
    }
    let versions: Vec<String> = fake.asked("deployments?watch=1").iter().map(|path| path.rsplit_once('=').unwrap().1.to_owned()).collect();
    assert_eq!(versions, ["5", "8", "10"]);
    assert_eq!(fake.asked("deployments?limit").len(), 1, "nothing is listed again for a cut");
}

#[tokio::test]
async fn a_version_that_is_too_old_leads_to_a_new_list() {
    let (lists, watches) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let fake = Fake::start(move |path| {
        if !path.starts_with(DEPLOYMENTS) {
            return calm(path);
        }
        if path.contains("watch=1") {
            return match watches.fetch_add(1, Ordering::SeqCst) {
                0 => Answer::of(&[Some(include_str!("../../../tests/recordings/kubernetes/error-410-watch.jsonl"))]),
                1 => Answer::refusal(410, "too old resource version"),
                _ => quiet(),
            };
        }
        match lists.fetch_add(1, Ordering::SeqCst) {
            0 => page(&[object("a", 2)], 5, ""),
            // The rest of a list may be too old as well: from the start.
            1 => page(&[object("a", 2)], 6, "p2"),
            2 => Answer::refusal(410, "continue token is too old"),
            _ => page(&[object("c", 3)], 7, ""),
        }
    })
    .await;
    let mut source = fake.source(&[]);
    let told = story(&mut source, 5).await;
    // The second 410 comes at once: the server is not believed a third time, and asked again after a pause.
    assert_eq!(told, ["connecting", "listed a @5", "live", "page a @6", "listed c @7"]);
    assert!(matches!(source.state(&deployments(None), "waiting").await, SourceState::Waiting { why, .. } if why.as_str().contains("too old")));
    source.state(&deployments(None), "live").await;
}

#[tokio::test]
async fn what_is_not_installed_is_off_and_no_error() {
    let fake =
        Fake::start(|path| if path.contains("argoproj.io") { Answer::Whole(404, "", "404 page not found\n".into()) } else { calm(path) }).await;
    let mut source = fake.source(&[]);
    let state = source.state(&Scope::Workloads(WorkloadKind::Rollout, None), "off").await;
    assert_eq!(state, SourceState::Off { why: crate::safe!("Argo Rollouts is not installed here") });
    source.state(&deployments(None), "live").await;
}

/// Everything is refused but Deployments in `shop` and `bank`; `cellar` is refused, too.
fn only_two_namespaces(path: &str) -> Answer {
    let is_allowed = ["shop", "bank"].iter().any(|name| path.starts_with(&format!("/apis/apps/v1/namespaces/{name}/deployments?")));
    if is_allowed || path == "/version" { calm(path) } else { Answer::refusal(403, "User 'u' cannot list resource 'deployments'") }
}

#[tokio::test]
async fn refused_everywhere_it_reads_the_namespaces_that_are_known() {
    let fake = Fake::start(only_two_namespaces).await;
    let mut source = fake.source(&["shop", "cellar"]);
    let denied = source.state(&deployments(None), "denied").await;
    let SourceState::Denied { why, cure } = denied else { panic!("denied") };
    assert!(why.as_str().ends_with("namespaces are read one by one instead"), "{why}");
    assert_eq!(cure.as_str(), "kubectl --context fake auth can-i list deployments.apps -A");

    let mut states = Vec::new();
    while states.len() < 2 {
        if let ReportBody::State(
            scope @ Scope::Workloads(WorkloadKind::Deployment, Some(_)),
            state @ (SourceState::Live | SourceState::Denied { .. }),
        ) = source.next().await
        {
            states.push((scope, state));
        }
    }
    assert!(states.contains(&(deployments(Some("shop")), SourceState::Live)));
    let cellar = states.iter().find(|(scope, _)| *scope == deployments(Some("cellar"))).unwrap();
    assert!(
        matches!(&cellar.1, SourceState::Denied { cure, .. } if cure.as_str() == "kubectl --context fake auth can-i list deployments.apps -n cellar")
    );

    // The fleet turns out to be elsewhere, too; what is configured stays.
    source.asks.send(Ask { request: RequestId(7), want: Want::Namespaces(set(&["bank"])) }).await.unwrap();
    source.until(|body| matches!(body, ReportBody::Answered { request: RequestId(7), failed: None }).then_some(())).await;
    source.state(&deployments(Some("bank")), "live").await;
    source.asks.send(Ask { request: RequestId(8), want: Want::Namespaces(set(&[])) }).await.unwrap();
    source.until(|body| matches!(body, ReportBody::Forget(scope) if scope == deployments(Some("bank"))).then_some(())).await;
}

#[tokio::test]
async fn refused_everywhere_without_a_namespace_it_says_so() {
    let fake = Fake::start(only_two_namespaces).await;
    let mut source = fake.source(&[]);
    let denied = source.state(&deployments(None), "denied").await;
    assert!(
        matches!(&denied, SourceState::Denied { why, cure } if why.as_str().contains("no namespace is known") && cure.as_str().starts_with("name the namespaces"))
    );
    source.asks.send(Ask { request: RequestId(1), want: Want::Namespaces(set(&["shop"])) }).await.unwrap();
    let denied = source.state(&deployments(None), "denied").await;
    assert!(matches!(&denied, SourceState::Denied { why, .. } if why.as_str().contains("one by one")), "{denied:?}");
    source.state(&deployments(Some("shop")), "live").await;
}

#[tokio::test]
async fn many_namespaces_share_forty_connections() {
    let names: Vec<String> = (0..12).map(|number| format!("team-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fake = Fake::start(|path| if path.contains("/namespaces/") || path == "/version" { calm(path) } else { Answer::refusal(403, "no") }).await;
    let mut source = fake.source(&names);
    let scopes = Subject::ALL.into_iter().flat_map(|subject| names.iter().map(move |name| subject.scope(Some(Namespace::from(*name)))));
    source.states(scopes, "live").await;
    assert!(fake.most_open() <= 40, "{} connections", fake.most_open());
    assert!(fake.asked("watch=1").len() <= super::watch::WATCHES);
}

#[tokio::test]
async fn pods_come_when_they_are_asked_for() {
    let recorded = include_str!("../../../tests/recordings/kubernetes/pods-in-trouble.json");
    let fake = Fake::start(move |path| if path.contains("/pods?") { Answer::json(recorded) } else { calm(path) }).await;
    let mut source = fake.source(&[]);
    let key = WorkloadKey {
        cluster: ClusterName::from("fake"),
        namespace: Namespace::from("staging"),
        kind: WorkloadKind::StatefulSet,
        name: Raw::from("inventory-service"),
    };
    let want = Want::Pods(key.clone(), Raw::from("app.kubernetes.io/name=inventory-service"));
    source.asks.send(Ask { request: RequestId(3), want }).await.unwrap();
    let pods = source
        .until(|body| match body {
            ReportBody::Observed(Observation::Changed { item: Item::Pods(about, pods), .. }) if about == key => Some(pods.pods),
            _ => None,
        })
        .await;
    assert_eq!(pods.iter().map(|pod| pod.name.as_wire()).collect::<Vec<_>>(), ["inventory-service-0", "inventory-service-1"]);
    assert!(matches!(&pods[0].images[0].1, Known::Known(digest) if digest.as_wire().starts_with("sha256:635d")));
    source.until(|body| matches!(body, ReportBody::Answered { request: RequestId(3), failed: None }).then_some(())).await;
    assert_eq!(fake.asked("/pods?"), ["/api/v1/namespaces/staging/pods?labelSelector=app.kubernetes.io%2Fname%3Dinventory-service&limit=500"]);

    let want = Want::Detail(crate::domain::AppKey { argocd: "a".into(), namespace: "n".into(), name: Raw::from("x") }, Raw::from("project"));
    source.asks.send(Ask { request: RequestId(4), want }).await.unwrap();
    source.until(|body| matches!(body, ReportBody::Answered { request: RequestId(4), failed: Some(_) }).then_some(())).await;
}

#[tokio::test]
async fn everything_is_read_anew_when_that_is_asked_for() {
    let fake =
        Fake::start(|path| if path.starts_with(DEPLOYMENTS) && !path.contains("watch=1") { page(&[object("a", 2)], 5, "") } else { calm(path) })
            .await;
    let mut source = fake.source(&[]);
    source.states(everything(), "live").await;
    source.asks.send(Ask { request: RequestId(5), want: Want::Relist }).await.unwrap();
    let mut listed = 0;
    source
        .until(|body| {
            listed += usize::from(matches!(body, ReportBody::Observed(Observation::Listed { .. })));
            matches!(body, ReportBody::Answered { request: RequestId(5), failed: None }).then_some(())
        })
        .await;
    assert_eq!(listed, Subject::ALL.len(), "each scope has listed before the answer");
}

#[tokio::test]
async fn a_server_that_asks_for_patience_gets_it() {
    let fake =
        Fake::start(
            |path| {
                if path.starts_with(DEPLOYMENTS) { Answer::Whole(429, "retry-after: 77\r\n", "Too many requests".into()) } else { calm(path) }
            },
        )
        .await;
    let mut source = fake.source(&[]);
    let SourceState::Waiting { until: Some(until), why } = source.state(&deployments(None), "waiting").await else { panic!("until") };
    assert!(why.as_str().starts_with("Too many requests"));
    let pause = Duration::try_from(until.duration_since(crate::sources::clock::now())).unwrap();
    assert!((Duration::from_secs(70)..=Duration::from_secs(77)).contains(&pause), "{pause:?}");
    assert_eq!(fake.asked("deployments").len(), 1, "the client does not resend by itself");
}

#[tokio::test]
async fn a_refused_credential_is_read_anew_once() {
    let refused = AtomicUsize::new(0);
    let fake = Fake::start(move |path| {
        let is_first = path.starts_with(DEPLOYMENTS) && refused.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first { Answer::refusal(401, "Unauthorized") } else { calm(path) }
    })
    .await;
    let mut source = fake.source(&[]);
    assert_eq!(story(&mut source, 3).await, ["connecting", "listed  @1", "live"]);
}

#[tokio::test]
async fn a_frozen_server_is_noticed_in_time_and_taken_up_again() {
    let fake = Fake::start(calm).await;
    let mut source = fake.source(&[]);
    source.states(everything(), "live").await;
    while fake.asked("/version").is_empty() {
        tokio::task::yield_now().await;
    }

    fake.freeze(true);
    tokio::time::pause();
    let frozen_at = tokio::time::Instant::now();
    source.states(everything(), "waiting").await;
    let noticed = frozen_at.elapsed();
    assert!(noticed <= Duration::from_secs(13), "{noticed:?}");

    // For longer than any single try may take: later tries must not hang on the connections of earlier ones.
    tokio::time::sleep(Duration::from_mins(2)).await;
    fake.freeze(false);
    tokio::time::advance(LIFE_INTERVAL).await;
    tokio::time::resume();
    source.states(everything(), "live").await;
}

#[tokio::test]
async fn a_watch_that_swallows_its_events_is_noticed_although_the_server_lives() {
    let swallowed = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = std::sync::Mutex::new(Some(receiver));
    let fake = Fake::start(move |path| {
        if path.starts_with(DEPLOYMENTS) && path.contains("watch=1") && swallowed.fetch_add(1, Ordering::SeqCst) == 1 {
            return Answer::Pieces(receiver.lock().unwrap().take().unwrap());
        }
        calm(path)
    })
    .await;
    let mut source = fake.source(&[]);
    source.states(everything(), "live").await;
    tokio::time::pause();
    while fake.asked("deployments?watch=1").len() < 2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // The reports must be taken, or the source waits for us.
        while let Ok(body) = tokio::time::timeout(Duration::from_millis(1), source.next()).await {
            assert!(!matches!(body, ReportBody::State(..)), "{body:?}");
        }
    }
    tokio::time::resume();
    sender.send(Some(event("ADDED", &object("late", 12)))).unwrap();
    assert_eq!(story(&mut source, 1).await, ["changed late @12"]);
}

#[tokio::test]
async fn what_may_be_listed_but_not_watched_is_listed_now_and_then() {
    let fake =
        Fake::start(|path| if path.starts_with(DEPLOYMENTS) && path.contains("watch=1") { Answer::refusal(403, "cannot watch") } else { calm(path) })
            .await;
    let mut source = fake.source(&[]);
    source.states(everything(), "live").await;
    // The watch is refused, then it is listed a second time.
    assert_eq!(story(&mut source, 2).await, ["listed  @1", "live"]);
    tokio::time::pause();
    assert_eq!(story(&mut source, 2).await, ["listed  @1", "listed  @1"]);
}

#[tokio::test]
async fn a_cluster_that_is_held_back_is_not_contacted() {
    let fake = Fake::start(calm).await;
    let access = crate::domain::access::ClusterAccess { held_back: Some("its user logs in with a program".into()), ..fake.access(&["shop"]) };
    let (_asks, asked) = mpsc::channel(1);
    let (sender, mut reports) = mpsc::channel(64);
    let outbox = crate::sources::Outbox::new(crate::domain::SourceId::cluster(&access.name), crate::base::Epoch(1), sender);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(super::run(access.clone(), crate::sources::clients::Clients::new([access]), asked, outbox));
    loop {
        let report = reports.recv().await.unwrap();
        if let ReportBody::State(scope, SourceState::Denied { why, cure }) = report.body {
            assert_eq!(scope.shown().as_str().split(' ').count(), 1, "no namespace is tried");
            assert_eq!((why.as_str(), cure.as_str()), ("its user logs in with a program", "name this cluster in the configuration"));
            break;
        }
    }
    assert!(fake.asked("").is_empty());
}

#[tokio::test]
async fn dropping_the_source_ends_its_connections() {
    let fake = Fake::start(calm).await;
    let mut source = fake.source(&[]);
    source.states(everything(), "live").await;
    source.tasks.shutdown().await;
    while fake.now_open() > 0 {
        tokio::task::yield_now().await;
    }
}
