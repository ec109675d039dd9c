//! For tests: a server over a real loopback socket that answers by script, and a source that is run against it.
//!
//! Time stands still in these tests (`start_paused`) and moves only where a test says so: [`Run`] keeps the runtime from moving it by itself while
//! it waits for the network.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::base::{Epoch, Raw, RequestId};
use crate::domain::SourceId;
use crate::domain::observation::{Observation, Report, ReportBody, Scope, SourceState};
use crate::sources::{Ask, Outbox};

/// A request that the server saw.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// A header's value; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// What the server does about a request.
pub(crate) enum Reply {
    /// Answers with status, headers and body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Answers with a body that comes piece by piece, for as long as the sender lives.
    Stream(&'static str, mpsc::UnboundedReceiver<Vec<u8>>),
    /// Promises more than it sends, and hangs up.
    Truncated(Vec<u8>),
    /// Says nothing and keeps the connection.
    Silence,
}

impl Reply {
    /// 200 with JSON.
    pub(crate) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::Whole(200, vec![("Content-Type", "application/json".to_owned())], body.into())
    }

    /// Another status with JSON.
    pub(crate) fn refused(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Whole(status, vec![("Content-Type", "application/json".to_owned())], body.into())
    }
}

type Script = Arc<Mutex<dyn FnMut(&Seen) -> Reply + Send>>;

/// The server. Dropped, it hangs up on everybody and listens no more.
pub(crate) struct Scripted {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    /// Listens somewhere on loopback.
    pub(crate) async fn start(script: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    /// Listens where another one listened before.
    pub(crate) async fn start_at(address: SocketAddr, script: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let script: Script = Arc::new(Mutex::new(script));
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection, Arc::clone(&script), Arc::clone(&log)));
            }
        });
        Self { address, seen, task }
    }

    /// `http://…`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests so far had this in their target.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.seen().iter().filter(|seen| seen.target.contains(part)).count()
    }
}

async fn serve(mut connection: TcpStream, script: Script, log: Arc<Mutex<Vec<Seen>>>) {
    // Otherwise the second half of an answer waits 40 ms for the first half to be confirmed.
    let _ = connection.set_nodelay(true);
    let mut bytes = Vec::new();
    while let Some(seen) = request(&mut connection, &mut bytes).await {
        log.lock().unwrap_or_else(PoisonError::into_inner).push(seen.clone());
        let reply = (script.lock().unwrap_or_else(PoisonError::into_inner))(&seen);
        if answer(&mut connection, reply).await.is_none() {
            return;
        }
    }
}

async fn request(connection: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut lines = head.lines();
            let target = lines.next()?.split(' ').nth(1)?.to_owned();
            let headers: Vec<_> =
                lines.filter_map(|line| line.split_once(':')).map(|(key, value)| (key.to_ascii_lowercase(), value.trim().to_owned())).collect();
            let length = headers.iter().find(|(key, _)| key == "content-length").and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let body = bytes[end + 4..end + 4 + length].to_vec();
                bytes.drain(..end + 4 + length);
                return Some(Seen { target, headers, body });
            }
        }
        if connection.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// `None` when the connection is done.
async fn answer(connection: &mut TcpStream, reply: Reply) -> Option<()> {
    match reply {
        Reply::Whole(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n", body.len());
            for (key, value) in headers {
                let _ = write!(head, "{key}: {value}\r\n");
            }
            head += "\r\n";
            connection.write_all(head.as_bytes()).await.ok()?;
            connection.write_all(&body).await.ok()
        }
        Reply::Stream(content_type, mut pieces) => {
            // Like Argo CD: not even the head before the first piece.
            let mut started = false;
            while let Some(piece) = pieces.recv().await {
                if !std::mem::replace(&mut started, true) {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n");
                    connection.write_all(head.as_bytes()).await.ok()?;
                }
                if !piece.is_empty() {
                    connection.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.ok()?;
                    connection.write_all(&piece).await.ok()?;
                    connection.write_all(b"\r\n").await.ok()?;
                }
            }
            connection.write_all(b"0\r\n\r\n").await.ok()?;
            None
        }
        Reply::Truncated(body) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len() + 100);
            connection.write_all(head.as_bytes()).await.ok()?;
            connection.write_all(&body).await.ok()?;
            None
        }
        Reply::Silence => std::future::pending().await,
    }
}

