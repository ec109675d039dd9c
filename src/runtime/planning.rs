//! Between a request and its plan: the mirrors that the applications' repositories are kept in, read once. It plans nothing and fetches nothing: the
//! sources have fetched.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use crate::app::Model;
use crate::app::repositories::{discovered, discovered_at, source_at};
use crate::base::{Raw, Safe, Timestamp};
use crate::config::Config;
use crate::domain::access::RepositoryAccess;
use crate::domain::desired::Address;
use crate::domain::forge::Forge;
use crate::execution::git::{Repository, stranger};
use crate::execution::journal::Journal;
use crate::gitops::render::{Tools, render};
use crate::gitops::{self, Mirror, Opened, Remote};
use crate::manifest::prepared::{Asked, Prepared, Subject};
use crate::manifest::rendered::Wish;
use crate::operations::Answers;
use crate::operations::expected::Past;
use crate::runtime::connections::Reached;
use crate::runtime::{places, reached};

/// Reads what a plan asks for. It blocks.
///
/// # Errors
///
/// Where a mirror cannot be read.
pub fn prepare(config: &Config, model: &Model, asked: &Asked, at: Timestamp) -> Result<Prepared, git2::Error> {
    gitops::prepare(asked, &repositories(&reached(config), model, asked), &config.gitops.keys, at)
}

/// Has rendered what a plan changes, by the programs on the search path.
pub fn rendered(reached: &Arc<Reached>, model: &Model, wishes: Vec<Wish>) -> impl Future<Output = Answers> + use<> {
    let subject = |wish: &Wish| Subject { app: wish.app.clone(), origins: wish.origins.clone(), synced: Box::default(), then: Box::default() };
    let asked = Asked { subjects: wishes.iter().map(subject).collect(), ..Asked::default() };
    let tools = Tools::on(std::env::var_os("PATH").as_deref());
    render(wishes, repositories(reached, model, &asked), reached.discovered.keys.clone(), tools)
}

/// The repositories that the applications to be edited name, each once, as far as something was ever fetched of them.
pub(super) fn repositories(reached: &Arc<Reached>, model: &Model, asked: &Asked) -> Vec<Opened> {
    let mut found: Vec<Opened> = Vec::new();
    for origin in asked.subjects.iter().flat_map(|subject| &subject.origins).filter(|origin| origin.chart.is_none()) {
        let address = Address::read(origin.repository.as_wire());
        if found.iter().any(|opened| opened.addresses.contains(&address)) {
            continue;
        }
        let named = reached.repositories.iter().find(|access| access.addresses().contains(&address));
        let opened = match (named, source_at(model, &origin.repository)) {
            (Some(RepositoryAccess { name, mirrors, .. }), _) => {
                let addresses = named.map(RepositoryAccess::addresses).unwrap_or_default();
                Opened { name: name.clone(), mirror: Mirror::of(mirrors, addresses.first().unwrap_or(&address)), addresses }
            }
            (None, Some(source)) => {
                Opened { name: source.name.clone(), mirror: Mirror::of(&reached.discovered.mirrors, &address), addresses: vec![address] }
            }
            (None, None) => continue,
        };
        if opened.mirror.is_there() {
            found.push(opened);
        }
    }
    found
}

/// The forge of each repository that is read, by the name of its source.
pub fn forges(reached: &Reached, model: &Model) -> BTreeMap<Raw, Forge> {
    let named = reached.repositories.iter().map(|access| (access.name.clone(), access.addresses()));
    let found = discovered(model).map(|(name, address)| (name, vec![address]));
    named.chain(found).map(|(name, addresses)| (name, Forge::of(&addresses, &reached.githubs))).collect()
}

/// Where operations are recorded: for a world to practise in beside its mirrors, else where the state of the program is.
pub(super) fn journal(config: &Config) -> Option<PathBuf> {
    let own = config.gitops.mirrors.as_ref().and_then(|mirrors| mirrors.parent()).map(|folder| folder.join("journal"));
    own.or_else(|| places::journal().ok())
}

/// How long the changes on record took. It blocks.
#[must_use]
pub fn past(config: &Config) -> Past {
    Past::of(journal(config).map(|folder| Journal::at(&folder).samples()).unwrap_or_default())
}

/// A repository that can be changed, by the name of its source.
pub(super) fn repository(reached: &Arc<Reached>, model: &Model, name: &Raw) -> Option<Repository> {
    let named = reached.repositories.iter().find(|access| access.name == *name);
    let (access, mirror) = if let Some(access) = named {
        let address = access.addresses().into_iter().next()?;
        (access.clone(), Mirror::of(&access.mirrors, &address))
    } else {
        let (address, url) = discovered_at(model, name)?;
        let url = SecretString::from(url.as_wire().to_owned());
        (RepositoryAccess { name: name.clone(), url, ..reached.discovered.clone() }, Mirror::of(&reached.discovered.mirrors, &address))
    };
    let remote = Remote::new(access.url.expose_secret(), access.is_isolated);
    // Nothing of the person's own git is read there, their name neither.
    let author = access.is_isolated.then(|| stranger(model.operations.standing.visitor.names.first().unwrap_or(&Safe::default())));
    Some(Repository { remote, mirror, author })
}
