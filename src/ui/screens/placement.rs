//! A placement in full: where it runs, its applications, workloads and pods, and what Argo CD's detail says. What is still being asked for, or was
//! not answered, is said in the place where it would stand.

use crate::app::Model;
use crate::app::copy::application_page;
use crate::app::model::Question;
use crate::base::{Raw, Safe, counted};
use crate::domain::application::{Application, Origin};
use crate::domain::fleet::{Part, Placement};
use crate::domain::health::Sync;
use crate::domain::link::{self, Link};
use crate::domain::workload::{Pod, Pods, Progress, Workload, WorkloadKey};
use crate::domain::{Known, SourceKind};
use crate::ui::look::{Look, Tone};
use crate::ui::moment::{Clock, Moment};
use crate::ui::page::Page;
use crate::ui::screens::{detail, rollout};

pub(super) fn write(page: &mut Page, look: Look, model: &Model, placement: &Placement, moment: Moment) {
    page.blank();
    page.tone(Tone::Strong).say("WHERE").tone(Tone::Plain).column(WORDS);
    match &placement.cluster {
        Known::Known(cluster) => page.say("cluster ").say(cluster.shown()),
        Known::Unknown(why) => page.say("cluster not known: ").say(why),
    };
    page.say(", namespace ").say(placement.namespace.shown()).end(WORDS);
    for part in &placement.parts {
        page.blank();
        application(page, model, part, moment);
        workloads(page, look, model, (placement, part), moment);
        detail::write(page, look, model, part, moment);
    }
}

/// Where the words behind a heading begin.
const WORDS: u16 = 13;

fn application(page: &mut Page, model: &Model, part: &Part, moment: Moment) {
    page.tone(Tone::Strong).say("APPLICATION").tone(Tone::Plain).column(WORDS);
    page.lead(part.app.shown(), || application_page(model, &part.app));
    if let Some(label) = &part.label {
        page.say(" (").say(label.shown()).say(")");
    }
    if model.fleet.sources().keys().filter(|id| id.kind == SourceKind::Argocd).count() > 1 {
        page.tone(Tone::Quiet).say(" in argocd ").say(part.app.argocd.shown());
    }
    page.end(WORDS);
    let Some(entry) = model.fleet.application(&part.app) else { return };
    let app = &entry.value;
    page.say("  ").say(app.health.word());
    if let Some(at) = app.health_since {
        page.say(" for ").say(moment.age(at));
    }
    page.say(", ");
    match &app.sync {
        Sync::Synced => page.say("synced"),
        Sync::OutOfSync => page.tone(Tone::Drift).say("differs from git").tone(Tone::Plain),
        Sync::Unknown(why) => page.say("not compared: ").say(why),
    };
    for (index, revision) in app.revisions.iter().enumerate() {
        page.say(if index == 0 { " at " } else { ", " });
        page.lead(revision_shown(revision), || revision_page(app, app.revisions.len(), index, revision));
    }
    page.say(", ").say(automation(app));
    if app.frozen {
        page.tone(Tone::Info).say(", left alone by the controller on purpose (skip-reconcile)");
    }
    if app.deleting {
        page.tone(Tone::Broken).say(", being deleted");
    }
    page.end(2);
    for origin in &app.origins {
        from(page, origin);
    }
}

fn from(page: &mut Page, origin: &Origin) {
    if origin.repository.is_empty() {
        return;
    }
    page.tone(Tone::Quiet).say("  from ").say(origin.repository.shown());
    for (name, text) in [("", &origin.path), ("chart ", &origin.chart), ("at ", &origin.target_revision)] {
        if let Some(text) = text {
            page.say(" ").say(name).say(text.shown());
        }
    }
    page.end(7);
}

const fn automation(app: &Application) -> &'static str {
    match (app.automation.enabled, app.automation.self_heal) {
        (false, _) => "synced by hand",
        (true, true) => "syncs by itself and undoes changes by hand",
        (true, false) => "syncs by itself",
    }
}

fn workloads(page: &mut Page, look: Look, model: &Model, (placement, part): (&Placement, &Part), moment: Moment) {
    page.tone(Tone::Strong).say("WORKLOADS").tone(Tone::Plain).column(WORDS);
    let keys = match &part.workloads {
        Known::Known(keys) => keys,
        Known::Unknown(why) => {
            page.say("not known: ").say(why).end(WORDS);
            return;
        }
    };
    page.say(keys.len()).end(0);
    for key in keys {
        let Some(entry) = model.fleet.workload(key) else { continue };
        workload(page, key, &entry.value);
        pods(page, look, model, key, moment);
    }
    rollout::offers(page, look, placement);
}

