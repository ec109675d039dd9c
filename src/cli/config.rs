//! `tiphys config`: the resolved configuration, each value with where it comes from. It contacts nothing, and prints no secret.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::{Exit, print};
use crate::base::Safe;
use crate::config::listing::{From, Setting};
use crate::config::{self, Config, Origin, Surroundings};
use crate::runtime::report;

/// What `tiphys config` can be told.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// As JSON, by docs/config-listing.schema.json.
    #[arg(long)]
    json: bool,
    /// The JSON schema of the configuration file, for editors.
    #[arg(long, conflicts_with = "json")]
    schema: bool,
}

pub(super) fn run(file: Option<&Path>, wanted: &Wanted, surroundings: &Surroundings) -> Exit {
    if wanted.schema {
        print(&config::schema::text());
        return Exit::Done;
    }
    let (config, settings) = match config::explain(file, surroundings) {
        Ok(explained) => explained,
        Err(problems) => {
            report::print_error(&problems.to_string());
            return Exit::Usage;
        }
    };
    if wanted.json {
        print(&json(&config, &settings));
    } else {
        print(&text(&config, &settings, surroundings));
    }
    for remark in &config.remarks {
        report::print_error(&format!("tiphys: {remark}"));
    }
    Exit::Done
}

fn json(config: &Config, settings: &[Setting]) -> String {
    let listing = Listing {
        version: 1,
        file: file(config).map(|file| Safe::clean(&file.display().to_string())),
        settings: settings.iter().map(|setting| ListedSetting { key: &setting.key, value: &setting.value, from: listed(&setting.from) }).collect(),
    };
    serde_json::to_string(&listing).map_or_else(|error| format!("{{\"error\": \"{error}\"}}\n"), |text| format!("{text}\n"))
}

fn file(config: &Config) -> Option<&Path> {
    match &config.origin {
        Origin::File(file) => Some(file),
        Origin::Discovered => None,
    }
}

#[derive(Debug, Serialize)]
struct Listing<'a> {
    version: u32,
    file: Option<Safe>,
    settings: Vec<ListedSetting<'a>>,
}

