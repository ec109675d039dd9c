//! One workload and the controller behind it: pods come and go one after the other until what runs is what is wanted. Pure: time comes in, and
//! each step says when it wants to be called again.

use std::time::Duration;

use super::canary::Canary;
use super::pods::{Pod, Set, hash, made_up};
use crate::base::Timestamp;
use crate::base::time::{later, since};
use crate::simulator::definition::WorkloadKind;
use crate::simulator::scenario::Fate;

/// How long a controller takes between one thing and the next.
const STEP: Duration = Duration::from_secs(1);
/// A set whose pods are gone is kept so often for going back (`revisionHistoryLimit`, as kubectl shows it).
const KEPT: usize = 5;

/// What is known of versions beforehand: what becomes of their pods, and how well they serve.
#[derive(Debug, Clone, Default)]
pub(in crate::simulator) struct Nature {
    pub(in crate::simulator) fate: Fate,
    pub(in crate::simulator) message: String,
    pub(in crate::simulator) errors: f64,
}

/// One workload.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Workload {
    pub(in crate::simulator) kind: WorkloadKind,
    pub(in crate::simulator) cluster: String,
    pub(in crate::simulator) namespace: String,
    pub(in crate::simulator) name: String,
    /// The application that it belongs to, by number.
    pub(in crate::simulator) application: usize,
    /// The image's repository.
    pub(in crate::simulator) image: String,
    pub(in crate::simulator) sidecars: Vec<String>,
    pub(in crate::simulator) created: Timestamp,
    /// `metadata.generation`: counts changes of the specification.
    pub(in crate::simulator) generation: u64,
    /// The tag in the specification.
    pub(in crate::simulator) tag: String,
    /// Pods in the specification.
    pub(in crate::simulator) replicas: u32,
    /// Tags before this one, newest last.
    pub(in crate::simulator) past: Vec<String>,
    /// Newest last. The last one is that of the specification.
    pub(in crate::simulator) sets: Vec<Set>,
    pub(in crate::simulator) revision: u64,
    /// For a Rollout: steps, and where it is in them.
    pub(in crate::simulator) canary: Option<Canary>,
    /// Who changed the specification by hand since Argo CD last applied it, and when.
    pub(in crate::simulator) by_hand: Option<(&'static str, Timestamp)>,
    /// When something last went forward.
    pub(in crate::simulator) progressed: Timestamp,
    /// When it was last different from settled, or began to be so.
    pub(in crate::simulator) moved: Timestamp,
    pub(in crate::simulator) deadline: Duration,
    /// Whether pods are wanted that there is no quota for.
    pub(in crate::simulator) is_over_quota: bool,
    /// Whether what runs is what is wanted, and ready.
    pub(in crate::simulator) settled: bool,
    /// When the next step of the controller is planned: of several plans the newest counts.
    pub(in crate::simulator) planned: Option<Timestamp>,
}

impl Workload {
    /// The set of the specification.
    pub(in crate::simulator) fn current(&self) -> Option<&Set> {
        self.sets.last()
    }

    pub(in crate::simulator) fn total(&self) -> u32 {
        self.sets.iter().map(Set::count).sum()
    }

    pub(in crate::simulator) fn ready(&self, now: Timestamp) -> u32 {
        self.sets.iter().map(|set| set.ready(now)).sum()
    }

    pub(in crate::simulator) fn updated(&self) -> u32 {
        self.current().map_or(0, Set::count)
    }

    /// Whether the controller has given up waiting.
    pub(in crate::simulator) fn is_overdue(&self, now: Timestamp) -> bool {
        !self.settled && self.deadline <= since(self.progressed, now)
    }

    /// What a pod of it is called at first: for hashes.
    fn seed(&self, tag: &str) -> String {
        format!("{}/{}/{}:{tag}", self.cluster, self.namespace, self.name)
    }

