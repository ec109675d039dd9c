//! One request, sent once, and what can be said of it when no answer came: certain that nothing was sent, or not known. Also the refusals of a Kubernetes API
//! server. It knows no Rollouts and no applications.

use std::error::Error;
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt as _;
use kube::client::{AuthError, Body};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Safe;
use crate::base::causes::{causes, connection};
use crate::operations::mutation::{Answer, No, Operation, Receipt, Rejection};
use crate::safe;

/// How long an answer may take: then it is not known what became of the request.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// By which name changes are known in `metadata.managedFields`.
pub(super) const FIELD_MANAGER: &str = "tiphys";

/// An answer: status and body.
pub(super) type Answered = (u16, Vec<u8>);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing was sent.
    NotSent(Rejection),
    /// It was sent, or may have been.
    Unknown(Safe),
}

impl From<Silence> for Answer {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::NotSent(rejection) => Self::Refused(rejection),
            Silence::Unknown(why) => Self::Unknown(why),
        }
    }
}

impl Silence {
    /// Why nothing could be read.
    pub(super) fn rejection(self) -> Rejection {
        match self {
            Self::NotSent(rejection) => rejection,
            Self::Unknown(why) => Rejection { kind: No::NotSent, why, cure: Safe::default() },
        }
    }

    pub(super) fn late(limit: Duration) -> Self {
        Self::Unknown(safe!("no answer within {} s", limit.as_secs()))
    }
}

pub(super) fn rejection(kind: No, why: &str, cure: &str) -> Rejection {
    Rejection { kind, why: Safe::clean(why), cure: Safe::clean(cure) }
}

pub(super) fn refused(kind: No, why: &str, cure: &str) -> Answer {
    Answer::Refused(rejection(kind, why, cure))
}

/// A path of these parts, each escaped; it begins with a slash.
pub(super) fn path(parts: &[&str]) -> String {
    let Ok(mut url) = url::Url::parse("http://host") else { return String::new() };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.extend(parts);
    }
    url.path().to_owned()
}

/// A query of these names and values, escaped.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A request to a Kubernetes API server. `method` and `body` as they are; a JSON Patch where `is_patch`.
pub(super) fn request(method: http::Method, target: &str, content_type: &str, body: Vec<u8>) -> Result<Request<Body>, Silence> {
    let built = Request::builder().method(method).uri(target).header(http::header::CONTENT_TYPE, content_type).body(Body::from(body));
    built.map_err(|error| Silence::NotSent(rejection(No::Invalid, &format!("no request can be made of this: {error}"), "")))
}

/// The body of a JSON Patch.
pub(super) fn body_of(operations: &[Operation]) -> Vec<u8> {
    let operations = operations.iter().map(|operation| match &operation.value {
        Some(value) => json!({"op": operation.op, "path": operation.path, "value": value}),
        None => json!({"op": operation.op, "path": operation.path}),
    });
    operations.collect::<Value>().to_string().into_bytes()
}

/// Sends a request to a Kubernetes API server, once.
pub(super) async fn ask(client: &kube::Client, request: Request<Body>) -> Result<Answered, Silence> {
    // Boxed: the library's futures are large.
    let whole = Box::pin(async {
        let response = client.send(request).await.map_err(|error| silence(&error))?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| Silence::Unknown(Safe::clean(&connection(&error))))?;
        Ok((status, body.to_bytes().to_vec()))
    });
    tokio::time::timeout(DEADLINE, whole).await.unwrap_or_else(|_late| Err(Silence::late(DEADLINE)))
}

/// Asks for the metadata of an object and nothing else: a server that cannot answer so refuses (406), and the object itself is never sent.
pub(super) async fn metadata(client: &kube::Client, target: &str) -> Result<Answered, Silence> {
    let mut asked = request(http::Method::GET, target, "application/json", Vec::new())?;
    let only = http::HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
    asked.headers_mut().insert(http::header::ACCEPT, only);
    ask(client, asked).await
}

