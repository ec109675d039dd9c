//! Those who work on the lab in a campaign: a person on call and a viewer with nothing but their own contexts and tokens, a pipeline, and somebody who puts
//! everything back in the end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::verb::{Ended, Verb};
use crate::lab::world::Lab;
use crate::stories::world::World as _;
use crate::support::screen::program;
use crate::support::wait::until;

/// What a person is waited for, at most.
pub(super) const SOON: Duration = Duration::from_mins(1);
/// A canary with its pauses, its analysis, and a controller that takes its time.
pub(super) const CANARY: Duration = Duration::from_mins(8);

/// The lab and whoever works on it.
pub(super) struct Crew {
    pub(super) lab: Lab,
    /// Configurations.
    pub(super) oncall: String,
    pub(super) viewer: String,
}

impl Crew {
    pub(super) fn on_the_lab() -> Self {
        let lab = Lab::at_rest(1);
        let config = |who: &str| {
            let (argocd, root) = (lab.value("LAB_ARGOCD"), lab.value("LAB"));
            lab.write_config(who, &format!(
                "[[argocd]]\nname = \"lab\"\nurl = \"{argocd}\"\ninsecure = true\ntoken = {{ file = \"{root}/argocd-token-{who}\" }}\ncluster = \"nonprod\"\n\n\
                 [[clusters]]\nname = \"nonprod\"\ncontext = \"nonprod-{who}\"\n\n[[clusters]]\nname = \"prod\"\ncontext = \"prod-{who}\"\n{ENVIRONMENTS}",
            ))
        };
        let (oncall, viewer) = (config("oncall"), config("viewer"));
        std::fs::write(lab.folder().join(".gitconfig"), "[user]\n name = Ana Sousa\n email = ana@acme.example\n").unwrap();
        Self { lab, oncall, viewer }
    }

    /// Begins a verb, with more in its environment.
    pub(super) fn begin(&self, config: &str, words: &str, more: &[(&str, &str)]) -> Verb {
        let mut command = self.lab.command(&program());
        command.args(["--config", config]).args(words.split(' ')).envs(more.iter().copied());
        let who = Path::new(config).file_stem().unwrap().to_string_lossy().into_owned();
        Verb::begin(command, format!("{who}: tiphys {words}"))
    }

    /// A verb of whoever is on call, from its beginning to its end.
    pub(super) fn oncall(&self, words: &str) -> Ended {
        self.begin(&self.oncall, words, &[]).ended(CANARY)
    }

    /// A verb of a viewer.
    pub(super) fn viewer(&self, words: &str) -> Ended {
        self.begin(&self.viewer, words, &[]).ended(SOON)
    }

