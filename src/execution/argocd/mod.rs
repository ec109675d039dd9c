//! Argo CD's operations: over its API with the person's own login, or, where it has none, through the Application objects in its cluster.
//!
//! * `api` requests and what their answers mean, `core` the same as patches of an Application, `found` what an Application tells of an operation: pure
//! * here: who is asked, once

mod api;
mod core;
mod found;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod tests;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;

use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::domain::ClusterName;
use crate::domain::workload::WorkloadKey;
use crate::execution::cluster::{acted, facts, holds};
use crate::execution::rest::{Call, Rest};
use crate::execution::wire::{self, Answered, Silence, refused, rejection};
use crate::operations::canary::Facts;
use crate::operations::mutation::{Answer, Found, Mutation, No, Receipt, Rejection, Target};

pub use crate::execution::rest::Login;

/// What an operation is marked with, so that it is found again: it stays in `status.operationState.operation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The operation that it belongs to.
    pub operation: OperationId,
    /// Why, in the person's words.
    pub reason: Option<Raw>,
    /// Who. Argo CD's API knows better and is not told; without it, this is all that is known.
    pub by: Raw,
}

/// An Argo CD that can be told to do something.
#[derive(Clone)]
pub struct Argocd {
    way: Way,
}

#[derive(Clone)]
enum Way {
    Api { rest: Rest, renewal: Safe },
    Cluster(kube::Client),
}

impl Argocd {
    /// Over the API at this address, without a slash at the end. The client must follow no redirect, try nothing again and use no connection twice. `renewal`
    /// is what renews the login.
    #[must_use]
    pub fn api(client: reqwest::Client, url: &str, login: Login, renewal: Safe) -> Self {
        Self { way: Way::Api { rest: Rest::new(client, url, login), renewal } }
    }

    /// Through its Application objects, in the cluster that holds them. The client must send each request once. Neither Argo CD's own permissions nor its sync
    /// windows hold there: in a closed window an operation is taken, and waits.
    #[must_use]
    pub const fn cluster(client: kube::Client) -> Self {
        Self { way: Way::Cluster(client) }
    }

    /// Whether it is told over its API.
    #[must_use]
    pub const fn has_api(&self) -> bool {
        matches!(self.way, Way::Api { .. })
    }

    /// The cluster's client, where there is no API.
    pub(super) const fn holder(&self) -> Option<&kube::Client> {
        match &self.way {
            Way::Cluster(client) => Some(client),
            Way::Api { .. } => None,
        }
    }

    /// Asks for a mutation, once.
    pub async fn send(&self, mutation: &Mutation, mark: &Mark) -> Answer {
        // What is sent is held to nothing: what it was planned on is looked at now.
        if let (Mutation::Act(acting), Way::Api { .. }) = (mutation, &self.way) {
            let live = self.live(&acting.target, &acting.patch.workload).await;
            if let Err(rejection) = live.and_then(|live| holds(&acting.patch, &live)) {
                return Answer::Refused(rejection);
            }
        }
        match &self.way {
            Way::Api { renewal, .. } => match api::call(mutation, mark) {
                Some(call) => match self.ask(&call).await {
                    Ok((status, body)) => api::meaning(status, &body, renewal),
                    Err(silence) => silence.into(),
                },
                None => refused(No::Invalid, "this is not for Argo CD", ""),
            },
            Way::Cluster(client) => through_object(client, mutation, mark).await,
        }
    }

    /// Whether a mutation was done of which nobody knows. `since`: when it was sent, by this machine's clock.
    pub async fn look(&self, mutation: &Mutation, mark: &Mark, since: Timestamp) -> Found {
        let read = match mutation {
            Mutation::Act(acting) => self.live(&acting.target, &acting.patch.workload).await.map(|live| acted(acting, &live)),
            Mutation::Refresh(target) | Mutation::Terminate(target) | Mutation::Rollback { target, .. } => {
                self.application(target).await.map(|app| found::operation(mutation, mark, since, &app))
            }
            Mutation::Sync(sync) => self.application(&sync.target).await.map(|app| found::operation(mutation, mark, since, &app)),
            Mutation::Commit(_) | Mutation::Patch(_) | Mutation::Open(_) | Mutation::Merge(_) => {
                return Found::Unknown(Safe::clean("Argo CD knows nothing of this"));
            }
        };
        read.unwrap_or_else(|rejection| Found::Unknown(rejection.why))
    }

