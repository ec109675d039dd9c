//! What scales in a namespace, by its cluster: autoscalers that git does not have. Names only; nothing is changed.

use std::time::Duration;

use serde_json::Value;

use super::{Cluster, namespace};
use crate::base::Safe;
use crate::domain::Namespace;
use crate::execution::wire;
use crate::operations::Scaler;
use crate::operations::mutation::No;

/// How long the answer is waited for: no plan is held up by it.
const PATIENCE: Duration = Duration::from_secs(3);

impl Cluster {
    /// The autoscalers of a namespace (`autoscaling/v2`), each with the workload that it scales; KEDA's by the name of its own object.
    pub async fn scalers(&self, of: &Namespace) -> Result<Vec<Scaler>, Safe> {
        let target = wire::path(&["apis", "autoscaling", "v2", "namespaces", namespace(of), "horizontalpodautoscalers"]);
        let late = |_late| Safe::clean("its cluster did not answer within 3 s");
        let answer = tokio::time::timeout(PATIENCE, wire::get(&self.client, &target)).await.map_err(late)?;
        let answer = answer.map_err(|rejection| match rejection.kind {
            No::Forbidden => crate::safe!("you may not list the autoscalers of namespace {}", of.shown()),
            _ => rejection.why,
        })?;
        let items =
            answer.get("items").and_then(Value::as_array).ok_or_else(|| Safe::clean("its cluster's list of autoscalers cannot be understood"))?;
        Ok(items.iter().filter_map(scaler).collect())
    }
}

fn scaler(item: &Value) -> Option<Scaler> {
    let named = |at: &Value| Some((at.get("kind")?.as_str()?.to_owned(), at.get("name")?.as_str()?.to_owned()));
    let owners = item.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    let keda = owners.filter_map(named).find(|(kind, _)| kind == "ScaledObject");
    let own = || Some(("HorizontalPodAutoscaler".to_owned(), item.pointer("/metadata/name")?.as_str()?.to_owned()));
    let ((what, by), (kind, name)) = (keda.or_else(own)?, named(item.pointer("/spec/scaleTargetRef")?)?);
    Some(Scaler { by: crate::safe!("{} {}", Safe::clean(&what), Safe::clean(&by)), kind, name })
}
