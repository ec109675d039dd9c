//! `tiphys plan`: what a change would do, as text for people or JSON by `docs/plan.schema.json`, or why it may not. It sends nothing.

use std::fmt::Write as _;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use color_eyre::eyre::{Result, eyre};

use super::by_hand::{Canary, Sync};
use super::{Exit, duration, plan_json, print};
use crate::app::Model;
use crate::base::time::Age;
use crate::base::{Raw, Safe, Timestamp, counted};
use crate::config::Config;
use crate::domain::{AppKey, EnvironmentName, Known, PlacementName, ServiceName};
use crate::manifest::rendered::Rendering;
use crate::operations::expected::Durations;
use crate::operations::mutation::Mutation;
use crate::operations::rendering::counts;
use crate::operations::{self, By, Direction, Moves, Plan, Read, Refusal, Request, Sign};
use crate::runtime::{carrying, headless, planning, reached, report, tokio_runtime};

/// What is asked for.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What promoting a service would change: the lines, the commit, the placements that move, how it is taken back. Or why not. Nothing is sent.
    Promote(Promote),
    /// What putting an earlier version of a service back would change: its image on the files as they are now, and no commit taken back. Or why not.
    /// Nothing is sent.
    Rollback(Rollback),
    /// What asking Argo CD for a sync would bring. Or why not. Nothing is sent.
    Sync(Sync),
    /// What moving or holding a Rollout would do. Or why not. Nothing is sent.
    Canary(Canary),
}

/// What a change is asked for with, on the command line.
pub(super) trait Asks {
    /// What is wished for.
    fn request(&self) -> Request;
    /// Whether the answer is JSON, and how long sources that do not answer are waited for.
    fn how(&self) -> (bool, Duration);
}

#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The service.
    #[arg(value_name = "SERVICE")]
    service: String,
    /// In this environment.
    #[arg(long = "in", visible_alias = "to", value_name = "ENV")]
    environment: String,
    /// This version. Without it: the newest before the present one that nobody went back from.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Only this placement; may be given several times.
    #[arg(long, value_name = "NAME")]
    placement: Vec<String>,
    /// By what: tiphys ways lists what each leaves.
    #[arg(long, value_name = "MEANS", default_value = "commit")]
    by: Means,
    /// Image and configuration: also what the files said at that deployment that nothing but the placement renders. The same as --by configuration.
    #[arg(long, conflicts_with = "by")]
    configuration: bool,
    /// As JSON, by docs/plan.schema.json.
    #[arg(long)]
    json: bool,
    /// How long to wait for sources that do not answer.
    #[arg(long, default_value = "20s", value_parser = duration)]
    timeout: Duration,
}

/// By what an earlier version comes back.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Means {
    /// A commit; what rolls it out takes its time.
    Commit,
    /// The rollout that is under way is aborted, then a commit.
    Abort,
    /// A commit, and its pods are promoted fully as soon as they come: the steps of the canary are left out.
    Hasten,
    /// Argo CD deploys what it deployed then; git keeps what it wants.
    History,
    /// A commit with the image and the configuration of then: the files that nothing but the placement renders.
    Configuration,
}

impl Means {
    pub(super) const fn of(by: By) -> Self {
        match by {
            By::Commit => Self::Commit,
            By::Abort => Self::Abort,
            By::Hasten => Self::Hasten,
            By::History => Self::History,
            By::Configuration => Self::Configuration,
        }
    }

    /// As it is typed.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Abort => "abort",
            Self::Hasten => "hasten",
            Self::History => "history",
            Self::Configuration => "configuration",
        }
    }
}

impl From<Means> for By {
    fn from(means: Means) -> Self {
        match means {
            Means::Commit => Self::Commit,
            Means::Abort => Self::Abort,
            Means::Hasten => Self::Hasten,
            Means::History => Self::History,
            Means::Configuration => Self::Configuration,
        }
    }
}

impl Asks for Rollback {
    fn how(&self) -> (bool, Duration) {
        (self.json, self.timeout)
    }

