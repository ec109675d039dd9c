//! OPERATIONS of Argo CD on its applications, as its API and its controller carry them out: what is asked for and refused, the hooks before a sync,
//! the sync itself, and its end. After Argo CD 3.2.11 (`server/application/application.go`, `controller/sync.go`) and gitops-engine's sync.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::application::{Application, By, HookRun, Operation, Phase};
use super::show::served;
use super::{Event, World};
use crate::base::time::later;
use crate::simulator::definition::HookDefinition;
use crate::simulator::layout;
use crate::simulator::serve::{ApplicationDeed, Refused};

/// How long Argo CD applies manifests.
const APPLYING: Duration = Duration::from_secs(2);
/// How long its controller takes to see what was asked of it.
const PICKED_UP: Duration = Duration::from_millis(500);
/// Between two looks at a sync window that is closed.
const BLOCKED: Duration = Duration::from_secs(5);

/// Git's word for what an application follows where it says nothing else.
const HEAD: &str = "HEAD";

pub(super) fn invalid(message: String) -> Refused {
    Refused { code: 400, reason: "InvalidArgument", message }
}

fn precondition(message: impl Into<String>) -> Refused {
    Refused { code: 400, reason: "FailedPrecondition", message: message.into() }
}

impl World {
    /// The number of an application of an Argo CD.
    fn application_of(&self, argocd: &str, (namespace, name): (&str, &str)) -> Result<usize, Refused> {
        let argocd = self.argocd(argocd);
        let found = self.applications.iter().position(|one| Some(one.argocd) == argocd && one.namespace == namespace && one.name == name);
        found.ok_or_else(|| Refused { code: 404, reason: "NotFound", message: format!("applications.argoproj.io \"{name}\" not found") })
    }

    /// Something that Argo CD's API was asked for, by somebody who may.
    pub(super) fn operate_on(&mut self, argocd: &str, place: (&str, &str), deed: &ApplicationDeed) -> Result<(), Refused> {
        let number = self.application_of(argocd, place)?;
        match deed {
            ApplicationDeed::Refresh { hard } => {
                self.refresh(number, if *hard { "hard" } else { "normal" });
                Ok(())
            }
            ApplicationDeed::SyncWindow => {
                if self.is_window_closed(number, true) {
                    let message = "cannot sync: blocked by sync window".to_owned();
                    return Err(Refused { code: 403, reason: "PermissionDenied", message });
                }
                Ok(())
            }
            ApplicationDeed::Sync { request, by } => self.ask_sync(number, request, by),
            ApplicationDeed::Rollback { id, prune, dry_run, by } => self.ask_rollback(number, (*id, *prune, *dry_run), by),
            ApplicationDeed::Terminate => {
                if self.terminate(number) {
                    return Ok(());
                }
                Err(invalid("Unable to terminate operation. No operation is in progress".to_owned()))
            }
            ApplicationDeed::Patch(patch) => self.patch_application(number, patch),
            ApplicationDeed::Rollout { namespace, name, action } => self.rollout_action(number, (namespace, name), action),
        }
    }

    /// A workload of an application as it is in its cluster.
    pub(super) fn live(&self, argocd: &str, place: (&str, &str), (kind, namespace, name): (&str, &str, &str)) -> Result<Value, Refused> {
        let application = self.applications.get(self.application_of(argocd, place)?);
        let own = application.into_iter().flat_map(|application| &application.workloads).filter_map(|number| self.workloads.get(*number));
        let mut found = own.filter(|workload| layout::kind(workload.kind) == kind && workload.namespace == namespace && workload.name == name);
        let object = found.next().and_then(|workload| self.clusters.get(&workload.cluster)?.get(served(workload.kind), namespace, name));
        let group = if kind == "Rollout" { "argoproj.io" } else { "apps" };
        let missing = || invalid(format!("{kind} {group} {name} not found as part of application {}", place.1));
        object.and_then(|object| serde_json::from_slice(&object.json).ok()).ok_or_else(missing)
    }

    /// Compares an application with git because somebody asks for it: once its controller is alive.
    pub(super) fn refresh(&mut self, number: usize, how: &str) {
        if let Some(application) = self.applications.get_mut(number) {
            application.refresh = Some(how.to_owned());
            self.unshown.applications.insert(number);
        }
        self.notice();
        self.reconcile(number, false);
    }

