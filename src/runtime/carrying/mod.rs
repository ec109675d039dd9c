//! Effects that lead to changes, and what they need: reading for a plan, asking what the tokens may do, carrying out what was approved, the record of it.
//! Everything happens in tasks; what comes of it goes to the core as messages.

mod hands;
mod oncall;
mod reading;
mod rollouts;
mod who;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;

use crate::app::operation::Progress;
use crate::app::{Effect, Model, What};
use crate::base::{OperationId, Raw, Safe};
use crate::config::Config;
use crate::execution::carry::{self, News};
use crate::execution::git::Repository;
use crate::execution::journal::{Journal, Writer};
use crate::gitops;
use crate::manifest::prepared::Asked;
use crate::operations::mutation::Mutation;
use crate::operations::oncall::{Question, Report, question};
use crate::operations::protocol::{Ended, Protocol};
use crate::operations::record::story::Story;
use crate::operations::record::{Entry, Fact, Opened};
use crate::operations::{Approved, Read, Rollouts, Scalers};
use crate::runtime::carrying::hands::{Tools, World};
use crate::runtime::carrying::oncall::Examination;
use crate::runtime::connections::Reached;
use crate::runtime::posting::Poster;
use crate::runtime::{clock, faults, planning, reached};

pub use who::visitor;

/// How long the end waits for the record.
const LAST: Duration = Duration::from_millis(800);

/// Rollouts and what scales as they are now, or why they were not read: for a plan that nobody carries out.
pub async fn live(config: &Config, asked: &Asked) -> (Rollouts, Scalers) {
    let world = World::new(reached(config));
    tokio::join!(world.rollouts(&asked.rollouts), world.scalers(&asked.scaled))
}

/// Whether this person could go back now, as a model of the world tells whom to ask. It changes nothing.
pub async fn oncall(config: &Config, model: &Model) -> Report {
    let (carrier, _news) = Carrier::new(config, reached(config));
    carrier.examination(model, question(&model.fleet)).done().await
}

/// What carries changes out.
#[derive(Debug)]
pub struct Carrier {
    reached: Arc<Reached>,
    journal: Option<Journal>,
    world: Arc<World>,
    news: UnboundedSender<What>,
    /// The pens of operations that are not closed.
    pens: BTreeMap<OperationId, UnboundedSender<Entry>>,
    tasks: Vec<JoinHandle<()>>,
    /// Hands the journal to a webhook, where there is one.
    poster: Option<Poster>,
}

impl Carrier {
    /// Nothing is carried out yet. What comes of it comes out of the receiver.
    #[must_use]
    pub fn new(config: &Config, reached: Arc<Reached>) -> (Self, UnboundedReceiver<What>) {
        let (news, receiver) = mpsc::unbounded_channel();
        let journal = planning::journal(config).map(|folder| Journal::at(&folder));
        let world = Arc::new(World::new(Arc::clone(&reached)));
        let poster = Poster::of(config, journal.as_ref());
        (Self { reached, journal, world, news, pens: BTreeMap::new(), tasks: Vec::new(), poster }, receiver)
    }

