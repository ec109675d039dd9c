//! The plan of a request: everything that it would change, what that rests on, and how it is taken back. It is data: it can be shown, compared with
//! the plan of a moment later, and carried out by somebody else.

use super::brings::{self, Hook, Left, Reset};
use super::brought::Beside;
use super::direction::Direction;
use super::earlier::Back;
use super::edits::{self, Edited, FileEdit};
use super::message;
use super::mutation::{Commit, Mutation, Sync, Target};
use super::refusal::Place;
use super::rendering::{self, Rendered};
use super::scene::{Scene, is_ahead};
use super::{By, LIFETIME, Read, Refusal, Request, argocd, deployed, held, merging, proposal, waves, writers};
use crate::base::time::later;
use crate::base::{Raw, Safe, Timestamp};
use crate::domain::desired;
use crate::domain::fleet::{Fleet, Placement};
use crate::domain::image::Image;
use crate::domain::{AppKey, ClusterName, EnvironmentName, Known, Namespace, ServiceName, SourceId, SourceKind};
use crate::manifest::prepared::Prepared;
use crate::manifest::rendered::Wish;

/// What would be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What was wished for.
    pub request: Request,
    /// Whether it leads toward risk or toward safety: what may stand in its way depends on that.
    pub direction: Direction,
    /// The service.
    pub service: ServiceName,
    /// From where, where it comes from somewhere.
    pub from: Option<EnvironmentName>,
    /// Where.
    pub to: EnvironmentName,
    /// The version that is to run.
    pub version: Safe,
    /// The images that are to run, with their digests where they were promised; none where the plan is about none.
    pub images: Vec<Image>,
    /// What happens, in order: what is sent, then what is waited for.
    pub steps: Vec<Step>,
    /// The placements that move.
    pub moves: Vec<Moves>,
    /// What is planned for the placements that come after this is verified, in order: confirmed with it, made anew then, and carried out only where it is
    /// still the same. None but in a plan in waves.
    pub waves: Vec<Self>,
    /// What else the next sync of each application brings.
    pub carried: Vec<Carried>,
    /// What renderers make of it.
    pub rendered: Rendered,
    /// The sources that it rests on, with when each was last known to be current.
    pub rests_on: Vec<Fresh>,
    /// What a person should know.
    pub remarks: Vec<Safe>,
    /// What nobody knows.
    pub not_known: Vec<Safe>,
    /// Until when it is worth something.
    pub expires: Timestamp,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Something is sent.
    Send(Mutation),
    /// Something is waited for, and watched.
    Await(Await),
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Await {
    /// What was proposed is merged into this branch, by whoever may.
    Merged(Raw),
    /// Argo CD syncs these: by itself, or because it was asked to.
    Synced(Vec<AppKey>),
    /// The version is seen healthy in these.
    Verified(Vec<Place>),
}

/// A placement that moves.
#[derive(Debug, Clone, PartialEq)]
pub struct Moves {
    /// Where.
    pub place: Place,
    /// What git wants of it now.
    pub wants: Safe,
    /// What runs now.
    pub runs: Safe,
    /// Its applications.
    pub apps: Vec<AppKey>,
    /// Its cluster.
    pub cluster: Known<ClusterName>,
    /// Its namespace.
    pub namespace: Namespace,
}

/// What else the next sync of an application brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// The application.
    pub app: AppKey,
    /// Commits that touch what it depends on, since it was synced last, newest first.
    pub commits: Known<Vec<desired::Commit>>,
    /// What runs with it.
    pub hooks: Known<Vec<Hook>>,
    /// Objects that git has no more.
    pub left: Known<Vec<Left>>,
    /// Workloads that it sets to another number of pods than is wanted now.
    pub resets: Vec<Reset>,
}

/// What must still lie at a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precondition {
    /// The name of the source that reads the repository.
    pub repository: Raw,
    /// The reference in full; `None`: a commit, which does not change.
    pub branch: Option<Raw>,
    /// The path from the root.
    pub path: Raw,
    /// What lies there.
    pub expects: Expects,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expects {
    /// A file with this content.
    Blob(Raw),
    /// Nothing.
    Nothing,
    /// A folder with these names in it.
    Names(Vec<Raw>),
}

/// How current a source is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fresh {
    /// The source.
    pub source: SourceId,
    /// When what it said was last known to be current; `None`: not known.
    pub seen: Option<Timestamp>,
}

/// The words of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The first line.
    pub subject: Safe,
    /// Sentences below it.
    pub body: Vec<Safe>,
    /// Trailers, name and value, in order. Whoever carries the plan out adds the id of the operation.
    pub trailers: Vec<(&'static str, Safe)>,
}

