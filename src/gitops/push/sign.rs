//! The commit itself, made by `git commit-tree`: who it is by and whether it is signed is what the person's own git says. Nobody is asked for anything.

use std::time::Duration;

use super::outcome::Unsigned;
use super::{Outcome, Person, Proposal, TRAILER};
use crate::base::{Raw, Safe};
use crate::gitops::mirror::Mirror;
use crate::gitops::network::{Remote, Run, Said, Trouble, TroubleKind};

/// An identity that git makes up from the account and the machine is none; and what is said is UTF-8.
const SETTINGS: [&str; 4] = ["-c", "user.useConfigOnly=true", "-c", "i18n.commitEncoding=utf-8"];
/// Where something that signs would ask a person, and times that are not those of this commit.
const NOBODY: [&str; 5] = ["GPG_TTY", "DISPLAY", "WAYLAND_DISPLAY", "GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"];

/// Makes the commit in the mirror. Nothing points to it yet.
pub(super) async fn commit(remote: &Remote, mirror: &Mirror, tree: &Raw, parent: &str, proposal: &Proposal, limit: Duration) -> Result<Raw, Outcome> {
    let desk = Desk { remote, mirror, author: proposal.author.as_ref(), limit };
    let message = message(&proposal.message, proposal.goal.operation.as_str());
    desk.commit(&["commit-tree", tree.as_wire(), "-p", parent], &message, desk.signs().await?).await
}

/// The message with the trailer of the operation as its last line.
fn message(text: &str, operation: &str) -> String {
    let line = format!("{TRAILER}: {operation}");
    if text.lines().any(|known| known.trim() == line) {
        return text.to_owned();
    }
    let text = text.trim_end();
    let has_trailers = git2::message_trailers_strs(text).is_ok_and(|trailers| trailers.iter().next().is_some());
    format!("{text}{}{line}\n", if has_trailers { "\n" } else { "\n\n" })
}

/// Where commits are made.
pub(super) struct Desk<'d> {
    pub(super) remote: &'d Remote,
    pub(super) mirror: &'d Mirror,
    pub(super) author: Option<&'d Person>,
    pub(super) limit: Duration,
}

