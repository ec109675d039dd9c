//! The rungs before a commit is on its branch, where it gets there by a pull request: what the forge says of it, and once it is merged, by which commit.

use std::collections::{BTreeMap, BTreeSet};

use super::{Followed, Route, Rung, State};
use crate::base::{Raw, Safe};
use crate::domain::SourceId;
use crate::domain::fleet::Fleet;
use crate::domain::observation::Scope;
use crate::domain::pull::{Mergeable, Pull, PullKey, PullState, Verdict, own_branch};
use crate::operations::mutation::{Mutation, Receipt};

/// The rungs of a pull request.
pub(super) const PULLED: [Rung; 9] =
    [Rung::Proposed, Rung::Checked, Rung::Approved, Rung::Committed, Rung::Noticed, Rung::Synced, Rung::RolledOut, Rung::Healthy, Rung::Verified];
/// The rungs of a branch that somebody has to propose by hand.
pub(super) const BRANCHED: [Rung; 7] = [Rung::Proposed, Rung::Committed, Rung::Noticed, Rung::Synced, Rung::RolledOut, Rung::Healthy, Rung::Verified];

/// What is told of a proposal.
#[derive(Debug, Default)]
pub(super) struct Proposal {
    passed: BTreeSet<Rung>,
    pub(super) words: BTreeMap<Rung, Safe>,
    /// How it stands, until it is merged.
    pub(super) state: Option<State>,
}

impl Proposal {
    pub(super) fn passed(&self, rung: Rung) -> bool {
        rung > Rung::Committed || self.passed.contains(&rung)
    }
}

impl Route {
    /// The first rung, which sending alone reaches.
    pub(super) const fn first(&self) -> Rung {
        match self {
            Self::Push => Rung::Committed,
            Self::Pull(_) | Self::Branch(_) => Rung::Proposed,
        }
    }
}

/// The commit that requests made, and how it gets onto its branch.
pub(in crate::operations) fn told<'m>(mutations: impl Iterator<Item = &'m Mutation>, receipts: &[Receipt]) -> (Option<Raw>, Route) {
    let opening = mutations.into_iter().find_map(|mutation| if let Mutation::Open(opening) = mutation { Some(opening) } else { None });
    let (mut commit, mut route) = (None, Route::Push);
    for receipt in receipts {
        match receipt {
            Receipt::Committed { commit: made, .. } => commit = Some(made.clone()),
            Receipt::Beside { commit: made, link } => {
                commit = Some(made.clone());
                route = Route::Branch(link.clone().unwrap_or_default());
            }
            Receipt::Opened { number, .. } => {
                if let Some(opening) = opening {
                    route = Route::Pull(PullKey { github: opening.github.clone(), repository: opening.name.clone(), number: *number });
                }
            }
            Receipt::Accepted | Receipt::Applied => {}
        }
    }
    (commit, route)
}

impl Followed {
    /// How far the proposal is. What was merged is followed by the commit that the merge made.
    pub(super) fn proposal(&mut self, fleet: &Fleet) -> Proposal {
        let mut told = Proposal::default();
        let is_in = self.traced.values().any(|contains| *contains);
        match self.route.clone() {
            Route::Push => _ = told.passed.insert(Rung::Committed),
            Route::Branch(link) => {
                told.passed.insert(Rung::Proposed);
                let hint = if link.as_str().is_empty() {
                    Safe::clean("open a pull request for it on its forge")
                } else {
                    crate::safe!("propose it: {link}")
                };
                told.words.insert(Rung::Proposed, crate::safe!("branch {}: {hint}", own_branch(&self.id)));
                if is_in {
                    told.passed.insert(Rung::Committed);
                } else {
                    told.state = Some(State::Waits(crate::safe!("it is merged on its forge: {hint}")));
                }
            }
            Route::Pull(key) => {
                told.passed.insert(Rung::Proposed);
                let source = fleet.sources().get(&SourceId::github(key.github.clone()));
                let status = source.and_then(|source| source.scopes.get(&Scope::Pulls(key.repository.clone())));
                match fleet.pull(&key) {
                    _ if is_in => told.passed.extend([Rung::Checked, Rung::Approved, Rung::Committed]),
                    Some(entry) => self.pulled(&entry.value, key.number, &mut told),
                    None => told.state = Some(State::Moving),
                }
                let lost = status.filter(|status| !status.state.is_live() && status.confirmed_at.is_some());
                if let Some(status) = lost.filter(|_| !told.passed.contains(&Rung::Committed)) {
                    told.state = Some(State::Blind(crate::safe!("the pull requests of {} are {}", key.repository.shown(), status.state.word())));
                }
            }
        }
        told
    }

