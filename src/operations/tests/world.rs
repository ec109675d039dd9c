//! A world to plan in: one service in three environments, production in two placements, each with an overlay of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::base::time::later;
use crate::base::{Epoch, Raw, Safe, Timestamp};
use crate::domain::application::{Application, Automation, Deployment, Detail, Initiator, Operation, Origin, Phase, Resource};
use crate::domain::desired::{Change, Commit, Desired, ValueKeys};
use crate::domain::fleet::Fleet;
use crate::domain::forge::{Forge, MergeMethod};
use crate::domain::image::Image;
use crate::domain::landscape::{Environment, Landscape, PlacementSpec};
use crate::domain::mapping::Mapping;
use crate::domain::observation::{Item, Items, Observation, Report, ReportBody, Scope, SourceState};
use crate::domain::pull::{Pull, PullKey};
use crate::domain::template::Template;
use crate::domain::testing::{app_key, application, landscape};
use crate::domain::version::VersionRule;
use crate::domain::workload::{
    Container, Pods, Progress, Replicas, RolloutPhase, RolloutStatus, Strategy, Tracking, Workload, WorkloadKey, WorkloadKind,
};
use crate::domain::{AppKey, EnvironmentName, Known, SourceId, SourceKind, Sync};
use crate::manifest::files::Files;
use crate::manifest::objects::{self, Object};
use crate::manifest::prepared::{Branch, Facts, File, Prepared, Snapshot};
use crate::manifest::rendered::Rendering;
use crate::manifest::tree::{Inputs, Tree};
use crate::manifest::{Question, Wanted, read};
use crate::operations::{Instead, Plan, Read, Refusal, Request, Rollouts, Scaler, asked, canary, plan};

