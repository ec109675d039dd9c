//! The files by which others join.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::simulator::definition::{ArgocdDefinition, ClusterDefinition, Definition, Destination, EnvironmentDefinition};

/// What the world of these tests would be defined by.
pub(super) fn definition() -> Definition {
    let destination =
        |placement: &str| Destination { cluster: "prod".to_owned(), argocd: "main".to_owned(), namespace: None, placement: placement.to_owned() };
    let environment = |name: &str, from: &[&str], placements: &[&str]| EnvironmentDefinition {
        name: name.to_owned(),
        from: from.iter().map(|from| (*from).to_owned()).collect(),
        destinations: placements.iter().map(|placement| destination(placement)).collect(),
        self_heal: true,
    };
    Definition {
        clusters: vec![ClusterDefinition { name: "prod".to_owned() }],
        argocds: vec![ArgocdDefinition {
            name: "main".to_owned(),
            cluster: "prod".to_owned(),
            namespace: "argocd".to_owned(),
            version: "v3.2.11".to_owned(),
            names: String::new(),
        }],
        environments: vec![
            environment("dev", &[], &[""]),
            environment("qa", &["dev"], &["one"]),
            environment("production", &["dev", "qa"], &["eu", "us"]),
        ],
        applications: Vec::new(),
    }
}

#[tokio::test]
async fn files_name_what_is_served() {
    let world = world("v3.2.11").await;
    let folder = tempfile::tempdir().unwrap();
    crate::simulator::files::write(folder.path(), &definition(), None, &world.serving).unwrap();
    let read = |name: &str| {
        let path = folder.path().join(name);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        std::fs::read_to_string(path).unwrap()
    };
    let config: toml::Table = read("config.toml").parse().unwrap();
    assert_eq!(config["argocd"][0]["context"].as_str(), Some("main"));
    assert_eq!(config["argocd"][0]["cluster"].as_str(), Some("prod"));
    assert_eq!(config["clusters"][0]["kubeconfig"].as_str(), folder.path().join("kubeconfig").to_str());
    assert_eq!(config["environments"][1]["placements"][0]["clusters"][0].as_str(), Some("prod"));
    assert_eq!(config["environments"][2]["from"].as_array().unwrap().len(), 2);
    assert_eq!(config["environments"][2]["placements"][1].as_str(), Some("us"));
    let kubeconfig: Value = serde_saphyr::from_str(&read("kubeconfig")).unwrap();
    assert_eq!(kubeconfig["clusters"][0]["cluster"]["server"], format!("https://{}", world.address("cluster:prod")));
    let contexts: Vec<_> = kubeconfig["contexts"].as_array().unwrap().iter().map(|context| context["name"].as_str().unwrap()).collect();
    assert_eq!(contexts, ["prod", "prod-viewer", "prod-oncall", "prod-payments"]);
    assert_eq!(kubeconfig["current-context"], "prod");
    let argocd: Value = serde_saphyr::from_str(&read("argocd-config")).unwrap();
    assert_eq!((&argocd["servers"][0]["plain-text"], &argocd["users"][0]["auth-token"]), (&json!(true), &json!(world.token)));
    assert_eq!(read("control"), format!("http://{}\n", world.address(CONTROL)));
}
