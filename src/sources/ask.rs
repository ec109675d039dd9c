//! Questions that the core asks a source while it runs: the domain's, under the name that sources know them by.

pub use crate::domain::question::{Ask, Want};
