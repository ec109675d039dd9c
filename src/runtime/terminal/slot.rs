//! A channel for one value where the latest wins: who puts never waits, who takes gets the newest.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The channel.
#[derive(Debug)]
pub struct Slot<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    closed: bool,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { value: None, closed: false }), filled: Condvar::new() }
    }
}

impl<T> Slot<T> {
    /// Puts a value in. A value that nobody took yet comes back.
    pub fn put(&self, value: T) -> Option<T> {
        let displaced = self.lock().value.replace(value);
        self.filled.notify_one();
        displaced
    }

    /// Waits for a value. `None` once the slot is closed and empty.
    pub fn take(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(value) = state.value.take() {
                return Some(value);
            }
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes a value if there is one.
    pub fn try_take(&self) -> Option<T> {
        self.lock().value.take()
    }

    /// Nothing more is coming.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_wins_and_a_closed_slot_is_emptied_first() {
        let slot = Slot::default();
        assert_eq!(slot.put(1), None);
        assert_eq!(slot.put(2), Some(1));
        slot.close();
        assert_eq!(slot.take(), Some(2));
        assert_eq!(slot.take(), None);
    }
}
