//! Which sources are read: those that are configured from the start, discovered clusters when the first application deploys to them.

use std::collections::BTreeSet;

use crate::app::effect::Effect;
use crate::app::model::{Model, Question};
use crate::app::{operation, repositories};
use crate::base::{Epoch, Raw, RequestId, Safe};
use crate::domain::question::{Ask, Want};
use crate::domain::{AppKey, ClusterName, SourceId, SourceKind};

/// Connects what is read from the start.
pub(super) fn start(model: &mut Model) -> Vec<Effect> {
    let sources = model.settings.start.clone();
    sources.into_iter().map(|source| connect(model, source)).collect()
}

/// Connects clusters that applications turned out to deploy to, and tells each cluster which namespaces matter.
pub(super) fn extend(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (cluster, namespaces) in model.fleet.reach() {
        let source = SourceId::cluster(&cluster);
        if !model.fleet.sources().contains_key(&source) {
            if !model.settings.clusters.contains(&cluster) {
                continue;
            }
            effects.push(connect(model, source.clone()));
        }
        let keys = label_keys(model);
        let told = model.told.entry(cluster).or_default();
        let mut wants = Vec::new();
        if told.namespaces != namespaces {
            told.namespaces.clone_from(&namespaces);
            wants.push(Want::Namespaces(namespaces));
        }
        if told.label_keys != keys {
            told.label_keys.clone_from(&keys);
            wants.push(Want::LabelKeys(keys));
        }
        for want in wants {
            let request = model.number();
            effects.push(Effect::Ask { source: source.clone(), ask: Ask { request, want } });
        }
    }
    effects
}

/// How many applications are asked at once what they carry.
const EXPLAIN_AT_ONCE: usize = 8;

/// Asks for the resources of applications that run nothing and are in no cell: some carry other applications, and are shown as what they are.
pub(super) fn explain(model: &mut Model) -> Vec<Effect> {
    let open = model.asked.values().filter(|question| matches!(question, Question::Detail(_))).count();
    let failed = |model: &Model, key: &AppKey| model.unanswered.contains_key(&Question::Detail(key.clone()));
    let keys: Vec<(AppKey, Raw)> = model
        .fleet
        .unexplained()
        .filter(|(key, _)| !failed(model, key))
        .take(EXPLAIN_AT_ONCE.saturating_sub(open))
        .map(|(key, project)| (key.clone(), project.clone()))
        .collect();
    keys.into_iter()
        .filter_map(|(key, project)| model.ask(SourceId::argocd(&key.argocd), Question::Detail(key.clone()), Want::Detail(key, project)))
        .collect()
}

/// The label keys that the Argo CDs use beside the usual one, which charts set themselves and so counts last; empty where all use that one.
fn label_keys(model: &Model) -> Vec<Raw> {
    let keys: BTreeSet<&Raw> = model.fleet.sources().values().filter_map(|source| source.instance.label_key.as_ref()).collect();
    let (usual, mut keys): (Vec<Raw>, Vec<Raw>) = keys.into_iter().cloned().partition(|key| key.as_wire() == USUAL_LABEL_KEY);
    if !keys.is_empty() {
        keys.extend(usual);
    }
    keys
}

/// Argo CD's own choice (argo-cd `common.LabelKeyAppInstance`).
const USUAL_LABEL_KEY: &str = "app.kubernetes.io/instance";

fn connect(model: &mut Model, source: SourceId) -> Effect {
    let epoch = model.new_epoch(&source);
    Effect::Connect { source, epoch }
}

/// A task crashed. Its source is lost at once and read anew, but only once: what crashes twice will crash again.
pub(super) fn crashed(model: &mut Model, source: Option<SourceId>, message: &Safe) -> Vec<Effect> {
    let before = model.panics.iter().filter(|(crashed, _)| *crashed == source).count();
    model.panics.push((source.clone(), message.clone()));
    let Some(source) = source else { return Vec::new() };
    model.fleet.lose(&source, &crate::safe!("its reader crashed: {message}"), model.now);
    if let SourceKind::Cluster = source.kind {
        model.told.remove(&ClusterName(source.name.clone()));
    }
    if let SourceKind::Github = source.kind {
        operation::pulls::forget(model, &source.name);
    }
    repositories::forget(model, &source);
    if before > 0 {
        return Vec::new();
    }
    let again = repositories::again(model, &source).unwrap_or_else(|| connect(model, source));
    let mut effects = vec![again];
    effects.extend(extend(model));
    let all = repositories::all(model);
    effects.extend(repositories::ask(model, all));
    effects
}

/// Asks every source to read everything anew.
pub(super) fn refresh(model: &mut Model) -> Vec<Effect> {
    let sources: Vec<SourceId> = model.fleet.sources().keys().cloned().collect();
    sources.into_iter().filter_map(|source| model.ask(source.clone(), Question::Relist(source), Want::Relist)).collect()
}

impl Model {
    /// Begins a new generation of a source.
    pub(super) fn new_epoch(&mut self, source: &SourceId) -> Epoch {
        let epoch = self.next_epoch;
        self.next_epoch = epoch.next();
        self.fleet.connect(source.clone(), epoch, self.now);
        epoch
    }

    pub(super) fn number(&mut self) -> RequestId {
        let request = self.next_request;
        self.next_request = request.next();
        request
    }

    /// A question to a source, unless the same one is already under way.
    pub(super) fn ask(&mut self, source: SourceId, question: Question, want: Want) -> Option<Effect> {
        if self.asked.values().any(|asked| *asked == question) {
            return None;
        }
        let request = self.number();
        self.unanswered.remove(&question);
        self.asked.insert(request, question);
        Some(Effect::Ask { source, ask: Ask { request, want } })
    }
}
