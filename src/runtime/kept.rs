//! What is kept for the next time: favourites and saved views, in one JSON file of the state directory, for its owner only.
//!
//! A file is read, changed and written whole, under a lock, by a thread of its own: the core waits for no disk. It is replaced in one step. One that
//! cannot be understood is put aside under another name and told once; one of a newer version is left alone.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr as _, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::app::Model;
use crate::app::matrix::Arrange;
use crate::app::view::{self, Change, View};
use crate::base::nearest::nearest;
use crate::base::{Raw, Safe};
use crate::domain::ServiceName;

const NAME: &str = "favourites-and-views.json";
const VERSION: u32 = 1;

/// How long the end of the program waits for what is still being written.
const PATIENCE: Duration = Duration::from_millis(300);

/// What was kept, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Favourites.
    pub favourites: BTreeSet<ServiceName>,
    /// Saved views.
    pub views: Vec<View>,
    /// What is to be told of the file, once.
    pub remark: Option<Safe>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    favourites: BTreeSet<String>,
    #[serde(default)]
    views: Vec<WrittenView>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenView {
    name: String,
    #[serde(default)]
    filter: String,
    #[serde(default)]
    arrange: WrittenArrange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fold: Option<bool>,
}

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenArrange {
    #[default]
    Need,
    Name,
    Change,
}

#[derive(Deserialize)]
struct OnlyVersion {
    version: u32,
}

impl Default for Written {
    fn default() -> Self {
        Self { version: VERSION, favourites: BTreeSet::new(), views: Vec::new() }
    }
}

/// Keeps changes in a folder, one after the other.
#[derive(Debug)]
pub struct Keeper {
    changes: Option<Sender<Change>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts to keep. Where that fails, `told` is given a sentence.
    pub fn start(folder: PathBuf, told: impl Fn(Safe) + Send + 'static) -> Result<Self> {
        let (sender, receiver): (_, Receiver<Change>) = channel();
        let thread = std::thread::Builder::new().name("keeper".into()).spawn(move || {
            for change in receiver {
                if let Err(error) = keep(&folder, &change) {
                    tracing::warn!(%error, "not kept");
                    told(Safe::clean(&format!("Not kept for the next time: {error:#}")));
                }
            }
        })?;
        Ok(Self { changes: Some(sender), thread: Some(thread) })
    }

    /// Keeps a change, soon.
    pub fn keep(&self, change: Change) {
        if let Some(changes) = &self.changes {
            let _ = changes.send(change);
        }
    }
}

impl Drop for Keeper {
    /// What was asked for is written before the end, unless the disk does not answer.
    fn drop(&mut self) {
        self.changes = None;
        let Some(thread) = self.thread.take() else { return };
        let (done, waited) = channel();
        let _ = std::thread::Builder::new().name("closing".into()).spawn(move || {
            let _ = thread.join();
            let _ = done.send(());
        });
        let _ = waited.recv_timeout(PATIENCE);
    }
}

/// Gives a model its favourites and views, and shows the view that is named. Refused, in words, where there is none of that name.
pub fn begin(model: &mut Model, folder: &Path, view: Option<&str>) -> Result<(), Safe> {
    let kept = load(folder);
    model.own.favourites = kept.favourites;
    let configured: Vec<Safe> = model.own.views.iter().map(|view| view.name.clone()).collect();
    model.own.views.extend(kept.views.into_iter().filter(|view| !configured.contains(&view.name)));
    if let Some(wanted) = view {
        let found = model.own.views.iter().find(|view| view.name.as_str() == wanted).cloned();
        view::choose(model, &found.ok_or_else(|| unknown(model, wanted))?);
    }
    if kept.remark.is_some() {
        model.notice = kept.remark;
    }
    Ok(())
}

/// What is said of a view that is not there.
fn unknown(model: &Model, wanted: &str) -> Safe {
    let names: Vec<&str> = model.own.views.iter().map(|view| view.name.as_str()).collect();
    let wanted = Safe::clean(wanted);
    match (nearest(wanted.as_str(), names.iter().copied()), names.is_empty()) {
        (Some(near), _) => crate::safe!("there is no view '{wanted}'. Did you mean '{near}'?"),
        (None, false) => crate::safe!("there is no view '{wanted}'. There are {}.", names.join(", ")),
        (None, true) => crate::safe!("there is no view '{wanted}': none is saved, and the configuration has no [[views]]."),
    }
}

