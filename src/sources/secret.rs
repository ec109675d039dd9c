//! Reading a secret where its reference points. The value lives in a [`SecretString`]; errors name the place, never the value.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use crate::domain::access::SecretRef;
use crate::gitops::program::Running;
use crate::sources::{Failure, FailureKind, programs};

/// How long a program may take to print a secret.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// No secret is longer.
const LARGEST: u64 = 64 * 1024;

/// Reads the secret. A trailing line end is not part of it.
pub async fn read(reference: &SecretRef) -> Result<SecretString, Failure> {
    let text = match reference {
        SecretRef::Environment(name) => std::env::var(name)
            .map_err(|_unset| missing(&format!("the environment variable {name} is not set")).cured_by(&format!("export {name}")))?,
        SecretRef::File(path) => read_private(path).await?,
        SecretRef::Command(words) => run(words, COMMAND_TIMEOUT).await?,
        SecretRef::ArgocdCli { file, user } => argocd_token(&read_private(file).await?, file, user)?,
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(missing("the secret is empty").cured_by(&format!("look at {}", place(reference))));
    }
    Ok(SecretString::from(text))
}

/// The place a reference points at, for messages.
#[must_use]
pub fn place(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Environment(name) => format!("the environment variable {name}"),
        SecretRef::File(path) => path.display().to_string(),
        SecretRef::Command(words) => format!("the command '{}'", words.first().map_or("", String::as_str)),
        SecretRef::ArgocdCli { file, user } => format!("user '{user}' in {}", file.display()),
    }
}

/// The file that a reference points at.
#[must_use]
pub fn file(reference: &SecretRef) -> Option<&Path> {
    match reference {
        SecretRef::File(path) => Some(path),
        SecretRef::ArgocdCli { file, .. } => Some(file),
        SecretRef::Environment(_) | SecretRef::Command(_) => None,
    }
}

/// What helps where the secret is no longer accepted.
#[must_use]
pub fn renewal(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Environment(name) => format!("export {name} with a valid token and start tiphys again: a running program keeps its environment"),
        SecretRef::File(path) => format!("write a valid token to {} (read again at once)", path.display()),
        SecretRef::Command(words) => {
            let login = match words.first().and_then(|program| programs::login(program)) {
                Some(login) => programs::with_profile(login, profile(words)),
                None => "log in by hand".to_owned(),
            };
            format!("{login}, until '{}' prints a valid token (run again by itself, at least once a minute)", words.join(" "))
        }
        SecretRef::ArgocdCli { .. } => "argocd relogin (read again at once)".to_owned(),
    }
}

fn missing(why: &str) -> Failure {
    Failure::new(FailureKind::Unauthorized, why)
}

async fn read_private(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let metadata = tokio::fs::metadata(path).await.map_err(|error| missing(&format!("cannot read {shown}: {error}")))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(missing(&format!("{shown} may be read by others (mode {:o})", metadata.mode() & 0o777)).cured_by(&format!("chmod 600 {shown}")));
    }
    tokio::fs::read_to_string(path).await.map_err(|error| missing(&format!("cannot read {shown}: {error}")))
}

/// The profile that the words of a command of `aws` name.
fn profile(words: &[String]) -> Option<&str> {
    words.iter().zip(words.iter().skip(1)).find(|(option, _)| *option == "--profile").map(|(_, profile)| profile.as_str())
}

/// Runs a program that prints a secret. It can ask nobody: nothing is typed to it, and in a group of its own it cannot take from the terminal what is.
/// Neither of its streams is quoted: either may hold the secret.
async fn run(words: &[String], limit: Duration) -> Result<String, Failure> {
    let Some((program, arguments)) = words.split_first() else { return Err(missing("the command for the secret is empty")) };
    let (piped, null) = (std::process::Stdio::piped, std::process::Stdio::null);
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(null()).stdout(piped()).stderr(null()).process_group(0).kill_on_drop(true);
    let failed = |error: std::io::Error| missing(&format!("cannot run '{program}' for the secret: {error}"));
    let mut child = Running(command.spawn().map_err(failed)?);
    let out = child.0.stdout.take();
    let printed = async {
        let mut bytes = Vec::new();
        if let Some(out) = out {
            out.take(LARGEST).read_to_end(&mut bytes).await?;
        }
        Ok((child.0.wait().await?, bytes))
    };
    let Ok(printed) = tokio::time::timeout(limit, printed).await else {
        return Err(missing(&format!("'{program}' did not print the secret within {} s: does it ask for something?", limit.as_secs())));
    };
    let (status, bytes) = printed.map_err(failed)?;
    if !status.success() {
        return Err(missing(&format!("'{program}' failed ({status}) instead of printing the secret")));
    }
    String::from_utf8(bytes).map_err(|_binary| missing(&format!("'{program}' printed something that is not text")))
}

