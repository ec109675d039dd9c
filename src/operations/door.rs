//! The door: the one place that says whether a plan may be carried out. Screens, keys and the command line ask here and nowhere else, and only what passes
//! here and was confirmed becomes [`Approved`], which is all that execution takes.
//!
//! Pure: what is armed, who asks and what the tokens may do come in as data.

use std::collections::{BTreeMap, BTreeSet};

use super::Request;
use super::confirm::Confirmed;
use super::direction::Direction;
use super::plan::Plan;
use super::refusal::named;
use crate::base::{OperationId, Safe, Timestamp};
use crate::domain::guard::Guard;
use crate::domain::landscape::Landscape;
use crate::domain::{EnvironmentName, ServiceName};

/// What holds for everything that is asked for now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Somebody said so: `--read-only`, or the configuration. It never yields, not even toward safety.
    pub read_only: bool,
    /// Environments that were armed, and until when.
    pub armed: BTreeMap<EnvironmentName, Timestamp>,
    /// Operations that are not closed: what they change.
    pub open: BTreeMap<OperationId, (ServiceName, EnvironmentName)>,
    /// Who asks.
    pub visitor: Visitor,
    /// Why nothing can be recorded, where it cannot: what is not recorded is not done.
    pub unrecorded: Option<Safe>,
}

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visitor {
    /// What they are called: login name, e-mail address of git.
    pub names: Vec<Safe>,
    /// From where: the address that SSH tells, and the host.
    pub place: Safe,
}

/// What a person states beside the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stated {
    /// Why it is done.
    pub reason: Option<Safe>,
    /// The ticket that it belongs to.
    pub ticket: Option<Safe>,
}

/// What the tokens may do, asked before anything is sent: one entry for each request of the plan that may be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// It may.
    Granted,
    /// It may not: who says so, and what helps.
    Denied {
        /// What was said.
        why: Safe,
        /// What a person can do; may be empty.
        cure: Safe,
    },
    /// Nobody could say.
    Unknown(Safe),
}

/// Why a plan may not be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bar {
    /// Nothing may be changed at all.
    ReadOnly,
    /// Environments are guessed.
    Guessed,
    /// The environment is read-only until it is armed.
    Unarmed(EnvironmentName),
    /// Nothing may be changed in the environment.
    Denied(EnvironmentName, Safe),
    /// Others may.
    NotYou(EnvironmentName, Vec<Safe>),
    /// No reason was given.
    NoReason(EnvironmentName),
    /// No ticket was given, or not one that looks right.
    NoTicket(EnvironmentName, Safe),
    /// Too many services change there already.
    TooMany(EnvironmentName, u32, Vec<Safe>),
    /// The same service changes there already.
    Busy(ServiceName, EnvironmentName, OperationId),
    /// A token may not.
    Forbidden(Safe, Safe),
    /// The plan is too old.
    Expired(Timestamp),
    /// Nothing can be recorded.
    Unrecorded(Safe),
    /// The environment takes pull requests only, which this plan does not make.
    ByPullRequest(EnvironmentName),
}

impl Bar {
    /// The sentence: what, where, and what to do.
    #[must_use]
    pub fn sentence(&self) -> Safe {
        match self {
            Self::ReadOnly => Safe::clean("This cockpit is read-only: start it without --read-only and without read_only in the configuration."),
            Self::Guessed => Safe::clean("Environments are guessed by their names, so nothing is changed: tiphys init writes down what leads where."),
            Self::Unarmed(environment) => {
                let environment = environment.shown();
                crate::safe!(
                    "{environment} is read-only until it is armed: the command arm makes it writable for 30 minutes, and the journal says so."
                )
            }
            Self::Denied(environment, why) => crate::safe!("Nothing is changed in {}: {why}. The configuration says so.", environment.shown()),
            Self::NotYou(environment, people) => {
                crate::safe!("{} is changed by {}: ask one of them.", environment.shown(), named(people.iter().cloned()))
            }
            Self::NoReason(environment) => crate::safe!("{} wants a reason: say why.", environment.shown()),
            Self::NoTicket(environment, pattern) => crate::safe!("{} wants a ticket like {pattern}: name it.", environment.shown()),
            Self::TooMany(environment, most, services) => crate::safe!(
                "At most {most} at once in {}: {} {} under way. Wait until it is verified.",
                environment.shown(),
                named(services.iter().cloned()),
                if services.len() == 1 { "is" } else { "are" }
            ),
            Self::Busy(service, environment, id) => {
                crate::safe!(
                    "{} in {} is being changed by operation {}: follow it to its end first.",
                    service.shown(),
                    environment.shown(),
                    id.short()
                )
            }
            Self::Forbidden(why, cure) if cure.is_empty() => crate::safe!("Not permitted: {why}."),
            Self::Forbidden(why, cure) => crate::safe!("Not permitted: {why}. {cure}."),
            Self::Expired(at) => crate::safe!("The plan was worth something until {}: it is made anew.", at.strftime("%H:%M:%SZ")),
            Self::Unrecorded(why) => crate::safe!("Nothing can be recorded, so nothing is done: {why}."),
            Self::ByPullRequest(environment) => {
                crate::safe!("{} takes pull requests only (pull_request = true): a direct commit is not made there.", environment.shown())
            }
        }
    }

