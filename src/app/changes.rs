//! What changed lately: the screen's state, and what it asks the sources while it is open.
//!
//! The list is made anew when something that was asked for came, and else once a second at most: it looks at the whole fleet.

use std::time::Duration;

use crate::app::Refusal;
use crate::app::cell::{self, CellState};
use crate::app::effect::Effect;
use crate::app::filter::Filter;
use crate::app::model::{Model, Question, Screen};
use crate::app::scroll::Scroll;
use crate::base::time::since;
use crate::base::{Safe, Timestamp};
use crate::domain::question::Want;
use crate::domain::recent::ResourceName;
use crate::domain::timeline::{self, Happened, Place, Timeline};
use crate::domain::{AppKey, Known, SourceId, Sync};

/// The list is made anew at most so often without a reason.
const REBUILD: Duration = Duration::from_secs(1);
/// Clusters are asked again after this time, while the screen is open.
const ASK_AGAIN: Duration = Duration::from_mins(1);
/// How many applications are asked at once.
const DETAILS_AT_ONCE: usize = 8;
/// Rows around the list: header, title, two lines about the selected change, footer.
const AROUND: u16 = 5;
/// Gaps that get a line of their own.
const GAPS_SHOWN: usize = 3;
/// In fewer rows than this, gaps share one line.
const SMALL: u16 = 16;

/// What the screen shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangesState {
    /// From when on.
    pub since: Timestamp,
    /// Everything that changed, and what is missing.
    pub timeline: Timeline,
    /// Which of it is shown.
    pub filter: Filter,
    /// The places in `timeline.entries` of what passes the filter.
    pub lines: Vec<usize>,
    /// Where in it.
    pub scroll: Scroll,
    /// Whether answers are still awaited.
    pub is_waiting: bool,
    built_at: Timestamp,
}

impl ChangesState {
    /// The changes that are shown.
    pub fn shown(&self) -> impl Iterator<Item = &Happened> {
        self.lines.iter().filter_map(|line| self.timeline.entries.get(*line))
    }

    /// The selected change.
    #[must_use]
    pub fn selected(&self) -> Option<&Happened> {
        self.lines.get(self.scroll.cursor).and_then(|line| self.timeline.entries.get(*line))
    }

    /// The cell that the selected change leads to.
    pub fn selected_place(&self) -> Result<&Place, Refusal> {
        self.selected().ok_or(Refusal::NothingSelected)?.places.first().ok_or(Refusal::InNoCell)
    }

    /// Lines for what is missing, in a room of so many rows: the list comes first.
    #[must_use]
    pub fn gap_lines(&self, height: u16) -> usize {
        self.timeline.gaps.len().min(if height < SMALL { 1 } else { GAPS_SHOWN })
    }

    /// Rows for the list in a room of so many.
    #[must_use]
    pub fn rows(&self, height: u16) -> usize {
        usize::from(height.saturating_sub(AROUND)).saturating_sub(self.gap_lines(height)).max(1)
    }

    /// Shows these changes; the cursor stays on the change it is on.
    fn show(&mut self, timeline: Timeline, height: u16) {
        let held = self.selected().cloned();
        self.timeline = timeline;
        self.narrow(height, held.as_ref());
    }

    fn narrow(&mut self, height: u16, held: Option<&Happened>) {
        let text = self.filter.text();
        let entries = self.timeline.entries.iter().enumerate();
        self.lines = entries.filter(|(_, entry)| entry.passes(text)).map(|(place, _)| place).collect();
        // At the top a person watches what comes; further down, one thing.
        if let Some(held) = held.filter(|_| self.scroll.cursor > 0) {
            let same =
                |entry: &Happened| entry.at == held.at && entry.kind == held.kind && entry.places == held.places && entry.subject == held.subject;
            let place = self.shown().position(same);
            self.scroll.cursor = place.unwrap_or(self.scroll.cursor);
        }
        let rows = self.rows(height);
        self.scroll.settle(self.lines.len(), rows);
    }
}

