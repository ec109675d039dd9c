//! Why there is no plan: one sentence that says what, where, and what to do. The screen, the command line and the record tell the same one.

mod sentence;

use super::argocd;
use super::canary::Verb;
use crate::base::{Raw, Safe};
use crate::domain::{AppKey, EnvironmentName, PlacementName, ServiceName};

/// A placement by its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The environment.
    pub environment: EnvironmentName,
    /// The placement; empty where there is only one.
    pub placement: PlacementName,
}

impl Place {
    /// `production·eu`; `production` where there is only one.
    #[must_use]
    pub fn shown(&self) -> Safe {
        let dot = if self.placement.0.is_empty() { "" } else { "·" };
        crate::safe!("{}{dot}{}", self.environment.shown(), self.placement.shown())
    }
}

/// Why a request has no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No service is called so.
    NoService(ServiceName),
    /// No environment is called so.
    NoEnvironment {
        /// What was asked for.
        asked: EnvironmentName,
        /// Those there are.
        known: Vec<EnvironmentName>,
    },
    /// It is not there as far as is known, but not everything was read that could tell of it.
    NotAllRead {
        /// What is not known.
        what: Safe,
        /// What was not read, and why.
        why: Safe,
    },
    /// The service has no placement there.
    NotDeployed(ServiceName, EnvironmentName),
    /// No placement is called so.
    NoPlacement {
        /// What was asked for.
        asked: Place,
        /// Those there are.
        known: Vec<PlacementName>,
    },
    /// Nothing leads into the environment, as far as the service is deployed.
    FollowsNothing(ServiceName, EnvironmentName),
    /// The one does not follow the other.
    DoesNotFollow {
        /// From where was asked.
        from: EnvironmentName,
        /// To where.
        to: EnvironmentName,
        /// What it follows.
        follows: Vec<EnvironmentName>,
    },
    /// It follows several.
    FollowsSeveral {
        /// To where.
        to: EnvironmentName,
        /// What it follows.
        follows: Vec<EnvironmentName>,
    },
    /// What the service is versioned by is not an image.
    NotAnImage {
        /// The service.
        service: ServiceName,
        /// What it is, and where it is changed.
        what: Versioned,
    },
    /// Which version runs there is not known.
    UnknownVersion {
        /// Where.
        place: Place,
        /// Why.
        why: Safe,
    },
    /// Several versions run there.
    Mixed {
        /// Where.
        environment: EnvironmentName,
        /// What runs in each placement.
        versions: Vec<Safe>,
    },
    /// The environment never had the version.
    NeverThere {
        /// The version.
        version: Raw,
        /// The environment.
        from: EnvironmentName,
        /// Whether its whole history was read.
        is_whole: bool,
    },
    /// The placement never had the version.
    NeverHere {
        /// The version.
        version: Raw,
        /// Where.
        place: Place,
        /// Whether its whole history was read.
        is_whole: bool,
    },
    /// No earlier version is known that could be put back.
    NoEarlier {
        /// Where.
        place: Place,
        /// Whether its whole history was read.
        is_whole: bool,
    },
    /// It takes pull requests only, and nothing says how its GitHub is reached.
    NoForge {
        /// Where.
        environment: EnvironmentName,
        /// The host of the repository.
        host: Raw,
    },
    /// No pull request is open.
    NoPull {
        /// The service.
        service: ServiceName,
        /// Where.
        environment: EnvironmentName,
        /// What is known of it.
        why: Safe,
    },
    /// Several pull requests are open.
    SeveralPulls {
        /// Where.
        environment: EnvironmentName,
        /// Which.
        numbers: Vec<u64>,
    },
    /// The pull request cannot be merged now.
    NotMergeable {
        /// Its number.
        number: u64,
        /// Where people look at it.
        url: Safe,
        /// Why.
        why: Safe,
    },
    /// Git pins it by digest, and which digest a tag had where it was tried is not known.
    Undigested {
        /// Where.
        place: Place,
        /// The tag.
        tag: Raw,
        /// Why.
        why: Safe,
    },
    /// It has no Rollout.
    NoRollout(Place),
    /// Its Rollouts were not read.
    Rollouts {
        /// Where.
        place: Place,
        /// Why.
        why: Safe,
    },
    /// Its pods of then are not known beforehand.
    NotHastened {
        /// Where.
        place: Place,
        /// Why.
        why: Safe,
    },
    /// Argo CD deploys nothing of before while it syncs by itself (argo-cd `server/application/application.go`, `Rollback`).
    AutoSync {
        /// The application.
        app: AppKey,
        /// The `ApplicationSet` that made it, where it is known.
        owner: Option<Safe>,
    },
    /// It is what runs: only git wants another one.
    RunsAlready {
        /// Where.
        place: Place,
        /// The version.
        version: Safe,
        /// What git wants.
        wants: Safe,
    },
    /// Argo CD undoes what is changed in the cluster alone.
    UndoneAgain {
        /// The application.
        app: AppKey,
        /// What git wants.
        wants: Safe,
    },
    /// Argo CD's history does not tell of the version.
    NotInHistory {
        /// Where.
        place: Place,
        /// The version.
        version: Safe,
    },
    /// A verb is not for its Rollouts now.
    NotNow {
        /// Where.
        place: Place,
        /// The verb.
        verb: Verb,
        /// Why.
        why: Safe,
    },
    /// Argo CD cannot be asked for this, or it would change nothing.
    NotAsked {
        /// Where.
        place: Place,
        /// What.
        verb: argocd::Verb,
        /// Why.
        why: Safe,
    },
    /// The placements had different versions before.
    EarlierDiffer {
        /// Where.
        environment: EnvironmentName,
        /// What each had.
        versions: Vec<Safe>,
    },
    /// Facts that the plan would rest on are not current.
    Stale {
        /// Whose.
        place: Place,
        /// Since when and why, in words.
        why: Safe,
    },
    /// No repository said what it wants of the placement.
    Unread {
        /// Where.
        place: Place,
        /// Why, as far as it is known.
        why: Safe,
    },
    /// What git wants is not understood.
    NotUnderstood {
        /// Where.
        place: Place,
        /// Why.
        why: Safe,
    },
    /// Which image is the version there is not clear.
    WhichImage {
        /// Where.
        place: Place,
        /// Why.
        why: Safe,
    },
    /// Git wants this version there already.
    Nothing {
        /// The version.
        version: Safe,
        /// Where.
        to: EnvironmentName,
        /// Placements that do not run it all the same.
        behind: Vec<Safe>,
    },
    /// Something else than the files has the last word.
    Overridden {
        /// Where.
        place: Place,
        /// What wins, and what to do about it.
        why: Safe,
    },
    /// The revision that the application follows takes no commits.
    Pinned {
        /// The application.
        app: AppKey,
        /// Its revision.
        revision: Raw,
    },
    /// The files cannot be edited with certainty: the editor's sentence.
    Editor {
        /// Where.
        place: Place,
        /// The sentence.
        why: Safe,
    },
    /// The configuration of an earlier deployment cannot be put back.
    Configuration {
        /// Where.
        place: Place,
        /// Why.
        why: Safe,
    },
    /// It cannot go in waves.
    NoWaves {
        /// Where.
        environment: EnvironmentName,
        /// Why.
        why: Safe,
    },
    /// A file that would be edited is rendered elsewhere too.
    Reaches {
        /// The file.
        file: Raw,
        /// What else renders it.
        others: Vec<Safe>,
    },
    /// A file that would be edited belongs to placements that were left out.
    MoveTogether {
        /// The file.
        file: Raw,
        /// Placements that would move too.
        others: Vec<Safe>,
    },
    /// The placements are on different branches: one commit cannot move them.
    SeveralBranches(Vec<Safe>),
    /// What was read does not fit the fleet any more.
    Changed(AppKey),
}

