//! The demo, as data: which scenario plays, which there are, and the newest line of its story. The world itself is served outside and read like any
//! other; the core only says what plays and asks for another.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::base::{Safe, Timestamp};

/// A world to practise in is being looked at, and this is what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demo {
    /// The scenario that plays, by name.
    pub scenario: Safe,
    /// The same in a few words.
    pub title: Safe,
    /// All scenarios, the one to begin with first.
    pub scenarios: Vec<Scenario>,
    /// The newest thing that the story told; nothing before the first.
    pub told: Option<Told>,
}

/// A scenario to choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: Safe,
    /// A few words.
    pub title: Safe,
    /// What there is to see and to practise.
    pub story: Safe,
}

/// One line of the story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub line: Safe,
}

/// Keeps the newest line; an older one that comes late is not news.
pub(super) fn tell(model: &mut Model, told: Told) {
    if let Some(demo) = &mut model.demo
        && demo.told.as_ref().is_none_or(|before| before.at <= told.at)
    {
        demo.told = Some(told);
    }
}

/// Asks for another scenario, or for the same from its beginning.
pub(super) fn play(model: &mut Model, index: usize) -> Vec<Effect> {
    let Some(scenario) = model.demo.as_ref().and_then(|demo| demo.scenarios.get(index)) else { return Vec::new() };
    let name = scenario.name.clone();
    model.notice = Some(crate::safe!("Starting {} …", scenario.title));
    vec![Effect::Play(name)]
}
