//! One kind in one scope: listed page by page, then watched from there on, for as long as it goes well; what ends it is for the supervisor.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::api::Api;
use super::subject::{Event, Subject, world_version};
use super::translate::Reading;
use crate::base::Interner;
use crate::base::Raw;
use crate::domain::Namespace;
use crate::domain::observation::{Items, Observation, Scope, SourceState};
use crate::sources::{Failure, FailureKind, Outbox};

/// How many watches a cluster is asked for; together with [`POLLS`] and the proof of life these are its 40 connections.
pub(super) const WATCHES: usize = 36;
/// How many lists may be under way for those that found no place to watch, and for questions.
pub(super) const POLLS: usize = 3;
/// How often those list.
const POLL_INTERVAL: Duration = Duration::from_secs(15);
/// How much longer a refused namespace waits for each namespace there is; five kinds are refused at a time.
const DENIED_SHARE: Duration = Duration::from_secs(5);
/// A watch that ends within this time without a word is no watch.
const BARREN: Duration = Duration::from_secs(1);
/// More pages than any cluster has: a server that never ends a list is broken.
const PAGES_LIMIT: usize = 2000;

/// What the readers of one cluster share.
pub(super) struct Shared {
    pub(super) api: Api,
    pub(super) outbox: Outbox,
    pub(super) watches: Semaphore,
    pub(super) polls: Semaphore,
    pub(super) label_keys: watch::Sender<Arc<[Raw]>>,
    pub(super) namespaces: watch::Sender<BTreeSet<Namespace>>,
    pub(super) relists: Relists,
    /// Texts of its objects that repeat.
    pub(super) texts: Arc<Mutex<Interner>>,
}

impl Shared {
    pub(super) fn reading(&self) -> Reading {
        Reading { cluster: self.api.access.name.clone(), label_keys: Arc::clone(&self.label_keys.borrow()), texts: Arc::clone(&self.texts) }
    }
}

/// The readers that can be asked to list anew: those that are live. The others will anyway.
#[derive(Default)]
pub(super) struct Relists(Mutex<Vec<mpsc::UnboundedSender<oneshot::Sender<()>>>>);

impl Relists {
    fn join(&self) -> mpsc::UnboundedReceiver<oneshot::Sender<()>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut members = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        members.retain(|member| !member.is_closed());
        members.push(sender);
        receiver
    }

    /// Asks all of them, and comes back when each has listed or failed to.
    pub(super) async fn ask(&self) {
        let waits: Vec<_> = {
            let members = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let ask = |member: &mpsc::UnboundedSender<_>| {
                let (done, wait) = oneshot::channel();
                member.send(done).ok().map(|()| wait)
            };
            members.iter().filter_map(ask).collect()
        };
        for wait in waits {
            // A sender that was dropped is an answer, too: the reader failed, and its state says so.
            let _ = wait.await;
        }
    }
}

/// Reads one kind in one scope.
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
    pub(super) subject: Subject,
    pub(super) namespace: Option<Namespace>,
    pub(super) scope: Scope,
    /// Of the reader of the whole cluster: tells whether it was refused, so that namespaces are read instead.
    pub(super) refused: Option<watch::Sender<bool>>,
    /// Of a reader of one namespace: it was refused the last time.
    pub(super) was_denied: AtomicBool,
}

/// How a watch came to its end.
enum End {
    /// It was cut, or the server's time was up: it can go on from the last version.
    Cut,
    /// The last version is too old to go on from.
    Expired,
}

impl Reader {
    /// Lists and watches until something fails; the failure says what would help.
    pub(super) async fn attempt(&self) -> Result<(), Failure> {
        if self.was_denied.swap(false, Ordering::Relaxed) {
            // A fleet may be in hundreds of namespaces of which an account sees one: what is refused is tried again at one request per second
            // altogether.
            let namespaces = u32::try_from(self.shared.namespaces.borrow().len()).unwrap_or(u32::MAX);
            tokio::time::sleep(DENIED_SHARE.saturating_mul(namespaces)).await;
        }
        let result = match self.shared.watches.try_acquire() {
            Ok(_place) => self.list_and_watch().await,
            Err(_) => self.list_now_and_then(true).await,
        };
        result.map_err(|failure| self.explained(failure))
    }

