//! The state of the sources, and what it means for the facts that came from them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Fleet, Placement};
use crate::base::time::since;
use crate::base::{Epoch, Raw, Safe, Timestamp};
use crate::domain::observation::{Fallback, InstanceFacts, Login, NOTICE, Scope, SourceState, Traffic, World};
use crate::domain::workload::WorkloadKey;
use crate::domain::{AppKey, Known, SourceId, SourceKind};

/// A source that cannot be reached is given so long before nobody waits for it any more.
const GRACE: Duration = Duration::from_secs(3);

/// The same for a login that never lasts much longer.
const SHORT_NOTICE: Duration = Duration::from_hours(2);

/// Time between comparisons with git when neither the configuration nor the cluster says: 120 s and up to 60 s of jitter (Argo CD 3).
const RECONCILIATION: Duration = Duration::from_mins(3);

/// A controller is silent when its newest comparison is older than so many intervals.
const SILENT_INTERVALS: u32 = 3;

/// One source and how it is doing.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The generation whose reports count.
    pub epoch: Epoch,
    /// When it was connected.
    pub since: Timestamp,
    /// When it was last heard: an answered proof of life, or a fact.
    pub heard_at: Option<Timestamp>,
    /// Its scopes.
    pub scopes: BTreeMap<Scope, ScopeStatus>,
    /// Work done in all.
    pub traffic: Traffic,
    /// What an Argo CD instance says about itself; default for clusters.
    pub instance: InstanceFacts,
    /// The newest comparison with git that was seen; only Argo CD instances.
    pub reconciled_at: Option<Timestamp>,
    /// When the newest comparison was last looked for.
    pub reconciled_checked_at: Option<Timestamp>,
}

/// One scope of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeStatus {
    /// How it is doing.
    pub state: SourceState,
    /// Since when.
    pub since: Timestamp,
    /// When its facts were last known to be current; `None`: never.
    pub confirmed_at: Option<Timestamp>,
    /// The last thing that went wrong, with the time: kept when it is live again.
    pub last_error: Option<(Timestamp, Safe)>,
}

/// When facts were last known to be current; `None`: never. The oldest is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Since(pub Option<Timestamp>);

/// How the facts of a source or of one of its scopes stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// When they were last known to be current; `None`: never.
    pub since: Option<Timestamp>,
    /// What is wrong.
    pub why: Safe,
}

impl ScopeStatus {
    /// Whether a fact of this scope that was heard at `heard` is current: the scope is live, or is being listed for the first time since, page by page.
    #[must_use]
    pub fn vouches_for(&self, heard: Timestamp) -> bool {
        self.state.is_live() || self.state == SourceState::Connecting && heard >= self.since
    }
}

impl Source {
    /// Takes the new state of a scope in. Returns whether it is another one.
    pub fn set_state(&mut self, scope: &Scope, state: SourceState, at: Timestamp) -> bool {
        let heard_at = self.heard_at;
        let is_new = !self.scopes.contains_key(scope);
        let status = self.scopes.entry(scope.clone()).or_insert(ScopeStatus {
            state: SourceState::Connecting,
            since: at,
            confirmed_at: None,
            last_error: None,
        });
        if state.is_live() {
            status.confirmed_at = Some(at);
        } else if status.state.is_live() {
            status.confirmed_at = heard_at.max(status.confirmed_at);
        }
        if let SourceState::Waiting { why, .. } | SourceState::Denied { why, .. } = &state {
            status.last_error = Some((at, why.clone()));
        }
        let differs = status.state != state;
        if differs {
            status.since = at;
        }
        status.state = state;
        is_new || differs
    }

    /// When facts of a scope were last known to be current.
    #[must_use]
    pub fn confirmed_at(&self, scope: &Scope) -> Option<Timestamp> {
        let status = self.scopes.get(scope)?;
        if status.state.is_live() { self.heard_at.max(status.confirmed_at) } else { status.confirmed_at }
    }

    /// Whether nothing more is to be expected from it for now. An Argo CD instance has more to say until it is known which cluster holds its
    /// Application objects: other clusters are read because of it.
    #[must_use]
    pub fn is_settled(&self, kind: SourceKind, now: Timestamp) -> bool {
        let waited = since(self.since, now) >= GRACE;
        let knows_holder = kind != SourceKind::Argocd || self.instance.fallback.is_some() || waited && !self.any_live();
        let settled = |state: &SourceState| state.is_settled() || waited && matches!(state, SourceState::Waiting { .. }) && !self.may_fall_back();
        !self.scopes.is_empty() && knows_holder && self.scopes.values().all(|status| settled(&status.state))
    }

