//! The reader over Argo CD's API: the stream of changes is opened first, then the lists land project by project, and both go on being reported
//! together. It knows nothing of clusters; what happens when the API is lost is decided next door.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};

use crate::base::{Raw, Safe};
use crate::domain::AppKey;
use crate::domain::application::Application;
use crate::domain::observation::{Item, ItemKey, Items, Observation, Scope, SourceState};
use crate::sources::argocd::http::{Api, content_type, kind_of, parsed, read};
use crate::sources::argocd::request::{self, FieldSet};
use crate::sources::argocd::shared::{Shared, lock};
use crate::sources::argocd::stream::{Frame, Framer, Framing};
use crate::sources::argocd::translate::{self, ReadFrom};
use crate::sources::argocd::{sample, wire};
use crate::sources::supervisor::{Life, backoff, keep_all, pause_after, state_after};
use crate::sources::{Failure, FailureKind};

/// Everything is listed anew after this time, because the stream loses changes when the server is busy.
const RELIST_INTERVAL: Duration = Duration::from_mins(5);
/// The same where the server offers no stream.
const POLL_INTERVAL: Duration = Duration::from_mins(1);
/// Lists that are on their way at once.
const LISTS_AT_ONCE: usize = 6;
/// Requests that the lists of all projects are spread over at most; beyond, several projects share a request.
const LISTS_IN_ALL: usize = 24;
/// Tries for a list that fails while the connection is well.
const LIST_TRIES: u32 = 3;
/// The server keeps an open event stream alive every 15 s (argoproj/pkg `grpc/http/forwarders.go`): after three misses it is dead.
const SILENCE_LIMIT: Duration = Duration::from_secs(50);
/// A stream that ends sooner was not an orderly one.
const SHORT_STREAM: Duration = Duration::from_secs(10);

/// What is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Plan {
    /// Not known yet.
    Open,
    /// All in one: the account cannot know all projects.
    Whole,
    /// Project by project.
    Projects(BTreeSet<Raw>),
}

/// Reads one Argo CD through its API.
pub(super) struct Reader {
    shared: Arc<Shared>,
    api: Arc<Api>,
    plan: Mutex<Plan>,
    fields: Mutex<FieldSet>,
    scopes: Mutex<BTreeSet<Scope>>,
    attempts: AtomicU64,
    landed: watch::Sender<bool>,
}

impl Reader {
    /// A reader that speaks for all applications until it knows better.
    pub(super) fn new(shared: Arc<Shared>, api: Arc<Api>) -> Self {
        let reader = Self::quiet(shared, api);
        lock(&reader.scopes).insert(Scope::Applications);
        reader
    }

    /// A reader that says nothing of its state until it knows what it can list: somebody else reads as yet.
    pub(super) fn quiet(shared: Arc<Shared>, api: Arc<Api>) -> Self {
        let (plan, fields) = (Mutex::new(Plan::Open), Mutex::new(FieldSet::UpTo3_4));
        Self { shared, api, plan, fields, scopes: Mutex::default(), attempts: AtomicU64::new(0), landed: watch::Sender::new(false) }
    }

    /// The scopes that it reports on.
    pub(super) fn scopes(&self) -> BTreeSet<Scope> {
        lock(&self.scopes).clone()
    }

    /// Waits until all lists have landed once.
    pub(super) async fn landed(&self) {
        let _ = self.landed.subscribe().wait_for(|landed| *landed).await;
    }

    /// Reads for ever.
    pub(super) async fn run(&self, life: watch::Receiver<Life>) {
        let scopes = || lock(&self.scopes).iter().cloned().collect();
        let attempt = || async {
            let result = Box::pin(self.attempt()).await;
            if let Err(failure) = &result {
                self.shared.relist.end(&self.shared.outbox, Some(&failure.why)).await;
            }
            result
        };
        tokio::select! {
            () = keep_all(&self.shared.outbox, scopes, life, attempt) => {}
            () = sample::watch_controller(&self.shared, &self.api) => {}
        }
    }

    /// The scopes that were reported on are read in this way no more.
    pub(super) async fn forget(&self) {
        let scopes = std::mem::take(&mut *lock(&self.scopes));
        for scope in scopes {
            self.shared.sample().forget(&scope);
            self.shared.outbox.forget(&scope).await;
        }
    }

