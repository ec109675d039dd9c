//! `tiphys demo` and `tiphys simulate`: a world to practise in, with the cockpit on it or served alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use color_eyre::eyre::Result;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::{Exit, land, print};
use crate::app::demo::Scenario;
use crate::base::Timestamp;
use crate::runtime::signals::Signals;
use crate::runtime::world::{self, Wish, Written};
use crate::runtime::{clock, demo, log, report, tokio_runtime};
use crate::simulator::{Simulator, Told};

/// What both verbs can be told about the world.
#[derive(Debug, Args)]
pub(super) struct World {
    /// Which scenario. Without one: the first of --list.
    #[arg(long, short, value_name = "NAME")]
    scenario: Option<String>,
    /// The same seed, the same chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many times faster than the wall the world's clock runs.
    #[arg(long, default_value = "1", value_parser = speed, allow_negative_numbers = true, value_name = "TIMES")]
    speed: f64,
    /// How many services a generated world has.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000), value_name = "COUNT")]
    services: Option<u32>,
    /// Print the scenarios and what there is to see in each.
    #[arg(long)]
    list: bool,
}

impl World {
    /// What is wanted, or the exit code after what had to be printed instead.
    fn wish(&self) -> Result<Wish, Exit> {
        let scenarios = world::scenarios();
        if self.list {
            print(&list(&scenarios));
            return Err(Exit::Done);
        }
        let name = choose(self.scenario.as_deref(), &scenarios).map_err(|refused| {
            report::print_error(&refused);
            Exit::Usage
        })?;
        Ok(Wish { scenario: name, seed: self.seed, speed: self.speed, services: self.services })
    }
}

/// What `tiphys demo` can be told.
#[derive(Debug, Args)]
pub(super) struct Demo {
    #[command(flatten)]
    world: World,
    /// Pretend that it is this moment: 03:10 (today, UTC) or 2026-11-20T03:10:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<Moment>,
}

/// What `tiphys simulate` can be told.
#[derive(Debug, Args)]
pub(super) struct Simulate {
    #[command(flatten)]
    world: World,
    /// Where to write the repository and the files by which others join: a new or empty folder, or that of an earlier world.
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    write: Option<PathBuf>,
}

/// Runs the cockpit on a world of its own.
pub(super) fn demo(wanted: &Demo, read_only: bool) -> Result<Exit> {
    let wish = match wanted.world.wish() {
        Ok(wish) => wish,
        Err(exit) => return Ok(exit),
    };
    if let Some(at) = wanted.at {
        clock::pretend(at.on(clock::now()));
    }
    // A demo needs no home directory: where no log can be kept, there is none.
    let _log = log::start().ok();
    Ok(land(demo::run(wish, read_only)?))
}

/// Serves a world until it is asked for the end.
pub(super) fn simulate(wanted: &Simulate) -> Result<Exit> {
    let wish = match wanted.world.wish() {
        Ok(wish) => wish,
        Err(exit) => return Ok(exit),
    };
    let Some(folder) = &wanted.write else { return Ok(Exit::Usage) };
    let mut written = match Written::take(folder) {
        Ok(written) => written,
        Err(refused) => {
            report::print_error(&format!("tiphys: {refused:#}"));
            return Ok(Exit::Usage);
        }
    };
    let _log = log::start().ok();
    let runtime = tokio_runtime()?;
    let exit = runtime.block_on(serve(&wish, &mut written));
    runtime.shutdown_background();
    exit
}

async fn serve(wish: &Wish, written: &mut Written) -> Result<Exit> {
    let mut signals = Signals::new()?;
    let simulator = tokio::select! {
        () = signals.end() => return Ok(Exit::Done),
        started = wish.start(written.path()) => started,
    };
    // Also where it did not start: the next one may take its place.
    let names = written.keep()?;
    let simulator = simulator?;
    print(&joining(&simulator, &names));
    let mut told = simulator.told();
    told.mark_changed();
    loop {
        tokio::select! {
            () = signals.end() => break,
            // When the story is over, the world is served all the same.
            Ok(()) = told.changed() => print(&line(&told.borrow_and_update())),
        }
    }
    drop(simulator);
    written.keep()?;
    Ok(Exit::Done)
}

/// The newest line of the story; nothing before the first.
fn line(told: &Told) -> String {
    told.at.map(|at| format!("{}  {}\n", at.strftime("%H:%M:%SZ"), told.line)).unwrap_or_default()
}

/// What was written, and how to join.
fn joining(simulator: &Simulator, written: &[String]) -> String {
    let folder = simulator.folder();
    let mut out = format!("A world to practise in is served until Ctrl-C. It is written to {}:\n", folder.display());
    for name in written {
        let _ = writeln!(out, "  {}", name.escape_debug());
    }
    let _ = write!(
        out,
        "\nJoin it with:\n  tiphys --config {}\n  kubectl --kubeconfig {} get applications -A\n  argocd --config {} app list\n",
        quoted(&folder.join("config.toml")),
        quoted(&folder.join("kubeconfig")),
        quoted(&folder.join("argocd-config")),
    );
    let _ = writeln!(out, "\nThe truth about it is told, and faults are set, at {}\n", simulator.control());
    out
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|character| character.is_ascii_alphanumeric() || "/._-+,:@%".contains(character));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn list(scenarios: &[Scenario]) -> String {
    let mut out = String::new();
    let room = scenarios.iter().map(|scenario| scenario.name.as_str().len()).max().unwrap_or_default() + 2;
    for scenario in scenarios {
        let _ = writeln!(out, "{:<room$}{}", scenario.name, scenario.title);
        for part in textwrap(scenario.story.as_str(), 100 - room) {
            let _ = writeln!(out, "{:<room$}{part}", "");
        }
    }
    out
}

