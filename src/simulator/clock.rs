//! Two times: the world's, in which its events are planned, and the shown one, which is the wall's. Until the start they are the same; from there
//! on the world runs `speed` times as fast. Everything that leaves the simulator carries the shown time, lengths of time included, so that a
//! cockpit or kubectl that joins finds nothing odd: at speed 60 a pause of ten minutes is one of ten seconds.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::Timestamp;
use crate::base::time::{later, since};

/// The clock of one running world.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    start: Timestamp,
    began: Instant,
    speed: f64,
}

impl Clock {
    /// Starts to run now, showing `start`. `speed` is above 0.
    pub(super) fn new(start: Timestamp, speed: f64) -> Self {
        Self { start, began: Instant::now(), speed }
    }

    /// The same clock, beginning to run only now.
    pub(super) fn restarted(&self) -> Self {
        Self { began: Instant::now(), ..self.clone() }
    }

    /// The moment at which the world began to move.
    pub(super) fn start(&self) -> Timestamp {
        self.start
    }

    /// The world's present.
    pub(super) fn world(&self) -> Timestamp {
        later(self.start, self.began.elapsed().mul_f64(self.speed))
    }

    /// The present as it is shown.
    pub(super) fn now(&self) -> Timestamp {
        later(self.start, self.began.elapsed())
    }

    /// A moment of the world as it is shown.
    pub(super) fn shown(&self, moment: Timestamp) -> Timestamp {
        if moment <= self.start { moment } else { later(self.start, self.shown_span(since(self.start, moment))) }
    }

    /// A length of the world's time as it is shown.
    pub(super) fn shown_span(&self, span: Duration) -> Duration {
        span.div_f64(self.speed)
    }

    /// So much of the wall's time in the world.
    pub(super) fn world_span(&self, span: Duration) -> Duration {
        span.mul_f64(self.speed)
    }

    /// How long until a moment of the world, on the wall; nothing when it is past.
    pub(super) fn until(&self, moment: Timestamp) -> Duration {
        self.shown_span(since(self.world(), moment))
    }
}
