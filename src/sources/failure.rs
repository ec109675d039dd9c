//! Why a request came to nothing, in the few kinds that decide what happens next.

use std::time::Duration;

use crate::base::Safe;

/// What went wrong and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it means for the source.
    pub kind: FailureKind,
    /// What happened, for a person. Never the raw error of an authentication library: it may carry a token.
    pub why: Safe,
    /// What helps.
    pub cure: Option<Safe>,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Who we are was not accepted (401), or a credential could not be read.
    Unauthorized,
    /// We are known and may not (403).
    Forbidden,
    /// There is no such thing (404): a kind that is not installed, an object that is gone.
    NotFound,
    /// Too many requests, or the server asked for patience: come back after this time.
    Throttled(Option<Duration>),
    /// What we hold is too old to go on from (410): list anew, at once.
    Expired,
    /// No answer: refused, cut, timed out.
    Lost,
    /// An answer that could not be understood, or a server error.
    Broken,
}

impl Failure {
    /// A failure with a reason and no known cure.
    #[must_use]
    pub fn new(kind: FailureKind, why: &str) -> Self {
        Self { kind, why: Safe::clean(why), cure: None }
    }

    /// The same with a cure.
    #[must_use]
    pub fn cured_by(mut self, cure: &str) -> Self {
        self.cure = Some(Safe::clean(cure));
        self
    }
}