    fn ask_sync(&mut self, number: usize, request: &Value, by: &str) -> Result<(), Refused> {
        self.notice();
        let Some(application) = self.applications.get(number) else { return Ok(()) };
        let asked = request.get("revision").and_then(Value::as_str).unwrap_or_default();
        let branch = self.branch(&application.environment);
        let is_dry = request.get("dryRun") == Some(&Value::Bool(true));
        if application.automated && !is_dry && !asked.is_empty() && asked != branch {
            return Err(precondition(format!("Cannot sync to {asked}: auto-sync currently set to {branch}")));
        }
        let wanted = if asked.is_empty() || asked == HEAD { branch } else { asked.to_owned() };
        let Ok(revision) = self.repository.resolve(&wanted) else {
            let why = format!("rpc error: code = Unknown desc = unable to resolve '{wanted}' to a commit SHA");
            return Err(precondition(format!("error resolving repo revision: {why}")));
        };
        let mut sync = Map::new();
        for (asked, written) in [("prune", "prune"), ("dryRun", "dryRun"), ("strategy", "syncStrategy"), ("resources", "resources")] {
            let value = request.get(asked).filter(|value| !value.is_null() && **value != Value::Bool(false));
            sync.extend(value.map(|value| (written.to_owned(), value.clone())));
        }
        let given = request.get("syncOptions").and_then(|options| options.get("items")).cloned();
        let own = || application.policy().get("syncOptions").cloned();
        sync.extend(given.or_else(own).map(|options| ("syncOptions".to_owned(), options)));
        let retry = request.get("retryStrategy").filter(|retry| retry.is_object()).cloned().unwrap_or_else(|| json!({}));
        let info = request.get("infos").filter(|infos| infos.is_array()).cloned();
        self.ask(number, (&revision, sync), (By::Person(by.to_owned()), info, retry), true)
    }

    fn ask_rollback(&mut self, number: usize, (id, prune, is_dry): (u64, bool, bool), by: &str) -> Result<(), Refused> {
        let Some(application) = self.applications.get(number) else { return Ok(()) };
        if application.automated {
            return Err(precondition("rollback cannot be initiated when auto-sync is enabled"));
        }
        let Some(deployed) = application.history.iter().find(|deployed| deployed.id == id) else {
            let (namespace, name) = (&application.namespace, &application.name);
            return Err(invalid(format!("application {namespace}/{name} does not have deployment with id {id}")));
        };
        let mut sync = Map::from_iter([("syncStrategy".to_owned(), json!({"apply": {}}))]);
        sync.extend([("prune", prune), ("dryRun", is_dry)].into_iter().filter(|(_, is)| *is).map(|(key, _)| (key.to_owned(), Value::Bool(true))));
        sync.extend(application.policy().get("syncOptions").cloned().map(|options| ("syncOptions".to_owned(), options)));
        let revision = deployed.revision.clone();
        self.ask(number, (&revision, sync), (By::Person(by.to_owned()), None, json!({})), true)
    }

    /// An operation that was written into the object in the cluster, past Argo CD's API: what its controller makes of it.
    pub(super) fn ask_in_cluster(&mut self, number: usize, operation: &Value) -> Result<(), Refused> {
        self.notice();
        let Some(application) = self.applications.get(number) else { return Ok(()) };
        if application.is_syncing() {
            // Nobody refuses it; the controller goes on with the one that it knows.
            return Ok(());
        }
        let by = match operation.pointer("/initiatedBy/username").and_then(Value::as_str) {
            Some(name) => By::Person(name.to_owned()),
            None => By::Nobody,
        };
        let mut sync = operation.get("sync").and_then(Value::as_object).cloned().unwrap_or_default();
        let asked = sync.remove("revision").and_then(|revision| revision.as_str().map(str::to_owned)).unwrap_or_default();
        for own in ["revisions", "source", "sources"] {
            sync.remove(own);
        }
        let branch = self.branch(&application.environment);
        let wanted = if asked.is_empty() || asked == HEAD { branch } else { asked };
        let retry = operation.get("retry").cloned().unwrap_or_else(|| json!({}));
        let info = operation.get("info").filter(|info| info.is_array()).cloned();
        let revision = self.repository.resolve(&wanted).unwrap_or(wanted);
        self.ask(number, (&revision, sync), (by, info, retry), false)
    }

