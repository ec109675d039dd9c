//! The loop of the cockpit: keys, reports and time in; frames and effects out.
//!
//! A key paints at once. So does the first change of the world after a pause; only a burst waits for the next frame. With nothing to show, nothing
//! wakes the loop but the next change that is due by time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::Result;
use crossterm::event::{Event, KeyEventKind};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::app::matrix::ColumnKey;
use crate::app::model::Screen;
use crate::app::operation::underway;
use crate::app::{Effect, Model, Msg, Stir, What, update};
use crate::base::{Safe, Timestamp};
use crate::config::Config;
use crate::domain::ServiceName;
use crate::domain::fleet::Remembered;
use crate::domain::observation::Report;
use crate::runtime::carrying::Carrier;
use crate::runtime::connections::Connections;
use crate::runtime::kept::{self, Keeper};
use crate::runtime::remembered::{self, Memory};
use crate::runtime::signals::Signals;
use crate::runtime::terminal::input::Input;
use crate::runtime::terminal::sequences::{self, Bell, Between};
use crate::runtime::terminal::{self, Terminal};
use crate::runtime::{browser, clock, faults, model, places, reached, report, signals};
use crate::simulator::Told;
use crate::ui::keys::{self, Pressed};
use crate::ui::{self, Look, Painter};

/// Frames of a burst are at least so far apart.
const FRAME: Duration = Duration::from_millis(16);

/// What no cell shows is on the screen after so long.
const SOON: Duration = Duration::from_secs(1);

/// The words about the selected cell follow once the cursor has rested for so long. The cursor itself moves at once.
const REST: Duration = Duration::from_millis(70);

/// What is known is kept so often, for the case that the end comes without a warning.
const MEMORISE: Duration = Duration::from_mins(5);

/// Reports taken in before keys are looked at again.
const BATCH: usize = 256;

/// After so many turns of reports without a frame between them, the next ones wait for the frame: they are seen no later for it, and a thousand
/// events a second are a handful of turns.
const BURST: u8 = 4;

/// How the cockpit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A person left.
    Left,
    /// The terminal went away, or the system asked for the end.
    Ended,
    /// The core crashed; the report lies there.
    Crashed(String),
    /// It did not begin: no view is called so. The sentence says which there are.
    NoSuchView(Safe),
    /// This scenario of the demo is wanted next. Only a demo ends so.
    Plays(Safe),
}

/// Runs the cockpit until its end, beginning with a view where one is named.
pub fn run(config: &Config, view: Option<&str>) -> Result<Ending> {
    let mut model = model(config);
    if let Err(sentence) = kept::begin(&mut model, &places::state()?, view) {
        return Ok(Ending::NoSuchView(sentence));
    }
    let runtime = super::tokio_runtime()?;
    let mut terminal = Terminal::open(super::look(config).links)?;
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut signals = Signals::new()?;
            Cockpit::new(config, model, &mut terminal, &mut signals).remembering(config).keeping()?.fly().await
        })
    }));
    land(runtime, Some(terminal), caught)
}

/// Gives the terminal back, whatever happened on it, and ends what still runs.
pub(super) fn land(runtime: Runtime, terminal: Option<Terminal>, caught: std::thread::Result<Result<Ending>>) -> Result<Ending> {
    // Requests in flight are not waited for: nothing here changes the world.
    runtime.shutdown_background();
    match (&caught, terminal) {
        (Ok(_), Some(terminal)) => terminal.close(),
        (Err(_), Some(_)) => terminal::restore(),
        (_, None) => {}
    }
    caught.unwrap_or_else(|payload| {
        let place = report::last().map_or_else(|| "nowhere: the state directory cannot be written".to_owned(), |path| path.display().to_string());
        tracing::error!(message = %super::panic_words(&*payload), "the core crashed");
        Ok(Ending::Crashed(place))
    })
}

