//! A gitops repository: fetched into a mirror at an interval, and at once when Argo CD turns out to know a commit that the mirror does not have; read
//! for the applications that the core asks about.
//!
//! Questions are taken at once, whatever is under way. Fetching and reading are tasks of their own, so that neither waits for the other; a remote
//! that is lost leaves what is known, with its age. `gitops` does the work; here is when it is done and what is said about it.

mod fetch;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::fetch::Fetcher;
use crate::base::{RequestId, Safe};
use crate::domain::AppKey;
use crate::domain::access::RepositoryAccess;
use crate::domain::desired::{Desired, Wish};
use crate::domain::observation::{Items, Observation, Scope, SourceState};
use crate::gitops::{Mirror, Reader};
use crate::sources::clock::now;
use crate::sources::supervisor::{backoff, pause_after, state_after};
use crate::sources::{Ask, Failure, FailureKind, Outbox, Want};

/// Fetches that were asked for are at least so far apart.
const CALM: Duration = Duration::from_secs(1);
/// Argo CD speaks of thousands of applications one by one when it compares them anew: they are read together.
const GATHER: Duration = Duration::from_millis(300);
/// A first fetch that takes longer than this is said to be under way, and nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(3);
/// The mirror is tidied after so many fetches for the first time, so not by a command that asks and ends, and then after so many more.
const TIDIED_FIRST: u32 = 5;
/// See [`TIDIED_FIRST`].
const TIDIED_AGAIN: u32 = 100;
/// Answers in one report.
const PAGE: usize = 500;

/// Reads a repository until the future is dropped.
///
/// Reports go to `outbox`: [`Items::Desired`] pages with the answers that changed, and the state of [`Scope::Desired`], which is live after a fetch
/// that worked. Of `asks` it answers [`Want::Desired`] once what it can say was reported, and [`Want::Relist`] after a fetch; others fail.
pub async fn run(access: RepositoryAccess, mut asks: mpsc::Receiver<Ask>, outbox: Outbox) {
    let mut source = Source::new(&access, outbox);
    source.state(SourceState::Connecting).await;
    loop {
        source.begin();
        let patience = source.patience();
        tokio::select! {
            biased;
            ask = asks.recv() => match ask {
                Some(ask) => source.take(ask).await,
                // The program is ending.
                None => return,
            },
            done = ended(&mut source.fetching) => source.fetched(done).await,
            done = ended(&mut source.reading) => source.read(done).await,
            () = tokio::time::sleep_until(patience) => source.lose_patience().await,
            () = tokio::time::sleep_until(source.due), if source.fetching.is_none() => {}
            () = tokio::time::sleep_until(source.gathered), if source.reading.is_none() && source.is_gathering() => {}
        }
    }
}

/// What a read came to. The reader comes back with it.
struct Done {
    reader: Box<Reader>,
    answers: Result<Vec<(AppKey, Desired)>, Failure>,
    /// An application was compared with a commit that the mirror does not have.
    lacks: bool,
    /// Only the present was read, because the past takes long.
    is_early: bool,
}

struct Source {
    outbox: Outbox,
    fetcher: Fetcher,
    interval: Duration,
    /// Away while something is read.
    reader: Option<Box<Reader>>,
    fetching: Option<JoinHandle<Result<(), Failure>>>,
    reading: Option<JoinHandle<Done>>,
    tidying: Option<JoinHandle<()>>,
    /// Fetches until the mirror is tidied.
    untidy: u32,
    /// What was asked since the last read began, and who waits for it.
    wishes: Vec<(AppKey, Option<Wish>)>,
    asked: Vec<RequestId>,
    /// When those that came one by one are read together.
    gathered: Instant,
    has_read: bool,
    /// Who waits for the read that is under way.
    waiting: Vec<RequestId>,
    /// Who waits for a fetch.
    relists: Vec<RequestId>,
    state: SourceState,
    /// When it is fetched next.
    due: Instant,
    fetched_at: Option<Instant>,
    began: Instant,
    /// The first fetch came to an end, a good one or not: what is in the mirror may be told.
    may_read: bool,
    /// Something was fetched that was not read yet.
    is_new: bool,
    delays: backon::ExponentialBackoff,
}