    /// One connection: the stream and the lists beside it, until one of them fails.
    async fn attempt(&self) -> Result<(), Failure> {
        if self.attempts.fetch_add(1, Ordering::Relaxed) > 0 {
            self.api.hang_up().await;
        }
        let (seen, unknown) = mpsc::unbounded_channel();
        let lists = self.lists(unknown);
        tokio::pin!(lists);
        let streamed = tokio::select! {
            // The stream comes first: its request leaves before the lists', so that what changes while they are on their way is not lost.
            biased;
            streamed = self.stream(&seen) => streamed,
            listed = &mut lists => return listed,
        };
        match streamed {
            // No streams here, and nothing wrong with the rest: a proxy may not let them through. Poll.
            Err(failure) if matches!(failure.kind, FailureKind::NotFound | FailureKind::Forbidden | FailureKind::Broken) => {
                tracing::warn!(why = %failure.why, "no stream of changes: polling");
                tokio::time::timeout(POLL_INTERVAL, lists).await.unwrap_or(Ok(()))
            }
            other => other,
        }
    }

    /// Reports changes until the stream ends.
    async fn stream(&self, seen: &mpsc::UnboundedSender<Raw>) -> Result<(), Failure> {
        let started = tokio::time::Instant::now();
        let mut response = self.api.open(&request::stream()).await?;
        let framing = Framing::of(content_type(&response).unwrap_or_default());
        let mut framer = Framer::new(framing);
        let mut unreadable = 0_u64;
        loop {
            let chunk = match framing {
                Framing::Events => tokio::time::timeout(SILENCE_LIMIT, response.chunk()).await.unwrap_or(Ok(None)),
                Framing::Lines => response.chunk().await,
            };
            let Some(chunk) = chunk.map_err(|error| Failure::of_connection(&error))? else {
                let orderly = started.elapsed() >= SHORT_STREAM;
                return if orderly { Ok(()) } else { Err(Failure::new(FailureKind::Lost, "the stream of changes ended")) };
            };
            self.shared.outbox.count_bytes(chunk.len());
            framer.push(&chunk);
            while let Some(frame) = framer.next() {
                let taken = match frame {
                    Frame::Whole(frame) => self.message(frame, seen).await?,
                    Frame::TooLong => Err(Failure::new(FailureKind::Broken, "a message is longer than 32 MB")),
                };
                if let Err(failure) = taken {
                    unreadable += 1;
                    tracing::warn!(why = %failure.why, unreadable, "a message of the stream was passed over");
                }
            }
        }
    }

    /// Takes one message of the stream in. The inner failure is the message's own; the outer one ends the stream.
    async fn message(&self, frame: Vec<u8>, seen: &mpsc::UnboundedSender<Raw>) -> Result<Result<(), Failure>, Failure> {
        let version = self.shared.hear();
        let shared = Arc::clone(&self.shared);
        let message = parsed(frame, move |frame| serde_json::from_slice(frame).map(|message| Message::of(&message, &shared))).await;
        match message {
            Ok(Message::Changed(key, application)) => {
                let project = &application.project;
                let is_new = matches!(&*lock(&self.plan), Plan::Projects(known) if !known.contains(project)) && !project.is_empty();
                if is_new {
                    let _ = seen.send(project.clone());
                }
                self.shared.outbox.observed(Observation::Changed { item: Item::Application(key, application), version: Some(version) }).await;
            }
            Ok(Message::Removed(key)) => {
                self.shared.outbox.observed(Observation::Removed { key: ItemKey::Application(key), version: Some(version) }).await;
            }
            Ok(Message::Refused(kind, why)) => return Err(self.api.failed(kind, why.as_str())),
            Ok(Message::Other) => {}
            Err(failure) => return Ok(Err(failure)),
        }
        Ok(Ok(()))
    }

    /// Lists everything, and again when it is time, when it is asked for, and for a project that shows up.
    async fn lists(&self, mut unknown: mpsc::UnboundedReceiver<Raw>) -> Result<(), Failure> {
        let mut relist = self.shared.relist.subscribe();
        let mut plan = Box::pin(self.introduce()).await?;
        loop {
            self.adopt(&plan).await;
            match &plan {
                Plan::Projects(projects) => self.list_projects(projects).await?,
                Plan::Whole | Plan::Open => self.list_scope(&[]).await?,
            }
            self.shared.relist.end(&self.shared.outbox, None).await;
            self.shared.set_listed();
            self.landed.send_replace(true);
            let due = tokio::time::sleep(RELIST_INTERVAL);
            tokio::pin!(due);
            loop {
                tokio::select! {
                    () = &mut due => break,
                    () = relist.wanted() => break,
                    Some(project) = unknown.recv() => self.list_new(project).await?,
                }
            }
            plan = self.make_plan().await?;
        }
    }

