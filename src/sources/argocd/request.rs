//! The questions that are put to Argo CD's API, as text: pure. It knows which question suits which version of the server, and nothing of how it
//! is sent or what is made of the answer.
//!
//! All of them are GETs; none asks for a refresh, which would write and could block for minutes.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::Raw;

/// How long a small answer may take.
const SMALL: Duration = Duration::from_secs(15);
/// How long a list may take: at 8,000 applications 35 s were reported (argo-cd#9575).
const LIST: Duration = Duration::from_mins(2);

/// One question: everything behind the address and root path of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// Path and query, beginning with a slash.
    pub(super) target: String,
    /// How long the whole answer may take; `None` for a stream.
    pub(super) deadline: Option<Duration>,
}

impl Request {
    fn small(target: impl Into<String>) -> Self {
        Self { target: target.into(), deadline: Some(SMALL) }
    }
}

/// The list's fields that every version knows. The server has a fixed list of names it lets through and drops all others without a word
/// (argo-cd `pkg/apiclient/application/forwarder_overwrite.go`).
const LIST_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.labels",
    "metadata.annotations",
    "metadata.deletionTimestamp",
    "status.summary",
    "status.health",
    "status.sync.status",
    "status.operationState.phase",
    "status.operationState.startedAt",
    "status.operationState.finishedAt",
];

/// Up to 3.4 the children of `spec` are not on the server's list; afterwards `spec` may not be mixed with them.
const LIST_FIELDS_UP_TO_3_4: &[&str] = &["spec"];

/// Since 3.5 the children of `spec` can be asked for, and the revision.
const LIST_FIELDS_SINCE_3_5: &[&str] =
    &["spec.destination", "spec.project", "spec.source", "spec.sources", "spec.sourceHydrator", "spec.syncPolicy", "status.sync.revision"];

/// The stream's fields: any path works there. `resourceVersion` and `status.reconciledAt` are left out on purpose: the server keeps back a message
/// that equals the one before for the same application, and with either of them every comparison with git would be a message.
const STREAM_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.labels",
    "metadata.annotations",
    "metadata.deletionTimestamp",
    "spec.destination",
    "spec.project",
    "spec.source",
    "spec.sources",
    "spec.sourceHydrator",
    "spec.syncPolicy",
    "status.summary",
    "status.health",
    "status.sync.status",
    "status.sync.revision",
    "status.sync.revisions",
    "status.operationState.phase",
    "status.operationState.startedAt",
    "status.operationState.finishedAt",
];

/// Which fields a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldSet {
    /// What servers up to 3.4 know, and later ones understand as well.
    UpTo3_4,
    /// Fewer bytes, and the revision.
    Since3_5,
}

impl FieldSet {
    /// The set for a server by what it says of its version: `v3.5.1+109ca7c`. One that says nothing readable gets what all understand.
    pub(super) fn of(version: &str) -> Self {
        let mut numbers = version.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(major), Some(minor)) if (major, minor) >= (3, 5) => Self::Since3_5,
            _ => Self::UpTo3_4,
        }
    }

    const fn own(self) -> &'static [&'static str] {
        match self {
            Self::UpTo3_4 => LIST_FIELDS_UP_TO_3_4,
            Self::Since3_5 => LIST_FIELDS_SINCE_3_5,
        }
    }
}

/// The version. Answers anybody.
pub(super) fn version() -> Request {
    Request::small("/api/version")
}

/// The settings. Answers anybody, with less for those who are not logged in.
pub(super) fn settings() -> Request {
    Request::small("/api/v1/settings")
}

/// The projects that the account may read: those it may not are left out, not refused.
pub(super) fn projects() -> Request {
    Request::small("/api/v1/projects?fields=items.metadata.name")
}

/// Whether the account may read every project, so that the list of projects is all of them.
pub(super) fn may_read_all_projects() -> Request {
    Request::small("/api/v1/account/can-i/projects/get/*")
}

/// Whether the account may do this to every object of a kind. A right that is granted by project is not told here.
///
/// What lies in a project is named with it: of `*` alone, an administrator is told "no" (seen with Argo CD 3.2.11).
pub(super) fn can_i(resource: &str, action: &str) -> Request {
    let all = if matches!(resource, "applications" | "applicationsets" | "logs" | "exec") { "*/*" } else { "*" };
    Request::small(format!("/api/v1/account/can-i/{}/{}/{all}", escaped(resource), escaped(action)))
}

