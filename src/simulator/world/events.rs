//! Events in the stores: told by workloads, forgotten after an hour as clusters do.

use std::collections::{BTreeMap, VecDeque};

use super::World;
use crate::base::Timestamp;
use crate::base::time::later;
use crate::simulator::objects::event;
use crate::simulator::store::EVENTS;

/// Events that are kept at most: a world that storms forgets sooner.
const LIMIT: usize = 5000;

/// The events that are in the stores, by cluster, namespace and name.
#[derive(Debug, Default)]
pub(super) struct Events {
    ends: BTreeMap<Key, Timestamp>,
    queue: VecDeque<(Timestamp, Key)>,
}

type Key = (String, String, String);

impl World {
    /// Shows the events of a workload.
    pub(super) fn show_events(&mut self, number: usize) {
        let Some(workload) = self.workloads.get(number) else { return };
        let told = event::all(workload, &self.context());
        let (cluster, namespace) = (workload.cluster.clone(), workload.namespace.clone());
        let Some(store) = self.clusters.get(&cluster) else { return };
        for one in told {
            let end = later(one.at, event::KEPT);
            store.put(&EVENTS, one.object);
            let key = (cluster.clone(), namespace.clone(), one.name);
            if self.events.ends.insert(key.clone(), end) != Some(end) {
                self.events.queue.push_back((end, key));
            }
        }
    }

    /// Forgets what clusters have forgotten by now.
    pub(super) fn forget_events(&mut self) {
        while let Some((end, _)) = self.events.queue.front()
            && (*end <= self.now || self.events.queue.len() > LIMIT)
        {
            let Some((end, key)) = self.events.queue.pop_front() else { break };
            // One that was seen again since has a later end.
            if self.events.ends.get(&key) == Some(&end) {
                self.events.ends.remove(&key);
                if let Some(store) = self.clusters.get(&key.0) {
                    store.remove(&EVENTS, &key.1, &key.2);
                }
            }
        }
    }
}
