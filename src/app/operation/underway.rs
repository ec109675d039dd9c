//! Operations under way: what was sent, how far it has come, how it ended. What is sent is decided elsewhere; here it is only told and followed.

use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::model::{Model, Question, Screen};
use crate::app::operation;
use crate::app::operation::{asking, pace, preview, pulls};
use crate::app::scroll::Scroll;
use crate::base::time::{later, since};
use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::domain::question::Want;
use crate::domain::{EnvironmentName, Known, ServiceName, SourceId};
use crate::operations::door::Visitor;
use crate::operations::expected::Kind;
use crate::operations::following::{Followed, Ladder, Route, Rung, State};
use crate::operations::mutation::Receipt;
use crate::operations::others::Other;
use crate::operations::protocol::{self, Settled};
use crate::operations::record::story::Story;
use crate::operations::record::{self, Entry};
use crate::operations::waves::Onward;
use crate::operations::{Approved, Plan};

/// A failure that a moment ago was none is looked at for so long before it counts: Argo CD says so between two phases of a sync.
const PATIENCE: Duration = Duration::from_secs(20);

/// An operation that was begun here, or taken up.
#[derive(Debug, Clone, PartialEq)]
pub struct Underway {
    /// What it is, in one line.
    pub title: Safe,
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub to: EnvironmentName,
    /// The version that is to run.
    pub version: Safe,
    /// What kind of change it is, to compare it with earlier ones.
    pub kind: Kind,
    /// What was approved here; `None`: it was begun elsewhere, and its record was taken up.
    pub plan: Option<Plan>,
    /// Why.
    pub reason: Option<Safe>,
    /// Who.
    pub by: Visitor,
    /// When.
    pub began: Timestamp,
    /// What happens now while it is sent.
    pub doing: Option<Safe>,
    /// What became of each request, in the order in which they were settled.
    pub settled: Vec<(Timestamp, Safe, Settled)>,
    /// What is followed once everything was sent.
    pub followed: Option<Followed>,
    /// How far it has come.
    pub ladder: Option<Ladder>,
    /// How it ended, and when.
    pub ended: Option<(Timestamp, Ended)>,
    /// Somebody else carries it, or did: it is followed from its commit, and nothing is put on record for it.
    pub is_followed_only: bool,
    /// Since when it looks failed.
    failing: Option<Timestamp>,
    /// When something was last asked for it.
    pub(super) asked: Option<Timestamp>,
    /// What is followed once what was open is settled.
    story: Option<Box<Story>>,
    /// The placements that come after it in waves, in words; empty: none.
    pub then: Safe,
    /// The waves that were confirmed with it; `None`: none, or they have begun, or nothing goes on.
    pub(super) onward: Option<Onward>,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The effect was seen.
    Done(Safe),
    /// It did not come about: why, and what to do next.
    Failed(Safe, Safe),
    /// Nobody knows whether it was done.
    Unknown(Safe),
}

impl Underway {
    /// An operation of somebody else, to be followed from its commit.
    #[must_use]
    pub fn of_another(other: &Other, now: Timestamp) -> Self {
        Self {
            title: other.title(),
            service: other.service.clone(),
            to: other.to.clone(),
            version: other.version.clone(),
            kind: Kind::of_commit(&other.commit),
            plan: None,
            reason: None,
            by: Visitor { names: vec![other.commit.author.clone()], place: Safe::default() },
            began: other.commit.at,
            doing: None,
            settled: Vec::new(),
            followed: Some(other.followed(now)),
            ladder: None,
            ended: None,
            is_followed_only: true,
            failing: None,
            asked: None,
            story: None,
            then: Safe::default(),
            onward: None,
        }
    }
}

/// News of an operation that is being sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// This is being done.
    Doing(Safe),
    /// This is what became of a request.
    Settled(Safe, Settled),
    /// Sending is over.
    Ended(protocol::Ended, Vec<Receipt>),
    /// It could not even begin.
    NotBegun(Safe),
}

/// What was approved goes out.
/// What comes after what is approved here is `rest`, where it is a wave itself.
pub(super) fn begin(model: &mut Model, approved: Approved, rest: Option<Onward>) -> Vec<Effect> {
    let onward = Onward::of(&approved).or(rest);
    let underway = Underway {
        title: approved.plan().title(),
        service: approved.plan().service.clone(),
        to: approved.plan().to.clone(),
        version: approved.plan().version.clone(),
        kind: Kind::of(&approved.plan().request),
        plan: Some(approved.plan().clone()),
        reason: approved.stated().reason.clone(),
        by: approved.visitor().clone(),
        began: model.now,
        doing: Some(Safe::clean("the journal is opened")),
        settled: Vec::new(),
        followed: None,
        ladder: None,
        ended: None,
        is_followed_only: false,
        failing: None,
        asked: None,
        story: None,
        then: onward.as_ref().map(Onward::told).unwrap_or_default(),
        onward,
    };
    let id = approved.id().clone();
    model.operations.underway.insert(id.clone(), underway);
    model.operations.settle();
    show(model, id);
    vec![Effect::Carry(Box::new(approved))]
}

