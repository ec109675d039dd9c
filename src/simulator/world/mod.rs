//! THE WORLD: a deterministic model of a team's deployments. Things happen at their own moments, in order, whoever looks and however often; the same
//! seed and scenario give the same world. It is driven from outside (`advance`), writes what became of things into stores, and reads git from a real
//! repository, so that a push from outside counts like one of its own.
//!
//! `pods`, `workload` and `canary` are what Kubernetes and Argo Rollouts do, `application` what Argo CD does, `build` how all begins, `deeds` what
//! people do, `releases` what they do without being told, `hands` what comes in over the wire, `operation` what Argo CD is asked to do, `windows` when it
//! may not, `truth` what a cockpit is checked against.

pub(super) mod application;
mod build;
pub(super) mod canary;
mod churn;
mod deeds;
mod events;
mod hands;
mod operation;
pub(super) mod pods;
mod releases;
mod show;
mod truth;
mod windows;
pub(super) mod workload;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use tokio::sync::watch;

use self::application::{Application, By};
use self::workload::{Nature, Workload};
use super::clock::Clock;
use super::definition::Definition;
use super::fault::{Fault, Push};
use super::objects::Context;
use super::repository::{MAIN, Repository};
use super::scenario::{Fate, Scenario, WindowDeed};
use super::serve::GIT;
use super::store::Store;
use super::{Told, guard, layout};
use crate::base::time::later;
use crate::base::{Safe, Timestamp};

pub(super) use build::Ground;
pub(super) use hands::Shared;
pub(super) use windows::matches;

/// How long a webhook takes from a push to Argo CD.
const WEBHOOK: Duration = Duration::from_secs(3);
/// How long Argo CD takes to undo what somebody did by hand.
const SELF_HEAL: Duration = Duration::from_secs(5);

/// So much of the wall's time is made up for in one go.
const SLICE: Duration = Duration::from_millis(500);

/// Something that will happen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// An Argo CD hears of a push.
    Look(usize),
    /// An application is compared with git, as it is every now and then.
    Reconcile(usize),
    /// It is compared because somebody changed something by hand.
    SelfHeal(usize),
    /// The controller looks at an operation.
    Operate(usize),
    /// The controller of a workload goes on.
    Step(usize),
    /// A line of the scenario's timeline.
    Happening(usize),
    /// The team works on.
    Release,
    /// A server is well again.
    Heal(String),
    /// Some pod is restarted.
    Restart,
    /// One of many changes for their own sake, of this round.
    Churn(u64),
}

/// Sets the faults of a server by its name.
type SetFault = Box<dyn Fn(&str, Fault) + Send>;

/// A world that runs.
pub(super) struct World {
    clock: Clock,
    definition: Definition,
    scenario: Scenario,
    dice: fastrand::Rng,
    repository: Repository,
    /// As Applications name the repository.
    url: String,
    /// The revision of each branch that is known to the world.
    heads: BTreeMap<String, String>,
    /// By cluster name.
    clusters: BTreeMap<String, Store>,
    /// What each Argo CD's API shows, by number.
    argocds: Vec<Store>,
    /// Whether each Argo CD's application controller is alive.
    alive: Vec<bool>,
    /// Argo CDs whose applications are out of sight, by number.
    vanished: BTreeSet<usize>,
    /// Sync windows in which nothing may be synced.
    windows: Vec<WindowDeed>,
    /// The revision of each branch up to which each Argo CD has heard of pushes.
    heard: Vec<BTreeMap<String, String>>,
    applications: Vec<Application>,
    workloads: Vec<Workload>,
    /// Which applications read a file.
    feeds: BTreeMap<String, Vec<usize>>,
    /// Between two comparisons of an application.
    reconciliation: Duration,
    now: Timestamp,
    queue: BinaryHeap<Reverse<(Timestamp, u64, Event)>>,
    planned: u64,
    faults: Option<SetFault>,
    told: watch::Sender<Told>,
    /// The round of changes for their own sake, and how many a second there are in it.
    churn: (u64, u32),
    unshown: Unshown,
    /// Names of replica sets and pods that are in the stores, by workload.
    shown: Vec<show::Names>,
    /// Events that are in the stores.
    events: events::Events,
}

/// What the manifests of an application say, by workload.
struct Manifests {
    tags: Vec<String>,
    replicas: Vec<u32>,
}

/// What changed and is not yet in the stores.
#[derive(Debug, Default)]
struct Unshown {
    applications: BTreeSet<usize>,
    workloads: BTreeSet<usize>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("World").field("now", &self.now).field("applications", &self.applications.len()).finish_non_exhaustive()
    }
}

impl World {
    /// Lets the world move by this clock from now on.
    pub(super) fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Lets everything happen that is due by its clock.
    ///
    /// A world that cannot keep up with its clock does so in slices, so that whoever asks it something is answered in between.
    pub(super) fn catch_up(&mut self) {
        let slice = later(self.now, self.clock.world_span(SLICE));
        let now = self.clock.world().min(slice);
        self.advance(now);
    }

