//! From an application, an image and a version to the edits that bring it about, and to the bytes of every file that changes. What the files say
//! afterwards is read again with everything that overrides them: an edit that would not bring the version about is refused.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::draft::Draft;
use super::{Edit, Refused, Version, helm, kustomize, put, style};
use crate::base::{Raw, Safe};
use crate::domain::application::Origin;
use crate::domain::image::Image;
use crate::manifest::tree::{Entry, Recorded, Tree, Trouble, below};
use crate::manifest::yaml::{self, Flaw, Node};
use crate::manifest::{Layout, Question, Reader, Wanted, read};

/// New bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which origin of the application the file belongs to.
    pub origin: usize,
    /// The file, from the root of the repository.
    pub file: Raw,
    /// All of its bytes.
    pub bytes: Vec<u8>,
}

/// A version moved: what a plan shows, and what a commit takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The edits, in their order.
    pub edits: Vec<Edit>,
    /// Every file that changes.
    pub files: Vec<Changed>,
    /// What the application wants then.
    pub wanted: Wanted,
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        Self(trouble.why().clone())
    }
}

/// Finds the edits that put an image of an application at a version. `repository` is the image's registry and repository as it runs; `trees` has one
/// for each origin, `None` where it is in another repository.
///
/// # Errors
///
/// The sentence why there are none: no file says it, something outside of the files wins, or a place cannot be edited with certainty. Also where the
/// files say the version already.
pub fn locate(question: &Question<'_>, trees: &[Option<&dyn Tree>], repository: &str, version: &Version) -> Result<Vec<Edit>, Refused> {
    check(version)?;
    let recorded: Vec<Option<Recorded<'_>>> = trees.iter().map(|tree| tree.map(Recorded::new)).collect();
    let reader = Reader { question, keys: question.keys.of(question.name), recorded: &recorded };
    let mut finder = Finder { reader: &reader, repository, version, drafts: Vec::new(), is_found: false, hint: None };
    for (index, origin) in question.origins.iter().enumerate() {
        finder.origin(index, origin)?;
    }
    let edits: Vec<Edit> = finder.drafts.into_iter().flat_map(|draft| draft.edits).collect();
    let image = Safe::clean(repository);
    match (edits.is_empty(), finder.is_found) {
        (false, _) => Ok(edits),
        (true, true) => Err(Refused(crate::safe!("the files say this version of {image} already: there is nothing to change"))),
        (true, false) => Err(Refused(finder.hint.unwrap_or_else(|| {
            crate::safe!(
                "no kustomization and no values of {} name {image}: [[gitops.images]] names values by their keys",
                Safe::clean(question.name)
            )
        }))),
    }
}

