//! What GitHub's answers mean for an operation.

use serde_json::json;

use super::api::{self, meaning};
use crate::base::{OperationId, Raw, Safe};
use crate::domain::forge::MergeMethod;
use crate::domain::pull::PullKey;
use crate::operations::mutation::{Answer, Found, Merging, Mutation, No, Opening, Receipt};

fn opening() -> Opening {
    Opening {
        repository: "gitops".into(),
        github: "github".into(),
        name: "acme/gitops".into(),
        base: "main".into(),
        title: Safe::clean("promote(production): checkout 2.14.3"),
        body: vec![Safe::clean("Moves eu, us.")],
        trailers: vec![("Service", Safe::clean("checkout"))],
    }
}

fn merging() -> Merging {
    Merging {
        pull: PullKey { github: "github".into(), repository: "acme/gitops".into(), number: 412 },
        url: Safe::default(),
        base: "main".into(),
        head: "c0ffee".into(),
        method: MergeMethod::Squash,
        repository: "gitops".into(),
    }
}

fn id() -> OperationId {
    OperationId::read("0198c1f0-0000-7000-8000-000000000001").unwrap()
}

fn told(mutation: &Mutation, status: u16, body: &serde_json::Value) -> String {
    match meaning(mutation, status, body.to_string().as_bytes(), &Safe::clean("renew it")) {
        Answer::Taken(receipt) => format!("{receipt:?}"),
        Answer::Refused(rejection) => format!("{:?}: {}", rejection.kind, rejection.why),
        Answer::Unknown(why) => format!("unknown: {why}"),
    }
}

#[test]
fn each_no_of_a_merge_is_told_apart() {
    let merge = Mutation::Merge(Box::new(merging()));
    let say = |status, message: &str| told(&merge, status, &json!({ "message": message }));
    assert_eq!(
        told(&merge, 200, &json!({ "sha": "abc", "merged": true, "message": "ok" })),
        format!("{:?}", Receipt::Committed { commit: "abc".into(), rebuilt: 0 })
    );
    assert_eq!(say(405, "Pull Request is not mergeable"), format!("{:?}: Pull Request is not mergeable", No::Against));
    assert_eq!(say(409, "Head branch was modified."), format!("{:?}: Head branch was modified.", No::Moved));
    assert!(say(403, "Resource not accessible").starts_with("Forbidden"));
    assert!(say(403, "You have exceeded a secondary rate limit").starts_with("NotNow"));
    assert!(say(401, "Bad credentials").starts_with("Forbidden"));
    assert!(say(404, "Not Found").starts_with("Moved"));
    assert!(say(502, "Server Error").starts_with("unknown"), "whether it was merged is not known");
    assert!(told(&merge, 200, &json!({})).starts_with("unknown"));
    let call = api::merge(&merging());
    assert_eq!(
        (call.target.as_str(), call.body.unwrap()),
        ("/repos/acme/gitops/pulls/412/merge", json!({ "sha": "c0ffee", "merge_method": "squash" }))
    );
}

#[test]
fn a_pull_request_is_opened_with_what_tells_any_cockpit_which_operation_it_is() {
    let call = api::open(&id(), &opening(), Some(&Safe::clean("SHOP-1")));
    let body = call.body.unwrap();
    assert_eq!(body["head"], json!("tiphys/0198c1f0-0000-7000-8000-000000000001"));
    assert_eq!(body["body"], json!("Moves eu, us.\n\nWhy: SHOP-1\n\nService: checkout\nCockpit-Operation: 0198c1f0-0000-7000-8000-000000000001\n"));
    let open = Mutation::Open(Box::new(opening()));
    assert!(told(&open, 201, &json!({ "number": 7, "html_url": "https://x/7" })).contains("number: 7"));
    let exists = json!({ "message": "Validation Failed", "errors": [{ "code": "custom", "message": "A pull request already exists for acme:x." }] });
    assert_eq!(told(&open, 422, &exists), "Invalid: Validation Failed: A pull request already exists for acme:x.");
    let target = api::find(&id(), &opening()).target;
    assert!(target.contains("head=acme%3Atiphys%2F0198") && target.contains("state=all"), "{target}");
}

#[test]
fn what_became_of_a_lost_answer_is_read() {
    assert_eq!(api::found(&json!([])), Found::NotDone);
    assert!(matches!(api::found(&json!([{ "number": 7, "html_url": "x" }])), Found::Done(Receipt::Opened { number: 7, .. })));
    assert!(matches!(api::found(&json!({})), Found::Unknown(_)));
    let done = Found::Done(Receipt::Committed { commit: Raw::from("abc"), rebuilt: 0 });
    assert_eq!(api::merged(&json!({ "merged": true, "merge_commit_sha": "abc" })), done);
    assert_eq!(api::merged(&json!({ "merged": false, "merge_commit_sha": "test" })), Found::NotDone);
}
