//! Tables for the mapping rules: the shapes that real fleets have, what precedence means, and that nothing is lost.

use proptest::prelude::*;

use super::*;
use crate::domain::application::{Automation, Destination, Origin};
use crate::domain::guess;
use crate::domain::health::{Health, Sync};
use crate::domain::landscape::{ArgocdFacts, ClusterFacts, Environment, PlacementSpec};

fn raw(text: &str) -> Raw {
    Raw::from(text)
}

fn key(name: &str) -> AppKey {
    AppKey { argocd: "main".into(), namespace: "argocd".into(), name: raw(name) }
}

/// An application that runs one image and says nothing about itself.
fn plain() -> Application {
    Application {
        project: raw("default"),
        annotations: Box::default(),
        labels: Box::default(),
        destination: Destination { server: Some(raw("https://kubernetes.default.svc")), name: None, namespace: "shop".into() },
        origins: Box::default(),
        health: Health::Healthy,
        health_since: None,
        sync: Sync::Synced,
        revisions: Box::default(),
        images: [Image::read("ghcr.io/acme/checkout:1")].into(),
        operation: None,
        deployed_at: None,
        reconciled_at: None,
        frozen: false,
        automation: Automation::default(),
        deleting: false,
        shape: Shape::Plain,
    }
}

fn labelled(labels: &[(&str, &str)]) -> Application {
    Application { labels: labels.iter().map(|(key, value)| (raw(key), raw(value))).collect(), ..plain() }
}

fn at(paths: &[&str]) -> Application {
    Application { origins: paths.iter().map(|path| Origin { path: Some(raw(path)), ..Origin::default() }).collect(), ..plain() }
}

fn with_values(path: &str, files: &[&str]) -> Application {
    let value_files = files.iter().map(|file| raw(file)).collect();
    Application { origins: [Origin { path: Some(raw(path)), value_files, ..Origin::default() }].into(), ..plain() }
}

fn into_namespace(namespace: &str) -> Application {
    let mut app = plain();
    app.destination.namespace = namespace.into();
    app
}

fn placement(name: &str) -> PlacementSpec {
    PlacementSpec { name: name.into(), ..PlacementSpec::default() }
}

/// dev → staging → production (eu, us), with the usual rules.
fn landscape(change: impl FnOnce(&mut Mapping)) -> Landscape {
    let environment = |name: &str, from: &[&str]| Environment {
        name: name.into(),
        from: from.iter().map(|from| (*from).into()).collect(),
        ..Environment::default()
    };
    let mut mapping = Mapping::usual();
    change(&mut mapping);
    let production = Environment {
        placements: vec![
            PlacementSpec { aliases: vec![raw("europe-live")], clusters: vec!["prod-eu".into()], ..placement("eu") },
            PlacementSpec { namespaces: vec![Pattern::new("*-us")], ..placement("us") },
        ],
        aliases: vec![raw("prod")],
        ..environment("production", &["staging"])
    };
    let mut landscape = Landscape::new(vec![production, environment("staging", &["dev"]), environment("dev", &[])], mapping).unwrap();
    landscape.argocds = vec![ArgocdFacts { name: "main".into(), cluster: Some("nonprod".into()) }];
    landscape.clusters = vec![ClusterFacts { name: "prod-eu".into(), servers: vec![raw("https://10.0.0.1")], destinations: vec![] }];
    landscape
}

fn templates(written: &[&str]) -> Vec<Template> {
    written.iter().map(|template| Template::parse(template).unwrap()).collect()
}

/// `service environment placement part`, or the reason's word.
fn told(landscape: &Landscape, key: &AppKey, app: &Application) -> String {
    match landscape.assign(key, app) {
        Ok(assignments) => assignments
            .iter()
            .map(|assignment| {
                let placement = if assignment.placement.0.is_empty() { "" } else { "·" };
                let part = assignment.part.as_ref().map_or(String::new(), |part| format!(" [{}]", part.as_wire()));
                format!("{} {}{placement}{}{part}", assignment.service.as_wire(), assignment.environment.as_wire(), assignment.placement.as_wire())
            })
            .collect::<Vec<_>>()
            .join(", "),
        Err(unmapped) => format!("{}: {}", unmapped.word(), unmapped.sentence()),
    }
}

#[test]
fn environments_stand_in_promotion_order() {
    let names: Vec<_> = landscape(|_| {}).environments.iter().map(|environment| environment.name.as_wire().to_owned()).collect();
    assert_eq!(names, ["dev", "staging", "production"]);
}

