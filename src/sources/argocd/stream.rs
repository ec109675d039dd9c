//! Framing of streams: bytes as they come → whole frames. Pure. Argo CD speaks server-sent events or one JSON document per line, Kubernetes the
//! latter; what is in a frame is not known here.

/// The longest frame that is kept. An application with thousands of resources and a long history stays well below.
pub(super) const FRAME_LIMIT: usize = 32 * 1024 * 1024;

/// How frames are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// `text/event-stream`: `data:` lines, an empty line ends the event, lines that begin with a colon keep the connection alive.
    Events,
    /// One document per line.
    Lines,
}

impl Framing {
    /// The framing by the answer's `Content-Type`.
    pub(super) fn of(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("text/event-stream") { Self::Events } else { Self::Lines }
    }
}

/// What came out of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A whole frame.
    Whole(Vec<u8>),
    /// A frame longer than the limit was passed over.
    TooLong,
}

/// Cuts bytes into frames.
#[derive(Debug)]
pub(super) struct Framer {
    framing: Framing,
    limit: usize,
    /// Bytes of lines that were not yet handed out.
    buffer: Vec<u8>,
    /// Where the next line begins in `buffer`.
    start: usize,
    /// How far `buffer` was searched for a line end: a long line is searched once, not once per chunk.
    searched: usize,
    /// `data` of the event so far.
    event: Vec<u8>,
    /// Within a line that is too long.
    skipping: bool,
}

impl Framer {
    /// A framer that keeps frames up to [`FRAME_LIMIT`].
    pub(super) fn new(framing: Framing) -> Self {
        Self::with_limit(framing, FRAME_LIMIT)
    }

    fn with_limit(framing: Framing, limit: usize) -> Self {
        Self { framing, limit, buffer: Vec::new(), start: 0, searched: 0, event: Vec::new(), skipping: false }
    }

    /// Takes bytes as they come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, when there is a whole one.
    pub(super) fn next(&mut self) -> Option<Frame> {
        loop {
            let Some(line) = self.line() else {
                if self.buffer.len() - self.start > self.limit {
                    // Forget what is there of it, and go on behind the next line end.
                    self.drop_buffer();
                    self.event = Vec::new();
                    if !std::mem::replace(&mut self.skipping, true) {
                        return Some(Frame::TooLong);
                    }
                }
                if self.start == self.buffer.len() && self.buffer.capacity() > 64 * 1024 {
                    // A long frame came through: give its memory back.
                    self.drop_buffer();
                }
                return None;
            };
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            match self.framing {
                Framing::Lines if line.is_empty() => {}
                Framing::Lines => return Some(Frame::Whole(line)),
                Framing::Events => {
                    if let Some(frame) = self.event_line(&line) {
                        return Some(frame);
                    }
                }
            }
        }
    }

    fn event_line(&mut self, line: &[u8]) -> Option<Frame> {
        if line.is_empty() {
            return (!self.event.is_empty()).then(|| Frame::Whole(std::mem::take(&mut self.event)));
        }
        // Comments, `event:`, `id:` and `retry:` say nothing that is used.
        let data = line.strip_prefix(b"data:")?;
        let data = data.strip_prefix(b" ").unwrap_or(data);
        if self.event.len() + data.len() > self.limit {
            self.event = Vec::new();
            return Some(Frame::TooLong);
        }
        if !self.event.is_empty() {
            self.event.push(b'\n');
        }
        self.event.extend_from_slice(data);
        None
    }

    /// The next line without its end.
    fn line(&mut self) -> Option<Vec<u8>> {
        let unsearched = self.buffer.get(self.searched..)?;
        let Some(found) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let end = self.searched + found;
        let line = self.buffer.get(self.start..end)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        self.start = end + 1;
        self.searched = self.start;
        Some(line)
    }

    fn drop_buffer(&mut self) {
        self.buffer = Vec::new();
        self.start = 0;
        self.searched = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framer: &mut Framer, chunks: &[&[u8]]) -> Vec<Frame> {
        let mut found = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            found.extend(std::iter::from_fn(|| framer.next()));
        }
        found
    }

    fn whole(text: &str) -> Frame {
        Frame::Whole(text.as_bytes().to_vec())
    }

    #[test]
    fn events_and_lines_wherever_the_bytes_are_cut() {
        let events = b": hello\r\n\ndata: {\"a\":1} \n\n\n:\n\ndata:{\"b\":\ndata: 2}\nid: 7\n\ndata: {\"open\"";
        let lines = b"{\"a\":1}\r\n\n{\"b\":2}\n{\"open\"";
        for size in 1..events.len() {
            let chunks: Vec<_> = events.chunks(size).collect();
            let found = frames(&mut Framer::new(Framing::Events), &chunks);
            assert_eq!(found, [whole("{\"a\":1} "), whole("{\"b\":\n2}")], "in chunks of {size}");
        }
        for size in 1..lines.len() {
            let chunks: Vec<_> = lines.chunks(size).collect();
            assert_eq!(frames(&mut Framer::new(Framing::Lines), &chunks), [whole("{\"a\":1}"), whole("{\"b\":2}")], "in chunks of {size}");
        }
    }

    #[test]
    fn a_frame_of_20_mb_arrives_and_one_too_long_is_passed_over() {
        let long = vec![b'x'; 20 * 1024 * 1024];
        let mut framer = Framer::new(Framing::Lines);
        let mut chunks: Vec<&[u8]> = long.chunks(16 * 1024).collect();
        chunks.push(b"\nnext\n");
        let found = frames(&mut framer, &chunks);
        assert_eq!(found.len(), 2);
        assert!(matches!(found.first(), Some(Frame::Whole(frame)) if frame.len() == long.len()));
        assert!(framer.buffer.capacity() <= 64 * 1024, "its memory is given back");

        for framing in [Framing::Lines, Framing::Events] {
            let mut framer = Framer::with_limit(framing, 8);
            let found = frames(&mut framer, &[b"data: 12345678", b"90123456789", b"0\n\n", b"data: a\n\n"]);
            let kept = if framing == Framing::Lines { "data: a" } else { "a" };
            assert_eq!(found, [Frame::TooLong, whole(kept)], "{framing:?}");
        }
    }

    #[test]
    fn the_content_type_decides() {
        assert_eq!(Framing::of("text/event-stream"), Framing::Events);
        assert_eq!(Framing::of("text/event-stream; charset=utf-8"), Framing::Events);
        assert_eq!(Framing::of("application/json"), Framing::Lines);
        assert_eq!(Framing::of(""), Framing::Lines);
    }
}
