//! The command line: the verbs, what they print, and the exit codes that scripts rely on.

mod act;
mod act_json;
mod by_hand;
mod changes;
mod config;
mod debt;
mod doctor;
mod findings;
mod init;
mod journal;
mod manual;
mod merge;
mod oncall;
mod plan;
mod plan_json;
mod practice;
mod status;
mod status_json;
mod watch;
mod ways;

use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory as _, Parser, Subcommand};
use color_eyre::eyre::Result;

use crate::config::{Config, load as load_config};
use crate::operations::argocd;
use crate::runtime::cockpit::{self, Ending};
use crate::runtime::{log, places, report};
use crate::{runtime, ui};

/// Exit codes of every verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Usage or configuration.
    Usage = 2,
    /// Refused.
    Refused = 3,
    /// Sent, and nobody knows with what result.
    Unknown = 4,
    /// A source did not answer; what is known was printed all the same.
    NoAnswer = 5,
    /// A condition does not hold.
    NotSo = 6,
}

/// A release cockpit in a terminal: services × environments, live.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, after_help = EXIT_CODES)]
pub struct Arguments {
    /// The configuration file. Without one: the argocd CLI's login and the kubeconfig.
    #[arg(long, short, global = true, value_name = "FILE", env = "TIPHYS_CONFIG")]
    config: Option<PathBuf>,
    /// Start with this view: one saved in the cockpit, or one that the configuration names.
    #[arg(long, value_name = "NAME")]
    view: Option<String>,
    /// Change nothing, whatever the configuration allows: not even toward safety.
    #[arg(long, global = true)]
    read_only: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 refused, 4 unknown outcome, 5 a source did not answer (what is known is still printed), 6 a condition does not hold.";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print services × environments as text or JSON.
    Status {
        /// As JSON, by docs/status.schema.json.
        #[arg(long)]
        json: bool,
        /// Only services with all these words, as with / in the cockpit: checkout env:production health:degraded.
        #[arg(long, default_value = "")]
        filter: String,
        /// How long to wait for sources that do not answer.
        #[arg(long, default_value = "10s", value_parser = duration)]
        timeout: Duration,
        /// Go on, and print a line for each change: for a log, or a terminal that can do nothing. With --json an object a line, by
        /// docs/status-watch.schema.json.
        #[arg(long)]
        watch: bool,
        /// With --watch: at most so often are changes looked at.
        #[arg(long, default_value = "1s", value_parser = duration, requires = "watch")]
        interval: Duration,
    },
    /// Print what changed lately, everywhere: commits, syncs, rollouts, events, changes by hand.
    Changes {
        /// As JSON, by docs/changes.schema.json.
        #[arg(long)]
        json: bool,
        /// How far back.
        #[arg(long, default_value = "4h", value_parser = duration)]
        since: Duration,
        /// Only changes with all these words, as with / in the cockpit: checkout env:production kind:sync who:ana.
        #[arg(long, default_value = "")]
        filter: String,
        /// How long to wait for sources that do not answer.
        #[arg(long, default_value = "20s", value_parser = duration)]
        timeout: Duration,
    },
    /// Show what a change would do, to the byte, or why it may not be done. Nothing is sent. Exit code 3 where it is refused.
    Plan(plan::Wanted),
    /// Promote a service: shows the plan, asks for the service's name on the terminal, carries it out and follows it until it is verified. Exit code 3
    /// where it is refused, 4 where nobody knows whether it was done.
    Promote(act::Carried<plan::Promote>),
    /// Put an earlier version of a service back: its image on the files as they are now. Shown, confirmed, carried out and followed as a promotion.
    Rollback(act::Carried<plan::Rollback>),
    /// Ask Argo CD to sync the applications of a service, and follow it until it is seen healthy. What is in sync already is refused. Shown, confirmed
    /// and carried out as a promotion.
    Sync(act::Carried<by_hand::Sync>),
    /// Ask Argo CD to compare the applications of a service with git now. It changes nothing that runs, so Enter confirms it.
    Refresh(act::Carried<by_hand::Applications>),
    /// Ask Argo CD to stop the operation that runs for a service. What it has applied stays applied. Refused where none runs.
    Terminate(act::Carried<by_hand::Applications>),
    /// Move or hold a canary: next, pause, resume, promote-fully, abort, retry, undo, restart. What would change nothing is refused, and so is what would
    /// leave an analysis out unasked. Pause and abort lead toward safety: Enter confirms them.
    Canary(act::Carried<by_hand::Canary>),
    /// List the ways back of a service, the recommended one first: how long each takes, what it leaves wrong, why it is refused. Nothing is sent.
    Ways(ways::Wanted),
    /// Merge the pull request of an operation, where an environment takes changes by pull request only: shown, confirmed, sent with the commit that was looked at,
    /// and followed as a promotion.
    Merge(act::Carried<merge::Wanted>),
    /// Print where what runs and what git wants were left apart: aborted rollouts, versions that nobody syncs, changes by hand. Derived from the world.
    Debt(debt::Wanted),
    /// Read the journal, the record of every operation that was confirmed here; examine and export it.
    Journal(journal::Wanted),
    /// Try the cockpit on a world to practise in: no cluster, no login, nothing outside this process.
    Demo(practice::Demo),
    /// Serve a world to practise in alone, for several cockpits, kubectl and argocd.
    Simulate(practice::Simulate),
    /// Write a configuration from what is found: logins, clusters, and the applications of each Argo CD. Shows the matrix that it gives.
    Init(init::Wanted),
    /// Examine this machine, the configuration and each source: what is wrong, and what cures it. Exit code 1 where something does not work.
    Doctor(doctor::Wanted),
    /// Print the configuration as it is understood, each value with where it comes from. Secrets are named, not printed.
    Config(config::Wanted),
    /// Print what the keys of the cockpit do.
    Keys(manual::Keys),
    /// Print a script that lets a shell complete the arguments of tiphys.
    Completions(manual::Completions),
    /// Print a page of the manual, or write all of them.
    Man(manual::Man),
}

