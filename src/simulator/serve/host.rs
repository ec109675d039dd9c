//! One server's port: it accepts connections while the server is up, keeps the port while it is down, and lays the server's faults over every answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::answer::{Answer, Content, Cut, Question};
use super::body::Body;
use super::gate::Gate;
use super::socket::Socket;
use super::{argocd, control, git, github, kubernetes};
use crate::simulator::clock::Clock;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// What a connection with TLS begins with.
const HANDSHAKE: u8 = 0x16;
/// Between two tries of what should work at once.
const AGAIN: Duration = Duration::from_millis(20);

/// Who answers.
pub(super) enum Site {
    Kubernetes(kubernetes::Server),
    Argocd(argocd::Server),
    Git(git::Server),
    Github(github::Server),
    Control(control::Server),
}

impl Site {
    async fn answer(&self, question: Question) -> Result<Answer, Cut> {
        match self {
            Self::Kubernetes(server) => Ok(server.answer(question).await),
            Self::Argocd(server) => server.answer(question).await,
            Self::Git(server) => Ok(server.answer(question).await),
            Self::Github(server) => Ok(server.answer(&question)),
            Self::Control(server) => Ok(server.answer(&question)),
        }
    }

    fn refusal(&self, status: StatusCode, says: Option<&str>) -> Answer {
        match self {
            Self::Kubernetes(_) => kubernetes::refusal(status, says),
            Self::Argocd(_) => argocd::refusal(status, says),
            Self::Github(_) => github::refusal(status, says),
            Self::Git(_) | Self::Control(_) => Answer::text(status, "refused\n"),
        }
    }
}

pub(super) struct Host {
    pub(super) address: SocketAddr,
    pub(super) gate: Arc<Gate>,
    pub(super) site: Site,
    pub(super) clock: Clock,
    pub(super) acceptor: TlsAcceptor,
}

impl Host {
    /// Serves for ever.
    pub(super) async fn run(self, mut listener: TcpListener) {
        let host = Arc::new(self);
        loop {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    biased;
                    () = host.gate.until_down(true) => break,
                    Some(_) = connections.join_next() => {}
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => {
                            // Small answers leave at once.
                            let _ = stream.set_nodelay(true);
                            let socket = Socket { stream, connection: host.gate.connect() };
                            connections.spawn(Arc::clone(&host).converse(socket));
                        }
                        Err(_no_file_descriptor_left) => tokio::time::sleep(AGAIN).await,
                    },
                }
            }
            drop(listener);
            connections.shutdown().await;
            listener = host.reopened().await;
        }
    }

    /// Holds the port without listening, so that it refuses and nobody else takes it, until the server is up again.
    async fn reopened(&self) -> TcpListener {
        loop {
            let Ok(socket) = held(self.address) else {
                tokio::time::sleep(AGAIN).await;
                continue;
            };
            self.gate.until_down(false).await;
            match socket.listen(BACKLOG) {
                Ok(listener) => return listener,
                Err(_taken) => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    async fn converse(self: Arc<Self>, socket: Socket) {
        let mut first = [0];
        // The first byte tells TLS from HTTP.
        match socket.stream.peek(&mut first).await {
            Ok(1) if first == [HANDSHAKE] => match self.acceptor.accept(socket).await {
                Ok(stream) => self.talk(stream).await,
                Err(_not_trusted) => {}
            },
            Ok(1) => self.talk(socket).await,
            _ => {}
        }
    }

    async fn talk(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request| self.respond(request));
        // A connection that ends in the middle is the client's affair, or a fault at work.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn respond(&self, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        self.gate.count_request();
        let question = Question::read(request).await;
        if let Some(latency) = self.gate.latency() {
            tokio::time::sleep(latency).await;
        }
        let fault = self.gate.fault();
        let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
        let mut answer = match (status, question) {
            (Some(status), _) => self.site.refusal(status, fault.says.as_deref()),
            (None, Ok(question)) => self.site.answer(question).await?,
            (None, Err(answer)) => answer,
        };
        if let (Some(after), Some(_)) = (fault.retry_after, status) {
            answer.headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        if let Ok(date) = self.date(fault.skew_seconds).parse() {
            answer.headers.insert(DATE, date);
        }
        let truncated = fault.truncated && !matches!(&answer.content, Content::Whole(body) if body.is_empty());
        let mut response = Response::new(Body::new(answer.content, Arc::clone(&self.gate), truncated));
        *response.status_mut() = answer.status;
        *response.headers_mut() = *answer.headers;
        Ok(response)
    }

    fn date(&self, skew_seconds: i64) -> String {
        let now = self.clock.now();
        let shown = now.checked_add(jiff::SignedDuration::from_secs(skew_seconds)).unwrap_or(now);
        shown.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }
}

fn held(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // The connections that were cut linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
