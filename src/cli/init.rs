//! `tiphys init`: a configuration from what is there. First everything that can be found is read (the argocd CLI's contexts, the kubeconfig's, and
//! over them the applications), then the file is written from that, and read again as the proof that it loads and what it gives.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use color_eyre::eyre::{Result, WrapErr as _};

use super::{Exit, duration, print, status};
use crate::app::filter::Filter;
use crate::app::{Model, repositories};
use crate::base::{Safe, counted};
use crate::config::draft::{self, Argocd, Cluster, Reading, Seen, quoted};
use crate::config::{self, Config, Surroundings, argocd_cli};
use crate::domain::access::{ArgocdAccess, ClusterAccess, SecretRef};
use crate::domain::desired::Address;
use crate::domain::fleet::Placement;
use crate::domain::names::{ClusterName, EnvironmentName, PlacementName};
use crate::domain::observation::SourceState;
use crate::domain::{Known, SourceId};
use crate::runtime::{clock, headless, log, report, tokio_runtime};
use crate::safe;

/// What `tiphys init` can be told.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// Where to write it, instead of ~/.config/tiphys/config.toml.
    #[arg(long, short, value_name = "FILE", conflicts_with = "print")]
    output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long, conflicts_with = "print")]
    force: bool,
    /// Print it and write nothing, as where the output is no terminal.
    #[arg(long)]
    print: bool,
    /// How long to wait for sources that do not answer.
    #[arg(long, default_value = "10s", value_parser = duration)]
    timeout: Duration,
}

pub(super) fn run(wanted: &Wanted, surroundings: &Surroundings) -> Result<Exit> {
    let prints = wanted.print || wanted.output.is_none() && !std::io::stdout().is_terminal();
    let Some(file) = wanted.output.clone().or_else(|| surroundings.default_file()) else {
        report::print_error("tiphys: there is no home directory to write to\n    tiphys init --output FILE");
        return Ok(Exit::Usage);
    };
    // Before anything is asked: a person should not wait for a refusal.
    if !prints && !wanted.force && file.exists() {
        let shown = Safe::clean(&surroundings.shown(&file));
        report::print_error(&format!(
            "tiphys: there is {shown} already, and it is left as it is\n    tiphys init --print to compare, --force to write over it"
        ));
        return Ok(Exit::Refused);
    }
    let found = match config::discovered(surroundings) {
        Ok(config) => Found::new(config, surroundings),
        Err(problems) => {
            report::print_error(&problems.to_string());
            return Ok(Exit::Usage);
        }
    };
    // Where no log can be kept, there is none: the state folder may be what is wrong here.
    let _log = log::start().ok();
    let runtime = tokio_runtime()?;
    report::print_error(&format!("Reading {} …", found.words()));
    let (model, _) = runtime.block_on(headless::read(&found.config, wanted.timeout));
    if model.fleet.applications().next().is_none() {
        report::print_error(&status::text(&model, &Filter::default()));
        report::print_error("tiphys: no application was read, so there is nothing to write. 'tiphys doctor' says what is wrong.");
        runtime.shutdown_background();
        return Ok(Exit::NoAnswer);
    }
    let text = draft::text(&seen(&model, &found));
    let again = match config::resolve(&file, &text, surroundings) {
        Ok(config) => config,
        Err(problems) => {
            report::print_error(&format!("tiphys: what was found cannot be written down as it is: please report this\n{problems}"));
            runtime.shutdown_background();
            return Ok(Exit::Failed);
        }
    };
    if prints {
        runtime.shutdown_background();
        print(&text);
        return Ok(Exit::Done);
    }
    write(&file, &text, wanted.force)?;
    let schema = file.with_file_name("config.schema.json");
    // Of use to editors only. Another file of that name is somebody else's.
    let is_ours = std::fs::read_to_string(&schema).map_or(true, |text| text.contains("The configuration of tiphys"));
    let has_schema = is_ours && write(&schema, &config::schema::text(), true).is_ok();
    let (model, settled) = runtime.block_on(headless::read(&again, wanted.timeout));
    runtime.shutdown_background();
    print(&status::text(&model, &Filter::default()));
    let beside = if has_schema { ", and config.schema.json beside it for editors" } else { "" };
    print(&format!("\n{}\nWritten: {}{beside}.\n", summed(&model), Safe::clean(&surroundings.shown(&file))));
    Ok(if settled { Exit::Done } else { Exit::NoAnswer })
}

