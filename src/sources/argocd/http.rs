//! Talking to Argo CD's API: one client with the instance's certificates, and what its refusals mean. It sends GETs only and knows nothing of
//! applications.

use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::base::Timestamp;
use crate::domain::access::ApiAccess;
use crate::sources::argocd::credentials::Credentials;
use crate::sources::argocd::request::{self, Request};
use crate::sources::argocd::wire;
use crate::sources::{Failure, FailureKind, Outbox, proxy};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an unused connection is kept. Short: one that a network swallowed must not be found again much later.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the kernel waits for the other side to confirm what was sent (`TCP_USER_TIMEOUT`).
const UNCONFIRMED_TIMEOUT: Duration = Duration::from_secs(10);
/// Bodies from this size on are parsed away from the threads that serve the network.
const LARGE: usize = 128 * 1024;

/// Argo CD's API. The clients are built when they are first wanted: it takes 10–20 ms to read the system's certificates.
pub(super) struct Api {
    access: ApiAccess,
    outbox: Outbox,
    client: Mutex<Option<Client>>,
    /// The proof of life has a connection of its own, so that a list on the way neither delays it nor is mistaken for it.
    prober: Mutex<Option<Client>>,
    credentials: Credentials,
}

impl Api {
    pub(super) fn new(access: ApiAccess, outbox: Outbox) -> Self {
        let credentials = Credentials::new(&access, outbox.clone());
        Self { access, outbox, client: Mutex::default(), prober: Mutex::default(), credentials }
    }

    /// Asks for the version on a connection of its own. The caller limits the time; the connection of a try that was given up is closed, so that
    /// the next one makes a new one. It never reads a secret: the version is told to anybody, and a refusal is a sign of life as well.
    pub(super) async fn prove(&self) -> Result<(), Failure> {
        let client = self.built(&self.prober).await?;
        let response = Box::pin(self.sent(&client, &request::version(), self.credentials.known().await)).await?;
        self.body(response).await.map(drop)
    }

    /// Asks for the version as anybody may, and for the time by the server's own clock.
    pub(super) async fn greet(&self) -> Result<(Vec<u8>, Option<Timestamp>), Failure> {
        let client = self.built(&self.prober).await?;
        let response = Box::pin(self.sent(&client, &request::version(), HeaderMap::new())).await?;
        let date = response.headers().get(DATE).and_then(|date| jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok());
        Ok((self.body(response).await?, date.map(|date| date.timestamp())))
    }

    /// The whole body of an answer.
    pub(super) async fn get(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let client = self.built(&self.client).await?;
        // Boxed: the library's futures are large, and several of these live side by side in larger ones.
        let whole = Box::pin(async {
            let response = self.authorised(&client, request).await?;
            self.body(response).await
        });
        match request.deadline {
            Some(deadline) => crate::sources::supervisor::within(deadline, whole).await,
            None => whole.await,
        }
    }

    /// Opens a stream. The server sends not even the head of its answer before the first event.
    pub(super) async fn open(&self, request: &Request) -> Result<Response, Failure> {
        let client = self.built(&self.client).await?;
        Box::pin(self.authorised(&client, request)).await
    }

    /// Forgets the connections: after a loss those that are left over may be dead as well.
    pub(super) async fn hang_up(&self) {
        *self.client.lock().await = None;
    }

    /// Sends with the credentials as last read; refused, reads them again and, where they are new, tries once more.
    async fn authorised(&self, client: &Client, request: &Request) -> Result<Response, Failure> {
        let mut held = self.credentials.get().await?;
        let mut answer = self.sent(client, request, held.headers.clone()).await;
        if let Err(failure) = &answer
            && failure.kind == FailureKind::Unauthorized
        {
            held = self.credentials.other_than(&held, failure.clone()).await?;
            answer = self.sent(client, request, held.headers.clone()).await;
        }
        match answer {
            Ok(_) => self.credentials.accepted(&held).await,
            Err(failure) if failure.kind == FailureKind::Unauthorized => return Err(self.credentials.refused(&held, failure).await),
            Err(_) => {}
        }
        answer
    }

