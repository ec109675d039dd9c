//! The preview: what a request would change, why it may not, and its confirmation. It is planned anew on every observation; only other steps, bytes or
//! targets void what was typed.

mod asking;
mod by_command;
mod onward;
pub(super) mod rendering;

use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::app::operation::{self, underway};
use crate::app::scroll::Scroll;
use crate::app::{Refusal as Unfit, What, cell, own};
use crate::base::time::{later, since};
use crate::base::{OperationId, RequestId, Safe, Timestamp};
use crate::domain::EnvironmentName;
use crate::domain::workload::WorkloadKind;
use crate::manifest::prepared::Asked;
use crate::operations::canary::Verb;
use crate::operations::confirm::{Confirmed, Needs, Said};
use crate::operations::door::{self, Permission, Stated};
use crate::operations::mutation::Mutation;
use crate::operations::waves::Onward;
use crate::operations::{Bar, Confirmation, Plan, Read, Refusal, Request, asked, plan, told_by_pods};

pub(in crate::app) use asking::of_argocd;
pub use by_command::{confirm_by_yes, show_again, state};
pub(super) use onward::onward;

/// What was read for a plan is read again after so long: somebody else may have pushed.
const AGAIN: Duration = Duration::from_secs(15);
/// A burst of observations is planned with once.
const CALM: Duration = Duration::from_millis(250);

/// A request while it is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// What is wished for.
    pub request: Request,
    /// What else might have been meant, in order; the request is one of them.
    pub choices: Vec<Request>,
    /// Where in the text.
    pub scroll: Scroll,
    /// The plan, or why there is none; `None`: what it needs is being read.
    pub planned: Option<Result<Plan, Refusal>>,
    /// What could not be read, where reading failed.
    pub unread: Option<Safe>,
    /// What stands in its way.
    pub bars: Vec<Bar>,
    /// What the tokens may do; `None`: they are being asked.
    pub permissions: Option<Vec<Permission>>,
    /// Its confirmation, while nothing stands in its way.
    pub confirmation: Option<Confirmation>,
    /// What is stated beside it.
    pub stated: Stated,
    /// What typed text is for.
    pub field: Field,
    id: Option<OperationId>,
    prepared: Option<Box<Read>>,
    asked: Asked,
    question: Option<RequestId>,
    permitted: Option<(RequestId, Vec<Mutation>)>,
    rendering: rendering::State,
    planned_at: Timestamp,
    /// What was confirmed before of what is planned here: a wave after one that is verified.
    onward: Option<Onward>,
}

/// What typed text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Field {
    /// A reason is wanted.
    Reason,
    /// A ticket is wanted.
    Ticket,
    /// The name that confirms.
    #[default]
    Name,
}

impl Preview {
    /// The plan, where there is one.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.planned.as_ref()?.as_ref().ok()
    }

    /// Whether letters are text.
    #[must_use]
    pub fn takes_text(&self) -> bool {
        match self.field {
            Field::Reason | Field::Ticket => true,
            Field::Name => self.confirmation.as_ref().is_some_and(|confirmation| matches!(confirmation.needs(), Needs::Text(_))),
        }
    }

    /// When time alone changes it.
    #[must_use]
    pub fn next_wake(&self, now: Timestamp) -> Timestamp {
        let deaf = self.confirmation.as_ref().and_then(|confirmation| confirmation.deaf_until(now));
        deaf.unwrap_or_else(|| later(now, Duration::from_secs(1)))
    }
}

/// Opens the preview of the promotion of what is looked at into the environments that follow it; of the last ones, into themselves.
pub(in crate::app) fn promote(model: &mut Model) -> Vec<Effect> {
    let Ok((service, environment)) = operation::looked_at(model) else { return Vec::new() };
    let landscape = model.fleet.landscape();
    let follow = landscape.environments.iter().filter(|other| other.from.contains(&environment));
    let mut choices: Vec<Request> = follow.map(|to| promotion(&service, Some(&environment), &to.name)).collect();
    if choices.is_empty() {
        // From the last environment nothing goes on: what is meant is what could come here.
        let parents = landscape.environment(&environment).map(|environment| environment.from.clone()).unwrap_or_default();
        choices = parents.iter().map(|from| promotion(&service, Some(from), &environment)).collect();
        if choices.len() != 1 {
            choices.insert(0, promotion(&service, None, &environment));
        }
    }
    let in_waves = |request: &Request| onward::may_have_waves(model, request).then(|| onward::in_waves(request));
    let choices = choices.iter().flat_map(|request| [Some(request.clone()), in_waves(request)]).flatten().collect();
    begin(model, choices)
}

fn promotion(service: &crate::domain::ServiceName, from: Option<&EnvironmentName>, to: &EnvironmentName) -> Request {
    Request::Promote { service: service.clone(), from: from.cloned(), to: to.clone(), version: None, placements: None, hotfix: false, waves: false }
}

