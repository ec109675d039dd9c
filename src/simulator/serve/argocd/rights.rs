//! What each account may do, as the lab's `argocd-rbac-cm` grants it: the administrator everything, `oncall` reads, syncs and acts on resources, the
//! viewer reads. Pure.

use super::super::{ARGOCD_ADMIN, ARGOCD_ONCALL};

/// Whether an account may do something with a kind of thing: `applications`, `sync`; `applications`, `action/argoproj.io/Rollout/resume`.
pub(super) fn may(account: &str, resource: &str, action: &str) -> bool {
    match account {
        ARGOCD_ADMIN => true,
        // `action/*` is granted, and the plain `action` does not match it.
        ARGOCD_ONCALL => match resource {
            "applications" => matches!(action, "get" | "sync") || action.starts_with("action/"),
            "projects" | "clusters" | "logs" => action == "get",
            _ => false,
        },
        _ => action == "get",
    }
}
