//! The integration tests: one binary, one module per kind of test.

mod campaign;
mod fleet;
mod lab;
mod layers;
mod manifests;
mod picture;
mod setup;
mod simulator;
mod stories;
mod support;
mod terminal;