    fn request(&self) -> Request {
        Request::Return {
            service: ServiceName::from(self.service.as_str()),
            environment: EnvironmentName::from(self.environment.as_str()),
            version: self.version.as_deref().map(Raw::from),
            placements: placements(&self.placement),
            by: if self.configuration { By::Configuration } else { self.by.into() },
        }
    }
}

/// The placements that are named; `None`: all.
pub(super) fn placements(names: &[String]) -> Option<Vec<PlacementName>> {
    (!names.is_empty()).then(|| names.iter().map(|name| PlacementName::from(name.as_str())).collect())
}

#[derive(Debug, Args)]
pub(super) struct Promote {
    /// The service.
    #[arg(value_name = "SERVICE")]
    service: String,
    /// Into this environment.
    #[arg(long, value_name = "ENV")]
    to: String,
    /// From this environment. Without it: the one that leads there.
    #[arg(long, value_name = "ENV")]
    from: Option<String>,
    /// This version. Without it: the one that runs in the environment before.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Only this placement; may be given several times.
    #[arg(long, value_name = "NAME")]
    placement: Vec<String>,
    /// Also a version that the environment before never had.
    #[arg(long, requires = "version")]
    hotfix: bool,
    /// One placement after the other, a commit each: the next one only once the one before is verified. In the order in which --placement names them,
    /// else in that of the configuration.
    #[arg(long)]
    waves: bool,
    /// As JSON, by docs/plan.schema.json.
    #[arg(long)]
    json: bool,
    /// How long to wait for sources that do not answer.
    #[arg(long, default_value = "20s", value_parser = duration)]
    timeout: Duration,
}

impl Asks for Promote {
    fn how(&self) -> (bool, Duration) {
        (self.json, self.timeout)
    }

    fn request(&self) -> Request {
        Request::Promote {
            service: ServiceName::from(self.service.as_str()),
            from: self.from.as_deref().map(EnvironmentName::from),
            to: EnvironmentName::from(self.to.as_str()),
            version: self.version.as_deref().map(Raw::from),
            placements: placements(&self.placement),
            hotfix: self.hotfix,
            waves: self.waves,
        }
    }
}

pub(super) fn run(config: &Config, wanted: &Wanted) -> Result<Exit> {
    let asks: &dyn Asks = match &wanted.what {
        What::Promote(asks) => asks,
        What::Rollback(asks) => asks,
        What::Sync(asks) => asks,
        What::Canary(asks) => asks,
    };
    let (request, (is_json, timeout)) = (asks.request(), asks.how());
    let runtime = tokio_runtime()?;
    // What came since the last sync is told by the history of an application, which is read on demand.
    let edited = |model: &Model| {
        let asked = operations::asked(&request, &model.fleet, model.now).unwrap_or_default();
        let apps = asked.subjects.into_iter().map(|subject| subject.app).collect();
        (apps, operations::told_by_pods(&request, &model.fleet, model.now))
    };
    let (model, settled) = runtime.block_on(headless::detailed(config, timeout, edited));
    let planned = runtime.block_on(planned(config, &model, &request));
    let past = planning::past(config);
    runtime.shutdown_background();
    for remark in &config.remarks {
        report::print_error(&format!("tiphys: {remark}"));
    }
    let planned = planned.map_err(|error| eyre!("a mirror cannot be read: {}", error.message()))?;
    if is_json {
        let expected = planned.as_ref().ok().map(|plan| plan.expected(&past, &model.fleet));
        print(&format!("{}\n", serde_json::to_string(&plan_json::Answer::of(&planned, expected.as_ref(), model.now))?));
    } else {
        match &planned {
            Ok(plan) => print(&text(plan, &plan.expected(&past, &model.fleet), model.now)),
            Err(refusal) => report::print_error(&format!("tiphys: refused: {}", refusal.sentence())),
        }
    }
    Ok(match planned {
        Ok(_) => Exit::Done,
        // It may have been refused because somebody did not answer in time, and not for good.
        Err(Refusal::Stale { .. } | Refusal::Unread { .. } | Refusal::NotAllRead { .. }) if !settled => Exit::NoAnswer,
        Err(_) => Exit::Refused,
    })
}

