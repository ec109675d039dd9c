//! The scenarios and worlds that come with the program, looked up by name and looked over before they are used. It knows nothing of how they run.

use serde::de::DeserializeOwned;

use super::definition::Definition;
use super::fleet::{SERVICES, fleet};
use super::scenario::Scenario;
use super::{Choice, check};
use crate::base::Safe;

macro_rules! embedded {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../assets/", $folder, "/", $name, ".toml")))),*]
    };
}

/// The one to begin with first.
static SCENARIOS: &[(&str, &str)] = embedded!("scenarios": "busy-morning" "bad-canary" "friday" "bad-night" "argocd-down" "controller-silent"
    "two-argocds" "branches" "push-race" "protected-branch" "pull-request" "stuck-sync" "migration" "crash-mid-promotion" "fleet" "fleet-at-rest" "storm" "quiet-day" "lab");

static WORLDS: &[(&str, &str)] = embedded!("worlds": "acme" "lab" "two-argocds");

/// The world that is generated.
const GENERATED: &str = "fleet";

/// What the scenarios are called, the one to begin with first.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|(name, _)| *name)
}

/// The scenarios to choose from, the one to begin with first.
pub(super) fn choices() -> Vec<Choice> {
    let read = |(name, text): &(&'static str, &str)| {
        let scenario: Scenario = toml::from_str(text).ok()?;
        Some(Choice { name, title: Safe::clean(&scenario.title), story: Safe::clean(&scenario.story) })
    };
    SCENARIOS.iter().filter_map(read).collect()
}

/// A scenario and its world. The error says which file, which entry, what is wrong with it, and which name is near.
#[cfg(test)]
pub(super) fn load(name: &str) -> Result<(Scenario, Definition), String> {
    load_sized(name, None)
}

/// The same, with a number of services for the world that is generated. For the others the number has no meaning.
pub(super) fn load_sized(name: &str, services: Option<u32>) -> Result<(Scenario, Definition), String> {
    let Some((name, text)) = SCENARIOS.iter().find(|(known, _)| *known == name) else {
        return Err(format!("no scenario is called '{name}'{}", check::near(name, names())));
    };
    let file = format!("assets/scenarios/{name}.toml");
    let scenario: Scenario = parse(&file, text)?;
    let mut definition = world(&file, &scenario.world, services)?;
    check::overlay(&scenario, &definition).map_err(|problem| format!("{file}: {problem}"))?;
    for application in &mut definition.applications {
        application.hook = scenario.hooks.get(&application.name).cloned().or(application.hook.take());
        application.manual.extend(scenario.manual.get(&application.name).into_iter().flatten().cloned());
    }
    check::scenario(&scenario, &definition).map_err(|problem| format!("{file}: {problem}"))?;
    Ok((scenario, definition))
}

fn world(file: &str, name: &str, services: Option<u32>) -> Result<Definition, String> {
    if name == GENERATED {
        return Ok(fleet(services.unwrap_or(SERVICES)));
    }
    let Some((name, text)) = WORLDS.iter().find(|(known, _)| *known == name) else {
        let known = WORLDS.iter().map(|(known, _)| *known).chain([GENERATED]);
        return Err(format!("{file}: world: no world is called '{name}'{}", check::near(name, known)));
    };
    let file = format!("assets/worlds/{name}.toml");
    let definition = parse(&file, text)?;
    check::definition(&definition).map_err(|problem| format!("{file}: {problem}"))?;
    Ok(definition)
}

fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or_else(String::new, |before| format!("line {}: ", before.matches('\n').count() + 1));
        format!("{file}: {line}{}", error.message())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_and_world_that_comes_with_the_program_loads() {
        for name in names() {
            let (scenario, definition) = load(name).unwrap_or_else(|problem| panic!("{problem}"));
            assert!(!definition.clusters.is_empty());
            assert!(scenario.title.chars().count() <= 90 && !scenario.title.is_empty(), "{name}: title");
            for happening in &scenario.timeline {
                assert!(happening.say.chars().count() <= 90, "{name}: {}", happening.say);
            }
        }
        for (name, _) in WORLDS {
            world("-", name, None).unwrap_or_else(|problem| panic!("{problem}"));
        }
        assert_eq!(choices().len(), SCENARIOS.len());
        assert_eq!(names().next(), Some("busy-morning"));
    }

    #[test]
    fn what_does_not_exist_is_told_with_what_is_near() {
        assert_eq!(load("bad-cannary").unwrap_err(), "no scenario is called 'bad-cannary': did you mean 'bad-canary'?");
        assert!(load("xyzzy").unwrap_err().starts_with("no scenario is called 'xyzzy': there are busy-morning, bad-canary, "));
        assert_eq!(
            world("assets/scenarios/x.toml", "acmee", None).unwrap_err(),
            "assets/scenarios/x.toml: world: no world is called 'acmee': did you mean 'acme'?"
        );
    }

    #[test]
    fn a_field_that_does_not_exist_is_told_with_its_line() {
        let text = "title = 'a'\nstory = 'b'\nworld = 'acme'\n[[timeline]]\nafter = '5s'\nsays = 'c'\n";
        let error = parse::<Scenario>("s.toml", text).unwrap_err();
        assert!(error.starts_with("s.toml: line 6: unknown field `says`"), "{error}");
        let error = parse::<Scenario>("s.toml", "title = 'a'\nstory = 'b'\nworld = 'acme'\n[[timeline]]\nafter = '5 s'\n").unwrap_err();
        assert!(error.starts_with("s.toml: line 5: '5 s' has no unit of time"), "{error}");
    }

    #[test]
    fn a_fleet_has_the_size_that_was_asked_for() {
        assert_eq!(load_sized("fleet", Some(7)).unwrap().1.applications.len(), 7);
        assert_eq!(load("fleet").unwrap().1.applications.len(), 600);
    }
}
