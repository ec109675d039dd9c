//! `plan --json`: the shape of version 1, described by `docs/plan.schema.json`. Fields are only ever added.

use serde::Serialize;

use crate::base::{Raw, Safe, Timestamp};
use crate::domain::application::Phase;
use crate::domain::desired;
use crate::domain::{AppKey, ClusterName, EnvironmentName, Known, Namespace, PlacementName, ServiceName, SourceKind};
use crate::manifest::edit;
use crate::manifest::path;
use crate::manifest::rendered::{self, Fate, Rendering};
use crate::operations::expected::{Basis, Durations, Expected};
use crate::operations::{self, Carried, Direction, Expects, FileEdit, Moves, Place, Plan, Precondition, Refusal, Sign, Step};

#[derive(Debug, Serialize)]
pub(super) struct Answer<'a> {
    version: u32,
    at: Timestamp,
    plan: Option<PlanOut<'a>>,
    refusal: Option<RefusalOut>,
}

#[derive(Debug, Serialize)]
struct RefusalOut {
    name: &'static str,
    sentence: Safe,
}

#[derive(Debug, Serialize)]
struct PlanOut<'a> {
    request: &'static str,
    direction: Direction,
    service: &'a ServiceName,
    from: Option<&'a EnvironmentName>,
    to: &'a EnvironmentName,
    version: &'a Safe,
    repository: Option<&'a Raw>,
    branch: Option<&'a Raw>,
    head: Option<&'a Raw>,
    files: Vec<File<'a>>,
    message: Option<String>,
    steps: Vec<Safe>,
    waves: Vec<Vec<Where<'a>>>,
    moves: Vec<MovesOut<'a>>,
    carried: Vec<CarriedOut<'a>>,
    rendered: Vec<RenderedOut<'a>>,
    preconditions: Vec<PreconditionOut<'a>>,
    rests_on: Vec<Fresh<'a>>,
    remarks: &'a [Safe],
    not_known: &'a [Safe],
    expected: ExpectedOut,
    expires: Timestamp,
}

#[derive(Debug, Serialize)]
struct File<'a> {
    path: &'a Raw,
    blob: &'a Raw,
    lines: Vec<Line>,
    edits: Vec<EditOut<'a>>,
    undo: Vec<EditOut<'a>>,
}

#[derive(Debug, Serialize)]
struct Line {
    number: usize,
    sign: &'static str,
    text: Safe,
}

#[derive(Debug, Serialize)]
struct EditOut<'a> {
    line: usize,
    place: Safe,
    from: Option<&'a Raw>,
    to: Option<&'a Raw>,
}

#[derive(Debug, Serialize)]
struct Where<'a> {
    environment: &'a EnvironmentName,
    placement: &'a PlacementName,
}

#[derive(Debug, Serialize)]
struct MovesOut<'a> {
    #[serde(flatten)]
    place: Where<'a>,
    wants: &'a Safe,
    runs: &'a Safe,
    applications: &'a [AppKey],
    cluster: Option<&'a ClusterName>,
    namespace: &'a Namespace,
}

#[derive(Debug, Serialize)]
struct CarriedOut<'a> {
    application: &'a AppKey,
    commits: Option<Vec<Commit<'a>>>,
    unknown: Option<&'a Safe>,
    hooks: Option<Vec<Hook<'a>>>,
    left: Option<Vec<Left<'a>>>,
    resets: Vec<Reset<'a>>,
}

#[derive(Debug, Serialize)]
struct RenderedOut<'a> {
    application: &'a AppKey,
    by: Option<&'a Safe>,
    unknown: Option<&'a Safe>,
    objects: Option<Vec<Differing<'a>>>,
}

#[derive(Debug, Serialize)]
struct Differing<'a> {
    object: Safe,
    fate: &'static str,
    values: Vec<Differs<'a>>,
}

#[derive(Debug, Serialize)]
struct Differs<'a> {
    path: &'a Safe,
    before: Option<&'a Raw>,
    after: Option<&'a Raw>,
    hidden: bool,
}

#[derive(Debug, Serialize)]
struct Hook<'a> {
    object: &'a Safe,
    when: &'a Safe,
    last: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Left<'a> {
    object: &'a Safe,
    deleted: bool,
}

