//! CHANGE THE WORLD: one [`Mutation`](crate::operations::mutation::Mutation) at a time, each sent once. What became of it is told as an answer; an answer
//! that did not come is *unknown*, and somebody looks. Nothing here tries again, decides or plans, and what cannot be said for certain is not said.
//!
//! * [`carry`]: an approved plan, step by step
//! * [`git`]: commits and pushes
//! * [`cluster`]: patches of Rollouts, in their cluster
//! * [`argocd`]: Argo CD's operations, over its API or through its Application objects
//! * [`github`]: pull requests, opened and merged; `rest`: one request to an API with a login
//! * [`permissions`]: whether who asks may, asked before anything is sent
//! * [`journal`]: the record on disk, written before and after each
//! * `wire`: one request, and what its answer or its silence means
//!
//! Clients and logins are handed in: this room knows neither how they are found nor who reads with others.

pub mod argocd;
pub mod carry;
pub mod cluster;
pub mod git;
pub mod github;
pub mod journal;
pub mod permissions;
pub mod rehearsal;
mod rest;
pub mod webhook;
mod wire;
