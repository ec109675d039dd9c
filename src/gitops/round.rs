//! One read of a mirror: what its branches are, which files an origin sees at a commit, and whether what an answer depends on was touched.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use git2::{Oid, Repository};

use crate::base::{Raw, Safe};
use crate::domain::AppKey;
use crate::domain::application::Origin;
use crate::domain::desired::ValueKeys;
use crate::gitops::index::{Chain, Index};
use crate::gitops::mirror::{self, Resolved};
use crate::gitops::ties::{Newest, Ties};
use crate::gitops::trees::{Files, Indexed, Plain};
use crate::manifest::tree::Tree;
use crate::manifest::{self, Question, Wanted};

/// The tip of one origin in this repository.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) tip: Resolved,
    /// `None` until the index knows it.
    pub(super) chain: Option<Arc<Chain>>,
}

/// What a read of the mirror needs for as long as it lasts.
pub(super) struct Round<'r> {
    pub(super) git: &'r Repository,
    pub(super) files: Files<'r>,
    pub(super) index: Option<&'r Index>,
    newest: &'r Touches,
    chains: HashMap<Oid, Arc<Chain>>,
    resolved: HashMap<Option<Raw>, Result<Resolved, Safe>>,
}

/// When the paths of a branch were touched last, by its tip.
pub(super) type Touches = RefCell<HashMap<Oid, Arc<Newest>>>;

/// At which commit an origin is read.
#[derive(Debug, Clone)]
pub(super) enum At {
    Commit(Oid),
    Number(Arc<Chain>, u32),
}

/// Reads what the origins want, each at its commit.
pub(super) fn evaluate(round: &Round<'_>, keys: &ValueKeys, key: &AppKey, origins: &[Origin], at: &[Option<At>]) -> Wanted {
    let trees: Vec<Option<Box<dyn Tree + '_>>> = at.iter().map(|at| at.as_ref().and_then(|at| round.tree(at))).collect();
    let trees: Vec<Option<&dyn Tree>> = trees.iter().map(Option::as_deref).collect();
    let question = Question { namespace: key.namespace.as_wire(), name: key.name.as_wire(), origins, keys };
    manifest::read(&question, &trees)
}

impl Place {
    pub(super) fn at(&self) -> At {
        match &self.chain {
            Some(chain) => At::Number(Arc::clone(chain), chain.head),
            None => At::Commit(self.tip.commit),
        }
    }
}

impl<'r> Round<'r> {
    pub(super) fn new(git: &'r Repository, index: Option<&'r Index>, newest: &'r Touches) -> Self {
        Self { git, files: Files::new(git), index, newest, chains: HashMap::new(), resolved: HashMap::new() }
    }

    pub(super) fn resolve(&mut self, target: Option<&Raw>) -> Result<Resolved, Safe> {
        let git = self.git;
        self.resolved.entry(target.cloned()).or_insert_with(|| mirror::resolve(git, target.map(Raw::as_wire))).clone()
    }

    pub(super) fn place(&mut self, tip: Resolved) -> Place {
        let known = self.chains.get(&tip.commit).cloned();
        let chain = known.or_else(|| {
            let chain = Arc::new(self.index?.chain(tip.commit)?);
            self.chains.insert(tip.commit, Arc::clone(&chain));
            Some(chain)
        });
        Place { tip, chain }
    }

    fn tree<'s>(&'s self, at: &'s At) -> Option<Box<dyn Tree + 's>> {
        match at {
            At::Number(chain, number) => {
                let index = self.index?;
                Some(Box::new(Indexed { files: &self.files, index, chain, number: *number }))
            }
            At::Commit(id) => {
                let root = self.git.find_commit(*id).ok()?.tree_id();
                Some(Box::new(Plain { files: &self.files, root }))
            }
        }
    }

    /// Whether nothing that an answer depends on was touched since it was given.
    pub(super) fn is_untouched(&self, before: &[Option<Oid>], places: &[Option<Place>], ties: &[Ties]) -> bool {
        if before.len() != places.len() || ties.len() != places.len() {
            return false;
        }
        before.iter().zip(places).zip(ties).all(|((before, place), ties)| match (before, place) {
            (None, None) => true,
            (Some(before), Some(place)) => *before == place.tip.commit || self.is_untouched_since(*before, place, ties),
            _ => false,
        })
    }

    /// Whether a commit is on the branch, and none after it touched these paths.
    pub(super) fn is_untouched_since(&self, commit: Oid, place: &Place, ties: &Ties) -> bool {
        let (Some(index), Some(chain)) = (self.index, &place.chain) else { return false };
        let Some(number) = index.number(commit).filter(|number| *number <= chain.head && index.is_on(chain, *number)) else { return false };
        self.newest(index, place.tip.commit, chain).touched(ties).is_none_or(|newest| newest <= number)
    }

    fn newest(&self, index: &Index, tip: Oid, chain: &Chain) -> Arc<Newest> {
        Arc::clone(self.newest.borrow_mut().entry(tip).or_insert_with(|| Arc::new(Newest::of(index, chain))))
    }
}
