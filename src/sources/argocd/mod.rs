//! The source that reads an Argo CD instance: over its API, or through the Application objects in its cluster where there is no API or while it
//! is lost.
//!
//! * `request` the questions as text, `wire` the answers, `translate` what they mean, `stream` frames: pure
//! * `http`, with `credentials`, and `objects` talk to the API and to the cluster, `api` and `cluster` are the two readers, `sample` watches the controller, `holder`
//!   finds and checks the cluster that may stand in
//! * `changing` what is handed to those who change something; nothing here uses it
//! * here: who reads when, and the questions of the core
//!
//! It knows no configuration file and no mapping of applications to services. Everything is one future: dropping it ends everything.

mod api;
pub mod changing;
pub mod checkup;
mod cluster;
pub(super) mod credentials;
mod holder;
pub(super) mod http;
mod objects;
mod request;
mod sample;
mod shared;
mod stream;
mod translate;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};

use crate::base::{Raw, Safe};
use crate::domain::access::{ApiAccess, ArgocdAccess};
use crate::domain::observation::{Fallback, Scope, SourceState, World};
use crate::sources::ask::{Ask, Want};
use crate::sources::supervisor::{Life, prove_life, within};
use crate::sources::{Clients, Failure, FailureKind, Outbox};
use http::Api;
use shared::{Active, Shared};

/// How long a question of the core may take.
const QUESTION_LIMIT: Duration = Duration::from_secs(20);
/// Questions that are answered at once.
const QUESTIONS_AT_ONCE: usize = 8;

/// Reads an Argo CD instance for ever and reports through `outbox`; ends only by being dropped, and everything it started ends with it.
///
/// `annotations` are the keys that the mapping rules want to see; `clients` are the clusters by the names that `access` uses. It answers
/// [`Want::Detail`] and [`Want::Relist`].
pub async fn run(access: ArgocdAccess, annotations: BTreeSet<Raw>, clients: Clients, asks: mpsc::Receiver<Ask>, outbox: Outbox) {
    let api = access.api.clone();
    let shared = Arc::new(Shared::new(access, annotations, clients, outbox));
    let reading = async {
        match api {
            Some(api) => Box::pin(read_api(&shared, api)).await,
            None => Box::pin(read_cluster(&shared)).await,
        }
    };
    tokio::select! {
        () = reading => {}
        () = answer(&shared, asks) => {}
    }
}

/// Reads over the API, and through the cluster while the API is lost and the cluster may stand in.
async fn read_api(shared: &Arc<Shared>, access: ApiAccess) {
    let api = Arc::new(Api::new(access, shared.outbox.clone()));
    let (tell_life, life) = watch::channel(Life::Unproven);
    let taking_turns = async {
        let mut reader = Arc::new(api::Reader::new(Arc::clone(shared), Arc::clone(&api)));
        let mut running = run_api(&reader, &life);
        loop {
            shared.set_active(Active::Api(Arc::clone(&api)));
            shared.tell(|facts| facts.reads = Some(World::Api)).await;
            let holder = tokio::select! {
                () = &mut running => return,
                holder = holder::stand_in_wanted(shared, life.clone()) => holder,
            };
            drop(running);
            reader.forget().await;
            shared.set_active(Active::Cluster(holder.clone()));
            let why = if let Life::Lost(failure) = &*life.borrow() { Some(failure.why.clone()) } else { None };
            shared
                .tell(|facts| {
                    facts.reads = Some(World::Cluster);
                    facts.lost = why;
                })
                .await;
            let stand_in = cluster::Reader::new(Arc::clone(shared), holder);
            // When the API is back it reads beside the cluster until its lists have landed: no cell turns stale over a recovery.
            reader = Arc::new(api::Reader::quiet(Arc::clone(shared), Arc::clone(&api)));
            running = run_api(&reader, &life);
            let recovery = async {
                holder::api_is_back(life.clone()).await;
                tokio::select! {
                    () = &mut running => {}
                    () = reader.landed() => {}
                }
            };
            tokio::select! {
                () = stand_in.run() => return,
                () = recovery => {}
            }
            stand_in.forget_except(&reader.scopes()).await;
        }
    };
    tokio::select! {
        () = prove_life(shared.outbox.clone(), tell_life, || api.prove()) => {}
        () = holder::look_after(shared, &api, life.clone()) => {}
        () = taking_turns => {}
    }
}

fn run_api(reader: &Arc<api::Reader>, life: &watch::Receiver<Life>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let (reader, life) = (Arc::clone(reader), life.clone());
    Box::pin(async move { reader.run(life).await })
}

/// Reads an Argo CD that has no API, through the first of its clusters that answers.
async fn read_cluster(shared: &Arc<Shared>) {
    shared.tell(|facts| facts.reads = Some(World::Cluster)).await;
    shared.outbox.state(&Scope::Applications, SourceState::Connecting).await;
    let holder = match holder::choose(shared).await {
        Ok(holder) => holder,
        Err(failure) => {
            shared.outbox.state(&Scope::Applications, crate::sources::supervisor::state_after(&failure, Duration::ZERO)).await;
            return std::future::pending().await;
        }
    };
    shared.set_active(Active::Cluster(holder.clone()));
    shared.tell(|facts| facts.holder = Some(holder.clone())).await;
    let reader = cluster::Reader::new(Arc::clone(shared), holder.clone());
    tokio::join!(reader.run(), holder::tell_settings(shared, &holder));
}

/// Answers the questions of the core, several at once, for ever.
async fn answer(shared: &Arc<Shared>, mut asks: mpsc::Receiver<Ask>) {
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            ask = asks.recv(), if running.len() < QUESTIONS_AT_ONCE => {
                let Some(ask) = ask else { break };
                running.push(answer_one(shared, ask));
            }
            Some(()) = running.next() => {}
        }
    }
    // Nobody asks any more; the reading goes on, and so do the answers under way.
    while running.next().await.is_some() {}
    std::future::pending::<()>().await;
}

async fn answer_one(shared: &Arc<Shared>, ask: Ask) {
    let result = match ask.want {
        Want::Detail(key, project) => {
            within(QUESTION_LIMIT, async {
                match shared.active() {
                    Active::Api(api) => api::detail(shared, &api, &key, &project).await,
                    Active::Cluster(cluster) => cluster::detail(shared, &cluster, &key).await,
                    Active::None => Err(Failure::new(FailureKind::Lost, "this Argo CD is not being read yet")),
                }
            })
            .await
        }
        Want::Relist => return shared.relist.ask(ask.request),
        Want::Pods(..) | Want::Namespaces(_) | Want::LabelKeys(_) | Want::Desired(_) | Want::Recent(..) | Want::Edits(..) | Want::Pulls(_) => {
            Err(Failure::new(FailureKind::NotFound, "Argo CD is not asked for this"))
        }
    };
    shared.outbox.answered(ask.request, result.err().map(|failure| failure.why)).await;
}

/// The words for a fallback that is not there.
fn no_fallback(why: &str) -> Fallback {
    Fallback::No(Safe::clean(why))
}
