//! What git and the forges say of a push. Git's own words are English (`LC_ALL=C`); those of the original arrive as `remote: …`.
//!
//! Facts: `git push --porcelain` (git-push(1), "Output"); the words of the forges as their users quote them.

use std::os::unix::process::ExitStatusExt as _;

use super::outcome::Outcome;
use crate::base::{Raw, Safe};
use crate::domain::desired::{Address, WithPassword};
use crate::gitops::network::{MOST_WORDS, Remote, Said, Trouble, TroubleKind};

/// What came of a push.
pub(super) enum Sent {
    /// The original says that it took it; with where a pull request can be opened.
    Took(Option<Safe>),
    /// Somebody else was quicker.
    Raced(Safe),
    /// That is all.
    Ended(Outcome),
}

/// Lines of the original that are kept.
const MOST_LINES: usize = 20;
/// The branch was not where it was believed to be, or somebody moves it now.
const RACES: [&str; 10] = [
    "fetch first",
    "stale info",
    "non-fast-forward",
    "already exists",
    "failed to update ref",
    "cannot lock ref",
    "failed to lock",
    "incorrect old value",
    "reference already exists",
    "remote ref updated since checkout",
];
/// Only some may push to this branch, or nobody: GitHub (GH006, GH013), GitLab, Gitea and Forgejo, Bitbucket, Azure DevOps (TF402455).
const PROTECTED: [&str; 9] = [
    "protected branch",
    "gh006",
    "gh013",
    "repository rule violations",
    "tf402455",
    "permission denied to update branch",
    "through pull requests",
    "through a pull request",
    "must use a pull request",
];
/// This person may read and not push.
const DENIED: [&str; 8] = [
    "denied to",
    "write access to repository not granted",
    "not allowed to push code to this project",
    "does not have write access",
    "marked as read only",
    "is read-only",
    "not allowed to upload code",
    "you don't have permission",
];

/// What a push to `target` means.
pub(super) fn meant(remote: &Remote, said: &Said, target: &str, commit: &Raw) -> Sent {
    let unknown = |why: &str| Sent::Ended(Outcome::Unknown { commit: Some(commit.clone()), why: Safe::clean(why) });
    let told = said.out.lines().find_map(|line| {
        let (flag, rest) = line.split_at_checked(1)?;
        let (names, summary) = rest.strip_prefix('\t')?.split_once('\t')?;
        names.ends_with(&format!(":{target}")).then_some((flag, summary))
    });
    match told {
        Some((" " | "*" | "+" | "=", _)) if said.status.success() => Sent::Took(link(&said.err, remote)),
        Some(("!", summary)) => refused(remote, said, summary, commit),
        Some(_) => unknown("git said two different things of the push"),
        None if said.status.success() => unknown("git said nothing of the push"),
        None => unanswered(remote, said, commit),
    }
}

/// A push that was refused, by git here or by the original.
fn refused(remote: &Remote, said: &Said, summary: &str, commit: &Raw) -> Sent {
    let reason = summary.split_once('(').map_or(summary, |(_, reason)| reason.trim_end_matches(')'));
    if summary.starts_with("[remote failure]") {
        return Sent::Ended(Outcome::Unknown { commit: Some(commit.clone()), why: Safe::clean(reason) });
    }
    let mut words = spoken(&said.err);
    let all = format!("{reason}\n{}", words.iter().map(Safe::as_str).collect::<Vec<_>>().join("\n")).to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| all.contains(part));
    if words.is_empty() || !reason.ends_with("hook declined") {
        words.push(Safe::clean(reason));
    }
    if has(&PROTECTED) {
        return Sent::Ended(Outcome::Protected { words });
    }
    // A hook may say what it likes: only git's own word is one of a race.
    if RACES.iter().any(|race| reason.contains(race)) {
        return Sent::Raced(Safe::clean(reason));
    }
    if summary.starts_with("[remote rejected]") {
        return Sent::Ended(if has(&DENIED) { denied(remote, &words) } else { Outcome::Rejected { words } });
    }
    Sent::Ended(Outcome::broken(reason))
}

