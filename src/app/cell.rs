//! The cell screen: one service in one environment, bound to its identity when it was opened.

use crate::app::effect::Effect;
use crate::app::model::{Model, Question, Screen};
use crate::app::scroll::Scroll;
use crate::domain::fleet::{Cell, Placement};
use crate::domain::question::Want;
use crate::domain::workload::WorkloadKey;
use crate::domain::{AppKey, EnvironmentName, Known, PlacementName, ServiceName, SourceId};

/// What the cell screen shows.
#[derive(Debug, Clone, PartialEq)]
pub struct CellState {
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The placement that was selected, where there are several.
    pub placement: Option<PlacementName>,
    /// Where in the text.
    pub scroll: Scroll,
}

impl CellState {
    /// The cell, if it is still there.
    #[must_use]
    pub fn cell<'a>(&self, model: &'a Model) -> Option<&'a Cell> {
        model.fleet.cell(&self.service, &self.environment)
    }

    /// The placements that are shown: the selected one, or all.
    pub fn placements<'a>(&self, model: &'a Model) -> impl Iterator<Item = &'a Placement> {
        let wanted = self.placement.clone();
        self.cell(model)
            .into_iter()
            .flat_map(|cell| &cell.placements)
            .filter(move |placement| wanted.as_ref().is_none_or(|wanted| placement.name == *wanted))
    }
}

/// Opens the selected cell and asks for what only an open cell needs.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Ok(selected) = model.matrix.selected_cell(&model.fleet) else { return Vec::new() };
    let Some(environment) = model.fleet.landscape().environments.get(selected.column.environment) else { return Vec::new() };
    let state = CellState {
        service: selected.service.clone(),
        environment: environment.name.clone(),
        placement: selected.column.placement.clone(),
        scroll: Scroll::default(),
    };
    model.screen = Screen::Cell(state);
    ask(model)
}

/// Asks for the detail of the applications and the pods of the workloads of the open cell, each once at a time.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    let Screen::Cell(state) = &model.screen else { return Vec::new() };
    let mut questions = Vec::new();
    for placement in state.placements(model) {
        for part in &placement.parts {
            if let Some(application) = model.fleet.application(&part.app) {
                let want = Want::Detail(part.app.clone(), application.value.project.clone());
                questions.push((SourceId::argocd(&part.app.argocd), Question::Detail(part.app.clone()), want));
            }
            let Known::Known(workloads) = &part.workloads else { continue };
            for key in workloads {
                if let Some(workload) = model.fleet.workload(key) {
                    let want = Want::Pods(key.clone(), workload.value.selector.clone());
                    questions.push((SourceId::cluster(&key.cluster), Question::Pods(key.clone()), want));
                }
            }
        }
    }
    questions.into_iter().filter_map(|(source, question, want)| model.ask(source, question, want)).collect()
}

/// Asks for the pods of workloads, for whom wants to know what they run.
pub fn pods<'k>(model: &mut Model, keys: impl IntoIterator<Item = &'k WorkloadKey>) -> Vec<Effect> {
    let ask = |key: &WorkloadKey| {
        let selector = model.fleet.workload(key)?.value.selector.clone();
        model.ask(SourceId::cluster(&key.cluster), Question::Pods(key.clone()), Want::Pods(key.clone(), selector))
    };
    keys.into_iter().filter_map(ask).collect()
}

/// Asks for the details of applications, for whom wants to know more of them than a row tells.
pub fn details<'k>(model: &mut Model, apps: impl IntoIterator<Item = &'k AppKey>) -> Vec<Effect> {
    let ask = |app: &AppKey| {
        let project = model.fleet.application(app)?.value.project.clone();
        model.ask(SourceId::argocd(&app.argocd), Question::Detail(app.clone()), Want::Detail(app.clone(), project))
    };
    apps.into_iter().filter_map(ask).collect()
}