/// A source that runs, and what it reported so far. Dropped, the source ends.
pub(crate) struct Run {
    reports: mpsc::Receiver<Report>,
    /// To ask the source.
    pub(crate) asks: mpsc::Sender<Ask>,
    /// Everything that was reported and looked at.
    pub(crate) log: Vec<ReportBody>,
    task: JoinHandle<()>,
    _still: std::sync::mpsc::Sender<()>,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Run {
    /// Runs a source that is given its questions and its outbox.
    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(id: SourceId, source: impl FnOnce(mpsc::Receiver<Ask>, Outbox) -> F) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (send, reports) = mpsc::channel(64);
        let (asks, asked) = mpsc::channel(8);
        let task = tokio::spawn(source(asked, Outbox::new(id, Epoch::default(), send)));
        // A blocking task keeps paused time from running ahead. It ends with the test, or lets time run when the test waits in vain.
        let (still, held) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || held.recv_timeout(Duration::from_secs(20)));
        Self { reports, asks, log: Vec::new(), task, _still: still }
    }

    /// Lets time pass, in steps that let what falls due happen; before it, lets what is due now happen, so that it sees the time before.
    pub(crate) async fn pass(&self, time: Duration) {
        let mut left = time;
        loop {
            // What the kernel still has in hand must arrive before its time limit passes: a moment of real time for each second.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            let (_nobody, moment) = std::sync::mpsc::channel::<()>();
            let _ = tokio::task::spawn_blocking(move || moment.recv_timeout(Duration::from_millis(5))).await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            if left.is_zero() {
                return;
            }
            let step = left.min(Duration::from_secs(1));
            tokio::time::advance(step).await;
            left -= step;
        }
    }

    /// Takes in what was reported until now: a source whose reports nobody takes in stands still.
    pub(crate) fn listen(&mut self) {
        while let Ok(report) = self.reports.try_recv() {
            self.log.push(report.body);
        }
    }

    /// Takes reports in until one of them is what is waited for.
    pub(crate) async fn until<T>(&mut self, mut wanted: impl FnMut(&ReportBody) -> Option<T>) -> T {
        loop {
            let report = tokio::time::timeout(Duration::from_hours(1), self.reports.recv()).await;
            let Ok(Some(report)) = report else { panic!("waited in vain; heard {:#?}", self.log) };
            let found = wanted(&report.body);
            self.log.push(report.body);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Waits for a fact.
    pub(crate) async fn observed<T>(&mut self, mut wanted: impl FnMut(&Observation) -> Option<T>) -> T {
        self.until(|body| if let ReportBody::Observed(observation) = body { wanted(observation) } else { None }).await
    }

    /// Waits for a scope to be in such a state.
    pub(crate) async fn state(&mut self, scope: &Scope, wanted: impl Fn(&SourceState) -> bool) -> SourceState {
        self.until(|body| match body {
            ReportBody::State(of, state) if of == scope && wanted(state) => Some(state.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for a scope to be live.
    pub(crate) async fn live(&mut self, scope: &Scope) {
        self.state(scope, SourceState::is_live).await;
    }

    /// Waits for the answer to a question; why there is none.
    pub(crate) async fn answered(&mut self, request: RequestId) -> Option<String> {
        self.until(|body| match body {
            ReportBody::Answered { request: of, failed } if *of == request => Some(failed.as_ref().map(ToString::to_string)),
            _ => None,
        })
        .await
    }
}

/// The scope of a project.
pub(crate) fn project(name: &str) -> Scope {
    Scope::Project(Raw::from(name))
}