    /// Leaves an operation for the controller. `clears`: as the API server, which takes the state of the last one away.
    fn ask(
        &mut self,
        number: usize,
        (revision, sync): (&str, Map<String, Value>),
        (by, info, retry): (By, Option<Value>, Value),
        clears: bool,
    ) -> Result<(), Refused> {
        let now = self.now;
        let Some(application) = self.applications.get_mut(number) else { return Ok(()) };
        if application.is_syncing() {
            return Err(precondition("another operation is already in progress"));
        }
        let mut operation = Operation::new(now, revision.to_owned(), by);
        operation.sync = sync;
        operation.info = info;
        operation.retry = retry;
        let picked_up = later(now, PICKED_UP);
        operation.planned = Some(picked_up);
        if clears {
            application.operation = None;
        }
        application.requested = Some(operation);
        self.unshown.applications.insert(number);
        self.plan(picked_up, Event::Operate(number));
        Ok(())
    }

    /// Ends the operation that runs, once its controller sees it. Whether one runs.
    pub(super) fn terminate(&mut self, number: usize) -> bool {
        let ends = later(self.now, PICKED_UP);
        let running = self.applications.get_mut(number).and_then(|one| one.operation.as_mut()).filter(|operation| operation.finished.is_none());
        let Some(operation) = running else { return false };
        operation.phase = Phase::Terminating;
        operation.planned = Some(ends);
        self.unshown.applications.insert(number);
        self.plan(ends, Event::Operate(number));
        true
    }

    /// Begins an operation to what git wants, if none runs: the controller's own, or a person's of the story.
    pub(super) fn sync(&mut self, number: usize, by: By) {
        let now = self.now;
        let closed = self.is_window_closed(number, by != By::Automation);
        let Some(application) = self.applications.get_mut(number).filter(|application| !application.is_syncing() && !closed) else { return };
        let mut operation = Operation::new(now, application.revision.clone(), by);
        operation.sync = Map::from_iter([("prune".to_owned(), Value::Bool(true)), ("syncOptions".to_owned(), json!(["CreateNamespace=true"]))]);
        operation.retry = json!({"limit": 3});
        application.operation = Some(operation);
        self.begin_operation(number);
    }

    /// The controller begins: with the hook before the manifests, where there is one.
    fn begin_operation(&mut self, number: usize) {
        let (now, hook) = (self.now, self.hook_of(number));
        let revision = self.applications.get(number).and_then(|one| one.operation.as_ref()).map(|operation| operation.revision.clone());
        let Some(revision) = revision else { return };
        let wanted = self.manifests(number, &revision);
        let Some(application) = self.applications.get_mut(number) else { return };
        let Some(operation) = application.operation.as_mut() else { return };
        operation.phase = Phase::Running;
        self.unshown.applications.insert(number);
        match wanted {
            Some(Ok(wanted)) => (operation.tags, operation.replicas) = (wanted.tags, wanted.replicas),
            // An application of applications has none.
            None => {}
            Some(Err(error)) => {
                let message = format!("ComparisonError: Failed to load target state: failed to generate manifest for source 1 of 1: {error}");
                return operation.end(Phase::Failed, message, now);
            }
        }
        let hook = hook.filter(|_| !operation.is_apply() && !operation.is_dry() && operation.only().is_none());
        let planned = match hook {
            Some((name, hook)) => {
                let is_met = |versions: &[String]| operation.tags.iter().any(|tag| versions.contains(tag));
                operation.message = format!("waiting for completion of hook batch/Job/{name}");
                operation.hook = Some(HookRun { name, phase: Phase::Running, fails: is_met(&hook.fails) });
                (!is_met(&hook.hangs)).then(|| later(now, hook.takes))
            }
            None => Some(later(now, APPLYING)),
        };
        operation.planned = planned;
        if let Some(planned) = planned {
            self.plan(planned, Event::Operate(number));
        }
    }

    /// The hook before a sync of an application, and what its Job is called.
    fn hook_of(&self, number: usize) -> Option<(String, HookDefinition)> {
        let definition = self.definition.applications.get(self.applications.get(number)?.definition)?;
        Some((definition.hook_name()?, definition.hook.clone()?))
    }

