//! Why a change that is followed does not get on: each cause by its name, with what, where and what to do. From what sources said, and nothing else: what
//! was said before the change was sent is no cause of it.

use std::time::Duration;

use crate::base::time::{Lasted, later, since};
use crate::base::{Safe, Timestamp};
use crate::domain::AppKey;
use crate::domain::application::{Application, Detail, Initiator, OperationDetail, Phase};
use crate::domain::fleet::{Entry, Fleet, Placement};
use crate::domain::health::Sync;
use crate::domain::image::Image;

/// An older sync that ends within this is nothing to speak of.
const PATIENCE: Duration = Duration::from_secs(30);
/// Clocks differ: what began so shortly before the change was sent may be its own sync.
const APART: Duration = Duration::from_secs(10);

/// Why it does not get on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// A sync window keeps Argo CD from syncing.
    Window {
        app: Safe,
        /// Which.
        window: Safe,
    },
    /// A hook failed: nothing, or not all, is applied.
    Hook {
        app: Safe,
        /// `Job/migrate`.
        hook: Safe,
        /// What is said of it.
        message: Safe,
    },
    /// A sync that was begun before the change was sent still runs.
    Older {
        app: Safe,
        /// Who asked for it, how long it runs, what it waits for.
        words: Safe,
    },
    /// The sync failed and is tried again.
    Retry { app: Safe, message: Safe },
    /// The sync failed.
    Sync { app: Safe, message: Safe },
    /// Argo CD cannot make or compare its manifests.
    Condition {
        app: Safe,
        /// `ComparisonError`.
        kind: Safe,
        message: Safe,
    },
    /// An image cannot be pulled.
    Image {
        pod: Safe,
        /// Which.
        image: Safe,
        /// `ImagePullBackOff`.
        reason: Safe,
    },
    /// Pods cannot be made.
    Pods {
        workload: Safe,
        /// What the server said.
        message: Safe,
    },
}

impl Cause {
    /// Whether it goes on by itself once something else is over.
    pub(super) const fn goes_on(&self) -> bool {
        matches!(self, Self::Window { .. } | Self::Older { .. } | Self::Retry { .. })
    }

    /// Whether a sync came to a bad end.
    pub(super) const fn is_of_a_sync(&self) -> bool {
        matches!(self, Self::Hook { .. } | Self::Sync { .. })
    }

    /// What, where, and what to do.
    pub(super) fn sentence(&self, place: &Safe) -> Safe {
        match self {
            Self::Window { app, window } => crate::safe!(
                "{place}: a sync window keeps Argo CD from syncing {app} ({window}). It syncs by itself when the window lets it; 'argocd app sync {app}' does \
                 now where the window allows syncs by hand."
            ),
            Self::Hook { app, hook, message } => crate::safe!(
                "{place}: the hook {hook} of the sync of {app} failed: {message}. Look at its logs; then fix it with a new commit, or go back. What the hook \
                 did already stays done."
            ),
            Self::Older { app, words } => crate::safe!(
                "{place}: an older sync of {app} stands before this commit ({words}). Argo CD begins this one after it; where it hangs, \
                 'argocd app terminate-op {app}' ends it."
            ),
            Self::Retry { app, message } => {
                crate::safe!("{place}: the sync of {app} failed and Argo CD tries it again by itself: {message}. If that does not help, go back.")
            }
            Self::Sync { app, message } => crate::safe!(
                "{place}: the sync of {app} failed: {message}. Argo CD does not try this commit again by itself: sync it by hand when the cause is gone, or go \
                 back."
            ),
            Self::Condition { app, kind, message } => {
                crate::safe!("{place}: Argo CD says {kind} of {app}: {message}. Put it right in git, or go back.")
            }
            Self::Image { pod, image, reason } => crate::safe!(
                "{place}: pod {pod} cannot pull {image} ({reason}). Look whether the registry has it and the pull secret is right, or go back."
            ),
            Self::Pods { workload, message } => {
                let cure = if message.as_str().contains("exceeded quota") { "Free or raise the quota" } else { "Take what forbids it away" };
                crate::safe!("{place}: pods of {workload} cannot be made: {message}. {cure}, or go back.")
            }
        }
    }
}

