//! Whether who asks may, asked of the other side before anything is sent: in parallel, within a bounded time, and changing nothing. An answer is no promise: what
//! is sent afterwards may still be refused.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::base::{Raw, Safe};
use crate::domain::{ArgocdName, ClusterName, Namespace};
use crate::execution::argocd::Argocd;
use crate::execution::cluster::Cluster;
use crate::execution::github::Github;
use crate::execution::wire::{self, rejection};
use crate::operations::door::Permission;
use crate::operations::mutation::{Mutation, No, Patch, Rejection, Target};
use crate::safe;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Asks for each mutation, in their order. `cluster` and `argocd` give those that can be asked.
pub async fn ask<'a>(
    mutations: &[Mutation],
    cluster: impl Fn(&ClusterName) -> Option<&'a Cluster>,
    argocd: impl Fn(&ArgocdName) -> Option<&'a Argocd>,
    github: impl Fn(&Raw) -> Option<&'a Github>,
) -> Vec<Permission> {
    let asked = mutations.iter().map(|mutation| {
        let (cluster, argocd, github) = (&cluster, &argocd, &github);
        async move {
            let asking = async {
                match mutation {
                    Mutation::Patch(patch) => match cluster(&patch.workload.cluster) {
                        Some(cluster) => patching(cluster.client(), patch).await,
                        None => unreached(&patch.workload.cluster.shown()),
                    },
                    Mutation::Sync(sync) => syncing(argocd(&sync.target.app.argocd), &sync.target).await,
                    Mutation::Rollback { target, .. } | Mutation::Terminate(target) => syncing(argocd(&target.app.argocd), target).await,
                    Mutation::Act(asked) => match argocd(&asked.target.app.argocd) {
                        Some(argocd) => acting(argocd.actions(&asked.target, &asked.patch.workload).await, asked.action),
                        None => unreached(&asked.target.app.argocd.shown()),
                    },
                    // Whoever may read an application may have it compared.
                    Mutation::Refresh(target) => match argocd(&target.app.argocd).map(Argocd::holder) {
                        Some(None) => Permission::Granted,
                        Some(Some(holder)) => patching_application(holder, target).await,
                        None => unreached(&target.app.argocd.shown()),
                    },
                    Mutation::Open(opening) => on_github(github(&opening.github), &opening.github, &opening.name).await,
                    Mutation::Merge(merging) => on_github(github(&merging.pull.github), &merging.pull.github, &merging.pull.repository).await,
                    Mutation::Commit(_) => Permission::Unknown(Safe::clean("whether a push is allowed is told by the push")),
                }
            };
            tokio::time::timeout(LIMIT, asking).await.unwrap_or_else(|_late| Permission::Unknown(safe!("no answer within {} s", LIMIT.as_secs())))
        }
    });
    join_all(asked).await
}

async fn on_github(github: Option<&Github>, name: &Raw, repository: &Raw) -> Permission {
    match github {
        Some(github) => github.may_push(repository).await,
        None => unreached(&name.shown()),
    }
}

fn denied(rejection: Rejection) -> Permission {
    Permission::Denied { why: rejection.why, cure: rejection.cure }
}

fn unreached(name: &Safe) -> Permission {
    Permission::Unknown(safe!("{name} cannot be asked"))
}

async fn patching(client: &kube::Client, patch: &Patch) -> Permission {
    let subresource = if patch.status { "status" } else { "" };
    review(client, &patch.workload.namespace, "rollouts", subresource, patch.workload.name.as_wire()).await
}

async fn patching_application(client: &kube::Client, target: &Target) -> Permission {
    review(client, &target.app.namespace, "applications", "", target.app.name.as_wire()).await
}

async fn syncing(argocd: Option<&Argocd>, target: &Target) -> Permission {
    let Some(argocd) = argocd else { return unreached(&target.app.argocd.shown()) };
    if let Some(holder) = argocd.holder() {
        return patching_application(holder, target).await;
    }
    match argocd.may_sync(target).await {
        Ok(answer) if answer.get("value").and_then(Value::as_str) == Some("yes") => Permission::Granted,
        Ok(_) => denied(rejection(
            No::Forbidden,
            &format!("Argo CD does not let this account sync {}", target.app.name.shown()),
            &format!("ask for 'applications, sync, {}/{}' in Argo CD (argocd-rbac-cm)", target.project.shown(), target.app.name.shown()),
        )),
        Err(rejection) if rejection.kind == No::Forbidden => denied(rejection),
        Err(rejection) => Permission::Unknown(rejection.why),
    }
}

/// The list says what fits the state of the object, to everybody: that it is there promises nothing.
fn acting(answer: Result<Value, Rejection>, action: &str) -> Permission {
    let answer = match answer {
        Ok(answer) => answer,
        Err(rejection) if rejection.kind == No::Forbidden => return denied(rejection),
        Err(rejection) => return Permission::Unknown(rejection.why),
    };
    let listed = answer.get("actions").and_then(Value::as_array).into_iter().flatten();
    let listed = listed.into_iter().find(|listed| listed.get("name").and_then(Value::as_str) == Some(action));
    match listed {
        None => denied(rejection(No::Against, &format!("Argo CD has no action '{action}' for this Rollout"), "patch the Rollout in its cluster")),
        Some(listed) if listed.get("disabled").and_then(Value::as_bool) == Some(true) => {
            denied(rejection(No::NotNow, &format!("Argo CD says that '{action}' is not for this Rollout now"), ""))
        }
        Some(_) => Permission::Unknown(Safe::clean("Argo CD does not tell beforehand whether an account may act on a resource")),
    }
}

/// `SelfSubjectAccessReview`, which creates nothing.
async fn review(client: &kube::Client, namespace: &Namespace, resource: &str, subresource: &str, name: &str) -> Permission {
    let attributes = json!({
        "namespace": namespace.as_wire(), "verb": "patch", "group": "argoproj.io", "resource": resource, "subresource": subresource, "name": name,
    });
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes},
    });
    let target = wire::path(&["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"]);
    let asked = async {
        let request = wire::request(http::Method::POST, &target, "application/json", body.to_string().into_bytes())?;
        wire::ask(client, request).await
    };
    let what = if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
    let status = match asked.await {
        Ok((200 | 201, body)) => serde_json::from_slice::<Value>(&body).unwrap_or_default(),
        Ok((status, _)) => return Permission::Unknown(safe!("the cluster answered {status} to the question")),
        Err(silence) => return Permission::Unknown(silence.rejection().why),
    };
    if status.pointer("/status/allowed").and_then(Value::as_bool) == Some(true) {
        return Permission::Granted;
    }
    // An authorizer that failed has not said no.
    match status.pointer("/status/evaluationError").and_then(Value::as_str).filter(|error| !error.is_empty()) {
        Some(error) => Permission::Unknown(Safe::clean(error)),
        None => denied(rejection(
            No::Forbidden,
            &format!("the cluster does not let this account patch {what} in namespace {}", namespace.shown()),
            &format!("ask for this permission in the cluster: patch {what}.argoproj.io in namespace {}", namespace.shown()),
        )),
    }
}
