//! The files of every world build with the real kustomize and Helm, and a version is found and moved in each of them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::*;
use crate::simulator::{fleet, library};

fn worlds() -> Vec<Definition> {
    let named = ["lab", "busy-morning", "two-argocds"].map(|name| library::load(name).unwrap().1);
    named.into_iter().chain([fleet::fleet(4)]).collect()
}

fn all(definition: &Definition) -> std::collections::BTreeMap<String, Vec<u8>> {
    files(definition, &|length: Duration| length)
}

#[test]
fn every_version_is_where_it_is_said_to_be_and_moves_alone() {
    for definition in worlds() {
        let files = all(&definition);
        for Deployed { application, environment, destination } in deployed(&definition) {
            let (environment, placement) = (environment.name.as_str(), destination.placement.as_str());
            let file = version_file(application, environment, placement);
            let text = &files[&file];
            let wanted: Vec<_> =
                workloads(application, environment, placement).map(|it| it.version(environment, placement).unwrap().to_owned()).collect();
            assert_eq!(versions(application, environment, placement, text).unwrap(), wanted, "{file}");
            for workload in workloads(application, environment, placement) {
                let name = workload.name(application);
                if let Some(file) = replicas_file(application, environment, placement, workload) {
                    assert_eq!(replicas(application, name, &files[&file]), Some(workload.replicas(environment)), "{file}");
                }
                for tag in ["77.0.1-rc.4", "1.10", "0.1.0"] {
                    let moved = with_version(application, environment, placement, name, text, tag).unwrap();
                    let back =
                        with_version(application, environment, placement, name, &moved, workload.version(environment, placement).unwrap()).unwrap();
                    assert_eq!(String::from_utf8(back).unwrap().replace('"', ""), String::from_utf8(text.clone()).unwrap().replace('"', ""));
                    let differ = text.split(|byte| *byte == b'\n').zip(moved.split(|byte| *byte == b'\n')).filter(|(old, new)| old != new).count();
                    assert_eq!(differ, 1, "{file}");
                }
            }
        }
    }
}

#[test]
fn a_version_is_found_however_people_write_it() {
    let definition = library::load("lab").unwrap().1;
    let find = |name: &str| definition.applications.iter().find(|application| application.name == name).unwrap();
    let moved = |name: &str, workload: &str, text: &str| {
        with_version(find(name), "staging", "", workload, text.as_bytes(), "2.0.0").map(|bytes| String::from_utf8(bytes).unwrap())
    };
    for (text, expected) in [
        ("images: [{name: checkout-service, newTag: 1.2.3}]\n", "images: [{name: checkout-service, newTag: 2.0.0}]\n"),
        ("images:\n- newTag: '1.2' # why\n  name: checkout-service\n", "images:\n- newTag: '2.0.0' # why\n  name: checkout-service\n"),
        (
            "# ü → ✓\r\nimages:\r\n- name: checkout-service\r\n  newTag:   1.2.3\r\n",
            "# ü → ✓\r\nimages:\r\n- name: checkout-service\r\n  newTag:   2.0.0\r\n",
        ),
        (
            "images:\n- {name: \"ü→\", newTag: 9.9}\n- {name: checkout-service, newTag: \"1\"}",
            "images:\n- {name: \"ü→\", newTag: 9.9}\n- {name: checkout-service, newTag: \"2.0.0\"}",
        ),
        ("images:\n- name: checkout-service\n  newTag: 1.10\n", "images:\n- name: checkout-service\n  newTag: 2.0.0\n"),
    ] {
        assert_eq!(moved("checkout-service", "checkout-service", text).as_deref(), Ok(expected));
    }
    let file = "apps/checkout-service/overlays/staging/kustomization.yaml";
    assert_eq!(moved("checkout-service", "checkout-service", "images: []\n"), Err(format!("{file}: no tag for checkout-service")));
    assert!(moved("checkout-service", "checkout-service", "images: [").unwrap_err().starts_with(&format!("{file}: ")));
    let values = "replicas: 3\nlist: [1]\nbilling: {image: {tag: \"7\"}}\nreports:\n  image:\n    tag: 2.8.1\n";
    assert_eq!(moved("backoffice", "reports", values).unwrap(), values.replace("2.8.1", "2.0.0"));
    assert_eq!(versions(find("backoffice"), "staging", "", values.as_bytes()).unwrap(), ["7", "2.8.1"]);
}

