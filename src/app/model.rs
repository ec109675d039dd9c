//! The state of the program: what is known of the world, and what a person looks at.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::cell::CellState;
use crate::app::changes::ChangesState;
use crate::app::demo::Demo;
use crate::app::filter::Sight;
use crate::app::journal::JournalState;
use crate::app::matrix::MatrixState;
use crate::app::operation::{Operations, Preview, WaysState};
use crate::app::own::Own;
use crate::app::palette::Palette;
use crate::app::repositories::{NamedRepository, Repositories};
use crate::app::scroll::Scroll;
use crate::app::stir::Stir;
use crate::app::{Intent, Refusal};
use crate::base::{Epoch, OperationId, Raw, RequestId, Safe, Timestamp};
use crate::domain::fleet::Fleet;
use crate::domain::landscape::Landscape;
use crate::domain::names::{ArgocdName, ClusterName, Namespace, SourceId};

/// All of it.
#[derive(Debug, Clone)]
pub struct Model {
    /// What is known of the world.
    pub fleet: Fleet,
    /// The time of the last message.
    pub now: Timestamp,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What is set for the whole program.
    pub settings: Settings,
    /// What plays, where the world is one to practise in.
    pub demo: Option<Demo>,
    /// The matrix is always there; other screens lie on it.
    pub matrix: MatrixState,
    /// What is being changed from here.
    pub operations: Operations,
    /// What is the person's own: favourites, marks, what is watched.
    pub own: Own,
    /// What is looked at.
    pub screen: Screen,
    /// Where leaving an open cell goes back to, if not to the matrix.
    pub beneath: Option<Box<Screen>>,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// A sentence for the person, about the last wish: gone with the next key.
    pub notice: Option<Safe>,
    /// Tasks that ended with a panic, and what they said: a red badge until the end.
    pub panics: Vec<(Option<SourceId>, Safe)>,
    /// Questions under way and what they are for.
    pub asked: BTreeMap<RequestId, Question>,
    /// Questions that came to nothing, by what they were for.
    pub unanswered: BTreeMap<Question, Safe>,
    pub(super) next_request: RequestId,
    pub(super) next_epoch: Epoch,
    /// Clusters that are being read, with what they were told.
    pub(super) told: BTreeMap<ClusterName, Told>,
    /// Gitops repositories that are being read, with what they were told.
    pub(super) repositories: Repositories,
    /// What was taken in and not painted yet.
    pub(super) stir: Stir,
}

/// What a cluster's reader was told about the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Told {
    pub(super) namespaces: BTreeSet<Namespace>,
    pub(super) label_keys: Vec<Raw>,
}

/// What is set for the whole program.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What stands in the header.
    pub title: Safe,
    /// The configuration file: the one that was read, else the one that would be.
    pub file: Safe,
    /// Sources that are read from the start; clusters that were only discovered follow when an application deploys to them.
    pub start: Vec<SourceId>,
    /// Clusters that may be read at all.
    pub clusters: Vec<ClusterName>,
    /// The addresses of the Argo CDs that have one: `https://argocd.example.com/argo`.
    pub argocd_pages: BTreeMap<ArgocdName, String>,
    /// Whether a browser can be opened where this runs.
    pub has_browser: bool,
    /// What to do where a text does not arrive on the clipboard; empty, or a sentence after a blank.
    pub clipboard_hint: Safe,
    /// Gitops repositories that the configuration names.
    pub repositories: Vec<NamedRepository>,
    /// Each GitHub that the configuration names.
    pub githubs: Vec<Raw>,
    /// Whether repositories that Applications name are read although nobody named them.
    pub discover_repositories: bool,
    /// How far back what changed is told.
    pub window: Window,
    /// Whether operations that were left open are taken up: a cockpit does, a single question does not.
    pub takes_up: bool,
}

/// How far back what changed is told: four hours unless somebody says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window(pub std::time::Duration);

impl Default for Window {
    fn default() -> Self {
        Self(std::time::Duration::from_hours(4))
    }
}

