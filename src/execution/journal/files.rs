//! Files of the journal: made, opened, checked, read, and written line by line. Only their owner may read them, and no link is followed.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use super::problem::{Kind, Problem};
use crate::operations::record::chain::{self, End};

/// The most bytes of one file that are read: far more than any operation writes.
const MOST: u64 = 64 << 20;

/// The end of the index in which its last line is looked for first.
const TAIL: u64 = 64 << 10;

/// Makes the folder for its owner only, and checks it.
pub(super) fn make_folder(folder: &Path) -> Result<(), Problem> {
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| Problem::io("cannot make", folder, &error))?;
        if let Some(parent) = folder.parent() {
            sync_folder(parent)?;
        }
    }
    check_folder(folder)
}

/// Whether the folder is one, and nobody else's.
pub(super) fn check_folder(folder: &Path) -> Result<(), Problem> {
    let metadata = fs::symlink_metadata(folder).map_err(|error| Problem::io("cannot look at", folder, &error))?;
    if !metadata.is_dir() {
        return Err(Problem::new(Kind::Unsafe, &format!("{} is not a folder", folder.display()), "move it away: the journal makes its own"));
    }
    check_owner(folder, &metadata, 700)
}

fn check_owner(path: &Path, metadata: &Metadata, mode: u32) -> Result<(), Problem> {
    let shown = path.display();
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() != me {
        let found = format!("{shown} belongs to user {}, and this is user {me}", metadata.uid());
        return Err(Problem::new(Kind::Unsafe, &found, &format!("give it back: chown {me} {shown}")));
    }
    if metadata.mode() & 0o077 != 0 {
        let found = format!("{shown} may be used by others (mode {:o})", metadata.mode() & 0o7777);
        return Err(Problem::new(Kind::Unsafe, &found, &format!("chmod {mode} {shown}, after a look at what others may have done to it")));
    }
    Ok(())
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // O_CLOEXEC is set by the standard library.
    options.mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// A new file to append to.
pub(super) fn create(path: &Path) -> Result<File, Problem> {
    options().read(true).append(true).create_new(true).open(path).map_err(|error| Problem::io("cannot make", path, &error))
}

/// A file that is there, to append to.
pub(super) fn open(path: &Path) -> Result<File, Problem> {
    let file = options().read(true).append(true).open(path).map_err(|error| Problem::io("cannot open", path, &error))?;
    check_file(&file, path)?;
    Ok(file)
}

/// The same, made where it is not there; and whether it was made.
pub(super) fn open_or_create(path: &Path) -> Result<(File, bool), Problem> {
    match create(path) {
        Ok(file) => Ok((file, true)),
        Err(problem) if problem.kind == Kind::Exists => Ok((open(path)?, false)),
        Err(problem) => Err(problem),
    }
}

fn check_file(file: &File, path: &Path) -> Result<u64, Problem> {
    let metadata = file.metadata().map_err(|error| Problem::io("cannot look at", path, &error))?;
    if !metadata.is_file() {
        return Err(Problem::new(Kind::Unsafe, &format!("{} is not a file", path.display()), "move it away"));
    }
    check_owner(path, &metadata, 600)?;
    Ok(metadata.len())
}

/// All bytes of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    // A pipe under the name of a file must not stop the program.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| Problem::io("cannot open", path, &error))?;
    if check_file(&file, path)? > MOST {
        return Err(Problem::new(Kind::Broken, &format!("{} has more than 64 MB", path.display()), "look what wrote it: no operation does"));
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).map_err(|error| Problem::io("cannot read", path, &error))?;
    Ok(bytes)
}

