//! EDITS: a version put into the files that say it, and nothing else.
//!
//! An [`Edit`] is data: which file, which place in it, what stands there and what is to stand there, to the byte. A plan can show it, and its
//! [inverse](Edit::inverse) takes it back. Nothing is ever written that was not read again by a second parser and found to differ in that place only.
//!
//! * [`locate()`]: which places say the version of an image, of an application's files; `kustomize`, `helm` know the conventions
//! * [`put()`]: edits into the bytes of one file; `guard` judges what comes out
//! * `place`: where a path stands in a text, by a parser that keeps every byte
//! * `draft`: edits found one after the other, each in the text that those before it left
//! * `style`: how a scalar is written
//!
//! Pure: it knows no git, no network and no clock. Chart versions and `targetRevision` are not moved here.

mod draft;
mod guard;
mod helm;
mod kustomize;
mod locate;
mod place;
mod put;
mod style;
#[cfg(test)]
mod tests;

use crate::base::{Raw, Safe};
use crate::domain::image::Image;
use crate::manifest::path::Step;

pub use locate::{Changed, Moved, carry, locate, moved};
pub use put::put;

/// What an image is to become.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// The tag. Where only a digest is given, files that pin by a tag lose the tag or refuse.
    pub tag: Option<Raw>,
    /// `sha256:…`. A file that pins the digest gets this one, and loses its own where none is given: a digest that stays beside another tag is wrong.
    pub digest: Option<Raw>,
    /// Registry and repository, where the image is to come from another place than now.
    pub name: Option<Raw>,
}

impl Version {
    /// Whether an image is this version, as far as the image says anything. `repository` is what it is to be called where [`name`](Self::name) says
    /// nothing.
    #[must_use]
    pub fn is_said_by(&self, image: &Image, repository: &str) -> bool {
        let is_tag = image.tag.is_none() || image.tag == self.tag;
        let is_digest = image.digest.is_none() || image.digest == self.digest;
        let name = self.name.as_ref().map_or(repository, Raw::as_wire);
        image.repository.as_wire() == name && is_tag && is_digest && (image.tag.is_some() || image.digest.is_some())
    }
}

/// Why nothing is edited: one sentence that names the place and the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub Safe);

impl Refused {
    /// The sentence.
    #[must_use]
    pub const fn why(&self) -> &Safe {
        &self.0
    }
}

/// One change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which origin of the application the file belongs to: its place among them, from 0.
    pub origin: usize,
    /// The file, from the root of the repository.
    pub file: Raw,
    /// Where in the file: the scalar, or the whole of what comes or goes.
    pub path: Vec<Step>,
    /// The line, from 1, at which it stands or will stand.
    pub line: usize,
    /// What happens there.
    pub change: Change,
    /// Whether it puts back what stood there before: then its bytes are kept, also where they would be written otherwise today (`newTag: 1.10`).
    pub restores: bool,
}

/// What happens at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A scalar is another one afterwards.
    Set {
        /// What stands there.
        from: Scalar,
        /// What is to stand there.
        to: Scalar,
    },
    /// Something comes that was not there.
    Add(Piece),
    /// Something goes.
    TakeOut(Piece),
}

/// A scalar: what it says, and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// What it says: `1.10`. Empty for a value that is left out.
    pub text: Raw,
    /// Its bytes in the file, with quotes: `"1.10"`.
    pub written: Raw,
}

/// An entry of a mapping or an item of a sequence with all of its bytes, so that taking it out and putting it in again give the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it is put in.
    pub spot: Spot,
    /// All bytes of it, with its line break and its indentation, or its comma.
    pub written: Raw,
    /// What it says.
    pub says: Fresh,
}

/// Where a piece is put in, by the entries beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// Behind the value of an entry in flow style; in block style at the end of its line.
    Behind {
        /// The entry or item.
        beside: Step,
        /// In block style, how many lines with a comment or with nothing stand between them.
        lines: usize,
    },
    /// Before an entry, right where its key begins.
    Before {
        /// The entry or item.
        beside: Step,
    },
    /// Between brackets that hold nothing.
    Inside,
}

/// A value that comes or goes as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fresh {
    /// A string.
    Text(Raw),
    /// A mapping, in written order.
    Map(Vec<(String, Self)>),
    /// A sequence.
    List(Vec<Self>),
}

impl Edit {
    /// The edit that takes this one back: after both, every byte is as before.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let change = match &self.change {
            Change::Set { from, to } => Change::Set { from: to.clone(), to: from.clone() },
            Change::Add(piece) => Change::TakeOut(piece.clone()),
            Change::TakeOut(piece) => Change::Add(piece.clone()),
        };
        Self { change, restores: !self.restores, ..self.clone() }
    }

    /// What the place says before: nothing where it is not there.
    #[must_use]
    pub const fn from(&self) -> Option<&Raw> {
        match &self.change {
            Change::Set { from, .. } => Some(&from.text),
            Change::Add(_) => None,
            Change::TakeOut(piece) => piece.says.text(),
        }
    }

    /// What the place says afterwards: nothing where it is gone, or where it is more than a scalar.
    #[must_use]
    pub const fn to(&self) -> Option<&Raw> {
        match &self.change {
            Change::Set { to, .. } => Some(&to.text),
            Change::Add(piece) => piece.says.text(),
            Change::TakeOut(_) => None,
        }
    }

    /// Where it is, for a person: `shop/production/kustomization.yaml:12`.
    #[must_use]
    pub fn shown(&self) -> Safe {
        crate::safe!("{}:{}", self.file.shown(), self.line)
    }
}

impl Fresh {
    const fn text(&self) -> Option<&Raw> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// The edits that take these back, in the order in which they must be put.
#[must_use]
pub fn inverse(edits: &[Edit]) -> Vec<Edit> {
    edits.iter().rev().map(Edit::inverse).collect()
}

/// What is wrong at a line of a file whose name is known further up.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hindrance {
    line: usize,
    what: String,
}

impl Hindrance {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }

    fn refused(self, file: &str) -> Refused {
        Refused(crate::safe!("{}:{}: {}", Safe::clean(file), self.line, self.what))
    }
}
