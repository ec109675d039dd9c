//! One entry of kustomize's `images`: which image it means, and what it makes of it.

use crate::domain::image::Image;
use crate::manifest::yaml::Node;

/// An entry, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ImageEntry {
    pub(super) name: String,
    pub(super) new_name: String,
    pub(super) new_tag: String,
    pub(super) tag_suffix: String,
    pub(super) digest: String,
}

/// "As it is", in what `kustomize edit set image` is told.
const KEPT: &str = "*";

impl ImageEntry {
    /// Reads an entry of `images`.
    pub(super) fn read(node: &Node) -> Result<Self, String> {
        let text = |key: &str| node.text_of(key).unwrap_or_default().to_owned();
        let entry =
            Self { name: text("name"), new_name: text("newName"), new_tag: text("newTag"), tag_suffix: text("tagSuffix"), digest: text("digest") };
        if entry.name.is_empty() {
            return Err("an image without a name".to_owned());
        }
        // Kustomize takes the name as a regular expression; a dot is in every registry's name and is the only one that is read as such.
        if entry.name.contains(['*', '+', '?', '(', ')', '[', ']', '|', '\\', '^', '$']) {
            return Err(format!("the name '{}' is a pattern, which is not read", entry.name));
        }
        Ok(entry)
    }

    /// Reads what `kustomize edit set image` and `spec.source.kustomize.images` take: `name=new:tag@digest` and shorter forms.
    pub(super) fn told(written: &str) -> Self {
        let (name, new) = written.split_once('=').unwrap_or(("", written));
        let image = Image::read(new);
        let repository = image.repository.as_wire();
        let text = |part: Option<crate::base::Raw>| part.map(|part| part.as_wire().to_owned()).unwrap_or_default();
        let (name, new_name) = if name.is_empty() { (repository, "") } else { (name, repository) };
        Self { name: name.to_owned(), new_name: new_name.to_owned(), new_tag: text(image.tag), tag_suffix: String::new(), digest: text(image.digest) }
    }

    /// Puts what was told among the entries as `kustomize edit set image` does: it takes the place of the whole entry of that name.
    pub(super) fn set(entries: &mut Vec<Self>, told: &Self) {
        let mut told = told.clone();
        let before = entries.iter().position(|entry| entry.name == told.name);
        let old = before.and_then(|place| entries.get(place)).cloned().unwrap_or_default();
        for (field, old) in [(&mut told.new_name, old.new_name), (&mut told.new_tag, old.new_tag), (&mut told.digest, old.digest)] {
            if field == KEPT {
                *field = old;
            }
        }
        match before.and_then(|place| entries.get_mut(place)) {
            Some(entry) => *entry = told,
            None => entries.push(told),
        }
    }

    /// What becomes of an image; `None`: another one is meant.
    pub(super) fn applied_to(&self, image: &str) -> Option<String> {
        let image_read = Image::read(image);
        let repository = image_read.repository.as_wire();
        if !same(&self.name, repository) {
            return None;
        }
        let text = |part: Option<&crate::base::Raw>| part.map(|part| part.as_wire().to_owned()).unwrap_or_default();
        let (tag, digest) = self.moved(text(image_read.tag.as_ref()), text(image_read.digest.as_ref()));
        let name = if self.new_name.is_empty() { repository } else { &self.new_name };
        Some(joined(name, &tag, &digest))
    }

    fn moved(&self, tag: String, digest: String) -> (String, String) {
        if !self.new_tag.is_empty() {
            (self.new_tag.clone(), self.digest.clone())
        } else if !self.digest.is_empty() {
            (String::new(), self.digest.clone())
        } else if !self.tag_suffix.is_empty() {
            (tag + &self.tag_suffix, String::new())
        } else {
            (tag, digest)
        }
    }

