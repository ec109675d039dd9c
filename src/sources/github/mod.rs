//! A GitHub: the pull requests that operations opened in gitops repositories, with their checks and reviews. Read again and again, at leisure, and more often
//! while an operation follows one. What did not change since the last time is not sent by the server and costs nothing of what may be asked in an hour.
//! It sends GETs only.
//!
//! * `http`: one conditional request, and what its refusals mean; `wire`: the little that is read of answers, and what it says

mod http;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use self::http::Api;
use crate::base::{Raw, Safe};
use crate::domain::access::GithubAccess;
use crate::domain::observation::{Items, Observation, Scope, SourceState};
use crate::domain::pull::{Mergeable, Pull, PullKey, PullState};
use crate::sources::supervisor::{backoff, pause_after, state_after};
use crate::sources::{Ask, Failure, Outbox, Want};

/// Between two looks while nobody follows anything.
const LEISURE: Duration = Duration::from_mins(1);
/// Between two looks while an operation follows a pull request.
const FOLLOWING: Duration = Duration::from_secs(5);
/// GitHub works out whether a pull request can be merged once somebody asks: so soon it is asked again.
const WORKED_OUT: Duration = Duration::from_secs(1);

/// Reads the pull requests of these repositories, by owner and name, until the future is dropped.
///
/// Reports go to `outbox`: [`Items::Pulls`] of [`Scope::Pulls`], each list whole: those that are open, and those that are followed. Of `asks` it takes
/// [`Want::Pulls`] and [`Want::Relist`]; others fail.
pub async fn run(access: GithubAccess, repositories: BTreeSet<Raw>, mut asks: mpsc::Receiver<Ask>, outbox: Outbox) {
    let name = access.name.clone();
    let api = Api::new(&access, outbox.clone());
    let mut source = Source { api, name, repositories, followed: BTreeSet::new(), states: BTreeMap::new(), outbox, is_worked_out: true };
    let mut delays = backoff();
    let mut due = Instant::now();
    loop {
        tokio::select! {
            biased;
            ask = asks.recv() => match ask {
                Some(ask) => {
                    let failed = match ask.want {
                        Want::Pulls(followed) => {
                            source.repositories.extend(followed.iter().map(|(repository, _)| repository.clone()));
                            source.followed = followed;
                            due = Instant::now();
                            None
                        }
                        Want::Relist => {
                            due = Instant::now();
                            None
                        }
                        _ => Some(Safe::clean("a GitHub is not asked for this")),
                    };
                    source.outbox.answered(ask.request, failed).await;
                }
                // The program is ending.
                None => return,
            },
            () = tokio::time::sleep_until(due) => due = Instant::now() + source.look(&mut delays).await,
        }
    }
}

struct Source {
    api: Api,
    name: Raw,
    repositories: BTreeSet<Raw>,
    followed: BTreeSet<(Raw, u64)>,
    states: BTreeMap<Raw, SourceState>,
    outbox: Outbox,
    /// Whether GitHub knows of each that is open whether it can be merged.
    is_worked_out: bool,
}

impl Source {
    /// Reads everything once. How long until the next time.
    async fn look(&mut self, delays: &mut backon::ExponentialBackoff) -> Duration {
        let mut longest = Duration::ZERO;
        self.is_worked_out = true;
        for repository in self.repositories.clone() {
            if !self.states.contains_key(&repository) {
                self.state(&repository, SourceState::Connecting).await;
            }
            match self.pulls(&repository).await {
                Ok(pulls) => {
                    let open = |(_, pull): &(PullKey, Pull)| pull.state == PullState::Open && matches!(pull.mergeable, Mergeable::Unknown(_));
                    self.is_worked_out &= !pulls.iter().any(open);
                    let scope = Scope::Pulls(repository.clone());
                    self.outbox.observed(Observation::Listed { scope, items: Items::Pulls(pulls), version: None }).await;
                    self.outbox.alive().await;
                    self.state(&repository, SourceState::Live).await;
                }
                Err(failure) => {
                    let pause = pause_after(&failure, delays);
                    longest = longest.max(pause);
                    self.state(&repository, state_after(&failure, pause)).await;
                }
            }
        }
        if longest > Duration::ZERO {
            return longest;
        }
        self.api.forget_unused();
        *delays = backoff();
        if self.followed.is_empty() || self.api.is_scarce() {
            LEISURE
        } else if self.is_worked_out {
            FOLLOWING
        } else {
            WORKED_OUT
        }
    }

    async fn state(&mut self, repository: &Raw, state: SourceState) {
        if self.states.get(repository) != Some(&state) {
            self.states.insert(repository.clone(), state.clone());
            self.outbox.state(&Scope::Pulls(repository.clone()), state).await;
        }
    }

    /// Those that are open from branches of operations, and those that are followed.
    async fn pulls(&mut self, repository: &Raw) -> Result<Vec<(PullKey, Pull)>, Failure> {
        let place = format!("/repos/{}", repository.as_wire());
        let mut numbers: BTreeSet<u64> = self.followed.iter().filter(|(of, _)| of == repository).map(|(_, number)| *number).collect();
        let mut page = Some(format!("{place}/pulls?state=open&per_page=100"));
        while let Some(target) = page {
            let (body, next) = self.api.get(&target).await?;
            numbers.extend(wire::own(&body, repository)?);
            page = next;
        }
        let mut pulls = Vec::new();
        for number in numbers {
            let (body, _) = self.api.get(&format!("{place}/pulls/{number}")).await?;
            let mut pull = wire::pull(&body, repository)?;
            if pull.state == PullState::Open {
                let commit = format!("{place}/commits/{}", pull.head.as_wire());
                pull.checks = wire::check_runs(&self.api.get(&format!("{commit}/check-runs?per_page=100")).await?.0)?;
                pull.checks.extend(wire::statuses(&self.api.get(&format!("{commit}/status?per_page=100")).await?.0)?);
                pull.checks.sort();
                pull.reviews = wire::reviews(&self.api.get(&format!("{place}/pulls/{number}/reviews?per_page=100")).await?.0)?;
            }
            pulls.push((PullKey { github: self.name.clone(), repository: repository.clone(), number }, pull));
        }
        Ok(pulls)
    }
}
