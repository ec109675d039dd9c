//! What was read of repositories for a plan: heads, bytes and commits, as data. Whoever reads them knows git and no plan; whoever plans knows no git.
//!
//! A [`Snapshot`] holds exactly what was looked at, and also what was looked for and is not there. What nobody looked at is neither there nor absent:
//! reading it is refused, so that a plan can never rest on a file that was not read.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::base::{Raw, Safe, Timestamp};
use crate::domain::application::Origin;
use crate::domain::desired::{Commit, ValueKeys};
use crate::domain::health::Known;
use crate::domain::image::Image;
use crate::domain::workload::WorkloadKey;
use crate::domain::{AppKey, ClusterName, Namespace};
use crate::manifest::edit::Changed;
use crate::manifest::objects::{Found, Object};
use crate::manifest::tree::{Entry, Inputs, Tree};
use crate::manifest::yaml::{self, Flaw, Node};

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Applications that are to be edited.
    pub subjects: Vec<Subject>,
    /// All others: which of them render the same files is to be found out.
    pub others: Vec<(AppKey, Box<[Origin]>)>,
    /// Rollouts that are to be read in their clusters, right before something is done to them, by application.
    pub rollouts: Vec<Owned>,
    /// Namespaces of which is to be known what scales there.
    pub scaled: BTreeSet<(ClusterName, Namespace)>,
}

/// The Rollouts of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The application.
    pub app: AppKey,
    /// Its project.
    pub project: Raw,
    /// The cluster that it deploys to.
    pub cluster: ClusterName,
    /// Which ones; `None`: its cluster does not tell, and Argo CD is to be asked.
    pub rollouts: Option<Vec<WorkloadKey>>,
}

/// An application that is to be edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The application.
    pub app: AppKey,
    /// Where its manifests come from.
    pub origins: Box<[Origin]>,
    /// For each origin the revision that was synced last, as far as it is known: what came after it goes along with the next sync. Fewer than there
    /// are origins, or none: not known.
    pub synced: Box<[Raw]>,
    /// For each origin the revision whose files are to be told beside those of now; none: no such files are asked for.
    pub then: Box<[Revision]>,
}

/// A revision of a repository. By the clocks of others a deployment may seem to be of a time that was over: git knows which commit has which in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// This commit, unless it has the other one in it.
    pub at: Option<Raw>,
    /// Else what was there right before this commit: its first parent.
    pub before: Option<Raw>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prepared {
    /// When the mirrors were read.
    pub at: Timestamp,
    /// The branches that origins name, each once.
    pub branches: Vec<Branch>,
    /// The applications that are to be edited.
    pub applications: BTreeMap<AppKey, Facts>,
    /// The files that may be edited, each with every application that depends on it. Both by the place of their branch.
    pub feeds: BTreeMap<(usize, String), BTreeSet<AppKey>>,
    /// Applications of which could not be told what they depend on, and why.
    pub unread: Vec<(AppKey, Safe)>,
    /// Keys of Helm values that the configuration names.
    pub keys: ValueKeys,
}

/// A branch of a repository, at its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The name of the source that reads the repository.
    pub repository: Raw,
    /// The reference in full (`refs/heads/main`); `None`: the revision is a commit, and nothing can be put on it.
    pub reference: Option<Raw>,
    /// The commit at its head, in full.
    pub head: Raw,
    /// What was looked at there.
    pub files: Snapshot,
}

impl Branch {
    /// Its name where it is a branch: `main`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.reference.as_ref()?.as_wire().strip_prefix("refs/heads/")
    }
}

/// What was read for one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The origins that were read: those of the question.
    pub origins: Box<[Origin]>,
    /// For each origin the place of its branch among the branches; `None`: it is in a repository that is not read.
    pub branches: Vec<Option<usize>>,
    /// Commits since the revision that was synced last that touch what it depends on, newest first; or why they are not known.
    pub carried: Known<Vec<Commit>>,
    /// Objects that its files had at the revision that was synced last and have no more; or why they are not known.
    pub gone: Known<Vec<Object>>,
    /// What the manifests among its files are about.
    pub found: Found,
    /// Why the files do not tell every object that is made of them; `None`: they do.
    pub unrendered: Option<Safe>,
    /// What its files were at the revision that was asked for; `None`: none was.
    pub then: Option<Known<Then>>,
}

/// What the files of an application were at an earlier revision, as far as they are not the same now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Then {
    /// What was asked for.
    pub asked: Box<[Revision]>,
    /// The commit, in full, for each branch by its place.
    pub commits: BTreeMap<usize, Raw>,
    /// The images that they said.
    pub images: Vec<Image>,
    /// The files that differ, of all that the application depended on then or depends on now. Each is among the files of
    /// [`Prepared::feeds`], whether there is one now or not.
    pub files: Vec<Was>,
}

