//! Helm, as far as images go: a chart is not rendered; its values are laid over each other, and the usual keys that charts take an image from are
//! read. A chart that builds its image otherwise needs the keys named in the configuration, or is told by the comparison with what runs.

use std::rc::Rc;

use crate::base::Safe;
use crate::domain::application::Origin;
use crate::domain::desired::ValueKey;
use crate::domain::image::Image;
use crate::manifest::path::{Step, steps};
use crate::manifest::tree::{Recorded, Trouble, below, joined};
use crate::manifest::values::Merged;

/// An image that values name, and the file that says its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) image: Image,
    pub(super) file: Rc<str>,
    pub(super) parts: Parts,
}

/// Where values name the parts of an image, from the top of the outermost chart's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parts {
    /// The whole reference in one text.
    Whole(Part),
    /// Tag and digest by themselves.
    Apart {
        /// Where the tag is, or would be; `None`: no value says it, and which one would is not known.
        tag: Option<Part>,
        /// Where the digest is.
        digest: Option<Part>,
    },
}

/// A value that is a part of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) path: Vec<Step>,
    /// What it says, and the file that says it; `None`: nothing says it yet.
    pub(super) said: Option<(String, Rc<str>)>,
}

impl Part {
    fn new(path: &[Step], key: &str, said: Option<(&str, &Rc<str>)>) -> Self {
        let path = path.iter().cloned().chain([Step::Key(key.to_owned())]).collect();
        Self { path, said: said.map(|(text, file)| (text.to_owned(), Rc::clone(file))) }
    }

    fn named(path: &str, said: Option<(&str, &Rc<str>)>) -> Self {
        Self { path: steps(path), said: said.map(|(text, file)| (text.to_owned(), Rc::clone(file))) }
    }

    /// As seen from the chart around: `global` is the same for all.
    fn inside(&mut self, name: &str) {
        if self.path.first() != Some(&Step::Key("global".to_owned())) {
            self.path.insert(0, Step::Key(name.to_owned()));
        }
    }
}

impl Parts {
    fn inside(&mut self, name: &str) {
        match self {
            Self::Whole(part) => part.inside(name),
            Self::Apart { tag, digest } => tag.iter_mut().chain(digest).for_each(|part| part.inside(name)),
        }
    }
}

/// How an origin's value files find the tree that they are in: `None` is the chart's own.
pub(super) type Refer<'r, 't> = &'r dyn Fn(&str) -> Option<&'r Recorded<'t>>;

/// Whether a folder is a chart.
pub(super) fn is_chart(tree: &Recorded<'_>, folder: &str) -> Result<bool, Trouble> {
    Ok(tree.yaml(&below(folder, "Chart.yaml"))?.is_some())
}

/// What the values of a chart in a folder of this repository name.
pub(super) fn read(
    tree: &Recorded<'_>,
    folder: &str,
    origin: &Origin,
    parameters: &[(String, String)],
    refer: Refer<'_, '_>,
    keys: &[&ValueKey],
) -> Result<Vec<Named>, Trouble> {
    let mut chart = Chart::load(tree, folder, 0)?;
    for file in &origin.value_files {
        chart.values.lay(value_file(Some((tree, folder)), file.as_wire(), refer)?);
    }
    finish(&mut chart, origin, parameters)?;
    Ok(chart.images(keys))
}

/// What values in this repository name of a chart that is elsewhere.
pub(super) fn read_values(origin: &Origin, parameters: &[(String, String)], refer: Refer<'_, '_>, keys: &[&ValueKey]) -> Result<Vec<Named>, Trouble> {
    let mut chart = Chart::default();
    for file in &origin.value_files {
        match value_file(None, file.as_wire(), refer) {
            Ok(values) => chart.values.lay(values),
            // A file of the chart itself is where the chart is.
            Err(Trouble::Elsewhere(_)) => {}
            Err(trouble) => return Err(trouble),
        }
    }
    finish(&mut chart, origin, parameters)?;
    Ok(chart.images(keys))
}

fn finish(chart: &mut Chart, origin: &Origin, parameters: &[(String, String)]) -> Result<(), Trouble> {
    if let Some(inline) = &origin.values {
        let documents = crate::manifest::yaml::read(inline.as_wire().as_bytes());
        let documents = documents.map_err(|flaw| Trouble::broken("helm.values of the Application", flaw.line, &flaw.what))?;
        if let Some(document) = documents.first() {
            chart.values.lay(Merged::read(document, &Rc::from("helm.values")));
        }
    }
    let from = Rc::from("helm.parameters");
    for (name, value) in parameters {
        chart.values.set(name, value, &from);
    }
    Ok(())
}

/// Where a value file is that an Application names: relative to the chart's folder, from the root (`/…`), or in another source (`$name/…`), with
/// the name of that source.
pub(super) fn place_of<'w>(folder: Option<&str>, written: &'w str) -> Result<(Option<&'w str>, String), Trouble> {
    let shown = Safe::clean(written);
    let elsewhere = || Trouble::Elsewhere(crate::safe!("the values file {shown} is in another repository"));
    let (name, path) = match written.strip_prefix('$') {
        Some(rest) => {
            let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
            (Some(name), joined("", path))
        }
        None if written.contains("://") => return Err(elsewhere()),
        None => (None, joined(folder.ok_or_else(elsewhere)?, written)),
    };
    let path = path.ok_or_else(|| Trouble::Broken(crate::safe!("the values file {shown} leaves the repository")))?;
    Ok((name, path))
}

