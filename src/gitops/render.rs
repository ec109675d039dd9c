//! Manifests as kustomize and Helm make them, where these are here: before a change and after it, in a folder of their own, without the network and
//! within a time. Nothing of the person's own configuration is read, no plugin is run, and nothing is changed anywhere.
//!
//! Only what the readers of manifests name is laid into the folder. What they cannot follow (a base in another repository, a chart elsewhere, a plugin) is
//! not rendered, and why is said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use git2::{Oid, Repository};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::base::{Raw, Safe};
use crate::domain::AppKey;
use crate::domain::application::Origin;
use crate::domain::desired::ValueKeys;
use crate::gitops::prepare::Opened;
use crate::gitops::program::Running;
use crate::gitops::trees::{Files, Plain};
use crate::manifest::objects;
use crate::manifest::rendered::{Rendering, Wish, compared};
use crate::manifest::tree::{Tree, joined};
use crate::manifest::{self, Made, Question};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// More is not read of what a renderer says.
const MOST_BYTES: u64 = 8 << 20;
/// More is not laid out for one application.
const MOST_FILES: usize = 5_000;

/// The programs that render.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tools {
    kustomize: Option<PathBuf>,
    kubectl: Option<PathBuf>,
    helm: Option<PathBuf>,
}

/// Renders what is wished for. Each application is answered: by what differs, or by why that is not told.
pub async fn render(wishes: Vec<Wish>, repositories: Vec<Opened>, keys: ValueKeys, tools: Tools) -> BTreeMap<AppKey, Result<Rendering, Safe>> {
    let late = || crate::safe!("rendering took longer than {} s", PATIENCE.as_secs());
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut answers = BTreeMap::new();
    for wish in wishes {
        let app = wish.app.clone();
        let work = one(wish, &repositories, &keys, &tools);
        let answer = tokio::time::timeout_at(end, work).await.unwrap_or_else(|_| Err(late()));
        answers.insert(app, answer);
    }
    answers
}

async fn one(wish: Wish, repositories: &[Opened], keys: &ValueKeys, tools: &Tools) -> Result<Rendering, Safe> {
    let folder = tempfile::Builder::new().prefix("tiphys-render-").tempdir().map_err(|error| disk(&error))?;
    let (repositories, keys, place) = (repositories.to_vec(), keys.clone(), folder.path().to_owned());
    let sides = tokio::task::spawn_blocking(move || {
        let before = laid(&wish, &repositories, &keys, false, &place.join("before"))?;
        let after = laid(&wish, &repositories, &keys, true, &place.join("after"))?;
        Ok::<_, Safe>((before, after))
    });
    let (before, after) = sides.await.map_err(|error| Safe::clean(&error.to_string()))??;
    let (mut by, home) = (Vec::new(), folder.path().join("home"));
    std::fs::create_dir_all(&home).map_err(|error| disk(&error))?;
    let before = made(before, tools, &home, &mut by).await?;
    by.clear();
    let after = made(after, tools, &home, &mut by).await?;
    let by = if by.is_empty() { Safe::clean("nothing has to be rendered: manifests as they lie in git") } else { Safe::clean(&by.join(" and ")) };
    compared(by, &before, &after)
}

fn disk(error: &std::io::Error) -> Safe {
    crate::safe!("no folder to render in: {}", Safe::clean(&error.to_string()))
}

/// What is to be rendered of one side.
enum Part {
    /// Manifests as they are.
    Text(Vec<u8>),
    /// The folder of a kustomization.
    Kustomize(PathBuf),
    /// A chart and how it is called.
    Helm(Vec<std::ffi::OsString>),
}