/// Opens the preview of something done to the Rollouts of what is looked at; those where a change is under way come first.
pub(in crate::app) fn by_hand(model: &mut Model, verb: Verb) -> Vec<Effect> {
    let Ok(mut keys) = own::looked_at(model) else { return Vec::new() };
    let is_moving = |key: &own::CellKey| key.placement(&model.fleet).is_some_and(|placement| placement.open_canary().is_some());
    keys.sort_by_key(|key| !is_moving(key));
    let request = |key: &own::CellKey, skips| Request::Canary {
        service: key.service.clone(),
        environment: key.environment.clone(),
        placement: key.placement.clone(),
        verb,
        skips,
    };
    let may_skip: &[bool] = if matches!(verb, Verb::Resume | Verb::NextStep | Verb::PromoteFully) { &[false, true] } else { &[false] };
    let choices = keys.iter().flat_map(|key| may_skip.iter().map(move |skips| (key, *skips))).map(|(key, skips)| request(key, skips)).collect();
    begin(model, choices)
}

/// Opens the preview of the first of these.
pub fn begin(model: &mut Model, choices: Vec<Request>) -> Vec<Effect> {
    let Some(request) = choices.first().cloned() else { return Vec::new() };
    let preview = Preview {
        request,
        choices,
        scroll: Scroll::default(),
        planned: None,
        unread: None,
        bars: Vec::new(),
        permissions: None,
        confirmation: None,
        stated: Stated::default(),
        field: Field::Name,
        id: None,
        prepared: None,
        asked: Asked::default(),
        question: None,
        permitted: None,
        rendering: rendering::State::default(),
        planned_at: Timestamp::MIN,
        onward: None,
    };
    let before = std::mem::replace(&mut model.screen, Screen::Preview(Box::new(preview)));
    if !matches!(before, Screen::Matrix | Screen::Preview(_)) {
        model.beneath = Some(Box::new(before));
    }
    operation::learn(model).into_iter().chain(look(model, true)).collect()
}

/// Another of the choices.
pub(in crate::app) fn choose(model: &mut Model, by: isize) -> Vec<Effect> {
    let Screen::Preview(preview) = &model.screen else { return Vec::new() };
    let count = preview.choices.len();
    let Some(place) = preview.choices.iter().position(|choice| *choice == preview.request).filter(|_| count > 1) else { return Vec::new() };
    let next = (place.cast_signed() + by).rem_euclid(count.cast_signed()).cast_unsigned();
    let choices = preview.choices.clone();
    let Some(request) = choices.get(next).cloned() else { return Vec::new() };
    let effects = begin(model, vec![request]);
    if let Screen::Preview(preview) = &mut model.screen {
        preview.choices = choices;
    }
    effects
}

/// Looks at the world again: whether something is to be read, and what the plan is now.
pub(in crate::app) fn look(model: &mut Model, at_once: bool) -> Vec<Effect> {
    let now = model.now;
    let Screen::Preview(preview) = &mut model.screen else { return Vec::new() };
    if !at_once && since(preview.planned_at, now) < CALM {
        return Vec::new();
    }
    preview.planned_at = now;
    let mut effects = Vec::new();
    match asked(&preview.request, &model.fleet, now) {
        Err(refusal) => {
            replace(preview, Some(Err(refusal)), now);
            preview.prepared = None;
        }
        Ok(asked) => {
            let is_old = preview.prepared.as_ref().is_none_or(|prepared| since(prepared.files.at, now) >= AGAIN);
            if preview.question.is_none() && (is_old || preview.asked != asked) {
                let apps: Vec<_> = asked.subjects.iter().map(|subject| subject.app.clone()).collect();
                let pods = told_by_pods(&preview.request, &model.fleet, now);
                preview.asked = asked.clone();
                let request = model.number();
                if let Screen::Preview(preview) = &mut model.screen {
                    preview.question = Some(request);
                }
                effects.push(Effect::Prepare { request, asked: Box::new(asked) });
                // What came since the last sync is told by an application's history, which is read on demand.
                effects.extend(cell::details(model, &apps));
                // Which digest a tag has where it was tried is told by pods.
                effects.extend(cell::pods(model, &pods));
            }
            replan(model);
        }
    }
    effects.extend(rendering::ask(model));
    effects.extend(permit(model));
    judge(model);
    effects.extend(onward::go_on(model));
    effects
}

fn replan(model: &mut Model) {
    let now = model.now;
    let Screen::Preview(preview) = &mut model.screen else { return };
    let Some(prepared) = &preview.prepared else { return };
    let planned = plan(&preview.request, &model.fleet, prepared, now);
    let is_shown = preview.rendering.takes(&preview.request, &planned);
    replace(preview, is_shown.then_some(planned), now);
}