/// A push of which the original said nothing. Before objects are counted nothing is sent; afterwards it may have landed.
fn unanswered(remote: &Remote, said: &Said, commit: &Raw) -> Sent {
    let was_sent = ["objects: ", "Total "].iter().any(|mark| said.err.contains(mark)) || said.err.len() >= MOST_WORDS;
    let words = spoken(&said.err);
    // A hook may say what it likes: only git's own words tell the status.
    let answers = |codes: &[&str]| {
        let tells = |line: &str| codes.iter().any(|code| line.contains(&format!("HTTP {code}")) || line.contains(&format!("error: {code}")));
        said.err.split(['\n', '\r']).filter(|line| !line.starts_with("remote: ")).any(tells)
    };
    let may_not = said.err.lines().any(|line| line.starts_with("ERROR: ") || line.starts_with("remote: ")) && {
        let all = said.err.to_lowercase();
        DENIED.iter().any(|part| all.contains(part))
    };
    if answers(&["401", "403"]) || (may_not && !was_sent) {
        let words =
            if words.is_empty() { said.err.lines().filter_map(|line| line.strip_prefix("ERROR: ")).map(Safe::clean).collect() } else { words };
        return Sent::Ended(denied(remote, &words));
    }
    let trouble = remote.meant(said.status, &said.err);
    if was_sent || said.status.signal().is_some() {
        return Sent::Ended(Outcome::Unknown { commit: Some(commit.clone()), why: trouble.why });
    }
    Sent::Ended(Outcome::of(trouble))
}

/// What keeps a push from beginning.
pub(super) fn denied_or(remote: &Remote, said: &Said) -> Outcome {
    match unanswered(remote, said, &Raw::default()) {
        Sent::Ended(outcome) => outcome,
        Sent::Took(_) | Sent::Raced(_) => Outcome::broken("the push came to nothing"),
    }
}

fn denied(remote: &Remote, words: &[Safe]) -> Outcome {
    let why = if words.is_empty() {
        Safe::clean("no credential was accepted")
    } else {
        Safe::clean(&words.iter().map(Safe::as_str).collect::<Vec<_>>().join(" / "))
    };
    let trouble = Trouble::new(TroubleKind::Denied, why.as_str());
    Outcome::Denied(
        trouble.cured_by(&format!("git reads {} as somebody who may not push there: log in as one who may, or ask for the right", remote.shown())),
    )
}

/// What the original said, line by line.
fn spoken(err: &str) -> Vec<Safe> {
    let said = err.split(['\n', '\r']).filter_map(|line| line.strip_prefix("remote: ")).map(str::trim);
    let is_progress =
        |line: &str| ["Resolving deltas", "Counting objects", "Compressing objects", "Enumerating objects"].iter().any(|word| line.starts_with(word));
    said.filter(|line| !line.is_empty() && !is_progress(line)).take(MOST_LINES).map(Safe::clean).collect()
}