/// The cockpit on a terminal.
pub(super) struct Cockpit<'t> {
    model: Model,
    look: Look,
    painter: Painter,
    terminal: &'t mut Terminal,
    connections: Connections,
    reports: mpsc::Receiver<Report>,
    /// Carries changes out, and what comes of them.
    carrier: (Carrier, mpsc::UnboundedReceiver<What>),
    signals: &'t mut Signals,
    /// What did not come about outside, in words.
    failures: (mpsc::UnboundedSender<Safe>, mpsc::UnboundedReceiver<Safe>),
    /// Keeps what is to be there the next time; a demo keeps nothing.
    keeper: Option<Keeper>,
    bell: Bell,
    between: Between,
    /// The story of a demo, while it goes on.
    told: Option<watch::Receiver<Told>>,
    /// What an earlier run knew, and where the next one will look for it. None in a demo.
    memory: Option<Memory>,
    /// The parts of it that the first frame did not wait for.
    recalled: Option<mpsc::Receiver<Vec<Remembered>>>,
    memorised_at: Instant,
    painted_at: Option<Instant>,
    /// Turns of reports since the last frame.
    burst: u8,
    /// When the cursor will have rested.
    rests_at: Option<Instant>,
    /// When what was taken in is to be on the screen; none where it is.
    due: Option<Instant>,
    whole: bool,
}

enum Turn {
    On,
    End(Ending),
}

impl<'t> Cockpit<'t> {
    pub(super) fn new(config: &Config, mut model: Model, terminal: &'t mut Terminal, signals: &'t mut Signals) -> Self {
        model.settings.takes_up = true;
        let reached = reached(config);
        let carrier = Carrier::new(config, Arc::clone(&reached));
        let (connections, reports) = Connections::new(reached);
        Self {
            carrier,
            model,
            look: super::look(config),
            painter: Painter::default(),
            terminal,
            connections,
            reports,
            signals,
            failures: mpsc::unbounded_channel(),
            keeper: None,
            bell: super::bell(config),
            between: Between::choose(|name| std::env::var(name).ok()),
            told: None,
            memory: None,
            recalled: None,
            memorised_at: Instant::now(),
            painted_at: None,
            burst: 0,
            rests_at: None,
            due: Some(Instant::now()),
            whole: true,
        }
    }

    /// Favourites and views are kept for the next time.
    fn keeping(mut self) -> Result<Self> {
        let failures = self.failures.0.clone();
        self.keeper = Some(Keeper::start(places::state()?, move |sentence| drop(failures.send(sentence)))?);
        Ok(self)
    }

    /// The story of the demo comes from here, beginning with what was told last.
    pub(super) fn told_by(mut self, mut told: watch::Receiver<Told>) -> Self {
        told.mark_changed();
        self.told = Some(told);
        self
    }

    /// What an earlier run knew is shown until its sources answer, and what this one knows is kept for the next.
    fn remembering(mut self, config: &Config) -> Self {
        match Memory::of(config) {
            Ok(memory) => self.memory = Some(memory),
            Err(error) => tracing::warn!(%error, "the last known fleet is not remembered"),
        }
        self
    }

    pub(super) async fn fly(mut self) -> Result<Ending> {
        let (columns, rows) = Terminal::size();
        self.take(What::Resized(columns, rows));
        let mut effects = self.update(What::Started);
        effects.extend(self.recall());
        self.paint();
        // Clients are built behind the first frame.
        for effect in effects {
            self.perform(effect);
        }
        loop {
            match self.turn().await? {
                Turn::On => {}
                Turn::End(ending) => {
                    self.carrier.0.close().await;
                    self.memorise();
                    return Ok(ending);
                }
            }
        }
    }

    /// The end that nobody asked for: what is under way goes on record as left.
    fn end(&mut self, ending: Ending) -> Turn {
        for effect in underway::leave(&self.model) {
            self.perform(effect);
        }
        Turn::End(ending)
    }

    /// Takes in the first part of what an earlier run knew. The others follow from a thread of their own.
    fn recall(&mut self) -> Vec<Effect> {
        let opened = match self.memory.as_ref().map(Memory::open) {
            None | Some(Ok(None)) => return Vec::new(),
            Some(Ok(Some(parts))) => Ok(parts),
            Some(Err(error)) => Err(error),
        };
        let mut parts = match opened {
            Ok(parts) => parts,
            Err(error) => {
                tracing::warn!(%error, "the last known fleet cannot be read");
                return Vec::new();
            }
        };
        let Some(Ok(first)) = parts.next() else { return Vec::new() };
        let (sender, receiver) = mpsc::channel(1);
        let others = std::thread::Builder::new().name("memory".into()).spawn(move || {
            for part in parts {
                match part {
                    Ok(part) => {
                        if sender.blocking_send(part).is_err() {
                            return;
                        }
                    }
                    Err(error) => tracing::warn!(%error, "the last known fleet cannot be read to its end"),
                }
            }
        });
        self.recalled = others.is_ok().then_some(receiver);
        self.update(What::Remembered(first))
    }

