//! What is a person's own beside the world: favourites, the cells that changed while nobody looked, and those that are watched for an outcome.
//!
//! A mark stays until the cell was seen: until a key was pressed with the cursor on it, or everything was declared seen. A watched cell rings once
//! when it becomes healthy, and each time it fails. Pure: what must reach the terminal or the disk is an effect.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::app::refusal::Refusal;
use crate::app::view::View;
use crate::base::time::since;
use crate::base::{Safe, Timestamp, counted};
use crate::domain::attention::Attention;
use crate::domain::fleet::{Fleet, Placement};
use crate::domain::{EnvironmentName, Health, PlacementName, ServiceName};
use crate::safe;

/// What is a person's own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Own {
    /// Services that come first.
    pub favourites: BTreeSet<ServiceName>,
    /// Saved views, those of the configuration first.
    pub views: Vec<View>,
    /// What changed and was not looked at.
    pub marks: Marks,
    /// What is watched, and how it stood when it was last looked at.
    pub watched: BTreeMap<CellKey, Standing>,
    /// Every source has told what it had: from now on a difference is a change.
    begun: bool,
    /// When the first of them told something.
    first: Option<Timestamp>,
}

/// A source that has told nothing after so long holds no marks up: what it tells later is a change to whoever looks.
const PATIENCE: Duration = Duration::from_mins(1);

/// A placement of a service, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellKey {
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The placement; empty where there is only one.
    pub placement: PlacementName,
}

impl CellKey {
    /// As it is called in a sentence.
    #[must_use]
    pub fn shown(&self) -> Safe {
        let (service, environment) = (self.service.shown(), self.environment.shown());
        if self.placement.0.is_empty() {
            safe!("{service} · {environment}")
        } else {
            safe!("{service} · {environment}·{}", self.placement.shown())
        }
    }

    pub(super) fn placement<'a>(&self, fleet: &'a Fleet) -> Option<&'a Placement> {
        fleet.placement(&self.service, &self.environment, &self.placement)
    }
}

/// The placements that changed and were not looked at, by service: a row is painted with one look.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Marks(BTreeMap<ServiceName, Vec<(EnvironmentName, PlacementName)>>);

impl Marks {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether this placement is among them.
    #[must_use]
    pub fn has(&self, service: &ServiceName, environment: &EnvironmentName, placement: &PlacementName) -> bool {
        self.of(service).iter().any(|(one, other)| one == environment && other == placement)
    }

    /// Those of a service.
    #[must_use]
    pub fn of(&self, service: &ServiceName) -> &[(EnvironmentName, PlacementName)] {
        self.0.get(service).map_or(&[], Vec::as_slice)
    }

    fn set(&mut self, key: CellKey) {
        let places = self.0.entry(key.service).or_default();
        let place = (key.environment, key.placement);
        if !places.contains(&place) {
            places.push(place);
        }
    }

    fn clear(&mut self, key: &CellKey) -> bool {
        let Some(places) = self.0.get_mut(&key.service) else { return false };
        let before = places.len();
        places.retain(|(environment, placement)| *environment != key.environment || *placement != key.placement);
        let differs = places.len() != before;
        if places.is_empty() {
            self.0.remove(&key.service);
        }
        differs
    }
}

/// How a watched cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Healthy, and nothing is under way.
    Well,
    /// Neither.
    Underway,
    /// Broken, or a change was turned back.
    Failed,
}

impl Standing {
    fn of(placement: &Placement) -> Self {
        match Attention::of(placement) {
            Attention::Broken | Attention::TurnedBack => Self::Failed,
            Attention::Quiet | Attention::Drifts if placement.health == Health::Healthy && placement.open_canary().is_none() => Self::Well,
            _ => Self::Underway,
        }
    }
}

