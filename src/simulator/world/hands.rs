//! What comes in over the wire: patches of objects, and questions after the truth.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::Notify;

use super::application::By;
use super::show::served;
use super::{Event, World};
use crate::simulator::serve::{Hands, Refused, RepositoryDeed};
use crate::simulator::store::{APPLICATIONS, Kind};

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
    fn patch(
        &self,
        cluster: &str,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        subresource: Option<&str>,
        patch: &Value,
    ) -> Result<(), Refused> {
        self.act(|world| world.patch(cluster, kind, namespace, name, subresource, patch))
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

    fn patch(
        &mut self,
        cluster: &str,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        subresource: Option<&str>,
        patch: &Value,
    ) -> Result<(), Refused> {
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
            Some("status") => self.patch_status(number, patch.get("status").unwrap_or(&Value::Null)),
            _ => self.patch_spec(number, patch.get("spec").unwrap_or(&Value::Null)),
        };
        if !understood {
            return Err(refused(format!("this world does not know what becomes of {} {name} with that change", kind.singular)));
        }
        self.wake(number);
        let application = self.workloads.get(number).map(|workload| workload.application);
        if let Some(application) = application {
            self.drifted(application);
        }
        Ok(())
    }

    fn is_home(&self, argocd: usize, cluster: &str) -> bool {
        self.definition.argocds.get(argocd).is_some_and(|argocd| argocd.cluster == cluster)
    }

    fn patch_application(&mut self, number: usize, patch: &Value) -> Result<(), Refused> {
        let annotations = patch.pointer("/metadata/annotations").and_then(Value::as_object);
        let refresh = annotations.is_some_and(|annotations| annotations.contains_key("argocd.argoproj.io/refresh"));
        if refresh {
            self.notice();
            self.reconcile(number, false);
        }
        if let Some(operation) = patch.get("operation").filter(|operation| operation.is_object()) {
            let who = operation.pointer("/initiatedBy/username").and_then(Value::as_str).unwrap_or("somebody").to_owned();
            if self.applications.get(number).is_some_and(super::application::Application::is_syncing) {
                return Err(Refused { code: 409, reason: "Conflict", message: "another operation is already in progress".to_owned() });
            }
            self.sync(number, By::Person(who));
            return Ok(());
        }
        if refresh { Ok(()) } else { Err(refused("this world takes a refresh or an operation on an Application, and nothing else yet".to_owned())) }
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
        match flag("abort") {
            Some(true) => {
                canary.abort(now, "");
                return true;
            }
            Some(false) => {
                canary.retry();
                return true;
            }
            None => {}
        }
        if let Some(index) = status.get("currentStepIndex").and_then(Value::as_u64) {
            canary.paused = None;
            canary.index = usize::try_from(index).unwrap_or(usize::MAX).min(canary.steps.len());
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
        let replicas = spec.get("replicas").and_then(Value::as_u64).and_then(|replicas| u32::try_from(replicas).ok());
        let image = spec.pointer("/template/spec/containers").and_then(Value::as_array).into_iter().flatten().find_map(|container| {
            let image = container.get("image")?.as_str()?;
            image.strip_prefix(workload.image.as_str())?.strip_prefix(':').map(str::to_owned)
        });
        if replicas.is_some() || image.is_some() {
            let (tag, replicas) = (image.unwrap_or_else(|| workload.tag.clone()), replicas.unwrap_or(workload.replicas));
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
            if self.applications.get(number).is_some_and(super::application::Application::is_syncing) {
                self.plan(self.now, Event::Applied(number));
            }
            self.reconcile(number, false);
            self.judge(number);
        }
    }
}