fn value_file(chart: Option<(&Recorded<'_>, &str)>, written: &str, refer: Refer<'_, '_>) -> Result<Merged, Trouble> {
    let (name, path) = place_of(chart.map(|(_, folder)| folder), written)?;
    let tree = match name {
        Some(name) => refer(name),
        None => chart.map(|(tree, _)| tree),
    };
    let tree = tree.ok_or_else(|| Trouble::Elsewhere(crate::safe!("the values file {} is in another repository", Safe::clean(written))))?;
    let documents = tree.yaml(&path)?.ok_or_else(|| Trouble::Missing(crate::safe!("there is no values file {}", Safe::clean(&path))))?;
    let file = Rc::from(path);
    Ok(documents.first().map(|document| Merged::read(document, &file)).unwrap_or_default())
}

/// A chart in a chart in a chart is more than anybody makes.
const MOST_DEPTH: usize = 10;

/// A chart with its own values and the charts inside of it.
#[derive(Debug, Default)]
struct Chart {
    /// The version that it says its application has, and the file that says it.
    version: Option<(String, Rc<str>)>,
    values: Merged,
    /// By the name under which their values are.
    inner: Vec<(String, Self)>,
}

impl Chart {
    fn load(tree: &Recorded<'_>, folder: &str, depth: usize) -> Result<Self, Trouble> {
        let mut chart = Self::default();
        let file: Rc<str> = Rc::from(below(folder, "Chart.yaml"));
        let about = tree.yaml(&file)?.and_then(|documents| documents.first().cloned());
        chart.version = about.as_ref().and_then(|about| about.text_of("appVersion")).map(|version| (version.to_owned(), Rc::clone(&file)));
        let values: Rc<str> = Rc::from(below(folder, "values.yaml"));
        if let Some(documents) = tree.yaml(&values)?
            && let Some(document) = documents.first()
        {
            chart.values = Merged::read(document, &values);
        }
        if depth >= MOST_DEPTH {
            return Ok(chart);
        }
        for dependency in about.iter().flat_map(|about| about.items_of("dependencies")) {
            let Some(name) = dependency.text_of("name") else { continue };
            let unpacked = below(&below(folder, "charts"), name);
            let path = match dependency.text_of("repository").and_then(|repository| repository.strip_prefix("file://")) {
                Some(path) => joined(folder, path),
                None => Some(unpacked),
            };
            if let Some(path) = path
                && is_chart(tree, &path)?
            {
                chart.inner.push((dependency.text_of("alias").unwrap_or(name).to_owned(), Self::load(tree, &path, depth + 1)?));
            }
        }
        // A chart that lies in `charts/` counts also without being named.
        for entry in tree.folder(&below(folder, "charts")).unwrap_or_default() {
            let path = below(&below(folder, "charts"), &entry.name);
            if entry.is_folder && !chart.inner.iter().any(|(name, _)| *name == entry.name) && is_chart(tree, &path)? {
                chart.inner.push((entry.name.clone(), Self::load(tree, &path, depth + 1)?));
            }
        }
        Ok(chart)
    }

    fn images(mut self, keys: &[&ValueKey]) -> Vec<Named> {
        let mut found = Vec::new();
        self.collect(keys, &mut found);
        found
    }

    fn collect(&mut self, keys: &[&ValueKey], found: &mut Vec<Named>) {
        let global = self.values.at("global").cloned();
        for (name, mut inner) in std::mem::take(&mut self.inner) {
            if let Merged::Map(map) = &mut self.values
                && let Some(own) = map.remove(&name)
            {
                let off = own.text("enabled").is_some_and(|(text, _)| text == "false");
                inner.values.lay(own);
                if off {
                    continue;
                }
            }
            if let (Some(global), Merged::Map(map)) = (&global, &mut inner.values) {
                map.entry("global".to_owned()).or_default().lay(global.clone());
            }
            let before = found.len();
            inner.collect(keys, found);
            found.iter_mut().skip(before).for_each(|named| named.parts.inside(&name));
        }
        let before = found.len();
        for key in keys {
            found.extend(self.configured(key));
        }
        // Whoever named the keys knows better than any guess.
        if found.len() == before {
            let global = Global::of(&self.values);
            self.search(&self.values, &global, &mut Vec::new(), found);
        }
    }

    fn configured(&self, key: &ValueKey) -> Option<Named> {
        let text = |path: &Option<String>| path.as_ref().and_then(|path| self.values.at(path)).and_then(Merged::scalar);
        let (tag, digest) = (text(&key.tag), text(&key.digest));
        let file = digest.or(tag).map(|(_, file)| Rc::clone(file))?;
        let named = text(&key.repository).map(|(repository, _)| repository.to_owned()).or_else(|| key.image.clone())?;
        let parts = Parts::Apart {
            tag: key.tag.as_ref().map(|path| Part::named(path, tag)),
            digest: key.digest.as_ref().map(|path| Part::named(path, digest)),
        };
        let tag = tag.map_or_else(String::new, |(tag, _)| format!(":{tag}"));
        let digest = digest.map_or_else(String::new, |(digest, _)| format!("@{digest}"));
        Some(Named { image: Image::read(&format!("{named}{tag}{digest}")), file, parts })
    }

    /// Looks for images under every key.
    fn search(&self, values: &Merged, global: &Global<'_>, way: &mut Vec<Step>, found: &mut Vec<Named>) {
        match values {
            Merged::Scalar(..) => {}
            Merged::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    way.push(Step::Place(place));
                    self.search(item, global, way, found);
                    way.pop();
                }
            }
            Merged::Map(map) => {
                if values.text("enabled").is_some_and(|(text, _)| text == "false") {
                    return;
                }
                for (key, value) in map {
                    if key == "global" {
                        continue;
                    }
                    let is_image = key == "image" || key.ends_with("Image");
                    let named = match value {
                        Merged::Scalar(..) if is_image => self.of_text(values, key, value, way),
                        Merged::Map(_)
                            if is_image || value.text("repository").is_some() && value.as_map().is_some_and(|map| map.contains_key("tag")) =>
                        {
                            self.of_map(key, value, global, way)
                        }
                        _ => None,
                    };
                    if let Some(named) = named {
                        found.push(named);
                        continue;
                    }
                    way.push(Step::Key(key.clone()));
                    self.search(value, global, way, found);
                    way.pop();
                }
            }
        }
    }

    /// `image: repository:tag`, or `image: repository` with the tag beside it.
    fn of_text(&self, beside: &Merged, key: &str, value: &Merged, way: &[Step]) -> Option<Named> {
        let (text, file) = value.scalar()?;
        let mut image = Image::read(text);
        if image.tag.is_some() || image.digest.is_some() {
            return Some(Named { image, file: Rc::clone(file), parts: Parts::Whole(Part::new(way, key, Some((text, file)))) });
        }
        let tag = ["tag", "imageTag"].into_iter().find_map(|key| Some((key, beside.text(key)?)));
        let part = tag.map(|(key, said)| Part::new(way, key, Some(said)));
        let tag = tag.map(|(_, (tag, file))| (tag.to_owned(), Rc::clone(file)));
        let (tag, file) = tag.or_else(|| self.version.clone())?;
        image.tag = Some(tag.as_str().into());
        Some(Named { image, file, parts: Parts::Apart { tag: part, digest: None } })
    }

    /// `image: {registry, repository, tag, digest}`.
    fn of_map(&self, key: &str, value: &Merged, global: &Global<'_>, way: &[Step]) -> Option<Named> {
        let (repository, said) = value.text("repository").or_else(|| value.text("name"))?;
        let registry = global.registry.or_else(|| value.text("registry")).map(|(registry, _)| registry);
        let repository = registry.map_or_else(|| repository.to_owned(), |registry| format!("{}/{repository}", registry.trim_end_matches('/')));
        let way: Vec<Step> = way.iter().cloned().chain([Step::Key(key.to_owned())]).collect();
        let digest = ["digest", "sha"].into_iter().find_map(|key| Some((key, value.text(key)?)));
        let digest_part = digest.map(|(key, said)| Part::new(&way, key, Some(said)));
        let digest = digest.map(|(_, said)| said);
        let tag_part = match (value.text("tag"), global.tag) {
            (None, Some(said)) => Part::named("global.image.tag", Some(said)),
            (said, _) => Part::new(&way, "tag", said),
        };
        let tag = tag_part.said.clone().or_else(|| if digest.is_none() { self.version.clone() } else { None });
        let file =
            digest.map(|(_, file)| Rc::clone(file)).or_else(|| tag.as_ref().map(|(_, file)| Rc::clone(file))).unwrap_or_else(|| Rc::clone(said));
        let digest = digest.map(|(digest, _)| if digest.contains(':') { digest.into() } else { format!("sha256:{digest}").into() });
        // A tag may carry a digest (`1.2@sha256:…`), which charts pass on as it is.
        let mut image = match &tag {
            Some((tag, _)) => Image::read(&format!("{repository}:{tag}")),
            None => Image::read(&repository),
        };
        image.digest = digest.or(image.digest);
        Some(Named { image, file, parts: Parts::Apart { tag: Some(tag_part), digest: digest_part } })
    }
}

/// What holds for all images of a chart.
struct Global<'v> {
    registry: Option<(&'v str, &'v Rc<str>)>,
    tag: Option<(&'v str, &'v Rc<str>)>,
}

impl<'v> Global<'v> {
    fn of(values: &'v Merged) -> Self {
        let at = |path: &str| values.at(path).and_then(Merged::scalar);
        Self { registry: at("global.imageRegistry").or_else(|| at("global.image.registry")), tag: at("global.image.tag") }
    }
}
