//! What must happen outside the core, as data that tests can compare.

use crate::app::view::Change;
use crate::base::{Epoch, OperationId, Raw, RequestId, Safe, Timestamp};
use crate::domain::link::Link;
use crate::domain::question::Ask;
use crate::domain::{EnvironmentName, SourceId};
use crate::manifest::prepared::Asked;
use crate::manifest::rendered::Wish;
use crate::operations::Approved;
use crate::operations::mutation::Mutation;
use crate::operations::oncall::Question;
use crate::operations::record::Entry;

/// Something for the shell to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start reading a source in this generation.
    Connect {
        /// Which.
        source: SourceId,
        /// The generation that its reports will carry.
        epoch: Epoch,
    },
    /// Start reading a gitops repository that nobody configured: an Application names it.
    Mirror {
        /// What it is called here.
        source: SourceId,
        /// The generation that its reports will carry.
        epoch: Epoch,
        /// Its URL, as the Application names it.
        url: Raw,
    },
    /// Ask a running source.
    Ask {
        /// Which.
        source: SourceId,
        /// What.
        ask: Ask,
    },
    /// Read what a plan needs of repositories. Answered by what was prepared, with the id that an operation of it would have.
    Prepare {
        /// Which question it is.
        request: RequestId,
        /// What is to be read.
        asked: Box<Asked>,
    },
    /// Render what a plan changes, where renderers are here.
    Render {
        /// Which question it is.
        request: RequestId,
        /// What is to be rendered.
        wishes: Vec<Wish>,
    },
    /// Ask what the tokens may do.
    Permit {
        /// Which question it is.
        request: RequestId,
        /// What would be sent.
        mutations: Vec<Mutation>,
    },
    /// Carry out what was approved.
    Carry(Box<Approved>),
    /// Find out which revisions contain a commit.
    Trace {
        /// For which operation.
        id: OperationId,
        /// The name of the source that reads the repository.
        repository: Raw,
        /// The commit.
        commit: Raw,
        /// Whether it gets onto its branch by a pull request, which may make another commit of it.
        is_proposed: bool,
        /// The revisions.
        revisions: Vec<Raw>,
    },
    /// Put something about an operation on record.
    Record {
        /// Which operation.
        id: OperationId,
        /// What.
        entry: Box<Entry>,
    },
    /// Take up what was left open.
    Recall,
    /// Read how long the changes on record took.
    Learn,
    /// Put on record that an environment may be changed for a while.
    Arm {
        /// Which.
        environment: EnvironmentName,
        /// Until when.
        until: Timestamp,
    },
    /// Put on record that an environment may no longer be changed.
    Disarm {
        /// Which.
        environment: EnvironmentName,
    },
    /// Find out whether this person could go back now. It changes nothing.
    Rehearse(Box<Question>),
    /// Read the record of operations: all of them as a list, or one.
    ReadJournal(Option<OperationId>),
    /// End this world and begin that scenario of the demo.
    Play(Safe),
    /// Draw a person's attention, by the bell or a notification of the terminal.
    Notify(Safe),
    /// Put a text on the clipboard of the person's terminal.
    Copy(Safe),
    /// Keep something for the next time.
    Keep(Change),
    /// Send a browser to a page.
    Browse(Link),
    /// Give the terminal back to the shell until the program is continued.
    Suspend,
    /// End the program.
    Quit,
}
