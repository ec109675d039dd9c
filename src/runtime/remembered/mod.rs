//! The last known fleet, on disk between two runs: what the first frame shows before any source has answered. A convenience and never a truth: a
//! file that cannot be read, or is of another version, counts as none.
//!
//! One file for each set of Argo CDs, `$XDG_STATE_HOME/tiphys/fleets/*.fleet`, for its owner only. The rows that are seen first stand first in it, so
//! that the first frame waits for these only.

mod wire;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use color_eyre::eyre::{Result, WrapErr as _, ensure, eyre};

use crate::app::Model;
use crate::app::matrix::Line;
use crate::base::Timestamp;
use crate::config::Config;
use crate::domain::fleet::Remembered;

/// What files of this version begin with.
const HEADING: &[u8] = b"tiphys fleet 2\n";
/// What files of any version begin with.
const ANY_HEADING: &[u8] = b"tiphys fleet ";

/// Applications that are read before the first frame: more than a screen shows.
const FIRST: usize = 600;
/// Applications of the parts that follow.
const PART: usize = 1000;

/// Nobody has so much; a larger file is not ours.
const LARGEST: u64 = 256 << 20;

/// Where the fleet of a configuration is remembered.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    file: PathBuf,
}

impl Memory {
    /// The place for this configuration. Nothing is read or written yet.
    pub(super) fn of(config: &Config) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        for argocd in &config.argocds {
            argocd.name.hash(&mut hasher);
            argocd.api.as_ref().map(|api| &api.url).hash(&mut hasher);
            argocd.clusters.hash(&mut hasher);
        }
        Ok(Self { file: super::places::state()?.join("fleets").join(format!("{:016x}.fleet", hasher.finish())) })
    }

    /// Opens what is remembered. `None`: nothing is.
    pub(super) fn open(&self) -> Result<Option<Parts>> {
        let file = match std::fs::File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).wrap_err_with(|| format!("cannot read {}", self.file.display())),
        };
        ensure!(file.metadata()?.len() <= LARGEST, "{} is too large", self.file.display());
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes).wrap_err_with(|| format!("cannot read {}", self.file.display()))?;
        if !bytes.starts_with(HEADING) && bytes.starts_with(ANY_HEADING) {
            // Written before an update of this program, or after it: the next one written takes its place.
            return Ok(None);
        }
        ensure!(bytes.starts_with(HEADING), "{} is no remembered fleet", self.file.display());
        Ok(Some(Parts { bytes, at: HEADING.len(), reader: wire::Reader::default() }))
    }

    /// Writes what is worth remembering: whole or not at all.
    pub(super) fn write(&self, applications: &[Remembered]) -> Result<()> {
        let folder = self.file.parent().ok_or_else(|| eyre!("there is no folder for it"))?;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).wrap_err_with(|| format!("cannot make {}", folder.display()))?;
        let bytes = bytes(applications)?;
        write_whole(&self.file, &bytes).wrap_err_with(|| format!("cannot write {}", self.file.display()))
    }
}

/// The whole file, in parts that can be read one by one.
fn bytes(applications: &[Remembered]) -> Result<Vec<u8>> {
    let mut bytes = HEADING.to_vec();
    let (first, rest) = applications.split_at_checked(FIRST).unwrap_or((applications, &[]));
    for part in std::iter::once(first).chain(rest.chunks(PART)) {
        let part = wire::encode(part)?;
        bytes.extend(u32::try_from(part.len())?.to_le_bytes());
        bytes.extend(part);
    }
    Ok(bytes)
}

fn write_whole(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beginning = file.with_extension(format!("{}.begins", std::process::id()));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beginning)
        .and_then(|mut open| open.write_all(bytes))
        .and_then(|()| std::fs::rename(&beginning, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&beginning);
    }
    written
}

