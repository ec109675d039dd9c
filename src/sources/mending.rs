//! Files in which a failure may be mended, watched cheaply: a login that somebody renews shows in its file, and the server is not asked before it does.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

/// How often the files are looked at. A look is one `stat` for each.
const LOOK: Duration = Duration::from_secs(2);

/// Files and what they were like when they were of no help.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mending(Vec<(PathBuf, Option<Stamp>)>);

/// What tells a file from what it was: when it was written, how long it is, and which file it is, since tools write a new one and rename it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    written: (i64, i64),
    length: u64,
    number: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { written: (metadata.mtime(), metadata.mtime_nsec()), length: metadata.len(), number: metadata.ino() }
    }
}

impl Mending {
    /// Watches these files from now on. One that is not there counts as well: it may come.
    #[must_use]
    pub fn watching(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let stamped = files.into_iter().map(|path| {
            let stamp = std::fs::metadata(&path).ok().map(|metadata| Stamp::of(&metadata));
            (path, stamp)
        });
        Self(stamped.collect())
    }

    /// Whether a file is different from what it was.
    #[must_use]
    pub fn is_mended(&self) -> bool {
        self.0.iter().any(|(path, before)| std::fs::metadata(path).ok().map(|metadata| Stamp::of(&metadata)) != *before)
    }

    /// Waits until a file is different; for ever where there are none.
    pub async fn mended(&self) {
        if self.0.is_empty() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            for (path, before) in &self.0 {
                let now = tokio::fs::metadata(path).await.ok().map(|metadata| Stamp::of(&metadata));
                if now != *before {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_replaced_or_comes_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        std::fs::write(&one, "old").unwrap();
        let mending = Mending::watching([one.clone(), other.clone()]);
        assert!(!mending.is_mended());
        std::fs::write(&other, "x").unwrap();
        assert!(mending.is_mended());
        let mending = Mending::watching([one.clone()]);
        std::fs::rename(&other, &one).unwrap();
        assert!(mending.is_mended());
        assert!(!Mending::default().is_mended());
    }
}
