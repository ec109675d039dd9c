//! The preview for the command line: what was stated and confirmed by arguments goes through the same door as what is typed.

use super::{approve, judge};
use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::operations::confirm::Confirmed;
use crate::operations::door::Stated;

/// States a reason and a ticket beside the request that is looked at.
pub fn state(model: &mut Model, stated: Stated) {
    if let Screen::Preview(preview) = &mut model.screen {
        preview.stated = stated;
        judge(model);
    }
}

/// The confirmation appears only now: what was typed before does not count.
pub fn show_again(model: &mut Model) {
    if let Screen::Preview(preview) = &mut model.screen {
        preview.confirmation = None;
        judge(model);
    }
}

/// Confirms the plan that is looked at by `--yes`. Nothing happens where the environment does not allow it, or where something stands in the way.
pub fn confirm_by_yes(model: &mut Model) -> Vec<Effect> {
    let Screen::Preview(preview) = &model.screen else { return Vec::new() };
    let Some(plan) = preview.plan().filter(|_| preview.confirmation.is_some()) else { return Vec::new() };
    let Some(environment) = model.fleet.landscape().environment(&plan.to) else { return Vec::new() };
    let Some(confirmed) = Confirmed::by_yes(plan, &environment.guard) else { return Vec::new() };
    approve(model, confirmed, Vec::new())
}
