//! Errors and panics before, during and after the screen.
//!
//! While the cockpit owns the terminal nothing may print: a panic is written to a file, and only the main thread decides what happens then. A panic
//! of a task is a red badge; a panic of the core ends the program with the terminal restored and the path of the report on it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use color_eyre::eyre::Result;

use crate::runtime::{clock, log, places};

/// Whether the cockpit owns the terminal. A process has one terminal and one panic hook, so this is the one place for a static.
static ON_SCREEN: AtomicBool = AtomicBool::new(false);

/// The report that was written last.
static LAST: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Installs the hooks. Call once, first thing.
pub fn install() -> Result<()> {
    let (panic_hook, error_hook) = color_eyre::config::HookBuilder::default().display_env_section(false).into_hooks();
    error_hook.install()?;
    std::panic::set_hook(Box::new(move |info| {
        let report = panic_hook.panic_report(info).to_string();
        let path = keep(&report);
        if !ON_SCREEN.load(Ordering::SeqCst) {
            print_error(&report);
        }
        if let Some(path) = path {
            *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
        }
    }));
    Ok(())
}

/// From now on the cockpit owns the terminal, or no longer does.
pub fn set_on_screen(on_screen: bool) {
    ON_SCREEN.store(on_screen, Ordering::SeqCst);
}

/// Where the last report of a panic lies.
#[must_use]
pub fn last() -> Option<PathBuf> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Prints to standard error, where nobody listening is no reason to panic again.
pub fn print_error(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn keep(report: &str) -> Option<PathBuf> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let folder = places::state().ok()?;
    let path = folder.join(format!("crash-{}.txt", clock::now().strftime("%Y%m%dT%H%M%SZ")));
    let mut file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path).ok()?;
    file.write_all(log::scrub(report).as_bytes()).ok()?;
    Some(path)
}