/// What the matrix holds, in a line.
fn summed(model: &Model) -> String {
    let (all, unmapped) = (model.fleet.applications().count(), model.fleet.unmapped().filter(|(_, why)| why.is_amiss()).count());
    let environments = model.fleet.landscape().environments.len();
    let amiss = match unmapped {
        0 => String::new(),
        _ => format!(
            " {} in no cell and perhaps should be: why stands above and in the file.",
            counted(unmapped, "application is", "applications are")
        ),
    };
    format!(
        "{} in {}, from {}.{amiss}",
        counted(model.fleet.services().len(), "service", "services"),
        counted(environments, "environment", "environments"),
        counted(all, "application", "applications"),
    )
}

/// Writes a file whole, or not at all.
fn write(file: &Path, text: &str, over: bool) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = || format!("cannot write {}", file.display());
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).wrap_err_with(failed)?;
    let mut options = std::fs::OpenOptions::new();
    // No secret is in it; but whoever can write it can run programs as its owner.
    options.write(true).mode(0o644);
    if !over {
        let mut out = options.create_new(true).open(file).wrap_err_with(failed)?;
        return out.write_all(text.as_bytes()).wrap_err_with(failed);
    }
    let beside = file.with_extension(format!("new-{}", std::process::id()));
    let mut out = options.create(true).truncate(true).open(&beside).wrap_err_with(failed)?;
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).and_then(|()| std::fs::rename(&beside, file)).wrap_err_with(failed)
}

/// Everything that can be read without a word of configuration.
struct Found {
    config: Config,
    /// The keys that say where each Argo CD is, in the order of the configuration.
    keys: Vec<String>,
}

impl Found {
    /// The Argo CD that the argocd CLI would talk to, then its other contexts.
    fn new(mut config: Config, surroundings: &Surroundings) -> Self {
        let mut keys: Vec<String> = config.argocds.iter().map(|access| keys(access, surroundings)).collect();
        let file = argocd_cli::location(surroundings).and_then(|path| argocd_cli::read(&path).ok().flatten());
        for context in file.iter().flat_map(|file| file.contexts.iter().filter(|context| !context.core).map(move |context| (file, context))) {
            let (file, context) = context;
            let api = file.api(context);
            if config.argocds.iter().any(|known| known.api.as_ref().is_some_and(|known| known.url == api.url)) {
                continue;
            }
            let clusters = config.argocds.first().map(|first| first.clusters.clone()).unwrap_or_default();
            config.argocds.push(ArgocdAccess {
                name: context.name.as_str().into(),
                api: Some(api),
                clusters,
                cluster_is_configured: false,
                namespaces: vec![config::discover::CONTROL_PLANE.into()],
                reconciliation: None,
            });
            keys.push(format!("context = {}", quoted(&context.name)));
        }
        Self { config, keys }
    }

    fn words(&self) -> String {
        let (argocds, clusters) = (self.config.argocds.len(), self.config.clusters.iter().filter(|cluster| cluster.held_back.is_none()).count());
        format!("{} and {}", counted(argocds, "Argo CD", "Argo CDs"), counted(clusters, "cluster", "clusters"))
    }
}

/// The keys that say where an Argo CD is, as TOML.
fn keys(access: &ArgocdAccess, surroundings: &Surroundings) -> String {
    let name = access.name.as_wire();
    match &access.api {
        None => format!("name = {}\ncore = true   # no API: its Application objects are read in its cluster", quoted(name)),
        Some(api) => match (&api.token, surroundings.variable("ARGOCD_SERVER")) {
            // Its name is the context's, unless the environment names a server that has none.
            (SecretRef::ArgocdCli { .. }, None) => {
                format!("context = {}   # of the argocd CLI: its address, its certificates and its token", quoted(name))
            }
            (SecretRef::ArgocdCli { user, .. }, Some(_)) => format!("context = {}", quoted(user)),
            (token, _) => {
                let token = match token {
                    SecretRef::Environment(variable) => format!("{{ env = {} }}", quoted(variable)),
                    _ => "{ env = \"ARGOCD_AUTH_TOKEN\" }".to_owned(),
                };
                let insecure = if api.insecure { "\ninsecure = true" } else { "" };
                format!("name = {}\nurl = {}\ntoken = {token}{insecure}", quoted(name), quoted(&api.url))
            }
        },
    }
}

