//! This machine: the configuration, the terminal, the folders and the files that hold credentials.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::base::Safe;
use crate::config::{Config, Origin, Problems, Surroundings, kubeconfig};
use crate::domain::checkup::Finding;
use crate::runtime::places;
use crate::safe;
use crate::ui::Look;
use crate::ui::look::{Colors, Glyphs};

/// Below this size the cockpit leaves things out.
const COMFORTABLE: (u16, u16) = (80, 24);

/// Whether the configuration can be used, and where it comes from.
pub(super) fn configuration(config: &Result<Config, Problems>, surroundings: &Surroundings) -> Vec<Finding> {
    let config = match config {
        Err(problems) => {
            let told = problems.0.iter().map(|problem| {
                let mut plain = problem.clone();
                let cure = plain.cure.take();
                let finding = Finding::fail("configuration", plain.to_string());
                finding.cured_by(cure.map_or_else(|| "tiphys config".to_owned(), |cure| cure.to_string()))
            });
            return told.collect();
        }
        Ok(config) => config,
    };
    let mut findings = Vec::new();
    match &config.origin {
        Origin::File(file) => {
            let shown = surroundings.shown(file);
            let mode = std::fs::metadata(file).map(|metadata| metadata.mode() & 0o777).unwrap_or_default();
            findings.push(if mode & 0o022 == 0 {
                Finding::well("configuration", shown)
            } else {
                Finding::warn("configuration", format!("others may write {shown} (mode {mode:o}), and with it run programs as you"))
                    .cured_by(format!("chmod go-w {shown}"))
            });
        }
        Origin::Discovered => findings.push(Finding::warn("configuration", "none: environments are guessed, and read-only").cured_by("tiphys init")),
    }
    findings.extend(config.remarks.iter().map(|remark| Finding::warn("configuration", remark)));
    findings
}

/// What the terminal can do, by the environment. It is not asked: an answer that never comes would hang.
pub(super) fn terminal(lookup: impl Fn(&str) -> Option<String>, size: Option<(u16, u16)>) -> Vec<Finding> {
    let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let look = Look::choose(&lookup);
    let term = set("TERM").unwrap_or_default();
    let mut findings = Vec::new();
    findings.push(match term.as_str() {
        "" | "dumb" => Finding::warn("terminal", "TERM says that it cannot place text: the cockpit needs more, tiphys status does not")
            .cured_by("export TERM=xterm-256color"),
        _ => Finding::well("terminal", &term),
    });
    let colors = match look.colors {
        Colors::Sixteen => Finding::well("colours", "the terminal's sixteen"),
        Colors::Many => Finding::well("colours", "256"),
        Colors::None if set("NO_COLOR").is_some() => Finding::well("colours", "none: NO_COLOR is set"),
        Colors::None => Finding::well("colours", "none: marks and letters say the same"),
    };
    findings.push(colors);
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| Some((name, set(name)?)));
    let said = locale.as_ref().map_or_else(|| "no locale is set".to_owned(), |(name, value)| format!("{name}={value}"));
    findings.push(match look.glyphs {
        Glyphs::Unicode => Finding::well("characters", said),
        Glyphs::Ascii if term == "linux" => Finding::well("characters", "the console draws few: ASCII is used"),
        Glyphs::Ascii => Finding::warn("characters", format!("{said}, not UTF-8: ASCII is used")).cured_by("export LC_ALL=C.UTF-8"),
    });
    let inside = [("TMUX", "tmux"), ("STY", "screen")].into_iter().find(|(name, _)| set(name).is_some());
    if let Some((_, multiplexer)) = inside {
        let fits = ["tmux", "screen"].iter().any(|start| term.starts_with(start));
        findings.push(if fits {
            Finding::well("multiplexer", multiplexer)
        } else {
            let cure = if multiplexer == "tmux" { "tmux set -g default-terminal tmux-256color" } else { "term screen-256color in ~/.screenrc" };
            Finding::warn("multiplexer", format!("{multiplexer}, but TERM={term} is not one of its own")).cured_by(cure)
        });
    }
    findings.push(match size {
        None => Finding::well("size", "not on a terminal"),
        Some((columns, rows)) if columns < COMFORTABLE.0 || rows < COMFORTABLE.1 => {
            Finding::warn("size", format!("{columns}×{rows}: below 80×24 things are left out")).cured_by("make the window larger")
        }
        Some((columns, rows)) => Finding::well("size", format!("{columns}×{rows}")),
    });
    findings
}

