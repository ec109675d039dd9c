//! Commits and pushes, for a plan: what git's outcomes mean for an operation. How it is done is `gitops`' matter.

use std::sync::Arc;

use crate::base::{OperationId, Raw, Safe};
use crate::gitops::push::{self, Expects, File, Goal, Landed, Limits, Outcome, Person, Precondition, Proposal};
use crate::gitops::{self, Mirror, Remote};
use crate::operations;
use crate::operations::mutation::{Answer, Commit, Found, No, Receipt, Rejection};

/// A repository that can be changed.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Where it is.
    pub remote: Remote,
    /// Where it is kept here.
    pub mirror: Mirror,
    /// Who commits are by; `None`: whoever the person's git says.
    pub author: Option<Person>,
}

impl Repository {
    /// Commits and pushes, once.
    pub async fn send(&self, id: &OperationId, commit: &Commit) -> Answer {
        let place = crate::safe!("{} of {}", commit.branch.shown(), commit.repository.shown());
        let proposal = Arc::new(proposal(id, commit, self.author.clone()));
        match push::push(&self.remote, &self.mirror, &proposal, Limits::default()).await {
            Outcome::Pushed { commit: made, link, .. } if commit.beside => Answer::Taken(Receipt::Beside { commit: made, link }),
            Outcome::AlreadyThere { commit: made } if commit.beside => Answer::Taken(Receipt::Beside { commit: made, link: None }),
            Outcome::Pushed { commit, rebuilt, .. } => Answer::Taken(Receipt::Committed { commit, rebuilt }),
            Outcome::AlreadyThere { commit } => Answer::Taken(Receipt::Committed { commit, rebuilt: 0 }),
            outcome @ Outcome::Unknown { .. } => Answer::Unknown(outcome.sentence(&place)),
            outcome => {
                let kind = kind(&outcome);
                Answer::Refused(Rejection { kind, why: outcome.sentence(&place), cure: outcome.cure().unwrap_or_default() })
            }
        }
    }

    /// Whether a commit of this operation is on its branch. It reads only.
    pub async fn look(&self, id: &OperationId, commit: &Commit) -> Found {
        match push::landed(&self.remote, &self.mirror, &goal(id, commit), None, Limits::default()).await {
            Landed::Yes(made) if commit.beside => Found::Done(Receipt::Beside { commit: made, link: None }),
            Landed::Yes(commit) => Found::Done(Receipt::Committed { commit, rebuilt: 0 }),
            Landed::No => Found::NotDone,
            Landed::Unknown(why) => Found::Unknown(why),
        }
    }

    /// For each revision whether it contains a commit, or one that says it is of this operation; not known where the mirror does not have it yet. It blocks.
    #[must_use]
    pub fn traced(&self, commit: &Raw, operation: Option<&OperationId>, revisions: &[Raw]) -> Vec<(Raw, crate::domain::Known<bool>)> {
        gitops::contain(&self.mirror, commit, operation, revisions)
    }
}

const fn kind(outcome: &Outcome) -> No {
    match outcome {
        Outcome::Moved { .. } => No::Moved,
        Outcome::Busy { .. } => No::NotNow,
        Outcome::Taken | Outcome::Rejected { .. } | Outcome::Protected { .. } => No::Against,
        Outcome::Denied(_) => No::Forbidden,
        _ => No::NotSent,
    }
}

fn goal(id: &OperationId, commit: &Commit) -> Goal {
    let branch = Raw::from(format!("refs/heads/{}", commit.branch.as_wire()));
    Goal { branch, head: commit.head.clone(), beside: commit.beside.then(|| push::own_branch(id)), operation: id.clone() }
}

fn proposal(id: &OperationId, commit: &Commit, author: Option<Person>) -> Proposal {
    let file = |file: &operations::FileEdit| File {
        path: file.file.clone(),
        blob: (!file.blob.is_empty()).then(|| file.blob.clone()),
        bytes: file.after.as_slice().into(),
    };
    let precondition = |precondition: &operations::Precondition| {
        // What lies at a commit does not change.
        let reference = precondition.branch.clone()?;
        let expects = match &precondition.expects {
            operations::Expects::Blob(blob) => Expects::Blob(blob.clone()),
            operations::Expects::Nothing => Expects::Nothing,
            operations::Expects::Names(names) => Expects::Names(names.clone()),
        };
        (precondition.repository == commit.repository).then(|| Precondition { reference, path: precondition.path.clone(), expects })
    };
    Proposal {
        goal: goal(id, commit),
        files: commit.files.iter().map(file).collect(),
        preconditions: commit.preconditions.iter().filter_map(precondition).collect(),
        message: commit.message.text(),
        author,
    }
}

/// A person of a world to practise in.
#[must_use]
pub fn stranger(name: &Safe) -> Person {
    let name = if name.is_empty() { "you".to_owned() } else { name.to_string() };
    Person { email: format!("{name}@demo.example"), name }
}
