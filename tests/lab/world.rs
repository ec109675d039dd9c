//! The lab as the stories use it: its verbs, kubectl, and the program with nothing but what `argocd login` and the kubeconfig give.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what does not run fails them; a lab counts time for fresh tags"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::screen::{Screen, program};
use crate::support::wait::until;

/// A lab that is up.
pub(crate) struct Lab {
    environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

/// Runs a verb of the lab when it is dropped, so that a failed story leaves the lab whole.
pub(crate) struct Afterwards {
    verb: Vec<String>,
}

impl Drop for Afterwards {
    fn drop(&mut self) {
        let verb: Vec<&str> = self.verb.iter().map(String::as_str).collect();
        let _ = Lab::try_run(&verb);
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/lab")
}

impl Lab {
    /// The lab, once nothing in it moves.
    pub(crate) fn at_rest() -> Self {
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

    fn value(&self, name: &str) -> String {
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

    /// Runs a verb at the end of the story, however it ends.
    pub(crate) fn afterwards(verb: &[&str]) -> Afterwards {
        Afterwards { verb: verb.iter().map(|word| (*word).to_owned()).collect() }
    }

    /// A program with the environment of the lab and nothing else.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
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

    /// `tiphys status --json`. Checked against its schema each time.
    pub(crate) fn status(&self, arguments: &[&str]) -> Value {
        let output = self.command(&program()).args(["status", "--json"]).args(arguments).output().unwrap();
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 5)), "status ended with {code:?}: {}", String::from_utf8_lossy(&output.stderr));
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        let schema: Value = serde_json::from_str(include_str!("../../docs/status.schema.json")).unwrap();
        if let Err(error) = jsonschema::validate(&schema, &status) {
            panic!("status --json does not follow its schema: {error}");
        }
        status
    }

    /// The cockpit on a screen of this size.
    pub(crate) fn cockpit(&self, columns: u16, rows: u16) -> Screen {
        let screen = Screen::start(&[], &self.environment, columns, rows);
        // The quiet rows are unfolded: stories look for rows by name.
        until("the cockpit is up", Duration::from_secs(10), || screen.text(), |text| text.contains("tiphys"));
        screen
    }

    /// The cockpit with arguments; returns at its first frame.
    pub(crate) fn cockpit_with(&self, arguments: &[&str], columns: u16, rows: u16) -> Screen {
        let screen = Screen::start(arguments, &self.environment, columns, rows);
        until("the first frame", Duration::from_secs(10), || screen.text(), |text| text.contains("tiphys"));
        screen
    }

    /// A configuration that reads Argo CD through its cluster only. Returns its path.
    pub(crate) fn config_through_the_cluster(&self) -> String {
        self.write_config(
            "cluster",
            "[[argocd]]\nname = \"lab\"\ncore = true\ncluster = \"nonprod\"\n\n[[clusters]]\nname = \"nonprod\"\ncontext = \"nonprod\"\n\n[[clusters]]\nname = \"prod\"\ncontext = \"prod\"\n",
        )
    }

    /// Tells Argo CD to look at git now: its cached head of the repository may be minutes old.
    pub(crate) fn refresh(&self, application: &str) {
        self.kubectl_text(&[
            "--context",
            "nonprod",
            "-n",
            "argocd",
            "annotate",
            "application",
            application,
            "argocd.argoproj.io/refresh=hard",
            "--overwrite",
        ]);
    }

    /// A tag that no story used before.
    pub(crate) fn fresh_tag(series: &str) -> String {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        format!("{series}.{}", seconds % 100_000)
    }

    /// A configuration that reads the clusters by these contexts. Returns its path.
    pub(crate) fn config(&self, name: &str, contexts: &[&str; 2]) -> String {
        let [nonprod, prod] = contexts;
        self.write_config(name, &format!(
            "[[argocd]]\nname = \"lab\"\ncontext = \"{}\"\ncluster = \"nonprod\"\n\n[[clusters]]\nname = \"nonprod\"\ncontext = \"{nonprod}\"\n\n[[clusters]]\nname = \"prod\"\ncontext = \"{prod}\"\n{ENVIRONMENTS}",
            self.value("LAB_ARGOCD").trim_start_matches("https://"),
        ))
    }

    /// A configuration that knows the umbrella chart of the lab's shapes.
    pub(crate) fn config_with_shapes(&self) -> String {
        let base = self.config("shapes", &["nonprod-viewer", "prod-viewer"]);
        let shapes = "\n[[mapping.applications]]\nname = \"backoffice-*\"\nservices = [{ service = \"billing\", workload = \"billing\" }, { service = \"reports\", workload = \"reports\" }]\n";
        let text = std::fs::read_to_string(&base).unwrap();
        self.write_config("shapes", &format!("{text}{shapes}"))
    }

    fn write_config(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(format!("{name}.toml"));
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

const ENVIRONMENTS: &str = r#"
[[environments]]
name = "dev"

[[environments]]
name = "staging"
from = ["dev"]

[[environments]]
name = "production"
from = ["staging"]
"#;
