//! Rollouts as they are right before something is done to them: from their clusters, and from Argo CD where those do not answer.
//! And what scales beside them. What is made of it is the operations' matter.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use crate::base::Safe;
use crate::domain::workload::WorkloadKey;
use crate::domain::{AppKey, ClusterName, Namespace};
use crate::execution::argocd::Argocd;
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

    /// Rollouts as they are now, or why they were not read: all at once, since a cluster that does not answer keeps nobody else waiting.
    pub(super) async fn rollouts(&self, asked: &[Owned]) -> Rollouts {
        let mut found = Rollouts::default();
        for (app, listed, rollouts) in join_all(asked.iter().map(|owned| self.owned(owned))).await {
            found.listed.extend(listed.map(|listed| (app, listed)));
            for (key, facts, instead) in rollouts {
                found.instead.extend(instead.map(|instead| (key.clone(), instead)));
                found.facts.insert(key, facts);
            }
        }
        found
    }

    /// Those of one application; which ones Argo CD lists, where its cluster did not tell.
    async fn owned(
        &self,
        owned: &Owned,
    ) -> (AppKey, Option<Result<Vec<WorkloadKey>, Safe>>, Vec<(WorkloadKey, Result<Facts, Safe>, Option<Instead>)>) {
        let target = Target { app: owned.app.clone(), project: owned.project.clone() };
        let argocd = self.argocd(&owned.app.argocd).await.ok().filter(Argocd::has_api);
        let listed = match &owned.rollouts {
            Some(_) => None,
            None => Some(self.listed(argocd.as_ref(), &target, owned).await),
        };
        let keys = owned.rollouts.iter().chain(listed.iter().flatten()).flatten();
        let each = keys.map(async |key| {
            let (facts, instead) = self.rollout(key, argocd.as_ref(), &target).await;
            (key.clone(), facts, instead)
        });
        let rollouts = join_all(each).await;
        (owned.app.clone(), listed, rollouts)
    }

    async fn listed(&self, argocd: Option<&Argocd>, target: &Target, owned: &Owned) -> Result<Vec<WorkloadKey>, Safe> {
        let Some(argocd) = argocd else { return Err(Safe::clean("only Argo CD's API could tell, and it is not reached from here")) };
        argocd.rollouts(target, &owned.cluster).await.map_err(|rejection| crate::safe!("Argo CD was asked instead: {}", rejection.why))
    }

    /// One Rollout, and whether Argo CD is to change it.
    async fn rollout(&self, key: &WorkloadKey, argocd: Option<&Argocd>, target: &Target) -> (Result<Facts, Safe>, Option<Instead>) {
        let patience = if argocd.is_some() { SHORT } else { PATIENCE };
        let read = async { self.cluster(&key.cluster).await?.read(key).await };
        let read: Result<Facts, Rejection> = tokio::time::timeout(patience, read).await.unwrap_or_else(|_late| {
            let why = crate::safe!("it did not answer within {} s", patience.as_secs());
            Err(Rejection { kind: No::NotSent, why, cure: Safe::default() })
        });
        let rejection = match read {
            Ok(facts) => return (Ok(facts), None),
            Err(rejection) => rejection,
        };
        let why = crate::safe!("cluster {}: {}", key.cluster.shown(), rejection.why);
        // Where it was answered, Argo CD knows no better, and is no way around what this person may not.
        let Some(argocd) = argocd.filter(|_| rejection.kind == No::NotSent) else { return (Err(why), None) };
        match argocd.rollout(target, key).await {
            Ok(facts) => (Ok(facts), Some(Instead { target: target.clone(), why })),
            Err(also) => (Err(crate::safe!("{why}; Argo CD, which was asked instead: {}", also.why)), None),
        }
    }
}