/// An operation that somebody began and left, or whose cockpit ended, is taken up: what was open is being looked at, and then it is followed.
pub(in crate::app) fn recalled(model: &mut Model, id: OperationId, story: Story) {
    let title = story.opened.request.words.clone();
    let part = |name: &str| story.opened.request.parts.iter().find(|part| part.name.as_str() == name).map(|part| part.value.clone());
    let underway = Underway {
        title: title.clone(),
        service: ServiceName::from(story.opened.service.as_ref().map(Safe::as_str).unwrap_or_default()),
        to: EnvironmentName::from(story.opened.environments.first().map(Safe::as_str).unwrap_or_default()),
        version: part("version").unwrap_or_default(),
        kind: Kind::on_record(&story),
        plan: None,
        reason: story.opened.reason.clone(),
        by: Visitor { names: vec![story.opened.who.user.clone()], place: story.opened.whence.host.clone() },
        began: story.at,
        doing: Some(Safe::clean("looking what became of it")),
        settled: Vec::new(),
        followed: None,
        ladder: None,
        ended: None,
        is_followed_only: false,
        failing: None,
        asked: None,
        then: part("then").unwrap_or_default(),
        onward: None,
        story: Some(Box::new(story)),
    };
    model.operations.underway.insert(id, underway);
    model.operations.settle();
    model.notice = Some(crate::safe!("Taken up where it was left: {title}. <operations> shows it."));
}

/// Shows an operation.
pub(super) fn show(model: &mut Model, id: OperationId) {
    if let Screen::Preview(_) = model.screen {
        model.screen = model.beneath.take().map_or(Screen::Matrix, |screen| super::ways::beneath(*screen));
    }
    let before = std::mem::replace(&mut model.screen, Screen::Operation(id, Scroll::default()));
    if !matches!(before, Screen::Matrix | Screen::Operation(..)) {
        model.beneath = Some(Box::new(before));
    }
}

/// News came of an operation.
pub(in crate::app) fn progressed(model: &mut Model, id: &OperationId, progress: Progress) -> Vec<Effect> {
    let now = model.now;
    let Some(underway) = model.operations.underway.get_mut(id) else { return Vec::new() };
    match progress {
        Progress::Doing(words) => underway.doing = Some(words),
        Progress::Settled(words, settled) => {
            // What git wants is another thing from now on, and the next plan is to know it at once.
            let repository = underway.plan.as_ref().and_then(Plan::repository).map(|repository| SourceId::repository(repository.clone()));
            let is_pushed = matches!(settled, Settled::Done(Receipt::Committed { .. }));
            underway.settled.push((now, words, settled));
            if let Some(source) = repository.filter(|_| is_pushed) {
                operation::rehearse_again(model);
                return model.ask(source.clone(), Question::Relist(source), Want::Relist).into_iter().collect();
            }
        }
        Progress::NotBegun(why) => {
            underway.doing = None;
            underway.ended = Some((now, Ended::Failed(why, Safe::clean("Nothing was sent."))));
        }
        Progress::Ended(ended, receipts) => {
            underway.doing = None;
            match ended {
                protocol::Ended::Sent => {
                    underway.followed = match (&underway.plan, &underway.story) {
                        (Some(plan), _) if plan.is_watched() => Some(Followed::of(id.clone(), plan, &receipts, (underway.began, now))),
                        (None, Some(story)) => story.followed(id.clone(), &receipts, now),
                        _ => None,
                    };
                    if underway.followed.is_none() {
                        underway.ended = Some((now, Ended::Done(Safe::clean("done and seen"))));
                    }
                }
                protocol::Ended::Failed(at, rejection) => {
                    let before = if at == 0 { "Nothing was changed." } else { "What stands above it was done." };
                    let why = crate::safe!("{}. {before}", rejection.why);
                    underway.ended = Some((now, Ended::Failed(why, rejection.cure)));
                }
                protocol::Ended::Unknown(_, why) => underway.ended = Some((now, Ended::Unknown(why))),
            }
        }
    }
    let effects = close(model, id);
    let mut all = follow(model);
    all.extend(effects);
    all
}

