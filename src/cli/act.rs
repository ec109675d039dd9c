//! The verbs that change something: the plan is shown, confirmed by its name on the terminal, carried out through the same door as in the cockpit, and
//! followed with a line for each step. A verb is its request; everything else is the same for all of them.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use color_eyre::eyre::Result;

use super::act_json::{Answer, Outcome, Refused, requests, rungs};
use super::plan::Asks;
use super::{Exit, plan, print};
use crate::app::model::Screen;
use crate::app::operation::{Ended, Preview, underway};
use crate::app::{Intent, Model, What};
use crate::base::time::later;
use crate::base::{OperationId, Safe};
use crate::config::Config;
use crate::domain::{EnvironmentName, ServiceName};
use crate::operations::confirm::Needs;
use crate::operations::door::Stated;
use crate::operations::following::State;
use crate::operations::protocol::Settled;
use crate::operations::{Bar, Plan, Refusal, Request};
use crate::runtime::headless::Headless;
use crate::runtime::signals::Signals;
use crate::runtime::terminal::asking::{Asking, Meant};
use crate::runtime::{clock, model, report, tokio_runtime};

/// A verb: what it asks for, and how it is carried out.
#[derive(Debug, Args)]
#[group(skip)]
#[command(mut_arg("json", |json| json.help("One object at the end, by docs/operation.schema.json; what is told on the way goes to standard error")))]
pub(super) struct Carried<W: Args> {
    #[command(flatten)]
    pub(super) what: W,
    #[command(flatten)]
    pub(super) how: How,
}

/// How something is carried out.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Why, for the record and the commit.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The ticket that it belongs to.
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    /// Arm an environment that is read-only, for this one operation. The journal says so.
    #[arg(long)]
    arm: bool,
    /// Ask nobody, where the configuration says yes = true for the environment.
    #[arg(long)]
    yes: bool,
    /// Do not wait until it is verified: leave once everything is sent. The next cockpit takes it up.
    #[arg(long)]
    detach: bool,
}

/// What is to be done, and how.
struct Act<'a> {
    request: Request,
    service: ServiceName,
    environment: EnvironmentName,
    how: &'a How,
    json: bool,
    timeout: Duration,
}

/// How it ended.
struct End {
    outcome: Outcome,
    exit: Exit,
    words: Safe,
    refusals: Vec<Refused>,
}

impl End {
    const fn new(outcome: Outcome, exit: Exit, words: Safe) -> Self {
        Self { outcome, exit, words, refusals: Vec::new() }
    }

    fn refused(refusals: Vec<Refused>) -> Self {
        let words: Vec<&str> = refusals.iter().map(|refused| refused.sentence.as_str()).collect();
        Self { outcome: Outcome::Refused, exit: Exit::Refused, words: Safe::clean(&words.join(" ")), refusals }
    }

    fn refused_for(name: &'static str, sentence: Safe) -> Self {
        Self::refused(vec![Refused { name, sentence }])
    }

    fn unasked() -> Self {
        Self::refused_for("not-confirmed", Safe::clean("It was not confirmed: nothing was sent."))
    }
}

/// Carries out what is asked for.
pub(super) fn carry(config: &Config, asks: &impl Asks, how: &How) -> Result<Exit> {
    let (request, (json, timeout)) = (asks.request(), asks.how());
    let (service, environment) = (request.service().clone(), request.to().clone());
    run(config, &Act { request, service, environment, how, json, timeout })
}

fn run(config: &Config, act: &Act<'_>) -> Result<Exit> {
    for remark in &config.remarks {
        report::print_error(&format!("tiphys: {remark}"));
    }
    let runtime = tokio_runtime()?;
    let ended = runtime.block_on(carry_out(config, act));
    runtime.shutdown_background();
    ended
}

