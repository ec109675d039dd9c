//! How soon a frame is due for what was taken in. Whoever paints asks; the core knows nothing of frames.

use crate::app::model::Model;
use crate::domain::fleet::Changes;
use crate::domain::observation::{Observation, Report, ReportBody};

/// How soon what changed is to be seen, from never to at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Stir {
    /// Nothing that is shown changed.
    #[default]
    Nothing,
    /// A fact that no cell shows, an age that starts again: within a second is soon enough.
    Soon,
    /// Something that is looked at.
    Now,
}

impl Stir {
    /// What reports stir by being heard. Signs of life change nothing before time itself does; a list vouches for everything it names, though it names
    /// nothing new.
    pub(super) fn heard(reports: &[Report]) -> Self {
        let of = |report: &Report| match &report.body {
            ReportBody::Alive | ReportBody::Traffic(_) => Self::Nothing,
            ReportBody::Observed(Observation::Page { .. } | Observation::Listed { .. }) => Self::Now,
            ReportBody::Observed(_) | ReportBody::State(..) | ReportBody::Forget(_) | ReportBody::Answered { .. } => Self::Soon,
        };
        reports.iter().map(of).max().unwrap_or_default()
    }

    /// What they stir by what they changed.
    pub(super) const fn changed(changes: Changes) -> Self {
        if changes.any() { Self::Now } else { Self::Nothing }
    }
}

impl Model {
    /// How soon what was taken in since this was last asked is to be seen.
    pub fn take_stir(&mut self) -> Stir {
        std::mem::take(&mut self.stir)
    }

    pub(super) fn stir(&mut self, stir: Stir) {
        self.stir = self.stir.max(stir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::{application, argocd, at, listed, model};
    use crate::app::{Intent, What, update};
    use crate::base::{Epoch, Raw};
    use crate::domain::observation::{Item, Scope, SourceState, Traffic};

    fn stirred(model: &mut Model, second: u64, what: What) -> Stir {
        model.take_stir();
        update(model, at(second, what));
        model.take_stir()
    }

    fn says(body: ReportBody) -> What {
        What::Reports(vec![Report { source: argocd(), epoch: Epoch(0), at: at(0, What::Tick).at, body }])
    }

    fn changed(health: &str) -> What {
        let (key, application) = application("a-production", health);
        says(ReportBody::Observed(Observation::Changed { item: Item::Application(key, Box::new(application)), version: None }))
    }

    #[test]
    fn a_frame_is_due_for_what_is_looked_at_and_not_for_every_word_of_a_source() {
        let mut model = model();
        assert_eq!(stirred(&mut model, 0, What::Started), Stir::Now);
        assert_eq!(stirred(&mut model, 0, listed(&[("a-production", "Healthy")])), Stir::Now);
        assert_eq!(stirred(&mut model, 10, says(ReportBody::Alive)), Stir::Nothing);
        assert_eq!(stirred(&mut model, 11, says(ReportBody::Traffic(Traffic::default()))), Stir::Nothing);
        assert_eq!(stirred(&mut model, 12, changed("Healthy")), Stir::Soon, "the same once more");
        assert_eq!(stirred(&mut model, 13, changed("Degraded")), Stir::Now);
        let state = |state| says(ReportBody::State(Scope::Project(Raw::from("shop")), state));
        assert_eq!(stirred(&mut model, 14, state(SourceState::Live)), Stir::Soon, "it was live before");
        assert_eq!(stirred(&mut model, 15, state(SourceState::Connecting)), Stir::Now);
        assert_eq!(stirred(&mut model, 16, What::Wants(Intent::Down)), Stir::Now);
        assert_eq!(stirred(&mut model, 17, What::Painted { furthest: 0 }), Stir::Nothing, "painting asks for no frame");
    }

    #[test]
    fn rows_that_waited_to_move_are_seen_to_move_although_the_occasion_is_a_sign_of_life() {
        let mut model = model();
        update(&mut model, at(0, What::Started));
        update(&mut model, at(0, listed(&[("a-production", "Healthy"), ("b-production", "Healthy")])));
        update(&mut model, at(10, What::Wants(Intent::Down)));
        update(&mut model, at(11, changed("Degraded")));
        assert_eq!(stirred(&mut model, 14, says(ReportBody::Alive)), Stir::Now);
    }
}