    /// What a verb of whoever is on call says as JSON.
    pub(super) fn json(&self, words: &str) -> Value {
        let output = self.lab.command(&program()).args(["--config", &self.oncall]).args(words.split(' ')).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    pub(super) fn repository(&self) -> PathBuf {
        Path::new(&self.lab.value("LAB")).join("gitops.git")
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git").arg("-C").arg(self.repository()).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The tag that git wants.
    pub(super) fn wanted(&self, service: &str, environment: &str) -> String {
        let file = self.git(&["show", &format!("main:apps/{service}/overlays/{environment}/kustomization.yaml")]);
        let tag = file.lines().find_map(|line| line.trim().strip_prefix("newTag: ")).unwrap();
        tag.trim_matches('"').to_owned()
    }

    /// The Application, as its cluster has it.
    pub(super) fn application(&self, service: &str, environment: &str) -> Value {
        self.lab.kubectl(&["--context", "nonprod", "-n", "argocd", "get", "application", &format!("{service}-{environment}"), "-o", "json"])
    }

    /// The Rollout, as its cluster has it.
    pub(super) fn rollout(&self, service: &str, environment: &str) -> Value {
        self.lab.kubectl(&["--context", cluster(environment), "-n", environment, "get", "rollout", service, "-o", "json"])
    }

    /// Whether a version runs alone, is healthy, and is what git wants: as the servers say it, not the program.
    pub(super) fn agree(&self, service: &str, environment: &str, tag: &str) -> bool {
        self.wanted(service, environment) == tag && self.runs(service, environment, tag)
    }

    fn runs(&self, service: &str, environment: &str, tag: &str) -> bool {
        let application = self.application(service, environment);
        let images = application["status"]["summary"]["images"].as_array().cloned().unwrap_or_default();
        let is = |what: &str, word: &str| application["status"][what]["status"] == word;
        images.len() == 1 && images[0].as_str().unwrap().ends_with(&format!(":{tag}")) && is("health", "Healthy") && is("sync", "Synced")
    }

    pub(super) fn refresh(&self, service: &str, environment: &str) {
        self.lab.refresh(&format!("{service}-{environment}"));
    }

    /// Brings a version in as a pipeline does, and sees it through without its steps.
    pub(super) fn put(&self, service: &str, environment: &str, tag: &str) {
        if self.wanted(service, environment) != tag {
            self.lab.commit(service, environment, tag);
        }
        self.refresh(service, environment);
        let is_canary = matches!(service, "checkout-service" | "payments-service");
        let is_by_hand = service == "catalog-service" && environment == "production";
        if is_by_hand {
            let output = self.lab.command("argocd").args(["app", "sync", "catalog-service-production", "--timeout", "60"]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let mut looks = 0;
        let look = || {
            looks += 1;
            if is_canary && looks % 10 == 0 {
                self.lab_rollouts(&["promote", service, "--full"], environment);
            }
            self.runs(service, environment, tag)
        };
        until(&format!("{service} {tag} in {environment}"), CANARY, look, |is_there| *is_there);
    }

    /// The Rollouts plugin of kubectl, as an administrator. What it cannot do now it is asked again later.
    fn lab_rollouts(&self, words: &[&str], environment: &str) {
        let mut command = self.lab.command("kubectl");
        command.args(["argo", "rollouts", "--context", cluster(environment), "-n", environment]).args(words);
        drop(command.output().unwrap());
    }

    /// Commits on the branch that name an operation.
    pub(super) fn commits_of(&self, operation: &str) -> Vec<String> {
        let grep = format!("--grep=Cockpit-Operation: {operation}");
        self.git(&["log", "--format=%H", "--fixed-strings", &grep, "main"]).lines().map(str::to_owned).collect()
    }

    /// The lines of an operation's record, oldest first.
    pub(super) fn record(&self, operation: &str) -> Vec<Value> {
        let output = self.lab.command(&program()).args(["journal", "export"]).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].clone());
        lines.filter(|line| line["operation"] == operation).map(|line| line["entry"].clone()).collect()
    }

    /// The journal is whole.
    pub(super) fn is_recorded(&self) {
        let output = self.lab.command(&program()).args(["journal", "verify"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// The cluster that hosts an environment.
pub(super) fn cluster(environment: &str) -> &'static str {
    if environment == "production" { "prod" } else { "nonprod" }
}

/// What the audit log of a cluster holds from here on.
pub(super) struct Audit {
    file: PathBuf,
    from: usize,
}

impl Audit {
    pub(super) fn of(crew: &Crew, cluster: &str) -> Self {
        let file = Path::new(&crew.lab.value("LAB")).join(format!("logs/{cluster}-audit.log"));
        let from = usize::try_from(std::fs::metadata(&file).unwrap().len()).unwrap();
        Self { file, from }
    }

    /// Patches of a rollout by whoever is on call: how the server answered each.
    pub(super) fn patches(&self, service: &str) -> Vec<u64> {
        let bytes = std::fs::read(&self.file).unwrap();
        let text = String::from_utf8_lossy(bytes.get(self.from..).unwrap_or_default()).into_owned();
        let lines = text.lines().filter(|line| line.contains("\"verb\":\"patch\"") && line.contains("\"username\":\"oncall\""));
        let events = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = events.filter(|event| event["objectRef"]["resource"] == "rollouts" && event["objectRef"]["name"] == service);
        ours.filter(|event| event["stage"] == "ResponseComplete").map(|event| event["responseStatus"]["code"].as_u64().unwrap_or_default()).collect()
    }
}

/// Leaves a service as it was found, and everything running: also where the test failed.
pub(super) struct AsFound<'a> {
    crew: &'a Crew,
    service: &'a str,
    tags: Vec<(&'a str, String)>,
}

impl<'a> AsFound<'a> {
    pub(super) fn keep(crew: &'a Crew, service: &'a str, environments: &[&'a str]) -> Self {
        let tags = environments.iter().map(|environment| (*environment, crew.wanted(service, environment))).collect();
        Self { crew, service, tags }
    }

    /// What ran in the environment when it was found.
    pub(super) fn tag(&self, environment: &str) -> String {
        self.tags.iter().find(|(known, _)| *known == environment).unwrap().1.clone()
    }
}

impl Drop for AsFound<'_> {
    fn drop(&mut self) {
        // Where the test has failed already, that it cannot be put back must not hide why.
        let put = || {
            self.crew.lab.mend();
            Lab::run(&["metric", "checkout-service", "0.001", "0.12"]);
            self.tags.iter().for_each(|(environment, tag)| self.crew.put(self.service, environment, tag));
        };
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(put)).is_err();
        assert!(!failed || std::thread::panicking(), "{} is not as it was found", self.service);
    }
}

const ENVIRONMENTS: &str = r#"
[[environments]]
name = "dev"
yes = true

[[environments]]
name = "staging"
from = ["dev"]
yes = true

[[environments]]
name = "production"
from = ["staging"]
yes = true
read_only = false
"#;
