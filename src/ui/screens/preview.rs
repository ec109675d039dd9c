//! The preview of a change: what exactly would be different, why it may not be, what happens then, and how it is taken back.

use crate::app::Model;
use crate::app::operation::Preview;
use crate::base::time::{Age, since};
use crate::base::{Safe, counted};
use crate::domain::{Known, desired};
use crate::operations::door::Permission;
use crate::operations::mutation::Mutation;
use crate::operations::rendering::counts;
use crate::operations::{Bar, By, Carried, Moves, Plan, Request, Sign, argocd};
use crate::ui::look::{Look, Tone};
use crate::ui::moment::Moment;
use crate::ui::page::Page;

/// Where the words behind a heading begin.
const WORDS: u16 = 10;
/// More commits of others are in the repository's log.
const COMMITS: usize = 5;

pub(in crate::ui) fn write(page: &mut Page, look: Look, model: &Model, preview: &Preview, moment: Moment) {
    title(page, preview);
    page.blank();
    match (&preview.planned, &preview.unread) {
        (_, Some(why)) => {
            page.tone(Tone::Broken).say("It cannot be planned: ").say(why).end(2);
        }
        (None, None) => {
            page.tone(Tone::Moving).say("Reading what it depends on …").end(0);
        }
        (Some(Err(refusal)), None) => {
            page.tone(Tone::Broken).say("✖ ").tone(Tone::Plain).say(refusal.sentence()).end(2);
        }
        (Some(Ok(plan)), None) => {
            verdict(page, look, model, preview, plan);
            changes(page, plan);
            also(page, plan);
            then(page, model, plan);
            back(page, plan);
            rendered(page, plan);
            known(page, plan, moment);
        }
    }
}

fn title(page: &mut Page, preview: &Preview) {
    let request = &preview.request;
    let (what, from, choice) = match request {
        Request::Promote { from, waves: true, .. } => ("Promote in waves ", from.as_ref(), "another environment, or all placements at once"),
        Request::Promote { from, .. } => ("Promote ", from.as_ref(), "another environment, or in waves"),
        Request::Return { by: By::Abort, .. } => ("Abort and go back with ", None, "another way back"),
        Request::Return { by: By::Hasten, .. } => ("Go back, leaving the steps out, with ", None, "another way back"),
        Request::Return { by: By::Configuration, .. } => ("Go back, image and configuration, with ", None, "another way back"),
        Request::Return { by: By::History, .. } => ("Deploy what was before of ", None, "another way back"),
        Request::Return { .. } => ("Go back with ", None, "another way back"),
        Request::Merge { .. } => ("Merge the pull request of ", None, "another pull request"),
        Request::Canary { verb, .. } => (verb.word(), None, "another placement, or leave analyses out"),
        Request::Argocd { verb, prune: true, .. } => (verb.word_pruning(), None, "another placement, or without pruning"),
        Request::Argocd { verb: argocd::Verb::Sync, .. } => (argocd::Verb::Sync.word(), None, "another placement, or with pruning"),
        Request::Argocd { verb, .. } => (verb.word(), None, "another placement"),
    };
    page.tone(Tone::Strong).say(what).say(if what.ends_with(' ') { "" } else { " " }).say(request.service().shown());
    let plan = preview.plan();
    if let Some(from) = plan.and_then(|plan| plan.from.as_ref()).or(from) {
        page.say("   ").say(from.shown());
    }
    if let Some(plan) = plan {
        page.say(" ").say(&plan.version);
    }
    page.say("  →  ");
    if let Some(plan) = plan {
        for (index, moves) in plan.in_waves().flat_map(|wave| &wave.moves).enumerate() {
            page.say(if index == 0 { "" } else { ", " }).say(moves.place.shown()).say(" (").say(&moves.wants).say(")");
        }
    } else {
        page.say(request.to().shown());
        let names = match request {
            Request::Return { placements: Some(names), .. } | Request::Argocd { placements: Some(names), .. } => names.as_slice(),
            Request::Canary { placement, .. } if !placement.0.is_empty() => std::slice::from_ref(placement),
            _ => &[],
        };
        {
            for (index, name) in names.iter().enumerate() {
                page.say(if index == 0 { "·" } else { ", " }).say(name.shown());
            }
        }
    }
    page.end(2);
    if preview.choices.len() > 1 {
        let place = preview.choices.iter().position(|choice| *choice == preview.request).unwrap_or_default();
        page.tone(Tone::Info).say("← →  ").say(choice).say(" (").say(place + 1).say(" of ").say(preview.choices.len()).say(")").end(0);
    }
}

