//! The writer thread: the only one that writes to the terminal while the cockpit is up. It compares a frame with the one before and writes what
//! differs in one `write`. A terminal that stops reading stops this thread and nothing else.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell};
use unicode_width::UnicodeWidthStr as _;

use crate::runtime::terminal::slot::Slot;

/// A frame below this size arrives in one piece anyway: the brackets of a synchronized update would only add to it.
const SYNCHRONIZED_FROM: usize = 1200;

/// Cells closer than this are joined by what lies between them. Moving the cursor takes six bytes and more.
const GAP: u16 = 8;

/// A frame on its way to the terminal.
#[derive(Debug)]
pub struct Frame {
    /// What the screen should be.
    pub buffer: Buffer,
    /// Nothing on the screen can be relied on: write all of it.
    pub whole: bool,
}

/// What the core shares with the writer.
#[derive(Debug, Default)]
pub struct Wire {
    /// Frames to write: only the latest counts.
    pub frames: Slot<Frame>,
    /// Buffers to paint into again.
    pub spare: Slot<Buffer>,
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
pub fn run(wire: &Arc<Wire>, terminal: &mut File) -> io::Result<()> {
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
    /// The bytes of the last frame; empty when it changed nothing.
    pub bytes: Vec<u8>,
}

impl Encoder {
    /// Encodes the difference to what is shown. Gives back the buffer that is no longer needed.
    pub fn encode(&mut self, frame: Frame) -> io::Result<Buffer> {
        self.bytes.clear();
        let whole = frame.whole || frame.buffer.area != self.shown.area;
        if whole {
            self.shown.resize(frame.buffer.area);
            self.shown.reset();
            queue!(self.bytes, Clear(ClearType::All))?;
        }
        let changed = without_gaps(&self.shown, &frame.buffer);
        if !changed.is_empty() {
            CrosstermBackend::new(&mut self.bytes).draw(changed.into_iter())?;
        }
        if self.bytes.len() >= SYNCHRONIZED_FROM {
            let mut begin = Vec::with_capacity(8);
            queue!(begin, BeginSynchronizedUpdate)?;
            self.bytes.splice(0..0, begin);
            queue!(self.bytes, EndSynchronizedUpdate)?;
        }
        Ok(std::mem::replace(&mut self.shown, frame.buffer))
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

    fn frame(text: &str, whole: bool) -> Frame {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 2));
        buffer.set_stringn(0, 0, text, 20, Style::default());
        Frame { buffer, whole }
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

    #[test]
    fn what_is_sent_beside_goes_behind_the_frame_and_never_grows_without_end() {
        let wire = Arc::new(Wire::default());
        wire.send_beside(b"\x07");
        for _ in 0..100 {
            wire.send_beside(&[b'x'; 1024]);
        }
        wire.frames.put(frame("checkout", false));
        wire.frames.close();
        let mut file = tempfile::tempfile().unwrap();
        run(&wire, &mut file).unwrap();
        let mut written = Vec::new();
        std::io::Seek::rewind(&mut file).unwrap();
        std::io::Read::read_to_end(&mut file, &mut written).unwrap();
        let bell = written.iter().position(|byte| *byte == 7).unwrap();
        assert!(written[..bell].windows(8).any(|part| part == b"checkout"));
        assert_eq!(written.len() - bell, 1 + 63 * 1024);
    }
}
