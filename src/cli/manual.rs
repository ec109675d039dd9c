//! `tiphys keys`, `completions` and `man`: what the program can do, told to people, shells and manual readers. All of it comes from the tables of
//! commands and of arguments.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use color_eyre::eyre::{Result, WrapErr as _};
use serde::Serialize;

use super::{Exit, print};
use crate::app::COMMANDS;
use crate::runtime::report;
use crate::ui;

/// What `tiphys keys` can be told.
#[derive(Debug, Args)]
pub(super) struct Keys {
    /// As Markdown, for docs/keys.md.
    #[arg(long)]
    markdown: bool,
    /// As JSON: a list of commands, each with title, help, group and keys.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
}

/// What `tiphys completions` can be told.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// For which shell.
    shell: Shell,
}

/// What `tiphys man` can be told.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// The page of this command, instead of the program's own.
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    verb: Option<String>,
    /// Write all pages into this folder, which is made where it is missing: ~/.local/share/man/man1.
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Listed {
    title: &'static str,
    help: &'static str,
    group: &'static str,
    keys: Vec<String>,
}

/// Prints the table of keys and commands.
pub(super) fn keys(wanted: &Keys, own: impl FnOnce() -> Result<ui::keys::Keys>) -> Result<Exit> {
    let text = if wanted.markdown {
        ui::keys::markdown()
    } else if wanted.json {
        let keys = own()?;
        let listed = |command: &crate::app::command::Command| Listed {
            title: command.title,
            help: command.help,
            group: command.scope.title(),
            keys: keys.all_of(command.intent).split(", ").filter(|key| !key.is_empty()).map(str::to_owned).collect(),
        };
        format!("{}\n", serde_json::to_string(&COMMANDS.iter().map(listed).collect::<Vec<_>>())?)
    } else {
        ui::keys::text(own()?)
    };
    print(&text);
    Ok(Exit::Done)
}

/// Prints a completion script.
pub(super) fn completions(wanted: &Completions, mut program: Command) -> Exit {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(wanted.shell, &mut program, name, &mut script);
    print(&String::from_utf8_lossy(&script));
    Exit::Done
}

/// Prints a page of the manual, or writes all of them.
pub(super) fn man(wanted: &Man, program: Command) -> Result<Exit> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    if let Some(folder) = &wanted.output {
        let failed = || format!("cannot write the manual to {}", folder.display());
        std::fs::create_dir_all(folder).wrap_err_with(failed)?;
        clap_mangen::generate_to(program, folder).wrap_err_with(failed)?;
        return Ok(Exit::Done);
    }
    let page = match &wanted.verb {
        None => program,
        Some(verb) => {
            let Some(found) = program.find_subcommand(verb) else {
                let verbs: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
                report::print_error(&format!("tiphys: there is no command '{}'\n    known: {}", crate::base::Safe::clean(verb), verbs.join(", ")));
                return Ok(Exit::Usage);
            };
            found.clone()
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).source(concat!("tiphys ", env!("CARGO_PKG_VERSION"))).render(&mut text)?;
    print(&String::from_utf8_lossy(&text));
    Ok(Exit::Done)
}