/// Lays the files of one side into a folder.
fn laid(wish: &Wish, repositories: &[Opened], keys: &ValueKeys, is_after: bool, folder: &Path) -> Result<Vec<Part>, Safe> {
    let unread = |error: git2::Error| crate::safe!("the mirror cannot be read: {}", Safe::clean(error.message()));
    let opened: Vec<Option<(Repository, Oid)>> = wish
        .branches
        .iter()
        .map(|ends| {
            let Some((ends, opened)) =
                ends.as_ref().and_then(|ends| Some((ends, repositories.iter().find(|opened| opened.name == ends.repository)?)))
            else {
                return Ok(None);
            };
            let git = opened.mirror.open()?;
            let commit = Oid::from_str(if is_after { ends.after.as_wire() } else { ends.before.as_wire() })?;
            let root = git.find_commit(commit)?.tree_id();
            Ok(Some((git, root)))
        })
        .collect::<Result<_, git2::Error>>()
        .map_err(unread)?;
    let files: Vec<Option<Files<'_>>> = opened.iter().map(|opened| opened.as_ref().map(|(git, _)| Files::new(git))).collect();
    let plain: Vec<Option<Plain<'_>>> =
        opened.iter().zip(&files).map(|(opened, files)| Some(Plain { files: files.as_ref()?, root: opened.as_ref()?.1 })).collect();
    let trees: Vec<Option<&dyn Tree>> = plain.iter().map(|tree| tree.as_ref().map(|tree| tree as &dyn Tree)).collect();
    let question = Question { namespace: wish.app.namespace.as_wire(), name: wish.app.name.as_wire(), origins: &wish.origins, keys };
    let wanted = manifest::read(&question, &trees);
    let mut desk = Desk { wish, folder, trees: &plain, is_after, count: 0 };
    let mut parts = Vec::new();
    for (place, (made, inputs)) in wanted.made.iter().zip(&wanted.inputs).enumerate() {
        let tree = plain.get(place).and_then(Option::as_ref);
        match (made, tree) {
            (Made::Elsewhere(why), _) => return Err(why.clone()),
            (Made::Nothing, _) | (_, None) => {}
            (Made::Files(_), Some(tree)) => {
                let texts = inputs.files.iter().filter(|path| !path.contains(".argocd-source")).filter_map(|path| desk.bytes(tree, place, path));
                parts.push(Part::Text(texts.collect::<Vec<_>>().join(&b"\n---\n"[..])));
            }
            (Made::Kustomize(own), Some(tree)) => {
                for path in inputs.files.iter().cloned().chain(objects::beside(tree, inputs)) {
                    desk.lay(tree, place, &path)?;
                }
                parts.push(Part::Kustomize(desk.at(place).join(own)));
            }
            (Made::Helm(own), Some(tree)) => {
                desk.lay(tree, place, own)?;
                let origin = wish.origins.get(place).ok_or_else(|| Safe::clean("an origin is missing"))?;
                parts.push(Part::Helm(desk.chart(origin, place, own)?));
            }
        }
    }
    Ok(parts)
}

/// Files while they are laid out.
struct Desk<'d> {
    wish: &'d Wish,
    folder: &'d Path,
    trees: &'d [Option<Plain<'d>>],
    is_after: bool,
    count: usize,
}

