//! What a person could type where neither Argo CD nor git are reached, and what becomes of it: the last resort, told and never carried out here.

use super::State;
use crate::base::Safe;
use crate::domain::Known;
use crate::domain::fleet::{Fleet, Part, Placement};
use crate::domain::workload::{WorkloadKey, WorkloadKind};

/// A command, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// The command line.
    pub command: Safe,
    /// What Argo CD does about it.
    pub then: Safe,
}

pub(super) fn of(fleet: &Fleet, placement: &Placement, state: State) -> Vec<ByHand> {
    let of_part = |part: &Part| {
        let then = match state {
            // The template stays as it is: there is nothing to heal.
            State::Moving if placement.canary.is_some() => {
                let wants = super::edits::wants(placement);
                crate::safe!("git still wants {wants}: the next change of its template starts it again")
            }
            _ => becomes(fleet, placement, part),
        };
        let workloads = if let Known::Known(workloads) = &part.workloads { workloads.as_slice() } else { &[] };
        let commands = workloads.iter().filter_map(|key| command(key, state)).map(move |command| ByHand { command, then: then.clone() });
        commands.collect::<Vec<_>>()
    };
    placement.parts.iter().flat_map(of_part).collect()
}

/// What undoes the last change of a workload.
fn command(key: &WorkloadKey, state: State) -> Option<Safe> {
    let (context, namespace, name) = (key.cluster.shown(), key.namespace.shown(), key.name.shown());
    Some(match (key.kind, state) {
        (WorkloadKind::Rollout, State::Moving) => crate::safe!("kubectl argo rollouts abort {name} -n {namespace} --context {context}"),
        (WorkloadKind::Rollout, State::Aborted) => return None,
        (WorkloadKind::Rollout, State::Returning | State::Stepped | State::There) => {
            crate::safe!("kubectl argo rollouts undo {name} -n {namespace} --context {context}")
        }
        (WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet, _) => {
            crate::safe!("kubectl rollout undo {}/{name} -n {namespace} --context {context}", key.kind.word().to_lowercase())
        }
    })
}

fn becomes(fleet: &Fleet, placement: &Placement, part: &Part) -> Safe {
    let wants = super::edits::wants(placement);
    let app = part.app.name.shown();
    let Some(entry) = fleet.application(&part.app) else { return crate::safe!("what {app} does about it is not known") };
    let automation = entry.value.automation;
    let made_by = fleet.detail(&part.app).and_then(|detail| detail.value.made_by.as_ref());
    match (automation.enabled, automation.self_heal) {
        (true, true) => {
            let off = match made_by {
                Some(owner) => crate::safe!("switching that off does not last: ApplicationSet {} puts it back", owner.shown()),
                None => crate::safe!("argocd app set {app} --sync-policy none first"),
            };
            crate::safe!("a change of the template is undone within seconds: {app} heals itself; {off}")
        }
        (true, false) => crate::safe!("{app} brings {wants} again with the next commit that it sees"),
        (false, _) => crate::safe!("it stays until somebody syncs {app}: git wants {wants}"),
    }
}
