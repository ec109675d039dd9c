//! Rollouts as they are right before something is done to them: from their clusters, and from Argo CD where those do not answer or do not let this person.
//! And what scales beside them. What is made of it is the operations' matter.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use crate::base::Safe;
use crate::domain::workload::WorkloadKey;
use crate::domain::{ClusterName, Namespace};
use crate::execution::argocd::Argocd;
use crate::execution::cluster::Cluster;
use crate::execution::permissions;
use crate::manifest::prepared::Owned;
use crate::operations::canary::Facts;
use crate::operations::mutation::{No, Rejection, Target};
use crate::operations::{Instead, Rollouts, Scalers};
use crate::runtime::carrying::hands::World;

/// A cluster that does not answer is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where Argo CD can be asked instead, it is waited for no longer than so: users may be waiting.
const SHORT: Duration = Duration::from_secs(4);

impl World {
    /// What scales in these namespaces.
    pub(super) async fn scalers(&self, asked: &BTreeSet<(ClusterName, Namespace)>) -> Scalers {
        let asked = asked.iter().map(async |(name, namespace)| {
            let found = match self.cluster(name).await {
                Ok(cluster) => cluster.scalers(namespace).await,
                Err(rejection) => Err(rejection.why),
            };
            ((name.clone(), namespace.clone()), found)
        });
        join_all(asked).await.into_iter().collect()
    }

    /// Rollouts as they are now, or why they were not read.
    pub(super) async fn rollouts(&self, asked: &[Owned]) -> Rollouts {
        let mut found = Rollouts::default();
        for owned in asked {
            let target = Target { app: owned.app.clone(), project: owned.project.clone() };
            let argocd = self.argocd(&owned.app.argocd).await.ok().filter(Argocd::has_api);
            let keys = if let Some(keys) = &owned.rollouts {
                keys.clone()
            } else {
                let listed = self.listed(argocd.as_ref(), &target, owned).await;
                found.listed.insert(owned.app.clone(), listed.clone());
                listed.unwrap_or_default()
            };
            for key in keys {
                let (facts, instead) = self.rollout(&key, argocd.as_ref(), &target).await;
                found.facts.insert(key.clone(), facts);
                found.instead.extend(instead.map(|instead| (key, instead)));
            }
        }
        found
    }

    async fn listed(&self, argocd: Option<&Argocd>, target: &Target, owned: &Owned) -> Result<Vec<WorkloadKey>, Safe> {
        let Some(argocd) = argocd else { return Err(Safe::clean("only Argo CD's API could tell, and it is not reached from here")) };
        argocd.rollouts(target, &owned.cluster).await.map_err(|rejection| crate::safe!("Argo CD was asked instead: {}", rejection.why))
    }

    /// One Rollout, and whether Argo CD is to change it.
    async fn rollout(&self, key: &WorkloadKey, argocd: Option<&Argocd>, target: &Target) -> (Result<Facts, Safe>, Option<Instead>) {
        let patience = if argocd.is_some() { SHORT } else { PATIENCE };
        let read = async {
            let cluster = self.cluster(&key.cluster).await?;
            let facts = cluster.read(key).await?;
            Ok((cluster, facts))
        };
        let read: Result<(Cluster, Facts), Rejection> = tokio::time::timeout(patience, read).await.unwrap_or_else(|_late| {
            let why = crate::safe!("it did not answer within {} s", patience.as_secs());
            Err(Rejection { kind: No::NotSent, why, cure: Safe::default() })
        });
        let instead = |object, status, is_read| Instead { target: target.clone(), object, status, is_read };
        let Some(argocd) = argocd else {
            return (read.map(|(_, facts)| facts).map_err(|rejection| crate::safe!("cluster {}: {}", key.cluster.shown(), rejection.why)), None);
        };
        match read {
            Ok((cluster, facts)) => match permissions::withheld(&cluster, key).await {
                (None, None) => (Ok(facts), None),
                (object, status) => (Ok(facts), Some(instead(object, status, false))),
            },
            // Where it was answered, and the Rollout is not there, Argo CD knows no better.
            Err(rejection) if !matches!(rejection.kind, No::NotSent | No::Forbidden) => (Err(rejection.why), None),
            Err(rejection) => {
                let why = crate::safe!("cluster {}: {}", key.cluster.shown(), rejection.why);
                match argocd.rollout(target, key).await {
                    Ok(facts) => (Ok(facts), Some(instead(Some(why.clone()), Some(why), true))),
                    Err(also) => (Err(crate::safe!("{why}; Argo CD, which was asked instead: {}", also.why)), None),
                }
            }
        }
    }
}
