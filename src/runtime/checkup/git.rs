//! The user's git: its version, and whether it reaches a repository without asking anybody. Addresses come from the world: git is kept to
//! protocols that run nothing, and an address is never taken for an option.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use crate::base::{Raw, Safe};
use crate::domain::checkup::Finding;
use crate::safe;

/// From this version on git takes settings from its environment, so that no secret has to stand in an argument.
const WANTED: (u32, u32) = (2, 31);

/// The version of git on the path.
pub(super) async fn version(limit: Duration) -> Finding {
    let mut git = Command::new("git");
    git.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let cure = "install git 2.31 or later";
    let text = match tokio::time::timeout(limit, git.output()).await {
        Ok(Ok(output)) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(Ok(output)) => return Finding::fail("git", safe!("'git --version' failed ({})", Safe::clean(&output.status.to_string()))).cured_by(cure),
        Ok(Err(error)) => return Finding::fail("git", Safe::clean(&format!("cannot be run: {error}"))).cured_by(cure),
        Err(_late) => return Finding::fail("git", "'git --version' does not end").cured_by("git --version"),
    };
    judged(text.strip_prefix("git version ").unwrap_or(&text))
}

fn judged(version: &str) -> Finding {
    let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) < WANTED => {
            Finding::warn("git", safe!("{} is old", Raw::from(version).shown())).cured_by("install git 2.31 or later")
        }
        _ => Finding::well("git", version),
    }
}

/// Whether the repository answers, without a question to anybody.
pub(super) async fn repository(url: &Raw, limit: Duration) -> Finding {
    let address = url.as_wire();
    if has_password(address) {
        return Finding::warn("reachable", "not asked: a password stands in its address")
            .cured_by("let Argo CD keep the credentials apart from the address");
    }
    let mut git = Command::new("git");
    git.args(["ls-remote", "--quiet", "--exit-code", "--", address, "HEAD"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "/bin/false")
        .env("SSH_ASKPASS_REQUIRE", "never")
        .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=10")
        // Others may run a program that the address names.
        .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
        .env("LC_ALL", "C")
        // Wherever it is started, no repository around it counts.
        .env("GIT_DIR", "/dev/null")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let by_hand = safe!("git ls-remote {} HEAD", shown(url));
    match tokio::time::timeout(limit, git.output()).await {
        Ok(Ok(output)) if output.status.success() => Finding::well("reachable", head(&output)),
        Ok(Ok(output)) if output.status.code() == Some(2) => Finding::warn("reachable", "it answers, and has no HEAD").cured_by(by_hand),
        Ok(Ok(output)) => Finding::warn("reachable", complaint(&output)).cured_by(by_hand),
        Ok(Err(error)) => Finding::fail("reachable", Safe::clean(&format!("git cannot be run: {error}"))).cured_by("install git 2.31 or later"),
        Err(_late) => Finding::warn("reachable", safe!("no answer within {} s", limit.as_secs())).cured_by(by_hand),
    }
}

/// The address without what stands before the host, which may be a password.
pub(super) fn shown(url: &Raw) -> Safe {
    let text = url.as_wire();
    if has_password(text)
        && let Some((scheme, rest)) = text.split_once("://")
        && let Some((_, host)) = rest.split_once('@')
    {
        return Safe::clean(&format!("{scheme}://{host}"));
    }
    url.shown()
}

fn has_password(address: &str) -> bool {
    let authority = address.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    authority.and_then(|authority| authority.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'))
}

fn head(output: &Output) -> Safe {
    let text = String::from_utf8_lossy(&output.stdout);
    let commit: String = text.chars().take_while(char::is_ascii_hexdigit).take(7).collect();
    safe!("HEAD is {}", Safe::clean(&commit))
}

/// What git complains of: the line that says why.
fn complaint(output: &Output) -> Safe {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.starts_with("fatal: ")).or_else(|| text.lines().next()).unwrap_or("git failed without a word");
    Safe::clean(line.strip_prefix("fatal: ").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checkup::Verdict;

    #[test]
    fn old_versions_are_told_from_new_ones() {
        for (version, verdict) in [
            ("2.30.2", Verdict::Warn),
            ("2.31.0", Verdict::Well),
            ("2.39.5 (Apple Git-154)", Verdict::Well),
            ("3.0", Verdict::Well),
            ("odd", Verdict::Well),
        ] {
            assert_eq!(judged(version).verdict, verdict, "{version}");
        }
    }

    #[tokio::test]
    async fn an_address_runs_nothing_and_is_no_option() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("ran");
        for address in [format!("ext::touch {}", mark.display()), format!("--upload-pack=touch {}", mark.display()), "-x".to_owned()] {
            let finding = repository(&Raw::from(address.as_str()), Duration::from_secs(10)).await;
            assert_eq!(finding.verdict, Verdict::Warn, "{finding:?}");
        }
        assert!(!mark.exists());
    }

    #[tokio::test]
    async fn a_repository_that_is_there_answers_and_one_that_is_not_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let repository = git2::Repository::init_bare(folder.path()).unwrap();
        let tree = repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let author = git2::Signature::new("a", "a@example.com", &git2::Time::new(0, 0)).unwrap();
        repository.commit(Some("HEAD"), &author, &author, "first", &tree, &[]).unwrap();
        let url = format!("file://{}", folder.path().display());
        let found = super::repository(&Raw::from(url.as_str()), Duration::from_secs(10)).await;
        assert!(found.verdict == Verdict::Well && found.found.as_str().starts_with("HEAD is "), "{found:?}");
        let found = super::repository(&Raw::from("file:///nowhere/at-all"), Duration::from_secs(10)).await;
        assert!(found.verdict == Verdict::Warn && found.cure.is_some(), "{found:?}");
    }

    #[tokio::test]
    async fn a_password_in_an_address_goes_nowhere() {
        let url = Raw::from("https://me:s3cret@git.example.com/a/b.git");
        let found = repository(&url, Duration::from_secs(10)).await;
        assert!(!format!("{found:?}{}", shown(&url)).contains("s3cret"));
        assert_eq!(shown(&url).as_str(), "https://git.example.com/a/b.git");
        assert_eq!(shown(&Raw::from("git@git.example.com:a/b.git")).as_str(), "git@git.example.com:a/b.git");
    }
}
