//! The stories on the real control plane of `tests/lab`. They need a lab that is up (`tests/lab/lab up`), change it, and leave it as they found it:
//! `cargo test lab:: -- --ignored --test-threads=1`.

pub(crate) mod world;

use std::time::Duration;

use serde_json::Value;

use crate::simulator::world::Simulated;
use crate::stories::world::World;
use crate::support::wait::until;
use world::Lab;

crate::stories::tell! {
    #[ignore = "needs the lab: tests/lab/lab up"]
    Lab::at_rest, one_after_the_other
}

/// There is one lab.
fn one_after_the_other(name: &str, stories: &[(&str, fn())]) {
    stories.iter().filter(|(known, _)| *known == name).for_each(|(_, tell)| tell());
}

#[test]
#[ignore = "needs the lab: tests/lab/lab up"]
fn the_simulated_lab_says_the_same_at_rest() {
    let (lab, simulated) = (Lab::at_rest(1), Simulated::start("lab", 1));
    let differing = || {
        let mut found = Vec::new();
        differences("", &at_rest(&lab), &at_rest(&simulated), &mut found);
        found
    };
    let (found, _) = until("both say the same", Duration::from_mins(1), differing, Vec::is_empty);
    assert_eq!(found, Vec::<String>::new());
}

/// What `status --json` says of a world, without its times and without its past, which each has of its own.
fn at_rest(world: &impl World) -> Value {
    let config = world.config("same", &["nonprod", "prod"]);
    let mut status = world.status(&["--config", &config]);
    forget_times(&mut status);
    status
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_own = |key: &str| matches!(key, "at" | "since" | "by" | "commit" | "subject" | "behind" | "login_ends") || key.ends_with("_at");
            // The simulated lab keeps the files of its applications of applications in a folder of their own.
            let is_moved = |value: &Value| value.as_str().is_some_and(|file| file.contains("/status-page/"));
            members.retain(|key, value| !(is_own(key) || key == "file" && is_moved(value)));
            members.values_mut().for_each(forget_times);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        _ => {}
    }
}

/// Where the lab (first) and the simulator (second) do not say the same.
fn differences(path: &str, lab: &Value, simulated: &Value, found: &mut Vec<String>) {
    let nothing = Value::Null;
    match (lab, simulated) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                let of = |members: &serde_json::Map<String, Value>| members.get(key).cloned().unwrap_or_default();
                differences(&format!("{path}/{key}"), &of(one), &of(other), found);
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            for place in 0..one.len().max(other.len()) {
                let of = |items: &[Value]| items.get(place).cloned().unwrap_or(nothing.clone());
                differences(&format!("{path}/{place}"), &of(one), &of(other), found);
            }
        }
        _ if lab == simulated => {}
        _ => found.push(format!("{path}: the lab says {lab}, the simulator {simulated}")),
    }
}
