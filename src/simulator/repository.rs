//! The gitops repository of a simulated world: a real bare one that `git` clones and pushes to. It commits as a team does and tells what others
//! pushed. It knows nothing of the files' meaning.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use git2::build::TreeUpdateBuilder;
use git2::{Buf, ErrorClass, ErrorCode, FileMode, Oid, RepositoryInitOptions, Signature, Time};

use crate::base::Timestamp;

/// The branch that is the default one.
pub(super) const MAIN: &str = "main";
/// From so many files on, a commit is written as one pack: a file per object takes seconds for thousands of them.
const MANY: usize = 200;
/// How often a commit is put on a head that moved, or waits for a lock of git's.
const ATTEMPTS: usize = 100;
/// Git holds its lock on a branch for a few milliseconds.
const LOCKED: Duration = Duration::from_millis(5);

/// Who wrote a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Author {
    pub(super) name: String,
    pub(super) email: String,
}

#[cfg(test)]
/// A commit as it is in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revision {
    pub(super) id: String,
    /// Nothing for the first.
    pub(super) parent: Option<String>,
    pub(super) author: Author,
    /// When it was written, to the second.
    pub(super) when: Timestamp,
    pub(super) message: String,
}

/// A bare repository with the branch `main` and what others are made.
pub(super) struct Repository {
    path: PathBuf,
    git: Mutex<git2::Repository>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Repository").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Repository {
    /// Makes an empty bare repository in a folder that is empty or does not exist.
    pub(super) fn create(path: &Path) -> Result<Self, git2::Error> {
        let mut options = RepositoryInitOptions::new();
        // No template: what a person keeps there, hooks above all, has no business here.
        options.bare(true).no_reinit(true).mkpath(true).external_template(false).initial_head("main");
        let git = git2::Repository::init_opts(path, &options)?;
        let mut config = git.config()?.open_level(git2::ConfigLevel::Local)?;
        // A person's own `core.hooksPath` would run their hooks at every push to this repository.
        config.set_str("core.hooksPath", "hooks")?;
        config.set_bool("receive.denyNonFastForwards", true)?;
        config.set_bool("receive.denyDeletes", true)?;
        config.set_bool("receive.fsckObjects", true)?;
        config.set_bool("receive.autogc", false)?;
        config.set_i32("gc.auto", 0)?;
        Ok(Self { path: path.to_owned(), git: Mutex::new(git) })
    }

    fn git(&self) -> MutexGuard<'_, git2::Repository> {
        self.git.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a commit on what a branch is now; nothing for a file's bytes removes it. Returns the revision. A branch
    /// that is not there begins with it.
    pub(super) fn commit(
        &self,
        branch: &str,
        changes: &[(String, Option<Vec<u8>>)],
        author: &Author,
        when: Timestamp,
        message: &str,
    ) -> Result<String, git2::Error> {
        if changes.len() < MANY {
            return commit(&self.git(), branch, None, changes, author, when, message);
        }
        // A handle of its own: objects that are kept in memory must not outlive the commit unseen by everybody else.
        let git = git2::Repository::open_bare(&self.path)?;
        let objects = git.odb()?;
        let memory = objects.add_new_mempack_backend(1000)?;
        commit(&git, branch, Some((&objects, &memory)), changes, author, when, message)
    }

    /// Makes the newest commit of a branch anew with other words, on what was there before it: the branch is moved by force.
    pub(super) fn rewrite(&self, branch: &str, author: &Author, when: Timestamp, message: &str) -> Result<String, git2::Error> {
        let git = self.git();
        let head = git.find_commit(git.refname_to_id(&reference(branch))?)?;
        let signature = Signature::new(&author.name, &author.email, &Time::new(when.as_second(), 0))?;
        let parents: Vec<_> = head.parents().collect();
        let id = git.commit(None, &signature, &signature, message, &head.tree()?, &parents.iter().collect::<Vec<_>>())?;
        git.reference(&reference(branch), id, true, "rewritten")?;
        Ok(id.to_string())
    }

    /// Without its `HEAD`, git takes a folder for no repository; the handle that is open here needs none.
    pub(super) fn set_away(&self, away: bool) -> Result<(), git2::Error> {
        let (here, gone) = (self.path.join("HEAD"), self.path.join("HEAD.away"));
        let (from, to) = if away { (here, gone) } else { (gone, here) };
        if !from.exists() {
            return Ok(());
        }
        std::fs::rename(from, to).map_err(|error| git2::Error::from_str(&error.to_string()))
    }

