//! How GitHub writes branches and the rules that hold for them: what a push to the repository meets, told by who asks.

use serde_json::{Value, json};

use super::shape::Shape;

impl Shape<'_> {
    /// A branch at a commit.
    pub(super) fn branch(&self, name: &str, head: &str) -> Value {
        let (here, is_protected) = (self.here(), self.pulls.is_protected(name));
        let url = format!("{here}/branches/{name}");
        json!({
            "name": name, "commit": self.commit(head), "protected": is_protected, "protection_url": format!("{url}/protection"),
            "_links": { "self": url, "html": format!("{}/tree/{name}", self.page()) },
            "protection": { "enabled": false, "required_status_checks": { "enforcement_level": "off", "contexts": [], "checks": [] } },
        })
    }

    fn commit(&self, id: &str) -> Value {
        let here = self.here();
        let (url, page) = (format!("{here}/commits/{id}"), format!("{}/commit/{id}", self.page()));
        let Some(commit) = self.pulls.commit_of(id) else { return Value::Null };
        let person = |(name, email): &(String, String)| json!({ "name": name, "email": email, "date": commit.at.to_string() });
        let parent = |id: &String| json!({ "sha": id, "url": format!("{here}/commits/{id}"), "html_url": format!("{}/commit/{id}", self.page()) });
        json!({
            "sha": id, "node_id": format!("C_{id}"), "url": url, "html_url": page, "comments_url": format!("{url}/comments"),
            "commit": {
                "url": format!("{here}/git/commits/{id}"), "message": commit.message, "comment_count": 0, "author": person(&commit.author),
                "committer": person(&commit.author), "tree": { "sha": commit.tree, "url": format!("{here}/git/trees/{}", commit.tree) },
            },
            "author": null, "committer": null, "parents": commit.parents.iter().map(parent).collect::<Vec<_>>(),
        })
    }

    /// The rules that hold for a branch: those by which it takes pull requests only, where it does.
    pub(super) fn rules(&self, name: &str) -> Value {
        if !self.pulls.is_protected(name) {
            return json!([]);
        }
        let review = json!({
            "dismiss_stale_reviews_on_push": false, "require_code_owner_review": false, "require_last_push_approval": false,
            "required_approving_review_count": 1, "required_review_thread_resolution": false,
        });
        let checks: Vec<Value> = self.pulls.required().map(|name| json!({ "context": name })).collect();
        let checks = json!({ "required_status_checks": checks, "strict_required_status_checks_policy": false });
        let rule = |kind: &str, parameters: Value| json!({ "type": kind, "ruleset_source_type": "Repository", "ruleset_source": "acme/gitops", "ruleset_id": 42, "parameters": parameters });
        json!([rule("pull_request", review), rule("required_status_checks", checks)])
    }
}
