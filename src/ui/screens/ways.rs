//! The ways back: how it stands, what there is to do, best first, and of the one that the cursor is on all that is to be known.

use crate::app::operation::WaysState;
use crate::base::Safe;
use crate::operations::ways::{Way, Ways};
use crate::ui::look::{Glyphs, Look, Tone};
use crate::ui::page::Page;

/// Where times and marks stand in a row, and words behind a heading.
const TIME: u16 = 44;
const MARK: u16 = 60;
const WORDS: u16 = 10;

pub(in crate::ui) fn write(page: &mut Page, look: Look, state: &WaysState) {
    page.tone(Tone::Strong).say("Ways back   ").say(state.service.shown()).say(" in ");
    if state.only().is_none() {
        page.say(state.environment.shown());
    }
    for (index, name) in state.only().unwrap_or_default().iter().enumerate() {
        page.say(if index == 0 { "" } else { ", " }).say(state.environment.shown()).say("·").say(name.shown());
    }
    page.end(2);
    if state.scopes.len() > 1 {
        let (place, count) = (state.scope + 1, state.scopes.len());
        page.tone(Tone::Info).say("← →  other placements (").say(place).say(" of ").say(count).say(")").end(0);
    }
    page.blank();
    match &state.ways {
        Err(refusal) => {
            page.tone(Tone::Broken).say("✖ ").tone(Tone::Plain).say(refusal.sentence()).end(2);
        }
        Ok(ways) => {
            for sentence in &ways.situation {
                page.say(" ").say(sentence).end(3);
            }
            page.blank();
            rows(page, look, state, ways);
            if let Some(way) = state.chosen() {
                chosen(page, look, way);
            }
            by_hand(page, ways);
        }
    }
}

fn rows(page: &mut Page, look: Look, state: &WaysState, ways: &Ways) {
    page.tone(Tone::Quiet).column(TIME).say("takes").end(TIME);
    for (index, way) in ways.ways.iter().enumerate() {
        let is_chosen = index == state.selected;
        let cursor = if look.glyphs == Glyphs::Ascii { ">" } else { "▸" };
        let tone = match (is_chosen, &way.refused) {
            (true, _) => Tone::Strong,
            (false, Some(_)) => Tone::Quiet,
            (false, None) => Tone::Plain,
        };
        page.tone(Tone::Strong).say(" ").say(if is_chosen { cursor } else { " " }).tone(tone).say(" ");
        page.say(if way.refused.is_some() { "–".to_owned() } else { (index + 1).to_string() }).say(" ").say(&way.title);
        let is_recommended = ways.recommended().is_some_and(|recommended| recommended.request == way.request);
        match &way.refused {
            Some(_) => page.column(TIME).say("refused"),
            None => page.column(TIME).say(way.takes.whole.map_or_else(|| Safe::clean("not known"), |whole| crate::safe!("~{}", whole.words()))),
        };
        if is_recommended {
            page.column(MARK).tone(Tone::Info).say("recommended");
        } else if way.leaves_debt && way.refused.is_none() {
            page.column(MARK).tone(Tone::Waiting).say("leaves debt");
        }
        page.end(MARK);
    }
}

fn heading(page: &mut Page, name: &str) {
    page.blank();
    page.tone(Tone::Strong).say(name).tone(Tone::Plain).column(WORDS);
}

fn chosen(page: &mut Page, look: Look, way: &Way) {
    if let Some(refusal) = &way.refused {
        heading(page, "REFUSED");
        page.say(refusal.sentence()).end(WORDS);
        return;
    }
    heading(page, "LEAVES");
    if way.left.is_empty() {
        page.say("nothing open").end(WORDS);
    }
    for (index, left) in way.left.iter().enumerate() {
        if index > 0 {
            page.column(WORDS);
        }
        page.say(left).end(WORDS);
    }
    heading(page, "TAKES");
    page.say(way.takes.words()).end(WORDS);
    page.column(WORDS).tone(Tone::Info).say(look.keys.told("<open> shows exactly what it would send, and asks again.")).end(WORDS);
}

fn by_hand(page: &mut Page, ways: &Ways) {
    if ways.by_hand.is_empty() {
        return;
    }
    heading(page, "BY HAND");
    page.say("where Argo CD or git are not reached; nothing of it is on record here").end(WORDS);
    for hand in &ways.by_hand {
        page.column(WORDS).say(&hand.command).end(WORDS + 2);
        page.tone(Tone::Quiet).column(WORDS + 2).say(&hand.then).end(WORDS + 2);
    }
}
