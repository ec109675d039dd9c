//! The integration tests: one binary, one module per kind of test.

mod layers;
