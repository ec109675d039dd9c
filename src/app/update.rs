//! `update`: a message in, the model changed, effects out.

use crate::app::effect::Effect;
use crate::app::filter::{Filter, Sight};
use crate::app::matrix::Layout;
use crate::app::model::{Model, Overlay, Screen};
use crate::app::msg::{Msg, What};
use crate::app::operation::{self, preview, pulls, underway, ways};
use crate::app::palette::Outcome;
use crate::app::scroll::Scroll;
use crate::app::stir::Stir;
use crate::app::{Intent, Refusal, cell, changes, copy, demo, journal, own, palette, reach, repositories, view};
use crate::base::Safe;
use crate::domain::fleet::Changes;
use crate::domain::observation::{Report, ReportBody};

/// Takes one message in.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    // Clocks step back at times; the model's time does not, or ages would be of the future.
    model.now = model.now.max(msg.at);
    // Reports say themselves what they stir; what was painted is on the screen.
    if !matches!(msg.what, What::Reports(_) | What::Painted { .. }) {
        model.stir(Stir::Now);
    }
    let effects = match msg.what {
        What::Started => reach::start(model),
        What::Remembered(remembered) => {
            let changes = model.fleet.remember(remembered);
            model.matrix.disturb();
            if changes.reach { reach::extend(model) } else { Vec::new() }
        }
        What::Reports(reports) => take_reports(model, reports),
        What::Wants(intent) => {
            // Whoever presses a key has looked: at what the cursor was on, and at where it went.
            own::see(model);
            let effects = fulfil(model, intent);
            own::see(model);
            effects
        }
        what @ (What::Typed(_) | What::Erased | What::Pasted(_)) => {
            write(model, &what);
            Vec::new()
        }
        What::Resized(columns, rows) => {
            model.size = (columns, rows);
            model.matrix.disturb();
            model.matrix.show(model.room());
            palette::resized(model);
            changes::settle(model);
            journal::settle(model);
            Vec::new()
        }
        What::Painted { furthest } => {
            if let Some(scroll) = scroll_of(model) {
                scroll.top = scroll.top.min(furthest);
            }
            Vec::new()
        }
        What::Tick => {
            // What is news today is not tomorrow.
            model.matrix.disturb();
            let mut effects = changes::follow(model, false);
            ways::look(model, false);
            effects.extend(preview::look(model, false));
            effects.extend(underway::follow(model));
            operation::count(model);
            effects.extend(operation::rehearse(model));
            effects
        }
        what @ (What::Confirmed { .. }
        | What::Prepared { .. }
        | What::Rendered { .. }
        | What::Permitted { .. }
        | What::Progressed { .. }
        | What::Traced { .. }
        | What::Recalled { .. }
        | What::Learned(_)
        | What::Rehearsed(_)
        | What::Posted(_)
        | What::Armed { .. }) => operation::take(model, what),
        What::Journal(heard) => {
            journal::heard(model, *heard);
            Vec::new()
        }
        What::Failed(sentence) => {
            model.notice = Some(sentence);
            Vec::new()
        }
        What::Told { at, line } => {
            demo::tell(model, demo::Told { at, line });
            Vec::new()
        }
        What::TaskPanicked { source, message } => reach::crashed(model, source, &message),
    };
    if model.overlay.is_none() {
        let room = model.room();
        if model.matrix.arrange_if_due(Sight { fleet: &model.fleet, own: &model.own, now: model.now }, room) {
            model.stir(Stir::Now);
        }
    }
    effects
}

/// What was typed or pasted goes to the text field that is open.
fn write(model: &mut Model, what: &What) {
    match what {
        What::Typed(character) => {
            edit(model, |filter| filter.typed(*character));
            palette::typed(model, character.encode_utf8(&mut [0; 4]));
            view::typed(model, character.encode_utf8(&mut [0; 4]));
        }
        What::Erased => {
            edit(model, Filter::erased);
            palette::erased(model);
            view::erased(model);
        }
        What::Pasted(text) => {
            edit(model, |filter| text.as_str().chars().fold(filter.clone(), |filter, character| filter.typed(character)));
            palette::typed(model, text.as_str());
            view::typed(model, text.as_str());
        }
        _ => return,
    }
    if model.overlay.is_none() {
        preview::write(model, what);
    }
}

