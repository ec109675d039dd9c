//! How a world begins: the repository with its past, every application deployed and at rest.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::application::{Application, By, Deployed, Health, Operation, Phase, Sync};
use super::canary::Canary;
use super::pods::hash;
use super::workload::{Nature, Workload};
use super::{Event, Unshown, World, show};
use crate::base::Timestamp;
use crate::base::time::later;
use crate::simulator::clock::Clock;
use crate::simulator::definition::{ApplicationDefinition, ArgocdDefinition, Definition, Layout, WorkloadDefinition, WorkloadKind};
use crate::simulator::objects::application;
use crate::simulator::repository::{MAIN, Repository};
use crate::simulator::scenario::Scenario;
use crate::simulator::store::{APP_PROJECTS, CONFIG_MAPS, NAMESPACES, Store};
use crate::simulator::{Told, canary, history, layout};

/// From so many applications on Argo CD compares as seldom as a real one does.
const MANY: usize = 200;
/// Versions that a store has behind it at the start: nobody should think that they begin at 1.
const FIRST_VERSION: u64 = 100_000;

/// What a world is made of.
pub(in crate::simulator) struct Ground<'a> {
    pub(in crate::simulator) definition: Definition,
    pub(in crate::simulator) scenario: Scenario,
    pub(in crate::simulator) seed: u64,
    pub(in crate::simulator) clock: Clock,
    /// Empty; filled with the past.
    pub(in crate::simulator) repository: Repository,
    /// As Applications name it, where it is served; else it is its folder.
    pub(in crate::simulator) url: Option<String>,
    /// Where the API of each cluster will be.
    pub(in crate::simulator) urls: &'a BTreeMap<String, String>,
    pub(in crate::simulator) told: watch::Sender<Told>,
}

/// What the past of the repository says of one file.
struct Past {
    revision: String,
    at: Timestamp,
    text: Vec<u8>,
    author: String,
}

impl World {
    /// Makes a world at rest.
    pub(in crate::simulator) fn new(ground: Ground<'_>) -> Result<Self, String> {
        let Ground { definition, scenario, seed, clock, repository, url, urls, told } = ground;
        let start = clock.start();
        let shown = |span: Duration| clock.shown_span(span);
        let mut pasts: BTreeMap<String, Vec<Past>> = BTreeMap::new();
        let mut branches = vec![MAIN.to_owned()];
        if scenario.branch_per_environment {
            branches.extend(definition.environments.iter().map(|environment| format!("env/{}", environment.name)));
        }
        let failed = |error: git2::Error| format!("the repository cannot be written: {error}");
        for commit in history::history(&definition, &shown, seed) {
            let at = start.checked_sub(commit.when_before_start).unwrap_or(start);
            let own = commit.environment.as_ref().filter(|_| scenario.branch_per_environment).map(|name| format!("env/{name}"));
            let branch = own.as_deref().unwrap_or(MAIN);
            let revision = repository.commit(branch, &commit.files, &commit.author, at, &commit.message).map_err(failed)?;
            if commit.environment.is_none() {
                // What all have is where each branch begins.
                for branch in branches.iter().skip(1) {
                    repository.branch(branch, &revision).map_err(failed)?;
                }
            }
            for (path, text) in commit.files {
                if let Some(text) = text {
                    let past = Past { revision: revision.clone(), at, text, author: commit.author.name.clone() };
                    pasts.entry(path).or_default().push(past);
                }
            }
        }
        let heads = branches.into_iter().map(|branch| repository.head(&branch).map(|head| (branch, head)));
        let heads: BTreeMap<String, String> = heads.collect::<Result<_, _>>().map_err(|error| format!("the repository has no branch: {error}"))?;
        let url = url.unwrap_or_else(|| format!("file://{}", repository.path().display()));
        let clusters = definition.clusters.iter().map(|cluster| (cluster.name.clone(), Store::new(FIRST_VERSION))).collect();
        let argocds: Vec<Store> = definition.argocds.iter().map(|_| Store::new(FIRST_VERSION)).collect();
        let mut world = Self {
            dice: fastrand::Rng::with_seed(seed),
            url,
            alive: vec![true; argocds.len()],
            heard: vec![heads.clone(); argocds.len()],
            heads,
            clusters,
            argocds,
            vanished: BTreeSet::new(),
            windows: Vec::new(),
            applications: Vec::new(),
            workloads: Vec::new(),
            feeds: BTreeMap::new(),
            reconciliation: Duration::from_secs(20),
            now: start,
            queue: BinaryHeap::new(),
            planned: 0,
            faults: None,
            told,
            churn: (0, 0),
            unshown: Unshown::default(),
            shown: Vec::new(),
            events: super::events::Events::default(),
            clock,
            definition,
            scenario,
            repository,
        };
        world.deploy(&pasts, urls);
        if world.applications.len() >= MANY {
            world.reconciliation = Duration::from_mins(3);
        }
        world.furnish();
        world.begin();
        Ok(world)
    }