impl Source {
    fn new(access: &RepositoryAccess, outbox: Outbox) -> Self {
        let addresses = access.addresses();
        let mirror = Mirror::of(&access.mirrors, addresses.first().unwrap_or(&crate::domain::desired::Address::read("")));
        Self {
            outbox,
            fetcher: Fetcher::new(access, mirror.clone()),
            interval: access.interval,
            reader: Some(Box::new(Reader::new(access.name.clone(), mirror, addresses, access.keys.clone()))),
            fetching: None,
            reading: None,
            tidying: None,
            untidy: TIDIED_FIRST,
            wishes: Vec::new(),
            asked: Vec::new(),
            gathered: Instant::now(),
            has_read: false,
            waiting: Vec::new(),
            relists: Vec::new(),
            state: SourceState::Off { why: Safe::default() },
            due: Instant::now(),
            fetched_at: None,
            began: Instant::now(),
            may_read: false,
            is_new: false,
            delays: backoff(),
        }
    }

    /// Begins what is due.
    fn begin(&mut self) {
        if self.fetching.is_none() && Instant::now() >= self.due {
            self.outbox.count_request();
            let (fetcher, anew) = (self.fetcher.clone(), !self.relists.is_empty());
            self.fetching = Some(tokio::spawn(async move { fetcher.fetch(anew).await }));
        }
        let has_work = self.is_new || self.is_gathering() && Instant::now() >= self.gathered;
        if self.reading.is_none() && self.may_read && has_work {
            let wishes = std::mem::take(&mut self.wishes);
            self.waiting.append(&mut self.asked);
            let is_new = std::mem::take(&mut self.is_new);
            self.read_in_a_thread(wishes, is_new, true);
        }
        self.tidy();
    }

    /// Tidies the mirror now and then, while nothing else is to be done.
    fn tidy(&mut self) {
        let is_busy = self.fetching.is_some() || self.reading.is_some() || self.tidying.as_ref().is_some_and(|task| !task.is_finished());
        if is_busy || self.untidy > 0 {
            return;
        }
        self.untidy = TIDIED_AGAIN;
        let Some(mirror) = self.reader.as_ref().map(|reader| reader.mirror().clone()) else { return };
        self.tidying = Some(tokio::spawn(async move {
            if let Err(error) = mirror.tidy().await {
                tracing::warn!(mirror = %mirror.folder().display(), %error, "the mirror was not tidied");
            }
        }));
    }

    fn is_gathering(&self) -> bool {
        !self.wishes.is_empty() || !self.asked.is_empty()
    }

    fn read_in_a_thread(&mut self, wishes: Vec<(AppKey, Option<Wish>)>, is_new: bool, early_first: bool) {
        let Some(mut reader) = self.reader.take() else { return };
        let was_fetched = self.fetched_at.is_some();
        self.reading = Some(tokio::task::spawn_blocking(move || {
            if !was_fetched && !reader.mirror().is_there() {
                // Nothing was ever fetched: there is nothing to say, and the state says why.
                reader.ask(wishes);
                return Done { reader, answers: Ok(Vec::new()), lacks: false, is_early: false };
            }
            let lacks = reader.ask(wishes);
            let (answers, is_early) = read(&mut reader, is_new, early_first);
            Done { reader, answers, lacks, is_early }
        }));
    }

    async fn take(&mut self, ask: Ask) {
        match ask.want {
            Want::Desired(wishes) => {
                if self.has_read && !self.is_gathering() {
                    self.gathered = Instant::now() + GATHER;
                }
                self.wishes.extend(wishes);
                if self.may_read || self.state == SourceState::Connecting {
                    self.asked.push(ask.request);
                } else {
                    self.outbox.answered(ask.request, Some(self.why())).await;
                }
            }
            Want::Relist => {
                self.relists.push(ask.request);
                self.due = self.due.min(Instant::now());
            }
            Want::Detail(..) | Want::Pods(..) | Want::Namespaces(_) | Want::LabelKeys(_) | Want::Recent(..) | Want::Edits(..) | Want::Pulls(_) => {
                self.outbox.answered(ask.request, Some(Safe::clean("a repository is not asked for this"))).await;
            }
        }
    }

