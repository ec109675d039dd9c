//! Could this person go back tonight? Which questions tell, and what their answers mean together. Pure: who asks is the shell.
//!
//! What nobody asked, or nobody could say, is never a yes: a rehearsed push proves that the remote lets somebody in, and no more. Whether a branch takes
//! a push from this person is proved by one that it took.

use std::collections::{BTreeMap, BTreeSet};

use super::door::Permission;
use super::mutation::{Mutation, Patch, Sync, Target};
use super::refusal::Place;
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::fleet::{Fleet, Part as Share};
use crate::domain::forge::Pushing;
use crate::domain::landscape::Landscape;
use crate::domain::workload::WorkloadKind;
use crate::domain::{AppKey, EnvironmentName, Known};

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Question {
    /// The repositories that say what runs there, by the names of their sources.
    pub repositories: BTreeMap<Raw, Followed>,
    /// What the tokens are asked for, one request for all of a kind.
    pub probes: Vec<Probe>,
    /// What is known not to be known: where, and why.
    pub unknown: Vec<(Place, Safe)>,
}

/// What is followed of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// The revisions.
    pub revisions: BTreeSet<Option<Raw>>,
    /// How a commit gets there: by a push, and by a pull request.
    pub routes: BTreeSet<Route>,
}

/// How a commit gets onto a branch, as the environments want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// By a push.
    Push,
    /// By a pull request.
    PullRequest,
}

/// A branch that commits have to get onto.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its name, with that of its repository.
    pub name: Safe,
    /// How.
    pub routes: BTreeSet<Route>,
    /// When this person pushed to it last, by the record.
    pub pushed: Option<Timestamp>,
    /// What its forge says; `None`: none that is configured has it.
    pub says: Option<Pushing>,
}

/// A request that stands for others of its kind, and is never sent: whether it would be allowed is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Where.
    pub place: Place,
    /// In a word or two: `sync`.
    pub what: &'static str,
    /// The request.
    pub mutation: Mutation,
    /// For how many it stands.
    pub of: usize,
}

/// How a question was answered; the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Yes.
    Yes,
    /// Nobody could say.
    Unknown,
    /// No.
    No,
}

impl Answer {
    /// The word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Unknown => "unknown",
            Self::No => "no",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was asked, in a word or two.
    pub what: Safe,
    /// How it was answered.
    pub answer: Answer,
    /// What was found.
    pub found: Safe,
    /// What helps.
    pub cure: Option<Safe>,
}

impl Finding {
    /// A line without a cure.
    #[must_use]
    pub fn new(what: &str, answer: Answer, found: Safe) -> Self {
        Self { what: Safe::clean(what), answer, found, cure: None }
    }

    /// The same with what helps, where something does.
    #[must_use]
    pub fn cured_by(mut self, cure: Safe) -> Self {
        self.cure = (!cure.is_empty()).then_some(cure);
        self
    }
}

/// What belongs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What it is called; empty for this machine.
    pub name: Safe,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// What can be in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// This machine: what cannot be recorded is not done.
    Machine,
    /// A gitops repository.
    Repository,
    /// A placement.
    Placement,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// When.
    pub at: Timestamp,
    /// In the order of [`Kind`].
    pub parts: Vec<Part>,
}

impl Report {
    /// All of it together: a no anywhere is a no, and where nothing was asked of a repository or a placement nothing is known.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let has = |kind: Kind| self.parts.iter().any(|part| part.kind == kind && !part.findings.is_empty());
        let floor = if has(Kind::Repository) && has(Kind::Placement) { Answer::Yes } else { Answer::Unknown };
        self.findings().map(|(_, finding)| finding.answer).max().unwrap_or(Answer::Unknown).max(floor)
    }

    /// Every line with the part that it belongs to.
    pub fn findings(&self) -> impl Iterator<Item = (&Part, &Finding)> {
        self.parts.iter().flat_map(|part| part.findings.iter().map(move |finding| (part, finding)))
    }
}

/// So many requests are asked about at most: each is a request to a server.
const MOST: usize = 64;

/// The environments that it is about: those that something is promoted into and nothing is promoted from; all, where there are none.
#[must_use]
pub fn production(landscape: &Landscape) -> BTreeSet<EnvironmentName> {
    let all = &landscape.environments;
    let is_last = |name: &EnvironmentName| !all.iter().any(|other| other.from.contains(name));
    let last: BTreeSet<EnvironmentName> = all
        .iter()
        .filter(|environment| !environment.from.is_empty() && is_last(&environment.name))
        .map(|environment| environment.name.clone())
        .collect();
    if last.is_empty() { all.iter().map(|environment| environment.name.clone()).collect() } else { last }
}

