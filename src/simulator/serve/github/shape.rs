//! How GitHub writes what there is: its schemas want dozens of addresses of everything. Checked against the official description by a contract test.

use serde_json::{Map, Value, json};

use super::pulls::Pulls;
use super::{NAME, OWNER};
use crate::base::Timestamp;

/// Where GitHub says that more is to be read.
pub(super) const DOCUMENTATION: &str = "https://docs.github.com/rest";

pub(super) struct Shape<'a> {
    pub(super) url: &'a str,
    pub(super) pulls: &'a Pulls,
    /// Who asks.
    pub(super) user: &'static str,
    pub(super) may_push: bool,
}

/// Addresses of a repository, as `{key}_url`, and what is behind that of the repository.
const REPOSITORY: [(&str, &str); 37] = [
    ("archive", "/{archive_format}{/ref}"),
    ("assignees", "/assignees{/user}"),
    ("blobs", "/git/blobs{/sha}"),
    ("branches", "/branches{/branch}"),
    ("collaborators", "/collaborators{/collaborator}"),
    ("comments", "/comments{/number}"),
    ("commits", "/commits{/sha}"),
    ("compare", "/compare/{base}...{head}"),
    ("contents", "/contents/{+path}"),
    ("contributors", "/contributors"),
    ("deployments", "/deployments"),
    ("downloads", "/downloads"),
    ("events", "/events"),
    ("forks", "/forks"),
    ("git_commits", "/git/commits{/sha}"),
    ("git_refs", "/git/refs{/sha}"),
    ("git_tags", "/git/tags{/sha}"),
    ("hooks", "/hooks"),
    ("issue_comment", "/issues/comments{/number}"),
    ("issue_events", "/issues/events{/number}"),
    ("issues", "/issues{/number}"),
    ("keys", "/keys{/key_id}"),
    ("labels", "/labels{/name}"),
    ("languages", "/languages"),
    ("merges", "/merges"),
    ("milestones", "/milestones{/number}"),
    ("notifications", "/notifications{?since,all,participating}"),
    ("pulls", "/pulls{/number}"),
    ("releases", "/releases{/id}"),
    ("stargazers", "/stargazers"),
    ("statuses", "/statuses/{sha}"),
    ("subscribers", "/subscribers"),
    ("subscription", "/subscription"),
    ("tags", "/tags"),
    ("teams", "/teams"),
    ("trees", "/git/trees{/sha}"),
    ("svn", ""),
];

/// The same of a user.
const USER: [(&str, &str); 9] = [
    ("followers", "/followers"),
    ("following", "/following{/other_user}"),
    ("gists", "/gists{/gist_id}"),
    ("starred", "/starred{/owner}{/repo}"),
    ("subscriptions", "/subscriptions"),
    ("organizations", "/orgs"),
    ("repos", "/repos"),
    ("events", "/events{/privacy}"),
    ("received_events", "/received_events"),
];

fn addresses(url: &str, keys: &[(&str, &str)]) -> Map<String, Value> {
    keys.iter().map(|(key, behind)| (format!("{key}_url"), Value::from(format!("{url}{behind}")))).collect()
}

/// Values laid over others.
fn with(mut map: Map<String, Value>, more: Value) -> Value {
    if let Value::Object(more) = more {
        map.extend(more);
    }
    Value::Object(map)
}

