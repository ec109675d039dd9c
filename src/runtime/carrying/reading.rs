//! Reading the record of operations for the screen, in a thread that may wait for the disk.

use tokio::sync::mpsc::UnboundedSender;

use crate::app::What;
use crate::app::journal::{Heard, MOST, Row};
use crate::base::{OperationId, Safe};
use crate::execution::journal::{Journal, Problem, Recorded};
use crate::operations::record::telling;

/// Begins to read all operations as a list, or one in full.
pub(super) fn begin(journal: Result<Journal, Safe>, which: Option<OperationId>, news: UnboundedSender<What>) {
    tokio::task::spawn_blocking(move || {
        let heard = match which {
            None => Heard::List(journal.and_then(|journal| list(&journal).map_err(said))),
            Some(id) => {
                let told = journal.and_then(|journal| journal.read(&id).map_err(said)).map(|recorded| told(&recorded));
                Heard::One(id, told)
            }
        };
        drop(news.send(What::Journal(Box::new(heard))));
    });
}

#[expect(clippy::needless_pass_by_value, reason = "it is what a failed result holds")]
fn said(problem: Problem) -> Safe {
    Safe::clean(&problem.to_string())
}

/// The newest operations, and how many older ones there are.
fn list(journal: &Journal) -> Result<(Vec<Row>, usize), Problem> {
    let ids = journal.operations()?;
    let older = ids.len().saturating_sub(MOST);
    let rows = ids.into_iter().rev().take(MOST).map(|id| match journal.read(&id) {
        Ok(Recorded { story: Some(story), checked, .. }) => Row::of(id, &story, checked.problem()),
        Ok(Recorded { checked, .. }) => Row::unread(id, checked.problem().unwrap_or_else(|| Safe::clean("it has no whole line"))),
        Err(problem) => Row::unread(id, said(problem)),
    });
    Ok((rows.collect(), older))
}

fn told(recorded: &Recorded) -> Vec<telling::Paragraph> {
    let mut told = telling::told(recorded.story.as_ref(), &recorded.checked.lines);
    told.extend(telling::record(&recorded.checked, &Safe::clean(&recorded.file.display().to_string())));
    told
}
