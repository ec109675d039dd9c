//! The text of single manifests: workloads, services, analyses, in the manner in which teams write them. It knows no paths.

use std::fmt::Write as _;
use std::time::Duration;

use crate::simulator::canary::{self, Step};
use crate::simulator::definition::{ApplicationDefinition, WorkloadDefinition, WorkloadKind};
use crate::simulator::{layout, span};

/// Maps the length of a pause to the one that is written.
pub(super) type Steps<'a> = &'a dyn Fn(Duration) -> Duration;

/// What stands in a workload's manifest where kustomize and Helm differ.
pub(super) struct Slots<'a> {
    /// The image of the workload's own container.
    pub(super) image: &'a str,
    /// Not for a DaemonSet.
    pub(super) replicas: &'a str,
    /// What follows `maxSurge` in a Rollout's strategy, lines with their indentation.
    pub(super) canary: &'a str,
    /// How long its controller waits for progress, if it is said.
    pub(super) deadline: Option<Duration>,
}

/// Whether the canary of a workload has an analysis there.
pub(super) fn analysed(workload: &WorkloadDefinition, environment: &str) -> bool {
    canary_steps(workload, environment).contains(&Step::Analysis)
}

/// The steps of a workload there; none where it has no canary. A step that cannot be read is left out: the library refuses such a world.
pub(super) fn canary_steps(workload: &WorkloadDefinition, environment: &str) -> Vec<Step> {
    if workload.kind != WorkloadKind::Rollout {
        return Vec::new();
    }
    workload.canary.get(environment).into_iter().flatten().filter_map(|step| canary::parse(step).ok()).collect()
}

fn api_version(kind: WorkloadKind) -> &'static str {
    if kind == WorkloadKind::Rollout { "argoproj.io/v1alpha1" } else { "apps/v1" }
}

/// A workload with its pods.
pub(super) fn workload(application: &ApplicationDefinition, workload: &WorkloadDefinition, slots: &Slots<'_>) -> String {
    let name = workload.name(application);
    let mut text = format!(
        "apiVersion: {}\nkind: {}\nmetadata:\n  name: {name}\n  labels:\n    app.kubernetes.io/name: {name}\nspec:\n",
        api_version(workload.kind),
        layout::kind(workload.kind)
    );
    if workload.kind == WorkloadKind::StatefulSet {
        _ = writeln!(text, "  serviceName: {name}");
    }
    if workload.kind != WorkloadKind::DaemonSet {
        _ = writeln!(text, "  replicas: {}", slots.replicas);
    }
    if matches!(workload.kind, WorkloadKind::Deployment | WorkloadKind::Rollout) {
        text += "  revisionHistoryLimit: 5\n";
        if let Some(deadline) = slots.deadline {
            _ = writeln!(text, "  progressDeadlineSeconds: {}", deadline.as_secs().max(1));
        }
    }
    _ = write!(
        text,
        "  selector:\n    matchLabels:\n      app.kubernetes.io/name: {name}\n  template:\n    metadata:\n      labels:\n        \
         app.kubernetes.io/name: {name}\n    spec:\n      containers:\n"
    );
    if !workload.sidecars.is_empty() {
        text += "        # The proxies come first: the first image of this application is not its version.\n";
    }
    for sidecar in &workload.sidecars {
        _ = writeln!(text, "        - name: {}\n          image: {sidecar}", container(sidecar));
    }
    _ = write!(
        text,
        "        - name: {name}\n          image: {}\n          ports:\n            - containerPort: 8080\n          envFrom:\n            \
         - configMapRef:\n                name: {name}-config\n          resources:\n            requests:\n              cpu: 50m\n              \
         memory: 64Mi\n",
        slots.image
    );
    if workload.kind == WorkloadKind::Rollout {
        text += "  strategy:\n    canary:\n      maxSurge: 1\n";
        text += slots.canary;
    }
    text
}

/// The name of a sidecar's container: the last part of its image's name.
fn container(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split([':', '@']).next().unwrap_or(last)
}