#[test]
fn one_rule_is_enough() {
    let landscape = landscape(|mapping| mapping.labels.binding = true);
    for (name, app, expected) in [
        ("a", labelled(&[("service", "checkout"), ("environment", "production-eu")]), "checkout production·eu"),
        ("a", labelled(&[("service", "checkout"), ("env", "PROD"), ("placement", "us")]), "checkout production·us"),
        ("a", labelled(&[("service", "checkout"), ("env", "europe-live")]), "checkout production·eu"),
        ("checkout-service-dev", plain(), "checkout-service dev"),
        ("svc-0001-production-eu", plain(), "svc-0001 production·eu"),
        ("svc-0001-prod-us", plain(), "svc-0001 production·us"),
        ("a", at(&["apps/checkout/overlays/production-us"]), "checkout production·us"),
        ("a", at(&["./lines/shop/checkout/overlays/staging/"]), "checkout staging"),
        ("checkout", into_namespace("dev"), "no-service: its environment is known, but no rule names its service"),
        (
            "a",
            labelled(&[("service", "checkout"), ("environment", "sandbox")]),
            "unknown-environment: its label environment says 'sandbox', and no environment is called so",
        ),
        (
            "a",
            labelled(&[("service", "checkout"), ("environment", "production"), ("placement", "mars")]),
            "unknown-placement: its label placement says placement 'mars', which production does not have",
        ),
        ("a", at(&["apps/checkout/overlays/sandbox"]), "unknown-environment: the path of its source says 'sandbox', and no environment is called so"),
        ("ingress-nginx", plain(), "no-environment: no rule says which environment it is in"),
        (
            "policies",
            Application { images: Box::default(), ..plain() },
            "no-workloads: runs no image and no rule places it: configuration, custom resources, or nothing yet",
        ),
        ("root-dev", Application { shape: Shape::AppOfApps, ..plain() }, "app-of-apps: deploys other applications; these have rows of their own"),
    ] {
        assert_eq!(told(&landscape, &key(name), &app), expected, "{name} {app:?}");
    }
}

#[test]
fn an_earlier_rule_wins_and_later_ones_complete_it() {
    let landscape = landscape(|mapping| {
        mapping.names = templates(&["{service}-{part}-{environment}", "{service}-{environment}"]);
        mapping.parts = vec![Pattern::new("api"), Pattern::new("worker*")];
        mapping.values = templates(&["../values-{environment}.yaml", "clusters/{environment}/{placement}/*"]);
    });
    let labels = |name: &str| labelled(&[("environment", name)]);
    let with = |app: Application, other: Application| Application { origins: other.origins, destination: other.destination, ..app };
    for (name, app, expected) in [
        // Several applications make one placement.
        ("checkout-api-dev", plain(), "checkout dev [api]"),
        ("checkout-worker-2-production-eu", plain(), "checkout production·eu [worker-2]"),
        ("checkout-mail-dev", plain(), "checkout-mail dev"),
        // The label says the environment; name and path still say the service, and the placement where they agree.
        ("checkout-staging", labels("production"), "checkout production"),
        ("checkout-prod-eu", labels("production"), "checkout production·eu"),
        ("checkout", with(labels("production"), at(&["apps/cart/overlays/staging"])), "cart production"),
        ("x", with(labels("production"), at(&["apps/cart/overlays/prod-us"])), "cart production·us"),
        // Helm: the same chart, one values file per environment.
        (
            "a",
            with(labelled(&[("service", "web")]), with_values("apps/web/chart", &["values.yaml", "../values-production-eu.yaml"])),
            "web production·eu",
        ),
        ("a", with(labelled(&[("service", "web")]), with_values("charts", &["$values/clusters/prod/us/web.yaml"])), "web production·us"),
        ("a", with(labelled(&[("service", "web")]), with_values("charts", &["../clusters/prod/us/web.yaml"])), "web production·us"),
        ("a", with(labelled(&[("service", "web")]), with_values("charts", &["/clusters/prod/us/web.yaml"])), "web production·us"),
        (
            "a",
            with(labelled(&[("service", "web")]), with_values("charts", &["../../clusters/prod/us/web.yaml"])),
            "no-environment: no rule says which environment it is in",
        ),
        (
            "a",
            with(labelled(&[("service", "web")]), with_values("a", &["../values-dev.yaml", "../values-staging.yaml"])),
            "conflict: its values file says both 'dev' and 'staging'",
        ),
        ("web-dev", with_values("a", &["../values-dev.yaml", "../values-staging.yaml"]), "web dev"),
        // Several sources: any may fit; two that disagree are not decided.
        ("a", at(&["charts/common", "apps/checkout/overlays/dev"]), "checkout dev"),
        ("a", at(&["apps/cart/overlays/dev", "apps/checkout/overlays/dev"]), "conflict: the path of its source says both 'cart' and 'checkout'"),
        ("a", at(&["apps/cart/overlays/dev", "apps/cart/overlays/staging"]), "conflict: the path of its source says both 'dev' and 'staging'"),
        // The destination decides the placement when nothing else does.
        ("checkout-production", into_namespace("shop-us"), "checkout production·us"),
        (
            "checkout-production",
            Application { destination: Destination { server: Some(raw("https://10.0.0.1:443/")), ..Destination::default() }, ..plain() },
            "checkout production·eu",
        ),
    ] {
        assert_eq!(told(&landscape, &key(name), &app), expected, "{name} {app:?}");
    }
}