impl Shape<'_> {
    pub(super) fn here(&self) -> String {
        format!("{}/repos/{OWNER}/{NAME}", self.url)
    }

    /// Where people look at it.
    pub(super) fn page(&self) -> String {
        format!("{}/{OWNER}/{NAME}", self.url)
    }

    fn user(&self, login: &str) -> Value {
        let url = format!("{}/users/{login}", self.url);
        let id = login.bytes().fold(1u64, |id, byte| id * 31 % 9_999_991 + u64::from(byte));
        with(
            addresses(&url, &USER),
            json!({
                "login": login, "id": id, "node_id": format!("U_{id}"), "avatar_url": format!("{}/avatars/{login}", self.url), "gravatar_id": "",
                "url": url, "html_url": format!("{}/{login}", self.url), "type": "User", "site_admin": false,
            }),
        )
    }

    /// Who asks, as `/user` tells it.
    pub(super) fn private_user(&self) -> Value {
        let Value::Object(user) = self.user(self.user) else { return Value::Null };
        let at = self.pulls.start().to_string();
        with(
            user,
            json!({
                "name": self.user, "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
                "public_repos": 1, "public_gists": 0, "followers": 0, "following": 0, "created_at": at, "updated_at": at,
            }),
        )
    }

    fn repository(&self) -> Value {
        let (here, page, at) = (self.here(), self.page(), self.pulls.start().to_string());
        let open = self.pulls.numbers("open", None, None).len();
        with(
            addresses(&here, &REPOSITORY),
            json!({
                "id": 77_001, "node_id": "R_77001", "name": NAME, "full_name": format!("{OWNER}/{NAME}"), "owner": self.user(OWNER), "private": true,
                "html_url": page, "description": "What runs where", "fork": false, "url": here, "clone_url": format!("{page}.git"),
                "git_url": format!("{page}.git"), "ssh_url": format!("{page}.git"), "svn_url": page, "mirror_url": null, "homepage": null,
                "language": null, "forks_count": 0, "forks": 0, "stargazers_count": 0, "watchers_count": 0, "watchers": 0, "size": 1,
                "default_branch": "main", "open_issues_count": open, "open_issues": open, "has_issues": true, "has_projects": false,
                "has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false, "archived": false, "disabled": false,
                "license": null, "pushed_at": at, "created_at": at, "updated_at": at,
            }),
        )
    }

    pub(super) fn full_repository(&self) -> Value {
        let Value::Object(mut repository) = self.repository() else { return Value::Null };
        // Only of the short form.
        let permissions = json!({ "admin": false, "maintain": false, "push": self.may_push, "triage": self.may_push, "pull": true });
        repository.insert("permissions".to_owned(), permissions);
        let methods = json!({ "network_count": 0, "subscribers_count": 1, "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": false });
        with(repository, if self.may_push { methods } else { json!({ "network_count": 0, "subscribers_count": 1 }) })
    }

    pub(super) fn pull(&self, number: u64, is_whole: bool) -> Value {
        let mergeable = is_whole.then(|| self.pulls.mergeable(number));
        let Some((pull, head, base)) = self.pulls.get(number) else { return Value::Null };
        let (url, issue) = (format!("{}/pulls/{number}", self.here()), format!("{}/issues/{number}", self.here()));
        let (page, at) = (format!("{}/pull/{number}", self.page()), |moment: Timestamp| self.pulls.shown(moment).to_string());
        let side = |branch: &str, commit: &str| json!({ "label": format!("{OWNER}:{branch}"), "ref": branch, "sha": commit, "user": self.user(OWNER), "repo": self.repository() });
        let statuses = format!("{}/statuses/{head}", self.here());
        let link = |href: String| json!({ "href": href });
        let end = pull.end.as_ref();
        let merged = end.and_then(|end| end.commit.as_ref());
        let awaited = if pull.reviews.is_empty() && end.is_none() { vec![self.user(self.pulls.reviewer())] } else { Vec::new() };
        let links = json!({
            "self": link(url.clone()), "html": link(page.clone()), "issue": link(issue.clone()), "comments": link(format!("{issue}/comments")),
            "review_comments": link(format!("{url}/comments")), "review_comment": link(format!("{}/pulls/comments{{/number}}", self.here())),
            "commits": link(format!("{url}/commits")), "statuses": link(statuses.clone()),
        });
        let short = json!({
            "url": url, "id": 9_000_000 + number, "node_id": format!("PR_{number}"), "html_url": page, "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"), "issue_url": issue, "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"), "review_comment_url": format!("{}/pulls/comments{{/number}}", self.here()),
            "comments_url": format!("{issue}/comments"), "statuses_url": statuses, "number": number,
            "state": if end.is_some() { "closed" } else { "open" }, "locked": false, "title": pull.title, "user": self.user(&pull.by),
            "body": pull.body, "labels": [], "milestone": null, "created_at": at(pull.opened), "updated_at": at(pull.changed),
            "closed_at": end.map(|end| at(end.at)), "merged_at": end.filter(|end| end.commit.is_some()).map(|end| at(end.at)),
            "merge_commit_sha": merged, "assignee": null, "assignees": [], "requested_reviewers": awaited, "requested_teams": [],
            "head": side(&pull.head, &head), "base": side(&pull.base, &base), "author_association": "MEMBER", "auto_merge": null,
            "draft": pull.is_draft,
            "_links": links,
        });
        let (Value::Object(short), Some(mergeable)) = (short.clone(), mergeable) else { return short };
        let whole = json!({
            "merged": merged.is_some(), "mergeable": mergeable.flag(), "mergeable_state": mergeable.word(), "rebaseable": null,
            "merged_by": merged.and(end).map(|end| self.user(&end.by)), "comments": 0, "review_comments": 0, "maintainer_can_modify": false,
            "commits": 1, "additions": 1, "deletions": 1, "changed_files": 1,
        });
        with(short, whole)
    }

    pub(super) fn reviews(&self, number: u64) -> Value {
        let Some((pull, _, _)) = self.pulls.get(number) else { return json!([]) };
        let page = format!("{}/pull/{number}", self.page());
        let review = |(index, review): (usize, &super::pulls::Review)| {
            let id = 80_000 + number * 100 + index as u64;
            let (html, url) = (format!("{page}#pullrequestreview-{id}"), format!("{}/pulls/{number}", self.here()));
            json!({
                "id": id, "node_id": format!("PRR_{id}"), "user": self.user(&review.by), "body": review.body, "state": review.state,
                "html_url": html, "pull_request_url": url, "_links": { "html": { "href": html }, "pull_request": { "href": url } },
                "submitted_at": self.pulls.shown(review.at).to_string(), "commit_id": review.commit, "author_association": "MEMBER",
            })
        };
        pull.reviews.iter().enumerate().map(review).collect()
    }

    pub(super) fn check_runs(&self, commit: &str) -> Value {
        let checks = self.pulls.checks(commit);
        let run = |(index, check): (usize, &super::pulls::Check)| {
            let id = 30_000 + index as u64;
            let url = format!("{}/check-runs/{id}", self.here());
            let ended = check.ended.as_ref();
            json!({
                "id": id, "node_id": format!("CR_{id}"), "head_sha": commit, "name": check.name, "url": url, "html_url": format!("{}/runs/{id}", self.page()),
                "details_url": format!("{}/runs/{id}", self.page()), "external_id": "", "status": if ended.is_some() { "completed" } else { "in_progress" },
                "conclusion": ended.map(|(_, conclusion)| conclusion), "started_at": self.pulls.shown(check.began).to_string(),
                "completed_at": ended.map(|(at, _)| self.pulls.shown(*at).to_string()),
                "output": { "title": null, "summary": null, "text": null, "annotations_count": 0, "annotations_url": format!("{url}/annotations") },
                "check_suite": { "id": 20_001 }, "app": null, "pull_requests": [],
            })
        };
        json!({ "total_count": checks.len(), "check_runs": checks.iter().enumerate().map(run).collect::<Vec<_>>() })
    }

    /// The old kind of status, which nobody sets here.
    pub(super) fn status(&self, commit: &str) -> Value {
        let here = self.here();
        json!({
            "state": "pending", "statuses": [], "sha": commit, "total_count": 0, "repository": self.minimal_repository(),
            "commit_url": format!("{here}/commits/{commit}"), "url": format!("{here}/commits/{commit}/status"),
        })
    }

    fn minimal_repository(&self) -> Value {
        let mut map = addresses(&self.here(), &REPOSITORY);
        map.remove("svn_url");
        with(
            map,
            json!({
                "id": 77_001, "node_id": "R_77001", "name": NAME, "full_name": format!("{OWNER}/{NAME}"), "owner": self.user(OWNER), "private": true,
                "html_url": self.page(), "description": "What runs where", "fork": false, "url": self.here(),
            }),
        )
    }
}
