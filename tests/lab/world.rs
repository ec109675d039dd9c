//! The lab as the stories use it: by its own verbs and kubectl.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what does not run fails them")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::stories::world::{Part, World};

/// A lab that is up.
pub(crate) struct Lab {
    environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/lab")
}

impl Lab {
    /// The lab, once nothing in it moves. It runs as fast as the wall.
    pub(crate) fn at_rest(_speed: u32) -> Self {
        let lab = Self::up();
        Self::run(&["start"]);
        Self::run(&["wait"]);
        lab
    }

    /// The lab, as it is.
    pub(crate) fn up() -> Self {
        let lines = Command::new(script()).arg("env").output().unwrap();
        let shell = String::from_utf8(lines.stdout).unwrap();
        let names = "KUBECONFIG ARGOCD_CONFIG_DIR LAB LAB_ARGOCD PATH";
        let print = format!("{shell}\nfor n in {names}; do printf '%s=%s\\n' $n \"${{!n}}\"; done");
        let values = Command::new("bash").arg("-c").arg(print).output().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut environment: Vec<(String, String)> = String::from_utf8(values.stdout)
            .unwrap()
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        // A home of its own: neither a configuration of this person's nor a log of theirs is touched.
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            environment.push((name.into(), folder.path().display().to_string()));
        }
        let lab = Self { environment, folder };
        assert!(Path::new(&lab.value("KUBECONFIG")).exists(), "no lab is up: tests/lab/lab up && tests/lab/lab wait");
        lab
    }

    /// What `lab env` says of a name.
    pub(crate) fn value(&self, name: &str) -> String {
        self.environment.iter().find(|(held, _)| held == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Runs a verb of the lab.
    pub(crate) fn run(verb: &[&str]) {
        let output = Self::try_run(verb);
        assert!(output.status.success(), "lab {verb:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn try_run(verb: &[&str]) -> std::process::Output {
        Command::new(script()).args(verb).output().unwrap()
    }

    /// kubectl, as JSON.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.kubectl_text(arguments)).unwrap()
    }

    /// kubectl, as text.
    pub(crate) fn kubectl_text(&self, arguments: &[&str]) -> String {
        let output = self.command("kubectl").args(arguments).output().unwrap();
        assert!(output.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A configuration that reads Argo CD through its cluster only. Returns its path.
    pub(crate) fn config_through_the_cluster(&self) -> String {
        self.write_config(
            "cluster",
            "[[argocd]]\nname = \"lab\"\ncore = true\ncluster = \"nonprod\"\n\n[[clusters]]\nname = \"nonprod\"\ncontext = \"nonprod\"\n\n[[clusters]]\nname = \"prod\"\ncontext = \"prod\"\n",
        )
    }
}

/// A process of the lab.
fn process(part: Part) -> &'static str {
    match part {
        Part::ArgocdServer => "argocd-server",
        Part::Controller => "argocd-application-controller",
        Part::ProdApiServer => "prod-apiserver",
    }
}

impl World for Lab {
    fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn argocd_context(&self) -> String {
        self.value("LAB_ARGOCD").trim_start_matches("https://").to_owned()
    }

    fn objects(&self, cluster: &str, plural: &str) -> Vec<Value> {
        let list = self.kubectl(&["--context", cluster, "get", plural, "-A", "-o", "json"]);
        list.get("items").and_then(Value::as_array).unwrap().clone()
    }

    fn commit(&self, service: &str, environment: &str, tag: &str) {
        Self::run(&["commit", service, environment, tag]);
    }

    fn refresh(&self, application: &str) {
        let refresh = "argocd.argoproj.io/refresh=hard";
        self.kubectl_text(&["--context", "nonprod", "-n", "argocd", "annotate", "application", application, refresh, "--overwrite"]);
    }

    fn promote(&self, rollout: &str) {
        self.kubectl_text(&["argo", "rollouts", "--context", "prod", "-n", "production", "promote", rollout]);
    }

    fn abort(&self, rollout: &str) {
        self.kubectl_text(&["argo", "rollouts", "--context", "prod", "-n", "production", "abort", rollout]);
    }

    fn kill(&self, part: Part) {
        Self::run(&["kill", process(part)]);
    }

    fn freeze(&self, part: Part) {
        Self::run(&["freeze", process(part)]);
    }

    fn mend(&self) {
        // What is not there cannot be thawed; it is started.
        for part in [Part::ArgocdServer, Part::Controller, Part::ProdApiServer] {
            let _ = Self::try_run(&["thaw", process(part)]);
        }
        Self::run(&["start"]);
    }
}
