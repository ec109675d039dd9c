//! What a plan does to files: the exact bytes, whom they reach, and what they rest on. The editor finds the places and judges its own work; here
//! is decided whether what it would do is what was asked for, and nothing beside it.

mod restored;

use std::collections::{BTreeMap, BTreeSet};

use similar::{ChangeTag, TextDiff};

use super::By;
use super::plan::{Expects, Precondition};
use super::refusal::{Place, Refusal};
use super::scene::Scene;
use super::tried;
use crate::base::{Raw, Safe};
use crate::domain::desired::Desired;
use crate::domain::fleet::{Fleet, Part, Placement};
use crate::domain::image::Image;
use crate::domain::{AppKey, EnvironmentName, PlacementName, ServiceName};
use crate::manifest::edit::{self, Edit};
use crate::manifest::prepared::{Branch, Facts, Prepared, Snapshot};
use crate::manifest::tree::{Inputs, Tree};
use crate::manifest::{Question, read};

/// New bytes of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// The file, from the root of the repository.
    pub file: Raw,
    /// The id of what lies there now.
    pub blob: Raw,
    /// All bytes that it has now.
    pub before: Vec<u8>,
    /// All bytes that it is to have.
    pub after: Vec<u8>,
    /// The edits that lead from the one to the other, in order. None where the whole file is what it was at an earlier revision; its `blob` is empty
    /// where nothing lies there now.
    pub edits: Vec<Edit>,
    /// The edits that lead back, in order. None where there are no edits: the bytes of now do.
    pub undo: Vec<Edit>,
}

/// A line that goes or comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1: in the file as it is for one that goes, as it will be for one that comes.
    pub number: usize,
    /// Whether it goes or comes.
    pub sign: Sign,
    /// Its text, without its end.
    pub text: Safe,
}

/// Whether a line goes or comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It goes.
    Goes,
    /// It comes.
    Comes,
}

impl FileEdit {
    /// How it is taken back, where it is changed as a whole.
    #[must_use]
    pub fn undone(&self) -> Safe {
        let file = self.file.shown();
        let blob = self.blob.as_wire().get(..10).unwrap_or(self.blob.as_wire());
        if self.blob.is_empty() {
            crate::safe!("{file}: git rm, it is not there now")
        } else {
            crate::safe!("{file}: its bytes of now, blob {}", Safe::clean(blob))
        }
    }

    /// The lines that go and come, in the order of the file.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let (before, after) = (String::from_utf8_lossy(&self.before), String::from_utf8_lossy(&self.after));
        let diff = TextDiff::from_lines(before.as_ref(), after.as_ref());
        let line = |change: similar::Change<&str>| {
            let (sign, index) = match change.tag() {
                ChangeTag::Equal => return None,
                ChangeTag::Delete => (Sign::Goes, change.old_index()?),
                ChangeTag::Insert => (Sign::Comes, change.new_index()?),
            };
            Some(Line { number: index + 1, sign, text: Safe::clean(change.value().trim_end_matches(['\n', '\r'])) })
        };
        diff.iter_all_changes().filter_map(line).collect()
    }
}

/// What a plan does to files.
pub(super) struct Edited {
    /// The branch, by its place among those that were read.
    pub(super) branch: usize,
    pub(super) files: Vec<FileEdit>,
    /// The applications that move.
    pub(super) moves: BTreeSet<AppKey>,
    /// Each image before and after, once.
    pub(super) images: Vec<(Image, Image)>,
    pub(super) preconditions: Vec<Precondition>,
    pub(super) remarks: Vec<Safe>,
    /// The files that are what they were, where a way back takes configuration along; with the revision that they are of, in full.
    pub(super) restored: BTreeMap<Raw, Raw>,
    /// What a person should know of them.
    pub(super) told: Vec<Safe>,
    /// Files that are not what they were and stay as they are, each with why.
    pub(super) stay: Vec<Safe>,
    /// Digests that git does not name, by repository and tag: those that ran where it was tried.
    pub(super) tried: BTreeMap<(Raw, Raw), Raw>,
}

