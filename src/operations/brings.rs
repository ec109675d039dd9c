//! What else the sync of a plan carries, application by application: commits of others, hooks, deletions, numbers of pods that something else than git
//! sets. Told from what was read of files and from what Argo CD tells; what neither says is not known. It changes nothing.

use std::collections::BTreeMap;

use super::plan::Carried;
use crate::base::{Raw, Safe, counted};
use crate::domain::application::{Application, Detail, HookRun, Ignored, Phase};
use crate::domain::fleet::{Fleet, Part};
use crate::domain::health::Why;
use crate::domain::workload::WorkloadKey;
use crate::domain::{AppKey, ClusterName, Known, Namespace};
use crate::manifest::objects::{self, Found, Object};
use crate::manifest::prepared::{Facts, Prepared};
use crate::manifest::rendered::Rendering;

/// What scales in namespaces of clusters, or why that is not known.
pub type Scalers = BTreeMap<(ClusterName, Namespace), Result<Vec<Scaler>, Safe>>;

/// Something that scales a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaler {
    /// What: `HorizontalPodAutoscaler checkout`.
    pub by: Safe,
    /// The kind of the workload.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What runs with the sync, beside the manifests that it applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// `Job migrate`.
    pub object: Safe,
    /// When: `PreSync`, `Sync`, `PostSync`, `SyncFail`.
    pub when: Safe,
    /// What became of it at the last sync, where that is told.
    pub last: Option<Phase>,
}

/// An object that git has no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// `ConfigMap old`.
    pub object: Safe,
    /// Argo CD deletes it: it syncs by itself and prunes. Else it stays.
    pub is_deleted: bool,
}

/// A workload whose number of pods the sync sets to another one than runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// `Deployment checkout`.
    pub workload: Safe,
    /// What git says. Several: which one wins is not told by files alone.
    pub git: Vec<u32>,
    /// How many are wanted in the cluster now.
    pub runs: u32,
    /// What scales it, by git and by its cluster; nothing where neither has such a thing.
    pub by: Known<Option<Safe>>,
    /// Argo CD was told not to compare the number, but not to leave it alone.
    pub is_hidden: bool,
}

/// What else the next sync of an application brings.
pub(super) fn carried<'f>(
    fleet: &Fleet,
    parts: impl Iterator<Item = &'f Part>,
    (prepared, scalers): (&Prepared, &Scalers),
    (app, rendering): (&AppKey, Option<&Rendering>),
) -> Carried {
    const UNREAD: &str = "it was not read";
    let Some(facts) = prepared.applications.get(app) else {
        return Carried {
            app: app.clone(),
            commits: Known::unknown(UNREAD),
            hooks: Known::unknown(UNREAD),
            left: Known::unknown(UNREAD),
            resets: Vec::new(),
        };
    };
    let detail = fleet.detail(app).map(|entry| &entry.value);
    let application = fleet.application(app).map(|entry| &entry.value);
    Carried {
        app: app.clone(),
        commits: facts.carried.clone(),
        hooks: hooks(facts, rendering, detail),
        left: left(facts, detail, application),
        resets: parts.filter(|part| part.app == *app).flat_map(|part| resets(fleet, (&facts.found, scalers), part, detail)).collect(),
    }
}

/// What was rendered tells all hooks, and so do files where nothing has to be rendered; else those that ran at the last sync of everything are what is
/// known.
fn hooks(facts: &Facts, rendering: Option<&Rendering>, detail: Option<&Detail>) -> Known<Vec<Hook>> {
    let last = detail.and_then(|detail| detail.operation.as_ref()).filter(|operation| operation.is_whole);
    let ran = |object: &Object| last?.hooks.iter().find(|run| is_of(run, object)).map(|run| run.phase.clone());
    let hook = |hook: &objects::Hook| Hook { object: hook.object.shown(), when: Safe::clean(&hook.when.join(" and ")), last: ran(&hook.object) };
    if let Some(rendering) = rendering {
        return Known::Known(rendering.hooks.iter().map(hook).collect());
    }
    let mut found: Vec<Hook> = facts.found.hooks.iter().map(hook).collect();
    let Some(why) = &facts.unrendered else { return Known::Known(found) };
    let other = last.into_iter().flat_map(|last| &last.hooks).filter(|run| !facts.found.hooks.iter().any(|hook| is_of(run, &hook.object)));
    found.extend(other.map(|run| Hook {
        object: crate::safe!("{} {}", run.kind.shown(), run.name.shown()),
        when: run.when.shown(),
        last: Some(run.phase.clone()),
    }));
    let is_told = last.is_some_and(|last| last.phase == Phase::Succeeded);
    if found.is_empty() && !is_told { Known::Unknown(Why(why.clone())) } else { Known::Known(found) }
}

