//! A tree of files as the readers of this room see it: by path, and every path that was asked for is kept, because a commit that touches none of
//! them cannot have changed the answer.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::base::Safe;
use crate::manifest::yaml::{Flaw, Node};

/// The files of one revision.
pub trait Tree {
    /// The documents of a YAML file; `None`: there is no such file.
    fn yaml(&self, path: &str) -> Option<Result<Rc<[Rc<Node>]>, Flaw>>;

    /// The bytes of a file; `None`: there is no such file, or it is none that can be edited (a symbolic link, too large).
    fn bytes(&self, path: &str) -> Option<Vec<u8>>;

    /// What lies in a folder, in order; `None`: there is no such folder. The root is the empty path.
    fn folder(&self, path: &str) -> Option<Vec<Entry>>;
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder itself.
    pub is_folder: bool,
}

/// Why a tree does not say what it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// What the application names is not there.
    Missing(Safe),
    /// It is there and cannot be read.
    Broken(Safe),
    /// It is made elsewhere, or by something that is not read here.
    Elsewhere(Safe),
}

impl Trouble {
    /// The reason, for a person.
    #[must_use]
    pub const fn why(&self) -> &Safe {
        match self {
            Self::Missing(why) | Self::Broken(why) | Self::Elsewhere(why) => why,
        }
    }

    pub(super) fn broken(path: &str, line: usize, what: &str) -> Self {
        Self::Broken(crate::safe!("{}:{line}: {what}", Safe::clean(path)))
    }
}

/// The paths that an answer depends on, whether there was something or not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs {
    /// Files.
    pub files: BTreeSet<String>,
    /// Folders that were listed: what comes or goes below them counts.
    pub folders: BTreeSet<String>,
}

/// A tree that keeps what it was asked for.
pub(super) struct Recorded<'t> {
    tree: &'t dyn Tree,
    inputs: RefCell<Inputs>,
}

impl<'t> Recorded<'t> {
    pub(super) fn new(tree: &'t dyn Tree) -> Self {
        Self { tree, inputs: RefCell::default() }
    }

    pub(super) fn into_inputs(self) -> Inputs {
        self.inputs.into_inner()
    }

    /// The documents of a file, if it is there.
    pub(super) fn yaml(&self, path: &str) -> Result<Option<Rc<[Rc<Node>]>>, Trouble> {
        self.inputs.borrow_mut().files.insert(path.to_owned());
        let read = self.tree.yaml(path).transpose();
        read.map_err(|flaw| Trouble::broken(path, flaw.line, &flaw.what))
    }

    /// The bytes of a file that can be edited.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.tree.bytes(path)
    }

    /// What lies in a folder, if it is there.
    pub(super) fn folder(&self, path: &str) -> Option<Vec<Entry>> {
        self.inputs.borrow_mut().folders.insert(path.to_owned());
        self.tree.folder(path)
    }

    /// Whether a folder is there. What lies in it does not count.
    pub(super) fn has_folder(&self, path: &str) -> bool {
        self.tree.folder(path).is_some()
    }
}

/// A path below a folder, with `.` and `..` resolved; `None`: it leaves the repository.
#[must_use]
pub fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = if path.starts_with('/') { Vec::new() } else { folder.split('/').filter(|part| !part.is_empty()).collect() };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A path in a folder as it is written.
pub(super) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_inside_the_repository() {
        for (folder, path, joined_path) in [
            ("apps/a/overlays/dev", "../../base", Some("apps/a/base")),
            ("apps", "./x//y/", Some("apps/x/y")),
            ("apps", "../..", None),
            ("apps", "/x", Some("x")),
            ("", ".", Some("")),
        ] {
            assert_eq!(joined(folder, path).as_deref(), joined_path, "{folder} {path}");
        }
    }
}
