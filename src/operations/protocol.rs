//! The protocol of carrying a plan out, as a machine without hands: it says what is to be done next, and is told what became of it. One request is sent
//! once, after its intent is on disk; what became of it is looked at, and what is not known is looked at again and never sent again. What is not there yet may still be on
//! its way: it counts as not done only after [`LOOKS`] looks, between which whoever looks waits.
//!
//! ```text
//! for each request:  record intent → check → send once → look → record what became of it
//! ```
//!
//! What only helps along is dispensable: that Argo CD is told to look, and a patch that hastens what comes by itself. Where it is not done, the rest is.
//!
//! A machine that is made anew from a record ([`Protocol::resumed`]) never sends: whether what was under way was done is looked at, and what is still
//! missing is a new plan and a new confirmation.

use super::mutation::{Answer, Found, Mutation, No, Receipt, Rejection};
use crate::base::Safe;

/// How often is looked before what is not known stays unknown.
pub const LOOKS: u8 = 6;

/// A plan while it is carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    requests: Vec<Request>,
    at: usize,
    phase: Phase,
    ended: Option<Ended>,
}

#[derive(Debug, Clone, PartialEq)]
struct Request {
    mutation: Mutation,
    receipt: Option<Receipt>,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Intend,
    Check,
    Send,
    Look { answer: Option<Answer>, looks: u8 },
    Settle(Settled),
    Close,
    Over,
}

/// What became of one request, for certain or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It was done.
    Done(Receipt),
    /// It was not done.
    NotDone(Rejection),
    /// Nobody knows.
    Unknown(Safe),
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Put on disk that this request is about to be sent.
    Intend(usize),
    /// See whether it may still be sent.
    Check(usize, Mutation),
    /// Send it, once.
    Send(usize, Mutation),
    /// Look whether it was done: after so many looks before.
    Look(usize, Mutation, u8),
    /// Put on disk what became of it.
    Settle(usize, Settled),
    /// Put on disk how the sending ended.
    Close(Ended),
}

/// What became of what was to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It is on disk.
    Kept,
    /// It is not.
    NotKept(Safe),
    /// It may be sent.
    Fits,
    /// It may not be sent any more.
    DoesNotFit(Rejection),
    /// It was sent.
    Answered(Answer),
    /// Somebody looked.
    Found(Found),
}

/// How the sending ended. What was sent is then followed, by whoever looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Everything was done.
    Sent,
    /// One request was not done; those before it were.
    Failed(usize, Rejection),
    /// Of one request it is not known; those before it were done.
    Unknown(usize, Safe),
}

impl Protocol {
    /// Begins to carry out.
    #[must_use]
    pub fn new(mutations: impl IntoIterator<Item = Mutation>) -> Self {
        let requests: Vec<Request> = mutations.into_iter().map(|mutation| Request { mutation, receipt: None }).collect();
        let phase = if requests.is_empty() { Phase::Close } else { Phase::Intend };
        let ended = requests.is_empty().then_some(Ended::Sent);
        Self { requests, at: 0, phase, ended }
    }

    /// Goes on where a record stops: `settled` requests were settled as done, the next one was perhaps sent where its intent is on disk.
    #[must_use]
    pub fn resumed(mutations: impl IntoIterator<Item = Mutation>, settled: Vec<Receipt>, is_intended: bool) -> Self {
        let mut protocol = Self::new(mutations);
        protocol.at = settled.len().min(protocol.requests.len());
        for (request, receipt) in protocol.requests.iter_mut().zip(settled) {
            request.receipt = Some(receipt);
        }
        // Argo CD looks by itself sooner or later: that nobody told it to is nothing that is missing.
        while !is_intended && protocol.is_dispensable() {
            protocol.at += 1;
        }
        if protocol.at >= protocol.requests.len() {
            protocol.end(Ended::Sent);
        } else if is_intended {
            protocol.phase = Phase::Look { answer: None, looks: 0 };
        } else {
            let why = Safe::clean("it was not sent: whoever carried it out stopped before");
            protocol.end(Ended::Failed(protocol.at, Rejection { kind: No::NotSent, why, cure: Safe::clean("plan what is missing anew") }));
        }
        protocol
    }

    /// What is to be done next; `None`: it is over.
    #[must_use]
    pub fn next(&self) -> Option<Act> {
        let at = self.at;
        Some(match &self.phase {
            Phase::Intend => Act::Intend(at),
            Phase::Check => Act::Check(at, self.mutation()?),
            Phase::Send => Act::Send(at, self.mutation()?),
            Phase::Look { looks, .. } => Act::Look(at, self.mutation()?, *looks),
            Phase::Settle(settled) => Act::Settle(at, settled.clone()),
            Phase::Close => Act::Close(self.ended.clone()?),
            Phase::Over => return None,
        })
    }

