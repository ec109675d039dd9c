//! The record of operations: one line each with when, how it ended, who and what; or one of them in full.

use std::fmt::Write as _;

use crate::app::journal::{JournalState, Row};
use crate::operations::record::Outcome;
use crate::ui::Painter;
use crate::ui::canvas::{Canvas, width};
use crate::ui::look::{Glyphs, Tone};
use crate::ui::page::Page;

/// Columns of the moment and of the outcome.
const MOMENT: u16 = 18;
const OUTCOME: u16 = 9;

pub(in crate::ui) fn paint(canvas: &mut Canvas<'_>, painter: &mut Painter, state: &JournalState) {
    if let Some(shown) = &state.story {
        super::text(canvas, painter, shown.scroll.top, |page| match &shown.told {
            None => page.tone(Tone::Moving).say("Reading the record …").end(0),
            Some(Err(why)) => page.tone(Tone::Broken).say("It cannot be read: ").say(why).end(2),
            Some(Ok(told)) => told.iter().for_each(|paragraph| line(page, paragraph)),
        });
        return;
    }
    let end = canvas.width().saturating_sub(1);
    title(canvas, painter, state, end);
    match &state.list {
        None => drop(canvas.cut(1, 3, end, "Reading the record …", Tone::Moving)),
        Some(Err(why)) => {
            painter.words.clear();
            let _ = write!(painter.words, "It cannot be read: {why}");
            canvas.cut(1, 3, end, &painter.words, Tone::Broken);
        }
        Some(Ok((rows, _))) if rows.is_empty() => {
            canvas.cut(1, 3, end, "Nothing was confirmed here yet.", Tone::Plain);
            let told = canvas.look.keys.told("<promote> on a cell shows what a promotion would change.");
            canvas.cut(1, 4, end, &told, Tone::Info);
        }
        Some(Ok((rows, _))) => list(canvas, painter, state, rows, end),
    }
}

fn line(page: &mut Page, paragraph: &crate::operations::record::telling::Paragraph) {
    let indent = width(paragraph.start.as_str());
    page.tone(if paragraph.is_heading() { Tone::Strong } else { Tone::Plain }).say(&paragraph.start).say(&paragraph.text).end(indent);
}

fn title(canvas: &mut Canvas<'_>, painter: &mut Painter, state: &JournalState, end: u16) {
    let words = &mut painter.words;
    words.clear();
    if let Some(Ok((rows, older))) = &state.list {
        // Words cannot fail to be written into a string.
        let _ = if *older == 0 { write!(words, "{}", rows.len()) } else { write!(words, "the newest {} of {}", rows.len(), rows.len() + older) };
    }
    let end = canvas.put_right(end, 1, width(words), words, Tone::Quiet);
    canvas.cut(1, 1, end.saturating_sub(3), "JOURNAL  what was confirmed here", Tone::Strong);
}

fn list(canvas: &mut Canvas<'_>, painter: &mut Painter, state: &JournalState, rows: &[Row], end: u16) {
    let height = JournalState::height(canvas.height());
    let shown = rows.iter().enumerate().skip(state.scroll.top).take(height);
    for (y, (number, row)) in (2_u16..).zip(shown) {
        one(canvas, painter, row, y, end);
        if number == state.scroll.cursor {
            canvas.put(0, y, 1, "▸", Tone::Strong);
            canvas.select(0, y, canvas.width());
        }
    }
    if let Some(row) = state.selected() {
        let y = canvas.height().saturating_sub(2);
        let told = row.problem.as_ref().unwrap_or(&row.standing);
        canvas.cut(1, y, end, told.as_str(), if row.problem.is_some() { Tone::Broken } else { Tone::Plain });
    }
}

fn one(canvas: &mut Canvas<'_>, painter: &mut Painter, row: &Row, y: u16, end: u16) {
    let words = &mut painter.words;
    words.clear();
    let _ = match row.at {
        Some(at) => write!(words, "{}", at.strftime("%Y-%m-%d %H:%MZ")),
        None => write!(words, "{}", row.id.short()),
    };
    canvas.put(1, y, MOMENT, words, Tone::Quiet);
    let ascii = canvas.look.glyphs == Glyphs::Ascii;
    let (told, tone) = match (&row.problem, row.outcome) {
        (Some(_), _) => ("BROKEN", Tone::Broken),
        (None, Some(Outcome::Done)) => (if ascii { "done" } else { "✔ done" }, Tone::Plain),
        (None, Some(Outcome::Failed)) => (if ascii { "failed" } else { "✖ failed" }, Tone::Broken),
        (None, Some(Outcome::Unknown)) => (if ascii { "unknown" } else { "? unknown" }, Tone::Waiting),
        (None, None) => (if ascii { "open" } else { "◐ open" }, Tone::Moving),
    };
    canvas.put(1 + MOMENT, y, OUTCOME, told, tone);
    let who = if end < 100 { 10 } else { 18 };
    let x = 1 + MOMENT + OUTCOME + 1;
    canvas.cut(x, y, who, row.who.as_str(), Tone::Quiet);
    canvas.cut(x + who + 1, y, end.saturating_sub(x + who + 1), row.what.as_str(), Tone::Strong);
}

