//! Whole files: what must load, what must not and what is then said, and that the example shows every key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::domain::access::SecretRef;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(name)
}

fn write(path: &Path, text: &str, mode: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A home directory with logins, certificates and secrets beside the configuration.
fn home() -> (tempfile::TempDir, Surroundings) {
    let home = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read_to_string(folder("home").join(name)).unwrap();
    write(&home.path().join(".kube/config"), &read("kubeconfig.yaml"), 0o600);
    write(&home.path().join(".config/argocd/config"), &read("argocd.yaml"), 0o600);
    let pem = |what: &str| format!("-----BEGIN {what}-----\nnot one\n-----END {what}-----\n");
    for (name, text, mode) in [
        ("ca.pem", pem("CERTIFICATE"), 0o644),
        ("client.pem", pem("CERTIFICATE"), 0o644),
        ("client.key", pem("PRIVATE KEY"), 0o600),
        ("open.key", pem("PRIVATE KEY"), 0o644),
        ("token", "not a token".to_owned(), 0o600),
    ] {
        write(&home.path().join(name), &text, mode);
    }
    let surroundings = Surroundings::new(Some(home.path().to_owned()), [("LANG", "C.UTF-8")]);
    (home, surroundings)
}

/// Loads a text as `NAME.toml` in a home directory; problems come with that directory left out.
fn load_text(name: &str, text: &str) -> Result<Config, String> {
    let (home, surroundings) = home();
    let file = home.path().join(format!("{name}.toml"));
    write(&file, text, 0o644);
    load(Some(&file), &surroundings).map_err(|problems| format!("{problems}\n").replace(&format!("{}/", home.path().display()), ""))
}

fn files(of: &str) -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = std::fs::read_dir(folder(of))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    files.sort();
    files
}

fn valid(name: &str) -> Config {
    load_text(name, &std::fs::read_to_string(folder("valid").join(format!("{name}.toml"))).unwrap())
        .unwrap_or_else(|problems| panic!("{name}: {problems}"))
}

fn names<'n>(names: impl IntoIterator<Item = &'n crate::base::Raw>) -> Vec<String> {
    names.into_iter().map(|name| name.as_wire().to_owned()).collect()
}

#[test]
fn valid_files_load() {
    let all = files("valid");
    assert!(all.len() >= 5);
    for (name, _) in all {
        valid(&name);
    }
}