    /// Whether the cluster is about to stand in for the API.
    fn may_fall_back(&self) -> bool {
        self.instance.fallback == Some(Fallback::Ready) && self.instance.reads != Some(World::Cluster)
    }

    /// The worst state of its scopes, for its badge: what is lost before what is refused before what is on its way.
    #[must_use]
    pub fn worst(&self) -> Option<(&Scope, &ScopeStatus)> {
        self.scopes.iter().max_by_key(|(_, status)| match status.state {
            SourceState::Waiting { .. } => 4,
            SourceState::Denied { .. } => 3,
            SourceState::Connecting => 2,
            SourceState::Live => 1,
            SourceState::Off { .. } => 0,
        })
    }

    /// Whether some scope of it is current.
    #[must_use]
    pub fn any_live(&self) -> bool {
        self.scopes.values().any(|status| status.state.is_live())
    }

    /// When our login to it ends and what renews it, if that is within so much time.
    #[must_use]
    pub fn login_ends(&self, now: Timestamp, within: Duration) -> Option<(Timestamp, &Safe)> {
        match &self.instance.login {
            Some(Login::Until { at, renewal, .. }) if since(now, *at) <= within => Some((*at, renewal)),
            Some(Login::Until { .. } | Login::Open) | None => None,
        }
    }

    /// The end of our login and what renews it, once it is time to say so on every screen: a day before. Of a login that hardly lasts longer than
    /// that, as a session of Argo CD does, two hours before: it would be told always, and read by nobody.
    #[must_use]
    pub fn login_ends_soon(&self, now: Timestamp) -> Option<(Timestamp, &Safe)> {
        let is_short = matches!(&self.instance.login, Some(Login::Until { lasts: Some(lasts), .. }) if *lasts < 2 * NOTICE);
        self.login_ends(now, if is_short { SHORT_NOTICE } else { NOTICE })
    }

    /// Time between comparisons with git.
    #[must_use]
    pub fn reconciliation(&self) -> Duration {
        self.instance.reconciliation_seconds.filter(|seconds| *seconds > 0).map_or(RECONCILIATION, Duration::from_secs)
    }

    /// Since when the controller behind this Argo CD instance has been silent, if it is: the newest comparison with git lies more than three intervals
    /// back although it was looked for since. An API that answers in front of a dead controller serves old facts.
    #[must_use]
    pub fn controller_silent(&self, now: Timestamp) -> Option<Timestamp> {
        let (newest, checked) = (self.reconciled_at?, self.reconciled_checked_at?);
        let limit = self.reconciliation() * SILENT_INTERVALS;
        (since(newest, checked) > limit && since(newest, now) > limit).then_some(newest)
    }
}

impl Fleet {
    /// Whether some of what a placement shows is not current, and why: the oldest of its facts counts. Three things can be wrong: Argo CD is not
    /// read, its controller is silent, or the cluster is not read. A cluster that never said anything about the placement makes nothing stale: its
    /// facts are unknown, and said to be.
    #[must_use]
    pub fn stale(&self, placement: &Placement, now: Timestamp) -> Option<Stale> {
        let (since, lost) = self.oldest_lost(placement, now)?;
        Some(Stale { since, why: lost.why() })
    }

    /// Since when some of what a placement shows is not current, if it is not, as [`stale`](Self::stale) says it. For whom asks about many
    /// placements and wants no words.
    #[must_use]
    pub fn stale_since(&self, placement: &Placement, now: Timestamp) -> Option<Since> {
        self.oldest_lost(placement, now).map(|(since, _)| Since(since))
    }

    fn oldest_lost(&self, placement: &Placement, now: Timestamp) -> Option<(Option<Timestamp>, Lost<'_>)> {
        let lost = placement.parts.iter().flat_map(|part| [self.lost_application(&part.app, now), self.lost_workloads(&part.workloads)]);
        lost.flatten().min_by_key(|(since, _)| *since)
    }

    /// When the facts of a placement were last known to be current: the oldest of its parts.
    #[must_use]
    pub fn seen_at(&self, placement: &Placement) -> Option<Timestamp> {
        placement.parts.iter().map(|part| self.application_seen_at(&part.app)).min().flatten()
    }

    /// When the summary of an application was last known to be current.
    #[must_use]
    pub fn application_seen_at(&self, key: &AppKey) -> Option<Timestamp> {
        let source = self.sources.get(&SourceId::argocd(&key.argocd))?;
        let entry = self.applications.get(key)?;
        let scope = scope_of(source, key, &entry.value.project);
        scope.and_then(|scope| source.confirmed_at(scope)).max(Some(entry.at))
    }

