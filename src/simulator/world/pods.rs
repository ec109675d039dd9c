//! Pods of one workload: sets of them by version, what becomes of each with time, and the moments at which that shows. Pure: the time comes in.

use std::time::Duration;

use crate::base::Timestamp;
use crate::base::time::later;
use crate::simulator::scenario::Fate;

/// Time from the start of a crashing container to its end.
const LIFE: Duration = Duration::from_secs(2);
/// The kubelet's waits between restarts: doubled up to five minutes.
const FIRST_WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// One pod.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulator) struct Pod {
    pub(in crate::simulator) name: String,
    /// In its set, or the ordinal of a stateful set.
    pub(in crate::simulator) number: u32,
    pub(in crate::simulator) created: Timestamp,
    /// How long it takes to become ready.
    pub(in crate::simulator) start: Duration,
    pub(in crate::simulator) fate: Fate,
}

/// What a pod is like at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Condition {
    Starting,
    Ready {
        since: Timestamp,
    },
    /// Between two restarts of its container.
    BackOff {
        restarts: u32,
        wait: Duration,
        ended: Timestamp,
    },
    /// The container runs for a moment after a restart.
    Restarted {
        restarts: u32,
        at: Timestamp,
    },
    NoPull,
}

impl Pod {
    pub(in crate::simulator) fn is_ready(&self, now: Timestamp) -> bool {
        matches!(self.condition(now), Condition::Ready { .. })
    }

    pub(in crate::simulator) fn condition(&self, now: Timestamp) -> Condition {
        let up = later(self.created, self.start);
        match self.fate {
            _ if now < up => Condition::Starting,
            Fate::Fine => Condition::Ready { since: up },
            // There is none of the last.
            Fate::Slow | Fate::NoQuota => Condition::Starting,
            Fate::NoPull => Condition::NoPull,
            Fate::Crash => {
                let mut began = up;
                let mut wait = FIRST_WAIT;
                for restarts in 0..u32::MAX {
                    let ended = later(began, LIFE);
                    if now < ended {
                        return if restarts == 0 { Condition::Starting } else { Condition::Restarted { restarts, at: began } };
                    }
                    began = later(ended, wait);
                    if now < began {
                        return Condition::BackOff { restarts, wait, ended };
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Condition::Starting
            }
        }
    }

    /// The next moment at which it is different, if there is one.
    pub(in crate::simulator) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let up = later(self.created, self.start);
        if now < up {
            return Some(if self.fate == Fate::Crash { later(up, LIFE) } else { up });
        }
        match self.condition(now) {
            Condition::Starting if self.fate == Fate::Crash => Some(later(up, LIFE)),
            Condition::Starting | Condition::Ready { .. } | Condition::NoPull => None,
            Condition::BackOff { wait, ended, .. } => Some(later(ended, wait)),
            Condition::Restarted { at, .. } => Some(later(at, LIFE)),
        }
    }
}

/// The pods of one version: a replica set, or a revision of a stateful or daemon set.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulator) struct Set {
    /// `pod-template-hash` or its like.
    pub(in crate::simulator) hash: String,
    pub(in crate::simulator) tag: String,
    pub(in crate::simulator) revision: u64,
    pub(in crate::simulator) created: Timestamp,
    pub(in crate::simulator) pods: Vec<Pod>,
    /// Pods that it ever had: each gets a name of its own.
    pub(in crate::simulator) born: u32,
}

impl Set {
    pub(in crate::simulator) fn count(&self) -> u32 {
        u32::try_from(self.pods.len()).unwrap_or(u32::MAX)
    }

    pub(in crate::simulator) fn ready(&self, now: Timestamp) -> u32 {
        u32::try_from(self.pods.iter().filter(|pod| pod.is_ready(now)).count()).unwrap_or(u32::MAX)
    }

    /// Takes one pod away, one that is not ready if there is any.
    pub(in crate::simulator) fn drop_one(&mut self, now: Timestamp) {
        let worst = self.pods.iter().rposition(|pod| !pod.is_ready(now)).or(self.pods.len().checked_sub(1));
        if let Some(worst) = worst {
            self.pods.remove(worst);
        }
    }
}

/// Letters of Kubernetes' generated names (apimachinery `util/rand`).
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A name as Kubernetes would make one up, always the same for the same text.
pub(in crate::simulator) fn made_up(text: &str, length: usize) -> String {
    let mut state = hash(text);
    let mut out = String::with_capacity(length);
    for _ in 0..length {
        let index = usize::try_from(state % 27).unwrap_or(0);
        out.push(char::from(LETTERS.get(index).copied().unwrap_or(b'x')));
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407).rotate_left(17);
    }
    out
}

/// A UUID, always the same for the same text.
pub(in crate::simulator) fn uid(text: &str) -> String {
    let (first, second) = (hash(text), hash(&format!("{text}/2")));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        first >> 32,
        (first >> 16) & 0xffff,
        first & 0xfff,
        (second >> 48) & 0xfff,
        second & 0xffff_ffff_ffff
    )
}

/// FNV-1a, mixed once more.
pub(in crate::simulator) fn hash(text: &str) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    state ^= state >> 31;
    state.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (state >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_crashing_pod_restarts_ever_later() {
        let pod = Pod { name: "a".into(), number: 0, created: at(0), start: Duration::from_secs(3), fate: Fate::Crash };
        assert_eq!(pod.condition(at(0)), Condition::Starting);
        assert_eq!(pod.condition(at(4)), Condition::Starting);
        assert_eq!(pod.condition(at(5)), Condition::BackOff { restarts: 0, wait: Duration::from_secs(10), ended: at(5) });
        assert_eq!(pod.condition(at(15)), Condition::Restarted { restarts: 1, at: at(15) });
        assert_eq!(pod.condition(at(18)), Condition::BackOff { restarts: 1, wait: Duration::from_secs(20), ended: at(17) });
        // Each moment that it names is one at which it is different.
        let mut now = at(0);
        for _ in 0..20 {
            let next = pod.next(now).unwrap();
            assert!(next > now);
            assert_ne!(pod.condition(next), pod.condition(now), "{now} {next}");
            now = next;
        }
    }

    #[test]
    fn made_up_names_are_the_same_each_time_and_differ_by_text() {
        assert_eq!(made_up("a", 5), made_up("a", 5));
        assert_ne!(made_up("a", 5), made_up("b", 5));
        assert_eq!(uid("x").len(), 36);
    }
}
