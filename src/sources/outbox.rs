//! The one way out of a source: reports, stamped with who speaks, in which generation, and when it was heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::base::{Epoch, RequestId, Safe};
use crate::domain::SourceId;
use crate::domain::observation::{Observation, Report, ReportBody, Scope, SourceState, Traffic};
use crate::sources::clock::now;

/// A source's way to report. Cheap to clone; all clones speak for the same source.
#[derive(Debug, Clone)]
pub struct Outbox {
    source: SourceId,
    epoch: Epoch,
    reports: mpsc::Sender<Report>,
    counted: Arc<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Outbox {
    /// An outbox of `source` in one generation. The channel is bounded: a source waits when the core is behind.
    #[must_use]
    pub fn new(source: SourceId, epoch: Epoch, reports: mpsc::Sender<Report>) -> Self {
        Self { source, epoch, reports, counted: Arc::default() }
    }

    /// Who speaks.
    #[must_use]
    pub const fn source(&self) -> &SourceId {
        &self.source
    }

    /// Counts a request that is sent.
    pub fn count_request(&self) {
        self.counted.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes of a body that were received.
    pub fn count_bytes(&self, bytes: usize) {
        self.counted.bytes.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Reports a fact.
    pub async fn observed(&self, observation: Observation) {
        self.send(ReportBody::Observed(observation)).await;
    }

    /// Reports the state of a scope.
    pub async fn state(&self, scope: &Scope, state: SourceState) {
        tracing::info!(source = %self.source.name.shown(), scope = %scope.shown(), state = state.word(), "source state");
        self.send(ReportBody::State(scope.clone(), state)).await;
    }

    /// A scope is no longer read this way.
    pub async fn forget(&self, scope: &Scope) {
        self.send(ReportBody::Forget(scope.clone())).await;
    }

    /// The source answered its proof of life; what was counted goes along.
    pub async fn alive(&self) {
        self.send(ReportBody::Alive).await;
        self.traffic().await;
    }

    /// Reports what was counted since the last time.
    pub async fn traffic(&self) {
        let traffic = Traffic { requests: self.counted.requests.swap(0, Ordering::Relaxed), bytes: self.counted.bytes.swap(0, Ordering::Relaxed) };
        if traffic != Traffic::default() {
            self.send(ReportBody::Traffic(traffic)).await;
        }
    }

    /// Ends a question of the core.
    pub async fn answered(&self, request: RequestId, failed: Option<Safe>) {
        self.send(ReportBody::Answered { request, failed }).await;
    }

    async fn send(&self, body: ReportBody) {
        // A closed channel means that the program is ending: nobody is left to tell.
        let _ = self.reports.send(Report { source: self.source.clone(), epoch: self.epoch, at: now(), body }).await;
    }
}