impl Desk<'_> {
    /// Where the files of an origin lie.
    fn at(&self, place: usize) -> PathBuf {
        self.folder.join(place.to_string())
    }

    fn bytes(&self, tree: &Plain<'_>, place: usize, path: &str) -> Option<Vec<u8>> {
        let ends = |place: usize| self.wish.branches.get(place).and_then(Option::as_ref);
        let is_here = |of: usize| ends(of) == ends(place);
        let laid = self.wish.files.iter().filter(|_| self.is_after).find(|(of, file, _)| is_here(*of) && file.as_wire() == path);
        laid.map(|(_, _, bytes)| bytes.clone()).or_else(|| tree.bytes(path))
    }

    /// Lays a file, or all below a folder. What is no regular file is left out.
    fn lay(&mut self, tree: &Plain<'_>, place: usize, path: &str) -> Result<(), Safe> {
        if let Some(bytes) = self.bytes(tree, place, path) {
            self.count += 1;
            if self.count > MOST_FILES {
                return Err(crate::safe!("it is made of more than {MOST_FILES} files"));
            }
            let to = self.at(place).join(path);
            let made = to.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&to, bytes));
            return made.map_err(|error| disk(&error));
        }
        for entry in tree.folder(path).unwrap_or_default() {
            self.lay(tree, place, &if path.is_empty() { entry.name } else { format!("{path}/{}", entry.name) })?;
        }
        Ok(())
    }

    /// The arguments that render a chart as Argo CD does (`util/helm/cmd.go`). What could be a secret goes into a file and not among them.
    fn chart(&mut self, origin: &Origin, place: usize, own: &str) -> Result<Vec<std::ffi::OsString>, Safe> {
        let mut arguments = vec!["template".into(), self.wish.app.name.as_wire().into(), self.at(place).join(own).into_os_string()];
        arguments.extend(["--namespace".into(), self.wish.namespace.as_wire().into(), "--include-crds".into()]);
        for written in &origin.value_files {
            let (of, path) = self.value_file(written.as_wire(), place, own)?;
            let Some(tree) = self.trees.get(of).and_then(Option::as_ref) else {
                return Err(crate::safe!("{} is in a repository that is not read", written.shown()));
            };
            self.lay(tree, of, &path)?;
            arguments.extend(["--values".into(), self.at(of).join(path).into_os_string()]);
        }
        let parameters = parameters(&origin.parameters)?;
        for (name, text) in [("values", origin.values.as_ref().map(|values| values.as_wire().to_owned())), ("parameters", parameters)] {
            let Some(text) = text else { continue };
            let file = self.folder.join(format!("{place}-{name}.yaml"));
            std::fs::create_dir_all(self.folder).and_then(|()| std::fs::write(&file, text)).map_err(|error| disk(&error))?;
            arguments.extend(["--values".into(), file.into_os_string()]);
        }
        Ok(arguments)
    }

    /// The origin and the path of a values file: beside the chart, or in the origin that `$name/…` refers to.
    fn value_file(&self, written: &str, place: usize, own: &str) -> Result<(usize, String), Safe> {
        let leaves = || crate::safe!("the values file {} is not in the repository", Safe::clean(written));
        let Some((name, path)) = written.strip_prefix('$').and_then(|rest| rest.split_once('/')) else {
            let path = if written.starts_with('/') { joined("", written.trim_start_matches('/')) } else { joined(own, written) };
            return path.map(|path| (place, path)).ok_or_else(leaves);
        };
        let is_named = |origin: &Origin| origin.reference.as_ref().is_some_and(|reference| reference.as_wire() == name);
        self.wish.origins.iter().position(is_named).zip(joined("", path)).ok_or_else(leaves)
    }
}

/// Parameters as a file of values: JSON is YAML. Only plain names are understood.
pub(super) fn parameters(parameters: &[(Raw, Raw)]) -> Result<Option<String>, Safe> {
    let mut values = serde_json::Map::new();
    for (name, value) in parameters {
        let is_plain = |step: &str| !step.is_empty() && step.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'));
        let steps: Vec<&str> = name.as_wire().split('.').collect();
        let Some((last, way)) = steps.split_last().filter(|_| steps.iter().all(|step| is_plain(step))) else {
            return Err(crate::safe!("the Helm parameter {} is not understood here", name.shown()));
        };
        let mut at = &mut values;
        for step in way {
            let inner = at.entry(*step).or_insert_with(|| serde_json::json!({}));
            at = inner.as_object_mut().ok_or_else(|| crate::safe!("the Helm parameters of {} contradict each other", name.shown()))?;
        }
        // Helm reads `true` and numbers as what they look like.
        let text = value.as_wire();
        let read = serde_json::from_str(text).ok().filter(|value: &serde_json::Value| value.is_boolean() || value.is_i64());
        at.insert((*last).to_owned(), read.unwrap_or_else(|| text.into()));
    }
    Ok((!values.is_empty()).then(|| serde_json::Value::Object(values).to_string()))
}

