//! GitHub's requests as data, and what its answers mean: pure. Facts: GitHub's REST description of 2022-11-28.

use http::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::{OperationId, Raw, Safe};
use crate::domain::pull::own_branch;
use crate::execution::rest::Call;
use crate::execution::wire::{path, query, refused};
use crate::operations::door::Permission;
use crate::operations::mutation::{Answer, Found, Merging, Mutation, No, Opening, Receipt, Rejection};

/// What every request carries. The version is pinned: the one after it leaves out the commit of a merge.
pub(super) fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28")),
    ])
}

fn of(repository: &Raw, more: &[&str]) -> String {
    let (owner, name) = repository.as_wire().split_once('/').unwrap_or((repository.as_wire(), ""));
    path(&[&["repos", owner, name], more].concat())
}

pub(super) fn repository(repository: &Raw) -> Call {
    Call::get(of(repository, &[]))
}

/// The rules that hold for a branch, of all rulesets.
pub(super) fn rules(repository: &Raw, branch: &Raw) -> Call {
    Call::get(of(repository, &["rules", "branches", branch.as_wire()]))
}

pub(super) fn branch_of(repository: &Raw, branch: &Raw) -> Call {
    Call::get(of(repository, &["branches", branch.as_wire()]))
}

/// Told to administrators alone.
pub(super) fn protection(repository: &Raw, branch: &Raw) -> Call {
    Call::get(of(repository, &["branches", branch.as_wire(), "protection"]))
}

pub(super) fn open(id: &OperationId, opening: &Opening, reason: Option<&Safe>) -> Call {
    let body = json!({
        "title": opening.title.as_str(), "head": own_branch(id), "base": opening.base, "body": opening.text(id, reason), "maintainer_can_modify": false,
    });
    Call { method: Method::POST, target: of(&opening.name, &["pulls"]), body: Some(body), limit: None }
}

/// The pull request from the branch of an operation: without its owner the branch would be ignored, and any pull request be found.
pub(super) fn find(id: &OperationId, opening: &Opening) -> Call {
    let owner = opening.name.as_wire().split('/').next().unwrap_or_default();
    let head = format!("{owner}:{}", own_branch(id));
    let query = query(&[("head", head.as_str()), ("state", "all"), ("base", opening.base.as_wire())]);
    Call::get(format!("{}?{query}", of(&opening.name, &["pulls"])))
}

pub(super) fn pull(merging: &Merging) -> Call {
    Call::get(of(&merging.pull.repository, &["pulls", &merging.pull.number.to_string()]))
}

pub(super) fn merge(merging: &Merging) -> Call {
    let target = of(&merging.pull.repository, &["pulls", &merging.pull.number.to_string(), "merge"]);
    Call { method: Method::PUT, target, body: Some(json!({ "sha": merging.head, "merge_method": merging.method.word() })), limit: None }
}

#[derive(Deserialize)]
struct Opened {
    number: u64,
    html_url: Safe,
}

#[derive(Deserialize)]
struct Merged {
    sha: Raw,
    merged: bool,
}

/// What an answer to a mutation means.
pub(super) fn meaning(mutation: &Mutation, status: u16, body: &[u8], renewal: &Safe) -> Answer {
    let garbled = || Answer::Unknown(crate::safe!("GitHub took it ({status}), and what it said cannot be understood"));
    match (mutation, status) {
        (Mutation::Open(_), 201) => serde_json::from_slice::<Opened>(body)
            .map_or_else(|_| garbled(), |opened| Answer::Taken(Receipt::Opened { number: opened.number, url: opened.html_url })),
        (Mutation::Merge(_), 200) => match serde_json::from_slice::<Merged>(body) {
            Ok(Merged { sha, merged: true }) => Answer::Taken(Receipt::Committed { commit: sha, rebuilt: 0 }),
            _ => garbled(),
        },
        (Mutation::Merge(_), 405) => {
            refused(No::Against, &message(status, body), "look at the pull request: its rules, its checks, and which ways to merge it allows")
        }
        (Mutation::Merge(_), 409) => refused(No::Moved, &message(status, body), "look at what was pushed to it, and plan anew"),
        (_, 200..=299) => garbled(),
        _ => refusal(status, body, renewal),
    }
}

/// What a refusal means.
pub(super) fn refusal(status: u16, body: &[u8], renewal: &Safe) -> Answer {
    let why = message(status, body);
    match status {
        300..=399 => refused(No::NotSent, "the repository was renamed or moved: that is not followed", "name it as it is called now"),
        401 => refused(No::Forbidden, &why, renewal.as_str()),
        403 | 429 if why.contains("rate limit") => refused(No::NotNow, &why, "wait a minute, and plan anew"),
        403 => refused(No::Forbidden, &why, "give the token these permissions: pull requests (write), contents (write)"),
        404 => refused(No::Moved, &why, "the repository is not there, or the token may not see it: look at both"),
        409 => refused(No::Moved, &why, "plan anew"),
        429 => refused(No::NotNow, &why, "wait a minute, and plan anew"),
        400..=499 => refused(No::Invalid, &why, ""),
        _ => Answer::Unknown(Safe::clean(&why)),
    }
}

/// What GitHub says, with what is wrong in detail.
fn message(status: u16, body: &[u8]) -> String {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(message) = said.get("message").and_then(Value::as_str) else { return format!("GitHub answered {status}") };
    let details = said.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(|error| {
        // Objects, and in some answers plain texts.
        let text = |field: &str| error.get(field).and_then(Value::as_str);
        let named = || Some(format!("{} {}", text("field")?, text("code")?));
        error.as_str().or_else(|| text("message")).map(str::to_owned).or_else(named)
    });
    let details: Vec<String> = details.collect();
    if details.is_empty() { message.to_owned() } else { format!("{message}: {}", details.join("; ")) }
}

/// Whether a pull request was refused because it is there.
pub(super) fn says_exists(rejection: &Rejection) -> bool {
    rejection.why.as_str().contains("already exists")
}

/// What a list of pull requests from the branch of an operation says.
pub(super) fn found(list: &Value) -> Found {
    let first = list.as_array().and_then(|list| list.first()).cloned();
    match first.map(serde_json::from_value::<Opened>) {
        None if list.is_array() => Found::NotDone,
        Some(Ok(opened)) => Found::Done(Receipt::Opened { number: opened.number, url: opened.html_url }),
        _ => Found::Unknown(Safe::clean("the list of pull requests cannot be understood")),
    }
}

/// What a pull request says of its merge. Somebody else may have merged it: it is done either way.
pub(super) fn merged(pull: &Value) -> Found {
    let text = |field: &str| pull.get(field).and_then(Value::as_str);
    match (pull.get("merged").and_then(Value::as_bool), text("merge_commit_sha")) {
        (Some(true), Some(commit)) => Found::Done(Receipt::Committed { commit: Raw::from(commit), rebuilt: 0 }),
        (Some(true), None) => Found::Unknown(Safe::clean("it is merged, and GitHub does not say by which commit")),
        (Some(false), _) => Found::NotDone,
        (None, _) => Found::Unknown(Safe::clean("the pull request cannot be understood")),
    }
}

pub(super) fn may_push(answer: &Value, repository: &Raw) -> Permission {
    match answer.pointer("/permissions/push").and_then(Value::as_bool) {
        Some(true) => Permission::Granted,
        Some(false) => Permission::Denied {
            why: crate::safe!("GitHub lets this token only read {}", repository.shown()),
            cure: Safe::clean("use a token with pull requests (write) and contents (write)"),
        },
        None => Permission::Unknown(Safe::clean("GitHub does not say what this token may do")),
    }
}
