//! Plans, requests and answers as the journal keeps them. The names here stay when the types of the program change: what was written is read for years.

use super::{Answer, Changed, Confirmed, Fact, File, Found, Opened, Part, Planned, Receipt, Requested, Rung, Span, Whence, Who};
use crate::base::{OperationId, Raw, Safe};
use crate::operations::confirm::How;
use crate::operations::following;
use crate::operations::mutation::{self, Mutation, No, Patch, Rejection, Target};
use crate::operations::protocol::Settled;
use crate::operations::refusal::named;
use crate::operations::{Approved, Expects, FileEdit, Line, Plan, Precondition, Sign};

impl Opened {
    /// What was approved. Who did it from where, and what was on screen, is for the caller to say.
    #[must_use]
    pub fn of(approved: &Approved, (who, whence): (Who, Whence), on_screen: Vec<Fact>) -> Self {
        let plan = approved.plan();
        let mut clusters: Vec<Safe> = plan.moves.iter().filter_map(|moves| Some(moves.cluster.as_known()?.shown())).collect();
        clusters.sort();
        clusters.dedup();
        Self {
            who,
            whence,
            program: Safe::clean(env!("CARGO_PKG_VERSION")),
            direction: plan.direction,
            request: Requested::asked(plan),
            service: Some(plan.service.shown()),
            environments: vec![plan.to.shown()],
            placements: plan.moves.iter().map(|moves| moves.place.shown()).collect(),
            clusters,
            reason: approved.stated().reason.clone(),
            ticket: approved.stated().ticket.clone(),
            plan: Planned::of(plan, approved.id()),
            on_screen,
            confirmed: approved.confirmed().how().into(),
            armed: approved.armed_until().map(|until| Span { since: None, until }),
        }
    }
}

impl Planned {
    /// A plan, with what will be sent for it.
    #[must_use]
    pub fn of(plan: &Plan, id: &OperationId) -> Self {
        let line = |line: Line| Changed { number: line.number as u64, comes: line.sign == Sign::Comes, text: line.text };
        let file = |edit: &FileEdit| File { file: edit.file.shown(), lines: edit.lines().into_iter().map(line).collect() };
        Self {
            steps: plan.steps.iter().map(|step| step.words_of(id)).collect(),
            files: plan.files().iter().map(file).collect(),
            message: plan.commit().map(|commit| commit.message.text().lines().map(Safe::clean).collect()).unwrap_or_default(),
            requests: plan.mutations().map(|mutation| Requested::of(mutation, id)).collect(),
            preconditions: plan.preconditions().iter().map(precondition).collect(),
            remarks: plan.remarks.clone(),
            not_known: plan.not_known.clone(),
        }
    }
}

fn precondition(precondition: &Precondition) -> Safe {
    let (repository, path) = (precondition.repository.shown(), precondition.path.shown());
    let branch = precondition.branch.as_ref().map(|branch| format!(" on {}", branch.shown())).unwrap_or_default();
    match &precondition.expects {
        Expects::Blob(id) => crate::safe!("{path}{branch} in {repository} is {}", id.shown()),
        Expects::Nothing => crate::safe!("{path}{branch} in {repository} is not there"),
        Expects::Names(names) => crate::safe!("{path}{branch} in {repository} holds {}", named(names.iter().map(Raw::shown))),
    }
}

impl Requested {
    /// A request that nothing was told of yet.
    #[must_use]
    pub fn new(what: &str, words: Safe) -> Self {
        Self { what: Safe::clean(what), words, parts: Vec::new() }
    }

    /// The same with one more part.
    #[must_use]
    pub fn with(mut self, name: &str, value: Safe) -> Self {
        self.parts.push(Part { name: Safe::clean(name), value });
        self
    }

    /// What was wished for, as the plan has it.
    #[must_use]
    pub fn asked(plan: &Plan) -> Self {
        let request = Self::new(plan.request.name(), plan.title()).with("service", plan.service.shown()).with("to", plan.to.shown());
        let request = request.with("version", plan.version.clone());
        let request = if plan.waves.is_empty() { request } else { request.with("then", plan.onward()) };
        match &plan.from {
            Some(from) => request.with("from", from.shown()),
            None => request,
        }
    }

    /// What is about to be sent.
    #[must_use]
    pub fn of(mutation: &Mutation, id: &OperationId) -> Self {
        let of = |what| Self::new(what, mutation.words_of(id));
        let request = match mutation {
            Mutation::Commit(commit) => {
                let request = of("commit").with("repository", commit.repository.shown()).with("branch", commit.branch.shown());
                let request = request.with("head", commit.head.shown()).with("subject", commit.message.subject.clone());
                let request = if commit.beside { request.with("beside", Safe::clean("true")) } else { request };
                commit.files.iter().fold(request, |request, file| request.with("file", file.file.shown()))
            }
            Mutation::Open(opening) => {
                let request = of("open").with("repository", opening.repository.shown()).with("github", opening.github.shown());
                let request = request.with("name", opening.name.shown()).with("base", opening.base.shown()).with("title", opening.title.clone());
                let request =
                    opening.body.iter().filter(|line| !line.as_str().is_empty()).fold(request, |request, line| request.with("body", line.clone()));
                opening.trailers.iter().fold(request, |request, (name, value)| request.with("trailer", crate::safe!("{name}: {value}")))
            }
            Mutation::Merge(merging) => {
                let request = of("merge").with("github", merging.pull.github.shown()).with("name", merging.pull.repository.shown());
                let request = request.with("number", crate::safe!("{}", merging.pull.number)).with("url", merging.url.clone());
                let request = request.with("base", merging.base.shown()).with("head", merging.head.shown());
                request.with("method", Safe::clean(merging.method.word())).with("repository", merging.repository.shown())
            }
            Mutation::Refresh(target) => of("refresh").at(target),
            Mutation::Sync(sync) => {
                let request = of("sync").at(&sync.target).with("prune", crate::safe!("{}", sync.prune));
                match &sync.revision {
                    Some(revision) => request.with("revision", revision.shown()),
                    None => request,
                }
            }
            Mutation::Terminate(target) => of("terminate").at(target),
            Mutation::Rollback { target, history } => of("rollback").at(target).with("history", crate::safe!("{history}")),
            Mutation::Act(acting) => of("act").at(&acting.target).with("action", Safe::clean(acting.action)).patching(&acting.patch),
            Mutation::Patch(patch) => of("patch").patching(patch),
        };
        match mutation.by_hand_of(id) {
            Some(by_hand) => request.with("by_hand", by_hand),
            None => request,
        }
    }

