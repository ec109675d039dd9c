//! What stands beside the files of an application and wins over them: what the Application object says itself, and the files
//! `.argocd-source.yaml` and `.argocd-source-NAME.yaml`, by which tools such as the Image Updater pin a version.

use std::borrow::Cow;

use crate::base::Raw;
use crate::domain::application::Origin;
use crate::manifest::entry::ImageEntry;
use crate::manifest::tree::{Recorded, Trouble, below};
use crate::manifest::yaml::{Node, Value};

/// What overrides the files of one origin.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    /// Entries that kustomize is told beforehand.
    pub(super) images: Vec<ImageEntry>,
    /// `helm.parameters`, name and value.
    pub(super) parameters: Vec<(String, String)>,
    /// `helm.valueFiles`, where a file replaces them.
    value_files: Option<Vec<String>>,
    images_from: Option<String>,
    parameters_from: Option<String>,
}

impl Overrides {
    /// Reads them. Each source replaces the whole list of the one before, as a JSON merge patch does (argo-cd `mergeSourceParameters`).
    pub(super) fn read(tree: &Recorded<'_>, folder: &str, namespace: &str, name: &str, origin: &Origin) -> Result<Self, Trouble> {
        let mut overrides = Self::default();
        if !origin.images.is_empty() {
            let images: Vec<String> = origin.images.iter().map(|image| image.as_wire().to_owned()).collect();
            overrides.images = ImageEntry::told_all(&images);
            overrides.images_from = Some("spec.source.kustomize.images".to_owned());
        }
        if !origin.parameters.is_empty() {
            overrides.parameters = super::parameters(origin);
            overrides.parameters_from = Some("spec.source.helm.parameters".to_owned());
        }
        // Outside of the control plane's namespace, Argo CD calls an application by its namespace and name.
        let files = [".argocd-source.yaml".to_owned(), format!(".argocd-source-{name}.yaml"), format!(".argocd-source-{namespace}_{name}.yaml")];
        for file in files {
            if let Some(documents) = tree.yaml(&below(folder, &file))?
                && let Some(document) = documents.first()
            {
                overrides.take(document, &file);
            }
        }
        Ok(overrides)
    }

    fn take(&mut self, document: &Node, file: &str) {
        if let Some(images) = document.get("kustomize").and_then(|kustomize| kustomize.get("images")) {
            self.images = ImageEntry::told_all(&images.items().iter().filter_map(|image| image.text()).map(ToOwned::to_owned).collect::<Vec<_>>());
            self.images_from = Some(file.to_owned());
        }
        let Some(helm) = document.get("helm") else { return };
        if let Some(parameters) = helm.get("parameters") {
            let pair = |node: &Node| Some((node.text_of("name")?.to_owned(), node.text_of("value").unwrap_or_default().to_owned()));
            self.parameters = parameters.items().iter().filter_map(|node| pair(node)).collect();
            self.parameters_from = Some(file.to_owned());
        }
        if let Some(files) = helm.get("valueFiles")
            && matches!(files.value, Value::List(_))
        {
            self.value_files = Some(files.items().iter().filter_map(|file| file.text()).map(ToOwned::to_owned).collect());
        }
    }

    /// The origin as the files have changed it.
    pub(super) fn applied_to<'o>(&self, origin: &'o Origin) -> Cow<'o, Origin> {
        match &self.value_files {
            None => Cow::Borrowed(origin),
            Some(files) => {
                let value_files = files.iter().map(|file| Raw::from(file.as_str())).collect();
                Cow::Owned(Origin { value_files, ..origin.clone() })
            }
        }
    }

    /// What overrides the images of a kustomization, in words.
    pub(super) fn words_of_images(&self) -> Option<String> {
        self.images_from.clone()
    }

    /// What overrides the values of a chart, in words.
    pub(super) fn words_of_parameters(&self) -> Option<String> {
        self.parameters_from.clone()
    }
}
