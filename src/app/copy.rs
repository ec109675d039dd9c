//! What can be copied of the cell that is looked at, and the page that the browser can be sent to.
//!
//! A small menu: the cursor chooses, Enter copies. What goes out is what is shown, never the bytes that the world wrote.

use crate::app::effect::Effect;
use crate::app::model::{Model, Overlay};
use crate::app::own::{self, CellKey};
use crate::app::{Intent, Refusal};
use crate::base::{Raw, Safe};
use crate::domain::AppKey;
use crate::domain::attention::Attention;
use crate::domain::explain;
use crate::domain::fleet::Placement;
use crate::domain::link::{self, Link};
use crate::safe;

/// Something that can be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is: `version`.
    pub what: Safe,
    /// What is copied.
    pub text: Safe,
}

/// The menu while it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copying {
    /// What is looked at.
    pub title: Safe,
    /// What can be copied of it, each once; at least one.
    pub items: Vec<Item>,
    /// The item under the cursor.
    pub cursor: usize,
}

/// More than this no menu has: a service of many parts has many applications.
const MOST: usize = 40;

/// Opens the menu.
pub(super) fn open(model: &mut Model) {
    let Ok(keys) = own::looked_at(model) else { return };
    let Some(first) = keys.first() else { return };
    let title = if keys.len() == 1 { first.shown() } else { safe!("{} · {}", first.service.shown(), first.environment.shown()) };
    let items = items(model, &keys);
    model.overlay = Some(Overlay::Copy(Copying { title, items, cursor: 0 }));
}

/// What a wish means while the menu is open; nothing for those that mean there what they mean everywhere.
pub(super) fn fulfil(model: &mut Model, intent: Intent) -> Option<Vec<Effect>> {
    let Some(Overlay::Copy(copying)) = &mut model.overlay else { return None };
    let last = copying.items.len().saturating_sub(1);
    match intent {
        Intent::Up => copying.cursor = copying.cursor.saturating_sub(1),
        Intent::Down => copying.cursor = (copying.cursor + 1).min(last),
        Intent::Top | Intent::PageUp => copying.cursor = 0,
        Intent::Bottom | Intent::PageDown => copying.cursor = last,
        Intent::Open | Intent::Copy => {
            let chosen = copying.items.get(copying.cursor).cloned();
            model.overlay = None;
            return Some(chosen.map(|item| copy(model, &item)).unwrap_or_default());
        }
        Intent::Back => model.overlay = None,
        Intent::Quit | Intent::Suspend => return None,
        // A menu is answered or left before anything else is done.
        _ => {}
    }
    Some(Vec::new())
}

fn copy(model: &mut Model, item: &Item) -> Vec<Effect> {
    model.notice = Some(safe!("Sent to your clipboard: {} {}{}", item.what, item.text, model.settings.clipboard_hint));
    vec![Effect::Copy(item.text.clone())]
}

/// Sends the browser to the page of what is looked at; where there is no browser, its address goes to the clipboard and is told.
pub(super) fn browse(model: &mut Model) -> Vec<Effect> {
    let Ok(link) = page(model) else { return Vec::new() };
    if model.settings.has_browser {
        model.notice = Some(safe!("Opened in your browser: {}", link.text()));
        return vec![Effect::Browse(link)];
    }
    model.notice = Some(safe!("There is no browser here. Sent to your clipboard: {}{}", link.text(), model.settings.clipboard_hint));
    vec![Effect::Copy(link.text().clone())]
}

/// The page of Argo CD for what is looked at: of the placement that needs eyes most.
pub(super) fn page(model: &Model) -> Result<Link, Refusal> {
    let keys = own::looked_at(model)?;
    let placements = keys.iter().filter_map(|key| key.placement(&model.fleet));
    let worst = placements.min_by_key(|placement| Attention::of(placement)).ok_or(Refusal::NothingSelected)?;
    worst.parts.iter().find_map(|part| application_page(model, &part.app)).ok_or(Refusal::NoPage)
}

/// The page of an application in its Argo CD, where the configuration names an address.
#[must_use]
pub fn application_page(model: &Model, app: &AppKey) -> Option<Link> {
    link::of_application(model.settings.argocd_pages.get(&app.argocd)?, app)
}

fn items(model: &Model, keys: &[CellKey]) -> Vec<Item> {
    let mut items = Vec::new();
    for key in keys {
        let Some(placement) = key.placement(&model.fleet) else { continue };
        let of = if keys.len() > 1 { safe!(" in {}", key.placement.shown()) } else { Safe::default() };
        of_placement(model, key, placement, &of, &mut items);
    }
    items.truncate(MOST);
    items
}

fn of_placement(model: &Model, key: &CellKey, placement: &Placement, of: &Safe, items: &mut Vec<Item>) {
    let mut add = |what: &str, text: Safe| {
        if !text.is_empty() && !items.iter().any(|item| item.text == text) {
            items.push(Item { what: safe!("{what}{of}"), text });
        }
    };
    if let Some(version) = placement.version_text() {
        add("version", version);
    }
    if let Some(incoming) = &placement.incoming {
        add("version on its way", incoming.text.shown());
    }
    for digest in placement.versions.as_known().into_iter().flatten().filter_map(|version| version.digest.as_ref()) {
        add("image digest", digest.shown());
    }
    for digest in digests(model, placement) {
        add("image digest", digest.shown());
    }
    for part in &placement.parts {
        add("application", part.app.name.shown());
    }
    for (repository, commit) in commits(model, placement) {
        add("commit", commit.shown());
        if let Some(link) = link::of_commit(&repository, &commit) {
            add("address of the commit", link.text().clone());
        }
    }
    for link in placement.parts.iter().filter_map(|part| application_page(model, &part.app)) {
        add("address in Argo CD", link.text().clone());
    }
    let mut words = String::new();
    // Words cannot fail to be written into a string.
    let _ = explain::placement(&mut words, &model.fleet, placement, model.now);
    add("in words", safe!("{}: {words}", key.shown()));
}

/// The digests that the pods run, where they were asked for.
fn digests(model: &Model, placement: &Placement) -> Vec<Raw> {
    let workloads = placement.parts.iter().filter_map(|part| part.workloads.as_known()).flatten();
    let pods = workloads.filter_map(|key| model.fleet.pods(key)).flat_map(|entry| &entry.value.pods);
    let known = pods.flat_map(|pod| &pod.images).filter_map(|(_, digest)| digest.as_known().cloned());
    let mut found: Vec<Raw> = known.collect();
    found.sort();
    found.dedup();
    found
}

/// The commits that the applications were last compared with, with their repositories.
fn commits(model: &Model, placement: &Placement) -> Vec<(Raw, Raw)> {
    let applications = placement.parts.iter().filter_map(|part| model.fleet.application(&part.app));
    let mut found = Vec::new();
    for application in applications {
        let origins = application.value.origins.iter();
        // Charts have versions, and no commits.
        found.extend(
            origins
                .zip(&application.value.revisions)
                .filter(|(origin, _)| origin.chart.is_none())
                .map(|(origin, revision)| (origin.repository.clone(), revision.clone())),
        );
    }
    found
}