    async fn fetched(&mut self, result: Result<(), Failure>) {
        self.fetching = None;
        self.may_read = true;
        let failed = match result {
            Ok(()) => {
                self.delays = backoff();
                self.fetched_at = Some(Instant::now());
                self.untidy = self.untidy.saturating_sub(1);
                self.due = Instant::now() + self.interval;
                self.is_new = true;
                self.outbox.alive().await;
                self.state(SourceState::Live).await;
                None
            }
            Err(failure) => {
                let pause = pause_after(&failure, &mut self.delays);
                self.due = Instant::now() + pause;
                self.state(state_after(&failure, pause)).await;
                Some(self.why())
            }
        };
        for request in std::mem::take(&mut self.relists) {
            self.outbox.answered(request, failed.clone()).await;
        }
    }

    async fn read(&mut self, done: Done) {
        self.reading = None;
        self.has_read = true;
        self.reader = Some(done.reader);
        let mut failed = None;
        match done.answers {
            Ok(answers) => self.report(answers).await,
            Err(failure) => {
                tracing::warn!(source = %self.outbox.source().name.shown(), why = %failure.why, "the mirror was not read");
                failed = Some(failure.why.clone());
                // A mirror that cannot be read is made anew by the next fetch.
                self.fetcher.distrust();
                let pause = pause_after(&failure, &mut self.delays);
                self.due = Instant::now() + pause;
                self.state(state_after(&failure, pause)).await;
            }
        }
        if done.is_early {
            // Whoever waits is answered: the past follows by itself.
            self.read_in_a_thread(Vec::new(), false, false);
        }
        for request in std::mem::take(&mut self.waiting) {
            self.outbox.answered(request, failed.clone()).await;
        }
        if done.lacks && self.fetching.is_none() {
            let calm = self.fetched_at.map_or_else(Instant::now, |at| at + CALM);
            self.due = self.due.min(calm);
        }
    }

    async fn report(&self, answers: Vec<(AppKey, Desired)>) {
        let mut rest = answers.into_iter().peekable();
        while rest.peek().is_some() {
            let page: Vec<_> = rest.by_ref().take(PAGE).collect();
            self.outbox.observed(Observation::Page { items: Items::Desired(page), version: None }).await;
        }
    }

    /// Until when the first fetch may be waited for.
    fn patience(&self) -> Instant {
        let is_first = self.state == SourceState::Connecting;
        if is_first { self.began + PATIENCE } else { Instant::now() + Duration::from_hours(1) }
    }

    async fn lose_patience(&mut self) {
        if self.state != SourceState::Connecting {
            return;
        }
        self.state(SourceState::Waiting { until: None, why: Safe::clean("the first fetch is under way") }).await;
        for request in std::mem::take(&mut self.asked) {
            self.outbox.answered(request, Some(self.why())).await;
        }
    }

    fn why(&self) -> Safe {
        match &self.state {
            SourceState::Waiting { why, .. } | SourceState::Denied { why, .. } | SourceState::Off { why } => why.clone(),
            SourceState::Connecting | SourceState::Live => Safe::clean("it is being read"),
        }
    }

    async fn state(&mut self, state: SourceState) {
        if self.state != state {
            self.state = state.clone();
            self.outbox.state(&Scope::Desired, state).await;
        }
    }
}

/// Reads the mirror: the present alone where the past takes long and nothing was told yet.
fn read(reader: &mut Reader, is_new: bool, early_first: bool) -> (Result<Vec<(AppKey, Desired)>, Failure>, bool) {
    let broken = |error: git2::Error| Failure::new(FailureKind::Broken, &format!("the mirror cannot be read: {}", error.message()));
    if is_new && let Err(error) = reader.fetched(now()) {
        return (Err(broken(error)), false);
    }
    if early_first {
        match reader.early() {
            Ok(answers) if answers.is_empty() => {}
            result => {
                let is_early = result.is_ok();
                return (result.map_err(broken), is_early);
            }
        }
    }
    (reader.read().map_err(broken), false)
}

/// Waits for a task, for ever where there is none. A panic goes on to whoever runs this source.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> T {
    let Some(task) = task else { return std::future::pending().await };
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}
