//! The servers on real sockets, asked by a client that knows nothing but HTTP/1.1: what it sees is what was sent.

mod argocd;
mod faults;
mod files;
mod kubectl;
mod kubernetes;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::simulator::store::{APP_PROJECTS, APPLICATIONS, DEPLOYMENTS, NAMESPACES, PODS};

/// Longer than anything here takes; whoever waits for so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// One cluster and one Argo CD.
struct World {
    cluster: Store,
    argocd: Store,
    serving: Serving,
    token: String,
}

struct TestHands(BTreeMap<String, Store>);

impl Hands for TestHands {
    fn patch(&self, change: &Change<'_>) -> Result<(), Refused> {
        let Change { cluster, kind, namespace, name, patch, .. } = *change;
        if patch.pointer("/spec/replicas").and_then(Value::as_i64).is_some_and(|replicas| replicas < 0) {
            return Err(Refused { code: 422, reason: "Invalid", message: "must not be negative".to_owned() });
        }
        let store = &self.0[cluster];
        let mut object = value(&store.get(kind, namespace, name).unwrap().json);
        json_patch::merge(&mut object, patch);
        store.put(kind, object);
        Ok(())
    }

    fn application(&self, _argocd: &str, _place: (&str, &str), deed: &ApplicationDeed) -> Result<(), Refused> {
        let refused = Refused { code: 400, reason: "FailedPrecondition", message: "another operation is already in progress".to_owned() };
        if *deed == ApplicationDeed::SyncWindow { Ok(()) } else { Err(refused) }
    }

    fn set_alive(&self, argocd: &str, _alive: bool) -> bool {
        argocd == "main"
    }

    fn truth(&self) -> Value {
        json!({ "truth": true })
    }

    fn churn(&self, _: u32) {}

    fn touch(&self, application: &str) -> Result<u64, Refused> {
        Err(Refused { code: 422, reason: "Invalid", message: application.to_owned() })
    }

    fn told(&self) -> String {
        "it began".to_owned()
    }
}

async fn world(version: &str) -> World {
    let (cluster, argocd) = (Store::new(1000), Store::new(500));
    for name in ["production", "staging", "dev"] {
        cluster.put(&NAMESPACES, json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
    }
    for number in 0..5 {
        cluster.put(&PODS, pod("production", &format!("cart-{number}"), if number < 2 { "stable" } else { "canary" }));
    }
    cluster.put(&PODS, pod("staging", "cart-0", "stable"));
    cluster.put(
        &DEPLOYMENTS,
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "namespace": "production", "name": "cart" }, "spec": { "replicas": 5 } }),
    );
    argocd.put(&APP_PROJECTS, json!({ "metadata": { "name": "shop", "namespace": "argocd" }, "spec": { "sourceRepos": ["*"] } }));
    argocd.put(&APP_PROJECTS, json!({ "metadata": { "name": "default", "namespace": "argocd" }, "spec": {} }));
    for name in ["cart-dev", "cart-production"] {
        argocd.put(&APPLICATIONS, application(name, "shop", "Healthy"));
    }
    argocd.put(&APPLICATIONS, application("tools", "default", "Healthy"));
    let plan = Plan {
        clusters: vec![ClusterPlan { name: "prod".to_owned(), store: cluster.clone() }],
        argocds: vec![ArgocdPlan { name: "main".to_owned(), namespace: "argocd".to_owned(), version: version.to_owned(), store: argocd.clone() }],
        pulls: None,
        repository: None,
        hands: Arc::new(TestHands(BTreeMap::from([("prod".to_owned(), cluster.clone())]))),
        clock: Clock::new("2026-11-20T09:00:00Z".parse().unwrap(), 1.0),
    };
    World { cluster, argocd, serving: Serving::start(plan).await.unwrap(), token: argocd_token("main", ARGOCD_ADMIN) }
}

fn pod(namespace: &str, name: &str, track: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": namespace, "name": name, "labels": { "app": "cart", "track": track } },
        "status": { "phase": "Running" },
    })
}

fn application(name: &str, project: &str, health: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "argocd", "labels": { "service": "cart" } },
        "spec": { "project": project, "destination": { "server": "https://kubernetes.default.svc", "namespace": "dev" } },
        "status": {
            "resources": [{ "kind": "Service", "name": "cart", "status": "Synced", "health": { "status": health } }],
            "sync": { "status": "Synced", "revision": "cec62c4ecef3ca0b2ad773dab59ed0521395697d" },
            "health": { "status": health },
        },
    })
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