pub(super) const T0: Timestamp = Timestamp::UNIX_EPOCH;
pub(crate) const NOW: Timestamp = Timestamp::constant(3_600, 0);

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "a table of what can be different about an application")]
pub(crate) struct App {
    pub(super) origin: Origin,
    pub(super) runs: String,
    pub(in crate::operations) health: &'static str,
    pub(in crate::operations) is_automatic: bool,
    /// Whether Argo CD undoes what is changed by hand.
    pub(super) heals: bool,
    /// Whether a repository says what git wants of it.
    pub(super) is_read: bool,
    /// The tag that it wanted at the revision that Argo CD compared it with.
    pub(super) compared: Option<&'static str>,
    /// The revision that Argo CD compared it with; none where empty.
    pub(crate) revision: &'static str,
    /// What Argo CD says of it.
    pub(in crate::operations) sync: Sync,
    /// The phase of the operation that Argo CD carries out, or carried out last.
    pub(super) operation: Option<Phase>,
    /// The resources that differ, with whether git no longer has them; `None`: they were not read.
    pub(super) differing: Option<Vec<(&'static str, bool)>>,
    /// The path that it has when the plan is made, after its files were read.
    pub(super) moved_to: Option<&'static str>,
    had: Vec<&'static str>,
    /// The commit that brought what it wants now went back.
    pub(super) went_back: bool,
    /// Minutes at which Argo CD deployed it; `None`: its history was not read.
    pub(in crate::operations) deployed: Option<Vec<u64>>,
    /// The minute of the commit that it deployed then; `None`: it does not say.
    pub(super) deployed_of: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(super) apps: BTreeMap<String, App>,
    pub(super) files: Files,
    pub(super) rule: VersionRule,
    pub(in crate::operations) lost: Option<(SourceId, SourceState)>,
    /// What others committed to every application since its last sync.
    pub(super) carried: Known<Vec<Commit>>,
    /// What its files had at the last sync and have no more.
    pub(super) gone: Vec<Object>,
    /// The files right before minute 50, where they were others.
    pub(super) then: Option<Files>,
    /// Why its files do not tell all that is made of them.
    pub(super) unrendered: Option<Safe>,
    /// What renderers make of every application.
    pub(super) rendered: Result<Rendering, Safe>,
    /// Whether Argo CD deletes what git has no more.
    pub(super) prunes: bool,
    /// Who wrote what git wants.
    pub(super) author: &'static str,
    /// What Argo CD tells of every application beside its history.
    pub(super) detail: Detail,
    /// Its Rollouts, by application: as the fleet and as a plan see them.
    pub(in crate::operations) rollouts: BTreeMap<String, canary::Facts>,
    /// Those that Argo CD is asked to change.
    pub(super) instead: BTreeMap<WorkloadKey, Instead>,
    /// What scales in its cluster.
    pub(super) scalers: Option<Result<Vec<Scaler>, Safe>>,
    /// The pods of Rollouts.
    pub(super) pods: BTreeMap<String, Pods>,
    /// The pauses of their steps.
    pub(super) pauses: Vec<Option<u64>>,
    pub(super) read_at: Timestamp,
    /// Production takes pull requests only.
    pub(in crate::operations) by_pull_request: bool,
    /// Where the repository is.
    pub(super) forge: Forge,
    /// What GitHub says.
    pub(in crate::operations) pulls: Vec<(PullKey, Pull)>,
    /// The operation that all commits were made by.
    pub(in crate::operations) operation: Option<crate::base::OperationId>,
}

/// An overlay with this tag, and more of its entry.
pub(crate) fn kustomization(tag: &str, more: &str) -> String {
    format!("resources: [../../base]\nimages: # the version\n  - name: acme/checkout\n    newTag: {tag}\n{more}")
}

const DEPLOYMENT: &str = "kind: Deployment\nmetadata: {name: checkout}\nspec: {template: {spec: {containers: [{name: checkout, image: acme/checkout}, {name: envoy, image: 'envoy:1'}]}}}\n";

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self {
            apps: BTreeMap::new(),
            files: Files::default(),
            rule: VersionRule::Auto,
            lost: None,
            carried: Known::Known(Vec::new()),
            gone: Vec::new(),
            then: None,
            unrendered: None,
            rendered: Err(Safe::clean("neither kustomize nor kubectl is on the PATH")),
            prunes: false,
            author: "ana",
            detail: Detail::default(),
            rollouts: BTreeMap::new(),
            instead: BTreeMap::new(),
            scalers: None,
            pods: BTreeMap::new(),
            pauses: Vec::new(),
            read_at: NOW,
            by_pull_request: false,
            forge: Forge::Github { github: "github".into(), repository: "acme/gitops".into(), method: MergeMethod::Squash },
            pulls: Vec::new(),
            operation: None,
        };
        world.put("apps/checkout/base/kustomization.yaml", "resources: [deployment.yaml]\n");
        world.put("apps/checkout/base/deployment.yaml", DEPLOYMENT);
        for (place, tag) in [("dev", "2.15.0"), ("staging", "2.14.3"), ("production-eu", "\"2.14.2\""), ("production-us", "\"2.14.2\"")] {
            world.file(place, &kustomization(tag, ""));
            let path = format!("apps/checkout/overlays/{place}");
            let origin = Origin {
                repository: Raw::from("https://git.example/gitops.git"),
                path: Some(Raw::from(path)),
                target_revision: Some(Raw::from("main")),
                ..Origin::default()
            };
            let runs = format!("acme/checkout:{} envoy:1", tag.trim_matches('"'));
            let app = App {
                origin,
                runs,
                health: "Healthy",
                is_automatic: true,
                heals: false,
                is_read: true,
                compared: None,
                revision: "",
                sync: Sync::Synced,
                operation: None,
                differing: None,
                moved_to: None,
                had: Vec::new(),
                went_back: false,
                deployed: None,
                deployed_of: None,
            };
            world.apps.insert(format!("checkout-{place}"), app);
        }
        world
    }

    /// One of its placements has a Rollout with these pauses.
    pub(in crate::operations) fn paused(mut self, pauses: &[Option<u64>]) -> Self {
        let name = "checkout-production-eu";
        let mut facts = canary::tests::moving();
        facts.rollout.name = Raw::from(name);
        self.rollouts.insert(name.to_owned(), facts);
        self.pauses = pauses.to_vec();
        self
    }

    pub(crate) fn app(&mut self, name: &str) -> &mut App {
        self.apps.get_mut(name).unwrap()
    }

    pub(in crate::operations) fn remove(&mut self, name: &str) {
        self.apps.remove(name).unwrap();
    }

    pub(crate) fn run(&mut self, name: &str, images: &str) {
        self.app(name).runs = images.to_owned();
    }

    pub(super) fn path(&mut self, name: &str, path: &str) {
        self.app(name).origin.path = Some(Raw::from(path));
    }

    pub(in crate::operations) fn had(&mut self, name: &str, tags: &[&'static str]) {
        self.app(name).had = tags.to_vec();
    }

    pub(super) fn put(&mut self, path: &str, text: &str) {
        self.files = std::mem::take(&mut self.files).with(path, text);
    }

    pub(crate) fn file(&mut self, overlay: &str, text: &str) {
        self.put(&format!("apps/checkout/overlays/{overlay}/kustomization.yaml"), text);
    }

    /// It wants and runs this tag.
    pub(super) fn tag(&mut self, name: &str, tag: &str) {
        self.run(name, &format!("acme/checkout:{tag} envoy:1"));
        self.file(name.trim_start_matches("checkout-"), &kustomization(&format!("\"{tag}\""), ""));
    }

    /// An application that belongs to no service.
    pub(super) fn stranger(&mut self, path: &str) {
        let mut app = self.apps.values().next().unwrap().clone();
        app.origin.path = Some(Raw::from(path));
        self.apps.insert("stranger".to_owned(), app);
    }

    /// What the cockpit does: it asks what must be read, has it read, and plans.
    pub(in crate::operations) fn plan(&self, request: &Request) -> Result<Plan, Refusal> {
        let asked = asked(request, &self.fleet(false), NOW)?;
        let facts = self.rollouts.iter().map(|(name, facts)| (rollout_key(name), Ok(facts.clone()))).collect();
        let forges = BTreeMap::from([("gitops".into(), self.forge.clone())]);
        let mut files = self.prepared();
        asked.subjects.iter().filter(|subject| !subject.then.is_empty()).for_each(|subject| self.earlier(&mut files, subject));
        let rollouts = Rollouts { facts, instead: self.instead.clone(), ..Rollouts::default() };
        let scalers = self.scalers.iter().map(|scalers| (("prod".into(), "shop".into()), scalers.clone())).collect();
        let mut read = Read { files, rollouts, scalers, forges, ..Read::default() };
        let wishes = plan(request, &self.fleet(true), &read, NOW)?.unrendered().to_vec();
        let answers = wishes.iter().map(|wish| (wish.app.clone(), self.rendered.clone())).collect();
        read.rendered = (wishes, answers);
        plan(request, &self.fleet(true), &read, NOW)
    }

    pub(crate) fn landscape(&self) -> Landscape {
        let environment = |name: &str, from: &[&str], placements: &[&str]| Environment {
            name: EnvironmentName::from(name),
            from: from.iter().map(|name| EnvironmentName::from(*name)).collect(),
            placements: placements.iter().map(|name| PlacementSpec { name: (*name).into(), ..PlacementSpec::default() }).collect(),
            ..Environment::default()
        };
        let mut environments =
            vec![environment("dev", &[], &[]), environment("staging", &["dev"], &[]), environment("production", &["staging"], &["eu", "us"])];
        if let Some(last) = environments.last_mut() {
            last.guard.pull_request = self.by_pull_request;
        }
        let names = vec![Template::parse("{service}-{environment}-{placement}").unwrap(), Template::parse("{service}-{environment}").unwrap()];
        let mut ours = Landscape::new(environments, Mapping { names, ..Mapping::default() }).unwrap();
        ours.clusters = landscape().clusters;
        ours.version = self.rule.clone();
        ours
    }

    pub(crate) fn fleet(&self, is_later: bool) -> Fleet {
        let (argocd, repository) = (SourceId::argocd(&"main".into()), SourceId::repository(Raw::from("gitops")));
        let mut fleet = Fleet::new(self.landscape());
        fleet.connect(argocd.clone(), Epoch(1), T0);
        fleet.connect(repository.clone(), Epoch(1), T0);
        fleet.connect(SourceId::argocd(&"other".into()), Epoch(1), T0);
        fleet.connect(SourceId::repository(Raw::from("second")), Epoch(1), T0);
        fleet.connect(SourceId::cluster(&"prod".into()), Epoch(1), T0);
        let github = SourceId::github("github".into());
        fleet.connect(github.clone(), Epoch(1), T0);
        let mut say = |source: &SourceId, body: ReportBody| {
            fleet.apply(Report { source: source.clone(), epoch: Epoch(1), at: NOW, body });
        };
        say(&argocd, ReportBody::State(Scope::Applications, SourceState::Live));
        say(&repository, ReportBody::State(Scope::Desired, SourceState::Live));
        let (scope, pulls) = (Scope::Pulls("acme/gitops".into()), Items::Pulls(self.pulls.clone()));
        let state = self.lost.as_ref().filter(|(source, _)| *source == github).map_or(SourceState::Live, |(_, state)| state.clone());
        say(&github, ReportBody::Observed(Observation::Listed { scope: scope.clone(), items: pulls, version: None }));
        say(&github, ReportBody::State(scope.clone(), SourceState::Live));
        say(&github, ReportBody::State(scope, state));
        let other = SourceId::argocd(&"other".into());
        let never = self.lost.as_ref().filter(|(source, _)| *source == other).map(|(_, state)| state.clone());
        say(&other, ReportBody::State(Scope::Applications, never.unwrap_or(SourceState::Live)));
        let items = Items::Applications(self.apps.iter().map(|(name, app)| (app_key(name), app.application(is_later, self.prunes))).collect());
        say(&argocd, ReportBody::Observed(Observation::Listed { scope: Scope::Applications, items, version: None }));
        let desired = self.apps.iter().filter(|(_, app)| app.is_read).map(|(name, app)| (app_key(name), self.desired(&app_key(name), app)));
        say(&repository, ReportBody::Observed(Observation::Page { items: Items::Desired(desired.collect()), version: None }));
        let prod = SourceId::cluster(&"prod".into());
        for (name, facts) in &self.rollouts {
            say(&prod, ReportBody::State(Scope::Workloads(WorkloadKind::Rollout, None), SourceState::Live));
            let workload = Box::new(workload(name, facts, &self.apps.get(name).unwrap().runs, &self.pauses));
            say(&prod, ReportBody::Observed(Observation::Changed { item: Item::Workload(rollout_key(name), workload), version: None }));
        }
        for (name, pods) in &self.pods {
            say(&prod, ReportBody::Observed(Observation::Changed { item: Item::Pods(rollout_key(name), pods.clone()), version: None }));
        }
        let details = self.apps.iter().filter(|(_, app)| app.deployed.is_some() || app.differing.is_some());
        let details = details.map(|(name, app)| (app_key(name), app.detail(&self.detail)));
        for (key, detail) in details {
            say(&argocd, ReportBody::Observed(Observation::Changed { item: Item::Detail(key, Box::new(detail)), version: None }));
        }
        if let Some((source, state)) = self.lost.as_ref().filter(|(source, _)| source.name != Raw::from("other")) {
            let scope = if source.kind == SourceKind::Repository { Scope::Desired } else { Scope::Applications };
            say(source, ReportBody::State(scope, state.clone()));
        }
        fleet
    }

    pub(super) fn wants(&self, key: &AppKey, app: &App) -> Wanted {
        let origins = [app.origin.clone()];
        let question = Question { namespace: key.namespace.as_wire(), name: key.name.as_wire(), origins: &origins, keys: &ValueKeys::default() };
        read(&question, &[Some(&self.files as &dyn Tree)])
    }

    fn desired(&self, key: &AppKey, app: &App) -> Desired {
        let wanted = self.wants(key, app);
        let images: Known<Arc<[Image]>> = match wanted.images {
            Ok(images) => Known::Known(images.into()),
            Err(trouble) => Known::unknown(trouble.why().as_str()),
        };
        let commit = |minute: u64| {
            let subject = if app.went_back && minute == 50 { "rollback(production): checkout" } else { "x" };
            Arc::new(Commit {
                id: Raw::from(format!("{minute:040x}")),
                author: Safe::clean(self.author),
                at: later(T0, Duration::from_mins(minute)),
                subject: Safe::clean(subject),
                operation: self.operation.clone(),
            })
        };
        let of = |tag: &str| -> Arc<[Image]> { [Image::read(&format!("acme/checkout:{tag}")), Image::read("envoy:1")].into() };
        let present = images.as_known().map(|images| Change { images: images.clone(), commit: commit(50) });
        let earlier = app.had.iter().zip(1..).map(|(tag, count)| Change { images: of(tag), commit: commit(50 - count) });
        Desired {
            repository: Raw::from("gitops"),
            images,
            revision: Raw::from("head"),
            file: wanted.file.map(Raw::from),
            overridden: wanted.overridden,
            compared: app.compared.map(of),
            history: present.into_iter().chain(earlier).collect(),
            is_whole: true,
            remark: None,
        }
    }

    pub(crate) fn prepared(&self) -> Prepared {
        let (mut names, mut prepared) = (Vec::new(), Prepared { at: self.read_at, ..Prepared::default() });
        for (name, app) in &self.apps {
            let target = app.origin.target_revision.as_ref().unwrap().as_wire().to_owned();
            let place = names.iter().position(|known| *known == target).unwrap_or_else(|| {
                let reference = (!target.starts_with('v')).then(|| Raw::from(format!("refs/heads/{target}")));
                let branch = Branch { repository: Raw::from("gitops"), reference, head: Raw::from("head"), files: Snapshot::default() };
                prepared.branches.push(branch);
                names.push(target);
                names.len() - 1
            });
            let key = app_key(name);
            let inputs = self.wants(&key, app).inputs.remove(0);
            self.keep(&mut prepared.branches[place].files, &inputs, app);
            for path in inputs.files.iter().filter(|path| self.files.bytes(path).is_some()) {
                prepared.feeds.entry((place, path.clone())).or_insert_with(BTreeSet::new).insert(key.clone());
            }
            let facts = Facts {
                origins: Box::new([app.origin.clone()]),
                branches: vec![Some(place)],
                carried: self.carried.clone(),
                gone: Known::Known(self.gone.clone()),
                found: objects::found(&self.files, &inputs),
                unrendered: self.unrendered.clone(),
                then: None,
            };
            prepared.applications.insert(key, facts);
        }
        prepared
    }

    fn keep(&self, snapshot: &mut Snapshot, inputs: &Inputs, app: &App) {
        for path in &inputs.files {
            let bytes = self.files.bytes(path);
            snapshot.keep_file(path, bytes.map(|bytes| File { blob: Raw::from(format!("{:08x}", sum(&bytes))), bytes: Ok(bytes.into()) }));
        }
        let own = app.origin.path.as_ref().unwrap().as_wire();
        for path in inputs
            .folders
            .iter()
            .map(String::as_str)
            .chain([own, "apps/checkout/base"])
            .chain(inputs.files.iter().filter_map(|path| Some(path.rsplit_once('/')?.0)))
        {
            snapshot.keep_folder(path, self.files.folder(path));
        }
    }
}