fn is_of(run: &HookRun, object: &Object) -> bool {
    let begin = object.name.strip_suffix('…');
    let has_name = begin.map_or(run.name.as_wire() == object.name, |begin| run.name.as_wire().starts_with(begin));
    run.kind.as_wire() == object.kind && has_name
}

/// What git has no more: by its files, and as Argo CD says it.
fn left(facts: &Facts, detail: Option<&Detail>, application: Option<&Application>) -> Known<Vec<Left>> {
    let Some(detail) = detail else { return Known::unknown("Argo CD was not asked which objects git has no more") };
    let Known::Known(gone) = &facts.gone else { return facts.gone.clone().map(|_| Vec::new()) };
    let told = detail.resources.iter().filter(|resource| resource.requires_pruning && !resource.hook);
    let mut objects: Vec<Safe> = told.map(|resource| crate::safe!("{} {}", resource.kind.shown(), resource.name.shown())).collect();
    objects.extend(gone.iter().map(Object::shown));
    objects.sort();
    objects.dedup();
    // A sync that is asked for here does not prune.
    let is_deleted = application.is_some_and(|application| application.automation.enabled && application.automation.prune);
    Known::Known(objects.into_iter().map(|object| Left { object, is_deleted }).collect())
}

/// Workloads of a part that run with another number of pods than git says, and that the sync would set back.
fn resets(fleet: &Fleet, (found, scalers): (&Found, &Scalers), part: &Part, detail: Option<&Detail>) -> Vec<Reset> {
    let mut resets = Vec::new();
    for key in part.workloads.as_known().into_iter().flatten() {
        let object = Object { kind: key.kind.word().to_owned(), name: key.name.as_wire().to_owned() };
        let Some((git, workload)) = found.replicas.get(&object).zip(fleet.workload(key)) else { continue };
        let runs = workload.value.replicas.desired;
        let ignores = detail.is_some_and(|detail| detail.ignored.iter().any(|ignored| hides_replicas(ignored, key)));
        if git.contains(&runs) || ignores && detail.is_some_and(|detail| detail.respects_ignored) {
            continue;
        }
        let in_git = found.scalers.iter().find(|(_, target)| *target == object).map(|(scaler, _)| scaler.shown());
        let of = |list: &[Scaler]| list.iter().find(|one| one.kind == object.kind && one.name == object.name).map(|one| one.by.clone());
        // Not everything that scales is in git.
        let by = match (in_git, scalers.get(&(key.cluster.clone(), key.namespace.clone()))) {
            (Some(scaler), _) => Known::Known(Some(scaler)),
            (None, Some(Ok(list))) => Known::Known(of(list)),
            (None, Some(Err(why))) => Known::Unknown(Why(why.clone())),
            (None, None) => Known::unknown("its cluster was not asked"),
        };
        resets.push(Reset { workload: object.shown(), git: git.iter().copied().collect(), runs, by, is_hidden: ignores });
    }
    resets
}

/// Whether Argo CD was told not to compare the number of pods of a workload.
fn hides_replicas(ignored: &Ignored, key: &WorkloadKey) -> bool {
    let is = |said: &Raw, own: &str| matches!(said.as_wire(), "" | "*") || said.as_wire() == own;
    is(&ignored.group, key.kind.group())
        && is(&ignored.kind, key.kind.word())
        && is(&ignored.namespace, key.namespace.as_wire())
        && is(&ignored.name, key.name.as_wire())
        && (ignored.fields.iter().any(|field| matches!(field.as_wire(), "/spec/replicas" | ".spec.replicas"))
            // The number that an autoscaler sets is written by this manager.
            || ignored.managers.iter().any(|manager| manager.as_wire() == "kube-controller-manager"))
}

