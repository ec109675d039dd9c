//! Favourites and saved views: services that come first, and a filter, an order of rows and a fold under one name.
//!
//! What is kept for the next time leaves as a change, not as the whole: two cockpits of one person do not take each other's favourites away.

use crate::app::effect::Effect;
use crate::app::filter::Filter;
use crate::app::matrix::Arrange;
use crate::app::model::{Model, Overlay, Screen};
use crate::app::refusal::Refusal;
use crate::base::Safe;
use crate::domain::ServiceName;
use crate::safe;

/// What is looked at, under a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// What it is called.
    pub name: Safe,
    /// The filter, as typed.
    pub filter: String,
    /// The order of rows.
    pub arrange: Arrange,
    /// Whether the quiet rows are folded; `None`: when they do not fit.
    pub folded: Option<bool>,
    /// It is written in the configuration, and not kept here.
    pub is_configured: bool,
}

/// Something to keep for the next time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A service is a favourite, or no longer.
    Favourite(ServiceName, bool),
    /// A view is saved; one of this name is replaced.
    SaveView(View),
    /// The view of this name is no longer kept.
    ForgetView(Safe),
}

/// The longest name of a view.
const LONGEST: usize = 40;

/// The service that is looked at.
pub(super) fn service(model: &Model) -> Result<&ServiceName, Refusal> {
    match &model.screen {
        Screen::Matrix => model.matrix.selected.as_ref().ok_or(Refusal::NothingSelected),
        Screen::Cell(state) => Ok(&state.service),
        Screen::Changes(state) => Ok(&state.selected_place()?.service),
        Screen::Sources(_) | Screen::Ways(_) | Screen::Preview(_) | Screen::Operation(..) | Screen::Journal(_) => Err(Refusal::NotHere),
    }
}

/// Makes the service a favourite, or no longer. Its row moves when rows may.
pub(super) fn favour(model: &mut Model) -> Vec<Effect> {
    let Ok(service) = service(model).cloned() else { return Vec::new() };
    let is = model.own.favourites.insert(service.clone());
    if !is {
        model.own.favourites.remove(&service);
    }
    model.matrix.disturb();
    model.notice = Some(if is {
        safe!("{} is a favourite now: its row comes first.", service.shown())
    } else {
        safe!("{} is no favourite any more.", service.shown())
    });
    vec![Effect::Keep(Change::Favourite(service, is))]
}

/// Shows what a view shows.
pub fn choose(model: &mut Model, view: &View) {
    model.screen = Screen::Matrix;
    model.matrix.filter = Filter::read(&view.filter);
    model.matrix.arrange = view.arrange;
    model.matrix.folded = view.folded;
    model.rearrange();
    let remark = model.matrix.filter.remark(model.sight());
    model.notice = Some(remark.unwrap_or_else(|| safe!("View {}.", view.name)));
}

/// The view that is on, if what is looked at is one.
#[must_use]
pub fn present(model: &Model) -> Option<&View> {
    let matrix = &model.matrix;
    let is_on = |view: &&View| view.filter == matrix.filter.text() && view.arrange == matrix.arrange && view.folded == matrix.folded;
    model.own.views.iter().find(is_on)
}

/// Asks for the name of what is looked at.
pub(super) fn name(model: &mut Model) {
    model.overlay = Some(Overlay::Name(Safe::default()));
}

/// The name grows by what was typed or pasted. Line breaks in a paste are blanks: nothing but the text changes.
pub(super) fn typed(model: &mut Model, more: &str) {
    let Some(Overlay::Name(name)) = &mut model.overlay else { return };
    model.notice = None;
    let blank = |character: char| if character.is_control() || character == '\u{fffd}' { ' ' } else { character };
    let text: String = name.as_str().chars().chain(more.chars().map(blank)).take(LONGEST).collect();
    *name = Safe::clean(text.trim_start());
}

/// The name loses its last character.
pub(super) fn erased(model: &mut Model) {
    let Some(Overlay::Name(name)) = &mut model.overlay else { return };
    model.notice = None;
    let mut text = name.as_str().to_owned();
    text.pop();
    *name = Safe::clean(&text);
}

/// Keeps what is looked at under the name that was typed.
pub(super) fn save(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Name(name)) = &model.overlay else { return Vec::new() };
    let name = Safe::clean(name.as_str().trim());
    if name.is_empty() {
        model.notice = Some(Safe::clean("A view needs a name. Esc leaves without one."));
        return Vec::new();
    }
    if model.own.views.iter().any(|view| view.is_configured && view.name == name) {
        model.notice = Some(safe!("{name} is written in the configuration: another name, or change it there."));
        return Vec::new();
    }
    model.overlay = None;
    let (filter, arrange, folded) = (model.matrix.filter.text().trim().to_owned(), model.matrix.arrange, model.matrix.folded);
    let view = View { name: name.clone(), filter, arrange, folded, is_configured: false };
    model.own.views.retain(|other| other.name != name);
    model.own.views.push(view.clone());
    model.notice = Some(safe!("Saved as view {name}: it is in the palette, and tiphys --view starts with it."));
    vec![Effect::Keep(Change::SaveView(view))]
}

/// Whether the view that is on can be forgotten.
pub(super) fn forgettable(model: &Model) -> Result<&View, Refusal> {
    present(model).filter(|view| !view.is_configured).ok_or(Refusal::NoViewIsOn)
}

/// No longer keeps the view that is on.
pub(super) fn forget(model: &mut Model) -> Vec<Effect> {
    let Ok(view) = forgettable(model) else { return Vec::new() };
    let name = view.name.clone();
    model.own.views.retain(|view| view.name != name || view.is_configured);
    model.notice = Some(safe!("View {name} is forgotten. What it shows stays on the screen."));
    vec![Effect::Keep(Change::ForgetView(name))]
}
