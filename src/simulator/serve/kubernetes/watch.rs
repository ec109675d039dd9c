//! Watches: what happens to the objects of a scope after a version, one JSON document per line.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::super::answer::{Answer, Cut, JSON, Pieces, Question};
use super::super::gate::Gate;
use super::list::Scope;
use super::status;
use crate::simulator::store::{Change, Object, Store};

/// How long a watch lasts that does not say; the real server chooses between half an hour and a whole one.
const LASTS: Duration = Duration::from_mins(45);
const BETWEEN_BOOKMARKS: Duration = Duration::from_mins(1);

/// What a client wants of a watch.
pub(super) struct Wanted {
    /// Nothing: what there is comes first.
    version: Option<u64>,
    bookmarks: bool,
    /// A bookmark says where what there was ends.
    marks_initial: bool,
    lasts: Duration,
}

impl Wanted {
    pub(super) fn read(question: &Question) -> Result<Self, Answer> {
        let version = match question.parameter("resourceVersion") {
            None | Some("0") => None,
            Some(text) => {
                let invalid = |_| status::bad_request(&format!("Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"));
                Some(text.parse().map_err(invalid)?)
            }
        };
        let marks_initial = question.flag("sendInitialEvents");
        let lasts = question.parameter("timeoutSeconds").and_then(|seconds| seconds.parse().ok()).filter(|seconds| *seconds > 0);
        Ok(Self {
            version: version.filter(|_| !marks_initial),
            bookmarks: question.flag("allowWatchBookmarks"),
            marks_initial,
            lasts: lasts.map_or(LASTS, Duration::from_secs),
        })
    }
}

pub(super) fn open(store: Store, gate: Arc<Gate>, scope: Scope, wanted: Wanted) -> Answer {
    let (answer, pieces) = Answer::flow(JSON);
    tokio::spawn(async move {
        let mut teller = Teller { store: &store, scope: &scope, pieces: pieces.clone(), shown: BTreeSet::new() };
        tokio::select! {
            () = gate.cut() => { let _ = pieces.send(Err(Cut)).await; }
            _ = teller.tell(&wanted) => {}
            // The client has gone.
            () = pieces.closed() => {}
        }
    });
    answer
}

/// Nobody listens any more.
struct Left;

struct Teller<'a> {
    store: &'a Store,
    scope: &'a Scope,
    pieces: Pieces,
    /// With a selector: the objects that the client knows of. One whose labels change comes and goes.
    shown: BTreeSet<(String, String)>,
}

impl Teller<'_> {
    async fn tell(&mut self, wanted: &Wanted) -> Result<(), Left> {
        let mut changes = self.store.changes();
        let (listed, objects) = self.scope.list(self.store);
        let asked = wanted.version.unwrap_or(listed);
        if wanted.version.is_none() {
            for object in &objects {
                self.send("ADDED", &object.json).await?;
            }
            if wanted.marks_initial {
                self.bookmark(listed, true).await?;
            }
        }
        if !self.scope.labels.is_empty() {
            self.shown = objects.into_iter().map(|object| (object.namespace.clone(), object.name.clone())).collect();
        }
        let mut version = asked;
        let ends = Instant::now() + wanted.lasts;
        let mut bookmarks = interval_at(Instant::now() + BETWEEN_BOOKMARKS, BETWEEN_BOOKMARKS);
        bookmarks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let Ok((reached, events)) = self.store.since(self.scope.kind, version) else {
                let refusal = status::expired_watch(version, self.store.version());
                return self.send("ERROR", refusal.to_string().as_bytes()).await;
            };
            for event in events {
                // What happened before the list above is told as it was: the client may know objects that no longer match.
                self.say(event.change, &event.object, event.version <= listed).await?;
            }
            // A version from ahead of this server's stays until the server has come there.
            version = version.max(reached);
            tokio::select! {
                has_changed = async { changes.wait_for(|newest| *newest > version).await.is_ok() } => if !has_changed { return Ok(()) },
                _ = bookmarks.tick(), if wanted.bookmarks => self.bookmark(version, false).await?,
                () = sleep_until(ends) => {
                    return if wanted.bookmarks { self.bookmark(version, false).await } else { Ok(()) };
                }
            }
        }
    }

    async fn say(&mut self, change: Change, object: &Object, is_past: bool) -> Result<(), Left> {
        if !self.scope.covers(object) {
            return Ok(());
        }
        let word = |change| match change {
            Change::Added => "ADDED",
            Change::Modified => "MODIFIED",
            Change::Deleted => "DELETED",
        };
        if self.scope.labels.is_empty() {
            return self.send(word(change), &object.json).await;
        }
        let place = (object.namespace.clone(), object.name.clone());
        let matches = change != Change::Deleted && self.scope.labels.matches(&object.labels);
        let was_shown = if matches && !is_past { !self.shown.insert(place) } else { !matches && self.shown.remove(&place) };
        let said = match (matches, was_shown) {
            (true, _) if is_past => word(change),
            (true, true) => "MODIFIED",
            (true, false) => "ADDED",
            (false, true) => "DELETED",
            (false, false) if is_past && change != Change::Added => "DELETED",
            (false, false) => return Ok(()),
        };
        self.send(said, &object.json).await
    }

    async fn bookmark(&self, version: u64, ends_initial: bool) -> Result<(), Left> {
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if let Some(metadata) = metadata.as_object_mut().filter(|_| ends_initial) {
            metadata.insert("annotations".to_owned(), json!({ "k8s.io/initial-events-end": "true" }));
        }
        let object: Value = json!({ "kind": self.scope.kind.word, "apiVersion": self.scope.kind.api_version(), "metadata": metadata });
        self.send("BOOKMARK", object.to_string().as_bytes()).await
    }

    async fn send(&self, kind: &str, object: &[u8]) -> Result<(), Left> {
        let line = [br#"{"type":""#, kind.as_bytes(), br#"","object":"#, object, b"}\n"].concat();
        self.pieces.send(Ok(Bytes::from(line))).await.map_err(|_closed| Left)
    }
}