fn check(version: &Version) -> Result<(), Refused> {
    type Rule = (&'static str, fn(&str) -> bool);
    let rules: [(&Option<Raw>, Rule); 3] = [
        (&version.tag, ("tag of an image", style::is_tag)),
        (&version.digest, ("digest", style::is_digest)),
        (&version.name, ("name of an image", style::is_name)),
    ];
    for (part, (what, is)) in rules {
        if let Some(part) = part {
            style::checked(part.as_wire(), what, is).map_err(|what| Refused(Safe::clean(&what)))?;
        }
    }
    if version.tag.is_none() && version.digest.is_none() {
        return Err(Refused(Safe::clean("a version without tag and digest cannot be put anywhere: name one of them")));
    }
    Ok(())
}

struct Finder<'f, 't> {
    reader: &'f Reader<'f, 't>,
    repository: &'f str,
    version: &'f Version,
    drafts: Vec<Draft>,
    is_found: bool,
    hint: Option<Safe>,
}

impl Finder<'_, '_> {
    fn origin(&mut self, index: usize, origin: &Origin) -> Result<(), Refused> {
        let tree = self.reader.recorded.get(index).and_then(Option::as_ref);
        match (self.reader.layout(origin, tree)?, tree) {
            (Layout::Kustomization(folder, overrides), Some(tree)) => {
                let targets = kustomize::targets(tree, &folder, &overrides, self.repository)?;
                for target in targets {
                    self.is_found = true;
                    let (repository, version) = (self.repository, self.version);
                    let draft = self.draft(index, &target.file)?;
                    let file = target.file.clone();
                    kustomize::move_entry(draft, &target.name, repository, version).map_err(|hindrance| hindrance.refused(&file))?;
                }
                Ok(())
            }
            (Layout::Chart(folder, overrides, origin), Some(tree)) => {
                let named = self.reader.chart_values(tree, &folder, &overrides, &origin)?;
                let mut files = self.value_files(index, &origin, Some(&folder))?;
                let own = below(&folder, "values.yaml");
                if files.is_empty() && tree.yaml(&own)?.is_some() {
                    files.push((index, own));
                }
                self.values(&named, &files)
            }
            (Layout::Remote(_), _) => {
                let named = self.reader.remote_values(origin)?;
                let files = self.value_files(index, origin, None)?;
                if let Some(chart) = &origin.chart {
                    let chart = chart.shown();
                    let why =
                        crate::safe!("the version of the chart {chart} is its targetRevision, which is not moved here: change it in the Application");
                    self.hint.get_or_insert(why);
                }
                self.values(&named, &files)
            }
            (Layout::Plain(folder), Some(_)) => {
                let why = crate::safe!("{} holds plain manifests, which are not edited: a kustomization with images can be", Safe::clean(&folder));
                self.hint.get_or_insert(why);
                Ok(())
            }
            (Layout::Nothing, _) | (_, None) => Ok(()),
        }
    }

    /// The values files of the application that are in a tree here, in their order, each with the origin whose tree it is in.
    fn value_files(&self, index: usize, origin: &Origin, folder: Option<&str>) -> Result<Vec<(usize, String)>, Refused> {
        let mut found = Vec::new();
        for written in &origin.value_files {
            let (name, path) = match crate::manifest::helm::place_of(folder, written.as_wire()) {
                Ok(place) => place,
                Err(Trouble::Elsewhere(_)) => continue,
                Err(trouble) => return Err(trouble.into()),
            };
            let is_named = |other: &Origin| other.reference.as_ref().map(Raw::as_wire) == name;
            let index = if name.is_some() { self.reader.question.origins.iter().position(is_named) } else { Some(index) };
            found.extend(index.map(|index| (index, path)));
        }
        Ok(found)
    }

    fn values(&mut self, named: &[crate::manifest::helm::Named], files: &[(usize, String)]) -> Result<(), Refused> {
        let paths: Vec<String> = files.iter().map(|(_, path)| path.clone()).collect();
        let repository = self.repository;
        for named in named.iter().filter(|named| named.image.repository.as_wire() == repository) {
            self.is_found = true;
            for target in helm::targets(named, &paths, self.version)? {
                let Some((index, file)) = files.iter().rev().find(|(_, file)| *file == target.file) else { continue };
                let draft = self.draft(*index, file)?;
                helm::move_value(draft, &target).map_err(|hindrance| hindrance.refused(file))?;
            }
        }
        Ok(())
    }

    fn draft(&mut self, origin: usize, file: &str) -> Result<&mut Draft, Refused> {
        let place = self.drafts.iter().position(|draft| draft.origin() == origin && draft.file() == file);
        let place = if let Some(place) = place {
            place
        } else {
            let tree = self.reader.recorded.get(origin).and_then(Option::as_ref);
            let bytes = tree.and_then(|tree| tree.bytes(file));
            let bytes = bytes.ok_or_else(|| Refused(crate::safe!("{} is no file that can be edited", Safe::clean(file))))?;
            self.drafts.push(Draft::new(origin, file, &bytes).map_err(|hindrance| hindrance.refused(file))?);
            self.drafts.len() - 1
        };
        self.drafts.get_mut(place).ok_or_else(|| Refused(Safe::clean("this file was not opened")))
    }
}

/// Puts edits into their files.
///
/// # Errors
///
/// As [`put`](super::put()), and where a file is not there.
pub fn carry(trees: &[Option<&dyn Tree>], edits: &[Edit]) -> Result<Vec<Changed>, Refused> {
    let mut files: Vec<(usize, &Raw, Vec<Edit>)> = Vec::new();
    for edit in edits {
        match files.iter_mut().find(|(origin, file, _)| *origin == edit.origin && **file == edit.file) {
            Some((_, _, edits)) => edits.push(edit.clone()),
            None => files.push((edit.origin, &edit.file, vec![edit.clone()])),
        }
    }
    let change = |(origin, file, edits): (usize, &Raw, Vec<Edit>)| {
        let bytes = trees.get(origin).copied().flatten().and_then(|tree| tree.bytes(file.as_wire()));
        let bytes = bytes.ok_or_else(|| Refused(crate::safe!("{} is not there any more: plan again", file.shown())))?;
        Ok(Changed { origin, file: file.clone(), bytes: put(&bytes, &edits)? })
    };
    files.into_iter().map(change).collect()
}

/// Moves an image of an application to a version: [`locate()`], [`carry`], and a look at what the application wants then.
///
/// # Errors
///
/// As those, and where the application would not want that version, or would want another version of another image.
pub fn moved(question: &Question<'_>, trees: &[Option<&dyn Tree>], repository: &str, version: &Version) -> Result<Moved, Refused> {
    let edits = locate(question, trees, repository, version)?;
    let before = read(question, trees).images?;
    let files = carry(trees, &edits)?;
    let laid: Vec<Option<Laid<'_>>> = trees.iter().enumerate().map(|(index, tree)| Some(Laid::over((*tree)?, index, question, &files))).collect();
    let laid: Vec<Option<&dyn Tree>> = laid.iter().map(|tree| tree.as_ref().map(|tree| tree as &dyn Tree)).collect();
    let wanted = read(question, &laid);
    let after = match &wanted.images {
        Ok(images) => images,
        Err(trouble) => return Err(trouble.clone().into()),
    };
    let name = version.name.as_ref().map_or(repository, Raw::as_wire);
    let is_meant = |image: &&Image| [repository, name].contains(&image.repository.as_wire());
    let others = |images: &[Image]| -> Vec<Image> { images.iter().filter(|image| !is_meant(image)).cloned().collect() };
    if others(&before) != others(after) {
        return Err(Refused(crate::safe!(
            "other images would move too, by an entry that names several: give {} an entry of its own",
            Safe::clean(repository)
        )));
    }
    let mut meant = after.iter().filter(is_meant).peekable();
    if meant.peek().is_none() || meant.any(|image| !version.is_said_by(image, repository)) {
        let by = wanted.overridden.as_ref().map_or_else(|| Safe::clean("something else than these files"), Clone::clone);
        return Err(Refused(crate::safe!("the application would not want this version of {}: {by} says another one", Safe::clean(repository))));
    }
    Ok(Moved { edits, files, wanted })
}

/// A tree with new files laid over it.
struct Laid<'t> {
    tree: &'t dyn Tree,
    files: BTreeMap<&'t str, &'t [u8]>,
}

impl<'t> Laid<'t> {
    fn over(tree: &'t dyn Tree, index: usize, question: &Question<'_>, files: &'t [Changed]) -> Self {
        // Two origins may be the same revision of one repository.
        let place = |index: usize| question.origins.get(index).map(|origin| (&origin.repository, &origin.target_revision));
        let files = files.iter().filter(|changed| changed.origin == index || place(changed.origin) == place(index));
        Self { tree, files: files.map(|changed| (changed.file.as_wire(), changed.bytes.as_slice())).collect() }
    }
}

impl Tree for Laid<'_> {
    fn yaml(&self, path: &str) -> Option<Result<Rc<[Rc<Node>]>, Flaw>> {
        match self.files.get(path) {
            Some(bytes) => Some(yaml::read(bytes).map(Rc::from)),
            None => self.tree.yaml(path),
        }
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.files.get(path).map(|bytes| bytes.to_vec()).or_else(|| self.tree.bytes(path))
    }

    fn folder(&self, path: &str) -> Option<Vec<Entry>> {
        self.tree.folder(path)
    }
}
