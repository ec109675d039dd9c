//! Operations in the core: the preview of one before it is confirmed, those under way, what holds for all of them. It decides nothing about plans and sends
//! nothing: plans, the door and the protocol are `operations`, and what is approved leaves as an effect.

mod asking;
pub mod beside;
mod pace;
pub mod preview;
pub mod pulls;
pub mod underway;
pub mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::app::{Refusal, Stir, What, own};
use crate::base::time::{later, since};
use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::domain::{EnvironmentName, ServiceName};
use crate::operations::debt::{self, Debt};
use crate::operations::door::Standing;
use crate::operations::expected::Past;
use crate::operations::oncall::{self, Answer, Report};
use crate::operations::others::{self, Other};
pub use pace::{Timing, timing};
pub use preview::Preview;
pub use underway::{Ended, Progress, Underway};
pub use ways::WaysState;

/// So often open ends are counted.
const SELDOM: Duration = Duration::from_secs(2);

/// So often it is found out whether this person could go back.
const REHEARSED: Duration = Duration::from_hours(1);

/// For so long an environment is armed.
pub const ARMED: Duration = Duration::from_mins(30);

/// What the core knows of operations.
#[derive(Debug, Clone, Default)]
pub struct Operations {
    /// What holds for everything that is asked for now.
    pub standing: Standing,
    /// Those that were begun or taken up here.
    pub underway: BTreeMap<OperationId, Underway>,
    /// How long earlier ones took.
    pub past: Past,
    /// Those of others that are under way, by their commits.
    pub others: Vec<Other>,
    /// Where what runs and what git wants were left apart.
    pub debts: Vec<Debt>,
    debts_at: Timestamp,
    /// Whether this person could go back.
    pub way_back: WayBack,
    /// How the handing over of the journal stands; `None`: it is handed to nobody.
    pub posting: Option<Posting>,
    /// Pull requests that each GitHub was told to look at.
    pulls: pulls::Followed,
    /// What was left open was taken up.
    pub(super) is_recalled: bool,
    /// How long earlier ones took is being read, or was.
    is_learned: bool,
    /// Revisions that are being traced for an operation.
    pub(super) tracing: BTreeSet<(OperationId, Raw)>,
}

/// How the handing over of the journal to a webhook stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// How many lines wait; `None`: not known.
    pub waiting: Option<usize>,
    /// Why the next one was not taken. It is tried again.
    pub trouble: Option<Safe>,
}

/// Whether this person could go back, as far as it was found out.
#[derive(Debug, Clone, Default)]
pub struct WayBack {
    /// What was found last.
    pub report: Option<Report>,
    /// When it is asked next; `None`: it is being asked, or never was.
    next: Option<Timestamp>,
    is_asked: bool,
}

impl WayBack {
    /// The answer; `None`: nobody asks here.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        self.report.as_ref().map(Report::answer).or(self.is_asked.then_some(Answer::Unknown))
    }
}

impl Operations {
    /// Those that are not over.
    pub fn open(&self) -> impl Iterator<Item = (&OperationId, &Underway)> {
        self.underway.iter().filter(|(_, underway)| underway.ended.is_none())
    }

    /// What is open is part of what holds.
    pub(super) fn settle(&mut self) {
        self.standing.open = self
            .open()
            .filter(|(_, underway)| !underway.is_followed_only)
            .map(|(id, underway)| (id.clone(), (underway.service.clone(), underway.to.clone())))
            .collect();
    }
}

/// The service and the environment that are looked at.
pub(super) fn looked_at(model: &Model) -> Result<(ServiceName, EnvironmentName), Refusal> {
    let keys = own::looked_at(model)?;
    keys.first().map(|key| (key.service.clone(), key.environment.clone())).ok_or(Refusal::NothingSelected)
}

/// The environment that would be armed.
fn to_be_armed(model: &Model) -> Result<EnvironmentName, Refusal> {
    match &model.screen {
        Screen::Preview(preview) => Ok(preview.request.to().clone()),
        _ => looked_at(model).map(|(_, environment)| environment),
    }
}

/// Lets the environment that is looked at be changed for a while, which is on record before it holds.
pub(super) fn arm(model: &mut Model) -> Vec<Effect> {
    let Ok(environment) = to_be_armed(model) else { return Vec::new() };
    model.notice = Some(crate::safe!("Arming {} …", environment.shown()));
    vec![Effect::Arm { environment, until: later(model.now, ARMED) }]
}

/// Whether an environment is looked at that could be armed.
pub(super) fn armable(model: &Model) -> Result<(), Refusal> {
    let environment = to_be_armed(model)?;
    // What was said outright never yields: armed would look like more than it is.
    if model.operations.standing.read_only {
        return Err(Refusal::ReadOnly);
    }
    let is_guarded = model.fleet.landscape().environment(&environment).is_none_or(|environment| environment.guard.read_only);
    if is_guarded { Ok(()) } else { Err(Refusal::NotReadOnly) }
}

/// What is armed can no longer be changed, from this moment on and whatever becomes of the record.
pub(super) fn disarm(model: &mut Model) -> Vec<Effect> {
    let armed = std::mem::take(&mut model.operations.standing.armed);
    let environments: Vec<EnvironmentName> = armed.into_iter().filter(|(_, until)| *until > model.now).map(|(environment, _)| environment).collect();
    let named: Vec<String> = environments.iter().map(|environment| environment.shown().to_string()).collect();
    model.notice = Some(crate::safe!("Read-only again: {}; the journal says so.", Safe::clean(&named.join(", "))));
    preview::judge(model);
    environments.into_iter().map(|environment| Effect::Disarm { environment }).collect()
}