    async fn list_and_watch(&self) -> Result<(), Failure> {
        let mut relists = self.shared.relists.join();
        let mut version = self.list().await?;
        self.live().await;
        let mut was_expired = false;
        loop {
            let started = Instant::now();
            let before = version.clone();
            let end = tokio::select! {
                end = self.follow(&mut version) => end,
                Some(done) = relists.recv() => {
                    version = self.list().await?;
                    // Heard by whoever waits for the new list.
                    let _ = done.send(());
                    continue;
                }
            };
            let is_barren = version == before;
            match end {
                Ok(End::Cut) if is_barren && started.elapsed() < BARREN => {
                    return Err(Failure::new(FailureKind::Lost, "the watch is cut as soon as it begins"));
                }
                Ok(End::Cut) => was_expired = false,
                Ok(End::Expired) if is_barren && was_expired => {
                    return Err(Failure::new(FailureKind::Broken, "the server calls the version of its newest list too old"));
                }
                Ok(End::Expired) => {
                    was_expired = true;
                    version = self.list().await?;
                }
                // It may be listed but not watched.
                Err(failure) if failure.kind == FailureKind::Forbidden => return self.list_now_and_then(false).await,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Instead of a watch, where that is not allowed or there is no place for one: then it comes back as soon as there is.
    async fn list_now_and_then(&self, wants_place: bool) -> Result<(), Failure> {
        let mut relists = self.shared.relists.join();
        let mut asked: Option<oneshot::Sender<()>> = None;
        let mut is_first = true;
        loop {
            {
                // The semaphore is never closed.
                let _turn = self.shared.polls.acquire().await;
                self.list().await?;
            }
            if std::mem::take(&mut is_first) {
                self.live().await;
            }
            if let Some(done) = asked.take() {
                let _ = done.send(());
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                done = relists.recv() => asked = done,
            }
            if wants_place && self.shared.watches.available_permits() > 0 {
                return Ok(());
            }
        }
    }

    async fn live(&self) {
        if let Some(refused) = &self.refused {
            refused.send_if_modified(std::mem::take);
        }
        self.shared.outbox.state(&self.scope, SourceState::Live).await;
    }

    /// Lists all pages and gives the version that a watch goes on from.
    async fn list(&self) -> Result<Raw, Failure> {
        let mut collected: Option<Items> = None;
        let mut next: Option<Raw> = None;
        let mut was_expired = false;
        for _ in 0..PAGES_LIMIT {
            let path = self.subject.page_path(self.namespace.as_ref(), next.as_ref())?;
            let body = match self.shared.api.get(&path).await {
                // The pages left are of a version that is gone: from the start, once.
                Err(failure) if failure.kind == FailureKind::Expired && next.is_some() && !was_expired => {
                    (collected, next, was_expired) = (None, None, true);
                    continue;
                }
                body => body?,
            };
            let page = self.subject.page(&body, &self.shared.reading())?;
            drop(body);
            let version = world_version(&page.version);
            if page.next.is_some() {
                self.shared.outbox.observed(Observation::Page { items: page.items.clone(), version }).await;
            }
            let items = match collected.take() {
                None => page.items,
                Some(before) => appended(before, page.items),
            };
            if page.next.is_none() {
                self.shared.outbox.observed(Observation::Listed { scope: self.scope.clone(), items, version }).await;
                return Ok(page.version);
            }
            (collected, next) = (Some(items), page.next);
        }
        Err(Failure::new(FailureKind::Broken, "the server does not come to the end of a list"))
    }

    /// Reports what happens after a version, and moves the version on.
    async fn follow(&self, version: &mut Raw) -> Result<End, Failure> {
        let path = self.subject.watch_path(self.namespace.as_ref(), version)?;
        let mut lines = match self.shared.api.lines(&path).await {
            Err(failure) if failure.kind == FailureKind::Expired => return Ok(End::Expired),
            lines => lines?,
        };
        loop {
            // However it was cut, going on from the last version tells what is missing, and whether there is still anybody.
            let Ok(Some(line)) = lines.next().await else { return Ok(End::Cut) };
            let passed = match self.subject.event(&line, &self.shared.reading())? {
                Event::Changed(item, passed) => {
                    self.shared.outbox.observed(Observation::Changed { item, version: world_version(&passed) }).await;
                    passed
                }
                Event::Removed(key, passed) => {
                    self.shared.outbox.observed(Observation::Removed { key, version: world_version(&passed) }).await;
                    passed
                }
                Event::Passed(passed) => passed,
                Event::Refused(failure) if failure.kind == FailureKind::Expired => return Ok(End::Expired),
                Event::Refused(failure) => return Err(failure),
            };
            if !passed.is_empty() {
                *version = passed;
            }
        }
    }

    /// Adds to a failure what it means here and what helps.
    fn explained(&self, failure: Failure) -> Failure {
        let context = &self.shared.api.access.context;
        let resource = self.subject.resource();
        match failure.kind {
            FailureKind::NotFound => Failure::new(FailureKind::NotFound, self.subject.absence()),
            // With a cure it was not the server that refused: the cluster is held back.
            FailureKind::Forbidden if failure.cure.is_none() => match (&self.namespace, &self.refused) {
                (Some(namespace), _) => failure.cured_by(&format!("kubectl --context {context} auth can-i list {resource} -n {}", namespace.shown())),
                (None, refused) => {
                    if let Some(refused) = refused {
                        refused.send_replace(true);
                    }
                    denied_everywhere(&failure, self.subject, context, self.shared.namespaces.borrow().is_empty())
                }
            },
            _ => failure,
        }
    }
}

/// What it means that a whole cluster may not be read.
pub(super) fn denied_everywhere(failure: &Failure, subject: Subject, context: &str, no_namespaces: bool) -> Failure {
    let resource = subject.resource();
    let cure = format!("kubectl --context {context} auth can-i list {resource} -A");
    if no_namespaces {
        let why = format!("{}; and no namespace is known to look into instead", failure.why);
        Failure::new(FailureKind::Forbidden, &why).cured_by(&format!("name the namespaces of this cluster in the configuration, or {cure}"))
    } else {
        Failure::new(FailureKind::Forbidden, &format!("{}; namespaces are read one by one instead", failure.why)).cured_by(&cure)
    }
}

fn appended(before: Items, after: Items) -> Items {
    match (before, after) {
        (Items::Workloads(mut all), Items::Workloads(more)) => {
            all.extend(more);
            Items::Workloads(all)
        }
        (Items::ReplicaSets(mut all), Items::ReplicaSets(more)) => {
            all.extend(more);
            Items::ReplicaSets(all)
        }
        // One subject's pages are all of one sort.
        (_, after) => after,
    }
}
