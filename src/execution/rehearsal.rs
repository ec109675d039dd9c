//! What would keep a commit from being made and pushed now, as findings: who it would be by, whether it can be signed with nobody asked, whether the
//! remote lets this person in. It changes nothing.

use crate::base::Safe;
use crate::execution::git::Repository;
use crate::gitops::push::{self, Limits, Outcome};
use crate::operations::oncall::{self, Answer, Branch, Finding};

/// What was found of a repository. `branches`: those that commits have to get onto.
pub async fn findings(repository: &Repository, name: &Safe, branches: &[Branch]) -> Vec<Finding> {
    let rehearsed = push::rehearse(&repository.remote, &repository.mirror, repository.author.as_ref(), Limits::default()).await;
    let amiss =
        |what, outcome: &Outcome, place: &Safe| Finding::new(what, Answer::No, outcome.sentence(place)).cured_by(outcome.cure().unwrap_or_default());
    let mut findings = vec![match &rehearsed.identity {
        Ok(who) => Finding::new("identity", Answer::Yes, crate::safe!("commits are by {who}")),
        Err(outcome) => amiss("identity", outcome, name),
    }];
    findings.push(match &rehearsed.signature {
        Ok(Some(signed)) => Finding::new("signature", Answer::Yes, signed.clone()),
        Ok(None) => Finding::new("signature", Answer::Yes, Safe::clean("your git signs no commits")),
        Err(outcome) => amiss("signature", outcome, name),
    });
    match &rehearsed.push {
        Err(outcome) => findings.push(amiss("push", outcome, name)),
        Ok(_) if branches.is_empty() => {
            findings.push(Finding::new("push", Answer::Unknown, Safe::clean("the remote lets you in; which branch is followed there is not known")));
        }
        Ok(_) => findings.extend(branches.iter().flat_map(oncall::pushed)),
    }
    findings
}
