//! One API server: requests that only read, their answers whole or line by line, and what a refusal means. Knows nothing of what is read.

use std::fmt::Debug;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio_util::bytes::{Bytes, BytesMut};

use crate::domain::access::ClusterAccess;
use crate::domain::observation::{self as domain, InstanceFacts, Observation};
use crate::sources::clients::Clients;
use crate::sources::mending::Mending;
use crate::sources::supervisor::within;
use crate::sources::{Failure, FailureKind, Outbox};

/// How long an answer may take from the request to its last byte.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a watch may take to begin.
const WATCH_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a failure to get a client, or a new client that did not help, holds for everybody: logging in may run a program.
const LOGIN_INTERVAL: Duration = Duration::from_secs(20);
/// The longest event that is accepted. etcd takes no object above 1.5 MB, but managed fields may be added to it.
const LINE_LIMIT: usize = 32 << 20;
/// How much of a text that explains a refusal is told.
const EXPLANATION_LIMIT: usize = 200;

/// What of an object is asked for (Kubernetes API concepts, "Metadata-only fetches").
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// In which form an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// All at once.
    Whole,
    /// All at once, and only the metadata of the object.
    Metadata,
    /// Line by line, for as long as it goes on.
    Watch,
}

/// One API server as one account sees it.
pub(super) struct Api {
    pub(super) access: ClusterAccess,
    clients: Clients,
    outbox: Outbox,
    login: Mutex<Login>,
    /// The client in use, for the proof of life: that must neither wait for a login nor run one.
    current: watch::Sender<Option<kube::Client>>,
}

#[derive(Default)]
struct Login {
    /// Grows with each new client that was asked for after a refusal.
    generation: u64,
    /// When a new client was asked for last, and what its files were like then.
    renewed: Option<(Instant, Mending)>,
    failed: Option<(Instant, Failure)>,
    /// Of which generation it was told how long the login is good for.
    told: Option<u64>,
    /// Of a login that ends, what its files were like when it was read.
    ending: Option<Mending>,
}

impl Api {
    pub(super) fn new(access: ClusterAccess, clients: Clients, outbox: Outbox) -> Self {
        Self { access, clients, outbox, login: Mutex::default(), current: watch::Sender::new(None) }
    }

    /// The whole body that a path answers with.
    pub(super) async fn get(&self, path: &str) -> Result<Bytes, Failure> {
        within(ANSWER_TIMEOUT, async {
            let response = self.open(path, Form::Whole).await?;
            let body = response.into_body().collect_bytes().await.map_err(Failure::from)?;
            self.outbox.count_bytes(body.len());
            Ok(body)
        })
        .await
    }

    /// The metadata of one object, and nothing of what it holds.
    pub(super) async fn metadata(&self, path: &str) -> Result<Bytes, Failure> {
        within(ANSWER_TIMEOUT, async {
            let response = self.open(path, Form::Metadata).await?;
            let body = response.into_body().collect_bytes().await.map_err(Failure::from)?;
            self.outbox.count_bytes(body.len());
            Ok(body)
        })
        .await
    }

    /// The lines that a path goes on answering with.
    pub(super) async fn lines(&self, path: &str) -> Result<Lines, Failure> {
        let response = within(WATCH_TIMEOUT, self.open(path, Form::Watch)).await?;
        Ok(Lines { body: response.into_body(), buffer: BytesMut::new(), searched: 0, outbox: self.outbox.clone() })
    }

    /// A sign of life: `/version` may be read by anybody, in the usual roles. Any answer that is not a server's error is one.
    pub(super) async fn probe(&self) -> Result<(), Failure> {
        let Some(client) = self.current.borrow().clone() else { return Ok(()) };
        self.outbox.count_request();
        let response = client.send(request("/version", Form::Whole)?).await.map_err(Failure::from)?;
        let status = response.status();
        // Read to the end, so that the connection can be used again.
        let body = response.into_body().collect_bytes().await.map_err(Failure::from)?;
        self.outbox.count_bytes(body.len());
        if status.is_server_error() { Err(refused(status, &HeaderMap::new(), &body)) } else { Ok(()) }
    }

