//! Models of changes: Rollouts without steps, and what became of applications since they were listed.

use super::*;

/// Rollouts without steps: one that moves, one that waits for a person.
pub(crate) fn stepless() -> Model {
    let mut model = started(LINE);
    let change = |pause| Some(("2.14.3", 2, pause));
    listed(
        &mut model,
        &[
            App { has_steps: false, health: "Progressing", since: 4, canary: change(None), ..app("checkout-production-eu", "2.14.2", 19 * DAY) },
            App { has_steps: false, health: "Suspended", canary: change(Some(Pause::Person)), ..app("checkout-production-us", "2.14.2", 19 * DAY) },
            app("checkout-staging", "2.14.3", 2 * HOUR),
        ],
    );
    alive(model, &all_sources())
}

/// Argo CD says what became of these applications.
pub(crate) fn changes(model: &mut Model, apps: &[App]) {
    let items = Items::Applications(apps.iter().map(|app| (key(&app.name), application(app))).collect());
    sees(model, &argocd(), ago(3), Observation::Listed { scope: shop(), items, version: None });
    for name in CLUSTERS {
        let of_kind = |app: &&App| app.cluster == name && app.replicas.is_some() && app.canary.is_none();
        let items = Items::Workloads(apps.iter().filter(of_kind).map(|app| (workload_key(app), workload(app))).collect());
        sees(model, &cluster(name), ago(3), Observation::Listed { scope: workloads(WorkloadKind::Deployment), items, version: None });
    }
}

/// The usual fleet behind a controller that has been silent for half an hour.
pub(crate) fn silent() -> Model {
    let mut model = usual();
    let facts = InstanceFacts { reconciliation_seconds: Some(1), ..InstanceFacts::default() };
    sees(&mut model, &argocd(), ago(10), Observation::Instance(facts));
    sees(&mut model, &argocd(), ago(10), Observation::Reconciled { at: ago(90) });
    update(&mut model, msg(NOW, What::Tick));
    model
}
