//! The index of a repository: which commit of a branch touched which path, and what it left there. With it, a file at any commit is found without
//! reading a tree, and the history of an application is a few look-ups however long the repository's is.
//!
//! It follows first parents: what a merge brought counts as of the merge. Branches share what they have in common. It is kept on disk beside the
//! mirror in pieces that are added at the end; a piece that is torn or wrong, and what follows it, is read from the repository again.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::ops::Bound;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use git2::{Oid, Repository};

use crate::gitops::log::{self, Change, Left};
use crate::gitops::mirror::Mirror;
use crate::manifest::tree::Inputs;

const MAGIC: &[u8] = b"tiphys index 1\n";
/// So many commits make a piece: what is lost when the first reading of a large repository is interrupted.
const PIECE: usize = 10_000;
/// A repository with more changes than this has no index, and so no history here.
const MOST_CHANGES: usize = 8_000_000;
/// No commit.
const NONE: u32 = u32::MAX;

/// The index in memory.
#[derive(Debug, Default)]
pub struct Index {
    commits: Vec<Entry>,
    numbers: HashMap<Oid, u32>,
    paths: BTreeMap<Box<str>, u32>,
    /// For each path, the commits that touched it and what they left, in the order of their numbers.
    touched: Vec<Vec<(u32, Left)>>,
    changes: usize,
    /// Bytes on disk that are known to be right.
    written: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    id: Oid,
    parent: u32,
}

/// The commits of one branch up to its head, first parents only.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The number of the head.
    pub head: u32,
    members: Vec<u64>,
}

