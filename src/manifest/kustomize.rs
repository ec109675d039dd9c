//! Kustomize, as far as images go: resources, bases and components inside the repository, patches that set an image, and `images` entries, applied
//! from the inside out as kustomize itself does (kustomize `api/filters/imagetag/updater.go`, `api/internal/target/kusttarget.go`).

use std::rc::Rc;

use crate::base::Safe;
use crate::manifest::containers::{By, Container, containers};
use crate::manifest::entry::ImageEntry;
use crate::manifest::patch;
use crate::manifest::tree::{Recorded, Trouble, below, joined};
use crate::manifest::yaml::{Documents, Node};

/// The names of a kustomization's file. Exactly one may be there.
pub(super) const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// A chain of bases longer than this is none that a person made.
const MOST_DEPTH: usize = 50;

/// What a kustomization makes.
#[derive(Debug, Clone, Default)]
pub(super) struct Built {
    /// The containers of its manifests.
    pub(super) containers: Vec<Container>,
    /// Entries that no container was meant by.
    pub(super) unused: Vec<Unused>,
    /// What it names and is not in the repository, or is made by something that is not read here.
    pub(super) elsewhere: Option<Safe>,
}

/// An entry that no container was meant by, alone or with outer ones that mean what it makes.
#[derive(Debug, Clone)]
pub(super) struct Unused {
    pub(super) entry: ImageEntry,
    /// The file of the outermost.
    pub(super) file: Rc<str>,
    /// The name of the outermost.
    pub(super) name: Rc<str>,
}

/// The file of the kustomization in a folder, if it is one.
pub(super) fn file_of(tree: &Recorded<'_>, folder: &str) -> Result<Option<String>, Trouble> {
    let mut found: Option<String> = None;
    for name in FILES {
        let path = below(folder, name);
        if tree.yaml(&path)?.is_some() {
            if let Some(other) = found {
                let (other, path) = (Safe::clean(&other), Safe::clean(&path));
                return Err(Trouble::Broken(crate::safe!("both {other} and {path} are there, and kustomize takes only one")));
            }
            found = Some(path);
        }
    }
    Ok(found)
}

/// Builds the kustomization in a folder. `overrides` are the entries that `kustomize edit set image` would put there beforehand.
pub(super) fn build(tree: &Recorded<'_>, folder: &str, overrides: &[ImageEntry]) -> Result<Built, Trouble> {
    let mut built = Built::default();
    Builder { tree, on_the_way: Vec::new() }.add(folder, overrides, &mut built)?;
    Ok(built)
}

struct Builder<'t> {
    tree: &'t Recorded<'t>,
    on_the_way: Vec<String>,
}

