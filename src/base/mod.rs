//! What every room may use: text that is safe to show and text that must go back unchanged, names, ids, time as data, counts, the nearest known
//! word, texts that repeat, what lies behind an error.
//!
//! This room knows no other room, reads no clock and does no input or output.

pub mod causes;
pub mod count;
pub mod ids;
pub mod interner;
pub mod name;
pub mod nearest;
#[cfg(test)]
pub(crate) mod scripted;
pub mod text;
pub mod time;

pub use count::counted;
pub use ids::{Epoch, OperationId, RequestId};
pub use interner::Interner;
pub use text::{Raw, Safe};
pub use time::Timestamp;