/// Another plan takes the place of the one that is shown.
fn replace(preview: &mut Preview, planned: Option<Result<Plan, Refusal>>, now: Timestamp) {
    let before = preview.planned.take();
    if let (Some(Ok(old)), Some(Ok(new)), Some(confirmation)) = (&before, &planned, &mut preview.confirmation) {
        let differs = old.same_as(new);
        if differs.any() {
            confirmation.changed(new, differs, now);
        }
    }
    if !matches!(planned, Some(Ok(_))) {
        preview.confirmation = None;
    }
    preview.planned = planned;
}

/// Asks what the tokens may do, once for what would be sent.
fn permit(model: &mut Model) -> Vec<Effect> {
    let Screen::Preview(preview) = &model.screen else { return Vec::new() };
    let Some(plan) = preview.plan() else { return Vec::new() };
    let mutations: Vec<Mutation> =
        plan.in_waves().flat_map(Plan::mutations).filter(|mutation| !matches!(mutation, Mutation::Commit(_))).cloned().collect();
    if preview.permitted.as_ref().is_some_and(|(_, asked)| *asked == mutations) {
        return Vec::new();
    }
    let request = model.number();
    let Screen::Preview(preview) = &mut model.screen else { return Vec::new() };
    preview.permitted = Some((request, mutations.clone()));
    preview.permissions = None;
    vec![Effect::Permit { request, mutations }]
}

/// Whether it may be carried out now. A confirmation is asked for from the moment on at which nothing stands in its way but what is yet to be stated.
pub(in crate::app) fn judge(model: &mut Model) {
    let now = model.now;
    let standing = model.operations.standing.clone();
    let Screen::Preview(preview) = &mut model.screen else { return };
    let Some(Ok(plan)) = &preview.planned else {
        preview.bars = Vec::new();
        preview.confirmation = None;
        return;
    };
    let landscape = model.fleet.landscape();
    let permissions = preview.permissions.clone().unwrap_or_default();
    preview.bars = door::bars(plan, landscape, &standing, &preview.stated, &permissions, now);
    let wants = |what: fn(&Bar) -> bool| preview.bars.iter().any(what);
    preview.field = match preview.field {
        // What is being stated is stated to its end.
        Field::Reason | Field::Ticket if preview.confirmation.is_none() => preview.field,
        _ if wants(|bar| matches!(bar, Bar::NoReason(_))) => Field::Reason,
        _ if wants(|bar| matches!(bar, Bar::NoTicket(..))) => Field::Ticket,
        field => field,
    };
    let is_open = preview.permissions.is_some() && preview.bars.is_empty() && preview.field == Field::Name && preview.id.is_some();
    match (&preview.confirmation, is_open) {
        (None, true) if plan.unrendered().is_empty() => preview.confirmation = Some(Confirmation::of(plan, now)),
        (Some(_), false) => preview.confirmation = None,
        _ => {}
    }
    if preview.bars.iter().any(|bar| !bar.is_about_words()) {
        preview.field = Field::Name;
    }
}

/// What was read for the plan is there.
pub(in crate::app) fn prepared(model: &mut Model, request: RequestId, id: OperationId, outcome: Result<Read, Safe>) -> Vec<Effect> {
    let Screen::Preview(preview) = &mut model.screen else { return Vec::new() };
    if preview.question != Some(request) {
        return Vec::new();
    }
    preview.question = None;
    preview.id.get_or_insert(id);
    match outcome {
        Ok(mut prepared) => {
            preview.unread = None;
            prepared.rendered = preview.rendering.answered.clone();
            preview.prepared = Some(Box::new(prepared));
        }
        Err(why) => {
            preview.unread = Some(why);
            preview.prepared = None;
            replace(preview, None, model.now);
        }
    }
    look(model, true)
}

/// What the tokens may do is known.
pub(in crate::app) fn permitted(model: &mut Model, request: RequestId, permissions: Vec<Permission>) {
    let Screen::Preview(preview) = &mut model.screen else { return };
    if preview.permitted.as_ref().is_some_and(|(asked, _)| *asked == request) {
        preview.permissions = Some(permissions);
        judge(model);
    }
}

/// Something was typed, taken back or pasted.
pub(in crate::app) fn write(model: &mut Model, what: &What) {
    match what {
        What::Typed(letter) => typed(model, *letter),
        What::Erased => erased(model),
        What::Pasted(text) => pasted(model, text),
        _ => {}
    }
}

