//! Faults on purpose, in debug builds only: what must hold after a panic is tested on the real program. `TIPHYS_FAULT=core` crashes the core at the
//! first key, `TIPHYS_FAULT=task` crashes the first source; `before-send-1`, `after-send-1` and `before-record-1`, with any number, kill the
//! process there while it carries something out, as a machine that goes away does. With `TIPHYS_FAULT_UNTIL=FILE` it waits there instead: it makes
//! `FILE.reached`, and goes on once there is `FILE`, so that something else can be killed meanwhile.

use std::path::Path;
use std::time::Duration;

/// How often is looked whether it may go on.
const LOOK: Duration = Duration::from_millis(10);

/// Whether a fault is wished for. Never in a release build.
#[must_use]
pub fn wished(fault: &str) -> bool {
    cfg!(debug_assertions) && std::env::var("TIPHYS_FAULT").is_ok_and(|wished| wished == fault)
}

/// Ends the process on the spot where that is wished for: nothing is flushed, nothing is told. Or holds what is being carried out up.
pub fn die_where_wished(fault: &str) {
    if !wished(fault) {
        return;
    }
    match std::env::var_os("TIPHYS_FAULT_UNTIL") {
        Some(file) => hold_until(Path::new(&file)),
        None => drop(rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)),
    }
}

#[expect(clippy::disallowed_methods, reason = "a fault on purpose: the thread of what is carried out stands still, and nothing else does")]
fn hold_until(file: &Path) {
    tokio::task::block_in_place(|| {
        if std::fs::write(file.with_extension("reached"), "").is_err() {
            return;
        }
        while !file.exists() {
            std::thread::sleep(LOOK);
        }
    });
}
