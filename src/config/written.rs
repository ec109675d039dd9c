//! The configuration as it is written: every key that there is, with its place, and no meaning yet. `config.example.toml` shows all of them.

mod github;

use crate::config::reader::{At, Findings, Place, Section};
use crate::config::{Arrange, Ui};
pub(crate) use github::{GITHUB_TOKEN, Github, GithubRepository};

/// The whole file.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) title: Option<At<String>>,
    pub(crate) read_only: Option<At<bool>>,
    pub(crate) argocds: Vec<Argocd>,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) repositories: Vec<Repository>,
    pub(crate) githubs: Vec<Github>,
    pub(crate) gitops: Option<Gitops>,
    pub(crate) environments: Vec<Environment>,
    pub(crate) mapping: Mapping,
    pub(crate) services: Vec<Service>,
    pub(crate) ui: Ui,
    pub(crate) views: Vec<View>,
    pub(crate) keys: Vec<(At<String>, Vec<At<String>>)>,
    pub(crate) webhook: Option<Webhook>,
}

/// `[journal.webhook]`
#[derive(Debug)]
pub(crate) struct Webhook {
    pub(crate) url: Option<At<String>>,
    pub(crate) token: Option<Secret>,
    pub(crate) environments: Option<Vec<At<String>>>,
}

/// `[[views]]`
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) name: Option<At<String>>,
    pub(crate) filter: Option<At<String>>,
    pub(crate) arrange: Option<Arrange>,
    pub(crate) fold: Option<At<bool>>,
}

/// `[[argocd]]`
#[derive(Debug)]
pub(crate) struct Argocd {
    pub(crate) place: Place,
    pub(crate) name: Option<At<String>>,
    pub(crate) url: Option<At<String>>,
    pub(crate) context: Option<At<String>>,
    pub(crate) cli_config: Option<At<String>>,
    pub(crate) core: Option<At<bool>>,
    pub(crate) root_path: Option<At<String>>,
    pub(crate) plain_text: Option<At<bool>>,
    pub(crate) insecure: Option<At<bool>>,
    pub(crate) ca: Option<At<String>>,
    pub(crate) client_certificate: Option<At<String>>,
    pub(crate) client_key: Option<At<String>>,
    pub(crate) token: Option<Secret>,
    pub(crate) headers: Vec<(At<String>, Option<Secret>)>,
    pub(crate) cluster: Option<At<String>>,
    pub(crate) namespaces: Option<Vec<At<String>>>,
    pub(crate) reconciliation: Option<At<String>>,
}

/// `{ env = … }`, `{ file = … }` or `{ command = […] }`
#[derive(Debug)]
pub(crate) enum Secret {
    Env(At<String>),
    File(At<String>),
    Command(At<Vec<String>>),
}

/// `[[clusters]]`
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) place: Place,
    pub(crate) name: Option<At<String>>,
    pub(crate) context: Option<At<String>>,
    pub(crate) kubeconfig: Option<At<String>>,
    pub(crate) namespaces: Vec<At<String>>,
    pub(crate) destinations: Vec<At<String>>,
}

/// `[[repositories]]`
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) place: Place,
    pub(crate) name: Option<At<String>>,
    pub(crate) url: Option<At<String>>,
    pub(crate) aliases: Vec<At<String>>,
    pub(crate) interval: Option<At<String>>,
}

/// `[gitops]`
#[derive(Debug)]
pub(crate) struct Gitops {
    pub(crate) discover: Option<At<bool>>,
    pub(crate) interval: Option<At<String>>,
    pub(crate) images: Vec<ValueKey>,
}

/// `[[gitops.images]]`
#[derive(Debug)]
pub(crate) struct ValueKey {
    pub(crate) place: Place,
    pub(crate) applications: Vec<At<String>>,
    pub(crate) image: Option<At<String>>,
    pub(crate) repository: Option<At<String>>,
    pub(crate) tag: Option<At<String>>,
    pub(crate) digest: Option<At<String>>,
}

