//! The row of the demo, under the header: the newest line of its story, with its time and age. Only a world to practise in has it.

use std::fmt::Write as _;

use super::Painter;
use super::canvas::{Canvas, width};
use super::look::Tone;
use super::moment::{Clock, Moment};
use crate::app::demo::Demo;

/// A line that is older than this is no news any more, and steps back.
const NEWS: u64 = 180;

pub(super) fn paint(canvas: &mut Canvas<'_>, painter: &mut Painter, demo: &Demo, moment: Moment) {
    let words = &mut painter.words;
    words.clear();
    let end = canvas.width().saturating_sub(1);
    let Some(told) = &demo.told else {
        let _ = write!(words, "{}. Other scenarios are under :", demo.title);
        canvas.cut(1, 1, end.saturating_sub(1), words, Tone::Quiet);
        return;
    };
    let age = moment.age(told.at);
    let tone = if age.0.as_secs() < NEWS { Tone::Info } else { Tone::Quiet };
    let _ = write!(words, "{age}");
    let end = canvas.put_right(end, 1, width(words), words, Tone::Quiet).saturating_sub(2);
    words.clear();
    let _ = write!(words, "{} ", Clock(told.at));
    let at = canvas.put(1, 1, end.saturating_sub(1), words, Tone::Quiet);
    canvas.cut(at, 1, end.saturating_sub(at), told.line.as_str(), tone);
}
