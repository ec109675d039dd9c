//! The files of the gitops repository, made of a definition: kustomize, plain, Helm, several sources, applications of applications.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::render::{self, Slots, Steps, quoted, scalar};
use super::{Deployed, children, configuration, deployed_of, overlay, source, workloads};
use crate::simulator::definition::{ApplicationDefinition, Definition, Layout, WorkloadDefinition, WorkloadKind};
use crate::simulator::layout::application_name;

/// Where the manifests of child applications say that the repository is. What is deployed of them is told the address that is true for this world.
const ADDRESS: &str = "https://git.acme.example/releases/gitops.git";

/// Every file of the repository, by path. `steps` maps the length of a pause to the one that is written.
pub(in crate::simulator) fn files(definition: &Definition, steps: Steps<'_>) -> BTreeMap<String, Vec<u8>> {
    let mut files =
        BTreeMap::from([("README.md".to_owned(), readme(definition).into_bytes()), ("CODEOWNERS".to_owned(), owners(definition).into_bytes())]);
    for application in &definition.applications {
        files.extend(application_files(definition, application, steps));
    }
    files
}

/// The files of one application.
pub(in crate::simulator) fn application_files(
    definition: &Definition,
    application: &ApplicationDefinition,
    steps: Steps<'_>,
) -> BTreeMap<String, Vec<u8>> {
    let mut files = Files { definition, application, steps, folder: application.folder(), made: BTreeMap::new() };
    match application.layout {
        Layout::Kustomize => files.kustomize(),
        Layout::Plain => files.plain(),
        Layout::Helm => files.helm(),
        Layout::Several => {
            files.helm();
            let name = format!("{}-content", application.name);
            files.put(
                "manifests/configmap.yaml",
                format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  content.txt: |\n    sofa, couch\n"),
            );
        }
        Layout::Applications => files.applications(),
    }
    files.made
}

struct Files<'a> {
    definition: &'a Definition,
    application: &'a ApplicationDefinition,
    steps: Steps<'a>,
    folder: String,
    made: BTreeMap<String, Vec<u8>>,
}

impl<'a> Files<'a> {
    fn put(&mut self, path: &str, text: String) {
        self.made.insert(format!("{}/{path}", self.folder), text.into_bytes());
    }

