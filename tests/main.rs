//! The integration tests: one binary, one module per kind of test.

mod fleet;
mod lab;
mod layers;
mod support;
mod terminal;