    fn patching(self, patch: &Patch) -> Self {
        let key = &patch.workload;
        let request = self.with("cluster", key.cluster.shown()).with("namespace", key.namespace.shown());
        let request = request.with("kind", Safe::clean(key.kind.word())).with("name", key.name.shown());
        let request = request.with("status", crate::safe!("{}", patch.status));
        let request = if patch.awaits { request.with("awaits", Safe::clean("true")) } else { request };
        // One part each: a long one is cut.
        patch.operations.iter().fold(request, |request, operation| {
            let value = operation.value.as_ref().map(|value| format!(" {value}")).unwrap_or_default();
            request.with(operation.op, crate::safe!("{}{value}", Safe::clean(&operation.path)))
        })
    }

    fn at(self, target: &Target) -> Self {
        let request = self.with("argocd", target.app.argocd.shown()).with("application", target.app.shown());
        request.with("project", target.project.shown())
    }
}

impl From<&How> for Confirmed {
    fn from(how: &How) -> Self {
        match how {
            How::Typed(text) => Self::Typed { text: text.clone() },
            How::TwoKeys => Self::Keys { keys: Safe::clean("two distinct ones") },
            How::Yes => Self::Flag { flag: Safe::clean("--yes"), policy: Safe::clean("the environment lets it") },
        }
    }
}

impl From<following::Rung> for Rung {
    fn from(rung: following::Rung) -> Self {
        match rung {
            following::Rung::Proposed => Self::Proposed,
            following::Rung::Checked => Self::Checked,
            following::Rung::Approved => Self::Approved,
            following::Rung::Committed => Self::Committed,
            following::Rung::Noticed => Self::Noticed,
            following::Rung::Synced => Self::Synced,
            following::Rung::RolledOut => Self::RolledOut,
            following::Rung::Healthy => Self::Healthy,
            following::Rung::Verified => Self::Verified,
        }
    }
}

impl Rung {
    /// The rung of the ladder that is climbed; `None`: it is not one of those.
    #[must_use]
    pub const fn climbed(self) -> Option<following::Rung> {
        Some(match self {
            Self::Proposed => following::Rung::Proposed,
            Self::Checked => following::Rung::Checked,
            Self::Approved => following::Rung::Approved,
            Self::Committed => following::Rung::Committed,
            Self::Noticed => following::Rung::Noticed,
            Self::Synced => following::Rung::Synced,
            Self::RolledOut => following::Rung::RolledOut,
            Self::Healthy => following::Rung::Healthy,
            Self::Verified => following::Rung::Verified,
            Self::Syncing | Self::Stepping | Self::Superseded => return None,
        })
    }
}

impl From<&Settled> for Answer {
    fn from(settled: &Settled) -> Self {
        match settled {
            Settled::Done(receipt) => Self::Taken { receipt: receipt.into() },
            Settled::NotDone(rejection) => rejection.into(),
            Settled::Unknown(why) => Self::Unknown { why: why.clone() },
        }
    }
}

impl From<&mutation::Answer> for Answer {
    fn from(answer: &mutation::Answer) -> Self {
        match answer {
            mutation::Answer::Taken(receipt) => Self::Taken { receipt: receipt.into() },
            mutation::Answer::Refused(rejection) => rejection.into(),
            mutation::Answer::Unknown(why) => Self::Unknown { why: why.clone() },
        }
    }
}

impl From<&Rejection> for Answer {
    fn from(rejection: &Rejection) -> Self {
        Self::Refused { no: Safe::clean(no(rejection.kind)), why: rejection.why.clone(), cure: rejection.cure.clone() }
    }
}

const fn no(kind: No) -> &'static str {
    match kind {
        No::Moved => "moved",
        No::Forbidden => "forbidden",
        No::NotNow => "not_now",
        No::Against => "against",
        No::NotSent => "not_sent",
        No::Invalid => "invalid",
    }
}

impl From<&mutation::Receipt> for Receipt {
    fn from(receipt: &mutation::Receipt) -> Self {
        match receipt {
            mutation::Receipt::Committed { commit, rebuilt } => Self::Committed { commit: commit.shown(), rebuilt: *rebuilt },
            mutation::Receipt::Beside { commit, link } => Self::Beside { commit: commit.shown(), link: link.clone() },
            mutation::Receipt::Opened { number, url } => Self::Opened { number: *number, url: url.clone() },
            mutation::Receipt::Accepted => Self::Accepted,
            mutation::Receipt::Applied => Self::Applied,
        }
    }
}

impl From<&mutation::Found> for Found {
    fn from(found: &mutation::Found) -> Self {
        match found {
            mutation::Found::Done(receipt) => Self::Done { receipt: receipt.into() },
            mutation::Found::NotDone => Self::NotDone,
            mutation::Found::Unknown(why) => Self::Unknown { why: why.clone() },
        }
    }
}