    fn deploy(&mut self, pasts: &BTreeMap<String, Vec<Past>>, urls: &BTreeMap<String, String>) {
        let definition = self.definition.clone();
        let mut parents = Vec::new();
        for (number, application) in definition.applications.iter().enumerate() {
            if application.layout == Layout::Applications {
                parents.push((number, application));
            }
            for deployed in layout::deployed_of(&definition, application) {
                self.deploy_one(number, &deployed, pasts, urls);
            }
        }
        for (number, parent) in parents {
            self.deploy_parent(number, parent);
        }
    }

    fn deploy_one(&mut self, number: usize, deployed: &layout::Deployed<'_>, pasts: &BTreeMap<String, Vec<Past>>, urls: &BTreeMap<String, String>) {
        let layout::Deployed { application, environment, destination } = *deployed;
        let Some((argocd, instance)) = self.definition.argocds.iter().enumerate().find(|(_, one)| one.name == destination.argocd) else { return };
        let instance = instance.clone();
        let start = self.clock.start();
        let (name, placement) = (environment.name.as_str(), destination.placement.as_str());
        let target = destination.namespace.clone().unwrap_or_else(|| environment.name.clone());
        let file = layout::version_file(application, name, placement);
        let past: &[Past] = pasts.get(&file).map(Vec::as_slice).unwrap_or_default();
        let manual = application.manual.contains(&environment.name);
        let place = self.applications.len();
        let tags = |text: &[u8]| layout::versions(application, name, placement, text).unwrap_or_default();
        let wanted = past.last().map(|past| tags(&past.text)).unwrap_or_default();
        let deployed_at = past.last().map_or(start, |past| later(past.at, Duration::from_secs(20)));
        let created = past.first().map_or(start, |past| past.at);
        let mut own = Vec::new();
        let mut replicas = Vec::new();
        for (index, workload) in layout::workloads(application, name, placement).enumerate() {
            let olds: Vec<(String, Timestamp)> = past.iter().filter_map(|past| Some((tags(&past.text).get(index)?.clone(), past.at))).collect();
            replicas.push(workload.replicas(name));
            own.push(self.workloads.len());
            let mut one = workload_of(deployed, workload, (place, &target), (created, deployed_at));
            populate(&mut one, &olds, wanted.get(index).map(String::as_str).unwrap_or_default(), deployed_at);
            self.workloads.push(one);
            self.shown.push(show::Names::default());
            if let Some(file) = layout::replicas_file(application, name, placement, workload).filter(|other| *other != file) {
                self.feeds.entry(file).or_default().push(place);
            }
        }
        self.feeds.entry(file).or_default().push(place);
        let pins = layout::pin_file(application, (name, placement), &layout::application_name(&instance, &application.name, name, placement));
        if let Some(file) = pins {
            self.feeds.entry(file).or_default().push(place);
        }
        let history = history_of(past, manual);
        let operation = history.last().map(|last| finished(last, &wanted));
        let server = if destination.cluster == instance.cluster {
            "https://kubernetes.default.svc".to_owned()
        } else {
            urls.get(&destination.cluster).cloned().unwrap_or_default()
        };
        self.applications.push(Application {
            definition: number,
            environment: environment.name.clone(),
            placement: destination.placement.clone(),
            argocd,
            namespace: application.namespace.clone().unwrap_or_else(|| instance.namespace.clone()),
            name: layout::application_name(&instance, &application.name, name, placement),
            cluster: destination.cluster.clone(),
            server,
            target,
            automated: !manual,
            self_heal: environment.self_heal,
            workloads: own,
            wanted,
            replicas,
            revision: self.head(&environment.name),
            images: Vec::new(),
            sync: Sync::Synced,
            health: Health::Healthy,
            health_since: later(deployed_at, Duration::from_secs(15)).min(start),
            requested: None,
            operation,
            refresh: None,
            policy: None,
            generation: 1,
            history,
            reconciled: start,
            created,
            error: None,
            children: Vec::new(),
        });
    }