    async fn sent(&self, client: &Client, request: &Request, mut headers: HeaderMap) -> Result<Response, Failure> {
        if request.deadline.is_none() {
            // The server goes by this very value; anything else gets JSON lines, compressed.
            headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        self.outbox.count_request();
        let url = format!("{}{}", self.access.url, request.target);
        let response = client.get(url).headers(headers).send().await.map_err(|error| Failure::of_connection(&error))?;
        if response.status() == StatusCode::OK && !is_page(&response) { Ok(response) } else { Err(self.refusal(response).await) }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::of_connection(&error))? {
            self.outbox.count_bytes(chunk.len());
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn built(&self, slot: &Mutex<Option<Client>>) -> Result<Client, Failure> {
        let mut slot = slot.lock().await;
        if let Some(client) = slot.as_ref() {
            return Ok(client.clone());
        }
        let access = self.access.clone();
        let built = tokio::task::spawn_blocking(move || build(&access)).await;
        let client = built.unwrap_or_else(|_| Err(Failure::new(FailureKind::Broken, "building the client panicked")))?;
        Ok(slot.insert(client).clone())
    }

    /// What an answer that is not the one asked for means.
    async fn refusal(&self, response: Response) -> Failure {
        let status = response.status();
        let patience = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok()).map(Duration::from_secs);
        if status.is_redirection() || is_page(&response) {
            return Failure::new(FailureKind::Unauthorized, &format!("not Argo CD but a login page answered ({})", status.as_u16()))
                .cured_by("a proxy in front wants a login of its own: name its header in the configuration, or mend the address and root path")
                .mended_in(self.credentials.files());
        }
        let body = self.body(response).await.unwrap_or_default();
        let refusal: wire::Refusal<'_> = serde_json::from_slice(&body).unwrap_or_default();
        let message = [refusal.message.as_str(), refusal.error.as_str()].into_iter().find(|text| !text.is_empty());
        let words = status.canonical_reason().unwrap_or("no known status");
        let why = message.map_or_else(|| format!("the server answered {} {words}", status.as_u16()), str::to_owned);
        self.failed(kind_of(refusal.code, status.as_u16(), patience), &why)
    }

    /// A failure of this kind with the cure that helps here.
    pub(super) fn failed(&self, kind: FailureKind, why: &str) -> Failure {
        let failure = Failure::new(kind, why);
        match kind {
            FailureKind::Unauthorized => failure.cured_by(&self.credentials.renewal()).mended_in(self.credentials.files()),
            FailureKind::Forbidden => failure.cured_by("ask for this permission in Argo CD (argocd-rbac-cm)"),
            _ => failure,
        }
    }
}

/// What a refusal means: by gRPC's code where there is one, because a gateway's HTTP status differs between versions; else by the status.
pub(super) fn kind_of(code: Option<u32>, status: u16, patience: Option<Duration>) -> FailureKind {
    match (code, status) {
        (_, 429) | (Some(8), _) => FailureKind::Throttled(patience),
        (_, 503) if patience.is_some() => FailureKind::Throttled(patience),
        (Some(16), _) | (None, 401) => FailureKind::Unauthorized,
        (Some(7), _) | (None, 403) => FailureKind::Forbidden,
        (Some(5), _) | (None, 404) => FailureKind::NotFound,
        // A gateway says that nobody is behind it.
        (None, 502..=504) => FailureKind::Lost,
        _ => FailureKind::Broken,
    }
}

/// Whether a page for people came instead of an answer.
fn is_page(response: &Response) -> bool {
    content_type(response).is_some_and(|kind| kind.trim_start().starts_with("text/html"))
}

/// The answer's `Content-Type`.
pub(super) fn content_type(response: &Response) -> Option<&str> {
    response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

fn unusable(why: &str) -> Failure {
    Failure::new(FailureKind::Broken, why)
}

pub(in crate::sources) fn build(access: &ApiAccess) -> Result<Client, Failure> {
    finished(builder(access)?)
}

/// The client that changes are sent with: each over a connection of its own, and once. A connection that is used again may be dead, and then nobody knows
/// what became of the request.
pub(super) fn build_changing(access: &ApiAccess) -> Result<Client, Failure> {
    finished(builder(access)?.pool_max_idle_per_host(0).retry(reqwest::retry::never()))
}

fn finished(builder: ClientBuilder) -> Result<Client, Failure> {
    builder.build().map_err(|error| unusable(&format!("no client for this API: {}", Failure::of_connection(&error).why)))
}

fn builder(access: &ApiAccess) -> Result<ClientBuilder, Failure> {
    let bad = |what: &str| unusable(&format!("the {what} cannot be used")).cured_by("look at its PEM");
    let mut builder = Client::builder()
        .user_agent(concat!("tiphys/", env!("CARGO_PKG_VERSION")))
        // Argo CD offers REST by HTTP/1.1 only.
        .http1_only()
        // A redirect would carry the token elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_user_timeout(UNCONFIRMED_TIMEOUT)
        .tls_danger_accept_invalid_certs(access.insecure);
    if access.url.parse().is_ok_and(|target| proxy::is_this_machine(&target)) {
        builder = builder.no_proxy();
    }
    if let Some(authority) = &access.authority {
        builder = builder.tls_certs_merge(Certificate::from_pem_bundle(authority).map_err(|_pem| bad("certificate authority"))?);
    }
    if let Some((certificate, key)) = &access.client {
        let pem = [certificate.as_slice(), b"\n", key.expose_secret().as_bytes()].concat();
        // The error is left out: nothing of a key may be told.
        builder = builder.identity(Identity::from_pem(&pem).map_err(|_pem| bad("client certificate"))?);
    }
    Ok(builder)
}

/// Parses a body; a large one away from the threads that serve the network.
pub(super) async fn parsed<T: Send + 'static>(
    body: Vec<u8>,
    parse: impl FnOnce(&[u8]) -> Result<T, serde_json::Error> + Send + 'static,
) -> Result<T, Failure> {
    let result = if body.len() < LARGE {
        parse(&body)
    } else {
        match tokio::task::spawn_blocking(move || parse(&body)).await {
            Ok(result) => result,
            Err(_panicked) => return Err(Failure::new(FailureKind::Broken, "reading the answer panicked")),
        }
    };
    result.map_err(|error| Failure::new(FailureKind::Broken, &format!("the answer cannot be understood: {error}")))
}

/// Parses a small body on the spot.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::new(FailureKind::Broken, &format!("the answer cannot be understood: {error}")))
}
