//! What several kinds of integration test need: the program in a terminal of its own, a client for its simulated servers, and waiting for a state.

pub(crate) mod grammar;
pub(crate) mod http;
pub(crate) mod screen;
pub(crate) mod svg;
pub(crate) mod wait;
pub(crate) mod world;
