//! The argocd CLI's own file: contexts, servers and how they are reached. Tokens stay where they are; whoever needs one reads it there, through a
//! [`SecretRef`].

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::config::Surroundings;
use crate::config::problem::{Problem, did_you_mean, plainly};
use crate::domain::access::{ApiAccess, SecretRef};

/// The file, as far as it matters here.
#[derive(Debug)]
pub struct CliFile {
    /// Where it is.
    pub file: PathBuf,
    /// `current-context`.
    pub current: Option<String>,
    /// The contexts.
    pub contexts: Vec<CliContext>,
}

/// A context: a server and a user of it.
#[derive(Debug)]
pub struct CliContext {
    /// Its name.
    pub name: String,
    /// `host` or `host:port`, without a scheme.
    pub server: String,
    /// The name of the user whose token is meant.
    pub user: String,
    /// Argo CD's root path.
    pub root_path: String,
    /// Speak plain HTTP.
    pub plain_text: bool,
    /// Do not check the certificate.
    pub insecure: bool,
    /// No API server: the CLI works on the cluster of the current kubeconfig context.
    pub core: bool,
    /// A certificate authority in PEM.
    pub authority: Option<Vec<u8>>,
    /// A client certificate in PEM and its key.
    pub client: Option<(Vec<u8>, SecretString)>,
}

impl CliFile {
    /// The context of this name; without a name, the current one.
    pub fn context(&self, name: Option<&str>) -> Result<&CliContext, Problem> {
        let Some(wanted) = name.or(self.current.as_deref()) else {
            return Err(Problem::with_file(&self.file, "no context is current").cured_by("argocd login HOST, or argocd context NAME"));
        };
        self.contexts.iter().find(|context| context.name == wanted).ok_or_else(|| {
            let cure =
                did_you_mean(wanted, self.contexts.iter().map(|context| context.name.as_str())).unwrap_or_else(|| "argocd login HOST".to_owned());
            Problem::with_file(&self.file, &format!("there is no context '{wanted}'")).cured_by(&cure)
        })
    }

    /// How the API of a context is reached.
    #[must_use]
    pub fn api(&self, context: &CliContext) -> ApiAccess {
        let scheme = if context.plain_text { "http" } else { "https" };
        let (server, root) = (context.server.trim_end_matches('/'), context.root_path.trim_matches('/'));
        let server = server.split_once("://").map_or(server, |(_, host)| host);
        // The default name of a context is its server and root path; the server then holds both.
        let url = if root.is_empty() || server.ends_with(&format!("/{root}")) {
            format!("{scheme}://{server}")
        } else {
            format!("{scheme}://{server}/{root}")
        };
        let renewal = if self.current.as_ref() == Some(&context.name) {
            "argocd relogin".to_owned()
        } else {
            format!("argocd relogin --argocd-context {}", context.name)
        };
        ApiAccess {
            url,
            authority: context.authority.clone(),
            client: context.client.clone(),
            insecure: context.insecure,
            headers: Vec::new(),
            token: SecretRef::ArgocdCli { file: self.file.clone(), user: context.user.clone() },
            renewal: Some(renewal),
        }
    }
}

/// Where the CLI's file is, in the CLI's own order (argo-cd `util/localconfig`): `$ARGOCD_CONFIG_DIR`, `~/.argocd` if it is there,
/// `$XDG_CONFIG_HOME/argocd`, `~/.config/argocd`.
#[must_use]
pub fn location(surroundings: &Surroundings) -> Option<PathBuf> {
    if let Some(folder) = surroundings.variable("ARGOCD_CONFIG_DIR") {
        return Some(Path::new(folder).join("config"));
    }
    let old = surroundings.home.as_ref().map(|home| home.join(".argocd")).filter(|folder| folder.is_dir());
    Some(old.or_else(|| Some(surroundings.config_home()?.join("argocd")))?.join("config"))
}

/// Reads the file; `None` where there is none. Like the CLI, it refuses a file that others may read.
pub fn read(path: &Path) -> Result<Option<CliFile>, Problem> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Problem::with_file(path, &format!("cannot read this file of the argocd CLI: {}", plainly(&error)))),
    };
    let mode = metadata.mode() & 0o777;
    if mode != 0o600 && mode != 0o400 {
        return Err(Problem::with_file(
            path,
            &format!("this file holds tokens and others may use it (mode {mode:o}); the argocd CLI refuses it too"),
        )
        .cured_by(&format!("chmod 600 {}", path.display())));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::with_file(path, &format!("cannot read this file of the argocd CLI: {}", plainly(&error))))?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    // The parser's own words may quote the text, which holds tokens.
    let file: File = serde_saphyr::from_str(&text).map_err(|_quotes| Problem::with_file(path, "this is not the YAML that the argocd CLI writes"))?;
    file.resolve(path).map(Some)
}