/// Whether anything is armed.
pub(super) fn disarmable(model: &Model) -> Result<(), Refusal> {
    let is_armed = model.operations.standing.armed.values().any(|until| *until > model.now);
    if is_armed { Ok(()) } else { Err(Refusal::NothingArmed) }
}

/// It is on record: the environment is armed.
fn armed(model: &mut Model, environment: EnvironmentName, until: Timestamp) {
    model.notice = Some(crate::safe!("{} is armed until {}; the journal says so.", environment.shown(), until.strftime("%H:%M:%SZ")));
    model.operations.standing.armed.insert(environment, until);
    preview::judge(model);
}

/// Takes in what concerns operations.
pub(super) fn take(model: &mut Model, what: What) -> Vec<Effect> {
    match what {
        What::Confirmed { quiet } => {
            model.notice = None;
            return preview::confirm(model, quiet);
        }
        What::Prepared { request, id, outcome } => {
            let outcome = ways::read(model, request, *outcome);
            return outcome.map(|outcome| preview::prepared(model, request, id, outcome)).unwrap_or_default();
        }
        What::Rendered { request, answers } => return preview::rendering::told(model, request, answers),
        What::Permitted { request, permissions } => preview::permitted(model, request, permissions),
        What::Progressed { id, progress } => return underway::progressed(model, &id, *progress),
        What::Traced { id, traced } => return underway::traced(model, &id, traced),
        What::Recalled { id, story } => underway::recalled(model, id, *story),
        What::Learned(samples) => model.operations.past = Past::of(samples),
        What::Armed { environment, until } => armed(model, environment, until),
        What::Rehearsed(report) => rehearsed(model, *report),
        What::Posted(posting) => model.operations.posting = Some(posting),
        _ => {}
    }
    Vec::new()
}

/// Once everything was heard that can be heard for now, what was left open is taken up: looking for it needs to know what there is.
pub(super) fn recall(model: &mut Model) -> Vec<Effect> {
    if model.operations.is_recalled || !model.settings.takes_up || !model.fleet.is_settled(model.now) {
        return Vec::new();
    }
    model.operations.is_recalled = true;
    std::iter::once(Effect::Recall).chain(learn(model)).collect()
}

/// How long earlier ones took is read once, and kept up to date with what is carried out here.
fn learn(model: &mut Model) -> Option<Effect> {
    (!std::mem::replace(&mut model.operations.is_learned, true)).then_some(Effect::Learn)
}

/// Finds out whether this person could go back: once everything was heard that can be heard for now, seldom after that, and after each own push, which tells
/// most. Where nothing may be changed at all, nobody asks.
pub(super) fn rehearse(model: &mut Model) -> Vec<Effect> {
    let way_back = &model.operations.way_back;
    let is_due = !way_back.is_asked || way_back.next.is_some_and(|next| next <= model.now);
    let is_idle = model.operations.standing.read_only || model.fleet.landscape().read_only || !model.settings.takes_up;
    if !is_due || is_idle || !model.is_settled() {
        return Vec::new();
    }
    model.operations.way_back.is_asked = true;
    model.operations.way_back.next = None;
    vec![Effect::Rehearse(Box::new(oncall::question(&model.fleet)))]
}

fn rehearsed(model: &mut Model, report: Report) {
    model.operations.way_back.next = Some(later(model.now, REHEARSED));
    model.operations.way_back.report = Some(report);
}

/// A push was taken: what it tells is asked for at once.
pub(super) fn rehearse_again(model: &mut Model) {
    if let Some(next) = &mut model.operations.way_back.next {
        *next = model.now;
    }
}

/// Counts the open ends anew, at most so often as a person would notice.
pub(super) fn count(model: &mut Model) {
    if since(model.operations.debts_at, model.now) < SELDOM {
        return;
    }
    model.operations.debts_at = model.now;
    let (mut debts, mut others) = (debt::of(&model.fleet, model.now), others::of(&model.fleet, model.now));
    // What was begun here is told better than its commit tells it.
    others.retain(|other| model.operations.underway.get(&other.id).is_none_or(|underway| underway.is_followed_only));
    let is_open_here = |id: &OperationId| model.operations.underway.get(id).is_some_and(|own| own.ended.is_none() && !own.is_followed_only);
    debts.retain(|debt| !debt.operation.as_ref().is_some_and(is_open_here));
    if debts != model.operations.debts || others != model.operations.others {
        model.operations.debts = debts;
        model.operations.others = others;
        model.stir(Stir::Soon);
    }
}

/// The operations screen: the newest that is not over, else the newest.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let operations = &model.operations;
    let newest = operations.open().map(|(id, _)| id).last().or_else(|| operations.others.last().map(|other| &other.id));
    if let Some(id) = newest.or_else(|| operations.underway.keys().next_back()).cloned() {
        return beside::show(model, id);
    }
    let told = "Nobody has anything under way: <promote> on a cell shows what a promotion would change, <journal> what was done before.";
    model.notice = Some(Safe::clean(told));
    Vec::new()
}