/// Runs the program with these arguments.
#[must_use]
pub fn run() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refused) => {
            let _ = refused.print();
            return if refused.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match dispatch(&arguments) {
        Ok(exit) => exit,
        Err(error) => {
            report::print_error(&format!("tiphys: {error:#}"));
            Exit::Failed
        }
    }
}

fn dispatch(arguments: &Arguments) -> Result<Exit> {
    match &arguments.verb {
        Some(Verb::Init(wanted)) => init::run(wanted, &places::surroundings()),
        Some(Verb::Doctor(wanted)) if wanted.oncall => with_config(arguments, |config| oncall::run(config, wanted.json, wanted.timeout)),
        Some(Verb::Doctor(wanted)) => doctor::run(arguments.config.as_deref(), wanted, &places::surroundings()),
        Some(Verb::Config(wanted)) => Ok(config::run(arguments.config.as_deref(), wanted, &places::surroundings())),
        Some(Verb::Journal(wanted)) => journal::run(wanted),
        Some(Verb::Keys(wanted)) => manual::keys(wanted, || own_keys(arguments)),
        Some(Verb::Completions(wanted)) => Ok(manual::completions(wanted, Arguments::command())),
        Some(Verb::Man(wanted)) => manual::man(wanted, Arguments::command()),
        Some(Verb::Demo(wanted)) => practice::demo(wanted, arguments.read_only),
        Some(Verb::Simulate(wanted)) => practice::simulate(wanted),
        Some(Verb::Status { json, filter, timeout, watch, interval }) => with_config(arguments, |config| {
            if *watch {
                let interval = (*interval).max(Duration::from_millis(100));
                return watch::run(config, &watch::Wanted { json: *json, filter, timeout: *timeout, interval });
            }
            status::run(config, &status::Wanted { json: *json, filter, timeout: *timeout })
        }),
        Some(Verb::Changes { json, since, filter, timeout }) => {
            with_config(arguments, |config| changes::run(config, &changes::Wanted { json: *json, filter, since: *since, timeout: *timeout }))
        }
        Some(Verb::Ways(wanted)) => with_config(arguments, |config| ways::run(config, wanted)),
        Some(Verb::Debt(wanted)) => with_config(arguments, |config| debt::run(config, wanted)),
        Some(Verb::Plan(wanted)) => with_config(arguments, |config| plan::run(config, wanted)),
        Some(Verb::Promote(wanted)) => with_config(arguments, |config| act::carry(config, &wanted.what, &wanted.how)),
        Some(Verb::Rollback(wanted)) => with_config(arguments, |config| act::carry(config, &wanted.what, &wanted.how)),
        Some(Verb::Sync(wanted)) => with_config(arguments, |config| act::carry(config, &wanted.what, &wanted.how)),
        Some(Verb::Refresh(wanted)) => {
            with_config(arguments, |config| act::carry(config, &by_hand::Errand(&wanted.what, argocd::Verb::Refresh), &wanted.how))
        }
        Some(Verb::Terminate(wanted)) => {
            with_config(arguments, |config| act::carry(config, &by_hand::Errand(&wanted.what, argocd::Verb::Terminate), &wanted.how))
        }
        Some(Verb::Canary(wanted)) => with_config(arguments, |config| act::carry(config, &wanted.what, &wanted.how)),
        Some(Verb::Merge(wanted)) => with_config(arguments, |config| act::carry(config, &wanted.what, &wanted.how)),
        None => with_config(arguments, |config| Ok(land(cockpit::run(config, arguments.view.as_deref())?))),
    }
}

