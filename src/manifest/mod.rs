//! MANIFESTS: what a tree of files wants of an application, read and never rendered. Which files that depends on is part of the answer, so that
//! whoever walks a history looks only at the commits that touched one of them.
//!
//! * [`yaml`]: text to a tree in which scalars stay what was written
//! * [`tree`]: what a reader needs of a repository; [`files`]: one that lies in memory
//! * `kustomize`, `entry`, `patch`, `containers`: kustomizations and plain manifests
//! * `helm`, `values`: charts, by their values
//! * [`edit`]: a version put into the files that say it, and nothing else; [`path`]: where something stands in a file
//! * [`objects`]: what manifests are about besides images: hooks, numbers of pods, what scales them
//! * [`prepared`]: what was read of a repository for a plan, so that a plan needs no repository
//! * [`rendered`]: what a renderer made before and after a change, compared
//! * `overrides`: what stands beside the files and wins: `.argocd-source.yaml`, and the Application itself
//!
//! Pure: it knows no git, no network and no application but by its origins.

mod containers;
pub mod edit;
mod entry;
pub mod files;
mod helm;
mod kustomize;
pub mod objects;
mod overrides;
mod patch;
pub mod path;
pub mod prepared;
pub mod rendered;
#[cfg(test)]
mod tests;
pub mod tree;
mod values;
pub mod yaml;

use std::borrow::Cow;
use std::rc::Rc;

use crate::base::Safe;
use crate::domain::application::Origin;
use crate::domain::desired::{ValueKey, ValueKeys};
use crate::domain::image::Image;
use containers::By;
use entry::ImageEntry;
use overrides::Overrides;
use tree::{Inputs, Recorded, Tree, Trouble, below, joined};

/// Whose manifests are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// The Application's namespace and name: overrides for one application are found by them.
    pub namespace: &'q str,
    /// See `namespace`.
    pub name: &'q str,
    /// All of its origins, in their order.
    pub origins: &'q [Origin],
    /// Keys that are named in the configuration.
    pub keys: &'q ValueKeys,
}

/// What the files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The images, each once, in the order of the manifests; or why they are not known.
    pub images: Result<Vec<Image>, Trouble>,
    /// The file that says the version, as far as one can be named.
    pub file: Option<String>,
    /// What overrides the files, in words.
    pub overridden: Option<Safe>,
    /// What it depends on, for each origin.
    pub inputs: Vec<Inputs>,
    /// What makes its manifests, for each origin.
    pub made: Vec<Made>,
}

/// What makes the manifests of an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// It has none.
    Nothing,
    /// They lie in this folder as they are.
    Files(String),
    /// Kustomize, from this folder.
    Kustomize(String),
    /// Helm, from the chart in this folder.
    Helm(String),
    /// What is not here, or not understood: why.
    Elsewhere(Safe),
}

impl Wanted {
    /// Why the files that were read do not tell every object that is made of them; `None`: they do.
    #[must_use]
    pub fn unrendered(&self) -> Option<Safe> {
        self.made.iter().find_map(|made| match made {
            Made::Elsewhere(why) => Some(why.clone()),
            Made::Helm(folder) => Some(crate::safe!("the templates of the chart {} are not rendered here", Safe::clean(folder))),
            Made::Nothing | Made::Files(_) | Made::Kustomize(_) => None,
        })
    }
}