/// Whether it may be carried out, first of all.
fn verdict(page: &mut Page, look: Look, model: &Model, preview: &Preview, plan: &Plan) {
    let hard: Vec<&Bar> = preview.bars.iter().filter(|bar| !bar.is_about_words()).collect();
    for bar in &hard {
        page.tone(Tone::Broken).say("✖ ").tone(Tone::Plain).say(bar.sentence());
        if let Bar::Unarmed(_) = bar {
            page.say(look.keys.told(" <commands> arm does it."));
        }
        page.end(2);
    }
    if preview.goes_on() {
        page.tone(Tone::Moving)
            .say("◌ The next wave, as it was confirmed: it is looked at anew, and goes on by itself where it is still the same.")
            .end(2);
    }
    let oldest = plan.rests_on.iter().filter_map(|fresh| fresh.seen).min();
    // Coarse: it is not to change with every second.
    let age = oldest
        .map(|oldest| if since(oldest, model.now).as_secs() < 15 { Safe::clean("15 s") } else { crate::safe!("{}", Age::of(oldest, model.now)) });
    let age = age.map_or_else(|| Safe::clean("Of some facts the age is not known."), |age| crate::safe!("Facts are at most {age} old."));
    match &preview.permissions {
        _ if !hard.is_empty() => {}
        None => {
            page.tone(Tone::Moving).say("◌ Asking what the tokens may do. ").tone(Tone::Quiet).say(age).end(2);
        }
        Some(permissions) => {
            page.say("✔ Nothing stands in its way. ").tone(Tone::Quiet).say(age).end(2);
            let mut unknown: Vec<&Safe> =
                permissions.iter().filter_map(|permission| if let Permission::Unknown(why) = permission { Some(why) } else { None }).collect();
            unknown.dedup();
            for why in unknown {
                page.tone(Tone::Info).say("? ").tone(Tone::Plain).say("Whether the tokens may is not known: ").say(why).end(2);
            }
        }
    }
    for (name, text) in [("reason", &preview.stated.reason), ("ticket", &preview.stated.ticket)] {
        if let Some(text) = text {
            page.say("  ").say(name).say(": ").say(text).end(4);
        }
    }
}

fn heading(page: &mut Page, name: &str) {
    page.blank();
    page.tone(Tone::Strong).say(name).tone(Tone::Plain).column(WORDS);
}

fn changes(page: &mut Page, plan: &Plan) {
    heading(page, "CHANGES");
    if let Some(commit) = plan.commit() {
        page.say(if plan.waves.is_empty() { "one commit on " } else { "a commit for each placement on " })
            .say(if commit.beside { "a branch of its own, for " } else { "" })
            .say(commit.branch.shown())
            .say(" of ")
            .say(commit.repository.shown());
    }
    page.end(WORDS);
    for file in plan.in_waves().flat_map(Plan::files) {
        page.tone(Tone::Quiet).say("  ").say(file.file.shown()).end(4);
        for line in file.lines() {
            let (tone, sign) = match line.sign {
                Sign::Goes => (Tone::Broken, '-'),
                Sign::Comes => (Tone::Info, '+'),
            };
            page.tone(tone).say(format_args!("  {:>5} {sign} ", line.number)).say(&line.text).end(10);
        }
    }
    for moves in plan.in_waves().flat_map(|wave| &wave.moves) {
        moved(page, moves);
    }
    if !plan.unrendered().is_empty() {
        page.tone(Tone::Moving).say("  rendering what it makes …").end(4);
    }
    for (app, answer) in plan.rendered.told() {
        page.tone(Tone::Quiet).say("  ");
        match answer {
            Ok(rendering) => page.say("rendered, ").say(app.name.shown()).say(": ").say(counts(rendering)).say(" (below)"),
            Err(why) => page.say("file diff only, ").say(app.name.shown()).say(" is not rendered: ").say(why),
        };
        page.end(4);
    }
}

/// What renderers make of it, to the last line.
fn rendered(page: &mut Page, plan: &Plan) {
    for (app, rendering) in plan.rendered.told().filter_map(|(app, answer)| Some((app, answer.as_ref().ok()?))) {
        heading(page, "RENDERED");
        page.say(app.name.shown()).say(" by ").say(&rendering.by).say(" here; Argo CD's own may differ").end(WORDS);
        if rendering.objects.is_empty() {
            page.say("  nothing differs").end(4);
        }
        for differing in &rendering.objects {
            page.tone(Tone::Strong).say("  ").say(differing.words()).end(4);
            for line in differing.lines() {
                let tone = match line.sign {
                    '-' => Tone::Broken,
                    '+' => Tone::Info,
                    _ => Tone::Quiet,
                };
                page.tone(tone).say("  ").say(line.sign).say(" ").say(&line.text).end(6);
            }
        }
    }
}

fn moved(page: &mut Page, moves: &Moves) {
    page.say("  ").tone(Tone::Strong).say(moves.place.shown()).tone(Tone::Plain).say(" runs ").say(&moves.runs);
    page.say(", git wants ").say(&moves.wants).say("; ");
    for (index, app) in moves.apps.iter().enumerate() {
        page.say(if index == 0 { "" } else { ", " }).say(app.name.shown());
    }
    if let Known::Known(cluster) = &moves.cluster {
        page.say(", cluster ").say(cluster.shown());
    }
    page.end(4);
}