fn take_reports(model: &mut Model, reports: Vec<Report>) -> Vec<Effect> {
    let mut changes = Changes::default();
    let mut answered = false;
    let spoken_of = repositories::spoken_of(&reports);
    model.stir(Stir::heard(&reports));
    for report in reports {
        if let ReportBody::Answered { request, failed } = &report.body
            && let Some(question) = model.asked.remove(request)
        {
            answered = true;
            if let Some(why) = failed.as_ref().filter(|_| repositories::is_remembered(&question)) {
                model.unanswered.insert(question, why.clone());
            }
        }
        changes.add(model.fleet.apply(report));
    }
    model.stir(Stir::changed(changes));
    if answered {
        model.stir(Stir::Now);
    }
    if changes.order || changes.reach {
        model.matrix.disturb();
    }
    let mut effects = if changes.reach || changes.instance { reach::extend(model) } else { Vec::new() };
    effects.extend(repositories::ask(model, spoken_of));
    if changes.reach || changes.on_demand || answered {
        effects.extend(reach::explain(model));
    }
    if changes.cells {
        effects.extend(own::ring(model));
    }
    own::note(model);
    effects.extend(changes::follow(model, changes.on_demand || answered));
    ways::look(model, false);
    effects.extend(preview::look(model, false));
    effects.extend(underway::follow(model));
    effects.extend(operation::recall(model));
    effects.extend(operation::rehearse(model));
    operation::count(model);
    effects
}

fn fulfil(model: &mut Model, intent: Intent) -> Vec<Effect> {
    model.notice = None;
    model.matrix.hold(model.now);
    if let Some(effects) = copy::fulfil(model, intent) {
        return effects;
    }
    let intent = match palette::fulfil(model, intent) {
        None => intent,
        Some(Outcome::Chosen(chosen)) => chosen,
        Some(Outcome::Done(effects)) => return effects,
    };
    if let Err(refusal) = model.available(intent) {
        model.notice = Some(Safe::clean(&refusal.to_string()));
        return Vec::new();
    }
    if let Err(refusal) = uncover(model, intent) {
        model.notice = Some(Safe::clean(&refusal.to_string()));
        return Vec::new();
    }
    match intent {
        Intent::Up => go(model, -1),
        Intent::Down => go(model, 1),
        Intent::PageUp => turn(model, -page(model)),
        Intent::PageDown => turn(model, page(model)),
        Intent::Top => go(model, isize::MIN / 2),
        Intent::Bottom => go(model, isize::MAX / 2),
        Intent::Left => return sideways(model, -1),
        Intent::Right => return sideways(model, 1),
        Intent::Open => return open(model),
        Intent::Back => return back(model),
        Intent::Quit => return quit(model),
        Intent::Fold => {
            let folded = model.matrix.lines.iter().any(|line| matches!(line, crate::app::matrix::Line::Folded(_)));
            model.matrix.folded = Some(!folded);
            model.rearrange();
        }
        Intent::Filter => model.overlay = Some(Overlay::Filter(model.filter().clone())),
        Intent::Changes => return changes::open(model),
        Intent::Arrange => {
            model.matrix.arrange = model.matrix.arrange.next();
            model.rearrange();
            model.notice = Some(crate::safe!("Rows {}.", model.matrix.arrange.title()));
        }
        Intent::Notify => own::watch(model),
        Intent::Favourite => return view::favour(model),
        Intent::SaveView => view::name(model),
        Intent::ForgetView => return view::forget(model),
        Intent::Copy => copy::open(model),
        Intent::Browse => return copy::browse(model),
        Intent::SeeAll => own::see_all(model),
        Intent::Promote => return preview::promote(model),
        Intent::Ways => return ways::open(model),
        Intent::Merge => return pulls::merge(model),
        Intent::Canary(verb) => return preview::by_hand(model, verb),
        Intent::Argocd(verb) => return preview::of_argocd(model, verb),
        Intent::Arm => return operation::arm(model),
        Intent::Disarm => return operation::disarm(model),
        Intent::Operations => return operation::open(model),
        Intent::Journal => return journal::open(model),
        Intent::Sources => model.screen = Screen::Sources(Scroll::default()),
        Intent::Palette => palette::open(model),
        Intent::Help => model.overlay = Some(Overlay::Help(Scroll::default())),
        Intent::Refresh => {
            let mut effects = reach::refresh(model);
            effects.extend(cell::ask(model));
            effects.extend(journal::ask_anew(model));
            effects.extend(changes::ask_anew(model));
            model.notice = Some(Safe::clean("Reading everything anew."));
            return effects;
        }
        Intent::Suspend => return vec![Effect::Suspend],
    }
    Vec::new()
}

/// Nothing changes out of sight: what works on the screen beneath the help closes it first.
fn uncover(model: &mut Model, intent: Intent) -> Result<(), Refusal> {
    if let Some(Overlay::Help(_)) = model.overlay {
        match intent {
            Intent::Fold
            | Intent::Arrange
            | Intent::Sources
            | Intent::Changes
            | Intent::Notify
            | Intent::SeeAll
            | Intent::Favourite
            | Intent::SaveView
            | Intent::ForgetView
            | Intent::Copy
            | Intent::Promote
            | Intent::Ways
            | Intent::Merge
            | Intent::Canary(_)
            | Intent::Argocd(_)
            | Intent::Arm
            | Intent::Disarm
            | Intent::Operations
            | Intent::Journal
            | Intent::Browse => {
                model.overlay = None;
            }
            // Enter is pressed to be done with a text as often as to look into something.
            Intent::Open | Intent::Left | Intent::Right => return Err(Refusal::NotHere),
            _ => {}
        }
    }
    Ok(())
}

