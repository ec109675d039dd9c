//! Who sits here, for the door and for the record, with what git calls them.

use crate::base::Safe;
use crate::operations::door::Visitor;
use crate::operations::record::{Whence, Who};
use crate::runtime::identity;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// For the door. What git calls them is found out by a program, which takes a moment: it is told later.
#[must_use]
pub fn visitor() -> Visitor {
    Visitor { names: vec![identity::who(variable).user], place: identity::whence(variable).ssh.unwrap_or_default() }
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
