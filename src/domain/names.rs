//! The names of things, each a type of its own, and the keys made of them.

use std::fmt;

use serde::Serialize;

use crate::base::{Raw, Safe};
use crate::{names, safe};

names! {
    /// What a team ships: `checkout`.
    ServiceName;
    /// A stage in the promotion graph: `production`.
    EnvironmentName;
    /// One deployment of a service in an environment: `eu`. Empty where there is only one.
    PlacementName;
    /// A cluster as the configuration or the kubeconfig calls it.
    ClusterName;
    /// An Argo CD instance as the configuration or the argocd CLI calls it.
    ArgocdName;
    /// A Kubernetes namespace.
    Namespace;
}

/// The only key of an application: names repeat between instances and, with applications in any namespace, within one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct AppKey {
    /// The Argo CD instance.
    pub argocd: ArgocdName,
    /// The namespace of the Application object.
    pub namespace: Namespace,
    /// The name of the Application object.
    pub name: Raw,
}

impl AppKey {
    /// `namespace/name`, as Argo CD shows an application; the instance is left out because there is usually one.
    #[must_use]
    pub fn shown(&self) -> Safe {
        safe!("{}/{}", self.namespace.shown(), self.name.shown())
    }
}

/// The kinds of corners of the world that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// An Argo CD instance, by its API or through its cluster.
    Argocd,
    /// A Kubernetes cluster.
    Cluster,
    /// A gitops repository.
    Repository,
    /// A GitHub: the pull requests of gitops repositories.
    Github,
}

impl fmt::Display for SourceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Argocd => "argocd",
            Self::Cluster => "cluster",
            Self::Repository => "repository",
            Self::Github => "github",
        })
    }
}

/// One corner of the world: always an instance, never just a kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId {
    /// What it is.
    pub kind: SourceKind,
    /// What the configuration calls it.
    pub name: Raw,
}

impl SourceId {
    /// The source that reads an Argo CD instance.
    #[must_use]
    pub fn argocd(name: &ArgocdName) -> Self {
        Self { kind: SourceKind::Argocd, name: name.0.clone() }
    }

    /// The source that reads a cluster.
    #[must_use]
    pub fn cluster(name: &ClusterName) -> Self {
        Self { kind: SourceKind::Cluster, name: name.0.clone() }
    }

    /// The source that reads a gitops repository.
    #[must_use]
    pub const fn repository(name: Raw) -> Self {
        Self { kind: SourceKind::Repository, name }
    }

    /// The source that reads a GitHub.
    #[must_use]
    pub const fn github(name: Raw) -> Self {
        Self { kind: SourceKind::Github, name }
    }
}
