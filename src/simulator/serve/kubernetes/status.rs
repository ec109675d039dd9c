//! The refusals of an API server, as `metav1.Status`. Pure.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::answer::{Answer, TEXT};
use crate::simulator::store::Kind;

/// What a refusal is about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct About<'a> {
    pub(super) kind: Option<&'a Kind>,
    pub(super) name: Option<&'a str>,
}

/// `pods`, `rollouts.argoproj.io`.
pub(super) fn resource(kind: &Kind) -> String {
    if kind.group.is_empty() { kind.plural.to_owned() } else { format!("{}.{}", kind.plural, kind.group) }
}

pub(super) fn status(code: u16, reason: &str, message: &str, about: About<'_>) -> Value {
    let mut status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason });
    let mut details = Map::new();
    if let Some(name) = about.name {
        details.insert("name".to_owned(), name.into());
    }
    if let Some(kind) = about.kind {
        if !kind.group.is_empty() {
            details.insert("group".to_owned(), kind.group.into());
        }
        details.insert("kind".to_owned(), kind.plural.into());
    }
    if let Some(status) = status.as_object_mut() {
        if !details.is_empty() {
            status.insert("details".to_owned(), details.into());
        }
        status.insert("code".to_owned(), code.into());
    }
    status
}

fn answer(code: StatusCode, reason: &str, message: &str, about: About<'_>) -> Answer {
    Answer::json(code, &status(code.as_u16(), reason, message, about))
}

pub(super) fn unauthorized() -> Answer {
    answer(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized", About::default())
}

/// What somebody may not do with a kind.
pub(super) fn forbidden(user: &str, verb: &str, kind: &Kind, subresource: Option<&str>, namespace: Option<&str>, name: Option<&str>) -> Answer {
    let scope = namespace.map_or_else(|| "at the cluster scope".to_owned(), |namespace| format!("in the namespace \"{namespace}\""));
    let what = name.map_or_else(|| resource(kind), |name| format!("{} \"{name}\"", resource(kind)));
    let asked = subresource.map_or_else(|| kind.plural.to_owned(), |subresource| format!("{}/{subresource}", kind.plural));
    let message = format!("{what} is forbidden: User \"{user}\" cannot {verb} resource \"{asked}\" in API group \"{}\" {scope}", kind.group);
    answer(StatusCode::FORBIDDEN, "Forbidden", &message, About { kind: Some(kind), name })
}

pub(super) fn forbidden_path(user: &str, verb: &str, path: &str) -> Answer {
    let message = format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\"");
    answer(StatusCode::FORBIDDEN, "Forbidden", &message, About::default())
}

pub(super) fn not_found(kind: &Kind, name: &str) -> Answer {
    let message = format!("{} \"{name}\" not found", resource(kind));
    answer(StatusCode::NOT_FOUND, "NotFound", &message, About { kind: Some(kind), name: Some(name) })
}

pub(super) fn no_such_path() -> Answer {
    Answer::new(StatusCode::NOT_FOUND, TEXT, "404 page not found\n")
}

pub(super) fn conflict(kind: &Kind, name: &str) -> Answer {
    let what = resource(kind);
    let message = format!(
        "Operation cannot be fulfilled on {what} \"{name}\": the object has been modified; please apply your changes to the latest version and try again"
    );
    answer(StatusCode::CONFLICT, "Conflict", &message, About { kind: Some(kind), name: Some(name) })
}

pub(super) fn bad_request(message: &str) -> Answer {
    answer(StatusCode::BAD_REQUEST, "BadRequest", message, About::default())
}

/// A patch that does not fit the object: a `test` that does not hold, a path that leads nowhere.
pub(super) fn unprocessable() -> Answer {
    answer(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "the server rejected our request due to an error in our request", About::default())
}

/// A field that never changes was to be changed.
pub(super) fn immutable(kind: &Kind, name: &str, field: &str, value: &str) -> Answer {
    let group = if kind.group.is_empty() { String::new() } else { format!(".{}", kind.group) };
    let message = format!("{}{group} \"{name}\" is invalid: {field}: Invalid value: \"{value}\": field is immutable", kind.word);
    answer(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", &message, About { kind: Some(kind), name: Some(name) })
}

/// What the world itself refuses.
pub(super) fn refused(code: u16, reason: &str, message: &str, kind: &Kind, name: &str) -> Answer {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(code, reason, message, About { kind: Some(kind), name: Some(name) })
}

pub(super) fn unsupported(accepted: &str) -> Answer {
    let message = format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
    answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", &message, About::default())
}

pub(super) fn method_not_allowed() -> Answer {
    let message = "the server does not allow this method on the requested resource";
    answer(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message, About::default())
}

/// The rest of a list whose version is gone; with the token for the rest as it is now.
pub(super) fn expired_list(next: &str) -> Answer {
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue \
                   parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token \
                   results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and \
                   now may show up in the list.";
    let mut status = status(410, "Expired", message, About::default());
    if let Some(metadata) = status.get_mut("metadata") {
        *metadata = json!({ "continue": next });
    }
    Answer::json(StatusCode::GONE, &status)
}

/// The end of a watch whose version is gone.
pub(super) fn expired_watch(asked: u64, newest: u64) -> Value {
    status(410, "Expired", &format!("too old resource version: {asked} ({newest})"), About::default())
}

/// An answer that says nothing but its status.
pub(super) fn plain(code: StatusCode, says: Option<&str>) -> Answer {
    let (reason, message) = match code.as_u16() {
        401 => ("Unauthorized", "Unauthorized"),
        // Said by the server's flow control, before anything that knows JSON.
        429 if says.is_none() => return Answer::new(code, TEXT, "Too many requests, please try again later.\n"),
        403 => ("Forbidden", "forbidden"),
        404 if says.is_none() => return no_such_path(),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => ("Timeout", "the server was unable to return a response in the time allotted"),
        _ => ("InternalError", "an error on the server has prevented the request from succeeding"),
    };
    answer(code, reason, says.unwrap_or(message), About::default())
}