#[test]
fn an_invalid_file_says_where_what_and_how_to_cure_it() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let all = files("invalid");
    assert!(all.len() >= 8);
    for (name, path) in all {
        let told = load_text(&name, &std::fs::read_to_string(&path).unwrap()).expect_err(&name);
        let expected = path.with_extension("txt");
        if update {
            std::fs::write(&expected, &told).unwrap();
        }
        assert_eq!(told, std::fs::read_to_string(&expected).unwrap(), "{name}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn what_the_file_leaves_out_is_found() {
    let config = valid("empty");
    assert_eq!(names(config.argocds.iter().map(|argocd| &argocd.name.0)), ["argocd.example.com"]);
    let [argocd] = &config.argocds[..] else { panic!() };
    assert_eq!(names(argocd.clusters.iter().map(|name| &name.0)), ["nonprod", "prod-eu"], "a held back cluster is not proven");
    let held: Vec<_> = config.clusters.iter().map(|cluster| (cluster.context.as_str(), cluster.held_back.is_some())).collect();
    assert_eq!(held, [("nonprod", false), ("prod-eu", false), ("prod-us", true)]);
    assert!(config.landscape.guessed && config.landscape.read_only);

    let config = valid("ten-lines");
    assert!(!config.landscape.guessed && !config.landscape.read_only);
    let [argocd] = &config.argocds[..] else { panic!() };
    assert!(argocd.cluster_is_configured);
    assert_eq!(names(config.landscape.environments.iter().map(|environment| &environment.name.0)), ["dev", "production"]);
    assert!(config.clusters.iter().all(|cluster| cluster.held_back.is_none() && cluster.server.is_some()), "naming a context allows its program");

    let config = valid("environments-only");
    assert_eq!(config.title.unwrap().as_str(), "shop");
    assert_eq!(names(config.landscape.environments.iter().map(|environment| &environment.name.0)), ["dev", "staging", "production"]);

    let config = valid("guessed");
    assert!(config.landscape.guessed && config.landscape.read_only);
    assert_eq!(names(&config.landscape.mapping.labels.service), ["app"]);
}

#[test]
fn every_way_into_an_argo_cd() {
    let config = valid("every-way-in");
    let [plain, proxied, us, kubernetes, edge] = &config.argocds[..] else { panic!() };
    let api = plain.api.as_ref().unwrap();
    assert_eq!((plain.name.as_wire(), api.url.as_str()), ("argocd.internal:8080/argo", "http://argocd.internal:8080/argo"));
    assert!(matches!(&api.token, SecretRef::File(path) if path.is_absolute() && path.ends_with("token")));
    let api = proxied.api.as_ref().unwrap();
    assert_eq!(api.url, "https://argocd.internal/argo");
    assert!(api.authority.is_some() && api.client.is_some() && api.headers.len() == 2);
    assert_eq!(api.token, SecretRef::Command(["pass", "show", "argocd"].map(String::from).to_vec()));
    assert_eq!(proxied.reconciliation, Some(std::time::Duration::from_mins(5)));
    assert_eq!(proxied.namespaces.len(), 2);
    let api = us.api.as_ref().unwrap();
    assert_eq!(
        (api.url.as_str(), api.insecure, &api.token),
        ("https://argocd-us.example.com/argo", false, &SecretRef::Environment("OTHER_TOKEN".into()))
    );
    assert!(kubernetes.api.is_none() && kubernetes.namespaces == ["platform".into()] && kubernetes.clusters == ["nonprod".into()]);
    assert!(edge.api.is_none() && edge.namespaces == ["argocd".into()] && !edge.cluster_is_configured);
}

#[test]
fn repositories_are_named_by_their_last_part() {
    let config = valid("repositories");
    let first = config.repositories.first().unwrap();
    assert_eq!((first.name.as_wire(), first.interval), ("gitops", Some(Duration::from_secs(5))));
    assert_eq!(first.aliases, [Address::read("https://github.com/acme/releases")]);
    assert_eq!((config.repositories[1].name.as_wire(), config.repositories[1].interval), ("edge", None));
    assert_eq!((config.gitops.discover, config.gitops.interval, config.gitops.keys.0.len()), (false, Duration::from_mins(1), 2));
    assert!(valid("empty").gitops.discover, "without a word they are found");
}

#[test]
fn the_last_environment_of_a_path_is_read_only_unless_something_else_is_said() {
    use crate::domain::guard::Guard;
    let config = valid("guards");
    let guards: Vec<_> = config.landscape.environments.iter().map(|environment| (environment.name.as_wire(), environment.guard.clone())).collect();
    let guard = |name: &str| guards.iter().find(|(known, _)| *known == name).map(|(_, guard)| guard.clone()).unwrap();
    assert_eq!(guard("dev"), Guard::default());
    assert_eq!(guard("qa"), Guard { yes: true, at_once: Some(3), ..Guard::default() }, "something is promoted from it");
    assert_eq!(guard("perf"), Guard::default(), "the last of its path, and the file says otherwise");
    let production = Guard {
        read_only: true,
        reason: true,
        ticket: Some(crate::domain::words::Pattern::new("CHG-*")),
        people: vec!["ana".into()],
        pull_request: true,
        ..Guard::default()
    };
    assert_eq!(guard("production"), production);
    assert_eq!(guard("sandbox"), Guard { deny: Some(Safe::clean("it is being rebuilt")), ..Guard::default() }, "nothing is promoted into it");
    assert!(config.read_only && !valid("environments-only").read_only);
    assert!(valid("environments-only").landscape.environments.iter().all(|one| one.guard.read_only == (one.name.as_wire() == "production")));
}

#[test]
fn the_example_loads_as_it_is_and_shows_every_key() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml")).unwrap();
    let config = load_text("config.example", &text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((config.argocds.len(), config.clusters.len(), config.landscape.environments.len()), (2, 3, 3));
    // Every key that the reader asks for stands in the example, also in a comment.
    let findings = reader::Findings::exploring();
    written::read(&findings).unwrap();
    let missing: Vec<_> = findings
        .asked()
        .keys
        .into_keys()
        .filter(|key| {
            let key = key.rsplit('.').next().unwrap();
            let forms = [format!("{key} = "), format!("[{key}]"), format!("[{key}."), format!("[[{key}]]"), format!(".{key}]")];
            !forms.iter().any(|form| text.contains(form.as_str()))
        })
        .collect();
    assert_eq!(missing, Vec::<String>::new());
    // What it calls the defaults are the defaults.
    let usual = crate::domain::mapping::Mapping::usual();
    let mapping = &config.landscape.mapping;
    assert_eq!(
        (&mapping.names, &mapping.paths, &mapping.values, &mapping.namespaces),
        (&usual.names, &usual.paths, &usual.values, &usual.namespaces)
    );
    assert_eq!(crate::domain::mapping::Labels { binding: false, ..mapping.labels.clone() }, usual.labels);
}

#[test]
fn the_file_is_found_where_it_is_looked_for() {
    let (home, surroundings) = home();
    assert_eq!(load(None, &surroundings).unwrap().origin, Origin::Discovered);
    let usual = home.path().join(".config/tiphys/config.toml");
    write(&usual, "title = \"usual\"", 0o644);
    assert_eq!(load(None, &surroundings).unwrap().origin, Origin::File(usual.clone()));
    let other = home.path().join("other.toml");
    let with = |name: &str, value: &Path| Surroundings::new(surroundings.home.clone(), [(name, value.to_str().unwrap())]);
    let problems = load(None, &with("TIPHYS_CONFIG", &other)).unwrap_err().to_string();
    assert!(problems.contains("cannot read the configuration"), "{problems}");
    write(&other, "title = \"other\"", 0o644);
    assert_eq!(load(None, &with("TIPHYS_CONFIG", &other)).unwrap().origin, Origin::File(other));
    assert_eq!(load(Some(&usual), &with("TIPHYS_CONFIG", Path::new("/nowhere"))).unwrap().origin, Origin::File(usual));
}

#[test]
fn a_kubeconfig_that_cannot_be_read_costs_the_clusters_only() {
    let (home, surroundings) = home();
    write(&home.path().join(".kube/config"), "contexts: [", 0o600);
    let config = load(None, &surroundings).unwrap();
    assert_eq!((config.argocds.len(), config.clusters.len(), config.remarks.len()), (1, 0, 1));
}
