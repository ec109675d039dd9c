//! A revision's files as the readers of manifests want them: by the index, or by its tree.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use git2::{FileMode, ObjectType, Oid, Repository};

use crate::gitops::index::{Chain, Index};
use crate::gitops::log::Left;
use crate::manifest::tree::{Entry, Tree};
use crate::manifest::yaml::{self, Flaw, Node};

/// Bytes of files whose parsed form is kept: bases and charts are read for many applications.
const KEPT: usize = 256 << 10;
/// Names in folders that are kept.
const ITEMS_KEPT: usize = 20_000;
/// A larger file is no manifest.
const LARGEST: usize = 4 << 20;

/// What a file says, or what is wrong with it.
type Parsed = Result<Rc<[Rc<Node>]>, Flaw>;

/// What was read of objects, and how much that is.
type Kept<T> = (HashMap<Oid, T>, usize);

/// The files of a repository by their content, parsed once.
pub(super) struct Files<'g> {
    git: &'g Repository,
    parsed: RefCell<Kept<Parsed>>,
    folders: RefCell<Kept<Rc<[Item]>>>,
}

/// Something in a folder, in git's order.
struct Item {
    name: Box<str>,
    mode: i32,
    id: Oid,
}

impl Item {
    fn is_folder(&self) -> bool {
        self.mode == i32::from(FileMode::Tree)
    }

    fn left(&self) -> Left {
        let is_file = [FileMode::Blob, FileMode::BlobExecutable, FileMode::BlobGroupWritable].map(i32::from).contains(&self.mode);
        if is_file { Left::File(self.id) } else { Left::Other }
    }
}

impl<'g> Files<'g> {
    pub(super) fn new(git: &'g Repository) -> Self {
        Self { git, parsed: RefCell::default(), folders: RefCell::default() }
    }

    /// What lies in a folder by its tree. The one that has all services is read for each of them.
    fn items(&self, tree: Oid) -> Option<Rc<[Item]>> {
        if let Some(known) = self.folders.borrow().0.get(&tree) {
            return Some(Rc::clone(known));
        }
        let read = self.git.find_tree(tree).ok()?;
        let items: Rc<[Item]> =
            read.iter().filter_map(|entry| Some(Item { name: entry.name()?.into(), mode: entry.filemode(), id: entry.id() })).collect();
        let mut held = self.folders.borrow_mut();
        held.1 += items.len();
        if held.1 > ITEMS_KEPT {
            *held = (HashMap::new(), items.len());
        }
        held.0.insert(tree, Rc::clone(&items));
        Some(items)
    }

    /// The tree of a folder below another.
    fn tree(&self, root: Oid, folder: &str) -> Option<Oid> {
        folder.split('/').filter(|name| !name.is_empty()).try_fold(root, |tree, name| {
            let items = self.items(tree)?;
            items.iter().find(|item| *item.name == *name && item.is_folder()).map(|item| item.id)
        })
    }

    /// The bytes of a file; nothing where it is no regular file or none of a manifest's size.
    fn bytes(&self, left: Left) -> Option<Vec<u8>> {
        let Left::File(id) = left else { return None };
        let objects = self.git.odb().ok()?;
        let object = objects.read(id).ok()?;
        (object.kind() == ObjectType::Blob && object.len() <= LARGEST).then(|| object.data().to_vec())
    }

    fn read(&self, left: Left) -> Option<Parsed> {
        let id = match left {
            Left::Nothing => return None,
            Left::Other => return Some(Err(Flaw { line: 1, what: "a symbolic link or a submodule, which is not followed".to_owned() })),
            Left::File(id) => id,
        };
        if let Some(known) = self.parsed.borrow().0.get(&id) {
            return Some(known.clone());
        }
        let objects = self.git.odb();
        let object = objects.as_ref().ok().and_then(|objects| objects.read(id).ok());
        let (parsed, length) = match object {
            Some(object) if object.kind() == ObjectType::Blob && object.len() <= LARGEST => (yaml::read(object.data()).map(Rc::from), object.len()),
            Some(_) => (Err(Flaw { line: 1, what: "too large for a manifest".to_owned() }), 0),
            None => (Err(Flaw { line: 1, what: "its content is not in the mirror".to_owned() }), 0),
        };
        let mut held = self.parsed.borrow_mut();
        held.1 += length;
        if held.1 > KEPT {
            *held = (HashMap::new(), length);
        }
        held.0.insert(id, parsed.clone());
        Some(parsed)
    }
}

/// The files of a commit by the index.
pub(super) struct Indexed<'i> {
    pub(super) files: &'i Files<'i>,
    pub(super) index: &'i Index,
    pub(super) chain: &'i Chain,
    pub(super) number: u32,
}

impl Tree for Indexed<'_> {
    fn yaml(&self, path: &str) -> Option<Parsed> {
        self.files.read(self.index.at(self.chain, self.number, path))
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.files.bytes(self.index.at(self.chain, self.number, path))
    }

    fn folder(&self, path: &str) -> Option<Vec<Entry>> {
        let mut found: Vec<Entry> = Vec::new();
        for file in self.index.files(self.chain, self.number, path) {
            let (name, is_folder) = file.split_once('/').map_or((file, false), |(name, _)| (name, true));
            if found.last().is_none_or(|entry| entry.name != name) {
                found.push(Entry { name: name.to_owned(), is_folder });
            }
        }
        (!found.is_empty() || path.is_empty()).then_some(found)
    }
}

/// The files of any commit, by its tree.
pub(super) struct Plain<'i> {
    pub(super) files: &'i Files<'i>,
    pub(super) root: Oid,
}

impl Plain<'_> {
    /// What lies at the path of a file.
    pub(super) fn left(&self, path: &str) -> Option<Left> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let items = self.files.items(self.files.tree(self.root, folder)?)?;
        items.iter().find(|item| *item.name == *name).filter(|item| !item.is_folder()).map(Item::left)
    }
}

impl Tree for Plain<'_> {
    fn yaml(&self, path: &str) -> Option<Parsed> {
        self.files.read(self.left(path)?)
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.files.bytes(self.left(path)?)
    }

    fn folder(&self, path: &str) -> Option<Vec<Entry>> {
        let items = self.files.items(self.files.tree(self.root, path)?)?;
        Some(items.iter().map(|item| Entry { name: item.name.to_string(), is_folder: item.is_folder() }).collect())
    }
}