    /// Keeps what is known for the next run.
    fn memorise(&mut self) {
        self.memorised_at = Instant::now();
        let Some(memory) = &self.memory else { return };
        let memorable = remembered::memorable(&self.model, clock::now());
        // A run that never saw anything does not make the next one forget.
        if memorable.is_empty() {
            return;
        }
        if let Err(error) = memory.write(&memorable) {
            tracing::warn!(%error, "the last known fleet is not remembered");
        }
    }

    async fn turn(&mut self) -> Result<Turn> {
        let (by_time, by_frame, rests_at) = (self.changes_at(), self.frame_at(), self.rests_at);
        let waits = self.burst >= BURST && by_frame.is_some_and(|at| at <= Instant::now() + FRAME);
        tokio::select! {
            biased;
            () = signals::ended(&mut self.signals.end) => return Ok(self.end(Ending::Ended)),
            input = self.terminal.inputs.recv() => return self.take_inputs(input),
            Some(()) = self.signals.continued.recv() => self.repaint(),
            // Also when it is as large as before: frames of the sizes in between may have been overtaken, and what they cut off is gone.
            Some(()) = self.signals.resized.recv() => self.distrust(),
            Some(report) = self.reports.recv(), if !waits => self.take_reports(report),
            Some(what) = self.carrier.1.recv() => self.take(what),
            Some(what) = news(&mut self.told) => self.take(what),
            Some(part) = recalled(&mut self.recalled) => self.take(What::Remembered(part)),
            crashed = self.connections.crashed() => self.take(What::TaskPanicked { source: crashed.source, message: crashed.message }),
            Some(sentence) = self.failures.1.recv() => self.take(What::Failed(sentence)),
            () = reached_moment(rests_at) => {
                self.rest();
                self.due = Some(Instant::now());
            }
            () = tokio::time::sleep_until(by_time) => self.take(What::Tick),
            () = reached_moment(by_frame) => {}
        }
        if self.memorised_at.elapsed() >= MEMORISE {
            self.memorise();
        }
        if self.frame_at().is_some_and(|at| at <= Instant::now()) {
            self.paint();
        }
        Ok(Turn::On)
    }

    /// When time alone changes something.
    fn changes_at(&self) -> Instant {
        let due = |moment: Timestamp| Instant::now() + clock::until(moment);
        // Under an overlay no row moves, however long it has waited.
        let rows = self.model.matrix.next_wake().filter(|_| self.model.overlay.is_none());
        let by_time = ui::next_change(&self.model).into_iter().chain(rows).min().map(due);
        by_time.unwrap_or_else(|| Instant::now() + Duration::from_mins(1))
    }

    /// When the next frame is painted, if one is due.
    fn frame_at(&self) -> Option<Instant> {
        let due = self.due?;
        Some(self.painted_at.map_or(due, |painted| due.max(painted + FRAME)))
    }

    /// The words follow the cursor again.
    fn rest(&mut self) {
        self.rests_at = None;
        self.painter.hold_words(false);
    }