impl Builder<'_> {
    /// Adds what a folder makes to what is there. A component works on all of that, another kustomization on its own only.
    fn add(&mut self, folder: &str, overrides: &[ImageEntry], into: &mut Built) -> Result<(), Trouble> {
        let Some(file) = file_of(self.tree, folder)? else {
            return Err(Trouble::Missing(crate::safe!("{} has no kustomization.yaml", shown(folder))));
        };
        if self.on_the_way.iter().any(|before| before == folder) {
            let way: Vec<&str> = self.on_the_way.iter().map(String::as_str).chain([folder]).collect();
            return Err(Trouble::Broken(crate::safe!("these kustomizations use each other: {}", Safe::clean(&way.join(" → ")))));
        }
        if self.on_the_way.len() >= MOST_DEPTH {
            return Err(Trouble::Broken(crate::safe!("{} uses more than {MOST_DEPTH} others, one inside of the other", shown(folder))));
        }
        self.on_the_way.push(folder.to_owned());
        let documents = self.tree.yaml(&file)?.unwrap_or_default();
        let nothing = Rc::new(Node { line: 1, is_plain: true, value: crate::manifest::yaml::Value::Null });
        let kustomization = match &*documents {
            [] => nothing,
            [only] => Rc::clone(only),
            [_, second, ..] => return Err(Trouble::broken(&file, second.line, "a second document, which kustomize does not take")),
        };
        let result = self.read(folder, &Rc::from(file), &kustomization, overrides, into);
        self.on_the_way.pop();
        result
    }

    fn read(&mut self, folder: &str, file: &Rc<str>, kustomization: &Node, overrides: &[ImageEntry], into: &mut Built) -> Result<(), Trouble> {
        let mut own = Built::default();
        for key in ["resources", "bases"] {
            for resource in kustomization.items_of(key) {
                self.resource(folder, file, resource, &mut own)?;
            }
        }
        let is_component = kustomization.text_of("kind") == Some("Component");
        if is_component {
            // What it adds itself comes to what is there, and then it works on all of it.
            into.take(std::mem::take(&mut own));
        }
        let work = if is_component { &mut *into } else { &mut own };
        for component in kustomization.items_of("components") {
            self.resource(folder, file, component, work)?;
        }
        for key in ["helmCharts", "helmChartInflationGenerator"] {
            if !kustomization.items_of(key).is_empty() {
                work.elsewhere = Some(crate::safe!("{}: {key} are not read", Safe::clean(file)));
            }
        }
        self.patches(folder, file, kustomization, &mut work.containers)?;
        rename(kustomization, &mut work.containers);
        let mut entries = Vec::new();
        for entry in kustomization.items_of("images") {
            entries.push(ImageEntry::read(entry).map_err(|what| Trouble::broken(file, entry.line, &what))?);
        }
        for set in overrides {
            ImageEntry::set(&mut entries, set);
        }
        for entry in self.transformers(folder, file, kustomization)?.into_iter().chain(entries.into_iter().map(|entry| (entry, Rc::clone(file)))) {
            work.apply(entry);
        }
        replacements(file, kustomization)?;
        if !is_component {
            into.take(own);
        }
        Ok(())
    }

    /// A file, or a folder with a kustomization of its own.
    fn resource(&mut self, folder: &str, file: &str, named: &Node, into: &mut Built) -> Result<(), Trouble> {
        let Some(written) = named.text() else { return Err(Trouble::broken(file, named.line, "a resource that is no path")) };
        if is_remote(written) {
            into.elsewhere = Some(crate::safe!("{}:{}: {} is in another repository", Safe::clean(file), named.line, Safe::clean(&redacted(written))));
            return Ok(());
        }
        let Some(path) = joined(folder, written) else {
            return Err(Trouble::broken(file, named.line, &format!("'{written}' leaves the repository")));
        };
        if self.tree.has_folder(&path) {
            return match self.add(&path, &[], into) {
                Err(Trouble::Missing(why)) => Err(Trouble::broken(file, named.line, why.as_str())),
                result => result,
            };
        }
        match self.tree.yaml(&path)? {
            Some(documents) => into.containers.extend(containers(&documents, &path)?),
            None => return Err(Trouble::broken(file, named.line, &format!("'{written}' is not there"))),
        }
        Ok(())
    }

    fn patches(&self, folder: &str, file: &Rc<str>, kustomization: &Node, containers: &mut [Container]) -> Result<(), Trouble> {
        for key in ["patchesStrategicMerge", "patches", "patchesJson6902"] {
            for written in kustomization.items_of(key) {
                let target = written.get("target");
                let (documents, from): (Documents, Rc<str>) = match (written.text(), written.text_of("path"), written.text_of("patch")) {
                    // A strategic merge patch by itself: a file, or the patch as text.
                    (Some(text), ..) if text.contains('\n') => (inline(file, written.line, text)?, Rc::clone(file)),
                    (Some(path), ..) | (None, Some(path), _) => self.file(folder, file, written.line, path)?,
                    (None, None, Some(text)) => (inline(file, written.line, text)?, Rc::clone(file)),
                    (None, None, None) => continue,
                };
                for document in &*documents {
                    patch::apply(document, target, &from, containers)?;
                }
            }
        }
        Ok(())
    }

    fn file(&self, folder: &str, file: &str, line: usize, written: &str) -> Result<(Documents, Rc<str>), Trouble> {
        let missing = || Trouble::broken(file, line, &format!("'{written}' is not there"));
        let path = joined(folder, written).ok_or_else(missing)?;
        Ok((self.tree.yaml(&path)?.ok_or_else(missing)?, Rc::from(path)))
    }

    /// `images` entries that stand in files of their own (`ImageTagTransformer`).
    fn transformers(&self, folder: &str, file: &str, kustomization: &Node) -> Result<Vec<(ImageEntry, Rc<str>)>, Trouble> {
        let mut found = Vec::new();
        for named in kustomization.items_of("transformers") {
            let Some(written) = named.text().filter(|text| !text.contains('\n')) else { continue };
            if joined(folder, written).is_none_or(|path| self.tree.has_folder(&path)) {
                continue;
            }
            let (documents, path) = self.file(folder, file, named.line, written)?;
            for document in documents.iter().filter(|document| document.text_of("kind") == Some("ImageTagTransformer")) {
                let Some(entry) = document.get("imageTag") else { continue };
                found.push((ImageEntry::read(entry).map_err(|what| Trouble::broken(&path, entry.line, &what))?, Rc::clone(&path)));
            }
        }
        Ok(found)
    }
}

