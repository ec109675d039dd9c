//! `tiphys merge`, as arguments: the pull request of an operation, merged as any other change is carried out.

use std::time::Duration;

use clap::Args;

use super::duration;
use super::plan::Asks;
use crate::operations::Request;

/// What is asked for.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Wanted {
    /// The service.
    #[arg(value_name = "SERVICE")]
    service: String,
    /// In this environment.
    #[arg(long = "in", visible_alias = "to", value_name = "ENV")]
    environment: String,
    /// The pull request, where several are open for it.
    #[arg(long, value_name = "NUMBER")]
    number: Option<u64>,
    /// As JSON, by docs/plan.schema.json.
    #[arg(long)]
    json: bool,
    /// How long to wait for sources that do not answer.
    #[arg(long, default_value = "20s", value_parser = duration)]
    timeout: Duration,
}

impl Asks for Wanted {
    fn request(&self) -> Request {
        Request::Merge { service: self.service.as_str().into(), environment: self.environment.as_str().into(), number: self.number, back: None }
    }

    fn how(&self) -> (bool, Duration) {
        (self.json, self.timeout)
    }
}
