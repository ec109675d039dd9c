//! The reader over Application objects in a cluster: pages, then a watch. It needs no Argo CD server, and knows what only the API could say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, watch};

use crate::domain::application::Application;
use crate::domain::observation::{Item, ItemKey, Items, Observation, Scope, SourceState};
use crate::domain::{AppKey, ClusterName, Namespace};
use crate::sources::argocd::http::parsed;
use crate::sources::argocd::objects;
use crate::sources::argocd::shared::{Relisting, Shared, lock};
use crate::sources::argocd::stream::{Frame, Framer, Framing};
use crate::sources::argocd::translate::{self, ReadFrom};
use crate::sources::argocd::wire;
use crate::sources::supervisor::{Life, keep, prove_life, within};
use crate::sources::{Failure, FailureKind};

/// A watch that ends sooner is not resumed at once.
const SHORT_WATCH: Duration = Duration::from_secs(2);

/// Reads the Application objects of one cluster.
pub(super) struct Reader {
    shared: Arc<Shared>,
    cluster: ClusterName,
    scopes: Mutex<Vec<Scope>>,
    /// Where a watch goes on after a loss, without listing anew.
    resume: Mutex<BTreeMap<Scope, String>>,
    /// The account may not list everywhere.
    narrow: Notify,
}

/// How a watch ended.
enum End {
    /// By the server, in order.
    Closed,
    /// Somebody wants everything read anew.
    Relist,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, cluster: ClusterName) -> Self {
        Self { shared, cluster, scopes: Mutex::new(vec![Scope::Applications]), resume: Mutex::default(), narrow: Notify::new() }
    }

    /// Reads for ever.
    pub(super) async fn run(&self) {
        let (tell_life, life) = watch::channel(Life::Unproven);
        let prove = || async { objects::prove(&self.shared.clients.reading(&self.cluster).await?, &self.shared.outbox).await };
        tokio::select! {
            () = prove_life(self.shared.outbox.clone(), tell_life, prove) => {}
            () = self.read(life) => {}
        }
    }

    /// The scopes that were reported on are read in this way no more; those of `others` are theirs now.
    pub(super) async fn forget_except(&self, others: &BTreeSet<Scope>) {
        let scopes = std::mem::take(&mut *lock(&self.scopes));
        for scope in scopes.iter().filter(|scope| !others.contains(scope)) {
            self.shared.outbox.forget(scope).await;
        }
    }

    /// Everywhere, or in the configured namespaces where that is refused.
    async fn read(&self, life: watch::Receiver<Life>) {
        let everywhere = Scope::Applications;
        tokio::select! {
            () = keep(&self.shared.outbox, &everywhere, life.clone(), || self.attempt(&everywhere)) => return,
            () = self.narrow.notified() => {}
        }
        let scopes: Vec<_> = self.shared.access.namespaces.iter().cloned().map(Scope::ApplicationsIn).collect();
        lock(&self.scopes).clone_from(&scopes);
        let reading = scopes.iter().map(|scope| keep(&self.shared.outbox, scope, life.clone(), || self.attempt(scope)));
        tokio::join!(join_all(reading), self.shared.outbox.forget(&everywhere));
    }

    async fn attempt(&self, scope: &Scope) -> Result<(), Failure> {
        let result = self.follow(scope).await;
        let Err(failure) = result else { return Ok(()) };
        match failure.kind {
            FailureKind::Forbidden if *scope == Scope::Applications && !self.shared.access.namespaces.is_empty() => {
                tracing::info!(why = %failure.why, "Application objects are read by namespace");
                self.narrow.notify_one();
                std::future::pending().await
            }
            FailureKind::Unauthorized => {
                self.shared.clients.renew(&self.cluster).await;
                Err(self.shared.clients.unaccepted(&self.cluster, failure))
            }
            FailureKind::NotFound => {
                let why = format!("cluster '{}' knows no Application objects: Argo CD is not installed there", self.cluster.shown());
                Err(Failure::new(FailureKind::NotFound, &why))
            }
            _ => Err(failure),
        }
    }

    /// Lists and watches until something fails. Where an earlier attempt was cut, the watch goes on from there.
    async fn follow(&self, scope: &Scope) -> Result<(), Failure> {
        let client = self.shared.clients.reading(&self.cluster).await?;
        let mut relist = self.shared.relist.subscribe();
        let mut is_live = false;
        loop {
            let known = lock(&self.resume).get(scope).cloned();
            let version = if let Some(version) = known {
                version
            } else {
                is_live = true;
                self.list(&client, scope).await?
            };
            lock(&self.resume).insert(scope.clone(), version.clone());
            let started = tokio::time::Instant::now();
            match self.watch(&client, scope, &version, &mut relist, &mut is_live).await {
                Ok(End::Closed) if started.elapsed() < SHORT_WATCH => tokio::time::sleep(SHORT_WATCH).await,
                Ok(End::Closed) => {}
                Ok(End::Relist) => self.start_over(scope),
                Err(failure) if failure.kind == FailureKind::Expired => self.start_over(scope),
                Err(failure) => return Err(failure),
            }
        }
    }

    fn start_over(&self, scope: &Scope) {
        lock(&self.resume).remove(scope);
    }

    /// Lists all pages and reports them. Answers the version that the watch goes on from.
    async fn list(&self, client: &kube::Client, scope: &Scope) -> Result<String, Failure> {
        let collection = objects::collection(namespace_of(scope));
        let paints = !self.shared.is_listed();
        let asked = self.shared.hear();
        let mut all: Vec<(AppKey, Application)> = Vec::new();
        let mut token = String::new();
        let resource_version = loop {
            let body = within(objects::PAGE_LIMIT, objects::get(client, &self.shared.outbox, &objects::page(&collection, &token))).await;
            let body = match body {
                // The rest of the pages is no longer kept: begin anew.
                Err(failure) if failure.kind == FailureKind::Expired && !token.is_empty() => {
                    token.clear();
                    all.clear();
                    continue;
                }
                other => other?,
            };
            let shared = Arc::clone(&self.shared);
            let read = parsed(body, move |body| {
                let list: wire::List<wire::Application<'_>> = serde_json::from_slice(body)?;
                Ok((list.metadata, translate::summaries(&list.items, &shared.instance, &shared.interner)))
            });
            let (metadata, items) = read.await?;
            let is_last = metadata.r#continue.is_empty();
            if paints && !(is_last && all.is_empty()) {
                self.shared.outbox.observed(Observation::Page { items: Items::Applications(items.clone()), version: Some(asked) }).await;
            }
            all.extend(items);
            if is_last {
                break metadata.resource_version;
            }
            token = metadata.r#continue;
        };
        self.shared.sample().refill(scope, &all);
        self.shared.outbox.observed(Observation::Listed { scope: scope.clone(), items: Items::Applications(all), version: Some(asked) }).await;
        self.shared.outbox.state(scope, SourceState::Live).await;
        self.shared.relist.end(&self.shared.outbox, None).await;
        self.shared.set_listed();
        Ok(resource_version)
    }

    /// Reports changes until the server ends the watch, somebody wants a list, or something fails.
    async fn watch(&self, client: &kube::Client, scope: &Scope, version: &str, relist: &mut Relisting, is_live: &mut bool) -> Result<End, Failure> {
        let target = objects::watch(&objects::collection(namespace_of(scope)), version);
        let mut body = objects::open(client, &self.shared.outbox, &target).await?;
        if !std::mem::replace(is_live, true) {
            // After a loss nothing was listed: what was missed comes first, and at once.
            self.shared.outbox.state(scope, SourceState::Live).await;
        }
        let mut framer = Framer::new(Framing::Lines);
        loop {
            let more = tokio::select! {
                more = body.next(|chunk| framer.push(chunk)) => more?,
                () = relist.wanted() => return Ok(End::Relist),
            };
            if !more {
                return Ok(End::Closed);
            }
            while let Some(frame) = framer.next() {
                match frame {
                    Frame::Whole(frame) => self.event(scope, frame).await?,
                    // What it said is lost: only a list helps.
                    Frame::TooLong => return Ok(End::Relist),
                }
            }
        }
    }

    async fn event(&self, scope: &Scope, frame: Vec<u8>) -> Result<(), Failure> {
        let version = Some(self.shared.hear());
        let shared = Arc::clone(&self.shared);
        let event = parsed(frame, move |frame| Event::read(frame, &shared)).await;
        let observation = match event {
            Ok(Event::Changed(key, application, at)) => {
                self.note(scope, &at);
                Observation::Changed { item: Item::Application(key, application), version }
            }
            Ok(Event::Removed(key, at)) => {
                self.note(scope, &at);
                Observation::Removed { key: ItemKey::Application(key), version }
            }
            Ok(Event::Bookmark(at)) => {
                self.note(scope, &at);
                return Ok(());
            }
            Ok(Event::Failed(failure)) => return Err(failure),
            Err(failure) => {
                tracing::warn!(why = %failure.why, "an event of the watch was passed over");
                return Ok(());
            }
        };
        self.shared.outbox.observed(observation).await;
        Ok(())
    }

    fn note(&self, scope: &Scope, version: &str) {
        if let Some(held) = lock(&self.resume).get_mut(scope).filter(|_| !version.is_empty()) {
            version.clone_into(held);
        }
    }
}

