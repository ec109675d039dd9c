//! The writer thread: the only one that writes to the terminal while the cockpit is up. It compares a frame with the one before and writes what
//! differs in one `write`. A terminal that stops reading stops this thread and nothing else.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr as _;

use crate::runtime::terminal::pen::Pen;
use crate::runtime::terminal::scroll::Scroll;
use crate::runtime::terminal::slot::Slot;
use crate::ui::links::Links;

/// A frame below this size arrives in one piece anyway: the brackets of a synchronized update would only add to it.
const SYNCHRONIZED_FROM: usize = 1200;

/// Cells closer than this are joined by what lies between them. Moving the cursor takes six bytes and more.
const GAP: u16 = 8;

/// A frame on its way to the terminal.
#[derive(Debug)]
pub struct Frame {
    /// What the screen should be.
    pub buffer: Buffer,
    /// Where its cells lead.
    pub links: Links,
    /// Nothing on the screen can be relied on: write all of it.
    pub whole: bool,
}

/// What the core shares with the writer.
#[derive(Debug, Default)]
pub struct Wire {
    /// Frames to write: only the latest counts.
    pub frames: Slot<Frame>,
    /// Buffers to paint into again.
    pub spare: Slot<(Buffer, Links)>,
    beside: Mutex<Vec<u8>>,
}

/// No more than this waits beside a frame: a terminal that stalls is not sent a clipboard for every key that was pressed meanwhile.
const MOST_BESIDE: usize = 64 * 1024;

impl Wire {
    /// Sends bytes that are no part of a frame behind the next one, in the same `write`: a bell, the clipboard. Whoever calls shows a frame.
    pub fn send_beside(&self, bytes: &[u8]) {
        let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        if beside.len() + bytes.len() <= MOST_BESIDE {
            beside.extend_from_slice(bytes);
        }
    }

    fn take_beside(&self) -> Vec<u8> {
        std::mem::take(&mut *self.beside.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes frames until the wire is closed. Returns the error that made the terminal unusable.
pub fn run(wire: &Arc<Wire>, terminal: &mut impl Write) -> io::Result<()> {
    let mut encoder = Encoder::default();
    while let Some(frame) = wire.frames.take() {
        let spare = encoder.encode(frame)?;
        wire.spare.put(spare);
        encoder.bytes.append(&mut wire.take_beside());
        if !encoder.bytes.is_empty() {
            terminal.write_all(&encoder.bytes)?;
        }
    }
    Ok(())
}

/// Turns frames into bytes. Keeps what the terminal shows.
#[derive(Debug, Default)]
pub struct Encoder {
    shown: Buffer,
    leads: Links,
    /// The bytes of the last frame; empty when it changed nothing.
    pub bytes: Vec<u8>,
}

impl Encoder {
    /// Encodes the difference to what is shown. Gives back the buffer, and what held its links, that are no longer needed.
    pub fn encode(&mut self, frame: Frame) -> io::Result<(Buffer, Links)> {
        self.bytes.clear();
        let whole = frame.whole || frame.buffer.area != self.shown.area;
        if whole {
            self.shown.resize(frame.buffer.area);
            self.shown.reset();
            self.leads = Links::default();
            queue!(self.bytes, Clear(ClearType::All))?;
        }
        let mut changed = without_gaps(&self.shown, &frame.buffer);
        let scroll = if whole { None } else { Scroll::find(&self.shown, &frame.buffer, changed.len()) };
        if let Some(scroll) = scroll {
            scroll.say(&mut self.bytes);
            scroll.apply(&mut self.shown, &mut self.leads);
        }
        if self.distrusts_links(&frame.links) || scroll.is_some() {
            changed = without_gaps(&self.shown, &frame.buffer);
        }
        let mut pen = Pen::new(&mut self.bytes);
        for (x, y, cell) in changed {
            pen.put(x, y, cell, frame.links.at(x, y));
        }
        pen.lift();
        if self.bytes.len() >= SYNCHRONIZED_FROM {
            let mut begin = Vec::with_capacity(8);
            queue!(begin, BeginSynchronizedUpdate)?;
            self.bytes.splice(0..0, begin);
            queue!(self.bytes, EndSynchronizedUpdate)?;
        }
        Ok((std::mem::replace(&mut self.shown, frame.buffer), std::mem::replace(&mut self.leads, frame.links)))
    }

    /// A cell that leads elsewhere than before has changed, though it looks the same: what is shown there counts as hidden, which no cell ever is.
    /// Whether there are any such.
    fn distrusts_links(&mut self, next: &Links) -> bool {
        if self.leads == *next {
            return false;
        }
        let Self { shown, leads, .. } = self;
        for (one, other) in [(&*leads, next), (next, &*leads)] {
            for span in one.spans() {
                for column in (span.start..span.end).filter(|column| other.at(*column, span.row) != Some(&span.link)) {
                    if let Some(cell) = shown.cell_mut((column, span.row)) {
                        cell.modifier.insert(Modifier::HIDDEN);
                    }
                }
            }
        }
        true
    }
}

/// The cells that differ, and short runs between them that do not: writing a few plain characters again is shorter than moving the cursor past them.
fn without_gaps<'a>(shown: &Buffer, next: &'a Buffer) -> Vec<(u16, u16, &'a Cell)> {
    let mut cells: Vec<(u16, u16, &Cell)> = Vec::new();
    for (x, y, cell) in shown.diff_iter(next) {
        if let Some(&(last_x, last_y, last)) = cells.last()
            && last_y == y
            && (2..=GAP).contains(&(x.saturating_sub(last_x)))
            && last.symbol().width() == 1
        {
            let gap = || (last_x + 1..x).filter_map(|column| Some((column, y, next.cell((column, y))?)));
            if gap().all(|(_, _, between)| between.style() == last.style() && between.symbol().len() == 1) {
                cells.extend(gap());
            }
        }
        cells.push((x, y, cell));
    }
    cells
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;
    use crate::app::{Intent, Model};
    use crate::domain::link::Link;
    use crate::ui::look::Colors;
    use crate::ui::{Look, Painter, testing};

    fn frame(text: &str, whole: bool) -> Frame {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 2));
        buffer.set_stringn(0, 0, text, 20, Style::default());
        Frame { buffer, links: Links::default(), whole }
    }

