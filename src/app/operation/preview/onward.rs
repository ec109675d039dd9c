//! Waves in the preview: a promotion is offered in waves where there is more than one placement, and the wave after one that is verified is planned anew
//! and carried out without being asked for again where it is still what was confirmed. Where it is not, it waits to be read.

use super::{Preview, approve, begin, state};
use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::operations::waves::Onward;
use crate::operations::{Refusal, Request};

/// Whether a promotion is into several placements.
pub(super) fn may_have_waves(model: &Model, request: &Request) -> bool {
    model.fleet.cell(request.service(), request.to()).is_some_and(|cell| cell.placements.len() > 1)
}

/// The same in waves.
pub(super) fn in_waves(request: &Request) -> Request {
    let mut request = request.clone();
    if let Request::Promote { waves, .. } = &mut request {
        *waves = true;
    }
    request
}

/// Opens the preview of the next wave.
pub(in crate::app::operation) fn onward(model: &mut Model, onward: Onward) -> Vec<Effect> {
    let Some(request) = onward.request().cloned() else { return Vec::new() };
    let effects = begin(model, vec![request]);
    state(model, onward.stated().clone());
    if let Screen::Preview(preview) = &mut model.screen {
        preview.onward = Some(onward);
    }
    effects
}

/// Goes on with the next wave where it is what was confirmed, and nothing stands in its way now.
pub(super) fn go_on(model: &mut Model) -> Vec<Effect> {
    let Screen::Preview(preview) = &mut model.screen else { return Vec::new() };
    let Some(onward) = &preview.onward else { return Vec::new() };
    let told = onward.told();
    let halted = match &preview.planned {
        // It may be current again in a moment.
        None | Some(Err(Refusal::Stale { .. } | Refusal::Changed(_) | Refusal::NotAllRead { .. })) => return Vec::new(),
        Some(Err(_)) => crate::safe!("Halted: {told} cannot be promoted now."),
        Some(Ok(plan)) => match (onward.confirms(plan), preview.confirmation.is_some()) {
            (None, _) => crate::safe!("Halted: the plan of {told} is not what was confirmed. Read it, and confirm it where it is still wanted."),
            (Some(confirmed), true) => return approve(model, confirmed, Vec::new()),
            (Some(_), false) if preview.bars.is_empty() => return Vec::new(),
            (Some(_), false) => crate::safe!("Halted: something stands in the way of {told} now."),
        },
    };
    preview.onward = None;
    model.notice = Some(halted);
    Vec::new()
}

impl Preview {
    /// Whether it goes on without being confirmed again.
    #[must_use]
    pub const fn goes_on(&self) -> bool {
        self.onward.is_some()
    }
}