    /// This entry followed by an outer one, where that one means what this one makes.
    pub(super) fn then(&self, outer: &Self) -> Option<Self> {
        let made = if self.new_name.is_empty() { &self.name } else { &self.new_name };
        if !same(&outer.name, made) {
            return None;
        }
        let (new_tag, digest) = outer.moved(self.new_tag.clone(), self.digest.clone());
        let new_name = if outer.new_name.is_empty() { self.new_name.clone() } else { outer.new_name.clone() };
        Some(Self { name: self.name.clone(), new_name, new_tag, tag_suffix: String::new(), digest })
    }

    /// The image that it names by itself, where no manifest is there to be changed; `None`: it says no version.
    pub(super) fn image(&self) -> Option<String> {
        let name = if self.new_name.is_empty() { &self.name } else { &self.new_name };
        (!self.new_tag.is_empty() || !self.digest.is_empty()).then(|| joined(name, &self.new_tag, &self.digest))
    }
}

/// Whether the name in an entry means this repository. A dot means any character, because kustomize takes it as a regular expression.
fn same(name: &str, repository: &str) -> bool {
    name.len() == repository.len() && name.bytes().zip(repository.bytes()).all(|(wanted, found)| wanted == b'.' || wanted == found)
}

fn joined(name: &str, tag: &str, digest: &str) -> String {
    let mut text = name.to_owned();
    for (mark, part) in [(':', tag), ('@', digest)] {
        if !part.is_empty() {
            text.push(mark);
            text.push_str(part);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, new_name: &str, new_tag: &str, digest: &str) -> ImageEntry {
        ImageEntry { name: name.into(), new_name: new_name.into(), new_tag: new_tag.into(), digest: digest.into(), tag_suffix: String::new() }
    }

    #[test]
    fn entries_do_what_kustomize_does() {
        for (entry, before, after) in [
            (entry("a", "", "2", ""), "a:1", Some("a:2")),
            (entry("a", "", "2", ""), "a:1@sha256:x", Some("a:2")),
            (entry("a", "", "", "sha256:y"), "a:1", Some("a@sha256:y")),
            (entry("a", "", "2", "sha256:y"), "a", Some("a:2@sha256:y")),
            (entry("a", "r.io/b", "", ""), "a:1@sha256:x", Some("r.io/b:1@sha256:x")),
            (entry("a", "", "2", ""), "a/b:1", None),
            (entry("r.io/a", "", "2", ""), "r-io/a:1", Some("r-io/a:2")),
            (entry("localhost:5000/a", "", "2", ""), "localhost:5000/a:1", Some("localhost:5000/a:2")),
        ] {
            assert_eq!(entry.applied_to(before).as_deref(), after, "{entry:?} on {before}");
        }
        let suffix = ImageEntry { name: "a".into(), tag_suffix: "-x".into(), ..ImageEntry::default() };
        assert_eq!(suffix.applied_to("a:1@sha256:x").as_deref(), Some("a:1-x"));
    }

    #[test]
    fn what_is_told_takes_the_place_of_an_entry() {
        for (told, wanted) in [
            ("a=r.io/b:2", entry("a", "r.io/b", "2", "")),
            ("a=r.io/b:2@sha256:x", entry("a", "r.io/b", "2", "sha256:x")),
            ("r.io:5000/a:2", entry("r.io:5000/a", "", "2", "")),
            ("a@sha256:x", entry("a", "", "", "sha256:x")),
        ] {
            assert_eq!(ImageEntry::told(told), wanted, "{told}");
        }
        let mut entries = vec![entry("a", "b", "1", "sha256:x")];
        ImageEntry::set(&mut entries, &ImageEntry::told("a:2"));
        assert_eq!(entries, [entry("a", "", "2", "")], "an old newName and digest go");
        ImageEntry::set(&mut entries, &ImageEntry::told("a=*:3"));
        ImageEntry::set(&mut entries, &ImageEntry::told("c=d:*"));
        assert_eq!(entries, [entry("a", "", "3", ""), entry("c", "d", "", "")]);
    }
}