/// The placements that are looked at: those of the selected cell, or of the open one.
pub(super) fn looked_at(model: &Model) -> Result<Vec<CellKey>, Refusal> {
    let keys: Vec<CellKey> = match &model.screen {
        Screen::Matrix => {
            let selected = model.matrix.selected_cell(&model.fleet)?;
            let environment = model.fleet.landscape().environments.get(selected.column.environment).ok_or(Refusal::NothingSelected)?;
            let placements = selected.placement.map_or(selected.cell.placements.as_slice(), std::slice::from_ref);
            let key = |placement: &Placement| CellKey {
                service: selected.service.clone(),
                environment: environment.name.clone(),
                placement: placement.name.clone(),
            };
            placements.iter().map(key).collect()
        }
        Screen::Cell(state) => {
            let key = |placement: &Placement| CellKey {
                service: state.service.clone(),
                environment: state.environment.clone(),
                placement: placement.name.clone(),
            };
            state.placements(model).map(key).collect()
        }
        Screen::Sources(_) | Screen::Changes(_) | Screen::Ways(_) | Screen::Preview(_) | Screen::Operation(..) | Screen::Journal(_) => {
            return Err(Refusal::NotHere);
        }
    };
    if keys.is_empty() { Err(Refusal::NotDeployedHere) } else { Ok(keys) }
}

/// A person is there: what the cursor is on has been seen.
pub(super) fn see(model: &mut Model) {
    if model.own.marks.0.is_empty() || model.overlay.is_some() {
        return;
    }
    let mut differs = false;
    for key in looked_at(model).unwrap_or_default() {
        differs |= model.own.marks.clear(&key);
    }
    if differs {
        model.matrix.disturb();
    }
}

/// Everything counts as seen.
pub(super) fn see_all(model: &mut Model) {
    let count = model.own.marks.count();
    model.own.marks = Marks::default();
    model.notice = Some(match count {
        0 => safe!("Nothing changed that you have not seen."),
        _ => safe!("{} marked as seen.", counted(count, "change", "changes")),
    });
    model.rearrange();
}

/// Takes note of what the fleet says has changed. Before every source has told what it had, nothing counts as a change.
pub(super) fn note(model: &mut Model) {
    let news = model.fleet.take_news();
    if !model.own.begun {
        let first = *model.own.first.get_or_insert(model.now);
        model.own.begun = model.fleet.is_settled(model.now) || since(first, model.now) >= PATIENCE;
        return;
    }
    let mut differs = false;
    for (service, environment, placement) in news {
        let Some(environment) = model.fleet.landscape().environments.get(environment).map(|environment| environment.name.clone()) else { continue };
        model.own.marks.set(CellKey { service, environment, placement });
        differs = true;
    }
    if differs {
        model.matrix.disturb();
    }
}

/// Rings for what is watched, where it became healthy or failed. A cell that is not current says nothing.
pub(super) fn ring(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut done = Vec::new();
    for (key, before) in &mut model.own.watched {
        let Some(placement) = key.placement(&model.fleet) else { continue };
        if model.fleet.stale_since(placement, model.now).is_some() {
            continue;
        }
        let now = Standing::of(placement);
        if std::mem::replace(before, now) == now {
            continue;
        }
        let version = placement.version_text().map(|version| safe!(" with {version}")).unwrap_or_default();
        let text = match now {
            Standing::Underway => continue,
            Standing::Well => {
                done.push(key.clone());
                safe!("{} is healthy{version}.", key.shown())
            }
            Standing::Failed if Attention::of(placement) == Attention::TurnedBack => safe!("{} was turned back, users are{version}.", key.shown()),
            Standing::Failed => {
                safe!("{} fails{version}: {}.", key.shown(), placement.stuck.clone().unwrap_or_else(|| Safe::clean(placement.health.word())))
            }
        };
        effects.push(Effect::Notify(text));
    }
    for key in done {
        model.own.watched.remove(&key);
    }
    if let Some(Effect::Notify(text)) = effects.last() {
        model.notice = Some(text.clone());
    }
    effects
}

/// Watches what is looked at, or no longer.
pub(super) fn watch(model: &mut Model) {
    let Ok(keys) = looked_at(model) else { return };
    let name = if let [one] = keys.as_slice() {
        one.shown()
    } else {
        keys.first().map(|key| safe!("{} · {}", key.service.shown(), key.environment.shown())).unwrap_or_default()
    };
    let is_watched = keys.iter().all(|key| model.own.watched.contains_key(key));
    for key in keys {
        if is_watched {
            model.own.watched.remove(&key);
        } else if let Some(standing) = key.placement(&model.fleet).map(Standing::of) {
            model.own.watched.insert(key, standing);
        }
    }
    model.notice = Some(if is_watched {
        safe!("{name} is no longer watched.")
    } else {
        safe!("You will be told when {name} becomes healthy or fails, for as long as this cockpit runs.")
    });
}
