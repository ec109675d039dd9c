//! Pull requests on the real repository of a world: what is open, how its checks and reviews stand by the world's clock, and merging, which makes real
//! commits. It knows nothing of HTTP.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use git2::{Oid, Repository, Signature, Time};
use serde::Deserialize;

use crate::base::Timestamp;
use crate::base::time::later;
use crate::simulator::clock::Clock;
use crate::simulator::scenario::PullRequests;

/// All pull requests of a world.
pub(in crate::simulator) struct Pulls {
    folder: PathBuf,
    rules: PullRequests,
    clock: Clock,
    held: Mutex<BTreeMap<u64, Pull>>,
}

/// A pull request.
#[derive(Debug, Clone)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) head: String,
    pub(super) base: String,
    pub(super) by: String,
    pub(super) is_draft: bool,
    /// In the world's time, as all times here.
    pub(super) opened: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) reviews: Vec<Review>,
    pub(super) end: Option<End>,
    /// The last commits of head and base while it was open.
    last: (String, String),
    /// The head for which it was worked out whether it can be merged.
    judged: Option<String>,
    /// Checks that somebody let end otherwise.
    checks: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(super) struct Review {
    pub(super) by: String,
    pub(super) state: &'static str,
    pub(super) body: String,
    pub(super) at: Timestamp,
    pub(super) commit: String,
}

#[derive(Debug, Clone)]
pub(super) struct End {
    /// The merge, where it is one: the commit.
    pub(super) commit: Option<String>,
    pub(super) by: String,
    pub(super) at: Timestamp,
}

/// A commit of the repository.
#[derive(Debug, Clone)]
pub(super) struct Written {
    /// Name and address.
    pub(super) author: (String, String),
    pub(super) at: Timestamp,
    pub(super) message: String,
    pub(super) tree: String,
    pub(super) parents: Vec<String>,
}

/// A check of a commit.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) began: Timestamp,
    /// When it ended, and how.
    pub(super) ended: Option<(Timestamp, String)>,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum No {
    /// The field of the request that names no branch.
    Branchless(&'static str),
    Exists,
    NothingBetween,
    NotMergeable(String),
    Moved(String),
}

/// What somebody does to a pull request, over the control server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::simulator) enum Deed {
    Approved,
    ChangesRequested,
    Commented,
    Merged,
    Closed,
    /// Somebody pushes another commit to its branch.
    PushedTo,
}

/// Whether it can be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mergeable {
    /// It is being worked out.
    Unknown,
    Clean,
    Blocked,
    Dirty,
    Draft,
}

impl Mergeable {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Clean => "clean",
            Self::Blocked => "blocked",
            Self::Dirty => "dirty",
            Self::Draft => "draft",
        }
    }

    pub(super) const fn flag(self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::Dirty => Some(false),
            Self::Clean | Self::Blocked | Self::Draft => Some(true),
        }
    }
}

impl Pulls {
    pub(in crate::simulator) fn new(folder: PathBuf, rules: PullRequests, clock: Clock) -> Self {
        Self { folder, rules, clock, held: Mutex::default() }
    }

    /// The present as it is shown.
    pub(super) fn now_shown(&self) -> Timestamp {
        self.clock.now()
    }

    /// A moment of the world as it is shown.
    pub(super) fn shown(&self, moment: Timestamp) -> Timestamp {
        self.clock.shown(moment)
    }

    pub(super) fn start(&self) -> Timestamp {
        self.clock.start()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u64, Pull>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn git(&self) -> Result<Repository, git2::Error> {
        Repository::open_bare(&self.folder)
    }

    /// The head of a branch.
    pub(super) fn branch(&self, name: &str) -> Option<String> {
        Some(self.git().ok()?.refname_to_id(&format!("refs/heads/{name}")).ok()?.to_string())
    }

    /// Whether pushes to a branch are refused: by the hook that does it.
    pub(super) fn is_protected(&self, name: &str) -> bool {
        (name == "main" || name.starts_with("env/")) && self.folder.join("hooks/update").exists()
    }

    /// The checks that must pass.
    pub(super) fn required(&self) -> impl Iterator<Item = &str> {
        self.rules.checks.iter().map(|check| check.name.as_str())
    }

    /// A commit of the repository.
    pub(super) fn commit_of(&self, id: &str) -> Option<Written> {
        let git = self.git().ok()?;
        let commit = git.find_commit(Oid::from_str(id).ok()?).ok()?;
        let author = commit.author();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Written {
            author: (text(author.name_bytes()), text(author.email_bytes())),
            at: Timestamp::from_second(author.when().seconds()).ok()?,
            message: text(commit.message_bytes()),
            tree: commit.tree_id().to_string(),
            parents: commit.parent_ids().map(|id| id.to_string()).collect(),
        })
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.held().contains_key(&number)
    }