/// What a question to a source is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// The detail of an application.
    Detail(crate::domain::AppKey),
    /// The pods of a workload.
    Pods(crate::domain::workload::WorkloadKey),
    /// What git wants of some applications.
    Desired(SourceId),
    /// Everything anew.
    Relist(SourceId),
    /// What happened lately in a cluster.
    Recent(ClusterName),
    /// Who wrote the resources of an application that are out of sync.
    Edits(crate::domain::AppKey),
}

/// The screens.
#[derive(Debug, Clone, PartialEq)]
pub enum Screen {
    /// Services × environments.
    Matrix,
    /// One cell.
    Cell(CellState),
    /// The sources, and what is in no cell.
    Sources(Scroll),
    /// What changed lately, everywhere.
    Changes(Box<ChangesState>),
    /// The ways back.
    Ways(Box<WaysState>),
    /// What a request would change.
    Preview(Box<Preview>),
    /// The record of operations.
    Journal(Box<JournalState>),
    /// An operation: how far it has come.
    Operation(OperationId, Scroll),
}

/// What can lie over a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// What the keys do here.
    Help(Scroll),
    /// A filter is being typed. The text is in the matrix; this is the one to go back to.
    Filter(crate::app::filter::Filter),
    /// What is looked at is given a name, and this much of it is typed.
    Name(Safe),
    /// Something is being chosen to be copied.
    Copy(crate::app::copy::Copying),
    /// Something is being looked for among all that can be done.
    Palette(Palette),
}

impl Model {
    /// A model that knows nothing yet.
    #[must_use]
    pub fn new(landscape: Landscape, settings: Settings, now: Timestamp) -> Self {
        Self {
            fleet: Fleet::new(landscape),
            now,
            size: (80, 24),
            settings,
            demo: None,
            matrix: MatrixState::default(),
            operations: Operations::default(),
            own: Own::default(),
            screen: Screen::Matrix,
            beneath: None,
            overlay: None,
            notice: None,
            panics: Vec::new(),
            asked: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            next_request: RequestId::default(),
            next_epoch: Epoch::default(),
            told: BTreeMap::new(),
            repositories: Repositories::default(),
            stir: Stir::default(),
        }
    }

    /// Columns and rows for the screens: in a demo, one row says what plays.
    #[must_use]
    pub const fn room(&self) -> (u16, u16) {
        (self.size.0, if self.demo.is_some() { self.size.1.saturating_sub(1) } else { self.size.1 })
    }

    /// What filters look at.
    #[must_use]
    pub const fn sight(&self) -> Sight<'_> {
        Sight { fleet: &self.fleet, own: &self.own, now: self.now }
    }

    /// Puts the rows in order, now.
    pub(super) fn rearrange(&mut self) {
        let room = self.room();
        self.matrix.rearrange(Sight { fleet: &self.fleet, own: &self.own, now: self.now }, room);
    }

    /// Whether a wish can be fulfilled here and now, or why not.
    pub fn available(&self, intent: Intent) -> Result<(), Refusal> {
        crate::app::command::find(intent).map_or(Ok(()), |command| (command.available)(self))
    }

    /// Whether every source has said what it can say for now, and what was asked beside has been answered.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.fleet.is_settled(self.now)
            && !self.asked.values().any(|question| matches!(question, Question::Detail(_) | Question::Pods(_) | Question::Desired(_)))
    }

    /// The filter of what is looked at: of the rows, or of what changed.
    #[must_use]
    pub fn filter(&self) -> &crate::app::filter::Filter {
        if let Screen::Changes(state) = &self.screen { &state.filter } else { &self.matrix.filter }
    }

    /// Whether a text field takes what is typed.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        match (&self.overlay, &self.screen) {
            (Some(Overlay::Filter(_) | Overlay::Palette(_) | Overlay::Name(_)), _) => true,
            (None, Screen::Preview(preview)) => preview.takes_text(),
            _ => false,
        }
    }

    /// Whether Enter confirms something, or ends a text that is stated with it.
    #[must_use]
    pub fn is_confirming(&self) -> bool {
        matches!((&self.overlay, &self.screen), (None, Screen::Preview(preview)) if preview.confirmation.is_some() || preview.takes_text())
    }
}
