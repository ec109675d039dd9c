//! Why there is no plan: one sentence that says what, where, and what to do. The screen, the command line and the record tell the same one.

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
    /// It has no Rollout.
    NoRollout(Place),
    /// Its Rollouts were not read.
    Rollouts {
        /// Where.
        place: Place,
        /// Why.
        why: Safe,
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
    /// The sentence: what, where, and what to do.
    #[must_use]
    pub fn sentence(&self) -> Safe {
        match self {
            Self::NoService(service) => crate::safe!("There is no service '{}': tiphys status lists those there are.", service.shown()),
            Self::NoEnvironment { asked, known } => {
                crate::safe!("There is no environment '{}': there are {}.", asked.shown(), named(known.iter().map(EnvironmentName::shown)))
            }
            Self::NotAllRead { what, why } => crate::safe!("{what} is not known: {why}. Wait until it is read."),
            Self::NotDeployed(service, environment) => {
                crate::safe!("{} is not deployed in {}: add its Application there first.", service.shown(), environment.shown())
            }
            Self::NoPlacement { asked, known } => {
                let known = known.iter().map(|name| if name.0.is_empty() { Safe::clean("one without a name") } else { name.shown() });
                crate::safe!("{} has no placement '{}': there is {}.", asked.environment.shown(), asked.placement.shown(), named(known))
            }
            Self::FollowsNothing(service, to) => {
                let (service, to) = (service.shown(), to.shown());
                crate::safe!("{to} follows no environment that has {service}: from = […] of {to} in the configuration names what leads into it.")
            }
            Self::DoesNotFollow { from, to, follows } => {
                let follows = named(follows.iter().map(EnvironmentName::shown));
                crate::safe!("{to} does not follow {}: promote from {follows}, or change from = […] of {to}.", from.shown(), to = to.shown())
            }
            Self::FollowsSeveral { to, follows } => {
                crate::safe!("{} follows {}: say which with --from.", to.shown(), named(follows.iter().map(EnvironmentName::shown)))
            }
            Self::NotAnImage { service, what } => not_an_image(service, *what),
            Self::UnknownVersion { place, why } => {
                crate::safe!("Which version runs in {} is not known: {why}. Name one with --version.", place.shown())
            }
            Self::Mixed { environment, versions } => {
                let versions = named(versions.iter().cloned());
                crate::safe!("{} runs several versions ({versions}): wait until it runs one, or name one with --version.", environment.shown())
            }
            Self::NeverThere { version, from, is_whole } => never_there(version, from, *is_whole),
            Self::NeverHere { version, place, is_whole } => never_here(version, place, *is_whole),
            Self::NoEarlier { place, is_whole } => no_earlier(place, *is_whole),
            Self::NoRollout(place) => {
                crate::safe!("{} has no Rollout: there are no steps to move or to abort. The way back is a version in git.", place.shown())
            }
            Self::Rollouts { place, why } => crate::safe!("The Rollouts of {} were not read: {why}.", place.shown()),
            Self::NotNow { place, verb, why } => crate::safe!("No {} in {}: {why}.", verb.word(), place.shown()),
            Self::EarlierDiffer { environment, versions } => crate::safe!(
                "The placements of {} had different versions before ({}): name one with --version, or go back in one with --placement.",
                environment.shown(),
                named(versions.iter().cloned())
            ),
            Self::Stale { place, why } => crate::safe!("What is known of {} is not current: {why}. Wait until it is read again.", place.shown()),
            Self::Unread { place, why } => crate::safe!("What git wants of {} was not read: {why}.", place.shown()),
            Self::NotUnderstood { place, why } => crate::safe!("What git wants of {} is not known: {why}.", place.shown()),
            Self::WhichImage { place, why } => crate::safe!("Which image of {} is to move is not clear: {why}.", place.shown()),
            Self::Nothing { version, to, behind } if behind.is_empty() => {
                crate::safe!("Git wants {version} in {} already: there is nothing to change.", to.shown())
            }
            Self::Nothing { version, to, behind } => crate::safe!(
                "Git wants {version} in {} already, but {} not run it: there is nothing to commit, only its sync or its rollout to wait for.",
                to.shown(),
                if let [one] = behind.as_slice() { crate::safe!("{one} does") } else { crate::safe!("{} do", named(behind.iter().cloned())) }
            ),
            Self::Overridden { place, why } => crate::safe!("A commit would change nothing in {}: {why}.", place.shown()),
            Self::Pinned { app, revision } => crate::safe!(
                "{} follows '{}', which is no branch: a commit would not reach it. Point its targetRevision to a branch, or change it there.",
                app.shown(),
                revision.shown()
            ),
            Self::Editor { place, why } => crate::safe!("The files of {} are not edited: {why}.", place.shown()),
            Self::Reaches { file, others } => crate::safe!(
                "{} also feeds {}: give the version a place in a file of its own, in the overlay or the last values file of the environment.",
                file.shown(),
                named(others.iter().cloned())
            ),
            Self::MoveTogether { file, others } => {
                crate::safe!("{} also feeds {}: they move together, so leave --placement out.", file.shown(), named(others.iter().cloned()))
            }
            Self::SeveralBranches(branches) => {
                crate::safe!("One commit cannot move them all, they are on {}: one at a time with --placement.", named(branches.iter().cloned()))
            }
            Self::Changed(app) => crate::safe!("{} changed while the plan was made: plan again.", app.shown()),
        }
    }

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
            Self::NoRollout(_) => "no-rollout",
            Self::Rollouts { .. } => "rollouts-unread",
            Self::NotNow { .. } => "not-now",
            Self::Stale { .. } => "stale",
            Self::Unread { .. } => "unread",
            Self::NotUnderstood { .. } => "not-understood",
            Self::WhichImage { .. } => "which-image",
            Self::Nothing { .. } => "nothing-to-promote",
            Self::Overridden { .. } => "overridden",
            Self::Pinned { .. } => "pinned",
            Self::Editor { .. } => "editor",
            Self::Reaches { .. } => "reaches-others",
            Self::MoveTogether { .. } => "move-together",
            Self::SeveralBranches(_) => "several-branches",
            Self::Changed(_) => "changed",
        }
    }
}

fn not_an_image(service: &ServiceName, what: Versioned) -> Safe {
    let service = service.shown();
    match what {
        Versioned::Chart => crate::safe!(
            "The version of {service} is its chart's: a chart version is not moved here, change it in Chart.yaml or the Application's targetRevision."
        ),
        Versioned::Revision => {
            crate::safe!("The version of {service} is the revision that it follows: targetRevision is not moved here, change it in the Application.")
        }
        Versioned::Annotation => {
            crate::safe!("The version of {service} is an annotation, which no file here says: change it where it is written.")
        }
    }
}

fn never_there(version: &Raw, from: &EnvironmentName, is_whole: bool) -> Safe {
    let (version, from) = (version.shown(), from.shown());
    let known = if is_whole { "never had" } else { "did not have, as far as its history was read," };
    crate::safe!("{from} {known} {version}: what was not there was not tried there. --hotfix promotes it all the same, and says so in the commit.")
}

fn never_here(version: &Raw, place: &Place, is_whole: bool) -> Safe {
    let known = if is_whole { "never wanted" } else { "did not want, as far as its history was read," };
    crate::safe!("Git {known} {} in {}: there is nothing to put back. A promotion may bring it.", version.shown(), place.shown())
}

fn no_earlier(place: &Place, is_whole: bool) -> Safe {
    let known = if is_whole { "" } else { ", as far as its history was read" };
    crate::safe!("No earlier version of {} is known that nobody went back from{known}: name one with --version.", place.shown())
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
