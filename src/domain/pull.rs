//! A pull request as a forge tells it: how far it is, and what its text says of the operation that opened it. Whoever may write to the repository may have
//! written that text: it says where to look, and proves nothing.

use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::domain::image::Image;
use crate::domain::names::{EnvironmentName, PlacementName, ServiceName};

/// How the branches begin that operations have of their own; behind it stands the operation's id.
pub const OWN_BRANCHES: &str = "tiphys/";

/// The branch that an operation has of its own, without `refs/heads/`.
#[must_use]
pub fn own_branch(operation: &OperationId) -> String {
    format!("{OWN_BRANCHES}{operation}")
}

/// Names a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PullKey {
    /// What the configuration calls the GitHub.
    pub github: Raw,
    /// Owner and name: `acme/gitops`.
    pub repository: Raw,
    /// Its number there.
    pub number: u64,
}

/// A pull request from a branch of an operation's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Where people look at it.
    pub url: Safe,
    /// Its title.
    pub title: Safe,
    /// The branch that it comes from.
    pub branch: Raw,
    /// The newest commit of that branch, in full.
    pub head: Raw,
    /// The branch that it goes into.
    pub base: Raw,
    /// Who opened it.
    pub author: Safe,
    /// When.
    pub opened_at: Timestamp,
    /// Whether it is open.
    pub state: PullState,
    /// Whether it can be merged.
    pub mergeable: Mergeable,
    /// Its checks, by name.
    pub checks: Vec<Check>,
    /// The last word of each who reviewed it.
    pub reviews: Vec<Review>,
    /// Whose review was asked for and has not come.
    pub awaited: Vec<Safe>,
    /// What its text says.
    pub says: Says,
}

/// Whether a pull request is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullState {
    /// It is.
    Open,
    /// It was merged.
    Merged {
        /// The commit on its target, where that was told.
        commit: Option<Raw>,
        /// Who did.
        by: Option<Safe>,
    },
    /// It was closed without being merged.
    Closed,
}

/// Whether a pull request can be merged, as GitHub says it (`mergeable_state`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mergeable {
    /// Everything that its rules want is there.
    Clean,
    /// It can, and a check that is not required failed or runs.
    Unstable,
    /// Its rules want something first.
    Blocked,
    /// Its branch has to be brought up to date first.
    Behind,
    /// It conflicts with its target.
    Dirty,
    /// It is a draft.
    Draft,
    /// It is being worked out, or is a word that is not known here.
    Unknown(Safe),
}

/// A check of the newest commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Check {
    /// Its name.
    pub name: Safe,
    /// How it stands.
    pub verdict: Verdict,
}

/// How a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It passed, or was left out on purpose.
    Passed,
    /// It runs or waits.
    Pending,
    /// Anything else.
    Failed,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Review {
    /// Whose.
    pub by: Safe,
    /// Whether it approves; else it wants changes.
    pub approves: bool,
}

/// What the text of a pull request says of the operation that opened it: trailers, as in a commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Says {
    /// The operation, by the name of its branch.
    pub operation: Option<OperationId>,
    /// The service.
    pub service: Option<ServiceName>,
    /// The environment.
    pub environment: Option<EnvironmentName>,
    /// The placements.
    pub placements: Vec<PlacementName>,
    /// The version.
    pub version: Option<Safe>,
    /// The images that are to run.
    pub images: Vec<Image>,
}

/// Trailers of a pull request beside those of its commit.
pub const SERVICE: &str = "Service";
/// See [`SERVICE`].
pub const ENVIRONMENT: &str = "Environment";
/// See [`SERVICE`]. One for each; the only one of an environment has no name and is left out.
pub const PLACEMENT: &str = "Placement";
/// See [`SERVICE`].
pub const VERSION: &str = "Version";