/// Nothing goes on after what did not end well.
fn halt(model: &mut Model, id: &OperationId) {
    let Some(underway) = model.operations.underway.get_mut(id) else { return };
    let Some(then) = underway.onward.as_ref().map(Onward::told) else { return };
    let left = crate::safe!("Not begun: {then}; nothing goes on by itself, and promoting again moves what is left");
    match &mut underway.ended {
        Some((_, Ended::Failed(why, _))) => *why = crate::safe!("{}. {left}.", why.as_str().trim_end_matches('.')),
        Some((_, Ended::Unknown(why))) => *why = crate::safe!("{}. {left}", why.as_str().trim_end_matches('.')),
        Some((_, Ended::Done(_))) | None => return,
    }
    underway.onward = None;
}

/// The wave after the one that is looked at, once that is verified: nothing is sent from a screen that nobody sees.
fn next_wave(model: &mut Model) -> Vec<Effect> {
    let Screen::Operation(id, _) = &model.screen else { return Vec::new() };
    let is_done = |underway: &&mut Underway| matches!(underway.ended, Some((_, Ended::Done(_))));
    let onward = model.operations.underway.get_mut(id).filter(is_done).and_then(|underway| underway.onward.take());
    onward.map(|onward| preview::onward(model, onward)).unwrap_or_default()
}

/// What is on record of how it ended.
fn close(model: &mut Model, id: &OperationId) -> Vec<Effect> {
    let Some((_, ended)) = model.operations.underway.get(id).and_then(|underway| underway.ended.clone()) else { return Vec::new() };
    halt(model, id);
    model.operations.settle();
    pace::learn(model, id);
    let title = model.operations.underway.get(id).map(|underway| underway.title.clone()).unwrap_or_default();
    let (outcome, words, left) = match &ended {
        Ended::Done(words) => (record::Outcome::Done, words.clone(), Vec::new()),
        Ended::Failed(why, cure) => (record::Outcome::Failed, why.clone(), vec![cure.clone()]),
        Ended::Unknown(why) => (record::Outcome::Unknown, why.clone(), vec![Safe::clean("look whether it was done")]),
    };
    let told = match &ended {
        Ended::Done(words) => crate::safe!("Done: {title}, {words}."),
        Ended::Failed(why, _) => crate::safe!("Failed: {title}: {why}"),
        Ended::Unknown(why) => crate::safe!("Unknown: {title}: {why}"),
    };
    let mut effects = vec![Effect::Record { id: id.clone(), entry: Box::new(Entry::Closed { outcome, words, left }) }];
    // Who looks at it sees it; who looks elsewhere is told.
    if !matches!(&model.screen, Screen::Operation(shown, _) if shown == id) {
        model.notice = Some(told.clone());
        effects.push(Effect::Notify(told));
    }
    effects
}

/// Looks how far what was sent has come.
pub(in crate::app) fn follow(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    let mut effects = pulls::follow(model);
    let ids: Vec<OperationId> = model.operations.open().filter(|(_, underway)| underway.followed.is_some()).map(|(id, _)| id.clone()).collect();
    for id in ids {
        effects.extend(trace(model, &id));
        effects.extend(asking::ask(model, &id));
        let Some(underway) = model.operations.underway.get_mut(&id) else { continue };
        let Some(followed) = &mut underway.followed else { continue };
        let before = followed.reached.clone();
        let ladder = followed.look(&model.fleet, now);
        for (rung, _) in followed.reached.iter().filter(|(rung, _)| !before.contains_key(rung)) {
            let words = ladder.rungs.iter().find(|step| step.rung == *rung).map(|step| step.words.clone()).unwrap_or_default();
            let words = if words.is_empty() { Safe::clean(rung.word()) } else { words };
            effects.push(Effect::Record { id: id.clone(), entry: Box::new(Entry::Observed { rung: (*rung).into(), words }) });
        }
        // What somebody merged is fetched at once: the next plan is to know it.
        let is_merged = followed.route != Route::Push && followed.reached.contains_key(&Rung::Committed) && !before.contains_key(&Rung::Committed);
        let merged = followed.commit.as_ref().filter(|_| is_merged).map(|(_, repository)| SourceId::repository(repository.clone()));
        let cure = if followed.reached.contains_key(&Rung::Committed) {
            "Look at the ways back."
        } else {
            "Nothing was changed: plan anew where it is still wanted."
        };
        let version = underway.version.clone();
        let ended = match &ladder.state {
            State::Verified if version.is_empty() => Some(Ended::Done(Safe::clean("synced and seen healthy"))),
            State::Verified => Some(Ended::Done(match (underway.then.is_empty(), underway.onward.is_some()) {
                (true, _) => crate::safe!("{version} seen healthy"),
                (false, true) => crate::safe!("{version} seen healthy; next: {}", underway.then),
                (false, false) => crate::safe!("{version} seen healthy; not begun: {}: promote again, it moves what is left", underway.then),
            })),
            State::Superseded(other) => {
                let why = crate::safe!("git wants {other} by now: this change is superseded");
                Some(Ended::Failed(why, Safe::clean("Follow the newer change.")))
            }
            State::Failed(why) => lasting(&mut underway.failing, now).then(|| Ended::Failed(why.clone(), Safe::clean(cure))),
            State::Moving | State::Held(_) | State::Waits(_) | State::Stuck(_) | State::Blind(_) => {
                underway.failing = None;
                None
            }
        };
        underway.ladder = Some(ladder);
        if let Some(ended) = ended {
            underway.ended = Some((now, ended));
            effects.extend(close(model, &id));
        }
        effects.extend(merged.and_then(|source| model.ask(source.clone(), Question::Relist(source), Want::Relist)));
    }
    effects.extend(next_wave(model));
    effects
}