    /// A new specification. Nothing happens where it is the old one.
    pub(in crate::simulator) fn apply(&mut self, tag: &str, replicas: u32, now: Timestamp) {
        if tag == self.tag && replicas == self.replicas {
            return;
        }
        self.generation += 1;
        self.progressed = now;
        self.moved = now;
        self.settled = false;
        self.replicas = replicas;
        if tag == self.tag {
            return;
        }
        let before = std::mem::replace(&mut self.tag, tag.to_owned());
        self.past.retain(|past| *past != before);
        self.past.push(before);
        self.begin_set(now);
        if let Some(canary) = &mut self.canary {
            canary.begin(tag);
        }
    }

    /// Makes the set of the specification the newest: a new one, or one that was there before.
    pub(in crate::simulator) fn begin_set(&mut self, now: Timestamp) {
        self.revision += 1;
        let seed = self.seed(&self.tag);
        let mut set = match self.sets.iter().position(|set| set.tag == self.tag) {
            Some(place) => self.sets.remove(place),
            None => Set { hash: made_up(&seed, 10), tag: self.tag.clone(), revision: 0, created: now, pods: Vec::new(), born: 0 },
        };
        set.revision = self.revision;
        self.sets.push(set);
        let empty: Vec<usize> = self.sets.iter().enumerate().filter(|(_, set)| set.pods.is_empty()).map(|(place, _)| place).collect();
        if empty.len() > KEPT + 1
            && let Some(oldest) = empty.first()
        {
            self.sets.remove(*oldest);
        }
    }

    /// Fills the newest set at once: how a world begins.
    pub(in crate::simulator) fn fill(&mut self, now: Timestamp, nature: &Nature) {
        while nature.fate != Fate::NoQuota && self.updated() < self.replicas {
            self.add_pod(self.sets.len().saturating_sub(1), now, nature);
        }
        self.settled = true;
        if let Some(canary) = &mut self.canary {
            canary.finish(&self.tag);
        }
    }

    /// Takes one pod away from a set.
    pub(super) fn drop_one(&mut self, set: usize, now: Timestamp) {
        if let Some(set) = self.sets.get_mut(set) {
            set.drop_one(now);
        }
    }

    pub(in crate::simulator) fn add_pod(&mut self, set: usize, now: Timestamp, nature: &Nature) {
        let (kind, owner) = (self.kind, self.name.clone());
        let Some(set) = self.sets.get_mut(set) else { return };
        let number = match kind {
            WorkloadKind::StatefulSet => (0..u32::MAX).find(|ordinal| set.pods.iter().all(|pod| pod.number != *ordinal)).unwrap_or(0),
            _ => set.born,
        };
        set.born += 1;
        let seed = format!("{owner}-{}-{}-{}", set.hash, set.born, set.revision);
        let name = match kind {
            WorkloadKind::StatefulSet => format!("{owner}-{number}"),
            WorkloadKind::DaemonSet => format!("{owner}-{}", made_up(&seed, 5)),
            WorkloadKind::Deployment | WorkloadKind::Rollout => format!("{owner}-{}-{}", set.hash, made_up(&seed, 5)),
        };
        // Two to five seconds, always the same for the same pod.
        let start = Duration::from_millis(2000 + hash(&seed) % 3000);
        set.pods.push(Pod { name, number, created: now, start, fate: nature.fate });
    }

    /// Some pod goes. Returns whether there was one.
    pub(in crate::simulator) fn lose_pod(&mut self, chosen: usize) -> bool {
        let set = self.sets.iter_mut().rev().find(|set| !set.pods.is_empty());
        set.is_some_and(|set| {
            set.pods.swap_remove(chosen % set.pods.len());
            true
        })
    }