/// Opens the screen and asks for what it needs.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    if let Screen::Changes(_) = model.screen {
        return Vec::new();
    }
    let since = begin(model);
    let state = ChangesState {
        since,
        timeline: Timeline::default(),
        filter: Filter::default(),
        lines: Vec::new(),
        scroll: Scroll::default(),
        is_waiting: false,
        built_at: Timestamp::MIN,
    };
    model.screen = Screen::Changes(Box::new(state));
    model.beneath = None;
    let failed: Vec<Question> = model.unanswered.keys().filter(|question| is_ours(question)).cloned().collect();
    for question in failed {
        model.unanswered.remove(&question);
    }
    let effects = ask(model);
    rebuild(model);
    effects
}

fn begin(model: &Model) -> Timestamp {
    model.now.checked_sub(model.settings.window.0).unwrap_or(Timestamp::MIN)
}

const fn is_ours(question: &Question) -> bool {
    matches!(question, Question::Recent(_) | Question::Edits(_))
}

/// Whether everything that the open screen asked for was answered.
#[must_use]
pub fn is_answered(model: &Model) -> bool {
    !model.asked.values().any(|question| is_ours(question) || matches!(question, Question::Detail(_)))
}

/// Keeps the open screen current. `came`: something that was asked for came.
pub(super) fn follow(model: &mut Model, came: bool) -> Vec<Effect> {
    let Screen::Changes(state) = &model.screen else { return Vec::new() };
    if !came && since(state.built_at, model.now) < REBUILD {
        return Vec::new();
    }
    let effects = ask(model);
    rebuild(model);
    effects
}

fn rebuild(model: &mut Model) {
    let (since, height) = (begin(model), model.room().1);
    let is_waiting = !is_answered(model);
    let mut timeline = Timeline::of(&model.fleet, since);
    timeline.gaps.extend(unanswered(model));
    let now = model.now;
    let Screen::Changes(state) = &mut model.screen else { return };
    state.since = since;
    state.built_at = now;
    state.is_waiting = is_waiting;
    state.show(timeline, height);
}

/// What was asked for and came to nothing.
fn unanswered(model: &Model) -> Vec<Safe> {
    let told = |(question, why): (&Question, &Safe)| match question {
        Question::Recent(cluster) => Some(crate::safe!("{}: {why}", cluster.shown())),
        _ => None,
    };
    model.unanswered.iter().filter_map(told).collect()
}

/// Asks for what is not known or too old, each once at a time.
fn ask(model: &mut Model) -> Vec<Effect> {
    let since = begin(model);
    let mut effects = Vec::new();
    for (cluster, (namespaces, _)) in timeline::namespaces(&model.fleet, since) {
        let source = SourceId::cluster(&cluster);
        let question = Question::Recent(cluster.clone());
        let is_old = model.fleet.recent(&cluster).is_none_or(|recent| crate::base::time::since(recent.at, model.now) >= ASK_AGAIN);
        let is_live = model.fleet.sources().get(&source).is_some_and(crate::domain::fleet::Source::any_live);
        if is_old && is_live && !model.unanswered.contains_key(&question) {
            effects.extend(model.ask(source, question, Want::Recent(since, namespaces)));
        }
    }
    let open = model.asked.values().filter(|question| matches!(question, Question::Detail(_))).count();
    let (unread, _) = timeline::unread(&model.fleet, since);
    let failed = |key: &AppKey| model.unanswered.contains_key(&Question::Detail(key.clone()));
    let details: Vec<AppKey> = unread.into_iter().filter(|key| !failed(key)).take(DETAILS_AT_ONCE.saturating_sub(open)).collect();
    for key in details {
        let Some(project) = model.fleet.application(&key).map(|entry| entry.value.project.clone()) else { continue };
        effects.extend(model.ask(SourceId::argocd(&key.argocd), Question::Detail(key.clone()), Want::Detail(key, project)));
    }
    for (source, key, resources) in out_of_sync(model) {
        let question = Question::Edits(key.clone());
        if !model.unanswered.contains_key(&question) {
            effects.extend(model.ask(source, question, Want::Edits(key, resources)));
        }
    }
    effects
}

