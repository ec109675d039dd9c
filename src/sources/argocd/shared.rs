//! What the parts of one Argo CD source share: how it is reached, what is known of the instance, and who reads at the moment.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::base::{Raw, RequestId, Safe};
use crate::domain::access::ArgocdAccess;
use crate::domain::observation::{InstanceFacts, Item, Observation, WorldVersion};
use crate::domain::{ClusterName, Namespace, Sync};
use crate::sources::argocd::http::{Api, parsed};
use crate::sources::argocd::sample::Sample;
use crate::sources::argocd::translate::{self, Instance, Interner, ReadFrom};
use crate::sources::argocd::wire;
use crate::sources::clock::now;
use crate::sources::{Clients, Failure, Outbox};

/// Where Argo CD is installed unless somebody says otherwise.
const USUAL_NAMESPACE: &str = "argocd";

/// Time between comparisons with git where nobody says otherwise: 120 s and up to 60 s of jitter (Argo CD 3), 180 s before.
const USUAL_RECONCILIATION: Duration = Duration::from_mins(3);

/// Who reads at the moment, for the questions of the core.
#[derive(Clone)]
pub(super) enum Active {
    /// Nobody yet.
    None,
    /// The API.
    Api(Arc<Api>),
    /// A cluster.
    Cluster(ClusterName),
}

/// What the parts of one source share.
pub(super) struct Shared {
    pub(super) access: ArgocdAccess,
    pub(super) clients: Clients,
    pub(super) outbox: Outbox,
    pub(super) instance: Instance,
    pub(super) interner: Mutex<Interner>,
    pub(super) relist: Relist,
    facts: watch::Sender<InstanceFacts>,
    versions: AtomicU64,
    sample: Mutex<Sample>,
    listed: watch::Sender<bool>,
    active: Mutex<Active>,
}

impl Shared {
    pub(super) fn new(access: ArgocdAccess, annotations: BTreeSet<Raw>, clients: Clients, outbox: Outbox) -> Self {
        let namespace = access.namespaces.first().cloned().unwrap_or_else(|| Namespace::from(USUAL_NAMESPACE));
        Self {
            instance: Instance { name: access.name.clone(), namespace, annotations },
            access,
            clients,
            outbox,
            interner: Mutex::default(),
            relist: Relist::default(),
            facts: watch::Sender::new(InstanceFacts::default()),
            versions: AtomicU64::new(0),
            sample: Mutex::default(),
            listed: watch::Sender::new(false),
            active: Mutex::new(Active::None),
        }
    }

    /// The version of a fact that is heard now, or of a list that is asked for now.
    ///
    /// Argo CD's stream keeps back messages that say nothing new only as long as they carry no `resourceVersion`, and its lists name a version that
    /// is newer than their items. So facts are put in order by when they were heard, and a list by when it was asked for: what the stream said
    /// before, the list knows; what it says afterwards may be newer. The number is the time in nanoseconds, made to grow, so that a source that
    /// is started anew goes on above.
    pub(super) fn hear(&self) -> WorldVersion {
        let time = u64::try_from(now().as_nanosecond()).unwrap_or_default();
        let next = |last: u64| time.max(last.saturating_add(1));
        let last = self.versions.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last))).unwrap_or_default();
        WorldVersion(next(last))
    }

    /// Changes what is known of the instance, and reports it when it differs.
    pub(super) async fn tell(&self, change: impl FnOnce(&mut InstanceFacts)) {
        let differs = self.facts.send_if_modified(|facts| {
            let before = facts.clone();
            change(facts);
            *facts != before
        });
        if differs {
            let facts = self.facts.borrow().clone();
            self.outbox.observed(Observation::Instance(facts)).await;
        }
    }

    /// What is known of the instance, now and from now on.
    pub(super) fn facts(&self) -> watch::Receiver<InstanceFacts> {
        self.facts.subscribe()
    }

    /// Time between comparisons with git.
    pub(super) fn reconciliation(&self) -> Duration {
        let told = self.facts.borrow().reconciliation_seconds.map(Duration::from_secs);
        self.access.reconciliation.or(told).unwrap_or(USUAL_RECONCILIATION)
    }

    pub(super) fn sample(&self) -> MutexGuard<'_, Sample> {
        lock(&self.sample)
    }

    /// A first application is known, or it is known that there is none.
    pub(super) fn set_listed(&self) {
        self.listed.send_if_modified(|listed| !std::mem::replace(listed, true));
    }

    /// Whether [`Shared::set_listed`] was called.
    pub(super) fn is_listed(&self) -> bool {
        *self.listed.borrow()
    }

    /// Waits for [`Shared::set_listed`].
    pub(super) async fn listed(&self) {
        // The sender lives as long as `self`.
        let _ = self.listed.subscribe().wait_for(|listed| *listed).await;
    }

    pub(super) fn active(&self) -> Active {
        lock(&self.active).clone()
    }

    pub(super) fn set_active(&self, active: Active) {
        *lock(&self.active) = active;
    }

    /// Reports both facets of one application that was read whole.
    /// `window`: asks which sync window stands in the way; only where something is to be synced.
    pub(super) async fn report_detail(
        self: &Arc<Self>,
        body: Vec<u8>,
        from: ReadFrom,
        version: Option<WorldVersion>,
        window: impl Future<Output = Option<Safe>>,
    ) -> Result<(), Failure> {
        let shared = Arc::clone(self);
        let read = parsed(body, move |body| {
            let detail = translate::detail(&serde_json::from_slice::<wire::Detailed<'_>>(body)?, from);
            let (key, summary) = translate::summary(&serde_json::from_slice(body)?, &shared.instance, &mut lock(&shared.interner));
            Ok((key, summary, detail))
        });
        let (key, summary, mut detail) = read.await?;
        if summary.sync != Sync::Synced && summary.automation.enabled {
            detail.window = window.await;
        }
        self.outbox.observed(Observation::Changed { item: Item::Application(key.clone(), Box::new(summary)), version }).await;
        self.outbox.observed(Observation::Changed { item: Item::Detail(key, Box::new(detail)), version }).await;
        Ok(())
    }
}

/// Requests of the core to read everything anew. Whoever reads at the moment heeds them.
#[derive(Debug, Default)]
pub(super) struct Relist {
    asked: watch::Sender<u64>,
    pending: Mutex<Vec<RequestId>>,
}

impl Relist {
    /// Somebody asks.
    pub(super) fn ask(&self, request: RequestId) {
        lock(&self.pending).push(request);
        self.asked.send_modify(|asked| *asked += 1);
    }

    /// Hears of requests from now on.
    pub(super) fn subscribe(&self) -> Relisting {
        Relisting(self.asked.subscribe())
    }

    /// Everything was read, or could not be: whoever asked is told.
    pub(super) async fn end(&self, outbox: &Outbox, failed: Option<&Safe>) {
        let pending = std::mem::take(&mut *lock(&self.pending));
        for request in pending {
            outbox.answered(request, failed.cloned()).await;
        }
    }
}

/// Hears of requests to read everything anew.
#[derive(Debug)]
pub(super) struct Relisting(watch::Receiver<u64>);

impl Relisting {
    /// Waits for the next request.
    pub(super) async fn wanted(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A lock that a panic elsewhere does not spoil: what is behind it is valid at any time.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