fn workload(page: &mut Page, key: &WorkloadKey, workload: &Workload) {
    let counts = workload.replicas;
    page.say("  ").say(key.kind.word()).say(" ").say(key.name.shown()).column(34);
    page.say(counts.ready).say("/").say(counts.desired).say(" ready, ");
    page.say(counts.updated).say(" updated, ").say(counts.available).say(" available").end(6);
    match &workload.progress {
        Progress::Done => {}
        Progress::Waiting(what) => page.tone(Tone::Moving).say("    ").say(what).end(4),
        Progress::Failed(what) => page.tone(Tone::Broken).say("    ").say(what).end(4),
    }
    if let Some(rollout) = &workload.rollout {
        rollout::ladder(page, rollout, &workload.progress);
    }
}

fn pods(page: &mut Page, look: Look, model: &Model, key: &WorkloadKey, moment: Moment) {
    let question = Question::Pods(key.clone());
    let Some(entry) = model.fleet.pods(key) else {
        page.tone(Tone::Quiet).say("    digests and pods: ");
        match (is_asked(model, &question), model.unanswered.get(&question)) {
            (true, _) => page.say("asking …").end(4),
            (false, Some(why)) => page.tone(Tone::Broken).say("not known: ").say(why).say(look.keys.told(" (<refresh> asks again)")).end(4),
            (false, None) => page.say(look.keys.told("not known: they were not asked for (<refresh> asks)")).end(4),
        }
        return;
    };
    let Pods { pods } = &entry.value;
    images(page, pods);
    for pod in pods.iter().filter(|pod| !is_fine(pod)) {
        let tone = if pod.ready.0 < pod.ready.1 { Tone::Broken } else { Tone::Info };
        page.tone(tone).say("    ").say(pod.name.shown()).say("  ").say(&pod.status);
        page.say(", ").say(pod.ready.0).say("/").say(pod.ready.1).say(" ready, ").say(pod.restarts).say(" restarts");
        if let Some(at) = pod.started_at {
            page.say(", started ").say(moment.age(at)).say(" ago");
        }
        page.end(6);
    }
    let fine = pods.iter().filter(|pod| is_fine(pod)).count();
    page.tone(Tone::Quiet)
        .say("    ")
        .say(fine)
        .say(" of ")
        .say(counted(pods.len(), "pod", "pods"))
        .say(if pods.len() == 1 { " runs" } else { " run" })
        .say(" without restarts, seen ");
    page.say(Clock(entry.at)).end(4);
    if let Some(why) = model.unanswered.get(&question) {
        page.tone(Tone::Broken).say("    asked again and not answered: ").say(why).end(4);
    }
}

fn is_fine(pod: &Pod) -> bool {
    pod.ready.0 == pod.ready.1 && pod.restarts == 0
}

/// `sha256:` and twelve of the sixty-four digits: as many as people compare.
const DIGEST: u16 = 7 + 12 + 1;

/// What really runs: each image with its digest, and in how many pods.
fn images(page: &mut Page, pods: &[Pod]) {
    let mut seen: Vec<(&crate::domain::workload::Container, &Known<Raw>, usize)> = Vec::new();
    for (container, digest) in pods.iter().flat_map(|pod| &pod.images) {
        match seen.iter_mut().find(|(other, known, _)| *other == container && *known == digest) {
            Some((_, _, count)) => *count += 1,
            None => seen.push((container, digest, 1)),
        }
    }
    for (container, digest, count) in seen {
        page.say("    ").say(container.name.shown()).say("  ").say(Safe::clean(container.image.short_name()));
        page.say(" ").say(container.image.tag.as_ref().map(Raw::shown).unwrap_or_default()).say("  ");
        match digest {
            Known::Known(digest) => page.cut(DIGEST, digest.shown().as_str()),
            Known::Unknown(why) => page.say("digest not known: ").say(why),
        };
        page.say("  ").say(counted(count, "pod", "pods")).end(6);
    }
}

/// Whether a question is under way.
pub(super) fn is_asked(model: &Model, question: &Question) -> bool {
    model.asked.values().any(|asked| asked == question)
}

/// The page of one of so many revisions that an application was told of, if it is a commit: they are one per origin.
pub(super) fn revision_page(app: &Application, count: usize, index: usize, revision: &Raw) -> Option<Link> {
    let origin = app.origins.get(index).filter(|origin| app.origins.len() == count && origin.chart.is_none())?;
    link::of_commit(&origin.repository, revision)
}

/// A revision as people quote it: a commit by its first seven letters, anything else whole.
pub(super) fn revision_shown(revision: &Raw) -> Safe {
    let shown = revision.shown();
    let is_commit = shown.as_str().len() == 40 && shown.as_str().bytes().all(|byte| byte.is_ascii_hexdigit());
    match shown.as_str().split_at_checked(7) {
        Some((short, _)) if is_commit => Safe::clean(short),
        _ => shown,
    }
}
