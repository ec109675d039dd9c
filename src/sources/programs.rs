//! Programs that hand out credentials, and the command by which a person renews what they hand out. It runs none of them.

/// By the program's name.
const LOGINS: &[(&str, &str)] = &[
    ("argocd", "argocd relogin"),
    ("aws", "aws sso login"),
    ("aws-iam-authenticator", "aws sso login"),
    ("az", "az login"),
    ("bao", "bao login"),
    ("bw", "bw login"),
    ("doctl", "doctl auth init"),
    ("gcloud", "gcloud auth login"),
    ("gh", "gh auth login"),
    ("gke-gcloud-auth-plugin", "gcloud auth login"),
    ("kubelogin", "az login"),
    ("oci", "oci session authenticate"),
    ("op", "op signin"),
    ("tsh", "tsh login"),
    ("vault", "vault login"),
];

/// The command that renews what a program hands out, where the program is a known one. It may be given as a path.
pub(super) fn login(program: &str) -> Option<&'static str> {
    let name = program.rsplit('/').next().unwrap_or_default();
    LOGINS.iter().find(|(known, _)| *known == name).map(|(_, login)| *login)
}

/// ` --profile NAME` for a login of `aws`, where a profile is named.
pub(super) fn with_profile(login: &str, profile: Option<&str>) -> String {
    match profile.filter(|_| login.starts_with("aws ")) {
        Some(profile) => format!("{login} --profile {profile}"),
        None => login.to_owned(),
    }
}
