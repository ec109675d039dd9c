//! Questions and answers of HTTP as the servers here see them: a question whose body is read, an answer that is whole or goes on. What is asked, and
//! in which protocol, is not known here.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use serde_json::Value;
use tokio::sync::mpsc;

/// No body that is sent to these servers is longer.
const BODY_LIMIT: usize = 4 << 20;
/// Pieces of an answer that may wait to be sent.
const PIECES: usize = 64;

pub(super) const JSON: &str = "application/json";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// A request, read to its end.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    /// The path as it was written.
    pub(super) path: String,
    /// The parts of the path, decoded.
    pub(super) segments: Vec<String>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Question {
    pub(super) async fn read(request: http::Request<Incoming>) -> Result<Self, Answer> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await;
        let body = body.map_err(|_cut_or_too_long| Answer::text(StatusCode::BAD_REQUEST, "the body cannot be read\n"))?.to_bytes();
        let path = head.uri.path().to_owned();
        let segments = path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect();
        let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Ok(Self { method: head.method, path, segments, query, headers: head.headers, body })
    }

    /// The parts of the path, to be matched.
    pub(super) fn parts(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The first value of a parameter; nothing where it is missing or empty.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The values of a parameter that may come several times.
    pub(super) fn parameters(&self, name: &str) -> impl Iterator<Item = &str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter says yes.
    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.parameter(name), Some("1" | "true" | "True" | "TRUE" | "t" | "T"))
    }

    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token after `Bearer`.
    pub(super) fn token(&self) -> Option<&str> {
        let (scheme, token) = self.header(&http::header::AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    pub(super) fn accepts_gzip(&self) -> bool {
        let names = self.header(&ACCEPT_ENCODING).unwrap_or_default().split(',');
        names.map(|name| name.split(';').next().unwrap_or_default().trim()).any(|name| name.eq_ignore_ascii_case("gzip"))
    }
}

/// Percent-decodes a part of a path: unlike in a query, a plus is a plus.
fn decoded(text: &str) -> String {
    let text = text.replace('+', "%2B");
    url::form_urlencoded::parse(text.as_bytes()).next().map(|(key, _)| key.into_owned()).unwrap_or_default()
}

/// The connection is to be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cut")]
pub(super) struct Cut;

/// The sender of an answer that goes on.
pub(super) type Pieces = mpsc::Sender<Result<Bytes, Cut>>;

/// What is sent behind the head.
#[derive(Debug)]
pub(super) enum Content {
    Whole(Bytes),
    /// What was received already, and what is to come.
    Flow(Option<Bytes>, mpsc::Receiver<Result<Bytes, Cut>>),
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Boxed: an answer is an error as well.
    pub(super) headers: Box<HeaderMap>,
    pub(super) content: Content,
}

impl Answer {
    pub(super) fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers: Box::new(headers), content: Content::Whole(body.into()) }
    }

    pub(super) fn text(status: StatusCode, text: &'static str) -> Self {
        Self::new(status, TEXT, text)
    }

    pub(super) fn json(status: StatusCode, value: &Value) -> Self {
        Self::new(status, JSON, serde_json::to_vec(value).unwrap_or_default())
    }

    pub(super) fn ok(value: &Value) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// An answer that goes on, and where its pieces are put.
    pub(super) fn flow(content_type: &'static str) -> (Self, Pieces) {
        let (sender, receiver) = mpsc::channel(PIECES);
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        (Self { status: StatusCode::OK, headers: Box::new(headers), content: Content::Flow(None, receiver) }, sender)
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.headers.insert(name, value);
        }
        self
    }

    /// Says that the body is compressed.
    pub(super) fn compressed(self) -> Self {
        self.with(CONTENT_ENCODING, HeaderValue::from_static("gzip")).with(VARY, HeaderValue::from_static("Accept-Encoding"))
    }

    /// Compresses a body of at least so many bytes, as quickly as it goes.
    pub(super) fn gzip(mut self, least: usize) -> Self {
        if let Content::Whole(body) = &self.content
            && body.len() >= least
            && let Some(small) = gzipped(body)
        {
            self.content = Content::Whole(small.into());
            return self.compressed();
        }
        self
    }
}

fn gzipped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}