/// What tells whether somebody could go back in production.
#[must_use]
pub fn question(fleet: &Fleet) -> Question {
    let mut question = Question::default();
    let mut probes: BTreeMap<(Place, String), Probe> = BTreeMap::new();
    let mut unknown: BTreeMap<Place, Safe> = BTreeMap::new();
    let environments = production(fleet.landscape());
    let cells = environments.iter().flat_map(|name| fleet.services().keys().filter_map(move |service| Some((name, fleet.cell(service, name)?))));
    for (environment, placement) in cells.flat_map(|(name, cell)| cell.placements.iter().map(move |placement| (name, placement))) {
        let place = Place { environment: environment.clone(), placement: placement.name.clone() };
        let mut add = |key: String, what, mutation| {
            probes.entry((place.clone(), key)).and_modify(|probe| probe.of += 1).or_insert(Probe { place: place.clone(), what, mutation, of: 1 });
        };
        for part in &placement.parts {
            if let Some((key, mutation)) = syncing(fleet, &part.app) {
                add(key, "sync", mutation);
            }
            match patching(part) {
                Ok(asked) => asked.into_iter().for_each(|(key, what, mutation)| add(key, what, mutation)),
                Err(why) => drop(unknown.entry(place.clone()).or_insert(why)),
            }
            followed(fleet, (environment, &part.app), &mut question.repositories);
        }
    }
    question.unknown = unknown.into_iter().collect();
    let mut probes: Vec<Probe> = probes.into_values().collect();
    for left in probes.split_off(probes.len().min(MOST)) {
        question.unknown.push((left.place, crate::safe!("more than {MOST} questions: this one was not asked ({})", left.what)));
    }
    question.probes = probes;
    question
}

/// Argo CD is asked once for a project.
fn syncing(fleet: &Fleet, app: &AppKey) -> Option<(String, Mutation)> {
    let project = &fleet.application(app)?.value.project;
    let key = format!("sync {} {}", app.argocd.shown(), project.shown());
    Some((key, Mutation::Sync(Sync { target: Target { app: app.clone(), project: project.clone() }, revision: None, prune: false })))
}

/// A cluster is asked once for a namespace with Rollouts: for the patches of an abort and of a pause.
fn patching(share: &Share) -> Result<Vec<(String, &'static str, Mutation)>, Safe> {
    let workloads = match &share.workloads {
        Known::Known(workloads) => workloads,
        Known::Unknown(why) => return Err(crate::safe!("whether there are Rollouts is not known: {why}")),
    };
    let rollouts = workloads.iter().filter(|key| key.kind == WorkloadKind::Rollout);
    let asked = rollouts.flat_map(|workload| {
        [(true, "abort"), (false, "pause")].map(|(status, what)| {
            let key = format!("{what} {} {}", workload.cluster.shown(), workload.namespace.shown());
            (key, what, Mutation::Patch(Patch { workload: workload.clone(), status, awaits: false, operations: Vec::new() }))
        })
    });
    Ok(asked.collect())
}

/// Which repository says what it wants of an application, and the revision that is followed there.
fn followed(fleet: &Fleet, (environment, app): (&EnvironmentName, &AppKey), repositories: &mut BTreeMap<Raw, Followed>) {
    let (Some(desired), Some(application)) = (fleet.desired(app), fleet.application(app)) else { return };
    let url = application.value.repository();
    let origin = application.value.origins.iter().find(|origin| url == Some(&origin.repository));
    let revision = origin.and_then(|origin| origin.target_revision.clone()).filter(|revision| !revision.is_empty());
    let by_pull_request = fleet.landscape().environment(environment).is_some_and(|environment| environment.guard.pull_request);
    let followed = repositories.entry(desired.value.repository.clone()).or_default();
    followed.revisions.insert(revision);
    followed.routes.insert(if by_pull_request { Route::PullRequest } else { Route::Push });
}