impl Hook {
    /// What it means for whoever goes on, or back.
    #[must_use]
    pub fn words(&self, is_back: bool) -> Safe {
        let last = self.last.as_ref().map_or_else(Safe::default, |phase| crate::safe!(" ({} at its last sync)", phase.word()));
        let (when, object) = (&self.when, &self.object);
        match when.as_str() {
            "SyncFail" => crate::safe!("{when} hook {object} runs where the sync fails"),
            _ if is_back => crate::safe!("{when} hook {object} runs again{last}: what it does to data is done again, and nothing takes it back"),
            "PostSync" => crate::safe!("{when} hook {object} runs after it{last}; going back runs it again"),
            _ => crate::safe!("{when} hook {object} runs{last}: the point of no return, what it does to data stays; going back runs it again"),
        }
    }

    /// Whether it runs with every sync.
    fn is_run(&self) -> bool {
        self.when.as_str() != "SyncFail"
    }
}

impl Left {
    /// What becomes of it.
    #[must_use]
    pub fn words(&self) -> Safe {
        let object = &self.object;
        if self.is_deleted {
            crate::safe!("the sync deletes {object}: git has it no more, and prune is on (an annotation on it may keep it)")
        } else {
            crate::safe!("{object} stays behind: git has it no more, and this sync does not prune")
        }
    }
}

impl Reset {
    /// What the sync does to it.
    #[must_use]
    pub fn words(&self) -> Safe {
        let git = self.git.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        let owner = match &self.by {
            Known::Known(Some(by)) => crate::safe!("{by} sets that number otherwise"),
            Known::Known(None) => Safe::clean("neither git nor the cluster has an autoscaler for it, so somebody set it by hand"),
            Known::Unknown(why) => crate::safe!("whether an autoscaler sets that number is not known: {why}"),
        };
        let hidden = if self.is_hidden { "; ignoreDifferences hides it, and without RespectIgnoreDifferences=true does not stop it" } else { "" };
        let runs = counted(u64::from(self.runs), "pod is wanted", "pods are wanted");
        crate::safe!("the sync sets {} to {git} as git says, {runs} now: {owner}{hidden}", self.workload)
    }
}

impl Carried {
    /// What a person should know of it beside commits, each a sentence without its end.
    #[must_use]
    pub fn words(&self, is_back: bool) -> Vec<Safe> {
        let hooks = self.hooks.as_known().into_iter().flatten().map(|hook| hook.words(is_back));
        let left = self.left.as_known().into_iter().flatten().map(Left::words);
        hooks.chain(left).chain(self.resets.iter().map(Reset::words)).collect()
    }

    /// Why the sync brings more than what was asked for, in a few words each; nothing: it brings nothing else, and that is known.
    #[must_use]
    pub(super) fn reasons(&self) -> Vec<Safe> {
        let mut reasons = Vec::new();
        match &self.commits {
            Known::Known(commits) if commits.is_empty() => {}
            Known::Known(commits) => reasons.push(crate::safe!("it brings {} of others", counted(commits.len() as u64, "commit", "commits"))),
            Known::Unknown(_) => reasons.push(Safe::clean("which commits of others it brings is not known")),
        }
        match &self.hooks {
            Known::Known(hooks) => reasons.extend(hooks.iter().filter(|hook| hook.is_run()).map(|hook| crate::safe!("{} runs", hook.object))),
            Known::Unknown(_) => reasons.push(Safe::clean("which hooks it runs is not known")),
        }
        match &self.left {
            Known::Known(left) => reasons.extend(left.iter().filter(|left| left.is_deleted).map(|left| crate::safe!("it deletes {}", left.object))),
            Known::Unknown(_) => reasons.push(Safe::clean("what it deletes is not known")),
        }
        reasons.extend(self.resets.iter().map(|reset| crate::safe!("it sets {} to another number of pods", reset.workload)));
        reasons
    }
}