#[test]
fn explicit_rules_come_first() {
    let pattern = |text: &str| Some(Pattern::new(text));
    let landscape = landscape(|mapping| {
        mapping.explicit = vec![
            Explicit { name: pattern("legacy-*"), ignore: Some(Safe::clean("moves out in spring")), ..Explicit::default() },
            Explicit { name: pattern("shop-*"), argocd: Some("other".into()), service: Some("other-shop".into()), ..Explicit::default() },
            Explicit {
                name: pattern("umbrella-*"),
                services: vec![
                    Share { service: "checkout".into(), part: None, only: Selector::Workload(Pattern::new("checkout*")) },
                    Share { service: "cart".into(), part: None, only: Selector::Image(Pattern::new("ghcr.io/acme/cart")) },
                ],
                ..Explicit::default()
            },
            Explicit { name: pattern("root-shop"), service: Some("platform".into()), environment: Some("dev".into()), ..Explicit::default() },
            Explicit { cluster: Some("nonprod".into()), name: pattern("bare*"), environment: Some("staging".into()), ..Explicit::default() },
            Explicit { name: pattern("bare"), service: Some("naked".into()), environment: Some("dev".into()), ..Explicit::default() },
            Explicit { name: pattern("far-*"), placement: Some("mars".into()), ..Explicit::default() },
            Explicit { name: pattern("lost-*"), environment: Some("limbo".into()), ..Explicit::default() },
        ];
    });
    for (name, app, expected) in [
        ("legacy-dev", plain(), "ignored: left out by the configuration: moves out in spring"),
        ("shop-dev", plain(), "shop dev"),
        ("umbrella-production-eu", plain(), "checkout production·eu, cart production·eu"),
        ("root-shop", Application { shape: Shape::AppOfApps, ..plain() }, "platform dev"),
        ("bare", plain(), "naked staging"),
        ("far-dev", plain(), "far dev·mars"),
        ("far-prod", plain(), "unknown-placement: a rule under [[mapping.applications]] says placement 'mars', which production does not have"),
        ("lost-dev", plain(), "unknown-environment: a rule under [[mapping.applications]] says 'limbo', and no environment is called so"),
    ] {
        assert_eq!(told(&landscape, &key(name), &app), expected, "{name}");
    }
    let other = AppKey { argocd: "other".into(), ..key("shop-dev") };
    assert_eq!(told(&landscape, &other, &plain()), "other-shop dev", "several Argo CDs have equal names");
    let umbrella = landscape.assign(&key("umbrella-dev"), &plain()).unwrap();
    let [checkout, cart] = &umbrella[..] else { panic!("{umbrella:?}") };
    let image = Image::read("ghcr.io/acme/cart:3");
    assert!(checkout.only.as_ref().unwrap().admits("checkout-api", [&image]) && !checkout.only.as_ref().unwrap().admits("cart", [&image]));
    assert!(cart.only.as_ref().unwrap().admits("anything", [&image]) && !cart.only.as_ref().unwrap().admits("cart", []));
}

#[test]
fn destinations_mean_clusters_by_what_was_configured_or_by_address() {
    let mut landscape = landscape(|_| {});
    landscape.clusters.push(ClusterFacts {
        name: "edge".into(),
        servers: vec![raw("https://edge.example:6443/")],
        destinations: vec![raw("edge-1")],
    });
    let of = |server: Option<&str>, name: Option<&str>, holder: Option<&str>| {
        let destination = Destination { server: server.map(raw), name: name.map(raw), namespace: "n".into() };
        let holder = holder.map(ClusterName::from);
        match landscape.cluster_of(&"main".into(), &destination, holder.as_ref()) {
            crate::domain::Known::Known(cluster) => cluster.as_wire().to_owned(),
            crate::domain::Known::Unknown(why) => why.to_string(),
        }
    };
    assert_eq!(of(Some("https://kubernetes.default.svc"), None, None), "nonprod");
    assert_eq!(of(Some("https://kubernetes.default.svc/"), None, Some("proven")), "proven");
    assert_eq!(of(None, Some("in-cluster"), None), "nonprod");
    assert_eq!(of(Some("HTTPS://Edge.example:6443"), None, None), "edge");
    assert_eq!(of(None, Some("edge-1"), None), "edge");
    assert_eq!(of(Some("https://10.0.0.1:443"), None, None), "prod-eu");
    assert_eq!(
        of(None, Some("edge"), None),
        "Argo CD calls the cluster 'edge', and no cluster has destinations = [\"edge\"]: add it under [[clusters]]"
    );
    assert_eq!(of(Some("https://10.0.0.2"), None, None), "no configured cluster serves https://10.0.0.2: add its context under [[clusters]]");
}