/// A file that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Was {
    /// Its branch, by its place.
    pub branch: usize,
    /// The path from the root.
    pub path: String,
    /// What lay there; `None`: nothing.
    pub file: Option<File>,
    /// The commits since then that touched it, newest first.
    pub since: Vec<Commit>,
}

/// The part of a tree that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    files: BTreeMap<String, Option<File>>,
    folders: BTreeMap<String, Option<Vec<Entry>>>,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The id of its content.
    pub blob: Raw,
    /// Its bytes; a sentence where it has none that can be read: a symbolic link, too large.
    pub bytes: Result<Arc<[u8]>, Safe>,
}

impl Snapshot {
    /// Keeps what lies at a path.
    pub fn keep_file(&mut self, path: &str, file: Option<File>) {
        self.files.insert(path.to_owned(), file);
    }

    /// Keeps what lies in a folder.
    pub fn keep_folder(&mut self, path: &str, entries: Option<Vec<Entry>>) {
        self.folders.insert(path.to_owned(), entries);
    }

    /// What lies at a path; `None`: nobody looked there.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<Option<&File>> {
        self.files.get(path).map(Option::as_ref)
    }

    /// What lies in a folder; `None`: nobody looked there.
    #[must_use]
    pub fn listing(&self, path: &str) -> Option<Option<&[Entry]>> {
        self.folders.get(path).map(Option::as_deref)
    }

    /// Lays new bytes over a file. Its id stays that of what is in the repository.
    pub fn lay(&mut self, changed: &Changed) {
        if let Some(Some(file)) = self.files.get_mut(changed.file.as_wire()) {
            file.bytes = Ok(Arc::from(changed.bytes.as_slice()));
        }
    }

    /// Lays bytes over what lies at a path, or where nothing lies. The id stays that of what is in the repository.
    pub fn put(&mut self, path: &str, bytes: &Arc<[u8]>) {
        let blob = self.files.get(path).and_then(Option::as_ref).map(|file| file.blob.clone()).unwrap_or_default();
        self.files.insert(path.to_owned(), Some(File { blob, bytes: Ok(Arc::clone(bytes)) }));
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some(Some(entries)) = self.folders.get_mut(folder)
            && let Err(place) = entries.binary_search_by(|entry| entry.name.as_str().cmp(name))
        {
            entries.insert(place, Entry { name: name.to_owned(), is_folder: false });
        }
    }

    /// The paths of what an answer depends on, with the id of what lies at each.
    pub fn depended_on<'s>(&'s self, inputs: &'s Inputs) -> impl Iterator<Item = (&'s str, Option<&'s Raw>)> {
        inputs.files.iter().map(|path| (path.as_str(), self.files.get(path).and_then(Option::as_ref).map(|file| &file.blob)))
    }
}

const NOT_READ: &str = "this was not read for the plan: plan again";

impl Tree for Snapshot {
    fn yaml(&self, path: &str) -> Option<Result<Rc<[Rc<Node>]>, Flaw>> {
        let flaw = |what: &str| Err(Flaw { line: 1, what: what.to_owned() });
        match self.files.get(path) {
            None => Some(flaw(NOT_READ)),
            Some(None) => None,
            Some(Some(File { bytes: Ok(bytes), .. })) => Some(yaml::read(bytes).map(Rc::from)),
            Some(Some(File { bytes: Err(why), .. })) => Some(flaw(why.as_str())),
        }
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let file = self.files.get(path)?.as_ref()?;
        file.bytes.as_ref().ok().map(|bytes| bytes.to_vec())
    }

    fn folder(&self, path: &str) -> Option<Vec<Entry>> {
        self.folders.get(path)?.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_looked_at_is_neither_there_nor_absent() {
        let mut snapshot = Snapshot::default();
        snapshot.keep_file("absent.yaml", None);
        snapshot.keep_file("there.yaml", Some(File { blob: Raw::from("1"), bytes: Ok(Arc::from(&b"a: 1\n"[..])) }));
        snapshot.keep_file("link.yaml", Some(File { blob: Raw::from("2"), bytes: Err(Safe::clean("a symbolic link")) }));
        assert!(snapshot.yaml("absent.yaml").is_none());
        assert!(snapshot.yaml("there.yaml").unwrap().is_ok());
        assert_eq!(snapshot.yaml("link.yaml").unwrap().unwrap_err().what, "a symbolic link");
        assert_eq!(snapshot.yaml("other.yaml").unwrap().unwrap_err().what, NOT_READ);
        let inputs = Inputs { files: ["absent.yaml", "there.yaml"].map(str::to_owned).into(), folders: BTreeSet::new() };
        let found: Vec<_> = snapshot.depended_on(&inputs).map(|(path, blob)| (path, blob.map(Raw::as_wire))).collect();
        assert_eq!(found, [("absent.yaml", None), ("there.yaml", Some("1"))]);
    }
}
