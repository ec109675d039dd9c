//! The answers of the last run, on disk beside the index: with them a program that starts reads no file of the repository for an application whose
//! files nobody touched since. A convenience and never a truth: what cannot be read, or was written by another program, counts as none, and
//! each answer is held against the index before it is told.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::hash::{Hash, Hasher};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use git2::Oid;
use serde::{Deserialize, Serialize};

use crate::base::{OperationId, Raw, Timestamp};
use crate::domain::AppKey;
use crate::domain::application::Origin;
use crate::domain::desired::{Change, Commit, Desired, ValueKeys};
use crate::domain::health::{Known, Why};
use crate::domain::image::Image;
use crate::gitops::common::Common;
use crate::gitops::ties::{Ties, Told};

const MAGIC: &[u8] = b"tiphys answers 1\n";
/// Nobody has so much; a larger file is not ours.
const LARGEST: u64 = 256 << 20;

/// What was asked, as a number: the application, where its manifests come from, what overrides them, and which keys are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Sum([u8; 16]);

/// Answers by what was asked.
pub(super) type Saved = HashMap<Sum, Told>;

struct Summing(ring::digest::Context);

impl Hasher for Summing {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not asked: the whole of it is taken.
    fn finish(&self) -> u64 {
        0
    }
}

impl Sum {
    pub(super) fn of(key: &AppKey, origins: &[Origin], keys: &ValueKeys) -> Self {
        let mut summing = Summing(ring::digest::Context::new(&ring::digest::SHA256));
        (&key.namespace, &key.name, origins, keys).hash(&mut summing);
        let mut sum = [0; 16];
        for (byte, from) in sum.iter_mut().zip(summing.0.finish().as_ref()) {
            *byte = *from;
        }
        Self(sum)
    }
}

type Id = [u8; 20];

#[derive(Serialize, Deserialize, Default)]
struct Written<'a> {
    /// The program that wrote it: another one may read manifests differently.
    program: (u64, u64),
    #[serde(borrow)]
    texts: Vec<&'a str>,
    /// Repository, tag and digest of each image, by the number of the text; 0: there is none.
    lists: Vec<Vec<[u32; 3]>>,
    /// Id, author, moment, subject and operation; 0: none.
    commits: Vec<(Id, u32, i64, u32, u32)>,
    answers: Vec<Answer>,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    asked: Sum,
    tips: Vec<Option<Id>>,
    ties: Vec<Ties>,
    images: Result<u32, u32>,
    revision: u32,
    file: u32,
    overridden: u32,
    revisions: Vec<u32>,
    compared: Option<u32>,
    history: Vec<(u32, u32)>,
    is_whole: bool,
}

/// Length and age of the program that runs. Where they cannot be read nothing is saved.
fn program() -> Option<(u64, u64)> {
    let file = std::fs::metadata(std::env::current_exe().ok()?).ok()?;
    let changed = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((file.len(), u64::try_from(changed.as_nanos()).ok()?))
}

/// Reads what is saved; nothing where there is nothing or nothing right.
pub(super) fn load(file: &Path, repository: &Raw) -> Saved {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    let read = read.ok().and_then(|_| {
        let (head, body) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let is_whole = u32::from_le_bytes(*head) == super::index::checksum(body);
        let written: Written<'_> = postcard::from_bytes(body).ok().filter(|_| is_whole)?;
        (Some(written.program) == program()).then(|| Reading::of(&written, repository).saved(&written)).flatten()
    });
    read.unwrap_or_default()
}

/// Writes answers: whole or not at all.
pub(super) fn save<'a>(file: &Path, answers: impl Iterator<Item = (Sum, &'a Told)>) -> std::io::Result<()> {
    let Some(program) = program() else { return Ok(()) };
    let mut writing = Writing::default();
    writing.text("");
    let answers: Vec<Answer> = answers.map(|(asked, told)| writing.answer(asked, told)).collect();
    let body = postcard::to_stdvec(&Written { program, answers, ..writing.written }).map_err(std::io::Error::other)?;
    let beginning = file.with_extension(format!("{}.begins", std::process::id()));
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beginning).and_then(|mut out| {
        out.write_all(MAGIC)?;
        out.write_all(&super::index::checksum(&body).to_le_bytes())?;
        out.write_all(&body)
    });
    let written = written.and_then(|()| std::fs::rename(&beginning, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&beginning);
    }
    written
}

#[derive(Default)]
struct Writing<'a> {
    written: Written<'a>,
    texts: HashMap<&'a str, u32>,
    lists: HashMap<&'a [Image], u32>,
    commits: HashMap<*const Commit, u32>,
}

/// The number of what comes next.
fn next<T>(held: &[T]) -> u32 {
    u32::try_from(held.len()).unwrap_or(u32::MAX)
}

impl<'a> Writing<'a> {
    fn text(&mut self, text: &'a str) -> u32 {
        *self.texts.entry(text).or_insert_with(|| {
            self.written.texts.push(text);
            next(&self.written.texts) - 1
        })
    }

    fn optional(&mut self, text: Option<&'a Raw>) -> u32 {
        text.map_or(0, |text| self.text(text.as_wire()))
    }

