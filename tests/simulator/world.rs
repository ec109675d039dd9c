//! A simulated world as tests use it: a process of its own that is served on loopback, its servers, and what can be done to it.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what does not run fails them")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::stories::world::{Part, World};
use crate::support::http::Peer;
use crate::support::screen::program;

const MERGE: &str = "application/merge-patch+json";

/// A world that is served.
pub(crate) struct Simulated {
    server: Child,
    environment: Vec<(String, String)>,
    /// Of the test: what it writes, and the home of the programs that it runs.
    folder: tempfile::TempDir,
    argocd: String,
    clusters: Value,
}

impl Simulated {
    /// A world that runs so many times as fast as the wall.
    pub(crate) fn start(scenario: &str, speed: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("world");
        let home = folder.path().display().to_string();
        let mut command = Command::new(program());
        command.env_clear().env("HOME", &home).env("XDG_STATE_HOME", &home).env("XDG_CONFIG_HOME", &home).env("XDG_CACHE_HOME", &home);
        let speed = speed.to_string();
        command.args(["simulate", "--scenario", scenario, "--speed", &speed, "--write"]).arg(&place);
        let mut server = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        // It says how to join once everything is there. Read on, or its story stops the pipe.
        let mut told = BufReader::new(server.stdout.take().unwrap()).lines();
        assert!(told.next().is_some_and(|line| line.is_ok()), "the simulator did not start");
        std::thread::spawn(move || told.for_each(drop));
        let (argocd, clusters) = (read_yaml(&place.join("argocd-config")), read_yaml(&place.join("kubeconfig")));
        // The argocd CLI looks for its file in a folder.
        std::fs::create_dir(folder.path().join("argocd")).unwrap();
        std::fs::copy(place.join("argocd-config"), folder.path().join("argocd/config")).unwrap();
        let mut environment = vec![
            ("KUBECONFIG".to_owned(), place.join("kubeconfig").display().to_string()),
            ("ARGOCD_CONFIG_DIR".to_owned(), folder.path().join("argocd").display().to_string()),
        ];
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            environment.push((name.into(), home.clone()));
        }
        let argocd = argocd.pointer("/contexts/0/name").and_then(Value::as_str).unwrap().to_owned();
        Self { server, environment, folder, argocd, clusters }
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("world")
    }

    /// The names of its clusters.
    pub(crate) fn clusters(&self) -> Vec<String> {
        self.clusters
            .pointer("/clusters")
            .and_then(Value::as_array)
            .unwrap()
            .iter()
            .map(|one| one.pointer("/name").unwrap().as_str().unwrap().to_owned())
            .collect()
    }

    /// A cluster's API. It answers plain HTTP on the port of its HTTPS.
    pub(crate) fn cluster(&self, name: &str) -> Peer {
        let clusters = self.clusters.pointer("/clusters").and_then(Value::as_array).unwrap();
        let cluster = clusters.iter().find(|one| one.pointer("/name").and_then(Value::as_str) == Some(name)).unwrap();
        let address = cluster.pointer("/cluster/server").and_then(Value::as_str).unwrap().trim_start_matches("https://");
        Peer { address: address.to_owned(), token: "admin".to_owned() }
    }

    /// The API of each Argo CD.
    pub(crate) fn argocds(&self) -> Vec<Peer> {
        let file = read_yaml(&self.place().join("argocd-config"));
        let text =
            |list: &str, place: usize, field: &str| file.pointer(&format!("/{list}/{place}/{field}")).and_then(Value::as_str).unwrap().to_owned();
        let count = file.pointer("/servers").and_then(Value::as_array).unwrap().len();
        (0..count).map(|place| Peer { address: text("servers", place, "server"), token: text("users", place, "auth-token") }).collect()
    }

    /// Where its truth is read and its faults are set.
    pub(crate) fn control(&self) -> Peer {
        let url = std::fs::read_to_string(self.place().join("control")).unwrap();
        Peer { address: url.trim().trim_start_matches("http://").to_owned(), token: String::new() }
    }

    /// One object of a cluster: `apis/apps/v1/namespaces/production/deployments/catalog-service`.
    pub(crate) fn object(&self, cluster: &str, path: &str) -> Value {
        self.cluster(cluster).get(&format!("/{path}"))
    }

    /// Changes an object by a merge patch, as a person would with kubectl.
    pub(crate) fn patch(&self, cluster: &str, path: &str, changes: &Value) {
        self.cluster(cluster).change("PATCH", &format!("/{path}"), MERGE, changes);
    }

    /// Commits a change to one file of the repository and pushes it.
    pub(crate) fn push(&self, file: &str, message: &str, edit: impl FnOnce(&str) -> String) {
        let clone = tempfile::tempdir_in(self.folder.path()).unwrap();
        let repository = self.place().join("gitops.git");
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.current_dir(clone.path()).env("HOME", self.folder.path()).env("GIT_CONFIG_NOSYSTEM", "1");
            let output = command.args(["-c", "user.name=pipeline", "-c", "user.email=ci@acme.example"]).args(arguments).output().unwrap();
            assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        git(&["clone", "--quiet", &repository.display().to_string(), "."]);
        let path = clone.path().join(file);
        let before = std::fs::read_to_string(&path).unwrap();
        let after = edit(&before);
        assert_ne!(before, after, "{file} is that way already");
        std::fs::write(&path, after).unwrap();
        git(&["commit", "--quiet", "--all", "--message", message]);
        git(&["push", "--quiet", "origin", "HEAD"]);
    }

    fn fault(&self, server: &str, fault: &Value) {
        self.control().change("PUT", &format!("/faults/{server}"), "application/json", fault);
    }

    fn controller(&self, alive: bool) {
        self.control().change("PUT", &format!("/controllers/{}", self.argocd), "application/json", &json!({ "alive": alive }));
    }

    fn server(&self, part: Part) -> Option<String> {
        match part {
            Part::ArgocdServer => Some(format!("argocd:{}", self.argocd)),
            Part::ProdApiServer => Some("cluster:prod".to_owned()),
            Part::Controller => None,
        }
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl World for Simulated {
    fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn argocd_context(&self) -> String {
        self.argocd.clone()
    }

    fn objects(&self, cluster: &str, plural: &str) -> Vec<Value> {
        let list = self.object(cluster, &format!("apis/argoproj.io/v1alpha1/{plural}"));
        list.pointer("/items").and_then(Value::as_array).unwrap().clone()
    }

    fn commit(&self, service: &str, environment: &str, tag: &str) {
        let message = format!("promote({environment}): {service} → {tag}");
        self.push(&format!("apps/{service}/overlays/{environment}/kustomization.yaml"), &message, |text| {
            let edited = text.lines().map(|line| match line.split_once("newTag: ") {
                Some((before, _)) => format!("{before}newTag: \"{tag}\"\n"),
                None => format!("{line}\n"),
            });
            edited.collect()
        });
    }

    fn refresh(&self, application: &str) {
        let patch = json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "hard" } } });
        self.patch("nonprod", &format!("apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{application}"), &patch);
    }

    fn promote(&self, rollout: &str) {
        // As the plugin does for a canary that a pause of its steps holds.
        self.patch("prod", &format!("{}/status", production(rollout)), &json!({ "status": { "pauseConditions": null } }));
    }

    fn abort(&self, rollout: &str) {
        self.patch("prod", &format!("{}/status", production(rollout)), &json!({ "status": { "abort": true } }));
    }

    fn kill(&self, part: Part) {
        match self.server(part) {
            Some(server) => self.fault(&server, &json!({ "down": true })),
            None => self.controller(false),
        }
    }

    fn freeze(&self, part: Part) {
        match self.server(part) {
            Some(server) => self.fault(&server, &json!({ "frozen": true })),
            None => panic!("a simulated controller is alive or dead"),
        }
    }

    fn mend(&self) {
        for part in [Part::ArgocdServer, Part::ProdApiServer, Part::Controller] {
            match self.server(part) {
                Some(server) => drop(self.control().change("DELETE", &format!("/faults/{server}"), "", &Value::Null)),
                None => self.controller(true),
            }
        }
    }
}

/// A Rollout in production.
pub(crate) fn production(rollout: &str) -> String {
    format!("apis/argoproj.io/v1alpha1/namespaces/production/rollouts/{rollout}")
}

fn read_yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