impl Chain {
    fn has(&self, number: u32) -> bool {
        let number = number as usize;
        self.members.get(number / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

impl Index {
    /// Reads what is on disk; empty where there is nothing or nothing right. Piece by piece, so that it takes no more memory than what comes of it.
    #[must_use]
    pub fn load(file: &Path) -> Self {
        let Ok(file) = File::open(file) else { return Self::default() };
        let mut file = BufReader::new(file);
        let mut magic = [0; MAGIC.len()];
        if file.read_exact(&mut magic).is_err() || magic != MAGIC {
            return Self::default();
        }
        let mut index = Self { written: MAGIC.len() as u64, ..Self::default() };
        let mut piece = Vec::new();
        while next_piece(&mut file, &mut piece) {
            if index.read(&piece).is_none() {
                // A piece that is whole and makes no sense: nothing of it may stay.
                return Self::default();
            }
            index.written += (piece.len() + PIECE_HEAD) as u64;
        }
        index.touched.iter_mut().for_each(Vec::shrink_to_fit);
        index
    }

    /// How many commits it knows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.commits.len()
    }

    /// Whether it knows no commit.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// How many commits of a branch it does not know yet, as far as `most`.
    pub fn missing(&self, git: &Repository, head: Oid, most: usize) -> Result<usize, git2::Error> {
        let (mut count, mut next) = (0, Some(head));
        while let Some(id) = next.filter(|id| count < most && !self.numbers.contains_key(id)) {
            next = git.find_commit(id)?.parent_ids().next();
            count += 1;
        }
        Ok(count)
    }

    /// Takes in the commits of a branch that it does not know yet, and keeps them on disk where nobody else writes there.
    pub fn extend(&mut self, mirror: &Mirror, head: Oid) -> Result<(), git2::Error> {
        if self.numbers.contains_key(&head) {
            return Ok(());
        }
        let base = if self.is_empty() { None } else { log::newest_known(mirror.folder(), head, |id| self.numbers.contains_key(&id))? };
        let mut parent = base.and_then(|id| self.number(id)).unwrap_or(NONE);
        let file = mirror.index();
        let mut piece = Encoder::default();
        let told = log::each(mirror.folder(), head, base, &mut |id, changes| {
            parent = self.add(id, parent, changes, &mut piece)?;
            if piece.commits == PIECE {
                self.save(&file, &std::mem::take(&mut piece).done());
            }
            Ok(())
        });
        if piece.commits > 0 {
            self.save(&file, &piece.done());
        }
        self.touched.iter_mut().for_each(Vec::shrink_to_fit);
        told
    }

    fn add(&mut self, id: Oid, parent: u32, changes: Vec<Change>, encoded: &mut Encoder) -> Result<u32, git2::Error> {
        self.changes += changes.len();
        if self.changes > MOST_CHANGES {
            return Err(git2::Error::from_str("the repository has more changes than an index is made for"));
        }
        let number = u32::try_from(self.commits.len()).map_err(|error| git2::Error::from_str(&format!("too many commits: {error}")))?;
        encoded.commit(id, parent, changes.len());
        for Change { path, left } in changes {
            let known = self.paths.get(path.as_str()).copied();
            let place = known.unwrap_or_else(|| self.new_path(&path));
            encoded.change(place, known.is_none().then_some(&path), left);
            if let Some(touched) = self.touched.get_mut(place as usize) {
                touched.push((number, left));
            }
        }
        self.commits.push(Entry { id, parent });
        self.numbers.insert(id, number);
        Ok(number)
    }

    fn new_path(&mut self, path: &str) -> u32 {
        let place = u32::try_from(self.touched.len()).unwrap_or(NONE);
        self.paths.insert(path.into(), place);
        self.touched.push(Vec::new());
        place
    }

    /// Adds a piece at the end, unless the file is not the one that was read: another cockpit writes there, and its pieces are as good.
    fn save(&mut self, file: &Path, piece: &[u8]) {
        let result = (|| -> std::io::Result<u64> {
            let mut out = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file)?;
            if out.try_lock().is_err() {
                return Ok(0);
            }
            let length = out.metadata()?.len();
            if self.written == 0 {
                out.set_len(0)?;
                out.write_all(MAGIC)?;
                self.written = MAGIC.len() as u64;
            } else if length < self.written || length > self.written && !self.is_torn(&mut out)? {
                return Ok(0);
            }
            out.set_len(self.written)?;
            out.seek(SeekFrom::Start(self.written))?;
            let mut whole = Vec::with_capacity(piece.len() + 8);
            whole.extend(u32::try_from(piece.len()).unwrap_or(0).to_le_bytes());
            whole.extend(checksum(piece).to_le_bytes());
            whole.extend(piece);
            out.write_all(&whole)?;
            Ok(whole.len() as u64)
        })();
        match result {
            Ok(added) => self.written += added,
            Err(error) => tracing::warn!(%error, "the index of a repository was not written"),
        }
    }

    /// Whether what follows the known part of the file is no whole piece.
    fn is_torn(&self, file: &mut File) -> std::io::Result<bool> {
        file.seek(SeekFrom::Start(self.written))?;
        Ok(!next_piece(file, &mut Vec::new()))
    }

    fn read(&mut self, piece: &[u8]) -> Option<()> {
        let mut decoder = Decoder(piece);
        for _ in 0..decoder.number()? {
            let id = decoder.id()?;
            let (parent, changes) = (decoder.number()?, decoder.number()?);
            let number = u32::try_from(self.commits.len()).ok()?;
            if parent != NONE && parent >= number || self.numbers.contains_key(&id) {
                return None;
            }
            for _ in 0..changes {
                let place = decoder.number()?;
                if place as usize == self.touched.len() {
                    let path = decoder.text()?;
                    self.new_path(path);
                }
                let left = match decoder.byte()? {
                    0 => Left::Nothing,
                    1 => Left::File(decoder.id()?),
                    2 => Left::Other,
                    _ => return None,
                };
                self.touched.get_mut(place as usize)?.push((number, left));
                self.changes += 1;
            }
            self.commits.push(Entry { id, parent });
            self.numbers.insert(id, number);
        }
        decoder.0.is_empty().then_some(())
    }

    /// The number of a commit.
    #[must_use]
    pub fn number(&self, id: Oid) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    /// The id of a commit.
    #[must_use]
    pub fn id(&self, number: u32) -> Option<Oid> {
        self.commits.get(number as usize).map(|entry| entry.id)
    }

    /// The commit before one; `None`: it is the first.
    #[must_use]
    pub fn parent(&self, number: u32) -> Option<u32> {
        self.commits.get(number as usize).map(|entry| entry.parent).filter(|parent| *parent != NONE)
    }

    /// A branch by its head.
    #[must_use]
    pub fn chain(&self, head: Oid) -> Option<Chain> {
        let head = self.number(head)?;
        let mut chain = Chain { head, members: vec![0; head as usize / 64 + 1] };
        let mut next = Some(head);
        while let Some(number) = next {
            if let Some(word) = chain.members.get_mut(number as usize / 64) {
                *word |= 1 << (number % 64);
            }
            next = self.parent(number);
        }
        Some(chain)
    }

    /// Whether a commit is on a branch.
    #[must_use]
    pub fn is_on(&self, chain: &Chain, number: u32) -> bool {
        chain.has(number)
    }

    /// What lies at a path at a commit of a branch.
    #[must_use]
    pub fn at(&self, chain: &Chain, number: u32, path: &str) -> Left {
        self.paths.get(path).map_or(Left::Nothing, |place| self.left(chain, number, *place))
    }

    fn left(&self, chain: &Chain, number: u32, place: u32) -> Left {
        self.newest_touch(chain, number, place).map_or(Left::Nothing, |(_, left)| left)
    }

    fn newest_touch(&self, chain: &Chain, number: u32, place: u32) -> Option<(u32, Left)> {
        let touched = self.touched.get(place as usize)?;
        let end = touched.partition_point(|(by, _)| *by <= number);
        touched.get(..end)?.iter().rev().find(|(by, _)| chain.has(*by)).copied()
    }

    /// Each path that a branch touched, with the newest commit that did.
    pub(super) fn newest_of_all<'i>(&'i self, chain: &'i Chain) -> impl Iterator<Item = (&'i str, u32)> {
        self.paths.iter().filter_map(|(path, place)| Some((&**path, self.newest_touch(chain, chain.head, *place)?.0)))
    }