/// Resources that are out of sync and whose writers are not known since they were, with the cluster to ask.
fn out_of_sync(model: &Model) -> Vec<(SourceId, AppKey, Vec<ResourceName>)> {
    let mut found = Vec::new();
    for (key, entry) in model.fleet.applications().filter(|(_, entry)| entry.value.sync == Sync::OutOfSync) {
        let Some(detail) = model.fleet.detail(key) else { continue };
        let is_old = model.fleet.edits(key).is_none_or(|edits| edits.at < detail.at || since(edits.at, model.now) >= ASK_AGAIN);
        let holder = model.fleet.instance(&key.argocd).holder;
        let Known::Known(cluster) = model.fleet.landscape().cluster_of(&key.argocd, &entry.value.destination, holder.as_ref()) else { continue };
        let source = SourceId::cluster(&cluster);
        if !is_old || !model.fleet.sources().get(&source).is_some_and(crate::domain::fleet::Source::any_live) {
            continue;
        }
        let differs = detail.value.resources.iter().filter(|resource| resource.sync == Sync::OutOfSync && !resource.namespace.0.is_empty());
        let resources: Vec<ResourceName> = differs
            .map(|resource| ResourceName {
                group: resource.group.clone(),
                kind: resource.kind.clone(),
                namespace: resource.namespace.clone(),
                name: resource.name.clone(),
            })
            .collect();
        if !resources.is_empty() {
            found.push((source, key.clone(), resources));
        }
    }
    found
}

/// Asks the clusters again, whether it is time or not.
pub(super) fn ask_anew(model: &mut Model) -> Vec<Effect> {
    let Screen::Changes(_) = model.screen else { return Vec::new() };
    model.unanswered.retain(|question, _| !is_ours(question));
    let since = begin(model);
    let clusters: Vec<_> = timeline::namespaces(&model.fleet, since).into_iter().collect();
    let mut effects: Vec<Effect> = Vec::new();
    for (cluster, (namespaces, _)) in clusters {
        let source = SourceId::cluster(&cluster);
        if model.fleet.sources().contains_key(&source) {
            effects.extend(model.ask(source, Question::Recent(cluster), Want::Recent(since, namespaces)));
        }
    }
    effects
}

/// Shows only what passes a filter.
pub(super) fn narrow(model: &mut Model, filter: Filter) {
    let height = model.room().1;
    let Screen::Changes(state) = &mut model.screen else { return };
    let held = state.selected().cloned();
    state.filter = filter;
    state.narrow(height, held.as_ref());
}

/// Moves the cursor.
pub(super) fn step(model: &mut Model, by: isize) {
    let height = model.room().1;
    let Screen::Changes(state) = &mut model.screen else { return };
    let rows = state.rows(height);
    state.scroll.step(by, state.lines.len());
    state.scroll.settle(state.lines.len(), rows);
}

/// Keeps the cursor in sight when the terminal changes.
pub(super) fn settle(model: &mut Model) {
    step(model, 0);
}

/// Opens the cell of the selected change; leaving it comes back here.
pub(super) fn jump(model: &mut Model) -> Vec<Effect> {
    let Screen::Changes(state) = &model.screen else { return Vec::new() };
    let Ok(place) = state.selected_place() else { return Vec::new() };
    let placement = (!place.placement.0.is_empty()).then(|| place.placement.clone());
    let cell = CellState { service: place.service.clone(), environment: place.environment.clone(), placement, scroll: Scroll::default() };
    model.beneath = Some(Box::new(std::mem::replace(&mut model.screen, Screen::Cell(cell))));
    cell::ask(model)
}