async fn carry_out(config: &Config, act: &Act<'_>) -> Result<Exit> {
    let mut signals = Signals::new()?;
    let mut headless = Headless::start(config, model(config));
    let begun = tokio::select! {
        biased;
        () = signals.end() => Err(End::unasked()),
        begun = begin(&mut headless, act) => begun?,
    };
    let is_in_waves = matches!(act.request, Request::Promote { waves: true, .. });
    // It was armed for this one operation, which has begun by now, or never will; waves are armed for until the last one is over.
    if act.how.arm && !is_in_waves && headless.model.available(Intent::Disarm).is_ok() {
        headless.take(What::Wants(Intent::Disarm));
    }
    let (id, end) = match begun {
        Ok(id) => {
            let (id, end) = follow_all(&mut headless, &mut signals, id, act).await;
            (Some(id), end)
        }
        Err(end) => (None, end),
    };
    if act.how.arm && is_in_waves && headless.model.available(Intent::Disarm).is_ok() {
        headless.take(What::Wants(Intent::Disarm));
    }
    headless.leave().await;
    if act.json {
        print(&format!("{}\n", serde_json::to_string(&answer(&headless.model, act, id.as_ref(), &end))?));
    } else if end.outcome == Outcome::Done {
        tell(act, &end.words);
    } else {
        report::print_error(&format!("tiphys: {}{}", if end.outcome == Outcome::Refused { "refused: " } else { "" }, end.words));
    }
    Ok(end.exit)
}

fn answer<'a>(model: &'a Model, act: &'a Act<'_>, id: Option<&'a OperationId>, end: &End) -> Answer<'a> {
    let underway = id.and_then(|id| model.operations.underway.get(id));
    Answer {
        version: 1,
        at: model.now,
        service: &act.service,
        environment: &act.environment,
        deploys: underway.map(|underway| underway.version.clone()).filter(|version| !version.is_empty()),
        outcome: end.outcome,
        words: end.words.clone(),
        refusals: end.refusals.clone(),
        operation: id,
        requests: underway.map(requests).unwrap_or_default(),
        rungs: underway.map(rungs).unwrap_or_default(),
    }
}

/// The plan, with how long it is expected to take.
fn told(model: &Model, plan: &Plan) -> String {
    plan::told(plan, &plan.expected(&model.operations.past, &model.fleet), model.now)
}

/// What is told on the way.
fn tell(act: &Act<'_>, text: impl std::fmt::Display) {
    if act.json { report::print_error(&text.to_string()) } else { print(&format!("{text}\n")) }
}

/// Reads, plans, and has it confirmed; the operation that it became, or why none.
async fn begin(headless: &mut Headless, act: &Act<'_>) -> Result<Result<OperationId, End>> {
    if act.how.detach && matches!(act.request, Request::Promote { waves: true, .. }) {
        let sentence =
            Safe::clean("Waves go on only while somebody looks: leave --detach out, or promote one placement after the other with --placement.");
        return Ok(Err(End::refused_for("no-waves", sentence)));
    }
    let mut settled = headless.settle(later(clock::now(), act.timeout)).await;
    let text = |text: &Option<String>| text.as_deref().map(Safe::clean);
    headless.preview(act.request.clone(), Stated { reason: text(&act.how.reason), ticket: text(&act.how.ticket) });
    // What is on its way when the time is up is waited for a little.
    let more = if settled { act.timeout } else { act.timeout / 4 };
    settled &= headless.until(later(clock::now(), more), is_decided).await;
    let plan = match planned(&headless.model, settled) {
        Ok(plan) => plan,
        Err(end) => return Ok(Err(end)),
    };
    tell(act, told(&headless.model, &plan));
    let (unarmed, barred): (Vec<Bar>, Vec<Bar>) = bars(&headless.model).into_iter().partition(|bar| act.how.arm && matches!(bar, Bar::Unarmed(_)));
    if !barred.is_empty() {
        return Ok(Err(End::refused(barred.iter().map(refused).collect())));
    }
    if let Some(end) = unconfirmable(&headless.model, act) {
        return Ok(Err(end));
    }
    // Nothing is armed that could not be confirmed anyway.
    if !unarmed.is_empty() {
        headless.take(What::Wants(Intent::Arm));
        let is_armed = headless.until(later(clock::now(), act.timeout), |model| bars(model).is_empty()).await;
        let told = headless.model.notice.clone().unwrap_or_default();
        if !is_armed {
            return Ok(Err(End::refused_for("unarmed", told)));
        }
        tell(act, told);
    }
    if act.how.yes {
        headless.confirm_by_yes();
        let barred = || bars(&headless.model).iter().map(refused).collect();
        return Ok(begun(&headless.model).ok_or_else(|| End::refused(barred())));
    }
    ask(headless, plan).await
}