    /// The newest revision of a branch; an error while there is none.
    pub(super) fn head(&self, branch: &str) -> Result<String, git2::Error> {
        Ok(self.git().refname_to_id(&reference(branch))?.to_string())
    }

    /// The revision that a branch, a tag or the beginning of a revision means; an error for what means none.
    pub(super) fn resolve(&self, wanted: &str) -> Result<String, git2::Error> {
        let git = self.git();
        let found = git.refname_to_id(&reference(wanted)).or_else(|_no_branch| git.revparse_single(wanted).map(|object| object.id()))?;
        Ok(git.find_commit(found)?.id().to_string())
    }

    /// Makes a branch at a revision.
    pub(super) fn branch(&self, branch: &str, revision: &str) -> Result<(), git2::Error> {
        self.git().reference(&reference(branch), Oid::from_str(revision)?, false, "branch").map(drop)
    }

    /// A file at a revision, if it was there.
    pub(super) fn read(&self, revision: &str, path: &str) -> Result<Option<Vec<u8>>, git2::Error> {
        let git = self.git();
        let tree = git.find_commit(Oid::from_str(revision)?)?.tree()?;
        let entry = match tree.get_path(Path::new(path)) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(entry.to_object(&git)?.as_blob().map(|blob| blob.content().to_vec()))
    }

    /// The files that differ between two revisions, in order.
    pub(super) fn changed_since(&self, old: &str, new: &str) -> Result<Vec<String>, git2::Error> {
        let git = self.git();
        let old = git.find_commit(Oid::from_str(old)?)?.tree()?;
        let new = git.find_commit(Oid::from_str(new)?)?.tree()?;
        changed(&git, Some(&old), &new)
    }

    #[cfg(test)]
    /// What a revision says of itself.
    pub(super) fn revision(&self, revision: &str) -> Result<Revision, git2::Error> {
        Ok(describe(&self.git().find_commit(Oid::from_str(revision)?)?))
    }

    #[cfg(test)]
    /// The revisions up to one, newest first, at most so many; those that touched a path (a file, or everything in a folder) if one is given.
    pub(super) fn log(&self, revision: &str, path: Option<&str>, limit: usize) -> Result<Vec<Revision>, git2::Error> {
        let git = self.git();
        let mut walk = git.revwalk()?;
        walk.set_sorting(git2::Sort::TOPOLOGICAL)?;
        walk.push(Oid::from_str(revision)?)?;
        let mut found = Vec::new();
        for id in walk {
            if found.len() >= limit {
                break;
            }
            let commit = git.find_commit(id?)?;
            if path.is_none_or(|path| touches(&commit, path)) {
                found.push(describe(&commit));
            }
        }
        Ok(found)
    }
}

type Memory<'a> = (&'a git2::Odb<'a>, &'a git2::Mempack<'a>);