/// Reads what was kept. Nothing that is wrong with the file keeps the cockpit from starting.
#[must_use]
pub fn load(folder: &Path) -> Kept {
    match read(folder) {
        Ok(written) => understood(written),
        Err(Unreadable::Broken(why)) => {
            let aside = put_aside(folder);
            let place =
                aside.map_or_else(|error| format!("it could not be put aside ({error:#})"), |place| format!("it lies in {} now", place.display()));
            Kept {
                remark: Some(Safe::clean(&format!("The file of favourites and views could not be understood ({why}): {place}."))),
                ..Kept::default()
            }
        }
        Err(Unreadable::Other(why)) => {
            Kept { remark: Some(Safe::clean(&format!("Favourites and views could not be read: {why}."))), ..Kept::default() }
        }
    }
}

enum Unreadable {
    /// It is not what this program writes.
    Broken(String),
    /// It cannot be opened, or it is of a newer version.
    Other(String),
}

fn read(folder: &Path) -> Result<Written, Unreadable> {
    let path = folder.join(NAME);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Written::default()),
        Err(error) => return Err(Unreadable::Other(format!("{}: {error}", path.display()))),
    };
    let OnlyVersion { version } = serde_json::from_slice(&text).map_err(|error| Unreadable::Broken(error.to_string()))?;
    if version > VERSION {
        return Err(Unreadable::Other(format!(
            "{} was written by a newer tiphys (version {version} of the file, this one knows {VERSION})",
            path.display()
        )));
    }
    serde_json::from_slice(&text).map_err(|error| Unreadable::Broken(error.to_string()))
}

fn understood(written: Written) -> Kept {
    let view = |view: WrittenView| View {
        name: Safe::clean(&view.name),
        filter: Safe::clean(&view.filter).as_str().to_owned(),
        arrange: match view.arrange {
            WrittenArrange::Need => Arrange::ByNeed,
            WrittenArrange::Name => Arrange::ByName,
            WrittenArrange::Change => Arrange::ByChange,
        },
        folded: view.fold,
        is_configured: false,
    };
    Kept {
        favourites: written.favourites.into_iter().map(|name| ServiceName(Raw::new(name))).collect(),
        views: written.views.into_iter().map(view).collect(),
        remark: None,
    }
}

/// Moves a file that cannot be understood out of the way, over none that was moved before.
fn put_aside(folder: &Path) -> Result<PathBuf> {
    let place = (1..100).map(|number| folder.join(format!("{NAME}.unreadable-{number}"))).find(|place| !place.exists());
    let Some(place) = place else { bail!("a hundred of them lie there already") };
    std::fs::rename(folder.join(NAME), &place).wrap_err("cannot rename it")?;
    Ok(place)
}

fn keep(folder: &Path, change: &Change) -> Result<()> {
    // Held until the end: another cockpit changes the file before or after, not meanwhile.
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join(".favourites-and-views.lock"));
    let lock = lock.wrap_err_with(|| format!("cannot write to {}", folder.display()))?;
    lock.lock().wrap_err("cannot lock")?;
    let mut written = match read(folder) {
        Ok(written) => written,
        Err(Unreadable::Other(why)) => bail!("{why}"),
        Err(Unreadable::Broken(_)) => {
            put_aside(folder)?;
            Written::default()
        }
    };
    match change {
        Change::Favourite(service, true) => drop(written.favourites.insert(service.as_wire().to_owned())),
        Change::Favourite(service, false) => drop(written.favourites.remove(service.as_wire())),
        Change::SaveView(view) => {
            written.views.retain(|other| other.name != view.name.as_str());
            written.views.push(to_write(view));
        }
        Change::ForgetView(name) => written.views.retain(|other| other.name != name.as_str()),
    }
    replace(folder, &serde_json::to_vec_pretty(&written)?)
}

fn to_write(view: &View) -> WrittenView {
    let arrange = match view.arrange {
        Arrange::ByNeed => WrittenArrange::Need,
        Arrange::ByName => WrittenArrange::Name,
        Arrange::ByChange => WrittenArrange::Change,
    };
    WrittenView { name: view.name.as_str().to_owned(), filter: view.filter.clone(), arrange, fold: view.folded }
}