#[test]
fn the_sources_of_every_application_are_in_the_repository() {
    for definition in worlds() {
        let files = all(&definition);
        let is_there = |path: &str| files.keys().any(|file| file == path || file.starts_with(&format!("{path}/")));
        for place in deployed(&definition) {
            for source in source(place.application, &place.environment.name, &place.destination.placement) {
                assert!(source.path.is_empty() != source.reference.is_empty());
                assert!(source.path.is_empty() || is_there(&source.path), "{}", source.path);
                for values in source.value_files {
                    let path = values.strip_prefix("$values/").map_or_else(|| values.replace("..", &place.application.folder()), str::to_owned);
                    assert!(is_there(&path), "{path}");
                }
            }
        }
        for application in definition.applications.iter().filter(|it| it.layout == Layout::Applications) {
            assert!(is_there(&source(application, "", "")[0].path));
        }
    }
}

/// The tool, from the path or where the lab keeps it. It says loudly when there is none: a plain `cargo test` needs only Rust and git.
fn tool(name: &str) -> Option<PathBuf> {
    let kept = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/tiphys-lab/bin").join(name));
    let found = kept.filter(|path| path.exists()).or_else(|| Command::new(name).arg("version").output().ok().map(|_| PathBuf::from(name)));
    if found.is_none() {
        println!("!!! NOT CHECKED: there is no {name} (tests/lab/lab build): the manifests of the simulated worlds were not rendered");
    }
    found
}

fn run(tool: &Path, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(tool).current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{} {arguments:?}: {}", tool.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Of each application where it comes first and where it comes last: a renderer takes longer than all that is asked of it, and files are alike in between.
fn first_and_last(definition: &Definition) -> Vec<Deployed<'_>> {
    let both = |application| {
        let mut all = deployed_of(definition, application);
        let first = all.next();
        first.into_iter().chain(all.last())
    };
    definition.applications.iter().flat_map(both).collect()
}

#[test]
fn the_real_kustomize_and_helm_render_every_application() {
    let (kustomize, helm) = (tool("kustomize"), tool("helm"));
    for definition in worlds() {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in all(&definition) {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        for Deployed { application, environment, destination } in first_and_last(&definition) {
            let (environment, placement) = (environment.name.as_str(), destination.placement.as_str());
            let source = &source(application, environment, placement)[0];
            let text = match application.layout {
                Layout::Kustomize | Layout::Plain => kustomize.as_ref().map(|tool| run(tool, folder.path(), &["build", &source.path])),
                _ => helm.as_ref().map(|tool| {
                    let values = version_file(application, environment, placement);
                    run(tool, folder.path(), &["template", &application.name, &source.path, "--values", &values])
                }),
            };
            let Some(text) = text else { continue };
            for workload in workloads(application, environment, placement) {
                let image = format!("{}:{}", workload.image(application), workload.version(environment, placement).unwrap());
                assert!(text.replace('"', "").contains(&image), "{}: {image} in {text}", source.path);
                if workload.kind != WorkloadKind::DaemonSet {
                    assert!(text.contains(&format!("replicas: {}", workload.replicas(environment))), "{text}");
                }
                assert_eq!(text.contains("setWeight"), !render::canary_steps(workload, environment).is_empty(), "{text}");
            }
            if application.layout != Layout::Several {
                let rendered: Vec<_> = resources(application, environment, placement);
                assert_eq!(text.matches("\nkind: ").count() + usize::from(text.starts_with("kind: ")), rendered.len(), "{text}");
            }
        }
    }
}