async fn planned(config: &Config, model: &Model, request: &Request) -> Result<Result<Plan, Refusal>, git2::Error> {
    let now = model.now;
    let asked = match operations::asked(request, &model.fleet, now) {
        Ok(asked) => asked,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let files = planning::prepare(config, model, &asked, now)?;
    let (rollouts, scalers) = carrying::live(config, &asked).await;
    let mut read = Read { files, rollouts, scalers, forges: planning::forges(&reached(config), model), ..Read::default() };
    let planned = operations::plan(request, &model.fleet, &read, now);
    let wishes = planned.as_ref().map(|plan| plan.unrendered().to_vec()).unwrap_or_default();
    if wishes.is_empty() {
        return Ok(planned);
    }
    let answers = planning::rendered(&reached(config), model, wishes.clone()).await;
    read.rendered = (wishes, answers);
    Ok(operations::plan(request, &model.fleet, &read, now))
}

/// The plan for a person who only wanted to see it.
fn text(plan: &Plan, expected: &Durations, now: Timestamp) -> String {
    format!("{}\nNothing was sent. The plan is worth something until {}.\n", told(plan, expected, now), plan.expires.strftime("%H:%M:%SZ"))
}

/// The plan for a person: what changes, what moves, what is done, how it is taken back, and what nobody knows.
pub(super) fn told(plan: &Plan, expected: &Durations, now: Timestamp) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let places: Vec<String> = plan.in_waves().flat_map(|wave| &wave.moves).map(|moves| moves.place.shown().to_string()).collect();
    let (service, places) = (plan.service.shown(), places.join(", "));
    let _ = match (&plan.request, &plan.from) {
        (_, Some(from)) => writeln!(out, "Promote {service} {}: {} → {places}", plan.version, from.shown()),
        (Request::Canary { .. } | Request::Argocd { .. }, None) => writeln!(out, "To do: {}", plan.title()),
        (_, None) => writeln!(out, "Put {service} {} back: {places}", plan.version),
    };
    let _ = match (plan.direction, &plan.request) {
        (Direction::Safety, Request::Canary { .. } | Request::Argocd { .. }) => writeln!(out, "Toward safety: nothing new reaches anybody by it."),
        (Direction::Safety, _) => writeln!(out, "Toward safety: it was deployed there, and nothing else comes with it."),
        (Direction::Risk, _) => Ok(()),
    };
    if let Some(commit) = plan.commit() {
        let place = if commit.beside { "a branch of its own, for " } else { "" };
        let commits = if plan.waves.is_empty() { "one commit" } else { "a commit for each placement" };
        let _ = writeln!(out, "\nChanges, in {commits} on {place}{} of {}:", commit.branch.shown(), commit.repository.shown());
    }
    for file in plan.in_waves().flat_map(Plan::files) {
        let _ = writeln!(out, "  {}", file.file.shown());
        for line in file.lines() {
            let sign = if line.sign == Sign::Goes { '-' } else { '+' };
            let _ = writeln!(out, "  {:>5} {sign} {}", line.number, line.text);
        }
    }
    section(&mut out, "Moves", plan.in_waves().flat_map(|wave| &wave.moves).map(moves));
    section(&mut out, "Rendered", plan.rendered.told().flat_map(|(app, answer)| rendered(app, answer)));
    let message = plan.commit().map(|commit| commit.message.text()).unwrap_or_default();
    section(&mut out, "Commit message", message.lines().map(ToOwned::to_owned));
    for mutation in plan.mutations() {
        if let Mutation::Open(opening) = mutation {
            let trailers = opening.trailers.iter().map(|(name, value)| format!("{name}: {value}"));
            let body = opening.body.iter().map(ToString::to_string).chain([String::new()]).chain(trailers);
            section(&mut out, "Pull request", [opening.title.to_string(), String::new()].into_iter().chain(body));
        }
    }
    section(&mut out, "Then", plan.in_waves().flat_map(|wave| &wave.steps).zip(1..).map(|(step, number)| format!("{number}. {}", step.words())));
    section(&mut out, "Takes", std::iter::once(format!("{}{}", expected.words(), if plan.waves.is_empty() { "" } else { ", of the first wave" })));
    let by_hand = plan.in_waves().flat_map(Plan::mutations).filter(|mutation| !matches!(mutation, Mutation::Commit(_))).filter_map(Mutation::by_hand);
    section(&mut out, "The same by hand", by_hand.map(|command| command.to_string()));
    let is_back = matches!(plan.request, Request::Return { .. });
    section(&mut out, "Also in this sync", plan.carried.iter().flat_map(|carried| also(carried, is_back)));
    let edits: usize = plan.in_waves().flat_map(Plan::files).map(|file| file.undo.len()).sum();
    let undo = plan.in_waves().flat_map(Plan::files).flat_map(|file| &file.undo).map(|edit| {
        let says = |text: Option<&Raw>| text.map_or_else(|| "nothing".to_owned(), |text| text.shown().to_string());
        format!("{}: {} → {}", edit.shown(), says(edit.from()), says(edit.to()))
    });
    let whole: Vec<String> =
        plan.in_waves().flat_map(Plan::files).filter(|file| file.undo.is_empty()).map(|file| file.undone().to_string()).collect();
    let edits = edits + whole.len();
    let undo = undo.chain(whole);
    section(&mut out, &format!("Back, {} put on the head of then", counted(edits as u64, "edit", "edits")), undo);
    section(&mut out, "Worth knowing", plan.remarks.iter().map(ToString::to_string));
    section(&mut out, "Not known", plan.not_known.iter().map(ToString::to_string));
    let ages = plan.rests_on.iter().map(|fresh| {
        let age = fresh.seen.map_or_else(|| "?".to_owned(), |seen| format!("{} ago", Age::of(seen, now)));
        format!("{} {}, {age}", fresh.source.kind, fresh.source.name.shown())
    });
    section(&mut out, "Rests on", ages);
    out
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "\n{title}:");
    for line in lines {
        let _ = writeln!(out, "{}", format!("  {line}").trim_end());
    }
}

