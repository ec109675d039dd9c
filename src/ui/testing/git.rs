//! What git wants, for frames: a repository that says it of the usual services.

use std::sync::Arc;

use super::{DAY, HOUR, MINUTE, ago, alive, all_sources, is, key, sees, usual};
use crate::app::Model;
use crate::base::{Epoch, Raw, Safe};
use crate::domain::desired::{Change, Commit, Desired};
use crate::domain::image::Image;
use crate::domain::observation::{Items, Observation, Scope, SourceState};
use crate::domain::{Known, SourceId};

pub(crate) fn gitops() -> SourceId {
    SourceId::repository(Raw::from("gitops"))
}

/// The usual services: production is behind staging, and git wants a version that does not run yet.
pub(crate) fn with_git() -> Model {
    alive(read(), &[gitops()])
}

fn read() -> Model {
    let mut model = usual();
    model.fleet.connect(gitops(), Epoch::default(), ago(HOUR));
    let payments =
        [(3 * DAY, "1.9.0", "li"), (4 * DAY, "1.8.7", "ana"), (5 * DAY, "1.8.6", "li"), (6 * DAY, "1.8.5", "ana"), (9 * DAY, "1.8.4", "li")];
    let items = [
        ("payments-dev", &payments[..]),
        ("payments-staging", &payments),
        ("payments-production-eu", &payments[4..]),
        ("payments-production-us", &payments[4..]),
        ("checkout-staging", &[(2 * HOUR, "2.14.3", "ana"), (19 * DAY, "2.14.2", "li")]),
        ("checkout-production-eu", &[(6 * MINUTE, "2.14.3", "ana"), (19 * DAY, "2.14.2", "li")]),
        ("checkout-production-us", &[(19 * DAY, "2.14.2", "li")]),
        ("catalog-dev", &[(4 * MINUTE, "5.3.0", "kim")]),
        ("catalog-staging", &[(9 * DAY, "5.2.1", "kim")]),
        // Argo CD has not noticed yet.
        ("catalog-production-us", &[(5 * MINUTE, "5.2.2", "kim"), (9 * DAY, "5.2.1", "kim")]),
    ];
    let items = items.into_iter().map(|(name, history)| (key(name), desired(name, history))).collect();
    sees(&mut model, &gitops(), ago(HOUR), Observation::Page { items: Items::Desired(items), version: None });
    is(&mut model, &gitops(), ago(HOUR), &Scope::Desired, SourceState::Live);
    alive(model, &all_sources())
}

/// The same, but the repository cannot be read since a while.
pub(crate) fn with_git_lost() -> Model {
    let mut model = read();
    let why = Safe::clean("cannot reach git.acme.example: connection timed out");
    is(&mut model, &gitops(), ago(3 * MINUTE), &Scope::Desired, SourceState::Waiting { until: None, why });
    model
}

fn desired(name: &str, history: &[(u64, &str, &str)]) -> Desired {
    let (service, environment) = name.split_once('-').unwrap();
    let images = |tag: &str| -> Arc<[Image]> { Arc::new([Image::read(&format!("ghcr.io/acme/{service}:{tag}"))]) };
    let change = |(age, tag, author): &(u64, &str, &str)| {
        let subject = crate::safe!("promote({environment}): {service} {tag}");
        let id = Raw::from(format!("{:07x}{:033x}", 0x01c9_e2ab ^ age, 0).as_str());
        Change { images: images(tag), commit: Arc::new(Commit { id, author: Safe::clean(author), at: ago(*age), subject, operation: None }) }
    };
    Desired {
        repository: Raw::from("gitops"),
        images: Known::Known(images(history[0].1)),
        revision: Raw::from("1c9e2ab"),
        file: Some(Raw::new(format!("apps/{service}/overlays/{environment}/kustomization.yaml"))),
        overridden: None,
        compared: None,
        history: history.iter().map(change).collect(),
        is_whole: true,
        remark: None,
    }
}