/// Why nobody can confirm it.
fn unconfirmable(model: &Model, act: &Act<'_>) -> Option<End> {
    let is_yes = model.fleet.landscape().environment(&act.environment).is_some_and(|environment| environment.guard.yes);
    let environment = act.environment.shown();
    match (act.how.yes, is_yes) {
        (true, true) => None,
        (true, false) => {
            let sentence = crate::safe!("--yes does not confirm in {environment}: leave it out, or yes = true under its [[environments]] allows it.");
            Some(End::refused_for("no-yes", sentence))
        }
        (false, _) if Asking::can() => None,
        (false, _) => {
            let sentence =
                crate::safe!("Nobody can be asked: this is no terminal. yes = true under [[environments]] of {environment} lets --yes confirm.");
            Some(End::refused_for("no-terminal", sentence))
        }
    }
}

/// Whether there is something to say: a plan and what the tokens may do, or why there is none.
fn is_decided(model: &Model) -> bool {
    let is_answered = |preview: &Preview| match &preview.planned {
        Some(Ok(plan)) => preview.permissions.is_some() && plan.unrendered().is_empty(),
        Some(Err(_)) => true,
        None => preview.unread.is_some(),
    };
    model.is_settled() && preview(model).is_some_and(is_answered)
}

fn preview(model: &Model) -> Option<&Preview> {
    if let Screen::Preview(preview) = &model.screen { Some(preview) } else { None }
}

fn bars(model: &Model) -> Vec<Bar> {
    preview(model).map(|preview| preview.bars.clone()).unwrap_or_default()
}

/// The operation that was begun.
fn begun(model: &Model) -> Option<OperationId> {
    model.operations.underway.keys().next().cloned()
}

/// What stands in the way, with the argument that helps.
fn refused(bar: &Bar) -> Refused {
    let cure = match bar {
        Bar::Unarmed(_) => " Here --arm does, for this one operation.",
        Bar::NoReason(_) => " Here with --reason.",
        Bar::NoTicket(..) => " Here with --ticket.",
        _ => "",
    };
    Refused { name: bar.name(), sentence: crate::safe!("{}{cure}", bar.sentence()) }
}

/// The plan; how it ends where there is none.
fn planned(model: &Model, settled: bool) -> Result<Plan, End> {
    let silent = || End::new(Outcome::Failed, Exit::NoAnswer, Safe::clean("Not everything that this needs answered in time: nothing was sent."));
    let Some(preview) = preview(model) else { return Err(silent()) };
    match &preview.planned {
        Some(Ok(_)) if preview.permissions.is_none() => Err(silent()),
        Some(Ok(plan)) => Ok(plan.clone()),
        Some(Err(refusal)) => {
            let mut end = End::refused_for(refusal.name(), refusal.sentence());
            // It may have been refused because somebody did not answer in time, and not for good.
            if !settled && matches!(refusal, Refusal::Stale { .. } | Refusal::Unread { .. } | Refusal::NotAllRead { .. }) {
                end.exit = Exit::NoAnswer;
            }
            Err(end)
        }
        None => {
            Err(preview.unread.as_ref().map_or_else(silent, |why| End::new(Outcome::Failed, Exit::Failed, crate::safe!("{why}: nothing was sent."))))
        }
    }
}

