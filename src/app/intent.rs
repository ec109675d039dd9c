//! What a person can want: each key, menu entry and command line verb becomes one of these.

use crate::operations::argocd;
use crate::operations::canary::Verb;

/// A wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Intent {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One column to the left.
    Left,
    /// One column to the right.
    Right,
    /// A screenful up.
    PageUp,
    /// A screenful down.
    PageDown,
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
    /// Look into the selected thing.
    Open,
    /// Leave: the overlay, the filter, the screen, in the end the program.
    Back,
    /// Leave the program.
    Quit,
    /// Show or hide the quiet rows.
    Fold,
    /// Type a filter.
    Filter,
    /// The next order of rows.
    Arrange,
    /// Watch a cell for its outcome, or no longer.
    Notify,
    /// What changed counts as seen.
    SeeAll,
    /// Copy something of what is looked at.
    Copy,
    /// Its page in a browser.
    Browse,
    /// Make a service a favourite, or no longer.
    Favourite,
    /// Keep what is looked at under a name.
    SaveView,
    /// No longer keep the view that is on.
    ForgetView,
    /// The sources and what is in no cell.
    Sources,
    /// What changed lately.
    Changes,
    /// What promoting would change.
    Promote,
    /// What going back would change.
    Ways,
    /// What doing this to a Rollout would change.
    Canary(Verb),
    /// What asking Argo CD for this would do.
    Argocd(argocd::Verb),
    /// Let an environment be changed for a while.
    Arm,
    /// Let nothing that is armed be changed any longer.
    Disarm,
    /// What merging the pull request would do.
    Merge,
    /// The operations that were begun here.
    Operations,
    /// The record of operations, also of earlier days.
    Journal,
    /// Everything that can be done, by name.
    Palette,
    /// What the keys do here.
    Help,
    /// Read everything anew.
    Refresh,
    /// Hand the terminal back to the shell for a while (Ctrl-Z).
    Suspend,
}
