//! What each refusal says: what, where, and what to do. It decides nothing.

use super::{Place, Refusal, Versioned, named};
use crate::base::{Raw, Safe};
use crate::domain::{EnvironmentName, PlacementName, ServiceName};

impl Refusal {
    #[expect(clippy::too_many_lines, reason = "a flat table: a sentence for each")]
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
            Self::NoPlacement { asked, known } => no_placement(asked, known),
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
            Self::NoForge { environment, host } => crate::safe!(
                "{} takes pull requests only (pull_request = true), and nothing says how the API of {} is reached: [[github]] in the configuration does.",
                environment.shown(),
                host.shown()
            ),
            Self::NoPull { service, environment, why } => {
                crate::safe!("No pull request is open that brings {} to {}: {why}.", service.shown(), environment.shown())
            }
            Self::SeveralPulls { environment, numbers } => {
                let numbers = numbers.iter().map(|number| crate::safe!("#{number}"));
                crate::safe!("Several pull requests are open for it in {}: {}. Name the one.", environment.shown(), named(numbers))
            }
            Self::NotMergeable { number, url, why } => crate::safe!("Pull request #{number} is not merged now: {why}. {url}"),
            Self::NoRollout(place) => {
                crate::safe!("{} has no Rollout: there are no steps to move or to abort. The way back is a version in git.", place.shown())
            }
            Self::Undigested { place, tag, why } => crate::safe!(
                "Git pins {} by digest, and which one {} has is not known: {why}. Name the digest in git where it was tried, or plan again when the pods there tell it.",
                place.shown(),
                tag.shown()
            ),
            Self::Rollouts { place, why } => crate::safe!("The Rollouts of {} were not read: {why}.", place.shown()),
            Self::NotHastened { place, why } => crate::safe!(
                "The way back in {} cannot be hastened: {why}. Put the version back, and promote it fully by hand when its pods come.",
                place.shown()
            ),
            Self::AutoSync { app, owner } => {
                let app = app.name.shown();
                match owner {
                    Some(owner) => crate::safe!(
                        "Argo CD deploys nothing of before while {app} is synced automatically, and switching that off would not last: ApplicationSet {owner} \
                         puts it back. The way back is a version in git."
                    ),
                    None => crate::safe!(
                        "Argo CD deploys nothing of before while {app} is synced automatically, and would bring back what git wants. The way back is a version in git."
                    ),
                }
            }
            Self::RunsAlready { place, version, wants } => {
                crate::safe!("{} runs {version} already, only git wants {wants}: put {version} back in git.", place.shown())
            }
            Self::UndoneAgain { app, wants } => {
                crate::safe!("Argo CD puts {wants} back within seconds: {} heals itself. The way back is a version in git.", app.name.shown())
            }
            Self::NotInHistory { place, version } => {
                crate::safe!("Argo CD's history of {} does not tell of {version}: it cannot deploy it again. Put it back in git.", place.shown())
            }
            Self::NotNow { place, verb, why } => crate::safe!("No {} in {}: {why}.", verb.word(), place.shown()),
            Self::NotAsked { place, verb, why } => crate::safe!("No {} in {}: {why}.", verb.word(), place.shown()),
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
            Self::Configuration { place, why } => {
                crate::safe!("The configuration of then is not put back in {}: {why}. The image alone may be.", place.shown())
            }
            Self::NoWaves { environment, why } => crate::safe!("There are no waves in {}: {why}.", environment.shown()),
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
}

fn no_placement(asked: &Place, known: &[PlacementName]) -> Safe {
    let environment = asked.environment.shown();
    if asked.placement.0.is_empty() {
        let known = named(known.iter().map(PlacementName::shown));
        return crate::safe!("{environment} has several placements, {known}: say which with --placement.");
    }
    let known = known.iter().map(|name| if name.0.is_empty() { Safe::clean("one without a name") } else { name.shown() });
    crate::safe!("{environment} has no placement '{}': there is {}.", asked.placement.shown(), named(known))
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