/// The part of the argocd CLI's file that holds tokens (argo-cd `util/localconfig`).
#[derive(Deserialize)]
struct CliFile {
    #[serde(default)]
    users: Vec<CliUser>,
}

#[derive(Deserialize)]
struct CliUser {
    name: String,
    #[serde(default, rename = "auth-token")]
    auth_token: Option<SecretString>,
}

fn argocd_token(text: &str, file: &Path, user: &str) -> Result<String, Failure> {
    use secrecy::ExposeSecret as _;
    // The parser's error may quote the text, which holds tokens.
    let parsed: CliFile =
        serde_saphyr::from_str(text).map_err(|_quoting| missing(&format!("{} is not the YAML that the argocd CLI writes", file.display())))?;
    parsed
        .users
        .into_iter()
        .find(|candidate| candidate.name == user)
        .and_then(|found| found.auth_token)
        .map(|token| token.expose_secret().to_owned())
        .ok_or_else(|| missing(&format!("{} has no token for '{user}'", file.display())).cured_by("argocd login"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[tokio::test]
    async fn a_file_that_others_may_read_is_refused_with_the_cure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "s3cret\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = read(&SecretRef::File(path.clone())).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::Unauthorized);
        assert!(refused.cure.unwrap().as_str().starts_with("chmod 600 "));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&SecretRef::File(path)).await.unwrap().expose_secret(), "s3cret");
    }

    #[tokio::test]
    async fn a_command_that_fails_is_not_quoted() {
        let words = ["sh", "-c", "echo s3cret; echo s3cret >&2; exit 3"].map(String::from).to_vec();
        let refused = read(&SecretRef::Command(words)).await.unwrap_err();
        assert!(!format!("{refused:?}").contains("s3cret"), "{refused:?}");
        let words = ["printf", "s3cret"].map(String::from).to_vec();
        assert_eq!(read(&SecretRef::Command(words)).await.unwrap().expose_secret(), "s3cret");
    }

    #[tokio::test]
    async fn a_command_that_asks_or_hangs_is_ended_with_all_that_it_started() {
        let words = ["sh", "-c", "read answer || echo nobody"].map(String::from).to_vec();
        assert_eq!(read(&SecretRef::Command(words)).await.unwrap().expose_secret(), "nobody");
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("group");
        let hangs = format!("echo $$ >{}; sleep 60 & wait", mark.display());
        let words = ["sh", "-c", &hangs].map(String::from).to_vec();
        let refused = run(&words, Duration::from_millis(500)).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::Unauthorized, "not as if the server were lost: {refused:?}");
        let group = std::fs::read_to_string(&mark).unwrap().trim().parse().unwrap();
        let group = rustix::process::Pid::from_raw(group).unwrap();
        while rustix::process::test_kill_process_group(group).is_ok() {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn a_command_is_told_with_the_login_that_mends_it() {
        let told = |words: &[&str]| renewal(&SecretRef::Command(words.iter().map(|word| (*word).to_owned()).collect()));
        assert!(told(&["/usr/bin/vault", "read", "-field=token", "secret/argocd"]).starts_with("vault login, until '/usr/bin/vault read"));
        assert!(told(&["aws", "--profile", "prod", "secretsmanager"]).starts_with("aws sso login --profile prod, until "));
        assert!(told(&["./token.sh"]).starts_with("log in by hand, until './token.sh' prints"));
    }
}
