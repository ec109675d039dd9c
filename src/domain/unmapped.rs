//! Applications that are no service in an environment, as far as the rules can tell: why, and what would help.

use crate::base::{Raw, Safe};
use crate::domain::names::EnvironmentName;
use crate::safe;

/// Why an application stands in no cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// The reason.
    pub reason: Reason,
}

/// The reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It deploys other applications.
    AppOfApps,
    /// The configuration says that it is none, and why.
    Ignored(Safe),
    /// It runs no image, and no rule places it: configuration, custom resources, or nothing yet.
    NoWorkloads,
    /// Its environment is known, its service is not.
    NoService,
    /// No rule says anything about its environment.
    NoEnvironment,
    /// A rule found a word where an environment should be, and no environment is called so.
    UnknownEnvironment {
        /// The word.
        value: Raw,
        /// Who found it.
        rule: Rule,
    },
    /// A rule found a placement that its environment does not have.
    UnknownPlacement {
        /// The environment.
        environment: EnvironmentName,
        /// The word.
        value: Raw,
        /// Who found it.
        rule: Rule,
    },
    /// One rule found two different answers.
    Conflict {
        /// Which rule.
        rule: Rule,
        /// One answer.
        first: Raw,
        /// The other.
        second: Raw,
    },
}

/// The mapping rules, as a person knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// An explicit rule.
    Explicit,
    /// A label with this key.
    Label(Raw),
    /// The Application's name.
    Name,
    /// The path of a source.
    Path,
    /// A Helm values file.
    Values,
    /// The destination's namespace.
    Namespace,
}

impl Rule {
    fn shown(&self) -> Safe {
        match self {
            Self::Explicit => safe!("a rule under [[mapping.applications]]"),
            Self::Label(key) => safe!("its label {}", key.shown()),
            Self::Name => safe!("its name"),
            Self::Path => safe!("the path of its source"),
            Self::Values => safe!("its values file"),
            Self::Namespace => safe!("its namespace"),
        }
    }
}

impl Unmapped {
    /// For this reason.
    #[must_use]
    pub const fn new(reason: Reason) -> Self {
        Self { reason }
    }

    /// One word with dashes: for JSON and for grouping.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match &self.reason {
            Reason::AppOfApps => "app-of-apps",
            Reason::Ignored(_) => "ignored",
            Reason::NoWorkloads => "no-workloads",
            Reason::NoService => "no-service",
            Reason::NoEnvironment => "no-environment",
            Reason::UnknownEnvironment { .. } => "unknown-environment",
            Reason::UnknownPlacement { .. } => "unknown-placement",
            Reason::Conflict { .. } => "conflict",
        }
    }

    /// Whether somebody is likely to miss it: not what deploys other applications, runs nothing, or is left out on purpose.
    #[must_use]
    pub const fn is_amiss(&self) -> bool {
        !matches!(self.reason, Reason::AppOfApps | Reason::Ignored(_) | Reason::NoWorkloads)
    }

    /// The reason in a sentence.
    #[must_use]
    pub fn sentence(&self) -> Safe {
        match &self.reason {
            Reason::AppOfApps => safe!("deploys other applications; these have rows of their own"),
            Reason::Ignored(why) => safe!("left out by the configuration: {why}"),
            Reason::NoWorkloads => safe!("runs no image and no rule places it: configuration, custom resources, or nothing yet"),
            Reason::NoService => safe!("its environment is known, but no rule names its service"),
            Reason::NoEnvironment => safe!("no rule says which environment it is in"),
            Reason::UnknownEnvironment { value, rule } => safe!("{} says '{}', and no environment is called so", rule.shown(), value.shown()),
            Reason::UnknownPlacement { environment, value, rule } => {
                safe!("{} says placement '{}', which {} does not have", rule.shown(), value.shown(), environment.shown())
            }
            Reason::Conflict { rule, first, second } => safe!("{} says both '{}' and '{}'", rule.shown(), first.shown(), second.shown()),
        }
    }

    /// What would give it a cell; nothing where nothing is wrong.
    #[must_use]
    pub fn cure(&self) -> Option<Safe> {
        Some(match &self.reason {
            Reason::AppOfApps | Reason::Ignored(_) => return None,
            Reason::NoWorkloads => safe!("nothing, or a rule under [[mapping.applications]] that names its service and environment"),
            Reason::NoService => safe!("label it, add a template with {{service}} under [mapping], or name it under [[mapping.applications]]"),
            Reason::NoEnvironment => {
                safe!("label it, add a template with {{environment}} under [mapping], or name it under [[mapping.applications]]")
            }
            Reason::UnknownEnvironment { value, .. } => {
                safe!("add '{0}' to the aliases of an environment, or [[environments]] name = \"{0}\"", value.shown())
            }
            Reason::UnknownPlacement { environment, value, .. } => safe!("add '{}' to the placements of {}", value.shown(), environment.shown()),
            Reason::Conflict { .. } => safe!("say which under [[mapping.applications]]"),
        })
    }
}