/// The names in the folder; none where it is not there.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, Problem> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    check_folder(folder)?;
    let cannot = |error: io::Error| Problem::io("cannot list", folder, &error);
    let entries = fs::read_dir(folder).map_err(cannot)?.collect::<io::Result<Vec<_>>>().map_err(cannot)?;
    Ok(entries.into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// Puts a line at the end, in one write, and waits until it is on the disk.
pub(super) fn append(mut file: &File, path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let written = loop {
        match file.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => break written.map_err(|error| Problem::io("cannot write to", path, &error))?,
        }
    };
    if written < bytes.len() {
        return Err(Problem::short(path, written, bytes.len()));
    }
    file.sync_data().map_err(|error| Problem::io("cannot be sure to have written", path, &error))
}

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Problem> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| Problem::io("cannot be sure of the names in", folder, &error))
}

/// Takes the bytes from `at` on out of a file, into one beside it. How many there were.
pub(super) fn put_aside(file: &File, path: &Path, bytes: &[u8], at: u64) -> Result<u64, Problem> {
    let torn = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let aside = path.with_extension("torn");
    let (kept, is_new) = open_or_create(&aside)?;
    append(&kept, &aside, &[torn, b"\n"].concat())?;
    if is_new && let Some(folder) = path.parent() {
        sync_folder(folder)?;
    }
    file.set_len(at).and_then(|()| file.sync_data()).map_err(|error| Problem::io("cannot take an unfinished line out of", path, &error))?;
    Ok(torn.len() as u64)
}

/// Where the index goes on, by its last lines alone. A line that was never finished is put aside.
pub(super) fn last_line(file: &File, path: &Path) -> Result<End, Problem> {
    let length = check_file(file, path)?;
    let from = length.saturating_sub(TAIL);
    match last_of(&tail(file, path, from)?, from) {
        // A line longer than the part that was read.
        None if from > 0 => last_of(&tail(file, path, 0)?, 0),
        found => found,
    }
    .map_or_else(|| Ok(End::nothing(None)), |last| last.end(file, path))
}

fn tail(file: &File, path: &Path, from: u64) -> Result<Vec<u8>, Problem> {
    let cannot = |error: io::Error| Problem::io("cannot read", path, &error);
    let length = file.metadata().map_err(cannot)?.len();
    let mut bytes = vec![0; usize::try_from((length - from).min(MOST)).unwrap_or_default()];
    file.read_exact_at(&mut bytes, from).map_err(cannot)?;
    Ok(bytes)
}

/// The last whole line of a part of a file, and what lies behind it.
struct Last {
    line: Option<Vec<u8>>,
    torn: Vec<u8>,
    /// Where that begins in the file.
    at: u64,
}

fn last_of(bytes: &[u8], from: u64) -> Option<Last> {
    if bytes.is_empty() {
        return None;
    }
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
        return (from == 0).then(|| Last { line: None, torn: bytes.to_vec(), at: 0 });
    };
    let (whole, torn) = bytes.split_at(end + 1);
    let whole = whole.split_last().map_or(whole, |(_, whole)| whole);
    let line = match whole.iter().rposition(|byte| *byte == b'\n') {
        Some(begin) => whole.get(begin + 1..)?,
        None if from == 0 => whole,
        None => return None,
    };
    Some(Last { line: Some(line.to_vec()), torn: torn.to_vec(), at: from + end as u64 + 1 })
}

impl Last {
    fn end(self, file: &File, path: &Path) -> Result<End, Problem> {
        if !self.torn.is_empty() {
            put_aside(file, path, &self.torn, self.at)?;
        }
        let Some(line) = self.line else { return Ok(End::nothing(None)) };
        let broken = |why: &chain::Fault| {
            let found = format!("{}: its last line {why}", path.display());
            Problem::new(Kind::Broken, &found, "tiphys journal verify tells more; nothing is changed until it can be gone on with")
        };
        let line = chain::alone(&line).map_err(|why| broken(&why))?;
        if line.operation.is_some() {
            return Err(broken(&chain::Fault::Stranger));
        }
        Ok(End { operation: None, lines: line.seq + 1, last: line.hash })
    }
}
