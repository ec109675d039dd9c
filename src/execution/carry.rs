//! Carrying an approved plan out, by the protocol of the operations: what it asks for is done here, and nothing else. Each request is sent once; each
//! step is on disk before the next begins.

use std::time::Duration;

use crate::base::{OperationId, Safe, Timestamp};
use crate::execution::journal::Writer;
use crate::operations::Approved;
use crate::operations::mutation::{Answer, Found, Mutation, No, Patch, Receipt, Rejection};
use crate::operations::protocol::{Act, Ended, Heard, Protocol, Settled};
use crate::operations::record::{Entry, Requested};

/// What is not there yet, or cannot be read, is looked at again after so long, and then after twice as long.
const LOOK: Duration = Duration::from_millis(500);

/// What changes the world, and looks.
pub trait Hands: Sync {
    /// Sends a request, once.
    fn send(&self, id: &OperationId, mutation: &Mutation) -> impl Future<Output = Answer> + Send;
    /// Looks whether a request was done. It changes nothing. `since`: it was not sent before.
    fn look(&self, id: &OperationId, mutation: &Mutation, since: Timestamp) -> impl Future<Output = Found> + Send;
    /// Waits until what a patch awaits has come, changing nothing: `Fits` then, `Found` where it came about without the patch, `DoesNotFit` where it does not
    /// come.
    fn wait(&self, patch: &Patch) -> impl Future<Output = Heard> + Send;
    /// The time.
    fn now(&self) -> Timestamp;
}

/// What is told while it goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// This is being done.
    Doing(Safe),
    /// This is what became of a request.
    Settled(Safe, Settled),
    /// It is over.
    Ended(Ended, Vec<Receipt>),
}

/// Carries out what was approved, and returns the pen of its record.
pub async fn carry(approved: &Approved, hands: &impl Hands, writer: Writer, tell: impl Fn(News) + Send + Sync) -> Writer {
    let expires = approved.plan().expires;
    go(approved.id(), Protocol::new(approved.plan().mutations().cloned()), hands, writer, tell, Some(expires)).await
}

/// Settles what somebody left open, by looking. It sends nothing.
pub async fn settle(id: &OperationId, protocol: Protocol, hands: &impl Hands, writer: Writer, tell: impl Fn(News) + Send + Sync) -> Writer {
    go(id, protocol, hands, writer, tell, None).await
}

async fn go(
    id: &OperationId,
    mut protocol: Protocol,
    hands: &impl Hands,
    mut writer: Writer,
    tell: impl Fn(News) + Send + Sync,
    expires: Option<Timestamp>,
) -> Writer {
    let since = hands.now();
    let mut request = None;
    while let Some(act) = protocol.next() {
        let heard = match act {
            Act::Intend(step) => {
                let mutation = protocol.current();
                let requested = mutation.as_ref().map_or_else(|| Requested::new("nothing", Safe::default()), |mutation| Requested::of(mutation, id));
                request = mutation;
                tell(News::Doing(words(id, request.as_ref())));
                let kept;
                (writer, kept) = keep(writer, Entry::Intent { step: number(step), request: requested }, hands.now()).await;
                kept
            }
            Act::Check(_, Mutation::Patch(patch)) if patch.awaits => hands.wait(&patch).await,
            Act::Check(step, _) => match expires.filter(|at| step == 0 && *at < hands.now()) {
                Some(at) => Heard::DoesNotFit(Rejection {
                    kind: No::Moved,
                    why: crate::safe!("the plan was worth something until {}", at.strftime("%H:%M:%SZ")),
                    cure: Safe::clean("plan again"),
                }),
                None => Heard::Fits,
            },
            Act::Send(_, mutation) => {
                tracing::info!(operation = %id, request = %mutation.words_of(id), "sent");
                let answer = hands.send(id, &mutation).await;
                request = Some(mutation);
                Heard::Answered(answer)
            }
            Act::Look(_, mutation, looks) => {
                if looks > 0 {
                    tell(News::Doing(crate::safe!("looking whether it was done: {}", mutation.words_of(id))));
                    tokio::time::sleep(LOOK * 2_u32.pow(u32::from(looks.min(6)))).await;
                }
                let found = hands.look(id, &mutation, since).await;
                request = Some(mutation);
                Heard::Found(found)
            }
            Act::Settle(step, settled) => {
                tell(News::Settled(words(id, request.as_ref()), settled.clone()));
                let kept;
                (writer, kept) = keep(writer, Entry::Answered { step: number(step), answer: (&settled).into() }, hands.now()).await;
                kept
            }
            // What is not closed here is followed, and closed by whoever follows.
            Act::Close(Ended::Sent) if !writer.story().intents.is_empty() => {
                let kept;
                (writer, kept) = keep(writer, Entry::Sent { words: Safe::clean("everything was sent and taken") }, hands.now()).await;
                kept
            }
            Act::Close(_) => Heard::Kept,
        };
        protocol.hear(heard);
    }
    if let Some(ended) = protocol.ended() {
        tell(News::Ended(ended.clone(), protocol.receipts().map(|(_, receipt)| receipt.clone()).collect()));
    }
    writer
}

fn words(id: &OperationId, mutation: Option<&Mutation>) -> Safe {
    mutation.map(|mutation| mutation.words_of(id)).unwrap_or_default()
}

fn number(step: usize) -> u32 {
    u32::try_from(step).unwrap_or(u32::MAX)
}

/// Puts an entry on disk. It blocks for a moment, and so it has a thread that may.
async fn keep(mut writer: Writer, entry: Entry, at: Timestamp) -> (Writer, Heard) {
    let kept = tokio::task::spawn_blocking(move || {
        let kept = writer.append(&entry, at);
        (writer, kept)
    });
    match kept.await {
        Ok((writer, Ok(()))) => (writer, Heard::Kept),
        Ok((writer, Err(problem))) => (writer, Heard::NotKept(Safe::clean(&problem.to_string()))),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
