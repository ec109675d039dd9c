//! Which change of a placement a person who looked away wants to know of: another version, another health, another phase of a canary. Counts of
//! pods, ages and syncs that change nothing are not among them.

use std::mem::discriminant;

use super::Placement;
use crate::domain::canary::Waits;
use crate::domain::workload::RolloutPhase;

/// Whether the difference is news. A version that was not known before is none: it was read, it did not change.
pub(super) fn is_news(before: &Placement, after: &Placement) -> bool {
    let versions = match (before.versions.as_known(), after.versions.as_known()) {
        (Some(before), Some(after)) => !before.iter().map(|version| &version.text).eq(after.iter().map(|version| &version.text)),
        _ => false,
    };
    versions || discriminant(&before.health) != discriminant(&after.health) || canary(before) != canary(after)
}

/// The phase of an open canary: what it is, and whom it waits for.
fn canary(placement: &Placement) -> Option<(std::mem::Discriminant<RolloutPhase>, std::mem::Discriminant<Waits>)> {
    placement.open_canary().map(|canary| (discriminant(&canary.phase), discriminant(&canary.waits)))
}
