//! Changes for their own sake: what a cockpit costs and how soon it shows something is measured with them. No story comes of it.

use std::time::Duration;

use super::application::Health;
use super::{Event, World};
use crate::base::time::later;

/// More changes than this are not made in a second: the world itself would fall behind.
const LIMIT: u32 = 10_000;

impl World {
    /// From now on so many times a second one application, by chance, changes its health or changes it back: one event on every stream of
    /// applications. Nothing changes any more with 0.
    pub(super) fn set_churn(&mut self, per_second: u32) {
        self.churn.0 += 1;
        self.churn.1 = per_second.min(LIMIT);
        let (round, now) = (self.churn.0, self.now);
        if self.churn.1 > 0 {
            self.plan(now, Event::Churn(round));
        }
    }

    /// One change, and the next is planned, as long as nobody has asked for another number since.
    pub(super) fn go_on_churning(&mut self, round: u64) {
        let (current, per_second) = self.churn;
        if round != current || per_second == 0 || self.applications.is_empty() {
            return;
        }
        let number = self.dice.usize(..self.applications.len());
        self.turn(number);
        self.plan(later(self.now, Duration::from_secs(1) / per_second), Event::Churn(round));
    }

    /// Changes the health of one application, or changes it back.
    pub(super) fn turn(&mut self, number: usize) {
        let now = self.now;
        let Some(application) = self.applications.get_mut(number) else { return };
        application.health = if application.health == Health::Healthy { Health::Progressing } else { Health::Healthy };
        application.health_since = now;
        self.unshown.applications.insert(number);
    }
}
