//! For tests: a server over a real loopback socket that answers by script. It knows nothing of what is spoken over it beyond HTTP/1.1.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// A request that the server saw.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `GET`, `POST`, ….
    pub(crate) method: String,
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
    /// Hangs up without a word.
    Reset,
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
            let mut first = lines.next()?.split(' ').map(str::to_owned);
            let (method, target) = (first.next()?, first.next()?);
            let headers: Vec<_> =
                lines.filter_map(|line| line.split_once(':')).map(|(key, value)| (key.to_ascii_lowercase(), value.trim().to_owned())).collect();
            let length = headers.iter().find(|(key, _)| key == "content-length").and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let body = bytes[end + 4..end + 4 + length].to_vec();
                bytes.drain(..end + 4 + length);
                return Some(Seen { method, target, headers, body });
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
        Reply::Reset => None,
        Reply::Silence => std::future::pending().await,
    }
}

/// Drives something until the server saw it, then past its deadline, which must be over by then. Time must be paused.
pub(crate) async fn late<T>(work: impl Future<Output = T>, is_seen: impl Fn() -> bool, deadline: Duration) -> T {
    // A blocking task keeps paused time from running ahead by itself while the network is awaited.
    let (still, held) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || held.recv_timeout(Duration::from_secs(20)));
    let mut work = std::pin::pin!(work);
    while !is_seen() {
        tokio::select! {
            biased;
            _ = &mut work => panic!("it is over before the server saw it"),
            () = tokio::task::yield_now() => {}
        }
    }
    // A timer fires on the next millisecond.
    tokio::time::advance(deadline + Duration::from_millis(10)).await;
    let done = work.await;
    drop(still);
    done
}