    /// The next thing that the controller does about an operation.
    pub(super) fn operate(&mut self, number: usize) {
        if !self.is_alive(number) {
            // A dead controller does nothing; whoever revives it looks again.
            return;
        }
        let now = self.now;
        let closed = self.is_window_closed(number, true);
        let Some(application) = self.applications.get_mut(number) else { return };
        if let Some(mut requested) = application.requested.take_if(|requested| requested.planned == Some(now)) {
            requested.started = now;
            application.operation = Some(requested);
            if closed {
                return self.wait_for_window(number);
            }
            return self.begin_operation(number);
        }
        let Some(operation) = application.operation.as_mut().filter(|one| one.finished.is_none() && one.planned == Some(now)) else { return };
        match (operation.phase, operation.hook.as_mut().filter(|hook| hook.phase == Phase::Running)) {
            (Phase::Terminating, hook) => {
                if let Some(hook) = hook {
                    hook.phase = Phase::Failed;
                }
                operation.end(Phase::Failed, "Operation terminated".to_owned(), now);
                // What came meanwhile is seen to now.
                self.unshown.applications.insert(number);
                self.reconcile(number, false);
            }
            (_, Some(hook)) if hook.fails => {
                hook.phase = Phase::Failed;
                operation.end(Phase::Failed, "one or more synchronization tasks completed unsuccessfully".to_owned(), now);
                self.unshown.applications.insert(number);
                self.reconcile(number, false);
            }
            (_, Some(hook)) => {
                hook.phase = Phase::Succeeded;
                "waiting for healthy state of resources".clone_into(&mut operation.message);
                let planned = later(now, APPLYING);
                operation.planned = Some(planned);
                self.unshown.applications.insert(number);
                self.plan(planned, Event::Operate(number));
            }
            (_, None) if operation.is_blocked => {
                if closed {
                    return self.wait_for_window(number);
                }
                operation.is_blocked = false;
                self.begin_operation(number);
            }
            (_, None) => self.applied(number),
        }
    }

    /// Past the API nobody refuses an operation for a window: it waits.
    fn wait_for_window(&mut self, number: usize) {
        let again = later(self.now, BLOCKED);
        let Some(operation) = self.applications.get_mut(number).and_then(|one| one.operation.as_mut()) else { return };
        operation.phase = Phase::Running;
        operation.is_blocked = true;
        "Sync operation blocked by sync window".clone_into(&mut operation.message);
        operation.planned = Some(again);
        self.unshown.applications.insert(number);
        self.plan(again, Event::Operate(number));
    }

    /// A controller that lives again goes on with what it finds.
    pub(super) fn resume_operation(&mut self, number: usize) {
        let now = self.now;
        let Some(application) = self.applications.get_mut(number) else { return };
        let Application { requested, operation, .. } = application;
        let waiting = requested.as_mut().or(operation.as_mut().filter(|operation| operation.finished.is_none()));
        // A hook that hangs has no plan, and goes on hanging.
        if let Some(operation) = waiting.filter(|operation| operation.planned.is_some()) {
            operation.planned = Some(now);
            self.plan(now, Event::Operate(number));
        }
    }

    /// The manifests of an operation are in the cluster.
    fn applied(&mut self, number: usize) {
        let now = self.now;
        let Some(application) = self.applications.get(number) else { return };
        let Some(operation) = application.operation.clone() else { return };
        let only = operation.only();
        let chosen = application.workloads.iter().zip(&operation.tags).zip(&operation.replicas);
        let own: Vec<(usize, String, u32)> = chosen.map(|((workload, tag), replicas)| (*workload, tag.clone(), *replicas)).collect();
        for (number, tag, replicas) in own {
            let is_meant = self.workloads.get(number).is_some_and(|workload| {
                let kind = layout::kind(workload.kind);
                only.as_ref().is_none_or(|only| only.iter().any(|(wanted, name)| wanted == kind && *name == workload.name))
            });
            if !is_meant || operation.is_dry() {
                continue;
            }
            self.apply(number, &tag, replicas);
            if let Some(workload) = self.workloads.get_mut(number) {
                workload.by_hand = None;
            }
        }
        let Some(application) = self.applications.get_mut(number) else { return };
        application.finish(now);
        application.compare(&self.workloads, now);
        self.unshown.applications.insert(number);
        self.judge(number);
        // What came while it ran was not looked at.
        self.reconcile(number, false);
    }
}
