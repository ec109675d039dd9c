//! The Helm values that say the version of an image. The last file of the application that says it is the one to edit, because later ones win. What
//! only the chart itself says is the same for every environment, so the last values file of the application gets the value instead.

use std::rc::Rc;

use super::draft::Draft;
use super::{Fresh, Hindrance, Version};
use crate::base::{Raw, Safe};
use crate::domain::image::Image;
use crate::manifest::helm::{Named, Part, Parts};
use crate::manifest::path::{Step, shown};
use crate::manifest::tree::Trouble;

/// A value to be set: which file of the application, by its place among them, where in it, and what to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) file: String,
    pub(super) path: Vec<Step>,
    pub(super) to: String,
}

/// The values that an image needs to be at a version. `files` are the files that may be edited, in the order in which they are laid.
pub(super) fn targets(named: &Named, files: &[String], version: &Version) -> Result<Vec<Target>, Trouble> {
    let wire = |part: &Option<Raw>| part.as_ref().map(|part| part.as_wire().to_owned());
    let (tag, digest) = (wire(&version.tag), wire(&version.digest));
    let moves_name = version.name.as_ref().is_some_and(|name| *name != named.image.repository);
    let needs_tag = |part: &Part| {
        let file = part.said.as_ref().map(|(_, file)| Safe::clean(file)).unwrap_or_default();
        Trouble::Broken(crate::safe!("{file}: {} is a tag, and the version to come has none: name its tag", shown(&part.path)))
    };
    match &named.parts {
        Parts::Whole(part) => {
            let Some((said, _)) = &part.said else { return Ok(Vec::new()) };
            let before = Image::read(said);
            let mut to = version.name.as_ref().unwrap_or(&before.repository).as_wire().to_owned();
            let keeps_digest = before.digest.is_some() && digest.is_some();
            if before.tag.is_some() || !keeps_digest {
                to = format!("{to}:{}", tag.ok_or_else(|| needs_tag(part))?);
            }
            if let (true, Some(digest)) = (keeps_digest, digest) {
                to = format!("{to}@{digest}");
            }
            Ok(vec![target(part, files, to)?])
        }
        Parts::Apart { .. } if moves_name => {
            let file = Safe::clean(&named.file);
            Err(Trouble::Elsewhere(crate::safe!("{file}: registry and repository of an image in values are not moved: change them by hand first")))
        }
        Parts::Apart { tag: tag_part, digest: digest_part } => {
            let mut found = Vec::new();
            if let Some(part) = digest_part.as_ref().filter(|part| part.said.is_some()) {
                let bare = part.said.as_ref().is_some_and(|(said, _)| !said.contains(':'));
                let to = match &digest {
                    Some(digest) if bare => digest.strip_prefix("sha256:").unwrap_or(digest).to_owned(),
                    Some(digest) => digest.clone(),
                    None => String::new(),
                };
                found.push(target(part, files, to)?);
            }
            let Some(part) = tag_part else {
                let file = Safe::clean(&named.file);
                let why = crate::safe!("{file}: no value says the tag of this image, only appVersion: [[gitops.images]] names the value that does");
                return if found.is_empty() || digest.is_none() { Err(Trouble::Elsewhere(why)) } else { Ok(found) };
            };
            // Where a digest alone pins the image, a tag would only be words.
            if part.said.is_none() && !found.is_empty() && digest.is_some() {
                return Ok(found);
            }
            let to = tag.ok_or_else(|| needs_tag(part))?;
            // A tag may carry the digest: `1.2@sha256:…`.
            let carries = part.said.as_ref().is_some_and(|(said, _)| said.contains('@'));
            let to = match digest {
                Some(digest) if carries => format!("{to}@{digest}"),
                _ => to,
            };
            found.push(target(part, files, to)?);
            Ok(found)
        }
    }
}

fn target(part: &Part, files: &[String], to: String) -> Result<Target, Trouble> {
    let said: Option<&Rc<str>> = part.said.as_ref().map(|(_, file)| file);
    if let Some(by) = said.filter(|file| matches!(&***file, "helm.parameters" | "helm.values")) {
        let why = crate::safe!("{} is set by {by} of the Application, which wins over every file: change it there", shown(&part.path));
        return Err(Trouble::Elsewhere(why));
    }
    let file = said.and_then(|said| files.iter().find(|file| **file == **said)).or_else(|| files.last());
    let Some(file) = file else {
        return Err(Trouble::Elsewhere(crate::safe!("no values file in this repository can say {}: add one to the Application", shown(&part.path))));
    };
    Ok(Target { file: file.clone(), path: part.path.clone(), to })
}

/// Sets a value, or adds it.
pub(super) fn move_value(draft: &mut Draft, target: &Target) -> Result<(), Hindrance> {
    if draft.has(&target.path)? {
        return draft.set(&target.path, &target.to);
    }
    draft.add(&target.path, Fresh::Text(Raw::from(target.to.as_str())), &["tag", "repository"])
}
