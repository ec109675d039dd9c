//! Starting a world to practise in: where it lives, what it must not read or overwrite, and how it is joined.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use color_eyre::eyre::{Result, WrapErr as _, bail};

use crate::app::demo::Scenario;
use crate::base::Safe;
use crate::config::{self, Config, Problems, Surroundings};
use crate::runtime::clock;
use crate::simulator::{self, Choice, Options, Simulator};

/// Which world, and how it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// The scenario; one of [`simulator::scenarios`].
    pub scenario: String,
    /// The same seed, the same chance.
    pub seed: u64,
    /// How many times faster than the wall.
    pub speed: f64,
    /// How many services a generated world has.
    pub services: Option<u32>,
}

impl Wish {
    /// Starts the world in an existing folder. It begins at the present moment.
    pub async fn start(&self, folder: &Path) -> Result<Simulator, simulator::Error> {
        let options = Options {
            scenario: self.scenario.clone(),
            seed: self.seed,
            speed: self.speed,
            services: self.services,
            start: clock::now(),
            folder: folder.to_owned(),
        };
        Simulator::start(options).await
    }
}

/// The scenarios as the core knows them.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let scenario = |choice: Choice| Scenario { name: Safe::clean(choice.name), title: choice.title, story: choice.story };
    simulator::scenarios().into_iter().map(scenario).collect()
}

/// The name that was most likely meant, where one is near.
#[must_use]
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let near = |name: &str| name.starts_with(&wanted) && !wanted.is_empty();
    let ranked = names.into_iter().map(|name| (if near(name) { 0 } else { edits(&wanted, name) }, name));
    ranked.min_by_key(|(edits, _)| *edits).filter(|(edits, name)| *edits <= name.chars().count() / 2).map(|(_, name)| name)
}

/// How many letters have to be put in, taken out or changed to make one word of the other.
fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (number, letter) in one.chars().enumerate() {
        let mut corner = number;
        let mut left = number + 1;
        for (cell, compared) in row.iter_mut().skip(1).zip(other.chars()) {
            let changed = corner + usize::from(letter != compared);
            corner = *cell;
            left = changed.min(left + 1).min(corner + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = number + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The configuration of the world in a folder. Nothing of the person's own is read: no home, no login, no kubeconfig but the world's.
pub fn configuration(folder: &Path) -> Result<Config, Problems> {
    let kubeconfig = folder.join("kubeconfig");
    let text = |path: &Path| path.display().to_string();
    let surroundings = Surroundings::new(Some(folder.to_owned()), [("KUBECONFIG", text(&kubeconfig)), ("ARGOCD_CONFIG_DIR", text(folder))]);
    let mut config = config::load(Some(&folder.join("config.toml")), &surroundings)?;
    for cluster in &mut config.clusters {
        // Where none is named, the clients would look at the person's own.
        cluster.kubeconfig.get_or_insert_with(|| kubeconfig.clone());
    }
    config.gitops.mirrors = Some(folder.join("mirrors"));
    Ok(config)
}

/// How folders of demos are called, before what tells one from the other.
const PREFIX: &str = "tiphys-demo-";

/// The file that its owner holds locked for as long as it lives.
const LOCK: &str = ".lock";

/// A folder of a demo, for its owner only. Dropped, it is gone.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes a new one among the temporary files, and clears away those that a killed demo left behind.
    pub fn new() -> Result<Self> {
        Self::new_in(&std::env::temp_dir())
    }

    fn new_in(parent: &Path) -> Result<Self> {
        clear_away(parent);
        let path = parent.join(format!("{PREFIX}{:016x}", fastrand::u64(..)));
        // Not recursive: a folder that somebody else put there is an error and not ours.
        DirBuilder::new().mode(0o700).create(&path).wrap_err_with(|| format!("cannot make {}; TMPDIR names another place", path.display()))?;
        // It is locked before it is found under its name, or another demo could take it for one that was left behind.
        let beginning = path.join(".lock-begins");
        let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beginning).wrap_err("cannot mark the folder of the demo")?;
        lock.lock().wrap_err("cannot lock the folder of the demo")?;
        std::fs::rename(&beginning, path.join(LOCK)).wrap_err("cannot mark the folder of the demo")?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "the folder of the demo was not removed");
        }
    }
}

/// Removes the folders of demos that no longer run: their lock is free. Those of other people are left alone.
fn clear_away(parent: &Path) {
    let me = rustix::process::getuid().as_raw();
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_demo = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let is_mine = || entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == me);
        if is_demo && is_mine() && File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The file in which a served world keeps what it wrote beside it.
const WRITTEN: &str = ".tiphys-simulate";

/// A folder that a world is written to for others to join. It stays when the world ends; the next world there takes its place.
#[derive(Debug)]
pub struct Written {
    path: PathBuf,
    list: File,
}