    #[test]
    fn only_what_differs_is_written_and_nothing_when_nothing_does() {
        let (rows, columns) = (std::num::NonZero::new(2).unwrap(), std::num::NonZero::new(20).unwrap());
        let mut terminal = vt100::Parser::new(rows, columns, 0);
        let mut encoder = Encoder::default();
        let mut show = |text: &str, whole: bool| {
            encoder.encode(frame(text, whole)).unwrap();
            terminal.process(&encoder.bytes);
            (terminal.screen().contents().trim().to_owned(), encoder.bytes.len())
        };
        assert_eq!(show("checkout 2.14.2", false).0, "checkout 2.14.2");
        assert_eq!(show("checkout 2.14.2", false), ("checkout 2.14.2".to_owned(), 0));
        let (text, bytes) = show("checkout 2.14.3", false);
        assert_eq!(text, "checkout 2.14.3");
        assert!(bytes <= 40, "{bytes}");
        assert_eq!(show("search", true).0, "search");
    }

    fn linked(text: &str, spans: &[(u16, u16, u16, &str)]) -> Frame {
        let mut frame = frame(text, false);
        frame.links = spans.iter().map(|(row, start, end, link)| (*row, *start, *end, Link::read(link).unwrap())).collect();
        frame
    }

    #[test]
    fn an_address_that_changes_is_a_change_and_each_link_is_closed_in_the_write_that_opened_it() {
        let mut encoder = Encoder::default();
        let mut show = |frame: Frame| {
            encoder.encode(frame).unwrap();
            String::from_utf8(encoder.bytes.clone()).unwrap().replace('\x1b', "^")
        };
        let (one, other) = ("https://a.example/1", "https://a.example/2");
        let opened = |link: &str, text: &str| format!("^]8;id=t;{link}^\\{text}^]8;;^\\");
        assert_eq!(show(linked("checkout at 1c9e2ab", &[])), "^[2J^[1;1Hcheckout at 1c9e2ab");
        assert_eq!(show(linked("checkout at 1c9e2ab", &[(0, 12, 19, one)])), format!("^[1;13H{}", opened(one, "1c9e2ab")));
        assert_eq!(show(linked("checkout at 1c9e2ab", &[(0, 12, 19, one)])), "");
        assert_eq!(show(linked("checkout at 1c9e2ab", &[(0, 12, 19, other)])), format!("^[1;13H{}", opened(other, "1c9e2ab")));
        // What is around a link may change without it, and a part of it alone.
        assert_eq!(show(linked("Checkout at 1c9e2ab", &[(0, 12, 19, other)])), "^[1;1HC");
        assert_eq!(show(linked("Checkout at 1c9e2ac", &[(0, 12, 19, other)])), format!("^[1;19H{}", opened(other, "c")));
        assert_eq!(show(linked("Checkout at 1c9e2ac", &[])), "^[1;13H1c9e2ac");
        let whole = show(Frame { whole: true, ..linked("Checkout at 1c9e2ac", &[(0, 0, 8, one), (0, 12, 19, one)]) });
        assert_eq!(whole, format!("^[2J^[1;1H{} at {}", opened(one, "Checkout"), opened(one, "1c9e2ac")));
    }

