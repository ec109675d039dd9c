//! The version and the number of pods as they stand in a file of the repository: read with a YAML parser, changed to the byte. People push such files
//! too, so nothing is taken for granted about how they are written.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::render::{quoted, scalar};
use super::{overlay, version_file, workloads};
use crate::simulator::definition::{ApplicationDefinition, Layout, WorkloadDefinition, WorkloadKind};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kustomization {
    #[serde(default)]
    images: Vec<Image>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    name: String,
    new_tag: Option<Spanned<String>>,
}

/// What a values file says of one workload.
#[derive(Deserialize)]
struct Values {
    image: Option<ImageValues>,
    replicas: Option<u32>,
}

#[derive(Deserialize)]
struct ImageValues {
    tag: Option<Spanned<String>>,
}

/// A value of a values file that may be a workload's or anything else.
struct Part(Option<Values>);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part, A::Error> {
        let mut values = Values { image: None, replicas: None };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "image" => values.image = map.next_value()?,
                "replicas" => values.replicas = map.next_value()?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(Part(Some(values)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Part, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Part(None))
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Part, E> {
        Ok(Part(None))
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Part, E> {
        Ok(Part(None))
    }

    fn visit_u64<E>(self, _value: u64) -> Result<Part, E> {
        Ok(Part(None))
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Part, E> {
        Ok(Part(None))
    }

    fn visit_str<E>(self, _value: &str) -> Result<Part, E> {
        Ok(Part(None))
    }

    fn visit_unit<E>(self) -> Result<Part, E> {
        Ok(Part(None))
    }
}

#[derive(Deserialize)]
struct Manifest {
    spec: Option<Values>,
}

/// The tags of an application's workloads there, in their order, as its version file says them.
pub(in crate::simulator) fn versions(
    application: &ApplicationDefinition,
    environment: &str,
    placement: &str,
    text: &[u8],
) -> Result<Vec<String>, String> {
    let here = workloads(application, environment, placement);
    here.map(|workload| Ok(tag(application, environment, placement, workload.name(application), utf8(text)?)?.value)).collect()
}

/// The version file with another tag for one workload. Everything else stays as it is, to the byte.
pub(in crate::simulator) fn with_version(
    application: &ApplicationDefinition,
    environment: &str,
    placement: &str,
    workload: &str,
    text: &[u8],
    tag_wanted: &str,
) -> Result<Vec<u8>, String> {
    let text = utf8(text)?;
    let found = tag(application, environment, placement, workload, text)?;
    let file = version_file(application, environment, placement);
    let odd = || format!("{file}: the tag of {workload} is written in a way that this cannot change (line {})", found.referenced.line());
    let (line, column) = (usize::try_from(found.referenced.line()).unwrap_or(0), usize::try_from(found.referenced.column()).unwrap_or(0));
    let line_start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(line_start..).ok_or_else(odd)?;
    let start = line_start + rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>();
    let (before, rest) = text.split_at_checked(start).ok_or_else(odd)?;
    let (length, written) = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let inside = rest.get(1..).and_then(|rest| rest.find(quote)).ok_or_else(odd)?;
            // A tag needs no escapes in either kind of quotes.
            (inside + 2, if quote == '"' { quoted(tag_wanted) } else { format!("'{tag_wanted}'") })
        }
        _ => (rest.find(|character: char| character.is_whitespace() || ",}]".contains(character)).unwrap_or(rest.len()), scalar(tag_wanted)),
    };
    let (old, after) = rest.split_at_checked(length).ok_or_else(odd)?;
    if old.trim_matches(['"', '\'']) != found.value {
        return Err(odd());
    }
    let changed = format!("{before}{written}{after}");
    let read = tag(application, environment, placement, workload, &changed)?;
    if read.value == tag_wanted { Ok(changed.into_bytes()) } else { Err(odd()) }
}

/// The file that says how many pods a workload has there, if one does.
pub(in crate::simulator) fn replicas_file(
    application: &ApplicationDefinition,
    environment: &str,
    placement: &str,
    workload: &WorkloadDefinition,
) -> Option<String> {
    if workload.kind == WorkloadKind::DaemonSet {
        return None;
    }
    let (folder, overlay, name) = (application.folder(), overlay(environment, placement), workload.name(application));
    let only = application.workloads.len() == 1;
    match application.layout {
        Layout::Kustomize if only => Some(format!("{folder}/overlays/{overlay}/patch-replicas.yaml")),
        Layout::Kustomize => Some(format!("{folder}/overlays/{overlay}/patch-replicas-{name}.yaml")),
        Layout::Plain if only => Some(format!("{folder}/{overlay}/{}.yaml", super::kind(workload.kind).to_lowercase())),
        Layout::Plain => Some(format!("{folder}/{overlay}/{name}-{}.yaml", super::kind(workload.kind).to_lowercase())),
        Layout::Helm | Layout::Several => Some(version_file(application, environment, placement)),
        Layout::Applications => None,
    }
}

/// The number of pods of a workload, as that file says it; nothing where it says none.
pub(in crate::simulator) fn replicas(application: &ApplicationDefinition, workload: &str, text: &[u8]) -> Option<u32> {
    let text = utf8(text).ok()?;
    match application.layout {
        Layout::Kustomize | Layout::Plain => read::<Manifest>(text).ok()?.spec?.replicas,
        Layout::Helm | Layout::Several => values(application, workload, text).ok()??.replicas,
        Layout::Applications => None,
    }
}

fn utf8(text: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(text).map_err(|error| format!("not UTF-8: {error}"))
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string().lines().next().unwrap_or("not YAML").to_owned())
}

/// What a values file says of a workload: at the top where it is the only one, else under its name.
fn values(application: &ApplicationDefinition, workload: &str, text: &str) -> Result<Option<Values>, String> {
    if application.workloads.len() == 1 {
        return read(text);
    }
    let mut parts: BTreeMap<String, Part> = read(text)?;
    Ok(parts.remove(workload).and_then(|part| part.0))
}

fn tag(application: &ApplicationDefinition, environment: &str, placement: &str, workload: &str, text: &str) -> Result<Spanned<String>, String> {
    let file = || version_file(application, environment, placement);
    let found = match application.layout {
        Layout::Kustomize | Layout::Plain => read::<Kustomization>(text)
            .map(|kustomization| kustomization.images.into_iter().find(|image| image.name == workload).and_then(|image| image.new_tag)),
        Layout::Helm | Layout::Several => values(application, workload, text).map(|values| values?.image?.tag),
        Layout::Applications => Ok(None),
    };
    found.map_err(|error| format!("{}: {error}", file()))?.ok_or_else(|| format!("{}: no tag for {workload}", file()))
}