impl Message {
    /// The whole text, as git keeps it.
    #[must_use]
    pub fn text(&self) -> String {
        let body = self.body.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let trailers = self.trailers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n");
        let paragraphs = [self.subject.to_string(), body, trailers];
        let text = paragraphs.iter().filter(|paragraph| !paragraph.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n\n");
        format!("{text}\n")
    }
}

impl Plan {
    /// This, and what comes after it is verified, in order.
    pub fn in_waves(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.waves)
    }

    /// What is sent, in order.
    pub fn mutations(&self) -> impl Iterator<Item = &Mutation> {
        self.steps.iter().filter_map(|step| if let Step::Send(mutation) = step { Some(mutation) } else { None })
    }

    /// What is still to be rendered for it.
    #[must_use]
    pub fn unrendered(&self) -> &[Wish] {
        if let Rendered::Wanted(wishes) = &self.rendered { wishes } else { &[] }
    }

    /// Whether its effect is watched after everything was sent.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Await(_)))
    }

    /// The commit, where there is one.
    #[must_use]
    pub fn commit(&self) -> Option<&Commit> {
        self.mutations().find_map(|mutation| if let Mutation::Commit(commit) = mutation { Some(&**commit) } else { None })
    }

    /// The source that reads the repository which changes, where one does.
    #[must_use]
    pub fn repository(&self) -> Option<&Raw> {
        let named = self.mutations().find_map(|mutation| match mutation {
            Mutation::Commit(commit) => Some(&commit.repository),
            Mutation::Merge(merging) => Some(&merging.repository),
            _ => None,
        });
        named.filter(|name| !name.is_empty())
    }

    /// The files that change, with their bytes.
    #[must_use]
    pub fn files(&self) -> &[FileEdit] {
        self.commit().map_or(&[], |commit| &commit.files)
    }

    /// What must still lie in the repository when it is carried out.
    #[must_use]
    pub fn preconditions(&self) -> &[Precondition] {
        self.commit().map_or(&[], |commit| &commit.preconditions)
    }
}

/// Plans a request.
///
/// # Errors
///
/// Why there is no plan. No bytes are ever given where a source that they would rest on is not current.
pub fn plan(request: &Request, fleet: &Fleet, read: &Read, now: Timestamp) -> Result<Plan, Refusal> {
    match request {
        Request::Canary { .. } => return held::plan(request, fleet, read, now),
        Request::Merge { .. } => return merging::plan(request, fleet, read, now),
        Request::Argocd { .. } => return argocd::plan(request, fleet, (&read.files, &read.scalers), now),
        Request::Promote { waves: true, .. } => return waves::plan(request, fleet, read, now),
        Request::Promote { .. } | Request::Return { .. } => {}
    }
    let prepared = &read.files;
    let scene = Scene::of(request, fleet, now)?;
    if scene.by == Some(By::History) {
        return deployed::plan(request, &scene, now);
    }
    scene.must_be_read_lately(prepared, now)?;
    let edited = edits::edited(&scene, prepared)?;
    let branch = prepared.branches.get(edited.branch);
    let repository = branch.map(|branch| branch.repository.clone()).unwrap_or_default();
    let name = branch.and_then(|branch| branch.name()).map(Raw::from).unwrap_or_default();
    let moving: Vec<&Placement> =
        scene.targets.iter().copied().filter(|target| target.parts.iter().any(|part| edited.moves.contains(&part.app))).collect();
    let commit = Commit {
        repository,
        branch: name,
        beside: fleet.landscape().environment(&scene.to).is_some_and(|environment| environment.guard.pull_request),
        head: branch.map(|branch| branch.head.clone()).unwrap_or_default(),
        message: message::of(&scene, &edited),
        files: edited.files.clone(),
        preconditions: edited.preconditions.clone(),
    };
    let beside = Beside::of(&scene, &edited, &moving, read)?;
    let (steps, proposed) = if commit.beside {
        proposal::steps(&scene, &edited, &moving, commit, &beside, read)?
    } else {
        (steps(&scene, &edited, &moving, commit, &beside), Vec::new())
    };
    let rendered = Rendered::of(rendering::wishes(&scene, &edited, prepared), &read.rendered);
    let brings = |app: &AppKey| brings::carried(fleet, scene.parts().map(|(_, part)| part), (prepared, &read.scalers), (app, rendered.of_app(app)));
    let carried: Vec<Carried> = edited.moves.iter().map(brings).collect();
    let mut more = rendered.more(&edited.images);
    more.extend((!edited.restored.is_empty()).then(|| Safe::clean("it takes configuration back, which is more than the version")));
    let mut remarks = remarks(&scene, &edited, &moving, now);
    let risks = scene.risks(&carried, &more).into_iter().map(|why| crate::safe!("this way back leads toward risk: {why}"));
    remarks.splice(0..0, beside.words.into_iter().chain(proposed).chain(risks));
    Ok(Plan {
        request: request.clone(),
        direction: scene.direction(&carried, &more),
        service: scene.service.clone(),
        from: scene.back.is_none().then(|| scene.from.clone()),
        to: scene.to.clone(),
        version: scene.version.text.shown(),
        images: edited.images.iter().map(|(_, after)| edited.expected(after)).collect(),
        steps,
        waves: Vec::new(),
        moves: moving.iter().map(|placement| Moves::of(placement, scene.target(placement))).collect(),
        not_known: not_known(&scene, prepared, &edited, (&carried, &rendered)),
        carried,
        rendered,
        rests_on: rests_on(&scene, prepared),
        remarks,
        expires: later(prepared.at.min(now), LIFETIME),
    })
}

