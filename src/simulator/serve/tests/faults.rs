//! What can be wrong with a server, on connections that are open already and on new ones, and that it goes on when healed.

use super::argocd::roused;
use super::*;

const CLUSTER: &str = "cluster:prod";
const ARGOCD: &str = "argocd:main";

#[tokio::test]
async fn a_server_that_is_down_refuses_and_comes_back() {
    let world = world("v3.2.11").await;
    let address = world.address(CLUSTER);
    let mut watch = world.watch("/api/v1/pods?watch=1").await;
    watch.until(|reply| events(reply).len() == 6).await.unwrap();
    world.fault(CLUSTER, Fault { down: true, ..Fault::default() });
    assert!(watch.until(|_| false).await.is_err(), "the watch is cut");
    eventually(async || TcpStream::connect(address).await.err().filter(|error| error.kind() == io::ErrorKind::ConnectionRefused)).await;
    assert_eq!(world.argocd("/api/version").await.status, 200, "the others live");
    world.fault(CLUSTER, Fault::default());
    eventually(async || TcpStream::connect(address).await.ok()).await;
    assert_eq!(world.cluster("admin", "/version").await.status, 200);
}

#[tokio::test]
async fn a_frozen_server_is_silent_until_it_thaws() {
    let world = world("v3.2.11").await;
    let mut watch = world.watch("/api/v1/pods?watch=1").await;
    watch.until(|reply| events(reply).len() == 6).await.unwrap();
    world.fault(CLUSTER, Fault { frozen: true, ..Fault::default() });
    world.cluster.put(&PODS, pod("dev", "late", "x"));
    let mut asked = world.watch("/version").await;
    let silent = tokio::select! {
        _ = watch.until(|reply| events(reply).len() == 7) => false,
        _ = asked.reply() => false,
        () = tokio::time::sleep(Duration::from_millis(300)) => true,
    };
    assert!(silent, "not a byte");
    world.fault(CLUSTER, Fault::default());
    watch.until(|reply| events(reply).len() == 7).await.unwrap();
    assert_eq!(asked.reply().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_status_is_said_in_each_servers_words() {
    let world = world("v3.2.11").await;
    let fault = Fault { status: Some(503), retry_after: Some(Duration::from_secs(7)), ..Fault::default() };
    world.fault(CLUSTER, fault.clone());
    world.fault(ARGOCD, fault);
    let reply = world.cluster("admin", "/version").await;
    assert_eq!((reply.status, reply.header("retry-after"), &reply.value()["kind"]), (503, Some("7"), &json!("Status")));
    let reply = world.argocd("/api/v1/applications").await;
    assert_eq!((reply.status, reply.header("retry-after"), &reply.value()["code"]), (503, Some("7"), &json!(14)));
    world.fault(CLUSTER, Fault { status: Some(429), ..Fault::default() });
    let reply = world.cluster("admin", "/version").await;
    assert_eq!((reply.status, reply.header("retry-after"), reply.text()), (429, None, "Too many requests, please try again later.\n"));
    world.fault(CLUSTER, Fault::default());
    assert_eq!(world.cluster("admin", "/version").await.status, 200);
}

#[tokio::test]
async fn answers_are_cut_come_late_or_in_drops() {
    let world = world("v3.2.11").await;
    let whole = world.cluster("admin", "/api/v1/pods").await;
    world.fault(CLUSTER, Fault { truncated: true, ..Fault::default() });
    let cut = world.cluster("admin", "/api/v1/pods").await;
    assert_eq!((cut.status, cut.header("content-length"), cut.is_whole), (200, whole.header("content-length"), false));
    assert_eq!(cut.body, whole.body[..whole.body.len() / 2]);

    let late = Duration::from_millis(200);
    world.fault(CLUSTER, Fault { latency: Some(late), ..Fault::default() });
    let began = tokio::time::Instant::now();
    assert_eq!(world.cluster("admin", "/api/v1/pods").await.body, whole.body);
    assert!(began.elapsed() >= late);

    world.fault(CLUSTER, Fault { drip: true, ..Fault::default() });
    let mut dripping = world.watch("/api/v1/pods").await;
    let some = dripping.until(|reply| reply.body.len() > 4).await.unwrap();
    assert_eq!((some.body.len(), some.is_whole), (8, false), "a few bytes at a time");
    world.fault(CLUSTER, Fault::default());
    assert_eq!(dripping.reply().await.unwrap().body, whole.body, "and the rest once it is healed");
}

#[tokio::test]
async fn watches_and_streams_are_cut() {
    let world = world("v3.2.11").await;
    let mut watch = world.watch("/api/v1/pods?watch=1").await;
    watch.until(|reply| events(reply).len() == 6).await.unwrap();
    let mut stream = world.open(ARGOCD, &world.token, "/api/v1/stream/applications", &[]).await;
    stream.until(|reply| reply.text().lines().count() == 3).await.unwrap();
    let fault = Fault { cut_watches: Some(Duration::from_millis(20)), ..Fault::default() };
    world.fault(CLUSTER, fault.clone());
    world.fault(ARGOCD, fault);
    for talk in [&mut watch, &mut stream] {
        let ended = talk.until(|_| false).await.unwrap_err().unwrap();
        assert!(!ended.is_whole, "cut, not ended");
    }
    // One that has nothing to say yet is cut, too, and other answers are not.
    let mut waiting = world.open(ARGOCD, &world.token, "/api/v1/stream/applications?resourceVersion=1", &[]).await;
    assert!(waiting.reply().await.is_none());
    assert_eq!(world.cluster("admin", "/api/v1/pods").await.status, 200);
}

#[tokio::test]
async fn events_are_lost_evenly() {
    let world = world("v3.2.11").await;
    world.fault(ARGOCD, Fault { lose_events: 50, ..Fault::default() });
    let path = "/api/v1/stream/applications?projects=default&fields=result.application.status.health";
    let mut stream = world.open(ARGOCD, &world.token, path, &[]).await;
    stream.until(|reply| !reply.body.is_empty()).await.unwrap();
    for number in 1..=4 {
        world.argocd.put(&APPLICATIONS, application("tools", "default", &format!("Round{number}")));
    }
    world.fault(ARGOCD, Fault { lose_events: 50, ..Fault::default() });
    let reply = stream.until(|reply| reply.text().contains("Round3")).await.unwrap();
    assert!(reply.text().contains("Round1") && !reply.text().contains("Round2"), "{}", reply.text());
    world.fault(ARGOCD, Fault { lose_events: 100, ..Fault::default() });
    world.argocd.put(&APPLICATIONS, application("tools", "default", "Lost"));
    eventually(async || (world.serving.faults.gates[ARGOCD].events() == 5).then_some(())).await;
    world.fault(ARGOCD, Fault::default());
    let reply = roused(&world, &mut stream).await;
    assert!(!reply.text().contains("Lost"), "{}", reply.text());
}

#[tokio::test]
async fn tokens_expire_and_permissions_go() {
    let world = world("v3.2.11").await;
    let both = async |fault: Fault| {
        world.fault(CLUSTER, fault.clone());
        world.fault(ARGOCD, fault);
        (world.cluster("admin", "/api/v1/pods").await, world.argocd("/api/v1/applications").await)
    };
    let (cluster, argocd) = both(Fault { expired_token: true, ..Fault::default() }).await;
    assert_eq!((cluster.status, argocd.status), (401, 401));
    assert_eq!((&cluster.value()["reason"], &argocd.value()["code"]), (&json!("Unauthorized"), &json!(16)));
    assert_eq!(world.argocd("/api/version").await.status, 200, "answers anybody");
    let (cluster, argocd) = both(Fault { forbidden: true, ..Fault::default() }).await;
    assert_eq!((cluster.status, argocd.status), (403, 403));
    assert_eq!(argocd.text(), r#"{"code":7,"error":"permission denied","message":"permission denied"}"#);
    assert!(cluster.text().contains(r#"User \"admin\" cannot list resource \"pods\""#));
    let (cluster, argocd) = both(Fault::default()).await;
    assert_eq!((cluster.status, argocd.status), (200, 200));
}

#[tokio::test]
async fn clocks_are_off() {
    let world = world("v3.2.11").await;
    assert!(world.cluster("admin", "/version").await.header("date").unwrap().starts_with("Fri, 20 Nov 2026 09:0"));
    world.fault(CLUSTER, Fault { skew_seconds: -86_400, ..Fault::default() });
    assert!(world.cluster("admin", "/version").await.header("date").unwrap().starts_with("Thu, 19 Nov 2026 09:0"));
}

#[tokio::test]
async fn the_control_server_sets_faults_and_counts() {
    let world = world("v3.2.11").await;
    assert_eq!(world.control("GET", "/world", "").await.value(), json!({ "truth": true }));
    assert_eq!(world.control("GET", "/told", "").await.value(), json!({ "line": "it began" }));
    let set = world.control("PUT", "/faults/argocd:main", r#"{"status":500,"latency":"10ms"}"#).await;
    assert_eq!((set.status, &set.value()["latency"]), (200, &json!("10ms")));
    assert_eq!(world.argocd("/api/version").await.status, 500);
    assert_eq!(world.control("GET", "/faults/argocd%3Amain", "").await.value()["status"], 500);
    assert_eq!(world.control("GET", "/faults", "").await.value()["cluster:prod"]["status"], Value::Null);
    assert_eq!(world.control("PUT", "/faults/argocd:main", r#"{"wrong":1}"#).await.status, 400);
    assert_eq!(world.control("PUT", "/faults/nobody", "{}").await.status, 404);
    assert_eq!(world.control("DELETE", "/faults/argocd:main", "").await.status, 200);
    assert_eq!(world.argocd("/api/version").await.status, 200);
    let watch = world.watch("/api/v1/pods?watch=1").await;
    let figures =
        eventually(async || Some(world.control("GET", "/requests", "").await.value()).filter(|all| all["cluster:prod"]["bytes"] != 0)).await;
    assert_eq!((&figures["cluster:prod"]["requests"], &figures["cluster:prod"]["connections"]), (&json!(1), &json!(1)));
    drop(watch);
    eventually(async || (world.control("GET", "/requests", "").await.value()["cluster:prod"]["connections"] == 0).then_some(())).await;
    for headers in [[("Host", "evil.example")], [("Origin", "http://evil.example")]] {
        assert_eq!(world.ask(CONTROL, "GET", "/world", &headers, "").await.status, 403);
    }
    assert_eq!(world.ask(CONTROL, "GET", "/world", &[("Host", "localhost:1234")], "").await.status, 200);
}

#[tokio::test]
async fn everything_ends_with_it() {
    let world = world("v3.2.11").await;
    let mut watch = world.watch("/api/v1/pods?watch=1").await;
    watch.until(|reply| events(reply).len() == 6).await.unwrap();
    let address = world.address(CLUSTER);
    drop(world.serving);
    assert!(watch.until(|_| false).await.is_err());
    eventually(async || TcpStream::connect(address).await.err()).await;
}
