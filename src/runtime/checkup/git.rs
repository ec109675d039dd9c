//! The user's git: its version, and whether it reaches a repository without asking anybody. How git is run, `gitops` knows.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::base::{Raw, Safe};
use crate::domain::checkup::Finding;
use crate::gitops::Remote;
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

/// Whether the repository answers, asked exactly as it is fetched. One that somebody named must; of one that Applications merely name it is worth
/// knowing.
pub(super) async fn repository(remote: &Remote, is_named: bool, limit: Duration) -> Finding {
    let amiss = if is_named { Finding::fail } else { Finding::warn };
    let by_hand = safe!("git ls-remote {} HEAD", remote.shown());
    match tokio::time::timeout(limit, remote.head()).await {
        Ok(Ok(Some(commit))) => Finding::well("reachable", safe!("HEAD is {}", Safe::clean(commit.get(..7).unwrap_or(&commit)))),
        Ok(Ok(None)) => Finding::warn("reachable", "it answers, and has no HEAD").cured_by(by_hand),
        Ok(Err(trouble)) => amiss("reachable", trouble.why).cured_by(trouble.cure.unwrap_or(by_hand)),
        Err(_late) => amiss("reachable", safe!("no answer within {} s", limit.as_secs())).cured_by(by_hand),
    }
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

    async fn asked(url: &str, is_named: bool) -> Finding {
        repository(&Remote::new(url, true), is_named, Duration::from_secs(10)).await
    }

    #[tokio::test]
    async fn an_address_runs_nothing_and_is_no_option() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("ran");
        for address in [format!("ext::touch {}", mark.display()), format!("--upload-pack=touch {}", mark.display()), "-x".to_owned()] {
            let finding = asked(&address, false).await;
            assert_eq!(finding.verdict, Verdict::Warn, "{finding:?}");
        }
        assert!(!mark.exists());
    }

    #[tokio::test]
    async fn a_repository_that_is_there_answers_and_one_that_is_not_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let repository = git2::Repository::init_bare(folder.path()).unwrap();
        let url = format!("file://{}", folder.path().display());
        let empty = asked(&url, true).await;
        assert_eq!((empty.verdict, empty.found.as_str()), (Verdict::Warn, "it answers, and has no HEAD"));
        let tree = repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let author = git2::Signature::new("a", "a@example.com", &git2::Time::new(0, 0)).unwrap();
        repository.commit(Some("HEAD"), &author, &author, "first", &tree, &[]).unwrap();
        let found = asked(&url, true).await;
        assert!(found.verdict == Verdict::Well && found.found.as_str().starts_with("HEAD is "), "{found:?}");
        for (is_named, verdict) in [(true, Verdict::Fail), (false, Verdict::Warn)] {
            let found = asked("file:///nowhere/at-all", is_named).await;
            assert!(found.verdict == verdict && found.cure.is_some(), "{found:?}");
        }
    }

    #[tokio::test]
    async fn a_password_in_an_address_is_not_told() {
        let found = asked("http://me:s3cret@127.0.0.1:1/a/b.git", true).await;
        assert!(found.verdict == Verdict::Fail && !format!("{found:?}").contains("s3cret"), "{found:?}");
    }
}
