//! The core without a terminal: for the command line. The same `update`, the same sources, until the fleet is settled or time is up.

use std::time::Duration;

use crate::app::{Effect, Model, Msg, What, update};
use crate::base::Timestamp;
use crate::base::time::later;
use crate::config::Config;
use crate::runtime::connections::Connections;
use crate::runtime::{clock, model, reached};

/// Reads the world until every source has said what it can say, or `timeout` is over. Returns the model and whether it settled.
pub async fn read(config: &Config, timeout: Duration) -> (Model, bool) {
    let mut model = model(config);
    let (mut connections, mut reports) = Connections::new(reached(config));
    let end = later(clock::now(), timeout);
    let effects = update(&mut model, msg(What::Started));
    perform(effects, &mut connections);
    loop {
        if model.is_settled() {
            return (model, true);
        }
        let what = tokio::select! {
            biased;
            Some(report) = reports.recv() => {
                let mut batch = vec![report];
                while batch.len() < BATCH && let Ok(report) = reports.try_recv() {
                    batch.push(report);
                }
                What::Reports(batch)
            }
            crashed = connections.crashed() => What::TaskPanicked { source: crashed.source, message: crashed.message },
            () = tokio::time::sleep(clock::until(end.min(soon()))) => What::Tick,
        };
        let effects = update(&mut model, msg(what));
        perform(effects, &mut connections);
        if model.now >= end {
            let settled = model.is_settled();
            return (model, settled);
        }
    }
}

/// Reports taken in at once.
const BATCH: usize = 256;

/// Whether a source that cannot be reached has been waited for long enough is a matter of time alone.
fn soon() -> Timestamp {
    later(clock::now(), Duration::from_millis(250))
}

fn msg(what: What) -> Msg {
    Msg { at: clock::now(), what }
}

fn perform(effects: Vec<Effect>, connections: &mut Connections) {
    for effect in effects {
        match effect {
            Effect::Connect { source, epoch } => connections.connect(&source, epoch),
            Effect::Mirror { source, epoch, url } => connections.mirror(&source, epoch, &url),
            Effect::Ask { source, ask } => connections.ask(&source, ask),
            // There is no terminal to leave or to ring, and the end is when the world is read.
            Effect::Notify(_) | Effect::Copy(_) | Effect::Keep(_) | Effect::Browse(_) | Effect::Suspend | Effect::Play(_) | Effect::Quit => {}
        }
    }
}