#[derive(Debug, Serialize)]
struct ListedSetting<'a> {
    key: &'a Safe,
    value: &'a Safe,
    from: Listed,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Listed {
    File { line: usize },
    ArgocdCli { file: Safe },
    Kubeconfig { files: Vec<Safe> },
    Environment { variable: &'static str },
    Default,
    Guessed,
}

fn listed(from: &From) -> Listed {
    let path = |path: &PathBuf| Safe::clean(&path.display().to_string());
    match from {
        From::Line(line) => Listed::File { line: *line },
        From::ArgocdCli(file) => Listed::ArgocdCli { file: path(file) },
        From::Kubeconfig(files) => Listed::Kubeconfig { files: files.iter().map(path).collect() },
        From::Environment(variable) => Listed::Environment { variable },
        From::Default => Listed::Default,
        From::Guessed => Listed::Guessed,
    }
}

/// Columns of the text: it is read in terminals of 80.
const WIDTH: usize = 80;

/// Where values begin.
const INDENT: usize = 19;

fn text(config: &Config, settings: &[Setting], surroundings: &Surroundings) -> String {
    let mut out = if let Some(file) = file(config) {
        format!("The file is {}.\nA number behind a value is its line there.\n", Safe::clean(&surroundings.shown(file)))
    } else {
        let usual = surroundings.default_file().map_or_else(|| "a configuration".to_owned(), |file| surroundings.shown(&file));
        format!("There is no file: everything was found, or is the default.\n'tiphys init' writes {}.\n", Safe::clean(&usual))
    };
    for (what, files) in places(settings, surroundings) {
        let _ = writeln!(out, "{what} is {}.", Safe::clean(&files));
    }
    let mut table = "";
    for setting in settings {
        let (head, name) = setting.key.as_str().rsplit_once('.').unwrap_or(("", setting.key.as_str()));
        if head != table || head.is_empty() {
            let _ = write!(out, "\n{}", if head.is_empty() { String::new() } else { format!("{head}\n") });
            table = head;
        }
        let origin = origin(&setting.from);
        let name = if head.is_empty() { name.to_owned() } else { format!("  {name}") };
        let mut lines = broken(setting.value.as_str(), WIDTH - INDENT - 1);
        // Where it comes from stands behind the last line, or below it.
        if lines.last().is_some_and(|last| INDENT + last.width() + 1 + origin.width() > WIDTH) {
            lines.push(String::new());
        }
        let last = lines.len().saturating_sub(1);
        for (index, line) in lines.iter().enumerate() {
            let name = if index == 0 { name.as_str() } else { "" };
            let text = format!("{name:<room$} {line}", room = INDENT - 1);
            let _ = if index == last {
                writeln!(out, "{text}{}{origin}", " ".repeat(WIDTH.saturating_sub(text.width() + origin.width())))
            } else {
                writeln!(out, "{}", text.trim_end())
            };
        }
    }
    out
}

/// A value in lines of so many columns, as far as it can be broken between the items of a list.
fn broken(value: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in value.split_inclusive(", ") {
        match lines.last_mut() {
            Some(line) if line.width() + piece.trim_end().width() <= room => line.push_str(piece),
            Some(line) => {
                line.truncate(line.trim_end().len());
                lines.push(piece.to_owned());
            }
            None => lines.push(piece.to_owned()),
        }
    }
    lines
}

/// The files behind the words of the last column: they may be long, and are the same all the way down.
fn places(settings: &[Setting], surroundings: &Surroundings) -> Vec<(&'static str, String)> {
    let shown = |files: &[PathBuf]| files.iter().map(|file| surroundings.shown(file)).collect::<Vec<_>>().join(", then ");
    let cli = settings.iter().find_map(|setting| match &setting.from {
        From::ArgocdCli(file) => Some(("The login of the argocd CLI", surroundings.shown(file))),
        _ => None,
    });
    let kubeconfig = settings.iter().find_map(|setting| match &setting.from {
        From::Kubeconfig(files) if !files.is_empty() => Some(("The kubeconfig", shown(files))),
        _ => None,
    });
    cli.into_iter().chain(kubeconfig).collect()
}

fn origin(from: &From) -> String {
    match from {
        From::Line(line) => format!(":{line}"),
        From::ArgocdCli(_) => "argocd CLI".to_owned(),
        From::Kubeconfig(_) => "kubeconfig".to_owned(),
        From::Environment(variable) => format!("${variable}"),
        From::Default => "default".to_owned(),
        From::Guessed => "guessed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    const FILE: &str = r#"title = "shop"
[[argocd]]
name = "eu"
url = "argocd.example.com/argo"
token = { command = ["vault", "read", "-field=s3cret", "secret/argocd"] }
headers = { X-Proxy = { env = "PROXY_TOKEN" } }
[[argocd]]
context = "us"
[[environments]]
name = "production"
[[mapping.applications]]
name = "legacy-*"
ignore = "old"
[ui]
colors = "16"
"#;

    fn explained() -> (tempfile::TempDir, Config, Vec<Setting>, Surroundings) {
        let home = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        put(".config/tiphys/config.toml", FILE);
        put(
            ".config/argocd/config",
            "contexts: [{name: us, server: us.example, user: us}]\nservers: [{server: us.example}]\nusers: [{name: us, auth-token: s3cret}]\ncurrent-context: us\n",
        );
        put(
            ".kube/config",
            "contexts: [{name: prod, context: {cluster: prod, user: me}}]\nclusters: [{name: prod, cluster: {server: 'https://prod:6443'}}]\nusers: [{name: me, user: {token: s3cret}}]\ncurrent-context: prod\n",
        );
        let surroundings = Surroundings::new(Some(home.path().to_owned()), [("NO_COLOR", "1")]);
        let (config, settings) = config::explain(None, &surroundings).unwrap();
        (home, config, settings, surroundings)
    }

    #[test]
    fn each_value_says_where_it_comes_from_and_no_secret_is_told() {
        let (_home, config, settings, surroundings) = explained();
        let text = text(&config, &settings, &surroundings);
        insta::assert_snapshot!(text);
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
    }

    #[test]
    fn the_json_follows_its_schema() {
        let (_home, config, settings, _) = explained();
        let text = json(&config, &settings);
        let schema = serde_json::from_str(include_str!("../../docs/config-listing.schema.json")).unwrap();
        let listing: serde_json::Value = serde_json::from_str(&text).unwrap();
        jsonschema::validate(&schema, &listing).unwrap();
        assert!(!text.contains("s3cret"), "{text}");
        assert!(listing["file"].as_str().is_some_and(|file| Path::new(file).is_absolute()));
    }

    #[test]
    fn nothing_that_stands_in_the_file_is_left_out() {
        let (_home, _, settings, _) = explained();
        let lines: Vec<usize> = settings
            .iter()
            .filter_map(|setting| match setting.from {
                From::Line(line) => Some(line),
                _ => None,
            })
            .collect();
        for (index, line) in FILE.lines().enumerate().filter(|(_, line)| line.contains(" = ") && !line.starts_with("colors")) {
            assert!(lines.contains(&(index + 1)), "{line}");
        }
    }
}
