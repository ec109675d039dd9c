//! A flat table: the commands. Footer hints, help, greyed keys with their reason and `docs/keys.md` come from it.

use crate::app::{Intent, Model, Overlay, Refusal, Screen};
use crate::operations::argocd;
use crate::operations::canary::Verb;

/// One command.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// What it does.
    pub intent: Intent,
    /// A word or two: for the footer.
    pub title: &'static str,
    /// A sentence: for the help.
    pub help: &'static str,
    /// Where it belongs.
    pub scope: Scope,
    /// What it can do to the world.
    pub danger: Danger,
    /// Whether the footer mentions it.
    pub hinted: bool,
    /// Whether it can be done here and now.
    pub available: fn(&Model) -> Result<(), Refusal>,
}

/// Where a command belongs: for grouping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Moving about.
    Moving,
    /// Looking.
    Looking,
    /// Changing the world.
    Changing,
    /// The program itself.
    Program,
}

impl Scope {
    /// The heading of the group.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Moving => "Moving",
            Self::Looking => "Looking",
            Self::Changing => "Changing",
            Self::Program => "Program",
        }
    }
}

/// What a command leads to. None of them changes the world by itself: what does is previewed, and confirmed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Nothing but looking.
    Reads,
    /// A preview of something that changes the world.
    Previews,
    /// A record in the journal, and what it allows for a while.
    Allows,
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in a table of functions that can refuse")]
const fn always(_: &Model) -> Result<(), Refusal> {
    Ok(())
}

fn on_a_cell(model: &Model) -> Result<(), Refusal> {
    if let Some(Overlay::Filter(_) | Overlay::Name(_)) = model.overlay {
        // Enter keeps what is typed.
        return Ok(());
    }
    match model.screen {
        Screen::Matrix => model.matrix.selected_cell(&model.fleet).map(|_| ()),
        Screen::Cell(_) | Screen::Ways(_) => Ok(()),
        Screen::Changes(ref state) => state.selected_place().map(|_| ()),
        Screen::Journal(ref state) => state.openable(),
        Screen::Sources(_) | Screen::Preview(_) | Screen::Operation(..) => Err(Refusal::NotHere),
    }
}

const fn on_the_matrix(model: &Model) -> Result<(), Refusal> {
    match model.screen {
        Screen::Matrix => Ok(()),
        Screen::Cell(_)
        | Screen::Sources(_)
        | Screen::Changes(_)
        | Screen::Ways(_)
        | Screen::Preview(_)
        | Screen::Operation(..)
        | Screen::Journal(_) => Err(Refusal::NotHere),
    }
}

const fn on_rows(model: &Model) -> Result<(), Refusal> {
    match model.screen {
        Screen::Matrix | Screen::Changes(_) => Ok(()),
        Screen::Cell(_) | Screen::Sources(_) | Screen::Ways(_) | Screen::Preview(_) | Screen::Operation(..) | Screen::Journal(_) => {
            Err(Refusal::NotHere)
        }
    }
}

fn on_what_runs(model: &Model) -> Result<(), Refusal> {
    crate::app::own::looked_at(model).map(|_| ())
}

fn on_a_page(model: &Model) -> Result<(), Refusal> {
    crate::app::copy::page(model).map(|_| ())
}

fn on_a_service(model: &Model) -> Result<(), Refusal> {
    crate::app::view::service(model).map(|_| ())
}

fn on_a_view(model: &Model) -> Result<(), Refusal> {
    on_the_matrix(model)?;
    crate::app::view::forgettable(model).map(|_| ())
}

fn with_a_fold(model: &Model) -> Result<(), Refusal> {
    on_the_matrix(model)?;
    if model.matrix.has_fold() { Ok(()) } else { Err(Refusal::NothingFolded) }
}

const fn moving(intent: Intent, title: &'static str, help: &'static str) -> Command {
    Command { intent, title, help, scope: Scope::Moving, danger: Danger::Reads, hinted: false, available: always }
}

const fn looking(intent: Intent, title: &'static str, help: &'static str, available: fn(&Model) -> Result<(), Refusal>) -> Command {
    Command { intent, title, help, scope: Scope::Looking, danger: Danger::Reads, hinted: true, available }
}

const fn program(intent: Intent, title: &'static str, help: &'static str, hinted: bool) -> Command {
    Command { intent, title, help, scope: Scope::Program, danger: Danger::Reads, hinted, available: always }
}

const fn canary(verb: Verb, help: &'static str) -> Command {
    let looking = looking(Intent::Canary(verb), verb.word(), help, crate::app::operation::preview::with_rollouts);
    Command { scope: Scope::Changing, danger: Danger::Previews, hinted: false, ..looking }
}

const fn argocd(verb: argocd::Verb, title: &'static str, help: &'static str) -> Command {
    let looking = looking(Intent::Argocd(verb), title, help, crate::app::operation::preview::available);
    Command { scope: Scope::Changing, danger: Danger::Previews, hinted: false, ..looking }
}