/// What a token's answer means.
#[must_use]
pub fn permitted(probe: &Probe, permission: &Permission) -> Finding {
    let of = if probe.of > 1 { crate::safe!(", one of {}", probe.of) } else { Safe::default() };
    let what = match &probe.mutation {
        Mutation::Patch(patch) => crate::safe!("rollout {} in {}{of}", patch.workload.name.shown(), patch.workload.cluster.shown()),
        mutation => crate::safe!("{}{of}", mutation.app().map(|app| app.name.shown()).unwrap_or_default()),
    };
    match permission {
        Permission::Granted => Finding::new(probe.what, Answer::Yes, crate::safe!("allowed, asked of {what}")),
        Permission::Denied { why, cure } => Finding::new(probe.what, Answer::No, why.clone()).cured_by(cure.clone()),
        Permission::Unknown(why) => Finding::new(probe.what, Answer::Unknown, crate::safe!("asked of {what}: {why}")),
    }
}

/// What a rehearsed push that was let in means for a branch, with what its forge says: a finding for each way that commits have to go.
#[must_use]
pub fn pushed(branch: &Branch) -> Vec<Finding> {
    let finding = |route: &Route| match route {
        Route::Push => direct(branch),
        Route::PullRequest => by_pull_request(branch),
    };
    branch.routes.iter().map(finding).collect()
}

fn direct(branch: &Branch) -> Finding {
    const RULES: &str = "pull_request = true under the [[environments]] that it is for makes ways back pull requests; or be excepted from its rules";
    let (name, on) = (&branch.name, |at: Timestamp| at.strftime("%Y-%m-%d"));
    let finding = |answer, found| Finding::new("push", answer, found);
    match (&branch.says, branch.pushed) {
        (Some(Pushing::ByPullRequest(why)), None) => {
            finding(Answer::No, crate::safe!("GitHub says that {name} takes pull requests only: {why}")).cured_by(Safe::clean(RULES))
        }
        (Some(Pushing::Not(why)), None) => finding(Answer::No, crate::safe!("GitHub says that {name} takes no push: {why}"))
            .cured_by(Safe::clean("ask whoever keeps its rules to except you")),
        // It may have been before the rules came, or in spite of them.
        (Some(Pushing::ByPullRequest(why) | Pushing::Not(why)), Some(at)) => finding(
            Answer::Unknown,
            crate::safe!("{name} took a push of yours on {}, and GitHub says otherwise now: {why}; whether you are excepted is not told", on(at)),
        )
        .cured_by(Safe::clean(RULES)),
        (_, Some(at)) => finding(Answer::Yes, crate::safe!("the remote lets you in, and {name} took a push of yours on {}", on(at))),
        (Some(Pushing::Direct), None) => finding(
            Answer::Yes,
            crate::safe!("the remote lets you in, and GitHub says that your token may push and that nothing of {name} asks for more"),
        ),
        (says, None) => {
            let why = if let Some(Pushing::Reads(why) | Pushing::Hidden(why) | Pushing::NotTold(why)) = says {
                crate::safe!(": {why}")
            } else {
                Safe::default()
            };
            finding(Answer::Unknown, crate::safe!("the remote lets you in; whether {name} takes a push of yours is not known{why}"))
                .cured_by(Safe::clean("the first one that is on record here tells: a rehearsal asks neither hooks nor rules of branches"))
        }
    }
}

