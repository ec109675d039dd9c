//! What the stable pods of a Rollout refer to, read as metadata alone: the content of a Secret never leaves its cluster.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use super::{Cluster, namespace, raw};
use crate::base::{Safe, Timestamp};
use crate::domain::workload::WorkloadKey;
use crate::execution::wire;
use crate::operations::canary::Facts;
use crate::operations::canary::references::{Presence, Reference, referred};

/// More of them nobody waits for.
const MOST: usize = 20;
/// How long the answers are waited for: going back is not held up by them.
const PATIENCE: Duration = Duration::from_secs(3);

impl Cluster {
    /// What the stable version refers to, while another one is on its way. `sets` are replica sets as they are on the wire.
    pub(super) async fn references(&self, key: &WorkloadKey, facts: &Facts, sets: &[Value]) -> Vec<Reference> {
        let Some(stable) = facts.revision(&facts.stable_hash).filter(|_| !facts.is_settled()) else { return Vec::new() };
        let label =
            |set: &&Value| set.pointer("/metadata/labels/rollouts-pod-template-hash").and_then(Value::as_str) == Some(facts.stable_hash.as_wire());
        let came = sets.iter().find(label).and_then(|set| time(set.pointer("/metadata/creationTimestamp")?));
        let mut references = referred(&stable.template);
        let known = references.iter().take(MOST).map(|reference| self.presence(key, reference, came));
        let late = |_| Safe::clean("its cluster did not answer within 3 s");
        match tokio::time::timeout(PATIENCE, join_all(known)).await.map_err(late) {
            Ok(known) => references.iter_mut().zip(known).for_each(|(reference, presence)| reference.presence = presence),
            Err(why) => references.iter_mut().for_each(|reference| reference.presence = Presence::Unknown(why.clone())),
        }
        references
    }

    async fn presence(&self, key: &WorkloadKey, reference: &Reference, came: Option<Timestamp>) -> Presence {
        let plural = if reference.kind == "Secret" { "secrets" } else { "configmaps" };
        let target = wire::path(&["api", "v1", "namespaces", namespace(&key.namespace), plural, raw(&reference.name)]);
        let unknown = |why: &str| Presence::Unknown(Safe::clean(why));
        let (status, body) = match wire::metadata(&self.client, &target).await {
            Ok(answered) => answered,
            Err(silence) => return Presence::Unknown(silence.rejection().why),
        };
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let is_it = |path: &str| body.pointer(path).and_then(Value::as_str) == Some(raw(&reference.name));
        match status {
            200 if is_it("/metadata/name") => {
                let fields = body.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
                let written =
                    fields.filter_map(|field| time(field.get("time")?)).max().or_else(|| time(body.pointer("/metadata/creationTimestamp")?));
                match written.zip(came) {
                    Some((written, came)) if written > came => Presence::Written,
                    Some(_) => Presence::Unchanged,
                    None => unknown("it does not say when it was written"),
                }
            }
            // A server that has no such resource answers so too, and names nothing.
            404 if is_it("/details/name") => Presence::Missing,
            401 | 403 => unknown("it may not be read"),
            status => unknown(&format!("the server answered {status}")),
        }
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
