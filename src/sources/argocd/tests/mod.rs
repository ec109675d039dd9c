//! Tests of the whole source: against recorded bodies, against a scripted server, and, when asked for, against the lab.

mod api;
mod cluster;
mod lab;
mod recorded;

use serde_json::{Value, json};

use crate::base::Raw;
use crate::domain::access::{ApiAccess, ArgocdAccess, ClusterAccess, SecretRef};
use crate::domain::application::Application;
use crate::domain::observation::{Items, Observation, Scope};
use crate::domain::{AppKey, ArgocdName, ClusterName, Namespace, SourceId};
use crate::sources::Clients;
use crate::sources::scripted::{Run, Scripted};

/// An application as the servers write it.
fn app(name: &str, project: &str, tag: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "argocd", "uid": format!("uid-{name}"), "resourceVersion": "7", "labels": {"team": "a"}},
        "spec": {
            "project": project,
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "dev"},
            "source": {"repoURL": "https://git.example/x.git", "path": "apps/x", "targetRevision": "main"},
            "syncPolicy": {"automated": {}}
        },
        "status": {
            "health": {"status": "Healthy"},
            "sync": {"status": "Synced"},
            "summary": {"images": [format!("ghcr.io/acme/{name}:{tag}")]},
            "reconciledAt": "2026-11-21T08:40:59Z",
            "resourceHealthSource": "appTree",
            "resources": [{"group": "apps", "kind": "Deployment", "namespace": "dev", "name": name, "status": "Synced"}]
        }
    })
}

fn list(items: &[Value]) -> String {
    json!({"metadata": {"resourceVersion": "900"}, "items": if items.is_empty() { Value::Null } else { Value::from(items) }}).to_string()
}

fn api_access(url: String, token: SecretRef) -> ApiAccess {
    ApiAccess { url, authority: None, client: None, insecure: false, headers: Vec::new(), token, renewal: Some("argocd relogin here".into()) }
}

fn argocd_access(api: Option<ApiAccess>, clusters: &[&str]) -> ArgocdAccess {
    ArgocdAccess {
        name: ArgocdName::from("here"),
        api,
        clusters: clusters.iter().map(|name| ClusterName::from(*name)).collect(),
        cluster_is_configured: false,
        namespaces: Vec::new(),
        reconciliation: None,
    }
}

/// A secret that is always there.
fn token() -> SecretRef {
    SecretRef::Command(vec!["printf".into(), "t0ken".into()])
}

/// Clusters at these servers, by a kubeconfig that lives as long as the folder.
fn clusters(folder: &tempfile::TempDir, servers: &[(&str, &Scripted)]) -> Vec<ClusterAccess> {
    let access = |(name, server): &(&str, &Scripted)| {
        let path = folder.path().join(name);
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server.url()}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": "kube-t0ken"}}]
        });
        std::fs::write(&path, kubeconfig.to_string()).unwrap();
        ClusterAccess {
            name: ClusterName::from(*name),
            kubeconfig: Some(path),
            context: "x".into(),
            server: None,
            namespaces: Vec::new(),
            destinations: Vec::new(),
            held_back: None,
        }
    };
    servers.iter().map(access).collect()
}

fn start(access: ArgocdAccess, clients: Clients) -> Run {
    Run::start(SourceId::argocd(&access.name), |asks, outbox| super::run(access, [Raw::from("acme/version")].into(), clients, asks, outbox))
}

fn key(name: &str) -> AppKey {
    AppKey { argocd: ArgocdName::from("here"), namespace: Namespace::from("argocd"), name: Raw::from(name) }
}

fn tag(application: &Application) -> &str {
    application.images.first().and_then(|image| image.tag.as_ref()).map_or("", Raw::as_wire)
}

/// `name:tag` of the items that a list of this scope has.
fn listed(observation: &Observation, wanted: &Scope) -> Option<Vec<String>> {
    match observation {
        Observation::Listed { scope, items: Items::Applications(items), .. } if scope == wanted => {
            Some(items.iter().map(|(key, application)| format!("{}:{}", key.name.as_wire(), tag(application))).collect())
        }
        _ => None,
    }
}