#[derive(Debug, Serialize)]
struct Reset<'a> {
    workload: &'a Safe,
    git: &'a [u32],
    runs: u32,
    by: Option<&'a Safe>,
}

#[derive(Debug, Serialize)]
struct Commit<'a> {
    id: &'a Raw,
    at: Timestamp,
    by: &'a Safe,
    subject: &'a Safe,
}

#[derive(Debug, Serialize)]
struct PreconditionOut<'a> {
    repository: &'a Raw,
    reference: Option<&'a Raw>,
    path: &'a Raw,
    expects: &'static str,
    blob: Option<&'a Raw>,
    names: Option<&'a [Raw]>,
}

#[derive(Debug, Serialize)]
struct Fresh<'a> {
    kind: SourceKind,
    name: &'a Raw,
    seen_at: Option<Timestamp>,
}

/// How long it is expected to take.
#[derive(Debug, Default, Serialize)]
struct ExpectedOut {
    whole: Option<Range>,
    by: Option<&'static str>,
    rungs: Vec<RungOut>,
    argocd_syncs: Option<Range>,
    pauses_seconds: Option<u64>,
    waits_for_person: Option<bool>,
}

#[derive(Debug, Serialize)]
struct RungOut {
    name: &'static str,
    #[serde(flatten)]
    range: Range,
}

#[derive(Debug, Serialize)]
struct Range {
    from_seconds: u64,
    to_seconds: u64,
    n: usize,
}

impl ExpectedOut {
    fn of(durations: &Durations) -> Self {
        let rungs = durations.rungs.iter().map(|(rung, range)| RungOut { name: rung.name(), range: range.into() });
        Self {
            whole: durations.whole.as_ref().map(Range::from),
            by: durations.basis.map(|basis| if basis == Basis::Service { "service" } else { "environment" }),
            rungs: rungs.collect(),
            argocd_syncs: durations.syncs.as_ref().map(Range::from),
            pauses_seconds: durations.pauses.map(|pauses| pauses.least.as_secs()),
            waits_for_person: durations.pauses.map(|pauses| pauses.by_person),
        }
    }
}

impl From<&Expected> for Range {
    fn from(expected: &Expected) -> Self {
        let to_seconds = expected.to.as_secs() + u64::from(expected.to.subsec_nanos() > 0);
        Self { from_seconds: expected.from.as_secs(), to_seconds, n: expected.n }
    }
}

impl<'a> Answer<'a> {
    pub(super) fn of(planned: &'a Result<Plan, Refusal>, expected: Option<&Durations>, at: Timestamp) -> Self {
        let refusal = planned.as_ref().err().map(|refusal| RefusalOut { name: refusal.name(), sentence: refusal.sentence() });
        Self { version: 1, at, plan: planned.as_ref().ok().map(|plan| PlanOut::of(plan, expected)), refusal }
    }
}

impl<'a> PlanOut<'a> {
    fn of(plan: &'a Plan, expected: Option<&Durations>) -> Self {
        let fresh = |fresh: &'a crate::operations::Fresh| Fresh { kind: fresh.source.kind, name: &fresh.source.name, seen_at: fresh.seen };
        Self {
            request: plan.request.name(),
            direction: plan.direction,
            service: &plan.service,
            from: plan.from.as_ref(),
            to: &plan.to,
            version: &plan.version,
            repository: plan.commit().map(|commit| &commit.repository),
            branch: plan.commit().map(|commit| &commit.branch),
            head: plan.commit().map(|commit| &commit.head),
            files: plan.in_waves().flat_map(Plan::files).map(file).collect(),
            message: plan.commit().map(|commit| commit.message.text()),
            steps: plan.in_waves().flat_map(|wave| &wave.steps).map(Step::words).collect(),
            moves: plan.in_waves().flat_map(|wave| &wave.moves).map(moves).collect(),
            waves: if plan.waves.is_empty() {
                Vec::new()
            } else {
                plan.in_waves().map(|wave| wave.moves.iter().map(|moves| place(&moves.place)).collect()).collect()
            },
            carried: plan.carried.iter().map(carried).collect(),
            rendered: plan.rendered.told().map(rendered).collect(),
            preconditions: plan.in_waves().flat_map(Plan::preconditions).map(precondition).collect(),
            rests_on: plan.rests_on.iter().map(fresh).collect(),
            remarks: &plan.remarks,
            not_known: &plan.not_known,
            expected: expected.map(ExpectedOut::of).unwrap_or_default(),
            expires: plan.expires,
        }
    }
}