    /// Does what an effect asks for; gives back those that are not its matter.
    pub fn perform(&mut self, model: &Model, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Prepare { request, asked } => {
                let (repositories, keys) = (planning::repositories(&self.reached, model, &asked), self.reached.discovered.keys.clone());
                let (world, news, at) = (Arc::clone(&self.world), self.news.clone(), clock::now());
                let forges = planning::forges(&self.reached, model);
                tokio::spawn(async move {
                    let (rollouts, scalers) = tokio::join!(world.rollouts(&asked.rollouts), world.scalers(&asked.scaled));
                    let files = tokio::task::spawn_blocking(move || {
                        let files = gitops::prepare(&asked, &repositories, &keys, at);
                        files.map_err(|error| crate::safe!("a mirror cannot be read: {}", Safe::clean(error.message())))
                    });
                    let files = files.await.unwrap_or_else(|error| Err(Safe::clean(&error.to_string())));
                    let outcome = Box::new(files.map(|files| Read { files, rollouts, scalers, forges, ..Read::default() }));
                    drop(news.send(What::Prepared { request, id: id(), outcome }));
                });
            }
            Effect::Render { request, wishes } => {
                let (news, rendered) = (self.news.clone(), planning::rendered(&self.reached, model, wishes));
                tokio::spawn(async move { drop(news.send(What::Rendered { request, answers: rendered.await })) });
            }
            Effect::Permit { request, mutations } => {
                let (world, news) = (Arc::clone(&self.world), self.news.clone());
                tokio::spawn(async move {
                    let permissions = world.permissions(&mutations).await;
                    drop(news.send(What::Permitted { request, permissions }));
                });
            }
            Effect::Carry(approved) => self.carry(model, *approved),
            Effect::Trace { id, repository, commit, is_proposed, revisions } => {
                let repository = self.repository(model, &repository)?;
                let news = self.news.clone();
                tokio::task::spawn_blocking(move || {
                    let traced = repository.traced(&commit, is_proposed.then_some(&id), &revisions);
                    drop(news.send(What::Traced { id, traced }));
                });
            }
            Effect::Record { id, entry } => {
                let is_last = matches!(*entry, Entry::Closed { .. });
                if let Some(pen) = self.pens.get(&id) {
                    drop(pen.send(*entry));
                }
                if is_last {
                    self.pens.remove(&id);
                }
                self.poster.iter().for_each(Poster::poke);
            }
            Effect::Recall => {
                if let Some(poster) = &self.poster {
                    poster.begin(self.news.clone());
                }
                self.recall(model);
            }
            Effect::Learn => self.learn(),
            Effect::Arm { environment, until } => self.arm(environment, until),
            Effect::Disarm { environment } => self.disarm(&environment),
            Effect::Rehearse(question) => {
                let (examination, news) = (self.examination(model, *question), self.news.clone());
                tokio::spawn(async move { drop(news.send(What::Rehearsed(Box::new(examination.done().await)))) });
            }
            Effect::ReadJournal(which) => reading::begin(self.journal.clone().ok_or_else(no_journal), which, self.news.clone()),
            effect => return Some(effect),
        }
        None
    }

    fn repository(&self, model: &Model, name: &Raw) -> Option<Repository> {
        planning::repository(&self.reached, model, name)
    }

    fn arm(&self, environment: crate::domain::EnvironmentName, until: crate::base::Timestamp) {
        let (journal, news) = (self.journal.clone(), self.news.clone());
        tokio::task::spawn_blocking(move || {
            let (who, whence) = who::who();
            let entry = Entry::Armed { who, whence, environment: environment.shown(), until };
            let kept = journal
                .ok_or_else(no_journal)
                .and_then(|journal| journal.record(&entry, clock::now()).map_err(|problem| Safe::clean(&problem.to_string())));
            drop(news.send(match kept {
                Ok(()) => What::Armed { environment, until },
                Err(why) => What::Failed(crate::safe!("It is not armed, because that cannot be recorded: {why}")),
            }));
        });
    }

    fn learn(&self) {
        let Some(journal) = self.journal.clone() else { return };
        let news = self.news.clone();
        tokio::task::spawn_blocking(move || drop(news.send(What::Learned(journal.samples()))));
    }

    fn examination(&self, model: &Model, question: Question) -> Examination {
        let repositories = question.repositories.keys().map(|name| (name.clone(), self.repository(model, name))).collect();
        let journal = self.journal.clone().ok_or_else(no_journal);
        let forges = planning::forges(&self.reached, model);
        Examination { question, repositories, forges, world: Arc::clone(&self.world), journal, is_read_only: model.operations.standing.read_only }
    }

    fn disarm(&mut self, environment: &crate::domain::EnvironmentName) {
        let (journal, news, environment) = (self.journal.clone(), self.news.clone(), environment.shown());
        self.tasks.push(tokio::task::spawn_blocking(move || {
            let entry = Entry::Disarmed { who: who::who().0, environment, why: Safe::clean("it was asked for") };
            let kept = journal
                .ok_or_else(no_journal)
                .and_then(|journal| journal.record(&entry, clock::now()).map_err(|problem| Safe::clean(&problem.to_string())));
            if let Err(why) = kept {
                drop(news.send(What::Failed(crate::safe!("It is read-only again, but that is not on record: {why}"))));
            }
        }));
    }

    fn carry(&mut self, model: &Model, approved: Approved) {
        let (pen, entries) = mpsc::unbounded_channel();
        self.pens.insert(approved.id().clone(), pen);
        let repository = approved.plan().commit().and_then(|commit| self.repository(model, &commit.repository));
        let mut tools = self.world.tools();
        tools.reason = approved.stated().reason.as_ref().map(|reason| Raw::from(reason.as_str()));
        tools.by = Raw::from(approved.visitor().names.first().map(Safe::as_str).unwrap_or_default());
        if let (Some(commit), Some(repository)) = (approved.plan().commit(), repository) {
            tools.repositories.insert(commit.repository.clone(), repository);
        }
        let (journal, news, poster) = (self.journal.clone(), self.news.clone(), self.poster.clone());
        let on_screen = on_screen(&approved);
        self.tasks.retain(|task| !task.is_finished());
        let task = tokio::spawn(async move {
            let id = approved.id().clone();
            let tell = |progress: Progress| drop(news.send(What::Progressed { id: id.clone(), progress: Box::new(progress) }));
            let at = clock::now();
            let begun = {
                let (journal, id, approved, poster) = (journal.clone(), id.clone(), approved.clone(), poster.clone());
                tokio::task::spawn_blocking(move || {
                    poster.iter().for_each(Poster::mark);
                    let opened = Opened::of(&approved, who::who(), on_screen);
                    let journal = journal.ok_or_else(no_journal)?;
                    journal.create(&id, opened, at).map_err(|problem| Safe::clean(&problem.to_string()))
                })
            };
            let writer = match begun.await.unwrap_or_else(|error| Err(Safe::clean(&error.to_string()))) {
                Ok(writer) => writer,
                Err(why) => {
                    tell(Progress::NotBegun(crate::safe!("it cannot be recorded: {why}")));
                    return;
                }
            };
            let told = AtomicU32::new(0);
            let heard = |news: News| {
                // Before each line of the record.
                faults::die_where_wished(&format!("before-record-{}", told.fetch_add(1, Ordering::Relaxed) + 1));
                tell(progress(news));
            };
            let writer = carry::carry(&approved, &tools, writer, heard).await;
            record(writer, entries).await;
        });
        self.tasks.push(task);
    }
}