#[test]
fn without_environments_the_usual_ones_are_guessed() {
    let base = Landscape::new(Vec::new(), Mapping::usual()).unwrap();
    let environments = ["dev", "test", "qa", "perf", "staging", "canary", "production-eu", "production-us"];
    let mut fleet: Vec<_> =
        environments.iter().map(|word| (key(&format!("svc-0001-{word}")), at(&[&format!("apps/svc-0001/overlays/{word}")]))).collect();
    fleet.push((key("checkout-eu-prod"), plain()));
    fleet.push((key("root"), at(&["apps/test/base"])));
    let landscape = guess::guess(&base, fleet.iter().map(|(key, app)| (key, app)));
    assert!(landscape.guessed && landscape.read_only);
    let names: Vec<_> = landscape.environments.iter().map(|environment| environment.name.as_wire().to_owned()).collect();
    assert_eq!(names, ["dev", "test", "qa", "perf", "staging", "canary", "production"]);
    let told: Vec<_> = fleet.iter().map(|(key, app)| told(&landscape, key, app)).collect();
    assert_eq!(
        told[6..],
        ["svc-0001 production·eu", "svc-0001 production·us", "checkout production·eu", "no-environment: no rule says which environment it is in"]
    );
    let mut sightings = guess::Sightings::default();
    let news: Vec<_> = fleet.iter().map(|(key, app)| sightings.notice(&base.mapping, key, app)).collect();
    assert_eq!(news.iter().filter(|news| **news).count(), 9, "only new words are news");
    assert!(!fleet.iter().any(|(key, app)| sightings.notice(&base.mapping, key, app)));
    assert_eq!(sightings.landscape(&base), landscape);
}

#[test]
fn a_large_fleet_is_placed_completely() {
    let landscape = landscape(|_| {});
    let fleet: Vec<_> = (0..5000)
        .map(|index| {
            let word = ["dev", "staging", "production-eu", "production-us"][index % 4];
            (key(&format!("svc-{:04}-{word}", index / 4)), at(&[&format!("apps/svc-{:04}/overlays/{word}", index / 4)]))
        })
        .collect();
    assert!(fleet.iter().all(|(key, app)| landscape.assign(key, app).is_ok()));
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("dev".to_owned()),
        Just("production-eu".to_owned()),
        Just("checkout".to_owned()),
        Just("api".to_owned()),
        Just(String::new()),
        "[a-z]{1,3}(-[a-z0-9]{1,3}){0,3}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn every_application_is_placed_or_listed_and_always_the_same_way(
        name in word(), tail in word(), label in word(), path in proptest::collection::vec(word(), 0..5), file in word(), namespace in word(), bare in any::<bool>(),
    ) {
        let landscape = landscape(|mapping| {
            mapping.names.extend(templates(&["{environment}-*-{service}", "{service}-{placement}-{environment}"]));
            mapping.paths.extend(templates(&["**/{service}/**/{environment}/{part}", "{environment}/{placement}/{service}"]));
        });
        let mut app = with_values(&path.join("/"), &[&file, &format!("values-{file}.yaml")]);
        app.destination.namespace = namespace.as_str().into();
        app.labels = [(raw("service"), raw(&label)), (raw("environment"), raw(&tail))].into();
        if bare { app.labels = Box::default(); }
        let key = key(&format!("{name}-{tail}"));
        let first = landscape.assign(&key, &app);
        prop_assert_eq!(&first, &landscape.assign(&key, &app));
        match first {
            Ok(assignments) => {
                prop_assert!(!assignments.is_empty());
                for assignment in assignments {
                    prop_assert!(landscape.environment(&assignment.environment).is_some());
                    prop_assert!(!assignment.service.0.is_empty());
                }
            }
            Err(unmapped) => prop_assert!(!unmapped.sentence().is_empty()),
        }
    }

    #[test]
    fn what_is_guessed_does_not_depend_on_the_order(names in proptest::collection::vec((word(), word()), 0..8)) {
        let base = Landscape::new(Vec::new(), Mapping::usual()).unwrap();
        let fleet: Vec<_> = names.iter().map(|(name, tail)| (key(&format!("{name}-{tail}")), plain())).collect();
        let forwards = guess::guess(&base, fleet.iter().map(|(key, app)| (key, app)));
        let backwards = guess::guess(&base, fleet.iter().rev().map(|(key, app)| (key, app)));
        prop_assert_eq!(forwards, backwards);
    }
}