/// The table.
pub const COMMANDS: &[Command] = &[
    moving(Intent::Up, "up", "One row up."),
    moving(Intent::Down, "down", "One row down."),
    moving(Intent::Left, "left", "One environment to the left."),
    moving(Intent::Right, "right", "One environment to the right."),
    moving(Intent::PageUp, "page up", "A screenful up."),
    moving(Intent::PageDown, "page down", "A screenful down."),
    moving(Intent::Top, "top", "To the first row."),
    moving(Intent::Bottom, "bottom", "To the last row."),
    looking(Intent::Open, "open", "Open the selected cell: placements, workloads, resources, history.", on_a_cell),
    looking(Intent::Fold, "fold", "Show or hide the rows that need no eyes.", with_a_fold),
    looking(
        Intent::Filter,
        "filter",
        "Show only rows with all these words; env:production health:degraded sync:out behind:>0 team:payments version:2.14 cluster:eu service:checkout \
         is:canary narrow one thing; -word leaves rows out, a,b is one of them.",
        on_rows,
    ),
    looking(Intent::Arrange, "arrange", "Change the order of rows: by need, by name, by latest change.", on_the_matrix),
    Command {
        hinted: false,
        ..looking(Intent::Copy, "copy", "Copy something of this cell: version, digest, commit, application, address, or all in words.", on_what_runs)
    },
    Command {
        hinted: false,
        ..looking(Intent::Browse, "open page", "Open this application's page of Argo CD in the browser; without one, copy its address.", on_a_page)
    },
    Command {
        hinted: false,
        ..looking(Intent::Notify, "notify", "Tell me when this cell becomes healthy or fails; again: no longer.", on_what_runs)
    },
    Command { hinted: false, ..looking(Intent::SeeAll, "mark seen", "Take all marks of change off: what changed counts as seen.", always) },
    Command {
        hinted: false,
        ..looking(Intent::Favourite, "favourite", "Make this service a favourite, or no longer: its row comes first in its section.", on_a_service)
    },
    Command {
        hinted: false,
        ..looking(
            Intent::SaveView,
            "keep view",
            "Keep the filter, the order of rows and the fold under a name; views are in this list.",
            on_the_matrix,
        )
    },
    Command { hinted: false, ..looking(Intent::ForgetView, "drop view", "No longer keep the view that is shown.", on_a_view) },
    looking(
        Intent::Changes,
        "changes",
        "What changed in the last four hours, everywhere: commits, syncs, rollouts, events, changes by hand.",
        always,
    ),
    looking(Intent::Sources, "sources", "The sources with state, age and last error, and the applications that are in no cell.", always),
    Command {
        scope: Scope::Changing,
        danger: Danger::Previews,
        ..looking(
            Intent::Promote,
            "promote",
            "Show what promoting this service to the next environment would change, and why it may not; the service's name, typed there, carries it out.",
            crate::app::operation::preview::available,
        )
    },
    Command {
        scope: Scope::Changing,
        danger: Danger::Previews,
        hinted: false,
        ..looking(
            Intent::Ways,
            "ways back",
            "List the ways back, the recommended one first, with how long each takes and what it leaves wrong; Enter shows what it would send.",
            crate::app::operation::ways::available,
        )
    },
    Command {
        scope: Scope::Changing,
        danger: Danger::Previews,
        hinted: false,
        ..looking(
            Intent::Merge,
            "merge",
            "Show what merging the open pull request of this operation, or of this cell, would do, and why it may not; the service's name, typed there, does it.",
            crate::app::operation::pulls::available,
        )
    },
    canary(Verb::Abort, "Send traffic back to the stable version; git keeps what it wants."),
    canary(Verb::NextStep, "Let a canary go on to its next step."),
    canary(Verb::Pause, "Hold a canary where it is."),
    canary(Verb::Resume, "Let a canary that is paused go on."),
    canary(Verb::PromoteFully, "Leave out all steps that are left: the new version takes all traffic."),
    canary(Verb::Retry, "Try a canary again that was aborted."),
    canary(Verb::Undo, "Put the template of an earlier version back in the cluster; git keeps what it wants."),
    canary(Verb::Restart, "Replace the pods of a Rollout a few at a time, with no change of version."),
    argocd(
        argocd::Verb::Sync,
        "sync",
        "Ask Argo CD to sync the applications of this cell, with pruning or without; the preview says what that brings.",
    ),
    argocd(
        argocd::Verb::Refresh,
        "compare with git",
        "Ask Argo CD to refresh the applications of this cell: to compare them with git now. It changes nothing that runs.",
    ),
    argocd(argocd::Verb::Terminate, "terminate sync", "Ask Argo CD to stop the sync that runs. What it has applied stays applied."),
    Command {
        scope: Scope::Changing,
        danger: Danger::Allows,
        hinted: false,
        ..looking(
            Intent::Arm,
            "arm",
            "Let this environment, which is read-only by default, be changed for 30 minutes. The journal says who did and when.",
            crate::app::operation::armable,
        )
    },
    Command {
        scope: Scope::Changing,
        danger: Danger::Allows,
        hinted: false,
        ..looking(
            Intent::Disarm,
            "disarm",
            "Let nothing that is armed be changed any longer, from now on. The journal says who did and when.",
            crate::app::operation::disarmable,
        )
    },
    Command { hinted: false, ..looking(Intent::Operations, "operations", "What was begun here: how far it has come, and how it ended.", always) },
    Command {
        hinted: false,
        ..looking(
            Intent::Journal,
            "journal",
            "The record of operations that were confirmed here, also of earlier days: who, when, why, what became of it.",
            always,
        )
    },
    program(Intent::Palette, "commands", "Everything that can be done, by name.", true),
    program(Intent::Help, "help", "What the keys do here.", true),
    program(Intent::Refresh, "refresh", "Read everything anew, now.", false),
    program(Intent::Back, "back", "Leave the overlay or the screen; on the matrix, leave the program.", true),
    program(Intent::Quit, "quit", "Leave the program from anywhere.", false),
    program(Intent::Suspend, "suspend", "Give the terminal back to the shell; fg brings the cockpit back.", false),
];

/// The command for a wish.
#[must_use]
pub fn find(intent: Intent) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.intent == intent)
}
