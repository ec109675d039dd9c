//! Which gitops repository is asked about which application: those that are configured, else those that Applications turn out to name. Each is told
//! what it must know of an application when that changes, and not again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::app::effect::Effect;
use crate::app::model::{Model, Question};
use crate::base::Raw;
use crate::domain::application::Application;
use crate::domain::desired::{Address, Wish};
use crate::domain::observation::{Item, ItemKey, Items, Observation, Report, ReportBody};
use crate::domain::question::{Ask, Want};
use crate::domain::{AppKey, SourceId};

/// More repositories than this are not mirrored by themselves: a person names those that matter.
pub const DISCOVERED_AT_MOST: usize = 8;

/// A repository that the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRepository {
    /// What it is called here.
    pub name: Raw,
    /// What means it.
    pub addresses: Vec<Address>,
}

/// What the repositories were told.
#[derive(Debug, Clone, Default)]
pub(super) struct Repositories {
    /// The repository of each URL that was seen; `None`: it is not read.
    urls: HashMap<Raw, Option<SourceId>>,
    /// Repositories that were discovered, with a URL of each.
    discovered: BTreeMap<SourceId, (Address, Raw)>,
    /// For each application, who was asked and a sum of what was said about it.
    asked: BTreeMap<AppKey, (SourceId, u64)>,
}

/// The applications that reports speak of.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    keys: BTreeSet<AppKey>,
    /// A list proves absence: any other may have gone.
    is_list: bool,
}

/// The applications that these reports speak of.
pub(super) fn spoken_of(reports: &[Report]) -> Spoken {
    let mut spoken = Spoken::default();
    for report in reports {
        let ReportBody::Observed(observation) = &report.body else { continue };
        match observation {
            Observation::Page { items: Items::Applications(items), .. } => spoken.keys.extend(items.iter().map(|(key, _)| key.clone())),
            Observation::Listed { items: Items::Applications(items), .. } => {
                spoken.keys.extend(items.iter().map(|(key, _)| key.clone()));
                spoken.is_list = true;
            }
            Observation::Changed { item: Item::Application(key, _), .. } | Observation::Removed { key: ItemKey::Application(key), .. } => {
                spoken.keys.insert(key.clone());
            }
            _ => {}
        }
    }
    spoken
}

/// Every application there is.
pub(super) fn all(model: &Model) -> Spoken {
    Spoken { keys: model.fleet.applications().map(|(key, _)| key.clone()).collect(), is_list: true }
}

/// Asks about applications that are new, different or gone.
pub(super) fn ask(model: &mut Model, spoken: Spoken) -> Vec<Effect> {
    if !model.settings.discover_repositories && model.settings.repositories.is_empty() {
        return Vec::new();
    }
    let mut keys = spoken.keys;
    if spoken.is_list {
        keys.extend(model.repositories.asked.keys().filter(|key| model.fleet.application(key).is_none()).cloned());
    }
    let mut effects = Vec::new();
    let mut wishes: BTreeMap<SourceId, Vec<(AppKey, Option<Wish>)>> = BTreeMap::new();
    for key in keys {
        let wanted = model.fleet.application(&key).and_then(|entry| entry.value.repository()).cloned();
        let source = wanted.and_then(|url| source_of(model, &url, &mut effects));
        let before = model.repositories.asked.get(&key);
        let now = source.zip(model.fleet.application(&key)).map(|(source, entry)| (source, sum(&entry.value)));
        if before == now.as_ref() {
            continue;
        }
        if let Some((old, _)) = before
            && now.as_ref().is_none_or(|(new, _)| new != old)
        {
            wishes.entry(old.clone()).or_default().push((key.clone(), None));
        }
        match (now, model.fleet.application(&key)) {
            (Some((source, sum)), Some(entry)) => {
                let wish = Wish { origins: entry.value.origins.clone(), revisions: entry.value.revisions.clone() };
                wishes.entry(source.clone()).or_default().push((key.clone(), Some(wish)));
                model.repositories.asked.insert(key, (source, sum));
            }
            _ => _ = model.repositories.asked.remove(&key),
        }
    }
    for (source, wishes) in wishes {
        let request = model.number();
        model.asked.insert(request, Question::Desired(source.clone()));
        effects.push(Effect::Ask { source, ask: Ask { request, want: Want::Desired(wishes) } });
    }
    effects
}

