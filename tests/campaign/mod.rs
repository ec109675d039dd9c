//! The campaign: operations carried out by the real program on the real control plane of `tests/lab`, with what its servers say afterwards counted from
//! their side: git's log, the audit logs of the clusters, the history of Argo CD. `tests/lab/campaign` starts it; it takes the better part of an hour and
//! leaves the lab as it found it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests: what is not there fails them, with the place")]

mod canary;
mod crew;
mod history;
mod noise;
mod servers;
mod verb;