impl Says {
    /// Reads the text of a pull request from this branch.
    #[must_use]
    pub fn read(branch: &Raw, text: &str) -> Self {
        let mut says = Self { operation: branch.as_wire().strip_prefix(OWN_BRANCHES).and_then(OperationId::read), ..Self::default() };
        // The last paragraph, as of a commit.
        let text = text.replace('\r', "");
        let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
        for (name, value) in last.lines().filter_map(|line| line.split_once(": ")) {
            let value = value.trim();
            match name {
                SERVICE => says.service = Some(ServiceName::from(value)),
                ENVIRONMENT => says.environment = Some(EnvironmentName::from(value)),
                PLACEMENT => says.placements.push(PlacementName::from(value)),
                VERSION => says.version = Some(Safe::clean(value)),
                "Image" => says.images.push(Image::read(value)),
                _ => {}
            }
        }
        says
    }
}

impl Pull {
    /// Its checks that stand so, by name.
    pub fn checked(&self, verdict: Verdict) -> impl Iterator<Item = &Safe> {
        self.checks.iter().filter(move |check| check.verdict == verdict).map(|check| &check.name)
    }

    /// Why it cannot be merged now, as far as that is known; `None`: GitHub lets it be merged, its checks passed, and nobody wants changes.
    #[must_use]
    pub fn unmergeable(&self) -> Option<Safe> {
        let listed = |names: Vec<&Safe>| Safe::clean(&names.into_iter().map(Safe::as_str).collect::<Vec<_>>().join(", "));
        let failed: Vec<&Safe> = self.checked(Verdict::Failed).collect();
        let pending: Vec<&Safe> = self.checked(Verdict::Pending).collect();
        let wanting: Vec<&Safe> = self.reviews.iter().filter(|review| !review.approves).map(|review| &review.by).collect();
        let base = self.base.shown();
        let awaited = if self.awaited.is_empty() { Safe::default() } else { crate::safe!(" by {}", listed(self.awaited.iter().collect())) };
        Some(match (&self.state, &self.mergeable) {
            (PullState::Merged { .. }, _) => Safe::clean("it was merged already"),
            (PullState::Closed, _) => Safe::clean("it was closed without being merged"),
            (PullState::Open, Mergeable::Draft) => Safe::clean("it is a draft"),
            (PullState::Open, Mergeable::Dirty) => crate::safe!("it conflicts with {base}"),
            _ if !failed.is_empty() => crate::safe!("checks fail: {}", listed(failed)),
            _ if !wanting.is_empty() => crate::safe!("changes are requested by {}", listed(wanting)),
            _ if !pending.is_empty() => crate::safe!("checks are under way: {}", listed(pending)),
            (PullState::Open, Mergeable::Behind) => crate::safe!("its branch is behind {base}, and has to be brought up to date first"),
            (PullState::Open, Mergeable::Blocked) if !self.reviews.iter().any(|review| review.approves) => {
                crate::safe!("a review{awaited} is wanted")
            }
            (PullState::Open, Mergeable::Blocked) => Safe::clean("the rules of its branch want more: GitHub calls it blocked"),
            (PullState::Open, Mergeable::Unknown(word)) => crate::safe!("GitHub is working out whether it can be merged ({word})"),
            (PullState::Open, Mergeable::Clean | Mergeable::Unstable) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_text_of_a_pull_request_says_stands_in_its_last_paragraph() {
        let id = "0198c1f0-0000-7000-8000-000000000001";
        let text = "Service: evil\n\nWhy: SHOP-1\r\n\r\nPromoted-To: production\nService: checkout\nEnvironment: production\nPlacement: eu\nPlacement: us\n\
                    Version: 2.14.3\nImage: ghcr.io/acme/checkout:2.14.3\nCockpit-Operation: x\n";
        let says = Says::read(&Raw::from(format!("tiphys/{id}")), text);
        assert_eq!(says.operation.unwrap().as_str(), id);
        assert_eq!((says.service, says.environment), (Some("checkout".into()), Some("production".into())));
        assert_eq!(says.placements, [PlacementName::from("eu"), "us".into()]);
        assert_eq!(says.images, [Image::read("ghcr.io/acme/checkout:2.14.3")]);
        assert_eq!(Says::read(&"tiphys/x".into(), ""), Says::default());
    }
}