impl Carrier {
    /// Takes up what was left open: each record that nobody holds. What was perhaps sent is looked for, and nothing is sent.
    fn recall(&mut self, model: &Model) {
        let Some(journal) = self.journal.clone() else { return };
        let open = match journal.open() {
            Ok(open) => open,
            Err(problem) => {
                drop(self.news.send(What::Failed(crate::safe!("What was left open cannot be read: {problem}"))));
                return;
            }
        };
        for (id, read) in open {
            let Ok(Some(story)) = read.map(|recorded| recorded.story) else { continue };
            // An outcome that nobody knows stays so until somebody asks.
            if story.closed.is_some() {
                continue;
            }
            let (pen, entries) = mpsc::unbounded_channel();
            self.pens.insert(id.clone(), pen);
            let mut tools = self.world.tools();
            for name in story.requests().iter().flatten().filter_map(repository_of) {
                if let Some(repository) = self.repository(model, &name) {
                    tools.repositories.insert(name, repository);
                }
            }
            let (journal, news) = (journal.clone(), self.news.clone());
            self.tasks.push(tokio::spawn(taken_up(id, story, journal, tools, news, entries)));
        }
    }

    /// What is said of open operations gets onto the disk before the end, as far as that takes no longer than a moment: what is being sent is not waited
    /// for, its intent is on record.
    pub async fn close(&mut self) {
        self.pens.clear();
        let tasks = std::mem::take(&mut self.tasks);
        let all = async {
            futures_util::future::join_all(tasks).await;
            // What does not get out now, the next start finds on the disk.
            if let Some(poster) = &self.poster {
                drop(poster.pass().await);
            }
        };
        let _ = tokio::time::timeout(LAST, all).await;
    }
}

