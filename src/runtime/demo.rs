//! The demo: a world to practise in and the cockpit on it, in one process. The cockpit reaches the world through the same clients as production; only
//! its logins are the world's, and nothing of the person's own is read.
//!
//! Another scenario ends this world and this cockpit and begins new ones on the same terminal.

use std::panic::AssertUnwindSafe;

use color_eyre::eyre::{Result, eyre};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

use crate::app::demo::{Demo, Scenario};
use crate::base::Safe;
use crate::runtime::cockpit::{self, Cockpit, Ending};
use crate::runtime::signals::Signals;
use crate::runtime::terminal::Terminal;
use crate::runtime::terminal::input::Input;
use crate::runtime::world::{self, Folder, Wish};
use crate::simulator::Simulator;

/// Runs the demo until a person leaves it; `read_only`: nothing is changed in it.
pub fn run(wish: Wish, read_only: bool) -> Result<Ending> {
    Terminal::check("tiphys simulate")?;
    let runtime = super::tokio_runtime()?;
    let mut terminal = None;
    // The folder and the sockets are gone after a crash of the core too: they are dropped while it unwinds.
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(play(wish, read_only, &mut terminal))));
    cockpit::land(runtime, terminal, caught)
}

async fn play(mut wish: Wish, read_only: bool, terminal: &mut Option<Terminal>) -> Result<Ending> {
    let mut signals = Signals::new()?;
    loop {
        let folder = Folder::new()?;
        let simulator = tokio::select! {
            biased;
            ending = gives_up(terminal.as_mut(), &mut signals) => return Ok(ending),
            started = wish.start(folder.path()) => started?,
        };
        let ending = fly(&wish, read_only, &simulator, terminal, &mut signals).await?;
        let Ending::Plays(name) = ending else { return Ok(ending) };
        name.as_str().clone_into(&mut wish.scenario);
    }
}

async fn fly(wish: &Wish, read_only: bool, simulator: &Simulator, terminal: &mut Option<Terminal>, signals: &mut Signals) -> Result<Ending> {
    let mut config = world::configuration(simulator.folder()).map_err(|problems| eyre!("the world's own configuration is wrong: {problems}"))?;
    config.read_only |= read_only;
    let terminal = match terminal {
        Some(terminal) => terminal,
        None => terminal.insert(Terminal::open(super::look(&config).links)?),
    };
    let mut model = super::model(&config);
    model.demo = Some(demo(&wish.scenario, world::scenarios()));
    Cockpit::new(&config, model, terminal, signals).told_by(simulator.told()).fly().await
}

fn demo(name: &str, scenarios: Vec<Scenario>) -> Demo {
    let title = scenarios.iter().find(|scenario| scenario.name.as_str() == name).map(|scenario| scenario.title.clone());
    Demo { scenario: Safe::clean(name), title: title.unwrap_or_default(), scenarios, told: None }
}

/// Waits for a person or the system to lose patience while a world starts. What else is typed meanwhile is for nobody.
async fn gives_up(terminal: Option<&mut Terminal>, signals: &mut Signals) -> Ending {
    let Some(terminal) = terminal else {
        signals.end().await;
        return Ending::Ended;
    };
    loop {
        tokio::select! {
            () = signals.end() => return Ending::Ended,
            input = terminal.inputs.recv() => match input {
                Some(Input::Event { event, .. }) if is_leaving(&event) => return Ending::Left,
                Some(Input::Event { .. }) => {}
                Some(Input::Gone) | None => return Ending::Ended,
            },
        }
    }
}

fn is_leaving(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let leaves = match key.code {
        KeyCode::Char('c') => with_control,
        KeyCode::Char('q') => !with_control,
        _ => false,
    };
    leaves && key.kind != KeyEventKind::Release
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn what_plays_is_told_by_its_name_and_title() {
        let scenario = |name: &str| Scenario { name: Safe::clean(name), title: crate::safe!("about {name}"), story: Safe::default() };
        let demo = demo("two", vec![scenario("one"), scenario("two")]);
        assert_eq!((demo.scenario.as_str(), demo.title.as_str(), demo.scenarios.len()), ("two", "about two", 2));
    }

    #[test]
    fn only_the_keys_that_leave_end_a_start() {
        let key = |code, modifiers| is_leaving(&Event::Key(KeyEvent::new(code, modifiers)));
        assert!(key(KeyCode::Char('q'), KeyModifiers::NONE) && key(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(!key(KeyCode::Char('c'), KeyModifiers::NONE) && !key(KeyCode::Enter, KeyModifiers::NONE));
        assert!(!is_leaving(&Event::Paste("q".to_owned())));
    }
}