/// A letter was typed.
fn typed(model: &mut Model, letter: char) {
    let now = model.now;
    let Screen::Preview(preview) = &mut model.screen else { return };
    match preview.field {
        Field::Reason => push(&mut preview.stated.reason, letter),
        Field::Ticket => push(&mut preview.stated.ticket, letter),
        Field::Name => {
            if let Some(confirmation) = &mut preview.confirmation {
                confirmation.letter(letter, now);
            }
        }
    }
}

/// A longer text says no more.
const LONGEST: usize = 200;

fn push(text: &mut Option<Safe>, letter: char) {
    let held = text.as_ref().map(Safe::as_str).unwrap_or_default();
    if held.chars().count() < LONGEST && !letter.is_control() {
        *text = Some(Safe::clean(&format!("{held}{letter}")));
    }
}

/// The last letter is taken back.
fn erased(model: &mut Model) {
    let Screen::Preview(preview) = &mut model.screen else { return };
    let pop = |text: &mut Option<Safe>| {
        let mut held = text.as_ref().map(ToString::to_string).unwrap_or_default();
        held.pop();
        *text = Some(Safe::clean(&held));
    };
    match preview.field {
        Field::Reason => pop(&mut preview.stated.reason),
        Field::Ticket => pop(&mut preview.stated.ticket),
        Field::Name => {
            if let Some(confirmation) = &mut preview.confirmation {
                confirmation.erased();
            }
        }
    }
}

/// A text was pasted: a reason may be, a confirmation never.
fn pasted(model: &mut Model, text: &Safe) {
    let Screen::Preview(preview) = &mut model.screen else { return };
    match preview.field {
        Field::Reason => text.as_str().chars().for_each(|letter| push(&mut preview.stated.reason, letter)),
        Field::Ticket => text.as_str().chars().for_each(|letter| push(&mut preview.stated.ticket, letter)),
        Field::Name => {
            if let Some(confirmation) = &mut preview.confirmation {
                confirmation.pasted();
            }
        }
    }
}

/// Enter was pressed, and for `quiet` before it nothing was read.
pub(in crate::app) fn confirm(model: &mut Model, quiet: Duration) -> Vec<Effect> {
    let now = model.now;
    if let Screen::Preview(preview) = &mut model.screen
        && preview.field != Field::Name
    {
        let text = if preview.field == Field::Reason { &preview.stated.reason } else { &preview.stated.ticket };
        if text.as_ref().is_none_or(|text| text.as_str().trim().is_empty()) {
            return Vec::new();
        }
        preview.field = Field::Name;
        preview.confirmation = None;
        judge(model);
        return Vec::new();
    }
    // The plan that is confirmed is the one of now, not of a moment ago.
    let effects = look(model, true);
    let Screen::Preview(preview) = &mut model.screen else { return effects };
    let Some(Ok(plan)) = &preview.planned else { return effects };
    let Some(confirmation) = &mut preview.confirmation else { return effects };
    let Some(confirmed) = confirmation.entered(quiet, plan, now) else { return effects };
    approve(model, confirmed, effects)
}

/// What was confirmed goes through the door.
fn approve(model: &mut Model, confirmed: Confirmed, effects: Vec<Effect>) -> Vec<Effect> {
    let now = model.now;
    let Screen::Preview(preview) = &mut model.screen else { return effects };
    let Some(Ok(plan)) = &preview.planned else { return effects };
    let Some(id) = preview.id.clone() else { return effects };
    let permissions = preview.permissions.clone().unwrap_or_default();
    let stated = (preview.stated.clone(), permissions.as_slice());
    let approved = door::approve(id, plan.clone(), confirmed, model.fleet.landscape(), &model.operations.standing, stated, now);
    match approved {
        Ok(approved) => {
            let rest = preview.onward.take().and_then(Onward::rest);
            underway::begin(model, approved, rest)
        }
        Err(bars) => {
            preview.bars = bars;
            preview.confirmation = None;
            effects
        }
    }
}

/// What a person is told about what they just did to the confirmation.
#[must_use]
pub fn said(preview: &Preview) -> Option<Said> {
    preview.confirmation.as_ref().and_then(Confirmation::said)
}

/// Whether a Rollout is looked at, as far as is known.
pub(in crate::app) fn with_rollouts(model: &Model) -> Result<(), Unfit> {
    let keys = own::looked_at(model)?;
    let may_have = |key: &own::CellKey| {
        let parts = key.placement(&model.fleet).map(|placement| placement.parts.as_slice()).unwrap_or_default();
        parts.iter().any(|part| part.workloads.as_known().is_none_or(|workloads| workloads.iter().any(|key| key.kind == WorkloadKind::Rollout)))
    };
    if keys.iter().any(may_have) { Ok(()) } else { Err(Unfit::NoRollout) }
}

/// Whether a change can be looked at here.
pub(in crate::app) fn available(model: &Model) -> Result<(), Unfit> {
    operation::looked_at(model).map(|_| ())
}