    fn pulled(&mut self, pull: &Pull, number: u64, told: &mut Proposal) {
        told.words.insert(Rung::Proposed, crate::safe!("#{number} {}", pull.url));
        let (passed, failed) = (pull.checked(Verdict::Passed).count(), pull.checked(Verdict::Failed).count());
        let is_mergeable = matches!(pull.mergeable, Mergeable::Clean | Mergeable::Unstable);
        if !pull.checks.is_empty() {
            let failing: Vec<&str> = pull.checked(Verdict::Failed).map(Safe::as_str).collect();
            let failing = if failed == 0 { Safe::default() } else { crate::safe!(", failing: {}", Safe::clean(&failing.join(", "))) };
            told.words
                .insert(Rung::Checked, crate::safe!("{passed} of {}{failing}", crate::base::counted(pull.checks.len() as u64, "check", "checks")));
        }
        if passed == pull.checks.len() && (passed > 0 || is_mergeable) {
            told.passed.insert(Rung::Checked);
        }
        let by = |approves: bool| {
            let names: Vec<&str> = pull.reviews.iter().filter(|review| review.approves == approves).map(|review| review.by.as_str()).collect();
            Safe::clean(&names.join(", "))
        };
        let (approved, refused) = (by(true), by(false));
        if !refused.as_str().is_empty() {
            told.words.insert(Rung::Approved, crate::safe!("changes requested by {refused}"));
        } else if !approved.as_str().is_empty() {
            told.words.insert(Rung::Approved, crate::safe!("by {approved}"));
            told.passed.insert(Rung::Approved);
        } else if is_mergeable {
            told.words.insert(Rung::Approved, Safe::clean("no review is wanted"));
            told.passed.insert(Rung::Approved);
        }
        match &pull.state {
            PullState::Merged { commit, by } => {
                told.passed.extend([Rung::Checked, Rung::Approved, Rung::Committed]);
                if let Some(by) = by {
                    told.words.insert(Rung::Committed, crate::safe!("merged by {by}"));
                }
                // A squash makes another commit of it: that one is what Argo CD will speak of.
                if let (Some(merged), Some((held, _))) = (commit, &mut self.commit)
                    && held != merged
                {
                    *held = merged.clone();
                    self.traced.clear();
                }
            }
            PullState::Closed => told.state = Some(State::Failed(crate::safe!("pull request #{number} was closed without being merged"))),
            PullState::Open => {
                told.state = Some(match (pull.unmergeable(), &pull.mergeable) {
                    (None, _) => State::Waits(crate::safe!("pull request #{number} can be merged, from here or by anybody who may on {}", pull.url)),
                    (Some(why), Mergeable::Dirty) => State::Stuck(crate::safe!("pull request #{number}: {why}: close it, and plan anew")),
                    (Some(why), _) if failed > 0 => State::Stuck(crate::safe!("pull request #{number}: {why}")),
                    (Some(_), _) if passed < pull.checks.len() => State::Moving,
                    (Some(_), Mergeable::Unknown(_)) => State::Moving,
                    (Some(why), _) => State::Waits(crate::safe!("pull request #{number}: {why}")),
                });
            }
        }
    }
}
