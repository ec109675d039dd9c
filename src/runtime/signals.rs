//! What the system tells this process: that it is to end, that the terminal has another size, that it was continued.

use color_eyre::eyre::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the system tells this process. From the first of these on, none of them ends it by itself.
#[derive(Debug)]
pub struct Signals {
    pub(super) end: [Signal; 3],
    pub(super) resized: Signal,
    pub(super) continued: Signal,
}

impl Signals {
    /// Listens from now on.
    pub fn new() -> Result<Self> {
        Ok(Self {
            end: [signal(SignalKind::hangup())?, signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?],
            resized: signal(SignalKind::window_change())?,
            continued: signal(SignalKind::from_raw(signal_hook::consts::SIGCONT))?,
        })
    }

    /// Waits to be asked for the end.
    pub async fn end(&mut self) {
        ended(&mut self.end).await;
    }
}

pub(super) async fn ended([hangup, terminate, interrupt]: &mut [Signal; 3]) {
    tokio::select! {
        _ = hangup.recv() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
