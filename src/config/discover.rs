//! What is there without a word of configuration: the argocd CLI's current context, and one kubeconfig context per cluster. Nothing is run and
//! nothing is contacted here; a context whose user would run a program that nobody named is held back.

use std::path::PathBuf;

use crate::base::Raw;
use crate::config::Surroundings;
use crate::config::argocd_cli::{self, CliFile};
use crate::config::kubeconfig::{Context, Kubeconfig};
use crate::config::problem::Problem;
use crate::domain::access::{ApiAccess, ArgocdAccess, ClusterAccess, SecretRef};
use crate::domain::landscape::same_address;
use crate::domain::names::{ArgocdName, ClusterName, Namespace};

/// Argo CD's namespace unless something says otherwise.
pub(crate) const CONTROL_PLANE: &str = "argocd";

/// The candidates among the contexts of a kubeconfig: one per distinct server, the current context first, then in the order of the file. For one
/// server the current context is taken before a context of the same user, and that before one whose user runs no program to log in. Only the
/// current context may run such a program; another context that would is held back until somebody names it.
#[must_use]
pub fn clusters(kubeconfig: &Kubeconfig) -> Vec<ClusterAccess> {
    let current = kubeconfig.current();
    let rank = |context: &Context| {
        let is_current = current.is_some_and(|current| current.name == context.name);
        let same_user = current.is_some_and(|current| current.user == context.user);
        match (is_current, context.exec.is_some()) {
            (true, _) => 0,
            (false, false) if same_user => 1,
            (false, false) => 2,
            (false, true) => 3,
        }
    };
    let mut servers: Vec<(&str, &Context)> = Vec::new();
    for context in current.into_iter().chain(&kubeconfig.contexts) {
        let Some(server) = context.server.as_deref() else { continue };
        match servers.iter_mut().find(|(known, _)| same_address(known, server)) {
            Some((_, best)) if rank(context) < rank(best) => *best = context,
            Some(_) => {}
            None => servers.push((server, context)),
        }
    }
    let access = |(server, context): (&str, &Context)| ClusterAccess {
        name: ClusterName::from(context.name.as_str()),
        kubeconfig: None,
        context: context.name.clone(),
        server: Some(Raw::from(server)),
        namespaces: Vec::new(),
        destinations: Vec::new(),
        held_back: (rank(context) == 3).then(|| {
            format!("its user runs '{}' to log in; name the context under [[clusters]] to allow it", context.exec.as_deref().unwrap_or_default())
        }),
    };
    servers.into_iter().map(access).collect()
}

/// The Argo CD that the argocd CLI would talk to: `ARGOCD_SERVER` and `ARGOCD_AUTH_TOKEN` before the current context of its file; without either,
/// the Application objects in the current kubeconfig context.
pub fn argocd(surroundings: &Surroundings, kubeconfig: &Kubeconfig, clusters: &[ClusterAccess]) -> Result<ArgocdAccess, Problem> {
    let options = Options::read(surroundings);
    let path = argocd_cli::location(surroundings);
    let file = path.as_deref().map(argocd_cli::read).transpose()?.flatten();
    let token = surroundings.variable("ARGOCD_AUTH_TOKEN").map(|_| SecretRef::Environment("ARGOCD_AUTH_TOKEN".to_owned()));
    if options.core {
        return Ok(core("kubernetes", kubeconfig, clusters));
    }
    if let Some(server) = &options.server {
        return Ok(access(server, Some(api_of_server(server, &options, token, file.as_ref())), clusters));
    }
    if let Some(file) = file.filter(|file| !file.contexts.is_empty()) {
        let context = file.context(None)?;
        if context.core {
            return Ok(core(&context.name, kubeconfig, clusters));
        }
        let mut api = file.api(context);
        if let Some(token) = token {
            (api.token, api.renewal) = (token, None);
        }
        return Ok(access(&context.name, Some(api), clusters));
    }
    if let Some(current) = kubeconfig.current() {
        return Ok(access(&current.name, None, clusters));
    }
    let looked: Vec<String> = path.iter().chain(&kubeconfig.files).map(|file| file.display().to_string()).collect();
    Err(Problem::new(&format!(
        "found no Argo CD: neither a login of the argocd CLI nor a current kubeconfig context (looked for {})",
        looked.join(", ")
    ))
    .cured_by(&format!("argocd login HOST, or write {}", surroundings.default_file().unwrap_or_else(|| PathBuf::from("a configuration")).display())))
}