#[derive(Deserialize)]
struct File {
    #[serde(default, rename = "current-context")]
    current_context: Option<String>,
    #[serde(default)]
    contexts: Option<Vec<NamedContext>>,
    #[serde(default)]
    servers: Option<Vec<Server>>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    server: String,
    #[serde(default)]
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Server {
    #[serde(rename = "server")]
    address: String,
    #[serde(default)]
    grpc_web_root_path: Option<String>,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    plain_text: bool,
    #[serde(default)]
    core: bool,
    #[serde(default)]
    certificate_authority_data: Option<String>,
    #[serde(default)]
    client_certificate_data: Option<String>,
    #[serde(default)]
    client_certificate_key_data: Option<SecretString>,
}

impl File {
    fn resolve(self, path: &Path) -> Result<CliFile, Problem> {
        let servers = self.servers.unwrap_or_default();
        let mut contexts = Vec::new();
        for NamedContext { name, server, user } in self.contexts.unwrap_or_default() {
            let Some(found) = servers.iter().find(|candidate| candidate.address == server) else {
                return Err(Problem::with_file(path, &format!("context '{name}' names the server '{server}', which is not in the file"))
                    .cured_by("argocd login HOST"));
            };
            let pem = |data: &str, what: &str| {
                let decoded = base64::engine::general_purpose::STANDARD.decode(data.trim());
                decoded
                    .map_err(|_quotes| Problem::with_file(path, &format!("{what} of server '{server}' is not base64")).cured_by("argocd login HOST"))
            };
            let authority = found.certificate_authority_data.as_deref().filter(|data| !data.is_empty());
            let key = found.client_certificate_key_data.as_ref().filter(|key| !key.expose_secret().is_empty());
            let client = match (found.client_certificate_data.as_deref().filter(|data| !data.is_empty()), key) {
                (Some(certificate), Some(key)) => {
                    let key = String::from_utf8(pem(key.expose_secret(), "the client key")?);
                    let key = key.map_err(|_quotes| Problem::with_file(path, &format!("the client key of server '{server}' is not PEM")))?;
                    Some((pem(certificate, "the client certificate")?, SecretString::from(key)))
                }
                _ => None,
            };
            contexts.push(CliContext {
                user: user.filter(|user| !user.is_empty()).unwrap_or_else(|| name.clone()),
                root_path: found.grpc_web_root_path.clone().unwrap_or_default(),
                plain_text: found.plain_text,
                insecure: found.insecure,
                core: found.core,
                authority: authority.map(|data| pem(data, "the certificate authority")).transpose()?,
                client,
                name,
                server,
            });
        }
        Ok(CliFile { file: path.to_owned(), current: self.current_context.filter(|name| !name.is_empty()), contexts })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    const FILE: &str = "contexts:
- {name: argocd.example.com/argo, server: argocd.example.com/argo, user: argocd.example.com/argo}
- {name: plain, server: 'localhost:8080', user: plain}
- {name: kubernetes, server: kubernetes, user: kubernetes}
current-context: plain
prompts-enabled: false
servers:
- {server: argocd.example.com/argo, grpc-web: true, grpc-web-root-path: /argo, insecure: true, certificate-authority-data: UEVN, client-certificate-data: Q0VSVA==, client-certificate-key-data: S0VZ}
- {server: 'localhost:8080', grpc-web-root-path: '', plain-text: true}
- {server: kubernetes, core: true}
users:
- {name: plain, auth-token: s3cret, refresh-token: s3cret}
";

    #[test]
    fn contexts_say_how_their_api_is_reached() {
        let (_folder, path) = write(FILE, 0o600);
        let file = read(&path).unwrap().unwrap();
        let current = file.api(file.context(None).unwrap());
        assert_eq!((current.url.as_str(), current.renewal.as_deref()), ("http://localhost:8080", Some("argocd relogin")));
        assert_eq!(current.token, SecretRef::ArgocdCli { file: path, user: "plain".into() });
        let other = file.api(file.context(Some("argocd.example.com/argo")).unwrap());
        assert_eq!(other.url, "https://argocd.example.com/argo");
        assert!(other.insecure);
        assert_eq!(
            (other.authority.as_deref(), other.client.as_ref().map(|(pem, key)| (pem.as_slice(), key.expose_secret()))),
            (Some(&b"PEM"[..]), Some((&b"CERT"[..], "KEY")))
        );
        assert!(file.context(Some("kubernetes")).unwrap().core);
        assert_eq!(file.context(Some("plan")).unwrap_err().cure.unwrap().as_str(), "did you mean 'plain'?");
        assert!(!format!("{file:?}").contains("s3cret") && !format!("{file:?}").contains("KEY"));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_as_the_cli_does() {
        let (_folder, path) = write(FILE, 0o644);
        let problem = read(&path).unwrap_err();
        assert!(problem.found.as_str().contains("mode 644") && problem.cure.unwrap().as_str().starts_with("chmod 600 "));
        let (_folder, path) = write(FILE, 0o400);
        assert!(read(&path).unwrap().is_some());
        assert!(read(Path::new("/nowhere/config")).unwrap().is_none());
        let (_folder, path) = write("users: [{auth-token: s3cret", 0o600);
        assert!(!read(&path).unwrap_err().to_string().contains("s3cret"));
    }

    #[test]
    fn the_file_is_looked_for_where_the_cli_looks() {
        let home = tempfile::tempdir().unwrap();
        let at = |variables: &[(&str, &str)]| location(&Surroundings::new(Some(home.path().to_owned()), variables.iter().copied())).unwrap();
        assert_eq!(at(&[]), home.path().join(".config/argocd/config"));
        assert_eq!(at(&[("XDG_CONFIG_HOME", "/x")]), Path::new("/x/argocd/config"));
        std::fs::create_dir(home.path().join(".argocd")).unwrap();
        assert_eq!(at(&[("XDG_CONFIG_HOME", "/x")]), home.path().join(".argocd/config"));
        assert_eq!(at(&[("ARGOCD_CONFIG_DIR", "/y")]), Path::new("/y/config"));
    }
}