    pub(super) fn is_by(&self, number: u64, user: &str) -> bool {
        self.held().get(&number).is_some_and(|pull| pull.by == user)
    }

    /// A pull request as it is now, with the heads of its branches.
    pub(super) fn get(&self, number: u64) -> Option<(Pull, String, String)> {
        self.pass();
        let pull = self.held().get(&number)?.clone();
        let (head, base) = if pull.end.is_some() { pull.last.clone() } else { (self.branch(&pull.head)?, self.branch(&pull.base)?) };
        Some((pull, head, base))
    }

    /// The numbers of those in a state, the newest first.
    pub(super) fn numbers(&self, state: &str, head: Option<&str>, base: Option<&str>) -> Vec<u64> {
        self.pass();
        let fits = |pull: &&Pull| {
            let is_state = state == "all" || (state == "open") == pull.end.is_none();
            is_state && head.is_none_or(|head| pull.head == head) && base.is_none_or(|base| pull.base == base)
        };
        self.held().values().rev().filter(fits).map(|pull| pull.number).collect()
    }

    pub(super) fn open(&self, (head, base): (&str, &str), (title, body): (&str, &str), by: &str, is_draft: bool) -> Result<u64, No> {
        let tip = self.branch(head).ok_or(No::Branchless("head"))?;
        let target = self.branch(base).ok_or(No::Branchless("base"))?;
        let mut known = self.held();
        if known.values().any(|pull| pull.end.is_none() && pull.head == head && pull.base == base) {
            return Err(No::Exists);
        }
        if !self.is_ahead(&tip, &target) {
            return Err(No::NothingBetween);
        }
        let (number, now) = (known.keys().next_back().map_or(412, |last| last + 1), self.clock.world());
        let pull = Pull {
            number,
            title: title.to_owned(),
            body: body.to_owned(),
            head: head.to_owned(),
            base: base.to_owned(),
            by: by.to_owned(),
            is_draft,
            opened: now,
            changed: now,
            reviews: Vec::new(),
            end: None,
            last: (tip, target),
            judged: None,
            checks: BTreeMap::new(),
        };
        known.insert(number, pull);
        Ok(number)
    }

    fn is_ahead(&self, tip: &str, onto: &str) -> bool {
        let ahead = || {
            let git = self.git()?;
            git.graph_ahead_behind(Oid::from_str(tip)?, Oid::from_str(onto)?)
        };
        ahead().is_ok_and(|(ahead, _)| ahead > 0)
    }

    /// Lets happen what is due: the reviewer of the scenario looks at what is open.
    fn pass(&self) {
        let Some(after) = self.rules.reviewed_after else { return };
        let now = self.clock.world();
        for pull in self.held().values_mut().filter(|pull| pull.end.is_none() && pull.reviews.is_empty()) {
            let due = later(pull.opened, after);
            if due <= now
                && let Some(commit) = self.branch(&pull.head)
            {
                let (by, body) = (self.rules.reviewer.clone(), "Looks good.".to_owned());
                pull.reviews.push(Review { by, state: "APPROVED", body, at: due, commit });
                pull.changed = due;
            }
        }
    }

    pub(super) fn review(&self, number: u64, by: &str, deed: Deed, body: &str) {
        let now = self.clock.world();
        let state = match deed {
            Deed::Approved => "APPROVED",
            Deed::ChangesRequested => "CHANGES_REQUESTED",
            _ => "COMMENTED",
        };
        if let Some(pull) = self.held().get_mut(&number) {
            let commit = self.branch(&pull.head).unwrap_or_default();
            pull.reviews.push(Review { by: by.to_owned(), state, body: body.to_owned(), at: now, commit });
            pull.changed = now;
        }
    }