/// What the parts of a side make, one after the other.
async fn made(parts: Vec<Part>, tools: &Tools, home: &Path, by: &mut Vec<String>) -> Result<Vec<u8>, Safe> {
    let mut out = Vec::new();
    for part in parts {
        let text = match part {
            Part::Text(text) => text,
            Part::Kustomize(folder) => {
                let (program, first, name) = tools.kustomize()?;
                let mut arguments: Vec<std::ffi::OsString> = vec![first.into(), folder.into_os_string()];
                if first == "build" {
                    arguments.push("--load-restrictor=LoadRestrictionsRootOnly".into());
                }
                note(by, version(program, if first == "build" { &["version"] } else { &["version", "--client"] }, name, home).await);
                run(program, &arguments, home, name).await?
            }
            Part::Helm(arguments) => {
                let program = tools.helm.as_deref().ok_or_else(|| Safe::clean("helm is not on the PATH"))?;
                note(by, version(program, &["version", "--short"], "helm", home).await);
                run(program, &arguments, home, "helm template").await?
            }
        };
        out.extend_from_slice(b"\n---\n");
        out.extend(text);
    }
    Ok(out)
}

fn note(by: &mut Vec<String>, name: String) {
    if !by.contains(&name) {
        by.push(name);
    }
}

impl Tools {
    /// Those in the folders of a search path.
    #[must_use]
    pub fn on(path: Option<&std::ffi::OsStr>) -> Self {
        let folders: Vec<PathBuf> = path.map(|path| std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect()).unwrap_or_default();
        let find = |name: &str| {
            use std::os::unix::fs::PermissionsExt as _;
            let is_program = |file: &PathBuf| file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0);
            folders.iter().map(|folder| folder.join(name)).find(is_program)
        };
        Self { kustomize: find("kustomize"), kubectl: find("kubectl"), helm: find("helm") }
    }

    /// What builds kustomizations, its first argument and its name.
    fn kustomize(&self) -> Result<(&Path, &'static str, &'static str), Safe> {
        let own = self.kustomize.as_deref().map(|program| (program, "build", "kustomize"));
        let other = self.kubectl.as_deref().map(|program| (program, "kustomize", "kubectl kustomize"));
        own.or(other).ok_or_else(|| Safe::clean("neither kustomize nor kubectl is on the PATH"))
    }
}

/// The name of a program with its version, as far as it says one.
async fn version(program: &Path, arguments: &[&str], name: &str, home: &Path) -> String {
    let arguments: Vec<std::ffi::OsString> = arguments.iter().map(Into::into).collect();
    let said = run(program, &arguments, home, name).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().find(|line| line.starts_with("Kustomize Version")).or_else(|| said.lines().next()).unwrap_or_default();
    let version = line.rsplit(' ').next().unwrap_or_default().split('+').next().unwrap_or_default();
    if version.starts_with('v') { format!("{name} {version}") } else { name.to_owned() }
}

/// What a program writes, which sees nothing but the folder it is given: no settings, no credentials, no other program, and a proxy that nobody is.
async fn run(program: &Path, arguments: &[std::ffi::OsString], home: &Path, name: &str) -> Result<Vec<u8>, Safe> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir(home).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.env("HOME", home).env("TMPDIR", home).env("KUBECONFIG", "/dev/null").env("LC_ALL", "C").env("GIT_ALLOW_PROTOCOL", "");
    for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    let failed = |why: &str| crate::safe!("{name}: {}", Safe::clean(why));
    let mut child = Running(command.spawn().map_err(|error| failed(&error.to_string()))?);
    let (out, err) = (child.0.stdout.take(), child.0.stderr.take());
    let (out, err) = tokio::join!(all(out, MOST_BYTES), all(err, 16 << 10));
    let (out, err) = (out.map_err(|error| failed(&error.to_string()))?, err.unwrap_or_default());
    if out.len() as u64 >= MOST_BYTES {
        return Err(failed("it makes more than 8 MB"));
    }
    let status = child.0.wait().await.map_err(|error| failed(&error.to_string()))?;
    if status.success() {
        return Ok(out);
    }
    // The last line has the reason; the folder means nothing to anybody.
    let err = String::from_utf8_lossy(&err);
    let line = err.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it failed and does not say why");
    let shown = home.parent().map_or_else(|| line.to_owned(), |folder| line.replace(&*folder.to_string_lossy(), "…"));
    Err(failed(&shown.chars().take(300).collect::<String>()))
}

async fn all(from: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(most).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
