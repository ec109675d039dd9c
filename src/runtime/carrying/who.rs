//! Who sits here, and where: for the door, and for the record. What a person says of himself stands beside what the system says.

use crate::base::Safe;
use crate::operations::door::Visitor;
use crate::operations::record::{Whence, Who};

fn variable(name: &str) -> Option<Safe> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(|value| Safe::clean(&value))
}

fn user() -> Safe {
    variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| crate::safe!("{}", rustix::process::getuid().as_raw()))
}

/// For the door. The address of git is found out by a program, which takes a moment.
#[must_use]
pub fn visitor() -> Visitor {
    Visitor { names: vec![user()], place: whence().ssh.unwrap_or_default() }
}

/// The address that the person's git signs commits with.
#[must_use]
pub(super) fn address() -> Option<Safe> {
    let said = std::process::Command::new("git").args(["config", "--get", "user.email"]).stdin(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    (!text.is_empty()).then(|| Safe::clean(&text))
}

/// Who, for the record.
#[must_use]
pub(super) fn who() -> Who {
    Who { user: user(), uid: rustix::process::getuid().as_raw(), sudo: variable("SUDO_USER"), git: address(), argocd: Vec::new() }
}

/// From where, for the record.
#[must_use]
pub fn whence() -> Whence {
    Whence {
        host: Safe::clean(&rustix::system::uname().nodename().to_string_lossy()),
        pid: std::process::id(),
        tty: rustix::termios::ttyname(rustix::stdio::stdin(), Vec::new()).ok().map(|name| Safe::clean(&name.to_string_lossy())),
        ssh: variable("SSH_CONNECTION")
            .or_else(|| variable("SSH_CLIENT"))
            .map(|text| Safe::clean(text.as_str().split(' ').next().unwrap_or_default())),
    }
}
