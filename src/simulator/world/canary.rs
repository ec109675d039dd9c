//! The Rollouts controller: the steps of a canary, its pauses and analyses, what an abort and a retry do. After argo-rollouts v1.9.1 as recorded on
//! the lab: whole pods, no traffic routing. Pure.

use std::time::Duration;

use super::workload::{Nature, Workload};
use crate::base::Timestamp;
use crate::base::time::later;
use crate::simulator::canary::Step;
use crate::simulator::scenario::Fate;

/// Between two measurements of an analysis, and how many there are; more than one failed fails it.
pub(in crate::simulator) const INTERVAL: Duration = Duration::from_secs(10);
const COUNT: u32 = 4;
const FAILURE_LIMIT: u32 = 1;
/// From this share of failed requests on a measurement fails.
pub(in crate::simulator) const TOO_MANY_ERRORS: f64 = 0.01;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct Analysis {
    pub(in crate::simulator) began: Timestamp,
    pub(in crate::simulator) measured: u32,
    pub(in crate::simulator) failed: u32,
    /// How it ended, if it has.
    pub(in crate::simulator) ended: Option<bool>,
    /// The step it belongs to.
    pub(in crate::simulator) step: usize,
}

impl Analysis {
    pub(in crate::simulator) fn message(&self) -> String {
        format!("Metric \"error-rate\" assessed Failed due to failed ({}) > failureLimit ({FAILURE_LIMIT})", self.failed)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct Aborted {
    pub(in crate::simulator) at: Timestamp,
    /// Empty when a person did it.
    pub(in crate::simulator) why: String,
}

/// Pods from before a moment are to be replaced, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct Restart {
    pub(in crate::simulator) at: Timestamp,
    /// The moment as it was written.
    pub(in crate::simulator) said: String,
    pub(in crate::simulator) is_done: bool,
}

/// Where a Rollout is in its steps.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulator) struct Canary {
    pub(in crate::simulator) steps: Vec<Step>,
    pub(in crate::simulator) index: usize,
    /// The tag that everybody got last.
    pub(in crate::simulator) stable: String,
    /// Since when a pause of the steps holds.
    pub(in crate::simulator) paused: Option<Timestamp>,
    /// `spec.paused`: somebody holds it, whatever the steps say.
    pub(in crate::simulator) held: bool,
    pub(in crate::simulator) aborted: Option<Aborted>,
    pub(in crate::simulator) analysis: Option<Analysis>,
    /// Whether this version was aborted before: `abort` then stays, as false.
    pub(in crate::simulator) retried: bool,
    /// Somebody let it go to everybody at once: `promoteFull`, until it has.
    pub(in crate::simulator) full: bool,
    pub(in crate::simulator) restart: Option<Restart>,
}

impl Canary {
    pub(in crate::simulator) fn new(steps: Vec<Step>, stable: &str) -> Self {
        let index = steps.len();
        let stable = stable.to_owned();
        Self { steps, index, stable, paused: None, held: false, aborted: None, analysis: None, retried: false, full: false, restart: None }
    }

    /// A new version is wanted. The stable one again: there is nothing to try out.
    pub(in crate::simulator) fn begin(&mut self, tag: &str) {
        self.index = if tag == self.stable { self.steps.len() } else { 0 };
        self.paused = None;
        self.aborted = None;
        self.analysis = None;
        self.retried = false;
        self.full = false;
    }

    /// Everybody has it.
    pub(in crate::simulator) fn finish(&mut self, tag: &str) {
        tag.clone_into(&mut self.stable);
        self.index = self.steps.len();
        self.paused = None;
        self.full = false;
    }

    pub(in crate::simulator) fn is_finished(&self) -> bool {
        self.index >= self.steps.len() && !self.held
    }

    /// The share that the newest version should have.
    pub(in crate::simulator) fn weight(&self) -> u32 {
        if self.aborted.is_some() {
            return 0;
        }
        if self.index >= self.steps.len() {
            return 100;
        }
        let weights = self.steps.iter().take(self.index + 1).rev();
        weights.into_iter().find_map(|step| if let Step::Weight(weight) = step { Some(u32::from(*weight)) } else { None }).unwrap_or(0)
    }

    /// A person lets it go on: over a pause, or over whatever step it is at. Returns whether there was anything to go on from.
    pub(in crate::simulator) fn promote(&mut self) -> bool {
        if self.aborted.is_some() || self.index >= self.steps.len() {
            return false;
        }
        self.paused = None;
        self.index += 1;
        true
    }

    pub(in crate::simulator) fn promote_fully(&mut self) -> bool {
        let open = self.index < self.steps.len() || self.aborted.is_some();
        self.paused = None;
        self.aborted = None;
        self.index = self.steps.len();
        self.full = open;
        open
    }

    pub(in crate::simulator) fn abort(&mut self, at: Timestamp, why: &str) -> bool {
        if self.aborted.is_some() || self.index >= self.steps.len() {
            return false;
        }
        self.aborted = Some(Aborted { at, why: why.to_owned() });
        self.index = 0;
        self.paused = None;
        true
    }

    pub(in crate::simulator) fn retry(&mut self) -> bool {
        let was = self.aborted.take().is_some();
        if was {
            self.analysis = None;
            self.index = 0;
            self.retried = true;
        }
        was
    }

    /// The next moment at which it goes on by itself.
    pub(in crate::simulator) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        if self.held || self.aborted.is_some() {
            return None;
        }
        let pause = match (self.steps.get(self.index), self.paused) {
            (Some(Step::Pause(Some(length))), Some(since)) => Some(later(since, *length)),
            _ => None,
        };
        let analysis = self.analysis.as_ref().filter(|analysis| analysis.ended.is_none()).map(|analysis| measurement(analysis, analysis.measured));
        pause.into_iter().chain(analysis).filter(|moment| *moment > now).min()
    }
}

