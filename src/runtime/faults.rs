//! Faults on purpose, in debug builds only: what must hold after a panic is tested on the real program. `TIPHYS_FAULT=core` crashes the core at the
//! first key, `TIPHYS_FAULT=task` crashes the first source.

/// Whether a fault is wished for. Never in a release build.
#[must_use]
pub fn wished(fault: &str) -> bool {
    cfg!(debug_assertions) && std::env::var("TIPHYS_FAULT").is_ok_and(|wished| wished == fault)
}