    /// Comes back once there is a client to ask for a sign of life with.
    pub(super) async fn connected(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.current.subscribe().wait_for(Option::is_some).await;
    }

    /// Sends a request and gives its answer if it is a success. A credential that was refused is read anew once: this only reads, so that it may
    /// be sent again.
    async fn open(&self, path: &str, form: Form) -> Result<Response<Body>, Failure> {
        let (client, generation) = self.client().await?;
        match self.send(&client, path, form).await {
            Err(failure) if failure.kind == FailureKind::Unauthorized && self.renew(generation).await => {
                let (client, _) = self.client().await?;
                self.send(&client, path, form).await.map_err(|failure| self.clients.unaccepted(&self.access.name, failure))
            }
            result => result.map_err(|failure| self.clients.unaccepted(&self.access.name, failure)),
        }
    }

    async fn send(&self, client: &kube::Client, path: &str, form: Form) -> Result<Response<Body>, Failure> {
        self.outbox.count_request();
        let response = client.send(request(path, form)?).await.map_err(Failure::from)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        let body = response.into_body().collect_bytes().await.unwrap_or_default();
        Err(refused(status, &headers, &body))
    }

    async fn client(&self) -> Result<(kube::Client, u64), Failure> {
        let mut login = self.login.lock().await;
        if let Some((_, failure)) = login.failed.as_ref().filter(|(at, failure)| at.elapsed() < LOGIN_INTERVAL && !failure.mending.is_mended()) {
            return Err(failure.clone());
        }
        // One that ends and was renewed is taken before anything has to be refused, and its end is announced no longer.
        if login.ending.as_ref().is_some_and(Mending::is_mended) {
            login.generation += 1;
            self.clients.renew(&self.access.name).await;
        }
        match self.clients.reading(&self.access.name).await {
            Ok(client) => {
                login.failed = None;
                if login.told != Some(login.generation) {
                    login.told = Some(login.generation);
                    let files = Mending::watching(self.clients.files(&self.access.name));
                    let end = self.clients.login(&self.access.name).await;
                    login.ending = matches!(end, domain::Login::Until { .. }).then_some(files);
                    let facts = InstanceFacts { login: Some(end), ..InstanceFacts::default() };
                    self.outbox.observed(Observation::Instance(facts)).await;
                }
                self.current.send_replace(Some(client.clone()));
                Ok((client, login.generation))
            }
            Err(failure) => {
                login.failed = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    /// Asks for a new client after the one of `generation` was refused; whether there may be a better one now.
    async fn renew(&self, generation: u64) -> bool {
        let mut login = self.login.lock().await;
        if login.generation != generation {
            return true;
        }
        if login.renewed.as_ref().is_some_and(|(at, files)| at.elapsed() < LOGIN_INTERVAL && !files.is_mended()) {
            return false;
        }
        login.generation += 1;
        login.renewed = Some((Instant::now(), Mending::watching(self.clients.files(&self.access.name))));
        self.clients.renew(&self.access.name).await;
        true
    }
}

impl Debug for Api {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Api").field("cluster", &self.access.name).finish_non_exhaustive()
    }
}

/// The lines of an answer that goes on.
pub(super) struct Lines {
    body: Body,
    buffer: BytesMut,
    /// Bytes of the buffer that are known to hold no line end.
    searched: usize,
    outbox: Outbox,
}

impl Lines {
    /// The next line; nothing at the end. A line that was cut off is none: what it told is told again by whoever goes on from before it.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let fresh = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(end) = fresh.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + end + 1).freeze();
                self.searched = 0;
                if !line.trim_ascii().is_empty() {
                    return Ok(Some(line));
                }
                continue;
            }
            self.searched = self.buffer.len();
            if self.searched > LINE_LIMIT {
                return Err(Failure::new(FailureKind::Broken, "an event is too long to be one"));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            if let Ok(data) = frame.map_err(Failure::from)?.into_data() {
                self.outbox.count_bytes(data.len());
                self.buffer.extend_from_slice(&data);
            }
        }
    }
}