fn file(file: &FileEdit) -> File<'_> {
    let line = |line: crate::operations::Line| Line { number: line.number, sign: if line.sign == Sign::Goes { "-" } else { "+" }, text: line.text };
    File {
        path: &file.file,
        blob: &file.blob,
        lines: file.lines().into_iter().map(line).collect(),
        edits: file.edits.iter().map(edited).collect(),
        undo: file.undo.iter().map(edited).collect(),
    }
}

fn edited(edit: &edit::Edit) -> EditOut<'_> {
    EditOut { line: edit.line, place: path::shown(&edit.path), from: edit.from(), to: edit.to() }
}

const fn place(place: &Place) -> Where<'_> {
    Where { environment: &place.environment, placement: &place.placement }
}

fn moves(moves: &Moves) -> MovesOut<'_> {
    MovesOut {
        place: place(&moves.place),
        wants: &moves.wants,
        runs: &moves.runs,
        applications: &moves.apps,
        cluster: moves.cluster.as_known(),
        namespace: &moves.namespace,
    }
}

fn carried<'a>(carried: &'a Carried) -> CarriedOut<'a> {
    let (commits, unknown) = match &carried.commits {
        Known::Known(commits) => (Some(commits), None),
        Known::Unknown(why) => (None, Some(&why.0)),
    };
    let hook = |hook: &'a operations::Hook| Hook { object: &hook.object, when: &hook.when, last: hook.last.as_ref().map(Phase::word) };
    let left = |left: &'a operations::Left| Left { object: &left.object, deleted: left.is_deleted };
    let reset = |reset: &'a operations::Reset| Reset {
        workload: &reset.workload,
        git: &reset.git,
        runs: reset.runs,
        by: reset.by.as_known().and_then(Option::as_ref),
    };
    CarriedOut {
        application: &carried.app,
        commits: commits.map(|commits| commits.iter().map(told).collect()),
        unknown,
        hooks: carried.hooks.as_known().map(|hooks| hooks.iter().map(hook).collect()),
        left: carried.left.as_known().map(|objects| objects.iter().map(left).collect()),
        resets: carried.resets.iter().map(reset).collect(),
    }
}

fn told(commit: &desired::Commit) -> Commit<'_> {
    Commit { id: &commit.id, at: commit.at, by: &commit.author, subject: &commit.subject }
}

fn precondition(precondition: &Precondition) -> PreconditionOut<'_> {
    let (expects, blob, names) = match &precondition.expects {
        Expects::Blob(blob) => ("blob", Some(blob), None),
        Expects::Nothing => ("nothing", None, None),
        Expects::Names(names) => ("names", None, Some(names.as_slice())),
    };
    PreconditionOut { repository: &precondition.repository, reference: precondition.branch.as_ref(), path: &precondition.path, expects, blob, names }
}

fn rendered<'a>((app, answer): (&'a AppKey, &'a Result<Rendering, Safe>)) -> RenderedOut<'a> {
    let value = |value: &'a rendered::Differs| Differs {
        path: &value.path,
        before: value.before.as_ref(),
        after: value.after.as_ref(),
        hidden: value.is_hidden,
    };
    let object = |differing: &'a rendered::Differing| Differing {
        object: differing.object.shown(),
        fate: match differing.fate {
            Fate::Comes => "comes",
            Fate::Goes => "goes",
            Fate::Changes => "changes",
        },
        values: differing.values.iter().map(value).collect(),
    };
    let rendering = answer.as_ref().ok();
    RenderedOut {
        application: app,
        by: rendering.map(|rendering| &rendering.by),
        unknown: answer.as_ref().err(),
        objects: rendering.map(|rendering| rendering.objects.iter().map(object).collect()),
    }
}