impl Built {
    fn take(&mut self, other: Self) {
        self.containers.extend(other.containers);
        self.unused.extend(other.unused);
        self.elsewhere = self.elsewhere.take().or(other.elsewhere);
    }

    fn apply(&mut self, (entry, file): (ImageEntry, Rc<str>)) {
        let mut is_used = false;
        let name: Rc<str> = Rc::from(entry.name.as_str());
        for container in &mut self.containers {
            if let Some(image) = entry.applied_to(&container.image) {
                container.image = image;
                container.file = Rc::clone(&file);
                container.by = By::Entry(Rc::clone(&name));
                is_used = true;
            }
        }
        for unused in &mut self.unused {
            if let Some(outer) = unused.entry.then(&entry) {
                *unused = Unused { entry: outer, file: Rc::clone(&file), name: Rc::clone(&name) };
                is_used = true;
            }
        }
        if !is_used {
            self.unused.push(Unused { entry, file, name });
        }
    }
}

fn inline(file: &str, line: usize, text: &str) -> Result<Documents, Trouble> {
    let documents = crate::manifest::yaml::read(text.as_bytes());
    documents.map(Rc::from).map_err(|flaw| Trouble::broken(file, line + flaw.line.saturating_sub(1), &flaw.what))
}

fn rename(kustomization: &Node, containers: &mut [Container]) {
    let (prefix, suffix) = (kustomization.text_of("namePrefix").unwrap_or_default(), kustomization.text_of("nameSuffix").unwrap_or_default());
    if prefix.is_empty() && suffix.is_empty() {
        return;
    }
    for container in containers {
        let name = container.names.last().map(|name| format!("{prefix}{name}{suffix}"));
        container.names.extend(name);
    }
}

/// A replacement into an image is not followed, and is said.
fn replacements(file: &str, kustomization: &Node) -> Result<(), Trouble> {
    for replacement in kustomization.items_of("replacements") {
        let targets = replacement.items_of("targets").iter().flat_map(|target| target.items_of("fieldPaths"));
        if targets.filter_map(|path| path.text()).any(|path| path.split('.').next_back() == Some("image")) {
            return Err(Trouble::Elsewhere(crate::safe!(
                "{}:{}: a replacement sets the image, which is not read",
                Safe::clean(file),
                replacement.line
            )));
        }
    }
    Ok(())
}

/// Whether kustomize would clone it.
fn is_remote(written: &str) -> bool {
    let first = written.split('/').next().unwrap_or_default();
    written.contains("://")
        || written.contains("?ref=")
        || written.starts_with("git@")
        || matches!(first, "github.com" | "gitlab.com" | "bitbucket.org")
}

/// Without what may be a password.
fn redacted(written: &str) -> String {
    match written.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        None => written.to_owned(),
    }
}

fn shown(folder: &str) -> Safe {
    if folder.is_empty() { Safe::clean("the root of the repository") } else { Safe::clean(folder) }
}
