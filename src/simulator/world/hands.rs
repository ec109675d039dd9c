//! What comes in over the wire: patches of objects, and questions after the truth.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::World;
use super::canary::Restart;
use super::show::served;
use crate::simulator::definition::WorkloadKind;
use crate::simulator::fault::Push;
use crate::simulator::objects::application;
use crate::simulator::scenario::WindowDeed;
use crate::simulator::serve::{ApplicationDeed, Change, Hands, MOVED, Refused, RepositoryDeed};
use crate::simulator::store::APPLICATIONS;

/// A world that several tasks hold.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Shared {
    world: Arc<Mutex<World>>,
    /// Told when something was planned from outside.
    pub(in crate::simulator) stirred: Arc<Notify>,
}

impl Shared {
    pub(in crate::simulator) fn new(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)), stirred: Arc::default() }
    }

    pub(in crate::simulator) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the world in its present, lets happen and shows what comes of it at once, and has the rest awaited.
    fn act<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world();
        world.catch_up();
        let result = act(&mut world);
        let now = world.now;
        world.advance(now);
        world.show();
        drop(world);
        self.stirred.notify_one();
        result
    }
}

impl Hands for Shared {
    fn patch(&self, change: &Change<'_>) -> Result<(), Refused> {
        self.act(|world| world.patch(change))
    }

    fn application(&self, argocd: &str, place: (&str, &str), deed: &ApplicationDeed) -> Result<(), Refused> {
        self.act(|world| world.operate_on(argocd, place, deed))
    }

    fn live(&self, argocd: &str, place: (&str, &str), resource: (&str, &str, &str)) -> Result<Value, Refused> {
        self.act(|world| world.live(argocd, place, resource))
    }

    fn guard(&self, push: Option<&Push>) -> Result<(), Refused> {
        self.world().guard(push).map_err(|error| refused(format!("the repository has no hook: {error}")))
    }

    fn window(&self, deed: &WindowDeed) {
        self.act(|world| world.set_window(deed));
    }

    fn set_alive(&self, argocd: &str, alive: bool) -> bool {
        self.act(|world| {
            let number = world.argocd(argocd);
            if let Some(number) = number {
                world.set_alive(number, alive);
            }
            number.is_some()
        })
    }

    fn truth(&self) -> Value {
        self.world().truth()
    }

    fn churn(&self, per_second: u32) {
        self.act(|world| world.set_churn(per_second));
    }

    fn touch(&self, application: &str) -> Result<u64, Refused> {
        let mut world = self.world();
        world.catch_up();
        let number = world.applications.iter().position(|one| one.name == application);
        let number = number.ok_or_else(|| refused(format!("there is no application {application}")))?;
        world.turn(number);
        let at = monotonic();
        world.show();
        Ok(at)
    }

    fn told(&self) -> String {
        self.world().told.borrow().line.as_str().to_owned()
    }

    fn vanish(&self, argocd: &str, gone: bool) -> bool {
        let mut world = self.world();
        let number = world.argocd(argocd);
        if let Some(number) = number {
            world.set_vanished(number, gone);
        }
        number.is_some()
    }

    fn repository(&self, deed: RepositoryDeed) -> Result<(), Refused> {
        self.act(|world| world.change_repository(deed)).map_err(|error| refused(format!("the repository was not changed: {error}")))
    }
}

/// Nanoseconds of the one clock that all programs of this machine share and that nobody sets.
fn monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or_default() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default()
}

fn refused(message: String) -> Refused {
    Refused { code: 422, reason: "Invalid", message }
}

impl World {
    /// The number of an Argo CD.
    pub(super) fn argocd(&self, name: &str) -> Option<usize> {
        self.definition.argocds.iter().position(|argocd| argocd.name == name)
    }

