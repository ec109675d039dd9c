//! A cockpit that dies while it carries a promotion out, at every step of it.

use super::world::Simulated;
use crate::stories::a_cockpit_that_dies_at_any_step_leaves_nothing_untrue;

#[test]
#[ignore = "takes minutes: cargo test --test suite every_crash -- --ignored --nocapture"]
fn every_crash() {
    a_cockpit_that_dies_at_any_step_leaves_nothing_untrue(&Simulated::start("lab", 1));
}
