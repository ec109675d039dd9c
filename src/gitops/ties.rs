//! What an answer depends on, small enough to be kept for thousands of applications: sums of the paths instead of the paths. Two paths with one sum
//! make an answer be read again that need not have been, and never the other way round.

use std::collections::HashMap;

use git2::Oid;
use serde::{Deserialize, Serialize};

use crate::base::Raw;
use crate::domain::desired::Desired;
use crate::gitops::index::{Chain, Index};
use crate::manifest::tree::Inputs;

/// The paths that an answer depends on: files, and folders that were listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ties(Box<[u64]>);

/// What was answered, and what that depends on.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) desired: Desired,
    pub(super) revisions: Box<[Raw]>,
    pub(super) tips: Box<[Option<Oid>]>,
    pub(super) ties: Box<[Ties]>,
    /// Without its history: that was not read yet.
    pub(super) is_early: bool,
}

/// The newest commit of a branch that touched a path or something below it, by the sum of the path.
#[derive(Debug, Default)]
pub(super) struct Newest(HashMap<u64, u32>);

impl Ties {
    pub(super) fn of(inputs: &Inputs) -> Self {
        let files = inputs.files.iter().map(|path| sum(BEGIN, path.as_bytes()));
        let folders = inputs.folders.iter().map(|path| if path.is_empty() { BEGIN } else { sum(sum(BEGIN, path.as_bytes()), b"/") });
        Self(files.chain(folders).collect())
    }
}

impl Newest {
    pub(super) fn of(index: &Index, chain: &Chain) -> Self {
        let mut newest: HashMap<u64, u32> = HashMap::new();
        let mut note = |sum: u64, by: u32| {
            let known = newest.entry(sum).or_insert(by);
            *known = by.max(*known);
        };
        for (path, by) in index.newest_of_all(chain) {
            let mut so_far = BEGIN;
            note(so_far, by);
            for byte in path.as_bytes() {
                so_far = sum(so_far, std::slice::from_ref(byte));
                if *byte == b'/' {
                    note(so_far, by);
                }
            }
            note(so_far, by);
        }
        newest.shrink_to_fit();
        Self(newest)
    }

    /// The newest commit that touched one of these.
    pub(super) fn touched(&self, ties: &Ties) -> Option<u32> {
        ties.0.iter().filter_map(|sum| self.0.get(sum)).max().copied()
    }
}

/// FNV-1a of 64 bits: the same in every version of this program, and goes on from where it was.
const BEGIN: u64 = 0xcbf2_9ce4_8422_2325;

fn sum(before: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(before, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
