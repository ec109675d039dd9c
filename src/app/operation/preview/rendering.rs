//! The rendering of what a preview plans: asked for once for what is wished for, and what came of it. A way back is shown only once that is known, because
//! it leads toward safety or toward risk by it.

use super::{Preview, look};
use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::base::RequestId;
use crate::manifest::rendered::Wish;
use crate::operations::{Answers, Plan, Refusal, Request};

/// What was rendered, and what is being rendered.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct State {
    /// What the plan of now wishes for.
    wished: Vec<Wish>,
    /// What was asked last.
    asked: Option<(RequestId, Vec<Wish>)>,
    /// What was answered last, and to what.
    pub(super) answered: (Vec<Wish>, Answers),
}

impl State {
    /// Takes in what a plan wishes for; whether it may be shown before that is known.
    pub(super) fn takes(&mut self, request: &Request, planned: &Result<Plan, Refusal>) -> bool {
        self.wished = planned.as_ref().map(|plan| plan.unrendered().to_vec()).unwrap_or_default();
        self.wished.is_empty() || !matches!(request, Request::Return { .. }) || !self.answered.0.is_empty()
    }
}

/// Has rendered what is wished for, once.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    let Screen::Preview(preview) = &model.screen else { return Vec::new() };
    let wishes = preview.rendering.wished.clone();
    let is_as = |asked: &[Wish]| asked.len() == wishes.len() && asked.iter().zip(&wishes).all(|(one, other)| one.is_as(other));
    if wishes.is_empty() || preview.rendering.asked.as_ref().is_some_and(|(_, asked)| is_as(asked)) {
        return Vec::new();
    }
    let request = model.number();
    let Screen::Preview(preview) = &mut model.screen else { return Vec::new() };
    preview.rendering.asked = Some((request, wishes.clone()));
    vec![Effect::Render { request, wishes }]
}

/// What was rendered is there.
pub(in crate::app) fn told(model: &mut Model, request: RequestId, answers: Answers) -> Vec<Effect> {
    let Screen::Preview(preview) = &mut model.screen else { return Vec::new() };
    let Preview { rendering, prepared, .. } = &mut **preview;
    let Some((_, asked)) = rendering.asked.as_ref().filter(|(asked, _)| *asked == request) else { return Vec::new() };
    rendering.answered = (asked.clone(), answers);
    if let Some(prepared) = prepared {
        prepared.rendered = rendering.answered.clone();
    }
    look(model, true)
}