/// Has it confirmed on the terminal.
async fn ask(headless: &mut Headless, mut shown: Plan) -> Result<Result<OperationId, End>> {
    let mut asking = Asking::open()?;
    // What was typed before this was meant for something else.
    headless.show_again();
    let (mut line, mut said) = (Safe::default(), None);
    loop {
        if let Some(id) = begun(&headless.model) {
            return Ok(Ok(id));
        }
        let plan = match planned(&headless.model, true) {
            Ok(plan) => plan,
            Err(_) if preview(&headless.model).is_some_and(|preview| preview.plan().is_some()) => shown.clone(),
            Err(end) => return Ok(Err(end)),
        };
        let barred = bars(&headless.model);
        if !barred.is_empty() {
            return Ok(Err(End::refused(barred.iter().map(refused).collect())));
        }
        if shown.same_as(&plan).any() {
            asking.tell(&told(&headless.model, &plan))?;
        }
        shown = plan;
        let confirmation = preview(&headless.model).and_then(|preview| preview.confirmation.as_ref());
        let now_said = confirmation.and_then(crate::operations::Confirmation::said);
        if let Some(words) = now_said.filter(|_| now_said != said) {
            asking.tell(words.sentence().as_str())?;
            line = Safe::default();
        }
        said = now_said;
        let next = match confirmation.map(|confirmation| (confirmation.needs(), confirmation.typed())) {
            Some((Needs::Text(name), typed)) => crate::safe!("Type {name} and Enter to carry it out, Ctrl-C leaves: {}", Safe::clean(typed)),
            Some((Needs::SecondKey, _)) => Safe::clean("Enter carries it out, Ctrl-C leaves "),
            None => Safe::clean("What the tokens may do is asked anew …"),
        };
        if next != line {
            asking.say(next.as_str())?;
            line = next;
        }
        let meant = tokio::select! {
            biased;
            meant = asking.next() => meant,
            () = headless.turn(later(clock::now(), SOON)) => continue,
        };
        match meant {
            Meant::Says(what) => headless.take(what),
            Meant::Nothing => {}
            Meant::Leaves => return Ok(Err(End::unasked())),
        }
    }
}

/// How often time alone is looked at.
const SOON: Duration = Duration::from_millis(250);

/// Tells each step of an operation, and of those that follow it in waves.
async fn follow_all(headless: &mut Headless, signals: &mut Signals, mut id: OperationId, act: &Act<'_>) -> (OperationId, End) {
    loop {
        let end = follow(headless, signals, &id, act).await;
        let then = headless.model.operations.underway.get(&id).map(|underway| underway.then.clone()).unwrap_or_default();
        if end.outcome != Outcome::Done || then.is_empty() {
            return (id, end);
        }
        tell(act, &end.words);
        // What was confirmed goes on by itself, or says why not.
        let is_another = |model: &Model| matches!(&model.screen, Screen::Operation(shown, _) if *shown != id);
        let is_halted = |model: &Model| preview(model).is_some_and(|preview| !preview.goes_on());
        let decided = headless.until(later(clock::now(), act.timeout), |model| is_another(model) || is_halted(model)).await;
        match &headless.model.screen {
            Screen::Operation(next, _) if *next != id => id = next.clone(),
            _ => return (id, halted(&headless.model, decided, &then)),
        }
    }
}

/// Why a wave was not begun, and what to do.
fn halted(model: &Model, decided: bool, then: &Safe) -> End {
    let left = crate::safe!("Not begun: {then}. Promote again, it moves what is left.");
    if !decided {
        return End::new(Outcome::Failed, Exit::NoAnswer, crate::safe!("Not everything that the next wave needs answered in time. {left}"));
    }
    let told = model.notice.clone().unwrap_or_default();
    let why: Vec<Safe> = match preview(model).and_then(|preview| preview.planned.as_ref()) {
        Some(Err(refusal)) => vec![refusal.sentence()],
        _ => bars(model).iter().map(Bar::sentence).collect(),
    };
    let why = why.iter().map(Safe::as_str).collect::<Vec<_>>().join(" ");
    End::new(Outcome::Failed, Exit::Failed, crate::safe!("{told} {}{left}", if why.is_empty() { why } else { format!("{why} ") }))
}