/// Does what needs the configuration, with the log open. A configuration that cannot be used was told, and is an exit code of its own.
fn with_config(arguments: &Arguments, act: impl FnOnce(&Config) -> Result<Exit>) -> Result<Exit> {
    let config = match load(arguments) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let _log = log::start()?;
    act(&config)
}

/// The exit code for the way in which the cockpit ended.
fn land(ending: Ending) -> Exit {
    match ending {
        Ending::Left | Ending::Ended | Ending::Plays(_) => Exit::Done,
        Ending::NoSuchView(sentence) => {
            report::print_error(&format!("tiphys: {sentence}"));
            Exit::Usage
        }
        Ending::Crashed(place) => {
            report::print_error(&format!("tiphys crashed. The report is in {place}"));
            Exit::Failed
        }
    }
}

/// The keys of the configuration; the usual ones where there is none that can be read, which is no matter of keys.
fn own_keys(arguments: &Arguments) -> Result<ui::keys::Keys> {
    match load_config(arguments.config.as_deref(), &places::surroundings()) {
        Ok(config) => runtime::keys(&config).map_err(|problems| color_eyre::eyre::eyre!("{problems}")),
        Err(_) => Ok(ui::keys::Keys::USUAL),
    }
}

fn load(arguments: &Arguments) -> Result<Config, Exit> {
    let loaded = load_config(arguments.config.as_deref(), &places::surroundings()).and_then(|config| runtime::keys(&config).map(|_| config));
    let mut config = loaded.map_err(|problems| {
        report::print_error(&problems.to_string());
        Exit::Usage
    })?;
    config.read_only |= arguments.read_only;
    Ok(config)
}

/// Prints to standard output. A reader that left early (`| head`) is no error.
fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// A number with a unit: `500ms`, `10s`, `5m`, `1h`, `7d`; without a unit, seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_not_a_number| format!("'{text}' is no duration: use 10s, 5m or 500ms"))?;
    let seconds = match unit {
        "ms" => return Ok(Duration::from_millis(number)),
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(format!("'{unit}' is no unit of time: use ms, s, m, h or d")),
    };
    // Longer than any history here, and what is reckoned with it stays in the calendar.
    let most = 100 * 366 * 86_400;
    number.checked_mul(seconds).filter(|seconds| *seconds <= most).map(Duration::from_secs).ok_or_else(|| format!("'{text}' is more than 100 years"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(duration("7d"), Ok(Duration::from_hours(168)));
        assert!(duration("99999999999999999h").unwrap_err().contains("100 years"));
        assert!(duration("soon").is_err());
        assert!(duration("3w").unwrap_err().contains("'w' is no unit"));
    }
}
