//! `tiphys`: a release cockpit in a terminal for teams that deploy with GitOps.
//!
//! Rooms, in the direction in which they may look (`docs/architecture.md` tells why; `tests/layers.rs` holds them to it):
//!
//! * [`base`]: text, time, ids, what every room may use
//! * [`domain`]: NOUNS, what is known of the world and the fold of it
//! * [`manifest`]: what a tree of files wants of an application
//! * [`gitops`]: THE REPOSITORY, a mirror of it and what its branches want
//! * [`operations`]: VERBS, what a change would do, or why not
//! * [`execution`]: CHANGE THE WORLD, the journal of it first
//! * [`app`]: THE CORE, model, messages, effects; knows no terminal and no network
//! * [`ui`]: PAINT, the model on a screen
//! * [`config`]: what a person wrote, or what was found, resolved
//! * [`sources`]: READ THE WORLD, wire to observations
//! * [`execution`]: CHANGE THE WORLD, one request at a time, each sent once
//! * [`simulator`]: A WORLD TO PRACTISE IN, behind real sockets
//! * [`runtime`]: THE SHELL, ties them together
//! * [`cli`]: the verbs of the command line
//!
//! Start reading with two walks. *From a watch event to a painted cell:* `sources::kubernetes::watch` → `sources::kubernetes::translate` →
//! `domain::fleet::Fleet::apply` → `app::update` → `ui::paint` → `runtime::terminal::writer`. *From a key to what it does:* `ui::keys` →
//! `app::command` → `app::update` → `app::Effect` → `runtime::cockpit`.

pub mod app;
pub mod base;
pub mod cli;
pub mod config;
pub mod domain;
pub mod execution;
pub mod gitops;
pub mod manifest;
pub mod operations;
pub mod runtime;
pub mod simulator;
pub mod sources;
pub mod ui;