/// The folders for logs and crash reports, and for what may be thrown away.
pub(super) fn folders(surroundings: &Surroundings) -> Vec<Finding> {
    let judged = |what: &str, variable: &str, folder: Result<PathBuf, String>| {
        let cure = format!("set {variable} to a folder that you may write to");
        match folder.and_then(|folder| writable(&folder).map(|()| folder).map_err(|error| format!("cannot write to it: {error}"))) {
            Ok(folder) => Finding::well(what, safe!("{} can be written", Safe::clean(surroundings.shown(&folder).trim_end_matches('/')))),
            Err(why) => Finding::fail(what, Safe::clean(&why)).cured_by(cure),
        }
    };
    let state = places::state().map_err(|error| format!("{error:#}"));
    let cache = surroundings.cache_home().map(|folder| folder.join("tiphys")).ok_or_else(|| "there is no home directory".to_owned());
    // It is made when something is first kept there; until then, the folder that it will be made in.
    let cache = cache.map(|folder| folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(&folder).to_owned());
    vec![judged("state folder", "XDG_STATE_HOME", state), judged("cache folder", "XDG_CACHE_HOME", cache)]
}

fn writable(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".checkup-{}", std::process::id()));
    std::fs::write(&path, "")?;
    std::fs::remove_file(&path)
}

/// Kubeconfigs that others may read: they hold credentials.
pub(super) fn kubeconfigs(surroundings: &Surroundings) -> Vec<Finding> {
    let judged = |file: &PathBuf| {
        let mode = std::fs::metadata(file).ok()?.mode() & 0o777;
        let shown = surroundings.shown(file);
        Some(if mode & 0o077 != 0 {
            Finding::warn("kubeconfig", format!("others may use {shown} (mode {mode:o})")).cured_by(format!("chmod 600 {shown}"))
        } else {
            Finding::well("kubeconfig", shown)
        })
    };
    kubeconfig::files(surroundings).iter().filter_map(judged).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checkup::Verdict;

    fn told(variables: &[(&str, &str)], size: Option<(u16, u16)>) -> Vec<(String, Verdict, Option<String>)> {
        let lookup = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let told = terminal(lookup, size).into_iter();
        told.map(|finding| (finding.what.to_string(), finding.verdict, finding.cure.map(|cure| cure.to_string()))).collect()
    }

    #[test]
    fn a_usual_terminal_is_well_and_a_poor_one_is_told_the_cure() {
        assert!(
            told(&[("TERM", "xterm-256color"), ("LANG", "de_DE.UTF-8")], Some((200, 50))).iter().all(|(_, verdict, _)| *verdict == Verdict::Well)
        );
        let poor = told(&[("TERM", "dumb"), ("LANG", "C")], Some((60, 20)));
        let warned: Vec<_> =
            poor.iter().filter(|(_, verdict, cure)| *verdict == Verdict::Warn && cure.is_some()).map(|(what, ..)| what.as_str()).collect();
        assert_eq!(warned, ["terminal", "characters", "size"]);
    }

    #[test]
    fn a_multiplexer_with_the_wrong_term_is_told_its_own() {
        let find =
            |term: &str| told(&[("TERM", term), ("TMUX", "/tmp/x"), ("LANG", "C.UTF-8")], None).into_iter().find(|(what, ..)| what == "multiplexer");
        assert_eq!(find("tmux-256color").unwrap().1, Verdict::Well);
        let (_, verdict, cure) = find("xterm-256color").unwrap();
        assert_eq!((verdict, cure.as_deref()), (Verdict::Warn, Some("tmux set -g default-terminal tmux-256color")));
    }
}