fn reference(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn commit(
    git: &git2::Repository,
    branch: &str,
    memory: Option<Memory<'_>>,
    changes: &[(String, Option<Vec<u8>>)],
    author: &Author,
    when: Timestamp,
    message: &str,
) -> Result<String, git2::Error> {
    let signature = Signature::new(&author.name, &author.email, &Time::new(when.as_second(), 0))?;
    let mut blobs = Vec::with_capacity(changes.len());
    for (path, bytes) in changes {
        blobs.push((path, bytes.as_ref().map(|bytes| git.blob(bytes)).transpose()?));
    }
    let branch = reference(branch);
    let mut refused = None;
    for _attempt in 0..ATTEMPTS {
        let parent = match git.refname_to_id(&branch) {
            Ok(head) => Some(git.find_commit(head)?),
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(error),
        };
        let tree = match &parent {
            Some(parent) => parent.tree()?,
            None => git.find_tree(git.treebuilder(None)?.write()?)?,
        };
        let mut update = TreeUpdateBuilder::new();
        for (path, blob) in &blobs {
            match blob {
                Some(blob) => _ = update.upsert(path.as_str(), *blob, FileMode::Blob),
                None if tree.get_path(Path::new(path)).is_ok() => _ = update.remove(path.as_str()),
                None => {}
            }
        }
        let tree = git.find_tree(update.create_updated(git, &tree)?)?;
        let id = git.commit(None, &signature, &signature, message, &tree, &parent.iter().collect::<Vec<_>>())?;
        if let Some((objects, memory)) = memory {
            write_pack(git, objects, memory)?;
        }
        let moved = match &parent {
            Some(parent) => git.reference_matching(&branch, id, true, parent.id(), "commit"),
            None => git.reference(&branch, id, false, "commit (initial)"),
        };
        match moved {
            Ok(_) => return Ok(id.to_string()),
            // Somebody pushed meanwhile: the commit goes on top of theirs.
            Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::Exists) => refused = Some(error),
            Err(error) if error.code() == ErrorCode::Locked || error.class() == ErrorClass::Os => {
                std::thread::park_timeout(LOCKED);
                refused = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(refused.unwrap_or_else(|| git2::Error::from_str("the branch did not hold still")))
}

/// Writes the objects that are in memory as one pack.
fn write_pack(git: &git2::Repository, objects: &git2::Odb<'_>, memory: &git2::Mempack<'_>) -> Result<(), git2::Error> {
    use std::io::Write as _;
    let mut pack = Buf::new();
    memory.dump(git, &mut pack)?;
    let mut writer = objects.packwriter()?;
    writer.write_all(&pack).map_err(|error| git2::Error::from_str(&format!("the pack was not written: {error}")))?;
    writer.commit()?;
    Ok(())
}

fn changed(git: &git2::Repository, old: Option<&git2::Tree<'_>>, new: &git2::Tree<'_>) -> Result<Vec<String>, git2::Error> {
    let diff = git.diff_tree_to_tree(old, Some(new), None)?;
    let paths = diff.deltas().filter_map(|delta| delta.new_file().path().or_else(|| delta.old_file().path()));
    let mut paths: Vec<_> = paths.map(|path| path.to_string_lossy().into_owned()).collect();
    paths.sort_unstable();
    Ok(paths)
}

#[cfg(test)]
/// Whether a commit differs from its parent at a path. Only the trees on the way there are looked at.
fn touches(commit: &git2::Commit<'_>, path: &str) -> bool {
    let at = |commit: &git2::Commit<'_>| Some(commit.tree().ok()?.get_path(Path::new(path)).ok()?.id());
    at(commit) != commit.parent(0).ok().as_ref().and_then(at)
}

#[cfg(test)]
fn describe(commit: &git2::Commit<'_>) -> Revision {
    let author = commit.author();
    Revision {
        id: commit.id().to_string(),
        parent: commit.parent_id(0).ok().map(|id| id.to_string()),
        author: Author {
            name: String::from_utf8_lossy(author.name_bytes()).into_owned(),
            email: String::from_utf8_lossy(author.email_bytes()).into_owned(),
        },
        when: Timestamp::from_second(author.when().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
        message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn author() -> Author {
        Author { name: "Ana Duarte".to_owned(), email: "ana@acme.example".to_owned() }
    }

    fn moment(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn file(path: &str, text: &str) -> (String, Option<Vec<u8>>) {
        (path.to_owned(), Some(text.as_bytes().to_vec()))
    }

    /// The ordinary git, without the settings of whoever runs the test.
    fn git(folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(folder)
            .args(["-c", "user.name=Li Wei", "-c", "user.email=li@acme.example", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .expect("git is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {text}");
        text
    }

    #[test]
    fn the_ordinary_git_clones_it_and_pushes_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gitops.git");
        let repository = Repository::create(&path).unwrap();
        assert!(repository.head(MAIN).is_err(), "no commit, no head");
        let first = repository.commit(MAIN, &[file("apps/a/x.yaml", "tag: 1\n"), file("README.md", "hi\n")], &author(), moment(0), "import").unwrap();
        git(folder.path(), &["clone", "--quiet", "gitops.git", "clone"]);
        let clone = folder.path().join("clone");
        std::fs::write(clone.join("apps/a/x.yaml"), "tag: 2\n").unwrap();
        git(&clone, &["commit", "--quiet", "-am", "promote(staging): a → 2"]);
        git(&clone, &["push", "--quiet", "origin", "main"]);
        let pushed = repository.head(MAIN).unwrap();
        assert_eq!(pushed, git(&clone, &["rev-parse", "HEAD"]).trim());
        assert_eq!(repository.changed_since(&first, &pushed).unwrap(), ["apps/a/x.yaml"]);
        assert_eq!(repository.read(&pushed, "apps/a/x.yaml").unwrap().unwrap(), b"tag: 2\n");
        let revision = repository.revision(&pushed).unwrap();
        assert_eq!((revision.author.name.as_str(), revision.message.trim()), ("Li Wei", "promote(staging): a → 2"));

        let last = repository.commit(MAIN, &[("README.md".to_owned(), None), ("nowhere".to_owned(), None)], &author(), moment(60), "tidy").unwrap();
        assert_eq!(repository.read(&last, "README.md").unwrap(), None);
        assert_eq!(repository.read(&last, "apps").unwrap(), None, "a folder is no file");
        assert_eq!(repository.revision(&last).unwrap().parent, Some(pushed.clone()));
        assert_eq!(repository.revision(&last).unwrap().when, moment(60));
        let touched: Vec<_> = repository.log(&last, Some("apps/a"), 9).unwrap().into_iter().map(|revision| revision.id).collect();
        assert_eq!(touched, [pushed, first]);
        assert_eq!(repository.log(&last, None, 2).unwrap().len(), 2);
        git(&clone, &["pull", "--quiet"]);
        assert_eq!(git(&path, &["fsck", "--full", "--strict", "--no-dangling"]).trim(), "");
        let hooks = std::fs::read_dir(path.join("hooks")).map(|files| files.map(|file| file.unwrap().file_name()).collect::<Vec<_>>());
        assert!(hooks.unwrap_or_default().iter().all(|name| name == "README.sample"), "a sample, and no hook");
    }

    #[test]
    fn its_history_can_be_rewritten_and_it_can_go_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gitops.git");
        let repository = Repository::create(&path).unwrap();
        let first = repository.commit(MAIN, &[file("x.yaml", "tag: 1\n")], &author(), moment(0), "import").unwrap();
        let second = repository.commit(MAIN, &[file("x.yaml", "tag: 2\n")], &author(), moment(1), "wrong words").unwrap();
        let again = repository.rewrite(MAIN, &author(), moment(2), "right words").unwrap();
        assert!(again != second && repository.head(MAIN).unwrap() == again);
        assert_eq!(git(&path, &["log", "--format=%s", "main"]).lines().collect::<Vec<_>>(), ["right words", "import"]);
        assert_eq!(repository.revision(&again).unwrap().parent, Some(first));
        for away in [true, true, false, false] {
            repository.set_away(away).unwrap();
            let read = Command::new("git").arg("ls-remote").arg(&path).output().unwrap();
            assert_eq!(read.status.success(), !away);
            assert_eq!(repository.head(MAIN).unwrap(), again, "the world itself goes on");
        }
    }

    #[test]
    fn the_same_inputs_make_the_same_revision_and_a_large_commit_is_one_pack() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..2 * MANY).map(|number| file(&format!("apps/s{number}/values.yaml"), &format!("tag: {number}\n"))).collect();
        let head = |name: &str| {
            let path = folder.path().join(name);
            let repository = Repository::create(&path).unwrap();
            repository.commit(MAIN, &files, &author(), moment(0), "import").unwrap();
            repository.commit(MAIN, &[file("apps/s1/values.yaml", "tag: new\n")], &author(), moment(9), "next").unwrap();
            assert_eq!(git(&path, &["fsck", "--full", "--strict", "--no-dangling"]).trim(), "");
            assert_eq!(git(&path, &["show", "main:apps/s1/values.yaml"]), "tag: new\n");
            assert_eq!(git(&path, &["show", "main:apps/s7/values.yaml"]), "tag: 7\n");
            assert!(git(&path, &["count-objects"]).starts_with("5 objects"), "commit, blob and the three trees above it");
            repository.head(MAIN).unwrap()
        };
        assert_eq!(head("one.git"), head("two.git"));
    }

    #[test]
    fn commits_and_pushes_at_the_same_time_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::create(&folder.path().join("gitops.git")).unwrap();
        repository.commit(MAIN, &[file("a", "0\n")], &author(), moment(0), "import").unwrap();
        git(folder.path(), &["clone", "--quiet", "gitops.git", "clone"]);
        let clone = folder.path().join("clone");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..30 {
                    repository.commit(MAIN, &[file("a", &format!("{number}!\n"))], &author(), moment(number), "ours").unwrap();
                }
            });
            for number in 0..5 {
                std::fs::write(clone.join("b"), format!("{number}\n")).unwrap();
                git(&clone, &["add", "b"]);
                git(&clone, &["commit", "--quiet", "-m", "theirs"]);
                while !pushed(&clone) {}
            }
        });
        let log = repository.log(&repository.head(MAIN).unwrap(), None, 100).unwrap();
        assert_eq!(log.iter().filter(|revision| revision.message.trim() == "ours").count(), 30);
        assert_eq!(log.iter().filter(|revision| revision.message.trim() == "theirs").count(), 5);
    }

    fn pushed(clone: &Path) -> bool {
        git(clone, &["pull", "--quiet", "--rebase"]);
        let push = Command::new("git").current_dir(clone).args(["push", "--quiet", "origin", "main"]).output().unwrap();
        push.status.success()
    }
}
