//! Pull requests on GitHub: opened and merged, each by one request. What became of one whose answer was lost is found by the branch of the operation, or by the
//! number.
//!
//! * `api`: requests, and what their answers mean; `protection`: what is told of pushing to a branch: pure
//! * here: who is asked, once

mod api;
mod protection;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::base::{OperationId, Raw, Safe};
use crate::domain::forge::Pushing;
use crate::execution::rest::{Call, Login, Rest};
use crate::execution::wire::{Silence, refused, rejection};
use crate::operations::door::Permission;
use crate::operations::mutation::{Answer, Found, Mutation, No, Opening, Receipt, Rejection};

/// A GitHub that can be told to do something.
#[derive(Debug, Clone)]
pub struct Github {
    rest: Rest,
    renewal: Safe,
}

impl Github {
    /// The API at this address, without a slash at the end. The client must follow no redirect, try nothing again and use no connection twice. `renewal` is what
    /// renews the token.
    #[must_use]
    pub fn new(client: reqwest::Client, url: &str, login: Login, renewal: Safe) -> Self {
        Self { rest: Rest::new(client, url, login), renewal }
    }

    /// Sends a mutation, once. `reason`: why, for the text of a pull request.
    pub async fn send(&self, id: &OperationId, mutation: &Mutation, reason: Option<&Safe>) -> Answer {
        let call = match mutation {
            Mutation::Open(opening) => api::open(id, opening, reason),
            Mutation::Merge(merging) => api::merge(merging),
            _ => return refused(No::Invalid, "this is not for GitHub", ""),
        };
        let (status, body) = match self.rest.ask(&call, api::headers()).await {
            Ok(answered) => answered,
            Err(silence) => return silence.into(),
        };
        match (api::meaning(mutation, status, &body, &self.renewal), mutation) {
            // It is there already: the branch is of this operation and of no other.
            (Answer::Refused(rejection), Mutation::Open(opening)) if api::says_exists(&rejection) => match self.opened(id, opening).await {
                Found::Done(receipt) => Answer::Taken(receipt),
                Found::NotDone | Found::Unknown(_) => Answer::Refused(rejection),
            },
            (answer, _) => answer,
        }
    }

    /// Whether a mutation was done of which nobody knows.
    pub async fn look(&self, id: &OperationId, mutation: &Mutation) -> Found {
        match mutation {
            Mutation::Open(opening) => self.opened(id, opening).await,
            Mutation::Merge(merging) => match self.read(&api::pull(merging)).await {
                Ok(pull) => api::merged(&pull),
                Err(rejection) => Found::Unknown(rejection.why),
            },
            _ => Found::Unknown(Safe::clean("GitHub knows nothing of this")),
        }
    }

    async fn opened(&self, id: &OperationId, opening: &Opening) -> Found {
        match self.read(&api::find(id, opening)).await {
            Ok(list) => api::found(&list),
            Err(rejection) => Found::Unknown(rejection.why),
        }
    }

    /// Whether the token may push to a repository: whoever may, may open and merge, as far as its rules let them.
    pub async fn may_push(&self, repository: &Raw) -> Permission {
        match self.read(&api::repository(repository)).await {
            Ok(answer) => api::may_push(&answer, repository),
            Err(rejection) if matches!(rejection.kind, No::Forbidden | No::Moved) => Permission::Denied { why: rejection.why, cure: rejection.cure },
            Err(rejection) => Permission::Unknown(rejection.why),
        }
    }

    /// What is told of pushing to a branch. Whether the token is excepted from its rules is not.
    pub async fn pushing(&self, repository: &Raw, branch: &Raw) -> Pushing {
        let answer = match self.read(&api::repository(repository)).await {
            Ok(answer) => answer,
            Err(rejection) => return Pushing::NotTold(rejection.why),
        };
        match api::may_push(&answer, repository) {
            Permission::Granted => {}
            Permission::Denied { why, .. } => return Pushing::Reads(why),
            Permission::Unknown(why) => return Pushing::NotTold(why),
        }
        let (rules, whole) = (api::rules(repository, branch), api::branch_of(repository, branch));
        let (rules, found) = tokio::join!(self.read(&rules), self.read(&whole));
        let (rules, found) = match (rules, found) {
            (Ok(rules), Ok(found)) => (rules, found),
            (Err(rejection), _) | (_, Err(rejection)) => return Pushing::Hidden(rejection.why),
        };
        if let Some(told) = protection::by_rules(&rules).or_else(|| protection::by_branch(&found)) {
            return told;
        }
        let is_admin = answer.pointer("/permissions/admin").and_then(Value::as_bool) == Some(true);
        match self.read(&api::protection(repository, branch)).await {
            Ok(told) => protection::by_protection(&told, is_admin),
            Err(rejection) => protection::hidden(&found, &rejection.why),
        }
    }

    /// Asks something that changes nothing.
    async fn read(&self, call: &Call) -> Result<Value, Rejection> {
        let (status, body) = self.rest.ask(call, api::headers()).await.map_err(Silence::rejection)?;
        if status == 200 {
            return serde_json::from_slice(&body).map_err(|error| rejection(No::Invalid, &format!("the answer cannot be understood: {error}"), ""));
        }
        match api::refusal(status, &body, &self.renewal) {
            Answer::Refused(rejection) => Err(rejection),
            Answer::Unknown(why) => Err(Rejection { kind: No::NotSent, why, cure: Safe::default() }),
            Answer::Taken(Receipt::Accepted | _) => Err(rejection(No::Invalid, &format!("GitHub answered {status}"), "")),
        }
    }
}
