//! Who else writes the lines that a plan changes: robots that may write them again, and people who did lately. Told from the history that the fleet has.

use std::time::Duration;

use super::scene::Scene;
use crate::base::time::{Age, since};
use crate::base::{Safe, Timestamp};
use crate::domain::desired::Commit;
use crate::domain::fleet::Placement;

/// What was written longer ago is nobody's present business.
const LATELY: Duration = Duration::from_hours(14 * 24);
/// More writers of one placement are in its history.
const MOST: usize = 3;

/// What commits of programs are known by.
const ROBOTS: [&str; 12] =
    ["bot", "ci", "cd", "pipeline", "jenkins", "actions", "automation", "updater", "renovate", "dependabot", "gitlab", "tekton"];

/// Who wrote the version of these placements lately, each once with their last time, robots first. Whoever wrote what is wanted now is named elsewhere,
/// unless it is a robot.
pub(super) fn lately(scene: &Scene<'_>, moving: &[&Placement], now: Timestamp) -> Vec<Safe> {
    let mut told = Vec::new();
    for placement in moving {
        let place = scene.target(placement).shown();
        let present = placement.wanted.as_ref().and_then(|wanted| wanted.commit.as_ref()).map(|commit| &commit.id);
        let mut found: Vec<(Safe, bool, &Commit)> = Vec::new();
        let histories: Vec<_> = placement.parts.iter().filter_map(|part| scene.fleet.desired(&part.app)).map(|entry| &entry.value.history).collect();
        for commit in histories.iter().flat_map(|history| history.iter()).map(|change| &*change.commit) {
            let (name, is_robot) = writer(commit);
            if (is_robot || present != Some(&commit.id)) && since(commit.at, now) <= LATELY && !found.iter().any(|(known, ..)| *known == name) {
                found.push((name, is_robot, commit));
            }
        }
        found.sort_by_key(|(_, is_robot, commit)| (!is_robot, std::cmp::Reverse(commit.at)));
        for (name, is_robot, commit) in found.into_iter().take(MOST) {
            let again = if is_robot { ": it may write it again" } else { "" };
            told.push(crate::safe!("{name} wrote the version of {place} {} ago ({}){again}", Age::of(commit.at, now), commit.short()));
        }
    }
    told
}

/// Who wrote a commit, by the name that people know, and whether it is a program.
fn writer(commit: &Commit) -> (Safe, bool) {
    let (author, subject) = (commit.author.as_str(), commit.subject.as_str());
    // Argo CD Image Updater commits under any name, with this message unless somebody changed it (its `git.commit-message-template`).
    if subject.starts_with("build: automatic update of ") {
        return (Safe::clean("argocd-image-updater"), true);
    }
    let lower = author.to_lowercase();
    let is_robot = lower.split(|letter: char| !letter.is_alphanumeric()).any(|word| ROBOTS.contains(&word)) || lower == "fluxcdbot";
    (commit.author.clone(), is_robot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Raw;

    #[test]
    fn programs_are_told_from_people() {
        for (author, subject, expected) in [
            ("ana", "promote(production): checkout 2.14.3", ("ana", false)),
            ("Abbot Talbot", "more", ("Abbot Talbot", false)),
            ("Marcia Cicero", "ci: less", ("Marcia Cicero", false)),
            ("renovate[bot]", "bump", ("renovate[bot]", true)),
            ("github-actions[bot]", "x", ("github-actions[bot]", true)),
            ("fluxcdbot", "x", ("fluxcdbot", true)),
            ("pipeline", "x", ("pipeline", true)),
            ("Argo", "build: automatic update of checkout-production\n", ("argocd-image-updater", true)),
            ("argocd-image-updater", "anything", ("argocd-image-updater", true)),
        ] {
            let commit =
                Commit { id: Raw::from("1"), author: Safe::clean(author), at: Timestamp::UNIX_EPOCH, subject: Safe::clean(subject), operation: None };
            let (name, is_robot) = writer(&commit);
            assert_eq!((name.as_str(), is_robot), expected, "{author}: {subject}");
        }
    }
}