/// Tells each step, until it is over or somebody leaves.
async fn follow(headless: &mut Headless, signals: &mut Signals, id: &OperationId, act: &Act<'_>) -> End {
    tell(act, crate::safe!("Operation {}", id.as_str()));
    let (mut settled, mut reached, mut state) = (0, BTreeSet::new(), None);
    loop {
        let Some(underway) = headless.model.operations.underway.get(id) else { return End::unasked() };
        for (at, words, became) in underway.settled.iter().skip(settled) {
            let became = match became {
                Settled::Done(_) => Safe::default(),
                Settled::NotDone(rejection) => crate::safe!(": not done: {}", rejection.why),
                Settled::Unknown(why) => crate::safe!(": nobody knows: {why}"),
            };
            tell(act, crate::safe!("{}  {words}{became}", at.strftime("%H:%M:%SZ")));
        }
        settled = underway.settled.len();
        for (rung, at) in underway.followed.iter().flat_map(|followed| &followed.reached) {
            if reached.insert(*rung) {
                tell(act, crate::safe!("{}  {}", at.strftime("%H:%M:%SZ"), rung.word()));
            }
        }
        let now_state = underway.ladder.as_ref().and_then(|ladder| match &ladder.state {
            State::Waits(what) => Some(crate::safe!("waits: {what}")),
            State::Held(what) => Some(crate::safe!("held up: {what}")),
            State::Stuck(why) => Some(crate::safe!("stuck: {why}")),
            State::Blind(why) => Some(crate::safe!("cannot be told now: {why}")),
            State::Failed(why) => Some(crate::safe!("looks failed: {why}")),
            State::Moving | State::Verified | State::Superseded(_) => None,
        });
        if let Some(words) = now_state.as_ref().filter(|_| now_state != state) {
            tell(act, crate::safe!("{}  {words}", headless.model.now.strftime("%H:%M:%SZ")));
        }
        state = now_state;
        if let Some((_, ended)) = &underway.ended {
            return match ended {
                Ended::Done(words) => End::new(Outcome::Done, Exit::Done, crate::safe!("Done: {words}.")),
                Ended::Failed(why, cure) => End::new(Outcome::Failed, Exit::Failed, crate::safe!("Failed: {why} {cure}")),
                Ended::Unknown(why) => {
                    let words = crate::safe!("Unknown: {why}. It is not sent again: look whether it was done, then plan anew.");
                    End::new(Outcome::Unknown, Exit::Unknown, words)
                }
            };
        }
        if act.how.detach && underway.followed.is_some() {
            return End::new(Outcome::Left, Exit::Done, leaving(underway));
        }
        tokio::select! {
            biased;
            () = signals.end() => {
                let Some(underway) = headless.model.operations.underway.get(id) else { return End::unasked() };
                return End::new(Outcome::Left, Exit::Unknown, leaving(underway));
            }
            () = headless.turn(later(clock::now(), SOON)) => {}
        }
    }
}

/// What leaving means.
fn leaving(underway: &underway::Underway) -> Safe {
    let (goes_on, does_not) = underway::leaves(underway);
    let listed = |words: Vec<Safe>| words.iter().map(Safe::as_str).collect::<Vec<_>>().join("; ");
    let goes_on = if goes_on.is_empty() { Safe::clean("nothing") } else { Safe::clean(&listed(goes_on)) };
    crate::safe!("Left. Goes on by itself: {goes_on}. Does not: {}.", Safe::clean(&listed(does_not)))
}
