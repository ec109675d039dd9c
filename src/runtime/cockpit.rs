//! The loop of the cockpit: keys, reports and time in; frames and effects out.
//!
//! A key paints at once. So does the first change of the world after a pause; only a burst waits for the next frame. With nothing to show, nothing
//! wakes the loop but the next change that is due by time.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use color_eyre::eyre::Result;
use crossterm::event::{Event, KeyEventKind};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::app::{Effect, Model, Msg, What, update};
use crate::base::{Safe, Timestamp};
use crate::config::Config;
use crate::domain::observation::Report;
use crate::runtime::connections::Connections;
use crate::runtime::terminal::input::Input;
use crate::runtime::terminal::{self, Terminal};
use crate::runtime::{clock, faults, model, reached, report};
use crate::ui::keys::{self, Pressed};
use crate::ui::{self, Look, Painter};

/// Frames of a burst are at least so far apart.
const FRAME: Duration = Duration::from_millis(16);

/// Reports taken in before keys are looked at again.
const BATCH: usize = 256;

/// How the cockpit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A person left.
    Left,
    /// The terminal went away, or the system asked for the end.
    Ended,
    /// The core crashed; the report lies there.
    Crashed(String),
}

/// Runs the cockpit until its end.
pub fn run(config: &Config) -> Result<Ending> {
    let runtime = super::tokio_runtime()?;
    let terminal = Terminal::open()?;
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut cockpit = Cockpit::new(config, terminal)?;
            let ending = cockpit.fly().await?;
            cockpit.terminal.close();
            Ok(ending)
        })
    }));
    // Requests in flight are not waited for: nothing here changes the world.
    runtime.shutdown_background();
    caught.unwrap_or_else(|payload| {
        terminal::restore();
        let place = report::last().map_or_else(|| "nowhere: the state directory cannot be written".to_owned(), |path| path.display().to_string());
        tracing::error!(message = %super::panic_words(&*payload), "the core crashed");
        Ok(Ending::Crashed(place))
    })
}

struct Cockpit {
    model: Model,
    look: Look,
    painter: Painter,
    terminal: Terminal,
    connections: Connections,
    reports: mpsc::Receiver<Report>,
    signals: Signals,
    painted_at: Option<Instant>,
    dirty: bool,
    whole: bool,
}

struct Signals {
    end: [Signal; 3],
    resized: Signal,
    continued: Signal,
}

enum Turn {
    On,
    End(Ending),
}

impl Cockpit {
    fn new(config: &Config, terminal: Terminal) -> Result<Self> {
        let (connections, reports) = Connections::new(reached(config));
        let signals = Signals {
            end: [signal(SignalKind::hangup())?, signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?],
            resized: signal(SignalKind::window_change())?,
            continued: signal(SignalKind::from_raw(signal_hook::consts::SIGCONT))?,
        };
        let look = super::look(config);
        Ok(Self {
            model: model(config),
            look,
            painter: Painter::default(),
            terminal,
            connections,
            reports,
            signals,
            painted_at: None,
            dirty: true,
            whole: true,
        })
    }

    async fn fly(&mut self) -> Result<Ending> {
        let (columns, rows) = Terminal::size();
        self.take(What::Resized(columns, rows));
        self.paint();
        self.take(What::Started);
        loop {
            match self.turn().await? {
                Turn::On => {}
                Turn::End(ending) => return Ok(ending),
            }
        }
    }