fn moves(moves: &Moves) -> String {
    let cluster = match &moves.cluster {
        Known::Known(cluster) => cluster.shown(),
        Known::Unknown(_) => crate::safe!("?"),
    };
    let apps = apps(&moves.apps);
    format!(
        "{}: git wants {}, {} runs; {apps}, cluster {cluster}, namespace {}",
        moves.place.shown(),
        moves.wants,
        moves.runs,
        moves.namespace.shown()
    )
}

fn apps(apps: &[AppKey]) -> String {
    apps.iter().map(|app| app.name.shown().to_string()).collect::<Vec<_>>().join(", ")
}

fn rendered(app: &AppKey, answer: &Result<Rendering, Safe>) -> Vec<String> {
    let app = app.name.shown();
    let rendering = match answer {
        Ok(rendering) => rendering,
        Err(why) => return vec![format!("{app}: not rendered, files are compared: {why}")],
    };
    let mut lines = vec![format!("{app}: {}, by {} here; Argo CD's own may differ", counts(rendering), rendering.by)];
    for differing in &rendering.objects {
        lines.push(format!("  {}", differing.words()));
        lines.extend(differing.lines().iter().map(|line| format!("    {} {}", line.sign, line.text)));
    }
    lines
}

fn also(carried: &operations::Carried, is_back: bool) -> Vec<String> {
    let app = carried.app.name.shown();
    let mut lines: Vec<String> = carried.words(is_back).iter().map(|words| format!("{app}: {words}")).collect();
    let commits = carried.commits.as_known().map(Vec::as_slice).unwrap_or_default();
    let told: Vec<String> =
        commits.iter().take(MOST_TOLD).map(|commit| format!("{} ({}, {})", commit.subject, commit.author, commit.short())).collect();
    let more = commits.len().saturating_sub(told.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let count = counted(commits.len() as u64, "commit", "commits");
    lines.extend((!commits.is_empty()).then(|| format!("{app}: {count} of others since its last sync: {}{more}", told.join("; "))));
    lines
}

/// How many commits of others are told.
const MOST_TOLD: usize = 5;
