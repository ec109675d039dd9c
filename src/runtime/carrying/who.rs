//! Who sits here, for the door and for the record, with what git calls them.

use crate::base::Safe;
use crate::domain::landscape::Landscape;
use crate::operations::door::Visitor;
use crate::operations::record::{Whence, Who};
use crate::runtime::identity;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// For the door. What git calls them is asked only where an environment is for some people: a program says it, which takes a moment.
#[must_use]
pub fn visitor(landscape: &Landscape) -> Visitor {
    let is_asked = landscape.environments.iter().any(|environment| !environment.guard.people.is_empty());
    let names = std::iter::once(identity::who(variable).user).chain(is_asked.then(address).flatten());
    Visitor { names: names.collect(), place: identity::whence(variable).ssh.unwrap_or_default() }
}

/// The address that the person's git commits with. It runs a program, and blocks.
fn address() -> Option<Safe> {
    let said = std::process::Command::new("git").args(["config", "--get", "user.email"]).stdin(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    (!text.is_empty()).then(|| Safe::clean(&text))
}

/// Who and from where, for the record. It blocks.
#[must_use]
pub(super) fn who() -> (Who, Whence) {
    (Who { git: address(), ..identity::who(variable) }, identity::whence(variable))
}