#[cfg(test)]
mod tests {
    use crate::app::journal::{Heard, Row};
    use crate::app::{Effect, Intent, Model, What, update};
    use crate::base::{OperationId, Safe};
    use crate::operations::oncall::{Answer, Finding, Kind, Part, Report};
    use crate::operations::record::Outcome;
    use crate::operations::record::telling::Paragraph;
    use crate::ui::keys::Keys;
    use crate::ui::look::{Colors, Glyphs, Look, Theme};
    use crate::ui::testing::{self, NOW, ago, msg};

    fn text(model: &Model) -> String {
        let look = Look { colors: Colors::Sixteen, glyphs: Glyphs::Unicode, theme: Theme::Usual, keys: Keys::USUAL, links: false };
        testing::text(model, look)
    }

    fn wants(model: &mut Model, intent: Intent) -> Vec<Effect> {
        update(model, msg(NOW, What::Wants(intent)))
    }

    fn id(number: u8) -> OperationId {
        OperationId::read(&format!("01a20125-8ec3-7856-976d-edffe408{number:04x}")).unwrap()
    }

    fn row(number: u8, what: &str, outcome: Option<Outcome>) -> Row {
        let standing = Safe::clean("done: 2.14.3 seen healthy");
        Row {
            id: id(number),
            at: Some(ago(60 * u64::from(number))),
            who: Safe::clean("ana"),
            what: Safe::clean(what),
            outcome,
            standing,
            problem: None,
        }
    }

    fn rows() -> Vec<Row> {
        let broken = Row::unread(id(9), Safe::clean("NOT INTACT: line 3 does not follow the line before"));
        vec![
            row(1, "sync checkout in production·eu", None),
            row(2, "promote checkout 2.14.3 to production", Some(Outcome::Done)),
            row(3, "put payments 1.8.4 back in production", Some(Outcome::Failed)),
            row(4, "abort search in production·us", Some(Outcome::Unknown)),
            broken,
        ]
    }

    #[test]
    fn the_list_leads_to_a_story_and_back() {
        let mut model = testing::usual();
        assert_eq!(wants(&mut model, Intent::Journal), [Effect::ReadJournal(None)]);
        assert!(text(&model).contains("Reading the record"));
        update(&mut model, msg(NOW, What::Journal(Box::new(Heard::List(Ok((rows(), 3)))))));
        wants(&mut model, Intent::Down);
        insta::assert_snapshot!("journal_list", text(&model));
        assert_eq!(wants(&mut model, Intent::Open), [Effect::ReadJournal(Some(id(2)))]);
        let told = |start: &str, text: &str, breaks| Paragraph { start: Safe::clean(start), text: Safe::clean(text), breaks };
        let other = vec![told("", "another one", true)];
        update(&mut model, msg(NOW, What::Journal(Box::new(Heard::One(id(3), Ok(other))))));
        assert!(text(&model).contains("Reading the record"), "what was asked for before is not taken for it");
        let story = vec![told("", "promote checkout 2.14.3 to production", true), told("", "What happened", false), told("  11-20  ", "taken", true)];
        update(&mut model, msg(NOW, What::Journal(Box::new(Heard::One(id(2), Ok(story))))));
        assert!(text(&model).contains("What happened"));
        wants(&mut model, Intent::Back);
        assert!(text(&model).contains("▸"), "the cursor is where it was");
        update(&mut model, msg(NOW, What::Journal(Box::new(Heard::List(Err(Safe::clean("there is no place for the journal")))))));
        assert!(text(&model).contains("It cannot be read: there is no place"));
        wants(&mut model, Intent::Back);
        assert!(text(&model).contains("checkout"), "the matrix");
    }

    #[test]
    fn the_header_says_whether_there_is_a_way_back_and_the_sources_why_not() {
        let mut model = testing::usual();
        model.size = (120, 30);
        assert!(!text(&model).contains("way back"), "nobody asks here");
        let report = |answer| {
            let found = Finding::new("push", answer, Safe::clean("you may not push to main")).cured_by(Safe::clean("ask for it"));
            let sync = Finding::new("sync", Answer::Yes, Safe::clean("allowed"));
            let part = |kind, name, findings| Part { kind, name: Safe::clean(name), findings };
            Report { at: NOW, parts: vec![part(Kind::Repository, "gitops", vec![found]), part(Kind::Placement, "production·eu", vec![sync])] }
        };
        for (answer, told) in [(Answer::Yes, "way back ✔"), (Answer::Unknown, "way back ?"), (Answer::No, "way back ✖")] {
            update(&mut model, msg(NOW, What::Rehearsed(Box::new(report(answer)))));
            assert!(text(&model).contains(told), "{told}");
        }
        model.size = (80, 24);
        assert!(text(&model).contains("way back ✖"), "what is wrong is told on every screen");
        model.size = (100, 60);
        wants(&mut model, Intent::Sources);
        assert!(text(&model).contains("gitops, push: you may not push to main"), "{}", text(&model));
    }
}