/// Reads an object of a Kubernetes API server.
pub(super) async fn get(client: &kube::Client, target: &str) -> Result<Value, Rejection> {
    let (status, body) = ask(client, request(http::Method::GET, target, "application/json", Vec::new()).map_err(Silence::rejection)?)
        .await
        .map_err(Silence::rejection)?;
    if status != 200 {
        return Err(match of_status(status, &body, "get") {
            Answer::Refused(rejection) => rejection,
            Answer::Unknown(why) => Rejection { kind: No::NotSent, why, cure: Safe::default() },
            Answer::Taken(_) => rejection(No::Invalid, &format!("the server answered {status}"), ""),
        });
    }
    serde_json::from_slice(&body).map_err(|error| rejection(No::Invalid, &format!("the answer cannot be understood: {error}"), ""))
}

/// What an error of the Kubernetes client means. That of a credential plugin is never quoted: it holds the plugin's whole output, token included (kube-client
/// 5.0.0 `auth/mod.rs`, `AuthExecRun`).
fn silence(error: &kube::Error) -> Silence {
    let causes = causes(error);
    if matches!(error, kube::Error::Auth(_)) || causes.iter().any(|cause| cause.is::<AuthError>()) {
        let cure = "run kubectl against this context by hand, log in there";
        return Silence::NotSent(rejection(No::NotSent, "the login to the cluster gave no credential", cure));
    }
    unreached(
        error,
        causes
            .iter()
            .filter_map(|cause| cause.downcast_ref::<hyper_util::client::legacy::Error>())
            .any(hyper_util::client::legacy::Error::is_connect),
    )
}

/// What a connection that came to nothing means, by whether it was ever there.
pub(super) fn unreached(error: &(dyn Error + 'static), is_connect: bool) -> Silence {
    let why = connection(error);
    if is_connect {
        Silence::NotSent(rejection(No::NotSent, &format!("nobody was reached: {why}"), ""))
    } else {
        Silence::Unknown(safe!("sent, and no whole answer came: {why}"))
    }
}

/// `metav1.Status`, the little that is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    message: String,
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    name: String,
    group: String,
    kind: String,
    causes: Vec<Value>,
}

/// What a status of a Kubernetes API server says of a request that changes something; `what` is what was asked for, as in `patch rollouts/status`.
pub(super) fn of_status(status: u16, body: &[u8], what: &str) -> Answer {
    let said: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let details = said.details.unwrap_or_default();
    let why = if said.message.is_empty() { format!("the cluster answered {status}") } else { said.message.clone() };
    let is_admission = said.message.contains("admission webhook") || said.message.contains("ValidatingAdmissionPolicy");
    match status {
        200..=299 => Answer::Taken(Receipt::Applied),
        // Nobody but the API server itself says what of the cluster: something in front does not know what became of it.
        300..=399 => refused(No::NotSent, "not the cluster but something in front of it answered: a redirect, which is not followed", ""),
        400..=499 if is_admission => refused(No::Against, &why, "the cluster's own rules say so: ask those who keep them"),
        401 => refused(No::Forbidden, &why, "log in to the cluster again, as for kubectl"),
        403 => refused(No::Forbidden, &why, &format!("ask for this permission in the cluster: {what}")),
        404 => refused(No::Moved, &format!("{} is not there any more", named(&details)), ""),
        409 | 410 => refused(No::Moved, &why, ""),
        // Of a patch whose `test` does not hold the server says no more than that it is invalid; of a value it does not take it names the field.
        422 if details.causes.is_empty() => refused(No::Moved, "it is not what it was when this was planned", ""),
        429 => refused(No::NotNow, "the cluster has too many requests at the moment", "try again in a moment"),
        400..=499 => refused(No::Invalid, &why, ""),
        _ => Answer::Unknown(Safe::clean(&why)),
    }
}

fn named(details: &Details) -> Safe {
    let kind = if details.group.is_empty() { details.kind.clone() } else { format!("{}.{}", details.kind, details.group) };
    if details.name.is_empty() { Safe::clean("the object") } else { safe!("{kind} {}", details.name) }
}
