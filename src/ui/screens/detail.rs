//! What Argo CD's detail says of one application: resources, what it complains about, the last operation, earlier deployments.

use crate::app::Model;
use crate::app::model::Question;
use crate::domain::Known;
use crate::domain::application::{Application, Deployment, Detail, Initiator, OperationDetail, Phase, Resource};
use crate::domain::fleet::Part;
use crate::domain::health::{Health, Sync};
use crate::ui::look::{Look, Tone};
use crate::ui::moment::{Clock, Day, Moment};
use crate::ui::page::Page;
use crate::ui::screens::placement::{is_asked, revision_page, revision_shown};

pub(super) fn write(page: &mut Page, look: Look, model: &Model, part: &Part, moment: Moment) {
    let question = Question::Detail(part.app.clone());
    let failed = model.unanswered.get(&question);
    let Some(entry) = model.fleet.detail(&part.app) else {
        page.tone(Tone::Strong).say("RESOURCES, HISTORY").tone(Tone::Plain).say("  ");
        match (is_asked(model, &question), failed) {
            (true, _) => page.say("asking argocd ").say(part.app.argocd.shown()).say(" …").end(2),
            (false, Some(why)) => page.tone(Tone::Broken).say("not known: ").say(why).say(look.keys.told(" (<refresh> asks again)")).end(2),
            (false, None) => page.say(look.keys.told("not known: they were not asked for (<refresh> asks)")).end(2),
        }
        return;
    };
    let detail = &entry.value;
    resources(page, look, detail);
    conditions(page, detail, moment);
    if let Some(operation) = &detail.operation {
        last_operation(page, operation, moment);
    }
    history(page, detail, model.fleet.application(&part.app).map(|entry| &entry.value), moment);
    if let Some(set) = &detail.made_by {
        page.tone(Tone::Quiet).say("made by ApplicationSet ").say(set.shown()).end(0);
    }
    page.tone(Tone::Quiet).say("seen ").say(Clock(entry.at));
    if let Some(why) = failed {
        page.tone(Tone::Broken).say("; asked again and not answered: ").say(why);
    }
    page.end(0);
}

fn is_fine(resource: &Resource) -> bool {
    resource.sync == Sync::Synced
        && !resource.requires_pruning
        && matches!(resource.health, Known::Unknown(_) | Known::Known(None | Some(Health::Healthy)))
}

fn resources(page: &mut Page, look: Look, detail: &Detail) {
    let all = &detail.resources;
    let bad = all.iter().filter(|resource| !is_fine(resource)).count();
    page.tone(Tone::Strong).say("RESOURCES ").say(all.len());
    if bad > 0 {
        page.tone(Tone::Broken).say(", ").say(bad).say(" not as they should be");
    }
    page.end(0);
    if let Some(Known::Unknown(why)) = all.iter().map(|resource| &resource.health).find(|health| matches!(health, Known::Unknown(_))) {
        page.tone(Tone::Info).say("  Their health is not known: ").say(why).end(2);
    }
    for fine in [false, true] {
        for one in all.iter().filter(|one| is_fine(one) == fine) {
            resource(page, look, one);
        }
    }
}

fn resource(page: &mut Page, look: Look, resource: &Resource) {
    let (tone, sign) = match &resource.health {
        Known::Known(Some(health)) => (tone(health), look.health(health)),
        Known::Known(None) => (Tone::Plain, ""),
        Known::Unknown(_) => (Tone::Plain, "?U"),
    };
    page.say("  ").tone(tone).say(sign).tone(Tone::Plain).column(5).say(resource.kind.shown()).column(22).say(resource.name.shown());
    match &resource.sync {
        Sync::Synced => {}
        Sync::OutOfSync => {
            page.tone(Tone::Drift).say(" ~ differs from git").tone(Tone::Plain);
        }
        Sync::Unknown(_) => {
            page.tone(Tone::Info).say(" not compared").tone(Tone::Plain);
        }
    }
    if resource.requires_pruning {
        page.tone(Tone::Drift).say(", git no longer has it").tone(Tone::Plain);
    }
    if let Some(message) = resource.message.as_ref().filter(|message| !message.is_empty()) {
        page.say(": ").tone(tone).say(message);
    }
    page.end(7);
}

const fn tone(health: &Health) -> Tone {
    match health {
        Health::Healthy => Tone::Plain,
        Health::Suspended => Tone::Waiting,
        Health::Progressing => Tone::Moving,
        Health::Missing | Health::Degraded => Tone::Broken,
        Health::Unknown(_) => Tone::Info,
    }
}

fn conditions(page: &mut Page, detail: &Detail, moment: Moment) {
    if detail.conditions.is_empty() {
        return;
    }
    page.tone(Tone::Strong).say("CONDITIONS ").say(detail.conditions.len()).end(0);
    for condition in &detail.conditions {
        page.tone(Tone::Waiting).say("  ").say(&condition.kind).tone(Tone::Plain);
        if let Some(at) = condition.since {
            page.say(" since ").say(moment.age(at));
        }
        page.say(": ").say(&condition.message).end(4);
    }
}

fn last_operation(page: &mut Page, operation: &OperationDetail, moment: Moment) {
    let tone = match operation.phase {
        Phase::Running | Phase::Terminating => Tone::Moving,
        Phase::Succeeded => Tone::Plain,
        Phase::Failed | Phase::Error => Tone::Broken,
        Phase::Other(_) => Tone::Info,
    };
    page.tone(Tone::Strong).say("LAST OPERATION  ").tone(tone).say(operation.phase.word()).tone(Tone::Plain);
    page.say(", asked for by ").say(by(&operation.by));
    match (operation.started_at, operation.finished_at) {
        (_, Some(at)) => page.say(", ended ").say(moment.age(at)).say(" ago"),
        (Some(at), None) => page.say(", began ").say(moment.age(at)).say(" ago"),
        (None, None) => page.say(""),
    };
    page.end(2);
    if !operation.message.is_empty() {
        page.tone(tone).say("  ").say(&operation.message).end(2);
    }
    for (resource, said) in &operation.failures {
        page.tone(Tone::Broken).say("  ✖ ").say(resource).say(": ").say(said).end(4);
    }
}

fn by(initiator: &Initiator) -> &str {
    match initiator {
        Initiator::Automation => "Argo CD itself",
        Initiator::User(name) => name.as_str(),
        Initiator::NotRecorded => "nobody on record",
    }
}

fn history(page: &mut Page, detail: &Detail, app: Option<&Application>, moment: Moment) {
    page.tone(Tone::Strong).say("HISTORY ").say(detail.history.len()).end(0);
    for deployment in &detail.history {
        earlier(page, deployment, app, moment);
    }
}

fn earlier(page: &mut Page, deployment: &Deployment, app: Option<&Application>, moment: Moment) {
    page.say("  ");
    match deployment.deployed_at {
        Some(at) => page.say(Day(at)).column(21).say(moment.age(at)),
        None => page.say("time not recorded").column(21),
    };
    page.column(26);
    for (index, revision) in deployment.revisions.iter().enumerate() {
        page.say(if index == 0 { "" } else { ", " });
        page.lead(revision_shown(revision), || revision_page(app?, deployment.revisions.len(), index, revision));
    }
    page.column(36).say("by ").say(by(&deployment.by)).end(26);
}