/// What a service is versioned by that is not an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioned {
    /// A chart's version.
    Chart,
    /// `targetRevision`.
    Revision,
    /// An annotation.
    Annotation,
}

impl Refusal {
    /// Its name for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoService(_) => "no-service",
            Self::NoEnvironment { .. } => "no-environment",
            Self::NotAllRead { .. } => "not-all-read",
            Self::NotDeployed(..) => "not-deployed",
            Self::NoPlacement { .. } => "no-placement",
            Self::FollowsNothing(..) => "follows-nothing",
            Self::DoesNotFollow { .. } => "does-not-follow",
            Self::FollowsSeveral { .. } => "follows-several",
            Self::NotAnImage { .. } => "not-an-image",
            Self::UnknownVersion { .. } => "unknown-version",
            Self::Mixed { .. } => "mixed",
            Self::NeverThere { .. } => "never-there",
            Self::NeverHere { .. } => "never-here",
            Self::NoEarlier { .. } => "no-earlier",
            Self::EarlierDiffer { .. } => "earlier-differ",
            Self::NoForge { .. } => "no-forge",
            Self::NoPull { .. } => "no-pull-request",
            Self::SeveralPulls { .. } => "several-pull-requests",
            Self::NotMergeable { .. } => "not-mergeable",
            Self::Undigested { .. } => "undigested",
            Self::NoRollout(_) => "no-rollout",
            Self::Rollouts { .. } => "rollouts-unread",
            Self::NotHastened { .. } => "not-hastened",
            Self::AutoSync { .. } => "auto-sync",
            Self::RunsAlready { .. } => "runs-already",
            Self::UndoneAgain { .. } => "undone-again",
            Self::NotInHistory { .. } => "not-in-history",
            Self::NotNow { .. } | Self::NotAsked { .. } => "not-now",
            Self::Stale { .. } => "stale",
            Self::Unread { .. } => "unread",
            Self::NotUnderstood { .. } => "not-understood",
            Self::WhichImage { .. } => "which-image",
            Self::Nothing { .. } => "nothing-to-promote",
            Self::Overridden { .. } => "overridden",
            Self::Pinned { .. } => "pinned",
            Self::Editor { .. } => "editor",
            Self::Configuration { .. } => "configuration",
            Self::NoWaves { .. } => "no-waves",
            Self::Reaches { .. } => "reaches-others",
            Self::MoveTogether { .. } => "move-together",
            Self::SeveralBranches(_) => "several-branches",
            Self::Changed(_) => "changed",
        }
    }
}

/// `a`, `a and b`, `a, b and c`; at most four, and how many more.
pub(super) fn named(names: impl Iterator<Item = Safe>) -> Safe {
    let names: Vec<Safe> = names.collect();
    let (shown, more) = names.split_at(names.len().min(MOST_NAMED));
    let mut words: Vec<String> = shown.iter().map(ToString::to_string).collect();
    if !more.is_empty() {
        words.push(format!("{} more", more.len()));
    }
    match words.split_last() {
        None => Safe::clean("none"),
        Some((only, [])) => Safe::clean(only),
        Some((last, before)) => crate::safe!("{} and {last}", before.join(", ")),
    }
}

/// How many names a sentence has.
const MOST_NAMED: usize = 4;