fn open(model: &mut Model) -> Vec<Effect> {
    match (&model.overlay, &model.screen) {
        (Some(Overlay::Filter(_)), _) => {
            model.overlay = None;
            if !matches!(model.screen, Screen::Changes(_)) {
                model.notice = model.matrix.filter.remark(model.sight());
            }
            Vec::new()
        }
        (Some(Overlay::Name(_)), _) => view::save(model),
        (None, Screen::Matrix) => cell::open(model),
        (None, Screen::Changes(_)) => changes::jump(model),
        (None, Screen::Journal(_)) => journal::look_into(model),
        (None, Screen::Ways(_)) => ways::show(model),
        _ => Vec::new(),
    }
}

fn back(model: &mut Model) -> Vec<Effect> {
    match (model.overlay.take(), &model.screen) {
        (Some(Overlay::Filter(before)), _) => apply_filter(model, before),
        (Some(Overlay::Help(_) | Overlay::Palette(_) | Overlay::Copy(_) | Overlay::Name(_)), _) => {}
        (None, Screen::Cell(_) | Screen::Preview(_) | Screen::Operation(..)) => {
            model.screen = model.beneath.take().map_or(Screen::Matrix, |screen| *screen);
            return changes::follow(model, true);
        }
        (None, Screen::Changes(state)) if !state.filter.is_empty() => apply_filter(model, Filter::default()),
        (None, Screen::Journal(_)) => journal::back(model),
        (None, Screen::Ways(_)) => ways::leave(model),
        (None, Screen::Sources(_) | Screen::Changes(_)) => model.screen = Screen::Matrix,
        (None, Screen::Matrix) if !model.matrix.filter.is_empty() => apply_filter(model, Filter::default()),
        (None, Screen::Matrix) => return quit(model),
    }
    Vec::new()
}

fn quit(model: &Model) -> Vec<Effect> {
    let mut effects = underway::leave(model);
    effects.push(Effect::Quit);
    effects
}

fn edit(model: &mut Model, change: impl Fn(&Filter) -> Filter) {
    if let Some(Overlay::Filter(_)) = model.overlay {
        let filter = change(model.filter());
        apply_filter(model, filter);
        model.matrix.hold(model.now);
    }
}

fn apply_filter(model: &mut Model, filter: Filter) {
    if let Screen::Changes(_) = model.screen {
        changes::narrow(model, filter);
        return;
    }
    model.matrix.filter = filter;
    model.rearrange();
}

/// A page further. Where the rows of a screen are few and what is told below them is long, the text moves and the cursor stays.
fn turn(model: &mut Model, by: isize) {
    if let (None, Screen::Ways(state)) = (&model.overlay, &mut model.screen) {
        state.scroll.top = state.scroll.top.saturating_add_signed(by).min(SCROLL_LIMIT);
        return;
    }
    go(model, by);
}

fn go(model: &mut Model, by: isize) {
    if model.overlay.is_none() && matches!(model.screen, Screen::Changes(_)) {
        changes::step(model, by);
        return;
    }
    if model.overlay.is_none() && journal::step(model, by) {
        return;
    }
    if let (None, Screen::Ways(state)) = (&model.overlay, &mut model.screen) {
        ways::step(state, by);
        return;
    }
    match scroll_of(model) {
        // Text without rows to select: the first line moves, and painting says how far it can.
        Some(scroll) => scroll.top = scroll.top.saturating_add_signed(by).min(SCROLL_LIMIT),
        None => model.matrix.step(by, model.room()),
    }
}

/// The text that is looked at; `None` where there are rows to select.
const fn scroll_of(model: &mut Model) -> Option<&mut Scroll> {
    match (&mut model.overlay, &mut model.screen) {
        (Some(Overlay::Help(scroll)), _) | (_, Screen::Sources(scroll) | Screen::Operation(_, scroll)) => Some(scroll),
        (_, Screen::Cell(state)) => Some(&mut state.scroll),
        (_, Screen::Preview(preview)) => Some(&mut preview.scroll),
        (_, Screen::Journal(state)) => state.scroll_of_story(),
        (_, Screen::Ways(state)) => Some(&mut state.scroll),
        (_, Screen::Matrix | Screen::Changes(_)) => None,
    }
}

/// Longer texts than this are not read to the end anyway; painting stops at the real end.
const SCROLL_LIMIT: usize = 10_000;

fn sideways(model: &mut Model, by: isize) -> Vec<Effect> {
    match (&model.screen, &model.overlay) {
        (Screen::Matrix, None) => model.matrix.step_column(by, &model.fleet),
        (Screen::Preview(_), None) => return preview::choose(model, by),
        (Screen::Ways(_), None) => ways::choose(model, by),
        (Screen::Operation(..), None) => return operation::beside::step(model, by),
        _ => {}
    }
    Vec::new()
}

fn page(model: &Model) -> isize {
    isize::try_from(Layout::of(model.room()).body.saturating_sub(1).max(1)).unwrap_or(1)
}
