//! What the files of an application were at an earlier revision, beside what they are now: those that differ, to the byte, with the commits that changed
//! them. Everything that either of the two depends on is kept as it is now as well, so that a mixture of both can be judged without this repository.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use git2::{Commit, Oid, Repository};

use super::{Desk, Recording, since};
use crate::base::{Raw, Safe};
use crate::domain::Known;
use crate::gitops::log::Left;
use crate::gitops::trees::Plain;
use crate::manifest::prepared::{File, Revision, Subject, Then, Was};
use crate::manifest::tree::{Inputs, Tree, joined};
use crate::manifest::{self, Question, objects};

/// More files below the folders of a chart are not compared.
const MOST_FILES: usize = 2_000;

impl Desk<'_> {
    /// What the files of an application were. `touched`: for each origin what it depends on now.
    pub(super) fn then(&self, subject: &Subject, places: &[Option<usize>], touched: &[Inputs]) -> Result<Known<Then>, Safe> {
        let commits = self.commits(subject, places)?;
        let at = |place: &Option<usize>| place.and_then(|place| self.tree(Some(place), Some(*commits.get(&place)?)));
        let trees: Vec<Option<Plain<'_>>> = places.iter().map(at).collect();
        let read: Vec<Option<&dyn Tree>> = trees.iter().map(|tree| tree.as_ref().map(|tree| tree as &dyn Tree)).collect();
        let (namespace, name) = (subject.app.namespace.as_wire(), subject.app.name.as_wire());
        let wanted = manifest::read(&Question { namespace, name, origins: &subject.origins, keys: self.keys }, &read);
        let images = wanted.images.map_err(|trouble| trouble.why().clone())?;
        let mut paths: BTreeSet<(usize, String)> = BTreeSet::new();
        for ((place, then), (before, now)) in places.iter().zip(&trees).zip(wanted.inputs.iter().zip(touched)) {
            let (Some(place), Some(then)) = (*place, then) else { continue };
            let Some(tip) = self.tree(Some(place), None) else { continue };
            let seen = self.branches.get(place).map(|known| &known.seen);
            let tip = Recording { tree: tip, seen };
            let listed = before.folders.iter().cloned().chain(before.files.iter().filter_map(|path| Some(path.rsplit_once('/')?.0.to_owned())));
            listed.for_each(|folder| drop(tip.folder(&folder)));
            let mut all: Vec<String> = before.files.iter().cloned().collect();
            for path in now.files.iter().cloned().chain(objects::beside(then, before)) {
                files(&[&tip.tree, then], &path, &mut all)?;
            }
            for path in all {
                tip.note(&path);
                paths.insert((place, path));
            }
        }
        let mut found = Vec::new();
        for (place, path) in paths {
            found.extend(self.was(place, path, &commits)?);
        }
        let commits = commits.into_iter().map(|(place, commit)| (place, Raw::from(commit.to_string()))).collect();
        Ok(Known::Known(Then { asked: subject.then.clone(), commits, images, files: found }))
    }

    /// The commit of then for each branch.
    fn commits(&self, subject: &Subject, places: &[Option<usize>]) -> Result<BTreeMap<usize, Oid>, Safe> {
        let mut found = BTreeMap::new();
        for (number, place) in places.iter().enumerate() {
            let Some((place, known)) = place.and_then(|place| Some((place, self.branches.get(place)?))) else { continue };
            let Some(git) = self.repositories.get(known.repository).map(|read| read.git) else { continue };
            let asked = subject.then.get(number).ok_or_else(|| Safe::clean("the revision that was deployed then is not known"))?;
            let commit = resolved(git, asked)?;
            let tip = known.tip.commit;
            if commit != tip && !git.graph_descendant_of(tip, commit).map_err(|error| Safe::clean(error.message()))? {
                return Err(crate::safe!("the revision of then, {commit:.7}, is not on the branch any more"));
            }
            if found.insert(place, commit).is_some_and(|other| other != commit) {
                return Err(Safe::clean("it was deployed from two revisions of one repository then"));
            }
        }
        Ok(found)
    }

    /// A file where it is not what it was.
    fn was(&self, place: usize, path: String, commits: &BTreeMap<usize, Oid>) -> Result<Option<Was>, Safe> {
        let Some((known, then)) = self.branches.get(place).zip(commits.get(&place).copied()) else { return Ok(None) };
        let Some(git) = self.repositories.get(known.repository).map(|read| read.git) else { return Ok(None) };
        let Some((before, now)) = self.tree(Some(place), Some(then)).zip(self.tree(Some(place), None)) else { return Ok(None) };
        let lay = |tree: &Plain<'_>| tree.left(&path).filter(|left| *left != Left::Nothing);
        let was = lay(&before);
        if was == lay(&now) {
            return Ok(None);
        }
        let file = was.map(|was| match was {
            Left::File(id) => {
                let bytes = before.bytes(&path).map(Arc::from).ok_or_else(|| Safe::clean("too large for a manifest"));
                File { blob: Raw::from(id.to_string()), bytes }
            }
            Left::Other | Left::Nothing => {
                File { blob: Raw::default(), bytes: Err(Safe::clean("a symbolic link or a submodule, which is not followed")) }
            }
        });
        let inputs = Inputs { files: BTreeSet::from([path.clone()]), folders: BTreeSet::new() };
        let commits = since(git, then, known.tip.commit, &inputs).map_err(|error| Safe::clean(error.message()))?;
        let since = commits.ok_or_else(|| Safe::clean("too many commits came since then"))?;
        Ok(Some(Was { branch: place, path, file, since }))
    }
}

fn resolved(git: &Repository, asked: &Revision) -> Result<Oid, Safe> {
    let parent = |commit: &Commit<'_>| commit.parent_id(0).map_err(|error| Safe::clean(error.message()));
    let missing = |named: &Raw| crate::safe!("the revision of then, {}, is not in the repository any more", named.shown());
    let commit = |named: &Raw| Oid::from_str(named.as_wire()).and_then(|id| git.find_commit(id)).ok().ok_or_else(|| missing(named));
    let before = asked.before.as_ref().and_then(|named| commit(named).ok());
    match (&asked.at, before) {
        (Some(at), before) => {
            let at_commit = commit(at)?;
            let is_in = |other: Oid| other == at_commit.id() || git.graph_descendant_of(at_commit.id(), other).unwrap_or(true);
            match before.filter(|before| is_in(before.id())) {
                Some(before) => parent(&before),
                None => Ok(at_commit.id()),
            }
        }
        (None, Some(before)) => parent(&before),
        (None, None) => Err(asked.before.as_ref().map_or_else(|| Safe::clean("the revision that was deployed then is not known"), missing)),
    }
}

/// The file at a path, or the files below it where it is a folder in one of the trees.
fn files(trees: &[&Plain<'_>], path: &str, found: &mut Vec<String>) -> Result<(), Safe> {
    if found.len() > MOST_FILES {
        return Err(crate::safe!("more than {MOST_FILES} files would have to be compared, {} among them", Safe::clean(path)));
    }
    let names: BTreeSet<String> = trees.iter().filter_map(|tree| tree.folder(path)).flatten().map(|entry| entry.name).collect();
    let mut below = names.iter().filter_map(|name| joined(path, name)).peekable();
    if below.peek().is_none() {
        found.push(path.to_owned());
    }
    below.try_for_each(|path| files(trees, &path, found))
}
