//! What keeps the journal from being written or read, each with what cures it. Nothing is sent after one of these.

use std::fmt;
use std::io;
use std::path::Path;

use crate::base::Safe;
use crate::operations::record::chain::Fault;

/// Why something of the journal was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind it is.
    pub kind: Kind,
    /// What, and where.
    pub found: Safe,
    /// What to do about it.
    pub cure: Safe,
}

/// Kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no room: of the disk, of a quota, of a limit.
    Full,
    /// It may not be written there.
    NotWritable,
    /// Others could read or exchange it.
    Unsafe,
    /// Another process carries the operation.
    Held,
    /// It is there already.
    Exists,
    /// It is not there.
    Missing,
    /// It was changed, or holds what cannot be read.
    Broken,
    /// The operation came to an end.
    Over,
    /// What is to be written cannot come next: a mistake of the program.
    Order,
    /// A write failed before, so nothing more is written by this process.
    Poisoned,
    /// Something else.
    Other,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.found, self.cure)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    pub(super) fn new(kind: Kind, found: &str, cure: &str) -> Self {
        Self { kind, found: Safe::clean(found), cure: Safe::clean(cure) }
    }

    /// What the system said, with the cure that goes with it.
    pub(super) fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        let folder = path.parent().unwrap_or(path).display();
        let shown = path.display();
        let found = format!("{what} {shown} ({error})");
        let (kind, cure) = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                (Kind::Full, format!("make room on the disk of {folder}; until then nothing is changed, reading goes on"))
            }
            io::ErrorKind::FileTooLarge => {
                (Kind::Full, "raise the limit of file sizes (ulimit -f); until then nothing is changed, reading goes on".into())
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                (Kind::NotWritable, format!("mount the disk of {folder} writable, or set XDG_STATE_HOME to a place that is"))
            }
            io::ErrorKind::PermissionDenied => {
                (Kind::NotWritable, format!("give {folder} to the user who runs tiphys (chown, chmod 700), or set XDG_STATE_HOME to another place"))
            }
            io::ErrorKind::AlreadyExists => (Kind::Exists, "plan again: each operation has an id of its own".into()),
            io::ErrorKind::NotFound => (Kind::Missing, "tiphys journal list names those there are".into()),
            // O_NOFOLLOW says ELOOP for a symbolic link.
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Self::new(Kind::Unsafe, &format!("{shown} is a symbolic link"), "remove it: the journal follows none");
            }
            _ => (Kind::Other, format!("look at {folder}; until it can be written nothing is changed, reading goes on")),
        };
        Self::new(kind, &found, &cure)
    }

    /// Not all bytes of a line were taken.
    pub(super) fn short(path: &Path, written: usize, of: usize) -> Self {
        let found = format!("only {written} of {of} bytes were written to {}", path.display());
        Self::new(Kind::Full, &found, "make room on its disk; until then nothing is changed, reading goes on")
    }

    pub(super) fn form(path: &Path, error: &serde_json::Error) -> Self {
        Self::new(Kind::Other, &format!("a line for {} could not be made ({error})", path.display()), "please report this")
    }

    pub(super) fn broken(path: &Path, line: u64, why: &Fault) -> Self {
        let found = format!("{}: line {line} {why}", path.display());
        let cure = match why {
            Fault::Newer(_) => "use the newer tiphys",
            _ => "compare it with the commits and with what was exported; nothing is added to it",
        };
        Self::new(Kind::Broken, &found, cure)
    }

    pub(super) fn empty(path: &Path) -> Self {
        let found = format!("{} has no whole line", path.display());
        Self::new(Kind::Missing, &found, "nothing was sent for it: plan again")
    }

    pub(super) fn held(path: &Path, holder: &Safe) -> Self {
        let found = format!("the operation is carried by {holder}, whose process has {} open", path.display());
        Self::new(Kind::Held, &found, "follow it there, or end that process first")
    }
}
