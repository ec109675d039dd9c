//! What several kinds of integration test need: the program in a terminal of its own, and waiting for a state.

pub(crate) mod screen;
pub(crate) mod wait;