/// `[[environments]]`
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) place: Place,
    pub(crate) name: Option<At<String>>,
    pub(crate) from: Vec<At<String>>,
    pub(crate) aliases: Vec<At<String>>,
    pub(crate) placements: Vec<Placement>,
    pub(crate) guard: Guard,
}

/// What `[[environments]]` says about changes.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    pub(crate) read_only: Option<At<bool>>,
    pub(crate) deny: Option<At<String>>,
    pub(crate) reason: Option<At<bool>>,
    pub(crate) ticket: Option<At<String>>,
    pub(crate) at_once: Option<At<u32>>,
    pub(crate) people: Option<Vec<At<String>>>,
    pub(crate) pull_request: Option<At<bool>>,
    pub(crate) yes: Option<At<bool>>,
}

/// An entry of `placements`.
#[derive(Debug)]
pub(crate) struct Placement {
    pub(crate) name: Option<At<String>>,
    pub(crate) aliases: Vec<At<String>>,
    pub(crate) clusters: Vec<At<String>>,
    pub(crate) namespaces: Vec<At<String>>,
}

/// `[mapping]`
#[derive(Debug, Default)]
pub(crate) struct Mapping {
    pub(crate) applications: Vec<Explicit>,
    pub(crate) labels: Labels,
    pub(crate) names: Option<Vec<At<String>>>,
    pub(crate) paths: Option<Vec<At<String>>>,
    pub(crate) values: Option<Vec<At<String>>>,
    pub(crate) namespaces: Option<Vec<At<String>>>,
    pub(crate) parts: Option<Vec<At<String>>>,
    pub(crate) version: Option<Version>,
}

/// `[mapping.labels]`
#[derive(Debug, Default)]
pub(crate) struct Labels {
    pub(crate) service: Option<Vec<At<String>>>,
    pub(crate) environment: Option<Vec<At<String>>>,
    pub(crate) placement: Option<Vec<At<String>>>,
    pub(crate) part: Option<Vec<At<String>>>,
    pub(crate) group: Option<Vec<At<String>>>,
}

/// `[[mapping.applications]]`
#[derive(Debug)]
pub(crate) struct Explicit {
    pub(crate) place: Place,
    pub(crate) name: Option<At<String>>,
    pub(crate) namespace: Option<At<String>>,
    pub(crate) argocd: Option<At<String>>,
    pub(crate) project: Option<At<String>>,
    pub(crate) cluster: Option<At<String>>,
    pub(crate) service: Option<At<String>>,
    pub(crate) environment: Option<At<String>>,
    pub(crate) placement: Option<At<String>>,
    pub(crate) part: Option<At<String>>,
    pub(crate) ignore: Option<At<String>>,
    pub(crate) services: Vec<Share>,
}

/// An entry of `services` in `[[mapping.applications]]`.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) place: Place,
    pub(crate) service: Option<At<String>>,
    pub(crate) workload: Option<At<String>>,
    pub(crate) image: Option<At<String>>,
    pub(crate) part: Option<At<String>>,
}

/// `[services.NAME]`
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: At<String>,
    pub(crate) aliases: Vec<At<String>>,
    pub(crate) group: Option<At<String>>,
    pub(crate) version: Option<Version>,
}

/// `version = …`
#[derive(Debug)]
pub(crate) enum Version {
    Word(At<String>),
    Repository(At<String>),
    Container(At<String>),
    Annotation(At<String>),
}

