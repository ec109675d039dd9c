//! The matrix without rows: why there are none, and what helps.

use crate::app::Model;
use crate::base::counted;
use crate::domain::SourceKind;
use crate::domain::fleet::Source;
use crate::domain::observation::SourceState;
use crate::ui::Painter;
use crate::ui::canvas::Canvas;
use crate::ui::keys::Keys;
use crate::ui::look::Tone;
use crate::ui::moment::{Clock, Moment};
use crate::ui::page::Page;

pub(super) fn paint(canvas: &mut Canvas<'_>, painter: &mut Painter, model: &Model, _: Moment) {
    let rows = canvas.height().saturating_sub(3);
    let page = &mut painter.page;
    page.begin(canvas.width().saturating_sub(6), 0..usize::from(rows), canvas.look);
    if model.matrix.filter.is_empty() {
        nothing(page, model, canvas.look.keys);
    } else {
        page.tone(Tone::Strong).say("No row matches /").say(crate::base::Safe::clean(model.matrix.filter.text())).end(0);
        page.blank();
        page.say("Esc shows all ").say(counted(model.fleet.services().len(), "service", "services")).say(" again.").end(0);
    }
    page.paint(canvas, (3, 2), usize::from(rows));
}

fn nothing(page: &mut Page, model: &Model, keys: Keys) {
    if !model.fleet.sources().keys().any(|id| id.kind == SourceKind::Argocd) {
        page.tone(Tone::Strong).say("No Argo CD is configured.").end(0);
        page.blank();
        page.say("Run  argocd login SERVER  and start again, or name one under [[argocd]] in ").say(&model.settings.file).say("; ");
        page.say(keys.told("config.example.toml shows how. <back> leaves.")).end(0);
        return;
    }
    let applications = model.fleet.applications().next().is_some();
    let mut open = false;
    let mut scopes = model.fleet.sources().values().flat_map(|source| source.scopes.values());
    let title = if applications {
        "No application is in a cell."
    } else if scopes.any(|status| matches!(status.state, SourceState::Waiting { .. } | SourceState::Denied { .. })) {
        "Nothing could be read yet."
    } else if model.fleet.sources().values().all(Source::any_live) {
        "There are no applications that this account may see."
    } else {
        open = true;
        "Reading …"
    };
    page.tone(Tone::Strong).say(title).end(0);
    page.blank();
    if applications {
        page.say("They are read, but no rule says which service and environment they are. ");
        page.say(keys.told("<sources> lists them with the reason and what would help.")).end(0);
        page.blank();
    }
    for (id, source) in model.fleet.sources() {
        let Some((scope, status)) = source.worst() else {
            page.say(id.kind).say(" ").say(id.name.shown()).say(": no answer yet").end(2);
            continue;
        };
        page.say(id.kind).say(" ").say(id.name.shown()).say(", ").say(scope.shown()).say(": ");
        match &status.state {
            SourceState::Live => page.say("read").end(2),
            SourceState::Connecting => page.say("no answer yet").end(2),
            SourceState::Off { why } => page.say(why).end(2),
            SourceState::Waiting { until, why } => {
                page.tone(Tone::Broken).say(why);
                match until {
                    Some(at) => page.say("; again at ").say(Clock(*at)).end(2),
                    None => page.say("; trying again now").end(2),
                }
            }
            SourceState::Denied { why, cure } => {
                page.tone(Tone::Broken).say(why).end(2);
                page.column(2).say(cure).end(2);
            }
        }
    }
    if !open {
        page.blank();
        page.say(keys.told("<refresh> asks again, <sources> tells more about the sources, <back> leaves.")).end(0);
    }
}
