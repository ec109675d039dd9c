//! `tiphys ways`: the ways back of a service, best first, as text or JSON by `docs/ways.schema.json`. It sends nothing.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use color_eyre::eyre::Result;
use serde::Serialize;

use super::plan::{Means, placements};
use super::{Exit, duration, print};
use crate::base::{Safe, Timestamp};
use crate::config::Config;
use crate::domain::{EnvironmentName, PlacementName, ServiceName};
use crate::manifest::prepared::Asked;
use crate::operations::Request;
use crate::operations::expected::Expected;
use crate::operations::ways::{self, Way, Ways};
use crate::runtime::{carrying, headless, planning, report, tokio_runtime};

/// What is asked for.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// The service.
    #[arg(value_name = "SERVICE")]
    service: String,
    /// In this environment.
    #[arg(long = "in", value_name = "ENV")]
    environment: String,
    /// Only this placement; may be given several times.
    #[arg(long, value_name = "NAME")]
    placement: Vec<String>,
    /// As JSON, by docs/ways.schema.json.
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
    service: &'a ServiceName,
    environment: &'a EnvironmentName,
    refused: Option<Told>,
    situation: Vec<Safe>,
    ways: Vec<WayTold<'a>>,
    by_hand: Vec<Hand<'a>>,
}

#[derive(Debug, Serialize)]
struct Told {
    name: &'static str,
    sentence: Safe,
}

#[derive(Debug, Serialize)]
struct WayTold<'a> {
    title: &'a Safe,
    by: &'static str,
    recommended: bool,
    takes: Option<Takes>,
    left: &'a [Safe],
    leaves_debt: bool,
    refused: Option<Told>,
}

#[derive(Debug, Serialize)]
struct Takes {
    from_seconds: u64,
    to_seconds: u64,
    n: usize,
}

#[derive(Debug, Serialize)]
struct Hand<'a> {
    command: &'a Safe,
    then: &'a Safe,
}

pub(super) fn run(config: &Config, wanted: &Wanted) -> Result<Exit> {
    let (service, environment) = (ServiceName::from(wanted.service.as_str()), EnvironmentName::from(wanted.environment.as_str()));
    let only: Option<Vec<PlacementName>> = placements(&wanted.placement);
    let runtime = tokio_runtime()?;
    let past = planning::past(config);
    // Which versions were deployed there is told by the histories of the applications.
    let apps = |model: &crate::app::Model| {
        let cell = model.fleet.cell(&service, &environment);
        let parts = cell.into_iter().flat_map(|cell| &cell.placements).flat_map(|placement| &placement.parts);
        (parts.map(|part| part.app.clone()).collect(), Vec::new())
    };
    let (model, settled) = runtime.block_on(headless::detailed(config, wanted.timeout, apps));
    let asked = ways::asked(&service, &environment, only.as_deref(), &model.fleet);
    let (rollouts, _) = runtime.block_on(carrying::live(config, &Asked { rollouts: asked, ..Asked::default() }));
    runtime.shutdown_background();
    for remark in &config.remarks {
        report::print_error(&format!("tiphys: {remark}"));
    }
    let found = ways::of(&service, &environment, only.as_deref(), (&model.fleet, &past, &rollouts), model.now);
    let refused = found.as_ref().err().map(|refusal| Told { name: refusal.name(), sentence: refusal.sentence() });
    let is_refused = refused.is_some();
    let ways = found.unwrap_or_default();
    if wanted.json {
        let way = |way| told(&ways, way);
        let hands = ways.by_hand.iter().map(|hand| Hand { command: &hand.command, then: &hand.then });
        let answer = Answer {
            version: 1,
            at: model.now,
            service: &service,
            environment: &environment,
            refused,
            situation: ways.situation.clone(),
            ways: ways.ways.iter().map(way).collect(),
            by_hand: hands.collect(),
        };
        print(&format!("{}\n", serde_json::to_string(&answer)?));
    } else if let Some(refused) = refused {
        report::print_error(&format!("tiphys: {}", refused.sentence));
    } else {
        print(&text(&ways));
    }
    Ok(match (is_refused, settled) {
        (true, _) => Exit::Refused,
        (false, true) => Exit::Done,
        (false, false) => Exit::NoAnswer,
    })
}

fn is_recommended(ways: &Ways, way: &Way) -> bool {
    ways.recommended().is_some_and(|recommended| recommended.request == way.request)
}

fn told<'a>(ways: &Ways, way: &'a Way) -> WayTold<'a> {
    let takes = |takes: Expected| Takes { from_seconds: takes.from.as_secs(), to_seconds: takes.to.as_secs(), n: takes.n };
    WayTold {
        title: &way.title,
        by: match &way.request {
            Request::Return { by, .. } => Means::of(*by).word(),
            request => request.name(),
        },
        recommended: is_recommended(ways, way),
        takes: way.takes.whole.map(takes),
        left: &way.left,
        leaves_debt: way.leaves_debt,
        refused: way.refused.as_ref().map(|refusal| Told { name: refusal.name(), sentence: refusal.sentence() }),
    }
}

fn text(ways: &Ways) -> String {
    let mut out = String::new();
    for sentence in &ways.situation {
        let _ = writeln!(out, "{sentence}");
    }
    for (number, way) in (1..).zip(&ways.ways) {
        if let Some(refusal) = &way.refused {
            let _ = writeln!(out, "\n –. {}: refused\n    {}", way.title, refusal.sentence());
            continue;
        }
        let mark = if is_recommended(ways, way) {
            "  (recommended)"
        } else if way.leaves_debt {
            "  (leaves debt)"
        } else {
            ""
        };
        let _ = writeln!(out, "\n {number}. {}{mark}\n    takes {}", way.title, way.takes.words());
        for left in &way.left {
            let _ = writeln!(out, "    {left}");
        }
        if let Request::Return { by, .. } = &way.request {
            let _ = writeln!(out, "    tiphys rollback … --by {}", Means::of(*by).word());
        }
    }
    if !ways.by_hand.is_empty() {
        out.push_str("\nBy hand, where Argo CD or git are not reached; nothing of it is on record here:\n");
    }
    for hand in &ways.by_hand {
        let _ = writeln!(out, "    {}\n      {}", hand.command, hand.then);
    }
    out
}
