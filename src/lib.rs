//! `tiphys`: a release cockpit in a terminal for teams that deploy with GitOps.
//!
//! Rooms, in the direction they may look (see `docs/architecture.md`; `tests/layers.rs` holds them to it):
//!
//! * [`base`] text, time, ids → [`domain`] what is known → `app` the core → `ui` painting
//! * `config` what the user wrote, resolved; `sources` read the world; `runtime` ties them; `cli` is the command line

pub mod base;
pub mod domain;
pub mod sources;
