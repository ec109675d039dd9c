//! The source against a scripted Argo CD API.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{api_access, app, argocd_access, key, list, listed, start, tag, token};
use crate::base::{Raw, RequestId};
use crate::domain::access::{ApiAccess, SecretRef};
use crate::domain::observation::{Item, ItemKey, Observation, ReportBody, Scope, SourceState};
use crate::sources::scripted::{Reply, Run, Scripted, Seen, project};
use crate::sources::{Ask, Clients, Want};

type Odd = Box<dyn FnMut(&Seen) -> Option<Reply> + Send>;

/// What the scripted Argo CD has, and how it behaves.
pub(super) struct World {
    pub(super) apps: BTreeMap<String, Vec<Value>>,
    pub(super) may_read_all_projects: bool,
    pub(super) framing: &'static str,
    /// Looked at first: the reply to requests that it has something to say about.
    pub(super) odd: Odd,
    streams: Vec<mpsc::UnboundedSender<Vec<u8>>>,
}

/// A handle on the world of a scripted Argo CD.
#[derive(Clone)]
pub(super) struct Argo(Arc<Mutex<World>>);

impl Argo {
    pub(super) fn new(apps: &[(&str, &[Value])]) -> Self {
        let apps = apps.iter().map(|(project, apps)| ((*project).to_owned(), apps.to_vec())).collect();
        let odd: Odd = Box::new(|_| None);
        Self(Arc::new(Mutex::new(World { apps, may_read_all_projects: true, framing: "text/event-stream", odd, streams: Vec::new() })))
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut World)) -> &Self {
        change(&mut self.0.lock().unwrap());
        self
    }

    pub(super) fn odd(&self, odd: impl FnMut(&Seen) -> Option<Reply> + Send + 'static) -> &Self {
        self.set(|world| world.odd = Box::new(odd))
    }

    /// Sends bytes on the open stream.
    pub(super) fn send(&self, bytes: impl Into<Vec<u8>>) {
        self.0.lock().unwrap().streams.last().unwrap().send(bytes.into()).unwrap();
    }

    /// Sends an event on the open stream.
    pub(super) fn event(&self, kind: &str, application: &Value) {
        let message = json!({"result": {"type": kind, "application": application}}).to_string();
        let is_sse = self.0.lock().unwrap().framing == "text/event-stream";
        self.send(if is_sse { format!("data: {message} \n\n\n") } else { format!("{message}\n") });
    }

    /// Ends all streams.
    pub(super) fn hang_up(&self) {
        self.set(|world| world.streams.clear());
    }

    pub(super) fn script(&self) -> impl FnMut(&Seen) -> Reply + Send + 'static {
        let this = self.clone();
        move |seen| this.0.lock().unwrap().reply(seen)
    }
}