fn namespace_of(scope: &Scope) -> Option<&Namespace> {
    match scope {
        Scope::ApplicationsIn(namespace) => Some(namespace),
        _ => None,
    }
}

/// Reads one Application object whole and reports both of its facets.
pub(super) async fn detail(shared: &Arc<Shared>, cluster: &ClusterName, key: &AppKey) -> Result<(), Failure> {
    let version = Some(shared.hear());
    let client = shared.clients.reading(cluster).await?;
    let body = objects::get(&client, &shared.outbox, &objects::application(&key.namespace, key.name.as_wire())).await?;
    // Only the API tells which windows are in force.
    shared.report_detail(body, ReadFrom::Object, version, std::future::ready(None)).await
}

/// An event of the watch, understood, with the version it leaves the collection at.
enum Event {
    Changed(AppKey, Box<Application>, String),
    Removed(AppKey, String),
    Bookmark(String),
    Failed(Failure),
}

impl Event {
    fn read(frame: &[u8], shared: &Shared) -> Result<Self, serde_json::Error> {
        let event: wire::WatchEvent<'_> = serde_json::from_slice(frame)?;
        let at = event.object.metadata.resource_version.as_str().to_owned();
        let mut interner = lock(&shared.interner);
        Ok(match event.r#type.as_str() {
            "ADDED" | "MODIFIED" => {
                let (key, application) = translate::summary(&event.object, &shared.instance, &mut interner);
                Self::Changed(key, Box::new(application), at)
            }
            "DELETED" => Self::Removed(translate::key(&event.object.metadata, &shared.instance, &mut interner), at),
            "ERROR" => {
                let error: wire::WatchError<'_> = serde_json::from_slice(frame)?;
                let kind = if error.object.code == 410 { FailureKind::Expired } else { FailureKind::Broken };
                Self::Failed(Failure::new(kind, error.object.message.as_str()))
            }
            _ => Self::Bookmark(at),
        })
    }
}