    /// Takes in what became of what was to be done. What does not answer it changes nothing.
    pub fn hear(&mut self, heard: Heard) {
        match (std::mem::replace(&mut self.phase, Phase::Over), heard) {
            (Phase::Intend, Heard::Kept) => self.phase = Phase::Check,
            (Phase::Intend, Heard::NotKept(why)) => self.stop(unrecorded(&why)),
            (Phase::Check, Heard::Fits) => self.phase = Phase::Send,
            // It came about without.
            (Phase::Check, Heard::Found(Found::Done(receipt))) => self.phase = Phase::Settle(Settled::Done(receipt)),
            (Phase::Check, Heard::DoesNotFit(rejection)) => self.phase = Phase::Settle(Settled::NotDone(rejection)),
            (Phase::Send, Heard::Answered(answer)) => {
                self.phase = match answer {
                    // A refusal is certain: there is nothing to look for.
                    Answer::Refused(rejection) => Phase::Settle(Settled::NotDone(rejection)),
                    answer => Phase::Look { answer: Some(answer), looks: 0 },
                };
            }
            (Phase::Look { answer, looks }, Heard::Found(found)) => self.found(answer, looks, found),
            (Phase::Settle(settled), Heard::Kept) => self.settle(settled),
            // It was done, or not; only the record lacks it, and a record that lacks it is looked after by whoever resumes.
            (Phase::Settle(settled), Heard::NotKept(why)) => match settled {
                Settled::Done(receipt) => {
                    self.keep(receipt);
                    self.stop(unrecorded(&why));
                }
                Settled::NotDone(rejection) => self.end(Ended::Failed(self.at, rejection)),
                Settled::Unknown(why) => self.end(Ended::Unknown(self.at, why)),
            },
            (Phase::Close, Heard::Kept | Heard::NotKept(_)) => {}
            (phase, _) => self.phase = phase,
        }
    }

    /// The request that is next or under way, made exact.
    #[must_use]
    pub fn current(&self) -> Option<Mutation> {
        self.mutation()
    }

    /// How the sending ended, once it has.
    #[must_use]
    pub const fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// What was said to each request that was done, in order.
    pub fn receipts(&self) -> impl Iterator<Item = (&Mutation, &Receipt)> {
        self.requests.iter().filter_map(|request| Some((&request.mutation, request.receipt.as_ref()?)))
    }

    fn found(&mut self, answer: Option<Answer>, looks: u8, found: Found) {
        self.phase = match (found, answer) {
            // What was said names more than what is seen: which commit, after how many attempts.
            (Found::Done(_), Some(Answer::Taken(receipt))) | (Found::Done(receipt), _) => Phase::Settle(Settled::Done(receipt)),
            // What is not there yet may still be on its way.
            (Found::NotDone | Found::Unknown(_), answer) if looks + 1 < LOOKS => Phase::Look { answer, looks: looks + 1 },
            (Found::NotDone, answer) => Phase::Settle(lost(answer.as_ref())),
            // Taken, and nobody can look: the other side said so, which is less than seen.
            (Found::Unknown(why), Some(Answer::Unknown(sent))) => Phase::Settle(Settled::Unknown(crate::safe!("{sent}; {why}"))),
            (Found::Unknown(why), _) => Phase::Settle(Settled::Unknown(why)),
        };
    }

    fn settle(&mut self, settled: Settled) {
        match settled {
            Settled::Done(receipt) => {
                self.keep(receipt);
                self.advance();
            }
            // Argo CD looks by itself sooner or later, and a canary goes its steps: that nothing helped along is no failure.
            Settled::NotDone(_) | Settled::Unknown(_) if self.is_dispensable() => self.advance(),
            Settled::NotDone(rejection) => self.end(Ended::Failed(self.at, rejection)),
            Settled::Unknown(why) => self.end(Ended::Unknown(self.at, why)),
        }
    }

    fn advance(&mut self) {
        self.at += 1;
        if self.at < self.requests.len() { self.phase = Phase::Intend } else { self.end(Ended::Sent) }
    }

    fn keep(&mut self, receipt: Receipt) {
        if let Some(request) = self.requests.get_mut(self.at) {
            request.receipt = Some(receipt);
        }
    }

    /// Whether the next request only helps along. Where nothing but comparisons was asked for, they are the matter itself.
    fn is_dispensable(&self) -> bool {
        let is_all = self.requests.iter().all(|request| matches!(request.mutation, Mutation::Refresh(_)));
        !is_all && self.requests.get(self.at).is_some_and(|request| request.mutation.is_dispensable())
    }

    /// Nothing more can be recorded: nothing more is sent.
    fn stop(&mut self, rejection: Rejection) {
        let done = self.requests.iter().take_while(|request| request.receipt.is_some()).count();
        let ended = if done == self.requests.len() { Ended::Sent } else { Ended::Failed(done, rejection) };
        self.end(ended);
    }

    fn end(&mut self, ended: Ended) {
        self.ended = Some(ended);
        self.phase = Phase::Close;
    }

    /// The request that is next, made exact by what those before it brought: a sync takes the commit that was just made, and no later one.
    fn mutation(&self) -> Option<Mutation> {
        let mut mutation = self.requests.get(self.at)?.mutation.clone();
        if let Mutation::Sync(sync) = &mut mutation
            && sync.revision.is_none()
        {
            let mut receipts = self.requests.iter().take(self.at).filter_map(|request| request.receipt.as_ref());
            sync.revision = receipts.find_map(|receipt| if let Receipt::Committed { commit, .. } = receipt { Some(commit.clone()) } else { None });
        }
        Some(mutation)
    }
}

/// It was taken, or its answer got lost, and it is not there.
fn lost(answer: Option<&Answer>) -> Settled {
    let (why, cure) = match answer {
        Some(Answer::Taken(_)) => ("it was taken, and what was taken is not there", "look at what happened since, and plan anew"),
        Some(Answer::Unknown(_)) => ("no answer came, and it was not done", "plan anew"),
        Some(Answer::Refused(_)) | None => ("it was not done: whoever carried it out stopped before it arrived", "plan anew"),
    };
    Settled::NotDone(Rejection { kind: No::NotSent, why: Safe::clean(why), cure: Safe::clean(cure) })
}

fn unrecorded(why: &Safe) -> Rejection {
    Rejection { kind: No::NotSent, why: crate::safe!("it cannot be recorded: {why}"), cure: Safe::clean("make room, and plan what is missing anew") }
}

#[cfg(test)]
mod tests;