    fn take_inputs(&mut self, first: Option<Input>) -> Result<Turn> {
        let mut next = first;
        let before = self.selection();
        self.rest();
        while let Some(input) = next {
            let (event, quiet) = match input {
                Input::Gone => return Ok(self.end(Ending::Ended)),
                Input::Event { event, quiet } => (event, quiet),
            };
            assert!(!faults::wished("core"), "a fault was wished for");
            let effects = match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => match keys::pressed(self.look.keys, &self.model, key) {
                    Some(Pressed::Wants(intent)) => self.update(What::Wants(intent)),
                    Some(Pressed::Typed(character)) => self.update(What::Typed(character)),
                    Some(Pressed::Erased) => self.update(What::Erased),
                    Some(Pressed::Confirmed) => self.update(What::Confirmed { quiet }),
                    None => Vec::new(),
                },
                Event::Paste(text) => self.update(What::Pasted(Safe::clean(&text))),
                _ => Vec::new(),
            };
            for effect in effects {
                match effect {
                    Effect::Quit => return Ok(Turn::End(Ending::Left)),
                    Effect::Play(name) => {
                        // What is on the screen stays until the next world is there: it is to say so.
                        self.paint();
                        return Ok(Turn::End(Ending::Plays(name)));
                    }
                    Effect::Suspend => {
                        self.terminal.suspend()?;
                        self.repaint();
                    }
                    effect => self.perform(effect),
                }
            }
            next = self.terminal.inputs.try_recv().ok();
        }
        if before.is_some() && before != self.selection() {
            self.rests_at = Some(Instant::now() + REST);
            self.painter.hold_words(true);
        }
        self.paint();
        Ok(Turn::On)
    }

    /// What the cursor is on, where it moves freely: on the matrix, with nothing over it.
    fn selection(&self) -> Option<(Option<ServiceName>, Option<ColumnKey>)> {
        let is_free = self.model.screen == Screen::Matrix && self.model.overlay.is_none();
        is_free.then(|| (self.model.matrix.selected.clone(), self.model.matrix.column.clone()))
    }

    fn take_reports(&mut self, first: Report) {
        self.burst = self.burst.saturating_add(1);
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(report) = self.reports.try_recv()
        {
            batch.push(report);
        }
        self.take(What::Reports(batch));
    }

    fn take(&mut self, what: What) {
        for effect in self.update(what) {
            self.perform(effect);
        }
    }

    fn update(&mut self, what: What) -> Vec<Effect> {
        let effects = update(&mut self.model, Msg { at: clock::now(), what });
        let due = match self.model.take_stir() {
            Stir::Nothing => return effects,
            Stir::Soon => Instant::now() + SOON,
            Stir::Now => Instant::now(),
        };
        self.due = Some(self.due.map_or(due, |held| held.min(due)));
        effects
    }

    fn perform(&mut self, effect: Effect) {
        let Some(effect) = self.carrier.0.perform(&self.model, effect) else { return };
        match effect {
            Effect::Connect { source, epoch } => self.connections.connect(&source, epoch),
            Effect::Mirror { source, epoch, url } => self.connections.mirror(&source, epoch, &url),
            Effect::Ask { source, ask } => self.connections.ask(&source, ask),
            Effect::Notify(text) => self.terminal.send_beside(&sequences::notification(&text, self.bell, self.between)),
            Effect::Copy(text) => self.terminal.send_beside(&sequences::clipboard(&text, self.between)),
            Effect::Browse(link) => browser::send(link, self.failures.0.clone()),
            Effect::Keep(change) => {
                if let Some(keeper) = &self.keeper {
                    keeper.keep(change);
                }
            }
            // Handled where keys are taken in: only keys ask for the first three. The others the carrier has taken.
            Effect::Suspend
            | Effect::Play(_)
            | Effect::Quit
            | Effect::Prepare { .. }
            | Effect::Render { .. }
            | Effect::Permit { .. }
            | Effect::Carry(_)
            | Effect::Trace { .. }
            | Effect::Record { .. }
            | Effect::Recall
            | Effect::Learn
            | Effect::Arm { .. }
            | Effect::Disarm { .. }
            | Effect::Rehearse(_)
            | Effect::ReadJournal(_) => {}
        }
    }

    /// Nothing on the screen can be relied on, nor its size: the next frame repaints it whole.
    fn distrust(&mut self) {
        let (columns, rows) = Terminal::size();
        self.take(What::Resized(columns, rows));
        self.whole = true;
        self.due = Some(Instant::now());
    }

    fn repaint(&mut self) {
        self.distrust();
        self.paint();
    }

    fn paint(&mut self) {
        self.due = None;
        self.burst = 0;
        let (mut buffer, mut links) = self.terminal.blank(self.model.size);
        ui::paint(&self.model, &self.look, &mut self.painter, &mut buffer, &mut links);
        if let Some(furthest) = self.painter.furthest() {
            self.take(What::Painted { furthest });
        }
        self.terminal.show(buffer, links, std::mem::take(&mut self.whole));
        self.painted_at = Some(Instant::now());
    }
}

/// Waits until then; for ever where it is not known when.
async fn reached_moment(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The next part of what an earlier run knew. Waits for ever where there is none, or none any more.
async fn recalled(parts: &mut Option<mpsc::Receiver<Vec<Remembered>>>) -> Option<Vec<Remembered>> {
    let Some(receiver) = parts else { return std::future::pending().await };
    let part = receiver.recv().await;
    if part.is_none() {
        *parts = None;
        return std::future::pending().await;
    }
    part
}

/// The next line of the story. Waits for ever where there is none, or none any more.
async fn news(told: &mut Option<watch::Receiver<Told>>) -> Option<What> {
    let Some(receiver) = told else { return std::future::pending().await };
    if receiver.changed().await.is_err() {
        *told = None;
        return std::future::pending().await;
    }
    let newest = receiver.borrow_and_update().clone();
    newest.at.map(|at| What::Told { at, line: newest.line })
}

#[cfg(test)]
mod tests;
