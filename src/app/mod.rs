//! THE CORE: [`Model`], [`Msg`], [`Effect`] and [`update()`], one file per feature, and the table of commands.
//!
//! `update` is a function of the model and a message: it reads no clock, draws no random number, knows no terminal and no network. What must happen
//! outside is returned as data.

pub mod cell;
pub mod changes;
pub mod columns;
pub mod command;
pub mod copy;
pub mod demo;
pub mod effect;
pub mod filter;
pub mod intent;
pub mod journal;
pub mod matrix;
pub mod model;
pub mod msg;
pub mod operation;
pub mod own;
pub mod palette;
pub mod reach;
pub mod refusal;
pub mod repositories;
pub mod scroll;
pub mod stir;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod update;
pub mod view;

pub use command::{COMMANDS, Command};
pub use effect::Effect;
pub use intent::Intent;
pub use model::{Model, Overlay, Screen, Settings};
pub use msg::{Msg, What};
pub use refusal::Refusal;
pub use repositories::NamedRepository;
pub use stir::Stir;
pub use update::update;