    /// Asks who answers, and what can be listed: all at once, one round trip.
    async fn introduce(&self) -> Result<Plan, Failure> {
        let (version, settings) = (request::version(), request::settings());
        let (version, settings, plan) = tokio::join!(self.api.get(&version), self.api.get(&settings), self.make_plan());
        let version = version?;
        let version = read::<wire::Version<'_>>(&version)?.version;
        *lock(&self.fields) = FieldSet::of(version.as_str());
        let settings = settings.unwrap_or_else(|failure| {
            tracing::warn!(why = %failure.why, "Argo CD does not tell its settings");
            Vec::new()
        });
        let settings: wire::Settings<'_> = read(&settings).unwrap_or_default();
        let filled = |text: &wire::Text<'_>| (!text.as_str().is_empty()).then(|| Raw::from(text.as_str()));
        self.shared
            .tell(|facts| {
                facts.version = Some(Safe::clean(version.as_str()));
                facts.label_key = filled(&settings.app_label_key).or(facts.label_key.take());
                facts.tracking_method = filled(&settings.tracking_method).or(facts.tracking_method.take());
                facts.installation = filled(&settings.installation_id).or(facts.installation.take());
                facts.controller_namespace =
                    filled(&settings.controller_namespace).map(crate::domain::Namespace).or(facts.controller_namespace.take());
            })
            .await;
        plan
    }

    /// Projects that the account may not read are left out of their list, so it counts as all of them only where the account may read every one.
    /// An application of a project that is not there at all shows up on the stream with its next comparison.
    async fn make_plan(&self) -> Result<Plan, Failure> {
        let (may, projects) = (request::may_read_all_projects(), request::projects());
        let (may, projects) = tokio::join!(self.api.get(&may), self.api.get(&projects));
        let projects = match projects {
            Ok(body) => body,
            Err(failure) if matches!(failure.kind, FailureKind::Forbidden | FailureKind::NotFound) => return Ok(Plan::Whole),
            Err(failure) => return Err(failure),
        };
        let all = match may {
            Ok(body) => read::<wire::CanI<'_>>(&body).is_ok_and(|may| may.value.as_str() == "yes"),
            Err(failure) if matches!(failure.kind, FailureKind::Forbidden | FailureKind::NotFound | FailureKind::Broken) => false,
            Err(failure) => return Err(failure),
        };
        let projects: wire::List<wire::Project<'_>> = read(&projects)?;
        let projects: BTreeSet<_> = projects.items.iter().map(|project| Raw::from(project.metadata.name.as_str())).collect();
        Ok(if all && !projects.is_empty() { Plan::Projects(projects) } else { Plan::Whole })
    }

    /// Makes the plan's scopes the ones that are reported on. Applications of a project that vanished are gone.
    async fn adopt(&self, plan: &Plan) {
        let wanted: BTreeSet<Scope> = match plan {
            Plan::Projects(projects) => projects.iter().cloned().map(Scope::Project).collect(),
            Plan::Whole | Plan::Open => BTreeSet::from([Scope::Applications]),
        };
        let before = std::mem::replace(&mut *lock(&self.scopes), wanted.clone());
        let was = std::mem::replace(&mut *lock(&self.plan), plan.clone());
        for scope in wanted.difference(&before) {
            self.shared.outbox.state(scope, SourceState::Connecting).await;
        }
        for scope in before.difference(&wanted) {
            self.shared.sample().forget(scope);
            if matches!((plan, &was), (Plan::Projects(_), Plan::Projects(_))) {
                let version = Some(self.shared.hear());
                self.shared.outbox.observed(Observation::Listed { scope: scope.clone(), items: Items::Applications(Vec::new()), version }).await;
            }
            self.shared.outbox.forget(scope).await;
        }
    }

    /// A project came to light by one of its applications.
    async fn list_new(&self, project: Raw) -> Result<(), Failure> {
        let is_new = match &mut *lock(&self.plan) {
            Plan::Projects(known) => known.insert(project.clone()),
            Plan::Whole | Plan::Open => false,
        };
        if is_new {
            let scope = Scope::Project(project.clone());
            lock(&self.scopes).insert(scope.clone());
            self.shared.outbox.state(&scope, SourceState::Connecting).await;
            self.list_scope(&[project]).await?;
        }
        Ok(())
    }

