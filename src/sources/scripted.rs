//! For tests: a source that is run against a scripted server ([`Scripted`]).
//!
//! Time stands still in these tests (`start_paused`) and moves only where a test says so: [`Run`] keeps the runtime from moving it by itself while
//! it waits for the network.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) use crate::base::scripted::{Reply, Scripted, Seen};
use crate::base::{Epoch, Raw, RequestId};
use crate::domain::SourceId;
use crate::domain::observation::{Observation, Report, ReportBody, Scope, SourceState};
use crate::sources::{Ask, Outbox};

/// A source that runs, and what it reported so far. Dropped, the source ends.
pub(crate) struct Run {
    reports: mpsc::Receiver<Report>,
    /// To ask the source.
    pub(crate) asks: mpsc::Sender<Ask>,
    /// Everything that was reported and looked at.
    pub(crate) log: Vec<ReportBody>,
    task: JoinHandle<()>,
    _still: std::sync::mpsc::Sender<()>,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Run {
    /// Runs a source that is given its questions and its outbox.
    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(id: SourceId, source: impl FnOnce(mpsc::Receiver<Ask>, Outbox) -> F) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (send, reports) = mpsc::channel(64);
        let (asks, asked) = mpsc::channel(8);
        let task = tokio::spawn(source(asked, Outbox::new(id, Epoch::default(), send)));
        // A blocking task keeps paused time from running ahead. It ends with the test, or lets time run when the test waits in vain.
        let (still, held) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || held.recv_timeout(Duration::from_secs(20)));
        Self { reports, asks, log: Vec::new(), task, _still: still }
    }

    /// Lets time pass, in steps that let what falls due happen; before it, lets what is due now happen, so that it sees the time before.
    pub(crate) async fn pass(&self, time: Duration) {
        let mut left = time;
        loop {
            // What the kernel still has in hand must arrive before its time limit passes: a moment of real time for each second.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            let (_nobody, moment) = std::sync::mpsc::channel::<()>();
            let _ = tokio::task::spawn_blocking(move || moment.recv_timeout(Duration::from_millis(5))).await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            if left.is_zero() {
                return;
            }
            let step = left.min(Duration::from_secs(1));
            tokio::time::advance(step).await;
            left -= step;
        }
    }

    /// Takes in what was reported until now: a source whose reports nobody takes in stands still.
    pub(crate) fn listen(&mut self) {
        while let Ok(report) = self.reports.try_recv() {
            self.log.push(report.body);
        }
    }

    /// Takes reports in until one of them is what is waited for.
    pub(crate) async fn until<T>(&mut self, mut wanted: impl FnMut(&ReportBody) -> Option<T>) -> T {
        loop {
            let report = tokio::time::timeout(Duration::from_hours(1), self.reports.recv()).await;
            let Ok(Some(report)) = report else { panic!("waited in vain; heard {:#?}", self.log) };
            let found = wanted(&report.body);
            self.log.push(report.body);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Waits for a fact.
    pub(crate) async fn observed<T>(&mut self, mut wanted: impl FnMut(&Observation) -> Option<T>) -> T {
        self.until(|body| if let ReportBody::Observed(observation) = body { wanted(observation) } else { None }).await
    }

    /// Waits for a scope to be in such a state.
    pub(crate) async fn state(&mut self, scope: &Scope, wanted: impl Fn(&SourceState) -> bool) -> SourceState {
        self.until(|body| match body {
            ReportBody::State(of, state) if of == scope && wanted(state) => Some(state.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for a scope to be live.
    pub(crate) async fn live(&mut self, scope: &Scope) {
        self.state(scope, SourceState::is_live).await;
    }

    /// Waits for the answer to a question; why there is none.
    pub(crate) async fn answered(&mut self, request: RequestId) -> Option<String> {
        self.until(|body| match body {
            ReportBody::Answered { request: of, failed } if *of == request => Some(failed.as_ref().map(ToString::to_string)),
            _ => None,
        })
        .await
    }
}

/// The scope of a project.
pub(crate) fn project(name: &str) -> Scope {
    Scope::Project(Raw::from(name))
}