/// What goes before the commit, the commit, then Argo CD is told to look, and asked to sync where it does not by itself; the rest is waited for.
fn steps(scene: &Scene<'_>, edited: &Edited, moving: &[&Placement], commit: Commit, beside: &Beside) -> Vec<Step> {
    let mut steps: Vec<Step> = sent(&beside.before).collect();
    steps.push(Step::Send(Mutation::Commit(Box::new(commit))));
    steps.extend(edited.moves.iter().map(|app| Step::Send(brought(scene.fleet, app))));
    steps.extend(sent(&beside.after));
    steps.extend(awaited(scene, edited, moving));
    steps
}

/// Argo CD is told to look, and asked to sync where it does not by itself.
pub(super) fn brought(fleet: &Fleet, app: &AppKey) -> Mutation {
    let target = Target::of(fleet, app);
    if fleet.application(app).is_some_and(|entry| entry.value.automation.enabled) {
        Mutation::Refresh(target)
    } else {
        Mutation::Sync(Sync { target, revision: None, prune: false })
    }
}

/// Requests as steps.
pub(super) fn sent(requests: &[Mutation]) -> impl Iterator<Item = Step> {
    requests.iter().cloned().map(Step::Send)
}

/// What is waited for once the commit is on its branch.
pub(super) fn awaited(scene: &Scene<'_>, edited: &Edited, moving: &[&Placement]) -> [Step; 2] {
    [
        Step::Await(Await::Synced(edited.moves.iter().cloned().collect())),
        Step::Await(Await::Verified(moving.iter().map(|placement| scene.target(placement)).collect())),
    ]
}

impl Moves {
    pub(super) fn of(placement: &Placement, place: Place) -> Self {
        Self {
            place,
            wants: edits::wants(placement),
            runs: placement.version_text().unwrap_or_else(|| Safe::clean("?")),
            apps: placement.parts.iter().map(|part| part.app.clone()).collect(),
            cluster: placement.cluster.clone(),
            namespace: placement.namespace.clone(),
        }
    }
}

/// Every source that said something which the plan rests on.
pub(super) fn rests_on(scene: &Scene<'_>, prepared: &Prepared) -> Vec<Fresh> {
    let mut found: Vec<Fresh> = Vec::new();
    let mut note = |source: SourceId, seen: Option<Timestamp>| match found.iter_mut().find(|fresh| fresh.source == source) {
        Some(fresh) => fresh.seen = fresh.seen.min(seen),
        None => found.push(Fresh { source, seen }),
    };
    for part in scene.sources.iter().chain(&scene.targets).flat_map(|placement| &placement.parts) {
        note(SourceId::argocd(&part.app.argocd), scene.fleet.application_seen_at(&part.app));
        for workload in part.workloads.as_known().into_iter().flatten() {
            let source = SourceId::cluster(&workload.cluster);
            let seen = scene.fleet.sources().get(&source).and_then(|source| source.heard_at);
            note(source, seen);
        }
    }
    for branch in &prepared.branches {
        note(SourceId::repository(branch.repository.clone()), Some(prepared.at));
    }
    found.sort();
    found
}