impl Edited {
    /// An image with the digest that is expected of it.
    pub(super) fn expected(&self, image: &Image) -> Image {
        let tried = || self.tried.get(&(image.repository.clone(), image.tag.clone()?)).cloned();
        Image { digest: image.digest.clone().or_else(tried), ..image.clone() }
    }
}

/// Edits while they are found, each in what those before it left.
struct Desk<'d> {
    scene: &'d Scene<'d>,
    prepared: &'d Prepared,
    /// The branches with what was edited so far.
    laid: Vec<Snapshot>,
    edits: BTreeMap<(usize, Raw), Vec<Edit>>,
    /// Whether files of then take the place of those of now.
    restores: bool,
    /// Files that become what they were, with the revision that they are of.
    restored: BTreeMap<(usize, Raw), Raw>,
    told: Vec<Safe>,
    stay: Vec<Safe>,
    moves: BTreeSet<AppKey>,
    images: Vec<(Image, Image)>,
    inputs: Vec<(usize, Inputs)>,
    remarks: Vec<Safe>,
    tried: BTreeMap<(Raw, Raw), Raw>,
}

pub(super) fn edited(scene: &Scene<'_>, prepared: &Prepared) -> Result<Edited, Refusal> {
    if scene.by != Some(By::Configuration) {
        return edited_by(scene, prepared, false);
    }
    let restored = edited_by(scene, prepared, true)?;
    let bytes = |edited: &Edited| edited.files.iter().map(|file| (file.file.clone(), file.after.clone())).collect::<Vec<_>>();
    Ok(match edited_by(scene, prepared, false) {
        // Files that differ in nothing but the version are no configuration.
        Ok(alone) if bytes(&alone) == bytes(&restored) => Edited { told: vec![restored::nothing()], stay: restored.stay, ..alone },
        _ => restored,
    })
}

fn edited_by(scene: &Scene<'_>, prepared: &Prepared, restores: bool) -> Result<Edited, Refusal> {
    let laid = prepared.branches.iter().map(|branch| branch.files.clone()).collect();
    let (moves, images, inputs) = (BTreeSet::new(), Vec::new(), Vec::new());
    let mut desk = Desk {
        scene,
        prepared,
        laid,
        edits: BTreeMap::new(),
        restores,
        restored: BTreeMap::new(),
        told: Vec::new(),
        stay: Vec::new(),
        moves,
        images,
        inputs,
        remarks: Vec::new(),
        tried: BTreeMap::new(),
    };
    for (placement, part) in scene.parts() {
        desk.part(placement, part)?;
    }
    if desk.edits.is_empty() && desk.restored.is_empty() {
        return Err(nothing(scene));
    }
    desk.must_reach_no_other()?;
    desk.finish()
}

fn nothing(scene: &Scene<'_>) -> Refusal {
    let runs_it = |placement: &Placement| {
        placement.unversioned.is_none()
            && placement.versions.as_known().is_some_and(|versions| versions.iter().all(|version| version.text == scene.version.text))
    };
    let behind = scene.targets.iter().filter(|placement| !runs_it(placement)).map(|placement| scene.target(placement).shown()).collect();
    Refusal::Nothing { version: scene.version.text.shown(), to: scene.to.clone(), behind }
}

