//! Applications as they are written to disk: lean, borrowed while they are read, and of this program only.

use color_eyre::eyre::Result;
use serde::{Deserialize, Serialize};

use crate::base::Interner;
use crate::base::{Raw, Timestamp};
use crate::domain::application::{Application, Automation, Destination, Operation, Origin, Phase, Shape};
use crate::domain::fleet::Remembered;
use crate::domain::image::Image;
use crate::domain::{AppKey, ArgocdName, Health, Namespace, Sync};

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    key: (&'a str, &'a str, &'a str),
    seen_at: i64,
    project: &'a str,
    labels: Vec<(&'a str, &'a str)>,
    annotations: Vec<(&'a str, &'a str)>,
    destination: (Option<&'a str>, Option<&'a str>, &'a str),
    origins: Vec<Place<'a>>,
    health: &'a str,
    health_since: Option<i64>,
    sync: &'a str,
    images: Vec<(&'a str, Option<&'a str>, Option<&'a str>)>,
    operation: Option<(&'a str, Option<i64>, Option<i64>)>,
    deployed_at: Option<i64>,
    automation: (bool, bool, bool),
    frozen: bool,
    carries_applications: bool,
}

/// Where manifests come from, with what overrides them: the repository is asked about what is remembered as about what is read.
#[derive(Serialize, Deserialize)]
struct Place<'a> {
    repository: &'a str,
    path: Option<&'a str>,
    chart: Option<&'a str>,
    target_revision: Option<&'a str>,
    reference: Option<&'a str>,
    #[serde(borrow)]
    value_files: Vec<&'a str>,
    #[serde(borrow)]
    images: Vec<&'a str>,
    #[serde(borrow)]
    parameters: Vec<(&'a str, &'a str)>,
    values: Option<&'a str>,
    recurse: bool,
    plugin: bool,
}

/// Writes some applications.
pub(super) fn encode(applications: &[Remembered]) -> Result<Vec<u8>> {
    let written: Vec<Written<'_>> = applications.iter().map(written).collect();
    Ok(postcard::to_stdvec(&written)?)
}

fn written(remembered: &Remembered) -> Written<'_> {
    let Remembered { key, application, seen_at } = remembered;
    let Application { destination, operation, .. } = application;
    let seconds = |at: &Option<Timestamp>| at.map(Timestamp::as_second);
    Written {
        key: (key.argocd.0.as_wire(), key.namespace.0.as_wire(), key.name.as_wire()),
        seen_at: seen_at.as_second(),
        project: application.project.as_wire(),
        labels: pairs(&application.labels),
        annotations: pairs(&application.annotations),
        destination: (text(destination.server.as_ref()), text(destination.name.as_ref()), destination.namespace.0.as_wire()),
        origins: application.origins.iter().map(place).collect(),
        health: health(&application.health),
        health_since: seconds(&application.health_since),
        sync: sync(&application.sync),
        images: application.images.iter().map(|image| (image.repository.as_wire(), text(image.tag.as_ref()), text(image.digest.as_ref()))).collect(),
        operation: operation.as_ref().map(|operation| (phase(&operation.phase), seconds(&operation.started_at), seconds(&operation.finished_at))),
        deployed_at: seconds(&application.deployed_at),
        automation: (application.automation.enabled, application.automation.self_heal, application.automation.prune),
        frozen: application.frozen,
        carries_applications: application.shape == Shape::AppOfApps,
    }
}

/// Argo CD's own words, which are read again like its answers.
const fn health(health: &Health) -> &'static str {
    match health {
        Health::Healthy => "Healthy",
        Health::Suspended => "Suspended",
        Health::Progressing => "Progressing",
        Health::Missing => "Missing",
        Health::Degraded => "Degraded",
        Health::Unknown(_) => "Unknown",
    }
}

const fn sync(sync: &Sync) -> &'static str {
    match sync {
        Sync::Synced => "Synced",
        Sync::OutOfSync => "OutOfSync",
        Sync::Unknown(_) => "Unknown",
    }
}

const fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Running => "Running",
        Phase::Terminating => "Terminating",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
        Phase::Error => "Error",
        Phase::Other(_) => "",
    }
}

