//! What a plan needs to know of repositories, read at the heads of their branches: the bytes of every file that matters, which applications render
//! it, and what others committed since an application was synced last. It changes nothing and knows no plan.

mod then;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use git2::{DiffOptions, Oid, Repository, Sort};

use crate::base::{Raw, Safe, Timestamp};
use crate::domain::AppKey;
use crate::domain::application::Origin;
use crate::domain::desired::{Address, Commit, ValueKeys};
use crate::domain::health::{Known, Why};
use crate::gitops::history::in_words;
use crate::gitops::log::Left;
use crate::gitops::mirror::{self, Mirror};
use crate::gitops::trees::{Files, Plain};
use crate::manifest::objects::{self, Found, Object};
use crate::manifest::prepared::{Asked, Branch, Facts, File, Prepared, Snapshot, Subject};
use crate::manifest::tree::{Entry, Inputs, Tree, Trouble};
use crate::manifest::yaml::{Flaw, Node};
use crate::manifest::{self, Question, Wanted};

/// How many commits since the last sync are looked at.
const MOST_WALKED: usize = 2_000;

/// A repository that is read.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The name of its source.
    pub name: Raw,
    /// Its mirror.
    pub mirror: Mirror,
    /// What means it.
    pub addresses: Vec<Address>,
}

/// Reads what a plan needs, at the heads that the mirrors have now. It blocks.
///
/// # Errors
///
/// Where a mirror cannot be read at all. What is wrong with a single application is part of the answer.
pub fn prepare(asked: &Asked, repositories: &[Opened], keys: &ValueKeys, at: Timestamp) -> Result<Prepared, git2::Error> {
    let opened = repositories.iter().map(|repository| repository.mirror.open()).collect::<Result<Vec<_>, _>>()?;
    let read: Vec<Read<'_>> = opened
        .iter()
        .zip(repositories)
        .map(|(git, repository)| Read { git, files: Files::new(git), name: &repository.name, addresses: &repository.addresses })
        .collect();
    let mut desk = Desk { repositories: &read, keys, branches: Vec::new() };
    let mut prepared = Prepared { at, keys: keys.clone(), ..Prepared::default() };
    let mut editable: BTreeSet<(usize, String)> = BTreeSet::new();
    for subject in &asked.subjects {
        let (facts, inputs, trouble) = desk.subject(subject);
        for (place, inputs) in facts.branches.iter().zip(&inputs) {
            editable.extend(place.iter().flat_map(|place| inputs.files.iter().map(|path| (*place, path.clone()))));
        }
        prepared.unread.extend(trouble.map(|why| (subject.app.clone(), why)));
        prepared.applications.insert(subject.app.clone(), facts);
    }
    editable.retain(|(place, path)| desk.branches.get(*place).is_some_and(|known| known.is_file(path)));
    let then = prepared.applications.values().filter_map(|facts| facts.then.as_ref()?.as_known());
    editable.extend(then.flat_map(|then| &then.files).map(|was| (was.branch, was.path.clone())));
    let is_wide = asked.subjects.iter().any(|subject| !subject.then.is_empty());
    let mut feeds: BTreeMap<(usize, String), BTreeSet<AppKey>> = editable.into_iter().map(|file| (file, BTreeSet::new())).collect();
    let subjects = asked.subjects.iter().map(|subject| (&subject.app, &subject.origins));
    for (app, origins) in subjects.chain(asked.others.iter().map(|(app, origins)| (app, origins))) {
        let trouble = desk.feeds(app, origins, &mut feeds, is_wide);
        if !prepared.applications.contains_key(app) {
            prepared.unread.extend(trouble.map(|why| (app.clone(), why)));
        }
    }
    prepared.feeds = feeds;
    prepared.branches = desk.branches.into_iter().map(|known| known.told(&read)).collect();
    Ok(prepared)
}

/// A repository while it is read.
struct Read<'r> {
    git: &'r Repository,
    files: Files<'r>,
    name: &'r Raw,
    addresses: &'r [Address],
}

