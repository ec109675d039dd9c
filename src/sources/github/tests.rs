//! What bodies of GitHub mean.

use serde_json::json;

use super::wire;
use crate::base::{Raw, Safe};
use crate::domain::pull::{Mergeable, PullState, Review, Verdict};

fn bytes(value: &serde_json::Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

fn here() -> Raw {
    Raw::from("acme/gitops")
}

fn body(more: &serde_json::Value) -> Vec<u8> {
    let repository = json!({ "full_name": "Acme/GitOps" });
    let mut body = json!({
        "number": 7, "title": "promote", "body": "why\n\nService: checkout", "state": "open", "user": { "login": "ana" },
        "html_url": "https://github.com/acme/gitops/pull/7", "created_at": "2026-11-20T10:00:00Z",
        "head": { "ref": "tiphys/0198c1f0-0000-7000-8000-000000000001", "sha": "c0ffee", "repo": repository },
        "base": { "ref": "main", "sha": "beef", "repo": repository }, "merged": false, "mergeable": true, "mergeable_state": "clean",
        "requested_reviewers": [{ "login": "mara" }], "requested_teams": [{ "slug": "release" }],
    });
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    bytes(&body)
}

#[test]
fn a_pull_request_is_read_as_far_as_it_is_told() {
    let read = |more| wire::pull(&body(&more), &here()).unwrap();
    let pull = read(json!({}));
    assert_eq!((&pull.state, &pull.mergeable), (&PullState::Open, &Mergeable::Clean));
    assert_eq!(pull.awaited, [Safe::clean("mara"), Safe::clean("team release")]);
    assert_eq!(pull.says.service, Some("checkout".into()));
    assert!(pull.says.operation.is_some());
    assert!(pull.unmergeable().is_none());
    // Null: it is being worked out, whatever the word.
    assert!(matches!(read(json!({ "mergeable": null })).mergeable, Mergeable::Unknown(_)));
    assert!(matches!(read(json!({ "mergeable_state": "glowing" })).mergeable, Mergeable::Unknown(word) if word.as_str() == "glowing"));
    let merged = read(json!({ "state": "closed", "merged": true, "merge_commit_sha": "abc", "merged_by": { "login": "mara" } }));
    assert_eq!(merged.state, PullState::Merged { commit: Some("abc".into()), by: Some(Safe::clean("mara")) });
    assert_eq!(read(json!({ "state": "closed" })).state, PullState::Closed);
    // A fork calls its branches what it likes.
    let fork = json!({ "head": { "ref": "tiphys/0198c1f0-0000-7000-8000-000000000001", "sha": "c0ffee", "repo": { "full_name": "eve/gitops" } } });
    assert_eq!(read(fork).says, crate::domain::pull::Says::default());
    assert_eq!(wire::own(&bytes(&json!([{ "number": 1, "head": { "ref": "tiphys/x", "sha": "a", "repo": null } }])), &here()).unwrap(), [0u64; 0]);
}

#[test]
fn checks_and_reviews_are_what_was_said_last() {
    let runs = json!({ "total_count": 4, "check_runs": [
        { "name": "a", "status": "completed", "conclusion": "success" }, { "name": "b", "status": "in_progress", "conclusion": null },
        { "name": "c", "status": "completed", "conclusion": "stale" }, { "name": "d", "status": "completed", "conclusion": "skipped" },
    ] });
    let verdicts: Vec<Verdict> = wire::check_runs(&bytes(&runs)).unwrap().into_iter().map(|check| check.verdict).collect();
    assert_eq!(verdicts, [Verdict::Passed, Verdict::Pending, Verdict::Failed, Verdict::Passed]);
    let none = json!({ "state": "pending", "total_count": 0, "statuses": [] });
    assert!(wire::statuses(&bytes(&none)).unwrap().is_empty(), "pending is what GitHub says of no statuses at all");
    let reviews = json!([
        { "user": { "login": "mara" }, "state": "CHANGES_REQUESTED" }, { "user": { "login": "li" }, "state": "APPROVED" },
        { "user": { "login": "mara" }, "state": "APPROVED" }, { "user": { "login": "li" }, "state": "COMMENTED" },
        { "user": { "login": "eve" }, "state": "APPROVED" }, { "user": { "login": "eve" }, "state": "DISMISSED" },
    ]);
    let said = |by: &str, approves| Review { by: Safe::clean(by), approves };
    assert_eq!(wire::reviews(&bytes(&reviews)).unwrap(), [said("li", true), said("mara", true)]);
}