    /// One step of the controller: at most a few pods come or go. Returns when to call again, if anything is still to happen.
    pub(in crate::simulator) fn step(&mut self, now: Timestamp, nature: &Nature) -> Option<Timestamp> {
        let before = (self.ready(now), self.updated(), self.total());
        let acted = match self.kind {
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => self.replace_in_place(now, nature),
            WorkloadKind::Deployment => {
                let quarter = self.replicas.div_ceil(4);
                self.roll(now, nature, quarter, self.replicas / 4)
            }
            WorkloadKind::Rollout => self.step_rollout(now, nature),
        };
        if acted || before != (self.ready(now), self.updated(), self.total()) {
            self.progressed = now;
        }
        self.is_over_quota = nature.fate == Fate::NoQuota && self.updated() < self.replicas;
        let settled = self.is_settled(now);
        if settled != std::mem::replace(&mut self.settled, settled) {
            self.moved = now;
        }
        let soon = acted.then(|| later(now, STEP));
        let pods = self.sets.iter().flat_map(|set| &set.pods).filter_map(|pod| pod.next(now)).min();
        let canary = self.canary.as_ref().and_then(|canary| canary.next(now));
        let overdue = (!self.settled && !self.is_overdue(now)).then(|| later(self.progressed, self.deadline));
        soon.into_iter().chain(pods).chain(canary).chain(overdue).filter(|moment| *moment > now).min()
    }

    fn is_settled(&self, now: Timestamp) -> bool {
        let all = self.updated() == self.replicas && self.total() == self.replicas && self.ready(now) == self.replicas;
        all && self.canary.as_ref().is_none_or(|canary| canary.is_finished() && canary.aborted.is_none())
    }

    /// A rolling update of the newest set. Returns whether a pod came or went.
    pub(super) fn roll(&mut self, now: Timestamp, nature: &Nature, surge: u32, unavailable: u32) -> bool {
        let wanted = self.replicas;
        let newest = self.sets.len().saturating_sub(1);
        let mut acted = false;
        while self.updated() > wanted {
            self.drop_one(newest, now);
            acted = true;
        }
        while self.total() > wanted
            && let Some(old) = self.sets.iter().position(|set| !set.pods.is_empty()).filter(|old| *old < newest)
        {
            let broken = self.sets.get(old).is_some_and(|set| set.ready(now) < set.count());
            if !broken && self.ready(now) <= wanted.saturating_sub(unavailable) {
                break;
            }
            self.drop_one(old, now);
            acted = true;
        }
        while nature.fate != Fate::NoQuota && self.updated() < wanted && self.total() < wanted + surge.max(u32::from(unavailable == 0)) {
            self.add_pod(newest, now, nature);
            acted = true;
        }
        acted
    }

    /// One pod after the other, the highest ordinal first, each ready before the next goes.
    fn replace_in_place(&mut self, now: Timestamp, nature: &Nature) -> bool {
        let newest = self.sets.len().saturating_sub(1);
        if self.total() > self.replicas {
            let some = self.sets.iter().position(|set| !set.pods.is_empty()).unwrap_or(newest);
            self.drop_one(some, now);
            return true;
        }
        if self.total() < self.replicas && nature.fate == Fate::NoQuota {
            return false;
        }
        if self.total() < self.replicas {
            let ordinal = self.sets.iter().flat_map(|set| &set.pods).map(|pod| pod.number).collect::<Vec<_>>();
            self.add_pod(newest, now, nature);
            let free = (0..u32::MAX).find(|candidate| !ordinal.contains(candidate)).unwrap_or(0);
            let owner = self.name.clone();
            if self.kind == WorkloadKind::StatefulSet
                && let Some(pod) = self.sets.last_mut().and_then(|set| set.pods.last_mut())
            {
                pod.number = free;
                pod.name = format!("{owner}-{free}");
            }
            return true;
        }
        if self.ready(now) < self.replicas && self.updated() > 0 && self.sets.last().is_some_and(|set| set.ready(now) < set.count()) {
            return false;
        }
        let Some(old) = self.sets.iter().position(|set| !set.pods.is_empty()).filter(|old| *old < newest) else { return false };
        if let Some(set) = self.sets.get_mut(old) {
            let highest = set.pods.iter().enumerate().max_by_key(|(_, pod)| pod.number).map(|(place, _)| place);
            if let Some(place) = highest {
                set.pods.remove(place);
            }
        }
        true
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::simulator::world) fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn workload(kind: WorkloadKind, replicas: u32) -> Workload {
        settled(kind, replicas, None)
    }

