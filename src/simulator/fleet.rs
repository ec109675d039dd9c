//! A generated world as large as wanted: services of twelve teams in five environments, production in four regions. The same number makes the same
//! world. It knows nothing of what happens in it.

use std::collections::BTreeMap;

use super::definition::{
    ApplicationDefinition, ArgocdDefinition, ClusterDefinition, Definition, Destination, EnvironmentDefinition, Layout, WorkloadDefinition,
    WorkloadKind,
};

/// How many services there are where nobody says.
pub(super) const SERVICES: u32 = 600;

const REGIONS: &[&str] = &["eu", "us", "ap", "sa"];
const TEAMS: &[&str] =
    &["payments", "catalog", "storefront", "fulfilment", "identity", "search", "pricing", "loyalty", "logistics", "insights", "content", "platform"];
const SUBJECTS: &[&str] = &[
    "cart", "order", "price", "stock", "refund", "coupon", "invoice", "parcel", "review", "wishlist", "account", "session", "address", "tax",
    "image", "video", "menu", "banner", "basket", "return", "voucher", "store", "supplier", "payout", "fraud", "ledger", "notice", "survey",
    "profile", "region",
];
const PARTS: &[&str] = &[
    "api", "worker", "gateway", "sync", "index", "export", "import", "rules", "cache", "events", "mailer", "report", "router", "audit", "batch",
    "search", "feed", "store", "view", "hooks",
];

/// A world of so many services, in eight places each.
pub(super) fn fleet(services: u32) -> Definition {
    let cluster = |name: &str| ClusterDefinition { name: name.to_owned() };
    let at = |cluster: &str, placement: &str| Destination {
        cluster: cluster.to_owned(),
        argocd: "main".to_owned(),
        namespace: None,
        placement: placement.to_owned(),
    };
    let environment = |name: &str, from: &[&str]| EnvironmentDefinition {
        name: name.to_owned(),
        from: from.iter().map(|from| (*from).to_owned()).collect(),
        destinations: vec![at("nonprod", "")],
        self_heal: true,
    };
    let regions = REGIONS.iter().map(|region| at(&format!("prod-{region}"), region)).collect();
    Definition {
        clusters: std::iter::once(cluster("nonprod")).chain(REGIONS.iter().map(|region| cluster(&format!("prod-{region}")))).collect(),
        argocds: vec![ArgocdDefinition {
            name: "main".to_owned(),
            cluster: "nonprod".to_owned(),
            namespace: "argocd".to_owned(),
            version: "v3.2.11+simulated".to_owned(),
            names: "{application}-{environment}{placement}".to_owned(),
        }],
        environments: vec![
            environment("dev", &[]),
            environment("test", &["dev"]),
            environment("qa", &["test"]),
            environment("staging", &["qa"]),
            EnvironmentDefinition { destinations: regions, ..environment("production", &["staging"]) },
        ],
        applications: (0..services).map(application).collect(),
    }
}

fn application(number: u32) -> ApplicationDefinition {
    let place = usize::try_from(number).unwrap_or(0);
    let pick = |list: &[&'static str], place: usize| list.get(place % list.len().max(1)).copied().unwrap_or_default();
    // Both lists turn at different speeds, so that all their pairs come before any comes twice.
    let round = place / (SUBJECTS.len() * PARTS.len());
    let name = format!("{}-{}", pick(SUBJECTS, place), pick(PARTS, place / SUBJECTS.len()));
    let name = if round == 0 { name } else { format!("{name}-{}", round + 1) };
    let team = pick(TEAMS, place);
    let layout = if number.is_multiple_of(3) { Layout::Kustomize } else { Layout::Helm };
    let kind = match number % 20 {
        3 | 12 => WorkloadKind::Rollout,
        7 => WorkloadKind::StatefulSet,
        _ => WorkloadKind::Deployment,
    };
    let canary = ["10%", "pause 30s", "50%", "pause 30s"].map(str::to_owned).to_vec();
    ApplicationDefinition {
        service: name.clone(),
        team: team.to_owned(),
        project: team.to_owned(),
        namespace: None,
        layout,
        folder: Some(format!("apps/{team}/{name}")),
        manual: Vec::new(),
        hook: None,
        workloads: vec![WorkloadDefinition {
            name: None,
            kind,
            image: None,
            sidecars: Vec::new(),
            versions: versions(number),
            replicas: BTreeMap::from([("default".to_owned(), 1), ("production".to_owned(), 1 + number % 2)]),
            canary: if kind == WorkloadKind::Rollout { BTreeMap::from([("production".to_owned(), canary)]) } else { BTreeMap::new() },
            settings: BTreeMap::new(),
            deadline: None,
        }],
        name,
    }
}

/// Most services are level; some have a newer version on its way, in some one region waits.
fn versions(number: u32) -> BTreeMap<String, String> {
    let (major, minor, patch) = (1 + number % 7, number * 13 % 40, 2 + number * 7 % 9);
    let tag = |patch: u32| format!("{major}.{minor}.{patch}");
    let newer = |share: u32, salt: u32| u32::from(number.wrapping_mul(31).wrapping_add(salt) % 100 < share);
    let production = patch;
    let staging = production + newer(22, 0);
    let qa = staging + newer(8, 41);
    let test = qa + newer(8, 73);
    let dev = test + newer(25, 19);
    let mut versions = BTreeMap::from([
        ("dev".to_owned(), tag(dev)),
        ("test".to_owned(), tag(test)),
        ("qa".to_owned(), tag(qa)),
        ("staging".to_owned(), tag(staging)),
        ("production".to_owned(), tag(production)),
    ]);
    if number % 17 == 4 {
        versions.insert("production/sa".to_owned(), tag(production - 1));
    }
    versions
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::simulator::{check, layout};

    #[test]
    fn a_fleet_is_as_large_as_wanted_and_sound() {
        for services in [0, 1, 600, 1300] {
            let fleet = fleet(services);
            assert_eq!(layout::deployed(&fleet).count(), usize::try_from(services).unwrap() * 8);
            let names: BTreeSet<_> = fleet.applications.iter().map(|application| &application.name).collect();
            assert_eq!(names.len(), fleet.applications.len());
            check::definition(&fleet).unwrap();
        }
        let fleet = fleet(SERVICES);
        let projects: BTreeSet<_> = fleet.applications.iter().map(|application| &application.project).collect();
        assert_eq!(projects.len(), 12);
        assert_eq!(fleet, super::fleet(SERVICES));
    }
}