    /// An application of applications, in the first Argo CD.
    fn deploy_parent(&mut self, number: usize, parent: &ApplicationDefinition) {
        let Some(instance) = self.definition.argocds.first().cloned() else { return };
        let start = self.clock.start();
        let names: Vec<&str> = layout::children(&self.definition, parent).map(|child| child.name.as_str()).collect();
        let is_child = |application: &Application| {
            self.definition.applications.get(application.definition).is_some_and(|definition| names.contains(&definition.name.as_str()))
        };
        let children = self.applications.iter().enumerate().filter(|(_, one)| is_child(one)).map(|(number, _)| number).collect();
        let past = Deployed { id: 0, revision: self.head(""), started: start, at: start, by: By::Automation };
        self.applications.push(Application {
            definition: number,
            environment: String::new(),
            placement: String::new(),
            argocd: 0,
            namespace: instance.namespace.clone(),
            name: parent.name.clone(),
            cluster: instance.cluster.clone(),
            server: "https://kubernetes.default.svc".to_owned(),
            target: instance.namespace,
            automated: true,
            self_heal: true,
            workloads: Vec::new(),
            wanted: Vec::new(),
            replicas: Vec::new(),
            revision: self.head(""),
            images: Vec::new(),
            sync: Sync::Synced,
            health: Health::Healthy,
            health_since: start,
            requested: None,
            operation: None,
            refresh: None,
            policy: None,
            generation: 1,
            history: vec![past],
            reconciled: start,
            created: start,
            error: None,
            children,
        });
    }

    /// What is there besides applications and workloads.
    fn furnish(&self) {
        let context = self.context();
        let mut namespaces: BTreeSet<(String, String)> = BTreeSet::new();
        for (argocd, store) in self.definition.argocds.iter().zip(&self.argocds) {
            namespaces.insert((argocd.cluster.clone(), argocd.namespace.clone()));
            let Some(cluster) = self.clusters.get(&argocd.cluster) else { continue };
            let projects: BTreeSet<&str> = self.definition.applications.iter().map(|one| one.project.as_str()).chain(["default"]).collect();
            for project in projects {
                cluster.put(&APP_PROJECTS, application::project(project, &argocd.name, &argocd.namespace, &context, false));
                store.put(&APP_PROJECTS, application::project(project, &argocd.name, &argocd.namespace, &context, true));
            }
            cluster.put(&CONFIG_MAPS, self.settings(argocd));
        }
        for application in &self.applications {
            let home = self.definition.argocds.get(application.argocd).map(|argocd| argocd.cluster.clone()).unwrap_or_default();
            namespaces.insert((home, application.namespace.clone()));
            namespaces.insert((application.cluster.clone(), application.target.clone()));
        }
        for (cluster, name) in namespaces {
            let Some(store) = self.clusters.get(&cluster) else { continue };
            let labels = json!({"kubernetes.io/metadata.name": name});
            let metadata = json!({"creationTimestamp": context.time(self.clock.start()), "labels": labels, "name": name, "uid": super::pods::uid(&format!("{cluster}/{name}"))});
            store.put(&NAMESPACES, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}));
        }
    }

    /// `argocd-cm`, where the time between comparisons is read.
    fn settings(&self, argocd: &ArgocdDefinition) -> serde_json::Value {
        let interval = self.context().span(self.reconciliation);
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"timeout.reconciliation": interval, "timeout.reconciliation.jitter": "0s"},
            "metadata": {"labels": {"app.kubernetes.io/part-of": "argocd"}, "name": "argocd-cm", "namespace": argocd.namespace,
                "creationTimestamp": self.context().time(self.clock.start()), "uid": super::pods::uid(&format!("{}/argocd-cm", argocd.name))},
        })
    }

    /// Shows everything, and plans what will happen.
    fn begin(&mut self) {
        let start = self.clock.start();
        self.unshown.workloads.extend(0..self.workloads.len());
        self.unshown.applications.extend(0..self.applications.len());
        self.show();
        // Comparisons are spread over the interval, as after any longer run.
        for number in 0..self.applications.len() {
            let name = self.applications.get(number).map(|application| application.name.as_str()).unwrap_or_default();
            let milliseconds = u64::try_from(self.reconciliation.as_millis()).unwrap_or(1).max(1);
            let phase = Duration::from_millis(hash(name) % milliseconds);
            self.plan(later(start, phase), Event::Reconcile(number));
        }
        for line in 0..self.scenario.timeline.len() {
            let after = self.scenario.timeline.get(line).map(|happening| happening.after).unwrap_or_default();
            self.plan(later(start, after), Event::Happening(line));
        }
        if let Some(traffic) = &self.scenario.traffic {
            let first = traffic.after.unwrap_or(traffic.every);
            self.plan(later(start, first), Event::Release);
        }
        if self.scenario.churn.is_some() {
            self.plan(later(start, Duration::from_secs(4)), Event::Restart);
        }
    }

    /// The objects of each cluster and of each Argo CD.
    pub(in crate::simulator) fn stores(&self) -> (&BTreeMap<String, Store>, &[Store]) {
        (&self.clusters, &self.argocds)
    }
}

