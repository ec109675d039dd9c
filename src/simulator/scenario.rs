//! A scenario: a world, how it is meant, and a timeline of what happens in it, as TOML (`assets/scenarios/`).

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use super::definition::HookDefinition;
use super::fault::Fault;
use super::serve::RepositoryDeed;
use super::span;

/// A scenario as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Scenario {
    /// A few words: the palette lists it.
    pub(super) title: String,
    /// What there is to see and to practise, in one or two sentences.
    pub(super) story: String,
    /// Which world of `assets/worlds/`: `acme`, `lab`, …; `fleet` is generated.
    pub(super) world: String,
    /// Each environment has a branch of its own in the gitops repository, `env/staging`, and its Applications name it.
    #[serde(default)]
    pub(super) branch_per_environment: bool,
    /// The gitops repository is a server, `git`, which can have faults like any other; else it is a folder.
    #[serde(default)]
    pub(super) git_over_http: bool,
    /// Changes come by pull request there, on a GitHub that is served, `github`. Needs the repository over HTTP.
    #[serde(default)]
    pub(super) pull_requests: Option<PullRequests>,
    /// Application → the Job before each of its syncs, besides those of the world.
    #[serde(default)]
    pub(super) hooks: BTreeMap<String, HookDefinition>,
    /// Application → environments that are synced by hand here, besides those of the world.
    #[serde(default)]
    pub(super) manual: BTreeMap<String, Vec<String>>,
    /// What is odd about single versions.
    #[serde(default)]
    pub(super) versions: Vec<VersionDefinition>,
    #[serde(default)]
    pub(super) timeline: Vec<Happening>,
    /// Releases that go on by themselves.
    #[serde(default)]
    pub(super) traffic: Option<Traffic>,
    /// Pods that are restarted all the time.
    #[serde(default)]
    pub(super) churn: Option<Churn>,
}

/// How pull requests go.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PullRequests {
    /// Environments that take nothing else: the configuration of the cockpit says so.
    pub(super) environments: Vec<String>,
    /// What is checked.
    #[serde(default)]
    pub(super) checks: Vec<CheckDefinition>,
    /// Who reviews.
    pub(super) reviewer: String,
    /// After so long they approve; never where nothing is said.
    #[serde(default, with = "span::option")]
    pub(super) reviewed_after: Option<Duration>,
}

/// A check of every pull request. All of them are required.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CheckDefinition {
    pub(super) name: String,
    /// How long it runs.
    #[serde(deserialize_with = "span::required::deserialize")]
    pub(super) takes: Duration,
    /// Whether it fails.
    #[serde(default)]
    pub(super) fails: bool,
}

/// A version that does not behave. The endings `-crash`, `-nopull`, `-noquota` and `-slow` of a tag mean the same by themselves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct VersionDefinition {
    pub(super) workload: String,
    pub(super) version: String,
    /// Only there: an environment.
    #[serde(default)]
    pub(super) environment: Option<String>,
    #[serde(default)]
    pub(super) fate: Fate,
    /// What its pods say when they crash.
    #[serde(default)]
    pub(super) message: String,
    /// Share of requests that fail, 0 to 1; an analysis fails from 0.01 on.
    #[serde(default)]
    pub(super) errors: f64,
}

/// What becomes of the pods of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fate {
    #[default]
    Fine,
    /// `CrashLoopBackOff`.
    Crash,
    /// `ImagePullBackOff`.
    NoPull,
    /// Never ready.
    Slow,
    /// There is no quota for its pods: none is made.
    NoQuota,
}

