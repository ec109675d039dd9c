//! What all sources have in common: trying again with back-off and jitter, honouring Retry-After, saying in which state a scope is, and the proof
//! of life that notices a peer that neither answers nor hangs up.

use std::future::Future;
use std::time::Duration;

use backon::BackoffBuilder as _;
use tokio::sync::watch;

use crate::base::Safe;
use crate::base::time::later;
use crate::domain::observation::{Scope, SourceState};
use crate::sources::clock::now;
use crate::sources::{Failure, FailureKind, Outbox};

/// How often a source is asked for a sign of life.
pub const LIFE_INTERVAL: Duration = Duration::from_secs(5);
/// How long the first try of a sign of life may take. With the second try a lost peer shows within 12 s.
pub const LIFE_TIMEOUT: Duration = Duration::from_secs(4);
/// How long the second try may take.
pub const LIFE_SECOND_TIMEOUT: Duration = Duration::from_secs(3);
/// A denial is tried again after this time: permissions and tokens are mended while we look.
const DENIED_INTERVAL: Duration = Duration::from_secs(30);
/// What is not installed is looked for again after this time: that is news, but never urgent.
const OFF_INTERVAL: Duration = Duration::from_mins(3);

/// Exponential back-off with jitter: 0.25 s doubling to 15 s, without an end.
#[must_use]
pub fn backoff() -> backon::ExponentialBackoff {
    backon::ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(15))
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Whether the peer gives signs of life; shared by the scopes of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// Nothing was heard yet.
    Unproven,
    /// It answered.
    Proven,
    /// It did not.
    Lost(Failure),
}

/// Asks for a sign of life every [`LIFE_INTERVAL`], for ever. `probe` must be cheap for the server and must not share a hung connection with its
/// earlier tries for longer than the time it is given here.
pub async fn prove_life<F>(outbox: Outbox, life: watch::Sender<Life>, mut probe: impl FnMut() -> F)
where
    F: Future<Output = Result<(), Failure>>,
{
    loop {
        let mut result = within(LIFE_TIMEOUT, probe()).await;
        if result.as_ref().is_err_and(|failure| !is_refusal(failure)) {
            result = within(LIFE_SECOND_TIMEOUT, probe()).await;
        }
        match result {
            Ok(()) => {
                outbox.alive().await;
                life.send_if_modified(|life| std::mem::replace(life, Life::Proven) != Life::Proven);
            }
            // It answers, and refuses: alive. The scopes say what is refused.
            Err(failure) if is_refusal(&failure) => {
                life.send_if_modified(|life| std::mem::replace(life, Life::Proven) != Life::Proven);
            }
            Err(failure) => {
                life.send_if_modified(|life| {
                    let lost = Life::Lost(failure);
                    std::mem::replace(life, lost.clone()) != lost
                });
            }
        }
        tokio::time::sleep(LIFE_INTERVAL).await;
    }
}

/// Whether somebody answered, and said no.
const fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Unauthorized | FailureKind::Forbidden | FailureKind::Throttled(_))
}

/// Runs `attempt` for one scope for ever: a failure becomes a state and a pause, a lost peer ends the attempt, a new sign of life ends the pause.
///
/// `attempt` reports [`SourceState::Live`] itself once its facts are current, and returns only to be tried again; `Ok` means that the peer ended an
/// orderly stream, which is no failure.
pub async fn keep<F>(outbox: &Outbox, scope: &Scope, life: watch::Receiver<Life>, attempt: impl FnMut() -> F)
where
    F: Future<Output = Result<(), Failure>>,
{
    keep_all(outbox, || vec![scope.clone()], life, attempt).await;
}

