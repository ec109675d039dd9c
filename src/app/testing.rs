//! What the stories of the core begin with: a model of one Argo CD, and messages with their time.

use std::time::Duration;

use super::*;
use crate::base::time::later;
use crate::base::{Epoch, Raw, Safe, Timestamp};
use crate::domain::application::Application;
use crate::domain::observation::{Items, Observation, Report, ReportBody, Scope, SourceState};
use crate::domain::testing::{self, landscape};
use crate::domain::{AppKey, ArgocdName, ClusterName, SourceId};

pub(crate) const T0: Timestamp = Timestamp::UNIX_EPOCH;

pub(crate) fn at(seconds: u64, what: What) -> Msg {
    Msg { at: later(T0, Duration::from_secs(seconds)), what }
}

pub(crate) fn argocd() -> SourceId {
    SourceId::argocd(&ArgocdName::from("main"))
}

pub(crate) fn cluster() -> SourceId {
    SourceId::cluster(&ClusterName::from("prod"))
}

pub(crate) fn model() -> Model {
    let settings = Settings { title: Safe::clean("acme"), start: vec![argocd()], clusters: vec![ClusterName::from("prod")], ..Settings::default() };
    Model::new(landscape(), settings, T0)
}

pub(crate) fn application(name: &str, health: &str) -> (AppKey, Application) {
    (testing::app_key(name), testing::application(&["acme/app:1.0.0"], health))
}

pub(crate) fn listed(apps: &[(&str, &str)]) -> What {
    let report = |body| Report { source: argocd(), epoch: Epoch(0), at: T0, body };
    let scope = Scope::Project(Raw::from("shop"));
    let items = Items::Applications(apps.iter().map(|(name, health)| application(name, health)).collect());
    What::Reports(vec![
        report(ReportBody::State(scope.clone(), SourceState::Live)),
        report(ReportBody::Observed(Observation::Listed { scope, items, version: None })),
    ])
}