fn measurement(analysis: &Analysis, number: u32) -> Timestamp {
    later(analysis.began, INTERVAL * number)
}

impl Workload {
    /// One step of the Rollouts controller. Returns whether anything happened.
    pub(super) fn step_rollout(&mut self, now: Timestamp, nature: &Nature) -> bool {
        let Some(mut canary) = self.canary.take() else { return self.roll(now, nature, 1, 0) };
        let acted = self.step_canary(now, nature, &mut canary);
        self.canary = Some(canary);
        acted
    }

    fn step_canary(&mut self, now: Timestamp, nature: &Nature, canary: &mut Canary) -> bool {
        if self.evict(now, canary) {
            return true;
        }
        if canary.held {
            // No step is taken, but what is lost is replaced.
            let stable = self.sets.iter().position(|set| set.tag == canary.stable).unwrap_or(self.sets.len().saturating_sub(1));
            let is_short = self.total() < self.replicas;
            if is_short {
                self.add_pod(stable, now, &Nature::default());
            }
            return is_short;
        }
        let is_stable = self.tag == canary.stable;
        if is_stable || canary.index >= canary.steps.len() {
            let acted = self.roll(now, nature, 1, 0);
            let complete = self.updated() == self.replicas && self.ready(now) >= self.replicas && self.total() == self.replicas;
            if complete && !is_stable {
                canary.finish(&self.tag);
                return true;
            }
            return acted;
        }
        let mut acted = self.share(now, nature, canary);
        if acted || canary.aborted.is_some() || self.sets.last().is_some_and(|set| set.ready(now) < set.count()) {
            return acted;
        }
        match canary.steps.get(canary.index) {
            Some(Step::Weight(_)) => {
                canary.index += 1;
                acted = true;
            }
            Some(Step::Pause(length)) => match (canary.paused, length) {
                (None, _) => {
                    canary.paused = Some(now);
                    acted = true;
                }
                (Some(since), Some(length)) if later(since, *length) <= now => {
                    canary.paused = None;
                    canary.index += 1;
                    acted = true;
                }
                _ => {}
            },
            Some(Step::Analysis) => acted = measure(now, nature, canary),
            None => {}
        }
        acted
    }

    /// Takes away one pod from before the moment of a restart, once all serve. Returns whether one went.
    fn evict(&mut self, now: Timestamp, canary: &mut Canary) -> bool {
        let Some(restart) = canary.restart.as_mut().filter(|restart| !restart.is_done) else { return false };
        if self.ready(now) < self.replicas {
            return false;
        }
        let old = self.sets.iter_mut().find_map(|set| {
            let place = set.pods.iter().position(|pod| pod.created < restart.at)?;
            Some((set, place))
        });
        if let Some((set, place)) = old {
            set.pods.remove(place);
            return true;
        }
        restart.is_done = true;
        false
    }

    /// Gives the newest version its share of the pods, one pod at a time. Returns whether a pod came or went.
    fn share(&mut self, now: Timestamp, nature: &Nature, canary: &Canary) -> bool {
        let wanted = self.replicas;
        let weight = canary.weight();
        let (new, old) = ((wanted * weight).div_ceil(100), (wanted * (100 - weight)).div_ceil(100));
        let newest = self.sets.len().saturating_sub(1);
        let stable = self.sets.iter().position(|set| set.tag == canary.stable);
        let ready = self.ready(now);
        // Versions between the stable and the newest one are given up first.
        if let Some(between) = self.sets.iter_mut().find(|set| set.tag != canary.stable && set.tag != self.tag && !set.pods.is_empty())
            && (ready > wanted || between.ready(now) < between.count())
        {
            between.drop_one(now);
            return true;
        }
        let old_count = stable.and_then(|stable| self.sets.get(stable)).map_or(0, super::pods::Set::count);
        let surplus = self.total() < wanted + 1;
        if self.updated() < new && surplus && nature.fate != Fate::NoQuota {
            self.add_pod(newest, now, nature);
            return true;
        }
        if old_count < old
            && surplus
            && let Some(stable) = stable
        {
            self.add_pod(stable, now, &Nature::default());
            return true;
        }
        if self.updated() > new && (self.ready(now) > wanted || self.sets.last().is_some_and(|set| set.ready(now) < set.count())) {
            self.drop_one(newest, now);
            return true;
        }
        if old_count > old
            && self.ready(now) > wanted
            && let Some(stable) = stable
        {
            self.drop_one(stable, now);
            return true;
        }
        false
    }
}

/// An analysis begins, measures, or ends. Returns whether it did.
fn measure(now: Timestamp, nature: &Nature, canary: &mut Canary) -> bool {
    let step = canary.index;
    let Some(analysis) = canary.analysis.as_mut().filter(|analysis| analysis.step == step) else {
        canary.analysis = Some(Analysis { began: now, measured: 0, failed: 0, ended: None, step });
        return true;
    };
    let mut acted = false;
    while analysis.ended.is_none() && measurement(analysis, analysis.measured) <= now {
        analysis.measured += 1;
        analysis.failed += u32::from(nature.errors >= TOO_MANY_ERRORS);
        if analysis.failed > FAILURE_LIMIT {
            analysis.ended = Some(false);
        } else if analysis.measured == COUNT {
            analysis.ended = Some(true);
        }
        acted = true;
    }
    match analysis.ended {
        Some(true) => canary.index += 1,
        Some(false) => {
            let why = format!("Step-based analysis phase error/failed: {}", analysis.message());
            canary.abort(now, &why);
        }
        None => {}
    }
    acted
}

#[cfg(test)]
mod tests;
