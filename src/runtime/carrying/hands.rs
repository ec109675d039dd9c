//! The hands that change the world: one for each kind of request. Nothing here decides what is sent.

use std::collections::BTreeMap;

use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::execution::carry::Hands;
use crate::execution::git::Repository;
use crate::operations::door::Permission;
use crate::operations::mutation::{Answer, Found, Mutation, No, Receipt, Rejection};
use crate::runtime::clock;
use crate::runtime::connections::Reached;

/// Everything that can be changed from here.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    /// Repositories by the names of their sources.
    pub(super) repositories: BTreeMap<Raw, Repository>,
}

impl World {
    pub(super) fn new(_reached: &Reached) -> Self {
        Self::default()
    }

    /// What the tokens may do with these, asked all at once.
    pub(super) async fn permissions(&self, mutations: &[Mutation]) -> Vec<Permission> {
        mutations.iter().map(|_| Permission::Unknown(Safe::clean("nobody was asked"))).collect()
    }
}

impl Hands for World {
    async fn send(&self, id: &OperationId, mutation: &Mutation) -> Answer {
        match mutation {
            Mutation::Commit(commit) => match self.repositories.get(&commit.repository) {
                Some(repository) => repository.send(id, commit).await,
                None => Answer::Refused(nobody(&commit.repository.shown())),
            },
            _ => Answer::Refused(nobody(&Safe::clean("this"))),
        }
    }

    async fn look(&self, id: &OperationId, mutation: &Mutation, _since: Timestamp) -> Found {
        match mutation {
            Mutation::Commit(commit) => match self.repositories.get(&commit.repository) {
                Some(repository) => repository.look(id, commit).await,
                None => Found::Unknown(nobody(&commit.repository.shown()).why),
            },
            _ => Found::Done(Receipt::Accepted),
        }
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }
}

fn nobody(what: &Safe) -> Rejection {
    Rejection { kind: No::NotSent, why: crate::safe!("{what} is not reached from here"), cure: Safe::clean("name it in the configuration") }
}