impl World {
    fn reply(&mut self, seen: &Seen) -> Reply {
        // The version is told to anybody, and the proof of life waits for no secret.
        assert!(seen.header("authorization").starts_with("Bearer ") || seen.target == "/api/version");
        if let Some(reply) = (self.odd)(seen) {
            return reply;
        }
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        match path {
            "/api/version" => Reply::json(r#"{"Version":"v3.2.11+unknown"}"#),
            "/api/v1/settings" => {
                Reply::json(r#"{"appLabelKey":"app","trackingMethod":"annotation","controllerNamespace":"argocd","installationID":"i"}"#)
            }
            "/api/v1/projects" => {
                let items: Vec<_> = self.apps.keys().map(|name| json!({"metadata": {"name": name}})).collect();
                Reply::json(json!({"items": items}).to_string())
            }
            "/api/v1/account/can-i/projects/get/*" => {
                Reply::json(if self.may_read_all_projects { r#"{"value":"yes"}"# } else { r#"{"value":"no"}"# })
            }
            "/api/v1/stream/applications" => {
                let (send, receive) = mpsc::unbounded_channel();
                self.streams.push(send);
                Reply::Stream(self.framing, receive)
            }
            "/api/v1/applications" => {
                let projects: Vec<_> = query.split('&').filter_map(|pair| pair.strip_prefix("projects=")).collect();
                let wanted = self.apps.iter().filter(|(project, _)| projects.is_empty() || projects.contains(&project.as_str()));
                Reply::json(list(&wanted.flat_map(|(_, apps)| apps.clone()).collect::<Vec<_>>()))
            }
            _ => {
                let name = path.strip_prefix("/api/v1/applications/").unwrap();
                let found = self.apps.values().flatten().find(|app| app["metadata"]["name"] == name);
                found.map_or_else(
                    || Reply::refused(404, r#"{"error":"x","code":5,"message":"application not found"}"#),
                    |app| Reply::json(app.to_string()),
                )
            }
        }
    }
}

fn shop() -> Argo {
    Argo::new(&[("shop", &[app("cart", "shop", "1"), app("till", "shop", "1")]), ("infra", &[app("dns", "infra", "1")])])
}

fn run(server: &Scripted) -> Run {
    start(argocd_access(Some(api_access(server.url(), token())), &[]), Clients::new([]))
}

async fn changed(run: &mut Run, name: &str) -> String {
    run.observed(|observation| match observation {
        Observation::Changed { item: Item::Application(of, application), .. } if *of == key(name) => Some(tag(application).to_owned()),
        _ => None,
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn the_stream_is_opened_first_and_each_project_lands_by_itself() {
    let argo = shop();
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    run.live(&project("infra")).await;
    if !run.log.iter().any(|body| matches!(body, ReportBody::State(scope, SourceState::Live) if *scope == project("shop"))) {
        run.live(&project("shop")).await;
    }
    let lists: Vec<_> = [project("shop"), project("infra")]
        .iter()
        .flat_map(|scope| {
            run.log.iter().filter_map(|body| if let ReportBody::Observed(fact) = body { listed(fact, scope) } else { None }).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(lists, [vec!["cart:1".to_owned(), "till:1".to_owned()], vec!["dns:1".to_owned()]]);
    assert!(run.log.contains(&ReportBody::Forget(Scope::Applications)), "projects speak for everything from now on");
    let instance =
        run.log.iter().rev().find_map(|body| if let ReportBody::Observed(Observation::Instance(facts)) = body { Some(facts) } else { None });
    let instance = instance.unwrap();
    assert_eq!(instance.version.as_ref().unwrap().as_str(), "v3.2.11+unknown");
    assert_eq!(instance.label_key, Some(Raw::from("app")));
    assert_eq!(instance.installation, Some(Raw::from("i")));

    let seen = server.seen();
    let position = |part: &str| seen.iter().position(|seen| seen.target.contains(part)).unwrap();
    assert!(position("/stream/") < position("/v1/applications?"), "the stream's request leaves first");
    let stream = &seen[position("/stream/")];
    assert_eq!((stream.header("accept"), stream.header("accept-encoding")), ("text/event-stream", "identity"));
    assert_eq!(stream.header("authorization"), "Bearer t0ken");
    assert_eq!(seen[position("/v1/applications?")].header("accept-encoding"), "gzip");

    argo.event("MODIFIED", &app("cart", "shop", "2"));
    assert_eq!(changed(&mut run, "cart").await, "2");
    argo.event("DELETED", &app("cart", "shop", "2"));
    run.observed(|fact| matches!(fact, Observation::Removed { key: ItemKey::Application(of), .. } if *of == key("cart")).then_some(())).await;
    let versions: Vec<_> = run.log.iter().filter_map(version).collect();
    assert!(versions.last() > versions.first() && versions.len() >= 4);
}

fn version(body: &ReportBody) -> Option<u64> {
    match body {
        ReportBody::Observed(
            Observation::Listed { version, .. }
            | Observation::Changed { version, .. }
            | Observation::Removed { version, .. }
            | Observation::Page { version, .. },
        ) => version.map(|version| version.0),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_stream_says_while_a_list_is_on_its_way_is_newer_than_the_list() {
    let argo = shop();
    let (release, mut held) = mpsc::unbounded_channel::<()>();
    // The list of `shop` lands only when the test lets it.
    let shop_list = list(&[app("cart", "shop", "1")]);
    let (send, receive) = mpsc::unbounded_channel();
    let mut receive = Some(receive);
    argo.odd(
        move |seen| if seen.target.contains("projects=shop") { receive.take().map(|pieces| Reply::Stream("application/json", pieces)) } else { None },
    );
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    run.live(&project("infra")).await;
    argo.event("MODIFIED", &app("cart", "shop", "2"));
    assert_eq!(changed(&mut run, "cart").await, "2");
    let streamed = run.log.iter().rev().find_map(version).unwrap();
    release.send(()).unwrap();
    held.recv().await.unwrap();
    send.send(shop_list.into_bytes()).unwrap();
    drop(send);
    let listed = run.observed(|fact| listed(fact, &project("shop")).map(|_| fact.clone())).await;
    assert!(version(&ReportBody::Observed(listed)).unwrap() < streamed, "the list was asked for before the stream spoke");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_know_all_projects_gets_one_list() {
    let argo = shop();
    argo.set(|world| world.may_read_all_projects = false);
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    let names = run.observed(|fact| listed(fact, &Scope::Applications)).await;
    assert_eq!(names, ["dns:1", "cart:1", "till:1"]);
    run.live(&Scope::Applications).await;
    assert_eq!(server.count("/v1/applications?"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_is_read_again_and_said_how_to_renew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let write = |text: &str| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    write("old\n");
    let argo = shop();
    argo.odd(|seen| {
        let body = r#"{"error":"token is expired","code":16,"message":"token is expired"}"#;
        (seen.header("authorization") != "Bearer new").then(|| Reply::refused(401, body))
    });
    let server = Scripted::start(argo.script()).await;
    let access = api_access(server.url(), SecretRef::File(path.clone()));
    let mut run = start(argocd_access(Some(access), &[]), Clients::new([]));
    let state = run.state(&Scope::Applications, |state| matches!(state, SourceState::Denied { .. })).await;
    let SourceState::Denied { why, cure } = state else { unreachable!() };
    assert_eq!((why.as_str(), cure.as_str()), ("token is expired", "argocd relogin here"));
    write("new\n");
    // The file is looked at, not the server asked.
    run.pass(Duration::from_secs(5)).await;
    run.live(&project("shop")).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_project_is_one_scope_and_patience_is_honoured() {
    let argo = shop();
    let mut tries = 0;
    argo.odd(move |seen| {
        if seen.target.contains("projects=infra") {
            return Some(Reply::refused(403, r#"{"error":"permission denied","code":7,"message":"permission denied: applications, get, infra"}"#));
        }
        if seen.target.contains("projects=shop") {
            tries += 1;
            let patience = vec![("Content-Type", "application/json".to_owned()), ("Retry-After", "7".to_owned())];
            return (tries == 1).then(|| Reply::Whole(429, patience, b"slow down".to_vec()));
        }
        None
    });
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    let (infra, shop) = (project("infra"), project("shop"));
    let mut seen = BTreeMap::new();
    while seen.len() < 2 {
        let (scope, state) = run
            .until(|body| match body {
                ReportBody::State(scope, state @ (SourceState::Denied { .. } | SourceState::Waiting { .. })) => Some((scope.clone(), state.clone())),
                _ => None,
            })
            .await;
        seen.insert(scope, state);
    }
    assert!(matches!(&seen[&infra], SourceState::Denied { why, .. } if why.as_str().contains("infra")));
    assert!(matches!(&seen[&shop], SourceState::Waiting { until: Some(_), .. }));
    assert_eq!(server.count("projects=shop"), 1);
    run.pass(Duration::from_millis(6900)).await;
    assert_eq!(server.count("projects=shop"), 1, "not before the time that the server asked for");
    run.pass(Duration::from_millis(200)).await;
    run.live(&shop).await;
    assert_eq!(server.count("/stream/"), 1, "the stream was not disturbed");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_is_a_loss_and_is_asked_for_again() {
    let argo = shop();
    let mut tries = 0;
    argo.odd(move |seen| {
        tries += i32::from(seen.target.contains("projects=shop"));
        (seen.target.contains("projects=shop") && tries == 1).then(|| Reply::Truncated(b"{\"items\":[{\"meta".to_vec()))
    });
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    run.state(&project("shop"), |state| matches!(state, SourceState::Waiting { until: Some(_), .. })).await;
    run.pass(Duration::from_secs(1)).await;
    run.live(&project("shop")).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_brings_a_new_list_at_once() {
    let argo = shop();
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    run.live(&project("shop")).await;
    argo.event("MODIFIED", &app("cart", "shop", "2"));
    changed(&mut run, "cart").await;
    argo.set(|world| world.apps.get_mut("shop").unwrap()[0] = app("cart", "shop", "3"));
    // Orderly, after a while: nothing is wrong, but something may have been missed.
    run.pass(Duration::from_secs(20)).await;
    argo.hang_up();
    let names = run.observed(|fact| listed(fact, &project("shop"))).await;
    assert_eq!(names, ["cart:3", "till:1"]);
    assert!(!run.log.iter().any(|body| matches!(body, ReportBody::State(_, SourceState::Waiting { .. }))), "no cell turned stale over it");
    assert_eq!(server.count("/stream/"), 2);
}

#[tokio::test(start_paused = true)]
async fn both_framings_and_frames_that_are_large_or_broken() {
    for framing in ["text/event-stream", "application/json"] {
        let argo = shop();
        argo.set(|world| world.framing = framing);
        let server = Scripted::start(argo.script()).await;
        let mut run = run(&server);
        run.live(&project("shop")).await;
        argo.send(if framing == "text/event-stream" { ":\n\ndata: {broken\n\n" } else { "{broken\n" });
        let mut large = app("cart", "shop", "20mb");
        let size = if framing == "text/event-stream" { 20 } else { 2 };
        large["status"]["filler"] = Value::from("x".repeat(size * 1024 * 1024));
        argo.event("MODIFIED", &large);
        assert_eq!(changed(&mut run, "cart").await, "20mb", "{framing}");
        assert_eq!(server.count("/stream/"), 1, "a broken frame ends nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_inside_of_the_stream_is_told_apart() {
    let argo = shop();
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    run.live(&project("shop")).await;
    argo.send("data: {\"error\":{\"grpc_code\":16,\"http_code\":401,\"message\":\"session is revoked\",\"http_status\":\"Unauthorized\"}} \n\n\n");
    let state = run.state(&project("shop"), |state| matches!(state, SourceState::Denied { .. })).await;
    assert!(matches!(state, SourceState::Denied { why, .. } if why.as_str() == "session is revoked"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_event_stream_is_dead() {
    let argo = shop();
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    run.live(&project("shop")).await;
    argo.send(":\n\n");
    argo.event("MODIFIED", &app("cart", "shop", "2"));
    changed(&mut run, "cart").await;
    run.pass(Duration::from_secs(51)).await;
    run.observed(|fact| listed(fact, &project("shop"))).await;
    assert_eq!(server.count("/stream/"), 2);
}

#[tokio::test(start_paused = true)]
async fn projects_come_and_go() {
    let argo = shop();
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    run.live(&project("shop")).await;
    argo.set(|world| {
        world.apps.insert("new".into(), vec![app("fresh", "new", "1"), app("quiet", "new", "1")]);
        world.apps.remove("infra");
    });
    argo.event("ADDED", &app("fresh", "new", "1"));
    let names = run.observed(|fact| listed(fact, &project("new"))).await;
    assert_eq!(names, ["fresh:1", "quiet:1"], "the project of an application that shows up is listed");
    run.asks.send(Ask { request: RequestId(7), want: Want::Relist }).await.unwrap();
    let gone = run.observed(|fact| listed(fact, &project("infra"))).await;
    assert!(gone.is_empty());
    assert_eq!(run.answered(RequestId(7)).await, None);
    assert!(run.log.contains(&ReportBody::Forget(project("infra"))));
}

#[tokio::test(start_paused = true)]
async fn the_detail_of_one_application_is_read_when_asked_for() {
    let argo = shop();
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    run.live(&project("shop")).await;
    run.asks.send(Ask { request: RequestId(1), want: Want::Detail(key("cart"), Raw::from("shop")) }).await.unwrap();
    let detail = run
        .observed(|fact| {
            if let Observation::Changed { item: Item::Detail(of, detail), .. } = fact { (*of == key("cart")).then(|| detail.clone()) } else { None }
        })
        .await;
    assert_eq!((detail.uid.as_wire(), detail.resources.len()), ("uid-cart", 1));
    assert_eq!(run.answered(RequestId(1)).await, None);
    assert!(server.count("/applications/cart?appNamespace=argocd&project=shop") > 0);
    run.asks.send(Ask { request: RequestId(2), want: Want::Detail(key("nothing"), Raw::from("shop")) }).await.unwrap();
    assert_eq!(run.answered(RequestId(2)).await.as_deref(), Some("application not found"));
}

#[tokio::test(start_paused = true)]
async fn a_program_whose_token_is_refused_is_run_ever_less_often_and_its_new_token_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("token"), "old").unwrap();
    let script = format!("echo >>{}; cat {}", at("runs"), at("token"));
    let runs = || std::fs::read_to_string(at("runs")).unwrap_or_default().lines().count();
    let argo = shop();
    argo.odd(|seen| {
        let refused = seen.header("authorization") != "Bearer new" && seen.target != "/api/version";
        refused.then(|| Reply::refused(401, r#"{"error":"x","code":16,"message":"token is expired"}"#))
    });
    let server = Scripted::start(argo.script()).await;
    let token = SecretRef::Command(["sh", "-c", &script].map(String::from).to_vec());
    let access = ApiAccess { renewal: None, ..api_access(server.url(), token) };
    let began = tokio::time::Instant::now();
    let mut run = start(argocd_access(Some(access), &[]), Clients::new([]));
    let state = run.state(&Scope::Applications, |state| matches!(state, SourceState::Denied { .. })).await;
    let SourceState::Denied { why, cure } = state else { panic!("{state:?}") };
    assert_eq!(why.as_str(), "token is expired");
    assert!(cure.as_str().starts_with("log in by hand, until 'sh -c ") && cure.as_str().ends_with("at least once a minute)"), "{cure}");
    // A program takes real time, in which the time of the test may run ahead: what is certain is how soon it is not run.
    for (run_number, earliest) in [(2, 5), (3, 15), (4, 35)] {
        while runs() < run_number {
            assert!(began.elapsed() < Duration::from_mins(5), "run {run_number} did not come");
            run.pass(Duration::from_secs(1)).await;
            run.listen();
        }
        assert!(began.elapsed() >= Duration::from_secs(earliest), "run {run_number} came too soon: {:?}", began.elapsed());
    }
    let (ran, asked) = (runs(), server.count("/api/v1/"));
    assert!(asked <= 5 * ran, "the server is not asked while nothing is new: {asked} times");
    std::fs::write(at("token"), "new").unwrap();
    while !run.log.contains(&ReportBody::State(project("shop"), SourceState::Live)) {
        assert!(began.elapsed() < Duration::from_mins(10), "the new token was not taken");
        run.pass(Duration::from_secs(1)).await;
        run.listen();
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_page_is_no_answer() {
    for reply in [
        || Reply::Whole(302, vec![("Location", "https://login.example/".to_owned())], Vec::new()),
        || Reply::Whole(200, vec![("Content-Type", "text/html; charset=utf-8".to_owned())], b"<html>".to_vec()),
    ] {
        let argo = shop();
        argo.odd(move |_| Some(reply()));
        let server = Scripted::start(argo.script()).await;
        let mut run = run(&server);
        let state = run.state(&Scope::Applications, |state| matches!(state, SourceState::Denied { .. })).await;
        assert!(matches!(state, SourceState::Denied { why, .. } if why.as_str().starts_with("not Argo CD but a login page answered")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_lost_within_12_seconds_and_comes_back() {
    let argo = shop();
    let server = Scripted::start(argo.script()).await;
    let mut run = run(&server);
    run.live(&project("shop")).await;
    argo.odd(|_| Some(Reply::Silence));
    run.pass(Duration::from_secs(12)).await;
    let state = run.state(&project("shop"), |state| matches!(state, SourceState::Waiting { .. })).await;
    assert!(matches!(state, SourceState::Waiting { why, .. } if why.as_str().starts_with("no answer within")));
    argo.odd(|_| None);
    run.pass(Duration::from_secs(6)).await;
    run.live(&project("shop")).await;
}
