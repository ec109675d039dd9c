//! Whether the controller behind Argo CD still works: a few applications are asked for the time of their last comparison with git. An API server
//! answers from its cache for ever, also in front of a dead controller.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::Raw;
use crate::base::time::since;
use crate::domain::AppKey;
use crate::domain::application::Application;
use crate::domain::observation::{Observation, Scope};
use crate::sources::argocd::http::{Api, read};
use crate::sources::argocd::shared::Shared;
use crate::sources::argocd::{request, translate, wire};
use crate::sources::clock::now;
use crate::sources::{Failure, FailureKind};

/// Applications that are kept of one scope, to ask them in turn.
const PER_SCOPE: usize = 16;
/// Applications that are asked at once at most.
const AT_ONCE: usize = 3;
/// The shortest and the longest pause between looks.
const PAUSES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(10));

/// One application to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Specimen {
    pub(super) key: AppKey,
    pub(super) project: Raw,
    /// The controller leaves it alone: it proves nothing about the controller.
    frozen: bool,
}

/// A few applications of each scope.
#[derive(Debug, Default)]
pub(super) struct Sample {
    scopes: BTreeMap<Scope, Vec<Specimen>>,
    turn: usize,
}

impl Sample {
    /// Takes specimens of a scope that was listed, evenly spread, because one controller of several may have stopped.
    pub(super) fn refill(&mut self, scope: &Scope, items: &[(AppKey, Application)]) {
        let specimen = |(key, application): &(AppKey, Application)| Specimen {
            key: key.clone(),
            project: application.project.clone(),
            frozen: application.frozen,
        };
        let lively = items.iter().filter(|(_, application)| !application.frozen);
        let step = (lively.clone().count() / PER_SCOPE).max(1);
        let mut specimens: Vec<_> = lively.step_by(step).take(PER_SCOPE).map(specimen).collect();
        if specimens.is_empty() {
            specimens.extend(items.first().map(specimen));
        }
        self.scopes.insert(scope.clone(), specimens);
    }

    /// A scope is read no more.
    pub(super) fn forget(&mut self, scope: &Scope) {
        self.scopes.remove(scope);
    }

    /// An application is no more.
    fn lose(&mut self, key: &AppKey) {
        for specimens in self.scopes.values_mut() {
            specimens.retain(|specimen| specimen.key != *key);
        }
    }

    /// The next application whose comparisons say something.
    fn next(&mut self) -> Option<Specimen> {
        let lively: Vec<_> = self.scopes.values().flatten().filter(|specimen| !specimen.frozen).collect();
        let next = lively.get(self.turn.checked_rem(lively.len())?).copied().cloned();
        self.turn = self.turn.wrapping_add(1);
        next
    }

    /// Some application, whichever.
    pub(super) fn any(&self) -> Option<Specimen> {
        self.scopes.values().flatten().next().cloned()
    }
}

/// Looks again and again, for ever, and reports the newest comparison of each look.
pub(super) async fn watch_controller(shared: &Shared, api: &Api) {
    shared.listed().await;
    loop {
        if let Err(failure) = look(shared, api).await {
            tracing::debug!(why = %failure.why, "could not look for the controller's last comparison");
        }
        pause(shared).await;
    }
}

/// Waits until it is time for the next look. How long that is may be learned on the way: the first look comes before Argo CD's settings are read.
async fn pause(shared: &Shared) {
    let (shortest, longest) = PAUSES;
    let looked = tokio::time::Instant::now();
    let mut facts = shared.facts();
    loop {
        let pause = (shared.reconciliation() / 3).clamp(shortest, longest);
        tokio::select! {
            () = tokio::time::sleep_until(looked + pause) => return,
            Ok(()) = facts.changed() => {}
        }
    }
}

async fn look(shared: &Shared, api: &Api) -> Result<(), Failure> {
    let mut newest = None;
    for _ in 0..AT_ONCE {
        let Some(specimen) = shared.sample().next() else { break };
        let request = request::application(specimen.key.namespace.as_wire(), specimen.key.name.as_wire(), specimen.project.as_wire());
        let body = match api.get(&request).await {
            Ok(body) => body,
            Err(failure) if failure.kind == FailureKind::NotFound => {
                shared.sample().lose(&specimen.key);
                continue;
            }
            Err(failure) => return Err(failure),
        };
        newest = newest.max(translate::time(&read::<wire::Application<'_>>(&body)?.status.reconciled_at));
        if newest.is_some_and(|newest| since(newest, now()) < shared.reconciliation()) {
            break;
        }
    }
    if let Some(at) = newest {
        shared.outbox.observed(Observation::Reconciled { at }).await;
    }
    Ok(())
}