impl Desk<'_> {
    fn part(&mut self, placement: &Placement, part: &Part) -> Result<(), Refusal> {
        let (scene, app) = (self.scene, &part.app);
        let place = scene.target(placement);
        let changed = || Refusal::Changed(app.clone());
        let (application, desired) = scene.fleet.application(app).zip(scene.fleet.desired(app)).ok_or_else(changed)?;
        let facts = self.prepared.applications.get(app).filter(|facts| facts.origins == application.value.origins).ok_or_else(changed)?;
        if let Some((_, why)) = self.prepared.unread.iter().find(|(unread, _)| unread == app) {
            return Err(Refusal::NotUnderstood { place, why: why.clone() });
        }
        let question = Question { namespace: app.namespace.as_wire(), name: app.name.as_wire(), origins: &facts.origins, keys: &self.prepared.keys };
        let wanted = read(&question, &trees(facts, &self.laid));
        let images = wanted.images.map_err(|trouble| Refusal::NotUnderstood { place: place.clone(), why: trouble.why().clone() })?;
        let meant = scene.meant(placement, part, &images, &application.value);
        let meant = meant.map_err(|why| Refusal::WhichImage { place: place.clone(), why })?;
        let repositories: BTreeSet<&Raw> = meant.iter().map(|image| &image.repository).collect();
        let restored = self.restore(placement, app, (&question, facts))?;
        for repository in repositories {
            let (mut version, source) = scene.version_of(app, repository);
            let before: Vec<&Image> = meant.iter().copied().filter(|image| image.repository == *repository).collect();
            let is_pinned = before.iter().any(|image| image.digest.is_some());
            let tried = tried::digest(scene, (&place, repository, source), &mut version, is_pinned)?;
            let is_there = |image: &Image| version.is_said_by(image, repository.as_wire());
            if before.iter().all(|image| is_there(image)) {
                continue;
            }
            let name = version.name.as_ref().unwrap_or(repository);
            let mut said = restored.iter().filter(|image| image.repository == *name).peekable();
            if said.peek().is_some() && said.clone().all(is_there) {
                self.images(before, &said.cloned().collect::<Vec<_>>());
                self.moves.insert(app.clone());
                self.remark(repository, source, None);
                continue;
            }
            let moved = edit::moved(&question, &trees(facts, &self.laid), repository.as_wire(), &version);
            let moved = moved.map_err(|refused| refusal(&place, &desired.value, refused.why()))?;
            for edit in &moved.edits {
                let branch = self.branch(facts, edit.origin, app)?;
                self.edits.entry((branch, edit.file.clone())).or_default().push(edit.clone());
            }
            for changed in &moved.files {
                let branch = self.branch(facts, changed.origin, app)?;
                self.laid.get_mut(branch).into_iter().for_each(|laid| laid.lay(changed));
            }
            let inputs = facts.branches.iter().zip(moved.wanted.inputs);
            self.inputs.extend(inputs.filter_map(|(branch, inputs)| Some(((*branch)?, inputs))));
            let after: Vec<Image> = moved.wanted.images.unwrap_or_default().into_iter().filter(is_there).collect();
            self.images(before, &after);
            self.moves.insert(app.clone());
            let digest = tried.as_ref().and_then(|tried| tried.expected.clone()).zip(version.tag.clone());
            self.tried.extend(digest.map(|(digest, tag)| ((repository.clone(), tag), digest)));
            self.remark(repository, source, tried.map(|tried| tried.words));
        }
        Ok(())
    }

    /// Notes what images become.
    fn images(&mut self, before: Vec<&Image>, after: &[Image]) {
        for before in before {
            let pair = after.first().map(|after| (before.clone(), after.clone()));
            self.images.extend(pair.filter(|pair| !self.images.contains(pair)));
        }
    }

    /// The branch of an origin; refused where it takes no commit.
    fn branch(&self, facts: &Facts, origin: usize, app: &AppKey) -> Result<usize, Refusal> {
        let place = facts.branches.get(origin).copied().flatten().ok_or_else(|| Refusal::Changed(app.clone()))?;
        if self.prepared.branches.get(place).and_then(Branch::name).is_some() {
            return Ok(place);
        }
        let revision = facts.origins.get(origin).and_then(|origin| origin.target_revision.clone()).unwrap_or_default();
        Err(Refusal::Pinned { app: app.clone(), revision })
    }

    fn remark(&mut self, repository: &Raw, source: Option<&Image>, tried: Option<Safe>) {
        let from = self.scene.from.shown();
        let remark = match source {
            Some(image) if image.repository != *repository && self.scene.back.is_some() => {
                crate::safe!("the image comes from {} again, not from {}", image.repository.shown(), repository.shown())
            }
            Some(image) if image.repository != *repository => {
                crate::safe!("{from} takes its image from {}: whether {} has the same is not known", image.repository.shown(), repository.shown())
            }
            Some(image) if image.digest.is_none() => tried.unwrap_or_else(|| {
                let version = self.scene.version.text.shown();
                crate::safe!("no digest is named in {from}: whether {version} is still the image that ran there is not known")
            }),
            Some(_) => return,
            None => crate::safe!("whether {} has {} is not known", repository.shown(), self.scene.version.text.shown()),
        };
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// Refuses where a file that changes is rendered by anything that was not asked for.
    fn must_reach_no_other(&mut self) -> Result<(), Refusal> {
        let places = places(self.scene.fleet);
        let chosen: BTreeSet<&AppKey> = self.scene.parts().map(|(_, part)| &part.app).collect();
        let mut more = BTreeSet::new();
        for (branch, file) in self.edits.keys().chain(self.restored.keys()) {
            let Some(apps) = self.prepared.feeds.get(&(*branch, file.as_wire().to_owned())) else {
                return Err(Refusal::Reaches { file: file.clone(), others: vec![Safe::clean("what, is not known: plan again")] });
            };
            let (mut others, mut left_out) = (Vec::new(), Vec::new());
            for app in apps {
                if chosen.contains(app) {
                    more.insert(app.clone());
                    continue;
                }
                let seats = places.get(app).map(Vec::as_slice).unwrap_or_default();
                let is_ours = |(service, environment, _): &Seat<'_>| *service == self.scene.service && **environment == self.scene.to;
                if seats.is_empty() {
                    others.push(crate::safe!("{} (in no cell)", app.name.shown()));
                }
                for seat in seats {
                    let (service, environment, placement) = *seat;
                    let place = Place { environment: environment.clone(), placement: placement.clone() };
                    if is_ours(seat) { left_out.push(place.shown()) } else { others.push(crate::safe!("{} in {}", service.shown(), place.shown())) }
                }
            }
            if !others.is_empty() {
                return Err(Refusal::Reaches { file: file.clone(), others });
            }
            if !left_out.is_empty() {
                return Err(Refusal::MoveTogether { file: file.clone(), others: left_out });
            }
        }
        self.moves.extend(more);
        Ok(())
    }

    fn finish(self) -> Result<Edited, Refusal> {
        let changed: BTreeSet<&(usize, Raw)> = self.edits.keys().chain(self.restored.keys()).collect();
        let branches: BTreeSet<usize> = changed.iter().map(|(branch, _)| *branch).collect();
        let branches: Vec<usize> = branches.into_iter().collect();
        let [branch] = *branches.as_slice() else {
            let named = |place: &usize| {
                self.prepared.branches.get(*place).map(|branch| crate::safe!("{} of {}", branch.name().unwrap_or("?"), branch.repository.shown()))
            };
            return Err(Refusal::SeveralBranches(branches.iter().filter_map(named).collect()));
        };
        let bytes = |snapshot: Option<&Snapshot>, file: &Raw| snapshot.and_then(|snapshot| snapshot.bytes(file.as_wire()));
        let mut files = Vec::new();
        let read = self.prepared.branches.get(branch).map(|branch| &branch.files);
        for key in changed {
            let (file, edits) = (key.1.clone(), self.edits.get(key).cloned().unwrap_or_default());
            let blob = read.and_then(|read| read.file(file.as_wire())).flatten().map(|found| found.blob.clone()).unwrap_or_default();
            let (before, after) = (bytes(read, &file).unwrap_or_default(), bytes(self.laid.get(branch), &file).unwrap_or_default());
            let undo = edit::inverse(&edits);
            // A change that could not be taken back to the byte is none to make.
            let is_edited = || edit::put(&before, &edits).as_ref() == Ok(&after) && edit::put(&after, &undo).as_ref() == Ok(&before);
            let is_whole = edits.is_empty() && self.restored.contains_key(key);
            if !is_whole && !is_edited() {
                let why = crate::safe!("{} could not be taken back to the byte: edit it by hand", file.shown());
                return Err(Refusal::Editor { place: Place { environment: self.scene.to.clone(), placement: PlacementName::default() }, why });
            }
            files.push(FileEdit { file, blob, before, after, edits, undo });
        }
        let preconditions = preconditions(self.prepared, &self.inputs);
        let restored = self.restored.into_iter().map(|((_, file), revision)| (file, revision)).collect();
        Ok(Edited {
            branch,
            files,
            moves: self.moves,
            images: self.images,
            preconditions,
            remarks: self.remarks,
            restored,
            told: self.told,
            stay: self.stay,
            tried: self.tried,
        })
    }
}