impl Written {
    /// Takes a folder: a new or empty one, or one that holds nothing but what an earlier world wrote, which is removed.
    pub fn take(path: &Path) -> Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).wrap_err_with(|| format!("cannot make {}", path.display()))?;
        let path = path.canonicalize().wrap_err_with(|| format!("cannot find {}", path.display()))?;
        let marker = path.join(WRITTEN);
        let listed = std::fs::read_to_string(&marker).unwrap_or_default();
        let before: Vec<&str> = listed.lines().collect();
        let there = names(&path)?;
        if let Some(foreign) = there.iter().find(|name| !before.contains(&name.as_str())) {
            bail!(
                "{} holds {foreign:?}, which tiphys did not write, and nothing of others is overwritten: name a new or empty folder",
                path.display()
            );
        }
        let mut open = OpenOptions::new();
        let list = open.read(true).write(true).create(true).truncate(false).mode(0o600).open(&marker);
        let list = list.wrap_err_with(|| format!("cannot write to {}", path.display()))?;
        if list.try_lock().is_err() {
            bail!("another tiphys simulate serves from {}: end it, or name another folder", path.display());
        }
        for name in there {
            let old = path.join(name);
            let removed = if old.is_dir() && !old.is_symlink() { std::fs::remove_dir_all(&old) } else { std::fs::remove_file(&old) };
            removed.wrap_err_with(|| format!("cannot remove {}", old.display()))?;
        }
        Ok(Self { path, list })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the names of what is there now as what was written, and hands them out.
    pub fn keep(&mut self) -> Result<Vec<String>> {
        let names = names(&self.path)?;
        self.list.rewind()?;
        self.list.set_len(0)?;
        for name in &names {
            writeln!(self.list, "{name}")?;
        }
        self.list.flush()?;
        Ok(names)
    }
}

/// What lies in a folder, but for the list itself.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).wrap_err_with(|| format!("cannot look into {}", folder.display()))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| name != WRITTEN).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        let names = ["bad-canary", "argocd-down", "fleet", "friday"];
        for (wanted, found) in [
            ("bad-canry", Some("bad-canary")),
            ("argo", Some("argocd-down")),
            ("Fleet", Some("fleet")),
            ("fr1day", Some("friday")),
            ("something else", None),
            ("", None),
        ] {
            assert_eq!(nearest(wanted, names), found, "{wanted}");
        }
        assert_eq!((edits("kitten", "sitting"), edits("", "abc"), edits("same", "same")), (3, 3, 0));
    }

    #[test]
    fn a_folder_is_its_owners_alone_and_gone_in_the_end_and_so_is_what_a_killed_demo_left() {
        let parent = tempfile::tempdir().unwrap();
        let left = parent.path().join(format!("{PREFIX}left"));
        std::fs::create_dir_all(left.join("deep")).unwrap();
        std::fs::write(left.join(LOCK), "").unwrap();
        let begins = parent.path().join(format!("{PREFIX}begins"));
        std::fs::create_dir(&begins).unwrap();
        let first = Folder::new_in(parent.path()).unwrap();
        let second = Folder::new_in(parent.path()).unwrap();
        assert!(!left.exists() && begins.exists() && first.path().exists(), "one that runs, or is about to, is left alone");
        assert_eq!(std::fs::metadata(first.path()).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::write(second.path().join("kubeconfig"), "x").unwrap();
        let place = second.path().to_owned();
        drop(second);
        assert!(!place.exists() && first.path().exists());
    }

    #[test]
    fn a_world_takes_the_place_of_the_one_before_and_of_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("new/world");
        let mut written = Written::take(&place).unwrap();
        std::fs::create_dir(written.path().join("repo.git")).unwrap();
        std::fs::write(written.path().join("kubeconfig"), "x").unwrap();
        assert_eq!(written.keep().unwrap(), ["kubeconfig", "repo.git"]);
        let refused = |place: &Path| format!("{:#}", Written::take(place).unwrap_err());
        assert!(refused(&place).contains("another tiphys simulate serves"), "{}", refused(&place));
        drop(written);
        drop(Written::take(&place).unwrap());
        assert!(!place.join("kubeconfig").exists() && !place.join("repo.git").exists());
        std::fs::write(place.join("notes.txt"), "mine").unwrap();
        assert!(refused(&place).contains("notes.txt"));
        assert_eq!(std::fs::read_to_string(place.join("notes.txt")).unwrap(), "mine");
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("kubeconfig"), "mine").unwrap();
        assert!(refused(other.path()).contains("name a new or empty folder"));
    }

    #[test]
    fn only_the_logins_of_the_folder_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = "{current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], \
                          clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}], users: [{name: a, user: {token: t}}]}";
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig).unwrap();
        std::fs::write(folder.path().join("config.toml"), "title = \"acme\"\n").unwrap();
        let config = configuration(folder.path()).unwrap();
        let files: Vec<_> = config.clusters.iter().map(|cluster| cluster.kubeconfig.clone()).collect();
        assert_eq!(files, [Some(folder.path().join("kubeconfig"))]);
    }
}
