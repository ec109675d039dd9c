//! What is armed: only where that means something, and no longer than somebody wants it.

use super::*;
use crate::domain::EnvironmentName;

fn guarded() -> Model {
    let mut model = started(&[("checkout-production", "Healthy")]);
    let mut landscape = model.fleet.landscape().clone();
    for environment in &mut landscape.environments {
        environment.guard.read_only = true;
    }
    model = Model::new(landscape, model.settings.clone(), T0);
    update(&mut model, at(0, What::Started));
    update(&mut model, at(0, listed(&[("checkout-production", "Healthy")])));
    model
}

fn production() -> EnvironmentName {
    "production".into()
}

#[test]
fn what_is_armed_falls_back_at_once_and_on_record() {
    let mut model = guarded();
    assert_eq!(model.available(Intent::Disarm), Err(Refusal::NothingArmed));
    let until = later(T0, operation::ARMED);
    assert_eq!(update(&mut model, at(0, What::Wants(Intent::Arm))), [Effect::Arm { environment: production(), until }]);
    assert_eq!(model.available(Intent::Disarm), Err(Refusal::NothingArmed), "not before it is on record");
    update(&mut model, at(1, What::Armed { environment: production(), until }));
    assert_eq!(update(&mut model, at(2, What::Wants(Intent::Disarm))), [Effect::Disarm { environment: production() }]);
    assert!(model.operations.standing.armed.is_empty(), "it does not wait for the record");
    assert_eq!(update(&mut model, at(3, What::Wants(Intent::Disarm))), [], "there is nothing left to record");
    assert_eq!(model.notice, Some(Safe::clean("Nothing is armed.")));
}

#[test]
fn what_ended_by_itself_is_not_taken_back() {
    let mut model = guarded();
    update(&mut model, at(1, What::Armed { environment: production(), until: later(T0, Duration::from_secs(10)) }));
    update(&mut model, at(10, What::Tick));
    assert_eq!(model.available(Intent::Disarm), Err(Refusal::NothingArmed));
}

#[test]
fn nothing_is_armed_where_that_would_mean_nothing() {
    let mut model = guarded();
    assert_eq!(model.available(Intent::Arm), Ok(()));
    model.operations.standing.read_only = true;
    assert_eq!(model.available(Intent::Arm), Err(Refusal::ReadOnly), "what was said outright never yields");
    assert_eq!(update(&mut model, at(1, What::Wants(Intent::Arm))), []);
    let mut model = started(&[("checkout-production", "Healthy")]);
    assert_eq!(model.available(Intent::Arm), Err(Refusal::NotReadOnly));
    assert_eq!(update(&mut model, at(1, What::Wants(Intent::Arm))), []);
}
