//! The core without a terminal: for the command line. The same `update`, the same sources.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::app::operation::{preview, underway};
use crate::app::{Effect, Intent, Model, Msg, What, cell, changes, update};
use crate::base::Timestamp;
use crate::base::time::later;
use crate::config::Config;
use crate::domain::AppKey;
use crate::domain::observation::Report;
use crate::domain::workload::WorkloadKey;
use crate::operations::Request;
use crate::operations::door::Stated;
use crate::runtime::carrying::Carrier;
use crate::runtime::connections::Connections;
use crate::runtime::{clock, model, reached};

/// Reads the world until every source has said what it can say, or `timeout` is over. Returns the model and whether it settled.
pub async fn read(config: &Config, timeout: Duration) -> (Model, bool) {
    let mut headless = Headless::start(config, model(config));
    let settled = headless.settle(later(clock::now(), timeout)).await;
    (headless.model, settled)
}

/// The same, and then what changed within `window`. Returns the model, which looks at what changed, and whether everything was answered.
pub async fn changes(config: &Config, window: Duration, timeout: Duration) -> (Model, bool) {
    let mut model = model(config);
    model.settings.window.0 = window;
    let mut headless = Headless::start(config, model);
    let end = later(clock::now(), timeout);
    let settled = headless.settle(end).await;
    headless.take(What::Wants(Intent::Changes));
    // What is on its way when the time is up is waited for a little: a source that does not answer must not cost the history of the others.
    let end = if settled { end } else { later(clock::now(), timeout / 4) };
    let answered = headless.until(end, changes::is_answered).await;
    // Everything that came in, in one last look.
    headless.take(What::Tick);
    (headless.model, settled && answered)
}

/// The same, and then the details of some applications and the pods of some workloads. Returns the model and whether it settled.
pub async fn detailed(config: &Config, timeout: Duration, which: impl FnOnce(&Model) -> (Vec<AppKey>, Vec<WorkloadKey>)) -> (Model, bool) {
    let mut headless = Headless::start(config, model(config));
    let end = later(clock::now(), timeout);
    let settled = headless.settle(end).await;
    let (apps, workloads) = which(&headless.model);
    let mut effects = cell::details(&mut headless.model, &apps);
    effects.extend(cell::pods(&mut headless.model, &workloads));
    headless.carry_out(effects);
    // What is on its way when the time is up is waited for a little: a source that does not answer must not cost what others say.
    let end = if settled { end } else { later(clock::now(), timeout / 4) };
    let answered = headless.settle(end).await;
    headless.take(What::Tick);
    (headless.model, settled && answered)
}

/// A core that runs without a terminal.
#[derive(Debug)]
pub struct Headless {
    /// What it knows.
    pub model: Model,
    connections: Connections,
    reports: mpsc::Receiver<Report>,
    carrier: (Carrier, mpsc::UnboundedReceiver<What>),
}

impl Headless {
    /// Begins to read the world.
    #[must_use]
    pub fn start(config: &Config, model: Model) -> Self {
        let reached = reached(config);
        let carrier = Carrier::new(config, Arc::clone(&reached));
        let (connections, reports) = Connections::new(reached);
        let mut headless = Self { model, connections, reports, carrier };
        headless.take(What::Started);
        headless
    }

    /// Looks at what a request would change, with what is stated beside it.
    pub fn preview(&mut self, request: Request, stated: Stated) {
        let effects = preview::begin(&mut self.model, vec![request]);
        preview::state(&mut self.model, stated);
        self.carry_out(effects);
    }

    /// The confirmation of what is looked at appears only now.
    pub fn show_again(&mut self) {
        self.take(What::Tick);
        preview::show_again(&mut self.model);
    }

    /// Confirms what is looked at by `--yes`, where the environment allows it.
    pub fn confirm_by_yes(&mut self) {
        let effects = preview::confirm_by_yes(&mut self.model);
        self.carry_out(effects);
    }

    /// Leaves: what is under way goes on record as left, and the record gets onto the disk.
    pub async fn leave(&mut self) {
        let effects = underway::leave(&self.model);
        self.carry_out(effects);
        self.carrier.0.close().await;
    }

    /// Runs until every source has said what it can say; whether that was before `end`.
    pub async fn settle(&mut self, end: Timestamp) -> bool {
        self.until(end, Model::is_settled).await
    }

    /// Runs until something holds; whether it did before `end`.
    pub async fn until(&mut self, end: Timestamp, done: impl Fn(&Model) -> bool) -> bool {
        loop {
            if done(&self.model) {
                return true;
            }
            // Whether a source that cannot be reached has been waited for long enough is a matter of time alone.
            self.turn(end.min(later(clock::now(), SOON))).await;
            if self.model.now >= end {
                return done(&self.model);
            }
        }
    }

    /// Takes in what comes next; the time, when nothing came until `wake`. May be dropped at any time: nothing is lost.
    pub async fn turn(&mut self, wake: Timestamp) {
        let what = tokio::select! {
            biased;
            Some(report) = self.reports.recv() => {
                let mut batch = vec![report];
                while batch.len() < BATCH && let Ok(report) = self.reports.try_recv() {
                    batch.push(report);
                }
                What::Reports(batch)
            }
            Some(what) = self.carrier.1.recv() => what,
            crashed = self.connections.crashed() => What::TaskPanicked { source: crashed.source, message: crashed.message },
            () = tokio::time::sleep(clock::until(wake)) => What::Tick,
        };
        self.take(what);
    }

    /// Takes one message in and has done what comes of it.
    pub fn take(&mut self, what: What) {
        let effects = update(&mut self.model, Msg { at: clock::now(), what });
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let Some(effect) = self.carrier.0.perform(&self.model, effect) else { continue };
            match effect {
                Effect::Connect { source, epoch } => self.connections.connect(&source, epoch),
                Effect::Mirror { source, epoch, url } => self.connections.mirror(&source, epoch, &url),
                Effect::Ask { source, ask } => self.connections.ask(&source, ask),
                // There is no terminal to leave or to ring, and the end is when the world is read.
                // What changes the world, the carrier has taken.
                Effect::Prepare { .. }
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
                | Effect::ReadJournal(_)
                | Effect::Notify(_)
                | Effect::Copy(_)
                | Effect::Keep(_)
                | Effect::Browse(_)
                | Effect::Suspend
                | Effect::Play(_)
                | Effect::Quit => {}
            }
        }
    }
}

/// Reports taken in at once.
const BATCH: usize = 256;
/// How often time alone is looked at.
const SOON: Duration = Duration::from_millis(250);
