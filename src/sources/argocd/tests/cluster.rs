//! The source against a scripted Kubernetes API: alone, and standing in for Argo CD's API.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::api::Argo;
use super::{api_access, app, argocd_access, clusters, key, listed, start, tag, token};
use crate::base::{Raw, RequestId};
use crate::domain::Namespace;
use crate::domain::access::{ArgocdAccess, ClusterAccess};
use crate::domain::health::Known;
use crate::domain::observation::{Fallback, InstanceFacts, Item, Items, Observation, ReportBody, Scope, SourceState, World};
use crate::sources::scripted::{Reply, Run, Scripted, Seen, project};
use crate::sources::{Ask, Clients, Want};

/// A cluster with Application objects.
#[derive(Clone, Default)]
struct Cluster(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    apps: Vec<Value>,
    version: u64,
    only_in: Option<&'static str>,
    expired: bool,
    page: usize,
    watches: Vec<mpsc::UnboundedSender<Vec<u8>>>,
}

impl Cluster {
    fn new(apps: &[Value]) -> Self {
        Self(Arc::new(Mutex::new(State { apps: apps.to_vec(), version: 100, page: 1000, ..State::default() })))
    }

    fn set(&self, change: impl FnOnce(&mut State)) -> &Self {
        change(&mut self.0.lock().unwrap());
        self
    }

    fn event(&self, kind: &str, object: &Value) {
        let event = json!({"type": kind, "object": object}).to_string() + "\n";
        self.0.lock().unwrap().watches.last().unwrap().send(event.into_bytes()).unwrap();
    }

    fn script(&self) -> impl FnMut(&Seen) -> Reply + Send + 'static {
        let this = self.clone();
        move |seen| this.0.lock().unwrap().reply(seen)
    }
}

fn status(code: u16, message: &str) -> Reply {
    Reply::refused(code, json!({"kind": "Status", "status": "Failure", "message": message, "code": code}).to_string())
}

impl State {
    fn reply(&mut self, seen: &Seen) -> Reply {
        assert_eq!(seen.header("authorization"), "Bearer kube-t0ken");
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let told = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        match path {
            "/version" => Reply::json("{}"),
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => {
                let asked: Value = serde_json::from_slice(&seen.body).unwrap();
                let attributes = &asked["spec"]["resourceAttributes"];
                assert_eq!((attributes["group"].as_str(), attributes["resource"].as_str()), (Some("argoproj.io"), Some("applications")));
                let allowed = self.only_in.is_none_or(|only| attributes["namespace"] == only);
                let answer = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "metadata": {}, "spec": {}, "status": {"allowed": allowed}});
                Reply::refused(201, answer.to_string())
            }
            "/api/v1/namespaces/argocd/configmaps/argocd-cm" => Reply::json(
                r#"{"data":{"timeout.reconciliation":"100s","timeout.reconciliation.jitter":"20s","application.resourceTrackingMethod":"label"}}"#,
            ),
            _ if path.ends_with("/applications") => self.collection(path, told),
            _ => {
                let name = path.rsplit('/').next().unwrap();
                let found = self.apps.iter().find(|app| app["metadata"]["name"] == name);
                found.map_or_else(|| status(404, "not found"), |app| Reply::json(app.to_string()))
            }
        }
    }

    fn collection<'q>(&mut self, path: &str, told: impl Fn(&str) -> Option<&'q str>) -> Reply {
        if let Some(only) = self.only_in
            && path != format!("/apis/argoproj.io/v1alpha1/namespaces/{only}/applications")
        {
            return status(403, "applications is forbidden at the cluster scope");
        }
        if told("watch").is_some() {
            assert!(told("allowWatchBookmarks").is_some() && told("timeoutSeconds").is_some());
            if std::mem::take(&mut self.expired) {
                return status(410, "too old resource version");
            }
            let (send, receive) = mpsc::unbounded_channel();
            send.send(Vec::new()).unwrap();
            self.watches.push(send);
            return Reply::Stream("application/json", receive);
        }
        let from: usize = told("continue").map_or(0, |token| token.parse().unwrap());
        let page: Vec<_> = self.apps.iter().skip(from).take(self.page).cloned().collect();
        let rest = if from + page.len() < self.apps.len() { (from + page.len()).to_string() } else { String::new() };
        Reply::json(json!({"items": page, "metadata": {"resourceVersion": self.version.to_string(), "continue": rest}}).to_string())
    }
}