    /// Its name for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Guessed => "guessed",
            Self::Unarmed(_) => "unarmed",
            Self::Denied(..) => "denied",
            Self::NotYou(..) => "not-you",
            Self::NoReason(_) => "no-reason",
            Self::NoTicket(..) => "no-ticket",
            Self::TooMany(..) => "too-many",
            Self::Busy(..) => "busy",
            Self::Forbidden(..) => "forbidden",
            Self::Expired(_) => "expired",
            Self::Unrecorded(_) => "unrecorded",
            Self::ByPullRequest(_) => "by-pull-request",
        }
    }

    /// Whether what a person states with the plan lifts it.
    #[must_use]
    pub const fn is_about_words(&self) -> bool {
        matches!(self, Self::NoReason(_) | Self::NoTicket(..))
    }
}

/// Everything that stands in the way of a plan; nothing, where it may be carried out. Toward safety only what makes it impossible or was said outright
/// stands in the way: no guard, no read-only default.
#[must_use]
pub fn bars(plan: &Plan, landscape: &Landscape, standing: &Standing, stated: &Stated, permissions: &[Permission], now: Timestamp) -> Vec<Bar> {
    let mut bars = Vec::new();
    if standing.read_only {
        bars.push(Bar::ReadOnly);
    }
    if let Some(why) = &standing.unrecorded {
        bars.push(Bar::Unrecorded(why.clone()));
    }
    for permission in permissions {
        if let Permission::Denied { why, cure } = permission {
            bars.push(Bar::Forbidden(why.clone(), cure.clone()));
        }
    }
    if plan.expires < now {
        bars.push(Bar::Expired(plan.expires));
    }
    if plan.direction == Direction::Safety {
        return bars;
    }
    if landscape.read_only {
        bars.push(Bar::Guessed);
    }
    // What is open there is what a canary is moved on for, and what somebody goes back from.
    let is_about_it = !matches!(plan.request, Request::Promote { .. });
    let busy = standing.open.iter().filter(|_| !is_about_it).find(|(_, (service, environment))| *service == plan.service && *environment == plan.to);
    bars.extend(busy.map(|(id, _)| Bar::Busy(plan.service.clone(), plan.to.clone(), id.clone())));
    if let Some(environment) = landscape.environment(&plan.to) {
        guarded(&environment.guard, plan, standing, stated, now, &mut bars);
    }
    bars
}

fn guarded(guard: &Guard, plan: &Plan, standing: &Standing, stated: &Stated, now: Timestamp, bars: &mut Vec<Bar>) {
    let environment = || plan.to.clone();
    if let Some(why) = &guard.deny {
        bars.push(Bar::Denied(environment(), why.clone()));
    }
    if guard.read_only && standing.armed.get(&plan.to).is_none_or(|until| *until <= now) {
        bars.push(Bar::Unarmed(environment()));
    }
    let is_named = |person: &crate::base::Raw| standing.visitor.names.iter().any(|name| name.as_str() == person.as_wire());
    if !guard.people.is_empty() && !guard.people.iter().any(is_named) {
        bars.push(Bar::NotYou(environment(), guard.people.iter().map(crate::base::Raw::shown).collect()));
    }
    if guard.reason && stated.reason.as_ref().is_none_or(|reason| reason.as_str().trim().is_empty()) {
        bars.push(Bar::NoReason(environment()));
    }
    if let Some(pattern) = &guard.ticket
        && !stated.ticket.as_ref().is_some_and(|ticket| pattern.matches(ticket.as_str()))
    {
        bars.push(Bar::NoTicket(environment(), Safe::clean(pattern.as_written())));
    }
    let others: BTreeSet<&ServiceName> =
        standing.open.values().filter(|(service, at)| *at == plan.to && *service != plan.service).map(|(service, _)| service).collect();
    if let Some(most) = guard.at_once.filter(|most| others.len() >= *most as usize) {
        bars.push(Bar::TooMany(environment(), most, others.into_iter().map(ServiceName::shown).collect()));
    }
    if guard.pull_request && plan.commit().is_some_and(|commit| !commit.beside) {
        bars.push(Bar::ByPullRequest(environment()));
    }
}

/// A plan that was confirmed and that nothing stands in the way of. Nothing but [`approve`] makes one, and execution takes nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Approved {
    id: OperationId,
    plan: Plan,
    stated: Stated,
    visitor: Visitor,
    confirmed: Confirmed,
    armed_until: Option<Timestamp>,
    at: Timestamp,
}

impl Approved {
    /// The id of the operation that it becomes.
    #[must_use]
    pub const fn id(&self) -> &OperationId {
        &self.id
    }

    /// What is to be done.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What was stated.
    #[must_use]
    pub const fn stated(&self) -> &Stated {
        &self.stated
    }

    /// Who confirmed it.
    #[must_use]
    pub const fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// How it was confirmed.
    #[must_use]
    pub const fn confirmed(&self) -> &Confirmed {
        &self.confirmed
    }

    /// Until when the environment is armed, where it had to be.
    #[must_use]
    pub const fn armed_until(&self) -> Option<Timestamp> {
        self.armed_until
    }

    /// When it was approved.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

/// Approves a confirmed plan.
///
/// # Errors
///
/// What stands in its way now.
pub fn approve(
    id: OperationId,
    plan: Plan,
    confirmed: Confirmed,
    landscape: &Landscape,
    standing: &Standing,
    (stated, permissions): (Stated, &[Permission]),
    now: Timestamp,
) -> Result<Approved, Vec<Bar>> {
    let bars = bars(&plan, landscape, standing, &stated, permissions, now);
    if !bars.is_empty() || !confirmed.is_for(&plan) {
        return Err(bars);
    }
    let armed_until = standing.armed.get(&plan.to).copied().filter(|until| *until > now && plan.direction == Direction::Risk);
    Ok(Approved { id, plan, stated, visitor: standing.visitor.clone(), confirmed, armed_until, at: now })
}

#[cfg(test)]
mod tests;