fn access(name: &str, api: Option<ApiAccess>, clusters: &[ClusterAccess]) -> ArgocdAccess {
    ArgocdAccess {
        name: ArgocdName::from(name),
        api,
        clusters: candidates(clusters),
        cluster_is_configured: false,
        namespaces: vec![Namespace::from(CONTROL_PLANE)],
        reconciliation: None,
    }
}

/// An Argo CD as `argocd --core` sees it: the Application objects in the current kubeconfig context, and its namespace for the control plane's.
fn core(name: &str, kubeconfig: &Kubeconfig, clusters: &[ClusterAccess]) -> ArgocdAccess {
    ArgocdAccess { namespaces: vec![core_namespace(kubeconfig)], ..access(name, None, clusters) }
}

/// The control plane's namespace as the CLI takes it in core mode.
pub(crate) fn core_namespace(kubeconfig: &Kubeconfig) -> Namespace {
    let chosen = kubeconfig.current().and_then(|context| context.namespace.as_deref()).filter(|namespace| *namespace != "default");
    Namespace::from(chosen.unwrap_or(CONTROL_PLANE))
}

/// Clusters that may hold the Application objects: all that may be contacted, the current context first.
pub(crate) fn candidates(clusters: &[ClusterAccess]) -> Vec<ClusterName> {
    clusters.iter().filter(|cluster| cluster.held_back.is_none()).map(|cluster| cluster.name.clone()).collect()
}

fn api_of_server(server: &str, options: &Options, token: Option<SecretRef>, file: Option<&CliFile>) -> ApiAccess {
    // A token is sent to the server it was made for and to no other.
    let known = file.and_then(|file| file.contexts.iter().find(|context| context.server == server).map(|context| file.api(context)));
    let mut api = known.unwrap_or_else(|| ApiAccess {
        url: format!("https://{}", server.trim_end_matches('/')),
        authority: None,
        client: None,
        insecure: false,
        headers: Vec::new(),
        token: SecretRef::Environment("ARGOCD_AUTH_TOKEN".to_owned()),
        renewal: None,
    });
    if let Some(token) = token {
        (api.token, api.renewal) = (token, None);
    }
    api.insecure |= options.insecure;
    if options.plain_text {
        api.url = api.url.replacen("https://", "http://", 1);
    }
    if let Some(root) = options.root_path.as_deref().map(|root| root.trim_matches('/')).filter(|root| !root.is_empty())
        && !api.url.ends_with(&format!("/{root}"))
    {
        api.url = format!("{}/{root}", api.url);
    }
    api
}

/// The flags in `ARGOCD_OPTS` that say where Argo CD is, and `ARGOCD_SERVER`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    server: Option<String>,
    root_path: Option<String>,
    insecure: bool,
    plain_text: bool,
    core: bool,
}