/// Reads the whole file. What does not fit is among the findings and missing in the result; `None`: it is not TOML at all.
pub(crate) fn read(findings: &Findings<'_>) -> Option<Written> {
    let table = findings.parse()?;
    let top = Section::top(findings, &table);
    let mut written = Written {
        title: top.text("title"),
        read_only: top.flag("read_only"),
        argocds: top.sections("argocd").into_iter().map(argocd).collect(),
        clusters: top.sections("clusters").into_iter().map(cluster).collect(),
        repositories: top.sections("repositories").into_iter().map(repository).collect(),
        githubs: top.sections("github").into_iter().map(github::github).collect(),
        gitops: top.section("gitops").map(gitops),
        environments: top.sections("environments").into_iter().map(environment).collect(),
        mapping: top.section("mapping").map(mapping).unwrap_or_default(),
        services: top.named("services").into_iter().map(|(name, section)| service(name, section)).collect(),
        keys: top.texts_by_name("keys"),
        views: top.sections("views").into_iter().map(view).collect(),
        ..Written::default()
    };
    if let Some(ui) = top.section("ui") {
        written.ui = Ui {
            glyphs: ui.word("glyphs").unwrap_or_default(),
            colors: ui.word("colors").unwrap_or_default(),
            notify: ui.word("notify").unwrap_or_default(),
            theme: ui.word("theme").unwrap_or_default(),
            links: ui.word("links").unwrap_or_default(),
        };
        ui.finish();
    }
    if let Some(journal) = top.section("journal") {
        written.webhook = journal.section("webhook").map(webhook);
        journal.finish();
    }
    top.finish();
    Some(written)
}

fn view(section: Section<'_, '_>) -> View {
    let view = View {
        name: section.required("name", "\"production\""),
        filter: section.text("filter"),
        arrange: section.word("arrange"),
        fold: section.flag("fold"),
    };
    section.finish();
    view
}

fn argocd(section: Section<'_, '_>) -> Argocd {
    let headers = section.named("headers").into_iter().map(|(name, section)| (name, secret(section))).collect();
    let token = token(&section, "token = { env = \"ARGOCD_TOKEN\" }, { file = \"…\" } or { command = [\"…\"] }");
    let argocd = Argocd {
        place: section.place().clone(),
        name: section.text("name"),
        url: section.text("url"),
        context: section.text("context"),
        cli_config: section.text("cli_config"),
        core: section.flag("core"),
        root_path: section.text("root_path"),
        plain_text: section.flag("plain_text"),
        insecure: section.flag("insecure"),
        ca: section.text("ca"),
        client_certificate: section.text("client_certificate"),
        client_key: section.text("client_key"),
        token,
        headers,
        cluster: section.text("cluster"),
        namespaces: section.texts("namespaces"),
        reconciliation: section.text("reconciliation"),
    };
    section.finish();
    argocd
}

fn webhook(section: Section<'_, '_>) -> Webhook {
    let webhook = Webhook {
        url: section.required("url", "\"https://audit.example.com/tiphys\""),
        token: token(&section, "token = { env = \"AUDIT_TOKEN\" }, { file = \"…\" } or { command = [\"…\"] }"),
        environments: section.texts("environments"),
    };
    section.finish();
    webhook
}

/// A token, which never stands in the file itself.
fn token(section: &Section<'_, '_>, cure: &str) -> Option<Secret> {
    match section.section_or_text("token")? {
        Ok(section) => secret(section),
        Err(text) => {
            section.tell(&text.place, "a secret must not stand in this file", Some(cure));
            None
        }
    }
}

fn secret(section: Section<'_, '_>) -> Option<Secret> {
    let found = [section.text("env").map(Secret::Env), section.text("file").map(Secret::File), section.words("command").map(Secret::Command)];
    section.finish_with_one_of(["env", "file", "command"], "the secret", "one of { env = \"…\" }, { file = \"…\" } or { command = [\"…\"] }");
    found.into_iter().flatten().next()
}

fn cluster(section: Section<'_, '_>) -> Cluster {
    let cluster = Cluster {
        place: section.place().clone(),
        name: section.text("name"),
        context: section.required("context", "\"…\", as 'kubectl config get-contexts' lists it"),
        kubeconfig: section.text("kubeconfig"),
        namespaces: section.texts("namespaces").unwrap_or_default(),
        destinations: section.texts("destinations").unwrap_or_default(),
    };
    section.finish();
    cluster
}

fn repository(section: Section<'_, '_>) -> Repository {
    let repository = Repository {
        place: section.place().clone(),
        name: section.text("name"),
        url: section.required("url", "\"https://git.example.com/team/gitops.git\""),
        aliases: section.texts("aliases").unwrap_or_default(),
        interval: section.text("interval"),
    };
    section.finish();
    repository
}

