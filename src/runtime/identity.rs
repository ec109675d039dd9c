//! Who sits in front of it and from where, as the system and the environment say. For the journal.

use crate::base::Safe;
use crate::operations::record::{Whence, Who};

/// Who runs this program. What git and Argo CD call this person is for the caller to say.
#[must_use]
pub fn who(variable: impl Fn(&str) -> Option<String>) -> Who {
    let named = |name: &str| variable(name).filter(|value| !value.is_empty()).map(|value| Safe::clean(&value));
    Who {
        user: named("LOGNAME").or_else(|| named("USER")).unwrap_or_else(|| Safe::clean("a user without a name")),
        uid: rustix::process::getuid().as_raw(),
        sudo: named("SUDO_USER"),
        git: None,
        argocd: Vec::new(),
    }
}

/// From where it is run. In a multiplexer the SSH client is the one of when that was started.
#[must_use]
pub fn whence(variable: impl Fn(&str) -> Option<String>) -> Whence {
    let client = ["SSH_CONNECTION", "SSH_CLIENT"].into_iter().find_map(variable);
    let tty = rustix::termios::ttyname(rustix::stdio::stdin(), Vec::new()).ok();
    Whence {
        host: Safe::clean(&rustix::system::uname().nodename().to_string_lossy()),
        pid: std::process::id(),
        tty: tty.map(|tty| Safe::clean(&tty.to_string_lossy())),
        // The address, its port, and for the first of the two also those of this side.
        ssh: client.and_then(|client| client.split_whitespace().next().map(Safe::clean)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_as_the_environment_says_and_cleaned() {
        let variables =
            |pairs: &'static [(&str, &str)]| move |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let ana = who(variables(&[("LOGNAME", ""), ("USER", "ana\u{1b}[2J"), ("SUDO_USER", "ben")]));
        assert_eq!((ana.user.as_str(), ana.sudo.as_ref().map(Safe::as_str)), ("ana\u{fffd}[2J", Some("ben")));
        assert_eq!(who(variables(&[])).user.as_str(), "a user without a name");
        let from = |pairs| whence(variables(pairs)).ssh.map(|ssh| ssh.to_string());
        assert_eq!(from(&[("SSH_CONNECTION", "10.0.0.7 52110 10.0.0.1 22"), ("SSH_CLIENT", "10.0.0.8 1 22")]).as_deref(), Some("10.0.0.7"));
        assert_eq!(from(&[("SSH_CLIENT", "fd00::8 1 22")]).as_deref(), Some("fd00::8"));
        assert_eq!(from(&[]), None);
        let here = whence(variables(&[]));
        assert!(!here.host.is_empty() && here.pid == std::process::id());
    }
}