/// Where the forge says that a pull request can be opened: an address on its own host, whatever else a hook prints.
fn link(err: &str, remote: &Remote) -> Option<Safe> {
    let host = |url: &str| Address::read(url).0.as_wire().split('/').next().map(ToOwned::to_owned).filter(|host| !host.is_empty());
    let own = host(remote.shown().as_str())?;
    let is_ours = |url: &&str| {
        (url.starts_with("https://") || url.starts_with("http://")) && WithPassword::read(url).is_none() && host(url).as_deref() == Some(own.as_str())
    };
    let is_plain = |url: &&str| url.bytes().all(|byte| byte.is_ascii_graphic());
    let lines = err.lines().filter_map(|line| line.strip_prefix("remote: "));
    lines.flat_map(str::split_whitespace).filter(is_ours).find(is_plain).map(Safe::clean)
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    const TARGET: &str = "refs/heads/main";

    fn told(url: &str, status: i32, summary: &str, err: &str) -> String {
        let out = if summary.is_empty() { String::new() } else { format!("To {url}\n{summary}\n").replace('@', &format!("\tabc:{TARGET}\t")) };
        let said = Said { status: ExitStatus::from_raw(status << 8), out, err: err.to_owned() };
        match meant(&Remote::new(url, true), &said, TARGET, &Raw::from("abc")) {
            Sent::Took(link) => format!("took {}", link.unwrap_or_default()),
            Sent::Raced(why) => format!("raced: {why}"),
            Sent::Ended(outcome) => {
                let kind = format!("{outcome:?}").split([' ', '(', '{']).next().unwrap_or_default().to_owned();
                format!("{kind}: {}", outcome.sentence(&Safe::clean("main")))
            }
        }
    }

    #[test]
    fn the_words_of_forges_are_understood() {
        let hook = "!@[remote rejected] (pre-receive hook declined)";
        for (summary, err, kind) in [
            (
                "!@[remote rejected] (protected branch hook declined)",
                "remote: error: GH006: Protected branch update failed for refs/heads/main.\n",
                "Protected",
            ),
            (
                "!@[remote rejected] (push declined due to repository rule violations)",
                "remote: error: GH013: Repository rule violations found\n",
                "Protected",
            ),
            (hook, "remote: GitLab: You are not allowed to push code to protected branches on this project.\n", "Protected"),
            (hook, "remote: \nremote: Gitea: Not allowed to push to protected branch main\n", "Protected"),
            (hook, "remote: Permission denied to update branch main.\n", "Protected"),
            (
                "!@[remote rejected] (TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch.)",
                "",
                "Protected",
            ),
            (hook, "remote: no ticket in the message\n", "Rejected"),
            (hook, "remote: fetch first!\n", "Rejected"),
            (hook, "remote: GitLab: You are not allowed to push code to this project.\n", "Denied"),
            ("", "ERROR: Permission to acme/gitops.git denied to bob.\nfatal: Could not read from remote repository.\n", "Denied"),
            (
                "",
                "remote: Permission to acme/x.git denied to bob.\nfatal: unable to access 'https://x/': The requested URL returned error: 403\n",
                "Denied",
            ),
            ("", "bob@git: Permission denied (publickey).\nfatal: Could not read from remote repository.\n", "Denied"),
            ("", "remote: Repository not found.\nfatal: repository 'https://x/' not found\n", "Gone"),
            ("", "fatal: unable to access 'https://x/': Could not resolve host: x\n", "Unreachable"),
            ("", "Writing objects: 100% (3/3), done.\nfatal: the remote end hung up unexpectedly\n", "Unknown"),
            ("", "Total 3 (delta 1)\nerror: RPC failed; HTTP 502 curl 22\n", "Unknown"),
            ("", "Writing objects: 100% (3/3), done.\nremote: error: 403 denied to you\nfatal: the remote end hung up unexpectedly\n", "Unknown"),
            ("!@[remote failure] (remote failed to report status)", "", "Unknown"),
            ("!@[remote rejected] (unpacker error)", "error: remote unpack failed: disk full\n", "Rejected"),
        ] {
            let said = told("https://git.example/x.git", 1, summary, err);
            assert!(said.starts_with(&format!("{kind}: ")), "{err}: {said}");
        }
        for reason in ["fetch first", "stale info", "failed to update ref", "cannot lock ref 'refs/heads/main': is at a but expected b"] {
            assert_eq!(
                told("https://x/y", 1, &format!("!@[remote rejected] ({reason})"), "remote: Resolving deltas: 100%\n"),
                format!("raced: {reason}")
            );
        }
    }

    #[test]
    fn a_link_is_one_of_the_forge_itself() {
        let words = "remote: See https://evil.example/x\nremote: Create a pull request for 'x' on GitHub by visiting:\nremote:      https://git.example/acme/x/pull/new/y\n";
        for url in ["https://git.example/acme/x.git", "git@git.example:acme/x.git", "ssh://git@git.example:2222/acme/x"] {
            assert_eq!(told(url, 0, "*@[new branch]", words), "took https://git.example/acme/x/pull/new/y", "{url}");
        }
        assert_eq!(
            told("https://git.example/x", 0, "*@[new branch]", "remote: https://a:b@git.example/x\nremote: https://git.example/\u{1b}[2J\n"),
            "took "
        );
        assert!(told("https://git.example/x", 0, "", "").starts_with("Unknown: "), "a success that says nothing is none");
    }
}