    fn deployed(&self) -> Vec<Deployed<'a>> {
        deployed_of(self.definition, self.application).collect()
    }

    /// The file of a workload's manifest: by kind where it is the only one.
    fn file(&self, workload: &WorkloadDefinition) -> String {
        let kind = super::kind(workload.kind).to_lowercase();
        if self.application.workloads.len() == 1 { format!("{kind}.yaml") } else { format!("{}-{kind}.yaml", workload.name(self.application)) }
    }

    /// A file that each workload has one of.
    fn each(&self, what: &str, workload: &WorkloadDefinition) -> String {
        if self.application.workloads.len() == 1 { format!("{what}.yaml") } else { format!("{what}-{}.yaml", workload.name(self.application)) }
    }

    fn deadline(&self, workload: &WorkloadDefinition) -> Option<Duration> {
        workload.deadline.map(self.steps)
    }

    fn kustomize(&mut self) {
        let application = self.application;
        let mut resources = Vec::new();
        for workload in &application.workloads {
            let name = workload.name(application);
            let file = self.file(workload);
            self.put(
                &format!("base/{file}"),
                render::workload(application, workload, &Slots { image: name, replicas: "2", canary: "", deadline: self.deadline(workload) }),
            );
            resources.push(file);
            self.service("base", workload, &mut resources);
        }
        self.hook("base", &mut resources);
        self.put("base/kustomization.yaml", format!("{KUSTOMIZATION}{}", list("resources", &resources)));
        for Deployed { environment, destination, .. } in self.deployed() {
            let (environment, placement) = (environment.name.as_str(), destination.placement.as_str());
            let folder = format!("overlays/{}", overlay(environment, placement));
            let (mut resources, mut patches) = (vec!["../../base".to_owned()], Vec::new());
            for workload in workloads(application, environment, placement) {
                let name = workload.name(application);
                if workload.kind != WorkloadKind::DaemonSet {
                    let file = self.each("patch-replicas", workload);
                    self.put(&format!("{folder}/{file}"), render::replicas_patch(name, workload.kind, workload.replicas(environment)));
                    patches.push(format!("path: {file}"));
                }
                let canary = render::canary(name, &render::canary_steps(workload, environment), self.steps, 6);
                if !canary.is_empty() {
                    let file = self.each("patch-canary", workload);
                    self.put(&format!("{folder}/{file}"), render::canary_patch(name, &canary));
                    patches.push(format!("path: {file}"));
                }
                self.analysis(&folder, workload, environment, &mut resources);
            }
            let namespace = destination.namespace.as_deref().unwrap_or(environment);
            let mut text = kustomization(application, environment, placement, namespace, &resources);
            text += &list("patches", &patches);
            self.put(&format!("{folder}/kustomization.yaml"), text);
        }
    }

    fn plain(&mut self) {
        let application = self.application;
        for Deployed { environment, destination, .. } in self.deployed() {
            let (environment, placement) = (environment.name.as_str(), destination.placement.as_str());
            let folder = overlay(environment, placement);
            let mut resources = Vec::new();
            for workload in workloads(application, environment, placement) {
                let name = workload.name(application);
                let canary = render::canary(name, &render::canary_steps(workload, environment), self.steps, 6);
                let file = self.file(workload);
                let slots =
                    Slots { image: name, replicas: &workload.replicas(environment).to_string(), canary: &canary, deadline: self.deadline(workload) };
                self.put(&format!("{folder}/{file}"), render::workload(application, workload, &slots));
                resources.push(file);
                self.service(&folder, workload, &mut resources);
                self.analysis(&folder, workload, environment, &mut resources);
            }
            self.hook(&folder, &mut resources);
            let namespace = destination.namespace.as_deref().unwrap_or(environment);
            self.put(&format!("{folder}/kustomization.yaml"), kustomization(application, environment, placement, namespace, &resources));
        }
    }

    fn service(&mut self, folder: &str, workload: &WorkloadDefinition, resources: &mut Vec<String>) {
        if workload.kind != WorkloadKind::DaemonSet {
            let file = self.each("service", workload);
            self.put(&format!("{folder}/{file}"), render::service(workload.name(self.application)));
            resources.push(file);
        }
    }

    /// The Job before each sync, with the image of the first workload.
    fn hook(&mut self, folder: &str, resources: &mut Vec<String>) {
        if let (Some(name), Some(first)) = (self.application.hook_name(), self.application.workloads.first()) {
            self.put(&format!("{folder}/{name}.yaml"), render::hook(&name, first.name(self.application)));
            resources.push(format!("{name}.yaml"));
        }
    }

    fn analysis(&mut self, folder: &str, workload: &WorkloadDefinition, environment: &str, resources: &mut Vec<String>) {
        if render::analysed(workload, environment) {
            let file = self.each("analysis", workload);
            self.put(&format!("{folder}/{file}"), render::analysis(workload.name(self.application), self.steps, "{{args.service}}"));
            resources.push(file);
        }
    }

    fn helm(&mut self) {
        let application = self.application;
        let only = application.workloads.len() == 1;
        self.put("chart/Chart.yaml", format!("apiVersion: v2\nname: {}\nversion: 0.3.0\n", application.name));
        let mut defaults = String::new();
        for workload in &application.workloads {
            let name = workload.name(application);
            let values = if only { ".Values".to_owned() } else { format!("(index .Values {})", quoted(name)) };
            let canary = format!("      {{{{- with {values}.canary }}}}\n      {{{{- toYaml . | nindent 6 }}}}\n      {{{{- end }}}}\n");
            let slots = Slots {
                image: &format!("\"{{{{ {values}.image.repository }}}}:{{{{ {values}.image.tag }}}}\""),
                replicas: &format!("{{{{ {values}.replicas }}}}"),
                canary: if workload.canary.is_empty() { "" } else { &canary },
                deadline: self.deadline(workload),
            };
            let file = self.file(workload);
            self.put(&format!("chart/templates/{file}"), render::workload(application, workload, &slots));
            let mut written = Vec::new();
            self.service("chart/templates", workload, &mut written);
            let config = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}-config\ndata:\n  {{{{- toYaml {values}.config | nindent 2 }}}}\n"
            );
            let file = self.each("configmap", workload);
            self.put(&format!("chart/templates/{file}"), config);
            if self.definition.environments.iter().any(|environment| render::analysed(workload, &environment.name)) {
                let analysis = render::analysis(name, self.steps, "{{ \"{{args.service}}\" }}");
                let text = format!("{{{{- if {values}.canary }}}}\n{analysis}{{{{- end }}}}\n");
                let file = self.each("analysis", workload);
                self.put(&format!("chart/templates/{file}"), text);
            }
            let (heading, indent) = if only { (String::new(), "") } else { (format!("{name}:\n"), "  ") };
            defaults += &heading;
            if workload.kind != WorkloadKind::DaemonSet {
                _ = writeln!(defaults, "{indent}replicas: 1");
            }
            _ = writeln!(
                defaults,
                "{indent}image:\n{indent}  repository: {}\n{indent}  tag: \"\"\n{indent}config: {{}}",
                workload.image(application)
            );
        }
        let values = application.workloads.first().filter(|_| !only).map(|first| format!("(index .Values {})", quoted(first.name(application))));
        let values = values.unwrap_or_else(|| ".Values".to_owned());
        let image = format!("\"{{{{ {values}.image.repository }}}}:{{{{ {values}.image.tag }}}}\"");
        if let Some(name) = application.hook_name() {
            self.put(&format!("chart/templates/{name}.yaml"), render::hook(&name, &image));
        }
        self.put("chart/values.yaml", defaults);
        for Deployed { environment, destination, .. } in self.deployed() {
            let text = self.values(&environment.name, &destination.placement);
            self.put(&format!("values-{}.yaml", overlay(&environment.name, &destination.placement)), text);
        }
    }

    fn values(&self, environment: &str, placement: &str) -> String {
        let application = self.application;
        let only = application.workloads.len() == 1;
        let mut text = format!("# {}: the image moves by promotion, everything else by review\n", overlay(environment, placement));
        for workload in workloads(application, environment, placement) {
            let name = workload.name(application);
            let (heading, indent) = if only { (String::new(), "") } else { (format!("{name}:\n"), "  ") };
            text += &heading;
            if workload.kind != WorkloadKind::DaemonSet {
                _ = writeln!(text, "{indent}replicas: {}", workload.replicas(environment));
            }
            let tag = quoted(workload.version(environment, placement).unwrap_or_default());
            _ = writeln!(text, "{indent}image:\n{indent}  tag: {tag}   # promoted\n{indent}config:");
            for (key, value) in configuration(workload, environment) {
                _ = writeln!(text, "{indent}  {key}: {}", quoted(&value));
            }
            let canary = render::canary(name, &render::canary_steps(workload, environment), self.steps, indent.len() + 2);
            if !canary.is_empty() {
                _ = write!(text, "{indent}canary:\n{canary}");
            }
        }
        text
    }

    fn applications(&mut self) {
        let (definition, parent) = (self.definition, self.application);
        for child in children(definition, parent) {
            for Deployed { environment, destination, .. } in deployed_of(definition, child) {
                let Some(argocd) = definition.argocds.iter().find(|argocd| argocd.name == destination.argocd) else { continue };
                let name = application_name(argocd, &child.name, &environment.name, &destination.placement);
                let mut text = format!(
                    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\n  labels:\n    environment: {}\n",
                    environment.name
                );
                if !child.service.is_empty() {
                    _ = writeln!(text, "    service: {}", child.service);
                }
                if !child.team.is_empty() {
                    _ = writeln!(text, "    team: {}", child.team);
                }
                _ = write!(text, "spec:\n  project: {}\n", child.project);
                let sources = source(child, &environment.name, &destination.placement);
                text += if sources.len() == 1 { "  source:\n" } else { "  sources:\n" };
                for one in &sources {
                    let (first, indent) = if sources.len() == 1 { ("    ", "    ") } else { ("    - ", "      ") };
                    _ = writeln!(text, "{first}repoURL: {ADDRESS}\n{indent}targetRevision: main");
                    if !one.path.is_empty() {
                        _ = writeln!(text, "{indent}path: {}", one.path);
                    }
                    if !one.reference.is_empty() {
                        _ = writeln!(text, "{indent}ref: {}", one.reference);
                    }
                    if !one.value_files.is_empty() {
                        _ = writeln!(text, "{indent}helm:\n{indent}  valueFiles:");
                        for file in &one.value_files {
                            _ = writeln!(text, "{indent}    - {}", quoted(file));
                        }
                    }
                }
                let namespace = destination.namespace.as_deref().unwrap_or(&environment.name);
                let server = if destination.cluster == argocd.cluster {
                    "server: https://kubernetes.default.svc".to_owned()
                } else {
                    format!("name: {}", destination.cluster)
                };
                _ = write!(text, "  destination:\n    {server}\n    namespace: {namespace}\n");
                if !child.manual.contains(&environment.name) {
                    _ = write!(text, "  syncPolicy:\n    automated:\n      prune: true\n      selfHeal: {}\n", environment.self_heal);
                }
                self.put(&format!("{name}.yaml"), text);
            }
        }
    }
}

