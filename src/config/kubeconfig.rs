//! What a kubeconfig says about names and addresses: contexts, their servers, and whether a user runs a program to log in. Credentials are not
//! read here, and nothing is run or contacted.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::Surroundings;
use crate::config::problem::{Problem, plainly};

/// Kubeconfigs, merged as kubectl does: of equal names the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kubeconfig {
    /// The files that were looked for, in order.
    pub files: Vec<PathBuf>,
    /// `current-context`.
    pub current: Option<String>,
    /// The contexts, in the order of the files.
    pub contexts: Vec<Context>,
}

/// One context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// The address of its API server, if its cluster is there.
    pub server: Option<String>,
    /// The name of its user.
    pub user: String,
    /// The namespace it is set to.
    pub namespace: Option<String>,
    /// The program that its user runs to log in.
    pub exec: Option<String>,
}

impl Kubeconfig {
    /// The context of this name.
    #[must_use]
    pub fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.iter().find(|context| context.name == name)
    }

    /// The current context.
    #[must_use]
    pub fn current(&self) -> Option<&Context> {
        self.context(self.current.as_ref()?)
    }
}

/// Reads the usual kubeconfig: the list of files in `KUBECONFIG`, else `~/.kube/config`. A file that is not there is none, as for kubectl.
pub fn usual(surroundings: &Surroundings) -> Result<Kubeconfig, Problem> {
    read(files(surroundings))
}

/// Where the usual kubeconfig is looked for.
#[must_use]
pub fn files(surroundings: &Surroundings) -> Vec<PathBuf> {
    match surroundings.variable("KUBECONFIG") {
        Some(list) => list.split(':').filter(|file| !file.is_empty()).map(PathBuf::from).collect(),
        None => surroundings.home.iter().map(|home| home.join(".kube/config")).collect(),
    }
}

/// Reads these files and merges them.
pub fn read(files: Vec<PathBuf>) -> Result<Kubeconfig, Problem> {
    let mut merged = File::default();
    for path in &files {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Problem::with_file(path, &format!("cannot read this kubeconfig: {}", plainly(&error)))),
        };
        merged.add(parse(path, &text)?);
    }
    Ok(merged.resolve(files))
}

fn parse(path: &Path, text: &str) -> Result<File, Problem> {
    if text.trim().is_empty() {
        return Ok(File::default());
    }
    // The parser's own words may quote the text, which holds credentials.
    serde_saphyr::from_str::<Option<File>>(text).map(Option::unwrap_or_default).map_err(|error| Problem {
        at: error.location().and_then(|place| Some((usize::try_from(place.line()).ok()?, usize::try_from(place.column()).ok()?))),
        ..Problem::with_file(path, "this is not the YAML of a kubeconfig")
    })
}

/// The parts of a kubeconfig that matter here; everything else is left unread.
#[derive(Debug, Default, Deserialize)]
struct File {
    #[serde(default, rename = "current-context")]
    current_context: Option<String>,
    #[serde(default)]
    clusters: Option<Vec<NamedCluster>>,
    #[serde(default)]
    contexts: Option<Vec<NamedContext>>,
    #[serde(default)]
    users: Option<Vec<NamedUser>>,
}

#[derive(Debug, Deserialize)]
struct NamedCluster {
    name: String,
    #[serde(default)]
    cluster: Option<ClusterFields>,
}

#[derive(Debug, Deserialize)]
struct ClusterFields {
    #[serde(default)]
    server: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NamedContext {
    name: String,
    #[serde(default)]
    context: Option<ContextFields>,
}

#[derive(Debug, Default, Deserialize)]
struct ContextFields {
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: Option<UserFields>,
}

#[derive(Debug, Deserialize)]
struct UserFields {
    #[serde(default)]
    exec: Option<Exec>,
    #[serde(default, rename = "auth-provider")]
    auth_provider: Option<AuthProvider>,
}

#[derive(Debug, Deserialize)]
struct Exec {
    #[serde(default)]
    command: Option<String>,
}

/// The forerunner of exec plugins; it runs a program too where its configuration names one.
#[derive(Debug, Deserialize)]
struct AuthProvider {
    #[serde(default)]
    name: Option<String>,
}

impl File {
    fn add(&mut self, other: Self) {
        if self.current_context.as_ref().is_none_or(String::is_empty) {
            self.current_context = other.current_context;
        }
        add_new(&mut self.clusters, other.clusters, |cluster| &cluster.name);
        add_new(&mut self.contexts, other.contexts, |context| &context.name);
        add_new(&mut self.users, other.users, |user| &user.name);
    }

