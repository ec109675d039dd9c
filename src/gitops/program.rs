//! The `git` program and its surroundings: it asks nobody, takes nothing from the environment that would lead it elsewhere, and ends with whoever
//! started it. It knows no remote and no credential.

use std::path::Path;
use std::process::{Command, Stdio};

/// What in an environment would make git look elsewhere or say more than was asked.
const ELSEWHERE: [&str; 8] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_COMMON_DIR", "GIT_TRACE", "GIT_CURL_VERBOSE"];

/// Surroundings in which git asks nobody and speaks its own English.
pub(super) fn quiet(command: &mut Command) {
    for name in ELSEWHERE {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "/bin/false").env("SSH_ASKPASS", "/bin/false");
    // `force` and not `never`: with `never`, ssh asks on the terminal.
    command.env("SSH_ASKPASS_REQUIRE", "force").env("GCM_INTERACTIVE", "never").env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
}

/// Who a commit is by, where an environment says so.
const WHO: [&str; 5] = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"];

/// Nothing of a person's own git configuration is read, and nothing is known of the person.
pub(super) fn isolate(command: &mut Command) {
    for name in WHO {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
}

/// A git that works in a mirror and never leaves this machine. What a person's configuration says about logs and differences does not count.
pub(super) fn local(mirror: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(mirror);
    quiet(&mut command);
    isolate(&mut command);
    command
        .env_remove("GIT_CONFIG_COUNT")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_ALLOW_PROTOCOL", "")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // What the terminal sends to this program is not for it.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// A process that leads a group of its own, and what it started: what the terminal sends to this program is not for it, and it cannot take what a
/// person types. Dropped, all of them end.
pub(crate) struct Running(pub(crate) tokio::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