/// A workload without pods, of the application of this number, in this namespace.
fn workload_of(
    deployed: &layout::Deployed<'_>,
    workload: &WorkloadDefinition,
    (application, namespace): (usize, &str),
    (created, deployed_at): (Timestamp, Timestamp),
) -> Workload {
    let environment = deployed.environment.name.as_str();
    let steps = workload.canary.get(environment).into_iter().flatten().filter_map(|step| canary::parse(step).ok()).collect::<Vec<_>>();
    Workload {
        kind: workload.kind,
        cluster: deployed.destination.cluster.clone(),
        namespace: namespace.to_owned(),
        name: workload.name(deployed.application).to_owned(),
        application,
        image: workload.image(deployed.application),
        sidecars: workload.sidecars.clone(),
        created,
        generation: 1,
        tag: String::new(),
        replicas: workload.replicas(environment),
        past: Vec::new(),
        sets: Vec::new(),
        revision: 0,
        canary: (workload.kind == WorkloadKind::Rollout).then(|| Canary::new(steps, "")),
        by_hand: None,
        progressed: deployed_at,
        moved: deployed_at,
        deadline: workload.deadline(),
        is_over_quota: false,
        settled: true,
        planned: None,
    }
}

/// The last ten deployments, as Argo CD keeps them.
fn history_of(past: &[Past], manual: bool) -> Vec<Deployed> {
    let entries = past.iter().rev().take(10).rev().enumerate();
    entries
        .map(|(id, past)| Deployed {
            id: u64::try_from(id).unwrap_or(0),
            revision: past.revision.clone(),
            started: later(past.at, Duration::from_secs(5)),
            at: later(past.at, Duration::from_secs(8)),
            by: if manual { By::Person(past.author.to_lowercase().replace(' ', ".")) } else { By::Automation },
        })
        .collect()
}

fn finished(last: &Deployed, tags: &[String]) -> Operation {
    let mut operation = Operation::new(last.started, last.revision.clone(), last.by.clone());
    operation.tags = tags.to_vec();
    operation.sync = Map::from_iter([("prune".to_owned(), Value::Bool(true)), ("syncOptions".to_owned(), json!(["CreateNamespace=true"]))]);
    operation.retry = json!({"limit": 3});
    operation.end(Phase::Succeeded, "successfully synced (all tasks run)".to_owned(), last.at);
    operation
}

/// Gives a workload its past versions and lets the newest run.
fn populate(workload: &mut Workload, olds: &[(String, Timestamp)], tag: &str, deployed_at: Timestamp) {
    for (old, _) in olds.iter().filter(|(old, _)| *old != tag) {
        workload.past.retain(|past| past != old);
        workload.past.push(old.clone());
    }
    for old in workload.past.clone().iter().rev().take(3).rev() {
        workload.tag.clone_from(old);
        let committed = olds.iter().find(|(tag, _)| tag == old).map(|(_, at)| *at);
        workload.begin_set(committed.map_or(deployed_at, |at| later(at, Duration::from_secs(12)).min(deployed_at)));
    }
    tag.clone_into(&mut workload.tag);
    workload.begin_set(deployed_at);
    workload.fill(deployed_at, &Nature::default());
}
