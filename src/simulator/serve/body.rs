//! The body of an answer on its way out, and the faults that it suffers there: cut in the middle, or a few bytes a second. It knows no protocol.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::time::Sleep;

use super::answer::{Content, Cut};
use super::gate::Gate;

/// A drop, and the time between two.
const DROP: usize = 4;
const BETWEEN_DROPS: Duration = Duration::from_millis(500);
/// How long the first half of a body that is cut has to leave before the connection closes behind it.
const LEAVING: Duration = Duration::from_millis(100);

pub(super) struct Body {
    content: Content,
    /// Received and not yet sent.
    rest: Bytes,
    gate: Arc<Gate>,
    /// Ends in the middle of its first piece.
    truncated: bool,
    /// The first half is sent: the end comes next.
    is_cut: bool,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Body {
    pub(super) fn new(mut content: Content, gate: Arc<Gate>, truncated: bool) -> Self {
        let rest = match &mut content {
            Content::Whole(bytes) => std::mem::take(bytes),
            Content::Flow(first, _) => first.take().unwrap_or_default(),
        };
        Self { content, rest, gate, truncated, is_cut: false, pause: None }
    }

    fn pause(&mut self, time: Duration) {
        self.pause = Some(Box::pin(tokio::time::sleep(time)));
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(context));
            this.pause = None;
        }
        if this.is_cut {
            return Poll::Ready(Some(Err(Cut)));
        }
        if this.rest.is_empty() {
            let Content::Flow(_, pieces) = &mut this.content else { return Poll::Ready(None) };
            match ready!(pieces.poll_recv(context)) {
                Some(Ok(piece)) => this.rest = piece,
                Some(Err(Cut)) => return Poll::Ready(Some(Err(Cut))),
                None => return Poll::Ready(None),
            }
        }
        let piece = if this.truncated {
            this.is_cut = true;
            this.pause(LEAVING);
            this.rest.split_to(this.rest.len() / 2)
        } else if this.gate.is_dripping() {
            this.pause(BETWEEN_DROPS);
            this.rest.split_to(this.rest.len().min(DROP))
        } else {
            std::mem::take(&mut this.rest)
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(_)) && self.rest.is_empty() && !self.is_cut
    }

    fn size_hint(&self) -> SizeHint {
        match self.content {
            Content::Whole(_) => SizeHint::with_exact(self.rest.len() as u64),
            Content::Flow(..) => SizeHint::default(),
        }
    }
}