    async fn turn(&mut self) -> Result<Turn> {
        let wake = self.wake();
        let [hangup, terminate, interrupt] = &mut self.signals.end;
        tokio::select! {
            biased;
            Some(()) = hangup.recv() => return Ok(Turn::End(Ending::Ended)),
            Some(()) = terminate.recv() => return Ok(Turn::End(Ending::Ended)),
            Some(()) = interrupt.recv() => return Ok(Turn::End(Ending::Ended)),
            input = self.terminal.inputs.recv() => return self.take_inputs(input),
            Some(()) = self.signals.continued.recv() => self.repaint(),
            Some(()) = self.signals.resized.recv() => {
                let (columns, rows) = Terminal::size();
                self.take(What::Resized(columns, rows));
                self.dirty = true;
            }
            Some(report) = self.reports.recv() => self.take_reports(report),
            crashed = self.connections.crashed() => {
                self.take(What::TaskPanicked { source: crashed.source, message: crashed.message });
                self.dirty = true;
            }
            () = tokio::time::sleep_until(wake) => {
                self.take(What::Tick);
                self.dirty = true;
            }
        }
        if self.dirty && self.painted_at.is_none_or(|at| at.elapsed() >= FRAME) {
            self.paint();
        }
        Ok(Turn::On)
    }

    /// When the loop has to wake even if nothing happens.
    fn wake(&self) -> Instant {
        let due = |moment: Timestamp| Instant::now() + clock::until(moment);
        let by_time = ui::next_change(&self.model).into_iter().chain(self.model.matrix.next_wake()).min().map(due);
        let by_frame = self.dirty.then(|| self.painted_at.map_or_else(Instant::now, |at| at + FRAME));
        by_time.into_iter().chain(by_frame).min().unwrap_or_else(|| Instant::now() + Duration::from_mins(1))
    }

    fn take_inputs(&mut self, first: Option<Input>) -> Result<Turn> {
        let mut next = first;
        while let Some(input) = next {
            let event = match input {
                Input::Gone => return Ok(Turn::End(Ending::Ended)),
                Input::Event(event) => event,
            };
            assert!(!faults::wished("core"), "a fault was wished for");
            let effects = match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => match keys::pressed(&self.model, key) {
                    Some(Pressed::Wants(intent)) => self.update(What::Wants(intent)),
                    Some(Pressed::Typed(character)) => self.update(What::Typed(character)),
                    Some(Pressed::Erased) => self.update(What::Erased),
                    None => Vec::new(),
                },
                Event::Paste(text) => self.update(What::Pasted(Safe::clean(&text))),
                _ => Vec::new(),
            };
            for effect in effects {
                match effect {
                    Effect::Quit => return Ok(Turn::End(Ending::Left)),
                    Effect::Suspend => {
                        self.terminal.suspend()?;
                        self.repaint();
                    }
                    effect => self.perform(effect),
                }
            }
            next = self.terminal.inputs.try_recv().ok();
        }
        self.paint();
        Ok(Turn::On)
    }

    fn take_reports(&mut self, first: Report) {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(report) = self.reports.try_recv()
        {
            batch.push(report);
        }
        // Signs of life change nothing that is painted before the next change by time.
        self.dirty |= batch.iter().any(|report| !report.body.is_quiet());
        self.take(What::Reports(batch));
    }

    fn take(&mut self, what: What) {
        for effect in self.update(what) {
            self.perform(effect);
        }
    }

    fn update(&mut self, what: What) -> Vec<Effect> {
        update(&mut self.model, Msg { at: clock::now(), what })
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { source, epoch } => self.connections.connect(&source, epoch),
            Effect::Ask { source, ask } => self.connections.ask(&source, ask),
            // Handled where keys are taken in: only keys ask for these.
            Effect::Suspend | Effect::Quit => {}
        }
    }

    /// Nothing on the screen can be relied on, nor its size.
    fn repaint(&mut self) {
        let (columns, rows) = Terminal::size();
        self.take(What::Resized(columns, rows));
        self.whole = true;
        self.paint();
    }

    fn paint(&mut self) {
        let mut buffer = self.terminal.blank(self.model.size);
        ui::paint(&self.model, &self.look, &mut self.painter, &mut buffer);
        if let Some(furthest) = self.painter.furthest() {
            self.take(What::Painted { furthest });
        }
        self.terminal.show(buffer, std::mem::take(&mut self.whole));
        self.painted_at = Some(Instant::now());
        self.dirty = false;
    }
}
