//! The small world that tests of the fold and of the core share: two environments, one cluster, one Argo CD.

use crate::base::Raw;
use crate::domain::application::{Application, Automation, Destination, Origin, Shape};
use crate::domain::image::Image;
use crate::domain::landscape::{ClusterFacts, Environment, Landscape};
use crate::domain::mapping::Mapping;
use crate::domain::template::Template;
use crate::domain::{AppKey, ArgocdName, ClusterName, EnvironmentName, Health, Namespace, Sync};

/// `staging → production`, applications named `{service}-{environment}`, everything in cluster `prod`.
pub(crate) fn landscape() -> Landscape {
    let environment = |name: &str, from: &[&str]| Environment {
        name: EnvironmentName::from(name),
        from: from.iter().map(|name| EnvironmentName::from(*name)).collect(),
        ..Environment::default()
    };
    let mapping = Mapping { names: vec![Template::parse("{service}-{environment}").unwrap()], ..Mapping::default() };
    let mut landscape = Landscape::new(vec![environment("staging", &[]), environment("production", &["staging"])], mapping).unwrap();
    landscape.clusters =
        vec![ClusterFacts { name: ClusterName::from("prod"), servers: vec![Raw::from("https://prod:6443")], ..ClusterFacts::default() }];
    landscape
}

/// The key of an application of Argo CD `main`.
pub(crate) fn app_key(name: &str) -> AppKey {
    AppKey { argocd: ArgocdName::from("main"), namespace: Namespace::from("argocd"), name: Raw::from(name) }
}

/// An application of project `shop` that runs these images, synced.
pub(crate) fn application(images: &[&str], health: &str) -> Application {
    Application {
        project: Raw::from("shop"),
        labels: Box::default(),
        annotations: Box::default(),
        destination: Destination { server: Some(Raw::from("https://prod:6443")), name: None, namespace: Namespace::from("shop") },
        origins: Box::new([Origin::default()]),
        health: Health::read(health),
        health_since: None,
        sync: Sync::Synced,
        revisions: Box::default(),
        images: images.iter().map(|image| Image::read(image)).collect(),
        operation: None,
        deployed_at: None,
        reconciled_at: None,
        frozen: false,
        automation: Automation::default(),
        deleting: false,
        shape: Shape::Plain,
    }
}