impl Options {
    fn read(surroundings: &Surroundings) -> Self {
        let mut options = Self { server: surroundings.variable("ARGOCD_SERVER").map(str::to_owned), ..Self::default() };
        let mut words = surroundings.variable("ARGOCD_OPTS").unwrap_or_default().split_whitespace();
        while let Some(word) = words.next() {
            let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
            let is_on = value != Some("false");
            match flag {
                "--insecure" => options.insecure = is_on,
                "--plaintext" => options.plain_text = is_on,
                "--core" => options.core = is_on,
                "--server" => options.server = value.or_else(|| words.next()).map(|value| unquoted(value).to_owned()),
                "--grpc-web-root-path" => options.root_path = value.or_else(|| words.next()).map(|value| unquoted(value).to_owned()),
                _ => {}
            }
        }
        options
    }
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['\'', '"'])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn context(name: &str, server: &str, user: &str, exec: Option<&str>) -> Context {
        Context { name: name.into(), server: Some(server.into()), user: user.into(), namespace: None, exec: exec.map(Into::into) }
    }

    #[test]
    fn one_context_per_server_and_no_program_of_another_context_is_run() {
        let kubeconfig = Kubeconfig {
            files: Vec::new(),
            current: Some("nonprod-oncall".into()),
            contexts: vec![
                context("prod", "https://p:6443", "admin", None),
                context("nonprod", "https://n", "admin", None),
                context("nonprod-oncall", "https://N:443/", "oncall", Some("oidc")),
                context("prod-oncall", "https://p:6443/", "oncall", None),
                context("eks", "https://e", "eks", Some("aws")),
                context("lost", "https://l", "eks", Some("aws")),
                context("lost-admin", "https://l", "admin", None),
            ],
        };
        let found: Vec<_> = clusters(&kubeconfig).into_iter().map(|cluster| (cluster.context, cluster.held_back)).collect();
        assert_eq!(
            found,
            [
                ("nonprod-oncall".to_owned(), None),
                ("prod-oncall".to_owned(), None),
                ("eks".to_owned(), Some("its user runs 'aws' to log in; name the context under [[clusters]] to allow it".to_owned())),
                ("lost-admin".to_owned(), None),
            ]
        );
    }

    #[test]
    fn the_argo_cd_is_the_one_that_the_cli_would_talk_to() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config");
        let look = |variables: &[(&str, &str)], kubeconfig: &Kubeconfig| {
            let folder = home.path().to_str().unwrap();
            let variables = variables.iter().copied().chain([("ARGOCD_CONFIG_DIR", folder)]);
            argocd(&Surroundings::new(Some(home.path().to_owned()), variables), kubeconfig, &clusters(kubeconfig))
        };
        let none = Kubeconfig::default();
        assert!(look(&[], &none).unwrap_err().found.as_str().starts_with("found no Argo CD"));
        let kubeconfig =
            Kubeconfig { current: Some("nonprod".into()), contexts: vec![context("nonprod", "https://n", "admin", None)], ..Kubeconfig::default() };
        let found = look(&[], &kubeconfig).unwrap();
        assert!(found.api.is_none() && found.clusters == ["nonprod".into()] && found.namespaces == ["argocd".into()]);
        std::fs::write(
            &file,
            "contexts: [{name: a, server: a.example, user: a}, {name: k, server: kubernetes, user: k}]\nservers: [{server: a.example}, {server: kubernetes, core: true}]\ncurrent-context: a\n",
        )
        .unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let api = |variables: &[(&str, &str)]| look(variables, &kubeconfig).unwrap().api.unwrap();
        assert_eq!(api(&[]).url, "https://a.example");
        let environment = SecretRef::Environment("ARGOCD_AUTH_TOKEN".into());
        assert_eq!(api(&[("ARGOCD_AUTH_TOKEN", "s3cret")]).token, environment);
        let other = api(&[("ARGOCD_SERVER", "b.example:80"), ("ARGOCD_OPTS", "--plaintext --grpc-web-root-path '/argo' --grpc-web")]);
        assert_eq!((other.url.as_str(), &other.token), ("http://b.example:80/argo", &environment), "no token of another server");
        assert_eq!(api(&[("ARGOCD_SERVER", "a.example")]).token, SecretRef::ArgocdCli { file, user: "a".into() });
        assert!(look(&[("ARGOCD_OPTS", "--core")], &kubeconfig).unwrap().api.is_none());
    }
}
