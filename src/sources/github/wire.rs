//! The little that is read of GitHub's answers, leniently: a word that is not known is no error. Facts: GitHub's REST description of 2022-11-28.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::base::{Raw, Safe, Timestamp};
use crate::domain::pull::{Check, Mergeable, OWN_BRANCHES, Pull, PullState, Review, Says, Verdict};
use crate::sources::{Failure, FailureKind};

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::new(FailureKind::Broken, &format!("the answer cannot be understood: {error}")))
}

#[derive(Deserialize)]
struct User {
    login: Safe,
}

#[derive(Deserialize)]
struct Repository {
    full_name: Raw,
}

#[derive(Deserialize)]
struct Side {
    r#ref: Raw,
    sha: Raw,
    /// None: a fork that is gone.
    repo: Option<Repository>,
}

#[derive(Deserialize)]
struct Listed {
    number: u64,
    head: Side,
}

#[derive(Deserialize)]
struct Whole {
    title: Safe,
    #[serde(default)]
    body: Option<String>,
    state: String,
    #[serde(default)]
    draft: bool,
    user: Option<User>,
    html_url: Safe,
    head: Side,
    base: Side,
    created_at: Timestamp,
    #[serde(default)]
    merged: bool,
    #[serde(default)]
    merged_by: Option<User>,
    #[serde(default)]
    merge_commit_sha: Option<Raw>,
    #[serde(default)]
    mergeable: Option<bool>,
    #[serde(default)]
    mergeable_state: Option<Safe>,
    #[serde(default)]
    requested_reviewers: Vec<User>,
    #[serde(default)]
    requested_teams: Vec<Team>,
}

#[derive(Deserialize)]
struct Team {
    slug: Safe,
}

/// Whether a side is a branch of an operation in the repository itself: a fork may call its branches what it likes.
fn is_own(side: &Side, repository: &Raw) -> bool {
    let is_here = side.repo.as_ref().is_some_and(|repo| repo.full_name.as_wire().eq_ignore_ascii_case(repository.as_wire()));
    is_here && side.r#ref.as_wire().starts_with(OWN_BRANCHES)
}

/// The numbers of those that come from branches of operations.
pub(super) fn own(body: &[u8], repository: &Raw) -> Result<Vec<u64>, Failure> {
    let listed: Vec<Listed> = read(body)?;
    Ok(listed.into_iter().filter(|one| is_own(&one.head, repository)).map(|one| one.number).collect())
}

/// A pull request, without its checks and reviews.
pub(super) fn pull(body: &[u8], repository: &Raw) -> Result<Pull, Failure> {
    let whole: Whole = read(body)?;
    let text = whole.body.unwrap_or_default();
    let says = if is_own(&whole.head, repository) { Says::read(&whole.head.r#ref, &text) } else { Says::default() };
    let state = match (whole.merged, whole.state.as_str()) {
        (true, _) => PullState::Merged { commit: whole.merge_commit_sha, by: whole.merged_by.map(|user| user.login) },
        (false, "open") => PullState::Open,
        (false, _) => PullState::Closed,
    };
    let word = whole.mergeable_state.unwrap_or_default();
    let mergeable = match word.as_str() {
        _ if whole.mergeable.is_none() => Mergeable::Unknown(Safe::clean("unknown")),
        _ if whole.draft => Mergeable::Draft,
        "clean" | "has_hooks" => Mergeable::Clean,
        "unstable" => Mergeable::Unstable,
        "blocked" => Mergeable::Blocked,
        "behind" => Mergeable::Behind,
        "dirty" => Mergeable::Dirty,
        "draft" => Mergeable::Draft,
        _ => Mergeable::Unknown(word),
    };
    let people = whole.requested_reviewers.into_iter().map(|user| user.login);
    let awaited = people.chain(whole.requested_teams.into_iter().map(|team| crate::safe!("team {}", team.slug))).collect();
    Ok(Pull {
        url: whole.html_url,
        title: whole.title,
        branch: whole.head.r#ref,
        head: whole.head.sha,
        base: whole.base.r#ref,
        author: whole.user.map(|user| user.login).unwrap_or_default(),
        opened_at: whole.created_at,
        state,
        mergeable,
        checks: Vec::new(),
        reviews: Vec::new(),
        awaited,
        says,
    })
}

#[derive(Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    name: Safe,
    status: String,
    conclusion: Option<String>,
}

/// The checks of a commit.
pub(super) fn check_runs(body: &[u8]) -> Result<Vec<Check>, Failure> {
    let runs: Runs = read(body)?;
    let check = |run: Run| {
        let verdict = match (run.status.as_str(), run.conclusion.as_deref()) {
            ("completed", Some("success" | "neutral" | "skipped")) => Verdict::Passed,
            ("completed", _) => Verdict::Failed,
            _ => Verdict::Pending,
        };
        Check { name: run.name, verdict }
    };
    Ok(runs.check_runs.into_iter().map(check).collect())
}

#[derive(Deserialize)]
struct Combined {
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    context: Safe,
    state: String,
}

/// The statuses of a commit, an older kind of check. What they come to together says nothing where there are none.
pub(super) fn statuses(body: &[u8]) -> Result<Vec<Check>, Failure> {
    let combined: Combined = read(body)?;
    let check = |status: Status| {
        let verdict = match status.state.as_str() {
            "success" => Verdict::Passed,
            "pending" => Verdict::Pending,
            _ => Verdict::Failed,
        };
        Check { name: status.context, verdict }
    };
    Ok(combined.statuses.into_iter().map(check).collect())
}

#[derive(Deserialize)]
struct Said {
    user: Option<User>,
    state: String,
}

/// The last word of each reviewer; they come in the order in which they were said. A comment takes nothing back.
pub(super) fn reviews(body: &[u8]) -> Result<Vec<Review>, Failure> {
    let said: Vec<Said> = read(body)?;
    let mut last: BTreeMap<Safe, Option<bool>> = BTreeMap::new();
    for one in said {
        let Some(user) = one.user else { continue };
        let word = match one.state.as_str() {
            "APPROVED" => Some(true),
            "CHANGES_REQUESTED" => Some(false),
            "DISMISSED" => None,
            _ => continue,
        };
        last.insert(user.login, word);
    }
    Ok(last.into_iter().filter_map(|(by, approves)| Some(Review { by, approves: approves? })).collect())
}