    /// The paths below a folder that were ever there, in order.
    fn below<'i>(&'i self, folder: &str) -> impl Iterator<Item = (&'i str, u32)> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        self.paths.range::<str, _>(from).map(|(path, place)| (&**path, *place)).take_while(move |(path, _)| path.starts_with(&prefix))
    }

    /// The files below a folder at a commit of a branch, with their paths from there, in order.
    pub fn files<'i>(&'i self, chain: &'i Chain, number: u32, folder: &'i str) -> impl Iterator<Item = &'i str> {
        let skipped = if folder.is_empty() { 0 } else { folder.len() + 1 };
        let there = self.below(folder).filter(move |(_, place)| self.left(chain, number, *place) != Left::Nothing);
        there.filter_map(move |(path, _)| path.get(skipped..))
    }

    /// The newest commit of a branch, not after `number`, that touched one of these paths.
    #[must_use]
    pub fn newest(&self, chain: &Chain, number: u32, inputs: &Inputs) -> Option<u32> {
        let files = inputs.files.iter().filter_map(|path| self.paths.get(path.as_str()).copied());
        let below = inputs.folders.iter().flat_map(|folder| self.below(folder).map(|(_, place)| place));
        files.chain(below).filter_map(|place| self.newest_touch(chain, number, place)).map(|(by, _)| by).max()
    }

    /// Which of these files a commit touched.
    pub fn touched_by<'p>(&self, number: u32, inputs: &'p Inputs) -> impl Iterator<Item = &'p str> {
        inputs.files.iter().map(String::as_str).filter(move |path| {
            let touched = self.paths.get(*path).and_then(|place| self.touched.get(*place as usize));
            touched.is_some_and(|touched| touched.binary_search_by_key(&number, |(by, _)| *by).is_ok())
        })
    }
}

pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}

/// Bytes before a piece: its length and its sum.
const PIECE_HEAD: usize = 8;

/// Reads the next piece; `false`: there is none that is whole.
fn next_piece(file: &mut impl Read, piece: &mut Vec<u8>) -> bool {
    let mut head = [0; PIECE_HEAD];
    if file.read_exact(&mut head).is_err() {
        return false;
    }
    let mut head = Decoder(&head);
    let (Some(length), Some(sum)) = (head.number(), head.number()) else { return false };
    piece.clear();
    // Not more than there is, whatever a torn file says.
    let read = file.take(u64::from(length)).read_to_end(piece);
    length > 0 && read.is_ok_and(|read| read == length as usize) && checksum(piece) == sum
}

#[derive(Default)]
struct Encoder {
    commits: usize,
    bytes: Vec<u8>,
}

impl Encoder {
    /// A piece: how many commits, and what they are.
    fn done(self) -> Vec<u8> {
        let mut piece = u32::try_from(self.commits).unwrap_or(NONE).to_le_bytes().to_vec();
        piece.extend(self.bytes);
        piece
    }

    fn number(&mut self, number: usize) {
        self.bytes.extend(u32::try_from(number).unwrap_or(NONE).to_le_bytes());
    }

    fn commit(&mut self, id: Oid, parent: u32, changes: usize) {
        self.commits += 1;
        self.bytes.extend(id.as_bytes());
        self.bytes.extend(parent.to_le_bytes());
        self.number(changes);
    }

    fn change(&mut self, place: u32, path: Option<&String>, left: Left) {
        self.bytes.extend(place.to_le_bytes());
        if let Some(path) = path {
            self.number(path.len());
            self.bytes.extend(path.as_bytes());
        }
        match left {
            Left::Nothing => self.bytes.push(0),
            Left::File(id) => {
                self.bytes.push(1);
                self.bytes.extend(id.as_bytes());
            }
            Left::Other => self.bytes.push(2),
        }
    }
}

struct Decoder<'b>(&'b [u8]);

impl<'b> Decoder<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn id(&mut self) -> Option<Oid> {
        Oid::from_bytes(self.take(20)?).ok()
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = self.number()? as usize;
        std::str::from_utf8(self.take(length)?).ok()
    }
}
