//! How the user of a context logs in, and the command that renews it: for the person who must. No secret leaves this file.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Kubeconfig};
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::access::ClusterAccess;
use crate::sources::expiry::{self, Validity};
use crate::sources::programs;

/// How a user logs in.
pub(super) struct Login {
    user: String,
    info: AuthInfo,
}

/// The user of a context, if the kubeconfig can be read and names one.
pub(super) fn of(access: &ClusterAccess) -> Option<Login> {
    let file = match &access.kubeconfig {
        Some(path) => Kubeconfig::read_from(path).ok()?,
        None => super::usual_kubeconfig().ok()?,
    };
    let context = file.contexts.iter().find(|named| named.name == access.context)?.context.as_ref()?;
    let user = context.user.clone()?;
    let info = file.auth_infos.into_iter().find(|named| named.name == user)?.auth_info?;
    Some(Login { user, info })
}

impl Login {
    /// Files in which a renewed login shows.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        [&self.info.token_file, &self.info.client_certificate, &self.info.client_key].into_iter().flatten().map(PathBuf::from).collect()
    }

    /// Whether a program or a provider renews it when it ends.
    pub(super) const fn renews_itself(&self) -> bool {
        self.info.exec.is_some() || self.info.auth_provider.is_some()
    }

    /// How long its token is good for, or without one its client certificate, where that says so: beside a token that is good, a certificate that
    /// ended does no harm. Reads the files that are named.
    pub(super) fn validity(&self) -> Option<Validity> {
        let read = |path: &String| std::fs::read_to_string(path).ok().map(SecretString::from);
        let token = self.info.token_file.as_ref().and_then(read).or_else(|| self.info.token.clone());
        if let Some(token) = token {
            return expiry::of_token(token.expose_secret().trim());
        }
        let data = self.info.client_certificate_data.as_ref().and_then(|data| STANDARD.decode(data.trim()).ok());
        expiry::of_certificate(&data.or_else(|| std::fs::read(self.info.client_certificate.as_ref()?).ok())?)
    }

    /// The command that renews the login, or what a person does where there is none.
    pub(super) fn renewal(&self, access: &ClusterAccess) -> String {
        let by_hand = || {
            let file = access.kubeconfig.as_ref().map(|path| format!(" --kubeconfig {}", path.display())).unwrap_or_default();
            format!("kubectl{file} --context {} auth whoami", access.context)
        };
        if let Some(exec) = &self.info.exec {
            let command = exec.command.as_deref().unwrap_or_default();
            let profile = exec.env.iter().flatten().find_map(|pair| (pair.get("name")? == "AWS_PROFILE").then(|| pair.get("value")).flatten());
            // tsh logs in to a cluster by a word of its own. Of others nothing is known: asked by kubectl a plugin may talk to the person, here it may not.
            return match programs::login(command) {
                Some("tsh login") => "tsh kube login".to_owned(),
                Some(login) => programs::with_profile(login, profile.map(String::as_str)),
                None => by_hand(),
            };
        }
        if let Some(file) = &self.info.token_file {
            return format!("write a valid token to {file} (read again at once)");
        }
        if self.info.auth_provider.is_some() {
            return by_hand();
        }
        if self.info.token.is_some() {
            let file = access.kubeconfig.as_ref().map(|path| format!(" --kubeconfig {}", path.display())).unwrap_or_default();
            return format!("kubectl{file} config set-credentials {} --token=NEW", self.user);
        }
        if self.info.client_certificate.is_some() || self.info.client_certificate_data.is_some() {
            return format!("put a valid client certificate for user '{}' into the kubeconfig (read again at once)", self.user);
        }
        by_hand()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ClusterName;

    fn renewal(user: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:1'}}}}]\n\
             contexts: [{{name: prod, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {user}}}]\n"
        );
        std::fs::write(&path, text).unwrap();
        let access = ClusterAccess {
            name: ClusterName::from("prod"),
            kubeconfig: Some(path.clone()),
            context: "prod".into(),
            server: None,
            namespaces: Vec::new(),
            destinations: Vec::new(),
            held_back: None,
        };
        of(&access).unwrap().renewal(&access).replace(&path.display().to_string(), "FILE")
    }

    #[test]
    fn each_way_to_log_in_is_renewed_by_its_own_command() {
        for (user, command) in [
            (
                "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /usr/bin/aws, env: [{name: AWS_PROFILE, value: prod}]}}",
                "aws sso login --profile prod",
            ),
            ("{exec: {apiVersion: client.authentication.k8s.io/v1, command: gke-gcloud-auth-plugin}}", "gcloud auth login"),
            (
                "{exec: {apiVersion: client.authentication.k8s.io/v1, command: kubectl, args: [oidc-login, get-token]}}",
                "kubectl --kubeconfig FILE --context prod auth whoami",
            ),
            ("{tokenFile: /run/token}", "write a valid token to /run/token (read again at once)"),
            ("{token: s3cret}", "kubectl --kubeconfig FILE config set-credentials u --token=NEW"),
            (
                "{client-certificate: /a.crt, client-key: /a.key}",
                "put a valid client certificate for user 'u' into the kubeconfig (read again at once)",
            ),
        ] {
            assert_eq!(renewal(user), command);
        }
    }
}