/// Reads what the origins of an application want. `trees` has one for each origin; `None` where it is in another repository.
#[must_use]
pub fn read(question: &Question<'_>, trees: &[Option<&dyn Tree>]) -> Wanted {
    let recorded: Vec<Option<Recorded<'_>>> = trees.iter().map(|tree| tree.map(Recorded::new)).collect();
    let mut told = Told::default();
    let mut broken = None;
    let reader = Reader { question, keys: question.keys.of(question.name), recorded: &recorded };
    let mut made = Vec::new();
    for (origin, tree) in question.origins.iter().zip(&recorded) {
        let before = told.elsewhere.take();
        let result = reader.origin(origin, tree.as_ref(), &mut told);
        let own = told.elsewhere.clone();
        told.elsewhere = before.or(own.clone());
        made.push(match (&result, own) {
            (Ok(Made::Kustomize(_) | Made::Files(_)), Some(why)) => Made::Elsewhere(why),
            (Ok(made), _) => made.clone(),
            (Err(trouble), _) => Made::Elsewhere(trouble.why().clone()),
        });
        match result.map(drop) {
            Ok(()) => {}
            Err(Trouble::Elsewhere(why)) => _ = told.elsewhere.get_or_insert(why),
            Err(trouble) => broken = broken.or(Some(trouble)),
        }
    }
    let images = match (broken, told.elsewhere) {
        (Some(trouble), _) => Err(trouble),
        (None, Some(why)) if told.images.is_empty() => Err(Trouble::Elsewhere(why)),
        (None, _) => Ok(told.images),
    };
    let overridden = (!told.overridden.is_empty()).then(|| Safe::clean(&told.overridden.join(", ")));
    let inputs = recorded.into_iter().map(|tree| tree.map(Recorded::into_inputs).unwrap_or_default()).collect();
    Wanted { images, file: told.set_by.or(told.said_by), overridden, inputs, made }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Told {
    images: Vec<Image>,
    /// The file of the first image that something else than a manifest set.
    set_by: Option<String>,
    /// The file of the first image.
    said_by: Option<String>,
    overridden: Vec<String>,
    elsewhere: Option<Safe>,
}

impl Told {
    fn image(&mut self, image: Image, file: &str, is_set: bool) {
        // What the Application itself says stands in no file.
        let is_file = !matches!(file, "helm.parameters" | "helm.values");
        let place = if is_set { &mut self.set_by } else { &mut self.said_by };
        if is_file && place.is_none() {
            *place = Some(file.to_owned());
        }
        if !self.images.contains(&image) {
            self.images.push(image);
        }
    }
}

struct Reader<'r, 't> {
    question: &'r Question<'r>,
    /// Keys of values that hold for this application.
    keys: Vec<&'r ValueKey>,
    recorded: &'r [Option<Recorded<'t>>],
}

/// How the manifests of an origin are made.
enum Layout<'o> {
    /// It has none.
    Nothing,
    /// By a chart that is elsewhere; its values may be here.
    Remote(Safe),
    /// By a chart in this folder.
    Chart(String, Overrides, Cow<'o, Origin>),
    /// By the kustomization in this folder.
    Kustomization(String, Overrides),
    /// They lie in this folder.
    Plain(String),
}

impl<'t> Reader<'_, 't> {
    fn layout<'o>(&self, origin: &'o Origin, tree: Option<&Recorded<'t>>) -> Result<Layout<'o>, Trouble> {
        if let Some(chart) = &origin.chart {
            let why = crate::safe!("the chart {} is in a Helm repository, and no value here names its image", chart.shown());
            return Ok(Layout::Remote(why));
        }
        let Some(path) = &origin.path else { return Ok(Layout::Nothing) };
        let Some(tree) = tree else { return Ok(Layout::Remote(crate::safe!("{} is in another repository", path.shown()))) };
        if origin.plugin {
            return Err(Trouble::Elsewhere(crate::safe!("the manifests of {} are made by a plugin, which is not run here", path.shown())));
        }
        let folder = joined("", path.as_wire()).ok_or_else(|| Trouble::Broken(crate::safe!("the path {} leaves the repository", path.shown())))?;
        if !tree.has_folder(&folder) {
            // A folder that is not there is an input: it may come.
            tree.folder(&folder);
            return Err(Trouble::Missing(crate::safe!("the path {} is not there", path.shown())));
        }
        let overrides = Overrides::read(tree, &folder, self.question.namespace, self.question.name, origin)?;
        if helm::is_chart(tree, &folder)? {
            let origin = overrides.applied_to(origin);
            return Ok(Layout::Chart(folder, overrides, origin));
        }
        if kustomize::file_of(tree, &folder)?.is_some() {
            return Ok(Layout::Kustomization(folder, overrides));
        }
        Ok(Layout::Plain(folder))
    }

    fn origin(&self, origin: &Origin, tree: Option<&Recorded<'t>>, told: &mut Told) -> Result<Made, Trouble> {
        match (self.layout(origin, tree)?, tree) {
            (Layout::Remote(why), _) => {
                let named = self.remote_values(origin)?;
                if named.is_empty() {
                    return Err(Trouble::Elsewhere(why));
                }
                told.overridden.extend(overridden_by_parameters(origin));
                take(named, told);
                Ok(Made::Elsewhere(why))
            }
            (Layout::Chart(folder, overrides, origin), Some(tree)) => {
                told.overridden.extend(overrides.words_of_parameters());
                let named = self.chart_values(tree, &folder, &overrides, &origin)?;
                if named.is_empty() {
                    let folder = Safe::clean(&folder);
                    let why = crate::safe!("no value of the chart {folder} is an image by the usual keys: [[gitops.images]] names others");
                    told.elsewhere.get_or_insert(why);
                }
                take(named, told);
                Ok(Made::Helm(folder))
            }
            (Layout::Kustomization(folder, overrides), Some(tree)) => {
                told.overridden.extend(overrides.words_of_images());
                kustomized(tree, &folder, &overrides, told).map(|()| Made::Kustomize(folder))
            }
            (Layout::Plain(folder), Some(tree)) => plain(tree, &folder, origin.recurse, 0, told).map(|()| Made::Files(folder)),
            (Layout::Nothing, _) | (_, None) => Ok(Made::Nothing),
        }
    }

    /// What values here name of a chart that is elsewhere.
    fn remote_values(&self, origin: &Origin) -> Result<Vec<helm::Named>, Trouble> {
        helm::read_values(origin, &parameters(origin), &|name| self.referred(name), &self.keys)
    }

    /// What the values of a chart name.
    fn chart_values(&self, tree: &Recorded<'t>, folder: &str, overrides: &Overrides, origin: &Origin) -> Result<Vec<helm::Named>, Trouble> {
        helm::read(tree, folder, origin, &overrides.parameters, &|name| self.referred(name), &self.keys)
    }

    fn referred(&self, name: &str) -> Option<&Recorded<'t>> {
        let origins = self.question.origins.iter().zip(self.recorded);
        origins
            .filter(|(origin, _)| origin.reference.as_ref().is_some_and(|reference| reference.as_wire() == name))
            .find_map(|(_, tree)| tree.as_ref())
    }
}