    fn lost_application(&self, key: &AppKey, now: Timestamp) -> Option<(Option<Timestamp>, Lost<'_>)> {
        let (id, source) = self.sources.get_key_value(&SourceId::argocd(&key.argocd))?;
        let entry = self.applications.get(key)?;
        let application = &entry.value;
        match scope_of(source, key, &application.project).and_then(|scope| source.scopes.get(scope).map(|status| (scope, status))) {
            // What is remembered from an earlier run was confirmed then.
            Some((scope, status)) if !status.vouches_for(entry.at) => {
                return Some((source.confirmed_at(scope).max(Some(entry.at)), Lost::NotLive(id, &status.state)));
            }
            // It was told of by the stream before any list spoke for its project: as current as the instance is.
            None if !source.any_live() || entry.at < source.since => return Some((source.heard_at.max(Some(entry.at)), Lost::NotRead(id))),
            Some(_) | None => {}
        }
        let silent = source.controller_silent(now).filter(|_| !application.frozen)?;
        Some((Some(silent), Lost::Silent(id)))
    }

    fn lost_workloads(&self, workloads: &Known<Vec<WorkloadKey>>) -> Option<(Option<Timestamp>, Lost<'_>)> {
        let key = workloads.as_known()?.first()?;
        let (id, source) = self.sources.get_key_value(&SourceId::cluster(&key.cluster))?;
        let scopes = [Scope::Workloads(key.kind, None), Scope::Workloads(key.kind, Some(key.namespace.clone()))];
        let mut told = scopes.iter().filter_map(|scope| source.scopes.get(scope).map(|status| (scope, status)));
        let seen = self.workloads.get(key)?.at;
        if told.clone().any(|(_, status)| status.vouches_for(seen)) {
            return None;
        }
        let (scope, status) = told.next_back()?;
        Some((source.confirmed_at(scope), Lost::NotLive(id, &status.state)))
    }
}

/// What is wrong with facts, before anybody wants it in words.
#[derive(Debug, Clone, Copy)]
enum Lost<'a> {
    NotLive(&'a SourceId, &'a SourceState),
    NotRead(&'a SourceId),
    Silent(&'a SourceId),
}

impl Lost<'_> {
    fn why(self) -> Safe {
        match self {
            Self::NotLive(id, state) => why_not_live(id, state),
            Self::NotRead(id) => crate::safe!("{} {} is not being read", id.kind, id.name.shown()),
            Self::Silent(id) => {
                crate::safe!("the controller of argocd {} has compared nothing with git since: its API serves old facts", id.name.shown())
            }
        }
    }
}

/// The scope that speaks for an application.
fn scope_of<'a>(source: &'a Source, key: &AppKey, project: &Raw) -> Option<&'a Scope> {
    source.scopes.keys().find(|scope| match scope {
        Scope::Applications => true,
        Scope::Project(name) => name == project,
        Scope::ApplicationsIn(namespace) => *namespace == key.namespace,
        Scope::Workloads(..) | Scope::ReplicaSets(_) | Scope::Desired | Scope::Pulls(_) => false,
    })
}

pub(super) fn why_not_live(id: &SourceId, state: &SourceState) -> Safe {
    let name = id.name.shown();
    match state {
        SourceState::Connecting | SourceState::Live => crate::safe!("{} {name} is being read", id.kind),
        SourceState::Waiting { why, .. } | SourceState::Denied { why, .. } | SourceState::Off { why } => crate::safe!("{} {name}: {why}", id.kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_ends_is_announced_a_day_before_and_one_that_lasts_a_day_two_hours_before() {
        let end: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let source = |lasts: Option<u64>| {
            let login = Login::Until { at: end, lasts: lasts.map(Duration::from_hours), renewal: Safe::clean("argocd relogin") };
            Source { instance: InstanceFacts { login: Some(login), ..InstanceFacts::default() }, ..Source::default() }
        };
        let is_told = |lasts, hours: i64| source(lasts).login_ends_soon(end - jiff::SignedDuration::from_hours(hours)).is_some();
        for (lasts, hours, told) in [
            (Some(365 * 24), 25, false),
            (Some(365 * 24), 23, true),
            (Some(24), 23, false),
            (Some(24), 1, true),
            (None, 23, true),
            (Some(24), -1, true),
        ] {
            assert_eq!(is_told(lasts, hours), told, "{lasts:?} h in all, {hours} h left");
        }
    }
}