fn sum(application: &Application) -> u64 {
    // Not the hasher of a map: its sums are the same in every run.
    let mut hasher = DefaultHasher::new();
    application.origins.hash(&mut hasher);
    application.revisions.hash(&mut hasher);
    hasher.finish()
}

/// The repository at a URL. One that nobody configured is connected when it is first named.
fn source_of(model: &mut Model, url: &Raw, effects: &mut Vec<Effect>) -> Option<SourceId> {
    if let Some(known) = model.repositories.urls.get(url) {
        return known.clone();
    }
    let address = Address::read(url.as_wire());
    let named = model.settings.repositories.iter().find(|named| named.addresses.contains(&address));
    let known = match named {
        Some(named) => Some(SourceId::repository(named.name.clone())),
        None if model.settings.discover_repositories => discover(model, address, url, effects),
        None => None,
    };
    model.repositories.urls.insert(url.clone(), known.clone());
    known
}

fn discover(model: &mut Model, address: Address, url: &Raw, effects: &mut Vec<Effect>) -> Option<SourceId> {
    let known = &model.repositories.discovered;
    if let Some((source, _)) = known.iter().find(|(_, (held, _))| *held == address) {
        return Some(source.clone());
    }
    if known.len() >= DISCOVERED_AT_MOST {
        let told = crate::safe!("More than {DISCOVERED_AT_MOST} gitops repositories: name those that matter in [[repositories]].");
        model.notice.get_or_insert(told);
        return None;
    }
    // Its last part, as people call it, unless two are called so.
    let short = SourceId::repository(Raw::from(address.short_name()));
    let source = if known.contains_key(&short) { SourceId::repository(address.0.clone()) } else { short };
    model.repositories.discovered.insert(source.clone(), (address, url.clone()));
    effects.push(connect(model, &source, url.clone()));
    Some(source)
}

fn connect(model: &mut Model, source: &SourceId, url: Raw) -> Effect {
    let epoch = model.new_epoch(source);
    Effect::Mirror { source: source.clone(), epoch, url }
}

/// The source that reads the repository at a URL which Applications name; `None`: none does.
#[must_use]
pub fn source_at<'m>(model: &'m Model, url: &Raw) -> Option<&'m SourceId> {
    model.repositories.urls.get(url)?.as_ref()
}

/// The repositories that Applications named: what each is called here, and where it is.
pub fn discovered(model: &Model) -> impl Iterator<Item = (Raw, Address)> {
    model.repositories.discovered.iter().map(|(source, (address, _))| (source.name.clone(), address.clone()))
}

/// The address and the URL of a repository that Applications named, by the name of its source.
#[must_use]
pub fn discovered_at(model: &Model, name: &Raw) -> Option<(Address, Raw)> {
    let (_, (address, url)) = model.repositories.discovered.iter().find(|(source, _)| source.name == *name)?;
    Some((address.clone(), url.clone()))
}

/// Reads a repository anew whose reader crashed, and tells it everything again. `None`: it is one that is configured.
pub(super) fn again(model: &mut Model, source: &SourceId) -> Option<Effect> {
    model.repositories.asked.retain(|_, (asked, _)| asked != source);
    let (_, url) = model.repositories.discovered.get(source)?.clone();
    Some(connect(model, source, url))
}

/// Questions that a crashed reader will never answer.
pub(super) fn forget(model: &mut Model, source: &SourceId) {
    model.asked.retain(|_, question| *question != Question::Desired(source.clone()));
}

/// Whether it is worth remembering that a question came to nothing: what a repository cannot say is said by its state.
pub(super) const fn is_remembered(question: &Question) -> bool {
    !matches!(question, Question::Desired(_))
}