    fn patch(&mut self, change: &Change<'_>) -> Result<(), Refused> {
        let Change { cluster, kind, namespace, name, subresource, patch, version } = *change;
        let now_there = self.clusters.get(cluster).and_then(|store| store.get(kind, namespace, name));
        if now_there.is_none_or(|object| object.version != version) {
            return Err(Refused { code: 409, reason: MOVED, message: "the object has been modified".to_owned() });
        }
        if *kind == APPLICATIONS {
            let found = self.applications.iter().position(|one| one.namespace == namespace && one.name == name && self.is_home(one.argocd, cluster));
            let number = found.ok_or_else(|| refused(format!("application {name} does not move here")))?;
            return self.patch_application(number, patch);
        }
        let found = self
            .workloads
            .iter()
            .position(|one| *served(one.kind) == *kind && one.cluster == cluster && one.namespace == namespace && one.name == name);
        let number = found.ok_or_else(|| refused(format!("{} {name} does not move here", kind.singular)))?;
        let understood = match subresource {
            // Each of the two takes its own part and leaves the other as it is.
            Some("status") => patch.get("status").is_none_or(|status| self.patch_status(number, status)),
            _ if patch.as_object().is_some_and(|members| members.keys().all(|key| key == "status")) => kind.status,
            _ => self.patch_spec(number, patch.get("spec").unwrap_or(&Value::Null)),
        };
        if !understood {
            return Err(refused(format!("this world does not know what becomes of {} {name} with that change", kind.singular)));
        }
        self.changed_by_hand(number);
        Ok(())
    }

    /// Somebody changed a workload: its controller and Argo CD see it at once.
    fn changed_by_hand(&mut self, number: usize) {
        self.wake(number);
        let application = self.workloads.get(number).map(|workload| workload.application);
        if let Some(application) = application {
            self.drifted(application);
        }
    }

    /// What an action of Argo CD's for Rollouts does (`resource_customizations/argoproj.io/Rollout/actions`).
    pub(super) fn rollout_action(&mut self, application: usize, (namespace, name): (&str, &str), action: &str) -> Result<(), Refused> {
        let own = self.applications.get(application).map(|application| application.workloads.clone()).unwrap_or_default();
        let is_it = |one: &super::Workload| one.kind == WorkloadKind::Rollout && one.namespace == namespace && one.name == name;
        let number = own.into_iter().find(|number| self.workloads.get(*number).is_some_and(is_it)).ok_or_else(|| {
            let application = self.applications.get(application).map(|application| application.name.as_str()).unwrap_or_default();
            super::operation::invalid(format!("Rollout argoproj.io {name} not found as part of application {application}"))
        })?;
        let canary = self.workloads.get(number).and_then(|workload| workload.canary.as_ref());
        let (index, held) = canary.map_or((0, false), |canary| (canary.index, canary.held));
        let (status, spec) = match action {
            "resume" => (json!({"pauseConditions": null}), if held { json!({"paused": false}) } else { Value::Null }),
            "pause" => (Value::Null, json!({"paused": true})),
            "abort" => (json!({"abort": true}), Value::Null),
            "retry" => (json!({"abort": null}), Value::Null),
            "promote-full" => (json!({"promoteFull": true}), Value::Null),
            "skip-current-step" => (json!({"pauseConditions": null, "currentStepIndex": index + 1}), Value::Null),
            "restart" => (Value::Null, json!({"restartAt": self.context().time(self.now)})),
            _ => return Err(super::operation::invalid(format!("built-in script {action} does not exist"))),
        };
        if !status.is_null() {
            self.patch_status(number, &status);
        }
        if !spec.is_null() {
            self.patch_spec(number, &spec);
        }
        self.changed_by_hand(number);
        Ok(())
    }

    fn is_home(&self, argocd: usize, cluster: &str) -> bool {
        self.definition.argocds.get(argocd).is_some_and(|argocd| argocd.cluster == cluster)
    }

    /// What somebody writes into an Application: a refresh, an operation or its end, the policy of its syncs.
    pub(super) fn patch_application(&mut self, number: usize, patch: &Value) -> Result<(), Refused> {
        let mut understood = false;
        if let Some(policy) = patch.pointer("/spec/syncPolicy") {
            let context = self.context();
            let mut whole = self.applications.get(number).map(|application| application::policy(application, &context)).unwrap_or_default();
            json_patch::merge(&mut whole, policy);
            if let Some(application) = self.applications.get_mut(number) {
                application.set_policy(whole);
                application.generation += 1;
                self.unshown.applications.insert(number);
            }
            self.reconcile(number, false);
            understood = true;
        }
        let refresh = patch.pointer("/metadata/annotations").and_then(|annotations| annotations.get("argocd.argoproj.io/refresh"));
        if let Some(how) = refresh.and_then(Value::as_str) {
            self.refresh(number, how);
            understood = true;
        }
        match patch.get("operation") {
            Some(operation) if operation.is_object() => {
                self.ask_in_cluster(number, operation)?;
                understood = true;
            }
            Some(Value::Null) => {
                // What the controller has begun it ends.
                let taken_back = self.applications.get_mut(number).is_some_and(|application| application.requested.take().is_some());
                self.unshown.applications.extend(taken_back.then_some(number));
                understood = true;
            }
            _ => {}
        }
        if patch.pointer("/status/operationState/phase").and_then(Value::as_str) == Some("Terminating") {
            understood |= self.terminate(number);
        }
        let what = "this world takes a refresh, an operation, its termination, or a sync policy on an Application, and nothing else";
        if understood { Ok(()) } else { Err(refused(what.to_owned())) }
    }