fn gitops(section: Section<'_, '_>) -> Gitops {
    let image = |section: Section<'_, '_>| {
        let key = ValueKey {
            place: section.place().clone(),
            applications: section.texts("applications").unwrap_or_default(),
            image: section.text("image"),
            repository: section.text("repository"),
            tag: section.text("tag"),
            digest: section.text("digest"),
        };
        section.finish();
        key
    };
    let gitops = Gitops {
        discover: section.flag("discover"),
        interval: section.text("interval"),
        images: section.sections("images").into_iter().map(image).collect(),
    };
    section.finish();
    gitops
}

fn environment(section: Section<'_, '_>) -> Environment {
    let placements = section.sections_or_texts("placements").into_iter().map(|entry| match entry {
        Err(name) => Placement { name: Some(name), aliases: Vec::new(), clusters: Vec::new(), namespaces: Vec::new() },
        Ok(section) => {
            let placement = Placement {
                name: section.required("name", "\"eu\""),
                aliases: section.texts("aliases").unwrap_or_default(),
                clusters: section.texts("clusters").unwrap_or_default(),
                namespaces: section.texts("namespaces").unwrap_or_default(),
            };
            section.finish();
            placement
        }
    });
    let environment = Environment {
        place: section.place().clone(),
        placements: placements.collect(),
        name: section.required("name", "\"production\""),
        from: section.texts("from").unwrap_or_default(),
        aliases: section.texts("aliases").unwrap_or_default(),
        guard: Guard {
            read_only: section.flag("read_only"),
            deny: section.text("deny"),
            reason: section.flag("reason"),
            ticket: section.text("ticket"),
            at_once: section.number("at_once"),
            people: section.texts("people"),
            pull_request: section.flag("pull_request"),
            yes: section.flag("yes"),
        },
    };
    section.finish();
    environment
}

fn mapping(section: Section<'_, '_>) -> Mapping {
    let labels = section.section("labels").map(|labels| {
        let read = Labels {
            service: labels.texts("service"),
            environment: labels.texts("environment"),
            placement: labels.texts("placement"),
            part: labels.texts("part"),
            group: labels.texts("group"),
        };
        labels.finish();
        read
    });
    let mapping = Mapping {
        applications: section.sections("applications").into_iter().map(explicit).collect(),
        labels: labels.unwrap_or_default(),
        names: section.texts("names"),
        paths: section.texts("paths"),
        values: section.texts("values"),
        namespaces: section.texts("namespaces"),
        parts: section.texts("parts"),
        version: version(&section),
    };
    section.finish();
    mapping
}

fn explicit(section: Section<'_, '_>) -> Explicit {
    let share = |section: Section<'_, '_>| {
        let share = Share {
            place: section.place().clone(),
            service: section.required("service", "\"checkout\""),
            workload: section.text("workload"),
            image: section.text("image"),
            part: section.text("part"),
        };
        section.finish();
        share
    };
    let explicit = Explicit {
        place: section.place().clone(),
        name: section.text("name"),
        namespace: section.text("namespace"),
        argocd: section.text("argocd"),
        project: section.text("project"),
        cluster: section.text("cluster"),
        service: section.text("service"),
        environment: section.text("environment"),
        placement: section.text("placement"),
        part: section.text("part"),
        ignore: section.text("ignore"),
        services: section.sections("services").into_iter().map(share).collect(),
    };
    section.finish();
    explicit
}

fn service(name: At<String>, section: Section<'_, '_>) -> Service {
    let service = Service { name, aliases: section.texts("aliases").unwrap_or_default(), group: section.text("group"), version: version(&section) };
    section.finish();
    service
}

fn version(section: &Section<'_, '_>) -> Option<Version> {
    match section.section_or_text("version")? {
        Err(word) => Some(Version::Word(word)),
        Ok(rule) => {
            let found = [
                rule.text("repository").map(Version::Repository),
                rule.text("container").map(Version::Container),
                rule.text("annotation").map(Version::Annotation),
            ];
            let cure = "one of { repository = \"…\" }, { container = \"…\" } or { annotation = \"…\" }";
            rule.finish_with_one_of(["repository", "container", "annotation"], "the version", cure);
            found.into_iter().flatten().next()
        }
    }
}