/// A branch as far as it was looked at.
struct At {
    repository: usize,
    tip: mirror::Resolved,
    seen: RefCell<Snapshot>,
}

impl At {
    fn is_file(&self, path: &str) -> bool {
        matches!(self.seen.borrow().file(path), Some(Some(File { bytes: Ok(_), .. })))
    }

    fn told(self, repositories: &[Read<'_>]) -> Branch {
        Branch {
            repository: repositories.get(self.repository).map(|read| read.name.clone()).unwrap_or_default(),
            reference: self.tip.reference.map(Raw::from),
            head: Raw::from(self.tip.commit.to_string()),
            files: self.seen.into_inner(),
        }
    }
}

struct Desk<'d> {
    repositories: &'d [Read<'d>],
    keys: &'d ValueKeys,
    branches: Vec<At>,
}

impl Desk<'_> {
    /// For each origin the place of its branch, and what is wrong with those that name none.
    fn places(&mut self, origins: &[Origin]) -> (Vec<Option<usize>>, Option<Safe>) {
        let mut trouble = None;
        let mut places = Vec::new();
        for origin in origins {
            let address = Address::read(origin.repository.as_wire());
            let repository = self.repositories.iter().position(|read| origin.chart.is_none() && read.addresses.contains(&address));
            let found = repository.and_then(|index| Some((index, self.repositories.get(index)?)));
            places.push(found.and_then(|(index, read)| match mirror::resolve(read.git, origin.target_revision.as_ref().map(Raw::as_wire)) {
                Ok(tip) => Some(self.place(index, tip)),
                Err(why) => {
                    trouble = trouble.take().or(Some(why));
                    None
                }
            }));
        }
        (places, trouble)
    }

    fn place(&mut self, repository: usize, tip: mirror::Resolved) -> usize {
        if let Some(place) = self.branches.iter().position(|known| known.repository == repository && known.tip == tip) {
            return place;
        }
        self.branches.push(At { repository, tip, seen: RefCell::default() });
        self.branches.len() - 1
    }

    /// Reads an application. `keeps`: everything that is looked at is kept.
    fn read(&self, app: &AppKey, origins: &[Origin], places: &[Option<usize>], keeps: bool) -> Wanted {
        let tree = |place: &Option<usize>| -> Option<Recording<'_>> {
            let known = self.branches.get((*place)?)?;
            Some(Recording { tree: self.tree(*place, None)?, seen: keeps.then_some(&known.seen) })
        };
        let trees: Vec<Option<Recording<'_>>> = places.iter().map(tree).collect();
        let trees: Vec<Option<&dyn Tree>> = trees.iter().map(|tree| tree.as_ref().map(|tree| tree as &dyn Tree)).collect();
        let question = Question { namespace: app.namespace.as_wire(), name: app.name.as_wire(), origins, keys: self.keys };
        manifest::read(&question, &trees)
    }

    fn subject(&mut self, subject: &Subject) -> (Facts, Vec<Inputs>, Option<Safe>) {
        let (branches, trouble) = self.places(&subject.origins);
        let wanted = self.read(&subject.app, &subject.origins, &branches, true);
        let (mut found, mut touched) = (Found::default(), Vec::new());
        for (place, inputs) in branches.iter().zip(&wanted.inputs) {
            let tree = self.tree(*place, None);
            let (own, beside) = tree.map(|tree| (objects::found(&tree, inputs), objects::beside(&tree, inputs))).unwrap_or_default();
            found.join(own);
            let files = inputs.files.iter().cloned().chain(beside).collect();
            touched.push(Inputs { files, folders: inputs.folders.clone() });
        }
        let carried = if trouble.is_some() { Known::unknown("a branch was not found") } else { self.carried(subject, &branches, &touched) };
        let gone = match &carried {
            Known::Known(commits) if commits.is_empty() => Known::Known(Vec::new()),
            Known::Known(_) => self.gone(subject, &branches, &found),
            Known::Unknown(why) => Known::Unknown(why.clone()),
        };
        let unrendered = wanted.unrendered();
        let then = (!subject.then.is_empty()).then(|| self.then(subject, &branches, &touched).unwrap_or_else(|why| Known::Unknown(Why(why))));
        (Facts { origins: subject.origins.clone(), branches, carried, gone, found, unrendered, then }, wanted.inputs, trouble)
    }

    /// Objects that the files had at the revision that was synced last and have no more.
    fn gone(&self, subject: &Subject, places: &[Option<usize>], now: &Found) -> Known<Vec<Object>> {
        let synced: Vec<Option<Oid>> = subject.synced.iter().map(|revision| Oid::from_str(revision.as_wire()).ok()).collect();
        let trees: Vec<Option<Plain<'_>>> = places.iter().zip(synced).map(|(place, synced)| self.tree(*place, Some(synced?))).collect();
        let then: Vec<Option<&dyn Tree>> = trees.iter().map(|tree| tree.as_ref().map(|tree| tree as &dyn Tree)).collect();
        let (namespace, name) = (subject.app.namespace.as_wire(), subject.app.name.as_wire());
        let wanted = manifest::read(&Question { namespace, name, origins: &subject.origins, keys: self.keys }, &then);
        if let Err(Trouble::Broken(why)) = wanted.images {
            return Known::Unknown(Why(why));
        }
        let mut before = Found::default();
        for (tree, inputs) in trees.iter().zip(&wanted.inputs) {
            before.join(tree.as_ref().map(|tree| objects::found(tree, inputs)).unwrap_or_default());
        }
        Known::Known(before.objects.difference(&now.objects).cloned().collect())
    }

    /// The files of a branch, at its head or at another commit.
    fn tree(&self, place: Option<usize>, at: Option<Oid>) -> Option<Plain<'_>> {
        let known = self.branches.get(place?)?;
        let read = self.repositories.get(known.repository)?;
        let root = read.git.find_commit(at.unwrap_or(known.tip.commit)).ok()?.tree_id();
        Some(Plain { files: &read.files, root })
    }

    /// Notes which of the files an application depends on; why that cannot be told. `is_wide`: also where it only makes objects of them.
    fn feeds(&mut self, app: &AppKey, origins: &[Origin], feeds: &mut BTreeMap<(usize, String), BTreeSet<AppKey>>, is_wide: bool) -> Option<Safe> {
        let (places, trouble) = self.places(origins);
        if places.iter().all(Option::is_none) {
            return trouble;
        }
        let wanted = self.read(app, origins, &places, false);
        let beside = |(place, inputs): (&Option<usize>, &Inputs)| {
            let tree = self.tree(*place, None).filter(|_| is_wide);
            tree.map(|tree| objects::beside(&tree, inputs)).unwrap_or_default()
        };
        let beside: Vec<BTreeSet<String>> = places.iter().zip(&wanted.inputs).map(beside).collect();
        for ((place, path), apps) in feeds {
            let is_read = |(index, inputs): (usize, &Inputs)| {
                places.get(index) == Some(&Some(*place))
                    && (inputs.files.contains(path)
                        || beside.get(index).is_some_and(|beside| beside.iter().any(|other| other == path || lies_in(other, path)))
                        || inputs.folders.iter().any(|folder| lies_in(folder, path))
                        // What a plugin reads is not known: all that lies where it works.
                        || origins.get(index).is_some_and(|origin| origin.plugin && origin.path.as_ref().is_some_and(|folder| lies_in(folder.as_wire(), path))))
            };
            if wanted.inputs.iter().enumerate().any(is_read) {
                apps.insert(app.clone());
            }
        }
        let broken = match wanted.images {
            Err(Trouble::Broken(why)) => Some(why),
            _ => None,
        };
        trouble.or(broken)
    }

    /// Commits since the last sync that touch what an application depends on.
    fn carried(&self, subject: &Subject, places: &[Option<usize>], inputs: &[Inputs]) -> Known<Vec<Commit>> {
        let mut found: Vec<Commit> = Vec::new();
        for ((place, inputs), number) in places.iter().zip(inputs).zip(0..) {
            let Some(known) = place.and_then(|place| self.branches.get(place)) else { continue };
            let Some(git) = self.repositories.get(known.repository).map(|read| read.git) else { continue };
            let Some(synced) = subject.synced.get::<usize>(number).and_then(|revision| Oid::from_str(revision.as_wire()).ok()) else {
                return Known::unknown("the revision that was synced last is not known");
            };
            match since(git, synced, known.tip.commit, inputs) {
                Ok(Some(commits)) => found.extend(commits),
                Ok(None) => return Known::Unknown(Why(crate::safe!("more than {MOST_WALKED} commits came since the last sync"))),
                Err(error) => return Known::Unknown(Why(Safe::clean(error.message()))),
            }
        }
        found.sort_by(|one, other| (other.at, &one.id).cmp(&(one.at, &other.id)));
        found.dedup();
        Known::Known(found)
    }
}