/// Who we are. Answers anybody.
pub(super) fn user() -> Request {
    Request::small("/api/v1/session/userinfo")
}

/// Where all applications come from and go to, and no state: the one list for those who do not go on reading.
pub(super) fn specs() -> Request {
    Request { target: "/api/v1/applications?fields=items.metadata.name,items.spec".to_owned(), deadline: Some(LIST) }
}

/// The applications of these projects; of all where none is named.
pub(super) fn list(fields: FieldSet, projects: &[Raw]) -> Request {
    let mut target = "/api/v1/applications?".to_owned();
    for project in projects {
        let _ = write!(target, "projects={}&", escaped(project.as_wire()));
    }
    target.push_str("fields=metadata.resourceVersion");
    for field in LIST_FIELDS.iter().chain(fields.own()) {
        let _ = write!(target, ",items.{field}");
    }
    Request { target, deadline: Some(LIST) }
}

/// The changes of all applications from now on. Any resource version keeps the server from replaying every application first, which costs it
/// seconds at 5,000; it never replays what was missed.
pub(super) fn stream() -> Request {
    let mut target = "/api/v1/stream/applications?resourceVersion=1&fields=result.type".to_owned();
    for field in STREAM_FIELDS {
        let _ = write!(target, ",result.application.{field}");
    }
    Request { target, deadline: None }
}

/// One application, whole. With its project, because without it an application that is not there is answered like one that is forbidden.
pub(super) fn application(namespace: &str, name: &str, project: &str) -> Request {
    Request::small(format!("/api/v1/applications/{}?appNamespace={}&project={}", escaped(name), escaped(namespace), escaped(project)))
}

/// The sync windows of an application. With its project, as [`application`].
pub(super) fn windows(namespace: &str, name: &str, project: &str) -> Request {
    Request::small(format!("/api/v1/applications/{}/syncwindows?appNamespace={}&project={}", escaped(name), escaped(namespace), escaped(project)))
}

/// Percent-encodes everything but RFC 3986's unreserved characters: fit for a path segment and for a query value.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_as_text() {
        assert_eq!(
            list(FieldSet::UpTo3_4, &[Raw::from("shop"), Raw::from("a&b")]).target,
            "/api/v1/applications?projects=shop&projects=a%26b&fields=metadata.resourceVersion,items.metadata.name,items.metadata.namespace,\
             items.metadata.labels,items.metadata.annotations,items.metadata.deletionTimestamp,items.status.summary,items.status.health,\
             items.status.sync.status,items.status.operationState.phase,items.status.operationState.startedAt,\
             items.status.operationState.finishedAt,items.spec"
        );
        let since = list(FieldSet::Since3_5, &[]).target;
        assert!(since.starts_with("/api/v1/applications?fields=metadata.resourceVersion,items.metadata.name,"), "{since}");
        assert!(since.ends_with(
            "items.status.operationState.finishedAt,items.spec.destination,items.spec.project,items.spec.source,items.spec.sources,\
             items.spec.sourceHydrator,items.spec.syncPolicy,items.status.sync.revision"
        ));
        assert!(!since.contains("items.spec,"), "mixing spec with its children is a random 500");
        let stream = stream();
        assert!(stream.target.starts_with("/api/v1/stream/applications?resourceVersion=1&fields=result.type,result.application.metadata.name,"));
        assert!(!stream.target.contains("reconciledAt") && !stream.target.contains("metadata.resourceVersion"));
        assert_eq!(stream.deadline, None);
        assert_eq!(application("argocd", "../x y", "team/a").target, "/api/v1/applications/..%2Fx%20y?appNamespace=argocd&project=team%2Fa");
    }

    #[test]
    fn the_fields_suit_the_version() {
        for (version, set) in [
            ("v3.5.1+109ca7c", FieldSet::Since3_5),
            ("v3.10.0", FieldSet::Since3_5),
            ("v4.0.0-rc1", FieldSet::Since3_5),
            ("v3.4.9", FieldSet::UpTo3_4),
            ("v2.14.0", FieldSet::UpTo3_4),
            ("v3.2.11+unknown", FieldSet::UpTo3_4),
            ("unknown", FieldSet::UpTo3_4),
            ("", FieldSet::UpTo3_4),
        ] {
            assert_eq!(FieldSet::of(version), set, "{version}");
        }
    }
}