    fn resolve(self, files: Vec<PathBuf>) -> Kubeconfig {
        let (clusters, users) = (self.clusters.unwrap_or_default(), self.users.unwrap_or_default());
        let contexts = self.contexts.unwrap_or_default().into_iter().map(|named| {
            let ContextFields { cluster, user, namespace } = named.context.unwrap_or_default();
            let user = user.unwrap_or_default();
            let server =
                clusters.iter().find(|candidate| Some(&candidate.name) == cluster.as_ref()).and_then(|found| found.cluster.as_ref()?.server.clone());
            let fields = users.iter().find(|candidate| candidate.name == user).and_then(|found| found.user.as_ref());
            let exec = fields.and_then(|fields| {
                let plugin = fields.exec.as_ref().map(|exec| exec.command.clone().unwrap_or_default());
                plugin.or_else(|| fields.auth_provider.as_ref().map(|provider| provider.name.clone().unwrap_or_default()))
            });
            Context {
                name: named.name,
                server: server.filter(|server| !server.is_empty()),
                user,
                namespace: namespace.filter(|name| !name.is_empty()),
                exec,
            }
        });
        Kubeconfig { contexts: contexts.collect(), current: self.current_context.filter(|name| !name.is_empty()), files }
    }
}

/// Takes over what is not there yet by name.
fn add_new<T>(known: &mut Option<Vec<T>>, others: Option<Vec<T>>, name: impl Fn(&T) -> &String) {
    let known = known.get_or_insert_default();
    for other in others.unwrap_or_default() {
        if !known.iter().any(|item| name(item) == name(&other)) {
            known.push(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_merged_and_the_first_of_a_name_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second, missing) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
        std::fs::write(
            &first,
            "apiVersion: v1\nkind: Config\nclusters:\n- {name: prod, cluster: {server: 'https://a:6443', certificate-authority-data: QQ==}}\ncontexts:\n- {name: prod, context: {cluster: prod, user: oncall}}\nusers: null\ncurrent-context: ''\n",
        )
        .unwrap();
        std::fs::write(
            &second,
            "clusters:\n- {name: prod, cluster: {server: 'https://b'}}\n- {name: dev, cluster: {server: 'https://dev'}}\ncontexts:\n- {name: prod, context: {cluster: dev}}\n- {name: dev, context: {cluster: dev, user: cloud, namespace: shop}}\nusers:\n- {name: cloud, user: {exec: {apiVersion: x, command: aws, args: [eks]}}}\n- {name: oncall, user: {token: s3cret}}\ncurrent-context: dev\n",
        )
        .unwrap();
        let found = read(vec![first, missing, second]).unwrap();
        assert_eq!(found.current().unwrap().name, "dev");
        let told: Vec<_> = found
            .contexts
            .iter()
            .map(|context| (context.name.as_str(), context.server.as_deref(), context.exec.as_deref(), context.namespace.as_deref()))
            .collect();
        assert_eq!(told, [("prod", Some("https://a:6443"), None, None), ("dev", Some("https://dev"), Some("aws"), Some("shop"))]);
        assert!(!format!("{found:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_kubeconfig_is_said_without_quoting_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, "users:\n- name: a\n  user: {token: s3cret\n").unwrap();
        let problem = read(vec![path.clone()]).unwrap_err();
        assert!(problem.to_string().contains("this is not the YAML of a kubeconfig") && !problem.to_string().contains("s3cret"), "{problem}");
        std::fs::write(&path, "").unwrap();
        assert_eq!(read(vec![path]).unwrap().contexts, []);
    }
}