/// Whether a file lies in a folder or below.
fn lies_in(folder: &str, path: &str) -> bool {
    let folder = folder.trim_matches('/');
    matches!(folder, "" | ".") || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The commits after one and up to another that touch these paths; `None`: too many to look at. Merges bring nothing of their own.
pub(super) fn since(git: &Repository, synced: Oid, head: Oid, inputs: &Inputs) -> Result<Option<Vec<Commit>>, git2::Error> {
    if synced != head && !git.graph_descendant_of(head, synced)? {
        return Err(git2::Error::from_str("the revision that was synced last is not on the branch any more"));
    }
    let mut walk = git.revwalk()?;
    walk.push(head)?;
    walk.hide(synced)?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
    let mut found = Vec::new();
    for (count, id) in walk.enumerate() {
        if count >= MOST_WALKED {
            return Ok(None);
        }
        let commit = git.find_commit(id?)?;
        if commit.parent_count() > 1 {
            continue;
        }
        let mut options = DiffOptions::new();
        options.disable_pathspec_match(true);
        for path in inputs.files.iter().chain(&inputs.folders).filter(|path| !path.is_empty()) {
            options.pathspec(path);
        }
        let before = commit.parent(0).ok().map(|parent| parent.tree()).transpose()?;
        let diff = git.diff_tree_to_tree(before.as_ref(), Some(&commit.tree()?), Some(&mut options))?;
        let at = Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH);
        if diff.deltas().len() > 0 {
            found.push(in_words(&commit, at));
        }
    }
    Ok(Some(found))
}