/// What lies at every path that the plan depends on, each once.
fn preconditions(prepared: &Prepared, inputs: &[(usize, Inputs)]) -> Vec<Precondition> {
    let mut found = BTreeSet::new();
    for (place, inputs) in inputs {
        let Some(branch) = prepared.branches.get(*place) else { continue };
        let must = |path: &str, expects: Expects| Precondition {
            repository: branch.repository.clone(),
            branch: branch.reference.clone(),
            path: Raw::from(path),
            expects,
        };
        for (path, blob) in branch.files.depended_on(inputs) {
            found.insert(must(path, blob.map_or(Expects::Nothing, |blob| Expects::Blob(blob.clone()))));
        }
        for folder in &inputs.folders {
            let names = branch.files.listing(folder).flatten().unwrap_or_default().iter().map(|entry| Raw::from(entry.name.as_str()));
            found.insert(must(folder, Expects::Names(names.collect())));
        }
    }
    found.into_iter().collect()
}

/// The editor's sentence, or what it means: that something else than the files wins.
fn refusal(place: &Place, desired: &Desired, why: &Safe) -> Refusal {
    let by = desired.overridden.as_ref().filter(|by| by.as_str().split(", ").any(|by| why.as_str().contains(by)));
    let place = place.clone();
    if by.is_some() { Refusal::Overridden { place, why: why.clone() } } else { Refusal::Editor { place, why: why.clone() } }
}