    async fn list_projects(&self, projects: &BTreeSet<Raw>) -> Result<(), Failure> {
        let projects: Vec<_> = projects.iter().cloned().collect();
        let mut waiting = projects.chunks(projects.len().div_ceil(LISTS_IN_ALL).max(1));
        let mut running: FuturesUnordered<_> = waiting.by_ref().take(LISTS_AT_ONCE).map(|batch| self.list_scope(batch)).collect();
        while let Some(listed) = running.next().await {
            listed?;
            running.extend(waiting.next().map(|batch| self.list_scope(batch)));
        }
        Ok(())
    }

    /// Lists some projects in one request, or everything. A refusal is the scopes' state; a loss is the connection's, and a failure.
    async fn list_scope(&self, projects: &[Raw]) -> Result<(), Failure> {
        let mut scopes: Vec<_> = projects.iter().cloned().map(Scope::Project).collect();
        if scopes.is_empty() {
            scopes.push(Scope::Applications);
        }
        let mut delays = backoff();
        for attempt in 1.. {
            let failure = match self.list(projects, &scopes).await {
                Err(failure) if matches!(failure.kind, FailureKind::Lost | FailureKind::Unauthorized) => return Err(failure),
                Err(failure) => failure,
                Ok(()) => return Ok(()),
            };
            let is_last = attempt >= LIST_TRIES || failure.kind == FailureKind::Forbidden;
            let pause = if is_last { RELIST_INTERVAL } else { pause_after(&failure, &mut delays) };
            for scope in &scopes {
                self.shared.outbox.state(scope, state_after(&failure, pause)).await;
            }
            if is_last {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    async fn list(&self, projects: &[Raw], scopes: &[Scope]) -> Result<(), Failure> {
        // Taken before the question leaves: whatever the stream says from here on may be newer than the answer.
        let version = self.shared.hear();
        let fields = *lock(&self.fields);
        let body = self.api.get(&request::list(fields, projects)).await?;
        let shared = Arc::clone(&self.shared);
        let items = parsed(body, move |body| {
            let list: wire::List<wire::Application<'_>> = serde_json::from_slice(body)?;
            Ok(translate::summaries(&list.items, &shared.instance, &shared.interner))
        });
        let mut items: Vec<(AppKey, Application)> = items.await?;
        for (position, scope) in scopes.iter().enumerate() {
            let of_scope = match scope {
                Scope::Project(project) if position + 1 < scopes.len() => {
                    items.extract_if(.., |(_, application)| application.project == *project).collect()
                }
                _ => std::mem::take(&mut items),
            };
            self.shared.sample().refill(scope, &of_scope);
            if !of_scope.is_empty() {
                self.shared.set_listed();
            }
            let items = Items::Applications(of_scope);
            self.shared.outbox.observed(Observation::Listed { scope: scope.clone(), items, version: Some(version) }).await;
            self.shared.outbox.state(scope, SourceState::Live).await;
        }
        Ok(())
    }
}

/// Reads one application whole and reports both of its facets.
pub(super) async fn detail(shared: &Arc<Shared>, api: &Api, key: &AppKey, project: &Raw) -> Result<(), Failure> {
    let version = Some(shared.hear());
    let body = api.get(&request::application(key.namespace.as_wire(), key.name.as_wire(), project.as_wire())).await?;
    let window = async {
        let answer = api.get(&request::windows(key.namespace.as_wire(), key.name.as_wire(), project.as_wire())).await;
        answer.and_then(|body| read::<wire::Windows<'_>>(&body).map(|windows| translate::window(&windows))).ok().flatten()
    };
    shared.report_detail(body, ReadFrom::Api, version, window).await
}

/// A message of the stream, understood.
enum Message {
    Changed(AppKey, Box<Application>),
    Removed(AppKey),
    Refused(FailureKind, Safe),
    Other,
}

impl Message {
    fn of(message: &wire::Message<'_>, shared: &Shared) -> Self {
        if let Some(error) = &message.error {
            let kind = kind_of(error.grpc_code, error.http_code.unwrap_or_default(), None);
            return Self::Refused(kind, Safe::clean(error.message.as_str()));
        }
        let Some(change) = &message.result else { return Self::Other };
        if change.application.metadata.name.as_str().is_empty() {
            return Self::Other;
        }
        let mut interner = lock(&shared.interner);
        match change.r#type.as_str() {
            "ADDED" | "MODIFIED" => {
                let (key, application) = translate::summary(&change.application, &shared.instance, &mut interner);
                Self::Changed(key, Box::new(application))
            }
            "DELETED" => Self::Removed(translate::key(&change.application.metadata, &shared.instance, &mut interner)),
            _ => Self::Other,
        }
    }
}
