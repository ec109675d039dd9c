//! The stream of applications, in both framings: as server-sent events, and as one JSON document per line.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::ACCEPT;
use hyper::body::Bytes;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::super::answer::{Answer, Content, Cut, JSON, Pieces, Question};
use super::super::gate::Gate;
use super::super::json::Fields;
use super::fields;
use super::list::Filter;
use crate::simulator::store::{APPLICATIONS, Change, Object, Store};

const EVENTS: &str = "text/event-stream";
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a client wants of the stream.
pub(super) struct Wanted {
    filter: Filter,
    fields: Option<Fields>,
    /// Whether every application comes first.
    replays: bool,
    is_events: bool,
    is_gzip: bool,
}

impl Wanted {
    pub(super) fn read(question: &Question) -> Result<Self, String> {
        let filter = Filter::read(question)?.of_stream();
        // The real server goes by this very value and sends everything else compressed, where it may.
        let is_events = question.header(&ACCEPT) == Some(EVENTS);
        Ok(Self {
            fields: fields::of_any(question.parameter("fields"))?,
            replays: filter.has_name() || question.parameter("resourceVersion").is_none(),
            filter,
            is_events,
            is_gzip: !is_events && question.accepts_gzip(),
        })
    }
}

/// Opens a stream. Like the real server it sends not even the head of its answer before there is something to say.
pub(super) async fn open(store: Store, gate: Arc<Gate>, wanted: Wanted) -> Result<Answer, Cut> {
    let (mut answer, pieces) = Answer::flow(if wanted.is_events { EVENTS } else { JSON });
    if wanted.is_gzip {
        answer = answer.compressed();
    }
    // From here on nothing is missed, however long the head waits.
    let version = store.version();
    tokio::spawn(async move {
        tokio::select! {
            () = gate.cut() => { let _ = pieces.send(Err(Cut)).await; }
            () = Teller::new(&store, &gate, wanted, pieces.clone()).tell(version) => {}
            // The client has gone.
            () = pieces.closed() => {}
        }
    });
    if let Content::Flow(first, receiver) = &mut answer.content {
        *first = Some(receiver.recv().await.ok_or(Cut)??);
    }
    Ok(answer)
}

struct Teller<'a> {
    store: &'a Store,
    gate: &'a Gate,
    wanted: Wanted,
    pieces: Pieces,
    encoder: Option<GzEncoder<Vec<u8>>>,
    /// What was said last of each application, by its name alone: two of one name in two namespaces get in each other's way, as with the real one.
    last: HashMap<String, u64>,
}

impl<'a> Teller<'a> {
    fn new(store: &'a Store, gate: &'a Gate, wanted: Wanted, pieces: Pieces) -> Self {
        let encoder = wanted.is_gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
        Self { store, gate, wanted, pieces, encoder, last: HashMap::new() }
    }

    /// Tells for as long as somebody listens.
    async fn tell(mut self, mut version: u64) {
        let mut changes = self.store.changes();
        let mut keep_alive = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if self.wanted.replays {
            let (at, applications) = self.store.list(&APPLICATIONS, None);
            version = at;
            for application in applications {
                if self.say(Change::Added, &application).await.is_err() {
                    return;
                }
            }
        }
        loop {
            // What was forgotten in between is lost without a word: this stream never replays.
            let (reached, events) = self.store.since(&APPLICATIONS, version).unwrap_or_else(|_gone| (self.store.version(), Vec::new()));
            version = reached;
            for event in events {
                if !self.gate.loses_event() && self.say(event.change, &event.object).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                has_changed = async { changes.wait_for(|newest| *newest > version).await.is_ok() } => if !has_changed { return },
                _ = keep_alive.tick(), if self.wanted.is_events => {
                    if self.pieces.send(Ok(Bytes::from_static(b":\n"))).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    async fn say(&mut self, change: Change, application: &Object) -> Result<(), ()> {
        if !self.wanted.filter.matches(application) {
            return Ok(());
        }
        let kind = match change {
            Change::Added => "ADDED",
            Change::Modified => "MODIFIED",
            Change::Deleted => "DELETED",
        };
        let mut message = Vec::with_capacity(application.json.len() + 64);
        message.extend_from_slice(br#"{"result":{"type":""#);
        message.extend_from_slice(kind.as_bytes());
        message.extend_from_slice(br#"","application":"#);
        message.extend_from_slice(&application.json);
        message.extend_from_slice(b"}}");
        if let Some(fields) = &self.wanted.fields {
            let mut cut = Vec::new();
            if !fields.cut(&message, &mut cut) {
                cut.extend_from_slice(b"{}");
            }
            message = cut;
        }
        let print = fingerprint(&message);
        if self.last.insert(application.name.clone(), print) == Some(print) {
            return Ok(());
        }
        let framed = if self.wanted.is_events { [b"data: ", message.as_slice(), b" \n\n\n"].concat() } else { [message.as_slice(), b"\n"].concat() };
        let piece = match &mut self.encoder {
            None => framed,
            Some(encoder) => {
                // Flushed, so that the client can read each message as it comes.
                encoder.write_all(&framed).and_then(|()| encoder.flush()).map_err(drop)?;
                std::mem::take(encoder.get_mut())
            }
        };
        self.pieces.send(Ok(piece.into())).await.map_err(drop)
    }
}

fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
