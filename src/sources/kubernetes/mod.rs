//! A cluster: its Rollouts, Deployments, `StatefulSets`, `DaemonSets` and the replica sets of Rollouts, listed and watched; pods when asked.
//!
//! Each kind is one list and one watch for the whole cluster; where that is refused, one for each namespace that is known. State is kept by kind
//! and namespace, because permission is granted so. In the order of an event: `api` (a line) → `subject` (which kind) → `wire` → `translate` and
//! `status` → `watch` (reported). Nothing here knows Argo CD, and nothing can change a cluster.

mod api;
pub mod checkup;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod lab;
mod lenient;
mod namespaces;
mod pods;
mod recent;
#[cfg(test)]
mod recorded;
mod status;
mod subject;
#[cfg(test)]
mod tests;
mod translate;
mod watch;
mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch as channel};
use tokio::task::JoinSet;

use self::api::Api;
use self::subject::{Subject, world_version};
use self::watch::{POLLS, Reader, Relists, Shared, WATCHES};
use crate::base::{Raw, RequestId, Safe};
use crate::domain::Namespace;
use crate::domain::access::ClusterAccess;
use crate::domain::observation::{Item, Observation};
use crate::domain::workload::{Pods, WorkloadKey};
use crate::sources::clients::Clients;
use crate::sources::supervisor::{self, Life, within};
use crate::sources::{Ask, Failure, FailureKind, Outbox, Want};

/// The label under which Argo CD leaves an application's name unless set otherwise (argo-cd `common.LabelKeyAppInstance`).
const USUAL_LABEL_KEY: &str = "app.kubernetes.io/instance";
/// How long a question may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(15);
/// How long reading what happened lately may take: it is two lists for each namespace.
const RECENT_TIMEOUT: Duration = Duration::from_secs(40);

