//! The entries of kustomize's `images` that say the version of an image. Where the one that does stands in a base, which other environments use
//! too, the application's own kustomization gets an entry instead: entries work from the inside out, so it wins.

use super::draft::Draft;
use super::{Fresh, Hindrance, Version};
use crate::base::{Raw, Safe};
use crate::domain::image::Image;
use crate::manifest::containers::By;
use crate::manifest::entry::ImageEntry;
use crate::manifest::kustomize::{self, Built, FILES};
use crate::manifest::overrides::Overrides;
use crate::manifest::path::Step;
use crate::manifest::tree::{Recorded, Trouble};

/// An entry to be moved: its file and its name. It may have to come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    pub(super) file: String,
    pub(super) name: String,
}

/// The entries that say the version of an image in what a folder makes; none where it does not use the image.
pub(super) fn targets(tree: &Recorded<'_>, folder: &str, overrides: &Overrides, repository: &str) -> Result<Vec<Target>, Trouble> {
    let Some(own) = kustomize::file_of(tree, folder)? else { return Ok(Vec::new()) };
    let built = kustomize::build(tree, folder, &[])?;
    let mut found = Vec::new();
    for (file, by) in naming(&built, repository) {
        let target = match by {
            By::Entry(name) if is_own(folder, file) => {
                if !FILES.iter().any(|name| file.rsplit('/').next() == Some(name)) {
                    let file = Safe::clean(file);
                    let why = crate::safe!(
                        "{file}: an ImageTagTransformer sets this image, which is not moved: name it under images of {}",
                        Safe::clean(&own)
                    );
                    return Err(Trouble::Elsewhere(why));
                }
                Target { file: file.to_owned(), name: name.to_string() }
            }
            _ => Target { file: own.clone(), name: repository.to_owned() },
        };
        if !found.contains(&target) {
            found.push(target);
        }
    }
    if found.is_empty() && built.elsewhere.is_some() && built.containers.is_empty() {
        // What another repository makes is not known: the name of an entry would be a guess.
        return Ok(found);
    }
    for target in &found {
        if overrides.images.iter().any(|told| told.name == target.name || is_made(told, repository)) {
            let by = overrides.words_of_images().unwrap_or_default();
            let file = Safe::clean(&target.file);
            return Err(Trouble::Elsewhere(crate::safe!("{by} sets this image and wins over {file}: change it there, or take it out there")));
        }
    }
    Ok(found)
}

/// What names an image of this repository in the end.
fn naming<'b>(built: &'b Built, repository: &str) -> Vec<(&'b str, By)> {
    let is_meant = |image: &str| Image::read(image).repository.as_wire() == repository;
    let containers = built.containers.iter().filter(|container| is_meant(&container.image));
    let mut found: Vec<(&str, By)> = containers.map(|container| (&*container.file, container.by.clone())).collect();
    if built.containers.is_empty() || built.elsewhere.is_some() {
        let unused = built.unused.iter().filter(|unused| unused.entry.image().is_some_and(|image| is_meant(&image)));
        found.extend(unused.map(|unused| (&*unused.file, By::Entry(unused.name.clone()))));
    }
    found
}

fn is_made(told: &ImageEntry, repository: &str) -> bool {
    let made = if told.new_name.is_empty() { &told.name } else { &told.new_name };
    made == repository
}

/// Whether a file belongs to this application: it lies in its folder or below.
fn is_own(folder: &str, file: &str) -> bool {
    folder.is_empty() || file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Moves an entry to a version, in the shape that it has: an entry that pins by digest goes on doing so, one without does not begin to.
pub(super) fn move_entry(draft: &mut Draft, name: &str, repository: &str, version: &Version) -> Result<(), Hindrance> {
    let images = [Step::Key("images".to_owned())];
    let entry: Vec<Step> = images.iter().cloned().chain([Step::Named(name.to_owned())]).collect();
    let at = |key: &str| -> Vec<Step> { entry.iter().cloned().chain([Step::Key(key.to_owned())]).collect() };
    let new_name = version.name.as_ref().filter(|name| name.as_wire() != repository);
    if !draft.has(&entry)? {
        return add_entry(draft, &images, &entry, name, new_name, version);
    }
    let (said_tag, said_digest) = (draft.says(&at("newTag"))?, draft.says(&at("digest"))?);
    if draft.has(&at("tagSuffix"))? {
        return Err(Hindrance::new(draft.line_of(&at("tagSuffix"))?, "tagSuffix is added to the tag, which is not moved here: put it into newTag"));
    }
    let is_said = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let (has_tag, has_digest) = (is_said(&said_tag), is_said(&said_digest));
    let (tag, digest) = match (&version.tag, &version.digest) {
        (Some(_), Some(digest)) if has_digest && !has_tag => (None, Some(digest)),
        (Some(tag), Some(digest)) if has_digest => (Some(tag), Some(digest)),
        (Some(tag), Some(digest)) => (Some(tag), (!has_tag).then_some(digest)),
        (tag, digest) => (tag.as_ref(), digest.as_ref()),
    };
    let parts = [("newName", new_name, false), ("newTag", tag, said_tag.is_some()), ("digest", digest, said_digest.is_some())];
    // What stands there first, so that the lines of a plan are those of the file.
    for (key, value, _) in parts {
        if let Some(value) = value
            && draft.has(&at(key))?
        {
            draft.set(&at(key), value.as_wire())?;
        }
    }
    for (key, value, was) in parts {
        if value.is_none() && was {
            draft.take_out(&at(key))?;
        }
    }
    for (key, value, _) in parts {
        if let Some(value) = value
            && !draft.has(&at(key))?
        {
            draft.add(&at(key), Fresh::Text(value.clone()), &["newTag", "newName", "name"])?;
        }
    }
    Ok(())
}

fn add_entry(draft: &mut Draft, images: &[Step], entry: &[Step], name: &str, new_name: Option<&Raw>, version: &Version) -> Result<(), Hindrance> {
    let mut says = vec![("name".to_owned(), Fresh::Text(Raw::from(name)))];
    for (key, value) in [("newName", new_name), ("newTag", version.tag.as_ref()), ("digest", version.digest.as_ref())] {
        says.extend(value.map(|value| (key.to_owned(), Fresh::Text(value.clone()))));
    }
    let says = Fresh::Map(says);
    if draft.has(images)? { draft.add(entry, says, &[]) } else { draft.add(images, Fresh::List(vec![says]), &[]) }
}
