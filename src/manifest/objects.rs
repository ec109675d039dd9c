//! What manifests are about besides images: which objects they make, which of those are hooks of a sync, how many pods workloads ask for, and what
//! scales them. Read from documents as they are written, or as something rendered them; nothing here renders.
//!
//! Hooks: argo-cd `docs/user-guide/sync-waves.md`, gitops-engine `pkg/sync/hook` and `pkg/sync/hook/helm`.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Safe;
use crate::manifest::kustomize;
use crate::manifest::tree::{Inputs, Tree, joined};
use crate::manifest::yaml::Node;

/// An object by its kind and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// Its kind.
    pub kind: String,
    /// Its name, as it is written: what prefixes and suffixes make of it is not known here.
    pub name: String,
}

impl Object {
    /// `Job migrate`.
    #[must_use]
    pub fn shown(&self) -> Safe {
        crate::safe!("{} {}", Safe::clean(&self.kind), Safe::clean(&self.name))
    }
}

/// What runs with a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What it is.
    pub object: Object,
    /// When it runs, in Argo CD's words: `PreSync`, `Sync`, `PostSync`, `SyncFail`. Those of deletion are left out.
    pub when: Vec<&'static str>,
}

/// What some manifests are about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The objects that a sync applies and keeps.
    pub objects: BTreeSet<Object>,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// How many pods workloads ask for. Several where a patch says another number than what it patches: which one wins is not told here.
    pub replicas: BTreeMap<Object, BTreeSet<u32>>,
    /// What scales, and which workload.
    pub scalers: Vec<(Object, Object)>,
}

/// Kinds that are not applied: what they say is for kustomize.
const OF_KUSTOMIZE: [&str; 4] = ["Kustomization", "Component", "ImageTagTransformer", "PatchTransformer"];
/// Where an annotation says that an object is a hook; the first one counts where both are there.
const HOOKS: [&str; 2] = ["argocd.argoproj.io/hook", "helm.sh/hook"];

/// What the manifests among these inputs are about.
#[must_use]
pub fn found(tree: &dyn Tree, inputs: &Inputs) -> Found {
    let mut found = Found::default();
    let mut removed = BTreeSet::new();
    let read = inputs.files.iter().filter_map(|path| tree.yaml(path)?.ok());
    for document in read.flat_map(|documents| documents.iter().cloned().collect::<Vec<_>>()) {
        found.take(&document, &mut removed);
    }
    found.objects.retain(|object| !removed.contains(object));
    found.hooks.retain(|hook| !removed.contains(&hook.object));
    found
}

/// What a manifest is about that was rendered: nothing in it patches anything.
#[must_use]
pub fn found_in<'n>(documents: impl IntoIterator<Item = &'n Node>) -> Found {
    let mut found = Found::default();
    for document in documents {
        found.take(document, &mut BTreeSet::new());
    }
    found
}

/// Paths that what is rendered depends on beside those that are read for images: the templates of charts, and files that kustomize makes objects of.
#[must_use]
pub fn beside(tree: &dyn Tree, inputs: &Inputs) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in &inputs.files {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(Ok(documents)) = tree.yaml(path) else { continue };
        if name == "Chart.yaml" {
            found.extend(["templates", "charts", "crds", "files", "Chart.lock"].iter().filter_map(|name| joined(folder, name)));
        } else if kustomize::FILES.contains(&name) {
            for document in &*documents {
                found.extend(named_files(document).filter_map(|file| joined(folder, file)));
            }
        }
    }
    found
}

/// Files that generators, patches and others name.
fn named_files(kustomization: &Node) -> impl Iterator<Item = &str> {
    let generators = ["configMapGenerator", "secretGenerator"].into_iter().flat_map(|key| kustomization.items_of(key));
    let own = generators.flat_map(|generator| {
        let lists = ["files", "envs"].into_iter().flat_map(|key| generator.items_of(key)).filter_map(|item| item.text());
        // `name=path`, or the path alone.
        lists.chain(generator.text_of("env")).map(|written| written.split_once('=').map_or(written, |(_, path)| path))
    });
    let lists = ["crds", "configurations", "generators", "transformers", "validators"].into_iter().flat_map(|key| kustomization.items_of(key));
    let replacements = kustomization.items_of("replacements").iter().filter_map(|replacement| replacement.text_of("path"));
    let schema = kustomization.get("openapi").and_then(|openapi| openapi.text_of("path"));
    own.chain(schema).chain(lists.filter_map(|item| item.text())).chain(replacements).filter(|written| !written.contains('\n'))
}

impl Found {
    /// Takes in what others are about.
    pub fn join(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.hooks.extend(other.hooks);
        for (object, counts) in other.replicas {
            self.replicas.entry(object).or_default().extend(counts);
        }
        self.scalers.extend(other.scalers);
    }

    fn take(&mut self, node: &Node, removed: &mut BTreeSet<Object>) {
        let kind = node.text_of("kind").unwrap_or_default();
        if kind.ends_with("List") && node.get("items").is_some() {
            return node.items_of("items").iter().for_each(|item| self.take(item, removed));
        }
        if OF_KUSTOMIZE.contains(&kind) {
            return self.counts(node);
        }
        let Some(object) = object(node, kind) else { return };
        if node.text_of("$patch") == Some("delete") {
            removed.insert(object);
            return;
        }
        let spec = node.get("spec");
        if let Some(target) = spec.and_then(|spec| spec.get("scaleTargetRef"))
            && let Some(name) = target.text_of("name")
        {
            // KEDA's is a Deployment where nothing else is said.
            let kind = target.text_of("kind").unwrap_or("Deployment").to_owned();
            self.scalers.push((object.clone(), Object { kind, name: name.to_owned() }));
        } else if let Some(count) = spec.and_then(|spec| spec.text_of("replicas")).and_then(|count| count.parse().ok()) {
            self.replicas.entry(object.clone()).or_default().insert(count);
        }
        match hook(node) {
            None => _ = self.objects.insert(object),
            Some(when) if when.is_empty() => {}
            Some(when) => self.hooks.push(Hook { object, when }),
        }
    }