/// Reads a cluster until the future is dropped, which ends everything it began.
///
/// The client comes from `clients` by the name in `access`, once it is needed. Reports go to `outbox`: pages as they come, a
/// [`Observation::Listed`] for each scope, then changes. Scopes are [`Scope::Workloads`](crate::domain::observation::Scope::Workloads) of each kind
/// and [`Scope::ReplicaSets`](crate::domain::observation::Scope::ReplicaSets), for the whole cluster or for a namespace.
///
/// Of `asks` it answers [`Want::Pods`], [`Want::Relist`] (once every live scope has listed), [`Want::Namespaces`] (together with those of `access`)
/// [`Want::LabelKeys`] (after listing anew), [`Want::Recent`] and [`Want::Edits`]; an ask for anything else fails.
pub async fn run(access: ClusterAccess, clients: Clients, mut asks: mpsc::Receiver<Ask>, outbox: Outbox) {
    let configured: BTreeSet<Namespace> = access.namespaces.iter().cloned().collect();
    let shared = Arc::new(Shared {
        api: Api::new(access, clients, outbox.clone()),
        outbox,
        watches: Semaphore::new(WATCHES),
        polls: Semaphore::new(POLLS),
        label_keys: channel::Sender::new(Arc::from([Raw::from(USUAL_LABEL_KEY)])),
        namespaces: channel::Sender::new(configured.clone()),
        relists: Relists::default(),
        texts: Arc::default(),
    });
    let life = channel::Sender::new(Life::Unproven);
    // Tasks of their own, so that kinds are decoded in parallel; the set ends them when it is dropped.
    let mut tasks = JoinSet::new();
    for subject in Subject::ALL {
        let (refused, is_refused) = channel::channel(false);
        let scope = subject.scope(None);
        let reader =
            Reader { shared: Arc::clone(&shared), subject, namespace: None, scope, refused: Some(refused), was_denied: AtomicBool::default() };
        let lives = life.subscribe();
        tasks.spawn(async move { supervisor::keep(&reader.shared.outbox, &reader.scope, lives, || reader.attempt()).await });
        tasks.spawn(namespaces::follow(Arc::clone(&shared), subject, life.subscribe(), is_refused));
    }
    let prover = Arc::clone(&shared);
    tasks.spawn(async move {
        prover.api.connected().await;
        supervisor::prove_life(prover.outbox.clone(), life, || prover.api.probe()).await;
    });
    loop {
        tokio::select! {
            Some(ask) = asks.recv() => match ask.want {
                Want::Namespaces(told) => {
                    shared.namespaces.send_if_modified(|known| {
                        let wanted = told.union(&configured).cloned().collect();
                        std::mem::replace(known, wanted) != *known
                    });
                    shared.outbox.answered(ask.request, None).await;
                }
                want => {
                    tasks.spawn(answer(Arc::clone(&shared), ask.request, want));
                }
            },
            // Only answers come to an end. A panic goes on to whoever runs this source, and is shown there.
            Some(Err(error)) = tasks.join_next() => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
}

async fn answer(shared: Arc<Shared>, request: RequestId, want: Want) {
    let result = match want {
        Want::Pods(key, selector) => within(QUESTION_TIMEOUT, pods(&shared, key, &selector)).await,
        Want::Relist => {
            shared.relists.ask().await;
            Ok(())
        }
        Want::LabelKeys(keys) => {
            let is_new = shared.label_keys.send_if_modified(|known| {
                let is_new = **known != *keys;
                if is_new {
                    *known = Arc::from(keys);
                }
                is_new
            });
            if is_new {
                shared.relists.ask().await;
            }
            Ok(())
        }
        Want::Recent(since, namespaces) => within(RECENT_TIMEOUT, recent::recent(&shared, since, namespaces)).await,
        Want::Edits(app, resources) => within(QUESTION_TIMEOUT, recent::edits(&shared, app, resources)).await,
        Want::Detail(..) | Want::Namespaces(_) | Want::Desired(_) | Want::Pulls(_) => {
            Err(Failure::new(FailureKind::NotFound, "a cluster is not asked for this"))
        }
    };
    shared.outbox.answered(request, result.err().map(|failure| told(&failure))).await;
}

fn told(failure: &Failure) -> Safe {
    match &failure.cure {
        Some(cure) => crate::safe!("{}: {cure}", failure.why),
        None => failure.why.clone(),
    }
}

fn pods_path(namespace: &Namespace, selector: &Raw, next: &Raw) -> Result<String, Failure> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("labelSelector", selector.as_wire()).append_pair("limit", "500");
    if !next.is_empty() {
        query.append_pair("continue", next.as_wire());
    }
    Ok(format!("/api/v1/namespaces/{}/pods?{}", subject::segment(namespace)?, query.finish()))
}

/// Lists the pods of a workload and reports them.
async fn pods(shared: &Shared, key: WorkloadKey, selector: &Raw) -> Result<(), Failure> {
    if selector.is_empty() {
        return Err(Failure::new(FailureKind::NotFound, "the workload does not say which pods are its own"));
    }
    let mut found = Vec::new();
    let mut next = Raw::default();
    loop {
        let path = pods_path(&key.namespace, selector, &next)?;
        let body = {
            // The semaphore is never closed.
            let _turn = shared.polls.acquire().await;
            shared.api.get(&path).await?
        };
        let list: wire::List<wire::Pod> = serde_json::from_slice(&body)
            .map_err(|error| Failure::new(FailureKind::Broken, &format!("the list of pods cannot be understood: {error}")))?;
        found.extend(list.items.iter().filter(|pod| pods::belongs_to(pod, &key)).map(pods::pod));
        next = list.metadata.next.0;
        if next.is_empty() {
            let version = world_version(&list.metadata.resource_version.0);
            shared.outbox.observed(Observation::Changed { item: Item::Pods(key, Pods { pods: found }), version }).await;
            return Ok(());
        }
    }
}
