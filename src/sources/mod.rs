//! READ THE WORLD: wire → observations. Each source is a task that is told settings and questions as plain values and reports through an
//! [`Outbox`]; one supervisor gives all of them the same back-off, states and proof of life.
//!
//! This room knows the domain, never the core, the screen or the configuration file.

pub mod argocd;
pub mod ask;
pub mod clients;
pub mod clock;
pub mod expiry;
pub mod failure;
pub mod github;
pub mod kubernetes;
pub mod mending;
pub mod outbox;
mod programs;
mod proxy;
pub mod repository;
#[cfg(test)]
pub(crate) mod scripted;
pub mod secret;
pub mod supervisor;

pub use ask::{Ask, Want};
pub use clients::Clients;
pub use failure::{Failure, FailureKind};
pub use outbox::Outbox;