const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

/// A kustomization with configuration and images, without patches.
fn kustomization(application: &ApplicationDefinition, environment: &str, placement: &str, namespace: &str, resources: &[String]) -> String {
    let mut text = format!(
        "{KUSTOMIZATION}namespace: {namespace}\n{}generatorOptions:\n  disableNameSuffixHash: true\nconfigMapGenerator:\n",
        list("resources", resources)
    );
    for workload in workloads(application, environment, placement) {
        _ = writeln!(text, "  - name: {}-config\n    literals:", workload.name(application));
        for (key, value) in configuration(workload, environment) {
            let literal = format!("{key}={value}");
            // A literal with `: ` or ` #` in it would not be read as text.
            let literal = if literal.contains([' ', '"', '\'']) { quoted(&literal) } else { literal };
            _ = writeln!(text, "      - {literal}");
        }
    }
    text += "# Only the tag moves between environments.\nimages:\n";
    for workload in workloads(application, environment, placement) {
        let tag = scalar(workload.version(environment, placement).unwrap_or_default());
        _ = writeln!(text, "  - name: {}\n    newName: {}\n    newTag: {tag}", workload.name(application), workload.image(application));
    }
    text
}

/// A list under a key; nothing for an empty one.
fn list(key: &str, entries: &[String]) -> String {
    let mut text = if entries.is_empty() { String::new() } else { format!("{key}:\n") };
    for entry in entries {
        _ = writeln!(text, "  - {entry}");
    }
    text
}

fn readme(definition: &Definition) -> String {
    let environments: Vec<_> = definition.environments.iter().map(|environment| environment.name.as_str()).collect();
    format!(
        "# gitops\n\nWhat runs where. Argo CD deploys what `main` says.\n\nEnvironments, in the order of promotion: {}.\nA promotion moves a tag and nothing \
         else; everything else goes by review.\n",
        environments.join(", ")
    )
}

fn owners(definition: &Definition) -> String {
    let mut text = "* @acme/platform\n".to_owned();
    for application in definition.applications.iter().filter(|application| !application.team.is_empty()) {
        _ = writeln!(text, "/{}/ @acme/{}", application.folder(), application.team);
    }
    text
}
