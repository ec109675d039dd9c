//! A GitHub's REST API (2022-11-28) as its clients see it, for the one repository of a world: who may ask, which question it is, rate limits and
//! conditional requests. `pulls` is what becomes of pull requests, on the real repository; `shape` is how they are written, `branches` how branches and their
//! rules are. Nobody here is an administrator, and nobody is told of the older protection of branches.

mod branches;
pub(super) mod pulls;
mod shape;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{ETAG, IF_NONE_MATCH, LINK, USER_AGENT};
use http::{HeaderName, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use self::pulls::{Deed, No, Pulls};
use self::shape::Shape;
use super::answer::{Answer, Content, Question};
use super::gate::Gate;

/// The repository, as GitHub names it.
pub(in crate::simulator) const OWNER: &str = "acme";
/// Its name.
pub(in crate::simulator) const NAME: &str = "gitops";
/// Who may do everything that a member of the team may; the token is `github-` and the name.
const MEMBER: &str = "you";
/// Who may read.
const VIEWER: &str = "viewer";
/// Requests in an hour.
const LIMIT: u64 = 5000;

/// The token that the files log in with.
pub(in crate::simulator) fn token() -> String {
    format!("github-{MEMBER}")
}

pub(super) struct Server {
    /// `http://127.0.0.1:port`
    pub(super) url: String,
    pub(super) pulls: Arc<Pulls>,
    pub(super) gate: Arc<Gate>,
    pub(super) used: AtomicU64,
}

#[derive(Debug, Deserialize)]
struct Create {
    title: Option<String>,
    head: Option<String>,
    base: Option<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    draft: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Merge {
    sha: Option<String>,
    #[serde(rename = "merge_method")]
    method: Option<String>,
    commit_title: Option<String>,
    commit_message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Review {
    #[serde(default)]
    event: String,
    #[serde(default)]
    body: Option<String>,
}

impl Server {
    pub(super) fn answer(&self, question: &Question) -> Answer {
        if question.header(&USER_AGENT).is_none() {
            return Answer::text(
                StatusCode::FORBIDDEN,
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n",
            );
        }
        let (answer, is_counted) = match self.user(question) {
            Err(answer) => (answer, true),
            Ok(user) => {
                let answer = self.asked(question, user);
                if question.method == Method::GET && answer.status == StatusCode::OK { unless_known(question, answer) } else { (answer, true) }
            }
        };
        let used = if is_counted { self.used.fetch_add(1, Ordering::Relaxed) + 1 } else { self.used.load(Ordering::Relaxed) };
        let reset = self.pulls.now_shown().as_second() / 3600 * 3600 + 3600;
        let header = HeaderName::from_static;
        answer
            .with(header("x-ratelimit-limit"), LIMIT.to_string())
            .with(header("x-ratelimit-used"), used.to_string())
            .with(header("x-ratelimit-remaining"), LIMIT.saturating_sub(used).to_string())
            .with(header("x-ratelimit-reset"), reset.to_string())
            .with(header("x-ratelimit-resource"), "core")
            .with(header("x-github-api-version-selected"), "2022-11-28")
    }

    /// Who asks. A stranger is told that nothing is there: the repository is private.
    fn user(&self, question: &Question) -> Result<&'static str, Answer> {
        let bad = || refusal(StatusCode::UNAUTHORIZED, Some("Bad credentials"));
        if self.gate.fault().expired_token {
            return Err(bad());
        }
        if self.gate.fault().forbidden {
            return Err(refusal(StatusCode::FORBIDDEN, Some("Resource not accessible by personal access token")));
        }
        let Some(token) = question.token() else { return Err(refusal(StatusCode::NOT_FOUND, None)) };
        [MEMBER, VIEWER].into_iter().find(|user| token.strip_prefix("github-") == Some(*user)).ok_or_else(bad)
    }

    fn asked(&self, question: &Question, user: &'static str) -> Answer {
        let (shape, parts) = (Shape { url: &self.url, pulls: &self.pulls, user, may_push: user == MEMBER }, question.parts());
        let rest = match parts.as_slice() {
            ["user"] if question.method == Method::GET => return Answer::ok(&shape.private_user()),
            ["rate_limit"] if question.method == Method::GET => return Answer::ok(&self.rate_limit()),
            ["repos", owner, name, rest @ ..] if owner.eq_ignore_ascii_case(OWNER) && name.eq_ignore_ascii_case(NAME) => rest,
            _ => return refusal(StatusCode::NOT_FOUND, None),
        };
        let may_not = || refusal(StatusCode::FORBIDDEN, Some("Resource not accessible by personal access token"));
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| self.pulls.has(*number));
        match (&question.method, rest) {
            (&Method::POST, ["pulls"]) | (&Method::PUT, ["pulls", _, "merge"]) if !shape.may_push => may_not(),
            (&Method::GET, []) => Answer::ok(&shape.full_repository()),
            (&Method::GET, ["pulls"]) => self.list(question, &shape),
            (&Method::POST, ["pulls"]) => self.create(question, &shape),
            (&Method::GET, ["pulls", one]) => number(one).map_or_else(absent, |number| Answer::ok(&shape.pull(number, true))),
            (&Method::GET, ["pulls", one, "reviews"]) => number(one).map_or_else(absent, |number| Answer::ok(&shape.reviews(number))),
            (&Method::POST, ["pulls", one, "reviews"]) => number(one).map_or_else(absent, |number| self.review(question, &shape, number)),
            (&Method::PUT, ["pulls", one, "merge"]) => number(one).map_or_else(absent, |number| self.merge(question, &shape, number)),
            (&Method::GET, ["branches", name]) => self.pulls.branch(name).map_or_else(absent, |head| Answer::ok(&shape.branch(name, &head))),
            (&Method::GET, ["rules", "branches", name]) => Answer::ok(&shape.rules(name)),
            (&Method::GET, ["commits", commit, "check-runs"]) => Answer::ok(&shape.check_runs(commit)),
            (&Method::GET, ["commits", commit, "status"]) => Answer::ok(&shape.status(commit)),
            _ => refusal(StatusCode::NOT_FOUND, None),
        }
    }

    fn list(&self, question: &Question, shape: &Shape<'_>) -> Answer {
        let number =
            |name: &str, usual: usize| question.parameter(name).and_then(|text| text.parse().ok()).filter(|number| *number > 0).unwrap_or(usual);
        let (per_page, page) = (number("per_page", 30).min(100), number("page", 1));
        let state = question.parameter("state").unwrap_or("open");
        // Without its owner the head is ignored.
        let head = question.parameter("head").and_then(|head| head.split_once(':')).map(|(_, branch)| branch);
        let all = self.pulls.numbers(state, head, question.parameter("base"));
        let shown: Vec<Value> = all.iter().skip((page - 1) * per_page).take(per_page).map(|number| shape.pull(*number, false)).collect();
        let answer = Answer::ok(&Value::Array(shown));
        if all.len() > page * per_page {
            let next = format!("<{}/repos/{OWNER}/{NAME}/pulls?state={state}&per_page={per_page}&page={}>; rel=\"next\"", self.url, page + 1);
            return answer.with(LINK, next);
        }
        answer
    }

    fn create(&self, question: &Question, shape: &Shape<'_>) -> Answer {
        let Ok(asked) = serde_json::from_slice::<Create>(&question.body) else {
            return refusal(StatusCode::BAD_REQUEST, Some("Problems parsing JSON"));
        };
        let invalid = |error: Value| {
            let body = json!({
                "message": "Validation Failed", "errors": [error], "documentation_url": shape::DOCUMENTATION, "status": "422",
            });
            Answer::json(StatusCode::UNPROCESSABLE_ENTITY, &body)
        };
        let missing = |field: &str| invalid(json!({ "resource": "PullRequest", "code": "missing_field", "field": field }));
        let Some(head) = asked.head.as_deref().map(|head| head.split_once(':').map_or(head, |(_, branch)| branch)) else { return missing("head") };
        let Some(base) = asked.base.as_deref() else { return missing("base") };
        let Some(title) = asked.title.filter(|title| !title.is_empty()) else { return missing("title") };
        let custom = |message: String| invalid(json!({ "resource": "PullRequest", "code": "custom", "message": message }));
        match self.pulls.open((head, base), (&title, asked.body.as_deref().unwrap_or_default()), shape.user, asked.draft) {
            Ok(number) => Answer::json(StatusCode::CREATED, &shape.pull(number, true)),
            Err(No::Branchless(field)) => invalid(json!({ "resource": "PullRequest", "code": "invalid", "field": field })),
            Err(No::Exists) => custom(format!("A pull request already exists for {OWNER}:{head}.")),
            Err(No::NothingBetween) => custom(format!("No commits between {base} and {head}")),
            Err(No::NotMergeable(words) | No::Moved(words)) => custom(words),
        }
    }

    fn review(&self, question: &Question, shape: &Shape<'_>, number: u64) -> Answer {
        let Ok(asked) = serde_json::from_slice::<Review>(&question.body) else {
            return refusal(StatusCode::BAD_REQUEST, Some("Problems parsing JSON"));
        };
        let deed = match asked.event.as_str() {
            "APPROVE" => Deed::Approved,
            "REQUEST_CHANGES" => Deed::ChangesRequested,
            _ => Deed::Commented,
        };
        if self.pulls.is_by(number, shape.user) && deed != Deed::Commented {
            return refusal(StatusCode::UNPROCESSABLE_ENTITY, Some("Can not approve your own pull request"));
        }
        self.pulls.review(number, shape.user, deed, asked.body.as_deref().unwrap_or_default());
        let reviews = shape.reviews(number);
        Answer::ok(reviews.as_array().and_then(|reviews| reviews.last()).unwrap_or(&Value::Null))
    }

    fn merge(&self, question: &Question, shape: &Shape<'_>, number: u64) -> Answer {
        let asked: Merge = serde_json::from_slice(&question.body).unwrap_or_default();
        let words = (asked.commit_title.as_deref(), asked.commit_message.as_deref());
        let method = asked.method.as_deref().unwrap_or("merge");
        match self.pulls.merge(number, asked.sha.as_deref(), method, words, shape.user) {
            Ok(commit) => Answer::ok(&json!({ "sha": commit, "merged": true, "message": "Pull Request successfully merged" })),
            Err(No::Moved(words)) => refusal(StatusCode::CONFLICT, Some(&words)),
            Err(No::NotMergeable(words)) => refusal(StatusCode::METHOD_NOT_ALLOWED, Some(&words)),
            Err(No::Branchless(_) | No::Exists | No::NothingBetween) => absent(),
        }
    }

    fn rate_limit(&self) -> Value {
        let used = self.used.load(Ordering::Relaxed);
        let reset = self.pulls.now_shown().as_second() / 3600 * 3600 + 3600;
        let core = json!({ "limit": LIMIT, "used": used, "remaining": LIMIT.saturating_sub(used), "reset": reset });
        let search = json!({ "limit": 30, "used": 0, "remaining": 30, "reset": reset });
        json!({ "resources": { "core": core.clone(), "search": search }, "rate": core })
    }
}

/// A page that the asker has is not sent again, and costs nothing.
fn unless_known(question: &Question, answer: Answer) -> (Answer, bool) {
    let Content::Whole(body) = &answer.content else { return (answer, true) };
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let etag = format!("W/\"{:016x}\"", hasher.finish());
    if question.header(&IF_NONE_MATCH).is_some_and(|known| known == etag) {
        return (Answer::new(StatusCode::NOT_MODIFIED, super::answer::JSON, Vec::new()).with(ETAG, etag), false);
    }
    (answer.with(ETAG, etag), true)
}

fn absent() -> Answer {
    refusal(StatusCode::NOT_FOUND, None)
}

/// An answer that says nothing but its status.
pub(super) fn refusal(status: StatusCode, says: Option<&str>) -> Answer {
    let usual = match status.as_u16() {
        401 => "Bad credentials",
        403 => "Resource not accessible by personal access token",
        404 => "Not Found",
        429 => "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        _ => "Server Error",
    };
    Answer::json(
        status,
        &json!({ "message": says.unwrap_or(usual), "documentation_url": shape::DOCUMENTATION, "status": status.as_u16().to_string() }),
    )
}