struct Here {
    _folder: tempfile::TempDir,
    run: Run,
}

fn run(access: ArgocdAccess, servers: &[(&str, &Scripted)], change: impl Fn(&mut ClusterAccess)) -> Here {
    let folder = tempfile::tempdir().unwrap();
    let mut clusters = clusters(&folder, servers);
    clusters.iter_mut().for_each(change);
    Here { _folder: folder, run: start(access, Clients::new(clusters)) }
}

fn core(clusters: &[&str]) -> ArgocdAccess {
    ArgocdAccess { cluster_is_configured: true, ..argocd_access(None, clusters) }
}

async fn facts(run: &mut Run, wanted: impl Fn(&InstanceFacts) -> bool) -> InstanceFacts {
    run.observed(|fact| if let Observation::Instance(facts) = fact { wanted(facts).then(|| facts.clone()) } else { None }).await
}

async fn changed(run: &mut Run, name: &str) -> String {
    run.observed(|fact| match fact {
        Observation::Changed { item: Item::Application(of, application), .. } if *of == key(name) => Some(tag(application).to_owned()),
        _ => None,
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn pages_are_painted_as_they_land_and_the_watch_goes_on_from_there() {
    let cluster = Cluster::new(&[app("a", "shop", "1"), app("b", "shop", "1"), app("c", "shop", "1")]);
    cluster.set(|state| state.page = 2);
    let server = Scripted::start(cluster.script()).await;
    let mut here = run(core(&["one"]), &[("one", &server)], |_| {});
    let run = &mut here.run;
    run.live(&Scope::Applications).await;
    let pages: Vec<_> = run
        .log
        .iter()
        .filter_map(|body| {
            if let ReportBody::Observed(Observation::Page { items: Items::Applications(items), .. }) = body { Some(items.len()) } else { None }
        })
        .collect();
    assert_eq!(pages, [2, 1]);
    let names = run.log.iter().find_map(|body| if let ReportBody::Observed(fact) = body { listed(fact, &Scope::Applications) } else { None });
    assert_eq!(names.unwrap(), ["a:1", "b:1", "c:1"]);
    // An empty piece opened the watch.
    while server.count("watch=1&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion=100") == 0 {
        tokio::task::yield_now().await;
    }
    let mut next = app("a", "shop", "2");
    next["metadata"]["resourceVersion"] = Value::from("101");
    cluster.event("MODIFIED", &next);
    assert_eq!(changed(run, "a").await, "2");
    let at = run.log.iter().rev().find_map(|body| match body {
        ReportBody::Observed(Observation::Changed { item: Item::Application(_, application), .. }) => application.reconciled_at,
        _ => None,
    });
    assert_eq!(at.unwrap().to_string(), "2026-11-21T08:40:59Z", "objects say when they were compared");
    // The server ends the watch in order: it goes on from the last version, a bookmark's included, without a list.
    cluster.event("BOOKMARK", &json!({"metadata": {"resourceVersion": "150"}}));
    cluster.set(|state| state.watches.clear());
    run.pass(Duration::from_secs(3)).await;
    while server.count("resourceVersion=150") == 0 {
        run.pass(Duration::from_millis(100)).await;
    }
    assert_eq!((server.count("limit=100"), server.count("limit=500")), (1, 1), "two pages, once");
    // What it holds is too old: a list, at once and without a word.
    cluster.set(|state| {
        state.version = 200;
        state.apps.truncate(1);
    });
    cluster.event("ERROR", &json!({"kind": "Status", "code": 410, "message": "too old", "status": "Failure"}));
    let names = run.observed(|fact| listed(fact, &Scope::Applications)).await;
    assert_eq!(names, ["a:1"]);
    assert!(!run.log.iter().any(|body| matches!(body, ReportBody::State(_, SourceState::Waiting { .. }))));
    run.asks.send(Ask { request: RequestId(9), want: Want::Relist }).await.unwrap();
    run.answered(RequestId(9)).await;
    let told =
        run.log.iter().rev().find_map(|body| if let ReportBody::Observed(Observation::Instance(facts)) = body { Some(facts.clone()) } else { None });
    let told = told.unwrap();
    assert_eq!((told.reconciliation_seconds, told.tracking_method), (Some(120), Some(Raw::from("label"))));
    assert_eq!((told.reads, told.holder.unwrap().as_wire()), (Some(World::Cluster), "one"));
}

#[tokio::test(start_paused = true)]
async fn an_account_of_one_namespace_reads_that() {
    let cluster = Cluster::new(&[app("a", "shop", "1")]);
    cluster.set(|state| state.only_in = Some("argocd"));
    let server = Scripted::start(cluster.script()).await;
    let access = ArgocdAccess { namespaces: vec![Namespace::from("argocd")], ..core(&["one"]) };
    let mut here = run(access, &[("one", &server)], |_| {});
    let scope = Scope::ApplicationsIn(Namespace::from("argocd"));
    here.run.live(&scope).await;
    assert!(here.run.log.contains(&ReportBody::Forget(Scope::Applications)));
    // The detail says what an object cannot say.
    here.run.asks.send(Ask { request: RequestId(1), want: Want::Detail(key("a"), Raw::from("shop")) }).await.unwrap();
    let detail = here
        .run
        .observed(|fact| if let Observation::Changed { item: Item::Detail(_, detail), .. } = fact { Some(detail.clone()) } else { None })
        .await;
    assert!(matches!(detail.resources[0].health, Known::Unknown(_)));
    assert_eq!(here.run.answered(RequestId(1)).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_argo_cd_says_so() {
    let server = Scripted::start(|seen| {
        if seen.target == "/version" || seen.target.contains("selfsubject") {
            Reply::refused(201, r#"{"metadata":{},"spec":{},"status":{"allowed":true}}"#)
        } else {
            Reply::Whole(404, Vec::new(), b"404 page not found".to_vec())
        }
    })
    .await;
    let mut here = run(core(&["one"]), &[("one", &server)], |_| {});
    let state = here.run.state(&Scope::Applications, |state| matches!(state, SourceState::Off { .. })).await;
    assert!(matches!(state, SourceState::Off { why } if why.as_str().contains("no Application objects")));
}

#[tokio::test(start_paused = true)]
async fn the_cluster_stands_in_while_the_api_is_lost() {
    let apps = [app("cart", "shop", "1")];
    let argo = Argo::new(&[("shop", &apps)]);
    let api = Scripted::start(argo.script()).await;
    // One candidate must not be contacted, one holds another Argo CD, one is it.
    let mut strange = app("cart", "shop", "1");
    strange["metadata"]["uid"] = Value::from("another");
    let (held, other, holder) = (Cluster::new(&[]), Cluster::new(&[strange]), Cluster::new(&apps));
    let held = Scripted::start(held.script()).await;
    let other = Scripted::start(other.script()).await;
    let server = Scripted::start(holder.script()).await;
    let access = argocd_access(Some(api_access(api.url(), token())), &["held", "other", "holder"]);
    let mut here = run(access, &[("held", &held), ("other", &other), ("holder", &server)], |access| {
        access.held_back = (access.name.as_wire() == "held").then(|| "its user logs in with a program".to_owned());
    });
    let run = &mut here.run;
    let told = facts(run, |facts| facts.fallback.is_some()).await;
    assert_eq!((told.holder.unwrap().as_wire(), told.fallback, told.reads), ("holder", Some(Fallback::Ready), Some(World::Api)));
    assert!(held.seen().is_empty(), "a cluster that is held back is never contacted");
    let told = facts(run, |facts| facts.reconciliation_seconds.is_some()).await;
    assert_eq!(told.reconciliation_seconds, Some(120));

    // The API dies.
    let address = api.address;
    drop(api);
    run.state(&project("shop"), |state| matches!(state, SourceState::Waiting { .. })).await;
    run.pass(Duration::from_secs(5)).await;
    let told = facts(run, |facts| facts.reads == Some(World::Cluster)).await;
    assert_eq!(told.fallback, Some(Fallback::Ready));
    assert!(run.log.contains(&ReportBody::Forget(project("shop"))));
    let names = run.observed(|fact| listed(fact, &Scope::Applications)).await;
    assert_eq!(names, ["cart:1"]);
    run.live(&Scope::Applications).await;

    // It comes back.
    argo.set(|world| world.apps.get_mut("shop").unwrap()[0] = app("cart", "shop", "2"));
    let _api = Scripted::start_at(address, argo.script()).await;
    run.pass(Duration::from_secs(6)).await;
    let names = run.observed(|fact| listed(fact, &project("shop"))).await;
    assert_eq!(names, ["cart:2"]);
    run.until(|body| (*body == ReportBody::Forget(Scope::Applications)).then_some(())).await;
    facts(run, |facts| facts.reads == Some(World::Api)).await;
    let last = |scope: &Scope| {
        run.log.iter().rev().find_map(|body| if let ReportBody::State(of, state) = body { (of == scope).then_some(state) } else { None })
    };
    assert_eq!((last(&Scope::Applications), last(&project("shop"))), (Some(&SourceState::Live), Some(&SourceState::Live)), "no gap");
}

#[tokio::test(start_paused = true)]
async fn a_configured_cluster_stands_in_for_an_api_that_is_down_from_the_start() {
    let holder = Cluster::new(&[app("cart", "shop", "1")]);
    let server = Scripted::start(holder.script()).await;
    // Nobody listens there any more.
    let gone = Scripted::start(|_| Reply::Silence).await.url();
    let access = ArgocdAccess { cluster_is_configured: true, ..argocd_access(Some(api_access(gone, token())), &["holder"]) };
    let mut here = run(access, &[("holder", &server)], |_| {});
    facts(&mut here.run, |facts| facts.fallback == Some(Fallback::Ready)).await;
    facts(&mut here.run, |facts| facts.reads == Some(World::Cluster)).await;
    here.run.live(&Scope::Applications).await;
}

#[tokio::test(start_paused = true)]
async fn without_the_permission_nothing_stands_in_and_it_is_said_beforehand() {
    let apps = [app("cart", "shop", "1")];
    let argo = Argo::new(&[("shop", &apps)]);
    let api = Scripted::start(argo.script()).await;
    let holder = Cluster::new(&apps);
    holder.set(|state| state.only_in = Some("elsewhere"));
    let server = Scripted::start(holder.script()).await;
    let mut here = run(argocd_access(Some(api_access(api.url(), token())), &["holder"]), &[("holder", &server)], |_| {});
    let told = facts(&mut here.run, |facts| facts.fallback.is_some()).await;
    assert!(matches!(told.fallback, Some(Fallback::No(why)) if why.as_str().contains("may not list and watch applications")));
    assert_eq!(told.holder.unwrap().as_wire(), "holder");
    drop(api);
    let run = &mut here.run;
    run.state(&project("shop"), |state| matches!(state, SourceState::Waiting { .. })).await;
    run.pass(Duration::from_secs(20)).await;
    assert_eq!(server.count("limit="), 0);
}
