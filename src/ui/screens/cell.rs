//! One cell: what runs in each of its placements, how it is, and how it came to be so.

use crate::app::Model;
use crate::app::cell::CellState;
use crate::domain::attention::Attention;
use crate::domain::{Health, explain};
use crate::ui::look::{Look, Tone};
use crate::ui::moment::Moment;
use crate::ui::page::Page;
use crate::ui::screens::{git, placement};

pub(in crate::ui) fn write(page: &mut Page, look: Look, model: &Model, state: &CellState, moment: Moment) {
    page.tone(Tone::Strong).say(state.service.shown()).say(" · ").say(state.environment.shown());
    if let Some(name) = state.placement.as_ref().filter(|name| !name.0.is_empty()) {
        page.say("·").say(name.shown());
    }
    page.end(0);
    let count = state.placements(model).count();
    if count == 0 {
        page.blank();
        page.say(look.keys.told("It is not there any more: no application deploys it here now. <back> goes back.")).end(0);
        return;
    }
    for one in state.placements(model) {
        if count > 1 {
            page.blank();
            page.tone(Tone::Strong).say(one.name.shown()).end(0);
        }
        let is_stale = model.fleet.stale_since(one, model.now).is_some();
        let tone = if is_stale { Tone::Stale } else { Tone::from(Attention::of(one)) };
        // What was healthy when it was last seen is not painted as healthy.
        let sign = if is_stale && one.health == Health::Healthy { "?" } else { look.health(&one.health) };
        page.tone(tone).say(sign).tone(Tone::Plain).column(3);
        let mut words = String::new();
        // Words cannot fail to be written into a string.
        let _ = explain::placement(&mut words, &model.fleet, one, moment.words());
        page.say(&words).end(3);
        git::write(page, model, &state.service, one, moment);
        placement::write(page, look, model, one, moment);
    }
}