fn then(page: &mut Page, model: &Model, plan: &Plan) {
    heading(page, "THEN");
    for (number, step) in (1..).zip(plan.in_waves().flat_map(|wave| &wave.steps)) {
        page.column(WORDS).say(number).say(". ").say(step.words());
        page.end(WORDS + 3);
    }
    for mutation in plan.in_waves().flat_map(Plan::mutations) {
        if let Some(command) = mutation.by_hand() {
            page.tone(Tone::Quiet).column(WORDS).say("= ").say(command).end(WORDS + 2);
        }
    }
    for remark in &plan.remarks {
        page.tone(Tone::Waiting).say("! ").tone(Tone::Plain).say(remark).end(2);
    }
    takes(page, model, plan);
    for opening in plan.mutations().filter_map(|mutation| if let Mutation::Open(opening) = mutation { Some(opening) } else { None }) {
        heading(page, "PULL REQ.");
        page.tone(Tone::Strong).say(&opening.title).end(WORDS);
        let trailers = opening.trailers.iter().map(|(name, value)| crate::safe!("{name}: {value}"));
        for line in opening.body.iter().cloned().chain([Safe::default()]).chain(trailers) {
            page.column(WORDS).say(line).end(WORDS);
        }
        page.column(WORDS).tone(Tone::Quiet).say("and the reason, and the id of the operation").end(WORDS);
    }
    if let Some(commit) = plan.commit() {
        heading(page, "COMMIT");
        for (index, line) in commit.message.text().lines().enumerate() {
            if index > 0 {
                page.column(WORDS);
            }
            page.say(Safe::clean(line)).end(WORDS);
        }
    }
}

/// How long it will take, by what earlier ones took.
fn takes(page: &mut Page, model: &Model, plan: &Plan) {
    heading(page, "TAKES");
    let expected = plan.expected(&model.operations.past, &model.fleet);
    page.say(expected.words()).say(if plan.waves.is_empty() { "" } else { ", of the first wave" }).end(WORDS);
}

/// What else the sync carries: what runs and what is deleted first, then what others committed.
fn also(page: &mut Page, plan: &Plan) {
    let is_back = matches!(plan.request, Request::Return { .. });
    let is_several = plan.carried.len() > 1;
    let mut is_first = true;
    for carried in &plan.carried {
        let words = carried.words(is_back);
        let commits = carried.commits.as_known().map(Vec::as_slice).unwrap_or_default();
        if words.is_empty() && commits.is_empty() {
            continue;
        }
        if std::mem::take(&mut is_first) {
            heading(page, "ALSO");
            page.say("what else the sync carries").end(WORDS);
        }
        for words in &words {
            page.tone(Tone::Waiting).say("! ").tone(Tone::Plain);
            if is_several {
                page.say(carried.app.name.shown()).say(": ");
            }
            page.say(words).end(2);
        }
        committed(page, carried, commits);
    }
}

fn committed(page: &mut Page, carried: &Carried, commits: &[desired::Commit]) {
    if commits.is_empty() {
        return;
    }
    page.say("  ").say(carried.app.name.shown()).say(": ").say(counted(commits.len(), "commit", "commits")).say(" of others").end(4);
    for commit in commits.iter().take(COMMITS) {
        page.tone(Tone::Waiting).say("    ").say(commit.short()).say(" ").tone(Tone::Plain).say(&commit.subject).say(", ").say(&commit.author).end(6);
    }
    if commits.len() > COMMITS {
        page.say("    and ").say(commits.len() - COMMITS).say(" more").end(4);
    }
}

fn back(page: &mut Page, plan: &Plan) {
    if plan.files().is_empty() {
        return;
    }
    heading(page, "BACK");
    page.say("the version of before put on the head of then").end(WORDS);
    for file in plan.in_waves().flat_map(Plan::files).filter(|file| file.undo.is_empty()) {
        page.column(WORDS).say(file.undone()).end(WORDS + 2);
    }
    for edit in plan.in_waves().flat_map(Plan::files).flat_map(|file| &file.undo) {
        let says = |text: Option<&crate::base::Raw>| text.map_or_else(|| Safe::clean("nothing"), crate::base::Raw::shown);
        page.column(WORDS).say(edit.shown()).say(": ").say(says(edit.from())).say(" → ").say(says(edit.to())).end(WORDS + 2);
    }
}

fn known(page: &mut Page, plan: &Plan, moment: Moment) {
    if !plan.not_known.is_empty() {
        heading(page, "NOT KNOWN");
        page.end(WORDS);
        for what in &plan.not_known {
            page.tone(Tone::Info).say("  ? ").tone(Tone::Plain).say(what).end(4);
        }
    }
    heading(page, "RESTS ON");
    for (index, fresh) in plan.rests_on.iter().enumerate() {
        page.say(if index == 0 { "" } else { ", " }).say(fresh.source.kind).say(" ").say(fresh.source.name.shown());
        if let Some(seen) = fresh.seen {
            page.say(" ").say(moment.age(seen));
        }
    }
    page.end(WORDS);
}