fn request(path: &str, form: Form) -> Result<Request<Body>, Failure> {
    let accepted = if form == Form::Metadata { METADATA } else { "application/json" };
    let mut request = Request::get(path).header(http::header::ACCEPT, accepted);
    if form == Form::Watch {
        // Servers from 1.37 on compress each event on its own, of which the client would read only the first (kube-client 5.0.0, `request_events`).
        request = request.header(http::header::ACCEPT_ENCODING, "identity");
    }
    request.body(Body::empty()).map_err(|error| Failure::new(FailureKind::Broken, &format!("no request can be made of '{path}': {error}")))
}

/// What a refusal means. The body is a `metav1.Status`, or whatever a proxy or the server's flow control says.
fn refused(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let mut status = serde_json::from_slice::<kube::core::Status>(body).unwrap_or_else(|_| {
        let text = std::str::from_utf8(body).unwrap_or_default().trim();
        let is_plain = !text.is_empty() && text.len() <= EXPLANATION_LIMIT && !text.starts_with('<');
        let reason = code.canonical_reason().unwrap_or("no reason");
        let message = if is_plain { format!("{text} ({})", code.as_u16()) } else { format!("the server answered {} {reason}", code.as_u16()) };
        kube::core::Status { message, ..kube::core::Status::default() }
    });
    status.code = code.as_u16();
    let mut failure = Failure::from(kube::Error::Api(Box::new(status)));
    let asked = headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse().ok());
    if let Some(seconds) = asked
        && (code == StatusCode::TOO_MANY_REQUESTS || code == StatusCode::SERVICE_UNAVAILABLE)
    {
        failure.kind = FailureKind::Throttled(Some(Duration::from_secs(seconds)));
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_they_mean() {
        let mut patient = HeaderMap::new();
        patient.insert(http::header::RETRY_AFTER, "7".parse().unwrap());
        let none = HeaderMap::new();
        let forbidden = include_bytes!("../../../tests/recordings/kubernetes/error-403-secrets.json");
        let unauthorized = include_bytes!("../../../tests/recordings/kubernetes/error-401.json");
        let missing = include_bytes!("../../../tests/recordings/kubernetes/error-404.json");
        for (code, headers, body, kind, why) in [
            (403, &none, &forbidden[..], FailureKind::Forbidden, "secrets is forbidden: User \"viewer\" cannot list"),
            (401, &none, &unauthorized[..], FailureKind::Unauthorized, "Unauthorized"),
            (404, &none, &missing[..], FailureKind::NotFound, "rollouts.argoproj.io \"no-such\" not found"),
            (404, &none, b"404 page not found\n", FailureKind::NotFound, "404 page not found (404)"),
            (410, &none, b"", FailureKind::Expired, "the server answered 410 Gone"),
            (429, &patient, b"Too many requests, please try again later.\n", FailureKind::Throttled(Some(Duration::from_secs(7))), "Too many"),
            (503, &patient, b"<html>", FailureKind::Throttled(Some(Duration::from_secs(7))), "the server answered 503 Service Unavailable"),
            (503, &none, b"<html>", FailureKind::Broken, "the server answered 503 Service Unavailable"),
            (500, &patient, b"{}", FailureKind::Broken, "the server answered 500"),
        ] {
            let failure = refused(StatusCode::from_u16(code).unwrap(), headers, body);
            assert_eq!(failure.kind, kind, "{failure:?}");
            assert!(failure.why.as_str().starts_with(why), "{failure:?}");
        }
    }
}
