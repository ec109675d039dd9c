//! The simulator from outside, as a process with sockets: what it serves follows the official schemas and what real servers answered, the stories of
//! the lab come out the same, and the cockpit flies in it through every kind of fault.

mod branches;
mod carrying;
mod contracts;
mod faults;
mod fleet;
mod hostile;
mod operations;
pub(crate) mod pulls;
mod pushes;
mod recorded;
mod schemas;
mod stories;
mod truth;
pub(crate) mod world;