    /// How long until the next thing happens, on the wall.
    pub(super) fn wait(&self) -> Duration {
        self.queue.peek().map_or(Duration::MAX, |Reverse((at, _, _))| self.clock.until(*at))
    }

    /// Hands over how faults of servers are set.
    pub(super) fn set_faults(&mut self, set: SetFault) {
        self.faults = Some(set);
    }

    /// Lets everything happen that falls due until then.
    pub(super) fn advance(&mut self, to: Timestamp) {
        self.notice();
        while let Some(Reverse((at, _, _))) = self.queue.peek()
            && *at <= to
        {
            let Some(Reverse((at, _, event))) = self.queue.pop() else { break };
            self.now = at;
            self.happen(event);
            self.show();
        }
        self.now = self.now.max(to);
    }

    fn plan(&mut self, at: Timestamp, event: Event) {
        self.planned += 1;
        self.queue.push(Reverse((at, self.planned, event)));
    }

    fn context(&self) -> Context<'_> {
        Context { clock: &self.clock, now: self.now }
    }

    /// Looks whether somebody pushed.
    fn notice(&mut self) {
        let mut is_new = false;
        for (branch, known) in &mut self.heads {
            let Ok(head) = self.repository.head(branch) else { continue };
            is_new |= head != *known;
            *known = head;
        }
        if !is_new {
            return;
        }
        for argocd in 0..self.argocds.len() {
            self.plan(later(self.now, WEBHOOK), Event::Look(argocd));
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Look(argocd) => self.look(argocd),
            Event::Reconcile(application) => {
                self.reconcile(application, false);
                self.plan(later(self.now, self.reconciliation), Event::Reconcile(application));
            }
            Event::SelfHeal(application) => self.reconcile(application, true),
            Event::Operate(application) => self.operate(application),
            Event::Step(workload) => self.step(workload),
            Event::Happening(line) => self.deed(line),
            Event::Release => self.release(),
            Event::Heal(server) => self.set_fault(&server, Fault::default()),
            Event::Restart => self.restart(),
            Event::Churn(round) => self.go_on_churning(round),
        }
    }

    fn set_fault(&self, server: &str, fault: Fault) {
        if server == GIT
            && let Err(error) = self.guard(fault.push.as_ref())
        {
            tracing::warn!(%error, "the simulated repository has no hook");
        }
        if let Some(set) = &self.faults {
            set(server, fault);
        }
    }

    /// Lets pushes to the repository meet this from now on.
    fn guard(&self, push: Option<&Push>) -> std::io::Result<()> {
        guard::set(self.repository.path(), push)
    }

    /// An Argo CD compares what a push concerns.
    fn look(&mut self, argocd: usize) {
        let Some(heard) = self.heard.get_mut(argocd) else { return };
        let before = std::mem::replace(heard, self.heads.clone());
        let mut concerned: BTreeSet<usize> = BTreeSet::new();
        for (branch, head) in &self.heads {
            let changed = before.get(branch).map(|before| self.repository.changed_since(before, head).unwrap_or_default()).unwrap_or_default();
            let fed = changed.iter().filter_map(|path| self.feeds.get(path)).flatten().copied();
            concerned.extend(fed.filter(|number| self.applications.get(*number).is_some_and(|one| self.branch(&one.environment) == *branch)));
        }
        for number in concerned {
            if self.applications.get(number).is_some_and(|application| application.argocd == argocd) {
                self.reconcile(number, false);
            }
        }
    }

    /// The branch that the Applications of an environment name.
    fn branch(&self, environment: &str) -> String {
        if self.scenario.branch_per_environment && !environment.is_empty() { format!("env/{environment}") } else { MAIN.to_owned() }
    }

    /// What is known of that branch.
    fn head(&self, environment: &str) -> String {
        self.heads.get(&self.branch(environment)).cloned().unwrap_or_default()
    }

    /// The file beside its manifests that pins the images of an application.
    fn pin_file(&self, application: &Application) -> Option<String> {
        let definition = self.definition.applications.get(application.definition)?;
        layout::pin_file(definition, (&application.environment, &application.placement), &application.name)
    }

    fn is_alive(&self, application: usize) -> bool {
        self.applications.get(application).and_then(|application| self.alive.get(application.argocd)).copied().unwrap_or(false)
    }

    /// Compares an application with git, and begins to sync where that is automatic. `anew`: even if this revision was synced before.
    fn reconcile(&mut self, number: usize, anew: bool) {
        if !self.is_alive(number) {
            return;
        }
        self.read_git(number);
        let now = self.now;
        let Some(application) = self.applications.get_mut(number) else { return };
        application.refresh = None;
        let differs = application.compare(&self.workloads, now);
        let done = application.operation.as_ref().is_some_and(|operation| operation.revision == application.revision && !operation.is_dry());
        let wanted = differs && application.automated && application.error.is_none() && !application.is_syncing();
        self.unshown.applications.insert(number);
        if wanted && (anew || !done) {
            self.sync(number, By::Automation);
        } else if differs && wanted && self.applications.get(number).is_some_and(|application| application.self_heal) && !anew {
            self.plan(later(now, SELF_HEAL), Event::SelfHeal(number));
        }
    }

    /// What git says of an application at the newest revision.
    fn read_git(&mut self, number: usize) {
        let Some(head) = self.applications.get(number).map(|one| self.head(&one.environment)) else { return };
        let Some(application) = self.applications.get_mut(number) else { return };
        if application.revision == head {
            return;
        }
        application.revision.clone_from(&head);
        let wanted = self.manifests(number, &head);
        let (Some(application), Some(wanted)) = (self.applications.get_mut(number), wanted) else { return };
        match wanted {
            Ok(wanted) => {
                (application.wanted, application.replicas) = (wanted.tags, wanted.replicas);
                application.error = None;
            }
            Err(error) => application.error = Some(error),
        }
    }

    /// The tags and the pods of an application's workloads at a revision; nothing for one without workloads.
    fn manifests(&self, number: usize, revision: &str) -> Option<Result<Manifests, String>> {
        let application = self.applications.get(number).filter(|application| !application.workloads.is_empty())?;
        let definition = self.definition.applications.get(application.definition)?;
        let (environment, placement) = (application.environment.as_str(), application.placement.as_str());
        let file = layout::version_file(definition, environment, placement);
        let read = |path: &str| self.repository.read(revision, path).ok().flatten();
        let pins = layout::pin_file(definition, (environment, placement), &application.name).and_then(|file| read(&file));
        let tags = match read(&file) {
            Some(text) => layout::versions(definition, environment, placement, &text),
            None => Err(format!("{file}: no such file or directory")),
        };
        let mut tags = match tags {
            Ok(tags) => tags,
            Err(error) => return Some(Err(error)),
        };
        let mut replicas = application.replicas.clone();
        for ((tag, held), workload) in tags.iter_mut().zip(&mut replicas).zip(layout::workloads(definition, environment, placement)) {
            if let Some(pinned) = layout::pin(&workload.image(definition), pins.as_deref(), &application.images) {
                pinned.clone_into(tag);
            }
            let file = layout::replicas_file(definition, environment, placement, workload);
            if let Some(pods) = file.and_then(|file| layout::replicas(definition, workload.name(definition), &read(&file)?)) {
                *held = pods;
            }
        }
        Some(Ok(Manifests { tags, replicas }))
    }

    /// Changes the specification of a workload.
    fn apply(&mut self, number: usize, tag: &str, replicas: u32) {
        let now = self.now;
        let Some(workload) = self.workloads.get_mut(number) else { return };
        let replicas = if workload.kind == super::definition::WorkloadKind::DaemonSet { workload.replicas } else { replicas };
        workload.apply(tag, replicas, now);
        self.wake(number);
    }

    /// Lets the controller of a workload look at it now.
    fn wake(&mut self, number: usize) {
        let now = self.now;
        if let Some(workload) = self.workloads.get_mut(number) {
            workload.planned = Some(now);
            self.unshown.workloads.insert(number);
            self.plan(now, Event::Step(number));
        }
    }

    fn step(&mut self, number: usize) {
        let now = self.now;
        let Some(workload) = self.workloads.get(number).filter(|workload| workload.planned == Some(now)) else { return };
        let (application, nature) = (workload.application, self.nature(workload, &workload.tag));
        let Some(workload) = self.workloads.get_mut(number) else { return };
        let next = workload.step(now, &nature);
        workload.planned = next;
        self.unshown.workloads.insert(number);
        if let Some(next) = next {
            self.plan(next, Event::Step(number));
        }
        self.judge(application);
    }

    /// Lets Argo CD judge the health of an application, if its controller is alive.
    fn judge(&mut self, number: usize) {
        if !self.is_alive(number) {
            return;
        }
        let (clock, now) = (self.clock.clone(), self.now);
        if let Some(application) = self.applications.get_mut(number) {
            application.judge(&self.workloads, &Context { clock: &clock, now });
            self.unshown.applications.insert(number);
        }
    }

    /// What is known beforehand of a version of a workload.
    fn nature(&self, workload: &Workload, tag: &str) -> Nature {
        let environment = self.applications.get(workload.application).map(|application| application.environment.as_str()).unwrap_or_default();
        let told = self.scenario.versions.iter().find(|version| {
            version.workload == workload.name && version.version == tag && version.environment.as_deref().is_none_or(|only| only == environment)
        });
        if let Some(told) = told {
            return Nature { fate: told.fate, message: told.message.clone(), errors: told.errors };
        }
        let fate = [("-crash", Fate::Crash), ("-nopull", Fate::NoPull), ("-noquota", Fate::NoQuota), ("-slow", Fate::Slow)];
        let fate = fate.iter().find(|(ending, _)| tag.ends_with(ending)).map_or(Fate::Fine, |(_, fate)| *fate);
        Nature { fate, ..Nature::default() }
    }

    /// Tells a line of the story.
    fn tell(&self, line: &str) {
        if !line.is_empty() {
            self.told.send_replace(Told { at: Some(self.clock.shown(self.now)), line: Safe::clean(line) });
        }
    }
}
