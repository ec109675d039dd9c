//! Where the program keeps its files, by the XDG rules.

use std::path::PathBuf;

use crate::config::Surroundings;
use color_eyre::eyre::{OptionExt as _, Result, WrapErr as _};
use directories::ProjectDirs;

/// The folder for logs and crash reports: `$XDG_STATE_HOME/tiphys`. It is made, for its owner only.
pub fn state() -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let dirs = ProjectDirs::from("", "", "tiphys").ok_or_eyre("there is no home directory: set HOME")?;
    let folder = dirs.state_dir().map_or_else(|| dirs.data_local_dir().to_owned(), ToOwned::to_owned);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).wrap_err_with(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// The folder of the journal: `$XDG_STATE_HOME/tiphys/journal`. The journal makes it when it is first written to.
pub fn journal() -> Result<PathBuf> {
    Ok(state()?.join("journal"))
}

/// The folder of the mirrors of gitops repositories: `$XDG_CACHE_HOME/tiphys/mirrors`. It is made when something is fetched into it.
#[must_use]
pub fn mirrors() -> Option<PathBuf> {
    Some(ProjectDirs::from("", "", "tiphys")?.cache_dir().join("mirrors"))
}

/// What surrounds this process: its home directory and its environment. Variables that are not text are left out.
#[must_use]
pub fn surroundings() -> Surroundings {
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Surroundings::new(home, variables)
}
