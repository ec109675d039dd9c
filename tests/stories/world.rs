//! A world as the stories use it: what can be done to it, what its servers say, and the program with nothing but what `argocd login` and the
//! kubeconfig give.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what does not run fails them; fresh tags are told apart by the time"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::screen::{Screen, program};
use crate::support::wait::until;

/// What can be taken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    ArgocdServer,
    Controller,
    ProdApiServer,
}

/// A control plane: two clusters, `nonprod` with an Argo CD in it and `prod`, and a gitops repository.
pub(crate) trait World {
    /// What the programs that join it find in their environment, and nothing else.
    fn environment(&self) -> &[(String, String)];
    /// A folder of this test.
    fn folder(&self) -> &Path;
    /// What the CLI calls its Argo CD.
    fn argocd_context(&self) -> String;
    /// Everything of a kind of Argo's in a cluster.
    fn objects(&self, cluster: &str, plural: &str) -> Vec<Value>;
    /// Moves an image as a pipeline does.
    fn commit(&self, service: &str, environment: &str, tag: &str);
    /// Tells Argo CD to look at git now: its cached head of the repository may be minutes old.
    fn refresh(&self, application: &str);
    /// Lets a canary in production go on.
    fn promote(&self, rollout: &str);
    /// Turns a canary in production back.
    fn abort(&self, rollout: &str);
    /// Its port refuses.
    fn kill(&self, part: Part);
    /// It accepts connections and never answers.
    fn freeze(&self, part: Part);
    /// Everything runs again.
    fn mend(&self);

    /// A program with the environment of the world and nothing else.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment().iter().map(|(name, value)| (name, value)));
        command
    }

    /// `tiphys status --json`. Checked against its schema each time.
    fn status(&self, arguments: &[&str]) -> Value {
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
    fn cockpit(&self, columns: u16, rows: u16) -> Screen {
        self.cockpit_with(&[], columns, rows)
    }

    /// The cockpit with arguments; returns at its first frame.
    fn cockpit_with(&self, arguments: &[&str], columns: u16, rows: u16) -> Screen {
        let screen = Screen::start(arguments, self.environment(), columns, rows);
        until("the first frame", Duration::from_secs(10), || screen.text(), |text| text.contains("tiphys"));
        screen
    }

    /// A configuration that reads the clusters by these contexts. Returns its path.
    fn config(&self, name: &str, contexts: &[&str; 2]) -> String {
        let [nonprod, prod] = contexts;
        let argocd = self.argocd_context();
        self.write_config(name, &format!(
            "[[argocd]]\nname = \"lab\"\ncontext = \"{argocd}\"\ncluster = \"nonprod\"\n\n[[clusters]]\nname = \"nonprod\"\ncontext = \"{nonprod}\"\n\n[[clusters]]\nname = \"prod\"\ncontext = \"{prod}\"\n{ENVIRONMENTS}",
        ))
    }

    /// A configuration that knows the umbrella chart of the lab's shapes.
    fn config_with_shapes(&self) -> String {
        let base = self.config("shapes", &["nonprod-viewer", "prod-viewer"]);
        let shapes = "\n[[mapping.applications]]\nname = \"backoffice-*\"\nservices = [{ service = \"billing\", workload = \"billing\" }, { service = \"reports\", workload = \"reports\" }]\n";
        let text = std::fs::read_to_string(&base).unwrap();
        self.write_config("shapes", &format!("{text}{shapes}"))
    }

    /// Writes a configuration. Returns its path.
    fn write_config(&self, name: &str, text: &str) -> String {
        let path = self.folder().join(format!("{name}.toml"));
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

/// Mends its world when it is dropped, so that a failed story leaves it whole.
pub(crate) struct Mended<'a, W: World>(pub(crate) &'a W);

impl<W: World> Drop for Mended<'_, W> {
    fn drop(&mut self) {
        // Where the story has failed already, that it cannot be mended must not hide why.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.0.mend()));
    }
}

/// A tag that no story used before.
pub(crate) fn fresh_tag(series: &str) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    format!("{series}.{}", seconds % 100_000)
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