    /// Who is asked to review.
    pub(super) fn reviewer(&self) -> &str {
        &self.rules.reviewer
    }

    /// The checks of a commit that is the head of a pull request.
    pub(super) fn checks(&self, commit: &str) -> Vec<Check> {
        let pulls: Vec<Pull> = self.held().values().cloned().collect();
        let is_of = |pull: &Pull| if pull.end.is_some() { pull.last.0 == commit } else { self.branch(&pull.head).as_deref() == Some(commit) };
        pulls.into_iter().rfind(is_of).map(|pull| self.checks_of(&pull)).unwrap_or_default()
    }

    fn checks_of(&self, pull: &Pull) -> Vec<Check> {
        let until = pull.end.as_ref().map_or_else(|| self.clock.world(), |end| end.at);
        let check = |check: &crate::simulator::scenario::CheckDefinition| {
            let ends = later(pull.opened, check.takes);
            let conclusion = pull.checks.get(&check.name).cloned().unwrap_or_else(|| if check.fails { "failure" } else { "success" }.to_owned());
            let ended = (ends <= until || pull.checks.contains_key(&check.name)).then(|| (ends.min(until), conclusion));
            Check { name: check.name.clone(), began: pull.opened, ended }
        };
        self.rules.checks.iter().map(check).collect()
    }

    /// Whether it can be merged. It is worked out when somebody asks for the first time, and told from the second time on.
    pub(super) fn mergeable(&self, number: u64) -> Mergeable {
        let Some((pull, head, base)) = self.get(number) else { return Mergeable::Unknown };
        if pull.judged.as_ref() != Some(&head) {
            if let Some(pull) = self.held().get_mut(&number) {
                pull.judged = Some(head);
            }
            return Mergeable::Unknown;
        }
        if pull.end.is_some() {
            return Mergeable::Unknown;
        }
        if self.merged_tree(&head, &base).is_none() {
            return Mergeable::Dirty;
        }
        if pull.is_draft {
            return Mergeable::Draft;
        }
        if self.blocked(&pull).is_some() { Mergeable::Blocked } else { Mergeable::Clean }
    }

    /// What its protected branch wants first.
    fn blocked(&self, pull: &Pull) -> Option<String> {
        for check in self.checks_of(pull) {
            match check.ended {
                Some((_, conclusion)) if conclusion == "success" => {}
                Some(_) => return Some(format!("Required status check \"{}\" is failing.", check.name)),
                None => return Some(format!("Required status check \"{}\" is expected.", check.name)),
            }
        }
        let mut states: BTreeMap<&str, &str> = BTreeMap::new();
        for review in pull.reviews.iter().filter(|review| review.state != "COMMENTED") {
            states.insert(&review.by, review.state);
        }
        if states.values().any(|state| *state == "CHANGES_REQUESTED") {
            return Some("Changes were requested by a reviewer with write access.".to_owned());
        }
        let is_approved = states.values().any(|state| *state == "APPROVED");
        (!is_approved).then(|| "At least 1 approving review is required by reviewers with write access.".to_owned())
    }

    fn merged_tree(&self, head: &str, base: &str) -> Option<Oid> {
        let git = self.git().ok()?;
        let commit = |id: &str| git.find_commit(Oid::from_str(id).ok()?).ok();
        let mut index = git.merge_commits(&commit(base)?, &commit(head)?, None).ok()?;
        if index.has_conflicts() { None } else { index.write_tree_to(&git).ok() }
    }

