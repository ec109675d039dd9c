//! The person's browser: whether there is one where this runs, and sending it to a page.

use std::process::Stdio;

use color_eyre::eyre::{Result, WrapErr as _};

use tokio::sync::mpsc;

use crate::base::Safe;
use crate::domain::link::Link;

/// The program that opens pages: what the system has for it.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Whether a browser can be opened: a screen of the person's own, not a bastion that was reached over SSH.
#[must_use]
pub fn is_there(lookup: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| lookup(name).is_some_and(|value| !value.is_empty());
    if set("SSH_CONNECTION") || set("SSH_TTY") {
        return false;
    }
    let has_screen = cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY");
    has_screen && lookup("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(OPENER).is_file()))
}

/// Sends the browser to a page, and tells where that fails.
pub fn send(link: Link, failures: mpsc::UnboundedSender<Safe>) {
    tokio::spawn(async move {
        if let Err(error) = open(&link).await {
            let _ = failures.send(Safe::clean(&format!("{error:#}. The page is {}", link.text())));
        }
    });
}

/// Sends the browser to a page. The address is an argument of its own, and begins with `http`: no shell reads it, and no option is made of it.
async fn open(link: &Link) -> Result<()> {
    let mut command = tokio::process::Command::new(OPENER);
    command.arg(link.text().as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().await.wrap_err_with(|| format!("cannot run {OPENER}"))?;
    color_eyre::eyre::ensure!(status.success(), "{OPENER} found no browser");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bastion_has_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(OPENER), "").unwrap();
        let path = folder.path().display().to_string();
        let there = |set: &[&str], path: &str| {
            is_there(|name| if name == "PATH" { Some(path.to_owned()) } else { set.contains(&name).then(|| "x".to_owned()) })
        };
        assert!(there(&["DISPLAY"], &path));
        assert!(!there(&["DISPLAY"], "/nowhere"));
        assert!(!there(&["DISPLAY", "SSH_CONNECTION"], &path));
        assert_eq!(there(&[], &path), cfg!(target_os = "macos"));
    }
}