    /// What the Rollouts plugin writes (argo-rollouts `pkg/kubectl-argo-rollouts/cmd`).
    fn patch_status(&mut self, number: usize, status: &Value) -> bool {
        let now = self.now;
        let Some(canary) = self.workloads.get_mut(number).and_then(|workload| workload.canary.as_mut()) else { return false };
        let flag = |field: &str| status.get(field).and_then(Value::as_bool);
        if flag("promoteFull") == Some(true) {
            canary.promote_fully();
            return true;
        }
        match status.get("abort") {
            Some(Value::Bool(true)) => {
                canary.abort(now, "");
                return true;
            }
            // Taken away, as Argo CD does, or false, as the plugin.
            Some(value @ (Value::Bool(false) | Value::Null)) => {
                if canary.retry() {
                    canary.retried = !value.is_null();
                }
                return true;
            }
            _ => {}
        }
        if let Some(index) = status.get("currentStepIndex").and_then(Value::as_u64) {
            // The controller of an aborted one puts the index back.
            if canary.aborted.is_none() {
                canary.paused = None;
                canary.index = usize::try_from(index).unwrap_or(usize::MAX).min(canary.steps.len());
            }
            return true;
        }
        if status.get("pauseConditions").is_some_and(Value::is_null) {
            if canary.paused.is_some() {
                canary.promote();
            }
            return true;
        }
        false
    }

    fn patch_spec(&mut self, number: usize, spec: &Value) -> bool {
        let Some(workload) = self.workloads.get_mut(number) else { return false };
        let mut understood = false;
        if let (Some(held), Some(canary)) = (spec.get("paused").and_then(Value::as_bool), workload.canary.as_mut()) {
            canary.held = held;
            workload.generation += 1;
            workload.settled = false;
            understood = true;
        }
        if let (Some(at), Some(canary)) = (spec.get("restartAt").and_then(Value::as_str), workload.canary.as_mut()) {
            canary.restart = Some(Restart { at: self.now, said: at.to_owned(), is_done: false });
            workload.generation += 1;
            understood = true;
        }
        let replicas = spec.get("replicas").and_then(Value::as_u64).and_then(|replicas| u32::try_from(replicas).ok());
        let image = spec.pointer("/template/spec/containers").and_then(Value::as_array).into_iter().flatten().find_map(|container| {
            let image = container.get("image")?.as_str()?;
            image.strip_prefix(workload.image.as_str())?.strip_prefix(':').map(str::to_owned)
        });
        if replicas.is_some() || image.is_some() {
            let (tag, replicas) = (image.unwrap_or_else(|| workload.tag.clone()), replicas.unwrap_or(workload.replicas));
            let now = self.now;
            if let Some(workload) = self.workloads.get_mut(number) {
                workload.by_hand = Some(("kubectl-patch", now));
            }
            self.apply(number, &tag, replicas);
            understood = true;
        }
        understood
    }

    /// Somebody changed something by hand: Argo CD sees it at once.
    pub(super) fn drifted(&mut self, number: usize) {
        self.reconcile(number, false);
    }

    /// The controller of an Argo CD dies, or comes back and looks at everything.
    pub(super) fn set_alive(&mut self, argocd: usize, alive: bool) {
        let Some(held) = self.alive.get_mut(argocd) else { return };
        if std::mem::replace(held, alive) == alive || !alive {
            return;
        }
        let own: Vec<usize> = self.applications.iter().enumerate().filter(|(_, one)| one.argocd == argocd).map(|(number, _)| number).collect();
        for number in own {
            self.resume_operation(number);
            self.reconcile(number, false);
            self.judge(number);
        }
    }
}
