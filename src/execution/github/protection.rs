//! What GitHub tells of pushing to a branch: by its rules, which whoever reads is told, and by the older protection, of which administrators alone are told all.
//! Pure. Facts: GitHub's REST description of 2022-11-28 (`rules/branches`, `branches`, `branches/…/protection`).

use serde_json::Value;

use crate::base::{Safe, counted};
use crate::domain::forge::Pushing;
use crate::safe;

/// Rules that a commit on the head of a branch keeps.
const KEPT: [&str; 4] = ["creation", "deletion", "non_fast_forward", "required_linear_history"];

/// What the rules of a branch say; `None`: nothing that is in the way of a push.
pub(super) fn by_rules(rules: &Value) -> Option<Pushing> {
    let Some(rules) = rules.as_array() else { return Some(Pushing::Hidden(Safe::clean("its rules cannot be understood"))) };
    let kind = |rule: &Value| rule.get("type").and_then(Value::as_str).unwrap_or("?").to_owned();
    let of = |wanted: &str| rules.iter().find(|rule| kind(rule) == wanted);
    if of("update").is_some() {
        return Some(Pushing::Not(Safe::clean("its rules let nobody change it whom they do not except")));
    }
    if let Some(rule) = of("pull_request") {
        return Some(by_pull_request(rule.pointer("/parameters/required_approving_review_count")));
    }
    if of("merge_queue").is_some() {
        return Some(Pushing::ByPullRequest(Safe::clean("what is merged goes through a merge queue")));
    }
    if of("required_status_checks").is_some() {
        return Some(Pushing::ByPullRequest(Safe::clean("checks have to pass before")));
    }
    let mut others: Vec<String> = rules.iter().map(kind).filter(|kind| !KEPT.contains(&kind.as_str())).collect();
    others.sort();
    others.dedup();
    (!others.is_empty()).then(|| Pushing::Hidden(safe!("whether a commit of yours keeps its rules is not told: {}", others.join(", "))))
}

/// What is known of a branch without its protection in full; `None`: it is protected, and how is to be asked.
pub(super) fn by_branch(branch: &Value) -> Option<Pushing> {
    match branch.get("protected").and_then(Value::as_bool) {
        Some(false) => Some(Pushing::Direct),
        Some(true) => None,
        None => Some(Pushing::Hidden(Safe::clean("whether it is protected is not told"))),
    }
}

/// What the older protection says; `is_admin`: the token is an administrator's.
pub(super) fn by_protection(protection: &Value, is_admin: bool) -> Pushing {
    let is = |path: &str| protection.pointer(path).and_then(Value::as_bool) == Some(true);
    let has = |field: &str| protection.get(field).is_some_and(|value| !value.is_null());
    if is("/lock_branch/enabled") {
        Pushing::Not(Safe::clean("it is locked"))
    } else if is_admin && !is("/enforce_admins/enabled") {
        Pushing::Direct
    } else if has("required_pull_request_reviews") {
        by_pull_request(protection.pointer("/required_pull_request_reviews/required_approving_review_count"))
    } else if has("required_status_checks") {
        Pushing::ByPullRequest(Safe::clean("checks have to pass before"))
    } else if has("restrictions") {
        Pushing::Hidden(Safe::clean("some may push to it, and whether you are one of them is not told"))
    } else if is("/required_signatures/enabled") {
        Pushing::Hidden(Safe::clean("it takes signed commits only, and whether GitHub knows your key is not told"))
    } else {
        Pushing::Direct
    }
}

/// What is known of a protected branch whose protection this token is not told.
pub(super) fn hidden(branch: &Value, why: &Safe) -> Pushing {
    if why.as_str().contains("Branch not protected") {
        return Pushing::Direct;
    }
    let checks = branch.pointer("/protection/required_status_checks");
    let is_on = checks.and_then(|checks| checks.get("enforcement_level")).and_then(Value::as_str).is_some_and(|level| level != "off");
    if is_on {
        return Pushing::ByPullRequest(Safe::clean("checks have to pass before"));
    }
    Pushing::Hidden(Safe::clean("it is protected, and GitHub tells administrators alone how"))
}

fn by_pull_request(approvals: Option<&Value>) -> Pushing {
    let needed = approvals.and_then(Value::as_u64).unwrap_or_default();
    Pushing::ByPullRequest(if needed == 0 {
        Safe::clean("its rules ask for one")
    } else {
        safe!("its rules ask for one with {} of somebody else", counted(needed, "approval", "approvals"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn word(pushing: Option<&Pushing>) -> String {
        match pushing {
            None => "nothing".to_owned(),
            Some(Pushing::Direct) => "direct".to_owned(),
            Some(Pushing::ByPullRequest(why)) => format!("pull request: {why}"),
            Some(Pushing::Not(_)) => "not".to_owned(),
            Some(Pushing::Hidden(_)) => "hidden".to_owned(),
            Some(Pushing::Reads(_) | Pushing::NotTold(_)) => "not told".to_owned(),
        }
    }

    #[test]
    fn the_strictest_rule_decides_and_what_is_not_understood_is_no_yes() {
        let review = json!({"type": "pull_request", "parameters": {"required_approving_review_count": 1}});
        for (rules, expected) in [
            (json!([]), "nothing"),
            (json!([{"type": "deletion"}, {"type": "non_fast_forward"}]), "nothing"),
            (json!([{"type": "deletion"}, review]), "pull request: its rules ask for one with 1 approval of somebody else"),
            (json!([review, {"type": "update"}]), "not"),
            (json!([{"type": "required_status_checks"}]), "pull request: checks have to pass before"),
            (json!([{"type": "required_signatures"}]), "hidden"),
            (json!([{"type": "of next year"}]), "hidden"),
            (json!({"message": "?"}), "hidden"),
        ] {
            assert_eq!(word(by_rules(&rules).as_ref()), expected, "{rules}");
        }
        assert_eq!(word(by_branch(&json!({"protected": false})).as_ref()), "direct");
        assert_eq!(word(by_branch(&json!({"protected": true})).as_ref()), "nothing");
        assert_eq!(word(by_branch(&json!({})).as_ref()), "hidden");
    }

    #[test]
    fn the_older_protection_binds_administrators_only_where_it_says_so() {
        let reviews = json!({"required_pull_request_reviews": {"required_approving_review_count": 2}, "enforce_admins": {"enabled": false}});
        let asks = "pull request: its rules ask for one with 2 approvals of somebody else";
        for (protection, is_admin, expected) in [
            (reviews.clone(), false, asks),
            (reviews.clone(), true, "direct"),
            (json!({"required_pull_request_reviews": {"required_approving_review_count": 2}, "enforce_admins": {"enabled": true}}), true, asks),
            (json!({"lock_branch": {"enabled": true}}), true, "not"),
            (json!({"restrictions": {"users": []}}), false, "hidden"),
            (json!({"enforce_admins": {"enabled": true}}), true, "direct"),
        ] {
            assert_eq!(word(Some(&by_protection(&protection, is_admin))), expected, "{protection}");
        }
        let branch = json!({"protection": {"required_status_checks": {"enforcement_level": "everyone"}}});
        assert_eq!(word(Some(&hidden(&branch, &Safe::clean("Not Found")))), "pull request: checks have to pass before");
        assert_eq!(word(Some(&hidden(&json!({}), &Safe::clean("Not Found")))), "hidden");
        assert_eq!(word(Some(&hidden(&json!({}), &Safe::clean("Branch not protected")))), "direct");
    }
}