    /// `checkout` in production at tag `1`, settled long ago.
    pub(in crate::simulator::world) fn settled(kind: WorkloadKind, replicas: u32, canary: Option<Canary>) -> Workload {
        let mut workload = Workload {
            kind,
            cluster: "prod".into(),
            namespace: "production".into(),
            name: "checkout".into(),
            application: 0,
            image: "ghcr.io/acme/checkout".into(),
            sidecars: Vec::new(),
            created: at(-1000),
            generation: 1,
            tag: "1".into(),
            replicas,
            past: Vec::new(),
            sets: Vec::new(),
            revision: 0,
            canary,
            by_hand: None,
            progressed: at(-1000),
            moved: at(-1000),
            deadline: Duration::from_mins(10),
            is_over_quota: false,
            settled: true,
            planned: None,
        };
        workload.begin_set(at(-1000));
        workload.fill(at(-1000), &Nature::default());
        workload
    }

    /// Runs it until nothing is planned any more, and checks at every step that enough pods serve.
    fn run(workload: &mut Workload, from: Timestamp, least: u32, nature: &Nature) -> Timestamp {
        let mut now = from;
        for _ in 0..500 {
            let next = workload.step(now, nature);
            assert!(workload.ready(now) >= least, "{} of {} serve", workload.ready(now), workload.replicas);
            match next {
                Some(next) if next < later(from, Duration::from_mins(30)) => now = next,
                _ => break,
            }
        }
        now
    }

    #[test]
    fn a_deployment_rolls_without_losing_more_than_a_quarter() {
        for replicas in [1, 2, 3, 4, 10] {
            let mut workload = workload(WorkloadKind::Deployment, replicas);
            workload.apply("2", replicas, at(0));
            assert!(!workload.settled);
            let end = run(&mut workload, at(0), replicas - replicas / 4, &Nature::default());
            assert!(workload.settled, "{replicas}: {workload:#?}");
            assert_eq!((workload.updated(), workload.total()), (replicas, replicas));
            assert!(end < at(120));
        }
    }

    #[test]
    fn a_crashing_version_leaves_the_old_one_serving_until_the_deadline_and_beyond() {
        let mut workload = workload(WorkloadKind::Deployment, 4);
        workload.apply("2-crash", 4, at(0));
        let crash = Nature { fate: Fate::Crash, ..Nature::default() };
        let end = run(&mut workload, at(0), 3, &crash);
        assert!(!workload.settled && workload.is_overdue(end));
        workload.apply("1", 4, end);
        run(&mut workload, end, 3, &Nature::default());
        assert!(workload.settled, "{workload:#?}");
    }

    #[test]
    fn a_stateful_set_replaces_one_after_the_other_and_keeps_its_ordinals() {
        let mut workload = workload(WorkloadKind::StatefulSet, 3);
        workload.apply("2", 3, at(0));
        run(&mut workload, at(0), 2, &Nature::default());
        assert!(workload.settled, "{workload:#?}");
        let mut ordinals: Vec<u32> = workload.sets.last().unwrap().pods.iter().map(|pod| pod.number).collect();
        ordinals.sort_unstable();
        assert_eq!(ordinals, [0, 1, 2]);
    }

    #[test]
    fn scaling_by_hand_settles() {
        let mut workload = workload(WorkloadKind::Deployment, 3);
        for replicas in [6, 1] {
            workload.apply("1", replicas, at(0));
            run(&mut workload, at(0), 1, &Nature::default());
            assert!(workload.settled);
            assert_eq!(workload.total(), replicas);
        }
    }
}
