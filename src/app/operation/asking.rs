//! What is asked for while an operation is followed: why a sync does not get on, why pods do not come up, and which digests they run in the end.

use std::time::Duration;

use crate::app::cell;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::base::time::{later, since};
use crate::base::{OperationId, Timestamp};
use crate::domain::AppKey;
use crate::domain::workload::WorkloadKey;
use crate::operations::following::{Followed, Rung};

/// What gets on within this is asked nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two rounds of questions.
const PAUSE: Duration = Duration::from_secs(2);
/// What was answered is asked again after so long, as long as it does not get on.
const AGAIN: Duration = Duration::from_secs(10);

/// Asks for what is wanted now, each question once at a time.
pub(super) fn ask(model: &mut Model, id: &OperationId) -> Vec<Effect> {
    let now = model.now;
    let Some(followed) = model.operations.underway.get(id).and_then(|underway| underway.followed.as_ref()) else { return Vec::new() };
    let is_due = |from: Timestamp| since(from, now) >= PATIENCE;
    let (mut apps, mut pods_before) = (Vec::new(), None);
    match (followed.reached.get(&Rung::Synced), followed.reached.get(&Rung::Healthy)) {
        (None, _) if is_due(followed.since) => {
            let all = followed.placements(&model.fleet).flat_map(|placement| &placement.parts).map(|part| part.app.clone());
            let is_old = |app: &AppKey| model.fleet.detail(app).is_none_or(|detail| is_before(detail.at, followed.since, now));
            apps = all.filter(is_old).collect();
        }
        (Some(synced), None) if is_due(*synced) => pods_before = Some((*synced).max(earlier(now, AGAIN))),
        // What was known of pods before it was healthy is of the pods of before.
        (_, Some(healthy)) if followed.images.iter().any(|image| image.digest.is_some()) => pods_before = Some(*healthy),
        _ => {}
    }
    let keys = pods_before.map(|before| workloads(model, followed, before)).unwrap_or_default();
    if apps.is_empty() && keys.is_empty() {
        return Vec::new();
    }
    // Who refuses to answer is not asked with every observation.
    match model.operations.underway.get_mut(id) {
        Some(underway) if underway.asked.is_none_or(|asked| since(asked, now) >= PAUSE) => underway.asked = Some(now),
        _ => return Vec::new(),
    }
    let mut effects = cell::details(model, &apps);
    effects.extend(cell::pods(model, &keys));
    effects
}

/// So long before a moment.
fn earlier(moment: Timestamp, by: Duration) -> Timestamp {
    moment.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// Whether what was said then is of before, or old by now.
fn is_before(said: Timestamp, moment: Timestamp, now: Timestamp) -> bool {
    said < moment || later(said, AGAIN) <= now
}

/// The workloads whose pods were last told before a moment.
fn workloads(model: &Model, followed: &Followed, before: Timestamp) -> Vec<WorkloadKey> {
    let all = followed.placements(&model.fleet).flat_map(|placement| &placement.parts).filter_map(|part| part.workloads.as_known()).flatten();
    all.filter(|key| model.fleet.pods(key).is_none_or(|pods| pods.at < before)).cloned().collect()
}