    pub(super) fn merge(
        &self,
        number: u64,
        expected: Option<&str>,
        method: &str,
        (title, message): (Option<&str>, Option<&str>),
        by: &str,
    ) -> Result<String, No> {
        let not = |words: &str| Err(No::NotMergeable(words.to_owned()));
        let Some((pull, head, base)) = self.get(number) else { return not("Pull Request is not mergeable") };
        if pull.end.is_some() || pull.is_draft {
            return not("Pull Request is not mergeable");
        }
        if expected.is_some_and(|expected| expected != head) {
            return Err(No::Moved("Head branch was modified. Review and try the merge again.".to_owned()));
        }
        if let Some(why) = self.blocked(&pull) {
            return Err(No::NotMergeable(why));
        }
        let Some(tree) = self.merged_tree(&head, &base) else { return not("Pull Request is not mergeable") };
        let from = format!("{}/{}", super::OWNER, pull.head);
        let (subject, usual) = match method {
            "merge" => (format!("Merge pull request #{number} from {from}"), pull.title.clone()),
            "squash" => (format!("{} (#{number})", pull.title), self.message_of(&head)),
            _ => return not("Rebase merges are not allowed on this repository."),
        };
        let message = format!("{}\n\n{}\n", title.unwrap_or(&subject), message.unwrap_or(&usual));
        let moved = || No::NotMergeable("Base branch was modified. Review and try the merge again.".to_owned());
        let commit = self.commit((&head, &base), tree, method == "squash", &message, by, &pull.base).map_err(|_raced| moved())?;
        self.end(number, Some(commit.clone()), by, (head, base));
        Ok(commit)
    }

    /// The message of a commit but for its first line: what GitHub proposes for the only commit that is squashed.
    fn message_of(&self, commit: &str) -> String {
        let message = || Some(self.git().ok()?.find_commit(Oid::from_str(commit).ok()?).ok()?.message()?.to_owned());
        let message = message().unwrap_or_default();
        message.split_once('\n').map(|(_, rest)| rest.trim().to_owned()).unwrap_or_default()
    }

    fn commit(&self, (head, base): (&str, &str), tree: Oid, is_squashed: bool, message: &str, by: &str, onto: &str) -> Result<String, git2::Error> {
        let git = self.git()?;
        let when = Time::new(self.clock.now().as_second(), 0);
        let author = Signature::new(by, &format!("{by}@acme.example"), &when)?;
        let committer = Signature::new("GitHub", "noreply@github.com", &when)?;
        let (head, base) = (git.find_commit(Oid::from_str(head)?)?, git.find_commit(Oid::from_str(base)?)?);
        let parents = if is_squashed { vec![&base] } else { vec![&base, &head] };
        let id = git.commit(None, &author, &committer, message, &git.find_tree(tree)?, &parents)?;
        git.reference_matching(&format!("refs/heads/{onto}"), id, true, base.id(), "merged")?;
        Ok(id.to_string())
    }

    fn end(&self, number: u64, commit: Option<String>, by: &str, last: (String, String)) {
        let at = self.clock.world();
        if let Some(pull) = self.held().get_mut(&number) {
            (pull.end, pull.changed, pull.last) = (Some(End { commit, by: by.to_owned(), at }), at, last);
        }
    }

    /// Somebody does something to a pull request.
    pub(in crate::simulator) fn act(&self, number: u64, deed: Deed, by: &str) -> Result<(), String> {
        let Some((pull, head, base)) = self.get(number) else { return Err(format!("there is no pull request {number}")) };
        match deed {
            Deed::Approved | Deed::ChangesRequested | Deed::Commented => self.review(number, by, deed, ""),
            Deed::Merged => return self.merge(number, None, "squash", (None, None), by).map(drop).map_err(|no| format!("{no:?}")),
            Deed::Closed => self.end(number, None, by, (head, base)),
            Deed::PushedTo => {
                let tree = self.git().and_then(|git| Ok(git.find_commit(Oid::from_str(&head)?)?.tree_id()));
                let pushed = tree.and_then(|tree| self.commit((&head, &head), tree, true, "one more thing\n", by, &pull.head));
                pushed.map_err(|error| error.message().to_owned())?;
            }
        }
        Ok(())
    }

    /// Lets a check end so.
    pub(in crate::simulator) fn conclude(&self, number: u64, check: &str, conclusion: &str) -> Result<(), String> {
        if !self.rules.checks.iter().any(|known| known.name == check) {
            return Err(format!("there is no check '{check}'"));
        }
        let now = self.clock.world();
        let mut held = self.held();
        let pull = held.get_mut(&number).ok_or_else(|| format!("there is no pull request {number}"))?;
        pull.checks.insert(check.to_owned(), conclusion.to_owned());
        pull.changed = now;
        Ok(())
    }
}
