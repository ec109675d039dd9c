//! What the commits of a branch touched, told by git itself in one pass: it is the fastest walker of its own history there is, and descends only into
//! trees that differ. Measured at 50,000 commits and 18,000 files: 5 s on a busy machine.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use git2::{Error, Oid};

use crate::gitops::program;

/// What lies at a path after a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// A file with this content.
    File(Oid),
    /// A symbolic link or a submodule.
    Other,
}

/// A path that a commit touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// From the root of the repository.
    pub(super) path: String,
    /// What is there afterwards.
    pub(super) left: Left,
}

/// What begins the line of a commit: no name of a hash and no difference does.
const COMMIT: u8 = 1;

/// The newest commit of a branch, by first parents, that is known; `None`: none of them is.
pub(super) fn newest_known(mirror: &Path, head: Oid, is_known: impl Fn(Oid) -> bool) -> Result<Option<Oid>, Error> {
    let (mut git, out) = Running::begin(mirror, &["rev-list", "--first-parent", &head.to_string()])?;
    for line in out.lines() {
        let id = Oid::from_str(&line.map_err(broken)?)?;
        if is_known(id) {
            return Ok(Some(id));
        }
    }
    git.ended().map(|()| None)
}

/// Tells each commit of a branch after `base`, by first parents and oldest first, with what it touched against the commit before it. Names that are
/// no UTF-8 are left out: no manifest can name them.
pub(super) fn each(mirror: &Path, head: Oid, base: Option<Oid>, tell: &mut dyn FnMut(Oid, Vec<Change>) -> Result<(), Error>) -> Result<(), Error> {
    let (head, base) = (head.to_string(), base.map(|base| format!("^{base}")));
    let mut arguments = vec!["log", "-z", "--reverse", "--first-parent", "-m", "--raw", "--no-renames", "--no-abbrev", "--format=%x01%H", &head];
    arguments.extend(base.as_deref());
    arguments.push("--");
    let (mut git, out) = Running::begin(mirror, &arguments)?;
    let mut current: Option<(Oid, Vec<Change>)> = None;
    let mut words = Words { out, word: Vec::new() };
    while let Some(word) = words.next()? {
        let word = word.strip_prefix(b"\n").unwrap_or(word);
        if let Some(id) = word.strip_prefix(&[COMMIT]) {
            let id = std::str::from_utf8(id).map_err(broken).and_then(Oid::from_str)?;
            if let Some((id, changes)) = current.replace((id, Vec::new())) {
                tell(id, changes)?;
            }
        } else if !word.is_empty() {
            let left = left(word).ok_or_else(|| broken("a line that is not understood"))?;
            let path = words.next()?.ok_or_else(|| broken("it ended too early"))?;
            if let (Ok(path), Some((_, changes))) = (std::str::from_utf8(path), &mut current) {
                changes.push(Change { path: path.to_owned(), left });
            }
        }
    }
    // What was told last may be half of it.
    git.ended()?;
    current.map_or(Ok(()), |(id, changes)| tell(id, changes))
}

/// What is there afterwards: `:100644 100644 <before> <after> M`.
fn left(line: &[u8]) -> Option<Left> {
    let mut words = std::str::from_utf8(line).ok()?.strip_prefix(':')?.split(' ');
    let (mode, id) = (words.nth(1)?, words.nth(1)?);
    Some(match mode {
        "000000" => Left::Nothing,
        "100644" | "100755" | "100664" => Left::File(Oid::from_str(id).ok()?),
        _ => Left::Other,
    })
}

fn broken(what: impl std::fmt::Display) -> Error {
    Error::from_str(&format!("git does not tell the history: {what}"))
}

/// Words that end with a zero byte.
struct Words<R> {
    out: BufReader<R>,
    word: Vec<u8>,
}

impl<R: Read> Words<R> {
    fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        self.word.clear();
        if self.out.read_until(0, &mut self.word).map_err(broken)? == 0 {
            return Ok(None);
        }
        Ok(Some(self.word.strip_suffix(b"\0").unwrap_or(&self.word)))
    }
}

/// A git that speaks. Dropped, it ends.
struct Running(Child);

impl Running {
    fn begin(mirror: &Path, arguments: &[&str]) -> Result<(Self, BufReader<ChildStdout>), Error> {
        let mut child = program::local(mirror).args(arguments).stdout(Stdio::piped()).spawn().map_err(broken)?;
        let out = child.stdout.take().ok_or_else(|| broken("it has no output"))?;
        Ok((Self(child), BufReader::with_capacity(1 << 16, out)))
    }

    /// An error unless it came to a good end.
    fn ended(&mut self) -> Result<(), Error> {
        let status = self.0.wait().map_err(broken)?;
        if status.success() { Ok(()) } else { Err(broken(status)) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