fn trees<'t>(facts: &Facts, laid: &'t [Snapshot]) -> Vec<Option<&'t dyn Tree>> {
    facts.branches.iter().map(|place| place.and_then(|place| laid.get(place)).map(|tree| tree as &dyn Tree)).collect()
}

/// A service in a placement.
type Seat<'f> = (&'f ServiceName, &'f EnvironmentName, &'f PlacementName);

/// Where each application is. One may carry several services.
fn places(fleet: &Fleet) -> BTreeMap<&AppKey, Vec<Seat<'_>>> {
    let mut places: BTreeMap<&AppKey, Vec<Seat<'_>>> = BTreeMap::new();
    for (service, cells) in fleet.services() {
        for (index, cell) in &cells.cells {
            let Some(environment) = fleet.landscape().environments.get(*index) else { continue };
            for placement in &cell.placements {
                for part in &placement.parts {
                    places.entry(&part.app).or_default().push((service, &environment.name, &placement.name));
                }
            }
        }
    }
    places
}

/// What git wants of a target now, in words.
pub(super) fn wants(placement: &Placement) -> Safe {
    let versions = placement.wanted.as_ref().and_then(|wanted| wanted.versions.as_known());
    let texts: Vec<String> = versions.into_iter().flatten().map(|version| version.text.shown().to_string()).collect();
    if texts.is_empty() { Safe::clean("?") } else { Safe::clean(&texts.join("+")) }
}