    fn list(&mut self, images: &'a [Image]) -> u32 {
        if let Some(known) = self.lists.get(images) {
            return *known;
        }
        let list = images
            .iter()
            .map(|image| [self.text(image.repository.as_wire()), self.optional(image.tag.as_ref()), self.optional(image.digest.as_ref())]);
        let list = list.collect();
        let number = next(&self.written.lists);
        self.written.lists.push(list);
        self.lists.insert(images, number);
        number
    }

    fn commit(&mut self, commit: &'a Arc<Commit>) -> u32 {
        if let Some(known) = self.commits.get(&Arc::as_ptr(commit)) {
            return *known;
        }
        let id = Oid::from_str(commit.id.as_wire()).map_or([0; 20], bytes);
        let operation = commit.operation.as_ref().map_or(0, |operation| self.text(operation.as_str()));
        let one = (id, self.text(commit.author.as_str()), commit.at.as_second(), self.text(commit.subject.as_str()), operation);
        let number = next(&self.written.commits);
        self.written.commits.push(one);
        self.commits.insert(Arc::as_ptr(commit), number);
        number
    }

    fn answer(&mut self, asked: Sum, told: &'a Told) -> Answer {
        let desired = &told.desired;
        Answer {
            asked,
            tips: told.tips.iter().map(|tip| tip.map(bytes)).collect(),
            ties: told.ties.to_vec(),
            images: match &desired.images {
                Known::Known(images) => Ok(self.list(images)),
                Known::Unknown(why) => Err(self.text(why.0.as_str())),
            },
            revision: self.text(desired.revision.as_wire()),
            file: self.optional(desired.file.as_ref()),
            overridden: desired.overridden.as_ref().map_or(0, |words| self.text(words.as_str())),
            revisions: told.revisions.iter().map(|revision| self.text(revision.as_wire())).collect(),
            compared: desired.compared.as_ref().map(|images| self.list(images)),
            history: desired.history.iter().map(|change| (self.list(&change.images), self.commit(&change.commit))).collect(),
            is_whole: desired.is_whole,
        }
    }
}

fn bytes(id: Oid) -> Id {
    id.as_bytes().try_into().unwrap_or_default()
}

struct Reading {
    repository: Raw,
    texts: Vec<Raw>,
    lists: Vec<Arc<[Image]>>,
    commits: Vec<Arc<Commit>>,
}

impl Reading {
    fn of(written: &Written<'_>, repository: &Raw) -> Self {
        let texts: Vec<Raw> = written.texts.iter().map(|text| Raw::from(*text)).collect();
        let text = |number: u32| texts.get(number as usize).cloned().unwrap_or_default();
        let optional = |number: u32| (number != 0).then(|| text(number));
        let image = |[repository, tag, digest]: &[u32; 3]| Image { repository: text(*repository), tag: optional(*tag), digest: optional(*digest) };
        let lists = written.lists.iter().map(|list| list.iter().map(image).collect()).collect();
        let mut common = Common::default();
        let mut commit = |(id, author, at, subject, operation): &(Id, u32, i64, u32, u32)| {
            Arc::new(Commit {
                id: Raw::from(Oid::from_bytes(id).map(|id| id.to_string()).unwrap_or_default()),
                author: common.safe(text(*author).shown()),
                at: Timestamp::from_second(*at).unwrap_or_default(),
                subject: text(*subject).shown(),
                operation: optional(*operation).and_then(|operation| OperationId::read(operation.as_wire())),
            })
        };
        let commits = written.commits.iter().map(&mut commit).collect();
        Self { repository: repository.clone(), texts, lists, commits }
    }

    fn text(&self, number: u32) -> Raw {
        self.texts.get(number as usize).cloned().unwrap_or_default()
    }

    fn saved(&self, written: &Written<'_>) -> Option<Saved> {
        written.answers.iter().map(|answer| Some((answer.asked, self.told(answer)?))).collect()
    }

    /// `None`: it names what is not there.
    fn told(&self, answer: &Answer) -> Option<Told> {
        let list = |number: u32| self.lists.get(number as usize).cloned();
        let optional = |number: u32| (number != 0).then(|| self.text(number));
        let change = |(images, commit): &(u32, u32)| Some(Change { images: list(*images)?, commit: self.commits.get(*commit as usize)?.clone() });
        let history: Option<Vec<Change>> = answer.history.iter().map(change).collect();
        let tip = |tip: &Option<Id>| tip.map(|id| Oid::from_bytes(&id).ok()).map_or(Some(None), |id| id.map(Some));
        Some(Told {
            desired: Desired {
                repository: self.repository.clone(),
                images: match answer.images {
                    Ok(images) => Known::Known(list(images)?),
                    Err(why) => Known::Unknown(Why(self.text(why).shown())),
                },
                revision: self.text(answer.revision),
                file: optional(answer.file),
                overridden: optional(answer.overridden).map(|words| words.shown()),
                compared: answer.compared.map(list).map_or(Some(None), |images| images.map(Some))?,
                history: history?.into(),
                is_whole: answer.is_whole,
                remark: None,
            },
            revisions: answer.revisions.iter().map(|revision| self.text(*revision)).collect(),
            tips: answer.tips.iter().map(tip).collect::<Option<_>>()?,
            ties: answer.ties.clone().into(),
            is_early: false,
        })
    }
}