/// What Argo CD tells of deployments at these minutes.
fn history(minutes: &[u64], of: Option<u64>) -> Vec<Deployment> {
    let deployment = |(id, minute): (i64, &u64)| Deployment {
        id,
        revisions: of.map(|minute| Raw::from(format!("{minute:040x}"))).into_iter().collect(),
        started_at: Some(later(T0, Duration::from_mins(*minute))),
        deployed_at: Some(later(T0, Duration::from_mins(*minute))),
        by: Initiator::Automation,
    };
    (1..).zip(minutes).map(deployment).collect()
}

fn rollout_key(name: &str) -> WorkloadKey {
    WorkloadKey { cluster: "prod".into(), namespace: "shop".into(), kind: WorkloadKind::Rollout, name: Raw::from(name) }
}

/// A Rollout as the fleet sees it.
fn workload(name: &str, facts: &canary::Facts, runs: &str, pauses: &[Option<u64>]) -> Workload {
    let containers = runs.split_whitespace().map(|image| Container { name: Raw::from("app"), image: Image::read(image) }).collect();
    Workload {
        tracking: Tracking { annotation: Some(Raw::from(name)), ..Tracking::default() },
        containers,
        replicas: Replicas { desired: 4, current: 4, updated: 4, ready: 4, available: 4 },
        progress: Progress::Done,
        rollout: Some(Box::new(RolloutStatus {
            phase: RolloutPhase::Progressing,
            message: Safe::default(),
            strategy: Strategy::Canary,
            stable_hash: facts.stable_hash.clone(),
            current_hash: facts.current_hash.clone(),
            steps: pauses.iter().map(|pause| crate::domain::workload::Step::Pause(*pause)).collect(),
            step_index: facts.step,
            aborted: facts.aborted,
            pause: None,
            max_weight: 100,
            routed_weight: None,
            has_traffic_routing: false,
            available: 4,
            analysis: None,
        })),
        unmade: None,
        selector: Raw::from("app=checkout"),
    }
}

