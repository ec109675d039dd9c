//! The mirror of a repository: where it is kept, how two cockpits share it, and what its branches and tags mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use git2::{ErrorCode, ObjectType, Oid, Repository, RepositoryInitOptions};

use crate::base::{Raw, Safe};
use crate::domain::desired::Address;
use crate::gitops::program::{self, Running};

/// A bare repository in the cache. Branches and tags lie where they lie in the original.
#[derive(Debug, Clone)]
pub struct Mirror {
    folder: PathBuf,
}

/// Branches and tags with what they are.
pub type Heads = BTreeMap<String, Oid>;

impl Mirror {
    /// The mirror of the repository at an address, below a folder for all of them. Nothing is made yet.
    #[must_use]
    pub fn of(folder: &Path, address: &Address) -> Self {
        let place = address.0.as_wire();
        let words: String = place.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        // The end of it tells more than the beginning.
        let words = words.trim_matches('-');
        let words = words.get(words.len().saturating_sub(MOST_LETTERS)..).unwrap_or(words);
        let sum = ring::digest::digest(&ring::digest::SHA256, place.as_bytes());
        let sum = sum.as_ref().iter().take(4).fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        Self { folder: folder.join(format!("{words}-{sum:08x}.git")) }
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of its index.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.folder.join("tiphys-index")
    }

    /// The file of the answers of the last run.
    #[must_use]
    pub fn answers(&self) -> PathBuf {
        self.folder.join("tiphys-answers")
    }

    /// Whether something was ever fetched into it.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.open().and_then(|git| heads(&git)).is_ok_and(|heads| !heads.is_empty())
    }

    /// Makes it where it is not there, for its owner only. What is there and is no repository is made anew.
    pub fn make(&self) -> io::Result<()> {
        if let Some(parent) = self.folder.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        if self.open().is_ok() {
            return Ok(());
        }
        if self.folder.exists() {
            tracing::warn!(folder = %self.folder.display(), "the mirror is no repository any more, and is made anew");
            std::fs::remove_dir_all(&self.folder)?;
        }
        DirBuilder::new().mode(0o700).create(&self.folder)?;
        let mut options = RepositoryInitOptions::new();
        // No template: hooks of a person's have no business here.
        options.bare(true).external_template(false).initial_head("main");
        Repository::init_opts(&self.folder, &options).map(drop).map_err(|error| io::Error::other(error.message().to_owned()))
    }

    /// Puts together what many fetches left, where git finds that there is enough of it; else it does nothing. Who reads or fetches meanwhile is not
    /// disturbed: nothing goes before it is there in another way, and nothing young goes at all. Dropped, it ends.
    pub async fn tidy(&self) -> io::Result<()> {
        let mut command = program::local(&self.folder);
        // One thread and little memory: nobody waits for it.
        for setting in ["gc.autoDetach=false", "gc.auto=2000", "gc.autoPackLimit=30", "pack.threads=1", "pack.windowMemory=32m"] {
            command.args(["-c", setting]);
        }
        command.args(["gc", "--auto", "--quiet"]);
        let mut git = Running(tokio::process::Command::from(command).kill_on_drop(true).spawn()?);
        let status = git.0.wait().await?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("git gc ended with {status}"))) }
    }

    /// Opens it.
    pub fn open(&self) -> Result<Repository, git2::Error> {
        Repository::open_bare(&self.folder)
    }

    /// Keeps other cockpits from fetching for as long as the file is held; `None`: one of them does now.
    pub fn lock(&self) -> io::Result<Option<File>> {
        if let Some(parent) = self.folder.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        let mut path = self.folder.clone().into_os_string();
        path.push(".lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Letters of an address in the name of its mirror.
const MOST_LETTERS: usize = 60;

/// Where what is only looked at lies, beside the branches and tags.
pub(super) const ASIDE: &str = "refs/tiphys/";

/// The branches and tags of a mirror.
pub fn heads(git: &Repository) -> Result<Heads, git2::Error> {
    let mut heads = Heads::new();
    for reference in git.references()?.flatten() {
        if let (Some(name), Some(id)) = (reference.name().filter(|name| !name.starts_with(ASIDE)), reference.target()) {
            heads.insert(name.to_owned(), id);
        }
    }
    Ok(heads)
}

/// Branches whose new head does not come after the old one.
pub fn rewritten(git: &Repository, old: &Heads, new: &Heads) -> Vec<String> {
    let is_rewritten = |name: &String, before: Oid| {
        let after = new.get(name).copied()?;
        (after != before && !git.graph_descendant_of(after, before).unwrap_or(true)).then(|| name.clone())
    };
    let branches = old.iter().filter(|(name, _)| name.starts_with("refs/heads/"));
    branches.filter_map(|(name, id)| is_rewritten(name, *id)).collect()
}

/// The branches that target revisions mean, as people call them; what is no branch is left out. It blocks.
#[must_use]
pub fn branches(mirror: &Mirror, targets: &BTreeSet<Option<Raw>>) -> BTreeSet<Raw> {
    let Ok(git) = mirror.open() else { return BTreeSet::new() };
    let reference = |target: &Option<Raw>| resolve(&git, target.as_ref().map(Raw::as_wire)).ok()?.reference;
    targets.iter().filter_map(reference).filter_map(|name| name.strip_prefix("refs/heads/").map(Raw::from)).collect()
}

/// What a target revision means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub commit: Oid,
    /// The branch or tag, in full, where it is one.
    pub reference: Option<String>,
}

/// Finds what an Application's target revision means: a branch, a tag, a commit, or the default branch.
pub fn resolve(git: &Repository, target: Option<&str>) -> Result<Resolved, Safe> {
    let target = target.unwrap_or("HEAD");
    let shown = Safe::clean(target);
    let broken = |error: git2::Error| crate::safe!("'{shown}' cannot be read: {}", Safe::clean(error.message()));
    let peeled = |reference: git2::Reference<'_>| {
        let name = reference.name().map(ToOwned::to_owned);
        let commit = reference.peel(ObjectType::Commit).map_err(broken)?.id();
        Ok(Resolved { commit, reference: name })
    };
    if matches!(target, "" | "HEAD") {
        return match git.head() {
            Ok(head) => peeled(head),
            Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => Err(Safe::clean("the default branch is empty")),
            Err(error) => Err(broken(error)),
        };
    }
    for name in [format!("refs/heads/{target}"), format!("refs/tags/{target}"), target.to_owned()] {
        if (name.starts_with("refs/") || name != target)
            && let Ok(reference) = git.find_reference(&name)
        {
            return peeled(reference);
        }
    }
    let is_commit = (7..=40).contains(&target.len()) && target.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit && let Ok(commit) = git.find_commit_by_prefix(target) {
        return Ok(Resolved { commit: commit.id(), reference: None });
    }
    if target.contains(['*', '>', '<', '~', '^']) {
        return Err(crate::safe!("'{shown}' is a range of versions, which is not read here"));
    }
    Err(crate::safe!("there is no branch, tag or commit '{shown}'"))
}
