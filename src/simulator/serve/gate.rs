//! What is wrong with one server, and what went through it: shared between whoever sets a fault and everything that has to obey it, open connections
//! included. It knows no protocol.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use crate::simulator::fault::Fault;

/// One server's fault and figures.
#[derive(Debug)]
pub(super) struct Gate {
    fault: watch::Sender<Fault>,
    /// Of connections that wait for the server to thaw, by their number: one task each.
    waiting: Mutex<BTreeMap<u64, Waker>>,
    next_connection: AtomicU64,
    open: AtomicU64,
    requests: AtomicU64,
    bytes: AtomicU64,
    events: AtomicU64,
}

/// What went through one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Figures {
    pub(super) requests: u64,
    /// Bytes that were sent, heads included.
    pub(super) bytes: u64,
    /// Connections that are open now.
    pub(super) connections: u64,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            fault: watch::Sender::new(Fault::default()),
            waiting: Mutex::default(),
            next_connection: AtomicU64::new(0),
            open: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            events: AtomicU64::new(0),
        }
    }

    pub(super) fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
        // Taken out first: whoever wakes may come back for the lock.
        let waiting = std::mem::take(&mut *self.waiting());
        for waker in waiting.into_values() {
            waker.wake();
        }
    }

    pub(super) fn fault(&self) -> Fault {
        self.fault.borrow().clone()
    }

    pub(super) fn is_dripping(&self) -> bool {
        self.fault.borrow().drip
    }

    pub(super) fn latency(&self) -> Option<Duration> {
        self.fault.borrow().latency
    }

    /// Comes back once the server is down, or up again.
    pub(super) async fn until_down(&self, wanted: bool) {
        // The sender is `self`, so this cannot fail.
        let _ = self.fault.subscribe().wait_for(|fault| fault.down == wanted).await;
    }

    /// Comes back once a stream that has run for `elapsed` at the call is to be cut, whether the fault is there already or comes later.
    pub(super) async fn cut(&self) {
        let began = tokio::time::Instant::now();
        let mut faults = self.fault.subscribe();
        loop {
            let after = faults.borrow_and_update().cut_watches;
            let changed = faults.changed();
            match after {
                Some(after) => tokio::select! {
                    () = tokio::time::sleep_until(began + after) => return,
                    _ = changed => {}
                },
                None => {
                    let _ = changed.await;
                }
            }
        }
    }

    /// Whether the server is frozen; then the connection's task is woken when it no longer is.
    pub(super) fn is_frozen(&self, connection: u64, context: &Context<'_>) -> bool {
        if !self.fault.borrow().frozen {
            return false;
        }
        self.waiting().insert(connection, context.waker().clone());
        // It may have thawed before the waker was there to be found.
        self.fault.borrow().frozen
    }

    /// Whether the next event of a stream is lost: the same ones each time, spread evenly.
    pub(super) fn loses_event(&self) -> bool {
        let percent = u64::from(self.fault.borrow().lose_events.min(100));
        if percent == 0 {
            return false;
        }
        let count = self.events.fetch_add(1, Ordering::Relaxed);
        (count + 1) * percent / 100 > count * percent / 100
    }

    /// How many events were judged by [`Self::loses_event`].
    #[cfg(test)]
    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a connection for as long as what it gives lives.
    pub(super) fn connect(self: &Arc<Self>) -> Connection {
        self.open.fetch_add(1, Ordering::Relaxed);
        Connection { number: self.next_connection.fetch_add(1, Ordering::Relaxed), gate: Arc::clone(self) }
    }

    pub(super) fn figures(&self) -> Figures {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Figures { requests: read(&self.requests), bytes: read(&self.bytes), connections: read(&self.open) }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) gate: Arc<Gate>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.gate.open.fetch_sub(1, Ordering::Relaxed);
        self.gate.waiting().remove(&self.number);
    }
}