fn resource((name, requires_pruning): (&str, bool)) -> Resource {
    Resource {
        group: Raw::default(),
        kind: Raw::from("ConfigMap"),
        namespace: "shop".into(),
        name: Raw::from(name),
        sync: Sync::OutOfSync,
        health: Known::Known(None),
        message: None,
        requires_pruning,
        hook: false,
    }
}

/// A number for bytes.
pub(super) fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(7, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)))
}

impl App {
    /// What Argo CD tells of it, beside what it tells of every application.
    fn detail(&self, all: &Detail) -> Detail {
        let own = self.differing.iter().flatten().copied().map(resource);
        Detail {
            resources: own.chain(all.resources.iter().cloned()).collect(),
            history: history(self.deployed.as_deref().unwrap_or_default(), self.deployed_of),
            ..all.clone()
        }
    }

    fn application(&self, is_later: bool, prunes: bool) -> Application {
        let images: Vec<&str> = self.runs.split_whitespace().collect();
        let mut origin = self.origin.clone();
        if let (true, Some(path)) = (is_later, self.moved_to) {
            origin.path = Some(Raw::from(path));
        }
        Application {
            origins: Box::new([origin]),
            automation: Automation { enabled: self.is_automatic, prune: prunes, self_heal: self.heals },
            sync: self.sync.clone(),
            operation: self.operation.clone().map(|phase| Operation { phase, started_at: Some(T0), finished_at: None }),
            revisions: (!self.revision.is_empty()).then(|| Raw::from(self.revision)).into_iter().collect(),
            ..application(&images, self.health)
        }
    }
}
