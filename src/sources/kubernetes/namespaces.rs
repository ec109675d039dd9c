//! The way around a refusal: where a kind may not be read in the whole cluster, it is read in each namespace that is known, with a state of its own
//! for each.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{oneshot, watch};

use super::subject::Subject;
use super::watch::{Reader, Shared, denied_everywhere};
use crate::domain::Namespace;
use crate::sources::supervisor::{self, Life};
use crate::sources::{Failure, FailureKind};

/// Reads `subject` in the known namespaces for as long as `refused` says so. The set of namespaces may change at any time.
pub(super) async fn follow(shared: Arc<Shared>, subject: Subject, life: watch::Receiver<Life>, mut refused: watch::Receiver<bool>) {
    let mut known = shared.namespaces.subscribe();
    // All readers live in this one task: a reader that is stopped is gone before its state is forgotten.
    let mut readers: FuturesUnordered<Pin<Box<dyn Future<Output = Namespace> + Send>>> = FuturesUnordered::new();
    let mut running: BTreeMap<Namespace, oneshot::Sender<()>> = BTreeMap::new();
    let mut stopping: BTreeSet<Namespace> = BTreeSet::new();
    let mut had_any = None;
    loop {
        let is_refused = *refused.borrow_and_update();
        let wanted = if is_refused { known.borrow_and_update().clone() } else { BTreeSet::new() };
        if is_refused && had_any.replace(!wanted.is_empty()).is_some_and(|had| had == wanted.is_empty()) {
            // The reader of the whole cluster said what it knew when it was refused, and that is no longer so.
            let failure = Failure::new(FailureKind::Forbidden, &format!("{} may not be listed in the whole cluster", subject.resource()));
            let failure = denied_everywhere(&failure, subject, &shared.api.access.context, wanted.is_empty());
            let state = supervisor::state_after(&failure, std::time::Duration::ZERO);
            shared.outbox.state(&subject.scope(None), state).await;
        }
        let unwanted: Vec<Namespace> = running.keys().filter(|namespace| !wanted.contains(*namespace)).cloned().collect();
        for namespace in unwanted {
            // Dropping the sender stops the reader.
            running.remove(&namespace);
            stopping.insert(namespace);
        }
        for namespace in wanted {
            if running.contains_key(&namespace) || stopping.contains(&namespace) {
                continue;
            }
            let (stop, stopped) = oneshot::channel::<()>();
            running.insert(namespace.clone(), stop);
            readers.push(Box::pin(read(Arc::clone(&shared), subject, namespace, life.clone(), stopped)));
        }
        tokio::select! {
            Some(namespace) = readers.next() => {
                stopping.remove(&namespace);
                shared.outbox.forget(&subject.scope(Some(namespace))).await;
            }
            Ok(()) = refused.changed() => {}
            Ok(()) = known.changed() => {}
        }
    }
}

async fn read(shared: Arc<Shared>, subject: Subject, namespace: Namespace, life: watch::Receiver<Life>, stopped: oneshot::Receiver<()>) -> Namespace {
    let scope = subject.scope(Some(namespace.clone()));
    let reader =
        Reader { shared: Arc::clone(&shared), subject, namespace: Some(namespace.clone()), scope, refused: None, was_denied: AtomicBool::default() };
    tokio::select! {
        biased;
        _ = stopped => {}
        () = supervisor::keep(&shared.outbox, &reader.scope, life, || reader.attempt()) => {}
    }
    namespace
}