fn by_pull_request(branch: &Branch) -> Finding {
    let name = &branch.name;
    let finding = |answer, found| Finding::new("propose", answer, found);
    match &branch.says {
        Some(Pushing::Direct) => finding(Answer::Yes, crate::safe!("GitHub lets your token open and merge one into {name}")),
        Some(Pushing::ByPullRequest(why)) => finding(Answer::Yes, crate::safe!("GitHub lets your token open one into {name}; {why}")),
        Some(Pushing::Hidden(why)) => {
            finding(Answer::Yes, crate::safe!("GitHub lets your token open one into {name}; what it takes to merge it is not known: {why}"))
        }
        Some(Pushing::Not(why)) => {
            finding(Answer::No, crate::safe!("{name} takes none: {why}")).cured_by(Safe::clean("ask whoever keeps its rules to except you"))
        }
        Some(Pushing::Reads(why)) => {
            finding(Answer::No, why.clone()).cured_by(Safe::clean("use a token with pull requests (write) and contents (write)"))
        }
        Some(Pushing::NotTold(why)) => finding(Answer::Unknown, crate::safe!("whether your token may open one into {name} is not known: {why}")),
        None => {
            finding(Answer::Unknown, crate::safe!("whether one into {name} can be opened is not known: no [[github]] says how its forge is reached"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::tests::World;

    /// What was found, and what it means together.
    type Row<'a> = (&'a [(Kind, &'a [Answer])], Answer);

    #[test]
    fn one_request_stands_for_all_of_its_kind_in_production() {
        let question = question(&World::new().fleet(false));
        let told: Vec<String> = question.probes.iter().map(|probe| format!("{} {} {}", probe.place.shown(), probe.what, probe.of)).collect();
        assert_eq!(told, ["production·eu sync 1", "production·us sync 1"]);
        let revisions = question.repositories.get(&Raw::from("gitops")).unwrap();
        assert_eq!(revisions.revisions.iter().cloned().collect::<Vec<_>>(), [Some(Raw::from("main"))]);
        assert_eq!(revisions.routes, BTreeSet::from([Route::Push]));
        assert!(question.unknown.iter().all(|(_, why)| why.as_str().contains("Rollouts")), "{:?}", question.unknown);
    }

    #[test]
    fn nothing_but_evidence_of_everything_is_a_yes() {
        let part = |kind, answers: &[Answer]| {
            let finding = |answer: &Answer| Finding::new("x", *answer, Safe::default());
            Part { kind, name: Safe::default(), findings: answers.iter().map(finding).collect() }
        };
        let rows: [Row<'_>; 6] = [
            (&[], Answer::Unknown),
            (&[(Kind::Machine, &[Answer::Yes])], Answer::Unknown),
            (&[(Kind::Machine, &[Answer::Yes]), (Kind::Repository, &[Answer::Yes])], Answer::Unknown),
            (&[(Kind::Repository, &[Answer::Yes]), (Kind::Placement, &[Answer::Yes])], Answer::Yes),
            (&[(Kind::Repository, &[Answer::Yes, Answer::Unknown]), (Kind::Placement, &[Answer::Yes])], Answer::Unknown),
            (&[(Kind::Repository, &[Answer::Unknown]), (Kind::Placement, &[Answer::Yes, Answer::No])], Answer::No),
        ];
        for (parts, expected) in rows {
            let report = Report { at: Timestamp::UNIX_EPOCH, parts: parts.iter().map(|(kind, answers)| part(*kind, answers)).collect() };
            assert_eq!(report.answer(), expected, "{parts:?}");
        }
    }

    #[test]
    fn a_branch_is_a_yes_by_what_its_forge_says_or_by_an_own_push_and_by_no_rehearsal() {
        let why = || Safe::clean("why");
        let (push, pull, was) = (Route::Push, Route::PullRequest, Some(Timestamp::UNIX_EPOCH));
        let rows: [(Option<Pushing>, Option<Timestamp>, Route, Answer); 16] = [
            (None, None, push, Answer::Unknown),
            (None, was, push, Answer::Yes),
            (Some(Pushing::Direct), None, push, Answer::Yes),
            (Some(Pushing::ByPullRequest(why())), None, push, Answer::No),
            (Some(Pushing::ByPullRequest(why())), was, push, Answer::Unknown),
            (Some(Pushing::Not(why())), None, push, Answer::No),
            (Some(Pushing::Reads(why())), None, push, Answer::Unknown),
            (Some(Pushing::Hidden(why())), None, push, Answer::Unknown),
            (Some(Pushing::NotTold(why())), was, push, Answer::Yes),
            (None, was, pull, Answer::Unknown),
            (Some(Pushing::Direct), None, pull, Answer::Yes),
            (Some(Pushing::ByPullRequest(why())), None, pull, Answer::Yes),
            (Some(Pushing::Hidden(why())), None, pull, Answer::Yes),
            (Some(Pushing::Not(why())), None, pull, Answer::No),
            (Some(Pushing::Reads(why())), was, pull, Answer::No),
            (Some(Pushing::NotTold(why())), None, pull, Answer::Unknown),
        ];
        for (says, pushed, route, expected) in rows {
            let branch = Branch { name: Safe::clean("main of gitops"), routes: BTreeSet::from([route]), pushed, says };
            let found = super::pushed(&branch);
            assert_eq!(found.iter().map(|finding| finding.answer).collect::<Vec<_>>(), [expected], "{branch:?}");
            assert!(expected != Answer::No || found[0].cure.is_some(), "{branch:?}");
        }
    }
}
