//! Versions put into manifests as teams have them: each folder of `cases` is an application's files before, the question, and the bytes after, or the
//! sentence of the refusal.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a case that cannot be read is a failed test")]

mod corpus;
mod properties;

use std::path::Path;

use serde::Deserialize;
use tiphys::base::Raw;
use tiphys::domain::application::Origin;
use tiphys::domain::desired::{ValueKey, ValueKeys};
use tiphys::manifest::Question;
use tiphys::manifest::edit::{Moved, Refused, Version, moved};
use tiphys::manifest::files::Files;
use tiphys::manifest::tree::Tree;

/// The files of a folder on the disk.
fn read(folder: &Path) -> Files {
    let mut files = Files::default();
    add(&mut files, folder, "");
    files
}

fn add(files: &mut Files, folder: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            add(files, &entry.path(), &format!("{path}/"));
        } else {
            files.0.insert(path, std::fs::read(entry.path()).unwrap());
        }
    }
}

/// What a case asks, and why it is refused if it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    path: Option<String>,
    chart: Option<String>,
    image: String,
    tag: Option<String>,
    digest: Option<String>,
    name: Option<String>,
    #[serde(default)]
    values: Vec<String>,
    /// The name of a second origin, which holds values only.
    values_origin: Option<String>,
    #[serde(default)]
    images: Vec<String>,
    #[serde(default)]
    parameters: Vec<(String, String)>,
    keys: Option<Keys>,
    refused: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    image: Option<String>,
    repository: Option<String>,
    tag: Option<String>,
    digest: Option<String>,
}

struct Case {
    name: String,
    asked: Asked,
    before: Files,
    /// Those that change.
    after: Files,
}

impl Case {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests/cases");
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut cases: Vec<Self> = entries.filter(|path| path.is_dir()).map(|path| Self::read(&path)).collect();
        cases.sort_by(|one, other| one.name.cmp(&other.name));
        cases
    }

    fn read(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let asked = std::fs::read_to_string(folder.join("case.toml")).unwrap();
        let asked = toml::from_str(&asked).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name, asked, before: read(&folder.join("before")), after: read(&folder.join("after")) }
    }

    /// What its files are after the change.
    fn changed(&self) -> Files {
        let mut files = self.before.clone();
        files.0.extend(self.after.0.clone());
        files
    }

    fn version(&self) -> Version {
        let raw = |text: &Option<String>| text.as_deref().map(Raw::from);
        Version { tag: raw(&self.asked.tag), digest: raw(&self.asked.digest), name: raw(&self.asked.name) }
    }

    /// Moves the image of these files, asked as this case asks.
    fn moved(&self, files: &Files, version: &Version) -> Result<Moved, Refused> {
        self.asking(files, |question, trees| moved(question, trees, &self.asked.image, version))
    }

    fn asking<T>(&self, files: &Files, ask: impl FnOnce(&Question<'_>, &[Option<&dyn Tree>]) -> T) -> T {
        let asked = &self.asked;
        let raws = |texts: &[String]| texts.iter().map(|text| Raw::from(text.as_str())).collect();
        let repository = Raw::from("https://git.acme.example/gitops.git");
        let mut origins = vec![Origin {
            repository: repository.clone(),
            path: asked.path.as_deref().map(Raw::from),
            chart: asked.chart.as_deref().map(Raw::from),
            value_files: raws(&asked.values),
            images: raws(&asked.images),
            parameters: asked.parameters.iter().map(|(name, value)| (Raw::from(name.as_str()), Raw::from(value.as_str()))).collect(),
            ..Origin::default()
        }];
        let mut trees: Vec<Option<&dyn Tree>> = vec![asked.chart.is_none().then_some(files as &dyn Tree)];
        if let Some(name) = &asked.values_origin {
            origins.push(Origin { repository, reference: Some(Raw::from(name.as_str())), ..Origin::default() });
            trees.push(Some(files));
        }
        let key = |keys: &Keys| ValueKey {
            applications: Vec::new(),
            image: keys.image.clone(),
            repository: keys.repository.clone(),
            tag: keys.tag.clone(),
            digest: keys.digest.clone(),
        };
        let keys = ValueKeys(asked.keys.iter().map(key).collect());
        ask(&Question { namespace: "argocd", name: "shop", origins: &origins, keys: &keys }, &trees)
    }
}

/// Files with those that changed.
fn laid(files: &Files, moved: &[tiphys::manifest::edit::Changed]) -> Files {
    let mut files = files.clone();
    files.0.extend(moved.iter().map(|changed| (changed.file.as_wire().to_owned(), changed.bytes.clone())));
    files
}
