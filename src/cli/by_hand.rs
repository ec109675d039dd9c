//! What is done by hand to what is under way, as arguments: asking Argo CD, and moving or holding a Rollout. Each is a request; how it is planned and
//! carried out is the same for all.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;
use super::plan::{Asks, placements};
use crate::operations::canary::Verb;
use crate::operations::{Request, argocd};

/// Where, and how it is answered.
#[derive(Debug, Args)]
#[group(skip)]
struct Where {
    /// The service.
    #[arg(value_name = "SERVICE")]
    service: String,
    /// In this environment.
    #[arg(long = "in", value_name = "ENV")]
    environment: String,
    /// As JSON, by docs/plan.schema.json.
    #[arg(long)]
    json: bool,
    /// How long to wait for sources that do not answer.
    #[arg(long, default_value = "20s", value_parser = duration)]
    timeout: Duration,
}

/// `tiphys sync`
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Sync {
    #[command(flatten)]
    place: Where,
    /// Only this placement; may be given several times.
    #[arg(long, value_name = "NAME")]
    placement: Vec<String>,
    /// Also delete what git no longer has.
    #[arg(long)]
    prune: bool,
}

/// `tiphys refresh`, `tiphys terminate`
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Applications {
    #[command(flatten)]
    place: Where,
    /// Only this placement; may be given several times.
    #[arg(long, value_name = "NAME")]
    placement: Vec<String>,
}

/// `tiphys canary`
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Canary {
    /// What is done to the Rollout.
    #[arg(value_name = "STEP")]
    step: Step,
    #[command(flatten)]
    place: Where,
    /// In this placement. Without it: the only one.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    placement: String,
    /// Also where an analysis or an experiment is left out by it.
    #[arg(long)]
    skip_analysis: bool,
}

/// What can be done to a Rollout.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Step {
    /// Go on to the next step.
    Next,
    /// Hold it where it is.
    Pause,
    /// Let it go on.
    Resume,
    /// Leave out all steps that are left: the new version takes all traffic.
    PromoteFully,
    /// Send traffic back to the stable version; git keeps what it wants.
    Abort,
    /// Try again what was aborted.
    Retry,
    /// Put the template of an earlier version back in the cluster; git keeps what it wants.
    Undo,
    /// Replace the pods a few at a time, with no change of version.
    Restart,
}

impl From<Step> for Verb {
    fn from(step: Step) -> Self {
        match step {
            Step::Next => Self::NextStep,
            Step::Pause => Self::Pause,
            Step::Resume => Self::Resume,
            Step::PromoteFully => Self::PromoteFully,
            Step::Abort => Self::Abort,
            Step::Retry => Self::Retry,
            Step::Undo => Self::Undo,
            Step::Restart => Self::Restart,
        }
    }
}

impl Where {
    fn argocd(&self, names: &[String], verb: argocd::Verb, prune: bool) -> Request {
        let (service, environment) = (self.service.as_str().into(), self.environment.as_str().into());
        Request::Argocd { service, environment, placements: placements(names), verb, prune }
    }

    const fn how(&self) -> (bool, Duration) {
        (self.json, self.timeout)
    }
}

impl Asks for Sync {
    fn request(&self) -> Request {
        self.place.argocd(&self.placement, argocd::Verb::Sync, self.prune)
    }

    fn how(&self) -> (bool, Duration) {
        self.place.how()
    }
}

/// An errand to Argo CD, as a request.
#[derive(Debug)]
pub(super) struct Errand<'a>(pub(super) &'a Applications, pub(super) argocd::Verb);

impl Asks for Errand<'_> {
    fn request(&self) -> Request {
        self.0.place.argocd(&self.0.placement, self.1, false)
    }

    fn how(&self) -> (bool, Duration) {
        self.0.place.how()
    }
}

impl Asks for Canary {
    fn request(&self) -> Request {
        Request::Canary {
            service: self.place.service.as_str().into(),
            environment: self.place.environment.as_str().into(),
            placement: self.placement.as_str().into(),
            verb: self.step.into(),
            skips: self.skip_analysis,
        }
    }

    fn how(&self) -> (bool, Duration) {
        self.place.how()
    }
}