/// An answer, as far as it came.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// As long as it said, or ended as a chunked body ends.
    is_whole: bool,
}

impl Reply {
    fn value(&self) -> Value {
        value(&self.body)
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut reply = Self { status, head, body: bytes[end + 4..].to_vec(), is_whole: false };
        if let Some(length) = reply.header("content-length").map(|length| length.parse::<usize>().unwrap()) {
            reply.is_whole = reply.body.len() == length;
        } else {
            (reply.body, reply.is_whole) = unchunked(&reply.body);
        }
        Some(reply)
    }
}

fn unchunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return (body, true);
        }
        let chunk = &bytes[end + 2..];
        body.extend_from_slice(&chunk[..length.min(chunk.len())]);
        bytes = chunk.get(length + 2..).unwrap_or_default();
    }
    (body, false)
}

fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // A stream that goes on has no end yet.
    let _ = flate2::read::GzDecoder::new(bytes).read_to_end(&mut out);
    out
}

/// An open connection with a question on it.
struct Talk {
    socket: TcpStream,
    bytes: Vec<u8>,
}

impl Talk {
    async fn open(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Self> {
        let mut talk = Self { socket: TcpStream::connect(address).await?, bytes: Vec::new() };
        talk.ask(method, path, headers, body).await?;
        Ok(talk)
    }

    async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<()> {
        let mut text = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        let is_named = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
        for (name, value) in headers.iter().chain(if is_named { [].iter() } else { [("Host", "127.0.0.1")].iter() }) {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        self.socket.write_all(format!("{text}\r\n{body}").as_bytes()).await
    }

    /// Reads until what came satisfies, or the connection ends; the latter is `Err`.
    async fn until(&mut self, enough: impl Fn(&Reply) -> bool) -> Result<Reply, Option<Reply>> {
        tokio::time::timeout(PATIENCE, async {
            loop {
                let reply = Reply::read(&self.bytes);
                match reply {
                    Some(reply) if enough(&reply) => return Ok(reply),
                    reply => {
                        if !matches!(self.socket.read_buf(&mut self.bytes).await, Ok(1..)) {
                            return Err(reply);
                        }
                    }
                }
            }
        })
        .await
        .unwrap_or_else(|_| panic!("waited in vain; so far: {}", String::from_utf8_lossy(&self.bytes)))
    }

    /// The answer, as far as it comes.
    async fn reply(&mut self) -> Option<Reply> {
        match self.until(|reply| reply.is_whole).await {
            Ok(reply) => Some(reply),
            Err(reply) => reply,
        }
    }
}

impl World {
    fn address(&self, server: &str) -> SocketAddr {
        self.serving.address(server).unwrap()
    }

    async fn open(&self, server: &str, token: &str, path: &str, headers: &[(&str, &str)]) -> Talk {
        let bearer = format!("Bearer {token}");
        let headers: Vec<_> = headers.iter().copied().chain([("Authorization", bearer.as_str())]).collect();
        Talk::open(self.address(server), "GET", path, &headers, "").await.unwrap()
    }

    /// A watch or stream of the cluster by the administrator.
    async fn watch(&self, path: &str) -> Talk {
        self.open("cluster:prod", "admin", path, &[]).await
    }

    async fn ask(&self, server: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        Talk::open(self.address(server), method, path, headers, body).await.unwrap().reply().await.unwrap()
    }

    /// Asks the cluster as a user.
    async fn cluster(&self, user: &str, path: &str) -> Reply {
        self.ask("cluster:prod", "GET", path, &[("Authorization", &format!("Bearer {user}"))], "").await
    }

    /// Asks Argo CD as its administrator.
    async fn argocd(&self, path: &str) -> Reply {
        self.ask("argocd:main", "GET", path, &[("Authorization", &format!("Bearer {}", self.token))], "").await
    }

    async fn control(&self, method: &str, path: &str, body: &str) -> Reply {
        self.ask(CONTROL, method, path, &[], body).await
    }

    fn fault(&self, server: &str, fault: Fault) {
        assert!(self.serving.faults().set(server, fault));
    }
}

/// The names of the items of a list.
fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

/// Type and name of each event that came.
fn events(reply: &Reply) -> Vec<String> {
    let lines = reply.text().lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let short = |event: Value| format!("{} {}", event["type"].as_str().unwrap(), event["object"]["metadata"]["name"].as_str().unwrap_or("-"));
    lines.map(short).collect()
}

/// Asks again and again until the answer satisfies.
async fn eventually<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it never came to be")
}