/// What is worth remembering of a model, the rows that are seen first foremost.
#[must_use]
pub(super) fn memorable(model: &Model, now: Timestamp) -> Vec<Remembered> {
    let rows = model.matrix.lines.iter().filter_map(|line| if let Line::Row(service) = line { Some(service) } else { None });
    let mut places = HashMap::new();
    for (place, row) in rows.enumerate() {
        let Some(service) = model.fleet.services().get(row) else { continue };
        for part in service.cells.values().flat_map(|cell| &cell.placements).flat_map(|placement| &placement.parts) {
            places.entry(&part.app).or_insert(place);
        }
    }
    let mut memorable: Vec<Remembered> = model.fleet.memorable(now).collect();
    memorable.sort_by_cached_key(|one| places.get(&one.key).copied().unwrap_or(usize::MAX));
    memorable
}

/// What is remembered, part by part.
pub(super) struct Parts {
    bytes: Vec<u8>,
    at: usize,
    reader: wire::Reader,
}

impl Iterator for Parts {
    type Item = Result<Vec<Remembered>>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let part = rest.split_first_chunk::<4>().and_then(|(length, rest)| {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            self.at += 4 + length;
            rest.get(..length)
        });
        let read = part.ok_or_else(|| eyre!("it ends too early")).and_then(|part| self.reader.decode(part));
        if read.is_err() {
            self.at = self.bytes.len();
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::application::Origin;
    use crate::domain::testing::{app_key, application};

    fn applications(count: u32) -> Vec<Remembered> {
        let application = |number| {
            let mut application = application(&["envoy:1", &format!("acme/checkout:{number}@sha256:ab")], "Degraded");
            application.origins = [Origin {
                repository: "https://git.example.com/gitops.git".into(),
                path: Some("checkout".into()),
                chart: Some("web".into()),
                target_revision: Some("main".into()),
                reference: Some("values".into()),
                value_files: ["values-production.yaml".into()].into(),
                images: ["acme/checkout:2".into()].into(),
                parameters: [("image.tag".into(), "2".into())].into(),
                values: Some("image: {tag: '2'}".into()),
                recurse: true,
                plugin: true,
            }]
            .into();
            application
        };
        (0..count)
            .map(|number| Remembered {
                key: app_key(&format!("checkout-{number}")),
                application: application(number),
                seen_at: Timestamp::constant(1_795_185_127, 0),
            })
            .collect()
    }

    #[test]
    fn what_is_written_is_read_again_part_by_part() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory { file: folder.path().join("fleets/1.fleet") };
        assert!(memory.open().unwrap().is_none());
        for count in [0, 1, 599, 601, 2700] {
            let applications = applications(count);
            memory.write(&applications).unwrap();
            let parts: Vec<Vec<Remembered>> = memory.open().unwrap().unwrap().map(Result::unwrap).collect();
            assert!(parts.first().unwrap().len() <= FIRST);
            assert_eq!(parts.concat(), applications);
        }
        let files = std::fs::read_dir(folder.path().join("fleets")).unwrap().count();
        assert_eq!(files, 1, "nothing is left behind");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&memory.file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_cut_changed_or_of_another_version_never_does_harm() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory { file: folder.path().join("1.fleet") };
        let whole = bytes(&applications(3)).unwrap();
        for other in [&b"tiphys fleet 1\n\0"[..], b"tiphys fleet 11\n"] {
            std::fs::write(&memory.file, other).unwrap();
            assert!(memory.open().unwrap().is_none(), "another version is nothing to speak of");
        }
        std::fs::write(&memory.file, b"something else").unwrap();
        assert!(memory.open().is_err());
        for length in HEADING.len()..whole.len() {
            std::fs::write(&memory.file, &whole[..length]).unwrap();
            let good = memory.open().unwrap().unwrap().flatten().count();
            assert_eq!(good, 0, "{length}");
        }
        for place in HEADING.len()..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 0xff;
            std::fs::write(&memory.file, &changed).unwrap();
            // Whatever it says, it is text that was cleaned and nothing worse.
            memory.open().unwrap().unwrap().for_each(drop);
        }
    }
}
