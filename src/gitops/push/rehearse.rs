//! What would keep a commit from being made and pushed, found out while nothing is at stake. Nothing is changed in the original.

use super::sign::Desk;
use super::{Limits, Outcome, Person, blocking};
use crate::base::{Raw, Safe};
use crate::gitops::mirror::{self, Mirror};
use crate::gitops::network::{Remote, Run};

/// What was found. Each: what is well, or the outcome that a push would have, with its sentence and its cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Whether the remote lets this person begin a push. Hooks and rules of branches are not asked by this.
    pub push: Result<Safe, Outcome>,
    /// Who a commit would be by.
    pub identity: Result<Safe, Outcome>,
    /// Whether a commit can be signed without anybody being asked; `Ok(None)`: this person's git does not sign.
    pub signature: Result<Option<Safe>, Outcome>,
}

/// A branch that nobody has: a rehearsed push creates nothing.
const NOWHERE: &str = "refs/heads/tiphys/rehearsal";

/// Rehearses a push: `git push --dry-run`, who the person is, and where their git signs, a signature of a commit that goes nowhere.
pub async fn rehearse(remote: &Remote, mirror: &Mirror, author: Option<&Person>, limits: Limits) -> Rehearsal {
    let desk = Desk { remote, mirror, author, limit: limits.sign };
    let (push, identity, signature) = tokio::join!(dry(remote, mirror, limits), desk.identity(), signature(&desk));
    Rehearsal { push, identity, signature }
}

async fn dry(remote: &Remote, mirror: &Mirror, limits: Limits) -> Result<Safe, Outcome> {
    let head = head(mirror).await?;
    let what = format!("{}:{NOWHERE}", head.as_wire());
    let mut arguments = super::QUIETLY.to_vec();
    arguments.extend(["--dry-run", "--force", "origin", &what]);
    let run = Run { mirror: Some(mirror.folder()), arguments: &arguments, input: b"", silence: limits.push, environment: &[] };
    let said = remote.run(run).await.map_err(Outcome::of)?;
    if said.status.success() {
        return Ok(Safe::clean("it lets you begin a push; its hooks and rules of branches speak only when one is made"));
    }
    Err(super::words::denied_or(remote, &said))
}

/// A commit that is in the mirror.
async fn head(mirror: &Mirror) -> Result<Raw, Outcome> {
    let found = blocking(mirror, |git| {
        let heads = mirror::heads(git).map_err(|error| Outcome::unreadable(&error))?;
        let branch = heads.iter().find(|(name, _)| name.starts_with("refs/heads/")).map(|(_, id)| Raw::from(id.to_string()));
        branch.ok_or_else(|| Outcome::broken("the mirror has no branch yet: it was never fetched"))
    });
    found.await
}

async fn signature(desk: &Desk<'_>) -> Result<Option<Safe>, Outcome> {
    if !desk.signs().await? {
        return Ok(None);
    }
    let head = head(desk.mirror).await?;
    let tree = format!("{}^{{tree}}", head.as_wire());
    desk.commit(&["commit-tree", &tree], "A rehearsal of a signature\n", true).await?;
    Ok(Some(Safe::clean("a commit was signed, and nobody was asked")))
}