/// What was read, as the draft wants it.
fn seen<'a>(model: &'a Model, found: &Found) -> Seen<'a> {
    let fleet = &model.fleet;
    let unread = |id: &SourceId| {
        let source = fleet.sources().get(id)?;
        if source.any_live() {
            return None;
        }
        source.scopes.values().find_map(|status| match &status.state {
            SourceState::Denied { why, .. } | SourceState::Waiting { why, .. } | SourceState::Off { why } => Some(why.clone()),
            SourceState::Connecting => Some(Safe::clean("no answer in time")),
            SourceState::Live => None,
        })
    };
    let has_applications = |access: &ArgocdAccess| fleet.applications().any(|(key, _)| key.argocd == access.name);
    let argocds = found.config.argocds.iter().zip(&found.keys).map(|(access, keys)| Argocd {
        keys: keys.clone(),
        holder: fleet.instance(&access.name).holder,
        unread: unread(&SourceId::argocd(&access.name)).filter(|_| !has_applications(access)),
    });
    let holders: BTreeSet<ClusterName> = found.config.argocds.iter().filter_map(|access| fleet.instance(&access.name).holder).collect();
    let reach = fleet.reach();
    // A kubeconfig often names clusters that have nothing to do with it, or are long gone.
    let clusters = found.config.clusters.iter().map(|access: &ClusterAccess| Cluster {
        name: access.name.clone(),
        left_out: match &access.held_back {
            Some(why) => Some(safe!("{why}: remove the # to do so")),
            None if reach.contains_key(&access.name) || holders.contains(&access.name) => None,
            None => Some(Safe::clean("no application deploys there")),
        },
        unread: unread(&SourceId::cluster(&access.name)),
    });
    let mut placements: BTreeMap<(EnvironmentName, PlacementName), BTreeSet<ClusterName>> = BTreeMap::new();
    for (index, cell) in fleet.services().values().flat_map(|service| &service.cells) {
        let Some(environment) = fleet.landscape().environments.get(*index) else { continue };
        for Placement { name, cluster, .. } in &cell.placements {
            let clusters = placements.entry((environment.name.clone(), name.clone())).or_default();
            clusters.extend(cluster.as_known().cloned());
        }
    }
    let mut repositories = BTreeMap::new();
    for origin in fleet.applications().flat_map(|(_, entry)| &entry.value.origins) {
        let Some(source) = repositories::source_at(model, &origin.repository) else { continue };
        let state = fleet.sources().get(source).and_then(|source| source.worst()).map(|(_, status)| &status.state);
        let reading = match state {
            Some(SourceState::Live) => Reading::Read,
            Some(SourceState::Denied { why, .. } | SourceState::Off { why }) => Reading::Refused(why.clone()),
            Some(SourceState::Waiting { why, .. }) => Reading::Later(why.clone()),
            Some(SourceState::Connecting) | None => Reading::Later(Safe::clean("no answer in time")),
        };
        repositories.insert(Address::read(origin.repository.as_wire()), reading);
    }
    let unknown = fleet.applications().filter_map(|(key, _)| match &fleet.desired(key)?.value.images {
        Known::Unknown(why) => Some((key, Safe::clean(&why.to_string()))),
        Known::Known(_) => None,
    });
    Seen {
        day: Safe::clean(&clock::now().strftime("%Y-%m-%d").to_string()),
        argocds: argocds.collect(),
        clusters: clusters.collect(),
        landscape: fleet.landscape(),
        applications: fleet.applications().map(|(key, entry)| (key, &entry.value)).collect(),
        placements,
        repositories,
        unknown: unknown.collect(),
        unmapped: fleet.unmapped().collect(),
    }
}