/// The Job that runs before each sync.
pub(super) fn hook(name: &str, image: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations:\n    argocd.argoproj.io/hook: PreSync\n    \
         argocd.argoproj.io/hook-delete-policy: BeforeHookCreation\nspec:\n  backoffLimit: 1\n  template:\n    spec:\n      restartPolicy: Never\n      \
         containers:\n        - name: migrate\n          image: {image}\n          args: [\"migrate\", \"up\"]\n"
    )
}

/// The Service before a workload.
pub(super) fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  selector:\n    app.kubernetes.io/name: {name}\n  ports:\n    \
         - port: 80\n      targetPort: 8080\n"
    )
}

/// What a canary says beside `maxSurge`, indented so far. Nothing without steps: Argo Rollouts drops an empty list, which would be drift for ever.
pub(super) fn canary(name: &str, canary: &[Step], steps: Steps<'_>, indent: usize) -> String {
    if canary.is_empty() {
        return String::new();
    }
    let mut text = "maxUnavailable: 0\nsteps:\n".to_owned();
    for step in canary {
        _ = match step {
            Step::Weight(weight) => writeln!(text, "  - setWeight: {weight}"),
            Step::Pause(None) => writeln!(text, "  - pause: {{}}"),
            Step::Pause(Some(length)) => writeln!(text, "  - pause:\n      duration: {}", span::write(steps(*length))),
            Step::Analysis => writeln!(
                text,
                "  - analysis:\n      templates:\n        - templateName: {}\n      args:\n        - name: service\n          value: {name}",
                layout::analysis_name(name)
            ),
        };
    }
    text.lines().fold(String::new(), |mut text, line| {
        _ = writeln!(text, "{:indent$}{line}", "");
        text
    })
}

/// The patch of an overlay that gives a Rollout its steps.
pub(super) fn canary_patch(name: &str, steps: &str) -> String {
    format!("apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata:\n  name: {name}\nspec:\n  strategy:\n    canary:\n      maxSurge: 1\n{steps}")
}

/// The patch of an overlay that says how many pods there are.
pub(super) fn replicas_patch(name: &str, kind: WorkloadKind, replicas: u32) -> String {
    format!("apiVersion: {}\nkind: {}\nmetadata:\n  name: {name}\nspec:\n  replicas: {replicas}\n", api_version(kind), layout::kind(kind))
}

/// What an analysis measures and when it fails. `service` is how the template's argument is written: Helm needs it quoted.
pub(super) fn analysis(name: &str, steps: Steps<'_>, service: &str) -> String {
    let interval = span::write(steps(Duration::from_secs(10)));
    let mut text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata:\n  name: {}\nspec:\n  args:\n    - name: service\n  metrics:\n",
        layout::analysis_name(name)
    );
    for (metric, condition, query) in [("error-rate", "< 0.01", "error_ratio"), ("latency-p99", "< 0.5", "latency_p99_seconds")] {
        _ = write!(
            text,
            "    - name: {metric}\n      interval: {interval}\n      count: 4\n      failureLimit: 1\n      successCondition: result[0] {condition}\n      \
             provider:\n        prometheus:\n          address: http://prometheus.monitoring:9090\n          query: |\n            \
             max({query}{{service=\"{service}\"}})\n"
        );
    }
    text
}

/// A scalar as YAML writes it: quoted where it would not be read as text, and where a number of a version could be mistaken for one.
pub(super) fn scalar(text: &str) -> String {
    let word = matches!(text.to_ascii_lowercase().as_str(), "" | "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n");
    let number = text.replace('_', "").parse::<f64>().is_ok() || text.starts_with(['0', '.', '+', '-']);
    let plain = text.chars().all(|character| character.is_ascii_alphanumeric() || "._-/".contains(character));
    if word || number || !plain { quoted(text) } else { text.to_owned() }
}

/// A scalar in double quotes.
pub(super) fn quoted(text: &str) -> String {
    // JSON's strings are YAML's.
    serde_json::Value::from(text).to_string()
}
