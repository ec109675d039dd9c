//! `tiphys debt`: where what runs and what git wants were left apart, and what is under way by the commits of operations, as text or JSON by
//! `docs/debt.schema.json`. It sends nothing.

use std::time::Duration;

use clap::Args;
use color_eyre::eyre::Result;
use serde::Serialize;

use super::{Exit, duration, print};
use crate::base::{Raw, Safe, Timestamp};
use crate::config::Config;
use crate::domain::{EnvironmentName, PlacementName, ServiceName};
use crate::operations::debt::{self, Debt, Kind};
use crate::operations::others::{self, Other};
use crate::runtime::{headless, report, tokio_runtime};

/// What is asked for.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// As JSON, by docs/debt.schema.json.
    #[arg(long)]
    json: bool,
    /// How long to wait for sources that do not answer.
    #[arg(long, default_value = "20s", value_parser = duration)]
    timeout: Duration,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    version: u32,
    at: Timestamp,
    debts: Vec<Told<'a>>,
    operations: Vec<Open<'a>>,
}

/// An operation that is under way.
#[derive(Debug, Serialize)]
struct Open<'a> {
    id: &'a str,
    service: &'a ServiceName,
    environment: &'a EnvironmentName,
    version: &'a Safe,
    commit: &'a Raw,
    by: &'a Safe,
    at: Timestamp,
    placements: Vec<OpenAt<'a>>,
    sentence: Safe,
}

#[derive(Debug, Serialize)]
struct OpenAt<'a> {
    placement: &'a PlacementName,
    at: &'a Safe,
}

#[derive(Debug, Serialize)]
struct Told<'a> {
    service: &'a ServiceName,
    environment: &'a EnvironmentName,
    placement: &'a PlacementName,
    kind: &'static str,
    runs: &'a Safe,
    wants: &'a Safe,
    sentence: Safe,
}

pub(super) fn run(config: &Config, wanted: &Wanted) -> Result<Exit> {
    let runtime = tokio_runtime()?;
    let (model, settled) = runtime.block_on(headless::read(config, wanted.timeout));
    runtime.shutdown_background();
    for remark in &config.remarks {
        report::print_error(&format!("tiphys: {remark}"));
    }
    let debts = debt::of(&model.fleet, model.now);
    let others = others::of(&model.fleet, model.now);
    if wanted.json {
        let answer = Answer {
            version: 1,
            at: model.now,
            debts: debts.iter().map(told).collect(),
            operations: others.iter().map(|other| open(other, model.now)).collect(),
        };
        print(&format!("{}\n", serde_json::to_string(&answer)?));
    } else {
        if debts.is_empty() {
            print(if others.is_empty() { "What runs is what git wants.\n" } else { "Nothing was left apart.\n" });
        }
        for other in &others {
            print(&format!("Under way: {}\n", other.sentence(model.now)));
        }
        for debt in &debts {
            print(&format!("{}\n", debt.sentence()));
        }
        if debts.iter().any(|debt| debt.kind != Kind::Proposed) {
            print("The ways back of each: tiphys ways SERVICE --in ENVIRONMENT.\n");
        }
    }
    Ok(if settled { Exit::Done } else { Exit::NoAnswer })
}

fn open(other: &Other, now: Timestamp) -> Open<'_> {
    Open {
        id: other.id.as_str(),
        service: &other.service,
        environment: &other.to,
        version: &other.version,
        commit: &other.commit.id,
        by: &other.commit.author,
        at: other.commit.at,
        placements: other.places.iter().map(|(place, at)| OpenAt { placement: &place.placement, at }).collect(),
        sentence: other.sentence(now),
    }
}

fn told(debt: &Debt) -> Told<'_> {
    Told {
        service: &debt.service,
        environment: &debt.place.environment,
        placement: &debt.place.placement,
        kind: debt.kind.name(),
        runs: &debt.runs,
        wants: &debt.wants,
        sentence: debt.sentence(),
    }
}
