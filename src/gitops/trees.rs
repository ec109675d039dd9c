//! The trees of a repository: what differs between two of them, descending only where they do, and a revision's files as the readers of manifests
//! want them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use git2::{FileMode, ObjectType, Odb, Oid, Repository};

use crate::gitops::index::{Chain, Index};
use crate::manifest::tree::{Entry, Tree};
use crate::manifest::yaml::{self, Flaw, Node};

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// A file with this content.
    File(Oid),
    /// A symbolic link or a submodule.
    Other,
}

/// A path that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// From the root of the repository.
    pub(super) path: String,
    /// What is there afterwards.
    pub(super) left: Left,
}

/// One entry of a tree as git stores it: `mode name\0id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Item<'b> {
    mode: &'b [u8],
    name: &'b [u8],
    id: &'b [u8],
}

impl<'b> Item<'b> {
    fn next(bytes: &mut &'b [u8]) -> Option<Self> {
        let space = bytes.iter().position(|byte| *byte == b' ')?;
        let (mode, rest) = bytes.split_at_checked(space)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let name = rest.get(1..end)?;
        let (id, behind) = rest.get(end + 1..)?.split_at_checked(20)?;
        *bytes = behind;
        Some(Self { mode, name, id })
    }

    fn is_tree(&self) -> bool {
        self.mode == b"40000"
    }

    fn id(&self) -> Option<Oid> {
        Oid::from_bytes(self.id).ok()
    }

    fn left(&self) -> Left {
        match (self.mode, self.id()) {
            (b"100644" | b"100755" | b"100664", Some(id)) => Left::File(id),
            _ => Left::Other,
        }
    }

    /// Trees sort as if their name ended in a slash.
    fn order(&self) -> impl Iterator<Item = u8> {
        self.name.iter().copied().chain(self.is_tree().then_some(b'/'))
    }
}

/// The paths that differ between two trees, in order. Names that are no UTF-8 are left out: no manifest can name them.
pub(super) fn compare(objects: &Odb<'_>, old: Option<Oid>, new: Option<Oid>, prefix: &str, found: &mut Vec<Change>) -> Result<(), git2::Error> {
    if old == new {
        return Ok(());
    }
    let read = |id: Option<Oid>| id.map(|id| objects.read(id)).transpose();
    let (old, new) = (read(old)?, read(new)?);
    let (mut old, mut new) = (old.as_ref().map_or(&[][..], |object| object.data()), new.as_ref().map_or(&[][..], |object| object.data()));
    let (mut one, mut other) = (Item::next(&mut old), Item::next(&mut new));
    loop {
        let order = match (&one, &other) {
            (None, None) => return Ok(()),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(one), Some(other)) if one == other => std::cmp::Ordering::Equal,
            (Some(one), Some(other)) => one.order().cmp(other.order()),
        };
        let (gone, come) = (one.filter(|_| order.is_le()), other.filter(|_| order.is_ge()));
        if gone != come {
            differ(objects, gone, come, prefix, found)?;
        }
        if order.is_le() {
            one = Item::next(&mut old);
        }
        if order.is_ge() {
            other = Item::next(&mut new);
        }
    }
}

fn differ(objects: &Odb<'_>, gone: Option<Item<'_>>, come: Option<Item<'_>>, prefix: &str, found: &mut Vec<Change>) -> Result<(), git2::Error> {
    let Some(name) = come.or(gone).and_then(|item| std::str::from_utf8(item.name).ok()) else { return Ok(()) };
    let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
    let tree = |item: Option<Item<'_>>| item.filter(Item::is_tree).and_then(|item| item.id());
    let (old, new) = (tree(gone), tree(come));
    if old.is_some() || new.is_some() {
        compare(objects, old, new, &path, found)?;
    }
    let file = |item: Option<Item<'_>>| item.filter(|item| !item.is_tree()).map(|item| item.left());
    match (file(gone), file(come)) {
        (_, Some(left)) => found.push(Change { path, left }),
        (Some(_), None) => found.push(Change { path, left: Left::Nothing }),
        (None, None) => {}
    }
    Ok(())
}

/// Bytes of files whose parsed form is kept: bases and charts are read for many applications.
const KEPT: usize = 2 << 20;
/// A larger file is no manifest.
const LARGEST: usize = 4 << 20;

/// What a file says, or what is wrong with it.
type Parsed = Result<Rc<[Rc<Node>]>, Flaw>;

/// The files of a repository by their content, parsed once.
pub(super) struct Files<'g> {
    git: &'g Repository,
    parsed: RefCell<(HashMap<Oid, Parsed>, usize)>,
}

impl<'g> Files<'g> {
    pub(super) fn new(git: &'g Repository) -> Self {
        Self { git, parsed: RefCell::default() }
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
    pub(super) root: git2::Tree<'i>,
}

impl Tree for Plain<'_> {
    fn yaml(&self, path: &str) -> Option<Parsed> {
        let entry = self.root.get_path(Path::new(path)).ok()?;
        match entry.filemode() {
            mode if mode == i32::from(FileMode::Tree) => None,
            mode if [FileMode::Blob, FileMode::BlobExecutable, FileMode::BlobGroupWritable].map(i32::from).contains(&mode) => {
                self.files.read(Left::File(entry.id()))
            }
            _ => self.files.read(Left::Other),
        }
    }

    fn folder(&self, path: &str) -> Option<Vec<Entry>> {
        let tree = if path.is_empty() { self.root.clone() } else { self.files.git.find_tree(self.root.get_path(Path::new(path)).ok()?.id()).ok()? };
        let entry = |entry: git2::TreeEntry<'_>| Some(Entry { name: entry.name()?.to_owned(), is_folder: entry.kind() == Some(ObjectType::Tree) });
        Some(tree.iter().filter_map(entry).collect())
    }
}
