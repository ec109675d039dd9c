//! Who asks an API server, and what they may do there. Pure.

use super::super::answer::Question;
use crate::simulator::store::Kind;

/// The namespaces that `payments` may read.
const PAYMENTS_NAMESPACES: &[&str] = &["staging", "production"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User {
    Admin,
    /// Reads everything.
    Viewer,
    /// Reads everything and moves rollouts.
    Oncall,
    /// Reads two namespaces.
    Payments,
    /// Showed no token.
    Anonymous,
}

impl User {
    /// The user of a question; nothing for a token that is nobody's.
    pub(super) fn of(question: &Question) -> Option<Self> {
        match question.token() {
            Some("admin") => Some(Self::Admin),
            Some("viewer") => Some(Self::Viewer),
            Some("oncall") => Some(Self::Oncall),
            Some("payments") => Some(Self::Payments),
            Some(_) => None,
            None => Some(Self::Anonymous),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
            Self::Oncall => "oncall",
            Self::Payments => "payments",
            Self::Anonymous => "system:anonymous",
        }
    }

    /// Whether the user may do something with a resource (`argoproj.io`, `rollouts/status`) in a namespace, or in all of them.
    pub(super) fn may(self, verb: &str, (group, resource): (&str, &str), namespace: Option<&str>) -> bool {
        let reads = matches!(verb, "get" | "list" | "watch");
        match self {
            Self::Admin => true,
            Self::Viewer => reads,
            Self::Oncall => {
                let moves = matches!(verb, "patch" | "update") && group == "argoproj.io" && matches!(resource, "rollouts" | "rollouts/status");
                reads || moves
            }
            Self::Payments => reads && namespace.is_some_and(|namespace| PAYMENTS_NAMESPACES.contains(&namespace)),
            Self::Anonymous => false,
        }
    }
}

/// Where a question is judged: an object of a kind without namespaces belongs to none, but for namespaces, which belong to themselves.
pub(super) fn scope<'a>(kind: &Kind, namespace: Option<&'a str>, name: Option<&'a str>) -> Option<&'a str> {
    if kind.plural == "namespaces" { name } else { namespace }
}
