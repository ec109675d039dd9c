//! Reading a secret where its reference points. The value lives in a [`SecretString`]; errors name the place, never the value.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use crate::base::Timestamp;
use crate::domain::access::SecretRef;
use crate::sources::supervisor::within;
use crate::sources::{Failure, FailureKind};

/// How long a program may take to print a secret.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads the secret. A trailing line end is not part of it.
pub async fn read(reference: &SecretRef) -> Result<SecretString, Failure> {
    let text = match reference {
        SecretRef::Environment(name) => std::env::var(name)
            .map_err(|_unset| missing(&format!("the environment variable {name} is not set")).cured_by(&format!("export {name}")))?,
        SecretRef::File(path) => read_private(path).await?,
        SecretRef::Command(words) => within(COMMAND_TIMEOUT, run(words)).await?,
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

/// When a token ends, if it is a JSON Web Token that says so (RFC 7519, `exp`). Its signature is nobody's business here.
#[must_use]
pub fn ends_at(token: &SecretString) -> Option<Timestamp> {
    use base64::Engine as _;
    use secrecy::ExposeSecret as _;
    #[derive(Deserialize)]
    struct Claims {
        exp: Option<f64>,
    }
    let claims = token.expose_secret().split('.').nth(1)?;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let seconds = serde_json::from_slice::<Claims>(&claims).ok()?.exp?;
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970; the cast saturates")]
    Timestamp::from_second(seconds as i64).ok()
}

/// What helps where the secret is no longer accepted.
#[must_use]
pub fn renewal(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Environment(name) => format!("export {name} with a valid token and start tiphys again: a running program keeps its environment"),
        SecretRef::File(path) => format!("write a valid token to {} (read again at once)", path.display()),
        SecretRef::Command(words) => format!("log in so that '{}' prints a valid token (run again every 30 s)", words.join(" ")),
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

async fn run(words: &[String]) -> Result<String, Failure> {
    let Some((program, arguments)) = words.split_first() else { return Err(missing("the command for the secret is empty")) };
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| missing(&format!("cannot run '{program}' for the secret: {error}")))?;
    if !output.status.success() {
        // Neither stream is quoted: either may hold the secret.
        return Err(
            missing(&format!("'{program}' failed ({}) instead of printing the secret", output.status)).cured_by(&format!("run '{program}' by hand"))
        );
    }
    String::from_utf8(output.stdout).map_err(|_binary| missing(&format!("'{program}' printed something that is not text")))
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

    #[test]
    fn a_token_says_when_it_ends() {
        use base64::Engine as _;
        let token = |claims: &str| SecretString::from(format!("e30.{}.c2ln", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims)));
        assert_eq!(ends_at(&token(r#"{"exp":1795185127,"sub":"ana"}"#)), Timestamp::from_second(1_795_185_127).ok());
        for open in [token(r#"{"sub":"ana"}"#), token(r#"{"exp":"soon"}"#), SecretString::from("opaque"), SecretString::from("a.b.c")] {
            assert_eq!(ends_at(&open), None);
        }
    }

    #[tokio::test]
    async fn a_command_that_fails_is_not_quoted() {
        let words = ["sh", "-c", "echo s3cret; echo s3cret >&2; exit 3"].map(String::from).to_vec();
        let refused = read(&SecretRef::Command(words)).await.unwrap_err();
        assert!(!format!("{refused:?}").contains("s3cret"), "{refused:?}");
        let words = ["printf", "s3cret"].map(String::from).to_vec();
        assert_eq!(read(&SecretRef::Command(words)).await.unwrap().expose_secret(), "s3cret");
    }
}
