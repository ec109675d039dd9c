//! Faults on purpose, in debug builds only: what must hold after a panic is tested on the real program. `TIPHYS_FAULT=core` crashes the core at the
//! first key, `TIPHYS_FAULT=task` crashes the first source; `before-send-1`, `after-send-1` and `before-record-1`, with any number, kill the
//! process there while it carries something out, as a machine that goes away does.

/// Whether a fault is wished for. Never in a release build.
#[must_use]
pub fn wished(fault: &str) -> bool {
    cfg!(debug_assertions) && std::env::var("TIPHYS_FAULT").is_ok_and(|wished| wished == fault)
}

/// Ends the process on the spot where that is wished for: nothing is flushed, nothing is told.
pub fn die_where_wished(fault: &str) {
    if wished(fault) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
