//! A scripted API server on a real loopback socket, for tests: answers each path as a function says, keeps count of what it was asked, and can
//! freeze like a stopped process: the kernel still accepts connections, nothing is answered.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::base::Epoch;
use crate::domain::access::ClusterAccess;
use crate::domain::observation::{Report, ReportBody, Scope, SourceState};
use crate::domain::{ClusterName, Namespace, SourceId};
use crate::sources::clients::Clients;
use crate::sources::{Ask, Outbox};

/// An answer to one request.
pub(super) enum Answer {
    /// A status, headers with their line ends, and a body.
    Whole(u16, &'static str, String),
    /// A success whose body comes piece by piece, in chunks, until the sender is gone. `None` cuts the connection.
    Pieces(mpsc::UnboundedReceiver<Option<String>>),
}

impl Answer {
    pub(super) fn json(body: impl Into<String>) -> Self {
        Self::Whole(200, "", body.into())
    }

    /// A refusal with a `metav1.Status`.
    pub(super) fn refusal(code: u16, message: &str) -> Self {
        Self::Whole(code, "", format!(r#"{{"kind":"Status","metadata":{{}},"status":"Failure","message":"{message}","code":{code}}}"#))
    }

    /// A body of these pieces, then the end; cut where `None` is.
    pub(super) fn of(pieces: &[Option<&str>]) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        for piece in pieces {
            sender.send(piece.map(str::to_owned)).unwrap();
        }
        Self::Pieces(receiver)
    }
}

type Script = dyn Fn(&str) -> Answer + Send + Sync;

/// The server. It ends when it is dropped.
pub(super) struct Fake {
    address: SocketAddr,
    folder: TempDir,
    frozen: watch::Sender<bool>,
    asked: Arc<Mutex<Vec<String>>>,
    open: Arc<Mutex<(usize, usize)>>,
    _tasks: JoinSet<()>,
}

impl Fake {
    /// Starts a server that answers a path and query as `script` says.
    pub(super) async fn start(script: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (frozen, is_frozen) = watch::channel(false);
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let open: Arc<Mutex<(usize, usize)>> = Arc::default();
        let script: Arc<Script> = Arc::new(script);
        let mut tasks = JoinSet::new();
        let (log, count) = (Arc::clone(&asked), Arc::clone(&open));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, log, count, is_frozen) = (Arc::clone(&script), Arc::clone(&log), Arc::clone(&count), is_frozen.clone());
                connections.spawn(async move {
                    {
                        let mut count = count.lock().unwrap();
                        count.0 += 1;
                        count.1 = count.1.max(count.0);
                    }
                    let _ = serve(stream, &*script, &log, is_frozen).await;
                    count.lock().unwrap().0 -= 1;
                });
            }
        });
        Self { address, folder: tempfile::tempdir().unwrap(), frozen, asked, open, _tasks: tasks }
    }

    /// How a source reaches it.
    pub(super) fn access(&self, namespaces: &[&str]) -> ClusterAccess {
        let path = self.folder.path().join("config");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: fake\nclusters: [{{name: c, cluster: {{server: 'http://{}'}}}}]\n\
             contexts: [{{name: fake, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n",
            self.address
        );
        std::fs::write(&path, text).unwrap();
        ClusterAccess {
            name: ClusterName::from("fake"),
            kubeconfig: Some(path),
            context: "fake".into(),
            server: None,
            namespaces: namespaces.iter().map(|name| Namespace::from(*name)).collect(),
            destinations: Vec::new(),
            held_back: None,
        }
    }

    /// Stops or resumes answering, as SIGSTOP and SIGCONT would.
    pub(super) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// Paths and queries asked so far that contain a text.
    pub(super) fn asked(&self, part: &str) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|path| path.contains(part)).cloned().collect()
    }

    /// The most connections that were open at once.
    pub(super) fn most_open(&self) -> usize {
        self.open.lock().unwrap().1
    }

    /// The connections that are open now.
    pub(super) fn now_open(&self) -> usize {
        self.open.lock().unwrap().0
    }

    /// Starts the source against it.
    pub(super) fn source(&self, namespaces: &[&str]) -> Running {
        let access = self.access(namespaces);
        let clients = Clients::new([access.clone()]);
        let (asks, asked) = mpsc::channel(8);
        let (sender, reports) = mpsc::channel(64);
        let outbox = Outbox::new(SourceId::cluster(&access.name), Epoch(1), sender);
        let mut tasks = JoinSet::new();
        tasks.spawn(super::run(access, clients, asked, outbox));
        Running { asks, reports, tasks }
    }
}