    /// What each step costs on the wire, without the words that follow when the cursor rests.
    fn steps(columns: u16, rows: u16, look: Look, intents: &[Intent]) -> Vec<(usize, String)> {
        let mut model = testing::resized(testing::large(), columns, rows);
        let (mut painter, mut encoder) = (Painter::default(), Encoder::default());
        let mut show = |model: &Model, holds: bool| {
            painter.hold_words(holds);
            let (buffer, links) = testing::linked_frame(model, look, &mut painter);
            encoder.encode(Frame { buffer, links, whole: false }).unwrap();
            (encoder.bytes.len(), String::from_utf8(encoder.bytes.clone()).unwrap().replace('\x1b', "^"))
        };
        show(&model, false);
        let mut all = Vec::new();
        for intent in intents {
            model = testing::wants(model, &[*intent]);
            all.push(show(&model, true));
            show(&model, false);
        }
        all
    }

    #[test]
    fn a_step_of_the_cursor_costs_at_most_80_bytes_in_every_direction() {
        let intents = [Intent::Down, Intent::Down, Intent::Up, Intent::Right, Intent::Right, Intent::Left, Intent::Right, Intent::Right];
        for (columns, rows) in [(80, 24), (100, 30), (200, 50)] {
            for colors in [Colors::None, Colors::Sixteen, Colors::Many] {
                for (step, intent) in steps(columns, rows, Look { colors, ..Look::default() }, &intents).iter().zip(intents) {
                    assert!(step.0 <= 80, "{columns}×{rows} {colors:?} {intent:?}: {} bytes: {}", step.0, step.1);
                }
            }
        }
    }

    /// What was written, one entry per call.
    #[derive(Default)]
    struct Writes(Vec<Vec<u8>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_frame_is_one_write_and_a_frame_that_changes_nothing_is_none() {
        let wire = Arc::new(Wire::default());
        let writes = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut writes = Writes::default();
                run(&wire, &mut writes).unwrap();
                writes.0
            });
            let mut model = testing::resized(testing::large(), 200, 50);
            let mut painter = Painter::default();
            // A whole repaint, steps, and each frame twice.
            for intent in [Intent::Down, Intent::PageDown, Intent::Right, Intent::Top] {
                model = testing::wants(model, &[intent]);
                for _ in 0..2 {
                    let (buffer, links) = testing::linked_frame(&model, Look::default(), &mut painter);
                    wire.frames.put(Frame { buffer, links, whole: false });
                    // The writer gives a buffer back for each frame that it has encoded.
                    while wire.spare.try_take().is_none() {
                        std::thread::yield_now();
                    }
                }
            }
            wire.frames.close();
            writer.join().unwrap()
        });
        assert_eq!(writes.len(), 4, "{:?}", writes.iter().map(Vec::len).collect::<Vec<_>>());
        let (begin, end) = (&b"\x1b[?2026h"[..], &b"\x1b[?2026l"[..]);
        for bytes in &writes {
            let is_large = bytes.len() >= SYNCHRONIZED_FROM;
            assert_eq!((bytes.starts_with(begin), bytes.ends_with(end)), (is_large, is_large));
            let brackets = bytes.windows(begin.len()).filter(|part| *part == begin || *part == end).count();
            assert_eq!(brackets, if is_large { 2 } else { 0 });
        }
        assert!(writes[0].len() >= SYNCHRONIZED_FROM, "{}", writes[0].len());
    }

    #[test]
    fn what_is_sent_beside_goes_behind_the_frame_and_never_grows_without_end() {
        let wire = Arc::new(Wire::default());
        wire.send_beside(b"\x07");
        for _ in 0..100 {
            wire.send_beside(&[b'x'; 1024]);
        }
        wire.frames.put(frame("checkout", false));
        wire.frames.close();
        let mut writes = Writes::default();
        run(&wire, &mut writes).unwrap();
        let [written] = &writes.0[..] else { panic!("{} writes", writes.0.len()) };
        let bell = written.iter().position(|byte| *byte == 7).unwrap();
        assert!(written[..bell].windows(8).any(|part| part == b"checkout"));
        assert_eq!(written.len() - bell, 1 + 63 * 1024);
    }
}