/// [`keep`] for an attempt that speaks for several scopes, which may become others on the way: `scopes` says which they are now. A state that
/// holds for all is reported for each.
pub async fn keep_all<F>(outbox: &Outbox, scopes: impl Fn() -> Vec<Scope>, mut life: watch::Receiver<Life>, mut attempt: impl FnMut() -> F)
where
    F: Future<Output = Result<(), Failure>>,
{
    let tell = async |state: SourceState| {
        for scope in scopes() {
            outbox.state(&scope, state.clone()).await;
        }
    };
    tell(SourceState::Connecting).await;
    let mut delays = backoff();
    loop {
        let started = tokio::time::Instant::now();
        let result = tokio::select! {
            result = attempt() => result,
            failure = lost(&mut life) => Err(failure),
        };
        // A stream that held for a while earns a fresh back-off.
        if started.elapsed() > Duration::from_mins(1) {
            delays = backoff();
        }
        let Err(failure) = result else {
            delays = backoff();
            continue;
        };
        let peer_is_lost = matches!(&*life.borrow(), Life::Lost(_));
        if failure.kind == FailureKind::Lost && peer_is_lost {
            // Trying is the prover's now: it knocks every few seconds, once for all scopes.
            tell(SourceState::Waiting { until: None, why: failure.why }).await;
            revived(&mut life).await;
            delays = backoff();
            continue;
        }
        let pause = pause_after(&failure, &mut delays);
        // While nobody is there, the proof of life says when another try is worth it.
        let is_lost = matches!(*life.borrow(), Life::Lost(_));
        let state = if is_lost { SourceState::Waiting { until: None, why: failure.why.clone() } } else { state_after(&failure, pause) };
        tell(state).await;
        tokio::select! {
            () = tokio::time::sleep(pause), if !is_lost => {}
            () = revived(&mut life), if is_lost || failure.kind == FailureKind::Lost => delays = backoff(),
            // A renewed login is there within seconds, and the server is not asked before.
            () = failure.mending.mended(), if !is_lost => {}
        }
        if failure.kind == FailureKind::Lost {
            tell(SourceState::Waiting { until: None, why: failure.why }).await;
        }
    }
}

/// How long to pause after a failure.
pub fn pause_after(failure: &Failure, delays: &mut backon::ExponentialBackoff) -> Duration {
    match failure.kind {
        FailureKind::Unauthorized | FailureKind::Forbidden => failure.again.unwrap_or(DENIED_INTERVAL),
        FailureKind::NotFound => OFF_INTERVAL,
        FailureKind::Throttled(Some(asked)) => asked,
        FailureKind::Expired => Duration::ZERO,
        FailureKind::Throttled(None) | FailureKind::Lost | FailureKind::Broken => delays.next().unwrap_or(DENIED_INTERVAL),
    }
}

/// The state that a failure puts a scope in.
#[must_use]
pub fn state_after(failure: &Failure, pause: Duration) -> SourceState {
    match failure.kind {
        FailureKind::Unauthorized | FailureKind::Forbidden => SourceState::Denied {
            why: failure.why.clone(),
            cure: failure.cure.clone().unwrap_or_else(|| Safe::clean("ask for the permission it names; it is tried again by itself")),
        },
        FailureKind::NotFound => SourceState::Off { why: failure.why.clone() },
        FailureKind::Throttled(_) | FailureKind::Expired | FailureKind::Lost | FailureKind::Broken => {
            SourceState::Waiting { until: Some(later(now(), pause)), why: failure.why.clone() }
        }
    }
}

/// Gives a request so much time; past it, the peer counts as lost.
pub async fn within<T>(time: Duration, request: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(time, request)
        .await
        .unwrap_or_else(|_| Err(Failure::new(FailureKind::Lost, &format!("no answer within {} s", time.as_secs()))))
}

async fn lost(life: &mut watch::Receiver<Life>) -> Failure {
    let failure = match life.wait_for(|life| matches!(life, Life::Lost(_))).await.as_deref() {
        Ok(Life::Lost(failure)) => Some(failure.clone()),
        _ => None,
    };
    match failure {
        Some(failure) => failure,
        // The prover is gone: the program is ending.
        None => std::future::pending().await,
    }
}

async fn revived(life: &mut watch::Receiver<Life>) {
    // Whoever was lost must first be seen lost: a failure that came before the next proof must not count the last proof as a revival.
    if life.wait_for(|life| matches!(life, Life::Lost(_))).await.is_err() || life.wait_for(|life| matches!(life, Life::Proven)).await.is_err() {
        std::future::pending::<()>().await;
    }
}