/// Why an application is not synced.
pub(super) fn of_sync(fleet: &Fleet, app: &AppKey, sent: Timestamp, now: Timestamp) -> Option<Cause> {
    let application = &fleet.application(app)?.value;
    let name = app.name.shown();
    // What was read before the change was sent does not know it.
    let detail = fleet.detail(app).filter(|detail| detail.at >= sent);
    let operation = operation(application, detail);
    if let Some(last) = &application.operation {
        let began = last.started_at.unwrap_or(Timestamp::MAX);
        let is_ours = began >= sent;
        let message = || operation.map_or_else(|| Safe::clean("why is not told"), |operation| operation.message.clone());
        let failed = || operation.and_then(failed_hook).map(|(hook, message)| Cause::Hook { app: name.clone(), hook, message });
        match &last.phase {
            phase if phase.is_open() && later(began, APART) < sent && since(sent, now) >= PATIENCE => {
                return Some(Cause::Older { app: name, words: older(operation, began, now) });
            }
            phase if phase.is_open() && operation.is_some_and(|operation| operation.message.as_str().contains("blocked by sync window")) => {
                return Some(Cause::Window { app: name, window: window(detail).unwrap_or_else(|| Safe::clean("which is not told")) });
            }
            // It runs, and it ended: Argo CD waits to try it again.
            phase if phase.is_open() && is_ours && last.finished_at.is_some() => return Some(Cause::Retry { app: name, message: message() }),
            Phase::Failed | Phase::Error if is_ours && application.sync != Sync::Synced => {
                return failed().or_else(|| Some(Cause::Sync { app: name.clone(), message: operation.map_or_else(message, told) }));
            }
            phase if phase.is_open() => return None,
            _ => {}
        }
    }
    let condition = detail.and_then(|detail| detail.value.conditions.iter().find(|condition| condition.kind.as_str().ends_with("Error")));
    if let Some(condition) = condition {
        return Some(Cause::Condition { app: name, kind: condition.kind.clone(), message: condition.message.clone() });
    }
    window(detail).filter(|_| application.sync != Sync::Synced).map(|window| Cause::Window { app: name, window })
}

/// What a sync is at.
pub(super) fn syncing(fleet: &Fleet, app: &AppKey, now: Timestamp) -> Safe {
    let Some(application) = fleet.application(app) else { return Safe::clean("syncing") };
    let Some(operation) = operation(&application.value, fleet.detail(app)) else { return Safe::clean("syncing") };
    let Some(hook) = operation.hooks.iter().find(|hook| hook.phase.is_open()) else { return Safe::clean("syncing") };
    let took = operation.started_at.map(|at| crate::safe!(" for {}", Lasted(since(at, now)))).unwrap_or_default();
    crate::safe!("the hook {}/{} runs{took}", hook.kind.shown(), hook.name.shown())
}

/// What is told of the operation of the summary, and of no earlier one.
fn operation<'d>(application: &Application, detail: Option<&'d Entry<Detail>>) -> Option<&'d OperationDetail> {
    let last = application.operation.as_ref()?;
    detail?.value.operation.as_ref().filter(|operation| operation.started_at == last.started_at)
}

fn failed_hook(operation: &OperationDetail) -> Option<(Safe, Safe)> {
    let failed = operation.hooks.iter().find(|hook| matches!(hook.phase, Phase::Failed | Phase::Error))?;
    Some((crate::safe!("{}/{}", failed.kind.shown(), failed.name.shown()), failed.message.clone()))
}

/// What did not apply, else what the operation says.
fn told(operation: &OperationDetail) -> Safe {
    match operation.failures.as_slice() {
        [] => operation.message.clone(),
        [(name, why), rest @ ..] => {
            let more = if rest.is_empty() { Safe::default() } else { crate::safe!(" (and {} more)", rest.len()) };
            crate::safe!("{name}: {why}{more}")
        }
    }
}

fn older(operation: Option<&OperationDetail>, began: Timestamp, now: Timestamp) -> Safe {
    let took =
        if began == Timestamp::MAX { Safe::clean("since when is not told") } else { crate::safe!("it runs for {}", Lasted(since(began, now))) };
    let Some(operation) = operation else { return took };
    let by = match &operation.by {
        Initiator::User(name) => crate::safe!(", asked for by {name}"),
        Initiator::Automation => Safe::clean(", begun by Argo CD itself"),
        Initiator::NotRecorded => Safe::default(),
    };
    let message = if operation.message.is_empty() { Safe::default() } else { crate::safe!(", {}", operation.message) };
    crate::safe!("{took}{by}{message}")
}

fn window(detail: Option<&Entry<Detail>>) -> Option<Safe> {
    detail?.value.window.clone()
}

/// Why the pods of a placement do not come up: none can be made, or the image of the version cannot be pulled.
pub(super) fn of_pods(fleet: &Fleet, placement: &Placement, version: &Safe) -> Option<Cause> {
    let keys = placement.parts.iter().filter_map(|part| part.workloads.as_known()).flatten();
    for key in keys {
        if let Some(message) = fleet.workload(key).and_then(|workload| workload.value.unmade.clone()) {
            return Some(Cause::Pods { workload: crate::safe!("{} {}", Safe::clean(key.kind.word()), key.name.shown()), message });
        }
        let pods = fleet.pods(key).map(|pods| pods.value.pods.as_slice()).unwrap_or_default();
        let is_of = |image: &Image| crate::domain::version::Version::of_image(image).text.shown() == *version;
        for pod in pods.iter().filter(|pod| pod.images.iter().any(|(container, _)| is_of(&container.image))) {
            if ["ImagePull", "ErrImage", "InvalidImageName"].iter().any(|reason| pod.status.as_str().contains(reason)) {
                let image = pod.images.iter().map(|(container, _)| &container.image).find(|image| is_of(image));
                let image = image.map(|image| crate::safe!("{}:{version}", image.repository.shown())).unwrap_or_default();
                return Some(Cause::Image { pod: pod.name.shown(), image, reason: pod.status.clone() });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