impl Desk<'_> {
    /// Whether the person's git signs commits.
    pub(super) async fn signs(&self) -> Result<bool, Outcome> {
        let said = self.git(&["config", "--type=bool", "--default=false", "--get", "commit.gpgSign"], b"").await?;
        match said.out.trim() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Outcome::Failed(self.remote.meant(said.status, &said.err))),
        }
    }

    /// Who a commit would be by, as git writes it: `Ana <ana@acme.example>`.
    pub(super) async fn identity(&self) -> Result<Safe, Outcome> {
        let said = self.git(&["var", "GIT_COMMITTER_IDENT"], b"").await?;
        if !said.status.success() {
            return Err(self.refused(&said, false));
        }
        // Behind the address stand the time and its zone.
        let end = said.out.rfind('>').map_or(said.out.len(), |end| end + 1);
        Ok(Safe::clean(said.out.get(..end).unwrap_or_default()))
    }

    /// Makes a commit.
    pub(super) async fn commit(&self, arguments: &[&str], message: &str, signs: bool) -> Result<Raw, Outcome> {
        let mut all = arguments.to_vec();
        all.push(if signs { "-S" } else { "--no-gpg-sign" });
        let said = match self.git(&all, message.as_bytes()).await {
            Err(Outcome::Failed(trouble)) if signs && trouble.kind == TroubleKind::Lost => return Err(Outcome::CannotSign(self.silent())),
            said => said?,
        };
        let id = said.out.trim();
        if said.status.success() && git2::Oid::from_str(id).is_ok() { Ok(Raw::from(id)) } else { Err(self.refused(&said, signs)) }
    }

    async fn git(&self, arguments: &[&str], input: &[u8]) -> Result<Said, Outcome> {
        let mut all = SETTINGS.to_vec();
        all.extend(arguments);
        let mut environment: Vec<(&str, Option<&str>)> = NOBODY.iter().map(|name| (*name, None)).collect();
        if let Some(person) = self.author {
            let (name, email) = (Some(person.name.as_str()), Some(person.email.as_str()));
            environment.extend([
                ("GIT_AUTHOR_NAME", name),
                ("GIT_AUTHOR_EMAIL", email),
                ("GIT_COMMITTER_NAME", name),
                ("GIT_COMMITTER_EMAIL", email),
            ]);
        }
        let run = Run { mirror: Some(self.mirror.folder()), arguments: &all, input, silence: self.limit, environment: &environment };
        let late = || Trouble::new(TroubleKind::Lost, &format!("git itself did not end within {} s", self.limit.as_secs().max(1)));
        let ended = tokio::time::timeout(self.limit, self.remote.run(run)).await.unwrap_or_else(|_late| Err(late()));
        ended.map_err(|trouble| Outcome::Failed(if trouble.kind == TroubleKind::Lost { late() } else { trouble }))
    }

    fn silent(&self) -> Unsigned {
        Unsigned {
            needs_hand: true,
            why: crate::safe!("what signs did not end within {} s: it waits for somebody", self.limit.as_secs().max(1)),
            cure: unlock(),
        }
    }

    /// Why git made no commit.
    fn refused(&self, said: &Said, signs: bool) -> Outcome {
        let has = |parts: &[&str]| parts.iter().any(|part| said.err.contains(part));
        let lines = || said.err.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("hint: "));
        if has(&[
            "auto-detection is disabled",
            "Please tell me who you are",
            "empty ident name",
            "disallowed characters",
            "no email was given",
            "no name was given",
        ]) {
            let told = lines().filter_map(|line| line.strip_prefix("fatal: ")).next_back().unwrap_or("it has no name or no address");
            return Outcome::NoIdentity { why: Safe::clean(told) };
        }
        if !signs {
            let trouble = self.remote.meant(said.status, &said.err);
            return Outcome::Failed(Trouble { kind: TroubleKind::Broken, ..trouble });
        }
        let told: Vec<&str> = lines().filter(|line| !line.starts_with("[GNUPG:]") && !line.contains("failed to write commit object")).collect();
        // Not every version of git repeats what gpg said.
        let is_mute = told == [MUTE];
        let needs_hand = is_mute || has(&HANDS);
        let why = match told.as_slice() {
            [] => crate::safe!("git ended with {}", Safe::clean(&said.status.to_string())),
            [_] if is_mute => Safe::clean("gpg does not sign, and git does not say why: the key is locked, or there is none for this address"),
            lines => Safe::clean(&lines.join(" / ")),
        };
        let cure =
            if needs_hand { unlock() } else { Safe::clean("git config --show-origin --get-regexp '^(user.signingkey|gpg\\.|commit.gpgsign)'") };
        Outcome::CannotSign(Unsigned { needs_hand, why, cure })
    }
}

fn unlock() -> Safe {
    Safe::clean("unlock the key in another terminal, then try again: ssh-add, or for gpg: echo test | gpg --clearsign")
}

/// All that git says where it keeps gpg's reason to itself.
const MUTE: &str = "error: gpg failed to sign the data";
/// What says that the key is there and somebody must open it, or start its agent.
const HANDS: [&str; 12] = [
    "No private key found for",
    "passphrase",
    "pinentry",
    "Inappropriate ioctl",
    "cannot open '/dev/tty'",
    "Operation cancelled",
    "Timeout",
    "Screen or window too small",
    "agent refused operation",
    "Couldn't get agent socket",
    "communication with agent failed",
    "No agent running",
];

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn the_operation_is_the_last_trailer() {
        for (before, after) in [
            ("promote\n", "promote\n\nCockpit-Operation: 7\n"),
            ("fix: it", "fix: it\n\nCockpit-Operation: 7\n"),
            ("promote", "promote\n\nCockpit-Operation: 7\n"),
            ("promote\n\nMoves a.\n", "promote\n\nMoves a.\n\nCockpit-Operation: 7\n"),
            ("promote\n\nPromoted-To: eu\n", "promote\n\nPromoted-To: eu\nCockpit-Operation: 7\n"),
            ("promote\n\nCockpit-Operation: 7\n", "promote\n\nCockpit-Operation: 7\n"),
        ] {
            assert_eq!(message(before, "7"), after);
        }
    }
}