/// Takes in what values name.
fn take(named: Vec<helm::Named>, told: &mut Told) {
    for helm::Named { image, file, .. } in named {
        told.image(image, &file, true);
    }
}

fn overridden_by_parameters(origin: &Origin) -> Option<String> {
    (!origin.parameters.is_empty()).then(|| "spec.source.helm.parameters".to_owned())
}

fn parameters(origin: &Origin) -> Vec<(String, String)> {
    origin.parameters.iter().map(|(name, value)| (name.as_wire().to_owned(), value.as_wire().to_owned())).collect()
}

fn kustomized(tree: &Recorded<'_>, folder: &str, overrides: &Overrides, told: &mut Told) -> Result<(), Trouble> {
    let built = kustomize::build(tree, folder, &overrides.images)?;
    // Where no manifest names an image, or not all of them are here, the entries themselves are what is known.
    let entries = if built.containers.is_empty() || built.elsewhere.is_some() { built.unused } else { Vec::new() };
    for container in built.containers {
        told.image(Image::read(&container.image), &container.file, container.by != By::Manifest);
    }
    for unused in entries {
        if let Some(image) = unused.entry.image() {
            told.image(Image::read(&image), &unused.file, true);
        }
    }
    if let Some(why) = built.elsewhere {
        told.elsewhere.get_or_insert(why);
    }
    Ok(())
}

/// The manifests of a folder, and of those below it where the application says so.
fn plain(tree: &Recorded<'_>, folder: &str, recurse: bool, depth: usize, told: &mut Told) -> Result<(), Trouble> {
    for entry in tree.folder(folder).unwrap_or_default() {
        let path = below(folder, &entry.name);
        let (_, ending) = entry.name.rsplit_once('.').unwrap_or_default();
        match ending {
            _ if entry.is_folder && recurse && depth < 20 => plain(tree, &path, recurse, depth + 1, told)?,
            _ if entry.is_folder => {}
            "jsonnet" => {
                told.elsewhere.get_or_insert(crate::safe!("{} is Jsonnet, which is not run here", Safe::clean(&path)));
            }
            "yaml" | "yml" | "json" if !entry.name.starts_with(".argocd-source") => {
                let documents = tree.yaml(&path)?.unwrap_or_else(|| Rc::from([]));
                for container in containers::containers(&documents, &path)? {
                    told.image(Image::read(&container.image), &container.file, false);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

impl ImageEntry {
    fn told_all(written: &[String]) -> Vec<Self> {
        written.iter().map(|written| Self::told(written)).collect()
    }
}
