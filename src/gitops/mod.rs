//! THE REPOSITORY: a private mirror of it, what its branches want of each application, and how that came about.
//!
//! * [`mirror`]: a bare repository of our own in the cache, shared by the cockpits of one person
//! * [`network`]: the `git` program, which fetches with the person's own credentials and never asks
//! * [`index`], `log`: which commit touched which path, told by git once and kept on disk; `trees`: the files of a commit
//! * `round`, `history`: one read of the mirror; `ties`, `common`: what is kept of it, small
//! * `saved`: the answers of the last run, on disk
//! * [`answer`]: applications in, [`Desired`](crate::domain::desired::Desired) out, with the history of it
//! * [`prepare()`]: heads, bytes and commits for a plan
//! * [`render`]: what kustomize and Helm make of a branch with other bytes in it
//! * [`contain()`]: whether a revision contains a commit
//! * [`push`]: a commit on the head of a branch, pushed and read back
//!
//! Objects are read in this process and through libgit2; the network is never touched by it. Nothing here knows a source, a screen or a fleet.

pub mod answer;
mod common;
mod history;
pub mod index;
mod log;
pub mod mirror;
pub mod network;
mod prepare;
pub(crate) mod program;
pub mod push;
pub mod render;
mod round;
mod saved;
#[cfg(test)]
pub(crate) mod tests;
mod ties;
mod trace;
mod trees;

pub use answer::Reader;
pub use mirror::Mirror;
pub use network::{Remote, Trouble};
pub use prepare::{Opened, prepare};
pub use trace::contain;