fn remarks(scene: &Scene<'_>, edited: &Edited, moving: &[&Placement], now: Timestamp) -> Vec<Safe> {
    let mut remarks = Vec::new();
    if scene.fleet.landscape().read_only {
        remarks.push(Safe::clean("environments are guessed by their names, so nothing is carried out: tiphys init writes down what leads where"));
    }
    if scene.is_hotfix {
        remarks.push(crate::safe!("{} never had {}: it was not tried there", scene.from.shown(), scene.version.text.shown()));
    }
    remarks.extend(scene.back.as_ref().map(|back| went_back(back, edited)).unwrap_or_default());
    for source in scene.sources.iter().filter(|source| source.incoming.is_some() || source.open_canary().is_some()) {
        let coming = source.incoming.as_ref().map_or_else(|| Safe::clean("another version"), |version| version.text.shown());
        remarks.push(crate::safe!("{} is on its way to {coming}, which is not what is promoted", scene.from.shown()));
    }
    for placement in moving {
        let place = scene.target(placement).shown();
        if scene.back.is_none() && is_ahead(placement) {
            remarks.push(crate::safe!("{} never had {}, which git wants in {place} now", scene.from.shown(), edits::wants(placement)));
        }
        if placement.open_canary().is_some() {
            remarks.push(crate::safe!("a change is under way in {place}: a new version takes its place"));
        }
        if placement.syncing {
            remarks.push(crate::safe!("Argo CD is syncing {place} now: it takes the new commit afterwards"));
        }
        if let Some(commit) = placement.wanted.as_ref().and_then(|wanted| wanted.commit.as_ref()) {
            remarks.push(crate::safe!("{place} has {} since {:.0}, by {} ({})", edits::wants(placement), commit.at, commit.author, commit.short()));
        }
    }
    remarks.extend(writers::lately(scene, moving, now));
    for app in &edited.moves {
        let Some(application) = scene.fleet.application(app).map(|entry| &entry.value) else { continue };
        if !application.automation.enabled {
            let what = if scene.back.is_some() { "way back" } else { "promotion" };
            remarks.push(crate::safe!("auto-sync of {} is off: this {what} syncs it", app.name.shown()));
        }
        if application.deleting {
            remarks.push(crate::safe!("{} is being deleted", app.name.shown()));
        }
    }
    remarks.extend(edited.remarks.iter().cloned());
    remarks
}

/// What a person should know of a way back: when the version was there, and what does not go back with it.
fn went_back(back: &Back, edited: &Edited) -> Vec<Safe> {
    let mut remarks = Vec::new();
    for time in back.times.iter().filter(|time| edited.moves.contains(&time.app)) {
        remarks.push(time.words());
        remarks.extend(time.warning());
    }
    remarks.extend(edited.told.iter().chain(&edited.stay).cloned());
    remarks.push(Safe::clean(if edited.restored.is_empty() {
        "only the image goes back: configuration, secrets and data stay as they are now"
    } else {
        "what these files do not say, secrets kept elsewhere and data among it, stays as it is now"
    }));
    remarks
}

fn not_known(scene: &Scene<'_>, prepared: &Prepared, edited: &Edited, (carried, rendered): (&[Carried], &Rendered)) -> Vec<Safe> {
    let mut found = vec![Safe::clean("applications of Argo CD instances that are not read here, which may render the same files")];
    found.extend(rendered.not_known());
    let instances = scene.fleet.sources().iter().filter(|(id, _)| id.kind == SourceKind::Argocd);
    for (id, _) in instances.filter(|(_, source)| source.worst().is_none_or(|(_, status)| !status.state.is_live())) {
        found.push(crate::safe!("whether applications of argocd {} render the same files: not all of it is read now", id.name.shown()));
    }
    let sources = scene.sources.iter().map(|placement| (scene.source(placement), *placement));
    for (place, placement) in sources.chain(scene.targets.iter().map(|placement| (scene.target(placement), *placement))) {
        if let Some(why) = placement.parts.iter().find_map(|part| if let Known::Unknown(why) = &part.workloads { Some(why) } else { None }) {
            found.push(crate::safe!("what the cluster says of {}, Argo CD alone is believed: {why}", place.shown()));
        }
    }
    for carried in carried {
        let app = carried.app.name.shown();
        if let Known::Unknown(why) = &carried.commits {
            found.push(crate::safe!("what else the sync of {app} brings: {why}"));
        }
        if let Known::Unknown(why) = &carried.hooks {
            found.push(crate::safe!("which hooks the sync of {app} runs: {why}"));
        }
        if let Known::Unknown(why) = &carried.left
            && carried.commits.as_known().is_some()
        {
            found.push(crate::safe!("what the sync of {app} deletes: {why}"));
        }
    }
    if scene.back.is_some() {
        found.push(crate::safe!("whether {} was healthy then: nobody kept that", scene.version.text.shown()));
    }
    for (app, why) in prepared.unread.iter().filter(|(app, _)| !edited.moves.contains(app)) {
        found.push(crate::safe!("whether {} renders a file that changes: {why}", app.name.shown()));
    }
    found
}