/// Something that happens once, or again and again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Happening {
    /// After the start of the world, in its own time.
    #[serde(deserialize_with = "span::required::deserialize")]
    pub(super) after: Duration,
    /// And again after each such time.
    #[serde(default, with = "span::option")]
    pub(super) every: Option<Duration>,
    /// The line that tells it: shown while nothing newer has happened.
    #[serde(default)]
    pub(super) say: String,
    #[serde(default)]
    pub(super) commit: Option<Commit>,
    #[serde(default)]
    pub(super) rollout: Option<RolloutDeed>,
    #[serde(default)]
    pub(super) fault: Option<FaultDeed>,
    #[serde(default)]
    pub(super) controller: Option<ControllerDeed>,
    #[serde(default)]
    pub(super) drift: Option<Drift>,
    #[serde(default)]
    pub(super) sync: Option<Target>,
    /// Something happens to the gitops repository, as over the control server.
    #[serde(default)]
    pub(super) repository: Option<RepositoryDeed>,
    #[serde(default)]
    pub(super) pin: Option<Pin>,
    /// A sync window closes or opens, as over the control server.
    #[serde(default)]
    pub(super) window: Option<WindowDeed>,
}

/// A sync window of a project in which nothing is synced (`kind: deny`) closes, or the windows of the project are gone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WindowDeed {
    /// An `AppProject`, in every Argo CD that has it.
    pub(super) project: String,
    /// Whether it closes; else the project's windows go.
    pub(super) closed: bool,
    /// Names of applications, with `*`; default: all.
    #[serde(default = "all")]
    pub(super) applications: Vec<String>,
    /// Whether a person may sync all the same.
    #[serde(default)]
    pub(super) manual: bool,
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

/// A version is pinned past the file that says it, or the pin goes. Argo CD deploys what is pinned.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Pin {
    pub(super) application: String,
    pub(super) environment: String,
    /// A tag for all its workloads; none: the pin goes.
    #[serde(default)]
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) r#in: PinPlace,
}

/// Where a version is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PinPlace {
    /// `.argocd-source-NAME.yaml` beside the manifests, as Argo CD Image Updater commits it.
    #[default]
    File,
    /// `spec.source.kustomize.images` of the Application, as `argocd app set` writes it.
    Application,
}

/// An image is moved in the gitops repository.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Commit {
    /// An application of the definition, by its `name`.
    pub(super) application: String,
    pub(super) environment: String,
    /// Default: every workload of the application.
    #[serde(default)]
    pub(super) workload: Option<String>,
    /// A tag; or `next` (the one after what is there), `previous` (what was there before), `from staging` (what that environment has).
    pub(super) version: String,
    #[serde(default)]
    pub(super) author: Option<String>,
    #[serde(default)]
    pub(super) message: Option<String>,
}

/// One deployment: an application of the definition in an environment; in all its placements where none is named.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Target {
    pub(super) application: String,
    pub(super) environment: String,
    #[serde(default)]
    pub(super) placement: Option<String>,
}

/// What somebody does to a Rollout.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RolloutDeed {
    pub(super) application: String,
    pub(super) environment: String,
    #[serde(default)]
    pub(super) placement: Option<String>,
    pub(super) action: RolloutAction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RolloutAction {
    /// On to the next step.
    Promote,
    PromoteFully,
    Pause,
    Abort,
    Retry,
}

/// A server has faults from now on, instead of those it had; none heals it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FaultDeed {
    /// `argocd:main`, `cluster:prod`.
    pub(super) server: String,
    #[serde(default)]
    pub(super) is: Fault,
    /// Healed after so long, in the world's time; else until something else is said.
    #[serde(default, with = "span::option")]
    pub(super) r#for: Option<Duration>,
}

/// An Argo CD's application controller dies, or comes back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ControllerDeed {
    pub(super) argocd: String,
    pub(super) alive: bool,
}

/// Somebody scales a workload by hand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Drift {
    pub(super) application: String,
    pub(super) environment: String,
    pub(super) replicas: u32,
}

/// Releases by themselves: now and then a new version goes into the first environment, and from there on when it did well.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Traffic {
    /// When the first of them comes, after the start.
    #[serde(default, with = "span::option")]
    pub(super) after: Option<Duration>,
    /// Mean time between two commits, in the world's time.
    #[serde(deserialize_with = "span::required::deserialize")]
    pub(super) every: Duration,
    /// Share of new versions that crash, 0 to 1.
    #[serde(default)]
    pub(super) failing: f64,
}

/// Pods are restarted, one after the other, anywhere: so that workloads and applications change all the time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Churn {
    /// So many in a second of the world.
    pub(super) per_second: NonZeroU32,
}