fn pairs(pairs: &[(Raw, Raw)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(key, value)| (key.as_wire(), value.as_wire())).collect()
}

fn text(text: Option<&Raw>) -> Option<&str> {
    text.map(Raw::as_wire)
}

fn place(origin: &Origin) -> Place<'_> {
    // Taken apart in full: a field that is added is remembered, or left out on purpose.
    let Origin { repository, path, chart, target_revision, reference, value_files, images, parameters, values, recurse, plugin } = origin;
    Place {
        repository: repository.as_wire(),
        path: text(path.as_ref()),
        chart: text(chart.as_ref()),
        target_revision: text(target_revision.as_ref()),
        reference: text(reference.as_ref()),
        value_files: value_files.iter().map(Raw::as_wire).collect(),
        images: images.iter().map(Raw::as_wire).collect(),
        parameters: pairs(parameters),
        values: text(values.as_ref()),
        recurse: *recurse,
        plugin: *plugin,
    }
}

/// Reads parts, and shares the texts that repeat.
#[derive(Default)]
pub(super) struct Reader {
    interner: Interner,
}

impl Reader {
    pub(super) fn decode(&mut self, part: &[u8]) -> Result<Vec<Remembered>> {
        let written: Vec<Written<'_>> = postcard::from_bytes(part)?;
        Ok(written.iter().map(|written| self.remembered(written)).collect())
    }

    fn remembered(&mut self, from: &Written<'_>) -> Remembered {
        let moment = |seconds: &Option<i64>| seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let (argocd, namespace, name) = from.key;
        let (server, cluster, destination) = from.destination;
        let (enabled, self_heal, prune) = from.automation;
        Remembered {
            key: AppKey { argocd: ArgocdName(self.raw(argocd)), namespace: Namespace(self.raw(namespace)), name: Raw::from(name) },
            seen_at: moment(&Some(from.seen_at)).unwrap_or_default(),
            application: Application {
                project: self.raw(from.project),
                labels: from.labels.iter().map(|(key, value)| (self.raw(key), self.raw(value))).collect(),
                annotations: from.annotations.iter().map(|(key, value)| (self.raw(key), self.raw(value))).collect(),
                destination: Destination { server: self.filled(server), name: self.filled(cluster), namespace: Namespace(self.raw(destination)) },
                origins: from.origins.iter().map(|place| self.origin(place)).collect(),
                health: Health::read(from.health),
                health_since: moment(&from.health_since),
                sync: Sync::read(from.sync),
                revisions: Box::default(),
                images: from.images.iter().map(|image| self.image(image)).collect(),
                operation: from.operation.as_ref().map(|(phase, started, finished)| Operation {
                    phase: Phase::read(phase),
                    started_at: moment(started),
                    finished_at: moment(finished),
                }),
                deployed_at: moment(&from.deployed_at),
                reconciled_at: None,
                frozen: from.frozen,
                automation: Automation { enabled, self_heal, prune },
                deleting: false,
                shape: if from.carries_applications { Shape::AppOfApps } else { Shape::Plain },
            },
        }
    }

    fn raw(&mut self, text: &str) -> Raw {
        self.interner.raw(text)
    }

    fn filled(&mut self, text: Option<&str>) -> Option<Raw> {
        text.map(|text| self.raw(text))
    }

    fn image(&mut self, (repository, tag, digest): &(&str, Option<&str>, Option<&str>)) -> Image {
        Image { repository: self.raw(repository), tag: self.filled(*tag), digest: self.filled(*digest) }
    }

    fn origin(&mut self, place: &Place<'_>) -> Origin {
        Origin {
            repository: self.raw(place.repository),
            path: self.filled(place.path),
            chart: self.filled(place.chart),
            target_revision: self.filled(place.target_revision),
            reference: self.filled(place.reference),
            value_files: place.value_files.iter().map(|file| self.raw(file)).collect(),
            images: place.images.iter().map(|image| self.raw(image)).collect(),
            parameters: place.parameters.iter().map(|(name, value)| (self.raw(name), self.raw(value))).collect(),
            values: self.filled(place.values),
            recurse: place.recurse,
            plugin: place.plugin,
        }
    }
}