    /// A Rollout as Argo CD reads it in its cluster, with its own login there. Its replica sets are not told.
    pub async fn rollout(&self, target: &Target, key: &WorkloadKey) -> Result<Facts, Rejection> {
        self.live(target, key).await.map(|live| facts(key, &live, &[]))
    }

    /// The Rollouts that an application has, as Argo CD lists them.
    pub async fn rollouts(&self, target: &Target, cluster: &ClusterName) -> Result<Vec<WorkloadKey>, Rejection> {
        self.application(target).await.map(|app| found::rollouts(&app, cluster))
    }

    async fn live(&self, target: &Target, key: &WorkloadKey) -> Result<Value, Rejection> {
        let answer = self.read(&api::resource(target, key)).await?;
        let live = answer.get("manifest").and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
        live.ok_or_else(|| rejection(No::Invalid, "Argo CD does not hand out the Rollout", ""))
    }

    async fn application(&self, target: &Target) -> Result<Value, Rejection> {
        match &self.way {
            Way::Api { .. } => self.read(&api::application(target)).await,
            Way::Cluster(client) => wire::get(client, &core::object(target)).await,
        }
    }

    /// Whether the account may sync, roll back and stop an application, as the API says it.
    pub(super) async fn may_sync(&self, target: &Target) -> Result<Value, Rejection> {
        self.read(&api::may_sync(target)).await
    }

    /// What can be done to a Rollout now. Not whether the account may: a reader is told the same.
    pub(super) async fn actions(&self, target: &Target, rollout: &WorkloadKey) -> Result<Value, Rejection> {
        self.read(&api::actions(target, rollout)).await
    }

    /// Asks the API something that changes nothing.
    async fn read(&self, call: &Call) -> Result<Value, Rejection> {
        let Way::Api { renewal, .. } = &self.way else { return Err(rejection(No::NotSent, "only Argo CD's API knows this", "")) };
        let (status, body) = self.ask(call).await.map_err(Silence::rejection)?;
        match api::meaning(status, &body, renewal) {
            Answer::Taken(_) => {
                serde_json::from_slice(&body).map_err(|error| rejection(No::Invalid, &format!("the answer cannot be understood: {error}"), ""))
            }
            Answer::Refused(rejection) => Err(rejection),
            Answer::Unknown(why) => Err(Rejection { kind: No::NotSent, why, cure: Safe::default() }),
        }
    }

    async fn ask(&self, call: &Call) -> Result<Answered, Silence> {
        let Way::Api { rest, .. } = &self.way else {
            return Err(Silence::NotSent(rejection(No::NotSent, "this Argo CD has no API", "")));
        };
        // The server takes this very value and no other, and wants it of a DELETE as well.
        rest.ask(call, HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])).await
    }
}

/// The same by a patch of the Application: read right before, and held to what was read.
async fn through_object(client: &kube::Client, mutation: &Mutation, mark: &Mark) -> Answer {
    let target = match mutation {
        Mutation::Refresh(target) | Mutation::Terminate(target) | Mutation::Rollback { target, .. } => target,
        Mutation::Sync(sync) => &sync.target,
        Mutation::Act(_) => return refused(No::NotSent, "an action of Argo CD needs its API", "patch the Rollout in its cluster"),
        Mutation::Commit(_) | Mutation::Patch(_) | Mutation::Open(_) | Mutation::Merge(_) => {
            return refused(No::Invalid, "this is not for Argo CD", "");
        }
    };
    let object = core::object(target);
    let app = match wire::get(client, &object).await {
        Ok(app) => app,
        Err(rejection) => return Answer::Refused(rejection),
    };
    let operations = match core::patch(mutation, mark, &app) {
        Ok(operations) => operations,
        Err(rejection) => return Answer::Refused(rejection),
    };
    let sent = async {
        let target = format!("{object}?{}", wire::query(&[("fieldManager", wire::FIELD_MANAGER)]));
        let request = wire::request(http::Method::PATCH, &target, "application/json-patch+json", wire::body_of(&operations))?;
        wire::ask(client, request).await
    };
    match sent.await {
        Ok((status, body)) => {
            let what = format!("patch applications.argoproj.io in namespace {}", target.app.namespace.shown());
            match wire::of_status(status, &body, &what) {
                Answer::Taken(_) => Answer::Taken(Receipt::Accepted),
                other => other,
            }
        }
        Err(silence) => silence.into(),
    }
}