/// Whether something has lasted long enough to count.
fn lasting(began: &mut Option<Timestamp>, now: Timestamp) -> bool {
    since(*began.get_or_insert(now), now) >= PATIENCE
}

/// When time alone changes an operation.
#[must_use]
pub fn next_wake(model: &Model) -> Option<Timestamp> {
    let is_failing = model.operations.open().any(|(_, underway)| underway.failing.is_some());
    let is_followed = || model.operations.open().any(|(_, underway)| underway.followed.is_some());
    let step = if is_failing || pace::ticks(model) { Some(1) } else { is_followed().then_some(5) };
    step.map(|seconds| later(model.now, Duration::from_secs(seconds)))
}

/// Asks which revisions contain the commit.
fn trace(model: &mut Model, id: &OperationId) -> Vec<Effect> {
    let Some(followed) = model.operations.underway.get(id).and_then(|underway| underway.followed.as_ref()) else { return Vec::new() };
    let Some((commit, repository)) = followed.commit.clone() else { return Vec::new() };
    let is_proposed = followed.route != Route::Push;
    let open = &model.operations.tracing;
    let revisions: Vec<Raw> =
        followed.untraced(&model.fleet).into_iter().filter(|revision| !open.contains(&(id.clone(), revision.clone()))).collect();
    if revisions.is_empty() {
        return Vec::new();
    }
    model.operations.tracing.extend(revisions.iter().map(|revision| (id.clone(), revision.clone())));
    vec![Effect::Trace { id: id.clone(), repository, commit, is_proposed, revisions }]
}

/// Revisions were traced. Those that the mirror does not have yet are asked about again with the next observation.
pub(in crate::app) fn traced(model: &mut Model, id: &OperationId, traced: Vec<(Raw, Known<bool>)>) -> Vec<Effect> {
    for (revision, contains) in traced {
        model.operations.tracing.remove(&(id.clone(), revision.clone()));
        let followed = model.operations.underway.get_mut(id).and_then(|underway| underway.followed.as_mut());
        if let (Known::Known(contains), Some(followed)) = (contains, followed) {
            followed.traced.insert(revision, contains);
        }
    }
    follow(model)
}

/// What leaving means for what is under way: what goes on by itself, and what does not.
#[must_use]
pub fn leaves(underway: &Underway) -> (Vec<Safe>, Vec<Safe>) {
    let (mut goes_on, mut does_not) = (Vec::new(), Vec::new());
    match underway.ladder.as_ref().map(|ladder| &ladder.state) {
        _ if underway.followed.as_ref().is_some_and(|followed| followed.route != Route::Push && !followed.reached.contains_key(&Rung::Committed)) => {
            goes_on.push(Safe::clean("checks and reviews on its forge, and whatever follows once somebody merges it"));
        }
        Some(State::Waits(what)) => does_not.push(what.clone()),
        Some(State::Held(what)) => goes_on.push(what.clone()),
        Some(State::Stuck(why)) => does_not.push(why.clone()),
        _ if underway.followed.is_some() => goes_on.push(Safe::clean("the sync and the timed steps of a rollout")),
        _ => does_not.push(Safe::clean("what was not sent yet")),
    }
    does_not.push(Safe::clean("watching until it is verified: the next cockpit takes it up"));
    (goes_on, does_not)
}

/// The person leaves: what is under way goes on record as left.
pub fn leave(model: &Model) -> Vec<Effect> {
    let left = |(id, underway): (&OperationId, &Underway)| {
        let (goes_on, does_not) = leaves(underway);
        Effect::Record { id: id.clone(), entry: Box::new(Entry::Left { goes_on, does_not }) }
    };
    model.operations.open().filter(|(_, underway)| !underway.is_followed_only).map(left).collect()
}
