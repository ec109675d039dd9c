//! READ THE WORLD: wire → observations. Each source is a task that is told settings and questions as plain values and reports through an
//! [`Outbox`]; one supervisor gives all of them the same back-off, states and proof of life.
//!
//! This room knows the domain, never the core, the screen or the configuration file.

pub mod ask;
pub mod failure;
pub mod outbox;
pub mod secret;
pub mod supervisor;

pub use ask::{Ask, Want};
pub use failure::{Failure, FailureKind};
pub use outbox::Outbox;
