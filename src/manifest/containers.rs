//! The images that manifests name: every container under a pod template, whatever the kind of the object around it.

use std::rc::Rc;

use crate::manifest::tree::Trouble;
use crate::manifest::yaml::{Node, Value};

/// A container that names an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// The kind of its object.
    pub(super) kind: Rc<str>,
    /// What its object was called, first to last: prefixes come on the way, and patches may still use an earlier name.
    pub(super) names: Vec<String>,
    /// `containers` or `initContainers`.
    pub(super) list: &'static str,
    /// Which of them, from 0.
    pub(super) place: usize,
    /// Its own name.
    pub(super) name: String,
    /// The image, as written or as something made of it.
    pub(super) image: String,
    /// The file that says so.
    pub(super) file: Rc<str>,
    /// What says so.
    pub(super) by: By,
}

/// What said the image of a container last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    /// Its manifest.
    Manifest,
    /// A patch.
    Patch,
    /// The entry of kustomize's `images` of that name.
    Entry(Rc<str>),
}

const LISTS: [&str; 2] = ["containers", "initContainers"];

/// The containers of some documents.
pub(super) fn containers(documents: &[Rc<Node>], file: &str) -> Result<Vec<Container>, Trouble> {
    let mut found = Vec::new();
    let file: Rc<str> = Rc::from(file);
    for document in documents {
        object(document, &file, &mut found)?;
    }
    Ok(found)
}

fn object(node: &Node, file: &Rc<str>, found: &mut Vec<Container>) -> Result<(), Trouble> {
    let kind = node.text_of("kind").unwrap_or_default();
    if kind.ends_with("List") && node.get("items").is_some() {
        return node.items_of("items").iter().try_for_each(|item| object(item, file, found));
    }
    if kind == "CustomResourceDefinition" {
        return Ok(());
    }
    let name = node.get("metadata").and_then(|metadata| metadata.text_of("name")).unwrap_or_default();
    let around = Around { kind: Rc::from(kind), name, file };
    around.walk(node, found)
}

struct Around<'a> {
    kind: Rc<str>,
    name: &'a str,
    file: &'a Rc<str>,
}

impl Around<'_> {
    fn walk(&self, node: &Node, found: &mut Vec<Container>) -> Result<(), Trouble> {
        match &node.value {
            Value::Null | Value::Scalar(_) => Ok(()),
            Value::List(items) => items.iter().try_for_each(|item| self.walk(item, found)),
            Value::Map(entries) => {
                for (key, value) in entries {
                    match LISTS.into_iter().find(|list| **list == **key) {
                        Some(list) if matches!(value.value, Value::List(_)) => self.take(list, value, found)?,
                        _ => self.walk(value, found)?,
                    }
                }
                Ok(())
            }
        }
    }

    fn take(&self, list: &'static str, containers: &Node, found: &mut Vec<Container>) -> Result<(), Trouble> {
        for (place, container) in containers.items().iter().enumerate() {
            let Some(image) = container.get("image") else { continue };
            let Some(text) = image.text() else { continue };
            if text.contains("{{") {
                return Err(Trouble::broken(self.file, image.line, "the image is a template, which is not read"));
            }
            found.push(Container {
                kind: Rc::clone(&self.kind),
                names: vec![self.name.to_owned()],
                list,
                place,
                name: container.text_of("name").unwrap_or_default().to_owned(),
                image: text.to_owned(),
                file: Rc::clone(self.file),
                by: By::Manifest,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::yaml;

    fn images(text: &str) -> Vec<String> {
        containers(&yaml::read(text.as_bytes()).unwrap(), "x.yaml").unwrap().into_iter().map(|container| container.image).collect()
    }

    #[test]
    fn every_kind_with_a_pod_template_is_read() {
        let text = "kind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {initContainers: [{image: a:1}], containers: [{image: b:2}]}}}}}\n\
                    ---\nkind: Rollout\nspec: {template: {spec: {containers: [{name: x, image: c:3}, {name: y}]}}}\n\
                    ---\nkind: List\nitems: [{kind: Pod, spec: {containers: [{image: d:4}]}}]\n\
                    ---\nkind: ConfigMap\ndata: {x: 'containers: [{image: no}]'}\n\
                    ---\nkind: CustomResourceDefinition\nspec: {containers: [{image: no}]}\n";
        assert_eq!(images(text), ["a:1", "b:2", "c:3", "d:4"]);
    }

    #[test]
    fn an_image_that_is_a_template_is_not_guessed() {
        let documents = yaml::read(b"kind: Pod\nspec:\n  containers:\n    - image: \"{{ .Values.image }}\"\n").unwrap();
        let trouble = containers(&documents, "pod.yaml").unwrap_err();
        assert_eq!(trouble.why().as_str(), "pod.yaml:4: the image is a template, which is not read");
    }
}