async fn serve(mut stream: TcpStream, script: &Script, log: &Mutex<Vec<String>>, mut is_frozen: watch::Receiver<bool>) -> std::io::Result<()> {
    let gone = |_| std::io::Error::other("the test is over");
    let mut buffer = Vec::new();
    loop {
        while !buffer.windows(4).any(|window| window == b"\r\n\r\n") {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await?;
            if count == 0 {
                return Ok(());
            }
            buffer.extend_from_slice(&bytes[..count]);
        }
        let head = String::from_utf8_lossy(&buffer).into_owned();
        buffer.clear();
        is_frozen.wait_for(|frozen| !frozen).await.map_err(gone)?;
        let path = head.split(' ').nth(1).unwrap().to_owned();
        log.lock().unwrap().push(path.clone());
        match script(&path) {
            Answer::Whole(code, headers, body) => {
                let length = body.len();
                stream.write_all(format!("HTTP/1.1 {code} x\r\ncontent-length: {length}\r\n{headers}\r\n{body}").as_bytes()).await?;
            }
            Answer::Pieces(mut pieces) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                loop {
                    // A client that hangs up ends the watch, as it would a real server's.
                    let mut byte = [0; 1];
                    let piece = tokio::select! {
                        piece = pieces.recv() => piece,
                        read = stream.read(&mut byte) => return read.map(drop),
                    };
                    is_frozen.wait_for(|frozen| !frozen).await.map_err(gone)?;
                    match piece {
                        Some(Some(text)) => stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await?,
                        Some(None) => return Ok(()),
                        None => break,
                    }
                }
                stream.write_all(b"0\r\n\r\n").await?;
            }
        }
    }
}

/// A source that runs against a [`Fake`]; it ends when this is dropped.
pub(super) struct Running {
    pub(super) asks: mpsc::Sender<Ask>,
    reports: mpsc::Receiver<Report>,
    pub(super) tasks: JoinSet<()>,
}

impl Running {
    /// The next report.
    pub(super) async fn next(&mut self) -> ReportBody {
        self.reports.recv().await.unwrap().body
    }

    /// The first report that `wanted` takes; the ones before it are passed over.
    pub(super) async fn until<T>(&mut self, mut wanted: impl FnMut(ReportBody) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.next().await) {
                return found;
            }
        }
    }

    /// Waits until a scope is in a state of this word, and gives the state.
    pub(super) async fn state(&mut self, scope: &Scope, word: &str) -> SourceState {
        self.until(|body| match body {
            ReportBody::State(about, state) if about == *scope && state.word() == word => Some(state),
            _ => None,
        })
        .await
    }

    /// Waits until each of these scopes has been in a state of this word.
    pub(super) async fn states(&mut self, scopes: impl IntoIterator<Item = Scope>, word: &str) {
        let mut left: std::collections::HashSet<Scope> = scopes.into_iter().collect();
        while !left.is_empty() {
            if let ReportBody::State(scope, state) = self.next().await
                && state.word() == word
            {
                left.remove(&scope);
            }
        }
    }
}

/// An empty list of a version.
pub(super) fn empty(version: u64) -> Answer {
    Answer::json(format!(r#"{{"metadata":{{"resourceVersion":"{version}"}},"items":[]}}"#))
}

/// A watch that never says anything.
pub(super) fn quiet() -> Answer {
    let (sender, receiver) = mpsc::unbounded_channel();
    // Never dropped: the watch stays open until the test's runtime is gone.
    std::mem::forget(sender);
    Answer::Pieces(receiver)
}

/// An object with a name and a version, in namespace `shop`.
pub(super) fn object(name: &str, version: u64) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"shop","resourceVersion":"{version}"}},"spec":{{"template":{{"spec":{{"containers":[{{"name":"a","image":"x:{version}"}}]}}}}}}}}"#
    )
}

/// A line of a watch.
pub(super) fn event(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

/// Answers lists with nothing and watches with silence.
pub(super) fn calm(path: &str) -> Answer {
    if path.contains("watch=1") { quiet() } else { empty(1) }
}

/// The namespaces of these names.
pub(super) fn set(names: &[&str]) -> BTreeSet<Namespace> {
    names.iter().map(|name| Namespace::from(*name)).collect()
}