    /// The numbers of pods that a kustomization gives by name.
    fn counts(&mut self, kustomization: &Node) {
        for entry in kustomization.items_of("replicas") {
            let (Some(name), Some(count)) = (entry.text_of("name"), entry.text_of("count").and_then(|count| count.parse().ok())) else { continue };
            for kind in ["Deployment", "StatefulSet", "Rollout"] {
                self.replicas.entry(Object { kind: kind.to_owned(), name: name.to_owned() }).or_default().insert(count);
            }
        }
    }
}

fn object(node: &Node, kind: &str) -> Option<Object> {
    let metadata = node.get("metadata")?;
    let made = metadata.text_of("generateName").map(|begin| format!("{begin}…"));
    let name = metadata.text_of("name").map(ToOwned::to_owned).or(made)?;
    (!kind.is_empty()).then(|| Object { kind: kind.to_owned(), name })
}

/// When an object runs as a hook; nothing where it runs at no sync; `None`: it is no hook.
fn hook(node: &Node) -> Option<Vec<&'static str>> {
    let annotations = node.get("metadata")?.get("annotations")?;
    let written = HOOKS.iter().find_map(|key| annotations.text_of(key))?;
    let when = |word: &str| match word.trim() {
        "PreSync" | "pre-install" | "pre-upgrade" => Some("PreSync"),
        "Sync" => Some("Sync"),
        "PostSync" | "post-install" | "post-upgrade" => Some("PostSync"),
        "SyncFail" => Some("SyncFail"),
        _ => None,
    };
    let mut found: Vec<&'static str> = written.split(',').filter_map(when).collect();
    found.dedup();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::yaml;

    fn read(text: &str) -> Found {
        let documents = yaml::read(text.as_bytes()).unwrap();
        let mut found = Found::default();
        for document in &documents {
            found.take(document, &mut BTreeSet::new());
        }
        found
    }

    #[test]
    fn hooks_are_told_from_what_a_sync_keeps() {
        let annotated = |annotation: &str| read(&format!("kind: Job\nmetadata: {{name: migrate, annotations: {{{annotation}}}}}\n"));
        for (annotation, when) in [
            ("argocd.argoproj.io/hook: PreSync", Some(vec!["PreSync"])),
            ("argocd.argoproj.io/hook: 'PreSync, PostSync'", Some(vec!["PreSync", "PostSync"])),
            ("helm.sh/hook: 'pre-install,pre-upgrade'", Some(vec!["PreSync"])),
            ("helm.sh/hook: post-delete", None),
            ("argocd.argoproj.io/hook: Skip", None),
        ] {
            let found = annotated(annotation);
            assert_eq!(found.hooks.first().map(|hook| hook.when.clone()), when, "{annotation}");
            assert!(found.objects.is_empty(), "{annotation}");
        }
        let made = read("kind: Job\nmetadata: {generateName: migrate-, annotations: {argocd.argoproj.io/hook: Sync}}\n");
        assert_eq!(made.hooks.first().unwrap().object.shown().as_str(), "Job migrate-…");
        assert_eq!(annotated("a: b").objects.len(), 1);
    }

    #[test]
    fn who_asks_for_how_many_pods_and_who_scales_them() {
        let found = read(
            "kind: List\nitems:\n- {kind: Deployment, metadata: {name: a}, spec: {replicas: 3}}\n---\n{kind: Deployment, metadata: {name: a}, spec: \
             {replicas: 5}}\n---\n{kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {scaleTargetRef: {kind: Deployment, name: a}}}\n---\n{kind: \
             ScaledObject, metadata: {name: k}, spec: {scaleTargetRef: {name: b}}}\n---\n{kind: Kustomization, replicas: [{name: r, count: 2}]}\n",
        );
        let of = |kind: &str, name: &str| Object { kind: kind.to_owned(), name: name.to_owned() };
        assert_eq!(found.replicas[&of("Deployment", "a")], BTreeSet::from([3, 5]));
        assert_eq!(found.replicas[&of("Rollout", "r")], BTreeSet::from([2]));
        assert_eq!(found.scalers, [(of("HorizontalPodAutoscaler", "h"), of("Deployment", "a")), (of("ScaledObject", "k"), of("Deployment", "b"))]);
    }

    #[test]
    fn what_is_rendered_depends_on_more_than_images_do() {
        let kustomization = "resources: [d.yaml]\nconfigMapGenerator:\n- name: c\n  files: [app.toml, other=../x.toml]\n  envs: [a.env]\n";
        let tree = crate::manifest::files::Files::default().with("o/kustomization.yaml", kustomization).with("c/Chart.yaml", "name: c\n");
        let inputs = Inputs { files: ["o/kustomization.yaml", "c/Chart.yaml", "c/values.yaml"].map(str::to_owned).into(), ..Inputs::default() };
        let paths: Vec<String> = beside(&tree, &inputs).into_iter().collect();
        assert_eq!(paths, ["c/Chart.lock", "c/charts", "c/crds", "c/files", "c/templates", "o/a.env", "o/app.toml", "x.toml"]);
    }
}