fn repository_of(mutation: &Mutation) -> Option<Raw> {
    if let Mutation::Commit(commit) = mutation { Some(commit.repository.clone()) } else { None }
}

async fn taken_up(id: OperationId, story: Story, journal: Journal, tools: Tools, news: UnboundedSender<What>, entries: UnboundedReceiver<Entry>) {
    let resumed = {
        let id = id.clone();
        tokio::task::spawn_blocking(move || {
            let (who, whence) = who::who();
            journal.resume(&id, who, whence, clock::now())
        })
    };
    // Whoever holds it carries it: it is theirs.
    let Ok(Ok(writer)) = resumed.await else { return };
    drop(news.send(What::Recalled { id: id.clone(), story: Box::new(story.clone()) }));
    let tell = |progress: Progress| drop(news.send(What::Progressed { id: id.clone(), progress: Box::new(progress) }));
    let (settled, is_intended) = story.settled();
    let writer = if let Some(requests) = story.requests() {
        let protocol = Protocol::resumed(requests, settled, is_intended);
        carry::settle(&id, protocol, &tools, writer, |news| tell(progress(news))).await
    } else {
        let why = Safe::clean("its requests cannot be looked for: look at the Rollout");
        tell(Progress::Ended(Ended::Unknown(settled.len(), why), settled));
        writer
    };
    record(writer, entries).await;
}

/// What was on screen when it was confirmed: what runs where, and what git wants.
fn on_screen(approved: &Approved) -> Vec<Fact> {
    let plan = approved.plan();
    let source = |kind: crate::domain::SourceKind| plan.rests_on.iter().find(|fresh| fresh.source.kind == kind);
    let mut facts = Vec::new();
    let argocd = source(crate::domain::SourceKind::Argocd);
    for moves in &plan.moves {
        facts.push(Fact {
            words: crate::safe!("{} runs {}, git wants {}", moves.place.shown(), moves.runs, moves.wants),
            source: argocd.map(|fresh| crate::safe!("{} {}", fresh.source.kind, fresh.source.name.shown())).unwrap_or_default(),
            seen_at: argocd.and_then(|fresh| fresh.seen),
        });
    }
    for fresh in &plan.rests_on {
        facts.push(Fact {
            words: Safe::clean("it rests on this source"),
            source: crate::safe!("{} {}", fresh.source.kind, fresh.source.name.shown()),
            seen_at: fresh.seen,
        });
    }
    facts
}

/// Puts on record what is seen, until it is over or nobody tells any more.
async fn record(mut writer: Writer, mut entries: UnboundedReceiver<Entry>) {
    while let Some(entry) = entries.recv().await {
        let is_last = matches!(entry, Entry::Closed { .. });
        let kept = tokio::task::spawn_blocking(move || {
            let kept = writer.append(&entry, clock::now());
            (writer, kept)
        });
        let Ok((pen, kept)) = kept.await else { return };
        writer = pen;
        if let Err(problem) = kept {
            tracing::error!(%problem, "what was seen is not on record");
        }
        if is_last {
            return;
        }
    }
}

fn progress(news: News) -> Progress {
    match news {
        News::Doing(words) => Progress::Doing(words),
        News::Settled(words, settled) => Progress::Settled(words, settled),
        News::Ended(ended, receipts) => Progress::Ended(ended, receipts),
    }
}

fn no_journal() -> Safe {
    Safe::clean("there is no place for the journal: set HOME or XDG_STATE_HOME")
}

/// A new id.
fn id() -> OperationId {
    let now = clock::now();
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let moment = uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.subsec_nanosecond().unsigned_abs());
    let text = uuid::Uuid::new_v7(moment).to_string();
    // What uuid prints is canonical.
    OperationId::read(&text).unwrap_or_else(|| unreachable!("{text} is no id"))
}