/// A tree that keeps what was looked at.
struct Recording<'r> {
    tree: Plain<'r>,
    seen: Option<&'r RefCell<Snapshot>>,
}

impl Recording<'_> {
    fn note(&self, path: &str) {
        let Some(seen) = self.seen.filter(|seen| seen.borrow().file(path).is_none()) else { return };
        let file = match self.tree.left(path) {
            None | Some(Left::Nothing) => None,
            Some(Left::Other) => {
                Some(File { blob: Raw::default(), bytes: Err(Safe::clean("a symbolic link or a submodule, which is not followed")) })
            }
            Some(Left::File(id)) => {
                let bytes = self.tree.bytes(path).map(Arc::from).ok_or_else(|| Safe::clean("too large for a manifest"));
                Some(File { blob: Raw::from(id.to_string()), bytes })
            }
        };
        seen.borrow_mut().keep_file(path, file);
    }
}

impl Tree for Recording<'_> {
    fn yaml(&self, path: &str) -> Option<Result<Rc<[Rc<Node>]>, Flaw>> {
        self.note(path);
        self.tree.yaml(path)
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.note(path);
        self.tree.bytes(path)
    }

    fn folder(&self, path: &str) -> Option<Vec<Entry>> {
        let entries = self.tree.folder(path);
        if let Some(seen) = self.seen {
            seen.borrow_mut().keep_folder(path, entries.clone());
        }
        entries
    }
}