/// Breaks a text between words into lines of so many letters.
pub(super) fn textwrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The scenario of this name, or the first; what to say where there is none.
fn choose(wanted: Option<&str>, scenarios: &[Scenario]) -> Result<String, String> {
    let names = || scenarios.iter().map(|scenario| scenario.name.as_str());
    match wanted {
        None => names().next().map(str::to_owned).ok_or_else(|| "tiphys: this build has no scenarios".to_owned()),
        Some(name) if names().any(|known| known == name) => Ok(name.to_owned()),
        Some(name) => {
            let shown = crate::base::Safe::clean(name);
            let meant = world::nearest(name, names()).map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
            let all: Vec<&str> = names().collect();
            Err(format!("tiphys: there is no scenario '{shown}'.{meant}\nThere are: {}. --list tells what there is to see in each.", all.join(", ")))
        }
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let times: f64 = text.parse().map_err(|_not_a_number| format!("'{text}' is no number: 1 is real time, 60 an hour in a minute"))?;
    if times.is_finite() && times > 0.0 && times <= FASTEST {
        Ok(times)
    } else {
        Err(format!("time goes on, and at most {FASTEST} times as fast: use a number above 0, as 1 for real time or 60 for an hour in a minute"))
    }
}

/// Faster than this, a day is over in nine seconds, and no reader keeps up.
const FASTEST: f64 = 10_000.0;

/// A moment that a person named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Exact(Timestamp),
    Today(Time),
}

impl Moment {
    fn on(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Exact(moment) => moment,
            Self::Today(time) => {
                let today = now.to_zoned(TimeZone::UTC).date();
                today.to_datetime(time).to_zoned(TimeZone::UTC).map_or(now, |zoned| zoned.timestamp())
            }
        }
    }
}

fn moment(text: &str) -> Result<Moment, String> {
    let of_today = || {
        let (hours, minutes) = text.trim_end_matches('Z').split_once(':').filter(|(_, minutes)| minutes.len() == 2)?;
        Time::new(hours.parse().ok()?, minutes.parse().ok()?, 0, 0).ok()
    };
    let exact = || text.parse().ok().map(Moment::Exact);
    of_today().map(Moment::Today).or_else(exact).ok_or_else(|| format!("'{text}' is no moment: use 03:10 (UTC) or 2026-11-20T03:10:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Safe;

    fn scenarios() -> Vec<Scenario> {
        let scenario = |name: &str, story: &str| Scenario { name: Safe::clean(name), title: crate::safe!("About {name}"), story: Safe::clean(story) };
        vec![scenario("bad-canary", "A canary fails at a quarter of the traffic. Look why, and decide."), scenario("friday", &"word ".repeat(40))]
    }

    #[test]
    fn an_unknown_scenario_is_answered_with_the_nearest_and_all() {
        assert_eq!(choose(None, &scenarios()).unwrap(), "bad-canary");
        assert_eq!(choose(Some("friday"), &scenarios()).unwrap(), "friday");
        let refused = choose(Some("bad-canry"), &scenarios()).unwrap_err();
        assert!(refused.contains("no scenario 'bad-canry'. Did you mean bad-canary?\nThere are: bad-canary, friday."), "{refused}");
        assert!(!choose(Some("zzz\u{1b}[31m"), &scenarios()).unwrap_err().contains('\u{1b}'));
        assert!(choose(None, &[]).is_err());
    }

    #[test]
    fn the_list_tells_each_story() {
        let list = list(&scenarios());
        assert!(list.starts_with("bad-canary  About bad-canary\n            A canary fails"), "{list}");
        assert!(list.lines().all(|line| line.len() <= 100), "{list}");
    }

    #[test]
    fn time_goes_on() {
        assert_eq!(speed("60"), Ok(60.0));
        assert_eq!(speed("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "NaN", "inf", "1e9"] {
            assert!(speed(wrong).unwrap_err().contains("above 0"), "{wrong}");
        }
        assert!(speed("fast").unwrap_err().contains("no number"));
    }

    #[test]
    fn a_moment_is_of_today_or_exact() {
        let now: Timestamp = "2026-11-20T14:32:07Z".parse().unwrap();
        let at = |text: &str| moment(text).map(|moment| moment.on(now).to_string());
        assert_eq!(at("03:10").unwrap(), "2026-11-20T03:10:00Z");
        assert_eq!(at("3:10Z").unwrap(), "2026-11-20T03:10:00Z");
        assert_eq!(at("2026-12-24T23:59:00+01:00").unwrap(), "2026-12-24T22:59:00Z");
        for wrong in ["25:00", "03:1", "noon", ""] {
            assert!(at(wrong).unwrap_err().contains("is no moment"), "{wrong}");
        }
    }

    #[test]
    fn paths_are_written_as_a_shell_takes_them() {
        assert_eq!(quoted(Path::new("/tmp/world/config.toml")), "/tmp/world/config.toml");
        assert_eq!(quoted(Path::new("/tmp/it's here")), r"'/tmp/it'\''s here'");
    }
}