/// Puts the new file in the place of the old one, in one step.
fn replace(folder: &Path, text: &[u8]) -> Result<()> {
    let path = folder.join(NAME);
    ensure!(!path.is_dir(), "{} is a folder", path.display());
    let new = folder.join(format!(".{NAME}.new"));
    let write = || -> std::io::Result<()> {
        let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&new, &path)
    };
    write().wrap_err_with(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn favourite(name: &str, is: bool) -> Change {
        Change::Favourite(ServiceName::from(name), is)
    }

    fn view(name: &str, filter: &str) -> View {
        View { name: Safe::clean(name), filter: filter.to_owned(), arrange: Arrange::ByName, folded: Some(true), is_configured: false }
    }

    fn names(kept: &Kept) -> Vec<&str> {
        kept.favourites.iter().map(ServiceName::as_wire).collect()
    }

    #[test]
    fn what_is_kept_comes_back_and_two_cockpits_do_not_undo_each_other() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()), Kept::default(), "a first start is none to speak of");
        for _ in 0..2 {
            let first = Keeper::start(folder.path().to_owned(), |told| panic!("{told}")).unwrap();
            let second = Keeper::start(folder.path().to_owned(), |told| panic!("{told}")).unwrap();
            first.keep(favourite("checkout", true));
            second.keep(favourite("search\n\u{1b}", true));
            first.keep(Change::SaveView(view("mine", "env:prod")));
            first.keep(Change::SaveView(view("mine", "env:production")));
            first.keep(Change::SaveView(view("other", "")));
            first.keep(Change::ForgetView(Safe::clean("other")));
            second.keep(favourite("payments", true));
            second.keep(favourite("payments", false));
        }
        let kept = load(folder.path());
        assert_eq!((names(&kept), &kept.views, &kept.remark), (vec!["checkout", "search\n\u{1b}"], &vec![view("mine", "env:production")], &None));
        assert_eq!(std::fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_broken_file_is_put_aside_and_told_once() {
        let folder = tempfile::tempdir().unwrap();
        for broken in ["{", "", "[]", "{\"version\":1,\"favourites\":7}", "{\"version\":1,\"views\":[{\"name\":\"a\",\"odd\":1}]}", "\u{0}"] {
            std::fs::write(folder.path().join(NAME), broken).unwrap();
            let told = load(folder.path()).remark.unwrap();
            assert!(told.as_str().contains("could not be understood") && told.as_str().contains(".unreadable-"), "{told}");
            assert_eq!(load(folder.path()), Kept::default(), "told once");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6, "none is lost");
        std::fs::write(folder.path().join(NAME), "{").unwrap();
        keep(folder.path(), &favourite("a", true)).unwrap();
        assert_eq!(names(&load(folder.path())), ["a"]);
    }

    #[test]
    fn a_file_of_a_newer_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let newer = "{\"version\":2,\"favourites\":{\"a\":\"b\"}}";
        std::fs::write(folder.path().join(NAME), newer).unwrap();
        assert!(load(folder.path()).remark.unwrap().as_str().contains("newer tiphys"));
        assert!(keep(folder.path(), &favourite("a", true)).unwrap_err().to_string().contains("newer tiphys"));
        assert_eq!(std::fs::read_to_string(folder.path().join(NAME)).unwrap(), newer);
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let (sender, receiver) = channel();
        let keeper = Keeper::start(PathBuf::from("/nowhere/at/all"), move |told| drop(sender.send(told))).unwrap();
        keeper.keep(favourite("a", true));
        assert!(receiver.recv().unwrap().as_str().starts_with("Not kept for the next time: cannot write to /nowhere/at/all"));
    }

    #[test]
    fn it_begins_with_the_view_that_is_named_or_says_which_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let new = || Model::new(crate::domain::landscape::Landscape::default(), crate::app::Settings::default(), crate::base::Timestamp::UNIX_EPOCH);
        let begun = |view: &str| begin(&mut new(), folder.path(), Some(view)).unwrap_err().as_str().to_owned();
        assert_eq!(begun("mine"), "there is no view 'mine': none is saved, and the configuration has no [[views]].");
        keep(folder.path(), &Change::SaveView(view("mine", "service:checkout"))).unwrap();
        assert_eq!(begun("mnie"), "there is no view 'mnie'. Did you mean 'mine'?");
        assert_eq!(begun("something\u{1b}"), "there is no view 'something\u{fffd}'. There are mine.");
        let mut model = new();
        begin(&mut model, folder.path(), Some("mine")).unwrap();
        assert_eq!((model.matrix.filter.text(), model.matrix.arrange, model.matrix.folded), ("service:checkout", Arrange::ByName, Some(true)));
    }
}
