//! Whether this person could go back tonight: everything that tells is asked at once, and nothing is changed. What it means is `operations::oncall`'s matter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::base::time::since;
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::forge::{Forge, Pushing};
use crate::execution::git::Repository;
use crate::execution::journal::{Journal, Problem};
use crate::execution::rehearsal;
use crate::gitops::mirror;
use crate::operations::Place;
use crate::operations::oncall::{Answer, Branch, Finding, Followed, Kind, Part, Question, Report, permitted};
use crate::runtime::carrying::hands::World;
use crate::runtime::clock;

/// A push vouches for the next one for so long.
const VOUCHES: Duration = Duration::from_hours(30 * 24);
/// So many operations are read at most to find it.
const READ: usize = 200;

/// What is asked, and of whom.
pub(super) struct Examination {
    pub(super) question: Question,
    /// Where the repositories are; `None`: not reached from here.
    pub(super) repositories: BTreeMap<Raw, Option<Repository>>,
    /// Their forges.
    pub(super) forges: BTreeMap<Raw, Forge>,
    pub(super) world: Arc<World>,
    /// Where operations are recorded, or that there is no place for it.
    pub(super) journal: Result<Journal, Safe>,
    pub(super) is_read_only: bool,
}

impl Examination {
    pub(super) async fn done(self) -> Report {
        let Self { question, repositories, forges, world, journal, is_read_only } = self;
        let (record, pushes) = tokio::task::spawn_blocking(move || recorded(journal)).await.unwrap_or_default();
        let followed = |name: &Raw| question.repositories.get(name).cloned().unwrap_or_default();
        let asked = repositories.into_iter().map(|(name, repository)| {
            let forge = forges.get(&name).cloned();
            of_repository(followed(&name), (name, repository), forge, (&world, &pushes))
        });
        let mutations: Vec<_> = question.probes.iter().map(|probe| probe.mutation.clone()).collect();
        let (repositories, permissions) = tokio::join!(join_all(asked), world.permissions(&mutations));
        let mut machine = vec![record.unwrap_or_else(|| Finding::new("journal", Answer::Unknown, Safe::clean("it could not be looked at")))];
        if is_read_only {
            let found = Finding::new("read-only", Answer::No, Safe::clean("nothing may be changed from here, not even toward safety"));
            machine.push(found.cured_by(Safe::clean("start it without --read-only and without read_only in the configuration")));
        }
        let mut placements: BTreeMap<Place, Vec<Finding>> = BTreeMap::new();
        for (probe, permission) in question.probes.iter().zip(&permissions) {
            placements.entry(probe.place.clone()).or_default().push(permitted(probe, permission));
        }
        for (place, why) in question.unknown {
            placements.entry(place).or_default().push(Finding::new("rollouts", Answer::Unknown, why));
        }
        let mut parts = vec![Part { kind: Kind::Machine, name: Safe::default(), findings: machine }];
        parts.extend(repositories);
        parts.extend(placements.into_iter().map(|(place, findings)| Part { kind: Kind::Placement, name: place.shown(), findings }));
        Report { at: clock::now(), parts }
    }
}

/// When a branch of a repository took a push of this person's last, by the record.
type Pushes = BTreeMap<(Safe, Safe), Timestamp>;

/// Whether something can be recorded, and what is on record of pushes. It blocks.
fn recorded(journal: Result<Journal, Safe>) -> (Option<Finding>, Pushes) {
    let journal = match journal {
        Ok(journal) => journal,
        Err(why) => return (Some(Finding::new("journal", Answer::No, why)), Pushes::new()),
    };
    let amiss = |Problem { found, cure, .. }| Finding::new("journal", Answer::No, found).cured_by(cure);
    let folder = Safe::clean(&journal.folder().display().to_string());
    let writable = journal.rehearse().map(|()| Finding::new("journal", Answer::Yes, crate::safe!("it can be written, in {folder}")));
    let (now, me) = (clock::now(), rustix::process::getuid().as_raw());
    let mut pushes = Pushes::new();
    for id in journal.operations().unwrap_or_default().into_iter().rev().take(READ) {
        let Some(story) = journal.read(&id).ok().and_then(|recorded| recorded.story) else { continue };
        for (repository, branch, at) in story.pushes().filter(|(_, _, at)| since(*at, now) <= VOUCHES && story.opened.who.uid == me) {
            pushes.entry((repository, branch)).and_modify(|last| *last = at.max(*last)).or_insert(at);
        }
    }
    (Some(writable.unwrap_or_else(amiss)), pushes)
}

async fn of_repository(
    followed: Followed,
    (name, repository): (Raw, Option<Repository>),
    forge: Option<Forge>,
    (world, pushes): (&World, &Pushes),
) -> Part {
    let shown = name.shown();
    let findings = match repository {
        None => vec![Finding::new("push", Answer::Unknown, Safe::clean("it is not reached from here"))],
        Some(repository) => {
            let (mirror, Followed { revisions, routes }) = (repository.mirror.clone(), followed);
            let branches = tokio::task::spawn_blocking(move || mirror::branches(&mirror, &revisions)).await.unwrap_or_default();
            let asked = branches.iter().map(async |branch| Branch {
                name: crate::safe!("{} of {shown}", branch.shown()),
                routes: routes.clone(),
                pushed: pushes.get(&(shown.clone(), branch.shown())).copied(),
                says: says(world, forge.as_ref(), branch).await,
            });
            let branches = join_all(asked).await;
            rehearsal::findings(&repository, &shown, &branches).await
        }
    };
    Part { kind: Kind::Repository, name: shown, findings }
}

/// What the forge of a repository says of pushing to a branch.
async fn says(world: &World, forge: Option<&Forge>, branch: &Raw) -> Option<Pushing> {
    let Some(Forge::Github { github, repository, .. }) = forge else { return None };
    Some(match world.github(github).await {
        Ok(github) => github.pushing(repository, branch).await,
        Err(rejection) => Pushing::NotTold(rejection.why),
    })
}
