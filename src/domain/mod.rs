//! NOUNS: what the world is made of, and the fold of everything that is known about it.
//!
//! Pure: no clock, no terminal, no network, no configuration file. Everything here is a value or a function of values.

pub mod access;
pub mod application;
pub mod attention;
pub mod canary;
pub mod checkup;
pub mod desired;
pub mod explain;
pub mod fleet;
pub mod forge;
pub mod guard;
pub mod guess;
pub mod health;
pub mod image;
pub mod landscape;
pub mod link;
pub mod mapping;
pub mod names;
pub mod observation;
pub mod placement;
pub mod pull;
pub mod question;
pub mod recent;
pub mod template;
#[cfg(test)]
pub(crate) mod testing;
pub mod timeline;
pub mod unmapped;
pub mod version;
pub mod words;
pub mod workload;

pub use health::{Health, Known, Sync, Why};
pub use names::{AppKey, ArgocdName, ClusterName, EnvironmentName, Namespace, PlacementName, ServiceName, SourceId, SourceKind};
